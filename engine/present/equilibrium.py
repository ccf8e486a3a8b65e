"""Counterfactual equilibria in print: who gains and who loses, by region and sector."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from ..core import Listing, Phrase, capital, first_and_named
from ..equilibrium import BY_SECTOR, ExactHat
from ..figures import REAL_INCOME, has_map, world_tiles
from ..figures.welfare import (
    sectors_by_region,
    welfare_by_region,
    welfare_ranges,
    who_pays,
)
from ..reporting import Plot, page_of
from ..tables import country_name
from .by_region import RegionsPage, largest

# Columns that are printed beside welfare, in words.
_WORDS = {
    "real_income": "real income",
    "realwage": "real wage",
    "price_index": "prices",
    "gdp": "GDP",
    "exports_gdp": "exports/GDP",
    "imports_gdp": "imports/GDP",
    "revenue": "revenue",
}
_SHOWN = 10
_FEW = 3  # scenarios that a figure shows one by one
# Regions whose sectors are printed, and how many of each.
_REGIONS, _SECTORS = 4, 5
_BY_SECTOR = {
    "value_added": "Value added by sector, per cent",
    "imports": "Imports by sector, per cent",
}
_UNIT = (
    "the sectors where most money moves, measured so that world value added stays the "
    "same"
)
_NOTHING = 1e-8  # per cent: what is below is rounding


class ExactHatPage(RegionsPage):
    """Real income, or welfare with a block of supply, by region; sectors."""

    room = "equilibrium"
    result: ExactHat

    @property
    def title(self) -> str:
        say, found = self.words.text, self.result
        if len(found.names) > _FEW:
            return say("variants", variants=len(found.names))
        if found.names:
            names = self.words.listed(map(self.variant, found.names))
            return say("named", names=names)
        if found.deficits == "closing":
            return say("balanced")
        if found.tariff is None:
            return say("costs")
        if 0 < len(found.named) <= _FEW:
            return say("tariffs of", named=self.listed(found.named))
        return say("tariffs")

    @property
    def method(self) -> str:
        return self.words.text("method" if self.result.supply is None else "supply")

    @property
    def subtitle(self) -> str:
        economy = self.result.economy
        return self.words.text(
            "size",
            regions=len(economy.regions),
            sectors=len(economy.sectors),
            scenarios=len(self.result.clearing),
            deficits=self.result.deficits,
        )

    @property
    def notes(self) -> list[str]:
        """Notes on the economy that a reader needs; often none."""
        say, found, economy = self.words.text, self.result, self.result.economy
        notes = []
        if economy.zeroed:
            notes.append(say("zeroed", cells=economy.zeroed))
        if cells := economy.negative_inputs:
            notes.append(say("negative" if cells > 1 else "negative one", cells=cells))
        if services := found.services_taxed:
            notes.append(say("services", services=services))
        if len(found.clearing) > BY_SECTOR and found.supply is None:
            notes.append(say("few", scenarios=BY_SECTOR))
        return notes

    @property
    def intervals(self) -> list[str]:
        """A note on the draws, if there are any: how many, and of what."""
        if (spread := self.result.spread) is None:
            return []
        about = {"draws": spread.draws, "drawn": self.said(spread.drawn)}
        name = "intervals with failures" if spread.failed else "intervals"
        return [self.words.text(name, failed=spread.failed, **about)]

    @property
    def sentence(self) -> str:
        """The region in which real income, or welfare with a block of supply, changes
        most, and the one that it moves most the other way."""
        found, several = self.result, len(self.result.clearing) > 1
        rows = found.equilibrium
        if found.asked:
            rows = rows[rows["region"].isin(found.asked)]
        what, variant = "welfare" if found.supply else "real_income", ""
        shown = rows[what].where(rows[what].abs() > _NOTHING, 0.0)
        rows = rows.assign(shown=shown, percent=shown)
        most = largest(rows)
        if "scenario" in rows:
            variant = self.said(Phrase("scenario {number}", number=most["scenario"]))
        elif len(found.names) > 1:
            variant = self.variant(most["variant"])
        name = self.said(_WORDS.get(what, what))
        others = rows[:0] if several else rows
        first, *more = self.told(rows, others, variant, measure=name)
        if found.asked and most["shown"]:
            first = self.words.text("of those shown", found=first)
        return "\n".join(map(self.words.sentences, (capital(first), *more)))

    def in_words(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with its variants in words."""
        if "variant" not in table:
            return table
        return table.assign(variant=table["variant"].map(self.variant))

    def plots(self) -> dict[str, Plot]:
        found, about = self.result, {"say": self.said}
        if found.supply is not None:  # welfare has no parts
            return {}
        draw = partial(welfare_by_region, self.in_words(found.table))
        if len(found.clearing) > _FEW:
            draw = partial(welfare_ranges, found.changes)
        plots: dict[str, Plot] = {}
        plots["welfare"] = partial(
            draw, found.asked or None, named=found.named, **about
        )
        if len(rows := self.sectors_shown("value_added")):
            plots["sectors"] = partial(sectors_by_region, self.in_words(rows), **about)
        if found.new is not None:
            tables, named = found.economy.tables, (*found.named, *found.asked)
            unit = "" if tables is None else tables.unit
            draw = partial(who_pays, found.paid, unit=unit, named=named)
            plots["who_pays"] = partial(draw, **about)
        if len(found.clearing) == 1 and has_map(found.economy.regions):
            income = found.changes["real_income"].groupby(level="region").sum()
            plots["world"] = partial(world_tiles, income, self.said(REAL_INCOME))
        return plots

    def sectors_shown(self, measure: str) -> pd.DataFrame:
        """Rows of ``sectors`` that are printed, of three scenarios at most: in the
        regions asked for, else in those of ``named`` where most money moves, the
        sectors that move most, of value added against all sectors of the region."""
        found = self.result
        rows = found.sectors
        if rows.empty or not rows["percent"].abs().max() > _NOTHING:
            return rows[:0]
        rows = rows[rows["measure"] == measure]
        if (several := rows.columns[0]) != "region":
            rows = rows[rows[several].isin(rows[several].unique()[:_FEW])]
        expected = rows["before"]
        if measure == "value_added":  # all sectors of a region move with its wages
            total = rows.groupby([several, "region"], sort=False)[["before", "after"]]
            total = total.transform("sum")
            expected = expected * total["after"] / total["before"]
        size = (rows["after"] - expected).abs()
        size = size.groupby([rows["region"], rows["sector"]], sort=False).max()
        regions = [*found.asked] or [*(found.named or found.economy.regions)]
        if not found.asked and len(regions) > _REGIONS:
            regions = size.groupby(level=0).sum()[regions].nlargest(_REGIONS).index
        most = [(k, j) for k in regions for j in size[k].nlargest(_SECTORS).index]
        return rows.set_index(["region", "sector"]).loc[most].reset_index()

    def listings(self) -> Sequence[Listing]:
        """Accuracy of market clearing, the largest changes of real income, or of
        welfare with a block of supply, and sectors."""
        found = self.result
        head = self.words.text("accuracy", size=self.subtitle, gap=found.clearing.max())
        listings = [Listing(head, (), (), self.notes), self._largest()]
        return [*listings, *self.sector_listings()]

    def _largest(self) -> Listing:
        found = self.result
        rows = found.equilibrium
        labels = [*map(str, rows.columns[: found.changes.index.nlevels])]
        if len(found.clearing) == 1:
            labels = ["region"]
        columns = [*found.measures]
        if found.supply is None:  # welfare to first order is in the csv
            columns = [k for k in _WORDS if k != "revenue" or rows[k].any()]
        first = columns[0]
        if found.spread is not None:
            rows = rows.assign(se=found.spread.interval(first, 100).se.ravel())
            columns.insert(1, "se")
        if found.asked:
            rows = rows[rows["region"].isin(found.asked)]
        size = rows[first].abs()
        rows = rows.loc[size.sort_values(ascending=False, kind="stable").index]
        if not found.asked or len(rows) > len(found.asked):
            rows = rows.iloc[first_and_named([*rows["region"]], found.named, _SHOWN)]
        signs = ["" if k == "se" else "+" for k in columns]
        cells = [
            [*map("{:{}.2f}".format, values, signs)]
            for values in rows[columns].to_numpy(float)
        ]
        measure = self.said(_WORDS.get(first, first))
        title = self.words.text("largest", measure=measure)
        columns = [self.said(_WORDS.get(k, k)) for k in columns]
        if labels == ["region"]:
            of_regions = dict(zip(rows["region"], cells, strict=True))
            return self.by_region(title, columns, of_regions, self.intervals)
        several, regions = rows[labels[0]].map(str), rows["region"].map(str)
        if self.words.chinese:
            several, regions = several.map(self.variant), regions.map(self.country)
        both = zip(several, regions, cells, strict=True)
        names = [*map(self.said, labels), *columns]
        each = [(one, region, *row) for one, region, row in both]
        return Listing(title, names, each, self.intervals, len(labels))

    def sector_listings(self) -> list[Listing]:
        """Per cent changes of the sectors that move most, by scenario as columns."""
        listings = []
        for measure, title in _BY_SECTOR.items():
            rows = self.in_words(self.sectors_shown(measure))
            if rows.empty:
                continue
            several = rows.get("variant", rows.get("scenario", self.said("change")))
            rows = rows.assign(text=with_ends(rows, "{:+z.1f}"), several=several)
            columns = [*map(str, rows["several"].unique())]
            keys = ["region", "sector", "title"]
            cells = rows.groupby(keys, sort=False)["text"].agg(list)
            each = [
                (self.said(country_name(region)), self.said(sector), *row)
                for (region, _, sector), row in zip(
                    cells.index.tolist(), cells, strict=True
                )
            ]
            names = (self.said("region"), self.said("sector"), *columns)
            notes = [self.said(_UNIT), *self.intervals]
            listings.append(Listing(self.said(title), names, each, notes, 2))
        return listings


page_of.register(ExactHat)(ExactHatPage)


def with_ends(rows: pd.DataFrame, form: str) -> pd.Series:
    """``percent`` as text, with its interval where it has one."""
    kept = [k for k in ("percent", "ci_low", "ci_high") if k in rows]
    text, *ends = (rows[k].map(form.format) for k in kept)
    return text + " [" + ends[0] + ", " + ends[1] + "]" if ends else text
