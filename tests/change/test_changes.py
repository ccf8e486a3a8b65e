"""``tx.change``: effects of factors add up, and are those of literal computations."""

from dataclasses import replace
from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.change.result import FACTOR_NAMES
from tivax.engine.reporting import page_of
from tivax.kernels.change.factors import factors_of, path_between, table_at

from helpers import error_of, random_tables

C, S = 4, 3
N = C * S
FACTORS = [*FACTOR_NAMES]
# The solves stop at a relative residual of 1e-12, and the smallest changes here are a
# hundredth of the measure: the promise is 1e-10 of the change.
ADDS_UP = 1e-10
# Sums of the same effects in another order.
SAME_SUM = 1e-12


@pytest.fixture(scope="module")
def world():
    """Three years whose tables differ in every factor, value added reported."""
    made = random_tables(regions=C, sectors=S, years=3, seed=5)
    # A fall of inventories as large as all that a region buys of one good at home.
    assert (made.final_demand() > 0).all()
    Y = made.final_demand().copy()
    Y[0, 2, 0] -= 1.2 * Y[0, 2, 0]
    x = np.asarray(made.Z).sum(axis=2) + Y.sum(axis=2)
    return replace(made, Y=Y, x=x, categories=())


@pytest.fixture(scope="module")
def found(world):
    return tx.change(world, "tbi", chained=True)


# ------------------------------------------------------------------- a literal computation


def literal_factors(world, k):
    """The six factors of a year as dicts of arrays, by loops."""
    Z, Y, x = world.Z[k], world.final_demand()[k], world.x[k]
    A = Z / x
    H, shares = np.zeros((S, N)), np.zeros((N, N))
    for g in range(S):
        rows = [r * S + g for r in range(C)]
        H[g] = A[rows].sum(axis=0)
        shares[rows] = A[rows] / H[g]
    y = Y.sum(axis=0)
    M, O = np.zeros((2, S, C)), np.zeros((2, N, C))
    for sign, part in enumerate((np.maximum(Y, 0), np.minimum(Y, 0))):
        for g in range(S):
            rows = [r * S + g for r in range(C)]
            total = part[rows].sum(axis=0)
            M[sign, g] = total / y
            O[sign][rows] = np.where(total == 0, 0, part[rows] / (total + (total == 0)))
    return [H, shares, y, M, O, 1 - A.sum(axis=0)]


def literal_table(theta):
    H, shares, y, M, O, v = theta
    Y = sum(np.tile(M[k] * y, (C, 1)) * O[k] for k in (0, 1))
    return np.tile(H, (C, 1)) * shares, Y, v


def literal_tbi(A, Y, v, r=0):
    T = v[:, None] * np.linalg.solve(np.eye(N) - A, Y)
    between = T.reshape(C, S, C).sum(axis=1)
    sold, bought = between[r].sum() - between[r, r], between[:, r].sum() - between[r, r]
    return (sold - bought) / (sold + bought)


def literal_ends(world):
    """Both ends of the path, shares of nothing filled from the other year."""
    first, last = literal_factors(world, 0), literal_factors(world, 2)
    for own, other in ((first, last), (last, first)):
        nothing = np.tile(own[3] == 0, (1, C, 1))
        own[4] = np.where(nothing, other[4], own[4])
    return first, last


def integral(world, f, user=slice(None)):
    """The effect of a factor, where it is that of one user: central differences."""
    first, last = literal_ends(world)
    step = [b - a for a, b in zip(first, last, strict=True)]
    at, weight = np.polynomial.legendre.leggauss(16)
    total, h = 0.0, 1e-5
    for t, w in zip((at + 1) / 2, weight / 2, strict=True):
        for side in (h, -h):
            here = [a + t * d for a, d in zip(first, step, strict=True)]
            here[f][..., user] += side * step[f][..., user]
            total += w * literal_tbi(*literal_table(here)) / (2 * side)
    return total


def test_effects_are_integrals_of_differences_along_the_path(world, found):
    wanted = np.array([integral(world, f) for f in range(6)])
    got = found.by_factor.loc["R0", FACTORS].to_numpy(float)
    # Central differences of step 1e-5 round by 1e-11 and are cut by 1e-10.
    assert_allclose(got, wanted, atol=1e-8 * np.abs(wanted).max())


def test_polar_averages_are_those_of_literal_substitution(world, found):
    first, last = literal_ends(world)
    averages = np.zeros(6)
    for order in (range(6), range(5, -1, -1)):
        here = [*first]
        for f in order:
            before = literal_tbi(*literal_table(here))
            here[f] = last[f]
            averages[f] += (literal_tbi(*literal_table(here)) - before) / 2
    got = found.table.query("region == 'R0'").set_index("factor")["polar"]
    assert_allclose(got[FACTORS], averages, atol=1e-10 * np.abs(averages).max())


