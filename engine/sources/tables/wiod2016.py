"""WIOD, release of 2016: 44 regions x 56 sectors (ISIC Rev. 4), 2000-2014.

Million US$ at current basic prices, full precision, doi:10.34894/PJ2M1C. Three
forms of the same tables are read:

``WIOT<yyyy>_October16_ROW.RData``, ``WIOT<yyyy>_October16_ROW.dta``
    One data frame (in R named ``wiot``). Rows: industries by country, then eight
    totals of country ``TOT``, among them VA (at basic prices) and GO (output).
    Columns: IndustryCode, IndustryDescription, Country, RNr (1 ... 56 within a
    country), Year; then AUS1 ... ROW56, all industries before AUS57 ... ROW61,
    final demand by country and category; then TOT. Stata puts a ``v`` before the
    names of the number columns.

``WIOT<yyyy>_Nov16_ROW.xlsb``
    The layout of :func:`tivax.engine.sources.tables.wiod2013.read_sheet`.

Output minus inputs is not value added: taxes less subsidies, adjustments and
international transport margins lie between. Sectors are named by IndustryCode.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ...core import TivaxError
from ...files import TableFile, layout
from ...files import opening as fs
from ...tables import WorldTable, normalise
from .wiod2013 import read_sheet

# Number after the country in the columns of final demand -> name of the category.
DEMAND = {"57": "CONS_h", "58": "CONS_np", "59": "CONS_g", "60": "GFCF", "61": "INVEN"}

# What lies between inputs plus value added and output.
BETWEEN = ("TXSP", "EXP_adj", "PURR", "PURNR", "IntTTM")

LABELS = ("IndustryCode", "IndustryDescription", "Country", "RNr", "Year")


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a file."""
    if file.suffix == ".rdata":
        yield _from_frame(file, _r_frame(file))
    elif file.suffix == ".dta":
        yield _from_frame(file, fs.read_stata(file))
    elif file.suffix in (".xlsb", ".xlsx"):
        yield read_workbook(file)
    else:
        raise TivaxError(
            f"{file.name}: WIOD 2016 tables are .RData, .dta, .xlsb or .xlsx files"
        )


def read_workbook(file: TableFile, *, previous_prices: bool = False) -> WorldTable:
    """The table in a workbook, at current prices or those of the previous year."""
    demand = {f"c{number}": name for number, name in DEMAND.items()}
    return read_sheet(file, demand, sectors="names", previous_prices=previous_prices)


def _r_frame(file: TableFile) -> pd.DataFrame:
    frame = layout.element(file, fs.read_r(file), "wiot")
    if not isinstance(frame, pd.DataFrame):
        raise TivaxError(f"{file.name}: wiot is not a data frame; get it again")
    return frame


def _from_frame(file: TableFile, frame: pd.DataFrame) -> WorldTable:
    """The table in the data frame of the R and Stata files."""
    columns = [str(column) for column in frame.columns]
    layout.check_labels(file, "first columns", columns[: len(LABELS)], LABELS)
    year = layout.check_year(file, _one_year(file, frame["Year"]))
    country, code = (
        [str(label).strip() for label in frame[k]] for k in ("Country", "IndustryCode")
    )
    n = len(country) - country.count("TOT")
    if "TOT" in country[:n]:
        raise TivaxError(f"{file.name}: totals stand between industries; get it again")

    numbers = [_whole(number) for number in frame["RNr"][:n]]
    regions, within = layout.region_major(file, normalise(country[:n]), numbers)
    sectors = tuple(code[: len(within)])
    layout.check_labels(file, "codes of industries", code[:n], sectors * len(regions))

    layout.check_labels(
        file,
        "columns",
        _column_labels(columns[len(LABELS) :]),
        [*layout.pairs(regions, within), *layout.pairs(regions, list(DEMAND)), "TOT"],
    )
    values = _values(file, frame.iloc[:, len(LABELS) :])
    totals = {total: values[n + k, :n] for k, total in enumerate(code[n:])}
    return layout.sales_table(
        file,
        (regions, sectors, DEMAND.values()),
        values[:n, :-1],
        x=layout.element(file, totals, "GO").copy(),
        value_added=layout.element(file, totals, "VA").copy(),
        taxes_and_margins=sum(
            (layout.element(file, totals, total) for total in BETWEEN), np.zeros(n)
        ),
        year=year,
    )


def _values(file: TableFile, frame: pd.DataFrame) -> np.ndarray:
    """The number columns as float64."""
    for column, dtype in frame.dtypes.items():
        if getattr(dtype, "kind", "O") not in "iuf":
            raise TivaxError(
                f"{file.name}: column {column} holds text, not numbers; get it again"
            )
    return frame.to_numpy(float)


def _column_labels(columns: Sequence[str]) -> list[str]:
    """``vROW57`` of Stata and ``ROW57`` of R become ``ROW:57``."""
    name = re.compile(r"v?([A-Za-z]{3})(\d+)")
    return [
        f"{normalise([match[1]])[0]}:{match[2]}" if match else column
        for column, match in ((column, name.fullmatch(column)) for column in columns)
    ]


def _one_year(file: TableFile, years: pd.Series) -> int:
    found = sorted({_whole(year) for year in years})
    if len(found) != 1 or not found[0].isdigit():
        raise TivaxError(
            f"{file.name}: column Year holds {', '.join(found[:3]) or 'nothing'}; "
            "a file holds one year"
        )
    return int(found[0])


def _whole(number: object) -> str:
    """``57`` of 57 or 57.0; R may keep whole numbers as either."""
    return str(number).removesuffix(".0")
