"""Two-way fixed effects by pyfixest, two-stage least squares by linearmodels.

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

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from ..core import TivaxError, show
from . import weak_instruments
from .estimates import Estimate, estimate
from .regression_data import (
    Lost,
    column_name,
    column_names,
    complete_rows,
    numbers,
    of_norm_one,
    orthonormal,
    powers,
    require_columns,
    require_identified,
    require_names,
    require_one_row,
    times_power,
    without_error,
)
from .weak_instruments import WeakInstruments

Convention = Literal["stata", "fixest", "lsdv", "plm", "linearmodels"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

CONVENTION_NOTES: dict[Convention, str] = {
    "stata": "clustered by country, Stata xtreg fe vce(cluster), t(G-1)",
    "fixest": "clustered by country, fixest and reghdfe, t(G-1)",
    "lsdv": "clustered by country, all effects counted (areg), t(G-1)",
    "plm": "clustered by country, no small-sample correction (plm), t(G-1)",
    "linearmodels": "clustered by country, linearmodels PanelOLS, t(G-1)",
}


@dataclass(frozen=True, eq=False)
class IVEstimate:
    """Two-stage least squares with one endogenous regressor.

    ``second`` and ``first`` are the two stages, ``weak`` the tests of the instruments,
    ``ar_set`` the 95 % Anderson-Rubin set of the endogenous coefficient as intervals.
    """

    second: Estimate
    first: Estimate
    weak: WeakInstruments
    ar_set: weak_instruments.ConfidenceSet


# -------------------------------------------------------------------------- the data


@dataclass(frozen=True, eq=False)
class _Data:
    """What an estimator is given, checked: rows without a missing value.

    Attributes
    ----------
    used
        The rows, in units of the data.
    columns
        Outcome, regressors, instruments and dummies of periods less their mean by
        entity, of mean 0; a column of ``used`` is 2^power times that, but for means.
    mean
        Grand means of the columns, in their units.
    dummies
        Names of the dummies.
    """

    outcome: str
    regressors: tuple[str, ...]
    used: pd.DataFrame
    columns: pd.DataFrame
    mean: pd.Series
    power: dict[str, int]
    dummies: list[str]

    def clusters(self, *names: str) -> list[np.ndarray]:
        return [pd.factorize(self.used[name])[0] for name in names]

    def lost(self, clusters: Sequence[np.ndarray]) -> tuple[Lost, list[str]]:
        """Which coefficients of least squares have no standard error; their names."""
        names = ["const", *self.dummies, *self.regressors]
        frame = (self.columns + self.mean).assign(const=1.0)
        X, y = frame[names].to_numpy(), self.columns[self.outcome].to_numpy()
        lost = without_error(X, y, clusters, dummies=1 + len(self.dummies))
        return lost, [k for k, gone in zip(names, lost.terms, strict=True) if gone]


def _checked(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "",
    time: str = "",
    keys: Sequence[str] = (),
    endogenous: Sequence[str] = (),
    instruments: Sequence[str] = (),
) -> _Data:
    """The gate of the estimators of this module: see ``regression_data``.

    Without ``entity`` there are no effects but a constant.
    """
    column_name("outcome", outcome)
    if effects := [k for k in (entity, time) if k]:
        column_name("entity", entity)
        column_name("time", time)
        if entity == time:
            raise TivaxError(f"entity and time are both {entity}; name two columns")
    controls = column_names("regressors", regressors)
    if not (*controls, *endogenous):
        raise TivaxError("regressors: name at least one")
    require_names(outcome, [*controls, *endogenous], instruments)
    every = [outcome, *controls, *endogenous, *instruments]
    used = complete_rows(data, every, list(dict.fromkeys([*effects, *keys])))
    if effects:
        require_one_row(data, entity, time)
    raw = used[every].to_numpy()
    power = powers(raw)
    frame = pd.DataFrame(times_power(raw, -power), used.index, every)
    level = pd.Series(np.linalg.norm(frame, axis=0), every)
    dummies: list[str] = []
    if effects:
        periods = time_dummies(used, entity, time).add_prefix(f"{time} = ")
        dummies = [str(k) for k in periods]
        frame = within(pd.concat([frame, periods], axis=1), used[entity])
    mean = frame.mean()
    columns = frame - mean
    # Again, since levels may be far larger than what is left of them.
    spread = powers(columns[every].to_numpy())
    for part in (columns, mean, level):
        part[every] = times_power(part[every].to_numpy(), -spread)
    ordered = [*dummies, *controls, *endogenous, *instruments, outcome]
    require_identified(
        of_norm_one(
            columns[ordered].to_numpy(), level.reindex(ordered).fillna(0).to_numpy()
        ),
        outcome,
        controls=controls,
        treatments=endogenous,
        instruments=instruments,
    )
    units = dict(zip(every, (power + spread).tolist(), strict=True))
    regressors = (*controls, *endogenous)
    return _Data(outcome, regressors, used, columns, mean, units, dummies)


# -------------------------------------------------------------------- fixed effects


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
    such as group and year together for effects by group. Rows with a missing value
    are left out. Units do not matter: t and p are those of any multiple of a column.

    Where nothing but rounding is left of a standard error (two clusters beside effects
    of years; regressors that explain the outcome without any error) it is NaN, without
    stars, and ``note`` says why.

    Raises
    ------
    TivaxError
        In one line, where a column is absent, holds no numbers or stands twice, an
        entity has two rows in a period, a regressor is collinear with the others and
        the effects, the effects explain the outcome, there are fewer than two clusters,
        or they cut through entities.
    """
    if convention not in CONVENTIONS:
        raise TivaxError(
            f"convention {show(convention)}: choose from {', '.join(CONVENTIONS)}"
        )
    clusters = column_name("clusters", entity if clusters is None else clusters)
    given = _checked(
        data, outcome, regressors, entity=entity, time=time, keys=[clusters]
    )
    _require_nested(given.used, entity, clusters)
    if convention == "linearmodels":
        return _panel_ols(
            given,
            entity,
            time,
            clusters,
            convention="linearmodels",
            cov_type="clustered",
        )
    if convention == "stata":
        return _feols(given, clusters=[clusters], constant=True, convention="stata")
    return _feols(
        given,
        clusters=[clusters],
        effects=[entity, time],
        ssc={
            "fixest": {},
            "lsdv": {"k_fixef": "full"},
            "plm": {"k_adj": False, "G_adj": False},
        }[convention],
        convention=convention,
    )


