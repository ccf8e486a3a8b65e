"""The two sides of an exposure: who buys in the end, and who supplies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..core import naming, require_list
from ..measures import NamedPerimeters, perimeters_of
from ..sources import find_sector
from ..tables import AnyGroups, WorldTables, find_region, require_tables


@dataclass(frozen=True)
class BuyerAndSupplier:
    """Buyer and supplier among the perimeters, and the buyer's industries that count:
    ``sectors``, all where there is none."""

    borders: NamedPerimeters
    sectors_of_tables: tuple[str, ...]
    buyer: str
    supplier: str
    sectors: tuple[str, ...]

    @classmethod
    def of(
        cls,
        tables: WorldTables,
        buyer: str,
        supplier: str,
        sectors: Sequence[str],
        groups: AnyGroups | None,
    ) -> "BuyerAndSupplier":
        """Raises ``TivaxError`` for an unknown region, group or sector."""
        require_tables(tables)
        borders = perimeters_of(tables, groups)
        with naming("buyer"):
            buyer = find_region(buyer, borders.names)
        with naming("supplier"):
            supplier = find_region(supplier, borders.names)
        require_list("sectors", sectors)
        with naming("sectors"):
            own = [find_sector(k, tables.sectors, tables.source) for k in sectors]
        return cls(borders, tuple(tables.sectors), buyer, supplier, tuple(own))

    def of_perimeter(self, name: str) -> Float[np.ndarray, " c"]:
        """1 at one perimeter."""
        count = self.borders.member.shape[1]
        return (np.arange(count) == self.borders.names.index(name)).astype(float)

    def industries(self, name: str) -> Float[np.ndarray, " n"]:
        """1 at the industries of a perimeter."""
        own = self.borders.member @ self.of_perimeter(name)
        return np.repeat(own, len(self.sectors_of_tables))

    @property
    def buying(self) -> Float[np.ndarray, " n"]:
        """1 at the buyer's industries that count."""
        counted = np.isin(
            self.sectors_of_tables, self.sectors or self.sectors_of_tables
        )
        return self.industries(self.buyer) * np.tile(counted, len(self.borders.place))
