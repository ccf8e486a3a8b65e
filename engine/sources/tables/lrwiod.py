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
import pyarrow.csv

from ...core import TivaxError, count_text, require_count
from ...files import TableFile, finding, layout
from ...files import opening as fs
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
    cells = _read_cells(file)
    if cells.num_rows == 0 or cells["year"].null_count:
        raise TivaxError(f"{file.name}: rows without a year, or none; get it again")
    year = cells["year"].to_numpy()
    value = cells["value"].to_numpy()
    labels = {name: cells[name].unify_dictionaries() for name in LABELS}
    del cells
    names = {name: _names(name, labels[name]) for name in LABELS}
    codes = {name: _codes(labels[name]) for name in LABELS}
    del labels

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
        yield WorldTable(
            year=int(one),
            regions=tuple(regions),
            sectors=tuple(sectors),
            categories=CATEGORIES,
            Z=np.ascontiguousarray(block[:n, :n]),
            Y=block[:n, n:-1].reshape(n, len(regions), len(CATEGORIES)),
            x=block[:n, -1].copy(),
            value_added=block[n, :n].copy(),
            taxes_and_margins=block[n + 1 :, :n].sum(axis=0) if whole else None,
            origin=file.name,
        )


def _read_cells(file: TableFile) -> pa.Table:
    """The columns of the csv, labels as codes: 26 bytes a row in memory."""
    types = {name: pa.dictionary(pa.int32(), pa.string()) for name in LABELS}
    types |= {"year": pa.int16(), "value": pa.float64()}
    with fs.open_text(file) as stream, fs.parsing(file):
        return pyarrow.csv.read_csv(
            stream,
            # On one thread the error of a bad cell names its row.
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=["year", *LABELS, "value"], column_types=types
            ),
        )


def _names(column: str, labels: pa.ChunkedArray) -> list[str]:
    """The labels that occur, in order, without x; regions in the spelling of tivax."""
    found = labels.chunk(0).dictionary.to_pylist()
    if column.endswith("country"):
        found = normalise(found)
    return [name.removeprefix("x") for name in found]


def _codes(labels: pa.ChunkedArray) -> np.ndarray:
    """The position of each label in ``_names``; -1 where the cell is blank."""
    parts = [chunk.indices.fill_null(-1).to_numpy() for chunk in labels.chunks]
    return np.concatenate(parts)


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
    for problem, bad in (("lacks", times == 0), ("repeats", times > 1)):
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise TivaxError(
                f"{file.name}: {year} {problem} {count_text(int(bad.sum()), 'cell')}, "
                f"first {rows[i]} to {columns[j]}; the file is damaged or incomplete, "
                "get it again"
            )
    block = np.zeros(shape)
    block.reshape(-1)[at] = value[used]
    return block
