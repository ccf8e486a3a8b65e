"""The rows of one model: checked, scaled, with the effects of entities taken out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..core import TivaxError, count_text
from .regression_data import (
    column_name,
    column_names,
    complete_rows,
    of_norm_one,
    powers,
    require_identified,
    require_names,
    require_one_row,
    times_power,
)
from .samples import time_dummies, within


class Equation(NamedTuple):
    """Columns of an equation, but for the dummies of effects; without an endogenous
    regressor it is one of least squares."""

    outcome: str
    exogenous: tuple[str, ...]
    endogenous: str = ""
    instruments: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ModelData:
    """The checked rows of a model, without missing values.

    Attributes
    ----------
    used
        The rows, in units of the data.
    columns
        Outcome, regressors, instruments and dummies of periods less their mean by
        entity, of mean 0; a column of ``used`` is 2^power times that, but for means.
    mean
        Grand means of the columns, in their units.
    dummies
        Names of the dummies.
    effects
        The columns of entities and periods.
    left_out
        Number of rows with a missing value, and their columns.
    """

    outcome: str
    regressors: tuple[str, ...]
    used: pd.DataFrame
    columns: pd.DataFrame
    mean: pd.Series
    power: dict[str, int]
    dummies: list[str]
    effects: list[str]
    left_out: str = ""


# Of a direction's leverage in one cluster, rounding; and of a coefficient that lies in
# such directions.
LEVERAGE, SHARE = 1e-9, 1e-6


def singly_identified(
    basis: Float[np.ndarray, "N p"],
    slopes: Float[np.ndarray, "q N"],
    cluster: Int[np.ndarray, " N"],
) -> Bool[np.ndarray, "q G"]:
    """Flag clusters that alone identify a part of a coefficient, slopes y: a direction
    of the columns is 0 in all other clusters, and the coefficient moves with it.

    ``basis`` is orthonormal and spans the columns and the slopes.
    """
    leverage = np.bincount(cluster, (basis**2).sum(axis=1))
    flags = np.zeros((len(slopes), len(leverage)), bool)
    along = slopes @ basis
    size = np.linalg.norm(along, axis=1)
    # Directions of one cluster have a leverage of 1 there: few clusters have as much.
    for g in np.flatnonzero(leverage >= 1 - LEVERAGE):
        own = basis[cluster == g]
        held, U = np.linalg.eigh(own.T @ own)
        part = np.linalg.norm(along @ U[:, held >= 1 - LEVERAGE], axis=1)
        flags[:, g] = part > SHARE * size
    return flags


def alone_note(
    alone: Bool[np.ndarray, "q G"], terms: Sequence[str], labels: Sequence[object]
) -> str:
    """``CYP alone identifies a part of D: ...`` for each term; empty for none."""
    said = []
    for term, own in zip(terms, alone, strict=True):
        if own.any():
            named = ", ".join(str(labels[g]) for g in np.flatnonzero(own)[:3])
            each = "each of " if own.sum() > 1 else ""
            said.append(
                f"{each}{named} alone identifies a part of {term}, of which a "
                "clustered standard error says nothing"
            )
    return "; ".join(said)


def prepare(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str,
    time: str,
    keys: Sequence[str] = (),
    endogenous: Sequence[str] = (),
    instruments: Sequence[str] = (),
) -> ModelData:
    """Check the rows of a model and take out its effects: see ``regression_data``."""
    column_name("outcome", outcome)
    column_name("entity", entity)
    column_name("time", time)
    if entity == time:
        raise TivaxError(f"entity and time are both {entity}; name two columns")
    controls = column_names("regressors", regressors)
    if not (*controls, *endogenous):
        raise TivaxError("regressors: name at least one")
    require_names(outcome, [*controls, *endogenous], instruments)
    every = [outcome, *controls, *endogenous, *instruments]
    used = complete_rows(data, every, list(dict.fromkeys([entity, time, *keys])))
    require_one_row(data, entity, time)
    raw = used[every].to_numpy()
    power = powers(raw)
    scaled = times_power(raw, -power)
    periods = time_dummies(used, entity, time).add_prefix(f"{time} = ")
    dummies = [str(k) for k in periods]
    names, m = [*every, *dummies], len(every)
    whole = pd.DataFrame(np.hstack([scaled, periods.to_numpy()]), used.index, names)
    frame = within(whole, used[entity])
    mean = frame.mean().to_numpy(copy=True)
    columns, level = frame.to_numpy() - mean, np.zeros(len(names))
    level[:m] = np.linalg.norm(scaled, axis=0)
    # Again, since levels may be far larger than what is left of them.
    spread = powers(columns[:, :m])
    for part in (columns, mean, level):
        part[..., :m] = times_power(part[..., :m], -spread)
    # Dummies first, the outcome last.
    ordered = [*range(m, len(names)), *range(1, m), 0]
    require_identified(
        of_norm_one(columns[:, ordered], level[ordered]),
        outcome,
        controls=controls,
        treatments=endogenous,
        instruments=instruments,
    )
    frame = pd.DataFrame(columns, used.index, names)
    mean = pd.Series(mean, names)
    units = dict(zip(every, (power + spread).tolist(), strict=True))
    regressors, effects = (*controls, *endogenous), [entity, time]
    return ModelData(
        *(outcome, regressors, used, frame, mean, units, dummies, effects),
        left_out_text(data, used),
    )


def cluster_column(entity: str, clusters: str | None) -> str:
    """The column of the clusters, by default that of the entities."""
    if isinstance(clusters, list | tuple) and len(clusters) > 1:
        raise TivaxError(
            'clusters: name one column; vcov="two-way" clusters by entity and time'
        )
    return column_name("clusters", entity if clusters is None else clusters)


def left_out_text(data: pd.DataFrame, used: pd.DataFrame) -> str:
    """``12 rows without invest left out``, the columns with most gaps first; empty
    where every row is used."""
    count = len(data) - len(used)
    gaps = data[[*used.columns]].isna().sum() if count else pd.Series(dtype=int)
    names = gaps[gaps > 0].sort_values(ascending=False, kind="stable").index
    named = " or ".join([*names[:3], *(["others"] if len(names) > 3 else [])])
    return f"{count_text(count, 'row')} without {named} left out" if count else ""
