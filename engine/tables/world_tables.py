"""World input-output tables of many years: labels, arrays, and what they must satisfy.

Symbols (Miller and Blair 2009, chapter 2), the same everywhere in tivax:

    t   years
    n   region-sector pairs ("industries"), by region then sector: n = c * s
    f   categories of final demand (households, government, inventories, ...)
    Z   intermediate sales, the row sells to the column   [unit of the table]
    Y   final demand, column = absorbing region           [unit of the table]
    x   gross output                                      [unit of the table]

Row k of an array is region k // s, sector k % s.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from ..core import (
    TivaxError,
    TivaxWarning,
    nearest,
    require_kind,
    require_list,
    require_years,
    shown,
)
from .codes import require_labels


@runtime_checkable
class YearArray(Protocol):
    """An array with years first, in memory (NumPy) or read a year at a time (store)."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, key, /) -> np.ndarray: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Tolerance:
    """How far a row or column may miss its output: absolute + relative * output.

    ``absolute`` is in the unit of the table. Each source declares its own,
    with the reason, beside its reader.
    """

    absolute: float = 0.0
    relative: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("absolute", "relative"):
            require_kind(name, getattr(self, name), Real, "a number")

    def allowed(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return self.absolute + self.relative * np.abs(x)

    def for_columns(self) -> "Tolerance":
        """What columns may miss where nobody has said: 1 % of output, if not more."""
        return Tolerance(self.absolute, max(self.relative, 0.01))


@dataclass(frozen=True, eq=False)
class WorldTable:
    """One year, as a reader returns it.

    Attributes
    ----------
    year
        Calendar year.
    regions, sectors, categories
        Labels, length c, s and f.
    Z : (n, n)
        Intermediate sales, the row sells to the column.
    Y : (n, c, f)
        Final demand by absorbing region and category.
    x : (n,)
        Gross output as reported.
    value_added : (n,) or None
        The table's own value-added row at basic prices, where it has one.
    origin
        The file (and archive member) it was read from, for messages.
    edition
        Of its database, where the file tells: also which prices, which system.
    taxes_and_margins : (n,) or None
        What lies between inputs plus value added and output, where the file has all
        rows of it: taxes less subsidies on products, margins, adjustments. Checked at
        import, not stored.
    output_is_row_sum
        The file reports no output: rows balance whatever it holds.
    parents
        Split region to the region it is a part of, where the file says so.
    """

    year: int
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    categories: tuple[str, ...]
    Z: Float[np.ndarray, "n n"]
    Y: Float[np.ndarray, "n c f"]
    x: Float[np.ndarray, " n"]
    value_added: Float[np.ndarray, " n"] | None = None
    origin: str = ""
    edition: str = ""
    taxes_and_margins: Float[np.ndarray, " n"] | None = None
    output_is_row_sum: bool = False
    parents: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """``file: year`` for the head of a message."""
        return f"{self.origin}: {self.year}" if self.origin else str(self.year)

    def industry(self, row: int) -> str:
        """The label of one row, such as ``DEU:C20``."""
        region, sector = divmod(int(row), len(self.sectors))
        return f"{self.regions[region]}:{self.sectors[sector]}"


@dataclass(frozen=True, eq=False)
class WorldTables:
    """Tables of many years with one set of labels, at current prices.

    Bare arrays, whose order is that of the labels: the n = c * s industries run region
    by region, the sectors inside (AUT:A, AUT:B, DEU:A, ...), in rows and columns alike.
    Frames with labels: :func:`from_frames`, :func:`from_pymrio`.

    Parameters
    ----------
    Z : (t, n, n)
        Intermediate sales, the row sells to the column.
    Y : (t, n, c) or (t, n, c, f)
        Final demand by absorbing region (and category).
    x : (t, n)
        Gross output as reported.
    regions, sectors, years
        Labels, length c, s and t.
    value_added : (t, n), optional
        Value added at basic prices where the table reports it.
    unit
        Unit of all flows.
    categories
        Labels of final demand, length f.
    tolerance
        How far rows may miss their output.
    column_tolerance
        How far inputs, taxes, margins and value added together may miss output.
        Defaults to ``tolerance``, or to 1 % of output where that is more.
    source
        Name of the database.
    checked
        What was checked of ``rows`` and ``value added`` at import, in words.
    parents
        Split region to the region it is a part of, such as CN1 to CHN: industries
        told apart by kind of firm. The industries of both stand in the table; measures
        compute with them and give one result, for the parent. ``{}`` takes the
        parts for regions.

    Raises
    ------
    TivaxError
        Shapes that do not fit the labels, labels that repeat or have no order (a set),
        arrays that bring labels of their own, parents that are not there. Values are
        checked by :func:`check_values` and :func:`check_balance`.

    Warns
    -----
    TivaxWarning
        Arrays in memory whose first year looks as if labels were wrong (see
        ``plausibility``); not where Z of a year is larger than 64 MiB, or read lazily:
        ``check_tables`` looks at every year of every table.
    """

    Z: YearArray
    Y: YearArray
    x: YearArray
    regions: Sequence[str]
    sectors: Sequence[str]
    years: Sequence[int]
    value_added: YearArray | None = None
    unit: str = "million US$"
    categories: Sequence[str] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)
    source: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    column_tolerance: Tolerance | None = None
    checked: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name in ("regions", "sectors", "years", "categories"):
            _require_ordered(name, getattr(self, name))
        for name in ("Z", "Y", "x", "value_added"):
            _require_bare(name, getattr(self, name))
            put(name, _as_array(name, getattr(self, name)))
        put("regions", tuple(map(str, self.regions)))
        put("sectors", tuple(map(str, self.sectors)))
        put("years", tuple(map(as_year, self.years)))
        if not self.categories:
            f = self.Y.shape[3] if len(self.Y.shape) == 4 else 1
            put(
                "categories",
                ("FD",) if f == 1 else tuple(f"F{k + 1}" for k in range(f)),
            )
        put("categories", tuple(map(str, self.categories)))
        require_kind("parents", self.parents, Mapping, "a dict from part to region")
        require_kind("tolerance", self.tolerance, Tolerance, "a tx.Tolerance")
        require_kind("unit", self.unit, str, "a text")
        put("parents", dict(self.parents))
        put("checked", dict(self.checked))
        put("column_tolerance", self.column_tolerance or self.tolerance.for_columns())
        self._check_labels()
        self._check_parents()
        self._check_shapes()
        self._warn_of_doubts()

    def _check_labels(self) -> None:
        for what in ("regions", "sectors", "years", "categories"):
            labels = getattr(self, what)
            if not labels:
                raise TivaxError(f"no {what}: a table needs at least one")
            twice = sorted({str(k) for k in labels if labels.count(k) > 1})
            if twice:
                raise TivaxError(
                    f"{what}: {', '.join(twice)} more than once; labels must be unique"
                )
            require_labels(map(str, labels), what)
        if list(self.years) != sorted(self.years):
            raise TivaxError(f"years are not in order: {list(self.years)}")

    def _check_parents(self) -> None:
        for part, parent in self.parents.items():
            for code in (part, parent):
                if code not in self.regions:
                    raise TivaxError(
                        f"{part} is a part of {parent}, but there is no region {code}"
                    )
            if parent in self.parents:
                raise TivaxError(
                    f"{part} is a part of {parent}, which is a part itself"
                )

    def _check_shapes(self) -> None:
        t, c, s = len(self.years), len(self.regions), len(self.sectors)
        n, f = c * s, len(self.categories)
        demand = [(t, n, c, f)] + ([(t, n, c)] if f == 1 else [])
        wanted = {"Z": [(t, n, n)], "Y": demand, "x": [(t, n)]}
        if self.value_added is not None:
            wanted["value_added"] = [(t, n)]
        for name, shapes in wanted.items():
            shape = tuple(getattr(self, name).shape)
            if shape not in shapes:
                raise TivaxError(
                    f"{name} has shape {shape}, but {t} years, {c} regions, {s} "
                    f"sectors and {f} categories of final demand make it {shapes[0]}"
                )

    def _warn_of_doubts(self) -> None:
        """The first year stands for all: it costs a few sums over its Z."""
        if not isinstance(self.Z, np.ndarray) or self.Z[0].nbytes > _LARGEST_JUDGED:
            return
        from .plausibility import doubts  # which imports this module

        first: Any = self.table(self.years[0])
        for doubt in doubts(first, self.parents):
            warnings.warn(f"{first.year}: {doubt}", TivaxWarning, stacklevel=4)

    # ------------------------------------------------------------------ access

    def __repr__(self) -> str:
        span = ", ".join(map(str, self.years[:3])) + (", ..." if self.years[3:] else "")
        return (
            f"WorldTables({len(self.regions)} regions x {len(self.sectors)} sectors x "
            f"{len(self.years)} years ({span}), {self.unit})"
        )

    @property
    def n(self) -> int:
        """Number of industries, c * s."""
        return len(self.regions) * len(self.sectors)

    def output(self, years: slice = slice(None)) -> Float[np.ndarray, "t n"]:
        """Gross output, with 0 for what is below zero by rounding.

        Raises ``TivaxError`` for output that is no number, is negative, or is in a
        unit in which squares of flows are 0 or infinite.
        """
        x = in_double(self.x[years])
        for year, row in zip(self.years[years], x, strict=True):
            if not (_lowest_output(row) <= row).all() or not unit_is_plausible(row):
                check_numbers(self.table(year))
                check_output(self.table(year))
        return np.maximum(x, 0)

    def final_demand(
        self, years: slice = slice(None), categories: Sequence[str] | None = None
    ) -> Float[np.ndarray, "t n c"]:
        """Final demand summed over its categories, or over some of them.

        Raises ``TivaxError`` for none of them, one there is not or one named twice.
        """
        if categories is not None:
            require_list("categories", categories)
        if categories is not None and len(set(categories)) != max(len(categories), 1):
            raise TivaxError(
                "categories of final demand: name one or more, each of them once"
            )
        for name in categories or ():
            if name not in self.categories:
                raise TivaxError(
                    f"no category of final demand {name}: "
                    f"{nearest(name, self.categories)}"
                )
        Y = in_double(self.Y[years])
        if Y.ndim == 3:
            Y = Y[..., None]
        if categories is None:
            return Y.sum(axis=3)
        return Y[..., [self.categories.index(k) for k in categories]].sum(axis=3)

    def table(self, year: int) -> WorldTable:
        """One year, read into memory."""
        if year not in self.years:
            raise TivaxError(
                f"no year {year}: the tables hold {self.years[0]} to {self.years[-1]}"
            )
        k = self.years.index(year)
        Y = in_double(self.Y[k])
        added = None if self.value_added is None else in_double(self.value_added[k])
        return WorldTable(
            year=year,
            regions=tuple(self.regions),
            sectors=tuple(self.sectors),
            categories=tuple(self.categories),
            Z=in_double(self.Z[k]),
            Y=Y[:, :, None] if Y.ndim == 2 else Y,
            x=in_double(self.x[k]),
            value_added=added,
            origin=self.source,
            parents=self.parents,
        )

    def __iter__(self) -> Iterator[WorldTable]:
        """The years, one at a time."""
        return (self.table(year) for year in self.years)

    def select(self, first: int, last: int) -> "WorldTables":
        """The years from ``first`` to ``last``, both included."""
        part = year_range(self.years, (first, last))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TivaxWarning)  # said when these were made
            return replace(
                self,
                Z=self.Z[part],
                Y=self.Y[part],
                x=self.x[part],
                value_added=None
                if self.value_added is None
                else self.value_added[part],
                years=self.years[part],
            )


