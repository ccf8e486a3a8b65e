"""What every reader of world tables, and of country-year files, must do."""

import re
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import import_tables, open_store
from tivax.engine.core.errors import TivaxError
from tivax.engine.sources.catalogue import SOURCES, get_source
from tivax.engine.tables.rules import check_balance, check_columns, check_values

from commands import names
from helpers import error_of
from published_forms import PANEL_FORMS, TABLE_FORMS, pack
from source_files import WEB_PAGE, assert_holds, cut, read_all, refusal

EXPECTED = {
    "wiod2016": "names such as WIOT2000_October16_ROW.RData or .dta",
    "wiod2016-pyp": "names such as WIOT2001_PYP_Nov16_ROW.xlsb",
    "wiod2013": "names such as wiot_2000.RData",
    "lrwiod": "lr_wiod_wiot_final_filled.csv",
    "oecd": "names such as 2019.csv",
    "adb": "names such as ADB-MRIO-2019",
    "eora": "names such as Eora26_2015_bp_T.txt",
    "exiobase": "folders or archives such as IOT_2011_ixi",
    "emerging": "names such as EMERGING_V2_2023_m.mat",
    "gloria": "names such as ..._T-Results_2022_059_Markup001(full).csv",
    "icio": "a csv a year such as EM_2015.csv",
    "figaro": "names such as matrix_eu-ic-io_ind-by-ind_26ed_2019.csv",
    "pymrio": "folders or archives of pymrio, with file_parameters.json, Z and Y",
    "mario": "folders flows of MARIO with Z, Y and units",
    "arrays": "files named *.npz",
    "wiod2016-national": "CCC_NIOT_nov16.csv of 43 countries",
    "national": "a recipe, one .toml file",
    "long": "files named *.csv, *.parquet or *.xlsx",
}
each_source = pytest.mark.parametrize("source", SOURCES)
each_form = pytest.mark.parametrize("form", TABLE_FORMS, ids=str)
each_dated = pytest.mark.parametrize(
    "form", [form for form in TABLE_FORMS if form.other_year], ids=str
)


def assert_whole(form, tables, origin):
    source = get_source(form.source)
    for table, world in zip(tables, form.worlds, strict=True):
        assert_holds(table, world)
        assert (table.edition, table.origin) == (world.edition, origin)
        check_values(table)
        check_balance(table, source.tolerance)
        if table.value_added is not None and source.column_tolerance is not None:
            check_columns(table, source.column_tolerance)


def packed(form, folder):
    (folder / "raw").mkdir()
    form.write(folder / "raw")
    return pack(folder / "tables.zip", folder / "raw", "deep/")


def test_every_source_has_a_form():
    # What is rebuilt from many files has tests of its own: test_wiod2016_national and
    # test_national.
    forms = {form.source for form in TABLE_FORMS} | {"wiod2016-national", "national"}
    assert forms == set(SOURCES) == set(EXPECTED)


# ---------------------------------------------------------------------- what is read


@each_form
def test_a_file_is_read_exactly_and_its_rows_add_up(tmp_path, form):
    path = form.write(tmp_path)
    origin = path.relative_to(tmp_path).as_posix()
    assert_whole(form, read_all(form.source, path), origin)
    assert_whole(form, read_all(form.source, tmp_path, path), origin)  # read once


@each_form
def test_an_archive_is_read_in_place(tmp_path, form):
    origin = form.write(tmp_path).relative_to(tmp_path).as_posix()
    for path in tmp_path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    archive = packed(form, tmp_path)
    assert_whole(form, read_all(form.source, archive), f"tables.zip:deep/{origin}")
    assert names(tmp_path) == ["tables.zip"]


@pytest.mark.parametrize(
    "source, unit",
    [
        ("eora", "1000 US$"),
        ("exiobase", "million EUR"),
        ("figaro", "million EUR"),
        ("emerging", "million US$"),
        ("gloria", "1000 US$"),
    ],
)
def test_a_store_has_the_unit_of_its_source(tmp_path, source, unit):
    form = next(form for form in TABLE_FORMS if form.source == source)
    done = import_tables(source, [form.write(tmp_path)], tmp_path / "store")
    store = open_store(done.path)
    assert (store.unit, done.doubts) == (unit, [])
    assert_array_equal(store.Z[0], form.worlds[0].Z)


