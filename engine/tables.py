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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from tivax.engine.errors import TivaxError, nearest


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
    """How far a row may miss its output: absolute + relative * output.

    ``absolute`` is in the unit of the table. Each source declares its own,
    with the reason, beside its reader.
    """

    absolute: float = 0.0
    relative: float = 1e-6

    def allowed(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return self.absolute + self.relative * np.abs(x)


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
    source
        Name of the database.
    parents
        Split region to the region it is a part of, such as CN1 to CHN: industries
        told apart by kind of firm. The industries of both stand in the table; measures
        compute with them and give one result, for the parent. ``{}`` takes the
        parts for regions.

    Raises
    ------
    TivaxError
        Shapes that do not fit the labels, labels that repeat, parents that are not
        there. Values are checked by :func:`check_values` and :func:`check_balance`.
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

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("regions", tuple(map(str, self.regions)))
        put("sectors", tuple(map(str, self.sectors)))
        put("years", tuple(map(int, self.years)))
        if not self.categories:
            f = self.Y.shape[3] if len(self.Y.shape) == 4 else 1
            put(
                "categories",
                ("FD",) if f == 1 else tuple(f"F{k + 1}" for k in range(f)),
            )
        put("categories", tuple(map(str, self.categories)))
        put("parents", dict(self.parents))
        self._check_labels()
        self._check_parents()
        self._check_shapes()

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

    def final_demand(
        self, years: slice = slice(None), categories: Sequence[str] | None = None
    ) -> Float[np.ndarray, "t n c"]:
        """Final demand summed over its categories, or over some of them.

        Raises ``TivaxError`` for none of them, one there is not or one named twice.
        """
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
        return replace(
            self,
            Z=self.Z[part],
            Y=self.Y[part],
            x=self.x[part],
            value_added=None if self.value_added is None else self.value_added[part],
            years=self.years[part],
        )


def in_double(values: Any) -> np.ndarray:
    """As float64; the array itself where it is already. Whole millions come as int."""
    return np.asarray(values, dtype=np.float64)


def year_range(years: Sequence[int], wanted: tuple[int, int] | None) -> slice:
    """Where the years from the first to the last of ``wanted`` stand; None means all.

    Raises ``TivaxError`` where there is none.
    """
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
    for name in ("Z", "Y", "x", "value_added"):
        values = getattr(table, name)
        if values is None:
            continue
        bad = ~np.isfinite(values)
        if bad.any():
            raise TivaxError(
                f"{table.where}: {name} has {bad.sum()} cells that are not numbers, "
                f"first {_cell(table, name, bad)}; the file is damaged or incomplete"
            )
    for name in ("x", "Z"):
        bad = getattr(table, name) < 0
        if bad.any():
            what = "output" if name == "x" else "intermediate sales"
            raise TivaxError(
                f"{table.where}: {bad.sum()} negative {what}, "
                f"first {_cell(table, name, bad)}; check the order of rows and columns"
            )


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


def _cell(table: WorldTable, name: str, bad: np.ndarray) -> str:
    """The labels of the first marked cell of one array."""
    at = np.argwhere(bad)[0].tolist()
    row = table.industry(at[0])
    if name == "Z":
        return f"{row} to {table.industry(at[1])}"
    if name == "Y":
        return f"{row} to {table.regions[at[1]]} {table.categories[at[2]]}"
    return row
