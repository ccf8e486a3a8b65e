"""New equilibria of many scenarios, a few at a time, as rows of numbers.

A row has the changes of every region and how well markets clear; a file of draws
(``engine.resampling.draws``) can hold rows, so that a run goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.equilibrium import one_sector, wages, welfare
from ..core import Progress, in_float64, no_progress
from . import supply as supply_side
from .economy import Economy
from .solving import (
    ALONE,
    Deficits,
    Old,
    make_shocks,
    solve_all,
    transfer_of,
)
from .spread import RowLayout

TOGETHER = 8
"""Scenarios solved at once: what they need stays in a processor's cache."""
BY_SECTOR = 20
"""Scenarios at most of which changes of sectors are kept."""


class BatchFlows(NamedTuple):
    """Trade net of tariffs and spending with tariffs, of one equilibrium or several."""

    trade: Float[np.ndarray, "*b r r s"]
    spending: Float[np.ndarray, "*b r s"]


# New tariffs and factors of trade costs, (b, importer, exporter, sector), by number.
Schedules = Callable[
    [np.ndarray], tuple[Float[np.ndarray, "b r r s"], Float[np.ndarray, "b r r s"]]
]


@dataclass(frozen=True, eq=False)
class Batches:
    """Scenarios of an economy to solve; ``schedules`` makes those of some numbers.

    Nothing but the rows grows with the number of scenarios. ``names`` are for messages;
    without them a scenario has its number.
    """

    economy: Economy
    deficits: Deficits
    draws: int
    schedules: Schedules
    names: Sequence[str] = ()
    supply: supply_side.Supply | None = None

    @property
    def fields(self) -> Sequence[str]:
        """Names of the changes of a region."""
        if self.supply is None:
            return welfare.Welfare._fields
        return supply_side.FIELDS

    @property
    def layout(self) -> RowLayout:
        """The numbers of a row."""
        regions = dict.fromkeys(self.fields, (len(self.economy.regions),))
        sectors = {} if self.supply else by_sector(self.economy, self.draws)
        return RowLayout({**regions, **sectors, "clearing": ()})

    @property
    def together(self) -> int:
        """Scenarios that are solved at once; with a block of supply each is alone."""
        return TOGETHER if self.draws > 1 and self.supply is None else 1

    @cached_property
    def old(self) -> Old | one_sector.OneSector:
        """The old equilibrium."""
        return supply_side.old_equilibrium(self.economy, self.supply, self.deficits)

    @property
    @in_float64
    def old_flows(self) -> BatchFlows:
        """Flows of the old equilibrium, in units of world value added."""
        old = self.old
        if isinstance(old, Old):
            return BatchFlows(np.asarray(old.trade), np.asarray(old.spending))
        flows = one_sector.old_trade(old), old.spending
        return BatchFlows(*(np.asarray(k)[..., None] for k in flows))

    def rows(
        self, start: int = 0, progress: Progress = no_progress
    ) -> Iterator[Float[np.ndarray, "k values"]]:
        """Rows from number ``start`` on, which begins a batch.

        Raises ``TivaxError`` for an equilibrium that does not converge.
        """
        progress(start, self.draws)
        for first in range(start, self.draws, self.together):
            rows, _ = self.solve(first)
            yield rows
            progress(first + len(rows), self.draws)

    @in_float64
    def solve(self, first: int) -> tuple[Float[np.ndarray, "k values"], BatchFlows]:
        """Rows of a batch, and its flows; the last scenario fills it up."""
        numbers = np.arange(first, first + self.together)
        numbers = np.minimum(numbers, self.draws - 1)
        tariff, costs = self.schedules(numbers)
        names = [self._name(k) for k in numbers.tolist()]
        old = self.old
        if isinstance(old, Old):
            changes, clearing, flows = self._by_wages(old, tariff, costs, names)
        else:
            changes, clearing, flows = self._by_block(old, tariff, costs, names)
        parts = (*changes, clearing)
        columns = [np.asarray(k).reshape(len(numbers), -1) for k in parts]
        return np.concatenate(columns, axis=1)[: self.draws - first], flows

    def _by_wages(
        self, old: Old, tariff: np.ndarray, costs: np.ndarray, names: Sequence[str]
    ) -> tuple[Sequence[Array], Array, BatchFlows]:
        shock = make_shocks(old, tariff, costs)
        found = solve_all(self.economy, old, shock, names)
        given = old, jnp.asarray(costs), found
        changes, sectors = _changes_of_several(*given)
        kept = sectors if by_sector(self.economy, self.draws) else ()
        flows = BatchFlows(np.asarray(found.trade), np.asarray(found.spending))
        return (*changes, *kept), found.clearing, flows

    def _by_block(
        self,
        old: one_sector.OneSector,
        tariff: np.ndarray,
        costs: np.ndarray,
        names: Sequence[str],
    ) -> tuple[Sequence[Array], np.ndarray, BatchFlows]:
        assert self.supply is not None
        transfer = supply_side.new_transfer(old, self.deficits)
        change = supply_side.block_changes(old, tariff, costs, transfer)
        found = supply_side.solve_blocks(self.economy, old, change, names)
        outcome = supply_side.outcomes(old, found)
        changes = supply_side.fields_of(outcome, self.supply)
        clearing = np.abs(np.asarray(found.excess)).max(axis=1)
        spending = jnp.exp(found.log_spending) * old.spending[None]
        flows = BatchFlows(*(np.asarray(k)[..., None] for k in (found.trade, spending)))
        return changes, clearing, flows

    def _name(self, number: int) -> str:
        if self.names:
            return f"variant {self.names[number]}"
        return f"scenario {number}" if self.draws > 1 else ALONE


def by_sector(economy: Economy, scenarios: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the changes of sectors, kept of a few scenarios."""
    shape = len(economy.regions), len(economy.sectors)
    few = scenarios <= BY_SECTOR
    return dict.fromkeys(welfare.Sectors._fields, shape) if few else {}


@jax.jit
def _changes_of_several(
    old: Old,
    iceberg: Float[Array, "b r r s"],
    found: wages.Equilibrium,
) -> tuple[welfare.Welfare, welfare.Sectors]:
    def one(iceberg: Array, new: wages.Equilibrium) -> tuple:
        transfer = transfer_of(old, new)
        at = old.economy, old.trade, old.tariff, old.income, iceberg, transfer, new
        moved = welfare.sector_changes(old.trade, new.trade)
        return welfare.welfare_changes(*at), moved

    return jax.vmap(one)(iceberg, found)
