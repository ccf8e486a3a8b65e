"""Chebyshev iteration against a direct solve and its own error polynomial."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels.chebyshev import chebyshev, powers

# The same arithmetic in another order: measured 4e-16.
RTOL = 1e-13


def run(eigenvalues, steps, low=0.5, high=1.5):
    """The answer for a diagonal operator and a right-hand side of ones."""
    diagonal = jnp.array(eigenvalues)
    return chebyshev(
        lambda z: diagonal * z, jnp.ones(len(diagonal)), steps=steps, low=low, high=high
    )


def test_one_step_divides_by_the_centre():
    assert_allclose(run([0.5, 1.5], 1, low=1.0, high=3.0), [0.5, 0.5], rtol=RTOL)


def test_two_steps_by_hand():
    """Interval [0.5, 1.5], eigenvalue 1.5: T_2(2) = 7, T_2(-1) = 1.

    The error after two steps is T_2((1 - 1.5) / 0.5) / T_2(1 / 0.5) = 1 / 7 of the
    answer 1 / 1.5.
    """
    assert_allclose(run([1.5], 2), [(1 - 1 / 7) / 1.5], rtol=RTOL)


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_error_is_the_chebyshev_polynomial_of_the_interval(steps):
    low, high = 0.7, 1.06
    eigenvalues = np.linspace(0.6, 1.2, 13)  # beyond both ends as well
    centre, half = (high + low) / 2, (high - low) / 2
    T = np.polynomial.chebyshev.Chebyshev.basis(steps)
    error = T((centre - eigenvalues) / half) / T(centre / half)
    z = run(eigenvalues, steps, low=low, high=high)
    assert_allclose(1 - eigenvalues * z, error, atol=RTOL)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_powers_of_what_is_not_the_identity_give_the_same(steps):
    low, high = 0.74, 1.04
    eigenvalues = np.linspace(0.6, 1.2, 13)
    a = powers(steps=steps, low=low, high=high)
    assert len(a) == steps
    by_powers = np.polynomial.polynomial.polyval(1 - eigenvalues, a)
    z = run(eigenvalues, steps, low=low, high=high)
    assert_allclose(by_powers, z, rtol=1e-12)  # sums in another order


def test_powers_by_hand():
    """One step divides by the centre; two, of [0.5, 1.5]: (16 - 8 (1 - g)) / 7."""
    assert_allclose(powers(steps=1, low=1.0, high=3.0), [0.5], rtol=RTOL)
    assert_allclose(powers(steps=2, low=0.5, high=1.5), [8 / 7, 8 / 7], rtol=RTOL)


def test_a_matrix_with_its_spectrum_in_the_interval_is_solved():
    """A gain of 3.7 a step: T_k(2) grows as (2 + sqrt 3)^k. Measured 8e-13."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    M = Q @ np.diag(np.linspace(0.5, 1.5, 6)) @ Q.T
    b = rng.normal(size=(6, 2))
    operator = jnp.array(M)
    z = chebyshev(lambda z: operator @ z, jnp.array(b), steps=22, low=0.5, high=1.5)
    assert_allclose(z, np.linalg.solve(M, b), rtol=1e-10)


def test_a_perfect_preconditioner_needs_one_step():
    diagonal = jnp.array([0.1, 7.0])
    how = {"steps": 1, "low": 0.9, "high": 1.1, "precondition": lambda r: r / diagonal}
    z = chebyshev(lambda z: diagonal * z, jnp.array([1.0, 1.0]), **how)
    assert_allclose(z, 1 / diagonal, rtol=RTOL)
