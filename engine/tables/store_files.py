"""The files of a store: read without zarr, so that nothing in them is taken on trust.

The layout is known: a JSON file for the group and one for each array, the labels of an
axis in one file, the numbers of a year in one file. What the metadata say is compared
with it, and the sizes of the files with what they say, before any number is read.

Format 2 has checksums. A file of labels or numbers ends in the CRC-32C of its content
(the crc32c codec of zarr v3). The attribute ``crc32c`` of an array lists those of its
files, so that a year in the place of another is noticed; the attribute ``digest`` of
the group is a SHA-256 over all metadata and labels. Format 1 has none of this.

Format 3 has Z of a year in several files, some selling regions in each, as many in one
as in another: for years so large that they are read and written in row slabs.
"""

import hashlib
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core import Damaged, TivaxError, aligned_empty, checksum, require_regular
from .world_table import LazyYears

FORMAT = 2
UNCHECKED = 1  # the format before checksums
IN_SLABS = 3  # Z of a year in several files

# The axes of each array of numbers, and whether an axis shares another one's labels.
DIMS = {
    "Z": ("year", "origin", "sector", "user", "user_sector"),
    "Y": ("year", "origin", "sector", "absorber", "category"),
    "x": ("year", "origin", "sector"),
    "value_added": ("year", "origin", "sector"),
}
LABELS = {
    "year": "year",
    "origin": "origin",
    "sector": "sector",
    "user": "origin",
    "user_sector": "sector",
    "absorber": "origin",
    "category": "category",
}
_OPTIONAL = ("value_added",)
ITSELF = "what it says of itself (zarr.json, labels)"

# Metadata are a few thousand bytes; a manifest of many inputs is longer.
_LARGEST_METADATA = 1 << 26
_CRC_BYTES = 4
_READERS = 2  # more gain nothing: memory is busy with two
# Bytes read at a time: their checksum is made while the processor still holds them.
_PIECE = 1 << 20


def digest(path: Path) -> str:
    """SHA-256 of the metadata and labels of a store, but of the digest itself."""
    return _digest(_documents(path), _label_files(path))


def _digest(documents: Mapping[str, Any], labels: Mapping[str, bytes]) -> str:
    group = documents[""]
    rest = {k: v for k, v in group["attributes"].items() if k != "digest"}
    said = {**documents, "": {**group, "attributes": rest}}
    total = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name, data in sorted(labels.items()):
        total.update(f"{name} {len(data)} ".encode() + data)
    return total.hexdigest()


