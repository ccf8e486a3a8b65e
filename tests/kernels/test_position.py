"""Positions in chains by hand; real ones are in tests of indicators."""

import jax
import numpy as np
from numpy.testing import assert_allclose

from tivax.kernels import position
from tivax.kernels.inverted_table import invert_table

from helpers import compiled

RTOL = 1e-12


def test_stages_of_a_chain_by_hand():
    """A sells all to B, B to C, C to final demand: each 1 region, 1 sector."""
    Z = np.array([[0.0, 1, 0], [0, 0, 2], [0, 0, 0]])
    Y = np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 4]])
    own = jax.jit(invert_table)(Z, np.array([1.0, 2, 4]), Y)
    stages, value = compiled(position.forward_stages)(own)["total"]
    assert_allclose(stages / value, [3, 2, 1], rtol=RTOL)
    # B buys half of its output from A; C half from B.
    downstream = compiled(position.downstreamness)(own)
    assert_allclose(downstream, [1, 1.5, 1.75], rtol=RTOL)
