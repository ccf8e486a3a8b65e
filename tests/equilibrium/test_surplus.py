"""Deficits that are a share of income."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.equilibrium.economy import net_imports

from helpers import error_of


def world() -> tx.Economy:
    return tx.Economy.synthetic(regions=3, sectors=2, seed=1)


def parts(economy: tx.Economy, flows, tariff):
    """Trade deficits and final spending of flows, from the accounts."""
    cost = economy.intermediate.sum(axis=1) + economy.value_added
    inputs = economy.intermediate / cost[:, None] * flows.trade.sum(axis=0)[:, None]
    final = (flows.spending - inputs.sum(axis=2)).sum(axis=1)
    own = (flows.trade.sum(axis=0) - inputs.sum(axis=1)).sum(axis=1)
    earned = own + (tariff * flows.trade).sum(axis=(1, 2))
    return net_imports(flows.trade), final, earned


@pytest.mark.parametrize("deficits", ["share", "share, as published"])
def test_without_deficits_shares_of_income_are_caliendo_and_parro(deficits):
    economy = world()
    flows = tx.exact_hat(economy, deficits="zero").old
    _, final, _ = parts(economy, flows, economy.tariff)
    cost = economy.intermediate.sum(axis=1) + economy.value_added
    scale = flows.trade.sum(axis=0) / cost
    inputs = economy.intermediate * scale[:, None]
    balanced = replace(
        economy,
        trade=flows.trade,
        intermediate=inputs,
        value_added=economy.value_added * scale,
        final=flows.spending - inputs.sum(axis=2),
        deficit=net_imports(flows.trade),
    )
    assert np.abs(balanced.deficit).max() < 1e-10 * final.max()
    expected = tx.exact_hat(balanced).changes
    found = tx.exact_hat(balanced, deficits=deficits).changes
    assert_allclose(found[expected.columns], expected, atol=1e-8)  # per cent
    assert np.abs(found["transfer"]).max() < 1e-8


def test_clean_shares_all_move_by_the_same_number_and_deficits_add_to_zero():
    economy = world()
    found = tx.exact_hat(economy, deficits="share")
    before, spent, _ = parts(economy, found.old, economy.tariff)
    after, bought, _ = parts(economy, found.counterfactual, economy.tariff_new)
    assert np.abs(before).max() > 1e-3 * spent.max()
    assert abs(after.sum()) < 1e-9 * bought.sum()
    moved = after / (bought - after) - before / (spent - before)
    assert_allclose(moved, moved[0], atol=1e-9)
    assert abs(moved[0]) > 1e-7


def test_as_published_shares_stay_and_all_earn_the_same_part_more():
    economy = world()
    found = tx.exact_hat(economy, deficits="share, as published")
    before, spent, _ = parts(economy, found.old, economy.tariff)
    _, bought, earned = parts(economy, found.counterfactual, economy.tariff_new)
    share = before / (spent - before)
    income = bought / (1 + share)
    more = earned / income - 1
    assert_allclose(more, more[0], atol=1e-9)
    assert abs(more[0]) > 1e-7
    assert_allclose((earned - income).sum(), (share * income).sum(), rtol=1e-6)


def test_welfare_to_first_order_counts_deficits_that_move_with_income():
    economy = world()
    small = economy.tariff + 1e-4 * (economy.tariff_new - economy.tariff)
    for deficits in ("share", "share, as published"):
        found = tx.exact_hat(economy, small, deficits=deficits).changes
        size = found["real_income"].abs().max()
        assert_allclose(found["welfare"], found["real_income"], atol=2e-3 * size)


def test_shares_of_income_are_refused_with_supply():
    economy = tx.Economy.synthetic(regions=3, sectors=1)
    told = error_of(tx.exact_hat, economy, deficits="share", supply=tx.Supply())
    assert '"share" is for economies without supply' in told
