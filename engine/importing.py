"""From the files of a database to a store: read, check, write, year by year."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tivax.engine.checks import require_productive
from tivax.engine.errors import TivaxError
from tivax.engine.output import Run
from tivax.engine.progress import Progress, no_progress
from tivax.engine.sources import Source, TableFile, get_source
from tivax.engine.store import StoreWriter, require_replaceable, store_attributes
from tivax.engine.tables import (
    WorldTable,
    check_balance,
    check_same_labels,
    check_values,
)

# Files read at the same time. Reading is mostly decompression, which leaves the
# interpreter free; more than two only costs memory.
_READERS = 2


@dataclass(frozen=True)
class Imported:
    """What an import wrote. ``parts``: of split regions, by the whole."""

    path: Path
    years: tuple[int, ...]
    regions: int
    sectors: int
    parts: Mapping[str, Sequence[str]]

    def missing(self, wanted: tuple[int, int] | None = None) -> list[int]:
        """Years without a table, between the first and the last or of ``wanted``."""
        first, last = wanted or (self.years[0], self.years[-1])
        return [k for k in range(first, last + 1) if k not in self.years]


def import_tables(
    source_name: str,
    paths: Sequence[Path],
    store: Path,
    *,
    years: tuple[int, int] | None = None,
    unbalanced: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
) -> Imported:
    """Read the tables of one database below ``paths`` into a store.

    ``years`` keeps the years from the first to the last. Every year is checked:
    numbers, labels, and, unless ``unbalanced``, that rows sum to output within the
    tolerance of the source. Nothing is written where a year fails.

    Raises
    ------
    TivaxError
        In one line, naming the file and the year.
    """
    source = get_source(source_name)
    run = Run("import")
    require_replaceable(store, force=force, command=run.command, inputs=paths)
    for path in paths:
        if not path.exists():
            raise TivaxError(f"{path}: no such file or folder")
    files = [f for f in source.find(paths) if _wanted(f.year, years)]
    found, tables = _open_years(source, files, years)
    if not found:
        raise TivaxError(
            f"no table of the years {years[0]} to {years[1]} in "
            f"{', '.join(map(str, paths))}"
            if years
            else f"no table in {', '.join(map(str, paths))}"
        )
    writer: StoreWriter | None = None
    first: WorldTable | None = None
    parents: dict[str, str] = {}
    progress(0, len(found))
    try:
        for done, table in enumerate(tables, start=1):
            check_values(table)
            if not unbalanced:
                check_balance(table, source.tolerance)
            require_productive(table)
            if writer is None or first is None:
                first = table
                parents = {
                    k: v for k, v in source.parents.items() if k in table.regions
                }
                attributes = store_attributes(
                    unit=source.unit,
                    source=source.name,
                    title=", ".join(k for k in (source.title, table.edition) if k),
                    citation=source.citation,
                    tolerance=source.tolerance,
                    parents=parents,
                )
                writer = StoreWriter(
                    store,
                    table,
                    found,
                    attributes=attributes,
                    force=force,
                    command=run.command,
                )
            check_same_labels(first, table)
            writer.write(table)
            progress(done, len(found))
        assert writer is not None and first is not None
        run.inputs = sorted(
            {part.path for file in files for part in (file, *file.parts.values())}
        )
        writer.finish(
            run.manifest(residual_max=None, outputs=[store.name], source=source.name)
        )
    finally:
        if writer is not None:
            writer.discard()
        if isinstance(tables, Generator):
            tables.close()  # ends its readers now, and in this thread
    parts: dict[str, list[str]] = {}
    for part, whole in parents.items():
        parts.setdefault(whole, []).append(part)
    count = len(first.regions) - len(parents)
    return Imported(store, tuple(found), count, len(first.sectors), parts)


def _wanted(year: int | None, years: tuple[int, int] | None) -> bool:
    return year is None or years is None or years[0] <= year <= years[1]


def _open_years(
    source: Source, files: Sequence[TableFile], years: tuple[int, int] | None
) -> tuple[list[int], Iterator[WorldTable]]:
    """The years there are, and their tables as they are read, in order."""
    if any(file.year is None for file in files):
        # Only the file itself tells its years: read it all.
        tables = [
            table
            for file in files
            for table in source.read(file)
            if _wanted(table.year, years)
        ]
        tables.sort(key=lambda table: table.year)
        found = [table.year for table in tables]
        for year in found:
            if found.count(year) > 1:
                names = sorted({t.origin for t in tables if t.year == year})
                raise TivaxError(f"{year} is there twice: {', '.join(names)}")
        return found, iter(tables)
    return [file.year for file in files if file.year is not None], _ahead(source, files)


def _ahead(source: Source, files: Sequence[TableFile]) -> Iterator[WorldTable]:
    """Read the files in order, a few at a time and never more than that in memory."""
    with ThreadPoolExecutor(_READERS) as pool:
        waiting = [pool.submit(_read_all, source, file) for file in files[:_READERS]]
        for k in range(len(files)):
            tables = waiting.pop(0).result()
            if k + _READERS < len(files):
                waiting.append(pool.submit(_read_all, source, files[k + _READERS]))
            yield from tables


def _read_all(source: Source, file: TableFile) -> list[WorldTable]:
    return list(source.read(file))
