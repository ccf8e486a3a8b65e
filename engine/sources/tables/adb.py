"""ADB MRIO: 63, 73 or 75 regions x 35 sectors (ISIC Rev. 3), 2000 and 2007 on.

Million US$, a workbook a year, at current prices or at constant prices of 2010:
``edition`` of the table says which. How many regions a workbook has, only its content
tells.

The sheet ``ADB MRIO <yyyy>`` is laid out much as WIOD's. Rows: labels in columns B
name, C region, D code; first the industries c1 ... c35 by region, then totals by code,
among them r64 value added at basic prices and r69 output. Columns from E: above the
codes of industries and of final demand F1 ... F5 is a row of regions; the last
column is output. The number of rows above differs between vintages.

Regions have ADB's own codes. Categories of final demand are named as in WIOD 2016.

A workbook ``..._4x3_...`` holds them in few regions and sectors, with CO2: the release
of the R package adbmrio (MIT), whose sheets are inputs, final demand, and output with
value added and emissions; labels are such as ``PRC_Services``.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from ...core import TivaxError, load_toml
from ...files import TableFile, layout, opening
from ...tables import WorldTable
from .wiod2013 import (
    LABEL_COLUMNS,
    SheetTotals,
    cell_text,
    check_columns,
    filled,
    sheet_rows,
    year_of_name,
)

# Households, institutions serving them, government, fixed capital, inventories.
DEMAND = {"F1": "CONS_h", "F2": "CONS_np", "F3": "CONS_g", "F4": "GFCF", "F5": "INVEN"}

# Codes of ADB that differ from ISO 3166-1 alpha-3.
CODES = load_toml(__package__, "adb.toml")

# What lies between inputs plus value added and output: taxes less subsidies, cif/fob
# adjustments, purchases abroad and by non-residents, transport margins.
BETWEEN = ("r99", "r61", "r62", "r63", "trs")

# How workbooks of some years write no sales; error values are read as nothing, too.
_BLANK = ("", "NA")


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a workbook."""
    if _FEW.search(file.name):
        yield _few(file)
        return
    title, cells = sheet_rows(file)
    top = _code_row(file, title, cells)
    # The codes of totals, below, begin with another letter.
    industries = list(
        takewhile(lambda row: cell_text(row[3]).startswith("c"), cells[top + 1 :])
    )
    row_codes = [cell_text(row[3]) for row in industries]
    row_regions = [cell_text(row[2]) for row in industries]
    regions, sectors = layout.region_major(file, row_regions, row_codes, own=CODES)
    width = check_columns(file, cells, top + 1, regions, sectors, list(DEMAND), CODES)
    block = layout.numbers(
        file, [filled(row, _BLANK) for row in industries], top + 1, LABEL_COLUMNS, width
    )
    totals = SheetTotals(file, cells, top + 1 + len(industries), 3, len(industries))
    yield layout.sales_table(
        file,
        (regions, sectors, DEMAND.values()),
        block,
        x=totals.row("r69"),
        value_added=totals.row("r64"),
        taxes_and_margins=totals.together(BETWEEN, _BLANK),
        year=_year(file, title, cells),
        edition=_prices(file, cells[:top]),
    )


_FEW = re.compile(r"_\d+x\d+(?:_|\.)")
_INPUTS, _FINAL, _INDUSTRIES = "Intermediate_Demand_Z", "Final_Demand_Y", "VA_and_CO2"
_TOP = "Sector_Region"
_OUTPUT, _ADDED, _CO2 = "Output_X", "Value_Added", "CO2_Emissions"


def _few(file: TableFile) -> WorldTable:
    """The table of a workbook of few regions and sectors."""
    about, names, block = _sheet(file, _INDUSTRIES)
    labels = layout.region_major(file, *zip(*about, strict=True), own=CODES)
    rows = ["_".join(k) for k in about]
    x, added = (block[:, names.index(k)] for k in (_OUTPUT, _ADDED))
    cells = []
    regions = list(dict.fromkeys(region for region, _ in about))
    for sheet, wanted in ((_INPUTS, rows), (_FINAL, regions)):
        found, columns, block = _sheet(file, sheet)
        layout.check_labels(file, sheet, ["_".join(k) for k in found], rows)
        layout.check_labels(file, sheet, columns, wanted)
        cells.append(block)
    return layout.sales_table(file, (*labels, ["FD"]), *cells, x=x, value_added=added)


def _sheet(
    file: TableFile, name: str
) -> tuple[list[tuple[str, ...]], list[str], np.ndarray]:
    """Region and sector of rows, names of columns, numbers."""
    cells = opening.read_cells(file, opening.open_workbook(file), name)
    corner = [
        (i, j) for i in range(len(cells)) for j in range(2) if cells[i][j] == _TOP
    ]
    if not corner:
        raise TivaxError(f"{file.name}: sheet {name!r} has no {_TOP}; get it again")
    top, left = corner[0]
    columns = list(map(cell_text, cells[top][left + 1 :]))
    rows = cells[top + 1 :]
    labels = [cell_text(row[left]).partition("_")[::2] for row in rows]
    return labels, columns, layout.numbers(file, rows, top + 1, left + 1, len(columns))


def emissions(file: TableFile) -> pd.DataFrame:
    """CO2 by industry of a workbook of few regions, in the columns of an account."""
    labels, names, block = _sheet(file, _INDUSTRIES)
    regions, sectors = zip(*labels, strict=True)
    return pd.DataFrame(
        {
            "year": _year(file, file.name, [[""]]),
            "region": layout.region_codes(file, regions, CODES),
            "sector": sectors,
            "co2": block[:, names.index(_CO2)],
            "unit": "1000 t",
        }
    )


def _code_row(file: TableFile, title: str, cells: Sequence[Sequence[Any]]) -> int:
    """The row of the codes of columns, among the first twelve."""
    for k, row in enumerate(cells[:12]):
        if k and cell_text(row[LABEL_COLUMNS]) == "c1":
            return k
    raise TivaxError(
        f"{file.name}: sheet {title!r} has no row of codes c1, c2, ... from column E; "
        "not a table of the ADB, or a damaged one: get it again"
    )


def _year(file: TableFile, title: str, cells: Sequence[Sequence[Any]]) -> int:
    """The year that the sheet's name tells, or cell A1.

    The first one: the title of a table at constant prices goes on with their year.
    """
    for text in (title, cell_text(cells[0][0])):
        if year := re.search(r"(?:19|20)\d\d", text):
            return layout.check_year(file, int(year[0]))
    return year_of_name(file, title)


def _prices(file: TableFile, head: Sequence[Sequence[Any]]) -> str:
    """``at current prices`` or ``at constant 2010 prices``."""
    text = " ".join(cell_text(row[0]) for row in head) + " " + file.name
    constant = re.search(r"constant.{0,3}(\d{4}).{0,3}prices", text, re.IGNORECASE)
    return f"at constant {constant[1]} prices" if constant else "at current prices"
