"""To and from pymrio: systems in memory, and systems that it saved.

pymrio itself is needed for ``to_pymrio`` alone. Its format on disk is described in
``pymrio_files``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd
import xarray as xr

from ..core import (
    TivaxError,
    local_path,
    partial_folder,
    replace_folder,
    require_choice,
    require_kind,
    require_new,
    require_writable,
    root_logger_kept,
)
from ..tables import (
    WorldTable,
    WorldTables,
    from_system,
    require_tables,
    stack_years,
)
from .pymrio_accounts import Satellite, Satellites, one_system, year_of
from .pymrio_files import METADATA, PARAMETERS, read_system, value_added_row


def from_pymrio(
    system: Any,
    year: int | None = None,
    *,
    value_added: Any = None,
    unit: str | None = None,
    source: str = "pymrio",
) -> WorldTables:
    """World tables from pymrio, an ``IOSystem`` or one that it saved.

    pymrio itself is not needed.

    Parameters
    ----------
    system
        An ``IOSystem`` with Z (or A and x) and Y; where it has no x, that is the sum of
        the rows, as ``io.calc_all()`` makes it, and a ``TivaxWarning`` says so. Or the
        folder or zip archive, text or parquet, of one that pymrio saved
        (``io.save_all``). A row named value added in an extension of it such as
        ``factor_inputs`` is the tables' value added.
    year
        A system in memory does not keep its year: it must be given. For a saved one,
        where neither the name of the folder nor its metadata.json tells it.
    value_added
        At basic prices: one row or a Series, in place of that of a system in memory.
    unit
        Read from ``io.unit`` where that is the same for all sectors.

    Returns
    -------
    WorldTables
        One year, in the unit of the system.

    Raises
    ------
    TivaxError
        As :func:`from_frames`; no year; no Z, no Y; several units; a folder that is no
        such system, holds several, or is damaged.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rows = pd.MultiIndex.from_product([["AUT", "DEU"], ["goods"]])
    >>> columns = pd.MultiIndex.from_product([["AUT", "DEU"], ["households"]])
    >>> Z = pd.DataFrame([[2, 1], [1, 3]], rows, rows)
    >>> Y = pd.DataFrame([[4, 1], [2, 6]], rows, columns)
    >>> x = Z.sum(axis=1) + Y.sum(axis=1)
    >>> io = SimpleNamespace(Z=Z, Y=Y, x=x, unit=None)  # such as pymrio.load_test()
    >>> tx.from_pymrio(io, 2020, unit="million EUR")
    WorldTables: 2 regions x 1 sector x 1 year
    ...
    >>> folder = tx.to_pymrio(world, 2000, path="of_pymrio")
    >>> tx.from_pymrio(folder, 2000).years
    (2000,)
    """
    if not isinstance(system, str | Path):
        if value_added is None and hasattr(system, "get_extensions"):
            named = map(str, system.get_extensions())
            there = [k for k in named if getattr(system, k).F is not None]
            value_added = value_added_row(there, lambda k: getattr(system, k).F)
        return from_system(
            system, year, value_added=value_added, unit=unit, source=source
        )
    if value_added is not None or unit is not None:
        raise TivaxError(f"{system}: a saved system has its own value added and unit")
    file = one_system(system)
    when = year_of(file, year)
    table = read_system(file, when)
    return stack_years(
        [table], unit=table.unit or "unit of the table", source=file.name
    )


@overload
def to_pymrio(
    tables: WorldTables,
    year: int | None = None,
    *,
    path: str | Path,
    satellites: Satellites = (),
    format: str = "txt",
) -> Path: ...
@overload
def to_pymrio(
    tables: WorldTables, year: int | None = None, *, satellites: Satellites = ()
) -> Any: ...
def to_pymrio(
    tables: WorldTables,
    year: int | None = None,
    *,
    path: str | Path | None = None,
    satellites: Satellites = (),
    format: str = "txt",
) -> Any:
    """One year as an ``IOSystem`` of pymrio, or saved as pymrio does.

    Parameters
    ----------
    year
        Which year of the tables, if they have several.
    path
        A new folder that ``pymrio.load_all(path)`` opens; pymrio is not needed then.
    satellites
        Accounts to add as extensions: those of ``Satellite.from_pymrio`` return to
        where they came from, others form the extension ``satellites``. Value added of
        the tables is the extension ``factor_inputs``.
    format
        Of the files below path: txt, with every digit, or parquet.

    Returns
    -------
    pymrio.IOSystem or Path
        With Z, Y, x, unit, metadata and extensions; ``calc_all()`` computes the rest.
        With a path, the path.

    Raises
    ------
    TivaxError
        No pymrio; several years and none chosen; accounts of other industries; a folder
        that exists.

    Examples
    --------
    >>> io = tx.to_pymrio(world, year=2000)
    >>> io.calc_all().A.shape
    (12, 12)
    >>> folder = tx.to_pymrio(world, 2000, path="system")
    >>> tx.from_pymrio(folder).regions
    ('R01', 'R02', 'ROW')
    """
    table = _chosen(tables, year)
    require_choice("format", format, ("txt", "parquet"))
    if path is not None:
        place = local_path("path", path)
        _save_system(tables, table, place, satellites, format)
        return place
    try:
        with root_logger_kept():
            import pymrio
    except ImportError:
        raise TivaxError(
            "to_pymrio needs pymrio: pip install pymrio (with path= it does not)"
        ) from None
    extensions = {
        name: {"name": _title(name), **parts}
        for name, parts in _extension_frames(tables, table, satellites).items()
    }
    core, about = _core_frames(tables, table), _about(tables, table)
    return pymrio.IOSystem(**core, **about, **extensions)


def _save_system(
    tables: WorldTables,
    table: WorldTable,
    place: Path,
    satellites: Satellites,
    format: str,
) -> None:
    parts = _extension_frames(tables, table, satellites)
    require_new(place)
    require_writable(place)
    with partial_folder(place) as part:
        _save(part, _core_frames(tables, table), format, {"systemtype": "IOSystem"})
        about = {**_about(tables, table), "system": "", "history": ["saved by tivax"]}
        (part / METADATA).write_text(json.dumps(about, indent=4), encoding="utf-8")
        for name, frames in parts.items():
            (part / name).mkdir()
            kind = {"systemtype": "Extension", "name": _title(name)}
            _save(part / name, frames, format, kind)
        replace_folder(part, place)


def _save(
    folder: Path, frames: Mapping[str, pd.DataFrame], format: str, about: dict[str, str]
) -> None:
    files = {}
    for name, frame in frames.items():
        path = folder / f"{name}.{format}"
        if format == "txt":
            frame.to_csv(path, sep="\t")
        else:
            frame.to_parquet(path)
        files[name] = {
            "name": path.name,
            "nr_index_col": str(frame.index.nlevels),
            "nr_header": str(frame.columns.nlevels),
        }
    text = json.dumps({"files": files, **about}, indent=4)
    (folder / PARAMETERS).write_text(text, encoding="utf-8")


def _chosen(tables: WorldTables, year: int | None) -> WorldTable:
    require_tables(tables)
    if year is None and len(tables.years) > 1:
        first, last = tables.years[0], tables.years[-1]
        raise TivaxError(f"pymrio holds one year: give year=, {first} to {last}")
    return tables.table(tables.years[0] if year is None else year)


def _labels(tables: WorldTables, inner: str = "sector") -> dict[str, Sequence[str]]:
    """Labels of industries, or of final demand by ``category``."""
    within = tables.sectors if inner == "sector" else tables.categories
    return {"region": tables.regions, inner: within}


def _index(labels: Mapping[str, Sequence[str]]) -> pd.MultiIndex:
    return pd.MultiIndex.from_product([*labels.values()], names=[*labels])


def _core_frames(tables: WorldTables, table: WorldTable) -> dict[str, pd.DataFrame]:
    rows, uses = _index(_labels(tables)), _index(_labels(tables, "category"))
    return {
        "Z": pd.DataFrame(table.Z, rows, rows),
        "Y": pd.DataFrame(table.Y.reshape(len(rows), -1), rows, uses),
        "x": pd.DataFrame(table.x[:, None], rows, ["indout"]),
        "unit": pd.DataFrame({"unit": [tables.unit] * len(rows)}, rows),
    }


def _about(tables: WorldTables, table: WorldTable) -> dict[str, str]:
    source = Path(tables.source).name or "tivax"
    return {
        "name": source,
        "description": f"{source}, {table.year}, {tables.unit}",
        "version": str(table.year),
    }


def _title(name: str) -> str:
    return name.replace("_", " ").title()


def _extension_frames(
    tables: WorldTables, table: WorldTable, satellites: Satellites
) -> dict[str, dict[str, pd.DataFrame]]:
    """F, F_Y and unit of each extension."""
    grouped: dict[str, list[Satellite]] = {}
    for one in _listed(satellites):
        name = str(one.account.attrs.get("extension", "satellites"))
        grouped.setdefault(name, []).append(one)
    frames = {k: _one_extension(tables, table.year, v) for k, v in grouped.items()}
    if table.value_added is not None and "factor_inputs" not in frames:
        row = pd.Index(["Value Added"], name="inputtype")
        frames["factor_inputs"] = {
            "F": pd.DataFrame(table.value_added[None], row, _index(_labels(tables))),
            "unit": pd.DataFrame({"unit": [tables.unit]}, row),
        }
    return frames


def _listed(satellites: Satellites) -> list[Satellite]:
    given = satellites.values() if isinstance(satellites, Mapping) else satellites
    if isinstance(given, str | xr.DataArray) or not isinstance(given, Iterable):
        raise TivaxError(
            "satellites: give a list of accounts, or a dict of them by name"
        )
    found = []
    for one in given:
        if isinstance(one, xr.DataArray):
            one = Satellite(one)
        require_kind(
            "satellites", one, Satellite, "accounts of tx.Satellite.from_pymrio"
        )
        require_kind("satellites", one.account, xr.DataArray, "accounts (DataArrays)")
        found.append(one)
    return found


def _one_extension(
    tables: WorldTables, year: int, satellites: list[Satellite]
) -> dict[str, pd.DataFrame]:
    accounts = [k.account for k in satellites]
    labels = [
        tuple(k.attrs.get("stressor", [str(k.name or "account")])) for k in accounts
    ]
    levels = satellites[0].account.attrs.get("levels", ["stressor"])
    if len({len(k) for k in labels} | {len(levels)}) > 1:
        labels, levels = [(" ".join(k),) for k in labels], ["stressor"]
    rows = (
        pd.MultiIndex.from_tuples(labels, names=levels)
        if len(levels) > 1
        else pd.Index([k for (k,) in labels], name=levels[0])
    )
    if not rows.is_unique:
        raise TivaxError(f"satellites: {rows[rows.duplicated()][0]} is there twice")
    labels_of = {"F": _labels(tables), "F_Y": _labels(tables, "category")}
    flows = {"F": accounts}
    if any(k.direct is not None for k in satellites):
        # An account of regions alone goes to the first category.
        flows["F_Y"] = [_by_use(k.direct, tables, year) for k in satellites]
    frames = {}
    for name, given in flows.items():
        values = np.array([_row(k, year, labels_of[name]) for k in given])
        frames[name] = pd.DataFrame(values, rows, _index(labels_of[name]))
    units = [str(k.account.attrs.get("units", "")) for k in satellites]
    return {**frames, "unit": pd.DataFrame({"unit": units}, rows)}


def _by_use(
    direct: xr.DataArray | None, tables: WorldTables, year: int
) -> xr.DataArray:
    if direct is None:
        labels = {"year": [year], "region": [*tables.regions]}
        direct = xr.DataArray(0.0, labels, [*labels])
    if "category" in direct.dims:
        return direct
    whole = direct.expand_dims(category=[tables.categories[0]])
    return whole.reindex(category=list(tables.categories)).fillna(0.0)


def _row(account: xr.DataArray, year: int, wanted: Mapping[str, Any]) -> np.ndarray:
    """One year of an account in the order of the tables; their labels, no others."""
    name = account.name or "account"
    if set(account.dims) != {"year", *wanted}:
        raise TivaxError(
            f"satellite account {name}: needs the dims year, {', '.join(wanted)}"
        )
    here = {"year": [year], **{k: list(v) for k, v in wanted.items()}}
    for dim, labels in here.items():
        index = account.indexes[dim] if dim in account.indexes else pd.Index([])
        strange = sorted(map(str, set(index) ^ set(labels))) if dim != "year" else []
        missing = [k for k in labels if k not in index]
        if missing or strange or not index.is_unique:
            odd = str((missing or strange or [index[index.duplicated()][0]])[0])
            raise TivaxError(
                f"satellite account {name}: {dim} {odd} is in the account or in the "
                "tables, not once in both"
            )
    return account.sel(here).transpose(*here).to_numpy().astype(float).ravel()
