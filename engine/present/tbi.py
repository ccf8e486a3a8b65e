"""The trade benefit index in print: index, balances, gross and value-added trade."""

from collections.abc import Sequence
from functools import cached_property, partial

import numpy as np
import pandas as pd
import xarray as xr

from ..core import Listing, Phrase, billions
from ..figures import ShownRegions, shown_regions
from ..figures.regions import trade_size
from ..measures import TbiResult
from ..reporting import Plot, kinds_line, page_of
from ..tables import REST
from .measures import MeasurePage

_NOTHING = 1e-9  # a move or a value of the index that is rounding


@page_of.register(TbiResult)
class TbiPage(MeasurePage):
    """The index; without figures where it is of one of several accounts."""

    heading = "Trade benefit index"
    result: TbiResult

    @property
    def method(self) -> str:
        part = "method of an account" if self.account else "method of tbi"
        return self.words.text(part, account=self.account)

    @property
    def subtitle(self) -> str:
        index = self.result.tbi
        return self.size(index["region"].values, index["year"].values)

    @cached_property
    def shown(self) -> ShownRegions:
        result = self.result
        if result.each_group and not result.asked:
            names = [str(k) for k in result.tbi["region"].values]
            return ShownRegions(names, names, "all groups")
        measure = self.rule("value-added exports and imports", self._year)
        return shown_regions(trade_size(result.tbi), measure, result.asked)

    @property
    def _year(self) -> int:
        return int(self.result.tbi["year"].values[-1])

    @property
    def _last(self) -> pd.Series:
        return self.result.tbi["tbi"].isel(year=-1).to_series()

    def plots(self) -> dict[str, Plot]:
        """Figures of the index, of bilateral balances, of gross and value-added trade.

        Groups that may overlap have no bilateral balances, only their index.
        """
        result, shown, say = self.result, self.shown, self.said
        if result.named:
            return {}
        from ..figures import has_map, trade, world_tiles  # loads matplotlib

        # Named, not imported: where another process draws, this needs no matplotlib.
        plots: dict[str, Plot] = {
            "tbi": partial(trade.tbi_lines, result.data, shown.few, say=say)
        }
        if result.each_group:
            return plots
        if has_map(self._last.index):
            label = say(Phrase(_WORLD, year=self._year))
            plots["world"] = partial(world_tiles, self._last, label, say=say)
        many = shown.many if len(shown.many) > 1 else None  # one has no partner
        plots["va_balances"] = partial(
            trade.balance_heatmap, result.absorbed, regions=many, say=say
        )
        # Jobs or emissions cannot be compared with gross trade.
        if result.exports is None:
            return plots
        if result.absorbed.attrs.get("units") == result.exports.attrs.get("units"):
            both = {"va_absorbed": result.absorbed, "gross_exports": result.exports}
            if result.errors is not None:
                se = result.errors.regions["vax_ratio"]
                both["vax_ratio_se"] = se.rename(region="origin")
            plots["va_versus_gross"] = partial(
                trade.va_versus_gross,
                xr.Dataset(both),
                region=shown.few[0] if shown.asked else None,
                regions=shown.many,
                say=say,
            )
        return plots

    def titles(self) -> dict[str, str]:
        """The largest move among the regions shown; how many indices are above 0; the
        largest balances."""
        if self.result.named:
            return {}
        last = self._last.drop(REST, errors="ignore").dropna()
        told = {
            "tbi": self._largest_move(),
            "world": self.words.text(
                "above of an account" if self.account else "above",
                above=int((last > _NOTHING).sum()),
                economies=len(last),
                year=self._year,
                account=self.account,
            ),
            "va_balances": self._largest_balance(),
            "va_versus_gross": self._deficit(),
        }
        return {k: v for k, v in told.items() if v and (k != "world" or len(last))}

    def _largest_move(self) -> str:
        every, few = self.result.tbi["tbi"], self.shown.few
        index = every.sel(region=few).to_series().unstack("region").sort_index()
        index = index.loc[:, index.iloc[[0, -1]].notna().all()]
        moves = (index - index.iloc[0]).abs().max()
        if len(index) < 3 or len(moves) < 2 or moves.max() <= _NOTHING:
            return ""
        own = index[region := str(moves.idxmax())]
        peak = (own - own.iloc[0]).abs().idxmax()
        points = dict.fromkeys((index.index[0], peak, index.index[-1]))
        values = self.listed(
            self.words.text("point", value=_signed(f"{own[k]:.2f}"), year=k)
            for k in points
        )
        names = few, every["region"].values
        return self.headline("moved most", *names, region=region, values=values)

    def _largest_balance(self) -> str:
        """The largest bilateral balance of those shown."""
        chosen, absorbed = (
            [k for k in self.shown.many if k != REST],
            self.result.absorbed,
        )
        if self.result.each_group or len(chosen) < 2:
            return ""
        balance = _balances(absorbed).loc[chosen, chosen].to_numpy()
        places = np.unravel_index(balance.argmax(), balance.shape)
        unit, factor = billions(absorbed.attrs.get("units", ""), balance[places])
        most = factor * balance[places]
        who, whom = (chosen[k] for k in places)
        size = f"{most:+,.0f}" if most >= 10 else f"{most:+.2g}"
        size = f"{size} {self.said(unit)}".rstrip()
        names = chosen, self.result.tbi["region"].values
        given = {"who": who, "whom": whom, "year": self._year}
        return self.headline("balance", *names, size=size, **given)

    def _deficit(self) -> str:
        """The region and partner of the figure whose gross balance is largest."""
        result, shown = self.result, self.shown
        if self.account or result.each_group or result.exports is None:
            return ""
        unit, factor = billions(result.absorbed.attrs.get("units", ""))
        balance, gross = (
            factor * _balances(k) for k in (result.absorbed, result.exports)
        )
        whole = balance.sum(axis=1).drop(REST, errors="ignore")
        region = shown.few[0] if shown.asked else str(whole.idxmin())
        others = gross.loc[region].drop([region, REST], errors="ignore")
        if others.empty:
            return ""
        partner = str(others.abs().idxmax())
        net, all_ = (
            _signed(f"{k.loc[region, partner]:+,.0f}") for k in (balance, gross)
        )
        given = {"who": region, "whom": partner, "year": self._year, "gross": all_}
        net = f"{net} {self.said(unit)}".rstrip()
        return self.headline("deficit", (), (), net=net, **given)

    @property
    def sentence(self) -> str:
        """The highest and lowest index and the largest move, among the regions in the
        printed table where these are several."""
        index, among, few = self.result.tbi["tbi"], "", self.shown.few
        if len(few) > 1 and {*index["region"].values} - {*few, REST}:
            index = index.sel(region=few)
            among = self.words.text("among", regions=len(few))
        name = self.said("the trade benefit index")
        first, last = (index.isel(year=k).to_series() for k in (0, -1))
        told = self.ends("index", last, year=self._year, among=among, index=name)
        since = index["year"].values[0]  # nothing moves in one year
        moved = self.ends("moved", last - first, since=since) if told else ""
        return "\n".join(filter(None, (told, moved)))

    def listings(self) -> Sequence[Listing]:
        """The index of some regions in the first and last year, with standard errors if
        there are, its accuracy and flagged rows by sector."""
        result, say, shown = self.result, self.words.text, self.shown
        every = result.tbi["year"].values
        years = [int(k) for k in dict.fromkeys(every[[0, -1]])]
        notes = [say("stalled", year=year) for year in result.years_by_lu]
        rows = int(np.prod([*result.vax_by_sector.sizes.values()]))
        notes += [f"vax_by_sector: {line}" for line in self.flagged(rows)]
        worst = result.residual_max
        span = ("—" if self.words.chinese else "-").join(map(str, years))
        exact = "" if worst is None else say("residual", span=span, residual=worst)
        notes += self.notes_on(exact, self.said("required output B Y"))
        if result.errors is not None:
            kinds = self.said(kinds_line(result.errors.record))
            notes.append(say("in brackets", kinds=kinds))
        index, rule = self.said(self.heading), self.said(shown.rule)
        count = result.tbi.sizes["region"]
        title = say("listing of tbi", index=index, rule=rule, regions=count)
        cells = {
            code: [self._index(year, code) for year in years] for code in shown.few
        }
        return [self.by_region(title, [*map(str, years)], cells, notes)]

    def _index(self, year: int, region: str) -> str:
        place, result = {"year": year, "region": region}, self.result
        value = float(result.tbi["tbi"].sel(place))
        if value != value:
            return self.said("no trade")
        if result.errors is None:
            return f"{value:+.4f}"
        return f"{value:+.4f} ({float(result.errors.regions['tbi'].sel(place)):.2g})"


_WORLD = "trade benefit index, {year}: blue earns more than it pays, red less"


def _signed(number: str) -> str:
    return number.replace("-", "−")


def _balances(flows: xr.DataArray) -> pd.DataFrame:
    """Sales less purchases of each region (rows) with each, in the last year."""
    last = flows.isel(year=-1)
    _, origin, partner = map(str, flows.dims)
    names = [str(k) for k in last[origin].values]
    sold = pd.DataFrame(last.transpose(origin, partner).values, names)
    sold.columns = [str(k) for k in last[partner].values]
    return sold[names] - sold[names].T
