"""Other indices in place of TBI: domestic value added in exports, and gross trade.

The paper reports the index rebuilt from domestic value added without figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr

from ...core import Progress, no_progress, source_in_words
from ...estimation import CV1, SAMPLES, Estimate, linear_fit, sample, within
from ...measures import exported_value_added, trade_benefit_index
from ...panel import (
    CONTROLS,
    EXPORTS,
    IMPORTS,
    OUTCOMES,
    DataFiles,
    files_below,
    gross_balance_index,
)
from ...sources import TableFile, get_source
from ...tables import WorldTables, open_store, stack_years
from .columns import require_countries


@dataclass(frozen=True, eq=False)
class Variants:
    """The index rebuilt from world tables, and what it does in the regressions.

    Attributes
    ----------
    tables
        Tables of the index, in words.
    indices
        iso3, year and the indices, as columns.
    rows
        outcome, sample, index, estimate, se, p_value, stars, effect (of one standard
        deviation within countries), n, clusters.
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


VINTAGE = "TBI of WIOD 2013"
"""The index of the same measure from the release before, as a column."""


def vintage_index(
    files: DataFiles, tables: WorldTables | None, variants: Variants | None
) -> pd.DataFrame | None:
    """``VINTAGE`` by iso3 and year, where the panel's own index is of other tables:
    ``variants`` are of ``tables``, which are those of WIOD 2013 without a store."""
    if files.store is None:
        if variants is None:
            return None
        other = variants.indices[["iso3", "year", "TBI"]]
    else:
        if tables is None or tables.source.startswith("wiod2013"):
            return None
        before = read_tables(replace(files, store=None), files.years)
        if before is None:
            return None
        index = trade_benefit_index(before)["tbi"].to_series().rename("TBI")
        other = index.reset_index().rename(columns={"region": "iso3"})
    return other.rename(columns={"TBI": VINTAGE})


def with_vintage(frame: pd.DataFrame, vintage: pd.DataFrame | None) -> pd.DataFrame:
    """The panel with ``VINTAGE``."""
    if vintage is None:
        return frame
    return frame.merge(vintage, on=["iso3", "year"], how="left")


def table_files(files: DataFiles) -> list[Path]:
    """The files of WIOD 2013 in the data folder for the panel's years."""
    return list(dict.fromkeys(file.path for file in _tables_of(files, files.years)))


def index_variants(
    frame: pd.DataFrame, tables: WorldTables, *, progress: Progress = no_progress
) -> Variants:
    """Tables 3 to 6 with controls, with each index of ``INDICES`` in place of TBI.

    All on the countries and years that the panel and the tables share, so that the
    columns differ by the index alone.
    """
    exported = exported_value_added(tables, progress=progress)
    tbi = trade_benefit_index(exported)
    indices = _index_frame(tbi, exported)
    data = frame.drop(columns="TBI").merge(indices, on=["iso3", "year"])
    data = data.dropna(subset=[*INDICES, *CONTROLS])
    regions, years = data["iso3"].nunique(), sorted(set(data["year"]))
    span = f"{years[0]} to {years[-1]}" if years[1:] else str(years[0])
    source = source_in_words(tables.source) or "tables given"
    return Variants(
        tables=f"{source}: {regions} countries, {span}",
        indices=data[["iso3", "year", *INDICES]],
        rows=compare_indices(data, list(INDICES)),
        correlations=_within_correlations(data, list(INDICES)),
        residual_max=float(exported["residual"].max()),
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
    require_countries(data, [*indices[:1], *CONTROLS])
    rows = []
    for group in SAMPLES:
        part = sample(data, group)
        for outcome in OUTCOMES:
            for name in indices:
                fit = linear_fit(part, outcome, [name, *CONTROLS]).vcov(CV1())
                deviation = within(part[[name]], part["iso3"])[name].std()
                effect = {"effect": fit[name].estimate * deviation}
                rows.append(_row(fit, group, name, name, effect))
    return pd.DataFrame(rows)


def _row(
    fit: Estimate, group: str, term: str, index: str, more: Mapping[str, float]
) -> dict[str, object]:
    own = fit[term]
    return {
        "outcome": fit.outcome,
        "sample": group,
        "index": index,
        **{name: getattr(own, name) for name in ("estimate", "se", "p_value", "stars")},
        **more,
        "n": fit.n,
        "clusters": fit.clusters,
    }


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
        Correlation of the two indices, net of countries and years.
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
    require_countries(data, [*both, *CONTROLS])
    alone = compare_indices(data, both)
    correlations = _within_correlations(data.dropna(subset=both), both)
    rows = []
    for group in SAMPLES:
        part = sample(data, group)
        for outcome in OUTCOMES:
            fit = linear_fit(part, outcome, [*both, *CONTROLS]).vcov(CV1())
            for name, other in (("TBI", "GBI"), ("GBI", "TBI")):
                rows.append(_row(fit, group, name, f"{name} | {other}", {}))
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
