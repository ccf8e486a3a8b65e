"""Results by region in print: variants in words, changes, tables of regions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ..core import Listing, Phrase
from ..tables import country_name, listing_by_region
from .pages import OwnPage

# What a grid chose, in words.
_CHOSEN = {
    "exporters": "{exporters}",
    "importers": "to {importers}",
    "regions": "{regions}",
    "partners": "with {partners}",
    "sectors": "sectors {sectors}",
    "percent": "{percent} per cent",
    "to": "moved to {to}",
    "to third": "moved to third countries",
    "to home": "moved home",
    "uses": "{uses} goods",
    "uses both": "all goods",
    "links": "{links}",
    "links all": "all links",
    "links backward": "backward links",
    "links forward": "forward links",
    "tariff": "tariff {tariff}",
    "trade_cost": "trade cost {trade_cost}",
}


class RegionsPage(OwnPage):
    """The page of a result of several variants, a row of whose table is a region."""

    def variant(self, name: str) -> str:
        """``CHN to USA, 25 per cent`` of a grid; other names as they are."""
        phrase = self.phrase(name)
        chosen = dict(getattr(phrase, "values", {}))
        if not {*chosen} & {*_CHOSEN}:
            return self.words.say(phrase)
        told: list[str] = []
        if {"exporters", "importers"} <= {*chosen}:
            both = {k: chosen.pop(k) for k in ("exporters", "importers")}
            told = [Phrase("{exporters} to {importers}", **both)]
        for key, value in chosen.items():
            text = _CHOSEN.get(f"{key} {value}") or _CHOSEN.get(key)
            told.append(Phrase(text or f"{key} {{{key}}}", **{key: value}))
        return ("，" if self.words.chinese else ", ").join(map(self.words.say, told))

    def country(self, code: str) -> str:
        """A region in a sentence: ``the United States``."""
        return self.words.country(code)

    def listed(self, codes: Iterable[str]) -> str:
        """Regions in a sentence."""
        return self.words.listed(map(self.country, codes), " and ")

    def told(
        self, rows: pd.DataFrame, others: pd.DataFrame, variant: str, **about: Any
    ) -> list[str]:
        """The sentences on where the column ``shown`` changes most, in which variant,
        and most the other way among ``others``."""
        say, most = self.words.text, largest(rows)
        if not most["shown"]:
            return [say("nowhere", **about)]
        change = self.change(most)
        change = say("in", change=change, variant=variant) if variant else change
        told = [say("most", region=most["region"], change=change, **about)]
        others = others[others["shown"] * most["shown"] < 0]
        if len(others) and re.search("[1-9]", change := self.change(largest(others))):
            region = largest(others)["region"]
            told.append(say("other way", region=region, change=change))
        return told

    def change(self, row: pd.Series) -> str:
        """The change of a row with its unit."""
        percent = bool(row["percent"] == row["percent"])
        change = change_text(row["shown"], percent)
        return self.words.text("percent", change=change) if percent else change

    def by_region(
        self,
        title: str,
        columns: Sequence[str],
        cells: Mapping[str, Sequence[str]],
        notes: Sequence[str] = (),
        *,
        world: str = "",
    ) -> Listing:
        """A row for each region, in Chinese by its name alone."""
        if not self.words.chinese:
            return listing_by_region(title, columns, cells, notes, world=world)
        names = {
            k: self.said("world" if k == world else country_name(k)) for k in cells
        }
        rows = [(names[k], *row) for k, row in cells.items()]
        return Listing(title, (self.said("region"), *columns), rows, notes)


def largest(rows: pd.DataFrame) -> pd.Series:
    """The row of the largest change."""
    return rows.iloc[int(rows["shown"].abs().to_numpy().argmax())]


def change_text(value: Any, percent: bool) -> str:
    """A change with its sign; a dash for none that can be given."""
    if value != value:
        return "–"
    text = f"{value:+.2f}" if percent else f"{value:+.4g}"
    return text if float(text) else "0"
