"""Weak-instrument statistics: Stata's own output, linearmodels, the definitions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import card
from linearmodels.iv import IV2SLS
from numpy.testing import assert_allclose
from scipy.stats import f as f_distribution

from tivax.engine.estimation import weak_instruments
from tivax.engine.estimation.anderson_rubin import (
    ConfidenceSet,
    anderson_rubin,
    anderson_rubin_set,
)
from tivax.engine.estimation.iv_data import Covariance, IVData, small_sample_factor
from tivax.engine.estimation.weak_instruments import (
    overidentification,
    stock_yogo_critical_values,
    weak_instrument_tests,
)

from helpers import error_of

# Two float64 implementations of one formula; measured 4e-13.
RTOL = 1e-10
# ivreg2 on the same data. Card: Stata's wage is a float and is rounded likewise below,
# measured 1e-13, and 4e-10 in a standard error of two clusters (2.2e-9 with another BLAS:
# the scores of two clusters nearly cancel, see SE_RTOL); p has 12 digits. The
# sim_ files are printed to 8 digits: measured 2e-8, 1e-6 in p (d ln p = -(F / 2) d ln F)
# and 1e-7 in J, which is what two close estimates differ by.
SE_RTOL = 1e-8
STATA_RTOL = {"card": (1e-9, 1e-10, 1e-9), "sim": (1e-7, 1e-5, 3e-7)}


# ------------------------------------------------------------------ ivreg2's own output

FILES = [
    f"{model}{dof}_diagnostics_{vce}{small}"
    for model, dofs, vces in (
        ("card_just_id", ("",), ("iid", "hc1")),
        ("card_just_id", ("_dofminus",), ("iid", "hc1", "cl")),
        ("card_overid", ("",), ("iid", "hc1")),
        ("card_overid", ("_dofminus",), ("iid", "hc1", "cl")),
        ("sim_cluster", ("", "_dofminus"), ("iid", "hc1", "cl")),
        ("sim_multi_endo", ("",), ("iid", "hc1")),
    )
    for dof in dofs
    for vce in vces
    for small in ("", "_small")
]


COVARIANCES: dict[str, Covariance] = {"iid": "iid", "hc1": "robust", "cl": "cluster"}


class Stata:
    """One fixture: its data as ``IVData`` and ivreg2's numbers."""

    def __init__(self, shared: Path, file: str) -> None:
        folder = shared / "truth" / "estimation" / "ivreg2_stata"
        name, vce = file.split("_diagnostics_")
        self.small = vce.endswith("_small")
        self.numbers = pd.read_csv(folder / f"{file}.csv").iloc[0]
        self.coefficients = pd.read_csv(
            folder / f"{file.replace('diagnostics', 'coef')}.csv", index_col="term"
        )
        first = folder / f"{file.replace('diagnostics', 'firststage')}.csv"
        if first.exists():
            self.first = pd.read_csv(first, index_col="statistic")
        self.covariance = COVARIANCES[vce.removesuffix("_small")]
        dof = int("dofminus" in name)
        self.model = name.removesuffix("_dofminus")
        y, X, W, Z, clusters = MODELS[self.model](folder)
        self.rtol, self.p_rtol, self.j_rtol = STATA_RTOL[name.split("_")[0]]
        self.exogenous = [*W.columns]
        self.data = IVData(
            *(k.to_numpy(float) for k in (y, X, W, Z)),
            clusters=clusters.to_numpy() if self.covariance == "cluster" else None,
            covariance=self.covariance,
            absorbed=dof,
            dofminus=dof,
            endogenous=tuple(X.columns),
            instruments=tuple(Z.columns),
        )


def card_model(instruments):
    def columns(folder):
        table = card.load().assign(_cons=1.0)
        assert len(table) == 3010
        # Stata holds the log wage as a float, the package as a double.
        wage = table["lwage"].astype("float32")
        W = table[["exper", "expersq", "black", "south", "_cons"]]
        # The cl fixtures cluster by smsa66, which has two values.
        return wage, table[["educ"]], W, table[instruments], table["smsa66"]

    return columns


