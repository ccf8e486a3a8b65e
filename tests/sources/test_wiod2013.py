import re
from dataclasses import replace

import numpy as np
import pytest

from tivax.engine.sources.catalogue import get_source
from tivax.engine.tables.rules import check_balance, check_values

from published_forms import wiod2013_list as r_file
from published_forms import wiod2013_sheet as workbook
from published_forms import world_2013 as world
from source_files import assert_holds, cell, read_all, refusal, zipped

# ------------------------------------------------------------------ what is read


def test_the_list_of_1995_has_output_in_float64(tmp_path):
    (table,) = read_all("wiod2013", r_file(tmp_path, 1995))
    assert_holds(table, replace(world(1995), value_added=None))


def test_a_missing_integer_of_r_becomes_nan(tmp_path):
    def change(elements):
        elements["inter"][2, 5] = np.iinfo("int32").min  # how R stores NA

    (table,) = read_all("wiod2013", r_file(tmp_path, change=change))
    assert np.argwhere(np.isnan(table.Z)).tolist() == [[2, 5]]


# --------------------------------------------------------------- finding the files


def test_files_folders_and_archives_are_found_in_order_of_year(tmp_path):
    books, lists = tmp_path / "books", tmp_path / "lists"
    books.mkdir()
    lists.mkdir()
    archive = zipped(
        tmp_path / "WIOTS_in_EXCEL.zip",
        workbook(books, 2007),
        workbook(books, 1996),
        folder="wiot/",
    )
    r_file(lists, 2001)
    (lists / "readme.txt").write_text("not a table")
    one = r_file(tmp_path, 1999)

    tables = read_all("wiod2013", archive, one, lists)
    assert [table.year for table in tables] == [1996, 1999, 2001, 2007]
    assert tables[0].origin == "WIOTS_in_EXCEL.zip:wiot/WIOT96_ROW_Apr12.xlsx"
    assert_holds(tables[-1], world(2007))


def test_the_later_vintage_of_2008_and_2009_is_taken(tmp_path):
    for year in (2007, 2008, 2009):
        workbook(tmp_path, year)
    for year in (2008, 2009):
        workbook(tmp_path, year, vintage="Sep12")
    found = get_source("wiod2013").find([tmp_path])
    assert [file.name for file in found] == [
        "WIOT07_ROW_Apr12.xlsx",
        "WIOT08_ROW_Sep12.xlsx",
        "WIOT09_ROW_Sep12.xlsx",
    ]


def test_an_archive_of_other_files_says_which_names_are_expected(tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("nothing")
    archive = zipped(tmp_path / "WIOTS_in_EXCEL.zip", note)
    assert "release of 2016 has an archive of the same name" in refusal(
        "wiod2013", archive
    )


# ----------------------------------------------------------------- damaged files


def test_a_file_of_another_format_is_refused_by_its_first_bytes(tmp_path):
    path = workbook(tmp_path).rename(tmp_path / "wiot_1995.RData")
    assert "not a .RData file by its first bytes" in refusal("wiod2013", path)


# ---------------------------------------------------------------- wrong contents


def put(key, value):
    return lambda elements: elements.update({key: value})


@pytest.mark.parametrize(
    "change, message",
    [
        (put("year", np.array([2001], "int32")), "name says 2000, the content is 2001"),
        (lambda e: e.pop("output"), "lacks output, it has year, countries"),
        (put("countries", np.array(["AUS", "ROM"])), r"inter has shape (6, 6), but .* make it (4, 4)"),
        (put("countries", np.array(["AUS", "ROM", "AUS"])), "countries hold AUS more"),
        (put("inter", np.ones((6, 5))), "inter has shape (6, 5)"),
        (put("final", np.ones((6, 12))), "final has shape (6, 12)"),
        (put("output", np.array(["many"] * 6)), "output does not hold numbers"),
    ],
)  # fmt: skip
def test_an_r_list_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    told = refusal("wiod2013", r_file(tmp_path, change=change))
    assert re.search(
        re.escape(message).replace(r"\.\*", ".*").replace(r"\ ", " "), told
    )


def swap_columns(cells):
    for row in cells[2:]:
        row[4], row[5] = row[5], row[4]


def drop_region_columns(cells):
    for row in cells:
        del row[6:8]


@pytest.mark.parametrize(
    "change, message",
    [
        (cell(6, 5, "n.a."), "cell F7 holds 'n.a.', not a number"),
        (cell(7, 4, ""), "cell E8 is blank, not a number"),
        (cell(17, 4, "-"), "cell E18 holds '-', not a number"),
        (swap_columns, "columns are in another order, first at position 1 (AUS:c2, not"),
        (cell(4, 4, "AUT"), "columns lack AUS:c1"),
        (cell(5, 10, "c40"), "columns lack AUS:c37"),
        (drop_region_columns, "columns lack ROU:c1, ROU:c2"),
        (lambda cells: cells.pop(7), "rows lack AUS:c2"),
        (lambda cells: cells.pop(), "no row 'output at basic prices'"),
        (lambda cells: cells.pop(17), "no row 'value added at basic prices'"),
        (lambda cells: cells.__delitem__(slice(5, None)), "holds no table"),
        (cell(1, 0, "in previous year's prices"), "prices of the previous year"),
    ],
)  # fmt: skip
def test_a_workbook_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    assert message in refusal("wiod2013", workbook(tmp_path, change=change))


# ------------------------------------------------------------------ the real tables


@pytest.fixture(scope="module")
def real(shared):
    return read_all("wiod2013", shared / "data" / "wiod2013")


@pytest.mark.shared
def test_all_17_years_of_the_r_lists_are_read_with_the_same_labels(real):
    assert [table.year for table in real] == list(range(1995, 2012))
    for table in real:
        assert table.Z.shape == (1435, 1435)
        assert table.Y.shape == (1435, 41, 5)
        assert table.regions[32] == "ROU" and table.regions[-1] == "ROW"
        assert table.sectors == tuple(f"c{k}" for k in range(1, 36))
        check_values(table)


@pytest.mark.shared
def test_cells_of_1995_are_those_that_r_prints(real):
    """By hand: the first row of ``inter``, ``final`` and ``output`` of AUS c1."""
    AUS_C1 = 0
    assert real[0].industry(AUS_C1) == "AUS:c1"
    assert real[0].Z[AUS_C1, :3].tolist() == [3107, 12, 8044]
    assert real[0].x[AUS_C1] == 27341
    assert real[-1].Z[AUS_C1, :3].tolist() == [8732, 93, 21337]


@pytest.mark.shared
def test_18_to_22_industries_of_the_real_tables_have_no_output(real):
    counts = [int((table.x == 0).sum()) for table in real]
    assert (min(counts), max(counts)) == (18, 22)
    assert counts[0] == 18 and counts[-1] == 22


@pytest.mark.shared
def test_real_rows_miss_their_output_by_no_more_than_the_tolerance(real):
    gaps = []
    for table in real:
        check_balance(table, get_source("wiod2013").tolerance)
        sales = table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2))
        gaps.append(np.abs(sales - table.x).max())
    # The numbers in the comment of SOURCE.
    assert (min(gaps), max(gaps)) == (94, 113)


@pytest.mark.shared
def test_inputs_of_the_real_tables_never_exceed_output(real):
    """No value added is negative in this release; rows read as columns break it."""
    assert all((table.x - table.Z.sum(axis=0)).min() >= 0 for table in real)
    negative = [int((table.Y < 0).sum()) for table in real]
    assert (negative[0], max(negative)) == (186, 824)
