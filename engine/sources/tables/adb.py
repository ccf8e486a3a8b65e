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
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from ...core import TivaxError, load_toml
from ...files import TableFile, layout
from ...tables import WorldTable
from .wiod2013 import cell_text, sheet_rows, year_of_name

# Households, institutions serving them, government, fixed capital, inventories.
DEMAND = {"F1": "CONS_h", "F2": "CONS_np", "F3": "CONS_g", "F4": "GFCF", "F5": "INVEN"}

# Codes of ADB that differ from ISO 3166-1 alpha-3.
CODES = load_toml(__package__, "adb.toml")

# What lies between inputs plus value added and output: taxes less subsidies, cif/fob
# adjustments, purchases abroad and by non-residents, transport margins.
BETWEEN = ("r99", "r61", "r62", "r63", "trs")

LABEL_COLUMNS = 4  # A is empty, B name, C region, D code
# How workbooks of some years write no sales; error values are read as nothing, too.
_BLANK = ("", "NA")


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a workbook."""
    title, cells = sheet_rows(file)
    top = _code_row(file, title, cells)
    # The codes of totals, below, begin with another letter.
    industries = list(
        takewhile(lambda row: cell_text(row[3]).startswith("c"), cells[top + 1 :])
    )
    n = len(industries)
    row_codes = [cell_text(row[3]) for row in industries]
    row_regions = [cell_text(row[2]) for row in industries]
    regions, sectors = layout.region_major(
        file, layout.region_codes(file, row_regions, CODES), row_codes
    )
    c, f = len(regions), len(DEMAND)
    columns = slice(LABEL_COLUMNS, LABEL_COLUMNS + n + c * f)
    column_regions = [cell_text(cell) for cell in cells[top - 1][columns]]
    column_codes = [cell_text(cell) for cell in cells[top][columns]]
    layout.check_labels(
        file,
        "columns",
        layout.coded_pairs(file, column_regions, column_codes, own=CODES),
        layout.pairs(regions, sectors) + layout.pairs(regions, list(DEMAND)),
    )
    block = layout.numbers(
        file, [_filled(row) for row in industries], top + 1, LABEL_COLUMNS, n + c * f
    )
    yield WorldTable(
        year=_year(file, title, cells),
        regions=regions,
        sectors=sectors,
        categories=tuple(DEMAND.values()),
        Z=np.ascontiguousarray(block[:, :n]),
        Y=block[:, n:].reshape(n, c, f),
        x=_total(file, cells, top + 1 + n, "r69", n),
        value_added=_total(file, cells, top + 1 + n, "r64", n),
        taxes_and_margins=_between(file, cells, top + 1 + n, n),
        origin=file.name,
        edition=_prices(file, cells[:top]),
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


def _filled(row: Sequence[Any]) -> list[Any]:
    """The row with zeros where no sales are written as nothing or as NA."""
    blank = [isinstance(cell, str) and cell.strip() in _BLANK for cell in row]
    return [0.0 if empty else cell for cell, empty in zip(row, blank, strict=True)]


def _total(
    file: TableFile, cells: Sequence[Sequence[Any]], below: int, code: str, n: int
) -> np.ndarray:
    """One of the rows from ``below`` on, where totals stand."""
    for k in range(below, len(cells)):
        if cell_text(cells[k][3]) == code:
            return layout.numbers(file, [cells[k]], k, LABEL_COLUMNS, n)[0]
    raise TivaxError(
        f"{file.name}: no row {code} below the industries; the file is incomplete, "
        "get it again"
    )


def _between(
    file: TableFile, cells: Sequence[Sequence[Any]], below: int, n: int
) -> np.ndarray | None:
    """Taxes, adjustments and margins together, where the workbook has all rows."""
    codes = {cell_text(row[3]): k for k, row in enumerate(cells[below:], start=below)}
    if not set(BETWEEN) <= codes.keys():
        return None
    rows = [
        layout.numbers(file, [_filled(cells[k])], k, LABEL_COLUMNS, n)[0]
        for k in (codes[code] for code in BETWEEN)
    ]
    return np.sum(rows, axis=0)


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
