"""World Development Indicators of the World Bank, from 1960.

``API_<CODE>_DS2_en_csv_v2_<n>.csv``, or the zip archive it is downloaded in
    UTF-8 with byte order mark, all cells quoted. A preface (source, date), which
    copies may lack, then ``Country Name, Country Code, Indicator Name, Indicator
    Code, 1960, 1961, ...`` with a comma at the end of each line. A row a country (or
    group of countries) and indicator; missing = empty. The archive also holds files
    Metadata_*. The bulk csv of all indicators has the same columns and no preface.
a table of one's own, ``*.csv``
    A row a country and year: a column of codes (one of ``CODES``), a column year, and
    columns named by indicator or as ``ALIASES`` says; missing = empty or NA.

Units are those of the indicators, such as FP.CPI.TOTL.ZG consumer price inflation
(%), NE.EXP.GNFS.CD and NE.IMP.GNFS.CD exports and imports (US$), SP.POP.TOTL
population. Codes are ISO 3166-1 alpha-3 (ROU); Taiwan is not there.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import TivaxError, load_toml
from ...files import TableFile
from ...files import opening as fs
from . import country_years as cy

# In lower case; the API's comes first.
CODES = ("country code", "iso3c", "iso3", "countrycode", "code")
_FACTS = load_toml(__package__, "wdi.toml")
ALIASES: dict[str, str] = _FACTS["aliases"]
EURO: dict[str, tuple[int, float]] = _FACTS["euro"]
EXCHANGE_RATE = "PA.NUS.FCRF"
PREFACE = 20  # no copy has more than 4 lines above its header


def read(path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``code, year`` and the indicators named in ``series``, in their own units.

    ``TivaxError`` in one line for anything but a file as above, and for an official
    exchange rate (PA.NUS.FCRF) that changes currency: :func:`require_one_currency`.
    """
    file = cy.table_file(path, (".csv", ".zip"), "World Bank")
    if file.suffix == ".zip":
        file = _member(file)
    with cy.open_lines(file) as lines:
        header = _header(file, lines)
        if _column(header, "indicator code") >= 0:
            frame = _from_api(file, header, lines, series)
        else:
            frame = _from_table(file, header, lines, series)
    if EXCHANGE_RATE in series:
        require_one_currency(frame, path)
    return frame


def require_one_currency(frame: pd.DataFrame, path: Path) -> None:
    """Raise ``TivaxError`` where PA.NUS.FCRF turns to the euro inside a country.

    Between the last year of the old currency and the first of the euro, the published
    level is divided by the official conversion rate. A country is reported where the
    change of the level is nearer to that division than to none.
    """
    levels = frame.set_index(["code", "year"])[EXCHANGE_RATE]
    for code, (year, rate) in EURO.items():
        before, after = (levels.get((code, y), np.nan) for y in (year - 1, year))
        change = np.log(after / before) if before > 0 and after > 0 else np.nan
        if abs(change + np.log(rate)) < abs(change):
            raise TivaxError(
                f"{path.name}: {EXCHANGE_RATE} of {code} changes currency, from "
                f"{before:.6g} in {year - 1} to {after:.6g} in {year} (euro); take xr "
                "of the Penn World Table, which is in one currency"
            )


def _member(file: TableFile) -> TableFile:
    """The table in a downloaded archive."""
    found = [
        name
        for name in fs.members_of(file.path)
        if re.fullmatch(r"(.*/)?(API_.*|WDIData|WDICSV)\.csv", name)
    ]
    if len(found) != 1:
        raise TivaxError(
            f"{file.name}: {len(found) or 'no'} files API_<CODE>_*.csv in it, not one; "
            "download one indicator as csv, or unpack the archive and give a csv file"
        )
    return TableFile(file.path, found[0])


def _header(file: TableFile, lines: Iterator[str]) -> list[str]:
    """The names of the columns, from the first line that can be a header."""
    for line in islice(lines, PREFACE):
        names = [name.strip() for name in cy.cells_of(file, line)]
        rest = max(_column(names, "indicator code"), _column(names, "year"))
        if _code_column(names) >= 0 and rest >= 0:
            return names
    raise TivaxError(
        f"{file.name}: no header with Country Code and Indicator Code, nor with a "
        f"code ({', '.join(CODES[1:])}) and year; {cy.AGAIN}"
    )


def _code_column(header: Sequence[str]) -> int:
    """The position of the codes; -1 if there is none."""
    return next((j for name in CODES if (j := _column(header, name)) >= 0), -1)


def _column(header: Sequence[str], name: str) -> int:
    """The position of a name in any case; -1 if there is none."""
    return next((j for j, label in enumerate(header) if label.lower() == name), -1)


def _from_api(
    file: TableFile, header: list[str], lines: Iterator[str], series: Sequence[str]
) -> pd.DataFrame:
    """The rows of the indicators; a year is a column."""
    at = cy.year_columns(file, header)
    code, indicator = _code_column(header), _column(header, "indicator code")
    rows: dict[str, list[list[str]]] = {name: [] for name in series}
    found = cy.csv_rows(file, _mentioning(series, lines))
    for row in cy.whole_rows(file, found, len(header)):
        if row[indicator] in rows:
            rows[row[indicator]].append(row)
    for name in series:
        cy.check_series(
            file,
            [name for name in series if rows[name]],
            [name],
            f"get it from https://api.worldbank.org/v2/en/indicator/{name}"
            "?downloadformat=csv",
        )
    return cy.join([cy.tidy_years(file, rows[k], code, at, k) for k in rows])


def _from_table(
    file: TableFile, header: list[str], lines: Iterator[str], series: Sequence[str]
) -> pd.DataFrame:
    """The rows of a table; an indicator is a column."""
    code, year = _code_column(header), _column(header, "year")
    columns = {
        name: header.index(label)
        for name in series
        for label in (ALIASES.get(name, name), name)
        if label in header
    }
    for name in series:
        alias = f" and {ALIASES[name]}" if name in ALIASES else ""
        cy.check_series(
            file, columns, [name], f"no column has the name {name}{alias}; add it"
        )
    rows = list(cy.whole_rows(file, cy.csv_rows(file, lines), len(header)))
    return cy.tidy(
        file,
        [row[code] for row in rows],
        [row[year] for row in rows],
        {name: [row[j] for row in rows] for name, j in columns.items()},
        missing=("NA",),
    )


def _mentioning(texts: Sequence[str], lines: Iterator[str]) -> Iterator[str]:
    """The lines with one of the texts, and the last: the bulk csv is 200 MB long."""
    line = ""
    for line in lines:
        if any(text in line for text in texts):
            yield line
            line = ""
    if line:
        yield line