def sim_model(file, exogenous, endogenous, instruments):
    def columns(folder):
        table = pd.read_csv(folder / file).assign(_cons=1.0)
        clusters = table["cluster_id"] if "cluster_id" in table else table["_cons"]
        W = table[[*exogenous, "_cons"]]
        return table["y"], table[endogenous], W, table[instruments], clusters

    return columns


MODELS = {
    "card_just_id": card_model(["nearc4"]),
    "card_overid": card_model(["nearc2", "nearc4"]),
    "sim_cluster": sim_model("sim_cluster_data.csv", ["x1"], ["endo1"], ["z1", "z2"]),
    "sim_multi_endo": sim_model(
        "sim_multi_endo_data.csv",
        ["x1", "x2"],
        ["endo1", "endo2"],
        "z1 z2 z3 z4".split(),
    ),
}


@pytest.fixture(params=FILES)
def stata(request, shared) -> Stata:
    return Stata(shared, request.param)


def two_clusters_for_two_instruments(stata: Stata) -> bool:
    """card_overid by smsa66: Stata itself has no KP F there, and an AR of 1e14."""
    return stata.model == "card_overid" and stata.covariance == "cluster"


@pytest.mark.shared
def test_identification_statistics_are_those_of_ivreg2(stata):
    mine, theirs = weak_instrument_tests(stata.data), stata.numbers

    assert_allclose(mine.kp_lm, theirs["idstat"], rtol=stata.rtol)
    assert_allclose(mine.kp_lm_p_value, theirs["idp"], rtol=stata.p_rtol)
    assert mine.kp_lm_df == theirs["iddf"]
    assert_allclose(mine.cd_f, theirs["cdf"], rtol=stata.rtol)
    # NaN in both where two clusters leave the Wald form no inverse.
    assert_allclose(mine.kp_f, theirs["widstat"], rtol=stata.rtol)
    assert mine.nobs == theirs["N"]
    assert mine.clusters == (
        theirs["N_clust"] if stata.covariance == "cluster" else None
    )


@pytest.mark.shared
def test_anderson_rubin_is_that_of_ivreg2(stata):
    mine, theirs = anderson_rubin(stata.data), stata.numbers
    assert (mine.df, mine.df_r) == (theirs["ardf"], theirs["ardf_r"])
    if two_clusters_for_two_instruments(stata):
        assert np.isnan([mine.f, mine.f_p_value, mine.chi2, mine.chi2_p_value]).all()
        return

    assert_allclose(mine.f, theirs["arf"], rtol=stata.rtol)
    assert_allclose(mine.f_p_value, theirs["arfp"], rtol=stata.p_rtol)
    assert_allclose(mine.chi2, theirs["archi2"], rtol=stata.rtol)
    assert_allclose(mine.chi2_p_value, theirs["archi2p"], rtol=stata.p_rtol)
    assert anderson_rubin(stata.data, beta=0.0) == mine
    every = weak_instrument_tests(stata.data)
    assert (every.ar_f, every.ar_chi2_p_value) == (mine.f, mine.chi2_p_value)


@pytest.mark.shared
def test_hansen_and_sargan_are_those_of_ivreg2(stata):
    mine, theirs = overidentification(stata.data), stata.numbers
    assert mine.df == theirs["jdf"]
    if mine.df:
        if two_clusters_for_two_instruments(stata):
            assert np.isnan(theirs["j"])  # two clusters, seven moments with W
            return
        assert_allclose(mine.j, theirs["j"], rtol=stata.j_rtol)
        assert_allclose(mine.p_value, theirs["jp"], rtol=stata.p_rtol)
    else:
        assert mine.j == 0
    if stata.covariance == "iid":
        assert_allclose(mine.j, theirs["sargan"], rtol=stata.j_rtol)


@pytest.mark.shared
@pytest.mark.parametrize(
    "stata", [file for file in FILES if "dofminus" not in file], indirect=True
)
def test_first_stage_is_that_of_ivreg2(stata):
    for mine in weak_instrument_tests(stata.data).first_stage:
        theirs = stata.first[mine.endogenous]
        assert_allclose(mine.f, theirs["F"], rtol=stata.rtol)
        assert_allclose(mine.f_p_value, theirs["pvalue"], rtol=stata.p_rtol)
        assert (mine.df, mine.df_r) == (theirs["df"], theirs["df_r"])
        assert_allclose(mine.partial_r2, theirs["pr2"], rtol=stata.rtol)


