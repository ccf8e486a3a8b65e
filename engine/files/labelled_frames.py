"""Tables with labels on both sides, as pandas writes them to text or parquet.

What pymrio and MARIO export: levels of labels in the columns at the left and in the
lines at the top, numbers between them. Rows and columns are aligned by their labels.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from ..core import TivaxError, read_parquet, require_commas, unescape_formula
from ..tables import WorldTable, table_from_frames
from . import layout
from . import opening as fs
from .table_file import TableFile
from .text_tables import read_text_table

TEXT, PARQUET = (".txt", ".tsv", ".csv"), (".parquet", ".parq", ".par")
_LONG = {".csv": (), ".parquet": (b"PAR1",), ".xlsx": fs.ZIP}
_YEAR = r"(?<!\d)(?:19|20)\d\d(?!\d)"
# EXIOBASE's rests of the world: WF would be Wallis and Futuna.
_REST = {f"W{letter}": f"WW{letter}" for letter in "AEFLM"}


def read_frame(
    file: TableFile, *, rows: int, columns: int, separator: str = "\t"
) -> pd.DataFrame:
    """A table with these numbers of levels of labels at the left and at the top.

    Raises ``TivaxError`` for a file that is not that.
    """
    if file.suffix in PARQUET:
        frame = _read_parquet(file)
        levels = frame.index.nlevels, frame.columns.nlevels
        if levels != (rows, columns):
            raise fs.damaged(file, f"levels of labels {levels}, not {(rows, columns)}")
        return frame
    _require_text(file)
    table = read_text_table(file, header=columns, labels=rows, separator=separator)
    return pd.DataFrame(
        table.values,
        _index(table.labels, table.names),
        _index(table.header, [None] * columns),
    )


def read_words(file: TableFile, *, separator: str = "\t") -> list[list[str]]:
    """The cells of a small table of text below its header, labels first."""
    if file.suffix in PARQUET:
        frame = _read_parquet(file).reset_index()
        return [[str(cell) for cell in row] for row in frame.to_numpy().tolist()]
    _require_text(file)
    lines = list(fs.lines_of(file, io.StringIO(fs.read_text(file, "replace"))))
    with fs.parsing(file):
        return list(filter(None, csv.reader(lines[1:], delimiter=separator)))


def read_rows(file: TableFile, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """A table in long form as it stands: csv, parquet or a workbook's first sheet.

    Cells of a csv are texts, and cells of a workbook as they are, but in the columns
    ``numbers``: 01 is a code and stays one.
    """
    suffix = file.suffix
    if suffix not in _LONG:
        raise TivaxError(f"{file.name}: write it as csv, parquet or xlsx")
    texts: Any = {"keep_default_na": False, "na_values": [""]}  # NA is a label: Namibia
    kind = object if suffix == ".xlsx" else str
    data = fs.read_bytes(file, _LONG[suffix])
    if suffix == ".xlsx":
        fs.checked_workbook(file)
    if suffix == ".csv":
        fs.check_text(file, data[:1024])
        head = data[: data.find(b"\n")].decode("utf-8-sig", "replace").strip()
        require_commas(head.split(","), f"{file.name}: ")
        if not data.endswith(b"\n"):
            raise fs.damaged(file, "it ends within a line")
    with fs.parsing(file):
        if suffix == ".parquet":
            return read_parquet(io.BytesIO(data))
        read: Any = partial(pd.read_csv, encoding="utf-8-sig", **texts)
        if suffix == ".xlsx":
            read = partial(pd.read_excel, engine="calamine", **texts)
        names = read(io.BytesIO(data), nrows=0).columns
        labels = [k for k in names if str(k).strip().lower() not in numbers]
        frame = read(io.BytesIO(data), dtype=dict.fromkeys(labels, kind))
    for name in labels if kind is str and b"'" in data else ():
        frame[name] = frame[name].map(unescape_formula, na_action="ignore")
    return frame


def separator_of(file: TableFile) -> str:
    """Separator of the cells of a text: a comma, a semicolon or a tab."""
    if file.suffix in PARQUET:
        return ","
    line = fs.first_line(file)
    return max(",;\t", key=lambda mark: line.count(mark.encode()))


def _require_text(file: TableFile) -> None:
    if file.suffix not in TEXT:
        raise TivaxError(
            f"{file.name}: {file.suffix[1:] or 'no'} files are not read (pickled ones "
            "can run code); save the system as txt or parquet"
        )


def _read_parquet(file: TableFile) -> pd.DataFrame:
    data = fs.read_bytes(file, (b"PAR1",))
    with fs.parsing(file):
        return read_parquet(io.BytesIO(data))


def _index(labels: Sequence[Sequence[str]], names: Sequence[str | None]) -> pd.Index:
    named = [name or None for name in names]
    if len(labels) == 1:
        return pd.Index(labels[0], name=named[0])
    return pd.MultiIndex.from_arrays([pd.Index(k) for k in labels], names=named)


def table_of(
    file: TableFile, frames: Mapping[str, pd.DataFrame | pd.Series], year: int
) -> WorldTable:
    """The table of the frames Z, Y, x and perhaps value_added; errors name the file."""
    try:
        return table_from_frames(frames, year, source=file.name)
    except TivaxError as error:
        told = error.within(file.name)
        raise TivaxError(f"{told}; get it again, or correct it") from None


def with_iso_codes(file: TableFile, table: WorldTable) -> WorldTable:
    """The table with codes of countries in ISO 3166-1 alpha-3; others stay."""
    own = _REST if set(_REST) <= set(table.regions) else {}
    regions = []
    for code in table.regions:
        try:
            regions.append(own.get(code) or layout.region_code(code))
        except TivaxError:  # two letters of no country
            regions.append(code)
    layout.check_unique(file, "regions", regions)
    return replace(table, regions=tuple(regions))


def year_told(*names: str) -> int | None:
    """The last year that a name tells; the first of the names that tells one counts."""
    for name in names:
        if found := re.findall(_YEAR, name):
            return int(found[-1])
    return None
