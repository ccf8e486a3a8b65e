"""Indicators as the OECD publishes them, and the same cells of tables.

Its SDMX csv (flows MAINLV, in US$, and MAINSH, in per cent) has a row for each number;
these columns say which. Activity ``_T`` is all sectors, partner ``W`` the world.
"""

from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from ..core import Progress, TivaxError
from ..errors import measure_unit
from ..files import TableFile, read_rows
from ..measures import INDICATORS, LEVELS, indicators
from ..tables import REST, WorldTables, whole_regions
from .result import Comparison

NAME = "published"
_KEYS = {
    "TIME_PERIOD": "year",
    "REF_AREA": "region",
    "ACTIVITY": "sector",
    "COUNTERPART_AREA": "partner",
    "MEASURE": "measure",
}
_COLUMNS = (*_KEYS, "UNIT_MEASURE", "OBS_VALUE")
_ALL = {"sector": "_T", "partner": "W"}
_REST = "WXD"
_UNIT = "million US$"
_MILLIONS = "6"  # UNIT_MULT of US$, where there is no such column


class PublishedCells(NamedTuple):
    """Published cells (year, region, sector, partner, measure, value) and, by measure,
    half a unit of the last digit."""

    cells: pd.DataFrame
    rounding: dict[str, float]


def read_published(path: Path) -> PublishedCells:
    """The numbers of an SDMX csv of the OECD by their indicator, in million US$ or per
    cent; ``TivaxError`` for another file."""
    frame = read_rows(TableFile(path))
    if lacking := [k for k in _COLUMNS if k not in frame]:
        raise TivaxError(
            f"{path}: no column {lacking[0]}; give the OECD's SDMX csv, with columns "
            f"{', '.join(_COLUMNS)}"
        )
    frame = frame.dropna(subset=["OBS_VALUE"]).reset_index(drop=True)
    numbers = frame[["TIME_PERIOD", "OBS_VALUE"]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1) | (numbers["TIME_PERIOD"] % 1 != 0)
    if bad.any():
        row = frame.loc[bad, ["TIME_PERIOD", "OBS_VALUE"]].iloc[0]
        told = " and ".join(map(str, row))
        raise TivaxError(f"{path}: {told} is no year and number; get it again")
    cells = frame[[*_KEYS]].rename(columns=_KEYS)
    cells["year"] = numbers["TIME_PERIOD"].astype(int)
    for name in ("region", "partner"):
        cells[name] = cells[name].replace(_REST, REST)
    level = frame["UNIT_MEASURE"] == "USD"
    share = cells["measure"] + "SH"
    joined = share.str.replace("_PSH", "PSH").where(~share.isin([*INDICATORS]), share)
    cells["measure"] = cells["measure"].where(level, joined)
    power = pd.to_numeric(frame.get("UNIT_MULT", _MILLIONS)) - int(_MILLIONS)
    scale = pd.Series(np.where(level, 10.0**power, 1.0), cells.index)
    cells["value"] = numbers["OBS_VALUE"] * scale
    keys = [*_KEYS.values()]
    if (twice := cells.duplicated(keys)).any():
        told = " ".join(map(str, cells.loc[twice, keys].iloc[0]))
        raise TivaxError(f"{path}: two numbers of {told}; leave one")
    digits = frame["OBS_VALUE"].astype(str).str.partition(".")[2].str.len().max()
    half = 0.5 * 10.0**-digits * scale.groupby(cells["measure"]).max()
    return PublishedCells(cells, {str(k): v for k, v in half.items()})


def beside_published(
    name: str,
    tables: WorldTables,
    path: Path,
    measures: Sequence[str],
    regions: Sequence[str],
    progress: Progress,
) -> Comparison:
    """The cells of a file beside those of tables; by default of all its measures."""
    given, rounding = read_published(path)
    there = given[given["region"].isin([*regions])]
    if measures:
        there = there[there["measure"].isin([*measures])]
    found, worst = _with_own(tables, there, progress)
    if found.empty:
        told = " ".join(map(str, given.iloc[0])) if len(given) else "no number"
        raise TivaxError(
            f"{path}: none of its {len(given):,} numbers is a cell of {name}; look at "
            f"years, regions, sectors and measures: {told}"
        )
    names = [*found["measure"].unique()]
    units = {k: measure_unit(k, tables.unit, tables.unit) for k in names}
    if tables.unit != _UNIT and tables.unit in units.values():
        raise TivaxError(f"{path}: in {_UNIT}, {name} in {tables.unit}; convert it")
    sides = {name: found.assign(value=found["own"]), NAME: found}
    frames = [v.drop(columns="own").assign(database=k) for k, v in sides.items()]
    table = pd.concat(frames, ignore_index=True)
    table.insert(0, "database", table.pop("database"))
    years, shown = (tuple(sorted(found[k].unique())) for k in ("year", "region"))
    sizes = tuple(sides), tuple(map(int, years)), shown, units
    left = len(given) - len(found)
    return Comparison(table, *sizes, {}, worst, rounding=rounding, left_out=left)


def _with_own(
    tables: WorldTables, cells: pd.DataFrame, progress: Progress
) -> tuple[pd.DataFrame, float]:
    """The cells that tables have, ``own`` beside ``value``, and the worst residual;
    those that are 0 in both are left out."""
    has = {"year": tables.years, "sector": tables.sectors}
    for name, there in (has | {"partner": whole_regions(tables)}).items():
        cells = cells[cells[name].isin([*there, _ALL.get(name)])]
    detailed = [cells[name] != total for name, total in _ALL.items()]
    parts, worst = [cells[:0].assign(own=0.0)], 0.0
    for level, which in LEVELS.items():
        known = [k for k, v in INDICATORS.items() if v.has(level)]
        here = (detailed[0] == which[0]) & (detailed[1] == which[1])
        rows = cells[here & cells["measure"].isin(known)]
        if rows.empty:
            continue
        some = tables.select(int(rows["year"].min()), int(rows["year"].max()))
        names = [*rows["measure"].unique()]
        every = indicators(some, names, level, progress=progress)
        worst = max(worst, float(every["residual"].max()))
        dims = ["year", "region", *compress(_ALL, which)]
        for name, part in rows.groupby("measure"):
            at: Any = {k: xr.DataArray(part[k].to_numpy(), dims="cell") for k in dims}
            parts.append(part.assign(own=every.data[name].sel(at).to_numpy()))
    found = pd.concat(parts).sort_index()
    found = found[(found["value"] != 0) | (found["own"] != 0)]
    whole = [name for name, total in _ALL.items() if (found[name] == total).all()]
    return found.drop(columns=whole), worst
