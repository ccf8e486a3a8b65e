"""Regression tables as a journal prints them: data frame, HTML and LaTeX.

A column of the table is one regression. The standard error is below its coefficient,
in parentheses; rows of text, such as the number of observations, follow the estimates.
Terms and outcomes keep their codes; rows are named by ``labels``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

import pandas as pd

from .labels import Language, label

# Coefficient, standard error, number of stars.
Estimate = tuple[float, float, int]


@dataclass(frozen=True)
class TableColumn:
    """One regression.

    Attributes
    ----------
    heading
        From top to bottom, such as ``("developed", "(1)", "KOFGIdj")``. Neighbours
        that agree down to a level share one heading there.
    estimates
        Estimates by term. A text is printed as it is, without a standard error.
    rows
        Texts below the estimates by code or name of the row, such as
        ``{"year effects": "yes", "observations": "615"}``. Rows of the table are in
        order of their first column.
    """

    heading: tuple[str, ...]
    estimates: Mapping[str, Estimate | str]
    rows: Mapping[str, str]


@dataclass(frozen=True)
class JournalTable:
    """Regressions side by side; ``terms`` orders their estimates.

    A term or row that a column lacks is left empty there. The title has no number.
    """

    title: str
    columns: Sequence[TableColumn]
    terms: Sequence[str]
    notes: str
    language: Language = "en"
    digits: int = 4

    def __post_init__(self) -> None:
        depths = {len(column.heading) for column in self.columns}
        if len(depths) != 1:
            raise ValueError(f"headings of depth {sorted(depths)}; all must be alike")


# One printed line: its name and a cell for every column.
Line = tuple[str, list[str]]


def to_frame(table: JournalTable) -> pd.DataFrame:
    """One row a printed line, all text; levels of a heading are joined by a blank."""
    lines = estimate_lines(table) + row_lines(table)
    names = [" ".join(column.heading) for column in table.columns]
    return pd.DataFrame(
        [[name, *cells] for name, cells in lines],
        columns=[label("term", table.language) or "term", *names],
    )


def estimate_lines(table: JournalTable) -> list[Line]:
    """The printed lines of the estimates."""
    lines = []
    for term in table.terms:
        found = [column.estimates.get(term, "") for column in table.columns]
        cells = [_printed(estimate, table.digits) for estimate in found]
        name = label(term, table.language) if term == "const" else term
        lines.append((name, [above for above, _ in cells]))
        if any(below for _, below in cells):
            lines.append(("", [below for _, below in cells]))
    return lines


def _printed(estimate: Estimate | str, digits: int) -> tuple[str, str]:
    """Coefficient with stars, and the standard error below it."""
    if isinstance(estimate, str):
        return estimate, ""
    coefficient, error, stars = estimate
    return f"{coefficient:z.{digits}f}{'*' * stars}", f"({error:.{digits}f})"


def row_lines(table: JournalTable) -> list[Line]:
    """The printed lines below the estimates."""
    codes = dict.fromkeys(code for column in table.columns for code in column.rows)
    return [
        (
            label(code, table.language),
            [label(k.rows.get(code, ""), table.language) for k in table.columns],
        )
        for code in codes
    ]


def printed_headings(table: JournalTable) -> list[tuple[str, list[tuple[str, int]]]]:
    """For each level, the text above the names of rows, and the headings with the
    number of columns that each spans."""
    paths = [column.heading for column in table.columns]
    levels = []
    for level in range(len(paths[0])):
        above = [path[: level + 1] for path in paths]
        levels.append([(path[-1], len(list(same))) for path, same in groupby(above)])
    names = [""] * (len(levels) - 1) + [label("term", table.language)]
    return list(zip(names, levels, strict=True))


# A minus sign, unlike the hyphens of 2000-2014 and 1e-05.
_MINUS = re.compile(r"(?<![\w)])-(?=[\d.])")


def with_minus(text: str) -> str:
    """The text with minus signs before numbers."""
    return _MINUS.sub("−", text)


# ----------------------------------------------------------------------------- HTML


def to_html(table: JournalTable) -> str:
    """The table and its notes, without the title, for ``html``."""
    kind = "journal wide" if len(table.columns) > 6 else "journal"
    head = "\n".join(_html_heading(*level) for level in printed_headings(table))
    return (
        f'<div class="scroll"><table class="{kind}">\n'
        f"<thead>\n{head}\n</thead>\n"
        f"{_html_body(estimate_lines(table))}{_html_body(row_lines(table))}"
        "</table></div>\n"
        f'<p class="notes">{escape(table.notes, quote=False)}</p>'
    )


def _html_heading(name: str, level: list[tuple[str, int]]) -> str:
    cells = [
        f'<th class="span" colspan="{span}">{_html(text)}</th>'
        if span > 1
        else _head(text)
        for text, span in level
    ]
    return f"<tr>{_head(name)}{''.join(cells)}</tr>"


_OF_ROW = ' scope="row"'


def _head(text: str, scope: str = "") -> str:
    """A header, or an empty cell where there is nothing to head."""
    return f"<th{scope}>{_html(text)}</th>" if text.strip() else "<td></td>"


def _html_body(lines: list[Line]) -> str:
    rows = "\n".join(
        f"<tr>{_head(name, _OF_ROW)}"
        f"{''.join(f'<td>{_html(cell)}</td>' for cell in cells)}</tr>"
        for name, cells in lines
    )
    return f"<tbody>\n{rows}\n</tbody>\n" if rows else ""


def _html(text: str) -> str:
    return escape(with_minus(text), quote=False)


# ---------------------------------------------------------------------------- LaTeX


def to_latex(table: JournalTable) -> str:
    r"""A floating ``table``, numbered by LaTeX; it needs the package booktabs.

    More than four columns are set closer and more than six smaller: nine fit 16 cm of
    text. Chinese needs XeLaTeX and the package ctex.
    """
    wide = len(table.columns)
    size = r"\scriptsize" if wide > 6 else r"\footnotesize"
    gaps = r"\setlength{\tabcolsep}{3pt}" if wide > 4 else ""
    body = "\n".join(_latex_row(*line) for line in estimate_lines(table))
    if rows := row_lines(table):
        body += "\n\\midrule\n" + "\n".join(_latex_row(*line) for line in rows)
    return rf"""\begin{{table}}[htbp]
