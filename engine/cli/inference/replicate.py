"""``tivax replicate``: run a paper's folder, write, and print the findings."""

from collections.abc import Mapping
from contextlib import ExitStack
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from ...core import (
    Call,
    Job,
    NotFound,
    Run,
    TivaxError,
    output_folder,
    require_format,
    require_result_place,
    sha256,
    stage,
)
from ...panel import DataFiles
from ...reporting import missing_font_note
from ..bundles import OutputOptions
from ..terminal import Terminal
from ..write import require_place, write_result


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


def solve_paper(
    paper: Any,
    name: str,
    data: Path,
    given: Mapping[str, object],
    output: OutputOptions,
    terminal: Terminal,
) -> None:
    """Write the result of a paper that is solved (``get_paper``), from its authors'
    data; draws are kept as they come. ``given`` are options that not each paper takes.
    """
    taken, draws = signature(paper.solve_paper).parameters, given["--draws"]
    for option, value in given.items():
        if value is not None and option.removeprefix("--") not in taken:
            raise TivaxError(f"{option} {value}: {name} takes none; leave it out")
    before = Run("replicate", inputs=[data])
    require_place(output, before)
    if not data.is_dir():
        raise NotFound(f"{data}: no such folder")
    files = [sha256(path) for path in sorted(data.glob("*")) if path.is_file()]
    identity = {"paper": name, "draws": draws, "data": files}
    job = Job(output.out, "replicate", identity, unit="draws")
    with job.resumed(terminal.print, force=output.force):
        with (
            job.making(),
            terminal.progress("replicate", "equilibria") as progress,
        ):
            more = {"draws": draws, "progress": progress, "keeper": job.keeper}
            more = {k: v for k, v in more.items() if k in taken}
            found = paper.solve_paper(data, **more)
        started = Run("replicate", inputs=[*found.inputs], started=before.started)
        facts: Any = {"paper": name, "kind": "exact-hat"}
        write_result(found, started, output, terminal, name=name, **facts)
