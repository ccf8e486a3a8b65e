"""Counterfactuals whose elasticities and trade-cost effects are estimates: all draws.

Draws are a batch axis. On an accelerator a batch is as slow as its slowest draw, which
is the one with the smallest elasticity: draws are solved in that order.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels.equilibrium import parameter_draws as kernel
from ..core import (
    NOT_KEPT,
    Keeper,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
)
from ..equilibrium import for_each

# Labour markets of a draw clear to this, relative to value added.
_AIM = 1e-9
# Draws that do not clear to this have no result.
_CLEARING = 1e-6
# Cells of an array (importer, exporter, sector) that are solved at once, all draws.
_TOGETHER = 1_000_000
# Percentiles on either side of which all draws but these are, by number of stars.
_STARS = (5.0, 2.5, 0.5)


@dataclass(frozen=True, eq=False)
class DrawnChanges:
    """Changes of real final spending, in per cent, by draw, scenario and region.

    ``clearing`` is the largest miss of a labour market, in the base and the scenario.
    A draw without a result in one of its scenarios is NaN there.
    """

    percent: Float[np.ndarray, "k c r"]
    clearing: Float[np.ndarray, "k c"]


@in_float64
def solve_draws(
    world: kernel.DrawnWorld,
    cases: kernel.Cases,
    theta: Float[np.ndarray, "k s"],
    effects: Float[np.ndarray, "k d s"],
    *,
    simple: bool = False,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> DrawnChanges:
    """All scenarios of all draws.

    Memory is that of some draws at once, whatever their number; what a draw gives does
    not depend on the others. ``keeper`` has the draws that are done. Raises
    ``TivaxError`` where no draw has a result.
    """
    k = len(theta)
    together = min(k, max(1, _TOGETHER // world.economy.shares.size))
    order = np.argsort(theta.min(axis=1), kind="stable")
    percent = np.empty((k, *cases.share.shape))
    clearing = np.empty(percent.shape[:2])
    state = keeper.state()
    done = len(state.arrays[0]) if state.arrays else 0
    for whole, kept in zip((percent, clearing), state.arrays, strict=False):
        whole[order[:done]] = kept
    progress(done, k)
    for first in range(done, k, together):
        chosen = order[first : first + together]
        full = np.resize(chosen, together)  # the last batch has no shape of its own
        draw = kernel.Draw(jax.device_put(theta[full]), jax.device_put(effects[full]))
        found = _solve_several(world, cases, draw, _AIM, simple=simple)
        n = len(chosen)
        missed = np.maximum(found.clearing, np.asarray(found.base)[:, None])[:n]
        percent[chosen] = 100 * np.asarray(found.welfare)[:n]
        clearing[chosen] = missed
        so_far = order[: first + n]
        state.keep(percent[so_far], clearing[so_far], last=first + n == k)
        progress(first + n, k)
    solved = clearing <= _CLEARING  # NaN does not
    if not solved.any(axis=0).all():
        raise TivaxError(
            f"scenario {int(np.argmin(solved.any(axis=0))) + 1} has no equilibrium in "
            f"any of {k:,} draws"
        )
    percent[~solved] = np.nan
    return DrawnChanges(percent, clearing)


@partial(jax.jit, static_argnames="simple")
def _solve_several(
    world: kernel.DrawnWorld,
    cases: kernel.Cases,
    draws: kernel.Draw,
    aim: Float[Array, ""] | float,
    *,
    simple: bool,
) -> kernel.Found:
    def one(draw: kernel.Draw) -> kernel.Found:
        return kernel.solve_draw(world, cases, draw, jnp.asarray(aim), simple=simple)

    return for_each(one, draws)


@in_float64
def control_variates(
    world: kernel.DrawnWorld,
    cases: kernel.Cases,
    mean: kernel.Draw,
    theta: Float[np.ndarray, "k s"],
    effects: Float[np.ndarray, "k d s"],
    *,
    simple: bool = False,
) -> Float[np.ndarray, "k c r"]:
    """Control variates of draws: the gradient at the mean parameters times deviations.

    ``mean`` is over all draws, of which those given are some, so that over all of them
    controls have mean 0. In per cent, like ``DrawnChanges``.
    """
    controls = []
    for c in range(len(cases.share)):
        one = jax.tree.map(lambda k, c=c: k[c : c + 1], cases)._replace(
            ended=cases.ended
        )
        by_theta, by_effects = map(
            np.asarray, _slopes(world, one, mean, _AIM, simple=simple)
        )
        own = (theta - np.asarray(mean.theta)) @ by_theta.T
        moved = effects - np.asarray(mean.effects)
        controls.append(100 * (own + np.einsum("kds,rds->kr", moved, by_effects)))
    return np.stack(controls, axis=1)


_slopes = jax.jit(kernel.slopes, static_argnames="simple")


def controlled_means(
    values: Float[np.ndarray, "k r"], control: Float[np.ndarray, "k r"]
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, " r"]]:
    """Means over draws of which the control has mean 0, and their standard errors.

    Of ``values`` less b times the control, b their regression on it. Draws without a
    result do not count; where there is no control, a plain mean.
    """
    there = np.isfinite(values)
    usable = np.isfinite(control).all(axis=0)
    x = np.where(there & usable, control, 0.0)
    number = np.maximum(there.sum(axis=0), 1)
    apart = np.where(there, x - x.sum(axis=0) / number, 0.0)
    size = (apart**2).sum(axis=0)
    moved = (apart * np.where(there, values, 0.0)).sum(axis=0)
    b = moved / np.where(size > 0, size, 1.0)
    left = values - b * x
    return np.nanmean(left, axis=0), standard_errors(left)


def stars(values: Float[np.ndarray, "k r"]) -> Int[np.ndarray, " r"]:
    """Stars by the distance of draws from zero.

    3, 2, 1 where it is outside 0.5 to 99.5, 2.5 to 97.5 and 5 to 95 per cent of them,
    on the side of the mean; else 0. Draws without a result, NaN, do not count.
    """
    mean = np.nanmean(values, axis=0)
    found = np.zeros(len(mean), int)
    for tail in _STARS:
        low, high = np.nanpercentile(values, (tail, 100 - tail), axis=0)
        found += np.where(mean > 0, low > 0, high < 0)
    return found


def standard_errors(values: Float[np.ndarray, "k r"]) -> Float[np.ndarray, " r"]:
    """Standard errors of the means over draws."""
    number = np.isfinite(values).sum(axis=0)
    spread = np.sqrt(np.nanmean((values - np.nanmean(values, axis=0)) ** 2, axis=0))
    return spread / np.sqrt(np.maximum(number - 1, 1))
