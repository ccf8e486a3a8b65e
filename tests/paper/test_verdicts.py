"""What is made of given numbers: a hypothesis whose every test is put in by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.estimation.estimates import Estimate, Term
from tivax.engine.panel.recipe import OUTCOMES
from tivax.engine.paper.columns import COLUMNS
from tivax.engine.paper.results import Replication
from tivax.engine.paper.verdicts import Claim, Verdict, verdicts

YES = (10.0, 2.0, 0.001)  # coefficient, standard error, p
COUNTS = {"H1": 12, "H2": 6, "H3": 6}


def term(coef: float, se: float, p: float) -> Term:
    return Term(coef, se, coef / se, p, coef - 2 * se, coef + 2 * se, 0)


def estimate(outcome: str, own: Term) -> Estimate:
    """One with the term TBI and nothing else."""
    terms = pd.DataFrame([own._asdict()], index=["TBI"])
    return Estimate(
        outcome,
        terms,
        pd.DataFrame(),
        615,
        41,
        40,
        0.5,
        "stata",
        pd.Series(),
    )


def pieces(**given) -> SimpleNamespace:
    """What verdicts read of a replication, where every claim holds.

    ``given`` by part: ``estimates`` {(table, column): numbers}, ``slopes`` and
    ``differences`` {outcome: numbers}, ``lagged`` {outcome: numbers}, ``left_out``
    {(column, country): numbers}.
    """
    numbers = given.get("estimates", {})
    estimates = {
        k: estimate(k.outcome, term(*numbers.get((k.table, k.column), YES)))
        for k in COLUMNS
    }
    rows = []
    for outcome in OUTCOMES:
        coef, se, _ = given.get("slopes", {}).get(outcome, YES)
        one = {"outcome": outcome, "model": "group year effects"}
        rows.append({**one, "developed": coef, "developed_se": se})
        sign = 1 if outcome == "KOFPoGIdj" else -1
        default = (sign * 10.0, 2.0, 0.001)
        difference, error, p = given.get("differences", {}).get(outcome, default)
        row = {"outcome": outcome, "model": "all interacted", "p": p}
        rows.append({**row, "difference": difference, "difference_se": error})
    lagged = []
    for outcome in OUTCOMES:
        of_all = given.get("lagged", {}).get(outcome, YES)
        for group, own in (("developed", (-1.0, 1.0, 0.5)), ("all", of_all)):
            iv = SimpleNamespace(second=estimate(outcome, term(*own)))
            lagged.append(SimpleNamespace(outcome=outcome, sample=group, iv=iv))
    left = [
        (3, column, country, *given.get("left_out", {}).get((column, country), YES))
        for column in (3, 4)
        for country in ("", "AUS", "BRA", "CHN")
    ]
    # Another column of the table, which the verdicts must not look at.
    left.append((3, 1, "AUS", -1.0, 1.0, 0.9))
    return SimpleNamespace(
        estimates=estimates,
        interactions=pd.DataFrame(rows),
        lagged=lagged,
        left_out=pd.DataFrame(
            left, columns=["table", "column", "left_out", "coef", "se", "p"]
        ),
        panel=SimpleNamespace(countries=[f"C{k}" for k in range(41)]),
    )


def judged(**given) -> dict[str, Verdict]:
    result = Replication.__new__(Replication)  # with the parts alone that are read
    vars(result).update(vars(pieces(**given)))
    return {k.hypothesis: k for k in verdicts(result)}


def failing(verdict: Verdict) -> list[str]:
    return [test.claim for test in verdict.tests if not test.supported]


# ----------------------------------------------------------------- the three conclusions


def test_all_hypotheses_are_supported_where_every_test_holds():
    found = judged()
    assert list(found) == ["H1", "H2", "H3"]
    for name, verdict in found.items():
        assert len(verdict.tests) == COUNTS[name]
        assert failing(verdict) == []
        assert verdict.conclusion == "supported"


def test_one_test_that_fails_leaves_support_in_part():
    found = judged(estimates={(4, 1): (1.7, 2.4, 0.47)})
    assert failing(found["H1"]) == ["the same among developed countries"]
    assert found["H1"].conclusion == "supported in part"
    assert found["H2"].conclusion == found["H3"].conclusion == "supported"


def test_hypotheses_are_not_supported_where_no_test_holds():
    no = (-10.0, 2.0, 0.001)  # significant, of the wrong sign
    found = judged(
        estimates={(c.table, c.column): no for c in COLUMNS},
        slopes=dict.fromkeys(OUTCOMES, no),
        lagged=dict.fromkeys(OUTCOMES, no),
        left_out={(c, k): no for c in (3, 4) for k in ("", "AUS", "BRA", "CHN")},
        differences={
            k: (10.0 if k != "KOFPoGIdj" else -10.0, 2.0, 0.001) for k in OUTCOMES
        },
    )
    for name, verdict in found.items():
        assert len(failing(verdict)) == COUNTS[name]
        assert verdict.conclusion == "not supported"


@pytest.mark.parametrize(
    "held, conclusion",
    [
        (0, "not supported"),
        (2, "not supported"),
        (3, "supported in part"),
        (5, "supported in part"),
        (6, "supported"),
    ],
)
def test_half_of_the_tests_are_support_in_part(held, conclusion):
    no = (10.0, 20.0, 0.6)
    columns = [(5, 1), (5, 2), (5, 3)]
    slopes = ["KOFTrGIdj", "KOFFiGIdj", "KOFPoGIdj"]
    found = judged(
        estimates=dict.fromkeys(columns[min(held, 3) :], no),
        slopes=dict.fromkeys(slopes[max(held - 3, 0) :], no),
    )
    assert len(failing(found["H2"])) == 6 - held
    assert found["H2"].conclusion == conclusion


def test_half_of_a_hypothesis_that_is_not_tested_is_named():
    assert "“and through them on globalisation”, is not tested" in (
        judged()["H2"].statement
    )


def test_countries_without_an_estimate_are_counted_and_not_judged():
    lost = (np.nan, np.nan, np.nan)
    found = judged(left_out={(3, "AUS"): lost})
    (test,) = [k for k in found["H1"].tests if "cannot be estimated" in k.how]
    assert test.how == "largest p of 2, without BRA; 1 cannot be estimated"
    assert test.supported and test.p == YES[2]
    found = judged(left_out={(3, k): lost for k in ("AUS", "BRA", "CHN")})
    (test,) = [k for k in found["H1"].tests if "cannot be estimated" in k.how]
    assert test.how == "none of 3; 3 cannot be estimated" and not test.supported


# ------------------------------------------------------------------- what a test takes


@pytest.mark.parametrize(
    "coef, p, holds",
    [
        (1.0, 0.049, True),
        (1.0, 0.05, False),  # below 5 %, not at it
        (1.0, 0.2, False),
        (-1.0, 0.001, False),
        (0.0, 0.001, False),
    ],
)
def test_a_claim_holds_where_the_sign_is_right_and_p_is_below_5_percent(coef, p, holds):
    found = judged(estimates={(5, 1): (coef, 1.0, p)})
    test = found["H2"].tests[0]
    assert (test.claim, test.supported) == ("trade globalisation rises with TBI", holds)
    assert (test.estimate, test.se, test.p) == (coef, 1.0, p)


@pytest.mark.parametrize(
    "outcome, difference, p, holds",
    [
        ("KOFPoGIdj", 5.0, 0.01, True),
        ("KOFPoGIdj", -5.0, 0.01, False),
        ("KOFEcGIdj", -5.0, 0.01, True),
        ("KOFEcGIdj", 5.0, 0.01, False),
        ("KOFTrGIdj", -5.0, 0.06, False),
        ("KOFFiGIdj", -5.0, 0.04, True),
    ],
)
def test_groups_differ_only_by_a_test_of_the_difference(outcome, difference, p, holds):
    """Political means in developed countries, economic ones in developing."""
    found = judged(differences={outcome: (difference, 2.0, p)})
    (test,) = [k for k in found["H3"].tests if (k.estimate, k.p) == (difference, p)]
    assert test.supported == holds
    assert failing(found["H3"]) == ([] if holds else [test.claim])


def test_significance_in_one_group_alone_does_not_make_a_difference():
    """H3 with both groups' own tests in its favour and no difference."""
    found = judged(differences={k: (0.5, 2.0, 0.8) for k in OUTCOMES})
    held = [k.claim for k in found["H3"].tests if k.supported]
    assert held == [
        "political index responds in developed countries",
        "economic index responds in developing countries",
    ]


