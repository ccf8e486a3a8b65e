"""What a published model gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


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
