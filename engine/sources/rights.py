"""Permitted uses of the files of a database, and what to cite: ``rights.toml``."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..core import load_toml


@dataclass(frozen=True)
class Rights:
    """The licence of one database.

    Attributes
    ----------
    name, title
        The database.
    licence
        In words.
    redistribution
        True if its files may be passed on.
    terms
        Address of the page that says so.
    references
        Keys of what to cite.
    page
        Where its files are, where ``tivax fetch`` does not get them.
    account
        True if that page asks for an account.
    """

    name: str
    title: str
    licence: str
    redistribution: bool
    terms: str
    references: tuple[str, ...]
    page: str = ""
    account: bool = False


@cache
def rights_facts() -> dict[str, dict[str, Any]]:
    """rights.toml, by the name of the database."""
    return load_toml(__package__, "rights.toml")


def rights_of(database: str) -> Rights | None:
    """The licence of a database; None for tables and panels of one's own."""
    facts = rights_facts().get(database)
    if facts is None:
        return None
    from .source import source_facts  # loads the tables, which `tivax fetch` need not

    title = facts.get("title") or source_facts()[database]["title"]
    references = tuple(facts["references"])
    return Rights(name=database, **{**facts, "title": title, "references": references})
