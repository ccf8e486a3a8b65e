"""Bootstraps and placebos beside what people run today, on the same draws.

A panel of 41 clusters x 15 years, 8 persistent regressors, country and year effects,
clustered by country. Loops refit a model for each draw; they make few draws, and ratios
are for one draw. tivax's draws are made on the way, random numbers included.
"""

import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from ..engine.core import in_float64
from ..engine.estimation import Fit, Model, fit_model, lagged
from ..engine.resampling import (
    DrawSource,
    ResamplingPlan,
    Scheme,
    draws_of,
    make_plan,
    resample,
)
from .harness import Case

CLUSTERS, YEARS, REGRESSORS = 41, 15, 8
NAMES = tuple(f"x{k}" for k in range(1, REGRESSORS + 1))
_SEED = 0
# Draws of each method; the loops' are what can be waited for.
_FULL, _SMALL = (1_000, 10_000, 1_000_000), (1_000, 20_000)
_CHECKED = 9


@cache
def panel() -> pd.DataFrame:
    """AR(1) regressors and errors, effects, heteroskedastic countries."""
    rng = np.random.default_rng(_SEED)

    def ar1(persistence: float, *shape: int) -> np.ndarray:
        values = rng.normal(size=(*shape, YEARS))
        for t in range(1, YEARS):
            values[..., t] += persistence * values[..., t - 1]
        return values

    x = ar1(0.7, REGRESSORS, CLUSTERS)
    size = np.exp(0.4 * rng.normal(size=(CLUSTERS, 1)))
    y = 0.3 * x[0] - 0.2 * x[1] + size * ar1(0.5, CLUSTERS) + rng.normal(size=YEARS)
    frame = pd.DataFrame(
        {
            "iso3": np.repeat([f"C{g:02}" for g in range(CLUSTERS)], YEARS),
            "year": np.tile(np.arange(2000, 2000 + YEARS), CLUSTERS),
            "y": y.ravel(),
            **{name: values.ravel() for name, values in zip(NAMES, x, strict=True)},
        }
    )
    return frame.assign(**{"L.x1": lagged(frame, "x1")})


def _design(instruments: tuple[str, ...] = ()) -> Fit:
    return fit_model(panel(), Model("bench", "y", NAMES, instruments=instruments))


def _tivax(
    fitted: Fit, scheme: Scheme, sizes: tuple[int, ...], name: str = "tivax"
) -> tuple[dict[str, Callable[[], np.ndarray]], dict[str, int]]:
    """A method for each number of draws, and those numbers."""
    methods, repeats = {}, {}
    for n in sizes:
        plan = make_plan(fitted, scheme, n)
        label = f"{name}, {n:,} draws"
        methods[label] = lambda p=plan: draws_of(p, _SEED).values[:, 0]
        repeats[label] = n
    return methods, repeats


@in_float64
def _drawn(plan: ResamplingPlan, what: str) -> np.ndarray:
    """The first block of weights, signs or moves of a program, (draws, clusters)."""
    source = DrawSource(plan.static, _SEED, 0)
    if what == "wild":
        return np.asarray(source.wild(jnp.asarray(plan.arrays["position"]))).T
    return np.asarray(getattr(source, what)()).T


def _against(
    reference: Float[np.ndarray, " n"],
) -> Callable[[Float[np.ndarray, " n"]], float]:
    """Largest difference in the draws that both have, of the largest of them."""

    def error(answer: np.ndarray) -> float:
        n = min(len(reference), len(answer))
        gap = np.abs(answer[:n] - reference[:n]).max()
        return float(gap / np.abs(reference[:n]).max())

    return error


# ------------------------------------------------------------------ pairs of clusters


def pairs(*, full: bool) -> Case:
    """Clusters drawn with replacement, coefficients of two-way fixed effects."""
    fitted = _design()
    scheme = Scheme("pairs")
    counts = _drawn(make_plan(fitted, scheme, 1), "weights").astype(int)
    methods, repeats = _tivax(fitted, scheme, _FULL if full else _SMALL)
    whole, most = _whole_call(scheme, _FULL if full else _SMALL)
    methods[whole] = lambda: _resampled(scheme, most, "estimate")
    repeats[whole] = most
    loops = {
        f"numpy normal equations, {(k := 999 if full else 20)} draws": (
            k,
            _normal_refit,
        ),
        f"numpy lstsq loop, {(n := 999 if full else 20)} draws": (n, _numpy_refit),
        f"pyfixest loop, {(m := 99 if full else _CHECKED)} draws": (m, _pyfixest_refit),
    }
    for name, (draws, refit) in loops.items():
        prepared = refit(fitted)
        methods[name] = lambda d=draws, r=prepared: np.array([r(w) for w in counts[:d]])
        repeats[name] = draws
    literal = _numpy_refit(fitted)
    gap = _against(np.array([literal(w) for w in counts[:_CHECKED]]))
    own = _against(fitted.coef[:1])
    return Case(
        "pairs",
        methods,
        baseline=list(loops)[2],
        error=lambda answer: own(answer) if answer.size == 1 else gap(answer),
        rounds=3,
        repeats=repeats,
    )


