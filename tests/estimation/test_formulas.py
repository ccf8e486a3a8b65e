"""``tx.fit``: formulas beside pyfixest, its verbs, what is refused, many effects."""

import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pyfixest
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.estimation import effects

from described import assert_described
from helpers import error_of

RTOL = 1e-9
NO_FORMULA = "formula '{}': "


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """30 firms in 20 years, areas that cut through both, a weight."""
    rng = np.random.default_rng(0)
    n = 600
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["x", "z", "e"])
    frame["firm"] = np.repeat([f"F{k:02d}" for k in range(30)], 20)
    frame["year"] = np.tile(np.arange(2000, 2020), 30)
    frame["area"] = rng.integers(0, 6, n)
    frame["half"] = (frame["year"] % 2).astype(str)
    frame["size"] = rng.uniform(1, 3, n)
    frame["w"] = frame["z"] + rng.normal(size=n)
    frame["y"] = frame["x"] + frame["w"] + frame["e"] * (1 + frame["x"] ** 2)
    return frame


def feols(formula: str, data: pd.DataFrame, **options: Any) -> Any:
    pyfixest = import_module("pyfixest")
    exact = pyfixest.MapDemeaner(fixef_tol=1e-12)
    return pyfixest.feols(formula, data.copy(), demeaner=exact, **options)


