"""Databases that MARIO exports (``to_txt``, ``to_parquet``), a folder a year.

The folder ``flows`` of an input-output table (MARIO 1.3):

``Z.txt`` (``.csv``, ``.parquet``)
    Intermediate sales. Labels of three levels on both sides: Region, Level, which is
    ``Sector``, and Item. Text is separated by commas unless another mark was asked for.
``Y.txt``
    Final demand: columns Region, ``Consumption category``, Item.
``X.txt``
    Output, a column ``production``. Where there is none, output is the sum of the row.
``units.txt``
    Level, item and unit; those of sectors must be one and the same.

``V``, factors of production, mixes taxes on products with value added under names of
the user's own, and is not read; nor are ``E`` and ``EY``. The year is that of the name
of the folder or archive, else ``year`` of the metadata.json above ``flows``. Supply and
use tables, coefficients and the flat layout are refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...core import TivaxError
from ...files import (
    TableFile,
    finding,
    layout,
    read_frame,
    read_words,
    separator_of,
    table_of,
    with_iso_codes,
    year_told,
)
from ...files import opening as fs
from ...tables import WorldTable, one_unit

_EXPECTED = (
    "folders flows of MARIO with Z, Y and units as .txt, .csv or .parquet (to_txt or "
    "to_parquet, flat=False)"
)
_SECTOR, _DEMAND = "Sector", "Consumption category"
_NAMES = r"(?:Z|Y|X|units|S|U)\.(?:txt|csv|parquet)|metadata\.json"


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables below ``paths``, by year. A file represents its folder."""
    at = finding.located([_database(path) for path in paths], _NAMES, _EXPECTED)
    if (not any(_stem(k) == "Z" for k in at)) and (
        supply := [k for k in at if _stem(k) in ("S", "U")]
    ):
        raise TivaxError(
            f"{at[supply[0]].name}: a supply and use table; turn it into an "
            "input-output table in MARIO (to_iot) and export that"
        )
    tables = [_together(k, at) for k in at if _stem(k) == "Z"]
    finding.require_tables(tables, paths, _EXPECTED)
    return finding.one_per_year(tables)


def _database(path: Path) -> Path:
    """The folder of a file, or the one above ``flows``, where metadata.json is."""
    (path,) = finding.beside([path])
    return path.absolute().parent if path.name == "flows" else path


def _stem(location: str) -> str:
    return location.rpartition("/")[2].partition(".")[0]


def _together(sales: str, at: Mapping[str, TableFile]) -> TableFile:
    """The table in a folder: the file of sales, and the others as its parts."""
    folder, _, name = sales.rpartition("/")
    above, _, flows = folder.rpartition("/")
    shown = f"{above.rpartition('/')[2]}/{flows}"
    parts = {
        what: replace(at[place], folder=shown)
        for what in ("Y", "X", "units")
        if (place := f"{folder}/{what}{Path(name).suffix}") in at
    }
    file = replace(at[sales], folder=shown)
    for what in ("Y", "units"):
        if what not in parts:
            raise TivaxError(
                f"{file.name}: no {what}{Path(name).suffix} beside it; give the whole "
                "folder"
            )
    for place in (above, folder):
        if f"{place}/metadata.json" in at:
            parts["metadata"] = at[f"{place}/metadata.json"]
    archive = file.path.stem if file.member else ""
    named = year_told(flows, above.rpartition("/")[2], archive)
    told = None
    if "metadata" in parts:
        told = year_told(*fs.json_texts(parts["metadata"], "year"))
    if named is not None and told is not None:
        layout.check_year(replace(file, year=named), told)
    file = replace(file, year=told if named is None else named, parts=parts)
    finding.require_year(
        file,
        "end the name of the folder above flows, or of the archive, in it, such as "
        "mario_2011",
    )
    return file


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a folder."""
    assert file.year is not None
    mark = separator_of(file)
    Z = read_frame(file, rows=3, columns=3, separator=mark)
    Y = read_frame(file.parts["Y"], rows=3, columns=3, separator=mark)
    frames = {
        "Z": _two_levels(file, "columns", _two_levels(file, "rows", Z).T).T,
        "Y": _two_levels(
            file.parts["Y"],
            "columns",
            _two_levels(file.parts["Y"], "rows", Y).T,
            _DEMAND,
        ).T,
    }
    if "X" in file.parts:
        x = read_frame(file.parts["X"], rows=3, columns=1, separator=mark)
        frames["x"] = _two_levels(file.parts["X"], "rows", x)
    else:
        frames["x"] = (frames["Z"].sum(axis=1) + frames["Y"].sum(axis=1)).to_frame()
    words = read_words(file.parts["units"], separator=mark)
    units = [row[-1] for row in words if row[0] == _SECTOR]
    table = table_of(file, frames, file.year)
    yield with_iso_codes(
        file,
        replace(
            table,
            output_is_row_sum="X" not in file.parts,
            unit=one_unit(file.parts["units"].name, units),
        ),
    )


def _two_levels(
    file: TableFile, side: str, frame: pd.DataFrame, level: str = _SECTOR
) -> pd.DataFrame:
    """Without the level in the middle, which must be ``level`` in every row."""
    for found in frame.index.get_level_values(1).unique():
        if found != level:
            raise TivaxError(
                f"{file.name}: {side} are of the level {found}, not {level}; turn a "
                "supply and use table into an input-output table in MARIO (to_iot)"
            )
    return frame.droplevel(1)
