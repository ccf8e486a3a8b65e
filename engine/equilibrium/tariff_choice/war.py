"""A trade war in three columns: a tariff alone, mirrored, answered at best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...core import (
    Progress,
    TivaxError,
    in_float64,
    naming,
    no_progress,
    report,
    require_choice,
    require_list,
)
from ...sources import find_sectors
from ..economy import Economy
from ..from_tables import require_rates
from ..result import before_and_after
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
    def incomes(self) -> dict[str, tuple[float, float]]:
        """Real income of both sides with each answer, in per cent."""
        weights = self.economy.value_added.sum(axis=1)
        exact = self.outcome.exact.reshape(len(self.tariffs), -1)
        one, other = (
            np.average(exact[:, [*k]], axis=1, weights=weights[[*k]]).tolist()
            for k in self._sides
        )
        return dict(zip(self.tariffs, zip(one, other, strict=True), strict=True))

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
