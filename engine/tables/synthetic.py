"""A synthetic world: balanced tables of any size, made from a seed in seconds.

It looks like a real world table where that matters to a solver or to a first-time
user: few large regions and many small ones, dense domestic blocks, 29 % of input
coefficients imported, imports nearly proportional over using industries, industries
without output, negative inventories, trade imbalances, growth, a trade collapse in
one year. Nothing in it is data, and no region stands for a country.

How a year is made. Technologies (input i per unit of industry j in region d) are
split into home and imports by import propensities, and the imports over sellers by
gravity: seller's size, its advantage in the good, distance. That gives A. Final
demand has the same form, with a budget y_d for each region. Budgets follow income:
y_d = (1 + deficit_d) * income_d, where income is the value added that all budgets
buy. Income is linear in budgets, so y is the Perron vector of a small matrix, found
from one solve (I - A)^-1 Y with unit budgets. Output is what is sold: Z 1 + Y 1 = x
holds to rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ...kernels import import_share
from ..core import (
    Progress,
    TivaxError,
    aligned_empty,
    in_float64,
    no_progress,
    report,
    require_kind,
    require_whole,
)
from .checks import WORST_RESIDUAL
from .world_table import Tolerance
from .world_tables import WorldTables

CATEGORIES = ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN")
# Shares of the categories in final demand; inventories come on top, around zero.
_CATEGORY_SHARE = (0.58, 0.02, 0.18, 0.22)
FOREIGN_SHARE = 0.29
CELL_NOISE = 0.3  # lognormal, of imports around proportionality
_WORLD_INCOME = 60e6  # million US$ in the first year


@dataclass(frozen=True)
class WorldShape:
    """Size of a synthetic world, and its first year.

    Examples
    --------
    >>> from tivax.engine.tables import WorldShape
    >>> WorldShape(regions=3, sectors=4, years=2)
    WorldShape(regions=3, sectors=4, years=2, first_year=2000)
    """

    regions: int = 44
    sectors: int = 56
    years: int = 15
    first_year: int = 2000

    def __post_init__(self) -> None:
        for name in ("regions", "sectors", "years", "first_year"):
            value = getattr(self, name)
            require_kind(name, value, int | np.integer, "a whole number")
        if min(self.regions, self.sectors, self.years) < 1:
            raise TivaxError(
                "a synthetic world needs at least one region, one sector and one year"
            )

    @property
    def region_codes(self) -> tuple[str, ...]:
        """R01, R02, ... and ROW last."""
        width = len(str(self.regions - 1))
        own = (f"R{r + 1:0{max(width, 2)}d}" for r in range(self.regions - 1))
        return (*own, "ROW")

    @property
    def sector_codes(self) -> tuple[str, ...]:
        width = max(len(str(self.sectors)), 2)
        return tuple(f"S{i + 1:0{width}d}" for i in range(self.sectors))


class Structure(NamedTuple):
    """Parameters that are the same in all years. c regions, s sectors."""

    growth: Float[Array, " c"]
    recipe: Float[Array, "c s s"]  # input i per unit of industry j in region d
    input_share: Float[Array, "c s"]  # inputs per unit of output
    propensity: Float[Array, "c s"]  # log-odds that input i of region d is imported
    pull: Float[Array, "c c s"]  # how much of good i region d buys from r, unscaled
    noise: Float[Array, "c s c s"]  # of imports around proportionality
    taste: Float[Array, "c s f"]  # final demand by good and category
    deficit: Float[Array, "t c"]
    openness: Float[Array, " t"]
    active: Float[Array, "c s"]  # 0 where an industry has no output


class SyntheticYear(NamedTuple):
    """Intermediate flows, final demand and output of one synthetic year."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c f"]
    x: Float[Array, " n"]
    residual: Float[Array, ""]  # of the solve that set the budgets


