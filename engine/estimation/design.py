"""A model on its rows: the columns that every estimator and every draw starts from.

    D, W, X, Z, y   dummies, controls, treatments, instruments, outcome
    C               regressors [D, W, X]
    g               clusters, G of them, of N rows

Columns are net of the effects that have no dummies (``effects.py``), times the roots of
the rows' weights, and have length 1, so that no result depends on units. Their order is
that of ``kernels.clusters``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ...kernels import clusters as kernel
from ...kernels.clusters import ClusterCrossProducts, Layout
from ...kernels.covariance_factors import cluster_factor
from ..core import GIB, TivaxError, in_float64, machine_memory, show
from .effects import Effects, is_nested, root_weights, sums_by
from .model import Model, sample_rows
from .regression_data import (
    complete_rows,
    of_norm_one,
    powers,
    require_columns,
    require_identified,
    require_names,
    times_power,
)


def too_few_clusters(clusters: int, regressors: Sequence[str]) -> str:
    """The reason where there are no more clusters than regressors; empty otherwise.

    Scores of G clusters sum to zero: with no more of them than regressors a clustered
    error may be rounding with three stars.
    """
    if clusters > len(regressors):
        return ""
    return (
        f"{clusters} clusters are left for {len(regressors)} regressors; it takes more "
        "clusters than regressors"
    )


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """A model on its rows, as arrays.

    Attributes
    ----------
    data, used
        The rows of the model's sample, and those without missing values in the columns
        that it takes, in the order of clusters and effects.
    effects
        The effects, the roots of the rows' weights, and each row's cluster.
    layout
        Number of columns of each kind.
    rows
        The columns [D, W, X, Z, y], times the roots of the weights, net of nested
        effects and slopes, of length 1.
    basis
        Orthonormal, of C.
    size
        Lengths of the columns before they were scaled, in units of the panel.
    labels
        Labels of the clusters.
    all_labels
        Labels of the clusters of the whole panel: wild weights belong to them, so that
        models of other samples get the same.
    back
        Positions that put rows in the order of the panel again.
    position
        Position of each row in ``data``, whose labels may name several rows.
    """

    model: Model
    data: pd.DataFrame
    used: pd.DataFrame
    effects: Effects
    layout: Layout
    rows: Float[np.ndarray, "n m"]
    basis: Float[np.ndarray, "n p"]
    size: Float[np.ndarray, " m"]
    labels: tuple[str, ...]
    all_labels: tuple[str, ...]
    back: Int[np.ndarray, " n"]
    position: Int[np.ndarray, " n"]

    @classmethod
    def of(
        cls,
        panel: pd.DataFrame,
        model: Model,
        *,
        weights: str = "",
        slopes: Sequence[str] = (),
        few_clusters: bool = True,
        further: Sequence[str] = (),
        drawn: bool = True,
    ) -> "Design":
        """Put a model on its sample of a panel.

        Parameters
        ----------
        weights
            A column of positive weights of rows; empty for none.
        slopes
            Columns with a coefficient in each unit of the effect that clusters nest.
        few_clusters
            False: no more clusters than regressors are refused.
        further
            Columns of labels that its rows have besides.
        drawn
            False: there need be no memory for ``products``.

        Raises
        ------
        TivaxError
            Missing columns, a sample without rows, fewer than two clusters, weights
            that are not positive, slopes without their effect, more dummies than
            memory, and regressors, instruments or an outcome that others explain.
        """
        require_names(
            model.outcome, (*model.controls, *model.treatments), model.instruments
        )
        effects = list(model.all_effects)
        columns = [model.outcome, *model.columns[:-1], *slopes]
        columns += [weights] if weights else []
        data = sample_rows(panel, model)
        grouped = [model.clusters] if model.clusters else []
        if drawn and not grouped:
            raise TivaxError("clusters: name their column, since there is no entity")
        # Mistakes apart from missing effects come first.
        if not all(k in data and data[k].notna().to_numpy().all() for k in effects):
            complete_rows(data, columns, grouped)
        keys = list(dict.fromkeys([*grouped, *effects]))
        numbered = data.reset_index(drop=True)
        used = complete_rows(numbered, columns, list(dict.fromkeys([*keys, *further])))
        codes = [pd.factorize(used[k], sort=True)[0] for k in reversed(keys)]
        order = np.lexsort(codes) if codes else np.arange(len(used))
        position = used.index.to_numpy()[order]
        used = used.iloc[order].set_axis(data.index[position])
        by_row = pd.Series(range(len(used)))  # without clusters
        cluster, labels = _labels(used[grouped[0]] if grouped else by_row)
        few = too_few_clusters(len(labels), model.regressors)
        if few and not few_clusters:
            raise TivaxError(few)
        root = root_weights(used[weights].to_numpy(), weights) if weights else None
        its = Effects.of(used, effects, cluster, root=root, slopes=slopes, drawn=drawn)
        _require_memory(model, its, len(labels) if drawn else 0)
        values = used[list(model.columns)].to_numpy(float)
        power = powers(values)
        rows = np.hstack([its.dummies, its.within(times_power(values, -power))])
        size = np.linalg.norm(rows, axis=0)
        d, q, e = its.dummies.shape[1], len(model.treatments), len(model.instruments)
        basis = require_identified(
            of_norm_one(rows),
            model.outcome,
            controls=model.controls,
            treatments=model.treatments,
            instruments=model.instruments,
        )
        return Design(
            model=model,
            data=data,
            used=used,
            effects=its,
            layout=Layout(d, len(model.controls), q, e),
            rows=rows / size,
            basis=basis,
            size=times_power(size, np.concatenate([np.zeros(d, int), power])),
            labels=labels,
            all_labels=_labels(panel[grouped[0]].dropna())[1] if grouped else labels,
            back=np.argsort(order),
            position=position,
        )

    @property
    def source(self) -> pd.DataFrame:
        """The rows of ``used`` with all columns of ``data``."""
        return self.data.iloc[self.position]

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def cluster(self) -> Int[np.ndarray, " n"]:
        """Number of each row's cluster."""
        return self.effects.cluster

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return len(self.labels)

    @property
    def k(self) -> int:
        """k of the correction G/(G-1) (N-1)/(N-k)."""
        return self.effects.k + self.layout.regressors - self.layout.dummies

    @property
    def correction(self) -> float:
        """The small-sample factor of CV1."""
        return cluster_factor(self.clusters, self.n, self.k)

    @property
    def C(self) -> Float[np.ndarray, "n p"]:
        """The regressors."""
        return self.rows[:, : self.layout.regressors]

    @property
    def Z(self) -> Float[np.ndarray, "n e"]:
        """The excluded instruments."""
        return self.rows[:, self.layout.regressors : -1]

    @property
    def y(self) -> Float[np.ndarray, " n"]:
        """The outcome."""
        return self.rows[:, -1]

    @property
    def net(self) -> Float[np.ndarray, " N"]:
        """The outcome net of the dummies."""
        basis = self.basis[:, : self.layout.dummies]
        return self.y - basis @ (basis.T @ self.y)

    @property
    def unit(self) -> Float[np.ndarray, " q"]:
        """Times this, a coefficient of a treatment is in units of the panel."""
        return self.size[-1] / self.size[self.layout.exogenous : self.layout.regressors]

    def place_of(self, name: str) -> int:
        """Position in ``rows`` of a column of the panel."""
        return self.layout.dummies + self.model.columns.index(name)

    def places(self, names: Sequence[str]) -> list[int]:
        """Positions in ``rows`` of columns of the panel."""
        return [self.place_of(name) for name in names]

    def moved_columns(
        self, name: str, errors: Float[np.ndarray, "n k"]
    ) -> Float[np.ndarray, "n k"]:
        """Effect of errors of a panel column, by row, on its column of ``rows``: net of
        nested effects and in its unit."""
        return self.effects.within(errors) / self.size[self.place_of(name)]

    def by_cluster(self, rows: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "G m"]:
        """Sums of rows."""
        return sums_by(self.cluster, rows)

    @cached_property
    @in_float64
    def products(self) -> ClusterCrossProducts:
        """Cross products of the clusters, as ``kernels.clusters`` takes them."""
        rows, cluster = jax.device_put((self.rows, self.cluster))
        S = kernel.cross_products(rows, cluster, clusters=self.clusters)
        count = np.bincount(self.cluster).astype(float)
        return ClusterCrossProducts(
            S, *jax.device_put((count, np.asarray(float(self.k))))
        )

    @cached_property
    def time(self) -> Int[np.ndarray, " n"] | None:
        """The number of each row's year, where every cluster has each year once and
        years are the only dummies; else None."""
        nested, crossed = self.effects.nested, self.effects.crossed
        if len(nested) != 1 or len(crossed) != 1:
            return None
        if not is_nested(self.cluster, self.effects.units[:, 0]):
            return None
        time = self.effects.codes[:, 0]
        cells = np.zeros((self.clusters, time.max() + 1), int)
        np.add.at(cells, (self.cluster, time), 1)
        return time if (cells == 1).all() else None

    @property
    def balanced(self) -> bool:
        """Every cluster has the same years, and years are the only dummies."""
        return self.time is not None

    def second_clusters(
        self, second: str
    ) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
        """The number of each row's cluster in a second dimension, and all labels."""
        require_columns(self.data, [second])
        values = self.source[second]
        if second == self.model.clusters or values.isna().any() or values.nunique() < 2:
            raise TivaxError(
                f"model {self.model.name}: second = {show(second)}: name a column of "
                f"two values or more, none missing, other than {self.model.clusters}"
            )
        labels = tuple(np.unique(self.data[second].dropna().astype(str)))
        return np.searchsorted(labels, values.astype(str)), labels

    def weighs_second(self, second: str) -> bool:
        """True if wild weights are of the second clusters: these are fewer."""
        return len(set(self.second_clusters(second)[0])) < self.clusters


def _labels(
    column: pd.Series,
) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
    """The number of each row's label, and the labels as sorted texts."""
    code, values = pd.factorize(column)
    labels, number = np.unique(np.asarray(values).astype(str), return_inverse=True)
    return number[code], tuple(map(str, labels))


def _require_memory(model: Model, effects: Effects, clusters: int) -> None:
    """Raise ``TivaxError`` where dummies of effects that the clusters do not nest take
    more than the machine has: every draw estimates them again. ``clusters`` is 0 where
    there are no draws."""
    n, values = len(effects.codes), effects.levels + effects.codes.shape[1]
    m = values + len(model.columns)
    needed = 8 * ((2 if clusters else 3) * n * m + 2 * clusters * m * m)
    memory = machine_memory()
    if effects.crossed and not effects.demeaned and memory and needed > memory:
        raise TivaxError(
            f"{values:,} effects of {' and '.join(effects.crossed)} that "
            f"{model.clusters} does not nest, in {n:,} rows, would take "
            f"{needed / GIB:,.0f} GiB of memory as dummies, there are "
            f"{memory / GIB:,.0f}; tx.fit estimates without dummies, by CV1"
        )
