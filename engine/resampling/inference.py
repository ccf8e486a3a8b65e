"""Inference on one model in memory: draw, invert and summarise."""

from dataclasses import replace
from typing import Any

import pandas as pd

from ..core import require_kind, require_whole
from ..estimation import LinearFit, Model, fitted_of, require_columns, with_lags
from .draws import MemoryDraws
from .p_values import Inference, summarise
from .plans import ResamplingPlan, make_plan
from .running import Rate, draws_of
from .schemes import Scheme, Wild
from .wild_tests import invert_wild


def resample(
    panel: pd.DataFrame | Any,
    model: Model | None = None,
    scheme: Scheme | None = None,
    *,
    draws: int = 9_999,
    seed: int = 0,
    intervals: bool = True,
    distribution: bool = True,
) -> Inference:
    """Bootstrap or placebo of one model, in memory.

    Without ``intervals`` there are none by test inversion, which takes a placebo longer
    than its draws; without ``distribution`` there is no histogram.

    Raises ``TivaxError`` where the panel lacks what the model names, the model is not
    identified, or the scheme does not serve it.

    Parameters
    ----------
    panel : DataFrame or Fit
        A row for each unit and period; or what ``tx.fit`` or ``pyfixest.feols``
        returned, without ``model``.
    model : Model
        Outcome, regressors, treatment, effects and clusters.
    scheme : Scheme
        Wild (the default), pairs, Bayesian or placebo draws.
    draws, seed : int
        Number of draws, and their seed: draw k depends on the seed and on k
        alone.
    intervals, distribution : bool
        Whether to invert the test into intervals, and to keep a histogram of
        the draws.

    Returns
    -------
    Inference
        ``summary`` has estimate, p_value, mc_error and interval of each tested
        term.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> found = tx.resample(panel, model, tx.schemes.Wild(weights="webb"), draws=999)
    >>> found.summary[["term", "draws"]]
        term  draws
    0  trade    999
    """
    fitted, panel = _to_draw(panel, model)
    scheme = Wild() if scheme is None else scheme
    require_kind(
        "scheme", scheme, Scheme, "one of tx.schemes, such as tx.schemes.Wild()"
    )
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    for name, flag in {"intervals": intervals, "distribution": distribution}.items():
        require_kind(name, flag, bool, "True or False")
    plan = make_plan(fitted, scheme, draws)
    found, drawn = infer(plan, seed, invert=intervals, distribution=distribution)
    return replace(found, panel=panel, draws=drawn)


def _to_draw(panel: Any, model: Any) -> tuple[LinearFit, pd.DataFrame]:
    """The fit whose clusters are drawn, and its data."""
    if model is None and (fit := fitted_of(panel)) is not None:
        return fit.drawn, fit.data
    require_columns(panel, ())
    require_kind("model", model, Model, "a tx.Model")
    assert isinstance(model, Model)
    return LinearFit.to_draw(with_lags(panel, [model]), model), panel


def infer(
    plan: ResamplingPlan,
    seed: int = 0,
    *,
    invert: bool = True,
    distribution: bool = True,
) -> tuple[Inference, MemoryDraws]:
    """Draw, invert and summarise, in memory.

    Without ``invert`` there are no intervals by test inversion, without
    ``distribution`` no histogram.
    """
    rate = Rate()
    inverted = invert_wild(plan, seed, rate) if invert else None
    if inverted is not None and inverted.t is not None:
        draws = MemoryDraws(inverted.t)
    else:
        draws = draws_of(plan, seed, rate=rate)
    found = summarise(
        plan, draws, inverted, rate=rate.value, invert=invert, distribution=distribution
    )
    return found, draws
