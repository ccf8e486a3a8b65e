"""``tivax replicate``: compute, write, and print the findings."""

from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pandas as pd

from ...core import (
    Call,
    Format,
    Run,
    describe_environment,
    output_folder,
    require_result_place,
    stage,
)
from ...estimation import CONVENTION_NOTES
from ...panel import DataFiles, describe_losses, index_note
from ...papers.trade_imbalance import (
    STEPS,
    Replication,
    agreement,
    answer,
    changes_sentence,
    replicate,
    table_files,
    trade_files,
    write_replication,
)
from ...papers.trade_imbalance.report import page as replication_report
from ...papers.trade_imbalance.report.plots import Drawing
from ...papers.trade_imbalance.verdicts import verdicts
from ...reporting import Language, missing_font_note
from ..terminal import Terminal


def run_replication(
    files: DataFiles,
    out: Path,
    language: Language,
    helper: Call,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write the replication to ``out`` and print its findings.

    ``helper`` calls functions beside this process. Without ``figures`` there are only
    those of the report.
    """
    inputs = [
        *files.inputs(),
        *(edition.path for some in files.alternatives.values() for edition in some),
    ]
    tables = table_files(files)
    inputs += [*trade_files(files), *tables, *([files.tbi] if files.tbi else [])]
    sources = dict.fromkeys(tables, "wiod2013") | files.databases()
    run = Run("replicate", inputs=list(dict.fromkeys(inputs)), sources=sources)
    require_result_place(out, run, force=force, folders=files.places())
    if note := missing_font_note(language):
        terminal.warn(note)
    total = len(STEPS) + 2
    with (
        terminal.status("replicating") as status,
        output_folder(out, run, force=force) as folder,
        ExitStack() as of_step,
        # Frames are small: Arrow's labels take twice as long for each step on one.
        pd.option_context("mode.string_storage", "python"),
    ):
        drawing = Drawing(helper, language, files=figures)
        number = count(1)

        def said(step: str) -> None:
            status(f"step {next(number)} of {total}: {step}")
            of_step.close()
            of_step.enter_context(stage(step))

        result = replicate(files, said=said, drawing=drawing)
        said("tables and figures")
        run.seed = result.inference.seed if result.inference else None
        drawn = write_replication(
            result, folder, language, figures=figures, format=format, drawing=drawing
        )
        said("report")
        replication_report.write(
            folder / "report.html", result, drawn, describe_environment(), language
        )
        record = run.write_manifest(
            folder,
            residual_max=_residual_max(result),
            codes=files.codes,
            convention=CONVENTION_NOTES["stata"],
            rows=len(result.panel.frame),
            papers_data=not result.other_data,
            **agreement(result.comparison),
        )
    for line in _findings(result):
        terminal.print(line)
    terminal.finish(record, f"Open {out / 'report.html'}")


def _residual_max(result: Replication) -> float | None:
    parts = (result.panel, result.variants)
    solved = [k.residual_max for k in parts if k is not None]
    return max((k for k in solved if k is not None), default=None)


def _findings(result: Replication) -> list[str]:
    found, panel = agreement(result.comparison), result.panel
    sizes = result.comparison.drop_duplicates("sample").set_index("sample")["n"]
    other = result.other_data
    found_verdicts = verdicts(result)
    lines = [" ".join(answer(result, found_verdicts))]
    lines += [f"Not the paper's data: {reason}" for reason in other]
    if result.by_file is not None:
        lines.append(changes_sentence(result.comparison, result.by_file))
    lines += [
        f"Panel: {sizes['all']} rows = {sizes['developed']} developed + "
        f"{sizes['developing']} developing, recipe {panel.codes}",
        *describe_losses(panel),
        f"Index: {index_note(panel)}",
        f"{found['coefficients']} coefficients beside the print: gap "
        f"{found['mean_gap']:.3f} printed standard errors on average, "
        f"{found['largest_gap']:.3f} at most; {found['signs_equal']} signs and "
        f"{found['stars_equal']} star counts agree",
    ]
    own = result.table_1.dropna()
    where = "store" if result.files.store is not None else "file"
    if len(own):
        lines.append(
            f"Table 1: {len(own)} of {len(result.table_1)} printed values, gap "
            f"{own['difference'].abs().mean():.4f} on average, "
            f"{own['difference'].abs().max():.4f} at most (index from a {where})"
        )
    if result.files.store is None:
        lines.append(
            "Table 1 was not computed from world tables: no --tables of WIOD 2016 given"
        )
    lines += [f"{name} skipped: {why}" for name, why in result.skipped.items()]
    rule = ", the same rule on these data" if other else ""
    for verdict in found_verdicts:
        lines.append(
            f"{verdict.hypothesis}{rule}: {verdict.conclusion}. {verdict.statement} "
            f"{verdict.reason}"
        )
    return lines
