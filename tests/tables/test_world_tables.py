from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from tivax.engine import (
    TivaxError,
    WorldTable,
    WorldTables,
    check_tables,
    stack_years,
    trade_benefit_index,
)
from tivax.engine.tables import Tolerance
from tivax.engine.tables.rules import (
    check_balance,
    check_same_labels,
    check_values,
    without_rounding,
)
from tivax.engine.tables.world_tables import _require_bare

from helpers import error_of, random_table


def years_of(*years, **changes):
    """Arguments of WorldTables: 2 regions, 3 sectors, 2 categories of demand."""
    t = len(years)
    rng = np.random.default_rng(0)
    Z, Y = rng.random((t, 6, 6)), 1 + rng.random((t, 6, 2, 2))
    arguments = {
        "Z": Z,
        "Y": Y,
        "x": Z.sum(axis=2) + Y.sum(axis=(2, 3)),
        "regions": ["AUT", "ROW"],
        "sectors": ["a", "b", "c"],
        "years": list(years),
    }
    return arguments | changes


# ---------------------------------------------------------------- shapes, labels


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"Z": np.ones((2, 6, 5))}, "Z has shape (2, 6, 5)"),
        ({"Z": np.ones((6, 6))}, "Z has shape (6, 6)"),
        ({"Y": np.ones((2, 6, 3))}, "Y has shape (2, 6, 3)"),
        ({"Y": np.ones((2, 6, 6, 2))}, "Y has shape (2, 6, 6, 2)"),
        ({"x": np.ones((2, 6, 1))}, "x has shape (2, 6, 1)"),
        ({"x": np.ones((2, 5))}, "make it (2, 6)"),
        ({"value_added": np.ones((2, 1, 6))}, "value_added has shape (2, 1, 6)"),
        ({"categories": ("one", "two", "three")}, "Y has shape (2, 6, 2, 2)"),
        ({"regions": ["AUT", "BEL", "ROW"]}, "2 years, 3 regions, 3 sectors"),
        ({"regions": ["AUT", "AUT"]}, "regions: AUT more than once"),
        ({"sectors": ["a", "b", "b"]}, "sectors: b more than once"),
        ({"years": [2000, 2000]}, "years: 2000 more than once"),
        ({"categories": ("C", "C")}, "categories: C more than once"),
        ({"regions": []}, "no regions"),
        ({"sectors": []}, "no sectors"),
        ({"years": []}, "no years"),
        ({"years": [2001, 2000]}, "years are not in order: [2001, 2000]"),
    ],
)
def test_arrays_that_do_not_fit_their_labels_are_refused(changes, message):
    arguments = years_of(2000, 2001, **changes)
    assert message in error_of(lambda: WorldTables(**arguments))


def test_n_counts_industries_and_labels_are_tuples():
    tables = WorldTables(**years_of(2000))
    assert tables.n == 6
    assert tables.regions == ("AUT", "ROW") and tables.years == (2000,)
    assert tables.unit == "million US$"


def test_final_demand_is_summed_over_categories():
    arguments = years_of(2000, 2001)
    by_category, total = arguments["Y"], arguments["Y"].sum(axis=3)
    four, three = WorldTables(**arguments), WorldTables(**arguments | {"Y": total})
    assert four.categories == ("F1", "F2") and three.categories == ("FD",)
    for tables in (four, three):
        assert_array_equal(tables.final_demand(), total)
        assert_array_equal(tables.final_demand(slice(1, 2)), total[1:])
    assert_array_equal(four.table(2001).Y, by_category[1])
    assert_array_equal(three.table(2001).Y[:, :, 0], total[1])


def test_demand_of_one_named_category_may_have_an_axis_for_it():
    arguments = years_of(2000)
    arguments |= {"Y": arguments["Y"][..., :1], "categories": ("GFCF",)}
    tables = WorldTables(**arguments)
    assert_array_equal(tables.final_demand(), arguments["Y"][..., 0])
    assert tables.table(2000).categories == ("GFCF",)


# ----------------------------------------------------------------- years, stacks


def test_a_year_is_taken_by_its_number():
    arguments = years_of(2000, 2003, 2004, source="arrays")
    added = arguments["x"] / 2
    tables = WorldTables(**arguments, value_added=added)
    table = tables.table(2003)
    assert (table.year, table.where) == (2003, "arrays: 2003")
    assert (table.regions, table.sectors) == (tables.regions, tables.sectors)
    for name in ("Z", "Y", "x"):
        assert_array_equal(getattr(table, name), arguments[name][1])
    assert_array_equal(table.value_added, added[1])
    assert [table.year for table in tables] == [2000, 2003, 2004]


def test_a_year_that_is_not_there_is_an_error_with_the_years_there_are():
    tables = WorldTables(**years_of(2000, 2003))
    message = error_of(tables.table, 1999)
    assert "no year 1999" in message and "2000 to 2003" in message
    assert "no year from 2001 to 2002" in error_of(tables.select, 2001, 2002)


