"""Does the result survive other estimators, samples and standard errors?

The paper names two checks without figures: two-stage least squares with the index
lagged a year, which is here, and an index rebuilt from domestic value added in exports
(``other_indices``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd
from scipy.special import ndtr

import tivax as tx

from ...core import Call
from .columns import (
    CONTROLS,
    OUTCOMES,
    SAMPLES,
    WRITTEN,
    Convention,
    PaperColumn,
    estimate_columns,
    paper_models,
    sample,
    slopes_of,
)

LAG = "L.TBI"  # as Stata writes it
# Of the bootstrap Anderson-Rubin tests, whose p is beside the F test's: a Monte-Carlo
# error of at most 0.0016.
AR_DRAWS = 99_999
AR_SEED = 1
# Of the tests of dependence between countries.
DEPENDENCE_DRAWS = 9_999


@dataclass(frozen=True, eq=False)
class Lagged:
    """One outcome and sample: 2SLS, and least squares on the same rows; intervals where
    the lag has a direct effect."""

    outcome: str
    sample: str
    iv: tx.results.Fit
    weak: tx.results.WeakInstruments
    ols: tx.results.Fit
    bounds: tx.results.PlausiblyExogenous


def lagged_instrument(frame: pd.DataFrame, *, draws: int = AR_DRAWS) -> list[Lagged]:
    """TBI instrumented by its value a year earlier, all controls.

    Every outcome in every sample; the first year of each country is lost.
    """
    data = frame.assign(**{LAG: _last_year(frame)})
    years = sorted(set(frame["year"]))
    if data.dropna(subset=[LAG, "TBI"])["year"].nunique() < 2:
        raise tx.TivaxError(
            f"2SLS with TBI lagged one year: the years {years[0]} to {years[-1]} leave "
            "fewer than two with a lag; widen [recipe] years in data.toml"
        )
    results = []
    for group in SAMPLES:
        rows = sample(data, group).dropna(subset=[LAG])
        for outcome in OUTCOMES:
            names = {"instruments": [LAG], "entity": "iso3", "time": "year"}
            iv = tx.fit(tx.Model("", outcome, CONTROLS, "TBI", **names), rows)
            weak = iv.weak_instrument_tests(draws=draws, seed=AR_SEED)
            ols = slopes_of(rows, outcome, ["TBI", *CONTROLS])
            bounds = iv.plausibly_exogenous()
            results.append(Lagged(outcome, group, iv, weak, ols, bounds))
    return results


def _last_year(frame: pd.DataFrame) -> np.ndarray:
    """The country's index a year earlier, missing where there is no such row."""
    index = frame.set_index(["iso3", "year"])["TBI"]
    before = pd.MultiIndex.from_arrays([frame["iso3"], frame["year"] - 1])
    return index.reindex(before).to_numpy()


def direct_effects(lagged: list[Lagged]) -> pd.DataFrame:
    """Bounds on the direct effect of the lag, in every outcome and sample.

    Columns outcome, sample, estimate, se, reduced_form (of the lag), largest_union and
    largest_prior: the largest direct effect at which the interval excludes 0, empty
    where it never does; share: the first over the reduced form.
    """
    names = "estimate se reduced_form largest_union largest_prior share".split()
    rows = [
        {"outcome": each.outcome, "sample": each.sample}
        | {name: getattr(each.bounds, name) for name in names}
        | {"reduced_form": float(each.bounds.reduced_form[0])}
        for each in lagged
    ]
    return pd.DataFrame(rows)


# ------------------------------------------------------------------ other samples


def fixed_codes(
    files: tx.panel.DataFiles, paper: tx.panel.Panel
) -> tuple[tx.panel.Panel, dict[PaperColumn, tx.results.Fit]]:
    """The panel with every country code repaired, and the 17 columns on it."""
    fixed = replace(files, codes="fixed")
    panel = paper if files.codes == "fixed" else tx.panel.build_panel(fixed)
    return panel, estimate_columns(panel.frame)


# ------------------------------------------------------- treatments that did nothing

# Placebo regressions of each outcome, and the draws of each bootstrap in them.
PLACEBOS, PLACEBO_DRAWS = 192, 99


