"""Scenario files: a store, a shock or several, and a grid of variants.

keys.toml says which keys a kind has. Shocks that happen together are sections
``[[shock]]`` with the keys of a shock; the keys of the grid then hold for all of them.
No key is in a shock and in the grid.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

from msgspec import Meta

from ..core import (
    EACH,
    Some,
    Texts,
    TivaxError,
    TomlTable,
    choose_from,
    grid_variants,
    local_path,
    parse_years,
    read_toml,
    suggest,
)
from ..measures import ValueAdded, require_value_added
from ..tables import WorldTables
from .places import Places
from .shocks import LABELS, SHOCKS, Kind, Links, Of, Shock, Uses


class ShockKeys(TypedDict, total=False):
    """Keys of shocks: ``factor`` says in other words what ``percent`` does."""

    kind: Kind
    exporters: Some
    importers: Some
    regions: Some
    partners: Some
    sectors: Some
    percent: float
    factor: float
    uses: Uses
    both_ways: bool
    to: Texts
    links: Links
    of: Of
    name: str


SHOCK_KEYS = (*get_type_hints(ShockKeys),)
FILE_KEYS = "store years measures value_added industries linkages grid shock".split()
# The keys that a grid may vary; of those with labels "each" takes every one.
GRID_KEYS = tuple(k for k in SHOCK_KEYS if k not in ("kind", "name", "both_ways"))
# Kinds in general equilibrium have files of their own form.
EQUILIBRIUM = ("exact-hat", "optimal-tariff", "nash", "retaliation", "trade-war")


@dataclass(frozen=True, eq=False)
class ScenarioFile:
    """A scenario file as it was read.

    ``store`` is None where the file names none, and tables are given otherwise;
    ``industries`` and ``linkages`` ask for these tables too.
    """

    path: Path
    store: Path | None
    years: tuple[int, ...]
    measures: tuple[str, ...]
    value_added: ValueAdded
    shocks: tuple[Mapping[str, Any], ...]
    industries: bool = False
    linkages: bool = False
    grid: Mapping[str, Any] = field(default_factory=dict)

    def variants(self, tables: WorldTables) -> dict[str, tuple[Shock, ...]]:
        """The shocks of every variant, by its name.

        Raises ``TivaxError`` for a shock that is not possible or a grid without a
        variant.
        """
        if not self.grid:
            shocks = tuple(self._shock(k) for k in self.shocks)
            name = next((k.name for k in shocks if k.name), shocks[0].kind)
            return {name: shocks}
        places, first = Places.of(tables), self.shocks[0]
        labels = dict.fromkeys(LABELS, places.names) | {"sectors": places.sectors}
        sides = SHOCKS[first["kind"]].sides
        pairs = EACH in [self.grid.get(k) for k in sides]

        def at_home(chosen: Mapping[str, Any]) -> bool:  # no region trades with itself
            one, other = ({**first, **chosen}.get(k) for k in sides)
            return pairs and one is not None and _labels(one) == _labels(other)

        variants = grid_variants(self.path, self.grid, labels, at_home)
        return {
            name: tuple(self._shock({**k, **chosen}) for k in self.shocks)
            for name, chosen in variants.items()
        }

    def _shock(self, values: Mapping[str, Any]) -> Shock:
        values = dict(values)
        table = TomlTable(self.path, "", {**values})
        if "factor" in values:
            factor = values.pop("factor")
            if "percent" in values:
                raise TivaxError(f"{self.path}: give percent or factor, not both")
            change = 100 * (factor - 1)
            falls = values["kind"] in ("cut", "shift", "extract")
            if not 0 <= factor <= (1 if falls else math.inf):
                remedy = "write a number from 0 to 1" if falls else "write 0 or more"
                raise table.mistake("factor", remedy)
            values["percent"] = -change if falls else change
        made = table.class_of(SHOCKS)
        return table.make(made, {k: v for k, v in values.items() if k != "kind"})


def _labels(value: Any) -> list[Any]:
    return [*value] if isinstance(value, list | tuple) else [value]


def kind_of(path: str | os.PathLike) -> str:
    """The kind that a scenario file names first; ``TivaxError`` where it names none."""
    path = local_path("path", path)
    values = read_toml(path)
    shocks = values.get("shock")
    first = shocks[0] if isinstance(shocks, list) and shocks else shocks
    inner = first.get("kind") if isinstance(first, dict) else None
    kind = values.get("kind", inner)
    known = (*get_args(Kind), *EQUILIBRIUM)
    if kind is None:
        raise TivaxError(f"{path}: kind is missing; {choose_from(known)}")
    if kind not in known:
        raise TivaxError(f"{path}: kind = {kind!r}: {suggest(str(kind), known)}")
    return kind


def read_scenario(path: str | os.PathLike) -> ScenarioFile:
    """Read a scenario file of changed flows or prices.

    Raises
    ------
    TivaxError
        An unknown key, a value of the wrong kind, an empty list or grid, a key of a
        shock that the grid has too; labels are looked up when there are tables.
    """
    path = local_path("path", path)
    toml = TomlTable(path, "", read_toml(path), {*FILE_KEYS, *SHOCK_KEYS})
    if toml.has("shock"):
        if own := [k for k in toml.values if k in SHOCK_KEYS]:
            raise toml.mistake(own[0], "put it into the sections [[shock]]")
        sections = toml.tables("shock", SHOCK_KEYS)
    else:
        sections = [toml]
    shocks = [k.convert(ShockKeys) for k in sections]
    for section in sections:
        section.class_of(SHOCKS)
    grid = toml.grid(ShockKeys, GRID_KEYS, LABELS, [k.values for k in sections])
    added = toml.read("value_added", str, "residual")
    return ScenarioFile(
        path=path,
        store=toml.read("store", Path, None),
        years=_years(toml),
        measures=toml.read("measures", Some, ()),
        value_added=toml.make(require_value_added, {"name": added}),
        shocks=tuple(shocks),
        industries=toml.read("industries", bool, False),
        linkages=toml.read("linkages", bool, False),
        grid=grid,
    )


def _years(toml: TomlTable) -> tuple[int, ...]:
    years = toml.values.get("years")
    if isinstance(years, str) and (span := toml.make(parse_years, {"text": years})):
        return tuple(range(span[0], span[1] + 1))
    years = toml.read("years", Years, ())
    return (years,) if isinstance(years, int) else years


Years = Annotated[
    int | Annotated[tuple[int, ...], Meta(min_length=1)],
    Meta(description='write 2008, "2000:2008" or [2000, 2008]'),
]
