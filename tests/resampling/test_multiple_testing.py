"""Tests of several outcomes together: by hand, by loops over draws, and by Holm."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.stats.multitest import multipletests

from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.model import Model
from tivax.engine.resampling import multiple_testing as module
from tivax.engine.resampling.draws import MemoryDraws
from tivax.engine.resampling.multiple_testing import (
    COLUMNS,
    Member,
    adjust,
    holm,
    romano_wolf,
    westfall_young,
)
from tivax.engine.resampling.p_values import summarise
from tivax.engine.resampling.plans import make_plan
from tivax.engine.resampling.running import draws_of
from tivax.engine.resampling.schemes import Bayesian, Pairs, Placebo, Scheme, Wild

from experiment_panels import small_panel

# Shares of the same draws.
RTOL = 1e-12
SEED = 2


# ------------------------------------------------------------------- a second version


def stepped(p_of, m: int, order: list[int]) -> np.ndarray:
    """p of each test among those that are left, never below the one before it."""
    found = np.zeros(m)
    for k, j in enumerate(order):
        before = found[order[k - 1]] if k else 0.0
        found[j] = max(before, p_of(j, order[k:]))
    return found


def literal_romano_wolf(
    sizes: np.ndarray, observed: np.ndarray, plus: bool
) -> np.ndarray:
    def p_of(j: int, left: list[int]) -> float:
        larger = sum(max(draw[left]) >= observed[j] * (1 - 1e-10) for draw in sizes)
        return (larger + plus) / (len(sizes) + plus)

    return stepped(p_of, len(observed), [*np.argsort(-observed)])


def literal_westfall_young(
    sizes: np.ndarray, observed: np.ndarray, plus: bool
) -> np.ndarray:
    """Each statistic becomes a p-value among the draws of its own test."""

    def p(j: int, size: float) -> float:
        return float((sizes[:, j] >= size * (1 - 1e-10)).mean())

    own = np.array([p(j, size) for j, size in enumerate(observed)])
    drawn = np.array([[p(j, size) for j, size in enumerate(row)] for row in sizes])

    def p_of(j: int, left: list[int]) -> float:
        smaller = sum(min(row[left]) <= own[j] for row in drawn)
        return (smaller + plus) / (len(sizes) + plus)

    return stepped(p_of, len(observed), [*np.argsort(own, kind="stable")])


def literal_holm(p: np.ndarray) -> np.ndarray:
    """That of statsmodels, which would collect the garbage of all tests: a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gc.collect", lambda: 0)
        return np.asarray(multipletests(p, method="holm")[1])


def samples() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Draws of the null's sizes, and what is observed."""
    rng = np.random.default_rng(1)
    common = rng.normal(size=(199, 1))
    few = np.round(np.abs(rng.normal(size=(40, 3))), 1)
    found = {
        "independent": (rng.normal(size=(199, 4)), [2.5, 0.3, 1.9, 1]),
        "dependent": (common + rng.normal(size=(199, 3)), [1.0, 3, 2]),
        "of other spread": (rng.normal(size=(99, 3)) * [1, 5, 20], [2.0, 9, 30]),
        "ties with draws": (few, few[7]),
        "none as large": (few, [9.0, 8, 7]),
        "one test": (few[:, :1], [1.1]),
    }
    return {k: (np.abs(draws), np.array(own)) for k, (draws, own) in found.items()}


SAMPLES = samples()
STEP_DOWN = {
    "romano_wolf": (romano_wolf, literal_romano_wolf),
    "westfall_young": (westfall_young, literal_westfall_young),
}


@pytest.mark.parametrize("plus", [True, False])
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("method", STEP_DOWN)
def test_stepping_down_is_a_loop_over_tests_and_draws(method, name, plus):
    own, literal = STEP_DOWN[method]
    sizes, observed = SAMPLES[name]
    expected = literal(sizes, observed, plus)
    assert_allclose(own([sizes], observed, plus=plus), expected, rtol=RTOL)


@pytest.mark.parametrize("method", STEP_DOWN)
def test_stepping_down_by_hand(method):
    """2.5 beside maxima 5, 3, 2, 0; then 0.5 beside 5, 1, 2, 0 of the second alone. The
    same draws as p-values: 3/4 1/4, 1/4 3/4, 2/4 2/4, 1 1; observed 1/4 3/4."""
    own, _ = STEP_DOWN[method]
    sizes = np.array([[1.0, 5], [3, 1], [2, 2], [0, 0]])
    observed = np.array([2.5, 0.5])
    assert_allclose(own([sizes], observed, plus=False), [2 / 4, 3 / 4])
    assert_allclose(own([sizes], observed), [3 / 5, 4 / 5])