def _require_nested(used: pd.DataFrame, entity: str, clusters: str) -> None:
    """Absorbed effects are not counted because clusters hold whole entities."""
    cut = used.groupby(entity)[clusters].nunique() > 1
    if cut.any():
        raise TivaxError(
            f"{entity} {cut.index[cut][0]} is not nested in one cluster of {clusters}; "
            "cluster by something that holds whole entities, or use two_way_clusters"
        )


def within(frame: pd.DataFrame, entity: pd.Series) -> pd.DataFrame:
    """Columns less their mean by entity plus the grand mean, as Stata's xtreg, fe."""
    return frame - frame.groupby(entity).transform("mean") + frame.mean()


def time_dummies(data: pd.DataFrame, entity: str, time: str) -> pd.DataFrame:
    """Dummies of each period but the first one that an entity is observed in.

    Where periods are labels of group and year, every group loses its own first
    period, since the entity effects span the groups.
    """
    labels = data[time]
    codes, names = pd.factorize(labels, sort=True)
    dummies = pd.DataFrame(
        {f"_{name}": (codes == k).astype(float) for k, name in enumerate(names)},
        index=data.index,
    )
    bases = _bases(data, entity, time)
    return dummies[[f"_{name}" for name in names if name not in bases]]


def _bases(data: pd.DataFrame, entity: str, time: str) -> set[Any]:
    """The first period of each set of periods that entities connect."""
    group: dict[Any, Any] = {}

    def root(label: Any) -> Any:
        while group.setdefault(label, label) != label:
            label = group[label]
        return label

    for _, periods in data.groupby(entity)[time]:
        first, *others = sorted(set(periods))
        for other in others:
            low, high = sorted([root(first), root(other)])
            group[high] = low
        root(first)
    return {root(label) for label in set(data[time])}


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Without the handler and level that importing pyfixest gives to the root logger:
    they would print what other libraries log."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in [k for k in root.handlers if k not in handlers]:
            root.removeHandler(handler)


