"""The tariff that is best for a region: by hand, by differences, as published."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.equilibrium.tariff_choice.best_response import Objective
from tivax.engine.papers.liberation_day.world import announced, read_world

from economies import two_regions
from helpers import error_of

BLOCK = tx.Supply(
    labour=0.5, scale=0.1, services=0.1, pass_through=1.2, tax_relief=True
)


def two(home: float) -> tx.Economy:
    """A spends 20 of 100 on B, and B as much on A: one sector, elasticity 4."""
    return two_regions([[80, 20], [20, home]])


def test_a_small_region_takes_one_over_the_elasticity():
    """What the rest of the world buys of it answers its price by 4 (Gros 1987)."""
    best = tx.optimal_tariff(two(1e9), "A", over="uniform")
    assert_allclose(best.rates, [1 / 4], rtol=1e-6)
    block = tx.optimal_tariff(two(1e9), "A", over="uniform", supply=tx.Supply())
    assert_allclose(block.rates, best.rates, rtol=1e-6)
    assert_allclose(block.welfare, best.welfare, rtol=1e-6)


@pytest.mark.parametrize("over", ["exporters", "sectors", "uniform"])
def test_no_direction_is_better(over):
    economy = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    best = tx.optimal_tariff(economy, "R01", over=over)
    assert best.gradient <= 1e-7 and not best.corners and best.evaluations < 60
    found = tx.exact_hat(economy, best.tariff).changes["real_income"]["R01"]
    assert_allclose(best.welfare, found, atol=1e-9)
    rng = np.random.default_rng(0)
    away = (np.arange(3) != 0)[:, None]
    size = {"exporters": (3, 1), "sectors": (1, 2), "uniform": (1, 1)}[over]
    for side in (0.02, -0.02, 0.02, -0.02):
        moved = best.tariff.copy()
        moved[0] += side * rng.uniform(0.5, 1, size) * away
        other = tx.exact_hat(economy, moved).changes["real_income"]["R01"]
        assert other < best.welfare


@pytest.mark.parametrize("welfare", ["utility", "printed"])
def test_the_derivative_of_a_block_is_that_of_differences(welfare):
    economy = tx.Economy.synthetic(regions=3, sectors=1, seed=1)
    supply = replace(BLOCK, welfare=welfare)

    def with_rate(rate: float) -> np.ndarray:
        tariff = economy.tariff_new.copy()
        tariff[0, 1:] = rate
        return tariff

    with jax.enable_x64(True):
        objective = Objective(economy, supply, "kept")
        value, slope, at = objective(with_rate(0.1), np.eye(3)[0])
        again = objective(with_rate(0.1), np.eye(3)[0], at)
    high, middle, low = (
        tx.exact_hat(economy, with_rate(rate), supply=supply).changes["welfare"]["R01"]
        for rate in (0.1 + 1e-4, 0.1, 0.1 - 1e-4)
    )
    assert_allclose(100 * value, middle, atol=1e-11)
    assert_allclose(again.welfare, value, atol=1e-13)
    assert_allclose(100 * slope[0, 1:].sum(), (high - low) / 2e-4, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "relief, share, over, rate, welfare",
    [
        (True, 1.0, "uniform", 21.061, 1.19824),
        (True, 1.0, "exporters", 21.1, 1.20312),
        (False, 1.0, "exporters", 14.2, 0.52004),
        (False, 0.49, "exporters", -2.7, 0.05756),
    ],
)
def test_the_best_tariff_of_the_usa(shared, relief, share, over, rate, welfare):
    """Solved once by an independent program, to the digits given."""
    data = shared / "data" / "trade_models" / "liberation_day"
    world = read_world(data)
    supply = replace(world.supply(), tax_relief=relief, welfare="utility")
    best = tx.optimal_tariff(
        world.economy(share), "USA", over=over, supply=supply, deficits="kept"
    )
    digit = 0.0005 if over == "uniform" else 0.05
    assert abs(100 * best.average - rate) <= digit
    assert abs(best.welfare - welfare) <= 1e-5
    assert best.evaluations <= 60 and best.gradient <= 1e-7


def test_a_bloc_leaves_its_own_trade_and_has_the_mean_welfare_of_its_members():
    economy = tx.Economy.synthetic(regions=4, sectors=2, seed=1)
    before = economy.tariff_new
    best = tx.optimal_tariff(economy, {"north": ["R01", "R02"]}, over="importers")
    assert best.region == "north" and list(best.rates.index) == ["R01", "R02"]
    moved = best.tariff != before
    assert not moved[2:].any() and not moved[:2, :2].any() and moved[:2, 2:].all()
    assert np.ptp(best.tariff[0, 2:]) == 0
    found = best.outcome.changes["real_income"].to_numpy()[:2]
    weights = economy.value_added.sum(axis=1)[:2]
    assert_allclose(best.welfare, found @ weights / weights.sum(), atol=1e-9)
    for side in np.random.default_rng(0).uniform(-0.02, 0.02, (4, 2)):
        tariff = best.tariff.copy()
        tariff[:2, 2:] += side[:, None, None]
        other = tx.exact_hat(economy, tariff).changes["real_income"].to_numpy()[:2]
        assert other @ weights / weights.sum() < best.welfare


def test_rates_against_one_exporter_leave_the_others():
    economy = tx.Economy.synthetic(regions=4, sectors=2, seed=1)
    best = tx.optimal_tariff(economy, "R01", over="sectors", against="R03")
    moved = (best.tariff != economy.tariff_new).any(axis=2)
    assert np.argwhere(moved).tolist() == [[0, 2]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "share, over, rate, welfare",
    [
        (1.0, "uniform", 21.407, -0.47876),
        (1.0, "importers", 21.9, -0.47651),
        (0.49, "uniform", 17.054, -1.02406),
    ],
)
def test_all_others_as_one_answer_the_usa(shared, share, over, rate, welfare):
    """Solved once by an independent program, to the digits given."""
    world = read_world(shared / "data" / "trade_models" / "liberation_day")
    tariff = world.duties(of_home=announced(world))[:, :, None]
    economy = replace(world.economy(share), tariff_new=tariff)
    given = {"over": over, "supply": world.supply(), "deficits": "kept"}
    answer = tx.retaliation(economy, "USA", "together", **given)
    (choice,) = answer.choices
    digit = 0.0005 if over == "uniform" else 0.05
    assert abs(100 * choice.average - rate) <= digit
    assert abs(answer.players["own_welfare"][0] - welfare) <= 1e-5
    assert choice.evaluations <= 60


def test_a_region_that_is_not_there_or_imports_nothing_is_refused():
    assert "no region C" in error_of(tx.optimal_tariff, two(80.0), "C")
    alone = two_regions([[80, 0], [0, 80]])
    assert "A imports nothing" in error_of(tx.optimal_tariff, alone, "A")
