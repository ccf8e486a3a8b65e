"""Worldwide Governance Indicators, updates 2017 on: estimates since 1996.

Standard normal units, about -2.5 (weak) to 2.5 (strong). These forms are read:

``<yyyy>_Worldwide_Governance_Indicators_1996-<yyyy>.xlsx``
    A sheet for each of the six families, in it two rows of labels: years, each six
    times; below them ``Country/Territory, Code, Estimate, StdErr, NumSrc, Rank, Lower,
    Upper, Estimate, ...``. Then a row a country; missing = #N/A.
``wgidataset_2024update.xlsx``
    One sheet, a row a country, year and family: ``code, year, indicator`` (va, ...,
    rq, ..., cc), ``estimate``; missing = ``..``. The update of 2024.
Workbook of the update of 2025
    A sheet for each family, named va, pv, ge, rq, rl and cc; a row a country and
    year: ``Economy (code), Economy (name), Year, Governance estimate (approx. -2.5 to
    +2.5)``, ...; missing = ``..``.
``wgidataset.dta`` and its zip archive ``wgidataset_stata.zip``
    A row a country and year: ``code, countryname, year``, then six columns a family,
    of which the estimate ends in e. From the update of 2023 on the columns of the
    workbook of 2024.
``API_RQ.EST_DS2_en_csv_v2_<n>.csv`` and its zip archive
    See :mod:`tivax.engine.sources.panel.wdi`; names as in ``INDICATORS``. Years in
    which no country has a value are left out, as the other forms do.

There are no years 1997, 1999 and 2001. Codes are old ones of the World Bank up to the
update of 2024 (ROM, ZAR, TMP), but not in the csv; Taiwan is there. Updates differ in
past years.

Kaufmann, D., A. Kraay and M. Mastruzzi (2011), The Worldwide Governance Indicators:
methodology and analytical issues, Hague Journal on the Rule of Law 3:220-246.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from python_calamine import CalamineWorkbook

from ...core import TivaxError
from ...files import TableFile
from ...files import opening as fs
from . import country_years as cy
from . import wdi

# Estimate of a family in the dta -> its sheet.
SHEETS = {
    "vae": "VoiceandAccountability",
    "pve": "Political StabilityNoViolence",
    "gee": "GovernmentEffectiveness",
    "rqe": "RegulatoryQuality",
    "rle": "RuleofLaw",
    "cce": "ControlofCorruption",
}
# The same -> indicator of the World Bank.
INDICATORS = {name: f"{name[:2].upper()}.EST" for name in SHEETS}

MISSING = ("..", "#N/A")


def read(path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``code, year`` and the estimates named in ``series`` (vae, ..., rqe, ..., cce).

    ``TivaxError`` in one line for another name or anything but a file as above.
    """
    file = cy.table_file(path, (".xlsx", ".dta", ".csv", ".zip"), "WGI")
    cy.require_known(file, series, SHEETS)
    file = cy.table_in(file, r".*\.dta|API_.*\.csv", "wgidataset.dta")
    if file.suffix == ".xlsx":
        return _from_workbook(file, series)
    if file.suffix == ".dta":
        return _from_stata(file, series)
    frame = wdi.read(path, [INDICATORS[name] for name in series])
    frame = frame.rename(columns={code: name for name, code in INDICATORS.items()})
    measured = frame[list(series)].notna().any(axis=1).groupby(frame["year"])
    return frame[measured.transform("any")].reset_index(drop=True)


def _from_stata(file: TableFile, series: Sequence[str]) -> pd.DataFrame:
    """The estimates in either form of the Stata file."""
    table = fs.read_stata(file)
    if {"indicator", "estimate"} <= set(table.columns):
        return _from_long(file, table, series)
    cy.check_series(file, table.columns, ["code", "year", *series])
    values = {name: table[name] for name in series}
    return cy.tidy(file, table["code"], table["year"], values)


def _from_workbook(file: TableFile, series: Sequence[str]) -> pd.DataFrame:
    """The estimates in any of the three layouts of the workbook."""
    book = fs.open_workbook(file)  # once: that takes as long as to read a sheet
    sheets = book.sheet_names
    plain = [title.strip().lower() for title in sheets]
    families = list(dict.fromkeys(series))
    if all(name[:2] in plain for name in families):
        return cy.join([_from_family_sheet(file, name, book) for name in families])
    if len(sheets) == 1:
        rows = cy.read_sheet(file, sheets[0], book)
        table = pd.DataFrame(cy.columns_of(file, rows))
        return _from_long(file, table, families)
    return cy.join([_from_wide_sheet(file, name, book) for name in families])


def _from_long(
    file: TableFile, table: pd.DataFrame, series: Sequence[str]
) -> pd.DataFrame:
    """The estimates of a table with a row a country, year and family."""
    cy.check_series(file, table.columns, ["code", "year", "indicator", "estimate"])
    by_family = {name: table[table["indicator"] == name[:2]] for name in series}
    found = [name for name, rows in by_family.items() if len(rows)]
    cy.check_series(file, found, series)
    return cy.join(
        [
            cy.tidy(
                file,
                rows["code"],
                rows["year"],
                {name: rows["estimate"]},
                missing=MISSING,
            )
            for name, rows in by_family.items()
        ]
    )


def _from_family_sheet(
    file: TableFile, name: str, book: CalamineWorkbook
) -> pd.DataFrame:
    """The estimates of one family in the workbook of 2025."""
    columns = cy.columns_of(file, cy.read_sheet(file, name[:2], book))
    estimate = next(
        (k for k in columns if k.lower().startswith("governance estimate")),
        "Governance estimate",
    )
    cy.check_series(file, columns, ["Economy (code)", "Year", estimate])
    code, year = columns["Economy (code)"], columns["Year"]
    return cy.tidy(file, code, year, {name: columns[estimate]}, missing=MISSING)


def _from_wide_sheet(
    file: TableFile, name: str, book: CalamineWorkbook
) -> pd.DataFrame:
    """The estimates of one family in the workbooks up to 2022, years side by side."""
    sheet = SHEETS[name]
    rows = cy.read_sheet(file, sheet, book)
    top = next((k for k, row in enumerate(rows) if {"Code", "Estimate"} <= {*row}), 0)
    if top == 0:
        raise TivaxError(
            f"{file.name}: sheet {sheet} has no row with Code and Estimate below a row "
            f"of years; {cy.OTHER_EDITION}"
        )
    code = rows[top].index("Code")
    years = {
        j: rows[top - 1][j] for j, label in enumerate(rows[top]) if label == "Estimate"
    }
    return cy.tidy_years(file, rows[top + 1 :], code, years, name, MISSING)
