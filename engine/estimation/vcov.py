"""Covariances of a linear fit, each an object with its words.

Symbols as in ``linear_fits``; K counts the slopes, k the dummies of periods and one
constant too. A further covariance is a frozen dataclass with one method, ``of``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ...kernels.covariance_factors import (
    cluster_factor,
    default_lags,
    kernel_of_years,
)
from ..core import (
    TivaxError,
    require_choice,
    require_kind,
    require_whole,
    show,
    suggest,
)
from .linear_fits import Covariance, LinearFit, Vcov, two_ways
from .regression_data import column_name, require_one_row

Convention = Literal["stata", "fixest", "lsdv", "plm", "linearmodels", "ppml"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

# What each convention of clustered standard errors means.
_CONVENTION_NOTES: dict[Convention, str] = {
    "stata": "Stata xtreg fe vce(cluster)",
    "fixest": "fixest and reghdfe",
    "lsdv": "all effects counted (areg)",
    "plm": "no small-sample correction (plm)",
    "linearmodels": "linearmodels PanelOLS",
    "ppml": "no parameter counted (ppmlhdfe)",
}


def clustered_in_words(fit: LinearFit, convention: Convention) -> str:
    """Clusters and convention of CV1, in words."""
    note = _CONVENTION_NOTES[convention]
    if convention == "stata" and not fit.model.all_effects:
        note = "Stata regress vce(cluster)"
    return f"clustered by {fit.by}, {note}, t(G-1)"


@dataclass(frozen=True)
class CV1(Vcov):
    """Clusters, with G/(G-1) (N-1)/(N-k) or another convention's correction.

    ``convention`` is "stata", "fixest", "lsdv", "plm", "linearmodels" or "ppml".

    Examples
    --------
    >>> areg = tx.vcov.CV1("lsdv")
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel, vcov=areg)
    >>> fit.words
    'clustered by iso3, all effects counted (areg), t(G-1)'
    """

    by_clusters: ClassVar[bool] = True
    convention: Convention = "stata"

    def __post_init__(self) -> None:
        require_choice("convention", self.convention, CONVENTIONS)

    def of(self, fit: LinearFit) -> Covariance:
        code, N, K, G = fit.cluster, fit.n, len(fit.names), fit.clusters
        every = fit.effects.count
        counts = {"stata": fit.k, "fixest": K + 1 + fit.effects.levels, "ppml": 1}
        match self.convention:
            case "plm":
                factor = 1.0
            case "linearmodels":
                factor = N / (N - K - every)
            case _:
                factor = cluster_factor(G, N, counts.get(self.convention, K + every))
        sums, words = fit.sums(code), clustered_in_words(fit, self.convention)
        V = factor * sums.T @ sums
        return Covariance(V, self.convention, words=words, **fit.clustered())


@dataclass(frozen=True)
class HC1(Vcov):
    """Errors of any variance, rows independent: N / (N - k), t(N - k), every effect
    counted, as pyfixest's "hetero"."""

    def of(self, fit: LinearFit) -> Covariance:
        left = fit.n - fit.parameters
        V = fit.n / left * fit.scores @ fit.scores.T
        words = "robust to heteroskedasticity (HC1), t(N-k)"
        return Covariance(V, words, 0, left, *fit.lost())


@dataclass(frozen=True)
class IID(Vcov):
    """Errors of one variance, rows independent: u'u / (N - k), t(N - k)."""

    def of(self, fit: LinearFit) -> Covariance:
        left = fit.n - fit.parameters
        V = fit.u @ fit.u / left * fit.slopes @ fit.slopes.T
        return Covariance(V, "iid, t(N-k)", 0, left, *fit.lost())


@dataclass(frozen=True)
class CV2(Vcov):
    """Clusters, unbiased where errors are iid, with degrees of freedom for each term
    (Bell and McCaffrey 2002); those of an F test are G - 1."""

    by_clusters: ClassVar[bool] = True

    def of(self, fit: LinearFit) -> Covariance:
        code, basis, q = fit.cluster, fit.B, len(fit.slopes)
        G, alone = int(code.max()) + 1, np.zeros(q, bool)
        halves, squares = np.zeros((G, q)), np.zeros((q, G))
        inside = np.zeros((q, basis.shape[1], G))
        for g, block in enumerate(fit.blocks(code, basis)):
            p = block.power(fit.slopes[:, block.rows].T, -0.5)
            halves[g], squares[:, g] = (
                p.T @ fit.u[block.rows],
                (p * p).sum(axis=0),
            )
            inside[:, :, g] = p.T @ basis[block.rows]
            alone |= block.holds(fit.slopes)
        # p_g'(I - Q Q') p_h of each term; clusters share no rows.
        forms = [np.diag(k) - P.T @ P for k, P in zip(squares, inside, strict=True)]
        degrees = [np.trace(form) ** 2 / np.sum(form**2) for form in forms]
        return Covariance(
            halves.T @ halves,
            f"clustered by {fit.by}, CV2, t of Bell and McCaffrey's degrees",
            G,
            np.array(degrees),
            *fit.lost(code, alone=alone),
        )


