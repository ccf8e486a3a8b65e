"""The section of the report on bootstrap, placebo and few clusters."""

import pandas as pd

from ....present.words import Words
from ....reporting import Figure as Shown
from ....reporting import Section
from ..columns import LEVEL, column_names
from ..inference import SCHEMES, sides
from ..results import Replication
from .plots import Figures
from .texts import below, codes, listed, not_computed, table_of

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


_KINDS = {
    "cv3": "under jackknife",
    "wild": "under wild",
    "placebo_within": "under placebo",
}


def section(result: Replication, figures: Figures, words: Words) -> Section:
    """p-values of all 17 columns side by side, and a figure for each table."""
    if (inference := result.inference) is None:
        return not_computed(words, result, "inference", "Bootstrap and placebo")
    rows = inference.rows.set_axis(column_names(inference.rows))
    return words.section(
        "inference",
        draws=inference.draws,
        seed=inference.seed,
        sentence=_sentence(rows, words),
        p=table_of(words, rows, "outcome sample", _P_VALUES),
        errors=table_of(words, rows, "", _ERRORS),
        drawn=[
            Shown(
                figures[f"table{table}_inference"],
                words.text(
                    "intervals", table=table, edge=_on_the_edge(rows, table, words)
                ),
            )
            for table in dict.fromkeys(rows["table"])
        ],
        few=table_of(words, rows, "", _FEW),
    )


def _on_the_edge(rows: pd.DataFrame, table: object, words: Words) -> str:
    """Columns whose wild p-value is at 5 % within its simulation error."""
    own = rows[rows["table"] == table]
    pairs = zip(own["column"], sides(own, "wild"), strict=True)
    columns = [f"({column})" for column, which in pairs if which == "at"]
    return words.also(columns, "on the edge", columns=words.listed(columns, ", "))


def _sentence(rows: pd.DataFrame, words: Words) -> str:
    """Count the paper's significant coefficients that stay so, at 5 %, in words.

    A p-value within two Monte-Carlo errors of 5 % is on neither side.
    """
    starred = rows[rows["cv1_p_value"] < LEVEL]
    kept = [below(words, sides(starred, kind), k) for kind, k in _KINDS.items()]
    places = list(zip(column_names(starred), sides(starred, "wild"), strict=True))

    def named(which: str, part: str) -> str:
        names = [k for k, own in places if own == which]
        return words.also(names, part, columns=codes(words, names))

    return words.text(
        "significant",
        count=len(rows),
        starred=len(starred),
        kept=listed(words, kept),
        lost=named("above", "not under wild"),
        at=named("at", "at under wild"),
    )
