"""Draws of every scheme against literal refits on what was drawn."""

import math
from dataclasses import replace
from functools import cache, partial
from itertools import permutations, product
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.model import Model
from tivax.engine.resampling import placebo
from tivax.engine.resampling.p_values import summarise
from tivax.engine.resampling.plans import DrawSource, ResamplingPlan, Static, make_plan
from tivax.engine.resampling.running import draws_of
from tivax.engine.resampling.schemes import Bayesian, Pairs, Placebo, Scheme, Wild
from tivax.kernels import random_draws as streams

from experiment_panels import MODEL, remodel, rows_of, small_panel, two_stage_model
from helpers import error_of
from literal_refits import (
    Refit,
    Rows,
    jackknife,
    refit,
    wild_instrument_t,
    wild_statistic,
)

# Sums over clusters against pseudo-inverses of all rows, relative to the largest number
# of all draws. Measured 1e-12, in pairs draws of two countries.
RTOL = 1e-10

SEED = 7
DRAWS = 6
FRAMES = {
    "balanced": small_panel(countries=7, seed=1),
    "unbalanced": small_panel(countries=8, unknown=0.35, seed=2),
}
MODELS = {
    "least squares": MODEL,
    "no controls": remodel(MODEL, controls=()),
    "instrument": two_stage_model(),
}


@cache
def plan(
    frame: str, model: Model, scheme: Scheme, draws: int = DRAWS
) -> ResamplingPlan:
    return make_plan(LinearFit.to_draw(FRAMES[frame], model), scheme, draws)


def made(own: ResamplingPlan) -> np.ndarray:
    return draws_of(own, SEED).values


@partial(jax.jit, static_argnums=0)
def _weights(static: Static, seed: int) -> jax.Array:
    return DrawSource(static, seed, 0).weights()


@partial(jax.jit, static_argnums=0)
def _wild_weights(static: Static, seed: int, block: int, position) -> jax.Array:
    return DrawSource(static, seed, block).wild(position)


@partial(jax.jit, static_argnums=0)
def _options(static: Static, seed: int) -> jax.Array:
    return DrawSource(static, seed, 0).options()


def close(own, expected) -> None:
    assert_allclose(own, expected, rtol=0, atol=RTOL * np.abs(expected).max())


# -------------------------------------------------------------- reweighted countries


def drawn_weights(own: ResamplingPlan) -> np.ndarray:
    """Of the first block, as the others below."""
    return np.asarray(_weights(own.static, SEED))[:, :DRAWS].T


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scheme", [Pairs(), Bayesian()])
def test_reweighted_draws_are_refits_in_units_of_the_panel(frame, model, scheme):
    own = plan(frame, MODELS[model], scheme)
    rows = rows_of(FRAMES[frame], MODELS[model])
    expected = [refit(rows, weights=w).coef[-1:] for w in drawn_weights(own)]
    close(made(own), np.array(expected))
    assert own.columns == MODELS[model].treatments
    assert own.static.balanced == (frame == "balanced")


@pytest.mark.parametrize("unknown", [0.0, 0.35])
def test_t_of_a_pairs_draw_is_that_of_copies_of_countries(unknown):
    """Of so many countries that no draw holds as few as there are regressors."""
    frame = small_panel(countries=14, unknown=unknown, seed=5)
    model = remodel(MODEL, treatments=("TFP", "TBI"))
    scheme = Pairs(studentised=True)
    own = make_plan(LinearFit.to_draw(frame, model), scheme, DRAWS)
    rows = rows_of(frame, model)
    center, expected = refit(rows).coef[-2:], []
    for counts in drawn_weights(own):
        literal = refit(rows.drawn(counts))
        b, se = literal.coef[-2:], np.sqrt(np.diag(literal.covariance)[-2:])
        expected.append([*b, *(b - center) / se])
    close(made(own), np.array(expected))
    assert own.columns == ("TFP", "TBI", "t(TFP)", "t(TBI)")


