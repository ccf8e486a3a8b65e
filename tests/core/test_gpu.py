"""The same numbers on a GPU. Skipped where JAX sees none."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.measures import solve_years

from helpers import random_inputs, single_supplier_inputs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(jax.default_backend() == "cpu", reason="needs a GPU"),
]

# Both solve to a relative residual of 1e-12.
RTOL = 1e-10


def test_value_added_absorbed_is_what_numpy_solves():
    world = tx.synthetic_world(tx.WorldShape(regions=44, sectors=56, years=2))
    absorbed = tx.value_added_absorbed(world)
    assert absorbed.attrs["residual_max"] <= 1e-12
    for k, table in enumerate(world):
        A = np.divide(table.Z, table.x, out=np.zeros_like(table.Z), where=table.x > 0)
        v = np.where(table.x > 0, 1 - A.sum(axis=0), 0)
        X = np.linalg.solve(np.eye(len(A)) - A, table.Y.sum(axis=2))
        T = absorbed.values[k].reshape(X.shape)
        assert_allclose(T, v[:, None] * X, rtol=RTOL, atol=RTOL * T.max())


def test_only_the_year_that_stalls_is_solved_by_lu():
    good = random_inputs(40, share=0.5)
    bad = single_supplier_inputs(regions=4, sectors=10, home=0.0)
    A, Y = np.stack([good, bad]), np.ones((2, 40, 4))
    answer = solve_years(A, Y, regions=4)
    assert (np.asarray(answer.residual) <= 1e-12).all()
    assert (np.asarray(answer.passes) == 0).tolist() == [False, True]