def linearmodels_fit(data: IVData, *, debiased: bool = False) -> Any:
    options: dict[str, Any] = {
        "cov_type": "unadjusted" if data.covariance == "iid" else "robust"
    }
    if data.covariance == "cluster":
        options = {"cov_type": "clustered", "clusters": pd.factorize(data.clusters)[0]}
    return IV2SLS(data.y, data.W, data.X, data.Z).fit(debiased=debiased, **options)


@pytest.mark.shared
def test_standard_errors_of_linearmodels_scale_to_those_of_ivreg2(stata):
    """The rule that the estimates use: SE without ``small``, then one factor."""
    data = stata.data
    fit = linearmodels_fit(data)
    terms = [*stata.exogenous, *data.endogenous]
    variance = np.diag(fit.cov)
    if data.covariance != "cluster":
        variance = variance * data.y.size / (data.y.size - data.dofminus)
    if stata.small:
        variance = variance * small_sample_factor(data)

    assert_allclose(fit.params, stata.coefficients["estimate"][terms], rtol=stata.rtol)
    assert_allclose(
        np.sqrt(variance),
        stata.coefficients["std_error"][terms],
        rtol=max(stata.rtol, SE_RTOL),
    )


# ------------------------------------------------------------------------ by hand


def four_rows(**options) -> IVData:
    """X = 2 Z + (1, -1, 1, -1) and y = Z + (1, -1, -1, 1): every sum is an integer."""
    Z = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    X = np.array([[3.0], [1.0], [-1.0], [-3.0]])
    return IVData(np.array([2.0, 0, -2, 0]), X, np.zeros((4, 0)), Z, **options)


@pytest.mark.parametrize("covariance", ["iid", "robust"])
def test_four_rows_by_hand(covariance):
    """r^2 = 16/20, so N r^2 = 3.2 and F = 3 r^2/(1 - r^2) = 12; AR(0) = 3 x 4 / 4."""
    tests = weak_instrument_tests(four_rows(covariance=covariance))

    assert_allclose(tests.kp_f, 12, rtol=RTOL)
    assert_allclose(tests.cd_f, 12, rtol=RTOL)
    assert_allclose(tests.effective_f, 12, rtol=RTOL)
    assert_allclose(tests.ar_f, 3, rtol=RTOL)
    assert_allclose(tests.ar_chi2, 4, rtol=RTOL)
    if covariance == "iid":
        assert_allclose(tests.kp_lm, 3.2, rtol=RTOL)
    (stage,) = tests.first_stage
    assert_allclose(stage.coefficients, [2], rtol=RTOL)
    assert_allclose(stage.standard_errors, [2 / np.sqrt(12)], rtol=RTOL)
    assert_allclose(stage.partial_r2, 0.8, rtol=RTOL)


def test_two_clusters_by_hand():
    """Scores z e = (1, -1, -1, 1): sums 2, -2 in {1, 4}, {2, 3}; 64/8 x 1/2 = 4."""
    data = four_rows(covariance="cluster", clusters=np.array(["a", "b", "b", "a"]))
    assert_allclose(weak_instrument_tests(data).kp_f, 4, rtol=RTOL)


def test_set_of_four_rows_solves_its_quadratic():
    """AR(b) = 3 (1 - 2b)^2 / (1 + b^2) <= c is (12 - c) b^2 - 12 b + 3 - c <= 0."""
    c = float(f_distribution.ppf(0.95, 1, 3))
    found = anderson_rubin_set(four_rows(covariance="iid"))

    assert_allclose(found.critical, c, rtol=RTOL)
    ends = np.sort(np.roots([12 - c, -12, 3 - c]))
    assert_allclose(found.intervals, [ends], rtol=RTOL)


