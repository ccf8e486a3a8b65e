"""Threats in print: what becomes of a result, the table and the figure of all rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..core import Listing, Phrase, capital, number_text, p_text
from ..estimation import Model
from ..figures import HEADED, threat_intervals
from ..reporting import Drawn, Section, page_of
from ..reporting import Figure as Shown
from ..resampling import LEVEL
from ..threats import ERRORS, ThreatFinding, Threats, at_level, decisive_p, threats_of
from .models import ModelsPage

_HEADERS = {"wild_p_value": "wild p", "variation_kept": "kept"}
_FORMATS = {"estimate": "", "se": "", "p_value": "", "wild p": "", "kept": ".2f"}
_PRINTED = ("", "term", "estimate", "se", "p", "wild p", "n", "variation kept")
_BESIDE = ("{years} later, beside", "{years} earlier, beside")
_Record = Mapping[Any, Any]


@page_of.register(Threats)
class ThreatsPage(ModelsPage):
    """Models under every threat."""

    room = "threats"
    result: Threats

    def found(self, model: Model) -> str:
        """``The effect of X on Y (13.58, p 0.0041) is turned or gone under 9 ...``"""
        finding = self._finding(model)
        return self.words.sentences(self._headline(finding), *self._more(finding))

    def headline(self, model: Model) -> str:
        return self._headline(self._finding(model))

    def _finding(self, model: Model) -> ThreatFinding:
        return next(k for k in self.result.findings() if k.model.name == model.name)

    def _headline(self, found: ThreatFinding) -> str:
        say, model = self.words.text, found.model
        if found.undrawn:
            return say("undrawn", alone=found.alone)
        names = {"treatment": model.treatments[0], "outcome": model.outcome}
        effect = say("effect", short=self._short(found.first), **names)
        if not found.significant:
            return say("insignificant", effect=effect)
        if not found.asked:
            return say("unasked", effect=effect)
        counts = {"threats": threats_of(found.asked), "variants": len(found.asked)}
        if not (gone := found.gone):
            return say("survives", effect=effect, **counts)
        under = {"under": threats_of(gone), "gone": len(gone)}
        return say("gone", effect=effect, **under, **counts)

    def _more(self, found: ThreatFinding) -> list[str]:
        if found.undrawn:
            return []
        alone = [self.said(found.alone)] if found.alone else []
        if not found.significant or not found.asked:
            return alone
        say = self.words.text
        states = {
            "turned": found.turned,
            "smaller": found.where("smaller"),
            "blurred": found.where("blurred"),
        }
        told = [
            say(name, rows=len(rows), level=LEVEL)
            for name, rows in states.items()
            if rows
        ]
        if not found.gone and not told:
            p = self._p(found.least_certain)
            told = [say("least", p=p, smallest=found.smallest)]
        every = int(found.first["clusters"])
        dropped = [
            say("reversed" if turned else "dropped", clusters=clusters, every=every)
            for clusters, turned in found.dropped.items()
        ]
        return [*told, *map(self._named, found.told), *dropped, *alone]

    def _named(self, row: _Record) -> str:
        """``Left out (EU15): 8.260, p 0.0786, with 68 % of the variation left``."""
        kept = row["variation_kept"]
        return self.words.text(
            "kept" if np.isfinite(kept) else "told",
            threat=capital(self.said(row["threat"])),
            variant=self.phrase(row["variant"]),
            short=self._short(row),
            kept=kept,
        )

    def _short(self, row: _Record) -> str:
        """``13.58, p 0.0041``."""
        return self.words.text(
            "near" if at_level(row, self.result.draws) else "short",
            estimate=row["estimate"],
            p=self._p(row),
            errors=ERRORS,
        )

    def _p(self, row: _Record) -> tuple[float, int | None]:
        return decisive_p(row), self.result.draws or None

    def figure(self, model: Model) -> Figure:
        rows = self.result.intervals(model.name)
        names = [self._name(k, model.treatments[0]) for k in rows.to_dict("records")]
        return threat_intervals(rows.assign(name=names), say=self.said)

    def named(self, threat: str, variant: str) -> str:
        """``left out: EU15``."""
        return self.words.say(Phrase(HEADED, threat=threat, name=self.phrase(variant)))

    def _name(self, row: _Record, treatment: str) -> str:
        """The variant; of another question, what is asked about, where that is not the
        effect of the treatment."""
        threat, term = row["threat"], row["term"]
        variant = self.phrase(row["variant"])
        if threat == "placebo outcome":
            return self.words.variable(variant)
        name = self.words.say(variant)
        if row["state"] != "other question" or term == treatment or threat == "vintage":
            return name
        if threat not in ("leads", "lags"):
            return self.words.text("about", variant=name, term=self.phrase(term))
        beside = (
            getattr(variant, "key", "") in _BESIDE
        )  # in its place there is no other
        return self.words.text("own", variant=name) if beside else name

    def section(self, model: Model, figure: Drawn) -> Section:
        own = self.result.table["model"] == model.name
        rows, wild = self.result.rows[own], self.result.table.loc[own, "wild_p_value"]
        wild = [p_text(p, self.result.draws or None) for p in wild]
        # Rows that ask another question have units of their own.
        texts = {k: rows[k].map(number_text) for k in ("estimate", "se")}
        texts |= {"p_value": rows["p_value"].map(p_text), "wild_p_value": wild}
        shown = rows.drop(columns="model").assign(**texts).rename(columns=_HEADERS)
        return self.words.section(
            "section",
            treatment=model.treatments[0],
            outcome=model.outcome,
            drawn=Shown(figure),
            rows=self.table(shown.reset_index(drop=True), _FORMATS),
            equation=self.said(model.equation),
        )

    def listing(self, model: Model) -> Listing:
        draws = self.result.draws or None
        rows = [
            (
                ": ".join(filter(None, (k["threat"], k["variant"]))),
                k["term"],
                number_text(k["estimate"]),
                number_text(k["se"]),
                p_text(k["p_value"]),
                p_text(k["wild_p_value"], draws),
                "-" if pd.isna(k["n"]) else str(k["n"]),
                "-" if np.isnan(k["variation_kept"]) else f"{k['variation_kept']:.2f}",
            )
            for k in self.result.table.to_dict("records")
            if k["model"] == model.name
        ]
        names = {"treatment": model.treatments[0], "outcome": model.outcome}
        title = self.words.text("listing", name=model.name, **names)
        return Listing(title, _PRINTED, rows, [self.sentences[model.name]])
