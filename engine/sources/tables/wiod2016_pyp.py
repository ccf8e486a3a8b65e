"""WIOD, release of 2016, at prices of the previous year: 2001-2014.

``WIOT<yyyy>_PYP_Nov16_ROW.xlsb`` in WIOTS_PYP_in_EXCEL.zip, laid out as the workbooks
in current prices; cell A2 says "previous". A store of them is what ``tivax change
--volumes`` compares with the tables at current prices of the year before.
"""

from collections.abc import Iterator

from ...files import TableFile
from ...tables import WorldTable
from .wiod2016 import read_workbook


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a workbook."""
    yield read_workbook(file, previous_prices=True)