@dataclass(frozen=True)
class CV3(Vcov):
    """Clusters, the jackknife: (G-1)/G times the sum of squares of what leaving out
    each changes (MacKinnon, Nielsen and Webb 2023).

    ``convention`` is "jackknife", or "fixest": pyfixest's ``CRV3`` has G/(G-1)
    (N-1)/(N-k) in place of (G-1)/G, which makes errors larger.
    """

    by_clusters: ClassVar[bool] = True
    convention: Literal["jackknife", "fixest"] = "jackknife"

    def __post_init__(self) -> None:
        require_choice("convention", self.convention, ("jackknife", "fixest"))

    def of(self, fit: LinearFit) -> Covariance:
        (V, alone), G = _jackknife(fit, fit.cluster), fit.clusters
        words = f"jackknife by {fit.by} (CV3), t(G-1)"
        if self.convention == "fixest":
            k = len(fit.names) + 1 + fit.effects.levels
            V = V * G / (G - 1) * cluster_factor(G, fit.n, k)
            words = f"jackknife by {fit.by}, pyfixest's CRV3 with its factor, t(G-1)"
        return Covariance(V, words, G, None, *fit.lost(fit.cluster, alone=alone))


@dataclass(frozen=True)
class TwoWay(Vcov):
    """Clusters by country and by year (Cameron, Gelbach and Miller 2011).

    fixest's correction: G/(G-1) of the smaller dimension for all three terms; effects
    nested in either are not counted, but for one constant; t(min(G, T) - 1).

    Parameters
    ----------
    second
        The other column of clusters, by default that of time.
    jackknife
        The three terms are CV3 (MacKinnon, Nielsen and Webb 2024): the estimates
        without each country, plus those without each year, less those without each
        row, (n - 1)/n times the sum of squares of each. No standard error (NaN) where
        the sum is negative, or one country, year or row alone identifies the
        coefficient.

    Examples
    --------
    >>> both = tx.vcov.TwoWay(jackknife=True)
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel, vcov=both)
    >>> fit.convention
    'jackknife by iso3 and by year (CV3), t(min(G, T) - 1)'
    """

    by_clusters: ClassVar[bool] = True
    second: str | None = None
    jackknife: bool = False

    def __post_init__(self) -> None:
        require_kind("jackknife", self.jackknife, bool, "True or False")
        if self.second is not None:
            column_name("second", self.second)

    def of(self, fit: LinearFit) -> Covariance:
        second = fit.column("time") if self.second is None else self.second
        ways = [fit.cluster, fit.codes(second)]
        fewer = min(int(way.max()) + 1 for way in ways)
        q = len(fit.slopes)
        V, alone = np.zeros((q, q)), np.zeros(q, bool)
        for sign, group in two_ways(*ways):
            if self.jackknife:
                part, lone = _jackknife(fit, group)
                alone |= lone
            else:
                sums = fit.sums(group)
                part = sums.T @ sums
            V = V + sign * part
        if self.jackknife:
            words = f"jackknife by {fit.by} and by {second} (CV3), t(min(G, T) - 1)"
            return Covariance(V, words, fewer, fewer - 1, *fit.lost(*ways, alone=alone))
        k = fit.counted(ways[1])
        lost, reason = fit.lost(*ways)
        return Covariance(
            cluster_factor(fewer, fit.n, k) * V,
            f"clustered by {fit.by} and by {second}, fixest, t(min(G, T) - 1)",
            fewer,
            fewer - 1,
            lost,
            reason,
            **({} if lost else fit.held_alone(fit.model.clusters, second)),
        )


def _jackknife(
    fit: LinearFit, code: Int[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, "q q"], Bool[np.ndarray, " q"]]:
    """(n - 1)/n sum (beta_(g) - beta)(beta_(g) - beta)', and which coefficients one
    group alone identifies."""
    gap, alone = fit.without_each(code)
    return (len(gap) - 1) / len(gap) * gap.T @ gap, alone


