"""Standard errors and 95 % intervals beside values, as columns and variables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

LEVEL = 0.95
# The 97.5 % point of the standard normal distribution.
Z95 = 1.959963984540054
COLUMNS = ("se", "ci_low", "ci_high")


def with_intervals(values: xr.Dataset, se: xr.Dataset) -> xr.Dataset:
    """Each variable and its ``_se``, ``_ci_low``, ``_ci_high``."""
    order, made = [], {}
    for name, value in values.data_vars.items():
        order.append(name)
        if name not in se:
            continue
        error = se[name].transpose(*value.dims)
        about = dict(value.attrs)
        title = about.get("long_name", str(name))
        low, high = value - Z95 * error, value + Z95 * error
        for suffix, part, text in (
            ("se", error, "standard error"),
            ("ci_low", low, "lower end of the 95 % interval"),
            ("ci_high", high, "upper end of the 95 % interval"),
        ):
            named = {**about, "long_name": f"{text}: {title}"}
            made[f"{name}_{suffix}"] = part.assign_attrs(named)
            order.append(f"{name}_{suffix}")
    # All at once: each variable that is added is compared with all that are there.
    return values.assign(made)[order]


def kinds_line(record: Sequence[Mapping[str, Any]]) -> str:
    """The kinds of errors of tables that intervals hold, in words."""
    kinds = ", ".join(dict.fromkeys(str(k["kind"]) for k in record))
    more = " alone; errors of how the tables were compiled are not in them"
    return kinds + more * (kinds == "rounding")


def interval_ends(value: xr.DataArray, se: xr.DataArray) -> dict[str, np.ndarray]:
    """Arrays of ``COLUMNS`` in the order of the values."""
    error = se.transpose(*value.dims).values
    ends = value.values - Z95 * error, value.values + Z95 * error
    return dict(zip(COLUMNS, (error, *ends), strict=True))


def interval_columns(
    frame: pd.DataFrame, errors: pd.DataFrame, main: str, names: Sequence[str]
) -> pd.DataFrame:
    """A table with the columns of errors right after the values.

    For ``main`` they are ``se``, ``ci_low``, ``ci_high``; for others the name of the
    value stands in front. ``errors`` has the rows of the frame and a column a name.
    """
    columns: dict[str, pd.Series] = {}
    for column in frame:
        columns[str(column)] = frame[column]
        if column not in names or column not in errors:
            continue
        head = "" if column == main else f"{column}_"
        se = errors[column].set_axis(frame.index)
        columns[f"{head}se"] = se
        columns[f"{head}ci_low"] = frame[column] - Z95 * se
        columns[f"{head}ci_high"] = frame[column] + Z95 * se
    return pd.DataFrame(columns)
