"""One year of a world input-output table, and how far it may miss its own sums."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..core import TivaxError, aligned_empty, require_kind, require_whole, show


@runtime_checkable
class YearArray(Protocol):
    """An array with years first, in memory (NumPy) or read a year at a time (store)."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, key, /) -> np.ndarray: ...
    def __len__(self) -> int: ...


class LazyYears(ABC):
    """An array of float64 with years first, each made when it is indexed."""

    shape: tuple[int, ...]
    dtype = np.dtype("float64")

    @abstractmethod
    def _put(self, k: int, into: np.ndarray) -> None:
        """Write year number ``k``."""

    def __len__(self) -> int:
        return self.shape[0]

    def slabs(self, k: int, rows: int) -> Iterator[np.ndarray]:
        """Year number ``k`` in slabs of rows: see ``row_slabs``."""
        yield from row_slabs(self[k : k + 1], 0, rows)

    def __getitem__(self, key: int | slice) -> np.ndarray:
        """One year, or several, one at a time."""
        years = range(len(self))[key]
        several = years if isinstance(years, range) else [years]
        values = aligned_empty((len(several), *self.shape[1:]))
        self._put_all(several, values)
        return values if isinstance(years, range) else values[0]

    def _put_all(self, years: Sequence[int], into: np.ndarray) -> None:
        """Write several years."""
        for k, values in zip(years, into, strict=True):
            self._put(k, values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)


def row_slabs(values: YearArray, k: int, rows: int) -> Iterator[np.ndarray]:
    """Year number ``k`` of an array, ``rows`` rows at a time, in order.

    From a store, no more than two slabs of it are in memory; rows are those of whole
    selling regions, and a slab may have fewer of them, all the same number. A slab is
    overwritten when the next but one is asked for, and what is damaged is noticed when
    all of them are read.
    """
    if isinstance(values, LazyYears):
        yield from values.slabs(k, rows)
        return
    year = values[k]
    for first in range(0, len(year), rows):
        yield as_float64(year[first : first + rows])


def regroup_slabs(
    slabs: Iterable[np.ndarray], region: tuple[int, ...], count: int
) -> Iterator[np.ndarray]:
    """The same rows, ``count`` selling regions at a time, copied only if need be."""
    waiting = np.empty((0, *region))
    for slab in slabs:
        parts = slab.reshape(-1, *region)
        if len(waiting):
            parts = np.concatenate([waiting, parts])
        whole = len(parts) // count * count
        for a in range(0, whole, count):
            yield parts[a : a + count]
        waiting = parts[whole:].copy()


@dataclass(frozen=True)
class Tolerance:
    """Largest gap of a row or column from its output: absolute + relative * output.

    ``absolute`` is in the unit of the table. That of each source is in
    ``sources/sources.toml``, with the reason.

    Examples
    --------
    >>> from tivax.engine.tables import Tolerance
    >>> Tolerance(absolute=1.0, relative=1e-3).allowed(np.array([0.0, 5000.0]))
    array([1., 6.])
    """

    absolute: float = 0.0
    relative: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("absolute", "relative"):
            require_kind(name, getattr(self, name), Real, "a number")

    def allowed(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return self.absolute + self.relative * np.abs(x)

    def for_columns(self) -> "Tolerance":
        """The default for columns: 1 % of output, or more where rows may miss more."""
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
        Edition of its database, where the file says: also prices and system.
    taxes_and_margins : (n,) or None
        Output less inputs and value added, where the file has all
        rows of it: taxes less subsidies on products, margins, adjustments. Checked at
        import, not stored.
    output_is_row_sum
        The file reports no output: rows balance whatever it holds.
    parents
        Split region to the region it is a part of, where the file says so.
    unit
        Unit of all flows, where the file says it and not its database.
    doubts
        Doubts of an import about the file, in words.
    rebuilt
        Of a table that is estimated: what is real in it and what is not, and the
        parameters of its errors. Kept in the store, attribute ``rebuilt``.

    Examples
    --------
    >>> table = world.table(2000)
    >>> table.Y.shape, table.industry(5)
    ((12, 3, 5), 'R02:S02')
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
    unit: str = ""
    doubts: tuple[str, ...] = ()
    rebuilt: Mapping[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """``file: year`` for the head of a message."""
        return f"{self.origin}: {self.year}" if self.origin else str(self.year)

    def industry(self, row: int) -> str:
        """The label of one row, such as ``DEU:C20``."""
        require_whole("row", row, 0)
        if row >= (n := len(self.regions) * len(self.sectors)):
            raise TivaxError(f"row: there are {n} industries, from 0 on; not {row}")
        region, sector = divmod(int(row), len(self.sectors))
        return f"{self.regions[region]}:{self.sectors[sector]}"


def parse_year(label: Any) -> int:
    """A calendar year from 1 to 9999, also written as text or as 2001.0."""
    try:
        year = int(label)
        if (isinstance(label, str) or year == label) and 0 < year < 10_000:
            return year
    except (TypeError, ValueError, OverflowError):
        pass
    raise TivaxError(f"years: {show(label)} is no year; give whole numbers, 1 to 9999")


def as_float64(values: Any) -> np.ndarray:
    """As float64; the array itself where it is already. Whole millions come as int."""
    return np.asarray(values, dtype=np.float64)
