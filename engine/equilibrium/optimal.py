"""The tariff that is best for a region, others' as they are: ``tx.optimal_tariff``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float
from scipy.optimize import minimize

from ...kernels.equilibrium import one_sector, wages
from ..core import (
    Listing,
    NotFound,
    Printable,
    TivaxError,
    in_float64,
    require_choice,
    require_kind,
    require_whole,
    suggest,
)
from . import supply as supply_side
from .economy import Economy
from .gradient import slope_at
from .solving import Deficits, new_deficits, solve_new, solve_old
from .supply import Supply

Over = Literal["exporters", "sectors", "uniform"]
# Subsidies too: without them a best rate below zero would look like a corner.
_LOWEST, _HIGHEST = -0.5, 3.0
_FLAT = 1e-7  # of the scaled gradient of relative welfare

# Relative welfare at new tariffs (r, r, s), and its derivative by each of them.
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False, repr=False)
class OptimalTariff(Printable):
    """The best tariff of a region on its imports.

    Attributes
    ----------
    economy, region, over
        Arguments of the call.
    rates
        Rates by exporter or sector, or one number under ``all``; 0.2 is 20 %.
    average
        The rates weighted by old imports.
    tariff : (importer, exporter, sector)
        All tariffs with these.
    welfare
        Change of the region's welfare with them, in per cent.
    gradient
        The largest derivative of relative welfare by log(1 + rate) times the root of
        the share in imports: near 0 at an optimum that is not a corner.
    corners
        Labels whose rate ended at -50 or 300 %, where the search ends.
    evaluations
        Equilibria that were solved.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> best = tx.optimal_tariff(economy, "R01", over="exporters")
    >>> list(best.rates.index)
    ['R02', 'ROW']
    """

    economy: Economy
    region: str
    over: Over
    rates: pd.Series
    average: float
    tariff: np.ndarray
    welfare: float
    gradient: float
    corners: Sequence[str]
    evaluations: int

    def _listings(self) -> Sequence[Listing]:
        rows = [(str(k), f"{100 * v:.2f}") for k, v in self.rates.head(60).items()]
        notes = [
            f"welfare {self.welfare:+.4f} per cent, {100 * self.average:.2f} per cent "
            f"on average; gradient {self.gradient:.1e} after {self.evaluations} "
            "equilibria"
        ]
        if self.corners:
            notes.append(f"at a bound: {', '.join(self.corners)}")
        title = f"Best tariff of {self.region}, per cent"
        return [Listing(title, ("", "rate"), rows, notes)]


@in_float64
def optimal_tariff(
    economy: Economy,
    region: str,
    *,
    over: Over = "exporters",
    supply: Supply | None = None,
    deficits: Deficits = "zero",
    start: float = 0.2,
    most: int = 100,
) -> OptimalTariff:
    """The tariff of a region on its imports that is best for its welfare.

    Parameters
    ----------
    economy
        Other regions keep ``economy.tariff_new``.
    region
        Whose tariff and welfare: real income, or that of ``supply``.
    over
        A rate for each exporter, for each sector, or one for all.
    supply, deficits
        As in :func:`exact_hat`.
    start
        The rate to start from.
    most
        Equilibria to solve at most.

    Returns
    -------
    OptimalTariff
        A local optimum, with its gradient.

    Raises
    ------
    TivaxError
        For a region that the economy lacks or that imports nothing, and what
        ``exact_hat`` raises.

    Notes
    -----
    L-BFGS with the derivative of the implicit function theorem. The Hessian is nearly
    diagonal and proportional to shares in imports, which span orders of magnitude: the
    variables are log(1 + rate) times the root of the share.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> best = tx.optimal_tariff(economy, "R01", over="uniform")
    >>> bool(best.gradient < 1e-6)
    True
    """
    require_kind("economy", economy, Economy, "a tx.Economy")
    require_kind("region", region, str, "a label")
    require_choice("over", over, ("exporters", "sectors", "uniform"))
    require_choice("deficits", deficits, get_args(Deficits))
    require_kind("supply", supply, Supply | None, "a tx.Supply or None")
    require_kind("start", start, float | int, "a rate")
    require_whole("most", most, 1)
    if not _LOWEST < start < _HIGHEST:
        raise TivaxError(f"start = {start}: give a rate from {_LOWEST} to {_HIGHEST}")
    if region not in economy.regions:
        raise NotFound(
            f"{economy.name} has no region {region}; {suggest(region, economy.regions)}"
        )
    k = economy.regions.index(region)
    bought = economy.trade[k].copy()
    bought[k] = 0
    labels, groups = _groups(economy, over)
    if not bought.sum() > 0:
        raise TivaxError(f"{economy.name}: {region} imports nothing")
    shares = np.bincount(groups.ravel(), bought.ravel(), len(labels)) / bought.sum()
    chosen = np.flatnonzero(shares > 0)
    roots = np.sqrt(shares[chosen])
    welfare = _objective(economy, k, supply, deficits)

    def rates_of(z: np.ndarray) -> np.ndarray:
        rates = np.full(len(labels), np.nan)
        rates[chosen] = np.expm1(z / roots)
        return rates

    def with_rates(z: np.ndarray) -> np.ndarray:
        tariff = economy.tariff_new.copy()
        rates = rates_of(z)[groups]
        away = np.arange(len(economy.regions))[:, None] != k
        tariff[k] = np.where(away & np.isfinite(rates), rates, tariff[k])
        return tariff

    def loss(z: np.ndarray) -> tuple[float, np.ndarray]:
        tariff = with_rates(z)
        value, slope = welfare(tariff)
        by_cell = slope[k] * (1 + tariff[k])
        by_cell[k] = 0
        by_group = np.bincount(groups.ravel(), by_cell.ravel(), len(labels))
        return -value, -by_group[chosen] / roots

    ends = np.log1p([_LOWEST, _HIGHEST])
    found = minimize(
        loss,
        np.log1p(start) * roots,
        jac=True,
        method="L-BFGS-B",
        bounds=[(ends[0] * root, ends[1] * root) for root in roots],
        options={"maxfun": most, "ftol": 0.0, "gtol": _FLAT, "maxcor": 30},
    )
    rates = rates_of(found.x)
    at_end = np.isclose(found.x / roots, ends[0]) | np.isclose(found.x / roots, ends[1])
    inside = np.abs(found.jac[~at_end])
    return OptimalTariff(
        economy,
        region,
        over,
        pd.Series(rates, labels).drop([labels[n] for n in np.flatnonzero(shares == 0)]),
        float(shares[chosen] @ rates[chosen]),
        with_rates(found.x),
        float(-100 * found.fun),
        float(inside.max()) if inside.size else 0.0,
        [labels[int(n)] for n in chosen[at_end]],
        int(found.nfev),
    )


def _groups(economy: Economy, over: Over) -> tuple[list[str], np.ndarray]:
    """Labels of rates, and the rate of each (exporter, sector)."""
    r, s = len(economy.regions), len(economy.sectors)
    exporter, sector = np.indices((r, s))
    if over == "exporters":
        return [*economy.regions], exporter
    if over == "sectors":
        return [*economy.sectors], sector
    return ["all"], 0 * exporter


def _objective(
    economy: Economy, k: int, supply: Supply | None, deficits: Deficits
) -> Objective:
    if supply is None:
        return _of_wages(economy, k, deficits)
    block = supply_side.old_block(economy, supply, deficits)
    transfer = block.transfer if deficits == "kept" else 0 * block.transfer
    name = "welfare" if supply.welfare == "utility" else "welfare_printed"
    place = jnp.asarray(k)

    def value(tariff: np.ndarray) -> tuple[float, np.ndarray]:
        shock = tariff[None]
        change = supply_side.block_changes(block, shock, np.ones_like(shock), transfer)
        found = supply_side.solve_blocks(economy, block, change)
        one, at = (jax.tree.map(lambda a: a[0], t) for t in (change, found))
        welfare, slope = _block_slope(block, one, at, place, measure=name)
        return float(welfare), np.asarray(slope)[:, :, None]

    return value


@partial(jax.jit, static_argnames="measure")
def _block_slope(
    block: one_sector.Block,
    change: one_sector.OneSectorChange,
    at: one_sector.OneSectorState,
    place: Array,
    *,
    measure: str,
) -> tuple[Array, Float[Array, "r r"]]:
    def value(tariff: Float[Array, "r r"]) -> Array:
        moved = change._replace(tariff=tariff)
        new = one_sector.differentiable(block, moved, at)
        return getattr(one_sector.outcome(block, new), measure)[place]

    return jax.value_and_grad(value)(change.tariff)


def _of_wages(economy: Economy, k: int, deficits: Deficits) -> Objective:
    old = solve_old(economy, deficits)
    closed, place = new_deficits(old, deficits), jnp.asarray(k)

    def value(tariff: np.ndarray) -> tuple[float, np.ndarray]:
        new = solve_new(economy, old, tariff, deficits)
        at = wages.Position(
            new.log_wages, new.log_prices, new.spending, 0 * old.deficit
        )
        welfare, slope = slope_at(
            jnp.asarray(tariff), old, at, closed, place, measure="real_income"
        )
        return float(welfare), np.asarray(slope)

    return value