# ------------------------------------------------------------------ finding the files


@each_source
def test_an_empty_folder_says_which_files_are_expected(tmp_path, source):
    assert f"expected {EXPECTED[source]}" in refusal(source, tmp_path)


@each_source
def test_a_path_that_is_not_there_is_named(tmp_path, source):
    assert "no such file or folder" in refusal(source, tmp_path / "none")


PUBLISHED_NAMES = {
    "wiod2013": [("wiot95_row_apr12.xlsx", 1995)],
    "adb": [
        ("ADB-MRIO-2000_Mar2022-3.xlsx", 2000),
        ("ADB-MRIO-2000.xlsx", 2000),
        ("ADB-MRIO62-2000_August 2024.xlsx", 2000),
        ("ADB-MRIO72-2000_July 2025.xlsx", 2000),
        ("ADB-MRIO-2000-August 2025.xlsx", 2000),
        ("ADB MRIO 2000, at constant 2010 prices.xlsx", 2000),
        ("ADB-MRIO-2000-at-constant-2010-prices.xlsx", 2000),
    ],
    "figaro": [
        ("matrix_eu-ic-io_ind-by-ind_2019.csv", 2019),
        ("matrix_eu-ic-io_prod-by-prod_23ed_2019.csv", 2019),
        ("matrix_eu-ic-io_ind-by-ind_25ed_2019_v2.csv", 2019),
    ],
    "oecd": [
        ("1995.csv", 1995),
        ("2016.CSV", 2016),
        ("2022_SML.csv", 2022),
        ("ICIO2021_2018.csv", 2018),  # not the year of the edition
    ],
}


@pytest.mark.parametrize("source", PUBLISHED_NAMES)
def test_published_names_are_found_and_tell_the_year(tmp_path, source):
    (tmp_path / "matrix_eu-ic-use_24ed_2019.csv").touch()
    for name, year in PUBLISHED_NAMES[source]:
        path = tmp_path / name
        path.touch()
        (found,) = get_source(source).find([tmp_path])
        assert (found.path, found.year) == (path, year)
        path.unlink()


@pytest.mark.parametrize("name", ["data_2020_SML.csv", "my ICIO2021_2020 table.csv"])
def test_any_name_of_a_file_that_is_given_itself_tells_its_year(tmp_path, name):
    (tmp_path / name).touch()
    (found,) = get_source("oecd").find([tmp_path / name])
    assert found.year == 2020


@pytest.mark.parametrize(
    "source, told",
    [
        ("wiod2013", "WIOD 2013 tables are .RData or .xlsx files"),
        ("wiod2016", "WIOD 2016 tables are .RData, .dta, .xlsb or .xlsx files"),
    ],
)
def test_a_suffix_that_no_release_has_is_refused(tmp_path, source, told):
    path = tmp_path / "wiot_2000.csv"
    path.write_text("1,2\n")
    assert told in refusal(source, path)


@each_form
def test_two_files_of_a_year_are_refused(tmp_path, form):
    if form.source == "long":
        pytest.skip("only the rows tell the years; test_long has it")
    for name in "ab":
        (tmp_path / name).mkdir()
    message = refusal(
        form.source, form.write(tmp_path / "a"), form.write(tmp_path / "b")
    )
    years = "all years" if form.source == "lrwiod" else form.worlds[0].year
    assert f"both hold {years}; give only one of them" in message


@each_dated
def test_a_file_of_another_year_than_its_name_is_refused(tmp_path, form):
    path = form.write(tmp_path).rename(tmp_path / form.other_year)
    year = form.worlds[0].year
    named = 2018 if form.source == "adb" else 2001
    assert f"name says {named}, the content is {year}" in refusal(form.source, path)


# --------------------------------------------------------------------- damaged files


