"""Intervals are the nulls that a test does not reject: their ends are tested again."""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.inversion import invert
from tivax.engine.estimation.model import Model
from tivax.engine.resampling import wild_tests
from tivax.engine.resampling.inference import infer
from tivax.engine.resampling.p_values import summarise
from tivax.engine.resampling.placebo import randomisation_p_of
from tivax.engine.resampling.plans import ResamplingPlan, make_plan
from tivax.engine.resampling.running import Rate, draws_of
from tivax.engine.resampling.schemes import Pairs, Placebo, Scheme, Wild
from tivax.engine.resampling.wild_tests import anderson_rubin, invert_wild

from experiment_panels import MODEL, remodel, rows_of, small_panel, two_stage_model
from helpers import matrix_by_matrix

LEVEL = 0.05
# Between an end and a null that is not rejected, in standard errors: of all patterns,
# of random draws.
EXACT, RANDOM = 1e-6, 1e-3
# Ends are sums of an estimate and of so many standard errors.
ROUNDING = 1e-12
# The same p from the same draws, but for ties within rounding.
RTOL = 1e-12
SEED = 5


def with_instruments(frame: pd.DataFrame) -> pd.DataFrame:
    """Z1 and Z2 move ``driven``, so that tests on them bound its effect."""
    Z = np.random.default_rng(7).normal(size=(len(frame), 2))
    driven = Z.sum(axis=1) + 0.3 * frame["endogenous"]
    return frame.assign(Z1=Z[:, 0], Z2=Z[:, 1], driven=driven)


FRAME = with_instruments(small_panel(countries=9, years=6, unknown=0.1, seed=12))
ONE = two_stage_model()
TWO = two_stage_model(treatments=("driven",), instruments=("Z1", "Z2"))


@cache
def plan(model: Model, scheme: Scheme, draws: int) -> ResamplingPlan:
    return make_plan(LinearFit.to_draw(FRAME, model), scheme, draws)


def p_value(frame: pd.DataFrame, model: Model, scheme: Scheme, draws: int) -> float:
    """Of one test, from the draws themselves."""
    own = make_plan(LinearFit.to_draw(frame, model), scheme, draws)
    return float(summarise(own, draws_of(own, SEED)).summary["p_value"][0])


def ends_of(own: ResamplingPlan) -> tuple[float, float]:
    """The interval of the first treatment alone."""
    return wild_tests._inverted(own, 0, SEED, Rate())[0]


# ------------------------------------------------------------------------- the search


def known(p, calls: list):
    def p_of(nulls, draws):
        calls.append((len(nulls), draws))
        return np.array([p(null) for null in nulls])

    return p_of


def between(low: float, high: float):
    return lambda null: 0.06 if low < null < high else 0.04


@pytest.mark.parametrize("low, high", [(-1.0, 2.5), (0.1, 0.9), (-12.0, 30.0)])
@pytest.mark.parametrize("draws", [999, 1_000_000])
@pytest.mark.parametrize("exact, width", [(True, EXACT), (False, RANDOM)])
def test_ends_of_a_known_p(low, high, draws, exact, width):
    """Above 5 % between them, from an estimate of 0.5 and se of 2."""
    own = invert(known(between(low, high), []), 0.5, 2.0, draws, exact=exact)
    # A null with p of just 5 % is rejected; the first one that is stands.
    assert low - 2 * width <= own[0] <= low and high <= own[1] <= high + 2 * width


def test_all_draws_have_the_last_word():
    """The random part is wrong by two standard errors, or sees no end, or no interval:
    what it finds is not confirmed, and all draws are searched."""
    for part in (between(-3, 0.6), between(-99, 99), lambda null: 0.04):
        limits = []

        def p_of(nulls, limit, part=part, limits=limits):
            limits.append(limit)
            p = between(-1, 2.5) if limit is None else part
            return np.array([p(null) for null in nulls])

        own = invert(p_of, 0.5, 2.0, 1_000_000)
        assert_allclose(own, [-1, 2.5], rtol=0, atol=2 * EXACT)
        assert limits[0] == 1 << 15 and None in limits


def test_a_smooth_p_takes_few_passes_of_all_draws():
    """p falls from 1 by 0.4 a standard error: 5 % is 2.375 standard errors away. The
    part of the draws is off by a Monte-Carlo error."""
    calls: list = []

    def p_of(nulls, limit):
        calls.append((len(nulls), limit))
        return 1 - 0.4 * np.abs(nulls - 0.5) / 2 + 0.001 * (limit is not None)

    own = invert(p_of, 0.5, 2.0, 1_000_000, exact=False)
    assert_allclose(own, [0.5 - 4.75, 0.5 + 4.75], rtol=0, atol=2 * RANDOM)
    assert sum(n for n, limit in calls if limit is None) < 20


