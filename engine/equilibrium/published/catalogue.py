"""The published models, by name."""

from collections.abc import Callable
from pathlib import Path

from ...core import TivaxError, suggest
from .liberation_day import liberation_day
from .nafta import nafta
from .result import Published
from .tariff_war import tariff_war

_SOLVERS: dict[str, Callable[[Path], Published]] = {
    "liberation-day": liberation_day,
    "nafta": nafta,
    "tariff-war": tariff_war,
}


def solve_published(name: str, folder: Path) -> Published:
    """A published model by name (``liberation-day``) from a folder of data.

    Raises ``TivaxError`` for another name, and for data that are missing or damaged.
    """
    if name not in _SOLVERS:
        raise TivaxError(f"--example {name}: {suggest(name, _SOLVERS)}")
    if not folder.is_dir():
        raise TivaxError(f"{folder}: no such folder")
    return _SOLVERS[name](folder)
