"""The merge of the sources: rows, losses, fills, and the files that are written."""

import json
import math
import re
import tomllib
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax import engine as tx
from tivax.engine.core.errors import TivaxError
from tivax.engine.core.manifest import Run
from tivax.engine.panel.blocks import (
    effective_exchange_rate,
    fill_2001,
    gross_balance_index,
    log,
    real_exchange_rate,
)
from tivax.engine.panel.build import WIOD_COUNTRIES, Panel, build_panel, describe_losses
from tivax.engine.panel.data_files import DataFiles, read_data_files
from tivax.engine.panel.further_data import FurtherData
from tivax.engine.panel.published_files import Edition
from tivax.engine.panel.recipe import (
    COLUMNS,
    DEVELOPED,
    EXPORTS,
    IMPORTS,
    OUTCOMES,
    VARIABLES,
)
from tivax.engine.panel.write import panel_format, with_panel_format, write_panel
from tivax.engine.resampling.run_files import read_panel

import panel_files as pf
from commands import contents, mistake
from helpers import error_of, paper_files, paper_panel, random_table, read_table

# Means, deviations and logarithms of a few numbers in float64: the last digits.
RTOL = 1e-14
# An xlsx cell holds 16 digits and not 17.
XLSX_RTOL = 1e-15

YEARS = list(pf.PANEL_YEARS)
KEPT = [code for code in WIOD_COUNTRIES if code not in ("ROU", "TWN")]
WITHOUT_AUS = [code for code in WIOD_COUNTRIES if code != "AUS"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """A folder as the paper's, four years long. Tests read it and write elsewhere."""
    return pf.write_panel_files(tmp_path_factory.mktemp("raw"), WIOD_COUNTRIES)


@pytest.fixture(scope="module")
def files(raw) -> DataFiles:
    return read_data_files(raw)


@pytest.fixture(scope="module")
def panel(files) -> Panel:
    return build_panel(files)


refusal = partial(error_of, build_panel)
cell = partial(pf.value_of, key="iso3")


def remedy(message: str) -> dict:
    """What a message tells to write into data.toml, read as TOML."""
    found = re.search(r"\[recipe\] (\w+ = (?:\[.*?\]|\".*?\")) ?", message)
    assert found is not None, message
    return tomllib.loads(found[1])


def reasons(panel: Panel) -> dict[str, str]:
    return {loss.iso3: loss.why for loss in panel.losses}


# ------------------------------------------------------------------ the countries


def test_the_split_of_the_countries_is_the_papers():
    assert len(WIOD_COUNTRIES) == len(set(WIOD_COUNTRIES)) == 43
    assert list(WIOD_COUNTRIES) == sorted(WIOD_COUNTRIES)
    assert len(DEVELOPED) == 22
    assert len(set(KEPT) - DEVELOPED) == 19
    assert DEVELOPED < set(KEPT)


def test_the_papers_recipe_loses_romania_and_taiwan_and_says_why(panel):
    assert panel.countries == KEPT
    assert reasons(panel) == {
        "ROU": "coded ROM in the KOF Globalisation Index, coded ROM in the Worldwide "
        'Governance Indicators; [recipe] codes = "fixed" keeps it',
        "TWN": "not in the KOF Globalisation Index, not in the consumer price "
        "inflation",
    }
    assert describe_losses(panel)[1] == (
        f"TWN is not in the panel: {reasons(panel)['TWN']}"
    )


def test_the_fixed_recipe_keeps_romania_with_its_own_numbers(files, panel):
    fixed = build_panel(replace(files, codes="fixed"))
    assert fixed.countries == sorted([*KEPT, "ROU"])
    assert list(reasons(fixed)) == ["TWN"]
    i = WIOD_COUNTRIES.index("ROU")
    assert cell(fixed.frame, "ROU", 2002, "RQ") == pf.panel_rqe(i, 2)
    assert cell(fixed.frame, "ROU", 2002, "KOFGIdj") == pf.panel_kof(2, i, 2)
    # The others are as they were.
    others = fixed.frame[fixed.frame["iso3"] != "ROU"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, panel.frame, check_exact=True)


def test_a_country_that_no_recipe_loses_is_an_error_with_a_remedy(files, tmp_path):
    path = pf.write_kof(tmp_path / "KOFGI_2020_public.dta", pf.kof_of(WITHOUT_AUS))
    less = replace(files, kof=Edition("2020", path))
    message = refusal(less)
    assert message == (
        f"{path}: no rows for AUS; get the published file of the KOF Globalisation "
        'Index again, or leave out what is missing by [recipe] drop = ["AUS"] in '
        "data.toml"
    )
    told = build_panel(replace(less, drop=tuple(remedy(message)["drop"])))
    assert told.countries == [code for code in KEPT if code != "AUS"]


@pytest.mark.parametrize("codes, iso3", [("fixed", "AUS"), ("fixed", "ROU")])
def test_each_recipe_loses_only_what_it_is_known_to_lose(files, tmp_path, codes, iso3):
    frame = pf.kof_of([code for code in WIOD_COUNTRIES if code != iso3])
    path = pf.write_kof(tmp_path / "kof.dta", frame)
    message = refusal(replace(files, codes=codes, kof=Edition("x", path)))
    assert f"{path}: no rows for {iso3}; get the published" in message


@pytest.mark.parametrize("n", [5, 6])
def test_no_more_than_five_lost_countries_are_offered_to_drop(files, tmp_path, n):
    lost = WITHOUT_AUS[:n]
    path = tmp_path / "prices.csv"
    path.write_text(pf.cpi_of([c for c in WIOD_COUNTRIES if c not in lost]))
    message = refusal(replace(files, inflation=Edition("x", path)))
    assert f"{path}: no rows for {lost[0]} and {n - 1} more; get the" in message
    assert message.endswith("inflation again") == ("drop" not in message) == (n == 6)
    if n == 5:
        assert remedy(message) == {"drop": lost}


@pytest.mark.parametrize("kept", [(), ("TWN",), ("ROU", "TWN")])
def test_a_drop_that_leaves_no_country_is_told(files, kept):
    drop = tuple(code for code in WIOD_COUNTRIES if code not in kept)
    assert refusal(replace(files, drop=drop)) == (
        f"{files.folder}: [recipe] drop leaves no country; shorten it in data.toml"
    )


def test_a_country_without_a_number_counts_as_lost(files, tmp_path):
    """Rows of blanks, in whatever version of pandas."""
    frame = pf.kof_of(WIOD_COUNTRIES)
    frame[pf.KOF_INDICES] = frame[pf.KOF_INDICES].where(frame["code"] != "AUS")
    path = pf.write_kof(tmp_path / "kof.dta", frame)
    message = refusal(replace(files, kof=Edition("x", path)))
    assert message.startswith(f"{path}: no rows for AUS; get the published file")


def test_a_country_is_left_out_on_purpose(files):
    less = build_panel(replace(files, drop=("AUS", "TWN")))
    assert less.countries == KEPT[1:]
    why = "left out by [recipe] drop"
    found = reasons(less)
    found.pop("ROU")
    assert found == dict.fromkeys(("AUS", "TWN"), why)


# ---------------------------------------------------------------------- the cells


def test_every_cell_is_the_number_of_its_source(panel):
    frame = panel.frame
    assert list(frame.columns) == list(COLUMNS)
    keys = zip(frame["iso3"], frame["year"], strict=True)
    assert [*keys] == [*product(KEPT, YEARS)]
    i = np.array([WIOD_COUNTRIES.index(code) for code in frame["iso3"]])
    t = frame["year"].to_numpy() - 2000
    exact = {"TBI": pf.panel_tbi, "TFP": pf.PANEL_PWT["ctfp"], "INFR": pf.panel_cpi}
    for name, number in exact.items():
        assert_array_equal(frame[name], number(i, t))
    for name in OUTCOMES:
        k = pf.KOF_INDICES.index(name)
        assert_array_equal(frame[name], pf.panel_kof(k, i, t))
    logs = {"lnEXR": "xr", "lnCK": "ck", "lnGDP": "rgdpna", "lnPOP": "pop"}
    for name, series in logs.items():
        assert_allclose(frame[name], np.log(pf.PANEL_PWT[series](i, t)), rtol=RTOL)
    published = t != 1
    assert_array_equal(frame["RQ"][published], pf.panel_rqe(i, t)[published])
    assert_array_equal(frame["developed"], frame["iso3"].isin(list(DEVELOPED)))


def test_the_years_are_those_of_the_recipe(files, panel):
    some = build_panel(replace(files, years=(2001, 2002))).frame
    whole = panel.frame[panel.frame["year"].between(2001, 2002)]
    pd.testing.assert_frame_equal(some, whole.reset_index(drop=True), check_exact=True)


def test_a_year_that_a_source_lacks_is_told_with_the_years_it_has(files, tmp_path):
    path = pf.write_kof(tmp_path / "kof.dta", pf.kof_of(WIOD_COUNTRIES, YEARS[:3]))
    short = replace(files, kof=Edition("x", path))
    message = refusal(short)
    assert message == (
        f'{path}: no KOFGIdj in 2003; write [recipe] years = "2000:2002" in data.toml'
    )
    some = build_panel(replace(short, years=(2000, 2002))).frame
    assert {*some["year"]} == {2000, 2001, 2002}
    message = refusal(replace(files, years=(2000, 2014)))
    assert "tbi.csv: no tbi in 2004 and 10 more years; write [recipe] years" in message
    message = refusal(replace(files, years=(2010, 2014)))
    assert "tbi.csv: no tbi in 2010 and 4 more years; add what is missing" in message


def test_no_range_of_years_is_offered_across_a_gap(files, tmp_path):
    lines = pf.tbi_of(WIOD_COUNTRIES).split("\n")
    text = "\n".join(line for line in lines if not line.startswith("2001"))
    message = refusal(with_tbi(files, tmp_path, text))
    assert message == (
        f"{tmp_path / 'index.csv'}: no tbi in 2001; add what is missing to the file"
    )


def test_a_logarithm_is_missing_where_the_number_is_not_positive():
    values = pd.Series([math.e, 1.0, 0.0, -1.0, np.nan])
    assert_allclose(log(values), [1, 0, np.nan, np.nan, np.nan], rtol=RTOL)


def test_a_missing_cell_stays_a_row_and_is_counted(files, tmp_path):
    frame = pf.pwt_of(WIOD_COUNTRIES)
    at = (frame["isocode"] == "DEU") & (frame["year"] == 2002)
    frame.loc[at, ["xr", "ctfp"]] = [0.0, np.nan]
    path = pf.write_pwt(tmp_path / "pwt9.0.rda", frame)
    holed = build_panel(replace(files, pwt=Edition("9.0", path)))
    assert len(holed.frame) == len(KEPT) * 4
    assert math.isnan(cell(holed.frame, "DEU", 2002, "lnEXR"))
    assert math.isnan(cell(holed.frame, "DEU", 2002, "TFP"))
    counts = holed.codebook.set_index("variable")
    assert list(counts["missing"][counts["missing"] > 0].index) == ["lnEXR", "TFP"]
    assert counts.loc["TFP", "cells"] == len(KEPT) * 4 - 1


def test_a_folder_of_downloads_makes_the_same_panel(tmp_path, panel):
    """The names and forms under which `tivax fetch` saves them."""
    (tmp_path / "tbi.csv").write_text(pf.tbi_of(WIOD_COUNTRIES))
    table = pf.write_kof(tmp_path / "table.dta", pf.kof_of(WIOD_COUNTRIES))
    pf.zip_of(tmp_path / "KOFGI_2019.zip", {"KOFGI_2019_data.dta": table.read_bytes()})
    with_cn = {**pf.PANEL_PWT, "cn": pf.PANEL_PWT["ck"]}
    frame = pf.pwt_of(WIOD_COUNTRIES, YEARS, with_cn)
    pf.write_pwt(tmp_path / "pwt1001.xlsx", frame)
    pf.write_stata(table, pf.long_wgi_of(WIOD_COUNTRIES))
    pf.zip_of(tmp_path / "wgidataset_stata.zip", {"wgidataset.dta": table.read_bytes()})
    rows = [
        (code, "FP.CPI.TOTL.ZG", [pf.panel_cpi(i, y - 2000) for y in YEARS])
        for i, code in enumerate(WIOD_COUNTRIES)
        if code != "TWN"
    ]
    member = "API_FP.CPI.TOTL.ZG_DS2_en_csv_v2_1.csv"
    pf.zip_of(
        tmp_path / "API_FP.CPI.TOTL.ZG.zip",
        {member: pf.api_csv(rows, YEARS), f"Metadata_Country_{member}": b"x"},
    )
    table.unlink()
    found = replace(read_data_files(tmp_path), years=(2000, 2003))
    assert (found.kof.name, found.pwt.name) == ("2019", "10.01")
    built = build_panel(found)
    pd.testing.assert_frame_equal(built.frame, panel.frame, check_exact=True)
    assert built.losses == panel.losses


# ------------------------------------------------------- the year 2001 that is not


def governance(**countries: dict[int, float]) -> pd.Series:
    index = pd.MultiIndex.from_tuples(
        [(code, year) for code, values in countries.items() for year in values],
        names=["iso3", "year"],
    )
    numbers = [v for values in countries.values() for v in values.values()]
    return pd.Series(numbers, index, name="rqe")


# Later years than 2014 count in neither rule.
WHOLE = {1996: 1.0, 1998: 2.0, 2000: 3.0, 2002: 8.0, 2014: 11.0, 2015: 99.0}
# The country lacks 2000: the mean is that of the other four years.
WITHOUT_2000 = {1996: 1.0, 1998: 2.0, 2002: 8.0, 2014: 11.0, 2015: 99.0}


@pytest.mark.parametrize(
    "rule, whole, without",
    [("mean-1996-2014", 25 / 5, 22 / 4), ("linear", (3 + 8) / 2, math.nan)],
)
def test_2001_is_filled_by_the_rule(rule, whole, without):
    values = governance(AAA=WHOLE, BBB=WITHOUT_2000)
    filled = fill_2001(values, rule)
    of_2001 = filled.unstack("year")[2001]
    assert_allclose(of_2001[["AAA", "BBB"]], [whole, without], rtol=RTOL)
    # All that was published is as it was.
    assert_array_equal(filled.loc[values.index], values)


def test_the_panel_is_filled_by_the_rule_of_the_files(files, panel):
    i = np.arange(43)
    kept = np.isin(WIOD_COUNTRIES, KEPT)
    mean = ((5 * i - 4 - 2 + 0 + 2 + 3) / 5 / 16)[kept]
    of_2001 = panel.frame["year"] == 2001
    assert_allclose(panel.frame.loc[of_2001, "RQ"], mean, rtol=RTOL, atol=RTOL)
    linear = build_panel(replace(files, fill_2001="linear")).frame
    assert_allclose(linear.loc[of_2001, "RQ"], ((i + 1) / 16)[kept], rtol=RTOL)
    rest = [name for name in COLUMNS if name != "RQ"]
    pd.testing.assert_frame_equal(linear[rest], panel.frame[rest], check_exact=True)


# ------------------------------------------------------------------ the inflation


def test_an_override_changes_one_country_and_nothing_else(files, raw, panel):
    other = replace(files, inflation_override={"GBR": raw / "older.csv"})
    frame = build_panel(other).frame
    changed = frame["INFR"] - panel.frame["INFR"]
    assert_array_equal(changed, np.where(frame["iso3"] == "GBR", 100.0, 0.0))
    pd.testing.assert_frame_equal(
        frame.drop(columns="INFR"), panel.frame.drop(columns="INFR"), check_exact=True
    )


def test_an_override_may_add_a_country_that_the_first_file_lacks(files, raw, tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(pf.cpi_of(WITHOUT_AUS))
    other = replace(
        files,
        inflation=Edition("x", path),
        inflation_override={"AUS": raw / "older.csv"},
    )
    assert cell(build_panel(other).frame, "AUS", 2000, "INFR") == 100.0


def test_an_override_whose_file_lacks_the_country_is_an_error(files, tmp_path):
    path = tmp_path / "older.csv"
    path.write_text(pf.cpi_of(WITHOUT_AUS))
    message = refusal(replace(files, inflation_override={"AUS": path}))
    assert message == f"{path}: no rows for AUS; fix [inflation] override"


def test_inflation_may_come_from_the_world_bank_or_the_outlook(files, tmp_path):
    rows = [
        (code, [str(pf.panel_cpi(i, year - 2000)) for year in YEARS])
        for i, code in enumerate(WIOD_COUNTRIES)
    ]
    bank = tmp_path / "API_FP.CPI.TOTL.ZG_DS2_en_csv_v2_1.csv"
    named = [(c, "FP.CPI.TOTL.ZG", values) for c, values in rows if c != "TWN"]
    bank.write_bytes(pf.api_csv(named, YEARS))
    outlook = tmp_path / "weoapr2021all.xls"
    named = [(code, "PCPIPCH", values) for code, values in rows]
    outlook.write_text(pf.weo_text(named, YEARS), encoding="latin-1", newline="")
    wanted = pf.panel_cpi(WIOD_COUNTRIES.index("FRA"), 3)
    cases = (bank, "wdi", "FP.CPI.TOTL.ZG"), (outlook, "weo", "PCPIPCH")
    for path, source, series in cases:
        changed = {"inflation": Edition("new", path), "inflation_source": source}
        other = build_panel(replace(files, **changed))
        assert cell(other.frame, "FRA", 2003, "INFR") == wanted
        line = other.codebook.set_index("variable").loc["INFR"]
        assert (line["series"], line["edition"]) == (series, "new")
    # Taiwan is in the outlook.
    assert reasons(other)["TWN"] == "not in the KOF Globalisation Index"


# -------------------------------------------------------------- the capital stock


@pytest.mark.parametrize("edition", ["9.0", "9.1", "my own", "11.0"])
@pytest.mark.parametrize("has_cn, wanted", [(False, 1000.0), (True, 7.0)])
def test_capital_is_cn_or_the_ck_of_a_file_without_it(
    files, tmp_path, edition, has_cn, wanted
):
    """Whatever edition data.toml writes over the file."""
    cn = {"cn": lambda i, t: 7.0 + i + t} if has_cn else {}
    frame = pf.pwt_of(WIOD_COUNTRIES, YEARS, {**pf.PANEL_PWT, **cn})
    path = pf.write_pwt(tmp_path / "penn.dta", frame)
    other = build_panel(replace(files, pwt=Edition(edition, path)))
    assert_allclose(cell(other.frame, "AUS", 2000, "lnCK"), math.log(wanted), rtol=RTOL)
    line = other.codebook.set_index("variable").loc["lnCK"]
    assert (line["series"], line["note"]) == ("cn", "called ck up to edition 9.0")
    assert (line["edition"], line["file"]) == (edition, "penn.dta")


# ---------------------------------------------------------------------- the index


def with_tbi(files: DataFiles, folder: Path, text: str) -> DataFiles:
    path = folder / "index.csv"
    path.write_text(text)
    return replace(files, tbi=path)


def test_the_index_may_call_its_column_region_or_iso3(files, tmp_path, panel):
    text = pf.tbi_of(WIOD_COUNTRIES)
    turned = "\n".join(
        ",".join([c[1], c[0], c[4]]) for c in (k.split(",") for k in text.split())
    )
    for name in ("iso3", "region"):
        other = turned.replace("region", name, 1)
        frame = build_panel(with_tbi(files, tmp_path, other)).frame
        pd.testing.assert_frame_equal(frame, panel.frame, check_exact=True)


def test_an_index_with_both_columns_goes_by_iso3(files, tmp_path, panel):
    lines = pf.tbi_of(WIOD_COUNTRIES).split()
    text = "\n".join(
        [f"{lines[0]},iso3", *(f"{k},{k.split(',')[1]}" for k in lines[1:])]
    )
    text = text.replace(",AUS,", ",Australia,")
    frame = build_panel(with_tbi(files, tmp_path, text)).frame
    pd.testing.assert_frame_equal(frame, panel.frame, check_exact=True)


def test_a_country_under_its_old_code_and_its_own_stands_twice(files, tmp_path):
    text = pf.tbi_of(WIOD_COUNTRIES) + "2000,ROM,1,1,0.5\n"
    for codes in ("paper", "fixed"):
        message = refusal(replace(with_tbi(files, tmp_path, text), codes=codes))
        assert message == (
            f"{tmp_path / 'index.csv'}: ROU 2000 is duplicated, perhaps under an old "
            "code; keep one of the rows"
        )


def test_a_damaged_archive_of_the_index_is_told(files, tmp_path):
    for name, data in [("tbi.csv.gz", b"\x1f\x8b\x08\x00"), ("tbi.csv.zip", b"PK")]:
        (tmp_path / name).write_bytes(data)
        message = refusal(replace(files, tbi=tmp_path / name))
        assert message.startswith(f"{tmp_path / name}: not a csv file (")


def test_the_index_may_write_rom_for_romania_in_either_recipe(files, tmp_path, panel):
    old = with_tbi(files, tmp_path, pf.tbi_of(WIOD_COUNTRIES).replace("ROU", "ROM"))
    assert build_panel(old).losses == panel.losses
    i = WIOD_COUNTRIES.index("ROU")
    frame = build_panel(replace(old, codes="fixed")).frame
    assert cell(frame, "ROU", 2000, "TBI") == pf.panel_tbi(i, 0)


@pytest.mark.parametrize(
    "text, message",
    [
        ("iso3,tbi\nAUS,1\n", "no column year; the index needs year, iso3, tbi"),
        ("year,tbi\n2000,1\n", "no column iso3; the index needs year, iso3, tbi"),
        ("year,iso3,tbi,tbi\n2000,AUS,1,2\n", "two columns are called tbi; rename one"),
        ("year,iso3\n2000,AUS\n", "no column tbi; the index needs year, iso3, tbi"),
        ("year,iso3,tbi\n2000,AUS,x\n", "column tbi holds text, not numbers"),
        ("year,iso3,tbi\nMM,AUS,1\n", "column year holds text, not numbers"),
        (
            "year,iso3,tbi\n2000,AUS,1\n2001,AUS,1\n2000,AUS,2\n",
            "AUS 2000 is duplicated, perhaps under an old code; keep one of the rows",
        ),
        ("", "not a csv file (No columns to parse from file); rewrite the file"),
        ("year,iso3,tbi\n", "no rows below the names; rewrite the file"),
        (
            "year,iso3,tbi\n2000,AUS,1\n2,3,4,5\n2,3,4,5,6\n",
            "not a csv file (Error tokenizing data. C error: Expected 3 fields in line "
            "3, saw 4); rewrite the file",
        ),
        ("year,iso3,tbi\n2000,AUS,1\n,AUS,1\n", "a year is blank or no whole number; fix the row"),
        ("year,iso3,tbi\n2000.5,AUS,1\n", "a year is blank or no whole number; fix the row"),
        ("year,iso3,tbi\n2000,AUS,1\n2001,AUS,-inf\n", "an index is infinite; it lies between -1 and 1"),
    ],
)  # fmt: skip
def test_a_csv_that_is_no_index_is_told(files, tmp_path, text, message):
    told = refusal(with_tbi(files, tmp_path, text))
    assert told == f"{tmp_path / 'index.csv'}: {message}"


def test_the_index_of_a_store_is_the_one_that_tivax_computes(files, tmp_path):
    codes = (*WIOD_COUNTRIES, "ROW")
    tables = tx.stack_years(
        [
            replace(random_table(regions=44, sectors=1, seed=y, year=y), regions=codes)
            for y in (2000, 2001)
        ]
    )
    tx.save_store(tables, tmp_path / "store")
    stored = replace(files, store=tmp_path / "store", tbi=None, years=(2000, 2001))
    built = build_panel(stored)
    index = tx.trade_benefit_index(tables)["tbi"].sel(region=KEPT)
    # The store holds every digit, and both are solved by the same compiled program.
    assert_array_equal(
        built.frame["TBI"], index.transpose("region", "year").values.flat
    )
    line = built.codebook.set_index("variable").loc["TBI"].to_dict()
    assert (line["edition"], line["file"]) == ("store", "store")
    assert line["note"] == "computed from the world tables of the store"
    # The worst of what the solves left is in the manifest.
    assert built.residual_max is not None and 0 < built.residual_max < 1e-10
    write_panel(built, tmp_path / "p.csv", Run("panel"), force=False)
    manifest = json.loads((tmp_path / "p.manifest.json").read_text())
    assert manifest["residual_max"] == built.residual_max
    assert stored.inputs()[1] == tmp_path / "store"
    message = refusal(replace(stored, years=(2000, 2003)))
    assert "store: no tbi in 2002 and 1 more year; write [recipe] years" in message


def test_countries_and_years_that_an_index_lacks_are_told_at_once(files, tmp_path):
    """As the release of 2013 lacks them: one line, one remedy."""
    text = pf.tbi_of(WITHOUT_AUS, YEARS[:3])
    less = with_tbi(files, tmp_path, text)
    message = refusal(less)
    assert message == (
        f"{tmp_path / 'index.csv'}: no rows for AUS, none of 2003; add what is missing "
        'to the file, or leave out what is missing by [recipe] drop = ["AUS"] and years '
        '= "2000:2002" in data.toml'
    )
    built = build_panel(replace(less, drop=("AUS",), years=(2000, 2002)))
    assert built.residual_max is None and len(built.frame) == 3 * len(WITHOUT_AUS[:-2])


# ------------------------------------------------------------------- the codebook


def test_the_codebook_tells_how_the_index_came_about(files, tmp_path, panel):
    """A column ``source`` of the index counts the years of each."""
    line = panel.codebook.set_index("variable").loc["TBI"]
    assert (line["edition"], line["note"]) == ("tbi.csv", "read from a file")
    lines = pf.tbi_of(WIOD_COUNTRIES).split()
    text = "\n".join(
        [f"{lines[0]},source"]
        + [f"{k},{'icio' if k.startswith('2000') else 'estimated'}" for k in lines[1:]]
    )
    built = build_panel(with_tbi(files, tmp_path, text))
    line = built.codebook.set_index("variable").loc["TBI"].to_dict()
    assert line["note"] == (
        "read from a file: 3 years estimated, 1 year from world tables by Stata's icio"
    )


def test_the_codebook_tells_where_every_column_comes_from(files, raw):
    other = replace(files, inflation_override={"GBR": raw / "older.csv"})
    codebook = build_panel(other).codebook
    assert " ".join(codebook.columns) == (
        "variable meaning source edition file series transformation unit note "
        "countries first_year last_year cells missing filled mean sd min max"
    )
    assert list(codebook["variable"]) == [v.name for v in VARIABLES]
    lines = codebook.set_index("variable")
    assert lines.loc["RQ"].to_dict() | {"mean": 0, "sd": 0} == {
        "meaning": "regulatory quality (the paper: management quality), estimate",
        "source": "Worldwide Governance Indicators",
        "edition": "2020",
        "file": "2020_Worldwide_Governance_Indicators_1996-2019.xlsx",
        "series": "rqe",
        "transformation": "level",
        "unit": "standard normal units",
        "note": "2001, never published, filled by rule mean-1996-2014",
        "countries": 41,
        "first_year": 2000,
        "last_year": 2003,
        "cells": 164,
        "missing": 0,
        "filled": 41,
        "mean": 0,
        "sd": 0,
        "min": (0 - 0.2) / 16,  # Australia, filled
        "max": (42 + 3) / 16,  # United States
    }
    assert list(lines.index[lines["filled"] > 0]) == ["RQ"]
    assert (lines["missing"] == 0).all()
    assert lines.loc["INFR", "note"] == "GBR from older.csv"
    assert lines.loc["KOFTrGIdj", "edition"] == "2018"
    logs = lines.index[lines["transformation"] == "log"]
    assert list(logs) == ["lnEXR", "lnCK", "lnGDP", "lnPOP"]


def test_the_moments_of_the_codebook_are_those_of_the_column(panel):
    lines = panel.codebook.set_index("variable")
    i = np.array([WIOD_COUNTRIES.index(code) for code in KEPT])
    cpi = np.array([k + t / 8 for k in i for t in range(4)])
    n = cpi.size
    sd = math.sqrt(((cpi - cpi.sum() / n) ** 2).sum() / (n - 1))
    assert_allclose(lines.loc["INFR", "mean"], cpi.sum() / n, rtol=RTOL)
    assert_allclose(lines.loc["INFR", "sd"], sd, rtol=RTOL)
    assert (lines.loc["INFR", "min"], lines.loc["INFR", "max"]) == (0, 42 + 3 / 8)


# ------------------------------------------------------------- what other uses need


def test_a_dearer_country_has_a_lower_real_exchange_rate(tmp_path):
    """Half the price level of the USA: ln 2. Year by year."""
    levels = {"pl_gdpo": [0.5, 0.4, 0.25, 1.0, 0.8]}
    frame = pd.DataFrame(
        {
            "country": "x",
            "isocode": ["ROU", "ROU", "AGO", "USA", "USA"],
            "year": [2000, 2001, 2000, 2000, 2001],
            "currency": "x",
            **levels,
        }
    )
    path = pf.write_pwt(tmp_path / "pwt9.0.rda", frame)
    rate = real_exchange_rate(Edition("9.0", path))
    assert rate.name == "lnEXR"
    table = rate.unstack("year")
    assert list(table.index) == ["AGO", "ROU", "USA"]
    two = math.log(2)
    assert_allclose(table, [[2 * two, np.nan], [two, two], [0, 0]], rtol=RTOL)


def test_a_real_exchange_rate_needs_the_united_states(tmp_path):
    frame = pf.pwt(pl_gdpo=[1.0, 1.0, 1.0])
    path = pf.write_pwt(tmp_path / "pwt90.dta", frame)
    assert error_of(real_exchange_rate, Edition("9.0", path)) == (
        f"{path}: no rows for USA, the base of real exchange rates; get the published "
        "file again"
    )


def test_the_effective_exchange_rate_is_the_log_of_the_annual_mean(tmp_path):
    months = [(2000, m) for m in range(1, 13)]
    sheets = {t: pf.bis_sheet(t, ("DZ", "US"), months) for t in ("Nominal", "Real")}
    path = pf.write_sheets(tmp_path / "broad.xlsx", sheets)
    rate = effective_exchange_rate(path)
    # (0 + 1 + ... + 11) / 12 = 5.5 above 100 and 200.
    assert rate.name == "lnEXR"
    assert_allclose(rate[("DZA", 2000)], math.log(105.5), rtol=RTOL)
    assert_allclose(rate[("USA", 2000)], math.log(205.5), rtol=RTOL)


def test_the_gross_balance_index_is_the_balance_over_the_trade(tmp_path):
    path = tmp_path / "trade.csv"
    path.write_text(
        "iso3c,year,Exports_USD_current,Imports_USD_current\n"
        "ROU,2000,30,10\nROU,2001,10,30\nAGO,2000,7,7\nAGO,2001,7,\n"
    )
    index = gross_balance_index([path])
    assert index.name == "GBI"
    assert_array_equal(index, [0.0, np.nan, 0.5, -0.5])
    assert [*index.index] == [*product(("AGO", "ROU"), (2000, 2001))]
    archives = trade_archives(tmp_path)
    again = gross_balance_index(archives)
    pd.testing.assert_series_equal(again, index, check_exact=True)
    with pytest.raises(TivaxError, match=f"lacks {EXPORTS}; get it from"):
        gross_balance_index(archives[::-1])


def trade_archives(folder: Path) -> list[Path]:
    """Exports and imports as `tivax fetch` saves them: an archive each."""
    numbers = {
        EXPORTS: {"ROU": [30, 10], "AGO": [7, 7]},
        IMPORTS: {"ROU": [10, 30], "AGO": [7, ""]},
    }
    archives = []
    for series, rows in numbers.items():
        lines = [(code, series, values) for code, values in rows.items()]
        members = {f"API_{series}_DS2_en_csv_v2_1.csv": pf.api_csv(lines, (2000, 2001))}
        archives.append(pf.zip_of(folder / f"API_{series}.zip", members))
    return archives


def test_trade_is_looked_for_as_named_as_fetched_and_beside_inflation(files, tmp_path):
    def found(files):
        return FurtherData(files).trade_files

    here = replace(files, folder=tmp_path)
    assert found(here) == []

    own = tmp_path / "own.csv"
    own.write_text("iso3c,year,inflation,Exports_USD_current,Imports_USD_current\n")
    beside = replace(here, inflation=Edition("x", own))
    assert found(beside) == [own]
    assert found(replace(beside, inflation_source="weo")) == []

    (tmp_path / "deep").mkdir()
    archives = trade_archives(tmp_path / "deep")
    assert found(here) == found(beside) == archives
    assert found(replace(here, inflation_source="weo")) == archives

    named = (Edition("a", tmp_path / "a.csv"), Edition("b", tmp_path / "b.csv"))
    chosen = replace(beside, alternatives={"trade": named})
    assert found(chosen) == [tmp_path / "a.csv", tmp_path / "b.csv"]

    archives[1].unlink()
    assert found(here) == []
    assert found(beside) == [own]


# -------------------------------------------------------------- the files written


@pytest.fixture(scope="module")
def holed(panel) -> Panel:
    """The panel with a missing cell."""
    frame = panel.frame.copy()
    frame.loc[5, "RQ"] = np.nan
    return replace(panel, frame=frame)


@pytest.mark.parametrize("format", ["csv", "parquet", "dta", "xlsx"])
def test_the_panel_comes_back_from_every_format(tmp_path, holed, files, format):
    path = tmp_path / "deep" / f"panel.{format}"
    run = Run("panel", files.inputs())
    written = write_panel(holed, path, run, force=False)
    more = ["rebuild_panel.do"] if format == "dta" else []
    beside = ["panel.codebook.csv", "panel.manifest.json", *more]
    assert [p.name for p in written] == [path.name, *beside]
    assert sorted(path.parent.iterdir()) == sorted(written)

    frame = read_table(path)
    assert list(frame.columns) == list(holed.frame.columns)
    assert list(frame["iso3"]) == list(holed.frame["iso3"])
    assert_allclose(
        frame.iloc[:, 1:].astype(float),
        holed.frame.iloc[:, 1:].astype(float),
        rtol=XLSX_RTOL if format == "xlsx" else 0,
    )
    codebook = read_table(written[1])
    assert_array_equal(codebook["mean"], holed.codebook["mean"])
    assert list(codebook["file"]) == list(holed.codebook["file"])


def test_the_manifest_tells_the_inputs_the_recipe_and_the_losses(
    tmp_path, panel, files
):
    path = tmp_path / "panel.csv"
    write_panel(panel, path, Run("panel", files.inputs()), force=False)
    manifest = json.loads((tmp_path / "panel.manifest.json").read_text())
    assert manifest["command"] == "panel"
    assert manifest["outputs"] == ["panel.codebook.csv", "panel.csv"]
    assert manifest["codes"] == "paper"
    assert manifest["losses"] == reasons(panel)
    assert [Path(k["path"]).name for k in manifest["inputs"]] == [
        "data.toml",
        "tbi.csv",
        "KOF_Data_2018.dta",
        "pwt9.0.rda",
        "2020_Worldwide_Governance_Indicators_1996-2019.xlsx",
        "openness_wdi-data.csv",
    ]
    assert all(len(k["sha256"]) == 64 for k in manifest["inputs"])
    run = Run("panel", files.inputs(), sources=files.databases())
    inputs = run.manifest(residual_max=None, outputs=[])["inputs"]
    assert [k.get("source") for k in inputs] == [None, None, "kof", "pwt", "wgi", "wdi"]


@pytest.mark.parametrize(
    "name", ["panel.csv", "panel.codebook.csv", "panel.manifest.json"]
)
def test_nothing_is_overwritten_without_force(tmp_path, panel, name):
    (tmp_path / name).write_text("mine")
    path = tmp_path / "panel.csv"
    line = error_of(write_panel, panel, path, Run("panel"), force=False)
    assert f"{name}: exists already; force=True replaces" in line
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"
    told = "not a manifest" if "manifest" in name else "not a panel of tivax"
    line = error_of(write_panel, panel, path, Run("panel"), force=True)
    assert f"{name}: {told}" in line
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["panel.csv", "panel.codebook.csv"])
def test_a_panel_is_replaced_only_where_nobody_changed_it(tmp_path, panel, name):
    path = tmp_path / "panel.csv"
    write_panel(panel, path, Run("panel"), force=False)
    write_panel(panel, path, Run("panel"), force=True)
    assert len(list(tmp_path.iterdir())) == 3
    (tmp_path / name).write_text("mine")
    with pytest.raises(TivaxError, match=f"{name}: changed since `tivax panel`"):
        write_panel(panel, path, Run("panel"), force=True)
    assert (tmp_path / name).read_text() == "mine"


def test_two_formats_of_a_panel_have_two_names(tmp_path, panel):
    """They would share the codebook and the record."""
    path, other = tmp_path / "pp.csv", tmp_path / "pp.parquet"
    write_panel(panel, path, Run("panel"), force=False)
    before = contents(tmp_path)
    assert error_of(write_panel, panel, other, Run("panel"), force=True) == (
        f"{other}: pp.manifest.json beside it is the record of pp.csv; choose another "
        "name, or remove that panel first"
    )
    assert contents(tmp_path) == before
    path.unlink()
    write_panel(panel, other, Run("panel"), force=True)


@pytest.mark.parametrize("name", ["panel.csv", "panel.parquet", "link.csv"])
def test_a_panel_that_changed_since_is_not_read(tmp_path, panel, name):
    path = tmp_path / name.replace("link", "panel")
    write_panel(panel, path, Run("panel"), force=False)
    (tmp_path / "elsewhere").mkdir()
    given = path
    if name == "link.csv":
        given = tmp_path / "elsewhere" / name
        given.symlink_to(path)
    assert len(read_panel(given)) == len(panel.frame)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert error_of(read_panel, given) == (
        f"{given}: changed since `tivax panel` wrote it (panel.manifest.json); run the "
        "command again, or give a file of your own another name"
    )
    path.rename(tmp_path / "mine.csv")
    if path.suffix == ".csv":
        read_panel(tmp_path / "mine.csv")


def test_a_panel_behind_a_link_is_written_where_the_link_points(tmp_path, panel):
    (tmp_path / "disk").mkdir()
    path = tmp_path / "panel.csv"
    path.symlink_to(tmp_path / "disk" / "p.csv")
    write_panel(panel, path, Run("panel"), force=False)
    assert path.is_symlink() and len(read_table(path)) == len(panel.frame)
    assert [p.name for p in tmp_path.iterdir() if p.name != "disk"] == ["panel.csv"]
    assert len(list((tmp_path / "disk").iterdir())) == 3


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["panel.csv", "panel.codebook.csv"])
def test_a_folder_is_never_replaced_by_the_panel(tmp_path, panel, name, force):
    (tmp_path / name).mkdir()
    for content in ([], ["precious"]):
        for text in content:
            (tmp_path / name / text).touch()
        path = tmp_path / "panel.csv"
        line = error_of(write_panel, panel, path, Run("panel"), force=force)
        assert line == f"{tmp_path / name}: a folder; give the name of a file"
        assert [p.name for p in (tmp_path / name).iterdir()] == content
        assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["panel.txt", "panel", "panel.json"])
