"""World input-output tables of many years: labels and arrays.

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
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import (
    Listing,
    NotFound,
    Printable,
    TivaxError,
    TivaxWarning,
    count_text,
    require_choice,
    require_kind,
    require_list,
    require_years,
    show,
    source_in_words,
    warn,
)
from .plausibility import find_doubts
from .rules import (
    check_numbers,
    check_output,
    check_same_labels,
    lowest_output,
    require_labels,
    unit_is_plausible,
)
from .world_table import Tolerance, WorldTable, YearArray, as_float64, parse_year


@dataclass(frozen=True, eq=False, repr=False)
class WorldTables(Printable):
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
        Largest gap between rows and their output.
    column_tolerance
        Largest gap between inputs, taxes, margins and value added, and output.
        Defaults to ``tolerance``, or to 1 % of output where that is more.
    source
        Name of the database.
    checked
        Checks of ``rows`` and ``value added`` at import, in words.
    rebuilt
        Of tables that are estimated: what is real in them, and the parameters of their
        errors (``WorldTable``).
    parents
        Split region to the region it is a part of, such as CN1 to CHN: industries
        split by kind of firm. The table has the industries of both; measures compute
        with them and give one result, for the parent. ``{}`` takes the
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

    Examples
    --------
    >>> world
    WorldTables: 3 regions x 4 sectors x 2 years
    ...
    >>> world.regions, world.sectors[:2], world.years
    (('R01', 'R02', 'ROW'), ('S01', 'S02'), (2000, 2001))
    >>> world.table(2001).Z.shape  # one year
    (12, 12)
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
    rebuilt: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name in ("regions", "sectors", "years", "categories"):
            _require_ordered(name, getattr(self, name))
        for name in ("Z", "Y", "x", "value_added"):
            _require_bare(name, getattr(self, name))
            put(name, _as_array(name, getattr(self, name)))
        put("years", tuple(map(parse_year, self.years)))
        if not self.categories:
            f = self.Y.shape[3] if len(self.Y.shape) == 4 else 1
            put("categories", ["FD"] if f == 1 else [f"F{k + 1}" for k in range(f)])
        for name in ("regions", "sectors", "categories"):
            put(name, tuple(map(str, getattr(self, name))))
        require_kind("parents", self.parents, Mapping, "a dict from part to region")
        require_kind(
            "tolerance", self.tolerance, Tolerance, "a Tolerance of engine.tables"
        )
        require_kind("unit", self.unit, str, "a text")
        for name in ("parents", "checked", "rebuilt"):
            put(name, dict(getattr(self, name)))
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
                hint = f"; years come first: {name}[None]" if t == 1 else ""
                raise TivaxError(
                    f"{name} has shape {shape}, but {t} years, {c} regions, {s} "
                    f"sectors and {f} categories of final demand make it {shapes[0]}"
                    f"{hint if any(shape == k[1:] for k in shapes) else ''}"
                )

    def _warn_of_doubts(self) -> None:
        """Check the first year for all: it costs a few sums over its Z."""
        if not isinstance(self.Z, np.ndarray) or self.Z[0].nbytes > _LARGEST_JUDGED:
            return
        first = self.table(self.years[0])
        for doubt in find_doubts(first, self.parents):
            warn(f"{first.year}: {doubt}")

    # ------------------------------------------------------------------ access

    def _listings(self) -> Sequence[Listing]:
        reported = self.value_added is not None
        rows = [
            ("years", _span(self.years)),
            ("regions", _ends(self.regions)),
            ("sectors", _ends(self.sectors)),
            ("final demand", _ends(self.categories)),
            ("value added", "reported" if reported else "not reported"),
            ("unit", self.unit),
        ]
        rows += [("source", source_in_words(self.source))] if self.source else []
        size = (
            f"{count_text(len(self.regions), 'region')} x "
            f"{count_text(len(self.sectors), 'sector')} x "
            f"{count_text(len(self.years), 'year')}"
        )
        return [Listing(f"WorldTables: {size}", (), rows, words=2)]

    @property
    def n(self) -> int:
        """Number of industries, c * s."""
        return len(self.regions) * len(self.sectors)

    def output(self, years: slice = slice(None)) -> Float[np.ndarray, "t n"]:
        """Gross output, with 0 for what is below zero by rounding.

        Raises ``TivaxError`` for output that is not finite, is negative, or is in a
        unit in which squares of flows are 0 or infinite.
        """
        require_kind("years", years, slice, "a slice of positions, slice(0, 2)")
        x = as_float64(self.x[years])
        for year, row in zip(self.years[years], x, strict=True):
            if not (lowest_output(row) <= row).all() or not unit_is_plausible(row):
                check_numbers(self.table(year))
                check_output(self.table(year))
        return np.maximum(x, 0)

    def final_demand(
        self, years: slice = slice(None), categories: Sequence[str] | None = None
    ) -> Float[np.ndarray, "t n c"]:
        """Final demand summed over its categories, or over some of them.

        Raises ``TivaxError`` for no category, an unknown or a repeated one.
        """
        require_kind("years", years, slice, "a slice of positions, slice(0, 2)")
        Y = as_float64(self.Y[years])
        if Y.ndim == 3:
            Y = Y[..., None]
        if categories is None:
            return Y.sum(axis=3)
        require_list("categories", categories)
        if len(set(categories)) != max(len(categories), 1):
            raise TivaxError(
                "categories of final demand: name one or more, each of them once"
            )
        for name in categories:
            require_choice("category of final demand", name, self.categories)
        return Y[..., [self.categories.index(k) for k in categories]].sum(axis=3)

    def table(self, year: int) -> WorldTable:
        """One year, read into memory."""
        k = self.years.index(year_of(self, year))
        return table_without_flows(self, k, as_float64(self.Z[k]))

    def __iter__(self) -> Iterator[WorldTable]:
        """The years, one at a time."""
        return (self.table(year) for year in self.years)

    def select(self, first: int, last: int) -> "WorldTables":
        """The years from ``first`` to ``last``, both included."""
        part, added = year_range(self.years, (first, last)), self.value_added
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TivaxWarning)  # said when these were made
            return replace(
                self,
                Z=self.Z[part],
                Y=self.Y[part],
                x=self.x[part],
                value_added=None if added is None else added[part],
                years=self.years[part],
            )


def table_without_flows(tables: WorldTables, k: int, Z: Any) -> WorldTable:
    """Year number ``k``, its flows an array or what stands for them."""
    Y = as_float64(tables.Y[k])
    added = None if tables.value_added is None else as_float64(tables.value_added[k])
    return WorldTable(
        year=tables.years[k],
        regions=tuple(tables.regions),
        sectors=tuple(tables.sectors),
        categories=tuple(tables.categories),
        Z=Z,
        Y=Y[:, :, None] if Y.ndim == 2 else Y,
        x=as_float64(tables.x[k]),
        value_added=added,
        origin=tables.source,
        parents=tables.parents,
        rebuilt=tables.rebuilt,
    )


# At construction, a Z of one year up to this size is checked for doubts.
_LARGEST_JUDGED = 64 * 2**20


def _require_ordered(what: str, labels: object) -> None:
    if isinstance(labels, (set, frozenset)):
        raise TivaxError(f"{what}: a set has no order; give a list, as the rows run")
    if isinstance(labels, str):
        raise TivaxError(f"{what}: {labels!r} is one text; give a list of labels")
    require_kind(what, labels, Iterable, "a list of labels")


def _require_bare(name: str, values: object) -> None:
    """Refuse arrays with labels, which would be ignored."""
    several = isinstance(values, list | tuple)
    for one in values if several else [values]:
        if type(one).__module__.partition(".")[0] in ("pandas", "xarray"):
            raise TivaxError(
                f"{name} {'has' if several else 'is'} a {type(one).__name__} with "
                "labels of its own: tx.from_frames aligns labels, WorldTables takes "
                "bare arrays (.to_numpy()) in the order of regions and sectors"
            )


def _as_array(name: str, values: Any) -> Any:
    """Nested lists as an array of numbers; only value added may be None."""
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
            f"{name}: give an array of numbers, years first, not {show(values)}"
        )
    return values


def _span(years: Sequence[int]) -> str:
    """``2000 to 2014``; all of them where some are missing in between."""
    if len(years) == 1:
        return str(years[0])
    if len(years) == years[-1] - years[0] + 1:
        return f"{years[0]} to {years[-1]}"
    return _ends(list(map(str, years)))


def _ends(labels: Sequence[str]) -> str:
    """The first labels and the last."""
    shown = [*labels[:4], "...", *labels[-2:]] if len(labels) > 8 else labels
    return ", ".join(shown)


def year_of(tables: WorldTables, year: Any = None) -> int:
    """A year of the tables, by default the last; ``TivaxError`` where they lack it."""
    year = tables.years[-1] if year is None else parse_year(year)
    if year not in tables.years:
        raise NotFound(
            f"no year {year}: the tables hold {tables.years[0]} to {tables.years[-1]}"
        )
    return year


def require_tables(tables: object) -> None:
    """Raise ``TivaxError`` unless these are ``WorldTables``."""
    require_kind(
        "tables",
        tables,
        WorldTables,
        "WorldTables (of tx.open_store, tx.from_frames or tx.WorldTables)",
    )


def year_range(years: Sequence[int], wanted: tuple[int, int] | None) -> slice:
    """The slice of years from the first to the last of ``wanted``; None selects all.

    Raises ``TivaxError`` where there is no such year.
    """
    require_years(wanted)
    if wanted is None:
        return slice(0, len(years))
    keep = [k for k, year in enumerate(years) if wanted[0] <= year <= wanted[1]]
    if not keep:
        raise NotFound(
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
    """Put single years together. Labels must agree: see :func:`check_same_labels`.

    Parameters
    ----------
    tables : sequence of WorldTable
        One for each year, with the same labels.
    unit : str
        Unit of all flows.
    tolerance : Tolerance, optional
        Gaps of rows and columns that are no error.
    source : str
        Where the tables come from.
    parents : mapping, optional
        Region of each part of a split region.

    Returns
    -------
    WorldTables
        The years together, in their order.

    Examples
    --------
    >>> tx.stack_years([world.table(2000), world.table(2001)]).years
    (2000, 2001)
    """
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
