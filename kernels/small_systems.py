"""Many small systems at once, the batch in the last axis.

A library solves 8 x 8 systems one call each; with the batch last, every scalar of the
elimination is a vector over draws, and a compiler keeps the whole of it in registers.
No pivoting: S holds cross products, which are positive semidefinite. A column of which
nothing is left (1e-11 of its square) is collinear with those before it: eliminating it
does nothing, as leaving it out of a regression; where it is solved for, the answer is
NaN.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Up to here an elimination is written out, step by step; beyond, compiling would take
# longer than what it saves.
WRITTEN_OUT = 12
# Of a column's square: what rounding leaves of a column that others explain.
_VANISHED = 1e-11


def eliminate(
    S: Float[Array, "m m B"], *, columns: int, written_out: int = WRITTEN_OUT
) -> Float[Array, "m-{columns} m-{columns} B"]:
    """Cross products of what the first ``columns`` columns leave of the others.

    The Schur complement S_22 - S_21 S_11^-1 S_12 (Frisch, Waugh and Lovell), of
    symmetric S. The last ``written_out`` steps are: 0 compiles sooner, for a batch that
    is done once.
    """
    m = len(S)
    whole = S[jnp.arange(m), jnp.arange(m)]
    looped = max(0, columns - written_out)
    S, whole = _eliminate_in_a_loop(S, whole, looped), whole[looped:]
    m, columns = m - looped, columns - looped
    upper = {(i, j): S[i, j] for i in range(m) for j in range(i, m)}
    left = eliminate_upper(upper, list(whole), columns)
    return whole_matrix(left, range(columns, m))


def whole_matrix(
    upper: dict[tuple[int, int], Float[Array, " B"]], kept: range
) -> Float[Array, "k k B"]:
    """The symmetric matrix of the entries i <= j, its rows and columns ``kept``."""
    rows = [[upper[min(i, j), max(i, j)] for j in kept] for i in kept]
    return jnp.stack([jnp.stack(row) for row in rows])


def eliminate_upper(
    upper: dict[tuple[int, int], Float[Array, " B"]],
    whole: list[Float[Array, " B"]],
    columns: int,
) -> dict[tuple[int, int], Float[Array, " B"]]:
    """``eliminate`` written out, on the entries i <= j.

    ``whole`` are the squares of the columns before anything was taken out of them. A
    diagonal entry of which nothing is left is NaN.
    """
    a, m = dict(upper), len(whole)
    for p in range(columns):
        inverse = jnp.where(a[p, p] > _VANISHED * whole[p], 1 / a[p, p], 0)
        for i in range(p + 1, m):
            factor = a[p, i] * inverse
            for j in range(i, m):
                a[i, j] = a[i, j] - factor * a[p, j]
    for i in range(columns, m):
        a[i, i] = jnp.where(a[i, i] > _VANISHED * whole[i], a[i, i], jnp.nan)
    return {key: value for key, value in a.items() if key[0] >= columns}


def _eliminate_in_a_loop(
    S: Float[Array, "m m B"], whole: Float[Array, "m B"], columns: int
) -> Array:
    def step(p: Array, S: Array) -> Array:
        row = jax.lax.dynamic_index_in_dim(S, p, 0, keepdims=False)
        pivot = row[p]
        inverse = jnp.where(pivot > _VANISHED * whole[p], 1 / pivot, 0)
        row = row * inverse[None, :]
        column = jax.lax.dynamic_index_in_dim(S, p, 1, keepdims=False)
        # Rows up to this one change too, to what nobody reads.
        return S - column[:, None, :] * row[None, :, :]

    if not columns:
        return S
    return jax.lax.fori_loop(0, columns, step, S)[columns:, columns:]


def regress(
    S: Float[Array, "m m B"], *, columns: int
) -> tuple[Float[Array, "r r B"], Float[Array, "{columns} r B"]]:
    """Partial out the first ``columns`` columns, as ``eliminate``, and return also the
    coefficients of the others on them: 0 for a column collinear with those before it.

    Gauss-Jordan steps in a loop, for a few hundred systems that stay in a cache.
    """
    k = jnp.arange(len(S))
    whole = S[k, k]

    def step(p: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        S, found = state
        row = jax.lax.dynamic_index_in_dim(S, p, 0, keepdims=False)
        column = jax.lax.dynamic_index_in_dim(S, p, 1, keepdims=False)
        has = row[p] > _VANISHED * whole[p]
        row = row * jnp.where(has, 1 / row[p], 0)[None, :]
        # From its own row as much as leaves the row with a 1 in this column.
        column = column - (k == p).astype(S.dtype)[:, None]
        return S - column[:, None, :] * row[None, :, :], found.at[p].set(has)

    found = jnp.zeros((columns, S.shape[2]), bool)
    if columns:
        S, found = jax.lax.fori_loop(0, columns, step, (S, found))
    left, k = S[columns:, columns:], jnp.arange(len(S) - columns)
    known = left[k, k] > _VANISHED * whole[columns:]
    left = left.at[k, k].set(jnp.where(known, left[k, k], jnp.nan))
    return left, jnp.where(found[:, None, :], S[:columns, columns:], 0)


def solve(A: Float[Array, "k k B"], b: Float[Array, "k B"]) -> Float[Array, "k B"]:
    """A^-1 b for symmetric positive definite A, k small."""
    k = len(A)
    a = {(i, j): A[i, j] for i in range(k) for j in range(i, k)}
    whole = [A[i, i] for i in range(k)]
    z = [b[i] for i in range(k)]
    for p in range(k):
        a[p, p] = jnp.where(a[p, p] > _VANISHED * whole[p], a[p, p], jnp.nan)
        inverse = 1 / a[p, p]
        for i in range(p + 1, k):
            factor = a[p, i] * inverse
            for j in range(i, k):
                a[i, j] = a[i, j] - factor * a[p, j]
            z[i] = z[i] - factor * z[p]
    for i in reversed(range(k)):
        for j in range(i + 1, k):
            z[i] = z[i] - a[i, j] * z[j]
        z[i] = z[i] / a[i, i]
    return jnp.stack(z)


def one_by_one(run: Callable[..., Any], *each: Array) -> Any:
    """``run``, which calls LAPACK, of every entry of the arguments' first axes.

    On a processor one after the other: LAPACK divides a batch among the threads of the
    processor and waits for them, and two programs that do so at the same time wait for
    each other for ever.
    """

    def loop(*each: Array) -> Any:
        return jax.lax.map(lambda entry: run(*entry), each)

    return jax.lax.platform_dependent(*each, cpu=loop, default=jax.vmap(run))
