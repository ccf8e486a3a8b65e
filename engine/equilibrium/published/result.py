"""What a published model gives, and which models there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...core import TivaxError, suggest


@dataclass(frozen=True, eq=False)
class Published:
    """A published model's tables, from its authors' data.

    Attributes
    ----------
    title
        Authors, year, size.
    frames
        Tables by the name of their file: ``tables`` (table, row, column, value) in the
        words of the paper, and others alike; ``equilibria`` (equilibrium, residual,
        dropped, dropped_residual) has the largest miss of an equation, the market that
        the numeraire stands for, and what it misses of its income.
    residual
        The largest of all that should be zero.
    inputs
        Files that were read.
    lines
        What a reader must know, in sentences.
    """

    title: str
    frames: Mapping[str, pd.DataFrame]
    residual: float
    inputs: Sequence[Path]
    lines: Sequence[str] = ()


def solve_published(name: str, folder: Path) -> Published:
    """A published model by name (``liberation-day``, ``nafta``) from a folder of data.

    Raises ``TivaxError`` for another name, and for data that are missing or damaged.
    """
    if name not in _SOLVERS:
        raise TivaxError(
            f"--example {name}: {suggest(name, _SOLVERS)}; there are "
            f"{', '.join(_SOLVERS)}"
        )
    if not folder.is_dir():
        raise TivaxError(f"{folder}: no such folder")
    return _SOLVERS[name](folder)


def _liberation_day(folder: Path) -> Published:
    from .liberation_day import liberation_day

    return liberation_day(folder)


def _nafta(folder: Path) -> Published:
    from .nafta import nafta

    return nafta(folder)


_SOLVERS: dict[str, Callable[[Path], Published]] = {
    "liberation-day": _liberation_day,
    "nafta": _nafta,
}
