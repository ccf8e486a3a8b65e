"""The answer of a replication in plain words, made from its numbers.

What is reproduced, whether the conclusion stands, the main result, what it rests on,
and what the index is made of. Other results give other sentences.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...core import count_text, percent_text
from . import columns as paper
from .columns import LEVEL
from .results import Replication
from .verdicts import UNDER, Verdict, declared_threats, survives

NEAR = 0.1
"""Distance in printed standard errors below which a coefficient counts as
reproduced."""


def answer(result: Replication, found: Sequence[Verdict]) -> list[str]:
    """Sentences in order; together they are the report's first paragraph."""
    return [
        _reproduced(result),
        *_standing(result, found),
        *_main_result(result, found),
        _hypotheses(result, found),
        *_index(result),
    ]


def _reproduced(result: Replication) -> str:
    comparison, frame = result.comparison, result.panel.frame
    if result.other_data:
        return (
            "These are not the paper's data: the same regressions were run on "
            f"{frame['iso3'].nunique()} countries, {frame['year'].min()} to "
            f"{frame['year'].max()}."
        )
    near, count = paper.agreement(comparison), len(comparison)
    gaps = paper.differences(comparison).abs()
    close = f"{int((gaps <= NEAR).sum())} of" if gaps.max() > NEAR else "All"
    first = f"{close} {count} printed coefficients are reproduced"
    signs = near["signs_equal"]
    said = "every sign" if signs == count else f"{signs} of {count} signs"
    return (
        f"{first} from public data: {said}, {near['stars_equal']} of {count} star "
        f"counts, at most {_short(near['largest_gap'])} of a printed standard error "
        "apart."
    )


def _standing(result: Replication, found: Sequence[Verdict]) -> list[str]:
    """A sentence on numbers and conclusion; other data have neither."""
    if result.other_data:
        return []
    agree = paper.differences(result.comparison).abs().max() <= NEAR
    conclusions = {k.conclusion for k in found}
    if conclusions == {"supported"}:
        both, but = ", and so does the conclusion", "; the conclusion does"
    elif conclusions == {"not supported"}:
        both, but = "; the conclusion does not", ", nor does the conclusion"
    else:
        both = but = "; the conclusion does in part"
    return [f"The numbers stand{both}." if agree else f"Not all numbers stand{but}."]


def _hypotheses(result: Replication, found: Sequence[Verdict]) -> str:
    on = " on these data" if result.other_data else ""
    passed = [k.hypothesis for k in found if k.conclusion == "supported"]
    partly = [k.hypothesis for k in found if k.conclusion == "supported in part"]
    if not passed and not partly:
        return f"None of the three hypotheses passes its declared tests{on}."
    if len(passed) == len(found):
        return f"All three hypotheses pass their declared tests{on}."
    neither = [k.hypothesis for k in found if k.conclusion == "not supported"]
    named = [f"{k} passes its declared tests" for k in passed]
    named += [f"{k} passes them in part" for k in partly]
    named += [f"{k} does not" for k in neither]
    return f"Of the three hypotheses {', '.join(named)}{on}."


def _main_result(result: Replication, found: Sequence[Verdict]) -> list[str]:
    """The first main test, and the first declared threat under which it fails."""
    claim = next((k for v in found for k in v.of_role("main")), None)
    if claim is None or np.isnan(claim.estimate):
        return []
    p = in_p(claim.p_value)
    size = f"{_signed(claim.estimate)} points for a unit of the index, {p}"
    if not claim.holds and claim.p_value >= LEVEL:
        return [f"Within countries, no link of policy with the index is seen: {size}."]
    openness = "more" if claim.estimate > 0 else "less"
    said = f"Within countries, policy was {openness} open when the index was higher"
    said = f"{said} ({size})"
    if result.threats is None or not claim.holds:
        return [f"{said}."]
    model = result.declared[result.declared["role"] == "main"].iloc[0]["model"]
    rows = declared_threats(result.threats)
    rows = rows[rows["model"] == model]
    if rows.empty:
        return [f"{said}."]
    draws = result.threats.draws
    failing = [k for _, k in rows.iterrows() if not survives(k, claim.sign, draws)]
    counts = rows["state"].value_counts()
    counted = ", ".join(f"{state} under {n}" for state, n in counts.items())
    states = [f"Of {count_text(len(rows), 'declared threat')} it is {counted}."]
    if not failing:
        several = f"all {len(rows)} declared threats"
        of_all = "the one declared threat" if len(rows) == 1 else several
        same = {*counts.index} == {"as before"}
        return [f"{said}, and this holds under {of_all}.", *([] if same else states)]
    order = list(UNDER)
    first = min(failing, key=lambda k: order.index((k["threat"], k["variant"])))
    return [
        f"{said}, but {_rests(result.threats.table, model, first)} "
        f"{_signed(first['estimate'])} ({in_p(first['wild_p_value'])}).",
        *states,
    ]


def _rests(table: pd.DataFrame, model: str, failing: pd.Series) -> str:
    """The threat under which the result fails, in words."""
    under = UNDER[failing["threat"], failing["variant"]]
    if failing["threat"] != "left out" or failing["state"] != "turned or gone":
        return f"not {under}: there it is"
    first = table[(table["model"] == model) & (table["threat"] == "the model")]
    whose = under.removeprefix("without the countries ")
    number = ""
    if len(first):
        number = f"{int(first.iloc[0]['clusters']) - int(failing['clusters'])} "
    return f"this rests on the {number}countries {whose}: without them it is"


def _index(result: Replication) -> list[str]:
    if result.files.store is None:
        if not (count := paper.reconstructed_years(result.panel)):
            return []
        return [
            f"{count} of the {result.panel.frame['year'].nunique()} years of the index "
            "are reconstructed from gross trade; `--tables` computes them from world "
            "tables."
        ]
    said = [f"The index is {paper.index_note(result.panel)}."]
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


def in_p(p: float) -> str:
    """``p = 0.003``; two digits from 0.01 on."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _short(value: float) -> str:
    """Two decimals, or the first digit of what is smaller."""
    return f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
