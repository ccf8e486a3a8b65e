"""Covariances of a two-way fixed-effects fit, by products of NumPy."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ...kernels.two_way import default_lags, kernel_of_years
from ..core import TivaxError, require_kind, require_whole, show, suggest
from .estimates import Convention, Estimate, make_estimate
from .library_fits import feols
from .model_data import ModelData, prepare
from .regression_data import orthonormal


def driscoll_kraay(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    lags: int | None = None,
) -> Estimate:
    """Two-way fixed effects with Driscoll and Kraay's (1998) covariance.

    Robust to correlation between countries and, by a Bartlett kernel of ``lags`` (by
    default the integer part of 4 (T/100)^(2/9)), over time. It relies on many years:
    with 15 it is a rough guide. t has T - 1 degrees of freedom. linearmodels' factor is
    N / (N - K - G - T + 1), its kernel weights 1 - j / (lags + 1). Years are j apart by
    the calendar where ``time`` holds numbers, else by their order; linearmodels takes
    those that are there as neighbours. T of the default counts from the first to the
    last.

    Examples
    --------
    >>> fit = tx.driscoll_kraay(panel, "growth", ["trade", "gdp"])
    >>> fit.terms[["estimate", "se"]].round(3)
        estimate     se
    term
    trade  0.492  0.064
    gdp    0.942  0.178
    """
    given = prepare(data, outcome, regressors, entity=entity, time=time)
    year, years, span = _calendar(given.used[time])
    lags = _kernel_lags(lags, span, int(4 * (span / 100) ** (2 / 9)))
    solved, N, T = _solve(given), len(year), len(years)
    each = solved.slopes * solved.residuals[None, :]
    across = np.stack([np.bincount(year, row) for row in each], axis=1)
    W = kernel_of_years(years, lags).weights
    G = given.used[entity].nunique()
    lost, gone = given.lost([year])
    return _estimate(
        given,
        solved,
        N / (N - len(regressors) - G - T + 1) * across.T @ W @ across,
        clusters=0,
        degrees=T - 1,
        convention=f"Driscoll-Kraay, {lags} lags, linearmodels, t(T-1)",
        lost=gone,
        reason=lost.reason(outcome, T),
    )


def two_way_clusters(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    jackknife: bool = False,
) -> Estimate:
    """Two-way fixed effects, clustered by country and by year (Cameron et al. 2011).

    pyfixest's correction: G/(G-1) of the smaller dimension for all three terms, slopes
    and one constant counted, since both effects are nested; t(min(G, T) - 1).

    With ``jackknife`` the three terms are CV3 (MacKinnon, Nielsen and Webb 2024): the
    estimates without each country, plus those without each year, less those without
    each row, (n - 1)/n times the sum of squares of each. No standard error (NaN) where
    the sum is negative, or one country, year or row alone identifies the coefficient.

    Examples
    --------
    >>> fit = tx.two_way_clusters(panel, "growth", ["trade", "gdp"])
    >>> fit.terms[["estimate", "se"]].round(3)
        estimate     se
    term
    trade  0.492  0.102
    gdp    0.942  0.161
    """
    require_kind("jackknife", jackknife, bool, "True or False")
    given = prepare(data, outcome, regressors, entity=entity, time=time)
    if jackknife:
        return _two_way_jackknife(given)
    return feols(
        given,
        clusters=[entity, time],
        convention="clustered by country and by year, fixest, t(min(G, T) - 1)",
    )


def common_shocks(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    lags: int | None = None,
) -> Estimate:
    """Two-way fixed effects, errors that follow shocks common to countries, over time.

    Robust to any correlation within countries and to common factors whose shocks last
    for some years, with loadings that differ: of each coefficient the largest of three
    variances, clusters by country, Driscoll and Kraay's with a Bartlett kernel, and
    their sum less the kernel within countries. The sum is that of Chiang, Hansen and
    Sasaki (2024, Review of Economics and Statistics) for two-way clusters with serially
    correlated effects of time; to take the largest, and the scale and degrees below,
    are of this package. Chen and Vogelsang (2024, Journal of Econometrics 244) have
    fixed-b critical values for the same sum. Correlations are those of clusters by
    country.

    A dozen years make a kernel estimate too small and uncertain. Were the sums of the
    scores of a year independent and normal, it would be z'A z of T of them, A the
    kernel between their deviations: the variance is divided by tr A / T, and t has
    (tr A)^2 / tr A^2 degrees of freedom, rounded down (Satterthwaite 1946), within 6 %
    of the exact critical value up to a kernel of 4 years of 15. Where countries are
    independent the test rejects far less often than it says.

    ``lags``: years over which shocks last, by default a fifth of those from the first
    to the last; slopes and one constant are counted. Years are apart by the calendar
    where ``time`` holds numbers, else by their order.

    Examples
    --------
    >>> fit = tx.common_shocks(panel, "growth", ["trade", "gdp"])
    >>> fit.terms[["estimate", "se"]].round(3)
        estimate     se
    term
    trade  0.492  0.121
    gdp    0.942  0.194
    >>> fit.convention
    'common shocks, 2 lags, t(3)'
    """
    given = prepare(data, outcome, regressors, entity=entity, time=time)
    code, names = pd.factorize(given.used[entity], sort=True)
    year, years, span = _calendar(given.used[time])
    G, T, N = len(names), len(years), len(code)
    lags = _kernel_lags(lags, span, default_lags(span))
    solved = _solve(given)
    scores = np.zeros((G, T, len(solved.coef)))
    scores[code, year] = (solved.slopes * solved.residuals[None, :]).T
    W, scale, degrees = kernel_of_years(years, lags)
    within, across = scores.sum(axis=1), scores.sum(axis=0)
    by_country = within.T @ within
    kernel = across.T @ W @ across
    both = by_country + kernel - np.einsum("gsk,st,gtl->kl", scores, W, scores)
    sizes = [np.diag(V) for V in (by_country, kernel, both)]
    ratio = np.sqrt(np.max(sizes, axis=0) / sizes[0])
    factor = (N - 1) / (N - len(regressors) - 1) / scale
    lost, gone = given.lost([code])
    return _estimate(
        given,
        solved,
        factor * by_country * np.outer(ratio, ratio),
        clusters=G,
        degrees=degrees,
        convention=f"common shocks, {lags} lags, t({degrees})",
        lost=gone,
        reason=lost.reason(outcome, G),
    )


def _calendar(
    time: pd.Series,
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " T"], int]:
    """The number of each row's year, the years themselves, and how many there are from
    the first to the last; what holds no numbers is numbered in its order."""
    numeric = pd.to_numeric(time, errors="coerce")
    known = (
        numeric
        if numeric.notna().all()
        else pd.Series(pd.factorize(time, sort=True)[0])
    )
    year, years = pd.factorize(known.astype(float), sort=True)
    years = np.asarray(years, float)
    return year, years, int(years[-1] - years[0]) + 1


def _kernel_lags(lags: int | None, T: int, default: int) -> int:
    lags = default if lags is None else lags
    if not isinstance(lags, int | np.integer) or not 0 <= lags < T:
        raise TivaxError(f"lags {show(lags)}: give a whole number from 0 to {T - 1}")
    return int(lags)


def network_hac(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    weights: pd.DataFrame,
    *,
    order: int = 1,
    entity: str = "iso3",
    time: str = "year",
) -> Estimate:
    """Two-way fixed effects, errors correlated along trade.

    The covariance is that of clusters by country plus the products of the scores of
    different countries, weighted by how much they trade: with A = F + F' of the flows
    F, without the diagonal, and d its sums, the weights are K = I + D^-1/2 A D^-1/2, so
    that two countries that trade with each other alone count as one cluster, and ones
    that do not trade as two. K has no negative eigenvalue, so no variance is negative
    (a network HAC, as of Kojevnikov, Marmer and Song 2021, with the table itself for
    the kernel). The factor is that of clusters by country, t has G - 1 degrees of
    freedom.

    Parameters
    ----------
    weights
        Flows of a year or their mean, exporters by importers, of trade or of value
        added; in any unit, not negative. Labels are those of ``entity``; others are
        left out, and so is the diagonal.
    order
        1 for direct trade; 2 also for partners of partners, by K^2 with a diagonal of
        1, and so on. Higher orders tie all countries together, whose scores cancel.

    Raises
    ------
    TivaxError
        A country of the data that the flows lack, flows that are negative or missing.

    Examples
    --------
    >>> names = sorted(panel["iso3"].unique())
    >>> flows = pd.DataFrame(1.0, names, names)
    >>> fit = tx.network_hac(panel, "growth", ["trade", "gdp"], flows)
    >>> fit.convention
    'network HAC, order 1, factor of clusters by country, t(G-1)'
    """
    require_whole("order", order, 1)
    given = prepare(data, outcome, regressors, entity=entity, time=time)
    code, names = pd.factorize(given.used[entity], sort=True)
    K = network_weights(weights, list(names), order)
    solved = _solve(given)
    each = solved.slopes * solved.residuals[None, :]
    scores = np.stack([np.bincount(code, row) for row in each], axis=1)
    N, G = len(code), len(names)
    k = len(given.regressors) + len(given.dummies) + 1
    factor = G / (G - 1) * (N - 1) / (N - k)
    lost, gone = given.lost([code])
    return _estimate(
        given,
        solved,
        factor * scores.T @ K @ scores,
        clusters=G,
        convention=f"network HAC, order {order}, factor of clusters by country, t(G-1)",
        lost=gone,
        reason=lost.reason(outcome, G),
    )


def network_weights(
    weights: pd.DataFrame, names: list[str], order: int = 1
) -> Float[np.ndarray, "G G"]:
    """Weights of the products of two countries' scores; see ``network_hac``."""
    return _network_kernel(_flows(weights, names), order)


