"""Responses of the outcome to changes of the treatment, by horizon.

Local projections (Jorda 2005, American Economic Review 95: 161-182) of panels: for each
h, y_i,t+h - y_i,t-1 on the change D_it - D_i,t-1, effects of years, lags of both
changes and changes of the controls; long differences leave no effects of units, and no
bias of short panels from them. The cumulative response up to h is the sum of those from
0 on. Errors are clustered by unit, influences of all horizons stacked.

With ``events`` the treatment is the sign of a large change, and rows of other large
changes from ``lags`` before to h after are left out, so that who is moved is compared
with who is not (local-projections difference-in-differences: Dube, Girardi, Jorda and
Taylor 2025, Journal of Applied Econometrics 40).

The simultaneous band is b +- c se, c the 95 % quantile of the largest abs(t) over the
horizons of drawn estimates with the same covariance (Montiel Olea and
Plagborg-Moller 2019, Journal of Applied Econometrics 34: 1-17); they are drawn from t
with G - 1 degrees of freedom in place of the normal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, naming, require_whole, show
from ..estimation import (
    COLLINEAR,
    LinearFit,
    Model,
    column_name,
    column_names,
    lagged,
    t_ppf,
    t_row,
)
from .diagnosis import Diagnosis, panel_rows

_DRAWS = 50_000


@dataclass(frozen=True, eq=False, repr=False)
class LocalProjections(Diagnosis):
    """Responses by horizon.

    Attributes
    ----------
    table
        measure (``response``; ``cumulative``), horizon (years after the change, before
        it where negative: what should be zero), estimate, se, p_value, ci_low, ci_high
        (95 %, each alone), band_low, band_high (95 %, all horizons of a measure at
        once), n.
    clusters
        Units.

    Examples
    --------
    >>> found = tx.referee.local_projections(
    ...     panel, "growth", "trade", horizons=2, lags=0, entity="iso3", time="year"
    ... )
    >>> found.table["horizon"].tolist()
    [-2, 0, 1, 2, 0, 1, 2]
    """

    table: pd.DataFrame
    outcome: str
    treatment: str
    events: float | None
    clusters: int
    residual: float

    program = "local-projections"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"local_projections": self.table}

    def findings(self) -> dict[str, Any]:
        """The response ``at_once`` and at the last ``horizon``, horizons whose band
        leaves out zero (``outside``), and the least p before the change (``early``)."""
        rows = self.table[self.table["measure"] == "response"]
        after, before = rows[rows["horizon"] >= 0], rows[rows["horizon"] < 0]
        outside = (after["band_low"] > 0) | (after["band_high"] < 0)
        return {
            "at_once": after["estimate"].iloc[0],
            "horizon": int(after["horizon"].iloc[-1]),
            "last": after["estimate"].iloc[-1],
            "outside": after.loc[outside, "horizon"].tolist(),
            "early": before["p_value"].min(),
        }


def local_projections(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    controls: Sequence[str] = (),
    entity: str,
    time: str,
    horizons: int = 4,
    leads: int = 1,
    lags: int = 1,
    events: float | None = None,
    seed: int = 0,
) -> LocalProjections:
    """Responses of an outcome to changes of a treatment, with simultaneous bands.

    Parameters
    ----------
    data
        A row for each entity and year.
    outcome, treatment
        Columns of levels.
    controls
        Columns whose changes are taken out.
    horizons
        Years after the change.
    leads
        Horizons before it, from the last that ``lags`` leave free: with lags of the
        outcome's change in the regression, the years just before are explained.
    lags
        Lags of both changes.
    events
        A share, such as 0.1: the largest changes of the treatment, by their sign, in
        place of all changes by their size.
    seed
        Of the draws of the band.

    Returns
    -------
    LocalProjections
        ``table`` has the response at each horizon, with its bands.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, years that are no numbers, a share
        that is none, two rows of a unit in a year, and horizons for which the years
        are too few.

    Examples
    --------
    >>> found = tx.referee.local_projections(
    ...     panel, "growth", "trade", events=0.2, horizons=2, entity="iso3", time="year"
    ... )
    >>> bool((found.table["band_low"] <= found.table["ci_low"]).all())
    True
    """
    column_name("treatment", treatment)
    controls = column_names("controls", controls)
    for name, count in (("horizons", horizons), ("leads", leads), ("lags", lags)):
        require_whole(name, count, 0)
    require_whole("seed", seed, 0)
    if events is not None and not (isinstance(events, float) and 0 < events < 1):
        raise TivaxError(f"events {show(events)}: give a share such as 0.1, or None")
    rows = panel_rows(data, outcome, [treatment, *controls], entity, time)
    keys = {"entity": entity, "time": time}
    frame, terms, event = _regressors(
        rows, outcome, treatment, controls, keys, lags, events
    )
    steps = [*(-lags - 2 - k for k in reversed(range(leads))), *range(horizons + 1)]
    fits: list[LinearFit] = []
    for h in steps:
        ahead = lagged(rows, outcome, **keys, years=-h) - frame["before"]
        clean = _clean(rows, event, keys, lags, h)
        model = Model(
            f"horizon {h}", "ahead", terms, entity="", time=time, clusters=entity
        )
        with naming(f"horizon {h}"):
            fits.append(LinearFit.of(frame.assign(ahead=ahead)[clean], model))
    units = sorted({label for fit in fits for label in fit.labels})
    influence = np.column_stack(
        [
            np.sqrt(fit.correction)
            * fit.by_label[0].reindex(units, fill_value=0.0).to_numpy()
            for fit in fits
        ]
    )
    b = np.array([float(fit.coef[0]) for fit in fits])
    n = np.array([fit.n for fit in fits])
    after = np.array([h >= 0 for h in steps])
    until = np.tril(np.ones((horizons + 1, horizons + 1)))
    sums = influence[:, after] @ until.T
    G = len(units)
    rows_of = partial(_rows_of, G=G, seed=seed)
    made = rows_of("response", steps, b, influence, n)
    steps = steps[leads:]
    made += rows_of("cumulative", steps, until @ b[after], sums, n[after])
    table = pd.DataFrame(made)
    residual = max(fit.residual for fit in fits)
    return LocalProjections(table, outcome, treatment, events, G, residual)


def _regressors(
    rows: pd.DataFrame,
    outcome: str,
    treatment: str,
    controls: Sequence[str],
    keys: Mapping[str, Any],
    lags: int,
    events: float | None,
) -> tuple[pd.DataFrame, list[str], pd.Series]:
    """The change (or event), its lags and those of the outcome, changes of controls."""

    def change(column: str) -> pd.Series:
        by = rows[column].astype(float) - lagged(rows, column, **keys)
        noise = by.abs() <= COLLINEAR * rows[column].abs().max()
        return by.mask(noise, 0.0)

    moved = change(treatment)
    event = pd.Series(0.0, rows.index)
    if events is not None:
        large = moved.abs() >= moved.abs().quantile(1 - events)
        event = pd.Series(np.sign(moved), moved.index).where(large, 0.0)
        event = event.where(moved.notna())
    made = rows[[*dict.fromkeys(keys.values())]].assign(
        before=lagged(rows, outcome, **keys), change=moved if events is None else event
    )
    terms = ["change"]
    past = rows.assign(moved=made["change"], grown=change(outcome))
    for k in range(1, lags + 1):
        for name in ("moved", "grown") if events is None else ("grown",):
            made[f"{name} {k}"] = lagged(past, name, **keys, years=k)
            terms.append(f"{name} {k}")
    for name in controls:
        made[f"change of {name}"] = change(name)
        terms.append(f"change of {name}")
    return made, terms, event


def _clean(
    rows: pd.DataFrame,
    event: pd.Series,
    keys: Mapping[str, Any],
    lags: int,
    horizon: int,
) -> pd.Series:
    """Rows without another event from ``lags`` before to the horizon after."""
    if not (event.fillna(0) != 0).any():
        return pd.Series(True, rows.index)
    clean = pd.Series(True, rows.index)
    marked = rows.assign(event=event)
    for k in range(min(-lags, horizon), max(horizon, 0) + 1):
        if k != 0:
            other = lagged(marked, "event", **keys, years=-k)
            clean &= ~(other.fillna(0) != 0)
    return clean


def _rows_of(
    measure: str,
    steps: Sequence[int],
    b: Float[np.ndarray, " h"],
    influence: Float[np.ndarray, "G h"],
    n: np.ndarray,
    *,
    G: int,
    seed: int,
) -> list[dict[str, Any]]:
    se = np.sqrt((influence**2).sum(axis=0))
    correlation = influence.T @ influence / se[:, None] / se[None, :]
    band = sup_t(correlation, G - 1, seed) * se
    return [
        {"measure": measure, "horizon": h, **t_row(b[k], se[k], G)}
        | {"band_low": b[k] - band[k], "band_high": b[k] + band[k], "n": int(n[k])}
        for k, h in enumerate(steps)
    ]


def sup_t(correlation: Float[np.ndarray, "h h"], degrees: int, seed: int = 0) -> float:
    """The 95 % quantile of the largest abs of a multivariate t."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    rng = np.random.default_rng(seed)
    z = np.abs(rng.normal(size=(_DRAWS, len(root))) @ root.T).max(axis=1)
    scale = np.sqrt(rng.chisquare(degrees, _DRAWS) / degrees)
    return max(float(np.quantile(z / scale, 0.95)), float(t_ppf(0.975, degrees)))
