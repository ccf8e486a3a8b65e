"""Linear fits with effects as beta = H y, and what covariances are made from.

    H   coefficients are H y, by least squares or in two stages            (q, N)
    u   residuals                                                          (N,)
    s   scores of the rows, H u                                            (q, N)
    Q   orthonormal basis of dummies and regressors, net of the entities   (N, p)

A covariance is a ``Vcov``; ``fit.vcov(DriscollKraay(lags=2))`` is the ``Estimate``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..core import TivaxError
from .design import Design
from .distributions import t_sf
from .effects import is_nested, sums_by
from .estimates import Estimate, quantile_of, stars
from .model_data import (
    LEVERAGE,
    Block,
    Equation,
    alone_note,
    left_out_text,
    singly_identified,
)
from .regression_data import ENTITY, lost_to_rounding, orthonormal, rounding_of


class Covariance(NamedTuple):
    """The covariance of a fit's terms, and what is said of it.

    ``convention`` is its name or words, ``words`` those of a name; ``clusters`` 0
    without any; ``degrees`` those of t, for all terms or each (by default G - 1);
    ``lost`` the terms without a standard error, for this ``reason``; ``alone`` those
    that one cluster identifies, without stars.
    """

    V: Float[np.ndarray, "q q"]
    convention: str
    clusters: int = 0
    degrees: int | Float[np.ndarray, " q"] | None = None
    lost: Sequence[str] = ()
    reason: str = ""
    note: str = ""
    words: str = ""
    alone: Sequence[str] = ()


class Vcov:
    """A covariance: a frozen dataclass of its parameters, whose ``of`` computes it.

    ``by_clusters``: it takes a column of clusters. ``second``: a further column that it
    needs, if any.
    """

    by_clusters: ClassVar[bool] = False
    second: str | None = None

    def of(self, fit: "LinearFit") -> Covariance:
        raise NotImplementedError


class _Stages(NamedTuple):
    """The endogenous regressor, bases of the exogenous columns without and with the
    instruments, and the slopes of the exogenous regressors on the former."""

    x: Float[np.ndarray, " N"]
    W: Float[np.ndarray, "N p"]
    Z: Float[np.ndarray, "N l"]
    slopes: Float[np.ndarray, "c N"]


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Slopes H y of a model with effects of entities and periods; see the module.

    ``terms`` names them, an endogenous one first; ``clusters`` is a column that holds
    whole entities; ``r2`` is net of both effects; residuals of a norm of
    ``rounding`` are none.
    """

    given: Design
    equation: Equation
    clusters: str
    terms: tuple[str, ...]
    H: Float[np.ndarray, "q N"]
    residuals: Float[np.ndarray, " N"]
    basis: Float[np.ndarray, "N p"]
    r2: float
    rounding: float
    stages: _Stages | None = None

    @classmethod
    def of(
        cls, given: Design, clusters: str, equation: Equation | None = None
    ) -> "LinearFit":
        """Least squares of the model, or an equation of it in two stages."""
        equation = equation or Equation.of(given.model)
        d, rows = given.layout.dummies, given.rows
        y = rows[:, given.place_of(equation.outcome)]
        columns = rows[:, [*range(d), *given.places(equation.exogenous)]]
        stages = None
        terms, order, apart = equation.exogenous, 0, np.zeros(len(y))
        basis, slopes = _slopes(columns)
        if equation.endogenous:
            x = rows[:, given.place_of(equation.endogenous)]
            instruments = rows[:, given.places(equation.instruments)]
            Z = orthonormal(np.hstack([columns, instruments])).basis
            stages = _Stages(x, basis, Z, slopes[d:])
            fitted = Z @ (Z.T @ x)
            basis, slopes = _slopes(np.column_stack([columns, fitted]))
            terms, order = (equation.endogenous, *terms), 1
            apart = (x - fitted) * (slopes[-1] @ y)
        H = np.roll(slopes[d:], order, axis=0)
        residuals = y - basis @ (basis.T @ y) - apart
        net = y - basis[:, :d] @ (basis[:, :d].T @ y)
        r2 = float(1 - residuals @ residuals / (net @ net))
        rounding = rounding_of(y, net)
        arrays = (H, residuals, basis, r2, rounding, stages)
        return cls(given, equation, clusters, terms, *arrays)

    @property
    def rows(self) -> int:
        return len(self.residuals)

    @property
    def parameters(self) -> int:
        """k of the small-sample factor: slopes, dummies of periods and one constant."""
        return len(self.terms) + self.given.layout.dummies + 1

    @property
    def time(self) -> str:
        """The column of periods; ``TivaxError`` without one."""
        if not self.given.model.time:
            raise TivaxError("this vcov takes periods: name their column as time")
        return self.given.model.time

    @property
    def periods(self) -> int:
        return self.given.used[self.time].nunique() if self.given.model.time else 1

    @cached_property
    def entity(self) -> Int[np.ndarray, " N"]:
        """Number of each row's entity, in the order of their names."""
        return self.codes(self.given.model.entity)

    @property
    def entities(self) -> list[Any]:
        """Their names, sorted."""
        return [*pd.factorize(self.given.used[self.given.model.entity], sort=True)[1]]

    @cached_property
    def cluster(self) -> Int[np.ndarray, " N"]:
        return self.codes(self.clusters)

    @property
    def by(self) -> str:
        """The clusters in words."""
        return "country" if self.clusters == ENTITY else self.clusters

    def codes(self, column: str) -> Int[np.ndarray, " N"]:
        return pd.factorize(self.given.used[column], sort=True)[0]

    def nests_periods(self, code: Int[np.ndarray, " N"]) -> bool:
        """True if each period lies in one group: fixest does not count its effect."""
        time = self.given.model.time
        return not time or is_nested(self.codes(time), code)

    @cached_property
    def scores(self) -> Float[np.ndarray, "q N"]:
        return self.H * self.residuals[None, :]

    def sums(self, code: Int[np.ndarray, " N"]) -> Float[np.ndarray, "n q"]:
        """Scores added up by group."""
        return sums_by(code, self.scores.T)

    def lost(
        self, *codes: Int[np.ndarray, " N"], alone: Bool[np.ndarray, " q"] | None = None
    ) -> tuple[list[str], str]:
        """Terms of which groups leave no error but rounding, each way of grouping (see
        ``lost_to_rounding``), or which a group identifies ``alone``, and the reason."""
        lost = lost_to_rounding(self.H, self.residuals, codes, self.rounding)
        fewest = min(int(code.max()) + 1 for code in codes)
        flags, reason = lost.terms, lost.reason(self.equation.outcome, fewest)
        if alone is not None and alone.any() and not lost.perfect:
            flags, reason = flags | alone, "one cluster alone identifies it"
        gone = [k for k, its in zip(self.terms, flags, strict=True) if its]
        return [*gone, *(["const"] if lost.perfect else [])], reason

    def by_cluster(self) -> dict[str, Any]:
        """The number of clusters, the terms of which they leave no error, and a note on
        those that one alone identifies."""
        lost, reason = self.lost(self.cluster)
        clusters = int(self.cluster.max()) + 1
        found = {"lost": lost, "reason": reason, "clusters": clusters}
        return found if lost else found | self.alone(self.clusters)

    def alone(self, *columns: str) -> dict[str, Any]:
        """Terms that a single group of one of these columns identifies, and a note."""
        terms, notes = [], []
        for column in columns:
            code, labels = pd.factorize(self.given.used[column], sort=True)
            flags = singly_identified(self.basis, self.H, code)
            terms += [k for k, own in zip(self.terms, flags, strict=True) if own.any()]
            notes.append(alone_note(flags, self.terms, [*labels]))
        return {"alone": terms, "note": "; ".join(filter(None, notes))}

    def blocks(
        self, code: Int[np.ndarray, " N"], basis: Float[np.ndarray, "N p"]
    ) -> Iterator[Block]:
        """The leverages of each group of rows, its entities' effects included."""
        size = np.bincount(self.entity)
        order = np.argsort(code, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(code))[:-1]):
            columns, own = basis[rows], self.entity[rows]
            if len(rows) == 1:  # a hundred microseconds each, below
                leverage = (columns**2).sum(axis=1) + 1 / size[own]
                yield Block(rows, np.ones((1, 1)), 1 - leverage)
                continue
            inside = np.unique(own)
            # Effects of entities that are here whole are no matter of the group's.
            if size[inside].sum() > len(rows):
                effects = np.equal.outer(own, inside) / np.sqrt(size[inside])
                columns = np.hstack([effects, columns])
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
        gaps, alone, u = [], np.zeros(len(self.H), bool), self.residuals
        if self.stages is None:
            for block in self.blocks(code, self.basis):
                gaps.append(self.H[:, block.rows] @ block.power(u[block.rows], -1))
                alone |= block.holds(self.H)
            return np.array(gaps), alone
        x, W, Z, slopes = self.stages
        xw, xz, uz = x - W @ (W.T @ x), x - Z @ (Z.T @ x), u - Z @ (Z.T @ u)
        A, carried = xw @ xw - xz @ xz, slopes @ x
        for w, z in zip(self.blocks(code, W), self.blocks(code, Z), strict=True):
            rows = w.rows
            by_w, by_z = w.power(xw[rows], -1), z.power(xz[rows], -1)
            left = A - xw[rows] @ by_w + xz[rows] @ by_z
            alone |= z.holds(self.H) | (left <= LEVERAGE * A)
            move = (by_z @ uz[rows] - by_w @ u[rows]) / left
            rest = w.power(u[rows] - xw[rows] * move, -1)
            gaps.append([-move, *(carried * move + slopes[:, rows] @ rest)])
        return np.array(gaps), alone

    def vcov(self, vcov: Vcov) -> Estimate:
        """The estimate with this covariance. There is no constant."""
        y = self.given.rows[:, self.given.place_of(self.equation.outcome)]
        return self.estimate(vcov.of(self), self.H @ y, by_clusters=vcov.by_clusters)

    def estimate(
        self,
        found: Covariance,
        b: Float[np.ndarray, " r"],
        residuals: Float[np.ndarray, " N"] | None = None,
        r2: float | None = None,
        *,
        by_clusters: bool = True,
    ) -> Estimate:
        """The terms, and a constant where ``b`` has one more, in units of the data.

        Without a standard error (NaN) are those that are lost, and those of a negative
        variance, which two-way clustering can give.
        """
        outcome, given = self.equation.outcome, self.given
        y = given.rows[:, given.place_of(outcome)]
        report = [*self.terms, "const"][: len(b)]
        degrees = found.clusters - 1 if found.degrees is None else found.degrees
        by_term = isinstance(degrees, np.ndarray)
        V, variances = found.V.copy(), np.diag(found.V)
        without = np.array([k in found.lost for k in report], bool)
        notes = []
        if gone := [k for k in report if k in found.lost]:
            notes.append(f"no standard error for {', '.join(gone)}: {found.reason}")
        below = ~without & ~(variances > 0)
        if below.any():
            names = ", ".join(k for k, its in zip(report, below, strict=True) if its)
            notes.append(f"no standard error for {names}: a variance below 0")
        se = np.sqrt(np.where((variances > 0) & ~without, variances, np.nan))
        V[without, :] = V[:, without] = np.nan
        size = given.size[given.place_of(outcome)]
        unit = size / np.append(given.size[given.places(self.terms)], 1.0)[: len(b)]
        with np.errstate(over="ignore", under="ignore"):
            t, coef, error = b / se, b * unit, se * unit
            width = quantile_of(0.95, degrees) * error
            V_in_units = V * unit[:, None] * unit[None, :]
        p = 2 * t_sf(np.abs(t), degrees)
        columns = {"estimate": coef, "se": error, "t": t, "p_value": p}
        columns |= {"ci_low": coef - width, "ci_high": coef + width}
        shown = np.where([k in found.alone for k in report], 0, stars(p))
        terms = pd.DataFrame({**columns, "stars": shown}, report)
        terms.index.name = "term"
        u = (self.residuals if residuals is None else residuals) * size
        return Estimate(
            outcome=outcome,
            terms=terms,
            covariance=pd.DataFrame(V_in_units, report, report),
            correlation=pd.DataFrame(V / se[:, None] / se[None, :], report, report),
            n=self.rows,
            clusters=found.clusters,
            left_out=left_out_text(given.data, given.used),
            degrees=found.clusters - 1 if by_term else int(degrees),
            term_degrees=pd.Series(degrees, report) if by_term else None,
            r2=self.r2 if r2 is None else r2,
            r2_years=1 - float(self.residuals @ self.residuals / (y @ y)),
            convention=found.convention,
            residuals=pd.Series(u[given.back], given.used.index[given.back]),
            note="; ".join(filter(None, [*notes, found.note])),
            effects=given.model.all_effects,
            words=found.words,
            clustered=self.clusters if by_clusters and self.clusters != ENTITY else "",
        )


def two_ways(
    first: Int[np.ndarray, " N"], second: Int[np.ndarray, " N"]
) -> list[tuple[int, Int[np.ndarray, " N"]]]:
    """The groups of rows of two-way clusters, and the sign of each way: the rows that
    share both are in both."""
    pairs = first * (second.max() + 1) + second
    return [(1, first), (1, second), (-1, pd.factorize(pairs)[0])]


def _slopes(
    X: Float[np.ndarray, "N p"],
) -> tuple[Float[np.ndarray, "N p"], Float[np.ndarray, "p N"]]:
    """An orthonormal basis of the columns by Gram-Schmidt, and B X'."""
    size = np.linalg.norm(X, axis=0)
    basis = orthonormal(X / size).basis
    return basis, (basis @ np.linalg.inv(basis.T @ (X / size)).T / size).T
