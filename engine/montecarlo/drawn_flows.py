"""Value added between regions, and the index, in draws of the tables."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..core import NotFound, Progress, no_progress, require_whole
from ..tables import WorldTables, require_tables
from ..uncertainty import AnyModel, error_model
from .year_draws import DrawnErrors, draw_year


def draw_flows(
    tables: WorldTables,
    error: AnyModel,
    *,
    draws: int,
    seed: int = 0,
    years: Sequence[int] | None = None,
    progress: Progress = no_progress,
) -> Float[np.ndarray, "d t c c"]:
    """Value added of each region absorbed in each, by draw and year, in the unit of the
    tables.

    Draw k of a year depends on the seed, on k and on the year alone, and draws k of all
    years belong together.

    Raises
    ------
    TivaxError
        An error model that does not fit the tables, a year that they lack, a draw that
        cannot be balanced or solved.

    Examples
    --------
    >>> error = tx.TableError("lognormal", a=0.5, b=0.1)
    >>> tx.draw_flows(world, error, draws=4, years=[2000]).shape
    (4, 1, 3, 3)
    """
    require_tables(tables)
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    years = list(tables.years if years is None else years)
    for year in years:
        if year not in tables.years:
            raise NotFound(
                f"no year {year}: the tables hold {tables.years[0]} to "
                f"{tables.years[-1]}"
            )
    errors, c = DrawnErrors(tables, error_model(error)), len(tables.regions)
    found = np.empty((draws, len(years), c, c))
    for t, year in enumerate(years):
        done = 0
        for rows in draw_year(
            tables,
            errors,
            year,
            seed=seed,
            draws=draws,
            has_index=np.ones(c, bool),
            flows=True,
        ):
            progress(t * draws + done, len(years) * draws)
            found[done : done + len(rows), t] = rows[:, :-2].reshape(-1, c, c)
            done += len(rows)
    progress(len(years) * draws, len(years) * draws)
    return found
