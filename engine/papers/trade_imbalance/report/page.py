"""The report of a replication: its page, and the order of its sections.

Six pages in print: the answer, one table, one figure, hypotheses, caveats. Everything
else is an appendix, folded.

Every number in its sentences comes from the results; on other data the sentences
change with them. Each section is worded in the templates ``report.*.md``, and filled in
the module of its subject.
"""

from collections.abc import Mapping
from pathlib import Path

from ....present.words import Words
from ....reporting import Language, report_html
from ..results import Replication
from ..verdicts import verdicts
from . import (
    data,
    findings,
    from_tables,
    front,
    groups,
    inference,
    robustness,
    specifications,
    threats,
)
from .plots import Figures
from .texts import report_words


def titles(result: Replication, words: Words) -> tuple[str, str]:
    """Title and subtitle: the paper recomputed, or its models on other data."""
    paper = words.text("paper")
    if not result.other_data:
        return words.text("title"), words.text("subtitle", paper=paper)
    panel = result.panel
    years = panel.frame["year"]
    given = {"countries": len(panel.countries), "first": years.min()}
    return (
        words.text("title elsewhere", last=years.max(), **given),
        words.text("subtitle elsewhere", paper=paper),
    )


def write(
    path: Path,
    result: Replication,
    figures: Figures,
    footer: Mapping[str, str],
    language: Language = "en",
) -> None:
    """Write the report to ``path``, one self-contained HTML file."""
    found, words = verdicts(result), report_words(language)
    sections = [
        front.the_answer(result, found, words),
        front.seventeen_columns(result, words),
        front.threatened(result, figures, words),
        front.hypotheses(result, found, words),
        findings.caveats(result, words),
    ]
    appendix = [
        findings.summary(result, found, words),
        data.question(words),
        data.data(result, figures, words),
        *from_tables.sections(result, words),
        data.tables(result, figures, words),
        findings.hypotheses(result, found, words),
        threats.section(result, figures, words),
        robustness.lagged_instrument(result, figures, words),
        *from_tables.instrument(result, words),
        robustness.index_variants(result, words),
        groups.groups(result, figures, words),
        specifications.leave_one_out(result, figures, words),
        specifications.specification_curve(result, figures, words),
        specifications.joint_curves(result, figures, words),
        robustness.gross_trade(result, words),
        robustness.fixed_codes(result, words),
        robustness.other_errors(result, words),
        inference.section(result, figures, words),
        data.descriptive_statistics(result, words),
    ]
    title, subtitle = titles(result, words)
    page = report_html(
        title,
        subtitle,
        sections,
        footer,
        appendix=appendix,
        prefix="A",
        language=language,
    )
    path.write_text(page, encoding="utf-8")
