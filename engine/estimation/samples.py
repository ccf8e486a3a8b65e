"""Rows that a model is estimated on."""

import pandas as pd

from ..core import TivaxError


def sample(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of ``all``, ``developed`` or ``developing`` countries."""
    if name == "all":
        return frame
    if name not in ("developed", "developing"):
        raise TivaxError(f"no sample {name!r}; choose from all, developed, developing")
    return frame[frame["developed"] == int(name == "developed")]