def test_where_a_factor_changed(world, found):
    """Demand of one region moved alone gives the effect of that region."""
    got = found.by_country.sel(factor="demand level", region="R0", country="R2")
    assert float(got) == pytest.approx(integral(world, 2, user=2), rel=1e-7)


# ----------------------------------------------------------------------- it adds up


@pytest.mark.parametrize(
    "measure", ["tbi", "vax_ratio", "gross_imports", "FINAL_PRODSH"]
)
def test_effects_add_up_to_the_change_of_the_measure(world, measure):
    got = tx.change(world, measure, region=["R0", "R3"], polar=False)
    ends = (
        tx.indicators(world, measure)[measure]
        if measure == "FINAL_PRODSH"
        else tx.value_added_trade(world, by="region")[measure]
    ).sel(region=["R0", "R3"])
    wanted = (ends.sel(year=2002) - ends.sel(year=2000)).values
    size = np.maximum(np.abs(got.by_factor.to_numpy()).max(axis=1), np.abs(wanted))
    assert (np.abs(got.by_factor.sum(axis=1) - wanted) <= ADDS_UP * size).all()
    assert got.remainder <= ADDS_UP
    assert got.table["polar"].isna().all()


def test_sums_over_any_grouping_are_the_same(found):
    by_factor = found.by_factor.T.to_numpy()
    by_partner = found.by_partner.sum(["country", "partner"]).values
    by_sector = found.by_sector.sum(["country", "sector"]).values
    size = np.abs(by_factor).max()
    assert_allclose(by_partner, by_factor, atol=SAME_SUM * size)
    assert_allclose(by_sector, by_factor, atol=SAME_SUM * size)
    assert_allclose(
        found.by_sector.sum("sector"), found.by_country, atol=SAME_SUM * size
    )
    table = found.table
    assert_allclose(table["home"] + table["abroad"], table["value"], atol=1e-15)
    home = [found.by_country.sel(region=r, country=r).values for r in found.regions]
    assert_allclose(np.concatenate(home), table["home"], atol=SAME_SUM * size)


def test_years_chained_are_the_sum_of_the_steps(world, found):
    steps = [
        tx.change(world, "tbi", start=a, end=b, polar=False).by_factor
        for a, b in ((2000, 2001), (2001, 2002))
    ]
    wanted = (steps[0] + steps[1]).to_numpy().ravel()
    size = np.abs(wanted).max()
    assert_allclose(found.table["chained"], wanted, atol=ADDS_UP * size)
    assert found.steps is not None
    per_step = found.steps.query("start == 2001")["value"]
    assert_allclose(per_step, steps[1].to_numpy().ravel(), atol=ADDS_UP * size)
    # Both add up to the same change, factor by factor they differ.
    sums = found.table.groupby("region")[["value", "chained"]].sum()
    assert_allclose(sums["value"], sums["chained"], atol=ADDS_UP * size)
    assert np.abs(found.table["value"] - found.table["chained"]).max() > 0.01 * size


def test_the_closed_form_and_the_indicator_are_the_same(world, found):
    other = tx.change(world, "TBI", polar=False).by_factor
    size = np.abs(other.to_numpy()).max()
    assert_allclose(found.by_factor, other, atol=ADDS_UP * size)


def test_a_sector_split_in_proportion_changes_nothing(world, found):
    """Aggregation: 30 % and 70 % of a sector, in rows and columns, count as the one."""
    share = np.array([1, 1, 0.3, 0.7])
    parent = np.array([r * S + k for r in range(C) for k in (0, 1, 2, 2)])
    own = np.tile(share, C)
    Z = world.Z[:, parent][:, :, parent] * own[None, :, None] * own[None, None, :]
    Y = world.final_demand()[:, parent] * own[None, :, None]
    x, sectors = world.x[:, parent] * own, ["S0", "S1", "S2a", "S2b"]
    finer = tx.WorldTables(Z, Y, x, world.regions, sectors, world.years)
    got = tx.change(finer, "tbi")
    size = np.abs(found.by_factor.to_numpy()).max()
    assert_allclose(got.by_factor, found.by_factor, atol=ADDS_UP * size)
    halves = got.by_sector.sel(sector=["S2a", "S2b"]).sum("sector")
    assert_allclose(halves, found.by_sector.sel(sector="S2"), atol=ADDS_UP * size)
    assert_allclose(got.table["polar"], found.table["polar"], atol=ADDS_UP * size)


# ---------------------------------------------------------------------- worked by hand


def chain(a, y, v):
    """R1 makes a good for its own use of a US$ of R2's product a unit: the value added
    that R2 exports is a y v. One sector; R2 also makes 30 for itself."""
    Z = np.array([[0.0, 0], [a * y, 0]])
    Y = np.array([[y, 0.0], [0, 30]])
    x = np.array([y, a * y + 30])
    return Z, Y, x, np.array([0.4 * y, v * x[1]])


