"""Two-way fixed effects on a country-year panel, from statistics of each cluster.

    g   clusters: countries, whose effects are absorbed          (G of them)
    t   years                                                    (T of them)
    k   regressors, then T year dummies: p = k + T columns
    w   1 where the cell of country and year is used, 0 elsewhere
    A   A[g] = X_g'X_g, X_g the rows of country g less their mean
    b   b[g] = X_g'y_g

Everything is a function of (A, b) and of one weight for each cluster, since demeaning
within a country does not know the other countries: a sample is weights of 0 and 1,
leaving a country out is a 0, a bootstrap draw is counts. Year effects are explicit
dummies, the first year that the sample uses the base; X is scaled to unit columns for
the solve. The years must hang together: countries of one half of them and countries of
the other half would need two bases.

The covariance is clustered by country (Liang and Zeger 1986), times Stata's
G/(G-1) (N-1)/(N-p-1) of ``xtreg, fe vce(cluster)``: country effects are nested in the
clusters and not counted, but one constant is.

Functions take one model; batch them with ``jax.vmap``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class ClusterStatistics(NamedTuple):
    """What a model needs to know of each cluster, after absorbing its effect.

    ``rows`` counts the used cells; ``year`` is 1 for columns that are year dummies.
    """

    A: Float[Array, "G p p"]
    b: Float[Array, "G p"]
    rows: Float[Array, " G"]
    year: Float[Array, " p"]


class Fit(NamedTuple):
    """Coefficients of regressors and year dummies, and their covariance.

    ``rows`` and ``clusters`` are N and G of the sample. ``left`` is the share of each
    column's variation within countries that the other columns leave: at 0 its
    coefficient means nothing.
    """

    coef: Float[Array, " p"]
    covariance: Float[Array, "p p"]
    rows: Float[Array, ""]
    clusters: Float[Array, ""]
    left: Float[Array, " p"]


@jax.jit
def within(M: Float[Array, "G T k"], w: Float[Array, "G T"]) -> Float[Array, "G T k"]:
    """Each country's rows less their mean over the used cells; 0 in the others."""
    count = jnp.maximum(w.sum(axis=1), 1)
    mean = jnp.einsum("gt,gtk->gk", w, M) / count[:, None]
    return (M - mean[:, None, :]) * w[:, :, None]


@jax.jit
def cluster_statistics(
    y: Float[Array, "G T"], X: Float[Array, "G T k"], w: Float[Array, "G T"]
) -> ClusterStatistics:
    """A_g = X_g'X_g and b_g = X_g'y_g with the year dummies behind the regressors.

    Cells with w = 0 must hold numbers too (any): they are multiplied by 0.
    """
    G, T = y.shape
    years = jnp.broadcast_to(jnp.eye(T, dtype=y.dtype)[None], (G, T, T))
    Xw = within(jnp.concatenate([X, years], axis=2), w)
    yw = within(y[:, :, None], w)[:, :, 0]
    return ClusterStatistics(
        A=jnp.einsum("gtp,gtq->gpq", Xw, Xw),
        b=jnp.einsum("gtp,gt->gp", Xw, yw),
        rows=w.sum(axis=1),
        year=(jnp.arange(Xw.shape[2]) >= X.shape[2]).astype(y.dtype),
    )


@jax.jit
def fit(stats: ClusterStatistics, weights: Float[Array, " G"]) -> Fit:
    """Least squares over the clusters, each counted ``weights[g]`` times.

    beta = (sum w A_g)^-1 sum w b_g; the score of a cluster is b_g - A_g beta. The
    coefficients of the base and of years that no used cell falls into are 0.
    """
    total = jnp.einsum("g,gpq->pq", weights, stats.A)
    norm = jnp.sqrt(jnp.diagonal(total))
    # A year is used where a dummy is left within countries; its first is the base.
    used = norm > 0
    base = jnp.argmax(used * stats.year)
    used = used & (jnp.arange(len(norm)) != base)
    scale = jnp.where(used, 1 / jnp.where(used, norm, 1), 0)
    unit = total * scale[:, None] * scale[None, :] + jnp.diag(
        jnp.where(used, 0.0, 1.0).astype(total.dtype)
    )
    unit_inverse = jnp.linalg.inv(unit)
    left = jnp.where(used, 1 / jnp.diagonal(unit_inverse), 0)
    inverse = unit_inverse * scale[:, None] * scale[None, :]
    coef = inverse @ jnp.einsum("g,gp->p", weights, stats.b)
    scores = stats.b - jnp.einsum("gpq,q->gp", stats.A, coef)
    meat = jnp.einsum("g,gp,gq->pq", weights, scores, scores)
    rows = weights @ stats.rows
    clusters = jnp.where(stats.rows > 0, weights, 0).sum()
    counted = used.sum() + 1
    small = clusters / (clusters - 1) * (rows - 1) / (rows - counted)
    return Fit(coef, small * inverse @ meat @ inverse, rows, clusters, left)


@jax.jit
def leave_one_out(stats: ClusterStatistics, weights: Float[Array, " G"]) -> Fit:
    """The fit without each cluster in turn, a row each.

    A cluster that is not in the sample gives the fit of the whole sample.
    """
    without = weights[None, :] * (1 - jnp.eye(len(weights), dtype=weights.dtype))
    return jax.vmap(fit, in_axes=(None, 0))(stats, without)
