"""Standard errors of a two-way regression where errors are correlated in space.

Two answers. Conley's (1999) by cut-off, ``tx.Conley``: how far errors are correlated is
not known, so that all cut-offs are shown. And intervals between entities, of their
means over time, which take any correlation up to a bound: Mueller and Watson's (2022)
SCPC, module ``scpc``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..core import TivaxError, require_choice, show
from ..estimation import (
    COLLINEAR,
    CV1,
    Conley,
    Estimate,
    LinearFit,
    Model,
    SpaceKernel,
    complete_rows,
    distances_among,
    regressor_names,
    require_column_names,
)
from .diagnosis import Diagnosis
from .scpc import are_apart, components

_NUMBERS = ("estimate", "se", "p_value", "ci_low", "ci_high")
_CUTOFFS = 12
_FEWEST = 8  # entities of SCPC, beside the regressors


@dataclass(frozen=True, eq=False, repr=False)
class SpatialErrors(Diagnosis):
    """Standard errors by cut-off, and intervals between entities.

    Attributes
    ----------
    table
        term, cutoff (0: clusters by entity), estimate, se, p_value, ci_low, ci_high;
        se is missing where the variance is negative.
    means
        Of a regression of means over time: term, estimate, se, p_value, ci_low,
        ci_high, components (how many SCPC takes), critical_value. What it estimates is
        how entities differ, not what a change does.
    distances
        Between entities.

    Examples
    --------
    >>> names = sorted(panel["iso3"].unique())
    >>> line = pd.DataFrame({"latitude": 0.0, "longitude": range(len(names))}, names)
    >>> found = tx.referee.spatial_errors(
    ...     panel, "growth", ["trade"], places=line, entity="iso3", time="year"
    ... )
    >>> float(found.table["cutoff"].iloc[0])
    0.0
    """

    table: pd.DataFrame
    means: pd.DataFrame
    distances: pd.DataFrame
    outcome: str
    kernel: SpaceKernel
    residual: float

    program = "spatial-errors"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"spatial_errors": self.table, "means": self.means}

    def findings(self) -> dict[str, Any]:
        """The first regressor with clusters by entity, rows of Conley's largest error
        (``worst``, with the ``least``), and ``between`` entities, where there are."""
        first = self.table["term"].iloc[0]
        rows = self.table[self.table["term"] == first]
        near = rows.iloc[1:].dropna(subset=["se"])
        worst = near.nlargest(1, "se").assign(least=near["se"].min())
        between = self.means[self.means["term"] == first]
        return {
            **rows.iloc[0],
            "worst": worst.to_dict("records"),
            "between": between.to_dict("records"),
        }


def spatial_errors(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str,
    time: str,
    cutoffs: Sequence[float] | None = None,
    kernel: SpaceKernel = "bartlett",
    lags: int | None = None,
    places: pd.DataFrame | None = None,
    distances: pd.DataFrame | None = None,
) -> SpatialErrors:
    """Standard errors of a two-way regression by how far errors are correlated.

    Parameters
    ----------
    data
        A row for each entity and period.
    outcome, regressors
        Columns.
    cutoffs
        Distances; by default 12 steps up to the median one.
    kernel, lags, places, distances
        As ``tx.Conley`` has them.

    Returns
    -------
    SpatialErrors
        ``means`` has no rows where there are fewer than 8 entities more than
        regressors, or 3 % of their pairs are at one place.

    Raises
    ------
    TivaxError
        For columns that are missing or no numbers, and what ``tx.Conley`` refuses.

    Examples
    --------
    >>> names = sorted(panel["iso3"].unique())
    >>> line = pd.DataFrame({"latitude": 0.0, "longitude": range(len(names))}, names)
    >>> keys = {"entity": "iso3", "time": "year", "cutoffs": [200, 400]}
    >>> keys["places"] = line
    >>> found = tx.referee.spatial_errors(panel, "growth", ["trade"], **keys)
    >>> found.table["cutoff"].tolist()
    [0.0, 200.0, 400.0]
    """
    require_column_names(outcome=outcome, entity=entity, time=time)
    names = regressor_names(outcome, regressors)
    require_choice("kernel", kernel, ("bartlett", "uniform"))
    model = Model("", outcome, names, names, entity=entity, time=time)
    fit = LinearFit.of(data, model, drawn=False)
    labels = fit.entities
    D = distances_among(labels, places, distances)
    pairs = D[np.triu_indices(len(D), 1)]
    chosen = [] if cutoffs is None else _distances(cutoffs)
    if cutoffs is None:
        chosen = np.linspace(0, np.median(pairs), _CUTOFFS + 1)[1:].tolist()
    square = pd.DataFrame(D, labels, labels)
    by_cutoff = {0.0: Estimate.of(fit, CV1("fixest")).terms[[*_NUMBERS]]}
    for cutoff in sorted(k for k in chosen if k):
        vcov = Conley(cutoff, kernel, lags, distances=square)
        by_cutoff[cutoff] = Estimate.of(fit, vcov).terms[[*_NUMBERS]]
    table = pd.concat(by_cutoff, names=["cutoff", "term"])
    table = table.reorder_levels(["term", "cutoff"]).loc[[*names]].reset_index()
    return SpatialErrors(
        table,
        _between(fit.used, outcome, names, entity, square),
        square,
        outcome,
        kernel,
        fit.residual,
    )


_OF_MEANS = ["term", *_NUMBERS, "components", "critical_value"]


def _distances(given: Sequence[float]) -> list[float]:
    """Raise ``TivaxError`` unless they are distances."""
    every = [*given] if np.iterable(given) else [given]
    for cutoff in every:
        if not isinstance(cutoff, int | float | np.number):
            raise TivaxError(f"cutoffs: {show(cutoff)} is no distance; give a number")
    return [float(cutoff) for cutoff in every]


def _between(
    data: pd.DataFrame,
    outcome: str,
    names: Sequence[str],
    entity: str,
    distances: pd.DataFrame,
) -> pd.DataFrame:
    """The regression of means over time, by SCPC."""
    rows = complete_rows(data, [outcome, *names], [entity])
    means = rows.groupby(entity)[[outcome, *names]].mean().loc[[*distances.index]]
    n, k = len(means), len(names)
    if n < k + 1 + _FEWEST or not are_apart(distances.to_numpy()):
        return pd.DataFrame(columns=_OF_MEANS)
    centred = means.to_numpy() - means.to_numpy().mean(axis=0)
    X = centred[:, 1:]
    size = np.linalg.norm(X, axis=0)
    level = rows[list(names)].abs().max().to_numpy()
    if not (size > COLLINEAR * level).all() or np.linalg.cond(X / size) > 1e10:
        return pd.DataFrame(columns=_OF_MEANS)
    H = np.linalg.pinv(X / size) / size[:, None]
    beta = H @ centred[:, 0]
    u = centred[:, 0] - X @ beta
    made = components(distances.to_numpy())
    found = []
    for term, b, h in zip(names, beta, H, strict=True):
        scores = h * u
        se = made.se(scores - scores.mean())
        reach = made.critical * se
        p = made.p_value(b / se) if se > 0 else float("nan")
        ends = (b - reach, b + reach)
        found.append((term, b, se, p, *ends, made.v.shape[1], made.critical))
    return pd.DataFrame(found, columns=_OF_MEANS)
