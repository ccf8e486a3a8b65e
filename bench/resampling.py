"""Bootstraps and placebos beside what people run today, on the same draws.

A panel of 41 clusters x 15 years, 8 persistent regressors, country and year effects,
clustered by country. Loops refit a model for each draw; they make few draws, and ratios
are for one draw. tivax's draws are made on the way, random numbers included.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from ..engine.core import in_float64
from ..engine.estimation import LinearFit, Model, lagged
from ..engine.resampling import (
    DrawSource,
    Pairs,
    Placebo,
    Scheme,
    Wild,
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
    return frame.assign(**{"L.x1": lagged(frame, "x1", entity="iso3", time="year")})


def _design(instruments: tuple[str, ...] = ()) -> LinearFit:
    return LinearFit.to_draw(
        panel(),
        Model("bench", "y", NAMES, instruments=instruments, entity="iso3", time="year"),
    )


Refit = Callable[[np.ndarray], float]
"""An estimate or t, from the weights, signs or moves of a draw."""


@dataclass
class _Methods:
    """Methods, and the draws of each, of a panel on which ``scheme`` draws."""

    fitted: LinearFit
    scheme: Scheme
    runs: dict[str, Callable[[], np.ndarray]] = field(default_factory=dict)
    draws: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, draws: int, run: Callable[[], np.ndarray]) -> str:
        """A method, named with its draws."""
        label = f"{name}, {draws:,} draws"
        self.runs[label], self.draws[label] = run, draws
        return label

    def tivax(self, sizes: tuple[int, ...], name: str = "tivax", **about: Any) -> None:
        """A method for each number of draws."""
        for n in sizes:
            plan = make_plan(self.fitted, replace(self.scheme, **about), n)
            self.add(name, n, lambda p=plan: draws_of(p, _SEED).values[:, 0])

    def whole_call(self, sizes: tuple[int, ...], column: str) -> None:
        """``tx.resample`` from the frame to p and intervals, of the most draws."""
        model, most = Model("bench", "y", NAMES, entity="iso3", time="year"), max(sizes)

        def run() -> np.ndarray:
            found = resample(panel(), model, self.scheme, draws=most, seed=_SEED)
            return found.summary[column].to_numpy(float)[:1]

        self.add(f"tivax {self.scheme.kind}, whole call", most, run)

    def loop(self, name: str, draws: int, refit: Refit, drawn: np.ndarray) -> str:
        """A loop over the first draws."""
        return self.add(name, draws, lambda: _looped(refit, drawn[:draws]))

    def case(self, name: str, baseline: str, error: Callable[[Any], float]) -> Case:
        return Case(name, self.runs, baseline, error, rounds=3, repeats=self.draws)


def _looped(refit: Refit, drawn: np.ndarray) -> Float[np.ndarray, " n"]:
    return np.array([refit(one) for one in drawn])


@in_float64
def _drawn(fitted: LinearFit, scheme: Scheme, what: str) -> np.ndarray:
    """The first block of weights, signs or moves of a program, (draws, clusters)."""
    plan = make_plan(fitted, scheme, 1)
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
    fitted, scheme = _design(), Pairs()
    counts = _drawn(fitted, scheme, "weights").astype(int)
    sizes, loops = (_FULL, 999) if full else (_SMALL, 20)
    methods = _Methods(fitted, scheme)
    methods.tivax(sizes)
    methods.whole_call(sizes, "estimate")
    methods.loop("numpy normal equations", loops, _normal_refit(fitted), counts)
    literal = _numpy_refit(fitted)
    methods.loop("numpy lstsq loop", loops, literal, counts)
    few = 99 if full else _CHECKED
    theirs = methods.loop("pyfixest loop", few, _pyfixest_refit(), counts)
    gap, own = _against(_looped(literal, counts[:_CHECKED])), _against(fitted.coef[:1])
    return methods.case(
        "pairs", theirs, lambda answer: (own if answer.size == 1 else gap)(answer)
    )


def _normal_refit(fitted: LinearFit) -> Refit:
    """The fastest plain loop: rows net of country effects, weighted by the counts."""
    X, y = fitted.rows[:, :-1], fitted.rows[:, -1]

    def refit(counts: np.ndarray) -> float:
        weighted = X * counts[fitted.cluster, None]
        beta = np.linalg.solve(weighted.T @ X, weighted.T @ y)
        return float(beta[-1] * fitted.unit[0])

    return refit


def _numpy_refit(fitted: LinearFit) -> Refit:
    """The cheapest loop that is right: rows net of country effects, stacked again."""
    rows = [np.flatnonzero(fitted.cluster == g) for g in range(CLUSTERS)]
    X, y = fitted.rows[:, :-1], fitted.rows[:, -1]

    def refit(counts: np.ndarray) -> float:
        taken = np.concatenate([np.tile(rows[g], counts[g]) for g in range(CLUSTERS)])
        beta = np.linalg.lstsq(X[taken], y[taken], rcond=None)[0]
        return float(beta[-1] * fitted.unit[0])

    return refit


def feols(effects: str, data: pd.DataFrame, **options: Any) -> Any:
    """pyfixest's fit of y on the regressors, with these fixed effects."""
    import pyfixest

    # The package has a module of the same name, which type checkers see instead.
    fit: Any = pyfixest.feols
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(f"y ~ {' + '.join(NAMES)} | {effects}", data, **options)


def wildboottest(data: pd.DataFrame, unit: str, draws: int) -> np.ndarray:
    """p of pyfixest's wildboottest, Rademacher, from formula to p."""
    fit = feols(f"{unit} + year", data, vcov={"CRV1": unit})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fit.wildboottest(reps=draws, param="x1", seed=1)
    return np.array(float(found["Pr(>|t|)"]))


