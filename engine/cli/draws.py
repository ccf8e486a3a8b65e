"""Rows that a command draws or solves, kept until its results are there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from jaxtyping import Float

from ..core import Job
from .bundles import OutputOptions
from .terminal import Terminal


@contextmanager
def filled(
    job: Job,
    makers: Sequence[Callable[[int], Iterator[np.ndarray]]],
    output: OutputOptions,
    terminal: Terminal,
    what: str = "drawing",
    unit: str = "draws",
) -> Iterator[list[Float[np.ndarray, "k size"]]]:
    """All rows of each part of a job; the same command goes on with those that are
    there. ``makers`` make those of a part from a row on."""
    with job.resumed(terminal.print, force=output.force):
        with terminal.progress(what, unit) as progress:
            job.fill(lambda k, start: makers[k](start), progress)
        yield [np.concatenate([*part.windows()]) for part in job.parts]
