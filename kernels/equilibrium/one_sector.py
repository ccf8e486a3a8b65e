"""A one-sector equilibrium in changes with labour supply, scale, services and entry.

The model of Ignatenko, Lashkaripour, Macedoni and Simonovska (2025, Journal of
International Economics 157), with inputs of the sector in itself. Symbols, beside those
of ``changes``; n buys, i sells:

    b     value added per unit of output                                    (r)
    nu    share of what n spends, net of tariffs, that its own workers get  (r)
    phi   elasticity of consumer prices with respect to tariffs             (r)
    psi   external economies: unit cost falls by psi with the bundle used
    ka    elasticity of labour supply
    E     spending with tariffs, s sales that producers get, Y labour income (r)
    D     transfers from others, R tariff revenue                           (r)

In relative changes, with T hat = (1 + tau') / (1 + tau) and iceberg costs d:

    c_i hat  = w_i^b P_i^(1-b) / [(w_i / P_i)^(1-b) L_i]^psi
    A_ni     = pi_ni (c_i hat d_ni hat)^-th T_ni hat^(-th phi_n),   S_n = sum_i A_ni
    X'_ni    = A_ni / S_n E'_n / (1 + tau'_ni)
    P_n hat  = (E_n hat / w_n hat)^(1 - phi_n) S_n^(-1/th)
    (1)  b_i s'_i + nu_i sum_j X'_ij = Y'_i = w_i hat L_i hat Y_i
         with s'_i = sum_n (1 - nu_n) X'_ni
    (2)  R_i + Y'_i + (1 - b_i) s'_i + D'_i = E'_i,   R_i = E'_i - sum_j X'_ij
    (3)  L_i hat = [w_i hat / P_i hat / (1 - u_i)]^ka

u = R' / Y' - R / Y is the income tax that new revenue replaces, 0 where it is handed
back as a lump sum: what is left of a wage goes from 1 - u to 1. Equations (1) and
(2) add to zero where transfers do; (1) of one region gives way to the numeraire, world
value added, and is reported. With phi = 1 and nu = psi = ka = 0 this is Caliendo and
Parro's model of one sector.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .newton import newton


class OneSector(NamedTuple):
    """The old equilibrium; money in units of world value added, ``relief`` 1 or 0."""

    shares: Float[Array, "r r"]
    tariff: Float[Array, "r r"]
    value_added: Float[Array, " r"]
    services: Float[Array, " r"]
    pass_through: Float[Array, " r"]
    theta: Float[Array, ""]
    scale: Float[Array, ""]
    labour: Float[Array, ""]
    relief: Float[Array, ""]
    spending: Float[Array, " r"]
    income: Float[Array, " r"]
    transfer: Float[Array, " r"]


class OneSectorChange(NamedTuple):
    """A shock: new tariffs, log of iceberg costs hat, new transfers, and the region
    whose labour market is not asked to clear."""

    tariff: Float[Array, "r r"]
    log_costs: Float[Array, "r r"]
    transfer: Float[Array, " r"]
    dropped: Int[Array, ""]


class OneSectorState(NamedTuple):
    """An equilibrium: logs of hats, trade net of tariffs, money in units of old world
    value added, and what each labour market misses of labour income."""

    log_wages: Float[Array, " r"]
    log_spending: Float[Array, " r"]
    log_labour: Float[Array, " r"]
    log_prices: Float[Array, " r"]
    trade: Float[Array, "r r"]
    sales: Float[Array, " r"]
    revenue: Float[Array, " r"]
    income: Float[Array, " r"]
    excess: Float[Array, " r"]
    size: Float[Array, ""]


def unchanged(block: OneSector) -> OneSectorChange:
    """The change that is none; the last market is dropped."""
    nothing = jnp.zeros_like(block.shares)
    last = jnp.asarray(len(block.income) - 1)
    return OneSectorChange(block.tariff, nothing, block.transfer, last)


def old_trade(block: OneSector) -> Float[Array, "r r"]:
    """Trade net of tariffs in the old equilibrium."""
    return block.shares * block.spending[:, None] / (1 + block.tariff)


def relieved(
    block: OneSector, revenue: Float[Array, " r"], income: Float[Array, " r"]
) -> Float[Array, " r"]:
    """The income tax that tariff revenue replaces, a rate."""
    before = 1 - (block.shares / (1 + block.tariff)).sum(axis=1)
    before = before * block.spending / block.income
    return block.relief * (revenue / income - before)


def _visit(
    block: OneSector, change: OneSectorChange, x: Float[Array, "4 r"]
) -> tuple[Array, OneSectorState]:
    """Misses of all equations, and the equilibrium, at logs of w, E, L and P hat."""
    w, e, l, p = x
    b, nu, phi = block.value_added, block.services, block.pass_through
    theta = block.theta
    bundle = (1 - b) * (w - p) + l
    cost = b * w + (1 - b) * p - block.scale * bundle
    sold = jnp.exp(-theta * cost)
    moved = jnp.log1p(change.tariff) - jnp.log1p(block.tariff)
    weight = block.shares * jnp.exp(
        -theta * (phi[:, None] * moved + change.log_costs)
    )  # pi d^-th T^(-th phi): it does not move with the unknowns
    net = weight / (1 + change.tariff)
    total = weight @ sold
    spent = jnp.exp(e) * block.spending
    per_share = spent / total
    sales = sold * (((1 - nu) * per_share) @ net)
    paid = per_share * (net @ sold)
    revenue = spent - paid
    income = jnp.exp(w + l) * block.income
    freed = relieved(block, revenue, income)
    excess = (b * sales + nu * paid) / income - 1
    world = jnp.log(income.sum() / block.income.sum())
    at_dropped = jnp.arange(len(w)) == change.dropped
    misses = jnp.stack(
        [
            jnp.where(at_dropped, world, excess),
            (revenue + income + (1 - b) * sales + change.transfer) / spent - 1,
            l - block.labour * (w - p - jnp.log1p(-freed)),
            p - (1 - phi) * (e - w) + jnp.log(total) / theta,
        ]
    )
    trade = per_share[:, None] * net * sold[None, :]
    size = jnp.max(jnp.abs(misses))
    return misses, OneSectorState(
        w, e, l, p, trade, sales, revenue, income, excess, size
    )


def solve(
    block: OneSector, change: OneSectorChange, start: Float[Array, "4 r"] | None = None
) -> OneSectorState:
    """The new equilibrium, by Newton's method, by default from hats of one.

    Look at ``size`` before using it, the largest miss of an equation; ``excess`` of
    the market that was dropped is not in it.
    """
    if start is None:
        start = jnp.zeros((4, len(block.income)), block.income.dtype)
    found = newton(lambda x: _visit(block, change, x)[0], start)
    return _visit(block, change, found)[1]


def hats(at: OneSectorState) -> Float[Array, "4 r"]:
    """Logs of w, E, L and P hat, from which ``solve`` may start."""
    return jnp.stack([at.log_wages, at.log_spending, at.log_labour, at.log_prices])


def differentiable(
    block: OneSector, change: OneSectorChange, at: OneSectorState
) -> OneSectorState:
    """The equilibrium that ``solve`` ended in, as a function of block and change near
    those it was solved for, by the implicit function theorem."""
    start = jax.lax.stop_gradient(hats(at))

    def misses(x: Float[Array, "4 r"]) -> Float[Array, "4 r"]:
        return _visit(block, change, x)[0]

    def solved(_: Callable, x: Float[Array, "4 r"]) -> Float[Array, "4 r"]:
        return x

    def tangent(g: Callable, y: Float[Array, "4 r"]) -> Float[Array, "4 r"]:
        size = y.size
        J = jax.jacfwd(g)(jnp.zeros_like(y)).reshape(size, size)
        return jnp.linalg.solve(J, y.ravel()).reshape(y.shape)

    x = jax.lax.custom_root(misses, start, solved, tangent)
    return _visit(block, change, x)[1]


class Outcome(NamedTuple):
    """Relative changes (0.01 is 1 %), but ``revenue``: tariff revenue over spending of
    the old equilibrium. ``deficit`` is relative to its old size; exports and imports
    are over labour income, net of tariffs."""

    welfare: Float[Array, " r"]
    welfare_printed: Float[Array, " r"]
    employment: Float[Array, " r"]
    realwage: Float[Array, " r"]
    real_income: Float[Array, " r"]
    deficit: Float[Array, " r"]
    exports_gdp: Float[Array, " r"]
    imports_gdp: Float[Array, " r"]
    revenue: Float[Array, " r"]
    price_index: Float[Array, " r"]
    wage: Float[Array, " r"]


def outcome(block: OneSector, new: OneSectorState) -> Outcome:
    """Outcomes of the new equilibrium for regions, relative to the old.

    Utility is C - L^(1 + 1/ka) / (1 + 1/ka); ``welfare_printed`` leaves the net-of-tax
    factor out of the disutility of work, as the paper's formula does.
    """
    old = old_trade(block)
    inputs = (1 - block.value_added) * ((1 - block.services) @ old)
    consumed = block.spending - inputs
    spent = jnp.exp(new.log_spending) * block.spending
    consumes = spent - (1 - block.value_added) * new.sales
    price = jnp.exp(new.log_prices)
    real = consumes / consumed / price
    # The disutility of work is ka / (1 + ka) of what work earns after tax.
    kept_share = 1 - relieved(block, new.revenue, new.income)
    work = block.labour / (1 + block.labour) * kept_share * block.income
    utility = consumed - work
    earned = jnp.exp(new.log_wages + new.log_labour) / price
    imbalance = net_imports(old)
    size = jnp.where(imbalance == 0, 1, jnp.abs(imbalance))
    growth = new.income / block.income
    return Outcome(
        welfare=(consumed * real - work * earned / kept_share) / utility - 1,
        welfare_printed=(consumed * real - work * earned) / utility - 1,
        employment=jnp.expm1(new.log_labour),
        realwage=jnp.expm1(new.log_wages - new.log_prices),
        real_income=real - 1,
        deficit=(net_imports(new.trade) - imbalance) / size,
        exports_gdp=_abroad(new.trade, 0) / (_abroad(old, 0) * growth) - 1,
        imports_gdp=_abroad(new.trade, 1) / (_abroad(old, 1) * growth) - 1,
        revenue=new.revenue / block.spending,
        price_index=price - 1,
        wage=jnp.expm1(new.log_wages),
    )


def net_imports(trade: Float[Array, "r r"]) -> Float[Array, " r"]:
    """Imports less exports; home sales cancel."""
    return trade.sum(axis=1) - trade.sum(axis=0)


def _abroad(trade: Float[Array, "r r"], axis: int) -> Float[Array, " r"]:
    """Sales (axis 0) or purchases (axis 1) of others; 1 where there are none."""
    total = (trade * (1 - jnp.eye(len(trade)))).sum(axis=axis)
    return jnp.where(total > 0, total, 1)
