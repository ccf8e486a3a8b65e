"""Positions in chains: R decompr's numbers, limiting cases, identities."""

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import position
from tivax.kernels.inverted_table import invert_table

from helpers import compiled, random_table

# README of truth: R decompr in double precision.
DECOMPR_RTOL = 1e-12
# Few products of matrices of 12 industries; measured 1e-15.
RTOL = 1e-12

invert = jax.jit(invert_table)
forward_stages = compiled(position.forward_stages)
backward_stages = compiled(position.backward_stages)
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


def test_both_distances_are_those_of_decompr(shared):
    folder = shared / "truth" / "decompr_leather"
    Z, Y = (
        pd.read_csv(folder / f"in_{k}.csv", index_col=0, comment="#").to_numpy()
        for k in "ZY"
    )
    x = pd.read_csv(folder / "in_x_v.csv", comment="#")["x"].to_numpy()
    own = invert(Z, x, Y)
    printed = pd.read_csv(folder / "out_gvc_up_down.csv", comment="#")
    both = printed.iloc[:, 1:3].to_numpy()
    assert_allclose(upstreamness(own), both[:, 0], rtol=DECOMPR_RTOL)
    assert_allclose(downstreamness(own), both[:, 1], rtol=DECOMPR_RTOL)


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


def test_chains_that_cross_no_border_are_none():
    """What two ways of one sum leave of rounding is 0."""
    one = random_table(regions=3, sectors=12, seed=1)
    apart = np.kron([[1, 0, 0], [0, 1, 1], [0, 1, 1]], np.ones((12, 12)))
    Z, Y = one.Z * apart, one.Y[:, :, 0] * apart[:, ::12]
    world = invert(Z, Z.sum(axis=1) + Y.sum(axis=1), Y)
    for ways in (forward_stages(world), backward_stages(world)):
        for part in ways["gvc"]:
            assert_array_equal(part[:12], 0)
            assert (np.asarray(part[12:]) > 0).all()
