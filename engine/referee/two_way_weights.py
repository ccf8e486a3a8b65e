"""Weights with which a two-way regression averages the effects of its cells.

De Chaisemartin and D'Haultfoeuille (2020, American Economic Review 110: 2964-96), for
any treatment D of units g in periods t. With parallel trends a two-way estimate is a
sum of the effects of cells, whose weights sum to one and may be negative. e is what
effects (and controls) leave of D, or of its difference; all rows weigh the same:

    kind   regression            weight of the effect of cell (g, t), times a constant
    feTR   two-way, levels       e_gt D_gt
    feS    two-way, levels       (D_gt - D_g,t-1) sum of e_gk over k >= t
    fdTR   first differences     (e_gt - e_g,t+1) D_gt
    fdS    first differences     e_gt (D_gt - D_g,t-1)

feS and fdS also suppose that a unit's effect does not change over time. W is a weight
over the cell's share, a = |D_gt| or |D_gt - D_g,t-1| over their sum, and sd(W) its
spread by a. With an average effect of zero, effects must vary by at least
|beta| / sd(W) (``sensibility``); for all of them to have the other sign by at least

    |beta| / sqrt(T_s + S_s^2 / (1 - P_s)),   P, S, T_i = sums of a, a W, a W^2 over the
    cells from the i-th largest W, s the first i with W_i < -S_i / (1 - P_i)

(``sensibility2``), cells whose weight is zero apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, require_choice, show
from ..estimation import (
    COLLINEAR,
    LinearFit,
    Model,
    column_name,
    column_names,
    complete_rows,
    require_column_names,
    require_names,
    require_one_row,
)
from .diagnosis import Diagnosis

Kind = Literal["feTR", "feS", "fdTR", "fdS"]
_ROUNDING = 1e-10  # of a mean weight


@dataclass(frozen=True, eq=False, repr=False)
class TwoWayWeights(Diagnosis):
    """The weights of cells, and how far effects may differ.

    Attributes
    ----------
    table
        number and value: ``beta``, the estimate; numbers of positive and negative
        weights, and of cells that are treated (or change); sums of weights; how much
        effects must vary (standard deviation) for an average effect of zero
        (``sensibility``), and for effects that all have the other sign
        (``sensibility2``; NaN without a negative weight).
    cells
        A row for each cell with an effect: the columns of entity and time, weight,
        share.

    Examples
    --------
    >>> keys = {"entity": "iso3", "time": "year"}
    >>> found = tx.referee.two_way_weights(panel, "growth", "trade", **keys)
    >>> float(found.cells["weight"].sum().round(10))
    1.0
    """

    table: pd.DataFrame
    cells: pd.DataFrame
    kind: Kind
    outcome: str
    treatment: str
    entity: str
    time: str
    _used: pd.DataFrame

    program = "two-way-weights"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"weights": self.table, "cells": self.cells}

    def facts(self) -> Mapping[str, Any]:
        """``residual_max``: by how much the weights miss one."""
        return {"residual_max": abs(float(self.cells["weight"].sum()) - 1)}

    def findings(self) -> dict[str, Any]:
        """Numbers of effects and of negative weights and their ``sum``, the ``spread``
        of effects that may average zero, and how many ``times`` the estimate it is."""
        value = dict(zip(self.table["number"], self.table["value"], strict=True))
        return {
            "beta": value["beta"],
            "cells": int(value["cells"]),
            "negative": int(value["negative weights"]),
            "sum": value["sum of negative weights"],
            "spread": value[_SENSIBILITY],
            "times": value[_SENSIBILITY] / abs(value["beta"]),
        }

    def by(self, key: str) -> pd.DataFrame:
        """Weights by unit or by period: sum, positive and negative part, largest first.

        ``key`` is the column of entities or of times.
        """
        require_choice("key", key, (self.entity, self.time))
        weight = self.cells["weight"]
        ends = {"positive": weight.clip(lower=0), "negative": weight.clip(upper=0)}
        parts = self.cells[[key, "weight"]].assign(**ends)
        return parts.groupby(key).sum().sort_values("weight", ascending=False)

    def correlation(self, column: str) -> pd.DataFrame:
        """Test whether the weights go with a column of the data, which effects may too.

        A regression of the column on W, by shares of the cells, errors clustered by
        entity. Columns number and value: coefficient, standard error, correlation.

        Raises ``TivaxError`` for a column that is missing or no numbers.
        """
        name = column_name("column", column)
        rows = complete_rows(
            self._used.loc[self.cells.index, [name, self.entity]], [name], [self.entity]
        )
        cells = self.cells.loc[rows.index]
        columns = {"W": cells["weight"] / cells["share"], "of": rows[name]}
        columns |= {"share": cells["share"], "unit": rows[self.entity]}
        fit = LinearFit.of(
            pd.DataFrame(columns),
            Model("", "of", ["W"], clusters="unit"),
            weights="share",
            drawn=False,
        )
        slope = float(fit.coef[0])
        share = float(1 - fit.u @ fit.u / (fit.net @ fit.net))
        numbers = {
            f"coefficient of {name} on weights": slope,
            "its standard error": float(fit.se[0]),
            "its correlation": float(np.sign(slope) * np.sqrt(share)),
        }
        return _numbers(numbers)


_SENSIBILITY = "smallest sd of effects for a sign reversal (sensibility)"
_SENSIBILITY2 = "the same with all effects of the other sign (sensibility2)"


def _numbers(values: Mapping[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"number": [*values], "value": [*values.values()]})


def two_way_weights(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    kind: Kind = "feTR",
    level: str | None = None,
    controls: Sequence[str] = (),
    entity: str,
    time: str,
) -> TwoWayWeights:
    """Weights of the effects of cells in a two-way regression.

    Parameters
    ----------
    data
        A row for each entity and period.
    outcome, treatment
        Columns of levels; for ``fdTR`` and ``fdS`` with ``level`` of differences.
    kind
        ``feTR``: two-way effects, parallel trends; ``feS``: and effects that do not
        change over time; ``fdTR`` and ``fdS``: the same for first differences.
    level
        Column of the treatment's level, where outcome and treatment are differences.
    controls
        Further regressors, differenced as the outcome is.
    entity, time
        Columns of units and periods, each with an effect.

    Returns
    -------
    TwoWayWeights
        Rows with a missing value are left out. Periods are one apart where they are
        numbers one apart, else next to each other in their order.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, two rows of an entity in a period,
        and a treatment that the effects explain.

    Examples
    --------
    >>> found = tx.referee.two_way_weights(
    ...     panel, "growth", "trade", controls=["gdp"], entity="iso3", time="year"
    ... )
    >>> found.table["number"].tolist()[:3]
    ['beta', 'positive weights', 'negative weights']
    """
    require_choice("kind", kind, get_args(Kind))
    require_column_names(outcome=outcome, entity=entity, time=time, treatment=treatment)
    controls = column_names("controls", controls)
    differences = kind.startswith("fd")
    if level is not None and not differences:
        raise TivaxError(f"level goes with fdTR and fdS, not with {show(kind)}")
    require_names(outcome, [treatment, *controls])
    levels = [] if level is None else [column_name("level", level)]
    wanted = [outcome, treatment, *controls]
    if isinstance(data, pd.DataFrame):
        data = data.reset_index(drop=True)
    complete = complete_rows(data, [*wanted, *levels], [entity, time])
    # Where differences are given the first period has a level alone.
    rows = complete_rows(data, levels, [entity, time]) if levels else complete
    require_one_row(rows, entity, time)
    rows = rows.sort_values([entity, time], kind="stable")
    period, unit = periods(rows[time]), pd.factorize(rows[entity])[0]
    before = neighbours(unit, period)  # place of the row before, -1 for none
    values = complete[wanted].reindex(rows.index).to_numpy()
    D = rows[levels[0] if levels else treatment].to_numpy()
    if differences and level is None:
        values = np.where(before[:, None] >= 0, values - values[before], np.nan)
    there = np.isfinite(values).all(axis=1)
    model = Model(
        "",
        outcome,
        wanted[1:],
        treatment,
        entity="" if differences else entity,
        time=time,
        clusters=entity,
    )
    frame = rows.loc[there, [entity, time]].assign(
        **dict(zip(wanted, values[there].T, strict=True))
    )
    fit = LinearFit.of(frame, model, drawn=False)
    left = np.zeros(len(rows))
    left[there] = fit.treatment_left[fit.back, 0]
    change = np.where(before >= 0, D - D[before], 0.0)
    change[np.abs(change) <= COLLINEAR * np.abs(D).max()] = 0  # rounding
    if kind == "feTR":
        raw, size = left * D, np.abs(D)
    elif kind == "feS":
        raw, size = change * _from_here(left, unit), np.abs(change)
    elif kind == "fdTR":
        after = np.zeros(len(rows))
        after[before[before >= 0]] = left[before >= 0]
        raw, size = (left - after) * D, np.abs(D)
        size = np.where(there | (after != 0), size, 0)
    else:
        raw, size = left * change, np.where(there, np.abs(change), 0)
    treated = size > 0
    weight, share = raw[treated] / raw[treated].sum(), size[treated] / size.sum()
    cells = rows.loc[treated, [entity, time]].assign(weight=weight, share=share)
    table = _numbers(_summary(float(fit.coef[0]), weight, share))
    used = data.loc[rows.index]
    return TwoWayWeights(table, cells, kind, outcome, treatment, entity, time, used)


def periods(time: pd.Series) -> Float[np.ndarray, " n"]:
    """Times as numbers: their own, else their order."""
    numeric = pd.to_numeric(time, errors="coerce")
    if numeric.notna().all():
        return numeric.to_numpy(float)
    return pd.factorize(time, sort=True)[0].astype(float)


def neighbours(unit: np.ndarray, period: Float[np.ndarray, " n"]) -> np.ndarray:
    """The place of each unit's row of the period before; -1 where it lacks."""
    place = np.arange(len(unit)) - 1
    step = np.diff(np.unique(period)).min(initial=np.inf)
    next_to = (unit == np.roll(unit, 1)) & np.isclose(period - np.roll(period, 1), step)
    next_to[:1] = False
    return np.where(next_to, place, -1)


