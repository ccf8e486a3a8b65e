"""An equation with one endogenous regressor, its rows checked and net of entities."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import TivaxError
from .design import Design
from .iv_data import IVData
from .model_data import two_way_design
from .regression_data import column_name, column_names


class InstrumentEquation(NamedTuple):
    """An equation with one endogenous regressor on its checked rows; ``data`` is in
    units of the data, net of entities."""

    given: Design
    data: IVData


def instrument_equation(
    data: pd.DataFrame,
    outcome: str,
    endogenous: str,
    instruments: Sequence[str],
    controls: Sequence[str],
    *,
    entity: str,
    time: str,
    clusters: str,
    second: str | None = None,
) -> InstrumentEquation:
    """Build the equation that :func:`two_stage` starts from; its rows have ``second``,
    a further column, too."""
    column_name("endogenous", endogenous)
    if not column_names("instruments", instruments):
        raise TivaxError("instruments: name at least one")
    given = two_way_design(
        data,
        outcome,
        controls,
        entity=entity,
        time=time,
        clusters=clusters,
        second=second,
        endogenous=[endogenous],
        instruments=instruments,
    )
    rows = (given.rows * given.size)[given.back]
    dummies = rows[:, : given.layout.dummies]

    def column(*names: str) -> np.ndarray:
        return rows[:, given.places(names)]

    net = IVData(
        y=column(outcome)[:, 0],
        X=column(endogenous),
        W=np.hstack([np.ones((given.n, 1)), dummies, column(*controls)]),
        Z=column(*instruments),
        clusters=given.used[clusters].to_numpy()[given.back],
        endogenous=(endogenous,),
        instruments=tuple(instruments),
    )
    return InstrumentEquation(given, net)