# ------------------------------------------------------------------------ wild draws


def wild_weights(own: ResamplingPlan, draws: int = DRAWS, block: int = 0) -> np.ndarray:
    drawn = _wild_weights(own.static, SEED, block, own.arrays["position"])
    return np.asarray(drawn)[:, :draws].T


def literal_wild(own: ResamplingPlan, rows: Rows, *hypotheses: np.ndarray):
    """For each draw the statistic of every R by refits, its value that of the scheme."""
    how: Any = {"restricted": own.scheme.null, "type": own.scheme.type}
    tested = [(R, np.full(len(R), own.scheme.value)) for R in hypotheses]
    return np.array(
        [
            [wild_statistic(rows, v, *k, **how) for k in tested]
            for v in wild_weights(own)
        ]
    )


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("null", [True, False], ids=["WCR", "WCU"])
@pytest.mark.parametrize("weights", ["rademacher", "webb", "mammen"])
def test_wild_draws_are_refits_on_new_outcomes(frame, null, weights):
    """The value of the null is in units of the panel, that of each treatment."""
    model = remodel(MODEL, treatments=("TFP", "TBI"))
    scheme = Wild(weights=weights, null=null, value=0.3)
    own, rows = plan(frame, model, scheme), rows_of(FRAMES[frame], model)
    close(made(own), literal_wild(own, rows, np.eye(4)[2:3], np.eye(4)[3:]))
    literal = refit(rows)
    t = (literal.coef - 0.3) / np.sqrt(np.diag(literal.covariance))
    close(own.observed, t[-2:])


@pytest.mark.parametrize("type", ["13", "31", "33"])
def test_wild_draws_of_each_type_are_refits_in_units_of_the_panel(type):
    scheme = Wild(weights="webb", value=0.3, type=type)
    own, rows = plan("unbalanced", MODEL, scheme), rows_of(FRAMES["unbalanced"], MODEL)
    close(made(own), literal_wild(own, rows, np.eye(3)[2:]))
    literal = refit(rows)
    V = literal.covariance if type == "31" else jackknife(rows, literal.coef)
    close(own.observed, (literal.coef[-1:] - 0.3) / np.sqrt(V[-1, -1]))


def test_the_covariance_of_the_type_is_that_of_the_row():
    own = plan("unbalanced", MODEL, Wild(type="33"))
    rows = rows_of(FRAMES["unbalanced"], MODEL)
    found = summarise(own, draws_of(own, SEED)).summary
    V = jackknife(rows, refit(rows).coef)
    close(found["se"].to_numpy(float), np.sqrt(V[-1:, -1]))


@pytest.mark.parametrize("null", [True, False], ids=["WCR", "WCU"])
def test_a_joint_draw_is_the_wald_statistic_of_a_refit(null):
    model = remodel(MODEL, treatments=("TFP", "TBI"))
    own = plan("unbalanced", model, Wild(joint=True, null=null, value=0.3))
    rows = rows_of(FRAMES["unbalanced"], model)
    close(made(own), literal_wild(own, rows, np.eye(4)[2:]))
    literal = refit(rows)
    gap, V = literal.coef[-2:] - 0.3, literal.covariance[-2:, -2:]
    close(own.observed, gap @ np.linalg.solve(V, gap) / 2)
    assert own.columns == ("F",)


def test_a_joint_test_of_one_treatment_is_its_t():
    own = plan("balanced", MODEL, Wild(joint=True))
    assert_array_equal(made(own), made(plan("balanced", MODEL, Wild())))
    assert own.columns == ("t(TBI)",)


@pytest.mark.parametrize("frame", FRAMES)
def test_wild_draws_with_an_instrument_are_refits_of_both_equations(frame):
    own = plan(frame, two_stage_model(), Wild(value=0.5))
    rows = rows_of(FRAMES[frame], two_stage_model())
    expected = [[wild_instrument_t(rows, v, 0.5)] for v in wild_weights(own)]
    close(made(own), np.array(expected))


