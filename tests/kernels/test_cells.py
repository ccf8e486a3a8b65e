"""Single cells of a solution are as exact as is said of them."""

import json
from typing import get_args

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.engine import WorldTables, save_store, value_added_trade
from tivax.engine.measures.trade import Certify, require_certify
from tivax.kernels import cells
from tivax.kernels.inverted_table import invert_table

from commands import good, mistake
from helpers import coefficients, compiled, error_of, random_table, random_tables

# What refinement in double precision leaves of a cell; measured 2e-15.
CELL_RTOL = 1e-12


@compiled
def certify(A, solver, Y, X):
    """Of a solver that multiplies by a matrix."""
    return cells.certify(lambda Q: A @ Q, lambda R: solver @ R, Y, X)


def unequal_world() -> WorldTables:
    """What one region sells another differs by up to a factor of e^20."""
    one = random_table(regions=5, sectors=3, seed=1)
    between = np.exp(-20 * np.random.default_rng(1).uniform(size=(5, 5)))
    between = np.where(np.eye(5) > 0, 1, between)
    of = np.repeat(np.arange(5), 3)
    Z = one.Z * between[np.ix_(of, of)]
    Y = np.abs(one.Y).sum(axis=2) * between[of]
    x = Z.sum(axis=1) + Y.sum(axis=1)
    return WorldTables(Z[None], Y[None], x[None], one.regions, one.sectors, [2000])


def exact_output(tables: WorldTables) -> np.ndarray:
    """B Y by elimination in extended precision, from the table itself."""
    wide = np.longdouble
    Z, Y, x = (np.asarray(k[0]).astype(wide) for k in (tables.Z, tables.Y, tables.x))
    n = len(x)
    M = np.concatenate([np.eye(n, dtype=wide) - Z / x, Y], axis=1)
    for k in range(n):
        M[k] /= M[k, k]
        others = np.arange(n) != k
        M[others] -= M[others, k][:, None] * M[k]
    return M[:, n:]


def worst(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.max(np.abs(found - exact) / np.abs(exact)))


def required_output(
    tables: WorldTables, certify, memory: int | None = None
) -> tuple[np.ndarray, float]:
    trade = value_added_trade(tables, certify=certify, memory=memory)
    v = 1 - coefficients(tables.Z[0], tables.x[0]).sum(axis=0)
    X = trade["va_absorbed"].values.reshape(len(v), -1) / v[:, None]
    return X, float(trade["cell_error"].max()) if certify == "cells" else np.nan


@pytest.mark.parametrize("memory", [None, 1])
def test_small_cells_are_right_where_certified(memory):
    """In memory, and in a year that is read in row slabs."""
    tables = unequal_world()
    exact = exact_output(tables)
    columns, _ = required_output(tables, "columns", memory)
    by_column = np.linalg.norm(columns - exact, axis=0) / np.linalg.norm(exact, axis=0)
    assert by_column.max() < CELL_RTOL
    # A residual by column says nothing of cells a million times smaller than it.
    assert worst(columns, exact) > 10 * CELL_RTOL
    refined, bound = required_output(tables, "cells", memory)
    assert worst(refined, exact) <= bound < CELL_RTOL


@pytest.mark.parametrize("roughness", [1e-12, 1e-6, 1e-3])
def test_no_cell_is_further_off_than_its_bound(roughness):
    """However rough the solver is, as long as it says something."""
    tables = unequal_world()
    exact = exact_output(tables)
    A = coefficients(tables.Z[0], tables.x[0])
    off = 1 + roughness * np.random.default_rng(0).uniform(-1, 1, size=(len(A), 1))
    B, Y = np.linalg.inv(np.eye(len(A)) - A) * off, np.asarray(tables.Y[0])
    found = certify(A, B, Y, B @ Y)
    assert worst(np.asarray(found.X), exact) <= float(found.error) < np.inf


def test_a_solver_that_says_nothing_gives_no_bound():
    A, Y, X = (np.array([[k]]) for k in (0.5, 1.0, 1.9))
    found = certify(A, np.zeros((1, 1)), Y, X)
    assert found.error == np.inf
    # (1 - 1.9 + 0.95) / (1 + 1.9 + 0.95)
    assert_allclose(found.backward_error, 0.05 / 3.85, rtol=CELL_RTOL)


def test_a_cell_that_is_nothing_does_not_count():
    """A solver leaves 1e-30 where the second industry is not needed at all."""
    A, Y = np.array([[0.5, 0.1], [0.0, 0.5]]), np.array([[1.0], [0.0]])
    found = certify(A, 2 * np.eye(2), Y, np.array([[2.0], [1e-30]]))
    assert found.error < CELL_RTOL


def test_cells_of_the_inverse_are_certified():
    tables = unequal_world()
    Z, x, Y = (np.asarray(k[0]) for k in (tables.Z, tables.x, tables.Y))
    invert = jax.jit(invert_table, static_argnames="certify")
    world = invert(Z, x, Y, certify=True)
    wide = np.longdouble
    A = np.asarray(Z).astype(wide) / np.asarray(x).astype(wide)
    exact = np.eye(len(x), dtype=wide)
    term = exact
    for _ in range(400):  # the series I + A + A^2 + ...
        term = A @ term
        exact = exact + term
    assert worst(np.asarray(world.B), exact) <= float(world.cell_error) < CELL_RTOL
    assert np.isnan(invert(Z, x, Y).cell_error)


def test_results_say_what_is_certified():
    tables = random_tables(regions=3, sectors=2, years=2)
    known, found = (value_added_trade(tables, certify=k) for k in get_args(Certify))
    assert known.certified == {}
    assert 0 < found.certified["cell_error_max"] < CELL_RTOL
    assert_allclose(found["va_absorbed"], known["va_absorbed"], rtol=1e-9)
    line = error_of(require_certify, "cell")
    assert line == "certify 'cell': choose from columns, cells"


@pytest.mark.parametrize(
    "words, what",
    [
        (("tbi", "--no-figures"), "required output B Y"),
        (("indicators", "--only", "TBI"), "the inverse"),
    ],
    ids=["tbi", "indicators"],
)
def test_commands_certify_cells(tmp_path, words, what):
    save_store(random_tables(regions=3, sectors=2, years=2), tmp_path / "store")
    command = (words[0], tmp_path / "store", "--out", tmp_path / "out", *words[1:])
    assert mistake(*command, "--certify", "rows") == (
        "certify 'rows': choose from columns, cells"
    )
    done = good(*command, "--certify", "cells")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    bound = manifest["cell_error_max"]
    assert 0 < manifest["cell_backward_error_max"] < bound < CELL_RTOL
    assert f"every cell of {what} is right to {bound:.1e}" in " ".join(done.out.split())