# At construction, a Z of one year up to this size is looked at.
_LARGEST_JUDGED = 64 * 2**20


def _require_ordered(what: str, labels: object) -> None:
    if isinstance(labels, (set, frozenset)):
        raise TivaxError(f"{what}: a set has no order; give a list, as the rows run")
    if isinstance(labels, str):
        raise TivaxError(f"{what}: {labels!r} is one text; give a list of labels")
    require_kind(what, labels, Iterable, "a list of labels")


def _require_bare(name: str, values: object) -> None:
    """Labels of an array would be passed over, whatever their order."""
    if type(values).__module__.partition(".")[0] in ("pandas", "xarray"):
        raise TivaxError(
            f"{name} is a {type(values).__name__} with labels of its own: "
            "tx.from_frames aligns labels, WorldTables takes bare arrays (.to_numpy()) "
            "in the order of regions and sectors"
        )


def _as_array(name: str, values: Any) -> Any:
    """Nested lists as an array of numbers; None stands for no value added only."""
    if values is None and name == "value_added":
        return values
    bare = isinstance(values, np.ndarray) and values.dtype.kind in "OSU"
    if bare or isinstance(values, list | tuple):
        try:
            values = np.array(values, float)
        except (TypeError, ValueError):
            raise TivaxError(
                f"{name}: not numbers, or lists of different lengths; give an array, "
                "years first"
            ) from None
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if not hasattr(values, "shape") or kind == "c":
        raise TivaxError(
            f"{name}: give an array of numbers, years first, not {shown(values)}"
        )
    return values


