"""Rates of a trade war by formula: by hand, limits, and the equilibrium they make."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import tivax as tx

from economies import two_regions
from helpers import error_of


@pytest.fixture(scope="module")
def economy() -> tx.Economy:
    return tx.Economy.synthetic(regions=3, sectors=2, seed=1).without_inputs()


def two(home: float, abroad: float, theta: float = 4.0) -> tx.Economy:
    """A spends ``abroad`` on B and B as much on A; they spend 100 and ``home`` more."""
    return two_regions([[100 - abroad, abroad], [abroad, home]], theta)


def test_equal_regions_choose_the_root_of_one_equation_by_hand():
    """Wages stay; a rate T leaves a share f = 0.2 T^-4 / (0.8 + 0.2 T^-4) to imports,
    and is 1 + 1 / (4 [1 - (1 - d) f]), d = t (1 - f) / (1 + t (1 - f))."""

    def miss(T: float) -> float:
        f = 0.2 * T**-4 / (0.8 + 0.2 * T**-4)
        d = (T - 1) * (1 - f) / (1 + (T - 1) * (1 - f))
        return T - 1 - 1 / (4 * (1 - (1 - d) * f))

    T = brentq(miss, 1.1, 2, xtol=1e-15)
    assert isinstance(T, float)
    war = tx.nash_tariffs(two(80, 20))
    assert_allclose(war.rates.to_numpy(), T - 1, rtol=1e-12)
    assert_allclose(war.changes["tariff"], 100 * (T - 1), rtol=1e-12)
    # Income is wages and revenue; prices rise as the home share falls.
    f = 0.2 * T**-4 / (0.8 + 0.2 * T**-4)
    income = 1 / (1 - f * (1 - 1 / T))
    price = (0.8 + 0.2 * T**-4) ** -0.25
    assert_allclose(1 + war.changes["real_income"] / 100, income / price, rtol=1e-12)


def test_a_region_too_small_to_matter_asks_for_one_over_the_elasticity():
    war = tx.nash_tariffs(two(1e9, 20))
    assert_allclose(war.rates.loc["A"], 1 / 4, rtol=1e-6)


@pytest.mark.parametrize("markups", [None, [1.0, 1.0], [1.3, 1.3]])
def test_its_rates_solved_as_a_scenario_give_the_same_incomes(economy, markups):
    """Without markups, and with one that all sectors share, the model of Propositions
    2 and 4 is that of Caliendo and Parro: to 1e-10 of incomes and wages."""
    war = tx.nash_tariffs(economy, markups=markups)
    away = 1 - np.eye(3)[:, :, None]
    rates = war.rates.to_numpy()[:, None, :] * away
    found = tx.exact_hat(economy, rates, deficits="zero").changes
    for name in ("real_income", "wage"):
        assert_allclose(war.changes[name], found[name], atol=1e-8)  # per cent
    assert war.residual < 1e-12 and abs(war.dropped) < 1e-13
    # One rate for all sectors, to rounding; a markup that all share changes nothing,
    # as what is not wages is profit, in proportion.
    assert np.ptp(war.rates.to_numpy(), axis=1).max() < 1e-13
    plain = tx.nash_tariffs(economy)
    assert_allclose(war.rates, plain.rates, atol=1e-10)
    assert_allclose(war.changes, plain.changes, atol=1e-9)


def test_markups_that_differ_tax_the_competitive_sector_less(economy):
    """The factor of Proposition 4 is below 1 where a markup is below sales over wages,
    and above 1 where it is above; all equations hold."""
    war = tx.nash_tariffs(economy, markups=[1.0, 1.5])
    assert war.residual < 1e-12 and abs(war.dropped) < 1e-12
    assert (war.rates["S02"] > war.rates["S01"]).all()


def test_what_the_formula_does_not_cover_is_refused(economy):
    inputs = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    told = "without inputs; take economy.without_inputs()"
    assert told in error_of(tx.nash_tariffs, inputs)
    told = error_of(tx.nash_tariffs, economy, markups=[0.9, 1.0])
    assert "markups: give a number from 1 for each of" in told
    assert "A exports nothing" in error_of(tx.nash_tariffs, two(80, 0))


# ------------------------------------------------------------------ exact rates


@pytest.fixture(scope="module")
def exact() -> tx.results.NashTariffs:
    economy = tx.Economy.synthetic(regions=4, sectors=2, seed=1)
    return tx.nash_tariffs(economy, method="exact", over="exporters", deficits="kept")


def test_nobody_gains_by_another_rate(exact):
    """Own deviations of each region: all rates along a grid, and random directions."""
    regions = [*exact.economy.regions]
    rng = np.random.default_rng(0)
    assert exact.players["gradient"].max() <= 1e-6
    for choice in exact.choices:
        (k,) = choice.player.members
        steps = [np.full(len(choice.rates), d) for d in (-0.2, -0.05, 0.05, 0.2)]
        steps += [*rng.uniform(-0.1, 0.1, (4, len(choice.rates)))]
        tariffs = [
            choice.player.with_rates(exact.tariff, choice.rates + d) for d in steps
        ]
        found = tx.exact_hat(exact.economy, np.stack(tariffs), deficits="kept")
        income = found.changes["real_income"].unstack("region")[regions[k]]
        assert (income < choice.welfare).all()


def test_a_war_is_a_sequence_of_best_responses_that_ends_where_nobody_moves(exact):
    """The first answer is the best tariff where nobody else has moved yet."""
    rounds = exact.rounds.set_index(["round", "player"])
    first = tx.optimal_tariff(exact.economy, "R01", deficits="kept")
    found = rounds.loc[(1, "R01")].to_numpy(float)
    assert_allclose(found, [100 * first.average, first.welfare], rtol=1e-5)
    last = exact.rounds["round"].max()
    both = [rounds.loc[k, "tariff"].to_numpy(float) for k in (last - 1, last)]
    assert (both[0] == both[1]).all()
    # The curve of a player is highest at what it chose, its middle.
    for _, curve in exact.responses.groupby("player"):
        assert curve["own_welfare"].to_numpy().argmax() == len(curve) // 2


def test_equal_regions_ask_for_the_same_and_the_formula_is_near():
    war = tx.nash_tariffs(two(80, 20), method="exact")
    a, b = war.rates.to_numpy().ravel()
    assert_allclose(a, b, atol=1e-5)
    near = tx.nash_tariffs(two(80, 20)).rates.to_numpy()
    assert_allclose(near, a, atol=0.02)


def test_only_those_named_choose_and_a_bloc_is_one(economy):
    war = tx.nash_tariffs(economy, method="exact", regions={"both": ["R01", "R02"]})
    moved = (war.tariff != economy.tariff_new).any(axis=2)
    assert np.argwhere(moved).tolist() == [[0, 2], [1, 2]]
    alone = tx.optimal_tariff(economy, ["R01", "R02"], over="uniform")
    assert_allclose(war.rates.to_numpy(), alone.average, atol=1e-5)


@pytest.mark.parametrize(
    "given, line",
    [
        ({"regions": ["R01"]}, "are for method='exact'; the formula is of all"),
        ({"method": "exact", "markups": [1, 1]}, "markups: are for method='formula'"),
        ({"method": "exact", "regions": ["R9"]}, "no region R9: did you mean"),
        ({"method": "exact", "regions": []}, "regions = []: give a list of names"),
        ({"method": "exact", "regions": {"x": ["R01"], "y": ["R01"]}}, "regions: R01 is in x and in y"),
        ({"method": "quick"}, "no method quick: choose from formula, exact"),
    ],
)  # fmt: skip
def test_a_war_that_cannot_be_is_refused(economy, given, line):
    assert line in error_of(tx.nash_tariffs, economy, **given)