def placebo_treatments(
    frame: pd.DataFrame, *, panels: int = PLACEBOS, draws: int = PLACEBO_DRAWS
) -> pd.DataFrame:
    """Rejection rates at 5 % of treatments without effect, with the spectrum of TBI and
    common phases, in the columns of the full sample with controls.

    Columns outcome, method, panels, draws, size, mc_error.
    """
    rates = []
    for model in paper_models():
        if model.sample == "all" and model.controls:
            sizes = tx.phase_placebos(frame, model, panels=panels, draws=draws)
            rates.append(sizes.assign(outcome=model.outcome))
    columns = [*WRITTEN["results/placebo_treatments"].columns]
    return pd.concat(rates, ignore_index=True)[columns].dropna(subset=["size"])


# ------------------------------------------------------------ other standard errors

CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
_OTHERS = {
    "two-way clusters": tx.vcov.TwoWay(),
    "Driscoll-Kraay": tx.vcov.DriscollKraay(),
    "common shocks": tx.vcov.CommonShocks(),
}
ERRORS: tuple[str, ...] = (*CONVENTIONS, *_OTHERS)


def other_errors(
    frame: pd.DataFrame, default: Mapping[PaperColumn, tx.results.Fit]
) -> pd.DataFrame:
    """Standard error and p-value of TBI in each column, by ``ERRORS``.

    Columns table, column, outcome, sample, errors, estimate, se, p_value, convention.
    """
    rows = []
    for column, own in default.items():
        fits = {"stata": own}
        others = {name: tx.vcov.CV1(name) for name in CONVENTIONS[1:]} | _OTHERS
        for name, vcov in others.items():
            fits[name] = tx.fit(column.model, frame, vcov=vcov)
        for name, fit in fits.items():
            row = {**column.keys, "errors": name}
            row |= {k: getattr(fit["TBI"], k) for k in ("estimate", "se", "p_value")}
            rows.append({**row, "convention": convention_in_words(fit)})
    return pd.DataFrame(rows)


def convention_in_words(fit: tx.results.Fit) -> str:
    """The standard errors in words, without the name of their convention."""
    words = str(fit.glance()["method"].iloc[0])
    return words.removesuffix(f" ({fit.convention})")


def cross_section_dependence(
    frame: pd.DataFrame,
    default: Mapping[PaperColumn, tx.results.Fit],
    helper: Call | None = None,
) -> Callable[[], pd.DataFrame]:
    """Dependence between countries in the residuals of each column, once it is called;
    another process begins with it at once.

    Columns table, column, outcome, sample; cd, centre, cd_star, p (of CD*, simulated),
    mc_error, p_normal (of CD against N(0, 1), which year effects make wrong),
    mean_correlation; cdw_plus (Juodis and Reese 2022), mean_absolute and
    first_component, each with ``_null`` (its mean
    under independence), ``_p`` and ``_mc_error``; autocorrelation, draws, and
    ``unbalanced``, the countries that lack a year. See
    ``tx.referee.cross_section_dependence``.
    """
    asked = {}
    # Those of a sample one after the other: they share their draws.
    for column, fit in sorted(default.items(), key=lambda k: k[0].sample):
        data = frame[["iso3", "year", *column.regressors]]
        given = data, fit.residuals, column.regressors
        run = partial(
            tx.referee.cross_section_dependence,
            *given,
            draws=DEPENDENCE_DRAWS,
            entity="iso3",
            time="year",
        )
        asked[column] = run if helper is None else helper(run).result
    return lambda: pd.DataFrame(
        [
            {**column.keys, **_dependence(frame, fit, asked[column]())}
            for column, fit in default.items()
        ]
    )


def _dependence(
    frame: pd.DataFrame, fit: tx.results.Fit, found: Any
) -> dict[str, float]:
    keys = frame.loc[fit.residuals.index]
    years = keys.groupby("iso3")["year"].nunique()
    return {
        "cd": found.cd,
        "centre": found.centre,
        "cd_star": found.corrected.value,
        "p_value": found.corrected.p_value,
        "mc_error": found.corrected.mc_error,
        "p_normal": float(2 * ndtr(-abs(found.cd))),
        "mean_correlation": found.mean_correlation,
        **_measure("cdw_plus", found.weighted),
        **_measure("mean_absolute", found.absolute),
        **_measure("first_component", found.component),
        "autocorrelation": found.autocorrelation,
        "draws": found.draws,
        "unbalanced": int((years < keys["year"].nunique()).sum()),
    }


def _measure(name: str, found: Any) -> dict[str, float]:
    parts = ("null", "p_value", "mc_error")
    return {name: found.value, **{f"{name}_{k}": getattr(found, k) for k in parts}}
