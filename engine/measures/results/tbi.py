"""The result of `tivax tbi`: index, value-added trade, VAX ratios, their errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import pandas as pd
import xarray as xr

from ...core import to_long_frame, variable_labels
from ...reporting import interval_columns, with_intervals
from ..flags import FLAGS
from .measure import MeasuredTables, MeasureResult

_FLOWS = ("gross_exports", "gross_imports", "va_exports", "va_imports", "vax_ratio")
# The value of each table whose errors are the columns se, ci_low, ci_high.
_MAIN = {
    "tbi": "tbi",
    "vax": "vax_ratio",
    "vax_by_sector": "vax_ratio",
    "va_absorbed": "value_added",
}
_WITH_ERRORS = (*_FLOWS, "tbi", "value_added")


By = Literal["index", "flow", "pair", "region", "sector"]


@dataclass(frozen=True)
class TbiErrors:
    """Standard errors of the tables of ``TbiResult``, by the names of the values.

    ``regions`` (year, region) has those of ``tbi`` and ``vax``, ``by_sector`` (year,
    region, sector) those of ``vax_by_sector``, ``absorbed`` (year, origin, absorber)
    those of value added absorbed; ``record`` says of which errors.
    """

    regions: xr.Dataset
    by_sector: xr.Dataset
    absorbed: xr.DataArray
    record: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, eq=False, repr=False)
class TbiResult(MeasureResult):
    """The result of ``tx.trade_benefit_index`` and of `tivax tbi`.

    ``trade`` is by industry as in ``value_added_trade``; the others have regions
    dropped and grouped, and of value added absorbed alone there are ``tbi`` and
    ``absorbed``. There are ``footprints`` (``footprint_accounts``) of a
    satellite account. With ``each_group`` they hold the groups alone,
    each computed by itself; ``absorbed`` and ``exports`` are by groups and regions, NaN
    unless the pair is a group with itself or with a region outside it. ``account``
    names the satellite account that stands in place of value added, ``asked`` the
    regions that figures and the printed table show (by default the largest), ``by`` the
    numbers of ``data``; ``net``:
    inventories are left out of the tables. With ``named``, of one of several accounts,
    its name is the first column of tables, and there are no figures.

    Examples
    --------
    >>> found = tx.trade_benefit_index(world)
    >>> [*found.tables()]
    ['tbi', 'vax', 'vax_by_sector', 'va_absorbed']
    """

    trade: xr.Dataset
    tbi: xr.Dataset
    absorbed: xr.DataArray  # (year, origin, absorber)
    vax: xr.Dataset = field(default_factory=xr.Dataset)
    vax_by_sector: xr.Dataset = field(default_factory=xr.Dataset)
    exports: xr.DataArray | None = None  # gross, (year, exporter, importer)
    each_group: bool = False
    footprints: xr.Dataset | None = None
    errors: TbiErrors | None = None
    account: str = ""
    asked: Sequence[str] = ()
    net: bool = False
    named: bool = False
    source: MeasuredTables | None = None
    by: By = "index"

    program = "tbi"
    in_print = "tivax.engine.present.tbi"
    printed = True
    always_parquet = ("va_absorbed",)
    one_workbook = True

    @property
    def data(self) -> xr.Dataset:
        pairs = partial(xr.DataArray.to_dataset, name="va_absorbed")
        found = {
            "index": self.tbi,
            "flow": self.trade,
            "pair": pairs(self.absorbed),
            "region": self.vax,
            "sector": self.vax_by_sector,
        }[self.by].assign_attrs(residual_max=self.residual_max)
        if self.errors is None or self.by == "flow":
            return found
        bars = {
            "pair": pairs(self.errors.absorbed),
            "sector": self.errors.by_sector,
        }.get(self.by, self.errors.regions)
        return with_intervals(found, bars)

    @property
    def residual_max(self) -> float | None:
        """The worst relative residual of all years, of flows that have one."""
        if "residual" in self.trade:
            return float(self.trade["residual"].max())
        return self.trade["va_absorbed"].attrs.get("residual_max")

    @property
    def certified(self) -> dict[str, float]:
        """The largest cell error (a bound) and backward error, if certified."""
        names = ("cell_error", "cell_backward_error")
        return {
            f"{k}_max": float(self.trade[k].max()) for k in names if k in self.trade
        }

    @property
    def flags(self) -> dict[str, int]:
        """Number of flagged rows of ``vax_by_sector``, by flag."""
        found = self.vax_by_sector.get("flag", xr.DataArray("")).values
        return {name: int((found == name).sum()) for name in FLAGS if name}

    @property
    def years_by_lu(self) -> list[int]:
        """The years in which the iteration stalled."""
        trade = self.trade
        lu = (
            trade["year"].values[trade["passes"].values == 0]
            if "passes" in trade
            else ()
        )
        return [int(year) for year in lu]

    def tables(self) -> dict[str, pd.DataFrame]:
        """tbi, vax, vax_by_sector and va_absorbed, with columns of errors if there are;
        footprints if there are any."""
        absorbed = to_long_frame(
            self.absorbed.to_dataset(name="value_added"),
            ["year", "origin", "absorber", "value_added"],
        )
        if self.each_group:
            absorbed = absorbed.dropna(ignore_index=True)
        index = ["year", "region", "va_exports", "va_imports", "tbi"]
        of_sectors = ["year", "region", "sector", *_FLOWS, "tbi", "flag"]
        tables = {"tbi": to_long_frame(self.tbi, index)}
        if self.vax:
            tables["vax"] = to_long_frame(self.vax, ["year", "region", *_FLOWS])
            tables["vax_by_sector"] = to_long_frame(self.vax_by_sector, of_sectors)
        tables["va_absorbed"] = absorbed
        if self.errors is not None:
            tables = {
                name: _with_errors(frame, name, self.errors)
                for name, frame in tables.items()
            }
        if self.footprints is not None:
            columns = ["year", "region", *map(str, self.footprints)]
            tables["footprints"] = to_long_frame(self.footprints, columns)
        for frame in tables.values() if self.account else ():
            frame["unit"] = self.absorbed.attrs.get("units", "")
            if self.exports is not None and "gross_exports" in frame:  # money beside it
                frame["gross_unit"] = self.exports.attrs.get("units", "")
            if self.named:
                frame.insert(0, "account", self.account)
        return tables

    def labels(self) -> dict[str, str]:
        absorbed = self.absorbed.to_dataset(name="value_added")
        parts = [self.tbi, self.vax_by_sector, absorbed]
        if self.footprints is not None:
            parts.append(self.footprints)
        return variable_labels(*parts)

    def do_lines(self) -> list[str]:
        by = " by(account)" if self.named else ""
        return [f"tabdisp region year, cellvar(tbi) format(%9.4f){by}"]

    def facts(self) -> dict[str, Any]:
        error = {} if self.errors is None else {"error": [*self.errors.record]}
        return {
            "residual_max": self.residual_max,
            **self.certified,
            "years_by_lu": self.years_by_lu,
            "each_group": self.each_group,
            **error,
            "flags": self.flags,
        }


def _with_errors(frame: pd.DataFrame, name: str, errors: TbiErrors) -> pd.DataFrame:
    """Columns of errors beside the values of one table, row by row."""
    of_table = {
        "tbi": errors.regions,
        "vax": errors.regions,
        "vax_by_sector": errors.by_sector,
        "va_absorbed": errors.absorbed.to_dataset(name="value_added"),
    }[name]
    labels = [str(k) for k in of_table.dims]
    at = {k: xr.DataArray(frame[k].to_numpy(), dims="row") for k in labels}
    found = of_table.sel(at).drop_vars(labels).to_dataframe()
    return interval_columns(frame, found, _MAIN[name], _WITH_ERRORS)
