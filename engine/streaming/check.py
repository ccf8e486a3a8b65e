"""`tivax check`: every year, in memory or while it is read in row slabs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...kernels import row_slabs as kernels
from ...kernels.solve import TOLERANCE
from ..core import Progress, in_float64, no_progress, report
from ..tables import (
    OF_MODEL,
    Sold,
    WorldTables,
    YearCheck,
    check_year,
    identities,
    require_tables,
    table_without_flows,
    year_check,
)
from .flows import StreamedFlows
from .memory import is_mapped, is_too_large
from .productive import name_unproductive
from .year import StreamedYear

# Matrices n x n that a check holds in memory: Z, A and what is made of them.
_MATRICES = 3


def check_tables(
    tables: WorldTables, *, memory: int | None = None, progress: Progress = no_progress
) -> list[YearCheck]:
    """Check every year; a lazy store is read a year at a time.

    A year that needs more than ``memory`` (bytes, by default that of the machine) is
    read in row slabs. Its spectral radius is then right to four digits, and where the
    iteration stalls what depends on model-consistent output is NaN.

    Parameters
    ----------
    tables : WorldTables
        Tables in memory, or of a lazy store.
    memory : int, optional
        Memory to reckon with, in bytes; by default that of the machine.
    progress : callable, optional
        Called with the years that are done and their number.

    Returns
    -------
    list of YearCheck
        One for each year, gaps in the unit of the tables.

    Examples
    --------
    >>> first = tx.check_tables(world)[0]
    >>> first.year, first.productive, first.balance_identity < 1e-10
    (2000, True, True)
    """
    require_tables(tables)
    large = is_too_large(tables.n, memory=memory, held=_MATRICES)
    rows: list[YearCheck] = []
    report(progress, 0, len(tables.years))
    mapped, rule = is_mapped(tables.n, memory), tables.column_tolerance
    about = {"column_tolerance": rule, "parents": tables.parents}
    for k, year in enumerate(tables.years):
        if large:
            rows.append(_check_streamed(tables, k, mapped))
        else:
            rows.append(check_year(tables.table(year), tables.tolerance, **about))
        progress(len(rows), len(tables.years))
    return rows


@in_float64
@np.errstate(invalid="ignore", divide="ignore")  # a fault, not a warning
def _check_streamed(tables: WorldTables, k: int, mapped: bool) -> YearCheck:
    """``tables.check_year`` of a year that is read six times, or a few times more
    where its industries buy more than they make."""
    flows = StreamedFlows(tables, k)
    summed = SummedFlows(flows)
    table = table_without_flows(tables, k, summed)
    x, Y = jax.device_put((table.x, table.Y.sum(axis=2)))
    year = StreamedYear(flows, x, mapped=mapped)
    v = jnp.where(x > 0, 1 - year.columns * year.scale, 0)
    solved = year.solve(Y)
    output = solved.X.sum(axis=1)
    made, to_regions = flows.products(
        (year.scale * output)[:, None], year.scale * output
    )
    assert to_regions is not None
    sold = Sold(made[:, 0], to_regions, flows.sold(year.scale * x))
    shares = year.input_shares
    found = identities(x, Y, v, solved, sold, shares.max(), year.spectral_radius())
    if not solved.residual <= TOLERANCE:  # no x* is known, and LU does not fit
        unknown = jnp.full((), jnp.nan, x.dtype)
        found = found._replace(**dict.fromkeys(OF_MODEL, unknown))
    finite = summed.is_finite and all(np.isfinite(a).all() for a in (table.x, table.Y))
    unproductive = name_unproductive(year) if finite else ""
    return year_check(
        table,
        tables.tolerance,
        tables.column_tolerance or tables.tolerance.for_columns(),
        tables.parents,
        found,
        finite=finite,
        negative_sales=summed.negative,
        productive=finite and not unproductive,
        unproductive=unproductive,
    )


class SummedFlows:
    """Z of a year as the sums that a check takes of it."""

    def __init__(self, flows: StreamedFlows) -> None:
        slabs: list[kernels.SlabSums] = []
        for _, slab in flows.slabs():
            some = kernels.sums_of_slab(jax.device_put(slab), regions=flows.regions)
            slabs.append(jax.tree.map(np.asarray, some))  # the slab is overwritten
        self._to_regions = np.concatenate([k.to_regions for k in slabs])
        self._to_every = np.concatenate([k.to_every for k in slabs])
        self._columns = np.sum([k.columns for k in slabs], axis=0)
        self._regions = flows.regions
        self.negative = sum(int(k.negative) for k in slabs)
        self.is_finite = not any(int(k.not_finite) for k in slabs)

    def sum(self, axis: int | None = None) -> Any:
        """As of an array."""
        if axis is None:
            return self._columns.sum()
        return self._columns if axis == 0 else self._to_regions.sum(axis=1)

    def between(
        self, *, rows: bool = False, columns: bool = False
    ) -> Float[np.ndarray, "c c"]:
        """Sales between regions; ``rows`` and ``columns`` that run sector by sector."""
        c = self._regions
        sold = self._to_every if columns else self._to_regions
        shape = (-1, c, c) if rows else (c, -1, c)
        return sold.reshape(shape).sum(axis=0 if rows else 1)
