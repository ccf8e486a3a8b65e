"""``tivax bootstrap`` and ``tivax placebo``: the run file, and several processes."""

import os
import sys
from pathlib import Path

from ...core import Machines, TivaxError, print_last
from ...paper import paper_models
from ...resampling import read_run_file, with_overrides
from ..endings import ending_of
from ..terminal import Terminal


def run_drawing(
    command: str,
    path: Path,
    out: Path,
    *,
    draws: int | None,
    seed: int | None,
    machines: Machines,
    force: bool,
    terminal: Terminal,
) -> None:
    """Make the draws of the run file; one with another kind of scheme is refused."""
    run = with_overrides(read_run_file(path, {"paper": paper_models()}), draws, seed)
    kind = run.scheme.kind
    if (kind == "placebo") != (command == "placebo"):
        other = "placebo" if kind == "placebo" else "bootstrap"
        raise TivaxError(f"{path}: kind = {kind!r} is a job of `tivax {other}`")
    several = machines.start()
    from .bootstrap import run_experiment

    try:
        run_experiment(run, out, command, force=force, terminal=terminal)
    except BaseException as error:
        ending = ending_of(error) if several else None
        if ending is None:
            raise
        # An ordinary end waits for the other processes, and they for this one.
        print_last(ending[0])
        sys.stdout.flush()
        os._exit(ending[1])
