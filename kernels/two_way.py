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

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from . import random_draws
from .clusters import two_sided
from .covariance_factors import cluster_factor, default_lags, kernel_of_years
from .resampling import TIE


class TwoWayLoadings(NamedTuple):
    """A wild draw's t is a function of v through these; see the module."""

    a: Float[Array, " H"]
    K: Float[Array, "H H"]
    correction: Float[Array, ""]


@jax.jit
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


# ------------------------------------------------------------- shocks that last, panels


def two_way_tests(
    M: Float[Array, "G T m"], key: Key[Array, ""], *, draws: int
) -> Callable[[Array], Float[Array, "2"]]:
    """p of a null of the treatment on a balanced panel, [controls, treatment, y] in M:
    by the wild bootstrap of two-way clusters, and for common shocks
    (``tx.vcov.CommonShocks``). x is the treatment net of all others over its square."""
    G, T, m = M.shape
    cells = net_of_both(M)
    flat = cells.reshape(G * T, m)
    W, y = flat[:, :-2], flat[:, -1]
    inverse = jnp.linalg.inv(W.T @ W)

    def net_of_controls(z: Array) -> Array:
        return z - W @ (inverse @ (W.T @ z))

    r = net_of_controls(flat[:, -2])
    x = r / (r @ r)
    b = x @ y
    e = net_of_controls(y) - b * r
    fewer, N = min(G, T), G * T
    factor = jnp.asarray(cluster_factor(fewer, N, m), M.dtype)
    by_year = T < G
    weighed = min(G, T)
    one_hot = jnp.eye(weighed, dtype=M.dtype)
    one_hot = one_hot[None, :, :] if by_year else one_hot[:, None, :]

    def drawn(u: Array) -> tuple[Array, Array]:
        """The loadings of the estimate, and scores of the cells."""
        each = u.reshape(G, T)[:, :, None] * one_hot
        left = net_of_controls(net_of_both(each).reshape(N, weighed))
        left = left - r[:, None] * (x @ left)[None, :]
        return x @ each.reshape(N, weighed), (x[:, None] * left).reshape(G, T, weighed)

    def form(S: Array, P: Array) -> Array:
        """K of ``kernels.two_way``, of two sets of scores."""
        country = S.sum(axis=1).T @ P.sum(axis=1)
        year = S.sum(axis=0).T @ P.sum(axis=0)
        return country + year - jnp.einsum("gth,gtk->hk", S, P)

    # Residuals are affine in the null: those of the fit, and of the treatment.
    a_e, S_e = drawn(e)
    a_r, S_r = drawn(r)
    mixed = form(S_e, S_r)
    K_e, K_er, K_r = form(S_e, S_e), mixed + mixed.T, form(S_r, S_r)
    s = (x * e).reshape(G, T)
    by_country, across = jnp.sum(s.sum(axis=1) ** 2), s.sum(axis=0)
    two_way = factor * (by_country + jnp.sum(across**2) - jnp.sum(s**2))
    kernel = kernel_of_years(np.arange(T), default_lags(T))
    weights = jnp.asarray(kernel.weights, M.dtype)
    of_years = across @ weights @ across
    both = by_country + of_years - jnp.sum((s @ weights) * s)
    largest = jnp.maximum(jnp.maximum(by_country, of_years), both)
    shocks = largest * jnp.asarray((N - 1) / (N - m) / kernel.scale, M.dtype)
    v = random_draws.rademacher(key, weighed, draws=draws)

    def p_of(null: Array) -> Float[Array, "2"]:
        gap = jnp.abs(b - null)
        t = jnp.where(two_way > 0, gap / jnp.sqrt(jnp.abs(two_way)), jnp.nan)
        d = b - null
        loadings = TwoWayLoadings(a_e + d * a_r, K_e + d * (K_er + d * K_r), factor)
        size = jnp.abs(two_way_statistics(loadings, v))
        made = jnp.isfinite(size)
        above = (made & (size > t * (1 + TIE))).sum() / made.sum()
        wild = jnp.where(jnp.isfinite(t), above, jnp.nan).astype(t.dtype)
        degrees = jnp.asarray(float(kernel.degrees), t.dtype)
        return jnp.stack([wild, two_sided(gap / jnp.sqrt(shocks), degrees)])

    return p_of


def net_of_both(M: Float[Array, "G T m"]) -> Float[Array, "G T m"]:
    """Take out the effects of countries and years."""
    cells = M - M.mean(axis=1, keepdims=True)
    return cells - cells.mean(axis=0, keepdims=True)
