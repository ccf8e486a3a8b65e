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

from .clusters import ClusterFit


def treatment_scores(
    fit: ClusterFit, R: Float[Array, " p"], T: Float[Array, "H p"]
) -> tuple[Float[Array, " H"], Float[Array, "H H"]]:
    """s_h of the sample, and L with s* = L v for weights v of the fine clusters.

    T holds X_h'u_h: the scores of the fit, or jackknifed ones (``kernels.jackknife``).
    The outcome of a draw is X beta + u_h v_h, its scores those of its own fit:
    L_hk = s_k 1(h = k) - c'A_h B T_k (WCU).
    """
    c = fit.bread_inverse @ R / (R @ fit.bread_inverse @ R)
    cA = jnp.einsum("p,hpq->hq", c, fit.A)
    return fit.scores @ c, jnp.diag(T @ c) - cA @ fit.bread_inverse @ T.T


def tau(
    s: Float[Array, "H B"],
    coarse: Int[Array, " H"],
    m_f: Float[Array, ""],
    m_c: Float[Array, ""],
    *,
    clusters: int,
) -> tuple[Float[Array, " B"], Float[Array, " B"]]:
    """theta and tau by column of scores; ``coarse`` numbers the coarse clusters."""

    def sums(values: Float[Array, "H B"]) -> Float[Array, "G B"]:
        return jax.ops.segment_sum(values, coarse, num_segments=clusters)

    squares = s**2
    theta = m_c * (sums(s) ** 2).sum(axis=0) - m_f * squares.sum(axis=0)
    variance = 2 * (sums(squares) ** 2).sum(axis=0) - 2 * (squares**2).sum(axis=0)
    return theta, theta / jnp.sqrt(variance)
