"""Specification curves in print: the joint tests, the options, every specification."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from ..core import Listing, number_text, p_text
from ..curve import UNWEIGHTED, CurveFinding, SpecificationCurve
from ..estimation import Model
from ..figures import joint_curve
from ..reporting import Drawn, Section, option_name, page_of
from ..reporting import Figure as Shown
from .models import ModelsPage

_HEADERS = {
    "null_low": "null 2.5 %",
    "null_median": "null 50 %",
    "null_high": "null 97.5 %",
    "mc_error": "error of p",
}
_PRINTED = ("", "observed", "null 2.5 %", "50 %", "97.5 %", "p", "error of p")


@page_of.register(SpecificationCurve)
class CurvePage(ModelsPage):
    """Models under every combination of choices."""

    room = "curve"
    result: SpecificationCurve

    def found(self, model: Model) -> str:
        """``The effect of X on Y is positive and significant in 19 % of 116 ...``"""
        return self.words.sentences(*self._sentences(self._finding(model)))

    def headline(self, model: Model) -> str:
        return self._headline(self._finding(model))

    def _finding(self, model: Model) -> CurveFinding:
        return self.result.findings()[self.result.models.index(model)]

    def _headline(self, found: CurveFinding) -> str:
        say, model = self.words.text, found.model
        sign = "positive" if found.positive else "negative"
        rows = "bare rows" if found.weighted else "all rows"
        return say(
            sign if found.significant else "none",
            treatment=model.treatments[0],
            outcome=model.outcome,
            share=found.significant,
            counted=say(rows, rows=len(found.rows)),
        )

    def _sentences(self, found: CurveFinding) -> Iterator[str]:
        say, effects = self.words.text, found.rows["estimate"]
        chosen = found.rows[found.rows["chosen"]].iloc[0]
        median, share, z = found.tests
        headline = self._headline(found)
        yield say("median", headline=headline, median=median["estimate"])
        yield say(
            "range",
            lowest=effects.min(),
            highest=effects.max(),
            estimate=chosen["estimate"],
            p=self._p(chosen["wild_p_value"]),
        )
        if found.drawn:
            yield say("drawn", combinations=self.result.combinations)
        if found.same:
            yield say("same" if found.same > 1 else "same one", same=found.same)
        if found.lost:
            yield say("lost", lost=found.lost)
        yield say("null", share=share["null_high"])
        p = [self._p(k["p_value"]) for k in (median, share, z)]
        told = dict(zip(("median", "share", "z"), p, strict=True))
        yield say("against", conclusion=self._conclusion(found), **told)
        for name, (estimates, own) in found.weighted.items():
            yield say(
                "weighted",
                weights=name,
                rows=len(estimates),
                median=estimates.median(),
                p=", ".join(p_text(*self._p(k)) for k in own),
            )
        choice, options = found.moves
        if options:
            most, least = (
                say(
                    "moved",
                    option=option_name(choice, option, self.language),
                    median=median,
                )
                for option, median in options
            )
            yield say("moves", choice=choice, most=most, least=least)

    def _conclusion(self, found: CurveFinding) -> str:
        """Number of tests that reject, and of those within simulation error of 5 %."""
        say, counts = self.words.text, {"below": found.below, "tests": len(found.tests)}
        if found.below == len(found.tests):
            return say("unlikely")
        names = {0: "no test", 1: "one test"}
        told = say(names.get(found.below, "tests"), **counts)
        if not found.near:
            return told
        name = "near" if found.near > 1 else "near one"
        return say(name, conclusion=told, near=found.near)

    @property
    def _draws(self) -> int | None:
        return None if self.result.exact else self.result.draws

    def _p(self, p: float) -> tuple[float, int | None]:
        return p, self._draws

    def figure(self, model: Model) -> Figure:
        """The curve of a model with the band of no effect."""
        found = self.result
        null = found.null[found.null["model"] == model.name]
        curve = found.drawn_curve(model.name)
        return joint_curve(curve, found.choices, null, self.language)

    def section(self, model: Model, figure: Drawn) -> Section:
        tests, options, rows = (
            k[k["model"] == model.name].drop(columns="model").reset_index(drop=True)
            for k in (self.result.tests, self.result.by_option, self.result.table)
        )
        tests = tests.assign(
            p_value=[p_text(p, self._draws) for p in tests["p_value"]],
            mc_error=tests["mc_error"].map(p_text),
        ).rename(columns=_HEADERS)
        rows = rows.assign(
            p_value=rows["p_value"].map(p_text),
            wild_p_value=[p_text(p, self._draws) for p in rows["wild_p_value"]],
        ).rename(columns={"wild_p_value": "wild p"})
        return self.words.section(
            "section",
            treatment=model.treatments[0],
            outcome=model.outcome,
            drawn=Shown(figure),
            tests=self.table(tests, {"p_value": "", "error of p": ""}),
            options=self.table(options, {"significant": ".0%"}),
            rows=self.table(rows, {"p_value": "", "wild p": ""}),
            equation=self.said(model.equation),
        )

    def listing(self, model: Model) -> Listing:
        tests = self.result.tests
        rows = [
            (
                str(k["statistic"])
                + ("" if k["weights"] == UNWEIGHTED else f", {k['weights']}"),
                number_text(k["estimate"]),
                number_text(k["null_low"]),
                number_text(k["null_median"]),
                number_text(k["null_high"]),
                p_text(k["p_value"], self._draws),
                p_text(k["mc_error"]),
            )
            for k in tests[tests["model"] == model.name].to_dict("records")
        ]
        title = self.words.text(
            "listing of patterns" if self.result.exact else "listing",
            name=model.name,
            treatment=model.treatments[0],
            outcome=model.outcome,
            draws=self.result.draws,
        )
        return Listing(title, _PRINTED, rows, [self.sentences[model.name]])
