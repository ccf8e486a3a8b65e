"""Imputed effects of a treatment that stays (Borusyak, Jaravel and Spiess 2024).

e   the outcome less what untreated cells say of it; d: 1 where a cell is treated
v   weights of the outcome in a mean effect: a of treated cells, of untreated ones
    what takes out effects of units and periods and the controls
s   scores of clusters, sums of v (e - d m), m the mean e of the cell's group by
    squared weights of its clusters (their equation 8): s's is the variance
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .small_systems import solve


class ImputationCells(NamedTuple):
    """[controls, y], 0 where a cell is not ``seen``; the pseudo-inverse of dummies of
    periods in untreated cells, net of units; clusters of units; zeros."""

    columns: Float[Array, "n T m"]
    seen: Float[Array, "n T"]
    inverse: Float[Array, "T T"]
    cluster: Int[Array, " n"]
    empty: Float[Array, "G groups"]


class TreatedCells(NamedTuple):
    """d and, of each mean effect, a; and groups whose effects are averaged."""

    d: Float[Array, "n T"]
    a: Float[Array, "q n T"]
    group: Int[Array, "n T"]


def imputed(
    cells: ImputationCells, d: Float[Array, "n T"], y: Float[Array, "n T"]
) -> Float[Array, "n T"]:
    """e: residuals of untreated cells, effects of treated ones."""
    w = (cells.seen * (1 - d))[..., None]
    columns = cells.columns.at[..., -1].set(y)

    def of_units(c: Float[Array, "n T m"]) -> Float[Array, "n 1 m"]:
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
    cells: ImputationCells,
    treated: TreatedCells,
    v: Float[Array, "n T"],
    e: Float[Array, "n T"],
) -> Float[Array, " G"]:
    """s, linear in e."""
    place = cells.cluster[:, None], treated.group
    own, held = (cells.empty.at[place].add(treated.d * k) for k in (v, v * e))
    m = (own * held).sum(0) / jnp.maximum((own**2).sum(0), jnp.finfo(v.dtype).tiny)
    gap = v * (e - treated.d * m[treated.group])
    return jax.ops.segment_sum(gap.sum(1), cells.cluster, len(own))


def mean_effects(
    cells: ImputationCells, treated: TreatedCells
) -> tuple[Float[Array, " q"], Float[Array, "q n T"], Float[Array, "q G"]]:
    """The mean effects, v and s of each."""
    y = cells.columns[..., -1]
    e, weights = jax.vjp(lambda y: imputed(cells, treated.d, y), y)
    (v,) = jax.vmap(weights)(treated.a)
    s = jax.vmap(lambda one: cluster_scores(cells, treated, one, e))(v)
    return (treated.a * e).sum((1, 2)), v, s


def wild_scores(
    cells: ImputationCells,
    treated: TreatedCells,
    u: Float[Array, "n T"],
    v: Float[Array, "n T"],
) -> tuple[Float[Array, " G"], Float[Array, "G G"]]:
    """Loadings of the clusters' weights, which multiply u: of a mean effect, of s."""

    def of_cluster(g: Int[Array, ""]) -> tuple[Float[Array, ""], Float[Array, " G"]]:
        y = jnp.where(cells.cluster[:, None] == g, u, 0)
        e = imputed(cells, treated.d, y)
        return (v * y).sum(), cluster_scores(cells, treated, v, e)

    a, L = jax.lax.map(of_cluster, jnp.arange(len(cells.empty)))
    return a, L.T


def placebo_effects(
    cells: ImputationCells, treated: TreatedCells, path: Int[Array, " n"]
) -> Float[Array, " 2q"]:
    """Mean effects, then their t, where each unit has another one's treatment."""
    d, a, group = treated
    b, _, s = mean_effects(cells, TreatedCells(d[path], a[:, path], group[path]))
    return jnp.concatenate([b, b / jnp.sqrt((s**2).sum(1))])
