"""The section of the report on bootstrap, placebo and few clusters."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from ....reporting import Block, Drawn, Points, Section, Table, Text
from ....reporting import Figure as Shown
from ..columns import LEVEL, column_names
from ..inference import PaperInference, sides

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
    blocks: list[Block] = [
        Text(
            "The paper's p-values rest on t(G−1) with Stata's cluster-robust errors, "
            "which can reject too often where clusters are few or few of them "
            "carry the estimate. Here is the same coefficient under other kinds of "
            f"inference, up to {inference.draws:,} draws of each (see below), seed "
            f"{inference.seed}."
        ),
        Points(
            [
                "CV1: the paper's, t(G−1). CV2: Bell and McCaffrey's errors and "
                "degrees of freedom. CV3: the jackknife over countries, t(G−1).",
                "wild: restricted wild cluster bootstrap (Cameron, Gelbach and Miller "
                "2008), Webb's six-point weights; p is the share of |t*| above |t|. It "
                "keeps its level where countries are independent, not where the errors "
                "of groups of countries move together.",
                "pairs: countries drawn with replacement; p inverts the percentile "
                "interval.",
                "placebo: whole paths of the index given to other countries, all else "
                "in place; p = (1 + draws with |t| at least as large) / (1 + draws). "
                "It compares t, not coefficients (the studentised or randomisation-t "
                "test): a path that is moved loses its correlation with the controls, "
                "so that coefficients of moved paths vary less than that of the own "
                "one, and comparing them rejects too often. It tests that the index "
                "has nothing to do with the outcome of any country, and takes "
                "countries to be exchangeable. within: only among countries of the "
                "same level of development.",
                "over 5, over 15: the wild p-value adjusted for the other outcomes of "
                "the same sample with the same controls, and for all outcomes in all "
                "samples with all controls, by the smallest p of each draw (Westfall "
                "and Young 1993). The largest |t| (Romano and Wolf) is ruled by the "
                "columns whose t* has the heaviest tails, those of few countries, and "
                "multiplies the p of others by more than Bonferroni does. Holm: his p "
                "over the 15, for any dependence.",
            ]
        ),
        Text(_sentence(rows)),
        Table(
            p,
            "p-values of TBI by kind of inference.",
            {"TBI": ".3f", **dict.fromkeys(p.columns[3:], "p4")},
        ),
        Table(
            errors,
            "Monte-Carlo error of these p-values (the standard error from the number "
            "of draws), and the draws; 0 where all patterns were enumerated.",
            {
                **dict.fromkeys(_ERRORS.values(), ".5f"),
                **dict.fromkeys(_DRAWS.values(), ",.0f"),
            },
        ),
        *(
            Shown(
                figures[f"table{table}_inference"],
                f"Table {table}: 95 % intervals of TBI. Blue ones exclude 0; the line "
                f"is the coefficient.{_on_the_edge(rows, table)} The last row, "
                "orange, is the range of the "
                "coefficient when each country is left out, not an interval.",
            )
            for table in dict.fromkeys(rows["table"])
        ),
        Text(
            "The effective number counts countries by their share of the variation "
            "that identifies the coefficient (Carter, Schnepel and Steigerwald 2017, "
            "rows uncorrelated within countries)."
        ),
        Table(
            few,
            "How many countries carry each coefficient.",
            {"effective number": ".1f", **dict.fromkeys(few.columns[2:], ".3f")},
        ),
    ]
    return Section(TITLE, blocks)


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
