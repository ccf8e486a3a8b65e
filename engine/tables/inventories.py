"""Uses of final demand, and tables net of one of them: inventories.

Net of inventories, an industry's sales represent all of its output.
Reported output is not all sold in its year: the sales of a row to intermediate and
final users add up to x - N, with N what goes into inventories, which is negative where
stocks are sold. Both kinds of sales are multiplied by x / (x - N) and inventories are
left out (Antras, Chor, Fally and Hillberry 2012, American Economic Review 102:
412-416, section I). Rows then add up to x as before, and no final demand is negative
because of stocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import Progress, TivaxError, load_toml, no_progress, require_list, suggest
from .world_table import LazyYears, YearArray, as_float64
from .world_tables import WorldTables, require_tables

# Uses of final demand by the names of its categories in each source.
_USES: dict[str, list[str]] = load_toml(__package__, "final_demand_uses.toml")
# Of output. What an industry sells besides is then rounding, and says nothing of where
# its output goes; the largest factor in WIOD 2013 is 40 (1995).
_LEAST_SALES = 1e-6


@dataclass(frozen=True)
class NetInventories:
    """Tables, net of inventories where that was asked for.

    ``categories`` of final demand were left out, none where the tables are as they
    were given; ``kept`` counts the industries, each year on its own, that keep theirs.
    """

    tables: WorldTables
    categories: tuple[str, ...] = ()
    kept: int = 0

    @property
    def record(self) -> dict[str, Any] | None:
        """For the manifest; None where nothing was asked for."""
        if not self.categories:
            return None
        return {"categories": list(self.categories), "industry_years_kept": self.kept}

    @property
    def lines(self) -> list[str]:
        """Lines to print."""
        if not self.categories:
            return []
        line = f"net of inventories ({', '.join(self.categories)})"
        if self.kept:
            line += (
                f"; {self.kept:,} industry-years keep theirs: they put into stock all "
                "that they make, or more"
            )
        return [line]


def net_of_inventories(
    tables: WorldTables,
    categories: str | Sequence[str] | None = None,
    *,
    progress: Progress = no_progress,
) -> WorldTables:
    """Multiply the sales of each row by x / (x - N) and leave inventories out.

    Parameters
    ----------
    tables
        In memory or lazy: flows are multiplied when a year is read.
    categories
        The categories of final demand that are inventories; by default the one that
        the source of the tables is known to have (``final_demand_uses.toml``).
    progress
        Called with years done and years in all.

    Returns
    -------
    WorldTables
        The same labels and the same reported output. Residual value added is that of
        the new Z; a value-added row of the table (``value_added="basic"``) stays as it
        is, so that with it parts miss gross flows by what inputs were multiplied, too.
        A row that puts all its output into stock, or more (x <= N, or within a
        millionth of it), stays as it is with its inventories: no multiple of its sales
        is its output.

    Raises
    ------
    TivaxError
        Where no category is known to be inventories, or all of them are.

    Examples
    --------
    >>> world.categories
    ('CONS_h', 'CONS_np', 'CONS_g', 'GFCF', 'INVEN')
    >>> net = tx.net_of_inventories(world, world.categories[-1])
    >>> net.final_demand().shape
    (2, 12, 3)
    """
    return correct_for_inventories(tables, categories, progress=progress).tables


def correct_for_inventories(
    tables: WorldTables,
    categories: str | Sequence[str] | None = None,
    *,
    progress: Progress = no_progress,
) -> NetInventories:
    """``net_of_inventories``, with the categories and industries left alone."""
    require_tables(tables)
    names = inventory_categories(tables.categories, categories)
    stocks = np.array([name in names for name in tables.categories])
    t, n = len(tables.years), tables.n
    sales = np.ones((t, n))
    demand = np.ones((t, n, len(stocks)))
    kept = 0
    progress(0, t)
    for k in range(t):
        x = as_float64(tables.x[k])
        N = tables.final_demand(slice(k, k + 1), names)[0].sum(axis=1)
        corrected = x - N > _LEAST_SALES * x
        sales[k] = np.divide(x, x - N, out=sales[k], where=corrected)
        demand[k] = sales[k][:, None]
        demand[k][np.ix_(corrected, stocks)] = 0
        kept += int((~corrected & (N != 0)).sum())
        progress(k + 1, t)
    net = replace(
        tables,
        Z=Weighted(tables.Z, sales[:, :, None]),
        Y=Weighted(tables.Y, demand[:, :, None, :]),
    )
    return NetInventories(net, names, kept)


def inventory_categories(
    every: Sequence[str], named: str | Sequence[str] | None = None
) -> tuple[str, ...]:
    """The categories of final demand that are inventories: those named, or those known.

    Raises ``TivaxError`` for an unknown name, and where no category, or every one, is
    inventories.
    """
    if isinstance(named, str):
        named = [named]
    if named is not None:
        require_list("categories", named)
    for name in named or ():
        if name not in every:
            raise TivaxError(
                f"no category of final demand {name}: {suggest(name, every)}"
            )
    wanted = _USES["inventories"] if named is None else named
    found = tuple(name for name in every if name in wanted)
    if not found:
        raise TivaxError(
            f"final demand has the categories {', '.join(every)}, none of them known "
            "as inventories; name it by categories=",
            argument="categories",
        )
    if len(found) == len(every):
        raise TivaxError(
            f"final demand has the categories {', '.join(every)}: they cannot all be "
            "inventories"
        )
    return found


def consumption_and_capital(
    categories: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The categories of either use, or None where one of them has none."""
    consumption, capital = (
        tuple(k for k in categories if k in _USES[use])
        for use in ("consumption", "fixed_capital")
    )
    return (consumption, capital) if consumption and capital else None


class Weighted(LazyYears):
    """Flows times weights that fit their shape, (t, n, 1) or (t, n, 1, f)."""

    def __init__(self, flows: YearArray, weights: Float[np.ndarray, "t ..."]) -> None:
        self.flows, self.weights = flows, weights
        self.shape = tuple(flows.shape)

    def _put(self, k: int, into: np.ndarray) -> None:
        np.multiply(as_float64(self.flows[k]), self.weights[k], out=into)
