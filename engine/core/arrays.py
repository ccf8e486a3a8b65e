"""Arrays in float64, where JAX on a CPU takes them without a copy."""

import math
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import numpy as np

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
