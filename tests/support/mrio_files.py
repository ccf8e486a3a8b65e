"""Small files in the exact layout of ADB MRIO, Eora26, EXIOBASE 3 and FIGARO."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tivax.engine.tables.world_table import WorldTable

from source_files import small_table, write_sheet

TAXES = 2.0  # less subsidies on products, in every column


def basic(table: WorldTable) -> WorldTable:
    """The table with ``TAXES`` between output and value added at basic prices."""
    return replace(table, value_added=table.x - table.Z.sum(axis=0) - TAXES)


def added(table: WorldTable) -> np.ndarray:
    assert table.value_added is not None
    return table.value_added


# ------------------------------------------------------------------------------- ADB

ADB_DEMAND = ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN")
ADB_SPELLED = {"CHN": "PRC", "MYS": "MAL", "ROU": "ROM", "ROW": "RoW"}
ADB_TOTALS = ("r60", "r99", "r61", "r62", "r63", "r64", "trs", "r69")


def adb_world(year: int = 2019) -> WorldTable:
    table = small_table(year, ADB_DEMAND, regions=("CHN", "MYS", "ROU", "ROW"))
    return replace(basic(table), edition="at current prices")


def adb_cells(
    table: WorldTable, *, prices: str = "at current prices", numbered: bool = False
) -> list[list[Any]]:
    """Cells from A1; ``numbered`` puts a row of numeric codes above the names."""
    regions = [ADB_SPELLED.get(region, region) for region in table.regions]
    rows = [("", "name", r, code) for r in regions for code in table.sectors]
    columns = [(b, c, d) for _, b, c, d in rows]
    columns += [("demand", r, f"F{k}") for r in regions for k in range(1, 6)]
    columns.append(("TOTAL", "ToT", ""))
    head: list[list[Any]] = [
        [f"Multiregional Input-Output Table {table.year}"],
        [f"{len(regions)} economies, {prices} (industry by industry)"],
        ["In millions of US$"],
        [],
    ]
    if numbered:
        head.append(["", "", "", "", *(f"{k:04d}" for k in range(len(columns)))])
    head += [["", "", "", "", *(label[k] for label in columns)] for k in range(3)]
    width = 4 + len(columns)
    cells = [row + [""] * (width - len(row)) for row in head]
    n = table.x.size
    numbers = np.hstack([table.Z, table.Y.reshape(n, -1), table.x[:, None]])
    cells += [[*row, *line] for row, line in zip(rows, numbers.tolist(), strict=True)]
    totals = np.zeros((8, numbers.shape[1]))
    totals[0, :n] = table.Z.sum(axis=0)
    totals[1, :n] = TAXES
    totals[5, :n] = added(table)
    totals[7, :n] = table.x
    for code, line in zip(ADB_TOTALS, totals.tolist(), strict=True):
        cells.append(["", "total", "TOT", code, *line])
    return cells


def write_adb(folder: Path, cells: list[list[Any]], name: str, year: int) -> Path:
    return write_sheet(folder / name, f"ADB MRIO {year}", cells)


# ------------------------------------------------------------------- lines of numbers


def lines(values: np.ndarray, separator: str = "\t") -> list[str]:
    """A text line a row; every number in full."""
    return [separator.join(map(repr, row)) for row in values.tolist()]


def write_lines(path: Path, text: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    return path


# ------------------------------------------------------------------------------ Eora26

EORA_DEMAND = (
    "Household final consumption P.3h",
    "Non-profit institutions serving households P.3n",
    "Government final consumption P.3g",
    "Gross fixed capital formation P.51",
    "Changes in inventories P.52",
    "Acquisitions less disposals of valuables P.53",
)
EORA_SECTORS = ("Agriculture", "Fishing")


def eora_world(year: int = 2015, prices: str = "at basic prices") -> WorldTable:
    """Two countries x 2 sectors and ROW with its one industry, as it is read.

    Of the 9 industries TOTAL of the countries and the sectors of ROW are empty.
    """
    whole = small_table(
        year,
        EORA_DEMAND,
        regions=("AUS", "SDN", "ROW"),
        sectors=(*EORA_SECTORS, "TOTAL"),
    )
    used = np.array([True, True, False, True, True, False, False, False, True])
    Z = whole.Z * used[:, None] * used[None, :]
    Y = whole.Y * used[:, None, None]
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    return replace(
        whole, Z=Z, Y=Y, x=x, value_added=(x - Z.sum(axis=0)) * used, edition=prices
    )


def eora_texts(table: WorldTable) -> dict[str, list[str]]:
    """The lines of T, FD, VA and of the labels, by the end of the file's name."""
    used = [0, 1, 3, 4, 8]
    names = {"AUS": "Australia", "SDN": "Sudan", "ROW": "ROW"}
    codes = {"AUS": "AUS", "SDN": "SUD", "ROW": "ROW"}
    labels = [table.industry(k).split(":") for k in used]
    T = table.Z[np.ix_(used, used)]
    VA = np.zeros((6, len(used)))
    VA[1:] = np.array([3.0, -8.0, 2.0, 1.0, 4.0])[:, None]  # subsidies are negative
    VA[0] = added(table)[used] - VA[1:].sum(axis=0)
    return {
        "T": lines(T),
        "FD": lines(table.Y[used].reshape(len(used), -1)),
        "VA": lines(VA),
        "labels_T": [
            f"{names[r]}\t{codes[r]}\tIndustries\t{sector}\t" for r, sector in labels
        ],
        "labels_FD": [
            f"{names[r]}\t{codes[r]}\tFinal demand\t{category}\t"
            for r in table.regions
            for category in table.categories
        ],
    }


