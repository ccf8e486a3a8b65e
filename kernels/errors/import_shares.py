"""Variances of measures whose import shares by user are not known: one year."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..sensitivity import Gradients


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


@partial(jax.jit, static_argnames="regions")
def import_share_errors(
    F: Float[Array, "n N"], concentration: Float[Array, ""], *, regions: int
) -> ImportShareErrors:
    """Proportional shares and imports by user of a table's cells.

    Imports below 0, which inventories make, count as none in the shares.
    """
    return shares_of_imports(
        *imports(F, jnp.asarray(0), regions=regions), concentration
    )


@partial(jax.jit, static_argnames="regions")
def imports(
    F: Float[Array, "r N"], first: Int[Array, ""], *, regions: int
) -> tuple[Float[Array, "p s c"], Float[Array, "s c u"]]:
    """Sales of p selling regions, from number ``first`` on, to each region abroad by
    good, and purchases from them by user."""
    users = by_user(F, regions=regions)
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
    """Shares of all regions; ``bought`` is added up over them."""
    sold = jnp.maximum(sold, 0)
    total = sold.sum(axis=0)
    share = sold / jnp.where(total > 0, total, 1)[None]
    return ImportShareErrors(share, bought, concentration)


def by_user(cells: Float[Array, "k N"], *, regions: int) -> Float[Array, "p s c u"]:
    """Cells by seller, good, region of the user, and user there."""
    c = regions
    s = cells.shape[1] // c - 1
    industries = cells[:, : c * s].reshape(-1, s, c, s)
    final = cells[:, c * s :].reshape(-1, s, c, 1)
    return jnp.concatenate([industries, final], axis=3)


def import_shares(
    errors: ImportShareErrors, gradients: Gradients
) -> Float[Array, "f f m"]:
    """Covariances of f measures for shares of partners drawn around the proportional.

    For each good, importing region and user the shares are Dirichlet(concentration p),
    whose covariance is (diag(p) - p p') / (concentration + 1); imports by user stay,
    and given what each partner sells to the region they leave

        (diag(p) - p p') x (diag(w) - w w' / sum w) / (concentration + 1),

    w the squared imports of the users. Columns keep their sums, so that value added
    does not move.
    """
    left, right, _, of = gradients
    c = errors.share.shape[0]
    P, m, n = left.shape
    a = left.reshape(P, m, c, n // c)
    industries, final = right[:, : right.shape[1] - c], right[:, right.shape[1] - c :]
    b = jnp.concatenate([industries.reshape(P, c, -1), final[:, :, None]], axis=2)
    w = errors.bought**2
    total = w.sum(axis=2)
    mean = jnp.einsum("idu,pdu->pid", w, b)
    users = jnp.einsum("idu,pdu,qdu->pqid", w, b, b)
    users = (
        users - mean[:, None] * mean[None] / jnp.where(total > 0, total, 1)[None, None]
    )
    p = errors.share
    mean_a = jnp.einsum("rid,pmri->pmid", p, a)

    pairs = []
    for k in range(P):
        row = []
        for q in range(P):
            sellers = jnp.einsum("rid,mri,mri->mid", p, a[k], a[q])
            sellers = sellers - mean_a[k] * mean_a[q]
            row.append(jnp.einsum("mid,id->m", sellers, users[k, q]))
        pairs.append(jnp.stack(row))
    every = jnp.stack(pairs) / (errors.concentration + 1)
    return jnp.einsum("pf,pqm,qg->fgm", of, every, of)


def users_shape(errors: ImportShareErrors) -> tuple[int, ...]:
    """Seller, good, region of the user, user there."""
    c, s, _ = errors.share.shape
    return (c, s, c, errors.bought.shape[2])


def drawn_shares(
    errors: ImportShareErrors, signs: Float[Array, "c s c u"]
) -> Float[Array, "n N"]:
    """Signs made orthogonal to the roots of shares and to imports, then scaled by both,
    which gives the covariance of ``import_shares``."""
    return shares_in_cells(errors, signs, along_shares(errors, signs))


def along_shares(
    errors: ImportShareErrors, signs: Float[Array, "p s c u"]
) -> Float[Array, "s c u"]:
    """Signs along the roots of shares: a sum over the selling regions that ``errors``
    has the shares of."""
    return jnp.einsum("rid,ridu->idu", jnp.sqrt(errors.share), signs)


def shares_in_cells(
    errors: ImportShareErrors,
    signs: Float[Array, "p s c u"],
    along: Float[Array, "s c u"],
) -> Float[Array, "r N"]:
    """``drawn_shares`` of the cells of some selling regions."""
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
