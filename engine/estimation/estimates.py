"""Estimates: coefficients, their covariance, and the convention behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import (
    Listing,
    TivaxError,
    interval_text,
    long_table_of,
    number_text,
    p_text,
    require_list,
    show,
    suggest,
)
from .coefficients import Coefficients
from .distributions import f_sf, t_ppf

# A correlation matrix with an eigenvalue below this share of its sum has no inverse.
SINGULAR = 1e-11


class Term(NamedTuple):
    """One coefficient: t, its p-value, a 95 % interval, 0 to 3 stars."""

    estimate: float
    se: float
    t: float
    p_value: float
    ci_low: float
    ci_high: float
    stars: int


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Coefficients):
    """One estimated column; it prints as a regression table.

    Attributes
    ----------
    outcome
        Name of the outcome.
    terms
        A row for each coefficient, by term: estimate, se, t, p_value, ci_low, ci_high
        (95 %), stars (0 to 3; none where one cluster alone identifies the term). NaN
        and no stars where ``note`` says that there is no standard error.
    covariance
        Covariance of the coefficients, by term.
    n, clusters
        Rows and clusters (of two ways the fewer; 0 without).
    degrees
        Degrees of freedom of t: ``clusters - 1`` unless the convention says otherwise.
    r2
        Within countries. Year effects count as explained with ``stata``; the other
        conventions take them out first, as the libraries do.
    r2_years
        Within countries, year effects counted as explained, whatever the convention.
    convention
        Covariance and small-sample correction, a name or in words.
    residuals
        Residuals by row label of the data used.
    note
        Terms without a standard error, and why; terms that one cluster alone
        identifies, so that their standard error says nothing; empty elsewhere.
    correlation
        Correlation of the coefficients, by term: the covariance whatever their units.
    effects
        Columns of the fixed effects.
    clustered
        Column of the clusters where that is not ``iso3``, the default.
    left_out
        Number of rows with a missing value and their columns, in words.
    words
        The convention in words, where it is a name.
    term_degrees
        Degrees of freedom of each term's t, where they differ; else None.

    Examples
    --------
    >>> fit = tx.fixed_effects(panel, "growth", ["trade", "gdp"])
    >>> fit.confint(0.9).round(3)
        term  ci_low  ci_high
    0  trade   0.300    0.685
    1    gdp   0.681    1.202
    2  const  -0.369    0.805
    >>> fit.glance()[["outcome", "n", "clusters", "effects"]]
      outcome   n  clusters    effects
    0  growth  96        12  iso3+year
    """

    outcome: str
    terms: pd.DataFrame
    covariance: pd.DataFrame
    n: int
    clusters: int
    degrees: int
    r2: float
    convention: str
    residuals: pd.Series
    note: str = ""
    correlation: pd.DataFrame | None = None
    effects: tuple[str, ...] = ()
    clustered: str = ""
    left_out: str = ""
    words: str = ""
    term_degrees: pd.Series | None = None
    r2_years: float = float("nan")

    def __getitem__(self, term: str) -> Term:
        self._require_term(term)
        row: Any = self.terms.index.get_loc(term)
        *numbers, count = (self.terms[k].to_numpy()[row] for k in Term._fields)
        return Term(*map(float, numbers), stars=int(count))

    def tidy(self) -> pd.DataFrame:
        """The coefficients as a plain table, one row each.

        Columns term, estimate, se, t, p_value, ci_low and ci_high (95 %), named as
        those of :meth:`Inference.tidy`.
        """
        return self.terms.drop(columns="stars").reset_index()

    def glance(self) -> pd.DataFrame:
        """Statistics of the whole column, in one row.

        Columns outcome, n, clusters, degrees, r2_within, effects (joined by +), method,
        the standard errors in words, and left_out, the rows without some value.
        """
        row = {
            "outcome": self.outcome,
            "n": self.n,
            "clusters": self.clusters,
            "degrees": self.degrees,
            "r2_within": self.r2,
            "effects": "+".join(self.effects),
            "method": self._method,
            "left_out": self.left_out,
        }
        return pd.DataFrame([row])

    def confint(self, level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals of this level: columns term, ci_low, ci_high.

        Raises ``TivaxError`` unless ``level`` is a number between 0 and 1.
        """
        degrees = self.degrees if self.term_degrees is None else self.term_degrees
        width = quantile_of(level, degrees) * self.terms["se"]
        b = self.terms["estimate"]
        ends = pd.DataFrame({"ci_low": b - width, "ci_high": b + width})
        return ends.reset_index()

    def summary(self) -> str:
        """The regression table that it prints."""
        return repr(self)

    def wald(self, terms: Sequence[str]) -> tuple[float, float]:
        """F test that these coefficients are all 0: F(q, degrees) and its p-value.

        NaN where the covariance has no inverse: G clusters test G - 1 coefficients at
        most, fewer beside effects of years.
        """
        require_list("terms", terms)
        for name in terms:
            self._require_term(name)
        assert self.correlation is not None, "every fit sets it"
        t = self.terms.loc[list(terms), "t"].to_numpy(float)
        R = self.correlation.loc[list(terms), list(terms)].to_numpy(float)
        if not np.isfinite(R).all() or np.linalg.eigvalsh(R)[0] <= SINGULAR * len(t):
            return float("nan"), float("nan")
        f = float(t @ np.linalg.solve(R, t)) / len(t)
        return f, float(f_sf(f, len(t), self.degrees))

    @property
    def _method(self) -> str:
        """The standard errors in words."""
        return f"{self.words} ({self.convention})" if self.words else self.convention

    def _require_term(self, name: object) -> None:
        if name not in self.terms.index:
            raise TivaxError(f"no term {name}: {suggest(str(name), self.terms.index)}")

    def _listings(self) -> Sequence[Listing]:
        return [self.listing(f"{self.outcome}: least squares with fixed effects")]

    def listing(self, title: str) -> Listing:
        """The regression table under this title."""
        rows = [
            (
                str(row["term"]),
                f"{number_text(row['estimate'])}{'*' * int(row['stars']):3}",
                *(number_text(row[k]) for k in ("se", "t")),
                p_text(row["p_value"]),
                interval_text(row["ci_low"], row["ci_high"]),
            )
            for row in self.terms.reset_index().to_dict("records")
        ]
        clusters = f"{self.clusters} clusters, " if self.clusters else ""
        degrees = str(self.degrees)
        if self.term_degrees is not None:
            first, last = self.term_degrees.min(), self.term_degrees.max()
            degrees = f"{first:.1f} to {last:.1f}"
        notes = [
            f"{self.n} observations, {clusters}t with {degrees} degrees of freedom, "
            f"R2 within {self.r2:.4f}",
            f"Standard errors: {self._method}",
            "* p < 0.1, ** p < 0.05, *** p < 0.01",
        ]
        if self.left_out:
            notes.insert(1, self.left_out)
        if 0 < self.clusters < _FEW:
            notes.append(
                f"Note: {self.clusters} clusters are few: p can be too small, stars "
                "too many; compare a wild bootstrap (tx.resample)"
            )
        if self.note:
            notes.append(f"Note: {self.note}")
        return Listing(title, _COLUMNS, rows, notes)


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


# With fewer clusters t(G-1) rejects too often (Cameron, Gelbach and Miller 2008).
_FEW = 10
_COLUMNS = ("", "estimate", "se", "t", "p", "95 % interval")


def stars(p: Float[np.ndarray, " q"]) -> Int[np.ndarray, " q"]:
    """3, 2, 1 for significance at 1, 5, 10 %, else 0; none where p is NaN."""
    return (p < 0.01).astype(int) + (p < 0.05).astype(int) + (p < 0.1).astype(int)


@long_table_of.register(Estimate)
def _(result: Estimate) -> pd.DataFrame:
    frame = result.tidy()
    frame.insert(0, "outcome", result.outcome)
    about = {k: getattr(result, k) for k in ("n", "clusters", "convention")}
    return frame.assign(**about)
