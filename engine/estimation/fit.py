"""A design and its estimates: coefficients, CV1, clusters left out, wild draws.

    H   C (C'C)^-1: beta = H'y; by 2SLS C is projected on the instruments first
    B   an orthonormal basis of C, projected likewise
    u   residuals y - C beta

These are products of NumPy, since every design has columns of its own: to compile a
program for each shape would take far longer. What takes every draw or every cluster
goes through ``kernels.clusters`` by ``products``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels import clusters as kernel
from ...kernels import jackknife, resampling
from ...kernels.clusters import ClusterFit
from ...kernels.covariance_factors import cluster_factor
from ...kernels.panels.sample_fits import SampleFits, fit_clusters
from ...kernels.two_way import TwoWayLoadings
from ..core import (
    Listing,
    Printable,
    TivaxError,
    in_float64,
    naming,
    number_text,
    p_text,
    require_kind,
)
from .design import Design
from .distributions import t_ppf, t_sf
from .effects import is_nested, sums_by
from .estimates import Estimate
from .linear_fits import LinearFit, Vcov, two_ways
from .model import Model
from .model_data import alone_note, singly_identified
from .regression_data import (
    explained,
    independent,
    lost_to_rounding,
    of_norm_one,
    orthonormal,
    rounding_of,
)
from .vcov import vcov_of


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


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Design, Printable):
    """A design and its estimates; it prints as a table of the treatments, CV1.

    Attributes
    ----------
    H, B, u
        As in the module, of rows times the root of their weight.
    without_se
        The reason where nothing but rounding is left of the standard error of a
        treatment; empty otherwise.
    """

    H: Float[np.ndarray, "n p"]
    B: Float[np.ndarray, "n p"]
    u: Float[np.ndarray, " n"]
    without_se: str

    @classmethod
    def of(cls, panel: pd.DataFrame, model: Model, **options: Any) -> "Fit":
        """Fit a model on its sample of a panel, as ``Design.of`` puts it there."""
        own = Design.of(panel, model, **options)
        C, y, layout = own.C, own.y, own.layout
        projected, B = C, own.basis
        if layout.instruments:
            W = C[:, : layout.exogenous]
            first = orthonormal(np.hstack([W, own.Z])).basis
            projected = first @ (first.T @ C)
            B = orthonormal(projected / np.linalg.norm(projected, axis=0)).basis
        H = B @ np.linalg.inv(B.T @ projected).T
        effects = B[:, : layout.dummies]
        net = y - effects @ (effects.T @ y)
        left = net - C @ (H.T @ net)
        left = left - C @ (H.T @ left)
        rounding = rounding_of(y, net)
        lost = lost_to_rounding(H.T, left, [own.cluster], rounding)
        gone = lost.terms[layout.exogenous :].any()
        return Fit(
            **vars(own),
            H=H,
            B=B,
            u=y - C @ (H.T @ y),
            without_se=lost.reason(model.outcome, own.clusters) if gone else "",
        )

    def _listings(self) -> Sequence[Listing]:
        rows = [
            (name, *map(number_text, (b, se)), p_text(t_test(b, se, self.clusters)[2]))
            for name, b, se in zip(
                self.model.treatments, self.coef, self.se, strict=True
            )
        ]
        notes = [f"{self.model.equation}: {self.n:,} rows, {self.clusters:,} clusters"]
        notes += filter(None, [self.without_se or self.alone])
        title = self.model.name or self.model.outcome
        return [Listing(title, ("", "estimate", "se", "p"), rows, notes)]

    @property
    def h(self) -> Float[np.ndarray, "n q"]:
        """The columns of H that are of the treatments."""
        return self.H[:, self.layout.exogenous :]

    @cached_property
    def coef(self) -> Float[np.ndarray, " q"]:
        """The estimates of the treatments, in units of the panel."""
        return self.h.T @ self.y * self.unit

    @cached_property
    def influence(self) -> Float[np.ndarray, "G q"]:
        """Contribution of each cluster to the error of the treatments, in units of the
        panel."""
        return self.by_cluster(self.h * self.u[:, None]) * self.unit

    @property
    def by_label(self) -> pd.DataFrame:
        """``influence`` with the labels of the clusters."""
        return pd.DataFrame(self.influence, self.labels)

    @property
    def se(self) -> Float[np.ndarray, " q"]:
        """CV1; NaN where nothing but rounding is left of it."""
        if self.without_se:
            return np.full(len(self.coef), np.nan)
        return np.sqrt(self.correction * (self.influence**2).sum(axis=0))

    @cached_property
    def alone(self) -> str:
        """Note on treatments that one cluster alone identifies; empty for none."""
        flags = singly_identified(self.B, self.h.T, self.cluster)
        return alone_note(flags, self.model.treatments, self.labels)

    @property
    def residual(self) -> float:
        """|X'(y - X beta)|, of columns of length 1: what rounding leaves of 0."""
        return float(np.linalg.norm(self.B.T @ self.u))

    @property
    def row_weights(self) -> Float[np.ndarray, "n q"]:
        """c of each treatment: its coefficient is c'y, y the outcome of ``used``."""
        root, size = self.effects.root[:, None], self.size[-1]
        return self.h * root * self.unit / size

    @property
    def treatment_left(self) -> Float[np.ndarray, "n q"]:
        """The treatments net of everything else, in units of the panel."""
        return self.h / (self.h**2).sum(axis=0) * self.size[-1] / self.unit

    # --------------------------------------------------- covariances, clusters left out

    def vcov(self, vcov: Vcov | str = "CV1") -> Estimate:
        """All coefficients with this covariance: see :func:`fixed_effects`.

        Raises ``TivaxError`` but for effects of entities, which clusters hold, and of
        periods, at most one endogenous regressor, and no weights.
        """
        model, effects, found = self.model, self.effects, vcov_of(vcov)
        both = effects.nested == (model.entity,) and effects.crossed == (model.time,)
        others = effects.slopes or np.ptp(effects.root) or model.endogenous[1:]
        if not both or others:
            raise TivaxError(
                f"model {model.name}: vcov takes effects of entities, within clusters, "
                "and of periods alone, one endogenous regressor at most, and no "
                "weights; use covariance"
            )
        own: Fit = self
        if (second := found.second) and second not in self.used:
            number, labels = self.second_clusters(second)
            used = self.used.assign(**{second: np.array(labels)[number]})
            own = replace(self, used=used)
        return LinearFit.of(own, model.clusters).vcov(found)

    @cached_property
    @in_float64
    def cluster_fit(self) -> ClusterFit:
        """The fit of ``products``, as kernels take it."""
        ones = jax.device_put(np.ones(self.clusters))
        return jax.tree.map(
            np.asarray, kernel.fit(self.products, ones, layout=self.layout)
        )

    @in_float64
    def covariance(self, kind: str = "CV1") -> Float[np.ndarray, "q q"]:
        """Covariance of the treatments, in units of the panel: CV1, CV2, CV3, CV3J or
        V5, or two-way clusters of a column, such as ``two-way year``.

        V5 is Hansen's (2025) jackknife. With least squares it always exists: a
        treatment that the other clusters do not identify has the estimate 0 without
        this one. CV3 and CV3J are then NaN.
        """
        if kind == "CV1":
            return self.correction * self.influence.T @ self.influence
        if kind.startswith("two-way "):
            second = kind.removeprefix("two-way ")
            K = self._two_way_form(self.h * self.u[:, None], second)
            return self.two_way_correction(second) * K * np.outer(self.unit, self.unit)
        if kind == "CV2":
            x = slice(self.layout.exogenous, None)
            V = np.asarray(kernel.cv2(jax.device_put(self.cluster_fit)))[x, x]
            return V * np.outer(self.unit, self.unit)
        refits = self.left_out()
        if kind == "V5" and np.isnan(refits).any() and not self.layout.instruments:
            estimates = jackknife.left_out_estimates(self.products, layout=self.layout)
            refits = np.asarray(estimates) * self.unit
        coef, left = jax.device_put((self.coef, refits))
        if kind == "CV3J":
            return np.asarray(jackknife.cv3j(left))
        return np.asarray((kernel.cv3 if kind == "CV3" else jackknife.v5)(coef, left))

    @in_float64
    def left_out(self) -> Float[np.ndarray, "G q"]:
        """The estimates of the treatments without each cluster, in units of the panel.

        NaN where the other clusters do not identify them.
        """
        return np.asarray(_left_out(self.products, layout=self.layout)) * self.unit

    @in_float64
    def samples(self, weights: Float[np.ndarray, "s G"]) -> SampleFits:
        """Estimates and CV1 variances of the first treatment, in units of the panel, on
        the clusters with weight 1 in each sample, the others 0."""
        weighted = jax.device_put(weights)
        found = fit_clusters(self.products, weighted, layout=self.layout)
        unit = jax.device_put(self.unit[0])
        return found._replace(coef=found.coef * unit, variance=found.variance * unit**2)

    # ----------------------------------------------------------------- two-way clusters

    def two_way_correction(self, second: str) -> float:
        """fixest's: G/(G-1) of the fewer clusters; effects nested in either do not
        count among the parameters, one constant does."""
        number, _ = self.second_clusters(second)
        fewer = min(self.clusters, len(set(number)))
        crossed = self.effects.crossed
        own = all(is_nested(code, number) for code in self.effects.codes.T)
        k = self.layout.regressors - (self.layout.dummies if own and crossed else 0)
        k += bool(self.effects.nested or (own and crossed))
        return cluster_factor(fewer, self.n, k)

    @in_float64
    def two_way_loadings(
        self, k: int, second: str, null: float, *, restricted: bool = True
    ) -> TwoWayLoadings:
        """Loadings of treatment ``k`` against a null in units of the panel:
        ``kernels.two_way``.

        Weights are of the second clusters where these are fewer, else of the first.
        """
        x, u = self.h[:, k], self.u
        if restricted:
            # x / x'x is the treatment net of all others.
            u = u + (self.coef[k] - null) / self.unit[k] * x / (x @ x)
        number, _ = self.second_clusters(second)
        of_weights = number if self.weighs_second(second) else self.cluster
        drawn = u[:, None] * np.eye(of_weights.max() + 1)[of_weights]
        net = self.effects.within(drawn)
        net = net - self.B @ (self.B.T @ net)
        K = self._two_way_form(x[:, None] * net, second)
        a, correction = x @ drawn, np.asarray(self.two_way_correction(second))
        return TwoWayLoadings(*jax.device_put((a, K, correction)))

    def _two_way_form(
        self, scores: Float[np.ndarray, "n r"], second: str
    ) -> Float[np.ndarray, "r r"]:
        """Scores of rows summed by both kinds of clusters, less their cells."""
        number, _ = self.second_clusters(second)
        K = np.zeros((scores.shape[1],) * 2)
        for sign, group in two_ways(self.cluster, number):
            sums = sums_by(group, scores)
            K += sign * sums.T @ sums
        return K

    # ------------------------------------------------------------------- the wild draws

    def wild_form(self, j: int) -> WildForm:
        """The draws of treatment ``j`` under the null of no effect."""
        if self.layout.instruments:
            return self._instrumented()
        h = self.h[:, j]
        restricted = self.u + h / (h @ h) * (h @ self.y)
        return WildForm(self.correction, self._low_rank(h, restricted, self.B))

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


