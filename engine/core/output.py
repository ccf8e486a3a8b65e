"""Files and folders that are written whole or not at all.

What a command writes grows in a hidden folder beside its place and is renamed when it
is whole. A process can be killed at any instant, and the next one puts it right:

    .NAME.tivax-ID.part/
        written-by-tivax    whose it is: nothing without this file is touched
        new                 not whole: is removed
        old                 the older NAME: goes back, unless the new is in place
        removed             the same, once the new is in place
        placing             files of which some may be in place: the others follow
            before.tivax    their names, and SHA-256 of what they replace: nothing else

A part is locked by its process, so the next run of this user knows what a dead one
left. Where locks do not tell, its process touches it every hour.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from .errors import TivaxError, walk_causes
from .interrupts import raise_interrupt

_LEFTOVER = re.compile(
    r"\.(?P<name>.+)\.tivax-(?P<machine>[0-9a-f]{8})-[0-9a-f]{8}\.part"
)
_MARK = "written-by-tivax"
_NEW, _OLD, _REMOVED, _PLACING = "new", "old", "removed", "placing"
_BEFORE = "before.tivax"
# Seconds. Where locks do not tell, a younger part may belong to a process at work.
_LEFTOVER_AGE = 24 * 3600
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of its sorted names and file sums."""
    if path.is_dir():
        total = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            total.update(
                f"{file.relative_to(path).as_posix()} {sha256(file)}\n".encode()
            )
        return total.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def real_path(path: Path) -> Path:
    """The path behind any links, also of a file that does not exist."""
    return Path(os.path.realpath(path))


@contextmanager
def partial_folder(path: Path) -> Iterator[Path]:
    """A new hidden folder near ``path``, on the same disk, to write to first.

    Locked while the block runs, removed after it. Errors of a full disk name ``path``.
    """
    place, ended = real_path(path), threading.Event()
    with ExitStack() as held:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part = _new_part(place, held)
        except OSError as error:
            said = f"{path}: {error.strerror}; choose another place"
            raise TivaxError(said) from None
        _at_work[part] = place
        threading.Thread(target=_keep_fresh, args=(part, ended), daemon=True).start()
        try:
            with explain_full_disk(path):
                (part / _MARK).touch(exist_ok=False)
                (part / _NEW).mkdir()
                yield part / _NEW
        finally:
            ended.set()
            _finish(part, place)
            _at_work.pop(part)


def _keep_fresh(part: Path, ended: threading.Event) -> None:
    """A machine that does not see its lock must not take it for a leftover."""
    while not ended.wait(_LEFTOVER_AGE / 24):
        with suppress(OSError):
            os.utime(part)


# Parts of this process and their places. Ctrl-C may remove them from another thread,
# which must not come between the two renames of a replacement.
_at_work: dict[Path, Path] = {}
_replacing = threading.Lock()


def abandon_parts() -> None:
    """Remove all parts of this process, which ends at once and without replacing."""
    _replacing.acquire()  # and never released
    for part, place in list(_at_work.items()):
        _finish(part, place)


def part_name(place: Path) -> Path:
    """A new name for a hidden part beside ``place``."""
    return place.parent / f".{place.name}.tivax-{_machine()}-{uuid4().hex[:8]}.part"


def _new_part(place: Path, held: ExitStack) -> Path:
    """A part, locked where there are locks."""
    while True:
        part = part_name(place)
        part.mkdir()
        # Before it is locked, another process may take it for a leftover.
        with suppress(BlockingIOError, FileNotFoundError):
            lock_folder(part, held)
            if part.exists():
                return part


def lock_folder(folder: Path, held: ExitStack) -> bool:
    """Hold a folder until ``held`` or the process ends.

    False where the system or the disk has no locks; raises ``BlockingIOError`` where
    another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:  # a network disk
        os.close(descriptor)
        return False
    held.callback(os.close, descriptor)
    return True


@contextmanager
def locked_folder(folder: Path, out: Path) -> Iterator[None]:
    """The folder, new or not, held while a process works; the system lets go of it
    when the process dies."""
    with ExitStack() as held:
        try:
            while True:
                folder.mkdir(parents=True, exist_ok=True)
                lock_folder(folder, held)
                if folder.exists():  # else another process has just ended
                    break
        except BlockingIOError:
            raise TivaxError(
                f"{out}: another process is at work on it; wait, or name another place"
            ) from None
        yield


def _machine() -> str:
    """Name of the system that holds the locks; on a shared disk those of others are
    unseen.

    Containers of one machine share it; it changes when the machine restarts.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    name = boot.read_text() if boot.exists() else platform.node()
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def clear_leftovers(path: Path) -> None:
    """Clean up after killed processes in the folder of ``path``."""
    folder = real_path(path).parent
    with suppress(OSError):  # no such folder, or not ours to read
        for found in sorted(folder.iterdir()):
            match = _LEFTOVER.fullmatch(found.name)
            if match and is_part(found):
                with suppress(OSError):  # at work, or another process was faster
                    _clear(found, folder / match["name"], match["machine"])


