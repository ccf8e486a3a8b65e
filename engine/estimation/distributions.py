"""Tails and quantiles of the distributions of tests.

They are those of ``scipy.stats``, by the same special functions: to import that package
takes as long as to import pandas, and each call checks its arguments at length. Numbers
and arrays are taken, outside of a distribution's domain they are NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..core import TivaxError, show

# Any: NumPy's own numbers for numbers, arrays for arrays.


def t_sf(t: ArrayLike, df: ArrayLike) -> Any:
    """P(T > t) of Student's t."""
    return special.stdtr(np.asarray(df), -np.asarray(t))


def t_ppf(p: ArrayLike, df: ArrayLike) -> Any:
    """The quantile of Student's t, of a share ``p`` above 0."""
    return special.stdtrit(np.asarray(df), np.asarray(p))


def t_pdf(t: ArrayLike, df: float) -> Any:
    """The density of Student's t."""
    shape = np.exp(-(df + 1) / 2 * np.log1p(np.asarray(t) ** 2 / df))
    return shape / (np.sqrt(df) * special.beta(0.5, df / 2))


def normal_cdf(z: ArrayLike) -> Any:
    """P(Z <= z) of the normal distribution."""
    return special.ndtr(np.asarray(z))


def normal_sf(z: ArrayLike) -> Any:
    """P(Z > z) of the normal distribution."""
    return special.ndtr(-np.asarray(z))


def normal_ppf(p: ArrayLike) -> Any:
    """The quantile of the normal distribution."""
    return special.ndtri(np.asarray(p))


def normal_isf(p: ArrayLike) -> Any:
    """The z beyond which the share p of a normal distribution lies."""
    return -special.ndtri(np.asarray(p))


def chi2_sf(x: ArrayLike, df: ArrayLike) -> Any:
    """P(X > x) of chi-squared."""
    return special.chdtrc(np.asarray(df), np.maximum(x, 0.0))


def chi2_ppf(p: ArrayLike, df: ArrayLike) -> Any:
    """The quantile of chi-squared."""
    return 2 * special.gammaincinv(np.asarray(df) / 2, np.asarray(p))


def f_sf(F: ArrayLike, df1: ArrayLike, df2: ArrayLike) -> Any:
    """P(X > F) of Snedecor's F."""
    return special.fdtrc(np.asarray(df1), np.asarray(df2), np.maximum(F, 0.0))


def f_ppf(p: ArrayLike, df1: ArrayLike, df2: ArrayLike) -> Any:
    """The quantile of Snedecor's F."""
    return special.fdtri(np.asarray(df1), np.asarray(df2), np.asarray(p))


def quantile_of(level: float, degrees: Any) -> Any:
    """Standard errors from the estimate to the ends of an interval of this level."""
    require_level(level)
    return t_ppf((1 + level) / 2, np.asarray(degrees, float))


def require_level(level: object) -> None:
    """``TivaxError`` unless it is the level of an interval."""
    if not isinstance(level, float | np.floating) or not 0 < level < 1:
        raise TivaxError(
            f"level {show(level)}: give a number between 0 and 1, such as 0.95"
        )
