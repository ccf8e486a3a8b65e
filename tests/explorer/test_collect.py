import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import tivax as tx
from tivax.engine.core import Run, output_title, write_frame
from tivax.engine.explorer import collect_results, result_folders
from tivax.engine.explorer.page import _by_size
from tivax.engine.explorer.series import number_columns

from helpers import error_of
from result_folders import (
    REGIONS,
    UNIT,
    YEARS,
    absorbed_frame,
    indicators_frame,
    tbi_frame,
    write_change_folder,
    write_indicators_folder,
    write_tbi_folder,
    write_terms_folder,
    write_threats_folder,
)


def collected(*folders, only=()):
    return collect_results(result_folders(folders), only)


def by_code(found):
    return {(k.code, k.side): k for k in found.measures}


def wide(frame, column):
    """Years down, regions across."""
    return frame.pivot(index="year", columns="region", values=column)[list(REGIONS)]


@pytest.mark.parametrize("format", ["csv", "parquet", "dta", "xlsx"])
def test_the_index_is_that_of_the_file_to_the_last_digit(tmp_path, format):
    found = collected(write_tbi_folder(tmp_path / "tbi", format))
    assert (found.years, found.regions) == (YEARS, REGIONS)
    measures = by_code(found)
    # A sheet of Excel keeps 16 digits.
    rtol = 1e-15 if format == "xlsx" else 0
    for column in ("tbi", "va_exports", "va_imports"):
        measure = measures[column, ""]
        want = wide(tbi_frame(), column)
        np.testing.assert_allclose(measure.values, want, rtol=rtol, atol=0)
    assert measures["tbi", ""].meaning.unit == "ratio"
    assert measures["va_exports", ""].meaning.unit == UNIT
    assert [k for k, v in measures.items() if v.signed] == [
        ("tbi", ""),
        ("balance", "partner"),
    ]


def test_a_balance_is_what_is_sold_less_what_is_bought(tmp_path):
    measures = by_code(collected(write_tbi_folder(tmp_path / "tbi")))
    sold = absorbed_frame().set_index(["year", "origin", "absorber"])["value_added"]
    flow, balance = (measures[k, "partner"].values for k in ("value_added", "balance"))
    for t, year in enumerate(YEARS):
        for i, one in enumerate(REGIONS):
            for j, other in enumerate(REGIONS):
                there = sold[year, one, other]
                assert flow[t, i, j] == there
                if i == j:
                    assert np.isnan(balance[t, i, j])
                else:
                    assert balance[t, i, j] == there - sold[year, other, one]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_indicators_are_there_by_region_by_partner_and_by_sector(tmp_path, format):
    found = collected(write_indicators_folder(tmp_path / "tiva", format))
    measures = by_code(found)
    assert list(measures) == [
        ("EXGR", ""),
        ("EXGR", "partner"),
        ("EXGR", "sector"),
        ("GVC_PART_BM", ""),
        ("GVC_PART_BM", "sector"),
    ]
    rows = indicators_frame().query("sector == 'TOTAL'")
    exports = rows[rows["indicator"] == "EXGR"]
    world = exports[exports["partner"] == "WLD"]
    assert_array_equal(measures["EXGR", ""].values, wide(world, "value"))
    pair = exports.query("year == 2001 and region == 'DEU' and partner == 'USA'")
    assert measures["EXGR", "partner"].values[1, 1, 2] == pair["value"].item()
    sector = indicators_frame().query(
        "year == 2001 and region == 'DEU' and sector == 'S1' and partner == 'WLD'"
    )
    assert found.sectors == {"S1": "S1"}
    assert measures["EXGR", "sector"].values[1, 1, 0] == sector["value"].iloc[0]
    meaning = measures["EXGR", ""].meaning
    assert (meaning.title, meaning.formula) == ("gross exports", "E_sr")
    assert meaning.heading == "indicators: OECD TiVA"
    assert measures["GVC_PART_BM", ""].meaning.unit == "%"


