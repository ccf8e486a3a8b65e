"""Cycles of refinement by themselves: what their residual says, and when it is wrong."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import import_share
from tivax.kernels.refinement import correction, in_tiles, refine, while_on_host

from helpers import assert_says, random_inputs, worst_residual

N, K = 40, 3
TOLERANCE = 1e-12


def a_system():
    A = random_inputs(N, share=0.6)
    return A, np.random.default_rng(4).lognormal(size=(N, K))


class Products:
    """Products with A that count how often they were asked for, and a correction that
    is right but for ``wrong``."""

    def __init__(self, A, *, wrong=1e-7, low_is_off=0.0):
        self.A, self.wrong, self.low_is_off = A, wrong, low_is_off
        self.exact = self.rough = 0

    def times(self, X):
        self.exact += 1
        return jnp.asarray(self.A @ np.asarray(X))

    def low(self, z):
        self.rough += 1
        product = self.A.astype(np.float32) @ np.asarray(z)
        return jnp.asarray(product * np.float32(1 + self.low_is_off))

    def correct(self, r, goal):
        z = np.linalg.solve(np.eye(N) - self.A, np.asarray(r, float))
        return jnp.asarray((z * (1 + self.wrong)).astype(np.float32)), 1

    def solve(self, Y, **options):
        given = (self.times, self.low, self.correct, jnp.asarray(Y), TOLERANCE)
        return refine(*given, repeat=while_on_host, **options)


def test_a_second_cycle_needs_no_product_in_float64():
    A, Y = a_system()
    products = Products(A)
    answer = products.solve(Y)
    assert (products.exact, products.rough) == (1, 1)
    assert answer.passes == 2 * 1 + 1 + 1
    assert answer.residual <= TOLERANCE
    assert_says(float(answer.residual), worst_residual(A, np.asarray(answer.X), Y))


def test_a_start_costs_a_product_and_the_first_cycle_goes_on_from_it():
    """By halves: the first cycle is asked for the other half only."""
    A, Y = a_system()
    products = Products(A)
    asked = []

    def correct(r, goal):
        asked.append(np.linalg.norm(r, axis=0))
        return Products.correct(products, r, goal)

    products.correct = correct
    answer = products.solve(Y, start=lambda r: products_half(A, r))
    assert_allclose(asked[0], 0.5, rtol=1e-5)  # float32
    assert (products.exact, products.rough) == (1, 2)
    assert answer.passes == 1 + 2 * 1 + 1 + 1
    assert_says(float(answer.residual), worst_residual(A, np.asarray(answer.X), Y))


def products_half(A, r):
    z = np.linalg.solve(np.eye(N) - A, np.asarray(r, float)) / 2
    return jnp.asarray(z.astype(np.float32))


@pytest.mark.parametrize(
    ("left", "passes"),
    # 0.01^2, 0.01^3 is expected next of the first, 0.01^2 and 0.001^2 of the others.
    [(1.0, 2), (0.01, 1), (0.001, 0)],
)
def test_a_residual_that_is_small_takes_fewer_passes(left, passes):
    """M = 0 and P^-1 = 0.99: every application gains a factor of a hundred."""
    r = jnp.full((4, 2), left / 2, jnp.float32)
    goal = jnp.full(2, 1e-5, jnp.float32)
    z, taken = correction(jnp.zeros_like, lambda r: 0.99 * r, r, goal)
    assert taken == passes
    assert_allclose(z, r, atol=1e-5)


def test_a_correction_that_is_off_is_seen():
    """By 1e-3 each time: 1e-6 after two cycles, 1e-12 after four."""
    A, Y = a_system()
    products = Products(A, wrong=1e-3)
    answer = products.solve(Y)
    # float64 once more wherever float32 says that the tolerance is missed.
    assert products.exact >= 3
    assert_says(float(answer.residual), worst_residual(A, np.asarray(answer.X), Y))


def test_a_product_in_float32_that_is_off_does_not_end_it():
    """It says 1e-9 where the residual is 1e-14: float64 is asked, and believed."""
    A, Y = a_system()
    products = Products(A, low_is_off=0.01)
    answer = products.solve(Y)
    assert products.exact == 2
    measured = worst_residual(A, np.asarray(answer.X), Y)
    assert answer.residual == pytest.approx(measured, rel=0.01, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [3, 12, 32, 33, 44, 48, 64, 70])
def test_a_product_in_tiles_is_the_product(k, dtype):
    """In whole numbers, so to the bit; in float64 what is left over from 32 columns
    is a product of its own."""
    g = np.random.default_rng(k)
    A, X = (g.integers(-9, 9, size).astype(dtype) for size in ((7, 5), (5, k)))
    widths = []

    def times(X):
        widths.append(X.shape[1])
        return jnp.asarray(A) @ X

    np.testing.assert_array_equal(in_tiles(times, jnp.asarray(X)), A @ X)
    assert all(width % 16 == 0 or width == k <= 8 for width in widths)
    assert (16 in widths) == (dtype == np.float64 and k in (33, 44, 48, 70) or k == 12)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.1, 1.0])
@pytest.mark.parametrize(("regions", "sectors"), [(3, 4), (6, 10), (12, 20)])
def test_residuals_are_said_as_they_are_or_larger(regions, sectors, noise):
    """Systems and transposed ones, imports from proportional to anything."""
    n = regions * sectors
    rng = np.random.default_rng((regions, round(1000 * noise)))
    home, used = rng.random((2, regions, sectors, sectors)) ** 4
    share = rng.random((sectors, regions, regions)) * (1 - np.eye(regions))
    share /= share.sum(axis=1, keepdims=True)
    A = np.einsum("ird,dij->ridj", share, used)
    A *= np.exp(noise * rng.normal(size=A.shape))
    A[range(regions), :, range(regions)] = home
    A = A.reshape(n, n)
    A *= (rng.uniform(0.3, 0.7, n) / A.sum(axis=0))[None, :]
    Y = rng.lognormal(size=(n, regions))
    solve = partial(import_share.solve, regions=regions)
    of_contents = partial(
        import_share.solve_contents, regions=regions, size=jnp.asarray(Y.sum(axis=1))
    )
    for side, M in ((solve, A), (of_contents, A.T)):
        answer = side(jnp.asarray(A), jnp.asarray(Y))
        assert answer.residual <= TOLERANCE
        assert_says(float(answer.residual), worst_residual(M, np.asarray(answer.X), Y))
