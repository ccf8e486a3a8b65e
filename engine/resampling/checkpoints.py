"""Draws of an unfinished run, so that the same command goes on where it stopped.

    .NAME.unfinished/     beside the output folder NAME
        run.json          which run it is
        000.f64 ...       the draws of each model, appended as they come

The folder goes away once the results are in place.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..core import (
    TivaxError,
    count_text,
    explain_full_disk,
    hint_if_interrupted,
    real_path,
    require_writable,
    write_text,
)
from .draws import FileDraws

_RUN = "run.json"
_LOCK = "lock"
# Of a value: in its file, and at most (draw, model, column, value) in draws.parquet.
_BYTES, _SAVED = 8, 16


@runtime_checkable
class Drawn(Protocol):
    """A program of draws, or a design of simulated panels: what a file holds."""

    @property
    def columns(self) -> Sequence[str]: ...

    @property
    def draws(self) -> int: ...


class Checkpoint:
    """The draws of a run on their way."""

    def __init__(self, folder: Path, plans: Sequence[Drawn]) -> None:
        self.folder = folder
        self.files = [
            FileDraws(folder / f"{k:03}.f64", len(plan.columns), plan.draws)
            for k, plan in enumerate(plans)
        ]

    @property
    def done(self) -> int:
        return sum(file.count for file in self.files)

    @property
    def total(self) -> int:
        return sum(file.limit for file in self.files)

    def forget(self) -> None:
        """Remove what is kept: no run can go on with it."""
        # The record first: without it, draws are not taken up.
        (self.folder / _RUN).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

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
    _require_space(folder, plans, saved=saved)
    wanted = json.dumps(identity, indent=1, sort_keys=True, default=str) + "\n"
    record = folder / _RUN
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder / _LOCK, out), explain_full_disk(out):
        if record.exists() and record.read_text(encoding="utf-8") != wanted:
            if not force:
                raise TivaxError(
                    f"{out}: {folder.name} beside it holds an unfinished run of other "
                    "models, draws, seed or versions; force=True starts over"
                )
            record.unlink()
        if not record.exists():
            # Of another run, or of one that was killed while its folder was removed.
            for path in folder.iterdir():
                if path.name not in (_RUN, _LOCK):
                    path.unlink()
            write_text(record, wanted)
        kept = Checkpoint(folder, plans)
        yield kept
        kept.forget()


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
def _lock(path: Path, out: Path) -> Iterator[None]:
    """Held while a process works; the system lets go of it when the process dies."""
    try:
        import fcntl
    except (
        ImportError
    ):  # Windows has no such locks: two runs there cannot be distinguished
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TivaxError(
                f"{out}: another process is at work on it; wait, or name another place"
            ) from None
        yield