def test_an_interval_is_that_of_the_file_or_of_the_standard_error(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    tbi = tbi_frame()["tbi"]
    write_tbi_folder(one, tbi_ci_low=tbi - 0.1, tbi_ci_high=tbi + 0.2)
    write_tbi_folder(two, tbi_se=0.05)
    measure = by_code(collected(one))["tbi", ""]
    assert_array_equal(measure.low, wide(tbi_frame().assign(tbi=tbi - 0.1), "tbi"))
    assert_array_equal(measure.high, wide(tbi_frame().assign(tbi=tbi + 0.2), "tbi"))
    measure = by_code(collected(two))["tbi", ""]
    assert measure.high is not None
    # 1.96 standard errors of 0.05, a quantile that scipy gives as well.
    np.testing.assert_allclose(measure.high - measure.values, 0.0979982, rtol=1e-6)
    assert by_code(collected(one))["va_exports", ""].low is None


def test_several_accounts_are_measures_of_their_own(tmp_path):
    folder = tmp_path / "jobs"
    folder.mkdir()
    frame = pd.concat([
        tbi_frame().assign(account=name, va_exports=tbi_frame()["va_exports"] * times)
        for name, times in (("jobs", 1), ("CO2", 2))
    ])  # fmt: skip
    write_frame(frame, folder, "tbi", "csv")
    units = {"jobs": "thousand", "CO2": "kt"}
    about = [{"value_added": k, "value_added_unit": v} for k, v in units.items()]
    (folder / "manifest.json").write_text(
        json.dumps({"command": "tbi", "accounts": about})
    )
    measures = by_code(collected(folder))
    co2, jobs = measures["CO2/va_exports", ""], measures["jobs/va_exports", ""]
    assert_array_equal(co2.values, 2 * jobs.values)
    assert (co2.meaning.unit, jobs.meaning.unit) == ("kt", "thousand")
    assert jobs.meaning.title == "jobs in exports"


@pytest.mark.parametrize("sides", [("exporter", "importer"), ("importer", "exporter")])
def test_terms_are_summed_over_sectors_and_keep_the_order_of_sides(tmp_path, sides):
    """Terms of imports come by importer first."""
    rows = [
        (2000, one, sector, other, "GEXP", 10.0 * i + j + part)
        for i, one in enumerate(["AUT", "BEL"])
        for j, other in enumerate(["AUT", "BEL"])
        for sector, part in (("S1", 0.25), ("S2", 0.5))
    ]
    columns = ["year", sides[0], "sector", sides[1], "term", "value"]
    write_frame(pd.DataFrame(rows, columns=columns), tmp_path, "decomposition", "csv")
    measure = by_code(collected(tmp_path))["GEXP", "partner"]
    assert_array_equal(measure.values, [[[0.75, 2.75], [20.75, 22.75]]])


def test_results_of_other_years_and_regions_are_shown_together(tmp_path):
    later = tbi_frame(regions=("DEU", "FRA"), years=(2002, 2003))
    (tmp_path / "later").mkdir()
    write_frame(later, tmp_path / "later", "tbi", "csv")
    found = collected(write_tbi_folder(tmp_path / "tbi"), tmp_path / "later")
    assert found.years == (2000, 2001, 2002, 2003)
    assert found.regions == (*REGIONS, "FRA")
    first, second = (k for k in found.measures if k.code == "tbi")
    assert (first.group, second.group) == ("tbi", "later")
    assert np.isnan(first.values[3]).all() and np.isnan(second.values[:2]).all()
    assert second.values[2, 4] == later["tbi"][1]


def test_only_the_measures_that_are_named_are_collected(tmp_path):
    folder = write_tbi_folder(tmp_path / "tbi")
    found = collected(folder, only=["tbi", "balance"])
    assert [k.code for k in found.measures] == ["tbi", "balance"]
    line = error_of(lambda: collected(folder, only=["tbu"]))
    assert line.startswith("no measure tbu: did you mean tbi")


def test_what_is_no_result_is_refused_in_one_line(tmp_path):
    gone, empty = tmp_path / "gone", tmp_path / "empty"
    empty.mkdir()
    assert error_of(lambda: collected(gone)) == f"{gone}: no such folder"
    assert error_of(lambda: collected(empty)) == (
        f"{empty}: no result of a tivax command with tables"
    )


@pytest.mark.parametrize(
    "text, about",
    [
        ("year,code,tbi\n2000,AUT,1\n", "no column region"),
        ("year,region,tbi\n2000,AUT,1\n2000,AUT,2\n", "tbi of 2000 AUT is there twice"),
        ("year,region,tbi\nlate,AUT,1\n", "column year holds something else"),
        ("year,region,tbi\n2000,AUT,1\n,BEL,1\n", "a row without a year"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, text, about):
    (tmp_path / "tbi.csv").write_text(text)
    line = error_of(lambda: collected(tmp_path))
    assert str(tmp_path / "tbi.csv") in line and about in line


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"command": "tbi", "units": 3}'])
def test_a_damaged_manifest_is_named(tmp_path, text):
    folder = write_tbi_folder(tmp_path / "tbi")
    (folder / "manifest.json").write_text(text)
    assert error_of(lambda: collected(folder)) == (
        f"{folder / 'manifest.json'}: not a manifest of a tivax command, or damaged; "
        "run the command again"
    )


def test_tables_are_those_that_the_manifest_records(tmp_path):
    """Their units are in it."""
    folder = write_tbi_folder(tmp_path / "tbi")
    Run("tbi").write_manifest(folder, residual_max=None)
    assert collected(folder).measures
    (folder / "footprints.csv").write_text("year,region\n")
    assert error_of(lambda: collected(folder)) == (
        f"{folder / 'footprints.csv'}: not written by `tivax tbi`, whose manifest.json "
        "lies there; move it to a folder of its own"
    )
    (folder / "footprints.csv").unlink()
    table = folder / "tbi.csv"
    table.write_text(table.read_text().replace("2000", "1999"))
    assert error_of(lambda: collected(folder)) == (
        f"{table}: changed since `tivax tbi` wrote it; run the command again"
    )


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "indicators.parquet").write_bytes(b"PAR1 and no more")
    line = error_of(collected, tmp_path)
    assert "indicators.parquet: cannot be read" in line


@pytest.mark.parametrize(
    "write, code, rows, numbers",
    [
        (write_change_folder, "change", 8, ["value", "home", "abroad", "polar", "share"]),
        (write_threats_folder, "threats", 4, ["estimate", "n", "clusters", "variation_kept"]),
    ],
)  # fmt: skip
def test_a_table_without_years_is_shown_by_its_rows(
    tmp_path, write, code, rows, numbers
):
    found = collected(write(tmp_path / "result"))
    (table,) = found.tables
    assert (found.measures, found.years) == ((), ())
    assert (table.code, len(table.frame)) == (code, rows)
    assert number_columns(table.frame) == numbers
    assert table.title == output_title(code, code)


def test_labels_of_a_long_table_are_measures_of_their_own(tmp_path):
    """Variants of a scenario, and what changed: a kind that no line of code names."""
    rows = [
        (variant, year, region, "tbi", 0.1, 0.1 + change, change, 100 * change / 0.1)
        for variant, change in (("tariff", -0.02), ("none", 0.0))
        for year in YEARS
        for region in REGIONS
    ]
    columns = "variant year region measure before after change percent".split()
    write_frame(pd.DataFrame(rows, columns=columns), tmp_path, "scenario", "csv")
    (tmp_path / "manifest.json").write_text(json.dumps({"command": "scenario"}))
    measures = by_code(collected(tmp_path))
    after = measures["tariff/tbi/after", ""]
    assert after.values == pytest.approx(0.08)
    assert after.meaning.title == "trade benefit index (tariff)"
    percent = measures["tariff/tbi/percent", ""]
    assert (percent.meaning.unit, percent.signed) == ("%", False)
    assert measures["none/tbi/change", ""].meaning.title == (
        "trade benefit index, change (none)"
    )
    made = "variant,year,region,measure,after\ncut,2000,CHN,value_added,1\n"
    (tmp_path / "scenario.csv").write_text(made + "cut,2000,USA,value_added,2\n")
    (made,) = collected(tmp_path).measures
    assert made.meaning.title == "value added (cut)"
    assert _by_size(collected(tmp_path)) == [1, 0]  # the USA are larger


def test_terms_know_the_part_that_they_add_to(tmp_path):
    measures = by_code(collected(write_terms_folder(tmp_path / "wwz")))
    parts = {code: k.meaning.part for (code, _), k in measures.items()}
    assert parts == {
        "DVA_FIN": "absorbed abroad",
        "RDV_INT": "returns home",
        "MVA_FIN": "foreign",
        "DDC_FIN": "double counted",
    }


def test_the_source_is_the_database_with_what_to_cite(tmp_path):
    folder = write_tbi_folder(tmp_path / "results")
    about = {
        "command": "tbi",
        "inputs": [{"path": "store", "source": "wiod2013"}],
        "error": [{"kind": "rounding"}],
    }
    (folder / "manifest.json").write_text(json.dumps(about))
    origin = collected(folder).origins["results"]
    assert origin.title == "World Input-Output Database, release of November 2013"
    assert "Timmer" in origin.citation and origin.errors == "rounding"
    (folder / "manifest.json").write_text(json.dumps({"command": "tbi"}))
    assert collected(folder).origins["results"].title == "results"


def test_an_interval_without_a_name_is_that_of_the_value_before_it(tmp_path):
    """As `tivax tbi --error` writes them."""
    row = "2000,{0},10,1,8,12,0.5,0.1,0.3,0.7"
    head = "year,region,va_exports,va_exports_se,va_exports_ci_low,va_exports_ci_high"
    lines = [f"{head},tbi,se,ci_low,ci_high", row.format("AUT"), row.format("DEU")]
    (tmp_path / "tbi.csv").write_text("\n".join(lines), encoding="utf-8")
    found = {k.code: k for k in collect_results(result_folders([tmp_path])).measures}
    for code, low, high in (("tbi", 0.3, 0.7), ("va_exports", 8, 12)):
        one = found[code]
        assert one.low is not None and one.high is not None
        assert (one.low == low).all() and (one.high == high).all()


def test_an_exposure_is_shown_by_partner_and_else_by_its_rows(tmp_path, small):
    tx.supply_exposure(small, "R0", "R1").save(tmp_path / "result")
    found = collected(tmp_path / "result")
    assert {"FPEM", "FPEM_FACE", "FPEM_HIDDEN"} <= {k.code for k in found.measures}
    by_row = "by_industry by_product third_countries paths rounds extraction"
    assert [k.code for k in found.tables] == by_row.split()


def test_a_manifest_may_say_that_there_is_no_error(tmp_path):
    folder = write_change_folder(tmp_path / "result")
    about = {"command": "change", "error": None}
    (folder / "manifest.json").write_text(json.dumps(about))
    assert [k.errors for k in collected(folder).origins.values()] == [""]
