"""Writing results: whole or not at all, only over our own, with a manifest.

What a command writes grows in a hidden part beside its place and is renamed when it is
whole. A process can be killed at any instant:

    .NAME.ID.part                  not whole: goes
    .NAME.ID.part, .NAME.ID.old    the older NAME was moved away, the new is not in
                                   place: the older goes back
    .NAME.ID.old                   the new is in place: goes, once it is called a part

A part is locked by its process, so the next run knows what a dead one left.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from .errors import TivaxError, causes
from .interrupts import raise_pending

MANIFEST = "manifest.json"
_LEFTOVER = re.compile(
    r"\.(?P<name>.+)\.(?:(?P<machine>[0-9a-f]{8})-)?[0-9a-f]{8}\.(?:part|old)"
)
# Seconds. Where locks do not tell, a younger part may belong to a process at work.
_LEFTOVER_AGE = 24 * 3600
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
# Written by file managers into any folder that is looked at; nobody's work.
DROPPINGS = (".DS_Store", "Thumbs.db")
PACKAGES = (
    "jax",
    "jaxlib",
    "numpy",
    "pandas",
    "xarray",
    "zarr",
    "pyarrow",
    "pyfixest",
    "linearmodels",
)


def tivax_version() -> str:
    """The installed version of tivax."""
    return version("tivax")


def about(*, dated: bool = True) -> dict[str, str]:
    """Versions, device and date, for the foot of a report.

    Without the date, a run that is stopped and goes on another day writes the same.
    """
    import jax

    from .jax_setup import processor_name

    device = jax.devices()[0]
    return {
        "tivax": tivax_version(),
        "jax": jax.__version__,
        "numpy": version("numpy"),
        "device": f"{device.platform}: {device.device_kind}",
        "processor": processor_name(),
        **({"date": time.strftime("%Y-%m-%d")} if dated else {}),
    }


# ------------------------------------------------------------- before any work is done


def real_path(path: Path) -> Path:
    """Where a path leads, whether there is something or not: links stay links."""
    return Path(os.path.realpath(path))


def require_free(path: Path, *, force: bool) -> None:
    """Raise ``TivaxError`` where writing ``path`` would replace something."""
    if not force and path.exists() and not is_empty_folder(path):
        raise TivaxError(f"{path}: exists already; --force replaces it")


def require_no_folder(path: Path) -> None:
    """Raise ``TivaxError`` where a file is to be written and ``path`` is a folder."""
    if path.is_dir():
        raise TivaxError(f"{path}: a folder; give --out the name of a file")


def require_writable(path: Path) -> None:
    """Raise ``TivaxError`` where ``path`` cannot be written, before long work.

    The only sure test is to write: a folder into the nearest one that exists.
    """
    place, here = real_path(path), real_path(Path.cwd())
    if place == here or place in here.parents:
        raise TivaxError(
            f"{path}: the folder you are in; choose a new folder inside it for --out"
        )
    above = next(k for k in place.parents if k.exists())
    part = _part_name(above / place.name)
    try:
        part.mkdir()
        part.rmdir()
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}; choose another --out") from None


def require_apart(outputs: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """Raise ``TivaxError`` where an output and an input, or two outputs, share a place.

    ``outputs`` are by the option that names them. A result folder is replaced as a
    whole, so nothing that is read may lie in it; and what is written into an input
    would be taken for a part of it by the next run.
    """
    for option, path in outputs.items():
        for given in inputs:
            kind = "store" if (given / "zarr.json").exists() else "input"
            if _holds(given, path) and _holds(path, given):
                raise TivaxError(f"{option} {path}: the {kind} itself; choose another")
            # A link in --out to an input elsewhere would go with --out, too.
            link = Path(os.path.abspath(given)).is_relative_to(os.path.abspath(path))
            if link or _holds(path, given):
                raise TivaxError(
                    f"{option} {path}: holds the {kind} {given}; choose another"
                )
            if _holds(given, path):
                raise TivaxError(
                    f"{option} {path}: lies in the {kind} {given}; choose a place "
                    "outside it"
                )
    named = list(outputs.items())
    for k, (option, path) in enumerate(named):
        for other, its in named[:k]:
            one_holds, other_holds = _holds(path, its), _holds(its, path)
            if one_holds or other_holds:
                how = "is" if one_holds and other_holds else "lies in"
                how = "holds" if one_holds and not other_holds else how
                raise TivaxError(
                    f"{option} {path}: {how} {other}; choose another folder"
                )


def _holds(folder: Path, path: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, behind whatever links."""
    folder, path = real_path(folder), real_path(path)
    return path.is_relative_to(folder) or (
        # One folder can have two paths: bind mounts, disks that ignore case.
        folder.exists()
        and any(k.exists() and k.samefile(folder) for k in (path, *path.parents))
    )


