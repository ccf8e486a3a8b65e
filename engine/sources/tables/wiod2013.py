"""WIOD, release of 2013: 41 regions x 35 sectors (ISIC Rev. 3), 1995-2011.

Million US$ at current basic prices. Two forms of the same tables are read:

``wiot_<yyyy>.RData``
    A list ``wiot_<yyyy>`` of class ``iot`` with elements year, countries (c),
    industries (s), inter (n, n), final (n, 5 c) and output (n). Rows and columns
    run by country then industry, the columns of final by country then category.
    Whole millions; no value added and no taxes.

``WIOT<yy>_ROW_Apr12.xlsx``, ``WIOT<yy>_ROW_Sep12.xlsx`` (of 2008 on)
    The official workbooks: see :func:`read_sheet`.

Sectors are named c1 ... c35 in both forms. Categories of final demand: c37
households, c38 non-profit institutions, c39 government, c41 fixed capital
formation, c42 inventories; there is no c40.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core import TivaxError
from ...files import TableFile, finding, layout
from ...files import opening as fs
from ...tables import WorldTable, normalise

# Code in row 6 of the workbooks -> name of the category.
DEMAND = {code: code for code in ("c37", "c38", "c39", "c41", "c42")}

# What lies between inputs plus value added and output, as column B names it.
BETWEEN = (
    "taxes less subsidies on products",
    "cif/ fob adjustments on exports",
    "direct purchases abroad by residents",
    "purchases on the domestic territory by non-residents",
    "international transport margins",
)

LABEL_COLUMNS = 4  # A code, B name, C country, D code within the country
FIRST_ROW = 6  # row 7 of the sheet, counted from 0


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths`` by year; of two vintages of a workbook, Sep12."""
    found = finding.gather(
        paths,
        r"wiot_?(?P<year>\d{4}|\d{2})(?:\.rdata|_row_(?:apr|sep)12\.xlsx)",
        "names such as wiot_2000.RData or WIOT00_ROW_Apr12.xlsx (the release of "
        "2016 has an archive of the same name, WIOTS_in_EXCEL.zip)",
    )
    revised = {file.year for file in found if "_sep12" in file.name.lower()}
    return finding.one_per_year(
        [f for f in found if f.year not in revised or "_apr12" not in f.name.lower()]
    )


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a file."""
    if file.suffix == ".rdata":
        yield _from_list(file, fs.read_r(file))
    elif file.suffix == ".xlsx":
        yield read_sheet(file, DEMAND, sectors="c-codes")
    else:
        raise TivaxError(f"{file.name}: WIOD 2013 tables are .RData or .xlsx files")


def _from_list(file: TableFile, objects: Mapping[str, Any]) -> WorldTable:
    """The table in an R list of class ``iot``."""
    name = next((name for name in objects if str(name).startswith("wiot")), "wiot")
    table = layout.element(file, objects, name)
    if not isinstance(table, Mapping):
        raise TivaxError(
            f"{file.name}: {name} is not a list of matrices; a data frame is a table "
            "of the release of 2016 (wiod2016)"
        )
    year = layout.check_year(file, int(_numbers(file, table, "year", (1,))[0]))
    regions = normalise(np.ravel(layout.element(file, table, "countries")))
    sectors = tuple(map(str, np.ravel(layout.element(file, table, "industries"))))
    layout.check_unique(file, "countries", regions)
    layout.check_unique(file, "industries", sectors)
    c, n, f = len(regions), len(regions) * len(sectors), len(DEMAND)
    return layout.sales_table(
        file,
        (regions, sectors, DEMAND.values()),
        _numbers(file, table, "inter", (n, n)),
        _numbers(file, table, "final", (n, c * f)),
        x=_numbers(file, table, "output", (n,)),
        year=year,
    )


def _numbers(
    file: TableFile, table: Mapping[str, Any], name: str, shape: tuple[int, ...]
) -> np.ndarray:
    """One element as float64; R's missing integers become NaN."""
    values = layout.element(file, table, name)
    values = getattr(values, "to_numpy", lambda: values)()  # matrices with labels
    if getattr(values, "dtype", np.dtype("O")).kind not in "iuf":
        raise TivaxError(f"{file.name}: {name} does not hold numbers; get it again")
    layout.check_shape(file, name, values, shape)
    return np.ma.filled(values.astype(float), np.nan)


def read_sheet(
    file: TableFile,
    demand: Mapping[str, str],
    *,
    sectors: str,
    previous_prices: bool = False,
) -> WorldTable:
    """The table in a workbook laid out as WIOD lays them out.

    The block of numbers starts in E7. Rows: labels in columns A code, B name,
    C country, D code within the country (c1, or r1); first the industries by
    country, then totals, found by name: taxes, adjustments and margins (``BETWEEN``),
    *Value added at basic prices* and *Output at basic prices*. Columns: labels in rows
    3 code, 4 name, 5 country, 6 code within the country; industries as in the rows,
    then final demand by country and category, then output.

    Parameters
    ----------
    demand
        Code in row 6 and name of each category of final demand, in order.
    sectors
        Codes that become the sectors: ``"c-codes"`` of row 6, or ``"names"`` of
        column A.
    previous_prices
        Whether cell A2 must say prices of the previous year; else it must not.
    """
    title, rows = sheet_rows(file)
    _check_prices(file, rows, previous_prices)
    year = _sheet_year(file, title, rows)
    industries = _industry_rows(rows)
    c_codes = ["c" + cell_text(row[3])[1:] for row in industries]
    row_regions = normalise(row[2] for row in industries)
    regions, codes = layout.region_major(file, row_regions, c_codes)
    names = codes
    if sectors == "names":
        column_a = [cell_text(row[0]) for row in industries]
        names = tuple(column_a[: len(codes)])
        layout.check_labels(file, "codes in column A", column_a, names * len(regions))
    width = check_columns(file, rows, FIRST_ROW, regions, codes, list(demand), {})
    block = layout.numbers(file, industries, FIRST_ROW, LABEL_COLUMNS, width)
    totals = SheetTotals(file, rows, FIRST_ROW + len(industries), 1, len(industries))
    return layout.sales_table(
        file,
        (regions, names, demand.values()),
        block,
        x=totals.row("output at basic prices"),
        value_added=totals.row("value added at basic prices"),
        taxes_and_margins=totals.together(BETWEEN),
        year=year,
    )


