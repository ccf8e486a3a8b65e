"""Files of what a job keeps: rows that are appended, arrays that are replaced."""

import io
import logging
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .arrays import checksum
from .output import write_bytes

_BLOCK = 4096  # rows of a checksum
# Of a block: rows until its end, and the CRC-32C of all of them.
_SUM = struct.Struct("<QI")
_WINDOW = 1 << 20  # rows in memory at a time
_SECONDS = 1.0  # between two writes of a state, about

Rows = Float[np.ndarray, "n s"]


@dataclass(frozen=True)
class Part:
    """The rows of a job that are made one after the other, such as the draws of a
    model: so many rows of so many values, made in blocks of ``block``."""

    rows: int
    columns: int
    block: int = 1


@dataclass(frozen=True)
class PartFile(Part):
    """A part in a file that may be unfinished: plain float64, whole rows count.

    Checksums lie beside it; ``seed`` is that of job and file.
    """

    path: Path = Path()
    seed: int = 0

    @property
    def count(self) -> int:
        if not self.path.exists():
            return 0
        return min(self.path.stat().st_size // (8 * self.columns), self.rows)

    def append(self, values: Rows) -> None:
        values = np.ascontiguousarray(values, "<f8")
        *_, (rows, crc) = [(0, self.seed), *self._recorded()]
        records = b""
        for start in range(0, len(values), _BLOCK):
            block = values[start : start + _BLOCK]
            rows, crc = rows + len(block), checksum(block, crc)
            records += _SUM.pack(rows, crc)
        # First: of a block that is half written, nothing is taken up.
        with self._sums.open("ab") as file:
            file.write(records)
        with self.path.open("ab") as file:
            file.write(values.tobytes())

    def keep(self, rows: int) -> None:
        """Cut off what lies behind the first ``rows``."""
        whole = [k for k in self._recorded() if k[0] <= rows]
        end = whole[-1][0] if whole else 0
        left = self._values(end, rows) if end < rows else None
        if self._sums.exists():
            os.truncate(self._sums, len(whole) * _SUM.size)
        if self.path.exists():
            os.truncate(self.path, end * 8 * self.columns)
        if left is not None:
            self.append(left)

    def take_up(self) -> int:
        """Cut off what is not as it was written, and what is left of a block; how many
        rows the disk has damaged."""
        crc, rows, damaged = self.seed, 0, False
        for end, recorded in self._recorded():
            if not rows < end <= self.count:
                break
            crc = checksum(self._values(rows, end), crc)
            if damaged := crc != recorded:
                break
            rows = end
        lost = self.count - rows
        self.keep(rows if rows == self.rows else rows - rows % self.block)
        return lost if damaged else 0

    def windows(self) -> Iterator[Rows]:
        """The rows, some at a time."""
        for start in range(0, self.count, _WINDOW):
            yield self._values(start, min(start + _WINDOW, self.count))

    @property
    def _sums(self) -> Path:
        return self.path.with_suffix(".crc32c")

    def _recorded(self) -> list[tuple[int, int]]:
        """End and checksum of each block."""
        data = self._sums.read_bytes() if self._sums.exists() else b""
        return [*_SUM.iter_unpack(data[: len(data) // _SUM.size * _SUM.size])]

    def _values(self, start: int, stop: int) -> Rows:
        with self.path.open("rb") as file:
            file.seek(start * 8 * self.columns)
            values = np.fromfile(file, "<f8", (stop - start) * self.columns)
        return values.reshape(-1, self.columns)


class State:
    """The latest arrays of what is computed step by step, the first of which is as long
    as it is far. Its file is replaced about once a second; without one nothing is kept.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path, self._clock = path, time.monotonic()
        self.arrays = arrays_of(path) if path is not None and path.exists() else []

    def keep(self, *arrays: np.ndarray, last: bool = False) -> None:
        """Replace what is kept, if the last time is a second ago or this is the end."""
        due = last or time.monotonic() - self._clock > _SECONDS
        if self.path is not None and due:
            keep_arrays(self.path, arrays)
            self._clock = time.monotonic()


def keep_arrays(path: Path, arrays: Sequence[Any]) -> None:
    """Write arrays with a checksum, whole or not at all."""
    file = io.BytesIO()
    np.savez(file, *arrays)
    file.write(_sum_of(path, file.getvalue()))
    write_bytes(path, file.getbuffer(), durable=False)


def _sum_of(path: Path, content: bytes) -> bytes:
    """Checksum of a file and its name, so that one in another's place is noticed."""
    return checksum(content, checksum(path.name.encode())).to_bytes(4, "little")


def is_sound(path: Path) -> bool:
    """Check that a file exists and has its checksum; warn of a damaged one."""
    if not path.exists():
        return False
    content = path.read_bytes()
    sound = content[-4:] == _sum_of(path, content[:-4])
    if not sound:
        logging.getLogger("tivax").warning("%s: damaged on the disk; made again", path)
    return sound


def arrays_of(path: Path) -> list[np.ndarray]:
    """Read the arrays that ``keep_arrays`` wrote."""
    with np.load(path) as arrays:
        return [arrays[f"arr_{k}"] for k in range(len(arrays.files))]
