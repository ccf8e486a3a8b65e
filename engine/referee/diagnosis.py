"""``Diagnosis``: what results of this room have in common, and their rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..core import Listing
from ..estimation import (
    complete_rows,
    require_column_names,
    require_names,
    require_one_row,
)
from ..reporting import Result

NUMBERS = ("estimate", "se", "p_value", "ci_low", "ci_high")
"""Columns of an estimate, as in ``t_row``."""


class Diagnosis(Result):
    """A regression under a question of a referee.

    ``residual``: what rounding leaves of 0 where columns have length one.
    """

    outcome: str
    residual: float

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.residual}


def listing(
    title: str,
    rows: pd.DataFrame,
    labels: Sequence[str],
    columns: Sequence[str],
    notes: Sequence[str] = (),
) -> Listing:
    """Numbers of these columns, a label before each row."""
    numbers = ((f"{k:.4g}" for k in row) for row in rows[[*columns]].to_numpy())
    cells = [(str(k), *row) for k, row in zip(labels, numbers, strict=True)]
    return Listing(title, ("", *columns), cells, notes)


def panel_rows(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    entity: str,
    time: str,
    further: Sequence[str] = (),
) -> pd.DataFrame:
    """The complete rows of a panel, one for each entity and time.

    Raises ``TivaxError`` for names that are none or given twice, columns that are
    missing or no numbers, and two rows of an entity in a period.
    """
    require_column_names(outcome=outcome, entity=entity, time=time)
    require_names(outcome, regressors)
    rows = complete_rows(data, [outcome, *regressors], [entity, time, *further])
    require_one_row(rows, entity, time)
    return rows
