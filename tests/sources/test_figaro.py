from functools import partial

import pytest

from tivax.engine.sources.catalogue import get_source
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
