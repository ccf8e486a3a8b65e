"""Eliminations with the batch last, by hand and against LAPACK one system at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import small_systems

from helpers import matrix_by_matrix

# Elimination without pivots against LAPACK with them, condition numbers of 100: measured
# 3e-15.
RTOL = 1e-13
# Pivots of rounding are skipped; what they leave is the others' own rounding.
VANISHED_ATOL = 1e-9
# By hand: integers, halves and quarters.
EXACT = 1e-15


def systems(m: int, batch: int = 7, seed: int = 0) -> np.ndarray:
    """Symmetric positive definite, eigenvalues from 0.1 to 10; the batch last."""
    rng = np.random.default_rng(seed + 100 * m)
    Q = np.linalg.qr(rng.normal(size=(batch, m, m))).Q
    size = np.geomspace(0.1, 10, m) if m > 1 else np.array([2.0])
    S = np.einsum("bij,j,bkj->ikb", Q, size, Q)
    return (S + S.transpose(1, 0, 2)) / 2


# -------------------------------------------------------------------------- by hand


def test_eliminating_one_of_two_columns_by_hand():
    """5 - 3 x 3 / 4 and, of three columns, the same in each cell."""
    S = jnp.array([[4.0, 3.0, 2.0], [3.0, 5.0, 1.0], [2.0, 1.0, 6.0]])[:, :, None]
    left = small_systems.eliminate(S, columns=1)
    assert_allclose(left[:, :, 0], [[2.75, -0.5], [-0.5, 5.0]], rtol=EXACT)


def test_solving_a_system_of_two_by_hand():
    """4 x + 2 y = 8 and 2 x + 5 y = 12: x = 1, y = 2."""
    A = jnp.array([[4.0, 2.0], [2.0, 5.0]])[:, :, None]
    x = small_systems.solve(A, jnp.array([[8.0], [12.0]]))
    assert_allclose(x[:, 0], [1, 2], rtol=EXACT)


# ------------------------------------------------------------- second implementation


@pytest.mark.parametrize("k", range(1, 9))
def test_solutions_are_those_of_numpy(k):
    A, b = systems(k), np.random.default_rng(k).normal(size=(k, 7))
    x = small_systems.solve(jnp.asarray(A), jnp.asarray(b))
    expected = np.linalg.solve(A.transpose(2, 0, 1), b.T[:, :, None])[:, :, 0].T
    assert_allclose(x, expected, rtol=0, atol=RTOL * np.abs(expected).max())


# Up to 12 written out, beyond that the first ones in a loop.
@pytest.mark.parametrize("columns", [0, 1, 3, 12, 13, 14, 20])
@pytest.mark.parametrize("left", [1, 4])
def test_what_is_left_is_the_schur_complement_of_numpy(columns, left):
    S, c = systems(columns + left), columns
    own = small_systems.eliminate(jnp.asarray(S), columns=c)
    assert own.shape == (left, left, 7)
    for k in range(7):
        one = S[:, :, k]
        taken = one[c:, :c] @ np.linalg.solve(one[:c, :c], one[:c, c:])
        assert_allclose(own[:, :, k], one[c:, c:] - taken, rtol=0, atol=RTOL * 10)


@pytest.mark.parametrize("columns", [0, 1, 3, 14])
def test_a_regression_gives_what_is_left_and_the_coefficients_of_numpy(columns):
    S, c = systems(columns + 2), columns
    left, on = small_systems.regress(jnp.asarray(S), columns=c)
    expected = small_systems.eliminate(jnp.asarray(S), columns=c)
    assert_allclose(left, expected, rtol=0, atol=RTOL * 10)
    for k in range(7):
        literal = np.linalg.solve(S[:c, :c, k], S[:c, c:, k])
        assert_allclose(on[:, :, k], literal, rtol=0, atol=RTOL * 10)


def test_a_collinear_column_has_a_coefficient_of_zero():
    """In one system of two; the others' are those without it."""
    M = np.random.default_rng(1).normal(size=(30, 5))
    N = M.copy()
    N[:, 1] = 2 * N[:, 0]
    S = np.stack([M.T @ M, N.T @ N], axis=2)
    left, on = small_systems.regress(jnp.asarray(S), columns=3)
    rest = [0, 2]
    literal = np.linalg.lstsq(N[:, rest], N[:, 3:], rcond=None)[0]
    assert_array_equal(on[1, :, 1], 0)
    assert_allclose(on[np.array(rest), :, 1], literal, rtol=0, atol=RTOL * 30)
    assert (on[1, :, 0] != 0).all() and np.isfinite(left).all()


