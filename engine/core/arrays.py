"""Arrays in float64, where JAX on a CPU takes them without a copy; files of arrays."""

import math
import zipfile
import zlib
from collections.abc import Callable, Container
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import google_crc32c
import jax
import numpy as np

from .errors import TivaxError

P = ParamSpec("P")


R = TypeVar("R")


def in_float64(run: Callable[P, R]) -> Callable[P, R]:
    """Run a function with JAX's 64-bit types, whatever the program has set.

    JAX is in single precision unless a program switches, and tables in single precision
    cannot be solved to the accuracy that the engine promises.
    """

    @wraps(run)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.enable_x64(True):
            return run(*args, **kwargs)

    return inside


# XLA's alignment. NumPy's own large arrays start 16 bytes after such a boundary, and
# are copied: for a year of 2464 industries that takes as long as its solve.
_BOUNDARY = 64


def aligned_empty(shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    """An uninitialised array that starts on a 64-byte boundary."""
    size = np.dtype(dtype).itemsize * math.prod(shape)
    buffer = np.empty(size + _BOUNDARY, np.uint8)
    start = -buffer.ctypes.data % _BOUNDARY
    return buffer[start : start + size].view(dtype).reshape(shape)


def checksum(values: np.ndarray | bytes, before: int = 0) -> int:
    """CRC-32C of bytes, or of the bytes of a contiguous array; ``before`` is that of
    what comes before them."""
    data = values if isinstance(values, bytes) else values.reshape(-1).view(np.uint8)
    return google_crc32c.extend(before, data)  # pyright: ignore[reportArgumentType]


def read_npz(path: Path, names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name, those of ``names`` or all.

    Raises ``TivaxError`` for another kind of file, a damaged one, and for objects of
    Python, which could run code.
    """
    try:
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as file:
                wanted = [k for k in file.files if names is None or k in names]
                return {name: file[name] for name in wanted}
        why = "it is no archive of arrays, or cut short"
    except ValueError as error:
        objects = "allow_pickle" in str(error)
        why = "objects of Python are not read" if objects else "it is damaged"
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        why = "it is damaged"
    raise TivaxError(
        f"{path}: not an .npz of plain arrays ({why}); save it by np.savez, labels as "
        "np.array([...], dtype=str)"
    )
