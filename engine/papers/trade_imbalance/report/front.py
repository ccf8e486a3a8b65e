"""The first pages of the report: the answer, one table, one figure, the hypotheses."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ....core import p_text
from ....present.words import Words
from ....reporting import Section, label
from .. import columns as paper
from ..columns import OUTCOMES
from ..few_threats import few_threats
from ..results import Replication
from ..tables import coefficient_cells
from ..verdicts import THREATS, Verdict
from . import threats
from .answer import answer, verdict_in_words
from .plots import Figures
from .texts import not_computed, table, table_of

DIGITS = 2  # of coefficients on the first pages; the appendix has the print's four
_P = "p"
_OVER = "p over 15"


def the_answer(result: Replication, found: Sequence[Verdict], words: Words) -> Section:
    """The answer in words, before anything else."""
    return words.section(
        "answer",
        answer=words.listed(answer(result, found, words), " "),
        other=[words.text("other data", why=words.say(k)) for k in result.other_data],
    )


def seventeen_columns(result: Replication, words: Words) -> Section:
    """The index in the paper's 17 columns: printed, ours, p."""
    rows = result.comparison[result.comparison["term"] == "TBI"]
    shown = {"sample": "countries", "paper": "paper:", "tivax": "tivax:"}
    rows = rows.assign(
        name=paper.column_names(rows),
        outcome=rows["outcome"].map(label),
        paper=coefficient_cells(rows, "paper_", DIGITS, estimate="coef"),
        tivax=coefficient_cells(rows, "", DIGITS, estimate="coef"),
    )
    if result.inference is not None:
        drawn = ["table", "column", "wild_p_value", "westfall_young_all"]
        rows = rows.merge(result.inference.rows[drawn], "left", ["table", "column"])
        shown |= {"wild_p_value": f"{_P}:p3", "westfall_young_all": f"{_OVER}:p3"}
    rows = rows.assign(column=rows["name"]).reset_index(drop=True)
    columns = table_of(words, rows, "column outcome", shown)
    told = words.also(result.inference is not None, "drawn p")
    return words.section("columns", columns=columns, drawn=told)


def threatened(result: Replication, figures: Figures, words: Words) -> Section:
    """One figure of the threats that take the main result away."""
    if "few_threats" not in figures:
        return not_computed(words, result, "few threats", threats.STEP)
    assert result.threats is not None
    rows = next(iter(few_threats(result.threats, words).values()))
    pairs = zip(rows["threat"], rows["variant"], strict=True)
    declared = sum(pair in THREATS for pair in pairs)
    others = len(rows) - 1 - declared
    more = words.text("more threats", others=others) if others else ""
    return words.section("few threats", figures, declared=declared, more=more)


def hypotheses(result: Replication, found: Sequence[Verdict], words: Words) -> Section:
    """Each hypothesis in a sentence, and its main tests in one table."""
    frame = pd.DataFrame(
        [
            {
                "hypothesis": verdict.hypothesis,
                "claim": _without_codes(test.claim),
                "coefficient": f"{test.estimate:.{DIGITS}f} ({test.se:.{DIGITS}f})",
                _P: p_text(test.p_value),
                _OVER: "" if np.isnan(test.p_family) else p_text(test.p_family),
                "holds under threats": words.text(
                    "of all", count=test.survived, all=test.threatened
                ),
                "stands": "yes" if test.stands else "no",
            }
            for verdict in found
            for test in verdict.of_role("main")
        ]
    )
    right = dict.fromkeys(["coefficient", _P, _OVER, "holds under threats"], "")
    frame = frame.assign(coefficient=frame["coefficient"].str.replace("-", "−"))
    other = result.other_data
    return words.section(
        "hypotheses",
        title=words.text("hypotheses elsewhere" if other else "three hypotheses"),
        of_others=words.text("of others") if other else "",
        found=[verdict_in_words(k, words) for k in found],
        main=table(words, frame, right),
    )


def _without_codes(claim: str) -> str:
    """Outcomes and index by their names."""
    for code in (*OUTCOMES, "TBI"):
        claim = claim.replace(code, "the index" if code == "TBI" else label(code))
    return claim
