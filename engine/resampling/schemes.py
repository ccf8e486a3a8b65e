"""What is drawn: pairs, Bayesian, wild or placebo, as a program of one block of draws.

A :class:`Program` is a design under a scheme: arrays, and a static description that
says which kernels to apply to them. Models of equal shape share their compiled code.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from ...kernels import clusters, resampling
from ...kernels import random_draws as streams
from ...kernels.clusters import Layout, Moments
from ...kernels.random_draws import BLOCK
from ..core import TivaxError, in_float64, require_choice, require_kind, show
from .designs import Design

Kind = Literal["pairs", "bayesian", "wild", "placebo"]
Weights = Literal["rademacher", "webb", "mammen"]
Permute = Literal["countries", "shifts", "common-shift", "years", "signs"]
Method = Literal["treatment", "freedman-lane"]

# Of a studentised placebo: the coefficient of the treatment as it is on the moved one,
# the covariance of the two coefficients and its variance; see ``kernels.resampling``.
PLACEBO_OWN = ("own effect", "own covariance", "own variance")
# A permutation of more clusters than this is never enumerated (20! < 2^63 < 21!).
_ENUMERABLE = 20
# Draws worked on at a time where a draw needs a matrix of all columns, or a placebo the
# scores of all clusters: they then stay in a core's cache.
_TILE, _SCORES_TILE = 256, 128


@dataclass(frozen=True)
class Scheme:
    """How the clusters are resampled.

    Attributes
    ----------
    kind
        ``pairs`` draws clusters with replacement, ``bayesian`` weights them
        exponentially, ``wild`` flips their residuals, ``placebo`` moves their
        treatments.
    weights
        Of wild draws.
    null
        Wild: the hypothesis is imposed on the residuals (WCR), or not (WCU).
    value
        Wild: what the hypothesis says each treatment's coefficient is.
    joint
        Wild: one Wald test of all treatments of a model.
    studentised
        Pairs and Bayesian: t-statistics besides coefficients, for the percentile-t
        intervals; not by default. Placebo: compare t (randomisation-t), by default but
        for ``years``; coefficients alone make a test that is not of level 5 % where
        errors differ between countries or the controls go along with the treatment.
    method
        Placebo: what moves, the ``treatment`` or the residuals of the model without it
        (``freedman-lane``), which leaves the treatment beside its controls.
    permute
        Placebo: whole paths among ``countries``; each country's path by its own
        number of years (``shifts``), all by the same (``common-shift``), in a common
        random order of the ``years``; or random ``signs`` of the paths.
    strata
        Placebo: a column; paths move among countries of the same value only.
    """

    kind: Kind
    weights: Weights = "rademacher"
    null: bool = True
    value: float = 0.0
    joint: bool = False
    studentised: bool | None = None
    permute: Permute = "countries"
    strata: str = ""
    method: Method = "treatment"

    def __post_init__(self) -> None:
        if self.studentised is None:
            by_default = self.kind == "placebo" and self.permute != "years"
            object.__setattr__(self, "studentised", by_default)

    @property
    def name(self) -> str:
        """For tables: WCR webb, placebo-t countries, ..."""
        if self.kind == "wild":
            return f"{'WCR' if self.null else 'WCU'} {self.weights}"
        if self.kind == "placebo":
            within = f" within {self.strata}" if self.strata else ""
            of = "Freedman-Lane" if self.method == "freedman-lane" else "placebo"
            return f"{of}{'-t' * bool(self.studentised)} {self.permute}{within}"
        return self.kind


class Static(NamedTuple):
    """What sets shapes or chooses kernels; the key of compiled code."""

    kind: Kind
    layout: Layout
    balanced: bool
    clusters: int
    all_clusters: int
    weights: Weights
    permute: Permute
    method: Method
    studentised: bool
    joint: bool
    sizes: tuple[int, ...]
    options: int
    exact: bool


@dataclass(frozen=True, eq=False)
class Program:
    """A design under a scheme.

    Attributes
    ----------
    columns
        What a draw holds, one name each.
    draws
        How many are made: all patterns where ``exact``.
    observed
        t (or the Wald F) of the sample that wild and t-type draws are compared with,
        else the coefficients; by treatment, in the units of the draws.
    unit
        Times this, a column of draws is in units of the panel.
    """

    design: Design
    scheme: Scheme
    static: Static
    arrays: Any
    columns: tuple[str, ...]
    draws: int
    observed: Float[np.ndarray, " s"]
    unit: Float[np.ndarray, " s"]

    @property
    def exact(self) -> bool:
        return self.static.exact

    @property
    def label(self) -> str:
        """For the column ``scheme``: wild-wcr-webb, placebo-countries-t, ..."""
        scheme, parts = self.scheme, [self.scheme.kind]
        if scheme.kind == "wild":
            restricted = "wre" if self.design.layout.instruments else "wcr"
            parts += [restricted if scheme.null else "wcu", scheme.weights]
        if scheme.kind == "placebo":
            parts += [scheme.method] if scheme.method != "treatment" else []
            parts.append(scheme.permute)
            parts += [f"within-{scheme.strata}"] if scheme.strata else []
        parts += ["joint"] if self.static.joint else []
        parts += ["t"] if scheme.studentised else []
        return "-".join(parts)

    @property
    def blocks(self) -> int:
        return -(-self.draws // BLOCK)


@in_float64
def make_program(design: Design, scheme: Scheme, draws: int) -> Program:
    """The program of one model.

    All patterns are enumerated where there are at most ``draws`` of them.

    Raises ``TivaxError`` where a scheme does not serve the model.
    """
    layout, model = design.layout, design.model
    q = layout.treatments
    arrays: Any
    columns = list(model.treatments)
    unit = list(design.unit)
    observed = list(np.asarray(design.fit.coef)[layout.exogenous :])
    patterns, sizes, options = None, (), 0
    static_balanced = design.balanced
    if scheme.kind in ("pairs", "bayesian"):
        if design.balanced and not scheme.studentised:
            arrays = {"M": _cells(design)[:, :, layout.dummies :]}
            layout = layout._replace(dummies=0)
        else:
            static_balanced = False
            arrays = {
                "moments": design.moments,
                "center": design.fit.coef[-q:],
                "draws": np.int64(draws),
            }
        if scheme.studentised:
            columns += [f"t({k})" for k in columns]
            unit += [1.0] * q
            observed += [0.0] * q
    elif scheme.kind == "wild":
        arrays, observed = _wild_arrays(design, scheme)
        joined = scheme.joint and q > 1
        columns = ["F"] if joined else [f"t({k})" for k in columns]
        unit = [1.0] * len(columns)
        base = {"rademacher": 2, "webb": 6, "mammen": None}[scheme.weights]
        if base is not None:
            patterns = base ** len(design.labels)
    else:
        arrays, sizes, patterns, options = _placebo_arrays(design, scheme)
        columns, unit = ["coefficient", "own effect"], [float(design.unit[0]), 1.0]
        observed = [observed[0], 1.0]
        if scheme.studentised:
            columns = ["coefficient", "t", *PLACEBO_OWN]
            unit = [unit[0], 1.0, 1.0, unit[0], 1.0]
            t = observed[0] / float(_standard_errors(design)[0])
            observed = [observed[0], t, 1.0, 0.0, 0.0]
    exact = patterns is not None and patterns <= draws
    if patterns is not None and patterns == 1:
        raise TivaxError(
            f"model {model.name}: {scheme.name} has a single pattern, the data "
            "themselves; choose other strata or another scheme"
        )
    static = Static(
        kind=scheme.kind,
        layout=layout,
        balanced=static_balanced,
        clusters=len(design.labels),
        all_clusters=len(design.all_labels),
        weights=scheme.weights,
        permute=scheme.permute,
        method=scheme.method,
        studentised=bool(scheme.studentised),
        joint=scheme.joint and q > 1,
        sizes=sizes,
        options=options,
        exact=exact,
    )
    return Program(
        design=design,
        scheme=scheme,
        static=static,
        arrays=jax.tree.map(np.asarray, arrays),
        columns=tuple(columns),
        draws=int(patterns) if exact and patterns else draws,
        observed=np.asarray(observed, float),
        unit=np.asarray(unit, float),
    )


def _cells(design: Design) -> Float[np.ndarray, "G T m"]:
    """The rows of a balanced design, by cluster and year."""
    assert design.time is not None
    G, T = len(design.labels), int(design.time.max()) + 1
    cells = np.zeros((G, T, design.rows.shape[1]))
    cells[design.cluster, design.time] = design.rows
    return cells


def _standard_errors(design: Design) -> Float[np.ndarray, " q"]:
    """CV1, in the units of ``design.moments``."""
    V = clusters.cv1(design.moments, jax.tree.map(jnp.asarray, design.fit))
    return np.sqrt(np.diag(V))[design.layout.exogenous :]


# ------------------------------------------------------------------------------ wild


def _wild_arrays(design: Design, scheme: Scheme) -> tuple[Any, list[float]]:
    """Loadings by treatment, the rows of the panel's weights, and the observed t."""
    layout, q = design.layout, design.layout.treatments
    position = np.searchsorted(design.all_labels, design.labels)
    if layout.instruments:
        if q > 1 or not scheme.null:
            raise TivaxError(
                f"model {design.model.name}: the wild bootstrap of 2SLS (WRE) takes "
                "one endogenous regressor and null = true"
            )
        loadings = [
            resampling.instrument_loadings(
                design.moments,
                jnp.asarray(scheme.value / design.unit[0]),
                layout=layout,
            )
        ]
    else:
        loadings = [
            wild_loadings(design, R, r, restricted=scheme.null)
            for R, r in _hypotheses(design, scheme)
        ]
    return (
        {"loadings": loadings, "position": position},
        observed_t(design, joint=scheme.joint, null=scheme.value),
    )