def as_year(label: Any) -> int:
    """A calendar year, also written as text or as 2001.0."""
    try:
        year = int(label)
        if isinstance(label, str) or year == label:
            return year
    except (TypeError, ValueError, OverflowError):
        pass
    raise TivaxError(f"years: {shown(label)} is no year; give whole numbers")


def require_tables(tables: object) -> None:
    """``TivaxError`` for what are no world tables."""
    require_kind(
        "tables",
        tables,
        WorldTables,
        "WorldTables (of tx.open_store, tx.from_frames or tx.WorldTables)",
    )


def in_double(values: Any) -> np.ndarray:
    """As float64; the array itself where it is already. Whole millions come as int."""
    return np.asarray(values, dtype=np.float64)


def year_range(years: Sequence[int], wanted: tuple[int, int] | None) -> slice:
    """Where the years from the first to the last of ``wanted`` stand; None means all.

    Raises ``TivaxError`` where there is none.
    """
    require_years(wanted)
    if wanted is None:
        return slice(0, len(years))
    keep = [k for k, year in enumerate(years) if wanted[0] <= year <= wanted[1]]
    if not keep:
        raise TivaxError(
            f"no year from {wanted[0]} to {wanted[1]}: the tables hold "
            f"{years[0]} to {years[-1]}"
        )
    return slice(keep[0], keep[-1] + 1)