def _from_here(
    left: Float[np.ndarray, " n"], unit: np.ndarray
) -> Float[np.ndarray, " n"]:
    """Sums over each unit's rows from this one on."""
    return pd.Series(left[::-1]).groupby(unit[::-1]).cumsum().to_numpy()[::-1]


def _summary(
    beta: float, weight: Float[np.ndarray, " c"], share: Float[np.ndarray, " c"]
) -> dict[str, float]:
    zero = np.abs(weight) <= _ROUNDING / len(weight)
    weight = np.where(zero, 0, weight)
    W = weight / share
    n = len(W)
    spread = np.sqrt(share @ (W - 1) ** 2 * n / (n - 1)) if n > 1 else np.nan
    order = np.argsort(-W[~zero], kind="stable")
    W, a = W[~zero][order], share[~zero][order]
    P, S, T = (np.cumsum(k[::-1])[::-1] for k in (a, a * W, a * W**2))
    strong = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        turned = np.flatnonzero(W < -S / (1 - P))
        if (weight < 0).any() and len(turned):
            s = int(turned[0])
            strong = abs(beta) / np.sqrt(T[s] + S[s] ** 2 / (1 - P[s]))
    return {
        "beta": beta,
        "positive weights": float((weight > 0).sum()),
        "negative weights": float((weight < 0).sum()),
        "cells": float(n),
        "sum of positive weights": float(weight[weight > 0].sum()),
        "sum of negative weights": float(weight[weight < 0].sum()),
        _SENSIBILITY: float(abs(beta) / spread) if spread > 0 else float("inf"),
        _SENSIBILITY2: float(strong),
    }
