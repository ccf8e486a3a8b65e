"""``Threats``: the table, and the sentence that is made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pandas as pd
from jaxtyping import Bool
from matplotlib.figure import Figure

from ..core import (
    Listing,
    count_text,
    long_table_of,
    number_text,
    p_text,
    percent_text,
)
from ..estimation import Model
from ..figures import threat_intervals
from ..reporting import (
    CV1,
    Drawn,
    Section,
    Table,
    Text,
    method_of,
    threat_in_words,
    variable_name,
)
from ..reporting import Figure as Shown
from ..resampling import LEVEL, never_zero
from .influence import CLUSTERS
from .models_result import ModelsResult
from .setting import HEADLINE
from .states import State, decisive_p, is_significant, reach, state_of

COLUMNS = tuple(
    "model threat variant term estimate se p_value wild_p_value n clusters "
    "variation_kept note".split()
)
_NAMED = 3
_ERRORS = 2  # of Monte-Carlo, within which p is not told from 5 %
_Record = Mapping[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Threats(ModelsResult):
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

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"])
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

    def _found(self, model: Model) -> str:
        """``The effect of X on Y (13.58, p 0.0041) is turned or gone under 9 ...``"""
        rows = [
            (row, state)
            for row, state in zip(self._records, self.states, strict=True)
            if row["model"] == model.name and row["term"] == model.treatments[0]
        ]
        first, others = rows[0][0], [row for row, state in rows[1:] if state]
        named = (
            f"The effect of {variable_name(model.treatments[0])} on "
            f"{variable_name(model.outcome)} ({self._short(first)})"
        )
        alone = self.alone.get(model.name, "")
        if alone and not np.isfinite(first["wild_p_value"]):
            return (
                f"{alone}, nor p by it: nothing can be said of threats without draws."
            )
        why = "significant; no variant asks whether it goes away"
        if not is_significant(first):
            why = "not significant at 5 %: there is no result to lose"
        if not is_significant(first) or not others:
            return ". ".join(filter(None, [f"{named} is {why}", alone])) + "."
        gone, smaller, blurred, _ = (
            [row for row, own in rows if own == state] for state in get_args(State)
        )
        turned = [row for row in gone if row["estimate"] * first["estimate"] <= 0]
        # Threats, not rows: several factors, or several distances, are one idea.
        threats, under = (len({k["threat"] for k in own}) for own in (others, gone))
        what = f"is turned or gone under {under} of" if gone else "survives each of"
        of = f"{len(gone)} of " if gone else ""
        said = [
            f"{named} {what} {count_text(threats, 'threat')} "
            f"({of}{count_text(len(others), 'variant')})"
        ]
        said += [
            f"In {count_text(len(own), 'variant')} {what}"
            for own, what in (
                (turned, "its sign turns"),
                (smaller, f"it is smaller: less than half is left, p at most {LEVEL}"),
                (blurred, f"it is blurred: p rises above {LEVEL}"),
            )
            if own
        ]
        if not gone and not smaller and not blurred:
            small = min((row["estimate"] for row in others), key=abs)
            bound = 1 / (self.draws + 1)  # of a p below one of the draws
            largest = max(others, key=lambda row: decisive_p(row) or bound)
            said.append(
                f"The largest p is {self._p(largest)}, the smallest effect "
                f"{number_text(small)}"
            )
        told = _cheapest(gone)[:_NAMED]
        if other := [row for row in _cheapest(turned)[:1] if row not in told]:
            told = [*other, *told[: _NAMED - 1]]
        said += map(self._named, told)
        every = int(first["clusters"])
        # Those whose clusters were chosen for it, fitted.
        dropped = {
            every - int(row["clusters"]): row["estimate"] * first["estimate"] < 0
            for row, state in rows
            if row["threat"] == CLUSTERS and not state and np.isfinite(row["estimate"])
        }
        said += [
            f"Dropping {count} of {every} clusters "
            f"{'turns its sign' if turned else 'makes it insignificant by CV1'}"
            for count, turned in dropped.items()
        ]
        return ". ".join(filter(None, [*said, alone])) + "."

    def _named(self, row: _Record) -> str:
        """``Left out (EU15): 8.260, p 0.0786, with 68 % of the variation left``."""
        kept = row["variation_kept"]
        left = f", with {percent_text(kept)} of the variation left"
        return (
            f"{row['threat'].capitalize()} ({threat_in_words(row['variant'])}): "
            f"{self._short(row)}{left if np.isfinite(kept) else ''}"
        )

    def _short(self, row: _Record) -> str:
        """``13.58, p 0.0041``."""
        near = f", within {_ERRORS} Monte-Carlo errors of 0.05"
        return (
            f"{number_text(row['estimate'])}, p {self._p(row)}"
            f"{near if at_level(row, self.draws) else ''}"
        )

    def _p(self, row: _Record) -> str:
        return p_text(decisive_p(row), self.draws or None)

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
    report_title = "What would make it go away"
    method = method_of("threats")

    def tables(self) -> dict[str, pd.DataFrame]:
        return {"threats": self.rows}

    def _title(self, model: Model) -> str:
        return self._found(model).split(". ")[0].rstrip(".")

    def _figure(self, model: str) -> Figure:
        return threat_intervals(self.intervals(model))

    def _section(self, model: Model, figure: Drawn) -> Section:
        own = self.table["model"] == model.name
        rows, wild = self.rows[own], self.table.loc[own, "wild_p_value"]
        wild = [p_text(p, self.draws or None) for p in wild]
        # Rows that ask another question have units of their own.
        texts = {k: rows[k].map(number_text) for k in ("estimate", "se")}
        texts |= {"p_value": rows["p_value"].map(p_text), "wild_p_value": wild}
        named = {"wild_p_value": "wild p", "variation_kept": "kept"}
        shown = rows.drop(columns="model").assign(**texts).rename(columns=named)
        caption = (
            "Estimates with 95 % intervals, estimate +- t(G - 1) se, in units of the "
            "effect, arrows an interval that goes on; in grey rows that ask another "
            "question."
        )
        formats = {"estimate": "", "se": "", "p_value": "", "wild p": "", "kept": ".2f"}
        table = Table(shown.reset_index(drop=True), "Every row.", formats)
        effect = (
            f"{variable_name(model.treatments[0])} on {variable_name(model.outcome)}"
        )
        return Section(effect, [Shown(figure, caption), table, Text(model.equation)])

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

    def _listing(self, model: Model) -> Listing:
        rows = [
            (
                f"{k['threat']}: {k['variant']}" if k["variant"] else k["threat"],
                k["term"],
                number_text(k["estimate"]),
                number_text(k["se"]),
                p_text(k["p_value"]),
                p_text(k["wild_p_value"], self.draws or None),
                "-" if pd.isna(k["n"]) else str(k["n"]),
                "-" if np.isnan(k["variation_kept"]) else f"{k['variation_kept']:.2f}",
            )
            for k in self._records
            if k["model"] == model.name
        ]
        title = f"{model.name}: threats to {model.treatments[0]} on {model.outcome}"
        return Listing(title, _PRINTED, rows, [self._sentence(model)])


_PRINTED = ("", "term", "estimate", "se", "p", "wild p", "n", "variation kept")


def at_level(row: Mapping[str, Any], draws: int) -> bool:
    """True if the declared p is 5 % within ``_ERRORS`` errors of its draws."""
    error = np.sqrt(LEVEL * (1 - LEVEL) / draws) if draws else 0.0
    return bool(abs(row["wild_p_value"] - LEVEL) < _ERRORS * error)


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
