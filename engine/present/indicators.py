"""Indicators in print: a few of them by region, positions and participation."""

import math
from collections.abc import Sequence
from functools import cached_property, partial

import xarray as xr

from ..core import Listing
from ..figures import shown_regions
from ..figures.regions import FEW, NAMED, largest
from ..measures import EVERY_PARTNER, EVERY_SECTOR, INDICATORS, IndicatorsByYear
from ..reporting import Plot, page_of
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
        return self.words.text("method of indicators", what=what, **_TOTALS)

    @property
    def subtitle(self) -> str:
        result, names = self.result, self.result.units
        names = names if result.alone else next(iter(names.values()), {})
        about = {"rows": result.rows, "years": len(result.world.years)}
        return self.words.text("size of indicators", indicators=len(names), **about)

    def plots(self) -> dict[str, Plot]:
        if not self.result.figures:
            return {}
        over = self.result.over_years
        from ..figures import indicators as figures  # loads matplotlib

        draws = {"positions": figures.position_map}
        if over.sizes["year"] > 1:
            draws["participation"] = figures.participation
        asked, of = self.result.asked or None, self.said("all gross exports")
        return {
            name: partial(draws[name], over, asked, of=of, say=self.said)
            for name in [k for k in draws if k in self.result.figures]
        }

    def titles(self) -> dict[str, str]:
        """Who takes part most, and furthest up; whose participation moved most."""
        result, titles = self.result, dict[str, str]()
        if not result.figures or self.account:
            return {}
        over = result.over_years
        exports, years = over["EXGR"].isel(year=-1).to_series(), over["year"].values
        if "positions" in result.figures:
            named = [*result.asked] or largest(exports, NAMED, rest=False)
            last = over.isel(year=-1).sel(region=named).to_dataframe()
            if len(last.dropna()) > 1:
                part, forward = last["GVC_PART_BM"], last["GVC_FORWARDNESS"]
                about = {"most": str(part.idxmax()), "upstream": str(forward.idxmax())}
                about |= {"share": part.max(), "year": years[-1]}
                told = self.headline("positions", named, exports.index, **about)
                titles["positions"] = told
        if "participation" in result.figures and len(years) > 1:
            named = [*result.asked] or largest(exports, FEW, rest=False)
            both = over["GVC_BACK_BM"] + over["GVC_FORW_BM"]
            start, end = (both.isel(year=k).to_series().loc[named] for k in (0, -1))
            moves = (end - start).dropna()
            if moves.any():
                region = str(moves.abs().idxmax())
                way = (
                    "participation rose" if moves[region] > 0 else "participation fell"
                )
                about = {"region": region, "first": years[0], "last": years[-1]}
                about |= {"start": start[region], "end": end[region]}
                told = self.headline(way, named, exports.index, **about)
                titles["participation"] = told
        return titles

    @property
    def _names(self) -> list[str]:
        return self.result.leading if self.result.alone else []

    @cached_property
    def _last(self) -> xr.Dataset:
        return self.result.last_year.isel(year=-1)

    def _unit(self, name: str) -> str:
        return str(self._last[name].attrs.get("units", ""))

    @property
    def sentence(self) -> str:
        """The highest and lowest region by the first of the printed indicators."""
        if not self._names:
            return ""
        name = self._names[0]
        unit = self._unit(name)
        inside = "" if unit == "ratio" else self.said(unit)
        about = {"year": int(self._last["year"]), "code": name}
        title = self.said(INDICATORS[name].title.split(":")[0])
        return self.ends(
            "indicator",
            self._last[name].to_series(),
            lambda k: self.words.tight(f"{_cell(k, unit)} {inside}".rstrip()),
            title=title,
            **about,
        )

    def listings(self) -> Sequence[Listing]:
        """Size and accuracy, and a few indicators of the last year."""
        say, facts, names = self.words.text, self.facts, self._names
        worst = {"gap": facts["identity_max"], "residual": facts["residual_max"]}
        notes = self.notes_on(say("identities", **worst), self.said("the inverse"))
        notes += self.flagged(self.result.rows)
        head = Listing(say("totals", size=self.subtitle, **_TOTALS), (), (), notes)
        if not names:
            return [head]
        by, size = self.result.size
        year = int(self._last["year"])
        chosen = shown_regions(size, self.rule(by, year), self.result.asked)
        cells = {
            code: [
                _cell(float(self._last[k].sel(region=code)), self._unit(k))
                for k in names
            ]
            for code in chosen.few
        }
        columns = [f"{k} {self.said(self._unit(k))}".rstrip() for k in names]
        title = say("listing of indicators", year=year, rule=self.said(chosen.rule))
        meanings = [
            say("named", title=k, text=self.said(INDICATORS[k].title)) for k in names
        ]
        return [head, self.by_region(title, columns, cells, meanings)]


def _cell(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit.startswith("%"):
        return f"{value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"
