"""tF, other Anderson-Rubin tests, and instruments that act directly."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm, t

from tivax.engine.estimation import (
    IVData,
    LinearFit,
    Model,
    anderson_rubin_set,
    weak_instrument_tests,
)
from tivax.engine.estimation.anderson_rubin import (
    bootstrap_anderson_rubin,
    jackknife_anderson_rubin,
)
from tivax.engine.estimation.weak_instruments import tf_critical_value
from tivax.engine.resampling import Wild, make_plan
from tivax.engine.resampling.wild_tests import anderson_rubin_p_values
from tivax.kernels import random_draws

from helpers import error_of, two_stage

# Two float64 implementations of one formula.
RTOL = 1e-10


def instrumented(countries=9, years=6, seed=3, instruments=1) -> pd.DataFrame:
    """x moves y by 0.6 and is moved by each z; errors are alike within countries."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [[f"C{k:02}" for k in range(countries)], range(2000, 2000 + years)],
        names=["iso3", "year"],
    )
    frame = index.to_frame(index=False)
    n, u = len(frame), np.repeat(rng.normal(size=countries), years)
    for k in range(instruments):
        frame[f"z{k + 1}"] = rng.normal(size=n)
    frame["w"] = rng.normal(size=n)
    shock = rng.normal(size=n) * (1 + u**2)
    frame["x"] = frame.filter(like="z").sum(axis=1) + frame["w"] + shock
    frame["y"] = 0.6 * frame["x"] - frame["w"] + shock + rng.normal(size=n)
    return frame


def literal_equation(frame: pd.DataFrame, instruments: list[str]) -> IVData:
    """With a dummy of every country and year."""
    dummies = pd.get_dummies(frame[["iso3", "year"]].astype(str), drop_first=True)
    W = np.column_stack([np.ones(len(frame)), dummies.to_numpy(float), frame["w"]])
    return IVData(
        frame["y"].to_numpy(),
        frame[["x"]].to_numpy(),
        W,
        frame[instruments].to_numpy(),
        clusters=frame["iso3"].to_numpy(),
    )


def net_of(W, columns):
    return columns - W @ np.linalg.lstsq(W, columns, rcond=None)[0]


# --------------------------------------------------------------------------------- tF


@pytest.mark.parametrize(
    "root, published",
    [(2.0, 18.66), (2.1, 9.74), (2.5, 4.92), (3.0, 3.65), (5.0, 2.46), (8.0, 2.08)],
)
def test_tf_critical_values_are_those_published(root, published):
    """By the square root of F, as R's ivDiag has them, which are rounded up; 3.43 at
    F = 10 is in the abstract of Lee et al. (2022)."""
    assert published - 0.01 < tf_critical_value(root**2) <= published
    assert round(tf_critical_value(10.0), 2) == 3.43


def test_a_t_test_has_its_level_from_104_7_on():
    assert tf_critical_value(104.8) == pytest.approx(norm.isf(0.025), abs=1e-12)
    assert tf_critical_value(104.5) > norm.isf(0.025) + 1e-5
    assert tf_critical_value(3.84) == float("inf")
    assert np.isnan(tf_critical_value(float("nan")))


def rejection_probability(f0: float) -> float:
    """Of tF under perfect correlation, t = f (f - f0) / f0: by adding up f."""
    f = np.linspace(-12, f0 + 12, 400_001)
    critical = np.array([tf_critical_value(F) for F in np.linspace(2, 12, 2001) ** 2])
    c = np.interp(np.abs(f), np.linspace(2, 12, 2001), critical, left=np.nan)
    below = (np.abs(f) < 2) & (np.abs(f) > norm.isf(0.025))
    c[below] = [tf_critical_value(k) for k in f[below] ** 2]
    rejected = np.abs(f * (f - f0) / f0) > np.where(np.isnan(c), np.inf, c)
    return float((norm.pdf(f - f0) * rejected).sum() * (f[1] - f[0]))


@pytest.mark.parametrize("f0", [0.3, 1.0, 3.0, 7.0])
def test_tf_rejects_exactly_5_percent_at_the_worst_correlation(f0):
    """The grid of f leaves 1e-4: an end of the region moves by half a step of it, and
    critical values near F = 4 are steep."""
    assert rejection_probability(f0) == pytest.approx(0.05, abs=2e-4)


@pytest.mark.parametrize("f0", [9.0, 10.5, 12.66, 20.0])
def test_tf_rejects_at_most_5_percent_where_1_96_holds(f0):
    """Beyond the last end that is determined the level is not exact; 12.66 is the f0 at
    which 1.96 alone rejects 0.0498."""
    assert 0.045 < rejection_probability(f0) < 0.05 + 2e-4


