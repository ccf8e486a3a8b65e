"""The verdicts on the paper's three hypotheses, and the rule behind them.

A test holds where the estimate has the claimed sign and its declared p (``declared``:
restricted wild cluster bootstrap) is below 5 %, by more than its simulation error. A
main test stands where it also holds over the declared family, all outcomes in all
samples (Westfall and Young), and under every declared threat: the same sign and a
declared p below 5 % there, which is the state ``as before`` or ``smaller``. A
hypothesis is ``supported`` where all main tests stand and all checks hold, ``supported
in part`` where at least one main test stands, else ``not supported``. The paper's own p
(CV1, t(G-1)) is shown and decides nothing.

Not tests of the hypotheses, and not counted: coefficients of the groups of countries
that a pooled main test contains (Table 4 inside Table 3). That one group's coefficient
is significant and the other's is not does not count as a difference, which has a test
of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

import tivax as tx

from ...core import load_toml
from .columns import LEVEL
from .declared import Role
from .inference import mc_error, side
from .results import Replication

_THREATS = load_toml(__package__, "threats.toml")["threats"]
NAMES = {(k["threat"], k["variant"]): k["name"] for k in _THREATS}
"""Threats in a few words."""
UNDER = {(k["threat"], k["variant"]): k["under"] for k in _THREATS if "under" in k}
"""How the main result reads under each declared threat."""
THREATS = tuple(UNDER)
HYPOTHESES = ("H1", "H2", "H3")


@dataclass(frozen=True)
class Claim:
    """A claim that follows from a hypothesis, and its test.

    Numbers are those of ``declared_p_values``, NaN where nothing could be estimated:
    ``p_value`` is the declared one, ``paper_p_value`` that of CV1; ``p_sample`` and
    ``p_family`` hold over the outcomes of the sample and over the declared family (NaN
    for checks), ``p_family_holm`` over that family by Holm's rule, which is shown and
    decides nothing. A main test holds under ``survived`` of ``threatened`` declared
    threats.
    """

    claim: str
    how: str
    role: Role
    sign: int
    estimate: float
    se: float
    paper_p_value: float
    p_value: float
    p_mc: float = 0.0
    p_sample: float = float("nan")
    p_family: float = float("nan")
    p_family_mc: float = 0.0
    p_family_holm: float = float("nan")
    survived: int = 0
    threatened: int = 0

    @property
    def holds(self) -> bool:
        """The claimed sign, and the declared p below the level."""
        return self._has_sign and side(self.p_value, self.p_mc) == "below"

    @property
    def holds_by_the_papers_p(self) -> bool:
        """The same of CV1 with t(G-1)."""
        return self._has_sign and self.paper_p_value < LEVEL

    @property
    def stands(self) -> bool:
        """It holds, over the declared family too, and under every threat."""
        family = self.holds_over_family
        return self.holds and family and self.survived == self.threatened > 0

    @property
    def holds_over_family(self) -> bool:
        """The declared p over the family below the level."""
        return side(self.p_family, self.p_family_mc) == "below"

    @property
    def _has_sign(self) -> bool:
        return self.sign * self.estimate > 0


@dataclass(frozen=True)
class Verdict:
    """A hypothesis, its tests, and the conclusion by the rule above."""

    hypothesis: str
    tests: Sequence[Claim]

    def of_role(self, role: Role) -> list[Claim]:
        """The tests of one role."""
        return [test for test in self.tests if test.role == role]

    @property
    def conclusion(self) -> str:
        stand = [test.stands for test in self.of_role("main")]
        if all(stand) and all(test.holds for test in self.of_role("check")):
            return "supported"
        return "supported in part" if any(stand) else "not supported"

    def frame(self) -> pd.DataFrame:
        """The tests as a table for people."""
        return pd.DataFrame(
            {
                "claim": [test.claim for test in self.tests],
                "test": [test.how for test in self.tests],
                "counts as": [_COUNTS_AS[test.role] for test in self.tests],
                "estimate": [test.estimate for test in self.tests],
                "s.e.": [test.se for test in self.tests],
                "p, the paper's": [test.paper_p_value for test in self.tests],
                "p": [test.p_value for test in self.tests],
                "over 5": [test.p_sample for test in self.tests],
                "over 15": [test.p_family for test in self.tests],
                "Holm": [test.p_family_holm for test in self.tests],
                "holds under threats": [
                    f"{test.survived} of {test.threatened}" if test.threatened else ""
                    for test in self.tests
                ],
                "holds": ["yes" if test.holds else "no" for test in self.tests],
            }
        )


_COUNTS_AS = {"main": "main test", "check": "check", "part": "part of a main test"}


def verdicts(result: Replication) -> list[Verdict]:
    """Hypotheses 1 to 3."""
    rows = result.declared
    return [
        Verdict(
            name,
            [
                _claim(row, result.threats)
                for row in rows[rows["hypothesis"] == name].to_dict("records")
            ],
        )
        for name in HYPOTHESES
    ]


def declared_threats(threats: tx.results.Threats) -> pd.DataFrame:
    """The rows of the declared threats that could be computed, with their state."""
    table = threats.rows
    pairs = zip(table["threat"], table["variant"], strict=True)
    chosen = np.array([pair in THREATS for pair in pairs], bool)
    return table[chosen & table["estimate"].notna().to_numpy()]


def _claim(row: dict[Any, Any], threats: tx.results.Threats | None) -> Claim:
    survived = threatened = 0
    if row["role"] == "main" and threats is not None:
        own = declared_threats(threats)
        own = own[own["model"] == row["model"]]
        threatened = len(own)
        each = (survives(k, row["sign"], threats.draws) for _, k in own.iterrows())
        survived = sum(each)
    given = {k.name: row[k.name] for k in fields(Claim) if k.name in row}
    return Claim(**given, survived=survived, threatened=threatened)


def survives(row: pd.Series, sign: int, draws: int) -> bool:
    """True if a claim holds in a row of the threats: its sign, and a declared p that is
    below 5 % by more than its simulation error."""
    p = float(row["wild_p_value"])
    return bool(sign * row["estimate"] > 0 and side(p, mc_error(p, draws)) == "below")
