"""The answer of a replication in plain words, made from its numbers.

What is reproduced, whether the conclusion stands, the main result, what it rests on,
and what the index is made of. Other results give other sentences.
"""

import re
from collections.abc import Sequence

import numpy as np

from ...core import count_text, p_text, percent_text
from . import columns as paper
from .results import Replication
from .verdicts import Claim, Verdict, declared_threats, survives

NEAR = 0.1
"""Distance in printed standard errors below which a coefficient counts as
reproduced."""

# How the main result reads under each declared threat.
_UNDER = {
    ("left out", "EU entrants of 2004 to 2013"): "without the countries that joined "
    "the European Union in 2004 to 2013",
    ("membership", "EU"): "with membership of the European Union as a control",
    ("block by year", "developed"): "with years by level of development",
    ("block by year", "EU15, entrants, others"): "with years by EU15, entrants and "
    "others",
    ("unit trends", "linear"): "with a trend for each country",
    ("differences", "first"): "in changes from year to year",
    ("weights", "GDP"): "weighted by GDP",
}


def answer(result: Replication, found: Sequence[Verdict]) -> list[str]:
    """Sentences in order; together they are the report's first paragraph."""
    return [
        _reproduced(result),
        _concluded(result, found),
        *_main_result(result, found),
        *_index(result),
    ]


def _reproduced(result: Replication) -> str:
    comparison = result.comparison
    if result.other_data:
        frame = result.panel.frame
        return (
            "These are not the paper's data: the same regressions were run on "
            f"{result.panel.frame['iso3'].nunique()} countries, {frame['year'].min()} "
            f"to {frame['year'].max()}."
        )
    near, count = paper.agreement(comparison), len(comparison)
    gaps = paper.differences(comparison).abs()
    if gaps.max() <= NEAR:
        first = f"All {count} printed coefficients are reproduced"
    else:
        close = int((gaps <= NEAR).sum())
        first = f"{close} of {count} printed coefficients are reproduced"
    signs = near["signs_equal"]
    said = "every sign" if signs == count else f"{signs} of {count} signs"
    return (
        f"{first} from public data: {said}, {near['stars_equal']} of {count} star "
        f"counts, at most {_short(near['largest_gap'])} of a printed standard error "
        "apart."
    )


def _concluded(result: Replication, found: Sequence[Verdict]) -> str:
    stand = [k.hypothesis for k in found if k.conclusion == "supported"]
    partly = [k.hypothesis for k in found if k.conclusion == "supported in part"]
    rule = "by the tests declared below"
    on = " on these data" if result.other_data else ""
    if not stand and not partly:
        verdict = f"none of the three hypotheses is supported{on} {rule}"
    elif len(stand) == len(found):
        verdict = f"all three hypotheses are supported{on} {rule}"
    else:
        named = [f"{k} is supported" for k in stand]
        named += [f"{k} is supported in part" for k in partly]
        named += [
            f"{k.hypothesis} is not"
            for k in found
            if k.hypothesis not in (*stand, *partly)
        ]
        verdict = f"{rule} {', '.join(named)}{on}"
    if result.other_data:
        return f"{verdict[0].upper()}{verdict[1:]}."
    agree = paper.differences(result.comparison).abs().max() <= NEAR
    numbers = "The numbers stand" if agree else "Not all numbers stand"
    if len(stand) == len(found):
        link = ", and so does the conclusion: " if agree else "; the conclusion does: "
    elif stand or partly:
        link = (
            "; the conclusion does in part: "
            if not agree
            else "; the conclusion stands in part: "
        )
    else:
        link = "; the conclusion does not: " if agree else ", nor does the conclusion: "
    return f"{numbers}{link}{verdict}."


def _main_result(result: Replication, found: Sequence[Verdict]) -> list[str]:
    """The first main test, and the first declared threat that it does not survive."""
    claim = next((k for v in found for k in v.of_role("main")), None)
    if claim is None or np.isnan(claim.estimate):
        return []
    row = result.declared[result.declared["role"] == "main"].iloc[0]
    said = [_effect(claim)]
    if result.threats is None or not claim.holds:
        return said
    rows = declared_threats(result.threats)
    rows = rows[rows["model"] == row["model"]]
    order = {pair: k for k, pair in enumerate(_UNDER)}
    lost = [
        k
        for _, k in rows.iterrows()
        if not survives(k, claim.sign, result.threats.draws)
    ]
    lost.sort(key=lambda k: order[k["threat"], k["variant"]])
    if rows.empty:
        return said
    count = count_text(len(rows), "declared threat")
    if not lost:
        return [*said, f"It survives every one of {count}."]
    first = lost[0]
    under = _UNDER[first["threat"], first["variant"]]
    p = p_text(first["wild_p_value"], result.threats.draws or None)
    return [
        *said,
        f"It does not survive {len(lost)} of {count}: {under} it is "
        f"{_signed(first['estimate'])} (p = {p}).",
    ]


def _effect(claim: Claim) -> str:
    p = f"p = {p_text(claim.p)}"
    size = f"{_signed(claim.estimate)} points for a unit of the index"
    if not claim.holds and claim.p >= 0.05:
        return (
            "Within countries, overall policy is not told to move with the index: "
            f"{size}, {p}."
        )
    openness = "more" if claim.estimate > 0 else "less"
    return (
        f"Within countries, overall policy was {openness} open when the index was "
        f"higher: {size}, {p}."
    )


def _index(result: Replication) -> list[str]:
    if result.files.store is None:
        years = result.panel.frame["year"].nunique()
        found = re.search(r"(\d+) years? reconstructed", paper.index_note(result.panel))
        if not found:
            return []
        return [
            f"{found[1]} of the {years} years of the index are reconstructed from "
            "gross trade, not computed from world tables; `--tables` computes them."
        ]
    made = paper.index_note(result.panel)
    said = [f"The index is {made}."]
    if result.table_errors is not None:
        said.append(_errors(result))
    return said


def _errors(result: Replication) -> str:
    """Sentences on the errors of the tables: in Table 1 and in the coefficients."""
    errors = result.table_errors
    assert errors is not None
    shown = result.table_1.dropna(subset=["ours"])
    index = errors.index
    half = float(((index["ci_high"] - index["ci_low"]) / 2).mean())
    rows = errors.coefficients
    added = float((rows["se_total"] / rows["se"] - 1).max())
    more = f"at most {percent_text(added, 1)}" if added >= 0.001 else "less than 0.1 %"
    return (
        f"Its 95 % intervals are ±{_short(half)} on average and hold "
        f"{int(shown['covers'].sum())} of the {len(shown)} printed values; the errors "
        f"of the tables add {more} to a standard error."
    )


def _short(value: float) -> str:
    """Two significant digits."""
    return f"{value:.2g}"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
