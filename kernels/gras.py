"""GRAS: a matrix balanced to row and column totals, cells of both signs: one matrix.

Symbols:

    z   cells before, P = max(z, 0), N = max(-z, 0)
    u   totals of rows, v of columns
    r   multipliers of rows, s of columns

The balanced matrix has the smallest information gain over z (Junius and Oosterhaven
2003, Economic Systems Research 15; as a minimum, Lenzen, Wood and Gallego 2007, the
same journal 19):

    x_ij = r_i P_ij s_j - N_ij / (r_i s_j),

so that cells keep their sign and zeros stay. For a row with p = sum of P_ij s_j and
n = sum of N_ij / s_j, r solves p r - n / r = u:

    r = (u + sqrt(u^2 + 4 p n)) / (2 p) = 2 n / (sqrt(u^2 + 4 p n) - u).

The second form is taken where u < 0: it does not subtract nearly equal numbers, and it
is -n / u where a row has no positive cell, Lenzen, Wood and Gallego's correction.
Columns and rows take turns; without negative cells this is RAS.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# Relative to a total or to the cells that make it, whichever is larger.
TOLERANCE = 5e-10
MOST = 1000


class Balanced(NamedTuple):
    """A balanced matrix.

    ``gap`` is the largest deviation of a sum from its total, relative to the larger of
    the total and of the absolute cells that make it; ``iterations`` counts turns.
    """

    cells: Float[Array, "n m"]
    gap: Float[Array, ""]
    iterations: Int[Array, ""]


def gras(
    cells: Float[Array, "n m"],
    rows: Float[Array, " n"] | None = None,
    columns: Float[Array, " m"] | None = None,
    *,
    tolerance: float = TOLERANCE,
    most: int = MOST,
) -> Balanced:
    """Balance to totals of rows, of columns, or of both.

    Stops at ``tolerance`` or after ``most`` turns: look at ``gap``. It stays large
    where the totals cannot be met, as a total of cells that are all 0.
    """
    P, N = jnp.maximum(cells, 0), jnp.maximum(-cells, 0)
    r, s = jnp.ones_like(cells[:, 0]), jnp.ones_like(cells[0])

    def once(total: Array, p: Array, n: Array) -> tuple[Array, Array]:
        """The multiplier of positive and negative cells, and the gap it leaves."""
        k = multiplier(total, p, n)
        return k, _gap(total, k * p, inverse(k) * n)

    def by_row(s: Float[Array, " m"]) -> tuple[Array, Array]:
        return P @ s, N @ inverse(s)

    def by_column(r: Float[Array, " n"]) -> tuple[Array, Array]:
        return r @ P, inverse(r) @ N

    if rows is None or columns is None:
        gap = jnp.zeros_like(r[0])
        if rows is not None:
            r, gap = once(rows, *by_row(s))
        elif columns is not None:
            s, gap = once(columns, *by_column(r))
        return Balanced(_scaled(P, N, r, s), gap, jnp.asarray(1))

    def turn(state: tuple) -> tuple:
        _, _, p, n, _, k = state
        s = multiplier(columns, p, n)
        # Rows of what cannot be met have a gap of their own.
        r, of_rows = once(rows, *by_row(s))
        p, n = by_column(r)
        gap = jnp.maximum(_gap(columns, s * p, inverse(s) * n), of_rows)
        return r, s, p, n, gap, k + 1

    def unfinished(state: tuple) -> Array:
        return (state[4] > tolerance) & (state[5] < most)

    # A matrix that has its totals already is not touched.
    p, n = by_column(r)
    before = jnp.maximum(_gap(columns, p, n), _gap(rows, *by_row(s)))
    start = (r, s, p, n, before, 0)
    r, s, _, _, gap, k = jax.lax.while_loop(unfinished, turn, start)
    return Balanced(_scaled(P, N, r, s), gap, jnp.asarray(k))


def inverse(r: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 / r; 0 of 0, which is the multiplier of a total of 0."""
    return jnp.where(r > 0, 1 / jnp.where(r > 0, r, 1), 0)


def multiplier(
    total: Float[Array, "..."], p: Float[Array, "..."], n: Float[Array, "..."]
) -> Float[Array, "..."]:
    """r of r p - n / r = total; 1 where there are no cells."""
    root = jnp.sqrt(total**2 + 4 * p * n)
    positive = (total + root) / jnp.where(p > 0, 2 * p, 1)
    below = root - total
    negative = 2 * n / jnp.where(below > 0, below, 1)
    some = (p > 0) | (n > 0)
    return jnp.where(some, jnp.where(total >= 0, positive, negative), 1)


def _gap(
    total: Float[Array, " n"], plus: Float[Array, " n"], minus: Float[Array, " n"]
) -> Float[Array, ""]:
    """The largest deviation of plus - minus from the total, relative."""
    size = jnp.maximum(jnp.abs(total), plus + minus)
    gap = jnp.abs(plus - minus - total) / jnp.where(size > 0, size, 1)
    return gap.max(initial=0)


def _scaled(
    P: Float[Array, "n m"],
    N: Float[Array, "n m"],
    r: Float[Array, " n"],
    s: Float[Array, " m"],
) -> Float[Array, "n m"]:
    """r_i P_ij s_j - N_ij / (r_i s_j)."""
    minus = N * inverse(r)[:, None] * inverse(s)[None, :]
    return P * r[:, None] * s[None, :] - minus
