"""The official archives of each database, listed in ``archives.toml``.

To add a database, add its archives there; ``fetch`` does the rest.
"""

import codecs
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pooch

from ..core import GIB, TivaxError, load_toml, require_choice
from .rights import rights_facts
from .source import source_facts

HEAD = 256  # bytes at the start of a file that show its format
_LARGEST = 4 * GIB  # six times the largest whose size is known
STATA = b"<stata_dta>"  # how formats from 117 on begin
# Formats 113 to 115 of Stata begin with their number and the order of their bytes.
_OLD_STATA = (bytes([k, order]) for k in (113, 114, 115) for order in (1, 2))
_FORMATS = {
    ".zip": ("zip archive", (b"PK",)),
    ".xlsx": ("zip archive", (b"PK",)),
    ".dta": ("Stata file", (STATA, *_OLD_STATA)),
    ".mat": ("MATLAB 7.3 file", (b"MATLAB 7.3 MAT-file", b"\x89HDF")),  # HDF5
}
CHECKSUMS = ("sha256", "sha1", "md5")  # the strongest first


@dataclass(frozen=True)
class Archive:
    """One file that an institute publishes, or one file a year.

    Attributes
    ----------
    url, page
        Official address, and the page to download it from by hand.
    name
        File name to save it under; no two archives share one.
    size, sha256, sha1, md5
        Bytes and checksums, None where they are not known.
    contents
        One sentence.
    licence, citation
        Terms of use, and the reference to cite.
    header
        First words of a text file; "" for other formats.
    most
        The most bytes that are downloaded, where the size is not known.
    years
        Of an archive with a file a year: what is known of each year's. ``url`` and
        ``name`` then hold ``{year}``, or another fact in braces.
    """

    url: str
    page: str
    name: str
    contents: str
    licence: str
    citation: str
    size: int | None = None
    sha256: str | None = None
    sha1: str | None = None
    md5: str | None = None
    header: str = ""
    most: int | None = None
    years: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def largest(self) -> int:
        """The most bytes that are downloaded."""
        return self.size or self.most or _LARGEST

    @property
    def checksum(self) -> tuple[str, str] | None:
        """The strongest checksum that is known, after its name."""
        known = ((k, getattr(self, k)) for k in CHECKSUMS)
        return next((pair for pair in known if pair[1]), None)

    def of_year(self, year: int) -> "Archive":
        """The file of a year."""
        facts = {"year": year, **self.years[year]}
        known = {k: v for k, v in facts.items() if k in ("size", *CHECKSUMS)}
        url, name = (k.format(**facts) for k in (self.url, self.name))
        return replace(self, url=url, name=name, years={}, **known)

    @property
    def files(self) -> list["Archive"]:
        """The archive itself, or those of its years."""
        return [self.of_year(k) for k in sorted(self.years)] or [self]

    @property
    def is_zip(self) -> bool:
        """An xlsx workbook is a zip archive too."""
        return self.name.endswith((".zip", ".xlsx"))

    @property
    def start(self) -> tuple[str, tuple[bytes, ...]]:
        """The format in words, and how files of it begin."""
        header = self.header.encode(), self.header.encode("utf-16-le")
        text = f"text with the header {self.header!r}", header
        return _FORMATS.get(Path(self.name).suffix, text)


def _archives_of(name: str, database: dict[str, Any]) -> dict[str, Archive]:
    """A database's archives by format; shared facts are beside the formats."""
    shared = {k: v for k, v in database.items() if not isinstance(v, dict)}
    shared["licence"] = rights_facts()[name]["licence"]
    formats = {k: v for k, v in database.items() if isinstance(v, dict)}
    return {
        k: Archive(**{**shared, **entry, "years": _by_year(entry.get("years", {}))})
        for k, entry in formats.items()
    }


