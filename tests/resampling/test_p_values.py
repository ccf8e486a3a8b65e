"""p-values and intervals by hand, by direct formulas, and of published examples."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.model import Model
from tivax.engine.resampling.draws import MemoryDraws
from tivax.engine.resampling.inference import infer
from tivax.engine.resampling.p_values import SUMMARY, Inference, shares, summarise
from tivax.engine.resampling.plans import DrawSource, ResamplingPlan, make_plan
from tivax.engine.resampling.running import draws_of
from tivax.engine.resampling.schemes import Bayesian, Pairs, Placebo, Scheme, Wild
from tivax.engine.resampling.wild_tests import Inverted

from experiment_panels import MODEL, rows_of, small_panel, two_stage_model
from literal_refits import Rows, refit

# Arithmetic on the same draws in another order.
RTOL = 1e-12
# The exact p of boottest's example, a number of patterns out of 6^8.
EXAMPLE_RTOL = 1e-12
# Printed to five digits.
PRINTED_ATOL = 5e-6
# Refits without a country, by pseudo-inverse.
LITERAL_RTOL = 1e-8


FRAME = small_panel(countries=8, unknown=0.2, seed=8)
TWO = Model(
    "two", "KOFGIdj", ("TFP", "TBI", "RQ"), ("TFP", "TBI"), entity="iso3", time="year"
)


@cache
def plan(scheme: Scheme, model: Model = MODEL, draws: int = 20) -> ResamplingPlan:
    return make_plan(LinearFit.to_draw(FRAME, model), scheme, draws)


def read(own: ResamplingPlan, *columns, inverted: Inverted | None = None) -> Inference:
    """What these draws would say, one list a column."""
    values = np.column_stack([np.asarray(k, float) for k in columns])
    return summarise(own, MemoryDraws(values), inverted)


def row(inference: Inference) -> pd.Series:
    return inference.summary.iloc[0]


def interval(inference: Inference, name: str, term: str = "TBI") -> pd.Series:
    table = inference.intervals
    (found,) = table[(table["interval"] == name) & (table["term"] == term)].index
    return table.loc[found]


def ends(found: pd.Series) -> list[float]:
    return [found["ci_low"], found["ci_high"]]


# ------------------------------------------------------------------ pairs and Bayesian


@pytest.mark.parametrize(
    "values, p",
    [
        # 1 below 0, 8 above: 2 (1 + 1) / 10.
        ([-1, 1, 2, 3, 4, 5, 6, 7, 8], 0.4),
        # The smaller side is above.
        ([1, -1, -2, -3, -4, -5, -6, -7, -8], 0.4),
        # A draw of 0 is on both sides: 2 (1 + 1 + 1) / 10.
        ([-1, 0, 2, 3, 4, 5, 6, 7, 8], 0.6),
        # None below: 2 / 10, never 0.
        ([1, 1, 2, 3, 4, 5, 6, 7, 8], 0.2),
        # As many on each side; not above 1.
        ([-1, -2, -3, 1, 2, 3], 1.0),
        # A draw that could not be computed is not there.
        ([-1, 1, 2, np.nan, 3, 4, np.inf, 5, 6, 7, 8], 0.4),
    ],
)
@pytest.mark.parametrize("scheme", [Pairs(), Bayesian()])
def test_p_of_the_percentile_interval_by_hand(scheme, values, p):
    own = read(plan(scheme), values)
    found = row(own)
    assert_allclose(found["p_value"], p, rtol=RTOL)
    good = np.array(values)[np.isfinite(values)]
    assert_allclose(found["se"], good.std(ddof=1), rtol=RTOL)
    # With fewer than 39 draws p is above 5 % whatever is tested.
    assert ends(found) == [-np.inf, np.inf]
    error = 2 * np.sqrt(p / 2 * (1 - p / 2) / len(good))
    assert_allclose(found["mc_error"], error, rtol=RTOL)
    assert (own.failed, found["draws"]) == (len(values) - len(good), len(values))


@pytest.mark.parametrize("n, k", [(39, 1), (99, 2), (199, 5), (999, 25), (1000, 25)])
def test_the_percentile_interval_is_of_order_statistics(n, k):
    """Draw number k from below and from above, k the whole part of 0.025 (n + 1): the
    nulls that 2 (1 + min) / (1 + n) does not reject."""
    values = np.random.default_rng(n).normal(size=n)
    found = row(read(plan(Pairs()), values))
    ordered = np.sort(values)
    assert ends(found) == [ordered[k - 1], ordered[n - k]]


def test_the_estimate_is_that_of_the_panel():
    own = plan(Pairs())
    found = row(read(own, np.arange(9.0)))
    assert_allclose(found["estimate"], own.fitted.coef[0], rtol=0)
    columns = ["model", "outcome", "sample", "term", "scheme"]
    assert found[columns].tolist() == ["main", "KOFGIdj", "all", "TBI", "pairs"]
    assert pd.isna(found["table"]) and pd.isna(found["column"])


def bca(values: np.ndarray, b: float, left: np.ndarray) -> np.ndarray:
    """Efron and Tibshirani (1993), formulas 14.9 to 14.15; half of the ties, draws of
    every country once, are below."""
    tied = np.abs(values - b) < 1e-10 * abs(b)
    z0 = stats.norm.ppf(((values < b) & ~tied).mean() + tied.mean() / 2)
    gap = left.mean() - left
    a = np.sum(gap**3) / (6 * np.sum(gap**2) ** 1.5)
    z = stats.norm.ppf([0.025, 0.975])
    return np.quantile(values, stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))))


@pytest.mark.parametrize("scheme", [Pairs(), Bayesian()])
def test_bca_is_efrons_with_a_literal_jackknife(scheme):
    own, draws = infer(plan(scheme, draws=2_000), 1)
    rows = rows_of(FRAME, MODEL)
    left = np.array([refit(rows.without(g)).coef[-1] for g in range(rows.G)])
    values = draws.values[np.isfinite(draws.values)]
    expected = bca(values, row(own)["estimate"], left)
    found = interval(own, "BCa")
    assert_allclose(ends(found), expected, rtol=LITERAL_RTOL)
    assert pd.isna(found["p_value"])
    percentile = interval(own, "percentile")
    assert percentile["ci_low"] == row(own)["ci_low"] != found["ci_low"]


def test_bca_has_no_ends_where_all_draws_are_on_one_side():
    b = plan(Pairs()).fitted.coef[0]
    found = interval(read(plan(Pairs()), b + np.arange(1.0, 9)), "BCa")
    assert np.isnan(ends(found)).all()


def test_percentile_t_by_its_formulas():
    """Equal-tailed: b - t_(0.975) se to b - t_(0.025) se, p twice the smaller tail.
    Symmetric: b -+ |t|_(0.95) se, p of |t*| at least |t|. The sample is among them."""
    own = plan(Pairs(studentised=True))
    rng = np.random.default_rng(1)
    b = own.fitted.coef[0]
    se = np.sqrt(own.fitted.covariance()[0, 0])
    t = rng.standard_t(3, size=399) + 0.5
    t[:5] = -b / se  # as large: ties count
    inference = read(own, b + rng.normal(size=399), t)
    found = interval(inference, "percentile-t, equal-tailed")
    low, high = np.sort(t)[[9, 389]]
    assert_allclose(ends(found), [b - high * se, b - low * se], rtol=RTOL)
    tails = (t <= b / se).sum(), (t >= b / se).sum()
    assert_allclose(found["p_value"], 2 * (1 + min(tails)) / 400, rtol=RTOL)
    found = interval(inference, "percentile-t, symmetric")
    reach = np.sort(np.abs(t))[379] * se
    assert_allclose(ends(found), [b - reach, b + reach], rtol=RTOL)
    larger = (np.abs(t) >= abs(b / se) * (1 - 1e-10)).sum()
    assert_allclose(found["p_value"], (1 + larger) / 400, rtol=RTOL)


def test_each_treatment_has_its_rows():
    made = plan(Pairs(studentised=True), TWO, 500)
    own, draws = infer(made, 2)
    assert own.summary["term"].tolist() == ["TFP", "TBI"]
    spread = draws.values[:, :2].std(axis=0, ddof=1)
    assert_allclose(own.summary["se"], spread, rtol=RTOL)
    se = np.sqrt(np.diag(made.fitted.covariance()))
    for k, term in enumerate(("TFP", "TBI")):
        found = interval(own, "percentile-t, equal-tailed", term)
        t = np.sort(draws.values[:, 2 + k])[500 - 12]
        wanted = own.summary["estimate"][k] - t * se[k]
        assert_allclose(found["ci_low"], wanted, rtol=RTOL)
    assert set(own.distribution["term"]) == {"TFP", "TBI"}


def treatment_is_identified(rows: Rows, weights: np.ndarray) -> bool:
    """Something is left of it beside dummies and controls in this draw."""
    kept = np.flatnonzero(weights[rows.country] > 0)
    other = np.column_stack([rows.dummies, rows.C])[kept]
    x = rows.X[kept, 0]
    left = x - other @ np.linalg.lstsq(other, x)[0]
    return float(np.linalg.norm(left)) > 1e-8


def test_draws_that_do_not_identify_the_treatment_are_counted_and_left_out():
    """Five countries, one year seen in two of them. A draw without that year is none
    such, one of a single country is."""
    frame = small_panel(countries=5, years=4, seed=9)
    missing = (frame["year"] == 2001) & ~frame["iso3"].isin(["C01", "C04"])
    frame.loc[missing, "KOFGIdj"] = np.nan
    own = make_plan(LinearFit.to_draw(frame, MODEL), Pairs(), 3_000)
    inference, draws = infer(own, 5)
    rows = rows_of(frame, MODEL)
    counts = np.asarray(DrawSource(own.static, 5, 0).weights())[:, :3_000].T
    seen = {
        k: treatment_is_identified(rows, np.array(k)) for k in product((0, 1), repeat=5)
    }
    good = np.array([seen[tuple(k)] for k in (counts > 0).astype(int).tolist()])
    without_year = (counts[:, [1, 4]] == 0).all(axis=1)
    assert 0 < (~good).sum() < 300 and (good & without_year).sum() > 100
    assert_array_equal(np.isfinite(draws.values[:, 0]), good)
    assert inference.failed == (~good).sum()
    kept = draws.values[good, 0]
    k = int(0.025 * (len(kept) + 1))
    assert row(inference)["ci_low"] == np.sort(kept)[k - 1]
    assert inference.distribution["count"].sum() == len(kept)


# ------------------------------------------------------------------------------ wild


@pytest.mark.parametrize("scheme", [Wild(weights="mammen"), Wild(null=False)])
def test_p_of_wild_draws_counts_larger_ones_only(scheme):
    """By hand: of ten draws three are larger in size and two tie, but for rounding."""
    own = plan(scheme)
    t = float(own.observed[0])
    near = t * (1 + 1e-13)
    values = [0, 0.1, -0.2, 0.3, -0.4, near, -near, 2 * t, -3 * t, t * (1 + 1e-9)]
    inference = read(own, values)
    assert_allclose(row(inference)["p_value"], 0.3, rtol=RTOL)
    assert inference.ties == 2
    assert_allclose(row(inference)["mc_error"], np.sqrt(0.3 * 0.7 / 10), rtol=RTOL)
    se = np.sqrt(own.fitted.covariance()[0, 0])
    assert_allclose(row(inference)["se"], se, rtol=RTOL)


def test_no_p_of_random_draws_is_0_in_files():
    own = plan(Wild(null=False))
    found = read(own, np.full(20, 0.1 * own.observed[0]))
    assert row(found)["p_value"] == 0 and "< 0.05" in str(found)
    for name in ("summary", "intervals"):
        assert found.tables()[name]["p_value"].tolist() == [1 / 21]
    exact = replace(own, static=own.static._replace(exact=True))
    every = replace(found, plan=exact).tables()["summary"]
    assert every["p_value"].tolist() == [0]


def test_the_unrestricted_interval_is_symmetric():
    """b -+ |t*| times se of the draw that one in twenty is larger than."""
    own = plan(Wild(null=False), draws=200)
    inference, draws = infer(own, 1)
    size = np.sort(np.abs(draws.values[:, 0]))[200 - 10 - 1]
    b, se = own.fitted.coef[0], np.sqrt(own.fitted.covariance()[0, 0])
    found = interval(inference, "symmetric t")
    expected = [b - size * se, b + size * se]
    assert_allclose(ends(found), expected, rtol=RTOL)
    assert_allclose(ends(row(inference)), expected, rtol=RTOL)


def test_a_joint_test_is_one_row_of_f():
    own = plan(Wild(joint=True), TWO, 100)
    inference, draws = infer(own, 1)
    V = own.fitted.covariance()
    F = own.fitted.coef @ np.linalg.solve(V, own.fitted.coef) / 2
    (found,) = inference.summary.to_dict("records")
    assert found["term"] == "TFP, TBI"
    assert_allclose(found["p_value"], (draws.values > F).mean(), rtol=RTOL)
    empty = [found[k] for k in ("estimate", "se", "ci_low", "ci_high")]
    assert np.isnan(empty).all()
    (shown,) = inference.intervals["interval"]
    assert shown == f"F = {F:.4g}"


def test_inverted_ends_are_those_of_the_summary():
    own = plan(Wild(weights="mammen"))
    inverted = Inverted(((-0.25, 1.5),), (-np.inf, 0.75, 0.125))
    inference = read(own, [0.1, 0.2], inverted=inverted)
    assert ends(row(inference)) == [-0.25, 1.5]
    found = interval(inference, "Anderson-Rubin")
    assert [*ends(found), found["p_value"]] == [-np.inf, 0.75, 0.125]
    # p of 0 rejects, and the outermost parts of the set lie on both sides.
    inverted = Inverted(((-0.25, 1.5),), (-np.inf, 0.75, 0.03))
    inference = read(own, [0.1, 0.2], inverted=inverted)
    interval(inference, "Anderson-Rubin, hull of a set that leaves out 0")


def test_without_inversion_there_are_no_ends_and_no_intervals():
    inference = read(plan(Wild(weights="mammen")), [0.1, 0.2])
    assert np.isnan(ends(row(inference))).all()
    assert inference.intervals.empty and "ci_low" in inference.intervals


@pytest.mark.parametrize("null", [True, False])
def test_wild_draws_that_could_not_be_computed_do_not_count(null):
    own = plan(Wild(weights="mammen", null=null))
    t = float(own.observed[0])
    inference = read(own, [0.0, 2 * t, np.nan, np.nan, 0.1])
    assert_allclose(row(inference)["p_value"], 1 / 3, rtol=RTOL)
    assert inference.failed == 2


# --------------------------------------------------------- the example of boottest


@cache
def example(shared, weights) -> ResamplingPlan:
    """Insurance on self-employed, post and both, 8 years as clusters."""
    frame = pd.read_stata(shared / "truth" / "estimation" / "collapsed.dta").dropna()
    model = Model(
        "boottest",
        "hasinsurance",
        ("post_self", "selfemployed", "post"),
        entity="",
        time="",
        clusters="year",
    )
    scheme = Wild(weights=weights, value=0.04)
    return make_plan(LinearFit.to_draw(frame, model), scheme, 6**8)


@pytest.mark.shared
def test_the_example_of_boottest_with_all_sign_patterns(shared):
    """Stata prints t 2.0194 and p 0.0742: of 256 patterns 18 are larger and the sample
    and its negative tie, half of which it counts. The interval is that of the strict
    rule; Stata's [.03874, .07098] is of half the ties."""
    inference, _ = infer(example(shared, "rademacher"), 0)
    found = row(inference)
    assert (found["p_value"], found["draws"], inference.ties) == (18 / 256, 256, 2)
    half = found["p_value"] + inference.ties / 2 / 256
    assert half == 19 / 256 and round(half, 4) == 0.0742
    assert found["mc_error"] == 0
    assert_allclose(example(shared, "rademacher").observed, [2.0194], atol=5e-5)
    assert_allclose(ends(found), [0.03821, 0.07128], rtol=0, atol=PRINTED_ATOL)


