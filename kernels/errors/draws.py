"""Errors of the cells of a table, drawn: one year, one draw.

Symbols of ``kernels.errors.delta``; F = (Z, Y) are the cells, n x (n + c). Errors have
mean 0 and the variances of the delta method:

    lognormal   F (exp(s e - s^2 / 2) - 1), s^2 = log(1 + sigma^2), e normal
    given       sigma e
    rounded     uniform within half a unit; a cell that was rounded to 0 exponential
                within [0, 1/2), the distribution of a positive cell of known mean that
                says least
    shares      of partners in the imports of each user, with the covariance of the
                Dirichlet distribution given all totals (``shares``)
    rebuilt     what a rebuilt table's margins do not tell (``rebuilt``)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..gras import gras
from .delta import Margins, in_margins, multipliers
from .filled import FilledCells, in_cells
from .import_shares import ImportShareErrors
from .random_cells import normals, rounded, signs, uniform
from .rebuilt import DrawnBlocks, Rebuilt, rebuilt

# Balancing to 1e-10 leaves a margin below what is promised.
_TOLERANCE = 1e-10
# Products that a drawn error of shares is the sum of: its kurtosis is 3 - 2 / 4.
_RANK = 4


class Totals(NamedTuple):
    """Cells in full precision and the sums that are held; None is not."""

    F: Float[Array, "n N"]
    rows: Float[Array, " n"] | None
    columns: Float[Array, " N"] | None


class Lognormal(NamedTuple):
    """``s`` of each cell, or of all; ``group`` as in ``table_errors.SharedErrors``,
    None where every cell errs by itself. ``tag`` is of the year, 0 of all years."""

    s: Float[Array, "n N"] | Float[Array, ""]
    group: Float[Array, "n g"] | None
    totals: Totals | None
    tag: Int[Array, ""]


class Given(NamedTuple):
    """Standard deviations of cells, and variances for margins that are held."""

    sigma: Float[Array, "n N"]
    group: Float[Array, "n g"] | None
    S: Float[Array, "n N"] | None
    margins: Margins
    tag: Int[Array, ""]


class Rounded(NamedTuple):
    """``rate`` of the exponential distribution within [0, 1/2), below 0 where its mean
    is above 1/4; 0 of a uniform distribution within half a unit; NaN without error.

    ``output`` is 1 where reported output is rounded as well. With ``filled`` cells a
    row adds up to its output, and is held to it.
    """

    rate: Float[Array, "n N"]
    S: Float[Array, "n N"] | None
    margins: Margins
    output: Float[Array, " n"]
    filled: FilledCells | None
    tag: Int[Array, ""]


class Shares(NamedTuple):
    """Shares of partners in the imports of each user."""

    errors: ImportShareErrors
    tag: Int[Array, ""]


TableError = Lognormal | Given | Rounded | Shares | Rebuilt


class DrawnShares(NamedTuple):
    """Changes of imports as products of thin matrices: of good i sold by region r to
    user u of region d, the sum over k of sellers[i, r, d, k] users[d, i, k, u].
    """

    sellers: Float[Array, "s c c k"]
    users: Float[Array, "c s k u"]

    def times(self, X: Float[Array, "n m"]) -> Float[Array, "n m"]:
        """The changes of Z times X, of which no n x n matrix is made."""
        s, c, _, k = self.sellers.shape
        inputs = self.users[..., :s].reshape(c, s * k, s)
        bought = (inputs @ X.reshape(c, s, -1)).reshape(c, s, k, -1)
        bought = jnp.swapaxes(bought, 0, 1).reshape(s, c * k, -1)
        sold = self.sellers.reshape(s, c, c * k) @ bought
        return jnp.swapaxes(sold, 0, 1).reshape(X.shape)

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


class Drawn(NamedTuple):
    """Changes of Z, of Y and of reported output, None without errors of its own; the
    gap of balancing, relative. ``shares`` and ``rebuilt`` come on top of Z and Y."""

    Z: Float[Array, "n n"] | None
    Y: Float[Array, "n c"] | None
    x: Float[Array, " n"] | None
    gap: Float[Array, ""]
    shares: tuple[DrawnShares, ...] = ()
    rebuilt: tuple[DrawnBlocks, ...] = ()


def draw(
    key: Key[Array, ""],
    errors: tuple[TableError, ...],
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
) -> Drawn:
    """The sum of all errors, each drawn from the key and its tag alone."""
    dZ = dY = dx = None
    gap = jnp.zeros((), jnp.float64)
    of_shares, of_rebuilt = [], []
    n = len(Z)
    for number, each in enumerate(errors):
        own = jax.random.fold_in(key, number)
        if isinstance(each, Rebuilt):
            blocks, missed = rebuilt(own, each)
            of_rebuilt.append(blocks)
            gap = jnp.maximum(gap, missed.astype(gap.dtype))
            continue
        own = jax.random.fold_in(own, each.tag)
        if isinstance(each, Shares):
            of_shares.append(shares(own, each.errors))
            continue
        if isinstance(each, Lognormal):
            cells, of_gap = lognormal(own, each, Z, Y)
            gap = jnp.maximum(gap, of_gap)
        elif isinstance(each, Given):
            e = normals(own, each.sigma.shape, each.group)
            cells = _held(each.S, each.margins, each.sigma * e)
        else:
            cells, of_output = rounded_year(own, each)
            dx = of_output if dx is None else dx + of_output
        cells = cells.astype(Z.dtype)
        dZ = cells[:, :n] if dZ is None else dZ + cells[:, :n]
        dY = cells[:, n:] if dY is None else dY + cells[:, n:]
    return Drawn(dZ, dY, dx, gap, tuple(of_shares), tuple(of_rebuilt))


def lognormal(
    key: Key[Array, ""],
    errors: Lognormal,
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
) -> tuple[Float[Array, "n N"], Float[Array, ""]]:
    """Errors of cells, balanced by GRAS where totals are held."""
    s, totals = errors.s, errors.totals
    n, c = Y.shape
    e = normals(key, (n, n + c), errors.group)
    growth = jnp.exp(s * e - s**2 / 2)
    if totals is None:
        F = jnp.concatenate([Z, Y], axis=1)
        return F * (growth - 1), jnp.zeros((), jnp.float64)
    found = gras(
        totals.F * growth.astype(totals.F.dtype),
        totals.rows,
        totals.columns,
        tolerance=_TOLERANCE,
    )
    return found.cells - totals.F, found.gap


def rounded_year(
    key: Key[Array, ""], errors: Rounded
) -> tuple[Float[Array, "n N"], Float[Array, " n"]]:
    """Errors of rounded cells and of output, given what rows add up to."""
    n, N = errors.rate.shape
    of_cells, of_output, of_users, of_uses = jax.random.split(key, 4)
    cells = rounded(of_cells, errors.rate)
    off = uniform(of_output, (n, 2))[:, 0] - 0.5
    output = errors.output * off.astype(errors.output.dtype)
    S, filled = errors.S, errors.filled
    if filled is None or S is None:
        return _held(S, errors.margins, cells), output
    cells = cells.astype(S.dtype)
    a, b = multipliers(S, errors.margins, cells, -output)
    # What a row misses goes to cells and output by their variances.
    held = cells - S * (a[:, None] + b[None, :])
    users = jax.random.normal(of_users, (len(filled.use),), filled.cells.dtype)
    shape = filled.good.shape[1], filled.use.shape[1]
    uses = jax.random.normal(of_uses, shape, filled.cells.dtype)
    together = in_cells(filled, users, uses, N).astype(held.dtype)
    return held + together, output + errors.output / 12 * a


def shares(key: Key[Array, ""], errors: ImportShareErrors) -> DrawnShares:
    """Errors of imports by seller and user, everything at home 0.

    With independent signs a of the sellers and b of the users of a good in a region,
    e_ru = the sum over k of a_rk b_uk / K^1/2 has mean 0, variance 1, and no two cells
    are dependent: the K products of any two are independent signs. A draw then needs
    random numbers by row and column of each block, and no pass over its cells.

    e is made orthogonal to the roots of the shares p and to the imports w of the users,
    then scaled by both (``import_shares.import_shares``):

        (diag p)^1/2 (I - p^1/2 p^1/2') e (I - w w' / |w|^2) diag w.
    """
    c, s, _ = errors.share.shape
    u, K = errors.bought.shape[2], _RANK
    of_sellers, of_users = jax.random.split(key)
    root = jnp.sqrt(errors.share).astype(jnp.float32)  # (r, i, d)
    root = jnp.swapaxes(root, 0, 1)[..., None]  # (i, r, d, 1)
    a = signs(of_sellers, (s, c, c, K))
    a = root * (a - root * (root * a).sum(axis=1, keepdims=True))
    bought = jnp.swapaxes(errors.bought.astype(jnp.float32), 0, 1)[:, :, None]
    size = jnp.sqrt((bought**2).sum(axis=3, keepdims=True))
    unit = bought / jnp.where(size > 0, size, 1)
    b = signs(of_users, (c, s, K, u))
    b = b - unit * (unit * b).sum(axis=3, keepdims=True)
    width = jnp.sqrt(K * (errors.concentration + 1)).astype(jnp.float32)
    return DrawnShares(a, bought / width * b)


def _held(
    S: Float[Array, "n N"] | None, margins: Margins, errors: Float[Array, "n N"]
) -> Float[Array, "n N"]:
    """Errors that leave the margins as they are, by least squares with weights 1 / S:
    for normal errors that is their distribution given the margins."""
    if S is None:
        return errors
    return in_margins(S, margins, errors.astype(S.dtype))