def _by_year(facts: dict[str, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Facts of each year; a key such as 1995-2022 stands for all of its years."""
    years: dict[int, dict[str, Any]] = {}
    for key, known in facts.items():
        first, _, last = key.partition("-")
        for year in range(int(first), int(last or first) + 1):
            years[year] = years.get(year, {}) | known
    return years


ARCHIVES: dict[str, dict[str, Archive]] = {
    name: _archives_of(name, database)
    for name, database in load_toml(__package__, "archives.toml").items()
}


def get_archive(source: str, format: str | None = None) -> Archive:
    """That archive, or the source's default; ``TivaxError`` lists the choices."""
    if source not in ARCHIVES and source in source_facts():
        rights = rights_facts().get(source, {})
        where = f" at {rights['page']}" if "page" in rights else ""
        account = ", which asks for an account" if rights.get("account") else ""
        raise TivaxError(
            f"{source}: its files are not fetched; download them in a browser{where}"
            f"{account}, then `tivax import {source} FILES --out STORE`. Fetched are "
            f"{', '.join(ARCHIVES)}"
        )
    require_choice("archive of", source, ARCHIVES)
    formats = ARCHIVES[source]
    if format is None:
        return next(iter(formats.values()))
    require_choice(f"format of {source}", format, formats)
    return formats[format]


def archives_of_years(
    archive: Archive, years: tuple[int, int] | None = None
) -> list[Archive]:
    """The files of the years from the first to the last; by default the last.

    An archive that is one file is itself; ``TivaxError`` for years that it has not.
    """
    if not archive.years:
        if years:
            raise TivaxError(
                f"{archive.name}: one file of all its years; leave out --years, and "
                "give them to `tivax import`",
                argument="years",
            )
        return [archive]
    first, last = years or (max(archive.years), max(archive.years))
    wanted = [k for k in sorted(archive.years) if first <= k <= last]
    if not wanted:
        there = sorted(archive.years)
        gaps = len(there) <= there[-1] - there[0]
        told = ", ".join(map(str, there)) if gaps else f"{there[0]} to {there[-1]}"
        raise TivaxError(
            f"{archive.name.replace('{year}', 'YYYY')}: no file of {first}"
            f"{f' to {last}' if last != first else ''}; there are those of {told}",
            argument="years",
        )
    return [archive.of_year(k) for k in wanted]


def find_problem(path: Path, archive: Archive) -> str | None:
    """Why a file is not this archive, whole; None where it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
    if is_web_page(head):
        return "it is a web page"
    if archive.size is not None and size != archive.size:
        return f"its size is wrong: expected {archive.size:,} bytes, got {size:,}"
    if archive.checksum:
        name, wanted = archive.checksum
        found = pooch.file_hash(str(path), alg=name)
        if found != wanted.lower():
            return (
                f"its {checksum_title(name)} is wrong: expected {wanted}, got {found}"
            )
    elif archive.is_zip:
        return _zip_problem(path)
    elif other := other_kind(head, archive):
        return f"it {other}"
    elif head.startswith(STATA):
        return _stata_problem(path)
    elif archive.name.endswith(".mat"):
        return _matlab_problem(path)
    return None


def checksum_title(name: str) -> str:
    """``SHA-256`` for sha256."""
    return {"sha256": "SHA-256", "sha1": "SHA-1", "md5": "MD5"}[name]


def is_web_page(head: bytes) -> bool:
    """True if a file that begins like this is HTML."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return text.startswith((b"<!doctype html", b"<html"))


def other_kind(head: bytes, archive: Archive) -> str | None:
    """Why a file that begins like this has another format; None where it fits."""
    kind, starts = archive.start
    text = head.removeprefix(codecs.BOM_UTF8).removeprefix(codecs.BOM_UTF16_LE)
    fits = text.removeprefix(b'"').startswith(starts)
    return None if fits else f"is not a {kind}, it begins with {head[:8]!r}"


def _stata_problem(path: Path) -> str | None:
    """Problem of a Stata file of format 117 or later that lacks its end, or None."""
    end = STATA.replace(b"<", b"</")
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(end)))
        return None if file.read() == end else "it ends too early for a Stata file"


def _matlab_problem(path: Path) -> str | None:
    """Problem of a file that ends before HDF5 says it does, or None."""
    import h5py

    try:
        with h5py.File(path, "r"):
            return None
    except OSError as error:
        return f"it is not a whole MATLAB 7.3 file ({str(error)[:80]})"


def _zip_problem(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except NotImplementedError:  # zipfile lacks the compression method: no verdict
        return None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        return f"it is not a whole zip archive ({error})"
    return f"its member {damaged} is damaged" if damaged else None
