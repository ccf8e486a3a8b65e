"""Scenarios in print: who changes most, in words, figures and a table."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core import Listing, capital, first_and_named, number_text
from ..figures.scenarios import changes_by_variant, largest_changes, shown_change
from ..measures import EVERY_PARTNER
from ..reporting import Plot, measure_name, page_of
from ..scenarios import EVERY, ScenarioResult
from ..tables import REST, country_name
from .by_region import RegionsPage, change_text, largest

_SHOWN = 10
# Columns of the printed table of one variant.
_MEASURES = 4
# Titles of their own.
_WAYS = ("cut both ways", "shift both ways", "extract exports", "extract imports")


@page_of.register(ScenarioResult)
class ScenariosPage(RegionsPage):
    """Who changes most in the last year; a table and figures of the largest changes."""

    room = "scenarios"
    result: ScenarioResult

    @property
    def title(self) -> str:
        """The event, where it is the same in all variants."""
        say, found = self.words.text, self.result
        shocks = found.variants[["kind", "who", "whom", "sectors"]].drop_duplicates()
        if len(shocks) > 1:
            name = self.variant(str(found.variants["variant"].iloc[0]))
            several = {"variants": found.count, "name": name}
            return say("several" if found.count > 1 else "one", **several)
        kind, who, whom, sectors = map(str, shocks.iloc[0])
        every = "all countries" if kind == "demand" else "all others"
        seller = "all countries" if who == EVERY else who
        first = found.variants.iloc[0]
        way = "both ways" if first.get("both_ways") else first.get("links")
        part = f"{kind} {way}" if f"{kind} {way}" in _WAYS else kind
        event = say(part, seller=seller, buyer=every if whom == EVERY else whom)
        of = [] if sectors == EVERY else [say("sectors", sectors=sectors)]
        if found.variants["percent"].nunique() == 1 and first["percent"] != 100:
            of = [say("percent", change=f"{first['percent']:g}"), *of]
        return say("of", event=event, of=", ".join(of)) if of else event

    @property
    def method(self) -> str:
        return self.words.text("prices" if self.result.priced else "method")

    @property
    def subtitle(self) -> str:
        years = self.result.variants["year"].unique()
        given = {"variants": self.result.count, "years": ", ".join(map(str, years))}
        return self.words.text("size", **given)

    @property
    def sentence(self) -> str:
        """The largest change of the first measure, and the largest of the other sign in
        the same variant."""
        rows = self._of_first
        if rows.empty:
            return ""
        most, several = largest(rows), self.result.count > 1
        about = {"year": most["year"], "measure": self._measure(most["measure"])}
        same = rows[rows["variant"] == most["variant"]]
        variant = self.variant(most["variant"]) if several else ""
        told = self.told(rows, same, variant, **about)
        return "\n".join(map(self.words.sentences, told))

    def _measure(self, code: Any) -> str:
        return self.said(measure_name(str(code)))

    @property
    def _last_year(self) -> pd.DataFrame:
        table = self.result.table
        rows = table[table["year"] == table["year"].max()]
        return rows.assign(shown=shown_change(rows))

    @property
    def _of_first(self) -> pd.DataFrame:
        """Rows of regions, or those asked for, of the first measure in the last year,
        where there is a change to show."""
        rows, found = self._last_year, self.result
        own = (rows["region"] != EVERY_PARTNER) & rows["shown"].notna()
        own &= rows["region"].isin(found.asked or rows["region"])
        return rows[own & (rows["measure"] == found.measures[0])]

    def plots(self) -> dict[str, Plot]:
        found, about = self.result, {"say": self.said}
        table = found.table
        table = table.assign(variant=table["variant"].map(self.variant))
        given = table, found.asked or None
        plots: dict[str, Plot] = {}
        plots["largest"] = partial(largest_changes, *given, named=found.named, **about)
        if found.count > 1:
            asked = {"regions": found.asked or None}
            plots["map"] = partial(changes_by_variant, table, **asked, **about)
        return plots

    def titles(self) -> dict[str, str]:
        """Who changes most, in the last year, of the first measure."""
        say, rows, found = self.words.text, self._of_first, self.result
        if not rows["shown"].any():
            return {}
        most = largest(rows)
        unit = self.words.tight(" %") if np.isfinite(most["percent"]) else ""
        change = f"{most['shown']:+.3g}{unit}".replace("-", "−")
        several = rows["region"].nunique() > 1
        about = {"region": capital(self.country(most["region"]))}
        about |= {"measure": self._measure(most["measure"]), "change": change}
        title = say("headline" if several else "headline alone", **about)
        if found.count > 1:
            title = say("of variant", title=title, name=self.variant(most["variant"]))
        others = {*found.table["region"]} - {EVERY_PARTNER, *found.asked, REST}
        if found.asked and several and others:
            title = say("shown", title=title)
        return {"largest": title}

    def listings(self) -> Sequence[Listing]:
        """Accuracy, and the largest changes of the last year."""
        found, say = self.result, self.words.text
        about = {"variants": found.count, "residual": found.residual_max}
        if not found.priced:
            about["identity"] = found.identity_max
        head = say("accuracy of prices" if found.priced else "accuracy", **about)
        notes = []
        if (unplaced := found.variants["unplaced"]).max() > 0:
            whole = found.variants["moved"] + unplaced
            share = float((unplaced / whole.where(whole > 0)).max())
            notes.append(say("unplaced", share=share))
        shown = self._of_one() if found.count == 1 else self._of_several()
        return [Listing(head, (), (), notes), shown]

    def _of_several(self) -> Listing:
        rows, found = self._last_year, self.result
        rows = rows[rows["region"] != EVERY_PARTNER]
        percent = bool(rows["percent"].notna().any())
        rows = rows[rows["percent"].notna() | (not percent)]
        if found.asked:
            rows = rows[rows["region"].isin(found.asked)]
        order = rows["shown"].abs().sort_values(ascending=False, kind="stable").index
        rows = rows.loc[order]
        rows = rows.iloc[first_and_named([*rows["region"]], found.named, _SHOWN)]
        cells = [
            (
                *self._labels(variant, region, measure),
                number_text(base),
                change_text(change, percent),
            )
            for variant, region, measure, base, change in rows[
                ["variant", "region", "measure", "before", "shown"]
            ].itertuples(index=False)
        ]
        unit = "per cent" if percent else "change"
        names = ("variant", "region", "measure", "before", unit)
        year = found.table["year"].max()
        title = self.words.text("table in per cent" if percent else "table", year=year)
        return Listing(title, [*map(self.said, names)], cells, words=3)

    def _labels(self, variant: str, region: str, measure: str) -> tuple[str, ...]:
        """As files have them; in Chinese in words."""
        if not self.words.chinese:
            return variant, region, measure
        return (
            self.variant(variant),
            self.said(country_name(region)),
            self._measure(measure),
        )

    def _of_one(self) -> Listing:
        """The regions that change most and those named, with a column for each
        measure."""
        rows, found, say = self._last_year, self.result, self.words.text
        measures = found.measures[:_MEASURES]
        wide = rows.set_index(["region", "measure"])["shown"].unstack("measure")
        size = wide[measures[0]].abs()
        order = size.sort_values(ascending=False, kind="stable").index
        chosen = [k for k in order if k != EVERY_PARTNER]
        chosen = [chosen[k] for k in first_and_named(chosen, found.named, _SHOWN - 2)]
        about = {"year": rows["year"].iloc[0], "measure": self._measure(measures[0])}
        title = say("largest", **about)
        if named := [k for k in found.named if k in chosen]:
            title = say("largest and named", named=self.listed(named), **about)
        if found.asked:
            chosen, title = [*found.asked], say("asked", year=about["year"])
        if EVERY_PARTNER in wide.index:
            chosen.append(EVERY_PARTNER)
        some = rows.groupby("measure")["percent"].count() > 0
        cells = {
            code: [change_text(wide.loc[code, k], some[k]) for k in measures]
            for code in chosen
        }
        names = [
            say("column in per cent" if some[k] else "column", measure=self._measure(k))
            for k in measures
        ]
        return self.by_region(title, names, cells, world=EVERY_PARTNER)