def _flows(weights: pd.DataFrame, names: list[str]) -> Float[np.ndarray, "G G"]:
    """The flows among these countries, checked."""
    require_kind(
        "weights", weights, pd.DataFrame, "a DataFrame, exporters by importers"
    )
    for axis, there in (("rows", weights.index), ("columns", weights.columns)):
        if lacking := [name for name in names if name not in there]:
            raise TivaxError(
                f"weights: the {axis} lack {lacking[0]}: {suggest(lacking[0], there)}"
            )
        if there.has_duplicates:
            twice = there[there.duplicated()][0]
            raise TivaxError(f"weights: the {axis} have {twice} twice; add them up")
    try:
        F = weights.loc[names, names].to_numpy(float)
    except (TypeError, ValueError):
        raise TivaxError("weights: the flows are no numbers; fix the table") from None
    if not (np.isfinite(F) & (F >= 0)).all():
        i, j = np.argwhere(~(np.isfinite(F) & (F >= 0)))[0]
        raise TivaxError(
            f"weights: the flow from {names[i]} to {names[j]} is {F[i, j]:g}; give "
            "numbers that are not negative"
        )
    return F


def _network_kernel(
    F: Float[np.ndarray, "G G"], order: int
) -> Float[np.ndarray, "G G"]:
    """(I + D^-1/2 A D^-1/2)^order, of diagonal 1. Countries without trade are alone."""
    A = F + F.T
    np.fill_diagonal(A, 0)
    root = np.sqrt(A.sum(axis=1))
    root[root == 0] = 1
    K = np.linalg.matrix_power(np.eye(len(A)) + A / root / root[:, None], order)
    size = np.sqrt(np.diag(K))
    return K / size / size[:, None]


