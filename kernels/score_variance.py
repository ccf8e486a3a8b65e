"""Score-variance tests of the level of clustering.

MacKinnon, Nielsen and Webb (2023c): are the scores of H fine clusters (rows, countries)
correlated within G coarse ones (countries, regions), which hold them whole? Symbols as
in ``kernels.clusters``, of the fine clusters h; besides,

    c       B R / (R'B R): the treatment net of the other columns is X c
    s_h     c'X_h'u_h, the score of the treatment
    m_f     H/(H-1) (N-1)/(N-K), m_c the same of G; K counts every effect

    theta = m_c sum_g (sum_{h in g} s_h)^2 - m_f sum_h s_h^2
    tau   = theta / sqrt(2 sum_g (sum_{h in g} s_h^2)^2 - 2 sum_h s_h^4)

tau is N(0, 1) where the fine level is right, large where it is too fine.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import jackknife
from .clusters import ClusterFit
from .low_rank import LowRankUpdate


def jackknifed_scores(fit: ClusterFit, b: Float[Array, "H p"]) -> Float[Array, "H p"]:
    """X_h'(y_h - X_h beta_(h)), for b_h = X_h'y_h: residuals by the other clusters."""
    left = jackknife.left_out(fit.A, b)
    return b - jnp.einsum("hpq,hq->hp", fit.A, left)


def treatment_scores(
    fit: ClusterFit, R: Float[Array, " p"], T: Float[Array, "H p"]
) -> tuple[Float[Array, " H"], LowRankUpdate]:
    """s_h of the sample, and those of draws that resample T.

    The outcome of a draw is X beta + u_h v_h, and its scores those of its own fit
    (WCU): own_h = c'T_h, P_h = B A_h c. T holds X_h'u_h: the scores of the fit (type
    11), or with jackknifed residuals (31, ``kernels.jackknife``).
    """
    c = fit.bread_inverse @ R / (R @ fit.bread_inverse @ R)
    P = jnp.einsum("p,hpq->hq", c, fit.A) @ fit.bread_inverse
    return fit.scores @ c, LowRankUpdate(T @ c, P, T)


def tau(
    s: Float[Array, "H B"],
    coarse: Int[Array, " H"],
    m_f: Float[Array, ""],
    m_c: Float[Array, ""],
    *,
    clusters: int,
) -> tuple[Float[Array, " B"], Float[Array, " B"]]:
    """theta and tau by column of scores; ``coarse`` numbers the coarse clusters."""
    # A product of matrices: sums by index are several times slower on a CPU.
    inside = jax.nn.one_hot(coarse, clusters, axis=0, dtype=s.dtype)
    squares = s**2
    within = inside @ squares
    theta = m_c * ((inside @ s) ** 2).sum(axis=0) - m_f * within.sum(axis=0)
    variance = 2 * (within**2).sum(axis=0) - 2 * (squares**2).sum(axis=0)
    return theta, theta / jnp.sqrt(variance)
