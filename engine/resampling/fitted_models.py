"""Models fitted on their rows of a panel, as arrays for the resampling kernels.

Effects that the clusters nest (countries in countries) are taken out within each
cluster; the others, such as years, become dummies, less those that they imply. Columns
are scaled to unit length, so that no result depends on units. The order of the columns
is that of ``kernels.clusters``: dummies, controls, treatments, instruments, outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels import clusters as kernel
from ...kernels import jackknife, resampling
from ...kernels.clusters import (
    ClusterCrossProducts,
    ClusterFit,
    Layout,
    cluster_factor,
)
from ...kernels.two_way import TwoWayLoadings, two_way_form
from ..core import GIB, TivaxError, in_float64, machine_memory, show
from ..estimation import (
    COLLINEAR,
    complete_rows,
    explained,
    independent,
    of_norm_one,
    orthonormal,
    powers,
    require_columns,
    require_identified,
    require_names,
    times_power,
    without_error,
)
from .models import Model, sample_rows


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model on its rows, as arrays.

    Attributes
    ----------
    layout
        Layout of ``moments``.
    moments
        Statistics of the clusters, columns in units of their length.
    rows
        The columns of ``moments`` by row, net of nested effects.
    cluster, time
        Number of each row's cluster; of its year, None unless ``balanced``.
    balanced
        Every cluster has the same years, and years are the only dummies.
    labels
        Labels of the clusters.
    all_labels
        Labels of the clusters of the whole panel: wild weights belong to them, so that
        models of other samples get the same.
    size
        Lengths of the columns before they were scaled, in units of the panel.
    fit
        Fit of the whole sample.
    used, data
        The rows of the panel that the model uses, and those of its sample.
    """

    model: Model
    layout: Layout
    products: ClusterCrossProducts
    rows: Float[np.ndarray, "n m"]
    cluster: np.ndarray
    time: np.ndarray | None
    balanced: bool
    labels: tuple[str, ...]
    all_labels: tuple[str, ...]
    size: Float[np.ndarray, " m"]
    fit: ClusterFit
    used: pd.DataFrame
    data: pd.DataFrame

    @property
    def unit(self) -> Float[np.ndarray, " q"]:
        """Times this, a coefficient of a treatment is in units of the panel."""
        layout = self.layout
        return self.size[-1] / self.size[layout.exogenous : layout.regressors]

    @property
    def observations(self) -> int:
        return len(self.rows)

    @property
    def coef(self) -> Float[np.ndarray, " q"]:
        """The estimates of the treatments, in units of the panel."""
        return np.asarray(self.fit.coef)[self.layout.exogenous :] * self.unit

    @property
    def residual(self) -> float:
        """|X'(y - X beta)|, of columns of length 1: what rounding leaves of 0."""
        return float(np.linalg.norm(np.asarray(self.fit.scores).sum(axis=0)))

    @in_float64
    def covariance(self, kind: str = "CV1") -> Float[np.ndarray, "q q"]:
        """Covariance of the treatments, in units of the panel: CV1, CV2, CV3, CV3J or
        V5, or two-way clusters of a column, such as ``two-way year``.

        V5 is Hansen's (2025) jackknife. With least squares it always exists: a
        treatment that the other clusters do not identify has the estimate 0 without
        this one. CV3 and CV3J are then NaN.
        """
        if kind.startswith("two-way "):
            return self._two_way_covariance(kind.removeprefix("two-way "))
        coef = jax.device_put(self.coef)
        if kind in ("CV3", "CV3J"):
            refits = jax.device_put(self.left_out())
            V = kernel.cv3(coef, refits) if kind == "CV3" else jackknife.cv3j(refits)
            return np.asarray(V)
        if kind == "V5":
            refits = self.left_out()
            if np.isnan(refits).any() and not self.layout.instruments:
                estimates = jackknife.left_out_estimates(
                    self.products, layout=self.layout
                )
                refits = np.asarray(estimates) * self.unit[None, :]
            return np.asarray(jackknife.v5(coef, jax.device_put(refits)))
        fit = jax.device_put(self.fit)
        V = kernel.cv1(self.products, fit) if kind == "CV1" else kernel.cv2(fit)
        x = slice(self.layout.exogenous, None)
        return np.asarray(V)[x, x] * np.outer(self.unit, self.unit)

    def moved_columns(
        self, name: str, errors: Float[np.ndarray, "n k"]
    ) -> Float[np.ndarray, "n k"]:
        """Effect of errors of a panel column, by row, on its column of ``rows``: net of
        nested effects and in its unit."""
        nested = [k for k in self.model.all_effects if self._nested(k)]
        net = _net_of(errors, self.used, nested, self.cluster)
        return net / self.size[self.place_of(name)]

    def place_of(self, name: str) -> int:
        """Position in ``rows`` of a column of the panel."""
        return self.layout.dummies + self.model.columns.index(name)

    def second_clusters(self, second: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """The number of each row's cluster in a second dimension, and all labels."""
        require_columns(self.data, [second])
        values = self.data.loc[self.used.index, second]
        if second == self.model.clusters or values.isna().any() or values.nunique() < 2:
            raise TivaxError(
                f"model {self.model.name}: second = {show(second)}: name a column of "
                f"two values or more, none missing, other than {self.model.clusters}"
            )
        labels = tuple(np.unique(self.data[second].dropna().astype(str)))
        return np.searchsorted(labels, values.astype(str)), labels

    def _two_way_covariance(self, second: str) -> Float[np.ndarray, "q q"]:
        """Scores of the estimate summed by both kinds of clusters, less their cells."""
        number, labels = self.second_clusters(second)
        p = self.layout.regressors
        e = self.rows[:, -1] - self.rows[:, :p] @ np.asarray(self.fit.coef)
        S = self._treatment_columns * e[:, None]
        sizes = len(self.labels), len(labels)
        V = two_way_form(
            jax.device_put(S),
            jax.device_put(self.cluster),
            jax.device_put(number),
            clusters=sizes,
        )
        factor = self.two_way_correction(second)
        return factor * np.asarray(V) * np.outer(self.unit, self.unit)

    @property
    def _treatment_columns(self) -> Float[np.ndarray, "n q"]:
        """x of ``kernels.two_way``: the estimates of the treatments are x'y."""
        p, B = self.layout.regressors, np.asarray(self.fit.bread_inverse)
        return self.rows[:, :p] @ B[:, self.layout.exogenous :]

    def two_way_correction(self, second: str) -> float:
        """fixest's: G/(G-1) of the fewer clusters; effects nested in either do not
        count among the parameters, one constant does."""
        number, _ = self.second_clusters(second)
        fewer, N = min(len(self.labels), len(set(number))), self.observations
        coarse = self.used.assign(_=number)
        crossed = [k for k in self.model.all_effects if not self._nested(k)]
        own = all(_is_nested(coarse, k, "_") for k in crossed)
        k = self.layout.regressors - (self.layout.dummies if own and crossed else 0)
        k += bool(len(crossed) < len(self.model.all_effects) or (own and crossed))
        return float(cluster_factor(fewer, N, k))

    def _nested(self, effect: str) -> bool:
        return _is_nested(self.used, effect, self.model.clusters)

    @in_float64
    def two_way_loadings(
        self, k: int, second: str, null: float, *, restricted: bool = True
    ) -> TwoWayLoadings:
        """Loadings of treatment ``k`` against a null in units of the panel:
        ``kernels.two_way``.

        Weights are of the second clusters where these are fewer, else of the first.
        """
        number, labels = self.second_clusters(second)
        p, j = self.layout.regressors, self.layout.exogenous + k
        C, B = self.rows[:, :p], np.asarray(self.fit.bread_inverse)
        x, coef = self._treatment_columns[:, k], np.asarray(self.fit.coef)
        u = self.rows[:, -1] - C @ coef
        if restricted:
            # x / x'x is the treatment net of all others.
            u = u + (coef[j] - null / self.unit[k]) * x / (x @ x)
        of_weights = number if self.weighs_second(second) else self.cluster
        drawn = u[:, None] * np.eye(of_weights.max() + 1)[of_weights]
        nested = [k for k in self.model.all_effects if self._nested(k)]
        net = _net_of(drawn, self.used, nested, self.cluster)
        net = net - C @ (B @ (C.T @ net))
        K = two_way_form(
            jax.device_put(x[:, None] * net),
            jax.device_put(self.cluster),
            jax.device_put(number),
            clusters=(len(self.labels), len(labels)),
        )
        a, correction = x @ drawn, np.asarray(self.two_way_correction(second))
        return TwoWayLoadings(*jax.device_put((a, K, correction)))

    def weighs_second(self, second: str) -> bool:
        return len(set(self.second_clusters(second)[0])) < len(self.labels)

    @in_float64
    def left_out(self) -> Float[np.ndarray, "G q"]:
        """The estimates of the treatments without each cluster, in units of the panel.

        NaN where the other clusters do not identify them.
        """
        left = _leave_one_out(self.products, layout=self.layout)
        return np.asarray(left) * self.unit[None, :]


_leave_one_out = jax.jit(
    partial(resampling.leave_one_out, written_out=0), static_argnames="layout"
)


@in_float64
def fit_model(panel: pd.DataFrame, model: Model) -> FittedModel:
    """Fit a model on its sample of a panel.

    Raises ``TivaxError`` in one line for missing columns, samples without rows, fewer
    than two clusters, and regressors or instruments that the others explain: see
    ``regression_data``. Besides, there must be errors to resample.
    """
    effects = list(model.all_effects)
    columns = [model.outcome, *model.columns[:-1]]  # a message names the first
    try:
        require_names(
            model.outcome, (*model.controls, *model.treatments), model.instruments
        )
        data = sample_rows(panel, model)
        # Mistakes apart from missing effects come first.
        if not all(k in data and data[k].notna().to_numpy().all() for k in effects):
            complete_rows(data, columns, [model.clusters])
        used = complete_rows(
            data, columns, list(dict.fromkeys([model.clusters, *effects]))
        )
    except TivaxError as error:
        raise error.within(f"model {model.name}") from None
    used = used.sort_values([model.clusters, *effects], kind="stable")
    labels, cluster = np.unique(used[model.clusters].astype(str), return_inverse=True)
    nested = [k for k in effects if _is_nested(used, k, model.clusters)]
    crossed = [k for k in effects if k not in nested]
    values = used[list(model.columns)].to_numpy(float)
    power = powers(values)
    values = times_power(values, -power)
    _require_memory(model, used, crossed, len(labels))
    dummies = _dummies(used, crossed, constant=not nested)
    columns = np.hstack([dummies, values])
    level = np.linalg.norm(columns, axis=0)
    columns = _net_of(columns, used, nested, cluster)
    # A few passes of rounding are all that is left of what the effects explain.
    flat = np.linalg.norm(columns, axis=0) <= COLLINEAR * level
    columns[:, flat] = 0
    d = independent(columns[:, : dummies.shape[1]])
    kept = np.concatenate([d, dummies.shape[1] + np.arange(values.shape[1])])
    columns = columns[:, kept]
    q, e = len(model.treatments), len(model.instruments)
    layout = Layout(len(d), len(model.controls), q, e)
    size = np.linalg.norm(columns, axis=0)
    _require_identified(model, layout, of_norm_one(columns))
    columns = columns / size
    _require_errors(model, layout, columns, cluster)
    size = times_power(size, np.concatenate([np.zeros(len(d), int), power]))
    _require_unit(model, layout, size)
    n_parameters = layout.regressors + bool(nested)
    G = len(labels)
    count = np.bincount(cluster, minlength=G)
    products = ClusterCrossProducts(
        kernel.cross_products(
            jax.device_put(columns), jax.device_put(cluster), clusters=G
        ),
        jax.device_put(count.astype(float)),
        jax.device_put(np.asarray(float(n_parameters))),
    )
    time = _balanced_time(used, nested, crossed, cluster, model)
    fit = kernel.fit(products, jax.device_put(np.ones(G)), layout=layout)
    return FittedModel(
        model=model,
        layout=layout,
        products=products,
        rows=columns,
        cluster=cluster,
        time=time,
        balanced=time is not None,
        labels=tuple(labels),
        all_labels=tuple(np.unique(panel[model.clusters].dropna().astype(str))),
        size=size,
        fit=jax.tree.map(np.asarray, fit),
        used=used,
        data=data,
    )


def _require_memory(
    model: Model, used: pd.DataFrame, crossed: Sequence[str], clusters: int
) -> None:
    """Raise ``TivaxError`` where dummies of effects that the clusters do not nest take
    more than the machine has: every draw estimates them again."""
    values = sum(used[k].nunique() for k in crossed)
    m = values + len(model.columns)
    needed = 8 * (2 * len(used) * m + 2 * clusters * m * m)
    memory = machine_memory()
    if values and memory is not None and needed > memory:
        raise TivaxError(
            f"model {model.name}: {values:,} effects of {' and '.join(crossed)} that "
            f"{model.clusters} does not nest, {len(used):,} rows and {clusters:,} "
            f"clusters would take {needed / GIB:,.0f} GiB of memory, there are "
            f"{memory / GIB:,.0f}; cluster by {crossed[0]}, or take coarser effects"
        )


def _is_nested(used: pd.DataFrame, effect: str, cluster: str) -> bool:
    """True if all rows of a value of the effect are of one cluster."""
    value, own = (pd.factorize(used[k])[0] for k in (effect, cluster))
    one = np.zeros(len(used), int)
    one[value] = own
    return bool((one[value] == own).all())


def _dummies(used: pd.DataFrame, effects: Sequence[str], *, constant: bool):
    """A constant where nothing absorbs it, then a dummy for each value."""
    parts = [np.ones((len(used), 1))] if constant else [np.zeros((len(used), 0))]
    for effect in effects:
        codes = pd.factorize(used[effect], sort=True)[0]
        # The last is the one that the others imply: of all, the most used, so that few
        # subsets of the clusters are without it.
        order = np.argsort(np.bincount(codes), kind="stable")
        parts.append((codes[:, None] == order).astype(float))
    return np.hstack(parts)


def _net_of(
    columns: np.ndarray, used: pd.DataFrame, nested: Sequence[str], cluster: np.ndarray
) -> np.ndarray:
    """Columns net of nested effects."""
    if not nested:
        return columns
    if len(nested) == 1:
        code = pd.factorize(used[nested[0]])[0]
        sums = np.zeros((code.max() + 1, columns.shape[1]))
        np.add.at(sums, code, columns)
        return columns - (sums / np.bincount(code)[:, None])[code]
    left = columns.copy()
    for g in range(cluster.max() + 1):
        rows = cluster == g
        D = _dummies(used[rows], nested, constant=False)
        left[rows] -= D @ np.linalg.lstsq(D, columns[rows], rcond=None)[0]
    return left


def _require_identified(model: Model, layout: Layout, columns: np.ndarray) -> None:
    """Each regressor and instrument must add to the columns before it."""
    try:
        require_identified(
            columns,
            model.outcome,
            controls=model.controls,
            treatments=model.treatments,
            instruments=model.instruments,
        )
        # Here cross products of the outcome too must have digits left.
        for used, by in (
            (layout.dummies, "the effects alone"),
            (layout.regressors, "the regressors and the effects"),
        ):
            if len(independent(columns[:, [*range(used), -1]])) == used:
                raise explained(model.outcome, by, len(columns))
    except TivaxError as error:
        raise error.within(f"model {model.name}") from None


def _require_errors(
    model: Model, layout: Layout, columns: np.ndarray, cluster: np.ndarray
) -> None:
    """The errors of the clusters are resampled: they must be more than rounding.

    With two clusters and effects of years they are 0, and so is every standard error.
    """
    projected, X = None, columns[:, : layout.regressors]
    if layout.instruments:
        W, Z = X[:, : layout.exogenous], columns[:, layout.regressors : -1]
        basis = orthonormal(np.hstack([W, Z])).basis
        projected = basis @ (basis.T @ X)
    lost = without_error(
        X, columns[:, -1], [cluster], dummies=layout.dummies, fitted=projected
    )
    if lost.terms[layout.exogenous :].any():
        reason = lost.reason(model.outcome, int(cluster.max()) + 1)
        raise TivaxError(f"model {model.name}: no standard error, {reason}")


def _require_unit(model: Model, layout: Layout, size: np.ndarray) -> None:
    """Draws are in units of the panel: their squares must be numbers of 64 bits."""
    for name, its in zip(model.treatments, size[layout.exogenous :], strict=False):
        digits = np.log10(size[-1]) - np.log10(its)
        if abs(digits) > _LARGEST:
            raise TivaxError(
                f"model {model.name}: a coefficient of {name} of size 1e{digits:+.0f} "
                f"has no variance in 64 bits; write {model.outcome} or {name} in "
                "another unit"
            )


# Powers of ten of a coefficient, up or down, whose square is a number of 64 bits.
_LARGEST = 140


def _balanced_time(
    used: pd.DataFrame,
    nested: Sequence[str],
    crossed: Sequence[str],
    cluster: np.ndarray,
    model: Model,
) -> np.ndarray | None:
    """The number of each row's year, where every cluster has each year once."""
    if len(nested) != 1 or len(crossed) != 1:
        return None
    if not _is_nested(used.assign(_=cluster), "_", nested[0]):
        return None
    time = pd.factorize(used[crossed[0]], sort=True)[0]
    T, G = time.max() + 1, cluster.max() + 1
    cells = np.zeros((G, T), int)
    np.add.at(cells, (cluster, time), 1)
    return time if (cells == 1).all() else None
