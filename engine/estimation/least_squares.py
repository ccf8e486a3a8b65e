"""Two-way fixed effects with clustered standard errors, by five conventions.

The default convention is Stata's ``xtreg y x i.year, fe vce(cluster id)``: country
effects absorbed, year dummies explicit (the first year the base), covariance times
G/(G-1) (N-1)/(N-k) with k = slopes + year dummies + 1, since country effects are
nested in the clusters; p-values and intervals from t(G-1); R2 within countries, year
effects counted as explained; the constant at the grand mean.

    convention    covariance                                         by
    stata         as above, with the constant                        pyfixest
    fixest        the same covariance, no constant; reghdfe's        pyfixest
    lsdv          every effect counted in k; areg, reg i.id i.year   pyfixest
    plm           no small-sample correction                         pyfixest
    linearmodels  N / (N - slopes - G - T + 1), no G/(G-1)           linearmodels
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..core import TivaxError, require_choice
from .estimates import CONVENTIONS, Convention, Estimate
from .library_fits import feols, panel_ols
from .model_data import cluster_column, prepare

# What pyfixest's default, G/(G-1) (N-1)/(N-k), is not.
_CORRECTIONS: dict[Convention, dict[str, Any]] = {
    "lsdv": {"k_fixef": "full"},
    "plm": {"k_adj": False, "G_adj": False},
}


def fixed_effects(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    clusters: str | None = None,
    convention: Convention = "stata",
) -> Estimate:
    """Two-way fixed effects with standard errors clustered by ``clusters``.

    ``clusters`` is ``entity`` by default. ``time`` may be any label nested in nothing,
    such as group and year together for effects by group. Rows with a missing value are
    left out, and ``left_out`` says how many. Units do not matter: t and p are those of
    any multiple of a column.

    Where nothing but rounding is left of a standard error (two clusters beside effects
    of years; regressors that explain the outcome without any error) it is NaN, without
    stars, and ``note`` says why.

    Raises
    ------
    TivaxError
        In one line, where a column is missing, holds no numbers or is duplicated, an
        entity has two rows in a period, a regressor is collinear with the others and
        the effects, the effects explain the outcome, there are fewer than two clusters,
        or they cut through entities.

    Examples
    --------
    >>> fit = tx.fixed_effects(panel, "growth", ["trade", "gdp"])
    >>> fit.terms[["estimate", "se", "p_value"]].round(3)
        estimate     se  p_value
    term
    trade  0.492  0.107  0.001
    gdp    0.942  0.145  0.000
    const  0.218  0.327  0.518
    """
    require_choice("convention", convention, CONVENTIONS)
    clusters = cluster_column(entity, clusters)
    given = prepare(
        data, outcome, regressors, entity=entity, time=time, keys=[clusters]
    )
    require_nested(given.used, entity, clusters)
    if convention == "linearmodels":
        fit = panel_ols(given, clusters, convention=convention, cov_type="clustered")
    else:
        fit = feols(
            given,
            convention=convention,
            clusters=[clusters],
            absorb=convention != "stata",
            **_CORRECTIONS.get(convention, {}),
        )
    return replace(fit, clustered="" if clusters == "iso3" else clusters)


def require_nested(used: pd.DataFrame, entity: str, clusters: str) -> None:
    """Absorbed effects are not counted because clusters hold whole entities."""
    cut = used.groupby(entity)[clusters].nunique() > 1
    if cut.any():
        raise TivaxError(
            f"{entity} {cut.index[cut][0]} is not nested in one cluster of {clusters}; "
            "cluster by something that holds whole entities, or use two_way_clusters"
        )