def stack_years(
    tables: Sequence[WorldTable],
    *,
    unit: str = "million US$",
    tolerance: Tolerance | None = None,
    source: str = "",
    parents: Mapping[str, str] | None = None,
) -> WorldTables:
    """Put single years together. Labels must agree: see :func:`check_same_labels`."""
    require_kind("tables", tables, Iterable, "a list of tx.WorldTable, one a year")
    for table in tables:
        require_kind("tables", table, WorldTable, "a list of tx.WorldTable, one a year")
    if not tables:
        raise TivaxError("no tables to put together")
    ordered = sorted(tables, key=lambda table: table.year)
    for table in ordered[1:]:
        check_same_labels(ordered[0], table)
    added = [table.value_added for table in ordered if table.value_added is not None]
    first = ordered[0]
    return WorldTables(
        Z=np.stack([table.Z for table in ordered]),
        Y=np.stack([table.Y for table in ordered]),
        x=np.stack([table.x for table in ordered]),
        regions=first.regions,
        sectors=first.sectors,
        years=[table.year for table in ordered],
        value_added=np.stack(added) if added else None,
        unit=unit,
        categories=first.categories,
        tolerance=tolerance or Tolerance(),
        source=source,
        parents=first.parents if parents is None else parents,
    )


# ---------------------------------------------------------------------- checks


