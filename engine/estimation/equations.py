"""An equation with one endogenous regressor, its rows checked and net of entities."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import TivaxError
from .iv_data import IVData
from .least_squares import require_nested
from .model_data import Equation, ModelData, prepare
from .regression_data import ENTITY, TIME, column_name, column_names, times_power


class InstrumentEquation(NamedTuple):
    """An equation with one endogenous regressor on its checked rows, clustered by a
    column; ``data`` is in units of the data, net of entities."""

    given: ModelData
    equation: Equation
    clusters: str
    data: IVData


def instrument_equation(
    data: pd.DataFrame,
    outcome: str,
    endogenous: str,
    instruments: Sequence[str],
    controls: Sequence[str],
    *,
    entity: str = ENTITY,
    time: str = TIME,
    clusters: str | None = None,
    second: str | None = None,
) -> InstrumentEquation:
    """Build the equation that :func:`two_stage` starts from; its rows have ``second``,
    a further column, too."""
    column_name("endogenous", endogenous)
    if not column_names("instruments", instruments):
        raise TivaxError("instruments: name at least one")
    clusters = entity if clusters is None else clusters
    prepared = prepare(
        data,
        outcome,
        controls,
        entity=entity,
        time=time,
        keys=[clusters, second or clusters],
        endogenous=[endogenous],
        instruments=instruments,
    )
    require_nested(prepared.used, entity, clusters)
    frame = prepared.columns.assign(const=1.0)

    def column(*names: str) -> np.ndarray:
        units = [prepared.power.get(k, 0) for k in names]
        return times_power(frame[list(names)].to_numpy(), units)

    net = IVData(
        y=column(outcome)[:, 0],
        X=column(endogenous),
        W=column("const", *prepared.dummies, *controls),
        Z=column(*instruments),
        clusters=prepared.used[clusters].to_numpy(),
        endogenous=(endogenous,),
        instruments=tuple(instruments),
    )
    names = Equation(outcome, tuple(controls), endogenous, tuple(instruments))
    return InstrumentEquation(prepared, names, clusters, net)
