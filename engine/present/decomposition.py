"""Decompositions in print: the terms of exports, and their shares by region."""

from collections.abc import Sequence
from functools import cached_property, partial

import xarray as xr

from ..core import Listing, Phrase
from ..figures import ShownRegions, shown_regions
from ..figures.regions import ends_of, size_of
from ..measures import METHODS, Decomposition
from ..reporting import Plot, page_of
from ..tables import REST
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
    def _method(self) -> str:
        known = METHODS[self.result.name]
        title, source = self.said(known.title), self.said(known.source)
        return self.words.text("method", title=title, source=source)

    @property
    def method(self) -> str:
        join = self.words.text
        terms = [
            join("term", code=code, title=self.said(text))
            for code, text in METHODS[self.result.name].terms.items()
        ]
        stop = "；" if self.words.chinese else "; "
        return join("terms", size=self.subtitle, terms=stop.join(terms))

    @property
    def subtitle(self) -> str:
        result = self.result
        about = {"rows": result.rows, "years": len(result.world.years)}
        level = self.said(result.level)
        return self.words.text(
            "size of terms", method=self._method, level=level, **about
        )

    @cached_property
    def _shares(self) -> xr.DataArray | None:
        return self.result.shares

    @property
    def whole(self) -> str:
        """Name of the flow that is decomposed."""
        whole = self.said(_WHOLE.get(self.result.name, "all gross exports"))
        if buyers := self.result.sides.get("importer"):
            join = "、" if self.words.chinese else " "
            names = join.join(map(self.said, buyers))
            whole = self.said(Phrase(_TO, whole=whole, buyers=names))
        return whole

    @property
    def shown(self) -> ShownRegions:
        assert self._shares is not None
        measure = self.rule(self.whole, int(self._shares["year"].values[-1]))
        return shown_regions(size_of(self._shares), measure, self.result.asked)

    def plots(self) -> dict[str, Plot]:
        if (shares := self._shares) is None:
            return {}
        about = {"method": self._method, "regions": self.result.asked or None}
        from ..figures import decompositions  # loads matplotlib

        draws = {"shares": decompositions.bars}
        if shares.sizes["year"] > 1:
            draws["shares_over_years"] = decompositions.over_years
        return {
            name: partial(draw, shares, self.whole, say=self.said, **about)
            for name, draw in draws.items()
        }

    def titles(self) -> dict[str, str]:
        """Ends of the first part, by which regions are sorted, and who moved most."""
        if (shares := self._shares) is None:
            return {}
        share = (100 * shares / shares.sum("part")).isel(part=0)
        years, shown = share["year"].values, self.shown
        about = {"part": self.said(str(share["part"].values)), "whole": self.whole}
        first, last = (share.isel(year=k).to_series() for k in (0, -1))
        titles = {}
        if ends := ends_of(last.loc[shown.many]):
            (high, most), (low, least) = ends
            about |= {"high": high, "most": most, "low": low, "least": least}
            titles["shares"] = self.headline("shares", (), (), year=years[-1], **about)
        moves = (last - first).loc[shown.few].drop(REST, errors="ignore").dropna()
        if len(years) > 1 and moves.any():
            region = str(moves.abs().idxmax())
            about |= {"region": region, "start": first[region], "end": last[region]}
            way = "share rose" if moves[region] > 0 else "share fell"
            told = self.headline(way, shown.few, first.index, **about)
            titles["shares_over_years"] = told
        return titles

    @property
    def sentence(self) -> str:
        """The parts of the whole of all regions in the last year."""
        if self._shares is None or self.result.one_by_one:  # groups may overlap
            return ""
        last = self._shares.isel(year=-1)
        if not float(last.sum()):  # nobody trades
            return ""
        together = 100 * last.sum("region") / last.sum()
        parts = self.listed(
            self.words.text("part", part=self.said(str(k)), share=_cell(value))
            for k, value in zip(last["part"].values, together.values, strict=True)
        )
        about = {"whole": self.whole, "year": int(last["year"])}
        return self.words.sentences(self.words.text("parts", parts=parts, **about))

    def listings(self) -> Sequence[Listing]:
        """Accuracy, and the shares of the last year, as the figures have them."""
        say, gap = self.words.text, self.facts["identity_max"]
        held = say("no identity") if gap is None else say("identity", gap=gap)
        exact = say("solved", held=held, residual=self.facts["residual_max"])
        head = Listing(self.subtitle, (), (), (exact,))
        if self._shares is None:
            return [head]
        last, shown = self._shares.isel(year=-1), self.shown
        share = (100 * last / last.sum("part")).transpose("region", "part")
        cells = {
            code: [*map(_cell, share.sel(region=code).values)] for code in shown.few
        }
        parts = [self.said(str(k)) for k in last["part"].values]
        about = {"whole": self.whole, "year": int(last["year"])}
        title = say("listing of shares", rule=self.said(shown.rule), **about)
        return [head, self.by_region(title, parts, cells)]


_TO = "{whole} to {buyers}"


def _cell(share: float) -> str:
    return "–" if share != share else f"{share:.1f}"
