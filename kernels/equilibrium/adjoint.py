"""Derivatives of an equilibrium by everything that it follows from: one adjoint.

Symbols of ``changes`` and ``wages``. An equilibrium is where

    p = P(p, u),   X = S(X, p, u),   F(X, p, u) = 0.

With w_p, w_X, w_u the derivatives of a measure there, that by any other argument of P,
S and F is the derivative of l_p P + l_X S - l_u F, where

    l_p = w_p + P_p' l_p + S_p' l_X - F_p' l_u
    l_X = w_X + S_X' l_X - F_X' l_u
    0   = w_u + P_u' l_p + S_u' l_X - F_u' l_u.

Given l_u the first two are contractions, as the equations of prices and spending are.
l_u takes Broyden's steps from the transposed inverse of dF/du that solvers start from.
Each step begins with the multipliers of the last, and solves them to a thousandth of
the step: all steps together take hardly more rounds than one exact solution.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .changes import (
    EconomyArrays,
    EconomyShock,
    contract,
    new_shares,
    price_map,
    rounding,
    spending_map,
    weights,
)
from .newton import secant_inverse
from .wages import (
    Equilibrium,
    Position,
    equilibrium_at,
    excess_demand,
    inverse_jacobian,
    visit,
)

_MOST_STEPS = 40
_INNER = 1e-3
# Of the size of the derivatives w: the last step of l_u, and what the last equation may
# miss without another inverse.
_EXACT, _CLEARED = 1e-11, 1e-9


class _Point(NamedTuple):
    """Wages, prices and spending, or the derivatives of a measure by them."""

    log_wages: Float[Array, " r"]
    log_prices: Float[Array, "r s"]
    spending: Float[Array, "r s"]


def differentiable(
    economy: EconomyArrays,
    shock: EconomyShock,
    at: Position,
    inverse: Float[Array, "r r"],
) -> Equilibrium:
    """The equilibrium that ``find_wages`` ended in, as a function of economy and shock
    near those it was solved for, for derivatives in reverse mode.

    ``inverse`` is that of dF/du there or elsewhere; where it is too far away it is
    made anew.
    """
    at, inverse = jax.tree.map(jax.lax.stop_gradient, (at, inverse))
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)
    still, held = jax.tree.map(jax.lax.stop_gradient, (economy, shock))
    there = visit(still, held, at.log_wages, at, floor)
    point = _Point(there.log_wages, there.log_prices, there.spending)
    u, p, X = _located(economy, shock, inverse, point)
    return equilibrium_at(
        economy, shock, Position(u, p, X, there.excess), jnp.asarray(0)
    )


@jax.custom_vjp
def _located(
    economy: EconomyArrays,
    shock: EconomyShock,
    inverse: Float[Array, "r r"],
    at: _Point,
) -> _Point:
    return at


def _keep(
    economy: EconomyArrays,
    shock: EconomyShock,
    inverse: Float[Array, "r r"],
    at: _Point,
) -> tuple[_Point, tuple]:
    return at, (economy, shock, inverse, at)


def _pull(kept: tuple, w: _Point) -> tuple:
    economy, shock, inverse, at = kept
    enough = _CLEARED * _size(economy, w)

    def own() -> Float[Array, "r r"]:
        position = Position(at.log_wages, at.log_prices, at.spending, 0 * at.log_wages)
        return inverse_jacobian(economy, shock, position)

    # A loop of two rounds at most: the program has one solver, not two.
    def goes_on(state: tuple[_Point, Array, Array]) -> Array:
        return ~(state[1] <= enough) & (state[2] < 2)

    def once(state: tuple[_Point, Array, Array]) -> tuple:
        near = jax.lax.cond(state[2] == 0, lambda: inverse, own)
        return *_multipliers(economy, shock, near, at, w), state[2] + 1

    first = w, jnp.full_like(enough, jnp.inf), jnp.asarray(0)
    found, _, _ = jax.lax.while_loop(goes_on, once, first)
    _, pull = jax.vjp(lambda e, s: _images(e, s, at), economy, shock)
    by_economy, by_shock = pull(found._replace(log_wages=-found.log_wages))
    return (
        by_economy,
        by_shock,
        jnp.zeros_like(inverse),
        jax.tree.map(jnp.zeros_like, at),
    )


_located.defvjp(_keep, _pull)


def _images(economy: EconomyArrays, shock: EconomyShock, at: _Point) -> _Point:
    """F, P and S, in the places of wages, prices and spending."""
    u, p, X = at
    weight = weights(economy, shock)
    net = new_shares(economy, weight, u, p) / (1 + shock.tariff)
    paid = jnp.exp(u) * economy.income
    return _Point(
        excess_demand(economy, shock, net, paid, X),
        price_map(economy, weight, u, p),
        spending_map(economy, shock, net, paid, X),
    )


def _size(economy: EconomyArrays, w: _Point) -> Float[Array, ""]:
    """The largest derivative; spending counts by value added."""
    parts = w.log_wages, w.log_prices, w.spending * economy.income[:, None]
    return jnp.max(jnp.stack([jnp.max(jnp.abs(k)) for k in parts]))


class _State(NamedTuple):
    """Multipliers, what is left of the last equation, its inverse Jacobian, the last
    step and the one before, and how many there were."""

    at: _Point
    left: Float[Array, " r"]
    inverse: Float[Array, "r r"]
    length: Float[Array, ""]
    before: Float[Array, ""]
    k: Int[Array, ""]


def _multipliers(
    economy: EconomyArrays,
    shock: EconomyShock,
    inverse: Float[Array, "r r"],
    at: _Point,
    w: _Point,
) -> tuple[_Point, Float[Array, ""]]:
    """l_u, l_p and l_X, and what is left of the last equation."""
    u, p, X = at
    weight = weights(economy, shock)

    def of_flows(measure: Callable, u: Array, p: Array, X: Array) -> Array:
        net = new_shares(economy, weight, u, p) / (1 + shock.tariff)
        return measure(economy, shock, net, jnp.exp(u) * economy.income, X)

    _, by_prices = jax.vjp(lambda p, u: price_map(economy, weight, u, p), p, u)
    _, by_spending = jax.vjp(partial(of_flows, spending_map, u, p), X)
    _, by_sales = jax.vjp(lambda p, u: of_flows(spending_map, u, p, X), p, u)
    _, by_markets = jax.vjp(partial(of_flows, excess_demand), u, p, X)
    unit = 1 / economy.income[:, None]
    size = _size(economy, w)
    size = jnp.where(size > 0, size, 1)
    floor = rounding(economy.income) * size

    def solve(l: _Point, tolerance: Array) -> tuple[_Point, Float[Array, " r"]]:
        """Multipliers of prices and spending given that of wages, and what is left."""
        own = jax.tree.map(jnp.subtract, w, _Point(*by_markets(l.log_wages)))
        X = contract(
            lambda X: own.spending + by_spending(X)[0], l.spending, tolerance, unit
        )
        moved, left = by_sales(X)
        p = contract(
            lambda p: own.log_prices + moved + by_prices(p)[0], l.log_prices, tolerance
        )
        return _Point(l.log_wages, p, X), own.log_wages + left + by_prices(p)[1]

    def goes_on(state: _State) -> Array:
        stuck = (state.length < 1e3 * floor) & (state.length > 0.5 * state.before)
        return (state.length > _EXACT * size) & ~stuck & (state.k < _MOST_STEPS)

    def once(state: _State) -> _State:
        step = state.inverse @ state.left
        length = jnp.max(jnp.abs(step))
        moved = state.at._replace(log_wages=state.at.log_wages + step)
        new, left = solve(moved, jnp.clip(_INNER * length, floor, _INNER * size))
        inverse = secant_inverse(state.inverse, step, state.left - left)
        return _State(new, left, inverse, length, state.length, state.k + 1)

    first, left = solve(jax.tree.map(jnp.zeros_like, at), _INNER * size)
    far = jnp.asarray(jnp.inf, size.dtype)
    begin = _State(first, left, inverse.T, far, far, jnp.asarray(0))
    end = jax.lax.while_loop(goes_on, once, begin)
    return end.at, jnp.max(jnp.abs(end.left))
