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
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from .estimates import Estimate, make_estimate
from .model_data import (
    LEVERAGE,
    SHARE,
    Equation,
    ModelData,
    alone_note,
    singly_identified,
)
from .regression_data import of_norm_one, orthonormal


class Covariance(NamedTuple):
    """The covariance of a fit's terms, and what is said of it.

    ``convention`` is its name or words, ``words`` those of a name; ``clusters`` 0
    without any; ``degrees`` those of t, for all terms or each (by default G - 1);
    ``lost`` the terms without a standard error, for this ``reason``.
    """

    V: Float[np.ndarray, "q q"]
    convention: str
    clusters: int = 0
    degrees: int | Float[np.ndarray, " q"] | None = None
    lost: Sequence[str] = ()
    reason: str = ""
    note: str = ""
    words: str = ""


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
    whole entities; ``r2`` is net of both effects.
    """

    given: ModelData
    equation: Equation
    clusters: str
    terms: tuple[str, ...]
    H: Float[np.ndarray, "q N"]
    residuals: Float[np.ndarray, " N"]
    basis: Float[np.ndarray, "N p"]
    r2: float
    stages: _Stages | None = None

    @classmethod
    def of(
        cls, given: ModelData, clusters: str, equation: Equation | None = None
    ) -> "LinearFit":
        """Least squares of the model, or an equation of it in two stages."""
        equation = equation or given.equation
        d, exogenous = len(given.dummies), [*given.dummies, *equation.exogenous]
        y = given.columns[equation.outcome].to_numpy()
        columns, stages = given.columns[exogenous].to_numpy(), None
        basis, slopes = _slopes(columns)
        if equation.endogenous:
            x = given.columns[equation.endogenous].to_numpy()
            instruments = given.columns[list(equation.instruments)].to_numpy()
            Z = orthonormal(of_norm_one(np.hstack([columns, instruments]))).basis
            stages = _Stages(x, basis, Z, slopes[d:])
            fitted = Z @ (Z.T @ x)
            basis, slopes = _slopes(np.column_stack([columns, fitted]))
        residuals = y - basis @ (basis.T @ y)
        H, terms = slopes[d:], equation.exogenous
        if stages:
            H, terms = np.roll(H, 1, axis=0), (equation.endogenous, *terms)
            residuals = residuals - (stages.x - fitted) * (H[0] @ y)
        net = y - basis[:, :d] @ (basis[:, :d].T @ y)
        r2 = float(1 - residuals @ residuals / (net @ net))
        return cls(given, equation, clusters, terms, H, residuals, basis, r2, stages)

    @property
    def rows(self) -> int:
        return len(self.residuals)

    @property
    def parameters(self) -> int:
        """k of the small-sample factor: slopes, dummies of periods and one constant."""
        return len(self.terms) + len(self.given.dummies) + 1

    @property
    def periods(self) -> int:
        return self.given.used[self.given.effects[1]].nunique()

    @cached_property
    def entity(self) -> Int[np.ndarray, " N"]:
        """Number of each row's entity, in the order of their names."""
        return self.codes(self.given.effects[0])

    @cached_property
    def cluster(self) -> Int[np.ndarray, " N"]:
        return self.codes(self.clusters)

    def codes(self, column: str) -> Int[np.ndarray, " N"]:
        return pd.factorize(self.given.used[column], sort=True)[0]

    @cached_property
    def scores(self) -> Float[np.ndarray, "q N"]:
        return self.H * self.residuals[None, :]

    def sums(self, code: Int[np.ndarray, " N"]) -> Float[np.ndarray, "n q"]:
        """Scores added up by group."""
        return np.stack([np.bincount(code, row) for row in self.scores], axis=1)

    def lost(
        self, *codes: Int[np.ndarray, " N"], alone: Bool[np.ndarray, " q"] | None = None
    ) -> tuple[list[str], str]:
        """Terms of which groups leave no error, each way of grouping, or which a group
        identifies ``alone``, and the reason."""
        lost, names = self.given.lost(codes, self.equation)
        if alone is not None and alone.any() and not lost.perfect:
            own = [k for k, its in zip(self.terms, alone, strict=True) if its]
            return [*names, *own], "one cluster alone identifies it"
        fewest = min(int(code.max()) + 1 for code in codes)
        return names, lost.reason(self.equation.outcome, fewest)

    def alone(self, column: str) -> str:
        """Note on terms that a single group of this column identifies."""
        code, labels = pd.factorize(self.given.used[column], sort=True)
        flags = singly_identified(self.basis, self.H, code)
        return alone_note(flags, self.terms, [*labels])

    def blocks(
        self, code: Int[np.ndarray, " N"], basis: Float[np.ndarray, "N p"]
    ) -> Iterator["Block"]:
        """The leverages of each group of rows, its entities' effects included."""
        size = np.bincount(self.entity)
        order = np.argsort(code, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(code))[:-1]):
            columns, own = basis[rows], self.entity[rows]
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
        found, terms = vcov.of(self), list(self.terms)
        y = self.given.columns[self.equation.outcome].to_numpy()
        return make_estimate(
            self.equation.outcome,
            pd.Series(self.H @ y, terms),
            pd.DataFrame(found.V, terms, terms),
            n=self.rows,
            r2=self.r2,
            residuals=pd.Series(self.residuals, self.given.used.index),
            report=terms,
            power=self.given.power,
            left_out=self.given.left_out,
            effects=self.given.effects,
            clustered=self.clusters if vcov.by_clusters else "",
            **{k: v for k, v in found._asdict().items() if k != "V"},
        )


class Block(NamedTuple):
    """The rows of one group, and 1 - H_gg = 1 - U (1 - left) U' there."""

    rows: Int[np.ndarray, " m"]
    U: Float[np.ndarray, "m r"]
    left: Float[np.ndarray, " r"]

    def power(self, v: Float[np.ndarray, "m ..."], exponent: float) -> np.ndarray:
        """(I - H_gg)^exponent v; directions that the group alone identifies are out."""
        kept = self.left > LEVERAGE
        scale = np.where(kept, np.where(kept, self.left, 1) ** exponent, 0)
        return v + (self.U * (scale - 1)) @ (self.U.T @ v)

    def holds(self, H: Float[np.ndarray, "q N"]) -> Bool[np.ndarray, " q"]:
        """Flag coefficients of which this group alone identifies a part."""
        along = H[:, self.rows] @ self.U[:, self.left <= LEVERAGE]
        return np.linalg.norm(along, axis=1) > SHARE * np.linalg.norm(H, axis=1)


def _slopes(
    X: Float[np.ndarray, "N p"],
) -> tuple[Float[np.ndarray, "N p"], Float[np.ndarray, "p N"]]:
    """An orthonormal basis of the columns by Gram-Schmidt, and B X'."""
    size = np.linalg.norm(X, axis=0)
    basis = orthonormal(X / size).basis
    return basis, (basis @ np.linalg.inv(basis.T @ (X / size)).T / size).T
