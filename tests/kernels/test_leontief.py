"""Leontief kernels against a textbook table, NumPy, and accounting identities."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import leontief

from helpers import coefficients, domestic_inverses, random_inputs, random_table

# Measured over the tables below (float64, CPU): solves differ from NumPy by up to
# 2e-15, the cells of an inverse of size 700 by up to 6e-15, and by 7e-15 where the
# columns of A sum to 0.98. 1e-12 leaves room for another BLAS and for a GPU.
RTOL = 1e-12
# The power iteration stops where growth changes by 1e-10; measured error up to 3e-9.
RADIUS_ATOL = 1e-7

SHAPES = [(1, 1), (1, 5), (5, 1), (4, 3), (7, 11)]  # regions, sectors


def solve(A, Y):
    A, Y = (np.asarray(k, float) for k in (A, Y))
    return np.asarray(leontief.solve_output(A, Y))


# ------------------------------------------------------------------------- solves


def test_textbook_two_sector_economy():
    """Miller and Blair (2009), Tables 2.3 and 2.4; new demand 600 and 1500."""
    Z = np.array([[150.0, 500.0], [200.0, 100.0]])
    A = leontief.input_coefficients(Z, np.array([1000.0, 2000.0]))
    x = solve(A, [[600.0], [1500.0]])

    assert_allclose(A, [[0.15, 0.25], [0.20, 0.05]], rtol=RTOL)
    # det(I - A) = 0.7575, so the inverse is exact by hand.
    assert_allclose(x[:, 0], [945 / 0.7575, 1395 / 0.7575], rtol=RTOL)
    exact = np.array([[0.95, 0.25], [0.20, 0.85]]) / 0.7575
    assert_allclose(leontief.inverse(A), exact, rtol=RTOL)


@pytest.mark.parametrize("regions, sectors", SHAPES)
def test_coefficients_and_solves_agree_with_numpy(regions, sectors):
    t = random_table(regions=regions, sectors=sectors)
    A, Y = coefficients(t.Z, t.x), t.Y.sum(axis=2)
    assert_allclose(leontief.input_coefficients(t.Z, t.x), A, rtol=RTOL)
    assert_allclose(solve(A, Y), np.linalg.solve(np.eye(t.x.size) - A, Y), rtol=RTOL)


def test_residual_value_added_is_output_less_inputs():
    t = random_table(regions=4, sectors=3)
    v = leontief.residual_value_added(t.Z, t.x)
    assert_allclose(v * t.x, t.x - t.Z.sum(axis=0), rtol=RTOL)


def test_an_industry_without_output_buys_nothing_and_adds_no_value():
    Z, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 0.0])
    A = leontief.input_coefficients(Z, x)
    assert_allclose(A, [[0.1, 0], [0.3, 0]], rtol=RTOL)
    assert_allclose(leontief.residual_value_added(Z, x), [0.6, 0], rtol=RTOL)
    # What final demand asks of it, it still delivers: 1 unit of output per unit.
    assert_allclose(solve(A, [[0.0], [5.0]]), [[0], [5]], rtol=RTOL)


# ----------------------------------------------------------------------- residual


def test_residual_is_that_of_the_worst_column_and_absolute_without_demand():
    """A = 0: the miss is Y - X. Columns miss by 1 of 100 and by 1 of 2; by (3, 4)."""
    A, Y = np.zeros((2, 2)), np.array([[100.0, 2.0], [0.0, 0.0]])
    assert leontief.relative_residual(A, Y - [[1.0], [0.0]], Y) == 0.5
    Y[0, 1] = 0
    assert leontief.relative_residual(A, Y + [[0.0, 3.0], [0.0, 4.0]], Y) == 5.0


# ----------------------------------------------------------------- domestic blocks


def test_domestic_blocks_are_those_on_the_diagonal():
    A = np.arange(36.0).reshape(6, 6)
    blocks = leontief.domestic_blocks(A, regions=3)
    assert_array_equal(blocks, [A[:2, :2], A[2:4, 2:4], A[4:, 4:]])


@pytest.mark.parametrize("regions, sectors", SHAPES)
def test_domestic_inverses_agree_with_numpy(regions, sectors):
    A = random_inputs(regions * sectors)
    inverses = np.asarray(domestic_inverses(A, regions))
    for r in range(regions):
        own = slice(r * sectors, (r + 1) * sectors)
        expected = np.linalg.inv(np.eye(sectors) - A[own, own])
        assert_allclose(inverses[r], expected, rtol=RTOL)


# --------------------------------------------------------------------- full inverse


# Below, at and above the sizes at which the recursion cuts once (320), twice, ...
@pytest.mark.parametrize("n", [1, 163, 319, 320, 321, 641, 643, 700])
@pytest.mark.parametrize("share", [0.5, 0.98])
def test_inverse_agrees_with_numpy(n, share):
    A = random_inputs(n, share=share, seed=n)
    B = leontief.inverse(A)
    assert_allclose(B, np.linalg.inv(np.eye(n) - A), rtol=RTOL)
    assert leontief.relative_residual(A, B, np.eye(n)) < 1e-14


@pytest.mark.parametrize("n", [3, 161, 200, 400])
@pytest.mark.parametrize("share", [1.0, 1.2, 3.0])
def test_inverse_of_a_table_that_is_not_productive_does_not_pass_for_one(n, share):
    A = random_inputs(n, share=share, seed=3)
    residual = leontief.relative_residual(A, leontief.inverse(A), np.eye(n))
    assert not residual < 1e-3  # NaN, or large


def test_a_gpu_inverts_small_blocks_as_a_processor_does():
    A = jnp.array(random_inputs(56, share=0.98))
    ways = leontief._power_inverse(A), leontief.inverse(A)
    assert_allclose(*ways, rtol=RTOL)
    assert not np.isfinite(leontief._power_inverse(1.3 * A)).all()


def test_only_the_last_industry_is_not_productive():
    """Its own inputs cost more than it earns: found in the last of four blocks."""
    A = random_inputs(643, seed=3)
    A[-1, -1] = 1.1
    residual = leontief.relative_residual(A, leontief.inverse(A), np.eye(643))
    assert not residual < 1e-3


def test_inputs_below_zero_may_be_large_in_a_productive_table():
    A = random_inputs(40)
    A[3, 0] = -2.5  # its column of B sums to less than 0
    B = np.asarray(leontief.inverse(A))
    assert_allclose(B, np.linalg.inv(np.eye(40) - A), rtol=0, atol=1e-13)
    assert B[:, 0].sum() < 0
    A[7, 7] = 1.2
    assert np.isnan(leontief.inverse(A)).all()


# Up to 16 pivots go one by one; blocks divide 25, 36 and 56, and not 17, 35 and 163.
@pytest.mark.parametrize("s", [1, 2, 16, 17, 25, 35, 36, 56, 163])
def test_inverses_agree_with_numpy(s):
    M = np.stack([np.eye(s) - random_inputs(s, seed=k) for k in range(3)])
    assert_allclose(leontief.inverses(M), np.linalg.inv(M), rtol=RTOL)


def test_inverses_of_matrices_with_cells_of_any_sign():
    """Positive leading minors are all that it needs."""
    M = np.random.default_rng(0).normal(size=(2, 30, 30)) / 8 + np.eye(30)
    minors = [np.linalg.det(m[:k, :k]) for m in M for k in range(1, 31)]
    assert min(minors) > 0.01
    exact = np.linalg.inv(M)
    assert_allclose(
        leontief.inverses(M), exact, rtol=0, atol=1e-12 * np.abs(exact).max()
    )


# ----------------------------------------------------------------- spectral radius


def test_spectral_radius_by_hand():
    """Eigenvalues of [[0.5, 0.25], [0.25, 0.5]] are 0.75 and 0.25."""
    A = np.array([[0.5, 0.25], [0.25, 0.5]])
    assert_allclose(leontief.spectral_radius(A), 0.75, rtol=RTOL)


@pytest.mark.parametrize("a, b", [(1.6, 0.4), (3.2, 0.2), (0.8, 0.8)])
def test_spectral_radius_of_a_two_cycle_is_found(a, b):
    """Eigenvalues 0.8 and -0.8: the plain power iteration would cycle for ever.

    With 1.6 and 0.4 the mean column sum is 1, which is no reason to stop at once.
    """
    A = np.array([[0.0, a], [b, 0.0]])
    assert_allclose(leontief.spectral_radius(A), 0.8, atol=RADIUS_ATOL)


@pytest.mark.parametrize("share", [0.5, 0.99, 0.9999, 1.0001, 1.2])
@pytest.mark.parametrize("n", [1, 3, 50])
def test_spectral_radius_agrees_with_numpy(n, share):
    A = random_inputs(n, share=share)
    A = A * np.random.default_rng(n).uniform(0.8, 1.2, size=n)[None, :]
    expected = np.abs(np.linalg.eigvals(A)).max()
    radius = leontief.spectral_radius(A)
    assert_allclose(radius, expected, atol=RADIUS_ATOL)


@pytest.mark.parametrize("share", [1 - 1e-6, 1 + 1e-6])
def test_a_table_at_the_edge_is_told_from_one_beyond(share):
    A = random_inputs(30, share=share)
    assert (leontief.spectral_radius(A) < 1) == (share < 1)


@pytest.mark.parametrize("m", [2, 5, 10])
def test_spectral_radius_of_a_chain_of_stages_is_near_zero(m):
    """Every stage sells to later ones only: all eigenvalues are 0, in one chain.

    (I + A)^k then grows as k^(m-1), so that 1,000 steps leave (m - 1) / 1000.
    """
    A = np.triu(np.full((m, m), 0.5 / m), 1)
    radius = leontief.spectral_radius(A)
    assert 0 <= radius < m / 1000


def test_spectral_radius_of_a_triangular_table_is_its_largest_diagonal_cell():
    """Measured 1e-10 with the two largest diagonal cells 0.3 apart."""
    A = np.triu(np.full((4, 4), 0.1), 1) + np.diag([0.2, 0.7, 0.1, 0.4])
    assert_allclose(leontief.spectral_radius(A), 0.7, atol=RADIUS_ATOL)


# --------------------------------------------------------------------------- types


def test_results_have_the_dtype_of_the_inputs():
    A = jnp.array(random_inputs(5), jnp.float32)
    x = jnp.ones(5, jnp.float32)
    for result in (
        leontief.input_coefficients(A, x),
        leontief.residual_value_added(A, x),
        leontief.solve_output(A, A),
        leontief.relative_residual(A, A, A),
        leontief.inverses(A[None]),
        leontief.inverse(A),
        leontief.spectral_radius(A),
    ):
        assert result.dtype == jnp.float32


def test_a_shape_that_would_broadcast_is_an_error():
    """The jaxtyping import hook is on: see addopts in pyproject.toml."""
    pytest.importorskip("beartype")
    X, Y = jnp.ones((2, 1)), jnp.ones((2, 3))
    with pytest.raises(Exception, match="relative_residual"):
        leontief.relative_residual(jnp.eye(2), X, Y)
