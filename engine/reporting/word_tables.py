"""A journal table as a document of Word (.docx)."""

from io import BytesIO
from typing import Any

from ..core import TivaxError
from .journal_tables import (
    JournalTable,
    estimate_lines,
    printed_headings,
    row_lines,
    with_minus,
)

_SIZE = 9  # points


def to_docx(table: JournalTable) -> bytes:
    """Title, table with the three rules of journals, and notes.

    Raises ``TivaxError`` where python-docx is not installed.
    """
    try:
        from docx import Document
        from docx.shared import Pt
    except ImportError:
        raise TivaxError(
            "a .docx needs python-docx (pip install python-docx); .doc needs nothing"
        ) from None
    document: Any = Document()
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Times New Roman", Pt(_SIZE)
    document.add_paragraph(table.title)
    head = printed_headings(table)
    estimates, rows = estimate_lines(table), row_lines(table)
    made = document.add_table(
        len(head) + len(estimates) + len(rows), 1 + len(table.columns)
    )
    lines = [[(name, 1), *level] for name, level in head]
    lines += [[(k, 1) for k in (name, *cells)] for name, cells in (*estimates, *rows)]
    for row, line in zip(made.rows, lines, strict=True):
        place = 0
        for text, span in line:
            cell = row.cells[place].merge(row.cells[place + span - 1])
            cell.text = with_minus(text)
            place += span
        for k, cell in enumerate(row.cells):
            cell.paragraphs[0].paragraph_format.space_after = Pt(0)
            cell.paragraphs[0].alignment = 1 if k else 0  # centred but for names
    _rule(made.rows[0], "top", 12)
    _rule(made.rows[len(head) - 1], "bottom", 6)
    if rows:
        _rule(made.rows[len(head) + len(estimates) - 1], "bottom", 6)
    _rule(made.rows[-1], "bottom", 12)
    document.add_paragraph(table.notes)
    content = BytesIO()
    document.save(content)
    return content.getvalue()


def _rule(row: Any, edge: str, eighths: int) -> None:
    """A rule of so many eighths of a point above or below all cells of a row."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for cell in row._tr.tc_lst:
        properties = cell.get_or_add_tcPr()
        borders = properties.find(qn("w:tcBorders"))
        if borders is None:
            borders = OxmlElement("w:tcBorders")
            properties.append(borders)
        line = OxmlElement(f"w:{edge}")
        line.set(qn("w:val"), "single")
        line.set(qn("w:sz"), str(eighths))
        borders.append(line)
