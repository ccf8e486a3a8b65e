"""Small-sample factors of covariances, and the kernel of years.

Plain arithmetic without JAX, which takes a second to load: estimates of one regression
need no more.
"""

from typing import Any, NamedTuple

import numpy as np


def cluster_factor(G: Any, N: Any, k: Any) -> Any:
    """G/(G-1) (N-1)/(N-k), the small-sample factor of CV1: of numbers or arrays."""
    return G / (G - 1) * (N - 1) / (N - k)


class KernelOfYears(NamedTuple):
    """A Bartlett kernel; the share of the variance of T independent years that it finds
    on average, and Satterthwaite's degrees of freedom, rounded down."""

    weights: np.ndarray
    scale: float
    degrees: int


def kernel_of_years(years: np.ndarray, lags: int) -> KernelOfYears:
    """A = the kernel between deviations from the mean of T years: tr A / T, and
    (tr A)^2 / tr A^2, at least 1. ``years`` need not follow each other."""
    T = len(years)
    gap = np.abs(np.subtract.outer(years, years))
    W = np.maximum(0, 1 - gap / (lags + 1))
    A = W - W.mean(axis=0)
    A = A - A.mean(axis=1)[:, None]
    total = float(np.trace(A))
    degrees = int(total**2 / np.sum(A * A) + 1e-9) if total > 0 else 1
    return KernelOfYears(W, total / T, max(1, degrees))


def default_lags(T: int) -> int:
    """Years over which a common shock is taken to last: a fifth of all."""
    return round(T / 5)
