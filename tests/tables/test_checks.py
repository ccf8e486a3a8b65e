import math
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine import WorldTable, check_tables
from tivax.engine.tables import Tolerance
from tivax.engine.tables.checks import (
    IDENTITY_TOLERANCE,
    YearCheck,
    check_frame,
    check_year,
    require_productive,
)

from helpers import error_of, hand_table, random_table, random_tables

# The iteration stops below 1e-12; a 2 x 2 table is then known to 11 digits.
RTOL = 1e-11
# The power iteration for the spectral radius stops earlier.
RADIUS = 1e-6
EXACT = Tolerance(0.0, 0.0)


def two_regions(**changes):
    """Regions A and B with one industry each; both rows sell what they make."""
    Z = [[0.0, 20.0], [10.0, 0.0]]
    Y = [[70.0, 10.0], [20.0, 60.0]]
    return replace(hand_table(Z, Y, ["A", "B"]).table(2000), **changes)


def sound(table, tolerance=EXACT):
    check = check_year(table, tolerance)
    assert check.faults == []
    return check


# ------------------------------------------------------------------- by hand


def test_a_table_that_adds_up_is_sound():
    check = sound(two_regions())
    assert check.year == 2000 and check.finite
    assert check.row_gap == check.row_gap_share == check.row_gap_excess == 0
    assert math.isnan(check.column_gap)
    assert check.negative_sales == check.negative_demand == check.zero_output == 0
    # A = [[0, 2/9], [1/10, 0]]
    assert_allclose(check.largest_input_share, 2 / 9, rtol=RTOL)
    assert_allclose(check.spectral_radius, math.sqrt(2 / 90), rtol=RADIUS)
    for name in ("output_gap_share", "export_gap_share"):
        assert getattr(check, name) < RTOL


def test_a_known_gap_is_reported_and_measured():
    """B reports 93, 3 more than it sells."""
    table = two_regions(x=np.array([100.0, 93.0]))
    check = check_year(table, Tolerance(1.0, 0.01))
    assert check.row_gap == 3.0
    assert_allclose(check.row_gap_share, 3 / 193, rtol=RTOL)
    assert_allclose(check.row_gap_excess, 3 - 1 - 0.93, rtol=RTOL)
    assert check.faults == ["a row misses its output by 3"]
    sound(table, Tolerance(3.0, 0.0))

    # The model-consistent table, x* = (I - A)^-1 Y 1, from reported output.
    A = np.array([[0, 20 / 93], [10 / 100, 0]])
    output = np.linalg.solve(np.eye(2) - A, [80, 80])
    share = np.abs(output - [100, 93]).sum() / 193
    assert_allclose(check.output_gap_share, share, rtol=1e-10)
    exports = np.array([10 + A[0, 1] * output[1], 20 + A[1, 0] * output[0]])
    share = np.abs(exports - [30, 30]).sum() / exports.sum()
    assert_allclose(check.export_gap_share, share, rtol=1e-10)


def test_gaps_of_either_sign_do_not_offset_each_other():
    """A reports 110 and B 85; x* lies between what they report and what they sell."""
    check = check_year(two_regions(x=np.array([110.0, 85.0])), EXACT)
    assert_allclose(check.row_gap_share, 15 / 195, rtol=RTOL)
    A = np.array([[0, 20 / 85], [10 / 110, 0]])
    gap = np.array([110, 85]) - np.linalg.solve(np.eye(2) - A, [80, 80])
    assert gap[0] > 1 and gap[1] < -1
    assert_allclose(check.output_gap_share, np.abs(gap).sum() / 195, rtol=RTOL)


def test_the_row_that_counts_is_the_one_beyond_its_tolerance():
    """A misses by 2 of 100 and may, B by 1 of 90 and may not."""
    tolerance = Tolerance(0.0, 0.0)
    table = two_regions(x=np.array([102.0, 91.0]))
    assert check_year(table, tolerance).row_gap == 2.0
    assert check_year(table, tolerance).row_gap_excess == 2.0
    assert check_year(table, Tolerance(1.5, 0.0)).row_gap_excess == 0.5
    assert_allclose(check_year(table, Tolerance(0.0, 0.01)).row_gap_excess, 2 - 1.02)


def test_the_column_gap_is_taxes_and_margins():
    """A: 100 - 10 - 85 = 5, B: 90 - 20 - 69 = 1."""
    check = sound(two_regions(value_added=np.array([85.0, 69.0])))
    assert check.column_gap == 5.0
    check = sound(two_regions(value_added=np.array([90.0, 78.0])))
    assert check.column_gap == 8.0  # of either sign


