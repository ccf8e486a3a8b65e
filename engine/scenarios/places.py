"""Places of a shock's labels in a table: industries and pairs of regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from ..core import NotFound, naming
from ..sources import find_sector
from ..tables import (
    WorldTables,
    country_group,
    country_groups,
    find_region,
    perimeters,
)


@dataclass(frozen=True, eq=False)
class Places:
    """Labels of tables, found by number.

    ``whole`` is the result that each region belongs to: the parts of a split region
    share one, and trade between them is trade at home.
    """

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    whole: Int[np.ndarray, " c"]
    names: tuple[str, ...]
    source: str = ""

    @classmethod
    def of(cls, tables: WorldTables) -> "Places":
        """The places of these tables."""
        name = perimeters(tables)
        names = tuple(dict.fromkeys(name.values()))
        whole = np.array([names.index(name[k]) for k in tables.regions])
        regions, sectors = tuple(tables.regions), tuple(tables.sectors)
        return cls(regions, sectors, whole, names, tables.source)

    @property
    def member(self) -> np.ndarray:
        """(c, p): 1 where the region belongs to the result."""
        return (self.whole[:, None] == np.arange(len(self.names))[None, :]).astype(
            float
        )

    def find_regions(self, key: str, labels: Sequence[str]) -> Bool[np.ndarray, " c"]:
        """Flag the regions named, by code, country or built-in group; all without
        labels.

        Raises ``TivaxError`` for a label that is neither, with close matches.
        """
        if not labels:
            return np.ones(len(self.regions), bool)
        found = np.zeros(len(self.regions), bool)
        for label in labels:
            members: Sequence[str] = [label]
            if label not in (*self.regions, *self.names):
                known = [*self.names, *(country_groups() if len(label) > 3 else ())]
                if label.upper() in country_groups():
                    members = country_group(label).members
                else:
                    with naming(key):
                        members = [find_region(label, known)]
            here = [
                code in members or self.names[whole] in members
                for code, whole in zip(self.regions, self.whole, strict=True)
            ]
            if not any(here):
                raise NotFound(f"{key}: the tables have no member of {label}")
            found |= np.array(here)
        return found

    def find_sectors(self, labels: Sequence[str]) -> Int[np.ndarray, " k"]:
        """The numbers of the sectors that are named, by code or by words that the title
        of one alone has; all without."""
        if not labels:
            return np.arange(len(self.sectors))
        with naming("sectors"):
            found = [find_sector(k, self.sectors, self.source) for k in labels]
        return np.array([self.sectors.index(k) for k in found])

    def industries(
        self, regions: Bool[np.ndarray, " c"], sectors: Int[np.ndarray, " k"]
    ) -> Int[np.ndarray, " m"]:
        """Rows of these sectors in these regions."""
        s = len(self.sectors)
        return (np.flatnonzero(regions)[:, None] * s + sectors[None, :]).ravel()

    def users(self, buyer: int) -> Int[np.ndarray, " s"]:
        """The industries of a region."""
        return np.arange(len(self.sectors)) + buyer * len(self.sectors)

    def at_home(self) -> Bool[np.ndarray, "c c"]:
        """Pairs of regions whose trade is not trade."""
        return self.whole[:, None] == self.whole[None, :]
