"""Import the files of a database to a store: read, check, write, year by year."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import (
    NotFound,
    Progress,
    Run,
    TivaxError,
    basis_text,
    local_path,
    no_progress,
    report,
    require_kind,
    require_years,
    show,
    size_limit,
)
from ..files import TableFile
from ..rebuilding import in_turn
from ..streaming import require_productive_table
from ..tables import (
    StoreWriter,
    WorldTable,
    check_balance,
    check_columns,
    check_same_labels,
    check_values,
    derounding,
    find_doubts,
    require_labels,
    require_replaceable,
    store_attributes,
    without_rounding,
)
from .catalogue import get_source
from .source import Source
from .titles import final_demand_title, sector_title, with_sector_titles

# Files read at the same time. Reading is mostly decompression, which leaves the
# interpreter free; more than two only costs memory.
_READERS = 2


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    ``parts``: of split regions, by the whole. ``doubts`` about a year, in words.
    ``published``: the years of a database that is one file. ``rows_above``: rows of all
    years that sell more than their output, None without ``derounded``. ``manifest``:
    that of the store. ``pieces_missing``: what a rebuilt table had to do without, and
    what that costs, in words. ``misses``: of tables rebuilt by a recipe what each
    margin missed by country, in the worst year.
    """

    path: Path
    years: tuple[int, ...]
    regions: int
    sectors: int
    parts: Mapping[str, Sequence[str]]
    doubts: Sequence[str] = ()
    published: tuple[int, int] | None = None
    rows_above: int | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    pieces_missing: Sequence[str] = ()
    misses: Sequence[Mapping[str, Any]] = ()

    @property
    def rows(self) -> int:
        """Industries of all years, parts of split regions not counted."""
        return len(self.years) * self.regions * self.sectors

    def missing(self, wanted: tuple[int, int] | None = None) -> list[int]:
        """Years without a table: of ``wanted``, else published, else between others."""
        first, last = wanted or self.published or (self.years[0], self.years[-1])
        return [k for k in range(first, last + 1) if k not in self.years]


def import_tables(
    source_name: str,
    paths: Sequence[str | Path],
    store: str | Path,
    *,
    years: tuple[int, int] | None = None,
    unbalanced: bool = False,
    derounded: bool = False,
    force: bool = False,
    max_size: int | float | None = None,
    progress: Progress = no_progress,
) -> Imported:
    """Read the tables of one database below ``paths`` into a store.

    ``years`` keeps the years from the first to the last. Every year is checked:
    numbers, labels, and, unless ``unbalanced``, that rows sum to output and columns add
    up to it, within the tolerances of the source. The store says what could be checked
    (attribute ``checked``). ``derounded`` then puts back what rounding to whole units
    took (``tables.derounding``). Nothing is written where a year fails. ``max_size`` is
    the largest size in GiB of a raw file, or of one in an archive, once unpacked: 4, or
    what the environment's TIVAX_MAX_SIZE says.

    Parameters
    ----------
    source_name : str
        A database of ``tivax import``, such as "wiod2016".
    paths : sequence of path
        Files, folders or zip archives.
    store : path
        Folder of the new store.
    years : (int, int), optional
        First and last year.
    unbalanced, derounded, force : bool
        Import tables that do not balance; undo rounding; replace an older
        store.
    max_size : float, optional
        Largest raw file in GiB, once unpacked.
    progress : callable, optional
        Called with the years that are done and their number.

    Returns
    -------
    Imported
        Years, labels and what was in doubt.

    Raises
    ------
    TivaxError
        In one line, naming the file and the year.

    Examples
    --------
    >>> table = world.table(2000)
    >>> labels = {"regions": table.regions, "sectors": table.sectors, "year": 2000}
    >>> np.savez("2000.npz", Z=table.Z, Y=table.Y, x=table.x, **labels)
    >>> tx.import_tables("arrays", ["2000.npz"], "imported").years
    (2000,)
    """
    require_kind("source_name", source_name, str, "the name of a database")
    if isinstance(paths, str | Path):
        raise TivaxError(f"paths: give a list of files or folders, [{show(paths)}]")
    require_kind("paths", paths, Iterable, "a list of files or folders")
    paths, store = [local_path("paths", k) for k in paths], local_path("store", store)
    require_years(years)
    source = get_source(source_name)
    if derounded and not source.rounded:
        raise TivaxError(
            f"derounded=True: {source.name} is not rounded to whole units, so there "
            "is nothing to restore; it is for the R edition of wiod2013",
            argument="derounded",
        )
    run = Run("import")
    require_replaceable(store, force=force, command=run.command, inputs=paths)
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path}: no such file or folder")
    with size_limit(max_size):
        return _store(
            source, paths, store, run, years, unbalanced, derounded, force, progress
        )


