"""An economy made of a table with errors, and the index of its equilibria: one draw.

Symbols of ``changes``. A draw makes Z, Y and x of a year; negative cells count as 0 and
output is what final demand requires, x = A x + Y 1, so that accounts add up again.
Purchases hold tariffs on top of flows.

In an equilibrium every user of a region buys a good from the same sellers in the same
proportions, so that a product with A is one of shares with input coefficients,

    e_njd = f_nj [n = d] + sum_k G_njk x_nkd,   x_ijd = sum_n q_nij e_njd,

x_ijd output that final demand of d requires, q shares net of tariffs, G inputs per unit
of output. Both systems are solved by steps with the domestic blocks of (I - A)^-1 of
another economy close by.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..absorption import trade_benefit_index
from ..leontief import per_dollar
from .changes import EconomyArrays, contract

_EXACT = 1e-14


class TableYear(NamedTuple):
    """A year before errors, and (I - A)^-1 of each region by itself, about."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n r"]
    x: Float[Array, " n"]
    home: Float[Array, "r s s"]


class TradeAccounts(NamedTuple):
    """Fields of an economy: trade net of tariffs, the rest with them."""

    trade: Float[Array, "r r s"]
    inputs: Float[Array, "r s s"]
    final: Float[Array, "r s"]
    value_added: Float[Array, "r s"]


def accounts_of_table(table: TableYear, tariff: Float[Array, "r r s"]) -> TradeAccounts:
    """The economy of a table whose cells may be negative and need not add up."""
    r, s, _ = table.home.shape
    A = jnp.maximum(table.Z, 0) * per_dollar(table.x)[None, :]
    Y = jnp.maximum(table.Y, 0)
    wanted = Y.sum(axis=1)

    def step(x: Float[Array, " n"]) -> Float[Array, " n"]:
        left = (wanted + A @ x - x).reshape(r, s)
        return x + jnp.einsum("nij,nj->ni", table.home, left).ravel()

    unit = jnp.maximum(table.x, table.x.mean())
    x = contract(step, table.x, jnp.asarray(_EXACT, A.dtype), unit)
    flows, finals = (A * x[None, :]).reshape(r, s, r, s), Y.reshape(r, s, r)
    paid = jnp.moveaxis(1 + tariff, 0, 2)  # [exporter, sector, importer]
    trade = jnp.transpose(flows.sum(axis=3) + finals, (2, 0, 1))
    inputs = jnp.einsum("ijnk,ijn->njk", flows, paid)
    final = (finals * paid).sum(axis=0).T
    return TradeAccounts(trade, inputs, final, trade.sum(axis=0) - inputs.sum(axis=1))


def shares_of(
    accounts: TradeAccounts,
    tariff: Float[Array, "r r s"],
    theta: Float[Array, " s"],
    joined: Float[Array, "r r"],
    profit: Float[Array, " s"],
) -> EconomyArrays:
    """The economy in shares. Nobody buys a sector: it is bought at home; nobody makes
    it: it is made of value added alone."""
    paid = accounts.trade * (1 + tariff)
    spent = paid.sum(axis=1)
    bought = spent > 0
    home = jnp.eye(len(paid), dtype=paid.dtype)[:, :, None]
    shares = jnp.where(
        bought[:, None], paid / jnp.where(bought, spent, 1)[:, None], home
    )
    cost = accounts.inputs.sum(axis=1) + accounts.value_added
    inputs = accounts.inputs * per_dollar(jnp.maximum(cost, 0))[:, None]
    final = jnp.maximum(accounts.final, 0)
    income = (accounts.value_added - profit[None, :] * jnp.maximum(cost, 0)).sum(axis=1)
    return EconomyArrays(
        shares=shares,
        value_added=1 - inputs.sum(axis=1) - profit[None, :],
        inputs=inputs,
        budget=final / final.sum(axis=1, keepdims=True),
        theta=theta,
        income=income / income.sum(),
        joined=joined,
        profit=profit,
    )


def index_of_equilibrium(
    inputs: Float[Array, "r s s"],
    trade: Float[Array, "r r s"],
    spending: Float[Array, "r s"],
    home: Float[Array, "r s s"],
) -> Float[Array, " r"]:
    """The trade benefit index of an equilibrium; ``inputs`` per unit of output."""
    bought = jnp.where(spending > 0, spending, 1)
    net = trade / bought[:, None]
    flows = inputs * trade.sum(axis=0)[:, None]
    final = jnp.maximum(spending - flows.sum(axis=2), 0)
    output = (net * (flows.sum(axis=2) + final)[:, None]).sum(axis=0)
    G = flows * per_dollar(output)[:, None]
    own = jnp.eye(len(final), dtype=final.dtype)[:, None, :] * final[:, :, None]

    def step(x: Float[Array, "r s d"]) -> Float[Array, "r s d"]:
        e = own + jnp.einsum("njk,nkd->njd", G, x)
        left = jnp.einsum("nij,njd->ijd", net, e) - x
        return x + jnp.einsum("nij,njd->nid", home, left)

    unit = final.sum(axis=1)[None, None, :]
    x = contract(step, 0 * own, jnp.asarray(_EXACT, own.dtype), unit)
    v = 1 - jnp.einsum("nij,njk->nk", net, G)
    v = jnp.where(output > 0, v, 0)
    return jnp.asarray(trade_benefit_index((v[:, :, None] * x).sum(axis=1)).tbi)
