"""A design and its estimates, beta = H'y, and what covariances and draws are made from.

    H   C (C'C)^-1, by 2SLS with C projected on the instruments first       (N, p)
    B   an orthonormal basis of C, projected likewise                       (N, p)
    u   residuals y - C beta                                                (N,)
    s   scores of the rows, H u                                             (N, p)

These are products of NumPy, since every design has columns of its own: to compile a
program for each shape would take far longer. What takes every draw or every cluster
goes through ``kernels.clusters`` by ``products``. A covariance is a ``Vcov``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple, Self

import jax
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ...kernels import clusters as kernel
from ...kernels import resampling
from ...kernels.clusters import ClusterFit, Layout
from ...kernels.covariance_factors import cluster_factor
from ...kernels.panels.sample_fits import SampleFits, fit_clusters
from ...kernels.two_way import TwoWayLoadings
from ..core import TivaxError, in_float64, naming, require_kind
from .design import Design
from .distributions import t_ppf, t_sf
from .effects import is_nested, sums_by
from .model import Model
from .model_data import LEVERAGE, Block, alone_note, singly_identified
from .regression_data import (
    explained,
    independent,
    lost_to_rounding,
    net_of,
    of_norm_one,
    orthonormal,
    rounding_of,
)


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


class Covariance(NamedTuple):
    """The covariance of a fit's terms, and what is said of it.

    ``convention`` is its name or words, ``words`` those of a name; ``clusters`` 0
    without any; ``degrees`` those of t, for all terms or each (by default G - 1);
    ``lost`` the terms without a standard error, for this ``reason``; ``alone`` those
    that one cluster identifies, without stars. A library that computes it may give its
    ``coef`` (slopes and the constant), the fitted ``u`` and ``r2``.
    """

    V: Float[np.ndarray, "q q"]
    convention: str
    clusters: int = 0
    degrees: int | Float[np.ndarray, " q"] | None = None
    lost: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""
    words: str = ""
    alone: tuple[str, ...] = ()
    coef: Float[np.ndarray, " r"] | None = None
    u: Float[np.ndarray, " N"] | None = None
    r2: float | None = None


class Vcov:
    """A covariance: a frozen dataclass of its parameters, whose ``of`` computes it.

    ``by_clusters``: it takes a column of clusters. ``second``: a further column that it
    needs, if any.
    """

    by_clusters: ClassVar[bool] = False
    second: str | None = None

    def of(self, fit: "LinearFit") -> Covariance:
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class LinearFit(Design):
    """A design and its estimates.

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
    def of(cls, panel: pd.DataFrame, model: Model, **options: Any) -> Self:
        """Fit a model on its sample of a panel, as ``Design.of`` puts it there."""
        return cls.solved(Design.of(panel, model, **options))

    @classmethod
    def to_draw(cls, panel: pd.DataFrame, model: Model, weights: str = "") -> Self:
        """A fit whose clusters can be left out or drawn.

        Raises ``TivaxError`` in one line that names the model: what ``Design.of``
        refuses, errors that are nothing but rounding, and cross products without
        digits.
        """
        require_kind("model", model, Model, "a tx.Model")
        with naming(f"model {model.name}"):
            fit = cls.of(panel, model, weights=weights)
            _require_digits(fit)
        return fit

    @classmethod
    def solved(cls, own: Design) -> Self:
        """Least squares of a design, or two stages where it has instruments."""
        C, y, layout = own.C, own.y, own.layout
        projected, B = C, own.basis
        if layout.instruments:
            W = C[:, : layout.exogenous]
            first = orthonormal(np.hstack([W, own.Z])).basis
            projected = first @ (first.T @ C)
            B = orthonormal(projected / np.linalg.norm(projected, axis=0)).basis
        H = B @ np.linalg.inv(B.T @ projected).T
        net = own.net
        left = net - C @ (H.T @ net)
        left = left - C @ (H.T @ left)
        lost = lost_to_rounding(H.T, left, [own.cluster], rounding_of(y, net))
        gone = lost.terms[layout.exogenous :].any()
        return cls(
            **vars(own),
            H=H,
            B=B,
            u=y - C @ (H.T @ y),
            without_se=lost.reason(own.model.outcome, own.clusters) if gone else "",
        )

    def first_stage(self) -> Self:
        """Least squares of the only endogenous regressor, on the same rows."""
        model, layout, d = self.model, self.layout, self.layout.dummies
        regressors = (*model.controls, *model.instruments)
        names = {"treatment": regressors, "endogenous": (), "instruments": ()}
        (x,) = model.treatments
        first = replace(model, outcome=x, regressors=regressors, **names)
        order = [*range(d), *self.places(first.columns)]
        rows = self.rows[:, order]
        columns = np.hstack([self.C[:, : layout.exogenous], self.Z])
        own = dict[str, Any]((k, getattr(self, k)) for k in Design.__dataclass_fields__)
        own.update(model=first, rows=rows, size=self.size[order])
        own.update(layout=Layout(d, 0, len(regressors)))
        own.update(basis=orthonormal(columns).basis)
        return self.solved(Design(**own))

    # ------------------------------------------------------------------- the treatments

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

    # ---------------------------------------------------------- all terms, and the rows

    @property
    def names(self) -> tuple[str, ...]:
        """The terms: regressors in the order of the columns, endogenous ones first."""
        model = self.model
        both = (model.controls, model.treatments)
        first, then = both[::-1] if model.instruments else both
        return (*first, *then)

    @property
    def terms(self) -> tuple[str, ...]:
        """The names, and the constant where there are no effects."""
        return self.names if self.model.all_effects else (*self.names, "const")

    @cached_property
    def slopes(self) -> Float[np.ndarray, "q N"]:
        """The rows of H' that are of the terms."""
        H, q = self.H[:, self.layout.dummies :].T, self.layout.treatments
        H = np.roll(H, q, axis=0) if self.layout.instruments else H
        return H if self.model.all_effects else np.vstack([H, self.H[:, 0]])

    @property
    def by(self) -> str:
        """The column of clusters."""
        return self.model.clusters

    def column(self, role: str) -> str:
        """The column of entities or periods; ``TivaxError`` without one."""
        if not (name := getattr(self.model, role)):
            raise TivaxError(f"this vcov takes {_ROLES[role]}; name it: {role}=")
        return name

    @cached_property
    def entity(self) -> Int[np.ndarray, " N"]:
        """Number of each row's entity, in the order of their names."""
        return self.codes(self.column("entity"))

    @property
    def entities(self) -> list[Any]:
        """Their names, sorted."""
        return self.groups(self.column("entity"))[1]

    def groups(self, column: str) -> tuple[Int[np.ndarray, " N"], list[Any]]:
        """The number of each row's value of a column, and the values."""
        if column not in self.used:
            number, labels = self.second_clusters(column)
            return pd.factorize(number, sort=True)[0], [
                labels[k] for k in sorted(set(number))
            ]
        codes, values = pd.factorize(self.used[column], sort=True)
        return codes, [*values]

    def codes(self, column: str) -> Int[np.ndarray, " N"]:
        return self.groups(column)[0]

    @property
    def parameters(self) -> int:
        """Slopes and effects, all counted."""
        return len(self.names) + self.effects.count

    def counted(self, code: Int[np.ndarray, " N"]) -> int:
        """k where effects that are nested in these groups count as one, as fixest's."""
        crossed = self.effects.codes.T
        others = [k for k in crossed if not is_nested(k, code)]
        if len(others) == len(crossed):
            return self.k
        return len(self.names) + 1 + sum(int(k.max()) for k in others)

    @cached_property
    def scores(self) -> Float[np.ndarray, "q N"]:
        return self.slopes * self.u[None, :]

    def sums(self, code: Int[np.ndarray, " N"]) -> Float[np.ndarray, "n q"]:
        """Scores added up by group."""
        return sums_by(code, self.scores.T)

    def lost(
        self, *codes: Int[np.ndarray, " N"], alone: Bool[np.ndarray, " q"] | None = None
    ) -> tuple[tuple[str, ...], str]:
        """Terms of which groups leave no error but rounding, each way of grouping (see
        ``lost_to_rounding``), or which a group identifies ``alone``, and the reason."""
        rounding = rounding_of(self.y, self.net)
        lost = lost_to_rounding(self.slopes, self.u, codes, rounding)
        fewest = min((int(code.max()) + 1 for code in codes), default=self.n)
        flags, reason = lost.terms, lost.reason(self.model.outcome, fewest)
        if alone is not None and alone.any() and not lost.perfect:
            flags, reason = flags | alone, "one cluster alone identifies it"
        gone = [k for k, its in zip(self.terms, flags, strict=True) if its]
        return (*gone, *(["const"] if lost.perfect else [])), reason

    def clustered(self) -> dict[str, Any]:
        """The number of clusters, the terms of which they leave no error, and a note on
        those that one alone identifies."""
        lost, reason = self.lost(self.cluster)
        found = {"lost": lost, "reason": reason, "clusters": self.clusters}
        return found if lost else found | self.held_alone(self.model.clusters)

    def held_alone(self, *columns: str) -> dict[str, Any]:
        """Terms that a single group of one of these columns identifies, and a note."""
        terms, notes = [], []
        for column in columns:
            code, labels = self.groups(column)
            flags = singly_identified(self.B, self.slopes, code)
            terms += [k for k, own in zip(self.terms, flags, strict=True) if own.any()]
            notes.append(alone_note(flags, self.terms, labels))
        return {"alone": tuple(terms), "note": "; ".join(filter(None, notes))}

    # ----------------------------------------------------- covariances, groups left out

    def covariance(self, vcov: Vcov | None = None) -> Float[np.ndarray, "q q"]:
        """Covariance of the treatments, in units of the panel; by default CV1."""
        if vcov is None:
            return self.correction * self.influence.T @ self.influence
        place = [self.names.index(k) for k in self.model.treatments]
        V = vcov.of(self).V[np.ix_(place, place)]
        return V * np.outer(self.unit, self.unit)

    @cached_property
    @in_float64
    def cluster_fit(self) -> ClusterFit:
        """The fit of ``products``, as kernels take it."""
        ones = jax.device_put(np.ones(self.clusters))
        return jax.tree.map(
            np.asarray, kernel.fit(self.products, ones, layout=self.layout)
        )

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

    def blocks(
        self, code: Int[np.ndarray, " N"], basis: Float[np.ndarray, "N p"]
    ) -> Iterator[Block]:
        """The leverages of each group of rows, effects within clusters included."""
        effects, root = self.effects, self.effects.root
        own = effects.units[:, 0] if effects.nested else np.zeros(self.n, int)
        size, count = np.bincount(own, root**2), np.bincount(own)
        order = np.argsort(code, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(code))[:-1]):
            columns, units = basis[rows], own[rows]
            inside = np.unique(units)
            # Effects of entities that are here whole are no matter of the group's.
            cut = effects.nested and count[inside].sum() > len(rows)
            if effects.demeaned or (cut and (effects.nested[1:] or effects.slopes)):
                raise TivaxError(
                    'this vcov leaves rows out: it takes fewer effects; take vcov="CV1"'
                )
            if len(rows) == 1:  # a hundred microseconds each, below
                whole = root[rows] ** 2 / size[units] if effects.nested else 0
                leverage = (columns**2).sum(axis=1) + whole
                yield Block(rows, np.ones((1, 1)), 1 - leverage)
                continue
            if cut:
                whole = np.equal.outer(units, inside) * root[rows, None]
                columns = np.hstack([whole / np.sqrt(size[inside]), columns])
            U, s, _ = np.linalg.svd(columns, full_matrices=False)
            yield Block(rows, U, 1 - s**2)

    def without_each(
        self, code: Int[np.ndarray, " N"]
    ) -> tuple[Float[np.ndarray, "n q"], Bool[np.ndarray, " q"]]:
        """beta - beta_(g) of each group of rows, exactly, and which coefficients one
        group alone identifies.

        H_g (I - Q_g Q_g')^+ u_g by least squares. In two stages the first is fitted
        without the group too: its cross products net of the exogenous columns, and net
        of the instruments besides, lose e_g'(I - Q_g Q_g')^+ e_g of their residuals.
        """
        H, u = self.slopes, self.u
        gaps, alone = [], np.zeros(len(H), bool)
        if not self.layout.instruments:
            for block in self.blocks(code, self.B):
                gaps.append(H[:, block.rows] @ block.power(u[block.rows], -1))
                alone |= block.holds(H)
            return np.array(gaps), alone
        if self.layout.treatments > 1:
            raise TivaxError("this vcov takes one endogenous regressor")
        d, exogenous = self.layout.dummies, self.C[:, : self.layout.exogenous]
        (x,) = self.C[:, self.layout.exogenous :].T
        W = orthonormal(exogenous).basis
        slopes = np.linalg.solve(W.T @ exogenous, W.T)
        slopes = slopes[d:] if self.model.all_effects else np.roll(slopes, -1, axis=0)
        Z = orthonormal(np.hstack([exogenous, self.Z])).basis
        xw, xz, uz = net_of(x, W), net_of(x, Z), net_of(u, Z)
        A, carried = xw @ xw - xz @ xz, slopes @ x
        for w, z in zip(self.blocks(code, W), self.blocks(code, Z), strict=True):
            rows = w.rows
            by_w, by_z = w.power(xw[rows], -1), z.power(xz[rows], -1)
            left = A - xw[rows] @ by_w + xz[rows] @ by_z
            alone |= z.holds(H) | (left <= LEVERAGE * A)
            move = (by_z @ uz[rows] - by_w @ u[rows]) / left
            rest = w.power(u[rows] - xw[rows] * move, -1)
            gaps.append([-move, *(carried * move + slopes[:, rows] @ rest)])
        return np.array(gaps), alone

    # ----------------------------------------------------------------- two-way clusters

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
        fewer = min(self.clusters, len(set(number)))
        factor = np.asarray(cluster_factor(fewer, self.n, self.counted(number)))
        K = np.zeros((drawn.shape[1],) * 2)
        for sign, group in two_ways(self.cluster, number):
            sums = sums_by(group, x[:, None] * net)
            K += sign * sums.T @ sums
        return TwoWayLoadings(*jax.device_put((x @ drawn, K, factor)))

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
_ROLES = {"entity": "units", "time": "periods"}


# Powers of ten of a coefficient, up or down, whose square is a number of 64 bits.
_LARGEST = 140


def _require_digits(fit: LinearFit) -> None:
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


def two_ways(
    first: Int[np.ndarray, " N"], second: Int[np.ndarray, " N"]
) -> list[tuple[int, Int[np.ndarray, " N"]]]:
    """The groups of rows of two-way clusters, and the sign of each way: the rows that
    share both are in both."""
    pairs = first * (second.max() + 1) + second
    return [(1, first), (1, second), (-1, pd.factorize(pairs)[0])]


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
