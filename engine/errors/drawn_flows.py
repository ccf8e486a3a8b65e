"""Value added between regions, and the index, in draws of the tables."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..core import NotFound, Progress, no_progress, require_whole
from ..tables import WorldTables, require_tables
from .models import AnyModel, error_model
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


def draw_index(
    tables: WorldTables,
    error: AnyModel,
    *,
    draws: int,
    seed: int = 0,
    years: Sequence[int] | None = None,
    progress: Progress = no_progress,
) -> Float[np.ndarray, "d t c"]:
    """The trade benefit index of each region, by draw and year (``draw_flows``)."""
    flows = draw_flows(
        tables, error, draws=draws, seed=seed, years=years, progress=progress
    )
    return index_of(flows)


def index_of(flows: Float[np.ndarray, "... c c"]) -> Float[np.ndarray, "... c"]:
    """(VAX - VAM) / (VAX + VAM); NaN where nothing is traded."""
    home = np.diagonal(flows, axis1=-2, axis2=-1)
    out, into = flows.sum(-1) - home, flows.sum(-2) - home
    total = out + into
    return (out - into) / np.where(total == 0, np.nan, total)
