"""Opening raw files: members of archives, R and Stata files, workbooks, text.

A table is a file, or a member of a zip archive, or of an archive in it, that is read
in place.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import python_calamine as calamine

from ..core import TivaxError, line_too_long, longest_line, require_count, require_size
from .table_file import TableFile

ZIP = (b"PK\x03\x04",)  # also xlsx, xlsb and npz
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
R_DATA = (GZIP, BZIP2, XZ, b"RDX", b"RDA", b"RDB")
MATLAB = (b"MATLAB 7.3 MAT-file", b"\x89HDF")
# Formats 117 on of Stata begin with a tag, the older ones with their number.
STATA = (b"<stata_dta>", *(bytes([k]) for k in (105, 108, 110, 111, 113, 114, 115)))
# As files begin that are no text: archives, R, Parquet, Excel of old, HDF5, PDF.
_NO_TEXT = (
    *(*ZIP, GZIP, XZ, b"RDX2\n", b"RDX3\n", b"PAR1\x15", b"%PDF-"),
    *(b"\xd0\xcf\x11\xe0", b"\x89HDF"),
)
# What reading on in a member of a zip archive raises where it is damaged.
_MEMBER_DAMAGE = (
    EOFError,
    NotImplementedError,
    OSError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_MEGABYTE = 1 << 20


def members_of(path: Path) -> list[str]:
    """The names in a zip archive; those of an archive in it as ``inner.zip:name``."""
    file = TableFile(path)
    with open_table(file) as stream:
        check_start(file, stream.read(64), ZIP)
        stream.seek(0)
        with parsing(file), zipfile.ZipFile(cast(Any, stream)) as archive:
            return list(_names_in(archive, path, inner=2))


def _names_in(archive: zipfile.ZipFile, path: Path, inner: int) -> Iterator[str]:
    """The members, also those of archives in it, ``inner`` deep: some have no end."""
    for name in archive.namelist():
        if not name.lower().endswith(".zip"):
            yield name
        elif inner:
            data = _open_member(archive, TableFile(path, name), name).read()
            with zipfile.ZipFile(io.BytesIO(data)) as below:
                names = _names_in(below, path, inner - 1)
                yield from (f"{name}:{each}" for each in names)


def damaged(file: TableFile, why: object) -> TivaxError:
    """The error for a file that its library cannot read."""
    if isinstance(why, UnicodeDecodeError):
        return TivaxError(
            f"{file.name}: not a text in UTF-8; save it as UTF-8, or get it again "
            "where it was downloaded"
        )
    reason = str(why).strip().partition("\n")[0] or type(why).__name__
    if cells := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", reason):
        told = "line {1} has {2} cells, those above have {0}".format(*cells.groups())
        remedy = "write 1,000 as 1000, text with a comma in quotation marks"
        return TivaxError(f"{file.name}: {told}; {remedy}")
    return TivaxError(
        f"{file.name}: cannot be read ({reason[:200]}); the file is damaged or "
        "incomplete, get it again"
    )


@contextmanager
def parsing(file: TableFile) -> Iterator[None]:
    """Around the call of a library that parses a file: whatever it raises is damage.

    What they raise for bytes changed at random is of every kind, to RecursionError,
    MemoryError and, in Rust, a panic that is no Exception. Our own code stays outside:
    its errors are faults of ours.
    """
    try:
        yield
    except (TivaxError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise damaged(file, error) from error


@contextmanager
def open_table(file: TableFile) -> Iterator[io.BufferedIOBase]:
    """A stream of the bytes of a file or of an archive member.

    ``TivaxError`` for one of more bytes than ``--max-size`` allows.
    """
    try:
        if file.member is None:
            with file.path.open("rb") as stream:
                require_size(file.name, os.fstat(stream.fileno()).st_size)
                yield stream
        else:
            with ExitStack() as stack:
                with parsing(file):
                    archive = stack.enter_context(zipfile.ZipFile(file.path))
                    *inner, member = re.split(r"(?<=\.zip):", file.member, flags=re.I)
                    for name in inner:
                        data = io.BytesIO(_open_member(archive, file, name).read())
                        archive = stack.enter_context(zipfile.ZipFile(data))
                    stream = stack.enter_context(_open_member(archive, file, member))
                yield stream
    except _MEMBER_DAMAGE as error:
        raise damaged(file, error) from error


def _open_member(
    archive: zipfile.ZipFile, file: TableFile, member: str
) -> io.BufferedIOBase:
    try:
        # Reading stops at this size, whatever the member unpacks to.
        require_size(file.name, archive.getinfo(member).file_size)
        return cast(io.BufferedIOBase, archive.open(member))
    except (KeyError, NotImplementedError, RuntimeError) as error:
        # No such member, a compression method or a password zipfile cannot do.
        raise TivaxError(
            f"{file.name}: cannot be unpacked here ({error}); unpack the archive "
            "yourself and give its folder"
        ) from error


def check_start(file: TableFile, start: bytes, magic: Sequence[bytes]) -> None:
    """Raise ``TivaxError`` unless ``start`` begins as the format does.

    A web page, which some sites send in place of a file, has an error of its own.
    """
    if any(start.startswith(one) for one in magic):
        return
    if not start:
        raise TivaxError(f"{file.name}: empty file; get it again")
    head = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise TivaxError(
            f"{file.name}: a web page saved under this name, not a table; download "
            "the file in a browser"
        )
    if magic:
        raise TivaxError(
            f"{file.name}: not a {Path(file.name).suffix} file by its first bytes; "
            "get it again, or give it the suffix of its format"
        )


def check_text(file: TableFile, start: bytes) -> None:
    """``check_start`` of a table that is a text."""
    check_start(file, start, ())
    if start.startswith(_NO_TEXT):
        raise TivaxError(
            f"{file.name}: no text by its first bytes; give a table in text here, or "
            "import the file by the source that publishes it in this form"
        )


def read_bytes(file: TableFile, magic: Sequence[bytes]) -> bytes:
    """The whole file or member, which must begin with one of ``magic``."""
    with open_table(file) as stream:
        data = stream.read()
    check_start(file, data[:1024], magic)
    return data


def read_text(file: TableFile, errors: str = "strict") -> str:
    """The whole of a text in UTF-8, with a mark at its start or without."""
    data = read_bytes(file, ())
    check_text(file, data[:1024])
    with parsing(file):
        return data.decode("utf-8-sig", errors)


def json_texts(file: TableFile, *keys: str) -> list[str]:
    """Entries of an object in JSON as texts, "" for one that is not there."""
    data = read_bytes(file, (b"{",))
    with parsing(file):
        content = json.loads(data)
        return [str(content.get(key) or "") for key in keys]


@contextmanager
def open_text(file: TableFile) -> Iterator[io.BufferedIOBase]:
    """``open_table`` of a text, by its first bytes."""
    with open_table(file) as stream:
        check_text(file, stream.read(1024))
    with open_table(file) as stream:
        yield stream


def first_line(file: TableFile) -> bytes:
    """The first line of a text; empty where there is none."""
    with open_table(file) as stream:
        line = next(lines_of(file, stream), b"")
    check_text(file, line[:1024])
    return line


def unpacked(file: TableFile, data: bytes) -> bytes:
    """Unpack what gzip, bzip2 or xz compressed; return other bytes as they are."""
    openers = {GZIP: gzip.open, BZIP2: bz2.open, XZ: lzma.open}
    opener = next((k for start, k in openers.items() if data.startswith(start)), None)
    if opener is None:
        return data
    parts, size = [], 0
    with parsing(file), opener(io.BytesIO(data)) as stream:
        while part := stream.read(_MEGABYTE):
            size += len(part)
            require_size(file.name, size)
            parts.append(part)
    return b"".join(parts)


def lines_of(file: TableFile, stream: Any) -> Iterator[Any]:
    """The lines of a text, or of its bytes; ``TivaxError`` for one that has no end."""
    longest, number = longest_line(), 0
    while line := stream.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise line_too_long(file.name, number)
        yield line


def read_r(file: TableFile) -> dict[str, Any]:
    """The objects of an R data file, by name."""
    import rdata
    from rdata.conversion import DEFAULT_CLASS_MAP
    from rdata.parser import DEFAULT_ALTREP_MAP

    data = unpacked(file, read_bytes(file, R_DATA))
    # Class iot is a plain list: returning it as it is spares a warning.
    classes = {
        **DEFAULT_CLASS_MAP,
        "iot": lambda value, attributes: value,
        "factor": _categories,
        "ordered": partial(_categories, ordered=True),
    }

    def bounded(name: bytes) -> Any:
        """For vectors that are described, not stored, such as 1:n."""

        def make(state: Any) -> Any:
            if b"seq" in name:
                require_count(file.name, int(state.value[0]))
            return DEFAULT_ALTREP_MAP[name](state)

        return make

    with parsing(file), warnings.catch_warnings():
        # About accents in descriptions, which are not used, and of damage that
        # the checks of labels and shapes find.
        warnings.simplefilter("ignore")
        return rdata.read_rda(
            io.BytesIO(data),
            constructor_dict=classes,
            altrep_constructor_dict={k: bounded(k) for k in DEFAULT_ALTREP_MAP},
        )


def _categories(
    codes: np.ndarray, attributes: Mapping[str, Any], *, ordered: bool = False
) -> pd.Categorical:
    """A factor of R; the library's own way, code by code, takes a third of a file."""
    place = np.ma.filled(codes, 0) - 1  # R counts from 1 and masks missing ones
    return pd.Categorical.from_codes(place, attributes["levels"], ordered=ordered)


