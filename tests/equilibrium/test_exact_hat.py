"""Exact-hat counterfactuals: against formulas, literal equations and identities."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import root

import tivax as tx
from tivax.engine.equilibrium import solving
from tivax.engine.equilibrium.economy import net_imports
from tivax.kernels.equilibrium import adjoint, wages

from economies import two_regions
from helpers import error_of

# Markets clear to 1e-12 of value added, and an elasticity of 12 multiplies that.
SOLVED = 1e-10


@pytest.fixture(scope="module")
def economy() -> tx.Economy:
    return tx.Economy.synthetic(regions=3, sectors=2, seed=1)


@pytest.fixture(scope="module")
def found(economy) -> tx.results.ExactHat:
    return tx.exact_hat(economy, deficits="kept")


def one_sector(inputs: float, tariff: float = 0.0) -> tx.Economy:
    """Two regions of one sector that trade a fifth, a tenth: no deficits."""
    economy = two_regions([[80, 20], [20, 180]])
    used = inputs * economy.output
    return replace(
        economy,
        tariff_new=tariff * (1 - np.eye(2))[:, :, None],
        intermediate=used[:, :, None],
        final=economy.spending - used,
        value_added=economy.output - used,
    )


def test_autarky_costs_what_the_home_share_says_by_hand():
    """Real wages fall to pi_nn^(1/theta): 0.8^(1/4) and 0.9^(1/4) (Arkolakis, Costinot
    and Rodriguez-Clare 2012); with half of costs in inputs to its square."""
    costs = np.where(np.eye(2, dtype=bool), 1.0, 1e6)[:, :, None]
    plain = tx.exact_hat(one_sector(0.0), trade_costs=costs).changes["realwage"]
    assert_allclose(plain, [-5.425839, -2.599625], atol=1e-6)
    linked = tx.exact_hat(one_sector(0.5), trade_costs=costs).changes["realwage"]
    assert_allclose(1 + linked / 100, (1 + plain / 100) ** 2, rtol=SOLVED)


@pytest.mark.parametrize("inputs", [0.0, 0.5])
def test_real_wages_follow_from_the_change_of_the_home_share(inputs):
    """w/P hat = (pi'_nn / pi_nn)^(-1 / (theta gamma)) for any change without tariffs."""
    costs = np.array([[1, 0.8], [1.1, 1]])[:, :, None]
    economy = one_sector(inputs)
    found = tx.exact_hat(economy, trade_costs=costs)
    trade = found.counterfactual.trade
    home = np.einsum("nnj->n", trade) / trade.sum(axis=(1, 2))
    before = np.array([0.8, 0.9])
    expected = (home / before) ** (-1 / (4 * (1 - inputs)))
    assert_allclose(1 + found.changes["realwage"] / 100, expected, rtol=SOLVED)
    # Nobody collects tariffs and nobody borrows: income is wages.
    assert_allclose(found.changes["real_income"], found.changes["realwage"], atol=1e-8)


def literal_equilibrium(economy: tx.Economy) -> dict[str, np.ndarray]:
    """The same equations written out with loops, solved by SciPy's hybrid method."""
    r, s = economy.value_added.shape
    old, new, theta = economy.tariff, economy.tariff_new, economy.theta
    spent = (economy.trade * (1 + old)).sum(axis=1)
    pi = economy.trade * (1 + old) / spent[:, None, :]
    made = economy.trade.sum(axis=0)
    va = economy.value_added.sum(axis=1)

    def shares(w, P):
        c = np.empty((r, s))
        for n in range(r):
            for j in range(s):
                c[n, j] = w[n] ** (economy.value_added[n, j] / made[n, j])
                for k in range(s):
                    c[n, j] *= P[n, k] ** (economy.intermediate[n, k, j] / made[n, j])
        kappa = (1 + new) / (1 + old)
        terms = pi * (kappa * c[None]) ** -theta
        return terms, c

    def gaps(z):
        w, P = np.exp(z[:r]), np.exp(z[r : r + r * s]).reshape(r, s)
        X = np.exp(z[r + r * s :]).reshape(r, s) * spent
        terms, _ = shares(w, P)
        price = P - terms.sum(axis=1) ** (-1 / theta)
        flows = terms * P[:, None, :] ** theta * X[:, None, :] / (1 + new)
        sold = flows.sum(axis=0)
        income = w * va + (new * flows).sum(axis=(1, 2)) + economy.deficit
        wanted = np.empty((r, s))
        for n in range(r):
            for k in range(s):
                wanted[n, k] = economy.final[n, k] / economy.final[n].sum() * income[n]
                for j in range(s):
                    part = economy.intermediate[n, k, j] / made[n, j]
                    wanted[n, k] += part * sold[n, j]
        labour = (economy.value_added / made * sold).sum(axis=1) / va - w
        labour[-1] = (w * va).sum() / va.sum() - 1
        return np.concatenate(
            [labour, price.ravel(), (wanted / spent - X / spent).ravel()]
        )

    solution = root(gaps, np.zeros(r + 2 * r * s), tol=1e-13)
    z = solution.x
    assert np.abs(gaps(z)).max() < 1e-11
    w, P = np.exp(z[:r]), np.exp(z[r : r + r * s]).reshape(r, s)
    X = np.exp(z[r + r * s :]).reshape(r, s) * spent
    terms, c = shares(w, P)
    flows = terms * P[:, None, :] ** theta * X[:, None, :] / (1 + new)
    return {"wages": w, "prices": P, "costs": c, "trade": flows}


def test_equals_the_equations_solved_literally(economy, found):
    expected = literal_equilibrium(economy)
    assert_allclose(found.counterfactual.trade, expected["trade"], rtol=1e-8)
    assert_allclose(1 + found.changes["wage"] / 100, expected["wages"], rtol=1e-9)
    alpha = economy.final / economy.final.sum(axis=1, keepdims=True)
    index = np.prod(expected["prices"] ** alpha, axis=1)
    realwage = 100 * (expected["wages"] / index - 1)
    assert_allclose(found.changes["realwage"], realwage, atol=1e-8)
    # Terms of trade and volume of trade written out, pair by pair.
    r, _, s = economy.trade.shape
    tot, vot = np.zeros(r), np.zeros(r)
    for n in range(r):
        for i in range(r):
            for j in range(s):
                sold, bought = economy.trade[i, n, j], economy.trade[n, i, j]
                dc = expected["costs"][:, j] - 1
                tot[n] += sold * dc[n] - bought * dc[i]
                dM = expected["trade"][n, i, j] / bought - 1
                vot[n] += economy.tariff[n, i, j] * bought * (dM - dc[i])
    assert_allclose(found.changes["tot"], 100 * tot / economy.income, atol=1e-7)
    assert_allclose(found.changes["vot"], 100 * vot / economy.income, atol=1e-7)
    total = found.changes["tot"] + found.changes["vot"]
    assert_allclose(found.changes["welfare"], total, atol=1e-13)


@pytest.mark.parametrize("deficits", ["zero", "kept"])
def test_no_shock_changes_nothing(economy, deficits):
    same = tx.exact_hat(economy, economy.tariff, deficits=deficits)
    # Per cent: 1e-10 is 1e-12 of a ratio.
    assert np.abs(same.changes.to_numpy()).max() < 1e-10
    assert_allclose(same.counterfactual.trade, same.old.trade, rtol=1e-11)


def test_markets_clear_and_deficits_are_kept_in_world_value_added(economy, found):
    share = economy.value_added / economy.output
    growth = 1 + found.changes["wage"].to_numpy() / 100
    paid = economy.value_added.sum(axis=1) * growth
    sold = found.counterfactual.trade.sum(axis=0)
    assert_allclose((share * sold).sum(axis=1), paid, rtol=SOLVED)
    assert_allclose(paid.sum(), economy.value_added.sum(), rtol=SOLVED)
    zero = tx.exact_hat(economy, deficits="zero")
    for flows, wanted in ((found, economy.deficit), (zero, 0)):
        balance = net_imports(flows.counterfactual.trade)
        assert_allclose(balance, wanted, atol=SOLVED * paid.sum())


@pytest.mark.parametrize("deficits", ["zero", "kept"])
def test_welfare_is_the_first_order_part_of_real_income(economy, deficits):
    """Half of a shock leaves a fourth of the gap, but for the third order (5 % of the
    gap). Tariffs and trade costs change, so that tot, vot and tech all count."""
    abroad = (1 - np.eye(3))[:, :, None] * np.ones((1, 1, 2))

    def changes(size: float) -> pd.DataFrame:
        tariff, costs = economy.tariff + size * abroad, 1 + size * abroad
        found = tx.exact_hat(economy, tariff, trade_costs=costs, deficits=deficits)
        return found.changes

    small, large = changes(0.001), changes(0.002)
    gap, smaller = (k["welfare"] - k["real_income"] for k in (large, small))
    assert_allclose(4 * smaller, gap, atol=0.05 * gap.abs().max())
    assert gap.abs().max() < 0.05 * large["welfare"].abs().max()


def test_closing_deficits_takes_them_from_income(economy):
    """The transfer is the deficit over income; its reverse is paid by the partners."""
    closed = tx.exact_hat(economy, economy.tariff, deficits="closing")
    expected = -100 * economy.deficit / economy.income
    assert_allclose(closed.changes["transfer"], expected, rtol=1e-9)
    parts = closed.changes[["tot", "vot", "transfer"]].sum(axis=1)
    assert_allclose(closed.changes["welfare"], parts, atol=1e-12)
    # To first order: a transfer of 6 % leaves tenths of a per cent of second order.
    assert_allclose(closed.changes["welfare"], closed.changes["real_income"], atol=0.5)


def test_several_scenarios_are_those_one_by_one(economy):
    tariffs = np.stack([economy.tariff * k for k in (0.5, 0.0, 2.0)])
    done = []
    batch = tx.exact_hat(economy, tariffs, progress=lambda k, n: done.append((k, n)))
    assert done[0] == (0, 3) and done[-1] == (3, 3)
    assert batch.new is None and len(batch.clearing) == 3
    for k in (0, 2):
        one = tx.exact_hat(economy, tariffs[k])
        assert_allclose(batch.changes.loc[k], one.changes, atol=1e-8)
    assert list(batch.table.columns) == ["scenario", "region", "measure", "percent"]


def test_value_added_moves_with_wages_and_that_of_the_world_stays(economy, found):
    """Each region has as many workers as before. To the precision of markets."""
    made = found.value_added.groupby("region", sort=False)[["before", "after"]].sum()
    growth = 100 * (made["after"] / made["before"] - 1)
    assert_allclose(growth, found.changes["wage"], atol=1e-7)
    assert_allclose(made["after"].sum(), economy.value_added.sum(), rtol=1e-10)


def test_one_table_has_welfare_prices_trade_gdp_and_revenue_in_per_cent(found):
    table = found.table
    assert list(table.columns) == ["region", "measure", "percent"]
    exact = "real_income gdp price_index exports_gdp imports_gdp revenue"
    assert list(table["measure"].unique()) == (
        ["welfare", "tot", "vot", "realwage", *exact.split()]
    )
    economy, (old, _), new = found.economy, found.old, found.counterfactual
    before = (economy.tariff * old).sum(axis=(1, 2))
    after = (economy.tariff_new * new.trade).sum(axis=(1, 2))
    spent = ((1 + economy.tariff) * old).sum(axis=(1, 2))
    assert_allclose(found.changes["revenue"], 100 * (after - before) / spent)
    away = 1 - np.eye(len(economy.regions))[:, :, None]
    growth, prices = 1 + found.changes[["wage", "price_index"]].to_numpy().T / 100
    wages = economy.value_added.sum(axis=1)
    gdp = (wages * growth + after) / (wages + before) / prices
    assert_allclose(1 + found.changes["gdp"] / 100, gdp, rtol=1e-9)
    for axis, name in enumerate(("exports_gdp", "imports_gdp")):
        sums = [(away * k).sum(axis=(axis, 2)) for k in (old, new.trade)]
        ratio = sums[1] / sums[0] / growth - 1
        assert_allclose(found.changes[name], 100 * ratio, atol=1e-9)
    row = table[(table["region"] == "R02") & (table["measure"] == "realwage")]
    assert row["percent"].item() == found.changes.loc["R02", "realwage"]


def test_newton_steps_find_the_same_equilibrium(economy, monkeypatch):
    """What the shared iteration leaves unsolved goes to Newton's method."""
    tariff = economy.tariff + 2.5 * (1 - np.eye(3))[:, :, None]
    shared = tx.exact_hat(economy, tariff)
    solve = solving._solve_several

    def unsolved(*given):
        return solve(*given)._replace(clearing=jnp.ones(1))

    monkeypatch.setattr(solving, "_solve_several", unsolved)
    newton = tx.exact_hat(economy, tariff)
    assert newton.clearing.max() < 1e-10
    assert_allclose(newton.changes, shared.changes, atol=1e-8)


@pytest.mark.parametrize("deficits", ["zero", "share"])
def test_gradients_are_differences(economy, deficits):
    """Central differences of 1e-4 percentage points miss by 1e-8 of third derivatives
    and 1e-8 of rounding."""
    old = tx.exact_hat(economy, deficits=deficits)
    for measure in ("welfare", "real_income"):
        slope = old.tariff_gradient("R02", measure)
        for cell in ((1, 0, 0), (0, 1, 0), (2, 1, 0)):
            ends = []
            for sign in (1, -1):
                tariff = economy.tariff_new.copy()
                tariff[cell] += sign * 1e-4
                moved = tx.exact_hat(economy, tariff, deficits=deficits).changes
                ends.append(moved.loc["R02", measure])
            difference = (ends[0] - ends[1]) / (2 * 1e-4) / 100
            assert_allclose(slope.values[cell], difference, rtol=1e-6, atol=1e-7)


def test_solvers_find_the_inverse_themselves_where_the_one_given_is_no_use(economy):
    """A draw far from the economy without errors: its equilibrium and its derivatives
    are those of a solver that starts with its own Jacobian."""
    with jax.enable_x64(True):
        old = solving.solve_old(economy, "kept")
        costs = np.ones((1, *economy.tariff.shape))
        given = old, economy.tariff_new[None], costs
        shock = jax.tree.map(lambda k: k[0], solving.make_shocks(*given))
        shares = old.economy

        def slope(inverse):
            new = wages.solve_near(
                shares, shock, inverse, old.start, old.start, jnp.asarray(wages.AIM)
            )
            at = wages.position_of(new)

            def income(tariff):
                moved = shock._replace(
                    tariff=tariff, log_costs=jnp.log((1 + tariff) / (1 + old.tariff))
                )
                return adjoint.differentiable(shares, moved, at, inverse).income[1]

            return new.log_wages, jax.grad(income)(shock.tariff)

        for good, bad in zip(slope(old.inverse), slope(0 * old.inverse), strict=True):
            assert_allclose(bad, good, atol=1e-9)


def test_flows_that_do_not_exist_stay_away():
    economy = one_sector(0.5, tariff=0.1)
    trade = economy.trade.copy()
    trade[0, 1], trade[1, 0] = 0, 0
    trade[0, 0], trade[1, 1] = 100, 200
    alone = replace(economy, trade=trade)
    found = tx.exact_hat(alone)
    assert_array_equal(found.counterfactual.trade[[0, 1], [1, 0]], 0)
    assert_allclose(found.changes, 0, atol=1e-9)


@pytest.mark.parametrize("deficits", ["zero", "kept", "closing"])
def test_a_region_that_trades_with_nobody_changes_nothing_for_others(economy, deficits):
    """Nothing says how its wages compare with theirs; it keeps its share of the world,
    wherever it stands among the regions."""
    world = np.zeros((4, 4, 2))
    world[:3, :3] = economy.trade
    world[3, 3] = economy.trade[0, 0]
    tariff, tariff_new = np.zeros((2, 4, 4, 2))
    tariff[:3, :3], tariff_new[:3, :3] = economy.tariff, economy.tariff_new
    share = world[3, 3] / economy.output[0]
    more = {
        "intermediate": economy.intermediate[0] * share[None, :],
        "value_added": economy.value_added[0] * share,
    }
    more["final"] = world[3, 3] - more["intermediate"].sum(axis=1)
    with_it = {
        name: np.concatenate([getattr(economy, name), own[None]])
        for name, own in (more | {"deficit": np.array(0.0)}).items()
    }
    order = [1, 3, 0, 2]
    both = replace(
        economy,
        regions=[(*economy.regions, "Island")[k] for k in order],
        trade=world[np.ix_(order, order)],
        tariff=tariff[np.ix_(order, order)],
        tariff_new=tariff_new[np.ix_(order, order)],
        **{name: values[order] for name, values in with_it.items()},
    )
    found = tx.exact_hat(both, deficits=deficits).changes
    assert_allclose(found.loc["Island"], 0, atol=1e-8)
    alone = tx.exact_hat(economy, deficits=deficits).changes
    assert_allclose(found.loc[alone.index], alone, rtol=1e-6, atol=1e-8)


def test_sectors_of_each_scenario_are_sums_of_its_flows(economy):
    several = np.stack([economy.tariff * k for k in (0.5, 2.0)])
    both = tx.exact_hat(economy, several)
    for k, tariff in enumerate(several):
        alone = tx.exact_hat(economy, tariff)
        flows = alone.flows
        abroad = flows[flows["importer"] != flows["exporter"]]
        found = alone.sectors.set_index(["region", "sector", "measure"])
        for measure, rows, by in (
            ("output", flows, "exporter"),
            ("imports", abroad, "importer"),
        ):
            sums = rows.groupby([by, "sector"])[["before", "after"]].sum()
            own = found.xs(measure, level="measure").loc[sums.index]
            assert_allclose(own[["before", "after"]], sums, rtol=1e-9)
            assert_allclose(own["percent"], 100 * (sums["after"] / sums["before"] - 1))
        added = alone.value_added.set_index(["region", "sector"])
        own = found.xs("value_added", level="measure").loc[added.index]
        assert_allclose(own[["before", "after"]], added, rtol=1e-9)
        rows = both.sectors[both.sectors["scenario"] == k].drop(columns="scenario")
        # Markets clear to 1e-10; changes are percentages.
        rows = rows.reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone.sectors, rtol=1e-7, atol=1e-7)
    assert "0" in both.page().sector_listings()[0].columns


