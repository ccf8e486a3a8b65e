"""Labour supply, scale, services and entry in an economy of one sector: ``Supply``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.equilibrium import one_sector, wages
from ..core import TivaxError, in_float64, require_choice, show
from .economy import Economy
from .solving import ALONE, SHARES, Deficits, Old, solve_old

Utility = Literal["utility", "printed"]
MEASURES = (
    "welfare",
    "employment",
    "realwage",
    "deficit",
    "exports_gdp",
    "imports_gdp",
    "revenue",
)
"""Measures of a counterfactual with a block of supply, in per cent."""
FIELDS = (*MEASURES, "real_income", "price_index", "wage")
# Of a parameter: its dimensions at most, its range, and that in words.
_RANGES = {
    "labour": (0, lambda k: k >= 0, "a number from 0"),
    "scale": (0, lambda k: k >= 0, "a number from 0"),
    "services": (1, lambda k: (k >= 0) & (k < 1), "shares from 0 to below 1"),
    "pass_through": (1, lambda k: k > 0, "numbers above 0"),
}
# Rounding of thousands of sums; what is worse goes on to a message.
_SOLVED = wages.CLEARING


@dataclass(frozen=True, eq=False)
class Supply:
    """Responses of labour, firms and services, in an economy of one sector.

    The defaults are Caliendo and Parro's model: labour given, no returns to scale, all
    of a purchase for its producer, tariffs passed through in full.

    Attributes
    ----------
    labour
        Elasticity of labour supply with respect to real wages after tax.
    scale
        External economies: unit cost falls by so many per cent for 1 % more of the
        bundle of labour and inputs.
    services
        Share of purchases, net of tariffs, that workers of the buyer get for
        distribution; one number, or one for each region.
    pass_through
        Elasticity of consumer prices with respect to tariffs, above 1 where firms are
        selected; other than 1 it goes with entry, paid in labour of the buyer. One
        number, or one for each region.
    tax_relief
        Tariff revenue replaces a tax on labour income; else it is a lump sum.
    welfare
        ``utility``: from C - L^(1 + 1/k) / (1 + 1/k), k the elasticity of labour
        supply. ``printed``: the formula of Ignatenko and others (2025), which leaves
        the net-of-tax factor out of the disutility of work.

    Raises
    ------
    TivaxError
        For a number out of its range.

    Examples
    --------
    >>> tx.Supply(labour=0.5, scale=0.17, tax_relief=True).labour
    0.5
    """

    labour: float = 0.0
    scale: float = 0.0
    services: float | Sequence[float] | np.ndarray = 0.0
    pass_through: float | Sequence[float] | np.ndarray = 1.0
    tax_relief: bool = False
    welfare: Utility = "utility"

    def __post_init__(self) -> None:
        require_choice("welfare", self.welfare, ("utility", "printed"))
        for name, (most, fits, wanted) in _RANGES.items():
            try:
                values = np.asarray(getattr(self, name), dtype=np.float64)
            except (TypeError, ValueError):
                values = np.array(np.nan)
            if values.ndim > most or not (np.isfinite(values) & fits(values)).all():
                raise TivaxError(f"{name} = {show(getattr(self, name))}: give {wanted}")

    @property
    def measure(self) -> str:
        """The field of ``one_sector.Outcome`` that welfare is."""
        return "welfare" if self.welfare == "utility" else "welfare_printed"

    @in_float64
    def solve(
        self,
        economy: Economy,
        tariff: Float[np.ndarray, "r r"],
        gifts: Float[np.ndarray, " r"] | float = 0.0,
    ) -> "Solved":
        """The old and a new equilibrium, of an economy of one sector.

        ``tariff`` (importer, exporter) are new rates; ``gifts`` are what regions get
        beside the old transfers, in the unit of the economy. Where they do not add to
        zero the market of the last region does not clear. Raises ``TivaxError`` for an
        equilibrium that is not found.

        Examples
        --------
        >>> economy = tx.Economy.synthetic(regions=3, sectors=1)
        >>> found = tx.Supply(labour=0.5).solve(economy, economy.tariff[:, :, 0])
        >>> bool(abs(found.outcome.employment).max() < 1e-10)
        True
        """
        block = block_of(economy, self)
        paid = (economy.trade * (1 + economy.tariff)).sum()
        unit = paid / np.asarray(block.spending).sum()
        given = np.broadcast_to(gifts, tariff.shape[:1]) / unit
        shock = tariff[None, :, :, None]
        transfer = block.transfer + jax.device_put(given)
        change = block_changes(block, shock, np.ones_like(shock), transfer)
        found = solve_blocks(economy, block, change)
        several = found, outcomes(block, found)
        new, outcome = jax.tree.map(lambda a: np.asarray(a)[0], several)
        return Solved(jax.tree.map(np.asarray, block), new, outcome, float(unit))

    def record(self) -> dict[str, object]:
        """Settings for a manifest."""
        by_region = {
            name: np.asarray(getattr(self, name), float).tolist()
            for name in ("services", "pass_through")
        }
        return vars(self) | by_region


class Solved(NamedTuple):
    """Two equilibria and the changes between them; money of both is in units of the old
    world's value added, which is ``unit`` in that of the economy."""

    old: one_sector.OneSector
    new: one_sector.OneSectorState
    outcome: one_sector.Outcome
    unit: float


