"""To and from pymrio: systems in memory, and systems that it saved.

pymrio itself is needed for ``to_pymrio`` alone. Its format on disk is described in
``pymrio_files``.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..core import (
    TivaxError,
    local_path,
    partial_folder,
    replace_folder,
    require_choice,
    require_free,
    require_kind,
    require_writable,
    root_logger_kept,
)
from ..tables import WorldTable, WorldTables, require_tables, stack_years
from .pymrio_accounts import Satellite, Satellites, one_system, year_of
from .pymrio_files import METADATA, PARAMETERS, read_system


def read_pymrio(path: str | Path, year: int | None = None) -> WorldTables:
    """World tables of a system that pymrio saved (``io.save_all``).

    Parameters
    ----------
    path
        Its folder or zip archive, text or parquet.
    year
        Where neither the name of the folder nor its metadata.json tells it.

    Returns
    -------
    WorldTables
        Labels as the system has them. A row named value added in an extension such as
        ``factor_inputs`` is the tables' value added. Output is the sum of the row where
        the system has no x.

    Raises
    ------
    TivaxError
        A folder that is no such system, holds several, or is damaged; labels that do
        not fit each other; several units; an unknown year.

    Examples
    --------
    >>> folder = tx.save_pymrio(world, "saved", year=2000)
    >>> tx.read_pymrio(folder).years
    (2000,)
    """
    file = one_system(path)
    when = year_of(file, year)
    table = read_system(file, when)
    return stack_years(
        [table], unit=table.unit or "unit of the table", source=file.name
    )


def to_pymrio(
    tables: WorldTables, year: int | None = None, *, satellites: Satellites = ()
) -> Any:
    """One year as an ``IOSystem`` of pymrio, which must be installed.

    Parameters
    ----------
    year
        Year to take, if the tables have several.
    satellites
        Accounts to add as extensions: those of :func:`pymrio_satellites` return to
        where they came from, others form the extension ``satellites``. Value added of
        the tables is the extension ``factor_inputs``.

    Returns
    -------
    pymrio.IOSystem
        With Z, Y, x, unit, metadata and extensions; ``calc_all()`` computes the rest.

    Raises
    ------
    TivaxError
        No pymrio; several years and none chosen; accounts of other industries.

    Examples
    --------
    >>> io = tx.to_pymrio(world, year=2000)
    >>> io.calc_all().A.shape
    (12, 12)
    """
    table = _chosen(tables, year)
    try:
        with root_logger_kept():
            import pymrio
    except ImportError:
        raise TivaxError(
            "to_pymrio needs pymrio: pip install pymrio (save_pymrio does not)"
        ) from None
    extensions = {
        name: {"name": _title(name), **parts}
        for name, parts in _extension_frames(tables, table, satellites).items()
    }
    about = _about(tables, table)
    return pymrio.IOSystem(
        **_core_frames(tables, table),
        name=about["name"],
        description=about["description"],
        version=about["version"],
        **extensions,
    )


def save_pymrio(
    tables: WorldTables,
    folder: str | Path,
    year: int | None = None,
    *,
    satellites: Satellites = (),
    format: str = "txt",
) -> Path:
    """Save one year as pymrio does, so that ``pymrio.load_all(folder)`` opens it.

    pymrio is not needed. ``format`` is txt, with every digit, or parquet; ``year`` and
    ``satellites`` as in :func:`to_pymrio`. Returns the folder. Raises ``TivaxError`` as
    :func:`to_pymrio`, and where the folder exists.

    Examples
    --------
    >>> folder = tx.save_pymrio(world, "system", year=2000)
    >>> tx.read_pymrio(folder).regions
    ('R01', 'R02', 'ROW')
    """
    table, place = _chosen(tables, year), local_path("folder", folder)
    require_choice("format", format, ("txt", "parquet"))
    parts = _extension_frames(tables, table, satellites)
    require_free(place, force=False)
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
    return place


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


def _industries(tables: WorldTables) -> pd.MultiIndex:
    labels = [tables.regions, tables.sectors]
    return pd.MultiIndex.from_product(labels, names=["region", "sector"])


def _uses(tables: WorldTables) -> pd.MultiIndex:
    labels = [tables.regions, tables.categories]
    return pd.MultiIndex.from_product(labels, names=["region", "category"])


def _core_frames(tables: WorldTables, table: WorldTable) -> dict[str, pd.DataFrame]:
    rows = _industries(tables)
    return {
        "Z": pd.DataFrame(table.Z, rows, rows),
        "Y": pd.DataFrame(table.Y.reshape(len(rows), -1), rows, _uses(tables)),
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
            "F": pd.DataFrame(table.value_added[None], row, _industries(tables)),
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
        require_kind("satellites", one, Satellite, "accounts of tx.pymrio_satellites")
        require_kind("satellites", one.account, xr.DataArray, "accounts (DataArrays)")
        found.append(one)
    return found


def _one_extension(
    tables: WorldTables, year: int, satellites: list[Satellite]
) -> dict[str, pd.DataFrame]:
    labels = [_stressor(k.account) for k in satellites]
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
    of_industries = {"region": tables.regions, "sector": tables.sectors}
    of_uses = {"region": tables.regions, "category": tables.categories}
    F = [_row(k.account, year, of_industries) for k in satellites]
    frames = {"F": pd.DataFrame(np.array(F), rows, _industries(tables))}
    direct = [k.direct for k in satellites if k.direct is not None]
    if direct:
        # An account of regions alone goes to the first category.
        nothing = np.zeros(len(tables.regions) * len(tables.categories))
        F_Y = [
            nothing
            if k.direct is None
            else _row(_by_use(k.direct, tables), year, of_uses)
            for k in satellites
        ]
        frames["F_Y"] = pd.DataFrame(np.array(F_Y), rows, _uses(tables))
    units = [str(k.account.attrs.get("units", "")) for k in satellites]
    return {**frames, "unit": pd.DataFrame({"unit": units}, rows)}


def _stressor(account: xr.DataArray) -> tuple[str, ...]:
    return tuple(account.attrs.get("stressor", [str(account.name or "account")]))


def _by_use(direct: xr.DataArray, tables: WorldTables) -> xr.DataArray:
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
