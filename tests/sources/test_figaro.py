import gzip
from dataclasses import replace
from functools import partial

import pytest

import tivax as tx
from tivax.engine import stack_years
from tivax.engine.sources.catalogue import get_source
from tivax.engine.sources.satellites import read_satellites
from tivax.engine.tables.rules import check_balance, check_same_labels, check_values

from helpers import error_of
from mrio_files import figaro_flat, figaro_matrix, figaro_world, write_lines
from published_forms import figaro_csv
from source_files import assert_holds, read_all, refusal

NAME = "matrix_eu-ic-io_ind-by-ind_26ed_2019.csv"
FLAT = "flatfile_eu-ic-io_ind-by-ind_26ed_2019.csv"


matrix, flat = (partial(figaro_csv, form=k) for k in ("matrix", "flatfile"))


# ------------------------------------------------------------------ what is read


def test_a_hand_read_cell(tmp_path):
    """FI_A01 to itself is 10 * 1 + 1 + 19; sales of FIGW1 are those of ROW."""
    text = matrix(tmp_path).read_text().splitlines()
    assert text[0].startswith("rowLabels,FI_A01,FI_C31_32,FIGW1_A01,")
    assert text[1].startswith("FI_A01,30.0,")
    (table,) = read_all("figaro", tmp_path)
    assert (table.industry(0), table.Z[0, 0]) == ("FIN:A01", 30)
    assert table.regions == ("FIN", "ROW", "ROU")
    assert table.sectors == ("A01", "C31_32")


def test_products_are_told_from_industries(tmp_path):
    world = figaro_world(2019, ("CPA_A01", "CPA_C31_32"), "product by product")
    name = NAME.replace("ind-by-ind", "prod-by-prod")
    path = write_lines(tmp_path / "a" / name, figaro_matrix(world))
    (table,) = read_all("figaro", path)
    assert_holds(table, world)
    assert table.edition == "product by product"
    flat_name = FLAT.replace("ind-by-ind", "prod-by-prod")
    path = write_lines(tmp_path / "b" / flat_name, figaro_flat(world))
    assert_holds(read_all("figaro", path)[0], world)
    assert "lacks sector A01" in error_of(check_same_labels, figaro_world(), table)


def test_an_empty_industry_below_zero_by_rounding_has_no_output(tmp_path):
    def change(text):
        text[2] = ",".join(["FI_C31_32", "-0.001", *["0"] * 20])
        rows = [line.split(",") for line in text]
        for row in rows[1:]:
            row[2] = "0"
        text[:] = [",".join(row) for row in rows]

    (table,) = read_all("figaro", matrix(tmp_path, change=change))
    assert table.x[1] == 0
    check_balance(table, get_source("figaro").tolerance)


def test_output_well_below_zero_is_not_hidden(tmp_path):
    def change(text):
        text[2] = ",".join(["FI_C31_32", *["0"] * 20, "-5"])

    (table,) = read_all("figaro", matrix(tmp_path, change=change))
    assert "1 negative output, first FIN:C31_32" in error_of(check_values, table)


# --------------------------------------------------------------- finding the files


def test_a_name_without_a_year_is_refused(tmp_path):
    path = matrix(tmp_path).rename(tmp_path / "figaro.csv")
    assert "the name does not tell the year" in refusal("figaro", path)


# ---------------------------------------------------------------- wrong contents


def put(line, column, text):
    def change(lines):
        cells = lines[line].split(",")
        cells[column] = text
        lines[line] = ",".join(cells)

    return change


def swap_columns(i, j):
    def change(lines):
        for k, line in enumerate(lines):
            cells = line.split(",")
            cells[i], cells[j] = cells[j], cells[i]
            lines[k] = ",".join(cells)

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t.pop(), "rows below the industries lack W2_B2A3G"),
        (lambda t: t.pop(6), "rows lack ROU:C31_32"),
        (lambda t: t.insert(3, t.pop(4)), "rows are in another order"),
        (lambda t: t.insert(7, t.pop(8)), "rows below the industries are in another"),
        (put(1, 0, "XX_A01"), "no country XX in ISO 3166-1"),
        (put(0, 7, "FI_P3_S99"), "columns lack FIN:P3_S13"),
        (swap_columns(7, 8), "columns are in another order, first at position 7"),
        (put(2, 4, "n.a."), "a cell holds 'n.a.', not a number"),
        (lambda t: t.__delitem__(slice(1, 7)), "no rows of industries"),
    ],
)
def test_a_matrix_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    assert message in refusal("figaro", matrix(tmp_path, change=change))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t.pop(5), "lacks 1 cell, first FIGW1_A01 to FIGW1_P3_S15"),
        (lambda t: t.append(t[5]), "repeats 1 cell, first FIGW1_A01 to FIGW1_P3"),
        (lambda t: t.__delitem__(slice(22, 43)), "rows lack ROW:C31_32"),
        (put(3, 6, "n.a."), "invalid value 'n.a.'"),
        (put(3, 0, ""), "cells without a label"),
        (lambda t: t.__delitem__(slice(1, None)), "cells without a label, or none"),
    ],
)
def test_a_flat_file_that_is_not_a_whole_table_is_refused(tmp_path, change, message):
    assert message in refusal("figaro", flat(tmp_path, change=change))


