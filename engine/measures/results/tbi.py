"""The result of `tivax tbi`: index, value-added trade, VAX ratios, their errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from ...core import Listing, billions, capital, to_long_frame, variable_labels
from ...figures import ShownRegions, shown_regions
from ...figures.regions import ends_of, ends_text, of_those_shown, trade_size
from ...reporting import (
    Z95,
    Plot,
    interval_columns,
    kinds_line,
    method_of,
    with_intervals,
)
from ...tables import REST, country_in_text, listing_by_region
from ..flags import FLAGS, flag_messages
from .measure import MeasuredTables, MeasureResult

# Named, not imported: where another process draws, this one needs no matplotlib.
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

_NOTHING = 1e-9  # a move or a value of the index that is rounding


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

    @property
    def line(self) -> str:
        """Note on the errors that the standard errors in brackets cover."""
        kinds = kinds_line(self.record)
        return f"in brackets: standard errors from errors of the tables: {kinds}"


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
    report_title = "Trade benefit index"
    method = method_of("tbi")
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

    @property
    def shown(self) -> ShownRegions:
        """The regions of figures and summary: those asked for, else the largest."""
        if self.each_group and not self.asked:
            names = [str(k) for k in self.tbi["region"].values]
            return ShownRegions(names, names, "all groups")
        year = int(self.tbi["year"].values[-1])
        measure = f"value-added exports and imports in {year}"
        return shown_regions(trade_size(self.tbi), measure, self.asked)

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

    def plots(self) -> dict[str, Plot]:
        """Figures of the index, of bilateral balances, of gross and value-added trade.

        Groups that may overlap have no bilateral balances, only their index.
        """
        if self.named:
            return {}
        shown, tbi = self.shown, replace(self, by="index").data
        about = {"account": self.account}
        from ...figures import has_map, trade, world_tiles  # loads matplotlib

        plots: dict[str, Plot] = {
            "tbi": partial(trade.tbi_lines, tbi, shown.few, **about)
        }
        if self.each_group:
            return plots
        last = tbi["tbi"].isel(year=-1).to_series()
        if has_map(last.index):
            plots["world"] = partial(
                world_tiles,
                last,
                self.said(
                    f"trade benefit index, {tbi['year'].values[-1]}: "
                    "blue earns more than it pays, red less"
                ),
            )
        many = shown.many if len(shown.many) > 1 else None  # one has no partner
        plots["va_balances"] = partial(
            trade.balance_heatmap, self.absorbed, regions=many, **about
        )
        # Jobs or emissions cannot be compared with gross trade.
        if self.exports is None:
            return plots
        if self.absorbed.attrs.get("units") == self.exports.attrs.get("units"):
            both = {"va_absorbed": self.absorbed, "gross_exports": self.exports}
            if self.errors is not None:
                se = self.errors.regions["vax_ratio"]
                both["vax_ratio_se"] = se.rename(region="origin")
            plots["va_versus_gross"] = partial(
                trade.va_versus_gross,
                xr.Dataset(both),
                region=shown.few[0] if shown.asked else None,
                regions=shown.many,
            )
        return plots

    def titles(self) -> dict[str, str]:
        """The largest move among the regions shown; how many indices are above 0; the
        largest balances."""
        if self.named:
            return {}
        titles = {}
        index = self.tbi["tbi"].sel(region=self.shown.few).to_series().unstack("region")
        index = index.sort_index()
        index = index.loc[:, index.iloc[[0, -1]].notna().all()]
        moves = (index - index.iloc[0]).abs().max()
        if len(index) >= 3 and len(moves) >= 2 and moves.max() > _NOTHING:
            region = str(moves.idxmax())
            own = index[region]
            peak = (own - own.iloc[0]).abs().idxmax()
            points = [*dict.fromkeys((index.index[0], peak, index.index[-1]))]
            said = ", ".join(f"{own[k]:.2f} in {k}" for k in points).replace("-", "−")
            titles["tbi"] = of_those_shown(
                f"{capital(country_in_text(region))} moved most: {said}",
                self.shown.few,
                self.tbi["region"].values,
            )
        last = self.tbi["tbi"].isel(year=-1).to_series().drop(REST, errors="ignore")
        last = last[last.notna()]
        if len(last):
            titles["world"] = self.said(
                f"{(last > _NOTHING).sum()} of {len(last)} economies earn more than "
                f"they pay, {self.tbi['year'].values[-1]}"
            )
        return titles | self._title_of_balances() | self._title_of_deficit()

    def _title_of_balances(self) -> dict[str, str]:
        """The largest bilateral balance of those shown."""
        chosen = [k for k in self.shown.many if k != REST]
        if self.each_group or len(chosen) < 2:
            return {}
        balance = _balances(self.absorbed).loc[chosen, chosen].to_numpy()
        places = np.unravel_index(balance.argmax(), balance.shape)
        unit, factor = billions(self.absorbed.attrs.get("units", ""), balance[places])
        most = factor * balance[places]
        if not balance[places] > _NOTHING * float(np.abs(self.absorbed).sum()):
            return {}
        who, whom = (country_in_text(chosen[k]) for k in places)
        year = self.tbi["year"].values[-1]
        size = f"{most:+,.0f}" if most >= 10 else f"{most:+.2g}"
        said = f"Largest balance of {year}: {who} with {whom}, {size} {unit}"
        every = self.tbi["region"].values
        return {"va_balances": of_those_shown(said.rstrip(), chosen, every)}

    def _title_of_deficit(self) -> dict[str, str]:
        """The region and partner of the figure whose gross balance is largest."""
        if self.account or self.each_group or self.exports is None:
            return {}
        unit, factor = billions(self.absorbed.attrs.get("units", ""))
        balance, gross = (factor * _balances(k) for k in (self.absorbed, self.exports))
        whole = balance.sum(axis=1).drop(REST, errors="ignore")
        region = self.shown.few[0] if self.shown.asked else str(whole.idxmin())
        others = gross.loc[region].drop([region, REST], errors="ignore")
        if others.empty:
            return {}
        partner = str(others.abs().idxmax())
        texts = [
            f"{k.loc[region, partner]:+,.0f}".replace("-", "−")
            for k in (balance, gross)
        ]
        said = (
            f"{capital(country_in_text(region))} with {country_in_text(partner)}, "
            f"{self.tbi['year'].values[-1]}: {texts[0]} {unit} in value added, "
            f"{texts[1]} gross"
        )
        return {"va_versus_gross": " ".join(said.split())}

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

    @property
    def subtitle(self) -> str:
        years = self.tbi["year"].values
        count = self.tbi.sizes["region"]
        return f"{count} regions, {years[0]} to {years[-1]}"

    @property
    def sentence(self) -> str:
        """The highest and lowest index and the largest move, among the regions in the
        printed table where these are several."""
        index, years, among = self.tbi["tbi"], self.tbi["year"].values, ""
        few = self.shown.few
        if len(few) > 1 and {*index["region"].values} - {*few, REST}:
            index = index.sel(region=few)
            among = f", among the {len(few)} regions of the table,"
        last = index.isel(year=-1).to_series()
        moves = last - index.isel(year=0).to_series()
        if self.shown.asked and len(few) == 1 and (own := last[few[0]]) == own:
            others = last.drop(REST, errors="ignore").dropna()
            said = self.said(
                f"In {years[-1]} the trade benefit index of {country_in_text(few[0])} "
                f"is {own:+.4f}; {(others > own).sum()} of {len(others)} economies "
                "have a higher one."
            )
            change = f"\nIts change since {years[0]} is {moves[few[0]]:+.4f}."
            return said + change * bool(len(years) > 1 and np.isfinite(moves[few[0]]))
        if not (ends := ends_text(last, "{:+.4f}".format)):
            return ""
        said = self.said(f"In {years[-1]}{among} the trade benefit index is {ends}.")
        if self.errors is not None:
            (high, top), (low, bottom) = ends_of(last)
            se = self.errors.regions["tbi"].isel(year=-1).sel(region=[high, low])
            if top - bottom < Z95 * float(se.sum()):
                said += " Their 95 % intervals overlap."
        if ends := ends_text(moves, "{:+.4f}".format):  # nothing moves in one year
            said += f"\nIts change since {years[0]} is {ends}."
        return said

    def _listings(self) -> list[Listing]:
        """The index of some regions in the first and last year, with standard errors if
        there are, its accuracy and flagged rows by sector."""
        tbi, shown = self.tbi, self.shown
        ends = sorted({0, tbi.sizes["year"] - 1})
        years = [int(tbi["year"].values[k]) for k in ends]
        notes = [
            f"{year}: the iteration stalled; solved by LU instead"
            for year in self.years_by_lu
        ]
        rows = int(np.prod([*self.vax_by_sector.sizes.values()]))
        for line in flag_messages(self.flags, rows, net=self.net):
            notes.append(f"vax_by_sector: {line}")
        if self.residual_max is not None:
            span = "-".join(map(str, years))
            notes.append(f"{span}, largest relative residual {self.residual_max:.1e}")
        if self.certified:
            notes.append(certified_line("required output B Y", **self.certified))
        if self.errors is not None:
            notes.append(self.errors.line)
        title = f"Trade benefit index; {shown.rule}, of {tbi.sizes['region']}"
        cells = {
            code: [self._index(year, code) for year in years] for code in shown.few
        }
        return [listing_by_region(self.said(title), [*map(str, years)], cells, notes)]

    def _index(self, year: int, region: str) -> str:
        place = {"year": year, "region": region}
        value = float(self.tbi["tbi"].sel(place))
        if value != value:
            return "no trade"
        if self.errors is None:
            return f"{value:+.4f}"
        return f"{value:+.4f} ({float(self.errors.regions['tbi'].sel(place)):.2g})"


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


def _balances(flows: xr.DataArray) -> pd.DataFrame:
    """Sales less purchases of each region (rows) with each, in the last year."""
    last = flows.isel(year=-1)
    _, origin, partner = map(str, flows.dims)
    names = [str(k) for k in last[origin].values]
    sold = pd.DataFrame(last.transpose(origin, partner).values, names)
    sold.columns = [str(k) for k in last[partner].values]
    return sold[names] - sold[names].T


def certified_line(
    what: str, *, cell_error_max: float, cell_backward_error_max: float
) -> str:
    """A line on the accuracy of single cells."""
    return (
        f"every cell of {what} is right to {cell_error_max:.1e} of itself or better (a "
        f"bound); backward error by cell {cell_backward_error_max:.1e}"
    )
