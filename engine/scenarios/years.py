"""A year's table with its Leontief inverse, which all variants of the year share."""

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

from ...kernels.scenarios import low_rank
from ..core import TivaxError, in_float64
from ..measures import Account, ValueAdded
from ..streaming import does_not_fit, is_too_large
from ..tables import (
    WORST_RESIDUAL,
    WorldTables,
    as_float64,
    check_numbers,
    require_productive,
)
from .changes import YearTable
from .places import Places

# What a year needs at once: Z, A, B, what the inverse works with, and a copy for XLA.
MATRICES = 7


@dataclass(frozen=True, eq=False)
class SolvedYear:
    """One year, solved: the table that shocks change, and what they start from."""

    year: int
    table: YearTable
    base: low_rank.UpdatedBase

    @cached_property
    def accounts(self) -> low_rank.CellChanges:
        """The accounts of the table itself, by the same code as those of a variant."""
        base = self.base
        return low_rank.evaluate_dense(base, base.A, base.Y, base.X)


# Flows, coefficients, the inverse and what it is made of.
_MATRICES = 4


@in_float64
def solve_year(
    tables: WorldTables, year: int, places: Places, value_added: ValueAdded
) -> SolvedYear:
    """Read a year and invert it.

    Raises ``TivaxError`` where it is not finite, not productive or not solved, or does
    not fit in memory.
    """
    if is_too_large(tables.n):
        raise does_not_fit(tables.n, _MATRICES)
    k = list(tables.years).index(year)
    part, put = slice(k, k + 1), jax.device_put
    x, Y = tables.output(part)[0], tables.final_demand(part)[0]
    Z = as_float64(tables.Z[k])
    rows = Account(value_added).rows(tables)
    v = None
    if rows is not None:
        v = np.divide(as_float64(rows[k]), x, out=np.zeros_like(x), where=x > 0)
    own = None if v is None else put(v)
    base = low_rank.base_of(put(Z), put(x), put(Y), own, put(places.member))
    residual = float(base.residual)
    if not residual <= WORST_RESIDUAL or float(base.kept.min()) <= 0:
        check_numbers(tables.table(year))
        require_productive(tables.table(year))
    if not residual <= WORST_RESIDUAL:
        raise TivaxError(
            f"{year}: the Leontief inverse is not exact (relative residual "
            f"{residual:.1e}); `tivax check` shows whether the table is productive"
        )
    table = YearTable(np.asarray(base.A), Y, x, places)
    return SolvedYear(year, table, base)
