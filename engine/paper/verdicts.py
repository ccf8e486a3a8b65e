"""The tests of the paper's three hypotheses, and the verdicts that follow from them.

Most tests are coefficients that the paper prints, the others ask the same of another
sample or estimator. A hypothesis is ``supported`` where every test holds, ``supported
in part`` where at least half do, else ``not supported``. A test holds where the
estimate has the claimed sign and p < 0.05; a significant opposite sign counts only as
not holding. Tests overlap, so their count is no weight of evidence. That one
group's coefficient is significant and the other's is not does not count as a
difference, which has a test of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..estimation import Estimate, Term
from ..resampling import LEVEL
from .results import Replication
from .specifications import estimated


@dataclass(frozen=True)
class Claim:
    """A claim that follows from a hypothesis, and its test.

    All numbers are NaN where nothing could be estimated; ``sign`` is what is claimed.
    """

    claim: str
    how: str
    estimate: float
    se: float
    p: float
    sign: int = 1

    @property
    def supported(self) -> bool:
        return self.sign * self.estimate > 0 and self.p < LEVEL


@dataclass(frozen=True)
class Verdict:
    """A hypothesis, its tests, and the conclusion by the rule above."""

    hypothesis: str
    statement: str
    tests: Sequence[Claim]

    @property
    def conclusion(self) -> str:
        count = sum(test.supported for test in self.tests)
        if count == len(self.tests):
            return "supported"
        return "supported in part" if 2 * count >= len(self.tests) else "not supported"

    def frame(self) -> pd.DataFrame:
        """The tests as a table for people."""
        holds = ["yes" if test.supported else "no" for test in self.tests]
        frame = pd.DataFrame(self.tests).drop(columns="sign").assign(holds=holds)
        return frame.rename(columns={"how": "test", "se": "s.e."})


def verdicts(result: Replication) -> list[Verdict]:
    """Hypotheses 1 to 3."""
    return [_first(result), _second(result), _third(result)]


def _positive(claim: str, how: str, term: Term) -> Claim:
    return Claim(claim, how, term.coef, term.se, term.p)


def _estimate(result: Replication, table: int, column: int) -> Estimate:
    return next(
        estimate
        for key, estimate in result.estimates.items()
        if (key.table, key.column) == (table, column)
    )


def _by_model(result: Replication, outcome: str, model: str) -> pd.Series:
    rows = result.interactions
    return rows[(rows["outcome"] == outcome) & (rows["model"] == model)].iloc[0]


def _one_slope(claim: str, result: Replication, outcome: str) -> Claim:
    row = _by_model(result, outcome, "group year effects")
    coef, se = float(row["developed"]), float(row["developed_se"])
    clusters = len(result.panel.countries)
    p = float(2 * stats.t.sf(abs(coef / se), clusters - 1))
    return Claim(claim, "year effects by group of countries", coef, se, p)


def _first(result: Replication) -> Verdict:
    tests = []
    for column, outcome in ((3, "KOFGIdj"), (4, "KOFEcGIdj")):
        tests.append(
            _positive(
                f"{outcome} rises with TBI",
                f"Table 3 ({column}), all countries",
                _estimate(result, 3, column)["TBI"],
            )
        )
        tests.append(_one_slope("the same, not between groups", result, outcome))
        iv = next(k for k in result.lagged if (k.outcome, k.sample) == (outcome, "all"))
        tests.append(
            _positive("the same, TBI of last year", "2SLS", iv.iv.second["TBI"])
        )
        left = result.left_out
        left = left[
            (left["table"] == 3) & (left["column"] == column) & (left["left_out"] != "")
        ]
        tests.append(_without_one("the same without any one country", left))
        for table_column, group in (
            (column - 2, "developed"),
            (column, "developing"),
        ):
            tests.append(
                _positive(
                    f"the same among {group} countries",
                    f"Table 4 ({table_column})",
                    _estimate(result, 4, table_column)["TBI"],
                )
            )
    return Verdict("H1", "Trade imbalance leads to de-globalising policies.", tests)


def _without_one(claim: str, left: pd.DataFrame) -> Claim:
    """The worst of the fits without one country, of those that can be estimated."""
    found = estimated(left)
    lost = len(left) - len(found)
    more = f"; {lost} cannot be estimated" if lost else ""
    if found.empty:
        none = f"none of {len(left)}{more}"
        return Claim(claim, none, np.nan, np.nan, np.nan)
    wrong = bool((found["coef"] <= 0).any())
    telling = np.argmin(found["coef"]) if wrong else np.argmax(found["p"])
    worst = found.iloc[int(telling)]
    return Claim(
        claim,
        f"{'least' if wrong else 'largest p'} of {len(found)}, without "
        f"{worst['left_out']}{more}",
        float(worst["coef"]),
        float(worst["se"]),
        float(worst["p"]),
    )


def _second(result: Replication) -> Verdict:
    names = (
        ("trade", "KOFTrGIdj"),
        ("financial", "KOFFiGIdj"),
        ("political", "KOFPoGIdj"),
    )
    tests = []
    for column, (name, outcome) in enumerate(names, 1):
        tests.append(
            _positive(
                f"{name} globalisation rises with TBI",
                f"Table 5 ({column}), all countries",
                _estimate(result, 5, column)["TBI"],
            )
        )
        tests.append(_one_slope("the same, not between groups", result, outcome))
    return Verdict(
        "H2",
        "Imbalance acts on trade policy, financial activity and politics. The second "
        "half of the hypothesis, “and through them on globalisation”, is not tested.",
        tests,
    )


def _third(result: Replication) -> Verdict:
    tests = [
        _positive(
            "political index responds in developed countries",
            "Table 6 (3)",
            _estimate(result, 6, 3)["TBI"],
        ),
        _difference(result, "KOFPoGIdj", "political", sign=1),
        _positive(
            "economic index responds in developing countries",
            "Table 4 (4)",
            _estimate(result, 4, 4)["TBI"],
        ),
        _difference(result, "KOFEcGIdj", "economic", sign=-1),
        _difference(result, "KOFTrGIdj", "trade", sign=-1),
        _difference(result, "KOFFiGIdj", "financial", sign=-1),
    ]
    return Verdict(
        "H3",
        "When their gains are hurt, developed countries use political means, "
        "developing countries economic ones.",
        tests,
    )


def _difference(result: Replication, outcome: str, name: str, *, sign: int) -> Claim:
    row = _by_model(result, outcome, "all interacted")
    which = "developed" if sign > 0 else "developing"
    return Claim(
        f"{name} response is stronger in {which} countries",
        "TBI x developed, every coefficient by group",
        float(row["difference"]),
        float(row["difference_se"]),
        float(row["p"]),
        sign,
    )
