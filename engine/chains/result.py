"""The result of ``tx.supply_exposure`` and of `tivax exposure`."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ..errors import WithErrors
from ..reporting import Told
from ..tables import REST


@dataclass(frozen=True, eq=False, repr=False)
class SupplyExposure(WithErrors, Told):
    """Exposure of a buyer to a supplier along supply chains.

    Attributes
    ----------
    buyer, supplier, sectors
        Who buys, who supplies, the buyer's industries that count (all where empty).
    year
        The year of all tables but ``table``.
    unit, account_unit
        Of flows, and of value added (or the satellite account).
    table
        Every year, the buyer with every partner, home included: look-through (FPEM),
        face value and hidden exposure in per cent of TI, the output that the buyer's
        final sales take: themselves and their inputs at every stage; with errors
        ``se``, ``ci_low``, ``ci_high``.
    by_industry
        The buyer's industries: the same shares, and ``inputs`` (TI).
    by_product
        Supplying sectors: ``exposure`` in per cent of TI, the supplier's ``share`` of
        what the buyer takes of the product along chains; imports, their concentration,
        home production; with elasticities the cost of replacing the supplier.
    third_countries
        Value added of the supplier in the buyer's imports, by seller (``via``) and
        chain: direct, one stop, more.
    paths
        The largest supply paths; ``percent`` of TI.
    rounds
        The supplier's part by round of production.
    extraction
        Where the supplier delivers ``cut`` per cent less and nobody takes its place:
        value added lost, in per cent of what final sales hold;
        ``first_order`` is the cut of what the supplier's deliveries hold.
    pairs
        Look-through exposures of all buyers (rows) to all suppliers, in per cent.
    size
        Gross output of the regions.
    remainder, gap
        The sum of all paths that are not listed, and what paths and remainder miss of
        the total, relative to it.
    length
        Average propagation length from supplier to buyer.
    residual
        The largest relative residual of the solves.
    account
        The satellite account that stands in place of value added.
    source
        The database, whose sectors have titles.

    Examples
    --------
    >>> found = tx.supply_exposure(world, "R01", "R02")
    >>> found.shares.round(2).to_dict()
    {'FPEM': 15.37, 'FPEM_FACE': 8.76, 'FPEM_HIDDEN': 6.62}
    """

    buyer: str
    supplier: str
    sectors: tuple[str, ...]
    year: int
    unit: str
    account_unit: str
    table: pd.DataFrame
    by_industry: pd.DataFrame
    by_product: pd.DataFrame
    third_countries: pd.DataFrame
    paths: pd.DataFrame
    rounds: pd.DataFrame
    extraction: pd.DataFrame
    pairs: pd.DataFrame
    size: pd.Series
    remainder: float
    gap: float
    length: float
    residual: float
    account: str = ""
    source: str = ""

    program = "exposure"
    in_print = "tivax.engine.present.chains"
    printed = True

    def tables(self) -> dict[str, pd.DataFrame]:
        pairs = self.pairs.rename_axis("region").reset_index()
        pairs = pairs.melt("region", var_name="partner", value_name="value")
        names = ("by_industry", "by_product", "third_countries", "paths", "rounds")
        names += ("extraction",)
        return {
            "exposure": self.table,
            **{name: self._named(getattr(self, name)) for name in names},
            "pairs": pairs.assign(year=self.year)[["year", *pairs]],
        }

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns for year, buyer and supplier, before the others."""
        own = {"year": self.year, "region": self.buyer, "partner": self.supplier}
        return frame.assign(**own)[[*own, *frame]]

    @property
    def most_exposed(self) -> tuple[str, ...]:
        """The buyer and the one foreign country that makes most of its inputs."""
        buyers, suppliers = ([str(k) for k in axis] for axis in self.pairs.axes)
        abroad = {
            (buyer, supplier): share
            for (buyer, supplier), share in zip(
                product(buyers, suppliers), self.pairs.to_numpy(float).flat, strict=True
            )
            if supplier not in (buyer, REST)
        }
        return max(abroad, key=abroad.__getitem__) if len(abroad) > 1 else ()

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.residual,
            "buyer": self.buyer,
            "supplier": self.supplier,
            "sectors": list(self.sectors),
            "detail_year": self.year,
            "unit": self.unit,
            "account_unit": self.account_unit,
            "paths_remainder": self.remainder,
            "paths_gap": self.gap,
            "propagation_length": self.length,
        }

    @property
    def shares(self) -> pd.Series:
        """FPEM, FPEM_FACE and FPEM_HIDDEN of the supplier in the year."""
        own = self.table[
            (self.table["year"] == self.year) & (self.table["partner"] == self.supplier)
        ]
        return own.set_index("indicator")["value"]

    @property
    def exposed_abroad(self) -> pd.Series:
        """Exposures of all others but the rest of the world to the supplier."""
        exposed = self.pairs[self.supplier]
        return exposed.drop([self.supplier, REST], errors="ignore")

    @property
    def direct(self) -> float:
        """Per cent of the supplier's value added in the buyer's imports that comes
        directly; NaN at home, and where there is none."""
        there = self.buyer != self.supplier and len(self.third_countries)
        direct = self.third_countries.query("chain == 'direct'")["percent"]
        return float(direct.sum()) if there else np.nan
