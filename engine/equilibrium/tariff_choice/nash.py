"""Tariffs that all choose at once: ``tx.nash_tariffs``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from ...core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
)
from ...errors import AnyModel
from ..economy import Economy
from ..economy_draws import EconomyDraws
from ..solving import Deficits
from ..supply import Supply
from .best_response import ChosenRates, Objective, best_response, with_all
from .formula import FormulaWar, changes_of_war, solve_formula
from .optimal import require_choices
from .players import Over, Player, Regions, make_player, members_of
from .result import ChosenTariffs

Method = Literal["formula", "exact"]
_MOST_ROUNDS = 30
# Players with flatter scaled gradients stay: what they could gain is the square of it,
# about rounding of welfare.
_FLAT = 1e-6


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NashTariffs(ChosenTariffs):
    """Rates of a trade war, and what it does to regions.

    Attributes
    ----------
    economy, supply, deficits, over, markups
        Arguments of the call.
    rates
        The rates of each region by sector; by ``exact`` those of each player by what
        they differ by, missing where it imports nothing. 0.3 is 30 %.
    tariff : (importer, exporter, sector)
        All tariffs with these.
    changes
        Changes by region in per cent: tariff (the rates, weighted by new imports),
        real_income, wage (in units of world wages or value added).
    residual
        The largest miss of an equation; by the formula also of rates in logarithms.
    dropped
        By the formula the gap in the budget that the numeraire stands for.
    players, schedule, rounds, responses
        By ``exact`` also the largest scaled gradient of each player, near 0 where
        nobody gains by another rate; ``rounds`` has the sequence of best responses.
    war
        What the formula gave.
    outcome
        The :class:`ExactHat` of all regions with these tariffs; with markups there is
        none.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> war = tx.nash_tariffs(economy.without_inputs())
    >>> list(war.changes.columns)
    ['tariff', 'real_income', 'wage']
    """

    over: Over = "uniform"
    markups: np.ndarray | None = None
    war: FormulaWar | None = None

    kind = "nash"

    @property
    def rates(self) -> pd.DataFrame:
        if self.war is None:
            each = [pd.Series(k.rates, [*k.player.labels]) for k in self.choices]
            names = pd.Index([k.player.name for k in self.choices], name="region")
            return pd.DataFrame(each).set_axis(names)
        regions = pd.Index(self.economy.regions, name="region")
        return pd.DataFrame(self.war.rates, regions, [*self.economy.sectors])

    @property
    def changes(self) -> pd.DataFrame:
        if self.war is not None:
            return self.war.changes
        found = self.outcome
        changed = found.changes[["real_income", "wage"]].to_numpy().T / 100
        flows = found.counterfactual.trade
        return changes_of_war(self.economy, self.tariff, flows, *changed)

    def drawing(self, error: AnyModel | None, draws: int, seed: int) -> EconomyDraws:
        if self.war is not None:
            raise TivaxError("errors are drawn of exact rates: give method='exact'")
        return super().drawing(error, draws, seed)

    @property
    def residual(self) -> float:
        if self.war is not None:
            return self.war.residual
        return float(self.outcome.clearing.max())

    @property
    def dropped(self) -> float:
        return 0.0 if self.war is None else self.war.dropped

    @property
    def has_outcome(self) -> bool:  # type: ignore[override]
        return self.markups is None

    @property
    def miss(self) -> float:
        """The larger of both, of which none should be."""
        return max(self.residual, abs(self.dropped))

    def facts(self) -> Mapping[str, Any]:
        own = {"residual_max": self.miss, "kind": self.kind}
        return {**super().facts(), **own} if self.has_outcome else own


@in_float64
def nash_tariffs(
    economy: Economy,
    *,
    method: Method = "formula",
    markups: Sequence[float] | np.ndarray | None = None,
    regions: Regions | None = None,
    over: Over = "uniform",
    supply: Supply | None = None,
    deficits: Deficits = "kept",
    start: float = 0.2,
    most: int = 100,
    progress: Progress = no_progress,
) -> NashTariffs:
    """Rates of a trade war of all against all, or of some.

    Parameters
    ----------
    economy
        By the formula without inputs: all purchases are final
        (``economy.without_inputs()``).
    method
        ``formula``: sufficient statistics of all regions (Lashkaripour 2021).
        ``exact``: everyone's rates are the best for it, given the others'.
    markups : (sector,)
        By the formula alone: price over cost, from 1; profits stay in the selling
        region. By default 1: perfect competition, and a region has one rate
        (Proposition 2). With markups it has one for each sector (Proposition 4).
    regions
        By ``exact``: who chooses, by default every region. Labels and groups such as
        ``EU27``, or the members of each bloc by its name; a bloc chooses common rates
        for the mean of its members' welfare, weighted by income. Others keep
        ``economy.tariff_new``.
    over, supply, deficits, start, most
        By ``exact``, as in :func:`optimal_tariff`; ``most`` in each response.
    progress
        Called with the responses in this round, and how many a round has.

    Returns
    -------
    NashTariffs
        By the formula imbalances are removed first, at the tariffs that are.

    Raises
    ------
    TivaxError
        For an economy with inputs, a region that exports nothing, markups that do not
        fit, options of the other method, and rates that are not found.

    Notes
    -----
    The formula is close to a best response and not exactly one. ``exact`` is a sequence
    of best responses, each to the rates as they are then; it ends with a round in
    which nobody moves.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> war = tx.nash_tariffs(economy.without_inputs())
    >>> bool((war.rates > 0).all(axis=None))
    True
    >>> exact = tx.nash_tariffs(economy, method="exact", regions=["R01", "R02"])
    >>> bool(exact.players["gradient"].max() < 1e-6)
    True
    """
    require_choice("method", method, get_args(Method))
    require_choices(economy, over, supply, deficits, start, most)
    if method == "formula":
        if (regions, over, supply, deficits) != (None, "uniform", None, "kept"):
            raise TivaxError(
                "regions, over, supply and deficits are for method='exact'; the "
                "formula is of all regions, with one rate each and balanced trade"
            )
        return _by_formula(economy, markups)
    if markups is not None:
        raise TivaxError("markups: are for method='formula'; leave them out")
    names = [*economy.regions] if regions is None else regions
    players = [
        make_player(economy, name, members, over)
        for name, members in members_of(economy, names).items()
    ]
    objective = Objective(economy, supply, deficits)
    found, rounds = play(players, objective, start, most, progress)
    tariff = with_all(economy.tariff_new, found)
    return NashTariffs(economy, tariff, found, supply, deficits, rounds, over=over)


def play(
    players: Sequence[Player],
    objective: Objective,
    start: float,
    most: int,
    progress: Progress = no_progress,
) -> tuple[list[ChosenRates], pd.DataFrame]:
    """Best responses in turn, each to the rates as they are, until nobody moves.

    Raises ``TivaxError`` where they still move after thirty rounds.
    """
    tariff, at = objective.economy.tariff_new, None
    rates = {k.name: np.asarray(start) for k in players}
    spent = dict.fromkeys(rates, 0)
    rows: list[tuple[int, str, float, float]] = []
    moved: dict[str, float] = {}
    for n in range(1, _MOST_ROUNDS + 1):
        choices: list[ChosenRates] = []
        for number, player in enumerate(players):
            progress(number, len(players))
            name = player.name
            choice, at = best_response(
                player, objective, tariff, rates[name], most=most, at=at, flat=_FLAT
            )
            step = np.log1p(choice.rates) - np.log1p(rates[name])
            moved[name] = float(np.max(np.abs(step) * np.sqrt(player.shares)))
            spent[name] += choice.evaluations
            rates[name], tariff = choice.rates, player.with_rates(tariff, choice.rates)
            rows.append((n, name, 100 * choice.average, choice.welfare))
            choices.append(replace(choice, evaluations=spent[name]))
        progress(len(players), len(players))
        if not any(moved.values()):
            columns = ["round", "player", "tariff", "own_welfare"]
            return choices, pd.DataFrame(rows, columns=columns)
    name = max(moved, key=moved.__getitem__)
    raise TivaxError(
        f"{objective.economy.name}: rates still move after {_MOST_ROUNDS} rounds of "
        f"best responses, most those of {name}; take fewer rates, over = 'uniform'"
    )


def _by_formula(
    economy: Economy, markups: Sequence[float] | np.ndarray | None
) -> NashTariffs:
    war = solve_formula(economy, markups)
    own: Over = "uniform" if markups is None else "sectors"
    choices: list[ChosenRates] = []
    for k, (name, welfare) in enumerate(war.changes["real_income"].items()):
        player, sectors = make_player(economy, str(name), [k], own), [0]
        if markups is not None:
            sectors = [economy.sectors.index(j) for j in player.labels]
        choices.append(ChosenRates(player, war.rates[k, sectors], float(welfare)))
    given = None if markups is None else np.asarray(markups, float)
    made = economy, war.tariff, choices, None, "zero"
    return NashTariffs(*made, markups=given, war=war)
