"""``tivax replicate``: run a paper's folder, write, and print the findings."""

from contextlib import ExitStack
from typing import Any

import pandas as pd

from ...core import (
    Call,
    Run,
    output_folder,
    require_format,
    require_result_place,
    stage,
)
from ...panel import DataFiles
from ...reporting import missing_font_note
from ..bundles import OutputOptions
from ..terminal import Terminal


def run_replication(
    paper: Any,
    files: DataFiles,
    output: OutputOptions,
    helper: Call,
    terminal: Terminal,
) -> None:
    """Write the replication of a paper (``get_paper``), print its findings.

    ``helper`` calls functions beside this process. Without figures there are only
    those of the report.
    """
    out, force = output.out, output.force
    further = paper.inputs(files)
    read = [
        *files.inputs(),
        *(edition.path for some in files.alternatives.values() for edition in some),
        *further,
        *([files.tbi] if files.tbi else []),
    ]
    named = {path: database for path, database in further.items() if database}
    sources = named | files.databases()
    run = Run("replicate", inputs=list(dict.fromkeys(read)), sources=sources)
    require_result_place(out, run, force=force, folders=files.places())
    terminal.language = output.words
    if note := missing_font_note(output.words):
        terminal.warn(note)
    with (
        terminal.status("replicating") as status,
        output_folder(out, run, force=force) as folder,
        ExitStack() as of_step,
        # Frames are small: Arrow's labels take twice as long for each step on one.
        pd.option_context("mode.string_storage", "python"),
    ):

        def told(done: int, total: int, title: str) -> None:
            of_step.close()
            if title:
                status(f"step {done + 1} of {total}: {title}")
                of_step.enter_context(stage(title))

        facts, findings = paper.run_paper(
            files,
            folder,
            language=output.words,
            figures=output.figures,
            format=require_format(output.format),
            told=told,
            helper=helper,
        )
        run.seed = facts.pop("seed", None)
        record = run.write_manifest(folder, **facts)
    for line in findings:
        terminal.print(line)
    terminal.finish(record, f"Open {out / 'report.html'}")
