"""Block Jacobi with Chebyshev acceleration against NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.bench import block_jacobi

from helpers import (
    proportional_inputs,
    random_inputs,
    single_supplier_inputs,
    small_world,
    system,
    worst_residual,
)

TOLERANCE = 1e-12  # asked for
# A column that misses by 1e-12 of its norm misses NumPy by up to |B| times that;
# measured 3e-14 of the largest entry.
RTOL = 1e-11


def demand(n, columns, seed=9):
    return np.random.default_rng(seed).lognormal(size=(n, columns))


def solve(A, Y, regions, **kwargs):
    return block_jacobi.solve(jnp.asarray(A), jnp.asarray(Y), regions=regions, **kwargs)


@pytest.mark.parametrize("regions, sectors, years", [(1, 5, 1), (5, 1, 1), (6, 8, 15)])
def test_agrees_with_numpy_on_a_synthetic_world(regions, sectors, years):
    A, Y = system(small_world(regions, sectors, years))
    answer = solve(A, Y, regions)
    expected = np.linalg.solve(np.eye(len(A)) - A, Y)
    assert_allclose(answer.X, expected, rtol=RTOL, atol=RTOL * expected.max())
    assert answer.residual <= TOLERANCE


def test_residual_returned_is_the_one_measured():
    """To 1 %, or to rounding (measured 4e-16 where both are rounding)."""
    A = proportional_inputs(regions=5, sectors=4)
    Y = demand(20, 5)
    for tol in (1e-12, 1e-3):
        answer = solve(A, Y, 5, tol=tol)
        measured = worst_residual(A, np.asarray(answer.X), Y)
        assert_allclose(answer.residual, measured, rtol=0.01, atol=1e-15)


def test_without_trade_one_cycle_reaches_float32_and_two_the_tolerance():
    autarky = random_inputs(12, share=0.5) * np.kron(np.eye(4), np.ones((3, 3)))
    answer = solve(autarky, demand(12, 4), 4)
    assert answer.residual <= TOLERANCE
    assert answer.passes == 16


def test_where_it_stalls_the_residual_says_so():
    A = single_supplier_inputs(regions=8, sectors=10, home=0.3)
    Y = demand(80, 8)
    answer = solve(A, Y, 8)
    assert answer.residual > 1e-4
    measured = worst_residual(A, np.asarray(answer.X), Y)
    assert_allclose(answer.residual, measured, rtol=0.01)


def test_answer_has_the_dtype_of_the_demand():
    A, Y = proportional_inputs(regions=5, sectors=4), demand(20, 5)
    answer = solve(A.astype("float32"), Y.astype("float32"), 5, tol=1e-5)
    assert answer.X.dtype == answer.residual.dtype == jnp.float32
    assert answer.residual <= 1e-5
