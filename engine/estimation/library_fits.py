"""Fits by pyfixest and linearmodels, clustered as Stata's, as a ``Covariance``."""

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core import root_logger_kept
from .linear_fits import Covariance, LinearFit


def feols(fit: LinearFit, words: str) -> Covariance:
    """Least squares by pyfixest's feols, with dummies of the periods as regressors."""
    frame, mean = _columns(fit)
    # Names that a formula can hold, whatever the columns are called.
    outcome, *regressors = frame
    names = {name: f"v{k}" for k, name in enumerate(frame)}
    safe = {new: frame[name].to_numpy() for name, new in names.items()}
    # Roots of variances below 0 and corrections without degrees of freedom: NaN later.
    with root_logger_kept(), np.errstate(invalid="ignore", divide="ignore"):
        # The package has a module of the same name, which type checkers see instead.
        pyfixest: Any = import_module("pyfixest")
        found = pyfixest.feols(
            f"v0 ~ {' + '.join(names[k] for k in regressors)}",
            pd.DataFrame({**safe, "cluster": fit.cluster}),
            vcov={"CRV1": "cluster"},
            collin_tol=1e-300,  # collinear columns are refused before
        )
        coef = found.coef()  # takes those roots
    coef = coef.rename({"Intercept": "const", **{v: k for k, v in names.items()}})
    # Private attributes: pyfixest 0.60 has no public names for these.
    V, r2 = np.asarray(found._vcov), float(found._r2)
    u = np.asarray(found.resid())
    return _reported(fit, mean, coef, V, u, r2, "stata", words)


def iv2sls(fit: LinearFit) -> Covariance:
    """Two stages, or least squares of the first, by linearmodels' IV2SLS."""
    from linearmodels.iv import IV2SLS

    model = fit.model
    outcome, instruments, endogenous = (
        model.outcome,
        model.instruments,
        model.endogenous,
    )
    exogenous = [k for k in fit.names if k not in endogenous]
    frame, mean = _columns(fit)
    dummies = frame.columns[len([outcome, *fit.names, *instruments]) :]
    frame = frame.assign(const=1.0)
    clusters, y = pd.Series(fit.cluster, frame.index), frame[outcome].to_numpy()
    found = IV2SLS(
        frame[outcome],
        frame[["const", *dummies, *exogenous]],
        frame[list(endogenous)] if endogenous else None,
        frame[list(instruments)] if endogenous else None,
    ).fit(cov_type="clustered", clusters=clusters, debiased=True)
    u, V = np.ravel(found.resids.to_numpy()), found.cov.to_numpy()
    words = f"clustered by {model.clusters}, Stata xtivreg2 with fe and small, t(G-1)"
    r2 = float(1 - (u @ u) / (y @ y))
    return _reported(fit, mean, found.params, V, u, r2, "stata, small", words)


def time_dummies(data: pd.DataFrame, entity: str, time: str) -> pd.DataFrame:
    """Dummies of each period but the first one that an entity is observed in.

    Where periods are labels of group and year, every group loses its own first
    period, since the entity effects span the groups.
    """
    code, names = pd.factorize(data[time], sort=True)
    T, owner = len(names), pd.factorize(data[entity])[0]
    size = T + int(owner.max()) + 1
    links = coo_array((np.ones(len(code)), (code, T + owner)), (size, size))
    # Of periods that entities connect, the first; the others have dummies.
    connected = connected_components(links, directed=False)[1][:T]
    kept = np.setdiff1d(np.arange(T), np.unique(connected, return_index=True)[1])
    dummies = np.equal.outer(kept, code).astype(float).T
    return pd.DataFrame(dummies, data.index, [f"_{names[int(k)]}" for k in kept])


def _columns(fit: LinearFit) -> tuple[pd.DataFrame, pd.Series]:
    """Columns of the equation net of entities, dummies of periods but the first last,
    and their means before: the constant that Stata prints depends on the base."""
    model = fit.model
    names = [model.outcome, *fit.names, *model.instruments]
    places = fit.places(names)
    D = time_dummies(fit.used, *model.all_effects).add_prefix(f"{model.time} = ")
    levels = pd.concat([fit.used[names].div(fit.size[places], axis=1), D], axis=1)
    net = [fit.rows[:, places], fit.effects.within(D.to_numpy())]
    return pd.DataFrame(np.hstack(net), columns=levels.columns), levels.mean()


def _reported(
    fit: LinearFit,
    mean: pd.Series,
    coef: pd.Series,
    V: np.ndarray,
    residuals: np.ndarray,
    r2: float,
    convention: str,
    words: str,
) -> Covariance:
    """Slopes and the constant, of columns of mean 0, as that of the columns."""
    names = coef.index
    change, const = np.eye(len(names)), names == "const"
    change[const] -= mean.reindex(names).fillna(0).to_numpy()
    moved = change @ coef.to_numpy() + const * mean[fit.model.outcome]
    place = names.get_indexer(pd.Index([*fit.names, "const"]))
    V = (change @ V @ change.T)[np.ix_(place, place)]
    about = {"coef": moved[place], "u": residuals, "r2": r2, "words": words}
    return Covariance(V, convention, **about, **fit.clustered())
