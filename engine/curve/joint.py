"""The joint statistics of Simonsohn, Simmons and Nelson (2020) under the null.

Simonsohn, U., J. P. Simmons and L. D. Nelson (2020), Specification curve analysis,
Nature Human Behaviour 4:1208-1214. Of all specifications together: the median effect,
the share that is significant in the direction that more of them have, and Stouffer's Z,
the sum of their z over the root of their number. Each is compared with what the same
specifications give in draws without any effect: a p is the share of draws that reach
the data, these counted among them.

Significant means the declared p, at most 5 %: |t| among the specification's own draws,
of the data as of each draw. z is the normal deviate with the p of t under t(G - 1).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ...kernels.resampling import TIE
from ..core import Keeper
from ..estimation import normal_isf, t_sf
from ..resampling import LEVEL, TESTS, wild_effects, wild_t
from .fitting import Fitted

STATISTICS = ("median effect", "share significant", "Stouffer Z")
# z is read from a table of t in these steps, and linear between them: to 1e-5.
_STEP, _LARGEST = 1 / 128, 32.0
BAND = (0.025, 0.5, 0.975)


class JointTest(NamedTuple):
    """Statistics of one curve, ``observed`` and ``drawn``."""

    observed: Float[np.ndarray, " 3"]
    drawn: Float[np.ndarray, "3 n"]

    def p(self, *, exact: bool) -> Float[np.ndarray, " 3"]:
        """Share of draws at least as far from 0; the data count as one more draw unless
        they are among them (``exact``)."""
        reached = np.abs(self.drawn) >= np.abs(self.observed)[:, None] * (1 - TIE)
        n = self.drawn.shape[1]
        return (reached.sum(axis=1) + (not exact)) / (n + (not exact))


class DrawnCurves(NamedTuple):
    """p of each specification, and the joint test of each curve.

    ``quantiles`` hold those of ``BAND`` under the null for each model, by rank of its
    sorted effects.
    """

    wild_p_value: Float[np.ndarray, " s"]
    tests: list[JointTest]
    quantiles: list[Float[np.ndarray, "s 3"]]


def draw_jointly(
    fits: Sequence[Fitted],
    model: Int[np.ndarray, " s"],
    curve: Int[np.ndarray, " s"],
    *,
    draws: int,
    seed: int,
    exact: bool,
    told: Callable[[int], object],
    keeper: Keeper,
) -> DrawnCurves:
    """All specifications in the same draws; ``model`` and ``curve`` hold the numbers of
    their models, and of the curves that are tested.

    The draws of ``TESTS`` specifications are held at a time, and all effects of some
    thousand draws.
    """
    curves = int(curve.max()) + 1
    count = np.bincount(curve, minlength=curves)
    coef, t = (np.array([getattr(k, name) for k in fits]) for name in ("coef", "t"))
    df = np.array([k.clusters - 1 for k in fits])
    # Significant above 0 and below, and the sum of z: of the draws, then of the data.
    state = keeper.state()
    p, sums = state.arrays or (np.zeros(0), np.zeros((curves, 3, draws + 1)))
    for start in range(len(p), len(fits), TESTS):
        part = slice(start, start + TESTS)
        loadings = jax.tree.map(
            lambda *k: np.stack(k), *(each.loadings for each in fits[part])
        )
        drawn = wild_t(loadings, draws=draws, seed=seed, exact=exact)
        for k, own in enumerate(drawn, start):
            own = np.append(np.where(np.isfinite(own), own, 0.0), t[k])
            size = np.abs(own)
            p = np.append(p, (size[:-1] > size[-1] * (1 + TIE)).mean())
            reach = critical(size[:-1])
            at = sums[curve[k]]
            at[0] += own >= reach
            at[1] += own <= -reach
            at[2] += normal_deviate(own, int(df[k]))
        state.keep(p, sums, last=len(p) == len(fits))
        told(len(p))
    median, quantiles = _effects(fits, model, curve, draws, seed, exact)
    tests = []
    for c in range(curves):
        up, down, z = sums[c]
        own = curve == c
        values = np.stack(
            [
                np.append(median[c], np.median(coef[own])),
                np.maximum(up, down) / count[c],
                z / np.sqrt(count[c]),
            ]
        )
        tests.append(JointTest(values[:, -1], values[:, :-1]))
    return DrawnCurves(p, tests, quantiles)


def critical(sizes: Float[np.ndarray, " n"]) -> float:
    """The smallest |t| of which at most 5 % of the draws are above it."""
    above = int(LEVEL * len(sizes) * (1 + TIE))
    k = len(sizes) - 1 - above
    return float(np.partition(sizes, k)[k]) * (1 - TIE)


def normal_deviate(t: Float[np.ndarray, " n"], df: int) -> Float[np.ndarray, " n"]:
    """z with the p of t under t(df), of the same sign."""
    z, step = _deviates(df)
    size = np.minimum(np.abs(t), _LARGEST) * (1 / _STEP)
    k = size.astype(np.int32)
    return np.copysign(z[k] + (size - k) * step[k], t)


@lru_cache(maxsize=256)
def _deviates(df: int) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """z at each t of the table, and the difference to the next; beyond it z is that of
    its last t, where p is below 1e-16 or df is below 10."""
    at = np.arange(0, _LARGEST + _STEP / 2, _STEP)
    # Beyond 1e-300 a p has no normal deviate in 64 bits; no draw comes near.
    z = normal_isf(np.maximum(t_sf(at, df), 1e-300))
    return z, np.append(np.diff(z), 0.0)


def _effects(
    fits: Sequence[Fitted],
    model: Int[np.ndarray, " s"],
    curve: Int[np.ndarray, " s"],
    draws: int,
    seed: int,
    exact: bool,
) -> tuple[Float[np.ndarray, "c n"], list[Float[np.ndarray, "_ 3"]]]:
    """The median effect of each curve and draw, and quantiles of the sorted effects of
    each model over the first block of draws."""
    a = np.stack([k.loadings.a[0] * k.scaled for k in fits])
    medians: list[np.ndarray] = []
    quantiles: list[np.ndarray] = []
    for block in wild_effects(a, draws=draws, seed=seed, exact=exact):
        parts = (block[:, curve == c] for c in range(curve.max() + 1))
        medians.append(np.stack([np.median(k, axis=1) for k in parts]))
        if not quantiles:
            every = (block[:, model == m] for m in range(model.max() + 1))
            ranked = (np.sort(k, axis=1) for k in every)
            quantiles = [np.quantile(k, BAND, axis=0).T for k in ranked]
    return np.concatenate(medians, axis=1), quantiles
