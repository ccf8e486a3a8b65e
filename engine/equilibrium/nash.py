"""Tariffs that all regions choose at once, by sufficient statistics."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels.equilibrium import nash
from ..core import Listing, Printable, TivaxError, in_float64, require_kind
from .economy import Economy
from .solving import share_economy

# What regions start from; the answer does not depend on it.
_START = 0.3
_SOLVED = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class NashTariffs(Printable):
    """Rates of all regions in a trade war, and what it does to them.

    Attributes
    ----------
    economy
        Argument of the call.
    rates
        (region, sector): the tariff of a region on all others; 0.3 is 30 %.
    changes
        Changes by region in per cent, against the equilibrium without imbalances at the
        tariffs that were: tariff (the rates, weighted by new imports), real_income,
        wage (in units of world wages).
    residual
        The largest miss of an equation; of rates in logarithms.
    dropped
        Gap in the budget that the numeraire stands for.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> war = tx.nash_tariffs(economy.without_inputs())
    >>> list(war.changes.columns)
    ['tariff', 'real_income', 'wage']
    """

    economy: Economy
    rates: pd.DataFrame
    changes: pd.DataFrame
    residual: float
    dropped: float

    def _listings(self) -> Sequence[Listing]:
        columns = [*self.changes.columns]
        rows = [
            (str(name), *(f"{value:.2f}" for value in line))
            for name, line in zip(
                self.changes.index[:60], self.changes.to_numpy()[:60], strict=True
            )
        ]
        notes = [f"equations hold to {max(self.residual, abs(self.dropped)):.1e}"]
        return [Listing("Nash tariffs, in per cent", ("", *columns), rows, notes)]


@in_float64
def nash_tariffs(
    economy: Economy, *, markups: Sequence[float] | np.ndarray | None = None
) -> NashTariffs:
    """Rates of a trade war of all against all (Lashkaripour 2021).

    Parameters
    ----------
    economy
        Without inputs: all purchases are final (``economy.without_inputs()``).
    markups : (sector,)
        Price over cost, from 1; profits stay in the selling region. By default 1:
        perfect competition, and a region has one rate (Proposition 2). With markups
        it has one for each sector (Proposition 4).

    Returns
    -------
    NashTariffs
        Imbalances are removed first, at the tariffs that are.

    Raises
    ------
    TivaxError
        For an economy with inputs, a region that exports nothing, markups that do not
        fit, and rates that are not found.

    Notes
    -----
    The formula is close to a best response and not exactly one.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> war = tx.nash_tariffs(economy.without_inputs())
    >>> bool((war.rates > 0).all(axis=None))
    True
    """
    require_kind("economy", economy, Economy, "a tx.Economy")
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
    bought = np.where(away, flows, 0)
    regions = pd.Index(economy.regions, name="region")
    changes = {
        "tariff": (bought * tariff).sum(axis=(1, 2)) / bought.sum(axis=(1, 2)),
        "real_income": np.asarray(found.real_income),
        "wage": np.expm1(np.asarray(found.log_wages)),
    }
    return NashTariffs(
        economy,
        pd.DataFrame(rates, regions, [*economy.sectors]),
        100 * pd.DataFrame(changes, regions),
        max(float(before.size), float(found.size)),
        float(found.dropped),
    )


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
        return np.ones(count)
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
    size = float(found.size)
    if not size <= _SOLVED:
        raise TivaxError(
            f"{economy.name}: {what} does not converge: an equation misses by "
            f"{size:.1e}"
        )
