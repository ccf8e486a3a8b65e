"""How far industries are from final demand and from the first inputs: one year.

Symbols of ``kernels.world``; lengths count stages of production, at least 1 where
final demand is nowhere negative. All refer to the model-consistent table, where output
x* = B y.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from . import perimeters
from .perimeters import times
from .world import World


def upstreamness(world: World) -> Float[Array, " n"]:
    """Stages from an industry to final demand, (B x)_i / x_i (Antras, Chor, Fally and
    Hillberry 2012, American Economic Review 102: 412-416). NaN without output.

    The same as (I - x^-1 A x)^-1 1, the row sums of Ghosh's inverse.
    """
    return _ratio(world.B @ world.output, world.output)


def downstreamness(world: World) -> Float[Array, " n"]:
    """Stages from the first inputs to an industry, 1'B (Fally 2012; Antras and Chor
    2018; Miller and Temurshoev 2017)."""
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
    """Production length forward: ratios of ``forward_stages``."""
    return Lengths(**{k: _ratio(*way) for k, way in forward_stages(world).items()})


Ways = dict[str, tuple[Float[Array, " n"], Float[Array, " n"]]]
"""Stages times value, and value, by way: a length is their ratio, also of sums."""


def forward_stages(world: World) -> Ways:
    """Stages from value added to the final products it ends in, by industry of origin
    (Wang, Wei, Yu and Zhu 2017b, NBER 23261).

        total        V B B Y                           over V B Y
        domestic     V L L Y_d                              V L Y_d
        traditional  V L L Y_f                              V L Y_f
        gvc          V (L L A_f x + L A_f B x)              V L A_f x

    The three ways add up to the total, stages and values (checked).
    """
    L, v, x = world.L, world.v, world.output
    inside = world.borders.inside(world.A)

    def sold_abroad(output: Float[Array, " n"]) -> Float[Array, " n"]:
        return times(L, world.A @ output - times(inside, output))

    home = times(L, world.final_at_home.sum(axis=1))
    final = times(L, world.final_exports.sum(axis=1))
    chains = sold_abroad(x)
    return {
        "total": (v * (world.B @ x), v * x),
        "domestic": (v * times(L, home), v * home),
        "traditional": (v * times(L, final), v * final),
        "gvc": (v * (times(L, chains) + sold_abroad(world.B @ x)), v * chains),
    }


def backward_stages(world: World) -> Ways:
    """Stages from value added to final products, by industry of the final product
    (Wang, Wei, Yu and Zhu 2017b): the same by columns, V B B y over V B y. With v the
    residual the total is downstreamness, 1'B.
    """
    y = world.Y.sum(axis=1)
    y_home = world.final_at_home.sum(axis=1)
    y_abroad = world.final_exports.sum(axis=1)
    every, once = world.content.sum(axis=1), world.once
    again, twice = every @ world.B, perimeters.left(once, world.L)
    return {
        "total": (again * y, every * y),
        "domestic": (twice * y_home, once * y_home),
        "traditional": (twice * y_abroad, once * y_abroad),
        "gvc": ((again - twice) * y, (every - once) * y),
    }


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