@in_float64
def synthetic_world(
    shape: WorldShape | None = None,
    seed: int = 0,
    *,
    regions: int = 44,
    sectors: int = 56,
    years: int = 15,
    progress: Progress = no_progress,
) -> WorldTables:
    """Balanced world tables, the same for the same shape and seed.

    The shape, where it is given, stands for ``regions``, ``sectors`` and ``years``.
    Value added at basic prices is the residual less a tax of 2 to 6 %. Year k depends
    on the seed, the shape and k.

    Parameters
    ----------
    shape : WorldShape, optional
        In place of the three numbers.
    seed : int
        Seed of the random numbers.
    regions, sectors, years : int
        Size of the world.
    progress : callable, optional
        Called with the years that are done and their number.

    Returns
    -------
    WorldTables
        Flows in million US$ of fictitious regions.

    Examples
    --------
    >>> tx.synthetic_world(regions=3, sectors=4, years=2, seed=1)
    WorldTables: 3 regions x 4 sectors x 2 years
    years         2000 to 2001
    regions       R01, R02, ROW
    sectors       S01, S02, S03, S04
    final demand  CONS_h, CONS_np, CONS_g, GFCF, INVEN
    value added   reported
    unit          million US$
    source        synthetic world (seed 1)
    """
    shape = WorldShape(regions, sectors, years) if shape is None else shape
    require_kind("shape", shape, WorldShape, "a WorldShape, or regions=, sectors=")
    require_whole("seed", seed, 0)
    c, s, t = shape.regions, shape.sectors, shape.years
    n, f = c * s, len(CATEGORIES)
    key = jax.random.key(seed)
    structure = draw_structure(seed, regions=c, sectors=s, years=t)
    Z = aligned_empty((t, n, n))
    Y = np.empty((t, n, c, f))
    x = np.empty((t, n))
    report(progress, 0, t)
    for k in range(t):
        year = make_year(jax.random.fold_in(key, k), structure, jnp.asarray(k))
        if not float(year.residual) <= WORST_RESIDUAL:
            raise TivaxError(f"synthetic world {shape}: year {k} is not solved")
        Z[k], Y[k], x[k] = (np.asarray(part) for part in year[:3])
        progress(k + 1, t)
    tax = 0.02 + 0.04 * np.random.default_rng(seed).random(n)
    return WorldTables(
        Z=Z,
        Y=Y,
        x=x,
        regions=shape.region_codes,
        sectors=shape.sector_codes,
        years=range(shape.first_year, shape.first_year + t),
        value_added=(x - Z.sum(axis=1)) * (1 - tax),
        categories=CATEGORIES,
        tolerance=Tolerance(absolute=1e-6, relative=1e-12),
        source=f"synthetic world (seed {seed})",
    )


