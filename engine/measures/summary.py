"""The trade benefit index and all that `tivax tbi` writes, from one solve a year."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import xarray as xr

from ..core import (
    NOT_KEPT,
    Keeper,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
)
from ..tables import (
    AnyGroups,
    Groups,
    WorldTables,
    perimeters,
    region_names,
    whole_regions,
)
from .accounts import Account, ValueAdded
from .footprint_accounts import footprints_of
from .group_runs import groups_in_turn, join_groups
from .regrouping import merge_regions, regroup, regroup_trade, require_computed
from .results.measure import MeasuredTables
from .results.tbi import By, TbiResult
from .trade import Certify, balances_of, indices_of, trade_flows


@in_float64
def trade_benefit_index(
    tables: WorldTables | TbiResult | xr.Dataset | xr.DataArray,
    value_added: ValueAdded = "residual",
    *,
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
    apart: bool = False,
    certify: Certify = "columns",
    direct: xr.DataArray | None = None,
    memory: int | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> TbiResult:
    """Trade benefit index, TBI_i = (X_i - M_i) / (X_i + M_i).

    X_i is value added of i absorbed in all other regions, M_i that of all others
    absorbed in i (the paper, equation 1). ROW is a partner unless dropped.

    Parameters
    ----------
    tables
        World tables, or what was computed from them already: the result of
        :func:`value_added_trade`, or value added absorbed with dims year, origin,
        absorber (and sector) from any source. Values at home do not count.
    value_added, certify, memory, progress
        As in :func:`value_added_trade`; used with tables only.
    drop
        Regions left out, as reporter and as partner.
    groups
        Names of built-in groups (``"EU27"``, or a list of them), or name to member
        regions: the group replaces them, and trade between members counts as home.
    apart
        Each group by itself, so that they may overlap: its rows alone.
    direct
        The account of final demand itself, for ``footprints`` (:func:`footprints`).
    keeper
        Where a command keeps years that are done.

    Returns
    -------
    TbiResult
        ``data``: ``va_exports``, ``va_imports`` (unit of the tables) and ``tbi`` by
        year and region; the attribute ``residual_max`` is the worst relative residual.
        Beside it ``vax``, ``vax_by_sector`` (balances of :func:`value_added_trade`),
        ``absorbed``, ``trade``; ``save`` writes what `tivax tbi` does.

    Examples
    --------
    >>> tx.trade_benefit_index(world)["tbi"].to_pandas().round(3)
    region    R01    R02    ROW
    year
    2000   -0.027 -0.015  0.034
    2001   -0.020 -0.032  0.047
    >>> both = {"North": ["R01", "R02"], "West": ["R02", "ROW"]}  # they overlap
    >>> found = tx.trade_benefit_index(world, groups=both, apart=True)
    >>> found["tbi"].sel(year=2000).to_series().round(3)
    region
    North   -0.034
    West     0.027
    Name: tbi, dtype: float64
    """
    tables = tables.trade if isinstance(tables, TbiResult) else tables
    source, codes = None, _codes(tables)
    named = groups_in_turn(groups, codes, apart=apart)
    each = {name: {name: members} for name, members in named.items()}
    if isinstance(tables, WorldTables):
        for chosen in each.values() if apart else [named]:  # mistakes before work
            perimeters(tables, drop=drop, groups=chosen)
        source = MeasuredTables(tables, value_added, drop, named, memory)
        given = certify, memory, progress, keeper
        trade = trade_flows(tables, value_added, *given)
    else:
        array = isinstance(tables, xr.DataArray)
        trade = tables.to_dataset(name="va_absorbed") if array else tables
    about: dict[str, Any] = {"account": Account(value_added).satellite_name}
    about |= {"source": source, "each_group": apart}
    own = direct, isinstance(value_added, xr.DataArray)
    if not apart:
        return TbiResult(trade, **_results(trade, drop, named, *own), **about)
    runs = {name: _results(trade, drop, one, *own) for name, one in each.items()}
    joined: dict[str, Any] = {
        what: join_groups({name: run[what] for name, run in runs.items()})
        for what in next(iter(runs.values()))
        if what not in ("absorbed", "exports")
    }
    for what, flow in (("absorbed", "va_absorbed"), ("exports", "gross_exports")):
        if what in runs[next(iter(runs))]:
            joined[what] = _pairs_of_groups(trade[flow], drop, each)
    return TbiResult(trade, **joined, **about)


@in_float64
def value_added_trade(
    tables: WorldTables | TbiResult | xr.Dataset,
    value_added: ValueAdded = "residual",
    *,
    by: By = "flow",
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
    apart: bool = False,
    certify: Certify = "columns",
    memory: int | None = None,
    progress: Progress = no_progress,
) -> TbiResult:
    """Trade in value added and gross trade of every year: flows, or sums by region.

    The VAX ratio is value added exported over gross exports (Johnson and Noguera
    2012); gross exports are model-consistent, so that both balances agree (with v the
    residual and no region dropped). By sector of origin it is value added of the sector
    that is absorbed abroad over what the sector itself exports. That exceeds 1 for
    services embodied in goods, without limit where a sector hardly exports itself, and
    is negative where inventories outweigh its exports. Imports are then those of value
    added from that sector abroad.

    Parameters
    ----------
    tables
        In memory or lazy; or what this function returned for them, by flow.
    value_added
        ``residual``: output less intermediate inputs, taxes and margins included
        (the paper's). ``basic``: the value-added row of the table. Or a satellite
        account, a DataArray (year, region, sector) of jobs, emissions or any row of
        industries: flows are then in its unit.
    by
        ``flow``: from industries of origin to regions. ``pair``: value added from
        region to region. ``region``: exports, imports and what follows from them.
        ``sector``: these by sector of origin. ``index``: that of
        :func:`trade_benefit_index`.
    drop, groups, apart
        As in :func:`trade_benefit_index`.
    certify
        ``columns``: the relative residual of each column (absorbing region) is below
        1e-12. That does not bound a cell much smaller than its column: between small
        regions one may be wrong from the ninth digit on. ``cells``: one more step of
        refinement, and a bound on the error of every cell, at four times the work.
    memory
        In bytes. A year that needs more is solved while it is read from a lazy store.
    progress
        Called with years done and years in all.

    Returns
    -------
    TbiResult
        The result of :func:`trade_benefit_index`, whose ``data`` is here by flow
        ``va_absorbed`` (year, origin, sector, absorber), diag(v) B Y, and
        ``gross_exports`` (year, exporter, sector, importer), model-consistent, 0 at
        home, in the unit of the tables; ``output`` (year, origin, sector),
        model-consistent; ``residual`` (year), relative, measured; ``passes`` (year),
        products with A, 0 where the year was solved by LU. Split regions are whole:
        their parts are computed apart, then added up. With ``certify="cells"`` also by
        year ``cell_error``, the largest relative error that any cell of required output
        B Y can have, and ``cell_backward_error`` (``kernels.cells``).
        By pair ``va_absorbed`` (year, origin, absorber).
        By region or sector (year, region[, sector]), ``gross_exports``,
        ``gross_imports``, ``va_exports``, ``va_imports``, ``vax_ratio`` and ``tbi``,
        -1 to 1 unless flows are negative. By sector ``flag`` marks negative flows and
        an index outside of -1 to 1, with the cause (``engine.measures.flags``).

    Raises
    ------
    TivaxError
        ``basic`` for tables without a value-added row; a year whose solve misses
        1e-8; a table that is not productive (spectral radius of A not below 1).

    Examples
    --------
    >>> by_region = tx.value_added_trade(world, by="region")
    >>> by_region["vax_ratio"].sel(year=2000).to_series().round(3)
    region
    R01    0.599
    R02    0.764
    ROW    0.654
    Name: vax_ratio, dtype: float64
    """
    require_choice("by", by, get_args(By))
    if apart and by == "flow":
        raise TivaxError('apart: flows are of all groups; give by="region"')
    if isinstance(tables, xr.Dataset | xr.DataArray):
        require_computed(tables, "va_absorbed", "gross_exports")
    about = {"certify": certify, "memory": memory, "progress": progress}
    chosen = {"drop": drop, "groups": groups, "apart": apart}
    found = trade_benefit_index(tables, value_added, **chosen, **about)
    if by != "flow":
        return replace(found, by=by)
    codes = list(map(str, found.trade["origin"].values))
    name = region_names(codes, drop=drop, groups=groups)
    trade = (
        found.trade if [*name.values()] == codes else merge_regions(found.trade, name)
    )
    return replace(found, by=by, trade=trade)


def _codes(tables: WorldTables | xr.Dataset | xr.DataArray) -> list[str]:
    """The regions of results, split ones whole."""
    if isinstance(tables, xr.Dataset):
        require_computed(tables, "va_absorbed")
        tables = tables["va_absorbed"]
    if not isinstance(tables, xr.DataArray):
        return whole_regions(tables)
    if lacking := [k for k in ("year", "origin", "absorber") if k not in tables.coords]:
        raise TivaxError(f"value added absorbed: needs labels for {lacking[0]}")
    return list(map(str, tables["origin"].values))


def _results(
    trade: xr.Dataset,
    drop: Sequence[str],
    groups: Groups,
    direct: xr.DataArray | None,
    of_account: bool,
) -> dict[str, Any]:
    """Fields of ``TbiResult`` with regions dropped and grouped; of value added absorbed
    alone the index."""
    if "output" not in trade:
        if direct is not None:
            raise TivaxError("direct: give world tables, not value added absorbed")
        every = trade["va_absorbed"]
        absorbed = regroup(every, drop=drop, groups=groups)
        if "sector" in absorbed.dims:
            absorbed = absorbed.sum("sector", keep_attrs=True)
        return {
            "tbi": indices_of(every, drop=drop, groups=groups),
            "absorbed": absorbed.transpose("year", "origin", "absorber"),
        }
    flows = regroup_trade(trade, drop=drop, groups=groups)
    results: dict[str, Any] = {
        "vax_by_sector": balances_of(flows, by_sector=True),
        "tbi": indices_of(flows["va_absorbed"]),
        "vax": balances_of(flows),
        "absorbed": flows["va_absorbed"].sum("sector", keep_attrs=True),
        "exports": flows["gross_exports"].sum("sector", keep_attrs=True),
    }
    if direct is not None or of_account:
        results["footprints"] = footprints_of(trade, direct, drop=drop, groups=groups)
    return results


def _pairs_of_groups(
    flows: xr.DataArray, drop: Sequence[str], each: Mapping[str, Groups]
) -> xr.DataArray:
    """Flows from and to each group, by groups and single regions; NaN elsewhere."""
    if "sector" in flows.dims:
        flows = flows.sum("sector", keep_attrs=True)
    _, origin, partner = map(str, flows.dims)
    alone = [k for k in flows[origin].values.tolist() if k not in drop]
    pairs = None
    for name, group in each.items():
        one = regroup(flows, drop=drop, groups=group)
        one = one.where((one[origin] == name) | (one[partner] == name))
        one = one.reindex({axis: [*each, *alone] for axis in (origin, partner)})
        pairs = one if pairs is None else pairs.fillna(one)
    assert pairs is not None
    return pairs.assign_attrs(flows.attrs)
