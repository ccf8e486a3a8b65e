"""Slopes of those who move against those who nearly stay, for any treatment.

De Chaisemartin, D'Haultfoeuille, Pasquier, Sow and Vazquez-Bare (2024,
Difference-in-Differences for Continuous Treatments and Instruments with Stayers) and,
where nobody stays, de Chaisemartin, D'Haultfoeuille and Vazquez-Bare (2024, AEA Papers
and Proceedings 114: 610-613). From one period to the next outcome and treatment change
by dY and dD, from a level D0. Quasi-stayers have abs(dD) <= h, movers more:

    m     E(dY) of who does not move: least squares among the quasi-stayers on effects
          of periods, powers of D0, changes of the controls, and dD; m is at dD = 0
    AS    mean over movers of (dY - m) / dD
    WAS   sum of sgn(dD) (dY - m) over sum of abs(dD)

Effects may differ between units, periods and levels; what is supposed is that movers
and quasi-stayers of one level would have changed alike, and that past treatments do not
matter. The standard error is the jackknife over units, t(G - 1).

The band h has the lowest squared error of predicting, without their unit, the changes
of the rows that move least (abs(dD) in the narrowest band), which are the same rows for
all bands: a narrow band has few rows to learn from, a wide one rows unlike these.
Effects of periods are pooled with one polynomial, for panels of few units; the authors'
programs fit each pair of periods.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..core import TivaxError, require_whole
from ..estimation import (
    COLLINEAR,
    column_name,
    column_names,
    of_norm_one,
    require_identified,
    t_row,
)
from .diagnosis import Diagnosis, panel_rows
from .two_way_weights import neighbours, periods

SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
MEANING = {
    "AS": "average over movers of the effect of one unit of the treatment",
    "WAS": "the same weighted by how far they move: effect of all moves per unit moved",
}


@dataclass(frozen=True, eq=False, repr=False)
class Movers(Diagnosis):
    """Average slopes of movers by band.

    Attributes
    ----------
    table
        band (in units of the treatment), share (of rows within it), estimand (AS, WAS),
        estimate, se, p_value, ci_low, ci_high, stayers and movers (rows),
        prediction_error (root mean square), chosen (1: the band of cross-validation),
        meaning.
    clusters
        Units.

    Examples
    --------
    >>> found = tx.referee.movers(panel, "growth", "trade", entity="iso3", time="year")
    >>> found.chosen["estimand"].tolist()
    ['AS', 'WAS']
    """

    table: pd.DataFrame
    outcome: str
    treatment: str
    clusters: int
    residual: float

    program = "movers"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"movers": self.table}

    @property
    def chosen(self) -> pd.DataFrame:
        """AS and WAS at the band of cross-validation."""
        rows = self.table[self.table["chosen"] == 1]
        return rows.reset_index(drop=True)

    def findings(self) -> dict[str, Any]:
        """Slopes at the chosen band, each with the ``lowest`` and ``highest`` of all
        bands."""
        spans = self.table.groupby("estimand")["estimate"].agg(["min", "max"])
        names = {"min": "lowest", "max": "highest"}
        chosen = self.chosen.join(spans.rename(columns=names), on="estimand")
        slopes = chosen.to_dict("records")
        return {k: slopes[0][k] for k in ("band", "stayers")} | {"slopes": slopes}


class _Changes(NamedTuple):
    """Rows that have a row before: dY, dD, columns of the comparison, keys."""

    y: Float[np.ndarray, " n"]
    d: Float[np.ndarray, " n"]
    X: Float[np.ndarray, "n k"]  # dD, powers of D0, changes of the controls
    unit: Int[np.ndarray, " n"]
    period: Int[np.ndarray, " n"]


def movers(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    controls: Sequence[str] = (),
    entity: str,
    time: str,
    shares: Sequence[float] = SHARES,
    order: int = 1,
) -> Movers:
    """Average slopes of movers against quasi-stayers, in first differences.

    Parameters
    ----------
    data
        A row for each entity and time; changes are between neighbouring times.
    outcome, treatment
        Columns of levels.
    controls
        Columns whose changes the comparison takes out.
    shares
        Bands, as shares of the rows that move least.
    order
        Powers of the level before the change; 0: none.

    Returns
    -------
    Movers
        ``table`` has the slopes, by band and estimand, with standard errors.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, do not change, or change as others
        do, shares that are none, and bands without enough quasi-stayers or movers.

    Examples
    --------
    >>> found = tx.referee.movers(
    ...     panel, "growth", "trade", shares=[0.2, 0.4], entity="iso3", time="year"
    ... )
    >>> found.table["estimand"].tolist()
    ['AS', 'WAS', 'AS', 'WAS']
    """
    names = [column_name("treatment", treatment), *column_names("controls", controls)]
    require_whole("order", order, 0)
    found = [*shares] if np.iterable(shares) else []
    if not found or not all(isinstance(k, int | float) and 0 < k < 1 for k in found):
        raise TivaxError("shares: give numbers between 0 and 1, such as [0.2, 0.4]")
    rows = panel_rows(data, outcome, names, entity, time)
    changes = _changes(rows, [outcome, *names], entity, time, order)
    bands = [float(np.quantile(np.abs(changes.d), k)) for k in sorted(found)]
    target = np.abs(changes.d) <= bands[0]
    fits = [_at(changes, h, target) for h in bands]
    if not any(np.isfinite(fit.slopes).all() for fit in fits):
        raise TivaxError(
            "no band has enough quasi-stayers for its comparison: give wider shares, "
            "fewer controls or a lower order"
        )
    error = [fit.error if np.isfinite(fit.slopes).all() else np.inf for fit in fits]
    best, G = int(np.argmin(error)), int(changes.unit.max()) + 1
    table = []
    for k, (h, share, fit) in enumerate(zip(bands, sorted(found), fits, strict=True)):
        for j, name in enumerate(MEANING):
            gap = fit.left[:, j] - fit.slopes[j]
            se = float(np.sqrt((G - 1) / G * (gap**2).sum()))
            row = {"band": h, "share": share, "estimand": name}
            row |= {**t_row(fit.slopes[j], se, G), "stayers": fit.stayers}
            row |= {"movers": fit.movers, "prediction_error": fit.error}
            table.append({**row, "chosen": int(k == best), "meaning": MEANING[name]})
    residual = max(fit.residual for fit in fits)
    return Movers(pd.DataFrame(table), outcome, treatment, G, residual)


def _changes(
    rows: pd.DataFrame, names: Sequence[str], entity: str, time: str, order: int
) -> _Changes:
    rows = rows.sort_values([entity, time], kind="stable")
    unit, period = pd.factorize(rows[entity])[0], periods(rows[time])
    before = neighbours(unit, period)
    there = before >= 0
    values = rows[list(names)].to_numpy(float)
    change = (values - values[before])[there]
    change[np.abs(change) <= COLLINEAR * np.abs(values).max(axis=0)] = 0  # rounding
    if not change[:, 1].any():
        raise TivaxError(f"{names[1]} does not change from one {time} to the next")
    level = values[before[there], 1]
    level = (level - level.mean()) / (level.std() or 1)
    powers = [level**k for k in range(1, order + 1)]
    spread = change[:, 2:].std(axis=0)
    others = change[:, 2:] / np.where(spread > 0, spread, 1)
    codes = pd.factorize(unit[there])[0], pd.factorize(period[there], sort=True)[0]
    moved = change[:, [*range(2, len(names)), 1, 0]]
    columns = np.hstack([np.eye(codes[1].max() + 1)[codes[1]], moved])
    named = {"controls": names[2:], "treatments": names[1:2]}
    require_identified(of_norm_one(columns), names[0], **named)
    X = np.column_stack([change[:, 1] / change[:, 1].std(), *powers, others])
    return _Changes(change[:, 0], change[:, 1], X, *codes)


class _Band(NamedTuple):
    slopes: Float[np.ndarray, "2"]
    left: Float[np.ndarray, "G 2"]
    stayers: int
    movers: int
    error: float
    residual: float


def _at(data: _Changes, band: float, target: Bool[np.ndarray, " n"]) -> _Band:
    """AS and WAS at a band, those without each unit, and the error of prediction."""
    y, d, unit, period = data.y, data.d, data.unit, data.period
    G, T = int(unit.max()) + 1, int(period.max()) + 1
    near = np.abs(d) <= band
    X = np.column_stack([np.eye(T)[period], data.X])
    p = X.shape[1]
    # Normal equations of the quasi-stayers, all and of each unit.
    A, b = np.zeros((G, p, p)), np.zeros((G, p))
    np.add.at(A, unit[near], X[near][:, :, None] * X[near][:, None, :])
    np.add.at(b, unit[near], X[near] * y[near][:, None])
    count = np.zeros((G, T))
    np.add.at(count, (unit[near], period[near]), 1)
    c = _solved(A.sum(axis=0), b.sum(axis=0))
    each = _solved(A.sum(axis=0) - A, b.sum(axis=0) - b)
    at_zero = X.copy()
    at_zero[:, T] = 0
    served = count.sum(axis=0) > 0
    moves = ~near & served[period]
    slopes = _slopes(y - at_zero @ c, d, moves)
    left = np.full((G, 2), np.nan)
    predicted = np.zeros(len(y))
    for g in range(G):
        without = (count.sum(axis=0) - count[g]) > 0
        own = unit == g
        left[g] = _slopes(y - at_zero @ each[g], d, moves & ~own & without[period])
        predicted[own] = np.where(without[period[own]], X[own] @ each[g], 0)
    enough = near.sum() > served.sum() + data.X.shape[1]
    slopes = slopes if enough and moves.any() else np.full(2, np.nan)
    error = float(np.sqrt(((y - predicted)[target] ** 2).mean()))
    u = (y - X @ c)[near]
    size = np.linalg.norm(X[near], axis=0) * max(float(np.linalg.norm(u)), 1e-300)
    score = np.abs(X[near].T @ u) / np.where(size > 0, size, 1)
    return _Band(
        slopes, left, int(near.sum()), int(moves.sum()), error, float(score.max())
    )


def _solved(
    A: Float[np.ndarray, "... p p"], b: Float[np.ndarray, "... p"]
) -> np.ndarray:
    """Least squares; columns that are nowhere, as a year without quasi-stayers, have
    the coefficient 0."""
    size = np.sqrt(np.einsum("...kk->...k", A))
    size = np.where(size > 0, size, 1)
    scaled = A / size[..., :, None] / size[..., None, :]
    inverse = np.linalg.pinv(scaled, rcond=1e-12, hermitian=True)
    return (inverse @ (b / size)[..., None])[..., 0] / size


def _slopes(
    e: Float[np.ndarray, " n"],
    d: Float[np.ndarray, " n"],
    moves: Bool[np.ndarray, " n"],
) -> Float[np.ndarray, "2"]:
    if not moves.any():
        return np.full(2, np.nan)
    e, d = e[moves], d[moves]
    return np.array([(e / d).mean(), (np.sign(d) * e).sum() / np.abs(d).sum()])
