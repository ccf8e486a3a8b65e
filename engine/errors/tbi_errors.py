"""Standard errors of everything that `tivax tbi` writes."""

from collections.abc import Mapping, Sequence

import xarray as xr

from ..core import Progress, in_float64, no_progress
from ..measures import TbiErrors, TbiResult, ValueAdded
from ..tables import Groups, WorldTables
from .models import ErrorModel
from .trade_errors import (
    TRADE_FLOWS,
    TradePerimeters,
    YearOfErrors,
    labelled,
    perimeters_with_partners,
    solved_years,
    standard_errors_of,
)


@in_float64
def errors_of_tbi(
    tables: WorldTables,
    result: TbiResult,
    model: ErrorModel,
    value_added: ValueAdded = "residual",
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
    memory: int | None = None,
    progress: Progress = no_progress,
) -> TbiErrors:
    """Standard errors of a result of ``compute_tbi`` with the same arguments.

    A year that needs more than ``memory`` (bytes) is read in row slabs.
    """
    kept: list[str | None] = [*(groups or {})] if result.each_group else [None]
    if result.each_group:
        runs = [
            perimeters_with_partners(tables, drop, {name: members})
            for name, members in (groups or {}).items()
        ]
    else:
        runs = [perimeters_with_partners(tables, drop, groups)]
    regions: list[xr.Dataset] = []
    sectors: list[xr.Dataset] = []
    absorbed: list[xr.DataArray] = []
    years = solved_years(
        tables, model, value_added, progress, inverse=True, memory=memory
    )
    for year in years:
        label = tables.years[year.number]
        pairs: list[xr.DataArray] = []
        parts: list[xr.Dataset] = []
        finer: list[xr.Dataset] = []
        for run, name in zip(runs, kept, strict=True):
            some = run if name is None else run.only(name)
            parts.append(_of_regions(year, some, result.vax, label))
            finer.append(_of_sectors(year, some, result.vax_by_sector, label))
            pairs.append(_of_pairs(year, run, name, result.absorbed, label))
        regions.append(xr.concat(parts, "region"))
        sectors.append(xr.concat(finer, "region"))
        joined = pairs[0]
        for pair in pairs[1:]:
            joined = joined.fillna(pair)
        absorbed.append(joined)
    return TbiErrors(
        xr.concat(regions, "year"),
        xr.concat(sectors, "year"),
        xr.concat(absorbed, "year"),
        model.record,
    )


def _of_regions(
    year: YearOfErrors, borders: TradePerimeters, values: xr.Dataset, label: int
) -> xr.Dataset:
    covariance = year.covariances(borders)
    here = values.sel(year=label, region=borders.names)
    flows = {k: here[k].transpose("region").values[:, None] for k in TRADE_FLOWS}
    return labelled(
        standard_errors_of(covariance, flows),
        label,
        {"region": borders.names},
    )


def _of_sectors(
    year: YearOfErrors, borders: TradePerimeters, values: xr.Dataset, label: int
) -> xr.Dataset:
    covariance = year.covariances(borders, by_sector=True)
    here = values.sel(year=label, region=borders.names)
    flows = {k: here[k].transpose("region", "sector").values for k in TRADE_FLOWS}
    labels: Mapping[str, Sequence[str]] = {
        "region": borders.names,
        "sector": [str(k) for k in here["sector"].values],
    }
    return labelled(standard_errors_of(covariance, flows), label, labels)


def _of_pairs(
    year: YearOfErrors,
    borders: TradePerimeters,
    group: str | None,
    values: xr.DataArray,
    label: int,
) -> xr.DataArray:
    """Standard errors of value added absorbed; for one group only its own trade."""
    coords = {"origin": borders.names, "absorber": borders.names}
    found = xr.DataArray(year.absorbed(borders), coords, list(coords))
    if group is not None:
        found = found.where((found["origin"] == group) | (found["absorber"] == group))
    order = {axis: values[axis].values for axis in coords}
    return found.reindex(order).expand_dims(year=[label])
