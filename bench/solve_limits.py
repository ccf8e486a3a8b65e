"""Lower bounds for the time of the fast solve, from its parts alone.

``bare passes`` are its products with A. ``bare parts`` are those, what it prepares of A
before the first (its float32 copy, the preconditioner P, import shares by use) and an
application of P^-1 for each: everything but sums, norms and the residual. The solve
takes no less while it has these parts and so many passes; cheaper parts would lower it.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..kernels.import_share import apply_inverse, by_use, in_two_parts, product
from ..kernels.refinement import in_tiles, whole_tiles

# The residual after the first cycle of two; that after the second takes float32.
_PASSES_FLOAT64 = 1


def bare_passes(
    A: Float[jax.Array, "t n n"],
    Y: Float[jax.Array, "t n c"],
    passes: Int[np.ndarray, " t"],
) -> Callable[[], jax.Array]:
    """The products A Y of a year that a solve of so many passes makes: one in float64,
    the others in float32, of coefficients that are float32 already, in whole tiles of
    columns."""
    A32, Y32 = A.astype(jnp.float32), Y.astype(jnp.float32)

    @jax.jit
    def year(A: Array, A32: Array, Y: Array, Y32: Array, passes: Array) -> Array:
        low = partial(jnp.matmul, A32, precision="highest")
        return _products(A, low, Y, Y32, passes)

    years = list(zip(A, A32, Y, Y32, jnp.asarray(passes), strict=True))
    return lambda: jnp.stack([year(*each) for each in years])


def bare_parts(
    A: Float[jax.Array, "t n n"],
    Y: Float[jax.Array, "t n c"],
    passes: Int[np.ndarray, " t"],
    *,
    regions: int,
) -> Callable[[], jax.Array]:
    """``bare_passes`` of coefficients in float64, with all that is prepared of them and
    an application of P^-1 for each pass: the sum of what products and applications
    give."""

    @jax.jit
    def year(A: Array, Y: Array, passes: Array) -> Array:
        low = whole_tiles(Y.astype(jnp.float32))
        with jax.default_matmul_precision("highest"):
            F, D = in_two_parts(A, regions=regions)
            P, own = by_use(F, D, whole_tiles(Y), regions=regions)
            r = apply_inverse(P, low, own)
            r = _repeated(passes - 1, partial(apply_inverse, P), r)
            products = _products(A, partial(product, F, D), Y, low, passes)
        return products + r[:, : Y.shape[1]].astype(Y.dtype)

    years = list(zip(A, Y, jnp.asarray(passes), strict=True))
    return lambda: jnp.stack([year(*each) for each in years])


def _products(
    A: Array, low: Callable[[Array], Array], Y: Array, Y32: Array, passes: Array
) -> Array:
    z = in_tiles(lambda X: _repeated(passes - _PASSES_FLOAT64, low, X), Y32)
    X = in_tiles(partial(jnp.matmul, A), Y)
    return X + z[:, : Y.shape[1]].astype(Y.dtype)


def _repeated(count: Array, run: Callable[[Array], Array], start: Array) -> Array:
    return jax.lax.fori_loop(0, count, lambda _, z: run(z), start)
