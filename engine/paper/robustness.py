"""Does the result survive other estimators, other indices and other errors?

The paper names two checks without figures: two-stage least squares with the index
lagged a year, and an index rebuilt from domestic value added in exports. Both are
here in full, beside a gross-trade index, the sample with every code repaired, and
other standard errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr
from scipy import stats

from ..core import Progress, TivaxError, no_progress
from ..estimation import (
    CONVENTION_NOTES,
    CONVENTIONS,
    SAMPLES,
    Convention,
    Estimate,
    IVEstimate,
    dependence,
    driscoll_kraay,
    fixed_effects,
    lagged,
    sample,
    two_stage,
    two_way_clusters,
    within,
)
from ..measures import trade as measures
from ..panel import (
    CONTROLS,
    EXPORTS,
    IMPORTS,
    OUTCOMES,
    DataFiles,
    Panel,
    build_panel,
    files_below,
    gross_balance_index,
)
from ..sources import TableFile, get_source
from ..tables import WorldTables, open_store, stack_years
from .columns import Column, estimate_columns

LAG = "L.TBI"  # as Stata writes it


def too_few_countries(
    data: pd.DataFrame, group: str, regressors: Sequence[str]
) -> str | None:
    """What is wrong with a sample that has no more countries than regressors.

    Scores of G clusters sum to zero: with G <= k the clustered covariance loses rank,
    and a standard error may be rounding noise with three stars.
    """
    used = sample(data, group).dropna(subset=[*regressors])
    count = used["iso3"].nunique()
    if count > len(regressors):
        return None
    return (
        f"sample {group}: {count} countries for {len(regressors)} regressors; errors "
        "clustered by country need more countries than regressors"
    )


def _require_countries(data: pd.DataFrame, regressors: Sequence[str]) -> None:
    for group in SAMPLES:
        if few := too_few_countries(data, group, regressors):
            raise TivaxError(few)


# ------------------------------------------------------- the index lagged one year


@dataclass(frozen=True, eq=False)
class Lagged:
    """One outcome and sample: 2SLS, and least squares on the same rows."""

    outcome: str
    sample: str
    iv: IVEstimate
    ols: Estimate


def lagged_instrument(frame: pd.DataFrame) -> list[Lagged]:
    """TBI instrumented by its value a year earlier, all controls.

    Every outcome in every sample; the first year of each country is lost.
    """
    data = frame.assign(**{LAG: lagged(frame, "TBI")})
    years = sorted(set(frame["year"]))
    if data.dropna(subset=[LAG, "TBI"])["year"].nunique() < 2:
        raise TivaxError(
            f"2SLS with TBI lagged one year: the years {years[0]} to {years[-1]} leave "
            "fewer than two with a lag; widen [recipe] years in data.toml"
        )
    results = []
    for group in SAMPLES:
        rows = sample(data, group).dropna(subset=[LAG])
        for outcome in OUTCOMES:
            results.append(
                Lagged(
                    outcome,
                    group,
                    two_stage(rows, outcome, "TBI", [LAG], CONTROLS),
                    fixed_effects(rows, outcome, ["TBI", *CONTROLS]),
                )
            )
    return results


# ------------------------------------------------------------- other indices


@dataclass(frozen=True, eq=False)
class Variants:
    """The index rebuilt from world tables, and what it does in the regressions.

    Attributes
    ----------
    tables
        Which tables, in words.
    indices
        iso3, year and the indices, as columns.
    rows
        outcome, sample, index, coef, se, p, stars, effect (of one standard deviation
        within countries), n, clusters.
    correlations
        Between the indices, within countries and years.
    residual_max
        The worst relative residual of the Leontief solves.
    """

    tables: str
    indices: pd.DataFrame
    rows: pd.DataFrame
    correlations: pd.DataFrame
    residual_max: float


INDICES: Mapping[str, str] = {
    "TBI": "value added absorbed (the paper's)",
    "DVA": "domestic value added in exports, V_s L_ss e_s",
    "DVA abroad": "the same, absorbed abroad",
    "gross": "gross exports",
}


def read_tables(
    files: DataFiles, years: tuple[int, int], *, progress: Progress = no_progress
) -> WorldTables | None:
    """The world tables of these years: of the store, else WIOD 2013; None without."""
    if files.store is not None:
        return open_store(files.store, years=years, lazy=True)
    found = _tables_of(files, years)
    if not found:
        return None
    source, tables = get_source("wiod2013"), []
    progress(0, len(found))
    for file in found:
        tables.append(next(iter(source.read(file))))
        progress(len(tables), len(found))
    return replace(stack_years(tables), source=source.title)


def _tables_of(files: DataFiles, years: tuple[int, int]) -> list[TableFile]:
    if files.tables is None:
        return []
    first, last = years
    return [
        file
        for file in get_source("wiod2013").find([files.tables])
        if file.year is not None and first <= file.year <= last
    ]


def table_files(files: DataFiles) -> list[Path]:
    """The files of world tables that ``read_tables`` reads for the panel's years."""
    if files.store is not None:
        return []
    return list(dict.fromkeys(file.path for file in _tables_of(files, files.years)))