_left_out = jax.jit(
    partial(resampling.leave_one_out, written_out=0), static_argnames="layout"
)


def fit_model(panel: pd.DataFrame, model: Model) -> Fit:
    """Fit a model whose clusters are to be drawn.

    Raises ``TivaxError`` in one line that names the model: what ``Design.of`` refuses,
    errors that are nothing but rounding, and cross products without digits.

    Parameters
    ----------
    panel : DataFrame
        A row for each unit and period.
    model : Model
        Outcome, regressors, effects and clusters.

    Returns
    -------
    Fit
        The fit, whose clusters can be left out or drawn.

    Examples
    --------
    >>> fit = tx.fit_model(panel, tx.Model("main", "growth", ["trade", "gdp"]))
    >>> fit.left_out().shape
    (12, 1)
    """
    require_kind("model", model, Model, "a tx.Model")
    with naming(f"model {model.name}"):
        fit = Fit.of(panel, model)
        _require_digits(fit)
    return fit


# Powers of ten of a coefficient, up or down, whose square is a number of 64 bits.
_LARGEST = 140


def _require_digits(fit: Fit) -> None:
    """Draws are of cross products, in units of the panel: the outcome must have digits
    left in them, the errors must be more than rounding, and squares of coefficients
    numbers of 64 bits."""
    model, layout = fit.model, fit.layout
    for used, by in (
        (layout.dummies, "the effects alone"),
        (layout.regressors, "the regressors and the effects"),
    ):
        if len(independent(fit.rows[:, [*range(used), -1]])) == used:
            raise explained(model.outcome, by, fit.n)
    if fit.without_se:
        raise TivaxError(f"no standard error, {fit.without_se}")
    its = fit.size[layout.exogenous : layout.regressors]
    for name, length in zip(model.treatments, its, strict=True):
        digits = np.log10(fit.size[-1]) - np.log10(length)
        if abs(digits) > _LARGEST:
            raise TivaxError(
                f"a coefficient of {name} of size 1e{digits:+.0f} has no variance in "
                f"64 bits; write {model.outcome} or {name} in another unit"
            )


def t_test(coef: float, se: float, clusters: int) -> tuple[float, float, float]:
    """Coefficient, error and p by t(G - 1)."""
    p = 2 * t_sf(abs(coef) / se, clusters - 1) if se > 0 else np.nan
    return float(coef), float(se), float(p)


def t_row(coef: float, se: float, clusters: int) -> dict[str, float]:
    """Columns of a table: ``t_test`` and the 95 % interval by t(G - 1)."""
    b, se, p = t_test(coef, se, clusters)
    reach = float(t_ppf(0.975, clusters - 1)) * se
    ends = {"ci_low": b - reach, "ci_high": b + reach}
    return {"estimate": b, "se": se, "p_value": p, **ends}
