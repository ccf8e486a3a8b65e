"""Weak instruments: rank tests, first stages and the effective F.

Symbols and degrees of freedom as in ``iv_data``; confidence sets that survive weak
instruments are in ``anderson_rubin``.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.optimize import minimize_scalar

from ..core import TivaxError, number_text, p_text, require_kind, require_whole
from .anderson_rubin import (
    Beta,
    anderson_rubin,
    bootstrap_anderson_rubin,
    hypothesis,
    jackknife_anderson_rubin,
)
from .distributions import chi2_ppf, chi2_sf, f_sf, normal_isf, normal_sf
from .iv_data import SINGULAR, IVData, Partialled, is_singular, wald
from .regression_data import COLLINEAR, times_power

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
    f_p_value: float
    df: int
    df_r: int
    partial_r2: float


@dataclass(frozen=True)
class Overidentification:
    """Hansen's J (``iid``: Sargan). Zero, with p NaN, in a just identified equation."""

    j: float
    p_value: float
    df: int


@dataclass(frozen=True, repr=False)
class WeakInstruments:
    """Tests of weak instruments that papers print under a 2SLS column.

    ``effective_f`` and its critical values (5 %, by tau in per cent) exist for one
    endogenous regressor; otherwise NaN and empty. ``tf_critical`` is the critical value
    of ``|t|`` of 2SLS at 5 %, given the first-stage F (``tf_critical_value``): one
    instrument, otherwise NaN. For the Anderson-Rubin test, ``ar_bootstrap_p_value`` is
    by wild bootstrap from ``ar_draws`` draws (NaN without any),
    ``ar_jackknife_p_value`` by the jackknife over clusters, which is made for many
    instruments: with one, AR(1) errors and 41, 22 and 19 clusters it rejects a true
    null in 7, 8 and 9 % at 5 %. A statistic is also NaN if clusters are too few for its
    covariance matrix to have an inverse.

    Examples
    --------
    >>> tests = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel).weak
    >>> round(tests.kp_lm_p_value, 4), tests.clusters
    (0.0042, 12)
    """

    kp_lm: float
    kp_lm_p_value: float
    kp_lm_df: int
    kp_f: float
    cd_f: float
    effective_f: float
    effective_f_critical: dict[int, float]
    effective_f_critical_simplified: dict[int, float]
    ar_f: float
    ar_f_p_value: float
    ar_chi2: float
    ar_chi2_p_value: float
    ar_df: int
    ar_df_r: int
    ar_jackknife: float
    ar_jackknife_p_value: float
    ar_bootstrap_p_value: float
    ar_draws: int
    tf_critical: float
    first_stage: tuple[FirstStage, ...]
    stock_yogo: dict[int, float | None]
    overidentification: Overidentification
    nobs: int
    clusters: int | None

    def __repr__(self) -> str:
        return (
            f"WeakInstruments: effective F {number_text(self.effective_f)}, "
            f"Kleibergen-Paap F {number_text(self.kp_f)}, Anderson-Rubin p "
            f"{p_text(self.ar_f_p_value)}, {self.nobs} observations"
        )


