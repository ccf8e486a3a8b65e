import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import import_tables
from tivax.engine.sources.catalogue import get_source
from tivax.engine.sources.tables.exiobase import SYSTEMS
from tivax.engine.tables.rules import check_balance, check_values

from mrio_files import (
    ALPHA3,
    exiobase_texts,
    exiobase_world,
    write_exiobase,
    write_lines,
)
from published_forms import pack
from source_files import assert_holds, cut, read_all, refusal, swap

# A x = Z with one rounding each way, and the sum of a row of six: 1e-15 seen.
RTOL = 1e-13


def folder(above, year=2011, change=None, name=None, without=(), spelled=None):
    texts = exiobase_texts(exiobase_world(year), *([spelled] if spelled else []))
    for key in without:
        del texts[key]
    if change:
        change(texts)
    return write_exiobase(above / (name or f"IOT_{year}_ixi"), texts)


# ------------------------------------------------------------------ what is read


def test_a_hand_read_cell(tmp_path):
    """The first number of Z.txt: 10 * 1 + 1 + 11."""
    path = folder(tmp_path)
    line = (path / "Z.txt").read_text().splitlines()[3].split("\t")
    assert line[:3] == ["RO", "Cultivation of paddy rice", "22.0"]
    (table,) = read_all("exiobase", path)
    assert table.industry(0) == "ROU:Cultivation of paddy rice"
    assert table.Z[0, 0] == 22


def test_rests_of_the_world_have_one_code_in_all_versions(tmp_path):
    (new,) = read_all("exiobase", folder(tmp_path / "new"))
    (old,) = read_all("exiobase", folder(tmp_path / "old", spelled=ALPHA3))
    assert new.regions == old.regions == ("ROU", "GBR", "WWA")


def test_coefficients_and_output_give_the_sales(tmp_path):
    (table,) = read_all("exiobase", folder(tmp_path, without=["Z.txt"]))
    assert table.origin == "IOT_2011_ixi/A.txt"
    assert_allclose(table.Z, exiobase_world().Z, rtol=RTOL)
    assert_array_equal(table.x, exiobase_world().x)


def test_coefficients_alone_give_output_by_the_leontief_inverse(tmp_path):
    (table,) = read_all("exiobase", folder(tmp_path, without=["Z.txt", "x.txt"]))
    assert_allclose(table.x, exiobase_world().x, rtol=RTOL)
    assert_allclose(table.Z, exiobase_world().Z, rtol=RTOL)
    check_balance(table, get_source("exiobase").tolerance)


def test_sales_alone_give_output_as_the_sum_of_rows(tmp_path):
    (table,) = read_all("exiobase", folder(tmp_path, without=["x.txt"]))
    assert_allclose(table.x, exiobase_world().x, rtol=RTOL)


def test_value_added_is_eight_of_the_nine_factors(tmp_path):
    (table,) = read_all("exiobase", folder(tmp_path))
    assert table.value_added is not None
    taxes = table.x - table.Z.sum(axis=0) - table.value_added
    assert_allclose(taxes, 2.0, rtol=1e-11)  # a difference of numbers near 2e4


@pytest.mark.parametrize("named", [True, False])
def test_factors_of_all_versions_are_found(tmp_path, named):
    """3.9 on: factor_inputs/F.txt of nine rows. The line ``stressor`` may be there."""

    def change(texts):
        texts["factor_inputs/F.txt"] = texts.pop("satellite/F.txt")[:12]
        if not named:
            del texts["factor_inputs/F.txt"][2]

    (table,) = read_all("exiobase", folder(tmp_path, change=change))
    assert_array_equal(table.value_added, exiobase_world().value_added)


def test_the_line_that_names_the_labels_may_be_missing(tmp_path):
    def change(texts):
        for name in ("Z.txt", "Y.txt"):
            del texts[name][2]

    (table,) = read_all("exiobase", folder(tmp_path, change=change))
    assert_holds(table, exiobase_world())


@pytest.mark.parametrize("sectors, system", SYSTEMS.items())
def test_industries_and_products_are_told_apart_by_their_number(
    tmp_path, sectors, system
):
    n = sectors
    world = exiobase_world()
    wide = replace(
        world,
        regions=("ROU",),
        sectors=tuple(f"sector {k}" for k in range(n)),
        Z=np.ones((n, n)),
        Y=np.ones((n, 1, 6)),
        x=np.full(n, n + 6.0),
        value_added=np.full(n, 4.0),
    )
    path = write_exiobase(tmp_path / "IOT_2011_xxx", exiobase_texts(wide))
    (table,) = read_all("exiobase", path)
    assert (table.edition, len(table.sectors)) == (system, n)


def test_the_manifest_names_every_file_that_was_read(tmp_path):
    path = folder(tmp_path / "raw")
    import_tables("exiobase", [path], tmp_path / "store")
    attrs = xr.open_zarr(tmp_path / "store", consolidated=False).attrs
    read = [Path(k["path"]) for k in json.loads(attrs["manifest"])["inputs"]]
    assert {k.relative_to(path).as_posix() for k in read} == {
        "Z.txt", "Y.txt", "x.txt", "satellite/F.txt", "unit.txt", "metadata.json",
    }  # fmt: skip


