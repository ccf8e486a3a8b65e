"""Tables with fewer regions or sectors: sums of flows, output and value added.

An aggregated table is one more world table, and everything can be computed from it.
It is not the same as aggregating results: an industry that is a sum buys as the average
of its parts, whatever it sells (aggregation bias; Miller and Blair 2009, chapter 4).
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..core import (
    NotFound,
    TivaxError,
    load_toml,
    local_path,
    read_toml,
    require_different_columns,
    require_kind,
    require_list,
    suggest,
    unescape_formula,
)
from .groups import Groups
from .groups import region_names as renamed
from .rules import require_labels
from .world_table import LazyYears, Tolerance, YearArray, as_float64
from .world_tables import WorldTables, require_tables

Mapped = Mapping[str, str]


# ------------------------------------------------------------------------ aggregation


def aggregate(
    tables: WorldTables,
    *,
    regions: "Codes | None" = None,
    sectors: "Codes | None" = None,
) -> WorldTables:
    """The tables with regions, sectors or both added up.

    Parameters
    ----------
    tables
        In memory or lazy: then the result is lazy too, a year is added up when it is
        read.
    regions, sectors
        Old to new code, every old one; or a concordance, by its built-in name or its
        file (TOML, ``NEW = ["old", "old"]``, or csv with columns ``from`` and ``to``).
        None keeps them. A new code is placed where the first of its old ones was.

    Returns
    -------
    WorldTables
        Z, Y, x and value added are sums; categories, unit and years are kept. Parts of
        split regions join their parent where ``regions`` is given. Rows may miss their
        output by as much as the rows that were added up.

    Raises
    ------
    TivaxError
        A code that is not in the tables or that is left out.

    Examples
    --------
    >>> together = {sector: "all" for sector in world.sectors}
    >>> tx.aggregate(world, sectors=together)
    WorldTables: 3 regions x 1 sector x 2 years
    ...
    """
    require_tables(tables)
    regions, sectors = _codes("regions", regions), _codes("sectors", sectors)
    parents = dict(tables.parents)
    if regions is not None:
        whole = [code for code in tables.regions if code not in parents]
        _require_all(regions, whole, "region")
        regions = {k: regions[parents.get(k, k)] for k in tables.regions}
        parents = {}
    if sectors is not None:
        _require_all(sectors, tables.sectors, "sector")
    region = _Places.of(tables.regions, regions)
    sector = _Places.of(tables.sectors, sectors)
    industry = _Places(
        tuple(f"{r}:{s}" for r in region.labels for s in sector.labels),
        (region.place[:, None] * len(sector.labels) + sector.place[None, :]).ravel(),
    )
    added = tables.value_added
    return replace(
        tables,
        Z=_summed(tables.Z, industry, industry),
        Y=_summed(tables.Y, industry, region),
        x=_summed(tables.x, industry),
        value_added=None if added is None else _summed(added, industry),
        regions=region.labels,
        sectors=sector.labels,
        tolerance=_of_sums(tables.tolerance, industry),
        column_tolerance=_of_sums(
            tables.column_tolerance or tables.tolerance.for_columns(), industry
        ),
        parents=parents,
        # The parameters of errors are of the products and regions before.
        rebuilt={k: v for k, v in tables.rebuilt.items() if k != "errors"},
    )


@dataclass(frozen=True)
class _Places:
    """The new codes, and the place of each old one among them."""

    labels: tuple[str, ...]
    place: np.ndarray

    @classmethod
    def of(cls, old: Sequence[str], new: Mapped | None) -> "_Places":
        names = [new[code] if new else code for code in old]
        labels = tuple(dict.fromkeys(names))
        return cls(labels, np.array([labels.index(name) for name in names]))

    @property
    def matrix(self) -> Any:
        """1 where an old code (column) belongs to a new one (row)."""
        from scipy.sparse import csr_array  # takes a moment

        old = np.arange(len(self.place))
        return csr_array((np.ones(len(old)), (self.place, old)))


def _of_sums(one: Tolerance, industry: _Places) -> Tolerance:
    """The tolerance of the largest sum of industries."""
    return replace(one, absolute=one.absolute * int(np.bincount(industry.place).max()))


class SummedYears(LazyYears):
    """An array whose rows, and columns, are added up: the axes after years."""

    def __init__(self, array: YearArray, along: Sequence[_Places]) -> None:
        self._array, self._along = array, along
        new = tuple(len(places.labels) for places in along)
        self.shape = (array.shape[0], *new, *array.shape[1 + len(new) :])

    def _put(self, k: int, into: np.ndarray) -> None:
        values = as_float64(self._array[k])
        for axis, places in enumerate(self._along):
            values = np.moveaxis(values, axis, 0)
            flat = places.matrix @ values.reshape(len(values), -1)
            values = np.moveaxis(flat.reshape(-1, *values.shape[1:]), 0, axis)
        into[...] = values


def _summed(array: YearArray, *along: _Places) -> YearArray:
    """Lazily where the array is read from a store, at once where it is in memory."""
    lazy = SummedYears(array, along)
    return lazy[:] if isinstance(array, np.ndarray) else lazy


def _require_all(new: Mapped, old: Sequence[str], what: str) -> None:
    """Raise ``TivaxError`` unless all old codes, and no others, have a new one."""
    for code in new:
        if code not in old:
            raise TivaxError(f"no {what} {code} in the tables: {suggest(code, old)}")
    if left := [code for code in old if code not in new]:
        raise TivaxError(
            f"{what} {', '.join(left[:5])}{', ...' if left[5:] else ''} left out: give "
            f"every {what} a new code, which may be its own"
        )


def regions_of_groups(tables: WorldTables, groups: Groups) -> dict[str, str]:
    """Region to group, or to itself: ``regions`` of ``aggregate``."""
    whole = [code for code in tables.regions if code not in tables.parents]
    return renamed(whole, groups=groups)


# ------------------------------------------------------------------------ concordances


@dataclass(frozen=True)
class Concordance:
    """A map from the codes of a database to others; ``name`` is built in, or a file.

    Examples
    --------
    >>> one = tx.Concordance("mine", {"A01": "A", "A02": "A", "B": "B"})
    >>> one.new["A02"]
    'A'
    """

    name: str
    new: dict[str, str]
    title: str = ""
    source: str = ""

    def kind(self, tables: WorldTables) -> str:
        """``sectors`` or ``regions``: whose codes these are.

        Raises ``TivaxError`` where they are neither's.
        """
        known = {k: len(self.new.keys() & set(getattr(tables, k))) for k in _KINDS}
        kind = max(_KINDS, key=lambda k: known[k])
        if not known[kind]:
            raise TivaxError(
                f"{self.name}: {', '.join(list(self.new)[:3])}, ... are neither "
                f"sectors ({', '.join(tables.sectors[:3])}, ...) nor regions "
                f"({', '.join(tables.regions[:3])}, ...) of the tables"
            )
        return kind


Codes = Mapped | Concordance | str | Path
"""Old to new code, or a concordance: itself, its built-in name or its file."""


_KINDS = ("sectors", "regions")


@cache
def concordances() -> dict[str, Concordance]:
    """The built-in concordances by name."""
    return {
        name: Concordance(
            name,
            {old: new for new, olds in entry["codes"].items() for old in olds},
            entry["title"],
            entry["source"],
        )
        for name, entry in load_toml(__package__, "concordances.toml").items()
    }


def read_concordance(name: str | Path) -> Concordance:
    """A built-in concordance by name, or one from a file.

    A file is TOML, ``NEW = ["old", "old"]``, or csv with columns ``from`` and ``to``
    (others are not read).

    Raises
    ------
    TivaxError
        No such name or file, another form, a code that is mapped twice.
    """
    path = local_path("name", name)
    if str(name) in concordances():
        return concordances()[str(name)]
    if not path.is_file():
        raise NotFound(
            f"{name}: no such file; built in are {', '.join(concordances())}"
        )
    readers = {".toml": _toml_pairs, ".csv": _csv_pairs}
    if path.suffix.lower() not in readers:
        raise TivaxError(f"{path}: a concordance is a .csv or a .toml file")
    try:
        pairs = list(readers[path.suffix.lower()](path))
    except UnicodeDecodeError:
        raise TivaxError(f"{path}: not a text in UTF-8; save it as UTF-8") from None
    except csv.Error as error:
        raise TivaxError(f"{path}: {error}") from None
    new: dict[str, str] = {}
    for old, code in pairs:
        if not old or not code:
            raise TivaxError(f"{path}: an empty code ({old or '?'} to {code or '?'})")
        if old in new:
            raise TivaxError(f"{path}: {old} is mapped twice, to {new[old]} and {code}")
        new[old] = code
    if not new:
        raise TivaxError(f"{path}: maps no code")
    require_labels(new.values(), f"{path}: code")
    return Concordance(str(path), new)


def _codes(argument: str, new: Codes | None) -> Mapped | None:
    """Old to new code, of a concordance by name or from its file too."""
    if isinstance(new, str | Path):
        new = read_concordance(new)
    if isinstance(new, Concordance):
        new = new.new
    if new is not None:
        what = "a dict from old to new codes, or a concordance: its name or file"
        require_kind(argument, new, Mapping, what)
        require_list(argument, list(new.values()))
    return new


def _toml_pairs(path: Path) -> Iterable[tuple[str, str]]:
    for new, olds in read_toml(path).items():
        if not isinstance(olds, list) or not all(isinstance(k, str) for k in olds):
            raise TivaxError(f'{path}: write {new} = ["old", "old"]')
        yield from ((old.strip(), new) for old in olds)


def _csv_pairs(path: Path) -> Iterable[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if missing := {"from", "to"} - set(rows.fieldnames or ()):
            raise TivaxError(
                f"{path}: no column {', '.join(sorted(missing))}; the first line must "
                "name the columns from and to"
            )
        require_different_columns(path, rows.fieldnames or ())
        for row in rows:
            old, new = ((row[k] or "").strip() for k in ("from", "to"))
            yield unescape_formula(old), unescape_formula(new)
