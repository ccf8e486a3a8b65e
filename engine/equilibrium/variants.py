"""Variants of a scenario file of kind exact-hat: sections, or all cells of a grid.

All are checked before one is solved; their arrays are made a few at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from msgspec import Meta

from ..core import EACH, Some, Text, TivaxError, naming, suggest, variant_name
from ..sources import find_sector
from .batches import Batches
from .economy import Economy, digest_of
from .solving import Deficits
from .supply import Supply

LABELS = ("importers", "exporters", "sectors")
GRID = (*LABELS, "tariff", "trade_cost")
"""Keys that a grid may vary."""


_Rate = Annotated[float, Meta(gt=-1, description="write a number above -1")]
_Factor = Annotated[float, Meta(gt=0, description="write a number above 0")]


@dataclass(frozen=True)
class VariantKeys:
    """A section [[variant]]: whose trade it is, and what becomes of it."""

    name: Text = ""
    importers: Some = ()
    exporters: Some = ()
    sectors: Some = ()
    tariff: (
        Annotated[float, Meta(gt=-1, description="write a number above -1")] | None
    ) = None
    trade_cost: (
        Annotated[float, Meta(gt=0, description="write a number above 0")] | None
    ) = None


@runtime_checkable
class VariantsFile(Protocol):
    """Keys of a scenario file from which its variants are made."""

    @property
    def path(self) -> Path: ...
    @property
    def deficits(self) -> Deficits: ...
    @property
    def variants(self) -> Sequence[VariantKeys]: ...
    @property
    def grid(self) -> Mapping[str, Any]: ...
    @property
    def supply(self) -> Supply | None: ...


class Move(NamedTuple):
    """Positions of importers, exporters, sectors, and what becomes of their trade."""

    importers: tuple[int, ...]
    exporters: tuple[int, ...]
    sectors: tuple[int, ...]
    tariff: float | None
    trade_cost: float | None


@dataclass(frozen=True, eq=False)
class Variants:
    """Variants by name: moves that act together, on the economy and on ``costs``, the
    factors of trade costs of the whole file."""

    economy: Economy
    deficits: Deficits
    moves: Mapping[str, Sequence[Move]]
    costs: Float[np.ndarray, "r r s"] | None = None
    supply: Supply | None = None

    @property
    def names(self) -> list[str]:
        return [*self.moves]

    @property
    def named(self) -> tuple[str, ...]:
        """Regions whose trade a variant changes, of all where it is not that of all."""
        regions = self.economy.regions
        places = [
            place
            for some in self.moves.values()
            for move in some
            for side in (move.importers, move.exporters)
            if len(side) < len(regions)
            for place in side
        ]
        return tuple(regions[k] for k in dict.fromkeys(places))

    @property
    def iceberg(self) -> bool:
        """True if trade costs change in a variant."""
        if self.costs is not None and bool((self.costs != 1).any()):
            return True
        factors = (move.trade_cost for some in self.moves.values() for move in some)
        return any(k not in (None, 1) for k in factors)

    @cached_property
    def batches(self) -> Batches:
        """The variants as scenarios to solve."""
        every, names = [*self.moves.values()], self.names

        def schedules(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            made = [self._schedule(every[k]) for k in numbers.tolist()]
            return np.stack([k for k, _ in made]), np.stack([k for _, k in made])

        given = len(every), schedules, names, self.supply
        return Batches(self.economy, self.deficits, *given)

    def record(self) -> dict[str, Any]:
        """Inputs that must be the same for an unfinished run of the variants to go
        on."""
        return {
            "deficits": self.deficits,
            "variants": digest_of(np.array(repr([*self.moves.items()]))),
            "economy": self.economy.digest,
            "supply": None if self.supply is None else self.supply.record(),
            "trade_costs": None if self.costs is None else digest_of(self.costs),
        }

    def _schedule(
        self, moves: Sequence[Move]
    ) -> tuple[Float[np.ndarray, "r r s"], Float[np.ndarray, "r r s"]]:
        """New tariffs and factors of trade costs; moves of sales at home do nothing."""
        tariff = self.economy.tariff_new.copy()
        costs = np.ones_like(tariff) if self.costs is None else self.costs.copy()
        abroad = ~np.eye(len(self.economy.regions), dtype=bool)
        for move in moves:
            cells = np.ix_(move.importers, move.exporters, move.sectors)
            away = abroad[cells[0][..., 0], cells[1][..., 0]][:, :, None]
            if move.tariff is not None:
                tariff[cells] = np.where(away, move.tariff, tariff[cells])
            if move.trade_cost is not None:
                costs[cells] *= np.where(away, move.trade_cost, 1)
        return tariff, costs


def make_variants(
    file: VariantsFile, economy: Economy, costs: Float[np.ndarray, "r r s"] | None
) -> Variants:
    """The variants of a file, with labels looked up; sections of a name act together.

    Raises ``TivaxError`` for a label that the economy lacks, a rate or factor that is
    not possible, and a grid without a variant.
    """
    moves: dict[str, list[Move]] = {}
    for name, keys in _sections(file, economy):
        with naming(file.path):
            moves.setdefault(name, []).append(_move(keys, economy))
    return Variants(economy, file.deficits, moves, costs, file.supply)


def _sections(file: VariantsFile, economy: Economy) -> list[tuple[str, VariantKeys]]:
    if not file.grid:
        return [(k.name or str(n), k) for n, k in enumerate(file.variants, 1)]
    every = dict.fromkeys(LABELS, economy.regions) | {"sectors": economy.sectors}
    values = [
        [(label,) for label in every[k]] if v == EACH else v
        for k, v in file.grid.items()
    ]
    same = file.variants[0] if file.variants else VariantKeys()
    found: dict[str, VariantKeys] = {}
    for combination in product(*values):
        chosen = dict(zip(file.grid, combination, strict=True))
        one = replace(same, **chosen)
        if one.importers and one.importers == one.exporters:
            continue  # a region's sales at home bear no tariff
        name = variant_name(chosen)
        if name in found:
            raise TivaxError(f"{file.path}: [grid] has {name} twice")
        found[name] = one
    if not found:
        raise TivaxError(f"{file.path}: [grid] makes no variant")
    return [*found.items()]


def _move(keys: VariantKeys, economy: Economy) -> Move:
    if keys.tariff is None and keys.trade_cost is None:
        raise TivaxError("tariff: is missing in a variant; give it, or trade_cost")
    return Move(
        _positions("importers", keys.importers, economy.regions, economy),
        _positions("exporters", keys.exporters, economy.regions, economy),
        _positions("sectors", keys.sectors, economy.sectors, economy),
        keys.tariff,
        keys.trade_cost,
    )


def _positions(
    key: str, chosen: Sequence[str], labels: Sequence[str], economy: Economy
) -> tuple[int, ...]:
    if key == "sectors":
        with naming(f"sectors: {economy.name}"):
            chosen = [find_sector(k, labels, economy.source) for k in chosen]
    for name in chosen:
        if name not in labels:
            raise TivaxError(
                f"{key}: {economy.name} has no {name}; {suggest(name, labels)}"
            )
    return tuple(labels.index(name) for name in chosen or labels)
