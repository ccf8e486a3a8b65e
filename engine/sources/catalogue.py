"""The databases of world tables that tivax reads.

To add one, write its facts in ``sources.toml`` and its module in ``sources/tables``,
with two functions: ``find`` and ``read`` of a :class:`Source`.
"""

from importlib import import_module
from typing import Any

from ..core import require_choice
from ..tables import Tolerance
from .source import Source, source_facts

SOURCES = tuple(source_facts())


def get_source(name: str) -> Source:
    """The source of that name; ``TivaxError`` lists the names there are."""
    require_choice("source", name, SOURCES)
    module = import_module(f".tables.{name.replace('-', '_')}", __package__)
    facts = source_facts()[name]
    own: dict[str, Any] = {
        k: Tolerance(**facts[k]) for k in ("tolerance", "column_tolerance")
    }
    own["published"] = tuple(facts.get("published", ())) or None
    own["read_together"] = getattr(module, "read_together", None)
    return Source(name=name, find=module.find, read=module.read, **{**facts, **own})
