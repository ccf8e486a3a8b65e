"""The wild cluster bootstrap of tests with a two-way variance.

    i, g, h   rows, and their clusters in the first and second dimension
    w         the dimension that has the weights, one of the two
    v         wild weights, one for each cluster of w              (mean 0, variance 1)
    x         B R' of the columns: the estimate is x'y, and x'(row of y) its scores
    u         residuals, of the model with the hypothesis imposed
    M         the projection off all columns and effects
    B         draws, always the last axis

Draw y* = fitted + u v has the estimate x'(u v) beyond the hypothesis and the residuals
M (u v), both linear in v; so are the scores, and the two-way variance (Cameron, Gelbach
and Miller 2011) is one quadratic form of v:

    t* = a v / sqrt(q v'K v),   K = sum_g S_g'S_g + sum_h S_h'S_h - sum_gh S_gh'S_gh

where S_i = x_i (M diag(u) D)_i, D the dummies of w, and q is the small-sample factor:
MacKinnon, Nielsen and Webb (2021, J. of Business & Economic Statistics 39), whose
simulations favour weights by the dimension with fewer clusters.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class TwoWayLoadings(NamedTuple):
    """A wild draw's t is a function of v through these; see the module."""

    a: Float[Array, " H"]
    K: Float[Array, "H H"]
    correction: Float[Array, ""]


def two_way_form(
    S: Float[Array, "n H"],
    first: Int[Array, " n"],
    second: Int[Array, " n"],
    *,
    clusters: tuple[int, int],
) -> Float[Array, "H H"]:
    """K from the scores of the rows. ``clusters``: how many there are of each kind."""
    G, H = clusters
    K = jnp.zeros((S.shape[1], S.shape[1]), S.dtype)
    for number, count, sign in (
        (first, G, 1),
        (second, H, 1),
        (first * H + second, G * H, -1),
    ):
        sums = jax.ops.segment_sum(S, number, num_segments=count)
        K = K + sign * sums.T @ sums
    return K


def two_way_statistics(
    loadings: TwoWayLoadings, v: Float[Array, "H B"]
) -> Float[Array, " B"]:
    """t of each draw; NaN where its variance is not positive."""
    a, K, correction = loadings
    variance = correction * (v * (K @ v)).sum(axis=0)
    positive = variance > 0
    return jnp.where(
        positive, a @ v / jnp.sqrt(jnp.where(positive, variance, 1)), jnp.nan
    )