def test_tf_is_of_one_instrument():
    two = weak_instrument_tests(
        literal_equation(instrumented(instruments=2), ["z1", "z2"])
    )
    assert np.isnan(two.tf_critical)
    one = weak_instrument_tests(literal_equation(instrumented(), ["z1"]))
    assert one.tf_critical == tf_critical_value(one.kp_f)


# ---------------------------------------------------------------- the jackknife over g


def literal_jackknife(data: IVData, beta: float) -> tuple[float, float]:
    """e'(P - B)e of the definition, with full matrices and a loop over clusters."""
    net = net_of(data.W, np.column_stack([data.y, data.X, data.Z]))
    e, Z = net[:, 0] - beta * net[:, 1], net[:, 2:]
    P = Z @ np.linalg.solve(Z.T @ Z, Z.T)
    clusters = np.asarray(data.clusters)
    own = clusters[:, None] == clusters[None, :]
    across, squares = e @ np.where(own, 0, P) @ e, 0.0
    for g in set(clusters):
        for h in set(clusters) - {g}:
            rows, columns = clusters == g, clusters == h
            squares += (e[rows] @ P[np.ix_(rows, columns)] @ e[columns]) ** 2
    k = Z.shape[1]
    T = across / np.sqrt(2 * squares)
    return T, float(chi2.sf(k + np.sqrt(2 * k) * T, k))


@pytest.mark.parametrize("instruments", [1, 3])
@pytest.mark.parametrize("beta", [0.0, 0.6])
def test_the_jackknife_is_its_definition(instruments, beta):
    names = [f"z{k + 1}" for k in range(instruments)]
    data = literal_equation(instrumented(instruments=instruments), names)
    found = weak_instrument_tests(data, beta=beta)
    T, p = literal_jackknife(data, beta)
    assert_allclose((found.ar_jackknife, found.ar_jackknife_p_value), (T, p), rtol=RTOL)


def jackknife_p(data: IVData, beta: float) -> float:
    return jackknife_anderson_rubin(data.partialled, np.array([beta]))[1]


def test_the_jackknife_by_hand():
    """Scores 1, 2, 3 of three clusters: across 36 - 14, squares 2 (4 + 9 + 36)."""
    z = np.ones(3) / np.sqrt(3)
    y = np.sqrt(3) * np.array([1.0, 2.0, 3.0])
    data = IVData(
        y, z[:, None] * 5, np.zeros((3, 0)), z[:, None], clusters=np.arange(3)
    )
    T = jackknife_anderson_rubin(data.partialled, np.zeros(1))[0]
    assert T == pytest.approx(22 / np.sqrt(2 * 98), rel=1e-12)


@pytest.mark.parametrize("instruments, strength", [(1, 1.0), (3, 1.0), (1, 0.02)])
def test_the_jackknife_set_holds_what_its_test_does_not_reject(instruments, strength):
    frame = instrumented(instruments=instruments, seed=8)
    names = [f"z{k + 1}" for k in range(instruments)]
    frame["x"] -= (1 - strength) * frame[names].sum(axis=1)
    data = literal_equation(frame, names)
    found = anderson_rubin_set(data, distribution="jackknife")
    for beta in [*np.linspace(-3, 4, 36).tolist(), -1e4, 1e4]:
        assert (jackknife_p(data, beta) > 0.05) == (beta in found), beta
    ends = [k for piece in found.intervals for k in piece if np.isfinite(k)]
    for end in ends:
        assert jackknife_p(data, end) == pytest.approx(0.05, abs=1e-8)
    assert found.bounded == (strength == 1.0)


# ------------------------------------------------------------------------ by bootstrap


def test_the_bootstrap_is_that_of_resampling():
    """The same draws: p is the same number."""
    names = ["z1", "z2"]
    frame = instrumented(instruments=2)
    fit = two_stage(frame, "y", "x", names, ["w"])
    weak = fit.weak_instrument_tests(draws=999, seed=4)
    model = Model(
        "m",
        "y",
        ["x", "w"],
        endogenous=["x"],
        instruments=names,
        entity="iso3",
        time="year",
    )
    plan = make_plan(LinearFit.to_draw(frame, model), Wild(weights="webb"), 999)
    assert weak.ar_bootstrap_p_value == anderson_rubin_p_values(plan, 4, np.zeros(1))[0]
    assert weak.ar_draws == 999


def test_the_bootstrap_is_a_refit_of_every_draw():
    """y* = W g + v u by least squares, and the F of ``weak_instrument_tests``."""
    data = literal_equation(instrumented(countries=6), ["z1"])
    names, group = np.unique(np.asarray(data.clusters), return_inverse=True)
    v = np.asarray(random_draws.webb(random_draws.block_key(1, 0), len(names)))[:, :40]
    u = net_of(data.W, data.y - 0.2 * data.X[:, 0])
    F = [
        weak_instrument_tests(replace(data, y=u * v[group, k])).ar_f for k in range(40)
    ]
    own = weak_instrument_tests(data, beta=0.2).ar_f
    p = np.mean(np.array(F) > own)
    assert bootstrap_anderson_rubin(data, beta=0.2, draws=40, seed=1) == p
    assert 0 < p < 1