@pytest.mark.parametrize("method", STEP_DOWN)
def test_draws_may_come_in_windows_and_tests_in_any_order(method):
    own, _ = STEP_DOWN[method]
    for sizes, observed in SAMPLES.values():
        whole = own([sizes], observed)
        parts = np.array_split(sizes, [10, 11, 35])
        assert_array_equal(own(parts, observed), whole)
        turned = own([sizes[:, ::-1]], observed[::-1])
        assert_array_equal(turned[::-1], whole)


def test_westfall_young_ranks_the_first_draws_only(monkeypatch):
    """64 of each of four tests."""
    monkeypatch.setattr(module, "_RANKED", 4 * 64)
    sizes, observed = SAMPLES["independent"]
    expected = literal_westfall_young(sizes[:64], observed, True)
    for parts in ([sizes], np.array_split(sizes, 9)):
        assert_allclose(westfall_young(parts, observed), expected, rtol=RTOL)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_never_easier_in_a_family(name):
    """Not below the p of the test alone; of Westfall and Young not above Holm's."""
    sizes, observed = SAMPLES[name]
    alone = (sizes >= observed[None, :] * (1 - 1e-10)).mean(axis=0)
    for own, _ in STEP_DOWN.values():
        assert (own([sizes], observed, plus=False) >= alone - RTOL).all()
    stepped_down = westfall_young([sizes], observed, plus=False)
    assert (stepped_down <= holm(alone) + RTOL).all()


@pytest.mark.parametrize("method", STEP_DOWN)
def test_a_copy_of_a_test_costs_nothing(method):
    """What the outcomes have in common is used; Holm takes them for two."""
    own, _ = STEP_DOWN[method]
    sizes, observed = SAMPLES["one test"]
    alone = own([sizes], observed, plus=False)
    twice = own([np.hstack([sizes, sizes])], np.repeat(observed, 2), plus=False)
    assert_array_equal(twice, np.repeat(alone, 2))
    assert_allclose(holm(twice), np.minimum(1, 2 * twice), rtol=RTOL)


# -------------------------------------------------------------------------------- Holm


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, then 0.03 x 2 and 0.04 x 1, which is not below 0.06."""
    p = np.array([0.04, 0.01, 0.03, 0.02])
    assert_allclose(holm(p), [0.06, 0.04, 0.06, 0.06], rtol=RTOL)


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_that_of_statsmodels(seed):
    p = np.random.default_rng(seed).uniform(size=7) ** 2
    p[:2] = p[2]
    assert_allclose(holm(p), literal_holm(p), rtol=RTOL)


# --------------------------------------------------------------------------- of models

FRAME = small_panel(countries=8, years=4, seed=3).assign(
    copy=lambda frame: frame["KOFGIdj"],
    late=lambda frame: frame["KOFTrGIdj"].where(frame["year"] > 2000),
)


@cache
def member(
    outcome: str, scheme: Scheme, draws: int = 199, sample: str = "all"
) -> Member:
    model = Model(
        f"{outcome} {sample}",
        outcome,
        ("TBI", "RQ"),
        sample=sample,
        entity="iso3",
        time="year",
    )
    plan = make_plan(LinearFit.to_draw(FRAME, model), scheme, draws)
    drawn = draws_of(plan, SEED)
    return plan, drawn, summarise(plan, drawn)


def sizes_of(member: Member) -> tuple[np.ndarray, float]:
    """The draws' sizes and the observed one, from what the draws hold."""
    plan, draws, _ = member
    values = np.concatenate([*draws.windows()])
    b, kind = float(plan.fitted.coef[0]), plan.scheme.kind
    t = abs(b) / float(plan.fitted.covariance()[0, 0] ** 0.5)
    if kind == "wild":
        return np.abs(values[:, 0]), t
    if plan.scheme.studentised:
        return np.abs(values[:, 1]), t
    spread = values[:, 0].std(ddof=1)
    center = 0.0 if kind == "placebo" else b
    return np.abs(values[:, 0] - center) / spread, abs(b) / spread


SCHEMES = {
    "all signs": Wild(),
    "mammen": Wild(weights="mammen"),
    "pairs": Pairs(),
    "bayesian": Bayesian(),
    "placebo": Placebo(studentised=False),
    "placebo t": Placebo(),
}
OUTCOMES = ("KOFGIdj", "KOFEcGIdj", "KOFPoGIdj")


