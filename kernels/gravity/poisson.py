"""Poisson pseudo maximum likelihood with effects of exporters, importers and pairs.

    y_tij, x_ktij   flows and regressors
    w_tij           weights; 0 where a cell is absent. An offset o: w exp(o), y exp(-o)
    mu = w exp(x'b + a_ti + c_tj + d_ij)       maximises  sum w (y log mu - mu)

Newton's step (Santos Silva and Tenreyro 2006; effects as Correia, Guimaraes and Zylkin
2020 take them out): with z net of effects by weights mu,

    A = sum x~ mu x~',   db = A^-1 sum x~ (wy - mu),   effects of wy - mu - mu x'db
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .effects import (
    Pairs,
    WeightedCube,
    net_of_effects,
    pair_sums,
    reciprocal,
    solve_effects,
    spread,
    sums_of,
    weighted,
)

# At most so large a step in the logarithm of a flow keeps its exponential in reach.
LARGEST_STEP = 5.0
# Effects no more exact than a step needs, and at the end to nine digits.
LOOSE, TIGHT, FINAL = 1e-3, 1e-8, 1e-9
SWEEPS = 4


class PoissonFit(NamedTuple):
    """A fit, its regressors net of effects, and how it ended.

    ``flow`` and ``expected`` are times the weight; ``decrement`` is the weighted square
    of the last step over the sum of flows.
    """

    slopes: Float[Array, " k"]
    log_flow: Float[Array, "t i j"]
    flow: Float[Array, "t i j"]
    expected: Float[Array, "t i j"]
    net: Float[Array, "k t i j"]
    information: Float[Array, "k k"]
    decrement: Float[Array, ""]
    steps: Int[Array, ""]


def trading(
    y: Float[Array, "t i j"], there: Bool[Array, "t i j"], pairs: Pairs
) -> Bool[Array, "t i j"]:
    """Cells whose exporter, importer and pair trade something that is not left out.

    Effects of others go to minus infinity. What is left out can leave others without.
    """

    def kept(there: Array) -> Array:
        sums = sums_of(jnp.where(there, y, 0), pairs)
        there &= (sums.exporters > 0)[..., None] & (sums.importers > 0)[:, None]
        return there if pairs == "none" else there & (sums.pairs > 0)[None]

    def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
        there, _ = state
        fewer = kept(there)
        return fewer, (fewer != there).any()

    begin = (there, jnp.asarray(True))
    return jax.lax.while_loop(lambda state: state[1], step, begin)[0]


def _scaled(
    y: Array, weight: Array, expected: Array, pairs: Pairs, sweeps: int
) -> Array:
    """Expected flows, scaled in turn to the sums of flows (iterative scaling)."""
    aim = sums_of(y, pairs)

    def sweep(_: Int[Array, ""], mu: Array) -> Array:
        mu = mu * (aim.exporters * reciprocal(mu.sum(2)))[:, :, None]
        mu = mu * (aim.importers * reciprocal(mu.sum(1)))[:, None, :]
        if pairs == "none":
            return mu
        return mu * (aim.pairs * reciprocal(pair_sums(mu.sum(0), pairs)))[None]

    return jax.lax.fori_loop(0, sweeps, sweep, weight * expected)


def fit_poisson(
    y: Float[Array, "t i j"],
    x: Float[Array, "k t i j"],
    weight: Float[Array, "t i j"],
    *,
    pairs: Pairs,
    start: tuple[Float[Array, " k"], Float[Array, "t i j"]] | None = None,
    tolerance: float = 1e-10,
    most: int = 60,
) -> PoissonFit:
    """Fit the slopes; ``start`` has slopes and logs of flows near the answer.

    It has converged where the decrement is at most the square of the tolerance.
    """
    weight = jnp.where(trading(y, weight > 0, pairs), weight, 0)
    there = weight > 0
    flow, x = jnp.where(there, y, 0) * weight, jnp.where(there[None], x, 0)
    slopes, log_flow = start or (jnp.zeros(len(x), y.dtype), jnp.zeros_like(y))
    mu = _scaled(flow, weight, jnp.exp(log_flow), pairs, 1 if start else SWEEPS)
    log_flow = jnp.where(there, jnp.log(jnp.where(there, mu / weight, 1)), 0)
    total = flow.sum()

    def net_of(factors: WeightedCube, tolerance: Array) -> Array:
        one = lambda z: net_of_effects(factors, z, pairs, tolerance)  # noqa: E731
        return jnp.where(there[None], jax.lax.map(one, x), 0)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        slopes, log_flow, decrement, k = state
        mu = weight * jnp.exp(log_flow)
        factors = weighted(mu, pairs)
        exact = jnp.clip(jnp.sqrt(decrement) * 1e-2, TIGHT, LOOSE)
        net = net_of(factors, exact)
        by = _slopes(net, mu, flow - mu)
        left = flow - mu - mu * jnp.tensordot(by, x, 1)
        effects = solve_effects(factors, sums_of(left, pairs), pairs, exact)
        change = jnp.where(there, jnp.tensordot(by, x, 1) + spread(effects), 0)
        share = jnp.minimum(1, LARGEST_STEP * reciprocal(jnp.abs(change).max()))
        decrement = (mu * change**2).sum() / total
        return slopes + share * by, log_flow + share * change, decrement, k + 1

    begin = (slopes, log_flow, jnp.asarray(jnp.inf, y.dtype), jnp.asarray(0))
    slopes, log_flow, decrement, steps = jax.lax.while_loop(
        lambda s: (s[2] > tolerance**2) & (s[3] < most), step, begin
    )
    mu = weight * jnp.exp(log_flow)
    net = net_of(weighted(mu, pairs), jnp.asarray(FINAL, y.dtype))
    information = jnp.einsum("ktij,tij,ltij->kl", net, mu, net)
    return PoissonFit(slopes, log_flow, flow, mu, net, information, decrement, steps)


def _slopes(net: Array, mu: Array, left: Array) -> Array:
    """Least squares of what is left over mu on regressors net of effects."""
    information = jnp.einsum("ktij,tij,ltij->kl", net, mu, net)
    return jnp.linalg.solve(information, jnp.tensordot(net, left, 3))
