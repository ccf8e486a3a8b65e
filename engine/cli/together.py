"""A command that several processes run as one: the first writes, all compute."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core import (
    Machines,
    Run,
    TivaxError,
    is_first,
    print_last,
    sha256,
    sharing,
    tivax_version,
    together,
)
from .endings import ending_of
from .terminal import Terminal


class LostProcess(TivaxError):
    """Another process of the job has ended; JAX cannot go on or shut down."""


@contextmanager
def as_one(
    coordinator: str | None, processes: int | None, process_id: int | None
) -> Iterator[bool]:
    """Run the block with the other processes of the job, if there are any; True in the
    one that writes and prints. An error there ends the process at once."""
    several = Machines(coordinator, processes, process_id).start()
    try:
        yield is_first()
    except BaseException as error:
        ending = ending_of(error) if several else None
        if ending is None:
            raise
        # An ordinary end waits for the other processes, and they for this one.
        print_last(ending[0])
        sys.stdout.flush()
        os._exit(ending[1])


@contextmanager
def all_there(kept: Callable[[], str] = str) -> Iterator[None]:
    """Turn JAX's errors about a lost process into a TivaxError with instructions.

    ``kept`` says what there is already. Raises ``LostProcess``. Gloo's errors come as
    either kind, with a status in front.
    """
    import jax

    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if jax.process_count() == 1 or not re.match("[A-Z_]+: ", str(error)):
            raise
        line = str(error).splitlines()[0][:120]
        raise LostProcess(
            f"another process of the job has ended ({line}); {kept()}"
            "start all processes again and the run goes on"
        ) from None


@contextmanager
def shared_years(
    out: Path,
    run: Run,
    years: Sequence[int],
    terminal: Terminal,
    *,
    force: bool,
    **options: Any,
) -> Iterator[None]:
    """Divide the years of the block among the processes of the job.

    Each keeps its years beside ``out`` until the results are there, so that a job that
    was stopped goes on, with all processes or one. ``options``: what years depend on
    besides the inputs of the run.
    """
    import jax

    from ..resampling import checkpoint, unfinished

    folder = unfinished(out)
    if jax.process_count() == 1 and not folder.exists():
        yield
        return

    def kept_years() -> str:
        return "the years that were finished are kept; "

    if not is_first():
        with all_there(kept_years):
            together()
            with sharing(folder):
                yield
        return
    identity = _identity(run, years, options)
    with checkpoint(out, (), identity, force=force) as found, all_there(kept_years):
        if jax.process_count() > 1:
            together()  # the folder is there for all
        with sharing(found.folder) as parts:
            if parts.kept:
                terminal.print(f"Going on: {parts.kept} parts of the years are kept")
            yield


def _identity(
    run: Run, years: Sequence[int], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What the years that a command computes depend on."""
    from importlib.metadata import version

    import jax

    return {
        "command": run.command,
        "inputs": [sha256(path) for path in run.inputs],
        "years": [*years],
        "tivax": tivax_version(),
        "jax": version("jax"),
        "platform": jax.default_backend(),
        **options,
    }