def test_what_is_tested_is_inside_where_it_is_not_rejected():
    """p dips below 5 % between the estimate and 0; and only at 0 itself."""
    dip = known(lambda k: 0.04 if 0.2 < k < 0.7 else between(-1, 3)(k), [])
    assert_allclose(invert(dip, 1.0, 1.0, 99), [-1, 3], rtol=0, atol=EXACT)
    point = known(lambda k: 0.04 if k == 0 else between(-1, 3)(k), [])
    assert_allclose(invert(point, 1.0, 1.0, 99), [0, 3], rtol=0, atol=EXACT)


def test_the_hull_has_the_outermost_ends():
    """A set in two parts, on one side of the estimate; or none at all."""
    p = known(lambda k: max(between(1, 2)(k), between(4, 6)(k)), [])
    assert_allclose(invert(p, 0.0, 1.0, 99, hull=True), [1, 6], rtol=0, atol=EXACT)
    for draws in (99, 1_000_000):
        found = invert(known(lambda k: 0.01, []), 0.0, 1.0, draws, hull=True)
        assert np.isnan(found).all()


@pytest.mark.parametrize("form", ["_structural_forms", "_reduced_forms"])
def test_many_nulls_call_lapack_for_one_matrix_at_a_time(form):
    fitted = LinearFit.to_draw(FRAME, TWO)
    nulls = np.zeros(wild_tests.AT_ONCE)
    run = getattr(wild_tests, form)
    assert matrix_by_matrix(run.lower(fitted.products, nulls, layout=fitted.layout))


def test_ends_that_are_not_found_are_infinite():
    for draws in (999, 1_000_000):
        own = invert(known(lambda k: 0.06 if k < 1 else 0.04, []), 0.5, 1.0, draws)
        assert own[0] == -np.inf and abs(own[1] - 1) < EXACT
        assert invert(known(lambda k: 0.5, []), 0.5, 1.0, draws) == (-np.inf, np.inf)


@pytest.mark.parametrize("se", [0.0, np.nan, np.inf])
def test_without_a_standard_error_there_are_no_ends(se):
    assert np.isnan(invert(known(lambda k: 0.5, []), 0.5, se, 999)).all()


# -------------------------------------------------------------------------------- wild


def assert_ends_are_tested(ends, p_at, width: float) -> None:
    """Rejected at each end, not rejected a little inside (twice the width: rounding)."""
    (low, high), width = ends, 2 * width
    assert np.isfinite(ends).all() and low < high
    assert p_at(low) <= LEVEL < p_at(low + width)
    assert p_at(high) <= LEVEL < p_at(high - width)


CASES = {
    "all signs": (MODEL, Wild(), 2**9, EXACT),
    "some of Webb's": (MODEL, Wild(weights="webb"), 999, RANDOM),
    # The search uses fewer, the last steps all.
    "many draws": (MODEL, Wild(weights="webb"), 40_000, RANDOM),
    "jackknives": (MODEL, Wild(type="33"), 2**9, EXACT),
    "two instruments": (TWO, Wild(), 2**9, EXACT),
}


@pytest.mark.parametrize("name", CASES)
def test_ends_of_wild_intervals_are_at_5_percent_when_tested_again(name):
    """WCR, or with instruments WRE, with the end as the null's value."""
    model, scheme, draws, width = CASES[name]
    own = plan(model, scheme, draws)
    se = float(own.fitted.covariance()[0, 0] ** 0.5)
    ends = ends_of(own)

    def p_at(null: float) -> float:
        return p_value(FRAME, model, replace(scheme, value=null), draws)

    assert own.exact == (draws == 2**9)
    assert_ends_are_tested(ends, p_at, width * se)


def test_p_of_held_terms_is_p_of_nulls_drawn_again(monkeypatch):
    chosen = plan(MODEL, Wild(weights="webb"), 3_000)
    nulls = np.linspace(-1, 2, 7)
    found = []

    def instead(p_of, *_, **__):
        found.append(p_of(nulls, None))
        return 0.0, 0.0

    monkeypatch.setattr(wild_tests, "invert", instead)
    for held in (wild_tests._HELD, 0):
        monkeypatch.setattr(wild_tests, "_HELD", held)
        ends_of(chosen)
    terms, drawn_again = found
    assert 0 < drawn_again.min() < 0.5
    assert_allclose(terms, drawn_again, rtol=RTOL)


