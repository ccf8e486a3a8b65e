"""The result of ``tx.supply_exposure`` and of `tivax exposure`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ..core import Listing, count_text
from ..errors import WithErrors
from ..figures import shown_regions
from ..reporting import Plot, Result, method_of
from ..sources import sector_title
from ..tables import REST, country_in_text, country_name

_PRINTED = 8  # paths in the terminal


@dataclass(frozen=True, eq=False, repr=False)
class SupplyExposure(WithErrors, Result):
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
    report_title = "Exposure along supply chains"
    method = method_of("exposure")
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

    def plots(self) -> dict[str, Plot]:
        """A waterfall from face value to look-through, a map of suppliers by buyer."""
        from ..figures import exposures as drawings  # loads matplotlib
        from ..figures import has_map, world_tiles

        both = (self.buyer, self.supplier)
        known = [k for k in both if k in self.size]
        many = shown_regions(self.size, f"output in {self.year}").many
        chosen = [*dict.fromkeys([*known, *many, *self._most_exposed])]
        world: dict[str, Plot] = {}
        if has_map(self.pairs.index):
            buyers = self.pairs[self.supplier].copy()
            buyers[self.supplier] = np.nan  # home is of another size
            title = (
                f"Exposure to {country_name(self.supplier)}, look-through, {self.year}"
            )
            about = "% of all output that the buyer takes; darker is more exposed"
            world["world"] = partial(world_tiles, buyers, about, title=title)
        return {
            "waterfall": partial(drawings.exposure_waterfall, self.rounds),
            "map": partial(
                drawings.exposure_map,
                self.pairs.loc[chosen, chosen],
                title=f"Exposure to suppliers, look-through, {self.year}",
            ),
            **world,
        }

    def titles(self) -> dict[str, str]:
        """The exposure, and the most exposed of the countries in the map."""
        whole, face = self.shares["FPEM"], self.shares["FPEM_FACE"]
        titles = {
            "waterfall": f"Inputs of {country_in_text(self.buyer)}{self._of} from "
            f"{country_in_text(self.supplier)}, "
            f"{self.year}: {face:.2f} % at face value, {whole:.2f} % looked through"
        }
        abroad = self.pairs[self.supplier].drop([self.supplier, REST], errors="ignore")
        if len(abroad):
            titles["world"] = (
                f"{country_name(str(abroad.idxmax()))} is most exposed to "
                f"{country_in_text(self.supplier)}, {self.year}: {abroad.max():.1f} % "
                "of its inputs"
            )
        if self._most_exposed:
            buyer, supplier = self._most_exposed
            share = self.pairs.loc[buyer, supplier]
            titles["map"] = (
                f"Most exposed to one country in {self.year}: {country_name(buyer)}, "
                f"with {share:.1f} % of its inputs from {country_in_text(supplier)}"
            )
        return titles

    @property
    def _most_exposed(self) -> tuple[str, ...]:
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
    def _buyer(self) -> str:
        return f"{country_name(self.buyer)}{self._of}"

    @property
    def _of(self) -> str:
        """The number of sectors of the buyer that count, where not all do."""
        return f" ({count_text(len(self.sectors), 'sector')})" if self.sectors else ""

    @property
    def subtitle(self) -> str:
        return f"{self._buyer} buying from {country_name(self.supplier)}, {self.year}"

    @property
    def shares(self) -> pd.Series:
        """FPEM, FPEM_FACE and FPEM_HIDDEN of the supplier in the year."""
        own = self.table[
            (self.table["year"] == self.year) & (self.table["partner"] == self.supplier)
        ]
        return own.set_index("indicator")["value"]

    @property
    def sentence(self) -> str:
        """The exposure, its way, and what an extraction would cost."""
        whole, face = self.shares["FPEM"], self.shares["FPEM_FACE"]
        buyer, supplier = map(country_in_text, (self.buyer, self.supplier))
        part = " from the chosen sectors" if self.sectors else ""
        said = [
            f"In {self.year} {supplier} makes {whole:.2f} % of all output that "
            f"final sales of {buyer}{part} take, themselves and their inputs at "
            f"every stage; at face value {face:.2f} %."
        ]
        held = self.account or "value added"
        direct = self.third_countries.query("chain == 'direct'")["percent"].sum()
        if self.buyer != self.supplier and len(self.third_countries):
            said.append(
                f"{direct:.0f} % of the {held} from {supplier} in imports of {buyer} "
                "comes directly, the rest through third countries or in longer "
                "chains."
            )
        last = self.extraction.iloc[-1] if len(self.extraction) else None
        if last is not None and self.buyer != self.supplier and last["lost"] > 0:
            said.append(
                f"With {last['cut']:g} % less from {supplier}, "
                f"{last['lost']:.2f} % of the {held} in final sales of {buyer}{part} "
                "falls away if producers go on without the inputs; otherwise more."
            )
        return "\n".join(said)

    def _listings(self) -> Sequence[Listing]:
        """The largest paths, and how exact they are."""
        few = self.paths.head(_PRINTED)
        rows = [
            (str(k.path), f"{k.value:,.0f}", f"{k.percent:.3f}")
            for k in few.itertuples()
        ]
        note = (
            f"all other paths carry {self.remainder:,.0f} {self.unit}; "
            f"average propagation length {self.length:.2f}"
        )
        notes = [f"{code}: {title}" for code, title in self._titles(few).items()]
        columns = ("path", self.unit, "% of output")
        supplier, buyer = map(country_in_text, (self.supplier, self.buyer))
        title = (
            f"Largest supply paths from {supplier} to {buyer}{self._of}, {self.year}"
        )
        return [Listing(title, columns, rows, (*notes, note))] if rows else []

    def _titles(self, paths: pd.DataFrame) -> dict[str, str]:
        """Titles of the sectors in paths, where the database has them."""
        steps = [step for path in paths["path"] for step in path.split(" > ")]
        codes = [str(k) for k in self.by_product["sector"]]
        passed = [k for k in codes if any(step.endswith(f" {k}") for step in steps)]
        titles = {k: sector_title(k, self.source) for k in passed}
        return {k: title for k, title in titles.items() if title != k}
