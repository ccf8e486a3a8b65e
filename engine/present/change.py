"""Why a measure changed in print: waterfalls, bars of regions and countries."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import pandas as pd

from ..change import Change
from ..core import Listing, billions, capital, points
from ..figures import changes as drawings
from ..measures import INDICATORS
from ..reporting import Plot, kinds_line, measure_name, page_of
from ..tables import REST, country_name, listing_by_region
from .pages import OwnPage

# Of the regions that were asked for, those that are told; countries in each figure.
_TOLD, _COUNTRIES = 3, 20
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')  # of files, on one system or another
# A table of seven numbers in 84 columns.
_SHORT = {"value-added shares": "VA shares"}
_MISSED = 1e-6  # a remainder that is told


@page_of.register(Change)
class ChangePage(OwnPage):
    """A sentence for each of the first regions, the table of effects, their figures."""

    room = "change"
    result: Change

    @property
    def method(self) -> str:
        say, account = self.words.text, self.result.account
        last = say("intensity", account=account) if account else say("share")
        volumes = [say("volumes")] if self.result.of_volumes else []
        return self.words.sentences(say("path", last=last), *volumes, say("integral"))

    def _about(self, part: str, **more: Any) -> str:
        """A part on the measure (of a sector, with a partner) and the two years."""
        found, say = self.result, self.words.text
        known = INDICATORS.get(found.measure)
        name = known.title.split(":")[0] if known else measure_name(found.measure)
        measure = found.said(self.said(name))
        if known:
            measure = say("indicator", title=measure, code=found.measure)
        if found.sector is not None:
            measure = say("of sector", measure=measure, sector=found.sector)
        if found.partner is not None:
            measure = say("with partner", measure=measure, partner=found.partner)
        return say(part, measure=measure, start=found.start, end=found.end, **more)

    @property
    def subtitle(self) -> str:
        return self._about("size")

    def _within(self, part: str) -> list[str]:
        """A line on what the intervals hold, if there are any."""
        if not (drawn := self.result.drawn):
            return []
        kinds = kinds_line(drawn["error"])
        return [self.words.text(part, draws=drawn["draws"], kinds=kinds)]

    @property
    def sentence(self) -> str:
        """The change of the first regions shown, and its largest effect."""
        told, about = list[str](), self._about("change")
        for region, change, factor, effect in self.result.findings()[:_TOLD]:
            part = "found" if change["value"] or effect["value"] else "unchanged"
            given = {"about": about, "region": country_name(region), "factor": factor}
            given |= {"change": self._printed(change), "effect": self._printed(effect)}
            told.append(self.words.text(part, **given))
        every = [*told, *self._within("ends")]
        return "\n".join(map(self.words.sentences, every))

    def _printed(self, number: pd.Series) -> str:
        """A change or an effect with its unit and its interval."""
        say, most = self.words.text, self.result.largest
        unit, scale = billions(points(self.result.unit), most)
        row = scale * number.dropna().to_numpy(float)
        text, *ends = effect_texts(row.tolist(), scale * most)
        text = text if unit in ("", "1") else say("in unit", number=text, unit=unit)
        both = dict(zip(("low", "high"), ends, strict=False))
        return say("interval", number=text, **both) if both else text

    def plots(self) -> dict[str, Plot]:
        """A waterfall, bars of each step if there are steps, bars of regions by
        factor; for each of up to three regions that were asked for bars of countries
        by factor."""
        found, shown = self.result, self.result.shown
        title = "\n".join([self._about("change"), *self._within("whiskers")])
        about: dict[str, Any] = {"title": title, "unit": found.unit, "say": self.said}
        few = about | {"regions": shown.few}
        years = found.start, found.end
        waterfall = partial(drawings.waterfall, found.values, found.table, years=years)
        plots: dict[str, Plot] = {"waterfall": partial(waterfall, **few)}
        if found.steps is not None:
            plots["steps"] = partial(drawings.yearly_effects, found.steps, **few)
        if len(found.regions) > 1:
            effects = found.by_factor.loc[shown.many]
            about["rows"] = "region"
            if found.drawn:
                about["ends"] = found.values.set_index("region")[["ci_low", "ci_high"]]
            plots["factors"] = partial(drawings.effect_bars, effects, **about)
        if shown.asked and len(shown.few) <= _TOLD:
            for region in shown.few:
                name = f"countries_{_NOT_IN_NAMES.sub('_', region)}"
                if name in plots:
                    name = f"{name}_{len(plots)}"
                plots[name] = self._countries(region)
        return plots

    def _countries(self, region: str) -> Plot:
        effects = self.result.by_country.sel(region=region)
        frame = pd.DataFrame(effects.transpose("country", "factor").to_pandas())
        size = frame.abs().sum(axis=1).sort_values(ascending=False, kind="stable")
        about = {"title": self._about("by country", region=region), "say": self.said}
        few = frame.loc[size.index[:_COUNTRIES]]
        unit = self.result.unit
        return partial(drawings.effect_bars, few, unit=unit, rows="country", **about)

    def titles(self) -> dict[str, str]:
        """The region that changed most among those shown, and its largest factor."""
        result, say, found = self.result, self.words.text, self.result.findings()
        most = max(found, key=lambda k: abs(k.change["value"]), default=None)
        if most is None or not most.change["value"]:
            return {}
        ways = (
            ("rose", "rose most") if most.change["value"] > 0 else ("fell", "fell most")
        )
        by = "raised" if most.effect["value"] > 0 else "lowered"
        given = {"by": say(by, factor=most.factor), "region": most.region}
        given |= {"start": result.start, "end": result.end}
        measure = result.said(capital(self.said(measure_name(result.measure))))
        title = say(ways[len(found) > 1], measure=measure, **given)
        every = result.by_partner["country"].values
        if len(found) > 1 and {*every} - {*result.shown.few, REST}:
            title = say("of those shown", title=title)
        return {"waterfall": title}

    def listings(self) -> Sequence[Listing]:
        """The effects on the regions shown."""
        found, few = self.result, self.result.shown.few
        unit, scale = billions(points(found.unit), found.largest)
        printed = found.effects * scale
        kept = [*found.table["factor"].unique(), "change"]

        def texts(values: pd.Series) -> list[list[str]]:
            wide = values.unstack().loc[few, kept].to_numpy(float)
            return [effect_texts(k, scale * found.largest) for k in wide.tolist()]

        rows = dict(zip(few, texts(printed["value"]), strict=True))
        missed = {"remainder": found.remainder, "nodes": found.nodes}
        notes = [self.words.text("missed", **missed)] * (found.remainder > _MISSED)
        notes += self._within("halves")
        part = "effects" if unit in ("", "1") else "effects in"
        title = self._about(part, unit=unit, rule=found.shown.rule)
        columns = [self.said(_SHORT.get(str(k), str(k))) for k in kept]
        listing = listing_by_region(title, columns, rows, notes)
        if not found.drawn:
            return [listing]
        half = texts((printed["ci_high"] - printed["ci_low"]) / 2)
        below = (("±", *[""] * (listing.words - 1), *k) for k in half)
        both = zip(listing.rows, below, strict=True)
        return [replace(listing, rows=[*chain.from_iterable(both)])]


def effect_texts(effects: Sequence[float], most: float) -> list[str]:
    """Numbers with as many decimals as leave ``most`` four digits."""
    decimals = 3 - math.floor(math.log10(most)) if most > 0 else 0
    least = 0.5 * 10.0**-decimals
    return [
        f"{0 if abs(k) < least else k:,.{max(decimals, 0)}f}" if k == k else "-"
        for k in effects
    ]
