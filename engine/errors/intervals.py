"""Standard errors and 95 % intervals of draws of anything."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

_TAILS = (2.5, 97.5)


class Interval(NamedTuple):
    """Deviation of draws, and their 2.5 and 97.5 percentiles."""

    se: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def beside(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame, whose rows these are of, with columns se, ci_low, ci_high."""
        flat = (k.ravel() for k in self)
        return frame.assign(**dict(zip(("se", "ci_low", "ci_high"), flat, strict=True)))


def interval(values: Float[np.ndarray, "*shape"]) -> Interval:
    """The interval of draws; NaN where a draw has no value."""
    low, high = np.percentile(values, _TAILS, axis=0)
    return Interval(values.std(axis=0, ddof=1), low, high)
