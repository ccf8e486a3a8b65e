"""Errors of the cells of a table, drawn: one year, one draw.

Symbols of ``kernels.table_errors``; F = (Z, Y) are the cells, n x (n + c). Errors have
mean 0 and the variances of the delta method:

    lognormal   F (exp(s e - s^2 / 2) - 1), s^2 = log(1 + sigma^2), e normal
    given       sigma e
    rounded     uniform within half a unit; a cell that was rounded to 0 exponential
                within [0, 1/2), the distribution of a positive cell of known mean that
                says least
    shares      of partners in the imports of each user, with the covariance of the
                Dirichlet distribution given all totals; e a sum of four signs, so that
                random numbers cost less than the solve

A cell's normal comes from 16 bits: 65,536 quantiles, within 4.3 deviations.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt

from ..error_terms.filled import FilledCells, in_cells
from ..error_terms.import_shares import ImportShareErrors
from ..table_errors import Margins, in_margins, multipliers
from .gras import gras

# Balancing to 1e-10 leaves a margin below what is promised.
_TOLERANCE = 1e-10


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


TableError = Lognormal | Given | Rounded | Shares


class Drawn(NamedTuple):
    """Changes of Z, of Y and of reported output, None without errors of its own; the
    gap of balancing, relative."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    x: Float[Array, " n"] | None
    gap: Float[Array, ""]


def draw(
    key: Key[Array, ""],
    errors: tuple[TableError, ...],
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
) -> Drawn:
    """The sum of all errors, each drawn from the key and its tag alone."""
    dZ, dY = jnp.zeros_like(Z), jnp.zeros_like(Y)
    dx, gap = None, jnp.zeros((), jnp.float64)
    n = len(Z)
    for number, each in enumerate(errors):
        own = jax.random.fold_in(jax.random.fold_in(key, number), each.tag)
        if isinstance(each, Shares):
            of_Z, of_Y = shares(own, each.errors)
            dZ, dY = dZ + of_Z, dY + of_Y
            continue
        if isinstance(each, Lognormal):
            cells, of_gap = lognormal(own, each, Z, Y)
            gap = jnp.maximum(gap, of_gap)
        elif isinstance(each, Given):
            e = _normals(own, each.sigma.shape, each.group)
            cells = _held(each.S, each.margins, each.sigma * e)
        else:
            cells, of_output = rounded_year(own, each)
            dx = of_output if dx is None else dx + of_output
        cells = cells.astype(Z.dtype)
        dZ, dY = dZ + cells[:, :n], dY + cells[:, n:]
    return Drawn(dZ, dY, dx, gap)


def lognormal(
    key: Key[Array, ""],
    errors: Lognormal,
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
) -> tuple[Float[Array, "n N"], Float[Array, ""]]:
    """Errors of cells, balanced by GRAS where totals are held."""
    s, totals = errors.s, errors.totals
    n, c = Y.shape
    e = _normals(key, (n, n + c), errors.group)
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
    off = _uniform(of_output, (n, 2))[:, 0] - 0.5
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


def rounded(key: Key[Array, ""], rate: Float[Array, "n N"]) -> Float[Array, "n N"]:
    """Errors of rounded cells."""
    u = _uniform(key, rate.shape)
    some = (rate != 0) & ~jnp.isnan(rate)
    safe = jnp.where(some, rate, 1)
    # The exponential distribution cut off at 1/2, less its mean.
    mass = -jnp.expm1(-safe / 2)
    cell = -jnp.log1p(-u * mass) / safe
    mean = 1 / safe - 0.5 * jnp.exp(-safe / 2) / mass
    return jnp.where(some, cell - mean, jnp.where(rate == 0, u - 0.5, 0))