def test_slopes_with_group_year_effects_use_t_with_40_degrees_of_freedom():
    """The 5 % value of t(40) is 2.0211 in printed tables, the last digit rounded."""
    for coef, holds in ((2.0212, True), (2.0210, False)):
        found = judged(slopes={"KOFGIdj": (coef, 1.0, np.nan)})
        (test,) = [k for k in found["H1"].tests if k.estimate == coef]
        assert_allclose(test.p, 0.05, atol=2e-5)
        assert test.supported == holds


def test_leaving_out_is_judged_by_the_worst_country():
    found = judged(left_out={(3, "BRA"): (9.0, 4.0, 0.06)})
    (test,) = [k for k in found["H1"].tests if not k.supported]
    assert test.how == "largest p of 3, without BRA"
    assert (test.estimate, test.se, test.p) == (9.0, 4.0, 0.06)
    # A wrong sign counts however small its p is; the whole sample is not a country.
    found = judged(left_out={(4, "CHN"): (-9.0, 1.0, 0.0001), (3, ""): (1.0, 1.0, 0.9)})
    assert failing(found["H1"]) == ["the same without any one country"]


def test_the_lagged_index_is_that_of_all_countries():
    found = judged(lagged={"KOFEcGIdj": (30.0, 20.0, 0.14)})
    (test,) = [k for k in found["H1"].tests if not k.supported]
    assert (test.how, test.estimate) == ("2SLS", 30.0)


def test_a_verdict_is_a_table_for_people():
    claims = [
        Claim("it rises", "Table 3 (1)", 1.5, 0.5, 0.01),
        Claim("and again", "2SLS", 0.5, 0.5, 0.3),
    ]
    verdict = Verdict("H9", "A statement.", claims)
    assert verdict.conclusion == "supported in part"
    assert verdict.frame().to_dict("list") == {
        "claim": ["it rises", "and again"],
        "test": ["Table 3 (1)", "2SLS"],
        "estimate": [1.5, 0.5],
        "s.e.": [0.5, 0.5],
        "p": [0.01, 0.3],
        "holds": ["yes", "no"],
    }
    assert Verdict("H9", "", claims[:1]).conclusion == "supported"
    assert Verdict("H9", "", claims[1:]).conclusion == "not supported"
