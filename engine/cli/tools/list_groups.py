"""Printed output of ``tivax list groups``: the built-in groups and their members."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ...core import TivaxError, suggest, tivax_version
from ...tables import CountryGroup, country_group, country_groups, country_name
from ..terminal import Terminal, next_step


def print_groups(terminal: Terminal, store_or_name: str = "", name: str = "") -> None:
    """All groups, or one; with a store, which members it has and which are absent.

    Raises ``TivaxError`` for a word that is neither a group nor a store.
    """
    regions = None
    if store_or_name.upper() in country_groups():
        if name:
            raise TivaxError(f"two groups, {store_or_name} and {name}: name one")
        name = store_or_name
    elif store_or_name:
        regions = _regions(store_or_name)
    shown = [country_group(name)] if name else list(country_groups().values())
    if name:
        _print_one(terminal, shown[0], regions)
    else:
        _print_all(terminal, regions)
    told = [{**asdict(k), "absent": _split(k, regions)[1]} for k in shown]
    terminal.finish({"command": "list", "tivax": tivax_version(), "groups": told})
    if terminal.out.is_terminal:  # elsewhere the lines are read by a program
        code = shown[0].name if name else "EU27"
        store = store_or_name if regions is not None else "STORE"
        follows = next_step("tbi", store, "--groups", code, "--out", "results")
        terminal.print(follows)


def _regions(store: str) -> tuple[str, ...]:
    from ...tables import open_store

    if not Path(store).exists():
        near = suggest(store.upper(), country_groups())
        raise TivaxError(f"{store}: no such group or store; {near}")
    return tuple(open_store(store, lazy=True).regions)


def _print_all(terminal: Terminal, regions: Sequence[str] | None) -> None:
    rows = []
    for group in country_groups().values():
        here, absent = _split(group, regions)
        count, last = str(len(here)), here
        if regions is not None:
            count, last = f"{count} of {len(group.members)}", absent
        rows.append((group.name, group.title, count, " ".join(last)))
    last = "members" if regions is None else "absent"
    terminal.listing(("name", "title", "countries", last), rows)


def _print_one(
    terminal: Terminal, group: CountryGroup, regions: Sequence[str] | None
) -> None:
    terminal.print(f"{group.name}: {group.title}")
    terminal.print(f"Members since {group.since}. {group.source}")
    columns = ["code", "country"]
    rows = [[code, country_name(code)] for code in group.members]
    if regions is not None:
        columns += ["store"]
        rows = [[*k, "yes" if k[0] in regions else "absent"] for k in rows]
    terminal.listing(columns, rows)


def _split(
    group: CountryGroup, regions: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Members that are there, and those that are not; all without a store."""
    here = [k for k in group.members if regions is None or k in regions]
    return here, [k for k in group.members if k not in here]
