"""Effects of a table's factors on measures, at one point of the path between years.

For a measure J with derivatives dJ/dA, dJ/dY, dJ/dv by cell, and the derivatives of A,
Y and v along the path by factor (``kernels.change.factors``), the sum over all cells of
one times the other is dJ/dt by factor. Integrated over the path it adds up to the
change of J exactly: the cost shares of Aumann and Shapley (1974, Values of Non-Atomic
Games), here for a measure in place of a cost. Sums over fewer cells say where.

A gradient is low-rank, dJ/dA = sum over p of left_p right_p'. Its product with a matrix
is summed a user region at a time, so that no n x n matrix is formed for a measure.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .factors import FACTORS, VALUE_ADDED, CoefficientTable


class FactorEffects(NamedTuple):
    """Sums of cells by factor for b measures.

    ``by_pair`` [factor, seller, user, measure], ``by_good`` [factor, sector of the
    product, user, measure]. Value added is at its producer: seller and user are the
    same, the sector is that of the industry.
    """

    by_pair: Float[Array, "f c c b"]
    by_good: Float[Array, "f s c b"]


def low_rank_effects(
    left: Float[Array, "b p n"],
    right: Float[Array, "b p N"],
    by_value_added: Float[Array, "b n"],
    moved: tuple[Float[Array, "2 n n"], Float[Array, "3 n c"], Float[Array, " n"]],
) -> FactorEffects:
    """Effects of measures whose gradients with respect to (A, Y) are sums of outer
    products, ``left[b, p] right[b, p]'``; ``by_value_added`` is dJ/dv."""
    inputs, final, dv = moved
    _, n, c = final.shape
    s = n // c
    users = right[:, :, :n].reshape(*right.shape[:2], c, s)

    def of_user(q: Array) -> tuple[Array, Array]:
        """Sums over the industries of one user region."""
        bought = jax.lax.dynamic_slice_in_dim(inputs, q * s, s, axis=2)
        weight = jax.lax.dynamic_index_in_dim(users, q, axis=2, keepdims=False)
        cells = jnp.einsum("fij,bpj,bpi->fib", bought, weight, left, optimize=_ORDER)
        cells = cells.reshape(2, c, s, -1)
        return cells.sum(axis=2), cells.sum(axis=1)

    pairs, goods = jax.lax.map(of_user, jnp.arange(c))  # [user, factor, ...]
    by_seller = left.reshape(*left.shape[:2], c, s)
    demand = final.reshape(3, c, s, c)
    absorbed = right[:, :, n:]
    cells = by_seller, demand, absorbed
    final_pairs = jnp.einsum("bpri,frid,bpd->frdb", *cells, optimize=_ORDER)
    final_goods = jnp.einsum("bpri,frid,bpd->fidb", *cells, optimize=_ORDER)
    return _together(
        jnp.moveaxis(pairs, 0, 2),
        jnp.moveaxis(goods, 0, 2),
        final_pairs,
        final_goods,
        by_value_added * dv[None, :],
    )


_ORDER = [(0, 1), (0, 1)]  # the first product first: its result is thin


def dense_effects(
    gradient: CoefficientTable,
    moved: tuple[Float[Array, "2 n n"], Float[Array, "3 n c"], Float[Array, " n"]],
) -> FactorEffects:
    """Effects of one measure whose derivatives by A, Y and v are given by cell."""
    dA, dY, dv = gradient
    inputs, final, added = moved
    n, c = dY.shape
    s = n // c
    bought = (dA[None] * inputs).reshape(2, c, s, c, s).sum(axis=4)
    demanded = (dY[None] * final).reshape(3, c, s, c)
    both = jnp.concatenate([bought, demanded])[..., None]
    return _together(
        both[:2].sum(axis=2),
        both[:2].sum(axis=1),
        both[2:].sum(axis=2),
        both[2:].sum(axis=1),
        (dv * added)[None, :],
    )


def _together(
    pairs: Float[Array, "2 c c b"],
    goods: Float[Array, "2 s c b"],
    final_pairs: Float[Array, "3 c c b"],
    final_goods: Float[Array, "3 s c b"],
    added: Float[Array, "b n"],
) -> FactorEffects:
    c, s = pairs.shape[1], goods.shape[1]
    produced = added.reshape(-1, c, s)
    own = jnp.eye(c, dtype=added.dtype)[:, :, None] * produced.sum(axis=2).T[:, None, :]
    by_pair = jnp.concatenate([pairs, final_pairs, own[None]])
    by_good = jnp.concatenate([goods, final_goods, produced.T[None]])
    assert len(by_pair) == FACTORS and VALUE_ADDED == FACTORS - 1
    return FactorEffects(by_pair, by_good)
