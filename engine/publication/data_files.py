"""The inputs of results, as files of a package: place, licence, where to get them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import TivaxError, read_store_attributes
from ..sources import ARCHIVES, Rights, rights_of
from .layout import PackageLayout
from .results import (
    StoredResult,
    maker_of,
    require_unchanged,
    sources_of,
    store_manifest,
)

# What data a package holds: those whose licence allows it, all, none.
INCLUDE = ("allowed", "all", "none")


@dataclass(frozen=True)
class DataFile:
    """One input of the packaged results: a file, or a store.

    Attributes
    ----------
    path, place
        Where it is on this machine, and in the package.
    sha256, bytes
        As the manifest has them.
    rights
        Rights of the databases that it comes from; empty for one's own.
    provided
        True if the package holds it.
    made_by
        The command that wrote it, for stores and panels.
    raw
        Files that a store was imported from, as its own manifest has them.
    """

    path: Path
    place: str
    sha256: str
    bytes: int
    rights: tuple[Rights, ...]
    provided: bool
    made_by: Sequence[str] = ()
    raw: Sequence[dict[str, Any]] = ()

    @property
    def is_store(self) -> bool:
        return bool(read_store_attributes(self.path))

    @property
    def is_own(self) -> bool:
        """True for tables, panels or settings of the authors: of no database."""
        return not self.rights

    @property
    def how_to_get(self) -> str:
        """For somebody who does not have it: where it is, or who made it."""
        if self.made_by:
            return f"made by `tivax {' '.join(self.made_by)}`"
        return self.get_raw(self.path.name)

    def get_raw(self, name: str) -> str:
        """The same of a raw file of its database: command, address or page."""
        if not self.rights:
            return "ask the authors"
        rights = self.rights[0]
        archives = ARCHIVES.get(rights.name, {})
        for format, archive in archives.items():
            for file in archive.files:
                if file.name == name:
                    command = f"tivax fetch {rights.name} --format {format}"
                    return f"get it by `{command} --out FOLDER`, or from {file.url}"
        pages = [rights.page, *(k.page for k in archives.values()), rights.terms]
        return f"get it from {next(filter(None, pages))}"


def collect(
    results: Sequence[StoredResult], layout: PackageLayout, include: str
) -> list[DataFile]:
    """Every input once, in the order of their places.

    Raises ``TivaxError`` for one that is missing or changed since, and for a TOML file
    that names another input by an absolute path.
    """
    found: dict[str, DataFile] = {}
    for result in results:
        for path, entry in result.inputs.items():
            place = layout.place(path)
            if place not in found:
                found[place] = _data_file(result, path, entry, place, include)
            elif found[place].sha256 != entry["sha256"]:
                raise TivaxError(
                    f"{path}: two results read different versions; run the commands "
                    "again"
                )
    files = [found[place] for place in sorted(found)]
    _require_relative(files)
    return files


def _data_file(
    result: StoredResult, path: Path, entry: dict[str, Any], place: str, include: str
) -> DataFile:
    rights = tuple(filter(None, map(rights_of, sources_of(path, entry))))
    allowed = all(k.redistribution for k in rights)
    provided = include == "all" or (include == "allowed" and allowed)
    if path.exists():
        require_unchanged(path, entry, result.command)
    elif provided:
        raise TivaxError(
            f"{path}: missing, and `tivax {result.command}` read it; run `tivax "
            "package` in the folder in which it was run, or leave data out by "
            "--include-data none"
        )
    # Of the command that made a store or a table.
    maker = None if read_store_attributes(path) else maker_of(path)
    manifest = maker.manifest if maker else store_manifest(path)
    return DataFile(
        path=path,
        place=place,
        sha256=entry["sha256"],
        bytes=entry["bytes"],
        rights=rights,
        provided=provided,
        made_by=tuple(manifest["argv"][1:]) if manifest else (),
        raw=tuple(manifest.get("inputs", ())),
    )


def _require_relative(files: Sequence[DataFile]) -> None:
    """A file that names others by absolute paths does not work elsewhere."""
    for one in files:
        if one.path.suffix != ".toml" or not one.path.is_file():
            continue
        text = one.path.read_text(encoding="utf-8")
        for other in files:
            if f'"{other.path}"' in text or f"'{other.path}'" in text:
                raise TivaxError(
                    f"{one.path}: names {other.path} by an absolute path, which no "
                    "other machine has; write it relative to the file and run "
                    "the command again"
                )
