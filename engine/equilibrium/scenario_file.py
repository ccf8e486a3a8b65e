"""Scenario files of general equilibrium, read.

keys.toml says which keys a kind has; ``tivax scenario --example KIND`` prints a file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import numpy as np
import pandas as pd
from jaxtyping import Float
from msgspec import Meta

from ..core import (
    Blocks,
    Some,
    Text,
    TivaxError,
    TomlTable,
    local_path,
    naming,
    read_toml,
)
from ..tables import open_store
from .economy import Economy
from .from_tables import MOST_TARIFF, PUBLISHED, elasticities_of, read_cells
from .solving import Deficits
from .supply import Supply
from .tariff_choice.answers import How
from .tariff_choice.nash import Method
from .tariff_choice.players import Over

_FROM_STORE = ("years", "elasticities", "elasticities_covariance", "tariffs")

Kind = Literal["exact-hat", "optimal-tariff", "nash", "retaliation", "trade-war"]
# Keys of the kinds in which tariffs are chosen, and those that must be there.
_CHOICES: Mapping[str, Mapping[str, Any]] = {
    "exact-hat": {},
    "optimal-tariff": {"region": Some, "over": Over, "against": Some},
    "nash": {"method": Method, "regions": Some, "over": Over},
    "retaliation": {"against": Text, "how": How, "regions": Some, "over": Over},
    "trade-war": {
        "who": Some,
        "whom": Some,
        "rate": float | dict[str, float],
        "answer": Some,
        "over": Over,
    },
}
_NEEDED = {
    "optimal-tariff": ["region"],
    "retaliation": ["against"],
    "trade-war": ["who", "whom", "rate"],
}
_SECTIONS = ("grid", "equation", "supply")
_RATE = (
    "25 per cent is 0.25, and 25 would be 2,500 per cent; write a number above -1 that "
    f"is at most {MOST_TARIFF:g}"
)
LABELS = ("importers", "exporters", "sectors")
GRID = (*LABELS, "tariff", "trade_cost")
"""Keys that a grid may vary."""


@dataclass(frozen=True)
class VariantKeys:
    """A section [[variant]]: whose trade it is, and what becomes of it."""

    name: Text = ""
    importers: Some = ()
    exporters: Some = ()
    sectors: Some = ()
    tariff: Annotated[float, Meta(gt=-1, le=MOST_TARIFF, description=_RATE)] | None = (
        None
    )
    trade_cost: (
        Annotated[float, Meta(gt=0, description="write a number above 0")] | None
    ) = None


@dataclass(frozen=True)
class _Equation:
    coefficient: float
    standard_error: Annotated[float, Meta(ge=0, description="write a number from 0")]


class _SupplyKeys(Supply):
    """Keys of ``Supply``, which checks their numbers."""

    services: float | tuple[float, ...]
    pass_through: float | tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ExactHatRun:
    """A scenario file, read; its files are not opened yet.

    ``choice`` has the arguments of the function that chooses tariffs, empty of kind
    exact-hat.
    """

    path: Path
    kind: Kind
    deficits: Deficits = "kept"
    economy: Path | None = None
    store: Path | None = None
    years: int | None = None
    elasticities: Path | None = None
    elasticities_covariance: Path | None = None
    theta: float | None = None
    tariffs: Path | None = None
    trade_costs: Path | None = None
    variants: tuple[VariantKeys, ...] = ()
    equation: _Equation | None = None
    grid: Mapping[str, Any] = field(default_factory=dict)
    choice: Mapping[str, Any] = field(default_factory=dict)
    supply: Supply | None = None

    @property
    def several(self) -> bool:
        """True if the file makes variants, be it one."""
        return self.kind == "exact-hat" and bool(self.variants or self.grid)

    @property
    def inputs(self) -> list[Path]:
        """Files that are read, for the manifest; the store is not one of them."""
        named = (self.economy, self.elasticities, self.elasticities_covariance)
        others = self.tariffs, self.trade_costs
        return [self.path, *(path for path in (*named, *others) if path is not None)]


# The keys beside the sections.
_KEYS = "kind deficits economy store years tariffs trade_costs".split()
_KEYS += ["elasticities", "elasticities_covariance"]


def read_exact_hat(path: str | Path) -> ExactHatRun:
    """Read a scenario file of these kinds; ``TivaxError`` for a mistake in it."""
    path = local_path("path", path)
    values = read_toml(path)
    kind = values.get("kind")
    choosing = _CHOICES.get(kind, {}) if isinstance(kind, str) else {}
    without = ("trade_costs", "grid", "equation") if choosing else ()
    known = [*_KEYS, "variant", *_SECTIONS, *choosing]
    theta, one = values.get("elasticities"), False
    if isinstance(theta, int | float) and "store" in values:
        one = True
        if isinstance(theta, bool) or not 0 < theta < math.inf:
            raise TivaxError(f"{path}: elasticities = {theta}: write a number above 0")
        values = {k: v for k, v in values.items() if k != "elasticities"}
    elif theta == PUBLISHED:
        values = {**values, "elasticities": str(elasticities_of(theta))}
    file = TomlTable(path, "", values, [k for k in known if k not in without])
    given = file.convert(ExactHatRun, *_SECTIONS)
    if one:
        given["theta"] = theta
    if ("economy" in given) == ("store" in given):
        raise TivaxError(f"{path}: give economy (an .npz) or store, one of them")
    if "economy" in given and (extra := [k for k in _FROM_STORE if file.has(k)]):
        raise file.mistake(extra[0], "goes with a store; an .npz has its own")
    if "store" in given and not {"elasticities", "theta"} & given.keys():
        raise file.mistake(
            "elasticities",
            "is missing; a store has none: name a csv with columns sector, theta (and "
            f'se), write 5 for all sectors, or "{PUBLISHED}": table 1 of Caliendo and '
            "Parro (2015), by sectors of WIOD; those of Fontagné, Guimbard and "
            "Orefice (2022) are by product",
        )
    sections = file.tables("variant") if file.has("variant") else []
    variants = tuple(k.parse(VariantKeys) for k in sections)
    grid = file.grid(VariantKeys, GRID, LABELS, [k.values for k in sections])
    if grid and len(variants) > 1:
        raise file.mistake("grid", "goes with one section [[variant]] at most")
    if grid and variants and variants[0].name:
        raise sections[0].mistake("name", "variants of a grid have names of their own")
    equation = file.section("equation", _Equation) if file.has("equation") else None
    if (variants or grid) and equation:
        raise file.mistake("equation", "goes with one scenario; leave variants out")
    supply = None
    if file.has("supply"):
        if kind == "trade-war":
            raise file.mistake("supply", "goes with the other kinds")
        if equation:
            raise file.mistake("equation", "goes without a section [supply]")
        keys = file.table("supply", get_type_hints(_SupplyKeys)).convert(_SupplyKeys)
        with naming(path):
            supply = Supply(**keys)
    for section in sections:
        if choosing and section.has("trade_cost"):
            raise section.mistake("trade_cost", "goes with kind exact-hat; give tariff")
    for needed in _NEEDED.get(file.read("kind", Kind), ()):
        if not file.has(needed):
            raise file.mistake(needed, "is missing")
    if supply is not None and kind == "trade-war":
        raise file.mistake("supply", "goes with the other kinds")
    choice = {k: _read_names(file, k, choosing[k]) for k in choosing if file.has(k)}
    return ExactHatRun(
        path,
        **given,
        variants=variants,
        equation=equation,
        grid=grid,
        choice=choice,
        supply=supply,
    )


def _read_names(file: TomlTable, key: str, kind: Any) -> Any:
    """A key's value; where names may be listed, blocs with their members too."""
    blocs = kind is Some and isinstance(file.values[key], dict)
    return file.read(key, Blocks if blocs else kind)


def economy_of(run: ExactHatRun) -> Economy:
    """The economy that a scenario file names."""
    if run.economy is not None:
        return Economy.read(run.economy)
    assert run.store is not None
    thetas = run.elasticities
    if thetas is None:
        thetas = pd.DataFrame({"sector": ["*"], "theta": [run.theta]})
    tables = open_store(run.store)
    year = tables.years[-1] if run.years is None else run.years
    given = thetas, run.tariffs, run.elasticities_covariance
    return Economy.from_tables(tables, year, *given)


def costs_of(run: ExactHatRun, economy: Economy) -> Float[np.ndarray, "r r s"] | None:
    """Factors of trade costs that a scenario file names, if it does."""
    if run.trade_costs is None:
        return None
    labels = (economy.regions, economy.sectors)
    given = run.trade_costs, "trade_costs", ("factor",), *labels, 1.0
    [costs] = read_cells(*given, database=economy.source)
    if (costs <= 0).any():
        raise TivaxError(f"{run.trade_costs}: a factor must be above 0")
    return costs
