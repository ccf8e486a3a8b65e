"""One run of ``tivax replicate``: compute, write, and say what was found."""

from pathlib import Path
from typing import Any

import tivax as tx

from ...core import Call, Format, describe_environment
from ...reporting import Language
from .columns import agreement, index_note
from .replication import Computation, Told, run_steps
from .report import page
from .report.answer import answer, verdict_in_words
from .report.from_tables import changes_sentence
from .report.plots import Drawing, Figures
from .report.texts import report_words
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
    return facts, _findings(result, language)


def _residual_max(result: Replication) -> float | None:
    parts = (result.panel, result.variants)
    solved = [k.residual_max for k in parts if k is not None]
    return max((k for k in solved if k is not None), default=None)


def _findings(result: Replication, language: Language) -> list[str]:
    """The lines that the command prints."""
    words, panel, own = report_words(language), result.panel, result.table_1.dropna()
    found, sizes = agreement(result.comparison), result.comparison
    told = verdicts(result)
    lines = [words.listed(answer(result, told, words), " ")]
    lines += [words.text("not its data", why=why) for why in result.other_data]
    if result.by_file is not None:
        lines.append(changes_sentence(result.comparison, result.by_file, words))
    sizes = sizes.drop_duplicates("sample").set_index("sample")["n"]
    lines += [
        words.text("panel", sizes=sizes, codes=panel.codes),
        *(words.text("lost", iso3=k.iso3, why=k.why) for k in panel.losses),
        words.text("index note", note=index_note(panel)),
        words.text("agreement", **found),
    ]
    from_file = result.files.store is None
    if len(own):
        gaps = own["difference"].abs()
        given = {"there": len(own), "mean": gaps.mean(), "most": gaps.max()}
        name = "index of file met" if from_file else "index of store met"
        lines.append(words.text(name, count=len(result.table_1), **given))
    if from_file:
        lines.append(words.text("no tables given"))
    skipped = result.skipped.items()
    lines += [words.text("skipped", step=step, why=why) for step, why in skipped]
    said = [verdict_in_words(verdict, words) for verdict in told]
    if result.other_data:
        said = [words.text("rule on others", said=k) for k in said]
    return [*lines, *said]
