"""Many specifications of one effect, from cross products that they share.

    g   clusters                                                 (G of them)
    Q   an orthonormal basis of the dummies of a base            (d columns)
    F   factors: every control, treatment and outcome of a base  (f columns)
    m   columns of [Q, F]                                        (d + f of them)
    C   columns [Q, W, x] of a specification: W controls, x treatment
    h   the row weights of the effect, beta = h'y, h in the span of C
    B   draws, always the last axis

A base is what specifications share: rows, their weights, effects. Its factors are net
of the effects and have length 1; a factor that the base lacks is 0. All that a
specification needs is in the products F_g'[Q_g, F_g] of its base: it chooses controls,
a treatment and an outcome among the factors. Products of fewer columns than the largest
base has are filled up with zeros, and so are those of clusters that a base leaves out:
one program serves all specifications.

The null is imposed on each specification by itself, with restricted residuals (WCR of
Cameron, Gelbach and Miller 2008), where Simonsohn, Simmons and Nelson (2020) take the
estimated effect out of the outcome; a cluster has the same wild weight in all
specifications of a draw, which keeps what they have in common.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .resampling import WildLoadings, wild_statistics
from .small_systems import one_by_one


class Choice(NamedTuple):
    """A specification: weight 1 for each of its controls, the places of its treatment
    and its outcome among the factors."""

    controls: Float[Array, " f"]
    treatment: Int[Array, ""]
    outcome: Int[Array, ""]


class SpecificationFit(NamedTuple):
    """The estimate of one specification, columns of length 1.

    coef
        The effect.
    scores
        h_g'u_g by cluster; CV1 is the correction times their sum of squares.
    leverage
        h'h: the variance of the estimate with iid errors of variance 1.
    residual
        Sum of squared residuals u'u.
    kept
        The least share of a regressor's variation that the others leave.
    gradient
        The largest W'u or x'u: what rounding leaves of 0.
    a, L
        Loadings as in ``kernels.resampling.WildLoadings``.
    """

    coef: Float[Array, ""]
    scores: Float[Array, " G"]
    leverage: Float[Array, ""]
    residual: Float[Array, ""]
    kept: Float[Array, ""]
    gradient: Float[Array, ""]
    a: Float[Array, " G"]
    L: Float[Array, "G G"]


def fit_specification(
    products: Float[Array, "G f m"], choice: Choice
) -> SpecificationFit:
    """One specification of a base, and what its wild draws are made of.

    With e the column of (C'C)^-1 of the effect, h = C e, and r the restricted residual
    u + h (h'y) / (h'h): a_g = h_g'r_g, and cluster g of a draw with weights v has
    h_g'(r_g v_g - C_g (C'C)^-1 sum_k C_k'r_k v_k) = L_g v.
    """
    f = products.shape[1]
    d = products.shape[2] - f
    dtype = products.dtype
    treated = jnp.zeros(f, dtype).at[choice.treatment].set(1)
    explained = jnp.zeros(f, dtype).at[choice.outcome].set(1)
    used = choice.controls + treated
    S = products[:, :, d:].sum(axis=0)
    both = used[:, None] * used[None, :]
    inverse = both * jnp.linalg.inv(S * both + jnp.diag(1 - used))
    own = jnp.diagonal(S) * jnp.diagonal(inverse)
    kept = jnp.where(used > 0, 1 / jnp.where(own > 0, own, 1), 1).min()
    e = inverse @ treated
    leverage = e[choice.treatment]
    beta = inverse @ (S @ explained)
    coef = beta[choice.treatment]
    u = explained - beta
    r = u + coef / jnp.where(leverage > 0, leverage, 1) * e
    h = jnp.einsum("f,gfc->gc", e, products)
    restricted = jnp.einsum("f,gfc->gc", r, products)
    a = h[:, d:] @ r
    fitted = h[:, :d] @ restricted[:, :d].T
    fitted = fitted + h[:, d:] @ inverse @ restricted[:, d:].T
    return SpecificationFit(
        coef=coef,
        scores=h[:, d:] @ u,
        leverage=leverage,
        residual=u @ S @ u,
        kept=kept,
        gradient=jnp.abs(used * (S @ u)).max(),
        a=a,
        L=jnp.diag(a) - fitted,
    )


@jax.jit
def fit_of_base(products: Float[Array, "G f m"], choices: Choice) -> SpecificationFit:
    """Specifications of one base, stacked."""
    one = partial(fit_specification, products)
    return one_by_one(lambda *choice: one(Choice(*choice)), *choices)


def specification_statistics(
    loadings: WildLoadings, v: Float[Array, "G B"], count: Int[Array, ""]
) -> Float[Array, "s B"]:
    """t of the first ``count`` stacked specifications in every draw, 0 of the others.

    One after the other: what a specification makes of the draws stays in a core's
    cache.
    """

    def one(k: Array, so_far: Array) -> Array:
        own = jax.tree.map(
            lambda each: jax.lax.dynamic_index_in_dim(each, k, keepdims=False), loadings
        )
        return so_far.at[k].set(wild_statistics(own, v))

    empty = jnp.zeros((len(loadings.a), v.shape[1]), v.dtype)
    return jax.lax.fori_loop(0, count, one, empty)