@pytest.mark.parametrize("weights", ["rademacher", "webb", "mammen"])
def test_wild_weights_belong_to_countries_of_the_panel(weights):
    """A country has the same weight in draw k of every model and sample."""
    scheme = Wild(weights=weights)
    whole = plan("unbalanced", MODEL, scheme)
    part = plan("unbalanced", replace(MODEL, sample="developing"), scheme)
    rows = np.isin(whole.fitted.labels, part.fitted.labels)
    assert 0 < rows.sum() < len(rows)
    assert_array_equal(wild_weights(part), wild_weights(whole)[:, rows])


# --------------------------------------------------------------------------- placebo

STRATA = np.array(["b", "a", "b", "a", "a", "b", "a", "b"])
COEFFICIENTS = Placebo(studentised=False)
MOVES = {
    "countries": COEFFICIENTS,
    "countries within strata": replace(COEFFICIENTS, strata="bloc"),
    "shifts": replace(COEFFICIENTS, permute="shifts"),
    "common-shift": replace(COEFFICIENTS, permute="common-shift"),
    "years": replace(COEFFICIENTS, permute="years"),
    "signs": replace(COEFFICIENTS, permute="signs"),
}
FREEDMAN_LANE = Placebo(method="freedman-lane")
for name, frame in FRAMES.items():
    number = frame["iso3"].str[1:].astype(int)
    FRAMES[name] = frame.assign(bloc=STRATA[number])


def moved(paths: np.ndarray, scheme: Scheme, drawn: np.ndarray) -> np.ndarray:
    """Paths (G, T) as a draw moves them, from its options."""
    G, T = paths.shape
    if scheme.strata:
        # Options are by country of the blocs one after the other.
        order = np.argsort(STRATA[:G], kind="stable")
        result = np.empty_like(paths)
        result[order] = paths[order][drawn]
        assert (STRATA[order] == STRATA[order][drawn]).all()
        return result
    if scheme.permute == "countries":
        return paths[drawn]
    if scheme.permute == "years":
        return paths[:, drawn]
    if scheme.permute == "signs":
        return paths * np.where(drawn == 1, 1, -1)[:, None]
    return np.array([np.roll(paths[g], drawn[g]) for g in range(G)])


def placebos(frame: pd.DataFrame, model: Model, scheme: Scheme, drawn: np.ndarray):
    """For each draw the rows with treatment and instrument moved, and how much of the
    moved treatment is in its own place: the treatment on the moved one."""
    rows = rows_of(frame, model)
    T = rows.year.max() + 1

    def path(name: str) -> np.ndarray:
        table = frame.pivot(index="iso3", columns="year", values=name)
        return table.to_numpy(float)[:, -T:]

    (x,), z = model.treatments, model.instruments
    for each in drawn:
        cells = (rows.country, rows.year)
        X = moved(path(x), scheme, each)[cells][:, None]
        Z = moved(path(z[0]), scheme, each)[cells][:, None] if z else rows.Z
        new = replace(rows, X=X, Z=Z)
        yield new, replace(new, y=rows.X[:, 0])


def drawn_options(own: ResamplingPlan, draws: int = DRAWS) -> np.ndarray:
    return np.asarray(_options(own.static, SEED))[:, :draws].T


CASES = [("balanced", name) for name in MOVES] + [
    ("unbalanced", name) for name in MOVES if name != "years"
]


@pytest.mark.parametrize(
    "frame, name, model",
    [(*case, model) for case in CASES for model in ("least squares", "instrument")]
    + [(*case, "no controls") for case in CASES if case[1] == "countries"],
)
def test_placebos_are_refits_with_the_treatment_moved(frame, name, model):
    """The own effect is that of the moved treatment on the treatment itself."""
    scheme = MOVES[name]
    own = plan(frame, MODELS[model], scheme)
    drawn = drawn_options(own, own.draws)
    literal = [
        [refit(rows).coef[-1], refit(itself).coef[-1]]
        for rows, itself in placebos(FRAMES[frame], MODELS[model], scheme, drawn)
    ]
    for column, wanted in zip(made(own).T, np.array(literal).T, strict=True):
        close(column, wanted)
    assert own.columns == ("coefficient", "own effect")