def test_each_treatment_has_its_own_interval():
    """The other treatments are not restricted."""
    model = Model(
        "two",
        "KOFGIdj",
        ("TFP", "TBI", "RQ"),
        ("TFP", "TBI"),
        entity="iso3",
        time="year",
    )
    own = plan(model, Wild(), 2**9)
    inverted = invert_wild(own, SEED)
    assert inverted is not None and inverted.anderson_rubin is None
    for k, treatment in enumerate(model.treatments):
        other = ({*model.treatments} - {treatment}).pop()
        alone = remodel(model, treatments=(treatment,), controls=("RQ", other))
        expected = ends_of(plan(alone, Wild(), 2**9))
        assert_allclose(inverted.intervals[k], expected, rtol=1e-6)


# ------------------------------------------------- all patterns, counted literally


class Literal:
    """p over all patterns of the weights by NumPy, on rows net of dummies and controls."""

    def __init__(self, frame: pd.DataFrame, model: Model, weights: str) -> None:
        rows = rows_of(frame, model)
        # Dummies of all countries but one, and of all years.
        Q = np.linalg.qr(np.column_stack([rows.dummies[:, 1:], rows.C]))[0]
        self.net = lambda M: M - Q @ (Q.T @ M)
        self.y, self.x = rows.y, rows.X[:, 0]
        self.z = self.net(rows.Z[:, 0]) if model.instruments else self.net(self.x)
        self.of = np.eye(rows.G)[rows.country]  # rows by cluster
        G, N = rows.G, len(rows.y)
        self.correction = G / (G - 1) * (N - 1) / (N - rows.n_parameters)
        root = np.sqrt([0.5, 1, 1.5])
        points = np.array([-1, 1]) if weights == "rademacher" else [*-root, *root]
        grid = np.meshgrid(*[points] * G, indexing="ij")
        self.v = np.stack([k.ravel() for k in grid])  # clusters, patterns

    def t(self, u: np.ndarray, x: np.ndarray) -> np.ndarray:
        """t of u on x by the instrument z, everything net; patterns in columns."""
        zx = self.z @ x
        gap = (self.z @ u) / zx
        scores = self.of.T @ (self.z[:, None] * (u - gap * x))
        return gap * np.abs(zx) / np.sqrt(self.correction * (scores**2).sum(axis=0))

    def p(self, u: np.ndarray, x: np.ndarray, of_x: np.ndarray) -> float:
        """Share of |t*| above |t|: residuals u of y, and of_x of x, weighted."""
        observed = np.abs(self.t(u[:, None], self.net(x)[:, None]))[0]
        larger = 0
        for v in np.array_split(self.v, -(-self.v.shape[1] // 8192), axis=1):
            weight = self.of @ v
            drawn = (x - of_x)[:, None] + of_x[:, None] * weight if of_x.any() else x
            new_x = self.net(drawn.reshape(len(x), -1))
            new = np.abs(self.t(self.net(u[:, None] * weight), new_x))
            larger += int((new > observed * (1 + 1e-10)).sum())
        return larger / self.v.shape[1]

    def coefficient(self, null: float) -> float:
        """Of WCR, and of WRE where there is an instrument."""
        u, of_x = self.net(self.y - null * self.x), np.zeros(len(self.x))
        if not np.allclose(self.z, self.net(self.x)):
            # The first stage with u in it; its residuals are those of x on W and z.
            first = np.linalg.lstsq(np.column_stack([self.z, u]), self.net(self.x))[0]
            of_x = self.net(self.x) - first[0] * self.z
        return self.p(u, self.x, of_x)

    def anderson_rubin(self, null: float) -> float:
        """WCR of the instrument on y - null x."""
        return self.p(self.net(self.y - null * self.x), self.z, np.zeros(len(self.x)))


def few_years(G: int) -> pd.DataFrame:
    """With an instrument strong enough for ends that are finite."""
    frame = small_panel(countries=G, years=4, seed=40 + G)
    return frame.assign(endogenous=frame["L.TBI"] + 0.1 * frame["endogenous"])


FEW = remodel(MODEL, controls=("RQ",))
FEW_IV = remodel(ONE, controls=("RQ",))


@pytest.mark.slow
@pytest.mark.parametrize(
    "G, weights, model",
    [
        (8, "rademacher", FEW),
        (16, "rademacher", FEW),
        (6, "webb", FEW),
        (6, "webb", FEW_IV),
    ],
)
def test_with_all_patterns_p_is_5_percent_at_the_ends(G, weights, model):
    """Enumerations within the search's window and beyond it, counted by NumPy."""
    frame = few_years(G)
    own = make_plan(LinearFit.to_draw(frame, model), Wild(weights=weights), 10**6)
    literal = Literal(frame, model, weights)
    se = float(own.fitted.covariance()[0, 0] ** 0.5)
    assert own.exact and own.draws == literal.v.shape[1]
    p = summarise(own, draws_of(own, SEED)).summary["p_value"][0]
    assert_allclose(literal.coefficient(0), p, rtol=RTOL)
    tested = [(ends_of(own), literal.coefficient)]
    if model.instruments:
        low, high, p = anderson_rubin(own, SEED)
        assert_allclose(literal.anderson_rubin(0), p, rtol=RTOL)
        tested.append(((low, high), literal.anderson_rubin))
    for ends, p_at in tested:
        assert_ends_are_tested(ends, p_at, EXACT * se)


def test_all_patterns_and_random_ones_agree():
    """40,000 of 6^6: over all patterns p at their ends is 5 % but for four Monte-Carlo
    errors."""
    frame, scheme = few_years(6), Wild(weights="webb")
    own = make_plan(LinearFit.to_draw(frame, FEW), scheme, 40_000)
    assert not own.exact
    literal, error = Literal(frame, FEW, "webb"), np.sqrt(LEVEL * 0.95 / 40_000)
    for end in ends_of(own):
        assert abs(literal.coefficient(end) - LEVEL) < 4 * error


def test_the_interval_does_not_depend_on_the_value_that_is_tested():
    one, other = (plan(MODEL, Wild(value=k), 2**9) for k in (0.0, 0.7))
    ends = ends_of(one)
    se = float(one.fitted.covariance()[0, 0] ** 0.5)
    assert_allclose(ends_of(other), ends, rtol=0, atol=EXACT * se)


@pytest.mark.parametrize("scheme", [Pairs(), Wild(null=False), Placebo()])
def test_only_a_restricted_wild_test_is_inverted(scheme):
    assert invert_wild(plan(MODEL, scheme, 99), SEED) is None
    joint = Model(
        "two",
        "KOFGIdj",
        ("TFP", "TBI", "RQ"),
        ("TFP", "TBI"),
        entity="iso3",
        time="year",
    )
    assert invert_wild(plan(joint, Wild(joint=True), 99), SEED) is None


# --------------------------------------------------------------- Anderson and Rubin


def on_instruments(model: Model, null: float) -> tuple[pd.DataFrame, Model]:
    """y - null x on the instruments, by least squares."""
    y = FRAME[model.outcome] - null * FRAME[model.treatments[0]]
    by_instruments = remodel(model, treatments=model.instruments, instruments=())
    reduced = replace(by_instruments, outcome="rest")
    return FRAME.assign(rest=y), reduced


def reduced_p(model: Model, null: float) -> float:
    """WCR of the instruments' coefficients, jointly."""
    frame, reduced = on_instruments(model, null)
    return p_value(frame, reduced, Wild(joint=True), 2**9)


@pytest.mark.parametrize("model", [ONE, TWO], ids=["one", "two"])
def test_anderson_rubin_is_a_test_of_the_instruments(model):
    """p of 0, and both ends tested again."""
    own = plan(model, Wild(), 2**9)
    low, high, p = anderson_rubin(own, SEED)
    p_at = partial(reduced_p, model)
    assert_allclose(p, p_at(0.0), rtol=RTOL)
    se = float(own.fitted.covariance()[0, 0] ** 0.5)
    assert_ends_are_tested((low, high), p_at, EXACT * se)


def test_the_anderson_rubin_set_is_among_the_intervals():
    own = plan(TWO, Wild(), 2**9)
    inference, _ = infer(own, SEED)
    found = inference.intervals.set_index("interval").loc["Anderson-Rubin"]
    found = found[["ci_low", "ci_high", "p_value"]].astype(float)
    assert_array_equal(found, anderson_rubin(own, SEED))


def test_a_weak_instrument_leaves_an_end_open():
    """It has nothing to do with the treatment: its set cannot be bounded, whatever
    the standard error of 2SLS says. Nulls 40 of them away stand."""
    model = two_stage_model(instruments=("Z1",))
    own = plan(model, Wild(), 2**9)
    ends = anderson_rubin(own, SEED)[:2]
    assert np.isinf(ends).any()
    b, se = own.fitted.coef[0], own.fitted.covariance()[0, 0] ** 0.5
    for end, far in zip(ends, (b - 40 * se, b + 40 * se), strict=True):
        assert (reduced_p(model, far) > LEVEL) == np.isinf(end)


# ---------------------------------------------------------------------------- placebo

COEFFICIENTS = Placebo(studentised=False)
BALANCED = small_panel(countries=9, years=6, seed=12)


@pytest.mark.parametrize(
    "model, scheme, draws, width",
    [
        (MODEL, replace(COEFFICIENTS, permute="signs"), 2**9, EXACT),
        (MODEL, COEFFICIENTS, 999, RANDOM),
        (ONE, replace(COEFFICIENTS, permute="shifts"), 999, RANDOM),
        (MODEL, Placebo(permute="signs"), 2**9, EXACT),
        (MODEL, Placebo(), 999, RANDOM),
        (ONE, Placebo(), 999, RANDOM),
        (MODEL, Placebo(method="freedman-lane"), 999, RANDOM),
        (ONE, Placebo(method="freedman-lane"), 999, RANDOM),
    ],
)
def test_ends_of_a_randomisation_interval_are_at_5_percent_when_tested_again(
    model, scheme, draws, width
):
    """The outcome less the end times the treatment, as if that were its effect."""
    frame = BALANCED if scheme.method == "freedman-lane" else FRAME
    own = make_plan(LinearFit.to_draw(frame, model), scheme, draws)
    inference = summarise(own, draws_of(own, SEED))
    name = f"randomisation{'-t' * bool(scheme.studentised)} test inversion"
    found = inference.intervals.set_index("interval").loc[name]
    assert found["p_value"] == inference.summary["p_value"][0]

    def p_at(null: float) -> float:
        y = frame["KOFGIdj"] - null * frame[model.treatments[0]]
        return p_value(frame.assign(KOFGIdj=y), model, scheme, draws)

    ends = found[["ci_low", "ci_high"]].to_numpy(float)
    se = inference.summary["se"][0]
    if scheme.studentised:
        se = float(own.fitted.covariance()[0, 0] ** 0.5)
    assert_ends_are_tested(ends, p_at, width * se)


def test_a_search_among_many_placebos_takes_them_at_random(monkeypatch):
    """All 9! permutations; the first 32,768 share the last countries' places."""
    own = make_plan(LinearFit.to_draw(FRAME, MODEL), Placebo(), 10**6)
    draws = draws_of(own, SEED)
    assert own.exact and draws.count == 362_880
    b, t = own.fitted.coef[0], float(own.observed[1])
    p_of = partial(randomisation_p_of, draws, b, b / t, True, np.array([0.0, b / 2]))
    error = np.sqrt(0.25 / (1 << 15))
    assert_allclose(p_of(1 << 15), p_of(None), rtol=0, atol=4 * error)
    p = summarise(own, draws).summary["p_value"][0]
    assert_allclose(p_of(None)[0], p, rtol=RTOL)


# -------------------------------------------------------- p and interval, every kind

KINDS = {
    "pairs": (MODEL, Pairs(studentised=True)),
    "WCR": (MODEL, Wild(weights="webb")),
    "WCU": (MODEL, Wild(weights="mammen", null=False)),
    "WRE": (ONE, Wild(weights="webb")),
    "coefficients": (MODEL, COEFFICIENTS),
    "randomisation-t": (MODEL, Placebo()),
    "Freedman-Lane": (MODEL, Placebo(method="freedman-lane")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_zero_is_outside_an_interval_exactly_where_its_p_rejects(kind):
    """Of panels whose estimate is 1 to 4 standard errors from 0."""
    model, scheme = KINDS[kind]
    found = []
    for seed, away in enumerate((-3.5, -2.5, -2, -1, 1, 1.8, 2.4, 4)):
        frame = small_panel(countries=9, years=6, seed=100 + seed)
        fitted = LinearFit.to_draw(frame, model)
        se = float(fitted.covariance()[0, 0] ** 0.5)
        effect = fitted.coef[0] - away * se
        moved = frame["KOFGIdj"] - effect * frame[model.treatments[0]]
        own = make_plan(
            LinearFit.to_draw(frame.assign(KOFGIdj=moved), model), scheme, 199
        )
        inference, _ = infer(own, seed)
        rows = inference.intervals.dropna(subset=["p_value"])
        whole = rows["interval"].ne("Anderson-Rubin, hull of a set that leaves out 0")
        found.append(rows[whole])
        (row,) = inference.summary.to_dict("records")
        assert (row["p_value"] <= LEVEL) == (not row["ci_low"] < 0 < row["ci_high"])
    table = pd.concat(found)
    inside = (table["ci_low"] < 0) & (table["ci_high"] > 0)
    assert_array_equal(table["p_value"] <= LEVEL, ~inside)
    # Some of each.
    assert 0 < inside.sum() < len(inside)
