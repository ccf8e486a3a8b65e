"""GLORIA: 164 regions x 120 products, releases 057 to 060, 1990 on.

1000 US$ at basic prices: supply and use tables of all regions, a zip archive a year,
``GLORIA_MRIOs_<release>_<yyyy>.zip``. It holds csv files without header and labels:

``<date>_120secMother_AllCountries_002_T-Results_<yyyy>_<release>_Markup001(full).csv``
    Rows and columns run by region, then industries before products, then sector. Supply
    stands in industry x product, use in product x industry, the rest is zero.
``..._Y-Results_...``
    Final demand, 6 categories a region, with the rows of T; those of industries are
    zero.
``..._V-Results_...``
    Value added, 6 rows a region, with the columns of T; those of products are zero.

Markup002 to 005 are trade and transport margins, taxes and subsidies, and not read.
Labels are in ``GLORIA_ReadMe_<release>.xlsx``, sheets Regions, Sectors and Value added
and final demand.

Read as a table of products: an industry's inputs belong to its products in proportion
to what it supplies of each (industry technology, Eurostat 2008, model B: Z = U g^-1 V,
with U use, V supply and g its rows' sums). GLORIA's industries supply one product each,
so that all models give the same table. Output is the sum of the row, and supply is
compared with it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse

from ...core import TivaxError
from ...files import TableFile, finding, layout, read_text_rows
from ...files import opening as fs
from ...tables import WorldTable
from .emerging import misses

_NAME = r".*_(?P<what>[TYV])-Results_(?P<year>\d{4})_\d{3}_Markup001\(full\)\.csv"
_README = r"GLORIA_ReadMe_\d+\.xlsx"
_WANTED = (
    "names such as ..._T-Results_2022_059_Markup001(full).csv, the same of Y and V, "
    "and GLORIA_ReadMe_059.xlsx"
)


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths``, by year; the file of T represents each."""
    found = finding.gather(finding.beside(paths), f"{_NAME}|{_README}", _WANTED)
    readmes = [file for file in found if file.year is None]
    of = {k: {f.year: f for f in found if f"_{k}-Results_" in f.name} for k in "TYV"}
    tables = []
    for T in finding.one_per_year([f for f in found if "_T-Results_" in f.name]):
        parts = {k: of[k][T.year] for k in "YV" if T.year in of[k]}
        for k in "YV":
            if k not in parts:
                raise TivaxError(f"{T.name}: no file of {k} beside it; give it, too")
        tables.append(replace(T, parts={**parts, "labels": _readme(T, readmes)}))
    finding.require_tables(tables, paths, _WANTED)
    return tables


def _readme(T: TableFile, given: Sequence[TableFile]) -> TableFile:
    """The workbook of labels: one of those given, or in the folders above."""
    above = (k for folder in list(T.path.parents)[:3] for k in folder.glob("*.xlsx"))
    lies = [TableFile(k) for k in above if re.fullmatch(_README, k.name, re.IGNORECASE)]
    if not (readmes := [*given, *lies]):
        raise TivaxError(
            f"{T.name}: no GLORIA_ReadMe_059.xlsx, or of another release, which has "
            "the labels; give it, too"
        )
    return readmes[0]


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a year."""
    regions, sectors, categories = _labels(file.parts["labels"])
    c, s, f = len(regions), len(sectors), len(categories)
    n = c * s
    use, supply = _use_and_supply(file, c, s)
    Y = np.empty((n, c, f))
    for rows, block in _rows(file.parts["Y"], 2 * n, c * f):
        industry = rows % (2 * s) < s
        _require_zero(
            file.parts["Y"], block[industry], "industries sell to final demand"
        )
        Y[_number(rows[~industry], s)] = block[~industry].reshape(-1, c, f)
    added = np.zeros(2 * n)
    for _, block in _rows(file.parts["V"], None, 2 * n):
        added += block.sum(axis=0)
    of_industries, of_products = _halves(added[None, :], s)
    Z, value_added = use, of_industries[0]
    if not np.array_equal(*supply.nonzero()):  # an industry makes other products
        # Of a product in the output of each industry.
        per_output = sparse.diags_array(_inverse(supply.sum(axis=1)))
        shares = sparse.csr_array((per_output @ supply).T)
        Z = np.ascontiguousarray((shares @ use.T).T)
        value_added = shares @ value_added
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    yield layout.sales_table(
        file,
        (regions, sectors, categories),
        Z,
        Y,
        x=x,
        value_added=value_added + of_products[0],
        output_is_row_sum=True,
        edition="product by product, basic prices",
        doubts=misses(x, supply.sum(axis=0), "supply"),
    )


def _labels(file: TableFile) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Regions, sectors and categories of final demand."""
    book = fs.open_workbook(file)
    column = partial(_column, file, book)
    regions = layout.region_codes(file, column("Regions", "Region_acronyms"), {})
    sectors = column("Sectors", "Sector_names")
    categories = column("Value added and final demand", "Final_demand_names")
    layout.check_unique(file, "regions", regions)
    layout.check_unique(file, "sectors", sectors)
    layout.check_unique(file, "categories", categories)
    return regions, sectors, categories