def require_result_place(
    path: Path, run: "Run", *, force: bool, folders: Iterable[Path] = ()
) -> None:
    """Raise ``TivaxError`` unless ``path`` is free, or ``run`` may replace it.

    It may, with ``force``, what an earlier run of the same command wrote and nobody has
    changed since. ``folders`` are read besides the inputs of the run.
    """
    require_apart({"--out": path}, [*folders, *run.inputs])
    clear_leftovers(path)
    require_free(path, force=force)
    if path.exists() and not is_empty_folder(path):
        _require_own_folder(path, run.command)
    require_writable(path)


def require_fetch_place(folder: Path, name: str, *, force: bool) -> None:
    """Raise ``TivaxError`` unless a download may go to ``folder`` under ``name``.

    A folder of downloads fills file by file. ``force`` replaces one that is as an
    earlier ``tivax fetch`` wrote it.
    """
    manifest, path = folder / MANIFEST, folder / name
    listed = read_listed(manifest, "fetch") if manifest.exists() else {}
    if force and path.exists():
        require_as_listed(path, listed.get(name), "fetch")


def _require_own_folder(folder: Path, command: str) -> None:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise TivaxError(
            f"{folder}: not a result folder of tivax (no {MANIFEST}); --force does not "
            "replace it, choose another --out"
        )
    listed = read_listed(manifest, command)
    folders = {above for name in listed for above in Path(name).parents}
    for place, names, files in os.walk(folder):
        for name in sorted([*names, *files]):
            path = Path(place, name)
            inside = path.relative_to(folder)
            if path == manifest or name in DROPPINGS:
                continue
            if inside in folders and path.is_dir() and not path.is_symlink():
                continue
            require_as_listed(path, listed.get(inside.as_posix()), command)


def read_listed(manifest: Path, command: str) -> dict[str, dict[str, Any]]:
    """What the manifest of an earlier run of ``command`` lists: entries by file name.

    Raises ``TivaxError`` where another command wrote it, or it does not list files with
    their size and SHA-256.
    """
    where = manifest.parent if manifest.name == MANIFEST else manifest
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        its, outputs = content["command"], content["outputs"]
        if not isinstance(its, str) or not isinstance(outputs, list):
            raise TypeError
        files = content.get("files")
        listed = None
        if files is not None:
            listed = {str(k["name"]): k for k in files}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TivaxError(
            f"{manifest}: not a manifest of tivax; --force does not replace what lies "
            "there, choose another --out"
        ) from None
    if its != command:
        raise TivaxError(
            f"{where}: written by `tivax {its}`, and a command replaces only what it "
            "wrote itself; choose another --out"
        )
    if listed is None:
        raise TivaxError(
            f"{where}: written by an older tivax, which did not record its files; "
            "remove it by hand, or choose another --out"
        )
    return listed


def require_as_listed(
    path: Path, entry: Mapping[str, Any] | None, command: str
) -> None:
    """Raise ``TivaxError`` unless a file is, to the byte, what ``command`` wrote.

    Every byte is read, of large files too: a gigabyte takes a second or two, and took
    far longer to make.
    """
    if entry is None:
        raise TivaxError(
            f"{path}: not written by `tivax {command}`, and --force would remove it; "
            "move it away, or choose another --out"
        )
    same = (
        path.is_file()
        and not path.is_symlink()
        and path.stat().st_size == entry.get("bytes")
        and sha256(path) == entry.get("sha256")
    )
    if not same:
        raise TivaxError(
            f"{path}: changed since `tivax {command}` wrote it, and --force would "
            "remove it; move it away, or choose another --out"
        )


def is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


# ------------------------------------------------------------------ parts, and renaming


@contextmanager
def partial_folder(path: Path) -> Iterator[Path]:
    """A new hidden folder beside ``path``, on the same disk, to write to first.

    Locked while the block runs, gone after it. A full disk is told by ``path``.
    """
    place = real_path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part, lock = _new_part(place)
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}; choose another --out") from None
    _at_work.add(part)
    try:
        with full_disk_told(path):
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


def _part_name(place: Path) -> Path:
    return place.parent / f".{place.name}.{_machine()}-{uuid4().hex[:8]}.part"


def _new_part(place: Path) -> tuple[Path, int | None]:
    """A part and its lock, None where there are no locks."""
    while True:
        part = _part_name(place)
        part.mkdir()
        # Before it is locked, another process may take it for a leftover.
        with suppress(BlockingIOError, FileNotFoundError):
            lock = _lock(part)
            if part.exists():
                return part, lock