@pytest.mark.parametrize(
    "frame, name",
    [
        ("balanced", "countries"),
        ("unbalanced", "countries within strata"),
        ("unbalanced", "shifts"),
        ("balanced", "signs"),
    ],
)
def test_t_of_placebos_is_that_of_refits(frame, name):
    scheme = replace(MOVES[name], studentised=True)
    model = MODELS["instrument" if name == "shifts" else "least squares"]
    own = plan(frame, model, scheme)
    drawn = drawn_options(own, own.draws)
    expected = [
        statistics_of(refit(rows), refit(itself))
        for rows, itself in placebos(FRAMES[frame], model, scheme, drawn)
    ]
    close(made(own), np.array(expected))
    literal = refit(rows_of(FRAMES[frame], model))
    observed = own.observed * own.unit
    close(observed, np.array([*statistics_of(literal, literal)[:2], 1, 0, 0]))


def statistics_of(outcome: Refit, itself: Refit) -> list[float]:
    """Coefficient, t, own effect, own covariance and variance of the moved treatment:
    CV1 of two outcomes together, in units of the panel."""
    (b, own), se = (k.coef[-1] for k in (outcome, itself)), outcome.errors[-1]
    return [b, b / se, own, outcome.joint(itself), itself.errors[-1] ** 2]


def freedman_lane(frame: pd.DataFrame, model: Model, scheme: Scheme, drawn: np.ndarray):
    """For each draw new outcomes, literally: the reduced model's fit plus residuals of
    whole countries moved; of the outcome, and of the treatment as another one."""
    rows = rows_of(frame, model)
    W = np.column_stack([rows.dummies, rows.C])
    shape = rows.G, rows.year.max() + 1
    for each in drawn:
        new = []
        for y in (rows.y, rows.X[:, 0]):
            fitted = W @ np.linalg.lstsq(W, y)[0]
            path = moved((y - fitted).reshape(shape), scheme, each)
            new.append(replace(rows, y=fitted + path.ravel()))
        yield new


@pytest.mark.parametrize("model", ["least squares", "instrument", "no controls"])
@pytest.mark.parametrize("strata", ["", "bloc"])
def test_freedman_lane_draws_are_refits_of_moved_residuals(model, strata):
    scheme = replace(FREEDMAN_LANE, strata=strata)
    frame, own = FRAMES["balanced"], plan("balanced", MODELS[model], scheme)
    expected = [
        statistics_of(*(refit(rows) for rows in both))
        for both in freedman_lane(frame, MODELS[model], scheme, drawn_options(own))
    ]
    for column, literal in zip(made(own).T, np.array(expected).T, strict=True):
        close(column, literal)
    assert own.columns[:2] == ("coefficient", "t")


def test_the_data_themselves_are_a_freedman_lane_draw():
    """Residuals that stay where they are: t is the sample's."""
    own = enumerated(5, FREEDMAN_LANE, math.factorial(5))
    assert own.exact
    t = made(own)[:, 1]
    assert np.abs(t - own.observed[1]).min() < RTOL * np.abs(t).max()


def test_a_lag_loses_the_first_year_of_the_paths():
    """The treatment of the first year, which the model cannot use, goes nowhere."""
    frame = FRAMES["balanced"].copy()
    frame.loc[frame["year"] == 2000, "L.TBI"] = np.nan
    model, scheme = two_stage_model(), MOVES["shifts"]
    own = make_plan(LinearFit.to_draw(frame, model), scheme, DRAWS)
    assert own.static.options == 4
    drawn = drawn_options(own)
    every = placebos(frame, model, scheme, drawn)
    close(made(own)[:, 0], np.array([refit(rows).coef[-1] for rows, _ in every]))