@each_form
def test_a_web_page_and_an_empty_file_are_told_as_such(tmp_path, form):
    path = form.write(tmp_path)
    path.write_bytes(WEB_PAGE)
    assert "a web page saved under this name" in refusal(form.source, path)
    path.write_bytes(b"")
    assert "empty file" in refusal(form.source, path)


@each_source
def test_a_web_page_under_the_name_of_an_archive_is_told_as_such(tmp_path, source):
    (tmp_path / "tables.zip").write_bytes(WEB_PAGE)
    assert "tables.zip: a web page" in refusal(source, tmp_path / "tables.zip")


@each_form
def test_a_web_page_within_an_archive_is_told_as_such(tmp_path, form):
    (tmp_path / "raw").mkdir()
    form.write(tmp_path / "raw").write_bytes(WEB_PAGE)
    archive = pack(tmp_path / "tables.zip", tmp_path / "raw")
    message = refusal(form.source, archive)
    assert re.match(r"tables\.zip:\S+: a web page saved under this name", message)


@each_form
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.7, 0.9, 0.95])
def test_a_file_cut_short_is_refused(tmp_path, form, share):
    path = form.write(tmp_path)
    cut(path, share)
    message = refusal(form.source, path)
    assert re.search("get (it|the .*) again", message)
    assert not form.packed or "damaged or incomplete, get it again" in message


@each_form
def test_an_archive_cut_short_or_with_a_changed_byte_is_refused(tmp_path, form):
    archive = packed(form, tmp_path)
    whole = archive.read_bytes()
    cut(archive, 0.9)
    assert "damaged or incomplete, get it again" in refusal(form.source, archive)
    changed = bytearray(whole)
    changed[len(changed) // 3] ^= 0xFF
    archive.write_bytes(changed)
    assert "damaged or incomplete, get it again" in refusal(form.source, archive)


# ------------------------------------------------------------- country-year databases

each_panel = pytest.mark.parametrize("form", PANEL_FORMS, ids=str)


def panel_refusal(form, path):
    """The message of the error, which must be one line that names the file."""
    message = error_of(form.read, path, form.series)
    assert path.name in message
    return message


@each_panel
def test_a_panel_file_that_is_not_there_or_is_a_folder_is_told(tmp_path, form):
    path = form.write(tmp_path)
    assert list(form.read(path, form.series)) == ["code", "year", *form.series]
    path.unlink()
    assert "no such file" in panel_refusal(form, path)
    path.mkdir()
    assert "a folder; give the" in panel_refusal(form, path)


@each_panel
def test_a_web_page_or_nothing_in_a_panel_file_is_told_as_such(tmp_path, form):
    path = form.write(tmp_path)
    path.write_bytes(WEB_PAGE)
    assert "a web page saved under this name" in panel_refusal(form, path)
    path.write_bytes(b"")
    assert "empty file" in panel_refusal(form, path)


@each_panel
def test_another_suffix_names_those_that_are_read(tmp_path, form):
    path = form.write(tmp_path).rename(tmp_path / "data.parquet")
    message = panel_refusal(form, path)
    assert re.search(r"no suffix that is read; .* files are \.", message)


@each_panel
@pytest.mark.parametrize("share", [0.05, 0.35, 0.6])
def test_a_panel_file_cut_short_is_refused(tmp_path, form, share):
    path = form.write(tmp_path)
    cut(path, share)
    assert re.search("damaged|get|add|no header", panel_refusal(form, path))


@each_panel
def test_changed_bytes_of_a_panel_file_give_one_line_or_a_frame(tmp_path, form):
    """Damage that happens to parse cannot be told; all other must be one line."""
    path = form.write(tmp_path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(15):
        changed = np.frombuffer(data, "uint8").copy()
        at = rng.integers(changed.size, size=3)
        changed[at] = rng.integers(256, size=3)
        path.write_bytes(changed.tobytes())
        try:
            frame = form.read(path, form.series)
        except TivaxError as error:
            assert "\n" not in str(error)
        else:
            assert list(frame.columns) == ["code", "year", *form.series]
