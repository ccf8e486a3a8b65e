"""Are the residuals of different countries correlated? Tests with year effects.

Year effects make the residuals of a year add up to zero, so that Pesaran's (2004) CD is
not N(0, 1) where countries are independent. With equal variances it is centred near
-sqrt(T G / (2 (G - 1))), -2.77 for 41 countries and 15 years, and hardly varies; with
unequal ones the centre and the spread depend on the variances. Symbols:

    e_it    residuals of G countries in T years; T_ij years of both i and j
    r_ij    their correlation over these years
    CD      sqrt(2 / (G (G - 1))) sum_{i<j} sqrt(T_ij) r_ij
    CD*     (CD - centre) / (1 - theta), the correction of Pesaran and Xie (2021) with
            the year effects as a factor of loadings 1
    CDw     CD with r_ij w_i w_j, w random signs: N(0, 1) whatever effects were taken
            out; over the square root of their number, the sum of 30 draws of signs
    CDw+    CDw + sum_{i<j} |r_ij| 1(|r_ij| > 2 sqrt(log G / T_ij)), for its power
            (Juodis and Reese 2022)

Each p-value compares the statistic with 9,999 panels of independent countries:
normal errors with each country's variance and a common autocorrelation, taken through
the same projection on country effects, year effects and regressors, with the same cells
missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import polygamma

from ..core import TivaxError, require_kind, require_list, require_whole
from .effects import Effects
from .regression_data import (
    of_norm_one,
    require_column_names,
    require_columns,
)

DRAWS = 9_999
SEED = 1
# Pairs with fewer years in common have no meaningful correlation.
FEWEST_YEARS = 3
# Draws: their correlations stay in a core's cache, and their products are too small for
# BLAS to start threads, which wait for each other on a busy machine.
_AT_ONCE = 48
_AUTOCORRELATIONS = np.linspace(0.0, 0.99, 20)
_MATCHING = 50  # draws for each of them
_SIGNS = 30


@dataclass(frozen=True)
class Statistic:
    """A measure of dependence beside its distribution under independence.

    Attributes
    ----------
    value
        In the residuals.
    null
        Its mean where countries are independent.
    p
        (1 + draws at least as extreme) / (1 + draws): two-sided for CD* and CDw+,
        one-sided, large values, for the others.
    mc_error
        Standard error of ``p_value`` from the number of draws.
    """

    value: float
    null: float
    p_value: float
    mc_error: float


@dataclass(frozen=True)
class Dependence:
    """Dependence between countries in the residuals of one regression.

    Attributes
    ----------
    cd
        Pesaran's CD, without a p-value of its own.
    centre
        Its expected value under independence with the variances of these residuals.
    corrected
        CD*.
    weighted
        CDw+. Its threshold is high where years are few, .99 with 41 countries and 15
        years: there it has little power.
    mean_correlation
        Mean over all pairs.
    absolute
        Mean absolute correlation of all pairs.
    component
        Share of the first principal component in the variance of the standardised
        residuals; a missing cell counts as 0.
    autocorrelation
        Autocorrelation of the simulated errors.
    draws
        Number of simulated panels.
    """

    cd: float
    centre: float
    corrected: Statistic
    weighted: Statistic
    mean_correlation: float
    absolute: Statistic
    component: Statistic
    autocorrelation: float
    draws: int


def cross_section_dependence(
    data: pd.DataFrame,
    residuals: pd.Series,
    regressors: Sequence[str],
    *,
    entity: str,
    time: str,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Dependence:
    """Tests of the residuals of a regression with effects of ``entity`` and ``time``.

    ``data`` has these columns and the regressors, ``residuals`` the row labels used.
    The result has ``cd`` (Pesaran 2004), its ``centre`` under independence,
    ``corrected`` (CD* of Pesaran and Xie 2021), ``weighted`` (CDw+ of Juodis and Reese
    2022), ``absolute`` and ``component``, each with value, null, p_value and mc_error
    from ``draws`` simulated panels of independent countries.

    Raises ``TivaxError`` where no two countries share three years.

    Parameters
    ----------
    data : DataFrame
        A row for each unit and period.
    residuals : Series
        Residuals with the row labels of ``data``.
    regressors : sequence of str
        Columns of the regression.
    entity, time : str
        Columns of units and periods.
    draws, seed : int
        Simulated panels of independent units, and their seed.

    Returns
    -------
    Dependence
        Each statistic with value, null, p_value and mc_error.

    Examples
    --------
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel)
    >>> terms = ["trade", "gdp"]
    >>> found = tx.referee.cross_section_dependence(
    ...     panel, fit.residuals, terms, draws=99, entity="iso3", time="year"
    ... )
    >>> bool(found.corrected.p_value > 0.05)
    True
    """
    require_column_names(entity=entity, time=time)
    require_columns(data, [entity, time])
    require_kind("residuals", residuals, pd.Series, "the residuals of a fit")
    require_list("regressors", regressors)
    require_columns(data, regressors)
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    if not (data.index.is_unique and residuals.index.isin(data.index).all()):
        raise TivaxError(
            "residuals: their labels must be those of rows of data, each once; take "
            "data.reset_index(drop=True) before the fit"
        )
    used = data.loc[residuals.index]
    panel = _Panel.of(used, regressors, entity, time)
    e = panel.cells(residuals.to_numpy(float)[None])
    signs = _signs(panel.present, seed)
    own = _statistics(e, panel.present, signs)
    squares = _centred(e, panel.present)[1]
    variances = _shrunk(_variances(squares, panel.present)[0], panel.present)
    matching, noise = _noise(panel.present.shape, draws, seed)
    rho = _matching_autocorrelation(e, panel, variances, matching)
    parts = []
    for start in range(0, draws, _AT_ONCE):
        drawn = _independent(panel, variances, rho, noise[:, start : start + _AT_ONCE])
        parts.append(_statistics(drawn, panel.present, signs))
    null = {k: np.concatenate([part[k] for part in parts]) for k in own}
    G = len(panel.present)
    return Dependence(
        cd=float(own["cd"][0]),
        centre=float(own["centre"][0]),
        corrected=_against(own["corrected"][0], null["corrected"], two_sided=True),
        weighted=_against(own["weighted"][0], null["weighted"], two_sided=True),
        mean_correlation=float(own["mean"][0]),
        absolute=_against(own["absolute"][0], null["absolute"]),
        component=_against(own["component"][0] / G, null["component"] / G),
        autocorrelation=rho,
        draws=draws,
    )


def expected_cd(
    variances: Float[np.ndarray, "B G"], present: Bool[np.ndarray, "G T"]
) -> tuple[Float[np.ndarray, " B"], Float[np.ndarray, " B"]]:
    """Centre and scale (1 - theta) of CD where countries are independent.

    With year means over the G_t countries of a year removed, residuals of i and j have
    the covariance m_t / G_t - (s_i + s_j) / G_t in year t, m_t the mean variance of the
    year, and the variance s_i (1 - 2 / G_t) + m_t / G_t. The scale is the mean of
    (1 - a_i h)^2, a_i = sqrt(s_i) and h the mean of 1 / a_i: 0 with equal variances.
    """
    p = present.astype(variances.dtype)
    G, s = len(p), variances
    shared = _shared(present)
    by_pair = np.where(shared > 0, 1 / np.sqrt(np.maximum(shared, 1)), 0)
    by_pair = (by_pair + by_pair.T).astype(p.dtype)
    each = 1 / p.sum(axis=0)
    mean = (s @ p) * each**2  # m_t / G_t
    years = p.sum(axis=1)
    u = ((s * (years - 2 * (p @ each)) + mean @ p.T) / years) ** -0.5
    # Sums over i < j are half the quadratic forms; no matrix of pairs for each draw.
    total = -((u * s) @ (by_pair * ((p * each) @ p.T)) * u).sum(axis=-1)
    if present.all():  # the years then have the same countries
        total += mean.sum(axis=-1) * (u @ by_pair * u).sum(axis=-1) / 2
    else:
        for t in range(p.shape[1]):
            there = u * p[:, t]
            total += mean[..., t] * (there @ by_pair * there).sum(axis=-1) / 2
    centre = np.sqrt(2 / (G * (G - 1))) * total
    root = np.sqrt(s)
    scale = ((1 - root * (1 / root).mean(-1, keepdims=True)) ** 2).mean(-1)
    return centre, scale


# ---------------------------------------------------------------------- the projection


@dataclass(frozen=True, eq=False)
class _Panel:
    """The cells of a regression, and a basis of its regressors and effects."""

    present: Bool[np.ndarray, "G T"]
    row: np.ndarray  # country and year number of each row
    column: np.ndarray
    basis: Float[np.ndarray, "GT k"]  # by cell, 0 where one is missing

    @classmethod
    def of(
        cls, used: pd.DataFrame, regressors: Sequence[str], entity: str, time: str
    ) -> "_Panel":
        row, countries = pd.factorize(used[entity], sort=True)
        column, years = pd.factorize(used[time], sort=True)
        present = np.zeros((len(countries), len(years)), bool)
        present[row, column] = True
        if not _shared(present).any():
            raise TivaxError(
                f"cross-section dependence: no two countries share {FEWEST_YEARS} years"
            )
        effects = Effects.of(used, [entity, time], row)
        X = of_norm_one(used[list(regressors)].to_numpy(float))
        net = np.linalg.qr(effects.without_dummies(effects.within(X)))[0]
        own = np.eye(len(countries))[row]
        D = np.column_stack([of_norm_one(own), effects.basis])
        # A balanced panel is demeaned both ways; only then is that exact.
        columns = net if present.all() else np.column_stack([D, net])
        basis = np.zeros((present.size, columns.shape[1]))
        basis[row * present.shape[1] + column] = columns
        return cls(present, row, column, basis)

    def cells(self, rows: Float[np.ndarray, "B N"]) -> Float[np.ndarray, "B G T"]:
        """Rows as a table, 0 where a cell is missing."""
        table = np.zeros((len(rows), *self.present.shape), rows.dtype)
        table[:, self.row, self.column] = rows
        return table

    def residuals(self, errors: Float[np.ndarray, "B G T"]) -> np.ndarray:
        if self.present.all():
            G, T = self.present.shape
            errors = errors - (errors @ _ones(T, errors) / T)[:, :, None]
            errors = errors - (_ones(G, errors) / G @ errors)[:, None, :]
        else:
            errors = errors * self.present
        basis = self.basis.astype(errors.dtype)
        flat = errors.reshape(len(errors), -1)
        return (flat - (flat @ basis) @ basis.T).reshape(errors.shape)


def _ones(length: int, like: np.ndarray) -> np.ndarray:
    """For sums along a short axis as products, in a fifth of the time of NumPy's."""
    return np.ones(length, like.dtype)


