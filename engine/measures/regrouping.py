"""Regions of a result dropped, put in groups, or made whole from their parts."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ..core import TivaxError
from ..tables import AnyGroups, region_names


def regroup(
    array: xr.DataArray, *, drop: Sequence[str] = (), groups: AnyGroups | None = None
) -> xr.DataArray:
    """Drop regions and replace members by their group, on every region axis.

    A group takes the place of its first member. Raises ``TivaxError`` for a code that
    the array does not have or that is in two groups.
    """
    codes = [str(k) for k in array[_region_axes(array)[0]].values]
    name = region_names(codes, drop=drop, groups=groups)
    return array if list(name.values()) == codes else sum_groups(array, name)


def sum_groups(array: xr.DataArray, name: Mapping[str, str]) -> xr.DataArray:
    """Sums over the regions of one name, on every region axis."""
    kept = list(name)
    new = list(dict.fromkeys(name.values()))
    to_group = xr.DataArray(
        np.array([[name[code] == label for label in new] for code in kept], float),
        dims=["old", "new"],
    )
    attrs, dims = array.attrs, array.dims
    for axis in _region_axes(array):
        array = array.sel({axis: kept}).drop_vars(axis)
        array = array.rename({axis: "old"}).dot(to_group, dim="old")
        array = array.rename(new=axis).assign_coords({axis: new})
    return array.transpose(*dims).assign_attrs(attrs)


def regroup_trade(
    trade: xr.Dataset,
    *,
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
    by_sector: bool = True,
) -> xr.Dataset:
    """Flows of ``value_added_trade`` with regions dropped and grouped, for
    ``trade.balances_of``; by sector ``va_positive`` leaves out industries with negative
    value added, if there are any."""
    flows = {name: trade[name] for name in ("va_absorbed", "gross_exports")}
    if by_sector:
        negative = trade["va_absorbed"].sum("absorber") * trade["output"] < 0
        if negative.any():
            flows["va_positive"] = trade["va_absorbed"].where(~negative, 0.0)
    return xr.Dataset(
        {name: regroup(flow, drop=drop, groups=groups) for name, flow in flows.items()},
        attrs=trade.attrs,
    )


def merge_regions(trade: xr.Dataset, name: Mapping[str, str]) -> xr.Dataset:
    """Flows of ``value_added_trade`` added over the regions of one name, 0 at home."""
    whole = {str(k): sum_groups(flow, name) for k, flow in trade.data_vars.items()}
    sold = whole["gross_exports"]
    whole["gross_exports"] = sold.where(sold["exporter"] != sold["importer"], 0.0)
    return xr.Dataset(whole, attrs=trade.attrs)


def require_computed(trade: xr.Dataset, *names: str) -> None:
    """Raise ``TivaxError`` unless the result has these flows."""
    for name in names:
        if name not in trade:
            raise TivaxError(
                f"a Dataset without {name}: give that of tx.value_added_trade, or "
                "world tables"
            )


def _region_axes(array: xr.DataArray) -> list[str]:
    return [
        k for k in ("origin", "absorber", "exporter", "importer") if k in array.dims
    ]