# --------------------------------------------------------------- finding the files


def test_an_archive_without_a_folder_is_read(tmp_path):
    archive = pack(tmp_path / "IOT_2011_ixi.zip", folder(tmp_path / "raw"))
    (table,) = read_all("exiobase", archive)
    assert_holds(table, exiobase_world())


def test_a_file_stands_for_its_folder(tmp_path):
    path = folder(tmp_path)
    (table,) = read_all("exiobase", path / "Z.txt")
    assert_holds(table, exiobase_world())
    assert len(read_all("exiobase", path / "Z.txt", path / "A.txt", path)) == 1


def test_a_folder_may_be_put_together_from_links(tmp_path):
    path = folder(tmp_path / "store")
    linked = tmp_path / "IOT_2011_ixi"
    linked.mkdir()
    (linked / "Z.txt").symlink_to(path / "Z.txt")
    (linked / "Y.txt").symlink_to(path / "Y.txt")
    (table,) = read_all("exiobase", linked)
    assert_holds(table, replace(exiobase_world(), value_added=None))


def test_the_year_is_in_metadata_where_the_folder_does_not_tell(tmp_path):
    (table,) = read_all("exiobase", folder(tmp_path, name="exio3"))
    assert table.year == 2011
    lost = folder(tmp_path, name="other", without=["metadata.json"])
    assert "nothing tells the year; give the folder" in refusal("exiobase", lost)


def test_folders_that_hold_no_table_say_what_is_expected(tmp_path):
    assert "expected folders or archives such as" in refusal("exiobase", tmp_path)
    write_lines(tmp_path / "Y.txt", ["1"])
    assert "no table in it; expected folders" in refusal("exiobase", tmp_path)
    path = folder(tmp_path, without=["Y.txt"])
    assert "IOT_2011_ixi/Z.txt: no Y.txt beside it" in refusal("exiobase", path)


# ---------------------------------------------------------------- wrong contents


def put(name, line, column, text):
    """Change one cell; all count from 0, header and labels included."""

    def change(texts):
        cells = texts[name][line].split("\t")
        cells[column] = text
        texts[name][line] = "\t".join(cells)

    return change


def swap_columns(name, i, j):
    def change(texts):
        for k, line in enumerate(texts[name]):
            cells = line.split("\t")
            cells[i], cells[j] = cells[j], cells[i]
            texts[name][k] = "\t".join(cells)

    return change


def drop_column(name, column):
    def change(texts):
        rows = [line.split("\t") for line in texts[name]]
        texts[name] = ["\t".join(k[:column] + k[column + 1 :]) for k in rows]

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t["Z.txt"].pop(), "Z.txt: rows lack WWA:Mining of coal"),
        (swap_columns("Z.txt", 2, 3), "Z.txt: columns are in another order"),
        (swap("Z.txt", 4, 5), "Z.txt: rows are in another order"),
        (put("Z.txt", 1, 3, "Fishing"), "Z.txt: columns lack ROU:Mining of coal"),
        (put("Z.txt", 4, 3, "n.a."), "Z.txt: a cell holds 'n.a.', not a number"),
        (put("Z.txt", 0, 2, "RX"), "Z.txt: no country RX in ISO 3166-1"),
        (lambda t: t["Y.txt"].pop(), "Y.txt: rows lack WWA:Mining of coal"),
        (put("Y.txt", 1, 3, "Lent"), "Y.txt: columns lack ROU:Final consumption"),
        (put("Y.txt", 4, 8, "0.5"), "Y.txt: Exports: Total (fob) must be zero, but"),
        (put("Y.txt", 4, 8, "nan"), "Y.txt: Exports: Total (fob) must be zero, but"),
        (lambda t: t["x.txt"].pop(), "x.txt: rows lack WWA:Mining of coal"),
        (put("x.txt", 0, 2, "q"), "x.txt: columns lack indout"),
        (swap("satellite/F.txt", 3, 4), "satellite/F.txt: row 1 is Other net taxes on"),
        (put("satellite/F.txt", 5, 0, "Wages"), "F.txt: row 3 is Wages, not Compensation"),
        (lambda t: t["satellite/F.txt"].__delitem__(slice(9, None)), "row 7 is missing"),
        (drop_column("satellite/F.txt", 6), "F.txt: columns lack WWA:Mining of coal"),
        (put("unit.txt", 3, 2, "tonnes"), "unit.txt: units are tonnes, not M.EUR"),
        (lambda t: t["Y.txt"].__delitem__(slice(None)), "Y.txt: empty file"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    assert message in refusal("exiobase", folder(tmp_path, change=change))


def test_a_blank_cell_is_refused_by_its_labels(tmp_path):
    (table,) = read_all("exiobase", folder(tmp_path, change=put("Z.txt", 4, 4, "")))
    with pytest.raises(ValueError, match="Z has 1 cell .* first ROU:Mining"):
        check_values(table)


@pytest.mark.parametrize("name", ["Z.txt", "Y.txt", "x.txt", "satellite/F.txt"])
def test_a_file_cut_short_is_refused(tmp_path, name):
    path = folder(tmp_path)
    cut(path / name, 0.5)
    message = refusal("exiobase", path)
    assert "get it again" in message or "get the file again" in message
