"""All results of `tivax tbi`, from one solve a year."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from ..core import NOT_KEPT, Keeper, Progress, no_progress
from ..tables import Groups, WorldTables, perimeters
from .accounts import Account, ValueAdded
from .footprint_accounts import footprints_of
from .group_runs import join_groups, require_new_names
from .regrouping import regroup, regroup_trade
from .results.tbi import TbiResult
from .trade import Certify, balances_of, trade_benefit_index, trade_flows


def compute_tbi(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
    one_by_one: bool = False,
    certify: Certify = "columns",
    final: xr.DataArray | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> TbiResult:
    """Everything that `tivax tbi` writes, from one solve a year.

    ``one_by_one`` computes each of the groups by itself (``each_group``), so that they
    may overlap; ``certify`` as in ``value_added_trade``; ``final`` is the account of
    final demand itself (``footprint_accounts``).
    """
    each = {name: {name: members} for name, members in (groups or {}).items()}
    one_by_one = one_by_one and bool(each)
    if one_by_one:
        require_new_names(each, tables.regions)
    for chosen in each.values() if one_by_one else [groups]:  # mistakes before work
        perimeters(tables, drop=drop, groups=chosen)
    account = Account(value_added).satellite_name
    trade = trade_flows(tables, value_added, certify, None, progress, keeper)
    if not one_by_one:
        return TbiResult(trade, **_results(trade, drop, groups, final), account=account)
    runs = {name: _results(trade, drop, one, final) for name, one in each.items()}
    joined: dict[str, Any] = {
        what: join_groups({name: run[what] for name, run in runs.items()})
        for what in next(iter(runs.values()))
        if what not in ("absorbed", "exports")
    }
    for what, flow in (("absorbed", "va_absorbed"), ("exports", "gross_exports")):
        joined[what] = _pairs_of_groups(trade[flow], drop, each)
    return TbiResult(trade, **joined, each_group=True, account=account)


def _results(
    trade: xr.Dataset,
    drop: Sequence[str],
    groups: Groups | None,
    final: xr.DataArray | None,
) -> dict[str, Any]:
    """Fields of ``TbiResult`` with regions dropped and grouped."""
    flows = regroup_trade(trade, drop=drop, groups=groups)
    results: dict[str, Any] = {
        "vax_by_sector": balances_of(flows, by_sector=True),
        "tbi": trade_benefit_index(flows["va_absorbed"]),
        "vax": balances_of(flows),
        "absorbed": flows["va_absorbed"].sum("sector", keep_attrs=True),
        "exports": flows["gross_exports"].sum("sector", keep_attrs=True),
    }
    if final is not None:
        results["footprints"] = footprints_of(trade, final, drop=drop, groups=groups)
    return results


def _pairs_of_groups(
    flows: xr.DataArray, drop: Sequence[str], each: Mapping[str, Groups]
) -> xr.DataArray:
    """Flows from and to each group, by groups and single regions; NaN elsewhere."""
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
