"""The result of ``tx.footprints``: accounts by where they arise and by who uses."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import xarray as xr

from ...core import Listing, number_text, to_long_frame
from ...figures import shown_regions
from ...figures.regions import ends_text
from ...reporting import Plot, interval_columns, with_intervals
from ...tables import listing_by_region
from .measure import MeasuredTables, MeasureResult

_PYMRIO = {
    "production_based": "D_pba",
    "consumption_based": "D_cba",
    "embodied_exports": "D_exp",
    "embodied_imports": "D_imp",
    "direct": "F_Y",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Footprints(MeasureResult):
    """Production- and consumption-based totals of an account.

    ``totals`` has them by year and region, ``by_sector`` by sector too; ``errors`` has
    the standard errors of ``totals``; ``named``: as pymrio names them.

    Examples
    --------
    >>> (jobs,) = tx.read_satellites("jobs.csv")
    >>> found = tx.footprints(world, jobs)
    >>> found["consumption_based"].sel(year=2000).round(2).values.tolist()
    [8.79, 18.42, 22.8]
    """

    totals: xr.Dataset
    by_sector: xr.Dataset | None
    residual_max: float
    source: MeasuredTables
    account: str = ""
    apart: bool = False
    named: bool = False
    errors: xr.Dataset | None = None

    program = "footprints"
    report_title = "Footprints"
    printed = True

    @property
    def _values(self) -> xr.Dataset:
        return self.totals if self.by_sector is None else self.by_sector

    @property
    def data(self) -> xr.Dataset:
        found, end = self._values, "_reg" if self.by_sector is None else ""
        if self.errors is not None:
            found = with_intervals(found, self.errors)
        words = {k: v if k == "direct" else v + end for k, v in _PYMRIO.items()}
        return found.rename(words) if self.named else found

    def tables(self) -> dict[str, pd.DataFrame]:
        labels = [k for k in ("year", "region", "sector") if k in self._values.dims]
        frame = to_long_frame(self._values, [*labels, *map(str, self._values)])
        if self.errors is not None:
            se = self.errors.transpose(*labels).to_dataframe()
            frame = interval_columns(frame, se, "", [*map(str, self.errors)])
        frame["unit"] = self._unit
        return {"footprints": frame}

    @property
    def _unit(self) -> str:
        return str(self.totals["direct"].attrs.get("units", ""))

    @property
    def _last(self) -> pd.DataFrame:
        return self.totals.isel(year=-1).to_dataframe()[[*map(str, self.totals)]]

    def plots(self) -> dict[str, Plot]:
        from ...figures import world_tiles  # loads matplotlib

        last = self._last
        gap = last["consumption_based"] - last["production_based"]
        label = f"{self._name}, {self._unit}: consumption-based less production-based"
        return {"footprints": partial(world_tiles, gap, label)}

    @property
    def _name(self) -> str:
        return self.account or "account"

    def facts(self) -> dict[str, Any]:
        return {"residual_max": self.residual_max, "each_group": self.apart}

    @property
    def subtitle(self) -> str:
        years = self.totals["year"].values
        count = self.totals.sizes["region"]
        return f"{self._name}: {count} regions, {years[0]} to {years[-1]}"

    @property
    def sentence(self) -> str:
        used, year = self._last["consumption_based"], self.totals["year"].values[-1]
        ends = ends_text(used, lambda k: f"{number_text(k)} {self._unit}".rstrip())
        return f"In {year} the footprint of {self._name} is {ends}." if ends else ""

    def _listings(self) -> list[Listing]:
        """Accounts of some regions in the last year."""
        last, year = self._last, self.totals["year"].values[-1]
        chosen = shown_regions(last["consumption_based"], f"footprint in {year}")
        rows = last.loc[chosen.few].to_numpy(float).tolist()
        texts = [[*map(number_text, row)] for row in rows]
        cells = dict(zip(chosen.few, texts, strict=True))
        columns = [str(k).replace("_", " ") for k in last]
        title = f"{self._name} in {year}, {self._unit}; {chosen.rule}"
        return [listing_by_region(title, columns, cells)]
