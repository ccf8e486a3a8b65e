"""Draws of many numbers: standard errors and 95 % intervals of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Float

from ..core import TivaxError, count_text
from ..errors import Interval, interval


@dataclass(frozen=True)
class RowLayout:
    """Names and shapes of the numbers that a row holds one after the other."""

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        return sum(map(prod, self.shapes.values()))

    def of(
        self, rows: Float[np.ndarray, "k values"], name: str
    ) -> Float[np.ndarray, "*shape"]:
        """The numbers of a name in all rows."""
        first = 0
        for other, shape in self.shapes.items():
            if other == name:
                found = rows[:, first : first + prod(shape)]
                return found.reshape(len(rows), *shape)
            first += prod(shape)
        raise KeyError(name)


@dataclass(frozen=True, eq=False)
class Spread:
    """All draws, NaN in the row of one that has no equilibrium.

    Raises ``TivaxError`` where fewer than two have one.
    """

    rows: Float[np.ndarray, "k values"]
    layout: RowLayout
    name: str
    drawn: str  # tables, elasticities or both, in words

    def __post_init__(self) -> None:
        if self.draws - self.failed < 2:
            raise TivaxError(
                f"{self.name}: {count_text(self.failed, 'draw')} of {self.draws:,} "
                "have no equilibrium; make the errors smaller"
            )

    @property
    def draws(self) -> int:
        return len(self.rows)

    @property
    def failed(self) -> int:
        """Draws without an equilibrium, which do not count."""
        return int(np.isnan(self.rows[:, 0]).sum())

    def of(self, name: str) -> Float[np.ndarray, "*shape"]:
        """The draws of a name that have an equilibrium."""
        return self.layout.of(self.rows[~np.isnan(self.rows[:, 0])], name)

    def interval(self, name: str, scale: float = 1.0) -> Interval:
        """The interval of ``scale`` times the numbers of a name."""
        return interval(scale * self.of(name))
