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

Emissions of the same industries are Eurostat's ``env_ac_ghgfp`` and its gases
``env_ac_co2fp``, ``ch4``, ``n2o``, ``hfc``, ``pfc``, ``nf3sf6``: emissions in region
``c_orig`` and industry ``nace_r2`` for the final demand ``na_item`` of ``c_dest``, in
1000 t (``THS_T``) of CO2 or its equivalents. Those for ``TOTAL`` of the ``WORLD`` are
what an industry emits itself; households are HH. A download is tab-separated
(``estat_env_ac_co2fp.tsv``), a column a year, all other codes in the first column under
``freq,...\\TIME_PERIOD``, flags behind a number; or SDMX-CSV, a row a number. See
ec.europa.eu/eurostat/cache/metadata/en/env_ac_ghgfp_esms.htm. Industries have the codes
of NACE, such as C10-C12 for C10T12; four countries of the edition 2026 (ALB, MKD, MNE,
SRB) are in the rest of the world.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
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

# Industries of the tables, which emissions have in the spelling of NACE.
INDUSTRIES = (
    "A01 A02 A03 B C10T12 C13T15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 "
    "C29 C30 C31_32 C33 D35 E36 E37T39 F G45 G46 G47 H49 H50 H51 H52 H53 I J58 J59_60 "
    "J61 J62_63 K64 K65 K66 L M69_70 M71 M72 M73 M74_75 N77 N78 N79 N80T82 O84 P85 Q86 "
    "Q87_88 R90T92 R93 S94 S95 S96 T U"
).split()
_SECTIONS = {"D": "D35", "L68": "L", "O": "O84", "P": "P85"}
_EMISSIONS = ("c_orig", "nace_r2", "c_dest", "na_item", "unit")
_PERIOD = ("time_period", "obs_value")
_FINAL = "final"
_GAS = re.compile(r"env_ac_(ghg|co2|ch4|n2o|hfc|pfc|nf3sf6)fp", re.I)

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


def has_emissions(frame: pd.DataFrame) -> bool:
    """True for a download of Eurostat's emissions, in either form."""
    return "c_orig" in ",".join(map(str, frame.columns)).lower()


def emissions(file: TableFile, frame: pd.DataFrame) -> pd.DataFrame:
    """Emissions by industry in the columns of an account; ``final`` has households'."""
    frame = frame.rename(columns=lambda name: str(name).strip().lower())
    first, *periods = map(str, frame.columns)
    gas = _GAS.search(f"{file.name} {frame.iloc[:1, 0].to_list()}")
    if gas is None:
        raise TivaxError(f"{file.name}: names no env_ac_co2fp, nor another gas")
    is_wide = "\\" in first
    if is_wide:
        codes = first.partition("\\")[0].split(",")
        split = frame[first].astype(str).str.split(",", expand=True)
        layout.check_shape(file, first, split.to_numpy(), (len(frame), len(codes)))
        frame = frame[periods].join(split.set_axis(codes, axis=1))
    for column in _EMISSIONS:
        layout.element(file, dict.fromkeys(frame.columns), column)
    wanted = {"c_dest": "WORLD", "na_item": "TOTAL", "unit": "THS_T"}
    for column, code in wanted.items():
        frame = frame[frame[column] == code]
    sector = frame["nace_r2"].replace({r"-[A-Z]": "T", "_[A-Z]": "_"}, regex=True)
    frame = frame.assign(sector=sector.replace(_SECTIONS))
    frame = frame[frame["c_orig"].str.fullmatch("[A-Z]{2}|WRL_REST")]
    frame = frame[frame["sector"].isin([*INDUSTRIES, "HH"])]
    if not frame["sector"].isin(INDUSTRIES).any():
        said = ", ".join(f"{k} {v}" for k, v in wanted.items())
        raise TivaxError(f"{file.name}: no emissions with {said}; get all of it")
    if is_wide:
        frame = frame.melt(["c_orig", "sector"], periods, *_PERIOD)
    for column in _PERIOD:
        layout.element(file, dict.fromkeys(frame.columns), column)
    name, labels = gas[1].lower(), ["year", "region", "sector"]
    time, value = (frame[k].astype(str).str.split().str[0] for k in _PERIOD)
    frame = frame.assign(
        year=pd.to_numeric(time, errors="coerce"),
        region=layout.region_codes(file, frame["c_orig"].tolist(), CODES),
        **{name: pd.to_numeric(value, errors="coerce")},
    ).drop_duplicates([*labels, name])  # a section of one division, D and D35
    home = frame["sector"] == "HH"
    found = frame.loc[~home, [*labels, name]].assign(unit="1000 t")
    if home.any():
        own = frame.loc[home, [*labels, name]].rename(columns={name: _FINAL})
        own["sector"] = found["sector"].min()  # a number of the region, in one row
        found = found.merge(own, how="left", on=labels)
    return found.reset_index(drop=True)
