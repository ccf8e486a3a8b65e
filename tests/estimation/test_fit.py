"""Samples, units and gaps of a fit that draws are made from; every mistake in a line."""

from dataclasses import replace

import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.core import in_float64
from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.model import Model
from tivax.engine.estimation.vcov import CV1, CV2, CV3, PLAIN
from tivax.engine.panel.recipe import CONTROLS
from tivax.kernels import clusters as kernel

from experiment_panels import MODEL, remodel
from helpers import error_of, random_panel

# The same regression in other units and another order of rows.
RTOL = 1e-9


PANELS = {
    "balanced": random_panel(countries=9, years=6, seed=1),
    "unbalanced": random_panel(countries=11, years=7, missing=0.3, seed=2),
}
FULL = Model("full", "KOFGIdj", ("TBI", *CONTROLS), entity="iso3", time="year")


# -------------------------------------------------------------- samples, units, gaps


@pytest.mark.parametrize("group", ["developed", "developing"])
def test_a_sample_is_the_panel_of_its_countries(group):
    frame = PANELS["unbalanced"]
    own = LinearFit.to_draw(frame, replace(MODEL, sample=group))
    part = frame[frame["developed"] == (group == "developed")]
    alone = LinearFit.to_draw(part, MODEL)
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
    own, changed = LinearFit.to_draw(frame, FULL), LinearFit.to_draw(other, FULL)
    assert_allclose(changed.coef, own.coef * 1e-8, rtol=RTOL)
    assert_allclose(
        changed.covariance(PLAIN[kind]), own.covariance(PLAIN[kind]) * 1e-16, rtol=RTOL
    )


def test_only_one_row_for_each_country_and_year_is_balanced():
    frame = PANELS["balanced"]
    assert LinearFit.to_draw(frame, MODEL).balanced
    for changed, model in (
        (frame.iloc[1:], MODEL),
        (pd.concat([frame, frame.iloc[:1]]), MODEL),
        (frame, replace(MODEL, time="")),
        (frame, replace(MODEL, entity="")),
        (frame.assign(half=frame.index % 2), replace(MODEL, effects=("half",))),
    ):
        assert not LinearFit.to_draw(changed, model).balanced


# --------------------------------------------------------------------- the mistakes


def changed(**columns) -> pd.DataFrame:
    frame = random_panel(countries=6, years=5, seed=6)
    return frame.assign(**{k: v(frame) for k, v in columns.items()})


def few(end: int) -> pd.DataFrame:
    """Two countries from 2000 to before the year ``end``."""
    frame = changed()
    return frame[(frame["iso3"] < "C02") & (frame["year"] < end)]


MISTAKES = {
    "a cluster that is not there": (changed(), replace(MODEL, clusters="bloc"), "no column bloc in the data"),
    "an effect that is not there": (changed(), replace(MODEL, effects=("bloc",)), "no column bloc in the data"),
    "a sample that cannot be told": (changed().drop(columns="developed"), replace(MODEL, sample="developed"), "no column developed"),
    "one cluster": (changed(bloc=lambda f: "one"), replace(MODEL, clusters="bloc"), "model main: KOFGIdj: fewer than two values of bloc are left; it takes two"),
    "a sample without rows": (changed(developed=lambda f: 0), replace(MODEL, sample="developed"), "no rows in this sample"),
    "fewer instruments than endogenous": (changed(), remodel(MODEL, treatments=("TBI", "TFP"), instruments=("lnPOP",)), "2 endogenous regressors for 1 instrument; name at least as many instruments"),
    "as many rows as parameters": (few(2003), remodel(MODEL, controls=("RQ",)), "KOFGIdj is a linear combination of the regressors and the effects (6 rows); drop one, or use more rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_that_names_the_model(name):
    frame, model, told = MISTAKES[name]
    line = error_of(LinearFit.to_draw, frame, model)
    assert line.startswith("model main: ")
    assert told in line


@pytest.mark.parametrize("instruments", [(), ("Z",)])
@pytest.mark.parametrize("name", PANELS)
@in_float64
def test_covariances_of_all_coefficients_are_those_of_draws(name, instruments):
    """Of the treatment, by two roads: rows and cross products."""
    frame = PANELS[name].assign(Z=lambda k: k["TBI"] + k["TFP"])
    frame["half"] = "H" + (frame["year"] % 2).astype(str)
    fit = LinearFit.to_draw(frame, replace(MODEL, instruments=instruments))
    x = fit.layout.exogenous
    whole, unit = fit.cluster_fit, fit.unit[0]
    for vcov, own in (
        (CV1(), kernel.cv1(fit.products, whole)[x, x] * unit**2),
        (CV2(), kernel.cv2(whole)[x, x] * unit**2),
        (CV3(), kernel.cv3(fit.coef, fit.left_out())[0, 0]),
    ):
        assert_allclose(fit.covariance(vcov)[0, 0], own, rtol=1e-11)
    assert_allclose(fit.covariance(), fit.covariance(CV1()), rtol=1e-12)