def _shared(present: Bool[np.ndarray, "G T"]) -> Float[np.ndarray, "G G"]:
    """Years of both countries; 0 of pairs i >= j, and of those with too few."""
    shared = np.triu(present.astype(float) @ present.T, 1)
    return np.where(shared >= FEWEST_YEARS, shared, 0)


# ------------------------------------------------------------------- the statistics


def _signs(present: Bool[np.ndarray, "G T"], seed: int) -> Float[np.ndarray, " pairs"]:
    """For each pair, the sum of w_i w_j over draws of signs, over the root of their
    number. The stream of draws is the same for all panels."""
    rng = np.random.default_rng((seed, _SIGNS))
    w = 2.0 * rng.integers(0, 2, (_SIGNS, len(present))) - 1
    return (w.T @ w)[np.nonzero(_shared(present))] / np.sqrt(_SIGNS)


def _statistics(
    e: Float[np.ndarray, "B G T"],
    present: Bool[np.ndarray, "G T"],
    signs: Float[np.ndarray, " pairs"],
) -> dict[str, Float[np.ndarray, " B"]]:
    """All statistics of each draw; ``component`` is the largest eigenvalue."""
    G, years = len(present), _shared(present)
    pairs = np.nonzero(years)
    centred, squares = _centred(e, present)
    z = centred / np.sqrt(squares)[:, :, None]
    across = np.ascontiguousarray(z.transpose(0, 2, 1))  # or the products take longer
    r = z @ across if present.all() else _pairwise(e, present)
    r = r.reshape(len(r), -1).take(pairs[0] * G + pairs[1], axis=1)
    shared = years[pairs].astype(e.dtype)
    each = np.sqrt(2 / (G * (G - 1)) * shared)
    cd = r @ each
    large = np.abs(r)
    enhancement = (large * (large > 2 * np.sqrt(np.log(G) / shared))).sum(axis=1)
    centre, scale = expected_cd(_variances(squares, present), present)
    with np.errstate(divide="ignore", invalid="ignore"):
        corrected = (cd - centre) / scale  # not finite with exactly equal variances
    return {
        "cd": cd,
        "centre": centre,
        "corrected": corrected,
        "weighted": r @ (each * signs).astype(r.dtype) + enhancement,
        "mean": r.mean(axis=1),
        "absolute": np.abs(r).mean(axis=1),
        "component": np.linalg.eigvalsh(across @ z)[:, -1],
    }