def test_placebos_without_effects_of_countries_are_refits():
    """Effects of years alone."""
    model = replace(MODEL, entity="")
    for frame in FRAMES:
        own = plan(frame, model, MOVES["countries"])
        moves = MOVES["countries"], drawn_options(own)
        every = placebos(FRAMES[frame], model, *moves)
        close(made(own)[:, 0], np.array([refit(rows).coef[-1] for rows, _ in every]))


# ------------------------------------------------------------------- all the patterns


def distinct(patterns: np.ndarray) -> set[tuple[int, ...]]:
    found = {tuple(each) for each in patterns.tolist()}
    assert len(found) == len(patterns)
    return found


@cache
def few(countries: int, years: int = 4) -> pd.DataFrame:
    frame = small_panel(countries=countries, years=years, seed=3)
    return frame.assign(bloc=(frame["iso3"] > "C01").astype(int))


def enumerated(
    countries: int, scheme: Scheme, draws: int, years: int = 4
) -> ResamplingPlan:
    model = remodel(MODEL, controls=())
    return make_plan(LinearFit.to_draw(few(countries, years), model), scheme, draws)


@pytest.mark.parametrize(
    "countries, scheme, patterns",
    [
        (5, MOVES["countries"], set(permutations(range(5)))),
        (
            5,
            MOVES["countries within strata"],
            {(*a, *b) for a in permutations((0, 1)) for b in permutations((2, 3, 4))},
        ),
        (3, MOVES["shifts"], set(product(range(4), repeat=3))),
        (5, MOVES["common-shift"], {(k,) * 5 for k in range(4)}),
        (5, MOVES["years"], set(permutations(range(4)))),
        (5, MOVES["signs"], set(product((0, 1), repeat=5))),
    ],
    ids=[*MOVES],
)
def test_all_patterns_are_made_once_where_the_draws_suffice(
    countries, scheme, patterns
):
    n = len(patterns)
    own = enumerated(countries, scheme, n)
    assert own.exact and own.draws == n and len(made(own)) == n
    assert distinct(drawn_options(own, n)) == patterns
    # The data themselves are among them.
    assert np.abs(made(own)[:, 0] - own.fitted.coef[0]).min() < RTOL
    fewer = enumerated(countries, scheme, n - 1)
    assert (fewer.exact, fewer.draws) == (False, n - 1)


@pytest.mark.parametrize("weights, base", [("rademacher", 2), ("webb", 6)])
def test_all_wild_patterns_are_made_once_where_the_draws_suffice(weights, base):
    scheme = Wild(weights=weights)
    own = enumerated(4, scheme, base**4)
    v = wild_weights(own, base**4)
    assert own.exact and own.draws == base**4
    assert len(distinct(np.round(v * 1000).astype(int))) == base**4
    assert len(np.unique(v)) == base
    assert not enumerated(4, scheme, base**4 - 1).exact


def test_patterns_beyond_the_first_block_are_enumerated_too():
    """6^5 of Webb's: the last block holds the rest of them."""
    own = enumerated(5, Wild(weights="webb"), 10_000)
    assert own.exact and own.draws == 6**5 > streams.BLOCK
    parts = [wild_weights(own, streams.BLOCK, block) for block in (0, 1)]
    v = np.concatenate(parts)[: 6**5]
    assert len(distinct(np.round(v * 1000).astype(int))) == 6**5


def test_what_has_no_list_of_patterns_is_drawn():
    """Mammen's weights are not equally likely."""
    for scheme in (Wild(weights="mammen"), Pairs(), Bayesian()):
        own = enumerated(3, scheme, 1000)
        assert (own.exact, own.draws) == (False, 1000)


