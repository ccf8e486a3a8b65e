"""Intervals are the nulls that a test does not reject: their ends are tested again."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.designs import Model, make_design
from tivax.engine.experiments import draws_of
from tivax.engine.inference import infer, summarise
from tivax.engine.inversion import (
    anderson_rubin,
    by_inversion,
    invert,
    invert_wild,
)
from tivax.engine.schemes import Program, Scheme, make_program

from experiment_panels import MODEL, small_panel, two_stage_model

LEVEL = 0.05
# Widths of the search in standard errors: of all patterns, of a few draws.
EXACT, FEW = 1e-5, 1e-2
# A known p of each null: the last bracket, 10 standard errors / 7^8.
SEARCH_ATOL = 2e-6
# The same p from the same draws, but for ties within rounding.
RTOL = 1e-12
SEED = 5

pytestmark = pytest.mark.usefixtures("quick")


def with_instruments(frame: pd.DataFrame) -> pd.DataFrame:
    """Z1 and Z2 move ``driven``, so that tests on them bound its effect."""
    Z = np.random.default_rng(7).normal(size=(len(frame), 2))
    driven = Z.sum(axis=1) + 0.3 * frame["endogenous"]
    return frame.assign(Z1=Z[:, 0], Z2=Z[:, 1], driven=driven)


FRAME = with_instruments(small_panel(countries=9, years=6, unknown=0.1, seed=12))
ONE = two_stage_model()
TWO = two_stage_model(treatments=("driven",), instruments=("Z1", "Z2"))


@cache
def program(model: Model, scheme: Scheme, draws: int) -> Program:
    return make_program(make_design(FRAME, model), scheme, draws)


def p_value(frame: pd.DataFrame, model: Model, scheme: Scheme, draws: int) -> float:
    """Of one test, from the draws themselves."""
    own = make_program(make_design(frame, model), scheme, draws)
    return float(summarise(own, draws_of(own, SEED)).summary["p_value"][0])


# ------------------------------------------------------------------------- the search


def known(p, calls: list):
    def p_of(nulls, draws):
        calls.append((len(nulls), draws))
        return np.array([p(null) for null in nulls])

    return p_of


@pytest.mark.parametrize("low, high", [(-1.0, 2.5), (0.1, 0.9), (-12.0, 30.0)])
def test_ends_of_a_known_p(low, high):
    """Above 5 % between them, from an estimate of 0.5 and se of 2."""
    calls = []
    own = invert(
        known(lambda k: 0.06 if low < k < high else 0.04, calls), 0.5, 2.0, 999
    )
    assert_allclose(own, [low, high], rtol=0, atol=2 * SEARCH_ATOL)
    # A null with p of just 5 % is rejected; the first one that is stands.
    assert own[0] <= low and own[1] >= high
    assert len(calls) == 9


def test_few_draws_that_are_not_all_patterns_are_searched_less():
    calls = []
    p = known(lambda k: 0.06 if -1 < k < 2 else 0.04, calls)
    assert_allclose(invert(p, 0.5, 1.0, 999, exact=False), [-1, 2], rtol=0, atol=1e-3)
    assert len(calls) == 5


def test_of_many_draws_the_last_step_takes_all_and_is_linear():
    """p falls from 1 by 0.4 a standard error: 5 % is 2.375 standard errors away."""
    calls = []
    p = known(lambda k: 1 - 0.4 * abs(k - 0.5) / 2, calls)
    own = invert(p, 0.5, 2.0, 1_000_000)
    assert_allclose(own, [0.5 - 4.75, 0.5 + 4.75], rtol=RTOL)
    assert [draws for _, draws in calls] == [1 << 15] * 4 + [None]


def test_ends_that_are_not_found_are_infinite():
    for draws in (999, 1_000_000):
        own = invert(known(lambda k: 0.06 if k < 1 else 0.04, []), 0.5, 1.0, draws)
        assert own[0] == -np.inf and abs(own[1] - 1) < 0.02
        assert invert(known(lambda k: 0.5, []), 0.5, 1.0, draws) == (-np.inf, np.inf)


@pytest.mark.parametrize("se", [0.0, np.nan, np.inf])
def test_without_a_standard_error_there_are_no_ends(se):
    assert np.isnan(invert(known(lambda k: 0.5, []), 0.5, se, 999)).all()


# -------------------------------------------------------------------------------- wild


def assert_ends_are_tested(ends, p_at, width: float) -> None:
    """Rejected at each end, not rejected a little inside."""
    low, high = ends
    assert np.isfinite(ends).all() and low < high
    assert p_at(low) <= LEVEL < p_at(low + width)
    assert p_at(high) <= LEVEL < p_at(high - width)


CASES = {
    "all signs": (MODEL, Scheme("wild"), 2**9, EXACT),
    "some of Webb's": (MODEL, Scheme("wild", weights="webb"), 999, FEW),
    "two instruments": (TWO, Scheme("wild"), 2**9, EXACT),
}


@pytest.mark.parametrize("name", CASES)
def test_ends_of_wild_intervals_are_at_5_percent_when_tested_again(name):
    """WCR, or with instruments WRE, with the end as the null's value."""
    model, scheme, draws, width = CASES[name]
    own = program(model, scheme, draws)
    se = float(own.design.covariance()[0, 0] ** 0.5)
    ends = by_inversion(own, 0, SEED)

    def p_at(null: float) -> float:
        return p_value(FRAME, model, replace(scheme, value=null), draws)

    assert own.exact == (draws == 2**9)
    assert_ends_are_tested(ends, p_at, width * se)


