"""``tx.compare(published=)``: tables beside the numbers that the OECD publishes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine import save_store

from commands import good, mistake
from helpers import error_of, random_tables

REGIONS, SECTORS = ("AUS", "CHN", "MEX", "ROW"), ("A01", "C24A", "J62_63")
HEAD = (
    "DATAFLOW,MEASURE,REF_AREA,ACTIVITY,COUNTERPART_AREA,UNIT_MEASURE,FREQ,"
    "TIME_PERIOD,OBS_VALUE,UNIT_MULT"
)
LEVELS = [("_T", "W"), ("C24A", "W"), ("_T", "MEX"), ("A01", "WXD")]


@pytest.fixture(scope="module")
def tables():
    made = random_tables(regions=4, sectors=3, years=2, seed=1)
    made = replace(made, regions=REGIONS, sectors=SECTORS, years=(2017, 2018))
    return replace(made, unit="million US$", source="OECD")


def own(tables, measure, region, sector, partner, year) -> float:
    """An indicator of the cell, taken from its level by hand."""
    detail = (sector != "_T", partner != "W")
    levels = {(False, False): "country", (True, False): "sector"}
    levels |= {(False, True): "bilateral", (True, True): "bilateral-sector"}
    cell: Any = tx.indicators(tables, measure, levels[detail])[measure]
    cell = cell.sel(year=year, region=region)
    cell = cell.sel(sector=sector) if detail[0] else cell
    return float(cell.sel(partner=partner) if detail[1] else cell)


@pytest.fixture(scope="module")
def lines(tables) -> list[str]:
    """Numbers of four levels in US$ and per cent; China's of EXGR_DVA 3 % too high."""
    rows = []
    for measure, unit, name, power in (
        ("EXGR_DVA", "USD", "EXGR_DVA", 6),
        ("EXGR", "USD", "EXGR", 9),
        ("EXGR_DVA", "PT_EXGR", "EXGR_DVASH", 0),
    ):
        for region in ("AUS", "CHN"):
            for sector, partner in LEVELS:
                cell = region, sector, partner.replace("WXD", "ROW"), 2018
                value = own(tables, name, *cell) / 10.0 ** (power - 6 if power else 0)
                value *= 1.03 if (name, region) == ("EXGR_DVA", "CHN") else 1.0004
                key = f"{measure},{region},{sector},{partner},{unit},A,2018"
                rows.append(f"FLOW,{key},{value:.6f},{power}")
    return rows


@pytest.fixture
def file(lines, tmp_path):
    """With rows that the tables have not: a group, a section, a year, a measure."""
    others = [
        "FLOW,EXGR,EU27_2020,_T,W,USD,A,2018,5,6",
        "FLOW,EXGR,AUS,C,W,USD,A,2018,5,6",
        "FLOW,EXGR,AUS,_T,W,USD,A,1995,5,6",
        "FLOW,EXGR_NEW,AUS,_T,W,USD,A,2018,5,6",
        "FLOW,EXGR,AUS,_T,AUS,USD,A,2018,0,6",
        "FLOW,EXGR,AUS,_T,CHN,USD,A,2018,,6",
    ]
    path = tmp_path / "tiva.csv"
    path.write_text("\n".join([HEAD, *lines, *others, ""]))
    return path


def test_cells_of_every_level_and_unit_agree_within_a_tenth_of_a_percent(tables, file):
    found = tx.compare({"oecd": tables}, published=file)
    agreed = found.agreement.set_index("measure")[["n", "agree"]]
    assert agreed.loc["EXGR_DVA"].tolist() == [8, 4]
    assert agreed.loc["EXGR"].tolist() == agreed.loc["EXGR_DVASH"].tolist() == [8, 8]
    assert found.left_out == 5  # and one that was not published
    off = found.pairs[~found.pairs["agrees"].astype(bool)]
    assert {*off["region"]} == {"CHN"} and {*off["measure"]} == {"EXGR_DVA"}
    assert {*off["partner"]} == {"W", "MEX", "ROW"}
    assert "4 of 8 cells agree within 0.1 %" in found.sentence
    assert "5 published numbers are left out" in found.sentence
    assert "8个数中有4个相差不超过0.1%" in found.page("zh").sentence
    one = tx.compare({"oecd": tables}, "EXGR", regions=["Australia"], published=file)
    assert one.agreement["n"].tolist() == [4] and not one.plots()


def test_the_last_digit_that_is_printed_may_be_rounded(tables, tmp_path):
    value = own(tables, "EXGR", "AUS", "A01", "MEX", 2017)
    path = tmp_path / "rounded.csv"
    row = "FLOW,EXGR,AUS,A01,MEX,USD,A,2017"
    path.write_text(f"{HEAD}\n{row},{value / 1e4:.3f},10\n")
    found = tx.compare({"oecd": tables}, published=path)
    assert found.rounding == {"EXGR": pytest.approx(0.0005 * 1e4)}
    assert found.pairs["agrees"].all()


def test_the_command_writes_which_cells_agree(tables, file, tmp_path):
    save_store(tables, tmp_path / "store")
    out = tmp_path / "out"
    words = ("compare", tmp_path / "store", "--published", file)
    answer = good(*words, "--out", out).out
    assert "4 of 8 cells agree within 0.1 %" in answer and "4/8" in answer
    written = pd.read_csv(out / "differences.csv")
    assert np.count_nonzero(~written["agrees"]) == 4
    told = mistake(*words, "--years", "2017:2017", "--out", tmp_path / "no")
    assert "none of its 29 numbers is a cell of OECD" in told


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("REF_AREA", "AREA", "no column REF_AREA; give the OECD's SDMX csv"),
        ("A,2018,", "A,2018-Q1,", "is no year and number"),
        (",AUS,C24A,W,", ",AUS,_T,W,", "two numbers of 2018 AUS _T W EXGR_DVA; leave"),
    ],
)
def test_another_file_ends_in_one_line(tables, file, old, new, message):
    file.write_text(file.read_text().replace(old, new))
    told = error_of(tx.compare, {"oecd": tables}, published=file)
    assert message in told and "tiva.csv" in told


def test_one_database_in_its_unit_is_compared(tables, file):
    both = {"a": tables, "b": tables}
    assert "give one database" in error_of(tx.compare, both, published=file)
    euro = {"oecd": replace(tables, unit="million EUR")}
    told = error_of(tx.compare, euro, published=file)
    assert "in million US$, oecd in million EUR" in told