def test_a_blank_cell_is_refused_by_its_labels(tmp_path):
    for write, change in ((matrix, put(1, 3, "")), (flat, put(3, 6, ""))):
        (table,) = read_all("figaro", write(tmp_path, change=change))
        assert "has 1 cell without a number" in error_of(check_values, table)


# ---------------------------------------------------------------------- emissions

AREAS = {"FI": "FIN", "EL": "GRC", "UK": "GBR", "WRL_REST": "ROW"}
NACE = {
    "A01": "A01",
    "C31_C32": "C31_32",
    "C10-C12": "C10T12",
    "D35": "D35",
    "L68": "L",
}


def eurostat_rows():
    """Rows of a footprint: origin, industry, destination, use, unit, two years."""
    rows = {}
    for r, area in enumerate([*AREAS, "EU27_2020", "WORLD"]):
        for s, nace in enumerate([*NACE, "D", "HH", "TOTAL", "TOTAL_HH"]):
            for to in ("WORLD", "FI"):
                for use in ("TOTAL", "P3_S14"):
                    for unit in ("THS_T", "T_HAB"):
                        s = list(NACE).index("D35") if nace == "D" else s
                        first = 1000 * r + 10 * s + 0.5
                        kept = to == "WORLD" and use == "TOTAL" and unit == "THS_T"
                        values = (first, first + 1) if kept else (7e6, 7e6)
                        rows[area, nace, to, use, unit] = values
    return rows


def eurostat_file(folder, form, gas="co2", change=lambda rows: None):
    """As Eurostat's bulk downloads are: tab-separated, or SDMX-CSV."""
    rows = eurostat_rows()
    change(rows)
    path = folder / f"estat_env_ac_{gas}fp.{form}"
    if form.startswith("tsv"):
        head = "freq,c_orig,nace_r2,c_dest,na_item,unit\\TIME_PERIOD\t2019 \t2020 "
        lines = [f"A,{','.join(k)}\t{a} \t{b} e" for k, (a, b) in rows.items()]
    else:
        head = "DATAFLOW,LAST UPDATE,freq,nace_r2,c_orig,c_dest,na_item,unit,TIME_PERIOD,OBS_VALUE,OBS_FLAG"
        lines = [
            f"ESTAT:ENV_AC_CO2FP(1.0),01/01/26,A,{k[1]},{k[0]},{','.join(k[2:])},{year},{v},"
            for k, values in rows.items()
            for year, v in zip((2019, 2020), values, strict=True)
        ]
    text = "\n".join([head, *lines]) + "\n"
    opened = gzip.open if form.endswith("gz") else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


@pytest.mark.parametrize("form", ["tsv", "tsv.gz", "csv"])
def test_emissions_have_the_industries_and_regions_of_the_tables(tmp_path, form):
    path = eurostat_file(tmp_path, form)
    (account,) = read_satellites(path)
    assert (account.name, account.attrs["units"]) == ("co2", "1000 t")
    assert set(account["region"].values) == set(AREAS.values())
    assert set(account["sector"].values) == set(NACE.values())
    for r, region in enumerate(AREAS.values()):
        for s, sector in enumerate(NACE.values()):
            at = {"region": region, "sector": sector}
            assert account.sel({**at, "year": 2019}) == 1000 * r + 10 * s + 0.5
            assert account.sel({**at, "year": 2020}) == 1000 * r + 10 * s + 1.5
    (households,) = read_satellites(path, final=True)
    assert float(households.sel(year=2020, region="GRC")) == 1000 + 60 + 1.5


def test_emissions_are_an_account_of_the_tables(tmp_path):
    (table,) = read_all("figaro", matrix(tmp_path))
    years = [table.year, table.year + 1]
    tables = stack_years([replace(table, year=k) for k in years])

    def change(rows):
        own = {"FI": "FI", "EL": "RO", "WRL_REST": "WRL_REST"}
        kept = {
            k: v for k, v in rows.items() if k[0] in own and k[1] in ("A01", "C31_C32")
        }
        rows.clear()
        rows.update({(own[k[0]], *k[1:]): v for k, v in kept.items()})

    (account,) = read_satellites(eurostat_file(tmp_path, "tsv", "ghg", change))
    made = tx.footprints(tables, account)["production_based"]
    assert float(made.sum()) == pytest.approx(float(account.sum()), rel=1e-12)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda rows: [rows.pop(k) for k in [*rows] if k[2] == "WORLD"], "c_dest WORLD, na_item TOTAL, unit THS_T; get all of it"),
        (lambda rows: rows.update({("FI", "A01", "WORLD", "TOTAL", "THS_T"): (":", 1)}), "must hold a number in every row, but has nan for 2019 FIN A01"),
        (lambda rows: rows.update({("XX", "A01", "WORLD", "TOTAL", "THS_T"): (1, 1)}), "no country XX in ISO 3166-1"),
    ],
)  # fmt: skip
def test_emissions_that_are_not_whole_are_refused(tmp_path, change, message):
    path = eurostat_file(tmp_path, "tsv", change=change)
    assert message in error_of(read_satellites, path)


def test_emissions_of_no_known_gas_are_refused(tmp_path):
    path = eurostat_file(tmp_path, "tsv").rename(tmp_path / "mine.tsv")
    assert "mine.tsv: names no env_ac_co2fp, nor another gas" in error_of(
        read_satellites, path
    )
