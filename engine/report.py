"""One HTML file of text, figures and tables, which needs nothing else.

A report is a list of sections, a section a list of blocks: ``Text``, ``Figure`` and
``Table``. Figures and tables are numbered through the whole report. Styles and figures
(SVG) are inside the file; it holds no script and loads nothing.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import count, groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import figure as mpl

from tivax.engine.plots import svg_text


@dataclass(frozen=True)
class Text:
    """Plain text; an empty line starts a new paragraph."""

    text: str


@dataclass(frozen=True, eq=False)
class Figure:
    """A matplotlib figure. The caption says what is shown and in which unit."""

    figure: mpl.Figure
    caption: str


@dataclass(frozen=True, eq=False)
class Table:
    """A data frame.

    Attributes
    ----------
    frame
        Columns of two levels get a spanning header. Row labels are shown unless they
        are just 0, 1, 2, ...
    caption
        What is shown and in which unit.
    formats
        Column to format specification, such as ``",.1f"``. Other numbers get about
        four digits and thousands separators, years none. Columns named here and
        numeric columns stand to the right, also where their cells are texts such as
        ``0.12**`` (specification ``""``).
    """

    frame: pd.DataFrame
    caption: str
    formats: Mapping[Hashable, str] = field(default_factory=dict)


# Figures drawn for half a page of print are enlarged to the letters of a screen.
_ZOOM = 1.35

Block = Text | Figure | Table


@dataclass(frozen=True, eq=False)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


def write_report(
    path: Path,
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    footer: Mapping[str, str],
) -> None:
    """Write the report to ``path``.

    ``footer`` is printed as given, in order, such as version, device and date. The
    report contains nothing else about the machine or the time, so that the same
    content gives the same bytes.
    """
    page = report_html(title, subtitle, sections, footer)
    path.write_text(page, encoding="utf-8")


def report_html(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    footer: Mapping[str, str],
) -> str:
    """The report as one string; arguments as in :func:`write_report`."""
    figures, tables = count(1), count(1)
    body = []
    for number, section in enumerate(sections, 1):
        blocks = "\n".join(_block(block, figures, tables) for block in section.blocks)
        heading = f"<h2>{number}. {escape(section.title)}</h2>"
        body.append(f'<section id="section-{number}">\n{heading}\n{blocks}\n</section>')
    facts = (f"{escape(key)} {escape(value)}" for key, value in footer.items())
    return _PAGE.format(
        title=escape(title),
        subtitle=escape(subtitle),
        style=_STYLE,
        contents=_contents(sections),
        body="\n".join(body),
        footer=" · ".join(facts),
    )


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    items = "\n".join(
        f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, 1)
    )
    return f'<nav aria-label="Contents">\n<ol>\n{items}\n</ol>\n</nav>'


def _block(block: Block, figures: "count[int]", tables: "count[int]") -> str:
    if isinstance(block, Figure):
        return _figure(block, next(figures))
    if isinstance(block, Table):
        return _table(block, next(tables))
    paragraphs = (part.strip() for part in block.text.split("\n\n"))
    return "\n".join(f"<p>{escape(part)}</p>" for part in paragraphs if part)


def _figure(block: Figure, number: int) -> str:
    svg = svg_text(block.figure, ids=f"figure-{number}-")
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="Figure {number}" ', 1)
    width, height = (float(k) for k in block.figure.get_size_inches())
    size = f'width="{_ZOOM * width:.2f}in" height="{_ZOOM * height:.2f}in"'
    svg = re.sub(r'width="[^"]*" height="[^"]*"', size, svg, count=1)
    return (
        f'<figure id="figure-{number}">\n{svg}\n'
        f"<figcaption><b>Figure {number}.</b> {escape(block.caption)}</figcaption>\n"
        "</figure>"
    )


# --------------------------------------------------------------------------- tables


def _table(block: Table, number: int) -> str:
    frame = block.frame
    named = not isinstance(frame.index, pd.RangeIndex)
    right = [
        column in block.formats or _is_number(frame.iloc[:, k])
        for k, column in enumerate(frame.columns)
    ]
    cells = [
        _formatted(frame.iloc[:, k], block.formats.get(column))
        for k, column in enumerate(frame.columns)
    ]
    labels = _label_cells(frame.index) if named else [""] * len(frame)
    rows = []
    for k, label in enumerate(labels):
        row = (
            _cell("td", column[k], r) for column, r in zip(cells, right, strict=True)
        )
        rows.append(f"<tr>{label}{''.join(row)}</tr>")
    body = "\n".join(rows)
    return (
        f'<figure class="table" id="table-{number}">\n'
        f"<figcaption><b>Table {number}.</b> {escape(block.caption)}</figcaption>\n"
        f'<div class="scroll"><table>\n'
        f"<thead>\n{_header(frame, right, named)}\n</thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table></div>\n</figure>"
    )


def _header(frame: pd.DataFrame, right: Sequence[bool], named: bool) -> str:
    """One row a level of the columns; equal neighbours above the last level merge."""
    names = list(frame.index.names) if named else []
    levels = frame.columns.nlevels
    rows = []
    for level in range(levels):
        last = level == levels - 1
        row = [
            _cell("th", name or "", False) if last else "<th></th>" for name in names
        ]
        above = [_above(column, level) for column in frame.columns]
        if last:
            row += [
                _cell("th", path[-1], r) for path, r in zip(above, right, strict=True)
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
    return f"<{tag}{style}>{escape(str(value))}</{tag.split()[0]}>"


def _is_number(column: pd.Series) -> bool:
    numeric, boolean = pd.api.types.is_numeric_dtype, pd.api.types.is_bool_dtype
    return numeric(column) and not boolean(column)


def _formatted(column: pd.Series, spec: str | None) -> list[str]:
    """Cells as text: a missing number is a dash, a missing text nothing."""
    number = _is_number(column)
    if spec is None:
        spec = _default_format(column) if number else ""
    missing = "–" if number else ""
    cells = [missing if _is_missing(x) else format(x, spec) for x in column]
    return [cell.replace("-", "−") for cell in cells] if number else cells


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _default_format(column: pd.Series) -> str:
    if pd.api.types.is_integer_dtype(column):
        return "d" if str(_last(column.name)).lower() == "year" else ",d"
    values = np.abs(column.dropna().to_numpy(float))
    largest = float(np.max(values[np.isfinite(values)], initial=0))
    before = int(np.floor(np.log10(largest))) + 1 if largest > 0 else 0
    return f",.{min(max(4 - before, 0), 4)}f"


def _last(name: Any) -> Any:
    return name[-1] if isinstance(name, tuple) else name


# ----------------------------------------------------------------------------- page

_STYLE = """
:root { color-scheme: light; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 46rem;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial,
    sans-serif;
  color: #222; background: #fff; overflow-wrap: break-word;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .8rem; }
.subtitle { font-size: 1.1rem; color: #555; margin: 0 0 1.5rem; }
nav { border: solid #ddd; border-width: 1px 0; padding: .6rem 0; }
nav ol { margin: 0; padding-left: 1.5rem; }
a { color: #005a9c; }
figure { margin: 1.5rem 0 2rem; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #444; margin-top: .5rem; }
.table figcaption { margin: 0 0 .5rem; }
.scroll { overflow-x: auto; }
table {
  border-collapse: collapse; font-size: .875rem; line-height: 1.35;
  border: solid #222; border-width: 1.5px 0;
}
th, td { padding: .2rem .7rem; text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: .2rem; }
thead tr:last-child th { border-bottom: 1px solid #222; vertical-align: bottom; }
tbody th { font-weight: normal; white-space: nowrap; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.span { text-align: center; border-bottom: 1px solid #999; }
footer {
  margin-top: 3rem; padding-top: .6rem; border-top: 1px solid #ddd;
  font-size: .85rem; color: #555;
}
@media print {
  @page { margin: 2cm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, .table figcaption { break-after: avoid; }
  figure:not(.table), tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
}
""".strip()

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p class="subtitle">{subtitle}</p>
</header>
{contents}
<main>
{body}
</main>
<footer>{footer}</footer>
</body>
</html>
"""