def draw_structure(
    seed: int, *, regions: int, sectors: int, years: int, cells: bool = True
) -> Structure:
    """Draw what all years share, with import propensities that give FOREIGN_SHARE.

    Without ``cells`` there is no noise of single cells (``noise`` is empty).

    By NumPy: these are small, and each kind of draw would take JAX half a second to
    compile.
    """
    c, s, t, f = regions, sectors, years, len(CATEGORIES)
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape)

    # The first third of the sectors makes goods, which travel; services rarely do.
    goods = (np.arange(s) < max(1, s // 3 + 1)).astype(float)
    log_size = 1.6 * normal(c)
    log_size[-1] = log_size.max() - 0.5  # the rest of the world

    recipe = np.exp(1.5 * normal(s, s) + 0.8 * normal(s)[:, None])
    recipe = recipe * (1 + 5 * np.eye(s)) * np.exp(0.5 * normal(c, s, s))
    recipe = recipe / recipe.sum(axis=1, keepdims=True)
    input_share = _logistic(-0.45 + 0.7 * goods + 0.35 * normal(s) + 0.2 * normal(c, s))

    # Idle industries: a few anywhere, many in the last sector (extra-territorial).
    idle = np.where(np.arange(s) == s - 1, 0.4, 0.02)
    active = (rng.random((c, s)) > idle).astype(float)
    if s < 3 or c < 2:
        active[:] = 1.0

    place = normal(c, 2)
    distance = np.linalg.norm(place[:, None] - place[None], axis=-1)
    pull = np.exp(
        0.95 * log_size[:, None, None]
        + normal(c, s)[:, None, :]
        - 0.8 * distance[:, :, None]
        + 0.3 * normal(c, c, s)
    )
    pull = pull * active[:, None, :] * (1 - np.eye(c))[:, :, None]

    small = -0.35 * (log_size - log_size.mean())  # small regions import more
    propensity = 2.2 * goods + small[:, None] + 0.5 * normal(c, s)
    weight = (recipe * input_share[:, None, :]).sum(axis=2)
    propensity = propensity + _offset_for(FOREIGN_SHARE, propensity, weight)

    taste = np.exp(0.8 * normal(1, s, f) + 0.4 * normal(c, s, f))
    taste = taste / taste.sum(axis=1, keepdims=True)

    shocks = 0.02 * normal(t, c)
    lasting, passing = 0.06 * normal(c), 0.03 * normal(c)
    deficit = np.empty((t, c))
    for k in range(t):
        passing = 0.8 * passing + shocks[k]
        deficit[k] = lasting + passing
    crisis = np.exp(-0.5 * ((np.arange(t) - 0.6 * t) / 0.8) ** 2)
    openness = 0.3 * (np.arange(t) / max(t - 1, 1) - 0.5) - 0.25 * crisis
    shape = (c, s, c, s) if cells else (0, s, c, s)
    noise = rng.standard_normal(shape, dtype=np.float32)
    fields = dict(
        growth=0.02 + 0.05 * _logistic(-log_size) + 0.01 * normal(c),
        recipe=recipe,
        input_share=input_share,
        propensity=propensity,
        pull=pull,
        noise=np.exp(np.float32(CELL_NOISE) * noise),
        taste=taste,
        deficit=np.clip(deficit, -0.2, 0.2),
        openness=openness,
        active=active,
    )
    return Structure(**jax.device_put(fields))


def _logistic(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _offset_for(share: float, propensity: np.ndarray, weight: np.ndarray) -> float:
    """The constant that makes the weighted mean of logistic(propensity + .) = share."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        below = np.average(_logistic(propensity + middle), weights=weight) < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


@jax.jit
def make_year(
    key: Key[Array, ""], world: Structure, k: Int[Array, ""]
) -> SyntheticYear:
    """One year of the synthetic world, balanced: Z 1 + Y 1 = x to rounding."""
    c, s = world.input_share.shape
    n = c * s
    home = jnp.eye(c)[:, None, :]  # [seller r, 1, user d]
    imported, split = buying(world, k)

    # One draw for both uses: each would take as long to compile.
    draws = jax.random.normal(key, (n * n + n * c,), jnp.float32)
    jitter = jnp.exp(0.05 * draws[: n * n].reshape(c, s, c, s))
    noise = jnp.where(home[..., None] > 0, 1.0, world.noise * jitter).astype(float)
    A = split(imported)[..., None] * jnp.swapaxes(world.recipe, 0, 1)[None] * noise
    bought = A.sum(axis=(0, 1), keepdims=True)  # [1, 1, d, j]
    inputs = (world.input_share * world.active)[None, None]
    A = (A * (inputs / jnp.where(bought > 0, bought, 1))).reshape(n, n)

    unit = unit_demand(world, imported, split, draws[n * n :].reshape(c, s, c))
    X, residual, _ = import_share.solve(A, unit.sum(axis=2), regions=c)
    v = world.active.reshape(n) * (1 - A.sum(axis=0))
    budget = budgets(world, k, v, X)

    Z = A * (X @ budget)[None, :]
    Y = unit * budget[None, :, None]
    return SyntheticYear(Z, Y, Z.sum(axis=1) + Y.sum(axis=(1, 2)), residual)


def buying(
    world: Structure, k: Int[Array, ""]
) -> tuple[Float[Array, "c s"], Callable[[Float[Array, "c s"]], Float[Array, "c s c"]]]:
    """Shares of inputs that are imported [d, i], and a function from such shares to
    those of the sellers r in what region d buys of good i: [r, i, d]."""
    c = len(world.growth)
    home = jnp.eye(c)[:, None, :]  # [seller r, 1, user d]
    imported = jax.nn.sigmoid(world.propensity + world.openness[k])  # [d, i]
    anyone_sells = world.pull.sum(axis=0) > 0  # [d, i]
    imported = jnp.where(world.active > 0, imported, 1.0) * anyone_sells.astype(float)
    pull = world.pull * jnp.exp(world.growth[:, None, None] * k)
    seller = pull / jnp.where(anyone_sells, pull.sum(axis=0), 1)[None]  # [r, d, i]
    seller = jnp.swapaxes(seller, 1, 2)  # [r, i, d]

    def split(imported: Float[Array, "c s"]) -> Float[Array, "c s c"]:
        at_home = world.active * (1 - imported)
        return home * at_home.T[None] + seller * imported.T[None]

    return imported, split


def unit_demand(
    world: Structure,
    imported: Float[Array, "c s"],
    split: Callable[[Float[Array, "c s"]], Float[Array, "c s c"]],
    draws: Float[Array, "c s c"],
) -> Float[Array, "n c f"]:
    """Final demand by category of a US$ that each region spends."""
    c, s = world.input_share.shape
    steady = world.taste[..., :-1] * jnp.asarray(_CATEGORY_SHARE)[None, None]
    # Households and governments import half as much of a good as industries do.
    final = jnp.where(world.active > 0, 0.5 * imported, imported)
    demand = (
        split(final)[..., None] * jnp.swapaxes(steady, 0, 1)[None]
    )  # [r, i, d, f-1]
    # Stocks: a few per cent of the other demand in the cell, up or down.
    swing = jnp.clip(draws, -3, 3).astype(float)
    stocks = 0.02 * demand.sum(axis=-1) * swing
    unit = jnp.concatenate([demand, stocks[..., None]], axis=-1)
    unit = unit / unit.sum(axis=(0, 1, 3))[None, None, :, None]
    return unit.reshape(c * s, c, -1)


def budgets(
    world: Structure, k: Int[Array, ""], v: Float[Array, " n"], X: Float[Array, "n c"]
) -> Float[Array, " c"]:
    """Spending of each region in year k: its income, deficit added.

    X is the output that a US$ of each region's final demand requires.
    """
    c, s = world.input_share.shape
    income = (v[:, None] * X).reshape(c, s, c).sum(axis=1)  # of r per budget of d
    spend = (1 + world.deficit[k])[:, None] * income
    budget = jax.lax.fori_loop(
        0, 300, lambda _, y: (spend @ y) / jnp.sum(spend @ y), jnp.full(c, 1 / c)
    )
    return budget * _WORLD_INCOME * jnp.exp(0.055 * k)