def sheet_rows(file: TableFile) -> tuple[str, list[list[Any]]]:
    """Name and cells of the sheet that is named by a year, else of the first."""
    book = fs.open_workbook(file)
    titles = book.sheet_names
    title = next((t for t in titles if _year_in(t)), titles[0] if titles else "")
    rows = fs.read_cells(file, book, title)
    if len(rows) <= FIRST_ROW or len(rows[0]) <= LABEL_COLUMNS:
        raise TivaxError(f"{file.name}: sheet {title!r} holds no table; get it again")
    return title, rows


def check_columns(
    file: TableFile,
    rows: Sequence[Sequence[Any]],
    top: int,
    regions: Sequence[str],
    sectors: Sequence[str],
    demand: Sequence[str],
    own: Mapping[str, str],
) -> int:
    """The number of columns: industries, then final demand, as the two rows say that
    stand above ``top``; ``own`` as in ``region_codes``."""
    wanted = layout.pairs(regions, sectors) + layout.pairs(regions, demand)
    columns = slice(LABEL_COLUMNS, LABEL_COLUMNS + len(wanted))
    named, codes = ([cell_text(k) for k in rows[top - k][columns]] for k in (2, 1))
    layout.check_pairs(file, "columns", named, codes, wanted=wanted, own=own)
    return len(wanted)


class SheetTotals(NamedTuple):
    """The ``n`` first numbers of rows below the industries, by the text in ``column``.

    They have no code that all bear. ``blank``: what is read as 0.
    """

    file: TableFile
    rows: Sequence[Sequence[Any]]
    below: int
    column: int
    n: int

    def row(self, name: str, blank: Sequence[str] = ()) -> np.ndarray:
        """One of the rows; ``TivaxError`` where it is not there."""
        for k in range(self.below, len(self.rows)):
            if cell_text(self.rows[k][self.column]).lower() == name:
                cells = filled(self.rows[k], blank)
                return layout.numbers(self.file, [cells], k, LABEL_COLUMNS, self.n)[0]
        raise TivaxError(
            f"{self.file.name}: no row {name!r} below the industries; the file is "
            "incomplete, get it again"
        )

    def together(
        self, names: Sequence[str], blank: Sequence[str] = ()
    ) -> np.ndarray | None:
        """Taxes, adjustments and margins together, where the sheet has all rows."""
        there = {cell_text(row[self.column]).lower() for row in self.rows[self.below :]}
        if not set(names) <= there:
            return None
        return np.sum([self.row(name, blank) for name in names], axis=0)


def filled(row: Sequence[Any], blank: Sequence[str]) -> list[Any]:
    """The row with zeros where it says one of ``blank``."""
    return [
        0.0 if isinstance(cell, str) and cell.strip() in blank else cell for cell in row
    ]


def _check_prices(
    file: TableFile, rows: Sequence[Sequence[Any]], previous_prices: bool
) -> None:
    """The file's name and cell A2 tell at which prices a table is."""
    said = "previous" in cell_text(rows[1][0]).lower()
    if previous_prices and not said:
        raise TivaxError(
            f"{file.name}: cell A2 does not say prices of the previous year; current "
            "prices are wiod2016"
        )
    if not previous_prices and (said or "_pyp" in file.name.lower()):
        raise TivaxError(
            f"{file.name}: a table in prices of the previous year (PYP), which are "
            "wiod2016-pyp; give the tables in current prices"
        )


def _sheet_year(file: TableFile, title: str, rows: Sequence[Sequence[Any]]) -> int:
    """The year that the sheet's name or cell A1 tells."""
    year = _year_in(title) or _year_in(cell_text(rows[0][0]))
    return layout.check_year(file, year or year_of_name(file, title))


def year_of_name(file: TableFile, title: str) -> int:
    """The year of the file's name, where neither its sheet nor cell A1 tells one."""
    return finding.require_year(
        file,
        "give the file the name it is published under",
        f"no year in the file's name, in that of sheet {title!r} nor in cell A1",
    )


def _industry_rows(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows from row 7 to the first that belongs to no country."""

    def is_industry(row: Sequence[Any]) -> bool:
        total = "intermediate" in cell_text(row[1]).lower()
        return cell_text(row[2]) not in ("", "TOT") and not total

    return list(takewhile(is_industry, rows[FIRST_ROW:]))


def cell_text(cell: object) -> str:
    """Text of a cell of labels, without blanks around it."""
    return str(cell).strip()


def _year_in(text: str) -> int | None:
    years = re.findall(r"(?:19|20)\d\d", text)
    return int(years[-1]) if years else None
