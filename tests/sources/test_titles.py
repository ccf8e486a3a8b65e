"""Titles of codes of sectors, final demand and regions."""

import json
from dataclasses import replace

import pytest
import xarray as xr

from tivax.engine.core.toml import load_toml
from tivax.engine.sources.titles import label_table, sector_title, with_sector_titles

from commands import good
from helpers import random_tables, write_arrays


@pytest.mark.parametrize(
    "source, codes, title",
    [
        ("oecd", ("C10T12", "10T12"), "Food, beverages and tobacco"),
        ("wiod2016", ("C10-C12",), "Food, beverages and tobacco"),
        ("figaro", ("C10T12", "CPA_C10T12"), "Food, beverages and tobacco"),
        ("oecd", ("C24A",), "Basic iron and steel"),
        ("wiod2013", ("c14",), "Electrical and optical equipment"),
        ("adb", ("c22",), "Hotels and restaurants"),
    ],
)
def test_a_code_has_the_title_of_its_classification(source, codes, title):
    assert {sector_title(code, source) for code in codes} == {title}


def test_every_sector_of_the_oecd_has_a_title():
    for edition in load_toml("tivax.engine.sources.tables", "oecd.toml").values():
        for code in edition["sectors"].split():
            assert sector_title(code, "oecd") != code


def test_industries_in_a_message_are_followed_by_what_they_make():
    sectors = ("c1", "c12", "c14")
    text = "most DEU:c14: inputs; FRA:c12; 2000: c1; DEU:c99, DEU:c141"
    assert with_sector_titles(text, sectors, "wiod2013") == (
        "most DEU:c14 (Electrical and optical equipment): inputs; FRA:c12 (Basic metals "
        "and fabricated metal); 2000: c1; DEU:c99, DEU:c141"
    )
    assert with_sector_titles("A:Fishing", ("Fishing",), "eora") == "A:Fishing"
    listed = "sector c14, c12 left out; no sector c2: did you mean c12 or c1?"
    assert with_sector_titles(listed, ("c12", "c14"), "wiod2013") == (
        "sector c14 (Electrical and optical equipment), c12 (Basic metals and fabricated "
        "metal) left out; no sector c2: did you mean c12 (Basic metals and fabricated "
        "metal) or c1?"
    )


def test_names_that_are_titles_and_unknown_codes_stay():
    assert sector_title("Fishing", "eora") == "Fishing"
    assert sector_title("c99", "wiod2013") == "c99"
    tables = replace(
        random_tables(regions=3, sectors=2, years=1),
        regions=("DEU", "XXX", "ROW"),
        sectors=("c1", "c2"),
        categories=("c37", "c41", "c42"),
        source="wiod2013",
    )
    table = label_table(tables, {"EU27": ["DEU"]}).set_index(["kind", "code"])["title"]
    assert table["region", "DEU"] == "Germany" and table["region", "XXX"] == "XXX"
    assert table["region", "EU27"] != "EU27"
    assert table["sector", "c2"] == "Mining and quarrying"
    assert table["final demand", "c41"] == "Gross fixed capital formation"


def test_a_store_keeps_titles(tmp_path):
    table = random_tables(regions=3, sectors=2, years=1).table(2000)
    write_arrays(tmp_path / "a.npz", table)
    good("import", "arrays", tmp_path / "a.npz", "--out", tmp_path / "s", "--quiet")
    attrs = xr.open_zarr(tmp_path / "s", consolidated=False).attrs
    assert attrs["titles"]["sector"] == {"S0": "S0", "S1": "S1"}
    answer = good(
        "import", "arrays", tmp_path / "a.npz", "--out", tmp_path / "t", "--json"
    )
    assert json.loads(answer.out)["outputs"] == ["t"]
