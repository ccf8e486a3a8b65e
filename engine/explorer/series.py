"""The contents of a result folder, read by the one description of files and columns.

A table with a year and an economy holds measures, one for each column of numbers and
each combination of its other labels. Any other table is shown by its rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ..core import (
    NotFound,
    TivaxError,
    column_title,
    columns_of,
    output_title,
)
from ..measures import EVERY_PARTNER, EVERY_SECTOR, METHODS, NOT_SUMMED, account_of
from ..reporting import Z95, measure_name, of_account
from .meaning import Meaning, meaning_of, named_by_account
from .read import (
    NUMBERED,
    find_tables,
    manifest_of,
    read_table,
    require_memory,
    require_recorded,
    required_columns,
)

Side = Literal["", "partner", "sector"]

REGION_COLUMNS = tuple(
    "region exporter importer origin absorber iso3 partner country left_out".split()
)
_REGIONS = REGION_COLUMNS[:-2]
# Of a number, and said beside it.
_COMPANIONS = ("se", "ci_low", "ci_high", "p_value", "mc_error")
_REMARKS = ("flag", "note", "state", "chosen", "unit", "gross_unit")
_MOST_ROWS = 3_000
# Of a table of one buyer and supplier, read from the top.
_IN_ORDER = {"round", "cut", "path", "via"}


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
class Series:
    """A measure as a long table: year, region, maybe ``other``, value, low, high."""

    code: str
    meaning: Meaning
    file: Path
    side: Side
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ResultTable:
    """A table that is shown by its rows, such as estimates or effects.

    Attributes
    ----------
    code, title
        Its name without suffix, and in words.
    group
        The result folder.
    file
        Where it was read from.
    titles
        Of its columns.
    frame
        Labels are texts, numbers float64.
    measures
        In words, by the codes in its column measure.
    """

    code: str
    title: str
    group: str
    file: Path
    titles: tuple[str, ...]
    frame: pd.DataFrame
    measures: Mapping[str, str]


def result_folder(path: Path, name: str) -> ResultFolder:
    """The folder with its manifest, under that name."""
    about = manifest_of(path)
    return ResultFolder(path, name, about, "files" in about)


def read_folder(result: ResultFolder) -> tuple[list[Series], list[ResultTable]]:
    """The measures of a folder and its tables that are shown by row.

    Raises
    ------
    TivaxError
        The folder is missing, is no result, or one of its tables is damaged.
    """
    folder, manifest = result.path, result.manifest
    if not folder.exists():
        raise NotFound(f"{folder}: no such folder")
    tables = find_tables(folder, str(manifest.get("command", "")))
    if not tables:
        raise TivaxError(f"{folder}: no result of a tivax command with tables")
    paths = [path for _, path in tables.values()]
    require_recorded(folder, manifest, paths)
    require_memory(folder, paths)
    series: list[Series] = []
    by_row: list[ResultTable] = []
    for name, (command, path) in tables.items():
        frame = read_table(path, required_columns(command, name), command)
        regions = [k for k in frame if k in _REGIONS]
        of_years = "year" in frame and 1 <= len(regions) <= 2
        of_years = of_years and not _IN_ORDER & {*frame}
        if of_years:
            seen = {(k.code, k.side) for k in series}
            found = [*_series_of(command, name, path, frame, regions, manifest)]
            series += [k for k in found if (k.code, k.side) not in seen]
            of_years = any(not k.rows.empty for k in found)
        if not of_years and 0 < len(frame) <= _MOST_ROWS:
            known, of = columns_of(command), account_of(manifest)
            words = [output_title(command, name)]
            words += [column_title(str(k), known) for k in frame]
            title, *titles = (of_account(k, of) for k in words)
            names = {
                k: of_account(measure_name(k), of) for k in frame.get("measure", ())
            }
            about = name, title, result.name, path, (*titles,), frame, names
            by_row.append(ResultTable(*about))
    return series, by_row


def label_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that name a row."""
    texts = frame.select_dtypes(exclude="float64")
    return [str(k) for k in texts if k not in _REMARKS]


