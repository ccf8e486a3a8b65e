"""Tariffs of a war of all against all by Lashkaripour's (2021) formula."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from ....kernels.equilibrium import nash
from ...core import TivaxError
from ..economy import Economy
from ..solving import share_economy

# What regions start from; the answer does not depend on it.
_START = 0.3
_SOLVED = 1e-10


class FormulaWar(NamedTuple):
    """Rates (region, sector), all tariffs, changes by region in per cent (tariff, the
    rates weighted by new imports; real_income; wage), the largest miss of an equation,
    and that of the budget that the numeraire stands for."""

    rates: Float[np.ndarray, "r s"]
    tariff: Float[np.ndarray, "r r s"]
    changes: pd.DataFrame
    residual: float
    dropped: float


def solve_formula(
    economy: Economy, markups: Sequence[float] | np.ndarray | None
) -> FormulaWar:
    """Rates of all regions by the formula, without imbalances.

    Raises ``TivaxError`` as ``tx.nash_tariffs`` does.
    """
    world = _world(economy, markups)
    before = _balanced(world)
    _require(economy, before, "the equilibrium without imbalances")
    base = world._replace(
        shares=before.shares,
        spending=jnp.exp(before.log_spending) * world.spending,
        wages=jnp.exp(before.log_wages) * world.wages,
    )
    start = np.full(economy.value_added.shape, _START)
    found = _nash(base, jax.device_put(start))
    _require(economy, found, "the trade war")
    tariff, flows = np.asarray(found.tariff), np.asarray(found.flows)
    away = ~np.eye(len(economy.regions), dtype=bool)[:, :, None]
    rates = np.where(away, tariff, -1).max(axis=1)
    income, wage = np.asarray(found.real_income), np.expm1(np.asarray(found.log_wages))
    changes = changes_of_war(economy, tariff, flows, income, wage)
    residual = max(float(before.size), float(found.size))
    return FormulaWar(rates, tariff, changes, residual, float(found.dropped))


def changes_of_war(
    economy: Economy,
    tariff: Float[np.ndarray, "r r s"],
    flows: Float[np.ndarray, "r r s"],
    real_income: Float[np.ndarray, " r"],
    wage: Float[np.ndarray, " r"],
) -> pd.DataFrame:
    """``FormulaWar.changes`` of relative changes, and of new flows."""
    away = ~np.eye(len(economy.regions), dtype=bool)[:, :, None]
    bought = np.where(away, flows, 0)
    rate = (bought * tariff).sum(axis=(1, 2)) / bought.sum(axis=(1, 2))
    regions = pd.Index(economy.regions, name="region")
    columns = {"tariff": rate, "real_income": real_income, "wage": wage}
    return 100 * pd.DataFrame(columns, regions)


_balanced = jax.jit(nash.balanced)
_nash = jax.jit(nash.nash)


def _world(
    economy: Economy, markups: Sequence[float] | np.ndarray | None
) -> nash.TariffWorld:
    if economy.intermediate.any():
        raise TivaxError(
            f"{economy.name}: the formula is of an economy without inputs; take "
            "economy.without_inputs()"
        )
    sold = economy.trade.sum(axis=(0, 2)) - np.einsum("nnj->n", economy.trade)
    if (sold <= 0).any():
        region = economy.regions[int(np.argmin(sold))]
        raise TivaxError(f"{economy.name}: {region} exports nothing")
    shares = share_economy(economy)
    markup = _markups(economy, markups)
    wages = (economy.trade / markup).sum(axis=(0, 2))
    return nash.TariffWorld(
        shares=shares.shares,
        budget=shares.budget,
        tariff=jax.device_put(economy.tariff),
        theta=shares.theta,
        markup=jax.device_put(markup),
        spending=jax.device_put(economy.spending.sum(axis=1) / wages.sum()),
        wages=jax.device_put(wages / wages.sum()),
    )


def _markups(
    economy: Economy, markups: Sequence[float] | np.ndarray | None
) -> Float[np.ndarray, " s"]:
    count = len(economy.sectors)
    if markups is None:
        return 1 / (1 - economy.profit)
    try:
        array = np.asarray(markups, dtype=np.float64)
    except (TypeError, ValueError):
        raise TivaxError("markups is not an array of numbers") from None
    if array.shape != (count,) or not (np.isfinite(array) & (array >= 1)).all():
        raise TivaxError(
            f"markups: give a number from 1 for each of the {count} sectors"
        )
    return array


def _require(economy: Economy, found: nash.War, what: str) -> None:
    if not float(found.size) <= _SOLVED:
        raise TivaxError(
            f"{economy.name}: {what} does not converge: an equation misses by "
            f"{float(found.size):.1e}"
        )