def test_without_clusters_there_is_no_bootstrap():
    data = replace(literal_equation(instrumented(), ["z1"]), covariance="robust")
    line = error_of(partial(weak_instrument_tests, data, draws=9))
    assert line.endswith("give clusters, and covariance 'cluster'")


# ------------------------------------------------------- instruments that act directly


def of_one(**changes):
    """2SLS by one instrument; ``changes`` are functions of the frame."""
    return two_stage(instrumented().assign(**changes), "y", "x", ["z1"], ["w"])


@pytest.fixture(scope="module")
def fit():
    return of_one()


@pytest.fixture(scope="module")
def found(fit):
    return fit.plausibly_exogenous()


def test_without_a_direct_effect_it_is_two_stage_least_squares(fit, found):
    own, ends = fit["x"], ["ci_low", "ci_high"]
    assert_allclose((found.estimate, found.se), (own.estimate, own.se), rtol=RTOL)
    wanted = fit.confint()[ends].iloc[0].to_numpy(float)
    assert_allclose(found.bounds[ends].iloc[0].to_numpy(float), wanted, rtol=RTOL)


@pytest.mark.parametrize("instruments", [1, 2])
def test_the_union_is_that_of_intervals_of_refits(instruments):
    """2SLS of y - Z gamma at corners, edges and the middle of the box."""
    names = [f"z{k + 1}" for k in range(instruments)]
    frame = instrumented(instruments=instruments)
    found = two_stage(frame, "y", "x", names, ["w"]).plausibly_exogenous(largest=0.3)
    side = np.linspace(-0.3, 0.3, 3)
    ends = []
    for gamma in np.stack(np.meshgrid(*[side] * instruments), -1).reshape(
        -1, instruments
    ):
        moved = frame.assign(y=frame["y"] - frame[names].to_numpy() @ gamma)
        fit = two_stage(moved, "y", "x", names, ["w"]).confint().iloc[0]
        ends.append((fit["ci_low"], fit["ci_high"]))
    low, high = np.array(ends).T
    last = found.bounds.iloc[-1]
    assert_allclose(
        (last["ci_low"], last["ci_high"]), (low.min(), high.max()), rtol=1e-8
    )


def test_the_prior_adds_its_variance(fit):
    """One instrument: d^2 / 4 over the squared first stage."""
    found, pi = fit.plausibly_exogenous(largest=0.4), fit.first["z1"].estimate
    width = t.ppf(0.975, 8) * np.sqrt(found.se**2 + 0.4**2 / 4 / pi**2)
    last = found.bounds.iloc[-1]
    wanted = found.estimate - width, found.estimate + width
    assert_allclose((last["prior_low"], last["prior_high"]), wanted, rtol=RTOL)


def test_at_the_largest_direct_effect_the_interval_ends_at_0(fit, found):
    for name, largest in (
        ("ci_low", found.largest_union),
        ("prior_low", found.largest_prior),
    ):
        ends = fit.plausibly_exogenous(largest=largest).bounds[name]
        assert ends.iloc[-1] == pytest.approx(0, abs=1e-10)
        assert (ends.iloc[:-1] > 0).all()
    assert found.share == found.largest_union / abs(found.reduced_form[0])
    assert f"at most {found.largest_union:.4g} in size" in str(found)


def test_a_negative_effect_is_its_mirror_image(found):
    other = of_one(y=lambda k: -k["y"]).plausibly_exogenous()
    assert_allclose(other.bounds["ci_high"], -found.bounds["ci_low"], rtol=RTOL)
    assert other.largest_union == pytest.approx(found.largest_union, rel=1e-9)


def test_units_do_not_matter(found):
    units = {"y": lambda k: k["y"] * 1e6, "z1": lambda k: k["z1"] * 1e-3}
    other = of_one(**units).plausibly_exogenous()
    assert other.largest_union == pytest.approx(1e9 * found.largest_union, rel=1e-9)


def test_an_interval_that_holds_0_has_no_largest_direct_effect(fit):
    b = fit["x"]
    moved = of_one(y=lambda k: k["y"] - (b.estimate - b.se) * k["x"])
    found = moved.plausibly_exogenous()
    assert np.isnan(found.largest_union) and np.isnan(found.largest_prior)
    assert str(found).endswith("The interval holds 0 even without a direct effect.")


@pytest.mark.parametrize("largest", [0.0, -1.0, float("inf")])
def test_the_largest_direct_effect_is_a_number_above_0(largest, fit):
    line = error_of(fit.plausibly_exogenous, largest=largest)
    assert line.endswith("give a number above 0")
