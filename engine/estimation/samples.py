"""Samples and lags."""

import numpy as np
import pandas as pd

from ..core import Text, TivaxError, load_toml
from .regression_data import numbers, require_columns

Sample = Text
COMPLEMENTS: dict[str, str] = load_toml(__package__, "samples.toml")["complements"]
"""Samples of the rows where a column is 0, and the column."""


def sample(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a sample: ``all``, or those where the column of this name is 1, of
    ``COMPLEMENTS`` those where it is 0.

    Raises ``TivaxError`` where there is no such column, or it holds anything else.
    """
    if name == "all":
        return frame
    column = name if name in frame else COMPLEMENTS.get(name, name)
    if column not in frame:
        raise TivaxError(
            f"no column {column} in the panel, which sample {name} goes by; write all, "
            "or the name of a column of 1 and 0"
        )
    held = frame[column].dropna()
    if len(wrong := held[~held.isin([0, 1])]):
        raise TivaxError(
            f"column {column} holds {wrong.iloc[0]!r}; write 1 or 0 in each row"
        )
    return frame[frame[column] == int(column == name)]


def lagged(
    data: pd.DataFrame,
    column: str,
    *,
    entity: str,
    time: str,
    years: int = 1,
) -> pd.Series:
    """The value of the same entity ``years`` earlier; missing where there is none.

    By the year itself, not by the row before: a gap in the years gives no lag.

    Raises ``TivaxError`` where the column or the years are no numbers.
    """
    require_columns(data, [entity, time, column])
    try:
        year = numbers(data, time)
    except TivaxError:
        raise TivaxError(
            f"column {time} holds {data[time].iloc[0]!r}, not a number; a lag of "
            f"{column} needs years such as 2001"
        ) from None
    rows = zip(data[entity], year, numbers(data, column), strict=True)
    earlier = {(one, when): value for one, when, value in rows}
    before = zip(data[entity], year - years, strict=True)
    return pd.Series([earlier.get(k, np.nan) for k in before], data.index, dtype=float)
