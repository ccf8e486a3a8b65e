"""A block of supply in an economy of one sector: formulas, limits, what it refuses."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.equilibrium import supply as supply_side

from economies import two_regions
from helpers import error_of

FULL = tx.Supply(
    labour=0.5,
    scale=0.16,
    services=[0.1, 0.2, 0.0],
    pass_through=[1.3, 1.1, 1.0],
    tax_relief=True,
)


@pytest.fixture(scope="module")
def economy() -> tx.Economy:
    """One sector with inputs, tariffs and deficits."""
    return tx.Economy.synthetic(regions=3, sectors=1, seed=1)


def test_autarky_costs_what_the_home_share_says_by_hand():
    """w/P falls to pi_nn^(1 / (4 (1 - k g))), where g = psi + phi - 1: labour answers
    real wages by k, and real wages employment by g. Here k g = 0.5 (0.1 + 0.1), and a
    fifth and a tenth is bought abroad. Trade of 1e-12 is left: without any, the wages
    of two separate worlds have no ratio to solve for."""
    costs = np.where(np.eye(2, dtype=bool), 1.0, 1e3)[:, :, None]
    block = tx.Supply(labour=0.5, scale=0.1, services=0.2, pass_through=1.1)
    economy = two_regions([[80, 20], [20, 180]])
    found = tx.exact_hat(economy, trade_costs=costs, supply=block).changes
    # 0.8^(1/3.6) and 0.9^(1/3.6), and their roots.
    assert_allclose(found["realwage"], [-6.010238, -2.884268], atol=1e-6)
    assert_allclose(found["employment"], [-3.051683, -1.452686], atol=1e-6)


@pytest.mark.parametrize("deficits", ["zero", "kept", "closing"])
def test_without_its_parameters_the_block_is_caliendo_and_parro(economy, deficits):
    plain = tx.exact_hat(economy, deficits=deficits)
    found = tx.exact_hat(economy, deficits=deficits, supply=tx.Supply())
    for name in ("realwage", "real_income", "wage", "price_index"):
        assert_allclose(found.changes[name], plain.changes[name], atol=1e-10)
    assert_allclose(found.changes["welfare"], plain.changes["real_income"], atol=1e-10)
    assert (found.changes["employment"] == 0).all() and found.clearing.max() < 1e-13
    for flows in ("old", "counterfactual"):
        both = getattr(found, flows), getattr(plain, flows)
        for one, other in zip(*both, strict=True):
            assert_allclose(one, other, rtol=1e-9)


def test_services_alone_only_move_income_between_regions(economy):
    """Without tariffs and trade costs that change nothing moves, whatever the block."""
    same = tx.exact_hat(economy, economy.tariff, deficits="kept", supply=FULL)
    assert np.abs(same.changes.drop(columns="revenue").to_numpy()).max() < 1e-11
    assert same.clearing.max() < 1e-13


def test_whichever_market_is_dropped_it_clears(economy):
    with jax.enable_x64(True):
        block = supply_side.block_of(economy, FULL)
        tariff = np.repeat(economy.tariff_new[None] * 3, 3, axis=0)
        change = supply_side.block_changes(
            block, tariff, np.ones_like(tariff), block.transfer
        )
        change = change._replace(dropped=np.arange(3))
        found = supply_side.solve_blocks(economy, block, change)
    assert np.abs(found.excess).max() < 1e-13
    for one in found[:4]:
        assert_allclose(one, np.broadcast_to(one[:1], one.shape), atol=1e-13)


def test_neither_money_nor_the_order_of_regions_matters(economy):
    found = tx.exact_hat(economy, deficits="kept", supply=FULL).changes
    money = ("trade", "intermediate", "final", "value_added", "deficit")
    scaled = {name: 1e3 * getattr(economy, name) for name in money}
    order = [2, 0, 1]
    turned = {name: scaled[name][order] for name in money[1:]}
    turned |= {
        name: scaled.get(name, getattr(economy, name))[np.ix_(order, order)]
        for name in ("trade", "tariff", "tariff_new")
    }
    other = replace(economy, regions=[economy.regions[k] for k in order], **turned)
    services, passed = (
        np.asarray(k)[order] for k in (FULL.services, FULL.pass_through)
    )
    block = replace(FULL, services=services, pass_through=passed)
    again = tx.exact_hat(other, deficits="kept", supply=block).changes
    assert_allclose(again.loc[found.index], found, atol=1e-10)


def test_relief_lets_people_work_more_and_the_printed_formula_is_beside(economy):
    """The disutility of work is that of utility: with relief what is left of a wage
    rises by 1 / (1 - R/Y), which the printed formula leaves out."""
    wall = np.where(np.eye(3, dtype=bool)[:, :, None], 0, 0.2)
    inputs = economy.intermediate[:, 0]
    still = replace(
        economy,
        tariff=0 * economy.tariff,
        tariff_new=wall,
        final=economy.trade.sum(axis=1) - inputs,
        value_added=economy.trade.sum(axis=0) - inputs,
    )
    relief, lump, printed = (
        tx.exact_hat(still, deficits="kept", supply=block).changes
        for block in (
            tx.Supply(labour=0.5, tax_relief=True),
            tx.Supply(labour=0.5),
            tx.Supply(labour=0.5, tax_relief=True, welfare="printed"),
        )
    )
    assert (relief["employment"] > lump["employment"]).all()
    assert (printed["welfare"] > relief["welfare"]).all()
    assert_allclose(printed.drop(columns="welfare"), relief.drop(columns="welfare"))


def test_several_scenarios_are_each_alone(economy):
    rates = np.stack([economy.tariff * k for k in (0.5, 1.5)])
    both = tx.exact_hat(economy, rates, supply=FULL)
    for k in range(2):
        alone = tx.exact_hat(economy, rates[k], supply=FULL)
        assert_allclose(both.changes.loc[k], alone.changes, atol=1e-11)
    assert [*both.table["measure"].unique()] == [*supply_side.MEASURES]


@pytest.mark.parametrize(
    "given, line",
    [
        ({"labour": -0.1}, "labour = -0.1: give a number from 0"),
        ({"services": [0.1, 1.0]}, "give shares from 0 to below 1"),
        ({"pass_through": 0.0}, "pass_through = 0.0: give numbers above 0"),
        ({"scale": np.nan}, "scale = nan: give a number from 0"),
        ({"welfare": "best"}, "welfare"),
    ],
)
def test_a_parameter_out_of_range_is_refused(given, line):
    assert line in error_of(tx.Supply, **given)


def test_what_does_not_fit_the_economy_is_refused(economy):
    two = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    assert "takes one sector, not 2" in error_of(tx.exact_hat, two, supply=FULL)
    told = error_of(tx.exact_hat, economy, supply=tx.Supply(services=[0.1, 0.2]))
    assert "services has 2 numbers; " in told and "has 3 regions" in told
    found = tx.exact_hat(economy, supply=tx.Supply())
    assert "of a result without supply" in error_of(found.world_tables)
