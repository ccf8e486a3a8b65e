"""The first pages of the report: the answer, one table, one figure, the hypotheses."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ....core import p_text
from ....reporting import Drawn, Section, Table, Text, label
from .. import columns as paper
from ..columns import OUTCOMES
from ..few_threats import few_threats
from ..in_words import answer
from ..results import Replication
from ..tables import coefficient_cells
from ..verdicts import THREATS, Verdict
from .texts import REPORT

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
    frame = pd.DataFrame(
        {
            "column": paper.column_names(rows),
            "outcome": [label(k) for k in rows["outcome"]],
            "countries": rows["sample"].to_numpy(),
            "paper": coefficient_cells(rows, "paper_", DIGITS, estimate="coef"),
            "tivax": coefficient_cells(rows, "", DIGITS, estimate="coef"),
        }
    )
    formats = {"paper": "", "tivax": ""}
    told = ""
    if result.inference is not None:
        own = result.inference.rows.set_index(["table", "column"])
        places = pd.MultiIndex.from_frame(rows[["table", "column"]])
        frame[_P] = own["wild_p_value"].reindex(places).to_numpy()
        frame[_OVER] = own["westfall_young_all"].reindex(places).to_numpy()
        formats |= {_P: "p3", _OVER: "p3"}
        told = (
            " p: restricted wild cluster bootstrap. p over 15: the same, for all "
            "outcomes in all samples at once (Westfall and Young)."
        )
    return REPORT.section("columns", columns=Table(frame, formats=formats), drawn=told)


def threatened(result: Replication, figures: Mapping[str, Figure | Drawn]) -> Section:
    """One figure of the threats that take the main result away."""
    title = "What the result rests on"
    if "few_threats" not in figures:
        why = result.skipped.get(
            "What would make it go away", "the panel does not allow it"
        )
        return Section(title, [Text(f"Not computed: {why}.")])
    assert result.threats is not None
    rows = next(iter(few_threats(result.threats).values()))
    pairs = zip(rows["threat"], rows["variant"], strict=True)
    declared = sum(pair in THREATS for pair in pairs)
    others = len(rows) - 1 - declared
    more = (
        f"; the last {others} are those others that take most of the result away"
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
                _P: p_text(test.p),
                _OVER: "" if np.isnan(test.p_family) else p_text(test.p_family),
                "threats survived": f"{test.survived} of {test.threatened}",
                "stands": "yes" if test.stands else "no",
            }
            for verdict in found
            for test in verdict.of_role("main")
        ]
    )
    right = dict.fromkeys(["coefficient", _P, _OVER, "threats survived"], "")
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
