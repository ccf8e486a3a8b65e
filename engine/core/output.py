"""Files and folders that are written whole or not at all.

What a command writes grows in a hidden part beside its place and is renamed when it is
whole. A process can be killed at any instant:

    .NAME.ID.part                  not whole: is removed
    .NAME.ID.part, .NAME.ID.old    the older NAME was moved away, the new is not in
                                   place: the older goes back
    .NAME.ID.old                   the new is in place: is renamed to a part

A part is locked by its process, so the next run knows what a dead one left.
"""

import errno
import hashlib
import os
import platform
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from .errors import TivaxError, walk_causes
from .interrupts import raise_interrupt

_LEFTOVER = re.compile(
    r"\.(?P<name>.+)\.(?:(?P<machine>[0-9a-f]{8})-)?[0-9a-f]{8}\.(?:part|old)"
)
# Seconds. Where locks do not tell, a younger part may belong to a process at work.
_LEFTOVER_AGE = 24 * 3600
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def real_path(path: Path) -> Path:
    """Where a path leads, whether there is something or not: links stay links."""
    return Path(os.path.realpath(path))


@contextmanager
def partial_folder(path: Path) -> Iterator[Path]:
    """A new hidden folder beside ``path``, on the same disk, to write to first.

    Locked while the block runs, removed after it. Errors of a full disk name ``path``.
    """
    place = real_path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part, lock = _new_part(place)
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}; choose another place") from None
    _at_work.add(part)
    try:
        with explain_full_disk(path):
            yield part
    finally:
        _remove(part)
        _at_work.discard(part)
        if lock is not None:
            os.close(lock)


# Of this process. Ctrl-C may remove them from another thread, which must not come
# between the two renames of a replacement.
_at_work: set[Path] = set()
_replacing = threading.Lock()


def abandon_parts() -> None:
    """Remove all parts of this process, which ends at once and without replacing."""
    _replacing.acquire()  # and never released
    for part in list(_at_work):
        _remove(part)


def part_name(place: Path) -> Path:
    """A new name for a hidden part beside ``place``."""
    return place.parent / f".{place.name}.{_machine()}-{uuid4().hex[:8]}.part"


def _new_part(place: Path) -> tuple[Path, int | None]:
    """A part and its lock, None where there are no locks."""
    while True:
        part = part_name(place)
        part.mkdir()
        # Before it is locked, another process may take it for a leftover.
        with suppress(BlockingIOError, FileNotFoundError):
            lock = lock_folder(part)
            if part.exists():
                return part, lock


def lock_folder(folder: Path) -> int | None:
    """Hold a folder until the descriptor is closed or the process ends.

    None where the system or the disk has no locks; raises ``BlockingIOError`` where
    another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:  # a network disk
        os.close(descriptor)
        return None
    return descriptor


def _machine() -> str:
    """Which system holds the locks: those of another one are not seen on a shared disk.

    Containers of one machine share it; after a start it is another.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    name = boot.read_text() if boot.exists() else platform.node()
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def clear_leftovers(path: Path) -> None:
    """Clean up after killed processes in the folder of ``path``."""
    folder = real_path(path).parent
    with suppress(OSError):  # no such folder, or not ours to read
        for found in sorted(folder.iterdir()):
            if match := _LEFTOVER.fullmatch(found.name):
                with suppress(OSError):  # at work, or another process was faster
                    _clear(found, folder / match["name"], match["machine"])


def _clear(found: Path, path: Path, machine: str | None) -> None:
    part, lock = found.with_suffix(".part"), None
    dead = machine == _machine()
    if dead and part.exists():
        lock = lock_folder(part)
        dead = lock is not None
    try:
        if dead or time.time() - _changed(found) > _LEFTOVER_AGE:
            _finish(part, path)
    finally:
        if lock is not None:
            os.close(lock)


def _changed(path: Path) -> float:
    """When a folder or anything in it last changed."""
    return max(k.lstat().st_mtime for k in (path, *path.rglob("*")))


def _finish(part: Path, path: Path) -> None:
    """End a replacement that stopped anywhere: the new is in place, or the old again.

    Nothing called ``.old`` is ever half removed: it is renamed to a part first.
    """
    old = part.with_suffix(".old")
    if old.exists():
        if not os.path.lexists(path):
            old.rename(path)
        elif part.exists():  # something else was put there: leave both
            return
        else:
            old.rename(part)
    _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def replace_folder(part: Path, path: Path) -> None:
    """Move ``part`` to ``path``; the old is removed once the new is in place.

    The caller has checked that it may be replaced.
    """
    place = real_path(path)
    raise_interrupt()  # an interrupt that was swallowed: before anything is replaced
    with _replacing:
        try:
            if place.exists():
                _to_disk(part)
                place.rename(part.with_suffix(".old"))
            part.rename(place)
        finally:
            _finish(part, place)


def _to_disk(folder: Path) -> None:
    """Before the old is removed, the new must survive a loss of power."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a small file aside, then rename: it is found whole, the old or the new.

    Also after a loss of power, where it is ``durable``. Two processes must not write
    the same file at the same time.
    """
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    os.replace(part, path)


@contextmanager
def explain_full_disk(path: Path) -> Iterator[None]:
    """Turn the error of a full disk in the block into one that names ``path``.

    Libraries raise ``OSError`` without a file name, or another error after it.
    """
    try:
        yield
    except TivaxError:
        raise
    except Exception as error:
        for cause in walk_causes(error):
            number = cause.errno if isinstance(cause, OSError) else None
            if number is not None and number in _FULL:
                raise TivaxError(
                    f"{path}: {os.strerror(number)}; free some, then give the "
                    "same command again, or choose another place"
                ) from error
        raise
