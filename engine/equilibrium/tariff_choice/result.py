"""The result of tariffs that regions choose: rates, who chose them, what they do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import jax
import numpy as np
import pandas as pd

from ...core import Progress, TivaxError, in_float64, no_progress
from ...errors import DRAWS, AnyModel
from ...reporting import Told
from ..counterfactual import equilibria
from ..economy import Economy
from ..economy_draws import EconomyDraws, Rates, Scenarios, scenarios_of
from ..result import ExactHat
from ..solving import Deficits
from ..spread import Spread
from ..supply import Supply
from .best_response import ChosenRates, Objective

_COLUMNS = ("player", "tariff", "own_welfare", "gradient")
# Points of a curve: the logs of all rates of a player times these; 1 is what it chose.
_CURVE = np.linspace(0, 2, 9)
_CURVES = 6  # of the players with the largest incomes


@dataclass(frozen=True, eq=False, repr=False)
class ChosenTariffs(Told):
    """Tariffs that regions or blocs choose.

    Attributes
    ----------
    economy, supply, deficits
        Arguments of the call.
    tariff : (importer, exporter, sector)
        All tariffs, with those chosen.
    choices
        What each player chose.
    rounds
        Columns round, player, tariff (per cent), own_welfare: the sequence of best
        responses, where there is one.
    asked
        Regions that the printed table shows.
    spread
        Draws, with which tables have se, ci_low, ci_high (``with_errors``).
    """

    economy: Economy
    tariff: np.ndarray
    choices: Sequence[ChosenRates]
    supply: Supply | None = None
    deficits: Deficits = "kept"
    rounds: pd.DataFrame = field(default_factory=pd.DataFrame)
    asked: tuple[str, ...] = ()
    spread: Spread | None = None

    program = "scenario"
    printed = True
    in_print = "tivax.engine.present.tariffs"
    kind = ""

    @property
    def optimised(self) -> bool:
        """True if some rate is the best for who sets it."""
        return any(np.isfinite(k.gradient) for k in self.choices)

    @cached_property
    def outcome(self) -> ExactHat:
        """The equilibrium with these tariffs, against the old one; or several."""
        given = {"deficits": self.deficits, "supply": self.supply}
        found = equilibria(self.economy, self._tariffs, names=self._names, **given)
        return replace(found, asked=self.asked, named=self._named, spread=self.spread)

    def with_errors(
        self,
        error: AnyModel | None = None,
        *,
        draws: int = DRAWS,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> Self:
        """The same with standard errors and 95 % intervals: in every draw of the
        economy the players choose anew.

        Parameters
        ----------
        error, draws, seed, progress
            As in :meth:`ExactHat.with_errors`.

        Returns
        -------
        ChosenTariffs
            ``schedule``, ``players`` (of own_welfare) and the tables of ``outcome``
            have se, ci_low, ci_high. A rate at a bound stays there.

        Raises
        ------
        TivaxError
            As :meth:`ExactHat.with_errors`, and for rates by a formula.

        Examples
        --------
        >>> thetas = pd.DataFrame({"sector": ["*"], "theta": [5.0], "se": [0.1]})
        >>> economy = tx.Economy.from_tables(world, 2000, thetas)
        >>> best = tx.optimal_tariff(economy, "R01", over="uniform")
        >>> "se" in best.with_errors(draws=2).schedule
        True
        """
        drawing = self.drawing(error, draws, seed)
        return replace(self, spread=drawing.spread(progress))

    def drawing(self, error: AnyModel | None, draws: int, seed: int) -> EconomyDraws:
        """The draws that ``with_errors`` makes."""
        if self.supply is not None:
            raise TivaxError("errors are drawn of models without a block of supply")
        scenarios = self._scenarios()
        return EconomyDraws(
            self.economy,
            scenarios._replace(rates=self._rates()),
            self.deficits,
            error,
            draws,
            seed,
            flows=len(scenarios.tariff) == 1,
            together=self._together,
        )

    _together = True
    has_outcome = True
    """True if there is an equilibrium of all regions with these tariffs."""
    _names: ClassVar[Sequence[str]] = ()
    _chosen: ClassVar[Sequence[int]] = (1,)  # the rates are put in, by scenario

    @property
    def _tariffs(self) -> np.ndarray:
        return self.tariff

    def _scenarios(self) -> Scenarios:
        tariffs = self._tariffs.reshape(-1, *self.tariff.shape)
        return scenarios_of(tariffs, np.ones_like(tariffs), self._chosen)

    @in_float64
    def _rates(self) -> Rates | None:
        """The rates that are chosen anew in a draw; None where none are."""
        if not (every := self.choices) or not all(
            np.isfinite(k.gradient) for k in every
        ):
            return None
        players = [k.player for k in self.choices]
        group = np.full(self.tariff.shape, -1)
        owner, first = np.zeros((len(players), len(self.economy.regions))), 0
        for k, player in enumerate(players):
            members = [*player.members]
            group[members] = np.where(player.groups >= 0, player.groups + first, -1)
            owner[k, members], first = 1, first + len(player.labels)
        rates = np.concatenate([k.rates for k in self.choices])
        roots = np.sqrt(np.concatenate([k.shares for k in players]))
        free = np.concatenate(
            [[j not in k.corners for j in k.player.labels] for k in self.choices]
        )
        start = roots * np.log1p(rates)
        free, inverse = free.astype(float), np.eye(len(start))
        given = self.economy.tariff_new, group, owner, roots, start, free, inverse
        return Rates(*jax.device_put(given))

    @property
    def _named(self) -> tuple[str, ...]:
        """Regions that choose, where that is not all."""
        regions = self.economy.regions
        chose = [k for choice in self.choices for k in choice.player.members]
        return tuple(regions[k] for k in chose) if len(chose) < len(regions) else ()

    @property
    def players(self) -> pd.DataFrame:
        """Columns player, tariff (per cent, weighted by old imports), own_welfare (per
        cent; with errors se, ci_low, ci_high), gradient, corners (rates that ended at
        -50 or 300 %), evaluations."""
        rows = [
            (k.player.name, 100 * k.average, k.welfare, k.gradient)
            + (len(k.corners), k.evaluations)
            for k in self.choices
        ]
        found = pd.DataFrame(rows, columns=[*_COLUMNS, "corners", "evaluations"])
        return self._with_interval(found, "own")

    @property
    def schedule(self) -> pd.DataFrame:
        """Columns player, on (the exporter, sector or importer, or all), share of the
        player's old imports, tariff (per cent; with errors se, ci_low, ci_high)."""
        parts = [
            pd.DataFrame(
                {
                    "player": k.player.name,
                    "on": [*k.player.labels],
                    "share": k.player.shares,
                    "tariff": 100 * k.rates,
                }
            )
            for k in self.choices
        ]
        found = pd.concat(parts, ignore_index=True)
        return self._with_interval(found, "rates")

    def _with_interval(self, table: pd.DataFrame, name: str) -> pd.DataFrame:
        """The table with the interval of draws of that name, if there are any."""
        if self.spread is None or name not in self.spread.layout.shapes:
            return table
        return self.spread.interval(name, 100).beside(table)

    @cached_property
    @in_float64
    def responses(self) -> pd.DataFrame:
        """Welfare of a player as its rates move and the others' stay.

        Columns player, tariff (per cent), own_welfare; nine points each, in the middle
        what it chose. Of the six players with the largest incomes.
        """
        objective = Objective(self.economy, self.supply, self.deficits)
        chosen = [k for k in self.choices if np.isfinite(k.gradient)]
        chosen.sort(key=lambda k: -objective.incomes[[*k.player.members]].sum())
        rows: list[tuple[str, float, float]] = []
        for choice in chosen[:_CURVES]:
            player = choice.player
            each = [np.expm1(k * np.log1p(choice.rates)) for k in _CURVE]
            tariffs = np.stack([player.with_rates(self.tariff, k) for k in each])
            given = {"deficits": self.deficits, "supply": self.supply}
            moved = equilibria(self.economy, tariffs, **given).exact
            values = moved.reshape(len(each), -1) @ objective.weights(player)
            averages = [100 * player.average(k) for k in each]
            rows += zip([player.name] * len(each), averages, values, strict=True)
        return pd.DataFrame(rows, columns=["player", "tariff", "own_welfare"])

    def tables(self) -> dict[str, pd.DataFrame]:
        """rates and players; rounds and responses, where there are any; those of the
        equilibrium."""
        own = {"rates": self.schedule, "players": self.players, "rounds": self.rounds}
        own["responses"] = self.responses
        own = {k: v for k, v in own.items() if len(v)}
        return own | (self.outcome.tables() if self.has_outcome else {})

    def facts(self) -> Mapping[str, Any]:
        players = self.players
        return {
            **self.outcome.facts(),
            "kind": self.kind,
            "gradient_max": float(players["gradient"].fillna(0).max()),
            "evaluations": int(players["evaluations"].sum()),
        }
