"""Any table, from NumPy archives: a ``.npz`` file, or a folder of ``.npy`` files, for
each year.

Keys (in a folder the names of its files, Z.npy and so on): Z (n, n), Y (n, c) or (n, c,
f), x (n), regions (c), sectors (s), year, and where there are any va (n, value added at
basic prices), categories (f) and parents (k, 2: a split region and the region it is a
part of, such as CN1, CHN). Rows run by region, then sector: n = c * s. All flows are in
one unit, which the file does not tell. Labels are arrays of text, ``np.array(["AUT",
"DEU"])``; nothing is unpickled.
Where a year is too large for memory its Z is mapped, not read: from a folder, or from
an archive that is not compressed.
"""

import math
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.lib.format as npy

from ...core import TivaxError, require_size
from ...files import TableFile, finding, layout
from ...files import opening as fs
from ...streaming import is_too_large, matrix_in_words
from ...tables import WorldTable, normalise

NEEDED = ("Z", "Y", "x", "regions", "sectors", "year")
_HEADER_2 = npy.read_array_header_2_0
KEYS = (*NEEDED, "va", "categories", "parents")
_REMEDY = f"save it with {', '.join(NEEDED)}"


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The archives below ``paths``, in order of the year that they hold.

    A name that ends in a year (``table_2000.npz``) must tell the right one.
    """
    files = finding.gather(
        paths, r"(?!\.).*\.npz|Z\.npy", "files named *.npz, or folders with Z.npy"
    )
    files = [
        replace(k, folder=k.path.parent.name) if _is_folder(k) else k for k in files
    ]
    return finding.one_per_year([replace(file, year=_year(file)) for file in files])


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of an archive."""
    arrays = _load(file, KEYS)
    for key in NEEDED:
        layout.element(file, arrays, key, _REMEDY)
    regions = normalise(_labels(file, arrays, "regions"))
    layout.check_unique(file, "regions", regions)  # RoW and ROW are one
    sectors = _labels(file, arrays, "sectors")
    c, n = len(regions), len(regions) * len(sectors)
    Y = _numbers(file, arrays, "Y")
    if Y.ndim == 2:
        Y = Y[:, :, None]
    f = Y.shape[2] if Y.ndim == 3 else 1
    categories = ("FD",) if f == 1 else tuple(f"F{k + 1}" for k in range(f))
    if "categories" in arrays:
        categories = _labels(file, arrays, "categories")
    numbers = {k: _numbers(file, arrays, k) for k in ("Z", "x", "va") if k in arrays}
    shapes = {"Z": (n, n), "Y": (n, c, len(categories)), "x": (n,), "va": (n,)}
    for key, values in {**numbers, "Y": Y}.items():
        layout.check_shape(file, key, values, shapes[key])
    yield layout.sales_table(
        file,
        (regions, sectors, categories),
        numbers["Z"],
        Y,
        x=numbers["x"],
        year=layout.check_year(file, _whole_year(file, arrays["year"])),
        value_added=numbers.get("va"),
        parents=_parents(file, arrays, regions),
    )


def _is_folder(file: TableFile) -> bool:
    return file.member is None and file.path.suffix.lower() == ".npy"


