"""Manifests: what a command read and wrote, with versions, sizes and checksums."""

import hashlib
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from .errors import Damaged, TivaxError, require_regular
from .jax_setup import processor_name
from .limits import physical_memory
from .output import lock_folder, real_path, sha256, write_text
from .progress import stage

MANIFEST = "manifest.json"
# Errors of a record that cannot be read, or has another form.
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
PACKAGES = (
    "jax jaxlib numpy pandas xarray zarr pyarrow pyfixest linearmodels scipy matplotlib"
).split()


def tivax_version() -> str:
    """The installed version of tivax."""
    return version("tivax")


def describe_system() -> dict[str, Any]:
    """Operating system, processor, cores, memory, and the most memory used so far.

    None for what the system does not report. The cores are those this process may use.
    """
    few = getattr(os, "sched_getaffinity", None)
    return {
        "os": platform.platform(),
        "processor": processor_name(),
        "cores": len(few(0)) if few else os.cpu_count(),
        "memory_bytes": physical_memory(),
        "peak_memory_bytes": _peak_memory(),
    }


def _peak_memory() -> int | None:
    """The largest resident memory of this process."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@cache
def installed_packages() -> dict[str, str]:
    """Every installed package that tivax needs, and those need, with its version."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    waiting = ["tivax"]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        with suppress(PackageNotFoundError):
            about = distribution(name)
            found[name] = about.version
            needs = [Requirement(k) for k in about.requires or ()]
            # Not what its tests, documentation and other extras need.
            waiting += [k.name for k in needs if "extra" not in str(k.marker or "")]
    del found["tivax"]
    return dict(sorted(found.items()))


def describe_environment(*, dated: bool = True) -> dict[str, str]:
    """Versions, device and date, for the foot of a report.

    Without the date, a run that is resumed on another day writes the same.
    """
    return {
        "tivax": tivax_version(),
        "jax": version("jax"),
        "numpy": version("numpy"),
        "device": _device(),
        "processor": processor_name(),
        **({"date": time.strftime("%Y-%m-%d")} if dated else {}),
    }


def _device() -> str:
    import jax

    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"