def _feols(
    given: _Data,
    *,
    convention: str,
    clusters: Sequence[str] = (),
    iid: Literal["iid", "hetero"] = "iid",
    effects: Sequence[str] = (),
    constant: bool = False,
    ssc: Mapping[str, Any] | None = None,
    degrees: int | None = None,
) -> Estimate:
    """One call of pyfixest's feols, and what we report of it.

    With ``effects`` it absorbs them; else the dummies of ``given`` are regressors.
    """
    outcome, used = given.outcome, given.used
    regressors = [*given.regressors, *([] if effects else given.dummies)]
    # Names that a formula can hold, whatever the columns are called.
    keys = {
        name: f"k{k}" for k, name in enumerate(dict.fromkeys([*effects, *clusters]))
    }
    names = {name: f"v{k}" for k, name in enumerate([outcome, *regressors])}
    safe = pd.DataFrame(
        {new: given.columns[name].to_numpy() for name, new in names.items()}
        | {new: pd.factorize(used[name])[0] for name, new in keys.items()}
    )
    formula = f"v0 ~ {' + '.join(names[k] for k in regressors)}"
    if effects:
        # Without the blanks pyfixest 0.60 takes the second effect for nested too.
        formula += f" | {' + '.join(keys[k] for k in effects)}"
    # Roots of variances below 0, corrections without degrees of freedom: see estimate.
    with _root_logger_kept(), np.errstate(invalid="ignore", divide="ignore"):
        # The package has a module of the same name, which type checkers see instead.
        pyfixest: Any = import_module("pyfixest")
        fit = pyfixest.feols(
            formula,
            safe,
            vcov={"CRV1": " + ".join(keys[k] for k in clusters)} if clusters else iid,
            # An entity with one row says nothing, but it is a row, as in Stata.
            fixef_rm="none",
            ssc=pyfixest.ssc(**(ssc or {})),
            collin_tol=1e-300,  # collinear columns are refused before
            demeaner=pyfixest.MapDemeaner(fixef_tol=_DEMEANED),
        )
        coef = fit.coef()  # takes those roots
    coef = coef.rename({"Intercept": "const", **{v: k for k, v in names.items()}})
    V = pd.DataFrame(np.asarray(fit._vcov), coef.index, coef.index)
    if not effects:
        coef, V = _at_zero(given, coef, V, outcome)
    groups = given.clusters(*clusters) or [np.arange(len(used))]
    lost, gone = given.lost(groups)
    count = min((used[name].nunique() for name in clusters), default=0)
    return estimate(
        outcome,
        coef,
        V,
        n=int(fit._N),
        clusters=count,
        r2=float(fit._r2 if not effects else fit._r2_within),
        convention=convention,
        residuals=pd.Series(np.asarray(fit.resid()), used.index),
        report=[*given.regressors, *(["const"] if constant else [])],
        degrees=degrees,
        power=given.power,
        lost=gone,
        reason=lost.reason(outcome, count),
    )


# What an iteration of demeaning may still change, of columns near 1. The library's own
# 1e-6 leaves an error of 1e-7 in t, which depends on units.
_DEMEANED = 1e-12


