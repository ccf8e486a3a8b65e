"""World tables of today: from their address on a server here to a table, byte by byte.

The server has small files of the published layout; what the institutes' own servers
send nobody could try.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tivax.engine.sources.archives import ARCHIVES, Archive, archives_of_years
from tivax.engine.sources.catalogue import get_source
from tivax.engine.tables.rules import check_balance, check_columns, check_values
from tivax.engine.tables.world_table import WorldTable

import large_files as lf
import mrio_files as mf
import oecd_files as of
from commands import good, mistake, names
from published_forms import pack
from source_files import assert_holds, read_all

OFFICIAL = {
    "oecd": "https://webfs-sti.oecd.org/files/STI-PIE/ICIO/2025/2016-2022_EXT.zip",
    "adb": "https://kidb.adb.org/download/mrio-file/445",
    "exiobase": "https://zenodo.org/records/20051562/files/IOT_2024_ixi.zip",
    "figaro": "https://circabc.europa.eu/rest/download/8ac7da34-911e-4a91-ab1c-"
    "8aec1a574381",
    "emerging": "https://zenodo.org/records/19461860/files/EMERGING_V2_2023_m.mat",
}


@dataclass(frozen=True)
class Case:
    """An edition, a small file in its layout, and what the file holds."""

    source: str
    format: str
    write: Callable[[Path], Path]
    world: WorldTable

    def __str__(self) -> str:
        return f"{self.source} {self.format}"


def oecd_zip(folder: Path, extended: bool) -> Path:
    (folder / "raw").mkdir()
    world = of.oecd_table("2025", extended=extended)
    name = "2018.csv" if extended else "2018_SML.csv"
    of.write_oecd(folder / "raw" / name, world, "2025")
    return pack(folder / "made.zip", folder / "raw")


def adb_of_2024(folder: Path) -> Path:
    """75 economies in cell A2, blank columns at the right, notes at the bottom."""
    cells = mf.adb_cells(mf.adb_world(2024))
    cells[1] = ["75 economies, at current prices (industry by industry)", *cells[1][1:]]
    cells = [[*row, "", "", "", ""] for row in cells]
    cells += [[""] * len(cells[0]), ["", "Source: ADB estimates", *cells[1][2:]]]
    return mf.write_adb(folder, cells, "made.xlsx", 2024)


# Folders of extensions beside the tables: what moved in 3.9, where impacts went.
EXTENSIONS = {
    "3.8.2": ("satellite", "impacts"),
    "3.9.6": ("factor_inputs", "employment", "air_emissions", "land"),
    "3.10.2": ("factor_inputs", "employment", "air_emissions", "land"),
}


def exiobase_zip(folder: Path, version: str, system: str) -> Path:
    texts = mf.exiobase_texts(mf.exiobase_world(2022))
    first, *others = EXTENSIONS[version]
    texts = {k.replace("satellite/", f"{first}/"): text for k, text in texts.items()}
    for name in others:
        texts[f"{name}/F.txt"] = [*texts[f"{first}/F.txt"][:2], "CO2\t" + "1\t" * 6]
        texts[f"{name}/unit.txt"] = ["\tunit", "CO2\tkg"]
    above = f"IOT_2022_{system}/"
    mf.write_exiobase(folder / "raw", texts)
    return pack(folder / "made.zip", folder / "raw", above)


def figaro_csv(folder: Path) -> Path:
    return mf.write_lines(folder / "made.csv", mf.figaro_matrix(mf.figaro_world(2022)))


CASES = [
    *(
        Case("oecd", f"2016-2022{'-small' * (not x)}", lambda f, x=x: oecd_zip(f, x), of.oecd_table("2025", extended=x))
        for x in (False, True)
    ),
    Case("adb", "2024", adb_of_2024, mf.adb_world(2024)),
    *(
        Case("exiobase", f"{v}-{s}", lambda f, v=v, s=s: exiobase_zip(f, v, s), mf.exiobase_world(2022))
        for v in EXTENSIONS
        for s in ("ixi", "pxp")
    ),
    *(
        Case("figaro", f"{edition}ed", figaro_csv, mf.figaro_world(2022))
        for edition in (25, 26)
    ),
    Case("emerging", "v2", lf.write_emerging, lf.emerging_world()),
]  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture
def served(site, case, tmp_path, monkeypatch) -> Archive:
    """The archive of the case's year, whose address leads to the server here; its size
    and checksum are those of the small file."""
    (tmp_path / "make").mkdir()
    site.content = case.write(tmp_path / "make").read_bytes()
    archive = ARCHIVES[case.source][case.format]
    path = archive.url.partition("://")[2].partition("/")[2]
    facts = {"size": len(site.content), "sha256": hashlib.sha256(site.content)}
    facts["sha256"] = facts["sha256"].hexdigest()
    moved = replace(archive, url=f"{site.address}/{path}")
    if archive.years:
        year = case.world.year
        facts = {**archive.years[year], **facts}
        moved = replace(moved, years={year: facts}, size=None)
        one = moved.of_year(year)
    else:
        moved = one = replace(moved, **facts)
    monkeypatch.setitem(ARCHIVES[case.source], case.format, moved)
    site.content_type = "application/octet-stream"
    return one


@pytest.mark.parametrize("source", OFFICIAL)
def test_the_address_is_the_one_that_public_code_names(source):
    archive = next(iter(ARCHIVES[source].values()))
    (file,) = archives_of_years(archive)
    assert file.url == OFFICIAL[source]


@each_case
def test_a_fetched_file_is_imported(case, site, served, tmp_path):
    words = ("fetch", case.source, "--format", case.format)
    said = good(*words, "--out", tmp_path / "raw", "--quiet").out
    path = tmp_path / "raw" / served.name
    assert path.read_bytes() == site.content
    assert f"{len(site.content):,} bytes, SHA-256 as published" in said
    assert f"tivax import {case.source} " in said
    (entry,) = json.loads((tmp_path / "raw/manifest.json").read_text())["files"]
    assert entry["verified"] == "sha256" and entry["licence"] and entry["citation"]
    (table,) = read_all(case.source, path)
    assert_holds(table, case.world)
    check_values(table)
    source = get_source(case.source)
    check_balance(table, source.tolerance)
    assert source.column_tolerance
    check_columns(table, source.column_tolerance)


@pytest.mark.parametrize("case", CASES[:1], ids=str)
def test_a_file_of_another_checksum_is_not_taken(case, site, served, tmp_path):
    site.content = bytes([*site.content[:-1], site.content[-1] ^ 1])
    words = ("fetch", case.source, "--format", case.format)
    line = mistake(*words, "--out", tmp_path / "raw")
    assert "its SHA-256 is wrong: expected" in line and served.page in line
    assert names(tmp_path / "raw") == [f".{served.name}.tivax-fetch"]


@pytest.mark.parametrize(
    "source, page",
    [
        ("gloria", "https://ielab.info/labs/ielab-gloria"),
        ("eora", "https://worldmrio.com/eora26/"),
    ],
)
def test_a_database_behind_an_account_is_told_with_its_address(tmp_path, source, page):
    line = mistake("fetch", source, "--format", "x", "--out", tmp_path / "raw")
    assert f"in a browser at {page}, which asks for an account, then" in line
    assert not (tmp_path / "raw").exists()


def test_some_years_are_fetched_one_file_each(site, tmp_path, monkeypatch):
    contents = {
        f"/{year}.mat": lf.write_emerging(
            tmp_path, lf.emerging_world(year)
        ).read_bytes()
        for year in (2015, 2018, 2021)
    }
    official = ARCHIVES["emerging"]["v2"]
    moved = replace(official, url=f"{site.address}/{{year}}.mat")
    monkeypatch.setitem(ARCHIVES["emerging"], "v2", moved)
    site.content_type, site.etag = "application/octet-stream", None
    answer = site.answer

    def by_path(ask):
        site.content = contents[ask.path]
        return answer(ask)

    monkeypatch.setattr(site, "answer", by_path)
    words = ("fetch", "emerging", "--out", tmp_path / "raw", "--quiet")
    good(*words, "--years", "2015:2020")
    wanted = ["EMERGING_V2_2015_m.mat", "EMERGING_V2_2018_m.mat", "manifest.json"]
    assert names(tmp_path / "raw") == wanted
    tables = read_all("emerging", tmp_path / "raw")
    assert [table.year for table in tables] == [2015, 2018]


@pytest.mark.parametrize(
    "source, format, words",
    [
        ("emerging", "v2", "no file of 2016; there are those of 2015, 2018, 2021, 2023"),
        ("exiobase", "3.8.2-ixi", "no file of 2016; there are those of 1995 to 2022"),
        ("adb", "2024", "one file of all its years; leave out --years"),
    ],
)  # fmt: skip
def test_a_year_that_is_not_there_is_told(tmp_path, source, format, words):
    year = "2016" if source != "exiobase" else "1990"
    out = tmp_path / "raw"
    line = mistake("fetch", source, "--format", format, "--out", out, "--years", year)
    assert words.replace("2016", year) in line and not out.exists()


def test_a_matlab_file_without_its_end_is_not_taken(site, tmp_path, monkeypatch):
    whole = lf.write_emerging(tmp_path).read_bytes()
    official = ARCHIVES["emerging"]["v2"]
    moved = replace(official, url=f"{site.address}/one.mat")
    monkeypatch.setitem(ARCHIVES["emerging"], "v2", moved)
    site.content, site.content_type = whole[:-2000], "application/octet-stream"
    line = mistake("fetch", "emerging", "--out", tmp_path / "raw")
    assert "it is not a whole MATLAB 7.3 file" in line
    assert names(tmp_path / "raw") == [".EMERGING_V2_2023_m.mat.tivax-fetch"]