def _hypotheses(design: Design, scheme: Scheme) -> list[tuple[np.ndarray, np.ndarray]]:
    """R and r of each, in the units of ``design.moments``."""
    p, q = design.layout.regressors, design.layout.treatments
    R, r = np.eye(p)[p - q :], scheme.value / design.unit
    if scheme.joint and q > 1:
        return [(R, r)]
    return [(R[k : k + 1], r[k : k + 1]) for k in range(q)]


def wild_loadings(
    design: Design, R: np.ndarray, r: np.ndarray, *, restricted: bool = True
) -> resampling.WildLoadings:
    """Loadings of H0 R beta = r, in the units of ``design.moments``."""
    return resampling.wild_loadings(
        design.moments,
        jnp.asarray(R),
        jnp.asarray(r),
        layout=design.layout,
        restricted=restricted,
    )


def observed_t(
    design: Design, *, joint: bool = False, null: float = 0.0
) -> list[float]:
    """t of each treatment against ``null``, in units of the panel, or their joint F."""
    q = design.layout.treatments
    if joint and q > 1:
        gap = design.coef - null
        return [float(gap @ np.linalg.solve(design.covariance(), gap)) / q]
    se = np.sqrt(np.diag(design.covariance()))
    return [float(k) for k in (design.coef - null) / se]