def clustered(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    conventions: Sequence[Convention] = ("stata",),
) -> dict[Convention, Estimate]:
    """The slopes of ``fixed_effects``, clustered by country, under these conventions.

    One fit, whose covariance each convention multiplies by a number of its own. There
    is no constant, and R2 is net of both effects. For the hundreds of fits of a
    robustness check: a library takes several times as long for each.
    """
    given = prepare(data, outcome, regressors, entity=entity, time=time)
    solved, (code,) = _solve(given), given.clusters(entity)
    each = solved.slopes * solved.residuals[None, :]
    scores = np.stack([np.bincount(code, row) for row in each], axis=1)
    N, G, T = len(code), int(code.max()) + 1, given.used[time].nunique()
    q = len(given.regressors)
    small = G / (G - 1) * (N - 1)
    factors: dict[Convention, float] = {
        "stata": small / (N - q - len(given.dummies) - 1),
        "fixest": small / (N - q - T),
        "lsdv": small / (N - q - T - G + 1),
        "plm": 1.0,
        "linearmodels": N / (N - q - G - T + 1),
    }
    lost, gone = given.lost([code])
    return {
        name: _estimate(
            given,
            solved,
            factors[name] * scores.T @ scores,
            clusters=G,
            convention=name,
            lost=gone,
            reason=lost.reason(outcome, G),
        )
        for name in conventions
    }