def _lock(folder: Path) -> int | None:
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
    """Put right what killed processes left in the folder where ``path`` is written."""
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
        lock = _lock(part)
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

    Nothing called ``.old`` is ever half removed: it is called a part before it goes.
    """
    old = part.with_suffix(".old")
    if old.exists():
        if not os.path.lexists(path):
            old.rename(path)
        elif part.exists():  # somebody has put something else there: let both lie
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
    """Move ``part`` to ``path``; what was there goes only once the new is in place.

    Whether it may go, the caller has seen to.
    """
    place = real_path(path)
    raise_pending()  # an interrupt that was swallowed: before anything is replaced
    with _replacing:
        try:
            if place.exists():
                _to_disk(part)
                place.rename(part.with_suffix(".old"))
            part.rename(place)
        finally:
            _finish(part, place)


def _to_disk(folder: Path) -> None:
    """Before the old goes, the new must outlive a loss of power."""
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
def full_disk_told(path: Path) -> Iterator[None]:
    """What is written in the block belongs to ``path``: a full disk is told so.

    Libraries raise ``OSError`` without a file name, or another error after it.
    """
    try:
        yield
    except TivaxError:
        raise
    except Exception as error:
        for cause in causes(error):
            number = cause.errno if isinstance(cause, OSError) else None
            if number is not None and number in _FULL:
                raise TivaxError(
                    f"{path}: {os.strerror(number)}; free some, then give the "
                    "same command again, or choose another --out"
                ) from error
        raise


@contextmanager
def output_folder(path: Path, run: "Run", *, force: bool = False) -> Iterator[Path]:
    """A folder to write into that becomes ``path`` when the block ends well.

    What is there is looked at before the block and after it: see
    ``require_result_place``.
    """
    require_result_place(path, run, force=force)
    with partial_folder(path) as part:
        yield part
        require_free(path, force=force)
        if path.exists() and not is_empty_folder(path):
            _require_own_folder(path, run.command)
        replace_folder(part, path)


# -------------------------------------------------------------------------- manifests


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


def describe_input(path: Path) -> dict[str, Any]:
    """Path, SHA-256 and size of an input, for the manifest."""
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    size = sum(p.stat().st_size for p in files)
    return {"path": str(path), "sha256": sha256(path), "bytes": size}


@dataclass
class Run:
    """What one command did: the content of ``manifest.json``."""

    command: str
    inputs: Sequence[Path] = ()
    seed: int | None = None
    argv: list[str] = field(default_factory=lambda: list(sys.argv))
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.perf_counter)

    def manifest(
        self, *, residual_max: float | None, outputs: Sequence[str], **more: Any
    ) -> dict[str, Any]:
        """The manifest. Imports JAX only to name the device."""
        import jax

        device = jax.devices()[0]
        packages = {}
        for name in PACKAGES:
            try:
                packages[name] = version(name)
            except PackageNotFoundError:
                continue
        return {
            "command": self.command,
            "argv": self.argv,
            "tivax": tivax_version(),
            "python": platform.python_version(),
            "packages": packages,
            "started": self.started.isoformat(timespec="seconds"),
            "wall_s": round(time.perf_counter() - self._clock, 3),
            "seed": self.seed,
            "device": f"{device.platform}: {device.device_kind}",
            "inputs": [describe_input(path) for path in self.inputs],
            "residual_max": residual_max,
            "outputs": sorted(outputs),
            **more,
        }

    def add_to_manifest(self, folder: Path, entry: dict[str, Any]) -> None:
        """Write ``manifest.json`` of a folder that fills file by file, as downloads do.

        ``entry`` tells of one file by its ``name``; those of other files are kept.
        """
        path = folder / MANIFEST
        with _waiting_lock(folder):
            files = []
            if path.exists():
                files = list(read_listed(path, self.command).values())
            files = [k for k in files if k["name"] != entry["name"]] + [entry]
            manifest = self.manifest(
                residual_max=None, outputs=[k["name"] for k in files], files=files
            )
            write_text(path, json.dumps(manifest, indent=1) + "\n")

    def write_manifest(
        self, folder: Path, *, residual_max: float | None, **more: Any
    ) -> None:
        """Write ``manifest.json`` about the files in ``folder``."""
        names = [
            p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()
        ]
        manifest = self.manifest(
            residual_max=residual_max,
            outputs=names,
            files=describe_outputs(folder, names),
            **more,
        )
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def describe_outputs(folder: Path, names: Iterable[str]) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of files in ``folder``: what ``--force`` may replace."""
    return [
        {
            "name": name,
            "bytes": (folder / name).stat().st_size,
            "sha256": sha256(folder / name),
        }
        for name in sorted(names)
    ]


@contextmanager
def _waiting_lock(folder: Path) -> Iterator[None]:
    """One process after the other: two downloads may end at the same time."""
    while True:
        with suppress(BlockingIOError):
            lock = _lock(folder)
            break
        time.sleep(0.05)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)
