"""Origin of the value added in exports, final products and output: one year.

Symbols of ``kernels.inverted_table``. These are the full tables behind the
decompositions, n x n and more, so only the one asked for is formed.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .inverted_table import InvertedTable
from .operators import dense, multiply


def in_exports(
    world: InvertedTable,
    exporter: Float[Array, " c"],
    via: Float[Array, " c"],
    *,
    sectors: int,
    absorbed: bool,
    once: bool,
) -> Float[Array, "n s c"]:
    """Value added by industry of origin, exporting sector and destination.

    Parameters
    ----------
    exporter, via
        1 for the exporting perimeter; 1 for each direct buyer that counts.
    absorbed
        Destinations are those of final demand, Y_sr + sum over t of A_st X_t, in place
        of direct buyers, E_sr. The exporter is one of them: value added that returns.
    once
        Without repeated crossings of the exporter's border: V B_ts B_ss^-1 L_s, which
        gives the foreign value added of Borin and Mancini's source approach.
    """
    own = world.borders.member @ exporter
    sold = (_absorbed if absorbed else _direct)(world, via) * own[:, None]
    content = world.v[:, None] * dense(world.B)
    if once:
        content = multiply(world.first_crossing.mT, content.T).T
    return _traced(content, sold, sectors=sectors)


def in_final_demand(
    world: InvertedTable, Y: Float[Array, "n c"] | None = None, *, sectors: int
) -> Float[Array, "n s c"]:
    """Value added by industry of origin, sector of the final product and absorber.

    ``Y`` is the part of final demand that counts, by default all of it.
    """
    demand = world.Y if Y is None else Y
    return _traced(world.v[:, None] * dense(world.B), demand, sectors=sectors)


def _traced(
    content: Float[Array, "n n"], sold: Float[Array, "n c"], *, sectors: int
) -> Float[Array, "n s c"]:
    """Content of sales, summed over the regions that sell."""
    regions = len(sold) // sectors
    return jnp.einsum(
        "nrs,rsc->nsc",
        content.reshape(-1, regions, sectors),
        sold.reshape(regions, sectors, -1),
    )


def _direct(world: InvertedTable, via: Float[Array, " c"]) -> Float[Array, "n c"]:
    return world.exports * via[None, :]


def _absorbed(world: InvertedTable, via: Float[Array, " c"]) -> Float[Array, "n c"]:
    """Exports by the region of final absorption."""
    buyers = world.borders.member @ via
    output = world.X * buyers[:, None]
    inside = world.borders.inside(world.A)
    used = world.A @ output - multiply(inside, output)
    active = world.active[:, None]
    return (world.final_exports * via[None, :] + used) * active


def by_product(world: InvertedTable, of: Float[Array, " n"]) -> Float[Array, "n n"]:
    """Value added by industry of origin in exports or products, V B diag(of)."""
    return world.v[:, None] * dense(world.B) * of[None, :]
