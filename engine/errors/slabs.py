"""One year's table as published, whole or in slabs of rows.

Cells are F = (Z, Y), final demand summed over its categories: (n, n + c).
"""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from ..streaming import does_not_fit, is_too_large, read_ahead
from ..tables import Weighted, WorldTables, YearArray, as_float64, row_slabs


class RawYear(NamedTuple):
    """A year as published, and the weights that make it net of inventories.

    ``sales`` (n, 1) multiplies Z, ``demand`` (n, 1, f) the categories of Y; ``stocks``
    says which categories hold inventories, (n, f).
    """

    Z: Float[np.ndarray, "n m"]
    Y: Float[np.ndarray, "n c f"]
    x: Float[np.ndarray, " n"]
    sales: Float[np.ndarray, "n 1"]
    demand: Float[np.ndarray, "n 1 f"]

    @property
    def cells(self) -> Float[np.ndarray, "n N"]:
        """The cells that are computed with: see ``flows`` and ``final``."""
        return np.hstack([self.flows, self.final])

    @property
    def flows(self) -> Float[np.ndarray, "n n"]:
        """Z, net of inventories where that was asked for."""
        return self.Z if (self.sales == 1).all() else self.Z * self.sales

    @property
    def final(self) -> Float[np.ndarray, "n c"]:
        """Y summed over categories, net of inventories where that was asked for."""
        return (self.Y * self.demand).sum(axis=2)

    @property
    def corrected(self) -> np.ndarray:
        """Rows whose inventories were left out."""
        return (self.demand[:, 0] == 0).any(axis=1)


# The year, its coefficients, its inverse, deviations of its cells.
_MATRICES = 4


def read_raw_year(tables: WorldTables, k: int) -> RawYear:
    """Year number ``k`` of tables, which may be net of inventories.

    Raises ``TivaxError`` where a year does not fit in memory.
    """
    if is_too_large(tables.n):
        raise does_not_fit(tables.n, _MATRICES)
    flows, Y, x, sales, demand = _beside(tables, k)
    return RawYear(as_float64(flows[k]), Y, x, sales, demand)


def raw_final(tables: WorldTables, k: int) -> RawYear:
    """The same without flows."""
    _, *beside = _beside(tables, k)
    return RawYear(np.empty((tables.n, 0)), *beside)


def _beside(tables: WorldTables, k: int) -> tuple[YearArray, *tuple[np.ndarray, ...]]:
    """All Z as published, and the fields of ``RawYear`` beside that of year ``k``."""
    n, f = tables.n, len(tables.categories)
    sales, demand = np.ones((n, 1)), np.ones((n, 1, f))
    flows, final = tables.Z, tables.Y
    if isinstance(flows, Weighted) and isinstance(final, Weighted):
        sales, demand = flows.weights[k], final.weights[k]
        flows, final = flows.flows, final.flows
    Y = as_float64(final[k]).reshape(n, len(tables.regions), f)
    x = tables.output(slice(k, k + 1))[0]
    return flows, Y, x, sales, np.broadcast_to(demand, (n, 1, f))


class YearSlab:
    """Rows ``at`` of a year, and their Z and Y for kernels."""

    def __init__(self, at: slice, raw: RawYear) -> None:
        self.at, self.raw = at, raw

    @cached_property
    def table(self) -> tuple[Float[Array, "r n"], Float[Array, "r c"]]:
        return jax.device_put(self.raw.flows), jax.device_put(self.raw.final)


class Slabs:
    """Year number ``number`` of tables: one slab, unless ``rows`` says how long, about:
    whole regions."""

    def __init__(self, tables: WorldTables, k: int, rows: int | None = None) -> None:
        self.tables, self.number, self.rows = tables, k, rows
        self.year, self.whole = tables.years[k], rows is None

    def __iter__(self) -> Iterator[YearSlab]:
        if self.rows is None:
            yield self.all
            return
        flows, *beside = _beside(self.tables, self.number)
        first = 0
        for Z in read_ahead(row_slabs(flows, self.number, self.rows)):
            at = slice(first, first + len(Z))
            yield YearSlab(at, RawYear(Z, *(part[at] for part in beside)))
            first = at.stop

    @cached_property
    def all(self) -> YearSlab:
        """The whole year, in memory.

        Raises ``TivaxError`` where it does not fit.
        """
        return YearSlab(slice(None), read_raw_year(self.tables, self.number))
