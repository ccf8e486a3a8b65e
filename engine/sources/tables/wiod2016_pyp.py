"""WIOD, release of 2016, at prices of the previous year: 2001-2014.

``WIOT<yyyy>_PYP_Nov16_ROW.xlsb`` in WIOTS_PYP_in_EXCEL.zip, laid out as the workbooks
in current prices; cell A2 says "previous". A store of them is what ``tivax change
--volumes`` compares with the tables at current prices of the year before.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...tables import WorldTable
from .. import finding
from ..source import TableFile
from .wiod2016 import read_workbook


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The tables at prices of the previous year below ``paths``, by year."""
    return finding.one_per_year(
        finding.gather(
            paths,
            r"wiot(?P<year>\d{4})_pyp_nov16_row\.xls[bx]",
            "names such as WIOT2001_PYP_Nov16_ROW.xlsb (current prices: wiod2016)",
        )
    )


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a workbook."""
    yield read_workbook(file, previous_prices=True)