# --------------------------------------------------------------------------- placebo


def _placebo_arrays(
    design: Design, scheme: Scheme
) -> tuple[Any, tuple[int, ...], int | None, int]:
    """Tables, sizes of the strata, number of patterns, options of a cluster."""
    _require_movable(design, scheme)
    if scheme.method == "freedman-lane":
        order, sizes = _strata(design, scheme.strata)
        patterns = math.prod(map(math.factorial, sizes))
        return _tables_of_residuals(design, order), sizes, patterns, len(order)
    paths = _paths(design)
    G, T, _ = paths.shape
    # Moves that keep each year's sum keep year effects out once they are out.
    keeps_years = scheme.permute in ("countries", "common-shift", "years")
    W, residuals, paths = _net(design, paths, dummies=design.balanced and keeps_years)
    order, sizes = np.arange(G), (G,)
    if scheme.permute == "years":
        tables = _tables_of_years(design, W, residuals, paths)
        return tables, (T,), math.factorial(T) if T <= _ENUMERABLE else None, T
    if scheme.permute == "countries":
        order, sizes = _strata(design, scheme.strata)
        moved = np.broadcast_to(paths[order][None], (G, *paths.shape))
        patterns = math.prod(map(math.factorial, sizes))
    elif scheme.permute == "signs":
        moved = np.stack([-paths, paths], axis=1)
        patterns = 2**G
    else:
        moved = np.stack([np.roll(paths, k, axis=1) for k in range(T)], axis=1)
        patterns = T if scheme.permute == "common-shift" else T**G
    tables = _tables_of_paths(design, W, residuals, moved, order)
    return tables, sizes, patterns, moved.shape[1]


