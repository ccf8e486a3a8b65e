"""Welfare of regions in a new equilibrium, and its parts: one scenario.

Symbols of ``changes``. The change of welfare to first order, around the old
equilibrium, in the terms of Caliendo and Parro (2015, section 5); d ln z is z'/z - 1,
as in their computations:

    tot       1/I_n sum_ij (E_nij d ln c_nj - M_nij d ln c_ij)
    vot       1/I_n sum_ij tau_nij M_nij (d ln M_nij - d ln c_ij)

with E exports, M imports net of tariffs, all old. Two terms are zero in their
counterfactuals and follow from the same differentiation of I_n / P_n, and one without
markups, which Ossa (2014) calls profit shifting:

    tech      -1/I_n sum_ij (1 + tau_nij) M_nij d ln d_nij,   iceberg trade costs d
    transfer  (D'_n - D_n) / I_n,                             deficits
    profits   1/I_n sum_j k_j Y_nj (d ln Y_nj - d ln c_nj),   profits of sales Y
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .changes import EconomyArrays
from .wages import Equilibrium


class Welfare(NamedTuple):
    """Relative changes (0.01 is 1 %); ``welfare`` is the sum of the next five,
    ``real_income`` the exact change of income over the price index. ``gdp`` is wages,
    profits and tariff revenue over it; exports and imports, net of tariffs, are over
    wages; ``revenue`` is the change of tariff revenue over old spending, inputs
    included."""

    welfare: Float[Array, " r"]
    tot: Float[Array, " r"]
    vot: Float[Array, " r"]
    tech: Float[Array, " r"]
    transfer: Float[Array, " r"]
    profits: Float[Array, " r"]
    realwage: Float[Array, " r"]
    real_income: Float[Array, " r"]
    price_index: Float[Array, " r"]
    wage: Float[Array, " r"]
    gdp: Float[Array, " r"]
    exports_gdp: Float[Array, " r"]
    imports_gdp: Float[Array, " r"]
    revenue: Float[Array, " r"]


def welfare_changes(
    economy: EconomyArrays,
    trade: Float[Array, "r r s"],
    tariff: Float[Array, "r r s"],
    income: Float[Array, " r"],
    iceberg: Float[Array, "r r s"],
    transfer: Float[Array, " r"],
    new: Equilibrium,
) -> Welfare:
    """``trade``, ``tariff`` and ``income`` are old; ``iceberg`` is d hat, and
    ``transfer`` the change of deficits."""
    dc = jnp.expm1(new.log_costs)
    sold, sells = trade.sum(axis=0), new.trade.sum(axis=0)
    received = (sold * dc).sum(axis=1)
    shifted = (sells - sold * (1 + dc)) @ economy.profit
    paid = (trade * dc[None, :, :]).sum(axis=(1, 2))
    # M (d ln M - d ln c) = M' - M (1 + d ln c), also where M is 0.
    volume = tariff * (new.trade - trade * (1 + dc)[None, :, :])
    wasted = (1 + tariff) * trade * (iceberg - 1)
    index = (economy.budget * new.log_prices).sum(axis=1)
    real_income = jnp.log(new.income / income) - index
    tot = (received - paid) / income
    vot = volume.sum(axis=(1, 2)) / income
    tech = (0 - wasted.sum(axis=(1, 2))) / income
    before, after = (tariff * trade).sum(axis=(1, 2)), new.revenue
    growth = jnp.exp(new.log_wages)
    product = economy.income * growth + after + sells @ economy.profit
    product = product / (economy.income + before + sold @ economy.profit)
    spent = ((1 + tariff) * trade).sum(axis=(1, 2))
    return Welfare(
        welfare=tot + vot + tech + transfer / income + shifted / income,
        tot=tot,
        vot=vot,
        tech=tech,
        transfer=transfer / income,
        profits=shifted / income,
        realwage=jnp.expm1(new.log_wages - index),
        real_income=jnp.expm1(real_income),
        price_index=jnp.expm1(index),
        wage=jnp.expm1(new.log_wages),
        gdp=product * jnp.exp(-index) - 1,
        exports_gdp=_abroad(new.trade, 0) / (_abroad(trade, 0) * growth) - 1,
        imports_gdp=_abroad(new.trade, 1) / (_abroad(trade, 1) * growth) - 1,
        revenue=(after - before) / spent,
    )


def _abroad(trade: Float[Array, "r r s"], axis: int) -> Float[Array, " r"]:
    """Sales (axis 0) or purchases (axis 1) of others; 1 where there are none."""
    total = (trade * _foreign(trade)).sum(axis=(axis, 2))
    return jnp.where(total > 0, total, 1)


def _foreign(trade: Float[Array, "r r s"]) -> Float[Array, "r r 1"]:
    return 1 - jnp.eye(len(trade), dtype=trade.dtype)[:, :, None]


class Sectors(NamedTuple):
    """Relative changes of output, which are those of value added, and of imports."""

    output: Float[Array, "r s"]
    imports: Float[Array, "r s"]


def sector_changes(old: Float[Array, "r r s"], new: Float[Array, "r r s"]) -> Sectors:
    """Changes of flows net of tariffs, 0 where there was none."""
    before, after = (
        jnp.stack([k.sum(axis=0), (k * _foreign(k)).sum(axis=1)]) for k in (old, new)
    )
    ratio = jnp.where(before > 0, after / jnp.where(before > 0, before, 1), 1)
    return Sectors(*ratio - 1)
