"""``Threats``: the table, and what is found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from ..core import Phrase, long_table_of
from ..estimation import Model
from ..reporting import CV1, Told
from ..resampling import LEVEL, never_zero
from .influence import CLUSTERS
from .setting import HEADLINE
from .states import State, decisive_p, is_significant, reach, state_of

COLUMNS = tuple(
    "model threat variant term estimate se p_value wild_p_value n clusters "
    "variation_kept note".split()
)
_NAMED = 3
ERRORS = 2  # of Monte-Carlo, within which p is not told from 5 %
_Record = Mapping[Any, Any]


@dataclass(frozen=True)
class ThreatFinding:
    """The fate of the first treatment of a model.

    Attributes
    ----------
    first
        Its row in the model as given.
    rows
        Its other rows, each with its state.
    draws
        Draws of ``wild_p_value``.
    alone
        Note where one cluster alone identifies it; empty for none.
    """

    model: Model
    first: _Record
    rows: Sequence[tuple[_Record, str]]
    draws: int
    alone: str

    @property
    def undrawn(self) -> bool:
        """True where no p can be had without draws."""
        return bool(self.alone) and not np.isfinite(self.first["wild_p_value"])

    @property
    def significant(self) -> bool:
        return is_significant(self.first)

    def where(self, state: State) -> list[_Record]:
        """The rows in that state."""
        return [row for row, own in self.rows if own == state]

    @cached_property
    def asked(self) -> list[_Record]:
        """The rows that ask whether the result goes away."""
        return [row for row, state in self.rows if state]

    @property
    def gone(self) -> list[_Record]:
        return self.where("turned or gone")

    @property
    def turned(self) -> list[_Record]:
        """The rows of ``gone`` that have the other sign."""
        return [k for k in self.gone if k["estimate"] * self.first["estimate"] <= 0]

    @property
    def smallest(self) -> float:
        """The smallest estimate of all that ask."""
        return min((row["estimate"] for row in self.asked), key=abs)

    @property
    def least_certain(self) -> _Record:
        """The row of the largest p of all that ask."""
        bound = 1 / (self.draws + 1)  # of a p below one of the draws
        return max(self.asked, key=lambda row: decisive_p(row) or bound)

    @property
    def told(self) -> list[_Record]:
        """Rows to name: of each threat that what keeps most of the variation, the most
        first; one that turns the sign before them."""
        told = _cheapest(self.gone)[:_NAMED]
        if other := [row for row in _cheapest(self.turned)[:1] if row not in told]:
            told = [*other, *told[: _NAMED - 1]]
        return told

    @property
    def dropped(self) -> dict[int, bool]:
        """Clusters that were chosen to be left out until it goes away, by their number:
        whether its sign turns."""
        every = int(self.first["clusters"])
        return {
            every - int(row["clusters"]): row["estimate"] * self.first["estimate"] < 0
            for row, state in self.rows
            if row["threat"] == CLUSTERS and not state and np.isfinite(row["estimate"])
        }


def threats_of(rows: Sequence[_Record]) -> int:
    """Threats, not rows: several factors, or several distances, are one idea."""
    return len({row["threat"] for row in rows})


@dataclass(frozen=True, eq=False, repr=False)
class Threats(Told):
    """Models under every threat; they print as a table and a sentence each.

    Attributes
    ----------
    table
        See :func:`threats`; the first row of a model is the model as given.
    comparable
        Rows whose coefficient is still the effect that the model claims.
    same_units
        Rows at least in units of that effect.
    draws
        Draws of ``wild_p_value``; 0 without.
    residual_max
        The largest norm of X'(y - X beta) of the models, columns of length 1.
    alone
        By model, which treatments one cluster alone identifies; empty for none.
    phrases
        By a text of the table, what it was made of.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> found = tx.threats(panel, model, only=["unit trends"], draws=0)
    >>> found.table["variant"].tolist()
    ['as given', 'linear']
    """

    table: pd.DataFrame
    comparable: Bool[np.ndarray, " rows"]
    same_units: Bool[np.ndarray, " rows"]
    models: tuple[Model, ...]
    draws: int
    residual_max: float
    alone: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, Phrase] = field(default_factory=dict)

    def findings(self) -> list[ThreatFinding]:
        """The fate of the first treatment of each model."""
        found, every = [], [*zip(self._records, self.states, strict=True)]
        for model in self.models:
            first, *rows = (
                (row, state)
                for row, state in every
                if row["model"] == model.name and row["term"] == model.treatments[0]
            )
            alone = self.alone.get(model.name, "")
            found.append(ThreatFinding(model, first[0], rows, self.draws, alone))
        return found

    @property
    def states(self) -> list[str]:
        """State of a significant result in each comparable row, by ``state_of``.

        ``turned or gone``, ``smaller``, ``blurred`` or ``as before``, and ``the model``
        of the model as given. Empty for other rows, and where the model as given is not
        significant.
        """
        first: dict[tuple[str, str], _Record] = {}
        states = []
        for row, comparable in zip(self._records, self.comparable, strict=True):
            given = first.setdefault((row["model"], row["term"]), row)
            asked = comparable and is_significant(given)
            state = state_of(row, given) if asked else ""
            states.append("the model" if row["threat"] == HEADLINE else state)
        return states

    @property
    def gone(self) -> Bool[np.ndarray, " rows"]:
        """Rows whose state is ``turned or gone``."""
        return np.array([state == "turned or gone" for state in self.states], bool)

    @property
    def rows(self) -> pd.DataFrame:
        """The table with ``state``, as it is written to a file."""
        p = never_zero(self.table["wild_p_value"], self.draws)
        return self.table.assign(wild_p_value=p, state=self.states)

    def intervals(self, model: str) -> pd.DataFrame:
        """Intervals of a model that the figure shows: rows in units of its effect.

        Columns threat, variant, term, estimate, ci_low, ci_high (95 %, by t) and state:
        that of ``states`` whether the model is significant or not, and ``other
        question`` of rows that are not comparable.
        """
        shown = (self.table["model"] == model) & self.same_units
        shown = (shown & self.table["se"].notna()).to_numpy(bool)
        rows = self.table[shown]
        records = rows.to_dict("records")
        comparable = self.comparable[shown]
        states = [
            "the model"
            if row["threat"] == HEADLINE
            else state_of(row, records[0])
            if own
            else "other question"
            for row, own in zip(records, comparable, strict=True)
        ]
        half = np.array([reach(row) for row in records])
        ends = {"ci_low": rows["estimate"] - half, "ci_high": rows["estimate"] + half}
        columns = ["threat", "variant", "term", "estimate"]
        return rows[columns].assign(**ends, state=states).reset_index(drop=True)

    @property
    def _records(self) -> list[dict[Any, Any]]:
        return self.table.to_dict("records")

    program = "threats"
    in_print = "tivax.engine.present.threats"

    def tables(self) -> dict[str, pd.DataFrame]:
        return {"threats": self.rows}

    def facts(self) -> dict[str, Any]:
        own = {k.name: self.table["model"] == k.name for k in self.models}
        return {
            "residual_max": self.residual_max,
            "draws": self.draws,
            "models": len(self.models),
            "rows": len(self.table),
            "gone": {name: int((self.gone & rows).sum()) for name, rows in own.items()},
            "covariance": CV1,
            "wild_p_value": "WCR, for 2SLS WRE, Webb's weights: share of |t*| > |t|",
        }


def at_level(row: Mapping[str, Any], draws: int) -> bool:
    """True if the declared p is 5 % within ``_ERRORS`` errors of its draws."""
    error = np.sqrt(LEVEL * (1 - LEVEL) / draws) if draws else 0.0
    return bool(abs(row["wild_p_value"] - LEVEL) < ERRORS * error)


def _cheapest(gone: Sequence[_Record]) -> list[_Record]:
    """One of each threat, what keeps most of the variation; the most first."""
    order = sorted(
        gone, key=lambda row: -np.nan_to_num(row["variation_kept"], nan=-1.0)
    )
    best: dict[str, _Record] = {}
    for row in order:
        best.setdefault(row["threat"], row)
    return list(best.values())


@long_table_of.register(Threats)
def _(result: Threats) -> pd.DataFrame:
    return result.rows