@pytest.mark.parametrize("name", SCHEMES)
def test_models_of_a_family_are_compared_in_the_same_draws(name):
    """Sizes by scheme: |t*|, |b* - b| or |b*| over their spread."""
    draws = 2**8 if name == "all signs" else 199
    members = [member(outcome, SCHEMES[name], draws) for outcome in OUTCOMES]
    assert members[0][0].exact == (name == "all signs")
    own = adjust(members)
    assert tuple(own.columns) == COLUMNS and (own["note"] == "").all()
    assert own["model"].tolist() == [f"{outcome} all" for outcome in OUTCOMES]
    sizes, observed = zip(*map(sizes_of, members), strict=True)
    given = np.column_stack(sizes), np.array(observed), name != "all signs"
    p = np.array([found.summary["p_value"][0] for _, _, found in members])
    assert_array_equal(own["p_value"], p)
    for method, (_, literal) in STEP_DOWN.items():
        # p of pairs is read from percentiles and may be above that of centred draws.
        assert_allclose(own[method], np.maximum(literal(*given), p), rtol=RTOL)
    assert_allclose(own["holm"], literal_holm(p), rtol=RTOL)


def test_one_model_is_its_own_family():
    one = member("KOFGIdj", SCHEMES["pairs"])
    (row,) = adjust([one]).to_dict("records")
    p = one[2].summary["p_value"][0]
    assert row["romano_wolf"] == row["westfall_young"] == row["holm"] == p
    assert row["note"] == "alone in its family"


def test_one_outcome_twice_has_one_p():
    both = [member(outcome, SCHEMES["placebo"]) for outcome in ("KOFGIdj", "copy")]
    own = adjust(both)
    p = both[0][2].summary["p_value"][0]
    assert_allclose(own[["romano_wolf", "westfall_young"]], p, rtol=RTOL)


def named(one: Member, family: str) -> Member:
    plan, draws, found = one
    model = replace(plan.fitted.model, family=family)
    plan = replace(plan, fitted=replace(plan.fitted, model=model))
    return plan, draws, found


def test_families_are_apart():
    members = [member(outcome, SCHEMES["mammen"]) for outcome in OUTCOMES]
    families = ("two", "one", "two")
    own = adjust([named(m, f) for m, f in zip(members, families, strict=True)])
    assert own["family"].tolist() == ["two", "two", "one"]
    assert own["note"].tolist() == ["", "", "alone in its family"]
    pair = adjust([members[0], members[2]])
    shown = ["model", "romano_wolf", "westfall_young", "holm"]
    pd.testing.assert_frame_equal(own[shown][:2], pair[shown])


@pytest.mark.parametrize(
    "other",
    [("KOFEcGIdj", 199, "developed"), ("KOFEcGIdj", 99, "all")],
    ids=["other clusters", "other draws"],
)
def test_draws_of_other_clusters_are_not_compared(other):
    outcome, draws, sample = other
    pairs = SCHEMES["pairs"]
    members = [member("KOFGIdj", pairs), member(outcome, pairs, draws, sample)]
    own = adjust(members)
    assert own[["romano_wolf", "westfall_young"]].isna().all(axis=None)
    assert (own["note"] == "drawn from different clusters: only Holm's").all()
    assert_allclose(own["holm"], holm(own["p_value"].to_numpy()), rtol=RTOL)


def test_shifts_of_fewer_years_are_other_moves():
    """A path moved by 3 of 4 years stays where it is moved by 3 of 3."""
    shifts = Placebo(permute="shifts")
    own = adjust([member("KOFGIdj", shifts), member("late", shifts)])
    assert own["romano_wolf"].isna().all()


def test_wild_weights_belong_to_the_countries_of_the_panel():
    """So models of other samples are drawn alike."""
    mammen = SCHEMES["mammen"]
    members = [member("KOFGIdj", mammen), member("KOFGIdj", mammen, 199, "developed")]
    sizes, observed = zip(*map(sizes_of, members), strict=True)
    expected = literal_romano_wolf(np.column_stack(sizes), np.array(observed), True)
    assert_allclose(adjust(members)["romano_wolf"], expected, rtol=RTOL)


def test_a_draw_that_one_model_lacks_is_left_out_of_all():
    members = [member(outcome, SCHEMES["mammen"]) for outcome in OUTCOMES[:2]]
    (plan, draws, found), other = members
    values = np.concatenate([*draws.windows()])
    values[::3] = np.nan
    own = adjust([(plan, MemoryDraws(values), found), other])
    sizes, observed = zip(*map(sizes_of, members), strict=True)
    kept = np.column_stack(sizes)[np.arange(199) % 3 > 0]
    expected = literal_romano_wolf(kept, np.array(observed), True)
    assert_allclose(own["romano_wolf"], expected, rtol=RTOL)


def test_no_models_are_no_rows():
    assert adjust([]).empty and tuple(adjust([]).columns) == COLUMNS
