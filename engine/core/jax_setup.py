"""Start JAX for a program: float64, and compiled programs kept between runs."""

import ctypes
import logging
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from .choose import require_choice
from .errors import TivaxError
from .progress import stage

_UNREADABLE = "Error reading persistent compilation cache entry"


def start_jax(device: str | None = None) -> None:
    """float64, and compiled programs kept in the user's cache folder.

    One sub-folder for each jax version and processor model: a program compiled for
    another processor would be loaded with errors. TIVAX_CACHE moves the folder,
    an empty value turns it off.

    ``device`` is cpu or gpu, by default what JAX prefers; gpu:4 uses so many of them,
    by default all. A processor is one device, and is divided into several where more
    are asked for.

    Raises ``TivaxError`` for a device that JAX does not have, or too few of them.
    """
    import jax

    _keep_memory()
    device, devices = _parsed(device)
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    if devices is not None:
        jax.config.update("jax_num_cpu_devices", devices)
        jax.config.update(
            "jax_cuda_visible_devices", ",".join(map(str, range(devices)))
        )

    # Other libraries lower the level of all loggers; JAX then reports the devices
    # that it did not find.
    logging.getLogger("jax").setLevel(logging.WARNING)
    if (own := logging.getLogger("tivax")).level == logging.NOTSET:
        own.setLevel(logging.WARNING)  # not the root's, which imports change meanwhile
    _log_compiling()
    jax.config.update("jax_enable_x64", True)
    if (folder := compilation_cache()) is not None and _writable(folder):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        # A part of a program, which another process is just writing, counts as none.
        warnings.filterwarnings("ignore", _UNREADABLE, UserWarning)
    if device == "gpu" or devices is not None:
        _require_devices(device, devices)


# Of glibc's mallopt. Arrays below so many bytes are taken from memory that was in use
# before, of which so much is kept, in one place for all threads: each thread's own
# place ends at 64 MiB, and gives larger arrays back.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8
_REUSED, _KEPT = 1 << 29, 1 << 30


@cache
def _keep_memory() -> None:
    """Use the memory of freed arrays again, in place of giving it back at once.

    The system clears each page that it hands out, 0.5 ms a MB: a quarter of the time
    of a streamed year of 9,800 industries. Nothing to do where there is no mallopt:
    other systems keep memory by themselves.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _REUSED)
    mallopt(_TRIM_THRESHOLD, _KEPT)
    mallopt(_ARENA_MAX, 1)


DEVICES = ("cpu", "gpu")


def _parsed(device: str | None) -> tuple[str | None, int | None]:
    """``gpu:4``: the kind of device, and how many of them."""
    if device is None:
        return None, None
    kind, colon, count = device.partition(":")
    require_choice("--device", kind, DEVICES)
    if colon and not (count.isdigit() and int(count)):
        raise TivaxError(f"--device {device}: write {kind}:N, such as {kind}:2")
    return kind, int(count) if colon else None


def _require_devices(device: str | None, devices: int | None) -> None:
    import jax

    found = jax.local_devices()
    kind = found[0].platform
    if device == "gpu" and kind != "gpu":
        raise TivaxError(
            "--device gpu: JAX sees none; `tivax list devices` lists what there is, "
            'and pip install ".[cuda]" adds the CUDA plugin'
        )
    if devices is not None and len(found) != devices:
        raise TivaxError(
            f"--device {device}:{devices}: JAX uses {len(found)} of kind {kind}; "
            "`tivax list devices` lists them"
        )


# Events of ``jax.monitoring`` that count as compiling, and what a log tells of them.
_EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "",
    "/jax/core/compile/backend_compile_duration": "a program compiled or loaded",
}


@cache
def _log_compiling() -> None:
    """Tell ``stage`` and the logger ``tivax`` how long each program took to compile."""
    import jax

    log = logging.getLogger("tivax")

    def begin(event: str, *_: object, **__: object) -> None:
        stage.compiling += event in _EVENTS

    def tell(event: str, duration_secs: float, **_: object) -> None:
        if event in _EVENTS:
            stage.compiling -= 1
            stage.move(duration_secs, "compiling")
            if _EVENTS[event]:
                log.info("%s: %.2f s", _EVENTS[event], duration_secs)

    jax.monitoring.register_scalar_listener(begin)
    jax.monitoring.register_event_duration_secs_listener(tell)


def _writable(folder: Path) -> bool:
    """Without a cache tivax compiles each time, and JAX need not warn."""
    try:
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK) and _is_private(folder)


def cache_folder() -> Path | None:
    """The user's cache folder of tivax, or None where the cache is turned off, or
    others may write to it: what lies there is run as it is."""
    import platformdirs

    root = os.environ.get("TIVAX_CACHE", platformdirs.user_cache_dir("tivax"))
    return Path(root) if root and _is_private(Path(root)) else None


@cache
def _is_private(folder: Path) -> bool:
    """Check that only the user can write to a folder, if it exists; warn if not."""
    if not hasattr(os, "geteuid") or not folder.exists():  # Windows has no such modes
        return True
    status = folder.stat()
    if status.st_uid != os.geteuid():
        why = "it belongs to another user; set TIVAX_CACHE to a folder of your own"
    elif status.st_mode & 0o022:
        why = "others may write to it; `chmod go-w` it, or set TIVAX_CACHE to another"
    else:
        return True
    logging.getLogger("tivax").warning("%s: not used as the cache: %s", folder, why)
    return False


def compilation_cache() -> Path | None:
    """Folder for compiled programs, or None where the cache is turned off."""
    if (root := cache_folder()) is None:
        return None
    machine = sha256(processor().encode()).hexdigest()[:8]
    return root / f"jax-{version('jax')}-{machine}"


def processor() -> str:
    """The processor's model and features, as far as the system reports them."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        keys = ("model name", "flags", "CPU part", "Features")
        return "\n".join(dict.fromkeys(k for k in lines if k.startswith(keys)))
    return f"{platform.machine()} {platform.processor()}"


def processor_name() -> str:
    """The processor's model name, for tables of times."""
    for line in processor().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def blas_on_one_thread() -> None:
    """Import NumPy and SciPy so that their BLAS and LAPACK use one thread; JAX keeps
    its own threads, but has small matrices solved by SciPy's LAPACK.

    For hundreds of regressions beside bootstraps: threads for products so small wait
    for each other, on a busy machine many times as long as the products take.
    """
    name = "OPENBLAS_NUM_THREADS"
    if name not in os.environ:
        os.environ[name] = "1"
        for library in ("numpy", "scipy.linalg"):  # each has its own, and reads it once
            import_module(library)
        del os.environ[name]


@contextmanager
def root_logger_kept() -> Iterator[None]:
    """Without the handler and level that importing pyfixest or pymrio gives to the root
    logger: they would print what other libraries log."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in [k for k in root.handlers if k not in handlers]:
            root.removeHandler(handler)
