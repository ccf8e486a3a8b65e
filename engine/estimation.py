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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from tivax.engine import weak_instruments
from tivax.engine.errors import TivaxError
from tivax.engine.estimates import Estimate, estimate
from tivax.engine.weak_instruments import WeakInstruments

Convention = Literal["stata", "fixest", "lsdv", "plm", "linearmodels"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

# Share of a column of norm 1 that is left once others explain it. Rounding leaves
# 1e-15, of year dummies times levels of 1e4 about 1e-12.
COLLINEAR = 1e-9

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
    are left out.

    Raises
    ------
    TivaxError
        Where a column is absent, a regressor is collinear with the others and the
        effects, there are fewer than two clusters, or they cut through entities.
    """
    clusters = clusters or entity
    used = complete_rows(data, [outcome, *regressors], [entity, time, clusters])
    _require_nested(used, entity, clusters)
    frame, dummies = _design(used, [outcome, *regressors], entity, time)
    require_identified(outcome, frame, regressors, dummies)
    if convention == "linearmodels":
        return _by_linearmodels(used, outcome, regressors, entity, time, clusters)
    if convention != "stata":
        return _by_pyfixest(
            used, outcome, regressors, entity, time, clusters, convention
        )
    return _feols(
        frame.assign(**{clusters: used[clusters]}),
        outcome,
        [*regressors, *dummies],
        clusters=[clusters],
        report=[*regressors, "const"],
        convention="stata",
    )


def _design(
    used: pd.DataFrame, columns: Sequence[str], entity: str, time: str
) -> tuple[pd.DataFrame, list[str]]:
    """The columns and the period dummies within entities; the names of the dummies."""
    dummies = time_dummies(used, entity, time)
    frame = pd.concat([used[list(columns)], dummies], axis=1)
    return within(frame, used[entity]), [str(k) for k in dummies]


def require_identified(
    outcome: str, frame: pd.DataFrame, regressors: Sequence[str], dummies: Sequence[str]
) -> None:
    """Each regressor must have something left beside the dummies and those before it.

    ``frame`` is within entities, so a regressor constant in each has nothing left.
    """
    X = frame[[*dummies, *regressors]].to_numpy()
    X = X - X.mean(axis=0)
    size = np.linalg.norm(X, axis=0)
    # What demeaning leaves of a constant is rounding of its level.
    flat = size <= COLLINEAR * np.linalg.norm(frame[[*dummies, *regressors]], axis=0)
    bad = flat | (left_by_those_before(X / np.where(flat, 1, size)) < COLLINEAR)
    names = [name for name, k in zip(regressors, bad[len(dummies) :], strict=True) if k]
    if names:
        raise TivaxError(
            f"{outcome}: {', '.join(names)} is collinear with the other regressors "
            "and the effects; leave it out"
        )


def left_by_those_before(X: np.ndarray) -> np.ndarray:
    """The norm of each column without its projection on the columns before it.

    Gram-Schmidt, twice: LAPACK's threads take a hundred times as long for so little.
    """
    basis = np.zeros_like(X)
    left = np.zeros(X.shape[1])
    for j, column in enumerate(X.T):
        for _ in range(2):
            column = column - basis @ (basis.T @ column)
        left[j] = np.linalg.norm(column)
        if left[j] >= COLLINEAR:
            basis[:, j] = column / left[j]
    return left


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


def _by_pyfixest(
    used: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    entity: str,
    time: str,
    clusters: str,
    convention: Convention,
) -> Estimate:
    from pyfixest.utils.utils import ssc

    correction = {
        "fixest": ssc(),
        "lsdv": ssc(k_fixef="full"),
        "plm": ssc(k_adj=False, G_adj=False),
    }[convention]
    return _feols(
        used,
        outcome,
        list(regressors),
        clusters=[clusters],
        effects=[entity, time],
        ssc=correction,
        report=list(regressors),
        convention=convention,
    )


def _feols(
    frame: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    report: Sequence[str],
    convention: str,
    clusters: Sequence[str] = (),
    iid: Literal["iid", "hetero"] = "iid",
    effects: Sequence[str] = (),
    ssc: Any = None,
    degrees: int | None = None,
) -> Estimate:
    """One call of pyfixest's feols, and what we report of it."""
    import pyfixest

    # The package has a module of the same name, which type checkers see instead.
    feols: Any = pyfixest.feols
    # Names that a formula can hold, whatever the columns are called.
    clusters = list(clusters)
    keys = dict.fromkeys([*effects, *clusters])
    names = {name: f"v{k}" for k, name in enumerate([outcome, *regressors])}
    safe = pd.DataFrame(
        {new: frame[name].to_numpy() for name, new in names.items()}
        | {f"k{k}": pd.factorize(frame[name])[0] for k, name in enumerate(keys)}
    )
    code = {name: f"k{k}" for k, name in enumerate(keys)}
    formula = f"v0 ~ {' + '.join(names[k] for k in regressors)}"
    if effects:
        # Without the blanks pyfixest 0.60 takes the second effect for nested too.
        formula += f" | {' + '.join(code[k] for k in effects)}"
    with np.errstate(invalid="ignore"):  # roots of variances below 0: see estimate
        fit = feols(
            formula,
            safe,
            vcov={"CRV1": " + ".join(code[k] for k in clusters)} if clusters else iid,
            # An entity with one row says nothing, but it is a row, as in Stata.
            fixef_rm="none",
            **({"ssc": ssc} if ssc is not None else {}),
        )
        coef = fit.coef()  # takes those roots
    coef = coef.rename({"Intercept": "const", **{v: k for k, v in names.items()}})
    V = pd.DataFrame(np.asarray(fit._vcov), coef.index, coef.index)
    count = min((frame[name].nunique() for name in clusters), default=0)
    return estimate(
        outcome,
        coef,
        V,
        n=int(fit._N),
        clusters=count,
        r2=float(fit._r2 if not effects else fit._r2_within),
        convention=convention,
        residuals=pd.Series(np.asarray(fit.resid()), frame.index),
        report=report,
        degrees=degrees,
    )


def _by_linearmodels(
    used: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    entity: str,
    time: str,
    clusters: str,
) -> Estimate:
    fit = _panel_ols(used, outcome, regressors, entity, time).fit(
        cov_type="clustered", clusters=_panel_index(used, entity, time)[[clusters]]
    )
    return _of_panel_ols(
        fit, used, outcome, regressors, used[clusters].nunique(), "linearmodels"
    )


def _panel_index(used: pd.DataFrame, entity: str, time: str) -> pd.DataFrame:
    """Entities and periods as numbers: linearmodels wants ordered times."""
    frame = used.copy()
    for name in dict.fromkeys([entity, time]):
        frame[f"_{name}"] = pd.factorize(used[name], sort=True)[0]
    frame = frame.set_index([f"_{entity}", f"_{time}"])
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = pd.factorize(frame[name], sort=True)[0]
    return frame


def _panel_ols(
    used: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    entity: str,
    time: str,
) -> Any:
    from linearmodels.panel import PanelOLS

    frame = _panel_index(used, entity, time)
    return PanelOLS(
        frame[outcome], frame[list(regressors)], entity_effects=True, time_effects=True
    )


def _of_panel_ols(
    fit: Any,
    used: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    clusters: int,
    convention: str,
    degrees: int | None = None,
) -> Estimate:
    return estimate(
        outcome,
        fit.params,
        fit.cov,
        n=int(fit.nobs),
        clusters=clusters,
        r2=float(fit.rsquared),
        convention=convention,
        residuals=pd.Series(np.ravel(fit.resids.to_numpy()), used.index),
        report=list(regressors),
        degrees=degrees,
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
    used = complete_rows(data, [outcome, *regressors], [entity, time])
    frame, dummies = _design(used, [outcome, *regressors], entity, time)
    require_identified(outcome, frame, regressors, dummies)
    T = used[time].nunique()
    lags = int(4 * (T / 100) ** (2 / 9)) if lags is None else lags
    fit = _panel_ols(used, outcome, regressors, entity, time).fit(
        cov_type="kernel", kernel="bartlett", bandwidth=lags
    )
    return _of_panel_ols(
        fit,
        used,
        outcome,
        regressors,
        used[entity].nunique(),
        f"Driscoll-Kraay, {lags} lags, linearmodels, t(T-1)",
        degrees=T - 1,
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
    used = complete_rows(data, [outcome, *regressors], [entity, time])
    frame, dummies = _design(used, [outcome, *regressors], entity, time)
    require_identified(outcome, frame, regressors, dummies)
    return _feols(
        used,
        outcome,
        list(regressors),
        clusters=[entity, time],
        effects=[entity, time],
        report=list(regressors),
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
    from pyfixest.utils.utils import ssc

    used = complete_rows(data, [outcome, *regressors], list(clusters))
    convention = "HC1" if robust else "iid"
    if clusters:
        convention = f"clustered by {' and '.join(clusters)}, {correction}"
    return _feols(
        used,
        outcome,
        list(regressors),
        clusters=clusters,
        iid="hetero" if robust else "iid",
        ssc=ssc(G_df=correction),
        report=[*regressors, "const"],
        convention=convention,
        degrees=None if clusters else len(used) - len(regressors) - 1,
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
    out.
    """
    used = complete_rows(
        data, [outcome, endogenous, *instruments, *controls], [entity, time]
    )
    columns = [outcome, endogenous, *instruments, *controls]
    frame, dummies = _design(used, columns, entity, time)
    require_identified(outcome, frame, [*controls, *instruments], dummies)
    require_identified(outcome, frame, [*controls, endogenous], dummies)
    frame["const"] = 1.0
    exogenous = [*controls, *dummies, "const"]
    first = _iv2sls(
        frame, used[entity], endogenous, [*instruments, *exogenous], None, []
    )
    second = _iv2sls(
        frame, used[entity], outcome, exogenous, endogenous, list(instruments)
    )
    data_ = weak_instruments.IVData(
        y=frame[outcome].to_numpy(),
        X=frame[[endogenous]].to_numpy(),
        W=frame[exogenous].to_numpy(),
        Z=frame[list(instruments)].to_numpy(),
        clusters=pd.factorize(used[entity])[0],
    )
    return IVEstimate(
        second=second,
        first=first,
        weak=weak_instruments.weak_instrument_tests(data_),
        ar_set=weak_instruments.anderson_rubin_set(data_),
    )


def _iv2sls(
    frame: pd.DataFrame,
    entity: pd.Series,
    outcome: str,
    exogenous: Sequence[str],
    endogenous: str | None,
    instruments: Sequence[str],
) -> Estimate:
    from linearmodels.iv import IV2SLS

    codes = pd.Series(pd.factorize(entity)[0], frame.index)
    model = IV2SLS(
        frame[outcome],
        frame[list(exogenous)],
        frame[[endogenous]] if endogenous else None,
        frame[list(instruments)] if endogenous else None,
    )
    fit = model.fit(cov_type="clustered", clusters=codes, debiased=True)
    named = [k for k in fit.params.index if not str(k).startswith("_")]
    order = [*([endogenous] if endogenous else []), *named]
    centred = frame[outcome] - frame[outcome].mean()
    resids = pd.Series(np.ravel(fit.resids.to_numpy()), frame.index)
    return estimate(
        outcome,
        fit.params,
        fit.cov,
        n=int(fit.nobs),
        clusters=int(codes.nunique()),
        r2=float(1 - (resids @ resids) / (centred @ centred)),
        convention="stata, small",
        residuals=resids,
        report=list(dict.fromkeys(order)),
    )


# --------------------------------------------------------------------- the rows used


def complete_rows(
    data: pd.DataFrame, columns: Sequence[str], keys: Sequence[str]
) -> pd.DataFrame:
    """The rows without a missing value in these columns."""
    wanted = list(dict.fromkeys([*columns, *keys]))
    for name in wanted:
        if name not in data.columns:
            raise TivaxError(
                f"no column {name} in the data; it has {', '.join(map(str, data))}"
            )
    if data.empty:
        raise TivaxError(f"{columns[0]}: no rows in this sample")
    used = data[wanted].dropna()
    for name in columns:
        if np.isinf(used[name].to_numpy(float)).any():
            raise TivaxError(f"column {name} holds an infinite value; mend the data")
    empty = [name for name in wanted if data[name].isna().all()]
    if empty:
        raise TivaxError(f"column {empty[0]} has no values")
    for key in keys:
        if used[key].nunique() < 2:
            raise TivaxError(
                f"{columns[0]}: fewer than two values of {key} are left; it takes two"
            )
    return used


def lagged(data: pd.DataFrame, column: str, *, years: int = 1) -> pd.Series:
    """The value of the same country ``years`` earlier; missing where there is none.

    By the year itself, not by the row before: a gap in the years gives no lag.

    Raises ``TivaxError`` where years are no numbers.
    """
    try:
        before = data["year"] - years
    except TypeError:
        raise TivaxError(
            f"column year holds {data['year'].iloc[0]!r}, not a number; a lag of "
            f"{column} needs years such as 2001"
        ) from None
    earlier: Mapping = data.set_index(["iso3", "year"])[column].to_dict()
    return pd.Series(
        [
            earlier.get((iso3, year), np.nan)
            for iso3, year in zip(data["iso3"], before, strict=True)
        ],
        data.index,
        dtype=float,
    )
