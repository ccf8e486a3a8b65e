"""Other indices in place of TBI: domestic value added in exports, and gross trade.

The paper reports the index rebuilt from domestic value added without figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

import tivax as tx

from ...core import Progress, no_progress, source_in_words
from .columns import (
    CONTROLS,
    OUTCOMES,
    SAMPLES,
    require_countries,
    sample,
    slopes_of,
    within,
)


@dataclass(frozen=True, eq=False)
class IndexVariants:
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
    "TBI": "tbi",  # value added absorbed, the paper's
    "DVA": "dva_index",  # domestic value added in exports, V_s L_ss e_s
    "DVA abroad": "absorbed_abroad_index",  # of it what is absorbed abroad
    "gross": "gross_index",  # gross exports
}
"""The variable of ``tx.exported_value_added`` by the name of its index."""


VINTAGE = "TBI of WIOD 2013"
"""The index of the same measure from the release before, as a column."""


def with_vintage(
    frame: pd.DataFrame,
    further: tx.panel.FurtherData,
    tables: tx.WorldTables | None,
    variants: IndexVariants | None,
) -> pd.DataFrame:
    """The panel with ``VINTAGE``, where its own index is of other tables.

    ``variants`` are of ``tables``, which are those of WIOD 2013 without a store.
    """
    other, before = None, None
    if further.files.store is None:
        other = variants and variants.indices
    elif tables is not None and not tables.source.startswith("wiod2013"):
        before = further.tables_of_2013()
    if before is not None:
        index = tx.trade_benefit_index(before)["tbi"].to_series().rename("TBI")
        other = index.reset_index().rename(columns={"region": "iso3"})
    if other is None:
        return frame
    vintage = other[["iso3", "year", "TBI"]].rename(columns={"TBI": VINTAGE})
    return frame.merge(vintage, on=["iso3", "year"], how="left")


def index_variants(
    frame: pd.DataFrame, tables: tx.WorldTables, *, progress: Progress = no_progress
) -> IndexVariants:
    """Tables 3 to 6 with controls, with each index of ``INDICES`` in place of TBI.

    All on the countries and years that the panel and the tables share, so that the
    columns differ by the index alone.
    """
    exported = tx.exported_value_added(tables, progress=progress)
    tbi = tx.trade_benefit_index(exported)
    made = exported.assign(tbi=tbi["tbi"])[[*INDICES.values()]].to_dataframe()
    made = made.rename(columns={v: k for k, v in INDICES.items()}).reset_index()
    indices = made.rename(columns={"region": "iso3"})[["iso3", "year", *INDICES]]
    data = frame.drop(columns="TBI").merge(indices, on=["iso3", "year"])
    data = data.dropna(subset=[*INDICES, *CONTROLS])
    regions, years = data["iso3"].nunique(), sorted(set(data["year"]))
    span = f"{years[0]} to {years[-1]}" if years[1:] else str(years[0])
    source = source_in_words(tables.source) or "tables given"
    return IndexVariants(
        tables=f"{source}: {regions} countries, {span}",
        indices=data[["iso3", "year", *INDICES]],
        rows=compare_indices(data, list(INDICES)),
        correlations=_within_correlations(data, list(INDICES)),
        residual_max=float(exported["residual"].max()),
    )


def compare_indices(data: pd.DataFrame, indices: Sequence[str]) -> pd.DataFrame:
    """The coefficient of each index alone with all controls: ``IndexVariants.rows``."""
    require_countries(data, [*indices[:1], *CONTROLS])
    rows = []
    for group in SAMPLES:
        part = sample(data, group)
        for outcome in OUTCOMES:
            for name in indices:
                fit = slopes_of(part, outcome, [name, *CONTROLS])
                deviation = within(part[[name]], part["iso3"])[name].std()
                effect = {"effect": fit[name].estimate * deviation}
                rows.append(_row(fit, group, name, name, effect))
    return pd.DataFrame(rows)


def _row(
    fit: tx.results.Fit,
    group: str,
    term: str,
    index: str,
    more: Mapping[str, float],
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
        As ``IndexVariants.rows``; index ``TBI | GBI`` is TBI with GBI beside it, and
        the reverse.
    correlation
        Correlation of the two indices, net of countries and years.
    """

    rows: pd.DataFrame
    correlation: float


def gross_trade(frame: pd.DataFrame, further: tx.panel.FurtherData) -> Gross | None:
    """TBI, GBI and both together; None without the series.

    Exports and imports of goods and services from the World Bank.
    """
    gross = further.gross_balance_index()
    if gross is None:
        return None
    data = frame.merge(gross.reset_index(), on=["iso3", "year"]).dropna(subset=["GBI"])
    both = ["TBI", "GBI"]
    require_countries(data, [*both, *CONTROLS])
    alone = compare_indices(data, both)
    correlations = _within_correlations(data.dropna(subset=both), both)
    rows = []
    for group in SAMPLES:
        part = sample(data, group)
        for outcome in OUTCOMES:
            fit = slopes_of(part, outcome, [*both, *CONTROLS])
            for name, other in (("TBI", "GBI"), ("GBI", "TBI")):
                rows.append(_row(fit, group, name, f"{name} | {other}", {}))
    return Gross(
        rows=pd.concat([alone, pd.DataFrame(rows)], ignore_index=True),
        correlation=float(correlations["TBI"].to_dict()["GBI"]),
    )
