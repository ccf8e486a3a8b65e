"""Indicators in print: a few of them by region, positions and participation."""

import math
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import pandas as pd

from ..core import Listing
from ..measures import EVERY_PARTNER, EVERY_SECTOR, INDICATORS, IndicatorsByYear
from ..reporting import Plot, page_of
from ..tables.shown_regions import FEW, NAMED, largest
from .measures import MeasurePage

_TOTALS = {"sectors": EVERY_SECTOR, "partners": EVERY_PARTNER}


@page_of.register(IndicatorsByYear)
class IndicatorsPage(MeasurePage):
    """Who is highest and lowest, a table of a few indicators, two figures."""

    heading = "Indicators of trade in value added"
    result: IndicatorsByYear

    @property
    def method(self) -> str:
        what = self.said("Value added")
        return self.text("method of indicators", what=what, **_TOTALS)

    @property
    def subtitle(self) -> str:
        result, units = self.result, self.result.units
        count = len(units if result.alone else next(iter(units.values()), {}))
        about = {"rows": result.rows, "years": len(result.world.years)}
        return self.text("size of indicators", indicators=count, **about)

    def figures(self) -> dict[str, Plot]:
        if not self.result.figures:
            return {}
        from ..figures import indicators as figures  # loads matplotlib

        over, draws = self.result.over_years, {"positions": figures.position_map}
        if over.sizes["year"] > 1:
            draws["participation"] = figures.participation
        asked, of = self.result.asked or None, self.said("all gross exports")
        return {
            name: partial(draws[name], over, asked, of)
            for name in [k for k in draws if k in self.result.figures]
        }

    def titles(self) -> dict[str, str]:
        """Who takes part most, and furthest up; whose participation moved most."""
        result, titles = self.result, dict[str, str]()
        if not result.figures or self.account:
            return titles
        over = result.over_years
        exports, years = over["EXGR"].isel(year=-1).to_series(), over["year"].values
        about: dict[str, Any] = {"since": years[0], "year": years[-1]}
        if "positions" in result.figures:
            named = [*result.asked] or largest(exports, NAMED, rest=False)
            last = over.isel(year=-1).sel(region=named).to_dataframe()
            if len(last.dropna()) > 1:
                part, forward = last["GVC_PART_BM"], last["GVC_FORWARDNESS"]
                ends = {"most": part.idxmax(), "upstream": forward.idxmax(), **about}
                told = self.headline("at ends", named, exports, end=part.max(), **ends)
                titles["positions"] = told
        if "participation" in result.figures:
            named = [*result.asked] or largest(exports, FEW, rest=False)
            both = (over["GVC_BACK_BM"] + over["GVC_FORW_BM"]).sel(region=named)
            start, end = (both.isel(year=k).to_series() for k in (0, -1))
            told = self.moved("participation moved", start, end, exports, **about)
            titles |= {"participation": told} if told else {}
        return titles

    @cached_property
    def _printed(self) -> dict[str, tuple[str, pd.Series]]:
        """Unit and values of the last year, of the indicators that are printed."""
        names = self.result.leading if self.result.alone else []
        last = self.result.last_year.isel(year=-1)
        return {k: (last[k].attrs["units"], last[k].to_series()) for k in names}

    @property
    def sentence(self) -> str:
        """The highest and lowest region by the first of the printed indicators."""
        for code, (unit, values) in self._printed.items():
            inside = "" if unit == "ratio" else self.said(unit)
            title = self.said(INDICATORS[code].title.split(":")[0])
            about = {"code": code, "title": title, "year": self.result.world.years[-1]}
            form = lambda k, unit=unit, inside=inside: self.words.tight(  # noqa: E731
                f"{_cell(k, unit)} {inside}".rstrip()
            )
            return self.ends("indicator", values, form=form, **about)
        return ""

    def listings(self) -> Sequence[Listing]:
        """Size and accuracy, and a few indicators of the last year."""
        facts, rows, printed = self.result.facts(), self.result.rows, self._printed
        notes = [self.text("identities", **facts)]
        notes += self.certified(facts, "the inverse")
        notes += self.flagged(facts["flags"], rows)
        size = self.text("totals", size=self.subtitle, **_TOTALS)
        if not printed:
            return [Listing(size, (), (), notes)]
        by, sizes = self.result.size
        year = self.result.world.years[-1]
        shown = self.largest(sizes, by, year)
        columns = [f"{k} {self.said(u)}".rstrip() for k, (u, _) in printed.items()]
        cells = {
            code: [_cell(values[code], unit) for unit, values in printed.values()]
            for code in shown.few
        }
        meanings = [
            self.text("meaning", code=k, title=self.said(INDICATORS[k].title))
            for k in printed
        ]
        title = self.text(
            "listing of indicators", year=year, rule=self.said(shown.rule)
        )
        table = self.by_region(title, columns, cells, meanings)
        return [Listing(size, (), (), notes), table]


def _cell(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit.startswith("%"):
        return f"{value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"
