"""The section of the report on bootstrap, placebo and few clusters."""

from dataclasses import replace

import pandas as pd

from ....reporting import Figure as Shown
from ....reporting import Section
from ..columns import LEVEL, column_names
from ..inference import SCHEMES, sides
from ..results import Replication
from .plots import Figures
from .texts import AT, REPORT, below_in_words, listed, not_computed, table_of

TITLE = "Bootstrap, placebo and few clusters"
_P_VALUES = {
    "estimate": "TBI:.3f",
    "cv1_p_value": "CV1:p4",
    "cv2_p_value": "CV2:p4",
    "cv3_p_value": "CV3:p4",
    "wild_p_value": "wild:p4",
    "pairs_p_value": "pairs:p4",
    "placebo_p_value": "placebo:p4",
    "placebo_within_p_value": "within:p4",
    "westfall_young": "over 5:p4",
    "westfall_young_all": "over 15:p4",
    "holm_all": "Holm:p4",
}
_DRAWN = [*zip(SCHEMES, ("wild", "pairs", "placebo", "within"), strict=True)]
_ERRORS = {
    **{f"{k}_mc": f"{v}:.5f" for k, v in _DRAWN},
    "westfall_young_mc": "over 5:.5f",
    "westfall_young_all_mc": "over 15:.5f",
    **{f"{k}_draws": f"draws, {v}:,.0f" for k, v in _DRAWN},
}
_FEW = {
    "clusters": "countries",
    "effective_clusters": "effective number:.1f",
    "without_ci_low": "lowest TBI without one:.3f",
    "without_ci_high": "highest TBI without one:.3f",
}


def section(result: Replication, figures: Figures) -> Section:
    """p-values of all 17 columns side by side, and a figure for each table."""
    if (inference := result.inference) is None:
        return replace(not_computed(result, "Bootstrap and placebo"), title=TITLE)
    rows = inference.rows.set_axis(column_names(inference.rows))
    return REPORT.section(
        "inference",
        draws=inference.draws,
        seed=inference.seed,
        sentence=_sentence(rows),
        p=table_of(rows, "outcome sample", _P_VALUES),
        errors=table_of(rows, "", _ERRORS),
        drawn=[
            Shown(
                figures[f"table{table}_inference"],
                f"Table {table}: 95 % intervals of TBI. Blue ones exclude 0; the line "
                f"is the coefficient.{_on_the_edge(rows, table)} The last row, "
                "orange, is the range of the "
                "coefficient when each country is left out, not an interval.",
            )
            for table in dict.fromkeys(rows["table"])
        ],
        few=table_of(rows, "", _FEW),
    )


def _on_the_edge(rows: pd.DataFrame, table: object) -> str:
    """Columns whose wild p-value is at 5 % within its simulation error."""
    own = rows[rows["table"] == table]
    columns = [
        f"({column})"
        for column, which in zip(own["column"], sides(own, "wild"), strict=True)
        if which == "at"
    ]
    if not columns:
        return ""
    return (
        f" The wild p of {', '.join(columns)} is {AT}: the colour of its interval "
        "says nothing."
    )


def _sentence(rows: pd.DataFrame) -> str:
    """Count the paper's significant coefficients that stay so, at 5 %, in words.

    A p-value within two Monte-Carlo errors of 5 % is on neither side.
    """
    starred = rows[rows["cv1_p_value"] < LEVEL]
    clauses = []
    for kind, name in (
        ("cv3", "the jackknife"),
        ("wild", "the wild bootstrap"),
        ("placebo_within", "the placebo within groups"),
    ):
        clauses.append(below_in_words(sides(starred, kind), f"{{}} under {name}"))
    text = (
        f"Of {len(rows)} coefficients {len(starred)} are significant at 5 % by t(G−1); "
        f"of these, {listed(clauses)}."
    )
    named, of_wild = column_names(starred), sides(starred, "wild")
    for which, start in (
        ("above", "Not under the wild bootstrap"),
        ("at", f"Under the wild bootstrap {AT}"),
    ):
        names = [k for k, own in zip(named, of_wild, strict=True) if own == which]
        if names:
            text += f" {start}: {', '.join(names)}."
    return text
