"""A trade war in three columns: a tariff alone, mirrored, answered at best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...core import (
    Listing,
    Progress,
    TivaxError,
    capital,
    in_float64,
    naming,
    no_progress,
    report,
    require_choice,
    require_list,
)
from ...figures.welfare import welfare_by_region
from ...reporting import Plot, Section, Text
from ...reporting.drawn import Drawn
from ...sources import find_sectors, sector_title
from ...tables import country_in_text, country_name
from ..economy import Economy
from ..from_tables import require_rates
from ..result import before_and_after, with_ends
from ..solving import Deficits
from .best_response import ChosenRates, Objective, best_response, with_all
from .optimal import require_choices
from .players import Over, Regions, make_player, members_of
from .result import ChosenTariffs

Answer = Literal["none", "mirror", "best"]
COLUMNS: Mapping[str, str] = {
    "none": "tariff alone",
    "mirror": "mirrored",
    "best": "best answer",
}
"""Names of the columns."""
_SHOWN = 12
_TARIFF_COLUMNS = "variant importer exporter sector tariff".split()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TradeWar(ChosenTariffs):
    """A tariff of some on others, and what their answers make of it.

    Attributes
    ----------
    economy, deficits
        Arguments of the call.
    who, whom
        The two sides: a region or bloc by its name, and the positions of its members.
    rates : (sector,)
        What is added to tariffs.
    tariffs
        All tariffs (importer, exporter, sector) of each answer.
    choices
        The best answers.
    outcome
        The :class:`ExactHat` with a scenario for each answer.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> war = tx.trade_war(economy, "R01", "R02", 0.25, answer="mirror")
    >>> list(war.tables()["war"]["variant"].unique())
    ['mirrored']
    """

    who: Mapping[str, tuple[int, ...]]
    whom: Mapping[str, tuple[int, ...]]
    rates: pd.Series
    tariffs: Mapping[str, Float[np.ndarray, "r r s"]] = field(default_factory=dict)

    kind = "trade-war"

    @property
    def report_title(self) -> str:  # type: ignore[override]
        return f"A tariff of {self._asked}"

    @property
    def method(self) -> str:  # type: ignore[override]
        return ""  # the report ends with what the model holds fixed

    _together = False

    @property
    def _names(self) -> list[str]:  # type: ignore[override]
        return [COLUMNS[k] for k in self.tariffs]

    @property
    def _chosen(self) -> list[int]:  # type: ignore[override]
        return [int(k == "best") for k in self.tariffs]

    @property
    def _tariffs(self) -> np.ndarray:
        return np.stack([*self.tariffs.values()])

    @property
    def _sides(self) -> list[tuple[int, ...]]:
        sides = self.who, self.whom
        return [tuple(k for own in side.values() for k in own) for side in sides]

    @property
    def _named(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.economy.regions[k] for side in self._sides for k in side)

    @property
    def war(self) -> pd.DataFrame:
        """Columns variant, region, percent (of real income; with errors se, ci_low,
        ci_high)."""
        table = self.outcome.table
        return table[table["measure"] == "real_income"].drop(columns="measure")

    @property
    def answers(self) -> pd.DataFrame:
        """Tariffs on the other side, in per cent: variant, importer, exporter, sector,
        tariff; where there is trade."""
        economy, (who, whom) = self.economy, self._sides
        rows = [
            (COLUMNS[name], economy.regions[k], economy.regions[j], sector, 100 * rate)
            for name, tariff in self.tariffs.items()
            for k, j in [*product(whom, who), *product(who, whom)]
            for sector, rate, bought in zip(
                economy.sectors, tariff[k, j], economy.trade[k, j], strict=True
            )
            if bought
        ]
        return pd.DataFrame(rows, columns=_TARIFF_COLUMNS)

    @property
    def bilateral(self) -> pd.DataFrame:
        """Trade of all goods: variant, importer, exporter, before, after, percent."""
        found = self.outcome
        assert found.batches is not None
        _, (trade, _) = found.batches.solve(0)  # at most three
        before, scale = found.old.trade.sum(axis=2), self.economy.wages.sum()
        labels = {
            "variant": self._names,
            "importer": self.economy.regions,
            "exporter": self.economy.regions,
        }
        after = scale * trade[: len(self.tariffs)].sum(axis=3)
        frame = before_and_after(labels, np.broadcast_to(before, after.shape), after)
        frame = frame[frame["before"] > 0].reset_index(drop=True)
        return frame.assign(percent=100 * (frame["after"] / frame["before"] - 1))

    def tables(self) -> dict[str, pd.DataFrame]:
        """war, answers, bilateral; players where answers are best; scenario,
        equilibrium and sectors."""
        own = {"war": self.war, "answers": self.answers, "bilateral": self.bilateral}
        own |= {"players": self.players} if self.choices else {}
        return own | self.outcome.tables()

    @property
    def _rows(self) -> list[str]:
        """Regions that are shown: the two sides, and those asked for, or those that
        change most."""
        if self.asked:
            return [*dict.fromkeys([*self._named, *self.asked])]
        size = self.war.set_index("region")["percent"].abs().groupby(level=0).max()
        others = size.drop([*self._named]).sort_values(ascending=False).index
        return [*self._named, *others][: max(_SHOWN, len(self._named))]

    def plots(self) -> dict[str, Plot]:
        outcome = self.outcome
        plots: dict[str, Plot] = {}
        plots["war"] = partial(welfare_by_region, outcome.table, self._rows)
        return plots | {k: v for k, v in outcome.plots().items() if k == "sectors"}

    def _listings(self) -> Sequence[Listing]:
        """A row for each region that is shown, a column for each answer; sectors."""
        rows = self.war.assign(text=with_ends(self.war, "{:+z.2f}"))
        wide = rows.pivot(index="region", columns="variant", values="text")
        wide = wide.loc[self._rows, self._names]
        cells = [(country_name(str(k)), *row) for k, *row in wide.itertuples()]
        notes = [] if self.spread is None else [self.spread.line]
        income = Listing(
            "Real income, per cent", ("region", *self._names), cells, notes
        )
        return [income, *self.outcome.sector_listings()]

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        held = Section("How to read it", [Text(self._caveat)])
        return [*super().sections(figures), held]

    @property
    def _caveat(self) -> str:
        held = (
            "The model is that of Caliendo and Parro (2015): technology, labour supply "
            "and preferences stay, workers change sectors freely, and prices clear all "
            "markets. Effects are of the long run; what the way there costs is left "
            "out."
        )
        if self.deficits == "kept":
            held += " Trade deficits stay what they are."
        if self.spread is None:
            return (
                f"{held} The numbers have no intervals: no errors of elasticities or "
                "tables were given."
            )
        held += f" {capital(self.spread.line)}."
        return f"{held} That the model may be wrong is not in them."

    @property
    def _parties(self) -> list[str]:
        both = self.who, self.whom
        return [", ".join(country_in_text(k) for k in side) for side in both]

    @property
    def _asked(self) -> str:
        taxed = 100 * self.rates[self.rates != 0]
        rate = f"{taxed.min():g}" + f" to {taxed.max():g}" * (taxed.nunique() > 1)
        return f"{rate} per cent by {self._parties[0]} on {self._parties[1]}{self._on}"

    @property
    def _on(self) -> str:
        """The sectors that are taxed, where these are not all goods."""
        sectors, source = [*self.economy.sectors], self.economy.source
        taxed = [*self.rates.index[self.rates != 0]]
        if taxed == find_sectors("goods", sectors, source):
            return ""
        of_many = f"{len(taxed)} of {len(sectors)} sectors"
        return f" ({of_many if taxed[1:] else sector_title(taxed[0], source)})"

    @property
    def sentence(self) -> str:
        (who, whom), by = self._parties, self._asked
        best = ", ".join(f"{100 * k.average:.1f}" for k in self.choices)
        ends = any(k.corners for k in self.choices)
        within = " within -50 to 300 per cent" if ends else ""
        starts = {
            "none": f"A tariff of {by} changes real income by",
            "mirror": f"If {whom} mirrors it, real income changes by",
            "best": f"If {whom} answers as is best for itself{within}, with {best} "
            "per cent, real income changes by",
        }
        lines = [] if "none" in self.tariffs else [f"A tariff of {by} is answered."]
        weights = self.economy.value_added.sum(axis=1)
        exact = self.outcome.exact.reshape(len(self.tariffs), -1)
        for row, name in zip(exact, self.tariffs, strict=True):
            one, other = (
                f"{np.average(row[[*k]], weights=weights[[*k]]):+z.2f}"
                for k in self._sides
            )
            changes = f"{one} per cent in {who} and {other} in {whom}"
            lines.append(f"{starts[name]} {changes}.")
        return "\n".join(lines)

    def facts(self) -> Mapping[str, Any]:
        return {
            **self.outcome.facts(),
            "kind": self.kind,
            "who": [*self.who],
            "whom": [*self.whom],
            "answers": [*self.tariffs],
        }


@in_float64
def trade_war(
    economy: Economy,
    who: Regions,
    whom: Regions,
    rate: float | Mapping[str, float],
    *,
    answer: str | Sequence[str] = ("none", "mirror", "best"),
    over: Over = "uniform",
    deficits: Deficits = "kept",
    progress: Progress = no_progress,
) -> TradeWar:
    """A tariff of some regions on others, and what their answers make of it.

    Parameters
    ----------
    economy
        Tariffs start from ``economy.tariff_new``.
    who, whom
        Who adds the tariff, and whose goods bear it, who answer: a region, its name, a
        group such as ``EU27``, or several.
    rate
        What is added to tariffs, 0.25 for 25 percentage points: on all goods, or by
        sector, words of its title, or ``goods``. Without codes that say which sectors
        are goods, all are.
    answer
        ``none``; ``mirror``, the same points on the same sectors; ``best``, the rates
        on these sectors that are best for who answers, as if it answered alone; or
        several, by default all.
    over, deficits
        As in :func:`optimal_tariff`.
    progress
        Called with the best answers found, and how many there are.

    Returns
    -------
    TradeWar
        A column for each answer: real income, tariffs, trade, value added by sector.

    Raises
    ------
    TivaxError
        For a name that the economy lacks, a region on both sides, a rate of 0 or above
        3, and what :func:`exact_hat` raises.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> war = tx.trade_war(economy, "R01", "R02", 0.25)
    >>> [*war.tariffs]
    ['none', 'mirror', 'best']
    """
    require_choices(economy, over, None, deficits, 0.2, 100)
    if isinstance(answer, str):
        answer = [answer]
    require_list("answer", answer)
    named = [*answer]
    for k in named or [""]:
        require_choice("answer", k, get_args(Answer))
    sides = members_of(economy, who, "who"), members_of(economy, whom, "whom")
    own, other = ([k for some in side.values() for k in some] for side in sides)
    if both := {*own} & {*other}:
        names = ", ".join(economy.regions[k] for k in both)
        raise TivaxError(f"who and whom: {names} is on both sides; leave it out of one")
    rates = _rates(economy, rate)
    added = np.zeros_like(economy.tariff_new)
    added[np.ix_(own, other)] = rates.to_numpy()
    alone = economy.tariff_new + added
    tariffs = {"none": alone, "mirror": alone + added.swapaxes(0, 1)}
    choices: list[ChosenRates] = []
    if "best" in named:
        taxed = np.flatnonzero(rates.to_numpy())
        objective = Objective(economy, None, deficits)
        for number, (name, members) in enumerate(sides[1].items()):
            report(progress, number, len(sides[1]))
            player = make_player(economy, name, members, over, own, taxed)
            choices.append(best_response(player, objective, alone, 0.2, most=100)[0])
        report(progress, len(choices), len(choices))
        tariffs["best"] = with_all(alone, choices)
    tariffs = {k: tariffs[k] for k in dict.fromkeys(named)}
    given = {"who": sides[0], "whom": sides[1], "rates": rates, "tariffs": tariffs}
    last = tariffs.get("best", alone)
    return TradeWar(economy, last, choices, None, deficits, **given)


def _rates(economy: Economy, rate: float | Mapping[str, float]) -> pd.Series:
    """The rate of each sector; ``TivaxError`` for one that cannot be."""
    sectors, source = [*economy.sectors], economy.source
    found, named = pd.Series(0.0, sectors), dict[str, str]()
    given = rate if isinstance(rate, Mapping) else {"goods": rate}
    for name, value in sorted(given.items(), key=lambda k: k[0] != "goods"):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TivaxError(f"rate = {value!r}: give a number, 0.25 for 25 per cent")
        require_rates("rate", np.asarray(value), 0.0)
        if not -1 < value or value == 0:
            raise TivaxError(f"rate = {value:g}: give a rate above -1 that is not 0")
        with naming("rate"):
            own = find_sectors(name, sectors, source)
        if name != "goods" and own[0] in named:
            raise TivaxError(f"rate: {named[own[0]]} and {name} are the same sector")
        named |= {} if name == "goods" else {own[0]: name}
        found[own] = float(value)
    return found
