"""Counterfactuals where elasticities and trade-cost effects are estimates: one draw.

A draw has a trade elasticity for each sector, and the logarithm by which trade costs
of a sector rise when a membership (customs union, currency, border agreement) ends. It
is solved in two steps: a base equilibrium that differs from the data (inventories out,
sectors that are not traded), then scenarios from there. Symbols of ``changes``.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import adjoint, wages
from .changes import EconomyArrays, EconomyShock, contract, output
from .wages import Position


class DrawnWorld(NamedTuple):
    """The data, the shock that leads to the base, and where solvers start.

    ``inverse`` is that of the Jacobian at elasticities near those of the draws.
    """

    economy: EconomyArrays
    base: EconomyShock
    start: wages.Position
    inverse: Float[Array, "r r"]


class Cases(NamedTuple):
    """c scenarios: which of d memberships end, new tariffs, surpluses as shares.

    ``ended`` counts for each pair what a membership changes by (-1: it ends).
    """

    ended: Float[Array, "d r r"]
    chosen: Float[Array, "c d"]
    tariff: Float[Array, "c r r s"]
    share: Float[Array, "c r"]


class Draw(NamedTuple):
    """Trade elasticities, and effects of memberships on log trade costs."""

    theta: Float[Array, " s"]
    effects: Float[Array, "d s"]


class Found(NamedTuple):
    """Changes of final spending over prices (0.01 is 1 %) and the largest miss of a
    labour market, by scenario; that of the base."""

    welfare: Float[Array, "c r"]
    clearing: Float[Array, " c"]
    base: Float[Array, ""]


def solve_draw(
    world: DrawnWorld, cases: Cases, draw: Draw, aim: Float[Array, ""], *, simple: bool
) -> Found:
    """All scenarios of a draw; ``simple``: from a base where a sector's only input is
    its own output."""

    def find(
        economy: EconomyArrays, shock: EconomyShock, start: Position
    ) -> wages.Equilibrium:
        return wages.solve(economy, shock, world.inverse, start, aim)

    return _solve(world, cases, draw, find, simple=simple)


def slopes(
    world: DrawnWorld, cases: Cases, draw: Draw, aim: Float[Array, ""], *, simple: bool
) -> Draw:
    """Derivatives of what regions gain in the first of the cases by all parameters:
    region in front of what a draw holds.

    ``simple``: spending in that base is taken as it is, which is enough for a control
    variate.
    """

    def find(
        economy: EconomyArrays, shock: EconomyShock, start: Position
    ) -> wages.Equilibrium:
        given = economy, shock, world.inverse, start, aim
        at, _ = wages.find_wages(*jax.tree.map(jax.lax.stop_gradient, given))
        return adjoint.differentiable(economy, shock, at, world.inverse)

    def welfare(draw: Draw) -> Float[Array, " r"]:
        return _solve(world, cases, draw, find, simple=simple).welfare[0]

    value, pull = jax.vjp(welfare, draw)
    return jax.lax.map(lambda one: pull(one)[0], jnp.eye(len(value)))


def _solve(
    world: DrawnWorld,
    cases: Cases,
    draw: Draw,
    find: Callable[[EconomyArrays, EconomyShock, Position], wages.Equilibrium],
    *,
    simple: bool,
) -> Found:
    economy = world.economy._replace(theta=draw.theta)
    found = find(economy, world.base, world.start)
    base = wages.rebased(economy, found)
    # Money is in units of the base's value added, which is that of the data.
    spent, final = found.spending, found.income
    share = cases.share
    if simple:
        at = jax.tree.map(jax.lax.stop_gradient, (base, spent))
        own, spent, final = own_inputs(at[0], world.base, at[1])
        base = base._replace(inputs=own.inputs)
        net = base.shares / (1 + world.base.tariff)
        revenue = ((1 - net.sum(axis=1)) * spent).sum(axis=1)
        share = jnp.broadcast_to(1 - final / (base.income + revenue), share.shape)
    start = wages.origin(spent)

    def scenario(case: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        chosen, tariff, share = case
        moved = jnp.einsum("d,ds,dni->nis", chosen, draw.effects, cases.ended)
        costs = jnp.log1p(tariff) - jnp.log1p(world.base.tariff) - moved
        surplus = world.base.surplus._replace(share=share)
        given = {"log_costs": costs, "tariff": tariff, "surplus": surplus}
        shock = world.base._replace(**given)
        new = find(base, shock, start)
        index = (base.budget * new.log_prices).sum(axis=1)
        return new.income / final * jnp.exp(-index) - 1, new.clearing

    welfare, clearing = jax.lax.map(scenario, (cases.chosen, cases.tariff, share))
    return Found(welfare, clearing, found.clearing)


def own_inputs(
    economy: EconomyArrays, base: EconomyShock, start: Float[Array, "r s"]
) -> tuple[EconomyArrays, Float[Array, "r s"], Float[Array, " r"]]:
    """The economy where a sector's inputs are its own good, with its spending and final
    spending: trade shares and value added stay, surpluses follow."""
    s = economy.budget.shape[1]
    eye = jnp.eye(s, dtype=start.dtype)[None]
    own = economy._replace(inputs=(1 - economy.value_added)[:, None, :] * eye)
    net = economy.shares / (1 + base.tariff)

    # Final spending grows by what labour is paid too little, a step of spending each.
    def step(state: Float[Array, "r k"]) -> Float[Array, "r k"]:
        X, final = state[:, :-1], state[:, -1:]
        X = own.budget * final + (1 - own.value_added) * output(net, X)
        earned = (own.value_added * output(net, X)).sum(axis=1, keepdims=True)
        return jnp.concatenate([X, final + own.income[:, None] - earned], axis=1)

    begin = jnp.concatenate([start, economy.income[:, None]], axis=1)
    tolerance = jnp.asarray(1e-11, start.dtype)
    found = contract(step, begin, tolerance, economy.income[:, None])
    return own, found[:, :-1], found[:, -1]
