"""What an estimator returns: coefficients, their covariance, and how it was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class Term(NamedTuple):
    """One coefficient: t, its p-value, a 95 % interval, 0 to 3 stars."""

    coef: float
    se: float
    t: float
    p: float
    ci_low: float
    ci_high: float
    stars: int


@dataclass(frozen=True, eq=False)
class Estimate:
    """One estimated column.

    Attributes
    ----------
    outcome
        Its name.
    terms
        A row for each coefficient, by term: coef, se, t, p, ci_low, ci_high (95 %),
        stars (0 to 3).
    covariance
        Of the coefficients, by term.
    n, clusters
        Rows and clusters (of two ways the fewer; 0 without).
    degrees
        Degrees of freedom of t: ``clusters - 1`` unless the convention says otherwise.
    r2
        Within countries. Year effects count as explained with ``stata``; the other
        conventions take them out first, as the libraries do.
    convention
        Which covariance and small-sample correction, a name or in words.
    residuals
        By row label of the data used.
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

    def __getitem__(self, term: str) -> Term:
        row: dict[str, Any] = self.terms.T.to_dict()[term]
        return Term(**{**row, "stars": int(row["stars"])})

    def wald(self, terms: Sequence[str]) -> tuple[float, float]:
        """F test that these coefficients are all 0: F(q, degrees) and its p-value."""
        b = self.terms.loc[list(terms), "coef"].to_numpy()
        V = self.covariance.loc[list(terms), list(terms)].to_numpy()
        f = float(b @ np.linalg.solve(V, b)) / len(b)
        return f, float(stats.f.sf(f, len(b), self.degrees))


def estimate(
    outcome: str,
    coef: pd.Series,
    covariance: pd.DataFrame,
    *,
    n: int,
    clusters: int,
    r2: float,
    convention: str,
    residuals: pd.Series,
    report: Sequence[str],
    degrees: int | None = None,
) -> Estimate:
    """An :class:`Estimate` from coefficients and covariance; t of ``degrees``.

    A negative variance, which two-way clustering can give, leaves its term without
    standard error (NaN).
    """
    degrees = clusters - 1 if degrees is None else degrees
    b = coef[list(report)]
    variances = pd.Series(np.diag(covariance), covariance.index)[list(report)]
    se = variances.where(variances >= 0) ** 0.5
    t = b / se
    p = pd.Series(2 * stats.t.sf(np.abs(t), degrees), b.index)
    width = stats.t.ppf(0.975, degrees) * se
    terms = pd.DataFrame(
        {
            "coef": b,
            "se": se,
            "t": t,
            "p": p,
            "ci_low": b - width,
            "ci_high": b + width,
            "stars": stars(p),
        }
    )
    terms.index.name = "term"
    return Estimate(
        outcome=outcome,
        terms=terms,
        covariance=covariance.loc[list(report), list(report)],
        n=n,
        clusters=clusters,
        degrees=degrees,
        r2=r2,
        convention=convention,
        residuals=residuals,
    )


def stars(p: pd.Series) -> pd.Series:
    """3, 2, 1 for significance at 1, 5, 10 %, else 0."""
    return (p < 0.01).astype(int) + (p < 0.05).astype(int) + (p < 0.1).astype(int)