def _require_movable(design: Design, scheme: Scheme) -> None:
    name, layout = f"model {design.model.name}", design.layout
    if layout.treatments != 1 or layout.instruments > 1:
        raise TivaxError(
            f"{name}: a placebo moves one treatment, and one instrument with it"
        )
    if scheme.strata and scheme.permute != "countries":
        raise TivaxError(
            f"scheme: strata go with permute = countries, not {scheme.permute}"
        )
    if scheme.permute == "years" and (scheme.studentised or not design.balanced):
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
        if not design.balanced:
            raise TivaxError(
                f"{name}: method = freedman-lane takes a balanced panel with effects "
                "of countries and years; choose method = treatment"
            )


def _time_column(design: Design) -> str:
    model = design.model
    years = [k for k in model.effects if k != model.cluster]
    if len(years) != 1:
        raise TivaxError(
            f"model {model.name}: a placebo moves paths in time, so it needs one "
            f"effect besides {model.cluster}, such as year"
        )
    return years[0]


def _paths(design: Design) -> Float[np.ndarray, "G T k"]:
    """Treatment, and instrument, of each cluster in each year that the model uses."""
    model, time = design.model, _time_column(design)
    names = [*model.treatments, *model.instruments]
    if design.used.duplicated([model.cluster, time]).any():
        raise TivaxError(
            f"model {model.name}: a placebo needs one row for each {model.cluster} and "
            f"{time}; there are several"
        )
    known = design.data.dropna(subset=[model.cluster, time])
    known = known.set_index([known[model.cluster].astype(str), known[time]])[names]
    years = sorted(design.used[time].unique())
    cells = [(g, t) for g in design.labels for t in years]
    table = known[~known.index.duplicated()].reindex(cells)
    if table.isna().to_numpy().any():
        g, t = table.index[table.isna().any(axis=1)][0]
        raise TivaxError(
            f"model {model.name}: {g} lacks {' or '.join(names)} in {t}; a placebo "
            "gives each path to others, so it must be known in every year used"
        )
    layout = design.layout
    size = design.size[layout.exogenous : -1]
    return table.to_numpy(float).reshape(len(design.labels), len(years), -1) / size


