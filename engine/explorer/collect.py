"""The measures of result folders, by year, region and partner.

What a folder lacks is not offered. Sectors are shown together: rows of single sectors
are left out, terms of a decomposition are summed over them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import Column, NotFound, TivaxError, columns_of, suggest
from ..measures import EVERY_PARTNER, EVERY_SECTOR, INDICATORS, METHODS, NOT_SUMMED
from .read import (
    TABLES,
    WIDE,
    find_table,
    read_manifest,
    read_table,
    require_memory,
    require_recorded,
)

_NORMAL_95 = 1.959963984540054
_BALANCE = Column("value-added balance", "value added", signed=True)


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of all years and regions.

    Attributes
    ----------
    code, title, unit
        The name in the file, in words, and the unit; ``unit`` is empty where the
        result does not tell it.
    group
        Heading in a list of measures: the result folder.
    file
        The table it was read from.
    signed
        Either sign has a meaning of its own, as with balances.
    values : (t, c) or (t, c, c)
        By year and region, or by year, region and partner. NaN where there is none.
    low, high : the same shape, or None
        Ends of the interval of 95 %, of results that have one.
    """

    code: str
    title: str
    unit: str
    group: str
    file: Path
    signed: bool
    values: Float[np.ndarray, "t c *c"]
    low: Float[np.ndarray, "t c *c"] | None = None
    high: Float[np.ndarray, "t c *c"] | None = None

    @property
    def by_partner(self) -> bool:
        """True if there is a value with each partner."""
        return self.values.ndim == 3


@dataclass(frozen=True)
class ResultFolder:
    """A folder of results: its name in lists, and its manifest, which tells units.

    ``recorded``: the manifest has the checksums of its tables.
    """

    path: Path
    name: str
    manifest: Mapping[str, Any]
    recorded: bool = True


@dataclass(frozen=True, eq=False)
class Collected:
    """The measures of one or more results, over the same years and regions."""

    years: tuple[int, ...]
    regions: tuple[str, ...]
    measures: tuple[Measure, ...]
    unrecorded: tuple[str, ...] = ()
    """Results that no checksum vouches for."""

    @property
    def bytes(self) -> int:
        """Bytes of the numbers of all measures."""
        arrays = [a for k in self.measures for a in (k.values, k.low, k.high)]
        return sum(a.nbytes for a in arrays if a is not None)


@dataclass(frozen=True, eq=False)
class _Series:
    """A measure as a long table: year, region, maybe partner, value, low, high."""

    code: str
    title: str
    unit: str
    file: Path
    signed: bool
    rows: pd.DataFrame


def result_folders(paths: Sequence[Path]) -> list[ResultFolder]:
    """The folders by their last name, or by their path where two have the same."""
    short = [path.resolve().name for path in paths]
    names = short if len(set(short)) == len(short) else [str(path) for path in paths]
    return [
        ResultFolder(path, name, about := read_manifest(path), "files" in about)
        for path, name in zip(paths, names, strict=True)
    ]


def collect_results(
    results: Sequence[ResultFolder], only: Sequence[str] = ()
) -> Collected:
    """The measures of result folders of `tbi`, `indicators`, `decompose` and `demo`.

    ``only`` names the measures that are wanted, by code; else all are collected.

    Raises
    ------
    TivaxError
        A folder is missing or holds no such result, a table cannot be read or lacks a
        column, a row is there twice, or no measure has a name of ``only``.
    """
    found = [
        (folder.name, series)
        for folder in results
        for series in _series_of(folder)
        if not series.rows.empty
    ]
    codes = list(dict.fromkeys(series.code for _, series in found))
    for name in only:
        if name not in codes:
            raise TivaxError(f"no measure {name}: {suggest(name, codes)}")
    found = [k for k in found if not only or k[1].code in only]
    if not found:
        raise TivaxError(f"{results[0].path}: its tables have no rows for all sectors")
    years = sorted({int(y) for _, k in found for y in k.rows["year"].unique()})
    regions = list(
        dict.fromkeys(
            str(label)
            for _, series in found
            for side in ("region", "partner")
            if side in series.rows
            for label in series.rows[side].unique()
        )
    )
    measures = [_measure(k, group, years, regions) for group, k in found]
    unrecorded = tuple(k.name for k in results if not k.recorded)
    return Collected(tuple(years), tuple(regions), tuple(measures), unrecorded)


