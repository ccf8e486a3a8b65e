"""Simulations in print: which p-value keeps its level, in a study and in one panel."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from ...kernels.panels.simulated import ANALYTIC, METHODS, WILD
from ..core import Listing, p_text
from ..figures import rejection_rates
from ..reporting import Drawn, Plot, Section, Table, Text, page_of
from ..reporting import Figure as Shown
from ..resampling import LEVEL, OwnPanel, Simulation
from .pages import OwnPage

_OTHERS = tuple(k for k in METHODS if k not in (*ANALYTIC, *WILD))
_FAMILIES = {"analytic": ANALYTIC, "wild": WILD, "others": _OTHERS}
_LARGEST = 8  # clusters shown, by their share of the variation
_OF_ROW = "clusters effective_clusters estimate without_min without_max term".split()
_CLUSTERS = {k: k for k in ("cluster", "rows", "leverage")}
_CLUSTERS |= {"partial_leverage": "partial leverage"}
_CLUSTERS |= {"estimate_without": "estimate without"}
_SIZES = {"size_min": "size, least", "size_max": "size, most", "worst": "most in"}
_PRINTED = ("", "p", "size, least", "size, most", "keeps its level")


@page_of.register(Simulation)
class SimulationPage(OwnPage):
    """The distance of the usual p from 5 %, and the p nearest to it."""

    room = "simulation"
    result: Simulation

    @property
    def subtitle(self) -> str:
        return self.words.text("seed", seed=self.result.study.seed)

    @property
    def sentence(self) -> str:
        found = self.result.findings()
        ranges = {k: self._range(*found[k]) for k in ("usual", "best")}
        parts = (self.words.text(k, **{**found, **ranges}) for k in ("rejects", "near"))
        return self.words.sentences(*parts)

    def _range(self, low: float, high: float) -> str:
        told = {"low": low, "high": high}
        alike = f"{low:.3f}" == f"{high:.3f}"
        return self.words.text("one" if alike else "range", **told)

    def plots(self) -> dict[str, Plot]:
        return {"sizes": partial(rejection_rates, self.result.table, self.said)}

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        found, section = self.result, self.words.section
        sizes = self._by_family(found.table, "size")
        counts = {"panels": found.study.panels, "draws": found.study.draws}
        shown = [section("size", drawn=Shown(figures["sizes"]), **counts, **sizes)]
        if len(power := found.with_power):
            shown.append(section("power", **self._by_family(power, "power")))
        return [*shown, section("every", rows=self.table(found.table, {}))]

    def _by_family(self, result: pd.DataFrame, column: str) -> dict[str, Table]:
        """A row for each design, a column for each method, a table for each family."""
        few = result.drop_duplicates("design").set_index("design")
        wide = result.pivot(index="design", columns="method", values=column)
        counts = few[["clusters", "effective_clusters"]].set_axis(
            ["clusters", "G*"], axis=1
        )
        return {
            family: self.table(
                counts.join(wide[[*methods]]).reset_index(),
                {"G*": ".1f", **dict.fromkeys(methods, ".3f")},
            )
            for family, methods in _FAMILIES.items()
        }

    def listings(self) -> list[Listing]:
        wide = self.result.table.pivot(index="design", columns="method", values="size")
        rows = [
            (str(name), *("-" if k != k else f"{k:.3f}" for k in sizes))
            for name, sizes in zip(wide.index, wide.to_numpy(), strict=True)
        ]
        return [Listing(self.words.text("listing"), ("", *wide.columns), rows)]


@page_of.register(OwnPanel)
class OwnPanelPage(OwnPage):
    """The p-value to report of one treatment, and the four steps that lead to it."""

    room = "own_panel"
    result: OwnPanel

    @property
    def subtitle(self) -> str:
        study = self.result.study
        given = {"panels": study.panels, "draws": study.draws, "seed": study.seed}
        return self.words.text("size", **given)

    @property
    def sentence(self) -> str:
        return self._named("named")

    @property
    def finding(self) -> list[str]:
        return [self._named("of effect")]

    def _named(self, part: str) -> str:
        model, found = self.result.model, self.words.sentences(*self._found())
        names = {"name": model.name, "term": self.result.term, "outcome": model.outcome}
        return self.words.text(part, found=found, **names)

    def _found(self) -> Iterator[str]:
        found = self.result.findings()
        (usual,) = found["usual"]
        if found["trusted"]:
            yield self._told("report", found["trusted"][0])
            yield self._told("usual", usual, drawn=False)
            return
        yield self._told("not usual", usual, drawn=False)
        yield self.words.text("none")
        if safe := [self._told("safe", row) for row in found["rarely"]]:
            yield self.words.text("rarely", safe=self.words.listed(safe, ", "))
        for row in found["often"]:
            yield self._told("often", row)

    def _told(self, part: str, row: Mapping[Any, Any], *, drawn: bool = True) -> str:
        """A row in words; its p is that of the panel's own draws."""
        p = row["p_value"], self.result.draws if drawn else None
        names = {k: self.said(row[k]) for k in ("method", "worst")}
        return self.words.text(part, **{**row, **names, "p": p})

    def plots(self) -> dict[str, Plot]:
        return {"sizes_1": partial(rejection_rates, self.result.sizes, self.said)}

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        found = self.result
        row, clusters = found.diagnostics, found.clusters
        first, few, many = clusters.iloc[0], *clusters["rows"].agg(["min", "max"])
        shown = clusters.head(_LARGEST)[[*_CLUSTERS]].rename(columns=_CLUSTERS)
        p_values = found.p_values.rename(columns=_SIZES)
        wide = found.sizes.pivot(index="method", columns="design", values="size")
        wide = wide.loc[[*p_values["method"]], [*found.sizes["design"].unique()]]
        p_values["p_value"] = [p_text(p, found.draws) for p in p_values["p_value"]]
        each = "even" if few == many else "uneven"
        formats = {"p_value": "", "size, least": ".3f", "size, most": ".3f"}
        return [
            self.words.section(
                "panel",
                name=found.model.name,
                equation=self.said(found.model.equation),
                each=self.words.text(each, few=few, many=many),
                leverage=clusters["leverage"].max() * row["clusters"],
                share=first["partial_leverage"],
                first=first["cluster"],
                even=1 / row["clusters"],
                rows=self.table(shown, {"rows": "d"}),
                levels=[*map(self._level, found.levels.to_dict("records"))],
                p_values=self.table(p_values, formats),
                figure=Shown(figures["sizes_1"]),
                sizes=self.table(
                    wide.reset_index(), dict.fromkeys(wide.columns, ".3f")
                ),
                **{k: row[k] for k in _OF_ROW},
            )
        ]

    def _level(self, row: Mapping[Any, Any]) -> Text:
        """The test of one level of clusters."""
        if row["note"]:
            told = self.words.text(
                "no level", **{**row, "note": self.said(row["note"])}
            )
            return Text(self.words.sentences(told))
        p = row["p_one_sided_wild"]
        verdict = self.words.text("too fine" if p <= LEVEL else "fine enough", **row)
        wild, normal = (p, min(self.result.draws, 9_999)), (row["p_one_sided"], None)
        told = {**row, "wild": wild, "normal": normal, "verdict": verdict}
        return Text(self.words.sentences(self.words.text("level", **told)))

    def listings(self) -> list[Listing]:
        rows = [
            (
                self.said(k["method"]),
                p_text(k["p_value"], self.result.draws),
                *(f"{k[name]:.3f}" for name in ("size_min", "size_max")),
                self.said(k["keeps"]),
            )
            for k in self.result.p_values.to_dict("records")
        ]
        title = f"{self.result.model.name}: {self.result.term}"
        names = [*map(self.said, _PRINTED)]
        return [Listing(title, names, rows, [self.sentence])]
