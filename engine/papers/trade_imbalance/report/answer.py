"""The answer of a replication in plain words, made from its numbers.

What is reproduced, whether the conclusion stands, the main result, what it rests on,
and what the index is made of; the verdicts. Other results give other sentences.
"""

from collections.abc import Sequence

import numpy as np

from ....present.words import Words
from .. import columns as paper
from ..columns import LEVEL
from ..results import Replication
from ..verdicts import UNDER, Claim, Verdict, declared_threats, survives
from .texts import share_text

NEAR = 0.1
"""Distance in printed standard errors below which a coefficient counts as
reproduced."""


def answer(result: Replication, found: Sequence[Verdict], words: Words) -> list[str]:
    """Sentences in order; together they are the report's first paragraph."""
    return [
        _reproduced(result, words),
        *_standing(result, found, words),
        *_main_result(result, found, words),
        _hypotheses(result, found, words),
        *_index(result, words),
    ]


def _reproduced(result: Replication, words: Words) -> str:
    comparison, frame = result.comparison, result.panel.frame
    if result.other_data:
        years = {"first": frame["year"].min(), "last": frame["year"].max()}
        return words.text("on other data", countries=frame["iso3"].nunique(), **years)
    agreed, count = paper.agreement(comparison), len(comparison)
    gaps, signs = paper.differences(comparison).abs(), agreed["signs_equal"]
    near, every = int((gaps <= NEAR).sum()), gaps.max() <= NEAR
    name = "every coefficient" if every else "some coefficients"
    said = "every sign" if signs == count else "some signs"
    return words.text(
        "reproduced",
        coefficients=words.text(name, near=near, count=count),
        signs=words.text(said, signs=signs, count=count),
        stars=agreed["stars_equal"],
        count=count,
        gap=_short(agreed["largest_gap"]),
    )


_STANDING = {
    (True, "supported"): "both stand",
    (True, "not supported"): "numbers alone",
    (True, "supported in part"): "numbers stand",
    (False, "supported"): "conclusion stands",
    (False, "not supported"): "neither stands",
    (False, "supported in part"): "part stands",
}


def _standing(result: Replication, found: Sequence[Verdict], words: Words) -> list[str]:
    """A sentence on numbers and conclusion; other data have neither."""
    if result.other_data:
        return []
    agree = bool(paper.differences(result.comparison).abs().max() <= NEAR)
    conclusions = {k.conclusion for k in found}
    one = conclusions.pop() if len(conclusions) == 1 else "supported in part"
    return [words.text(_STANDING[agree, one])]


_PASSING = {
    "supported": "passes",
    "supported in part": "passes in part",
    "not supported": "passes none",
}


def _hypotheses(result: Replication, found: Sequence[Verdict], words: Words) -> str:
    on = words.also(result.other_data, "these data")
    conclusions = {k.conclusion for k in found}
    if conclusions == {"not supported"}:
        return words.text("none passes", on=on)
    if conclusions == {"supported"}:
        return words.text("all pass", on=on)
    named = [
        words.text(name, hypothesis=k.hypothesis)
        for conclusion, name in _PASSING.items()
        for k in found
        if k.conclusion == conclusion
    ]
    return words.text("some pass", named=words.listed(named, ", "), on=on)


def _main_result(
    result: Replication, found: Sequence[Verdict], words: Words
) -> list[str]:
    """The first main test, and the first declared threat under which it fails."""
    claim = next((k for v in found for k in v.of_role("main")), None)
    if claim is None or np.isnan(claim.estimate):
        return []
    size = {"estimate": claim.estimate, "p": in_p(claim.p_value)}
    if not claim.holds and claim.p_value >= LEVEL:
        return [words.text("no link", **size)]
    said = words.text("more open" if claim.estimate > 0 else "less open", **size)
    undrawn = [words.text("undrawn", said=said)]
    if result.threats is None or not claim.holds:
        return undrawn
    model = result.declared[result.declared["role"] == "main"].iloc[0]["model"]
    rows = declared_threats(result.threats)
    rows = rows[rows["model"] == model]
    if rows.empty:
        return undrawn
    draws = result.threats.draws
    failing = [k for _, k in rows.iterrows() if not survives(k, claim.sign, draws)]
    counts = rows["state"].value_counts().items()
    told = [words.text("state", state=state, count=n) for state, n in counts]
    states = words.text("states", threats=len(rows), states=words.listed(told, ", "))
    if not failing:
        name = "holds under one" if len(rows) == 1 else "holds under all"
        holds = words.text(name, said=said, threats=len(rows))
        return [holds, *([] if {*rows["state"]} == {"as before"} else [states])]
    order = list(UNDER)
    first = min(failing, key=lambda k: order.index((k["threat"], k["variant"])))
    without = first["threat"] == "left out" and first["state"] == "turned or gone"
    table = result.threats.table
    whole = table[(table["model"] == model) & (table["threat"] == "the model")]
    fails = words.text(
        "rests" if without else "fails",
        said=said,
        number=int(whole.iloc[0]["clusters"]) - int(first["clusters"]),
        under=UNDER[first["threat"], first["variant"]],
        estimate=first["estimate"],
        p=in_p(first["wild_p_value"]),
    )
    return [fails, states]


