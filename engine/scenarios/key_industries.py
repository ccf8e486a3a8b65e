"""``tx.linkages``: backward and forward linkages, key industries, extraction."""

import jax
import numpy as np
import pandas as pd

from ...kernels.scenarios import low_rank
from ..core import in_float64
from ..measures import ValueAdded
from ..tables import WorldTables, parse_year, require_tables
from .places import Places
from .run import chosen_years
from .years import SolvedYear, solve_year


@in_float64
def linkages(
    tables: WorldTables,
    *,
    year: int | None = None,
    value_added: ValueAdded = "residual",
) -> pd.DataFrame:
    """Linkages of each industry with all others, and what is lost without it.

    Parameters
    ----------
    tables
        In memory or lazy.
    year
        Year; by default the last.
    value_added
        As in :func:`value_added_trade`.

    Returns
    -------
    DataFrame
        Columns by region and sector: ``backward``, the column sum of the Leontief
        inverse over its mean (Rasmussen's 1956 power of dispersion); ``forward``, the
        row sum of the Ghosh inverse over its mean, both means of industries with
        output; ``key``, whether both exceed 1; ``output_lost``, the share of the output
        of all other industries that ends if the industry is extracted, with its row,
        its column and the final demand for its product; ``value_added_lost``, the share
        of the world's value added, its own included. Industries without output have
        linkages of 0.

    Raises
    ------
    TivaxError
        A year that the tables do not have, or whose table is not productive.

    Examples
    --------
    >>> tx.linkages(world).head(2).round(3)[["region", "sector", "backward", "forward"]]
      region sector  backward  forward
    0    R01    S01     1.086    0.903
    1    R01    S02     1.051    1.324
    """
    require_tables(tables)
    (chosen,) = chosen_years(tables, None if year is None else parse_year(year))
    return linkages_of(solve_year(tables, chosen, Places.of(tables), value_added))


@in_float64
def linkages_of(solved: SolvedYear) -> pd.DataFrame:
    """``linkages`` of a year that is solved."""
    found = jax.tree.map(np.asarray, low_rank.linkages(solved.base))
    places = solved.table.places
    industries = pd.MultiIndex.from_product(
        [places.regions, places.sectors], names=["region", "sector"]
    )
    frame = industries.to_frame(index=False).assign(
        backward=found.backward, forward=found.forward
    )
    frame["key"] = (found.backward > 1) & (found.forward > 1)
    return frame.assign(
        output_lost=found.output_lost, value_added_lost=found.value_added_lost
    )
