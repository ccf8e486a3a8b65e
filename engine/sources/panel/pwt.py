"""Penn World Table, versions 9.0 to 11.0: 182 countries and more, from 1950.

``pwt9.0.rda``, ``pwt9.1.rda``, ``pwt10.01.rda``
    Data frame ``pwt<version>`` of the R packages pwt9 and pwt10. Columns ``country,
    isocode, year, currency``, then the series.
``pwt90.xlsx``, ``pwt1001.xlsx``, ``pwt100.dta``
    The official files: ``countrycode, country, currency_unit, year``, then the
    series; of a workbook the sheet Data, names in row 1. A ``.csv`` of these columns
    is read too; missing = empty or NA.

Series used here: ctfp total factor productivity (USA = 1); rgdpna real GDP and rnna
capital stock at constant national prices, cn capital stock at current PPPs (million
US$ of 2011, from version 10.0 on of 2017); xr exchange rate (national currency per US$,
the euro in all years of its members); pop population (millions); pl_gdpo price level
of output (USA = 1); csh_x, csh_m shares of exports and imports (negative) in output.

**ck changed its meaning.** Up to 9.0 it is the capital stock that is cn later, in
million US$; from 9.1 on it is an index of capital services (USA = 1). Where a file has
no cn, its ck is read for cn.

Codes are ISO 3166-1 alpha-3 (ROU); Taiwan is there.

Feenstra, R. C., R. Inklaar and M. P. Timmer (2015), The next generation of the Penn
World Table, American Economic Review 105:3150-3182.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from ...core import TivaxError
from ...files import TableFile, layout
from ...files import opening as fs
from . import country_years as cy

CODES = ("countrycode", "isocode")
# Names that version 9.0 does not have.
SINCE_9_1 = ("rnna", "irr", "pl_n")


def read(path: Path, series: Sequence[str]) -> pd.DataFrame:
    """``code, year`` and the variables named in ``series``, in units of the file.

    ``TivaxError`` in one line for anything but a file of the Penn World Table.
    """
    file = _file(path)
    if file.suffix in (".rda", ".rdata"):
        size = path.stat()
        columns = _kept(path, size.st_mtime_ns, size.st_size)
    else:
        columns = cy.read_columns(file, "Data")
    code = next((name for name in CODES if name in columns), CODES[0])
    if "cn" not in columns and "ck" in columns:
        columns = {**columns, "cn": columns["ck"]}
    cy.check_series(file, columns, [code, "year"])
    later = [name for name in series if name in SINCE_9_1]
    remedy = f"get version 9.1 or later, which has {', '.join(later)}"
    cy.check_series(file, columns, later, remedy)
    cy.check_series(file, columns, series, "the published workbook explains its names")
    values = {name: columns[name] for name in series}
    return cy.tidy(file, columns[code], columns["year"], values, missing=("NA",))


@lru_cache(maxsize=4)
def _kept(path: Path, changed: int, size: int) -> Mapping[str, Any]:
    """An R file as last changed, kept: to parse it takes a second or two."""
    return _from_r(_file(path))


def _file(path: Path) -> TableFile:
    suffixes = (".rda", ".rdata", ".xlsx", ".dta", ".csv")
    return cy.table_file(path, suffixes, "Penn World Table")


def _from_r(file: TableFile) -> Mapping[str, Any]:
    objects = fs.read_r(file)
    name = next((name for name in objects if str(name).startswith("pwt")), "pwt9.0")
    frame = layout.element(file, objects, name)
    if not isinstance(frame, pd.DataFrame):
        raise TivaxError(f"{file.name}: {name} is not a data frame; {cy.AGAIN}")
    return {str(column): cells for column, cells in frame.items()}
