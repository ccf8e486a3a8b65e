"""Any table in long form, a row for each flow: csv, parquet, xlsx, or a frame.

Columns (other names that are taken in brackets): year, unless the file's name ends in
it; region (exporter, origin) and sector of the seller; user_region (importer,
destination) and user_sector (user, use) of the buyer, where what is no sector of a
seller is a category of final demand; value; and, if there is one, unit, which is that
of all rows. A flow that is not there is 0. Output is the sum of the row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from ...core import (
    TivaxError,
    label_texts,
    require_different_columns,
    require_kind,
)
from ...files import TableFile, finding, layout, read_rows, year_told
from ...tables import (
    Tolerance,
    WorldTable,
    WorldTables,
    normalise,
    one_unit,
    parse_year,
    stack_years,
)

# Columns, and the names that stand for them; the first is ours.
COLUMNS = {
    "year": ("year",),
    "region": ("region", "exporter", "origin"),
    "sector": ("sector",),
    "user_region": ("user_region", "importer", "destination"),
    "user_sector": ("user_sector", "user", "use"),
    "value": ("value",),
}
_NEEDED = tuple(k for k in COLUMNS if k != "year")
_ENDINGS = r"(?!\.).*\.(csv|parquet|xlsx)"


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The files below ``paths``; which years they hold only they tell."""
    wanted = "files named *.csv, *.parquet or *.xlsx, a row for each flow"
    return finding.gather(paths, _ENDINGS, wanted)


def read(file: TableFile) -> Iterator[WorldTable]:
    """The tables of a file, one for each year."""
    frame = read_rows(file, ("year", "value"))
    try:
        yield from _tables(frame, file.name, year_told(file.name))
    except TivaxError as error:
        raise TivaxError(f"{error}; get it again, or correct it") from None


def from_long(
    frame: pd.DataFrame,
    *,
    year: int | None = None,
    unit: str = "",
    tolerance: Tolerance | None = None,
    source: str = "",
) -> WorldTables:
    """World tables from a tidy frame, a row for each flow.

    Parameters
    ----------
    frame
        Columns year, region and sector of the seller, user_region and user_sector of
        the buyer, value; exporter and importer stand for the regions, user for
        user_sector, where what is no sector of a seller is a category of final demand.
        A flow that is not there is 0, output is the sum of the row.
    year
        Year of a frame without a column year.
    unit
        Unit of all flows; by default that of a column unit, else million US$.
    tolerance, source
        As in :class:`WorldTables`.

    Returns
    -------
    WorldTables
        Labels in the order of the rows.

    Raises
    ------
    TivaxError
        A column that is missing, a cell that is no number, a flow given twice, a region
        that only sells or only buys, a category that one region alone buys, a sector
        that buys nothing and that one region alone sells.

    Examples
    --------
    >>> flows = pd.DataFrame(
    ...     [
    ...         ("AUT", "goods", "AUT", "goods", 20.0),
    ...         ("AUT", "goods", "DEU", "goods", 5.0),
    ...         ("DEU", "goods", "AUT", "goods", 8.0),
    ...         ("AUT", "goods", "AUT", "households", 40.0),
    ...         ("DEU", "goods", "DEU", "households", 90.0),
    ...     ],
    ...     columns=["region", "sector", "user_region", "user_sector", "value"],
    ... )
    >>> tables = tx.from_long(flows, year=2020)
    >>> tables.categories, tables.x.tolist()
    (('households',), [[65.0, 98.0]])
    """
    require_kind("frame", frame, pd.DataFrame, "a DataFrame with a row for each flow")
    made = list(_tables(frame, "frame", year))
    unit = unit or made[0].unit or "million US$"
    made = [replace(k, origin=source) for k in made]
    return stack_years(made, unit=unit, tolerance=tolerance, source=source)


