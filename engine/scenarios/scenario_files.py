"""Scenario files: a store, a shock or several, and a grid of variants.

    store = "wiod13"                  # of `tivax import`, beside this file
    year = 2008                       # or years = [2000, 2008]; by default the last
    measures = ["value_added", "tbi"]
    industries = true                 # also value added by industry
    linkages = true                   # also linkages and key industries

    kind = "cut"                      # cut, shift, extract, demand, price
    who = ["CHN"]
    whom = "USA"
    percent = 25                      # or factor = 0.75

    [grid]                            # every combination is a variant
    sectors = "each"
    uses = ["intermediate", "final"]

Shocks that happen together are sections ``[[shock]]`` with the keys of a shock; the
keys of the grid then hold for all of them. No key is in a shock and in the grid.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, get_args

from ..core import (
    EACH,
    TivaxError,
    TomlTable,
    choose_from,
    local_path,
    read_toml,
    suggest,
    variant_name,
)
from ..measures import ValueAdded, require_value_added
from ..tables import WorldTables
from .places import Places
from .shocks import EVERY, Kind, Shock

SHOCK_KEYS = (
    "kind",
    "who",
    "whom",
    "sectors",
    "percent",
    "factor",
    "uses",
    "both_ways",
    "to",
    "links",
    "of",
    "name",
)
FILE_KEYS = (
    "store",
    "year",
    "years",
    "measures",
    "value_added",
    "industries",
    "linkages",
    "grid",
    "shock",
)
# The keys that a grid may vary; of those with labels "each" takes every one.
GRID_KEYS = tuple(k for k in SHOCK_KEYS if k not in ("kind", "name", "both_ways"))
__WITH_EACH = ("who", "whom", "sectors")
# The general-equilibrium kind has a file of its own form.
EXACT_HAT = "exact-hat"


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
        found: dict[str, tuple[Shock, ...]] = {}
        for chosen in self._combinations(Places.of(tables)):
            name = variant_name(chosen)
            if name in found:
                raise TivaxError(f"{self.path}: [grid] has {name} twice")
            found[name] = tuple(self._shock({**k, **chosen}) for k in self.shocks)
        if not found:
            raise TivaxError(f"{self.path}: [grid] makes no variant")
        return found

    def _combinations(self, places: Places) -> Iterator[dict[str, Any]]:
        every = {"sectors": places.sectors}
        values = {
            key: list(every.get(key, places.names)) if value == EACH else value
            for key, value in self.grid.items()
        }
        pairs = self.grid.get("who") == EACH or self.grid.get("whom") == EACH
        for chosen in product(*values.values()):
            one = dict(zip(values, chosen, strict=True))
            ends = [{**self.shocks[0], **one}.get(k) for k in ("who", "whom")]
            if pairs and ends[0] is not None and _labels(ends[0]) == _labels(ends[1]):
                continue  # a region does not trade with itself
            yield one

    def _shock(self, values: Mapping[str, Any]) -> Shock:
        values = dict(values)
        if "factor" in values:
            factor = values.pop("factor")
            if "percent" in values:
                raise TivaxError(f"{self.path}: give percent or factor, not both")
            if not isinstance(factor, int | float) or isinstance(factor, bool):
                raise TivaxError(f"{self.path}: factor = {factor!r}: write a number")
            change = 100 * (factor - 1)
            falls = values.get("kind") in ("cut", "shift", "extract")
            if not 0 <= factor <= (1 if falls else math.inf):
                what = "a number from 0 to 1" if falls else "0 or more"
                raise TivaxError(f"{self.path}: factor = {factor}: write {what}")
            values["percent"] = -change if falls else change
        try:
            return Shock(**values)
        except TivaxError as error:
            raise TivaxError(f"{self.path}: {error}") from None


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
    known = (*get_args(Kind), EXACT_HAT)
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
    own = {k: v for k, v in toml.values.items() if k in SHOCK_KEYS}
    if toml.has("shock"):
        if own:
            raise toml.mistake(next(iter(own)), "put it into the sections [[shock]]")
        sections = [k.values for k in toml.tables("shock", SHOCK_KEYS)]
    else:
        sections = [own]
    for values in sections:
        _require_values(path, values)
    if toml.has("year") and toml.has("years"):
        raise toml.mistake("year", "give year or years, not both")
    try:
        value_added = require_value_added(toml.text("value_added", "residual"))
    except TivaxError as error:
        raise TivaxError(f"{path}: {error}") from None
    return ScenarioFile(
        path=path,
        store=toml.path("store") if toml.has("store") else None,
        years=_years(toml),
        measures=toml.chosen("measures", (), "name one, or leave it out"),
        value_added=value_added,
        shocks=tuple(sections),
        industries=toml.flag("industries", False),
        linkages=toml.flag("linkages", False),
        grid=_grid(toml, sections),
    )


def _require_values(path: Path, values: Mapping[str, Any]) -> None:
    """The kinds of the values of a shock; what they say is checked by ``Shock``."""
    table = TomlTable(path, "", dict(values), SHOCK_KEYS)
    table.choice("kind", get_args(Kind))
    for key in __WITH_EACH:
        table.chosen(key, (), f'name one, or write "{EVERY}"')
    table.texts("to", ())
    for key in ("percent", "factor"):
        table.number(key, 0.0)
    table.flag("both_ways", False)


def _years(toml: TomlTable) -> tuple[int, ...]:
    key = "years" if toml.has("years") else "year"
    if not toml.has(key):
        return ()
    value = toml.values[key]
    several: list[Any] = [value]
    if isinstance(value, list) and key == "years":
        several = value
    whole = [isinstance(k, int) and not isinstance(k, bool) for k in several]
    if not several or not all(whole):
        raise toml.mistake(key, "write 2008" if key == "year" else "write [2000, 2008]")
    return tuple(several)


def _grid(toml: TomlTable, sections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not toml.has("grid"):
        return {}
    values = toml.grid(GRID_KEYS, __WITH_EACH, sections).values
    for key, value in values.items():
        for one in value if value != EACH else ():
            _require_values(toml.file, {"kind": "cut", key: one})
    return values
