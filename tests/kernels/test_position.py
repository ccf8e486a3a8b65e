"""Positions in chains: by hand, against Ghosh, and by what adds up."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import position
from tivax.kernels.inverted_table import invert_table

from helpers import compiled, random_table

# Few products of matrices of 12 industries; measured 1e-15.
RTOL = 1e-12

invert = jax.jit(invert_table)
forward_stages = compiled(position.forward_stages)
downstreamness = compiled(position.downstreamness)


@pytest.fixture(scope="module")
def world():
    one = random_table(regions=4, sectors=3, seed=2)
    return invert(one.Z, one.x, one.Y[:, :, 0])


def upstreamness(world):
    stages, value = forward_stages(world)["total"]
    return stages / value


def chain():
    """A sells all to B, B to C, C to final demand: each 1 region, 1 sector."""
    Z = np.array([[0.0, 1, 0], [0, 0, 2], [0, 0, 0]])
    Y = np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 4]])
    return invert(Z, np.array([1.0, 2, 4]), Y)


def test_stages_of_a_chain_by_hand():
    own = chain()
    assert_allclose(upstreamness(own), [3, 2, 1], rtol=RTOL)
    # B buys half of its output from A; C half from B.
    assert_allclose(downstreamness(own), [1, 1.5, 1.75], rtol=RTOL)


def test_upstreamness_is_the_row_sum_of_ghosh(world):
    x = np.asarray(world.output)
    sold = np.asarray(world.A) * x[None, :] / x[:, None]
    expected = np.linalg.solve(np.eye(len(x)) - sold, np.ones(len(x)))
    assert_allclose(upstreamness(world), expected, rtol=RTOL)


def test_stages_and_values_of_the_three_ways_add_up_to_the_whole(world):
    """Wang, Wei, Yu and Zhu 2017b."""
    ways = forward_stages(world)
    for k in range(2):
        parts = sum(ways[name][k] for name in ("domestic", "traditional", "gvc"))
        assert_allclose(parts, ways["total"][k], rtol=RTOL)
