"""EXIOBASE 3: 49 regions x 163 industries (ixi) or 200 products (pxp), 1995 on.

Million euro at current basic prices. A folder or a zip archive ``IOT_<yyyy>_ixi`` a
year, with tab-separated tables:

``Z.txt``, else ``A.txt``
    Intermediate sales (versions before 3.8: only input coefficients, Z = A diag(x)).
    Two columns of labels, region and sector, and as many header lines, below which
    is a line that names the labels.
``Y.txt``
    Final demand, laid out alike, by region and category. The last category,
    exports, must be zero: all trade is by region.
``x.txt``
    Output, a column. Where there is none, output is the sum of the row of Z, or
    (I - A)^-1 Y 1.
``factor_inputs/F.txt``, up to 3.8 ``satellite/F.txt``
    The first nine rows are taxes less subsidies on products, other net taxes on
    production, compensation of employees (3) and operating surplus (4). All but
    the first add up to value added at basic prices. Need not be there.
``unit.txt``
    Units of the sectors, by which tables in physical units are recognised and refused.

Regions have codes of ISO 3166-1 alpha-2 (versions to 3.4: partly alpha-3). The five
rests of the world have codes of three letters here, as in those versions: WWA (Asia and
Pacific), WWE (Europe), WWF (Africa), WWL (America), WWM (Middle East).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...core import TivaxError
from ...files import TableFile, TextTable, finding, layout, read_text_table
from ...files import opening as fs
from ...tables import WorldTable

CODES = {f"W{letter}": f"WW{letter}" for letter in "AEFLM"}
_check_pairs = partial(layout.check_pairs, own=CODES)

# How the first rows of F begin. The first is not part of value added.
FACTORS = (
    "Taxes less subsidies on products",
    "Other net taxes on production",
    *["Compensation of employees"] * 3,
    *["Operating surplus"] * 4,
)

SYSTEMS = {163: "industry by industry", 200: "product by product"}

# The files of a table, below its folder, and what they hold; the first that is there.
_PARTS = {
    "Z": ("Z.txt", "A.txt"),
    "Y": ("Y.txt",),
    "x": ("x.txt",),
    "F": ("factor_inputs/F.txt", "satellite/F.txt"),
    "unit": ("unit.txt",),
    "metadata": ("metadata.json",),
}
_EXPECTED = (
    "folders or archives such as IOT_2011_ixi with Z.txt (or A.txt), Y.txt and x.txt"
)


_YEAR = r"(?<!\d)(?:19|20)\d\d(?!\d)"
_MONEY = ("MEUR", "MILLEUR", "MILLIONEUR")


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths``, by year. A file represents its folder."""
    names = r"[azyxf]\.txt|unit\.txt|metadata\.json"
    at = finding.located(finding.beside(paths), names, _EXPECTED)
    sales = [k.rpartition("/")[0] for k in at if k.endswith(("/Z.txt", "/A.txt"))]
    tables = [_together(folder, at) for folder in dict.fromkeys(sales)]
    finding.require_tables(tables, paths, _EXPECTED)
    return finding.one_per_year(tables)


def _together(folder: str, at: Mapping[str, TableFile]) -> TableFile:
    """The table in a folder: the file of sales, and the others as its parts."""
    parts = {}
    for what, names in _PARTS.items():
        here = [f"{folder}/{name}" for name in names if f"{folder}/{name}" in at]
        if here:
            shown = here[0].removeprefix(folder.rpartition("/")[0] + "/")
            parts[what] = replace(at[here[0]], folder=shown.rpartition("/")[0])
    sales = parts.pop("Z")
    if "Y" not in parts:
        raise TivaxError(f"{sales.name}: no Y.txt beside it; give the whole folder")
    return replace(sales, year=_year(sales, folder, parts), parts=parts)


