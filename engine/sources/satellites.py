"""Satellite accounts read from csv or parquet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ..core import (
    NotFound,
    TivaxError,
    local_path,
    read_parquet,
    require_different_columns,
    require_kind,
    require_size,
    unescape_formula,
)
from ..files import TableFile
from ..files.opening import parsing
from ..tables import require_labels
from .tables import adb, figaro

_LABELS = ("year", "region", "sector")
_FINAL = "final"  # a column of what final demand itself emits


def read_satellites(
    paths: str | Path | Sequence[str | Path], final: bool = False
) -> list[xr.DataArray]:
    """The accounts of csv or parquet files: a column of numbers each, under its name.

    Parameters
    ----------
    paths
        A file or several. Columns: year, region, sector, a column of numbers for each
        account, and optionally unit, that of all of them; a row an industry and year.
        Or the workbook of ``tivax fetch adb --format 4x3``, for its CO2; or Eurostat's
        emissions in the industries of FIGARO, ``estat_env_ac_co2fp.tsv`` or SDMX-CSV.
        Beside a single account a column final may hold what final demand emits or uses
        by the goods of that row, or in all in one of the region's; empty cells are 0.
    final
        What final demand itself emits or uses (F_Y): that column, summed over sectors,
        or a file with year, region, and optionally category (of final demand, which are
        summed), in place of sector.

    Returns
    -------
    list
        Accounts (year, region, sector), or (year, absorbing region) of final demand.

    Raises
    ------
    TivaxError
        Any other file; an account of one name in two files.

    Examples
    --------
    >>> jobs.assign(co2=1.5).to_csv("accounts.csv", index=False)
    >>> [account.name for account in tx.read_satellites("accounts.csv")]
    ['jobs', 'co2']
    >>> driving = pd.DataFrame({"year": 2000, "region": world.regions, "co2": 0.5})
    >>> driving.to_csv("households.csv", index=False)
    >>> dict(tx.read_satellites("households.csv", final=True)[0].sizes)
    {'year': 1, 'region': 3}
    """
    require_kind("final", final, bool, "True or False")
    require_kind("paths", paths, str | Path | Sequence, "a file or a list of files")
    found: list[xr.DataArray] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        found += _read(local_path("paths", path), final)
    require_different_names(found)
    if not final:
        return found
    by = {"sector", "category"}
    return [k.sum([d for d in k.dims if d in by], keep_attrs=True) for k in found]


def has_final(path: Path) -> bool:
    """True if a file of accounts has a column of what final demand itself emits."""
    return _FINAL in _frame(path)


def require_different_names(accounts: Sequence[xr.DataArray]) -> None:
    """Raise ``TivaxError`` for a name that two accounts share."""
    files: dict[str, str] = {}
    for account in accounts:
        name, file = str(account.name), str(account.attrs.get("file", ""))
        if name in files:
            raise TivaxError(
                f"{file}: account {name} is also in {files[name]}; rename one column"
            )
        files[name] = file


def _frame(path: Path) -> pd.DataFrame:
    if path.suffix not in (".csv", ".parquet", ".xlsx", ".tsv", ".gz"):
        raise TivaxError(f"{path}: an account is csv or parquet")
    if not path.is_file():
        raise NotFound(f"{path}: no such file; give the csv or parquet itself")
    require_size(path.name, path.stat().st_size)
    if path.suffix == ".xlsx":
        return adb.emissions(TableFile(path))
    with parsing(TableFile(path)):
        if path.suffix == ".parquet":
            frame = read_parquet(path)
            require_different_columns(path, frame.columns)
        else:  # NA is a label like any other: Namibia, North America
            texts = dict.fromkeys((*_LABELS[1:], "category", "unit"), str)
            tabs = ".tsv" in path.suffixes
            frame = pd.read_csv(
                path,
                sep="\t" if tabs else ",",
                dtype=str if tabs else texts,
                keep_default_na=False,
                na_values=[""],
            )
            if not tabs:
                require_different_columns(path)
    if figaro.has_emissions(frame):
        return figaro.emissions(TableFile(path), frame)
    return frame


def _read(path: Path, final: bool) -> list[xr.DataArray]:
    """Accounts by industry, or those of ``final`` demand."""
    frame = _frame(path)
    beside = _FINAL in frame
    labels = [*_LABELS]
    if final and not beside:
        labels = [*_LABELS[:2], *({"category"} & {*frame})]
    names = [str(k) for k in frame.columns if k not in (*labels, "unit", _FINAL)]
    if not names or any(k not in frame for k in labels):
        raise TivaxError(
            f"{path}: needs the columns {', '.join(labels)} and one or more of "
            f"numbers, has {', '.join(map(str, frame.columns))}"
        )
    if beside and len(names) > 1:
        raise TivaxError(
            f"{path}: column final is of one account, and there are "
            f"{', '.join(names)}; write a file for each"
        )
    if beside and final:
        frame[names[0]] = frame[_FINAL].fillna(0)
        _require_parts(path, frame)
    if frame.empty:
        raise TivaxError(f"{path}: no rows below the names of the columns")
    for name in names:
        numbers = pd.to_numeric(frame[name], errors="coerce").astype(float)
        bad = np.flatnonzero(~np.isfinite(numbers)).tolist()
        if bad:
            raise TivaxError(
                f"{path}: column {_FINAL if beside and final else name} must hold a "
                "number in every row, but has "
                f"{frame[name].iloc[bad[0]]} for {_row(frame, bad[0], labels)}"
            )
        frame[name] = numbers
    if not pd.api.types.is_integer_dtype(frame["year"]):
        raise TivaxError(f"{path}: column year must hold whole numbers such as 2007")
    twice = np.flatnonzero(frame.duplicated(labels)).tolist()
    if twice:
        raise TivaxError(f"{path}: {_row(frame, twice[0], labels)} is duplicated")
    units = set(frame["unit"]) if "unit" in frame else {""}
    if len(units) > 1:
        raise TivaxError(f"{path}: several units: {', '.join(sorted(map(str, units)))}")
    for what in labels[1:]:
        texts = frame[what].astype(object).where(frame[what].notna(), "").map(str)
        frame[what] = texts.map(unescape_formula)
        require_labels(frame[what].unique(), f"{path}: {what}")
    require_labels(names, f"{path}: column")
    table = frame.set_index(labels)
    about = {"units": str(units.pop()), "file": str(path)}
    return [table[name].to_xarray().rename(name).assign_attrs(about) for name in names]


def _require_parts(path: Path, frame: pd.DataFrame) -> None:
    """Refuse a number of a whole region that stands in each of its rows."""
    each = frame.groupby([*_LABELS[:2]])[_FINAL]
    if (each.size() > 1).all() and (each.nunique(dropna=False) == 1).all():
        if frame[_FINAL].fillna(0).any():
            raise TivaxError(
                f"{path}: column final repeats one number in all rows of a region, and "
                "they are added up; write it in one row, the others empty"
            )


def _row(frame: pd.DataFrame, row: int, labels: Sequence[str]) -> str:
    return " ".join(str(frame.iloc[row][k]) for k in labels)
