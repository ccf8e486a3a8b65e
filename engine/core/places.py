"""Places for results: never over inputs, only over tivax's own files."""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from .errors import TivaxError
from .manifest import MANIFEST, Run, read_listed, require_as_listed, standing_on
from .output import (
    clear_leftovers,
    part_name,
    partial_folder,
    place_file,
    real_path,
    replace_folder,
)

# Written by file managers into any folder that they open.
DROPPINGS = (".DS_Store", "Thumbs.db")


def require_free(path: Path, *, force: bool) -> None:
    """Raise ``TivaxError`` where writing ``path`` would replace something."""
    if not force and path.exists() and not is_empty_folder(path):
        raise TivaxError(
            f"{path}: exists already; force=True replaces it", argument="force"
        )


def require_new(path: Path) -> None:
    """Raise ``TivaxError`` where ``path`` is there, of what is never replaced."""
    if path.exists() and not is_empty_folder(path):
        raise TivaxError(f"{path}: exists already; give a new folder")


def require_no_folder(path: Path) -> None:
    """Raise ``TivaxError`` where a file is to be written and ``path`` is a folder."""
    if path.is_dir():
        raise TivaxError(f"{path}: a folder; give the name of a file")


def require_writable(path: Path) -> None:
    """Raise ``TivaxError`` where ``path`` cannot be written, before long work.

    The only sure test is to write: a folder into the nearest one that exists.
    """
    place, here = real_path(path), real_path(Path.cwd())
    if place == here or place in here.parents:
        raise TivaxError(
            f"{path}: the folder you are in; choose a new folder inside it"
        )
    if _is_mounted(place):
        inside = "a folder inside it" if place.is_dir() else "another name"
        raise TivaxError(f"{path}: a mount point, which stays; choose {inside}")
    # (Where links lead into a circle, the path of one is left.)
    if any(k.is_symlink() for k in (place, *place.parents)):
        raise TivaxError(f"{path}: its links lead in a circle; choose another place")
    try:
        str(place).encode()
    except UnicodeEncodeError:
        raise TivaxError(
            f"{path}: not a name in UTF-8, which files of results need; choose another "
            "name, or give the locale UTF-8 (PYTHONUTF8=1)"
        ) from None
    above = next(k for k in place.parents if k.exists())
    part = part_name(above / place.name)
    try:
        part.mkdir()
        with suppress(FileNotFoundError):  # another process took it for a leftover
            part.rmdir()
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}; choose another place") from None


def _is_mounted(place: Path) -> bool:
    """True if a disk, folder or file is mounted there: it cannot be renamed."""
    mounts = Path("/proc/self/mountinfo")  # also tells what is of the same disk
    lines = mounts.read_bytes().splitlines() if mounts.exists() else []
    places = (k.split()[4].decode("unicode_escape").encode("latin-1") for k in lines)
    return os.path.ismount(place) or os.fsencode(place) in places


