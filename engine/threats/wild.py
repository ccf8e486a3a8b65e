"""The declared p: wild bootstrap of every variant, all from the same draws.

WCR for least squares (Cameron, Gelbach and Miller 2008), WRE for two stages (Davidson
and MacKinnon 2010), Webb's weights; all patterns where there are at most as many as
draws. A cluster has the same weight in each variant, so that p of two variants differ
by what they leave out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from ...kernels.low_rank import FEW, Scores
from ...kernels.low_rank import LowRankUpdate as Factors
from ...kernels.resampling import InstrumentLoadings, WildLoadings
from ..core import Keeper, Progress, in_float64, shift_progress
from ..estimation import LowRank, WildForm
from ..resampling import AT_ONCE, wild_p_values

_POINTS = 6  # of Webb's distribution


class WildTest(NamedTuple):
    """One coefficient to be tested: the labels of its clusters, in order, and of those
    of its model as given."""

    form: WildForm
    t: float
    labels: tuple[str, ...]
    of_model: tuple[str, ...]


@in_float64
def declared_p(
    tests: Sequence[WildTest],
    all_labels: Sequence[str],
    *,
    draws: int,
    seed: int,
    progress: Progress,
    keeper: Keeper,
) -> Float[np.ndarray, " r"]:
    """p of each test; ``all_labels`` are the clusters of the panel, sorted."""
    groups: dict[tuple[int, bool, tuple[str, ...]], list[int]] = {}
    for k, test in enumerate(tests):
        exact = _POINTS ** len(test.labels) <= draws
        among = _among(test, exact, all_labels)
        groups.setdefault((_instruments(test.form), exact, among), []).append(k)
    batches = [
        (
            key,
            members[start : start + AT_ONCE],
            max(_width(tests[k].form) for k in members),
        )
        for key, members in groups.items()
        for start in range(0, len(members), AT_ONCE)
    ]
    # In the order of the batches; those of a run that was stopped are taken up.
    state, total = keeper.state(), len(tests) * draws
    p = state.arrays[0] if state.arrays else np.zeros(0)
    done = 0
    for (_, exact, among), members, width in batches:
        if done + len(members) > len(p):
            made = wild_p_values(
                [
                    _loadings(
                        tests[k].form,
                        np.searchsorted(among, tests[k].labels),
                        len(among),
                        width,
                    )
                    for k in members
                ],
                np.array([tests[k].t for k in members]),
                clusters=len(among) if exact else len(all_labels),
                position=np.searchsorted(all_labels, among),
                draws=_POINTS ** len(among) if exact else draws,
                seed=seed,
                exact=exact,
                progress=shift_progress(progress, done * draws, total),
            )
            p = np.append(p[:done], made)
            state.keep(p, last=len(p) == len(tests))
        done += len(members)
    found = np.full(len(tests), np.nan)
    found[[k for _, members, _ in batches for k in members]] = p
    return found


def _among(test: WildTest, exact: bool, all_labels: Sequence[str]) -> tuple[str, ...]:
    """The clusters, sorted, that loadings are held for: those of its model where a test
    has no others, since a model of a part of the panel needs no zeros for the rest; all
    patterns are those of its own."""
    if exact:
        return tuple(sorted(test.labels))
    of_panel = not set(test.labels) <= set(test.of_model)
    return tuple(sorted(all_labels if of_panel else test.of_model))


def _instruments(form: WildForm) -> int:
    return 0 if form.zz is None else len(form.zz)


def _width(form: WildForm) -> int:
    return (form.scores or form.x[0]).P.shape[1]


def _loadings(
    form: WildForm, place: Int[np.ndarray, " g"], G: int, width: int
) -> WildLoadings | InstrumentLoadings:
    """The arrays of the kernels, 0 for the clusters that are left out and for columns
    up to ``width``."""
    correction = jnp.asarray(form.correction)

    def spread(part: np.ndarray, *shape: int) -> np.ndarray:
        whole = np.zeros((G, *shape))
        whole[(place, *map(slice, part.shape[1:]))] = part
        return whole

    def scores(each: Sequence[LowRank]) -> Scores:
        """Scores of the same residuals, R: each with a left side of its own."""
        if G > FEW:
            parts = (
                np.stack([spread(k.a) for k in each]),
                np.stack([spread(k.P, width) for k in each]),
                spread(each[0].R, width),
            )
            return Factors(*jax.device_put(parts))
        whole = np.zeros((len(each), G, G))
        for k, low in enumerate(each):
            whole[k][np.ix_(place, place)] = low.matrix
        return jax.device_put(whole)

    if form.scores is not None:
        a = jax.device_put(spread(form.scores.a)[None])
        return WildLoadings(a, scores([form.scores]), correction)
    assert form.zz is not None and form.fixed is not None
    fixed = np.zeros((len(form.zz), G))
    fixed[:, place] = form.fixed
    return InstrumentLoadings(
        jax.device_put(form.zz),
        jax.device_put(fixed),
        scores(form.x),
        scores(form.y),
        correction,
    )
