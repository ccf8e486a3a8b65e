"""Weak instruments: identification tests and confidence sets that survive them.

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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.linalg import eigvals, solve_triangular
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2, f, ncx2

from ..core import TivaxError, show
from .regression_data import COLLINEAR, powers, times_power

Covariance = Literal["iid", "robust", "cluster"]
Beta = float | Sequence[float] | np.ndarray

# A covariance matrix of scores of unit columns below this condition is singular.
SINGULAR = 1e-11

# Largest size of a nominal 5 % Wald test on 2SLS, in per cent -> critical value of the
# Cragg-Donald F by (endogenous regressors, instruments): Stock and Yogo (2005), table
# 5.2. Derived for iid errors; beside a robust KP F they are a custom, not a test.
SIZES = (10, 15, 20, 25)
STOCK_YOGO = {
    (1, 1): (16.38, 8.96, 6.66, 5.53),
    (1, 2): (19.93, 11.59, 8.75, 7.25),
    (1, 3): (22.30, 12.83, 9.54, 7.80),
    (1, 4): (24.58, 13.96, 10.26, 8.31),
    (1, 5): (26.87, 15.09, 10.98, 8.84),
    (2, 2): (7.03, 4.58, 3.95, 3.63),
    (2, 3): (13.43, 8.18, 6.40, 5.45),
    (2, 4): (16.87, 9.93, 7.54, 6.28),
    (2, 5): (19.45, 11.22, 8.38, 6.89),
}
BIASES = (5, 10, 20, 30)  # tau of Montiel Olea and Pflueger, in per cent


# ----------------------------------------------------------------------- the data


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
        What the errors may be: ``iid``, ``robust`` (heteroskedastic), ``cluster``.
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
        if self.covariance not in get_args(Covariance):
            raise TivaxError(
                f"unknown covariance {self.covariance!r}; choose from "
                f"{list(get_args(Covariance))}"
            )
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


class _Partialled(NamedTuple):
    """The equation without W, and what the factors of the module's table need.

    Columns are scaled by powers of two: those of the data are 2^unit times as large.
    """

    y: Float[np.ndarray, " N"]
    X: Float[np.ndarray, "N K1"]
    Q: Float[np.ndarray, "N L1"]  # orthonormal, spans the instruments
    R: Float[np.ndarray, "L1 L1"]  # Z without W = Q R
    group: Int[np.ndarray, " N"] | None  # cluster 0..G-1 of each row
    N: int
    L: int
    G: int  # 0 unless clustered
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


def _partial_out(data: IVData) -> _Partialled:
    """Residuals on W (Frisch, Waugh and Lovell), degrees of freedom, rank checks."""
    whole = data.y[:, None], data.X, data.Z
    units = [powers(a) for a in whole]
    whole = [times_power(a, -unit) for a, unit in zip(whole, units, strict=True)]
    basis = _span(times_power(data.W, -powers(data.W)))
    (y,), X, Z = (
        left.T if k == 0 else left
        for k, left in enumerate(_residual(a, basis) for a in whole)
    )
    _check_rank(X, whole[1], data.endogenous, "regressor")
    _check_rank(Z, whole[2], data.instruments, "instrument")
    if np.linalg.norm(y) <= COLLINEAR * np.linalg.norm(whole[0]):
        raise TivaxError(
            f"the outcome is explained by the controls and the effects alone; {len(y)} "
            "rows are too few, or it is made of them"
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
        f_factor = (G - 1) / G * (N - L - a) / (N - 1)
    return _Partialled(
        *(y, X, Q, R * scale[None, :], group, N, L, G),
        *(chi2_factor, f_factor, float(N - L - d - a), df_r),
        *(int(units[0][0]), *units[1:]),
    )


def _span(W: Float[np.ndarray, "N K2"]) -> Float[np.ndarray, "N rank"]:
    """An orthonormal basis of the columns of W, redundant ones left out."""
    norms = np.linalg.norm(W, axis=0)
    if not norms.any():
        return np.zeros((len(W), 0))
    U, s, _ = np.linalg.svd(W[:, norms > 0] / norms[norms > 0], full_matrices=False)
    return U[:, s > COLLINEAR * s[0]]


def _residual(
    a: Float[np.ndarray, "N ..."], basis: Float[np.ndarray, "N rank"]
) -> Float[np.ndarray, "N ..."]:
    """a - U U'a, twice: the second pass removes what rounding left in the first."""
    for _ in range(2):
        a = a - basis @ (basis.T @ a)
    return a


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