def _at_zero(
    given: _Data, coef: pd.Series, V: pd.DataFrame, outcome: str
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


def _panel_ols(
    given: _Data,
    entity: str,
    time: str,
    clusters: str,
    *,
    convention: str,
    degrees: int | None = None,
    **covariance: Any,
) -> Estimate:
    """One call of linearmodels' PanelOLS, and what we report of it."""
    from linearmodels.panel import PanelOLS

    # Entities and periods as numbers: linearmodels wants ordered times.
    used, keys = given.used, [entity, time]
    index = [pd.factorize(used[k], sort=True)[0] for k in keys]
    frame = given.columns.set_axis(pd.MultiIndex.from_arrays(index, names=keys))
    (groups,) = given.clusters(clusters)
    if covariance["cov_type"] == "clustered":
        covariance["clusters"] = pd.DataFrame({"cluster": groups}, frame.index)
    model = PanelOLS(
        frame[given.outcome],
        frame[list(given.regressors)],
        entity_effects=True,
        time_effects=True,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        fit: Any = model.fit(**covariance)
    lost, gone = given.lost([groups])
    return estimate(
        given.outcome,
        fit.params,
        fit.cov,
        n=int(fit.nobs),
        clusters=used[clusters if degrees is None else entity].nunique(),
        r2=float(fit.rsquared),
        convention=convention,
        residuals=pd.Series(np.ravel(fit.resids.to_numpy()), used.index),
        report=given.regressors,
        degrees=degrees,
        power=given.power,
        lost=gone,
        reason=lost.reason(given.outcome, used[clusters].nunique()),
    )


# ----------------------------------------------------- other covariances, same model


def driscoll_kraay(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    lags: int | None = None,
) -> Estimate:
    """Two-way fixed effects with Driscoll and Kraay's (1998) covariance.

    Robust to correlation between countries and, by a Bartlett kernel of ``lags`` (by
    default the integer part of 4 (T/100)^(2/9)), over time. It relies on many years:
    with 15 it is a rough guide. t has T - 1 degrees of freedom. linearmodels' factor is
    N / (N - K - G - T + 1), its kernel weights 1 - j / (lags + 1).
    """
    given = _checked(data, outcome, regressors, entity=entity, time=time)
    T = given.used[time].nunique()
    lags = int(4 * (T / 100) ** (2 / 9)) if lags is None else lags
    if not isinstance(lags, int | np.integer) or not 0 <= lags < T:
        raise TivaxError(f"lags {show(lags)}: give a whole number from 0 to {T - 1}")
    return _panel_ols(
        given,
        entity,
        time,
        time,  # scores are summed over the countries of a year
        convention=f"Driscoll-Kraay, {lags} lags, linearmodels, t(T-1)",
        degrees=T - 1,
        cov_type="kernel",
        kernel="bartlett",
        bandwidth=lags,
    )


def two_way_clusters(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
) -> Estimate:
    """Two-way fixed effects, clustered by country and by year (Cameron et al. 2011).

    pyfixest's correction: G/(G-1) of the smaller dimension for all three terms, slopes
    and one constant counted, since both effects are nested; t(min(G, T) - 1).
    """
    return _feols(
        _checked(data, outcome, regressors, entity=entity, time=time),
        clusters=[entity, time],
        effects=[entity, time],
        convention="clustered by country and by year, fixest, t(min(G, T) - 1)",
    )


def least_squares(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    clusters: Sequence[str] = (),
    robust: bool = False,
    correction: Literal["min", "conventional"] = "min",
) -> Estimate:
    """Ordinary least squares with a constant and no effects.

    Errors are clustered by one or two columns, else ``robust`` (HC1), else iid. With
    two clusters the factor G/(G-1) is that of the smaller for all three terms (``min``:
    fixest, reghdfe) or each term's own (``conventional``: Petersen 2009, Cameron,
    Gelbach and Miller 2011). t has G - 1 degrees of freedom, or N - k.
    """
    clusters = column_names("clusters", clusters)
    given = _checked(data, outcome, regressors, keys=clusters)
    convention = "HC1" if robust else "iid"
    if clusters:
        convention = f"clustered by {' and '.join(clusters)}, {correction}"
    return _feols(
        given,
        clusters=clusters,
        iid="hetero" if robust else "iid",
        ssc={"G_df": correction},
        constant=True,
        convention=convention,
        degrees=None if clusters else len(given.used) - len(regressors) - 1,
    )


def pesaran_cd(
    residuals: pd.Series, entity: pd.Series, time: pd.Series
) -> tuple[float, float, float]:
    """Pesaran's (2004) CD test: statistic, p-value, mean correlation.

    CD = sqrt(2 T / (G (G-1))) sum of the pairwise correlations of residuals between
    countries, N(0, 1) where there is none and no year effects were removed. Balanced
    panels only. With year effects take ``engine.dependence``, whose p-value is right.
    """
    table = residuals.groupby([time, entity]).first().unstack()
    if table.isna().to_numpy().any():
        raise TivaxError("Pesaran CD: not a balanced panel; take its balanced part")
    T, G = table.shape
    correlation = np.corrcoef(table.to_numpy(), rowvar=False)
    pairs = correlation[np.triu_indices(G, 1)]
    cd = float(np.sqrt(2 * T / (G * (G - 1))) * pairs.sum())
    return cd, float(2 * stats.norm.sf(abs(cd))), float(pairs.mean())


# ------------------------------------------------------- two-stage least squares


def two_stage(
    data: pd.DataFrame,
    outcome: str,
    endogenous: str,
    instruments: Sequence[str],
    controls: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
) -> IVEstimate:
    """2SLS with country and year effects, clustered by country.

    As Stata's ``xtivreg2, fe`` and ``ivreghdfe`` with ``small``: country effects are
    partialled out and, nested in the clusters, not counted; year dummies and one
    constant are. Rows with a missing value, such as the first year of a lag, are left
    out. Units do not matter, and there is no standard error (NaN) where nothing but
    rounding is left of it, as in :func:`fixed_effects`; the Anderson-Rubin set is then
    NaN too.

    Raises
    ------
    TivaxError
        As :func:`fixed_effects`; also for an instrument that the controls and effects
        explain, that stands among the regressors or is the endogenous one.
    """
    column_name("endogenous", endogenous)
    instruments = column_names("instruments", instruments)
    if not instruments:
        raise TivaxError("instruments: name at least one")
    given = _checked(
        data,
        outcome,
        controls,
        entity=entity,
        time=time,
        endogenous=[endogenous],
        instruments=instruments,
    )
    frame = given.columns.assign(const=1.0)
    exogenous = [*given.dummies, *controls]
    (groups,) = given.clusters(entity)

    def column(*names: str) -> np.ndarray:
        units = [given.power.get(k, 0) for k in names]
        return times_power(frame[list(names)].to_numpy(), units)

    data_ = weak_instruments.IVData(
        y=column(outcome)[:, 0],
        X=column(endogenous),
        W=column("const", *exogenous),
        Z=column(*instruments),
        clusters=groups,
    )
    try:
        ar_set = weak_instruments.anderson_rubin_set(data_)
    except weak_instruments.SingularScores:
        ar_set = weak_instruments.unknown_set()
    return IVEstimate(
        second=_iv2sls(given, groups, outcome, exogenous, endogenous, instruments),
        first=_iv2sls(given, groups, endogenous, [*exogenous, *instruments]),
        weak=weak_instruments.weak_instrument_tests(data_),
        ar_set=ar_set,
    )


def _iv2sls(
    given: _Data,
    groups: np.ndarray,
    outcome: str,
    exogenous: Sequence[str],
    endogenous: str | None = None,
    instruments: Sequence[str] = (),
) -> Estimate:
    """One call of linearmodels' IV2SLS, and what we report of it; dummies come first
    in ``exogenous``."""
    from linearmodels.iv import IV2SLS

    frame = given.columns.assign(const=1.0)
    exogenous = ["const", *exogenous]
    regressors = [*exogenous, *([endogenous] if endogenous else [])]
    fit = IV2SLS(
        frame[outcome],
        frame[exogenous],
        frame[[endogenous]] if endogenous else None,
        frame[list(instruments)] if endogenous else None,
    ).fit(cov_type="clustered", clusters=pd.Series(groups, frame.index), debiased=True)
    resids = np.ravel(fit.resids.to_numpy())
    level = (given.columns + given.mean).assign(const=1.0)
    y, X = frame[outcome].to_numpy(), level[regressors].to_numpy()
    fitted = None
    if endogenous:
        Z = orthonormal(of_norm_one(level[[*exogenous, *instruments]].to_numpy())).basis
        fitted = Z @ (Z.T @ X)
    lost = without_error(X, y, [groups], dummies=1 + len(given.dummies), fitted=fitted)
    gone = [k for k, none in zip(regressors, lost.terms, strict=True) if none]
    coef, V = _at_zero(given, fit.params, fit.cov, outcome)
    slopes = [k for k in exogenous if k not in ("const", *given.dummies)]
    return estimate(
        outcome,
        coef,
        V,
        n=int(fit.nobs),
        clusters=int(groups.max()) + 1,
        r2=float(1 - (resids @ resids) / (y @ y)),
        convention="stata, small",
        residuals=pd.Series(resids, frame.index),
        report=[*([endogenous] if endogenous else []), *slopes, "const"],
        power=given.power,
        lost=gone,
        reason=lost.reason(outcome, int(groups.max()) + 1),
    )


# ------------------------------------------------------------------------------ lags


def lagged(data: pd.DataFrame, column: str, *, years: int = 1) -> pd.Series:
    """The value of the same country ``years`` earlier; missing where there is none.

    By the year itself, not by the row before: a gap in the years gives no lag.

    Raises ``TivaxError`` where the column or the years are no numbers.
    """
    require_columns(data, ["iso3", "year", column])
    try:
        year = numbers(data, "year")
    except TivaxError:
        raise TivaxError(
            f"column year holds {data['year'].iloc[0]!r}, not a number; a lag of "
            f"{column} needs years such as 2001"
        ) from None
    rows = zip(data["iso3"], year, numbers(data, column), strict=True)
    earlier = {(iso3, when): value for iso3, when, value in rows}
    before = zip(data["iso3"], year - years, strict=True)
    return pd.Series([earlier.get(k, np.nan) for k in before], data.index, dtype=float)
