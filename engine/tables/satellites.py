"""Satellite accounts: jobs, emissions or any row of industries in place of value added.

An account is a DataArray (year, region, sector), named, with its unit in attrs. Every
measure that takes ``value_added`` takes one: flows are then in the account's unit, by
the same formulas with the account per unit of output for v.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..core import TivaxError
from .world_tables import WorldTables


def align(account: xr.DataArray, tables: WorldTables) -> Float[np.ndarray, "t n"]:
    """The account in the order of the tables.

    Raises ``TivaxError`` for a year, region, sector or industry it does not have, for
    duplicated labels, and for a year in which it is 0 everywhere.
    """
    wanted = {k: list(getattr(tables, f"{k}s")) for k in ("year", "region", "sector")}
    values = _aligned(account, wanted).to_numpy()
    empty = np.flatnonzero(~values.any(axis=(1, 2))).tolist()
    if empty:
        raise TivaxError(
            f"{_name(account)}: 0 in every industry of {tables.years[empty[0]]}; "
            "leave that year out by years=",
            argument="years",
        )
    return values.reshape(len(tables.years), -1)


def align_final(account: xr.DataArray, like: xr.DataArray) -> xr.DataArray:
    """An account (year, region) of final demand for the years and regions of ``like``.

    Categories, where the account has them, are summed. Raises ``TivaxError`` as
    :func:`align`.
    """
    if "category" in account.dims:
        account = account.sum("category", skipna=False, keep_attrs=True)
    return _aligned(account, {k: like[k].values.tolist() for k in ("year", "region")})


def _aligned(account: xr.DataArray, wanted: Mapping[str, list]) -> xr.DataArray:
    """The account at these labels, all of which it has, with a number for each."""
    if set(account.dims) != set(wanted):
        dims = ", ".join(map(str, account.dims))
        raise TivaxError(
            f"{_name(account)}: needs the dims {', '.join(wanted)}, not {dims}"
        )
    for dim, labels in wanted.items():
        _require_labels(account, dim, labels)
    values = account.sel(wanted).transpose(*wanted).astype(float)
    if bad := np.argwhere(~np.isfinite(values.to_numpy())).tolist():
        labels = zip(wanted.values(), bad[0], strict=True)
        year, *place = (each[k] for each, k in labels)
        raise TivaxError(f"{_name(account)}: no number for {year} {':'.join(place)}")
    return values


def idle_share(account: xr.DataArray, tables: WorldTables) -> float:
    """Share of the account in industries without output, which no product embodies.

    What remains is counted per unit of output times model-consistent output x*.
    """
    values = np.abs(align(account, tables))
    idle = sum(
        values[k][~(np.asarray(tables.x[k]) > 0)].sum() for k in range(len(values))
    )
    return float(idle / values.sum())


def _require_labels(account: xr.DataArray, dim: str, labels: Sequence) -> None:
    if dim not in account.indexes:
        raise TivaxError(f"{_name(account)}: needs labels (coords) for {dim}")
    index = account.indexes[dim]
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise TivaxError(f"{_name(account)}: {dim} {twice} is duplicated")
    there = set(index.tolist())
    for label in labels:
        if label not in there:
            others = [str(k) for k in index if k not in labels]
            remedy = f"; it has {', '.join(others[:3])} instead" if others else ""
            if others and dim == "region":
                remedy += ": write the codes of the tables, such as ISO alpha-3"
            if dim == "year":
                remedy = "; choose others by years="
            raise TivaxError(
                f"{_name(account)}: has no {dim} {label}, which the tables "
                f"have{remedy}",
                argument="years",
            )


def _name(account: xr.DataArray) -> str:
    file = account.attrs.get("file")
    return str(file) if file else f"satellite account {account.name or ''}".strip()