def _year(sales: TableFile, folder: str, parts: Mapping[str, TableFile]) -> int:
    """The year that the folder's name or an archive's tells, else metadata.json."""
    named = re.findall(r"IOT_(\d{4})", folder)
    named += re.findall(_YEAR, folder.rpartition("/")[2])
    if not named and "metadata" in parts:
        texts = fs.json_texts(parts["metadata"], "name", "description")
        named = re.findall(_YEAR, " ".join(texts))
    year = int(named[-1]) if named else None
    remedy = "give the folder or archive its published name, such as IOT_2011_ixi"
    return finding.require_year(replace(sales, year=year), remedy)


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a folder."""
    _require_money(file)
    sales = read_text_table(file, header=2, labels=2)
    regions, sectors, rows = _labels(file, sales)
    demand, categories = _final_demand(file, regions, rows)
    Z, x = sales.values, _output(file, rows)
    if Path(file.name).name.endswith("A.txt"):
        if x is None:
            x = np.linalg.solve(np.eye(len(Z)) - Z, demand.sum(axis=(1, 2)))
        Z *= x[None, :]
    elif x is None:
        x = Z.sum(axis=1) + demand.sum(axis=(1, 2))
    factors = _factors(file, rows)
    yield layout.sales_table(
        file,
        (regions, sectors, categories),
        Z,
        demand,
        x=x,
        value_added=None if factors is None else factors[1:].sum(axis=0),
        edition=SYSTEMS.get(len(sectors), ""),
        taxes_and_margins=None if factors is None else factors[0],
        output_is_row_sum="x" not in file.parts,
    )


def _require_money(file: TableFile) -> None:
    """Raise ``TivaxError`` where a sector is not in millions of euro."""
    if "unit" not in file.parts:
        return
    lines = fs.read_text(file.parts["unit"], "replace").split("\n")
    units = {line.split("\t")[-1].strip() for line in lines[1:] if line.strip()}
    others = sorted(k for k in units if re.sub(r"[^A-Z]", "", k.upper()) not in _MONEY)
    if others:
        raise TivaxError(
            f"{file.parts['unit'].name}: units are {layout.some(others)}, not M.EUR; "
            "give the tables in money, not the hybrid ones"
        )


def _labels(
    file: TableFile, sales: TextTable
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """Regions, sectors and the labels of rows, which must be those of columns."""
    regions, sectors = layout.region_major(file, *sales.labels, own=CODES)
    rows = layout.pairs(regions, sectors)
    _check_pairs(file, "columns", *sales.header, wanted=rows)
    return regions, sectors, rows


def _final_demand(
    file: TableFile, regions: Sequence[str], rows: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Final demand (n, c, f) and its categories, without exports, which are zero."""
    part = file.parts["Y"]
    table = read_text_table(part, header=2, labels=2)
    _check_pairs(part, "rows", *table.labels, wanted=rows)
    categories = list(dict.fromkeys(table.header[1]))
    wanted = layout.pairs(regions, categories)
    _check_pairs(part, "columns", *table.header, wanted=wanted)
    Y = table.values.reshape(len(rows), len(regions), len(categories))
    exports = [k for k, name in enumerate(categories) if name.startswith("Export")]
    for k in exports:
        if (Y[:, :, k] != 0).any():
            i, r = np.argwhere(Y[:, :, k] != 0)[0]
            raise TivaxError(
                f"{part.name}: {categories[k]} must be zero, but {rows[i]} has some "
                f"under {regions[r]}; not a table whose trade is by region, or a "
                "damaged one"
            )
    kept = [k for k in range(len(categories)) if k not in exports]
    return np.ascontiguousarray(Y[:, :, kept]), tuple(categories[k] for k in kept)


def _output(file: TableFile, rows: Sequence[str]) -> np.ndarray | None:
    """Output as x.txt reports it."""
    if "x" not in file.parts:
        return None
    part = file.parts["x"]
    table = read_text_table(part, header=1, labels=2)
    _check_pairs(part, "rows", *table.labels, wanted=rows)
    layout.check_labels(part, "columns", table.header[0], ["indout"])
    return table.values[:, 0]


def _factors(file: TableFile, rows: Sequence[str]) -> np.ndarray | None:
    """The first rows of F: taxes on products, then those of value added."""
    if "F" not in file.parts:
        return None
    part = file.parts["F"]
    table = read_text_table(part, header=2, labels=1, rows=len(FACTORS))
    _check_pairs(part, "columns", *table.header, wanted=rows)
    for k, wanted in enumerate(FACTORS):
        name = "".join(table.labels[0][k : k + 1])
        if not name.startswith(wanted):
            raise TivaxError(
                f"{part.name}: row {k + 1} is {name or 'missing'}, not {wanted}; get "
                "the published file again"
            )
    return table.values
