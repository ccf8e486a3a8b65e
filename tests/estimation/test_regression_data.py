"""One gate for all estimators: the same mistakes in the same words; no result of units,
and no standard error where nothing but rounding is left of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.estimation import LinearFit, design, weak_instruments, with_lags
from tivax.engine.estimation.anderson_rubin import anderson_rubin
from tivax.engine.estimation.iv_data import IVData
from tivax.engine.estimation.model import Model
from tivax.engine.estimation.regression_data import complete_rows
from tivax.engine.estimation.samples import sample
from tivax.engine.estimation.vcov import CONVENTIONS
from tivax.engine.resampling.inference import resample
from tivax.engine.resampling.schemes import Wild

from helpers import error_of, fit_with_dummies, random_panel, two_stage, two_way

# The same regression in other units: rounding of a few operations.
RTOL = 1e-9


Y, X, Z = "KOFGIdj", ("TBI", "RQ"), "lnPOP"
UNBALANCED = random_panel(countries=10, years=6, missing=0.2, seed=1)


def iv(data: Any, y: str = Y, x: Any = X, z: Any = (Z,)) -> Any:
    return two_stage(data, y, x[0], z, x[1:])


def drawn(data: Any, y: str = Y, x: Any = X, z: Any = ()) -> Any:
    model = Model("main", y, x, instruments=z, entity="iso3", time="year")
    return LinearFit.to_draw(with_lags(data, [model]), model)


drawn_iv = partial(drawn, z=(Z,))


def least_squares(data: Any, y: str = Y, x: Any = X, **options: Any) -> Any:
    return two_way(data, y, x, **options)


LEAST_SQUARES: dict[str, Callable[..., Any]] = {
    **{name: partial(least_squares, convention=name) for name in CONVENTIONS},
    "two-way": partial(least_squares, vcov="two-way"),
    "Driscoll-Kraay": partial(least_squares, vcov="driscoll-kraay"),
}
EVERY = {**LEAST_SQUARES, "2SLS": iv, "resample": drawn, "resample 2SLS": drawn_iv}


# ------------------------------------------------------------------------------ units


def scaled(outcome: float, treatment: float, instrument: float) -> pd.DataFrame:
    factors = {Y: outcome, "TBI": treatment, Z: instrument}
    return UNBALANCED.assign(**{k: UNBALANCED[k] * f for k, f in factors.items()})


UNITS = [
    (2.0**40, 2.0**-40, 2.0**13),
    (1.0, 1e-12, 1e-12),
    (1.0, 1e12, 1e12),
    (1e-200, 1.0, 1.0),
    (1e200, 1e-100, 1e150),
]


@pytest.mark.parametrize("name", LEAST_SQUARES)
def test_a_unit_changes_neither_t_nor_p_nor_f(name):
    own = LEAST_SQUARES[name](UNBALANCED)
    for outcome, treatment, instrument in UNITS:
        other = LEAST_SQUARES[name](scaled(outcome, treatment, instrument))
        for column in ("t", "p_value", "stars"):
            assert_allclose(other.terms[column], own.terms[column], rtol=RTOL)
        for column in ("estimate", "se", "ci_low", "ci_high"):
            expected = own.terms.loc["TBI", column] * (outcome / treatment)
            assert_allclose(other.terms.loc["TBI", column], expected, rtol=RTOL)
        assert_allclose(other.wald(X), own.wald(X), rtol=1e-8)
        assert_allclose(other.r2, own.r2, rtol=RTOL)
        assert_allclose(other.residuals, own.residuals * outcome, rtol=1e-6)


def test_a_power_of_two_changes_no_digit():
    frames = UNBALANCED, scaled(8, 0.25, 1)
    own, other = (two_way(frame, Y, X) for frame in frames)
    assert_array_equal(other.terms["t"], own.terms["t"])
    assert other["TBI"].estimate == own["TBI"].estimate * 32


def test_a_unit_changes_no_statistic_of_two_stage_least_squares():
    own = iv(UNBALANCED)
    for outcome, treatment, instrument in UNITS:
        other = iv(scaled(outcome, treatment, instrument))
        for fit, its in ((own, other), (own.first, other.first)):
            assert_allclose(its.terms["t"], fit.terms["t"], rtol=1e-8)
        for k in "kp_lm kp_f cd_f effective_f ar_f ar_f_p_value ar_chi2".split():
            assert_allclose(getattr(other.weak, k), getattr(own.weak, k), rtol=1e-8)
        stage, its = own.weak.first_stage[0], other.weak.first_stage[0]
        unit = treatment / instrument
        assert_allclose(its.coefficients, stage.coefficients * unit, rtol=1e-8)
        assert_allclose(its.standard_errors, stage.standard_errors * unit, rtol=1e-8)
        ends = np.array(own.ar_set.intervals) * (outcome / treatment)
        assert_allclose(other.ar_set.intervals, ends, rtol=1e-8)


def test_a_hypothesis_is_in_units_of_the_data():
    rng = np.random.default_rng(5)
    Z, W = rng.normal(size=(60, 2)), np.ones((60, 1))
    X = Z @ [[1.0], [0.5]] + rng.normal(size=(60, 1))
    data = IVData(X[:, 0] + rng.normal(size=60), X, W, Z, covariance="robust")
    tiny = replace(data, y=data.y * 1e-190, X=X * 1e-12, Z=Z * 1e100)
    own = anderson_rubin(data, beta=0.7)
    other = anderson_rubin(tiny, beta=0.7e-178)
    assert_allclose(other.f, own.f, rtol=1e-8)
    j, k = (weak_instruments.overidentification(d).j for d in (data, tiny))
    assert_allclose(k, j, rtol=1e-8)


def test_a_unit_changes_no_p_value_of_draws():
    panel = random_panel(countries=8, years=5, seed=2)
    model = Model("main", Y, ("TBI", "RQ"), entity="iso3", time="year")
    own = resample(panel, model, Wild(), draws=99).summary.iloc[0]
    small = panel.assign(TBI=panel["TBI"] * 2.0**-40, RQ=panel["RQ"] * 1e12)
    other = resample(small, model, Wild(), draws=99).summary.iloc[0]
    assert other["p_value"] == own["p_value"]
    for name in ("estimate", "se", "ci_low", "ci_high"):
        assert_allclose(other[name], own[name] * 2.0**40, rtol=1e-6)


def test_draws_that_have_no_variance_in_64_bits_ask_for_another_unit():
    line = error_of(drawn, UNBALANCED.assign(KOFGIdj=UNBALANCED[Y] * 1e-200))
    assert "size 1e-200 has no variance in 64 bits" in line


def test_a_large_level_beside_a_small_spread_is_no_obstacle():
    """A constant added to every column changes the constant alone."""
    moved = UNBALANCED.assign(TBI=UNBALANCED["TBI"] + 1e6, RQ=UNBALANCED["RQ"] - 1e6)
    own, other = two_way(UNBALANCED, Y, X), two_way(moved, Y, X)
    assert_allclose(other.terms.loc[[*X], "t"], own.terms.loc[[*X], "t"], rtol=1e-7)
    expected = own["const"].estimate - 1e6 * (own["TBI"].estimate - own["RQ"].estimate)
    assert_allclose(other["const"].estimate, expected, rtol=1e-7)


# --------------------------------------------------------- no error to be identified


def few(countries: int = 2) -> pd.DataFrame:
    return random_panel(countries=countries, years=9, seed=3)


def exact() -> pd.DataFrame:
    """An outcome that regressors, countries and years make without any error."""
    y = 2 * UNBALANCED["TBI"] - UNBALANCED["RQ"] + 0.1 * UNBALANCED["year"]
    return UNBALANCED.assign(KOFGIdj=y)


CANCEL = "the errors of its 2 clusters cancel; too few clusters for its effects"
PERFECT = "the regressors and the effects explain KOFGIdj without any error"


def assert_no_errors(fit, names) -> None:
    rows = fit.terms.loc[[*names]]
    assert rows["estimate"].notna().all()
    assert rows[["se", "t", "p_value", "ci_low", "ci_high"]].isna().all(axis=None)
    assert (rows["stars"] == 0).all()
    assert fit.covariance.loc[[*names], [*names]].isna().all(axis=None)
    assert np.isnan(fit.wald(names)).all()


@pytest.mark.parametrize("name", [*CONVENTIONS, "two-way"])
def test_two_clusters_beside_effects_of_years_have_no_standard_error(name):
    """Their scores cancel: Stata prints the rounding, with three stars."""
    fit = LEAST_SQUARES[name](few())
    assert_no_errors(fit, X)
    assert fit.note == f"no standard error for TBI, RQ: {CANCEL}"
    literal = fit_with_dummies(few(), Y, X)
    assert_allclose(fit.terms.loc[[*X], "estimate"], literal.coef, rtol=RTOL)
    assert np.diag(literal.sandwich).max() < 1e-25


def test_three_clusters_have_them():
    fit = two_way(few(3), Y, X)
    literal = fit_with_dummies(few(3), Y, X)
    factor = 3 / 2 * 26 / (27 - 11)
    se = np.sqrt(np.diag(literal.sandwich * factor))
    assert_allclose(fit.terms.loc[[*X], "se"], se, rtol=RTOL)
    assert fit.note == ""


@pytest.mark.parametrize("name", LEAST_SQUARES)
def test_an_outcome_without_errors_has_coefficients_alone(name):
    fit = LEAST_SQUARES[name](exact())
    assert_no_errors(fit, X)
    assert_allclose(fit.terms.loc[[*X], "estimate"], [2, -1], rtol=1e-6)
    assert PERFECT in fit.note


def test_two_stages_say_what_they_lack():
    fit = iv(few())
    assert_no_errors(fit, X)
    assert_no_errors(fit.first, [Z, "RQ"])
    assert fit.note.endswith(CANCEL)
    weak = fit.weak
    assert np.isnan([weak.kp_f, weak.effective_f, weak.ar_f, weak.ar_chi2]).all()
    assert np.isnan(weak.first_stage[0].standard_errors).all()
    assert fit.ar_set.text() == "unknown" and not fit.ar_set.bounded
    assert_no_errors(iv(exact()), X)


def test_more_coefficients_than_clusters_have_no_joint_test():
    """G clusters span G - 1 dimensions: each t is there, F is not."""
    names = ["TBI", "RQ", "INFR", "lnGDP"]
    fit = two_way(few(4), Y, names)
    assert fit.terms.loc[names, "t"].notna().all()
    assert np.isnan(fit.wald(names)).all()
    assert np.isfinite(fit.wald(names[:2])).all()
    assert error_of(fit.wald, ["inflation"]).startswith("no term inflation: ")


@pytest.mark.parametrize(
    "frame, reason", [(few(), CANCEL), (exact(), "linear combination")]
)
def test_what_has_no_errors_is_not_resampled(frame, reason):
    assert reason in error_of(drawn, frame)


# ------------------------------------------------------------------- the same mistakes


with_columns = UNBALANCED.assign
FIRST = UNBALANCED.iloc[4]
ONE = UNBALANCED["iso3"] == "C03"
ALONE = "KOFGIdj is a linear combination of the effects alone ({n} rows); drop one, or use more rows"
MADE = "is collinear with the other regressors and the effects; leave it out"
WORDS = "column RQ holds words, not numbers; fix the data or convert it with pandas.to_numeric (first '{x}')"

# A panel, the regressors, and what every estimator says of them.
MISTAKES: dict[str, tuple[pd.DataFrame, tuple[str, ...], str]] = {
    "a country-year twice": (pd.concat([UNBALANCED, UNBALANCED.iloc[[4]]]), X, f"{FIRST['iso3']} has two rows in {FIRST['year']}; fix the panel"),
    "a constant outcome": (with_columns(KOFGIdj=5.0), X, ALONE),
    "an outcome of zeros": (with_columns(KOFGIdj=0.0), X, ALONE),
    "an outcome of years": (with_columns(KOFGIdj=1e7 + UNBALANCED["year"] / 3), X, ALONE),
    "a constant outcome of size 1e-200": (with_columns(KOFGIdj=1e-200), X, ALONE),
    "one country": (UNBALANCED[ONE], X, "KOFGIdj: fewer than two values of iso3 are left; it takes two"),
    "a column that is not there": (UNBALANCED, ("TBI", "GDP"), "no column GDP in the data; it has iso3, year"),
    "a regressor twice": (UNBALANCED, ("TBI", "RQ", "RQ"), "regressors: RQ is duplicated"),
    "the outcome as regressor": (UNBALANCED, ("TBI", Y), "outcome: KOFGIdj is a regressor as well"),
    "a column called const": (with_columns(const=UNBALANCED["RQ"]), ("TBI", "const"), "regressors: const is the name of the constant; rename the column"),
    "twice another regressor": (with_columns(INFR=2 * UNBALANCED["RQ"]), ("TBI", "RQ", "INFR"), f"INFR {MADE} (INFR is collinear with RQ)"),
    "a sum of others": (with_columns(INFR=UNBALANCED["RQ"] + UNBALANCED["TBI"] * 1e-3), ("TBI", "RQ", "INFR"), "is collinear with the other regressors and the effects; leave it out ("),
    "a regressor of years": (with_columns(RQ=UNBALANCED["year"] * 1e-12), X, f"RQ {MADE} (RQ is collinear with the effects)"),
    "a regressor of countries": (with_columns(RQ=UNBALANCED["iso3"].str[1:].astype(float)), X, f"RQ {MADE} (RQ is collinear with the effects)"),
    "a constant regressor": (with_columns(RQ=1e-12), X, f"RQ {MADE} (RQ is collinear with the effects)"),
    "no values": (with_columns(RQ=None), X, "column RQ has no values"),
    "an infinite value": (with_columns(RQ=UNBALANCED["RQ"].mask(ONE, np.inf)), X, "column RQ holds an infinite value; fix the data"),
    "text": (with_columns(RQ=UNBALANCED["RQ"].astype(str)), X, "column RQ holds words, not numbers; fix the data or convert it with pandas.to_numeric (first '"),
    "a word among numbers": (with_columns(RQ=["..", *UNBALANCED["RQ"][1:].astype(str)][::-1]), X, WORDS.format(x="..")),
    "blanks in a label": (with_columns(iso3=["C03 ", *UNBALANCED["iso3"][1:]]), X, "column iso3 holds 'C03 ' beside 'C03'; take the blanks away"),
    "objects": (with_columns(RQ=[{} for _ in ONE]), X, "column RQ holds objects, not numbers; fix the data or convert it with pandas.to_numeric (first {{}})"),
    "numbers as objects": (with_columns(RQ=UNBALANCED["RQ"].astype(object)), X, "column RQ holds objects, not numbers; fix the data or convert it"),
    "categories": (with_columns(RQ=pd.Categorical(UNBALANCED["year"])), X, "column RQ holds categories, not numbers; write them as numbers or as effects (first"),
    "dates": (with_columns(RQ=pd.Timestamp("2000-01-01")), X, "column RQ holds dates, not numbers; write them as numbers (first"),
    "complex numbers": (with_columns(RQ=UNBALANCED["RQ"] + 1j), X, "column RQ holds complex numbers; take their real part (first"),
    "years of two kinds": (with_columns(year=[2000, *map(str, UNBALANCED["year"][1:])]), X, "column year holds labels that cannot be sorted, such as words beside numbers; write them all alike"),
    "lists as countries": (with_columns(iso3=[[1] for _ in ONE]), X, "column iso3 holds labels that cannot be sorted"),
    "two columns of one name": (pd.concat([UNBALANCED, UNBALANCED[["RQ"]]], axis=1), X, "two columns of the data are called RQ; rename one"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_every_estimator_says_the_same_of_a_mistake(name):
    frame, regressors, told = MISTAKES[name]
    for estimator, run in EVERY.items():
        line = error_of(run, frame, x=regressors)
        assert told.format(n=len(frame)) in line, estimator


@pytest.mark.parametrize(
    "instruments, frame, told",
    [
        (("TBI",), UNBALANCED, "regressors: TBI is duplicated"),
        (("RQ",), UNBALANCED, "regressors: RQ is duplicated"),
        ((Y,), UNBALANCED, "outcome: KOFGIdj is a regressor as well"),
        (("lnPOP",), with_columns(lnPOP=3 * UNBALANCED["RQ"]), "instrument lnPOP is collinear with the controls, the effects or another instrument; leave it out (lnPOP is collinear with RQ)"),
        (("lnPOP",), with_columns(lnPOP=3 * UNBALANCED["TBI"]), "the instruments reproduce TBI exactly; treat it as exogenous"),
        (("lnPOP",), with_columns(lnPOP=UNBALANCED["year"]), "instrument lnPOP is collinear"),
    ],
)  # fmt: skip
def test_instruments_are_refused_in_the_same_words(instruments, frame, told):
    for run in (iv, drawn_iv):
        assert told in error_of(run, frame, z=instruments)


# ------------------------------------------------------------------------ kinds of data


@pytest.mark.parametrize("kind", ["Float64", "Int64", "boolean", "bool", "int8"])
def test_nullable_and_whole_numbers_and_truth_values_are_numbers(kind):
    """With pd.NA in place of NaN where the kind has it."""
    values = (UNBALANCED["RQ"] * 3).round().clip(-9, 9)
    if kind in ("boolean", "bool"):
        values = (values > 1).astype(float)
    if kind[0].isupper() or kind == "boolean":
        values = values.mask(np.arange(len(values)) == 7)
    plain, typed = with_columns(RQ=values), with_columns(RQ=values.astype(kind))
    for run in (LEAST_SQUARES["stata"], LEAST_SQUARES["linearmodels"]):
        assert_array_equal(run(typed).terms, run(plain).terms)
    assert_array_equal(drawn(typed).coef, drawn(plain).coef)


@pytest.mark.parametrize("kind", ["category", "object", "string"])
def test_countries_and_years_may_be_any_labels(kind):
    frame = with_columns(
        iso3=UNBALANCED["iso3"].astype(kind), year=UNBALANCED["year"].astype(kind)
    )
    for run in (LEAST_SQUARES["fixest"], LEAST_SQUARES["Driscoll-Kraay"], iv, drawn):
        own, other = run(UNBALANCED), run(frame)
        b, c = (getattr(k, "second", k) for k in (own, other))
        if run is drawn:
            assert_array_equal(c.coef, b.coef)
        else:
            assert_allclose(c.terms, b.terms, rtol=RTOL)


@pytest.mark.parametrize("names", ["iso3", ["iso3", "year"]])
def test_an_index_that_has_the_name_of_a_column_is_no_obstacle(names):
    frame = UNBALANCED.set_index(names, drop=False)
    for run in (LEAST_SQUARES["fixest"], LEAST_SQUARES["Driscoll-Kraay"], iv):
        own, other = (getattr(run(k), "second", run(k)) for k in (UNBALANCED, frame))
        assert_array_equal(other.terms, own.terms)


def test_columns_are_float64_and_rows_keep_their_labels():
    frame = with_columns(RQ=UNBALANCED["RQ"].astype("Float32").mask(ONE))
    used = complete_rows(frame, ["RQ", "TBI"], ["iso3"])
    assert used.dtypes[["RQ", "TBI"]].tolist() == [np.float64, np.float64]
    assert_array_equal(used.index, UNBALANCED.index[~ONE])


def test_development_is_one_or_zero():
    words = UNBALANCED.assign(developed="yes")
    told = error_of(sample, words, "developed")
    assert told == "column developed holds 'yes'; write 1 or 0 in each row"


def test_a_sample_is_a_column_of_ones_and_zeros_or_its_complement():
    panel = UNBALANCED.assign(euro=0.0, developed=1)
    panel.loc[panel.index[:2], "euro"], panel.loc[panel.index[2], "euro"] = 1.0, np.nan
    assert sample(panel, "euro").index.tolist() == panel.index[:2].tolist()
    assert len(sample(panel, "developed")) == len(panel)
    assert sample(panel, "developing").empty
    # A column of the name itself goes before.
    some = panel.assign(developing=panel["euro"])
    assert sample(some, "developing").equals(sample(some, "euro"))


def test_a_lag_of_words_is_a_mistake():
    """Of a lag in a run file, too: ``L.iso3``."""
    line = error_of(
        with_lags,
        UNBALANCED,
        [Model("main", Y, ("L.iso3",), entity="iso3", time="year")],
    )
    assert line.startswith("column iso3 holds words, not numbers")


def test_instruments_as_lists_of_numbers_are_arrays():
    lists: Any = {"y": [1, 2, 4], "X": [[1], [2], [9]], "W": [[1]] * 3}
    for Z, told in (
        ([[1], [2]], "Z has 2 rows, y has 3; give the same rows"),
        ([1, 2, 3], "Z has shape (3,); give a column for each variable"),
        ([["a"]] * 3, "Z holds [['a'], ['a'], ['a']], not numbers"),
    ):
        assert told in error_of(IVData, **lists, Z=Z)


def test_dummies_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    frame = pd.DataFrame(
        {"iso3": np.repeat(["A", "B"], 500), "year": np.tile(np.arange(500), 2)}
    )
    frame["x"], frame["y"] = np.random.default_rng(0).normal(size=(2, 1000))
    monkeypatch.setattr(design, "machine_memory", lambda: 1 << 20)
    line = error_of(two_way, frame, "y", ["x"])
    assert line.startswith("500 effects of year that iso3 does not nest, in 1,000 rows")
    assert line.endswith("tx.fit estimates without dummies, by CV1")