def _column(file: TableFile, book: Any, sheet: str, name: str) -> list[str]:
    """The cells below a name in the first row of a sheet, to the first blank one."""
    layout.element(file, dict.fromkeys(book.sheet_names), sheet)
    head, *rows = fs.read_cells(file, book, sheet) or [[]]
    places = {str(cell).strip(): k for k, cell in enumerate(head)}
    at = layout.element(file, places, name)
    cells = [str(row[at]).strip() for row in rows]
    return cells[: cells.index("")] if "" in cells else cells


def _rows(
    file: TableFile, count: int | None, width: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of rows, and the rows; ``count`` of them, each of ``width`` cells."""
    first = 0
    for block in read_text_rows(file, separator=","):
        if block.shape[1] != width:
            raise TivaxError(
                f"{file.name}: {block.shape[1]:,} cells in a row, but the labels make "
                f"it {width:,}; {layout.OTHER_EDITION}"
            )
        yield np.arange(first, first + len(block)), block
        first += len(block)
    if first != count and count is not None:
        raise TivaxError(
            f"{file.name}: {first:,} rows, but the labels make it {count:,}; the file "
            "is damaged or incomplete, get it again"
        )


def _use_and_supply(
    file: TableFile, c: int, s: int
) -> tuple[np.ndarray, sparse.csr_array]:
    """Use, product x industry, and supply, industry x product."""
    n = c * s
    use = np.empty((n, n))
    cells: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for rows, block in _rows(file, 2 * n, 2 * n):
        industry = rows % (2 * s) < s
        by_industry, by_product = _halves(block, s)
        _require_zero(file, by_industry[industry], "industries sell to industries")
        _require_zero(file, by_product[~industry], "products are sold to products")
        use[_number(rows[~industry], s)] = by_industry[~industry]
        made = by_product[industry]
        at = np.nonzero(made)
        cells.append((_number(rows[industry], s)[at[0]], at[1], made[at]))
    of, to, values = (np.concatenate(k) for k in zip(*cells, strict=True))
    return use, sparse.csr_array((values, (of, to)), shape=(n, n))


def _halves(values: np.ndarray, s: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of industries, and of products."""
    rows = len(values)
    halves = values.reshape(rows, -1, 2, s)
    return halves[:, :, 0].reshape(rows, -1), halves[:, :, 1].reshape(rows, -1)


def _number(rows: np.ndarray, s: int) -> np.ndarray:
    """The number of an industry among industries, of a product among products."""
    return rows // (2 * s) * s + rows % s


def _require_zero(file: TableFile, values: np.ndarray, what: str) -> None:
    if np.any(values):
        raise TivaxError(
            f"{file.name}: {what}, which supply and use tables have not; "
            f"{layout.OTHER_EDITION}"
        )


def _inverse(values: np.ndarray) -> np.ndarray:
    return np.where(values != 0, 1 / np.where(values != 0, values, 1), 0)