def index_variants(
    frame: pd.DataFrame, tables: WorldTables, *, progress: Progress = no_progress
) -> Variants:
    """Tables 3 to 6 with controls, with each index of ``INDICES`` in place of TBI.

    All on the countries and years that the panel and the tables share, so that the
    columns differ by the index alone.
    """
    exported = measures.exported_value_added(tables, progress=progress)
    tbi = measures.trade_benefit_index(tables)
    indices = _index_frame(tbi, exported)
    data = frame.drop(columns="TBI").merge(indices, on=["iso3", "year"])
    data = data.dropna(subset=[*INDICES, *CONTROLS])
    regions, years = data["iso3"].nunique(), sorted(set(data["year"]))
    span = f"{years[0]} to {years[-1]}" if years[1:] else str(years[0])
    return Variants(
        tables=f"{tables.source or 'tables given'}: {regions} countries, {span}",
        indices=data[["iso3", "year", *INDICES]],
        rows=compare_indices(data, list(INDICES)),
        correlations=_within_correlations(data, list(INDICES)),
        residual_max=max(float(exported["residual"].max()), tbi.attrs["residual_max"]),
    )


def _index_frame(tbi: xr.Dataset, exported: xr.Dataset) -> pd.DataFrame:
    data = xr.Dataset(
        {
            "TBI": tbi["tbi"],
            "DVA": exported["dva_index"],
            "DVA abroad": exported["absorbed_abroad_index"],
            "gross": exported["gross_index"],
        }
    )
    frame = data.to_dataframe().reset_index().rename(columns={"region": "iso3"})
    return frame[["iso3", "year", *INDICES]]


def compare_indices(data: pd.DataFrame, indices: Sequence[str]) -> pd.DataFrame:
    """The coefficient of each index alone with all controls: ``Variants.rows``."""
    _require_countries(data, [*indices[:1], *CONTROLS])
    rows = []
    for group in SAMPLES:
        part = sample(data, group)
        for outcome in OUTCOMES:
            for name in indices:
                fit = fixed_effects(part, outcome, [name, *CONTROLS])
                own = fit[name]
                spread = within(part[[name]], part["iso3"])[name].std()
                rows.append(
                    {
                        "outcome": outcome,
                        "sample": group,
                        "index": name,
                        "coef": own.coef,
                        "se": own.se,
                        "p": own.p,
                        "stars": own.stars,
                        "effect": own.coef * spread,
                        "n": fit.n,
                        "clusters": fit.clusters,
                    }
                )
    return pd.DataFrame(rows)


