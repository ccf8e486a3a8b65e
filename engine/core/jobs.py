"""A job that goes on where it was stopped: its parts, what is kept and what is left.

    .NAME.unfinished/     beside the output folder NAME
        run.json          which job it is; written first
        000.f64 ...       the rows of each part, appended as they come
        000.crc32c ...    their checksums, a block at a time
        kept-NAME.npz     arrays: years of several processes, steps of a sum

The folder goes away once the results are in place. A folder of this name that holds
anything else is not touched.
"""

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from .arrays import checksum
from .display import count_text
from .errors import TivaxError, Unfinished
from .interrupts import hint_if_interrupted
from .keeper import STATE, Keeper
from .manifest import tivax_version
from .output import (
    explain_full_disk,
    is_part,
    locked_folder,
    real_path,
    write_text,
)
from .parts import Part, PartFile, Rows, arrays_of, is_sound
from .places import require_writable
from .processes import agreed, is_first, together
from .progress import Progress, no_progress, shift_progress

_RUN = "run.json"
# What else a folder may hold.
_FILES = re.compile(r"\d{3,}(\.f64|\.crc32c)|kept-.+\.npz")
# In a record: it tells that the folder is tivax's.
_MARK = {"written by": "tivax, for a run that is not finished"}
# Of a value: in its file, and at most (draw, model, column, value) in draws.parquet.
_BYTES, _SAVED = 8, 16


def unfinished(out: Path) -> Path:
    """Folder in which a job for ``out`` keeps its results until it ends."""
    place = real_path(out)
    return place.parent / f".{place.name}.unfinished"


class Job:
    """The work of one command for ``out``, which the same command can resume.

    ``identity`` is all that its numbers depend on; the versions and the platform are
    added to it. ``parts`` are rows; a job without them keeps arrays (``keeper``).
    ``unit`` names what is counted; with ``saved`` the rows are written to the results
    too, which takes room on the disk.
    """

    def __init__(
        self,
        out: Path,
        command: str,
        identity: Mapping[str, Any],
        parts: Sequence[Part] = (),
        unit: str = "draws",
        *,
        saved: bool = False,
    ) -> None:
        self.out, self.unit, self._saved = out, unit, saved
        self.folder = unfinished(out)
        whole = {
            **_MARK,
            "command": command,
            **identity,
            "parts": [[part.rows, part.columns] for part in parts],
            "tivax": tivax_version(),
            "jax": version("jax"),
            "platform": jax.default_backend(),
        }
        self._record = json.dumps(whole, indent=1, sort_keys=True, default=str)
        names = [f"{k:03}.f64" for k in range(len(parts))]
        self.parts = [
            PartFile(
                part.rows,
                part.columns,
                part.block,
                self.folder / name,
                checksum(f"{name} {self._record}".encode()),
            )
            for name, part in zip(names, parts, strict=True)
        ]

    @property
    def done(self) -> int:
        """Number of units that are kept."""
        if self.parts:
            return sum(part.count for part in self.parts)
        return sum(
            len(arrays_of(k)[0]) if k.stem.endswith(STATE) else 1
            for k in self.folder.glob("*.npz")
        )

    @property
    def total(self) -> int:
        return sum(part.rows for part in self.parts)

    def __str__(self) -> str:
        """Progress in words: ``4,096 of 5,000 draws``."""
        whole = f" of {self.total:,}" if self.parts else ""
        return f"{self.done:,}{whole} {self.unit}"

    @contextmanager
    def resumed(
        self, say: Callable[[str], object], *, force: bool = False
    ) -> Iterator[None]:
        """Work on what is left; what is kept is removed if all went well.

        ``say`` is told where it goes on, and where it is interrupted. Of several
        processes only the first writes. Raises ``TivaxError`` where another job was
        begun there (``force`` starts over), another process is at work on it, or the
        disk is too small for the parts.
        """
        if not is_first():
            with _all_there():
                together()
                yield
            return
        require_writable(self.out)
        _require_ours(self.folder)
        self._require_space()
        with locked_folder(self.folder, self.out), explain_full_disk(self.out):
            self._take_up(force)
            try:
                with _all_there(self), hint_if_interrupted(lambda: self._hint(say)):
                    together()  # the folder is there for all
                    if self.done:
                        say(f"Going on at {self}")
                    yield
            except BaseException:
                if jax.process_count() == 1 and not self.done:
                    self.forget()
                raise
            self.forget()

    def _hint(self, say: Callable[[str], object]) -> None:
        if self.done:
            say(f"Stopped: {self} are kept; the same command goes on")

    def _take_up(self, force: bool) -> None:
        _require_ours(self.folder)
        record = self.folder / _RUN
        if record.exists() and record.read_bytes() != self._record.encode():
            if not force:
                raise Unfinished(
                    f"{self.out}: {self.folder.name} beside it holds an unfinished run "
                    "of other models, draws, seed or versions; force=True starts over",
                    argument="force",
                )
            _empty(self.folder)
        if not record.exists():
            write_text(record, self._record)
        for state in self.folder.glob(f"*-{STATE}.npz"):
            if not is_sound(state):
                state.unlink()
        if lost := sum(part.take_up() for part in self.parts):
            logging.getLogger("tivax").warning(
                "%s: %s damaged on the disk; made again",
                self.folder,
                count_text(lost, self.unit.removesuffix("s")),
            )

    def fill(
        self,
        make: Callable[[int, int], Iterator[Rows]],
        progress: Progress = no_progress,
    ) -> None:
        """Make what the parts lack: ``make(k, start)`` of part k from a row on.

        Several processes compute together, from where the first one's file ends; it
        writes.
        """
        before = 0
        with self.making():
            for k, part in enumerate(self.parts):
                done = agreed(part.count)
                shifted = shift_progress(progress, before, self.total)
                shifted(done, part.rows)
                for values in make(k, done) if done < part.rows else ():
                    if is_first():
                        part.append(values)
                    done += len(values)
                    shifted(done, part.rows)
                before += part.rows

    @contextmanager
    def making(self) -> Iterator[None]:
        """Let what cannot be made leave nothing: the same command would end there."""
        try:
            yield
        except TivaxError:
            if is_first():
                self.forget()
            raise

    @property
    def keeper(self) -> Keeper:
        """The folder, as computations take it to keep their arrays."""
        return Keeper(self.folder / "kept-")

    def forget(self) -> None:
        """Remove what is kept: no command can go on with it."""
        with suppress(OSError):  # it is gone, or something else was put there
            _empty(self.folder)
            self.folder.rmdir()

    def _require_space(self) -> None:
        values = sum(part.rows * part.columns for part in self.parts)
        kept = sum(path.stat().st_size for path in self.folder.glob("*.f64"))
        needed = values * (_BYTES + (_SAVED if self._saved else 0)) - kept
        above = next(k for k in self.folder.parents if k.exists())
        if needed > (free := shutil.disk_usage(above).free):
            raise TivaxError(
                f"{above}: the {self.unit} take {_size(needed)} on this disk and "
                f"{_size(free)} are free; ask for fewer, or choose another disk"
            )


