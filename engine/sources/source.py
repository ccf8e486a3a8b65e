"""One database: the files of its tables, how they are read, what to cite."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..core import load_toml
from ..files import TableFile
from ..tables import Tolerance, WorldTable


@dataclass(frozen=True)
class Source:
    """One database: where its tables are, how one file is read, what to cite.

    ``find(paths)`` returns the files in order of year and raises ``TivaxError``
    where nothing is found. ``read(file)`` yields the tables in it, with codes
    normalised (ROW, ROU, NLD), and raises ``TivaxError`` in one line for
    anything that is not a whole table of this database. ``parents`` are the regions
    it may split, part to parent: see :class:`WorldTables`. ``column_tolerance`` is how
    far inputs, taxes, margins and value added together may miss output; ``published``
    are the first and last year of a database that is one file. ``rounded``: there is an
    edition in whole units, of which ``derounding`` puts back what rounding took.
    ``read_together``, of a source whose years need each other, yields the tables of
    several files in order. ``stored_as`` is what a store names as its source, where
    that is not the database itself.
    """

    name: str
    title: str
    unit: str
    tolerance: Tolerance
    citation: str
    find: Callable[[Sequence[Path]], list[TableFile]]
    read: Callable[[TableFile], Iterable[WorldTable]]
    parents: Mapping[str, str] = field(default_factory=dict)
    column_tolerance: Tolerance | None = None
    published: tuple[int, int] | None = None
    rounded: bool = False
    read_together: Callable[[Sequence[TableFile]], Iterable[WorldTable]] | None = None
    stored_as: str = ""


@cache
def source_facts() -> dict[str, dict[str, Any]]:
    """sources.toml: what the databases are, by name."""
    return load_toml(__package__, "sources.toml")
