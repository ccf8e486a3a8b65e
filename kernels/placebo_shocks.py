"""Shift-share statistics of shocks that change places."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import random_draws


def placebo_sums(
    value: Float[Array, " s"],
    weight: Float[Array, " s"],
    seed: Int[Array, ""],
    number: Int[Array, ""],
) -> Float[Array, " draws"]:
    """sum_n weight_n value_pi(n) for each permutation pi of block ``number``."""
    count = len(value)
    order = random_draws.permutations(
        random_draws.block_key(seed, number),
        (count,),
        draws=random_draws.draws_of_block(count),
    )
    return jnp.einsum("n,nb->b", weight, value[order])
