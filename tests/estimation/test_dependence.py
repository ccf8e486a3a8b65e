"""Are residuals of countries correlated: by hand, by literal sums, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from tivax.engine.estimation import dependence
from tivax.engine.estimation.dependence import cross_section_dependence, expected_cd

from helpers import error_of, fit_with_dummies, two_way

# The same sums in another order.
RTOL = 1e-10
# Of 80 panels 10 rejections or fewer: a test of 5 % passes in 99.7 % of cases.
PANELS, DRAWS, MOST = 80, 199, 0.125


def panel(
    e: np.ndarray, x: np.ndarray | None = None, present: np.ndarray | None = None
) -> pd.DataFrame:
    """Rows of countries (rows) and years (columns) with the outcome e."""
    g, t = (k.ravel() for k in np.indices(e.shape))
    x = np.random.default_rng(9).normal(size=e.shape) if x is None else x
    frame = pd.DataFrame({"iso3": [f"C{k:02}" for k in g], "year": 2000 + t})
    frame = frame.assign(y=e.ravel(), x=x.ravel())
    return frame if present is None else frame[present.ravel()]


def of_outcome(frame: pd.DataFrame, **options) -> dependence.Dependence:
    u = fit_with_dummies(frame, "y", ["x"]).residuals
    residuals = pd.Series(u, frame.index)
    keys = {"entity": "iso3", "time": "year"} | options
    return cross_section_dependence(frame, residuals, ["x"], **keys)


# --------------------------------------------------------------------------- by hand


def test_cd_of_three_countries_by_hand():
    """Deviations (-1, 0, 1), (-1, 1, 0), (3, 0, -3): r = 1/2, -1, -1/2.

    CD = sqrt(2 x 3 / (3 x 2)) (1/2 - 1 - 1/2) = -1; mean |r| = 2/3.
    """
    e = np.array([[1.0, 2, 3], [4, 6, 5], [6, 3, 0]])
    frame = panel(e)
    found = cross_section_dependence(
        frame, frame["y"], ["x"], draws=9, entity="iso3", time="year"
    )
    assert_allclose(found.cd, -1.0, rtol=RTOL)
    assert_allclose(found.mean_correlation, -1 / 3, rtol=RTOL)
    assert_allclose(found.absolute.value, 2 / 3, rtol=RTOL)
    named = frame.rename(columns={"iso3": "firm", "year": "quarter"})
    of = {"entity": "firm", "time": "quarter", "draws": 9}
    assert cross_section_dependence(named, frame["y"], ["x"], **of) == found
    r = np.array([[1, 0.5, -1], [0.5, 1, -0.5], [-1, -0.5, 1]])
    assert_allclose(found.component.value, np.linalg.eigvalsh(r)[-1] / 3, rtol=RTOL)


@pytest.mark.parametrize("G, T", [(41, 15), (22, 15), (5, 4)])
def test_equal_variances_centre_cd_far_below_zero(G, T):
    centre, scale = expected_cd(np.full((1, G), 2.5), np.ones((G, T), bool))
    assert_allclose(centre, -np.sqrt(T * G / (2 * (G - 1))), rtol=RTOL)
    assert_allclose(scale, 0.0, atol=1e-15)


def test_the_centre_is_that_of_the_covariance_of_residuals():
    """Of (I - 11'/G_t) diag(s) (I - 11'/G_t) in each year, literally."""
    rng = np.random.default_rng(3)
    G, T = 6, 7
    present = rng.uniform(size=(G, T)) > 0.2
    s = rng.uniform(0.2, 3, G)
    (own,), (own_scale,) = expected_cd(s[None], present)
    cov, var, shared = np.zeros((G, G)), np.zeros(G), np.zeros((G, G))
    for t in range(T):
        there = np.flatnonzero(present[:, t])
        M = np.eye(len(there)) - 1 / len(there)
        V = M @ np.diag(s[there]) @ M
        cov[np.ix_(there, there)] += V
        shared[np.ix_(there, there)] += 1
        var[there] += np.diag(V)
    var /= present.sum(axis=1)
    total = sum(
        np.sqrt(shared[i, j]) * cov[i, j] / shared[i, j] / np.sqrt(var[i] * var[j])
        for i in range(G)
        for j in range(i + 1, G)
        if shared[i, j] >= dependence.FEWEST_YEARS
    )
    assert_allclose(own, np.sqrt(2 / (G * (G - 1))) * total, rtol=RTOL)
    a = np.sqrt(s)
    assert_allclose(own_scale, np.mean((1 - a * np.mean(1 / a)) ** 2), rtol=RTOL)


def test_the_centre_counts_the_degrees_of_freedom_of_each_country():
    """Equal sample variances, over 14 years or 4, are those of equal errors. (Where all
    have the same years, their number is a factor of all variances, which cancels.)"""
    rng = np.random.default_rng(8)
    present = np.ones((6, 14), bool)
    present[:3, 4:] = False
    e = np.where(present, rng.normal(size=present.shape), np.nan)
    e -= np.nanmean(e, axis=1, keepdims=True)
    e /= np.nanstd(e, axis=1, ddof=1, keepdims=True)
    frame = panel(e, present=present)
    found = cross_section_dependence(
        frame, frame["y"], ["x"], draws=9, entity="iso3", time="year"
    )
    assert_allclose(found.centre, *expected_cd(np.ones((1, 6)), present)[0], rtol=RTOL)


def test_missing_cells_leave_correlations_of_the_years_in_common():
    """Against pandas, pair by pair."""
    rng = np.random.default_rng(4)
    e = rng.normal(size=(7, 9))
    present = rng.uniform(size=e.shape) > 0.15
    frame = panel(e, present=present)
    residuals = two_way(frame, "y", ["x"]).residuals
    found = cross_section_dependence(
        frame, residuals, ["x"], draws=19, entity="iso3", time="year"
    )
    wide = frame.assign(e=residuals).pivot(index="year", columns="iso3", values="e")
    r = wide.corr().to_numpy()
    shared = wide.notna().astype(int).T.dot(wide.notna().astype(int)).to_numpy()
    i, j = np.triu_indices(7, 1)
    kept = shared[i, j] >= 3
    r, shared = r[i, j][kept], shared[i, j][kept]
    assert_allclose(found.cd, np.sqrt(2 / 42) * (np.sqrt(shared) * r).sum(), rtol=1e-8)
    assert_allclose(found.mean_correlation, r.mean(), rtol=1e-8)
    assert_allclose(found.absolute.value, np.abs(r).mean(), rtol=1e-8)
    assert 0 < found.corrected.p_value <= 1


def test_random_signs_and_large_correlations_by_literal_sums():
    """CDw+: pair by pair, signs of the stream of the seed."""
    rng = np.random.default_rng(5)
    e = rng.normal(size=(6, 30)) + 2 * (np.arange(6) < 2)[:, None] * rng.normal(size=30)
    frame = panel(e)
    found = cross_section_dependence(
        frame, frame["y"], ["x"], draws=9, seed=4, entity="iso3", time="year"
    )
    w = 2 * np.random.default_rng((4, 30)).integers(0, 2, (30, 6)) - 1
    total, large = 0.0, 0
    r: np.ndarray = np.asarray(np.corrcoef(e))
    for i in range(6):
        for j in range(i):
            total += np.sqrt(2 * 30 / (6 * 5)) * r[i, j] * (w[:, i] * w[:, j]).sum()
            large += abs(r[i, j]) > 2 * np.sqrt(np.log(6) / 30)
    assert large == 1  # the pair with a common shock
    expected = total / np.sqrt(30) + abs(r[0, 1])
    assert_allclose(found.weighted.value, expected, rtol=RTOL)


def test_simulated_residuals_are_those_of_the_regression():
    """The projection of errors is what fixed effects make of them."""
    rng = np.random.default_rng(5)
    for present in (np.ones((6, 5), bool), rng.uniform(size=(6, 5)) > 0.1):
        e = rng.normal(size=present.shape)
        frame = panel(e, present=present)
        own = dependence._Panel.of(frame, ["x"], "iso3", "year")
        got = own.residuals(np.where(present, e, 0.0)[None])[0][present]
        fit = two_way(frame, "y", ["x"]).residuals
        assert_allclose(got, fit.to_numpy(), rtol=0, atol=1e-10)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    frame = panel(np.random.default_rng(6).normal(size=(8, 6)))
    first = of_outcome(frame, draws=99, seed=3)
    assert first == of_outcome(frame, draws=99, seed=3)
    assert first.corrected.null != of_outcome(frame, draws=99, seed=4).corrected.null
    shuffled = of_outcome(frame.sample(frac=1, random_state=0), draws=99, seed=3)
    assert_allclose(shuffled.cd, first.cd, rtol=1e-8)
    assert shuffled.corrected.p_value == first.corrected.p_value


def test_the_monte_carlo_error_is_that_of_a_share():
    frame = panel(np.random.default_rng(7).normal(size=(8, 6)))
    found = of_outcome(frame, draws=499)
    for one, sides in ((found.corrected, 2), (found.absolute, 1)):
        tail = one.p_value / sides
        if one.p_value < 1:
            assert_allclose(
                one.mc_error, sides * np.sqrt(tail * (1 - tail) / 499), rtol=RTOL
            )


def test_two_years_are_too_few_for_correlations():
    frame = panel(np.random.default_rng(8).normal(size=(5, 2)))
    line = error_of(
        cross_section_dependence,
        frame,
        frame["y"],
        ["x"],
        draws=9,
        entity="iso3",
        time="year",
    )
    assert "no two countries share 3 years" in line


def test_residuals_of_other_rows_are_refused():
    frame = panel(np.random.default_rng(8).normal(size=(5, 4)))
    twice = frame.set_axis(frame["year"])
    for data, e in ((twice, twice["y"]), (frame, frame["y"].set_axis(frame.index + 1))):
        line = error_of(
            cross_section_dependence,
            data,
            e,
            ["x"],
            draws=9,
            entity="iso3",
            time="year",
        )
        assert "residuals: their labels must be those of rows of data" in line


# -------------------------------------------------------------------- size and power


def errors(rng: np.random.Generator, unequal: bool, factor: float = 0.0) -> np.ndarray:
    G, T = 20, 10
    scale = np.exp(0.6 * rng.normal(size=(G, 1))) if unequal else np.ones((G, 1))
    loadings, common = rng.normal(1, 1, size=(G, 1)), rng.normal(size=(1, T))
    return scale * (rng.normal(size=(G, T)) + factor * loadings * common)


def rejections(unequal: bool, factor: float = 0.0, panels: int = PANELS) -> np.ndarray:
    """Shares of panels in which CD against N(0, 1), CD*, |r|, the first component and
    CDw+ reject at 5 %."""
    rng, found = np.random.default_rng(10), []
    for _ in range(panels):
        one = of_outcome(panel(errors(rng, unequal, factor)), draws=DRAWS)
        tests = (one.corrected, one.absolute, one.component, one.weighted)
        old = 2 * stats.norm.sf(abs(one.cd))
        found.append([old, *(test.p_value for test in tests)])
    return (np.array(found) <= 0.05).mean(axis=0)


@pytest.mark.parametrize("unequal", [False, True])
def test_independent_countries_are_rejected_in_5_percent_and_by_cd_nearly_always(
    unequal,
):
    """Unequal variances do not change the size."""
    old, *new = rejections(unequal)
    assert old > 0.4 or unequal
    assert max(new) <= MOST


def test_a_common_factor_is_found():
    _, corrected, absolute, component, weighted = rejections(True, 1.5, panels=30)
    assert absolute > 0.8 and component > 0.8
