"""Who chooses tariffs: a region or a bloc, and the rates that are its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from ...core import TivaxError, show
from ...tables import country_groups, group_members
from ..economy import Economy, place_of

Over = Literal["exporters", "sectors", "importers", "uniform", "each"]
Regions = str | Sequence[str] | Mapping[str, Sequence[str]]
"""Labels and names of built-in groups, or the members of each bloc by its name."""


@dataclass(frozen=True, eq=False)
class Player:
    """Regions that choose rates together.

    ``groups`` has the number of the rate of each member, exporter and sector, -1 where
    there is none to choose; ``shares`` are those of old imports that bear a rate.
    """

    name: str
    members: tuple[int, ...]
    labels: tuple[str, ...]
    groups: Int[np.ndarray, "m r s"]
    shares: Float[np.ndarray, " k"]

    def with_rates(
        self, tariff: Float[np.ndarray, "r r s"], rates: Float[np.ndarray, " k"]
    ) -> Float[np.ndarray, "r r s"]:
        """All tariffs, those of the player replaced."""
        new, own = tariff.copy(), [*self.members]
        new[own] = np.where(self.groups >= 0, rates[self.groups], tariff[own])
        return new

    def sums(self, cells: Float[np.ndarray, "r r s"]) -> Float[np.ndarray, " k"]:
        """Sums over the cells that bear each rate."""
        bear = self.groups >= 0
        own = cells[[*self.members]]
        return np.bincount(self.groups[bear], own[bear], len(self.labels))

    def average(self, rates: Float[np.ndarray, " k"]) -> float:
        """The rates weighted by old imports."""
        return float(self.shares @ rates)


def make_player(
    economy: Economy,
    name: str,
    members: Sequence[int],
    over: Over,
    against: Sequence[int] | None = None,
    goods: Sequence[int] | np.ndarray | None = None,
) -> Player:
    """A player whose rates are by ``over``, on the sectors ``goods`` of ``against``, by
    default on all of all.

    Members keep the tariffs on each other, and those on what they do not buy. Raises
    ``TivaxError`` where nothing is left.
    """
    size = (len(members), len(economy.regions), len(economy.sectors))
    member, exporter, sector = np.indices(size)
    every, groups = {
        "exporters": (economy.regions, exporter),
        "sectors": (economy.sectors, sector),
        "importers": ([economy.regions[k] for k in members], member),
        "uniform": (["all"], 0 * member),
        "each": (
            [f"{k}, {j}" for k in economy.regions for j in economy.sectors],
            exporter * size[2] + sector,
        ),
    }[over]
    sellers = np.ones(size[1], bool) if against is None else np.zeros(size[1], bool)
    sellers[[*(against or ())]] = True
    sellers[[*members]] = False
    bear = np.tile(sellers[None, :, None], (len(members), 1, size[2]))
    bear &= np.isin(np.arange(size[2]), np.arange(size[2]) if goods is None else goods)
    bought = economy.trade[[*members]] * bear
    total = np.bincount(groups.ravel(), bought.ravel(), len(every))
    chosen = np.flatnonzero(total > 0)
    if not chosen.size:
        of = ", ".join(economy.regions[k] for k in against or ())
        raise TivaxError(f"{economy.name}: {name} imports nothing{of and ' of ' + of}")
    number = np.full(len(every), -1)
    number[chosen] = np.arange(len(chosen))
    return Player(
        name,
        tuple(members),
        tuple(every[k] for k in chosen.tolist()),
        np.where(bear, number[groups], -1),
        total[chosen] / total.sum(),
    )


def members_of(
    economy: Economy, regions: Regions, what: str = "regions"
) -> dict[str, tuple[int, ...]]:
    """The members of each region or bloc by its name.

    Raises ``TivaxError`` for a name that is neither a region nor a group, a region in
    two blocs, and what is no list of names.
    """
    if isinstance(regions, str):
        regions = [regions]
    if not isinstance(regions, Mapping):
        if not isinstance(regions, list | tuple) or not regions:
            raise TivaxError(f"{what} = {show(regions)}: give a list of names")
        blocs = [labels_of(economy, name) for name in regions]
        regions = {
            k[0] if len(k) == 1 else str(n): k
            for n, k in zip(regions, blocs, strict=True)
        }
    found: dict[str, tuple[int, ...]] = {}
    bloc_of: dict[int, str] = {}
    for name, members in regions.items():
        if isinstance(members, str) or not isinstance(members, Sequence) or not members:
            raise TivaxError(f"{what}: {name}: give a list of its regions")
        found[name] = tuple(dict.fromkeys(place_of(economy, k) for k in members))
        for k in found[name]:
            if k in bloc_of:
                both = f"{bloc_of[k]} and in {name}"
                raise TivaxError(f"{what}: {economy.regions[k]} is in {both}")
            bloc_of[k] = name
    return found


def labels_of(economy: Economy, name: str) -> Sequence[str]:
    """The region of that code or name, or the members of the built-in group."""
    if name not in economy.regions and str(name).upper() in country_groups():
        return group_members(name, list(economy.regions))
    return [economy.regions[place_of(economy, name)]]
