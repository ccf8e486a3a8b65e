"""World tables from pandas: frames with labels, or a system of pymrio.

Everything is put in the order of the rows of Z by label, region by region. What cannot
be aligned is refused by name; nothing is matched by position.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import TivaxError, count_text, suggest, warn
from .rules import check_values, imbalance, impossible_value_added
from .world_table import Tolerance, WorldTable, parse_year
from .world_tables import WorldTables, stack_years

Frame = pd.DataFrame | pd.Series
Years = Frame | Mapping[int, Frame]

_INDUSTRY = ("region", "sector")
_DEMAND = ("region", "category")


def from_frames(
    Z: Years,
    Y: Years,
    x: Years,
    *,
    year: int | None = None,
    value_added: Years | None = None,
    unit: str = "million US$",
    tolerance: Tolerance | None = None,
    source: str = "",
) -> WorldTables:
    """World tables from pandas objects, aligned by their labels.

    Parameters
    ----------
    Z
        Intermediate sales, a DataFrame with (region, sector) in rows and columns, the
        row sells to the column; or a dict from year to such frames. Levels may be in
        the other order if they are named ``sector`` and ``region``.
    Y
        Final demand: rows as Z, columns (region, category) or region.
    x
        Gross output: a Series with the rows of Z, or a DataFrame of one column.
    year
        Year of single frames, which do not tell it.
    value_added
        At basic prices, as ``x``, or as a DataFrame of one row.
    unit, tolerance, source
        As in :class:`WorldTables`.

    Returns
    -------
    WorldTables
        Regions and sectors in the order in which the rows of Z first name them; rows,
        columns, Y, x and value added in that order, whatever theirs.

    Raises
    ------
    TivaxError
        Labels missing, unknown or repeated, a region that lacks a sector, frames of
        different years, years of different labels, cells that no table can hold.

    Warns
    -----
    TivaxWarning
        Sales that clearly are not output: rows miss x by more than the tolerance, and
        by more than 0.1 % of all output together (``tx.check_tables`` tells less too).

    Examples
    --------
    >>> rows = pd.MultiIndex.from_product([["AUT", "DEU"], ["goods", "services"]])
    >>> flows = [[20, 10, 5, 2], [8, 30, 1, 3], [6, 4, 50, 20], [2, 1, 15, 70]]
    >>> Z = pd.DataFrame(flows, rows, rows)
    >>> Y = pd.DataFrame([[40, 23], [70, 6], [12, 150], [5, 210]], rows, ["AUT", "DEU"])
    >>> tables = tx.from_frames(Z, Y, Z.sum(axis=1) + Y.sum(axis=1), year=2020)
    >>> tx.trade_benefit_index(tables)["tbi"].round(4).values
    array([[ 0.1646, -0.1646]])
    """
    given = {"Z": Z, "Y": Y, "x": x, "value_added": value_added}
    if value_added is None:
        del given["value_added"]
    frames = {k: _by_year(k, v, year) for k, v in given.items()}
    for name, by_year in frames.items():
        if by_year.keys() != frames["Z"].keys():
            others = sorted(by_year.keys() ^ frames["Z"].keys())
            raise TivaxError(
                f"{name} and Z are of different years: {', '.join(map(str, others))}"
            )
    if not frames["Z"]:
        raise TivaxError("Z has no year: give a frame, or a dict from year to frame")
    order = _order(frames["Z"][min(frames["Z"])])
    tables = [
        _one_year(k, {name: frames[name][k] for name in frames}, *order, source)
        for k in sorted(frames["Z"])
    ]
    world = stack_years(tables, unit=unit, tolerance=tolerance, source=source)
    _warn_of_imbalance(tables, world.tolerance)
    return world


def _warn_of_imbalance(tables: Sequence[WorldTable], tolerance: Tolerance) -> None:
    """One warning for the first year that clearly does not balance, and all others."""
    for table in tables:
        _require_one_unit(table)
        count, worst = impossible_value_added(table, tolerance.for_columns())
        if count:
            of = f"{count} of {table.x.size} industries"
            warn(f"{table.where}: impossible value added in {of}, worst {worst}")
    every = [(table, imbalance(table, tolerance)) for table in tables]
    if bad := [(t, k) for t, k in every if k.industries and k.share > _CLEAR]:
        table, found = bad[0]
        others = f" (and {count_text(len(bad) - 1, 'more year')})" if bad[1:] else ""
        warn(
            f"{table.where}: {found.industries} of {table.x.size} industries do not "
            f"balance, worst {found.worst}: sells {found.sells:,.6g}, "
            f"makes {found.makes:,.6g}{others}; results take x for output: rows of Z "
            "and Y should add up to it"
        )


def _require_one_unit(table: WorldTable) -> None:
    """``TivaxError`` where every industry misses its output by the same factor."""
    sales, x = table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2)), table.x
    there = (sales > 0) & (x > 0)
    if there.sum() < 2:
        return
    factors = x[there] / sales[there]
    factor = float(np.median(factors))
    if (
        max(factor, 1 / factor) > _OTHER_UNIT
        and (abs(factors / factor - 1) < _CLEAR).all()
    ):
        raise TivaxError(
            f"{table.where}: x is {factor:,.4g} times what the rows of Z and Y add up "
            f"to, in each of {there.sum()} industries; write Z, Y and x in one unit"
        )


_OTHER_UNIT = 9.5  # a factor of ten; less is a table that does not balance
# Of world output; published tables miss less in all rows together.
_CLEAR = 1e-3


def from_system(
    io: Any,
    year: int | None = None,
    *,
    value_added: Frame | None = None,
    unit: str | None = None,
    source: str = "pymrio",
) -> WorldTables:
    """World tables from an ``IOSystem`` of pymrio: ``tx.from_pymrio``."""
    if year is None:
        raise TivaxError("year: pymrio does not keep it; give year=2014")
    Z, Y, x = (getattr(io, name, None) for name in ("Z", "Y", "x"))
    if Y is None:
        raise TivaxError("the system of pymrio has no Y: load it whole")
    if Z is None:
        A = getattr(io, "A", None)
        if A is None or x is None:
            raise TivaxError("the system of pymrio has no Z, and no A with x")
        output = _column("x", x)
        Z = A.mul(output.reindex(A.columns), axis="columns")
    if x is None:
        x = Z.sum(axis=1) + Y.sum(axis=1)
        warn(f"{year}: the system of pymrio has no x; output is the sum of the row")
    return from_frames(
        Z,
        Y,
        x,
        year=year,
        value_added=value_added,
        unit=unit or _unit(io),
        source=source,
    )


def table_from_frames(
    frames: Mapping[str, Frame], year: int, *, source: str
) -> WorldTable:
    """One year from the frames Z, Y, x and perhaps value_added, as ``from_frames``."""
    return _one_year(year, frames, *_order(frames["Z"]), source)


def one_unit(whose: str, units: Iterable[object], remedy: str = "") -> str:
    """The unit of all flows; ``TivaxError`` where there are several."""
    found = sorted({str(k) for k in units})
    if len(found) != 1:
        raise TivaxError(
            f"{whose} has the units {', '.join(found[:3])}; flows must be in one unit "
            f"of money{remedy}"
        )
    return found[0]


def _unit(io: Any) -> str:
    units = getattr(io, "unit", None)
    if units is None:
        return "unit of the table"
    cells = np.ravel(pd.DataFrame(units).to_numpy())
    remedy = " (unit= says which, if they are)"
    return one_unit("the system of pymrio", cells, remedy)


def _by_year(name: str, frames: Years, year: int | None) -> dict[int, Frame]:
    """Year to frame, also of a single one."""
    if isinstance(frames, Mapping):
        if year is not None:
            raise TivaxError(f"{name} is a dict from year to frame: leave out year=")
        return {parse_year(k): _require_frame(name, v) for k, v in frames.items()}
    if year is None:
        raise TivaxError(
            "frames do not tell their year: give year=2014, or dicts from year to frame"
        )
    return {parse_year(year): _require_frame(name, frames)}


def _require_frame(name: str, frame: Any) -> Frame:
    if frame is None and name == "x":
        raise TivaxError(
            "x: give gross output; where it is the sum of the row, "
            "Z.sum(axis=1) + Y.sum(axis=1)"
        )
    if not isinstance(frame, pd.DataFrame | pd.Series):
        raise TivaxError(
            f"{name} is a {type(frame).__name__}, not a frame of pandas; bare arrays "
            "go to tx.WorldTables"
        )
    return frame


def _order(Z: Frame) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Regions and sectors as the rows of Z first name them, each with each."""
    rows = _labels("Z", "rows", Z.index, _INDUSTRY)
    regions = tuple(dict.fromkeys(region for region, _ in rows))
    sectors = tuple(dict.fromkeys(sector for _, sector in rows))
    _places("Z", "rows", rows, [(r, s) for r in regions for s in sectors])
    return regions, sectors