@pytest.mark.parametrize(
    "first, last, kept",
    [(2000, 2001, [2000, 2001]), (1990, 2000, [2000]), (2002, 2004, [2004])],
)
def test_a_selection_keeps_the_years_between_both_ends(first, last, kept):
    arguments = years_of(2000, 2001, 2004)
    tables = WorldTables(**arguments, value_added=arguments["x"], source="arrays")
    part = tables.select(first, last)
    assert list(part.years) == kept and part.source == "arrays"
    for year in kept:
        for name in ("Z", "Y", "x", "value_added"):
            a, b = getattr(part.table(year), name), getattr(tables.table(year), name)
            assert_array_equal(a, b)


def test_years_are_stacked_in_order():
    a, b = (random_table(regions=2, sectors=3, year=y, seed=y) for y in (2001, 2000))
    tables = stack_years([a, b], unit="t", source="s", tolerance=Tolerance(1.0, 0.0))
    assert tables.years == (2000, 2001)
    assert_array_equal(tables.Z, np.stack([b.Z, a.Z]))
    assert_array_equal(tables.Y, np.stack([b.Y, a.Y]))
    assert_array_equal(tables.x, np.stack([b.x, a.x]))
    assert tables.value_added is not None
    assert_array_equal(tables.value_added[0], b.value_added)
    assert tables.categories == a.categories
    assert (tables.unit, tables.source, tables.tolerance.absolute) == ("t", "s", 1.0)


def test_tables_are_shown_by_their_size_not_by_their_numbers():
    tables = stack_years([random_table(regions=2, sectors=3)])
    assert repr(tables).splitlines() == [
        "WorldTables: 2 regions x 3 sectors x 1 year",
        "years         2014",
        "regions       R0, R1",
        "sectors       S0, S1, S2",
        "final demand  household, government, inventories",
        "value added   reported",
        "unit          million US$",
    ]


def test_a_year_without_the_value_added_row_of_another_is_refused():
    a, b = random_table(regions=2, sectors=3), changed(year=2015, value_added=None)
    assert "2015 has no value-added row, 2014 has one" in error_of(stack_years, [a, b])


def test_years_with_other_labels_cannot_be_stacked():
    a, b = changed(), changed(year=2015, regions=("R0", "BEL"))
    assert "2015 lacks region R1" in error_of(stack_years, [b, a])


# ------------------------------------------------------------------------ checks


def changed(**changes):
    """A balanced table of 2 regions x 3 sectors with something else in it."""
    return replace(
        random_table(regions=2, sectors=3), **{"origin": "file.csv"} | changes
    )


def cell(name, at, value):
    """A table with one cell changed."""
    values = getattr(changed(), name).copy()
    values[at] = value
    return changed(**{name: values})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name, at, where",
    [
        ("Z", (1, 3), "R0:S1 to R1:S0"),
        ("Y", (5, 1, 2), "R1:S2 to R1 inventories"),
        ("x", 4, "R1:S1"),
        ("value_added", 0, "R0:S0"),
    ],
)
def test_a_cell_that_is_no_number_is_named(name, at, where, value):
    message = error_of(check_values, cell(name, at, value))
    assert message.startswith("file.csv: 2014: ")
    assert f"{name} has 1 cell without a number, first {where};" in message


@pytest.mark.parametrize(
    "name, at, told",
    [
        ("Z", (2, 5), "1 negative intermediate sales, first R0:S2 to R1:S2"),
        ("x", 3, "1 negative output, first R1:S0"),
    ],
)
def test_a_negative_flow_is_named(name, at, told):
    assert told in error_of(check_values, cell(name, at, -1e-9))


def test_negative_inventories_and_negative_value_added_are_no_mistake():
    check_values(cell("Y", (0, 0, 2), -1e6))
    check_values(cell("value_added", 1, -1e6))
    check_values(changed(value_added=None))


def test_a_row_that_misses_its_output_is_named():
    x = changed().x.copy()
    x[1] += 1.0
    x[4] -= 100.0
    message = error_of(check_balance, changed(x=x), Tolerance(0.5, 0.0))
    assert "file.csv: 2014: 2 of 6 industries do not balance, worst R1:S1" in message
    assert f"sells {x[4] + 100:,.6g}, makes {x[4]:,.6g}" in message


def test_the_worst_row_is_that_furthest_beyond_its_tolerance():
    """100 is 1 % of the large industry's output, 2 a fifth of the small one's."""
    Z, Y = np.zeros((2, 2)), np.array([[[10_000.0]], [[10.0]]])
    table = WorldTable(
        2000, ("A",), ("big", "small"), ("FD",), Z, Y, np.array([10_100.0, 12.0])
    )
    assert "1 of 2" in error_of(check_balance, table, Tolerance(0.0, 0.05))
    assert "worst A:small" in error_of(check_balance, table, Tolerance(0.0, 0.05))
    assert "worst A:big" in error_of(check_balance, table, Tolerance(1.0, 0.0))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_row_may_miss_by_the_absolute_and_the_relative_tolerance_together(sign):
    x = changed().x.copy()
    x[2] += sign * 3.0
    table = changed(x=x)
    check_balance(table, Tolerance(3.001, 0.0))
    check_balance(table, Tolerance(0.0, 3.001 / x[2]))
    check_balance(table, Tolerance(1.5, 1.501 / x[2]))
    for tolerance in (Tolerance(2.999, 0.0), Tolerance(1.5, 1.499 / x[2])):
        assert "worst R0:S2" in error_of(check_balance, table, tolerance)


