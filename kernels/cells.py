"""Accuracy of single cells of X = (I - A)^-1 Y.

A residual by column, |Y - (I - A) X|_2 / |Y|_2, bounds the error of a column as a
whole. A cell a billion times smaller than the largest of its column may still be wrong
in its fourth digit. With the residual R = Y - X + A X, cell by cell, and S = |Y| + |X|
+ A |X| (for A >= 0),

    backward error   the largest |R| / S: X is exact for a table whose cells of A and
                     Y differ from the given ones by at most this share of themselves
                     (Oettli and Prager 1964, Numerische Mathematik 6; Skeel 1979)
    forward bound    |X - X*| <= B (|R| + g S), since B = (I - A)^-1 >= 0

where g S allows for the rounding of R itself, g = (n + 8) eps / 2 (Higham 2002,
Accuracy and Stability of Numerical Algorithms, section 7.2). For the bound rho = |R| +
g S is solved for in turn, which gives E up to the residual of that solve; where it is
at most the share q of rho in every cell, B rho <= E + q B rho, so that

    |X - X*| <= B rho <= E / (1 - q).

Nothing here is estimated: the bound holds for the numbers in the computer.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .solve import Method, solve

# Cells this much smaller than the largest of their column count as nothing: a solver
# may leave such a number where the true cell is 0.
NOTHING = 1e-20

Apply = Callable[[Float[Array, "n k"]], Float[Array, "n k"]]


class Certified(NamedTuple):
    """A solution refined once, and the accuracy of its cells.

    ``error`` is the largest bound on |X - X*| / |X| of all cells, infinite where the
    solver is too rough for one; ``backward_error`` is that of the module docstring.
    """

    X: Float[Array, "n k"]
    error: Float[Array, ""]
    backward_error: Float[Array, ""]


@partial(jax.jit, static_argnames=("regions", "method"))
def certify_solution(
    Z: Float[Array, "n n"],
    Y: Float[Array, "n k"],
    X: Float[Array, "n k"],
    *,
    scale: Float[Array, " n"],
    regions: int,
    method: Method,
) -> Certified:
    """``certify`` for X of ``kernels.solve.solve``, A = Z diag(scale)."""

    def times(Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return Z @ (scale[:, None] * Q)

    def approximate(R: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return solve(Z, R, regions=regions, method=method, scale=scale).X

    def refined(R: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """To 1e-24 of the column: small cells are then right as well."""
        E = approximate(R)
        return E + approximate(R - E + times(E))

    return certify(times, refined, Y, X)


def certify(
    times: Apply, solve: Apply, Y: Float[Array, "n k"], X: Float[Array, "n k"]
) -> Certified:
    """``X`` after one step of iterative refinement, with bounds on its cells.

    ``times`` is the product with A >= 0, in full precision; ``solve`` approximates the
    product with B to a small share of every cell.
    """
    X = X + solve(Y - X + times(X))
    R = jnp.abs(Y - X + times(X))
    size = jnp.abs(Y) + jnp.abs(X) + times(jnp.abs(X))
    unit = (len(X) + 8) * jnp.finfo(X.dtype).eps / 2
    rho = R + unit * size
    E = solve(rho)
    used = times(E)
    missed = jnp.abs(rho - E + used) + unit * (rho + E + used)
    q = jnp.max(_share(missed, rho))
    bound = jnp.where(q < 1, E / (1 - q), jnp.inf)
    counted = jnp.abs(X) > NOTHING * jnp.max(jnp.abs(X), axis=0, keepdims=True)
    return Certified(
        X,
        error=jnp.max(jnp.where(counted, _share(bound, jnp.abs(X)), 0)),
        backward_error=jnp.max(_share(R, size)),
    )


def _share(part: Float[Array, "n k"], whole: Float[Array, "n k"]) -> Array:
    """part / whole, 0 where both are 0."""
    infinite = jnp.where(part > 0, jnp.inf, 0)
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), infinite)
