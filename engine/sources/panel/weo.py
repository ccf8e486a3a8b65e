"""World Economic Outlook of the International Monetary Fund, 1980 on.

``WEOApr2021all.xls``
    In spite of its name a text with tabs, in ISO 8859-1 or (April 2022 and others)
    UTF-16. A row a country and subject: ``WEO Country Code, ISO, WEO Subject Code,
    Country, Subject Descriptor, Subject Notes, Units, Scale, Country/Series-specific
    Notes, 1980, ..., 2026, Estimates Start After``; then a blank row and a citation.
``WEOApr2021all.csv``
    The same with commas in UTF-8. Both may be compressed (.bz2, .gz).
A workbook ``.xlsx`` from October 2025 on
    Its sheet Countries: a row a country and subject, ``COUNTRY.ID, INDICATOR.ID,
    FREQUENCY, LATEST_ACTUAL_ANNUAL_DATA``, ... and the years. Annual series
    (FREQUENCY A) are read.

Numbers have commas at the thousands; missing = n/a, -- or empty. Subjects are such as
PCPIPCH consumer price inflation (%), NGDPD GDP (billion US$), LP population (millions);
an edition may have a few of them only (April 2020 has eight).
Years after those of *Estimates Start After* are estimates and projections: they are
read like the others. Codes are ISO 3166-1 alpha-3 but those of Kosovo (UVK,
in the workbook KOS) and WBG; Taiwan is there.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...core import TivaxError
from ...files import TableFile
from ...files import opening as fs
from . import country_years as cy

SUFFIXES = tuple(
    suffix + packed
    for suffix in (".xls", ".csv", ".tsv", ".txt")
    for packed in ("", ".bz2", ".gz")
) + (".xlsx",)
BINARY = (*fs.ZIP, b"\xd0\xcf\x11\xe0", fs.GZIP, fs.BZIP2)
MISSING = ("n/a", "--")
THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")

TEXT = ("ISO", "WEO Subject Code")
WORKBOOK = ("COUNTRY.ID", "INDICATOR.ID")
# A longer list of subjects does not help in one line.
_MANY = 12


def read(path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``code, year`` and the subjects named in ``series``, in their own units.

    ``TivaxError`` in one line for anything but a file as above.
    """
    file = cy.table_file(path, SUFFIXES, "World Economic Outlook")
    header, rows = _sheet(file) if file.suffix == ".xlsx" else _rows(file)
    names = WORKBOOK if "COUNTRY.ID" in header else TEXT
    cy.check_series(file, header, names)
    code, subject = map(header.index, names)
    at = cy.year_columns(file, header)
    # The last column may be left out where it is empty, but no year.
    width = max([code, subject, *at]) + 1
    for row in rows:
        # The citation is the only row that does not begin with a number.
        short = len(row) < width and row and row[0].isdigit()
        if short or any(cell.strip() for cell in row[len(header) :]):
            told = "fewer than years" if short else f"the header {len(header)}"
            raise TivaxError(
                f"{file.name}: the row {','.join(row)[:20]}... has {len(row)} cells, "
                f"{told}; the file is damaged or incomplete, get it again"
            )
    if rows and max(map(len, rows)) < len(header):
        raise TivaxError(
            f"{file.name}: the header has {len(header)} cells, more than any row; the "
            "file is damaged, get it again"
        )
    rows = [row for row in rows if len(row) >= width and row[code].strip()]
    if not rows:
        raise fs.damaged(file, "no rows below the header")
    by_subject = {
        name: [
            [_without_commas(cell) for cell in row]
            for row in rows
            if row[subject].strip() == name
        ]
        for name in series
    }
    there = [name for name in series if by_subject[name]]
    has = sorted({row[subject].strip() for row in rows})
    shown = has if len(has) <= _MANY else [*has[:_MANY], f"{len(has) - _MANY} more"]
    cy.check_series(
        file, there, series, f"this edition has the subjects {', '.join(shown)}"
    )
    return cy.join(
        [
            cy.tidy_years(file, found, code, at, name, MISSING)
            for name, found in by_subject.items()
        ]
    )


def _rows(file: TableFile) -> tuple[list[str], list[list[str]]]:
    """The header and the rows below it."""
    data = cy.read_unpacked(file)
    if data.startswith(BINARY):
        raise TivaxError(
            f"{file.name}: not a text; get the IMF's file again, which is a text with "
            "tabs though named .xls, and do not save it from a spreadsheet"
        )
    text = _decode(file, data)
    tabs = "\t" in text.partition("\n")[0]
    lines = fs.lines_of(file, io.StringIO(text, newline=""))
    rows = list(cy.csv_rows(file, lines, "\t" if tabs else ","))
    header = [name.strip() for name in rows[0]] if rows else []
    return header, rows[1:]


def _sheet(file: TableFile) -> tuple[list[str], list[list[str]]]:
    """The header and the annual rows of the sheet Countries, as text."""
    rows = [[_text(cell) for cell in row] for row in cy.read_sheet(file, "Countries")]
    header = rows[0] if rows else []
    cy.check_series(file, header, [*WORKBOOK, "FREQUENCY"])
    frequency = header.index("FREQUENCY")
    return header, [row for row in rows[1:] if row[frequency] == "A"]


def _text(cell: object) -> str:
    """A cell as the text files write it: the year 2024.0 as 2024."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _decode(file: TableFile, data: bytes) -> str:
    try:
        if data.startswith(b"\xff\xfe"):
            return data.decode("utf-16")
        if b"\x00" in data[:200]:
            return data.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise fs.damaged(file, error) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _without_commas(cell: str) -> str:
    cell = cell.strip()
    return cell.replace(",", "") if THOUSANDS.fullmatch(cell) else cell
