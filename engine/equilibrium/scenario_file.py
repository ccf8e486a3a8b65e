"""Scenario files of general equilibrium, read and run.

kind = "exact-hat"              # or "optimal-tariff", "nash", "retaliation"
deficits = "kept"               # or "zero", "closing"; by default "kept" of a store

economy = "nafta.npz"           # the arrays of tx.Economy; or, from a store,
store = "wiod13"
years = 2008
elasticities = "theta.csv"      # sector, theta
tariffs = "tariffs.csv"         # importer, exporter, sector, tariff, tariff_new

trade_costs = "costs.csv"       # importer, exporter, sector, factor

[[variant]]                     # several make several scenarios
name = "wall"
importers = ["USA"]
exporters = ["MEX"]
sectors = ["Textile"]
tariff = 0.25                   # or trade_cost = 1.1, a factor

[grid]                          # every combination is a variant, on top of the other
importers = "each"              # keys of one section [[variant]], if there is one
tariff = [0.05, 0.1, 0.25]

[equation]                      # the index on TBI
coefficient = 11.55
standard_error = 3.52

[supply]                        # of an economy of one sector: the keys of tx.Supply
labour = 0.5
scale = 0.17
tax_relief = true

Kinds in which tariffs are chosen have economy or store and deficits as above; sections
[[variant]] are the tariffs that others set, and act together. Beside them

region = "USA"                  # of optimal-tariff: who chooses; over, against
over = "exporters"              # or "sectors", "importers", "uniform"
method = "exact"                # of nash; or "formula"
regions = ["USA", "EU27"]       # of nash and retaliation: who plays; by default all
against = "USA"                 # of retaliation
how = "reciprocal"              # of retaliation; or "optimal", "together"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import numpy as np
from jaxtyping import Float
from msgspec import Meta

from ..core import (
    Blocks,
    Progress,
    Some,
    Text,
    TivaxError,
    TomlTable,
    local_path,
    naming,
    no_progress,
    read_toml,
)
from ..tables import open_store
from .counterfactual import exact_hat, result_of
from .economy import Economy
from .from_tables import read_cells
from .result import ExactHat
from .solving import Deficits
from .supply import Supply, Utility
from .tariff_choice.answers import How, retaliation
from .tariff_choice.nash import Method, nash_tariffs
from .tariff_choice.optimal import optimal_tariff
from .tariff_choice.players import Over
from .tariff_choice.result import ChosenTariffs
from .variants import GRID, LABELS, VariantKeys, Variants, make_variants

_FROM_STORE = ("years", "elasticities", "tariffs")


Kind = Literal["exact-hat", "optimal-tariff", "nash", "retaliation"]
# Keys of the kinds in which tariffs are chosen, and those that must be there.
_CHOICES: Mapping[str, Mapping[str, Any]] = {
    "exact-hat": {},
    "optimal-tariff": {"region": Some, "over": Over, "against": Some},
    "nash": {"method": Method, "regions": Some, "over": Over},
    "retaliation": {"against": Text, "how": How, "regions": Some, "over": Over},
}
_NEEDED = {"optimal-tariff": "region", "retaliation": "against"}


@dataclass(frozen=True)
class _File:
    """The keys beside the sections; None is what a file does not say."""

    kind: Kind
    deficits: Deficits | None = None
    economy: Path | None = None
    store: Path | None = None
    years: int | None = None
    elasticities: Path | None = None
    tariffs: Path | None = None
    trade_costs: Path | None = None


_SECTIONS = ("variant", "grid", "equation", "supply")


@dataclass(frozen=True)
class _Equation:
    coefficient: float
    standard_error: Annotated[float, Meta(ge=0, description="write a number from 0")]


@dataclass(frozen=True)
class _Supply:
    """Keys of ``Supply``, which checks their numbers."""

    labour: float = 0.0
    scale: float = 0.0
    services: float | Sequence[float] = 0.0
    pass_through: float | Sequence[float] = 1.0
    tax_relief: bool = False
    welfare: Utility = "utility"


@dataclass(frozen=True, eq=False)
class ExactHatRun:
    """A scenario file, read; its files are not opened yet.

    ``choice`` has the arguments of the function that chooses tariffs, empty of kind
    exact-hat.
    """

    path: Path
    deficits: Deficits
    economy: Path | None
    store: Path | None
    year: int | None
    elasticities: Path | None
    tariffs: Path | None
    trade_costs: Path | None
    variants: tuple[VariantKeys, ...]
    equation: tuple[float, float] | None
    grid: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "exact-hat"
    choice: Mapping[str, Any] = field(default_factory=dict)
    supply: Supply | None = None

    @property
    def several(self) -> bool:
        """True if the file makes variants, be it one."""
        return self.kind == "exact-hat" and bool(self.variants or self.grid)

    @property
    def inputs(self) -> list[Path]:
        """Files that are read, for the manifest; the store is not one of them."""
        named = (self.economy, self.elasticities, self.tariffs, self.trade_costs)
        return [self.path, *(path for path in named if path is not None)]


def read_exact_hat(path: str | Path) -> ExactHatRun:
    """Read a scenario file of these kinds; ``TivaxError`` for a mistake in it."""
    path = local_path("path", path)
    values = read_toml(path)
    kind = values.get("kind")
    choosing = _CHOICES.get(kind, {}) if isinstance(kind, str) else {}
    without = ("trade_costs", "grid", "equation") if choosing else ()
    known = [*get_type_hints(_File), *_SECTIONS, *choosing]
    file = TomlTable(path, "", values, [k for k in known if k not in without])
    given = file.make(_File, {"kind": None, **file.convert(_File)})
    if (given.economy is None) == (given.store is None):
        raise TivaxError(f"{path}: give economy (an .npz) or store, one of them")
    if given.economy and (extra := [k for k in _FROM_STORE if file.has(k)]):
        raise file.mistake(extra[0], "goes with a store; an .npz has its own")
    if given.store and not given.elasticities:
        raise file.mistake(
            "elasticities",
            "is missing; a store has none: name a csv with columns sector, theta; a "
            "row such as *,5 is for all sectors",
        )
    sections = file.tables("variant") if file.has("variant") else []
    variants = [k.parse(VariantKeys) for k in sections]
    grid = file.grid(VariantKeys, GRID, LABELS, [k.values for k in sections])
    if grid and len(variants) > 1:
        raise file.mistake("grid", "goes with one section [[variant]] at most")
    if grid and variants and variants[0].name:
        raise sections[0].mistake("name", "variants of a grid have names of their own")
    equation = None
    if file.has("equation"):
        one = file.section("equation", _Equation)
        equation = (one.coefficient, one.standard_error)
    if (variants or grid) and equation:
        raise file.mistake("equation", "goes with one scenario; leave variants out")
    supply = None
    if file.has("supply"):
        if equation:
            raise file.mistake("equation", "goes without a section [supply]")
        with naming(path):
            supply = Supply(**vars(file.section("supply", _Supply)))
    if choosing and (k := _first(sections, "trade_cost")):
        raise k.mistake("trade_cost", "goes with kind exact-hat; give tariff")
    if (needed := _NEEDED.get(given.kind)) and not file.has(needed):
        raise file.mistake(needed, "is missing")
    # What tables hold are deficits; an .npz is often of the literature, without them.
    return ExactHatRun(
        path=path,
        deficits=given.deficits or ("kept" if given.store else "zero"),
        economy=given.economy,
        store=given.store,
        year=given.years,
        elasticities=given.elasticities,
        tariffs=given.tariffs,
        trade_costs=given.trade_costs,
        variants=tuple(variants),
        equation=equation,
        grid=grid,
        kind=given.kind,
        choice={k: _read_names(file, k, choosing[k]) for k in choosing if file.has(k)},
        supply=supply,
    )


def _first(sections: Sequence[TomlTable], key: str) -> TomlTable | None:
    return next((k for k in sections if k.has(key)), None)


def _read_names(file: TomlTable, key: str, kind: Any) -> Any:
    """A key's value; where names may be listed, blocs with their members too."""
    blocs = kind is Some and isinstance(file.values[key], dict)
    return file.read(key, Blocks if blocs else kind)


