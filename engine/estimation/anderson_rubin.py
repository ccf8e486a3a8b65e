"""Anderson-Rubin tests and confidence sets, valid however weak the instruments are.

Symbols and degrees of freedom as in ``iv_data``. Three tests of one hypothesis: F or
chi2 with the covariance of the cluster scores, the same statistic held against wild
bootstrap draws, and the jackknife over clusters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import eigvals
from scipy.optimize import brentq

from ...kernels import clusters, random_draws, resampling
from ..core import TivaxError, in_float64, require_choice, require_kind, show
from .distributions import chi2_ppf, chi2_sf, f_ppf, f_sf, require_level
from .iv_data import SINGULAR, IVData, Partialled, is_singular, wald
from .regression_data import times_power

Beta = float | Sequence[float] | np.ndarray
Distribution = Literal["F", "chi2", "jackknife"]
Intervals = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class AndersonRubin:
    """A test of beta = beta0 that is valid however weak the instruments are.

    Examples
    --------
    >>> from tivax.engine.estimation import IVData
    >>> names = ("growth", ["trade"], ["gdp"], ["tariff"])
    >>> y, X, W, Z = (panel[k].to_numpy() for k in names)
    >>> data = IVData(y, X, W, Z, clusters=panel["iso3"].to_numpy())
    >>> from tivax.engine.estimation.anderson_rubin import anderson_rubin
    >>> round(anderson_rubin(data, beta=0.5).f_p_value, 3)
    0.65
    """

    f: float
    f_p_value: float
    chi2: float
    chi2_p_value: float
    df: int
    df_r: int


def anderson_rubin(data: IVData, *, beta: Beta = 0.0) -> AndersonRubin:
    """Wald test that the instruments are out of y - X beta = Z pi + W gamma + e.

    Anderson and Rubin (1949, Annals of Mathematical Statistics 20). As ivreg2's arf
    and archi2, with F(L1, G-1) under clusters.
    """
    d = data.partialled
    r = d.errors(hypothesis(beta, data.X.shape[1]))
    g = d.Q.T @ r
    e = r - d.Q @ g
    statistic = wald(g, d.score_products(e, e), d.least(e, d.y))
    df = d.Q.shape[1]
    F, c = statistic * d.f_factor / df, statistic * d.chi2_factor
    return AndersonRubin(
        f=F,
        f_p_value=float(f_sf(F, df, d.df_r)),
        chi2=c,
        chi2_p_value=float(chi2_sf(c, df)),
        df=df,
        df_r=d.df_r,
    )


def hypothesis(beta: Beta, K1: int) -> Float[np.ndarray, " {K1}"]:
    """A value of beta for each endogenous regressor; a single one is for all."""
    try:
        values = np.atleast_1d(np.asarray(beta, float))
    except (TypeError, ValueError):
        raise TivaxError(f"beta: give a number, not {show(beta)}") from None
    if values.shape == (1,):
        values = np.repeat(values, K1)
    if values.shape != (K1,):
        raise TivaxError(
            f"beta has {values.size} values for {K1} endogenous regressors; "
            "give one for each"
        )
    return values


# ------------------------------------------------------------------- other p-values


def jackknife_anderson_rubin(
    d: Partialled, beta: Float[np.ndarray, " K1"]
) -> tuple[float, float]:
    """T and p of the Anderson-Rubin test without the products of a cluster with itself.

    With e = y - X beta net of W and s_g = Q_g'e_g,

        T = sum_{g != h} s_g's_h / sqrt(2 sum_{g != h} (s_g's_h)^2),

    held against (chi2(L1) - L1) / sqrt(2 L1), large values alone: Ligtenberg (2025,
    arXiv 2306.08559), Mikusheva and Sun's (2022) test where rows are the clusters, both
    with the plain variance estimator. W is taken out of all clusters at once, so that
    a little of each cluster's errors is left in the others'.
    """
    e = d.errors(beta)
    s = d.sums(d.Q * e[:, None])
    across, squares = _jackknife_terms(s, s)
    L1 = d.Q.shape[1]
    if squares <= (SINGULAR * d.least(e, d.y) * d.N) ** 2:
        return float("nan"), float("nan")
    T = across / np.sqrt(2 * squares)
    return T, float(chi2_sf(L1 + np.sqrt(2 * L1) * T, L1))


def _jackknife_terms(
    a: Float[np.ndarray, "G L1"], b: Float[np.ndarray, "G L1"]
) -> tuple[float, float]:
    """Sums over g != h of a_g'b_h and of (a_g'b_h)^2."""
    own = np.sum(a * b, axis=1)
    across = a.sum(axis=0) @ b.sum(axis=0) - own.sum()
    return float(across), float(np.sum((a.T @ a) * (b.T @ b)) - own @ own)


@in_float64
def bootstrap_anderson_rubin(
    data: IVData, *, beta: Beta = 0.0, draws: int = 99_999, seed: int = 0
) -> float:
    """p of the Anderson-Rubin test by the restricted wild cluster bootstrap.

    The share of draws whose statistic is above that of the data, Webb's weights, one
    for each cluster: y - X beta is regressed on W alone, its residuals get the weights,
    and the Wald test that Z is out is computed again (Davidson and MacKinnon 2010;
    Roodman et al. 2019). Draw k depends on the seed and on k alone, as in
    ``tx.resample``. NaN where the statistic is.
    """
    d = data.partialled
    if d.group is None:
        raise TivaxError(
            "the bootstrap of the Anderson-Rubin test has a weight for each cluster; "
            "give clusters, and covariance 'cluster'"
        )
    tested = hypothesis(beta, data.X.shape[1])
    if np.isnan(anderson_rubin(data, beta=tested).f):
        return float("nan")
    e = d.errors(tested)
    columns = np.column_stack([d.W, d.Q, e / np.linalg.norm(e)])
    rows = np.bincount(d.group, minlength=d.G).astype(float)
    layout = clusters.Layout(d.W.shape[1], 0, d.Q.shape[1])
    k = np.array(float(layout.regressors + data.absorbed))
    numbers = np.array([seed, draws])
    above, made = _count_above(columns, d.group, rows, k, numbers, layout=layout)
    return float(above) / float(made)


@partial(jax.jit, static_argnames="layout")
def _count_above(
    columns: Float[Array, "n m"],
    group: Array,
    rows: Float[Array, " G"],
    n_parameters: Float[Array, ""],
    numbers: Array,
    *,
    layout: clusters.Layout,
) -> Array:
    """Draws above the observed statistic, and draws that could be computed."""
    G, size = len(rows), random_draws.draws_of_block(len(rows))
    S = clusters.cross_products(columns, group, clusters=G)
    products = clusters.ClusterCrossProducts(S, rows, n_parameters)
    loadings, observed = resampling.anderson_rubin_loadings(products, layout=layout)
    seed, draws = numbers

    def block(k: Array, so_far: Array) -> Array:
        v = random_draws.webb(random_draws.block_key(seed, k), G, draws=size)
        drawn = jnp.abs(resampling.wild_statistics(loadings, v))
        used = (k * size + jnp.arange(size) < draws) & jnp.isfinite(drawn)
        above = used & (drawn > observed * (1 + resampling.TIE))
        return so_far + jnp.stack([above.sum(), used.sum()])

    blocks = (draws + size - 1) // size
    return jax.lax.fori_loop(0, blocks, block, jnp.zeros(2, int))


# -------------------------------------------------------------------- confidence sets


class SingularScores(TivaxError):
    """The covariance of the cluster scores is singular, so that there is no set."""


@dataclass(frozen=True)
class ConfidenceSet:
    """Closed intervals in ascending order; ends are -inf and inf where unbounded.

    One interval, two rays, the whole line or nothing; with several instruments also
    more pieces. ``critical`` is the value that the F, the chi2 or the jackknife's T is
    held against.

    Examples
    --------
    >>> fit = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel)
    >>> found = fit.anderson_rubin_set(level=0.9)
    >>> found.bounded, len(found.intervals)
    (True, 1)
    """

    intervals: tuple[tuple[float, float], ...]
    level: float
    distribution: Distribution
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
    data: IVData, *, level: float = 0.95, distribution: Distribution = "F"
) -> ConfidenceSet:
    """All beta that the Anderson-Rubin test does not reject, exactly.

    The F is held against F(L1, G-1) (without clusters F(L1, N-L-d-a)), as ivreg2's
    arf, or the chi2 against chi2(L1). g = p - P beta and S are polynomials in beta,
    and g'S^-1 g <= c where the least eigenvalue of S - gg'/c is not negative: the ends
    are among the eigenvalues of that quadratic matrix polynomial, which for one
    instrument is an ordinary quadratic. At infinity the test is that of the first
    stage, so the set is bounded where the first-stage F exceeds the critical value.
    ``jackknife``: the set of the cluster-jackknife test (Ligtenberg 2025), whose ends
    are roots of a polynomial of degree four.
    """
    require_kind("data", data, IVData, "an IVData(y, X, W, Z)")
    if data.X.shape[1] != 1:
        raise TivaxError(
            f"a confidence set for {data.X.shape[1]} endogenous regressors is not an "
            "interval; give one, or test points with anderson_rubin"
        )
    require_level(level)
    require_choice("distribution", distribution, get_args(Distribution))
    d = data.partialled
    L1 = d.Q.shape[1]
    if distribution == "jackknife":
        critical = float(chi2_ppf(level, L1) - L1) / np.sqrt(2 * L1)
        intervals = _jackknife_accepted(d, critical)
    elif distribution == "F":
        critical = float(f_ppf(level, L1, d.df_r))
        intervals = _accepted(d, critical * L1 / d.f_factor)
    else:
        critical = float(chi2_ppf(level, L1))
        intervals = _accepted(d, critical / d.chi2_factor)
    unit = d.y_unit - int(d.X_unit[0])  # to that of the data
    ends = [tuple(times_power(np.array(k), unit).tolist()) for k in intervals]
    return ConfidenceSet(tuple(ends), level, distribution, critical)


def unknown_set(level: float = 0.95) -> ConfidenceSet:
    """The set where the covariance of the test has no inverse: an interval of NaN."""
    nan = float("nan")
    return ConfidenceSet(((nan, nan),), level, "F", nan)


def _accepted(d: Partialled, c: float) -> Intervals:
    """The intervals of beta where g'S^-1 g <= c.

    At beta = centre + scale t, g = g0 + t g1 and S = S0 + t S1 + t^2 S2, in units in
    which S0 and S2 have one trace.
    """
    x = d.X[:, 0]
    P, p = d.Q.T @ x, d.Q.T @ d.y
    ex, ey = x - d.Q @ P, d.y - d.Q @ p
    Sxx = d.score_products(ex, ex)
    singular = SingularScores(
        "the Anderson-Rubin covariance is singular; use more clusters, "
        "or fewer instruments"
    )
    if is_singular(Sxx, d.least(ex, x)):
        raise singular
    centre = np.trace(d.score_products(ex, ey)) / np.trace(Sxx)
    e = ey - centre * ex
    S0 = d.score_products(e, e)
    if is_singular(S0, d.least(e, d.y)):
        raise singular
    scale = np.sqrt(np.trace(S0) / np.trace(Sxx))
    S1 = -scale * d.score_products(e, ex)
    g0, g1, S1, S2 = p - centre * P, -scale * P, S1 + S1.T, scale**2 * Sxx

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
    return _intervals(excess, angles, centre, scale)


def _intervals(
    excess: Callable[[float], float],
    angles: Float[np.ndarray, " J"],
    centre: float,
    scale: float,
) -> Intervals:
    """Intervals in which the excess at beta = centre + scale tan(angle) is at most 0.

    On the circle both ends of the line are one ordinary point. The angles cut it into
    arcs on which the verdict is constant; cuts between equal verdicts drop out, the
    others are polished by bisection.
    """
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


def _jackknife_accepted(d: Partialled, critical: float) -> Intervals:
    """The intervals of beta where the jackknife's T is at most ``critical``.

    s_g = a_g - t b_g is linear in beta, hence the sums of T are polynomials of degrees
    two and four, known from five points; T = critical is a root of their difference.
    """
    x = d.X[:, 0]
    a, b = (d.sums(d.Q * k[:, None]) for k in (d.y, x))
    size = np.linalg.norm(b)
    centre = float(np.sum(a * b) / size**2)
    a = a - centre * b
    scale = float(np.linalg.norm(a) / size)
    if not scale > 0:
        raise SingularScores("the scores of the clusters are those of the regressor")

    def terms(angle: float) -> tuple[float, float]:
        s = np.cos(angle) * a - np.sin(angle) * scale * b
        return _jackknife_terms(s / size, s / size)

    def excess(angle: float) -> float:
        across, squares = terms(angle)
        return across - critical * np.sqrt(2 * max(squares, 0.0))

    at = np.linspace(-2, 2, 5)
    each = np.array([terms(np.arctan(t)) for t in at])
    across = each[:, 0] * (1 + at**2)
    squares = each[:, 1] * (1 + at**2) ** 2
    roots = np.roots(np.polyfit(at, across**2 - 2 * critical**2 * squares, 4))
    return _intervals(excess, np.arctan(roots.real), centre, scale)


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
