"""Two-way fixed effects of many samples, outcomes and editions of one panel.

Symbols as in ``kernels.clusters``. A sample is weights of 0 and 1; its base year is the
first that it has. Cells are columns of about equal size: normal equations are solved.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from . import clusters
from .clusters import ClusterCrossProducts, Layout, two_way_products

# Least share of a regressor's variation that the others must leave. With
# normal equations, 1e-16 of rounding becomes 1e-6 of a coefficient here.
LEAST_SHARE = 1e-10


class SampleFits(NamedTuple):
    """Coefficient of the last regressor and its variance, rows and clusters.

    ``sound``: there are more clusters than regressors, and each regressor keeps a share
    of its variation that the others do not explain.
    """

    coef: Float[Array, "*s"]
    variance: Float[Array, "*s"]
    rows: Float[Array, "*s"]
    clusters: Float[Array, "*s"]
    sound: Bool[Array, "*s"]


def _fit(
    products: ClusterCrossProducts,
    weights: Float[Array, " G"],
    outcome: Int[Array, ""],
    layout: Layout,
) -> SampleFits:
    """Two-way fixed effects on the countries with weight 1, the others have 0."""
    products = clusters.without_base(products, weights, layout=layout)
    fit = clusters.fit(products, weights, layout=layout, outcome=outcome)
    share = clusters.unexplained_share(fit, weights)[layout.dummies :]
    count = jnp.where(products.rows > 0, weights, 0).sum()
    return SampleFits(
        coef=fit.coef[-1],
        variance=clusters.cv1(products, fit, weights)[-1, -1],
        rows=weights @ products.rows,
        clusters=count,
        sound=(share >= LEAST_SHARE).all() & (count > len(share)),
    )


@partial(jax.jit, static_argnames="outcomes")
def fit_samples(
    cells: Float[Array, "G T m"],
    used: Float[Array, "G T"],
    weights: Float[Array, "s G"],
    *,
    outcomes: int = 1,
) -> SampleFits:
    """Fits by sample and outcome, which are the last columns of the cells."""
    T, m = used.shape[1], cells.shape[2]
    products, layout = two_way_products(cells, used, dummies=T, outcomes=outcomes)
    one = partial(_fit, layout=layout)
    by_outcome = jax.vmap(one, in_axes=(None, None, 0))
    by_sample = jax.vmap(by_outcome, in_axes=(None, 0, None))
    return by_sample(products, weights, T + m - outcomes + jnp.arange(outcomes))


@partial(jax.jit, static_argnames="outcomes")
def fit_specifications(
    cells: Float[Array, "c G T m"],
    used: Float[Array, "c G T"],
    weights: Float[Array, "s G"],
    *,
    outcomes: int,
) -> SampleFits:
    """Fits by specification, sample and outcome; a specification at a time stays in a
    core's cache."""
    return jax.lax.map(
        lambda each: fit_samples(*each, weights, outcomes=outcomes), (cells, used)
    )