def check_same_labels(first: WorldTable, other: WorldTable) -> None:
    """Raise ``TivaxError`` unless two years have the same labels in the same order.

    And both a value-added row, or neither, and both are of one edition.
    """
    _check_same_rows(first, other)
    for what in ("regions", "sectors", "categories"):
        a, b = getattr(first, what), getattr(other, what)
        if a == b:
            continue
        one = what.removesuffix("s").replace("categorie", "category")
        for has, lacks, labels in (
            (first, other, [k for k in a if k not in b]),
            (other, first, [k for k in b if k not in a]),
        ):
            if labels:
                raise TivaxError(
                    f"{lacks.where} lacks {one} {', '.join(labels[:5])}, which "
                    f"{has.year} has; import years of one edition together"
                )
        k = next(k for k in range(len(a)) if a[k] != b[k])
        raise TivaxError(
            f"{other.where}: {what} are in another order than in {first.year}, first "
            f"at position {k + 1} ({b[k]}, not {a[k]})"
        )
    if dict(first.parents) != dict(other.parents):
        raise TivaxError(
            f"{other.where}: its split regions (parents) are not those of {first.year}"
        )
    if first.edition != other.edition:
        raise TivaxError(
            f"{other.where} is {other.edition or 'of no edition'}, {first.year} is "
            f"{first.edition or 'of none'}; import years of one edition together"
        )


def _check_same_rows(first: WorldTable, other: WorldTable) -> None:
    if (first.value_added is None) != (other.value_added is None):
        has, lacks = (first, other) if other.value_added is None else (other, first)
        raise TivaxError(
            f"{lacks.where} has no value-added row, {has.year} has one; "
            "import years of one edition together"
        )


def check_values(table: WorldTable) -> None:
    """Raise ``TivaxError`` for numbers that no table can hold.

    Not finite (NaN, infinity), negative output, negative intermediate sales:
    the message names the first such cell. Negative final demand (inventories)
    and negative value added occur in real tables and pass.
    """
    check_numbers(table)
    check_output(table)
    bad = table.Z < 0
    if bad.any():
        raise TivaxError(
            f"{table.where}: {bad.sum()} negative intermediate sales, "
            f"first {_cell(table, 'Z', bad)}; no input is less than nothing: mend the "
            "cell or leave the year out"
        )


def check_numbers(table: WorldTable) -> None:
    """Raise ``TivaxError`` for a cell that is not finite, naming the first."""
    for name in ("Z", "Y", "x", "value_added"):
        values = getattr(table, name)
        if values is None:
            continue
        bad = ~np.isfinite(values)
        if bad.any():
            raise TivaxError(
                f"{table.where}: {name} has {bad.sum()} cells that are not numbers, "
                f"first {_cell(table, name, bad)}; a blank is one too: fill it with 0 "
                "where nothing is sold, or leave the year out"
            )


def check_output(table: WorldTable) -> None:
    """Raise ``TivaxError`` for negative output, and for output in an absurd unit."""
    bad = table.x < _lowest_output(table.x)
    if bad.any():
        raise TivaxError(
            f"{table.where}: {bad.sum()} negative output, first "
            f"{_cell(table, 'x', bad)} with {table.x[bad][0]:.3g}; no industry makes "
            "less than nothing: mend the cell or leave the year out"
        )
    if not unit_is_plausible(table.x):
        raise TivaxError(
            f"{table.where}: the largest output is {table.x.max():.1e}, which no unit "
            "of account makes; give the flows in another unit, such as million US$"
        )


# Sums of rounded cells are below zero by less than this share of the largest output.
_ROUNDING = 1e-12


def _lowest_output(x: Float[np.ndarray, " n"]) -> float:
    """The output that is still zero but for rounding."""
    return -_ROUNDING * float(np.max(x, initial=0.0))


def unit_is_plausible(x: Float[np.ndarray, " n"]) -> bool:
    """Squares of flows of such a size neither vanish nor become infinite."""
    largest = float(np.max(x, initial=0.0))
    return not largest > 0 or 1e-100 < largest < 1e100


