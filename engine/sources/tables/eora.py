"""Eora26: 189 countries x 26 sectors and the rest of the world, 1990-2017.

1000 US$, at basic prices (``bp``) or at purchasers' prices (``pp``), which ``edition``
of the table says. A zip archive, or a folder, of a year holds tab-separated files
without any labels:

``Eora26_<yyyy>_bp_T.txt``
    Intermediate sales (n, n).
``Eora26_<yyyy>_bp_FD.txt``
    Final demand (n, 6 per region).
``Eora26_<yyyy>_bp_VA.txt``
    Six rows (6, n), which add up to value added: compensation of employees, taxes
    and subsidies on production, net operating surplus, net mixed income, consumption
    of fixed capital.
``labels_T.txt``, ``labels_FD.txt``
    A line for each row of T and column of FD: name and code of the region, kind,
    sector or category. Some archives have none: then ``indices.zip`` is looked for
    among the paths and beside the archive.

The rest of the world ("Statistical Discrepancies") has one industry, Total, which
balances the table. It is kept as a region with trade: Total becomes a 27th
sector that ROW alone has (and ROW has none of the other 26), so that n = 190 * 27. To
drop it would cut the sales and the inputs of all others; to count its sales as their
value added, make it the world's least open economy.

Output is the sum of a row: inputs and value added do not add up to the same.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...core import TivaxError
from ...files import TableFile, finding, layout, read_text_table
from ...files import opening as fs
from ...tables import WorldTable

# Eora's own codes. ANT (Netherlands Antilles) and USR (Soviet Union) are of no country
# that is left, and stay.
CODES = {"SUD": "SDN", "SDS": "SSD"}

PRICES = {"bp": "at basic prices", "pp": "at purchasers' prices"}
VALUE_ADDED_ROWS = 6

_NAMES = r"eora26_(?P<year>\d{4})_(?:bp|pp)_(?:t|fd|va)\.txt|labels_(?:t|fd)\.txt"
_EXPECTED = "names such as Eora26_2015_bp_T.txt, or an archive Eora26_2015_bp.zip"


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths``, by year. A file T represents its table."""
    tables: dict[str, TableFile] = {}
    labels: dict[str, TableFile] = {}
    for path in paths:
        alone = path.is_file() and path.suffix.lower() != ".zip"
        at = finding.located([path.parent if alone else path], _NAMES, _EXPECTED)
        labels |= {k: file for k, file in at.items() if "/labels_" in k}
        for where in at.keys() - labels.keys():
            if where.endswith("_T.txt") and (not alone or at[where].path == path):
                tables[where] = _together(where, at)
    finding.require_tables([*tables.values()], paths, _EXPECTED)
    return finding.one_per_year(
        [_labelled(file, where, labels) for where, file in tables.items()]
    )


def _together(where: str, at: Mapping[str, TableFile]) -> TableFile:
    """The file T with FD and, where it is there, VA as its parts."""
    stem = where.removesuffix("T.txt")
    parts = {k: at[f"{stem}{k}.txt"] for k in ("FD", "VA") if f"{stem}{k}.txt" in at}
    if "FD" not in parts:
        name = stem.rpartition("/")[2]
        raise TivaxError(f"{at[where].name}: no {name}FD.txt beside it; get it, too")
    return replace(at[where], parts=parts)


def _labelled(
    file: TableFile, where: str, labels: Mapping[str, TableFile]
) -> TableFile:
    """The table with its files of labels: the nearest among the paths, or beside it."""
    parts = dict(file.parts)
    for what in ("T", "FD"):
        name = f"labels_{what}.txt"
        known = {k: one for k, one in labels.items() if k.endswith(f"/{name}")}
        if not known:
            folder = file.path.parent
            beside = [k for k in (folder / name, folder / "indices.zip") if k.exists()]
            known = finding.located(beside, re.escape(name), name) if beside else {}
        if not known:
            raise TivaxError(
                f"{file.name}: no {name} with it; put indices.zip of the database "
                "beside it, or give that, too"
            )
        nearest = max(known, key=lambda k: len(os.path.commonprefix([k, where])))
        parts[f"labels of {what}"] = known[nearest]
    return replace(file, parts=parts)


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a year."""
    prices = re.search(r"_(bp|pp)_T\.txt$", file.name)
    assert prices
    regions, sectors, at = _industries(file)
    n, c = len(regions) * len(sectors), len(regions)
    T = _numbers(file, (len(at), len(at)))
    Z = np.zeros((n, n))
    Z[np.ix_(at, at)] = T
    del T
    categories = _categories(file, regions)
    Y = np.zeros((n, c, len(categories)))
    demand = _numbers(file.parts["FD"], (len(at), c * len(categories)))
    Y[at] = demand.reshape(len(at), *Y.shape[1:])
    value_added = None
    if "VA" in file.parts:
        value_added = np.zeros(n)
        rows = _numbers(file.parts["VA"], (VALUE_ADDED_ROWS, len(at)))
        value_added[at] = rows.sum(axis=0)
    yield layout.sales_table(
        file,
        (regions, sectors, categories),
        Z,
        Y,
        value_added=value_added,
        # Taxes and subsidies on products are in the rows of value added.
        taxes_and_margins=None if value_added is None else np.zeros(n),
        edition=PRICES[prices[1]],
    )


def _industries(file: TableFile) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Regions, sectors, and for each row of T its place by region, then sector."""
    part = file.parts["labels of T"]
    codes, names = _read_labels(part)
    rest = codes[-1:] == ["ROW"] and names[-1] not in names[:-1]
    k = len(codes) - rest
    regions, sectors = layout.region_major(part, codes[:k], names[:k], own=CODES)
    if not rest:
        return regions, sectors, np.arange(k)
    every = np.arange((len(regions) + 1) * (len(sectors) + 1))
    grid = every.reshape(len(regions) + 1, len(sectors) + 1)
    at = np.append(grid[:-1, :-1].ravel(), grid[-1, -1])
    return (*regions, "ROW"), (*sectors, names[-1]), at


def _categories(file: TableFile, regions: Sequence[str]) -> tuple[str, ...]:
    """The categories of final demand, which all regions must have."""
    part = file.parts["labels of FD"]
    codes, names = _read_labels(part)
    categories = tuple(dict.fromkeys(names))
    wanted = layout.pairs(regions, categories)
    layout.check_pairs(part, "lines", codes, names, wanted=wanted, own=CODES)
    return categories


def _read_labels(file: TableFile) -> tuple[list[str], list[str]]:
    """Codes of regions, and names of sectors or categories."""
    text = fs.read_text(file, "replace")
    lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    short = [k for k, line in enumerate(lines, start=1) if len(line) < 4]
    if short or not lines:
        raise TivaxError(
            f"{file.name}: line {short[0] if short else 1} does not have four cells "
            "(name, code, kind, sector); get the file again"
        )
    return [line[1].strip() for line in lines], [line[3].strip() for line in lines]


def _numbers(file: TableFile, shape: tuple[int, int]) -> np.ndarray:
    values = read_text_table(file).values
    layout.check_shape(file, "the table", values, shape)
    return values
