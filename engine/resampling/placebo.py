"""Placebos: what each path of treatments or residuals contributes, and p of nulls."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels import clusters, placebo
from ...kernels.resampling import TIE
from ..core import TivaxError
from ..estimation import LinearFit
from .draws import Draws
from .schemes import Placebo

# A permutation of more clusters than this is never enumerated (20! < 2^63 < 21!).
_ENUMERABLE = 20
# Numbers in a table of every cluster with every path; larger ones are not made.
_LOOKED_UP = 1 << 23
# Numbers that moves in time are drawn from.
_SHIFTS = 1 << 16


def balanced_cells(fitted: LinearFit) -> Float[np.ndarray, "G T m"]:
    """The rows of a balanced design, by cluster and year."""
    assert fitted.time is not None
    return _cells(fitted, fitted.time, fitted.rows)


def _cells(
    fitted: LinearFit, time: np.ndarray, columns: Float[np.ndarray, "n m"]
) -> Float[np.ndarray, "G T m"]:
    cells = np.zeros((len(fitted.labels), int(time.max()) + 1, columns.shape[1]))
    cells[fitted.cluster, time] = columns
    return cells


def placebo_arrays(
    fitted: LinearFit, scheme: Placebo
) -> tuple[Any, tuple[int, ...], int | None, int]:
    """Tables, sizes of the strata, number of patterns, options of a cluster."""
    _require_movable(fitted, scheme)
    if scheme.method == "freedman-lane":
        order, sizes = _strata(fitted, scheme.strata)
        patterns = orders(sizes)
        return _tables_of_residuals(fitted, order), sizes, patterns, len(order)
    paths = _paths(fitted)
    G, T, _ = paths.shape
    known = ~np.isnan(paths).any(axis=2)
    gaps = not known.all()
    # Moves that keep each year's sum keep year effects out once they are out.
    keeps_years = scheme.permute in ("countries", "common-shift", "years")
    W, residuals, paths = _net(fitted, paths, dummies=fitted.balanced and keeps_years)
    if scheme.permute == "years":
        tables = _tables_of_years(fitted, W, residuals, paths)
        return tables, (T,), orders([T]), T
    order, sizes = np.arange(G), (G,)
    if scheme.permute == "countries":
        order, sizes = _strata(fitted, scheme.strata, known)
        paths = np.where(known[:, :, None], paths, 0)
        tables = _tables_of_all_paths(fitted, W, residuals, paths[order], order)
        return tables, sizes, orders(sizes), G
    if scheme.permute == "signs":
        paths = np.where(known[:, :, None], paths, 0)
        moved = np.stack([-paths, paths], axis=1)
        options, patterns = 2, 2**G
    elif scheme.permute == "shifts" and gaps:
        lengths = known.sum(axis=1)
        options, patterns = math.lcm(*lengths.tolist()), None
        if options > _SHIFTS:
            raise TivaxError(
                f"model {fitted.model.name}: paths of {len(set(lengths))} lengths have "
                "no common multiple of moves; choose permute = countries, or fill gaps"
            )
        tables = _tables_of_paths(fitted, W, residuals, _shifted_within(paths, known))
        lengths = jax.device_put(lengths.astype(np.int32))
        return tables._replace(lengths=lengths), sizes, patterns, options
    else:
        _require_known(fitted, known, scheme)
        moved = np.stack([np.roll(paths, k, axis=1) for k in range(T)], axis=1)
        options, patterns = T, T if scheme.permute == "common-shift" else T**G
    return _tables_of_paths(fitted, W, residuals, moved), sizes, patterns, options


def orders(sizes: Sequence[int]) -> int | None:
    """Permutations within strata; None where they are never enumerated."""
    if max(sizes) > _ENUMERABLE:
        return None
    return math.prod(map(math.factorial, sizes))


def _shifted_within(
    paths: Float[np.ndarray, "G T k"], known: np.ndarray
) -> Float[np.ndarray, "G T T k"]:
    """Each path moved by every number of years, round the years where it is known."""
    moved = np.zeros((len(paths), paths.shape[1], *paths.shape[1:]))
    for path, seen, its in zip(paths, known, moved, strict=True):
        for k in range(len(its)):
            its[k, seen] = np.roll(path[seen], k, axis=0)
    return moved


def _require_known(fitted: LinearFit, known: np.ndarray, scheme: Placebo) -> None:
    """Raise ``TivaxError`` where a scheme needs every path in every year used."""
    short = ~known.all(axis=1)
    if short.any():
        names = " or ".join([*fitted.model.treatments, *fitted.model.instruments])
        first = fitted.labels[int(np.argmax(short))]
        raise TivaxError(
            f"model {fitted.model.name}: {int(short.sum())} of {len(known)} "
            f"{fitted.model.clusters} lack {names} in a year that is used, {first} the "
            f"first of them; permute = {scheme.permute} needs every year: choose "
            "countries, which moves paths among those with the same years, or shifts"
        )


def _require_movable(fitted: LinearFit, scheme: Placebo) -> None:
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


def _time_column(fitted: LinearFit) -> str:
    model = fitted.model
    years = [k for k in model.all_effects if k != model.clusters]
    if len(years) != 1:
        raise TivaxError(
            f"model {model.name}: a placebo moves paths in time, so it needs one "
            f"effect besides {model.clusters}, such as year"
        )
    return years[0]


def _paths(fitted: LinearFit) -> Float[np.ndarray, "G T k"]:
    """Treatment, and instrument, of each cluster in each year that the model uses; NaN
    in years in which one of them is not known."""
    model, time = fitted.model, _time_column(fitted)
    names = [*model.treatments, *model.instruments]
    if fitted.used.duplicated([model.clusters, time]).any():
        raise TivaxError(
            f"model {model.name}: a placebo needs one row for each "
            f"{model.clusters} and {time}; there are several"
        )
    known = fitted.data.dropna(subset=[model.clusters, time])
    known = known.assign(**{model.clusters: known[model.clusters].astype(str)})
    # One frame of values, looked up by cluster and year.
    cells = pd.MultiIndex.from_frame(known[[model.clusters, time]])
    table = known[names].set_axis(cells, axis=0)[~cells.duplicated()]
    every = pd.MultiIndex.from_product(
        [fitted.labels, np.unique(fitted.used[time])], names=cells.names
    )
    values = table.reindex(every).to_numpy(float)
    size = fitted.size[fitted.layout.exogenous : -1]
    return values.reshape(len(fitted.labels), -1, len(names)) / size


def _net(
    fitted: LinearFit, paths: np.ndarray, *, dummies: bool
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


def _by_cell(
    fitted: LinearFit, columns: Float[np.ndarray, "n m"]
) -> Float[np.ndarray, "G T m"]:
    """Columns by cluster and year, 0 where there is no row."""
    time = np.unique(fitted.used[_time_column(fitted)], return_inverse=True)[1]
    return _cells(fitted, time, columns)


def _tables_of_paths(
    fitted: LinearFit,
    W: np.ndarray,
    residuals: np.ndarray,
    moved: Float[np.ndarray, "G o T k"],
) -> placebo.PlaceboTables:
    """Tables of each path ``moved[g, o]`` in the cells of cluster g."""
    seen = _by_cell(fitted, np.ones((len(fitted.rows), 1)))[:, None]  # (G, 1, T, 1)
    if fitted.model.clusters in fitted.model.all_effects:
        total = (moved * seen).sum(axis=2, keepdims=True)
        moved = moved - total / seen.sum(axis=2, keepdims=True)
    moved = moved * seen
    W_gt, left = _by_cell(fitted, W), _by_cell(fitted, residuals)
    x, z = moved[..., 0], moved[..., -1]
    parts = [z @ left, (z * x).sum(axis=2)[:, :, None], x @ W_gt]
    if fitted.layout.instruments:
        parts.append(z @ W_gt)
    features = np.concatenate(parts, axis=2)
    return _tables(fitted, W, features, *_own_products(W_gt, left))


def _own_products(W: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W_g'[y_g, x_g] and W_g'W_g."""
    turned = np.swapaxes(W, 1, 2)
    return turned @ left, turned @ W