def _index(result: Replication, words: Words) -> list[str]:
    if result.files.store is None:
        if not (count := paper.reconstructed_years(result.panel)):
            return []
        years = result.panel.frame["year"].nunique()
        return [words.text("reconstructed", count=count, years=years)]
    said = [words.text("index", note=paper.index_note(result.panel))]
    if result.table_errors is not None:
        said.append(_errors(result, words))
    return said


def _errors(result: Replication, words: Words) -> str:
    """Sentences on the errors of the tables: in Table 1 and in the coefficients."""
    errors = result.table_errors
    assert errors is not None
    shown = result.table_1.dropna(subset=["ours"])
    index = errors.index
    rows = errors.coefficients
    added = float((rows["se_total"] / rows["se"] - 1).max())
    return words.text(
        "index errors",
        half=_short(float(((index["ci_high"] - index["ci_low"]) / 2).mean())),
        covered=int(shown["covers"].sum()),
        count=len(shown),
        more=share_text(words, added, 1, 0.001),
    )


# ---------------------------------------------------------------------- the verdicts


def verdict_in_words(verdict: Verdict, words: Words) -> str:
    """``H1 is not supported. ... Of its 2 main tests 2 hold at 5 % alone, ...``"""
    main, checks = verdict.of_role("main"), verdict.of_role("check")
    alone, none = [k for k in main if k.holds], words.text("none")
    over, standing = (
        sum(k.holds_over_family for k in alone),
        sum(k.stands for k in main),
    )
    held = sum(k.holds for k in checks)
    name = {0: "none holds", 1: "one holds"}.get(len(alone), "some hold")
    counts = {"over": over or none, "standing": standing or none}
    return words.text(
        "in words",
        hypothesis=verdict.hypothesis,
        conclusion=verdict.conclusion,
        statement=words.text(verdict.hypothesis),
        main=words.text(name, main=len(main), alone=len(alone), **counts),
        checks=words.text("checks", held=held, checks=len(checks)) if checks else "",
    )


def reason(verdict: Verdict, words: Words) -> str:
    """The counts that make the conclusion."""
    main, checks = verdict.of_role("main"), verdict.of_role("check")
    holding = [test for test in main if test.holds]
    told = _holding(holding, main, "main test holds", "main tests hold", words)
    said = words.text("by declared p", main=told)
    if holding:
        family = sum(test.holds_over_family for test in holding)
        survivors = sum(test.survived == test.threatened > 0 for test in holding)
        given = {"family": family, "survivors": survivors}
        if len(holding) == 1:
            holds = words.text("holds"), words.text("does not hold")
            given = {k: holds[0] if n else holds[1] for k, n in given.items()}
        name = "of these" if len(holding) > 1 else "of it"
        said = words.text(name, said=said, **given)
    if not checks:
        return said
    held = [test for test in checks if test.holds]
    told = _holding(held, checks, "check holds", "checks hold", words)
    return words.listed([said, told])


def _holding(
    held: Sequence[Claim], tests: Sequence[Claim], one: str, some: str, words: Words
) -> str:
    """``1 of 3 checks holds``."""
    name = one if len(held) == 1 else some
    return words.text(name, count=len(held), all=len(tests))


def in_p(p: float) -> str:
    """``p = 0.003``; two digits from 0.01 on."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _short(value: float) -> str:
    """Two decimals, or the first digit of what is smaller."""
    return f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"