def test_outside_the_roots_lie_two_rays_and_beyond_the_largest_value_the_whole_line():
    """c = 13: b^2 + 12 b + 10 >= 0, roots -6 -+ sqrt(26). AR never exceeds 15."""
    data = four_rows(covariance="iid")
    level = float(f_distribution.cdf(13, 1, 3))
    low, high = -6 - np.sqrt(26), -6 + np.sqrt(26)
    found = anderson_rubin_set(data, level=level)

    assert_allclose(found.intervals, [(-np.inf, low), (high, np.inf)], rtol=1e-8)
    assert found.text(".2f") == "(-inf, -11.10] U [-0.90, inf)"
    whole = anderson_rubin_set(data, level=0.99)  # c = 34.1
    assert whole.text() == "(-inf, inf)" and not whole.bounded


# ------------------------------------------------------------- second implementation


def panel(
    *,
    strength: float = 0.5,
    instruments: int = 1,
    endogenous: int = 1,
    exclusion: float = 0.0,
    seed: int = 0,
    covariance: Covariance = "cluster",
    countries: int = 20,
    years: int = 8,
) -> IVData:
    """Countries in years; errors share a country's component, and so do X and y."""
    rng = np.random.default_rng(seed)
    N = countries * years
    country = np.repeat(np.arange(countries), years)
    common = rng.normal(size=(countries, endogenous + 1))[country]
    Z = rng.normal(size=(N, instruments)) + rng.normal(size=(countries, 1))[country]
    W = np.c_[np.ones(N), rng.normal(size=(N, 2))]
    pi = strength * rng.uniform(0.5, 1.5, size=(instruments, endogenous))
    v = rng.normal(size=(N, endogenous)) * (1 + Z[:, :1] ** 2) + common[:, 1:]
    X = Z @ pi + W @ rng.normal(size=(3, endogenous)) + v
    u = 0.7 * v.sum(axis=1) + rng.normal(size=N) + common[:, 0]
    y = X.sum(axis=1) + W @ rng.normal(size=3) + exclusion * Z[:, 0] + u
    return IVData(y, X, W, Z, clusters=country, covariance=covariance)


@pytest.mark.parametrize("covariance", ["iid", "robust", "cluster"])
@pytest.mark.parametrize("instruments, endogenous", [(1, 1), (3, 1), (2, 2), (4, 2)])
def test_agrees_with_linearmodels(covariance, instruments, endogenous):
    data = panel(instruments=instruments, endogenous=endogenous, covariance=covariance)
    mine, theirs = weak_instrument_tests(data), linearmodels_fit(data).first_stage

    assert_allclose(mine.kp_lm, theirs.kleibergen_paap.stat, rtol=RTOL)
    assert_allclose(mine.kp_lm_p_value, theirs.kleibergen_paap.pval, rtol=1e-8)
    assert_allclose(mine.kp_f, theirs.kleibergen_paap_f, rtol=RTOL)
    assert_allclose(mine.cd_f, theirs.cragg_donald_f, rtol=RTOL)
    for stage, partial in zip(
        mine.first_stage, theirs.diagnostics["partial.rsquared"], strict=True
    ):
        assert_allclose(stage.partial_r2, partial, rtol=RTOL)
    debiased = np.diag(linearmodels_fit(data, debiased=True).cov)
    assert_allclose(
        np.diag(linearmodels_fit(data).cov) * small_sample_factor(data),
        debiased,
        rtol=RTOL,
    )


def sandwich(design, e, group) -> np.ndarray:
    """Covariance of OLS coefficients: scores are summed by cluster."""
    bread = np.linalg.inv(design.T @ design)
    members = (group == np.unique(group)[:, None]).astype(float)
    scores = members @ (design * e[:, None])
    return bread @ (scores.T @ scores) @ bread


def ar_by_regression(data: IVData, b: float) -> float:
    """The definition: y - b X on Z and W, the Wald F of Z, nothing partialled out."""
    design = np.c_[data.Z, data.W]
    r = data.y - b * data.X[:, 0]
    coefficients, *_ = np.linalg.lstsq(design, r, rcond=None)
    e = r - design @ coefficients
    N, L = design.shape
    L1 = data.Z.shape[1]
    if data.covariance == "cluster":
        G = len(np.unique(data.clusters))
        V = sandwich(design, e, data.clusters) * G / (G - 1) * (N - 1) / (N - L)
    elif data.covariance == "robust":
        V = sandwich(design, e, np.arange(N)) * N / (N - L)
    else:
        V = np.linalg.inv(design.T @ design) * (e @ e) / (N - L)
    pi = coefficients[:L1]
    return float(pi @ np.linalg.solve(V[:L1, :L1], pi)) / L1


