"""Finding the files of tables in folders and archives."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core import NotFound, TivaxError
from .opening import members_of
from .table_file import TableFile


def gather(paths: Sequence[Path], pattern: str, wanted: str) -> list[TableFile]:
    """The tables below ``paths``, each of them a file, a folder or a zip archive.

    From folders and archives come the files whose whole name matches ``pattern``
    (upper and lower case alike). A file that is given itself is taken whatever
    its name. The group ``year`` of the pattern is the year, of two digits or four.
    ``wanted`` describes these names in the error.
    """
    names = re.compile(pattern, re.IGNORECASE)
    found: dict[tuple[Path, str | None], TableFile] = {}
    for path in map(Path, paths):
        below = list(_below(path, names))
        if not below:
            raise TivaxError(f"{path}: no table in it; expected {wanted}")
        for file in below:
            found.setdefault((file.path.resolve(), file.member), file)
    if not found:
        raise TivaxError(f"no path given; expected {wanted}")
    return list(found.values())


def one_per_year(files: Sequence[TableFile]) -> list[TableFile]:
    """The files in order of year; ``TivaxError`` where two hold the same year."""
    seen: dict[int, TableFile] = {}
    for file in files:
        if file.year is None:
            continue
        if file.year in seen:
            raise TivaxError(
                f"{seen[file.year].name} and {file.name} both hold {file.year}; "
                "give only one of them"
            )
        seen[file.year] = file
    return sorted(files, key=lambda file: (file.year or 0, file.name))


def by_name(paths: Sequence[Path], *, names: str, expected: str) -> list[TableFile]:
    """The files below ``paths`` by year, each a table, whose names match a pattern."""
    return one_per_year(gather(paths, names, expected))


def beside(paths: Sequence[Path]) -> list[Path]:
    """The folders of single files, which others belong to; other paths as they are."""
    return [
        path.parent if path.is_file() and path.suffix.lower() != ".zip" else path
        for path in paths
    ]


def require_tables(
    tables: Sequence[TableFile], paths: Sequence[Path], expected: str
) -> None:
    """``TivaxError`` where files below ``paths`` make no table."""
    if not tables:
        shown = ", ".join(map(str, paths))
        raise TivaxError(f"{shown}: no table in it; expected {expected}")


def require_year(
    file: TableFile, remedy: str, problem: str = "nothing tells the year"
) -> int:
    """The year that a name tells; ``TivaxError`` where none does."""
    if file.year is None:
        raise TivaxError(f"{file.name}: {problem}; {remedy}")
    return file.year


def year_of_name(file: TableFile, example: str) -> int:
    """The year of the published name; ``TivaxError`` where the file has another."""
    remedy = f"give the file its published name, such as {example}"
    return require_year(file, remedy, "the name does not tell the year")


def located(paths: Sequence[Path], pattern: str, wanted: str) -> dict[str, TableFile]:
    """``gather``, by location: files that stand beside each other make a table."""
    return {location(file): file for file in gather(paths, pattern, wanted)}


def location(file: TableFile) -> str:
    """Path of a file, on disk or in an archive, as one text: to find others by it.

    Links are not followed: a folder may be put together from them.
    """
    path = Path(os.path.abspath(file.path)).as_posix()
    return f"{path}/{file.member}" if file.member else path


def _below(path: Path, names: re.Pattern[str]) -> Iterator[TableFile]:
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.suffix.lower() == ".zip" and inner.is_file():
                yield from _members(inner, names)
            elif names.fullmatch(inner.name) and inner.is_file():
                yield TableFile(inner, year=_year(inner.name, names))
    elif not path.exists():
        raise NotFound(f"{path}: no such file or folder")
    elif path.suffix.lower() == ".zip":
        yield from _members(path, names)
    else:
        yield TableFile(path, year=_year(path.name, names))


def _members(path: Path, names: re.Pattern[str]) -> Iterator[TableFile]:
    for member in members_of(path):
        name = re.split("[/:]", member)[-1]
        if names.fullmatch(name):
            yield TableFile(path, member, _year(name, names))


def _year(name: str, names: re.Pattern[str]) -> int | None:
    if "year" not in names.groupindex:
        return None
    match = names.fullmatch(name) or re.search(r"(?P<year>(?:19|20)\d\d)", name)
    if match is None or match["year"] is None:
        return None
    year = int(match["year"])
    if year >= 100:
        return year
    return year + (1900 if year >= 60 else 2000)
