"""Regressions on drawn tables: refitted literally, and with a known effect."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.core import files_of
from tivax.engine.estimation import LinearFit, with_lags
from tivax.engine.montecarlo import corrections, evaluate
from tivax.engine.montecarlo.evaluate import monte_carlo, set_up, summarise_draws

from helpers import error_of, small_world

DRAWS = 24
MODELS = (
    tx.Model("ols", "y", ["TBI", "c"], entity="iso3", time="year"),
    tx.Model(
        "iv",
        "y",
        ["TBI", "c"],
        endogenous=["TBI"],
        instruments=["z"],
        entity="iso3",
        time="year",
    ),
    tx.Model("lagged", "y", ["TBI", "L.TBI"], entity="iso3", time="year"),
)
ERROR = tx.table_errors.Lognormal(a=0.02, b=0.05)
# Two ways to the same least squares, of columns in units that differ by 1e2.
RTOL = 1e-8


def panel_of(world, seed=1, effect=2.0):
    """TBI of a world, an instrument, a control, and an outcome that TBI moves."""
    index = tx.trade_benefit_index(world)["tbi"].to_series().rename("TBI")
    frame = index.reset_index().rename(columns={"region": "iso3"})
    frame = frame[frame["iso3"] != "ROW"].reset_index(drop=True)
    rng = np.random.default_rng(seed)
    frame["c"] = rng.normal(size=len(frame))
    frame["z"] = frame["TBI"] + 0.02 * rng.normal(size=len(frame))
    noise = 0.01 * rng.normal(size=len(frame))
    frame["y"] = effect * frame["TBI"] + 0.01 * frame["c"] + noise
    return frame


@pytest.fixture(scope="module")
def world():
    return small_world(8, 3, 6)


@pytest.fixture(scope="module")
def panel(world):
    return with_lags(panel_of(world), list(MODELS))


@pytest.fixture(scope="module")
def setup(world, panel):
    return set_up([LinearFit.to_draw(panel, k) for k in MODELS], world, ERROR)


@pytest.fixture(scope="module")
def drawn(setup):
    """Indices of draws that nobody solved, a file for each year."""
    rng = np.random.default_rng(5)
    size = (len(setup.years), DRAWS, len(setup.tables.regions))
    values = setup.base[:, None, :] + 0.01 * rng.normal(size=size)
    return [np.hstack([k, np.zeros((DRAWS, 2))]) for k in values]


@pytest.fixture(scope="module")
def found(setup, drawn):
    return summarise_draws(setup, drawn, seed=3)


def columns_of(frame, model):
    """Columns net of countries and years: all countries have the same years."""
    used = frame.dropna(subset=[*model.columns])
    net = used[[*model.columns]]
    for key in ("iso3", "year"):
        net = net - net.groupby(used[key].to_numpy()).transform("mean")
    net = net - net.mean()
    return used, net.to_numpy()


def literal(frame, model):
    """Estimates and CV1 errors of the treatments, from columns net of effects."""
    used, net = columns_of(frame, model)
    names = [*model.columns]
    X = net[:, [names.index(k) for k in (*model.controls, *model.treatments)]]
    Z = X.copy()
    if model.instruments:
        others = (*model.controls, *model.instruments)
        Z = net[:, [names.index(k) for k in others]]
    y = net[:, -1]
    fitted = Z @ np.linalg.lstsq(Z, X, rcond=None)[0]
    B = np.linalg.inv(fitted.T @ X)
    beta = B @ fitted.T @ y
    u = y - X @ beta
    scores = pd.DataFrame(fitted * u[:, None]).groupby(used["iso3"].to_numpy()).sum()
    G, n = len(scores), len(used)
    # Slopes, dummies of all years but one, and 1 for the countries.
    k = X.shape[1] + used["year"].nunique()
    V = G / (G - 1) * (n - 1) / (n - k) * B @ (scores.T.to_numpy() @ scores.to_numpy())
    se = np.sqrt(np.diag(V @ B.T))
    q = len(model.treatments)
    return beta[-q:], se[-q:]


@pytest.mark.parametrize("model", MODELS, ids=lambda k: k.name)
def test_a_draw_is_the_regression_on_its_indices(model, setup, drawn, found, panel):
    for draw in (0, DRAWS - 1):
        moved = panel.drop(columns="L.TBI").copy()
        number = {name: k for k, name in enumerate(setup.tables.regions)}
        moved["TBI"] = [
            drawn[setup.years.index(year)][draw, number[region]]
            for region, year in zip(moved["iso3"], moved["year"], strict=True)
        ]
        moved = with_lags(moved, list(MODELS))
        coef, se = literal(moved, model)
        rows = found.distribution.query("model == @model.name and draw == @draw")
        assert_allclose(rows["estimate"], coef, rtol=RTOL)
        assert_allclose(rows["se"], se, rtol=RTOL)


def test_the_summary_is_made_of_the_draws(found, panel):
    published = with_lags(panel.drop(columns="L.TBI"), list(MODELS))
    for model in MODELS:
        rows = found.summary[found.summary["model"] == model.name]
        coef, se = literal(published, model)
        assert_allclose(rows["estimate"], coef, rtol=RTOL)
        assert_allclose(rows["se_sampling"], se, rtol=RTOL)
    for row in found.summary.to_dict("records"):
        drawn = found.distribution.query("model == @row['model']")
        assert_allclose(row["se_table"], drawn["estimate"].std(), rtol=RTOL)
        total = np.sqrt(row["se_sampling"] ** 2 + drawn["estimate"].var())
        assert_allclose([row["se_total"], row["se"]], total, rtol=RTOL)
        assert row["ci_low"] < row["estimate"] < row["ci_high"]
    written = [k.rstrip("?") for k in files_of("montecarlo")["summary"].columns]
    assert list(found.summary.columns) == written


def test_reliability_and_correction_are_the_textbook_ones(found, panel, setup, drawn):
    """One treatment: 1 - var(error) / var(treatment), and the estimate over it."""
    used, net = columns_of(panel, MODELS[0])
    c, x, y = net.T
    values = np.stack(drawn)[:, :, : len(setup.tables.regions)]
    errors = values - values.mean(axis=1, keepdims=True)
    number = {name: k for k, name in enumerate(setup.tables.regions)}
    total = 0.0
    for draw in range(DRAWS):
        d = [
            errors[setup.years.index(year), draw, number[region]]
            for region, year in zip(used["iso3"], used["year"], strict=True)
        ]
        frame = used[["iso3", "year"]].assign(c=used["c"], TBI=d, y=used["y"])
        d = columns_of(frame, MODELS[0])[1][:, 1]
        d = d - c * (c @ d) / (c @ c)
        total += d @ d / (DRAWS - 1)
    x = x - c * (c @ x) / (c @ c)
    reliability = 1 - total / (x @ x)
    row = found.summary.iloc[0]
    assert 0.5 < reliability < 0.99
    assert_allclose(row["reliability"], reliability, rtol=RTOL)
    assert_allclose(row["coef_corrected"], row["estimate"] / reliability, rtol=RTOL)


def test_an_instrument_without_errors_needs_no_correction(found):
    """2SLS with a treatment that errs, alone, is consistent as it is."""
    row = found.summary.set_index("model").loc["iv"]
    assert_allclose(row["coef_corrected"], row["estimate"], rtol=1e-10)


def test_corrected_estimates_without_errors_have_the_errors_of_sampling(setup):
    """Then each is the estimate itself, and its error that of clusters: by jackknife, near
    CV1, and by draws of them. Year effects are not estimated again."""
    rng = np.random.default_rng(2)
    size = (len(setup.years), 400, len(setup.tables.regions))
    values = setup.base[:, None, :] + 1e-9 * rng.normal(size=size)
    tiny = [np.hstack([k, np.zeros((400, 2))]) for k in values]
    row = summarise_draws(setup, tiny, seed=3).summary.iloc[0]
    for name, se in (("corrected", "se_sampling"), ("simex", "se_both")):
        assert_allclose(row[f"coef_{name}"], row["estimate"], rtol=1e-6)
        assert_allclose(row[f"coef_{name}_se"], row[se], rtol=0.25)


def test_a_parabola_is_extrapolated_exactly():
    at = np.array(corrections.LAMBDAS)[:, None]
    found = corrections.simex(np.array([3.0]), 3 - 0.5 * at + 0.1 * at**2)
    assert_allclose(found, 3.6, rtol=1e-12)


def test_a_known_effect_comes_back_after_correction(world):
    """The panel has the index of tables with errors, the outcome that of the true ones.

    Over 100 such panels the plain estimate is 2 times the reliability, the corrected
    ones are 2; their mean is known to 1 %.
    """
    rng = np.random.default_rng(8)
    true = panel_of(world)
    sd = 0.4 * float(columns_of(true, MODELS[0])[1][:, 1].std())
    kept = []
    for _ in range(100):
        seen = true.copy()
        seen["TBI"] = true["TBI"] + sd * rng.normal(size=len(true))
        seen["y"] = 2 * true["TBI"] + 0.005 * rng.normal(size=len(true))
        fitted = LinearFit.to_draw(
            seen, tx.Model("m", "y", ["TBI"], entity="iso3", time="year")
        )
        wide = seen.pivot(index="year", columns="iso3", values="TBI")
        wide = wide.reindex(columns=world.regions).to_numpy()
        moved = evaluate.match_columns(fitted, wide, world.years, world.regions)
        errors = sd * rng.normal(size=(60, len(world.years), len(world.regions)))
        sums = corrections.MomentSums(moved)
        sums.add(moved.errors(errors - errors.mean(axis=0)[None]))
        right = corrections.corrected(sums.moments()) * fitted.unit
        kept.append([fitted.coef[0], right[0]])
    plain, right = np.mean(kept, axis=0)
    error = np.std(kept, axis=0)[1] / np.sqrt(100)
    assert plain < 1.9
    assert abs(right - 2) < 4 * error and error < 0.02


def test_draws_are_the_same_from_python_for_any_number(world, panel):
    few, more = (
        monte_carlo(panel, MODELS[0], world, ERROR, draws=k, seed=2) for k in (3, 5)
    )
    kept = more.distribution[more.distribution["draw"] < 3].reset_index(drop=True)
    assert_allclose(few.distribution["estimate"], kept["estimate"], rtol=1e-12)
    assert "5 draws of tables, 6 years" in repr(more)
    assert more.residual_max < 1e-5 and more.gap_max == 0


def test_only_a_coefficient_that_moves_away_from_0_is_said_to_be_pulled_to_it(world):
    """Not that of an instrument without errors, nor one that a lag makes negative."""
    frame = with_lags(panel_of(world), list(MODELS))
    noise = 0.003 * np.random.default_rng(1).normal(size=len(frame))
    frame["late"] = 2 * frame["L.TBI"].fillna(0) + noise
    models = [
        *MODELS[:2],
        tx.Model("late", "late", ["TBI", "L.TBI"], entity="iso3", time="year"),
    ]
    error = tx.table_errors.Lognormal(a=0.05)
    found = monte_carlo(frame, models, world, error, draws=20)
    ols, iv, late = found.finding
    assert "pull it towards 0: corrected for that it is" in ols
    assert ". Corrected it is" in iv and ". Corrected it is -" in late
    error = tx.table_errors.Lognormal(a=0.2)
    huge = monte_carlo(frame, MODELS[0], world, error, draws=20)
    assert "They are too large for a correction." in huge.finding[0]


def test_rows_are_found_by_columns_of_any_name(world, panel):
    own = panel.rename(columns={"iso3": "country", "year": "yr"})
    named = replace(MODELS[0], entity="country", time="yr", clusters="country")
    found, usual = (
        monte_carlo(frame, model, world, ERROR, draws=20).sentence
        for frame, model in ((own, named), (panel, MODELS[0]))
    )
    assert found == usual


def test_mistakes_are_one_line(world, panel):
    def run(frame=panel, model=MODELS[0], **options):
        return error_of(monte_carlo, frame, model, world, ERROR, **options)

    assert "draws: give a whole number from 2" in run(draws=1)
    other = panel.replace({"iso3": {"R01": "XXX"}})
    assert "model ols: the tables lack region XXX, which rows with TBI" in run(other)
    later = panel.assign(year=panel["year"] + 3)
    assert "the tables lack year 2006" in run(later)
    noise = panel.assign(TBI=np.random.default_rng(99).normal(size=len(panel)))
    assert "TBI of the panel and the index of the tables correlate by" in run(noise)
    assert "models: give one tx.Model at least" in run(model=[])