def _store(
    source: Source,
    paths: Sequence[Path],
    store: Path,
    run: Run,
    years: tuple[int, int] | None,
    unbalanced: bool,
    derounded: bool,
    force: bool,
    progress: Progress,
) -> Imported:
    """Years that are checked, written one after the other."""
    files = [f for f in source.find(paths) if _wanted(f.year, years)]
    found, tables = _open_years(source, files, years)
    if not found:
        wanted = f" of the years {years[0]} to {years[1]}" if years else ""
        raise TivaxError(f"no table{wanted} in {', '.join(map(str, paths))}")
    writer: StoreWriter | None = None
    first: WorldTable | None = None
    doubtful: list[str] = []
    columns = source.column_tolerance or source.tolerance.for_columns()
    stored_as = source.stored_as or source.name
    parents: dict[str, str] = {}
    rows_above = 0
    about_rebuilt: dict[str, Any] = {}  # of a year, and of those before it
    report(progress, 0, len(found))
    try:
        for done, table in enumerate(tables, start=1):
            table = without_rounding(table)
            try:
                check_values(table)
                if not unbalanced:
                    check_balance(table, source.tolerance)
                    check_columns(table, columns)
                if derounded:
                    table, above = derounding.deround(table)
                    rows_above += above
                require_productive_table(table)
            except TivaxError as error:
                told = with_sector_titles(str(error), table.sectors, source.name)
                raise TivaxError(told) from None
            if writer is None or first is None:
                first = table
                for what in ("regions", "sectors", "categories"):
                    require_labels(getattr(table, what), f"{table.origin}: {what}")
                parents = {
                    k: v for k, v in source.parents.items() if k in table.regions
                } | dict(table.parents)
                named = (source.title, table.edition, "derounded" if derounded else "")
                attributes = store_attributes(
                    unit=table.unit or source.unit,
                    source=stored_as,
                    title=", ".join(filter(None, named)),
                    citation=source.citation,
                    tolerance=derounding.TOLERANCE if derounded else source.tolerance,
                    parents=parents,
                    column_tolerance=columns,
                    checked=what_is_checked(table, unbalanced=unbalanced),
                    rebuilt=table.rebuilt,
                )
                attributes["derounded"] = derounded
                demand = map(final_demand_title, table.categories)
                attributes["titles"] = {
                    "sector": {k: sector_title(k, source.name) for k in table.sectors},
                    "final demand": dict(zip(table.categories, demand, strict=True)),
                }
                how = {"force": force, "command": run.command}
                writer = StoreWriter(store, table, found, attributes=attributes, **how)
            check_same_labels(first, table)
            if table.unit != first.unit:
                raise TivaxError(
                    f"{table.where}: in {table.unit}, but {first.where} in "
                    f"{first.unit}; give tables of one unit"
                )
            doubtful += [
                f"{table.where}: {with_sector_titles(k, table.sectors, source.name)}"
                for k in (*table.doubts, *find_doubts(table, parents))
            ]
            writer.write(table)
            about_rebuilt = dict(table.rebuilt)
            progress(done, len(found))
        assert writer is not None and first is not None
        run.inputs = sorted(
            {part.path for file in files for part in (file, *file.parts.values())}
        )
        about = {
            "power": derounding.POWER,
            "power_of_ones": derounding.ONES,
            "rows_above_output": rows_above,
        }
        rebuilt = {"rebuilt": about_rebuilt} if about_rebuilt else {}
        manifest = run.manifest(
            residual_max=None,
            outputs=[store.name],
            source=stored_as,
            derounded=about if derounded else None,
            **rebuilt,
            **({"basis": said} if (said := basis_text(stored_as)) else {}),
        )
        writer.finish(manifest, **rebuilt)
    finally:
        if writer is not None:
            writer.discard()
        if isinstance(tables, Generator):
            tables.close()  # ends its readers now, and in this thread
    parts: dict[str, list[str]] = {}
    for part, whole in parents.items():
        parts.setdefault(whole, []).append(part)
    count = len(first.regions) - len(parents)
    return Imported(
        store,
        tuple(found),
        count,
        len(first.sectors),
        parts,
        doubtful,
        source.published,
        rows_above if derounded else None,
        manifest,
        tuple(about_rebuilt.get("missing", ())),
        tuple(about_rebuilt.get("misses", ())),
    )


# What can be said of a value-added row without the rows of taxes and margins.
VALUE_ADDED_ALONE = (
    "lies between minus inputs and output; to the digit it cannot be checked, without "
    "taxes and margins"
)


def what_is_checked(table: WorldTable, *, unbalanced: bool) -> dict[str, str]:
    """Checks that an import makes in a table: of ``rows`` and ``value added``.

    Words that end a sentence. ``rows`` is left out where they are simply checked.
    """
    checked: dict[str, str] = {}
    if unbalanced:
        checked["rows"] = "not checked at import (--unbalanced)"
    elif table.output_is_row_sum:
        checked["rows"] = "as they must: output is the sum of the row"
    if table.value_added is None:
        checked["value added"] = (
            "cannot be checked: this edition has no value-added row"
        )
    elif unbalanced:
        checked["value added"] = "was not checked at import (--unbalanced)"
    elif table.taxes_and_margins is None:
        checked["value added"] = VALUE_ADDED_ALONE
    else:
        checked["value added"] = (
            "was checked at import: inputs, taxes, margins and value added make output"
        )
    return checked


def _wanted(year: int | None, years: tuple[int, int] | None) -> bool:
    return year is None or years is None or years[0] <= year <= years[1]


def _open_years(
    source: Source, files: Sequence[TableFile], years: tuple[int, int] | None
) -> tuple[list[int], Iterator[WorldTable]]:
    """The years there are, and their tables as they are read, in order."""
    if any(file.year is None for file in files):
        # Only the file itself tells its years: read it all.
        every = (table for file in files for table in source.read(file))
        tables = [table for table in every if _wanted(table.year, years)]
        tables.sort(key=lambda table: table.year)
        found = [table.year for table in tables]
        for year in found:
            if found.count(year) > 1:
                names = sorted({t.origin for t in tables if t.year == year})
                raise TivaxError(f"{year} is duplicated: {', '.join(names)}")
        return found, iter(tables)
    found = [file.year for file in files if file.year is not None]
    if source.read_together is not None:
        return found, iter(source.read_together(files)) if files else iter(())
    # A few at a time, and never more than that in memory.
    read = in_turn(lambda file: list(source.read(file)), files, _READERS)
    return found, (table for tables in read for table in tables)
