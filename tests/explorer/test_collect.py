import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import TivaxError
from tivax.engine.core import Run, write_frame
from tivax.engine.explorer import collect_results, result_folders

from helpers import error_of
from result_folders import (
    REGIONS,
    UNIT,
    YEARS,
    absorbed_frame,
    indicators_frame,
    tbi_frame,
    write_indicators_folder,
    write_tbi_folder,
)


def collected(*folders, only=()):
    return collect_results(result_folders(folders), only)


def by_code(found):
    return {(k.code, k.by_partner): k for k in found.measures}


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
        measure = measures[column, False]
        want = wide(tbi_frame(), column)
        np.testing.assert_allclose(measure.values, want, rtol=rtol, atol=0)
    assert measures["tbi", False].unit == "ratio"
    assert measures["va_exports", False].unit == UNIT
    assert [k for k, v in measures.items() if v.signed] == [
        ("tbi", False),
        ("balance", True),
    ]


def test_a_balance_is_what_is_sold_less_what_is_bought(tmp_path):
    measures = by_code(collected(write_tbi_folder(tmp_path / "tbi")))
    sold = absorbed_frame().set_index(["year", "origin", "absorber"])["value_added"]
    flow, balance = (measures[k, True].values for k in ("value_added", "balance"))
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
def test_indicators_are_those_of_all_sectors_by_region_and_by_partner(tmp_path, format):
    found = collected(write_indicators_folder(tmp_path / "tiva", format))
    measures = by_code(found)
    assert list(measures) == [
        ("EXGR", False),
        ("EXGR", True),
        ("GVC_PART_BM", False),
    ]
    rows = indicators_frame().query("sector == 'TOTAL'")
    exports = rows[rows["indicator"] == "EXGR"]
    world = exports[exports["partner"] == "WLD"]
    assert_array_equal(measures["EXGR", False].values, wide(world, "value"))
    pair = exports.query("year == 2001 and region == 'DEU' and partner == 'USA'")
    assert measures["EXGR", True].values[1, 1, 2] == pair["value"].item()
    assert measures["EXGR", False].title == "gross exports"
    assert measures["GVC_PART_BM", False].unit == "%"


def test_an_interval_is_that_of_the_file_or_of_the_standard_error(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    tbi = tbi_frame()["tbi"]
    write_tbi_folder(one, tbi_ci_low=tbi - 0.1, tbi_ci_high=tbi + 0.2)
    write_tbi_folder(two, tbi_se=0.05)
    measure = by_code(collected(one))["tbi", False]
    assert_array_equal(measure.low, wide(tbi_frame().assign(tbi=tbi - 0.1), "tbi"))
    assert_array_equal(measure.high, wide(tbi_frame().assign(tbi=tbi + 0.2), "tbi"))
    measure = by_code(collected(two))["tbi", False]
    assert measure.high is not None
    # 1.96 standard errors of 0.05, a quantile that scipy gives as well.
    np.testing.assert_allclose(measure.high - measure.values, 0.0979982, rtol=1e-6)
    assert by_code(collected(one))["va_exports", False].low is None


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
    co2, jobs = measures["CO2/va_exports", False], measures["jobs/va_exports", False]
    assert_array_equal(co2.values, 2 * jobs.values)
    assert (co2.unit, jobs.unit) == ("kt", "thousand")
    assert jobs.title.startswith("jobs: ")


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
    measure = by_code(collected(tmp_path))["GEXP", True]
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
        f"{empty}: no result of tivax tbi, indicators, decompose or demo"
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
    with pytest.raises(TivaxError, match=r"indicators\.parquet: cannot be read"):
        collected(tmp_path)


def test_a_result_of_single_sectors_alone_has_nothing_to_show(tmp_path):
    frame = indicators_frame().query("sector == 'S1'")
    write_frame(frame, tmp_path, "indicators", "parquet")
    line = error_of(lambda: collected(tmp_path))
    assert line == f"{tmp_path}: its tables have no rows for all sectors"


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