def _measure(
    series: _Series, group: str, years: list[int], regions: list[str]
) -> Measure:
    rows = series.rows
    sides = [k for k in ("region", "partner") if k in rows]
    places = (
        pd.Categorical(rows["year"], categories=years).codes,
        *(pd.Categorical(rows[k], categories=regions).codes for k in sides),
    )
    if rows.duplicated(["year", *sides]).any():
        twice = rows[rows.duplicated(["year", *sides])].iloc[0]
        labels = " ".join(str(twice[k]) for k in ("year", *sides))
        raise TivaxError(f"{series.file}: {series.code} of {labels} is there twice")
    shape = (len(years), *[len(regions)] * len(sides))

    def array(name: str) -> np.ndarray | None:
        if name not in rows or rows[name].isna().all():
            return None
        full = np.full(shape, np.nan)
        full[places] = rows[name]
        return full

    values = array("value")
    return Measure(
        series.code,
        series.title,
        series.unit,
        group,
        series.file,
        series.signed,
        np.full(shape, np.nan) if values is None else values,
        array("low"),
        array("high"),
    )


# ------------------------------------------------------------------- what a folder has


def _series_of(result: ResultFolder) -> Iterator[_Series]:
    folder, manifest = result.path, result.manifest
    if not folder.exists():
        raise NotFound(f"{folder}: no such folder")
    tables = {name: path for name in TABLES if (path := find_table(folder, name))}
    if not tables:
        raise TivaxError(
            f"{folder}: no result of tivax tbi, indicators, decompose or demo"
        )
    require_recorded(folder, manifest, tables.values())
    require_memory(folder, tables.values())
    seen: set[str] = set()
    for name in WIDE:
        if name in tables:
            for series in _columns(tables[name], manifest):
                if series.code not in seen:
                    yield series
                seen.add(series.code)
    if "va_absorbed" in tables:
        yield from _absorbed(tables["va_absorbed"], manifest)
    if "indicators" in tables:
        yield from _indicators(tables["indicators"], manifest)
    if "decomposition" in tables:
        yield from _terms(tables["decomposition"], manifest)