def _within_correlations(data: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    demeaned = within(data[list(names)], data["iso3"])
    return within(demeaned, data["year"]).corr()


@dataclass(frozen=True, eq=False)
class Gross:
    """TBI beside the gross balance index GBI.

    Attributes
    ----------
    rows
        As ``Variants.rows``; index ``TBI | GBI`` is TBI with GBI beside it, and the
        reverse.
    correlation
        Of the two within countries and years.
    """

    rows: pd.DataFrame
    correlation: float


def gross_trade(frame: pd.DataFrame, files: DataFiles) -> Gross | None:
    """TBI, GBI and both together; None without the series.

    Exports and imports of goods and services from the World Bank.
    """
    paths = trade_files(files)
    if not paths:
        return None
    gross = gross_balance_index(paths).reset_index()
    data = frame.merge(gross, on=["iso3", "year"]).dropna(subset=["GBI"])
    both = ["TBI", "GBI"]
    _require_countries(data, [*both, *CONTROLS])
    alone = compare_indices(data, both)
    correlations = _within_correlations(data.dropna(subset=both), both)
    rows = []
    for group in SAMPLES:
        part = sample(data, group)
        for outcome in OUTCOMES:
            fit = fixed_effects(part, outcome, [*both, *CONTROLS])
            for name, other in (("TBI", "GBI"), ("GBI", "TBI")):
                own = fit[name]
                rows.append(
                    {
                        "outcome": outcome,
                        "sample": group,
                        "index": f"{name} | {other}",
                        "coef": own.coef,
                        "se": own.se,
                        "p": own.p,
                        "stars": own.stars,
                        "n": fit.n,
                        "clusters": fit.clusters,
                    }
                )
    return Gross(
        rows=pd.concat([alone, pd.DataFrame(rows)], ignore_index=True),
        correlation=float(correlations["TBI"].to_dict()["GBI"]),
    )


def trade_files(files: DataFiles) -> list[Path]:
    """Exports and imports: the files named, or fetched, or the one of inflation."""
    if named := files.alternatives.get("trade"):
        return [edition.path for edition in named]
    below = sorted(files_below(files.folder))
    fetched = [
        next((path for path in below if path.name.startswith(f"API_{series}")), None)
        for series in (EXPORTS, IMPORTS)
    ]
    if all(fetched):
        return [path for path in fetched if path is not None]
    if files.inflation_source != "wdi":
        return []
    with files.inflation.path.open("rb") as stream:
        start = stream.read(4096)
    return [files.inflation.path] if b"Exports_USD_current" in start else []


# ------------------------------------------------------------------ other samples


def fixed_codes(files: DataFiles, paper: Panel) -> tuple[Panel, dict[Column, Estimate]]:
    """The panel with every country code repaired, and the 17 columns on it."""
    panel = (
        paper if files.codes == "fixed" else build_panel(replace(files, codes="fixed"))
    )
    return panel, estimate_columns(panel.frame)


# ------------------------------------------------------------ other standard errors

ERRORS: tuple[str, ...] = (
    *CONVENTIONS,
    "two-way clusters",
    "Driscoll-Kraay",
)


def other_errors(
    frame: pd.DataFrame, default: Mapping[Column, Estimate]
) -> pd.DataFrame:
    """Standard error and p-value of TBI in each column, by ``ERRORS``.

    Columns table, column, outcome, sample, errors, coef, se, p, convention.
    """
    rows = []
    notes: dict[str, str] = {str(k): v for k, v in CONVENTION_NOTES.items()}
    for column, own in default.items():
        data = sample(frame, column.sample)
        fits: dict[str, Estimate] = {"stata": own}
        for name in CONVENTIONS[1:]:
            fits[name] = _fit(data, column, name)
        arguments = (data, column.outcome, column.regressors)
        fits["two-way clusters"] = two_way_clusters(*arguments)
        fits["Driscoll-Kraay"] = driscoll_kraay(*arguments)
        for name, fit in fits.items():
            term = fit["TBI"]
            rows.append(
                {
                    "table": column.table,
                    "column": column.column,
                    "outcome": column.outcome,
                    "sample": column.sample,
                    "errors": name,
                    "coef": term.coef,
                    "se": term.se,
                    "p": term.p,
                    "convention": notes.get(fit.convention, fit.convention),
                }
            )
    return pd.DataFrame(rows)


def _fit(data: pd.DataFrame, column: Column, convention: Convention) -> Estimate:
    return fixed_effects(data, column.outcome, column.regressors, convention=convention)


def cross_section_dependence(
    frame: pd.DataFrame, default: Mapping[Column, Estimate]
) -> pd.DataFrame:
    """Dependence between countries in the residuals of each column.

    Columns table, column, outcome, sample; cd, centre, cd_star, p (of CD*, simulated),
    mc_error, p_normal (of CD against N(0, 1), which year effects make wrong),
    mean_correlation; mean_absolute and first_component, each with ``_null`` (its mean
    under independence), ``_p`` and ``_mc_error``; autocorrelation, draws, and
    ``unbalanced``, the countries that lack a year. See ``engine.dependence``.
    """
    rows = []
    for column, fit in default.items():
        keys = frame.loc[fit.residuals.index]
        years = keys.groupby("iso3")["year"].nunique()
        found = dependence.cross_section_dependence(
            frame, fit.residuals, column.regressors
        )
        rows.append(
            {
                "table": column.table,
                "column": column.column,
                "outcome": column.outcome,
                "sample": column.sample,
                "cd": found.cd,
                "centre": found.centre,
                "cd_star": found.corrected.value,
                "p": found.corrected.p,
                "mc_error": found.corrected.mc_error,
                "p_normal": float(2 * stats.norm.sf(abs(found.cd))),
                "mean_correlation": found.mean_correlation,
                **_measure("mean_absolute", found.absolute),
                **_measure("first_component", found.component),
                "autocorrelation": found.autocorrelation,
                "draws": found.draws,
                "unbalanced": int((years < keys["year"].nunique()).sum()),
            }
        )
    return pd.DataFrame(rows)


def _measure(name: str, found: dependence.Statistic) -> dict[str, float]:
    return {
        name: found.value,
        f"{name}_null": found.null,
        f"{name}_p": found.p,
        f"{name}_mc_error": found.mc_error,
    }