# ------------------------------------------------------------- scores and quadratics


def _cross(
    d: _Partialled,
    iid: bool,
    e: Float[np.ndarray, " N"],
    v: Float[np.ndarray, " N"],
    A: Float[np.ndarray, "N J"],
) -> Float[np.ndarray, "J J"]:
    """sum of (A'e)(A'v)' over rows or clusters; (e'v / N) I for iid errors.

    A has orthonormal columns, so that the iid form is that of the others' expectation.
    """
    if iid:
        return np.eye(A.shape[1]) * (e @ v) / d.N
    return _sums(d, A * e[:, None]).T @ _sums(d, A * v[:, None])


def _sums(
    d: _Partialled, scores: Float[np.ndarray, "N J"]
) -> Float[np.ndarray, "rows J"]:
    """Scores summed within each cluster, or as they are without clusters."""
    if d.group is None:
        return scores
    sums = np.zeros((d.G, scores.shape[1]))
    np.add.at(sums, d.group, scores)
    return sums


def _wald(
    g: Float[np.ndarray, " J"], S: Float[np.ndarray, "J J"], least: float
) -> float:
    """g' S^-1 g, NaN where S is singular (fewer clusters than instruments need)."""
    values, vectors = np.linalg.eigh(S)
    if values[0] <= SINGULAR * max(values[-1], least):
        return float("nan")
    return float(np.sum((vectors.T @ g) ** 2 / values))


def _singular(S: Float[np.ndarray, "J J"], least: float) -> bool:
    values = np.linalg.eigvalsh(S)
    return bool(values[0] <= SINGULAR * max(values[-1], least))


def small_sample_factor(data: IVData) -> float:
    """What multiplies the covariance of 2SLS without ``small`` to give that with it.

    ``cluster``: G/(G-1) (N-1)/(N-K-a); otherwise (N-d)/(N-K-d-a). linearmodels'
    ``debiased=False`` is without; its ``debiased=True`` is with it at a = d = 0.
    """
    d = _partial_out(data)
    K = data.X.shape[1] + d.L - data.Z.shape[1]
    if d.G:
        return d.G / (d.G - 1) * (d.N - 1) / (d.N - K - data.absorbed)
    return (d.N - data.dofminus) / (d.N - K - data.dofminus - data.absorbed)


# -------------------------------------------------------------------- the test suite


@dataclass(frozen=True)
class FirstStage:
    """The regression of one endogenous regressor on the instruments and W.

    Standard errors carry the factor of the F, so that with one instrument F = t^2.
    """

    endogenous: str
    instruments: tuple[str, ...]
    coefficients: Float[np.ndarray, " L1"]
    standard_errors: Float[np.ndarray, " L1"]
    f: float
    f_p: float
    df: int
    df_r: int
    partial_r2: float


@dataclass(frozen=True)
class AndersonRubin:
    """A test of beta = beta0 that is valid however weak the instruments are."""

    f: float
    f_p: float
    chi2: float
    chi2_p: float
    df: int
    df_r: int


@dataclass(frozen=True)
class Overidentification:
    """Hansen's J (``iid``: Sargan). Zero, with p NaN, in a just identified equation."""

    j: float
    p: float
    df: int


