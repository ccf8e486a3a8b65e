"""What stays inside perimeters of several sizes, as blocks and as a matrix."""

import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose

from tivax.kernels import operators
from tivax.kernels.operators import Blocks

# The same sums in another order.
RTOL = 1e-12


def test_blocks_are_the_matrix_with_zeros_elsewhere():
    """Industries 0, 2, 5 together, 1 with 4, 3 with 6."""
    rng = np.random.default_rng(0)
    rows = [np.array([[0, 2, 5]]), np.array([[1, 4], [3, 6]])]
    stacks = [rng.random((len(k), k.shape[1], k.shape[1])) for k in rows]
    dense = np.zeros((7, 7))
    for stack, members in zip(stacks, rows, strict=True):
        for block, own in zip(stack, members, strict=True):
            dense[np.ix_(own, own)] = block
    D = Blocks(tuple(map(jnp.asarray, stacks)), tuple(map(jnp.asarray, rows)))
    q, Q = jnp.asarray(rng.random(7)), jnp.asarray(rng.random((7, 2, 3)))

    assert_allclose(
        operators.multiply(D, Q), np.einsum("ij,jkl->ikl", dense, Q), rtol=RTOL
    )
    assert_allclose(operators.left_multiply(q, D), q @ dense, rtol=RTOL)
    assert_allclose(operators.diagonal(D), np.diagonal(dense), rtol=RTOL)
    A = operators.of_columns(D, 0.1 * q)
    L = operators.inverse(operators.less(A))
    scaled = dense * (0.1 * np.asarray(q))
    expected = np.linalg.solve(np.eye(7) - scaled, Q[:, 0])
    assert_allclose(operators.multiply(L, Q[:, 0]), expected, rtol=RTOL)
