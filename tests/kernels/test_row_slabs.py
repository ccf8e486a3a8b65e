import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import import_share, row_slabs
from tivax.kernels.leontief import per_dollar
from tivax.kernels.perimeters import equal_regions

from helpers import random_tables

REGIONS, SECTORS = 6, 3
N = REGIONS * SECTORS
# float32 sums in another order; measured 3e-7.
LOW = 1e-5


def a_year():
    tables = random_tables(regions=REGIONS, sectors=SECTORS, years=1)
    size = tables.final_demand()[0].sum(axis=1)
    return [jnp.asarray(k) for k in (tables.Z[0], tables.x[0], size)]


@pytest.mark.parametrize("regions", [1, 3, 6])
def test_slabs_make_the_coefficients_and_the_preconditioner_of_the_whole(regions):
    Z, x, size = a_year()
    scale = per_dollar(x)
    whole = import_share.in_float32(Z, size, regions=REGIONS, scale=scale)
    weight = import_share.user_weights(size, regions=REGIONS)
    slabs = []
    for r in range(0, REGIONS, regions):
        rows = Z[r * SECTORS : (r + regions) * SECTORS]
        given = rows, scale, weight, jnp.asarray(r)
        slabs.append(row_slabs.read_slab(*given, regions=REGIONS))
    D = jnp.concatenate([k.D for k in slabs])
    bought = jnp.concatenate([k.bought for k in slabs])
    inputs = sum(k.inputs for k in slabs)
    low, found = row_slabs.shares_of_slabs(D, inputs, bought, scale)
    for mine, theirs in zip(found, whole.P, strict=True):
        assert_allclose(mine, theirs, rtol=LOW, atol=LOW)
    assert_allclose(low, whole.D, rtol=LOW)
    assert_allclose(jnp.concatenate([k.F for k in slabs]), whole.F, rtol=LOW)
    columns = sum(np.asarray(k.columns) for k in slabs)
    assert_allclose(columns, Z.sum(axis=0), rtol=1e-13)


def test_sales_to_buyers_with_weights_of_the_seller_are_those_of_perimeters():
    Z, _, _ = a_year()
    Q = jnp.asarray(np.random.default_rng(0).random((N, 2, REGIONS)))
    whole = equal_regions(N, REGIONS, Z.dtype).buyers(Z, Q)
    rows = slice(2 * SECTORS, 4 * SECTORS)
    slab = row_slabs.buyers(Z[rows], Q, jnp.asarray(2), regions=REGIONS)
    assert_allclose(slab, whole[rows], rtol=1e-13)