@dataclass(frozen=True)
class WeakInstruments:
    """What the literature prints under a 2SLS column.

    ``effective_f`` and its critical values (5 %, by tau in per cent) exist for one
    endogenous regressor; otherwise NaN and empty. NaN too is a statistic whose
    covariance matrix has no inverse, because clusters are too few.
    """

    kp_lm: float
    kp_lm_p: float
    kp_lm_df: int
    kp_f: float
    cd_f: float
    effective_f: float
    effective_f_critical: dict[int, float]
    effective_f_critical_simplified: dict[int, float]
    ar_f: float
    ar_f_p: float
    ar_chi2: float
    ar_chi2_p: float
    ar_df: int
    ar_df_r: int
    first_stage: tuple[FirstStage, ...]
    stock_yogo: dict[int, float | None]
    nobs: int
    clusters: int | None


def weak_instrument_tests(data: IVData, *, beta: Beta = 0.0) -> WeakInstruments:
    """Every statistic of the module but the sets; Anderson-Rubin tests ``beta``."""
    d = _partial_out(data)
    iid = data.covariance == "iid"
    L1, K1 = data.Z.shape[1], data.X.shape[1]
    lm, kp_f, cd_f = _rank_statistics(d, iid)
    df = L1 - K1 + 1
    ar = _anderson_rubin(d, iid, _hypothesis(beta, K1))
    effective, critical, simplified = float("nan"), {}, {}
    if K1 == 1:
        effective, critical, simplified = _effective_f(d, iid)
    return WeakInstruments(
        kp_lm=lm,
        kp_lm_p=float(chi2.sf(lm, df)),
        kp_lm_df=df,
        kp_f=kp_f,
        cd_f=cd_f,
        effective_f=effective,
        effective_f_critical=critical,
        effective_f_critical_simplified=simplified,
        ar_f=ar.f,
        ar_f_p=ar.f_p,
        ar_chi2=ar.chi2,
        ar_chi2_p=ar.chi2_p,
        ar_df=ar.df,
        ar_df_r=ar.df_r,
        first_stage=_first_stages(data, d),
        stock_yogo=stock_yogo_critical_values(K1, L1),
        nobs=d.N,
        clusters=d.G or None,
    )


def stock_yogo_critical_values(
    endogenous: int, instruments: int
) -> dict[int, float | None]:
    """Critical value by largest size in per cent; None where this table has none."""
    row = STOCK_YOGO.get((endogenous, instruments), (None,) * len(SIZES))
    return dict(zip(SIZES, row, strict=True))


def _rank_statistics(d: _Partialled, iid: bool) -> tuple[float, float, float]:
    """Kleibergen-Paap rk LM and Wald F, and the Cragg-Donald F.

    Theta = Q'X(X'X)^-1/2 has the canonical correlations r as singular values. Both
    test that the smallest, r = u'Theta v, is zero, given u in the L1 - K1 + 1 left
    singular vectors A and v: lambda = A'Theta v, weighed by the covariance of the
    scores A'Q'e, with e = X v under the null (LM) or its first-stage residual (Wald);
    Kleibergen and Paap (2006, J. of Econometrics 133). With iid errors the first is
    Anderson's N r^2, the second Cragg and Donald's (1993, Econometric Theory 9)
    N r^2 / (1 - r^2).
    """
    # Columns of X may differ in size by any factor: QR of unit columns first.
    Xo = np.linalg.qr(d.X / np.linalg.norm(d.X, axis=0))[0]
    K1 = Xo.shape[1]
    U, r, Vt = np.linalg.svd(d.Q.T @ Xo)
    A, v = d.Q @ U[:, K1 - 1 :], Vt[-1]
    x = Xo @ v
    lam = A.T @ x
    e = x - A @ lam
    if e @ e < COLLINEAR**2:
        raise TivaxError(
            "the instruments reproduce an endogenous regressor exactly; "
            "treat it as exogenous"
        )
    lm = _wald(lam, _cross(d, iid, x, x, A), d.least(x, x)) * d.chi2_factor
    L1 = d.Q.shape[1]
    kp_f = _wald(lam, _cross(d, iid, e, e, A), d.least(e, x)) * d.f_factor / L1
    return lm, kp_f, float(r[-1] ** 2 / (e @ e) * d.cd_factor / L1)


