from dataclasses import replace

import pytest
from numpy.testing import assert_array_equal

from tivax.engine.sources.tables.adb import CODES
from tivax.engine.tables.countries import countries
from tivax.engine.tables.rules import check_same_labels

from mrio_files import adb_cells, adb_world, write_adb
from published_forms import adb_sheet as workbook
from source_files import assert_holds, cell, read_all, refusal

# ------------------------------------------------------------------ what is read


def test_a_row_of_numbers_may_stand_above(tmp_path):
    (table,) = read_all("adb", workbook(tmp_path, numbered=True))
    assert_holds(table, adb_world())


def test_a_hand_read_cell(tmp_path):
    """E8 of the sheet is what PRC:c1 sells to itself: 10 * 1 + 1 + 19."""
    cells = adb_cells(adb_world())
    assert cells[7][1:5] == ["name", "PRC", "c1", 30.0]
    (table,) = read_all("adb", write_adb(tmp_path, cells, "ADB-MRIO-2019.xlsx", 2019))
    assert table.industry(0) == "CHN:c1" and table.Z[0, 0] == 30


def test_codes_of_adb_are_not_codes_of_iso_and_stand_for_one_country_each():
    assert not set(CODES) & set(countries())
    assert set(CODES.values()) <= set(countries())
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("blank", ["", " ", "NA", "#N/A"])
def test_sales_written_as_nothing_are_zero(tmp_path, blank):
    def change(cells):
        cells[9][6] = blank

    (table,) = read_all("adb", workbook(tmp_path, change=change))
    assert table.Z[2, 2] == 0
    Z = adb_world().Z.copy()
    Z[2, 2] = 0
    assert_array_equal(table.Z, Z)


def test_constant_prices_are_told(tmp_path):
    path = workbook(tmp_path, 2015, prices="at constant 2010 prices")
    path = path.rename(tmp_path / "ADB MRIO 2015, at constant 2010 prices.xlsx")
    (table,) = read_all("adb", path)
    assert (table.year, table.edition) == (2015, "at constant 2010 prices")
    with pytest.raises(ValueError, match="2015 is at constant 2010 prices, 2019 is at"):
        check_same_labels(adb_world(), table)


# ----------------------------------------------------------------- damaged files


def swap_columns(cells):
    for row in cells[4:]:
        row[4], row[5] = row[5], row[4]


@pytest.mark.parametrize(
    "change, message",
    [
        (cell(7, 5, "n.a."), "cell F8 holds 'n.a.', not a number"),
        (cell(20, 4, ""), "cell E21 is blank, not a number"),
        (swap_columns, "has no row of codes c1, c2, ... from column E"),
        (cell(5, 4, "XXX"), "columns lack CHN:c1"),
        (cell(6, 12, "F9"), "columns lack CHN:F1"),
        (lambda cells: cells.pop(8), "rows lack CHN:c2"),
        (cell(7, 2, "MAL"), "rows lack"),
        (lambda cells: cells.pop(), "no row 'r69' below the industries"),
        (lambda cells: cells.pop(20), "no row 'r64' below the industries"),
        (cell(7, 2, "XX"), "no country XX in ISO 3166-1"),
        (lambda cells: cells.__delitem__(slice(5, None)), "holds no table"),
    ],
)
def test_a_workbook_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    assert message in refusal("adb", workbook(tmp_path, change=change))


def test_a_workbook_without_a_year_is_refused(tmp_path):
    cells = adb_cells(replace(adb_world(), year=19))
    path = write_adb(tmp_path, cells, "ADB-MRIO.xlsx", 19)
    assert "no year in the file's name" in refusal("adb", path)