def _whole_call(scheme: Scheme, sizes: tuple[int, ...]) -> tuple[str, int]:
    """``tx.resample`` from the frame to p and intervals, of the most draws."""
    most = max(sizes)
    return f"tivax {scheme.kind}, whole call, {most:,} draws", most


def _resampled(scheme: Scheme, draws: int, column: str) -> np.ndarray:
    model = Model("bench", "y", NAMES)
    found = resample(panel(), model, scheme, draws=draws, seed=_SEED)
    return found.summary[column].to_numpy(float)[:1]


def _normal_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    """The fastest plain loop: rows net of country effects, weighted by the counts."""
    X, y = fitted.rows[:, :-1], fitted.rows[:, -1]

    def refit(counts: np.ndarray) -> float:
        weighted = X * counts[fitted.cluster, None]
        beta = np.linalg.solve(weighted.T @ X, weighted.T @ y)
        return float(beta[-1] * fitted.unit[0])

    return refit


def _numpy_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    """The cheapest loop that is right: rows net of country effects, stacked again."""
    rows = [np.flatnonzero(fitted.cluster == g) for g in range(CLUSTERS)]
    X, y = fitted.rows[:, :-1], fitted.rows[:, -1]

    def refit(counts: np.ndarray) -> float:
        taken = np.concatenate([np.tile(rows[g], counts[g]) for g in range(CLUSTERS)])
        beta = np.linalg.lstsq(X[taken], y[taken], rcond=None)[0]
        return float(beta[-1] * fitted.unit[0])

    return refit


def _feols() -> Callable[..., Any]:
    import pyfixest

    # The package has a module of the same name, which type checkers see instead.
    feols: Any = pyfixest.feols
    return feols


