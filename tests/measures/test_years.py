"""One-year functions over all years: by platform, compiled once, LU where they stall."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.measures import decompose, indicators, trade_benefit_index
from tivax.engine.measures.years import map_years, solve_years, with_fallback
from tivax.kernels.solve import TOLERANCE

from commands import run_fork
from helpers import (
    proportional_inputs,
    random_inputs,
    random_tables,
    single_supplier_inputs,
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


# ------------------------------------------------------------------------ all years


@pytest.mark.parametrize("late", [0, 1, 3])
def test_only_the_year_that_stalls_is_solved_by_lu(late):
    A = [*GOOD[:late], BAD, *GOOD[late:]]
    Y = demand(4)
    answer = solve_years(A, Y, regions=C)
    for k in range(4):
        expected = by_numpy(A[k], Y[k])
        assert_allclose(answer.X[k], expected, rtol=RTOL, atol=RTOL * expected.max())
        assert (answer.passes[k] == 0) == (k == late)
    assert (answer.residual <= TOLERANCE).all()


def test_years_that_did_not_stall_are_left_as_they_were():
    Y = demand(3)
    alone = solve_years([GOOD[0], GOOD[2]], Y[[0, 2]], regions=C)
    mixed = solve_years([GOOD[0], BAD, GOOD[2]], Y, regions=C)
    assert_array_equal(mixed.X[jnp.array([0, 2])], alone.X)


def test_two_years_that_stall_get_their_own_answers():
    other = single_supplier_inputs(regions=C, sectors=S, home=0.0, seed=1)
    Y = demand(3)
    answer = solve_years([BAD, GOOD[0], other], Y, regions=C)
    assert_allclose(answer.X[0], by_numpy(BAD, Y[0]), rtol=RTOL)
    assert_allclose(answer.X[2], by_numpy(other, Y[2]), rtol=RTOL)
    assert answer.passes[0] == answer.passes[2] == 0


def test_a_system_without_a_solution_keeps_a_residual_that_says_so():
    answer = solve_years([GOOD[0], SINGULAR], demand(2), regions=C)
    assert answer.residual[0] <= TOLERANCE
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
        assert_array_equal(map_years(sums, first, b).left, [1, 5, 9])
        assert_array_equal(map_years(sums, first, list(b)).right, [4, 4, 4])
        assert_array_equal(map_years(sums, first, None).right, [1, 5, 9])
    # The count of years comes from the first argument that is there.
    flipped = map_years(lambda b, a: sums(a, b), None, a)
    assert_array_equal(flipped.right, [1, 5, 9])


def test_a_year_does_not_depend_on_the_others():
    Y = demand(3)
    together = solve_years(np.array(GOOD), Y, regions=C)
    for k in range(3):
        alone = solve_years([GOOD[k]], Y[k : k + 1], regions=C)
        assert_array_equal(alone.X[0], together.X[k])
        assert_array_equal(alone.residual[0], together.residual[k])


def test_a_function_is_compiled_once_for_its_options_and_shapes():
    traces = []

    def one_year(a, *, factor):
        traces.append((a.shape, factor))
        return factor * a

    for years in (3, 3, 5):
        map_years(one_year, np.ones((years, 2)), factor=2)
    assert traces == [((2,), 2)]
    map_years(one_year, np.ones((3, 4)), factor=2)
    map_years(one_year, np.ones((3, 4)), factor=3)
    assert traces == [((2,), 2), ((4,), 2), ((4,), 3)]


def test_lu_is_compiled_only_where_a_year_stalls():
    methods = []

    class Year(NamedTuple):
        residual: jax.Array

    def one_year(a, *, method):
        methods.append(method)
        return Year(jnp.where(method == "lu", 0.0, a.sum()))

    for _ in range(2):
        with_fallback(one_year, np.zeros((2, 2)))
    assert methods == ["import-share"]
    assert_array_equal(with_fallback(one_year, np.ones((2, 2))).residual, [0, 0])
    assert methods == ["import-share", "lu"]


# ------------------------------------------------------------------- several devices

WORLD = random_tables(regions=C, sectors=S, years=5, seed=3)

SCRIPT = """
import sys
from tivax.engine.core import start_jax
start_jax(f"cpu:{sys.argv[1]}")
import jax
import numpy as np
import test_years as tests
assert jax.local_device_count() == int(sys.argv[1])
np.savez(sys.argv[2], **tests.by_years())
"""
# Of a device's turn XLA fuses the sums of indicators in another way.
FUSED = 1e-13


def numbers(found):
    """All numbers of a dataset in one row."""
    floats = [a.values.ravel() for a in found.values() if a.dtype.kind == "f"]
    return np.concatenate(floats)


def by_years():
    """What is computed by years, five of them; of six others one falls back to LU."""
    late = solve_years([*GOOD, BAD, *GOOD[:2]], demand(6), regions=C)
    return {
        "tbi": numbers(trade_benefit_index(WORLD).data),
        "wwz": numbers(decompose(WORLD, "wwz", level="bilateral").data),
        "indicators": numbers(indicators(WORLD, level="sector").data),
        "late": np.asarray(late.X),
        "passes": np.asarray(late.passes),
    }


def test_results_do_not_depend_on_the_number_of_devices(request, tmp_path):
    """With a last turn that is not full. In processes of their own: devices cannot be
    added to this one."""
    found = {"PYTHONPATH": str(request.path.parents[1] / "support")}
    file = tmp_path / "found.npz"
    done = run_fork(SCRIPT, 4, file, env=found, cwd=request.path.parent)
    assert done.code == 0, done.err
    found = np.load(file)
    one = by_years()
    assert set(found) == set(one)
    for name, expected in one.items():
        if name == "indicators":
            assert_allclose(found[name], expected, rtol=FUSED, atol=FUSED)
        else:
            assert_array_equal(found[name], expected)
