from functools import partial

import numpy as np
import pytest

from published_forms import AT_PREVIOUS_PRICES, wiod2016_frame
from published_forms import wiod2016_sheet as workbook
from source_files import cell, read_all, refusal, zipped

r_file = partial(wiod2016_frame, suffix=".RData")
stata_file = partial(wiod2016_frame, suffix=".dta")
FRAMES = pytest.mark.parametrize("write", [r_file, stata_file])


# ------------------------------------------------------------------ what is read


def test_a_missing_number_becomes_nan(tmp_path):
    def change(frame):
        frame.iloc[2, 5 + 3] = np.nan
        return frame

    for write in (r_file, stata_file):
        (table,) = read_all("wiod2016", write(tmp_path, change=change))
        assert np.argwhere(np.isnan(table.Z)).tolist() == [[2, 3]]


# --------------------------------------------------------------- finding the files


@pytest.mark.parametrize(
    "by", [{"name": "PYP_Nov16"}, {"change": AT_PREVIOUS_PRICES}], ids=["name", "A2"]
)
def test_a_table_in_previous_years_prices_is_refused(tmp_path, by):
    path = workbook(tmp_path, **by)
    assert "prices of the previous year (PYP)" in refusal("wiod2016", path)


def test_a_folder_with_none_but_such_tables_says_why(tmp_path):
    workbook(tmp_path, name="PYP_Nov16")
    assert "previous years' prices: wiod2016-pyp" in refusal("wiod2016", tmp_path)


def test_current_prices_are_refused_as_those_of_the_previous_year(tmp_path):
    path = workbook(tmp_path, name="PYP_Nov16")
    message = refusal("wiod2016-pyp", path)
    assert "cell A2 does not say prices of the previous year" in message


def test_one_folder_holds_both_prices_and_each_source_reads_its_own(tmp_path):
    workbook(tmp_path, 2001)
    workbook(tmp_path, 2001, AT_PREVIOUS_PRICES, name="PYP_Nov16")
    for source, origin in (("wiod2016", "Nov16"), ("wiod2016-pyp", "PYP_Nov16")):
        (table,) = read_all(source, tmp_path)
        assert table.origin == f"WIOT2001_{origin}_ROW.xlsx"


def test_two_forms_of_one_year_are_refused(tmp_path):
    r_file(tmp_path)
    archive = zipped(tmp_path / "WIOTS_in_STATA.zip", stata_file(tmp_path))
    (tmp_path / "WIOT2000_October16_ROW.dta").unlink()
    message = refusal("wiod2016", tmp_path / "WIOT2000_October16_ROW.RData", archive)
    assert "WIOTS_in_STATA.zip:WIOT2000_October16_ROW.dta both hold 2000" in message


def test_the_r_list_of_the_release_of_2013_is_told_apart(tmp_path):
    path = r_file(tmp_path).rename(tmp_path / "wiot_2000.RData")
    assert "a data frame is a table of the release of 2016" in refusal("wiod2013", path)


# ---------------------------------------------------------------- wrong contents


def swap_columns(frame):
    names = list(frame.columns)
    names[5], names[6] = names[6], names[5]
    return frame[names]


def swap_rows(frame):
    order = list(frame.index)
    order[0], order[1] = order[1], order[0]
    return frame.loc[order]


def text_column(frame):
    values = [str(value) for value in frame["AUS2"]]
    values[3] = "n.a."
    return frame.assign(AUS2=values)[list(frame.columns)]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda f: f.assign(Year=2001), "name says 2000, the content is 2001"),
        (lambda f: f.assign(Year=[2000] * 13 + [2001]), "column Year holds 2000, 2001; a file holds one year"),
        (swap_columns, "columns are in another order, first at position 1 (AUS:2, not"),
        (swap_rows, "rows are in another order"),
        (lambda f: f.drop(columns=["ROU1", "ROU2"]), "columns lack ROU:1, ROU:2"),
        (lambda f: f.drop(columns=["TOT"]), "columns lack TOT"),
        (lambda f: f.drop(index=[2, 3]), "columns hold ROU:1, ROU:2, ROU:57 and 4 more"),
        (lambda f: f.drop(index=[3]), "rows lack ROU:2"),
        (lambda f: f.drop(index=[13]), "lacks GO, it has II_fob"),
        (lambda f: f.drop(index=[11]), "lacks VA, it has II_fob"),
        (lambda f: f.drop(columns=["RNr"]), "first columns lack RNr"),
        (lambda f: f.iloc[[13, *range(13)]], "totals stand between industries"),
        (text_column, "column {v}AUS2 holds text, not numbers"),
        (lambda f: f.assign(IndustryCode=["A01", "A02", "A01", *f.IndustryCode[3:]]), "codes of industries"),
    ],
)  # fmt: skip
@FRAMES
def test_a_frame_that_is_not_a_whole_table_is_refused(tmp_path, write, change, message):
    def fresh(frame):
        return change(frame).reset_index(drop=True)

    told = refusal("wiod2016", write(tmp_path, change=fresh))
    assert message.format(v="v" if write is stata_file else "") in told


def test_an_r_file_of_other_objects_is_refused(tmp_path):
    import rdata

    path = tmp_path / "WIOT2000_October16_ROW.RData"
    rdata.write_rda(path, {"niot": np.ones(3)})
    assert "lacks wiot, it has niot" in refusal("wiod2016", path)


@pytest.mark.parametrize(
    "change, message",
    [
        (cell(6, 4, "n.a."), "cell E7 holds 'n.a.', not a number"),
        (cell(11, 24, ""), "cell Y12 is blank, not a number"),
        (cell(4, 6, "AUS"), "columns lack ROU:c1"),
        (cell(7, 0, "X"), "codes in column A"),
    ],
)
def test_a_workbook_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    assert message in refusal("wiod2016", workbook(tmp_path, change=change))
