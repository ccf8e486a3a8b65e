"""One journal table from fits: on screen as a frame, in a file as the paper needs it.

Word has it as ``.docx``, and opens the HTML of ``.doc`` and of ``.html`` as a table to
edit; LaTeX, csv and Excel have it in their own way.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from ..core import (
    TivaxError,
    local_path,
    require_kind,
    require_list,
    require_no_folder,
    require_writable,
    show,
    suggest,
    write_bytes,
    write_csv,
    write_text,
)
from .journal_tables import JournalTable, TableColumn, to_frame, to_html, to_latex
from .word_tables import to_docx

SUFFIXES = (".docx", ".doc", ".html", ".tex", ".csv")
NOTES = (
    "Standard errors in parentheses: {methods}. *, **, *** significant at 10, 5, 1 %."
)
# The distribution of t, and the name of the convention, which is one of arguments.
_T_IN_WORDS = re.compile(r"t\(G-1\)( \([^()]*\))?")
_T_WORDS = "t distribution with one degree of freedom fewer than clusters"
# What Word and browsers need to set a table as journals do: rules, no lines between.
_STYLE = """table { border-collapse: collapse; font-family: "Times New Roman", serif;
  font-size: 10pt; border-top: 1.5pt solid; border-bottom: 1.5pt solid; }