def is_part(path: Path) -> bool:
    """True if a tivax of this user made this folder, by its name, owner and mark."""
    named = _LEFTOVER.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    own = named and path.stat().st_uid == getattr(os, "geteuid", int)()
    return bool(own) and ((path / _MARK).is_file() or not any(path.iterdir()))


def _clear(part: Path, place: Path, machine: str) -> None:
    with ExitStack() as held:
        dead = lock_folder(part, held) and machine == _machine()
        if dead or _at_rest(part) > _LEFTOVER_AGE:
            _finish(part, place)


def _at_rest(part: Path) -> float:
    """Seconds since anything in a part changed, by the clock of its disk."""
    changed = max(k.lstat().st_mtime for k in (part, *part.rglob("*")))
    with TemporaryFile(dir=part.parent) as now:
        return os.fstat(now.fileno()).st_mtime - changed


def _finish(part: Path, place: Path) -> None:
    """End a replacement that stopped anywhere: the new is in place, or the old again.

    Nothing called ``old`` is ever half removed: it is renamed first.
    """
    old, placing = part / _OLD, part / _PLACING
    note = placing / _BEFORE
    if not note.exists() and placing.exists() and any(placing.iterdir()):
        return  # not of this tivax
    for name, known in json.loads(note.read_text()).items() if note.exists() else ():
        there = place.with_name(name)
        if (placing / name).exists():
            if there.exists() and sha256(there) != known:
                return  # somebody has put something there since: leave both
            os.replace(placing / name, there)
    if old.exists():
        if not os.path.lexists(place):
            old.rename(place)
        elif (part / _NEW).exists():  # something else was put there: leave both
            return
        else:
            old.rename(part / _REMOVED)
    with suppress(OSError):  # removed by another process
        for path in part.iterdir():
            if path.name != _MARK:
                _remove(path)
        # Last: without the mark what is left would stay for ever.
        if [k.name for k in part.iterdir()] == [_MARK]:
            (part / _MARK).unlink()
        part.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def replace_folder(part: Path, path: Path) -> None:
    """Move ``part`` of ``partial_folder`` to ``path``; the old is removed once the new
    is in place.

    The caller has checked that it may be replaced.
    """
    place = real_path(path)
    raise_interrupt()  # an interrupt that was swallowed: before anything is replaced
    with _replacing:
        try:
            if place.exists():
                _to_disk(part)
                place.rename(part.with_name(_OLD))
            part.rename(place)
        finally:
            _finish(part.parent, place)


def _to_disk(folder: Path) -> None:
    """Before the old is removed, the new must survive a loss of power."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def place_file(part: Path, path: Path, *, force: bool) -> None:
    """Move the file ``part`` to ``path``, which it replaces with ``force`` only.

    Raises ``FileExistsError`` where another process was faster.
    """
    place = real_path(path)
    raise_interrupt()
    with _replacing:
        if not force:
            try:
                os.link(part, place)
                return
            except FileExistsError:
                raise
            except OSError:  # a disk without links: the moment between is short
                if os.path.lexists(place):
                    raise FileExistsError from None
        os.replace(part, place)


def place_files(part: Path, path: Path) -> None:
    """Move all files of ``part`` of ``partial_folder`` beside ``path``, all or none.

    The caller has checked that they may replace what is there.
    """
    raise_interrupt()
    place = real_path(path)
    with _replacing:
        there = {k.name: place.with_name(k.name) for k in sorted(part.iterdir())}
        known = {name: sha256(k) if k.exists() else "" for name, k in there.items()}
        (part / _BEFORE).write_text(json.dumps(known))
        _to_disk(part)
        placing = part.rename(part.with_name(_PLACING))
        _finish(placing.parent, place)
        if placing.exists():
            raise TivaxError(f"{path}: changed meanwhile; choose another place")


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a small file aside, then rename: it is found whole, the old or the new.

    Also after a loss of power, where it is ``durable``.
    """
    write_bytes(path, text.encode(), durable=durable)


def write_bytes(
    path: Path, content: bytes | memoryview, *, durable: bool = True
) -> None:
    """The same of bytes."""
    with partial_folder(path) as folder:
        part = folder / "file"
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(part, real_path(path))


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
