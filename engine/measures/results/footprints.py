"""The result of ``tx.footprints``: accounts by where they arise and by who uses."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from ...core import to_long_frame
from ...reporting import interval_columns, with_intervals
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
    in_print = "tivax.engine.present.footprints"
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
        frame["unit"] = self.unit
        return {"footprints": frame}

    @property
    def unit(self) -> str:
        """Unit of the account."""
        return str(self.totals["direct"].attrs.get("units", ""))

    def facts(self) -> dict[str, Any]:
        return {"residual_max": self.residual_max, "each_group": self.apart}
