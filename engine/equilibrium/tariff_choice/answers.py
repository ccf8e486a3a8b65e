"""Tariffs that answer those of others: ``tx.retaliation``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    require_kind,
)
from ..economy import Economy, place_of
from ..solving import Deficits
from ..supply import Supply
from .best_response import ChosenRates, Objective, best_response, with_all
from .optimal import require_choices
from .players import Over, Player, Regions, make_player, members_of
from .result import ChosenTariffs

How = Literal["reciprocal", "optimal", "together"]
ANNOUNCED, ANSWERED = "as announced", "with retaliation"
"""The two scenarios of a retaliation."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Retaliation(ChosenTariffs):
    """Tariffs that answer those of a region, and what becomes of all.

    Attributes
    ----------
    economy, against, how, supply, deficits
        Arguments of the call.
    choices
        What each region or bloc answers; welfare and gradient are those of its own
        problem, and there are none where it is reciprocal.
    players
        The same as a table, with own_welfare when all have answered.
    tariff : (importer, exporter, sector)
        All tariffs, answers included.
    outcome
        The :class:`ExactHat` of two scenarios, ``as announced`` and ``with
        retaliation``.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> answer = tx.retaliation(economy, "R01")
    >>> list(answer.players["player"])
    ['R02', 'ROW']
    """

    against: str
    how: How

    kind = "retaliation"

    _names = ANNOUNCED, ANSWERED
    _chosen = 0, 1

    @property
    def _tariffs(self) -> np.ndarray:
        return np.stack([self.economy.tariff_new, self.tariff])

    @property
    def _named(self) -> tuple[str, ...]:
        return (self.against, *super()._named)

    @property
    def _together(self) -> bool:  # type: ignore[override]
        return self.how != "optimal"

    @property
    def players(self) -> pd.DataFrame:
        own = [self.welfare_of(k.player)[1] for k in self.choices]
        return super().players.assign(own_welfare=own)

    def _welfare(self) -> Float[np.ndarray, "2 r"]:
        """Exact welfare of regions in both scenarios, in per cent."""
        return self.outcome.exact.reshape(2, -1)

    def welfare_of(self, player: Player) -> Float[np.ndarray, " 2"]:
        """Welfare of a player in both scenarios, in per cent."""
        return self._welfare() @ self._objective.weights(player)

    @cached_property
    def _objective(self) -> Objective:
        return Objective(self.economy, self.supply, self.deficits)

    @property
    def theirs(self) -> Float[np.ndarray, " 2"]:
        """Welfare of who is answered in both scenarios, in per cent."""
        return self._welfare()[:, place_of(self.economy, self.against)]


@in_float64
def retaliation(
    economy: Economy,
    against: str,
    how: How = "reciprocal",
    *,
    regions: Regions | None = None,
    over: Over = "uniform",
    supply: Supply | None = None,
    deficits: Deficits = "kept",
    start: float = 0.2,
    most: int = 100,
    progress: Progress = no_progress,
) -> Retaliation:
    """Tariffs on a region's goods that answer its tariffs.

    Parameters
    ----------
    economy
        ``tariff_new`` holds what is answered; the aggressor keeps it.
    against
        The region whose goods bear the answer.
    how
        ``reciprocal``: each sets on the aggressor, sector by sector, what the aggressor
        has newly set on it. ``optimal``: each region or bloc sets the rates that are
        best for itself, as if it answered alone. ``together``: all choose as one, for
        the mean of their welfare, weighted by income.
    regions
        Who answers, by default those whose goods bear a new tariff and that buy of the
        aggressor; as in :func:`nash_tariffs`. A bloc chooses common rates.
    over
        What best rates differ by: ``uniform``, ``sectors``, or ``importers``, a rate of
        each member.
    supply, deficits, start, most
        As in :func:`optimal_tariff`.
    progress
        Called with the answers found, and how many there are.

    Returns
    -------
    Retaliation
        Rates, and the equilibria as announced and with retaliation.

    Raises
    ------
    TivaxError
        For a region that the economy lacks, an aggressor without new tariffs, or among
        those who answer, and what ``optimal_tariff`` raises.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> answer = tx.retaliation(economy, "R01", "together")
    >>> bool(answer.choices[0].gradient < 1e-6)
    True
    """
    require_choices(economy, over, supply, deficits, start, most)
    require_choice("how", how, get_args(How))
    require_kind("against", against, str, "the name of a region")
    place = place_of(economy, against)
    against = economy.regions[place]
    if (economy.tariff_new[place] == economy.tariff[place]).all():
        raise TivaxError(
            f"{economy.name}: {against} sets no new tariff that could be answered; "
            "tariff_new holds it"
        )
    hit = (economy.tariff_new[place] != economy.tariff[place]).any(axis=1)
    hit &= economy.trade[:, place].sum(axis=1) > 0
    hit[place] = False
    own = [economy.regions[k] for k in np.flatnonzero(hit).tolist()]
    if regions is None and not own:
        raise TivaxError(
            f"{economy.name}: nobody whom {against} hits buys of it; name those who "
            "answer: regions"
        )
    blocs = members_of(economy, own if regions is None else regions)
    if place in [k for some in blocs.values() for k in some]:
        raise TivaxError(f"regions: {against} cannot answer itself; leave it out")
    if how == "reciprocal":
        choices = _reciprocal(economy, blocs, place)
    else:
        if how == "together":
            every = len(own) == len(economy.regions) - 1 and regions is None
            joined = "all others" if every else ", ".join(blocs)
            blocs = {joined: tuple(k for some in blocs.values() for k in some)}
        objective = Objective(economy, supply, deficits)
        choices = []
        for number, (name, members) in enumerate(blocs.items()):
            progress(number, len(blocs))
            player = make_player(economy, name, members, over, [place])
            given = objective, economy.tariff_new, start
            choices.append(best_response(player, *given, most=most)[0])
        progress(len(blocs), len(blocs))
    tariff = with_all(economy.tariff_new, choices)
    return Retaliation(
        economy, tariff, choices, supply, deficits, against=against, how=how
    )


def _reciprocal(
    economy: Economy, blocs: Mapping[str, Sequence[int]], place: int
) -> list[ChosenRates]:
    """The rates of each region that faces a new tariff, by sector; welfare is not known
    yet."""
    faced, before = economy.tariff_new[place], economy.tariff[place]
    choices: list[ChosenRates] = []
    for k in [k for members in blocs.values() for k in members]:
        moved = faced[k] != before[k]
        if moved.any():
            player = make_player(economy, economy.regions[k], [k], "sectors", [place])
            rates = np.where(moved, faced[k], economy.tariff_new[k, place])
            chosen = [economy.sectors.index(j) for j in player.labels]
            choices.append(ChosenRates(player, rates[chosen], np.nan))
    return choices
