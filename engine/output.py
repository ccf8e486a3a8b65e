"""Writing results: whole or not at all, never over older ones, with a manifest."""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from tivax.engine.errors import TivaxError

MANIFEST = "manifest.json"
_LEFTOVER_AGE = 3600  # seconds; a younger part may belong to a process at work
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

    from tivax.engine.console import processor_name

    device = jax.devices()[0]
    return {
        "tivax": tivax_version(),
        "jax": jax.__version__,
        "numpy": version("numpy"),
        "device": f"{device.platform}: {device.device_kind}",
        "processor": processor_name(),
        **({"date": time.strftime("%Y-%m-%d")} if dated else {}),
    }


def require_free(path: Path, *, force: bool) -> None:
    """Raise ``TivaxError`` where writing ``path`` would replace something."""
    if not force and path.exists() and not _is_empty_folder(path):
        raise TivaxError(f"{path}: exists already; --force replaces it")


def require_no_folder(path: Path) -> None:
    """Raise ``TivaxError`` where a file is to be written and ``path`` is a folder."""
    if path.is_dir():
        raise TivaxError(f"{path}: a folder; give --out the name of a file")


def require_writable(path: Path) -> None:
    """Raise ``TivaxError`` where ``path`` cannot be written, before long work.

    The only sure test is to write: a folder into the nearest one that exists.
    """
    path = Path(os.path.abspath(path))
    here = Path.cwd()
    if path == here or path in here.parents:
        raise TivaxError(
            f"{path}: the folder you are in; choose a new folder inside it for --out"
        )
    above = next(k for k in path.parents if k.exists())
    part = _part_name(above / path.name)
    try:
        part.mkdir()
        part.rmdir()
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}; choose another --out") from None


def remove_leftovers(path: Path) -> None:
    """Remove parts that a killed process left beside ``path`` an hour ago or more."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for part in path.parent.iterdir():
        if name.fullmatch(part.name):
            times = [k.stat().st_mtime for k in (part, *part.rglob("*"))]
            if time.time() - max(times) > _LEFTOVER_AGE:
                _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def partial_path(path: Path) -> Path:
    """A new hidden place beside ``path``, on the same disk, to write to first."""
    path = Path(os.path.abspath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}; choose another --out") from None
    return _part_name(path)


def _part_name(path: Path) -> Path:
    return path.parent / f".{path.name}.{uuid4().hex[:8]}.part"


def replace_path(part: Path, path: Path, *, force: bool) -> None:
    """Move ``part`` to ``path``; what was there goes only once the new is in place.

    A file never takes the place of a folder.
    """
    require_free(path, force=force)
    if part.is_file():
        require_no_folder(path)
    path = Path(os.path.abspath(path))
    old = None
    if path.exists():
        old = path.parent / f".{path.name}.{uuid4().hex[:8]}.old"
        path.rename(old)
    try:
        part.rename(path)
    except OSError:
        if old is not None:
            old.rename(path)
        raise
    if old is not None:
        _remove(old)
    remove_leftovers(path)


@contextmanager
def output_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to write into that becomes ``path`` when the block ends well.

    With ``force`` an older result folder is replaced as a whole, but only a folder
    that holds a manifest: anything else was not written by tivax.
    """
    require_result_place(path, force=force)
    part = partial_path(path)
    part.mkdir()
    try:
        yield part
        replace_path(part, path, force=force)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def require_result_place(path: Path, *, force: bool) -> None:
    """Raise ``TivaxError`` unless ``path`` is free, or older results and ``force``."""
    require_free(path, force=force)
    if path.exists() and not _is_empty_folder(path):
        if not (path / MANIFEST).is_file():
            raise TivaxError(
                f"{path}: not a result folder of tivax (no {MANIFEST}); "
                "--force does not replace it, choose another --out"
            )
    require_writable(path)


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
        files: list[dict[str, Any]] = []
        if path.exists():
            try:
                files = json.loads(path.read_text())["files"]
            except (ValueError, KeyError) as error:
                raise TivaxError(f"{path}: not a manifest of tivax") from error
        files = [k for k in files if k["name"] != entry["name"]] + [entry]
        manifest = self.manifest(
            residual_max=None, outputs=[k["name"] for k in files], files=files
        )
        part = partial_path(path)
        part.write_text(json.dumps(manifest, indent=1) + "\n")
        part.replace(path)

    def write_manifest(
        self, folder: Path, *, residual_max: float | None, **more: Any
    ) -> None:
        """Write ``manifest.json`` about the files in ``folder``."""
        outputs = [
            p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()
        ]
        manifest = self.manifest(residual_max=residual_max, outputs=outputs, **more)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
