"""Regions of a result dropped, put in groups, or made whole from their parts."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ..tables import Groups, WorldTables, perimeters, region_names


def regroup(
    array: xr.DataArray,
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
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


def merge_split_regions(trade: xr.Dataset, tables: WorldTables) -> xr.Dataset:
    """Flows of parts added to those of the region that was split."""
    name = perimeters(tables)
    whole = {str(k): sum_groups(flow, name) for k, flow in trade.data_vars.items()}
    sold = whole["gross_exports"]
    whole["gross_exports"] = sold.where(sold["origin"] != sold["destination"], 0.0)
    return xr.Dataset(whole, attrs=trade.attrs)


def _region_axes(array: xr.DataArray) -> list[str]:
    return [k for k in ("origin", "absorber", "destination") if k in array.dims]
