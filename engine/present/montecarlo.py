"""Monte Carlo over errors of tables in print: what they do to an effect."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..core import Listing, interval_text, number_text, p_text
from ..figures import drawn_effects
from ..montecarlo import MonteCarlo
from ..reporting import Drawn, Plot, Section, Table, page_of
from ..reporting import Figure as Shown
from .pages import OwnPage

# Rows of the report's tables: columns of summary.csv and reliability.csv.
_EFFECT = (
    "estimate se_sampling se_table se_total se_both interval p_value reliability "
    "coef_corrected coef_corrected_se coef_simex coef_simex_se"
).split()
_TREATMENT = (
    "sd_within sd_error reliability_within reliability correlation_with_tables "
    "largest_gap_to_tables moved_columns"
).split()
_NUMBERS = (
    "estimate se_sampling se_table se_total reliability coef_corrected "
    "coef_corrected_se coef_simex coef_simex_se"
).split()
_PRINTED = (
    "", "estimate", "se sampling", "se table", "se total", "reliability", "corrected",
    "(se)", "SIMEX", "(se) ", "p of the estimate", "its 95 % interval",
)  # fmt: skip


@page_of.register(MonteCarlo)
class MonteCarloPage(OwnPage):
    """A sentence for each treatment, a figure and two tables for each model."""

    room = "montecarlo"
    result: MonteCarlo

    @property
    def subtitle(self) -> str:
        return self._counted("size")

    def _counted(self, part: str) -> str:
        years = len(self.result.years)
        return self.words.text(part, draws=self.result.draws, years=years)

    @property
    def sentence(self) -> str:
        say, told = self.words.text, list[str]()
        for row in self.result.findings():
            corrected = np.isfinite(row["coef_corrected"])
            right = say("right" if corrected else "wrong", **row)
            told.append(self.words.sentences(say("parts", right=right, **row)))
        return "\n".join(told)

    @property
    def finding(self) -> Sequence[str]:
        say, told = self.words.text, list[str]()
        for row in self.result.findings():
            corrected = "pulled" if row["pulled"] else "corrected"
            found = "too large" if np.isnan(row["coef_corrected"]) else corrected
            told.append(self.words.sentences(say("share", **row), say(found, **row)))
        return told

    @property
    def _models(self) -> list[str]:
        return list(dict.fromkeys(self.result.summary["model"]))

    def plots(self) -> dict[str, Plot]:
        return {
            f"montecarlo_{number}": partial(self.figure, name)
            for number, name in enumerate(self._models, 1)
        }

    def figure(self, model: str) -> Figure:
        found = self.result
        rows, every = (
            k[k["model"] == model] for k in (found.summary, found.distribution)
        )
        return drawn_effects(rows, every, found.clusters[model], self.said)

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        return [*map(self._section, self._models, figures.values())]

    def _section(self, name: str, figure: Drawn) -> Section:
        effect, treatment = (
            table[table["model"] == name].set_index("term").drop(columns="model")
            for table in (self.result.summary, self.result.reliability)
        )
        ends = zip(effect["ci_low"], effect["ci_high"], strict=True)
        effect = effect.assign(
            interval=[interval_text(*k) for k in ends],
            p_value=effect["p_value"].map(p_text),
        )
        return self.words.section(
            "section",
            terms=", ".join(self.words.variable(str(k)) for k in effect.index),
            outcome=effect["outcome"].iloc[0],
            sample=effect["sample"].iloc[0],
            drawn=Shown(figure),
            effect=self._across(effect, "effect", _EFFECT),
            treatment=self._across(treatment, "treatment", _TREATMENT),
        )

    def _across(self, table: pd.DataFrame, kind: str, rows: Sequence[str]) -> Table:
        """A row for each number and a column for each treatment, to fit a page."""
        wide = table[[k for k in rows if not table[k].isna().all()]]
        frame = wide.map(_cell).T.rename_axis(None, axis=1)
        frame.index = pd.Index([self.said(f"{kind} {k}") for k in frame.index])
        return self.table(frame, dict.fromkeys(frame.columns, ""))

    def listings(self) -> Sequence[Listing]:
        rows = [
            (
                f"{row['model']}: {row['term']}",
                *(number_text(row[k]) for k in _NUMBERS),
                p_text(row["p_value"]),
                interval_text(row["ci_low"], row["ci_high"]),
            )
            for row in self.result.summary.to_dict("records")
        ]
        return [Listing(self._counted("listing"), _PRINTED, rows)]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if pd.isna(value) else number_text(value)
