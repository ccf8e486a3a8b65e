"""The trade benefit index in print: index, balances, gross and value-added trade."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..core import Listing, Phrase, billions
from ..measures import TbiResult
from ..reporting import Z95, Plot, kinds_line, page_of
from ..tables import REST
from ..tables.shown_regions import ShownRegions, ends_of, trade_size
from .measures import MeasurePage

_NOTHING = 1e-9  # a move or a value of the index that is rounding
_WORLD = "trade benefit index, {year}: blue earns more than it pays, red less"


@page_of.register(TbiResult)
class TbiPage(MeasurePage):
    """The index; without figures where it is of one of several accounts."""

    heading = "Trade benefit index"
    result: TbiResult

    @property
    def method(self) -> str:
        own = "method of an account" if self.account else "method of tbi"
        return self.text(own, account=self.account)

    @cached_property
    def _index(self) -> pd.DataFrame:
        return self.result.tbi["tbi"].to_series().unstack("region")[self._names]

    @property
    def _names(self) -> list[str]:
        return [str(k) for k in self.result.tbi["region"].values]

    @property
    def _about(self) -> dict[str, Any]:
        years, regions = self._index.index, len(self._index.columns)
        about = {"year": years[-1], "since": years[0], "regions": regions}
        return {**about, "account": self.account}

    @property
    def subtitle(self) -> str:
        return self.text("size", **self._about)

    @cached_property
    def shown(self) -> ShownRegions:
        names = self._names
        if self.result.each_group and not self.result.asked:
            return ShownRegions(names, names, "all groups")
        flows, year = "value-added exports and imports", self._about["year"]
        return self.largest(trade_size(self.result.tbi), flows, year)

    def figures(self) -> dict[str, Plot]:
        """Figures of the index, of bilateral balances, of gross and value-added trade.

        Groups that may overlap have no bilateral balances, only their index.
        """
        result, few, many = self.result, self.shown.few, self.shown.many
        if result.named:
            return {}
        # Figures are named, not imported from: where another process draws, this one
        # needs no matplotlib.
        from ..figures import has_map, trade, world_tiles

        tbi = replace(result, by="index").data
        plots: dict[str, Plot] = {"tbi": partial(trade.tbi_lines, tbi, few)}
        if result.each_group:
            return plots
        if has_map(self._index.columns):
            label = Phrase(_WORLD, year=self._about["year"])
            plots["world"] = partial(world_tiles, self._index.iloc[-1], label)
        chosen = many if len(many) > 1 else None  # one has no partner
        balances = partial(trade.balance_heatmap, result.absorbed, regions=chosen)
        plots["va_balances"] = balances
        both = {"va_absorbed": result.absorbed, "gross_exports": result.exports}
        # Jobs or emissions cannot be compared with gross trade.
        units = {None if k is None else k.attrs.get("units") for k in both.values()}
        if result.exports is None or len(units) > 1:
            return plots
        if result.errors is not None:
            se = result.errors.regions["vax_ratio"]
            both["vax_ratio_se"] = se.rename(region="origin")
        gross = partial(trade.va_versus_gross, xr.Dataset(both), regions=many)
        region = few[0] if self.shown.asked else None
        return {**plots, "va_versus_gross": partial(gross, region=region)}

    def titles(self) -> dict[str, str]:
        """The largest move among the regions shown; how many indices are above 0; the
        largest balances."""
        if self.result.named:
            return {}
        titles = {"tbi": self._largest_move()}
        if len(last := self._index.iloc[-1].drop(REST, errors="ignore").dropna()):
            counts = {"above": int((last > _NOTHING).sum()), "economies": len(last)}
            part = "above of an account" if self.account else "above"
            titles["world"] = self.text(part, **counts, **self._about)
        if not self.result.each_group:
            titles["va_balances"] = self._largest_balance()
            titles["va_versus_gross"] = self._deficit()
        return {k: v for k, v in titles.items() if v}

    def _largest_move(self) -> str:
        index = self._index[self.shown.few]
        index = index.loc[:, index.iloc[[0, -1]].notna().all()]
        moves = (index - index.iloc[0]).abs()
        if len(moves) < 3 or moves.shape[1] < 2 or moves.to_numpy().max() <= _NOTHING:
            return ""
        own = index[region := str(moves.max().idxmax())]
        peak = moves[region].abs().to_numpy().argmax()
        points = [
            self.text("point", year=k, value=_signed(f"{own[k]:.2f}"))
            for k in dict.fromkeys((own.index[0], own.index[peak], own.index[-1]))
        ]
        about = {"region": region, "values": self.listed(points)}
        return self.headline("moved most", self.shown.few, self._index.T, **about)

    def _largest_balance(self) -> str:
        """The largest bilateral balance of those shown."""
        chosen = [k for k in self.shown.many if k != REST]
        if len(chosen) < 2:
            return ""
        absorbed = self.result.absorbed
        balance = _balances(absorbed).loc[chosen, chosen].to_numpy()
        if not balance.max() > _NOTHING * float(np.abs(absorbed).sum()):
            return ""
        who, whom = divmod(int(balance.argmax()), len(chosen))
        unit, factor = billions(absorbed.attrs.get("units", ""), balance.max())
        most = factor * balance.max()
        size = f"{most:+,.0f}" if most >= 10 else f"{most:+.2g}"
        about = {"size": f"{size} {self.said(unit)}".rstrip(), **self._about}
        about |= {"who": chosen[who], "whom": chosen[whom]}
        return self.headline("balance", chosen, self._index.T, **about)

    def _deficit(self) -> str:
        """The region and partner of the figure whose gross balance is largest."""
        result, shown = self.result, self.shown
        if self.account or result.exports is None:
            return ""
        unit, factor = billions(result.absorbed.attrs.get("units", ""))
        net, gross = (factor * _balances(k) for k in (result.absorbed, result.exports))
        whole = net.sum(axis=1).drop(REST, errors="ignore")
        who = shown.few[0] if shown.asked else str(whole.idxmin())
        others = gross.loc[who].drop([who, REST], errors="ignore")
        if others.empty:
            return ""
        whom = str(others.abs().idxmax())
        sizes = [_signed(f"{k.loc[who, whom]:+,.0f}") for k in (net, gross)]
        about = {"net": f"{sizes[0]} {self.said(unit)}".rstrip(), "gross": sizes[1]}
        about |= {"who": who, "whom": whom, **self._about}
        return self.headline("deficit", others.index, others, **about)

    @property
    def sentence(self) -> str:
        """The highest and lowest index and the largest move, among the regions in the
        printed table where these are several; the index of the one asked for."""
        index, among, few = self._index, "", self.shown.few
        if len(few) > 1 and {*index} - {*few, REST}:
            index, among = index[few], self.text("among", regions=len(few))
        about = {**self._about, "index": self.said("the trade benefit index")}
        first, last = index.iloc[0], index.iloc[-1]
        if self.shown.asked and len(few) == 1 and (value := last[few[0]]) == value:
            others = last.drop(REST, errors="ignore").dropna()
            about |= {"above": (others > value).sum(), "economies": len(others)}
            told = [self.text("own", region=few[0], value=value, **about)]
            if (change := value - first[few[0]]) == change and len(index) > 1:
                told.append(self.text("own move", change=change, **about))
            return "\n".join(told)
        told = [self.ends("index", last, among=among, **about)]
        if told[0] and (errors := self.result.errors) is not None:
            (high, top), (low, bottom) = ends_of(last)
            se = errors.regions["tbi"].isel(year=-1).sel(region=[high, low])
            if top - bottom < Z95 * float(se.sum()):
                told[0] += " " * (not self.chinese) + self.text("overlap")
        told += [self.ends("moved", last - first, **about)] if told[0] else []
        return "\n".join(filter(None, told))

    def listings(self) -> Sequence[Listing]:
        """The index of some regions in the first and last year, with standard errors if
        there are, its accuracy and flagged rows by sector."""
        result, shown, facts = self.result, self.shown, self.result.facts()
        years = [*dict.fromkeys(self._index.index[[0, -1]])]
        notes = [self.text("stalled", year=year) for year in result.years_by_lu]
        rows = result.vax_by_sector.get("flag", xr.DataArray(0)).size
        flagged = self.flagged(facts["flags"], rows)
        notes += [f"vax_by_sector: {line}" for line in flagged]
        if (worst := result.residual_max) is not None:
            span = ("—" if self.chinese else "-").join(map(str, years))
            notes.append(self.text("residual", span=span, residual=worst))
        notes += self.certified(facts, "required output B Y")
        if result.errors is not None:
            kinds = self.said(kinds_line(result.errors.record))
            notes.append(self.text("in brackets", kinds=kinds))
        about = {"index": self.title, "rule": self.said(shown.rule), **self._about}
        title = self.text("listing of tbi", **about)
        cells = {code: [self._cell(year, code) for year in years] for code in shown.few}
        return [self.by_region(title, [*map(str, years)], cells, notes)]

    def _cell(self, year: int, region: str) -> str:
        value, errors = float(self._index[region][year]), self.result.errors
        if value != value:
            return self.said("no trade")
        if errors is None:
            return f"{value:+.4f}"
        se = errors.regions["tbi"].sel(year=year, region=region)
        return f"{value:+.4f} ({float(se):.2g})"


def _signed(number: str) -> str:
    return number.replace("-", "−")


def _balances(flows: xr.DataArray) -> pd.DataFrame:
    """Sales less purchases of each region (rows) with each, in the last year."""
    _, origin, partner = map(str, flows.dims)
    last = flows.isel(year=-1).transpose(origin, partner)
    columns = last[partner].values.tolist()
    sold = pd.DataFrame(last.values, last[origin].values.tolist(), columns)
    return sold[sold.index] - sold[sold.index].T
