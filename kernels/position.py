"""How far industries are from final demand and from the first inputs: one year.

Symbols of ``kernels.world``; lengths count stages of production, at least 1. All refer
to the model-consistent table, where output x* = B y.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from tivax.kernels import perimeters
from tivax.kernels.perimeters import times
from tivax.kernels.world import World


def upstreamness(world: World) -> Float[Array, " n"]:
    """Stages from an industry to final demand, (B x)_i / x_i (Antras, Chor, Fally and
    Hillberry 2012, American Economic Review 102: 412-416). NaN without output.

    The same as (I - x^-1 A x)^-1 1, the row sums of Ghosh's inverse.
    """
    return _ratio(world.B @ world.output, world.output)


def downstreamness(world: World) -> Float[Array, " n"]:
    """Stages from the first inputs to an industry, 1'B (Antras and Chor 2013; Miller
    and Temurshoev 2017)."""
    return world.B.sum(axis=0)


class Lengths(NamedTuple):
    """Average production length of value added, by the way it takes; NaN without it.

    total
        V B B Y / V B Y, equal to upstreamness.
    domestic, traditional, gvc
        As in ``value_chains.Production``: simple and complex chains together.
    """

    total: Float[Array, " n"]
    domestic: Float[Array, " n"]
    traditional: Float[Array, " n"]
    gvc: Float[Array, " n"]


def production_lengths(world: World) -> Lengths:
    """Production length forward (Wang, Wei, Yu and Zhu 2017b, NBER 23261).

        domestic     L L Y_d / L Y_d
        traditional  L L Y_f / L Y_f
        gvc          (L L A_f x + L A_f B x) / (L A_f x)

    The weights L Y_d + L Y_f + L A_f x = x make the total of them (checked).
    """
    L, x = world.L, world.output
    inside = world.borders.inside(world.A)

    def sold_abroad(output: Float[Array, " n"]) -> Float[Array, " n"]:
        return times(L, world.A @ output - times(inside, output))

    def length(final: Float[Array, " n"]) -> Float[Array, " n"]:
        once = times(L, final)
        return _ratio(times(L, once), once)

    chains = sold_abroad(x)
    further = times(L, chains) + sold_abroad(world.B @ x)
    return Lengths(
        upstreamness(world),
        length(world.final_at_home.sum(axis=1)),
        length(world.final_exports.sum(axis=1)),
        _ratio(further, chains),
    )


def propagation_lengths(world: World) -> Float[Array, "n n"]:
    """Average propagation lengths, [B (B - I)]_ij / (B - I)_ij (Dietzenbacher and
    Romero 2007, International Regional Science Review 30). NaN where i never reaches j.
    """
    rounds = world.B - jnp.eye(len(world.B), dtype=world.B.dtype)
    return _ratio(world.B @ rounds, rounds)


def comparative_advantage(
    traded: Float[Array, " n"], borders: perimeters.Perimeters, *, sectors: int
) -> Float[Array, " n"]:
    """Balassa's index: a sector's share in what its region exports over its share in
    what the world exports. NaN where nothing is exported.

    Of value added in exports it is that of Koopman, Wang and Wei (2014).
    """
    every = jnp.tile(traded.reshape(-1, sectors).sum(axis=0), len(traded) // sectors)
    own = borders.member @ borders.total(traded)
    return _ratio(_ratio(traded, own), every / traded.sum())


def _ratio(a: Array, b: Array) -> Array:
    return a / jnp.where(b == 0, jnp.nan, b)
