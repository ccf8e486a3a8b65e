"""Iterative refinement: most products in float32, the answer in float64.

A cycle solves (I - M) z = R for the present residual R in float32, by a preconditioner
P. The first one is followed by the new residual R = Y - X + M X in the precision of Y
(Carson and Higham 2018, SIAM J. Sci. Comput. 40). A later one adds a millionth of X:
what is left of the residual, R - (I - M) z, needs no more than float32.
``kernels.import_share`` says why P is what it is and how the residual is to be read.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .leontief import relative_norm

# What the first cycle is to gain: it takes both to reach 1e-12, and a float32 pass of
# the second one is as cheap.
_FIRST_GAIN = 1e-6
# No cycle in float32 gains more: its products round.
_MOST_GAIN = 1e-7
# A cycle aims below the tolerance by this factor, so that rounding does not miss it: a
# miss costs two more passes, and 0.2 in its place one more in a third of all years.
_MARGIN = 0.5
_MAX_PASSES = 12  # a cycle; six are usual for both together
_MAX_CYCLES = 4
# Columns of a product that fill the registers of a processor: in float32 48 take 15 %
# less time than 44, and 64 as much less than 49.
_TILE = 16


class IterativeSolution(NamedTuple):
    """Answer of an iteration.

    ``residual`` is relative, the worst column (``leontief.relative_residual``);
    ``passes`` counts products with A, in float32 and float64 together.
    """

    X: Float[Array, "n k"]
    residual: Float[Array, ""]
    passes: Int[Array, ""]


def refine(
    times: Callable[[Array], Array],
    low: Callable[[Array], Array],
    correct: Callable[[Array, Array], tuple[Array, Array]],
    Y: Float[Array, "n k"],
    tol: float | Float[Array, ""],
    *,
    start: Callable[[Array], Array] | None = None,
    repeat: Callable[..., Any] = jax.lax.while_loop,
) -> IterativeSolution:
    """X = Y + M X by cycles; M X = ``times(X)`` in the precision of Y, and ``low(z)``
    in float32.

    ``correct(r, goal)`` solves (I - M) z = r in float32 (``correction``). The first
    cycle begins with ``start(r)`` where that is given, a better z than the first of
    ``correct``. The residual after a later cycle is the one before, less what the cycle
    took from it by ``low``; ``times`` is called again only where that misses ``tol``.
    ``repeat`` is the loop over later cycles: ``while_on_host`` where ``times`` cannot
    be compiled.
    """
    units = _units(Y)
    Y = Y / units[None, :]
    wanted = sizes(Y)

    def first_cycle():
        r, goal, _ = _scaled(Y, wanted, tol, _FIRST_GAIN)
        begun, passes = jnp.zeros_like(r), 0
        if start is not None:
            begun = start(r)
            r, passes = r - begun + low(begun), 1
        z, more = correct(r, goal)
        X = _summed(begun, z, wanted)
        return X, *_missed(X, times(X), Y), passes + more + 1

    def only_if(condition, step, state):
        """``step(state)`` where the condition holds; ``lax.cond`` would do it for all
        of many years together where it holds for one."""
        once = (state, condition)
        return repeat(lambda s: s[1], lambda s: (step(s[0]), False), once)[0]

    def cycle(state):
        X, R, before, _, passes, k = state
        r, goal, size = _scaled(R, wanted, tol, _MOST_GAIN)
        z, more = correct(r, goal)
        X = _improved(X, z, size)

        def measured(found):
            _, _, passes = found
            return *_missed(X, times(X), Y), passes + 1

        found = (*_reduced(R, X, z, low(z), size, Y), passes + more + 1)
        R, reached, passes = only_if(found[1] > tol, measured, found)
        return X, R, reached, before, passes, k + 1

    def unfinished(state):
        _, _, residual, before, _, k = state
        return (residual > tol) & (k < _MAX_CYCLES) & (residual < 0.1 * before)

    X, R, residual, passes = first_cycle()
    state = (X, R, residual, jnp.full_like(residual, jnp.inf), passes, 1)
    X, _, residual, _, passes, _ = repeat(unfinished, cycle, state)
    return IterativeSolution(X * units[None, :], residual, jnp.asarray(passes))


@jax.jit
def _units(Y: Float[Array, "n k"]) -> Float[Array, " k"]:
    """1 by column; where squares of the residual would be 0 or inf, the power of two
    next to the largest cell, which rounds nothing."""
    largest = jnp.max(jnp.abs(Y), axis=0)
    limits = jnp.finfo(Y.dtype)
    low, high = float(limits.tiny) ** 0.25, float(limits.max) ** 0.25
    ordinary = (largest == 0) | ((largest > low) & (largest < high))
    _, exponent = jnp.frexp(largest)
    return jnp.where(ordinary, 1, jnp.ldexp(jnp.ones_like(largest), exponent - 1))


@jax.jit
def sizes(R: Float[Array, "n k"]) -> Float[Array, " k"]:
    """|R|_2 by column, 1 for a column of zeros."""
    size = jnp.linalg.norm(R, axis=0)
    return jnp.where(size > 0, size, 1)


# Compiled by themselves too: on the host each step of them would be a small program.
@jax.jit
def _scaled(
    R: Float[Array, "n k"],
    wanted: Float[Array, " k"],
    tol: float | Float[Array, ""],
    most: float | Float[Array, ""],
) -> tuple[Float[Array, "n k"], Float[Array, " k"], Float[Array, " k"]]:
    """The residual in float32, columns of size 1, what is left of them to aim at (not
    below ``most``), and their sizes."""
    size = sizes(R)
    goal = jnp.maximum(most, _MARGIN * tol * wanted / size)
    return (R / size[None, :]).astype(jnp.float32), goal.astype(jnp.float32), size


@jax.jit
def _improved(
    X: Float[Array, "n k"], z: Float[Array, "n k"], size: Float[Array, " k"]
) -> Float[Array, "n k"]:
    return X + size[None, :] * z.astype(X.dtype)


@jax.jit
def _summed(
    begun: Float[Array, "n k"], z: Float[Array, "n k"], size: Float[Array, " k"]
) -> Float[Array, "n k"]:
    return size[None, :] * (begun.astype(size.dtype) + z.astype(size.dtype))


@jax.jit
def _reduced(
    R: Float[Array, "n k"],
    X: Float[Array, "n k"],
    z: Float[Array, "n k"],
    product: Float[Array, "n k"],
    size: Float[Array, " k"],
    Y: Float[Array, "n k"],
) -> tuple[Float[Array, "n k"], Float[Array, ""]]:
    """The residual once ``size * z`` is added to X, R - (I - M) z, and how large it is.

    ``product`` is M z in float32. What it does not see is that M was rounded to
    float32, and X to its own precision: half a unit of z, of M z and of X is allowed
    for it.
    """

    def half_a_unit(of: Array) -> float:
        return 0.5 * float(jnp.finfo(of.dtype).eps)

    R = R - size[None, :] * (z.astype(R.dtype) - product.astype(R.dtype))
    large = jnp.linalg.norm(z, axis=0) + jnp.linalg.norm(product, axis=0)
    of_M = half_a_unit(z) * large.astype(R.dtype) * size / sizes(Y)
    of_X = half_a_unit(X) * relative_norm(X, Y)
    return R, jnp.max(relative_norm(R, Y) + of_M + of_X)


@jax.jit
def _missed(
    X: Float[Array, "n k"], product: Float[Array, "n k"], Y: Float[Array, "n k"]
) -> tuple[Float[Array, "n k"], Float[Array, ""]]:
    """The residual Y - X + M X, and how large it is, relative, the worst column."""
    R = Y - X + product
    return R, jnp.max(relative_norm(R, Y))


def while_on_host(unfinished: Callable, step: Callable, state: Any) -> Any:
    """``jax.lax.while_loop`` without compiling it: a step may read a file."""
    while unfinished(state):
        state = step(state)
    return state


def whole_tiles(X: Float[Array, "n k"]) -> Float[Array, "n m"]:
    """X with columns of zeros added to a multiple of 16, unless there are few."""
    k = X.shape[1]
    return jnp.pad(X, ((0, 0), (0, 0 if k <= _TILE // 2 else -k % _TILE)))


def in_tiles(
    times: Callable[[Array], Array], X: Float[Array, "n k"]
) -> Float[Array, "m k"]:
    """``times(X)``, a product with a matrix, of ``whole_tiles`` of columns.

    In float64 on a CPU, 48 columns take as long as 64: sixteen left over from 32 are
    multiplied by themselves.
    """
    k = X.shape[1]
    X = whole_tiles(X)
    whole = X.shape[1] - X.shape[1] % (2 * _TILE)
    if X.dtype != jnp.float64 or whole in (0, X.shape[1]):
        return times(X)[:, :k]

    def in_two(X: Float[Array, "n k"]) -> Float[Array, "m k"]:
        return jnp.concatenate([times(X[:, :whole]), times(X[:, whole:])], axis=1)

    return jax.lax.platform_dependent(X, cpu=in_two, default=times)[:, :k]


def correction(
    times: Callable[[Array], Array],
    apply: Callable[[Array], Array],
    r: Float[Array, "n k"],
    goal: Float[Array, " k"],
    *,
    most: int = _MAX_PASSES,
) -> tuple[Float[Array, "n k"], Int[Array, ""]]:
    """z with |r - (I - M) z| <= goal by column, about, and the passes it took.

    M d = ``times(d)`` and P^-1 d = ``apply(d)``, all in float32, ``most`` passes.
    An application of P^-1 is expected to gain what the one before did: r is what was
    left of 1 by column.
    """

    def missed(left, before):
        return jnp.any(left * jnp.minimum(1, left / before) > goal)

    def step(state):
        r, z, before, k, _ = state
        d = apply(r)
        r = r - d + times(d)
        left = jnp.linalg.norm(r, axis=0)
        return r, z + d, left, k + 1, missed(left, before)

    def unfinished(state):
        return state[4] & (state[3] < most)

    left = jnp.linalg.norm(r, axis=0)
    start = (r, jnp.zeros_like(r), left, jnp.asarray(0), missed(left, 1))
    r, z, _, passes, _ = jax.lax.while_loop(unfinished, step, start)
    return z + apply(r), passes
