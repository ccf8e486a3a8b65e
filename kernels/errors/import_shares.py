"""Import shares by user that are not known: variances and draws of one year.

For each good, importing region and user the shares p are Dirichlet(concentration p),
whose covariance is (diag(p) - p p') / (concentration + 1); imports by user stay, and
given what each partner sells to the region they leave

    (diag(p) - p p') x (diag(w) - w w' / sum w) / (concentration + 1),

w the squared imports of the users. Columns keep their sums, so that value added does
not move.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..sensitivity import Gradients
from .kind import (
    WHOLE,
    Cells,
    Covariance,
    DrawnSigns,
    ErrorDraw,
    First,
    Keys,
    OneKey,
    SlabRows,
    Table,
    signs_of,
)

# Products that a drawn error of shares is the sum of: its kurtosis is 3 - 2 / 4.
_RANK = 4


class ImportShareErrors(NamedTuple):
    """Partners' shares in imports that are not known by user.

    share
        Share of partner r in imports of good i by region d, (r, i, d), 0 at home.
    bought
        Imports of good i by each user of region d, (i, d, user): its industries,
        then final demand.
    concentration
        Concentration of the Dirichlet distribution of the shares.
    """

    share: Float[Array, "c s c"]
    bought: Float[Array, "s c u"]
    concentration: Float[Array, ""]

    order = 3
    far = False

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> Covariance:
        left, right, _, of = gradients
        c, p = len(self.share), self.share
        P, m, n = left.shape
        a = left.reshape(P, m, c, n // c)
        industries, final = jnp.split(right, [right.shape[1] - c], axis=1)
        b = jnp.concatenate([industries.reshape(P, c, -1), final[:, :, None]], axis=2)
        w = self.bought**2
        total = w.sum(axis=2)
        safe = jnp.where(total > 0, total, 1)[None, None]
        mean = jnp.einsum("idu,pdu->pid", w, b)
        users = jnp.einsum("idu,pdu,qdu->pqid", w, b, b)
        users = users - mean[:, None] * mean[None] / safe
        mean_a = jnp.einsum("rid,pmri->pmid", p, a)

        pairs = []
        for k in range(P):
            row = []
            for q in range(P):
                sellers = jnp.einsum("rid,mri,mri->mid", p, a[k], a[q])
                sellers = sellers - mean_a[k] * mean_a[q]
                row.append(jnp.einsum("mid,id->m", sellers, users[k, q]))
            pairs.append(jnp.stack(row))
        every = jnp.stack(pairs) / (self.concentration + 1)
        return jnp.einsum("pf,pqm,qg->fgm", of, every, of)

    def covariance(self, effects: Covariance) -> Covariance:
        return effects

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        """Signs made orthogonal to the roots of shares and to imports, then scaled by
        both."""
        own = signs_of(next(keys), self._shape, F.dtype)
        return DrawnSigns(_in_cells(self, own, _along(self, own)))

    def in_slabs(
        self, key: Key[Array, ""], regions: int
    ) -> Iterator[tuple[int, Float[Array, "r N"]]]:
        """Signs of so many selling regions at a time, and their first rows."""
        c, s, _, _ = self._shape

        def of(first: int) -> tuple[ImportShareErrors, Float[Array, "p s c u"]]:
            some = self._replace(share=self.share[first : first + regions])
            own = jax.random.fold_in(key, first)
            return some, signs_of(own, some._shape, self.share.dtype)

        starts = range(0, c, regions)
        along = sum((_along(*of(first)) for first in starts), jnp.zeros(()))
        for first in starts:
            yield first * s, _in_cells(*of(first), along)

    def draw(self, key: OneKey, table: Table) -> ErrorDraw:
        """Errors of imports by seller and user, everything at home 0.

        With independent signs a of the sellers and b of the users of a good in a
        region, e_ru = the sum over k of a_rk b_uk / K^1/2 has mean 0, variance 1, and
        no two cells are dependent: the K products of any two are independent signs. A
        draw then needs random numbers by row and column of each block, and no pass over
        its cells.

        e is made orthogonal to the roots of the shares p and to the imports w of the
        users, then scaled by both:

            (diag p)^1/2 (I - p^1/2 p^1/2') e (I - w w' / |w|^2) diag w.
        """
        c, s, _ = self.share.shape
        u, K = self.bought.shape[2], _RANK
        of_sellers, of_users = jax.random.split(key)
        root = jnp.sqrt(self.share).astype(jnp.float32)  # (r, i, d)
        root = jnp.swapaxes(root, 0, 1)[..., None]  # (i, r, d, 1)
        a = signs_of(of_sellers, (s, c, c, K), jnp.float32)
        a = root * (a - root * (root * a).sum(axis=1, keepdims=True))
        bought = jnp.swapaxes(self.bought.astype(jnp.float32), 0, 1)[:, :, None]
        size = jnp.sqrt((bought**2).sum(axis=3, keepdims=True))
        unit = bought / jnp.where(size > 0, size, 1)
        b = signs_of(of_users, (c, s, K, u), jnp.float32)
        b = b - unit * (unit * b).sum(axis=3, keepdims=True)
        width = jnp.sqrt(K * (self.concentration + 1)).astype(jnp.float32)
        return ErrorDraw(thin=(DrawnShares(a, bought / width * b),))

    @property
    def _shape(self) -> tuple[int, ...]:
        """Seller, good, region of the user, user there."""
        return (*self.share.shape, self.bought.shape[2])


@partial(jax.jit, static_argnames="regions")
def imports(
    F: Float[Array, "r N"], first: Int[Array, ""], *, regions: int
) -> tuple[Float[Array, "p s c"], Float[Array, "s c u"]]:
    """Sales of p selling regions, from number ``first`` on, to each region abroad by
    good, and purchases from them by user."""
    c, s = regions, F.shape[1] // regions - 1
    industries, final = jnp.split(F, [c * s], axis=1)
    both = industries.reshape(-1, s, c, s), final.reshape(-1, s, c, 1)
    users = jnp.concatenate(both, axis=3)  # seller, good, region of the user, user
    own = jnp.eye(regions, dtype=F.dtype)
    abroad = 1 - jax.lax.dynamic_slice_in_dim(own, first, len(users))
    sold = jnp.einsum("ridu,rd->rid", users, abroad)
    return sold, jnp.einsum("ridu,rd->idu", users, abroad)


@jax.jit
def shares_of_imports(
    sold: Float[Array, "c s c"],
    bought: Float[Array, "s c u"],
    concentration: Float[Array, ""],
) -> ImportShareErrors:
    """Proportional shares of all regions; ``bought`` is added up over them.

    Imports below 0, which inventories make, count as none in the shares.
    """
    sold = jnp.maximum(sold, 0)
    total = sold.sum(axis=0)
    share = sold / jnp.where(total > 0, total, 1)[None]
    return ImportShareErrors(share, bought, concentration)


def _along(
    errors: ImportShareErrors, signs: Float[Array, "p s c u"]
) -> Float[Array, "s c u"]:
    """Signs along the roots of shares: a sum over the selling regions that ``errors``
    has the shares of."""
    return jnp.einsum("rid,ridu->idu", jnp.sqrt(errors.share), signs)


def _in_cells(
    errors: ImportShareErrors,
    signs: Float[Array, "p s c u"],
    along: Float[Array, "s c u"],
) -> Float[Array, "r N"]:
    """Errors of the cells of some selling regions, of signs."""
    root = jnp.sqrt(errors.share)
    size = jnp.sqrt((errors.bought**2).sum(axis=2))
    unit = errors.bought / jnp.where(size > 0, size, 1)[:, :, None]
    free = signs - root[..., None] * along[None]
    free = free - unit[None] * jnp.einsum("idu,ridu->rid", unit, free)[..., None]
    cells = root[..., None] * errors.bought[None] * free
    cells = cells / jnp.sqrt(errors.concentration + 1)
    p, s, c, u = cells.shape
    industries = cells[..., : u - 1].reshape(p * s, -1)
    return jnp.concatenate([industries, cells[..., u - 1].reshape(p * s, c)], axis=1)


# ------------------------------------------------------------------- distributions


def times_thin(
    sellers: Float[Array, "s c c k"],
    users: Float[Array, "c s k s"],
    X: Float[Array, "c s m"],
) -> Float[Array, "c s m"]:
    """The sum over k of sellers[i, r, d, k] users[d, i, k, u] as a matrix, times X."""
    s, c, _, k = sellers.shape
    bought = (users.reshape(c, s * k, s) @ X).reshape(c, s, k, -1)
    bought = jnp.swapaxes(bought, 0, 1).reshape(s, c * k, -1)
    return jnp.swapaxes(sellers.reshape(s, c, c * k) @ bought, 0, 1)


class DrawnShares(NamedTuple):
    """Changes of imports as products of thin matrices: of good i sold by region r to
    user u of region d, the sum over k of sellers[i, r, d, k] users[d, i, k, u].
    """

    sellers: Float[Array, "s c c k"]
    users: Float[Array, "c s k u"]

    def times(self, X: Float[Array, "n m"]) -> Float[Array, "n m"]:
        """The changes of Z times X, of which no n x n matrix is made."""
        s, c, _, _ = self.sellers.shape
        cells = X.reshape(c, s, -1)
        return times_thin(self.sellers, self.users[..., :s], cells).reshape(X.shape)

    @property
    def Z(self) -> Float[Array, "n n"]:
        """The changes of Z cell by cell."""
        s, c, _, _ = self.sellers.shape
        inputs = self.users[..., :s]
        return jnp.einsum("irdk,diku->ridu", self.sellers, inputs).reshape(c * s, c * s)

    @property
    def Y(self) -> Float[Array, "n c"]:
        """The changes of final demand."""
        s, c, _, _ = self.sellers.shape
        final = self.users[..., s]
        return jnp.einsum("irdk,dik->rid", self.sellers, final).reshape(c * s, c)
