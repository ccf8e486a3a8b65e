"""Tables from pandas and from pymrio: aligned by label, or refused by name."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import (
    TivaxError,
    TivaxWarning,
    check_tables,
    from_frames,
    from_pymrio,
)
from tivax.engine.tables import Tolerance
from tivax.engine.tables.own_tables import _require_frame

from helpers import error_of, random_table

REGIONS, SECTORS = ("R0", "R1", "R2", "R3"), ("S0", "S1")
WORLD = random_table(regions=4, sectors=2, year=2014)
ROWS = pd.MultiIndex.from_product([REGIONS, SECTORS], names=["region", "sector"])
DEMAND = pd.MultiIndex.from_product(
    [REGIONS, WORLD.categories], names=["region", "category"]
)


def frames(**changes):
    """Arguments of ``from_frames`` that hold WORLD."""
    return {
        "Z": pd.DataFrame(WORLD.Z, ROWS, ROWS),
        "Y": pd.DataFrame(WORLD.Y.reshape(8, -1), ROWS, DEMAND),
        "x": pd.Series(WORLD.x, ROWS),
        "value_added": pd.Series(WORLD.value_added, ROWS),
        "year": 2014,
    } | changes


def assert_world(tables):
    assert tables.regions == REGIONS and tables.sectors == SECTORS
    assert tables.categories == WORLD.categories and tables.years == (2014,)
    for name in ("Z", "Y", "x", "value_added"):
        assert_array_equal(getattr(tables, name)[0], getattr(WORLD, name))


def refusal(**changes):
    return error_of(from_frames, **frames(**changes))


def shuffled(index, seed):
    return index[np.random.default_rng(seed).permutation(len(index))]


# ------------------------------------------------------------------- any order


def test_frames_in_order_are_taken_as_they_are():
    assert_world(from_frames(**frames()))


@pytest.mark.parametrize("seed", range(3))
def test_every_axis_but_the_rows_of_z_may_be_in_any_order(seed):
    given = frames()
    given["Z"] = given["Z"][shuffled(ROWS, seed)]
    given["Y"] = given["Y"].loc[shuffled(ROWS, seed + 10)]
    given["Y"] = given["Y"][[*DEMAND[:3], *shuffled(DEMAND[3:], seed)]]
    for k, name in enumerate(("x", "value_added")):
        given[name] = given[name].loc[shuffled(ROWS, seed + 20 + k)]
    assert_world(from_frames(**given))


def test_rows_sector_by_sector_are_put_region_by_region():
    by_sector = ROWS.sortlevel("sector")[0]
    given = frames()
    given["Z"] = given["Z"].loc[by_sector, by_sector]
    assert given["Z"].index[1] == ("R1", "S0")
    assert_world(from_frames(**given))


def test_levels_in_the_other_order_are_told_by_their_names():
    given = frames()
    for name, frame in given.items():
        if name != "year":
            given[name] = frame.swaplevel()
    given["Z"] = given["Z"].swaplevel(axis="columns")
    given["Y"] = given["Y"].swaplevel(axis="columns")
    assert_world(from_frames(**given))


def test_regions_stand_in_the_order_of_the_rows_of_z():
    turned = ROWS[::-1]
    tables = from_frames(**frames(Z=frames()["Z"].loc[turned]))
    assert tables.regions == REGIONS[::-1] and tables.sectors == SECTORS[::-1]
    assert_array_equal(tables.x[0], WORLD.x[::-1])
    assert_array_equal(tables.Z[0], WORLD.Z[::-1, ::-1])
    assert_array_equal(tables.Y[0, :, :, 2], WORLD.Y[::-1, ::-1, 2])


def test_final_demand_without_categories_has_regions_for_columns():
    Y = pd.DataFrame(WORLD.Y.sum(axis=2), ROWS, list(REGIONS))
    tables = from_frames(**frames(Y=Y[["R2", "R0", "R3", "R1"]]))
    assert tables.categories == ("FD",)
    assert_array_equal(tables.Y[0, :, :, 0], WORLD.Y.sum(axis=2))


def test_frames_of_one_column_or_row_are_vectors():
    given = frames()
    given["x"] = given["x"].to_frame("indout")
    given["value_added"] = given["value_added"].to_frame("VA").T
    assert_world(from_frames(**given))


def test_years_come_from_dicts_in_any_order():
    given = frames()
    del given["year"], given["value_added"]
    years: dict[str, Any] = {
        k: {2001: frame, 2000: 2 * frame} for k, frame in given.items()
    }  # years doubled
    tables = from_frames(**years, unit="million EUR", source="mine")
    assert tables.years == (2000, 2001) and tables.value_added is None
    assert (tables.unit, tables.source) == ("million EUR", "mine")
    assert_array_equal(tables.x[0], 2 * WORLD.x)
    assert_array_equal(tables.Z[1], WORLD.Z)


# ---------------------------------------------------------------- refused by name


def renamed(frame, old, new, axis="index"):
    level = 0 if old in REGIONS else 1
    return frame.rename({old: new}, axis=axis, level=level)


def single_demand(*columns):
    """Final demand without categories."""
    return pd.DataFrame(WORLD.Y.sum(axis=2), ROWS, list(columns))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"Z": frames()["Z"].iloc[:-1]}, "Z: rows lack R3:S1; every region needs"),
        ({"Z": frames()["Z"].iloc[:, 1:]}, "Z: columns lack R0:S0"),
        ({"Z": renamed(frames()["Z"], "R2", "r2", "columns")}, "Z: columns lack R2:S0 and 1 more, but r2:S0"),
        ({"Y": frames()["Y"].iloc[2:]}, "Y: rows lack R0:S0 and 1 more"),
        ({"Y": frames()["Y"].iloc[:, :-1]}, "Y: columns lack R3:inventories"),
        (
            {"Y": renamed(frames()["Y"], "R1", "ROM", "columns")},
            "Y: columns lack R1:household and 2 more, but ROM:household",
        ),
        ({"x": frames()["x"].iloc[3:]}, "x: rows lack R0:S0 and 2 more"),
        ({"x": pd.concat([frames()["x"], frames()["x"].iloc[:1]])}, "x: rows have R0:S0 more than once"),
        (
            {"value_added": pd.concat(
                [frames()["x"], pd.Series([1.0], pd.MultiIndex.from_tuples([("R9", "S0")]))]
            )},
            "value_added: rows have R9:S0, which the rows of Z do not",
        ),
        (
            {"Z": pd.DataFrame(WORLD.Z, ROWS.swaplevel().set_names([None, None]), ROWS)},
            "Y: its columns name R0 as a region, which the rows of Z have as a sector",
        ),
        (
            {"x": pd.Series(WORLD.x, ROWS.swaplevel().set_names([None, None]))},
            "x: the levels of the rows are the other way round than in the rows of Z (S0:R0)",
        ),
        ({"Y": single_demand("R0", "R1", "R2", "ROM")}, "Y: no column R3, but has ROM;"),
        ({"Y": single_demand("R0", "R1", "R2", "R2")}, "Y: columns have R2:FD more than once"),
        ({"x": pd.Series(WORLD.x)}, "x: rows must have two levels of labels"),
        ({"x": pd.DataFrame(WORLD.Z, ROWS)}, "x has 8 rows and 8 columns"),
        ({"Z": frames()["x"]}, "Z is a Series"),
        ({"x": frames()["x"].astype(str) + "?"}, "x holds what is not a number"),
        ({"x": frames()["x"].mask(ROWS == ("R1", "S1"))}, "x has 1 cell without a"),
        ({"x": -frames()["x"]}, "8 negative output, first R0:S0"),
        ({"year": None}, "frames do not tell their year"),
        ({"Z": {2014: frames()["Z"]}}, "Z is a dict from year to frame: leave out"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_named(changes, message):
    assert message in refusal(**changes)


def test_a_bare_array_is_sent_to_the_class_that_takes_them():
    with pytest.raises(TivaxError, match="x is a ndarray, .* go to tx.WorldTables"):
        _require_frame("x", WORLD.x)
    with pytest.raises(TivaxError, match="x: give gross output; where it is the sum"):
        _require_frame("x", None)


def test_years_that_differ_are_named():
    given = frames()
    del given["year"], given["value_added"]
    years: dict[str, Any] = {k: {2000: frame} for k, frame in given.items()}
    years["x"] = {2001: given["x"]}
    with pytest.raises(TivaxError, match="x and Z are of different years: 2000, 2001"):
        from_frames(**years)


# ------------------------------------------------------------------------ balance


def test_output_that_sales_clearly_miss_is_warned_of_in_words_of_the_check():
    with pytest.warns(TivaxWarning) as said:
        tables = from_frames(**frames(x=2 * frames()["x"]))
    (line,) = (str(k.message) for k in said)
    worst = int(WORLD.x.argmax())
    sells, makes = WORLD.x[worst], 2 * WORLD.x[worst]
    assert line.startswith(
        f"2014: 8 of 8 industries do not balance, worst {WORLD.industry(worst)}: "
        f"sells {sells:,.6g}, makes {makes:,.6g}; "
    )
    assert_array_equal(tables.x[0], 2 * WORLD.x)  # and taken as it is


def test_years_out_of_balance_make_one_warning():
    given = frames(value_added=None, year=None)
    years: dict[str, Any] = {
        k: {y: given[k] for y in (2000, 2001, 2002)} for k in ("Z", "Y", "x")
    }
    years["x"] = years["x"] | {2001: 1.1 * given["x"], 2002: 0.9 * given["x"]}
    with pytest.warns(TivaxWarning, match=r"^2001: .*\(and 1 more year\)") as said:
        from_frames(**years)
    assert len(said) == 1


def test_rounding_and_what_the_tolerance_allows_are_not_warned_of():
    from_frames(**frames(x=1.0005 * frames()["x"]))
    from_frames(**frames(x=1.1 * frames()["x"]), tolerance=Tolerance(relative=0.2))


# ------------------------------------------------------------------------- pymrio


def system(**changes):
    """What ``from_pymrio`` looks at, without pymrio."""
    units = pd.DataFrame({"unit": ["M.EUR"] * 8}, ROWS)
    given = frames()
    whole = {"Z": given["Z"], "Y": given["Y"], "x": given["x"].to_frame("indout")}
    return SimpleNamespace(**{**whole, "A": None, "unit": units, **changes})


def test_a_system_of_pymrio_keeps_its_numbers_and_unit():
    tables = from_pymrio(system(), 2014, value_added=frames()["value_added"])
    assert_world(tables)
    assert (tables.unit, tables.source) == ("M.EUR", "pymrio")
    assert from_pymrio(system(unit=None), 2014).unit == "unit of the table"
    assert from_pymrio(system(), 2014, unit="million EUR").unit == "million EUR"


def test_output_that_a_system_lacks_is_the_row_sum_and_said():
    with pytest.warns(TivaxWarning, match="2014: the system of pymrio has no x"):
        tables = from_pymrio(system(x=None), 2014)
    assert_allclose(tables.x[0], WORLD.x, rtol=1e-14)  # the same sums in another order


def test_coefficients_and_output_give_sales():
    A = frames()["Z"] / WORLD.x
    tables = from_pymrio(system(Z=None, A=A), 2014)
    assert_allclose(tables.Z[0], WORLD.Z, rtol=1e-15)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"Y": None}, "has no Y"),
        ({"Z": None}, "has no Z, and no A with x"),
        ({"unit": pd.DataFrame({"unit": ["kg", *["M.EUR"] * 7]}, ROWS)}, "has the units M.EUR, kg"),
    ],
)  # fmt: skip
def test_a_system_that_is_not_whole_is_refused(changes, message):
    with pytest.raises(TivaxError, match=message):
        from_pymrio(system(**changes), 2014)


def test_another_unit_of_output_is_refused():
    line = error_of(from_frames, **frames(x=pd.Series(1000 * WORLD.x, ROWS)))
    assert line == (
        "2014: x is 1,000 times what the rows of Z and Y add up to, in each of 8 "
        "industries; write Z, Y and x in one unit"
    )


@pytest.mark.parametrize(
    "times, told",
    [
        (1e-3, "value added is 0.10 % of final demand: are they in one unit?"),
        (10.0, "impossible value added"),
    ],
)
def test_value_added_in_another_unit_is_told(times, told):
    made = pd.Series(times * (WORLD.x - WORLD.Z.sum(axis=0)), ROWS)
    with pytest.warns(TivaxWarning, match=f"2014: {re.escape(told)}"):
        tables = from_frames(**frames(value_added=made))
    (row,) = check_tables(tables)
    assert any(k.startswith(told) for k in (*row.faults, *row.doubts))


def test_a_warning_is_of_the_line_that_called():
    wrong = frames(x=pd.Series(WORLD.x * np.linspace(1, 1.5, len(ROWS)), ROWS))
    one = {k: v for k, v in frames(x=None).items() if k != "year"}
    with pytest.warns(TivaxWarning) as told:
        from_frames(**wrong)
        from_pymrio(SimpleNamespace(**{"unit": None, **one}), 2014)
    assert {k.filename for k in told} == {__file__}
    assert len({k.lineno for k in told}) == 2


def test_pymrio_without_a_year_is_told():
    line = error_of(from_pymrio, SimpleNamespace(**frames()))
    assert line == "year: pymrio does not keep it; give year=2014"
