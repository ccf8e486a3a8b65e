"""Two-way fixed effects with clustered standard errors, by five conventions.

The default convention is Stata's ``xtreg y x i.year, fe vce(cluster id)``: country
effects absorbed, year dummies explicit (the first year the base), covariance times
G/(G-1) (N-1)/(N-k) with k = slopes + year dummies + 1, since country effects are
nested in the clusters; p-values and intervals from t(G-1); R2 within countries, year
effects counted as explained; the constant at the grand mean.

    convention    covariance
    stata         as above, with the constant; by pyfixest
    fixest        the same covariance, no constant; reghdfe's
    lsdv          every effect counted in k; areg, reg i.id i.year
    plm           no small-sample correction
    linearmodels  N / (N - slopes - G - T + 1), no G/(G-1)
"""

from collections.abc import Sequence

import pandas as pd

from ..core import TivaxError, require_choice
from .estimates import Estimate
from .library_fits import feols
from .linear_fits import LinearFit, Vcov
from .model import Model
from .model_data import two_way_design
from .regression_data import ENTITY, TIME
from .vcov import CONVENTIONS, CV1, Convention, clustered_in_words, clustering


def fixed_effects(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = ENTITY,
    time: str = TIME,
    effects: Sequence[str] = (),
    clusters: str | Sequence[str] | None = None,
    convention: Convention = "stata",
    vcov: Vcov | str | dict[str, str] = "CV1",
) -> Estimate:
    """Two-way fixed effects with standard errors clustered by ``clusters``.

    ``clusters`` is ``entity`` by default. ``vcov`` is another covariance: "CV2", "CV3",
    "two-way", "driscoll-kraay", "common-shocks", or :class:`TwoWay`,
    :class:`DriscollKraay`, :class:`CommonShocks`, :class:`Network` with their options;
    there is then no constant, and R2 is net of both effects. ``convention`` is of "CV1"
    alone, ``clusters`` of clusters ("CV1" to "CV3", "two-way").

    ``time`` may be any label nested in nothing, such as group and year together for
    effects by group. Rows with a missing value are left out, and ``left_out`` says how
    many. Units do not matter: t and p are those of any multiple of a column.

    Where nothing but rounding is left of a standard error (two clusters beside effects
    of years; regressors that explain the outcome without any error) it is NaN, without
    stars, and ``note`` says why.

    Parameters
    ----------
    data : DataFrame
        A row for each unit and period.
    outcome : str
        Column of the outcome.
    regressors : sequence of str
        Columns of the regressors.
    entity, time : str
        Columns of units and periods, each with an effect; ``time=""`` has none.
    effects : sequence of str
        Further columns with an effect of each value, with "CV1" alone. There is no
        constant with these, or without ``time``.
    clusters : str or two of them, optional
        Column of clusters, by default ``entity``; a list of two for two-way clusters.
    convention : str
        Whose correction for degrees of freedom: "stata", "fixest", "lsdv",
        "plm" or "linearmodels".
    vcov : str or covariance
        "CV1" or another covariance, see above; also as in pyfixest,
        ``{"CRV1": "firm+year"}``.

    Returns
    -------
    Estimate
        ``terms`` has estimate, se, t, p_value and interval of each regressor.

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
    vcov, clusters = clustering(vcov, clusters, entity)
    if convention != "stata":
        if vcov != CV1():
            raise TivaxError(
                f"convention {convention} is one of vcov CV1, not of "
                f"{type(vcov).__name__}; leave one of the two out"
            )
        vcov = CV1(convention)
    names = {"entity": entity, "time": time, "effects": effects}
    model = Model("", outcome, regressors, regressors, **names)
    if effects and type(vcov) is not CV1:
        raise TivaxError(
            f"effects: vcov {type(vcov).__name__} takes entity and time alone"
        )
    given = two_way_design(data, model, clusters=clusters, second=vcov.second)
    fit = LinearFit.of(given, clusters)
    if vcov != CV1() or effects or not time:
        return fit.vcov(vcov)
    return feols(fit, clustered_in_words(fit, "stata"))


def linear_fit(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = ENTITY,
    time: str = TIME,
) -> LinearFit:
    """The slopes of ``fixed_effects``, by any covariance: ``fit.vcov(CV1())``.

    For the hundreds of fits of a robustness check: a library takes several times as
    long for each.
    """
    model = Model("", outcome, regressors, regressors, entity=entity, time=time)
    return LinearFit.of(two_way_design(data, model), entity)
