"""The official archives of each database, listed in ``archives.toml``.

To add a database, add its archives there; ``fetch`` does the rest.
"""

import codecs
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch

from ..core import GIB, TivaxError, load_toml, require_choice
from .rights import rights_facts
from .source import source_facts

HEAD = 256  # bytes at the start of a file that show its format
_LARGEST = 4 * GIB  # six times the largest whose size is known
STATA = b"<stata_dta>"  # how formats from 117 on begin


@dataclass(frozen=True)
class Archive:
    """One file that an institute publishes.

    Attributes
    ----------
    url, page
        Official address, and the page to download it from by hand.
    name
        File name to save it under; no two archives share one.
    size, sha1
        Bytes and checksum, None where they are not known.
    contents
        One sentence.
    licence, citation
        Terms of use, and the reference to cite.
    header
        First words of a text file; "" for other formats.
    """

    url: str
    page: str
    name: str
    contents: str
    licence: str
    citation: str
    size: int | None = None
    sha1: str | None = None
    header: str = ""

    @property
    def largest(self) -> int:
        """The most bytes that are downloaded, where its size is not known."""
        return _LARGEST if self.size is None else self.size

    @property
    def is_zip(self) -> bool:
        """An xlsx workbook is a zip archive too."""
        return self.name.endswith((".zip", ".xlsx"))

    @property
    def is_stata(self) -> bool:
        return self.name.endswith(".dta")


def _archives_of(name: str, database: dict[str, Any]) -> dict[str, Archive]:
    """A database's archives by format; shared facts are beside the formats."""
    shared = {k: v for k, v in database.items() if not isinstance(v, dict)}
    shared["licence"] = rights_facts()[name]["licence"]
    formats = {k: v for k, v in database.items() if isinstance(v, dict)}
    return {k: Archive(**shared, **entry) for k, entry in formats.items()}


ARCHIVES: dict[str, dict[str, Archive]] = {
    name: _archives_of(name, database)
    for name, database in load_toml(__package__, "archives.toml").items()
}


def get_archive(source: str, format: str | None = None) -> Archive:
    """That archive, or the source's default; ``TivaxError`` lists the choices."""
    if source not in ARCHIVES and source in source_facts():
        raise TivaxError(
            f"{source}: its files are not fetched; download them in a browser, then "
            f"`tivax import {source} FILES --out STORE`. Fetched are "
            f"{', '.join(ARCHIVES)}"
        )
    require_choice("archive of", source, ARCHIVES)
    formats = ARCHIVES[source]
    if format is None:
        return next(iter(formats.values()))
    require_choice(f"format of {source}", format, formats)
    return formats[format]


def find_problem(path: Path, archive: Archive) -> str | None:
    """Why a file is not this archive, whole; None where it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
    if is_web_page(head):
        return "it is a web page"
    if archive.size is not None and size != archive.size:
        return f"its size is wrong: expected {archive.size:,} bytes, got {size:,}"
    if archive.sha1 is not None:
        sha1 = pooch.file_hash(str(path), alg="sha1")
        if sha1 != archive.sha1.lower():
            return f"its SHA-1 is wrong: expected {archive.sha1}, got {sha1}"
    elif archive.is_zip:
        return _zip_problem(path)
    elif other := other_kind(head, archive):
        return f"it {other}"
    elif head.startswith(STATA):
        return _stata_problem(path)
    return None


def is_web_page(head: bytes) -> bool:
    """True if a file that begins like this is HTML."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return text.startswith((b"<!doctype html", b"<html"))


def other_kind(head: bytes, archive: Archive) -> str | None:
    """Why a file that begins like this has another format; None where it fits."""
    if archive.is_zip:
        kind, fits = "zip archive", head.startswith(b"PK")
    elif archive.is_stata:
        # Formats 113 to 115 begin with their number and the order of their bytes.
        old = head[:1] in (b"\x71", b"\x72", b"\x73") and head[1:2] in (b"\1", b"\2")
        kind, fits = "Stata file", old or head.startswith(STATA)
    elif archive.header:
        kind = f"text with the header {archive.header!r}"
        text = head.removeprefix(codecs.BOM_UTF8).removeprefix(codecs.BOM_UTF16_LE)
        fits = text.startswith(
            (archive.header.encode(), archive.header.encode("utf-16-le"))
        )
    else:
        return None
    return None if fits else f"is not a {kind}, it begins with {head[:8]!r}"


def _stata_problem(path: Path) -> str | None:
    """Problem of a Stata file of format 117 or later that lacks its end, or None."""
    end = STATA.replace(b"<", b"</")
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(end)))
        return None if file.read() == end else "it ends too early for a Stata file"


def _zip_problem(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except NotImplementedError:  # zipfile lacks the compression method: no verdict
        return None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        return f"it is not a whole zip archive ({error})"
    return f"its member {damaged} is damaged" if damaged else None
