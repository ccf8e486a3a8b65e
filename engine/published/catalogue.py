"""The published models, by name."""

from collections.abc import Callable
from pathlib import Path

from ..core import NOT_KEPT, Keeper, Progress, TivaxError, no_progress, suggest
from .complex_europe import complex_europe
from .liberation_day import liberation_day
from .nafta import nafta
from .result import Published
from .tariff_war import tariff_war

_SOLVERS: dict[str, Callable[..., Published]] = {
    "liberation-day": liberation_day,
    "nafta": nafta,
    "tariff-war": tariff_war,
    "complex-europe": complex_europe,
}
_DRAWN = "complex-europe"  # its numbers are means over draws of parameters


def solve_published(
    name: str,
    folder: Path,
    *,
    draws: int | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Published:
    """A published model by name (``liberation-day``) from a folder of data.

    ``draws`` are the first so many of a model that has draws of its parameters, by
    default all. Raises ``TivaxError`` for another name, and for data that are missing
    or damaged.
    """
    if name not in _SOLVERS:
        raise TivaxError(f"--example {name}: {suggest(name, _SOLVERS)}")
    if not folder.is_dir():
        raise TivaxError(f"{folder}: no such folder")
    if name == _DRAWN:
        told = {"progress": progress, "keeper": keeper}
        return complex_europe(folder, draws=draws, **told)
    if draws is not None:
        raise TivaxError(f"--draws: {name} has no draws; leave it out")
    return _SOLVERS[name](folder)
