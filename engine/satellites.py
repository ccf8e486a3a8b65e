"""Satellite accounts: jobs, emissions or any row of industries in place of value added.

An account is a DataArray (year, region, sector), named, with its unit in attrs. Every
measure that takes ``value_added`` takes one: flows are then in the account's unit, by
the same formulas with the account per US$ of output for v.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from tivax.engine.errors import TivaxError
from tivax.engine.spreadsheets import without_apostrophe
from tivax.engine.tables import WorldTables

_LABELS = ("year", "region", "sector")


def read_satellite(path: str | Path) -> xr.DataArray:
    """An account from a csv or parquet file, a row an industry and year.

    Columns: year, region, sector, one column of numbers, whose name is that of the
    account, and optionally unit. Raises ``TivaxError`` for a file that is not that.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise TivaxError(f"{path}: an account is csv or parquet")
    try:
        read = pd.read_parquet if path.suffix == ".parquet" else pd.read_csv
        frame = read(path)
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise TivaxError(f"{path}: {str(error).splitlines()[0]}") from None
    others = [str(k) for k in frame.columns if k not in (*_LABELS, "unit")]
    missing = [k for k in _LABELS if k not in frame]
    if missing or len(others) != 1:
        raise TivaxError(
            f"{path}: needs the columns year, region, sector and one of numbers, has "
            f"{', '.join(map(str, frame.columns))}"
        )
    name = others[0]
    if frame.empty:
        raise TivaxError(f"{path}: no rows below the names of the columns")
    numbers = pd.to_numeric(frame[name], errors="coerce").astype(float)
    bad = np.flatnonzero(~np.isfinite(numbers)).tolist()
    if bad:
        year, region, sector = (frame.iloc[bad[0]][k] for k in _LABELS)
        raise TivaxError(
            f"{path}: column {name} must hold a number in every row, but has "
            f"{frame[name].iloc[bad[0]]} for {year} {region} {sector}"
        )
    if not pd.api.types.is_integer_dtype(frame["year"]):
        raise TivaxError(f"{path}: column year must hold whole numbers such as 2007")
    frame[name] = numbers
    twice = frame[frame.duplicated(list(_LABELS))]
    if len(twice):
        year, region, sector = (twice.iloc[0][k] for k in _LABELS)
        raise TivaxError(f"{path}: {year} {region} {sector} stands there twice")
    units = set(frame["unit"]) if "unit" in frame else {""}
    if len(units) > 1:
        raise TivaxError(f"{path}: several units: {', '.join(sorted(map(str, units)))}")
    frame = frame.astype({"region": str, "sector": str})
    for label in ("region", "sector"):
        frame[label] = frame[label].map(without_apostrophe)
    values = frame.set_index(list(_LABELS))[name].to_xarray()
    return values.rename(name).assign_attrs(units=str(units.pop()), file=str(path))


def aligned(account: xr.DataArray, tables: WorldTables) -> Float[np.ndarray, "t n"]:
    """The account in the order of the tables.

    Raises ``TivaxError`` for a year, region, sector or industry it does not have, for
    labels that stand twice, and for a year in which it is 0 everywhere.
    """
    wanted = {
        "year": list(tables.years),
        "region": list(tables.regions),
        "sector": list(tables.sectors),
    }
    if set(account.dims) != set(wanted):
        dims = ", ".join(map(str, account.dims))
        raise TivaxError(
            f"{_name(account)}: needs the dims year, region, sector, not {dims}"
        )
    for dim, labels in wanted.items():
        _require_labels(account, dim, labels)
    values = account.sel(wanted).transpose(*wanted).to_numpy().astype(float)
    if not np.isfinite(values).all():
        t, r, s = np.argwhere(~np.isfinite(values))[0]
        raise TivaxError(
            f"{_name(account)}: no number for {tables.years[t]} "
            f"{tables.regions[r]} {tables.sectors[s]}"
        )
    empty = np.flatnonzero(~values.any(axis=(1, 2))).tolist()
    if empty:
        raise TivaxError(
            f"{_name(account)}: 0 in every industry of {tables.years[empty[0]]}; "
            "leave that year out by --years"
        )
    return values.reshape(len(tables.years), -1)


def left_out(account: xr.DataArray, tables: WorldTables) -> float:
    """Share of the account in industries without output, which no product holds.

    What remains is counted per US$ of output times model-consistent output x*.
    """
    values = np.abs(aligned(account, tables))
    idle = sum(
        values[k][~(np.asarray(tables.x[k]) > 0)].sum() for k in range(len(values))
    )
    return float(idle / values.sum())


def _require_labels(account: xr.DataArray, dim: str, labels: Sequence) -> None:
    index = account.indexes[dim]
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise TivaxError(f"{_name(account)}: {dim} {twice} stands there twice")
    there = set(index.tolist())
    for label in labels:
        if label not in there:
            others = [str(k) for k in index if k not in labels]
            remedy = f"; it has {', '.join(others[:3])} instead" if others else ""
            if dim == "year":
                remedy = "; choose others by --years"
            raise TivaxError(
                f"{_name(account)}: has no {dim} {label}, which the tables have{remedy}"
            )


def _name(account: xr.DataArray) -> str:
    file = account.attrs.get("file")
    return str(file) if file else f"satellite account {account.name or ''}".strip()
