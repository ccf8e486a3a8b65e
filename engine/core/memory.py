"""Arrays that JAX on a CPU takes without a copy."""

import math

import numpy as np

# XLA's alignment. NumPy's own large arrays start 16 bytes after such a boundary, and
# are copied: for a year of 2464 industries that takes as long as its solve.
_BOUNDARY = 64


def aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised float64 array that starts on a 64-byte boundary."""
    size = 8 * math.prod(shape)
    buffer = np.empty(size + _BOUNDARY, np.uint8)
    start = -buffer.ctypes.data % _BOUNDARY
    return buffer[start : start + size].view(np.float64).reshape(shape)