def number_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of numbers, without those that belong to another number."""
    return [str(k) for k in frame.select_dtypes("float64") if not _belongs(str(k))]


def _belongs(name: str) -> bool:
    return any(name == k or name.endswith(f"_{k}") for k in _COMPANIONS)


# -------------------------------------------------------------------------- measures


def _series_of(
    command: str,
    table: str,
    path: Path,
    frame: pd.DataFrame,
    regions: list[str],
    manifest: Mapping[str, Any],
) -> Iterator[Series]:
    sides = [*regions, *(["sector"] if "sector" in frame else [])]
    extra = [k for k in label_columns(frame) if k not in ("year", *NUMBERED, *sides)]
    if command == "decompose":
        _require_summed(path, frame, manifest)
    groups = frame.groupby(extra, sort=False) if extra else [((), frame)]
    for key, rows in groups:
        labels = dict(zip(extra, map(str, key), strict=True))
        for column in number_columns(frame):
            meaning = meaning_of(command, table, column, labels, manifest)
            code = _code(column, labels)
            told = _with_interval(rows, column, ["year", *sides])
            for side, part in _by_side(told, regions, summed=command == "decompose"):
                yield Series(code, meaning, path, side, part)
            if table == "va_absorbed" and column == "value_added":
                found = _balance(labels, meaning, path, told, regions)
                named = named_by_account(found.meaning, labels, manifest)
                yield replace(found, meaning=named)


def _code(column: str, labels: Mapping[str, str]) -> str:
    """The code of an indicator or a term, or the name of the column; with the account
    and all other labels in front."""
    named = {"indicator", "term", "measure"}
    own = [v for k, v in labels.items() if k in named]
    before = [v for k, v in labels.items() if k not in named]
    last = own if own and column == "value" else [*own, column]
    return "/".join([*before, *last])


def _by_side(
    rows: pd.DataFrame, regions: list[str], *, summed: bool
) -> Iterator[tuple[Side, pd.DataFrame]]:
    """Rows by economy, with each partner, and by sector, as far as they are there.

    ``summed``: where there are no rows of all sectors, values add up over them.
    """
    names = dict(zip(regions, ("region", "partner"), strict=False))
    rows = rows.rename(columns=names)
    if summed and "sector" in rows and not (rows["sector"] == EVERY_SECTOR).any():
        both = [k for k in ("year", "region", "partner") if k in rows]
        yield from _by_side(_sum(rows, both), both[1:], summed=False)
        of_sectors = _sum(rows, ["year", "region", "sector"])
        yield "sector", of_sectors.rename(columns={"sector": "other"})
        return
    every = pd.Series(True, rows.index)
    sectors = rows["sector"] == EVERY_SECTOR if "sector" in rows else every
    partners = rows["partner"] == EVERY_PARTNER if "partner" in rows else every
    cases: list[tuple[Side, pd.Series]] = [
        ("", sectors & partners),
        ("partner", sectors & ~partners),
        ("sector", partners & ~sectors),
    ]
    for side, chosen in cases:
        part = rows[chosen]
        if not part.empty:
            dropped = {"partner", "sector"} - {side}
            part = part.drop(columns=[k for k in dropped if k in part])
            yield side, part.rename(columns={side: "other"})


def _sum(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return rows.groupby(by, sort=False)["value"].sum().reset_index()


def _require_summed(
    path: Path, frame: pd.DataFrame, manifest: Mapping[str, Any]
) -> None:
    if not {"exporter", "importer"} & set(frame):
        raise TivaxError(f"{path}: no column exporter or importer")
    method = METHODS.get(str(manifest.get("method")))
    if "sector" in frame and method:
        if method.kernels.get(str(manifest.get("level"))) in NOT_SUMMED:
            raise TivaxError(
                f"{path}: these terms have no sum over sectors; choose a result at "
                "--level country or bilateral"
            )


def _with_interval(rows: pd.DataFrame, name: str, labels: list[str]) -> pd.DataFrame:
    """Labels, value, low and high; an interval is that of the file, or 1.96 se.

    The column se right after a value is its own; others have the name in front.
    """
    columns = [*map(str, rows)]
    main = columns[columns.index(name) + 1 :][:1] == ["se"]
    prefix = "" if main or name == "value" else f"{name}_"
    low, high = (rows.get(f"{prefix}{k}") for k in ("ci_low", "ci_high"))
    if (error := rows.get(f"{prefix}se")) is not None and low is None:
        low, high = (rows[name] + k * Z95 * error for k in (-1, 1))
    found = rows[labels].assign(value=rows[name])
    return found if low is None else found.assign(low=low, high=high)


def _balance(
    labels: Mapping[str, str],
    meaning: Meaning,
    path: Path,
    told: pd.DataFrame,
    regions: list[str],
) -> Series:
    """Sales of each to each other, less what it buys."""
    names = {regions[0]: "region", regions[1]: "other"}
    sold = told[["year", *regions, "value"]].rename(columns=names)
    bought = sold.rename(columns={"region": "other", "other": "region"})
    both = sold.merge(bought, on=["year", "region", "other"], suffixes=("", "2"))
    both = both[both["region"] != both["other"]]
    both["value"] = both["value"] - both.pop("value2")
    return Series(
        _code("balance", labels),
        Meaning(
            "value-added balance",
            meaning.unit,
            True,
            "Value added that the partner absorbs of the economy, less what the "
            "economy absorbs of the partner's; above 0 is a surplus.",
            heading=meaning.heading,
        ),
        path,
        "partner",
        both,
    )
