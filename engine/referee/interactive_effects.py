"""More than one common factor: interactive effects of units and periods.

    y_it = x_it'beta + alpha_i + delta_t + lambda_i'f_t + u_it

Least squares over beta, r factors f and their loadings lambda (Bai 2009, Econometrica
77: 1229-1279); everything net of alpha and delta first. Given beta the factors are the
leading singular vectors of the residuals, given the factors beta is a regression; both
steps lower the sum of squares. It is not convex: the start is a regression with a
penalty on the sum of singular values, which is (Moon and Weidner 2019), and least
squares without factors; the lower sum is taken. Missing cells of a panel are filled by
what the model says (Bai 2009, appendix B).

With X~ = X - X P_F, the regressors net of factors, u of residuals and D = sum X~'X~:

    se_plain  clusters by unit, G/(G-1) D^-1 (sum_g X~_g'u_g u_g'X~_g) D^-1, as in the
              package xtife: too small in short panels
    se        times the root of NT over NT less effects and factors
    se_bai    with X net of factors and of loadings, as theorem 3 of Bai asks

Bias (Bai 2009, theorem 3; Moon and Weidner 2017, Econometric Theory 33: 158-195), with
Z = M_L X M_F, L the loadings, and sums of squares of u by unit and by period:

    bai            beta + (sum Z'Z)^-1 [tr(diag(uu') M_L X G) + tr(diag(u'u) M_F X'G')]
                   with G = F (F'F)^-1 (L'L)^-1 L'
    moon-weidner   and tr(P e'X) over pairs with X up to ``bandwidth`` periods after e,
                   for regressors that follow past errors; P projects on F and ones

Number of factors (Bai and Ng 2002, Econometrica 70: 191-221): IC_p2 = log(SSR / NT) +
r (N + T) / NT log(min(N, T)), the lowest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from ..core import TivaxError, require_choice, require_whole
from ..estimation import explained, regressor_names, t_row
from .diagnosis import Diagnosis, panel_rows

Correction = Literal["bai", "moon-weidner"]
_AIM = 1e-13  # of the coefficients' change, relative to their standard errors
_SETTLED = 1e-6  # the same of a last round that is taken
_MOST = 50_000
# Starts: singular values cut by these shares of the first that is no factor's.
_PENALTIES = (1.0, 0.5, 0.25, 0.1)
_TRIAL = 40  # rounds from each


@dataclass(frozen=True, eq=False, repr=False)
class InteractiveEffects(Diagnosis):
    """A two-way regression with common factors.

    Attributes
    ----------
    terms
        Indexed by regressor: estimate (corrected where that was asked for), se,
        p_value, ci_low, ci_high (95 %, t with ``clusters`` - 1 degrees of freedom),
        se_plain (effects and factors not counted), se_bai, bias (what the correction
        takes off). No se where the cells are too few for effects and factors.
    criteria
        r, ssr, ic: the fit with 0 factors up to the most that were tried; NaN where
        the iteration does not settle.
    factors
        (period, r), of length one; ``loadings`` (unit, r).
    sigma2
        Mean of squared residuals.
    degrees
        N T less effects and factors: (N + T - 1) + r (N + T - r).
    n, clusters
        Rows and units.
    residual
        The change of the coefficients in the last round, in standard errors.

    Examples
    --------
    >>> fit = tx.referee.interactive_effects(
    ...     panel, "growth", ["trade"], entity="iso3", time="year", factors=1
    ... )
    >>> fit.terms.index.tolist()
    ['trade']
    """

    terms: pd.DataFrame
    criteria: pd.DataFrame
    factors: pd.DataFrame
    loadings: pd.DataFrame
    outcome: str
    correction: Correction | None
    sigma2: float
    degrees: int
    n: int
    clusters: int
    residual: float

    program = "interactive-effects"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {
            "terms": self.terms.rename_axis("term").reset_index(),
            "criteria": self.criteria,
            "factors": self.factors.reset_index(),
            "loadings": self.loadings.reset_index(),
        }

    def findings(self) -> dict[str, Any]:
        """The effect of the first regressor, the number of factors that the criterion
        takes (``best``), whether more might be better (``at_end``), and numbers with
        which the iteration does not settle."""
        tried, best = self.criteria["r"], _best(self.criteria)
        return {
            **self.terms.iloc[0],
            "term": self.terms.index[0],
            "factors": self.factors.shape[1],
            "best": best,
            "at_end": best == tried.max(),
            "unsettled": tried[self.criteria["ic"].isna()].tolist(),
        }


def _best(criteria: pd.DataFrame) -> int:
    return int(criteria["r"].to_numpy()[np.nanargmin(criteria["ic"].to_numpy())])


class _Panel(NamedTuple):
    """Outcome and regressors by unit and period, and which cells are there."""

    y: Float[np.ndarray, "N T"]
    X: Float[np.ndarray, "k N T"]
    there: Bool[np.ndarray, "N T"]


class _Fit(NamedTuple):
    beta: Float[np.ndarray, " k"]
    common: Float[np.ndarray, "N T"]  # effects and factors
    ssr: float
    moved: float


def interactive_effects(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str,
    time: str,
    factors: int | Literal["ic"] = 1,
    correction: Correction | None = None,
    bandwidth: int | None = None,
    most: int = 5,
) -> InteractiveEffects:
    """Two-way effects and common factors, to each of which a unit responds its own way.

    Parameters
    ----------
    data
        A row for each entity and time; cells may be missing.
    outcome, regressors
        Columns.
    factors
        How many, or ``ic``: as Bai and Ng's criterion says.
    correction
        Bias to take off: ``bai`` (errors of unlike variances), ``moon-weidner`` (also
        of regressors that follow past errors); none by default.
    bandwidth
        Periods of ``moon-weidner``; by default the integer part of T^(1/3).
    most
        The criterion is computed up to this number of factors.

    Returns
    -------
    InteractiveEffects
        Coefficients with standard errors, factors and loadings.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, two rows of an entity in a period,
        more factors than the panel has room for, regressors that effects or each other
        explain, and an iteration that does not settle.

    Examples
    --------
    >>> fit = tx.referee.interactive_effects(
    ...     panel, "growth", ["trade"], factors=1, entity="iso3", time="year"
    ... )
    >>> int(fit.criteria["r"].max())
    5
    """
    names = regressor_names(outcome, regressors)
    if correction is not None:
        require_choice("correction", correction, ("bai", "moon-weidner"))
    require_whole("most", most, 0)
    require_whole("bandwidth", 0 if bandwidth is None else bandwidth, 0)
    panel, units, periods = _panel(data, outcome, names, entity, time)
    N, T = panel.there.shape
    room = min(N, T) - 2
    if factors != "ic":
        require_whole("factors", factors, 0)
        if factors > room:
            raise TivaxError(
                f"factors = {factors}: {N} units and {T} periods have room for {room}"
            )
    tried = range(min(most, room) + 1)
    fits = {r: _fit(panel, r) for r in tried}
    cells = int(panel.there.sum())
    ssr = [fits[r].ssr if fits[r].moved <= _SETTLED else np.nan for r in tried]
    criteria = pd.DataFrame({"r": [*tried], "ssr": ssr})
    penalty = criteria["r"] * (N + T) / (N * T) * np.log(min(N, T))
    criteria["ic"] = np.log(criteria["ssr"] / cells) + penalty
    r = _best(criteria) if factors == "ic" else int(factors)
    fit = fits[r] if r in fits else _fit(panel, r)
    if not fit.moved <= _SETTLED:
        raise TivaxError(
            f"{', '.join(names)}: with {r} factor{'s' * (r != 1)} the iteration does "
            f"not settle ({fit.moved:.1e} standard errors a round); take fewer"
        )
    degrees = cells - (N + T - 1) - r * (N + T - r)
    factor = np.sqrt(cells / degrees) if degrees > 0 else np.nan
    terms, F, L = _inference(panel, fit, r, names, correction, bandwidth, factor)
    labels = [str(k + 1) for k in range(r)]
    return InteractiveEffects(
        terms,
        criteria,
        pd.DataFrame(F, pd.Index(periods, name=time), labels),
        pd.DataFrame(L, pd.Index(units, name=entity), labels),
        outcome,
        correction,
        fit.ssr / cells,
        degrees,
        cells,
        N,
        fit.moved,
    )


def _panel(
    data: pd.DataFrame, outcome: str, names: Sequence[str], entity: str, time: str
) -> tuple[_Panel, np.ndarray, np.ndarray]:
    rows = panel_rows(data, outcome, names, entity, time)
    unit, units = pd.factorize(rows[entity], sort=True)
    period, periods = pd.factorize(rows[time], sort=True)
    there = np.zeros((len(units), len(periods)), bool)
    there[unit, period] = True
    table = np.zeros((len(names) + 1, *there.shape))
    table[:, unit, period] = rows[[outcome, *names]].to_numpy().T
    y, *X = (_demeaned(k, there) for k in table)
    scale = np.sqrt((table**2).sum(axis=(1, 2)))
    left = np.array([np.linalg.norm(k) for k in (y, *X)])
    for name, gone in zip((outcome, *names), left <= 1e-9 * scale, strict=True):
        if gone and name == outcome:
            raise explained(outcome, "the effects alone", len(rows))
        if gone:
            raise TivaxError(f"{name} is explained by the effects; leave it out")
    flat = np.stack([k.ravel() / np.linalg.norm(k) for k in X])
    if np.linalg.svd(flat, compute_uv=False).min() < 1e-9:
        raise TivaxError(f"{', '.join(names)}: the regressors explain each other")
    return _Panel(y, np.stack(X), there), np.asarray(units), np.asarray(periods)


def _demeaned(
    table: Float[np.ndarray, "N T"], there: Bool[np.ndarray, "N T"]
) -> Float[np.ndarray, "N T"]:
    """Net of effects of units and periods, 0 where there is no cell."""
    rows, columns = there.sum(axis=1), there.sum(axis=0)
    size = np.abs(table).max()
    for _ in range(_MOST):
        before = table
        table = np.where(there, table - (table.sum(axis=1) / rows)[:, None], 0)
        table = np.where(there, table - (table.sum(axis=0) / columns)[None, :], 0)
        if np.abs(table - before).max() <= 1e-15 * size:
            break
    return table


def _slopes(
    X: Float[np.ndarray, "k N T"], y: Float[np.ndarray, "N T"]
) -> Float[np.ndarray, " k"]:
    flat = X.reshape(len(X), -1)
    return np.linalg.solve(flat @ flat.T, flat @ y.ravel())


def _leading(
    table: Float[np.ndarray, "N T"], r: int
) -> tuple[Float[np.ndarray, "N r"], Float[np.ndarray, "T r"]]:
    """Loadings and factors, of length one: eigenvectors of the shorter side."""
    if len(table) < table.shape[1]:
        L, F = _leading(table.T, r)
        size = np.linalg.norm(L, axis=0)
        return F * size, L / np.where(size > 0, size, 1)
    F = np.linalg.eigh(table.T @ table)[1][:, ::-1][:, :r]
    return table @ F, F


def _both_ways(table: Float[np.ndarray, "N T"]) -> Float[np.ndarray, "N T"]:
    return table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()


def _fit(panel: _Panel, r: int) -> _Fit:
    start = _slopes(panel.X, panel.y)
    left = panel.y - np.tensordot(start, panel.X, 1)
    if r == 0:
        return _Fit(start, np.zeros_like(left), float((left**2).sum()), 0.0)
    # Not convex: some rounds from several starts, the best of them to the end.
    cut = float(np.linalg.svd(left, compute_uv=False)[r])
    starts = [start, *(_penalised(panel, share * cut) for share in _PENALTIES)]
    begun = [_settled(panel, one, r, _TRIAL) for one in starts]
    return _settled(panel, min(begun, key=lambda k: k.ssr).beta, r)


def _settled(
    panel: _Panel, beta: Float[np.ndarray, " k"], r: int, most: int = _MOST
) -> _Fit:
    """Rounds of factors given beta and beta given factors; missing cells are those of
    the effects and factors."""
    full = bool(panel.there.all())
    flat = panel.X.reshape(len(beta), -1)
    inverse = np.linalg.inv(flat @ flat.T)
    solve, unit = inverse @ flat, np.sqrt(np.diag(inverse))
    common, moved, ssr = np.zeros_like(panel.y), np.inf, np.inf
    for _ in range(most):
        left = panel.y - np.tensordot(beta, panel.X, 1)
        filled = left if full else np.where(panel.there, left, common)
        part = filled if full else _both_ways(filled)
        L, F = _leading(part, r)
        common = L @ F.T + (0 if full else filled - part)
        new = solve @ np.where(panel.there, panel.y - common, 0).ravel()
        gap = np.where(panel.there, panel.y - np.tensordot(new, panel.X, 1) - common, 0)
        ssr = float((gap**2).sum())
        moved = float(np.max(np.abs(new - beta) / unit) / np.sqrt(ssr / gap.size))
        beta = new
        if moved <= _AIM:
            break
    return _Fit(beta, common, ssr, moved)


def _penalised(panel: _Panel, cut: float) -> Float[np.ndarray, " k"]:
    """Beta with a penalty on the sum of singular values of what is common, which are
    cut by as much each."""
    beta = _slopes(panel.X, panel.y)
    for _ in range(100):
        U, s, V = np.linalg.svd(
            panel.y - np.tensordot(beta, panel.X, 1), full_matrices=False
        )
        common = (U * np.maximum(s - cut, 0)) @ V
        new = _slopes(panel.X, np.where(panel.there, panel.y - common, 0))
        if np.abs(new - beta).max() <= 1e-8 * np.abs(beta).max():
            break
        beta = new
    return beta


def _inference(
    panel: _Panel,
    fit: _Fit,
    r: int,
    names: Sequence[str],
    correction: Correction | None,
    bandwidth: int | None,
    factor: float,
) -> tuple[pd.DataFrame, Float[np.ndarray, "T r"], Float[np.ndarray, "N r"]]:
    there, X = panel.there, panel.X
    N, T = there.shape
    u = np.where(there, panel.y - np.tensordot(fit.beta, X, 1) - fit.common, 0)
    part = fit.common if there.all() else _both_ways(fit.common)
    L, F = _leading(part, r)
    to_units = np.linalg.qr(L)[0] if r else np.zeros((N, 0))
    net_F = X - (X @ F) @ F.T
    both = _net_of(to_units, net_F)
    ses = [_clustered(k, u) for k in (net_F, both)]
    bias = np.zeros(len(names))
    if correction is not None and r:
        bias = _bias(X, both, u, F, L, to_units, correction, bandwidth)
    beta = fit.beta - bias
    rows = [t_row(b, se * factor, N) for b, se in zip(beta, ses[0], strict=True)]
    terms = pd.DataFrame(rows, pd.Index(names, name="term"))
    return terms.assign(se_plain=ses[0], se_bai=ses[1], bias=bias), F, L


def _net_of(
    basis: Float[np.ndarray, "N r"], X: Float[np.ndarray, "k N T"]
) -> Float[np.ndarray, "k N T"]:
    """Net of loadings of units."""
    return X - np.einsum("ir,krt->kit", basis, np.einsum("ir,kit->krt", basis, X))


def _clustered(
    X: Float[np.ndarray, "k N T"], u: Float[np.ndarray, "N T"]
) -> Float[np.ndarray, " k"]:
    N = len(u)
    flat = X.reshape(len(X), -1)
    bread = np.linalg.inv(flat @ flat.T)
    scores = (X * u).sum(axis=2)
    V = N / (N - 1) * bread @ (scores @ scores.T) @ bread
    return np.sqrt(np.diag(V))


def _bias(
    X: Float[np.ndarray, "k N T"],
    both: Float[np.ndarray, "k N T"],
    u: Float[np.ndarray, "N T"],
    F: Float[np.ndarray, "T r"],
    L: Float[np.ndarray, "N r"],
    to_units: Float[np.ndarray, "N r"],
    correction: Correction,
    bandwidth: int | None,
) -> Float[np.ndarray, " k"]:
    """Bias: minus the sum of the module docstring."""
    T = len(F)
    G = F @ np.linalg.inv(L.T @ L) @ L.T  # (T, N), F of length one
    by_unit, by_period = (u**2).sum(axis=1), (u**2).sum(axis=0)
    across = _net_of(to_units, X)
    over = X - (X @ F) @ F.T
    total = np.einsum("i,kit,ti->k", by_unit, across, G)
    total += np.einsum("t,kit,ti->k", by_period, over, G)
    if correction == "moon-weidner":
        reach = int(T ** (1 / 3)) if bandwidth is None else bandwidth
        later = np.arange(T)[None, :] - np.arange(T)[:, None]
        near = (later > 0) & (later <= reach)
        # Effects of units are a factor of ones.
        projection = F @ F.T + 1 / T
        total += np.einsum("ts,it,kis->k", projection * near, u, X)
    flat = both.reshape(len(both), -1)
    return -np.linalg.solve(flat @ flat.T, total)
