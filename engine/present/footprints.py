"""Footprints in print: accounts by where they arise and by who uses."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from ..core import Listing, number_text
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
    def _about(self) -> dict[str, Any]:
        totals, name = self.result.totals, self.account or self.said("account")
        years, count = totals["year"].values, totals.sizes["region"]
        about = {"name": name, "unit": self.result.unit, "regions": count}
        return {**about, "first": years[0], "last": int(years[-1])}

    @property
    def method(self) -> str:
        return ""

    @property
    def subtitle(self) -> str:
        return self.text("size of footprints", **self._about)

    @property
    def _last(self) -> pd.DataFrame:
        totals = self.result.totals
        return totals.isel(year=-1).to_dataframe()[[*map(str, totals)]]

    def figures(self) -> dict[str, Plot]:
        from ..figures import world_tiles  # loads matplotlib

        last, label = self._last, self.text("gap", **self._about)
        gap = last["consumption_based"] - last["production_based"]
        return {"footprints": partial(world_tiles, gap, label)}

    @property
    def sentence(self) -> str:
        about, used = self._about, self._last["consumption_based"]
        form = lambda k: f"{number_text(k)} {about['unit']}".rstrip()  # noqa: E731
        return self.ends("footprint", used, form=form, **about)

    def listings(self) -> Sequence[Listing]:
        last, about = self._last, self._about
        size = last["consumption_based"]
        shown = self.largest(size, "footprint", self._about["last"])
        rows = last.loc[shown.few].to_numpy(float).tolist()
        texts = ([*map(number_text, row)] for row in rows)
        cells = dict(zip(shown.few, texts, strict=True))
        rule = self.said(shown.rule)
        title = self.text("listing of footprints", rule=rule, **about)
        return [self.by_region(title, [*map(self.said, map(str, last))], cells)]
