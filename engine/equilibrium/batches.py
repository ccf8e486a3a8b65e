"""New equilibria of many scenarios, a few at a time, as rows of numbers.

A row has the changes of every region and how well markets clear; a file of draws
(``engine.resampling.draws``) can hold rows, so that a run goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.equilibrium import wages, welfare
from ..core import Progress, in_float64, no_progress
from .economy import Economy
from .solving import (
    ALONE,
    Deficits,
    Old,
    make_shocks,
    new_deficits,
    solve_all,
    solve_old,
)

TOGETHER = 8
"""Scenarios solved at once: what they need stays in a processor's cache."""
FIELDS = welfare.Welfare._fields

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

    @property
    def columns(self) -> Sequence[str]:
        """Names of the values of a row."""
        regions = self.economy.regions
        return [*(f"{name} {code}" for name in FIELDS for code in regions), "clearing"]

    @property
    def together(self) -> int:
        """Scenarios that are solved at once."""
        return TOGETHER if self.draws > 1 else 1

    @cached_property
    @in_float64
    def old(self) -> Old:
        """The old equilibrium."""
        return solve_old(self.economy, self.deficits)

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
    def solve(
        self, first: int
    ) -> tuple[Float[np.ndarray, "k values"], wages.Equilibrium]:
        """Rows of a batch, and its equilibria; the last scenario fills it up."""
        numbers = np.arange(first, first + self.together)
        numbers = np.minimum(numbers, self.draws - 1)
        tariff, costs = self.schedules(numbers)
        closed = new_deficits(self.old, self.deficits)
        shock = make_shocks(self.old, tariff, costs, closed)
        names = [self._name(k) for k in numbers.tolist()]
        found = solve_all(self.economy, self.old, shock, names)
        changes = _welfare_of_several(
            self.old, jnp.asarray(costs), closed - self.old.deficit, found
        )
        columns = [*map(np.asarray, changes), np.asarray(found.clearing)[:, None]]
        return np.concatenate(columns, axis=1)[: self.draws - first], found

    def _name(self, number: int) -> str:
        if self.names:
            return f"variant {self.names[number]}"
        return f"scenario {number}" if self.draws > 1 else ALONE

    def changes_of(
        self, rows: Float[np.ndarray, "k values"]
    ) -> tuple[dict[str, Float[np.ndarray, "k r"]], Float[np.ndarray, " k"]]:
        """What rows hold: changes by field, and how markets clear."""
        values = rows[:, :-1].reshape(len(rows), len(FIELDS), -1)
        return {name: values[:, n] for n, name in enumerate(FIELDS)}, rows[:, -1]


@jax.jit
def _welfare_of_several(
    old: Old,
    iceberg: Float[Array, "b r r s"],
    transfer: Float[Array, " r"],
    found: wages.Equilibrium,
) -> welfare.Welfare:
    def one(iceberg: Array, new: wages.Equilibrium) -> welfare.Welfare:
        return welfare.welfare_changes(
            old.economy, old.trade, old.tariff, old.income, iceberg, transfer, new
        )

    return jax.vmap(one)(iceberg, found)
