"""What kernels do on a GPU in place of loops of small programs, on the processor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import leontief, random_draws
from tivax.kernels.perimeters import equal_regions

from helpers import random_inputs

# The same sums in another order.
RTOL = 1e-12


@pytest.fixture
def on_a_gpu(monkeypatch):
    """Kernels take the branch of a GPU; those that are compiled go by ``__wrapped__``."""

    def otherwise(*operands, default, **_):
        return default(*operands)

    monkeypatch.setattr(jax.lax, "platform_dependent", otherwise)


# Blocks of pivots on a GPU from 65; eight pivots a turn divide 16 and 56 alone.
@pytest.mark.parametrize("s", [1, 13, 16, 56, 67])
def test_small_inverses_on_a_gpu(on_a_gpu, s):
    M = np.stack([np.eye(s) - random_inputs(s, seed=k) for k in range(3)])
    found = leontief.inverses(jnp.asarray(M), productive=True)
    assert_allclose(found, np.linalg.inv(M), rtol=RTOL)
    assert np.isnan(leontief.inverses(jnp.asarray(-M), productive=True)).any()


def test_a_large_inverse_on_a_gpu(on_a_gpu):
    A = random_inputs(400, share=0.9)
    found = leontief.inverse.__wrapped__(jnp.asarray(A))
    assert_allclose(found, np.linalg.inv(np.eye(400) - A), rtol=RTOL)


@pytest.mark.parametrize("clusters", [1, 41, 255])
def test_clusters_drawn_on_a_gpu_are_those_of_a_processor(clusters, request):
    key = random_draws.block_key(3, 0)
    processor = random_draws.counts(key, clusters, draws=50)
    request.getfixturevalue("on_a_gpu")
    assert_array_equal(random_draws.counts(key, clusters, draws=50), processor)


def test_sales_by_buyer_on_a_gpu(on_a_gpu):
    regions, sectors = 4, 3
    n, rng = regions * sectors, np.random.default_rng(0)
    Z, Q, growth = rng.random((n, n)), rng.random((n, 2, regions)), rng.random((2, n))
    buyer, seller = (np.arange(n) // sectors for _ in range(2))
    member = np.eye(regions)[buyer]

    sales = leontief.sales_by_weights.__wrapped__(
        jnp.asarray(Z), jnp.asarray(growth), regions=regions
    )
    wanted = np.einsum("ij,qj,jr->qir", Z, growth, member)
    assert_allclose(sales, wanted, rtol=RTOL)

    borders = equal_regions(n, regions, jnp.zeros(0).dtype)
    sold = borders.buyers(jnp.asarray(Z), jnp.asarray(Q))
    wanted = np.einsum("ij,jki,jr->ikr", Z, Q[:, :, seller], member)
    assert_allclose(sold, wanted, rtol=RTOL)