@pytest.mark.shared
def test_the_example_of_boottest_with_all_of_webbs_patterns(shared):
    """Julia prints 0.0757 of 9,999,999 draws."""
    own = example(shared, "webb")
    inference = summarise(own, draws_of(own, 0))
    found = row(inference)
    assert (own.exact, found["draws"], inference.ties) == (True, 6**8, 6)
    assert_allclose(found["p_value"], 0.07574231252857797, rtol=EXAMPLE_RTOL)


# --------------------------------------------------------------------------- placebo

COEFFICIENTS = Placebo(studentised=False)


def test_p_of_placebos_counts_the_sample_and_ties():
    """By hand: of nine draws two are larger in size and two tie: (1 + 4) / 10."""
    own = plan(COEFFICIENTS)
    b = own.fitted.coef[0]
    near = b * (1 - 1e-13)
    values = [0, 0.1 * b, -0.2 * b, 0.3 * b, near, -near, 2 * b, -3 * b, 0]
    inference = read(own, values, np.zeros(9))
    assert_allclose(row(inference)["p_value"], 0.5, rtol=RTOL)
    assert_allclose(row(inference)["mc_error"], np.sqrt(0.25 / 9), rtol=RTOL)
    assert inference.ties == 2
    assert_allclose(row(inference)["se"], np.std(values, ddof=1), rtol=RTOL)
    shown = interval(inference, "placebo draws")
    assert_allclose(ends(shown), np.quantile(values, [0.025, 0.975]), rtol=RTOL)