def _first_stages(data: IVData, d: _Partialled) -> tuple[FirstStage, ...]:
    """Z coefficients R^-1 P, covariance R^-1 S R^-T over the factor of the F."""
    iid = data.covariance == "iid"
    L1 = d.Q.shape[1]
    R_inverse = solve_triangular(d.R, np.eye(L1))
    stages = []
    for k, (name, x) in enumerate(zip(data.endogenous, d.X.T, strict=True)):
        P = d.Q.T @ x
        e = x - d.Q @ P
        S = _cross(d, iid, e, e, d.Q)
        least = d.least(e, x)
        F = _wald(P, S, least) * d.f_factor / L1
        unit = d.X_unit[k] - d.Z_unit
        variances = np.einsum("ij,jk,ik->i", R_inverse, S, R_inverse)
        rounding = SINGULAR * least * np.sum(R_inverse**2, axis=1)
        errors = np.sqrt(np.where(variances > rounding, variances, np.nan) / d.f_factor)
        stages.append(
            FirstStage(
                endogenous=name,
                instruments=data.instruments,
                coefficients=times_power(R_inverse @ P, unit),
                standard_errors=times_power(errors, unit),
                f=F,
                f_p=float(f.sf(F, L1, d.df_r)),
                df=L1,
                df_r=d.df_r,
                partial_r2=float(P @ P / (x @ x)),
            )
        )
    return tuple(stages)


# ------------------------------------------------------------------- the effective F


def _effective_f(
    d: _Partialled, iid: bool
) -> tuple[float, dict[int, float], dict[int, float]]:
    """F_eff = P'P / tr(V), V the covariance of P, and its critical values.

    Montiel Olea and Pflueger (2013, J. of Business & Economic Statistics 31). V is
    S over the factor of the F, so that with one instrument F_eff is the KP F, and
    with iid errors the Cragg-Donald F. The null is that the Nagar bias of 2SLS
    exceeds tau times its worst case. First those of 2SLS, then the simplified, larger
    ones that hold for any S of the outcome.
    """
    x = d.X[:, 0]
    P, p = d.Q.T @ x, d.Q.T @ d.y
    v2, v1 = x - d.Q @ P, d.y - d.Q @ p
    S1, S12, S2 = (
        _cross(d, iid, *pair, d.Q) for pair in ((v1, v1), (v1, v2), (v2, v2))
    )
    if np.trace(S2) <= SINGULAR * d.least(v2, x):
        unknown: dict[int, float] = {tau: float("nan") for tau in BIASES}
        return float("nan"), unknown, unknown
    bias = _worst_nagar_bias(S1, S12, S2)
    critical, simplified = (
        {tau: _patnaik(S2, 100 * b / tau) for tau in BIASES} for b in (bias, 1.0)
    )
    return float(P @ P / np.trace(S2) * d.f_factor), critical, simplified


def _patnaik(S: Float[np.ndarray, "L1 L1"], x: float, level: float = 0.05) -> float:
    """Upper quantile of chi2(k, k x) / k, Patnaik's fit to P'P / tr(S).

    k = (1 + 2x) / (sum w_i^2 + 2 x max w), w the eigenvalues of S over their sum; x is
    the noncentrality at the edge of the null. With one instrument and x = 10 it is the
    paper's 23.1.
    """
    w = np.linalg.eigvalsh(S) / np.trace(S)
    k = (1 + 2 * x) / (np.sum(w**2) + 2 * x * w[-1])
    if x == 0:
        return float(chi2.ppf(1 - level, k) / k)
    return float(ncx2.ppf(1 - level, k, k * x) / k)


