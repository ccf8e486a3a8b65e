"""Random numbers for the cells of a table, and errors of rounded ones.

A cell's normal comes from 16 bits: 65,536 quantiles, within 4.3 deviations.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt


def rounded(key: Key[Array, ""], rate: Float[Array, "n N"]) -> Float[Array, "n N"]:
    """Errors of rounded cells."""
    u = uniform(key, rate.shape)
    some = (rate != 0) & ~jnp.isnan(rate)
    safe = jnp.where(some, rate, 1)
    # The exponential distribution cut off at 1/2, less its mean.
    mass = -jnp.expm1(-safe / 2)
    cell = -jnp.log1p(-u * mass) / safe
    mean = 1 / safe - 0.5 * jnp.exp(-safe / 2) / mass
    return jnp.where(some, cell - mean, jnp.where(rate == 0, u - 0.5, 0))


def _halves(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt[Array, "n N"]:
    """Words of 16 bits."""
    n, N = shape
    words = jax.random.bits(key, (n, -(-N // 2)), jnp.uint32)
    halves = jax.lax.bitcast_convert_type(words, jnp.uint16)
    return halves.reshape(n, -1)[:, :N]


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "n N"]:
    """Uniform between 0 and 1, both left out: the middles of 65,536 pieces."""
    half = _halves(key, shape).astype(jnp.float32)
    return (half + np.float32(0.5)) * np.float32(2**-16)


def normals(
    key: Key[Array, ""], shape: tuple[int, ...], group: Float[Array, "n g"] | None
) -> Float[Array, "n N"]:
    """Standard normals by cell, or one for all rows of a group."""
    if group is not None:
        z = jax.random.normal(key, (group.shape[1],), jnp.float32)
        return jnp.broadcast_to((group @ z)[:, None], shape)
    e = jax.scipy.special.erfinv(2 * uniform(key, shape) - 1)
    return np.float32(np.sqrt(2)) * e


def rates_of_rounded(F: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Rates for ``rounded``: a filled cell is exponential within [0, 1/2) with its
    own value as mean, m = 1 / l - 1/2 exp(-l / 2) / (1 - exp(-l / 2))."""
    filled = (variance > 0) & (np.abs(F) < 0.5) & (F != 0)
    # In float32 exp(l / 2) is finite up to l = 177: means above 0.494 count as that.
    grid = np.concatenate([np.linspace(-160, -0.01, 4000), np.linspace(0.01, 40, 4000)])
    mean = 1 / grid - 0.5 / np.expm1(grid / 2)
    m = np.where(filled, np.abs(F), 0.25)
    # Below 1/30 what is cut off does not count: the mean is 1 / l.
    rate = np.where(m < 1 / 30, 1 / np.maximum(m, 1e-7), np.interp(-m, -mean, grid))
    return np.where(filled, rate, np.where(variance > 0, 0, np.nan))
