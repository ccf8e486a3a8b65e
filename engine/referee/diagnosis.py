"""``Diagnosis``: what results of this room have in common, and their rows."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..estimation import (
    complete_rows,
    require_column_names,
    require_names,
    require_one_row,
)
from ..reporting import Told


class Diagnosis(Told):
    """A regression under a question of a referee.

    ``residual``: what rounding leaves of 0 where columns have length one.
    """

    in_print = "tivax.engine.present.referee"
    residual: float

    @abstractmethod
    def findings(self) -> dict[str, Any]:
        """The findings by name."""

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.residual}


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