@dataclass(frozen=True)
class StoredArray:
    """The numbers of an array: of each year a file, or several (``in_file`` of the
    first axis in each). ``crc32c`` is by year and file, empty in format 1."""

    store: Path
    name: str
    years: tuple[int, ...]
    shape: tuple[int, ...]  # of a year
    in_file: int
    crc32c: tuple[int, ...]

    @property
    def files(self) -> int:
        """Number of files of a year."""
        return self.shape[0] // self.in_file

    @property
    def file_bytes(self) -> int:
        """Numbers of a file."""
        return 8 * self.in_file * math.prod(self.shape[1:])

    def read(self, k: int, into: np.ndarray) -> None:
        """Read year number ``k``; ``TivaxError`` unless it is what was written."""
        parts = into.reshape(self.files, -1)
        for j in range(self.files):
            for _ in self._read_file(k, j, parts[j : j + 1]):
                pass

    def parts(self) -> Iterator[tuple[int, ...]]:
        """Number of the year and of the file in it, of each file."""
        return np.ndindex(len(self.years), self.files)

    def slabs(self, k: int, at_once: int) -> Iterator[np.ndarray]:
        """Year number ``k``, at most ``at_once`` of its first axis at a time, in order.

        A slab is overwritten when the next but one is asked for. A damaged file is
        noticed at its end: use nothing of a year before all of it is read.
        """
        each = largest_divisor(self.in_file, at_once)
        buffers = [aligned_empty((each, *self.shape[1:])) for _ in range(2)]
        count = 0
        for j in range(self.files):
            # Each part goes into the buffer that is not in use.
            turn = [buffers[(count + i) % 2] for i in range(self.in_file // each)]
            yield from self._read_file(k, j, turn)
            count += len(turn)

    def _read_file(
        self, k: int, j: int, parts: Sequence[np.ndarray] | np.ndarray
    ) -> Iterator[np.ndarray]:
        """Each of ``parts``, when the next numbers of the file are in it."""
        found = 0
        try:
            with (self.store / self.file(k, j)).open("rb") as stream:
                for part in parts:
                    data = part.reshape(-1).view(np.uint8)
                    for start in range(0, len(data), _PIECE):
                        piece = data[start : start + _PIECE]
                        if stream.readinto(piece.data) != len(piece):
                            raise self.fault(k, "the file is cut short or too long", j)
                        if self.crc32c:
                            found = checksum(piece, found)
                    yield part
                rest = stream.read(_CRC_BYTES + 1)
        except OSError as error:
            raise self.fault(k, f"{error.strerror or error}", j) from None
        if len(rest) != self._crc_bytes:
            raise self.fault(k, "the file is cut short or too long", j)
        if self.crc32c:
            if found.to_bytes(_CRC_BYTES, "little") != rest:
                raise self.fault(k, "its checksum differs", j)
            if found != self.crc32c[k * self.files + j]:
                raise self.fault(k, "it holds another year or array", j)

    def file(self, k: int, j: int = 0) -> str:
        """File number ``j`` of year number ``k``, within the store."""
        first = [self.name, "c", str(k), str(j)]
        return "/".join([*first, *["0"] * (len(self.shape) - 1)])

    def require_sizes(self) -> None:
        """Raise ``TivaxError`` where a file is missing or has another size."""
        wanted = self.file_bytes + self._crc_bytes
        for k, j in self.parts():
            try:
                size = (self.store / self.file(k, j)).stat().st_size
            except OSError as error:
                raise self.fault(k, error.strerror or str(error), j) from None
            if size != wanted:
                raise self.fault(k, f"{size:,} bytes, not {wanted:,}", j)

    @property
    def _crc_bytes(self) -> int:
        return _CRC_BYTES if self.crc32c else 0

    def fault(self, k: int, why: str, j: int = 0) -> TivaxError:
        part = f", part {j + 1} of {self.files}," if self.files > 1 else ""
        return damaged(self.store, f"{self.name} of {self.years[k]}{part}", why)


def largest_divisor(count: int, most: int) -> int:
    """The largest divisor of ``count`` that is not above ``most``, at least 1."""
    return next(d for d in range(max(1, min(most, count)), 0, -1) if count % d == 0)


class StoredYears(LazyYears):
    """A stored array with years first, from year number ``first`` on."""

    def __init__(self, array: StoredArray, shape: tuple[int, ...], first: int) -> None:
        self._array, self.shape, self._first = array, shape, first

    def _put(self, k: int, into: np.ndarray) -> None:
        self._array.read(self._first + k, into)

    def _put_all(self, years: Sequence[int], into: np.ndarray) -> None:
        """A few at once: while one is read, the checksum of another is made."""
        with ThreadPoolExecutor(_READERS) as readers:
            list(readers.map(self._put, years, into))

    def slabs(self, k: int, rows: int) -> Iterator[np.ndarray]:
        """Read from the file as they are asked for."""
        in_region = self.shape[1] // self._array.shape[0]
        for slab in self._array.slabs(self._first + k, rows // in_region):
            yield slab.reshape(-1, *self.shape[2:])


def damaged(store: Path, what: str, why: str) -> Damaged:
    """The error for a part of a store that is not as it was written."""
    return Damaged(f"{store}: {what} is damaged ({why}); import it again")


@dataclass(frozen=True)
class StoredTables:
    """A store whose metadata and labels are sound; its numbers are not read yet."""

    path: Path
    format: int
    attributes: dict[str, Any]
    labels: dict[str, tuple]
    arrays: dict[str, StoredArray]

    def files(self) -> set[str]:
        """Every file of the store, by its name within it."""
        metadata = [f"{name}/zarr.json" for name in (*LABELS, *self.arrays)]
        numbers = [a.file(k, j) for a in self.arrays.values() for k, j in a.parts()]
        return {"zarr.json", *metadata, *(f"{k}/c/0" for k in LABELS), *numbers}

    def require_sound(self) -> None:
        """Read all numbers; ``TivaxError`` unless they agree with their checksums."""
        for array in self.arrays.values() if self.format != UNCHECKED else ():
            for k in range(len(array.years)):
                deque(array.slabs(k, 1), maxlen=0)


def read_store(path: Path) -> StoredTables:
    """Read metadata and labels of a store, and compare the sizes of its files.

    Raises
    ------
    TivaxError
        Not a store, one of another format, a damaged one.
    """
    return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        attributes = _attributes(_document(path, ""))
        if "tivax_format" not in attributes:
            raise TivaxError(f"{path}: not a tivax store; make one with `tivax import`")
        self.format = attributes["tivax_format"]
        if self.format not in (UNCHECKED, FORMAT, IN_SLABS):
            raise TivaxError(
                f"{path}: store format {self.format}, this tivax reads {IN_SLABS}; "
                "import again"
            )
        self.checked = self.format != UNCHECKED
        self.documents = _documents(path)
        self.attributes = attributes

    def read(self) -> StoredTables:
        files = _label_files(self.path)
        said = self.attributes.get("digest")
        if self.checked and _digest(self.documents, files) != said:
            raise damaged(self.path, ITSELF, "the digest differs")
        labels = {name: self._labels(name, files[name]) for name in LABELS}
        for name, same in LABELS.items():
            if labels[name] != labels[same]:
                why = f"not the labels of {same}"
                raise damaged(self.path, f"the axis {name}", why)
        arrays = {
            name: self._array(name, labels) for name in DIMS if name in self.documents
        }
        for array in arrays.values():
            array.require_sizes()
        return StoredTables(self.path, self.format, self.attributes, labels, arrays)

    def _labels(self, name: str, data: bytes) -> tuple:
        """The labels of an axis, years as whole numbers."""
        shape = self.documents[name].get("shape")
        count = shape[0] if isinstance(shape, list) and len(shape) == 1 else 0
        years = name == "year"
        codec = "bytes" if years else "vlen-utf8"
        self._require(name, (count,), (count,), "int64" if years else "string", codec)
        if self.checked:
            data, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
            if checksum(data).to_bytes(_CRC_BYTES, "little") != crc:
                raise damaged(self.path, f"the axis {name}", "its checksum differs")
        try:
            return _whole_numbers(data, count) if years else _texts(data, count)
        except ValueError as error:
            raise damaged(self.path, f"the axis {name}", str(error)) from None

    def _array(self, name: str, labels: Mapping[str, tuple]) -> StoredArray:
        shape = tuple(len(labels[axis]) for axis in DIMS[name])
        in_file = self._in_file(name, shape[1])
        self._require(name, shape, (1, in_file, *shape[2:]), "float64", "bytes")
        crc32c = ()
        if self.checked:
            crc32c = tuple(_attributes(self.documents[name]).get("crc32c", ()))
            if len(crc32c) != shape[0] * (shape[1] // in_file):
                raise damaged(self.path, name, "checksums are missing")
        return StoredArray(self.path, name, labels["year"], shape[1:], in_file, crc32c)

    def _in_file(self, name: str, regions: int) -> int:
        """Number of selling regions in a file: all, but for Z of format 3."""
        if name != "Z" or self.format != IN_SLABS:
            return regions
        try:
            grid = self.documents[name]["chunk_grid"]["configuration"]["chunk_shape"]
            if type(grid[1]) is int and grid[1] > 0 and regions % grid[1] == 0:
                return grid[1]
        except (LookupError, TypeError):
            pass
        return regions  # the comparison with the format then names the file

    def _require(
        self,
        name: str,
        shape: Sequence[int],
        chunk: Sequence[int],
        data_type: str,
        codec: str,
    ) -> None:
        """Raise ``TivaxError`` unless an array is laid out as tivax does it."""
        document = self.documents[name]
        codecs = document.get("codecs")
        names = [codec, *(["crc32c"] if self.checked else [])]
        endian = {"name": "bytes", "configuration": {"endian": "little"}}
        grid = {"name": "regular", "configuration": {"chunk_shape": list(chunk)}}
        key = {"name": "default", "configuration": {"separator": "/"}}
        wanted = {
            "shape": list(shape),
            "data_type": data_type,
            "chunk_grid": grid,
            "chunk_key_encoding": key,
            "zarr_format": 3,
            "node_type": "array",
        }
        wrong = [key for key, value in wanted.items() if document.get(key) != value]
        if (
            not isinstance(codecs, list)
            or [k.get("name") if isinstance(k, dict) else k for k in codecs] != names
            or (codec == "bytes" and codecs[0] != endian)
        ):
            wrong.append("codecs")
        if wrong:
            why = f"{wrong[0]} is not that of the labels and the format"
            raise damaged(self.path, f"{name}/zarr.json", why)


def _document(path: Path, name: str) -> dict[str, Any]:
    """The metadata of an array, or of the group for ``""``."""
    file = path / name / "zarr.json"
    require_regular(file)
    what = "not a tivax store, or a damaged one" if not name else f"{name} is damaged"
    try:
        if file.stat().st_size > _LARGEST_METADATA:
            raise ValueError("too large")
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise TivaxError(
            f"{path}: {what} (zarr.json: {_in_words(error)}); make one with "
            "`tivax import`"
        ) from None
    if not isinstance(found, dict):
        raise TivaxError(f"{path}: {what} (zarr.json); make one with `tivax import`")
    return found


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "nested too deep" if isinstance(error, RecursionError) else "not JSON"


def _documents(path: Path) -> dict[str, dict[str, Any]]:
    """The metadata of the group and of all arrays."""
    names = ["", *LABELS, *DIMS]
    return {
        name: _document(path, name)
        for name in names
        if name not in _OPTIONAL or (path / name).exists()
    }


def _attributes(document: Mapping[str, Any]) -> dict[str, Any]:
    found = document.get("attributes", {})
    return found if isinstance(found, dict) else {}


def _label_files(path: Path) -> dict[str, bytes]:
    """The content of the files of labels."""
    found = {}
    for name in LABELS:
        file = path / name / "c" / "0"
        try:
            if file.stat().st_size > _LARGEST_METADATA:
                raise damaged(path, f"the axis {name}", "the file is too large")
            found[name] = file.read_bytes()
        except OSError as error:
            why = error.strerror or str(error)
            raise damaged(path, f"the axis {name}", why) from None
    return found


def _whole_numbers(data: bytes, count: int) -> tuple[int, ...]:
    if len(data) != 8 * count or not count:
        raise ValueError(f"{len(data):,} bytes, not {8 * count:,}")
    return tuple(np.frombuffer(data, "<i8").tolist())


def _texts(data: bytes, count: int) -> tuple[str, ...]:
    """The codec vlen-utf8: their number, then length and bytes of each, UTF-8."""
    if not count or int.from_bytes(data[:4], "little") != count:
        raise ValueError("another number of labels")
    found, at = [], 4
    for _ in range(count):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4 + size
        if at > len(data):
            raise ValueError("cut short")
        found.append(data[at - size : at].decode())
    if at != len(data):
        raise ValueError("too long")
    return tuple(found)
