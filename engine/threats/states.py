"""One word for what a variant makes of a result, the same wherever it is told."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..estimation import t_ppf
from ..resampling import LEVEL

State = Literal["turned or gone", "smaller", "blurred", "as before"]
LEAST = 0.5  # of an estimate: with less the result is not what it was


def state_of(row: Mapping[Any, Any], first: Mapping[Any, Any]) -> State:
    """The state of a row beside ``first``, the model as given.

    ``turned or gone``: another sign, or less than half of the estimate is left, p is
    above 5 % and the 95 % interval, estimate +- t se, excludes the model's estimate.
    ``smaller``: less than half is left, p at most 5 %. ``blurred``: p is above 5 %, and
    it is not gone. ``as before``: at least half is left, p at most 5 %.
    """
    estimate, claimed = float(row["estimate"]), float(first["estimate"])
    little, significant = abs(estimate) < LEAST * abs(claimed), is_significant(row)
    apart = abs(estimate - claimed) > reach(row)
    if np.sign(estimate) != np.sign(claimed) or (little and apart and not significant):
        return "turned or gone"
    if not significant:
        return "blurred"
    return "smaller" if little else "as before"


def reach(row: Mapping[Any, Any]) -> float:
    """Half of the 95 % interval."""
    return float(t_ppf(1 - LEVEL / 2, float(row["clusters"]) - 1) * row["se"])


def decisive_p(row: Mapping[Any, Any]) -> float:
    """``wild_p_value`` where there is one, else ``p_value``."""
    wild = float(row["wild_p_value"])
    return float(row["p_value"]) if np.isnan(wild) else wild


def is_significant(row: Mapping[Any, Any]) -> bool:
    """True if the p that decides is at most 5 %; without any it is not."""
    return decisive_p(row) <= LEVEL