def _net(
    design: Design, paths: np.ndarray, *, dummies: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W; [y, x] net of W; the paths. ``dummies``: year effects taken out of all."""
    d, w = design.layout.dummies, design.layout.exogenous
    rows, W = design.rows, design.rows[:, :w]
    residuals = rows[:, [-1, w]]
    residuals = residuals - W @ np.linalg.lstsq(W, residuals, rcond=None)[0]
    if dummies:
        D, C = rows[:, :d], rows[:, d:w]
        W = C - D @ np.linalg.lstsq(D, C, rcond=None)[0]
        paths = paths - paths.mean(axis=1, keepdims=True)
        paths = paths - paths.mean(axis=0, keepdims=True)
    return W, residuals, paths


def _tables_of_paths(
    design: Design,
    W: np.ndarray,
    residuals: np.ndarray,
    moved: np.ndarray,
    order: np.ndarray,
) -> resampling.PlaceboTables:
    """What each path ``moved[g, o]`` gives in the cells of cluster ``order[g]``."""
    time = np.unique(design.used[_time_column(design)], return_inverse=True)[1]
    features, with_left, ww = [], [], []
    nested = design.model.cluster in design.model.effects
    for g, cluster in enumerate(order):
        cells = np.flatnonzero(design.cluster == cluster)
        path = moved[g][:, time[cells]]  # option, year, [x, z]
        if nested:
            path = path - path.mean(axis=1, keepdims=True)
        x, z = path[:, :, 0], path[:, :, -1]
        W_g, left = W[cells], residuals[cells]
        parts = [z @ left, (z * x).sum(axis=1)[:, None], x @ W_g]
        if design.layout.instruments:
            parts.append(z @ W_g)
        features.append(np.hstack(parts))
        with_left.append(W_g.T @ left)
        ww.append(W_g.T @ W_g)
    return _tables(design, W, features, with_left, ww)


def _tables_of_residuals(
    design: Design, order: np.ndarray
) -> resampling.FreedmanLaneTables:
    """Of the clusters in ``order``, each with the residuals of each other."""
    d, w = design.layout.dummies, design.layout.exogenous
    cells = _cells(design)[order]
    flat = cells.reshape(-1, cells.shape[2])
    # Year effects out of all, then the controls out of [x, z, y].
    net = flat[:, d:] - flat[:, :d] @ np.linalg.lstsq(flat[:, :d], flat[:, d:])[0]
    W, rest = net[:, : w - d], net[:, w - d :]
    rest = rest - W @ np.linalg.lstsq(W, rest)[0]
    shape = cells.shape[:2]
    return resampling.freedman_lane_tables(
        jnp.asarray(W.reshape(*shape, -1)),
        jnp.asarray(rest[:, -2].reshape(shape)),
        jnp.asarray(rest[:, [-1, 0]].reshape(*shape, 2)),
        clusters.correction(design.moments),
    )


def _tables_of_years(
    design: Design, W: np.ndarray, residuals: np.ndarray, paths: np.ndarray
) -> resampling.PlaceboTables:
    """The same where year t of all clusters gets their values of year o."""
    assert design.time is not None
    G, T, _ = paths.shape
    cells = np.zeros((G, T), int)
    cells[design.cluster, design.time] = np.arange(len(design.rows))
    x, z = paths[:, :, 0], paths[:, :, -1]
    W_gt, left = W[cells], residuals[cells]
    parts = [
        np.einsum("go,gtl->tol", z, left),
        np.broadcast_to((z * x).sum(axis=0)[None, :, None], (T, T, 1)),
        np.einsum("go,gtw->tow", x, W_gt),
    ]
    if design.layout.instruments:
        parts.append(np.einsum("go,gtw->tow", z, W_gt))
    w = W.shape[1]
    features = np.concatenate(parts, axis=2)
    return _tables(design, W, features, np.zeros((T, w, 2)), np.zeros((T, w, w)))


def _tables(
    design: Design, W: np.ndarray, features: Any, left: Any, ww: Any
) -> resampling.PlaceboTables:
    w = W.shape[1]
    return resampling.PlaceboTables(
        F=jnp.asarray(np.asarray(features)),
        inverse=jnp.asarray(np.linalg.inv(W.T @ W) if w else np.zeros((0, 0))),
        left=jnp.asarray(np.asarray(left)),
        ww=jnp.asarray(np.asarray(ww)),
        correction=clusters.correction(design.moments),
    )


def _strata(design: Design, column: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Clusters ordered by stratum, and the strata's sizes."""
    G = len(design.labels)
    if not column:
        return np.arange(G), (G,)
    if column not in design.data.columns:
        raise TivaxError(f"scheme: strata: no column {column} in the panel")
    cluster = design.data.loc[design.used.index, design.model.cluster].astype(str)
    values = design.data.loc[design.used.index, column].groupby(cluster.to_numpy())
    for label, each in values:
        if each.nunique(dropna=False) != 1 or each.isna().any():
            raise TivaxError(
                f"scheme: strata: {column} changes or is missing within {label}; it "
                "must be one value for each cluster"
            )
    first = values.first().loc[list(design.labels)]
    code = np.unique(first.to_numpy(), return_inverse=True)[1]
    return np.argsort(code, kind="stable"), tuple(np.bincount(code).tolist())


# -------------------------------------------------------------------- a block of draws


def block_of_draws(
    static: Static,
    arrays: Any,
    seed: Int[Array, ""] | int,
    block: Int[Array, ""] | int,
) -> Float[Array, "s B"]:
    """The draws of one block: a row for each of ``Program.columns``."""
    source = draw_source(static, seed, block)
    if static.kind in ("pairs", "bayesian"):
        w = source.weights()
        if static.balanced:
            return resampling.reweighted_balanced(arrays["M"], w, layout=static.layout)
        left = arrays["draws"] - jnp.asarray(block, jnp.int64) * BLOCK
        return _in_tiles(
            lambda tile: _reweighted(static, arrays, tile), w, left, size=_TILE
        )
    if static.kind == "wild":
        v = source.wild(arrays["position"])
        rows = [_wild_statistics(k, v) for k in arrays["loadings"]]
        return jnp.stack(rows)
    o = source.options()
    if not static.studentised:
        return resampling.placebo_estimates(arrays, o)
    run = resampling.placebo_t
    if static.method == "freedman-lane":
        run = resampling.freedman_lane_t
    every = jnp.asarray(BLOCK)
    return _in_tiles(lambda tile: run(arrays, tile), o, every, size=_SCORES_TILE)


def _wild_statistics(loadings: Any, v: Array) -> Array:
    if isinstance(loadings, resampling.InstrumentLoadings):
        return resampling.instrument_statistics(loadings, v)
    return resampling.wild_statistics(loadings, v)


def _reweighted(static: Static, arrays: Any, w: Array) -> Array:
    moments: Moments = arrays["moments"]
    if not static.studentised:
        return resampling.reweighted(moments.S, w, layout=static.layout)
    coef = resampling.reweighted(moments.S, w, layout=static.layout)
    t = resampling.reweighted_t(moments, w, arrays["center"], layout=static.layout)[1]
    return jnp.concatenate([coef, jnp.where(jnp.isnan(coef), jnp.nan, t)])


def _in_tiles(
    run: Any, drawn: Num[Array, "G B"], used: Array, *, size: int
) -> Float[Array, "s B"]:
    """``run`` on ``size`` columns at a time, as many as have the first ``used``; the
    others are 0. The tiles are of one compiled code, so that each draw is the same
    however many there are."""
    B = drawn.shape[1]

    def tile(k: Any) -> Array:
        return run(jax.lax.dynamic_slice_in_dim(drawn, k * size, size, axis=1))

    def made(k: Array, so_far: Array) -> Array:
        return jax.lax.dynamic_update_slice_in_dim(so_far, tile(k), k * size, axis=1)

    of_tile = jax.eval_shape(tile, 0)
    empty = jnp.zeros((len(of_tile), B), of_tile.dtype)
    count = jnp.clip(-(-used // size), 0, B // size)
    return jax.lax.fori_loop(0, count, made, empty)


def draw_source(static: Static, seed: Any, block: Any) -> "DrawSource":
    """Where the weights or moves of a block come from."""
    return DrawSource(static, seed, block)


class DrawSource(NamedTuple):
    """Where the draws of a block come from: a stream, or the list of all patterns."""

    static: Static
    seed: Any
    block: Any

    @property
    def key(self) -> Array:
        return streams.block_key(self.seed, self.block)

    @property
    def numbers(self) -> Array:
        start = jnp.asarray(self.block, jnp.int64) * BLOCK
        return start + jnp.arange(BLOCK, dtype=jnp.int64)

    def weights(self) -> Array:
        if self.static.kind == "bayesian":
            return streams.exponential(self.key, self.static.clusters)
        return streams.counts(self.key, self.static.clusters).astype(float)

    def wild(self, position: Array) -> Array:
        static = self.static
        if static.exact:
            base = 2 if static.weights == "rademacher" else 6
            digit = streams.digits(self.numbers, [base] * static.clusters)
            if base == 2:
                return 2 * digit.astype(float) - 1
            return streams.webb_points(digit)
        draw = {
            "rademacher": streams.rademacher,
            "webb": streams.webb,
            "mammen": streams.mammen,
        }[static.weights]
        return draw(self.key, static.all_clusters)[position]

    def options(self) -> Array:
        static = self.static
        rows = static.clusters
        if static.permute in ("countries", "years"):
            if static.exact:
                drawn = streams.all_permutations(self.numbers, static.sizes)
            else:
                drawn = streams.permutations(self.key, static.sizes)
        elif static.permute == "common-shift":
            drawn = jnp.broadcast_to(self.numbers % static.options, (rows, BLOCK))
            if not static.exact:
                drawn = streams.integers(self.key, 1, below=static.options)
                drawn = jnp.broadcast_to(drawn, (rows, BLOCK))
        elif static.exact:
            drawn = streams.digits(self.numbers, [static.options] * rows)
        else:
            drawn = streams.integers(self.key, rows, below=static.options)
        return drawn.astype(jnp.int32)


def programs(
    designs: Iterable[Design], scheme: Scheme, draws: int
) -> tuple[Program, ...]:
    """The program of each design."""
    return tuple(make_program(design, scheme, draws) for design in designs)


def require_scheme(scheme: Scheme) -> None:
    """``TivaxError`` for a scheme with a word or number that there is not."""
    for name, known in (("kind", Kind), ("weights", Weights), ("permute", Permute)):
        require_choice(name, getattr(scheme, name), get_args(known))
    require_kind("value", scheme.value, Real, "a number")
    if not np.isfinite(scheme.value):
        raise TivaxError(f"value: give a finite number, not {show(scheme.value)}")
    require_kind("strata", scheme.strata, str, "the name of a column")