def _tables_of_all_paths(
    fitted: LinearFit,
    W: np.ndarray,
    residuals: np.ndarray,
    paths: Float[np.ndarray, "G T k"],
    order: np.ndarray,
) -> placebo.PlaceboTables:
    """The same where any cluster can get any path, clusters and paths in ``order``."""
    G, _, k = paths.shape
    W_gt, left = _by_cell(fitted, W)[order], _by_cell(fitted, residuals)[order]
    seen = _by_cell(fitted, np.ones((len(fitted.rows), 1)))[order, :, 0]
    own = np.concatenate([left, W_gt], axis=2)
    nested = np.asarray(fitted.model.clusters in fitted.model.all_effects)
    every = placebo.MovedPaths(
        *jax.device_put((np.ascontiguousarray(paths), own, seen, nested))
    )
    products = _own_products(W_gt, left)
    if G * G * (3 + k * W.shape[1]) > _LOOKED_UP:
        return _tables(fitted, W, every, *products)
    options = np.broadcast_to(np.arange(G)[None, :], (G, G))
    features = np.asarray(_features(every, jax.device_put(options)))
    return _tables(fitted, W, np.moveaxis(features, 1, 2), *products)


_features = jax.jit(placebo.MovedPaths.features)


def _tables_of_residuals(
    fitted: LinearFit, order: np.ndarray
) -> placebo.FreedmanLaneTables:
    """Tables of the clusters in ``order``, each with the residuals of each other."""
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
    fitted: LinearFit, W: np.ndarray, residuals: np.ndarray, paths: np.ndarray
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
    fitted: LinearFit, W: np.ndarray, features: Any, left: Any, ww: Any
) -> placebo.PlaceboTables:
    w = W.shape[1]
    return placebo.PlaceboTables(
        F=jax.device_put(features),
        inverse=jax.device_put(np.linalg.inv(W.T @ W) if w else np.zeros((0, 0))),
        left=jax.device_put(np.asarray(left)),
        ww=jax.device_put(np.asarray(ww)),
        correction=clusters.correction(fitted.products),
    )


