"""OECD Inter-Country Input-Output tables (ICIO): editions of 2021, 2023 and 2025.

Million US$ at current basic prices, a csv file a year. The name gives the year, the
content the edition:

============ ==================== ========= ======= ==========================
edition      files                years     sectors totals
============ ==================== ========= ======= ==========================
2021         ICIO2021_<yyyy>.csv  1995-2018 45      ccc_TAXSUB, VALU, OUTPUT
2023         <yyyy>.csv, _SML.csv 1995-2020 45      TLS (or ccc_TLS), VA, OUT
2025         <yyyy>.csv, _SML.csv 1995-2022 50      TLS (or ccc_TLS), VA, OUT
============ ==================== ========= ======= ==========================

Rows and columns of industries are named region_sector, such as ``AGO_C10T12``; a
sector may hold an underscore itself (``ARG_A01_02``), and those of 2021 may have a D in
front (``AUS_D01T02``, as its ReadMe writes them). Right of them stand the columns
of final demand by region and category, then output (``TOTAL`` in 2021). The rows below
are taxes less subsidies, value added at basic prices and output. Blank cells are zeros.

Extended tables (2021, and the files without ``_SML``) split the industries of China and
Mexico by kind of firm, into regions CN1, CN2, MX1 and MX2. CHN and MEX then have the
final demand and industries without output: see ``parents`` of
:class:`tivax.engine.WorldTables`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...core import TivaxError, load_toml
from ...files import TableFile, finding, layout, read_text_table
from ...tables import WorldTable, normalise
from ..source import source_facts

PARENTS: dict[str, str] = source_facts()["oecd"]["parents"]

# Households, institutions serving them, government, fixed capital formation, changes
# in inventories, direct purchases abroad by residents.
CATEGORIES = ("HFCE", "NPISH", "GGFC", "GFCF", "INVNT", "DPABR")
# What else the last of them is called.
_SPELLINGS = {"P33": "DPABR", "DIRPA": "DPABR"}
_EXAMPLE = "2019_SML.csv"  # of a name


@dataclass(frozen=True)
class OecdEdition:
    """Names of an edition: its sectors, the last column, and the rows of totals."""

    sectors: str
    total: str
    taxes: str
    value_added: str
    output: str


_FACTS = load_toml(__package__, "oecd.toml")
EDITIONS = {name: OecdEdition(**names) for name, names in _FACTS.items()}


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths``, by year."""
    files = finding.gather(
        paths,
        r"(icio(20\d\d)?_)?(19|20)\d\d(_(sml|ext))?\.csv",
        "names such as 2019.csv, 2019_SML.csv or ICIO2021_2018.csv, or a zip of them",
    )
    return finding.one_per_year([_dated(file) for file in files])


def _dated(file: TableFile) -> TableFile:
    """The file with the year of its name, which is written nowhere else."""
    name = Path(file.name).name.rpartition(":")[2]
    undated = re.sub(r"icio20\d\d", "", name, flags=re.IGNORECASE)
    years = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", undated)
    year = int(years[0]) if len(set(years)) == 1 else None
    file = replace(file, year=year)
    finding.year_of_name(file, _EXAMPLE)
    return file


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a file."""
    finding.year_of_name(file, _EXAMPLE)
    table = read_text_table(file, header=1, labels=1, separator=",", blank=0.0)
    found = read_layout(file, table.header[0], table.labels[0])
    regions, whole = found.regions, found.whole
    c, f = len(regions), len(CATEGORIES)
    n = c * len(found.sectors)
    Y = np.zeros((n, c, f))
    places = [regions.index(region) for region in whole]
    Y[:, places] = table.values[:n, n:-1].reshape(n, -1, f)
    size = "small" if len(whole) == c else "extended"
    yield layout.sales_table(
        file,
        (regions, found.sectors, CATEGORIES),
        np.ascontiguousarray(table.values[:n, :n]),
        Y,
        x=table.values[-1, :n].copy(),
        value_added=table.values[-2, :n].copy(),
        taxes_and_margins=table.values[n:-2, :n].sum(axis=0),
        edition=f"edition {found.edition}, {size}",
    )


@dataclass(frozen=True)
class OecdLayout:
    """Labels of a file; ``whole`` are the regions with final demand."""

    edition: str
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    whole: list[str]


def read_layout(
    file: TableFile, column_labels: Sequence[str], row_labels: Sequence[str]
) -> OecdLayout:
    """The layout by the labels of columns and rows, as the file writes them.

    ``TivaxError`` unless they are those of an edition, all of them and in its order.
    """
    columns, rows = _labels(column_labels), _labels(row_labels)
    n = next((k for k, row in enumerate(rows) if _is_total(row)), len(rows))
    parts = [row.partition(":") for row in rows[:n]]
    regions, sectors = layout.region_major(
        file, [part[0] for part in parts], [part[2] for part in parts]
    )
    name = _edition(file, sectors)
    edition = EDITIONS[name]
    whole = [region for region in regions if region not in PARENTS]
    for region in regions:
        if PARENTS.get(region, region) not in whole:
            raise TivaxError(
                f"{file.name}: holds {region}, a part of {PARENTS[region]}, but not "
                f"{PARENTS[region]}; get the published file again"
            )
    _check_totals(file, edition, rows[n:], whole)
    layout.check_labels(
        file,
        "columns",
        columns,
        [*rows[:n], *layout.pairs(whole, CATEGORIES), edition.total],
    )
    return OecdLayout(name, regions, sectors, whole)


def _labels(labels: Sequence[str]) -> list[str]:
    """``ARG_A01_02``, ``ARG_P33`` become ``ARG:A01_02``, ``ARG:DPABR``."""
    parts = [label.partition("_") for label in labels]
    return [
        f"{normalise([region])[0]}:{_spelled(code)}" if code else region
        for region, _, code in parts
    ]


def _spelled(code: str) -> str:
    """A sector or category in the spelling kept here: ``D01T02`` is 01T02."""
    if re.fullmatch(r"D\d\d(T\d\d)?", code):
        return code[1:]
    return _SPELLINGS.get(code, code)


def _is_total(label: str) -> bool:
    """Not an industry: taxes (of a region or of all), value added, output."""
    code = label.partition(":")[2]
    return not code or code in {edition.taxes for edition in EDITIONS.values()}


def _edition(file: TableFile, sectors: Sequence[str]) -> str:
    """The edition that has all these sectors."""
    unknown = {
        name: [code for code in sectors if code not in edition.sectors.split()]
        for name, edition in EDITIONS.items()
    }
    nearest = min(unknown, key=lambda name: len(unknown[name]))
    if unknown[nearest]:
        raise TivaxError(
            f"{file.name}: the sectors {layout.some(unknown[nearest])} are of no "
            f"edition that is read here; those are {', '.join(EDITIONS)}"
        )
    return nearest


def _check_totals(
    file: TableFile, edition: OecdEdition, labels: Sequence[str], whole: Sequence[str]
) -> None:
    """Raise ``TivaxError`` unless these are the rows below the industries.

    Taxes are one row, or a row for each region that levies them.
    """
    taxes = [edition.taxes]
    if labels and ":" in labels[0]:
        taxes = layout.pairs(whole, taxes)
    layout.check_labels(
        file,
        "rows below the industries",
        labels,
        [*taxes, edition.value_added, edition.output],
    )
