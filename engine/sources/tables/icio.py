"""The csv of Stata's icio, and of the packages of R and Julia that read it.

A folder with a csv a year, without header and labels, whose name has the year
(``EM_2015.csv``): (G N) x (G N + G U) numbers, G regions, N sectors and U uses;
intermediate sales, then final demand, both by region (Belotti, Borin and Mancini 2021).
The G codes of regions, a line each, are in a second csv, ``EM_countrylist.csv``. icio
numbers sectors and uses; their names, where they are known, are in
``EM_sectorlist.csv`` and ``EM_uselist.csv`` here, which icio does not read. Output is
the sum of the row.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import (
    TivaxError,
    local_path,
    partial_folder,
    replace_folder,
    require_kind,
    require_new,
    require_writable,
)
from ...files import TableFile, finding, layout, read_text_table
from ...files import opening as fs
from ...tables import WorldTable, WorldTables, require_tables

_LISTS = ("countrylist", "sectorlist", "uselist")
_ENDINGS = tuple(f"{what}.csv" for what in _LISTS)
_WANTED = "a csv a year such as EM_2015.csv, with the regions in EM_countrylist.csv"


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths``, by year, with the lists beside them."""
    paths = [k for k in paths if not k.name.lower().endswith(_ENDINGS)] or paths
    names = r"(?!\.)(?!.*list\.csv).*(?P<year>(?<!\d)(?:19|20)\d\d)(?!\d).*\.csv"
    tables = finding.by_name(paths, names=names, expected=_WANTED)
    return [replace(file, parts=_lists(file)) for file in tables]


def _lists(file: TableFile) -> dict[str, TableFile]:
    """The lists in the folder of a table, of its name where there are several."""
    if file.member is None:
        beside = [replace(file, path=k) for k in sorted(file.path.parent.glob("*.csv"))]
    else:
        above = file.member.rpartition("/")[0]
        beside = [
            replace(file, member=k)
            for k in fs.members_of(file.path)
            if k.rpartition("/")[0] == above
        ]
    stem = re.sub(r"[-_ ]?(19|20)\d\d.*", "", Path(file.name).name.lower())
    found = {}
    for what in _LISTS:
        lists = [k for k in beside if k.name.lower().endswith(f"{what}.csv")]
        own = [k for k in lists if Path(k.name).name.lower().startswith(stem)]
        if one := own or lists:
            found[what] = replace(one[0], year=None)
    if "countrylist" not in found:
        raise TivaxError(
            f"{file.name}: no countrylist.csv beside it, which names the regions; "
            f"expected {_WANTED}"
        )
    return found


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a file."""
    remedy = "end it in one, such as EM_2015.csv"
    finding.require_year(file, remedy, "the name does not tell the year")
    codes = _names(file.parts["countrylist"])
    regions = layout.region_codes(file.parts["countrylist"], codes, {})
    layout.check_unique(file.parts["countrylist"], "regions", regions)
    values = read_text_table(file, separator=",").values
    c, (n, width) = len(regions), values.shape
    if n % c or (width - n) % c or width <= n:
        raise TivaxError(
            f"{file.name}: {n:,} rows and {width:,} columns are no table of the {c} "
            f"regions of {file.parts['countrylist'].name}, which has a row a sector "
            "and region, and columns of as many sectors and of final demand; get it "
            "again, or correct the list"
        )
    names = (
        _named(file, "sectorlist", n // c, "S"),
        _named(file, "uselist", (width - n) // c, "F"),
    )
    yield layout.sales_table(
        file, (regions, *names), values, x=values.sum(axis=1), output_is_row_sum=True
    )


def _names(file: TableFile) -> list[str]:
    """The lines of a list, without quotation marks."""
    with fs.parsing(file):
        rows = list(csv.reader(fs.read_text(file).splitlines()))
    return [name for row in rows if row and (name := row[0].strip(' "'))]


def _named(file: TableFile, what: str, count: int, letter: str) -> tuple[str, ...]:
    """Names of a list, else numbers as icio gives them."""
    if what not in file.parts:
        digits = len(str(count))
        return tuple(f"{letter}{k + 1:0{digits}d}" for k in range(count))
    names = _names(file.parts[what])
    layout.check_unique(file.parts[what], what, names)
    if len(names) != count:
        raise TivaxError(
            f"{file.parts[what].name}: {len(names)} names, but {file.name} has {count}"
        )
    return tuple(names)


def to_icio(tables: WorldTables, path: str | Path, *, name: str = "tivax") -> Path:
    """World tables as the csv that icio of Stata reads, and those of R and Julia.

    Parameters
    ----------
    tables
        All of their years are written.
    path
        A new folder: NAME_YEAR.csv a year, headerless, NAME_countrylist.csv, and
        NAME_sectorlist.csv and NAME_uselist.csv, which icio does not read.
    name
        How the files begin.

    Returns
    -------
    Path
        The folder; ``tivax import icio`` reads it again, to the last digit.

    Raises
    ------
    TivaxError
        A folder that exists; a name or a label that a file cannot have.

    Examples
    --------
    >>> folder = tx.to_icio(world, "for-stata", name="world")
    >>> sorted(k.name for k in folder.iterdir())[:2]
    ['world_2000.csv', 'world_2001.csv']
    """
    require_tables(tables)
    place = local_path("path", path)
    require_kind("name", name, str, "a text, such as world")
    if not re.fullmatch(r"[A-Za-z][\w-]*", name) or re.search(r"(19|20)\d\d", name):
        raise TivaxError(
            f"name: {name!r} cannot begin a file's name; give letters, such as world",
            argument="name",
        )
    labels = dict(
        zip(_LISTS, (tables.regions, tables.sectors, tables.categories), strict=True)
    )
    for what, names in labels.items():
        if bad := [k for k in names if re.search(r'[,"]', k)]:
            raise TivaxError(f"{what}: icio takes no comma or quote, as in {bad[0]}")
    require_new(place)
    require_writable(place)
    with partial_folder(place) as part:
        for what, names in labels.items():
            lines = "".join(f"{k}\n" for k in names)
            (part / f"{name}_{what}.csv").write_text(lines, encoding="utf-8")
        for year in tables.years:
            table = tables.table(year)
            Y = np.asarray(table.Y).reshape(len(table.x), -1)
            numbers = pd.DataFrame(np.hstack([table.Z, Y]))
            file = part / f"{name}_{year}.csv"
            numbers.to_csv(file, header=False, index=False)
        replace_folder(part, place)
    return place