def test_an_unknown_format_writes_nothing(tmp_path, panel, name):
    path = tmp_path / "new" / name
    message = f"{path}: end the name in .csv, .parquet, .dta, .xlsx or .feather"
    assert error_of(panel_format, path) == message
    assert error_of(write_panel, panel, path, Run("panel"), force=False) == message
    assert list(tmp_path.iterdir()) == []


def test_the_format_is_that_of_the_option_or_of_the_ending():
    assert with_panel_format(Path("a.csv"), "") == Path("a.csv")
    assert with_panel_format(Path("a"), "dta") == Path("a.dta")
    assert with_panel_format(Path("a.DTA"), "dta") == Path("a.DTA")
    assert panel_format(Path("Panel.CSV")) == "csv"
    line = error_of(with_panel_format, Path("a.csv"), "dta")
    assert line == "--format dta: a.csv ends in .csv; leave one of them out"
    assert error_of(with_panel_format, Path("a"), "doc").startswith("--format doc: ")


def test_a_panel_for_stata_has_labels_and_the_main_regression_beside_it(
    tmp_path, panel
):
    path = tmp_path / "panel.dta"
    written = write_panel(panel, path, Run("panel"), force=False)
    assert [p.name for p in written][-1] == "rebuild_panel.do"
    lines = written[-1].read_text().splitlines()
    assert lines[2] == 'use "panel.dta", clear'
    assert "xtset country year" in lines
    (regression,) = [k for k in lines if k.startswith("xtreg")]
    names = regression.removeprefix("xtreg ").partition(" i.year, fe")[0].split()
    assert names[:2] == ["KOFGIdj", "TBI"] and set(names) <= set(panel.frame)
    assert regression.endswith("vce(cluster country)")
    with pd.io.stata.StataReader(path) as file:
        labels = file.variable_labels()
    assert labels["KOFGIdj"] == "globalisation, de jure [1 to 100]"
    assert all(labels.values()) and max(map(len, labels.values())) <= 80
    again = write_panel(panel, path, Run("panel"), force=True)
    assert again == written and len(list(tmp_path.iterdir())) == 4