def test_a_table_and_a_title_of_chosen_regions_name_no_other(economy, found):
    shown = replace(found, asked=("R02",))
    texts = [shown.sentence, *(k.text() for k in shown.page().sector_listings())]
    texts += [shown.plots()[k]().get_suptitle() for k in ("welfare", "sectors")]
    assert all("R02" in k for k in texts)
    assert not [k for k in texts if "R01" in k or "Rest of" in k]


def test_arguments_of_another_shape_and_number_are_refused(economy):
    told = error_of(tx.exact_hat, economy, np.zeros((3, 3)))
    assert "tariff_new has the shape (3, 3)" in told
    told = error_of(tx.exact_hat, economy, trade_costs=np.zeros((3, 3, 2)))
    assert "trade_costs must hold numbers above 0" in told
    told = error_of(tx.exact_hat, economy, np.full((3, 3, 2), 0.1))
    assert "at home tariff_new must be what" in told
    told = error_of(tx.exact_hat(economy).tariff_gradient, "Mars")
    assert "no region Mars: choose from R01" in told


def test_an_equilibrium_that_does_not_exist_is_one_line(economy):
    """Deficits are kept, and nothing can be shipped to pay for them."""
    costs = np.where(np.eye(3, dtype=bool)[:, :, None], 1.0, np.full((1, 1, 2), 1e6))
    told = error_of(tx.exact_hat, economy, trade_costs=costs, deficits="kept")
    assert "does not converge: the labour" in told


@pytest.mark.parametrize("deficits", ["zero", "kept"])
def test_elasticities_from_a_half_to_fifty_one_converge(economy, deficits):
    """The range of Caliendo and Parro's estimates; tariffs of 100 points more."""
    apart = replace(economy, theta=np.array([51.08, 0.4]))
    tariff = economy.tariff + (1 - np.eye(3))[:, :, None]
    found = tx.exact_hat(apart, tariff, deficits=deficits)
    assert found.clearing.max() < 1e-10
    # Nobody gains by a world of tariffs in exact terms.
    world = economy.income @ found.changes["real_income"].to_numpy()
    assert world < 0


def test_a_schedule_of_no_change_changes_welfare_nowhere(economy):
    same = tx.exact_hat(economy, np.asarray(economy.tariff), deficits="kept")
    assert same.sentence == "Real income changes in no region."
