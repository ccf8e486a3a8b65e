"""Designs against pyfixest, linearmodels and literal dummies; every mistake in a line."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.estimation.fit import fit_model
from tivax.engine.estimation.instrumental_variables import two_stage
from tivax.engine.estimation.least_squares import fixed_effects
from tivax.engine.estimation.model import Model
from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.resampling.run_files import with_lags

from experiment_panels import (
    MODEL,
    remodel,
    rows_of,
    small_panel,
    two_stage_model,
)
from helpers import error_of, fit_with_dummies, random_panel
from literal_refits import refit

# Normal equations of unit columns against libraries and pseudo-inverses of all rows.
# Measured 2e-12, of a standard error.
RTOL = 1e-9

pytestmark = pytest.mark.usefixtures("quick")


PANELS = {
    "balanced": random_panel(countries=9, years=6, seed=1),
    "unbalanced": random_panel(countries=11, years=7, missing=0.3, seed=2),
}
FULL = Model("full", "KOFGIdj", ("TBI", *CONTROLS))


# ------------------------------------------------------------- estimates and errors


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("controls", [(), CONTROLS], ids=["alone", "controls"])
def test_estimates_are_those_of_fixed_effects(name, controls):
    model = remodel(FULL, controls=controls)
    fitted = fit_model(PANELS[name], model)
    fit = fixed_effects(PANELS[name], "KOFGIdj", ["TBI", *controls])
    coef, se, *_ = fit["TBI"]
    assert_allclose(fitted.coef, [coef], rtol=RTOL)
    assert_allclose(fitted.covariance(), [[se**2]], rtol=RTOL)
    assert (fitted.observations, len(fitted.labels)) == (fit.n, fit.clusters)
    assert fitted.balanced == (name == "balanced")


@pytest.mark.parametrize("name", PANELS)
def test_several_treatments_have_the_covariance_of_fixed_effects(name):
    terms = ("TFP", "TBI", "RQ")
    model = remodel(FULL, treatments=terms, controls=("INFR", "lnGDP"))
    fitted = fit_model(PANELS[name], model)
    fit = fixed_effects(PANELS[name], "KOFGIdj", [*terms, "INFR", "lnGDP"])
    V = fit.covariance.loc[[*terms], [*terms]].to_numpy()
    assert_allclose(fitted.coef, fit.terms.loc[[*terms], "estimate"], rtol=RTOL)
    assert_allclose(fitted.covariance(), V, rtol=0, atol=RTOL * V.max())


@pytest.mark.parametrize("name", PANELS)
def test_a_lag_as_instrument_is_two_stage_least_squares(name):
    model = remodel(MODEL, instruments=("L.TBI",))
    frame = with_lags(PANELS[name], [model])
    fitted = fit_model(frame, model)
    fit = two_stage(frame, "KOFGIdj", "TBI", ["L.TBI"], ["RQ", "INFR"])
    coef, se, *_ = fit.second["TBI"]
    assert_allclose(fitted.coef, [coef], rtol=RTOL)
    assert_allclose(fitted.covariance() ** 0.5, [[se]], rtol=RTOL)
    assert fitted.observations == fit.second.n < len(frame)
    # Balanced without the first year, of which there is no lag.
    assert fitted.balanced == (name == "balanced")


def test_more_instruments_than_endogenous_regressors():
    frame = small_panel(unknown=0.2, seed=3)
    model = two_stage_model(instruments=("L.TBI", "TFP", "TBI"))
    fitted = fit_model(frame, model)
    fit = two_stage(frame, "KOFGIdj", "endogenous", model.instruments, model.controls)
    coef, se, *_ = fit.second["endogenous"]
    assert_allclose(fitted.coef, [coef], rtol=RTOL)
    assert_allclose(fitted.covariance() ** 0.5, [[se]], rtol=RTOL)


@pytest.mark.parametrize("group", ["developed", "developing"])
def test_a_sample_is_the_panel_of_its_countries(group):
    frame = PANELS["unbalanced"]
    own = fit_model(frame, replace(MODEL, sample=group))
    part = frame[frame["developed"] == (group == "developed")]
    alone = fit_model(part, MODEL)
    assert_array_equal(own.coef, alone.coef)
    assert_array_equal(own.covariance(), alone.covariance())
    # Wild weights belong to the countries of the whole panel.
    assert own.labels == alone.labels == alone.all_labels
    assert set(own.all_labels) == set(frame["iso3"])


@pytest.mark.parametrize("kind", ["CV2", "CV3"])
def test_covariances_do_not_depend_on_units(kind):
    """A regressor in millions, an outcome in percent, the rows in another order."""
    frame = PANELS["unbalanced"]
    other = frame.assign(TBI=frame["TBI"] * 1e6, KOFGIdj=frame["KOFGIdj"] / 100)
    other = other.sample(frac=1, random_state=0)
    own, changed = fit_model(frame, FULL), fit_model(other, FULL)
    assert_allclose(changed.coef, own.coef * 1e-8, rtol=RTOL)
    assert_allclose(changed.covariance(kind), own.covariance(kind) * 1e-16, rtol=RTOL)


def test_the_jackknife_is_a_refit_without_each_country():
    frame = PANELS["unbalanced"]
    fitted = fit_model(frame, MODEL)
    rows = rows_of(frame, MODEL)
    gap = [refit(rows.without(g)).coef[-1] - fitted.coef[0] for g in range(rows.G)]
    variance = (rows.G - 1) / rows.G * np.sum(np.square(gap))
    assert_allclose(fitted.covariance("CV3"), [[variance]], rtol=RTOL)


# ----------------------------------------------------------------------- the effects


def labelled() -> pd.DataFrame:
    """With other labels to take out: two halves of each country's years, four regions
    that hold whole countries, five industries that change."""
    frame = PANELS["unbalanced"]
    rng = np.random.default_rng(4)
    number = frame["iso3"].str[1:].astype(int)
    return frame.assign(
        half=frame["iso3"] + (frame["year"] > 2003).map({True: "b", False: "a"}),
        region="R" + (number % 4).astype(str),
        industry=rng.integers(5, size=len(frame)),
        constant=1.0,
    )


@pytest.mark.parametrize(
    "effects, cluster, n_parameters",
    [
        # Columns that k counts: effects within clusters as one, of others the rank.
        (("iso3", "year"), "iso3", 1 + 6),
        (("iso3",), "iso3", 1),
        (("year",), "iso3", 7),
        ((), "iso3", 1),
        (("iso3", "half", "year"), "iso3", 1 + 5),
        (("half", "iso3"), "iso3", 1),
        (("iso3", "region", "year"), "region", 1 + 6),
        (("iso3", "year", "industry"), "iso3", 1 + 6 + 4),
        (("year", "industry"), "region", 1 + 6 + 4),
    ],
)
def test_any_effects_are_dummies_written_out(effects, cluster, n_parameters):
    """CV1 is the sandwich times G/(G-1) (N-1)/(N-k)."""
    frame = labelled()
    model = replace(MODEL, entity="", time="", effects=effects, clusters=cluster)
    fitted = fit_model(frame, model)
    literal = fit_with_dummies(
        frame,
        "KOFGIdj",
        ["TBI", "RQ", "INFR"],
        effects=effects or ("constant",),
        clusters=cluster,
    )
    G, N, k = frame[cluster].nunique(), len(frame), 3 + n_parameters
    factor = G / (G - 1) * (N - 1) / (N - k)
    assert_allclose(fitted.coef, literal.coef[:1], rtol=RTOL)
    assert_allclose(
        fitted.covariance()[0, 0], factor * literal.sandwich[0, 0], rtol=RTOL
    )
    assert float(fitted.products.n_parameters) == k


def test_only_one_row_for_each_country_and_year_is_balanced():
    frame = PANELS["balanced"]
    assert fit_model(frame, MODEL).balanced
    for changed, model in (
        (frame.iloc[1:], MODEL),
        (pd.concat([frame, frame.iloc[:1]]), MODEL),
        (frame, replace(MODEL, time="")),
        (frame, replace(MODEL, entity="")),
        (labelled(), replace(MODEL, effects=("industry",))),
    ):
        assert not fit_model(changed, model).balanced


def test_rows_with_a_missing_value_are_left_out():
    frame = PANELS["balanced"].copy()
    frame.loc[3, "RQ"] = np.nan
    frame.loc[7, "KOFGIdj"] = np.nan
    frame.loc[9, "TFP"] = np.nan  # which this model does not use
    own, without = fit_model(frame, MODEL), fit_model(frame.drop([3, 7]), MODEL)
    assert_array_equal(own.coef, without.coef)
    assert own.observations == len(frame) - 2


# --------------------------------------------------------------------- the mistakes


def changed(**columns) -> pd.DataFrame:
    frame = random_panel(countries=6, years=5, seed=6)
    return frame.assign(**{k: v(frame) for k, v in columns.items()})


def by_country(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby("iso3")["TFP"].transform("mean")


def by_year(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby("year")["TFP"].transform("mean")


def few(end: int) -> pd.DataFrame:
    """Two countries from 2000 to before the year ``end``."""
    frame = changed()
    return frame[(frame["iso3"] < "C02") & (frame["year"] < end)]


IV = remodel(MODEL, instruments=("Z",))
MISTAKES = {
    "a column that is not there": (changed(), remodel(MODEL, controls=("GDP",)), "no column GDP in the data; it has iso3, year"),
    "an outcome that is not there": (changed(), replace(MODEL, outcome="GDP"), "no column GDP in the data"),
    "a cluster that is not there": (changed(), replace(MODEL, clusters="bloc"), "no column bloc in the data"),
    "an effect that is not there": (changed(), replace(MODEL, effects=("bloc",)), "no column bloc in the data"),
    "a sample that cannot be told": (changed().drop(columns="developed"), replace(MODEL, sample="developed"), "no column developed"),
    "a column of words": (changed(RQ=lambda f: "high"), MODEL, "column RQ holds words, not numbers"),
    "a column without values": (changed(RQ=lambda f: np.nan), MODEL, "column RQ has no values"),
    "an infinite value": (changed(RQ=lambda f: np.inf), MODEL, "column RQ holds an infinite value; fix the data"),
    "one cluster": (changed(bloc=lambda f: "one"), replace(MODEL, clusters="bloc"), "model main: KOFGIdj: fewer than two values of bloc are left; it takes two"),
    "a sample without rows": (changed(developed=lambda f: 0), replace(MODEL, sample="developed"), "no rows in this sample"),
    "the same regressor twice": (changed(INFR=lambda f: 2 * f["RQ"] + by_year(f)), MODEL, "INFR is collinear with the other regressors and the effects; leave it out"),
    "a treatment that controls explain": (changed(TBI=lambda f: f["RQ"] - f["INFR"]), MODEL, "TBI is collinear with the other regressors"),
    "a regressor constant in each country": (changed(TBI=by_country), MODEL, "TBI is collinear with the other regressors and the effects; leave it out"),
    "a regressor of years": (changed(RQ=by_year), MODEL, "RQ is collinear with the other regressors and the effects; leave it out"),
    "an instrument that effects explain": (changed(Z=lambda f: by_year(f) + by_country(f)), IV, "instrument Z is collinear with the controls, the effects or another instrument; leave it out"),
    "an instrument that is a control": (changed(Z=lambda f: 3 * f["RQ"]), IV, "instrument Z is collinear with the controls"),
    "fewer instruments than endogenous": (changed(), remodel(MODEL, treatments=("TBI", "TFP"), instruments=("lnPOP",)), "2 endogenous regressors for 1 instrument; name at least as many instruments"),
    "fewer rows than parameters": (few(2002), remodel(MODEL, controls=("RQ",)), "TBI is collinear with the other regressors and the effects"),
    "as many rows as parameters": (few(2003), remodel(MODEL, controls=("RQ",)), "KOFGIdj is a linear combination of the regressors and the effects (6 rows); drop one, or use more rows"),
    "two clusters and effects of years": (few(2015), remodel(MODEL, controls=("RQ",)), "no standard error, the errors of its 2 clusters cancel; too few clusters for its effects"),
    "an outcome of countries": (changed(KOFGIdj=by_country), MODEL, "KOFGIdj is a linear combination of the effects alone"),
    "an outcome without errors": (changed(KOFGIdj=lambda f: 2 * f["TBI"] - f["RQ"] + by_year(f)), MODEL, "KOFGIdj is a linear combination of the regressors and the effects ("),
    "an outcome of countries and years": (changed(KOFGIdj=lambda f: by_country(f) + by_year(f)), MODEL, "KOFGIdj is a linear combination of the effects alone"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_that_names_the_model(name):
    frame, model, told = MISTAKES[name]
    line = error_of(fit_model, frame, model)
    assert line.startswith("model main: ")
    assert told in line
