"""Draws of an unfinished run, so that the same command goes on where it stopped.

    .NAME.unfinished/     beside the output folder NAME
        run.json          which run it is; written first
        000.f64 ...       the draws of each model, appended as they come
        000.crc32c ...    their checksums, a block at a time

The folder goes away once the results are in place. A folder of this name that holds
anything else is not touched.
"""

import json
import logging
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..core import (
    TivaxError,
    Unfinished,
    checksum,
    count_text,
    explain_full_disk,
    hint_if_interrupted,
    is_part,
    lock_folder,
    real_path,
    require_writable,
    write_text,
)
from .draws import FileDraws

_RUN = "run.json"
# What else a folder may hold: draws, their checksums, years of several processes.
_FILES = re.compile(r"\d{3,}(\.f64|\.crc32c|-.+\.npz)")
# In a record: it tells that the folder is tivax's.
_MARK = {"written by": "tivax, for a run that is not finished"}
_BLOCK = 4096  # draws of a checksum
# Of a block: draws until its end, and the CRC-32C of all of them.
_SUM = struct.Struct("<QI")
# Of a value: in its file, and at most (draw, model, column, value) in draws.parquet.
_BYTES, _SAVED = 8, 16


@runtime_checkable
class Drawn(Protocol):
    """A program of draws, or a design of simulated panels: what a file holds."""

    @property
    def columns(self) -> Sequence[str]: ...

    @property
    def draws(self) -> int: ...


