"""A regression on a column with errors, draw by draw.

Symbols of ``kernels.clusters``; D are the errors of a draw in the columns of the panel
that they move, net of nested effects and in units of the columns.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..clusters import ClusterCrossProducts, Layout, cross_products, cv1, fit
from ..random_draws import counts, exponential


class DrawnPanel(NamedTuple):
    """Rows of a model; ``places`` are the columns that a draw moves."""

    rows: Float[Array, "n m"]
    cluster: Int[Array, " n"]
    places: Int[Array, " p"]
    sizes: Float[Array, " G"]
    n_parameters: Float[Array, ""]


class DrawnEstimates(NamedTuple):
    """Estimates and CV1 variances of the treatments, by draw; ``resampled`` with
    clusters drawn anew as well, ``simex`` with errors times the roots of lambda,
    ``simex_resampled`` the same, lambda 0 before them, with clusters drawn anew."""

    coef: Float[Array, "D q"]
    variance: Float[Array, "D q"]
    resampled: Float[Array, "D r q"]
    simex: Float[Array, "D l q"]
    simex_resampled: Float[Array, "D l+1 q"]


def estimate(
    panel: DrawnPanel,
    errors: Float[Array, "D n p"],
    centred: Float[Array, "D n p"],
    keys: Key[Array, " D"],
    lambdas: Float[Array, " l"],
    *,
    layout: Layout,
    resamples: int,
    bayesian: bool,
) -> DrawnEstimates:
    """Every draw; ``centred`` errors have mean 0 over the draws."""
    G, first = len(panel.sizes), layout.exogenous
    at, cluster = panel.places, panel.cluster
    whole = cross_products(panel.rows, cluster, clusters=G)
    ones = jnp.ones_like(panel.sizes)

    def by_cluster(values: Array) -> Array:
        return jax.ops.segment_sum(values, cluster, num_segments=G)

    def one(drawn: tuple[Array, Array, Array]) -> DrawnEstimates:
        D = jnp.stack(drawn[:2])  # as drawn, centred
        draw = exponential if bayesian else counts
        w = draw(drawn[2], G, draws=resamples).astype(D.dtype).T
        # Of rows and errors, and of errors among themselves.
        mixed = jax.vmap(lambda d: by_cluster(panel.rows[:, :, None] * d[:, None, :]))(
            D
        )
        own = jax.vmap(lambda d: by_cluster(d[:, :, None] * d[:, None, :]))(D)

        def refit(task: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            which, size, weights = task
            half = size * mixed[which]
            S = whole.at[:, :, at].add(half)
            S = S.at[:, at, :].add(jnp.swapaxes(half, 1, 2))
            S = S.at[:, at[:, None], at[None, :]].add(size**2 * own[which])
            products = ClusterCrossProducts(S, panel.sizes, panel.n_parameters)
            found = fit(products, weights, layout=layout)
            V = jnp.diagonal(cv1(products, found))
            return found.coef[first:], V[first:]

        l, end = len(lambdas), 1 + resamples
        roots = jnp.sqrt(lambdas)
        added = jnp.concatenate([jnp.ones(end), roots, jnp.zeros(1), roots])
        which = jnp.arange(len(added)) >= end
        own_clusters, drawn_anew = jnp.tile(ones, (l, 1)), jnp.tile(w[:1], (l + 1, 1))
        weights = jnp.concatenate([ones[None], w, own_clusters, drawn_anew])
        coef, V = jax.lax.map(refit, (which.astype(int), added, weights))
        each = jnp.split(coef, [1, end, end + l])
        return DrawnEstimates(each[0][0], V[0], *each[1:])

    return jax.lax.map(one, (errors, centred, keys))
