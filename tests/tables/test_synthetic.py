"""The synthetic world: balanced, reproducible, and like a real table where it counts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import synthetic_world
from tivax.engine.tables import WorldShape
from tivax.engine.tables.rules import check_balance, check_values

from helpers import error_of, small_world, system

# Rows are summed in another order than by the program that made them. Measured
# 3e-16 of the largest row, 2e-15 of a row's own output.
BALANCE_RTOL = 1e-13


@pytest.fixture(scope="module")
def full():
    """The first year at the default size, 44 regions x 56 sectors."""
    return synthetic_world(WorldShape(years=1))


def test_what_is_sold_is_output():
    for world in (small_world(1, 5), small_world(5, 1), small_world(6, 8, 15)):
        sold = world.Z[:].sum(axis=2) + world.final_demand().sum(axis=2)
        assert_allclose(sold, world.x[:], rtol=BALANCE_RTOL)


def test_a_full_world_balances_and_holds_possible_numbers(full):
    (table,) = full
    check_values(table)
    check_balance(table, full.tolerance)
    sold = table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2))
    assert_allclose(sold, table.x, rtol=BALANCE_RTOL)


def test_the_seed_alone_makes_the_numbers():
    shape = WorldShape(5, 1, 1)
    a, other, b = (synthetic_world(shape, seed=k) for k in (3, 4, 3))
    assert (a.Z[:] != other.Z[:]).mean() > 0.99
    assert (np.asarray(a.value_added) != np.asarray(other.value_added)).all()
    assert_array_equal(a.Z, b.Z)
    assert_array_equal(a.Y, b.Y)
    assert_array_equal(a.value_added, b.value_added)


def test_29_per_cent_of_input_coefficients_are_imported(full):
    """0.276 in the first year; trade opens up from there (0.296 in the next)."""
    A, _ = system(full)
    c, s = 44, 56
    home = A.reshape(c, s, c, s)[np.arange(c), :, np.arange(c), :].sum()
    assert 1 - home / A.sum() == pytest.approx(0.29, abs=0.03)


def test_a_few_industries_have_no_output_and_trade_nothing(full):
    idle = full.x[0] == 0
    assert 0 < idle.mean() < 0.1  # measured 56 of 2464
    assert full.Z[0][idle].sum() == full.Z[0][:, idle].sum() == 0
    assert np.abs(full.Y[0][idle]).sum() == 0


def test_only_inventories_are_negative(full):
    negative = (full.Y[0] < 0).sum(axis=(0, 1))
    assert negative[-1] > 0
    assert negative[:-1].sum() == 0
    assert full.Z[0].min() >= 0


def test_every_industry_with_output_adds_value(full):
    """Measured 0.23 to 0.9 of output; at basic prices 2 to 6 % less."""
    x, inputs = full.x[0], full.Z[0].sum(axis=0)
    active = x > 0
    residual = (x - inputs)[active]
    assert (residual > 0.1 * x[active]).all()
    taxes = 1 - full.value_added[0][active] / residual
    assert 0.02 <= taxes.min() < taxes.max() <= 0.06


def test_few_regions_are_large_and_many_small(full):
    """Measured: the five largest of 44 make 64 %, the largest 37 times the median."""
    size = np.sort(full.x[0].reshape(44, 56).sum(axis=1))[::-1]
    assert size[:5].sum() > 0.4 * size.sum()
    assert size[0] > 10 * np.median(size)


def test_a_year_is_more_like_its_neighbours_than_like_distant_years():
    """Shares of world sales, summed |change|; the trade collapse is within."""
    Z = small_world(6, 8, 15).Z[:]
    share = Z / Z.sum(axis=(1, 2), keepdims=True)

    def moved(years: int) -> float:
        return float(np.abs(share[years:] - share[:-years]).sum(axis=(1, 2)).mean())

    # Measured 0.07, 0.13 and 0.12.
    assert moved(1) < 0.1
    assert 1.5 * moved(1) < min(moved(4), moved(14))


@pytest.mark.parametrize("regions, sectors", [(1, 1), (1, 5), (5, 1)])
def test_the_smallest_worlds_are_worlds_too(regions, sectors):
    world = small_world(regions, sectors)
    assert world.Z.shape == (1, regions * sectors, regions * sectors)
    assert world.Y.shape == (1, regions * sectors, regions, 5)
    (table,) = world
    check_values(table)
    check_balance(table, world.tolerance)
    assert (world.x[:] > 0).all()


def test_labels_and_years_are_those_of_the_shape():
    world = small_world(6, 8, 15)
    assert world.regions == ("R01", "R02", "R03", "R04", "R05", "ROW")
    assert (world.sectors[0], world.sectors[-1]) == ("S01", "S08")
    assert world.years == tuple(range(2000, 2015))
    assert WorldShape(1, 1, 1).region_codes == ("ROW",)
    assert WorldShape(regions=150).region_codes[0] == "R001"


@pytest.mark.parametrize("size", [(0, 5, 1), (5, 0, 1), (5, 5, 0), (-1, 5, 1)])
def test_a_world_of_nothing_is_refused(size):
    assert "at least one region, one sector and one year" in error_of(WorldShape, *size)