def _pyfixest_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    """feols on copies of the countries' rows, each copy a country of its own."""
    feols = _feols()
    groups = [frame for _, frame in panel().groupby("iso3", sort=True)]
    formula = f"y ~ {' + '.join(NAMES)} | copy + year"

    def refit(counts: np.ndarray) -> float:
        taken = [groups[g] for g in range(CLUSTERS) for _ in range(counts[g])]
        data = pd.concat([frame.assign(copy=k) for k, frame in enumerate(taken)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = feols(
                formula, data, vcov="iid", lean=True, copy_data=False, store_data=False
            )
        return float(fit.coef()["x1"])

    return refit


def pairs_2sls(*, full: bool) -> Case:
    """The same for two-stage least squares, the treatment's lag as instrument."""
    fitted = _design(("L.x1",))
    scheme = Scheme("pairs")
    counts = _drawn(make_plan(fitted, scheme, 1), "weights").astype(int)
    methods, repeats = _tivax(fitted, scheme, (_FULL if full else _SMALL)[-1:])
    draws = 999 if full else 20
    loop = f"numpy loop, {draws} draws"
    refit = _two_stage_refit(fitted)
    methods[loop] = lambda: np.array([refit(w) for w in counts[:draws]])
    repeats[loop] = draws
    return Case(
        "pairs_2sls",
        methods,
        baseline=loop,
        error=_against(np.array([refit(w) for w in counts[:_CHECKED]])),
        rounds=3,
        repeats=repeats,
    )


def _two_stage_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    rows = [np.flatnonzero(fitted.cluster == g) for g in range(CLUSTERS)]
    w = fitted.layout.exogenous
    X, y = fitted.rows[:, : w + 1], fitted.rows[:, -1]
    Z = np.delete(fitted.rows[:, :-1], w, axis=1)

    def refit(counts: np.ndarray) -> float:
        taken = np.concatenate([np.tile(rows[g], counts[g]) for g in range(CLUSTERS)])
        fitted_values = Z[taken] @ np.linalg.lstsq(Z[taken], X[taken], rcond=None)[0]
        beta = np.linalg.lstsq(fitted_values, y[taken], rcond=None)[0]
        return float(beta[-1] * fitted.unit[0])

    return refit


# ------------------------------------------------------------------------------ wild


def wild(*, full: bool) -> Case:
    """t* of the restricted wild cluster bootstrap."""
    fitted = _design()
    sizes = _FULL if full else _SMALL
    scheme = Scheme("wild")
    methods, repeats = _tivax(fitted, scheme, sizes, "tivax Rademacher")
    p = _p(methods[list(methods)[-1]](), fitted)
    webb, of_webb = _tivax(fitted, Scheme("wild", weights="webb"), sizes, "tivax Webb")
    signs = _drawn(make_plan(fitted, scheme, 1), "wild")
    draws = 999 if full else 20
    loop = f"numpy lstsq loop, {draws} draws"
    refit = _wild_refit(fitted)
    literal = np.array([refit(v) for v in signs[:_CHECKED]])
    methods |= webb
    repeats |= of_webb
    methods[loop] = lambda: np.array([refit(v) for v in signs[:draws]])
    repeats[loop] = draws
    plain, normal = f"numpy normal equations, {draws} draws", _wild_normal_refit(fitted)
    methods[plain] = lambda: np.array([normal(v) for v in signs[:draws]])
    repeats[plain] = draws
    whole, most = _whole_call(scheme, sizes)
    methods[whole] = lambda: _resampled(scheme, most, "p_value")
    repeats[whole] = most
    own = _drawn(make_plan(fitted, Scheme("wild", weights="webb"), 1), "wild")
    literal_webb = np.array([refit(v) for v in own[:_CHECKED]])
    if find_spec("wildboottest"):
        reps = 9_999 if full else 999
        name = f"wildboottest, {reps:,} draws"
        methods[name] = lambda: _wildboottest(reps)
        repeats[name] = reps

    def error(answer: np.ndarray) -> float:
        if answer.size == 1:  # a p-value: 0 within five of its Monte-Carlo errors
            allowed = 5 * np.sqrt(p * (1 - p) / (9_999 if full else 999)) + 1e-3
            return max(0.0, abs(answer.item() - p) - allowed)
        return min(_against(k)(answer) for k in (literal, literal_webb))

    return Case("wild", methods, baseline=loop, error=error, rounds=3, repeats=repeats)


def _p(drawn: Float[np.ndarray, " n"], fitted: Fit) -> float:
    """Share of |t*| above |t|."""
    t = float(fitted.coef[0] / np.sqrt(fitted.covariance()[0, 0]))
    return float((np.abs(drawn) > abs(t)).mean())


def _wild_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    """Flip restricted residuals, refit, CV1 t: rows net of country effects."""
    X, y, cluster = fitted.rows[:, :-1], fitted.rows[:, -1], fitted.cluster
    rest = X[:, :-1]
    fitted_values = rest @ np.linalg.lstsq(rest, y, rcond=None)[0]
    residuals = y - fitted_values
    inverse = np.linalg.inv(X.T @ X)
    N, G, k = len(y), CLUSTERS, X.shape[1] + 1
    small = G / (G - 1) * (N - 1) / (N - k)

    def refit(v: np.ndarray) -> float:
        own = fitted_values + residuals * v[cluster]
        beta = np.linalg.lstsq(X, own, rcond=None)[0]
        left = own - X @ beta
        scores = np.zeros((G, X.shape[1]))
        np.add.at(scores, cluster, X * left[:, None])
        half = scores @ inverse[:, -1]
        return float(beta[-1] / np.sqrt(small * (half @ half)))

    return refit


def _wild_normal_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    """The same with everything that a draw does not change made once."""
    X, y, cluster = fitted.rows[:, :-1], fitted.rows[:, -1], fitted.cluster
    rest = X[:, :-1]
    fitted_values = rest @ np.linalg.lstsq(rest, y, rcond=None)[0]
    residuals = y - fitted_values
    bread = np.linalg.inv(X.T @ X) @ X.T
    N, G, k = len(y), CLUSTERS, X.shape[1] + 1
    small = G / (G - 1) * (N - 1) / (N - k)

    def refit(v: np.ndarray) -> float:
        own = fitted_values + residuals * v[cluster]
        beta = bread @ own
        scores = np.bincount(cluster, bread[-1] * (own - X @ beta))
        return float(beta[-1] / np.sqrt(small * (scores @ scores)))

    return refit


def _wildboottest(reps: int) -> np.ndarray:
    """p of pyfixest's wildboottest, Rademacher, from formula to p."""
    feols = _feols()
    # Clusters as numbers: it cannot take words.
    data = panel().assign(country=pd.factorize(panel()["iso3"])[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = feols(
            f"y ~ {' + '.join(NAMES)} | country + year", data, vcov={"CRV1": "country"}
        )
        found = fit.wildboottest(reps=reps, param="x1", seed=1)
    return np.array(float(found["Pr(>|t|)"]))


# --------------------------------------------------------------------------- placebo


def placebo(*, full: bool) -> Case:
    """Whole treatment paths moved among countries."""
    fitted = _design()
    scheme = Scheme("placebo", studentised=False)
    moves = _drawn(make_plan(fitted, scheme, 1), "options")
    methods, repeats = _tivax(fitted, scheme, _FULL if full else _SMALL)
    draws = 999 if full else 20
    loop = f"numpy lstsq loop, {draws} draws"
    refit = _placebo_refit(fitted)
    methods[loop] = lambda: np.array([refit(o) for o in moves[:draws]])
    repeats[loop] = draws
    return Case(
        "placebo",
        methods,
        baseline=loop,
        error=_against(np.array([refit(o) for o in moves[:_CHECKED]])),
        rounds=3,
        repeats=repeats,
    )


def _placebo_refit(fitted: Fit) -> Callable[[np.ndarray], float]:
    rest, x, y = fitted.rows[:, :-2], fitted.rows[:, -2], fitted.rows[:, -1]
    paths = x.reshape(CLUSTERS, YEARS)

    def refit(options: np.ndarray) -> float:
        X = np.column_stack([rest, paths[options].ravel()])
        beta = np.linalg.lstsq(X, y, rcond=None)[0]
        return float(beta[-1] * fitted.unit[0])

    return refit