def shares(
    key: Key[Array, ""], errors: ImportShareErrors
) -> tuple[Float[Array, "n n"], Float[Array, "n c"]]:
    """Errors of imports by seller and user, everything at home 0.

    The signs e of a good and region are made orthogonal to the roots of the shares and
    to the imports w of the users, then scaled by both (``table_errors.import_shares``):

        (p_r)^1/2 w_u (e_ru - (p_r)^1/2 m_u - w_u b_r / |w|),

    m_u = sum over r of (p_r)^1/2 e_ru, b_r = sum over u of w_u (e_ru - (p_r)^1/2 m_u)
    / |w|: three passes over the cells.
    """
    c, s, _ = errors.share.shape
    u = errors.bought.shape[2]
    n = c * s
    root = jnp.sqrt(errors.share).astype(jnp.float32)  # (r, i, d)
    bought = errors.bought.astype(jnp.float32)  # (i, d, u)
    size = jnp.sqrt((bought**2).sum(axis=2))
    unit = bought / jnp.where(size > 0, size, 1)[:, :, None]
    integers = _signs(key, n, c * u).reshape(c, s, c, u)
    e = integers.astype(jnp.float32)
    m = (root[..., None] * e).sum(axis=0)
    b = (unit[None] * e).sum(axis=3) - root * (unit * m).sum(axis=2)[None]
    spread = (bought / jnp.sqrt(errors.concentration + 1).astype(jnp.float32))[None]

    def cells(users: slice) -> Float[Array, "c s c u"]:
        free = e[..., users] - root[..., None] * m[None, ..., users]
        free = free - unit[None, ..., users] * b[..., None]
        return root[..., None] * spread[..., users] * free

    industries = cells(slice(0, u - 1)).reshape(n, c * (u - 1))
    return industries, cells(slice(u - 1, u)).reshape(n, c)


def _held(
    S: Float[Array, "n N"] | None, margins: Margins, errors: Float[Array, "n N"]
) -> Float[Array, "n N"]:
    """Errors that leave the margins as they are, by least squares with weights 1 / S:
    for normal errors that is their distribution given the margins."""
    if S is None:
        return errors
    return in_margins(S, margins, errors.astype(S.dtype))


# ---------------------------------------------------------------------- random numbers


def _halves(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt[Array, "n N"]:
    """Words of 16 bits."""
    n, N = shape
    words = jax.random.bits(key, (n, -(-N // 2)), jnp.uint32)
    halves = jax.lax.bitcast_convert_type(words, jnp.uint16)
    return halves.reshape(n, -1)[:, :N]


def _uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "n N"]:
    """Uniform between 0 and 1, both left out: the middles of 65,536 pieces."""
    half = _halves(key, shape).astype(jnp.float32)
    return (half + np.float32(0.5)) * np.float32(2**-16)


def _normals(
    key: Key[Array, ""], shape: tuple[int, ...], group: Float[Array, "n g"] | None
) -> Float[Array, "n N"]:
    """Standard normals by cell, or one for all rows of a group."""
    if group is not None:
        z = jax.random.normal(key, (group.shape[1],), jnp.float32)
        return jnp.broadcast_to((group @ z)[:, None], shape)
    e = jax.scipy.special.erfinv(2 * _uniform(key, shape) - 1)
    return np.float32(np.sqrt(2)) * e


def _signs(key: Key[Array, ""], n: int, N: int) -> Int[Array, "n N"]:
    """Half the sums of four signs, -2 ... 2: mean 0, variance 1, kurtosis 2.5."""
    half = -(-N // 2)
    words = jax.random.bits(key, (n, -(-half // 4)), jnp.uint32)
    octets = jax.lax.bitcast_convert_type(words, jnp.uint8).reshape(n, -1)[:, :half]
    fours = jnp.concatenate([octets & 15, octets >> 4], axis=1)[:, :N]
    ones = jax.lax.population_count(fours).astype(jnp.int8) - jnp.int8(2)
    # Else XLA makes the random words again wherever they are used.
    return jax.lax.optimization_barrier(ones)
