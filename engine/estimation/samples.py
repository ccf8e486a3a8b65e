"""Samples, lags, demeaning by country and dummies of years."""

import numpy as np
import pandas as pd
from jaxtyping import Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core import TivaxError
from .regression_data import numbers, require_columns

SAMPLES = ("all", "developed", "developing")


def sample(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of ``all``, ``developed`` or ``developing`` countries."""
    if name == "all":
        return frame
    if name not in SAMPLES:
        raise TivaxError(f"no sample {name!r}; choose from {', '.join(SAMPLES)}")
    return frame[frame["developed"] == int(name == "developed")]


def within(frame: pd.DataFrame, entity: pd.Series) -> pd.DataFrame:
    """Columns less their mean by entity plus the grand mean, as Stata's xtreg, fe."""
    return frame - frame.groupby(entity).transform("mean") + frame.mean()


def time_dummies(data: pd.DataFrame, entity: str, time: str) -> pd.DataFrame:
    """Dummies of each period but the first one that an entity is observed in.

    Where periods are labels of group and year, every group loses its own first
    period, since the entity effects span the groups.
    """
    labels = data[time]
    codes, names = pd.factorize(labels, sort=True)
    bases = _bases(pd.factorize(data[entity])[0], codes)
    return pd.DataFrame(
        {
            f"_{name}": (codes == k).astype(float)
            for k, name in enumerate(names)
            if k not in bases
        },
        index=data.index,
    )


def _bases(entity: Int[np.ndarray, " n"], period: Int[np.ndarray, " n"]) -> set[int]:
    """The first period of each set of periods that entities connect."""
    G = entity.max() + 1
    size = G + period.max() + 1
    seen = coo_array((np.ones(len(entity)), (entity, G + period)), (size, size))
    part = connected_components(seen, directed=False)[1][G:]
    return set(np.unique(part, return_index=True)[1].tolist())


def lagged(data: pd.DataFrame, column: str, *, years: int = 1) -> pd.Series:
    """The value of the same country ``years`` earlier; missing where there is none.

    By the year itself, not by the row before: a gap in the years gives no lag.

    Raises ``TivaxError`` where the column or the years are no numbers.
    """
    require_columns(data, ["iso3", "year", column])
    try:
        year = numbers(data, "year")
    except TivaxError:
        raise TivaxError(
            f"column year holds {data['year'].iloc[0]!r}, not a number; a lag of "
            f"{column} needs years such as 2001"
        ) from None
    rows = zip(data["iso3"], year, numbers(data, column), strict=True)
    earlier = {(iso3, when): value for iso3, when, value in rows}
    before = zip(data["iso3"], year - years, strict=True)
    return pd.Series([earlier.get(k, np.nan) for k in before], data.index, dtype=float)
