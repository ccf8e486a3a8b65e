"""Imputed effects of a treatment that stays (Borusyak, Jaravel and Spiess 2024).

e   the outcome less what untreated cells say of it
v   weights of the outcome in a mean of e over treated cells: a in these, elsewhere
    what takes out effects of units and periods and the controls
s   scores of clusters, sums of v e, of treated cells less their mean by squared
    weights of clusters (their equations 7 and 8); s's is the variance
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .small_systems import solve


class ImputationCells(NamedTuple):
    """A panel by unit and period: [controls, y], 0 where not ``seen``; d, 1 where it is
    treated; ``a`` of each mean; units of clusters; and the pseudo-inverse of dummies of
    periods in untreated cells, net of units."""

    columns: Float[Array, "n T m"]
    seen: Float[Array, "n T"]
    d: Float[Array, "n T"]
    a: Float[Array, "q n T"]
    members: Float[Array, "G n"]
    inverse: Float[Array, "T T"]


def imputed(cells: ImputationCells, y: Float[Array, "n T"]) -> Float[Array, "n T"]:
    """e: residuals of untreated cells, effects of treated ones."""
    w = (cells.seen * (1 - cells.d))[..., None]
    columns = cells.columns.at[..., -1].set(y)

    def of_units(c: Float[Array, "_ T m"]) -> Float[Array, "n 1 m"]:
        return (w * c).sum(1, keepdims=True) / w.sum(1, keepdims=True)

    left = columns - of_units(columns)
    period = jnp.tensordot(cells.inverse, (w * left).sum(0), 1)[None]
    left = (left - period + of_units(period)) * cells.seen[..., None]
    X, e = left[..., :-1], left[..., -1]
    if X.shape[-1]:
        products = jnp.einsum("ntk,ntl->kl", w * X, left)[..., None]
        e = e - X @ solve(products[:, :-1], products[:, -1])[:, 0]
    return e


def cluster_scores(
    cells: ImputationCells, v: Float[Array, "n T"], e: Float[Array, "n T"]
) -> Float[Array, " G"]:
    """s, linear in e."""
    weight, effect, score = (
        cells.members @ k.sum(1) for k in (cells.d * v, cells.d * v * e, v * e)
    )
    return score - weight * (weight @ effect) / (weight @ weight)


def mean_effects(
    cells: ImputationCells,
) -> tuple[Float[Array, " q"], Float[Array, "q n T"], Float[Array, "q G"]]:
    """Means of effects, and v and s of each."""
    e, weights = jax.vjp(lambda y: imputed(cells, y), cells.columns[..., -1])
    (v,) = jax.vmap(weights)(cells.a)
    s = jax.vmap(lambda one: cluster_scores(cells, one, e))(v)
    return (cells.a * e[None]).sum((1, 2)), v, s


def wild_scores(
    cells: ImputationCells, u: Float[Array, "n T"], v: Float[Array, "n T"]
) -> tuple[Float[Array, " G"], Float[Array, "G G"]]:
    """Loadings of wild weights, which multiply residuals u: of the mean, and of s."""

    def of_cluster(units: Float[Array, " n"]) -> tuple[Array, Array]:
        y = units[:, None] * u
        return (v * y).sum(), cluster_scores(cells, v, imputed(cells, y))

    a, L = jax.lax.map(of_cluster, cells.members)
    return a, L.T


def placebo_effects(
    cells: ImputationCells, path: Int[Array, " n"]
) -> Float[Array, " s"]:
    """t of the means, then the means, where units have the treatment of others."""
    b, _, s = mean_effects(cells._replace(d=cells.d[path], a=cells.a[:, path]))
    return jnp.concatenate([b / jnp.sqrt((s**2).sum(1)), b])