def without_rounding(table: WorldTable) -> WorldTable:
    """The table with output 0 where it is negative by rounding (-1.7e-21)."""
    x = table.x
    tiny = (x < 0) & (x >= _lowest_output(x))
    return replace(table, x=np.where(tiny, 0.0, x)) if tiny.any() else table


def check_balance(table: WorldTable, tolerance: Tolerance) -> None:
    """Raise ``TivaxError`` unless sales equal output, Z1 + Y1 = x.

    The message names the worst industry.
    """
    sales = table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2))
    gap = np.abs(sales - table.x)
    over = gap - tolerance.allowed(table.x)
    if over.max() > 0:
        k = int(over.argmax())
        raise TivaxError(
            f"{table.where}: {(over > 0).sum()} of {table.x.size} industries do not "
            f"balance, worst {table.industry(k)}: sells {sales[k]:,.6g}, "
            f"makes {table.x[k]:,.6g}; `--unbalanced` imports the table as it is"
        )


def check_columns(table: WorldTable, tolerance: Tolerance) -> None:
    """Raise ``TivaxError`` unless columns add up to output, naming the worst industry.

    Inputs, taxes, margins and value added, where the file has all of these; with value
    added alone, that it is possible: see :func:`impossible_value_added`.
    """
    if table.value_added is None:
        return
    inputs, x, added = table.Z.sum(axis=0), table.x, table.value_added
    if table.taxes_and_margins is None:
        bad = impossible_value_added(table, tolerance)
        if bad.any():
            k = worst_value_added(table, bad)
            raise TivaxError(
                f"{table.where}: impossible value added in {bad.sum()} of {x.size} "
                f"industries, worst {told_value_added(table, k)}; `--unbalanced` "
                "imports the table as it is"
            )
        return
    made = inputs + table.taxes_and_margins + added
    over = np.nan_to_num(np.abs(made - x) - tolerance.allowed(x), nan=np.inf)
    if over.max() > 0:
        k = int(over.argmax())
        raise TivaxError(
            f"{table.where}: {(over > 0).sum()} of {x.size} columns do not add up, "
            f"worst {table.industry(k)}: inputs {inputs[k]:,.6g}, taxes and margins "
            f"{table.taxes_and_margins[k]:,.6g} and value added {added[k]:,.6g}, but "
            f"output {x[k]:,.6g}; `--unbalanced` imports the table as it is"
        )


def impossible_value_added(
    table: WorldTable, tolerance: Tolerance
) -> Bool[np.ndarray, " n"]:
    """Industries whose value added no taxes and subsidies explain.

    Output at basic prices is inputs, taxes less subsidies on them, margins, and value
    added. Subsidies do not exceed the inputs that they are paid for, so that value
    added is at most output; taxes and margins are not larger than output, so that it is
    at least minus inputs. In WIOD 2016 (2014) they are -0.22 to 0.24 of output.
    """
    if table.value_added is None:
        return np.zeros(table.x.size, dtype=bool)
    allowed, added = tolerance.allowed(table.x), table.value_added
    return (added > table.x + allowed) | (added < -table.Z.sum(axis=0) - allowed)


def worst_value_added(table: WorldTable, bad: Bool[np.ndarray, " n"]) -> int:
    """The largest of these."""
    assert table.value_added is not None
    return int(np.where(bad, np.abs(table.value_added), 0).argmax())


def told_value_added(table: WorldTable, k: int) -> str:
    """One industry with its value added, inputs and output."""
    assert table.value_added is not None
    return (
        f"{table.industry(k)}: value added {table.value_added[k]:,.6g}, inputs "
        f"{table.Z[:, k].sum():,.6g}, output {table.x[k]:,.6g}"
    )


def _cell(table: WorldTable, name: str, bad: np.ndarray) -> str:
    """The labels of the first marked cell of one array."""
    at = np.argwhere(bad)[0].tolist()
    row = table.industry(at[0])
    if name == "Z":
        return f"{row} to {table.industry(at[1])}"
    if name == "Y":
        return f"{row} to {table.regions[at[1]]} {table.categories[at[2]]}"
    return row