def test_p_of_all_placebo_patterns_is_their_share():
    """The data themselves are a pattern: nothing is added."""
    own = plan(replace(COEFFICIENTS, permute="common-shift"), draws=5)
    inference, draws = infer(own, 0)
    b = abs(own.fitted.coef[0])
    share = (np.abs(draws.values[:, 0]) >= b * (1 - 1e-10)).mean()
    assert own.exact and share >= 1 / 5
    assert_allclose(row(inference)["p_value"], share, rtol=RTOL)
    assert row(inference)["mc_error"] == 0


def test_randomisation_t_compares_t():
    own = plan(Placebo(studentised=True), draws=300)
    inference, draws = infer(own, 2)
    fitted = own.fitted
    t = fitted.coef[0] / np.sqrt(fitted.covariance()[0, 0])
    larger = (np.abs(draws.values[:, 1]) >= abs(t)).sum()
    assert_allclose(row(inference)["p_value"], (1 + larger) / 301, rtol=RTOL)
    assert_allclose(row(inference)["se"], draws.values[:, 0].std(ddof=1), rtol=RTOL)
    told = interval(inference, "randomisation-t test inversion")
    assert ends(told) == ends(row(inference)) and np.isfinite(ends(told)).all()
    assert told["p_value"] == row(inference)["p_value"]
    # The histogram is of what is compared.
    outer = np.quantile(draws.values[:, 1], [0.0005, 0.9995])
    bars = inference.distribution
    assert_allclose([bars["low"].iloc[0], bars["high"].iloc[-1]], outer, rtol=RTOL)


