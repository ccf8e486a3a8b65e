"""The store: world tables of many years on disk, as one zarr v3 group.

    Z            (year, origin, sector, user, user_sector)   intermediate sales
    Y            (year, origin, sector, absorber, category)  final demand
    x            (year, origin, sector)                      gross output
    value_added  (year, origin, sector)                      where the source has it

with the labels as coordinates and units as attributes, so that xarray opens it
without tivax: ``xarray.open_zarr(path, consolidated=False)``. One chunk a year, and
several of some selling regions each where a year of Z is larger than 1 GiB; not
compressed: real tables are noise to a compressor (10 % smaller, three times slower
to read). Chunks, labels and metadata have checksums, see ``store_files``. The manifest
of the import is the attribute ``manifest`` (JSON text) of the group, because zarr warns
about any file in a group that is not its own.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..core import (
    NotFound,
    TivaxError,
    clear_leftovers,
    explain_full_disk,
    files_in,
    is_empty_folder,
    local_path,
    partial_folder,
    read_store_attributes,
    replace_folder,
    require_apart,
    require_as_listed,
    require_free,
    require_kind,
    require_writable,
    require_years,
)
from .rules import check_balance, check_values
from .store_files import (
    DIMS,
    FORMAT,
    IN_SLABS,
    ITSELF,
    LABELS,
    UNCHECKED,
    StoredYears,
    checksum,
    damaged,
    digest,
    largest_divisor,
    read_store,
)
from .world_table import Tolerance, WorldTable, regroup_slabs, row_slabs
from .world_tables import WorldTables, require_tables, year_range

# A year of Z above the first is cut into files of selling regions, none above the
# second unless one region is. A file is read in a tenth of a second.
LARGEST_YEAR = 1 << 30
LARGEST_FILE = 1 << 28
_LONG_NAMES = {
    "Z": "intermediate sales, origin sector to using sector",
    "Y": "final demand by absorbing region and category",
    "x": "gross output",
    "value_added": "value added at basic prices",
}


def require_replaceable(
    path: Path, *, force: bool, command: str = "", inputs: Iterable[Path] = ()
) -> None:
    """Raise ``TivaxError`` unless ``path`` is free, or a store and ``force``.

    A store that another command than ``command`` wrote is not replaced, nor one in
    whose folder anything lies that is not a chunk of its arrays.
    """
    require_apart({"output": path}, inputs)
    clear_leftovers(path)
    require_free(path, force=force)
    require_writable(path)
    if path.exists() and not is_empty_folder(path):
        _require_own_store(path, command)


# Stores whose numbers agreed with their checksums, and the times of their files: the
# second look, when the work is done, reads no numbers.
_sound: dict[Path, list[tuple[int, int]]] = {}


def _require_own_store(path: Path, command: str) -> None:
    if not read_store_attributes(path):
        raise TivaxError(
            f"{path}: not a tivax store; force=True does not replace "
            "it, choose another place",
            argument="force",
        )
    try:
        stored = read_store(path)
        its = json.loads(stored.attributes.get("manifest", "{}")).get("command")
        own = stored.files()
        stats = [(path / name).stat() for name in sorted(own)]
        times = [(k.st_mtime_ns, k.st_size) for k in stats]
        if _sound.get(path) != times:
            stored.require_sound()
        _sound[path] = times
    except (ValueError, TypeError, AttributeError) as error:
        raise TivaxError(
            f"{path}: changed since it was written, or damaged; force=True does not "
            "replace it: move it away, or choose another place",
            argument="force",
        ) from error
    if command and its not in (None, command):
        raise TivaxError(
            f"{path}: a store written by `tivax {its}`, and a command replaces only "
            "what it wrote itself; choose another place"
        )
    for part, name in files_in(path, own):
        if part.is_symlink() or name not in own:
            require_as_listed(part, None, command or "import")


class StoreWriter:
    """Writes years into a store beside its final place; ``finish`` moves it there.

    Years may come in any order. Call ``discard`` in the end, whatever happened: it
    removes what was not finished. A year of Z of more than ``largest_year`` bytes is
    cut into files of ``largest_file`` at most.
    """

    def __init__(
        self,
        path: Path,
        like: WorldTable | WorldTables,
        years: Sequence[int],
        *,
        attributes: dict[str, Any],
        force: bool = False,
        command: str = "",
        largest_year: int = LARGEST_YEAR,
        largest_file: int = LARGEST_FILE,
    ) -> None:
        require_replaceable(path, force=force, command=command)
        self.path, self.years = path, tuple(sorted(years))
        self._force, self._command = force, command
        self._until_discarded = ExitStack()
        self._part = self._until_discarded.enter_context(partial_folder(path))
        c, s, f = len(like.regions), len(like.sectors), len(like.categories)
        self._shapes = {"Z": (c, s, c, s), "Y": (c, s, c, f), "x": (c, s)}
        if like.value_added is not None:
            self._shapes["value_added"] = (c, s)
        region = 8 * s * c * s  # what one region sells
        cut = c * region > largest_year
        self.in_file = largest_divisor(c, largest_file // region) if cut else c
        files = {name: c // self.in_file if name == "Z" else 1 for name in self._shapes}
        self._crc32c = {name: [-1] * len(self.years) * k for name, k in files.items()}
        try:
            with explain_full_disk(path):
                self._create(like, attributes)
        except BaseException:
            self.discard()
            raise

    def _create(
        self, like: WorldTable | WorldTables, attributes: dict[str, Any]
    ) -> None:
        """The empty arrays and the labels."""
        import zarr  # takes longer than reading a small store
        from zarr.codecs import Crc32cCodec

        self._group = zarr.create_group(self._part, zarr_format=3)
        self._arrays: dict[str, Any] = {}
        checked = [Crc32cCodec()]
        regions = len(like.regions)
        format = FORMAT if self.in_file == regions else IN_SLABS
        self._group.attrs.update({"tivax_format": format, **attributes})
        labels = {"origin": like.regions, "sector": like.sectors}
        labels["category"] = like.categories
        self._group.create_array(
            "year",
            data=np.asarray(self.years),
            compressors=checked,
            dimension_names=("year",),
        )
        for name in [k for k in LABELS if k != "year"]:
            values = labels[LABELS[name]]
            array: Any = self._group.create_array(
                name,
                shape=(len(values),),
                chunks=(len(values),),
                dtype=str,  # variable length: zarr warns about the other string types
                compressors=checked,
                dimension_names=(name,),
            )
            array[:] = np.asarray(values, dtype=object)
        unit = attributes["unit"]
        for name, shape in self._shapes.items():
            # Kept: looked up again it would not write a year without any number.
            self._arrays[name] = self._group.create_array(
                name,
                shape=(len(self.years), *shape),
                chunks=(1, self.in_file if name == "Z" else shape[0], *shape[1:]),
                dtype="float64",
                # A chunk that is not there is a fault, never a year of zeros.
                fill_value=np.nan,
                config={"write_empty_chunks": True},
                compressors=checked,
                dimension_names=DIMS[name],
                attributes={"units": unit, "long_name": _LONG_NAMES[name]},
            )

    def write(self, table: WorldTable) -> None:
        """Put one year in its place."""
        others = {k: getattr(table, k) for k in self._shapes if k != "Z"}
        self.write_slabs(table.year, [table.Z], others)

    def write_slabs(
        self, year: int, slabs: Iterable[np.ndarray], others: Mapping[str, np.ndarray]
    ) -> None:
        """Put one year in its place: Z in row slabs, in order, and the other arrays.

        A slab has the rows of whole selling regions.
        """
        k, first = self.years.index(year), 0
        for name, values in others.items():
            self._put(name, k, 0, values)
        for part in regroup_slabs(slabs, self._shapes["Z"][1:], self.in_file):
            self._put("Z", k, first, part)
            first += self.in_file

    def _put(self, name: str, k: int, first: int, values: np.ndarray) -> None:
        """Write the file of year number ``k`` that begins with region ``first``."""
        values = np.ascontiguousarray(values, dtype="<f8")
        shape = self._shapes[name]
        count = self.in_file if name == "Z" else shape[0]
        with explain_full_disk(self.path):
            part = values.reshape(1, count, *shape[1:])
            self._array(name)[k : k + 1, first : first + count] = part
        files = shape[0] // count
        self._crc32c[name][k * files + first // count] = checksum(values)

    def _array(self, name: str) -> Any:
        return self._arrays[name]

    def finish(self, manifest: dict[str, Any], **attributes: Any) -> None:
        """Record manifest and checksums and move the whole store to its place.

        ``attributes``: what is known once all years are written.
        """
        with explain_full_disk(self.path):
            self._group.attrs.update(attributes)
            self._group.attrs["manifest"] = json.dumps(manifest)
            for name, found in self._crc32c.items():
                self._array(name).attrs["crc32c"] = found
            self._group.attrs["digest"] = digest(self._part)
        require_replaceable(self.path, force=self._force, command=self._command)
        replace_folder(self._part, self.path)

    def discard(self) -> None:
        """Remove what an unfinished store has written; nothing after ``finish``."""
        self._until_discarded.close()


def store_attributes(
    *,
    unit: str,
    source: str,
    title: str,
    citation: str,
    tolerance: Tolerance,
    parents: Mapping[str, str] | None = None,
    column_tolerance: Tolerance | None = None,
    checked: Mapping[str, str] | None = None,
    rebuilt: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The attributes of a store: what the numbers are and where they come from."""
    return {
        "title": title,
        "source": source,
        "citation": citation,
        "unit": unit,
        "tolerance": asdict(tolerance),
        "parents": dict(parents or {}),
        "column_tolerance": asdict(column_tolerance or tolerance.for_columns()),
        "checked": dict(checked or {}),
        **({"rebuilt": dict(rebuilt)} if rebuilt else {}),
    }


