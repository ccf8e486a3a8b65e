"""Placebos: what each path of treatments or residuals contributes, and p of nulls."""

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ...kernels import clusters, placebo
from ...kernels.resampling import TIE
from ..core import TivaxError
from .draws import Draws
from .fitted_models import FittedModel
from .schemes import Scheme

# A permutation of more clusters than this is never enumerated (20! < 2^63 < 21!).
_ENUMERABLE = 20


def balanced_cells(fitted: FittedModel) -> Float[np.ndarray, "G T m"]:
    """The rows of a balanced design, by cluster and year."""
    assert fitted.time is not None
    G, T = len(fitted.labels), int(fitted.time.max()) + 1
    cells = np.zeros((G, T, fitted.rows.shape[1]))
    cells[fitted.cluster, fitted.time] = fitted.rows
    return cells


def placebo_arrays(
    fitted: FittedModel, scheme: Scheme
) -> tuple[Any, tuple[int, ...], int | None, int]:
    """Tables, sizes of the strata, number of patterns, options of a cluster."""
    _require_movable(fitted, scheme)
    if scheme.method == "freedman-lane":
        order, sizes = _strata(fitted, scheme.strata)
        patterns = math.prod(map(math.factorial, sizes))
        return _tables_of_residuals(fitted, order), sizes, patterns, len(order)
    paths = _paths(fitted)
    G, T, _ = paths.shape
    # Moves that keep each year's sum keep year effects out once they are out.
    keeps_years = scheme.permute in ("countries", "common-shift", "years")
    W, residuals, paths = _net(fitted, paths, dummies=fitted.balanced and keeps_years)
    order, sizes = np.arange(G), (G,)
    if scheme.permute == "years":
        tables = _tables_of_years(fitted, W, residuals, paths)
        return tables, (T,), math.factorial(T) if T <= _ENUMERABLE else None, T
    if scheme.permute == "countries":
        order, sizes = _strata(fitted, scheme.strata)
        moved = np.broadcast_to(paths[order][None], (G, *paths.shape))
        patterns = math.prod(map(math.factorial, sizes))
    elif scheme.permute == "signs":
        moved = np.stack([-paths, paths], axis=1)
        patterns = 2**G
    else:
        moved = np.stack([np.roll(paths, k, axis=1) for k in range(T)], axis=1)
        patterns = T if scheme.permute == "common-shift" else T**G
    tables = _tables_of_paths(fitted, W, residuals, moved, order)
    return tables, sizes, patterns, moved.shape[1]


def _require_movable(fitted: FittedModel, scheme: Scheme) -> None:
    name, layout = f"model {fitted.model.name}", fitted.layout
    if layout.treatments != 1 or layout.instruments > 1:
        raise TivaxError(
            f"{name}: a placebo moves one treatment, and one instrument with it"
        )
    if scheme.strata and scheme.permute != "countries":
        raise TivaxError(
            f"scheme: strata go with permute = countries, not {scheme.permute}"
        )
    if scheme.permute == "years" and (scheme.studentised or not fitted.balanced):
        raise TivaxError(
            f"{name}: permute = years takes a balanced panel and compares "
            "coefficients; leave studentised out, or choose shifts"
        )

    if scheme.method == "freedman-lane":
        if scheme.permute != "countries" or not scheme.studentised:
            raise TivaxError(
                "scheme: method = freedman-lane compares t and moves whole paths among "
                "countries; leave permute and studentised out"
            )
        if not fitted.balanced:
            raise TivaxError(
                f"{name}: method = freedman-lane takes a balanced panel with effects "
                "of countries and years; choose method = treatment"
            )


def _time_column(fitted: FittedModel) -> str:
    model = fitted.model
    years = [k for k in model.effects if k != model.cluster]
    if len(years) != 1:
        raise TivaxError(
            f"model {model.name}: a placebo moves paths in time, so it needs one "
            f"effect besides {model.cluster}, such as year"
        )
    return years[0]