@contextmanager
def open_matlab(file: TableFile) -> Iterator[Any]:
    """A file of MATLAB 7.3, which is HDF5; of any size on the disk, read in parts."""
    import h5py

    if file.member is None:
        with file.path.open("rb") as stream:
            check_start(file, stream.read(1024), MATLAB)
        place: Any = file.path
    else:
        place = io.BytesIO(read_bytes(file, MATLAB))
    with parsing(file), h5py.File(place, "r") as h5:
        yield h5


def matlab_texts(h5: Any, references: Any) -> list[str]:
    """The texts of a list of MATLAB: references to arrays of letters."""
    return [
        "".join(map(chr, np.asarray(h5[one]).ravel().tolist())).strip("\0 ")
        for one in np.asarray(references).ravel()
    ]


def read_stata(file: TableFile) -> pd.DataFrame:
    """A Stata file; codes of labelled values stay numbers."""
    data = read_bytes(file, STATA)
    with parsing(file), warnings.catch_warnings():
        # About accents in names and descriptions, which are not used.
        warnings.simplefilter("ignore")
        return cast(
            pd.DataFrame, pd.read_stata(io.BytesIO(data), convert_categoricals=False)
        )


def open_workbook(file: TableFile) -> calamine.CalamineWorkbook:
    """A workbook whose sheets are read one by one."""
    data = checked_workbook(file)
    with parsing(file):
        return calamine.CalamineWorkbook.from_filelike(data)


