"""Values outside of the bounds of their definition, and the cause: column ``flag``.

If no final demand and no value added is negative, flows are at least 0, shares are 0 to
100 per cent and an index is -1 to 1. Real tables have both: stocks that are sold are
negative final demand, and an industry may use more than it makes. A value outside its
bounds is flagged

    negative-value-added   with value added below 0 counted as 0 it would be inside
    negative-inventories   it would not: the cause is negative final demand, nearly
                           always inventories
"""

import math

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int8

FLAGS = ("", "negative-inventories", "negative-value-added")
INVENTORIES, VALUE_ADDED = 1, 2

Bounds = tuple[float, float]
NOT_NEGATIVE: Bounds = (0.0, math.inf)
PER_CENT: Bounds = (0.0, 100.0)
INDEX: Bounds = (-1.0, 1.0)
UNBOUNDED: Bounds = (-math.inf, math.inf)

# Sums of flows round to some 1e-16 of the largest.
_ROUNDING = 1e-12


def outside(
    values: Float[np.ndarray, "*shape"], bounds: Bounds
) -> Bool[np.ndarray, "*shape"]:
    """Flag values outside of their bounds by more than rounding; NaN is not.

    Rounding is relative to the largest bound, or for flows, which have none, to the
    largest of the values.
    """
    low, high = bounds
    if math.isinf(high):
        size = np.nanmax(np.abs(values), initial=0.0)
    else:
        size = high
    slack = _ROUNDING * size
    return (values < low - slack) | (values > high + slack)


def flags_of(
    bad: Bool[np.ndarray, "*shape"], still_bad: Bool[np.ndarray, "*shape"] | bool
) -> Int8[np.ndarray, "*shape"]:
    """Indices into ``FLAGS``, from values outside their bounds and those that still are
    with value added below 0 counted as 0."""
    return np.where(bad, np.where(still_bad, INVENTORIES, VALUE_ADDED), 0).astype(
        np.int8
    )


def count_flags(flags: xr.Dataset) -> dict[str, int]:
    """Number of values with each flag."""
    places = [np.ravel(flags.variables[k].values) for k in flags.data_vars]
    number = np.bincount(np.concatenate(places), minlength=len(FLAGS))
    return {name: int(number[k]) for k, name in enumerate(FLAGS) if name}
