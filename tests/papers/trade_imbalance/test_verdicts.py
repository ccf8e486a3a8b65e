"""What is made of given numbers: a hypothesis whose every test is put in by hand."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.papers.trade_imbalance import declared, inference
from tivax.engine.papers.trade_imbalance.columns import estimate_columns
from tivax.engine.papers.trade_imbalance.declared import (
    COLUMNS_OF_ROWS,
    declared_p_values,
    declared_tests,
)
from tivax.engine.papers.trade_imbalance.heterogeneity import interactions
from tivax.engine.papers.trade_imbalance.report.answer import reason, verdict_in_words
from tivax.engine.papers.trade_imbalance.report.texts import report_words
from tivax.engine.papers.trade_imbalance.results import Replication
from tivax.engine.papers.trade_imbalance.specifications import leave_one_out
from tivax.engine.papers.trade_imbalance.verdicts import (
    THREATS,
    Claim,
    Verdict,
    verdicts,
)
from tivax.engine.threats import Threats

from helpers import random_panel, two_stage

# Of a test that holds: coefficient in the claimed direction, error, p.
YES = {
    "estimate": 10.0,
    "se": 2.0,
    "paper_p_value": 0.001,
    "p_value": 0.002,
    "p_mc": 0.0,
}
NO = {"p_value": 0.6}
FAMILY = {"p_sample": 0.01, "p_family": 0.02, "p_family_mc": 0.0}
COUNTS = {"H1": 12, "H2": 6, "H3": 6}
MAIN = {"H1": 2, "H2": 3, "H3": 2}


def rows_of(**given) -> pd.DataFrame:
    """Rows of ``declared_p_values`` where every test holds; ``given`` by claim."""
    rows = []
    for k in declared_tests():
        row = dict.fromkeys(COLUMNS_OF_ROWS, np.nan)
        row |= {name: getattr(k, name) for name in ("hypothesis", "claim", "how")}
        row |= {"role": k.role, "sign": k.sign, "model": k.model.name} | YES
        row["estimate"] *= k.sign
        row |= FAMILY if k.role == "main" else {}
        rows.append(row | given.get(k.claim, {}))
    return pd.DataFrame(rows)


def threatened(changed: dict[tuple[str, str], dict] | None = None) -> Threats:
    """The declared threats to the main tests, all survived but ``changed``: by model
    and threat."""
    rows = [
        {"model": k.model.name, "threat": threat, "variant": variant, "term": "TBI"}
        | {"estimate": 5.0, "wild_p_value": 0.01, "se": 1.0, "clusters": 41}
        | (changed or {}).get((k.model.name, threat), {})
        for k in declared_tests()
        if k.role == "main"
        for threat, variant in (GIVEN, *THREATS, ("another", "not declared"))
    ]
    rows = [r | {"wild_p_value": 0.9} if r["threat"] == "another" else r for r in rows]
    asked = np.ones(len(rows), bool)
    return Threats(pd.DataFrame(rows), asked, asked, (), 99_999, 0.0)


GIVEN = ("the model", "as given")


def judged(threats: Threats | None = None, /, **given: Any) -> dict[str, Verdict]:
    """``given`` by claim, its blanks as underscores."""
    claims = {name.replace("_", " "): numbers for name, numbers in given.items()}
    result = Replication.__new__(Replication)  # with the parts alone that are read
    parts = SimpleNamespace(declared=rows_of(**claims), threats=threats or threatened())
    vars(result).update(vars(parts))
    return {k.hypothesis: k for k in verdicts(result)}


TRADE = "trade_globalisation_rises_with_TBI"


# ------------------------------------------------------------------ the conclusions


def test_all_hypotheses_are_supported_where_every_test_stands():
    found = judged()
    assert list(found) == ["H1", "H2", "H3"]
    for name, verdict in found.items():
        assert len(verdict.tests) == COUNTS[name]
        assert len(verdict.of_role("main")) == MAIN[name]
        assert verdict.conclusion == "supported"
        assert f"{MAIN[name]} of {MAIN[name]} main tests hold" in reason(
            verdict, report_words()
        )


def test_a_single_test_holds():
    found = judged(**{TRADE: NO})["H2"]
    assert "2 of 3 main tests hold " in reason(found, report_words())
    verdict = judged(KOFGIdj_rises_with_TBI=NO)["H1"]
    start = "1 of 2 main tests holds by the declared p; it holds"
    assert reason(verdict, report_words()).startswith(start)
    words = verdict_in_words(verdict, report_words())
    assert words.startswith("H1 is supported in part. ")
    assert "Of its 2 main tests 1 holds at 5 % alone, 1 over all 15 " in words


def test_no_main_test_that_stands_is_no_support():
    mains = [k for k in declared_tests() if k.role == "main"]
    found = judged(**{k.claim.replace(" ", "_"): NO for k in mains})
    for name, verdict in found.items():
        assert verdict.conclusion == "not supported"
        assert reason(verdict, report_words()).startswith(
            f"0 of {MAIN[name]} main tests hold"
        )
        words = verdict_in_words(verdict, report_words())
        assert f"None of its {MAIN[name]} main tests holds at 5 %" in words


@pytest.mark.parametrize(
    "numbers",
    [
        NO,
        {"p_value": 0.049, "p_mc": 0.001},  # at the level within its simulation error
        {"estimate": -10.0},
        {"p_family": 0.2},  # holds alone, not over the family
        {"p_family": np.nan},
    ],
)
def test_one_main_test_that_does_not_stand_leaves_support_in_part(numbers):
    found = judged(**{TRADE: numbers})
    assert found["H2"].conclusion == "supported in part"
    assert found["H1"].conclusion == found["H3"].conclusion == "supported"


@pytest.mark.parametrize("changed", [{"estimate": -5.0}, {"wild_p_value": 0.2}])
def test_a_declared_threat_takes_a_main_test_away(changed):
    found = judged(threatened({("table5-1", "unit trends"): changed}))
    test = found["H2"].tests[0]
    assert (test.survived, test.threatened) == (len(THREATS) - 1, len(THREATS))
    assert test.holds and not test.stands
    assert found["H2"].conclusion == "supported in part"


def test_a_p_of_a_threat_within_its_simulation_error_of_the_level_does_not_survive():
    """The error of 0.05 from 99,999 draws is 0.0007."""
    for p, survives in ((0.047, True), (0.0495, False)):
        found = judged(threatened({("table5-1", "weights"): {"wild_p_value": p}}))
        assert found["H2"].tests[0].stands == survives


def test_without_threats_no_main_test_stands():
    no = np.zeros(0, bool)
    none = replace(threatened(), table=threatened().table.iloc[:0], comparable=no)
    assert {v.conclusion for v in judged(none).values()} == {"not supported"}


def test_a_check_that_fails_leaves_support_in_part():
    found = judged(political_response_is_stronger_in_developed_countries=NO)
    assert found["H3"].conclusion == "supported in part"
    assert reason(found["H3"], report_words()).endswith("3 of 4 checks hold")


def test_groups_inside_a_main_test_do_not_count():
    found = judged(
        the_same_among_developed_countries=NO, the_same_among_developing_countries=NO
    )
    assert found["H1"].conclusion == "supported"
    assert {k.how for k in found["H1"].of_role("part")} == {
        f"Table\u00a04\u00a0({k})" for k in (1, 2, 3, 4)
    }


def test_the_papers_p_decides_nothing():
    found = judged(**{TRADE: {"paper_p_value": 0.9}})
    test = found["H2"].tests[0]
    assert not test.holds_by_the_papers_p and test.stands
    assert found["H2"].conclusion == "supported"


def test_what_is_not_tested_is_named():
    told = {k: verdict_in_words(v, report_words()) for k, v in judged().items()}
    assert "“and through them on globalisation”, is not tested" in told["H2"]
    assert "not the size of the imbalance" in told["H1"]


@pytest.mark.parametrize(
    "claim, sign",
    [
        ("political response is stronger in developed countries", 1),
        ("economic response is stronger in developing countries", -1),
        ("trade response is stronger in developing countries", -1),
        ("financial response is stronger in developing countries", -1),
    ],
)
def test_groups_differ_in_the_direction_that_is_claimed(claim, sign):
    for coef, holds in ((sign * 5.0, True), (-sign * 5.0, False)):
        found = judged(**{claim.replace(" ", "_"): {"estimate": coef}})
        (test,) = [k for k in found["H3"].tests if k.claim == claim]
        assert test.holds == holds


def test_a_verdict_is_a_table_for_people():
    numbers = (1, 1.5, 0.5, 0.01, 0.02, 0.0, 0.03, 0.04)
    first = Claim("it rises", "Table 3 (1)", "main", *numbers, p_family_holm=0.05)
    other = Claim("and again", "2SLS", "check", 1, 0.5, 0.5, 0.3, 0.4)
    frame = Verdict("H9", [first, other]).frame()
    assert frame.iloc[0].to_dict() == {
        "claim": "it rises",
        "test": "Table 3 (1)",
        "counts as": "main test",
        "estimate": 1.5,
        "s.e.": 0.5,
        "p, the paper's": 0.01,
        "p": 0.02,
        "over 5": 0.03,
        "over 15": 0.04,
        "Holm": 0.05,
        "holds under threats": "",
        "holds": "yes",
    }
    assert frame["holds"].tolist() == ["yes", "no"]


# ------------------------------------------------------------------ the tests declared


def test_the_models_of_the_tests_say_what_they_claim():
    by_claim = {(k.hypothesis, k.model.name, k.claim): k for k in declared_tests()}
    assert len(by_claim) == sum(COUNTS.values())
    for test in declared_tests():
        model = test.model
        assert model.treatments[0] == ("TBI_dev" if "stronger" in test.claim else "TBI")
        grouped = "between groups" in test.claim or "stronger" in test.claim
        assert model.all_effects == ("iso3", "group_year" if grouped else "year")
        assert bool(model.instruments) == (test.how == "2SLS")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Of the shape of the real one, so that both share their compiled programs."""
    panel = random_panel(countries=41, years=15, seed=4)
    return panel.assign(developed=(panel["iso3"] < "C22").astype(int))


