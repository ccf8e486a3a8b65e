"""Markups that stay: a literal equilibrium, first order, Ossa's tariffs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import root

import tivax as tx
from tivax.bench.studies import papers_reproduced, trade_wars

from helpers import error_of


@pytest.fixture(scope="module")
def economy():
    """Three regions of two sectors with inputs, tariffs and markups."""
    world = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    return replace(world, markup=np.array([1.05, 1.2]))


def literal(economy, tariff):
    """Real income hat, by the equations in numbers; deficits kept in world wages."""
    r, s = economy.final.shape
    made, mu, theta = economy.output, economy.markup, economy.theta
    wages = economy.wages.sum(axis=1)
    shares = economy.trade * (1 + economy.tariff) / economy.spending[:, None]
    inputs = economy.intermediate / made[:, None]
    labour = economy.wages / made
    budget = economy.final / economy.final.sum(axis=1, keepdims=True)

    def visit(x):
        w, P, X = (np.exp(k) for k in np.split(x, [r, r + r * s]))
        P, X = P.reshape(r, s), X.reshape(r, s) * economy.spending
        c = np.exp(mu * np.einsum("nkj,nk->nj", inputs, np.log(P)))
        c *= w[:, None] ** (mu * labour)
        moved = (c[None] * (1 + tariff) / (1 + economy.tariff)) ** -theta * shares
        pi = moved / moved.sum(axis=1, keepdims=True)
        flows = pi * X[:, None] / (1 + tariff)
        sold = flows.sum(axis=0)
        profits = (sold * (1 - 1 / mu)).sum(axis=1)
        own = w * wages + (flows * tariff).sum(axis=(1, 2)) + profits
        income = own + economy.deficit
        used = np.einsum("nkj,nj->nk", inputs, sold) + budget * income[:, None]
        clear = (labour * sold).sum(axis=1) / (w * wages) - 1
        clear[-1] = (w * wages).sum() / wages.sum() - 1
        price = moved.sum(axis=1) ** (-1 / theta) / P - 1
        parts = clear, price.ravel(), (used / X - 1).ravel()
        real = income / economy.income / np.exp((budget * np.log(P)).sum(axis=1))
        return np.concatenate(parts), real

    found = root(lambda x: visit(x)[0], np.zeros(r + 2 * r * s), tol=1e-13)
    assert np.abs(visit(found.x)[0]).max() < 1e-11
    return visit(found.x)[1]


def test_the_equilibrium_is_that_of_the_equations(economy):
    tariff = economy.tariff_new.copy()
    tariff[0, 1:] = 0.4
    found = tx.exact_hat(economy, tariff)
    ratio = literal(economy, tariff) / literal(economy, economy.tariff)
    # Accounts add up to rounding, equations are solved to 1e-11.
    assert_allclose(1 + found.changes["real_income"] / 100, ratio, rtol=1e-9)


def test_a_small_change_is_the_sum_of_its_parts(economy):
    """Profits that move are one of them; without them the sum is another."""
    step = 1e-5 * (economy.tariff_new - economy.tariff)
    found = tx.exact_hat(economy, economy.tariff + step).changes
    assert_allclose(found["welfare"], found["real_income"], rtol=1e-4)
    parts = found[["tot", "vot", "profits"]].sum(axis=1)
    assert_allclose(found["welfare"], parts, rtol=1e-9)
    assert (found["profits"].abs() > 1e-3 * found["welfare"].abs()).all()


def test_markups_of_one_change_nothing(economy):
    plain = tx.exact_hat(replace(economy, markup=None)).changes
    ones = tx.exact_hat(replace(economy, markup=np.ones(2))).changes
    pd.testing.assert_frame_equal(ones.drop(columns="profits"), plain, rtol=1e-12)


def test_the_derivative_of_a_tariff_counts_profits(economy):
    found = tx.exact_hat(economy)
    slope = found.tariff_gradient("R01", "real_income")[0, 1, 0]
    ends = []
    for step in (1e-5, -1e-5):
        tariff = economy.tariff_new.copy()
        tariff[0, 1, 0] += step
        ends.append(tx.exact_hat(economy, tariff).changes["real_income"].iloc[0])
    assert float(slope) == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-5)


def test_a_file_and_a_table_of_elasticities_keep_them(economy, tmp_path):
    economy.save(tmp_path / "economy.npz")
    kept = tx.Economy.read(tmp_path / "economy.npz")
    np.testing.assert_array_equal(kept.markup, economy.markup)
    world = tx.synthetic_world(regions=4, sectors=3, years=1, seed=1)
    thetas = pd.DataFrame({"sector": ["*"], "theta": [5.0], "markup": [1.1]})
    made = tx.Economy.from_tables(world, world.years[0], thetas)
    np.testing.assert_array_equal(made.markup, 1.1)


@pytest.mark.parametrize(
    ("markup", "message"),
    [([0.9, 1.2], "markup must hold numbers from 1"), ([1.1, 50], "profits of R01")],
)
def test_markups_that_cannot_be_are_refused(economy, markup, message):
    assert message in error_of(replace, economy, markup=np.array(markup))


def test_a_block_of_supply_takes_none():
    world = tx.Economy.synthetic(regions=3, sectors=1, seed=1)
    world = replace(world, markup=np.array([1.1]))
    told = error_of(tx.exact_hat, world, supply=tx.Supply(labour=0.5))
    assert told.endswith("has markups; leave supply out")


@pytest.mark.shared
def test_best_tariffs_of_ossa_are_found_again(shared):
    """Rates differ by half a point where next to nothing is traded alone."""
    cells = trade_wars.best_tariffs(shared / "data" / "ossa2014")
    found = papers_reproduced.judged(cells["value"], cells["found"], cells["half"])
    assert found["cells"] == 1386 and found["equal"] >= 1300
    assert cells["value"].mean() == pytest.approx(0.5552, abs=5e-5)
    apart = (cells["value"] - cells["found"]).abs()
    # Seven countries, whose shares add up to 1 each: the average rate of imports.
    assert (apart * cells["share"]).sum() < 7e-4
    unequal = apart > cells["half"]
    assert cells.loc[unequal, "share"].max() < 1e-4


@pytest.mark.shared
def test_the_median_of_his_nash_tariffs_is_found_again(shared):
    """57.9 per cent."""
    war = trade_wars.trade_war(shared / "data" / "ossa2014")
    rates = np.concatenate([k.rates for k in war.choices])
    assert 100 * np.median(rates) == pytest.approx(57.9, abs=0.05)
    assert war.players["gradient"].max() < 1e-6
