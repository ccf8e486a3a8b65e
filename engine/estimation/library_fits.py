"""Fits by pyfixest and linearmodels, reported as ``Estimate``."""

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from ..core import root_logger_kept
from .estimates import Estimate, make_estimate
from .model_data import ModelData


def feols(
    given: ModelData,
    *,
    convention: str,
    words: str,
    clusters: str,
    absorb: bool = True,
    **correction: Any,
) -> Estimate:
    """Fit by pyfixest's feols, with this ``correction`` for small samples.

    It can ``absorb`` the effects of ``given``; else their dummies are regressors.
    """
    outcome, used = given.outcome, given.used
    effects = given.effects if absorb else []
    regressors = [*given.regressors, *([] if effects else given.dummies)]
    # Names that a formula can hold, whatever the columns are called.
    keys = {name: f"k{k}" for k, name in enumerate(dict.fromkeys([*effects, clusters]))}
    names = {name: f"v{k}" for k, name in enumerate([outcome, *regressors])}
    safe = pd.DataFrame(
        {new: given.columns[name].to_numpy() for name, new in names.items()}
        | {new: pd.factorize(used[name])[0] for name, new in keys.items()}
    )
    formula = f"v0 ~ {' + '.join(names[k] for k in regressors)}"
    if effects:
        # Without the blanks pyfixest 0.60 takes the second effect for nested too.
        formula += f" | {' + '.join(keys[k] for k in effects)}"
    # Roots of variances below 0 and corrections without degrees of freedom: NaN later.
    with root_logger_kept(), np.errstate(invalid="ignore", divide="ignore"):
        # The package has a module of the same name, which type checkers see instead.
        pyfixest: Any = import_module("pyfixest")
        fit = pyfixest.feols(
            formula,
            safe,
            vcov={"CRV1": keys[clusters]},
            # An entity with one row says nothing, but it is a row, as in Stata.
            fixef_rm="none",
            ssc=pyfixest.ssc(**correction),
            collin_tol=1e-300,  # collinear columns are refused before
            demeaner=pyfixest.MapDemeaner(fixef_tol=_DEMEANED),
        )
        coef = fit.coef()  # takes those roots
    coef = coef.rename({"Intercept": "const", **{v: k for k, v in names.items()}})
    # Private attributes: pyfixest 0.60 has no public names for these.
    V = pd.DataFrame(np.asarray(fit._vcov), coef.index, coef.index)
    r2 = fit._r2_within if effects else fit._r2
    if not effects:
        coef, V = at_zero(given, coef, V, outcome)
    lost, gone = given.lost(given.clusters(clusters))
    count = used[clusters].nunique()
    return make_estimate(
        outcome,
        coef,
        V,
        n=len(used),
        clusters=count,
        r2=float(r2),
        convention=convention,
        residuals=pd.Series(np.asarray(fit.resid()), used.index),
        report=[*given.regressors, *([] if effects else ["const"])],
        power=given.power,
        left_out=given.left_out,
        lost=gone,
        reason=lost.reason(outcome, count),
        effects=given.effects,
        note="" if gone else given.alone(clusters),
        words=words,
        clustered=clusters,
    )


# What an iteration of demeaning may still change, of columns near 1. The library's own
# 1e-6 leaves an error of 1e-7 in t, which depends on units.
_DEMEANED = 1e-12


def at_zero(
    given: ModelData, coef: pd.Series, V: pd.DataFrame, outcome: str
) -> tuple[pd.Series, pd.DataFrame]:
    """The constant of columns of mean 0 as that of the columns themselves."""
    names = coef.index
    change = np.eye(len(names))
    const = names == "const"
    change[const] -= given.mean.reindex(names).fillna(0).to_numpy()
    moved = change @ coef.to_numpy() + const * given.mean[outcome]
    return (
        pd.Series(moved, names),
        pd.DataFrame(change @ V.to_numpy() @ change.T, names, names),
    )


def panel_ols(
    given: ModelData,
    clusters: str,
    *,
    convention: str,
    words: str,
) -> Estimate:
    """Fit by linearmodels' PanelOLS."""
    from linearmodels.panel import PanelOLS

    # Entities and periods as numbers: linearmodels wants ordered times.
    used, keys = given.used, given.effects
    index = [pd.factorize(used[k], sort=True)[0] for k in keys]
    frame = given.columns.set_axis(pd.MultiIndex.from_arrays(index, names=keys))
    (groups,) = given.clusters(clusters)
    labels = pd.DataFrame({"cluster": groups}, frame.index)
    model = PanelOLS(
        frame[given.outcome],
        frame[list(given.regressors)],
        entity_effects=True,
        time_effects=True,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        fit: Any = model.fit(cov_type="clustered", clusters=labels)
    lost, gone = given.lost([groups])
    return make_estimate(
        given.outcome,
        fit.params,
        fit.cov,
        n=int(fit.nobs),
        clusters=used[clusters].nunique(),
        r2=float(fit.rsquared),
        convention=convention,
        residuals=pd.Series(np.ravel(fit.resids.to_numpy()), used.index),
        report=given.regressors,
        power=given.power,
        left_out=given.left_out,
        lost=gone,
        reason=lost.reason(given.outcome, used[clusters].nunique()),
        effects=given.effects,
        note="" if gone else given.alone(clusters),
        words=words,
        clustered=clusters,
    )
