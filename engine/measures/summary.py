"""All that `tivax tbi` computes, from one solve a year."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import xarray as xr

from ..core import Progress, no_progress
from ..tables import Groups, WorldTables, perimeters
from . import trade as measures
from .flags import FLAGS
from .footprint_accounts import footprints_of
from .group_runs import each_group, require_new_names
from .trade import Certify, ValueAdded


@dataclass(frozen=True)
class TbiResult:
    """What `tivax tbi` computed.

    ``trade`` is by industry as in ``measures.value_added_trade``; the others have
    regions dropped and grouped as asked. ``footprints`` (``engine.footprint_accounts``)
    are there where final demand has an account of its own. With ``each_group`` they
    hold the groups alone, each from a run of its own; ``absorbed`` and ``exports`` are
    by groups and regions, NaN for a pair that is not a group with itself or a region
    outside it.
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
        """The worst bound on a cell and backward error, where cells were certified."""
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
        """The years that the iteration could not finish."""
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

    ``one_by_one`` computes each of the groups in a run of its own (``each_group``), so
    that they may overlap; ``certify`` as in ``measures.value_added_trade``; ``final``
    is what final demand itself has of the account (``engine.footprint_accounts``).
    """
    # Mistakes are told before work.
    if one_by_one and groups:
        require_new_names(groups, tables.regions)
        for name, members in groups.items():
            perimeters(tables, drop=drop, groups={name: members})
    else:
        perimeters(tables, drop=drop, groups=groups)
    trade = measures.value_added_trade(
        tables, value_added, certify=certify, progress=progress
    )
    if one_by_one and groups:
        return _of_each_group(trade, drop, groups, final)
    absorbed, exports = (
        measures.regroup(trade[name], drop=drop, groups=groups)
        for name in ("va_absorbed", "gross_exports")
    )
    return TbiResult(
        trade=trade,
        vax_by_sector=measures.value_added_exports(
            trade, by_sector=True, drop=drop, groups=groups
        ),
        tbi=measures.trade_benefit_index(absorbed),
        vax=measures.value_added_exports(trade, drop=drop, groups=groups),
        absorbed=absorbed.sum("sector", keep_attrs=True),
        exports=exports.sum("sector", keep_attrs=True),
        footprints=None
        if final is None
        else footprints_of(trade, final, drop=drop, groups=groups),
    )


def _of_each_group(
    trade: xr.Dataset,
    drop: Sequence[str],
    groups: Groups,
    final: xr.DataArray | None,
) -> TbiResult:
    exported = partial(measures.value_added_exports, trade, drop=drop)
    return TbiResult(
        trade=trade,
        vax_by_sector=each_group(lambda g: exported(by_sector=True, groups=g), groups),
        tbi=each_group(
            lambda g: measures.trade_benefit_index(trade, drop=drop, groups=g), groups
        ),
        vax=each_group(lambda g: exported(groups=g), groups),
        absorbed=_pairs_of_groups(trade["va_absorbed"], drop, groups),
        exports=_pairs_of_groups(trade["gross_exports"], drop, groups),
        each_group=True,
        footprints=None
        if final is None
        else each_group(
            lambda g: footprints_of(trade, final, drop=drop, groups=g), groups
        ),
    )


def _pairs_of_groups(
    flows: xr.DataArray, drop: Sequence[str], groups: Groups
) -> xr.DataArray:
    """Flows from and to each group, by groups and single regions; NaN elsewhere."""
    flows = flows.sum("sector", keep_attrs=True)
    _, origin, partner = map(str, flows.dims)
    alone = [k for k in flows[origin].values.tolist() if k not in drop]
    pairs = None
    for name, members in groups.items():
        one = measures.regroup(flows, drop=drop, groups={name: members})
        one = one.where((one[origin] == name) | (one[partner] == name))
        one = one.reindex({axis: [*groups, *alone] for axis in (origin, partner)})
        pairs = one if pairs is None else pairs.fillna(one)
    assert pairs is not None
    return pairs.assign_attrs(flows.attrs)
