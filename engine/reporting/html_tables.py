"""Data frames as HTML tables."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from ..core import p_cell

# A table of more columns is printed in smaller letters.
_FEW_COLUMNS = 7
_MANY_COLUMNS = 14
# What headers say in place of the names of columns in files.
_HEADERS = {
    "ci_low": "95 % interval from",
    "ci_high": "to",
    "se": "standard error",
    "mc_error": "simulation error",
    "draws_per_s": "draws a second",
    "p_value": "p",
}


def spaced(text: str) -> str:
    """The text with a number and its per cent sign on one line: U+00A0 between."""
    return re.sub(r"(?<=\d) %", "\u00a0%", text)


def translated_frame(
    frame: pd.DataFrame, formats: Mapping[Any, str], words: Callable[[str], str]
) -> tuple[pd.DataFrame, dict[Any, str]]:
    """The frame with headers, row labels and texts in other ``words``, and its formats
    by the new headers."""

    def say(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(say, value))
        if isinstance(value, bool | np.bool_):
            value = "yes" if value else "no"
        return words(value) if isinstance(value, str) else value

    def header(name: Any) -> Any:
        if not isinstance(name, str):
            return say(name)
        bare = name.rstrip()
        return say(_HEADERS.get(name, bare)) + name[len(bare) :]

    if {"region", "name"} <= {*frame}:  # codes have that name too
        region = frame["name"].where(frame["name"] != "", frame["region"])
        frame = frame.assign(region=region).drop(columns="name")
    # Headers that differ in blanks alone stay apart.
    names = [header(k) for k in frame.columns]
    shown = frame.map(say)
    shown.columns = (
        pd.MultiIndex.from_tuples(names, names=frame.columns.names)
        if frame.columns.nlevels > 1
        else pd.Index(names, dtype=object)
    )
    if not isinstance(frame.index, pd.RangeIndex):
        shown.index = frame.index.map(say)
        shown.index.names = [say(k) for k in frame.index.names]
    own: dict[Any, Any] = dict(zip(frame.columns, names, strict=True))
    defaults = {
        own[name]: _default_format(column)
        for name, column in frame.items()
        if _is_number(column) and name not in formats
    }
    return shown, defaults | {own[k]: v for k, v in formats.items() if k in own}


def frame_html(frame: pd.DataFrame, formats: Mapping[Any, str]) -> str:
    """The frame as a ``<table>``; ``formats`` as those of ``html.Table``."""
    named = not isinstance(frame.index, pd.RangeIndex)
    right = [name in formats or _is_number(column) for name, column in frame.items()]
    cells = [_formatted(column, formats.get(name)) for name, column in frame.items()]
    labels = _label_cells(frame.index) if named else [""] * len(frame)
    rows = []
    for k, name in enumerate(labels):
        row = (
            _cell("td", column[k], r) for column, r in zip(cells, right, strict=True)
        )
        rows.append(f"<tr>{name}{''.join(row)}</tr>")
    body = "\n".join(rows)
    columns = frame.shape[1] + named * frame.index.nlevels
    kind = "wide widest" if columns > _MANY_COLUMNS else "wide"
    own = f' class="{kind}"' if columns > _FEW_COLUMNS else ""
    return (
        f'<div class="scroll"><table{own}>\n'
        f"<thead>\n{_header(frame, right, named)}\n</thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _header(frame: pd.DataFrame, right: Sequence[bool], named: bool) -> str:
    """One row a level of the columns; equal neighbours above the last level merge."""
    names = list(frame.index.names) if named else []
    levels = frame.columns.nlevels
    rows = []
    for level in range(levels):
        last = level == levels - 1
        row = [
            _cell("th", name or "", False) if last else "<td></td>" for name in names
        ]
        above = [_above(column, level) for column in frame.columns]
        if last:
            row += [
                _cell("th", _HEADERS.get(path[-1], path[-1]), r)
                for path, r in zip(above, right, strict=True)
            ]
        else:
            for path, group in groupby(above):
                span = len(list(group))
                row.append(
                    f'<th class="span" colspan="{span}">{escape(str(path[-1]))}</th>'
                )
        rows.append(f"<tr>{''.join(row)}</tr>")
    return "\n".join(rows)


def _above(column: Any, level: int) -> tuple[Any, ...]:
    return column[: level + 1] if isinstance(column, tuple) else (column,)


def _label_cells(index: pd.Index) -> list[str]:
    """The row headers; in several levels, a label is not repeated below itself."""
    paths = [key if isinstance(key, tuple) else (key,) for key in index]
    cells = []
    for k, path in enumerate(paths):
        above = paths[k - 1] if k else ()
        shown = [
            ""
            if level < len(path) - 1 and above[: level + 1] == path[: level + 1]
            else x
            for level, x in enumerate(path)
        ]
        cells.append("".join(_cell('th scope="row"', x, False) for x in shown))
    return cells


def _cell(tag: str, value: object, right: bool) -> str:
    style = ' class="n"' if right else ""
    text = spaced(escape(str(value)))
    if not text.strip():  # no header where there is nothing to head
        tag = "td"
    return f"<{tag}{style}>{text}</{tag.split()[0]}>"


def _is_number(column: pd.Series) -> bool:
    numeric, boolean = pd.api.types.is_numeric_dtype, pd.api.types.is_bool_dtype
    return numeric(column) and not boolean(column)


def _formatted(column: pd.Series, spec: str | None) -> list[str]:
    """Cells as text: a missing number is a dash, a missing text nothing."""
    number = _is_number(column)
    if spec is None:
        spec = _default_format(column) if number else ""
    missing = "–" if number else ""
    if pd.api.types.is_bool_dtype(column):
        column = column.map({True: "yes", False: "no"})
    cells = [missing if pd.isna(x) else _cell_text(x, spec) for x in column]
    return [cell.replace("-", "−") for cell in cells] if number else cells


def _cell_text(value: Any, spec: str) -> str:
    if spec.startswith("p"):
        return p_cell(value, int(spec[1:]))
    text = format(value, spec)
    return text.replace("%", " %") if spec.endswith("%") else text


def _default_format(column: pd.Series) -> str:
    if pd.api.types.is_integer_dtype(column):
        return "d" if str(_last(column.name)).lower() == "year" else ",d"
    values = np.abs(column.dropna().to_numpy(float))
    largest = float(np.max(values[np.isfinite(values)], initial=0))
    before = int(np.floor(np.log10(largest))) + 1 if largest > 0 else 0
    return f",.{min(max(4 - before, 0), 4)}f"


def _last(name: Any) -> Any:
    return name[-1] if isinstance(name, tuple) else name
