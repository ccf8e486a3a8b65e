"""Draws for gravity: signs of scores, pairs drawn with replacement, halves of a panel.

Draw k depends on the seed and k alone. Refits go one by one (``lax.map``): side by
side, all would wait for the one with the most steps.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .. import random_draws
from ..random_draws import draws_of_block as draws_of_block
from .effects import Pairs, net_of_effects, weighted
from .poisson import FINAL, PoissonFit, fit_poisson

# A refit from the estimate: the answer has the root of the square of its last step.
WARM = 1e-6


@partial(jax.jit, static_argnames=("blocks",))
def score_sums(
    influence: Float[Array, " G"], seed: Int[Array, ""], *, blocks: int
) -> Float[Array, "{blocks} B"]:
    """Sums of the clusters' influence with random signs, block by block.

    The score bootstrap (Kline and Santos 2012) of a coefficient, where the influence
    is taken at the estimate that obeys the null hypothesis.
    """
    clusters = len(influence)
    draws = random_draws.draws_of_block(clusters)

    def block(k: Array) -> Array:
        key = random_draws.block_key(seed, k)
        return influence @ random_draws.rademacher(key, clusters, draws=draws)

    return jax.lax.map(block, jnp.arange(blocks))


def _refitted(
    y: Array, x: Array, weight: Array, fit: PoissonFit, pairs: Pairs
) -> Float[Array, " k"]:
    start = fit.slopes, fit.log_flow
    again = fit_poisson(y, x, weight, pairs=pairs, start=start, tolerance=WARM)
    converged = again.decrement <= WARM**2
    return jnp.where(converged, again.slopes, jnp.nan)


@partial(jax.jit, static_argnames=("pairs", "draws"))
def drawn_pairs(
    y: Float[Array, "t i j"],
    x: Float[Array, "k t i j"],
    weight: Float[Array, "t i j"],
    pair: Int[Array, "i j"],
    fit: PoissonFit,
    seed: Int[Array, ""],
    first: Int[Array, ""],
    *,
    pairs: Pairs,
    draws: int,
) -> Float[Array, "{draws} k"]:
    """Slopes of samples of pairs drawn with replacement, draws ``first`` and following.

    ``pair`` numbers the pairs, -1 those without a cell; NaN is a draw without estimate.
    """
    size, count = pair.size, pair.max() + 1

    def one(k: Array) -> Array:
        key = random_draws.block_key(seed, first + k)
        drawn = jax.random.randint(key, (size,), 0, count)
        one_each = (jnp.arange(size) < count).astype(y.dtype)
        counted = jnp.zeros(size, y.dtype).at[drawn].add(one_each)
        times = jnp.where(pair >= 0, counted[pair], 0)
        return _refitted(y, x, weight * times[None], fit, pairs)

    return jax.lax.map(one, jnp.arange(draws))


@partial(jax.jit, static_argnames=("pairs",))
def of_parts(
    y: Float[Array, "t i j"],
    x: Float[Array, "k t i j"],
    weight: Float[Array, "t i j"],
    fit: PoissonFit,
    kept: Bool[Array, "m i j"],
    *,
    pairs: Pairs,
) -> Float[Array, "m k"]:
    """Slopes of parts of a panel: the split-panel jackknife takes quarters."""
    one = lambda part: _refitted(y, x, weight * part[None], fit, pairs)  # noqa: E731
    return jax.lax.map(one, kept.astype(y.dtype))


@partial(jax.jit, static_argnames=("pairs",))
def net_of(
    weight: Float[Array, "t i j"], x: Float[Array, "k t i j"], *, pairs: Pairs
) -> Float[Array, "k t i j"]:
    """Regressors net of the effects by these weights; 0 in absent cells."""
    factors, exact = weighted(weight, pairs), jnp.asarray(FINAL, x.dtype)
    net = jax.lax.map(lambda z: net_of_effects(factors, z, pairs, exact), x)
    return jnp.where((weight > 0)[None], net, 0)