def _pyfixest_refit() -> Refit:
    """feols on copies of the countries' rows, each copy a country of its own."""
    groups = [frame for _, frame in panel().groupby("iso3", sort=True)]
    lean = {"lean": True, "copy_data": False, "store_data": False}

    def refit(counts: np.ndarray) -> float:
        taken = [groups[g] for g in range(CLUSTERS) for _ in range(counts[g])]
        data = pd.concat([frame.assign(copy=k) for k, frame in enumerate(taken)])
        fit = feols("copy + year", data, vcov="iid", **lean)
        return float(fit.coef()["x1"])

    return refit


def pairs_2sls(*, full: bool) -> Case:
    """The same for two-stage least squares, the treatment's lag as instrument."""
    fitted, scheme = _design(("L.x1",)), Pairs()
    counts = _drawn(fitted, scheme, "weights").astype(int)
    refit = _two_stage_refit(fitted)
    methods = _Methods(fitted, scheme)
    methods.tivax((_FULL if full else _SMALL)[-1:])
    loop = methods.loop("numpy loop", 999 if full else 20, refit, counts)
    return methods.case("pairs_2sls", loop, _against(_looped(refit, counts[:_CHECKED])))


def _two_stage_refit(fitted: LinearFit) -> Refit:
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
    fitted, scheme = _design(), Wild()
    sizes, draws, reps = (_FULL, 999, 9_999) if full else (_SMALL, 20, 999)
    signs = _drawn(fitted, scheme, "wild")
    literal, normal = _wild_refits(fitted)
    methods = _Methods(fitted, scheme)
    methods.tivax(sizes, "tivax Rademacher")
    p = _p([*methods.runs.values()][-1](), fitted)
    methods.tivax(sizes, "tivax Webb", weights="webb")
    loop = methods.loop("numpy lstsq loop", draws, literal, signs)
    methods.loop("numpy normal equations", draws, normal, signs)
    methods.whole_call(sizes, "p_value")
    if find_spec("wildboottest"):
        # Clusters as numbers: it cannot take words.
        data = panel().assign(country=pd.factorize(panel()["iso3"])[0])
        run = partial(wildboottest, data, "country", reps)
        methods.add("wildboottest", reps, run)
    webb = _drawn(fitted, Wild(weights="webb"), "wild")
    gaps = [_against(_looped(literal, k[:_CHECKED])) for k in (signs, webb)]

    def error(answer: np.ndarray) -> float:
        if answer.size == 1:  # a p-value: 0 within five of its Monte-Carlo errors
            allowed = 5 * np.sqrt(p * (1 - p) / reps) + 1e-3
            return max(0.0, abs(answer.item() - p) - allowed)
        return min(gap(answer) for gap in gaps)

    return methods.case("wild", loop, error)


def _p(drawn: Float[np.ndarray, " n"], fitted: LinearFit) -> float:
    """Share of |t*| above |t|."""
    t = float(fitted.coef[0] / np.sqrt(fitted.covariance()[0, 0]))
    return float((np.abs(drawn) > abs(t)).mean())


def _wild_refits(fitted: LinearFit) -> tuple[Refit, Refit]:
    """Flip restricted residuals, refit, CV1 t, on rows net of country effects: word for
    word, and with everything that a draw does not change made once."""
    X, y, cluster = fitted.rows[:, :-1], fitted.rows[:, -1], fitted.cluster
    rest = X[:, :-1]
    fitted_values = rest @ np.linalg.lstsq(rest, y, rcond=None)[0]
    residuals = y - fitted_values
    inverse = np.linalg.inv(X.T @ X)
    bread = inverse @ X.T
    N, G, k = len(y), CLUSTERS, X.shape[1] + 1
    small = G / (G - 1) * (N - 1) / (N - k)

    def literal(v: np.ndarray) -> float:
        own = fitted_values + residuals * v[cluster]
        beta = np.linalg.lstsq(X, own, rcond=None)[0]
        left = own - X @ beta
        scores = np.zeros((G, X.shape[1]))
        np.add.at(scores, cluster, X * left[:, None])
        half = scores @ inverse[:, -1]
        return float(beta[-1] / np.sqrt(small * (half @ half)))

    def normal(v: np.ndarray) -> float:
        own = fitted_values + residuals * v[cluster]
        beta = bread @ own
        scores = np.bincount(cluster, bread[-1] * (own - X @ beta))
        return float(beta[-1] / np.sqrt(small * (scores @ scores)))

    return literal, normal


# --------------------------------------------------------------------------- placebo


def placebo(*, full: bool) -> Case:
    """Whole treatment paths moved among countries."""
    fitted, scheme = _design(), Placebo(studentised=False)
    moves = _drawn(fitted, scheme, "options")
    refit = _placebo_refit(fitted)
    methods = _Methods(fitted, scheme)
    methods.tivax(_FULL if full else _SMALL)
    loop = methods.loop("numpy lstsq loop", 999 if full else 20, refit, moves)
    return methods.case("placebo", loop, _against(_looped(refit, moves[:_CHECKED])))


def _placebo_refit(fitted: LinearFit) -> Refit:
    rest, x, y = fitted.rows[:, :-2], fitted.rows[:, -2], fitted.rows[:, -1]
    paths = x.reshape(CLUSTERS, YEARS)

    def refit(options: np.ndarray) -> float:
        X = np.column_stack([rest, paths[options].ravel()])
        beta = np.linalg.lstsq(X, y, rcond=None)[0]
        return float(beta[-1] * fitted.unit[0])

    return refit
