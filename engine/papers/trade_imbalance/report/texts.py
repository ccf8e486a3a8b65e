"""Parts that sections share: the words of ``report.md``, tables, reasons."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ....reporting import Document, Section, Table, Text
from ..results import Replication

REPORT = Document(Path(__file__).with_name("report.md"))
AT = "at the threshold within simulation error"


def not_computed(
    result: Replication, title: str, otherwise: str = "the panel does not allow it"
) -> Section:
    """A section that could not be computed, and why."""
    why = result.skipped.get(title, otherwise)
    return Section(title, [Text(f"Not computed: {why}.")])


def table_of(
    rows: pd.DataFrame, plain: str, columns: Mapping[str, str], caption: str = ""
) -> Table:
    """Columns of rows: ``plain`` ones as they are called, others under their headings.

    The format of a column stands after a colon, ``CD:.2f``; a colon alone aligns texts
    to the right.
    """
    told = {name: head.partition(":") for name, head in columns.items()}
    heads = {name: head for name, (head, *_) in told.items()}
    formats = {head: form for head, colon, form in told.values() if colon}
    frame = rows[[*plain.split(), *columns]].rename(columns=heads)
    return Table(frame, caption, formats)


def below_in_words(places: Sequence[str], where: str) -> str:
    """The count of p-values below 5 %, as ``where`` says it, and of those at it."""
    said = where.format(places.count("below"))
    at = places.count("at")
    return f"{said} ({at} more {AT})" if at else said


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