def checked_workbook(file: TableFile) -> io.BytesIO:
    """A workbook, each part of which is unpacked once before the library sees it.

    The library ends the process for a cell at the end of an endless sheet, and does not
    compare all checksums.
    """
    data = read_bytes(file, ZIP)
    with parsing(file):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            require_size(file.name, sum(member.file_size for member in members))
            for member in members:
                part = archive.read(member)
                if member.filename.startswith("xl/worksheets/"):
                    require_count(file.name, _cells_spanned(part))
    return io.BytesIO(data)


def read_cells(
    file: TableFile, book: calamine.CalamineWorkbook, title: str
) -> list[list[Any]]:
    """The cells of a sheet from A1 on."""
    with parsing(file):
        return book.get_sheet_by_name(title).to_python(skip_empty_area=False)


# \sr=["'], written so that a search skips to the letters: half the time of a sheet.
_REFERENCE = rb"""r=["'](?<=\sr=["'])"""


def _cells_spanned(sheet: bytes) -> int:
    """Cells from A1 to the last one of a sheet in XML, rows in thousands."""
    letters = set(re.findall(_REFERENCE + rb"([A-Z]+)", sheet))
    thousands = set(re.findall(_REFERENCE + rb"""[A-Z]*(\d*)\d{3}["']""", sheet))
    width = max((_column_number(k.decode()) for k in letters), default=1)
    return width * 1000 * (1 + max((int(k or 0) for k in thousands), default=0))


def _column_number(letters: str) -> int:
    """27 for AA."""
    number = 0
    for letter in letters[:20]:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
