"""Aggregation bias: results of aggregated tables against aggregated results.

    before     results of the detailed tables, regions and sectors added up afterwards
    after      results of the tables that were added up before

Their difference, aggregated less detailed, is the bias of the coarser tables.
"""

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from ..core import Progress, no_progress, require_kind, shift_progress
from ..tables import Groups, WorldTables, perimeters, require_tables
from .accounts import ValueAdded
from .regrouping import regroup_trade
from .trade import balances_of, trade_flows

MEASURES = ("va_at_home", "va_exports", "va_imports", "vax_ratio", "tbi")
TABLES = ("before", "after")


def compare_aggregation(
    tables: WorldTables,
    aggregated: WorldTables,
    *,
    regions: Mapping[str, str] | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Value-added trade of detailed tables and of what ``aggregate`` made of them.

    Parameters
    ----------
    tables, aggregated
        Before and after ``aggregate``.
    regions
        Old to new regions, where regions were aggregated.
    value_added
        As in ``value_added_trade``.

    Returns
    -------
    Dataset
        Values by ``tables`` (before, after aggregation) and year: ``va_absorbed`` by
        origin and absorber; by region ``va_at_home`` (absorbed at home),
        ``va_exports``, ``va_imports`` (unit of the tables), ``vax_ratio``, ``tbi``. The
        attribute ``residual_max`` is the worst relative residual of all solves.

    Raises
    ------
    TivaxError
        As ``value_added_trade``; fewer than two regions.

    Examples
    --------
    >>> coarse = tx.aggregate(world, sectors=dict.fromkeys(world.sectors, "all"))
    >>> both = tx.compare_aggregation(world, coarse)
    >>> both["tbi"].sel(year=2000).to_pandas().round(3)
    region        R01    R02    ROW
    tables
    before   -0.027 -0.015  0.034
    after    -0.027 -0.015  0.032
    """
    require_tables(tables)
    require_tables(aggregated)
    if regions is not None:
        require_kind("regions", regions, Mapping, "a dict from old to new regions")
    groups: dict[str, list[str]] = {}
    for old, new in (regions or {}).items():
        groups.setdefault(new, []).append(old)
    perimeters(tables, groups=groups)  # mistakes before work
    years = len(tables.years)
    parts, residuals = [], []
    for k, each in enumerate((tables, aggregated)):
        of_both = shift_progress(progress, k * years, 2 * years)
        trade = trade_flows(each, value_added, progress=of_both)
        residuals.append(float(trade["residual"].max()))
        parts.append(_of_regions(trade, groups if each is tables else None))
    order = {k: parts[1][k].values for k in ("origin", "absorber", "region")}
    both = xr.concat(
        [part.sel(order) for part in parts],
        pd.Index(TABLES, name="tables"),
        combine_attrs="override",
    )
    return both.assign_attrs(residual_max=max(residuals))


def _of_regions(trade: xr.Dataset, groups: Groups | None) -> xr.Dataset:
    flows = regroup_trade(trade, groups=groups, by_sector=False)
    absorbed = flows["va_absorbed"].sum("sector", keep_attrs=True)
    result = balances_of(flows)
    result["va_absorbed"] = absorbed
    home = absorbed.sel(origin=result["region"], absorber=result["region"])
    result["va_at_home"] = home.drop_vars(("origin", "absorber"))
    return result[["va_absorbed", *MEASURES]]


def difference(both: xr.Dataset) -> xr.Dataset:
    """Aggregated less detailed."""
    return both.sel(tables="after") - both.sel(tables="before")


def comparison_frame(both: xr.Dataset) -> pd.DataFrame:
    """year, region, measure, before, after, change."""
    values = both[list(MEASURES)].to_array("measure")
    return _side_by_side(values.transpose("year", "region", "measure", "tables"))


def absorbed_frame(both: xr.Dataset) -> pd.DataFrame:
    """year, origin, absorber, before, after, change."""
    values = both["va_absorbed"].transpose("year", "origin", "absorber", "tables")
    return _side_by_side(values)


def _side_by_side(values: xr.DataArray) -> pd.DataFrame:
    rows = [str(k) for k in values.dims[:-1]]
    frame = values.sel(tables="before").to_dataframe("before").reset_index()
    frame["after"] = values.sel(tables="after").values.ravel()
    frame["change"] = frame["after"] - frame["before"]
    return frame[[*rows, *TABLES, "change"]]


def largest(both: xr.Dataset, measure: str = "tbi") -> pd.Series:
    """Each region's largest difference, by size, and its year.

    A Series over (region, year), the largest first.
    """
    gaps = difference(both)[measure].transpose("region", "year").to_series().dropna()
    gaps = gaps.loc[list(gaps.abs().groupby(level="region", sort=False).idxmax())]
    return gaps.iloc[gaps.abs().argsort(kind="stable").to_numpy()[::-1]]
