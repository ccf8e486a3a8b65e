"""The report of a replication: its page, and the order of its sections.

Six pages in print: the answer, one table, one figure, hypotheses, caveats. Everything
else is an appendix, folded.

Every number in its sentences comes from the results; on other data the sentences
change with them. Each section is worded in the module of its subject.
"""

from collections.abc import Mapping
from pathlib import Path

from ....reporting import Language, in_other_words, report_html, translated
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

PAPER = "国际贸易问题 2021, no. 9, article 1002-4670(2021)09-0001-16"


def titles(result: Replication) -> tuple[str, str]:
    """Title and subtitle: the paper recomputed, or its models on other data."""
    if not result.other_data:
        return (
            "Has trade imbalance led to “de-globalisation”? The paper recomputed",
            f"Every table and figure of the paper ({PAPER}), number by number",
        )
    panel = result.panel
    years = panel.frame["year"]
    return (
        f"The paper's models on other data: {len(panel.countries)} countries, "
        f"{years.min()} to {years.max()}",
        f"The regressions of “Has trade imbalance led to de-globalisation?” ({PAPER}) "
        "on data that are not the paper's",
    )


def write(
    path: Path,
    result: Replication,
    figures: Figures,
    footer: Mapping[str, str],
    language: Language = "en",
) -> None:
    """Write the report to ``path``, one self-contained HTML file."""
    found = verdicts(result)
    sections = [
        front.the_answer(result, found),
        front.seventeen_columns(result),
        front.threatened(result, figures),
        front.hypotheses(result, found),
        findings.caveats(result),
    ]
    appendix = [
        findings.summary(result, found),
        data.question(),
        data.data(result, figures, language),
        *from_tables.sections(result),
        data.tables(result, figures, language),
        findings.hypotheses(result, found),
        threats.section(result, figures, language),
        robustness.lagged_instrument(result, figures, language),
        *from_tables.instrument(result),
        robustness.index_variants(result),
        groups.groups(result, figures),
        specifications.leave_one_out(result, figures),
        specifications.specification_curve(result, figures),
        specifications.joint_curves(result, figures, language),
        robustness.gross_trade(result),
        robustness.fixed_codes(result),
        robustness.other_errors(result),
        inference.section(result, figures),
        data.descriptive_statistics(result),
    ]
    title, subtitle = (translated(k, language) for k in titles(result))
    page = report_html(
        title,
        subtitle,
        [in_other_words(k, language) for k in sections],
        footer,
        appendix=[in_other_words(k, language) for k in appendix],
        prefix="A",
        language=language,
    )
    path.write_text(page, encoding="utf-8")