def _worst_nagar_bias(
    S1: Float[np.ndarray, "L1 L1"],
    S12: Float[np.ndarray, "L1 L1"],
    S2: Float[np.ndarray, "L1 L1"],
) -> float:
    """The largest Nagar bias of 2SLS, over its benchmark, of any beta and direction.

    sup |tr s12 - 2 a's12 a| / sqrt(tr s1 tr s2) over beta and unit a, where
    s12 = S12 - beta S2 and s1 = S1 - beta (S12 + S12') + beta^2 S2. Put
    beta = b + s tan(t), with b and s the centre and half-width that make
    tr s1 = tr S2 s^2 / cos(t)^2; the ratio is then |tr M - 2 a'Ma| with
    M = C cos(t) - D sin(t), and in a the extreme eigenvalues of M attain it.
    """
    total = np.trace(S2)
    b = np.trace(S12) / total
    s2 = (np.trace(S1) - 2 * b * np.trace(S12) + b**2 * total) / total
    if s2 <= SINGULAR * np.trace(S1) / total:
        return 1.0  # the outcome's error is the first stage's: the bound itself
    C = ((S12 + S12.T) / 2 - b * S2) / (np.sqrt(s2) * total)
    D = S2 / total

    def ratio(t: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        M = np.cos(t)[:, None, None] * C - np.sin(t)[:, None, None] * D
        trace = np.trace(M, axis1=1, axis2=2)
        return np.abs(trace[:, None] - 2 * np.linalg.eigvalsh(M)).max(axis=1)

    grid = np.linspace(0, np.pi, 721)
    coarse = ratio(grid)
    best, step = grid[np.argmax(coarse)], grid[1]
    found = minimize_scalar(
        lambda t: -float(ratio(np.array([t]))[0]),
        bounds=(best - step, best + step),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return max(float(coarse.max()), -float(found.fun))


# --------------------------------------------------------- Anderson-Rubin, test and set


def anderson_rubin(data: IVData, *, beta: Beta = 0.0) -> AndersonRubin:
    """Wald test that the instruments are out of y - X beta = Z pi + W gamma + e.

    Anderson and Rubin (1949, Annals of Mathematical Statistics 20). As ivreg2's arf
    and archi2, with F(L1, G-1) under clusters.
    """
    hypothesis = _hypothesis(beta, data.X.shape[1])
    return _anderson_rubin(_partial_out(data), data.covariance == "iid", hypothesis)


def _hypothesis(beta: Beta, K1: int) -> Float[np.ndarray, " {K1}"]:
    values = np.atleast_1d(np.asarray(beta, float))
    if values.shape == (1,):
        values = np.repeat(values, K1)
    if values.shape != (K1,):
        raise TivaxError(
            f"beta has {values.size} values for {K1} endogenous regressors; "
            "give one for each"
        )
    return values


def _anderson_rubin(
    d: _Partialled, iid: bool, beta: Float[np.ndarray, " K1"]
) -> AndersonRubin:
    r = d.y - d.X @ times_power(beta, d.X_unit - d.y_unit)
    g = d.Q.T @ r
    e = r - d.Q @ g
    wald = _wald(g, _cross(d, iid, e, e, d.Q), d.least(e, d.y))
    df = d.Q.shape[1]
    F, c = wald * d.f_factor / df, wald * d.chi2_factor
    return AndersonRubin(
        f=F,
        f_p=float(f.sf(F, df, d.df_r)),
        chi2=c,
        chi2_p=float(chi2.sf(c, df)),
        df=df,
        df_r=d.df_r,
    )


class SingularScores(TivaxError):
    """The scores of the clusters do not give the covariance that a set needs."""


@dataclass(frozen=True)
class ConfidenceSet:
    """Closed intervals in ascending order; ends are -inf and inf where unbounded.

    One interval, two rays, the whole line or nothing; with several instruments also
    more pieces. ``critical`` is the value that the F (or chi2) is held against.
    """

    intervals: tuple[tuple[float, float], ...]
    level: float
    distribution: Literal["F", "chi2"]
    critical: float

    @property
    def bounded(self) -> bool:
        return all(np.isfinite(ends).all() for ends in self.intervals)

    def __contains__(self, beta: float) -> bool:
        return any(low <= beta <= high for low, high in self.intervals)

    def text(self, format: str = ".4g") -> str:
        """The set in print: ``[1.2, 3.4]``, ``(-inf, 1.2] U [3.4, inf)``, ``empty``;
        ``unknown`` where the test's covariance has no inverse."""
        if np.isnan(self.intervals).any():
            return "unknown"
        pieces = (
            ("(-inf" if low == -np.inf else f"[{low:{format}}")
            + ", "
            + ("inf)" if high == np.inf else f"{high:{format}}]")
            for low, high in self.intervals
        )
        return " U ".join(pieces) or "empty"


def anderson_rubin_set(
    data: IVData,
    *,
    level: float = 0.95,
    distribution: Literal["F", "chi2"] = "F",
) -> ConfidenceSet:
    """All beta that the Anderson-Rubin test does not reject, exactly.

    The F is held against F(L1, G-1) (without clusters F(L1, N-L-d-a)), as ivreg2's
    arf, or the chi2 against chi2(L1). g = p - P beta and S are polynomials in beta,
    and g'S^-1 g <= c where the least eigenvalue of S - gg'/c is not negative: the ends
    are among the eigenvalues of that quadratic matrix polynomial, which for one
    instrument is an ordinary quadratic. At infinity the test is that of the first
    stage, so the set is bounded where the first-stage F exceeds the critical value.
    """
    if data.X.shape[1] != 1:
        raise TivaxError(
            f"a confidence set for {data.X.shape[1]} endogenous regressors is not an "
            "interval; give one, or test points with anderson_rubin"
        )
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise TivaxError(
            f"level {show(level)} is not between 0 and 1; give 0.95 for 95 %"
        )
    if distribution not in ("F", "chi2"):
        raise TivaxError(f"distribution {show(distribution)}: choose from F, chi2")
    d = _partial_out(data)
    L1 = d.Q.shape[1]
    if distribution == "F":
        critical = float(f.ppf(level, L1, d.df_r))
        c = critical * L1 / d.f_factor
    else:
        critical = float(chi2.ppf(level, L1))
        c = critical / d.chi2_factor
    intervals = _accepted(_quadratic(d, data.covariance == "iid"), c)
    unit = d.y_unit - int(d.X_unit[0])
    ends = [tuple(times_power(np.array(k), unit).tolist()) for k in intervals]
    return ConfidenceSet(tuple(ends), level, distribution, critical)


def unknown_set(level: float = 0.95) -> ConfidenceSet:
    """What stands for a set that the data do not give: an interval of NaN."""
    nan = float("nan")
    return ConfidenceSet(((nan, nan),), level, "F", nan)


class _Quadratic(NamedTuple):
    """g(t) = g0 + t g1 and S(t) = S0 + t S1 + t^2 S2, at beta = centre + scale t."""

    g0: Float[np.ndarray, " L1"]
    g1: Float[np.ndarray, " L1"]
    S0: Float[np.ndarray, "L1 L1"]
    S1: Float[np.ndarray, "L1 L1"]
    S2: Float[np.ndarray, "L1 L1"]
    centre: float
    scale: float


def _quadratic(d: _Partialled, iid: bool) -> _Quadratic:
    """The test as a function of beta, in units in which S0 and S2 have one trace."""
    x = d.X[:, 0]
    P, p = d.Q.T @ x, d.Q.T @ d.y
    ex, ey = x - d.Q @ P, d.y - d.Q @ p
    Sxx = _cross(d, iid, ex, ex, d.Q)
    singular = SingularScores(
        "the Anderson-Rubin covariance is singular; use more clusters, "
        "or fewer instruments"
    )
    if _singular(Sxx, d.least(ex, x)):
        raise singular
    centre = np.trace(_cross(d, iid, ex, ey, d.Q)) / np.trace(Sxx)
    e = ey - centre * ex
    S0 = _cross(d, iid, e, e, d.Q)
    if _singular(S0, d.least(e, d.y)):
        raise singular
    scale = np.sqrt(np.trace(S0) / np.trace(Sxx))
    S1 = -scale * _cross(d, iid, e, ex, d.Q)
    return _Quadratic(
        p - centre * P, -scale * P, S0, S1 + S1.T, scale**2 * Sxx, centre, scale
    )


def _accepted(q: _Quadratic, c: float) -> tuple[tuple[float, float], ...]:
    """The intervals of beta where g'S^-1 g <= c.

    On the circle t = tan(angle) both ends of the line are one ordinary point. The real
    parts of all eigenvalues cut it into arcs on which the verdict is constant; cuts
    between equal verdicts drop out, the others are polished by bisection.
    """

    g0, g1, S0, S1, S2, centre, scale = q

    def excess(angle: float) -> float:
        cos, sin = np.cos(angle), np.sin(angle)
        g = cos * g0 + sin * g1
        S = cos**2 * S0 + cos * sin * S1 + sin**2 * S2
        return float(g @ np.linalg.solve(S, g)) - c

    angles = _eigenvalue_angles(
        S0 - np.outer(g0, g0) / c,
        S1 - (np.outer(g0, g1) + np.outer(g1, g0)) / c,
        S2 - np.outer(g1, g1) / c,
    )
    cuts = np.unique(np.r_[-np.pi / 2, angles, np.pi / 2])
    middles = (cuts[:-1] + cuts[1:]) / 2
    inside = [excess(m) <= 0 for m in middles]
    ends = [-np.inf] if inside[0] else []
    for k in range(len(middles) - 1):
        if inside[k] != inside[k + 1]:
            angle = brentq(excess, middles[k], middles[k + 1], xtol=1e-15)
            ends.append(centre + scale * np.tan(cast(float, angle)))
    if inside[-1]:
        ends.append(np.inf)
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return tuple((float(low), float(high)) for low, high in pairs)


def _eigenvalue_angles(
    M0: Float[np.ndarray, "L1 L1"],
    M1: Float[np.ndarray, "L1 L1"],
    M2: Float[np.ndarray, "L1 L1"],
) -> Float[np.ndarray, " 2*L1"]:
    """arctan of the real parts of the t with det(M0 + t M1 + t^2 M2) = 0.

    Companion form: [[0, I], [-M0, -M1]] z = t [[I, 0], [0, M2]] z, and t = alpha / beta
    with beta = 0 for the infinite ones, which have an angle too.
    """
    zero, one = np.zeros_like(M0), np.eye(len(M0))
    left = np.block([[zero, one], [-M0, -M1]])
    right = np.block([[one, zero], [zero, M2]])
    # (eigvals' type does not know the pair that homogeneous_eigvals returns.)
    alpha, beta = np.asarray(eigvals(left, right, homogeneous_eigvals=True))
    sign = np.where(beta.real < 0, -1.0, 1.0)
    return np.arctan2(sign * alpha.real, sign * beta.real)


# ---------------------------------------------------------------- over-identification


def overidentification(data: IVData) -> Overidentification:
    """J = g'S^-1 g at the efficient GMM estimate, S from the residuals of 2SLS.

    Hansen (1982, Econometrica 50); ``iid``: Sargan's (N-d) u'QQ'u / u'u. As ivreg2's
    j and sargan. Partialled out, the moments of W are fitted exactly and drop out; so J
    needs more clusters than instruments only, where ivreg2 without partial() needs L.
    """
    d = _partial_out(data)
    P, p = d.Q.T @ d.X, d.Q.T @ d.y
    df = P.shape[0] - P.shape[1]
    if df == 0:
        return Overidentification(0.0, float("nan"), 0)
    u = d.y - d.X @ np.linalg.lstsq(P, p, rcond=None)[0]
    S = _cross(d, data.covariance == "iid", u, u, d.Q)
    if _singular(S, d.least(u, d.y)):
        return Overidentification(float("nan"), float("nan"), df)
    SP = np.linalg.solve(S, P)
    g = p - P @ np.linalg.solve(P.T @ SP, SP.T @ p)
    J = _wald(g, S, d.least(u, d.y)) * d.chi2_factor
    return Overidentification(J, float(chi2.sf(J, df)), df)
