"""The equilibrium of Caliendo and Parro (2015) in changes, given wages.

Symbols of Caliendo and Parro (2015, Review of Economic Studies 82: 1-44), a hat for
the ratio of new to old and a prime for the new value; n buys, i sells:

    r    regions; s sectors
    pi   share of spending of n on j that goes to i, tariffs included       (n, i, j)
    g    value added per unit of output                                     (n, j)
    G    inputs per unit of output: input k of sector j, sums to 1 - g      (n, k, j)
    k    profits per unit of output, 1 - 1 / markup; g + sum G is 1 - k     (j)
    a    share of a sector in final demand                                  (n, j)
    th   trade elasticity (of flows with respect to costs, positive)        (j)
    tau  tariff rates; kappa = (1 + tau) d trade costs with iceberg costs d (n, i, j)
    w    wages, P prices of the composite of a sector, c costs of production
    X    spending on a composite, I income of final buyers, D trade deficit

The equilibrium in relative changes:

    c_nj hat = (w_n hat^g_nj  prod_k P_nk hat^G_nkj)^(1 / (1 - k_j))
    P_nj hat = [sum_i pi_nij (kappa_nij hat c_ij hat)^-th_j]^(-1/th_j)
    pi'_nij  = pi_nij [kappa_nij hat c_ij hat / P_nj hat]^-th_j
    Y'_ij    = sum_n pi'_nij X'_nj / (1 + tau'_nij)
    X'_nj    = sum_k G_njk Y'_nk + a_nj I'_n
    I'_n     = w_n hat w_n L_n + sum_ij tau'_nij pi'_nij X'_nj / (1 + tau'_nij) + D'_n
               + sum_j k_j Y'_nj

and the labour markets clear, sum_j g_nj Y'_nj = w_n hat w_n L_n, which with the
equations above is the same as balanced trade up to D'. Where surpluses are shares of
income (``Surplus``) final buyers spend (1 - s_n - c) of it, with c such that surpluses
add to zero; where they are not, s is 0. The price equation in logarithms
is a contraction with modulus 1 - g, the spending equation one in sums of dollars; both
are iterated. Derivatives are those of the implicit function theorem (``adjoint``).

Money is in units of world value added, the numeraire: sum_n w_n hat w_n L_n = 1. Where
k is above 0 that is the part of it that is wages; profits belong to the region that
sells (Ossa 2014, American Economic Review 104: 4104-4146). One scenario a function;
``jax.vmap`` over shocks makes a batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# A contraction with modulus 0.95 gains 14 digits in 600 steps.
MOST_STEPS = 1000


class EconomyArrays(NamedTuple):
    """The old equilibrium in shares; ``income`` is value added less profits, summing to
    1, and ``value_added`` is without profits, too.

    ``joined`` is 1 where two regions trade, be it through others: only then do their
    wages have a ratio.
    """

    shares: Float[Array, "r r s"]
    value_added: Float[Array, "r s"]
    inputs: Float[Array, "r s s"]
    budget: Float[Array, "r s"]
    theta: Float[Array, " s"]
    income: Float[Array, " r"]
    joined: Float[Array, "r r"]
    profit: Float[Array, " s"]


class Surplus(NamedTuple):
    """Surpluses as shares of income, and what becomes of their sum.

    In a new equilibrium sum_n s_n I_n is not zero. With ``spread`` 1 all shares move by
    the same c = -sum s I / sum I. With 0 shares stay, and every region earns c of its
    income more than it pays, as Felbermayr, Groeschl and Heiland (2022) compute.
    """

    share: Float[Array, " r"]
    spread: Float[Array, ""]


class EconomyShock(NamedTuple):
    """A shock: log of kappa hat, new tariff rates, new deficits, surpluses beside."""

    log_costs: Float[Array, "r r s"]
    tariff: Float[Array, "r r s"]
    deficit: Float[Array, " r"]
    surplus: Surplus


def rounding(like: Float[Array, "..."]) -> float:
    """Size at which an iteration in this precision stops: a few units in the last
    place."""
    return 64 * float(jnp.finfo(like.dtype).eps)


def contract(
    step: Callable[[Float[Array, "..."]], Float[Array, "..."]],
    start: Float[Array, "..."],
    tolerance: Float[Array, ""],
    unit: Float[Array, "..."] | float = 1.0,
) -> Float[Array, "..."]:
    """Iterate a contraction until a step moves nothing by more than ``tolerance`` of
    ``unit``."""

    def goes_on(state: tuple[Array, Array, Array]) -> Array:
        return (state[1] > tolerance) & (state[2] < MOST_STEPS)

    def once(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        x, _, k = state
        new = step(x)
        moved = jnp.max(jnp.abs(new - x) / unit)
        return new, moved, k + 1

    first = (start, jnp.asarray(jnp.inf, start.dtype), jnp.asarray(0))
    return jax.lax.while_loop(goes_on, once, first)[0]


def weights(economy: EconomyArrays, shock: EconomyShock) -> Float[Array, "r r s"]:
    """pi kappa_hat^-theta: shares at new trade costs, not yet summing to 1."""
    theta = economy.theta[None, None, :]
    return economy.shares * jnp.exp(-theta * shock.log_costs)


def log_costs(
    economy: EconomyArrays,
    log_wages: Float[Array, " r"],
    log_prices: Float[Array, "r s"],
) -> Float[Array, "r s"]:
    """log c hat of the input bundles."""
    bought = jnp.einsum("nkj,nk->nj", economy.inputs, log_prices)
    cost = 1 - economy.profit[None, :]
    return (economy.value_added * log_wages[:, None] + bought) / cost


def price_map(
    economy: EconomyArrays,
    weight: Float[Array, "r r s"],
    log_wages: Float[Array, " r"],
    log_prices: Float[Array, "r s"],
) -> Float[Array, "r s"]:
    """log P hat that follow from costs at other prices."""
    theta = economy.theta[None, :]
    sold = jnp.exp(-theta * log_costs(economy, log_wages, log_prices))
    return -jnp.log((weight * sold[None, :, :]).sum(axis=1)) / theta


def log_prices(
    economy: EconomyArrays,
    weight: Float[Array, "r r s"],
    log_wages: Float[Array, " r"],
    start: Float[Array, "r s"],
    tolerance: Float[Array, ""],
) -> Float[Array, "r s"]:
    """log P hat at given wages, from ``start``."""

    def step(p: Float[Array, "r s"]) -> Float[Array, "r s"]:
        return price_map(economy, weight, log_wages, p)

    return contract(step, start, tolerance)


def new_shares(
    economy: EconomyArrays,
    weight: Float[Array, "r r s"],
    log_wages: Float[Array, " r"],
    log_prices: Float[Array, "r s"],
) -> Float[Array, "r r s"]:
    """pi', which sums to 1 over sellers."""
    theta = economy.theta[None, :]
    sold = jnp.exp(-theta * log_costs(economy, log_wages, log_prices))
    priced = weight * sold[None, :, :]
    return priced / priced.sum(axis=1, keepdims=True)