def _one_year(
    year: int,
    frames: Mapping[str, Frame],
    regions: tuple[str, ...],
    sectors: tuple[str, ...],
    source: str,
) -> WorldTable:
    industries = [(r, s) for r in regions for s in sectors]
    Z, Y = _matrix("Z", frames["Z"]), _matrix("Y", frames["Y"])
    categories, demand = _demand(Y.columns, regions, sectors)
    sellers = _placed("Z", "rows", Z.index, industries)
    users = _placed("Z", "columns", Z.columns, industries)
    Z = _numbers("Z", Z)[np.ix_(sellers, users)]
    sellers = _placed("Y", "rows", Y.index, industries)
    wanted = [(r, k) for r in regions for k in categories]
    Y = _numbers("Y", Y)[np.ix_(sellers, _places("Y", "columns", demand, wanted))]
    added = frames.get("value_added")
    table = WorldTable(
        year=year,
        regions=regions,
        sectors=sectors,
        categories=categories,
        Z=Z,
        Y=Y.reshape(len(industries), len(regions), len(categories)),
        x=_vector("x", frames["x"], industries),
        value_added=(
            None if added is None else _vector("value_added", added, industries)
        ),
        origin=source,
    )
    check_values(table)
    return table


Label = tuple[str, str]


def _demand(
    columns: pd.Index, regions: tuple[str, ...], sectors: tuple[str, ...]
) -> tuple[tuple[str, ...], list[Label]]:
    """Categories of final demand, and the (region, category) of each column."""
    one = not isinstance(columns, pd.MultiIndex)
    labels = (
        [(str(region), "FD") for region in columns]
        if one
        else _labels("Y", "columns", columns, _DEMAND)
    )
    absorbers = {region for region, _ in labels}
    if absorbers.isdisjoint(regions) and absorbers & set(sectors):
        raise TivaxError(
            f"Y: its columns name {min(absorbers & set(sectors))} as a region, which "
            "the rows of Z have as a sector: those seem to be (sector, region); swap "
            "their levels by .swaplevel(), or name them sector and region"
        )
    twice = len(absorbers) < len(labels)
    if one and not twice and (missing := [k for k in regions if k not in absorbers]):
        extra = [k for k, _ in labels if k not in regions]
        near = f", but has {extra[0]}" if extra else ""
        raise TivaxError(
            f"Y: no column {missing[0]}{_more(missing)}{near}; every region of "
            "the rows of Z needs its column of final demand"
        )
    return tuple(dict.fromkeys(category for _, category in labels)), labels


