"""Estimates without each cluster, and what is made of them.

Symbols as in ``kernels.clusters``; besides,

    M_g       sum over the other clusters of A_h
    J_g       a generalised inverse of M_g
    beta_(g)  J_g sum over the others of b_h, the estimate without cluster g

Where the others do not tell all columns apart, J_g is the generalised inverse that
gives 0 to a column that those before it explain, in the order of ``clusters``:
treatments come last. What the other clusters identify is the same for any J_g.

Types of the wild cluster bootstrap (MacKinnon, Nielsen and Webb 2023a), the first digit
for the scores that are resampled, the second for the covariance of the statistic:

    11 (C)  X_g'u_g, CV1                        ``resampling.wild_loadings``
    13 (V)  X_g'u_g, CV3
    31 (S)  X_g'(y_g - X_g beta_(g)), CV1       beta_(g) restricted for WCR
    33 (B)  X_g'(y_g - X_g beta_(g)), CV3
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .clusters import (
    ClusterCrossProducts,
    ClusterFit,
    Layout,
    Leverages,
    correction,
    fit,
    form_sums,
    singly_identified,
)
from .low_rank import FEW, LowRankUpdate, others
from .resampling import WildLoadings
from .small_systems import one_by_one

# Of a column's square in the sample: what rounding leaves of a column that others
# explain.
_VANISHED = 1e-11


def independent_columns(
    M: Float[Array, "p p"], square: Float[Array, " p"]
) -> Bool[Array, " p"]:
    """Columns that those before them do not explain, of a positive semidefinite matrix;
    ``square`` is what its diagonal is compared with."""

    def step(k: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        S, kept = state
        row = jax.lax.dynamic_index_in_dim(S, k, 0, keepdims=False)
        keep = row[k] > _VANISHED * square[k]
        factor = jnp.where(keep, row / jnp.where(keep, row[k], 1), 0)
        later = jnp.arange(len(S)) > k
        S = S - jnp.where(later, factor, 0)[:, None] * row[None, :]
        return S, kept.at[k].set(keep)

    start = (M, jnp.zeros(len(M), bool))
    return jax.lax.fori_loop(0, len(M), step, start)[1]


def generalised_inverse(
    M: Float[Array, "p p"], kept: Bool[Array, " p"]
) -> Float[Array, "p p"]:
    """The inverse on the columns that are kept; the others get zeros."""
    both = kept[:, None] & kept[None, :]
    alone = jnp.diag(jnp.where(kept, 0.0, 1.0).astype(M.dtype))
    return jnp.where(both, jnp.linalg.inv(jnp.where(both, M, 0) + alone), 0)


def left_out_inverses(A: Float[Array, "G p p"]) -> Float[Array, "G p p"]:
    """J_g of each cluster."""
    M, square = others(A), jnp.einsum("gpp->p", A)
    kept = jax.vmap(independent_columns, in_axes=(0, None))(M, square)
    return one_by_one(generalised_inverse, M, kept)


def left_out(A: Float[Array, "G p p"], b: Float[Array, "G p"]) -> Float[Array, "G p"]:
    """beta_(g), 0 for columns that the others do not identify (see the module)."""
    return jnp.einsum("gpq,gq->gp", left_out_inverses(A), others(b))


@partial(jax.jit, static_argnames="layout")
def left_out_estimates(
    products: ClusterCrossProducts, *, layout: Layout
) -> Float[Array, "G q"]:
    """Estimates of X without each cluster by least squares, by generalised inverse."""
    p = layout.regressors
    left = left_out(products.S[:, :p, :p], products.S[:, :p, -1])
    return left[:, layout.exogenous :]


@jax.jit
def cv3j(left: Float[Array, "G q"]) -> Float[Array, "q q"]:
    """CV3 around the mean of the estimates without each cluster, not the estimate."""
    G = len(left)
    gap = left - left.mean(axis=0)[None]
    return (G - 1) / G * gap.T @ gap


@jax.jit
def v5(coef: Float[Array, " q"], left: Float[Array, "G q"]) -> Float[Array, "q q"]:
    """Hansen's (2025) jackknife, sum (beta_(g) - beta)(beta_(g) - beta)'.

    Never biased down, whatever the errors within clusters: beta - beta_(g) =
    B X_g'(y_g - X_g beta_(g)), where the errors of y_g and those of beta_(g) are
    independent, so that its mean square is at least that of B X_g'e_g; the sum of
    these is the variance. It holds for any generalised inverse. Where cluster g alone
    identifies an effect, beta_(g) is 0: the standard error is at least as large as the
    estimate, and |t| at most 1.
    """
    gap = left - coef[None, :]
    return gap.T @ gap


@partial(jax.jit, static_argnames="centred")
def degrees(
    fit: ClusterFit,
    contrast: Float[Array, " p"],
    spectrum: Leverages,
    *,
    centred: bool = False,
) -> Float[Array, "2"]:
    """Degrees of freedom of a jackknife t, and what its variance is too large by.

    beta_(g) - beta = -B X_g'(I - H_gg)^-1 u_g, so that V5 is a quadratic form of the
    errors, with iid normal ones sum l_j chi2(1). It is matched to a scaled chi2 by two
    moments, as Bell and McCaffrey (2002) match CV2: (sum l)^2 / sum l^2 degrees, and
    sum l over the variance of the contrast, which CV2 has at 1 and V5 above. t times
    the root of the second is held against t of the first. ``centred``: of CV3J. NaN
    where one cluster alone identifies a part of the contrast.
    """
    total, squares = form_sums(fit, contrast, spectrum, -1.0, centred=centred)
    found = [
        total**2 / squares,
        total / (contrast @ fit.bread_inverse @ contrast),
    ]
    served = ~singly_identified(spectrum, contrast).any()
    return jnp.where(served, jnp.stack(found), jnp.nan)


# ------------------------------------------------------------------ the wild bootstrap


@partial(jax.jit, static_argnames=("layout", "restricted", "scores", "variance"))
def jackknife_loadings(
    products: ClusterCrossProducts,
    R: Float[Array, "h p"],
    r: Float[Array, " h"],
    *,
    layout: Layout,
    restricted: bool = True,
    scores: bool = True,
    variance: bool = True,
) -> WildLoadings:
    """``resampling.wild_loadings`` of the types 31 (``scores``), 13 (``variance``) and
    33 (both).

    With CV3 the row of cluster g is R (delta - delta_(g)) = R J_g (s_g v_g - A_g delta)
    where delta = B sum_h s_h v_h: the others must identify R beta.
    """
    full = fit(products, jnp.ones_like(products.rows), layout=layout)
    b = products.S[:, : layout.regressors, -1]
    if scores:
        each = (
            _restricted_left_out(full.A, b, R, r) if restricted else left_out(full.A, b)
        )
    else:
        each = _restricted(full, R, r) if restricted else full.coef
    if variance:
        inverses, factor = left_out_inverses(full.A), (len(b) - 1) / len(b)
    else:
        inverses, factor = full.bread_inverse[None], correction(products)
    return _loadings(full, b, each, R, inverses, jnp.asarray(factor, b.dtype))


class WildTypes(NamedTuple):
    """Loadings of the types 11, 13, 31 and 33 on a first axis, in this order."""

    restricted: WildLoadings
    unrestricted: WildLoadings


TYPES = ("11", "13", "31", "33")


def wild_types(
    products: ClusterCrossProducts,
    R: Float[Array, "h p"],
    r: Float[Array, " h"],
    *,
    layout: Layout,
) -> WildTypes:
    """Every type at once: what they have in common is computed once."""
    full = fit(products, jnp.ones_like(products.rows), layout=layout)
    b = products.S[:, : layout.regressors, -1]
    inverses = left_out_inverses(full.A)
    of_variance = (
        (full.bread_inverse[None], correction(products)),
        (inverses, jnp.asarray((len(b) - 1) / len(b), b.dtype)),
    )

    def stacked(fitted: Array, jackknifed: Array) -> WildLoadings:
        made = [
            _loadings(full, b, each, R, *variance)
            for each in (fitted, jackknifed)
            for variance in of_variance
        ]
        return jax.tree.map(lambda *each: jnp.stack(each), *made)

    without = jnp.einsum("gpq,gq->gp", inverses, others(b))
    return WildTypes(
        stacked(_restricted(full, R, r), _restricted_left_out(full.A, b, R, r)),
        stacked(full.coef, without),
    )


def _restricted(
    full: ClusterFit, R: Float[Array, "h p"], r: Float[Array, " h"]
) -> Float[Array, " p"]:
    """The estimate under R beta = r."""
    B = full.bread_inverse
    gap = jnp.linalg.solve(R @ B @ R.T, R @ full.coef - r)
    return full.coef - B @ R.T @ gap


def _loadings(
    full: ClusterFit,
    b: Float[Array, "G p"],
    each: Float[Array, "*p"],
    R: Float[Array, "h p"],
    inverses: Float[Array, "#G p p"],
    factor: Float[Array, ""],
) -> WildLoadings:
    """Scores by the estimates ``each`` (of a cluster, or of all), t by ``inverses``."""
    A, B = full.A, full.bread_inverse
    s = b - jnp.einsum("gpq,gq->gp", A, jnp.broadcast_to(each, b.shape))
    delta = B @ s.T
    eye = jnp.eye(len(s), dtype=s.dtype)
    RJ = jnp.einsum("hp,gpq->hgq", R, inverses)
    RJ = jnp.broadcast_to(RJ, (len(R), *s.shape))
    own = jnp.einsum("hgp,gp->hg", RJ, s)
    if len(s) > FEW:
        L = LowRankUpdate(own, jnp.einsum("hgp,gpq->hgq", RJ, A), delta.T)
        return WildLoadings(R @ delta, L, factor)
    rest = jnp.einsum("hgp,gpq,qk->hgk", RJ, A, delta)
    return WildLoadings(R @ delta, own[:, :, None] * eye[None] - rest, factor)


def _restricted_left_out(
    A: Float[Array, "G p p"],
    b: Float[Array, "G p"],
    R: Float[Array, "h p"],
    r: Float[Array, " h"],
) -> Float[Array, "G p"]:
    """beta_(g) under R beta = r: beta = b0 + N free, b0 and N from R."""
    h = len(R)
    Q, T = jnp.linalg.qr(R.T, mode="complete")
    b0 = Q[:, :h] @ jnp.linalg.solve(T[:h].T, r)
    N = Q[:, h:]
    net = jnp.einsum("pf,gp->gf", N, b - A @ b0)
    free = left_out(jnp.einsum("pf,gpq,qe->gfe", N, A, N), net)
    return b0[None] + free @ N.T
