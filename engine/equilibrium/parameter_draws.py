"""Counterfactuals whose elasticities and trade-cost effects are estimates: all draws.

Draws are a batch axis. A batch is as slow as its slowest draw, which is the one with
the smallest elasticity: draws are solved in that order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels.equilibrium import parameter_draws as kernel
from ..core import Progress, TivaxError, in_float64, no_progress

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
) -> DrawnChanges:
    """All scenarios of all draws.

    Memory is that of some draws at once, whatever their number; what a draw gives does
    not depend on the others. Raises ``TivaxError`` where no draw has a result.
    """
    k = len(theta)
    together = min(k, max(1, _TOGETHER // world.economy.shares.size))
    order = np.argsort(theta.min(axis=1), kind="stable")
    percent = np.empty((k, *cases.share.shape))
    clearing = np.empty(percent.shape[:2])
    progress(0, k)
    for first in range(0, k, together):
        chosen = order[first : first + together]
        full = np.resize(chosen, together)  # the last batch has no shape of its own
        draw = kernel.Draw(jax.device_put(theta[full]), jax.device_put(effects[full]))
        found = _solve_several(world, cases, draw, _AIM, simple=simple)
        n = len(chosen)
        missed = np.maximum(found.clearing, np.asarray(found.base)[:, None])[:n]
        percent[chosen] = 100 * np.asarray(found.welfare)[:n]
        clearing[chosen] = missed
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

    return jax.vmap(one)(draws)


def stars(values: Float[np.ndarray, "k r"]) -> Int[np.ndarray, " r"]:
    """Stars by the distance of draws from zero.

    3, 2, 1 where it is outside 0.5 to 99.5, 2.5 to 97.5 and 5 to 95 per cent of them,
    on the side of the mean; else 0. Draws without a result, NaN, do not count.
    """
    mean = np.nanmean(values, axis=0)
    found = np.zeros(len(mean), int)
    for tail in _STARS:
        low, high = _percentiles(values, (tail, 100 - tail))
        found += np.where(mean > 0, low > 0, high < 0)
    return found


def standard_errors(values: Float[np.ndarray, "k r"]) -> Float[np.ndarray, " r"]:
    """Standard errors of the means over draws."""
    number = np.isfinite(values).sum(axis=0)
    spread = np.sqrt(np.nanmean((values - np.nanmean(values, axis=0)) ** 2, axis=0))
    return spread / np.sqrt(np.maximum(number - 1, 1))


def _percentiles(
    values: Float[np.ndarray, "k r"], which: Sequence[float]
) -> Float[np.ndarray, "p r"]:
    return np.nanpercentile(values, which, axis=0)