def _labels(
    name: str, axis: str, index: pd.Index, levels: tuple[str, str]
) -> list[Label]:
    """The labels as pairs, region first."""
    if not isinstance(index, pd.MultiIndex) or index.nlevels != 2:
        raise TivaxError(
            f"{name}: {axis} must have two levels of labels ({', '.join(levels)}): "
            "pd.MultiIndex.from_product([regions, sectors])"
        )
    swapped = tuple(map(str, index.names)) == levels[::-1]
    pairs = index.swaplevel() if swapped else index
    return [(str(a), str(b)) for a, b in pairs]


def _placed(name: str, axis: str, index: pd.Index, wanted: list[Label]) -> list[int]:
    return _places(name, axis, _labels(name, axis, index, _INDUSTRY), wanted)


def _places(
    name: str, axis: str, labels: list[Label], wanted: list[Label]
) -> list[int]:
    """The position of each wanted label; all must be there, once, and no others."""
    at = {label: k for k, label in enumerate(labels)}
    if len(at) < len(labels):
        seen: set[Label] = set()
        twice = next(k for k in labels if k in seen or seen.add(k))
        raise TivaxError(f"{name}: {axis} have {_text(twice)} more than once")
    known = set(wanted)
    if known.isdisjoint(at) and {(b, a) for a, b in at} == known:
        raise TivaxError(
            f"{name}: the levels of the {axis} are the other way round than in the "
            f"rows of Z ({_text(labels[0])}): swap them by .swaplevel()"
        )
    extra = [label for label in labels if label not in known]
    missing = [label for label in wanted if label not in at]
    if missing:
        near = f", but {_text(extra[0])}" if extra else ""
        raise TivaxError(
            f"{name}: {axis} lack {_text(missing[0])}{_more(missing)}{near}; every "
            "region needs every sector and category, as in the rows of Z"
        )
    if extra:
        hint = suggest(_text(extra[0]), map(_text, wanted)) if len(wanted) < 50 else ""
        raise TivaxError(
            f"{name}: {axis} have {_text(extra[0])}{_more(extra)}, which the rows of Z "
            f"do not{'; ' if hint else ''}{hint}"
        )
    return [at[label] for label in wanted]


def _text(label: Label) -> str:
    return ":".join(label)


def _more(labels: Iterable[object]) -> str:
    others = len(list(labels)) - 1
    return f" and {others} more" if others else ""


def _matrix(name: str, frame: Frame) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise TivaxError(f"{name} is a Series; give a DataFrame")
    return frame


def _vector(name: str, frame: Frame, industries: list[Label]) -> np.ndarray:
    values = _column(name, frame)
    return _numbers(name, values)[_placed(name, "rows", values.index, industries)]


def _column(name: str, frame: Frame) -> pd.Series:
    """The one column, or row, of a frame."""
    if isinstance(frame, pd.Series):
        return frame
    if frame.shape[1] == 1:
        return frame.iloc[:, 0]
    if frame.shape[0] == 1:
        return frame.iloc[0]
    raise TivaxError(
        f"{name} has {frame.shape[0]} rows and {frame.shape[1]} columns; give a "
        "Series, or a frame of one column"
    )


def _numbers(name: str, frame: Frame) -> np.ndarray:
    try:
        return frame.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise TivaxError(f"{name} holds what is not a number; give numbers") from None
