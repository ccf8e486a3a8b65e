"""Omitted variables: published numbers, regressions that have them, rows that ask."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import tivax as tx
from tivax.engine.estimation import LinearFit
from tivax.engine.threats.unobserved import (
    Moments,
    Unadjusted,
    adjusted,
    bounds,
    oster_delta,
    partial_f,
    robustness_of,
    unadjusted,
)

from experiment_panels import MODEL, small_panel

# Cinelli and Hazlett (2020), as sensemakr prints them: directlyharmed on peacefactor.
DARFUR = Unadjusted(0.09731582, 0.02325654, 783)
BOUNDS = [
    [0.0092, 0.1246],
    [0.0183, 0.2493],
    [0.0275, 0.3741],
]  # by female, 1 to 3 times
ADJUSTED = [[0.0752, 0.0219], [0.0529, 0.0204], [0.0304, 0.0187]]
T = [3.4389, 2.6002, 1.6281]
PRINTED = 5.1e-5  # half of a last digit
ONLY = ["robustness value", "benchmarks"]


def critical(degrees: float, given: Unadjusted) -> float:
    """What ``robustness_of`` takes for p = 0.05."""
    return given.ratio * stats.t.ppf(0.975, degrees) / np.sqrt(given.df - 1)


def test_published_robustness_values_follow_from_estimate_error_and_df():
    f = partial_f(DARFUR)
    assert_allclose(f**2 / (1 + f**2), 0.022, atol=5e-4)
    assert_allclose(robustness_of(f), 0.139, atol=5e-4)
    # An iid error has one degree of freedom less with the confounder.
    assert_allclose(robustness_of(f, critical(782, DARFUR)), 0.076, atol=5e-4)


def test_published_bounds_follow_from_the_t_of_the_benchmark():
    # t of female in the equations of treatment and outcome, as sensemakr documents them.
    of_x, of_y = (t**2 / (t**2 + 783) for t in (-2.680, -9.789))
    for times, printed, (b, se), t in zip((1, 2, 3), BOUNDS, ADJUSTED, T, strict=True):
        got = bounds(of_x, of_y, times)
        assert_allclose(got, printed, atol=PRINTED)
        left = adjusted(DARFUR, *got)
        assert_allclose(left, (b, se), atol=PRINTED)
        # Bias, of which t has three times as much, is known to the digits of -2.680.
        assert_allclose(left[0] / left[1], t, atol=2e-3)


@pytest.fixture(scope="module")
def darfur():
    """The data, its model, and what sensemakr makes of a regression on every dummy:
    statistics, and bounds by each control with their estimates and errors."""
    sensemakr = pytest.importorskip("sensemakr")
    frame = sensemakr.load_darfur()
    controls = "age farmer_dar herder_dar pastvoted hhsize_darfur female".split()
    regressors = ["directlyharmed", *controls]
    villages = pd.get_dummies(frame["village"]).to_numpy(float)
    columns = frame[["peacefactor", *regressors]].to_numpy(float)

    def estimates(y, X):
        """Coefficients and errors of the columns before the villages."""
        X = np.column_stack([X, villages])
        b = np.linalg.lstsq(X, y, rcond=None)[0]
        variance = ((y - X @ b) ** 2).sum() / (len(X) - X.shape[1])
        se = np.sqrt(variance * np.diag(np.linalg.inv(X.T @ X)))
        return b[: -villages.shape[1]], se[: -villages.shape[1]]

    b, se = estimates(columns[:, 0], columns[:, 1:])
    x_b, x_se = estimates(columns[:, 1], columns[:, 2:])
    own = {"se": float(se[0]), "dof": len(frame) - villages.shape[1] - 7}
    with np.errstate(divide="ignore"):  # it divides by a critical value of 0
        statistics = sensemakr.sensitivity_stats(estimate=float(b[0]), **own)
    # With the degrees of freedom of the outcome's regression, and one more.
    of_x = sensemakr.partial_r2(t_statistic=x_b / x_se, dof=own["dof"] + 1)
    of_y = sensemakr.partial_r2(t_statistic=b[1:] / se[1:], dof=own["dof"])
    made = [
        sensemakr.ovb_partial_r2_bound(r2dxj_x=x, r2yxj_dx=y, kd=[1, 2, 3])
        for x, y in zip(of_x, of_y, strict=True)
    ]
    shares = pd.concat(made)[["r2dz_x", "r2yz_dx"]].to_numpy()
    left = sensemakr.adjusted_estimate(*shares.T, estimate=float(b[0]), **own)
    errors = sensemakr.adjusted_se(*shares.T, **own)
    model = tx.Model("darfur", "peacefactor", regressors, entity="village")
    return frame, model, statistics, shares, np.column_stack([left, errors])


def test_with_effects_absorbed_and_iid_errors_all_numbers_are_sensemakr_s(darfur):
    frame, model, statistics, shares, theirs = darfur
    given = unadjusted(LinearFit.of(frame, model))._replace(ratio=1.0)
    f = partial_f(given)
    assert given.df == statistics["dof"] == 783
    assert_allclose(given[:2], [statistics[k] for k in ("estimate", "se")], rtol=1e-9)
    assert_allclose(given[:2], DARFUR[:2], atol=5e-9)
    assert_allclose(f**2 / (1 + f**2), statistics["r2yd_x"], rtol=1e-9)
    assert_allclose(robustness_of(f), statistics["rv_q"], rtol=1e-9)
    iid = robustness_of(f, critical(782, given))
    assert_allclose(iid, statistics["rv_qa"], rtol=1e-9)
    assert_allclose([adjusted(given, *k) for k in shares], theirs, rtol=1e-9)
    # By female, the last control, as printed.
    assert_allclose(shares[-3:], BOUNDS, atol=PRINTED)
    assert_allclose(theirs[-3:], ADJUSTED, atol=PRINTED)
    assert_allclose(theirs[-3:, 0] / theirs[-3:, 1], T, atol=PRINTED)


def test_rows_have_the_clustered_error_beside_sensemakr_s_estimates(darfur):
    frame, model, statistics, _, theirs = darfur
    found = tx.threats(frame, model, only=ONLY, draws=0).table
    own = found[(found["threat"] == "confounder") & found["estimate"].notna()]
    given = found.iloc[0]
    ratio = given["se"] / statistics["se"]
    assert ratio > 1.02  # clusters matter
    assert_allclose(own[["estimate", "se"]], theirs * [1, ratio], rtol=1e-9)
    p = 2 * stats.t.sf(abs(own["estimate"] / own["se"]), given["clusters"] - 1)
    assert_allclose(own["p_value"], p, rtol=1e-9)
    assert (own["clusters"] == 486).all() and (own["n"] == 1276).all()
    values = found.set_index("variant")["estimate"]
    assert_allclose(values["with the outcome"], statistics["r2yd_x"], rtol=1e-9)
    assert_allclose(values["to 0"], statistics["rv_q"], rtol=1e-9)
    f, scaled = np.sqrt(statistics["f2yd_x"]), DARFUR._replace(ratio=ratio)
    by_clusters = robustness_of(f, critical(485, scaled))
    assert_allclose(values["to p = 0.05"], by_clusters, rtol=1e-9)


# ------------------------------------------------------------------------------ identities


@pytest.fixture(scope="module")
def confounded() -> pd.DataFrame:
    """``z`` moves treatment and outcome the same way, beside effects of both sides."""
    rng = np.random.default_rng(4)
    frame = small_panel(countries=9, years=11, seed=4)[["iso3", "year"]]
    z, x, y = rng.normal(size=(3, len(frame)))
    frame = frame.assign(z=z, w=rng.normal(size=len(frame)) + 0.3 * z)
    unit = frame["iso3"].str[-1].astype(float)
    frame["x"] = x + 0.4 * z + 0.2 * frame["w"] + unit
    frame["y"] = y + frame["x"] + 0.7 * z - 0.2 * frame["w"] + unit
    return frame


CONFOUNDED = tx.Model("confounded", "y", ["x", "w"], entity="iso3", time="year")


def test_the_regression_with_the_confounder_has_the_adjusted_estimate_and_error(
    confounded,
):
    """An identity; R2, estimate and error from regressions on every dummy."""
    dummies = pd.get_dummies(confounded[["iso3", "year"]].astype(str)).to_numpy(float)
    rest = np.column_stack([dummies, confounded["w"]])

    def net(column, *others):
        X = np.column_stack([rest, *(confounded[k] for k in others)])
        y = confounded[column].to_numpy()
        return y - X @ np.linalg.lstsq(X, y, rcond=None)[0]

    of_x = np.corrcoef(net("z"), net("x"))[0, 1] ** 2
    of_y = np.corrcoef(net("z", "x"), net("y", "x"))[0, 1] ** 2
    x, y = net("x", "z"), net("y", "z")
    b, u = x @ y / (x @ x), net("y", "x", "z")
    df = 9 * 11 - (9 + 11 - 1) - 3
    given = unadjusted(LinearFit.of(confounded, CONFOUNDED))
    assert given.df == df + 1
    got = adjusted(given._replace(ratio=1.0), of_x, of_y)
    assert_allclose(got, [b, np.sqrt(u @ u / df / (x @ x))], rtol=1e-9)


@pytest.mark.parametrize("f", [0.05, 0.3, 1.0])
def test_a_confounder_of_the_robustness_value_takes_the_estimate_to_0(f):
    given = Unadjusted(-f * 10, 1.0, 100)
    share = robustness_of(partial_f(given))
    assert_allclose(adjusted(given, share, share)[0], 0, atol=1e-12)


@pytest.mark.parametrize(
    "f, ratio, clusters", [(0.3, 0.7, 30), (0.9, 2.5, 8), (4.0, 2.5, 8), (0.2, 2.5, 8)]
)
def test_no_weaker_confounder_than_the_robustness_value_takes_significance(
    f, ratio, clusters
):
    """The least t of all confounders that explain no more of either is the critical
    one; in the third case by one that explains less of the outcome."""
    given, share = Unadjusted(f * 10, 1.0, 100, ratio), np.linspace(0, 1, 2001)
    value = robustness_of(f, critical(clusters - 1, given))
    if value == 0:
        assert f == 0.2 and adjusted(given, 0, 0)[0] < 2.37 * ratio
        return
    t = [np.divide(*adjusted(given, value, k)) for k in value * share]
    # The steps of the grid are 5e-4, and t is flat at its least.
    assert_allclose(min(t), stats.t.ppf(0.975, clusters - 1), rtol=1e-5)
    assert (int(np.argmin(t)) < 2000) == (f == 4.0)


def test_a_confounder_without_strength_leaves_the_estimate():
    assert bounds(0.2, 0.3, 0) == (0.0, 0.0)
    left, se = adjusted(DARFUR._replace(ratio=2.0), 0.0, 0.0)
    assert left == DARFUR.estimate
    assert_allclose(se, 2 * DARFUR.se * np.sqrt(783 / 782), rtol=1e-14)


def test_oster_delta_is_the_delta_that_the_data_were_made_with():
    # y = b x + w + u + e, x = p w + d p (var w / var u) u + v: selection on u is d times
    # that on w, in Oster's sense, cov(x, u) / var u = d cov(x, w) / var w; e, which no
    # regressor explains, bounds R2.
    b, p, var_w, var_u, var_v = 0.7, 0.5, 2.0, 3.0, 1.5
    for delta in (0.5, 1.0, 2.0):
        for var_e in (0.0, 2.5):
            wx, ux = p * var_w, delta * p * var_u
            x = wx**2 / var_w + ux**2 / var_u + var_v
            xy, wy = b * x + wx + ux, b * wx + var_w
            y = b * xy + wy + b * ux + var_u + var_e
            short = xy / x
            long = np.linalg.solve([[x, wx], [wx, var_w]], [xy, wy])
            r2 = (long @ [xy, wy]) / y
            left = x - wx**2 / var_w
            m = Moments(short, xy**2 / x / y, float(long[0]), float(r2), y, x, left)
            assert_allclose(oster_delta(m, 1 - var_e / y, target=b), delta, rtol=1e-8)


# ----------------------------------------------------------------------------------- rows


def test_confounders_are_shown_and_do_not_count(confounded):
    """A confounder is supposed, not observed: no variant of the model."""
    found = tx.threats(confounded, CONFOUNDED, only=["benchmarks"], draws=0)
    rows = found.rows[found.table["threat"] == "confounder"]
    once, twice, _ = rows["variant"]
    assert (once, twice) == ("like w", "2 times as strong as w")
    assert (rows["state"] == "").all() and not found.gone.any()
    assert "no variant asks whether it goes away" in found.sentence
    drawn = found.intervals("confounded")
    assert drawn["state"].tolist() == ["the model", *["other question"] * 3]
    assert rows["estimate"].is_monotonic_decreasing


def test_a_benchmark_that_cannot_be_has_a_row_that_says_so(confounded):
    # w is nine tenths of x net of effects: nothing is left for a confounder like it.
    noise = np.random.default_rng(0).normal(size=len(confounded))
    frame = confounded.assign(w=confounded["x"] + 0.3 * noise)
    rows = tx.threats(frame, CONFOUNDED, only=["benchmarks"], draws=0).table
    rows = rows[rows["threat"] == "confounder"]
    assert len(rows) == 3 and rows["estimate"].isna().all()
    (note,) = set(rows["note"])
    assert note == (
        "not computed: a confounder of this size would explain more than all of the "
        "treatment"
    )


def test_a_confounder_that_explains_all_of_the_outcome_leaves_no_error(confounded):
    frame = confounded.assign(y=confounded["y"] + 20 * confounded["w"])
    rows = tx.threats(frame, CONFOUNDED, only=["benchmarks"], draws=0).table
    last = rows[rows["variant"] == "3 times as strong as w"].iloc[0]
    assert "100.0 % of the outcome's" in last["note"]
    assert (
        np.isfinite(last["estimate"]) and np.isnan([last["se"], last["p_value"]]).all()
    )


def test_a_single_degree_of_freedom_is_said_to_be_too_few():
    frame = small_panel(countries=3, years=2, seed=0)
    model = replace(MODEL, regressors=("TBI",), treatment=("TBI",))
    found = tx.threats(frame, model, only=ONLY, draws=0).table
    wanted = "not computed: takes two degrees of freedom; one is left"
    assert found["note"].tolist() == ["", wanted]