def _strata(
    fitted: LinearFit, column: str, known: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Clusters ordered by stratum, and the strata's sizes: by the values of a column,
    and by the years in which the treatment is known."""
    G = len(fitted.labels)
    code = _values_of_clusters(fitted, column) if column else np.zeros(G, int)
    if known is not None and not known.all():
        years = np.unique(known, axis=0, return_inverse=True)[1].reshape(-1)
        code = np.unique(code * G + years, return_inverse=True)[1]
    sizes = np.bincount(code)
    if known is not None and sizes.max() == 1 and G > 1 and not known.all():
        raise TivaxError(
            f"model {fitted.model.name}: no two {fitted.model.clusters} have "
            f"{' and '.join(fitted.model.treatments)} in the same years, so that no "
            "path can move; choose permute = shifts, or fill the gaps"
        )
    return np.argsort(code, kind="stable"), tuple(sizes.tolist())


def _values_of_clusters(fitted: LinearFit, column: str) -> np.ndarray:
    """The number of each cluster's value of a column."""
    if column not in fitted.data.columns:
        raise TivaxError(f"scheme: strata: no column {column} in the panel")
    values = fitted.source[column]
    each = values.groupby(fitted.cluster)
    changes = (each.nunique(dropna=False) != 1) | (each.count() != each.size())
    if changes.any():
        label = fitted.labels[int(np.argmax(changes))]
        raise TivaxError(
            f"scheme: strata: {column} changes or is missing within {label}; it "
            "must be one value for each cluster"
        )
    return np.unique(each.first().to_numpy(), return_inverse=True)[1]


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
