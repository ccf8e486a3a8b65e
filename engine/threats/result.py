"""``Threats``: the table, and the sentence that is made from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool
from scipy import stats

from ..core import Listing, Printable, long_table_of, number_text, p_text
from ..resampling import LEVEL, Model
from .setting import HEADLINE

COLUMNS = tuple(
    (
        "model threat variant term coef se p p_wild n clusters variation_kept note"
    ).split()
)
_NAMED = 3
STATES = ("the model", "as before", "not significant", "other sign", "other question")


@dataclass(frozen=True, eq=False, repr=False)
class Threats(Printable):
    """Models under every threat; they print as a table and a sentence each.

    Attributes
    ----------
    table
        See :func:`threats`; the first row of a model is the model as given.
    comparable
        Rows whose coefficient is still the effect that the model claims: the result has
        gone away where it has the other sign or is not significant at 5 %.
    same_units
        Rows at least in units of that effect.
    draws
        Of ``p_wild``; 0 without.

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

    @property
    def sentence(self) -> str:
        """What makes each result go away, from the numbers of the table."""
        return "\n".join(self.sentences[model.name] for model in self.models)

    @property
    def sentences(self) -> dict[str, str]:
        """The sentence of each model, by its name."""
        return {model.name: self._sentence(model) for model in self.models}

    @property
    def gone(self) -> Bool[np.ndarray, " rows"]:
        """Comparable rows in which the result has gone away, where there was one."""
        gone = np.zeros(len(self.table), bool)
        for _, rows in self.table.groupby(["model", "term"], sort=False):
            first = rows.iloc[0]
            if first["threat"] != HEADLINE or not self._is_significant(first):
                continue
            lost = [
                np.sign(k.coef) != np.sign(first["coef"]) or not self._is_significant(k)
                for _, k in rows.iterrows()
            ]
            gone[rows.index] = lost
        return gone & self.comparable

    def intervals(self, model: str) -> pd.DataFrame:
        """What the figure shows of a model: rows in units of its effect.

        Columns threat, variant, term, coef, ci_low, ci_high (95 %, coef +- t se) and
        state: ``the model``, ``as before``, ``not significant``, ``other sign``, and
        ``other question`` of rows that are not comparable.
        """
        shown = (self.table["model"] == model) & self.same_units
        rows = self.table[shown & self.table["se"].notna()]
        first = rows.iloc[0]
        half = stats.t.ppf(1 - LEVEL / 2, rows["clusters"].astype(float) - 1)
        half = half * rows["se"]
        states = []
        for k, row in rows.iterrows():
            if row["threat"] == HEADLINE:
                states.append(STATES[0])
            elif not self.comparable[k]:
                states.append(STATES[4])
            elif np.sign(row["coef"]) != np.sign(first["coef"]):
                states.append(STATES[3])
            else:
                states.append(STATES[1 if self._is_significant(row) else 2])
        ends = {"ci_low": rows["coef"] - half, "ci_high": rows["coef"] + half}
        columns = ["threat", "variant", "term", "coef"]
        return rows[columns].assign(**ends, state=states).reset_index(drop=True)

    def _is_significant(self, row: pd.Series) -> bool:
        return bool(self.declared_p(row) <= LEVEL)

    @staticmethod
    def declared_p(row: pd.Series) -> float:
        """``p_wild`` where there is one, else ``p``."""
        return float(row["p"] if np.isnan(row["p_wild"]) else row["p_wild"])

    def _sentence(self, model: Model) -> str:
        mine = (self.table["model"] == model.name).to_numpy()
        treatment = model.treatments[0]
        term = (self.table["term"] == treatment).to_numpy()
        first = self.table[mine & term].iloc[0]
        name = f"{model.name}: {treatment} on {model.outcome}, {self._numbers(first)}"
        if not self._is_significant(first):
            return (
                f"{name}, is not significant at 5 %: there is no result that could go "
                "away."
            )
        asked = mine & term & self.comparable & (self.table["threat"] != HEADLINE)
        gone = self.table[asked & self.gone]
        count = int(asked.sum())
        if gone.empty:
            return f"{name}: {self._survival(self.table[asked], count)}"
        by = gone.assign(flip=np.sign(gone["coef"]) != np.sign(first["coef"]))
        flips = int(by["flip"].sum())
        turned = f", {flips} of them with the other sign" if flips else ""
        listed = "; ".join(map(self._named, self._cheapest(by)[:_NAMED]))
        said = [
            f"{name}, goes away in {len(gone)} of {count} variants{turned}",
            f"What it takes: {listed}",
        ]
        if flips:
            said.append(
                f"The other sign: {self._named(self._cheapest(by[by.flip])[0])}"
            )
        few = (self.table["threat"] == "influential clusters") & mine & term
        if len(few := self.table[few & self.table["variant"].str.contains(" of ")]):
            variants = few["variant"].str.removeprefix("without ")
            said.append(f"Clusters to be left out for it: {'; '.join(variants)}")
        return ". ".join(said) + "."

    def _named(self, row: pd.Series) -> str:
        kept = row["variation_kept"]
        share = "" if np.isnan(kept) else f", {100 * kept:.0f} % of variation kept"
        return f"{row['threat']}, {row['variant']}: {self._numbers(row)}{share}"

    def _cheapest(self, gone: pd.DataFrame) -> list[pd.Series]:
        """One of each threat: what keeps most of the variation; threats that keep most
        first."""
        kept = gone.assign(kept=gone["variation_kept"].fillna(-1.0))
        best = kept.sort_values("kept", ascending=False, kind="stable")
        return [row for _, row in best.drop_duplicates("threat").iterrows()]

    def _survival(self, asked: pd.DataFrame, count: int) -> str:
        if not count:
            return "nothing was asked."
        p = asked.apply(self.declared_p, axis=1)
        weakest = asked.loc[p.idxmax()]
        small = asked.loc[asked["coef"].abs().idxmin()]
        return (
            f"none of {count} variants makes it go away. The largest p is that of "
            f"{weakest['threat']}, {weakest['variant']}: {self._numbers(weakest)}; the "
            f"smallest effect that of {small['threat']}, {small['variant']}: "
            f"{self._numbers(small)}."
        )

    def _numbers(self, row: pd.Series) -> str:
        """``13.58 (4.461), p 0.0041``."""
        p = p_text(self.declared_p(row), self.draws or None)
        return f"{number_text(row['coef'])} ({number_text(row['se'])}), p {p}"

    def _listings(self) -> Sequence[Listing]:
        return [self._listing(model) for model in self.models]

    def _listing(self, model: Model) -> Listing:
        rows = [
            (
                f"{k.threat}: {k.variant}" if k.variant else str(k.threat),
                str(k.term),
                number_text(k.coef),
                number_text(k.se),
                p_text(k.p),
                p_text(k.p_wild, self.draws or None),
                "-" if pd.isna(k.n) else str(k.n),
                "-" if np.isnan(k.variation_kept) else f"{k.variation_kept:.2f}",
            )
            for k in self.table[self.table["model"] == model.name].itertuples()
        ]
        title = f"{model.name}: threats to {model.treatments[0]} on {model.outcome}"
        return Listing(title, _PRINTED, rows, [self.sentences[model.name]])


_PRINTED = ("", "term", "coef", "se", "p", "p wild", "n", "variation kept")


@long_table_of.register(Threats)
def _(result: Threats) -> pd.DataFrame:
    return result.table.copy()
