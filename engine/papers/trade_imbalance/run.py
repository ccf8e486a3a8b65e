"""One run of ``tivax replicate``: compute, write, and say what was found."""

from pathlib import Path
from typing import Any

import tivax as tx

from ...core import Call, Format, describe_environment
from ...reporting import Language
from .columns import agreement, index_note, losses_in_words
from .from_tables import changes_sentence
from .in_words import answer
from .replication import Computation, Told, run_steps
from .report import page
from .report.plots import Drawing, Figures
from .results import Replication
from .robustness import convention_in_words
from .verdicts import verdicts
from .write import write_replication


def inputs(files: tx.panel.DataFiles) -> dict[Path, str]:
    """Gross trade and world tables of the data folder, and their databases."""
    further = tx.panel.FurtherData(files)
    tables = dict.fromkeys(further.table_files, "wiod2013")
    return {**dict.fromkeys(further.trade_files, ""), **tables}


def run_paper(
    files: tx.panel.DataFiles,
    folder: Path,
    *,
    language: Language = "en",
    figures: bool = True,
    format: Format = "csv",
    told: Told,
    helper: Call | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Write the replication into ``folder``: facts for its manifest, and findings.

    ``told`` is called with the steps done, their number and the next one's title.
    ``helper`` draws figures. Without ``figures`` there are only those of the report.
    """
    drawing = helper and Drawing(helper, language, files=figures)
    given = {"figures": figures, "format": format, "drawing": drawing}
    drawn: Figures = {}

    def write() -> None:
        nonlocal drawn
        drawn = write_replication(work.result, folder, language, **given)

    def report() -> None:
        environment = describe_environment()
        page.write(folder / "report.html", work.result, drawn, environment, language)

    with Computation(files, drawing) as work:
        last = {"tables and figures": write, "report": report}
        run_steps(work.steps | last, told)
    result = work.result
    facts = {
        "seed": result.inference.seed if result.inference else None,
        "residual_max": _residual_max(result),
        "codes": files.codes,
        "convention": convention_in_words(next(iter(result.estimates.values()))),
        "rows": len(result.panel.frame),
        "papers_data": not result.other_data,
        **agreement(result.comparison),
    }
    return facts, _findings(result)


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
        *losses_in_words(panel),
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
    rule = "The same rule on these data: " if other else ""
    return [*lines, *(f"{rule}{verdict.in_words}" for verdict in found_verdicts)]
