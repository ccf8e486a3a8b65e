"""Scores of wild draws without a matrix of clusters by clusters.

What weights v of G clusters do to the score of cluster g of their own fit is
own_g v_g - P_g (s'v): the cluster's residuals take its own weight, and the fit of all p
coefficients takes out what s'v says of every cluster. Memory is G p, not G^2.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Up to so many clusters a whole matrix is as small, and is one product a draw.
FEW = 256
_AT_ONCE = 1024


class LowRankUpdate(NamedTuple):
    """The map v -> own v - P (s'v), for one or several left sides."""

    own: Float[Array, "*h G"]
    P: Float[Array, "*h G p"]
    s: Float[Array, "G p"]

    def drawn(self, v: Float[Array, "G B"]) -> Float[Array, "*h G B"]:
        """The scores under each column of weights."""
        weights = jnp.broadcast_to(v, (*self.own.shape, v.shape[1]))
        return self.own[..., None] * weights - self.P @ (self.s.T @ v)


def sums_over_clusters(
    each: Sequence[LowRankUpdate],
    v: Float[Array, "G B"],
    of: Callable[..., Float[Array, "k B"]],
) -> Float[Array, "k B"]:
    """Sum over the clusters of what ``of`` makes of the scores of each map, some
    clusters at a time: what is made of all of them would not stay in a cache."""
    inner = [one.s.T @ v for one in each]

    def part(start: Array | int, size: int) -> Float[Array, "k B"]:
        def rows(of_all: Array) -> Array:
            return jax.lax.dynamic_slice_in_dim(of_all, start, size, axis=0)

        its = rows(v)
        scores = [
            rows(one.own)[:, None] * its - rows(one.P) @ inside
            for one, inside in zip(each, inner, strict=True)
        ]
        return of(*scores)

    whole = len(v) // _AT_ONCE
    total = part(whole * _AT_ONCE, len(v) - whole * _AT_ONCE)

    if not whole:
        return total

    def add(k: Array, so_far: Array) -> Array:
        return so_far + part(k * _AT_ONCE, _AT_ONCE)

    return jax.lax.fori_loop(0, whole, add, total)


Scores = Float[Array, "*h G G"] | LowRankUpdate
"""A matrix for few clusters, factors for many."""


def scores_under(L: Scores, v: Float[Array, "G B"]) -> Float[Array, "*h G B"]:
    """L v."""
    if isinstance(L, LowRankUpdate):
        return L.drawn(v)
    *h, G, _ = L.shape
    return (L.reshape(-1, G) @ v).reshape(*h, G, v.shape[1])


def others(each: Float[Array, "G ..."]) -> Float[Array, "G ..."]:
    """Sums over the other clusters, without the rounding of a difference: what one
    cluster alone has is exactly 0 without it."""
    if len(each) <= FEW:
        without = 1 - jnp.eye(len(each), dtype=each.dtype)
        return jnp.tensordot(without, each, axes=1)
    none = jnp.zeros_like(each[:1])
    before = jnp.concatenate([none, jnp.cumsum(each[:-1], axis=0)])
    after = jnp.concatenate([jnp.cumsum(each[:0:-1], axis=0)[::-1], none])
    return before + after
