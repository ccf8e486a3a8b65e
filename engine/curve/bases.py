"""Bases: what specifications of the same rows, row weights and effects share.

Symbols as in ``kernels.specifications``. Effects of units, and slopes of their own, are
taken out within each unit, which clusters hold, and the other effects through an
orthonormal basis Q of their dummies. Factors are then products of NumPy, once for each
base; everything after them is the same program for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ...kernels.covariance_factors import cluster_factor
from ..core import TivaxError
from ..estimation import (
    COLLINEAR,
    Effects,
    complete_rows,
    is_nested,
    powers,
    require_trimmed,
    root_weights,
    times_power,
)


class BaseKey(NamedTuple):
    """Key of a base: its rows (packed bits), weights, and effects."""

    rows: bytes
    weights: str
    effects: tuple[str, ...]


class EffectTerm(NamedTuple):
    """One term of effects: the code of each row of the panel, and a column of slopes;
    -1 where the term has no value."""

    code: Int[np.ndarray, " panel"]
    slope: str


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of a panel that its specifications use, as numbers.

    ``values`` by name, NaN where there is none; ``terms`` by name; ``cluster`` is the
    number of each row's cluster, -1 for none.
    """

    values: Mapping[str, Float[np.ndarray, " panel"]]
    terms: Mapping[str, EffectTerm]
    cluster: Int[np.ndarray, " panel"]
    labels: tuple[str, ...]

    def complete(
        self,
        rows: Bool[np.ndarray, " panel"],
        names: Sequence[str],
        effects: Sequence[str],
    ) -> Bool[np.ndarray, " panel"]:
        """The rows that have all of these."""
        kept = rows & (self.cluster >= 0)
        for name in names:
            kept = kept & np.isfinite(self.values[name])
        for effect in effects:
            term = self.terms[effect]
            kept = kept & (term.code >= 0)
            if term.slope:
                kept = kept & np.isfinite(self.values[term.slope])
        return kept

    def widest(self, effects: Sequence[str]) -> int:
        """The most columns of dummies that these effects can have."""
        own = self.complete(self.cluster >= 0, (), effects)
        codes = [self.terms[k].code for k in effects]
        crossed = [k for k in codes if not is_nested(k[own], self.cluster[own])]
        return 1 + sum(int(k.max()) + 1 for k in crossed)


def number_column(column: pd.Series) -> Float[np.ndarray, " panel"]:
    """A column as float64; ``TivaxError`` where it holds words or infinite values."""
    name = str(column.name)
    found = complete_rows(column.to_frame(), [name], [])[name]
    return found.reindex(column.index).to_numpy(float)


def codes_of(columns: Sequence[pd.Series]) -> Int[np.ndarray, " panel"]:
    """A number for each combination of values, -1 where one is missing."""
    code = np.zeros(len(columns[0]), np.int64)
    missing = np.zeros(len(code), bool)
    for column in columns:
        own, names = pd.factorize(column, sort=False)
        require_trimmed(str(column.name), names)
        missing |= own < 0
        code = code * max(len(names), 1) + own
    code[missing] = -1
    found = np.full(len(code), -1)
    found[~missing] = np.unique(code[~missing], return_inverse=True)[1].ravel()
    return found


@dataclass(frozen=True, eq=False)
class Base:
    """The products of a base, and what its specifications are scaled by.

    Attributes
    ----------
    products
        F_g'[Q_g, F_g] by cluster of the panel, with zeros up to the widest base.
    names
        Names of the factors, which come first among f.
    size
        Lengths of the factors, in units of the panel.
    left
        Share of a factor's length, net of nested effects, that Q leaves.
    n, clusters
        Rows; clusters among them.
    k
        k of the correction, without the slopes of regressors.
    """

    products: Float[np.ndarray, "G f m"]
    names: tuple[str, ...]
    size: Float[np.ndarray, " names"]
    left: Float[np.ndarray, " names"]
    n: int
    clusters: int
    k: int

    def correction(self, regressors: int) -> float:
        """G/(G-1) (N-1)/(N-k); NaN where N <= k or there is a single cluster."""
        G, N, k = self.clusters, self.n, self.k + regressors
        if G < 2 or N <= k:
            return float("nan")
        return cluster_factor(G, N, k)


def make_base(
    columns: Columns, key: BaseKey, names: Sequence[str], width: int, factors: int
) -> Base:
    """The base of these factors; those with a missing value on its rows are 0.

    ``width`` columns of dummies and ``factors`` factors: zeros where it has fewer.

    Raises ``TivaxError`` for no rows, weights that are not positive, and slopes of
    units where not exactly one effect is nested in the clusters.
    """
    count = len(columns.cluster)
    rows = np.unpackbits(np.frombuffer(key.rows, np.uint8), count=count).astype(bool)
    place = np.flatnonzero(rows)
    if not len(place):
        raise TivaxError("no rows are left")
    cluster = columns.cluster[place]
    # By cluster, so that each has its rows together.
    order = np.argsort(cluster, kind="stable")
    place, cluster = place[order], cluster[order]
    weights = columns.values[key.weights][place] if key.weights else None
    root = None if weights is None else root_weights(weights, key.weights)
    values = np.column_stack([columns.values[k][place] for k in names])
    there = np.asarray(np.isfinite(values).all(axis=0))
    values = np.where(there[None, :], values, 0.0)
    power = powers(values)
    values = times_power(values, -power)

    terms = {k: columns.terms[k] for k in key.effects}
    slopes = {k: term.slope for k, term in terms.items() if term.slope}
    used = pd.DataFrame(
        {
            **{k: term.code[place] for k, term in terms.items()},
            **{k: columns.values[k][place] for k in slopes.values()},
        },
        index=place,
    )
    sloped = [*slopes.values()]
    effects = Effects.of(used, key.effects, cluster, root=root, slopes=sloped)
    if slopes and (first := next(iter(slopes))) != effects.nested[0]:
        raise TivaxError(
            f"slopes of {first} take the only effect that the clusters nest"
        )
    Q, F = effects.basis, effects.within(values)
    before = np.linalg.norm(values * effects.root[:, None], axis=0)
    net = np.linalg.norm(F, axis=0)
    F = effects.without_dummies(F)
    size = np.linalg.norm(F, axis=0)
    left = np.divide(size, net, out=np.zeros_like(size), where=net > 0)
    gone = (left < COLLINEAR) | (size <= COLLINEAR * before)
    left[gone], size[gone] = 0, 0
    F = np.where(gone[None, :], 0, F) / np.where(gone, 1, size)[None, :]

    d, more = Q.shape[1], np.zeros((len(F), factors - len(names)))
    F = np.hstack([F, more])
    both = np.hstack([Q, np.zeros((len(F), width - d)), F])
    products = np.zeros((len(columns.labels), factors, width + factors))
    starts = np.flatnonzero(np.diff(cluster, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(F)], strict=True):
        products[cluster[start]] = F[start:stop].T @ both[start:stop]
    return Base(
        products=products,
        names=tuple(names),
        size=times_power(size, power),
        left=left,
        n=len(F),
        clusters=len(starts),
        k=effects.k,
    )