def test_what_others_explain_is_not_a_number_after_a_regression():
    M = np.random.default_rng(1).normal(size=(30, 3))
    N = np.column_stack([M, M[:, 0] - M[:, 1]])
    left, _ = small_systems.regress(jnp.asarray(N.T @ N)[:, :, None], columns=2)
    assert np.isfinite(left[0, 0]).all() and np.isnan(left[1, 1]).all()


def test_one_by_one_is_the_batch_and_gives_lapack_one_matrix():
    """The batch gives it all of them."""
    S = np.moveaxis(systems(4), 2, 0)
    run = jax.jit(lambda S: small_systems.one_by_one(jnp.linalg.inv, S))
    assert_allclose(run(S), np.linalg.inv(S), rtol=0, atol=RTOL * 10)
    assert "tensor<4x4xf64>" in matrix_by_matrix(run.lower(S))
    with pytest.raises(AssertionError):
        matrix_by_matrix(jax.jit(jnp.linalg.inv).lower(S))


# ------------------------------------------------------------------ limits and batches


@pytest.mark.parametrize("columns", [3, 14])
@pytest.mark.parametrize("kind", ["zeros", "a sum of others"])
def test_a_column_that_others_explain_is_left_out(columns, kind):
    """In one draw only: the others do not notice."""
    S = systems(columns + 2)
    one = S.copy()
    one[1, :, 2] = 0 if kind == "zeros" else S[0, :, 2] + 3 * S[2, :, 2]
    one[:, 1, 2] = one[1, :, 2]
    one[1, 1, 2] = 0 if kind == "zeros" else one[1, 0, 2] + 3 * one[1, 2, 2]
    own = small_systems.eliminate(jnp.asarray(one), columns=columns)
    rest = np.delete(np.arange(columns + 2), 1)
    without = small_systems.eliminate(
        jnp.asarray(S[rest][:, rest]), columns=columns - 1
    )
    assert_allclose(own[:, :, 2], without[:, :, 2], rtol=0, atol=VANISHED_ATOL)
    others = np.delete(np.arange(7), 2)
    expected = small_systems.eliminate(jnp.asarray(S), columns=columns)
    assert_array_equal(own[:, :, others], expected[:, :, others])


def test_where_nothing_is_left_of_a_column_its_square_is_not_a_number():
    S = jnp.asarray(systems(4)).at[2, :].set(0).at[:, 2].set(0)
    left = small_systems.eliminate(S, columns=2)
    assert np.isnan(left[0, 0]).all()
    assert np.isfinite(left[1, 1]).all()


@pytest.mark.parametrize("third", [1.0, 1 / 3])
def test_a_column_that_is_a_multiple_of_another_has_no_solution(third):
    """Also where the second pivot is rounding, not 0."""
    x = np.array([[4.0, 4.0 * third], [4.0 * third, 4.0 * third**2]])
    answer = small_systems.solve(jnp.asarray(x[:, :, None]), jnp.ones((2, 1)))
    assert not np.isfinite(answer).any()


def test_results_have_the_dtype_of_the_inputs():
    S = jnp.asarray(systems(16), jnp.float32)
    assert small_systems.eliminate(S, columns=14).dtype == jnp.float32
    assert small_systems.solve(S[:3, :3], S[:3, 0]).dtype == jnp.float32