def write_eora(
    folder: Path, texts: dict[str, list[str]], year: int = 2015, prices: str = "bp"
) -> list[Path]:
    """The files of a year; the labels are those of all years."""
    return [
        write_lines(
            folder / f"{name}.txt"
            if name.startswith("labels")
            else folder / f"Eora26_{year}_{prices}_{name}.txt",
            text,
        )
        for name, text in texts.items()
    ]


# -------------------------------------------------------------------------- EXIOBASE 3

EXIOBASE_DEMAND = (
    "Final consumption expenditure by households",
    "Final consumption expenditure by non-profit organisations serving households (NPISH)",
    "Final consumption expenditure by government",
    "Gross fixed capital formation",
    "Changes in inventories",
    "Changes in valuables",
)
EXPORTS = "Exports: Total (fob)"
EXIOBASE_SECTORS = ("Cultivation of paddy rice", "Mining of coal, lignite; peat (10)")
EXIOBASE_FACTORS = (
    "Taxes less subsidies on products purchased: Total",
    "Other net taxes on production",
    "Compensation of employees; wages, salaries, & employers' social contributions: Low-skilled",
    "Compensation of employees; wages, salaries, & employers' social contributions: Medium-skilled",
    "Compensation of employees; wages, salaries, & employers' social contributions: High-skilled",
    "Operating surplus: Consumption of fixed capital",
    "Operating surplus: Rents on land",
    "Operating surplus: Royalties on resources",
    "Operating surplus: Remaining net operating surplus",
)
ALPHA2 = {"ROU": "RO", "GBR": "GB", "WWA": "WA"}
ALPHA3 = {"ROU": "ROM"}


def exiobase_world(year: int = 2011) -> WorldTable:
    return basic(
        small_table(
            year,
            EXIOBASE_DEMAND,
            regions=("ROU", "GBR", "WWA"),
            sectors=EXIOBASE_SECTORS,
        )
    )


def exiobase_texts(
    table: WorldTable, spelled: dict[str, str] = ALPHA2
) -> dict[str, list[str]]:
    """The lines of each file of the folder; Z and A both, as in version 3.8."""
    regions = [spelled.get(region, region) for region in table.regions]
    rows = [f"{r}\t{sector}" for r in regions for sector in table.sectors]
    n, c = len(rows), len(regions)
    Y = np.concatenate([table.Y, np.zeros((n, c, 1))], axis=2).reshape(n, -1)
    demand = [f"{r}\t{k}" for r in regions for k in (*table.categories, EXPORTS)]
    F = np.arange(1.0, 12)[:, None] + np.arange(n)
    F[0] = TAXES
    F[8] = added(table) - F[1:8].sum(axis=0)
    stressors = [*EXIOBASE_FACTORS, "Employment: Low-skilled male", "CO2 - air"]

    def square(values: np.ndarray, columns: list[str], name: str) -> list[str]:
        return [
            *_heads(columns, ("region", name), labels=2),
            *_beside(rows, lines(values)),
        ]

    return {
        "Z.txt": square(table.Z, rows, "sector"),
        "A.txt": square(table.Z / table.x, rows, "sector"),
        "Y.txt": square(Y, demand, "category"),
        "x.txt": ["region\tsector\tindout", *_beside(rows, lines(table.x[:, None]))],
        "unit.txt": ["region\tsector\tunit", *_beside(rows, ["M.EUR"] * n)],
        "metadata.json": [f'{{"description": "IOT of {table.year}", "name": "ixi"}}'],
        "satellite/F.txt": [
            *_heads(rows, ("region", "sector"), labels=1)[:2],
            "stressor" + "\t" * n,
            *_beside(stressors, lines(F)),
        ],
    }


