"""Two-way fixed effects of many samples, outcomes and editions of one panel.

Symbols as in ``kernels.clusters``. A sample is weights of 0 and 1; its base year is the
first that it has. Cells are columns of about equal size: normal equations are solved.

Besides, the variances of a panel that need its cells: clusters by country and by year
(Cameron, Gelbach and Miller 2011), their jackknife (MacKinnon, Nielsen and Webb 2024),
and Driscoll and Kraay's (1998).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .. import clusters
from ..clusters import ClusterCrossProducts, ClusterFit, Layout, two_way_products
from ..covariance_factors import cluster_factor, kernel_of_years
from ..small_systems import one_by_one

# Least square of a column of length 1 that other columns must leave of it in a sample.
# With normal equations, 1e-16 of rounding becomes 1e-6 of a coefficient here.
LEAST_SHARE = 1e-10


class SampleFits(NamedTuple):
    """Coefficient of the first treatment and its variance, rows and clusters.

    ``sound``: there are more clusters than regressors, and the others leave enough of
    each regressor.
    """

    coef: Float[Array, "*s"]
    variance: Float[Array, "*s"]
    rows: Float[Array, "*s"]
    clusters: Float[Array, "*s"]
    sound: Bool[Array, "*s"]


def _fit(
    products: ClusterCrossProducts,
    weights: Float[Array, " G"],
    outcome: int | Int[Array, ""] = -1,
    *,
    layout: Layout,
) -> SampleFits:
    """The fit of the clusters with weight 1, the others have 0."""
    fit = clusters.fit(products, weights, layout=layout, outcome=outcome)
    there = jnp.einsum("g,gpp->p", weights, fit.A) > 0
    enough = there & (jnp.diagonal(fit.bread_inverse) <= 1 / LEAST_SHARE)
    slopes, x = layout.regressors - layout.dummies, layout.exogenous
    count = jnp.where(products.rows > 0, weights, 0).sum()
    return SampleFits(
        coef=fit.coef[x],
        variance=clusters.cv1(products, fit, weights)[x, x],
        rows=weights @ products.rows,
        clusters=count,
        sound=enough[layout.dummies :].all() & (count > slopes),
    )


@partial(jax.jit, static_argnames="layout")
def fit_clusters(
    products: ClusterCrossProducts, weights: Float[Array, "s G"], *, layout: Layout
) -> SampleFits:
    """Fits by sample of clusters, of columns that had length 1 in all of them."""
    return one_by_one(partial(_fit, products, layout=layout), weights)


# ------------------------------------------------------- variances that need the cells


class CellFit(NamedTuple):
    """Effect of every cell on the coefficient of the last regressor, net of all else.

    slopes
        Weights of the outcome: b = sum of slopes times y; 0 where unseen.
    residuals
        Residuals of the outcome, 0 where unseen.
    leverage
        Leverage of the cell, all effects included.
    """

    slopes: Float[Array, "G T"]
    residuals: Float[Array, "G T"]
    leverage: Float[Array, "G T"]


def fit_cells(
    M: Float[Array, "G T m"], seen: Float[Array, "G T"], fit: ClusterFit
) -> CellFit:
    """Fit the cells [controls, treatment, y], given the fit of their
    ``clusters.two_way_products`` with dummies of all years but the first."""
    columns = clusters.within_clusters(M, seen, dummies=M.shape[1] - 1)
    count = jnp.maximum(seen.sum(axis=1), 1)
    c, y = columns[:, :, :-1], columns[:, :, -1]
    spread = c @ fit.bread_inverse
    leverage = (spread * c).sum(axis=2) + seen / count[:, None]
    return CellFit(spread[:, :, -1], y - c @ fit.coef, leverage)


def two_way_variance(
    cells: CellFit, seen: Float[Array, "G T"], slopes: int
) -> Float[Array, ""]:
    """Clusters by country and by year: pyfixest's factor, that of the smaller dimension
    for all three terms, slopes and one constant counted. Not positive, it is NaN."""
    score = cells.slopes * cells.residuals
    total = (score.sum(axis=1) ** 2).sum() + (score.sum(axis=0) ** 2).sum()
    factor = cluster_factor(min(seen.shape), seen.sum(), slopes + 1)
    return _positive(factor * (total - (score**2).sum()))


def driscoll_kraay_variance(
    cells: CellFit, seen: Float[Array, "G T"], slopes: int, *, lags: int
) -> Float[Array, ""]:
    """Scores of a year, with Bartlett's weights 1 - j / (lags + 1) of lag j, and
    linearmodels' factor N / (N - K - G - T + 1)."""
    G, T = seen.shape
    h, N = (cells.slopes * cells.residuals).sum(axis=0), seen.sum()
    W = jnp.asarray(kernel_of_years(np.arange(T), lags).weights, h.dtype)
    return _positive(N / (N - slopes - G - T + 1) * (h @ W @ h))


def two_way_jackknife_variance(
    M: Float[Array, "G T m"],
    seen: Float[Array, "G T"],
    cells: CellFit,
    without_country: Float[Array, " G"],
    coef: Float[Array, ""],
) -> Float[Array, ""]:
    """CV3 by country, plus by year, less by row: (n - 1)/n times the sum of squared
    changes of the coefficient. NaN where it is not positive, or one country, year or
    row alone identifies the coefficient."""
    G, T, _ = M.shape
    ones = jnp.ones(G, M.dtype)

    def without_year(t: Array) -> Array:
        kept = jnp.where((jnp.arange(T) == t)[None, :], 0, seen)
        products, layout = two_way_products(M, kept, dummies=T)
        products = clusters.without_base(products, ones, layout=layout)
        fit = clusters.fit(products, ones, layout=layout)
        share = clusters.unexplained_share(fit, ones)[-1]
        return jnp.where(share >= LEAST_SHARE, fit.coef[-1], jnp.nan)

    by_year = jax.lax.map(without_year, jnp.arange(T)) - coef
    free = 1 - cells.leverage
    alone = free < _LEVERAGE_TOLERANCE
    by_row = jnp.where(
        alone, 0, cells.slopes * cells.residuals / jnp.where(alone, 1, free)
    )
    # A row that no other tells apart says nothing, unless the coefficient rests on it.
    largest = jnp.abs(cells.slopes).max()
    lost = (alone & (jnp.abs(cells.slopes) > _SLOPE_TOLERANCE * largest)).any()

    def squares(gap: Array, n: Array | int) -> Array:
        return (n - 1) / n * (gap**2).sum()

    total = squares(without_country - coef, G) + squares(by_year, T)
    total = total - squares(by_row, seen.sum())
    return jnp.where(lost, jnp.nan, _positive(total))


_LEVERAGE_TOLERANCE, _SLOPE_TOLERANCE = 1e-9, 1e-6


def _positive(variance: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.where(variance > 0, variance, jnp.nan)