def test_a_missing_label_is_named_with_the_year_that_lacks_it():
    a = changed(regions=("AUT", "HRV"))
    b = changed(regions=("AUT", "BEL"), year=2015, origin="new.csv")
    assert error_of(check_same_labels, a, b).startswith(
        "new.csv: 2015 lacks region HRV, which 2014 has"
    )
    fewer = changed(regions=("AUT",), year=2015, origin="new.csv")
    for pair in ((a, fewer), (fewer, a)):
        assert "new.csv: 2015 lacks region HRV" in error_of(check_same_labels, *pair)
    fewer = changed(categories=("household", "government"))
    assert "lacks category inventories" in error_of(check_same_labels, changed(), fewer)


def test_labels_in_another_order_are_refused_with_the_first_difference():
    other = changed(sectors=("S0", "S2", "S1"), year=2015)
    message = error_of(check_same_labels, changed(), other)
    assert message.startswith("file.csv: 2015: sectors are in another order than in 20")
    assert "at position 2 (S2, not S1)" in message


# ------------------------------------------------------- labels and arrays of others


def test_one_text_is_no_list_of_labels():
    message = error_of(lambda: WorldTables(**years_of(2000, regions="AB")))
    assert message == "regions: 'AB' is one text; give a list of labels"


@pytest.mark.parametrize("name", ["Z", "Y", "x", "value_added"])
def test_arrays_with_labels_of_their_own_are_sent_to_from_frames(name):
    """Their order would be passed over."""
    for values in (pd.DataFrame(np.ones((1, 6))), xr.DataArray(np.ones((1, 6)))):
        with pytest.raises(TivaxError, match=f"{name} is a Data.*tx.from_frames"):
            _require_bare(name, values)
    _require_bare(name, np.ones(1))


# ------------------------------------------------------------- output in memory


def with_output(value, at=(1, 3)):
    arguments = years_of(2000, 2001)
    x = arguments["x"].copy()
    x[at] = value
    return WorldTables(**arguments | {"x": x})


@pytest.mark.parametrize(
    "value, message",
    [
        (np.nan, "2001: x has 1 cell without a number, first ROW:a"),
        (np.inf, "2001: x has 1 cell without a number, first ROW:a"),
        (-3.0, "2001: 1 negative output, first ROW:a with -3"),
    ],
)
def test_output_that_is_no_output_is_not_taken_for_none(value, message):
    tables = with_output(value)
    assert message in error_of(tables.output)
    assert message in error_of(lambda: trade_benefit_index(tables))
    assert_array_equal(tables.output(slice(0, 1)), tables.x[:1])


@pytest.mark.parametrize("value", [-1.7e-21, -0.0])
def test_output_below_zero_by_rounding_is_zero(value):
    assert with_output(value).output()[1, 3] == 0
    table = with_output(value).table(2001)
    check_values(table)
    assert without_rounding(table).x[3] == 0
    assert_array_equal(without_rounding(changed()).x, changed().x)


@pytest.mark.parametrize(
    "name, at, where, value_added",
    [
        ("Z", (1, 0, 4), "AUT:a to ROW:b", "residual"),
        ("Y", (1, 2, 1, 0), "AUT:c to ROW F1", "residual"),
        ("value_added", (1, 5), "ROW:c", "basic"),
    ],
)
def test_a_measure_names_the_cell_that_is_no_number(name, at, where, value_added):
    arguments = years_of(2000, 2001)
    arguments["value_added"] = arguments["x"] / 2
    arguments[name] = arguments[name].copy()
    arguments[name][at] = np.nan
    message = error_of(trade_benefit_index, WorldTables(**arguments), value_added)
    assert f"2001: {name} has 1 cell without a number, first {where};" in message


@pytest.mark.parametrize("power", [-700, 700])
def test_flows_in_a_unit_that_no_one_has_are_refused(power):
    """At 1e-200 the squares of flows vanish: a solve looked exact and was NaN."""
    arguments = years_of(2000)
    scaled = {k: arguments[k] * 2.0**power for k in ("Z", "Y", "x")}
    tables = WorldTables(**arguments | scaled)
    message = error_of(lambda: trade_benefit_index(tables))
    assert "2000: the largest output is" in message and "no unit of account" in message
    assert message == error_of(check_values, tables.table(2000))
    (row,) = check_tables(tables)
    assert any("no unit makes that" in fault for fault in row.faults)


@pytest.mark.parametrize("power", [-300, 300])
def test_a_power_of_two_in_the_unit_changes_nothing(power):
    arguments = years_of(2000)
    scaled = {k: arguments[k] * 2.0**power for k in ("Z", "Y", "x")}
    one, other = (WorldTables(**arguments | k) for k in ({}, scaled))
    a, b = (trade_benefit_index(k)["tbi"].values for k in (one, other))
    assert_array_equal(a, b)
