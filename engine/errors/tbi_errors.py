"""Standard errors of everything that `tivax tbi` writes."""

from collections.abc import Sequence
from functools import partial, reduce

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
    """Standard errors of a result of ``trade_benefit_index`` with the same arguments.

    A year that needs more than ``memory`` (bytes) is read in row slabs.
    """
    groups, runs = groups or {}, dict[str | None, TradePerimeters]()
    if result.each_group:
        for name, members in groups.items():
            runs[name] = perimeters_with_partners(tables, drop, {name: members})
    else:
        runs[None] = perimeters_with_partners(tables, drop, groups or None)
    regions: list[xr.Dataset] = []
    sectors: list[xr.Dataset] = []
    absorbed: list[xr.DataArray] = []
    years = solved_years(
        tables, model, value_added, progress, inverse=True, memory=memory
    )
    for year in years:
        label = tables.years[year.number]
        of_run = partial(_of_pairs, year, values=result.absorbed, label=label)
        pairs = [of_run(run, name) for name, run in runs.items()]
        absorbed.append(reduce(xr.DataArray.fillna, pairs))
        shown = [run if k is None else run.only(k) for k, run in runs.items()]
        for into, values in ((regions, result.vax), (sectors, result.vax_by_sector)):
            found = [_of_flows(year, run, values, label) for run in shown]
            into.append(xr.concat(found, "region"))
    return TbiErrors(
        xr.concat(regions, "year"),
        xr.concat(sectors, "year"),
        xr.concat(absorbed, "year"),
        model.record,
    )


def _of_flows(
    year: YearOfErrors, borders: TradePerimeters, values: xr.Dataset, label: int
) -> xr.Dataset:
    """Standard errors of the measures of each region, or of each of its sectors."""
    labels: dict[str, Sequence[str]] = {"region": borders.names}
    if by_sector := "sector" in values.dims:
        labels["sector"] = [str(k) for k in values["sector"].values]
    here = values.sel(year=label, region=borders.names)
    flows = {k: here[k].transpose(*labels).values for k in TRADE_FLOWS}
    flows = {k: v.reshape(len(borders.names), -1) for k, v in flows.items()}
    covariance = year.covariances(borders, by_sector=by_sector)
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