def save_store(
    tables: WorldTables, path: str | os.PathLike, *, force: bool = False
) -> None:
    """Write tables to a store, a year at a time. ``TivaxError`` where there is one.

    Values are not checked: ``check_tables`` does that.

    Parameters
    ----------
    tables : WorldTables
        Tables in memory or mapped from files.
    path : path
        Folder of the new store.
    force : bool
        Replace an older store.

    Returns
    -------
    None
        The store is on the disk, whole.

    Examples
    --------
    >>> tx.save_store(world, "another")
    >>> tx.open_store("another").years
    (2000, 2001)
    """
    require_tables(tables)
    require_kind("force", force, bool, "True or False")
    write_store(tables, local_path("path", path), force=force)


def write_store(
    tables: WorldTables,
    path: Path,
    *,
    force: bool = False,
    largest_year: int = LARGEST_YEAR,
    largest_file: int = LARGEST_FILE,
) -> None:
    """``save_store``, with the sizes of ``StoreWriter``.

    At most two files of a year that is cut into files are held at once.
    """
    attributes = store_attributes(
        unit=tables.unit,
        source=tables.source,
        title=tables.source,
        citation="",
        tolerance=tables.tolerance,
        parents=tables.parents,
        column_tolerance=tables.column_tolerance,
        checked=tables.checked,
        rebuilt=tables.rebuilt,
    )
    writer = StoreWriter(
        path,
        tables,
        tables.years,
        attributes=attributes,
        force=force,
        largest_year=largest_year,
        largest_file=largest_file,
    )
    names = ["Y", "x", *(["value_added"] if tables.value_added is not None else [])]
    rows = writer.in_file * len(tables.sectors)
    try:
        for k, year in enumerate(tables.years):
            others = {name: np.asarray(getattr(tables, name)[k]) for name in names}
            writer.write_slabs(year, row_slabs(tables.Z, k, rows), others)
        writer.finish({})
    finally:
        writer.discard()


