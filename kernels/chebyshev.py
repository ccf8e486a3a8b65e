"""Chebyshev iteration for a linear system whose spectrum is known roughly."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float
from numpy.polynomial import Chebyshev, Polynomial


def chebyshev(
    operator: Callable[[jax.Array], jax.Array],
    r: Float[Array, "..."],
    *,
    steps: int,
    low: float,
    high: float,
    precondition: Callable[[jax.Array], jax.Array] = lambda r: r,
) -> Float[Array, "..."]:
    """Approximate operator^-1 r after ``steps`` steps from zero.

    ``low`` and ``high`` enclose the spectrum of precondition * operator. The
    error polynomial is the Chebyshev polynomial of that interval, the smallest
    there is (Saad 2003, Iterative Methods for Sparse Linear Systems,
    algorithm 12.1). Costs ``steps`` preconditioners and ``steps - 1`` operators;
    ``steps`` is a Python number, the loop is unrolled.
    """
    centre, half_width = (high + low) / 2, (high - low) / 2
    sigma = centre / half_width
    rho = 1 / sigma
    d = precondition(r) / centre
    z = d
    for _ in range(steps - 1):
        r = r - operator(d)
        next_rho = 1 / (2 * sigma - rho)
        d = next_rho * rho * d + (2 * next_rho / half_width) * precondition(r)
        z = z + d
        rho = next_rho
    return z


def powers(*, steps: int, low: float, high: float) -> list[float]:
    """Coefficients a with a_0 r + a_1 G r + a_2 G^2 r + ... = ``chebyshev(I - G, r)``:
    for few steps, which so take fewer sums."""
    centre, half_width = (high + low) / 2, (high - low) / 2
    of_operator = Polynomial([1, -1])  # 1 - g
    T = Chebyshev.basis(steps).convert(kind=Polynomial)
    error = T((centre - of_operator) / half_width) / T(centre / half_width)
    return ((1 - error) // of_operator).coef.tolist()
