"""Wages that clear all labour markets: a quasi-Newton iteration, one scenario.

Symbols of ``changes``. With u = log w hat, the excess demand for labour

    R_n(u) = sum_j g_nj Y'_nj / (w_n hat w_n L_n) - 1

has weighted sum zero whatever u (Walras), so one market is redundant; in its place
stands the numeraire. The system solved is square and regular,

    F_n(u) = R_n(u) + log(sum_m w_m L_m exp(u_m) / sum_m w_m L_m) = 0,

for the sum of w_n hat w_n L_n F_n is world value added times that logarithm: where F is
0 so is the logarithm, and then R.

Plain iteration on wages diverges where trade elasticities are large. Here steps are
Broyden's (1965, Mathematics of Computation 19: 577-593), from the inverse Jacobian of F
at the old equilibrium, which all scenarios of an economy share. Prices and spending
start from where they were at the last wages and are solved to a thousandth of the last
step, in the end to rounding. Newton's method with a Jacobian of its own for each step
is for scenarios far away.

Derivatives with respect to everything in ``Economy`` and ``Shock`` are those of the
implicit function theorem.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .changes import (
    Economy,
    Shock,
    log_costs,
    log_prices,
    new_shares,
    output,
    rounding,
    spending,
    weights,
)

# Labour markets clear to this, relative to a region's value added.
CLEARING = 1e-10
_AIM = 1e-12
_LONGEST_STEP = 0.5  # of a log wage
_MOST_STEPS = 60


class Position(NamedTuple):
    """A point on the way: log wages, prices and spending, and F there."""

    log_wages: Float[Array, " r"]
    log_prices: Float[Array, "r s"]
    spending: Float[Array, "r s"]
    excess: Float[Array, " r"]


State = tuple[Position, Float[Array, "r r"], Int[Array, ""]]
"""Of the iteration: where it is, the inverse Jacobian, wages tried."""


class Equilibrium(NamedTuple):
    """A new equilibrium in changes; money in units of old world value added.

    ``clearing`` is the largest excess of demand for labour, relative to value added of
    a region; ``steps`` the number of wage vectors tried.
    """

    log_wages: Float[Array, " r"]
    log_prices: Float[Array, "r s"]
    log_costs: Float[Array, "r s"]
    shares: Float[Array, "r r s"]
    spending: Float[Array, "r s"]
    trade: Float[Array, "r r s"]
    income: Float[Array, " r"]
    clearing: Float[Array, ""]
    steps: Int[Array, ""]


def visit(
    economy: Economy,
    shock: Shock,
    log_wages: Float[Array, " r"],
    start: Position,
    tolerance: Float[Array, ""],
) -> Position:
    """Prices, spending and F at given wages, from another position."""
    weight = weights(economy, shock)
    p = log_prices(economy, weight, log_wages, start.log_prices, tolerance)
    net = new_shares(economy, weight, log_wages, p) / (1 + shock.tariff)
    paid = jnp.exp(log_wages) * economy.income
    X = spending(economy, net, paid + shock.deficit, start.spending, tolerance)
    earned = (economy.value_added * output(net, X)).sum(axis=1)
    world = jnp.log(paid.sum() / economy.income.sum())
    return Position(log_wages, p, X, earned / paid - 1 + world)


def origin(economy: Economy) -> Position:
    """Where iterations begin: old wages and prices, all income spent by ``budget``."""
    r, s = economy.budget.shape
    zero = jnp.zeros(r, economy.income.dtype)
    prices = jnp.zeros((r, s), economy.income.dtype)
    return Position(zero, prices, economy.budget * economy.income[:, None], zero)


@jax.jit
def inverse_jacobian(
    economy: Economy, shock: Shock, at: Position
) -> Float[Array, "r r"]:
    """Inverse of dF/du at a position whose prices and spending are solved."""
    tolerance = jnp.asarray(rounding(economy.income), economy.income.dtype)

    def excess(u: Float[Array, " r"]) -> Float[Array, " r"]:
        return visit(economy, shock, u, at, tolerance).excess

    return jnp.linalg.inv(jax.jacfwd(excess)(at.log_wages))


def _broyden(
    economy: Economy, shock: Shock, inverse: Float[Array, "r r"], start: Position
) -> tuple[Position, Int[Array, ""]]:
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)
    aim = jnp.maximum(floor, jnp.asarray(_AIM, floor.dtype))

    def goes_on(state: State) -> Array:
        at, _, k = state
        size = jnp.max(jnp.abs(at.excess))
        return (size > aim) & (k < _MOST_STEPS)

    def once(state: State) -> State:
        at, H, k = state
        step = -(H @ at.excess)
        length = jnp.max(jnp.abs(step))
        step = step * jnp.minimum(1, _LONGEST_STEP / jnp.maximum(length, floor))
        tolerance = jnp.clip(1e-3 * length, floor, 1e-6)
        new = visit(economy, shock, at.log_wages + step, at, tolerance)
        # Sherman and Morrison: the inverse that maps the change of F to the step.
        guessed = H @ (new.excess - at.excess)
        along = step @ guessed
        along = jnp.where(jnp.abs(along) > 0, along, 1)
        H = H + (step - guessed)[:, None] * (step @ H)[None, :] / along
        return new, H, k + 1

    at = visit(economy, shock, start.log_wages, start, floor)
    at, _, k = jax.lax.while_loop(goes_on, once, (at, inverse, jnp.asarray(1)))
    return at, k


def find_wages(
    economy: Economy, shock: Shock, inverse: Float[Array, "r r"], start: Position
) -> tuple[Float[Array, " r"], Position, Int[Array, ""]]:
    """log w hat, differentiable; where the iteration ended, and its steps, are not."""
    fixed = jax.lax.stop_gradient
    inverse, start = fixed(inverse), jax.tree.map(fixed, start)
    end, k = _broyden(
        jax.tree.map(fixed, economy), jax.tree.map(fixed, shock), inverse, start
    )
    end, k = jax.tree.map(fixed, (end, k))
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)

    def excess(u: Float[Array, " r"]) -> Float[Array, " r"]:
        return visit(economy, shock, u, end, floor).excess

    def solve(_: Callable, u: Float[Array, " r"]) -> Float[Array, " r"]:
        return u

    def tangent(g: Callable, y: Float[Array, " r"]) -> Float[Array, " r"]:
        J = jax.vmap(g, out_axes=1)(jnp.eye(len(y), dtype=y.dtype))
        return jnp.linalg.solve(J, y)

    return jax.lax.custom_root(excess, end.log_wages, solve, tangent), end, k


@jax.jit
def equilibrium_at(
    economy: Economy,
    shock: Shock,
    log_wages: Float[Array, " r"],
    start: Position,
    steps: Int[Array, ""],
) -> Equilibrium:
    """All of the new equilibrium from its wages."""
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)
    at = visit(economy, shock, log_wages, start, floor)
    weight = weights(economy, shock)
    shares = new_shares(economy, weight, log_wages, at.log_prices)
    trade = shares * at.spending[:, None, :] / (1 + shock.tariff)
    revenue = (shock.tariff * trade).sum(axis=(1, 2))
    paid = jnp.exp(log_wages) * economy.income
    earned = (economy.value_added * trade.sum(axis=0)).sum(axis=1)
    return Equilibrium(
        log_wages=log_wages,
        log_prices=at.log_prices,
        log_costs=log_costs(economy, log_wages, at.log_prices),
        shares=shares,
        spending=at.spending,
        trade=trade,
        income=paid + revenue + shock.deficit,
        clearing=jnp.max(jnp.abs(earned / paid - 1)),
        steps=steps,
    )


@jax.jit
def solve(
    economy: Economy, shock: Shock, inverse: Float[Array, "r r"], start: Position
) -> Equilibrium:
    """The new equilibrium of one scenario; look at ``clearing`` before using it."""
    u, end, k = find_wages(economy, shock, inverse, start)
    return equilibrium_at(economy, shock, u, end, k)


@jax.jit
def visit_precisely(
    economy: Economy, shock: Shock, log_wages: Float[Array, " r"], start: Position
) -> Position:
    """``visit`` to rounding."""
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)
    return visit(economy, shock, log_wages, start, floor)