def test_negative_and_idle_cells_are_counted():
    Z = [[0.0, 50.0, 0.0], [120.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    Y = [[[60, -10], [0, 0], [0, 0]], [[-1, -1], [2, 0], [0, -5]], np.zeros((3, 2))]
    table = WorldTable(
        2000, ("A", "B", "C"), ("S",), ("C", "INV"), np.array(Z), np.array(Y, float),
        np.array([100.0, 115.0, 0.0]),
    )  # fmt: skip
    check = sound(table)
    assert check.negative_demand == 4
    assert check.negative_value_added == 1  # A buys 120 and makes 100
    assert check.zero_output == 1
    assert check.largest_input_share == 1.2


def test_negative_sales_are_a_fault():
    table = two_regions(Z=np.array([[0.0, 20.0], [-10.0, 20.0]]))
    check = check_year(table, EXACT)
    assert check.negative_sales == 1
    assert check.faults == ["1 negative intermediate sales"]


@pytest.mark.parametrize("name, at", [("Z", (0, 1)), ("Y", (1, 0, 0)), ("x", 1)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cell_that_is_no_number_is_a_fault_and_no_exception(name, at, value):
    values = getattr(two_regions(), name).copy()
    values[at] = value
    check = check_year(two_regions(**{name: values}), EXACT)
    assert not check.finite
    assert check.faults[0] == "cells that are not numbers"


# ------------------------------------------------------------- limiting cases


def test_an_idle_industry_that_still_sells_breaks_no_identity():
    """Region B makes nothing and sells 7: real tables have such rows."""
    table = random_table(regions=3, sectors=2)
    x = table.x.copy()
    x[2] = 0
    Z = table.Z.copy()
    Z[:, 2] = 0
    table = replace(table, Z=Z, x=x)
    assert Z[2].sum() > 1
    check = check_year(table, Tolerance(1e6, 0.0))
    assert check.zero_output == 1 and check.faults == []
    sales = Z[2].sum() + table.Y[2].sum()
    assert_allclose(check.row_gap, sales, rtol=RTOL)
    for name in ("output_identity", "demand_identity", "balance_identity"):
        assert getattr(check, name) < IDENTITY_TOLERANCE


def test_a_world_of_one_industry():
    """x = 10, A = 0.6: nothing is traded, nothing is divided by."""
    table = hand_table([[6.0]], [[4.0]], ["A"]).table(2000)
    check = sound(table)
    assert_allclose(check.spectral_radius, 0.6, rtol=RADIUS)
    assert check.export_gap_share == check.balance_identity == 0


def test_a_table_without_any_output_is_no_exception():
    table = two_regions(
        x=np.array([0.0, 0.0]), Z=np.zeros((2, 2)), Y=np.zeros((2, 2, 1))
    )
    assert check_year(table, EXACT).zero_output == 2


def circular(share):
    """A sells its output to B and B to A: column sums and radius equal ``share``."""
    return two_regions(
        x=np.array([100.0, 100.0]), Z=100 * share * np.array([[0.0, 1.0], [1.0, 0.0]])
    )


@pytest.mark.parametrize("share", [1.0, 1.1])
def test_a_table_that_is_not_productive_is_a_fault(share):
    check = check_year(circular(share), Tolerance(1e6, 0.0))
    assert_allclose(check.spectral_radius, share, rtol=RADIUS)
    found = f"look at A:S, whose inputs are {share:.3f} of its output, and at B:S "
    found += f"({share:.3f}), among 2 industries that supply each other"
    assert check.unproductive == found
    assert f"spectral radius {share:.4f}: not productive; {found}" in check.faults
    message = error_of(require_productive, replace(circular(share), origin="file.csv"))
    assert message.startswith("file.csv: 2000: the table is not productive")
    assert "not below 1; look at A:S, whose inputs are" in message
    assert message.endswith(found)


def test_a_small_part_that_grows_too_fast_is_found():
    """99 industries of radius 0.999 and one alone above 1: the estimate stops before."""
    n, x = 100, np.ones(100)
    Z = np.full((n, n), 0.999 / 99)
    Z[-1], Z[:, -1] = 0, 0
    Z[-1, -1] = 1.0005
    table = WorldTable(
        2000, ("A", "B"), tuple(map(str, range(50))), ("F",), Z, np.ones((n, 2, 1)), x
    )
    found = error_of(require_productive, table)
    assert found.endswith("look at B:49, whose inputs are 1.000 of its output")
    assert not check_year(table, Tolerance(1e6, 0.0)).productive


@pytest.mark.parametrize(
    "field, told",
    [
        ({"negative_output": 1}, "1 industries of negative output"),
        ({"residual": 2e-8}, "not solved, relative residual 2.0e-08"),
    ],
)
def test_negative_output_and_an_unsolved_year_are_faults(field, told):
    good = check_year(two_regions(), EXACT)
    assert replace(good, **field).faults == [told]


def test_a_table_just_below_is_productive():
    require_productive(circular(0.999))
    check = sound(circular(0.999), Tolerance(1e6, 0.0))
    assert_allclose(check.spectral_radius, 0.999, rtol=RADIUS)


def test_one_industry_may_buy_more_than_it_makes_in_a_productive_table():
    """Column sums 1.3 and 0.2: radius sqrt(0.26)."""
    table = two_regions(
        x=np.array([100.0, 100.0]), Z=np.array([[0.0, 20.0], [130.0, 0.0]])
    )
    require_productive(table)
    check = check_year(table, Tolerance(1e6, 0.0))
    assert_allclose(check.spectral_radius, math.sqrt(0.26), rtol=RADIUS)
    assert check.negative_value_added == 1 and check.faults == []


@pytest.mark.parametrize("sold", [150.0, 200.0, 300.0])
def test_a_chain_without_a_loop_is_productive_whatever_it_buys(sold):
    """A[0, 1] = sold / 100 alone: A^2 = 0, so the radius is 0 and B = I + A."""
    table = two_regions(
        x=np.array([100.0, 100.0]), Z=np.array([[0.0, sold], [0.0, 0.0]])
    )
    require_productive(table)
    assert check_year(table, Tolerance(1e6, 0.0)).faults == []


def test_a_block_that_buys_more_than_it_makes_is_named_not_who_buys_from_it():
    """B:0 and B:1 circle at sqrt(1.4 * 0.9) > 1; A:0 buys 3 of them and closes no
    circle: the table without the two is productive."""
    Z = np.zeros((4, 4))
    Z[2, 3], Z[3, 2], Z[2, 0] = 1.4, 0.9, 3.0
    table = WorldTable(
        2000, ("A", "B"), ("0", "1"), ("F",), Z, np.ones((4, 2, 1)), np.ones(4)
    )
    found = error_of(require_productive, table)
    assert found.endswith(
        "look at B:1, whose inputs are 1.400 of its output, among 2 industries that "
        "supply each other"
    )
    Z[2, 3] = 1.1
    require_productive(table)


# -------------------------------------------------------------- faults, frames


def test_an_identity_that_misses_is_a_fault():
    good = check_year(two_regions(), EXACT)
    for name in ("output_identity", "demand_identity", "balance_identity"):
        for miss in (2e-10, math.nan):
            assert replace(good, **{name: miss}).faults
        assert replace(good, **{name: 9e-11}).faults == []
    bad = replace(
        good, demand_identity=3e-5, spectral_radius=math.nan, productive=False
    )
    assert bad.faults == [
        "spectral radius nan: not productive",
        "an identity misses by 3.0e-05",
    ]


def test_random_worlds_are_sound():
    tables = random_tables(regions=4, sectors=3, years=3)
    calls = []
    rows = check_tables(tables, progress=lambda *call: calls.append(call))
    assert [row.year for row in rows] == list(tables.years)
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    for row, table in zip(rows, tables, strict=True):
        assert row.faults == []
        assert row.negative_demand == (table.Y < 0).sum() > 0
        radius = np.abs(np.linalg.eigvals(table.Z / table.x)).max()
        assert_allclose(row.spectral_radius, radius, rtol=RADIUS)
        assert row.residual < 1e-12 and row.solver == "import-share"


def test_the_tolerance_of_the_tables_counts():
    tables = random_tables(regions=4, sectors=3, years=3)
    x = tables.x[:].copy()
    x[1, 5] += 2.0
    tables = replace(tables, x=x, tolerance=Tolerance(1.9, 0.0))
    assert [bool(row.faults) for row in check_tables(tables)] == [False, True, False]
    tables = replace(tables, tolerance=Tolerance(2.1, 0.0))
    assert [bool(row.faults) for row in check_tables(tables)] == [False] * 3


def test_a_year_that_the_iteration_cannot_finish_is_solved_by_lu():
    check = check_year(circular(1.1), Tolerance(1e6, 0.0))
    assert check.solver == "lu" and check.residual < 1e-12


def test_checks_become_a_row_for_each_year_with_faults_in_words():
    good = check_year(two_regions(), EXACT)
    bad = replace(good, year=2001, negative_sales=3, finite=False)
    frame = check_frame([good, bad])
    assert list(frame) == [*(field.name for field in fields(YearCheck)), "faults"]
    assert frame["year"].tolist() == [2000, 2001]
    assert frame["faults"].tolist() == [
        "",
        "cells that are not numbers; 3 negative intermediate sales",
    ]
    assert isinstance(frame, pd.DataFrame) and frame["row_gap"].tolist() == [0.0, 0.0]