def economy_of(run: ExactHatRun) -> Economy:
    """The economy that a scenario file names."""
    if run.economy is not None:
        return Economy.read(run.economy)
    assert run.store is not None and run.elasticities is not None
    tables = open_store(run.store)
    year = tables.years[-1] if run.year is None else run.year
    return Economy.from_tables(tables, year, run.elasticities, run.tariffs)


def exact_hat_scenario(
    run: str | Path | ExactHatRun,
    economy: Economy | None = None,
    *,
    progress: Progress = no_progress,
) -> ExactHat:
    """Run a scenario file of kind exact-hat; ``economy`` is that of the file, if read.

    Raises
    ------
    TivaxError
        For a mistake in the file or the files that it names, and what ``exact_hat``
        raises.
    """
    run = run if isinstance(run, ExactHatRun) else read_exact_hat(run)
    economy = economy_of(run) if economy is None else economy
    costs = _trade_costs(run, economy)
    if run.several:
        variants = make_variants(run, economy, costs)
        rows = np.concatenate([*variants.batches.rows(progress=progress)])
        return variants_result(variants, rows)
    found = exact_hat(
        economy,
        trade_costs=costs,
        deficits=run.deficits,
        supply=run.supply,
        progress=progress,
    )
    moved = np.unique(np.argwhere(economy.tariff_new != economy.tariff)[:, :2])
    named = tuple(economy.regions[int(k)] for k in moved)
    index = None
    if run.equation is not None:
        effects = found.effect_on_index(*run.equation)
        index = effects.rename_axis("region").reset_index()
    return replace(found, index=index, named=named)


