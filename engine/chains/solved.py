"""A year's exposure of a buyer to a supplier, solved: arrays without labels."""

from collections.abc import Generator, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import exposure
from ...kernels.inverted_table import invert_table
from ...kernels.perimeters import Perimeters
from ...kernels.solve import Method
from ..core import Progress
from ..measures import Account, ValueAdded, compute_years
from ..tables import WorldTables
from .sides import BuyerAndSupplier

ROUNDS = 5
"""Rounds of production that are told apart: 0 is the product itself, 1 its inputs."""


class ChainYear(NamedTuple):
    """One year; c perimeters, s sectors (rows are suppliers), t cuts.

    ``face`` and ``hidden`` are what the buyer's final sales take of each supplying
    industry, (I + A) f and A A B f; ``by_buyer`` has for each buying industry the same
    of the supplier, and what it takes of everyone. ``rounds`` are
    those of the supplier's part. ``pairs`` are all perimeters, buyers in rows.
    ``imports``, ``exports`` and ``output`` are the buyer's, by product and seller.
    ``third`` is the supplier's value added in the buyer's imports, by seller and chain.
    ``lost`` is value added by perimeter after a cut, ``at_once`` what deliveries of the
    supplier hold of it, ``demand`` what final sales hold: all of v B f.
    """

    face: Float[Array, "c s"]
    hidden: Float[Array, "c s"]
    by_buyer: Float[Array, "s k"]
    demand: Float[Array, ""]
    rounds: Float[Array, " r"]
    length: Float[Array, ""]
    pairs: Float[Array, "c c"]
    imports: Float[Array, "c s"]
    exports: Float[Array, " s"]
    output: Float[Array, " s"]
    third: exposure.ThirdCountries
    lost: Float[Array, "t c"]
    at_once: Float[Array, ""]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]

    @property
    def through(self) -> Float[Array, "c s"]:
        """Look-through, B f."""
        return self.face + self.hidden


def solve_years(
    tables: WorldTables,
    sides: BuyerAndSupplier,
    cuts: Sequence[float],
    value_added: ValueAdded,
    progress: Progress,
) -> Generator[tuple[int, ChainYear], None, None]:
    """The years, each with its exposure."""
    borders = sides.borders
    member = borders.member

    def final_demand(tables: WorldTables, years: slice) -> Float[np.ndarray, "t n c"]:
        return tables.final_demand(years) @ member

    constants = (
        member,
        sides.buying,
        sides.industries(sides.supplier),
        sides.of_perimeter(sides.buyer),
        sides.of_perimeter(sides.supplier),
        np.asarray(cuts, float),
    )
    with jax.enable_x64(True):
        chunks = compute_years(
            _one_year,
            tables,
            Account(value_added),
            progress,
            program="exposure",
            final_demand=final_demand,
            constants=constants,
            blocks=borders.are_regions,
            sectors=len(tables.sectors),
        )
        for years, part in chunks:
            for k, year in enumerate(tables.years[years]):
                yield year, jax.tree.map(lambda a, k=k: np.asarray(a[k]), part)


def _one_year(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None,
    member: Float[Array, "r c"],
    buying: Float[Array, " n"],
    wanted: Float[Array, " n"],
    buyer: Float[Array, " c"],
    supplier: Float[Array, " c"],
    cuts: Float[Array, " t"],
    *,
    blocks: bool,
    sectors: int,
    method: Method,
) -> ChainYear:
    n, regions = len(x), len(member)
    borders = Perimeters(
        jnp.repeat(member, sectors, axis=0, total_repeat_length=n), blocks=blocks
    )
    world = invert_table(Z, x, Y, v, borders, method=method, inverse=False)
    by_sector = partial(borders.by_sector, sectors=sectors)
    demand = buying * world.Y.sum(axis=1)
    face = demand + world.A @ demand
    hidden = world.requirements((world.A @ (face - demand))[:, None])[:, 0]
    output = face + hidden
    bought = wanted @ world.A
    beyond = world.contents(jnp.stack([bought @ world.A, jnp.ones_like(x)], axis=1))
    of_supplier = jnp.stack([wanted + bought, *beyond.T], axis=1)
    every = borders.total(exposure.purchases(world)["inputs_through"])

    def cut(share: Float[Array, ""]) -> tuple[Array, Array]:
        lost, residual = exposure.extraction(
            world, wanted, output, share, regions=regions, method=method
        )
        return borders.total(lost), residual

    embodied = world.content.sum(axis=1)
    lost, residuals = jax.lax.map(cut, cuts)
    return ChainYear(
        face=by_sector(face),
        hidden=by_sector(hidden),
        by_buyer=(of_supplier * demand[:, None])
        .reshape(regions, sectors, -1)
        .sum(axis=0),
        demand=embodied @ demand,
        rounds=exposure.by_round(world, demand, wanted, rounds=ROUNDS),
        length=exposure.propagation_length(
            demand, wanted, output, wanted + bought + beyond[:, 0]
        ),
        pairs=every,
        imports=by_sector(world.exports @ buyer),
        exports=buyer @ by_sector(world.total_exports),
        output=buyer @ by_sector(world.output),
        third=exposure.through_third_countries(world, supplier, buyer),
        lost=lost,
        at_once=embodied @ (wanted * output),
        largest_input_share=world.largest_input_share,
        residual=jnp.maximum(world.residual, residuals.max()),
    )