# Two years of three factors: 0.2 x 100 x 0.5 = 10 and 0.4 x 150 x 0.6 = 36.
BEFORE, AFTER = (0.2, 100.0, 0.5), (0.4, 150.0, 0.6)


def test_three_factors_by_hand_have_the_average_of_all_orders():
    years = [chain(*BEFORE), chain(*AFTER)]
    Z, Y, x, added = (np.stack(k) for k in zip(*years, strict=True))
    labels = (["R1", "R2"], ["S"], [2000, 2001])
    world = tx.WorldTables(Z, Y, x, *labels, value_added=added)
    got = tx.change(world, "va_exports", region="R2", value_added="basic")
    assert_allclose(got.values[["start", "end"]], [[10, 36]])
    effects = got.table.set_index("factor")["value"]
    # Shapley: 0.2 (100 x .5 / 3 + (100 x .6 + 150 x .5) / 6 + 150 x .6 / 3) and so on.
    by_hand = {
        "technology": 83 / 6,
        "demand level": 25 / 3,
        "value-added shares": 23 / 6,
    }
    # The product is multilinear, so that the path gives the average of the six orders.
    orders = dict.fromkeys(by_hand, 0.0)
    for order in permutations(range(3)):
        here = [*BEFORE]
        for k in order:
            before = np.prod(here)
            here[k] = AFTER[k]
            orders[[*by_hand][k]] += float(np.prod(here) - before) / 6
    for name, value in by_hand.items():
        assert orders[name] == pytest.approx(value, rel=1e-14)
    assert_allclose(effects[[*by_hand]], [*by_hand.values()], rtol=1e-10)
    assert_allclose(effects.drop([*by_hand]), 0, atol=1e-10)
    # a, y, v in this order and in the reverse: (10 + 18) / 2, (10 + 6) / 2, (6 + 2) / 2.
    polar = got.table.set_index("factor")["polar"]
    assert_allclose(polar[[*by_hand]], [14, 8, 4], rtol=1e-10)
    # Demand grew in R1; technology there buys of R2.
    where = got.by_partner.sel(region="R2", country="R1", partner="R2")
    assert float(where.sel(factor="technology")) == pytest.approx(83 / 6, rel=1e-10)


def test_factors_give_back_the_table_and_fill_what_is_not_used():
    rng = np.random.default_rng(3)
    A = rng.uniform(size=(4, 4)) / 8
    A[[0, 2], 1] = 0  # industry 1 does not use good 0
    Y = rng.uniform(size=(4, 2)) - 0.2
    B, later = A.copy(), Y + 0.1
    B[[0, 2], 1] = [0.02, 0.06]
    split = jax.jit(partial(factors_of, sectors=2, signed=(False, True)))
    first, last = (
        split(*map(jnp.asarray, (*each, 1 - each[0].sum(axis=0))))
        for each in ((A, Y), (B, later))
    )
    start, step = jax.jit(path_between)(first, last)
    end = type(start)(*map(np.add, start, step))
    make = jax.jit(table_at)
    for factors, (coefficients, demand) in ((start, (A, Y)), (end, (B, later))):
        made = make(type(start)(*map(jnp.asarray, factors)))
        assert_allclose(made.A, coefficients, atol=1e-16)
        assert_allclose(made.Y, demand, atol=1e-15)
        assert_allclose(made.v, 1 - coefficients.sum(axis=0), atol=1e-15)
    assert_allclose(start.S[0, [0, 2], 1], [0.25, 0.75])
    assert_allclose(step.S[0, [0, 2], 1], 0, atol=1e-16)


# ------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    "options, told",
    [
        ({"measure": "tbii"}, "no measure tbii: did you mean tbi?"),
        ({"start": 1999}, "no year 1999: the tables hold 2000 to 2002"),
        ({"start": 2001, "end": 2001}, "change: 2001 twice; give two different years"),
        ({"start": 2002, "end": 2001}, "change: 2002 is after 2001; give the earlier"),
        ({"region": "CHN"}, "no region CHN: choose from R0, R1, R2, R3"),
        ({"region": []}, "region: name one or more regions"),
        ({"sector": "S0"}, "tbi by sector: leave out sector, or take an indicator"),
        ({"measure": "FD_VASH"}, "indicator FD_VASH has no level country"),
        ({"nodes": 0}, "nodes"),
        ({"nodes": 100_000}, "nodes: give 1,000 points of the path at most, not 100,0"),
    ],
)
def test_mistakes_are_one_line(world, options, told):
    message = error_of(tx.change, world, **{"measure": "tbi", **options})
    assert message.startswith(told) and "\n" not in message


def test_one_year_has_no_change(world):
    told = error_of(tx.change, world.select(2001, 2001), "tbi")
    assert told == "change: the tables hold 2001 alone; it takes two years"


