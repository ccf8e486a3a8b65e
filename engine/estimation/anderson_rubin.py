"""Anderson-Rubin test and confidence set, valid however weak the instruments are.

Symbols and degrees of freedom as in ``iv_data``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigvals
from scipy.optimize import brentq
from scipy.stats import chi2, f

from ..core import TivaxError, require_kind, show
from .iv_data import IVData, Partialled, is_singular, partial_out, score_products, wald
from .regression_data import times_power

Beta = float | Sequence[float] | np.ndarray


@dataclass(frozen=True)
class AndersonRubin:
    """A test of beta = beta0 that is valid however weak the instruments are.

    Examples
    --------
    >>> names = ("growth", ["trade"], ["gdp"], ["tariff"])
    >>> y, X, W, Z = (panel[k].to_numpy() for k in names)
    >>> data = tx.IVData(y, X, W, Z, clusters=panel["iso3"].to_numpy())
    >>> from tivax.engine.estimation.anderson_rubin import anderson_rubin
    >>> round(anderson_rubin(data, beta=0.5).f_p, 3)
    0.65
    """

    f: float
    f_p: float
    chi2: float
    chi2_p: float
    df: int
    df_r: int


def anderson_rubin(data: IVData, *, beta: Beta = 0.0) -> AndersonRubin:
    """Wald test that the instruments are out of y - X beta = Z pi + W gamma + e.

    Anderson and Rubin (1949, Annals of Mathematical Statistics 20). As ivreg2's arf
    and archi2, with F(L1, G-1) under clusters.
    """
    tested = hypothesis(beta, data.X.shape[1])
    return test_hypothesis(partial_out(data), data.covariance == "iid", tested)


def hypothesis(beta: Beta, K1: int) -> Float[np.ndarray, " {K1}"]:
    """A value of beta for each endogenous regressor; a single one is for all."""
    values = np.atleast_1d(np.asarray(beta, float))
    if values.shape == (1,):
        values = np.repeat(values, K1)
    if values.shape != (K1,):
        raise TivaxError(
            f"beta has {values.size} values for {K1} endogenous regressors; "
            "give one for each"
        )
    return values


def test_hypothesis(
    d: Partialled, iid: bool, beta: Float[np.ndarray, " K1"]
) -> AndersonRubin:
    """The Anderson-Rubin test of ``beta`` on data with the controls taken out."""
    r = d.y - d.X @ times_power(beta, d.X_unit - d.y_unit)
    g = d.Q.T @ r
    e = r - d.Q @ g
    statistic = wald(g, score_products(d, iid, e, e, d.Q), d.least(e, d.y))
    df = d.Q.shape[1]
    F, c = statistic * d.f_factor / df, statistic * d.chi2_factor
    return AndersonRubin(
        f=F,
        f_p=float(f.sf(F, df, d.df_r)),
        chi2=c,
        chi2_p=float(chi2.sf(c, df)),
        df=df,
        df_r=d.df_r,
    )


class SingularScores(TivaxError):
    """The covariance of the cluster scores is singular, so that there is no set."""


@dataclass(frozen=True)
class ConfidenceSet:
    """Closed intervals in ascending order; ends are -inf and inf where unbounded.

    One interval, two rays, the whole line or nothing; with several instruments also
    more pieces. ``critical`` is the value that the F (or chi2) is held against.

    Examples
    --------
    >>> names = ("growth", ["trade"], ["gdp"], ["tariff"])
    >>> y, X, W, Z = (panel[k].to_numpy() for k in names)
    >>> data = tx.IVData(y, X, W, Z, clusters=panel["iso3"].to_numpy())
    >>> found = tx.anderson_rubin_set(data, level=0.9)
    >>> found.bounded, len(found.intervals)
    (True, 1)
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
    data: IVData, *, level: float = 0.95, distribution: Literal["F", "chi2"] = "F"
) -> ConfidenceSet:
    """All beta that the Anderson-Rubin test does not reject, exactly.

    The F is held against F(L1, G-1) (without clusters F(L1, N-L-d-a)), as ivreg2's
    arf, or the chi2 against chi2(L1). g = p - P beta and S are polynomials in beta,
    and g'S^-1 g <= c where the least eigenvalue of S - gg'/c is not negative: the ends
    are among the eigenvalues of that quadratic matrix polynomial, which for one
    instrument is an ordinary quadratic. At infinity the test is that of the first
    stage, so the set is bounded where the first-stage F exceeds the critical value.

    Examples
    --------
    >>> names = ("growth", ["trade"], ["gdp"], ["tariff"])
    >>> y, X, W, Z = (panel[k].to_numpy() for k in names)
    >>> data = tx.IVData(y, X, W, Z, clusters=panel["iso3"].to_numpy())
    >>> tx.anderson_rubin_set(data).text()
    '[0.09925, 0.7182]'
    """
    require_kind("data", data, IVData, "an IVData(y, X, W, Z)")
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
    d = partial_out(data)
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
    """The set where the covariance of the test has no inverse: an interval of NaN."""
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


def _quadratic(d: Partialled, iid: bool) -> _Quadratic:
    """The test as a function of beta, in units in which S0 and S2 have one trace."""
    x = d.X[:, 0]
    P, p = d.Q.T @ x, d.Q.T @ d.y
    ex, ey = x - d.Q @ P, d.y - d.Q @ p
    Sxx = score_products(d, iid, ex, ex, d.Q)
    singular = SingularScores(
        "the Anderson-Rubin covariance is singular; use more clusters, "
        "or fewer instruments"
    )
    if is_singular(Sxx, d.least(ex, x)):
        raise singular
    centre = np.trace(score_products(d, iid, ex, ey, d.Q)) / np.trace(Sxx)
    e = ey - centre * ex
    S0 = score_products(d, iid, e, e, d.Q)
    if is_singular(S0, d.least(e, d.y)):
        raise singular
    scale = np.sqrt(np.trace(S0) / np.trace(Sxx))
    S1 = -scale * score_products(d, iid, e, ex, d.Q)
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
