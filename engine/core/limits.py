"""Largest accepted sizes of raw files, and the size of memory.

A file of a few hundred kilobytes can unpack to all of memory.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import TivaxError

GIB = 1 << 30
DEFAULT_MAX_SIZE = 4.0  # GiB; the largest file that is published has 1.5
# Allowed for each GiB: cells of a workbook or an array (the largest workbook has 8
# million), cells of a csv file, which are texts, and rows of a table in text (10,000).
CELLS, TEXT_CELLS, TEXT_LINES = 25_000_000, 5_000_000, 25_000
# A line is one row of a table. The longest published, 9,800 cells, has 0.25 MB.
_LINES = 1024

_limit: float | None = None


def set_max_size(gib: int | float) -> None:
    """Set the largest size in GiB of a raw file, or of one in an archive, unpacked.

    It holds for this process: it bounds the memory that a damaged file can take. A line
    of text may have 1/1024 of it. Raises ``TivaxError`` unless it is above 0.
    """
    global _limit
    from .arguments import require_kind  # takes NumPy along

    require_kind("max_size", gib, int | float, "a number of GiB, such as 4")
    if not gib > 0:
        raise TivaxError(
            f"max_size: give a number of GiB above 0, not {gib:g}", argument="max_size"
        )
    _limit = gib


@contextmanager
def size_limit(gib: int | float | None) -> Iterator[None]:
    """Files of this size may be read here; None leaves the limit as it is."""
    global _limit
    before = _limit
    if gib is not None:
        set_max_size(gib)
    try:
        yield
    finally:
        _limit = before


def max_size() -> float:
    """The limit in GiB: what was set, the environment's TIVAX_MAX_SIZE, or 4."""
    if _limit is None:
        given = os.environ.get("TIVAX_MAX_SIZE") or DEFAULT_MAX_SIZE
        try:
            set_max_size(float(given))
        except ValueError:
            raise TivaxError(f"TIVAX_MAX_SIZE={given}: give a number of GiB") from None
    assert _limit is not None
    return _limit


def require_size(name: str, size: int) -> None:
    """Raise ``TivaxError`` where ``size`` bytes are too many for one file."""
    if size > max_size() * GIB:
        raise _too_much(name, f"{max_size():g} GiB once unpacked")


def require_count(
    name: str, count: int, what: str = "cells", most: int = CELLS
) -> None:
    """Raise ``TivaxError`` for too many cells or lines: they take far more in memory
    than in the file. ``most`` are allowed for each GiB.
    """
    if count > max_size() * most:
        raise _too_much(name, f"{max_size() * most:,.0f} {what}")


def _too_much(name: str, most: str) -> TivaxError:
    return TivaxError(
        f"{name}: more than {most}; no published table has that, max_size= or "
        "TIVAX_MAX_SIZE allows more",
        argument="max_size",
    )


def longest_line() -> int:
    """The most bytes that a line of text may have."""
    return int(max_size() * GIB / _LINES)


def line_too_long(name: str, number: int) -> TivaxError:
    """The error for a line longer than ``longest_line``."""
    return TivaxError(
        f"{name}: line {number} is longer than {longest_line() / 2**20:g} MiB; not a "
        "published table; max_size= or TIVAX_MAX_SIZE allows more",
        argument="max_size",
    )


def require_regular(path: Path) -> None:
    """Raise ``TivaxError`` for a pipe, a socket or a device, which has no end."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise TivaxError(f"{path}: a pipe, a socket or a device; name a file or folder")


def machine_memory() -> int | None:
    """Bytes of the machine, or of its container where that has less."""
    if (found := physical_memory()) is None:
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else ""
    return min(found, int(text)) if text.isdigit() else found


def physical_memory() -> int | None:
    """Bytes of the machine; None where the system does not report them."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
