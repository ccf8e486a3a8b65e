"""Wages that clear all labour markets: a quasi-Newton iteration, one scenario.

Symbols of ``changes``. With u = log w hat, the excess demand for labour

    R_n(u) = sum_j g_nj Y'_nj / (w_n hat w_n L_n) - 1

has weighted sum zero whatever u (Walras), so one market is redundant; in its place
stands the numeraire. The system solved is square and regular,

    F_n(u) = R_n(u) + log(sum_m w_m L_m exp(u_m) / sum_m w_m L_m) = 0,

for the sum of w_n hat w_n L_n F_n is world value added times that logarithm: where F is
0 so is the logarithm, and then R. The sums are over the regions that n trades with, be
it through others: a region that trades with none keeps its share of the world.

Plain iteration on wages diverges where trade elasticities are large. Here steps are
Broyden's (1965, Mathematics of Computation 19: 577-593), from the inverse Jacobian of F
at the old equilibrium, which all scenarios of an economy share. Prices and spending
start from where they were at the last wages and are solved to a thousandth of the last
step, in the end to rounding. Newton's method with a Jacobian of its own for each step
is for scenarios far away.

The Jacobian is that of the equations of ``changes``, by two linear solves for all
wages at once. With Pi the map of prices to purchases and A that of spending,

    dp = Pi (g du + G dp),   d ln pi' = -th (d ln c_i - dp_n),
    dX = A dX + (dA) X + a d(w L),   dF = d(sum_j g Y') / (w L) - (1 + R) du + s'du.

"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .changes import (
    EconomyArrays,
    EconomyShock,
    contract,
    final_spending,
    log_costs,
    log_prices,
    market_gap,
    new_shares,
    output,
    own_income,
    rounding,
    spending,
    weights,
)
from .newton import secant_inverse

# Labour markets clear to this, relative to a region's value added.
CLEARING = 1e-10
# What solvers aim at; a start that clears to this is kept.
AIM = 1e-12
_LONGEST_STEP = 0.5  # of a log wage
_MOST_STEPS = 60
# Prices and spending are solved to this part of the last step, and at least to this.
_INNER, _LOOSEST = 1e-3, 1e-4
_JACOBIAN = 1e-3  # of its entries; steps correct the rest


class Position(NamedTuple):
    """A point on the way: log wages, prices and spending, and F there."""

    log_wages: Float[Array, " r"]
    log_prices: Float[Array, "r s"]
    spending: Float[Array, "r s"]
    excess: Float[Array, " r"]


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
    revenue: Float[Array, " r"]
    income: Float[Array, " r"]
    clearing: Float[Array, ""]
    steps: Int[Array, ""]


def visit(
    economy: EconomyArrays,
    shock: EconomyShock,
    log_wages: Float[Array, " r"],
    start: Position,
    tolerance: Float[Array, ""],
) -> Position:
    """Prices, spending and F at given wages, from another position."""
    weight = weights(economy, shock)
    p = log_prices(economy, weight, log_wages, start.log_prices, tolerance)
    net = new_shares(economy, weight, log_wages, p) / (1 + shock.tariff)
    paid = jnp.exp(log_wages) * economy.income
    X = spending(economy, shock, net, paid, start.spending, tolerance)
    return Position(log_wages, p, X, excess_demand(economy, shock, net, paid, X))


def excess_demand(
    economy: EconomyArrays,
    shock: EconomyShock,
    net: Float[Array, "r r s"],
    paid: Float[Array, " r"],
    spending: Float[Array, "r s"],
) -> Float[Array, " r"]:
    """F at the wages that are ``paid``."""
    earned = (economy.value_added * output(net, spending)).sum(axis=1)
    own = own_income(economy, net, paid, spending)
    world = jnp.log((economy.joined @ paid) / (economy.joined @ economy.income))
    return market_gap(shock, earned, paid, own) + world


def origin(spending: Float[Array, "r s"]) -> Position:
    """The old equilibrium, where wages and prices are 1 and spending is known."""
    zero = jnp.zeros_like(spending)
    return Position(zero[:, 0], zero, spending, zero[:, 0])


@jax.jit
def inverse_jacobian(
    economy: EconomyArrays, shock: EconomyShock, at: Position
) -> Float[Array, "r r"]:
    """Inverse of dF/du where prices and spending are solved; the last axis of what
    moves is the wage that moves it."""
    r, s = economy.budget.shape
    tolerance = jnp.asarray(_JACOBIAN, economy.income.dtype)
    wage = jnp.eye(r, dtype=economy.income.dtype)
    shares = new_shares(economy, weights(economy, shock), at.log_wages, at.log_prices)
    net = shares / (1 + shock.tariff)

    def costs(dp: Float[Array, "r s r"]) -> Float[Array, "r s r"]:
        own = economy.value_added[:, :, None] * wage[:, None, :]
        bought = jnp.einsum("nkj,nkm->njm", economy.inputs, dp)
        return (own + bought) / (1 - economy.profit)[None, :, None]

    def prices(dp: Float[Array, "r s r"]) -> Float[Array, "r s r"]:
        return jnp.einsum("nij,ijm->njm", shares, costs(dp))

    dp = contract(prices, jnp.zeros((r, s, r), wage.dtype), tolerance)
    # What sellers get of X at the old spending, through shares: by pairs n, i it is
    # -th pi' X (d ln c_i - dp_n), summed over buyers; tariffs paid move against it.
    flow = net * at.spending[:, None, :]
    moved = economy.theta[None, :, None]
    dc = costs(dp)
    sold = moved * (
        jnp.einsum("nij,njm->ijm", flow, dp) - flow.sum(axis=0)[:, :, None] * dc
    )
    bought = moved * (
        flow.sum(axis=1)[:, :, None] * dp - jnp.einsum("nij,ijm->njm", flow, dc)
    )
    paid = jnp.exp(at.log_wages) * economy.income
    kept = 1 - net.sum(axis=1)
    own = paid[:, None] * wage - bought.sum(axis=1)
    # (What surpluses have in common moves by less than they do, and is left out.)
    spent = 1 - shock.surplus.share

    def spend(dX: Float[Array, "r s r"]) -> Float[Array, "r s r"]:
        dY = sold + jnp.einsum("nij,njm->ijm", net, dX)
        income = own + (kept[:, :, None] * dX).sum(axis=1)
        income = income + jnp.einsum("j,njm->nm", economy.profit, dY)
        income = spent[:, None] * income
        inputs = jnp.einsum("njk,nkm->njm", economy.inputs, dY)
        return inputs + economy.budget[:, :, None] * income[:, None, :]

    unit = economy.income[:, None, None]
    dX = contract(spend, jnp.zeros_like(dp), tolerance, unit)
    dY = sold + jnp.einsum("nij,njm->ijm", net, dX)
    earned = (economy.value_added[:, :, None] * dY).sum(axis=1) / paid[:, None]
    ratio = (economy.value_added * output(net, at.spending)).sum(axis=1) / paid
    world = economy.joined * paid[None, :] / (economy.joined @ paid)[:, None]
    return jnp.linalg.inv(earned - ratio[:, None] * wage + world)


class _State(NamedTuple):
    """State of the iteration: position, next step, inverse Jacobian, number of wages
    tried, the size of F one step before, and how exactly prices were solved."""

    at: Position
    step: Float[Array, " r"]
    inverse: Float[Array, "r r"]
    k: Int[Array, ""]
    before: Float[Array, ""]
    tolerance: Float[Array, ""]


def find_wages(
    economy: EconomyArrays,
    shock: EconomyShock,
    inverse: Float[Array, "r r"],
    start: Position,
    aim: Float[Array, ""],
) -> tuple[Position, Int[Array, ""]]:
    """Find wages at which F is below ``aim`` (0: as near to rounding as steps get), by
    Broyden steps; return also the number of wage vectors tried.

    A start that clears to ``AIM`` is kept as it is, so that no shock changes nothing.
    """
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)
    good = jnp.maximum(floor, jnp.asarray(AIM, floor.dtype))

    def goes_on(state: _State) -> Array:
        size = jnp.max(jnp.abs(state.at.excess))
        enough = jnp.where(state.k == 1, good, jnp.maximum(aim, floor))
        # Near rounding steps do not gain any more.
        stuck = (size < 10 * good) & (size > 0.5 * state.before)
        # By symmetry F may be 0 before prices are known.
        loose = state.tolerance > jnp.maximum(good, 0.1 * enough)
        more = ((size > enough) & ~stuck) | loose
        return (state.k == 0) | (more & (state.k < _MOST_STEPS))

    def once(state: _State) -> _State:
        at, step, H = state.at, state.step, state.inverse
        length = jnp.where(state.k > 0, jnp.max(jnp.abs(step)), 1)
        tolerance = jnp.clip(_INNER * length, floor, _LOOSEST)
        new = visit(economy, shock, at.log_wages + step, at, tolerance)
        H = secant_inverse(H, step, new.excess - at.excess)
        next_step = -(H @ new.excess)
        length = jnp.max(jnp.abs(next_step))
        next_step = next_step * jnp.minimum(
            1, _LONGEST_STEP / jnp.maximum(length, floor)
        )
        before = jnp.where(state.k > 0, jnp.max(jnp.abs(at.excess)), jnp.inf)
        return _State(new, next_step, H, state.k + 1, before, tolerance)

    nothing = jnp.zeros_like(start.log_wages)
    far = jnp.asarray(jnp.inf, floor.dtype)
    first = _State(start, nothing, inverse, jnp.asarray(0), far, far)
    end = jax.lax.while_loop(goes_on, once, first)
    return end.at, end.k


def equilibrium_at(
    economy: EconomyArrays, shock: EconomyShock, at: Position, steps: Int[Array, ""]
) -> Equilibrium:
    """All of the equilibrium at a position whose prices and spending are solved."""
    weight = weights(economy, shock)
    shares = new_shares(economy, weight, at.log_wages, at.log_prices)
    trade = shares * at.spending[:, None, :] / (1 + shock.tariff)
    revenue = (shock.tariff * trade).sum(axis=(1, 2))
    paid = jnp.exp(at.log_wages) * economy.income
    sold = trade.sum(axis=0)
    earned = (economy.value_added * sold).sum(axis=1)
    own = paid + revenue + sold @ economy.profit
    return Equilibrium(
        log_wages=at.log_wages,
        log_prices=at.log_prices,
        log_costs=log_costs(economy, at.log_wages, at.log_prices),
        shares=shares,
        spending=at.spending,
        trade=trade,
        revenue=revenue,
        income=final_spending(shock, own),
        clearing=jnp.max(jnp.abs(market_gap(shock, earned, paid, own))),
        steps=steps,
    )


def position_of(found: Equilibrium) -> Position:
    """The position of an equilibrium, where F is 0."""
    return Position(*found[:2], found.spending, jnp.zeros_like(found.log_wages))


def rebased(economy: EconomyArrays, found: Equilibrium) -> EconomyArrays:
    """An equilibrium as the old one of others; value added adds to 1 again."""
    paid = jnp.exp(found.log_wages) * economy.income
    return economy._replace(shares=found.shares, income=paid / paid.sum())


def solve(
    economy: EconomyArrays,
    shock: EconomyShock,
    inverse: Float[Array, "r r"],
    start: Position,
    aim: Float[Array, ""],
) -> Equilibrium:
    """The new equilibrium of one scenario; look at ``clearing`` before using it."""
    at, k = find_wages(economy, shock, inverse, start, aim)
    return equilibrium_at(economy, shock, at, k)


def solve_near(
    economy: EconomyArrays,
    shock: EconomyShock,
    inverse: Float[Array, "r r"],
    start: Position,
    old: Position,
    aim: Float[Array, ""],
) -> Equilibrium:
    """``solve`` with the inverse Jacobian and from the equilibrium of an economy close
    by; where that is too far away, with its own from the old equilibrium."""

    def own() -> Float[Array, "r r"]:
        still = shock._replace(log_costs=0 * shock.log_costs)
        return inverse_jacobian(economy, still, old)

    # A loop of two rounds at most: the program has one solver, not two.
    def goes_on(state: tuple[Position, Array, Array]) -> Array:
        missed = ~(jnp.max(jnp.abs(state[0].excess)) <= CLEARING)
        return missed & (state[2] < 2)

    def once(state: tuple[Position, Array, Array]) -> tuple:
        _, steps, k = state
        near = jax.lax.cond(k == 0, lambda: inverse, own)
        begin = jax.tree.map(lambda a, b: jnp.where(k == 0, a, b), start, old)
        at, more = find_wages(economy, shock, near, begin, aim)
        return at, steps + more, k + 1

    nowhere = start._replace(excess=jnp.full_like(start.excess, jnp.inf))
    first = nowhere, jnp.asarray(0), jnp.asarray(0)
    at, steps, _ = jax.lax.while_loop(goes_on, once, first)
    return equilibrium_at(economy, shock, at, steps)


@jax.jit
def visit_precisely(
    economy: EconomyArrays,
    shock: EconomyShock,
    log_wages: Float[Array, " r"],
    start: Position,
) -> Position:
    """``visit`` to rounding."""
    floor = jnp.asarray(rounding(economy.income), economy.income.dtype)
    return visit(economy, shock, log_wages, start, floor)


def for_each(solve: Callable[[Any], Any], cases: Any) -> Any:
    """All cases of a batch: one after another on a processor, where a batch would wait
    for its slowest case, at once elsewhere."""
    if jax.default_backend() == "cpu":
        return jax.lax.map(solve, cases)
    return jax.vmap(solve)(cases)