CASES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "two effects": ("y ~ x + w | firm + year", {}, {"CRV1": "firm"}),
    "one": ("y ~ x + w | firm", {}, {"CRV1": "firm"}),
    "three": ("y ~ x + w | firm + year + area", {}, {"CRV1": "firm"}),
    "none": ("y ~ x + w", {}, "hetero"),
    "none, clusters": ("y ~ x + w", {"clusters": "area"}, {"CRV1": "area"}),
    "other clusters": ("y ~ x + w | firm + year", {"clusters": "area"}, {"CRV1": "area"}),
    "two ways": ("y ~ x | firm + year + area", {"clusters": ["firm", "year"]}, {"CRV1": "firm+year"}),
    "pyfixest's words": ("y ~ x | firm + year", {"vcov": {"CRV1": "firm+year"}}, {"CRV1": "firm+year"}),
    "iid": ("y ~ x + w | firm + year", {"vcov": "iid"}, "iid"),
    "HC1": ("y ~ x + w | firm + year", {"vcov": "HC1"}, "hetero"),
    "weights": ("y ~ x*w | firm + year", {"weights": "size"}, {"CRV1": "firm"}),
    "weights, HC1": ("y ~ x + w", {"weights": "size"}, "hetero"),
    "joint effects": ("y ~ x | firm + half^area", {}, {"CRV1": "firm"}),
    "columns that are made": ("log(size) ~ I(w**2) + C(area) + i(area, z, ref=0) + x:z | firm + year", {}, {"CRV1": "firm"}),
    "instrument": ("y ~ x | firm + year | w ~ z", {}, {"CRV1": "firm"}),
    "instruments, three effects": ("y ~ x | firm + year + area | w ~ z + e:z", {}, {"CRV1": "firm"}),
    "instrument, no effects": ("y ~ x | w ~ z", {}, "hetero"),
    "two ways, no effects": ("y ~ x", {"clusters": ["firm", "year"]}, {"CRV1": "firm+year"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_formula_gives_the_numbers_of_pyfixest(case, data):
    formula, options, vcov = CASES[case]
    weights = {k: v for k, v in options.items() if k == "weights"}
    theirs = feols(formula, data, vcov=vcov, **weights)
    table = theirs.tidy().rename(index={"Intercept": "const"})
    for fit in (tx.fit(formula, data, **options), tx.fit(theirs)):
        own = fit.terms.loc[[*table.index]]
        assert_allclose(own["estimate"], table["Estimate"], rtol=RTOL)
        assert_allclose(own["se"], table["Std. Error"], rtol=RTOL)
        assert_allclose(own["p_value"], table["Pr(>|t|)"], rtol=1e-7, atol=1e-12)


def test_a_constant_has_a_jackknife_as_slopes_have(data):
    """By refits without each area; with an instrument, too."""
    for formula in ("y ~ x", "y ~ x | w ~ z"):
        fit = tx.fit(formula, data, clusters="area", vcov="CV3")
        gaps = [
            tx.fit(formula, data[data["area"] != k]).terms["estimate"]
            - fit.terms["estimate"]
            for k in range(6)
        ]
        wanted = np.sqrt(5 / 6 * (np.array(gaps) ** 2).sum(axis=0))
        assert_allclose(fit.terms["se"], wanted, rtol=RTOL)
        assert fit.vcov("CV2", clusters="area").terms["se"].notna().all()


def test_effects_taken_out_at_once_are_those_of_dummies(data, monkeypatch):
    """Three that cross, of which clusters hold one or none; weights; an instrument."""
    cases = [
        (formula, {"clusters": clusters, "weights": weights})
        for formula in (
            "y ~ x | firm + year + area",
            "y ~ x | firm + year + area | w ~ z",
        )
        for clusters in ("firm", "area")
        for weights in (None, "size")
    ]
    wanted = [tx.fit(formula, data, **options) for formula, options in cases]
    monkeypatch.setattr(effects, "_DUMMIES", 0)
    for (formula, options), own in zip(cases, wanted, strict=True):
        found = tx.fit(formula, data, **options)
        assert found.solved.effects.demeaned and not own.solved.effects.demeaned
        for column in ("estimate", "se"):
            assert_allclose(found.terms[column], own.terms[column], rtol=1e-8)
        if found.model.instruments:
            assert_allclose(found.weak.kp_f, own.weak.kp_f, rtol=1e-8)
    told = error_of(found.vcov, "CV3", clusters="firm")
    assert told.startswith("this vcov leaves rows out")


def test_a_model_and_its_formula_are_one_fit(data):
    model = tx.Model("m", "y", ["x", "w"], entity="firm", time="year")
    own, same = tx.fit("y ~ x + w | firm + year", data), tx.fit(model, data)
    pd.testing.assert_frame_equal(own.terms, same.terms)
    assert "clustered by firm" in repr(own) and own.summary() == repr(own)
    assert own.vcov("HC1")["x"].se != own["x"].se == own.vcov()["x"].se


def test_its_verbs_are_the_functions(data):
    """Of the first regressor, or of another that it is about."""
    model = tx.Model("y", "y", ["x", "w"], entity="firm", time="year")
    fit = tx.fit("y ~ x + w | firm + year", data)
    wild, placebo = tx.schemes.Wild(), tx.schemes.Placebo()
    for own, scheme in ((fit.wild(draws=99), wild), (fit.placebo(draws=99), placebo)):
        found = tx.resample(data, model, scheme, draws=99)
        assert own.summary["p_value"].equals(found.summary["p_value"])
    assert fit.about("w").wild(draws=99).summary["term"].tolist() == ["w"]
    only = {"only": ["blocks left out"], "draws": 0}
    pd.testing.assert_frame_equal(
        fit.threats(**only).table, tx.threats(data, model, **only).table
    )
    choices = {"choices": {"controls": "subsets"}, "draws": 99}
    pd.testing.assert_frame_equal(
        fit.curve(**choices).table, tx.specification_curve(data, model, **choices).table
    )


def test_draws_of_a_weighted_fit_are_weighted(data):
    fit = tx.fit("y ~ x + w | firm + year", data, weights="size")
    assert_allclose(fit.wild(draws=9).summary["estimate"], fit["x"].estimate, rtol=RTOL)
    assert "takes fits without weights" in error_of(fit.threats)


def test_a_fit_of_pyfixest_stands_where_one_of_tivax_does(data):
    theirs = feols("y ~ x + w | firm + year", data, vcov={"CRV1": "firm"})
    own = tx.resample(theirs, draws=99).summary
    assert own["p_value"].equals(tx.fit(theirs).wild(draws=99).summary["p_value"])


def test_it_is_saved_as_other_results_are(data, tmp_path):
    fit = tx.fit("y ~ x | firm + year | w ~ z", data)
    folder = fit.save(tmp_path / "fit")
    assert_described("fit", folder)
    terms = pd.read_csv(folder / "terms.csv", index_col="term")
    assert_allclose(terms["se"], fit.terms["se"])


@pytest.mark.parametrize(
    "formula, told",
    [
        ("y + x ~ w | firm", "it has 2 models; give one outcome"),
        ("y ~ csw(x, w) | firm", "it has 2 models"),
        ("y ~ x | firm | w ~ z | year", "at most 3 parts"),
        ("y ~ x | firm[year]", "no column firm[year] in the data"),
        ("y ~ q | firm", "no column q in the data"),
        ("y ~ x | frim", "no column frim in the data"),
        ("y ~ nothing(x)", "nothing"),
        ("y ~ 1 | firm", "regressors: name at least one"),
        ("y ~ C(firm) | firm", "is collinear with"),
    ],
)
def test_what_is_not_taken_is_told_in_one_line(formula, told, data):
    assert told in error_of(tx.fit, formula, data)


def test_options_that_do_not_go_together_are_refused(data):
    formula = "y ~ x | firm + year"
    model = tx.Model("m", "y", ["x"], entity="firm", time="year")
    assert "names its own" in error_of(tx.fit, model, data, time="year")
    assert "no effect after the first" in error_of(tx.fit, formula, data, time="half")
    assert "give a pandas DataFrame" in error_of(tx.fit, formula)
    assert "no column heft" in error_of(tx.fit, formula, data, weights="heft")
    told = error_of(tx.fit, "y ~ x", data, vcov="CV1")
    assert told == "clusters: name their column, since there are no effects"
    twice = error_of(tx.fit, formula, pd.concat([data, data]), vcov="common-shocks")
    assert "has two rows in" in twice
    both = {"endogenous": ["x", "w"], "instruments": ["z", "e"]}
    two = tx.fit(tx.Model("m", "y", [], entity="firm", time="year", **both), data)
    assert "one endogenous regressor" in error_of(two.vcov, "CV3")
    assert "one endogenous regressor" in error_of(two.weak_instrument_tests)
    half = data.assign(half=data["y"] > 0)
    with warnings.catch_warnings(action="ignore"):
        logit = import_module("pyfixest").feglm("half ~ x", half, family="logit")
    assert "no linear model" in error_of(tx.fit, logit)
    own = feols(formula, data, ssc=import_module("pyfixest").ssc(k_fixef="full"))
    assert "an ssc of its own" in error_of(tx.fit, own)
    bare = feols(formula, data, store_data=False)
    assert "store_data=True" in error_of(tx.fit, bare)


@pytest.mark.parametrize("without", ["y ~ -1 + x", "y ~ 0 + x", "y ~ x - 1"])
def test_a_formula_without_a_constant_is_refused(without):
    """A constant would be fitted all the same, and other coefficients reported."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(40, 2)), columns=["x", "y"]).assign(
        u=range(40)
    )
    says = error_of(tx.fit, without, data)
    assert says.endswith("tivax fits a constant; leave out -1 or 0, or name effects")
    data["u"] = np.arange(40) % 8
    with_effects = tx.fit(f"{without} | u", data).terms
    pd.testing.assert_frame_equal(with_effects, tx.fit("y ~ x | u", data).terms)


@pytest.mark.parametrize("effects", ["", " | u", " | u + t", " | u + s^t"])
def test_a_jackknife_of_pyfixest_keeps_its_factor(effects):
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"u": np.repeat(range(12), 8), "t": np.tile(range(8), 12)})
    data["s"] = data["u"] % 3
    data["x"] = rng.normal(size=96) + data["u"] / 4
    data["y"] = data["x"] + rng.normal(size=96)
    other = pyfixest.feols(f"y ~ x{effects}", data, vcov={"CRV3": "u"})
    fit = tx.fit(other)
    assert fit["x"].se == pytest.approx(other.se()["x"], rel=1e-9)
    assert "pyfixest's CRV3 with its factor" in repr(fit)
    assert (
        tx.fit(f"y ~ x{effects}", data, vcov="CV3", clusters="u")["x"].se < fit["x"].se
    )


def test_clusters_that_do_not_nest_effects_count_them_by_rank():
    """k is 1 + 1 + 23 of pyfixest, of the 24 effects of s^t; units imply two more."""
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"u": np.repeat(range(12), 8), "t": np.tile(range(8), 12)})
    data["s"] = data["u"] % 3
    data["x"], data["y"] = rng.normal(size=(2, 96))
    other = pyfixest.feols("y ~ x | u + s^t", data, vcov={"CRV1": "u"})
    as_it_counts = tx.fit(other, vcov=tx.vcov.CV1("fixest"))
    assert as_it_counts["x"].se == pytest.approx(other.se()["x"], rel=1e-9)
    ratio = tx.fit(other)["x"].se / other.se()["x"]
    assert ratio**2 == pytest.approx((96 - 1 - 24) / (96 - 1 - 22), rel=1e-9)


def test_pooled_least_squares_does_not_call_itself_within():
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.normal(size=(60, 2)), columns=["x", "y"])
    data["u"] = np.arange(60) % 12
    says = repr(tx.fit("y ~ x", data, clusters="u"))
    assert "Stata regress vce(cluster)" in says and "R2 within" not in says


def test_rows_are_those_that_feols_kept():
    rng = np.random.default_rng(4)
    data = pd.DataFrame(rng.normal(size=(62, 2)), columns=["x", "y"])
    data["u"] = [*(np.arange(60) % 12), 100, 101]
    with warnings.catch_warnings(action="ignore"):  # of the singletons
        other = pyfixest.feols("y ~ x | u", data, vcov={"CRV1": "u"})
    assert tx.fit(other).n == other._N == 60