def _load(file: TableFile, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays named ``keys`` that an archive or a folder has."""
    if _is_folder(file):
        paths = {path.stem: path for path in file.path.parent.glob("*.npy")}
        _require_known(file, paths)
        here = [paths[key] for key in keys if key in paths]
        return {
            k.stem: _array(file, k, k.stem, partial(k.open, "rb"), k.stat().st_size)
            for k in here
        }
    # An archive on the disk may be of any size: each of its arrays has a limit.
    whole = file.path.open("rb") if file.member is None else fs.open_table(file)
    with whole as stream:
        fs.check_start(file, stream.read(1024), fs.ZIP)
        stream.seek(0)
        with fs.parsing(file):
            archive = zipfile.ZipFile(cast(Any, stream))
        members = {
            name.removesuffix(".npy"): archive.getinfo(name)
            for name in archive.namelist()
        }
        _require_known(file, members)
        return {
            key: _member(file, archive, members[key], key)
            for key in keys
            if key in members
        }


def _require_known(file: TableFile, names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(KEYS))
    if unknown:
        raise TivaxError(
            f"{file.name}: unknown {layout.some(unknown)}; the keys are "
            f"{', '.join(KEYS)}"
        )


class _Header(NamedTuple):
    """Header of an array: its shape, order and type, and where its numbers begin."""

    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype
    start: int

    @property
    def too_large(self) -> bool:
        """True if it is a matrix of a year that does not fit in memory."""
        return len(self.shape) == 2 and is_too_large(self.shape[1])


def _header(file: TableFile, stream: Any, key: str, size: int) -> _Header:
    """The header of an array, whose shape must be that of the bytes there are."""
    with fs.parsing(file):
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version < (2, 0) else _HEADER_2
        header = _Header(*read_header(stream), stream.tell())
        whole = math.prod(header.shape) * header.dtype.itemsize == size - header.start
    if header.dtype.hasobject:
        raise TivaxError(
            f"{file.name}: {key} is an array of Python objects, which are not read; "
            "save labels as np.array([...], dtype=str), numbers as float"
        )
    if not whole:
        raise fs.damaged(file, f"{key} is not as long as its shape {header.shape} says")
    return header


def _member(
    file: TableFile, archive: zipfile.ZipFile, member: zipfile.ZipInfo, key: str
) -> np.ndarray:
    """One array of an archive."""

    def start() -> int:
        with fs.parsing(file), archive.open(member) as stream:
            while stream.read(_PIECE):  # to the end, where the checksum is compared
                pass
        with file.path.open("rb") as stream:
            stream.seek(member.header_offset + _LENGTHS)
            lengths = struct.unpack("<HH", stream.read(4))
        return member.header_offset + _LENGTHS + 4 + sum(lengths)

    stored = member.compress_type == zipfile.ZIP_STORED
    opened = partial(archive.open, member)
    return _array(file, file.path, key, opened, member.file_size, stored, start)


def _array(
    file: TableFile,
    path: Path,
    key: str,
    opened: Callable[[], AbstractContextManager[Any]],
    size: int,
    stored: bool = True,
    start: Callable[[], int] = int,
) -> np.ndarray:
    """One array, at ``start`` of the file at ``path``; Z may stay there."""
    with fs.parsing(file), opened() as stream:
        header = _header(file, stream, key, size)
    if key == "Z" and header.too_large:
        _require_mappable(file, header, stored)
        at = start() + header.start
        return np.memmap(path, header.dtype, "r", at, header.shape)
    require_size(file.name, size)
    with fs.parsing(file), opened() as stream:
        values = npy.read_array(stream, allow_pickle=False)
    points = values.tobytes() if values.dtype.kind == "U" else b""
    if (np.frombuffer(points, values.dtype.str[0] + "u4") > sys.maxunicode).any():
        raise fs.damaged(file, f"{key} holds what is no letter")
    return values


# Of a member's own header in a zip archive: where the lengths of its name and of its
# further fields are, before both and the data (APPNOTE 4.3.7).
_LENGTHS = 26
_PIECE = 1 << 24


def _require_mappable(file: TableFile, header: _Header, stored: bool) -> None:
    """Raise ``TivaxError`` for a Z that cannot be used where it lies on the disk."""
    why = ""
    if not stored or file.member is not None:
        why = "compressed, save it by np.savez or unpack it"
    elif header.dtype != np.float64:
        why = f"of dtype {header.dtype}, save it as float64"
    elif header.by_column:
        why = "stored by column, save np.ascontiguousarray(Z)"
    if why:
        n = header.shape[1]
        raise TivaxError(
            f"{file.name}: Z is {matrix_in_words(n)}, too large for memory, and cannot "
            f"be read by row: it is {why}; or save it as Z.npy in a folder with the "
            "other keys"
        )


def _year(file: TableFile) -> int:
    """The year of an archive, without reading its tables."""
    in_name = re.search(r"(?<!\d)((?:19|20)\d\d)(\.npz|/Z\.npy)$", file.name)
    file = replace(file, year=int(in_name[1]) if in_name else None)
    return layout.check_year(
        file,
        _whole_year(file, layout.element(file, _load(file, ["year"]), "year", _REMEDY)),
    )


def _whole_year(file: TableFile, year: np.ndarray) -> int:
    whole = year.size == 1 and year.dtype.kind in "iuf" and year.item() % 1 == 0
    if not whole or not 0 < year.item() < 10_000:
        raise TivaxError(
            f"{file.name}: year is {year.tolist()}, not one whole number from 1 to 9999"
        )
    return int(year.item())


def _labels(
    file: TableFile, arrays: Mapping[str, np.ndarray], key: str
) -> tuple[str, ...]:
    labels = arrays[key]
    if labels.ndim != 1 or labels.dtype.kind not in "Uiu":
        raise TivaxError(
            f"{file.name}: {key} is no list of labels; save it as "
            "np.array([...], dtype=str)"
        )
    names = tuple(str(label).strip() for label in labels)
    layout.check_unique(file, key, names)
    return names


def _parents(
    file: TableFile, arrays: Mapping[str, np.ndarray], regions: Sequence[str]
) -> dict[str, str]:
    """Split region to parent: rows of two codes of regions."""
    if "parents" not in arrays or not arrays["parents"].size:
        return {}
    pairs = arrays["parents"]
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind != "U":
        raise TivaxError(
            f"{file.name}: parents has shape {pairs.shape} and dtype {pairs.dtype}; "
            'save pairs of codes, np.array([["CN1", "CHN"], ["CN2", "CHN"]])'
        )
    parts, wholes = (normalise([str(k).strip() for k in side]) for side in pairs.T)
    layout.check_unique(file, "parts in parents", parts)
    for part, whole in zip(parts, wholes, strict=True):
        for code in (part, whole):
            if code not in regions:
                raise TivaxError(
                    f"{file.name}: {part} is a part of {whole}, but there is no region "
                    f"{code}"
                )
        if whole in parts:
            raise TivaxError(
                f"{file.name}: {part} is a part of {whole}, which is a part itself"
            )
    return dict(zip(parts, wholes, strict=True))


def _numbers(file: TableFile, arrays: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    if arrays[key].dtype.kind not in "iuf":
        raise TivaxError(
            f"{file.name}: {key} has dtype {arrays[key].dtype}, not numbers; "
            "save it as float"
        )
    return arrays[key].astype(float, copy=False)
