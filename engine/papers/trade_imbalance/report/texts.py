"""Parts that sections share: the words of ``report.en.md`` and ``report.zh.md``, tables
in these words, reasons."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

import tivax as tx

from ....core import percent_text
from ....present.words import Words, words_of
from ....reporting import (
    Language,
    Section,
    Table,
    Text,
    column_name,
    printed_place,
    translated_frame,
)
from ..results import Replication

_NONE: Mapping[Any, str] = MappingProxyType({})


def report_words(language: Language = "en") -> Words:
    """The words of the report in that language."""
    return words_of("report", language, Path(__file__).parent)


def not_computed(
    words: Words, result: Replication, name: str, step: str, otherwise: str = "no panel"
) -> Section:
    """A section that could not be computed, and why: a reason of ``step``, or the
    part ``otherwise``."""
    why = result.skipped.get(step) or words.text(otherwise)
    return Section(words.title(name), [Text(words.text("not computed", why=why))])


def table(
    words: Words,
    frame: pd.DataFrame,
    formats: Mapping[Any, str] = _NONE,
    caption: str = "",
    number: str | None = None,
) -> Table:
    """A table with its headers and texts in the language."""
    if words.chinese:
        frame, formats = translated_frame(frame, formats, words.say)
    return Table(frame, caption, formats, number)


def table_of(
    words: Words, rows: pd.DataFrame, plain: str, columns: Mapping[str, str]
) -> Table:
    """Columns of rows: ``plain`` ones as they are called, others under their headings.

    The format of a column stands after a colon, ``CD:.2f``; a colon alone aligns texts
    to the right.
    """
    told = {name: head.partition(":") for name, head in columns.items()}
    heads = {name: head for name, (head, *_) in told.items()}
    formats = {head: form for head, colon, form in told.values() if colon}
    return table(words, rows[[*plain.split(), *columns]].rename(columns=heads), formats)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Each row as it is given to the holes of a part."""
    return [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]


def below(words: Words, places: Sequence[str], where: str) -> str:
    """The count of p-values below 5 %, in the part ``where``, and of those at it."""
    said, at = words.text(where, count=places.count("below")), places.count("at")
    return words.text("at the level", said=said, at=at) if at else said


def listed(words: Words, parts: Sequence[str]) -> str:
    """``a, b and c``; in Chinese the same mark between all."""
    first = words.listed(parts[:-1], ", ")
    return words.listed([first, parts[-1]], " and ")


def codes(words: Words, names: Sequence[str], joint: str = ", ") -> str:
    """Codes of variables, columns and countries, in Chinese by their names."""
    return words.listed(map(words.say, names), joint)


def share_text(words: Words, share: float, decimals: int, least: float) -> str:
    """At most a share, or less than the ``least`` that is told."""
    name, share = ("less than", least) if share < least else ("at most", share)
    return words.text(name, share=words.tight(percent_text(share, decimals)))


def sentences_as_printed(
    words: Words, models: Iterable[tx.Model], findings: Mapping[str, str]
) -> list[str]:
    """Conclusions for models, begun by the paper's column where it has one.

    A reader of the report knows ``Table 3 (1)``; ``table3-1`` is of run files.
    """
    places = {model.name: printed_place(model.tags) for model in models}
    said = []
    for name, found in findings.items():
        place = places.get(name)
        called = column_name(*place) if place else name
        said.append(words.text("of model", name=called, found=found))
    return said
