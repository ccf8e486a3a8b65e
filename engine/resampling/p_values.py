"""P-values and intervals from draws, and their Monte-Carlo error.

    pairs, bayesian  p inverts the percentile interval, 2 min(share <= 0, share >= 0)
    wild             p is the share of |t*| strictly above |t|; ties are counted apart
    placebo          p is the share of draws at least as large, the data themselves
                     counted among them: (1 + #) / (1 + draws), or # / all patterns

Draws within 1e-10 of the compared value are ties: they differ by rounding. They matter
where all patterns are enumerated, since the data themselves are among them; boottest
(Roodman et al. 2019) counts half of them, wildboottest none. For placebos the rule is
the one that makes a randomisation test exact (Phipson and Smyth 2010).

A null is rejected at 5 % where p <= 0.05, and each kind of interval holds the nulls
that its own p does not reject: p and interval never contradict each other. So ends are
draws, of the ranks that the rule of p names, not quantiles between them; with fewer
than 39 draws a percentile interval is infinite.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels.resampling import LEVEL, TIE
from ..core import TivaxError, long_table_of
from ..estimation import Coefficients, invert, normal_cdf, normal_ppf
from ..reporting import CV1, Told
from .cluster_diagnostics import ClusteringLevel, clustering_level, model_table
from .draws import Column, Draws, finite, histogram, moments, quantiles, ranked
from .placebo import randomisation_p, randomisation_p_of
from .plans import ResamplingPlan
from .schemes import Placebo, Wild
from .wild_tests import Inverted

SUMMARY = tuple(
    (
        "model table column outcome sample term scheme draws estimate se p_value "
        "ci_low ci_high mc_error draws_per_s"
    ).split()
)
TIE_RULES = {
    "pairs": "p = 2 (1 + min(# draws <= 0, # draws >= 0)) / (1 + draws)",
    "bayesian": "p = 2 (1 + min(# draws <= 0, # draws >= 0)) / (1 + draws)",
    "wild": "p = share of |t*| > |t|; ties (within 1e-10 of |t|) are not counted",
    "placebo": "p = (1 + # draws at least as large, ties included) / (1 + draws); "
    "all patterns: # / patterns",
}


@dataclass(frozen=True, eq=False, repr=False)
class Inference(Coefficients, Told):
    """Results of one model's draws; they print as a table.

    Attributes
    ----------
    plan
        Model and scheme.
    summary
        Rows of ``SUMMARY``, one for each treatment (or the joint test).
    intervals
        Columns model, term, interval, ci_low, ci_high, p_value: each way to read an
        interval off the draws, 95 %.
    distribution
        Columns model, term, low, high, count: a histogram of the draws.
    failed
        Draws that could not be computed: their design was singular.
    ties
        Draws tied with the sample, in the first row of ``summary``.
    panel, draws
        The rows that ``tx.resample`` was given, and its draws.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> found = tx.resample(panel, model, tx.schemes.Pairs(), draws=999)
    >>> found.intervals["interval"].tolist()
    ['percentile', 'BCa']
    """

    plan: ResamplingPlan
    summary: pd.DataFrame
    intervals: pd.DataFrame
    distribution: pd.DataFrame
    failed: int
    ties: int
    panel: pd.DataFrame | None = None
    draws: Draws | None = None

    program = "bootstrap"
    in_print = "tivax.engine.present.bootstrap"

    def tables(self) -> dict[str, pd.DataFrame]:
        found = {"summary": self.summary, "intervals": self.intervals}
        for name, table in found.items():
            p = never_zero(table["p_value"], self.plan.random_draws)
            found[name] = table.assign(p_value=p)
        return {**found, "distribution": self.distribution}

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.plan.fitted.residual,
            "scheme": self.plan.scheme.facts,
            "draws": self.plan.draws,
            "covariance": CV1,
        }

    def clustering_level(
        self,
        *,
        coarse: str,
        fine: str = "",
        type: str = "11",
        draws: int = 9_999,
        seed: int = 0,
    ) -> ClusteringLevel:
        """Are ``fine`` clusters enough, or are scores correlated within ``coarse``?

        The score-variance test of MacKinnon, Nielsen and Webb (2023), by N(0, 1) and by
        the unrestricted wild cluster bootstrap of the fine clusters (Rademacher); all
        effects are counted, as in their Stata program. The tests ask about each
        treatment alone. A level that is not rejected may be too fine all the same: with
        few coarse clusters the test has little power.

        Parameters
        ----------
        coarse, fine
            Columns of the panel; a coarse cluster holds whole fine ones. ``fine`` is
            the cluster of the model by default, "rows" every row.
        type
            Of the bootstrap: ``11``, or ``31`` with jackknifed residuals.
        draws, seed
            Draw k depends on the seed and on k alone.

        Raises
        ------
        TivaxError
            A fine cluster in two coarse ones, levels that are the same, fewer than two
            coarse clusters, instruments.

        Examples
        --------
        >>> regions = panel.assign(region=panel["iso3"].str[:2])
        >>> fit = tx.fit("growth ~ trade + gdp | iso3 + year", regions)
        >>> found = fit.wild(draws=999)
        >>> found.clustering_level(coarse="region", draws=999).tests["term"].tolist()
        ['trade']
        """
        if self.panel is None:
            raise TivaxError("the level of clustering is of a result of tx.resample")
        options = {"fine": fine, "type": type, "draws": draws, "seed": seed}
        model = self.plan.fitted.model
        return clustering_level(self.panel, model, coarse=coarse, **options)

    @property
    def diagnostics(self) -> pd.DataFrame:
        """The treatments under other covariances, and the clusters.

        A row for each: estimate, se and p_value of CV1, CV2 and CV3 (``cv1_se``, ...),
        cv2_df, effective_clusters, without_min and without_max (the range of the
        estimate when each cluster is left out); note says why some are NaN.
        """
        return model_table([self.plan.fitted], jackknives=False)

    def tidy(self) -> pd.DataFrame:
        """The treatments as a plain table, one row each.

        Columns term, estimate, se, p_value, ci_low, ci_high (95 %) and mc_error, the
        Monte-Carlo error of p.
        """
        return self.summary[[*_TIDY]].copy()

    def glance(self) -> pd.DataFrame:
        """Statistics of the whole model, in one row.

        Columns model, outcome, sample, n, clusters, effects (joined by +), method (the
        scheme in words), draws and failed.
        """
        fitted, model = self.plan.fitted, self.plan.fitted.model
        row = {
            "model": model.name,
            "outcome": model.outcome,
            "sample": model.sample,
            "n": fitted.n,
            "clusters": len(fitted.labels),
            "effects": "+".join(model.all_effects),
            "method": self.plan.scheme.words,
            "draws": self.plan.draws,
            "failed": self.failed,
        }
        return pd.DataFrame([row])

    def confint(self) -> pd.DataFrame:
        """The 95 % intervals of ``summary``: columns term, ci_low, ci_high.

        They are of the scheme's own kind: test inversion, percentile, ...
        (``intervals`` has all kinds). They hold the values that its test does not
        reject at 5 %.
        """
        return self.summary[["term", "ci_low", "ci_high"]].copy()


_TIDY = ("term", "estimate", "se", "p_value", "ci_low", "ci_high", "mc_error")
_INTERVALS = ("term", "interval", "ci_low", "ci_high", "p_value")

_Named = tuple[str, Column]
_Read = tuple[list[tuple], list[tuple], list[_Named], int]
"""Rows of ``_TIDY``, of ``_INTERVALS``, named columns to draw, ties."""


def summarise(
    plan: ResamplingPlan,
    draws: Draws,
    inverted: Inverted | None = None,
    *,
    rate: float | None = None,
    invert: bool = True,
    distribution: bool = True,
) -> Inference:
    """All results of one model's draws. ``rate``: draws a second, where wanted.

    Without ``invert`` the interval of a placebo, which takes longer than its draws, is
    NaN; without ``distribution`` the table of that name is empty.
    """
    model = plan.fitted.model
    if isinstance(plan.scheme, Wild):
        rows, read, columns, ties = _wild(plan, draws, inverted)
    elif isinstance(plan.scheme, Placebo):
        rows, read, columns, ties = _placebo(plan, draws, invert)
    else:
        rows, read, columns, ties = _reweighted(plan, draws)
    about = {
        "model": model.name,
        "table": model.tags.get("table"),
        "column": model.tags.get("column"),
        "outcome": model.outcome,
        "sample": model.sample,
        "scheme": plan.label,
        "draws": draws.count,
        "draws_per_s": None if rate is None else round(rate),
    }
    whole = dict.fromkeys(("table", "column", "draws_per_s"), "Int64")
    summary = pd.DataFrame(rows, columns=_TIDY).assign(**about)[[*SUMMARY]]
    intervals = pd.DataFrame(read, columns=_INTERVALS)
    intervals.insert(0, "model", model.name)
    return Inference(
        plan=plan,
        summary=summary.astype(whole),
        intervals=intervals,
        distribution=_distribution(draws, columns if distribution else [], model.name),
        failed=draws.count - sum(len(k) for k in finite(draws, columns[0][1])),
        ties=ties,
    )


def never_zero(p: pd.Series, draws: int | None) -> pd.Series:
    """p-values for files: 1 / (draws + 1), a bound, where no random draw is larger."""
    return p.mask(p == 0, 1 / (draws + 1)) if draws else p


def _column(k: int) -> Column:
    return lambda window: window[:, k]


def _size(column: Column) -> Column:
    return lambda window: np.abs(column(window))


def _distribution(draws: Draws, columns: list[_Named], model: str) -> pd.DataFrame:
    found = [pd.DataFrame(columns=["model", "term", "low", "high", "count"])]
    for term, column in columns:
        edges, counts = histogram(draws, column)
        bins = {"low": edges[:-1], "high": edges[1:], "count": counts}
        found.append(pd.DataFrame({"model": model, "term": term, **bins}))
    return pd.concat(found[1:] or found, ignore_index=True)


def _monte_carlo(p: float, n: int, exact: bool) -> float:
    """Standard error of a p-value from n draws; not 0 where p is 0 or 1 by chance."""
    if exact or n == 0:
        return 0.0
    p = min(max(p, 1 / (n + 2)), 1 - 1 / (n + 2))
    return float(np.sqrt(p * (1 - p) / n))


def shares(draws: Draws, column: Column, value: float) -> tuple[int, int, int, int]:
    """Count the finite draws below, tied with and above ``value``, and all of them."""
    below = above = n = 0
    width = TIE * max(abs(value), np.finfo(float).tiny)
    for values in finite(draws, column):
        below += int((values < value - width).sum())
        above += int((values > value + width).sum())
        n += len(values)
    return below, n - below - above, above, n


# ------------------------------------------------------------------ pairs and Bayesian


def _reweighted(plan: ResamplingPlan, draws: Draws) -> _Read:
    fitted = plan.fitted
    rows, intervals, columns = [], [], []
    se = np.sqrt(np.diag(fitted.covariance(plan.scheme.covariance)))
    left = fitted.left_out()
    q = fitted.layout.treatments
    for k, term in enumerate(fitted.model.treatments):
        column, b = _column(k), float(fitted.coef[k])
        n, _, sd = moments(draws, column)
        p = _two_tailed(draws, column, 0.0)
        ends = ranked(draws, column, _middle(n))
        intervals.append((term, "percentile", *ends, p))
        ends_of_bca = _bca(draws, column, b, left[:, k])
        intervals.append((term, "BCa", *ends_of_bca, float("nan")))
        if plan.static.studentised:
            found = _percentile_t(draws, _column(q + k), b, float(se[k]))
            intervals += [(term, *interval) for interval in found]
        error = _monte_carlo(p / 2, n, False) * 2
        rows.append((term, b, sd, p, *ends, error))
        columns.append((term, column))
    return rows, intervals, columns, 0


def _two_tailed(draws: Draws, column: Column, value: float) -> float:
    """Twice the smaller tail, ``value`` itself and ties in both."""
    below, tied, above, n = shares(draws, column, value)
    return min(1.0, 2 * (min(below, above) + tied + 1) / (n + 1)) if n else float("nan")


def _rank(share: float, n: int) -> int:
    """Largest number out of n that is at most this share; 0.05 of 100 is 5, whatever
    rounding."""
    return int(share * n + 1e-9)


def _middle(n: int) -> tuple[int, int]:
    """Ranks of the ends of the nulls with 2 (1 + min(# <=, # >=)) / (1 + n) > 5 %."""
    k = _rank(LEVEL / 2, n + 1)
    return k, n + 1 - k


def _percentile_t(
    draws: Draws, t: Column, b: float, se: float
) -> list[tuple[str, float, float, float]]:
    """Names, ends and p of both bootstrap-t intervals (Hall 1992, chapter 3; Davison
    and Hinkley 1997, section 5.2). t* stands for (b - null) / se.

    Symmetric: p from |t*| >= |t|, b -+ a quantile of |t*| times se. Equal-tailed: twice
    the smaller tail, b - t* se at both of its quantiles.
    """
    _, tied, above, n = shares(draws, _size(t), abs(b / se))
    p = (above + tied + 1) / (n + 1) if n else float("nan")
    reach = se * ranked(draws, _size(t), [n + 1 - _rank(LEVEL, n + 1)])[0]
    tails = _two_tailed(draws, t, b / se)
    low, high = ranked(draws, t, _middle(n))
    return [
        ("percentile-t, symmetric", b - reach, b + reach, p),
        ("percentile-t, equal-tailed", b - high * se, b - low * se, tails),
    ]


def _bca(
    draws: Draws, column: Column, b: float, left: Float[np.ndarray, " G"]
) -> tuple[float, float]:
    """Bias-corrected and accelerated (Efron 1987), acceleration by the jackknife."""
    below, tied, _, n = shares(draws, column, b)
    gap = left.mean() - left
    squares = (gap**2).sum()
    if not 0 < below + tied / 2 < n or not 0 < squares < np.inf:
        return float("nan"), float("nan")
    z0 = normal_ppf((below + tied / 2) / n)
    a = (gap**3).sum() / (6 * squares**1.5)
    z = z0 + normal_ppf([LEVEL / 2, 1 - LEVEL / 2])
    low, high = quantiles(draws, column, normal_cdf(z0 + z / (1 - a * z)))
    return float(low), float(high)


# ----------------------------------------------------------------------------- wild


def _wild(plan: ResamplingPlan, draws: Draws, inverted: Inverted | None) -> _Read:
    fitted, joint = plan.fitted, plan.static.joint
    rows, intervals, columns, ties = [], [], [], 0
    treatments = fitted.model.treatments
    terms = [", ".join(treatments)] if joint else list(treatments)
    every_se = np.sqrt(np.diag(fitted.covariance(plan.wild.covariance)))
    for k, term in enumerate(terms):
        size, observed = _size(_column(k)), abs(float(plan.observed[k]))
        _, tied, above, n = shares(draws, size, observed)
        p = above / n if n else float("nan")
        ties = ties if k else tied
        b = se = low = high = float("nan")
        if not joint:
            b, se = float(fitted.coef[k]), float(every_se[k])
        name = f"F = {observed:.4g}"
        if inverted is not None:
            name, (low, high) = "test inversion", inverted.intervals[k]
        elif not plan.wild.null and not joint:
            # |t| of this size is the least that is rejected.
            reach = se * ranked(draws, size, [n - _rank(LEVEL, n)])[0]
            name, low, high = "symmetric t", b - reach, b + reach
        if inverted is not None or joint or not plan.wild.null:
            intervals.append((term, name, low, high, p))
        error = _monte_carlo(p, n, plan.exact)
        rows.append((term, b, se, p, low, high, error))
        columns.append((term, _column(k)))
    if inverted is not None and inverted.anderson_rubin is not None:
        low, high, p = inverted.anderson_rubin
        holed = p <= LEVEL and low < 0 < high
        name = "Anderson-Rubin" + ", hull of a set that leaves out 0" * holed
        intervals.append((terms[0], name, low, high, p))
    return rows, intervals, columns, ties


# --------------------------------------------------------------------------- placebo


def _placebo(plan: ResamplingPlan, draws: Draws, inverting: bool) -> _Read:
    fitted, studentised = plan.fitted, plan.static.studentised
    term, b = fitted.model.treatments[0], float(fitted.coef[0])
    k = 1 if studentised else 0
    compared = _column(k)
    observed = abs(float(plan.observed[k] * plan.unit[k]))
    _, tied, above, n = shares(draws, _size(compared), observed)
    p = randomisation_p(above + tied, n, plan.exact)
    sd = moments(draws, _column(0))[2]
    middle = quantiles(draws, _column(0), (LEVEL / 2, 1 - LEVEL / 2))
    se = b / float(plan.observed[1]) if studentised else None
    ends = float("nan"), float("nan")
    if inverting:
        ends = invert(
            partial(randomisation_p_of, draws, b, se, plan.exact),
            b,
            sd if se is None else se,
            draws.count,
            exact=plan.exact,
        )
    name = "randomisation-t test inversion"
    name = name if studentised else "randomisation test inversion"
    row = (term, b, sd, p, *ends, _monte_carlo(p, n, plan.exact))
    intervals = [(term, "placebo draws", *middle, float("nan")), (term, name, *ends, p)]
    return [row], intervals, [(term, compared)], tied


@long_table_of.register(Inference)
def _(result: Inference) -> pd.DataFrame:
    return result.summary.copy()