def _heads(columns: Sequence[str], names: tuple[str, str], labels: int) -> list[str]:
    """Two lines of labels and one that names the labels of the rows."""
    parts = list(zip(*(column.split("\t") for column in columns), strict=True))
    heads = [
        "\t".join([name, *[""] * (labels - 1), *part])
        for name, part in zip(names, parts, strict=True)
    ]
    return [*heads, "\t".join(["region", "sector", *[""] * len(columns)])]


def _beside(labels: Sequence[str], numbers: Sequence[str]) -> list[str]:
    return [f"{label}\t{line}" for label, line in zip(labels, numbers, strict=True)]


def write_exiobase(folder: Path, texts: dict[str, list[str]]) -> Path:
    for name, text in texts.items():
        write_lines(folder / name, text)
    return folder


# ------------------------------------------------------------------------------ FIGARO

FIGARO_DEMAND = ("P3_S13", "P3_S14", "P3_S15", "P51G", "P5M")
FIGARO_SECTORS = ("A01", "C31_32")
FIGARO_SPELLED = {"FIN": "FI", "ROW": "FIGW1", "ROU": "RO"}


def figaro_world(
    year: int = 2019,
    sectors: tuple[str, str] = FIGARO_SECTORS,
    edition: str = "industry by industry",
) -> WorldTable:
    table = small_table(
        year, FIGARO_DEMAND, regions=("FIN", "ROW", "ROU"), sectors=sectors
    )
    return replace(basic(table), edition=edition)


def figaro_rows(table: WorldTable) -> tuple[list[str], list[str], np.ndarray]:
    """Labels of rows, labels of columns, numbers."""
    regions = [FIGARO_SPELLED[region] for region in table.regions]
    rows = [f"{r}_{sector}" for r in regions for sector in table.sectors]
    columns = rows + [f"{r}_{k}" for r in regions for k in table.categories]
    n = len(rows)
    totals = np.zeros((6, len(columns)))
    totals[0] = TAXES
    totals[1:3, n:] = 7.0  # purchases abroad
    totals[3, :n] = added(table) - 3.0
    totals[4, :n] = 1.0
    totals[5, :n] = 2.0
    labels = ["D21X31", "OP_RES", "OP_NRES", "D1", "D29X39", "B2A3G"]
    values = np.vstack([np.hstack([table.Z, table.Y.reshape(n, -1)]), totals])
    return rows + [f"W2_{label}" for label in labels], columns, values


def figaro_matrix(table: WorldTable) -> list[str]:
    rows, columns, values = figaro_rows(table)
    return [
        ",".join(["rowLabels", *columns]),
        *(f"{row},{line}" for row, line in zip(rows, lines(values, ","), strict=True)),
    ]


def figaro_flat(table: WorldTable) -> list[str]:
    """A line a cell; final demand stands between the industries, as sorted labels do."""
    rows, columns, values = figaro_rows(table)
    kind = "Ii" if table.sectors[0][:4] != "CPA_" else "Pi"
    text = [
        f"icio{kind.lower()}Row,icioiCol,refArea,row{kind},counterpartArea,col{kind},obsValue"
    ]
    for i in sorted(range(len(rows)), key=rows.__getitem__):
        for j in sorted(range(len(columns)), key=columns.__getitem__):
            parts = [rows[i].partition("_"), columns[j].partition("_")]
            apart = ",".join(part[k] for part in parts for k in (0, 2))
            text.append(f"{rows[i]},{columns[j]},{apart},{float(values[i, j])!r}")
    return text