def test_the_place_of_the_panel_is_looked_at_before_it_is_built(raw, tmp_path):
    def built(files):
        raise AssertionError("built before it looked at --out")

    out = tmp_path / "panel.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tivax.engine.panel.build_panel", built)
        out.write_text("mine")
        line = mistake("panel", "--data", raw, "--out", out)
        assert line == f"{out}: exists already; --force replaces it"
        out.unlink()
        out.mkdir()
        line = mistake("panel", "--data", raw, "--out", out, "--force")
        assert line == f"{out}: a folder; give the name of a file"
        line = mistake("panel", "--data", raw, "--out", "/proc/x.csv")
        assert line.startswith("/proc/x.csv: ") and ".part" not in line


# ------------------------------------------------------------------ the real files

# panel_identified.csv was made from inputs of 8 digits or more: the worst relative
# difference of a cell away from 0 is 5e-8, and 1e-6 the accuracy that is promised.
REAL_RTOL = 1e-6
# Cells near 0 have fewer digits: the index is published with 8 decimals (5e-9), and the
# identified lnEXR is the log of an exchange rate of 7 digits (5e-8).
REAL_ATOL = {"TBI": 5e-9, "lnEXR": 5e-8}


@pytest.mark.shared
def test_the_real_panel_is_the_identified_one_in_every_cell(shared):
    frame = paper_panel(shared).frame
    wanted = pd.read_csv(shared / "data" / "panel" / "panel_identified.csv")
    assert list(frame.columns) == list(wanted.columns)
    keys = ["iso3", "year", "developed"]
    pd.testing.assert_frame_equal(frame[keys], wanted[keys], check_dtype=False)
    for name in frame.columns[3:]:
        near = {"rtol": REAL_RTOL, "atol": REAL_ATOL.get(name, 0), "err_msg": name}
        assert_allclose(frame[name], wanted[name], **near)


@pytest.mark.shared
def test_the_real_fixed_recipe_has_42_countries_and_630_rows(shared):
    fixed = build_panel(replace(paper_files(shared), codes="fixed"))
    assert (len(fixed.frame), len(fixed.countries)) == (630, 42)
    assert [loss.iso3 for loss in fixed.losses] == ["TWN"]
    assert cell(fixed.frame, "ROU", 2000, "KOFGIdj") == pytest.approx(
        72.148933, abs=1e-6
    )


@pytest.mark.shared
def test_the_real_alternatives_give_the_same_rows(shared):
    """The last of each source at once: reading them takes seconds."""
    real = paper_files(shared)
    last = {k: real.alternatives[k][-1] for k in ("kof", "pwt", "wgi", "inflation")}
    other = build_panel(
        replace(real, **last, inflation_source="weo", inflation_override={})
    )
    assert other.countries == paper_panel(shared).countries
    assert len(other.frame) == 615
    lines = other.codebook.set_index("variable")
    assert (lines["missing"] == 0).all()
    assert lines.loc["lnCK", "series"] == "cn"
    editions = {edition.name for edition in last.values()}
    assert editions <= set(lines["edition"])