def output(
    net: Float[Array, "r r s"], spending: Float[Array, "r s"]
) -> Float[Array, "r s"]:
    """Sales by region and sector, net of tariffs: net = pi' / (1 + tau')."""
    return (net * spending[:, None, :]).sum(axis=0)


def own_income(
    economy: EconomyArrays,
    net: Float[Array, "r r s"],
    paid: Float[Array, " r"],
    spending: Float[Array, "r s"],
) -> Float[Array, " r"]:
    """Wages, tariff revenue and profits: income without D."""
    revenue = ((1 - net.sum(axis=1)) * spending).sum(axis=1)
    return paid + revenue + output(net, spending) @ economy.profit


def unpaid(surplus: Surplus, own: Float[Array, " r"]) -> Float[Array, " r"]:
    """c I: what shares of income lack to add to zero; ``own`` is I without D."""
    return -(surplus.share @ own) / own.sum() * own


def saved(surplus: Surplus, own: Float[Array, " r"]) -> Float[Array, " r"]:
    """Surpluses out of income without D."""
    return surplus.share * own + surplus.spread * unpaid(surplus, own)


def final_spending(shock: EconomyShock, own: Float[Array, " r"]) -> Float[Array, " r"]:
    """Spending of final buyers out of wages and tariff revenue, and D'."""
    return own - saved(shock.surplus, own) + shock.deficit


def market_gap(
    shock: EconomyShock,
    earned: Float[Array, " r"],
    paid: Float[Array, " r"],
    own: Float[Array, " r"],
) -> Float[Array, " r"]:
    """Excess demand for labour, relative to the wages that are paid."""
    left = (1 - shock.surplus.spread) * unpaid(shock.surplus, own)
    return (earned - left) / paid - 1


def spending_map(
    economy: EconomyArrays,
    shock: EconomyShock,
    net: Float[Array, "r r s"],
    paid: Float[Array, " r"],
    X: Float[Array, "r s"],
) -> Float[Array, "r s"]:
    """X' that follows from sales and incomes at other spending."""
    inputs = jnp.einsum("njk,nk->nj", economy.inputs, output(net, X))
    own = own_income(economy, net, paid, X)
    return inputs + economy.budget * final_spending(shock, own)[:, None]


def spending(
    economy: EconomyArrays,
    shock: EconomyShock,
    net: Float[Array, "r r s"],
    paid: Float[Array, " r"],
    start: Float[Array, "r s"],
    tolerance: Float[Array, ""],
) -> Float[Array, "r s"]:
    """X', given the wages that are ``paid``."""

    def step(X: Float[Array, "r s"]) -> Float[Array, "r s"]:
        return spending_map(economy, shock, net, paid, X)

    return contract(step, start, tolerance, economy.income[:, None])
