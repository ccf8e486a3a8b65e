"""Tables at prices of the previous year, from price indices of what industries make."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..core import TivaxError, read_labelled
from .inventories import Weighted
from .world_tables import WorldTables, require_tables

_COLUMNS = ("year", "region", "sector", "price")


def deflated(tables: WorldTables, prices: pd.DataFrame | str | Path) -> WorldTables:
    """The tables at prices of the previous year.

    Each row is divided by how much the price of its industry rose since the year
    before, so that value added as a residual is deflated doubly: output at last year's
    prices less inputs at last year's prices.

    Parameters
    ----------
    tables
        At current prices, in memory or lazy.
    prices
        A table or csv file with columns ``year``, ``region``, ``sector`` and ``price``:
        the price index of output, with any base, of every industry and year.

    Returns
    -------
    WorldTables
        The years from the second on; reported value added is left out, since nobody
        reports it at these prices.

    Raises
    ------
    TivaxError
        A missing column, industry or year; a price that is not above 0; an industry
        given twice.

    Examples
    --------
    >>> from itertools import product
    >>> cells = pd.DataFrame(
    ...     product(world.years, world.regions, world.sectors),
    ...     columns=["year", "region", "sector"],
    ... )
    >>> prices = cells.assign(price=1.02 ** (cells["year"] - 2000))
    >>> volumes = tx.deflated(world, prices)
    >>> now, before = (k.table(2001).x.sum() for k in (world, volumes))
    >>> round(float(now / before), 6)
    1.02
    """
    require_tables(tables)
    if len(tables.years) < 2:
        raise TivaxError("prices of the previous year: the tables hold one year")
    labels = _COLUMNS[1:3]
    place, frame = read_labelled(prices, "prices", labels, ("year", "price"))
    index = pd.MultiIndex.from_product(
        [tables.years, tables.regions, tables.sectors], names=_COLUMNS[:3]
    )
    given = frame.set_index(list(_COLUMNS[:3]))["price"]
    if given.index.duplicated().any():
        raise TivaxError(
            f"{place}: {_cell(given.index[given.index.duplicated()])} twice"
        )
    level = pd.to_numeric(given, errors="coerce").reindex(index)
    wrong = ~((level > 0) & (level < np.inf))
    if wrong.any():
        raise TivaxError(
            f"{place}: no price above 0 of {_cell(index[wrong.to_numpy()])} "
            f"({int(wrong.sum()):,} of {len(index):,} are missing or wrong)"
        )
    values = level.to_numpy(float).reshape(len(tables.years), tables.n)
    weights = values[:-1] / values[1:]
    later = tables.select(tables.years[1], tables.years[-1])
    of_demand = weights.reshape(*weights.shape, *[1] * (len(tables.Y.shape) - 2))
    return replace(
        later,
        Z=Weighted(later.Z, weights[:, :, None]),
        Y=Weighted(later.Y, of_demand),
        x=np.asarray(later.x) * weights,
        value_added=None,
        checked={},
        rebuilt={k: v for k, v in later.rebuilt.items() if k != "errors"},
    )


def _cell(index: Iterable) -> str:
    year, region, sector = next(iter(index))
    return f"{region} {sector} in {year}"
