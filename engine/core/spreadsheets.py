"""Cells of csv and xlsx that a spreadsheet must not run.

A program such as Excel takes a text that begins with =, +, -, @, a tab or a line's end
for a formula, and a region may be called so in somebody's tables. In csv an apostrophe
stands before it (OWASP, CSV injection); in xlsx the cell is marked as text.
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .errors import TivaxError
from .progress import stage

_RUN = re.compile(r"[=+\-@\t\r\n]")
# Numbers as printed in tables, with stars, per cent or brackets.
_NUMBER = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?\s*[%*]*")


def escape_formula(cell: str) -> str:
    """A cell of csv, with an apostrophe where a spreadsheet would run it."""
    return f"'{cell}" if _is_run(cell) else cell


def _is_run(cell: object) -> bool:
    return (
        isinstance(cell, str)
        and _RUN.match(cell) is not None
        and _NUMBER.fullmatch(cell) is None
    )


def unescape_formula(cell: str) -> str:
    """Undo ``escape_formula``, in csv that tivax wrote and reads again."""
    return cell[1:] if cell[:1] == "'" and _is_run(cell[1:]) else cell


# Rows written at a time: as Python objects they take four times the memory.
_ROWS = 50_000


def require_commas(first: Sequence[str], where: str = "") -> None:
    """Raise ``TivaxError`` where the first line of a csv has other marks, as where the
    comma is the point of numbers."""
    if len(first) == 1 and (mark := next((k for k in ";\t" if k in first[0]), "")):
        raise TivaxError(
            f"{where}its columns are separated by {mark!r}; separate them by commas, "
            "and write numbers with a point"
        )


def require_different_columns(
    where: Path | str, names: Iterable[Hashable] | None = None
) -> None:
    """Raise ``TivaxError`` where two columns have one name, which pandas changes, or
    where a csv has other marks than commas.

    ``names`` are those of the columns; else the first line of the csv file has them.
    """
    if names is None:
        lines = Path(where).open(encoding="utf-8-sig", errors="replace", newline="")
        with lines as file:
            names = first = next(csv.reader(file), [])
        require_commas(first, f"{where}: ")
    counts = Counter(str(k).strip() for k in names)
    if twice := next((k for k, count in counts.items() if k and count > 1), ""):
        raise TivaxError(f"{where}: two columns are called {twice}; rename one")


@stage("writing")
def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table without its index. Numbers keep every digit of float64."""
    safe = frame.rename(columns=_safe)
    for k in range(safe.shape[1]):
        column = safe.iloc[:, k]
        if pd.api.types.is_numeric_dtype(column):
            continue
        if any(map(_is_run, column.unique() if _is_plain(column.dtype) else column)):
            safe.isetitem(k, column.map(_safe).to_numpy())
    if not all(map(_is_plain, safe.dtypes)):
        safe.to_csv(path, index=False)
        return
    # The lines of pandas, in half the time.
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator=os.linesep)
        lines.writerow(safe.columns)
        for start in range(0, len(safe), _ROWS):
            part = safe.iloc[start : start + _ROWS]
            columns = [_cells(part.iloc[:, k]) for k in range(part.shape[1])]
            lines.writerows(zip(*columns, strict=True))


def _is_plain(dtype: Any) -> bool:
    """True if ``csv`` writes the values as pandas does."""
    return dtype in ("float64", "int64") or isinstance(dtype, pd.StringDtype)


def _cells(column: pd.Series) -> list[Any]:
    """The values of a column, empty where they are missing."""
    cells, missing = column.tolist(), column.isna().to_numpy()
    for k in np.flatnonzero(missing).tolist():
        cells[k] = ""
    return cells


def _safe(cell: Hashable) -> Hashable:
    return escape_formula(cell) if isinstance(cell, str) else cell


def write_xlsx(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write tables without their index, each to a sheet. Numbers keep 16 digits."""
    content = BytesIO()  # openpyxl does not tell a full disk as one
    with pd.ExcelWriter(content, engine="openpyxl") as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, index=False, sheet_name=name[:31])
            for row in writer.sheets[name[:31]].iter_rows():
                for cell in row:
                    if _is_run(cell.value):
                        cell.data_type = "s"
                        cell.quotePrefix = True
    path.write_bytes(content.getvalue())
