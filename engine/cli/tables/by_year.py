"""Commands whose table is computed while it is written, by all processes of the job."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...core import is_first
from ...measures import Account, ByYear
from ...reporting import Context
from ..bundles import OutputOptions
from ..terminal import Terminal, next_step
from ..write import print_result, save_result
from .subject import Subject


def run_by_year(
    subject: Subject,
    output: OutputOptions,
    terminal: Terminal,
    found: ByYear,
    context: Context,
    files: Sequence[Path] = (),
) -> None:
    """Compute and write year after year, then print what was found.

    ``files`` were read besides those of the subject.
    """
    run = subject.begin(found.program, output, files)
    names = [Account(k).name for k in subject.accounts]
    with subject.shared_years(
        output, run, terminal, **found.options, value_added=names
    ) as keeper:
        found = replace(found, keeper=keeper)
        if not is_first():
            for _ in found.compute():
                pass
            return
        with terminal.progress(found.doing, "years") as progress:
            found = replace(found, progress=progress)
            record = save_result(found, run, output, context)
    further = next_step("explore", output.out, "--out", "explorer.html")
    print_result(found, record, output, terminal, context, further)