@pytest.fixture(scope="module")
def rows(frame) -> pd.DataFrame:
    return declared_p_values(frame, None, draws=499)


def test_coefficients_are_those_of_the_replication(frame, rows):
    columns = {
        f"table{c.table}-{c.column}": e for c, e in estimate_columns(frame).items()
    }
    slopes = interactions(frame).set_index(["outcome", "model"])
    lag = frame.groupby("iso3")["TBI"].shift()  # rows are sorted, without a gap
    later = frame.assign(lag=lag).dropna()
    left = leave_one_out(frame)
    for _, row in rows.iterrows():
        if "stronger" in row["claim"]:
            one = slopes.loc[row["outcome"], "all interacted"]
            expected = one[["difference", "difference_se"]]
        elif row["how"] == "2SLS":
            iv = two_stage(later, row["outcome"], "TBI", ["lag"], CONTROLS)
            expected = iv["TBI"][:2]
        elif "without" in row["claim"]:
            country = row["how"].split("without ")[1]
            table, column = row["model"].removeprefix("table").split("-")
            keys = left[["table", "column", "left_out"]]
            own = left[(keys == [int(table), int(column), country]).all(axis=1)]
            expected = own[["estimate", "se"]].iloc[0]
        elif "between groups" in row["claim"]:
            one = slopes.loc[row["outcome"], "group year effects"]
            expected = one[["developed", "developed_se"]]
        else:
            expected = columns[row["model"]]["TBI"][:2]
        # Two eliminations of the same cross products.
        np.testing.assert_allclose(
            row[["estimate", "se"]].astype(float), expected, rtol=1e-8
        )


