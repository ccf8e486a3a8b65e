"""``tx.sensitivity``: every cell against differences, and what is made of the cells."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx

from helpers import error_of, small_world

C, S = 4, 3
N = C * S


@pytest.fixture(scope="module")
def world():
    return small_world(C, S, 2)


def moved(world, i, j, step):
    """The last year with a cell of (Z, Y) changed."""
    Z, Y = world.Z[-1:].copy(), world.final_demand()[-1:].copy()
    (Z if j < N else Y)[0, i, j % N if j < N else j - N] += step
    labels = (world.regions, world.sectors, world.years[-1:])
    return tx.WorldTables(Z, Y, world.x[-1:], *labels)


def central(world, measure, cells):
    found = []
    for i, j in cells:
        F = np.hstack([world.Z[-1], world.final_demand()[-1]])
        step = 1e-4 * abs(F[i, j])
        up, down = (measure(moved(world, i, j, k)) for k in (step, -step))
        found.append((up - down) / (2 * step))
    return np.array(found)


def some_cells(world):
    """Eight cells above 0, of Z and of Y."""
    F = np.hstack([world.Z[-1], world.final_demand()[-1]])
    return [tuple(k) for k in np.argwhere(F > 0)[3::17].tolist()][:8]


@pytest.mark.parametrize(
    "name, indicator", [("tbi", "TBI"), ("vax_ratio", None), ("gross_imports", "IMGR")]
)
def test_closed_forms_are_differences_and_the_same_as_automatic(world, name, indicator):
    region = world.regions[1]
    found = tx.sensitivity(world, name, region)

    def measure(tables):
        return float(
            tx.value_added_trade(tables, by="region")[name].sel(region=region).values[0]
        )

    some = some_cells(world)
    wanted = central(world, measure, some)
    cells = np.array([found.gradient[k] for k in some])
    assert_allclose(cells, wanted, atol=1e-6 * np.abs(wanted).max())
    assert found.value == pytest.approx(measure(world.select(*world.years[-1:] * 2)))
    if indicator is not None:
        other = tx.sensitivity(world, indicator, region)
        size = np.abs(found.gradient).max()
        assert_allclose(other.gradient, found.gradient, atol=1e-9 * size)


@pytest.mark.parametrize("name", ["UPSTREAM", "GVC_POS_KPWW", "EXGR_DVASH"])
def test_indicators_of_a_sector_are_differentiated(world, name):
    region, sector = world.regions[0], world.sectors[0]
    found = tx.sensitivity(world, name, region, sector=sector)

    def measure(tables):
        got = tx.indicators(tables, name, "sector")[name]
        return float(got.sel(region=region, sector=sector).values[0])

    some = some_cells(world)[::2]
    wanted = central(world, measure, some)
    cells = np.array([found.gradient[k] for k in some])
    # The largest of these cells; differences of step 1e-4 round by 1e-9 of the measure.
    assert_allclose(cells, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_cells_pairs_and_sectors_are_sums_of_the_same_effects(world):
    found = tx.sensitivity(world, "tbi", world.regions[2], year=world.years[0])
    effects = 0.01 * found.gradient * found.flows
    total = effects.sum()
    assert_allclose(found.pairs.sum(), total)
    assert_allclose(found.by_sector.sum(), total)
    every = found.cells(effects.size)
    assert_allclose(every["effect"].sum(), total)
    assert np.all(np.diff(np.abs(every["effect"])) <= 0)
    first = every.iloc[0]
    i = world.regions.index(first.seller) * S + world.sectors.index(first.sector)
    j = world.regions.index(first.user)
    if first.user_sector == "final demand":
        j = N + j
    else:
        j = j * S + world.sectors.index(first.user_sector)
    assert first.flow == found.flows[i, j] and first.effect == effects[i, j]
    pair = (
        effects[i // S * S : i // S * S + S, S : 2 * S].sum()
        + effects[i // S * S : i // S * S + S, N + 1].sum()
    )
    assert_allclose(found.pairs.sel(seller=first.seller, user=world.regions[1]), pair)
    assert "effect of 1 % more" in str(found)


def test_value_added_that_is_a_row_has_a_derivative(world):
    region = world.regions[0]
    found = tx.sensitivity(world, "va_exports", region, value_added="basic")
    added = found.by_value_added
    assert added is not None
    # Exports of value added are linear in the row: they are the sum of row x slope.
    assert_allclose((added * world.value_added[-1]).sum(), found.value, rtol=1e-9)
    other = tx.sensitivity(world, "FFD_DVA", region, value_added="basic")
    assert other.by_value_added is not None
    assert_allclose(other.by_value_added, added, rtol=1e-9, atol=1e-12)
    assert tx.sensitivity(world, "va_exports", region).by_value_added is None


@pytest.mark.parametrize(
    "measure, region, options, told",
    [
        ("tbl", "R01", {}, "no measure tbl: did you mean tbi"),
        ("tbi", "R9", {}, "no region R9: did you mean"),
        ("tbi", "R01", {"year": 1990}, "no year 1990: the tables hold 2000 to 2001"),
        ("tbi", "R01", {"sector": "S01"}, "tbi by sector: leave out sector, or take an indicator"),
        ("TBI", "R01", {"sector": "S9"}, "no sector S9"),
        ("CONS_VA", "R01", {}, "sensitivity: CONS_VA is by use of final demand"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(world, measure, region, options, told):
    assert error_of(tx.sensitivity, world, measure, region, **options).startswith(told)
