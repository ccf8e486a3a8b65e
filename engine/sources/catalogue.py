"""The databases of world tables that tivax reads.

To add one, write its module in ``sources/tables`` and name it in ``SOURCES``.

A source module defines ``SOURCE``, a :class:`Source`: how to find table files
below the paths a user gives, and how to read one file.
"""

from importlib import import_module

from ..core import require_choice
from .source import Source

SOURCES = (
    "wiod2016",
    "wiod2013",
    "lrwiod",
    "oecd",
    "adb",
    "eora",
    "exiobase",
    "figaro",
    "arrays",
)


def get_source(name: str) -> Source:
    """The source of that name; ``TivaxError`` lists the names there are."""
    require_choice("source", name, SOURCES)
    return import_module(f".tables.{name}", __package__).SOURCE
