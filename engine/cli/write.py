"""The one writer of results: files, report, manifest, and the lines at the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core import (
    DOUBTS,
    Progress,
    Run,
    output_folder,
    require_format,
    require_result_place,
    shift_progress,
)
from ..reporting import (
    Context,
    Joined,
    Result,
    missing_font_note,
    write_parts,
)
from .bundles import OutputOptions
from .terminal import Terminal, next_step

if TYPE_CHECKING:
    from ..core import Keeper
    from ..resampling import RunFile


def require_place(output: OutputOptions, run: Run) -> None:
    """Raise ``TivaxError`` for a format that is none, and for a place that cannot be
    written."""
    require_format(output.format)
    require_result_place(output.out, run, force=output.force)


def save_result(
    result: Result,
    run: Run,
    output: OutputOptions,
    context: Context | None = None,
    *,
    beside: Callable[[Path], None] | None = None,
) -> Mapping[str, Any]:
    """Write a result to its folder; returns the manifest.

    ``beside`` writes further files.
    """
    context = replace(context or Context(), title=output.title, language=output.words)
    with output_folder(output.out, run, force=output.force) as folder:
        write_parts(
            result,
            folder,
            format=require_format(output.format),
            figures=output.figures,
            context=context,
        )
        if beside is not None:
            beside(folder)
        return run.write_manifest(folder, **{**result.facts(), **context.facts})


def print_result(
    result: Result,
    record: Mapping[str, Any],
    output: OutputOptions,
    terminal: Terminal,
    context: Context | None = None,
    *ends: str,
) -> None:
    """Print the finding, what to open and what to type next.

    ``ends`` stand in place of packing the result for others.
    """
    terminal.language = output.words
    if note := missing_font_note(output.words):
        terminal.warn(note)
    for line in (*DOUBTS, *(context.notes if context else ())):
        terminal.print(line)
    told = result.page(output.words)
    for listing in told.listings() if result.printed else ():
        terminal.show(listing)
    for line in told.sentence.splitlines():
        terminal.print(line, said=True)
    page = output.out / ("report.html" if told.title else "")
    zipped = next_step("package", output.out, "--out", f"{output.out.name}.zip")
    terminal.finish(record, f"Open {page}", *(ends or (zipped,)))


def write_result(
    result: Result,
    run: Run,
    output: OutputOptions,
    terminal: Terminal,
    *ends: str,
    beside: Callable[[Path], None] | None = None,
    name: str = "",
    more: str = "",
    notes: Sequence[str] = (),
    codes: pd.DataFrame | None = None,
    **facts: Any,
) -> None:
    """Write a result to its folder and print its finding.

    ``name``, ``more``, ``notes``, ``codes`` and ``facts`` as in ``Context``.
    """
    context = Context(name, more, notes, codes, facts)
    record = save_result(result, run, output, context, beside=beside)
    print_result(result, record, output, terminal, context, *ends)


def piece_of(progress: Progress, number: int, pieces: int, size: int) -> Progress:
    """Progress of a piece, which counts itself in its own way, as ``size`` units."""
    shifted = shift_progress(progress, number * size, pieces * size)
    return lambda done, of: shifted(size * done // of, size)


def write_joined(
    command: str,
    run: "RunFile",
    evaluate: "Callable[[RunFile, Progress, Keeper], Sequence[Result]]",
    output: OutputOptions,
    terminal: Terminal,
    *,
    unit: str,
) -> None:
    """Evaluate the models of a run file and write the results as one.

    What is drawn of them is kept as it comes, and counted in ``unit``.
    """
    from ..core import Job  # JAX, which other writers do without

    started = Run(command, inputs=[run.path, *run.panels], seed=run.seed)
    require_place(output, started)
    identity = {
        **run.identity,
        "options": [run.toml.values.get(k) for k in ("threats", "curve")],
    }
    job = Job(output.out, command, identity, unit=unit)
    with job.resumed(terminal.print, force=output.force):
        with (
            job.making(),
            terminal.progress("drawing", "draws") as progress,
        ):
            found = Joined(tuple(evaluate(run, progress, job.keeper)))
        write_result(found, started, output, terminal, more=f"seed {run.seed}")
