"""The first pages of the report: the answer, one table, one figure, the hypotheses."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ....core import p_text
from ....reporting import Block, Drawn, Points, Section, Table, Text, label
from ....reporting import Figure as Shown
from .. import columns as paper
from ..columns import OUTCOMES
from ..few_threats import few_threats
from ..in_words import answer
from ..results import Replication
from ..tables import coefficient_cells
from ..verdicts import THREATS, Verdict

DIGITS = 2  # of coefficients on the first pages; the appendix has the print's four
_P = "p"
_OVER = "p over 15"


def the_answer(result: Replication, found: Sequence[Verdict]) -> Section:
    """The answer in words, before anything else."""
    other = [f"These are not the paper's data: {k}." for k in result.other_data]
    return Section(
        "The answer",
        [
            Text(" ".join(answer(result, found))),
            *([Points(other)] if other else []),
            Text(_QUESTION),
        ],
    )


_QUESTION = (
    "The paper asks whether a country that earns less from trade turns away from "
    "globalisation. Its trade benefit index is net exports of value added over trade "
    "in value added, from −1 to 1. Openness is the KOF index of policies (de jure), "
    "from 1 to 100. Countries are compared with themselves over time, "
    "beside year effects and seven controls."
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
    return Section(
        "The index in the paper's 17 regressions",
        [
            Table(
                frame,
                "The coefficient of the trade benefit index, in points of the outcome "
                "(1 to 100) for a unit of the index (−1 to 1). In parentheses standard "
                "errors clustered by country; stars by t(G − 1), as printed: *** 1 %, "
                "** 5 %, * 10 %." + told,
                formats,
            )
        ],
    )


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
    return Section(
        title,
        [
            Text(
                "Each row estimates the regression again with one thing changed. The "
                f"first {declared} changes are declared, the same for all data{more}."
            ),
            Shown(
                figures["few_threats"],
                "The coefficient of the index, all countries and controls, 95 % "
                "intervals, p by the restricted wild cluster bootstrap. Gone: the sign "
                "has turned, or less than half is left and the interval excludes the "
                "first estimate. Blurred: not gone, but p is above 5 %.",
            ),
        ],
    )


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
    blocks: list[Block] = [
        *([Text(_OTHER)] if result.other_data else []),
        Points([k.in_words for k in found]),
        Table(
            frame.assign(coefficient=frame["coefficient"].str.replace("-", "−")),
            "The main tests. A test stands where the sign is the claimed one, p is "
            "below 5 %, alone and over 15, and every declared threat leaves it so.",
            right,
        ),
        Text(
            "A hypothesis is supported where all its main tests stand and its checks "
            "hold, in part where one main test stands. Not supported means that these "
            "data do not show it, not that it is false. All tests, checks and rules "
            "are in the appendix."
        ),
    ]
    return Section(
        "The paper's hypotheses on these data"
        if result.other_data
        else "The three hypotheses",
        blocks,
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
