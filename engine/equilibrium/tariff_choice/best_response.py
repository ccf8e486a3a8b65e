"""The rates that are best for a player, given all other tariffs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from ....kernels.equilibrium import one_sector, wages
from .. import supply as supply_side
from ..economy import Economy
from ..gradient import slope_at
from ..solving import Deficits, Old, solve_new
from ..supply import Supply
from .players import Player

# Subsidies too: without them a best rate below zero would look like a corner.
LOWEST, HIGHEST = -0.5, 3.0
FLAT = 1e-7
"""Size of a scaled gradient of relative welfare before the last step."""

Place = wages.Position | Float[Array, "4 r"]
"""Where an equilibrium is: of wages, or with a block of supply."""


class Point(NamedTuple):
    """Relative welfare at an equilibrium, its derivative by every tariff, and where the
    equilibrium is."""

    welfare: float
    slope: Float[np.ndarray, "r r s"]
    at: Place


@dataclass(frozen=True, eq=False)
class Objective:
    """Welfare at given tariffs, of weighted regions: real income, or that of a block of
    supply."""

    economy: Economy
    supply: Supply | None
    deficits: Deficits

    @cached_property
    def incomes(self) -> Float[np.ndarray, " r"]:
        """Value added of regions; with a block of supply labour income."""
        if self.supply is None:
            return self.economy.value_added.sum(axis=1)
        return np.asarray(supply_side.block_of(self.economy, self.supply).income)

    @cached_property
    def old(self) -> Old | one_sector.OneSector:
        return supply_side.old_equilibrium(self.economy, self.supply, self.deficits)

    def weights(self, player: Player) -> Float[np.ndarray, " r"]:
        """Shares of members in the income of the player."""
        weights = np.zeros(len(self.economy.regions))
        weights[[*player.members]] = self.incomes[[*player.members]]
        return weights / weights.sum()

    def __call__(
        self,
        tariff: Float[np.ndarray, "r r s"],
        weights: Float[np.ndarray, " r"],
        start: Place | None = None,
    ) -> Point:
        """Welfare at these tariffs, whose equilibrium is sought from ``start``."""
        old = self.old
        if isinstance(old, Old):
            return self._of_wages(old, tariff, weights, start)
        return self._of_block(old, tariff, weights, start)

    def _of_wages(
        self, old: Old, tariff: np.ndarray, weights: np.ndarray, start: Place | None
    ) -> Point:
        assert start is None or isinstance(start, wages.Position)
        at = wages.position_of(solve_new(self.economy, old, tariff, start))
        given = jnp.asarray(tariff), old, at, jnp.asarray(weights)
        welfare, slope = slope_at(*given, measure="real_income")
        return Point(float(welfare), np.asarray(slope), at)

    def _of_block(
        self,
        block: one_sector.OneSector,
        tariff: np.ndarray,
        weights: np.ndarray,
        start: Place | None,
    ) -> Point:
        assert self.supply is not None and not isinstance(start, wages.Position)
        transfer = supply_side.new_transfer(block, self.deficits)
        shock = tariff[None]
        changes = supply_side.block_changes(block, shock, np.ones_like(shock), transfer)
        at = supply_side.solve_block(self.economy, block, changes, start)
        change = jax.tree.map(lambda a: a[0], changes)
        given = block, change, at, jnp.asarray(weights)
        welfare, slope = _block_slope(*given, measure=self.supply.measure)
        return Point(float(welfare), np.asarray(slope)[..., None], one_sector.hats(at))


@partial(jax.jit, static_argnames="measure")
def _block_slope(
    block: one_sector.OneSector,
    change: one_sector.OneSectorChange,
    at: one_sector.OneSectorState,
    weights: Float[Array, " r"],
    *,
    measure: str,
) -> tuple[Array, Float[Array, "r r"]]:
    def value(tariff: Float[Array, "r r"]) -> Array:
        moved = change._replace(tariff=tariff)
        new = one_sector.differentiable(block, moved, at)
        return weights @ getattr(one_sector.outcome(block, new), measure)

    return jax.value_and_grad(value)(change.tariff)


def _curvature(economy: Economy, player: Player) -> float:
    """About the second derivative by the variables: imports over income, times the
    elasticity; divided by it the first step of the search has the right length."""
    answer = player.sums(economy.trade * economy.theta).sum()
    return float(answer / economy.value_added[[*player.members]].sum())


@dataclass(frozen=True, eq=False)
class ChosenRates:
    """Rates that a player chose, by label (0.2 is 20 %), its welfare in per cent, the
    scaled gradient away from corners, labels at these, and equilibria solved."""

    player: Player
    rates: Float[np.ndarray, " k"]
    welfare: float
    gradient: float = np.nan
    corners: Sequence[str] = ()
    evaluations: int = 0

    @property
    def average(self) -> float:
        return self.player.average(self.rates)


def with_all(
    tariff: Float[np.ndarray, "r r s"], choices: Sequence[ChosenRates]
) -> Float[np.ndarray, "r r s"]:
    """All tariffs, with those that each player chose."""
    for choice in choices:
        tariff = choice.player.with_rates(tariff, choice.rates)
    return tariff


def best_response(
    player: Player,
    objective: Objective,
    tariff: Float[np.ndarray, "r r s"],
    start: Float[np.ndarray, " k"] | float,
    *,
    most: int,
    at: Place | None = None,
    flat: float = FLAT,
) -> tuple[ChosenRates, Place | None]:
    """The rates that are best for a player where the others' are those of ``tariff``.

    L-BFGS from the rates ``start``, with the derivative of the implicit function
    theorem. The Hessian is nearly diagonal and proportional to shares in imports, which
    span orders of magnitude: the variables are log(1 + rate) times the root of the
    share. Every equilibrium is sought from ``at``: from the last one rounding would
    make welfare jump where regions are tiny. Where it ended is returned.
    """
    roots, weights = np.sqrt(player.shares), objective.weights(player)
    scale = _curvature(objective.economy, player)
    last = at

    def loss(z: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal last
        new = player.with_rates(tariff, np.expm1(z / roots))
        point = objective(new, weights, at)
        last = point.at
        slope = player.sums(point.slope * (1 + new)) / roots
        return -point.welfare / scale, -slope / scale

    low, high = np.log1p([LOWEST, HIGHEST])
    found = minimize(
        loss,
        np.log1p(start) * roots,
        jac=True,
        method="L-BFGS-B",
        bounds=[(low * root, high * root) for root in roots],
        options={"maxfun": most, "ftol": 0.0, "gtol": flat / scale, "maxcor": 30},
    )
    z, value, slope, evaluations = found.x, found.fun, found.jac, found.nfev
    if found.nit:  # near the top welfare is flat to rounding, its derivative is not
        free = (z > low * roots) & (z < high * roots)
        step = free * found.hess_inv.matvec(free * slope)
        near = np.clip(z - step, low * roots, high * roots)
        there, moved = loss(near)
        evaluations += 1
        if np.max(np.abs(free * moved)) < np.max(np.abs(free * slope)):
            z, value, slope = near, there, moved
    logs = z / roots
    at_end = np.isclose(logs, low) | np.isclose(logs, high)
    inside = scale * np.abs(slope[~at_end])
    gradient = float(inside.max(initial=0.0))
    corners = [player.labels[k] for k in np.flatnonzero(at_end).tolist()]
    welfare = float(-100 * scale * value)
    given = player, np.expm1(logs), welfare, gradient, corners, int(evaluations)
    return ChosenRates(*given), last