@dataclass(frozen=True)
class DriscollKraay(Vcov):
    """Driscoll and Kraay's (1998), robust to correlation between countries and, by a
    Bartlett kernel, over time.

    It relies on many years: with 15 it is a rough guide. t has T - 1 degrees of
    freedom. linearmodels' factor is N / (N - k), every effect counted, its kernel
    weights 1 - j / (lags + 1). Years are j apart by the calendar where they are
    numbers, else by their order; linearmodels takes those that are there as neighbours.

    ``lags`` is by default the integer part of 4 (T/100)^(2/9), T from the first year to
    the last.

    Examples
    --------
    >>> errors = tx.vcov.DriscollKraay(lags=2)
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel, vcov=errors)
    >>> fit.convention
    'Driscoll-Kraay, 2 lags, linearmodels, t(T-1)'
    """

    lags: int | None = None

    def of(self, fit: LinearFit) -> Covariance:
        year, years, span = calendar(fit)
        lags = kernel_lags(self.lags, span, int(4 * (span / 100) ** (2 / 9)))
        W, across = kernel_of_years(years, lags).weights, fit.sums(year)
        N, T = fit.n, len(years)
        return Covariance(
            N / (N - fit.parameters) * across.T @ W @ across,
            f"Driscoll-Kraay, {lags} lags, linearmodels, t(T-1)",
            0,
            T - 1,
            *fit.lost(year),
        )


@dataclass(frozen=True)
class CommonShocks(Vcov):
    """Errors that follow shocks common to countries, over time.

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
    where they are numbers, else by their order.

    Examples
    --------
    >>> shocks = tx.vcov.CommonShocks()
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel, vcov=shocks)
    >>> fit.convention
    'common shocks, 2 lags, t(3)'
    """

    lags: int | None = None

    def of(self, fit: LinearFit) -> Covariance:
        year, years, span = calendar(fit)
        code = fit.entity
        require_one_row(fit.used, fit.model.entity, fit.model.time)
        G, T, N = int(code.max()) + 1, len(years), fit.n
        lags = kernel_lags(self.lags, span, default_lags(span))
        scores = np.zeros((G, T, len(fit.names)))
        scores[code, year] = fit.scores.T
        W, scale, degrees = kernel_of_years(years, lags)
        within, across = scores.sum(axis=1), scores.sum(axis=0)
        by_country = within.T @ within
        kernel = across.T @ W @ across
        both = by_country + kernel - np.einsum("gsk,st,gtl->kl", scores, W, scores)
        sizes = [np.diag(V) for V in (by_country, kernel, both)]
        ratio = np.sqrt(np.max(sizes, axis=0) / sizes[0])
        factor = (N - 1) / (N - len(fit.names) - 1) / scale
        return Covariance(
            factor * by_country * np.outer(ratio, ratio),
            f"common shocks, {lags} lags, t({degrees})",
            G,
            degrees,
            *fit.lost(code),
        )


@dataclass(frozen=True, eq=False)
class Network(Vcov):
    """Errors correlated along trade.

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
        added; in any unit, not negative. Labels are those of the entities; others are
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
    >>> along = tx.vcov.Network(pd.DataFrame(1.0, names, names))
    >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", panel, vcov=along)
    >>> fit.convention
    'network HAC, order 1, factor of clusters, t(G-1)'
    """

    weights: pd.DataFrame
    order: int = 1

    def __post_init__(self) -> None:
        require_whole("order", self.order, 1)
        require_kind(
            "weights", self.weights, pd.DataFrame, "a DataFrame, exporters by importers"
        )

    def of(self, fit: LinearFit) -> Covariance:
        names, sums = fit.entities, fit.sums(fit.entity)
        G = len(names)
        factor = cluster_factor(G, fit.n, fit.k)
        return Covariance(
            factor * sums.T @ self.among(names) @ sums,
            f"network HAC, order {self.order}, factor of clusters, t(G-1)",
            G,
            None,
            *fit.lost(fit.entity),
        )

    def among(self, names: Sequence[object]) -> Float[np.ndarray, "G G"]:
        """Weights of two countries' scores: (I + D^-1/2 A D^-1/2)^order, of diagonal 1.
        Countries without trade are alone."""
        F = square_among(self.weights, names, "weights", "flow")
        A = F + F.T
        np.fill_diagonal(A, 0)
        root = np.sqrt(A.sum(axis=1))
        root[root == 0] = 1
        K = np.eye(len(A)) + A / root / root[:, None]
        K = np.linalg.matrix_power(K, self.order)
        size = np.sqrt(np.diag(K))
        return K / size / size[:, None]