def _centred(
    e: Float[np.ndarray, "B G T"], present: Bool[np.ndarray, "G T"]
) -> tuple[Float[np.ndarray, "B G T"], Float[np.ndarray, "B G"]]:
    """Less the mean of each country, 0 where a cell is missing; sums of squares."""
    years, ones = present.sum(axis=1).astype(e.dtype), _ones(e.shape[2], e)
    centred = e - (e @ ones / years)[:, :, None]
    if not present.all():
        centred = np.where(present, centred, 0.0)
    return centred, (centred * centred) @ ones


def _pairwise(
    e: Float[np.ndarray, "B G T"], present: Bool[np.ndarray, "G T"]
) -> Float[np.ndarray, "B G G"]:
    """Correlations over the years of both; e is 0 where a cell is missing."""
    p = present.astype(e.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = p @ p.T
        sums = e @ p.T  # of i over the years of j
        squares = e**2 @ p.T - sums**2 / shared
        products = e @ e.transpose(0, 2, 1) - sums * sums.transpose(0, 2, 1) / shared
        return products / np.sqrt(squares * squares.transpose(0, 2, 1))


def _variances(
    squares: Float[np.ndarray, "B G"], present: Bool[np.ndarray, "G T"]
) -> Float[np.ndarray, "B G"]:
    """Variances of the errors: those of residuals less what year means add to them."""
    T = present.sum(axis=1).astype(squares.dtype)
    G = present.sum(axis=0).mean(dtype=squares.dtype)
    own = squares / (T - 1)
    mean = own.mean(axis=1, keepdims=True) / (1 - 1 / G)
    return np.maximum((own - mean / G) / (1 - 2 / G), 1e-6 * mean)


def _shrunk(
    variances: Float[np.ndarray, " G"], present: Bool[np.ndarray, "G T"]
) -> Float[np.ndarray, " G"]:
    """Variances drawn towards each other by what of their spread is sampling error.

    The logarithm of a variance of T - 1 degrees of freedom has the variance
    psi'((T - 1) / 2) (Smyth 2004).
    """
    logs = np.log(variances)
    noise = float(polygamma(1, (present.sum(axis=1) - 1) / 2).mean())
    keep = max(0.0, 1 - noise / float(logs.var(ddof=1)))
    return np.exp(logs.mean() + keep * (logs - logs.mean()))


# ------------------------------------------------------------------------ independence


@lru_cache(maxsize=1)
def _noise(
    shape: tuple[int, int], draws: int, seed: int
) -> tuple[Float[np.ndarray, "T M G"], Float[np.ndarray, "T B G"]]:
    """Normal errors, years first: of the panels that are matched, and of all draws.

    Kept for the next regression, which often has the same countries and years.
    """
    rng = np.random.default_rng(seed)
    matching = rng.standard_normal((_MATCHING, *shape))
    # float32: its rounding is far below the Monte-Carlo error, and it is twice as fast.
    drawn = rng.standard_normal((draws, *shape), np.float32)
    return _years_first(matching), _years_first(drawn)


def _years_first(noise: Float[np.ndarray, "B G T"]) -> Float[np.ndarray, "T B G"]:
    return np.ascontiguousarray(noise.transpose(2, 0, 1))


def _independent(
    panel: _Panel,
    variances: Float[np.ndarray, " G"],
    rho: float,
    noise: Float[np.ndarray, "T B G"],
) -> Float[np.ndarray, "B G T"]:
    """Residuals of independent normal errors with AR(1) autocorrelation ``rho``."""
    scale, rho = np.sqrt(variances)[:, None], noise.dtype.type(rho)
    errors = _autoregressive(noise, rho) * scale.astype(noise.dtype)
    return panel.residuals(errors)


def _autoregressive(
    noise: Float[np.ndarray, "T B G"], rho: float | np.float32
) -> Float[np.ndarray, "B G T"]:
    errors = noise.copy()
    for t in range(1, len(noise)):
        errors[t] *= np.sqrt(1 - rho**2)
        errors[t] += rho * errors[t - 1]
    # A country's years side by side, which are summed below.
    return np.ascontiguousarray(errors.transpose(1, 2, 0))


def _matching_autocorrelation(
    e: Float[np.ndarray, "1 G T"],
    panel: _Panel,
    variances: Float[np.ndarray, " G"],
    noise: Float[np.ndarray, "T M G"],
) -> float:
    """The rho whose simulated residuals are as autocorrelated as these.

    Demeaning biases the autocorrelation of residuals down; simulated ones share that.
    """
    drawn = (_independent(panel, variances, rho, noise) for rho in _AUTOCORRELATIONS)
    found = [_autocorrelation(k, panel.present).mean() for k in drawn]
    own = float(_autocorrelation(e, panel.present)[0])
    return float(np.interp(own, np.maximum.accumulate(found), _AUTOCORRELATIONS))


def _autocorrelation(
    e: Float[np.ndarray, "B G T"], present: Bool[np.ndarray, "G T"]
) -> Float[np.ndarray, " B"]:
    """Correlation of neighbouring years, countries standardised."""
    z, squares = _centred(e, present)
    z = z / np.sqrt(squares)[:, :, None]
    return (z[:, :, 1:] * z[:, :, :-1]).sum(axis=(1, 2)) / len(present)


def _against(
    value: float, null: Float[np.ndarray, " B"], *, two_sided: bool = False
) -> Statistic:
    n, sides = len(null), 2 if two_sided else 1
    beyond = [int((null >= value).sum()), int((null <= value).sum())]
    tail = min(1 / sides, (1 + min(beyond[:sides])) / (1 + n))
    error = sides * float(np.sqrt(tail * (1 - tail) / n))
    return Statistic(float(value), float(null.mean()), sides * tail, error)