@dataclass(frozen=True)
class CheckedDraws(FileDraws):
    """Draws in a file, with checksums beside it; ``seed`` is that of run and file."""

    seed: int = 0

    @property
    def _sums(self) -> Path:
        return self.path.with_suffix(".crc32c")

    def append(self, values: np.ndarray) -> None:
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
        super().append(values)

    def keep(self, draws: int) -> None:
        whole = [k for k in self._recorded() if k[0] <= draws]
        rows = whole[-1][0] if whole else 0
        if self._sums.exists():
            os.truncate(self._sums, len(whole) * _SUM.size)
        left = self._values(rows, draws) if rows < draws else None
        super().keep(rows)
        if left is not None:
            self.append(left)

    def take_up(self) -> int:
        """Cut off what is not as it was written; how many whole draws that were."""
        crc, rows, damaged = self.seed, 0, False
        for end, recorded in self._recorded():
            if not rows < end <= self.count:
                break
            crc = checksum(self._values(rows, end), crc)
            if damaged := crc != recorded:
                break
            rows = end
        lost = self.count - rows
        self.keep(rows)
        return lost if damaged else 0

    def _recorded(self) -> list[tuple[int, int]]:
        """Of each block its end and checksum."""
        data = self._sums.read_bytes() if self._sums.exists() else b""
        return [*_SUM.iter_unpack(data[: len(data) // _SUM.size * _SUM.size])]

    def _values(self, start: int, stop: int) -> np.ndarray:
        size = 8 * self.columns
        with self.path.open("rb") as file:
            file.seek(start * size)
            values = np.fromfile(file, "<f8", (stop - start) * self.columns)
        return values.reshape(-1, self.columns)


class Checkpoint:
    """The draws of a run on their way; ``record`` says which run it is."""

    def __init__(self, folder: Path, plans: Sequence[Drawn], record: str = "") -> None:
        self.folder = folder
        names = [f"{k:03}.f64" for k in range(len(plans))]
        self.files = [
            CheckedDraws(
                folder / name,
                len(plan.columns),
                plan.draws,
                checksum(f"{name} {record}".encode()),
            )
            for name, plan in zip(names, plans, strict=True)
        ]

    @property
    def done(self) -> int:
        return sum(file.count for file in self.files)

    @property
    def total(self) -> int:
        return sum(file.limit for file in self.files)

    def forget(self) -> None:
        """Remove what is kept: no run can go on with it."""
        _empty(self.folder)
        with suppress(OSError):  # something else was put there
            self.folder.rmdir()

    def text(self) -> str:
        """How much is kept, as the beginning of a sentence."""
        return f"{self.done:,} of {self.total:,} draws are kept; "


def unfinished(out: Path) -> Path:
    """Where a run that writes to ``out`` keeps its draws."""
    out = real_path(out)
    return out.parent / f".{out.name}.unfinished"


@contextmanager
def checkpoint(
    out: Path,
    plans: Sequence[Drawn],
    identity: Mapping[str, Any],
    *,
    force: bool = False,
    saved: bool = False,
) -> Iterator[Checkpoint]:
    """The draws kept for ``out``, new or taken up again; removed if all went well.

    Raises ``TivaxError`` where another run was begun there (``force`` starts over),
    another process is at work on it, or the disk is too small for the draws (and their
    copies in draws.parquet, where they are ``saved``).
    """
    require_writable(out)
    folder = unfinished(out)
    _require_ours(folder)
    _require_space(folder, plans, saved=saved)
    wanted = json.dumps({**_MARK, **identity}, indent=1, sort_keys=True, default=str)
    record = folder / _RUN
    with _locked(folder, out), explain_full_disk(out):
        _require_ours(folder)
        if record.exists() and record.read_bytes() != wanted.encode():
            if not force:
                raise Unfinished(
                    f"{out}: {folder.name} beside it holds an unfinished run of other "
                    "models, draws, seed or versions; force=True starts over",
                    argument="force",
                )
            _empty(folder)
        if not record.exists():
            write_text(record, wanted)
        kept = Checkpoint(folder, plans, wanted)
        if lost := sum(file.take_up() for file in kept.files):
            logging.getLogger("tivax").warning(
                "%s: %s damaged on the disk; made again",
                folder,
                count_text(lost, "draw"),
            )
        yield kept
        kept.forget()


def _require_ours(folder: Path) -> None:
    """Raise ``TivaxError`` for a folder of this name that no run of tivax has made."""
    if not os.path.lexists(folder):
        return
    wrong = None if folder.is_dir() and not folder.is_symlink() else folder
    if wrong is None:
        inside = [k for k in folder.iterdir() if not is_part(k)]
        plain = [k for k in inside if k.is_file() and not k.is_symlink()]
        others = [k for k in plain if k.name != _RUN and not _FILES.fullmatch(k.name)]
        foreign = [k for k in inside if k not in plain or k in others]
        record = folder / _RUN
        if not foreign and inside and (record not in plain or not _is_record(record)):
            foreign = [record if record in plain else inside[0]]
        wrong = min(foreign, default=None)
    if wrong is not None:
        raise TivaxError(
            f"{wrong}: in the place of an unfinished run, and not written by one of "
            "this tivax; move it away, or choose another place"
        )


def _is_record(path: Path) -> bool:
    """Whether it is the record of a run, also one that is damaged elsewhere."""
    ((key, value),) = _MARK.items()
    return f'"{key}": "{value}"'.encode() in path.read_bytes()


def _empty(folder: Path) -> None:
    """Remove what is ours in a folder, the record last: it tells whose it is."""
    for path in sorted(folder.iterdir(), key=lambda k: k.name == _RUN):
        if is_part(path):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name == _RUN or _FILES.fullmatch(path.name):
            path.unlink()


@contextmanager
def stopping(
    kept: Checkpoint, unit: str, say: Callable[[str], object]
) -> Iterator[None]:
    """Say how much is kept where the block is interrupted."""

    def report() -> None:
        say(
            f"Stopped: {kept.done:,} of {kept.total:,} {unit} are kept; the same "
            "command goes on"
        )

    with hint_if_interrupted(report):
        yield


def _require_space(folder: Path, plans: Sequence[Drawn], *, saved: bool) -> None:
    values = sum(len(plan.columns) * plan.draws for plan in plans)
    kept = sum(path.stat().st_size for path in folder.glob("*.f64"))
    needed = values * (_BYTES + (_SAVED if saved else 0)) - kept
    above = next(k for k in folder.parents if k.exists())
    if needed > (free := shutil.disk_usage(above).free):
        raise TivaxError(
            f"{above}: the draws take {_size(needed)} on this disk and {_size(free)} "
            "are free; ask for fewer, or choose another disk"
        )


def _size(count: int) -> str:
    """``1.5 GiB`` or ``80 bytes``."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 2**power:
            return f"{count / 2**power:,.1f} {unit}"
    return count_text(count, "byte")


@contextmanager
def _locked(folder: Path, out: Path) -> Iterator[None]:
    """The folder, new or not, held while a process works; the system lets go of it
    when the process dies."""
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            lock = lock_folder(folder)
            if folder.exists():  # else another process has just ended
                break
    except BlockingIOError:
        raise TivaxError(
            f"{out}: another process is at work on it; wait, or name another place"
        ) from None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)