class _Solved(NamedTuple):
    """Least squares with all dummies; Q spans the columns, slopes are B X'."""

    Q: Float[np.ndarray, "N p"]
    slopes: Float[np.ndarray, "q N"]
    coef: Float[np.ndarray, " q"]
    residuals: Float[np.ndarray, " N"]
    r2: float


def _solve(given: ModelData) -> _Solved:
    """Solve least squares by Gram-Schmidt; the columns are net of the entities."""
    d = len(given.dummies)
    y = given.columns[given.outcome].to_numpy()
    X = given.columns[[*given.dummies, *given.regressors]].to_numpy()
    size = np.linalg.norm(X, axis=0)
    basis = orthonormal(X / size).basis
    slopes = (basis @ np.linalg.inv(basis.T @ (X / size)).T / size).T[d:]
    residuals = y - basis @ (basis.T @ y)
    net = y - basis[:, :d] @ (basis[:, :d].T @ y)
    entity = given.clusters(given.effects[0])[0]
    dummies = np.eye(entity.max() + 1)[entity] / np.sqrt(np.bincount(entity))
    r2 = float(1 - residuals @ residuals / (net @ net))
    Q = np.column_stack([dummies, basis])
    return _Solved(Q, slopes, slopes @ y, residuals, r2)


def _estimate(
    given: ModelData,
    solved: _Solved,
    V: Float[np.ndarray, "q q"],
    *,
    clusters: int,
    convention: str,
    lost: Sequence[str],
    reason: str,
    degrees: int | None = None,
) -> Estimate:
    regressors = list(given.regressors)
    return make_estimate(
        given.outcome,
        pd.Series(solved.coef, regressors),
        pd.DataFrame(V, regressors, regressors),
        n=len(solved.residuals),
        clusters=clusters,
        r2=solved.r2,
        convention=convention,
        residuals=pd.Series(solved.residuals, given.used.index),
        report=regressors,
        power=given.power,
        left_out=given.left_out,
        lost=lost,
        reason=reason,
        degrees=degrees,
        effects=given.effects,
    )


# Below, 1 - leverage is rounding; this share of a coefficient rests on rounding too.
_LEVERAGE, _SHARE = 1e-9, 1e-6


def _two_way_jackknife(given: ModelData) -> Estimate:
    """CV3 by both dimensions and their intersection, from the residuals."""
    solved, ways = _solve(given), given.clusters(*given.effects)
    q = len(given.regressors)
    V, lost = np.zeros((q, q)), np.zeros(q, bool)
    for sign, group in ((1, ways[0]), (1, ways[1]), (-1, np.arange(len(ways[0])))):
        gap, alone = _left_out_changes(solved, group)
        V += sign * (len(gap) - 1) / len(gap) * gap.T @ gap
        lost |= alone
    return _estimate(
        given,
        solved,
        V,
        clusters=min(int(way.max()) + 1 for way in ways),
        convention="jackknife by country and by year (CV3), t(min(G, T) - 1)",
        lost=[k for k, gone in zip(given.regressors, lost, strict=True) if gone],
        reason="one cluster alone identifies it",
    )


def _left_out_changes(
    solved: _Solved, group: Int[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, "n q"], Bool[np.ndarray, " q"]]:
    """beta - beta_(g) = B X_g'(I - H_gg)^+ u_g of each group, and which coefficients
    one group alone identifies."""
    Q, slopes = solved.Q, solved.slopes
    gaps, alone = [], np.zeros(len(slopes), bool)
    size = np.linalg.norm(slopes, axis=1)
    for g in range(group.max() + 1):
        own = group == g
        left, U = np.linalg.eigh(np.eye(own.sum()) - Q[own] @ Q[own].T)
        kept = left > _LEVERAGE
        along, u = slopes[:, own] @ U, U.T @ solved.residuals[own]
        gaps.append((along[:, kept] / left[kept]) @ u[kept])
        alone |= np.linalg.norm(along[:, ~kept], axis=1) > _SHARE * size
    return np.array(gaps), alone
