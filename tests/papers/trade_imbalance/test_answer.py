"""The answer in words: other numbers, other sentences."""

from types import SimpleNamespace

import pandas as pd

from tivax.engine.papers.trade_imbalance.report.answer import answer
from tivax.engine.papers.trade_imbalance.report.texts import report_words
from tivax.engine.papers.trade_imbalance.verdicts import Claim, Verdict


def claim(p: float = 0.003, p_family: float = 0.01, survived: int = 7) -> Claim:
    return Claim(
        "KOFGIdj rises with TBI", "", "main", 1, 13.55, 4.5, p, p,
        p_family=p_family, survived=survived, threatened=7,
    )  # fmt: skip


def verdicts_of(*claims: Claim) -> list[Verdict]:
    return [Verdict(f"H{k}", [c]) for k, c in enumerate(claims, 1)]


def result_of(
    *,
    largest: float = 0.02,
    sign: float = 1.0,
    other=(),
    threats=(),
    coef: float = -0.3,
    state: str = "turned or gone",
    reconstructed: int = 0,
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
                "state": state,
                "clusters": 41 if t == "the model" else 29,
            }
            for t, v in [("the model", "as given"), *threats]
        ]
    )
    frame = pd.DataFrame({"iso3": ["AUS", "AUT"], "year": [2000, 2003]})
    return SimpleNamespace(
        comparison=comparison,
        other_data=list(other),
        declared=pd.DataFrame([{"role": "main", "model": "m"}]),
        threats=SimpleNamespace(table=table, rows=table, draws=999),
        panel=SimpleNamespace(
            frame=frame, index_sources={"reconstructed": reconstructed}
        ),
        files=SimpleNamespace(store=None, tbi=None),
        table_errors=None,
    )


def said(result, found) -> str:
    return " ".join(answer(result, found, report_words()))


def test_numbers_stand_and_the_conclusion_does_not():
    threats = [("weights", "GDP"), ("left out", "EU entrants of 2004 to 2013")]
    found = verdicts_of(claim(survived=5), claim(p=0.2), claim(p=0.3))
    text = said(result_of(threats=threats, reconstructed=10), found)
    assert text == (
        "All 2 printed coefficients are reproduced from public data: every sign, 1 of 2 "
        "star counts, at most 0.02 of a printed standard error apart. The numbers "
        "stand; the conclusion does not. Within countries, policy was more open when "
        "the index was higher (13.6 points for a unit of the index, p = 0.003), but "
        "this rests on the 12 countries that joined the European Union in 2004 to "
        "2013: without them it is −0.3 (p = 0.88). Of 2 declared threats it is turned "
        "or gone under 2. None of the three hypotheses passes its declared tests. 10 of the 2 "
        "years of the index are reconstructed from gross trade; `--tables` computes "
        "them from world tables."
    )


def test_an_effect_that_holds_is_said_to_hold():
    text = said(_surviving(), verdicts_of(claim(), claim(), claim()))
    assert "The numbers stand, and so does the conclusion. " in text
    assert "p = 0.003), and this holds under the one declared threat." in text
    assert "All three hypotheses pass their declared tests." in text


def test_what_takes_the_result_away_is_said_in_its_own_words():
    found = verdicts_of(claim(survived=0), claim(p=0.2), claim(p=0.3))
    text = said(result_of(threats=[("weights", "GDP")]), found)
    assert "but not weighted by GDP: there it is −0.3 (p = 0.88)." in text


def test_a_blurred_result_does_not_rest_on_who_is_left_out():
    threats = [("left out", "EU entrants of 2004 to 2013")]
    result = result_of(threats=threats, coef=12.0, state="blurred")
    text = said(result, verdicts_of(claim(), claim(), claim()))
    assert "rests on" not in text and "but not without the countries that" in text
    assert (
        "there it is 12.0 (p = 0.88). Of 1 declared threat it is blurred under" in text
    )


def _surviving() -> SimpleNamespace:
    threats = [("weights", "GDP")]
    result = result_of(threats=threats, coef=12.0, state="as before")
    result.threats.table["wild_p_value"] = 0.001
    return result


def test_numbers_that_are_far_and_parts_of_a_conclusion():
    found = verdicts_of(claim(), claim(p=0.2), claim(p=0.4))
    text = said(result_of(largest=3.0, sign=-1.0), found)
    assert text.startswith(
        "0 of 2 printed coefficients are reproduced from public data: 1 of 2 signs"
    )
    assert "Not all numbers stand; the conclusion does in part. " in text
    assert (
        "Of the three hypotheses H1 passes its declared tests, H2 does not, H3 does not."
    ) in text


def test_no_effect_and_other_data():
    found = verdicts_of(claim(p=0.4), claim(p=0.2), claim(p=0.4))
    text = said(result_of(other=["editions"]), found)
    assert text.startswith(
        "These are not the paper's data: the same regressions were run on 2 countries, "
        "2000 to 2003. Within countries, no link of policy with the index is seen: 13.6 "
        "points for a unit of the index, p = 0.40. None of the three hypotheses passes "
        "its declared tests on these data."
    )
    assert "holds under" not in text and "printed" not in text