def _tables(frame: pd.DataFrame, name: str, year: int | None) -> Iterator[WorldTable]:
    """A table of each year, all with the same labels; ``name`` is that of the file."""
    frame = _named(frame, name)
    if frame.empty:
        raise TivaxError(f"{name}: no rows below the names of the columns")
    if "year" in frame:
        years = pd.to_numeric(frame["year"], errors="coerce")
        if not ((years % 1 == 0) & (years > 0) & (years < 10_000)).all():
            raise TivaxError(
                f"{name}: column year must hold years such as 2014, from 1 to 9999"
            )
    elif year is None:
        raise TivaxError(
            f"{name}: nothing tells the year; add a column year"
            + ("" if name == "frame" else ", or end the name of the file in it")
        )
    else:
        years = pd.Series(parse_year(year), frame.index)
    values = pd.to_numeric(frame["value"], errors="coerce").to_numpy(float)
    if not np.isfinite(values).all():
        k = int(np.flatnonzero(~np.isfinite(values))[0])
        cell = frame["value"].iloc[k]
        held = "has no" if pd.isna(cell) else f"holds {cell} as"
        number = "" if pd.isna(cell) else ", not a number"
        raise TivaxError(f"{name}: row {k + 1} {held} value{number}")
    unit = one_unit(name, frame["unit"].unique()) if "unit" in frame else ""
    seller, buyer = _codes(frame, ("region", "user_region"), name)
    regions = _same_regions(seller[1], buyer[1], name)
    sector, user = _codes(frame, ("sector", "user_sector"), name)
    sectors = sector[1]
    categories = tuple(k for k in user[1] if k not in sectors)
    if not categories:
        raise TivaxError(
            f"{name}: no final demand: every user_sector is a sector of a seller"
        )
    row = _at(seller, regions) * len(sectors) + _at(sector, sectors)
    to = _at(buyer, regions)
    use = _at(user, (*sectors, *categories))
    c, s, f = len(regions), len(sectors), len(categories)
    if c > 1:
        _require_bought(to, use - s, categories, name)
        _require_used(row, use, sectors, name)
    for each in sorted(years.unique()):
        there = (years == each).to_numpy()
        flows = np.zeros((c * s, c, s + f))
        for does, who in (("sells", row[there] // s), ("buys", to[there])):
            if idle := np.flatnonzero(np.bincount(who, minlength=c) == 0).tolist():
                raise TivaxError(
                    f"{name}: {int(each)}: {layout.some([regions[k] for k in idle])} "
                    f"{does} nothing; if that is so, write a flow of 0"
                )
        place = np.ravel_multi_index((row[there], to[there], use[there]), flows.shape)
        _require_once(frame[there], place, f"{name}: {int(each)}")
        flows.reshape(-1)[place] = values[there]
        Z, Y = flows[:, :, :s].reshape(c * s, -1), flows[:, :, s:].copy()
        absent = flows.size - len(place)
        doubt = f"{absent:,} of {flows.size:,} flows are not there and count as 0"
        yield layout.sales_table(
            TableFile(Path(name)),
            (regions, sectors, categories),
            Z,
            Y,
            year=int(each),
            origin=name,
            unit=unit,
            doubts=(doubt,) if absent else (),
        )


def _named(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with our names of columns."""
    require_different_columns(name, frame.columns)
    known = {alias: column for column, names in COLUMNS.items() for alias in names}
    plain = {k: str(k).strip().lower().replace(" ", "_") for k in frame.columns}
    ours = {k: known.get(word, word) for k, word in plain.items()}
    frame = frame.rename(columns=ours)
    require_different_columns(name, frame.columns)
    if missing := [k for k in _NEEDED if k not in frame]:
        has = ", ".join(map(str, ours)) or "none"
        raise TivaxError(
            f"{name}: no column {missing[0]}; a row is a flow with the columns year, "
            f"{', '.join(_NEEDED)}, and this has {has}"
        )
    return frame


Codes = tuple[Int[np.ndarray, " rows"], tuple[str, ...]]


def _codes(frame: pd.DataFrame, columns: Sequence[str], name: str) -> list[Codes]:
    """The number of each row's label, and the labels in the order they come in, of
    columns that hold the same labels."""
    found = {column: pd.factorize(frame[column]) for column in columns}
    for column, (code, _) in found.items():
        if (code < 0).any():
            k = int(np.flatnonzero(code < 0)[0])
            raise TivaxError(f"{name}: row {k + 1} has no {column}")
    texts = label_texts(name, {column: k[1] for column, k in found.items()})
    for column, labels in texts.items():
        if column.endswith("region"):
            labels[:] = normalise(labels)
        layout.check_unique(TableFile(Path(name)), f"labels of {column}", labels)
    return [(found[column][0], tuple(texts[column])) for column in columns]


def _at(codes: Codes, wanted: Sequence[str]) -> Int[np.ndarray, " rows"]:
    """The place of each row's label among those wanted."""
    places = {label: k for k, label in enumerate(wanted)}
    return np.array([places[k] for k in codes[1]])[codes[0]]


def _same_regions(
    sellers: tuple[str, ...], buyers: tuple[str, ...], name: str
) -> tuple[str, ...]:
    """The regions, which all sell and buy."""
    for some, others, lacks in (
        (sellers, buyers, "buys"),
        (buyers, sellers, "sells"),
    ):
        if lost := [k for k in some if k not in others]:
            raise TivaxError(
                f"{name}: {layout.some(lost)} {lacks} nothing; every region must sell "
                "and buy: is its code right?"
            )
    return sellers


def _require_bought(
    to: Int[np.ndarray, " rows"],
    category: Int[np.ndarray, " rows"],
    categories: Sequence[str],
    name: str,
) -> None:
    """``TivaxError`` for a category that a single region buys: it may be a sector that
    is written wrong."""
    for k, label in enumerate(categories):
        if len(np.unique(to[category == k])) == 1:
            raise TivaxError(
                f"{name}: {label} is no sector of a seller, so it would be a category "
                "of final demand, but one region alone has it: is it written right?"
            )


def _require_used(
    row: Int[np.ndarray, " rows"],
    use: Int[np.ndarray, " rows"],
    sectors: Sequence[str],
    name: str,
) -> None:
    """``TivaxError`` for a sector that buys nothing and that one region alone sells: it
    may be another that is written wrong."""
    sold = np.bincount(np.unique(row) % len(sectors), minlength=len(sectors))
    buys = np.bincount(use, minlength=len(sectors))[: len(sectors)] > 0
    lone = [k for k, alone in zip(sectors, (sold == 1) & ~buys, strict=True) if alone]
    if lone:
        raise TivaxError(
            f"{name}: sector {lone[0]} buys nothing, and one region alone sells it: "
            "is it written right? If so, write a flow of 0 that it buys"
        )


def _require_once(
    frame: pd.DataFrame, place: Int[np.ndarray, " rows"], where: str
) -> None:
    twice = pd.Series(place).duplicated().to_numpy()
    if twice.any():
        first = frame.iloc[int(np.flatnonzero(twice)[0])]
        flow = ", ".join(str(first[k]) for k in _NEEDED if k != "value")
        raise TivaxError(f"{where}: the flow {flow} is there twice; add them up")