def _by_account(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each account; of the only one, which has no name, all."""
    if "account" not in frame:
        yield "", frame
        return
    for name in frame["account"].unique():
        yield str(name), frame[frame["account"] == name]


def _of_account(text: str, account: str, between: str) -> str:
    return f"{account}{between}{text}" if account else text


def _traced_unit(manifest: Mapping[str, Any], account: str) -> str:
    """The unit of value added, or of the satellite account of that name."""
    for one in manifest.get("accounts", [manifest]):
        if account in ("", one.get("value_added")):
            return str(one.get("value_added_unit", ""))
    return ""


def _tables_unit(manifest: Mapping[str, Any], account: str) -> str:
    """The unit of gross flows, which is not recorded beside a satellite account."""
    name = account or manifest.get("value_added", "")
    return _traced_unit(manifest, account) if name in ("residual", "basic") else ""


def _columns(path: Path, manifest: Mapping[str, Any]) -> Iterator[_Series]:
    known = columns_of("tbi")
    for account, rows in _by_account(read_table(path, ["year", "region"])):
        for name in map(str, rows):
            if (about := known.get(name)) is None or not about.unit:
                continue
            yield _Series(
                _of_account(name, account, "/"),
                _of_account(about.title, account, ": "),
                _unit_of(about, manifest, account),
                path,
                about.signed,
                _with_interval(rows, name, ["year", "region"]),
            )


def _unit_of(about: Column, manifest: Mapping[str, Any], account: str) -> str:
    unit = {"value added": _traced_unit, "tables": _tables_unit}.get(about.unit)
    return unit(manifest, account) if unit else about.unit


def _with_interval(rows: pd.DataFrame, name: str, labels: list[str]) -> pd.DataFrame:
    """Labels, value, low and high; an interval is that of the file, or 1.96 se.

    The column se right after a value is its own; others have the name in front.
    """
    columns = [*map(str, rows)]
    main = columns[columns.index(name) + 1 :][:1] == ["se"]
    prefix = "" if main or name == "value" else f"{name}_"
    low, high = (rows.get(f"{prefix}{k}") for k in ("ci_low", "ci_high"))
    if (error := rows.get(f"{prefix}se")) is not None and low is None:
        low, high = (rows[name] + k * _NORMAL_95 * error for k in (-1, 1))
    found = rows[labels].assign(value=rows[name])
    return found if low is None else found.assign(low=low, high=high)


def _absorbed(path: Path, manifest: Mapping[str, Any]) -> Iterator[_Series]:
    known = {"value_added": columns_of("tbi")["value_added"], "balance": _BALANCE}
    needed = ["year", "origin", "absorber", "value_added"]
    for account, rows in _by_account(read_table(path, needed)):
        names = {"origin": "region", "absorber": "partner", "value_added": "value"}
        sold = rows[needed].rename(columns=names)
        bought = sold.rename(columns={"region": "partner", "partner": "region"})
        both = sold.merge(bought, on=["year", "region", "partner"], suffixes=("", "2"))
        both = both[both["region"] != both["partner"]]
        both["value"] = both["value"] - both.pop("value2")
        for name, frame in (("value_added", sold), ("balance", both)):
            yield _Series(
                _of_account(name, account, "/"),
                _of_account(known[name].title, account, ": "),
                _traced_unit(manifest, account),
                path,
                known[name].signed,
                frame,
            )


def _indicators(path: Path, manifest: Mapping[str, Any]) -> Iterator[_Series]:
    needed = ["year", "region", "sector", "partner", "indicator", "value"]
    frame = read_table(path, needed, {"sector": [EVERY_SECTOR]})
    for account, of_account in _by_account(frame):
        units = manifest.get("units", {})
        units = units.get(account, units) if account else units
        for name, rows in of_account.groupby("indicator", sort=False):
            known = INDICATORS.get(str(name))
            title = known.title if known else str(name)
            together = rows["partner"] == EVERY_PARTNER
            for chosen, sides in ((together, []), (~together, ["partner"])):
                yield _Series(
                    _of_account(str(name), account, "/"),
                    _of_account(title, account, ": "),
                    str(units.get(name, known.unit if known else "")),
                    path,
                    known is not None and known.bounds[0] < 0,
                    _with_interval(rows[chosen], "value", ["year", "region", *sides]),
                )


def _terms(path: Path, manifest: Mapping[str, Any]) -> Iterator[_Series]:
    frame = read_table(path, ["year", "term", "value"])
    # In the order of the file: of imports, the importer comes first.
    sides = [k for k in map(str, frame) if k in ("exporter", "importer")]
    if not sides:
        raise TivaxError(f"{path}: no column exporter or importer")
    method = METHODS.get(str(manifest.get("method")))
    if "sector" in frame:
        if method and method.kernels.get(str(manifest.get("level"))) in NOT_SUMMED:
            raise TivaxError(
                f"{path}: these terms have no sum over sectors; choose a result at "
                "--level country or bilateral"
            )
        labels = [k for k in frame if k not in ("sector", "value")]
        frame = frame.groupby(labels, sort=False)["value"].sum().reset_index()
    labels = ["year", "region", "partner"][: 1 + len(sides)]
    names: dict[str, str] = dict(zip(sides, labels[1:], strict=True))
    frame = frame.rename(columns=names)
    for account, of_account in _by_account(frame):
        for name, rows in of_account.groupby("term", sort=False):
            words = method.terms.get(str(name), str(name)) if method else str(name)
            yield _Series(
                _of_account(str(name), account, "/"),
                _of_account(words, account, ": "),
                _traced_unit(manifest, account),
                path,
                False,
                _with_interval(rows, "value", labels),
            )
