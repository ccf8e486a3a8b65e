"""The tariff that is best for a region, others' as they are: ``tx.optimal_tariff``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pandas as pd

from ...core import TivaxError, in_float64, require_choice, require_kind, require_whole
from ..economy import Economy
from ..solving import Deficits
from ..supply import Supply
from .best_response import HIGHEST, LOWEST, Objective, best_response
from .players import Over, Player, Regions, make_player, members_of
from .result import ChosenTariffs


@dataclass(frozen=True, eq=False, repr=False)
class OptimalTariff(ChosenTariffs):
    """The best tariff of a region, or of a bloc, on its imports.

    Attributes
    ----------
    economy, supply, deficits, over
        Arguments of the call.
    region
        Who chooses: a region, or the name of a bloc.
    rates
        The rates by exporter, sector or importer, or one number under ``all``; 0.2 is
        20 %.
    average
        The rates weighted by old imports.
    tariff : (importer, exporter, sector)
        All tariffs with these.
    welfare
        Change of welfare with them, in per cent; of a bloc weighted by income.
    gradient
        The largest derivative of relative welfare by log(1 + rate) times the root of
        the share in imports: near 0 at an optimum that is not a corner.
    corners
        Labels whose rate ended at -50 or 300 %, where the search ends.
    evaluations
        Equilibria that were solved.
    outcome
        The :class:`ExactHat` of all regions with these tariffs.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> best = tx.optimal_tariff(economy, "R01", over="exporters")
    >>> list(best.rates.index)
    ['R02', 'ROW']
    """

    over: Over = "exporters"

    kind = "optimal-tariff"

    @property
    def region(self) -> str:
        return self.choices[0].player.name

    @property
    def rates(self) -> pd.Series:
        return pd.Series(self.choices[0].rates, [*self.choices[0].player.labels])

    @property
    def average(self) -> float:
        return self.choices[0].average

    @property
    def welfare(self) -> float:
        return self.choices[0].welfare

    @property
    def gradient(self) -> float:
        return self.choices[0].gradient

    @property
    def corners(self) -> Sequence[str]:
        return self.choices[0].corners

    @property
    def evaluations(self) -> int:
        return self.choices[0].evaluations


@in_float64
def optimal_tariff(
    economy: Economy,
    region: Regions,
    *,
    over: Over = "exporters",
    against: str | Sequence[str] | None = None,
    supply: Supply | None = None,
    deficits: Deficits = "kept",
    start: float = 0.2,
    most: int = 100,
) -> OptimalTariff:
    """The tariff of a region on its imports that is best for its welfare.

    Parameters
    ----------
    economy
        Other regions keep ``economy.tariff_new``.
    region
        Whose tariff and welfare: real income, or that of ``supply``. A group such as
        ``EU27``, a list, or a bloc's members by its name choose together for the mean
        of their welfare, weighted by income; tariffs among them stay.
    over
        A rate for each exporter, for each sector, for both (``each``), for each
        importer of a bloc, or one for all (``uniform``).
    against
        Exporters, or groups of them, that bear the rates; by default all others.
    supply, deficits
        As in :func:`exact_hat`.
    start
        The rate to start from.
    most
        Equilibria to solve at most.

    Returns
    -------
    OptimalTariff
        A local optimum, with its gradient.

    Raises
    ------
    TivaxError
        For a region that the economy lacks or that imports nothing, and what
        ``exact_hat`` raises.

    Notes
    -----
    L-BFGS with the derivative of the implicit function theorem. The Hessian is nearly
    diagonal and proportional to shares in imports, which span orders of magnitude: the
    variables are log(1 + rate) times the root of the share.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> best = tx.optimal_tariff(economy, "R01", over="uniform")
    >>> bool(best.gradient < 1e-6)
    True
    """
    require_choices(economy, over, supply, deficits, start, most)
    player = joint_player(economy, region, over, against)
    objective = Objective(economy, supply, deficits)
    choice, _ = best_response(player, objective, economy.tariff_new, start, most=most)
    tariff = player.with_rates(economy.tariff_new, choice.rates)
    return OptimalTariff(economy, tariff, [choice], supply, deficits, over=over)


def joint_player(
    economy: Economy,
    region: Regions,
    over: Over,
    against: str | Sequence[str] | None = None,
) -> Player:
    """All of ``region`` as one player."""
    blocs = members_of(economy, region, "region")
    members = tuple(k for some in blocs.values() for k in some)
    sellers = None
    if against is not None:
        found = members_of(economy, against, "against")
        sellers = [k for some in found.values() for k in some]
    return make_player(economy, ", ".join(blocs), members, over, sellers)


def require_choices(
    economy: Economy,
    over: Over,
    supply: Supply | None,
    deficits: Deficits,
    start: float,
    most: int,
) -> None:
    """Raise ``TivaxError`` for arguments of another kind."""
    require_kind("economy", economy, Economy, "a tx.Economy")
    require_choice("over", over, get_args(Over))
    require_choice("deficits", deficits, get_args(Deficits))
    require_kind("supply", supply, Supply | None, "a tx.Supply or None")
    require_kind("start", start, float | int, "a rate")
    require_whole("most", most, 1)
    if not LOWEST < start < HIGHEST:
        raise TivaxError(f"start = {start}: give a rate from {LOWEST} to {HIGHEST}")
