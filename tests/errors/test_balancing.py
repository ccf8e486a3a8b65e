"""GRAS: by hand, against its first-order conditions, and where it cannot be done."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine.errors as mc

from helpers import error_of

# The example of Junius and Oosterhaven (2003), and of the two papers after it.
CELLS = np.array([[7, 3, 5, -3], [2, 9, 8, 0], [-2, 0, 2, 0]], float)
ROWS, COLUMNS = np.array([15.0, 26, -1]), np.array([9.0, 16, 17, -2])
# As the R package riot has it ("example from the papers": man/doGRAS.Rd and
# tests/testthat/test_doGRAS.R of github.com/zauster/riot).
BALANCED = [
    [8.424340881, 3.375237362, 5.200422021, -2.000000263],
    [3.000997078, 12.624763744, 10.374239178, 0],
    [-2.425339135, 0, 1.425339135, 0],
]
# What ``balance`` promises of totals.
TOTALS = 1e-9


def test_two_by_two_by_hand():
    """Cells 6 - b, b, b - 2, 4 - b have the totals; the product of the three that
    move together over the fourth is the one before: (6 - b)(4 - b)(2 - b) = 8 b."""
    found = mc.balance([[4, 1], [-1, 2]], rows=[6, 2], columns=[4, 4]).cells
    roots = np.roots([-1, 12, -44 - 8, 48])
    (b,) = (k.real for k in roots if abs(k.imag) < 1e-12 and 0 < k.real < 2)
    assert_allclose(found, [[6 - b, b], [b - 2, 4 - b]], rtol=1e-8)


def test_the_example_of_junius_and_oosterhaven_has_its_known_cells():
    """To 1e-6: its cell that must be -2, alone in its column, is 3e-7 off."""
    assert_allclose(mc.balance(CELLS, ROWS, COLUMNS).cells, BALANCED, atol=1e-6)


def test_the_example_meets_its_totals_and_the_conditions_of_the_minimum():
    """sign log(x / z) is a number of the row plus one of the column: the minimum, which
    is the only one, since the objective is convex."""
    found = mc.balance(CELLS, ROWS, COLUMNS)
    x = found.cells
    assert_allclose(x.sum(axis=1), ROWS, atol=26 * TOTALS)
    assert_allclose(x.sum(axis=0), COLUMNS, atol=17 * TOTALS)
    assert found.gap <= TOTALS and found.iterations < 100
    assert_array_equal(np.sign(x), np.sign(CELLS))
    some = CELLS != 0
    growth = np.sign(CELLS[some]) * np.log(x[some] / CELLS[some])
    row, column = np.nonzero(some)
    D = np.hstack([row[:, None] == np.arange(3), column[:, None] == np.arange(4)])
    fitted = D @ np.linalg.lstsq(D.astype(float), growth, rcond=None)[0]
    assert_allclose(fitted, growth, atol=1e-8)


def test_a_row_of_cells_below_0_alone_is_scaled_by_the_corrected_multiplier():
    """Lenzen, Wood and Gallego (2007): r = -n / u, so that cells are halved."""
    found = mc.balance([[-2.0, -4], [1, 5]], rows=[-3, 6])
    assert_allclose(found.cells, [[-1, -2], [1, 5]], rtol=1e-12)


def test_without_cells_below_0_it_is_ras():
    rng = np.random.default_rng(2)
    Z = rng.lognormal(size=(4, 5))
    made = Z * rng.lognormal(size=Z.shape)
    u, v = made.sum(axis=1), made.sum(axis=0)
    x = Z.copy()
    for _ in range(200):
        x = x * (v / x.sum(axis=0))[None, :]
        x = x * (u / x.sum(axis=1))[:, None]
    assert_allclose(mc.balance(Z, u, v).cells, x, rtol=1e-8)


def test_totals_of_0_empty_their_cells_and_one_margin_alone_is_met_exactly():
    found = mc.balance([[1.0, 2], [3, 4]], rows=[0, 7], columns=[3, 4])
    assert_allclose(found.cells, [[0, 0], [3, 4]], atol=1e-12)
    found = mc.balance(CELLS, columns=COLUMNS)
    assert_allclose(found.cells.sum(axis=0), COLUMNS, rtol=1e-14)
    assert found.iterations == 1


def test_a_balanced_matrix_stays_and_a_stack_is_its_matrices():
    totals = CELLS.sum(axis=1), CELLS.sum(axis=0)
    stack = mc.balance(
        np.stack([CELLS, CELLS]),
        np.stack([ROWS, totals[0]]),
        np.stack([COLUMNS, totals[1]]),
    )
    assert_array_equal(stack.cells[1], CELLS)
    assert_array_equal(stack.iterations[1], 0)
    assert_allclose(stack.cells[0], mc.balance(CELLS, ROWS, COLUMNS).cells, rtol=1e-12)


@pytest.mark.parametrize(
    "arguments, line",
    [
        ((CELLS, ROWS, COLUMNS + 1), "rows add up to 40, columns to 44; totals"),
        ((CELLS, ROWS[:2]), "rows: give 3 totals for each matrix, not (2,)"),
        ((CELLS,), "rows, columns: give totals of one of them at least"),
        (([[0, 0], [1, 2]], [1, 2]), "row 0 has the total 1 and no cell above 0"),
        (([[1, -np.inf]], [1]), "cells: NaN or infinite; every cell is a number"),
        (([1, 2], [1]), "cells: give (n, m) or (k, n, m), not (2,)"),
        # The first column can only come from the first row, which sells less.
        (([[1, 1], [0, 1]], [1, 5], [3, 3]), "balancing does not converge: after"),
    ],
)
def test_mistakes_are_one_line(arguments, line):
    assert line in error_of(mc.balance, *arguments)
