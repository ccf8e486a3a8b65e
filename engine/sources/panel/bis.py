"""Effective exchange rates of the Bank for International Settlements, from 1994.

``broad.xlsx``: sheets Real (deflated by consumer prices) and Nominal. A row of names
(EER for:, Algeria, ...), below it one of codes: RB in Real or NB in Nominal, then two
letters of ISO 3166-1 alpha-2 (XM for the euro area). Then a row a month: its last day
in column A, averages of the month as an index, 2010 = 100. Up means appreciation.

Series are ``real`` and ``nominal``, means of the twelve months. Codes become ISO 3166-1
alpha-3; XM, which is of no country, stays. Taiwan is there.
"""

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import TivaxError
from ...files import TableFile
from ...tables import alpha3
from . import country_years as cy

SHEETS = {"real": "Real", "nominal": "Nominal"}


def read(path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``code, year`` and annual means, 2010 = 100, of ``real`` and ``nominal``.

    A year with fewer than twelve months is NaN. ``TivaxError`` in one line for another
    name or anything but a file as above.
    """
    file = cy.table_file(path, (".xlsx",), "BIS")
    cy.require_known(file, series, SHEETS)
    return cy.join([_from_sheet(file, name) for name in dict.fromkeys(series)])


def _from_sheet(file: TableFile, name: str) -> pd.DataFrame:
    """The annual means of one sheet."""
    sheet = SHEETS[name]
    rows = cy.read_sheet(file, sheet)
    match = re.compile(f"{sheet[0]}B([A-Z]{{2}})").fullmatch
    found = (
        (k, codes)
        for k, row in enumerate(rows)
        if (codes := {j: m[1] for j, c in enumerate(row) if (m := match(str(c)))})
    )
    top, at = next(found, (0, {}))
    if not at:
        raise TivaxError(
            f"{file.name}: sheet {sheet} has no row of codes such as {sheet[0]}BAU; "
            f"{cy.AGAIN}"
        )
    body = [row for row in rows[top + 1 :] if row[0] != ""]
    months = [_month(file, sheet, row[0]) for row in body]
    if len(set(months)) < len(months):
        year, month = max(months, key=months.count)
        raise TivaxError(
            f"{file.name}: sheet {sheet} holds {year}-{month:02d} more than once; "
            f"{cy.AGAIN}"
        )
    months_since_0 = [12 * year + month for year, month in months]
    if months and np.ptp(months_since_0) >= len(months):
        first, last = min(months), max(months)
        raise TivaxError(
            f"{file.name}: sheet {sheet} lacks months from {first[0]}-{first[1]:02d} "
            f"to {last[0]}-{last[1]:02d}; {cy.AGAIN}"
        )
    index = np.array([cy.numbers([row[j] for j in at], ()) for row in body])
    for k, j in np.argwhere(np.isinf(index)):
        raise TivaxError(
            f"{file.name}: sheet {sheet}, {months[k][0]}-{months[k][1]:02d} of "
            f"{list(at.values())[j]} is not a number; {cy.AGAIN}"
        )
    year_of = np.array([year for year, _ in months])
    years = sorted(set(year_of.tolist()))
    means = [
        index[year_of == year].mean(axis=0)
        if (year_of == year).sum() == 12
        else np.full(len(at), np.nan)
        for year in years
    ]
    return cy.tidy(
        file,
        [_alpha3(code) for _ in years for code in at.values()],
        [year for year in years for _ in at],
        {name: np.ravel(means)},
    )


def _month(file: TableFile, sheet: str, cell: object) -> tuple[int, int]:
    """Year and month of a date in column A."""
    if not isinstance(cell, datetime.date):
        raise TivaxError(
            f"{file.name}: sheet {sheet}, column A holds {cell!r}, not a date; "
            f"{cy.AGAIN}"
        )
    return cell.year, cell.month


def _alpha3(code: str) -> str:
    try:
        return alpha3(code)
    except TivaxError:
        return code