# ----------------------------------------------------------------------- all of them


def test_shares_are_of_finite_draws_and_ties_within_rounding():
    draws = MemoryDraws(np.array([[1.0], [2.0], [2 + 1e-11], [2 + 1e-9], [np.nan]]))
    assert shares(draws, lambda w: w[:, 0], 2.0) == (1, 2, 1, 4)
    assert shares(draws, lambda w: -w[:, 0], -2.0) == (1, 2, 1, 4)
    zeros = MemoryDraws(np.array([[0.0], [1e-300], [-1e-300]]))
    assert shares(zeros, lambda w: w[:, 0], 0.0) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    "scheme, model",
    [
        (Pairs(), MODEL),
        (Bayesian(studentised=True), two_stage_model()),
        (Wild(weights="webb"), MODEL),
        (Placebo(permute="signs"), two_stage_model()),
    ],
)
def test_tables_have_their_columns_and_a_histogram_of_all_draws(scheme, model):
    inference, draws = infer(plan(scheme, model, 600), 4)
    # design.md, section 5
    columns = (
        "model,table,column,outcome,sample,term,scheme,draws,estimate,se,p_value,"
        "ci_low,ci_high,mc_error,draws_per_s"
    )
    assert [*inference.summary] == columns.split(",") == [*SUMMARY]
    columns = "model,term,interval,ci_low,ci_high,p_value"
    assert [*inference.intervals] == columns.split(",")
    assert [*inference.distribution] == ["model", "term", "low", "high", "count"]
    assert inference.distribution["count"].sum() == draws.count
    assert inference.failed == 0


