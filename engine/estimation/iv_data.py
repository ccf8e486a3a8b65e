"""One equation with instruments, with the included exogenous regressors partialled out.

Symbols, for one equation y = X beta + W gamma + u with instruments [Z, W]:

    y     outcome (N,)               X    endogenous regressors (N, K1)
    W     included exogenous (N, K2), the constant among them where there is one
    Z     excluded instruments (N, L1)
    K     K1 + rank(W)               L    L1 + rank(W)
    Q     orthonormal basis of Z with W partialled out; p = Q'y, P = Q'X
    G     clusters                   S    sum of outer products of scores

All statistics depend on the span of the instruments only, so they are computed in Q.
S is (e'e / N) I for ``iid``, sum_i e_i^2 q_i q_i' for ``robust`` and the sum over
clusters of (Q_g'e_g)(Q_g'e_g)' for ``cluster``.

Degrees of freedom
------------------
Fixed effects that were partialled out of the data before they come here do not show
in K and L. ivreg2 has two numbers for them; here ``absorbed`` is its ``sdofminus`` and
``dofminus`` its ``dofminus``. N, L, G as above, a = absorbed, d = dofminus:

    ==============================  =====================  =========================
    statistic                       iid, robust: times     cluster: times
    ==============================  =====================  =========================
    covariance of 2SLS              N / (N-d)              1
    the same, ``small``             N / (N-K-d-a)          G/(G-1) (N-1)/(N-K-a)
    KP LM, AR chi2, Hansen J        (N-d) / N              1
    KP F, AR F, first-stage F       (N-L-d-a) / N / L1     (G-1)/G (N-L-a)/(N-1) / L1
    Cragg-Donald F                  (N-L-d-a) / L1         (N-L-d-a) / L1
    denominator df of those F       N-L-d-a                G-1
    ==============================  =====================  =========================

The factor multiplies the form with S as above (Cragg-Donald: the smallest r^2/(1-r^2)
of the canonical correlations). Stata's ``small`` changes standard errors and nothing
else in the table. So with clusters ``dofminus`` matters for Cragg-Donald alone, and
``absorbed`` is the one number that counts.

Proven by ivreg2's own output with dofminus(1) sdofminus(1), to 1e-13: how many of the
two enter each cell (none, one, both). As both are 1 there, which of them enters where
one does is taken from the text of ivreg2 4.1.11; so is that ivreghdfe hands its count
of absorbed effects over as sdofminus, leaves dofminus at 0 and switches ``small`` on.

A convention, proven by no fixture of ivreg2: what counts as absorbed. Effects nested in
the clusters do not, but one constant does, as in reghdfe and xtreg. For country and
year effects, clusters of countries and T years: ``absorbed = T`` where all are
partialled out (T - 1 years and the constant), ``absorbed = 1`` where year dummies stay
in W and only the country means are out. By its text ivreghdfe 1.2.0 omits that constant
when a year effect is absorbed too; ``absorbed = T - 1`` follows it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ...kernels.covariance_factors import cluster_factor
from ..core import TivaxError, require_choice, show
from .effects import sums_by
from .regression_data import COLLINEAR, net_of, powers, times_power

Covariance = Literal["iid", "robust", "cluster"]


# A covariance matrix of scores of unit columns below this condition is singular.
SINGULAR = 1e-11


@dataclass(frozen=True)
class IVData:
    """One equation with instruments; rows with missing values are already dropped.

    Attributes
    ----------
    y, X, W, Z
        Outcome, endogenous regressors, included exogenous (may have no column),
        excluded instruments.
    clusters
        Label of the cluster of each row, of any type; needed for ``cluster`` only.
    covariance
        Assumption on the errors: ``iid``, ``robust`` (heteroskedastic), ``cluster``.
    absorbed, dofminus
        Parameters partialled out beforehand: see the module.
    endogenous, instruments
        Names for messages and results; x1, x2, ... and z1, z2, ... by default.
    """

    y: Float[np.ndarray, " N"]
    X: Float[np.ndarray, "N K1"]
    W: Float[np.ndarray, "N K2"]
    Z: Float[np.ndarray, "N L1"]
    clusters: np.ndarray | None = None
    covariance: Covariance = "cluster"
    absorbed: int = 0
    dofminus: int = 0
    endogenous: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, ndim in (("y", 1), ("X", 2), ("W", 2), ("Z", 2)):
            values = _as_numbers(name, getattr(self, name), ndim)
            object.__setattr__(self, name, values)
            if len(values) != len(self.y):
                raise TivaxError(
                    f"{name} has {len(values)} rows, y has {len(self.y)}; give the "
                    "same rows"
                )
        X, Z = self.X, self.Z
        object.__setattr__(self, "endogenous", self.endogenous or _names("x", X))
        object.__setattr__(self, "instruments", self.instruments or _names("z", Z))
        require_choice("covariance", self.covariance, get_args(Covariance))
        if X.shape[1] == 0:
            raise TivaxError("no endogenous regressor; give one, or estimate by OLS")
        if Z.shape[1] < X.shape[1]:
            raise TivaxError(
                f"{Z.shape[1]} instruments for {X.shape[1]} endogenous regressors "
                f"({', '.join(self.endogenous)}); give at least as many instruments"
            )
        if not all(np.isfinite(a).all() for a in (self.y, X, self.W, Z)):
            raise TivaxError("missing or infinite values; drop those rows first")
        if self.covariance == "cluster":
            self._check_clusters()

    def _check_clusters(self) -> None:
        if self.clusters is None:
            raise TivaxError(
                "covariance 'cluster' without clusters; give them, or use 'robust'"
            )
        if len(self.clusters) != len(self.y) or pd.isna(self.clusters).any():
            raise TivaxError(
                f"{int(pd.notna(self.clusters).sum())} cluster labels for "
                f"{len(self.y)} rows; give every row one"
            )
        if len(pd.unique(self.clusters)) < 2:
            raise TivaxError(
                "only one cluster; cluster by something finer, or use 'robust'"
            )

    @cached_property
    def partialled(self) -> "Partialled":
        """``partial_out`` of it, which every statistic begins with."""
        return partial_out(self)


def _as_numbers(name: str, values: object, ndim: int) -> np.ndarray:
    try:
        found = np.asarray(values)
        found = found if np.iscomplexobj(found) else found.astype(float)
    except (TypeError, ValueError):
        raise TivaxError(f"{name} holds {show(values)}, not numbers") from None
    if np.iscomplexobj(found):
        raise TivaxError(f"{name} holds complex numbers; take their real part")
    if found.ndim != ndim:
        wanted = "a value for each row" if ndim == 1 else "a column for each variable"
        raise TivaxError(f"{name} has shape {found.shape}; give {wanted}")
    return found


def _names(letter: str, columns: Float[np.ndarray, "N J"]) -> tuple[str, ...]:
    return tuple(f"{letter}{j + 1}" for j in range(columns.shape[1]))


class Partialled(NamedTuple):
    """The equation without W, and what the factors of the module's table need.

    Columns are scaled by powers of two: those of the data are 2^unit times as large.
    """

    y: Float[np.ndarray, " N"]
    X: Float[np.ndarray, "N K1"]
    Q: Float[np.ndarray, "N L1"]  # orthonormal, spans the instruments
    R: Float[np.ndarray, "L1 L1"]  # Z without W = Q R
    W: Float[np.ndarray, "N rank"]  # orthonormal, spans W
    group: Int[np.ndarray, " N"] | None  # cluster 0..G-1 of each row
    N: int
    L: int
    G: int  # 0 unless clustered
    iid: bool
    chi2_factor: float
    f_factor: float  # without the 1 / L1
    cd_factor: float
    df_r: int
    y_unit: int
    X_unit: Int[np.ndarray, " K1"]
    Z_unit: Int[np.ndarray, " L1"]

    def least(
        self, e: Float[np.ndarray, " N"], whole: Float[np.ndarray, " N"]
    ) -> float:
        """The size of S for errors e that are iid, no less than rounding of ``whole``:
        an S far below is nothing but what cancels."""
        return float(max(e @ e, COLLINEAR**2 * (whole @ whole)) / self.N)

    def errors(self, beta: Float[np.ndarray, " K1"]) -> Float[np.ndarray, " N"]:
        """y - X beta, in the units of y here; beta is in those of the data."""
        return self.y - self.X @ times_power(beta, self.X_unit - self.y_unit)

    def sums(self, scores: Float[np.ndarray, "N J"]) -> Float[np.ndarray, "rows J"]:
        """Scores summed within each cluster, or as they are without clusters."""
        return scores if self.group is None else sums_by(self.group, scores)

    def score_products(
        self,
        e: Float[np.ndarray, " N"],
        v: Float[np.ndarray, " N"],
        A: Float[np.ndarray, "N J"] | None = None,
    ) -> Float[np.ndarray, "J J"]:
        """sum of (A'e)(A'v)' over rows or clusters; (e'v / N) I for iid errors.

        A, by default Q, has orthonormal columns, so that the iid form is that of the
        others' expectation.
        """
        A = self.Q if A is None else A
        if self.iid:
            return np.eye(A.shape[1]) * (e @ v) / self.N
        return self.sums(A * e[:, None]).T @ self.sums(A * v[:, None])


def partial_out(data: IVData) -> Partialled:
    """Residuals on W (Frisch, Waugh and Lovell), degrees of freedom, rank checks."""
    whole = data.y[:, None], data.X, data.Z
    units = [powers(a) for a in whole]
    whole = [times_power(a, -unit) for a, unit in zip(whole, units, strict=True)]
    basis = _span(times_power(data.W, -powers(data.W)))
    (y,), X, Z = (
        left.T if k == 0 else left
        for k, left in enumerate(net_of(a, basis) for a in whole)
    )
    _check_rank(X, whole[1], data.endogenous, "regressor")
    _check_rank(Z, whole[2], data.instruments, "instrument")
    if np.linalg.norm(y) <= COLLINEAR * np.linalg.norm(whole[0]):
        raise TivaxError(
            "the outcome is a linear combination of the controls and the effects alone "
            f"({len(y)} rows); drop one, or use more rows"
        )
    scale = np.linalg.norm(Z, axis=0)
    Q, R = np.linalg.qr(Z / scale)
    N, L = len(y), Z.shape[1] + basis.shape[1]
    a, d = data.absorbed, data.dofminus
    if N - L - d - a < 1:
        raise TivaxError(
            f"{N} rows for {L + d + a} parameters of the first stage; "
            "use fewer instruments or controls"
        )
    group, G = None, 0
    chi2_factor, f_factor, df_r = (N - d) / N, (N - L - d - a) / N, N - L - d - a
    if data.covariance == "cluster":
        assert data.clusters is not None
        group, labels = pd.factorize(data.clusters)
        G = len(labels)
        chi2_factor, df_r = 1.0, G - 1
        f_factor = 1 / cluster_factor(G, N, L + a)
    return Partialled(
        *(y, X, Q, R * scale[None, :], basis, group, N, L, G),
        *(data.covariance == "iid", chi2_factor, f_factor, float(N - L - d - a), df_r),
        *(int(units[0][0]), *units[1:]),
    )


def _span(W: Float[np.ndarray, "N K2"]) -> Float[np.ndarray, "N rank"]:
    """An orthonormal basis of the columns of W, redundant ones left out."""
    norms = np.linalg.norm(W, axis=0)
    if not norms.any():
        return np.zeros((len(W), 0))
    U, s, _ = np.linalg.svd(W[:, norms > 0] / norms[norms > 0], full_matrices=False)
    return U[:, s > COLLINEAR * s[0]]


def _check_rank(
    left: Float[np.ndarray, "N J"],
    whole: Float[np.ndarray, "N J"],
    names: tuple[str, ...],
    kind: str,
) -> None:
    """Each column, once W is out, must not depend on W and the columns before it."""
    norms = np.linalg.norm(whole, axis=0)
    unit = left / np.where(norms > 0, norms, 1.0)
    alone = np.abs(np.diag(np.linalg.qr(unit, mode="r")))
    for name, size in zip(names, alone, strict=True):
        if size < COLLINEAR:
            raise TivaxError(
                f"{kind} {name} is collinear with the controls, fixed effects or "
                f"other {kind}s; leave it out"
            )


def wald(
    g: Float[np.ndarray, " J"], S: Float[np.ndarray, "J J"], least: float
) -> float:
    """g' S^-1 g, NaN where S is singular (fewer clusters than instruments need)."""
    if is_singular(S, least):
        return float("nan")
    values, vectors = np.linalg.eigh(S)
    return float(np.sum((vectors.T @ g) ** 2 / values))


def is_singular(S: Float[np.ndarray, "J J"], least: float) -> bool:
    """True if S is singular to rounding, at its own scale or at ``least``."""
    values = np.linalg.eigvalsh(S)
    return bool(values[0] <= SINGULAR * max(values[-1], least))


def small_sample_factor(data: IVData) -> float:
    """Factor from the covariance of 2SLS without ``small`` to that with it.

    ``cluster``: G/(G-1) (N-1)/(N-K-a); otherwise (N-d)/(N-K-d-a). linearmodels'
    ``debiased=False`` is without; its ``debiased=True`` is with it at a = d = 0.
    """
    d = data.partialled
    K = data.X.shape[1] + d.L - data.Z.shape[1]
    if d.G:
        return float(cluster_factor(d.G, d.N, K + data.absorbed))
    return (d.N - data.dofminus) / (d.N - K - data.dofminus - data.absorbed)