def require_apart(outputs: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """Raise ``TivaxError`` where an output and an input, or two outputs, share a place.

    ``outputs`` are by what a message calls them. A result folder is replaced as a
    whole, so nothing that is read may lie in it; and what is written into an input
    would be taken for a part of it by the next run.
    """
    for option, path in outputs.items():
        for given in inputs:
            kind = "store" if (given / "zarr.json").exists() else "input"
            inside, around = _holds(given, path), _holds(path, given)
            # A link in an output to an input elsewhere would go with it, too.
            link = Path(os.path.abspath(given)).is_relative_to(os.path.abspath(path))
            if inside and around:
                why = f"the {kind} itself; choose another"
            elif link or around:
                why = f"holds the {kind} {given}; choose another"
            elif inside:
                why = f"lies in the {kind} {given}; choose a place outside it"
            else:
                continue
            raise TivaxError(f"{option} {path}: {why}", argument=option)
    hows = {(True, True): "is", (False, True): "lies in", (True, False): "holds"}
    for (other, its), (option, path) in combinations(outputs.items(), 2):
        if how := hows.get((_holds(path, its), _holds(its, path))):
            why = f"{how} {other}; choose another folder"
            raise TivaxError(f"{option} {path}: {why}", argument=option)


def _holds(folder: Path, path: Path) -> bool:
    """True if ``path`` is ``folder`` or lies in it, through any links."""
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

    With ``force`` it may replace what an earlier run of the same command wrote and
    nobody has changed since. ``folders`` are read besides the inputs of the run.
    """
    require_apart({"output": path}, [*folders, *run.inputs])
    clear_leftovers(path)
    _require_own(path, run.command, force=force)
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


def _require_own(folder: Path, command: str, *, force: bool) -> None:
    """Raise ``TivaxError`` unless nothing lies there but what ``command`` wrote."""
    require_free(folder, force=force)
    if not folder.exists() or is_empty_folder(folder):
        return
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise TivaxError(
            f"{folder}: not a result folder of tivax (no {MANIFEST}); force=True does "
            "not replace it, choose another place",
            argument="force",
        )
    listed = read_listed(manifest, command)
    for path, name in files_in(folder, listed):
        if path != manifest:
            require_as_listed(path, listed.get(name), command)


def files_in(folder: Path, known: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Files with their names in the folder, and folders without any ``known`` file."""
    folders = {above for name in known for above in Path(name).parents}
    for place, inner, files in os.walk(folder):
        for path in sorted(Path(place, name) for name in [*inner, *files]):
            inside = path.relative_to(folder)
            plain = inside in folders and path.is_dir() and not path.is_symlink()
            if path.name not in DROPPINGS and not plain:
                yield path, inside.as_posix()


def is_empty_folder(path: Path) -> bool:
    """True if the path is a folder without any file."""
    return path.is_dir() and not any(path.iterdir())


@contextmanager
def output_folder(path: Path, run: "Run", *, force: bool = False) -> Iterator[Path]:
    """A folder to write into that becomes ``path`` when the block ends well.

    What it replaces is checked before the block and after it: see
    ``require_result_place``. Figures and reports say where their tables are not the
    published ones.
    """
    require_result_place(path, run, force=force)
    with partial_folder(path) as part, standing_on(run.basis):
        yield part
        _require_own(path, run.command, force=force)
        replace_folder(part, path)


@dataclass(frozen=True)
class Seal:
    """The last bytes of a file that has no manifest: whose it is, and the SHA-256 of
    all before.

    Written blank by ``command``, and filled by ``output_file``.
    """

    command: str
    before: str
    after: str = ""

    @property
    def blank(self) -> str:
        return f"{self.before}{'0' * 64}{self.after}"

    def of(self, path: Path) -> bytes:
        """The seal that fits the file, in the place of its last bytes."""
        total, left = hashlib.sha256(), path.stat().st_size - len(self.blank)
        with path.open("rb") as file:
            while left > 0 and (block := file.read(min(left, 1 << 20))):
                total.update(block)
                left -= len(block)
        return f"{self.before}{total.hexdigest()}{self.after}".encode()

    def fits(self, path: Path) -> bool:
        """True if the file ends with its seal."""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - len(self.blank)))
            return file.read() == self.of(path)

    def fill(self, path: Path) -> None:
        seal = self.of(path)
        with path.open("r+b") as file:
            file.seek(-len(seal), os.SEEK_END)
            file.write(seal)
            file.flush()
            os.fsync(file.fileno())


def require_file_place(path: Path, seal: Seal, *, force: bool) -> None:
    """Raise ``TivaxError`` unless a sealed file may be written to ``path``.

    With ``force`` it may replace what the same command wrote and nobody has changed
    since.
    """
    require_no_folder(path)
    clear_leftovers(path)
    require_free(path, force=force)
    if path.exists() and not seal.fits(path):
        raise TivaxError(
            f"{path}: not written by `tivax {seal.command}`, or changed since; "
            "force=True does not replace it, choose another place",
            argument="force",
        )
    require_writable(path)


@contextmanager
def output_file(path: Path, seal: Seal, *, force: bool) -> Iterator[Path]:
    """A file to write, with its seal blank, that becomes ``path`` when the block ends
    well; links are followed. What it replaces is checked before the block and after it.
    """
    require_file_place(path, seal, force=force)
    with partial_folder(path) as folder:
        part = folder / real_path(path).name
        yield part
        seal.fill(part)
        require_file_place(path, seal, force=force)
        try:
            place_file(part, path, force=force)
        except FileExistsError:
            require_free(path, force=False)
            raise
