"""Long-run WIOD: 26 regions x 23 sectors (ISIC Rev. 3), 1965-2000, doi:10.34894/A7AXDN.

Million US$ at current basic prices. One csv file holds all years, a row a cell:
``year, row_country, row_id, row_isic3, col_country, col_id, col_isic3, value``,
about 15 million rows. Codes that are not industries begin with x. Rows: industries
of the regions, then totals of xTOT, of which xVA is read (value added at basic
prices) and, to check columns, ``BETWEEN``. Columns: industries and final demand
(xCONS_h households, xCONS_g government, xGFCF fixed capital formation, xINV
inventories) of the regions, then totals of xTOT, of which xGO is read (output).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...core import TivaxError, require_count
from ...files import TableFile, coded, finding, layout, read_cells
from ...tables import WorldTable, normalise

CATEGORIES = ("CONS_h", "CONS_g", "GFCF", "INV")

# What lies between inputs plus value added and output: taxes less subsidies, the
# discrepancy, purchases by non-residents and abroad, transport margins.
BETWEEN = ("TXSP", "SD", "PURNR", "PURR", "MRG_int")

LABELS = ("row_country", "row_isic3", "col_country", "col_isic3")


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The one file of all years below ``paths``."""
    name = "lr_wiod_wiot_final_filled.csv"
    found = finding.gather(paths, name.replace(".", r"\."), f"{name}, or a zip of it")
    if len(found) > 1:
        raise TivaxError(
            f"{found[0].name} and {found[1].name} both hold all years; "
            "give only one of them"
        )
    return found


def read(file: TableFile) -> Iterator[WorldTable]:
    """The tables of a file in order of year."""
    # 26 bytes a row in memory.
    numbers = {"year": pa.int16(), "value": pa.float64()}
    cells = read_cells(file, LABELS, numbers, blanks=False)
    if cells.num_rows == 0 or cells["year"].null_count:
        raise TivaxError(f"{file.name}: rows without a year, or none; get it again")
    year, value = cells["year"].to_numpy(), cells["value"].to_numpy()
    labels = {name: coded(cells[name]) for name in LABELS}
    del cells
    names = {name: _names(name, found) for name, (found, _) in labels.items()}
    codes = {name: places for name, (_, places) in labels.items()}

    of_region = np.array([*(name != "TOT" for name in names["row_country"]), False])
    industry_codes = np.unique(codes["row_isic3"][of_region[codes["row_country"]]])
    regions = [name for name in dict.fromkeys(names["row_country"]) if name != "TOT"]
    sectors = list(dict.fromkeys(names["row_isic3"][k] for k in industry_codes))
    require_count(file.name, (len(regions) * len(sectors)) ** 2)
    industries = layout.pairs(regions, sectors)
    whole = set(BETWEEN) <= set(names["row_isic3"])
    rows = [*industries, "TOT:VA", *layout.pairs(["TOT"], BETWEEN if whole else ())]
    columns = [*industries, *layout.pairs(regions, CATEGORIES), "TOT:GO"]
    row_at = _positions(names["row_country"], names["row_isic3"], rows)
    column_at = _positions(names["col_country"], names["col_isic3"], columns)

    # One sort is cheaper than a search through all rows for each of 36 years.
    order = np.argsort(year, kind="stable")
    years, starts = np.unique(year[order], return_index=True)
    for one, part in zip(years, np.split(order, starts[1:]), strict=True):
        row = row_at[codes["row_country"][part], codes["row_isic3"][part]]
        column = column_at[codes["col_country"][part], codes["col_isic3"][part]]
        n = len(industries)
        block = _block(file, int(one), row, column, value[part], rows, columns, n)
        yield layout.sales_table(
            file,
            (regions, sectors, CATEGORIES),
            block[:n, :-1],
            year=int(one),
            x=block[:n, -1].copy(),
            value_added=block[n, :n].copy(),
            taxes_and_margins=block[n + 1 :, :n].sum(axis=0) if whole else None,
        )


def _names(column: str, found: Sequence[str]) -> list[str]:
    """The labels that occur, in order, without x; regions in the spelling of tivax."""
    names = normalise(found) if column.endswith("country") else found
    return [name.removeprefix("x") for name in names]


def _positions(
    countries: Sequence[str], codes: Sequence[str], wanted: Sequence[str]
) -> np.ndarray:
    """The position of each pair of codes in ``wanted``; -1 for pairs not in it.

    One row and column more than there are codes: -1, a blank label, picks those.
    """
    position = {label: k for k, label in enumerate(wanted)}
    table = np.full((len(countries) + 1, len(codes) + 1), -1)
    for i, country in enumerate(countries):
        for j, code in enumerate(codes):
            table[i, j] = position.get(f"{country}:{code}", -1)
    return table


def _block(
    file: TableFile,
    year: int,
    row: np.ndarray,
    column: np.ndarray,
    value: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    n: int,
) -> np.ndarray:
    """One year as a matrix, each cell of which the file must give exactly once.

    But the corner of the totals (value added of final demand and of output), and the
    rows that only serve to check columns, where a cell that is not there is 0.
    """
    used = (row >= 0) & (column >= 0)
    at = row[used] * len(columns) + column[used]
    shape = len(rows), len(columns)
    times = np.bincount(at, minlength=shape[0] * shape[1]).reshape(shape)
    times[n, n:] = 1
    times[n + 1 :] = 1
    layout.check_once(file, times, rows, columns, f"{year} ")
    block = np.zeros(shape)
    block.reshape(-1)[at] = value[used]
    return block
