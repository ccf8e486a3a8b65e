"""Spatial-correlation-robust intervals of Mueller and Watson (SCPC).

Mueller and Watson (2022, Econometrica 90: 2901-35), without the adjustment for
regressors of their paper of 2023. Errors of n places s_l have at most the correlation
exp(-c |s_l - s_m|), c >= c_0, c_0 such that it is ``average`` over all pairs:

    v_j     eigenvectors of M Sigma(c_0) M, M = I - 11'/n, the largest values first
    se^2    n / q sum over j <= q of (v_j'e)^2, e the influence of the places: u/n of a
            mean, of a coefficient b = h'y the products h u
    cv(q)   sup over c of P(|t| > cv) is the level, u normal with Sigma(c)
    q       the shortest expected interval where places are independent

t is z_0 / sqrt(sum z_j^2 / q) with z = W'u, W = (1/sqrt n, v_1 ... v_q), and covariance
Omega = W'Sigma W. With lambda_0 > 0 and -lambda_j < 0 the eigenvalues of
L' diag(1, -cv^2/q ...) L, LL' = Omega, and Craig's formula of the normal tail,

    P(|t| > cv) = 2/pi int_0^(pi/2) prod_j (1 + lambda_j/(lambda_0 sin^2 a))^(-1/2) da
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import gammaln

AVERAGE = 0.03  # correlation of pairs, as the authors' default
_MOST = 40  # components that are tried
_LEVEL = 0.05
_STEP = 1.2  # of c, from c_0 until the average correlation is
_LEAST = 1e-5
_NODES = np.polynomial.legendre.leggauss(200)


class Components(NamedTuple):
    """Parts that no outcome changes: c_0, v_1 ... v_q and critical values."""

    c0: float
    v: Float[np.ndarray, "n q"]
    omegas: Float[np.ndarray, "c q1 q1"]
    critical: float

    def p_value(self, t: float) -> float:
        """The largest probability of a larger abs(t)."""
        return rejection(self.omegas, abs(t)) if t else 1.0

    def se(self, influence: Float[np.ndarray, " n"]) -> float:
        n, q = self.v.shape
        return float(np.sqrt(n / q * ((self.v.T @ influence) ** 2).sum()))


def are_apart(distances: Float[np.ndarray, "n n"], average: float = AVERAGE) -> bool:
    """True if fewer pairs are at one place than may be correlated by 1."""
    return _mean(distances, np.inf) < average


def components(
    distances: Float[np.ndarray, "n n"], *, average: float = AVERAGE
) -> Components:
    """Choose the components of these places."""
    return _components(distances.tobytes(), len(distances), average)


@lru_cache(maxsize=16)  # models of one panel have the same places
def _components(places: bytes, n: int, average: float) -> Components:
    distances = np.frombuffer(places).reshape(n, n)
    c0 = decay(distances, average)
    M = np.eye(n) - 1 / n
    most = min(len(np.unique(distances, axis=0)) - 1, _MOST)
    v = np.linalg.eigh(M @ np.exp(-c0 * distances) @ M)[1][:, ::-1][:, :most]
    W = np.column_stack([np.full(n, n**-0.5), v])
    c, omegas = c0, []
    together = _mean(distances, np.inf)  # pairs at one place stay correlated
    while not omegas or _mean(distances, c) - together > _LEAST:
        omegas.append(W.T @ np.exp(-c * distances) @ W)
        c *= _STEP
    every = np.array(omegas)
    best = (np.inf, 1, np.inf)
    for q in range(1, v.shape[1] + 1):
        if q > 2 * best[1] + 4:  # intervals only grow
            break
        critical = critical_value(every[:, : q + 1, : q + 1], _LEVEL)
        # E sqrt(chi2_q / q)
        spread = np.sqrt(2 / q) * np.exp(gammaln((q + 1) / 2) - gammaln(q / 2))
        best = min(best, (critical * float(spread), q, critical))
    q = best[1]
    return Components(c0, v[:, :q], every[:, : q + 1, : q + 1], best[2])


def decay(distances: Float[np.ndarray, "n n"], average: float) -> float:
    """c of exp(-c d) whose mean over pairs is ``average``."""
    low = high = 1 / distances[distances > 0].mean()
    while _mean(distances, low) < average:
        low /= 2
    while _mean(distances, high) > average:
        high *= 2
    return zero_between(lambda c: _mean(distances, c) - average, low, high)


def zero_between(function: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a function between two ends of other signs."""
    return float(cast(float, brentq(function, low, high, xtol=1e-12)))


def _mean(distances: Float[np.ndarray, "n n"], c: float) -> float:
    n = len(distances)
    near = (distances == 0) if c == np.inf else np.exp(-c * distances)
    return float((near.sum() - n) / (n * (n - 1)))


def critical_value(omegas: Float[np.ndarray, "c q1 q1"], level: float) -> float:
    """cv that the largest P(|t| > cv) over these covariances equals the level at."""
    high = 4.0
    while rejection(omegas, high) > level:
        high *= 2
    return zero_between(lambda k: rejection(omegas, k) - level, 0.5, high)


def rejection(omegas: Float[np.ndarray, "c q1 q1"], critical: float) -> float:
    """The largest P(|t| > critical) over these covariances."""
    q = omegas.shape[1] - 1
    L = np.linalg.cholesky(omegas)
    signs = np.array([1.0, *np.full(q, -(critical**2) / q)])
    values = np.linalg.eigvalsh(np.einsum("cij,i,cik->cjk", L, signs, L))
    ratio = -values[:, :-1] / values[:, -1:]
    angle, weight = (_NODES[0] + 1) * np.pi / 4, _NODES[1] * np.pi / 4
    terms = 1 + ratio[:, :, None] / np.sin(angle) ** 2
    return float((2 / np.pi * (terms**-0.5).prod(axis=1) @ weight).max())