def open_store(
    path: str | os.PathLike, *, years: tuple[int, int] | None = None, lazy: bool = False
) -> WorldTables:
    """The tables of a store, or its years from the first to the last of ``years``.

    ``lazy=True`` reads each year when it is needed: for tables that do not fit in
    memory. Otherwise everything is read at once. Every year is compared with its
    checksum when it is read. A store of an older tivax has none: its years are checked
    as far as possible, and a line in the log says so.

    Parameters
    ----------
    path : path
        Folder of the store.
    years : (int, int), optional
        First and last year; by default all.
    lazy : bool
        Read each year when it is needed.

    Returns
    -------
    WorldTables
        Flows in the unit of the store.

    Raises
    ------
    TivaxError
        Nothing there, not a tivax store, a damaged one, one of a newer format, no such
        year.

    Examples
    --------
    >>> tx.open_store("store")
    WorldTables: 3 regions x 4 sectors x 2 years
    ...
    >>> tx.open_store("store", years=(2001, 2001)).years
    (2001,)
    """
    path = local_path("path", path)
    require_years(years)
    if not path.exists():
        raise NotFound(f"{path}: no such store; make one with `tivax import`")
    stored = read_store(path)
    labels, about = stored.labels, stored.attributes
    kept = year_range(labels["year"], years)
    t, c, s, f = (
        len(labels["year"][kept]),
        *(len(labels[name]) for name in ("origin", "sector", "category")),
    )
    n = c * s
    shapes = {"Z": (t, n, n), "Y": (t, n, c, f), "x": (t, n), "value_added": (t, n)}
    arrays: dict[str, Any] = {
        name: StoredYears(array, shapes[name], kept.start)
        for name, array in stored.arrays.items()
    }
    try:
        tables = WorldTables(
            **arrays,
            regions=labels["origin"],
            sectors=labels["sector"],
            years=labels["year"][kept],
            unit=about["unit"],
            categories=labels["category"],
            tolerance=Tolerance(**about["tolerance"]),
            source=about["source"],
            parents=about.get("parents", {}),
            column_tolerance=(
                Tolerance(**about["column_tolerance"])
                if "column_tolerance" in about
                else None
            ),
            checked=dict(about.get("checked", {})),
            rebuilt=dict(about.get("rebuilt", {})),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise damaged(path, ITSELF, f"{error}") from None
    if stored.format == UNCHECKED:
        _warn_unchecked(path, tables)
    return tables if lazy else tables.select(tables.years[0], tables.years[-1])


_warned: set[tuple[Path, tuple[int, ...]]] = set()


def _warn_unchecked(path: Path, tables: WorldTables) -> None:
    """Log once that a store has no checksums, and look at its numbers.

    Raises ``TivaxError`` for numbers that cannot be, and for rows that do not balance.
    """
    key = path.resolve(), tuple(tables.years)
    if key in _warned:
        return
    for table in tables:
        try:
            check_values(table)
            if "rows" not in tables.checked:  # else imported as it is
                check_balance(table, tables.tolerance)
        except TivaxError as error:
            fault = str(error).removeprefix(f"{table.where}: ").rpartition(";")[0]
            raise damaged(path, f"{table.year}, without checksums,", fault) from None
    _warned.add(key)
    logging.getLogger("tivax").warning(
        f"{path}: written before stores had checksums; import it again"
    )
