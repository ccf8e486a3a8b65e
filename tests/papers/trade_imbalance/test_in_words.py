"""The answer in words: other numbers, other sentences."""

from types import SimpleNamespace

import pandas as pd

from tivax.engine.papers.trade_imbalance import columns
from tivax.engine.papers.trade_imbalance import in_words as words
from tivax.engine.papers.trade_imbalance.verdicts import Claim, Verdict


def claim(p: float = 0.003, p_family: float = 0.01, survived: int = 7) -> Claim:
    return Claim(
        "KOFGIdj rises with TBI", "", "main", 1, 13.55, 4.5, p, p,
        p_family=p_family, survived=survived, threatened=7,
    )  # fmt: skip


def verdicts_of(*claims: Claim) -> list[Verdict]:
    return [Verdict(f"H{k}", "", [c]) for k, c in enumerate(claims, 1)]


def result_of(
    *,
    largest: float = 0.02,
    sign: float = 1.0,
    other=(),
    threats=(),
    coef: float = -0.3,
) -> SimpleNamespace:
    comparison = pd.DataFrame(
        {
            "coef": [1 + 0.5 * largest, sign * 2.0],
            "paper_coef": [1.0, 2.0],
            "paper_se": [0.5, 0.5],
            "stars": [3, 1],
            "paper_stars": [3, 2],
        }
    )
    table = pd.DataFrame(
        [
            {
                "model": "m",
                "threat": t,
                "variant": v,
                "estimate": coef,
                "wild_p_value": 0.88,
            }
            for t, v in threats
        ],
        columns=["model", "threat", "variant", "estimate", "wild_p_value"],
    )
    frame = pd.DataFrame({"iso3": ["AUS", "AUT"], "year": [2000, 2003]})
    return SimpleNamespace(
        comparison=comparison,
        other_data=list(other),
        declared=pd.DataFrame([{"role": "main", "model": "m"}]),
        threats=SimpleNamespace(table=table, draws=999),
        panel=SimpleNamespace(frame=frame),
        files=SimpleNamespace(store=None, tbi=None),
        table_errors=None,
    )


def said(monkeypatch, result, found, note: str = "read from a file") -> str:
    monkeypatch.setattr(columns, "index_note", lambda panel: note)
    return " ".join(words.answer(result, found))


def test_numbers_stand_and_the_conclusion_does_not(monkeypatch):
    threats = [("weights", "GDP"), ("left out", "EU entrants of 2004 to 2013")]
    found = verdicts_of(claim(survived=5), claim(p=0.2), claim(p=0.3))
    text = said(
        monkeypatch,
        result_of(threats=threats),
        found,
        "read from a file: 5 years from world tables, 10 years reconstructed",
    )
    assert text == (
        "All 2 printed coefficients are reproduced from public data: every sign, 1 of 2 "
        "star counts, at most 0.02 of a printed standard error apart. The numbers "
        "stand; the conclusion does not: none of the three hypotheses is supported by "
        "the tests declared below. Within countries, overall policy was more open when "
        "the index was higher: 13.6 points for a unit of the index, p = 0.0030. It does "
        "not survive 2 of 2 declared threats: without the countries that joined the "
        "European Union in 2004 to 2013 it is −0.3 (p = 0.8800). 10 of the 2 years of "
        "the index are reconstructed from gross trade, not computed from world tables; "
        "`--tables` computes them."
    )


def test_an_effect_that_holds_is_said_to_hold(monkeypatch):
    text = said(
        monkeypatch,
        _surviving(),
        verdicts_of(claim(), claim(), claim()),
    )
    assert "The numbers stand, and so does the conclusion: all three" in text
    assert "It survives every one of 1 declared threat." in text


def _surviving() -> SimpleNamespace:
    result = result_of(threats=[("weights", "GDP")], coef=12.0)
    result.threats.table["wild_p_value"] = 0.001
    return result


def test_numbers_that_are_far_and_parts_of_a_conclusion(monkeypatch):
    found = verdicts_of(claim(), claim(p=0.2), claim(p=0.4))
    text = said(monkeypatch, result_of(largest=3.0, sign=-1.0), found)
    assert text.startswith(
        "0 of 2 printed coefficients are reproduced from public data: 1 of 2 signs"
    )
    assert (
        "Not all numbers stand; the conclusion does in part: by the tests declared "
        "below H1 is supported, H2 is not, H3 is not."
    ) in text


def test_no_effect_and_other_data(monkeypatch):
    found = verdicts_of(claim(p=0.4), claim(p=0.2), claim(p=0.4))
    text = said(monkeypatch, result_of(other=["editions"]), found)
    assert text.startswith(
        "These are not the paper's data: the same regressions were run on 2 countries, "
        "2000 to 2003. None of the three hypotheses is supported on these data"
    )
    assert "overall policy is not told to move with the index: 13.6 points" in text
    assert "survive" not in text and "printed" not in text
