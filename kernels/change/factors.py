"""The factors of a world table, and the straight path between those of two years.

Symbols of ``kernels.leontief``; besides, with product i = (seller r, sector g) and
user j = (region d, sector),

    H   requirement of a good whoever sells it, H[g, j] = sum over r of A[(r, g), j]
    S   shares of the sellers in it, S[i, j] = A[i, j] / H[g, j]
    y   level of final demand of a region, the column sums of Y
    M   its mix by good, M[g, d] = sum over r of Y[(r, g), d] / y[d]
    O   shares of the sellers in that, O[i, d] = Y[i, d] / (y[d] M[g, d])
    v   value added per US$ of output

so that A = H o S and Y = y o M o O. The path is straight in the factors,
theta(t) = theta(0) + t (theta(1) - theta(0)), not in A and Y, and the derivative along
it splits by the product rule,

    dA/dt = dH o S + H o dS,    dY/dt = dy o M o O + y o dM o O + y o M o dO.

Because shares add up to 1, value added that is output less inputs, v = 1 - 1'H, is as
straight as H, and a change of sellers alone does not move it.

Cells below 0 (falls in inventories) are goods of their own, with a mix and shares of
sellers of their own: shares of a total in which signs cancel would not be shares. This
is the axis k of the arrays: 1 where no cell is negative, otherwise 2. Where a good is
not used in one of the years its sellers have the shares of the other year.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

TECHNOLOGY, SOURCING, LEVEL, MIX, ORIGIN, VALUE_ADDED = range(6)
FACTORS = 6


class Factors(NamedTuple):
    """The factors of one year, or the change of them between two."""

    H: Float[Array, "k s n"]
    S: Float[Array, "k n n"]
    y: Float[Array, " c"]
    M: Float[Array, "m s c"]
    O: Float[Array, "m n c"]
    v: Float[Array, " n"]


class CoefficientTable(NamedTuple):
    """A table made of factors: coefficients, final demand, value added per US$."""

    A: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    v: Float[Array, " n"]


def factors_of(
    A: Float[Array, "n n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"],
    *,
    sectors: int,
    signed: tuple[bool, bool],
) -> Factors:
    """The factors of one year; ``signed`` says whether A and Y have negative cells.

    A share of nothing is 0, as is the mix of a region without final demand.
    """
    H, S = _split(A, sectors, signed[0])
    y = Y.sum(axis=0)
    bought, O = _split(Y, sectors, signed[1])
    return Factors(H, S, y, _over(bought, y[None, None, :]), O, v)


def path_between(start: Factors, end: Factors) -> tuple[Factors, Factors]:
    """Start and step of the path; shares that a year lacks are the other year's."""

    def fill(own: Factors, other: Factors) -> Factors:
        idle = own.y == 0
        return own._replace(
            S=jnp.where(_spread(own.H == 0, own.S), other.S, own.S),
            M=jnp.where(idle[None, None, :], other.M, own.M),
            O=jnp.where(_spread(own.M == 0, own.O), other.O, own.O),
        )

    first, last = fill(start, end), fill(end, start)
    return first, jax.tree.map(lambda a, b: b - a, first, last)


def table_at(factors: Factors) -> CoefficientTable:
    """The table that factors make."""
    Y = _made(factors.y[None, None, :] * factors.M, factors.O)
    return CoefficientTable(_made(factors.H, factors.S), Y, factors.v)


def along(start: Factors, step: Factors, t: Float[Array, " f"]) -> Factors:
    """Factor f of ``start`` moved by the share ``t[f]`` of its step."""
    moved = [a + t[f] * b for f, (a, b) in enumerate(zip(start, step, strict=True))]
    return Factors(*moved)


def directions(
    here: Factors, step: Factors
) -> tuple[Float[Array, "2 n n"], Float[Array, "3 n c"], Float[Array, " n"]]:
    """Derivatives along the path at ``here``: of A by technology and sourcing, of Y by
    level, mix and origin, of v."""

    y, dy = here.y[None, None, :], step.y[None, None, :]
    level, mix = _made(dy * here.M, here.O), _made(y * step.M, here.O)
    return (
        jnp.stack([_made(step.H, here.S), _made(here.H, step.S)]),
        jnp.stack([level, mix, _made(y * here.M, step.O)]),
        step.v,
    )


def _split(
    cells: Float[Array, "n N"], sectors: int, signed: bool
) -> tuple[Float[Array, "k s N"], Float[Array, "k n N"]]:
    """Totals over the sellers of a good, and the shares of the sellers in them."""
    n, N = cells.shape
    parts = cells[None]
    if signed:
        parts = jnp.stack([jnp.maximum(cells, 0), jnp.minimum(cells, 0)])
    total = parts.reshape(len(parts), n // sectors, sectors, N).sum(axis=1)
    return total, _over(parts, _spread(total, parts))


def _spread(of_goods: Array, like: Array) -> Array:
    """A value for each good (k, s, N) as one for each product (k, n, N)."""
    return jnp.tile(of_goods, (1, like.shape[1] // of_goods.shape[1], 1))


def _made(total: Array, shares: Array) -> Array:
    """Cells of totals by good and the shares of the sellers in them."""
    return (_spread(total, shares) * shares).sum(axis=0)


def _over(part: Array, whole: Array) -> Array:
    return jnp.where(whole == 0, 0, part / jnp.where(whole == 0, 1, whole))
