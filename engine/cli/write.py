"""The one writer of results: files, report, manifest, and the lines at the end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import Progress, Run, output_folder, require_format, require_result_place
from ..reporting import Joined, Result, write_parts
from .bundles import Output
from .terminal import Terminal

if TYPE_CHECKING:
    from ..resampling import RunFile


def require_place(output: Output, run: Run) -> None:
    """Raise ``TivaxError`` for a format that is none, and for a place that cannot be
    written."""
    require_format(output.format)
    require_result_place(output.out, run, force=output.force)


def write_result(
    result: Result,
    run: Run,
    output: Output,
    terminal: Terminal,
    *,
    name: str = "",
    more: str = "",
    beside: Callable[[Path], None] | None = None,
    **facts: Any,
) -> None:
    """Write a result to its folder and print its finding.

    ``name`` and ``more`` are added to the title and the subtitle of the report,
    ``facts`` to the manifest; ``beside`` writes further files into the folder.
    """
    with output_folder(output.out, run, force=output.force) as folder:
        write_parts(
            result,
            folder,
            format=require_format(output.format),
            figures=output.figures,
            name=name,
            more=more,
        )
        if beside is not None:
            beside(folder)
        record = run.write_manifest(folder, **result.facts(), **facts)
    for line in result.sentence.splitlines():
        terminal.print(line)
    page = output.out / "report.html"
    terminal.finish(record, f"Open {page if result.report_title else output.out}")


def write_joined(
    command: str,
    run: "RunFile",
    evaluate: "Callable[[RunFile, Progress], Sequence[Result]]",
    output: Output,
    terminal: Terminal,
    *,
    unit: str,
) -> None:
    """Evaluate the models of a run file and write the results as one.

    What is drawn of them is kept as it comes, and counted in ``unit``.
    """
    from ..core import Job, keeping  # JAX, which other writers do without

    started = Run(command, inputs=[run.path, *run.panels], seed=run.seed)
    require_place(output, started)
    identity = {
        **run.identity,
        "options": [run.toml.values.get(k) for k in ("threats", "curve")],
    }
    job = Job(output.out, command, identity, unit=unit)
    with job.resumed(terminal.print, force=output.force):
        with (
            keeping(job),
            job.making(),
            terminal.progress("drawing", "draws") as progress,
        ):
            found = Joined(tuple(evaluate(run, progress)))
        more = f"seed {run.seed}"
        write_result(found, started, output, terminal, name=run.path.stem, more=more)
