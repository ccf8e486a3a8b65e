"""Other covariances of a two-way fixed-effects fit."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..core import TivaxError, require_kind, show
from .estimates import Estimate, make_estimate
from .library_fits import feols, panel_ols
from .model_data import ModelData, prepare


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
    N / (N - K - G - T + 1), its kernel weights 1 - j / (lags + 1).

    Examples
    --------
    >>> fit = tx.driscoll_kraay(panel, "growth", ["trade", "gdp"])
    >>> fit.terms[["coef", "se"]].round(3)
            coef     se
    term
    trade  0.492  0.064
    gdp    0.942  0.178
    """
    given = prepare(data, outcome, regressors, entity=entity, time=time)
    T = given.used[time].nunique()
    lags = int(4 * (T / 100) ** (2 / 9)) if lags is None else lags
    if not isinstance(lags, int | np.integer) or not 0 <= lags < T:
        raise TivaxError(f"lags {show(lags)}: give a whole number from 0 to {T - 1}")
    return panel_ols(
        given,
        time,  # scores are summed over the countries of a year
        convention=f"Driscoll-Kraay, {lags} lags, linearmodels, t(T-1)",
        degrees=T - 1,
        cov_type="kernel",
        kernel="bartlett",
        bandwidth=lags,
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
    >>> fit.terms[["coef", "se"]].round(3)
            coef     se
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


# Below, 1 - leverage is rounding; this share of a coefficient rests on rounding too.
_LEVERAGE, _SHARE = 1e-9, 1e-6


def _two_way_jackknife(given: ModelData) -> Estimate:
    """CV3 by both dimensions and their intersection, from the residuals."""
    regressors, y = list(given.regressors), given.columns[given.outcome].to_numpy()
    ways = given.clusters(*given.effects)
    dummies = np.column_stack(
        [np.eye(ways[0].max() + 1)[ways[0]], given.columns[given.dummies].to_numpy()]
    )
    effects = np.linalg.qr(dummies)[0]
    Q, R = np.linalg.qr(np.column_stack([dummies, given.columns[regressors]]))
    inverse = np.linalg.solve(R, Q.T)  # of all columns: coefficients are inverse @ y
    residuals, slopes = y - Q @ (Q.T @ y), inverse[-len(regressors) :]
    V, lost = np.zeros((len(regressors),) * 2), np.zeros(len(regressors), bool)
    for sign, group in ((1, ways[0]), (1, ways[1]), (-1, np.arange(len(y)))):
        gap, alone = _left_out_changes(Q, slopes, residuals, group)
        V += sign * (len(gap) - 1) / len(gap) * gap.T @ gap
        lost |= alone
    net = y - effects @ (effects.T @ y)
    count = min(int(way.max()) + 1 for way in ways)
    return make_estimate(
        given.outcome,
        pd.Series(slopes @ y, regressors),
        pd.DataFrame(V, regressors, regressors),
        n=len(y),
        clusters=count,
        r2=float(1 - residuals @ residuals / (net @ net)),
        convention="jackknife by country and by year (CV3), t(min(G, T) - 1)",
        residuals=pd.Series(residuals, given.used.index),
        report=regressors,
        power=given.power,
        lost=[k for k, gone in zip(regressors, lost, strict=True) if gone],
        reason="one cluster alone identifies it",
        effects=given.effects,
    )


def _left_out_changes(
    Q: Float[np.ndarray, "N p"],
    slopes: Float[np.ndarray, "q N"],
    residuals: Float[np.ndarray, " N"],
    group: Int[np.ndarray, " N"],
) -> tuple[Float[np.ndarray, "n q"], Bool[np.ndarray, " q"]]:
    """beta - beta_(g) = B X_g'(I - H_gg)^+ u_g of each group, and which coefficients
    one group alone identifies. Q spans the columns, slopes are B X'."""
    gaps, alone = [], np.zeros(len(slopes), bool)
    size = np.linalg.norm(slopes, axis=1)
    for g in range(group.max() + 1):
        own = group == g
        left, U = np.linalg.eigh(np.eye(own.sum()) - Q[own] @ Q[own].T)
        kept = left > _LEVERAGE
        along = slopes[:, own] @ U
        gaps.append(along[:, kept] / left[kept] @ (U[:, kept].T @ residuals[own]))
        alone |= np.linalg.norm(along[:, ~kept], axis=1) > _SHARE * size
    return np.array(gaps), alone