\centering
\caption{{{_latex(table.title)}}}
{size}{gaps}
\begin{{tabular}}{{l{"c" * wide}}}
\toprule
{_latex_head(table)}
\midrule
{body}
\bottomrule
\end{{tabular}}
\par\smallskip
\parbox{{\linewidth}}{{{_latex(table.notes)}}}
\end{{table}}
"""


def _latex_head(table: JournalTable) -> str:
    *upper, last = printed_headings(table)
    lines = []
    for name, level in upper:
        lines += filter(None, (_latex_heading(name, level), _rules(level)))
    return "\n".join([*lines, _latex_heading(*last)])


def _latex_heading(name: str, level: list[tuple[str, int]]) -> str:
    cells = [
        rf"\multicolumn{{{span}}}{{c}}{{{_latex(text)}}}" if span > 1 else _latex(text)
        for text, span in level
    ]
    return " & ".join([_latex(name), *cells]) + r" \\"


def _rules(level: list[tuple[str, int]]) -> str:
    """A line below every heading that spans several columns."""
    rules, first = [], 2
    for text, span in level:
        if span > 1 and text:
            rules.append(rf"\cmidrule(lr){{{first}-{first + span - 1}}}")
        first += span
    return " ".join(rules)


def _latex_row(name: str, cells: list[str]) -> str:
    stars = [re.sub(r"(\*+)$", r"$^{\1}$", _latex(cell)) for cell in cells]
    guard = "{}" if name.startswith(("[", "*")) else ""  # else an argument of \\
    return " & ".join([guard + _latex(name), *stars]) + r" \\"


_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: "\\" + mark for mark in "&%$#_{}"},
    **{mark: f"${mark}$" for mark in "<>|"},
    "−": "$-$",
    "²": "$^{2}$",
    "–": "--",
}


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(mark, mark) for mark in with_minus(text))
