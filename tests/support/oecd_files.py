"""Small csv files in the layout of the OECD's inter-country tables."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tivax.engine.sources.tables.oecd import CATEGORIES, PARENTS
from tivax.engine.tables.world_table import WorldTable

from source_files import small_table

# A few sectors of each edition, some with an underscore and some of one letter.
SECTORS = {
    "2021": ("01T02", "05T06", "97T98"),
    "2023": ("A01_02", "C10T12", "T"),
    "2025": ("A01", "C24A", "J62_63"),
}
SMALL = ("AUS", "CHN", "MEX", "ROW")
# OECD members come first in 2021; the parts of split regions stand at the end.
EXTENDED = {
    "2021": ("AUS", "MEX", "CHN", "ROW", "MX1", "MX2", "CN1", "CN2"),
    "2023": ("AUS", "CHN", "MEX", "ROW", "CN1", "CN2", "MX1", "MX2"),
    "2025": ("AUS", "CHN", "MEX", "ROW", "CN1", "CN2", "MX1", "MX2"),
}
VARIANTS = [
    ("2021", True, "ICIO2021_2018.csv"),
    ("2023", True, "2018.CSV"),
    ("2023", False, "2018_SML.csv"),
    ("2025", True, "2018.csv"),
    ("2025", False, "2018_SML.csv"),
]


def oecd_table(edition: str, *, extended: bool = False, year: int = 2018) -> WorldTable:
    """A balanced table; in an extended one CHN and MEX have final demand alone."""
    regions = EXTENDED[edition] if extended else SMALL
    table = small_table(year, CATEGORIES, regions=regions, sectors=SECTORS[edition])
    named = f"edition {edition}, {'extended' if extended else 'small'}"
    table = replace(table, edition=named)
    return split(table) if extended else table


def split(table: WorldTable) -> WorldTable:
    """The same with CHN and MEX without industries, and their parts without demand."""
    Z, Y = table.Z.copy(), table.Y.copy()
    s = len(table.sectors)
    for k, region in enumerate(table.regions):
        if region in PARENTS:
            Y[:, k] = 0
        if region in PARENTS.values():
            empty = slice(k * s, (k + 1) * s)
            Z[empty], Z[:, empty], Y[empty] = 0, 0, 0
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    added = np.where(x > 0, x - Z.sum(axis=0) - 5, 0.0)  # 5 of taxes
    return replace(table, Z=Z, Y=Y, x=x, value_added=added)


def cells(
    table: WorldTable, edition: str, *, taxes_by_region: bool | None = None
) -> list[list[str]]:
    """The cells of the csv, from the header on."""
    old = edition == "2021"
    if taxes_by_region is None:
        taxes_by_region = old
    tax, added, output, total = (
        ("TAXSUB", "VALU", "OUTPUT", "TOTAL") if old else ("TLS", "VA", "OUT", "OUT")
    )
    n = table.x.size
    whole = [k for k, region in enumerate(table.regions) if region not in PARENTS]
    industries = [f"{r}_{s}" for r in table.regions for s in table.sectors]
    demand = [f"{table.regions[k]}_{f}" for k in whole for f in table.categories]
    taxes = [f"{table.regions[k]}_{tax}" for k in whole] if taxes_by_region else [tax]
    assert table.value_added is not None

    numbers = np.zeros((n + len(taxes) + 2, n + len(demand) + 1))
    numbers[:n, :n] = table.Z
    numbers[:n, n:-1] = table.Y[:, whole].reshape(n, -1)
    numbers[:n, -1] = table.x
    numbers[n, :n] = table.x - table.Z.sum(axis=0) - table.value_added
    numbers[n, n:-1] = 7  # taxes on final demand
    numbers[-2, :n] = table.value_added
    numbers[-1, :n] = table.x
    head = ["" if old else "V1", *industries, *demand, total]
    labels = [*industries, *taxes, added, output]
    return [head, *([k, *row] for k, row in zip(labels, _texts(numbers), strict=True))]


def _texts(numbers: np.ndarray) -> list[list[str]]:
    return [[f"{value:.10g}" for value in row] for row in numbers.tolist()]


def write_csv(path: Path, rows: Sequence[Sequence[str]], *, end: str = "\n") -> Path:
    text = end.join(",".join(row) for row in rows) + end
    path.write_bytes(text.encode())
    return path


def write_oecd(path: Path, table: WorldTable, edition: str, **layout: bool) -> Path:
    """The csv of the table."""
    return write_csv(path, cells(table, edition, **layout))