def test_what_is_not_defined_is_said(world):
    """No final demand of R0, or one below 0; no trade of a region that was asked for."""
    Y = world.final_demand().copy()
    Y[0, :, 0] -= 2 * Y[0, :, 0]
    below = replace(world, Y=Y, categories=())
    told = error_of(tx.change, below, "tbi")
    assert told.startswith("2000: final demand of R0 adds up to -")


def test_a_region_without_trade_has_no_index_and_the_others_do(world):
    """R3 cut off: NaN among all regions, a mistake where it is asked for."""
    apart = np.zeros((N, N))
    apart[-S:, -S:] = apart[:-S, :-S] = 1
    Z, Y = world.Z * apart, world.final_demand() * apart[:, ::S]
    x = Z.sum(axis=2) + Y.sum(axis=2)
    cut = replace(world, Z=Z, Y=Y, x=x, value_added=None, categories=())
    got = tx.change(cut, "tbi", polar=False)
    assert np.isnan(got.by_factor.loc[["R3"]].to_numpy()).all()
    others = got.by_factor.drop("R3")
    assert_allclose(others.sum(axis=1), got.values["change"][:3], rtol=ADDS_UP)
    some = tx.change(world, "tbi", region=["R0", "R1"], polar=False)
    assert some.titles()["waterfall"].startswith("Of those shown: ")
    waterfall, bars = (got.plots()[k]() for k in ("waterfall", "factors"))
    panels = [ax.get_title(loc="left") for ax in waterfall.axes]
    assert [k for k in panels if k] == ["R0", "R1", "R2"]
    assert "R3" not in [k.get_text() for k in bars.axes[0].get_yticklabels()]
    told = error_of(tx.change, cut, "tbi", region="R3")
    assert told == "tbi of R3 is not defined in 2000: its base is 0"


def test_a_table_with_a_hole_or_without_an_inverse_is_refused(world):
    Z = np.array(world.Z)
    Z[2, 1, 2] = np.nan
    told = error_of(tx.change, replace(world, Z=Z), "tbi")
    assert told.startswith("2002:") and "R0:S1" in told
    Z[2] = 9 * np.array(world.Z[2])
    told = error_of(tx.change, replace(world, Z=Z), "tbi")
    assert told.startswith("2002:") and "productive" in told


def test_few_points_leave_a_remainder_that_is_reported(world, found):
    rough = tx.change(world, "tbi", nodes=1, polar=False)
    assert rough.nodes == 1
    assert rough.remainder > 1e-6 > found.remainder
    missed = rough.values["change"] - rough.by_factor.sum(axis=1).to_numpy()
    assert_allclose(missed, rough.values["remainder"], atol=1e-14)
    told = f"the effects miss the change by up to {rough.remainder:.1e} of the largest effect"
    assert f"{told}; nodes = 1 is too few" in str(rough)
    assert "miss the change" not in str(found)


def test_what_imbalances_add_is_said(world):
    """An indicator of published output, of tables whose rows miss it by up to 5 %."""
    missed = 1 + 0.05 * np.random.default_rng(0).uniform(size=np.shape(world.x))
    named = {}
    for tables in (world, replace(world, x=np.asarray(world.x) * missed)):
        two = ["R0", "R3"]
        got = tx.change(tables, "FINAL_PRODSH", region=two, polar=False)
        total = got.by_factor.sum(axis=1).to_numpy()
        assert_allclose(total, got.values["change"], rtol=ADDS_UP)
        named[tables is world] = got.by_factor
    assert list(named[True]) == FACTORS
    assert list(named[False]) == [*FACTORS, "imbalance"]
    size = named[False].abs().to_numpy().max()
    assert (named[False]["imbalance"].abs() > 0.001 * size).all()


def test_an_exposure_to_one_supplier_changes_by_factors_that_add_up(small):
    found = tx.change(small, "FPEM", region="R0", partner="R1")
    own = tx.indicators(small, ["FPEM"], "bilateral")["FPEM"]
    both = own.sel(region="R0", partner="R1").values
    assert_allclose(found.values[["start", "end"]].iloc[0], both, rtol=1e-9)
    assert_allclose(found.table["value"].sum(), both[1] - both[0], rtol=1e-8)
    assert found.remainder < 1e-10
    page = page_of(found, "en")
    assert page.subtitle.endswith("(FPEM) with R1, 2000 to 2001")
    for text in (page.sentence, repr(found)):
        assert " percentage points" in text and " %" not in text
    told = error_of(tx.change, small, "FPEM", region="R0")
    assert told.startswith("indicator FPEM has no level country: choose from bilateral")
    told = error_of(tx.change, small, "tbi", partner="R1")
    assert told == "tbi by partner: leave out partner, or take an indicator"
