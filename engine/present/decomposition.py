"""Decompositions in print: the terms of exports, and their shares by region."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import xarray as xr

from ..core import Listing, Phrase
from ..measures import METHODS, Decomposition
from ..reporting import Plot, page_of
from ..tables.shown_regions import ShownRegions, size_of
from .measures import MeasurePage

_WHOLE = {
    "bm-importer": "all gross imports",
    "production": "value added",
    "tripartite-output": "gross output",
}


@page_of.register(Decomposition)
class DecompositionPage(MeasurePage):
    """The shares of all regions in a sentence; of some in a table and two figures."""

    heading = "Decomposition"
    result: Decomposition

    @property
    def _name(self) -> str:
        title, source = (
            METHODS[self.result.name].title,
            METHODS[self.result.name].source,
        )
        return self.text("method", title=self.said(title), source=self.said(source))

    @property
    def method(self) -> str:
        terms = [
            self.text("term", code=code, title=self.said(text))
            for code, text in METHODS[self.result.name].terms.items()
        ]
        stop = "；" if self.chinese else "; "
        return self.text("terms", size=self.subtitle, terms=stop.join(terms))

    @property
    def subtitle(self) -> str:
        result, level = self.result, self.said(self.result.level)
        size = {"rows": result.rows, "years": len(result.world.years), "level": level}
        return self.text("size of terms", method=self._name, **size)

    @property
    def whole(self) -> str:
        """Name of the flow that is decomposed."""
        whole = self.said(_WHOLE.get(self.result.name, "all gross exports"))
        if buyers := self.result.sides.get("importer"):
            names = ("、" if self.chinese else " ").join(map(self.said, buyers))
            return self.said(Phrase("{whole} to {buyers}", whole=whole, buyers=names))
        return whole

    def _shown(self, shares: xr.DataArray) -> ShownRegions:
        return self.largest(size_of(shares), self.whole, int(shares["year"][-1]))

    def figures(self) -> dict[str, Plot]:
        if (shares := self.result.shares) is None:
            return {}
        from ..figures import decompositions as figures  # loads matplotlib

        about: dict[str, Any] = {
            "method": self._name,
            "regions": self.result.asked or None,
        }
        plots: dict[str, Plot] = {
            "shares": partial(figures.bars, shares, self.whole, **about)
        }
        if shares.sizes["year"] > 1:
            lines = partial(figures.over_years, shares, self.whole, **about)
            plots["shares_over_years"] = lines
        return plots

    def titles(self) -> dict[str, str]:
        """Ends of the first part, by which regions are sorted, and who moved most."""
        if (shares := self.result.shares) is None:
            return {}
        share = (100 * shares / shares.sum("part")).isel(part=0)
        shown, part = self._shown(shares), self.said(str(share["part"].values))
        first, last = (share.isel(year=k).to_series() for k in (0, -1))
        about = {"part": part, "whole": self.whole, "year": int(share["year"][-1])}
        ends = self.ends("ends of shares", last.loc[shown.many], **about)
        few = first.loc[shown.few], last.loc[shown.few]
        over = self.moved("share moved", *few, last, **about)
        return {
            k: v for k, v in {"shares": ends, "shares_over_years": over}.items() if v
        }

    @property
    def sentence(self) -> str:
        """The parts of the whole of all regions in the last year."""
        shares = self.result.shares
        if shares is None or self.result.one_by_one:  # groups may overlap
            return ""
        last = shares.isel(year=-1).sum("region").to_series()
        if not last.sum():  # nobody trades
            return ""
        parts = self.listed(
            self.text("part", part=self.said(str(k)), share=_cell(100 * v / last.sum()))
            for k, v in last.items()
        )
        about = {"whole": self.whole, "year": int(shares["year"][-1])}
        return self.text("parts", parts=parts, **about)

    def listings(self) -> Sequence[Listing]:
        """Accuracy, and the shares of the last year, as the figures have them."""
        facts, shares = self.result.facts(), self.result.shares
        known = "unchecked" if facts["identity_max"] is None else "checked"
        head = Listing(self.subtitle, (), (), (self.text(known, **facts),))
        if shares is None:
            return [head]
        shown, last = self._shown(shares), shares.isel(year=-1)
        table = (100 * last / last.sum("part")).transpose("part", "region")
        cells = {
            code: [*map(_cell, table.sel(region=code).values)] for code in shown.few
        }
        about = {"whole": self.whole, "year": int(last["year"])}
        title = self.text("listing of shares", rule=self.said(shown.rule), **about)
        return [
            head,
            self.by_region(
                title, [*map(self.said, table["part"].values.tolist())], cells
            ),
        ]


def _cell(share: float) -> str:
    return "–" if share != share else f"{share:.1f}"