# ------------------------------------------------------------------------ its folder


def _require_ours(folder: Path) -> None:
    """Raise ``TivaxError`` for a folder of this name that no run of tivax has made."""
    if not os.path.lexists(folder):
        return
    wrong = folder
    if folder.is_dir() and not folder.is_symlink():
        inside = [k for k in folder.iterdir() if not is_part(k)]
        ours = [
            k for k in inside if k.is_file() and not k.is_symlink() and _is_named(k)
        ]
        foreign = [k for k in inside if k not in ours]
        record = folder / _RUN
        if not foreign and inside and (record not in ours or not _is_record(record)):
            foreign = [record if record in ours else inside[0]]
        wrong = min(foreign, default=None)
    if wrong is not None:
        raise TivaxError(
            f"{wrong}: in the place of an unfinished run, and not written by one of "
            "this tivax; move it away, or choose another place"
        )


def _is_named(path: Path) -> bool:
    """True if the file is called as those of a run are."""
    return path.name == _RUN or _FILES.fullmatch(path.name) is not None


def _is_record(path: Path) -> bool:
    """True if the file records a run, even one that is damaged elsewhere."""
    ((key, value),) = _MARK.items()
    return f'"{key}": "{value}"'.encode() in path.read_bytes()


def _empty(folder: Path) -> None:
    """Remove what is ours in a folder, the record last: it tells whose it is."""
    for path in sorted(folder.iterdir(), key=lambda k: k.name == _RUN):
        if is_part(path):
            shutil.rmtree(path, ignore_errors=True)
        elif _is_named(path):
            path.unlink()


def _size(count: int) -> str:
    """``1.5 GiB`` or ``80 bytes``."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 2**power:
            return f"{count / 2**power:,.1f} {unit}"
    return count_text(count, "byte")


@contextmanager
def _all_there(job: Job | None = None) -> Iterator[None]:
    """Turn JAX's errors about a lost process into a TivaxError with instructions.

    Gloo's errors come as either kind, with a status in front.
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if jax.process_count() == 1 or not re.match("[A-Z_]+: ", str(error)):
            raise
        line = str(error).splitlines()[0][:120]
        kept = "" if job is None else f"{job} are kept; "
        raise TivaxError(
            f"another process of the job has ended ({line}); {kept}start all processes "
            "again and the run goes on"
        ) from None
