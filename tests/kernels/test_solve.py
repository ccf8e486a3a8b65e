"""The solve of one year: both methods, alone and in a batch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import solve as solving

from helpers import assert_says, proportional_inputs, worst_residual

# A column that misses by 1e-12 of its norm misses NumPy by up to |B| times that;
# measured 2e-13.
RTOL = 1e-11

C, S = 5, 4
GOOD = [proportional_inputs(regions=C, sectors=S, noise=k) for k in (0.0, 0.3, 0.6)]


def demand(years, seed=9):
    return np.random.default_rng(seed).lognormal(size=(years, C * S, C))


def by_numpy(A, Y):
    return np.linalg.solve(np.eye(len(A)) - A, Y)


# ------------------------------------------------------------------------- one year


@pytest.mark.parametrize("method", ["import-share", "lu"])
def test_every_method_gives_the_answer_of_numpy_and_its_residual(method):
    A, Y = GOOD[1], demand(1)[0]
    answer = solving.solve(jnp.array(A), jnp.array(Y), regions=C, method=method)
    expected = by_numpy(A, Y)
    assert_allclose(answer.X, expected, rtol=RTOL)
    assert_says(answer.residual, worst_residual(A, np.asarray(answer.X), Y))
    assert (answer.passes == 0) == (method == "lu")


@pytest.mark.parametrize("method", ["import-share", "lu"])
def test_every_method_takes_flows_and_a_scale_for_coefficients(method):
    """A diag(scale): purchases of the last industry doubled, of the first none."""
    Y = demand(1)[0]
    scale = np.linspace(0, 2, C * S)
    A = GOOD[1] * 0.5
    answer = solving.solve(
        jnp.array(A), jnp.array(Y), scale=jnp.array(scale), regions=C, method=method
    )
    assert_allclose(answer.X, by_numpy(A * scale[None, :], Y), rtol=RTOL)
    measured = worst_residual(A * scale[None, :], np.asarray(answer.X), Y)
    assert_says(answer.residual, measured)


@pytest.mark.parametrize("method", ["import-share", "lu"])
def test_a_batch_as_a_gpu_runs_it_gives_what_single_years_give(method):
    one_year = partial(solving.solve, regions=C, method=method)
    A, Y = jnp.array(GOOD), jnp.array(demand(3))
    batch = jax.vmap(one_year)(A, Y)
    for k in range(3):
        assert_allclose(batch.X[k], by_numpy(GOOD[k], Y[k]), rtol=RTOL)
        assert batch.passes[k] == one_year(A[k], Y[k]).passes
    # A year that is done waits unchanged for the others.
    assert (len(set(batch.passes.tolist())) > 1) == (method == "import-share")
