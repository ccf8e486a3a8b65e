"""Exposure along supply chains in print: its way, a waterfall, maps, paths."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..chains import SupplyExposure
from ..core import Listing, capital
from ..figures import exposures as drawings
from ..figures import has_map, world_tiles
from ..reporting import Plot, page_of
from ..sources import sector_title
from ..tables.shown_regions import MANY, largest
from .pages import OwnPage

_PRINTED = 8  # paths in the terminal
_DARKER = "% of all output that the buyer takes; darker is more exposed"


@page_of.register(SupplyExposure)
class ExposurePage(OwnPage):
    """The exposure, from face value to look-through, beside that of others."""

    room = "chains"
    result: SupplyExposure

    def _told(self, part: str, **more: object) -> str:
        """A part on buyer and supplier; ``whose`` is the buyer with the number of its
        sectors that count, where not all do."""
        found, say = self.result, self.words.text
        sides = {"buyer": found.buyer, "supplier": found.supplier, "year": found.year}
        chosen = len(found.sectors)
        sides["whose"] = say("some" if chosen else "whole", chosen=chosen, **sides)
        return say(part, **(sides | more))

    @property
    def subtitle(self) -> str:
        return capital(self._told("size"))

    @property
    def sentence(self) -> str:
        """The exposure, its way, and what an extraction would cost."""
        found, shares = self.result, self.result.shares
        sales = self._told("chosen sales" if found.sectors else "sales")
        held = found.account or self.said("value added")
        whole, face = shares["FPEM"], shares["FPEM_FACE"]
        told = [self._told("makes", sales=sales, whole=whole, face=face)]
        if found.direct == found.direct:
            told.append(self._told("directly", held=held, direct=found.direct))
        for last in found.extraction.tail(1).to_dict("records"):
            lost = {"cut": last["cut"], "lost": last["lost"]}
            if found.buyer != found.supplier and last["lost"] > 0:
                told.append(self._told("lost", sales=sales, held=held, **lost))
        return "\n".join(map(self.words.sentences, told))

    def plots(self) -> dict[str, Plot]:
        """A waterfall from face value to look-through, a map of suppliers by buyer."""
        found, say = self.result, self.said
        known = [k for k in (found.buyer, found.supplier) if k in found.size]
        many = [*known, *largest(found.size, MANY), *found.most_exposed]
        chosen = [*dict.fromkeys(many)]
        pairs = found.pairs.loc[chosen, chosen]
        about = {"title": self._told("map"), "say": say}
        plots: dict[str, Plot] = {
            "waterfall": partial(drawings.exposure_waterfall, found.rounds, say=say),
            "map": partial(drawings.exposure_map, pairs, **about),
        }
        if has_map(found.pairs.index):
            buyers = found.pairs[found.supplier].copy()
            buyers[found.supplier] = np.nan  # home is of another size
            title = self._told("world")
            plots["world"] = partial(world_tiles, buyers, say(_DARKER), title=title)
        return plots

    def titles(self) -> dict[str, str]:
        """The exposure, and the most exposed of the countries in the map."""
        found, shares = self.result, self.result.shares
        both = {"whole": shares["FPEM"], "face": shares["FPEM_FACE"]}
        titles = {"waterfall": self._told("inputs", **both)}
        if len(abroad := found.exposed_abroad):
            most = {"buyer": str(abroad.idxmax()), "share": abroad.max()}
            titles["world"] = capital(self._told("most of all", **most))
        if found.most_exposed:
            buyer, supplier = found.most_exposed
            share = found.pairs.loc[buyer, supplier]
            most = {"buyer": buyer, "supplier": supplier, "share": share}
            titles["map"] = self._told("most to one", **most)
        return titles

    def listings(self) -> Sequence[Listing]:
        """The largest paths, and how exact they are."""
        found, few = self.result, self.result.paths.head(_PRINTED)
        if few.empty:
            return []
        paths = zip(few["path"], few["value"], few["percent"], strict=True)
        rows = [(str(k), f"{value:,.0f}", f"{part:.3f}") for k, value, part in paths]
        left = {"left": found.remainder, "unit": found.unit, "length": found.length}
        notes = [*self._sectors([*few["path"]]), self._told("left", **left)]
        columns = [*map(self.said, ("path", found.unit, "% of output"))]
        return [Listing(self._told("paths"), columns, rows, notes)]

    def _sectors(self, paths: Sequence[str]) -> list[str]:
        """Titles of the sectors in paths, where the database has them."""
        steps = [step for path in paths for step in path.split(" > ")]
        codes = [str(k) for k in self.result.by_product["sector"]]
        passed = [k for k in codes if any(step.endswith(f" {k}") for step in steps)]
        titles = {k: sector_title(k, self.result.source) for k in passed}
        known = {k: title for k, title in titles.items() if title != k}
        return [self._told("sector", code=k, title=v) for k, v in known.items()]