def read_listed(manifest: Path, command: str) -> dict[str, dict[str, Any]]:
    """Files listed in the manifest of an earlier run of ``command``: entries by name.

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
            f"{manifest}: not a manifest of tivax; force=True does not replace what "
            "lies there, choose another place",
            argument="force",
        ) from None
    if its != command:
        raise TivaxError(
            f"{where}: written by `tivax {its}`, and a command replaces only what it "
            "wrote itself; choose another place"
        )
    if listed is None:
        raise TivaxError(
            f"{where}: written by an older tivax, which did not record its files; "
            "remove it by hand, or choose another place"
        )
    if content.get("digest", digest := _digest(content)) != digest:
        raise _changed(manifest, its)
    return listed


def _changed(path: Path, command: str) -> TivaxError:
    return TivaxError(
        f"{path}: changed since `tivax {command}` wrote it, and force=True would "
        "remove it; move it away, or choose another place",
        argument="force",
    )


def require_as_listed(
    path: Path, entry: Mapping[str, Any] | None, command: str
) -> None:
    """Raise ``TivaxError`` unless a file is, to the byte, what ``command`` wrote.

    Every byte is read: a gigabyte takes a second or two, and took far longer to make.
    """
    if entry is None:
        raise TivaxError(
            f"{path}: not written by `tivax {command}`, and force=True would remove "
            "it; move it away, or choose another place",
            argument="force",
        )
    if path.is_symlink() or not path.is_file() or not _is_as_listed(path, entry):
        raise _changed(path, command)


def require_as_written(path: Path, entry: Mapping[str, Any], command: str) -> None:
    """Raise ``TivaxError`` unless a file that is read is what ``command`` wrote."""
    if not _is_as_listed(path, entry):
        raise Damaged(
            f"{path}: changed since `tivax {command}` wrote it; run the command again"
        )


def require_as_recorded(path: Path) -> None:
    """Raise ``TivaxError`` where a manifest beside a file says that it was otherwise.

    ``NAME.manifest.json`` of a panel, or that of the result folder; a file that none
    lists is the user's own.
    """
    for file in (path, real_path(path)):
        for name in (f"{file.stem}.{MANIFEST}", MANIFEST):
            command, entry = _entry(file.parent / name, file.name)
            if entry and not _is_as_listed(file, entry):
                raise Damaged(
                    f"{path}: changed since `tivax {command}` wrote it ({name}); run "
                    "the command again, or give a file of your own another name"
                )


def _entry(manifest: Path, name: str) -> tuple[str, dict[str, Any]]:
    """The command of a manifest and what it says of a file; empty where it does not."""
    with suppress(*_DAMAGED):
        content = json.loads(manifest.read_text(encoding="utf-8"))
        for entry in content["files"]:
            if entry["name"] == name and isinstance(entry["sha256"], str):
                return str(content["command"]), entry
    return "", {}


def _is_as_listed(path: Path, entry: Mapping[str, Any]) -> bool:
    same_size = path.stat().st_size == entry.get("bytes")
    return same_size and sha256(path) == entry.get("sha256")


def describe_input(path: Path, source: str | None = None) -> dict[str, Any]:
    """Path, SHA-256, size and database of an input, for the manifest.

    A store tells its database itself; without one there is no key ``source``.
    """
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    size = sum(p.stat().st_size for p in files)
    source = source or read_store_attributes(path).get("source")
    return {
        "path": str(path),
        "sha256": sha256(path),
        "bytes": size,
        **({"source": source} if source else {}),
    }


def read_store_attributes(path: Path) -> dict[str, Any]:
    """Attributes of a tivax store; empty for anything else."""
    require_regular(path / "zarr.json")
    with suppress(*_DAMAGED):
        text = (path / "zarr.json").read_text(encoding="utf-8")
        attributes = json.loads(text)["attributes"]
        return attributes if "tivax_format" in attributes else {}
    return {}


# Sources that are no published tables, as every result must name them.
_REBUILT = "rebuilt from national tables"
_ESTIMATED: dict[str, str] = {"rebuilt": _REBUILT, "national": _REBUILT}
_basis: ContextVar[str] = ContextVar("basis", default="")


def source_in_words(source: str) -> str:
    """Name of a source of tables, as results print it."""
    return _ESTIMATED.get(source, source)


def basis_text(source: str) -> str:
    """Note for results from estimated tables; "" for a source of published ones."""
    if source not in _ESTIMATED:
        return ""
    return f"Tables {_ESTIMATED[source]}: an estimate, not the published tables"


def basis_of(path: Path) -> str:
    """``basis_text`` of a store, or of what a result was made from."""
    if said := basis_text(read_store_attributes(path).get("source", "")):
        return said
    beside = path.parent / f"{path.stem}.{MANIFEST}"
    for manifest in (path / MANIFEST, beside, path.parent / MANIFEST):
        with suppress(*_DAMAGED):
            return str(json.loads(manifest.read_text("utf-8")).get("basis", ""))
    return ""


@contextmanager
def standing_on(basis: str) -> Iterator[None]:
    """Within the block figures and reports say what their tables are."""
    token = _basis.set(basis)
    try:
        yield
    finally:
        _basis.reset(token)


def basis() -> str:
    """Note on estimated tables for figures and reports written now; "" for none."""
    return _basis.get()


@dataclass
class Run:
    """The record of one command: the content of ``manifest.json``.

    ``sources`` are the databases of inputs by their paths, where these do not tell.
    """

    command: str
    inputs: Sequence[Path] = ()
    seed: int | None = None
    sources: Mapping[Path, str] = field(default_factory=dict)
    argv: list[str] = field(default_factory=lambda: list(sys.argv))
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.perf_counter)
    _ahead: "Future[list[dict[str, Any]]] | None" = field(default=None, repr=False)

    @property
    def basis(self) -> str:
        """Note on estimated tables among the inputs: see ``basis_of``."""
        return next(filter(None, map(basis_of, self.inputs)), "")

    def describe_ahead(self) -> None:
        """Read the inputs for the manifest beside what is computed from them.

        A command that ends early does not wait for it.
        """
        found: Future[list[dict[str, Any]]] = Future()

        def describe() -> None:
            try:
                found.set_result(self._inputs())
            except Exception as error:
                found.set_exception(error)

        self._ahead = found
        threading.Thread(target=describe, daemon=True).start()

    def _inputs(self) -> list[dict[str, Any]]:
        return [describe_input(k, self.sources.get(k)) for k in self.inputs]

    def manifest(
        self, *, residual_max: float | None, outputs: Sequence[str], **more: Any
    ) -> dict[str, Any]:
        """The manifest. Imports JAX only to name the device."""
        installed = installed_packages()
        content = {
            "command": self.command,
            "argv": self.argv,
            "tivax": tivax_version(),
            "python": platform.python_version(),
            "packages": {k: installed[k] for k in PACKAGES if k in installed},
            "started": self.started.isoformat(timespec="seconds"),
            "wall_s": round(time.perf_counter() - self._clock, 3),
            "seed": self.seed,
            "device": _device(),
            "inputs": self._ahead.result() if self._ahead else self._inputs(),
            **({"basis": said} if (said := self.basis) else {}),
            "residual_max": residual_max,
            "outputs": sorted(outputs),
            "system": describe_system(),
            "installed": installed,
            **more,
        }
        return {**content, "digest": _digest(content)}

    def add_to_manifest(self, folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
        """Write ``manifest.json`` of a folder that fills file by file, as downloads do.

        ``entry`` describes the file ``name``; entries of other files are kept. Returns
        its content.
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
        return manifest

    @stage("manifest")
    def write_manifest(
        self, folder: Path, *, residual_max: float | None, **more: Any
    ) -> dict[str, Any]:
        """Write ``manifest.json`` about the files in ``folder``; its content."""
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
        return manifest


def _digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of what a manifest says, but of the digest itself."""
    rest = {k: v for k, v in content.items() if k != "digest"}
    return hashlib.sha256(json.dumps(rest).encode()).hexdigest()


def read_manifest(
    path: Path, check: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """The content of a manifest; ``check`` raises errors of keys and types.

    Raises ``TivaxError`` for a damaged one, and for one that says something else than
    was written. Manifests of an older tivax have no digest.
    """
    require_regular(path)
    found: Any = None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lists = (found.get(k, ()) for k in ("files", "accounts", "inputs"))
        known = all(isinstance(k, dict) for one in lists for k in one)
        known = known and isinstance(found["command"], str)
        check(found)
    except _DAMAGED:
        known = False
    if not known:
        raise TivaxError(
            f"{path}: not a manifest of a tivax command, or damaged; run the command "
            "again"
        )
    if found.get("digest", digest := _digest(found)) != digest:
        raise Damaged(
            f"{path}: changed since `tivax {found['command']}` wrote it; run the "
            "command again"
        )
    return found


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
    with ExitStack() as held:
        while True:
            with suppress(BlockingIOError):
                lock_folder(folder, held)
                break
            time.sleep(0.05)
        yield