def _paths(fitted: FittedModel) -> Float[np.ndarray, "G T k"]:
    """Treatment, and instrument, of each cluster in each year that the model uses."""
    model, time = fitted.model, _time_column(fitted)
    names = [*model.treatments, *model.instruments]
    if fitted.used.duplicated([model.cluster, time]).any():
        raise TivaxError(
            f"model {model.name}: a placebo needs one row for each {model.cluster} and "
            f"{time}; there are several"
        )
    known = fitted.data.dropna(subset=[model.cluster, time])
    known = known.set_index([known[model.cluster].astype(str), known[time]])[names]
    years = sorted(fitted.used[time].unique())
    cells = [(g, t) for g in fitted.labels for t in years]
    table = known[~known.index.duplicated()].reindex(cells)
    if table.isna().to_numpy().any():
        g, t = table.index[table.isna().any(axis=1)][0]
        raise TivaxError(
            f"model {model.name}: {g} lacks {' or '.join(names)} in {t}; a placebo "
            "gives each path to others, so it must be known in every year used: fill "
            f"it, or leave {g} out of the panel"
        )
    layout = fitted.layout
    size = fitted.size[layout.exogenous : -1]
    return table.to_numpy(float).reshape(len(fitted.labels), len(years), -1) / size


def _net(
    fitted: FittedModel, paths: np.ndarray, *, dummies: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W; [y, x] net of W; the paths. ``dummies``: year effects taken out of all."""
    d, w = fitted.layout.dummies, fitted.layout.exogenous
    rows, W = fitted.rows, fitted.rows[:, :w]
    residuals = rows[:, [-1, w]]
    residuals = residuals - W @ np.linalg.lstsq(W, residuals, rcond=None)[0]
    if dummies:
        D, C = rows[:, :d], rows[:, d:w]
        W = C - D @ np.linalg.lstsq(D, C, rcond=None)[0]
        paths = paths - paths.mean(axis=1, keepdims=True)
        paths = paths - paths.mean(axis=0, keepdims=True)
    return W, residuals, paths


def _tables_of_paths(
    fitted: FittedModel,
    W: np.ndarray,
    residuals: np.ndarray,
    moved: np.ndarray,
    order: np.ndarray,
) -> placebo.PlaceboTables:
    """What each path ``moved[g, o]`` gives in the cells of cluster ``order[g]``."""
    time = np.unique(fitted.used[_time_column(fitted)], return_inverse=True)[1]
    features, with_left, ww = [], [], []
    nested = fitted.model.cluster in fitted.model.effects
    for g, cluster in enumerate(order):
        cells = np.flatnonzero(fitted.cluster == cluster)
        path = moved[g][:, time[cells]]  # option, year, [x, z]
        if nested:
            path = path - path.mean(axis=1, keepdims=True)
        x, z = path[:, :, 0], path[:, :, -1]
        W_g, left = W[cells], residuals[cells]
        parts = [z @ left, (z * x).sum(axis=1)[:, None], x @ W_g]
        if fitted.layout.instruments:
            parts.append(z @ W_g)
        features.append(np.hstack(parts))
        with_left.append(W_g.T @ left)
        ww.append(W_g.T @ W_g)
    return _tables(fitted, W, features, with_left, ww)


def _tables_of_residuals(
    fitted: FittedModel, order: np.ndarray
) -> placebo.FreedmanLaneTables:
    """Of the clusters in ``order``, each with the residuals of each other."""
    d, w = fitted.layout.dummies, fitted.layout.exogenous
    cells = balanced_cells(fitted)[order]
    flat = cells.reshape(-1, cells.shape[2])
    # Year effects out of all, then the controls out of [x, z, y].
    net = flat[:, d:] - flat[:, :d] @ np.linalg.lstsq(flat[:, :d], flat[:, d:])[0]
    W, rest = net[:, : w - d], net[:, w - d :]
    rest = rest - W @ np.linalg.lstsq(W, rest)[0]
    shape = cells.shape[:2]
    return placebo.freedman_lane_tables(
        jax.device_put(W.reshape(*shape, -1)),
        jax.device_put(rest[:, -2].reshape(shape)),
        jax.device_put(rest[:, [-1, 0]].reshape(*shape, 2)),
        clusters.correction(fitted.products),
    )


def _tables_of_years(
    fitted: FittedModel, W: np.ndarray, residuals: np.ndarray, paths: np.ndarray
) -> placebo.PlaceboTables:
    """The same where year t of all clusters gets their values of year o."""
    assert fitted.time is not None
    G, T, _ = paths.shape
    cells = np.zeros((G, T), int)
    cells[fitted.cluster, fitted.time] = np.arange(len(fitted.rows))
    x, z = paths[:, :, 0], paths[:, :, -1]
    W_gt, left = W[cells], residuals[cells]
    parts = [
        np.einsum("go,gtl->tol", z, left),
        np.broadcast_to((z * x).sum(axis=0)[None, :, None], (T, T, 1)),
        np.einsum("go,gtw->tow", x, W_gt),
    ]
    if fitted.layout.instruments:
        parts.append(np.einsum("go,gtw->tow", z, W_gt))
    w = W.shape[1]
    features = np.concatenate(parts, axis=2)
    return _tables(fitted, W, features, np.zeros((T, w, 2)), np.zeros((T, w, w)))


def _tables(
    fitted: FittedModel, W: np.ndarray, features: Any, left: Any, ww: Any
) -> placebo.PlaceboTables:
    w = W.shape[1]
    return placebo.PlaceboTables(
        F=jax.device_put(np.asarray(features)),
        inverse=jax.device_put(np.linalg.inv(W.T @ W) if w else np.zeros((0, 0))),
        left=jax.device_put(np.asarray(left)),
        ww=jax.device_put(np.asarray(ww)),
        correction=clusters.correction(fitted.products),
    )


def _strata(fitted: FittedModel, column: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Clusters ordered by stratum, and the strata's sizes."""
    G = len(fitted.labels)
    if not column:
        return np.arange(G), (G,)
    if column not in fitted.data.columns:
        raise TivaxError(f"scheme: strata: no column {column} in the panel")
    cluster = fitted.data.loc[fitted.used.index, fitted.model.cluster].astype(str)
    values = fitted.data.loc[fitted.used.index, column].groupby(cluster.to_numpy())
    for label, each in values:
        if each.nunique(dropna=False) != 1 or each.isna().any():
            raise TivaxError(
                f"scheme: strata: {column} changes or is missing within {label}; it "
                "must be one value for each cluster"
            )
    first = values.first().loc[list(fitted.labels)]
    code = np.unique(first.to_numpy(), return_inverse=True)[1]
    return np.argsort(code, kind="stable"), tuple(np.bincount(code).tolist())


def randomisation_p(extreme: int, n: int, exact: bool) -> float:
    """p of ``extreme`` draws among n; what was observed counts among random ones."""
    if n == 0:
        return float("nan")
    return extreme / n if exact else (1 + extreme) / (1 + n)


def randomisation_p_of(
    draws: Draws,
    b: float,
    se: float | None,
    exact: bool,
    nulls: np.ndarray,
    limit: int | None,
) -> np.ndarray:
    """p of each constant effect: under it the outcome is y - null x, whose placebos
    follow from those of y and of x (``kernels.placebo.of_scores``). t is compared,
    or without ``se`` the coefficient.

    At most ``limit`` draws are used, taken at random: the first of
    an enumeration are no sample of it.
    """
    extreme, n = np.zeros(len(nulls), int), 0
    chosen = np.random.default_rng(0)
    for window in draws.windows():
        if limit is not None and draws.count > limit:
            window = window[chosen.random(len(window)) < limit / draws.count]
        window = window[np.isfinite(window).all(axis=1)]
        n += len(window)
        for k, null in enumerate(nulls):
            size = np.abs(_under(window, null, studentised=se is not None))
            reach = abs(b - null) / (1.0 if se is None else se) * (1 - TIE)
            extreme[k] += int((size >= reach).sum())
    return np.array([randomisation_p(int(e), n, exact) for e in extreme])


def _under(
    window: Float[np.ndarray, "w s"], null: float, *, studentised: bool
) -> Float[np.ndarray, " w"]:
    """The coefficients of placebos of y - null x, or their t."""
    if not studentised:
        return window[:, 0] - null * window[:, 1]
    b, t, own, covariance, variance = window.T
    with np.errstate(divide="ignore", invalid="ignore"):
        V = (b / t) ** 2 - 2 * null * covariance + null**2 * variance
        return (b - null * own) / np.sqrt(np.maximum(V, 0))