STRENGTHS = [(1.5, 1, 0.0), (0.3, 1, 0.0), (0.0, 1, 0.0), (1.5, 3, 0.0), (0.2, 3, 0.0)]
STRENGTHS += [(0.0, 2, 0.0), (0.0, 4, 0.0), (1.0, 3, 3.0), (0.0, 2, 2.0)]
CASES = [
    dict(strength=s, instruments=k, seed=seed, exclusion=x)
    for seed, (s, k, x) in enumerate(STRENGTHS)
]


@pytest.mark.parametrize("covariance", ["iid", "robust", "cluster"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_set_is_where_the_test_does_not_reject(covariance, case):
    """A dense grid of the circle b = 1 + 2 tan(angle), tested by its definition."""
    data = panel(**case, covariance=covariance)
    found = anderson_rubin_set(data)
    L1, df_r = data.Z.shape[1], anderson_rubin(data).df_r
    critical = f_distribution.ppf(0.95, L1, df_r)

    assert_allclose(found.critical, critical, rtol=RTOL)
    for b in 1 + 2 * np.tan(np.linspace(-1.57, 1.57, 401)):
        assert (ar_by_regression(data, b) <= critical) == (b in found), b
    for end in np.ravel(found.intervals):
        if np.isfinite(end):
            assert_allclose(anderson_rubin(data, beta=end).f, critical, rtol=1e-8)
    assert found.bounded == (weak_instrument_tests(data).kp_f > critical)


def test_chi2_set_is_where_the_chi2_does_not_reject():
    data = panel(strength=1.5, instruments=2)
    found = anderson_rubin_set(data, level=0.9, distribution="chi2")
    for end in np.ravel(found.intervals):
        assert_allclose(anderson_rubin(data, beta=end).chi2_p_value, 0.1, rtol=1e-8)
    assert found.bounded


# -------------------------------------------------------------------- limiting cases


@pytest.mark.parametrize("covariance", ["iid", "robust", "cluster"])
def test_an_irrelevant_instrument_gives_an_unbounded_set(covariance):
    """Z orthogonal to X and W in the sample: all first-stage statistics are zero."""
    data = panel(covariance=covariance)
    others = np.c_[data.W, data.X]
    Z = data.Z - others @ np.linalg.lstsq(others, data.Z, rcond=None)[0]
    data = replace(data, Z=Z)
    tests = weak_instrument_tests(data)

    assert max(tests.kp_lm, tests.kp_f, tests.cd_f, tests.effective_f) < 1e-20
    assert not anderson_rubin_set(data).bounded


def test_all_shapes_of_a_set_occur():
    def shape(**case) -> tuple[tuple[bool, bool], ...]:
        ends = anderson_rubin_set(panel(**case)).intervals
        return tuple(
            (bool(np.isfinite(low)), bool(np.isfinite(high))) for low, high in ends
        )

    nothing, interval, line = (), ((True, True),), ((False, False),)
    rays = ((False, True), (True, False))
    found = {
        shape(strength=s, instruments=k, exclusion=x, seed=seed)
        for seed in range(15)
        for s, k, x in ((1.5, 1, 0), (0.3, 1, 0), (0, 1, 0), (1, 3, 3), (0, 1, 1))
    }
    assert {nothing, interval, line, rays} <= found


def test_instruments_that_contradict_each_other_leave_nothing():
    data = panel(strength=2.0, instruments=2, exclusion=6.0)
    found = anderson_rubin_set(data)
    assert found.intervals == () and found.bounded
    assert found.text() == "empty"
    assert overidentification(data).p_value < 0.01
    assert weak_instrument_tests(data).overidentification.df == 1


def test_a_strong_instrument_gives_a_narrow_set_around_2sls():
    data = panel(strength=1e6)
    ((low, high),) = anderson_rubin_set(data).intervals
    (estimate,) = linearmodels_fit(data).params[-1:]
    assert low < estimate < high
    assert high - low < 1e-5


def test_sets_are_printed_as_intervals():
    inf = float("inf")

    def text(*intervals, **options):
        return ConfidenceSet(intervals, 0.95, "F", 4.0).text(**options)

    assert text((1.2, 3.4)) == "[1.2, 3.4]"
    assert text((-inf, 1.2), (3.4, inf)) == "(-inf, 1.2] U [3.4, inf)"
    assert text((-inf, inf)) == "(-inf, inf)"
    assert text() == "empty"
    assert text((1.23456, 3.4), format=".2f") == "[1.23, 3.40]"


@pytest.mark.parametrize("covariance", ["iid", "robust", "cluster"])
@pytest.mark.parametrize("instruments", [1, 3])
def test_units_and_the_basis_of_the_instruments_do_not_matter(covariance, instruments):
    data = panel(instruments=instruments, covariance=covariance)
    rng = np.random.default_rng(1)
    mixed = replace(
        data,
        Z=data.Z @ rng.normal(size=(instruments, instruments)) * 1e4
        + data.W @ rng.normal(size=(3, instruments)),
        X=data.X * 1e-3,
        W=np.c_[data.W @ rng.normal(size=(3, 3)), data.W[:, 1] * 1e6],
    )
    one, two = weak_instrument_tests(data), weak_instrument_tests(mixed)

    for name in ("kp_lm", "kp_f", "cd_f", "ar_f"):
        assert_allclose(getattr(two, name), getattr(one, name), rtol=1e-8)
    assert_allclose(
        np.multiply(anderson_rubin_set(mixed).intervals, 1e-3),
        anderson_rubin_set(data).intervals,
        rtol=1e-8,
    )


# -------------------------------------------------------------------- fixed effects


def demean(a, *groups):
    """Less the means of each label in turn, until nothing changes."""
    a = np.array(a, float)
    for _ in range(60):
        for group in groups:
            means = pd.DataFrame(a).groupby(group).transform("mean").to_numpy()
            a = a - means.reshape(a.shape)
    return a


@pytest.mark.parametrize("covariance", ["iid", "robust", "cluster"])
def test_absorbed_counts_what_the_dummies_would(covariance):
    """Year dummies in W, or years partialled out with absorbed = T: the same."""
    data = panel(covariance=covariance, instruments=2)
    year = np.tile(np.arange(8), 20)
    W = data.W[:, 1:]
    dummies = replace(data, W=np.c_[W, np.eye(8)[year]])
    y, X, Z, W = (demean(a, year) for a in (data.y, data.X, data.Z, W))
    absorbed = replace(data, y=y, X=X, W=W, Z=Z, absorbed=8)

    one, two = weak_instrument_tests(dummies), weak_instrument_tests(absorbed)
    for name in ("kp_lm", "kp_f", "cd_f", "effective_f", "ar_f", "ar_f_p_value"):
        assert_allclose(getattr(two, name), getattr(one, name), rtol=RTOL)
    assert_allclose(
        one.first_stage[0].standard_errors, two.first_stage[0].standard_errors
    )
    assert_allclose(small_sample_factor(absorbed), small_sample_factor(dummies))
    assert_allclose(
        anderson_rubin_set(absorbed).intervals,
        anderson_rubin_set(dummies).intervals,
        rtol=1e-8,
    )


def test_dofminus_under_clusters_is_for_the_cragg_donald_f_alone():
    data = panel(instruments=2)
    fewer = replace(data, dofminus=5)
    one, two = weak_instrument_tests(data), weak_instrument_tests(fewer)

    N, L = 160, 5
    assert_allclose(two.cd_f, one.cd_f * (N - L - 5) / (N - L), rtol=RTOL)
    # Of two instruments and no draws, these are NaN, which is not NaN.
    same = dict.fromkeys(["cd_f", "ar_bootstrap_p_value", "tf_critical"], 0.0)
    one, two = (replace(k, **same, first_stage=()) for k in (one, two))
    assert two == one
    assert small_sample_factor(fewer) == small_sample_factor(data)


@pytest.mark.filterwarnings("ignore")  # pyfixest's own, under a new pandas
def test_two_way_effects_by_country_have_the_standard_error_of_pyfixest():
    """absorbed = T: the count of reghdfe and xtreg, which pyfixest follows."""
    pyfixest = pytest.importorskip("pyfixest")
    data = panel(instruments=2, countries=20, years=8)
    year = np.tile(np.arange(8), 20)
    frame = pd.DataFrame(
        np.c_[data.y, data.X, data.W[:, 1:], data.Z],
        columns=["y", "x", "w1", "w2", "z1", "z2"],
    ).assign(country=data.clusters, year=year)
    theirs = pyfixest.feols(
        "y ~ w1 + w2 | country + year | x ~ z1 + z2", frame, vcov={"CRV1": "country"}
    )
    y, X, Z, W = (
        demean(a, data.clusters, year) for a in (data.y, data.X, data.Z, data.W[:, 1:])
    )
    mine = replace(data, y=y, X=X, W=W, Z=Z, absorbed=8)
    fit = linearmodels_fit(mine)

    assert_allclose(fit.params.iloc[-1], theirs.coef()["x"], rtol=1e-8)
    assert_allclose(
        fit.std_errors.iloc[-1] * np.sqrt(small_sample_factor(mine)),
        theirs.se()["x"],
        rtol=1e-8,
    )


# ------------------------------------------------------------------- the effective F


@pytest.mark.parametrize("covariance", ["iid", "robust", "cluster"])
def test_effective_f_of_one_instrument_is_the_kp_f(covariance):
    tests = weak_instrument_tests(panel(covariance=covariance))
    assert_allclose(tests.effective_f, tests.kp_f, rtol=RTOL)
    # Montiel Olea and Pflueger (2013): 37.4, 23.1, 15.1, 12.0 with one instrument.
    published = {5: 37.42, 10: 23.11, 20: 15.06, 30: 12.05}
    for critical in (tests.effective_f_critical, tests.effective_f_critical_simplified):
        assert {k: round(v, 2) for k, v in critical.items()} == published


def test_effective_f_of_iid_errors_is_the_cragg_donald_f():
    tests = weak_instrument_tests(panel(covariance="iid", instruments=3))
    assert_allclose(tests.effective_f, tests.cd_f, rtol=RTOL)


def test_nagar_bias_of_iid_errors_is_one_less_two_over_the_instruments():
    """S = Sigma x I: (tr - 2 eigenvalue) / tr = 1 - 2 / L1, none with two."""
    for L1 in (1, 2, 3, 5):
        one = np.eye(L1)
        bias = weak_instruments._worst_nagar_bias(2.0 * one, 0.5 * one, 3.0 * one)
        assert_allclose(bias, abs(1 - 2 / L1), atol=RTOL)


def test_nagar_bias_is_the_largest_over_a_grid_of_beta():
    rng = np.random.default_rng(3)
    for L1 in (2, 3, 5):
        root = rng.normal(size=(2 * L1, 2 * L1))
        S = root @ root.T
        S1, S12, S2 = S[:L1, :L1], S[:L1, L1:], S[L1:, L1:]
        beta = np.tan(np.linspace(-1.5707, 1.5707, 20001))[:, None, None]
        s12 = S12 - beta * S2
        s1 = S1 - beta * (S12 + S12.T) + beta**2 * S2
        ends = np.linalg.eigvalsh((s12 + np.swapaxes(s12, 1, 2)) / 2)[:, [0, -1]]
        bias = np.abs(np.trace(s12, axis1=1, axis2=2)[:, None] - 2 * ends)
        size = np.sqrt(np.trace(s1, axis1=1, axis2=2) * np.trace(S2))
        largest = (bias.max(axis=1) / size).max()
        bias = weak_instruments._worst_nagar_bias(S1, S12, S2)
        assert_allclose(bias, largest, rtol=1e-5)
        assert bias >= largest - 1e-12 and bias <= 1


def test_patnaik_fits_the_quantile_of_the_worst_direction():
    """P ~ N(m, S), m along the largest eigenvector, |m|^2 = x tr S: by simulation.

    The fit matches mean and variance, not the tail: measured 0.06 % apart.
    """
    rng = np.random.default_rng(0)
    variances, x = np.array([1.0, 2.0, 9.0]), 10.0
    P = rng.normal(size=(400_000, 3)) * np.sqrt(variances)
    P[:, 2] += np.sqrt(x * variances.sum())
    simulated = np.quantile((P**2).sum(axis=1) / variances.sum(), 0.95)
    critical = weak_instruments._patnaik(np.diag(variances), x)
    assert_allclose(critical, simulated, rtol=0.01)


def test_simplified_critical_values_are_the_larger_ones():
    tests = weak_instrument_tests(panel(instruments=4))
    for tau in (5, 10, 20, 30):
        simple = tests.effective_f_critical_simplified[tau]
        assert tests.effective_f_critical[tau] <= simple
    # More than one endogenous regressor: not defined.
    two = weak_instrument_tests(panel(instruments=4, endogenous=2))
    assert np.isnan(two.effective_f) and two.effective_f_critical == {}


def test_stock_yogo_values():
    assert stock_yogo_critical_values(1, 1) == {10: 16.38, 15: 8.96, 20: 6.66, 25: 5.53}
    assert stock_yogo_critical_values(1, 2)[10] == 19.93
    assert stock_yogo_critical_values(1, 3)[25] == 7.80
    assert stock_yogo_critical_values(2, 3)[10] == 13.43
    assert set(stock_yogo_critical_values(3, 4).values()) == {None}
    assert weak_instrument_tests(panel(instruments=2)).stock_yogo[10] == 19.93


# ---------------------------------------------------------------------- mistakes


def test_a_hypothesis_is_tested_for_every_regressor():
    data = panel(instruments=3, endogenous=2)
    both = anderson_rubin(data, beta=[1.0, 1.0])
    assert both == anderson_rubin(data, beta=1.0)
    shifted = replace(data, y=data.y - data.X.sum(axis=1))
    assert_allclose(anderson_rubin(shifted).f, both.f, rtol=RTOL)
    assert "give one for each" in error_of(
        lambda: anderson_rubin(data, beta=[1.0, 2.0, 3.0])
    )


def test_equations_that_cannot_be_estimated_say_why():
    data = panel(instruments=2, endogenous=1)
    N = data.y.size

    def tests(**changes):
        return error_of(lambda: weak_instrument_tests(replace(data, **changes)))

    names = ("lag", "distance")
    collinear = np.c_[data.Z[:, 0], data.W @ [1.0, 2.0, 3.0]]
    assert "instrument distance is collinear" in tests(Z=collinear, instruments=names)
    twice = np.c_[data.Z[:, 0], 3 * data.Z[:, 0]]
    assert "instrument z2 is collinear" in tests(Z=twice)
    constant = np.c_[np.zeros(N), data.Z[:, 0]]
    assert "instrument z1 is collinear" in tests(Z=constant)
    assert "regressor x1 is collinear" in tests(X=data.W[:, 1:2])
    assert "instruments for 3 endogenous" in tests(
        X=np.c_[data.X, data.X**2, data.X**3], endogenous=("a", "b", "c")
    )
    assert "reproduce an endogenous regressor" in tests(X=data.Z[:, :1])
    assert "only one cluster" in tests(clusters=np.zeros(N))
    assert "without clusters" in tests(clusters=None)
    assert "cluster labels" in tests(clusters=np.where(np.arange(N) < 3, np.nan, 1.0))
    assert "drop those rows" in tests(y=np.where(np.arange(N) < 3, np.nan, 1.0))
    assert "no endogenous regressor" in tests(X=np.zeros((N, 0)), endogenous=())
    assert "use fewer instruments or controls" in tests(absorbed=N)


def test_sets_that_do_not_exist_say_why():
    def build(**changes):
        return error_of(lambda: anderson_rubin_set(panel(**changes)))

    assert "is not an interval" in build(instruments=2, endogenous=2)
    assert "use more clusters" in build(instruments=4, countries=4)
    data = panel()
    assert "give a number between 0 and 1" in error_of(
        anderson_rubin_set, data, level=95.0
    )
    assert np.isnan(weak_instrument_tests(panel(instruments=4, countries=4)).kp_f)