def weak_instrument_tests(
    data: IVData, *, beta: Beta = 0.0, draws: int = 0, seed: int = 0
) -> WeakInstruments:
    """Every statistic of the module but the sets; Anderson-Rubin tests ``beta``.

    With ``draws``, the Anderson-Rubin test by the restricted wild cluster bootstrap
    too (Webb's weights): the F test can reject too often where clusters are few.
    """
    require_kind("data", data, IVData, "an IVData(y, X, W, Z)")
    require_whole("draws", draws, 0)
    require_whole("seed", seed, 0)
    d = data.partialled
    L1, K1 = data.Z.shape[1], data.X.shape[1]
    lm, kp_f, cd_f = _rank_statistics(d)
    df = L1 - K1 + 1
    ar = anderson_rubin(data, beta=beta)
    jackknife, jackknife_p = jackknife_anderson_rubin(d, hypothesis(beta, K1))
    bootstrap = float("nan")
    if draws:
        bootstrap = bootstrap_anderson_rubin(data, beta=beta, draws=draws, seed=seed)
    effective, critical, simplified = float("nan"), {}, {}
    if K1 == 1:
        effective, critical, simplified = _effective_f(d)
    return WeakInstruments(
        kp_lm=lm,
        kp_lm_p_value=float(chi2_sf(lm, df)),
        kp_lm_df=df,
        kp_f=kp_f,
        cd_f=cd_f,
        effective_f=effective,
        effective_f_critical=critical,
        effective_f_critical_simplified=simplified,
        **{f"ar_{name}": value for name, value in asdict(ar).items()},
        ar_jackknife=jackknife,
        ar_jackknife_p_value=jackknife_p,
        ar_bootstrap_p_value=bootstrap,
        ar_draws=draws,
        tf_critical=tf_critical_value(kp_f) if L1 == 1 else float("nan"),
        first_stage=_first_stages(data, d),
        stock_yogo=stock_yogo_critical_values(K1, L1),
        overidentification=overidentification(data),
        nobs=d.N,
        clusters=d.G or None,
    )


def stock_yogo_critical_values(
    endogenous: int, instruments: int
) -> dict[int, float | None]:
    """Critical value by largest size in per cent; None where this table has none."""
    row = STOCK_YOGO.get((endogenous, instruments), (None,) * len(SIZES))
    return dict(zip(SIZES, row, strict=True))


def _rank_statistics(d: Partialled) -> tuple[float, float, float]:
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
    lm = wald(lam, d.score_products(x, x, A), d.least(x, x)) * d.chi2_factor
    L1 = d.Q.shape[1]
    kp_f = wald(lam, d.score_products(e, e, A), d.least(e, x)) * d.f_factor / L1
    return lm, kp_f, float(r[-1] ** 2 / (e @ e) * d.cd_factor / L1)


def _first_stages(data: IVData, d: Partialled) -> tuple[FirstStage, ...]:
    """Z coefficients R^-1 P, covariance R^-1 S R^-T over the factor of the F."""
    L1 = d.Q.shape[1]
    R_inverse = solve_triangular(d.R, np.eye(L1))
    stages = []
    for k, (name, x) in enumerate(zip(data.endogenous, d.X.T, strict=True)):
        P = d.Q.T @ x
        e = x - d.Q @ P
        S = d.score_products(e, e)
        least = d.least(e, x)
        F = wald(P, S, least) * d.f_factor / L1
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
                f_p_value=float(f_sf(F, L1, d.df_r)),
                df=L1,
                df_r=d.df_r,
                partial_r2=float(P @ P / (x @ x)),
            )
        )
    return tuple(stages)


# --------------------------------------------------------------------------------- tF

_ONE_SIDED, _TWO_SIDED = normal_isf(0.05), normal_isf(0.025)
# First-stage t beyond which 1.96 holds: F = 104.67.
_STRONG = _ONE_SIDED * _TWO_SIDED / (_TWO_SIDED - _ONE_SIDED)


def tf_critical_value(F: float) -> float:
    """Critical value of ``|t|`` of 2SLS at 5 % for the first-stage F of one instrument.

    The tF procedure of Lee, McCrary, Moreira and Porter (2022, American Economic Review
    112): 1.96 from F = 104.67 on, more below, infinite up to 3.84, where the
    instrument is not significant and the Anderson-Rubin set has no end. Standard errors
    times it over 1.96 make intervals of at least 95 %, whatever the strength.

    The function is derived here, not read from their table. With errors of the two
    equations perfectly correlated, the worst case, t = f (f - f0) / f0 where
    f ~ N(f0, 1) and F = f^2. Critical values c(F) = k^2 of level 5 % for every f0 are
    those of k(a) = a (a - f0) / f0 at the end a of the acceptance region above, where
    P(f > a) + P(f < -d) = 0.05 and d (d + f0) / f0 = k(d) is its end below 0. From
    F = 16 on the second part is below 1e-6 and k = a z / (a - z), z = 1.645.
    """
    size = np.sqrt(F)
    if not size > _TWO_SIDED:
        return float("nan") if np.isnan(F) else float("inf")
    if size >= 4:
        at = min(size, _STRONG)
        return float(at * _ONE_SIDED / (at - _ONE_SIDED))
    f0, a = _acceptance_ends()
    own = np.interp(size, a, f0)
    return float(size * (size - own) / own)