def test_without_a_family_there_is_no_p_over_it(rows):
    assert rows["p_family"].isna().all() and rows["p_value"].notna().all()
    assert (rows["draws"] == 499).all() and (rows["p_mc"] > 0).all()


def test_p_of_a_printed_column_is_that_of_the_family(frame, rows, monkeypatch):
    # The country whose absence hurts most is searched for in the fixture.
    tests = [k for k in declared_tests() if not k.without_one]
    monkeypatch.setattr(declared, "declared_tests", lambda: tests)
    rows = rows[~rows["claim"].str.contains("without")].reset_index(drop=True)
    # Of the kinds of inference, the one that the declared p is, without intervals.
    monkeypatch.setattr(inference, "SCHEMES", {"wild": inference.SCHEMES["wild"]})
    monkeypatch.setattr(inference, "INTERVALS", {})
    inferred = inference.infer_paper(frame, draws=499)
    family = inferred.rows.assign(se=inferred.se)
    found = declared_p_values(frame, family, draws=499)
    same = [k for k in rows if not k.startswith(("p_sample", "p_family"))]
    pd.testing.assert_frame_equal(found[same], rows[same], check_exact=True)
    printed = found["role"] != "check"
    assert found.loc[printed, "p_sample"].notna().all()
    # Taken from there, not drawn again.
    family[["wild_p_value", "wild_draws"]] = 0.25, 7
    other = declared_p_values(frame, family, draws=499)
    assert (other["draws"] == np.where(printed, 7, 499)).all()


def test_a_test_whose_model_cannot_be_fitted_says_why(frame, monkeypatch):
    tests = [k for k in declared_tests() if k.model.sample == "developing"]
    monkeypatch.setattr(declared, "declared_tests", lambda: tests)
    lost = declared_p_values(frame[frame["developed"] == 1], None, draws=499)
    assert len(lost) and lost[["estimate", "p_value"]].isna().all(axis=None)
    assert "no rows in this sample" in lost["how"].iloc[0]
