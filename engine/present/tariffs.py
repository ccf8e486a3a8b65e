"""Tariffs that regions choose, in print: the rates, and what they do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from ..core import Listing, capital
from ..equilibrium import (
    NashTariffs,
    OptimalTariff,
    Retaliation,
    TradeWar,
)
from ..figures.welfare import response_curves, tariff_schedule, welfare_by_region
from ..reporting import Drawn, Plot, Section, page_of
from ..sources import find_sectors, sector_title
from ..tables import country_name
from .by_region import RegionsPage
from .equilibrium import ExactHatPage, with_ends

_SHOWN = 60
_COLUMNS = ["player", "tariff", "own_welfare", "gradient"]
_ENDS = ("se", "ci_low", "ci_high")
_NAMED = 5  # of those who answer, in a sentence
_ROWS = 12  # regions of a trade war


class TariffsPage(RegionsPage):
    """The rates of each player, and the equilibrium with them."""

    room = "equilibrium"
    result: Any

    @cached_property
    def outcome(self) -> ExactHatPage:
        """The page of the equilibrium with these tariffs."""
        return ExactHatPage(self.result.outcome, self.language)

    @property
    def title(self) -> str:
        return self.words.text("chosen")

    @property
    def method(self) -> str:
        method = self.outcome.method
        if not self.result.optimised:
            return method
        return self.words.text("objective", method=method)

    @property
    def subtitle(self) -> str:
        return self.outcome.subtitle

    @property
    def wanted(self) -> str:
        """The measure that those who choose raise."""
        return self.said("welfare" if self.result.supply else "real income")

    def plots(self) -> dict[str, Plot]:
        found, about = self.result, {"say": self.said}
        plots: dict[str, Plot] = {}
        if not _alike(found.schedule["tariff"]):
            plots["rates"] = partial(tariff_schedule, found.schedule, **about)
        if len(found.responses):
            given = found.responses, self.wanted
            plots["responses"] = partial(response_curves, *given, **about)
        return plots | (self.outcome.plots() if found.has_outcome else {})

    def listings(self) -> Sequence[Listing]:
        return [self.rates(), *self.outcome.listings()]

    def rates(self) -> Listing:
        """Rates of the only player, or a row for each."""
        found, say = self.result, self.words.text
        schedule, choices = found.schedule, found.choices
        if len(choices) == 1:
            own = schedule[["on", "tariff", "share"]].to_numpy()
            if len(own) > 1 and _alike(schedule["tariff"]):
                own = [("all", own[0, 1], own[:, 2].sum())]
            rows = [
                (self._name(name), f"{rate:.2f}", f"{100 * share:.2f}")
                for name, rate, share in own
            ]
            names = ("", *map(self.said, ("tariff", "share of imports")))
        else:
            rows = [
                (self._name(name), f"{rate:.2f}", f"{welfare:+.4f}")
                + (f"{slope:.1e}" if np.isfinite(slope) else "-",)
                for name, rate, welfare, slope in found.players[_COLUMNS].to_numpy()
            ]
            names = ("", self.said("tariff"), self.wanted, self.said("gradient"))
        notes = []
        if "se" in schedule and len(schedule) == len(rows):
            ends, names = (
                schedule[[*_ENDS]].to_numpy(),
                (*names, *map(self.said, _ENDS)),
            )
            rows = [
                (*row, *map("{:.2f}".format, own))
                for row, own in zip(rows, ends, strict=True)
            ]
            notes = [*self.outcome.intervals]
        if (more := len(rows) - _SHOWN) > 0:
            notes.append(say("more", rows=more))
        notes += [
            say(
                "bound",
                player=self._name(k.player.name),
                corners=self.words.listed(map(self._name, k.corners), ", "),
            )
            for k in choices
            if k.corners
        ]
        return Listing(
            self.said("Tariffs chosen, in per cent"), names, rows[:_SHOWN], notes
        )

    def _name(self, code: Any) -> str:
        """A region or sector as files have it; in Chinese by its name."""
        if code == "all":
            return self.words.text("all")
        return self.said(country_name(str(code))) if self.words.chinese else str(code)


@page_of.register(OptimalTariff)
class OptimalPage(TariffsPage):
    """The best tariff of a region or bloc."""

    result: OptimalTariff

    @property
    def title(self) -> str:
        return self.words.text("best tariff", player=self.result.region)

    @property
    def sentence(self) -> str:
        found = self.result
        name = "best rate" if found.over == "uniform" else "best rates"
        about = {"rate": 100 * found.average, "change": found.welfare}
        told = self.words.text(name, tariff=self.title, wanted=self.wanted, **about)
        return self.words.sentences(told)


@page_of.register(Retaliation)
class RetaliationPage(TariffsPage):
    """Who answers, and what it does to both sides."""

    result: Retaliation

    @property
    def title(self) -> str:
        return self.words.text("answers", against=self.result.against)

    @property
    def sentence(self) -> str:
        say, found = self.words.text, self.result
        announced, answered = found.theirs
        about = {"wanted": self.wanted, "announced": announced, "answered": answered}
        told = [say("theirs", against=found.against, **about)]
        players = [k.player.name for k in found.choices]
        if len(players) > 1:
            named = map(self.country, players[:_NAMED])
            names = self.words.listed(named, ", ")
            more = len(players) - _NAMED
            told.append(
                say(
                    "answered and more" if more > 0 else "answered",
                    names=names,
                    more=more,
                )
            )
        if len(players) == 1:
            [choice] = found.choices
            without, own = found.welfare_of(choice.player)
            name = "mirrored" if found.how == "reciprocal" else "best answer"
            about = {"rate": 100 * choice.average, "own": own, "without": without}
            told.append(say(name, player=players[0], wanted=self.wanted, **about))
        return "\n".join(map(self.words.sentences, told))


@page_of.register(NashTariffs)
class NashPage(TariffsPage):
    """A trade war of all against all, or of some."""

    result: NashTariffs

    @property
    def title(self) -> str:
        return self.words.text("war of all")

    @property
    def method(self) -> str:
        return super().method if self.result.war is None else self.words.text("formula")

    @property
    def subtitle(self) -> str:
        if self.result.has_outcome:
            return super().subtitle
        return self.words.text("markups", regions=len(self.result.choices))

    @property
    def sentence(self) -> str:
        say, players = self.words.text, self.result.players.set_index("player")
        rates, welfare = players["tariff"], players["own_welfare"]
        told = say(
            "range of war",
            low=rates.min(),
            least=rates.idxmin(),
            high=rates.max(),
            most=rates.idxmax(),
            wanted=self.wanted,
            region=welfare.idxmin(),
            change=welfare.min(),
        )
        if self.result.war is not None:
            return self.words.sentences(told)
        rounds, gradient = self.result.rounds["round"].max(), players["gradient"].max()
        settled = say("settled", rounds=int(rounds), gradient=gradient)
        return self.words.sentences(told, settled)

    def listings(self) -> Sequence[Listing]:
        if self.result.has_outcome:
            return super().listings()
        listing, note = self.rates(), self.words.text("miss", miss=self.result.miss)
        return [replace(listing, notes=[*listing.notes, note])]


@page_of.register(TradeWar)
class WarPage(TariffsPage):
    """A tariff, mirrored, and answered at best."""

    result: TradeWar

    @property
    def title(self) -> str:
        say, found = self.words.text, self.result
        taxed = 100 * found.rates[found.rates != 0]
        name = "tariffs on" if taxed.nunique() > 1 else "tariff on"
        title = say(name, low=taxed.min(), high=taxed.max(), **self._sides)
        sectors, source = [*found.economy.sectors], found.economy.source
        if [*taxed.index] == find_sectors("goods", sectors, source):
            return title
        part = "some taxed" if len(taxed) > 1 else "one taxed"
        about = {"taxed": len(taxed), "sectors": len(sectors)}
        about |= {"sector": self.said(sector_title(taxed.index[0], source))}
        return say(part, title=title, **about)

    @property
    def method(self) -> str:
        return ""  # the report ends with what the model holds fixed

    @property
    def _sides(self) -> dict[str, str]:
        sides = {"who": self.result.who, "whom": self.result.whom}
        named = {k: map(self.country, side) for k, side in sides.items()}
        return {k: self.words.listed(side, ", ") for k, side in named.items()}

    @property
    def sentence(self) -> str:
        say, found = self.words.text, self.result
        best = ", ".join(f"{100 * k.average:.1f}" for k in found.choices)
        about = {"tariff": self.title, "best": best, **self._sides}
        told = [] if "none" in found.tariffs else [say("is answered", **about)]
        for name, (own, other) in found.incomes.items():
            changes = say("incomes", own=own, other=other, **self._sides)
            bound = name == "best" and any(k.corners for k in found.choices)
            part = "best within bounds" if bound else name
            told.append(say(part, changes=changes, **about))
        return "\n".join(map(self.words.sentences, told))

    @property
    def _rows(self) -> list[str]:
        """Regions that are shown: the two sides, and those asked for, or those that
        change most."""
        found, named = self.result, self.result.outcome.named
        if found.asked:
            return [*dict.fromkeys([*named, *found.asked])]
        size = found.war.set_index("region")["percent"].abs().groupby(level=0).max()
        others = size.drop([*named]).sort_values(ascending=False).index
        return [*named, *others][: max(_ROWS, len(named))]

    def plots(self) -> dict[str, Plot]:
        outcome = self.outcome
        table, about = outcome.in_words(outcome.result.table), {"say": self.said}
        plots: dict[str, Plot] = {}
        plots["war"] = partial(welfare_by_region, table, self._rows, **about)
        return plots | {k: v for k, v in outcome.plots().items() if k == "sectors"}

    def listings(self) -> Sequence[Listing]:
        """A row for each region that is shown, a column for each answer; sectors."""
        found, names = self.result, self.result.outcome.names
        rows = found.war.assign(text=with_ends(found.war, "{:+z.2f}"))
        wide = rows.pivot(index="region", columns="variant", values="text")
        wide = wide.loc[self._rows, [*names]]
        cells = [
            (self.said(country_name(str(k))), *row) for k, *row in wide.itertuples()
        ]
        columns, notes = [*map(self.said, ("region", *names))], self.outcome.intervals
        income = Listing(self.said("Real income, per cent"), columns, cells, notes)
        return [income, *self.outcome.sector_listings()]

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        say, held = self.words.text, [""]
        if self.result.deficits == "kept":
            held = [say("deficits stay")]
        for line in self.outcome.intervals:
            held.append(self.words.sentences(capital(line), say("model apart")))
        if self.result.spread is None:
            held.append(say("no intervals"))
        section = self.words.section("reading", held=self.words.listed(held, " "))
        return [*super().sections(figures), section]


def _alike(rates: pd.Series) -> bool:
    """One rate only, to the digits that are printed."""
    return len(rates) > 1 and rates.round(2).nunique() == 1
