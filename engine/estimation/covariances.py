"""Other covariances of a two-way fixed-effects fit."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..core import TivaxError, show
from .estimates import Estimate
from .library_fits import feols, panel_ols
from .model_data import prepare


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
) -> Estimate:
    """Two-way fixed effects, clustered by country and by year (Cameron et al. 2011).

    pyfixest's correction: G/(G-1) of the smaller dimension for all three terms, slopes
    and one constant counted, since both effects are nested; t(min(G, T) - 1).

    Examples
    --------
    >>> fit = tx.two_way_clusters(panel, "growth", ["trade", "gdp"])
    >>> fit.terms[["coef", "se"]].round(3)
            coef     se
    term
    trade  0.492  0.102
    gdp    0.942  0.161
    """
    return feols(
        prepare(data, outcome, regressors, entity=entity, time=time),
        clusters=[entity, time],
        convention="clustered by country and by year, fixest, t(min(G, T) - 1)",
    )
