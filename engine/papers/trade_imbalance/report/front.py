"""The first pages of the report: the answer, one table, one figure, the hypotheses."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ....core import p_text
from ....reporting import Section, Table, label
from .. import columns as paper
from ..columns import OUTCOMES
from ..few_threats import few_threats
from ..in_words import answer
from ..results import Replication
from ..tables import coefficient_cells
from ..verdicts import THREATS, Verdict
from . import threats
from .plots import Figures
from .texts import REPORT, not_computed, table_of

DIGITS = 2  # of coefficients on the first pages; the appendix has the print's four
_P = "p"
_OVER = "p over 15"


def the_answer(result: Replication, found: Sequence[Verdict]) -> Section:
    """The answer in words, before anything else."""
    return REPORT.section(
        "answer",
        answer=" ".join(answer(result, found)),
        other=[f"These are not the paper's data: {k}." for k in result.other_data],
    )


def seventeen_columns(result: Replication) -> Section:
    """The index in the paper's 17 columns: printed, ours, p."""
    rows = result.comparison[result.comparison["term"] == "TBI"]
    shown = {"sample": "countries", "paper": "paper:", "tivax": "tivax:"}
    rows = rows.assign(
        name=paper.column_names(rows),
        outcome=rows["outcome"].map(label),
        paper=coefficient_cells(rows, "paper_", DIGITS, estimate="coef"),
        tivax=coefficient_cells(rows, "", DIGITS, estimate="coef"),
    )
    told = ""
    if result.inference is not None:
        drawn = ["table", "column", "wild_p_value", "westfall_young_all"]
        rows = rows.merge(result.inference.rows[drawn], "left", ["table", "column"])
        shown |= {"wild_p_value": f"{_P}:p3", "westfall_young_all": f"{_OVER}:p3"}
        told = (
            " p: restricted wild cluster bootstrap. p over 15: the same, for all "
            "outcomes in all samples at once (Westfall and Young)."
        )
    rows = rows.assign(column=rows["name"]).reset_index(drop=True)
    columns = table_of(rows, "column outcome", shown)
    return REPORT.section("columns", columns=columns, drawn=told)


def threatened(result: Replication, figures: Figures) -> Section:
    """One figure of the threats that take the main result away."""
    title = "What the result rests on"
    if "few_threats" not in figures:
        return replace(not_computed(result, threats.TITLE), title=title)
    assert result.threats is not None
    rows = next(iter(few_threats(result.threats).values()))
    pairs = zip(rows["threat"], rows["variant"], strict=True)
    declared = sum(pair in THREATS for pair in pairs)
    others = len(rows) - 1 - declared
    more = (
        f"; the last {others} are other threats under which the first result is turned "
        "or gone, those that keep most of the variation of the index"
        if others
        else ""
    )
    return REPORT.section("few threats", figures, declared=declared, more=more)


def hypotheses(result: Replication, found: Sequence[Verdict]) -> Section:
    """Each hypothesis in a sentence, and its main tests in one table."""
    frame = pd.DataFrame(
        [
            {
                "hypothesis": verdict.hypothesis,
                "claim": _without_codes(test.claim),
                "coefficient": f"{test.estimate:.{DIGITS}f} ({test.se:.{DIGITS}f})",
                _P: p_text(test.p_value),
                _OVER: "" if np.isnan(test.p_family) else p_text(test.p_family),
                "holds under threats": f"{test.survived} of {test.threatened}",
                "stands": "yes" if test.stands else "no",
            }
            for verdict in found
            for test in verdict.of_role("main")
        ]
    )
    right = dict.fromkeys(["coefficient", _P, _OVER, "holds under threats"], "")
    frame = frame.assign(coefficient=frame["coefficient"].str.replace("-", "−"))
    return REPORT.section(
        "hypotheses",
        title=(
            "The paper's hypotheses on these data"
            if result.other_data
            else "The three hypotheses"
        ),
        of_others=_OTHER if result.other_data else "",
        found=[k.in_words for k in found],
        main=Table(frame, formats=right),
    )


_OTHER = (
    "The hypotheses are about the paper's data. Here the same list of tests is applied "
    "to others."
)


def _without_codes(claim: str) -> str:
    """Outcomes and index by their names."""
    for code in (*OUTCOMES, "TBI"):
        claim = claim.replace(code, "the index" if code == "TBI" else label(code))
    return claim
