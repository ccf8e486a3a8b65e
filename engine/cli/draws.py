"""Draws of a measure of tables that a command makes, kept until its results are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import Job, Part, Run
from ..errors import MeasuredDraws
from .bundles import OutputOptions
from .terminal import Terminal


@contextmanager
def kept_draws(
    run: Run,
    output: OutputOptions,
    terminal: Terminal,
    draws: MeasuredDraws,
    identity: Mapping[str, Any],
) -> Iterator[Float[np.ndarray, "k size"]]:
    """All draws; the same command goes on with those that are there.

    ``identity`` is what they depend on besides the tables and their errors.
    """
    whole = {**identity, **draws.record, "years": [*draws.years]}
    job = Job(output.out, run.command, whole, [Part(draws.count, draws.size)])
    with job.resumed(terminal.print, force=output.force):
        with terminal.progress("drawing", "draws") as progress:
            job.fill(lambda _, start: draws.rows(start), progress)
        yield np.concatenate([*job.parts[0].windows()])
