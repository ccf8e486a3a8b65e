"""The wild bootstrap of two-way clusters: refits of every draw, by literal code."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.estimation import LinearFit, Model, TwoWay
from tivax.engine.resampling import Wild, make_plan, resample
from tivax.engine.resampling.wild_tests import invert_wild
from tivax.kernels.two_way import two_way_statistics

from helpers import error_of, random_panel, two_way

# Projections in another order, and a variance that is a difference.
RTOL = 1e-9
MODEL = Model("m", "KOFGIdj", ["TBI", "RQ"], entity="iso3", time="year")
TWO_WAY = Wild(second="year")


def shaken(countries: int, years: int) -> pd.DataFrame:
    """Unbalanced, with shocks of years and of countries."""
    frame = random_panel(countries=countries, years=years, seed=7)
    rng = np.random.default_rng(2)
    for name in ("TBI", "KOFGIdj"):
        size = frame[name].std()
        for key in ("iso3", "year"):
            codes = pd.factorize(frame[key])[0]
            loading = rng.normal(size=codes.max() + 1)[codes]
            frame[name] += size * loading * rng.normal(size=len(frame))
    return frame.drop(index=frame.index[[1, 8, 17]])


def with_dummies(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    dummies = pd.get_dummies(frame[["iso3", "year"]].astype(str), drop_first=True)
    return np.column_stack([np.ones(len(frame)), dummies.to_numpy(float), frame[names]])


def literal_t(frame: pd.DataFrame, y: np.ndarray, null: float) -> float:
    """(b - null) over the two-way standard error, all dummies in the regression."""
    D = with_dummies(frame, ["RQ", "TBI"])
    inverse = np.linalg.inv(D.T @ D)
    b = inverse @ D.T @ y
    score = (D @ inverse)[:, -1] * (y - D @ b)
    by = [frame["iso3"], frame["year"], np.arange(len(frame))]
    parts = [np.sum(pd.Series(score).groupby(np.asarray(k)).sum() ** 2) for k in by]
    fewer = min(frame["iso3"].nunique(), frame["year"].nunique())
    N = len(frame)
    variance = parts[0] + parts[1] - parts[2]
    return (b[-1] - null) / np.sqrt(variance * fewer / (fewer - 1) * (N - 1) / (N - 3))


def restricted_fit(frame: pd.DataFrame, null: float) -> tuple[np.ndarray, np.ndarray]:
    D = with_dummies(frame, ["RQ"])
    y = frame["KOFGIdj"].to_numpy() - null * frame["TBI"].to_numpy()
    fitted = D @ np.linalg.lstsq(D, y, rcond=None)[0]
    return fitted + null * frame["TBI"].to_numpy(), y - fitted


@pytest.mark.parametrize("countries, years", [(9, 5), (5, 8)])
@pytest.mark.parametrize("null", [0.0, 3.0])
def test_every_draw_is_a_refit(countries, years, null):
    """The dimension with fewer clusters has the weights."""
    frame = shaken(countries, years)
    fitted = LinearFit.to_draw(frame, MODEL)
    key = "year" if years < countries else "iso3"
    code, names = pd.factorize(frame[key], sort=True)
    v = np.random.default_rng(1).choice([-1.0, 1.0, 0.7], size=(len(names), 12))
    own = two_way_statistics(fitted.two_way_loadings(0, "year", null), jnp.asarray(v))
    center, u = restricted_fit(frame, null)
    with np.errstate(invalid="ignore"):
        each = [literal_t(frame, center + u * k[code], null) for k in v.T]
    assert_allclose(own, each, rtol=RTOL)


def test_the_standard_error_is_that_of_two_way_clusters():
    frame = shaken(9, 5)
    plan = make_plan(LinearFit.to_draw(frame, MODEL), TWO_WAY, 32)
    fit = two_way(frame, "KOFGIdj", ["TBI", "RQ"], vcov="two-way")["TBI"]
    assert plan.observed[0] == pytest.approx(fit.t, rel=1e-9)
    found = resample(frame, MODEL, TWO_WAY, draws=32)
    assert found.summary["se"].iloc[0] == pytest.approx(fit.se, rel=1e-9)
    assert found.summary["scheme"].iloc[0] == "wild-wcr-rademacher-two-way-year"
    assert found.summary["draws"].iloc[0] == 2**5  # all patterns of the years


def test_p_is_the_share_of_refits_above_the_sample():
    frame = shaken(9, 5)
    center, u = restricted_fit(frame, 0.0)
    code = pd.factorize(frame["year"], sort=True)[0]
    patterns = 2 * (np.arange(32)[:, None] >> np.arange(5)[None] & 1) - 1.0
    with np.errstate(invalid="ignore"):
        t = np.array([literal_t(frame, center + u * k[code], 0.0) for k in patterns])
    own = abs(literal_t(frame, frame["KOFGIdj"].to_numpy(), 0.0))
    made = np.abs(t[np.isfinite(t)])
    found = resample(frame, MODEL, TWO_WAY, draws=32)
    assert found.summary["p_value"].iloc[0] == np.mean(made > own * (1 + 1e-9))
    assert found.failed == 32 - len(made)


def test_p_at_the_ends_of_the_interval_is_5_percent():
    frame = shaken(9, 7)
    plan = make_plan(LinearFit.to_draw(frame, MODEL), TWO_WAY, 128)
    inverted = invert_wild(plan, 0)
    assert inverted is not None
    low, high = inverted.intervals[0]
    se = plan.fitted.covariance(TwoWay("year"))[0, 0] ** 0.5
    for end, inward in ((low, 1), (high, -1)):
        if not np.isfinite(end):
            continue
        schemes = [replace(TWO_WAY, value=k) for k in (end, end + inward * 2e-6 * se)]
        at, inside = (
            resample(frame, MODEL, k, draws=128).summary["p_value"].iloc[0]
            for k in schemes
        )
        assert at <= 0.05 < inside
    assert np.isfinite([low, high]).any()


def test_without_the_hypothesis_residuals_are_those_of_the_fit():
    frame = shaken(9, 5)
    fitted = LinearFit.to_draw(frame, MODEL)
    at_estimate = fitted.two_way_loadings(0, "year", float(fitted.coef[0]))
    free = fitted.two_way_loadings(0, "year", 0.0, restricted=False)
    assert_allclose(at_estimate.K, free.K, rtol=1e-9, atol=1e-12)
    assert resample(frame, MODEL, Wild(null=False, second="year"), draws=9)


@pytest.mark.parametrize(
    "scheme, message",
    [
        ({"second": "iso3"}, "model m: second = 'iso3': name a column of two values or more, none missing, other than iso3"),
        ({"second": "none"}, "no column none in the data"),
    ],
)  # fmt: skip
def test_a_second_dimension_that_is_none_is_told(scheme, message):
    wrong = Wild(**scheme)
    told = error_of(resample, shaken(9, 5), MODEL, wrong, draws=9)
    assert told.startswith(message)


@pytest.mark.parametrize("wrong", [{"type": "13"}, {"joint": True}])
def test_two_way_clusters_are_of_one_type(wrong):
    line = error_of(Wild, second="year", **wrong)
    assert line.startswith('second = "year": two-way clusters go with type "11"')


def test_a_variance_that_is_not_positive_has_no_p():
    frame, model = (
        random_panel(countries=8, years=5, seed=10),
        replace(MODEL, regressors=("TBI",)),
    )
    se = two_way(frame, "KOFGIdj", ["TBI"], vcov="two-way").terms["se"]
    assert np.isnan(se["TBI"])
    told = error_of(resample, frame, model, TWO_WAY, draws=99)
    assert told.startswith("model m: the variance with clusters of year too is not pos")


def test_two_stage_least_squares_takes_no_second_dimension():
    model = Model(
        "iv",
        "KOFGIdj",
        ["TBI"],
        endogenous=["TBI"],
        instruments=["lnPOP"],
        entity="iso3",
        time="year",
    )
    line = error_of(resample, shaken(9, 5), model, TWO_WAY, draws=9)
    assert line.endswith("leave it out for two-stage least squares")
