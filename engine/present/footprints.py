"""Footprints in print: accounts by where they arise and by who uses."""

from collections.abc import Sequence
from functools import cached_property, partial

import pandas as pd

from ..core import Listing, number_text
from ..figures import ShownRegions, shown_regions
from ..measures import Footprints
from ..reporting import Plot, page_of
from .measures import MeasurePage


@page_of.register(Footprints)
class FootprintsPage(MeasurePage):
    """The accounts of some regions in the last year, and a map of what they import on
    balance."""

    heading = "Footprints"
    result: Footprints

    @property
    def _about(self) -> dict[str, object]:
        year = int(self.result.totals["year"].values[-1])
        name = self.account or self.said("account")
        return {"name": name, "unit": self.result.unit, "year": year}

    @property
    def method(self) -> str:
        return ""

    @property
    def subtitle(self) -> str:
        totals = self.result.totals
        size = self.size(totals["region"].values, totals["year"].values)
        return self.words.text("named", title=self._about["name"], text=size)

    @cached_property
    def _last(self) -> pd.DataFrame:
        totals = self.result.totals
        return totals.isel(year=-1).to_dataframe()[[*map(str, totals)]]

    @property
    def shown(self) -> ShownRegions:
        measure = self.rule("footprint", int(self._about["year"]))
        return shown_regions(self._last["consumption_based"], measure)

    def plots(self) -> dict[str, Plot]:
        from ..figures import world_tiles  # loads matplotlib

        last = self._last
        gap = last["consumption_based"] - last["production_based"]
        label = self.words.text("gap", **self._about)
        return {"footprints": partial(world_tiles, gap, label, say=self.said)}

    @property
    def sentence(self) -> str:
        used, unit = self._last["consumption_based"], self.result.unit
        inside = lambda k: f"{number_text(k)} {unit}".rstrip()  # noqa: E731
        return self.ends("footprint", used, inside, **self._about)

    def listings(self) -> Sequence[Listing]:
        rows = self._last.loc[self.shown.few].to_numpy(float).tolist()
        texts = [[*map(number_text, row)] for row in rows]
        cells = dict(zip(self.shown.few, texts, strict=True))
        columns = [self.said(str(k)) for k in self._last]
        rule = self.said(self.shown.rule)
        title = self.words.text("listing of footprints", rule=rule, **self._about)
        return [self.by_region(title, columns, cells)]
