"""Results by region in print: variants in words, changes, tables of regions."""

from collections.abc import Mapping, Sequence

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
        return self.words.kinds["country"](code, "")

    def other_way(self, rows: pd.DataFrame, name: str, most: pd.Series) -> list[str]:
        """A sentence on the largest change of the other sign than that of ``most``;
        none where there is none but of rounding."""
        others = rows[rows[name] * most[name] < 0]
        if others.empty:
            return []
        other = others.iloc[int(others[name].abs().to_numpy().argmax())]
        change = self.change(other)
        if not any(k in change for k in "123456789"):
            return []
        return [self.words.text("other way", region=other["region"], change=change)]

    def change(self, row: pd.Series) -> str:
        """The change of a row with its unit."""
        raise NotImplementedError

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