def chosen_scenario(
    run: ExactHatRun, economy: Economy, *, progress: Progress = no_progress
) -> ChosenTariffs:
    """Run a scenario file in which tariffs are chosen.

    Raises ``TivaxError`` for a mistake in the files, and what the function of the kind
    raises.
    """
    if run.variants:
        moves = tuple(replace(k, name="as announced") for k in run.variants)
        variants = make_variants(replace(run, variants=moves), economy, None)
        tariffs, _ = variants.batches.schedules(np.array([0]))
        economy = replace(economy, tariff_new=tariffs[0])
    given: dict[str, Any] = {"deficits": run.deficits, "supply": run.supply}
    given |= run.choice
    with naming(run.path):
        if run.kind == "optimal-tariff":
            return optimal_tariff(economy, **given)
        if run.kind == "nash":
            given = {"method": "exact", **given}
            return nash_tariffs(economy, **given, progress=progress)
        return retaliation(economy, **given, progress=progress)


def variants_of(run: ExactHatRun, economy: Economy) -> Variants:
    """The variants of a file that has some, checked before any is solved."""
    return make_variants(run, economy, _trade_costs(run, economy))


def variants_result(
    variants: Variants, rows: Float[np.ndarray, "b values"]
) -> ExactHat:
    """The tables of all variants, of the rows that ``batches`` made."""
    found = result_of(variants.batches, rows, iceberg=variants.iceberg)
    return replace(found, named=variants.named)


def _trade_costs(
    run: ExactHatRun, economy: Economy
) -> Float[np.ndarray, "r r s"] | None:
    if run.trade_costs is None:
        return None
    labels = (economy.regions, economy.sectors)
    [costs] = read_cells(run.trade_costs, "trade_costs", ("factor",), *labels, 1.0)
    if (costs <= 0).any():
        raise TivaxError(f"{run.trade_costs}: a factor must be above 0")
    return costs
