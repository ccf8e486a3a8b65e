"""Scenario files of general equilibrium, run; variants are sections, or of a grid.

All are checked before one is solved; their arrays are made a few at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ..core import Phrase, Progress, TivaxError, grid_variants, naming, no_progress
from ..sources import find_sectors
from ..tables import country_in_text
from .batches import Batches
from .counterfactual import exact_hat, result_of
from .economy import Economy, digest_of
from .result import ExactHat
from .scenario_file import (
    LABELS,
    ExactHatRun,
    VariantKeys,
    costs_of,
    economy_of,
    read_exact_hat,
)
from .solving import Deficits
from .supply import Supply
from .tariff_choice.answers import retaliation
from .tariff_choice.nash import nash_tariffs
from .tariff_choice.optimal import optimal_tariff
from .tariff_choice.players import labels_of
from .tariff_choice.result import ChosenTariffs
from .tariff_choice.war import trade_war


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
        every = [*self.moves.values()]

        def schedules(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            made = [self._schedule(every[k]) for k in numbers.tolist()]
            return np.stack([k for k, _ in made]), np.stack([k for _, k in made])

        given = len(every), schedules, [*self.moves], self.supply
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


def variants_of(run: ExactHatRun, economy: Economy) -> Variants:
    """The variants of a file, with labels looked up; sections of a name act together.

    Raises ``TivaxError`` for a label that the economy lacks, a rate or factor that is
    not possible, and a grid without a variant.
    """
    costs, moves = costs_of(run, economy), dict[str, list[Move]]()
    for name, keys in _sections(run, economy):
        with naming(run.path):
            moves.setdefault(name, []).append(_move(keys, economy))
    return Variants(economy, run.deficits, moves, costs, run.supply)


def _sections(file: ExactHatRun, economy: Economy) -> list[tuple[str, VariantKeys]]:
    if not file.grid:
        with naming(file.path):
            names = [k.name or _in_words(k, economy) for k in file.variants]
        for n, k in enumerate(file.variants):
            if names[n] in names[:n] and not k.name:
                names[n] = Phrase("{name} ({number})", name=names[n], number=n + 1)
        return [*zip(names, file.variants, strict=True)]
    labels = dict.fromkeys(LABELS, [(k,) for k in economy.regions])
    labels["sectors"] = [(k,) for k in economy.sectors]
    same = file.variants[0] if file.variants else VariantKeys()

    def at_home(chosen: Mapping[str, Any]) -> bool:  # such sales bear no tariff
        one = replace(same, **chosen)
        return bool(one.importers) and one.importers == one.exporters

    variants = grid_variants(file.path, file.grid, labels, at_home)
    return [(name, replace(same, **chosen)) for name, chosen in variants.items()]


def _in_words(keys: VariantKeys, economy: Economy) -> str:
    """A variant without a name: ``China to the United States, tariff 25 %``."""
    regions, names = economy.regions, {}
    for side in ("exporters", "importers"):
        places = _positions(side, getattr(keys, side), economy)
        words = " and ".join(country_in_text(regions[k]) for k in places)
        names[side] = "all" if len(places) == len(regions) else words
    words = [Phrase("{exporters} to {importers}", **names), *keys.sectors]
    if keys.tariff is not None:
        words.append(Phrase("tariff {tariff:g} %", tariff=100 * keys.tariff))
    if keys.trade_cost is not None:
        change = 100 * keys.trade_cost - 100
        words.append(Phrase("trade costs {change:+g} %", change=change))
    return Phrase.listed(words, ", ")


def _move(keys: VariantKeys, economy: Economy) -> Move:
    if keys.tariff is None and keys.trade_cost is None:
        raise TivaxError("tariff: is missing in a variant; give it, or trade_cost")
    importers, exporters, sectors = (
        _positions(key, getattr(keys, key), economy) for key in LABELS
    )
    return Move(importers, exporters, sectors, keys.tariff, keys.trade_cost)


def _positions(key: str, chosen: Sequence[str], economy: Economy) -> tuple[int, ...]:
    labels = economy.sectors if key == "sectors" else economy.regions
    with naming(f"sectors: {economy.name}" if key == "sectors" else key):
        found = [
            label
            for k in chosen
            for label in (
                find_sectors(k, labels, economy.source)
                if key == "sectors"
                else labels_of(economy, k)
            )
        ]
    return tuple(labels.index(k) for k in dict.fromkeys(found or labels))


def variants_result(
    variants: Variants, rows: Float[np.ndarray, "b values"]
) -> ExactHat:
    """The tables of all variants, of the rows that ``batches`` made."""
    found = result_of(variants.batches, rows, iceberg=variants.iceberg)
    return replace(found, named=variants.named)


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
    if run.several:
        variants = variants_of(run, economy)
        rows = np.concatenate([*variants.batches.rows(progress=progress)])
        return variants_result(variants, rows)
    found = exact_hat(
        economy,
        trade_costs=costs_of(run, economy),
        deficits=run.deficits,
        supply=run.supply,
        progress=progress,
    )
    moved = np.unique(np.argwhere(economy.tariff_new != economy.tariff)[:, :2])
    named = tuple(economy.regions[int(k)] for k in moved)
    index = None
    if run.equation is not None:
        effects = found.effect_on_index(**vars(run.equation))
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
        variants = variants_of(replace(run, variants=moves), economy)
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
        if run.kind == "trade-war":
            given.pop("supply")
            return trade_war(economy, **given, progress=progress)
        return retaliation(economy, **given, progress=progress)