def test_each_treatment_has_its_own_interval():
    """The other treatments are not restricted."""
    model = Model("two", "KOFGIdj", ("TFP", "TBI"), ("RQ",))
    own = program(model, Scheme("wild"), 2**9)
    inverted = invert_wild(own, SEED)
    assert inverted is not None and inverted.anderson_rubin is None
    for k, treatment in enumerate(model.treatments):
        other = ({*model.treatments} - {treatment}).pop()
        alone = replace(model, treatments=(treatment,), controls=("RQ", other))
        expected = by_inversion(program(alone, Scheme("wild"), 2**9), 0, SEED)
        assert_allclose(inverted.intervals[k], expected, rtol=1e-6)


def test_many_draws_end_where_all_of_them_are_at_5_percent():
    """40,000 draws: the search uses fewer, the last step all."""
    scheme, draws = Scheme("wild", weights="webb"), 40_000
    own = program(MODEL, scheme, draws)
    for end in by_inversion(own, 0, SEED):
        p = p_value(FRAME, MODEL, replace(scheme, value=end), draws)
        # Between nulls 0.02 standard errors apart, where p changes by 0.002.
        assert abs(p - LEVEL) < 5e-4


def test_the_interval_does_not_depend_on_the_value_that_is_tested():
    one, other = (program(MODEL, Scheme("wild", value=k), 2**9) for k in (0.0, 0.7))
    assert by_inversion(one, 0, SEED) == by_inversion(other, 0, SEED)


@pytest.mark.parametrize(
    "scheme",
    [
        Scheme("pairs"),
        Scheme("wild", null=False),
        Scheme("placebo"),
    ],
)
def test_only_a_restricted_wild_test_is_inverted(scheme):
    assert invert_wild(program(MODEL, scheme, 99), SEED) is None
    joint = Model("two", "KOFGIdj", ("TFP", "TBI"), ("RQ",))
    assert invert_wild(program(joint, Scheme("wild", joint=True), 99), SEED) is None


# --------------------------------------------------------------- Anderson and Rubin


def on_instruments(model: Model, null: float) -> tuple[pd.DataFrame, Model]:
    """y - null x on the instruments, by least squares."""
    y = FRAME[model.outcome] - null * FRAME[model.treatments[0]]
    reduced = replace(
        model, outcome="rest", treatments=model.instruments, instruments=()
    )
    return FRAME.assign(rest=y), reduced


def reduced_p(model: Model, null: float) -> float:
    """WCR of the instruments' coefficients, jointly."""
    frame, reduced = on_instruments(model, null)
    return p_value(frame, reduced, Scheme("wild", joint=True), 2**9)


@pytest.mark.parametrize("model", [ONE, TWO], ids=["one", "two"])
def test_anderson_rubin_is_a_test_of_the_instruments(model):
    """p of 0, and both ends tested again."""
    own = program(model, Scheme("wild"), 2**9)
    low, high, p = anderson_rubin(own, SEED)

    def p_at(null: float) -> float:
        return reduced_p(model, null)

    assert_allclose(p, p_at(0.0), rtol=RTOL)
    se = float(own.design.covariance()[0, 0] ** 0.5)
    assert_ends_are_tested((low, high), p_at, EXACT * se)


def test_the_anderson_rubin_set_is_among_the_intervals():
    own = program(TWO, Scheme("wild"), 2**9)
    inference, _ = infer(own, SEED)
    found = inference.intervals.set_index("interval").loc["Anderson-Rubin"]
    assert_array_equal(
        found[["ci_low", "ci_high", "p_value"]].astype(float), anderson_rubin(own, SEED)
    )


def test_a_weak_instrument_leaves_an_end_open():
    """It has nothing to do with the treatment: its set cannot be bounded, whatever
    the standard error of 2SLS says. Nulls 40 of them away stand."""
    model = two_stage_model(instruments=("Z1",))
    own = program(model, Scheme("wild"), 2**9)
    ends = anderson_rubin(own, SEED)[:2]
    assert np.isinf(ends).any()
    b, se = own.design.coef[0], own.design.covariance()[0, 0] ** 0.5
    for end, far in zip(ends, (b - 40 * se, b + 40 * se), strict=True):
        assert (reduced_p(model, far) > LEVEL) == np.isinf(end)


# ---------------------------------------------------------------------------- placebo


@pytest.mark.parametrize(
    "model, scheme, draws, width",
    [
        (MODEL, Scheme("placebo", permute="signs"), 2**9, EXACT),
        (MODEL, Scheme("placebo"), 999, FEW),
        (ONE, Scheme("placebo", permute="shifts"), 999, FEW),
    ],
)
def test_ends_of_a_randomisation_interval_are_at_5_percent_when_tested_again(
    model, scheme, draws, width
):
    """The outcome less the end times the treatment, as if that were its effect."""
    own = program(model, scheme, draws)
    inference = summarise(own, draws_of(own, SEED))
    found = inference.intervals.set_index("interval").loc[
        "randomisation test inversion"
    ]
    assert found["p_value"] == inference.summary["p_value"][0]

    def p_at(null: float) -> float:
        frame = FRAME.assign(
            KOFGIdj=FRAME["KOFGIdj"] - null * FRAME[model.treatments[0]]
        )
        return p_value(frame, model, scheme, draws)

    ends = found[["ci_low", "ci_high"]].to_numpy(float)
    assert_ends_are_tested(ends, p_at, width * inference.summary["se"][0])
