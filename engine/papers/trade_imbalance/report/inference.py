"""The section of the report on bootstrap, placebo and few clusters."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from ....reporting import Drawn, Section, Table, Text
from ....reporting import Figure as Shown
from ..columns import LEVEL, column_names
from ..inference import PaperInference, sides
from .texts import REPORT

TITLE = "Bootstrap, placebo and few clusters"
_P_VALUES = {
    "outcome": "outcome",
    "sample": "sample",
    "estimate": "TBI",
    "cv1_p_value": "CV1",
    "cv2_p_value": "CV2",
    "cv3_p_value": "CV3",
    "wild_p_value": "wild",
    "pairs_p_value": "pairs",
    "placebo_p_value": "placebo",
    "placebo_within_p_value": "within",
    "westfall_young": "over 5",
    "westfall_young_all": "over 15",
    "holm_all": "Holm",
}
_DRAWN = {
    "wild": "wild",
    "pairs": "pairs",
    "placebo": "placebo",
    "placebo_within": "within",
}
_ERRORS = {
    **{f"{k}_mc": v for k, v in _DRAWN.items()},
    "westfall_young_mc": "over 5",
    "westfall_young_all_mc": "over 15",
}
_DRAWS = {f"{k}_draws": f"draws, {v}" for k, v in _DRAWN.items()}
_FEW = {
    "clusters": "countries",
    "effective_clusters": "effective number",
    "without_ci_low": "lowest TBI without one",
    "without_ci_high": "highest TBI without one",
}
_AT = "at the threshold within simulation error"


def section(
    inference: PaperInference | None,
    skipped: Mapping[str, str],
    figures: Mapping[str, Figure | Drawn],
) -> Section:
    """p-values of all 17 columns side by side, and a figure for each table."""
    if inference is None:
        why = skipped.get("Bootstrap and placebo", "the panel does not allow it")
        return Section(TITLE, [Text(f"Not computed: {why}.")])
    rows = inference.rows.set_axis(column_names(inference.rows))
    p, errors, few = (
        rows[[*names]].rename(columns=names)
        for names in (_P_VALUES, {**_ERRORS, **_DRAWS}, _FEW)
    )
    return REPORT.section(
        "inference",
        draws=inference.draws,
        seed=inference.seed,
        sentence=_sentence(rows),
        p=Table(p, formats={"TBI": ".3f", **dict.fromkeys(p.columns[3:], "p4")}),
        errors=Table(
            errors,
            formats={
                **dict.fromkeys(_ERRORS.values(), ".5f"),
                **dict.fromkeys(_DRAWS.values(), ",.0f"),
            },
        ),
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
        few=Table(
            few,
            formats={
                "effective number": ".1f",
                **dict.fromkeys(few.columns[2:], ".3f"),
            },
        ),
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
        f" The wild p of {', '.join(columns)} is {_AT}: the colour of its interval "
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
        places = sides(starred, kind)
        text = f"{places.count('below')} under {name}"
        if at := places.count("at"):
            text += f" ({at} more {_AT})"
        clauses.append(text)
    text = (
        f"Of {len(rows)} coefficients {len(starred)} are significant at 5 % by t(G−1); "
        f"of these, {', '.join(clauses[:-1])} and {clauses[-1]}."
    )
    of_wild = sides(starred, "wild")
    for which, start in (
        ("above", "Not under the wild bootstrap"),
        ("at", f"Under the wild bootstrap {_AT}"),
    ):
        names = [
            name
            for name, own in zip(column_names(starred), of_wild, strict=True)
            if own == which
        ]
        if names:
            text += f" {start}: {', '.join(names)}."
    return text
