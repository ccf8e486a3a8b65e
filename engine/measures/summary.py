"""All results of `tivax tbi`, from one solve a year."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from ..core import Progress, no_progress
from ..tables import Groups, WorldTables, perimeters
from .accounts import ValueAdded
from .flags import FLAGS
from .footprint_accounts import footprints_of
from .group_runs import join_groups, require_new_names
from .regrouping import regroup, regroup_trade
from .trade import (
    Certify,
    balances_of,
    trade_benefit_index,
    value_added_trade,
)


@dataclass(frozen=True)
class TbiResult:
    """What `tivax tbi` computed.

    ``trade`` is by industry as in ``value_added_trade``; the others have regions
    dropped and grouped. There are ``footprints`` (``footprint_accounts``) if final
    demand has an account of its own. With ``each_group`` they hold the groups alone,
    each computed by itself; ``absorbed`` and ``exports`` are by groups and regions, NaN
    unless the pair is a group with itself or with a region outside it.
    """

    trade: xr.Dataset
    vax_by_sector: xr.Dataset
    tbi: xr.Dataset
    vax: xr.Dataset
    absorbed: xr.DataArray  # (year, origin, absorber)
    exports: xr.DataArray  # gross, (year, origin, destination)
    each_group: bool = False
    footprints: xr.Dataset | None = None

    @property
    def residual_max(self) -> float:
        """The worst relative residual of all years."""
        return float(self.trade["residual"].max())

    @property
    def certified(self) -> dict[str, float]:
        """The largest cell error (a bound) and backward error, if certified."""
        names = ("cell_error", "cell_backward_error")
        return {
            f"{k}_max": float(self.trade[k].max()) for k in names if k in self.trade
        }

    @property
    def flags(self) -> dict[str, int]:
        """How many rows of ``vax_by_sector`` are flagged, by flag."""
        found = self.vax_by_sector["flag"].values
        return {name: int((found == name).sum()) for name in FLAGS if name}

    @property
    def years_by_lu(self) -> list[int]:
        """The years in which the iteration stalled."""
        passes = self.trade["passes"]
        return [int(year) for year in passes["year"].values[passes.values == 0]]


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
    trade = value_added_trade(tables, value_added, certify=certify, progress=progress)
    if not one_by_one:
        return TbiResult(trade, **_results(trade, drop, groups, final))
    runs = {name: _results(trade, drop, one, final) for name, one in each.items()}
    joined: dict[str, Any] = {
        what: join_groups({name: run[what] for name, run in runs.items()})
        for what in next(iter(runs.values()))
        if what not in ("absorbed", "exports")
    }
    for what, flow in (("absorbed", "va_absorbed"), ("exports", "gross_exports")):
        joined[what] = _pairs_of_groups(trade[flow], drop, each)
    return TbiResult(trade, **joined, each_group=True)


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