def require_each(place: str, names: Sequence[object], there: pd.Index) -> None:
    """``TivaxError`` unless each of these names is there once."""
    if lacking := [name for name in names if name not in there]:
        raise TivaxError(
            f"{place} lack {lacking[0]}: {suggest(str(lacking[0]), there)}"
        )
    if there.has_duplicates:
        twice = there[there.duplicated()][0]
        raise TivaxError(f"{place} have {twice} twice; leave one")


def square_among(
    table: pd.DataFrame, names: Sequence[object], argument: str, what: str
) -> Float[np.ndarray, "G G"]:
    """The entries of a square table among these names, checked: numbers that are not
    negative, each name once."""
    require_each(f"{argument}: the rows", names, table.index)
    require_each(f"{argument}: the columns", names, table.columns)
    try:
        F = table.loc[[*names], [*names]].to_numpy(float)
    except (TypeError, ValueError):
        raise TivaxError(
            f"{argument}: the {what}s are no numbers; fix the table"
        ) from None
    if not (sound := np.isfinite(F) & (F >= 0)).all():
        i, j = np.argwhere(~sound)[0]
        raise TivaxError(
            f"{argument}: the {what} from {names[i]} to {names[j]} is {F[i, j]:g}; "
            "give numbers that are not negative"
        )
    return F


def calendar(
    fit: LinearFit,
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " T"], int]:
    """The number of each row's year, the years themselves, and how many there are from
    the first to the last; what holds no numbers is numbered in its order."""
    time = fit.used[fit.column("time")]
    numeric = pd.to_numeric(time, errors="coerce")
    if numeric.isna().any():
        numeric = pd.Series(pd.factorize(time, sort=True)[0])
    year, years = pd.factorize(numeric.astype(float), sort=True)
    years = np.asarray(years, float)
    return year, years, int(years[-1] - years[0]) + 1


def kernel_lags(lags: int | None, T: int, default: int) -> int:
    """The lags of a kernel of T years, checked."""
    lags = default if lags is None else lags
    if not isinstance(lags, int | np.integer) or not 0 <= lags < T:
        raise TivaxError(f"lags {show(lags)}: give a whole number from 0 to {T - 1}")
    return int(lags)


PLAIN: dict[str, Vcov] = {
    "iid": IID(),
    "HC1": HC1(),
    "CV1": CV1(),
    "CV2": CV2(),
    "CV3": CV3(),
    "two-way": TwoWay(),
    "driscoll-kraay": DriscollKraay(),
    "common-shocks": CommonShocks(),
}


def clustering(vcov: object, clusters: object, default: str) -> tuple[Vcov, str]:
    """The covariance and the column of its clusters, by default ``default``; without
    any, HC1 is the covariance.

    pyfixest's ``{"CRV1": "a+b"}`` and a list of two columns are two-way clusters.
    """
    if isinstance(vcov, dict) and len(vcov) == 1 and clusters is None:
        ((kind, names),) = vcov.items()
        vcov, clusters = str(kind).replace("CRV", "CV"), re.split(r"\s*\+\s*", names)
    if vcov is None:
        vcov = "CV1" if default or clusters is not None else "HC1"
    if isinstance(clusters, list | tuple) and len(clusters) in (1, 2):
        clusters, *more = sorted(clusters, key=lambda name: name != default)
        if more and vcov not in ("CV1", "CV3", "two-way"):
            raise TivaxError("clusters: two columns take vcov CV1, CV3 or two-way")
        vcov = TwoWay(more[0], jackknife=vcov == "CV3") if more else vcov
    found = vcov_of(vcov, clusters)
    if clusters is not None:
        column_name("clusters", clusters)
    column = default if clusters is None else str(clusters)
    if found.by_clusters and not column:
        raise TivaxError("clusters: name their column, since there are no effects")
    return found, column


def vcov_of(vcov: object, clusters: object = None) -> Vcov:
    """The covariance of this name, or as it is; ``TivaxError`` for another, or for one
    without the ``clusters`` that are named."""
    if isinstance(vcov, str):
        found = PLAIN.get(
            {"hetero": "HC1", "CRV1": "CV1", "CRV3": "CV3"}.get(vcov, vcov)
        )
    else:
        found = vcov
    if not isinstance(found, Vcov):
        raise TivaxError(
            f"vcov: no covariance {show(vcov)}; choose from {', '.join(PLAIN)}, or "
            "give tx.Conley or TwoWay, DriscollKraay, CommonShocks, Network of tx.vcov"
        )
    if clusters is not None and not found.by_clusters:
        raise TivaxError(
            f"clusters {show(clusters)}: vcov {type(found).__name__} has no clusters "
            "to choose; leave one of the two out"
        )
    return found
