"""One solve for all years: the three methods, the batch, and the way back to LU."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.kernels import solve as solving

from helpers import (
    proportional_inputs,
    random_inputs,
    single_supplier_inputs,
    worst_residual,
)

# A column that misses by 1e-12 of its norm misses NumPy by up to |B| times that;
# measured 2e-13.
RTOL = 1e-11

C, S = 5, 4
GOOD = [proportional_inputs(regions=C, sectors=S, noise=k) for k in (0.0, 0.3, 0.6)]
BAD = single_supplier_inputs(regions=C, sectors=S, home=0.0)
SINGULAR = random_inputs(C * S, share=1.0)  # every industry adds no value


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
    assert_allclose(
        answer.residual,
        worst_residual(A, np.asarray(answer.X), Y),
        rtol=0.01,
        atol=1e-15,
    )
    assert (answer.passes == 0) == (method == "lu")


@pytest.mark.parametrize("method", ["import-share", "lu"])
def test_every_method_takes_flows_and_a_scale_for_coefficients(method):
    """A diag(scale): purchases of the last industry doubled, of the first none."""
    Y = demand(1)[0]
    scale = np.linspace(0, 2, C * S)
    A = GOOD[1] * 0.5
    answer = solving.solve(
        jnp.array(A),
        jnp.array(Y),
        scale=jnp.array(scale),
        regions=C,
        method=method,
    )
    assert_allclose(answer.X, by_numpy(A * scale[None, :], Y), rtol=RTOL)
    measured = worst_residual(A * scale[None, :], np.asarray(answer.X), Y)
    assert_allclose(answer.residual, measured, rtol=0.01, atol=1e-15)


@pytest.mark.parametrize("method", ["import-share", "lu"])
def test_a_batch_as_a_gpu_runs_it_gives_what_single_years_give(method):
    one_year = partial(solving.solve, regions=C, method=method)
    A, Y = jnp.array(GOOD), jnp.array(demand(3))
    batch = jax.vmap(one_year)(A, Y)
    for k in range(3):
        assert_allclose(batch.X[k], by_numpy(GOOD[k], Y[k]), rtol=RTOL)
        assert batch.passes[k] == one_year(A[k], Y[k]).passes


# ------------------------------------------------------------------------ all years


def test_all_years_agree_with_numpy():
    Y = demand(3)
    answer = solving.solve_years(np.array(GOOD), Y, regions=C)
    for k in range(3):
        assert_allclose(answer.X[k], by_numpy(GOOD[k], Y[k]), rtol=RTOL)
    assert (answer.residual <= solving.TOLERANCE).all()
    assert (answer.passes > 0).all()


@pytest.mark.parametrize("late", [0, 1, 3])
def test_only_the_year_that_stalls_is_solved_by_lu(late):
    A = [*GOOD[:late], BAD, *GOOD[late:]]
    Y = demand(4)
    answer = solving.solve_years(A, Y, regions=C)
    for k in range(4):
        expected = by_numpy(A[k], Y[k])
        assert_allclose(answer.X[k], expected, rtol=RTOL, atol=RTOL * expected.max())
        assert (answer.passes[k] == 0) == (k == late)
    assert (answer.residual <= solving.TOLERANCE).all()


def test_years_that_did_not_stall_are_left_as_they_were():
    Y = demand(3)
    alone = solving.solve_years([GOOD[0], GOOD[2]], Y[[0, 2]], regions=C)
    mixed = solving.solve_years([GOOD[0], BAD, GOOD[2]], Y, regions=C)
    assert_array_equal(mixed.X[jnp.array([0, 2])], alone.X)


def test_two_years_that_stall_get_their_own_answers():
    other = single_supplier_inputs(regions=C, sectors=S, home=0.0, seed=1)
    Y = demand(3)
    answer = solving.solve_years([BAD, GOOD[0], other], Y, regions=C)
    assert_allclose(answer.X[0], by_numpy(BAD, Y[0]), rtol=RTOL)
    assert_allclose(answer.X[2], by_numpy(other, Y[2]), rtol=RTOL)
    assert answer.passes[0] == answer.passes[2] == 0


def test_a_system_without_a_solution_keeps_a_residual_that_says_so():
    answer = solving.solve_years([GOOD[0], SINGULAR], demand(2), regions=C)
    assert answer.residual[0] <= solving.TOLERANCE
    assert not answer.residual[1] <= 1e-3


# ------------------------------------------------------------------------ map_years


class Sums(NamedTuple):
    left: jax.Array
    right: jax.Array


def sums(a, b):
    """A one-year function; ``b`` may be missing."""
    return Sums(a.sum(), a.sum() if b is None else b.sum())


def test_years_may_be_arrays_or_lists_or_nothing():
    a, b = np.arange(6.0).reshape(3, 2), np.ones((3, 4))
    for first in (a, list(a), jnp.array(a)):
        assert_array_equal(solving.map_years(sums, first, b).left, [1, 5, 9])
        assert_array_equal(solving.map_years(sums, first, list(b)).right, [4, 4, 4])
        assert_array_equal(solving.map_years(sums, first, None).right, [1, 5, 9])
    # The count of years comes from the first argument that is there.
    flipped = solving.map_years(lambda b, a: sums(a, b), None, a)
    assert_array_equal(flipped.right, [1, 5, 9])


def test_a_year_does_not_depend_on_the_others():
    Y = demand(3)
    together = solving.solve_years(np.array(GOOD), Y, regions=C)
    for k in range(3):
        alone = solving.solve_years([GOOD[k]], Y[k : k + 1], regions=C)
        assert_array_equal(alone.X[0], together.X[k])
        assert_array_equal(alone.residual[0], together.residual[k])


def test_a_function_is_compiled_once_for_all_years_and_calls_of_a_shape():
    traces = []

    def one_year(a):
        traces.append(a.shape)
        return 2 * a

    for years in (3, 3, 5):
        solving.map_years(one_year, np.ones((years, 2)))
    assert traces == [(2,)]
    solving.map_years(one_year, np.ones((3, 4)))
    assert traces == [(2,), (4,)]


def test_solve_years_is_compiled_once_for_calls_of_a_shape(monkeypatch):
    traces = []
    inner = solving.solve

    def counted(*args, **kwargs):
        traces.append(kwargs["method"])
        return inner(*args, **kwargs)

    monkeypatch.setattr(solving, "solve", counted)
    shape = dict(regions=2)  # no other test has two regions: not compiled before
    A = [proportional_inputs(regions=2, sectors=3)] * 2
    for _ in range(3):
        solving.solve_years(A, np.ones((2, 6, 2)), **shape)
    assert traces == ["import-share"]
