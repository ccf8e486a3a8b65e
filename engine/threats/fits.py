"""A model on its rows: coefficient, CV1, row weights, and what wild draws need.

    C   columns [D, W, X]: dummies, controls, treatments, net of what units nest
    H   C (C'C)^-1: beta = H'y; by 2SLS C is projected on the instruments first
    B   an orthonormal basis of C
    g   clusters

Effects of units, and slopes that each unit has (trends, loadings of factors), are
taken out within each unit, which clusters hold: exact. Every threat has columns of its
own, so these are products of NumPy: to compile a program for each shape would take far
longer. Weights multiply rows by their square roots.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import TivaxError
from ..estimation import (
    COLLINEAR,
    alone_note,
    complete_rows,
    independent,
    of_norm_one,
    orthonormal,
    powers,
    require_identified,
    singly_identified,
    t_sf,
    times_power,
    without_error,
)
from .variants import Variant


class LowRank(NamedTuple):
    """Linear in wild weights v: cluster g has a_g v_g - P_g (R'v)."""

    a: Float[np.ndarray, " G"]
    P: Float[np.ndarray, "G r"]
    R: Float[np.ndarray, "G r"]

    @property
    def matrix(self) -> Float[np.ndarray, "G G"]:
        return np.diag(self.a) - self.P @ self.R.T


class WildForm(NamedTuple):
    """Loadings that the wild draws of one coefficient take, by cluster of the panel.

    Least squares (WCR): ``scores``. Two-stage least squares (WRE): ``zz``, ``fixed``,
    ``x`` and ``y`` of ``kernels.resampling.InstrumentLoadings``.
    """

    correction: float
    scores: LowRank | None = None
    zz: Float[np.ndarray, "e e"] | None = None
    fixed: Float[np.ndarray, "e G"] | None = None
    x: tuple[LowRank, ...] = ()
    y: tuple[LowRank, ...] = ()


@dataclass(frozen=True, eq=False)
class VariantFit:
    """A variant on its rows.

    Attributes
    ----------
    used
        The rows of the variant's frame.
    y, C, H, B, u
        As in the module, u the residuals; of rows times the root of their weight.
    root
        Roots of the rows' weights.
    units, outcome_unit
        Lengths of the treatments' columns and of the outcome's, in units of the panel.
    cluster
        Number of each row's cluster; ``clusters`` of them in the sample.
    nested
        Effects that the clusters nest: they were taken out, and k counts them as one.
    k
        k of the correction G/(G-1) (N-1)/(N-k).
    """

    variant: Variant
    used: pd.DataFrame
    y: Float[np.ndarray, " n"]
    C: Float[np.ndarray, "n p"]
    Z: Float[np.ndarray, "n e"]
    H: Float[np.ndarray, "n p"]
    B: Float[np.ndarray, "n p"]
    u: Float[np.ndarray, " n"]
    root: Float[np.ndarray, " n"]
    units: Float[np.ndarray, " q"]
    outcome_unit: float
    cluster: Int[np.ndarray, " n"]
    nested: tuple[str, ...]
    k: int
    without_se: str

    @property
    def n(self) -> int:
        return len(self.y)

    @cached_property
    def clusters(self) -> int:
        return int(self.cluster.max()) + 1

    @property
    def unit(self) -> Float[np.ndarray, " q"]:
        """Times this, a coefficient of C is in units of the panel."""
        return self.outcome_unit / self.units

    @property
    def q(self) -> int:
        return len(self.variant.model.treatments)

    @property
    def correction(self) -> float:
        G, N = self.clusters, self.n
        return G / (G - 1) * (N - 1) / (N - self.k)

    @cached_property
    def coef(self) -> Float[np.ndarray, " q"]:
        """Coefficients of the treatments, in the panel's units."""
        return self.H[:, -self.q :].T @ self.y * self.unit

    @cached_property
    def influence(self) -> Float[np.ndarray, "G q"]:
        """Contribution of each cluster to the error of the treatments, units of the
        panel."""
        scores = self.H[:, -self.q :] * self.u[:, None]
        return self.by_cluster(scores) * self.unit

    @property
    def labels(self) -> np.ndarray:
        """Labels of the clusters, in the order of their numbers."""
        return np.unique(self.used[self.variant.model.clusters])

    @property
    def by_label(self) -> pd.DataFrame:
        """``influence`` with the clusters' own labels."""
        return pd.DataFrame(self.influence, self.labels)

    @property
    def se(self) -> Float[np.ndarray, " q"]:
        """CV1; NaN where nothing but rounding is left of it."""
        if self.without_se:
            return np.full(self.q, np.nan)
        return np.sqrt(self.correction * (self.influence**2).sum(axis=0))

    @cached_property
    def alone(self) -> str:
        """Note on treatments that one cluster alone identifies; empty for none."""
        flags = singly_identified(self.B, self.H[:, -self.q :].T, self.cluster)
        return alone_note(flags, self.variant.model.treatments, [*self.labels])

    @property
    def residual(self) -> float:
        """|X'(y - X beta)|, of columns of length 1: what rounding leaves of 0."""
        return float(np.linalg.norm(self.B.T @ self.u))

    @property
    def row_weights(self) -> Float[np.ndarray, "n q"]:
        """c of each treatment: its coefficient is c'y, y the outcome of ``used``."""
        return self.H[:, -self.q :] * self.root[:, None] / self.units

    @property
    def treatment_left(self) -> Float[np.ndarray, "n q"]:
        """The treatments net of everything else, in units of the panel."""
        h = self.H[:, -self.q :]
        return h / (h**2).sum(axis=0) * self.units

    def by_cluster(self, rows: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "G m"]:
        """Sums of rows."""
        total = np.zeros((self.clusters, rows.shape[1]))
        np.add.at(total, self.cluster, rows)
        return total

    def wild_form(self, j: int) -> WildForm:
        """The draws of treatment ``j`` under the null of no effect."""
        if self.Z.shape[1]:
            return self._instrumented()
        h = self.H[:, [len(self.H.T) - self.q + j]]
        restricted = self.u + h[:, 0] / (h[:, 0] @ h[:, 0]) * (h[:, 0] @ self.y)
        return WildForm(self.correction, self._low_rank(h[:, 0], restricted, self.B))

    def _low_rank(
        self,
        left: Float[np.ndarray, " n"],
        residual: Float[np.ndarray, " n"],
        basis: Float[np.ndarray, "n r"],
    ) -> LowRank:
        """left_g'(u_g v_g - fitted), the fitted of u v on the basis."""
        return LowRank(
            self.by_cluster((left * residual)[:, None])[:, 0],
            self.by_cluster(left[:, None] * basis),
            self.by_cluster(residual[:, None] * basis),
        )

    def _instrumented(self) -> WildForm:
        """WRE under no effect (Davidson and MacKinnon 2010): the structural residuals
        are the outcome's net of W, the first stage is fitted with these in it."""
        W = orthonormal(of_norm_one(self.C[:, :-1])).basis
        z, x, y = (k - W @ (W.T @ k) for k in (self.Z, self.C[:, -1], self.y))
        first = np.column_stack([z, y])
        pi = np.linalg.lstsq(first, x, rcond=None)[0][:-1]
        of_x = x - z @ pi
        # z'z pi, the part of z'x that is not resampled.
        fixed = self.by_cluster(z * (z @ pi)[:, None]).T
        return WildForm(
            self.correction,
            zz=z.T @ z,
            fixed=fixed,
            x=tuple(self._low_rank(k, of_x, W) for k in z.T),
            y=tuple(self._low_rank(k, y, W) for k in z.T),
        )


def fit_variant(variant: Variant) -> VariantFit:
    """Fit a variant on the complete rows of its frame.

    Raises ``TivaxError`` in one line for what ``fit_model`` refuses, no more clusters
    than regressors, and weights that are not positive.
    """
    model = variant.model
    keys = list(dict.fromkeys([model.clusters, *model.all_effects]))
    columns = [model.outcome, *model.columns[:-1], *variant.slopes]
    weighted = [variant.weights] if variant.weights else []
    used = complete_rows(variant.frame, [*columns, *weighted], keys)
    cluster = pd.factorize(used[model.clusters], sort=True)[0]
    _require_clusters(cluster, model.regressors)
    root = _roots(used, variant.weights)
    values = used[list(model.columns)].to_numpy(float)
    power = powers(values)
    values = times_power(values, -power)
    nested = [k for k in model.all_effects if is_nested(used[k], cluster)]
    crossed = [k for k in model.all_effects if k not in nested]
    if variant.slopes and len(nested) != 1:
        raise TivaxError("slopes of units take one effect that the clusters nest")
    dummies = effect_dummies(used, crossed, constant=not nested)
    every = np.hstack([dummies, values]) * root[:, None]
    level = np.linalg.norm(every, axis=0)
    every, added = net_of_units(every, used, nested, variant.slopes, root)
    every[:, np.linalg.norm(every, axis=0) <= COLLINEAR * level] = 0
    d = independent(every[:, : dummies.shape[1]])
    kept = [*d.tolist(), *range(dummies.shape[1], every.shape[1])]
    every = every[:, kept]
    size = np.linalg.norm(every, axis=0)
    B = require_identified(
        of_norm_one(every),
        model.outcome,
        controls=model.controls,
        treatments=model.treatments,
        instruments=model.instruments,
    )
    every = every / size
    e, q = len(model.instruments), len(model.treatments)
    p = every.shape[1] - 1 - e
    C, Z, y = every[:, :p], every[:, p : p + e], every[:, -1]
    projected = C
    if e:
        basis = orthonormal(np.hstack([C[:, : p - q], Z])).basis
        projected = basis @ (basis.T @ C)
        B = orthonormal(projected / np.linalg.norm(projected, axis=0)).basis
    H = B @ np.linalg.inv(B.T @ projected).T
    u = y - C @ (H.T @ y)
    lost = without_error(
        C, y, [cluster], dummies=len(d), fitted=projected if e else None, basis=B
    )
    gone = lost.terms[-q:].any()
    units = times_power(size, np.concatenate([np.zeros(len(d), int), power]))
    return VariantFit(
        variant=variant,
        used=used,
        y=y,
        C=C,
        Z=Z,
        H=H,
        B=B,
        u=u,
        root=root,
        units=units[p - q : p],
        outcome_unit=float(units[-1]),
        cluster=cluster,
        nested=tuple(nested),
        k=p + added + bool(nested),
        without_se=lost.reason(model.outcome, int(cluster.max()) + 1) if gone else "",
    )


def _require_clusters(
    cluster: Int[np.ndarray, " n"], regressors: Sequence[str]
) -> None:
    """Scores of G clusters sum to zero: with no more of them than regressors a
    clustered error may be rounding with three stars."""
    G = int(cluster.max()) + 1
    if len(regressors) >= G:
        raise TivaxError(
            f"{G} clusters are left for {len(regressors)} regressors; it takes more "
            "clusters than regressors"
        )


def _roots(used: pd.DataFrame, weights: str) -> Float[np.ndarray, " n"]:
    """Roots of the rows' weights, which are 1 in the mean."""
    if not weights:
        return np.ones(len(used))
    return roots_of(used[weights].to_numpy(float), weights)


def roots_of(w: Float[np.ndarray, " n"], name: str) -> Float[np.ndarray, " n"]:
    """Roots of weights that are 1 in the mean."""
    if not (w > 0).all():
        raise TivaxError(f"weights {name}: {w.min():.4g} is not positive")
    return np.sqrt(w / w.mean())


def is_nested(effect: pd.Series, cluster: Int[np.ndarray, " n"]) -> bool:
    """True if each value of the effect is in one cluster."""
    codes = pd.factorize(effect)[0]
    pairs = np.unique(codes * (cluster.max() + 1) + cluster)
    return bool(len(pairs) == codes.max() + 1)


def effect_dummies(
    used: pd.DataFrame, effects: Sequence[str], *, constant: bool
) -> Float[np.ndarray, "n d"]:
    """A constant where nothing absorbs it, then a dummy for each value."""
    parts = [np.ones((len(used), int(constant)))]
    for effect in effects:
        codes = pd.factorize(used[effect], sort=True)[0]
        parts.append((codes[:, None] == np.arange(codes.max() + 1)).astype(float))
    return np.hstack(parts)


def net_of_units(
    columns: Float[np.ndarray, "n m"],
    used: pd.DataFrame,
    nested: Sequence[str],
    slopes: Sequence[str],
    root: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "n m"], int]:
    """Columns net of nested effects and of each unit's slopes; how many slopes that
    are."""
    if not nested:
        return columns, 0
    if len(nested) > 1:
        D = of_norm_one(effect_dummies(used, nested, constant=False) * root[:, None])
        basis = orthonormal(D).basis
        return columns - basis @ (basis.T @ columns), 0
    left, added = np.empty_like(columns), 0
    unit = pd.factorize(used[nested[0]])[0]
    own = used[list(slopes)].to_numpy(float)
    order = np.argsort(unit, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(unit[order])) + 1):
        w, part = root[rows, None], columns[rows]
        constant = w / np.linalg.norm(w)
        part = part - constant @ (constant.T @ part)
        if slopes:
            S = own[rows] * w
            level = np.linalg.norm(S, axis=0)
            basis = orthonormal(
                of_norm_one(S - constant @ (constant.T @ S), level)
            ).basis
            basis = basis[:, basis.any(axis=0)]
            part = part - basis @ (basis.T @ part)
            added += basis.shape[1]
        left[rows] = part
    return left, added


def t_test(coef: float, se: float, clusters: int) -> tuple[float, float, float]:
    """Coefficient, error and p by t(G - 1)."""
    p = 2 * t_sf(abs(coef) / se, clusters - 1) if se > 0 else np.nan
    return float(coef), float(se), float(p)
