"""Panels of many units, from a frame to what is reported, beside pyfixest.

Units x 10 years, 8 regressors, effects of units and years, clustered by unit. Both
estimate; both make a wild cluster bootstrap of the first regressor, tivax with the
interval. wildboottest takes matrices of clusters by clusters: it is left out of more
than 2,000 units, where a loop of numpy makes some draws.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..engine.estimation import Estimate, Model
from ..engine.resampling import Inference, Wild, resample
from .harness import Case
from .resampling import NAMES, REGRESSORS, feols, wildboottest

YEARS, DRAWS = 10, 9_999
UNITS = (2_000, 20_000, 100_000)
# Of the small runs, which show that the answers agree.
_SMALL = {2_000: 150, 20_000: 300, 100_000: 400}
_MOST_OF_WILDBOOTTEST = 2_000
_MODEL = Model("", "y", list(NAMES), entity="unit", time="year")


@cache
def panel(units: int) -> pd.DataFrame:
    """Effects in the regressors and in y, errors that last."""
    rng = np.random.default_rng(0)
    unit, year = np.divmod(np.arange(units * YEARS), YEARS)
    of_unit, of_year = rng.normal(size=units)[unit], rng.normal(size=YEARS)[year]
    X = rng.normal(size=(len(unit), REGRESSORS))
    X += 0.5 * of_unit[:, None] + 0.3 * of_year[:, None]
    error = rng.normal(size=(units, YEARS))
    for t in range(1, YEARS):
        error[:, t] += 0.5 * error[:, t - 1]
    y = X @ np.linspace(0.0, 0.08, REGRESSORS) + of_unit + of_year + error.ravel()
    frame = pd.DataFrame(X, columns=list(NAMES))
    return frame.assign(unit=unit, year=2000 + year, y=y)


def fixed_effect_panels(units: int, *, full: bool) -> Case:
    """Coefficients and CV1."""
    frame = panel(units if full else _SMALL[units])

    def tivax() -> Float[np.ndarray, "2 k"]:
        table = Estimate.fitted(_MODEL, frame).tidy().set_index("term").loc[list(NAMES)]
        return table[["estimate", "se"]].to_numpy().T

    def pyfixest() -> Float[np.ndarray, "2 k"]:
        fit = feols("unit + year", frame, vcov={"CRV1": "unit"})
        return np.array([fit.coef()[list(NAMES)], fit.se()[list(NAMES)]])

    expected = pyfixest()

    def error(found: np.ndarray) -> float:
        return float(np.abs(found / expected - 1).max())

    methods: dict[str, Callable[[], Any]] = {
        "tivax fit": tivax,
        "pyfixest feols": pyfixest,
    }
    # feols iterates to 1e-8 of its columns.
    name = f"panel_fe_{units}"
    return Case(name, methods, "pyfixest feols", error, rounds=3, tolerance=1e-6)


def wild_panels(units: int, *, full: bool) -> Case:
    """t and p of a wild cluster bootstrap, Rademacher; tivax's with its interval."""
    frame = panel(units if full else _SMALL[units])
    draws = DRAWS if full else 999

    def tivax() -> Float[np.ndarray, "2"]:
        model = Model("m", "y", NAMES, entity="unit", time="year")
        found = resample(frame, model, Wild(), draws=draws)
        row = found.summary.loc[0]
        return np.array([row["estimate"] / _se(found), row["p_value"]])

    loop = 99 if full else 20
    label = f"numpy loop, {loop} draws"
    methods: dict[str, Callable[[], Any]] = {
        f"tivax, {draws:,} draws and the interval": tivax,
        label: lambda: _loop(frame, loop),
    }
    repeats = {f"tivax, {draws:,} draws and the interval": draws, label: loop}
    if find_spec("wildboottest") and units <= _MOST_OF_WILDBOOTTEST:
        name = f"wildboottest, {draws:,} draws"
        methods[name], repeats[name] = lambda: wildboottest(frame, "unit", draws), draws
    t, p = _loop(frame, 0)[0], tivax()[1]

    def error(found: np.ndarray) -> float:
        """The larger gap: of t, where it is reported, or of p beyond three Monte-Carlo
        errors."""
        its = loop if found.size == 3 else draws
        allowed = 3 * np.sqrt(max(p * (1 - p), 0.01) * (1 / its + 1 / draws))
        gap = max(0.0, abs(float(found.flat[int(found.size > 1)]) - p) - float(allowed))
        return (
            gap if found.size == 1 else max(gap, abs(found[0] - t) / max(1.0, abs(t)))
        )

    name = f"panel_wild_{units}"
    return Case(name, methods, label, error, rounds=3, repeats=repeats)


def _se(found: Inference) -> float:
    """In units of the panel."""
    return float(np.sqrt(found.plan.fitted.covariance()[0, 0]))


def _loop(frame: pd.DataFrame, draws: int) -> Float[np.ndarray, "3"]:
    """Restricted residuals flipped by unit, refitted by normal equations: t, p and the
    number of draws."""
    G, k = len(frame) // YEARS, REGRESSORS + YEARS
    small = G / (G - 1) * (len(frame) - 1) / (len(frame) - k)
    values = frame[[*NAMES[1:], NAMES[0], "y"]].to_numpy()
    values = values.reshape(-1, YEARS, REGRESSORS + 1)
    values = values - values.mean(axis=1, keepdims=True)
    values = values - values.mean(axis=0, keepdims=True)
    X, y = values[..., :-1], values[..., -1]
    flat = X.reshape(-1, REGRESSORS)
    inverse = np.linalg.inv(flat.T @ flat)
    rest = flat[:, :-1]
    fitted = (rest @ np.linalg.lstsq(rest, y.ravel(), rcond=None)[0]).reshape(y.shape)
    residuals = y - fitted

    def t(outcome: np.ndarray) -> float:
        outcome = outcome - outcome.mean(axis=0)
        beta = inverse @ (flat.T @ outcome.ravel())
        scores = np.einsum("gtk,gt->gk", X, outcome - X @ beta) @ inverse[:, -1]
        return float(beta[-1] / np.sqrt(small * (scores @ scores)))

    rng = np.random.default_rng(1)
    signs = rng.choice([-1.0, 1.0], size=(draws, len(y), 1))
    drawn = np.array([t(fitted + residuals * v) for v in signs])
    own = t(y)
    share = (np.abs(drawn) > abs(own)).mean() if draws else np.nan
    return np.array([own, share, draws])
