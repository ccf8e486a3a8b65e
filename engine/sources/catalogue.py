"""The databases of world tables that tivax reads.

To add one, write its facts in ``sources.toml`` and its module in ``sources/tables``,
with two functions, ``find`` and ``read`` (or ``read_together``) of a :class:`Source`;
where each file is a table, ``names`` and ``expected`` of the facts find them.
"""

from functools import partial
from importlib import import_module
from typing import Any

from ..core import require_choice
from ..files import finding
from ..tables import Tolerance
from .source import Source, source_facts

SOURCES = tuple(source_facts())


def get_source(name: str) -> Source:
    """The source of that name; ``TivaxError`` lists the names there are."""
    require_choice("source", name, SOURCES)
    module = import_module(f".tables.{name.replace('-', '_')}", __package__)
    facts = {**source_facts()[name]}
    find = getattr(module, "find", None)
    if find is None:
        patterns = {k: facts.pop(k) for k in ("names", "expected")}
        find = partial(finding.by_name, **patterns)
    own: dict[str, Any] = {
        k: Tolerance(**facts[k]) for k in ("tolerance", "column_tolerance")
    }
    own["published"] = tuple(facts.get("published", ())) or None
    together = own["read_together"] = getattr(module, "read_together", None)
    own["read"] = (lambda file: together([file])) if together else module.read
    return Source(name=name, find=find, **{**facts, **own})