@lru_cache
def _acceptance_ends() -> tuple[Float[np.ndarray, " J"], Float[np.ndarray, " J"]]:
    """f0 and the end a of the acceptance region above, by iteration.

    The end below 0 is the end above of a smaller f0, b with k(d) = d (d - b) / b:
    1/b - 2/d = 1/f0.
    """
    f0 = np.geomspace(1e-4, 3, 3000)
    a = np.maximum(f0 + _ONE_SIDED, _TWO_SIDED)
    for _ in range(100):
        order = np.argsort(1 / f0 - 2 / a)
        inverse = (1 / f0 - 2 / a)[order]
        d = np.interp(np.interp(1 / f0, inverse, f0[order]), f0, a)
        a, before = f0 + normal_isf(0.05 - normal_sf(d + f0)), a
        if np.abs(a - before).max() < 1e-9:
            break
    return f0, a


# ------------------------------------------------------------------- the effective F


def _effective_f(d: Partialled) -> tuple[float, dict[int, float], dict[int, float]]:
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
    pairs = (v1, v1), (v1, v2), (v2, v2)
    S1, S12, S2 = (d.score_products(*pair) for pair in pairs)
    if np.trace(S2) <= SINGULAR * d.least(v2, x):
        unknown: dict[int, float] = {tau: float("nan") for tau in BIASES}
        return float("nan"), unknown, unknown
    bias = _worst_nagar_bias(S1, S12, S2)
    critical, simplified = (
        {tau: _patnaik(S2, 100 * b / tau) for tau in BIASES} for b in (bias, 1.0)
    )
    return float(P @ P / np.trace(S2) * d.f_factor), critical, simplified


def _patnaik(S: Float[np.ndarray, "L1 L1"], x: float) -> float:
    """Upper 5 % quantile of chi2(k, k x) / k, Patnaik's fit to P'P / tr(S).

    k = (1 + 2x) / (sum w_i^2 + 2 x max w), w the eigenvalues of S over their sum; x is
    the noncentrality at the edge of the null. With one instrument and x = 10 it is the
    paper's 23.1.
    """
    w = np.linalg.eigvalsh(S) / np.trace(S)
    k = (1 + 2 * x) / (np.sum(w**2) + 2 * x * w[-1])
    if x == 0:
        return float(chi2_ppf(0.95, k) / k)
    from scipy.stats import ncx2  # takes a third of a second

    return float(ncx2.ppf(0.95, k, k * x) / k)


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


# ---------------------------------------------------------------- over-identification


def overidentification(data: IVData) -> Overidentification:
    """J = g'S^-1 g at the efficient GMM estimate, S from the residuals of 2SLS.

    Hansen (1982, Econometrica 50); ``iid``: Sargan's (N-d) u'QQ'u / u'u. As ivreg2's
    j and sargan. Partialled out, the moments of W are fitted exactly and drop out; so J
    needs more clusters than instruments only, where ivreg2 without partial() needs L.
    """
    d = data.partialled
    P, p = d.Q.T @ d.X, d.Q.T @ d.y
    df = P.shape[0] - P.shape[1]
    if df == 0:
        return Overidentification(0.0, float("nan"), 0)
    u = d.y - d.X @ np.linalg.lstsq(P, p, rcond=None)[0]
    S = d.score_products(u, u)
    if is_singular(S, d.least(u, d.y)):
        return Overidentification(float("nan"), float("nan"), df)
    SP = np.linalg.solve(S, P)
    g = p - P @ np.linalg.solve(P.T @ SP, SP.T @ p)
    J = wald(g, S, d.least(u, d.y)) * d.chi2_factor
    return Overidentification(J, float(chi2_sf(J, df)), df)
