"""A synthetic world of any size, its flows made region by region when they are read.

The economy is that of ``engine.tables.synthetic``, but output is chosen in a world
whose imports are proportional, for which the preconditioner of ``import_share`` is
exact: nothing n x n is needed. Noise then goes over the imported cells, seller by
seller, and output becomes what is sold: Z 1 + Y 1 = x holds to rounding, and column
sums of A move by a few per cent. Another world than ``synthetic_world`` of the same
seed.
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels.import_share import apply_inverse, from_imports
from ...kernels.refinement import correction, sizes
from ..core import Progress, TivaxError, in_float64, no_progress
from ..tables import Tolerance, WorldShape, WorldTables
from ..tables.synthetic import (
    CATEGORIES,
    CELL_NOISE,
    Structure,
    budgets,
    buying,
    draw_structure,
    unit_demand,
)
from ..tables.world_table import LazyYears

_ACCURACY = 1e-6  # of the output that noise then moves by per cents


@in_float64
def large_world(
    shape: WorldShape, seed: int = 0, *, progress: Progress = no_progress
) -> WorldTables:
    """Balanced world tables whose Z is made when it is read, the same every time.

    ``progress`` counts selling regions, of all years. Raises ``TivaxError`` where noise
    leaves an industry without value added: choose another seed.
    """
    c, s, t = shape.regions, shape.sectors, shape.years
    n, first = c * s, np.zeros((0,))
    world = draw_structure(seed, regions=c, sectors=s, years=t, cells=False)
    stocks = np.random.default_rng([seed, c]).standard_normal((t, c, s, c))
    recipes, splits, Y = [], [], np.empty((t, n, c, len(CATEGORIES)))
    for k in range(t):
        recipe, split, Y[k] = _year(world, jnp.asarray(k), jnp.asarray(stocks[k]))
        recipes.append(recipe)
        splits.append(split)
    Z = _RegionYears(recipes, splits, seed)
    x, inputs = np.empty((t, n)), np.zeros((t, n))
    for k in range(t):
        for r, rows in enumerate(Z.slabs(k, s)):
            at = slice(r * s, (r + 1) * s)
            x[k, at] = rows.sum(axis=1) + Y[k, at].sum(axis=(1, 2))
            inputs[k] += rows.sum(axis=0)
            progress(k * c + r + 1, t * c)
    if (first := np.flatnonzero((inputs >= x) & (x > 0))).size:
        raise TivaxError(
            f"synthetic world {shape}: {first.size} industries have no value added; "
            "choose another seed"
        )
    tax = 0.02 + 0.04 * np.random.default_rng(seed).random(n)
    return WorldTables(
        Z=Z,
        Y=Y,
        x=x,
        regions=shape.region_codes,
        sectors=shape.sector_codes,
        years=range(shape.first_year, shape.first_year + t),
        value_added=(x - inputs) * (1 - tax),
        categories=CATEGORIES,
        tolerance=Tolerance(absolute=1e-6, relative=1e-12),
        source=f"large synthetic world (seed {seed})",
    )


class _RegionYears(LazyYears):
    """Z of years from flows per cell without noise and the shares of sellers."""

    def __init__(
        self,
        recipes: list[Float[Array, "c s s"]],
        splits: list[Float[Array, "c s c"]],
        seed: int,
    ) -> None:
        c, s, _ = recipes[0].shape
        self.shape = (len(recipes), c * s, c * s)
        self._recipes, self._splits, self._seed = recipes, splits, seed

    def slabs(self, k: int, rows: int) -> Iterator[np.ndarray]:
        """Made as they are asked for."""
        c, s, _ = self._recipes[k].shape
        each = max(1, rows // s)
        for first in range(0, c, each):
            made = [self._sold(k, r) for r in range(first, min(first + each, c))]
            yield np.concatenate(made)

    def _sold(self, k: int, r: int) -> np.ndarray:
        """The rows of region ``r``."""
        c, s, _ = self._recipes[k].shape
        noise = np.random.default_rng([self._seed, c, r])
        drawn = noise.standard_normal((s, c, s), dtype=np.float32)
        with jax.enable_x64(True):
            sold = _region(
                jnp.asarray(drawn), jnp.asarray(r), self._splits[k][r], self._recipes[k]
            )
        return np.asarray(sold).reshape(s, c * s)

    def _put(self, k: int, into: np.ndarray) -> None:
        s = self._recipes[k].shape[1]
        for r, rows in enumerate(self.slabs(k, s)):
            into[r * s : (r + 1) * s] = rows


@jax.jit
def _region(
    noise: Float[Array, "s c s"],
    r: Int[Array, ""],
    split: Float[Array, "s c"],
    recipe: Float[Array, "c s s"],
) -> Float[Array, "s c s"]:
    """Sales of region r: lognormal noise of mean 1 over proportional exports."""
    factor = jnp.exp(jnp.float32(CELL_NOISE) * noise - jnp.float32(CELL_NOISE**2 / 2))
    abroad = jnp.arange(len(recipe)) != r
    factor = jnp.where(abroad[None, :, None], factor, 1).astype(split.dtype)
    return split[:, :, None] * jnp.swapaxes(recipe, 0, 1) * factor


@jax.jit
def _year(
    world: Structure, k: Int[Array, ""], draws: Float[Array, "c s c"]
) -> tuple[Float[Array, "c s s"], Float[Array, "c s c"], Float[Array, "n c f"]]:
    """Flows [d, i, j] whoever sells them, shares of the sellers [r, i, d] and final
    demand of year k, imports being proportional."""
    c, s = world.input_share.shape
    imported, split = buying(world, k)
    seller = split(imported)  # [r, i, d]
    inputs = (world.input_share * world.active)[:, None, :]  # [d, 1, j]
    anyone = seller.sum(axis=0).T[:, :, None]  # [d, i, 1]
    bought = (world.recipe * anyone).sum(axis=1, keepdims=True)
    recipe = world.recipe * (inputs / jnp.where(bought > 0, bought, 1))
    unit = unit_demand(world, imported, split, draws)
    X = _output(recipe, seller, unit.sum(axis=2))
    v = (world.active * (1 - world.input_share)).reshape(-1)
    budget = budgets(world, k, v, X)
    output = (X @ budget).reshape(c, 1, s)
    return recipe * output, seller, unit * budget[None, :, None]


def _output(
    recipe: Float[Array, "c s s"], seller: Float[Array, "c s c"], Y: Float[Array, "n c"]
) -> Float[Array, "n c"]:
    """B Y where A[(r, i), (d, j)] = seller[r, i, d] recipe[d, i, j]."""
    c, s, _ = recipe.shape
    low = jnp.float32
    place = jnp.arange(c)
    at_home = seller[place, :, place]  # [d, i]
    D = (at_home[:, :, None] * recipe).astype(low)
    abroad = jnp.where(jnp.eye(c, dtype=bool)[:, None, :], 0, seller)
    imported = (abroad.sum(axis=0).T[:, :, None] * recipe).astype(low)
    abroad = abroad.astype(low)
    P = from_imports(D, imported, abroad)
    from_seller = jnp.swapaxes(abroad, 0, 1)  # [i, r, d]

    def times(z: Float[Array, "n k"]) -> Float[Array, "n k"]:
        used = recipe.astype(low) @ z.reshape(c, s, -1)  # [d, i, k]
        sold = jnp.swapaxes(from_seller @ jnp.swapaxes(used, 0, 1), 0, 1)
        return (D @ z.reshape(c, s, -1) + sold).reshape(z.shape)

    size = sizes(Y)
    goal = jnp.full(c, _ACCURACY, low)
    with jax.default_matmul_precision("highest"):
        r = (Y / size[None, :]).astype(low)
        X, _ = correction(times, partial(apply_inverse, P), r, goal)
    return size[None, :] * X.astype(Y.dtype)
