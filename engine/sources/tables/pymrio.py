"""Systems saved by pymrio (``io.save_all``), a folder or zip archive a year.

The format is described in ``sources/pymrio_files.py``. The year is that of the
folder's or archive's name, else of metadata.json. Countries get codes of three
letters; units must be the same for all sectors.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...files import TableFile, finding, with_iso_codes
from ...tables import WorldTable
from ..pymrio_files import find_systems, read_system


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The systems below ``paths``, by year. A file represents its folder."""
    systems = find_systems(paths)
    for file in systems:
        remedy = "end the name of the folder or archive in it, such as mrio_2011"
        finding.require_year(file, remedy)
    return finding.one_per_year(systems)


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a system."""
    assert file.year is not None
    yield with_iso_codes(file, read_system(file, file.year))