def block_of(economy: Economy, supply: Supply) -> one_sector.OneSector:
    """The old equilibrium as the data have it; transfers close its accounts.

    Raises ``TivaxError`` for an economy of several sectors, and for numbers by region
    that are not one for each.
    """
    if economy.markup is not None:
        raise TivaxError(f"{economy.name}: has markups; leave supply out")
    if len(economy.sectors) != 1:
        raise TivaxError(
            f"{economy.name}: a block of supply takes one sector, not "
            f"{len(economy.sectors)}; leave supply out, or aggregate"
        )
    nu, phi = (
        _by_region(economy, name, getattr(supply, name))
        for name in ("services", "pass_through")
    )
    trade, tariff = economy.trade[:, :, 0], economy.tariff[:, :, 0]
    paid, spent = trade.sum(axis=1), (trade * (1 + tariff)).sum(axis=1)
    sales = (1 - nu) @ trade
    inputs = economy.intermediate[:, 0, 0]
    made = sales > 0
    beta = 1 - np.where(made, inputs, 0) / np.where(made, sales, 1)
    income = beta * sales + nu * paid
    transfer = paid - income - (1 - beta) * sales
    world = income.sum()
    consumed = spent - (1 - beta) * sales
    for what, values in (("labour income", income), ("consumption", consumed)):
        if not (values > 0).all():
            region = economy.regions[int(np.argmin(values > 0))]
            raise TivaxError(
                f"{economy.name}: {what} of {region} is not positive with these "
                "services and inputs"
            )
    put = jax.device_put
    return one_sector.OneSector(
        shares=put(trade * (1 + tariff) / spent[:, None]),
        tariff=put(np.array(tariff)),
        value_added=put(beta),
        services=put(nu),
        pass_through=put(phi),
        theta=put(np.float64(economy.theta[0])),
        scale=put(np.float64(supply.scale)),
        labour=put(np.float64(supply.labour)),
        relief=put(np.float64(supply.tax_relief)),
        spending=put(spent / world),
        income=put(income / world),
        transfer=put((transfer - transfer.sum() * income / world) / world),
    )


def _by_region(economy: Economy, name: str, values: object) -> np.ndarray:
    array, r = np.asarray(values, dtype=np.float64), len(economy.regions)
    if array.ndim and len(array) != r:
        raise TivaxError(
            f"{name} has {len(array)} numbers; {economy.name} has {r} regions"
        )
    return np.broadcast_to(array, (r,)).copy()