th, td { padding: 1pt 6pt; font-weight: normal; text-align: center; }
tbody th { text-align: left; }
thead { border-bottom: 0.75pt solid; }
tbody + tbody { border-top: 0.75pt solid; }
.notes { font-family: "Times New Roman", serif; font-size: 9pt; }"""


@runtime_checkable
class Tabulated(Protocol):
    """Members of an estimate that a table reads (``tx.results.Fit``)."""

    @property
    def outcome(self) -> str: ...
    @property
    def terms(self) -> pd.DataFrame: ...
    @property
    def n(self) -> int: ...
    @property
    def clusters(self) -> int: ...
    @property
    def r2(self) -> float: ...
    @property
    def convention(self) -> str: ...
    def glance(self) -> pd.DataFrame: ...


def regression_table(
    fits: Mapping[str, Any] | Sequence[Any],
    path: str | Path | None = None,
    *,
    title: str = "",
    terms: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    rows: Mapping[str, Sequence[str]] | None = None,
    digits: int = 4,
    notes: str | None = None,
) -> pd.DataFrame:
    """``tx.regression_table`` of fits."""
    if notes is not None:
        require_kind("notes", notes, str, "a text")
    require_kind("labels", labels or {}, Mapping, "words by their column")
    require_kind("rows", rows or {}, Mapping, "texts by the name of their row")
    table = _journal_table(
        fits, title, terms, dict(labels or {}), dict(rows or {}), digits, notes
    )
    if path is not None:
        _write(table, local_path("path", path))
    return to_frame(table)


def _journal_table(
    fits: Mapping[str, Any] | Sequence[Any],
    title: str,
    terms: Sequence[str] | None,
    labels: Mapping[str, str],
    rows: Mapping[str, Sequence[str]],
    digits: int,
    notes: str | None,
) -> JournalTable:
    if not isinstance(fits, Iterable) or isinstance(fits, str | pd.DataFrame):
        raise TivaxError(f"fits: give a list of estimates, not {show(fits)}")
    named = isinstance(fits, Mapping)
    given = list(fits.values()) if named else list(fits)
    headings = list(map(str, fits)) if named else [""] * len(given)
    if not given:
        raise TivaxError("fits: give at least one estimate")
    for fit in given:
        wanted = "what tx.fit or pyfixest.feols returned"
        require_kind("fits", fit, Tabulated, wanted)
    shown: list[Tabulated] = given
    known = list(dict.fromkeys(str(k) for fit in shown for k in fit.terms.index))
    if terms is not None:
        require_list("terms", terms)
    wanted = [k for k in known if k != "const"] if terms is None else list(terms)
    for term in wanted:
        if term not in known:
            raise TivaxError(f"no term {term}: {suggest(term, known)}")
    for name, cells in rows.items():
        if isinstance(cells, str) or len(cells) != len(shown):
            raise TivaxError(
                f"rows: {name} has {show(cells)}; give {len(shown)} texts, one a column"
            )
    usual = NOTES.format(methods=_methods(shown))
    columns = []
    for k, fit in enumerate(shown):
        below = {}
        if "kp_f" in (facts := fit.glance()):
            below["Kleibergen-Paap F"] = f"{facts['kp_f'].item():.2f}"
        below["observations"] = str(fit.n)
        if fit.clusters:
            below["clusters"] = str(fit.clusters)
        # One for one model: that of Stata, whatever the covariance.
        below["r2"] = f"{getattr(fit, 'r2_years', fit.r2):.{digits}f}"
        # A row of the user's stands in place of one of that name.
        below = {name: str(cells[k]) for name, cells in rows.items()} | {
            name: text for name, text in below.items() if name not in rows
        }
        top = (headings[k],) if any(headings) else ()
        outcome = labels.get(fit.outcome, fit.outcome)
        columns.append(
            TableColumn((*top, f"({k + 1})", outcome), _estimates(fit, labels), below)
        )
    return JournalTable(
        title,
        columns,
        list(dict.fromkeys(labels.get(k, k) for k in wanted)),
        " ".join(filter(None, [usual if notes is None else notes, *_notes(shown)])),
        digits=digits,
    )


def _methods(fits: Sequence[Tabulated]) -> str:
    """Standard errors in words; of several kinds with the numbers of their columns."""
    numbers: dict[str, list[str]] = {}
    for k, fit in enumerate(fits, 1):
        words = _T_IN_WORDS.sub(_T_WORDS, str(fit.glance()["method"].iloc[0]))
        numbers.setdefault(words, []).append(f"({k})")
    if len(numbers) == 1:
        return next(iter(numbers))
    return "; ".join(f"{', '.join(k)} {words}" for words, k in numbers.items())


def _notes(fits: Sequence[Tabulated]) -> list[str]:
    """Coefficients without a standard error, or with one that says nothing."""
    said = [str(getattr(fit, "note", "")) for fit in fits]
    return [
        f"({k}): {note[0].upper()}{note[1:]}." for k, note in enumerate(said, 1) if note
    ]


def _estimates(fit: Tabulated, labels: Mapping[str, str]) -> dict[str, Any]:
    """Coefficient, standard error and stars of each term."""
    cells = fit.terms[["estimate", "se", "stars"]]
    names = [labels.get(str(k), str(k)) for k in cells.index]
    if twice := next((k for k in names if names.count(k) > 1), None):
        both = [
            str(k) for k, name in zip(cells.index, names, strict=True) if name == twice
        ]
        raise TivaxError(
            f"labels: {' and '.join(both)} of one fit are both named {twice}; give "
            "each its own name"
        )
    return {
        labels.get(str(term), str(term)): (float(coef), float(se), int(stars))
        for term, coef, se, stars in cells.itertuples()
    }


def _write(table: JournalTable, path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TivaxError(f"{path}: end the name in {', '.join(SUFFIXES)}")
    require_no_folder(path)
    if not path.parent.is_dir():
        raise TivaxError(f"{path}: there is no folder {path.parent}; make it first")
    require_writable(path)
    if suffix == ".csv":
        write_csv(to_frame(table), path)
    elif suffix == ".docx":
        write_bytes(path, to_docx(table))
    elif suffix == ".tex":
        write_text(path, to_latex(table))
    else:
        write_text(path, page_of(table))


def page_of(table: JournalTable) -> str:
    """A page of its own, which browsers show and Word edits."""
    title = escape(table.title, quote=False)
    return (
        '<!DOCTYPE html>\n<html xmlns:w="urn:schemas-microsoft-com:office:word">\n'
        f'<head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>\n{_STYLE}\n</style></head>\n<body>\n<p>{title}</p>\n"
        f"{to_html(table)}\n</body></html>\n"
    )