@pytest.mark.parametrize("permute, years", [("countries", 4), ("years", 21)])
def test_more_patterns_than_a_number_can_count_are_drawn(permute, years):
    """21! is above 2^63."""
    countries = 21 if permute == "countries" else 3
    own = enumerated(countries, replace(COEFFICIENTS, permute=permute), 2**62, years)
    assert not own.exact
    assert math.factorial(21) > 2**63
    drawn = np.asarray(_options(own.static, 1))
    assert_array_equal(np.sort(drawn, axis=0)[:, 0], np.arange(21))


# ------------------------------------------------------------------- panels with gaps


def without(*cells: tuple[str, int]) -> pd.DataFrame:
    frame = FRAMES["balanced"].copy()
    for country, year in cells:
        there = (frame["iso3"] == country) & (frame["year"] == year)
        frame.loc[there, "TBI"] = np.nan
    return frame


@pytest.mark.parametrize("studentised", [False, True])
def test_paths_with_gaps_move_among_countries_with_the_same_years(studentised):
    frame = without(("C03", 2002), ("C05", 2002))
    scheme = Placebo(studentised=studentised)
    own = make_plan(LinearFit.to_draw(frame, MODEL), scheme, DRAWS)
    assert own.static.sizes == (2, 5) and not own.note
    order = np.array([3, 5, 0, 1, 2, 4, 6])
    rows = rows_of(frame, MODEL)
    paths = frame.pivot(index="iso3", columns="year", values="TBI").to_numpy()
    expected = []
    for drawn in drawn_options(own):
        its = np.empty_like(paths)
        its[order] = paths[order][drawn]
        X = its[:, -rows.year.max() - 1 :][rows.country, rows.year][:, None]
        new = replace(rows, X=X)
        itself = replace(new, y=rows.X[:, 0])
        expected.append(statistics_of(refit(new), refit(itself)))
    kept = [0, 1, 2, 3, 4] if studentised else [0, 2]
    close(made(own), np.array(expected)[:, kept])


def test_a_path_with_a_gap_is_shifted_round_its_own_years():
    """C03 has one year fewer: numbers below the common multiple are even for both."""
    frame = without(("C03", 2002))
    own = make_plan(LinearFit.to_draw(frame, MODEL), MOVES["shifts"], DRAWS)
    rows = rows_of(frame, MODEL)
    T = rows.year.max() + 1
    assert own.static.options == T * (T - 1)
    stays = make_plan(LinearFit.to_draw(frame, MODEL), MOVES["countries"], DRAWS)
    assert (
        stays.note
        == "1 of 7 iso3 keep their own path, which costs power: no other has the same years"
    )
    paths = frame.pivot(index="iso3", columns="year", values="TBI").to_numpy()[:, -T:]
    expected = []
    for drawn in drawn_options(own):
        its = paths.copy()
        for path, k in zip(its, drawn, strict=True):
            seen = np.isfinite(path)
            path[seen] = np.roll(path[seen], k % seen.sum())
        new = replace(rows, X=its[rows.country, rows.year][:, None])
        expected.append(refit(new).coef[-1])
    close(made(own)[:, 0], np.array(expected))


def test_large_tables_of_paths_are_not_made(monkeypatch):
    """Products of the paths that a draw gives: the same placebos."""
    whole = {}
    for most in (1 << 23, 0):
        monkeypatch.setattr(placebo, "_LOOKED_UP", most)
        for model in ("least squares", "instrument"):
            fitted = LinearFit.to_draw(FRAMES["unbalanced"], MODELS[model])
            for studentised in (False, True):
                scheme = Placebo(studentised=studentised, strata="bloc")
                own = made(make_plan(fitted, scheme, DRAWS))
                close(own, whole.setdefault((model, studentised), own))


# --------------------------------------------------------------------- the mistakes


