"""FIGARO (Eurostat): 46 or 50 regions x 64 industries or products, 2010 on.

Million euro at current basic prices, a csv file a year. Two forms of the same tables,
each industry by industry (``ind-by-ind``) or product by product (``prod-by-prod``):

``matrix_eu-ic-io_ind-by-ind_<ed>ed_<yyyy>.csv``
    Rows and columns are named region_sector (``AT_A01``); the sector goes on after
    the first underscore. Columns: industries by region, then final demand by region
    and category. Rows: industries, then six totals of ``W2``.

``flatfile_eu-ic-io_ind-by-ind_<ed>ed_<yyyy>.csv``
    A row for each cell: label of the row, label of the column, the same taken apart,
    ``obsValue``.

There is no output: it is the sum of a row. Value added at basic prices is the sum of
D1 compensation of employees, D29X39 other net taxes on production and B2A3G gross
operating surplus; D21X31 are taxes less subsidies on products. Consumption is that on
the territory: OP_RES and OP_NRES, which lead to that of residents, are not used.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ...core import TivaxError, require_count
from ...files import (
    TableFile,
    coded,
    finding,
    layout,
    read_cells,
    read_text_table,
)
from ...files import opening as fs
from ...tables import WorldTable

# Government, households, institutions serving them, fixed capital formation,
# changes in inventories and valuables.
CATEGORIES = ("P3_S13", "P3_S14", "P3_S15", "P51G", "P5M")
TOTALS = ("D21X31", "OP_RES", "OP_NRES", "D1", "D29X39", "B2A3G")
VALUE_ADDED = ("D1", "D29X39", "B2A3G")

# Greece and the United Kingdom as Eurostat writes them elsewhere.
CODES = {"FIGW1": "ROW", "WRL_REST": "ROW", "EL": "GRC", "UK": "GBR"}

# Cells are rounded to 0.001: the sum of an empty industry may be as much below zero.
ROUNDING = 0.002


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a file."""
    finding.year_of_name(file, "matrix_eu-ic-io_ind-by-ind_26ed_2019.csv")
    text = fs.first_line(file).decode("utf-8-sig", "replace")
    header = [cell.strip(' "\r\n') for cell in text.split(",")]
    if len(header) == 7 and header[-1] == "obsValue":
        yield _table(file, *_flat(file, header))
    else:
        table = read_text_table(file, header=1, labels=1, separator=",")
        yield _table(file, table.labels[0], table.header[0], table.values)


def _flat(
    file: TableFile, header: list[str]
) -> tuple[list[str], list[str], np.ndarray]:
    """Labels and numbers of the long form, each cell of which must be there once."""
    row, column, value = header[0], header[1], header[-1]
    if len({row, column, value}) < 3:
        raise TivaxError(f"{file.name}: columns of one name; get it again")
    cells = read_cells(file, [row, column], {value: pa.float64()}, blanks=True)
    rows, row_at = coded(cells[row])
    columns, column_at = coded(cells[column])
    if not rows or min(row_at.min(), column_at.min()) < 0:
        raise TivaxError(f"{file.name}: cells without a label, or none; get it again")
    require_count(file.name, len(rows) * len(columns))
    at = row_at * len(columns) + column_at
    shape = len(rows), len(columns)
    times = np.bincount(at, minlength=shape[0] * shape[1]).reshape(shape)
    layout.check_once(file, times, rows, columns)
    values = np.empty(shape)
    values.reshape(-1)[at] = cells[value].to_numpy()
    return _ordered(rows, columns, values)


def _ordered(
    rows: list[str], columns: list[str], values: np.ndarray
) -> tuple[list[str], list[str], np.ndarray]:
    """Rows and columns in the order of the matrix files, which is that of the codes.

    Labels of nothing known come last.
    """
    region, sector = _parts([label for label in rows if not label.startswith("W2_")])
    regions = sorted(set(region))
    industries = _labels(regions, sorted(set(sector)))
    i = _sorted_by(rows, industries + _labels(["W2"], TOTALS))
    j = _sorted_by(columns, industries + _labels(regions, CATEGORIES))
    return [rows[k] for k in i], [columns[k] for k in j], values[np.ix_(i, j)]


def _labels(regions: Sequence[str], codes: Sequence[str]) -> list[str]:
    return [f"{region}_{code}" for region in regions for code in codes]


def _sorted_by(labels: Sequence[str], wanted: Sequence[str]) -> list[int]:
    position = {label: k for k, label in enumerate(wanted)}
    return sorted(
        range(len(labels)), key=lambda k: position.get(labels[k], len(wanted))
    )


def _table(
    file: TableFile, rows: list[str], columns: list[str], values: np.ndarray
) -> WorldTable:
    """The table of labelled numbers, in the order of the matrix files."""
    n = sum(not label.startswith("W2_") for label in rows)
    regions, sectors = layout.region_major(file, *_parts(rows[:n]), own=CODES)
    layout.check_labels(
        file, "rows below the industries", rows[n:], _labels(["W2"], TOTALS)
    )
    wanted = layout.pairs(regions, sectors) + layout.pairs(regions, CATEGORIES)
    layout.check_pairs(file, "columns", *_parts(columns), wanted=wanted, own=CODES)
    x = values[:n].sum(axis=1)
    x[(x < 0) & (x >= -ROUNDING)] = 0
    totals = dict(zip(TOTALS, values[n:, :n], strict=True))
    products = any(sector.startswith("CPA_") for sector in sectors)
    return layout.sales_table(
        file,
        (regions, sectors, CATEGORIES),
        values[:n],
        x=x,
        value_added=sum((totals[name] for name in VALUE_ADDED), np.zeros(n)),
        taxes_and_margins=sum(
            (totals[name] for name in TOTALS if name not in VALUE_ADDED), np.zeros(n)
        ),
        output_is_row_sum=True,
        edition="product by product" if products else "industry by industry",
    )


def _parts(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """``AT_C31_32`` is C31_32 of AT."""
    parts = [label.partition("_") for label in labels]
    return [part[0] for part in parts], [part[2] for part in parts]