def test_other_programs_read_the_summary():
    found = read(plan(Wild(null=False)), np.linspace(-3, 3, 20))
    table = found.__maketables_coef_table__
    own = found.summary.iloc[0]
    assert table.loc["TBI", "p"] == own["p_value"]
    assert table.loc["TBI", "t"] == own["estimate"] / own["se"]
    both = found.confint()[["ci_low", "ci_high"]]
    assert_array_equal(both, table[["ci95l", "ci95u"]])
    assert found.__maketables_depvar__ == MODEL.outcome
    assert found.__maketables_fixef_string__ == "iso3+year"
    assert found.__maketables_stat__("draws") == 20
    assert found.__maketables_stat__("se_type") == found.plan.scheme.words
    assert "r2_within" not in found.__maketables_default_stat_keys__


def test_no_draw_that_could_be_computed_gives_no_p():
    for scheme, columns in (
        (Pairs(), 1),
        (Wild(weights="mammen"), 1),
        (Wild(null=False), 1),
        (COEFFICIENTS, 2),
        (Placebo(), 5),
    ):
        own = read(plan(scheme), *np.full((columns, 5), np.nan))
        assert row(own)[["p_value", "ci_low", "ci_high"]].isna().all()
        assert own.failed == 5 and own.distribution["count"].sum() == 0
