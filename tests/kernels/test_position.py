"""Positions in chains: R decompr's numbers, limiting cases, identities."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import perimeters, position
from tivax.kernels.world import make_world

from helpers import random_table

# README of truth: R decompr in double precision.
DECOMPR_RTOL = 1e-12
# Few products of matrices of 12 industries; measured 1e-15.
RTOL = 1e-12


@pytest.fixture(scope="module")
def world():
    one = random_table(regions=4, sectors=3, seed=2)
    return make_world(
        jnp.asarray(one.Z), jnp.asarray(one.x), jnp.asarray(one.Y)[:, :, 0]
    )


def chain():
    """A sells all to B, B to C, C to final demand: each 1 region, 1 sector."""
    Z = jnp.array([[0.0, 1, 0], [0, 0, 2], [0, 0, 0]])
    Y = jnp.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 4]])
    return make_world(Z, jnp.array([1.0, 2, 4]), Y)


def test_both_distances_are_those_of_decompr(shared):
    folder = shared / "truth" / "decompr_leather"
    Z, Y = (
        pd.read_csv(folder / f"in_{k}.csv", index_col=0, comment="#").to_numpy()
        for k in "ZY"
    )
    x = pd.read_csv(folder / "in_x_v.csv", comment="#")["x"].to_numpy()
    own = make_world(jnp.asarray(Z), jnp.asarray(x), jnp.asarray(Y))
    printed = pd.read_csv(folder / "out_gvc_up_down.csv", comment="#")
    both = printed.iloc[:, 1:3].to_numpy()
    assert_allclose(position.upstreamness(own), both[:, 0], rtol=DECOMPR_RTOL)
    assert_allclose(position.downstreamness(own), both[:, 1], rtol=DECOMPR_RTOL)


def test_stages_of_a_chain_by_hand():
    own = chain()
    assert_allclose(position.upstreamness(own), [3, 2, 1], rtol=RTOL)
    # B buys half of its output from A; C half from B.
    assert_allclose(position.downstreamness(own), [1, 1.5, 1.75], rtol=RTOL)
    lengths = np.asarray(position.propagation_lengths(own))
    assert_allclose([lengths[0, 1], lengths[1, 2], lengths[0, 2]], [1, 1, 2], rtol=RTOL)
    assert np.isnan(lengths[2, 0])


def test_upstreamness_is_the_row_sum_of_ghosh(world):
    x = np.asarray(world.output)
    sold = np.asarray(world.A) * x[None, :] / x[:, None]
    expected = np.linalg.solve(np.eye(len(x)) - sold, np.ones(len(x)))
    assert_allclose(position.upstreamness(world), expected, rtol=RTOL)


def test_lengths_of_the_three_ways_average_to_the_whole(world):
    """Weighted by output that goes each way (Wang, Wei, Yu and Zhu 2017b)."""
    own = position.production_lengths(world)
    L = perimeters.times
    home = L(world.L, world.final_at_home.sum(axis=1))
    final = L(world.L, world.final_exports.sum(axis=1))
    chains = world.output - home - final
    mean = own.domestic * home + own.traditional * final + own.gvc * chains
    assert_allclose(mean / world.output, own.total, rtol=RTOL)


def test_comparative_advantage_by_hand():
    """Region 1 exports 3 and 1, region 2 exports 1 and 3: shares 3/4 against 1/2."""
    borders = perimeters.equal_regions(4, 2, jnp.dtype(float))
    traded = jnp.array([3.0, 1, 1, 3])
    own = position.comparative_advantage(traded, borders, sectors=2)
    assert_allclose(own, [1.5, 0.5, 0.5, 1.5], rtol=RTOL)
