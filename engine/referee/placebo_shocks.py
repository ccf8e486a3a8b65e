"""p-values of shocks that change places among the shares, on the device."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from ...kernels.placebo_shocks import placebo_sums
from ...kernels.random_draws import draws_of_block
from ..core import in_float64
from ..resampling import over_blocks

# Sums of the same numbers in another order differ by rounding.
_TIE = 1e-9


@in_float64
def placebo_p(
    value: Float[np.ndarray, " s"],
    weight: Float[np.ndarray, " s"],
    *,
    draws: int,
    seed: int,
) -> float:
    """Share of permutations, the observed order among them, whose |sum of weight times
    value| is not below the observed one."""
    observed = abs(weight @ value)
    floor = observed - _TIE * np.linalg.norm(weight) * np.linalg.norm(value)
    block = draws_of_block(len(value))
    arrays = jax.device_put((value, weight))
    exceeding, done = 0, 0
    for part in over_blocks(_block, arrays, seed, -(-draws // block)):
        sums = np.abs(part.ravel()[: draws - done])
        exceeding += int((sums >= floor).sum())
        done += len(sums)
    return (exceeding + 1) / (draws + 1)


def _block(arrays: Any, seed: Array, number: Array) -> Array:
    value, weight = arrays
    return placebo_sums(value, weight, seed, number)
