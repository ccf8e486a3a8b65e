"""The one writer of results: files, report, manifest, and the lines at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core import Run, output_folder, require_format, require_result_place
from ..reporting import Result, write_parts
from .bundles import Output
from .terminal import Terminal


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
