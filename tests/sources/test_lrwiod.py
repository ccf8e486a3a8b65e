import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import import_tables

from commands import good
from source_files import (
    DEMAND_LONG_RUN,
    assert_holds,
    long_run,
    read_all,
    refusal,
    small_table,
)

NAME = "lr_wiod_wiot_final_filled.csv"


def world(year):
    return small_table(
        year, DEMAND_LONG_RUN, regions=("AUS", "NLD", "ROW"), sectors=("AtB", "D15t16")
    )


def write(folder, frame):
    frame.to_csv(folder / NAME, index=False)
    return folder / NAME


@pytest.fixture
def cells():
    """The csv of three years, as a data frame."""
    return long_run([world(year) for year in (1965, 1966, 2000)])


# ------------------------------------------------------------------ what is read


def test_the_order_of_cells_does_not_matter_within_and_between_years(tmp_path, cells):
    """Rows come first by year and in order of their labels in the published file."""
    (a, b, c) = read_all("lrwiod", write(tmp_path, cells))
    by_column = cells.iloc[::-1].sort_values(["col_country", "col_id"], kind="stable")
    by_column = by_column.sort_values(["row_country", "row_id"], kind="stable")
    for one, other in zip(
        (a, b, c), read_all("lrwiod", write(tmp_path, by_column)), strict=True
    ):
        assert one.year == other.year
        assert_array_equal(one.Z, other.Z)
        assert_array_equal(one.Y, other.Y)


@pytest.mark.parametrize(
    "spelling", [{"NLD": "NDL"}, {"xROW": "ROW"}, {"xROW": "RoW", "xTOT": "TOT"}]
)
def test_other_spellings_of_regions_give_the_same_codes(tmp_path, cells, spelling):
    respelled = cells.replace({"row_country": spelling, "col_country": spelling})
    assert_holds(read_all("lrwiod", write(tmp_path, respelled))[0], world(1965))


def test_a_blank_value_becomes_nan(tmp_path, cells):
    cells.loc[1, "value"] = np.nan
    table = read_all("lrwiod", write(tmp_path, cells))[0]
    assert np.argwhere(np.isnan(table.Z)).tolist() == [[0, 1]]


# ---------------------------------------------------------------- damaged files


def test_a_csv_cut_at_the_end_of_a_line_names_the_year_and_the_cell(tmp_path, cells):
    path = write(tmp_path, cells.iloc[:-300])
    message = refusal("lrwiod", path)
    assert f"{NAME}: 2000 lacks" in message
    assert "first AUS:AtB to AUS:AtB" not in message


# ---------------------------------------------------------------- wrong contents


def text_cell(cells):
    cells = cells.astype({"value": object})
    cells.loc[3, "value"] = "n.a. yet"
    return cells


def where(cells, **labels):
    return np.logical_and.reduce([cells[key] == value for key, value in labels.items()])


@pytest.mark.parametrize(
    "change, message",
    [
        (text_cell, "Row #5: CSV conversion error to double: invalid value 'n.a. yet'"),
        (lambda c: c.drop(columns="value"), "Column 'value' in include_columns does not"),
        (lambda c: c.iloc[:0], "rows without a year, or none"),
        (lambda c: c.assign(year=["", *c.year[1:]]), "rows without a year"),
        (
            lambda c: c[~where(c, year=1966, row_country="NLD", row_isic3="D15t16")],
            "1966 lacks 19 cells, first NLD:D15t16 to AUS:AtB",
        ),
        (lambda c: c[~where(c, year=1966, col_country="NLD")], "1966 lacks 38 cells, first AUS:AtB to NLD:AtB"),
        (lambda c: c[~where(c, row_isic3="xVA")], "1965 lacks 6 cells, first TOT:VA to AUS:AtB"),
        (lambda c: c[~where(c, col_isic3="xGO")], "1965 lacks 6 cells, first AUS:AtB to TOT:GO"),
        (lambda c: c.replace({"col_isic3": {"xINV": "xSTK"}}), "to AUS:INV"),
        (lambda c: c.assign(year=c.year.replace(1966, 1965)), "1965 repeats 120 cells, first AUS:AtB to AUS:AtB"),
    ],
)  # fmt: skip
def test_a_csv_that_does_not_hold_whole_tables_is_refused(
    tmp_path, cells, change, message
):
    assert message in refusal("lrwiod", write(tmp_path, change(cells)))


def test_years_that_the_published_file_has_and_this_one_lacks_are_told(tmp_path, cells):
    """A file cut at the end of a year holds whole tables."""
    path = write(tmp_path, cells[cells.year != 2000])
    told = good("import", "lrwiod", path, "--out", tmp_path / "store", "--quiet").out
    assert "no table of 1967, 1968" in told and "1999, 2000" in told
    assert "the published file has 1965 to 2000, this one may be cut" in told
    done = import_tables("lrwiod", [path], tmp_path / "few", years=(1965, 1966))
    assert done.missing((1965, 1966)) == []


def test_a_region_in_other_letters_is_the_same_region(tmp_path, cells):
    """Also where only some cells have them."""
    some = cells.row_country.where(cells.index % 3 > 0, "Aus")
    some = some.where(cells.row_country == "AUS", cells.row_country)
    table = read_all("lrwiod", write(tmp_path, cells.assign(row_country=some)))[0]
    assert_holds(table, world(1965))


def test_a_file_without_taxes_and_margins_is_read_and_its_columns_not_checked(
    tmp_path, cells
):
    path = write(tmp_path, cells[~where(cells, row_isic3="xSD")])
    table = read_all("lrwiod", path)[0]
    assert_holds(table, world(1965))
    assert table.taxes_and_margins is None
