"""Effects of exporter-years, importer-years and pairs on a cube, by least squares.

    t, i, j      years, exporters, importers
    w_tij        weights; 0 where a cell is absent
    D theta      a_ti + c_tj + d_ij; d is 0 without pairs, symmetric if they are
    D'WD theta   the sums of w D theta by exporter-year, importer-year and pair

Given d, each year is a system of two ways, whose Schur complement of importers is
inverted once for a set of weights. Conjugate gradients find d, preconditioned by
sum_t w (Stammann 2018 and Correia 2017 solve the same equations by alternating means).
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Pairs = Literal["directed", "symmetric", "none"]

# The search stops where the system, which has a null space, is solved to rounding.
MOST = 50
# A share of its own weight, which makes the Schur complement of parts of a year that
# trade with no other part invertible, and is lost in rounding elsewhere.
RIDGE = 1e-13


class CubeEffects(NamedTuple):
    """A number for each exporter-year, importer-year and pair: effects, or sums."""

    exporters: Float[Array, "*r t i"]
    importers: Float[Array, "*r t j"]
    pairs: Float[Array, "*r i j"]


class WeightedCube(NamedTuple):
    """Weights, and what solving for effects takes of them."""

    weight: Float[Array, "t i j"]
    inverse: Float[Array, "t j j"]
    by_pair: Float[Array, "i j"]


def reciprocal(x: Array) -> Array:
    """1 / x, and 0 where x is 0."""
    return jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), 0)


def pair_sums(q: Float[Array, "*r i j"], pairs: Pairs) -> Float[Array, "*r i j"]:
    """Sums of both directions where pairs are symmetric."""
    return q + jnp.swapaxes(q, -1, -2) if pairs == "symmetric" else q


def sums_of(q: Float[Array, "*r t i j"], pairs: Pairs) -> CubeEffects:
    """Sums by exporter-year, by importer-year, and by pair."""
    return CubeEffects(q.sum(-1), q.sum(-2), pair_sums(q.sum(-3), pairs))


def spread(of: CubeEffects) -> Float[Array, "*r t i j"]:
    """The sum of the effects of each cell: D theta."""
    a, c, d = of
    return a[..., None] + c[..., None, :] + d[..., None, :, :]


def weighted(weight: Float[Array, "t i j"], pairs: Pairs) -> WeightedCube:
    """Weights, factored for :func:`solve_effects`."""
    inverse = jax.vmap(_inverse_of_year)(weight)
    return WeightedCube(weight, inverse, pair_sums(weight.sum(0), pairs))


def _inverse_of_year(weight: Float[Array, "i j"]) -> Float[Array, "j j"]:
    """Inverse of the Schur complement of importers in one year.

    Its null vector, a constant moved from exporters to importers, is filled with the
    mean weight; importers that buy nothing keep the effect 0.
    """
    bought, live = weight.sum(0), (weight.sum(0) > 0).astype(weight.dtype)
    schur = -weight.T @ (reciprocal(weight.sum(1))[:, None] * weight)
    schur += jnp.diag(jnp.where(bought > 0, bought, 1) * (1 + RIDGE))
    schur += bought.sum() * reciprocal(live.sum()) ** 2 * jnp.outer(live, live)
    half = jax.scipy.linalg.solve_triangular(
        jnp.linalg.cholesky(schur), jnp.eye(len(live), dtype=weight.dtype), lower=True
    )
    return half.T @ half


def _of_years(
    of: WeightedCube, sold: Float[Array, "t i"], bought: Float[Array, "t j"]
) -> tuple[Float[Array, "t i"], Float[Array, "t j"]]:
    """Effects a and c, where those of pairs are known and taken out of the sums."""
    share = reciprocal(of.weight.sum(2))
    net = bought - jnp.einsum("tij,ti->tj", of.weight, sold * share)
    c = jnp.einsum("tjk,tk->tj", of.inverse, net)
    return (sold - jnp.einsum("tij,tj->ti", of.weight, c)) * share, c


def solve_effects(
    of: WeightedCube, sums: CubeEffects, pairs: Pairs, tolerance: Float[Array, ""]
) -> CubeEffects:
    """The effects whose weighted sums these are: D'WD theta = sums.

    ``tolerance`` is the norm of what is left of the sums of pairs, in the norm of the
    inverse weights, over that of these sums.
    """
    sold, bought, by_pair = sums
    a, c = _of_years(of, sold, bought)
    if pairs == "none":
        return CubeEffects(a, c, jnp.zeros_like(by_pair))

    def of_pairs(a: Array, c: Array) -> Array:
        both = jnp.einsum("tij,ti->ij", of.weight, a) + jnp.einsum(
            "tij,tj->ij", of.weight, c
        )
        return pair_sums(both, pairs)

    def of_partners(d: Array) -> tuple[Array, Array]:
        return jnp.einsum("tij,ij->ti", of.weight, d), jnp.einsum(
            "tij,ij->tj", of.weight, d
        )

    scale = reciprocal(of.by_pair)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        d, left, along, size, k = state
        image = of.by_pair * along - of_pairs(*_of_years(of, *of_partners(along)))
        length = size * reciprocal(jnp.vdot(along, image))
        d, left = d + length * along, left - length * image
        towards = scale * left
        new = jnp.vdot(left, towards)
        return d, left, towards + new * reciprocal(size) * along, new, k + 1

    left = by_pair - of_pairs(a, c)
    towards = scale * left
    aim = tolerance**2 * jnp.vdot(by_pair, scale * by_pair)
    size = jnp.vdot(left, towards)
    begin = (jnp.zeros_like(by_pair), left, towards, size, jnp.asarray(0))
    d, *_ = jax.lax.while_loop(lambda s: (s[3] > aim) & (s[4] < MOST), step, begin)
    sells, buys = of_partners(d)
    return CubeEffects(*_of_years(of, sold - sells, bought - buys), d)


def net_of_effects(
    of: WeightedCube,
    x: Float[Array, "t i j"],
    pairs: Pairs,
    tolerance: Float[Array, ""],
) -> Float[Array, "t i j"]:
    """x less its weighted projection on the effects; absent cells stay as they come."""
    return x - spread(
        solve_effects(of, sums_of(of.weight * x, pairs), pairs, tolerance)
    )
