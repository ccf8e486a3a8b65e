"""Distance of industries from final demand and from the first inputs: one year.

Symbols of ``kernels.inverted_table``; lengths count stages of production, at least 1
where final demand is nowhere negative. All refer to the model-consistent table, where
output x* = B y.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from . import operators
from .inverted_table import InvertedTable
from .operators import multiply, sums


def downstreamness(world: InvertedTable) -> Float[Array, " n"]:
    """Stages from the first inputs to an industry, 1'B (Fally 2012; Antras and Chor
    2018; Miller and Temurshoev 2017)."""
    return sums(world.B, 0, world.v)


Ways = dict[str, tuple[Float[Array, " n"], Float[Array, " n"]]]
"""Stages times value, and value, by way; a length is their ratio, also of sums."""


def forward_stages(world: InvertedTable) -> Ways:
    """Stages from value added to the final products it ends in, by industry of origin
    (Wang, Wei, Yu and Zhu 2017b, NBER 23261).

        total        V B B Y                           over V B Y
        domestic     V L L Y_d                              V L Y_d
        traditional  V L L Y_f                              V L Y_f
        gvc          V (L L A_f x + L A_f B x)              V L A_f x

    The three ways add up to the total, stages and values (checked); ``gvc`` is 0 where
    no chain crosses a border. The length of the total is upstreamness, (B x)_i / x_i
    (Antras, Chor, Fally and Hillberry 2012, American Economic Review 102: 412-416): the
    row sums of Ghosh's inverse.
    """
    L, v, x = world.L, world.v, world.output

    def sold_abroad(output: Float[Array, " n"]) -> Float[Array, " n"]:
        return multiply(L, world.to_others(output))

    home = multiply(L, world.final_at_home.sum(axis=1))
    final = multiply(L, world.final_exports.sum(axis=1))
    chains = sold_abroad(x)
    crossing = multiply(L, chains) + sold_abroad(world.B @ x)
    return {
        "total": (v * (world.B @ x), v * x),
        "domestic": (v * multiply(L, home), v * home),
        "traditional": (v * multiply(L, final), v * final),
        "gvc": _without_rounding(v * crossing, v * chains, v * x),
    }


def backward_stages(world: InvertedTable) -> Ways:
    """Stages from value added to final products, by industry of the final product
    (Wang, Wei, Yu and Zhu 2017b): the same by columns, V B B y over V B y. With v the
    residual the total is downstreamness, 1'B.
    """
    y = world.Y.sum(axis=1)
    y_home = world.final_at_home.sum(axis=1)
    y_abroad = world.final_exports.sum(axis=1)
    every, once = world.content.sum(axis=1), world.dva_multiplier
    again, twice = every @ world.B, operators.left_multiply(once, world.L)
    return {
        "total": (again * y, every * y),
        "domestic": (twice * y_home, once * y_home),
        "traditional": (twice * y_abroad, once * y_abroad),
        "gvc": _without_rounding((again - twice) * y, (every - once) * y, every * y),
    }


# A difference of sums is rounding below this share of them (measured: 1e-15).
_ROUNDING = 1e-13


def _without_rounding(
    stages: Float[Array, " n"], value: Float[Array, " n"], whole: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """0 where the value is rounding of the whole: a ratio of such says nothing."""
    there = jnp.abs(value) > _ROUNDING * jnp.abs(whole)
    return jnp.where(there, stages, 0), jnp.where(there, value, 0)
