"""Do outcome and treatment wander, and do they wander together?

    D   first differences; ~ means of a year over the units
    CADF of a unit: t of y_(t-1) in D y_t on 1, y_(t-1), ~y_(t-1), D ~y_t
    CIPS  the mean of the units' CADF                        (Pesaran 2007, no lags)

Published critical values begin at other sizes than most panels have. So p is simulated:
the share of panels of independent random walks, of the same units and years, whose
statistic is at most as large. For cointegration CIPS is of the residuals of the model,
and the random walks are an outcome and as many regressors, fitted in the same way.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from ..core import Phrase, TivaxError
from .setting import Setting
from .variants import Made, Row

_PANELS, _AT_ONCE, _SEED = 999, 111, 1
_FEWEST_YEARS = 8


def unit_roots(setting: Setting) -> Made:
    """CIPS of outcome and treatment: the null is that every unit has a unit root."""
    setting.require_least_squares()
    G, T = _size(setting)
    null = _null(G, T)
    for name in (setting.model.outcome, setting.treatment):
        made = setting.row(
            "unit root",
            Phrase("CIPS, null: unit roots in {variable}", variable=name),
            term=name,
            clusters=G,
        )
        yield _tested(
            made,
            _paths(setting, [name])[..., 0],
            null,
            "p simulated; rejected: some units have none",
            "p simulated; a unit root is not rejected: wandering may pass for an "
            "effect; see differences",
        )


def cointegration(setting: Setting) -> Made:
    """CIPS of the model's residuals: the null is that nothing ties the outcome to the
    regressors in the long run."""
    setting.require_least_squares()
    G, T = _size(setting)
    names = [setting.model.outcome, *setting.model.treatments, *setting.model.controls]
    variant = "CIPS of the residuals, null: none"
    yield _tested(
        setting.row("cointegration", variant, clusters=G),
        _residuals(_paths(setting, names)),
        _null(G, T, len(names)),
        "p simulated; rejected: residuals of some units do not wander",
        "p simulated; residuals may wander: levels may be related by chance; see "
        "differences",
    )


def _tested(
    row: Row,
    paths: Float[np.ndarray, "G T"],
    null: Float[np.ndarray, " B"],
    rejected: str,
    not_rejected: str,
) -> Row:
    """CIPS of these paths, and (1 + draws at most as large) / (1 + draws)."""
    if (np.ptp(paths, axis=1) == 0).any():
        raise TivaxError("takes units that all move")
    statistic = float(cips(paths))
    p = float((1 + (null <= statistic).sum()) / (1 + len(null)))
    note = rejected if p <= 0.05 else not_rejected
    return replace(row, estimate=statistic, p_value=p, note=note)


def cips(paths: Float[np.ndarray, "*batch G T"]) -> Float[np.ndarray, "*batch"]:
    """CIPS without lags, with an intercept, of each panel."""
    change, before = np.diff(paths), paths[..., :-1]
    mean_before, mean_change = (
        k.mean(axis=-2, keepdims=True) for k in (before, change)
    )
    one = np.ones_like(mean_before)
    # By Frisch and Waugh: net of what is common to all units, in one projection.
    common = np.concatenate([one, mean_before, mean_change], axis=-2)
    gram = common @ np.swapaxes(common, -1, -2)

    def net(series: np.ndarray) -> np.ndarray:
        slopes = np.linalg.solve(gram, common @ np.swapaxes(series, -1, -2))
        return series - np.swapaxes(slopes, -1, -2) @ common

    y, x = net(change), net(before)
    xx = (x * x).sum(axis=-1)
    b = (x * y).sum(axis=-1) / xx
    residual = y - b[..., None] * x
    df = change.shape[-1] - 4
    variance = (residual**2).sum(axis=-1) / df / xx
    return np.asarray((b / np.sqrt(variance)).mean(axis=-1))


def _size(setting: Setting) -> tuple[int, int]:
    G, T = setting.require_balanced()
    if setting.years[-1] - setting.years[0] + 1 != T:
        raise TivaxError("takes years without a gap")
    if T < _FEWEST_YEARS:
        few = "takes {fewest} years at least; there are {years}"
        raise TivaxError(Phrase(few, fewest=_FEWEST_YEARS, years=T))
    return G, T


def _paths(setting: Setting, names: list[str]) -> Float[np.ndarray, "G T m"]:
    rows = setting.used.sort_values([setting.unit, setting.time])
    shape = (-1, len(setting.years), len(names))
    values = rows[names].to_numpy(float).reshape(shape)
    scale = np.abs(values).max(axis=(0, 1))
    return values / np.where(scale > 0, scale, 1)


@lru_cache(maxsize=32)
def _null(G: int, T: int, columns: int = 1) -> Float[np.ndarray, " B"]:
    """CIPS of random walks; of several columns, of the residuals of the first."""
    rng = np.random.default_rng(_SEED)
    found = []
    # A hundred panels at a time stay in the cache, and little memory is used.
    for start in range(0, _PANELS, _AT_ONCE):
        panels = min(_AT_ONCE, _PANELS - start)
        walks = rng.standard_normal((panels, G, T, columns)).cumsum(axis=2)
        found.append(cips(walks[..., 0] if columns == 1 else _residuals(walks)))
    return np.concatenate(found)


def _residuals(
    cells: Float[np.ndarray, "*batch G T m"],
) -> Float[np.ndarray, "*batch G T"]:
    """Residuals of the first column on the others, with effects of units and years."""
    cells = cells - cells.mean(axis=-2, keepdims=True)
    cells = cells - cells.mean(axis=-3, keepdims=True)
    y, X = cells[..., 0], cells[..., 1:]
    flat = X.reshape(*X.shape[:-3], -1, X.shape[-1])
    along = y.reshape(*y.shape[:-2], -1, 1)
    across = np.swapaxes(flat, -1, -2)
    beta = np.linalg.solve(across @ flat, across @ along)
    return (along - flat @ beta).reshape(y.shape)