@in_float64
def old_equilibrium(
    economy: Economy, supply: Supply | None, deficits: Deficits
) -> Old | one_sector.OneSector:
    """The old equilibrium, with deficits (of a block of supply, transfers) or without.

    Raises ``TivaxError`` for deficits that are shares of income with a block of supply.
    """
    if supply is None:
        return solve_old(economy, deficits)
    if deficits in SHARES:
        raise TivaxError(f'deficits = "{deficits}" is for economies without supply')
    block = block_of(economy, supply)
    if deficits != "zero":
        return block
    none = one_sector.unchanged(block)._replace(transfer=0 * block.transfer)
    still = block._replace(relief=0 * block.relief)
    several = jax.tree.map(lambda a: a[None], none)
    found = solve_blocks(economy, still, several, ["the old equilibrium"])
    return _rebased(block, jax.tree.map(lambda a: a[0], found))


@jax.jit
def _rebased(
    block: one_sector.OneSector, new: one_sector.OneSectorState
) -> one_sector.OneSector:
    spent = jnp.exp(new.log_spending) * block.spending
    return block._replace(
        shares=new.trade * (1 + block.tariff) / spent[:, None],
        spending=spent,
        income=new.income,
        transfer=jnp.zeros_like(block.transfer),
    )


def block_changes(
    block: one_sector.OneSector,
    tariff: Float[np.ndarray, "b r r 1"],
    costs: Float[np.ndarray, "b r r 1"],
    transfer: Float[Array, " r"],
) -> one_sector.OneSectorChange:
    """Changes of several scenarios: new tariffs, factors of trade costs."""
    b, r = tariff.shape[:2]
    return one_sector.OneSectorChange(
        jax.device_put(np.ascontiguousarray(tariff[..., 0])),
        jax.device_put(np.log(costs[..., 0])),
        jnp.broadcast_to(transfer, (b, r)),
        jax.device_put(np.full(b, r - 1)),
    )


def solve_blocks(
    economy: Economy,
    block: one_sector.OneSector,
    changes: one_sector.OneSectorChange,
    names: Sequence[str] = (ALONE,),
) -> one_sector.OneSectorState:
    """Equilibria of several scenarios; ``TivaxError`` for one that is not found.

    The caller must check that the dropped market clears.
    """
    found = _solve_several(block, changes)
    size = np.asarray(found.size)
    for k in np.flatnonzero(~(size <= _SOLVED))[:1]:
        raise TivaxError(
            f"{economy.name}: {names[int(k)]} does not converge: an equation misses by "
            f"{size[k]:.1e}; take a smaller change"
        )
    return found


@jax.jit
def _solve_several(
    block: one_sector.OneSector, changes: one_sector.OneSectorChange
) -> one_sector.OneSectorState:
    return jax.lax.map(lambda change: one_sector.solve(block, change), changes)


def solve_block(
    economy: Economy,
    block: one_sector.OneSector,
    changes: one_sector.OneSectorChange,
    start: Float[Array, "4 r"] | None = None,
) -> one_sector.OneSectorState:
    """The equilibrium of the one scenario of ``changes``, from ``start`` if that leads
    to it."""
    if start is not None:
        near = _solve_from(block, jax.tree.map(lambda a: a[0], changes), start)
        if float(near.size) <= _SOLVED:
            return near
    return jax.tree.map(lambda a: a[0], solve_blocks(economy, block, changes))


_solve_from = jax.jit(one_sector.solve)


@jax.jit
def outcomes(
    block: one_sector.OneSector, found: one_sector.OneSectorState
) -> one_sector.Outcome:
    """Outcomes of several equilibria for regions."""
    return jax.vmap(lambda new: one_sector.outcome(block, new))(found)


def fields_of(outcome: one_sector.Outcome, supply: Supply) -> Sequence[Array]:
    """The changes of ``FIELDS``, welfare by the formula that was asked for."""
    names = (supply.measure, *FIELDS[1:])
    return [getattr(outcome, name) for name in names]


def new_transfer(block: one_sector.OneSector, deficits: Deficits) -> Float[Array, " r"]:
    """Transfers of the new equilibrium."""
    return block.transfer if deficits == "kept" else 0 * block.transfer