HOLE = without(("C03", 2002))
# Country g lacks the years that are bits of g.
BITS = FRAMES["balanced"]["iso3"].str[1:].astype(int) // 2 ** (
    FRAMES["balanced"]["year"].max() - FRAMES["balanced"]["year"]
)
OF_ITS_OWN = FRAMES["balanced"].assign(TBI=lambda k: k["TBI"].where(BITS % 2 == 0))
IV_TWO = two_stage_model(instruments=("L.TBI", "TFP"))
SHIFTS = MOVES["shifts"]
ALONE = FRAMES["balanced"].assign(
    TBI=lambda frame: ((frame["iso3"] == "C03") & (frame["year"] > 2003)).astype(float)
)
MISTAKES = {
    "a treatment that is not known": (HOLE, MODEL, MOVES["common-shift"], "1 of 7 iso3 lack TBI in a year that is used, C03 the first of them; permute = common-shift needs every year: choose countries"),
    "an instrument that is not known": (HOLE, remodel(MODEL, treatments=("endogenous",), instruments=("TBI",)), MOVES["common-shift"], "lack endogenous or TBI in a year that is used"),
    "years of its own for every country": (OF_ITS_OWN, MODEL, MOVES["countries"], "no two iso3 have TBI in the same years, so that no path can move; choose permute = shifts"),
    "two treatments": (FRAMES["balanced"], remodel(MODEL, treatments=("TBI", "TFP")), SHIFTS, "a placebo moves one treatment"),
    "two instruments": (FRAMES["balanced"], IV_TWO, SHIFTS, "a placebo moves one treatment, and one instrument with it"),
    "strata of shifts": (FRAMES["balanced"], MODEL, replace(SHIFTS, strata="bloc"), "strata go with permute = countries, not shifts"),
    "strata that are not there": (FRAMES["balanced"], MODEL, Placebo(strata="area"), "strata: no column area in the panel"),
    "strata that change": (FRAMES["balanced"], MODEL, Placebo(strata="year"), "strata: year changes or is missing within C00; it must be one value for each cluster"),
    "strata that are missing": (FRAMES["balanced"].assign(bloc=np.nan), MODEL, Placebo(strata="bloc"), "strata: bloc changes or is missing within C00"),
    "strata of one country each": (FRAMES["balanced"], MODEL, Placebo(strata="iso3"), "placebo-t countries within iso3 has a single pattern, the data themselves; choose other strata"),
    "years of an unbalanced panel": (FRAMES["unbalanced"], MODEL, MOVES["years"], "permute = years takes a balanced panel and compares coefficients"),
    "t of years": (FRAMES["balanced"], MODEL, replace(MOVES["years"], studentised=True), "leave studentised out, or choose shifts"),
    "residuals of an unbalanced panel": (FRAMES["unbalanced"], MODEL, FREEDMAN_LANE, "method = freedman-lane takes a balanced panel with effects of countries and years"),
    "residuals in time": (FRAMES["balanced"], MODEL, replace(FREEDMAN_LANE, permute="shifts"), "leave permute and studentised out"),
    "coefficients of residuals": (FRAMES["balanced"], MODEL, replace(FREEDMAN_LANE, studentised=False), "method = freedman-lane compares t"),
    "no years": (FRAMES["balanced"], replace(MODEL, time=""), SHIFTS, "it needs one effect besides iso3, such as year"),
    "two rows of one year": (pd.concat([FRAMES["balanced"], FRAMES["balanced"].iloc[:1]]), MODEL, SHIFTS, "a placebo needs one row for each iso3 and year; there are several"),
    "unrestricted 2SLS": (FRAMES["balanced"], two_stage_model(), Wild(null=False), "the wild bootstrap of 2SLS (WRE) takes one endogenous regressor and null = true"),
    "a type of 2SLS": (FRAMES["balanced"], two_stage_model(), Wild(type="31"), 'type "31" is of least squares'),
    "a country that cannot be left out": (ALONE, MODEL, Wild(type="33"), 'TBI is not identified without C03, so that type "33" has no CV3; take type "11" or "31"'),
    "two endogenous": (FRAMES["balanced"], two_stage_model(treatments=("endogenous", "TBI"), instruments=("L.TBI", "TFP")), Wild(), "takes one endogenous regressor"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_scheme_that_does_not_serve_is_told_in_one_line(name):
    frame, model, scheme, told = MISTAKES[name]
    fitted = LinearFit.to_draw(frame, model)
    line = error_of(make_plan, fitted, scheme, 99)
    assert line.startswith(("model main: ", "scheme: "))
    assert told in line


def test_a_treatment_that_is_missing_where_no_year_is_used_is_no_mistake():
    """Nobody's outcome of that year is known."""
    frame = without(("C03", 2002))
    frame.loc[frame["year"] == 2002, "KOFGIdj"] = np.nan
    own = make_plan(LinearFit.to_draw(frame, MODEL), MOVES["countries"], DRAWS)
    assert own.static.options == 7 and np.isfinite(made(own)).all()


def test_the_name_of_a_scheme_tells_what_is_drawn():
    assert Pairs().name == "pairs"
    assert Wild(weights="webb").name == "WCR webb"
    assert Wild(null=False).name == "WCU rademacher"
    jackknifed = Wild(type="31")
    assert jackknifed.name == "WCR31 rademacher"
    assert "type 31 (jackknifed residuals)" in jackknifed.words
    assert MOVES["countries within strata"].name == "placebo countries within bloc"
    assert Placebo(strata="bloc").name == "placebo-t countries within bloc"
    assert FREEDMAN_LANE.name == "Freedman-Lane-t countries"


def test_a_placebo_compares_t_but_for_years():
    """Where the clusters are not what moves there is no t; others have it on demand."""
    assert Placebo() == Placebo(studentised=True)
    years = Placebo(permute="years")
    assert years == replace(COEFFICIENTS, permute="years")
    assert not Pairs().studentised


@pytest.mark.parametrize(
    "scheme, label",
    [
        (Pairs(), "pairs"),
        (Bayesian(studentised=True), "bayesian-t"),
        (Wild(), "wild-wcr-rademacher"),
        (Wild(weights="mammen", null=False), "wild-wcu-mammen"),
        (Wild(weights="webb", type="33"), "wild-wcr33-webb"),
        (COEFFICIENTS, "placebo-countries"),
        (Placebo(permute="shifts"), "placebo-shifts-t"),
        (Placebo(strata="bloc"), "placebo-countries-within-bloc-t"),
        (FREEDMAN_LANE, "placebo-freedman-lane-countries-t"),
    ],
)
def test_the_label_of_a_program_tells_schemes_apart(scheme, label):
    assert plan("balanced", MODEL, scheme).label == label


def test_the_label_tells_instruments_and_joint_tests():
    fitted = LinearFit.to_draw(FRAMES["balanced"], two_stage_model())
    webb = Wild(weights="webb")
    assert make_plan(fitted, webb, 99).label == "wild-wre-webb"
    both = remodel(MODEL, treatments=("TBI", "RQ"), controls=("INFR",))
    joint = replace(webb, joint=True)
    assert plan("balanced", both, joint).label == "wild-wcr-webb-joint"
    assert plan("balanced", MODEL, joint).label == "wild-wcr-webb"


def test_models_of_one_shape_share_their_compiled_code():
    """The other outcomes of a table compile nothing."""
    a = plan("balanced", MODEL, Pairs())
    b = plan("balanced", replace(MODEL, outcome="KOFTrGIdj"), Pairs())
    assert a.static == b.static
    assert not np.allclose(made(a), made(b))


def test_rows_of_literal_refits_are_those_of_the_design():
    for frame in FRAMES.values():
        for model in MODELS.values():
            rows: Rows = rows_of(frame, model)
            fitted = LinearFit.to_draw(frame, model)
            close(fitted.coef, refit(rows).coef[-1:])
            assert_array_equal(fitted.cluster, rows.country)
            assert np.isfinite(fitted.products.S).all()
