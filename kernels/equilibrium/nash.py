"""Tariffs of a trade war by sufficient statistics, in an economy without inputs.

Lashkaripour (2021, Journal of International Economics 131: 103419). Symbols of
``changes``; n buys, i sells, and beside them

    T    1 + tariff of an importer, by sector, the same for all sellers     (n, k)
    mu   markups by sector; profits are the owners' at home                 (k)
    Y    spending, all of it final                                          (n)
    w L  the wage bill                                                      (n)

    h_nik   = T_nk / (1 + tau_nik) for i != n, 1 at home
    pi'     = pi (h w_i hat)^-th / sum,      P_nk hat = (sum)^(-1/th)
    F_nik   = pi'_nik e_nk Y'_n / T_nk       flows net of tariffs, T = 1 at home
    (1)  sum_nk F_nik / mu_k = w_i hat w_i L_i
    (2)  sum_nk F_nik + sum_ik (T_nk - 1) F_nik = Y'_n      sales, revenue
    chi_ijk   net exports of i to j in k over all net exports of i
    delta_jk  = t_jk pi'_jjk e_jk / (1 + sum_g t_jg pi'_jjg e_jg)
    u_i       = 1 + 1 / sum_{j != i, k} chi_ijk th_k [1 - (1 - delta_jk) pi'_jik]
    (3)  T_ik = u_i (1 + th_k pi'_iik) / (1 + m_i th_k pi'_iik / mu_k)

with m the ratio of sales to wages (Proposition 4); without markups T_ik = u_i
(Proposition 2). The budgets (2) add to zero: that of the last region gives way to the
numeraire, world wages.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .changes import rounding
from .newton import newton

_MOST_ROUNDS = 200


class TariffWorld(NamedTuple):
    """The old equilibrium: spending and wages in one unit of money."""

    shares: Float[Array, "r r s"]
    budget: Float[Array, "r s"]
    tariff: Float[Array, "r r s"]
    theta: Float[Array, " s"]
    markup: Float[Array, " s"]
    spending: Float[Array, " r"]
    wages: Float[Array, " r"]


class War(NamedTuple):
    """An equilibrium: logs of hats, tariffs, flows net of them, the relative change of
    real income, the largest miss of an equation and that of the dropped budget."""

    log_wages: Float[Array, " r"]
    log_spending: Float[Array, " r"]
    tariff: Float[Array, "r r s"]
    shares: Float[Array, "r r s"]
    flows: Float[Array, "r r s"]
    real_income: Float[Array, " r"]
    size: Float[Array, ""]
    dropped: Float[Array, ""]


class _Point(NamedTuple):
    shares: Float[Array, "r r s"]
    flows: Float[Array, "r r s"]
    log_prices: Float[Array, "r s"]
    labour: Float[Array, " r"]
    budget: Float[Array, " r"]


def _abroad(world: TariffWorld) -> Float[Array, "r r 1"]:
    return 1 - jnp.eye(len(world.wages))[:, :, None]


def _visit(
    world: TariffWorld,
    w: Float[Array, " r"],
    y: Float[Array, " r"],
    paid: Float[Array, "r r s"],
) -> _Point:
    """Flows at logs of w and Y hat, and misses of (1) and (2); ``paid`` is T."""
    moved = jnp.log(paid) - jnp.log1p(world.tariff) + w[None, :, None]
    weight = world.shares * jnp.exp(-world.theta[None, None, :] * moved)
    total = weight.sum(axis=1)
    shares = weight / total[:, None, :]
    spent = jnp.exp(y) * world.spending
    gross = shares * (world.budget * spent[:, None])[:, None, :]
    flows = gross / paid
    wages = jnp.exp(w) * world.wages
    labour = (flows / world.markup[None, None, :]).sum(axis=(0, 2)) / wages - 1
    earned = flows.sum(axis=(0, 2)) + (gross - flows).sum(axis=(1, 2))
    return _Point(
        shares,
        flows,
        -jnp.log(total) / world.theta[None, :],
        labour,
        earned / spent - 1,
    )


def _closed(
    world: TariffWorld, point: _Point, w: Float[Array, " r"]
) -> Float[Array, "2 r"]:
    """Misses with the numeraire in place of the last budget."""
    numeraire = jnp.log((jnp.exp(w) * world.wages).sum() / world.wages.sum())
    return jnp.stack([point.labour, point.budget.at[-1].set(numeraire)])


def formula(
    world: TariffWorld, point: _Point, w: Float[Array, " r"], t: Float[Array, "r s"]
) -> Float[Array, "r s"]:
    """T that (3) makes of an equilibrium with rates ``t``."""
    theta = world.theta[None, :]
    home = jnp.einsum("nnk->nk", point.shares)
    owed = t * home * world.budget
    delta = owed / (1 + owed.sum(axis=1, keepdims=True))
    exports = point.flows * _abroad(world)  # of i to n
    chi = exports / exports.sum(axis=(0, 2))[None, :, None]
    felt = 1 - (1 - delta)[:, None, :] * point.shares
    u = 1 + 1 / (chi * world.theta[None, None, :] * felt).sum(axis=(0, 2))
    sales = point.flows.sum(axis=(0, 2)) / (jnp.exp(w) * world.wages)
    ratio = sales[:, None] / world.markup[None, :]
    return u[:, None] * (1 + theta * home) / (1 + ratio * theta * home)


def _paid(world: TariffWorld, t: Float[Array, "r s"]) -> Float[Array, "r r s"]:
    """T by pair, 1 at home."""
    return 1 + t[:, None, :] * _abroad(world)


def _equilibrium(
    world: TariffWorld, paid: Float[Array, "r r s"], start: Float[Array, "2 r"]
) -> Float[Array, "2 r"]:
    """Logs of w and Y hat at given tariffs."""
    return newton(
        lambda x: _closed(world, _visit(world, x[0], x[1], paid), x[0]), start
    )


def _result(
    world: TariffWorld, x: Float[Array, "2 r"], paid: Float[Array, "r r s"]
) -> War:
    point = _visit(world, x[0], x[1], paid)
    index = (world.budget * point.log_prices).sum(axis=1)
    return War(
        log_wages=x[0],
        log_spending=x[1],
        tariff=paid - 1,
        shares=point.shares,
        flows=point.flows,
        real_income=jnp.expm1(x[1] - index),
        size=jnp.max(jnp.abs(_closed(world, point, x[0]))),
        dropped=point.budget[-1],
    )


def balanced(world: TariffWorld) -> War:
    """The equilibrium without imbalances, at the tariffs that are."""
    paid = 1 + world.tariff
    nothing = jnp.zeros((2, len(world.wages)), world.wages.dtype)
    return _result(world, _equilibrium(world, paid, nothing), paid)


def nash(world: TariffWorld, start: Float[Array, "r s"]) -> War:
    """All regions' rates by the formula, from rates ``start``.

    The formula hardly moves with the rates of the region itself, so that rates are
    those that it makes of the last equilibrium, which is solved by Newton's method.
    Look at ``size``, in which the miss of (3) in logarithms is.
    """
    floor = rounding(start)

    def visit(
        t: Float[Array, "r s"], x: Float[Array, "2 r"]
    ) -> tuple[Float[Array, "2 r"], Float[Array, "r s"]]:
        paid = _paid(world, t)
        x = _equilibrium(world, paid, x)
        return x, formula(world, _visit(world, x[0], x[1], paid), x[0], t) - 1

    def goes_on(state: tuple[Array, Array, Array, Array]) -> Array:
        return (state[2] > floor) & (state[3] < _MOST_ROUNDS)

    def once(state: tuple[Array, Array, Array, Array]) -> tuple:
        t, x, _, k = state
        x, new = visit(t, x)
        return new, x, jnp.max(jnp.abs(jnp.log1p(new) - jnp.log1p(t))), k + 1

    nothing = jnp.zeros((2, len(world.wages)), start.dtype)
    far = jnp.asarray(jnp.inf, start.dtype)
    first = (start, nothing, far, jnp.asarray(0))
    t, x, _, _ = jax.lax.while_loop(goes_on, once, first)
    x, new = visit(t, x)
    found = _result(world, x, _paid(world, t))
    miss = jnp.max(jnp.abs(jnp.log1p(new) - jnp.log1p(t)))
    return found._replace(size=jnp.maximum(found.size, miss))
