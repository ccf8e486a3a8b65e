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
from ..resampling import reweighted

# Regressions worked on at a time, so that their rows stay in a core's cache.
_AT_ONCE = 16


class Panel(NamedTuple):
    """Rows of a model; ``places`` are the columns that a draw moves."""

    rows: Float[Array, "n m"]
    cluster: Int[Array, " n"]
    places: Int[Array, " p"]
    sizes: Float[Array, " G"]
    n_parameters: Float[Array, ""]


class Estimates(NamedTuple):
    """Estimates and CV1 variances of the treatments, by draw; ``resampled`` with
    clusters drawn anew as well, ``simex`` with errors times the roots of lambda."""

    coef: Float[Array, "D q"]
    variance: Float[Array, "D q"]
    resampled: Float[Array, "D r q"]
    simex: Float[Array, "D l q"]


def estimate(
    panel: Panel,
    errors: Float[Array, "D n p"],
    centred: Float[Array, "D n p"],
    keys: Key[Array, " D"],
    lambdas: Float[Array, " l"],
    *,
    layout: Layout,
    resamples: int,
    bayesian: bool,
) -> Estimates:
    """Every draw: see ``Estimates``. ``centred`` errors have mean 0 over the draws."""
    G, q = len(panel.sizes), layout.treatments
    first = layout.exogenous

    def products(D: Float[Array, "n p"]) -> ClusterCrossProducts:
        moved = panel.rows.at[:, panel.places].add(D)
        S = cross_products(moved, panel.cluster, clusters=G)
        return ClusterCrossProducts(S, panel.sizes, panel.n_parameters)

    def coefficients(D: Float[Array, "n p"]) -> Float[Array, " q"]:
        one = jnp.ones_like(panel.sizes)
        return fit(products(D), one, layout=layout).coef[first:]

    def one(drawn: tuple[Array, Array, Array]) -> Estimates:
        D, mean_zero, key = drawn
        moved = products(D)
        found = fit(moved, jnp.ones_like(panel.sizes), layout=layout)
        V = jnp.diagonal(cv1(moved, found))[first:]
        draw = exponential if bayesian else counts
        w = draw(key, G, draws=resamples).astype(D.dtype)
        again = reweighted(moved.S, w, layout=layout).T
        roots = jnp.sqrt(lambdas)
        simex = jax.vmap(lambda k: coefficients(k * mean_zero))(roots)
        assert simex.shape == (len(lambdas), q)
        return Estimates(found.coef[first:], V, again, simex)

    return jax.lax.map(one, (errors, centred, keys), batch_size=_AT_ONCE)
