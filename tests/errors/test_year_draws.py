"""Draws of tables: their moments, margins and indices, against literal ones."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine as tx
from tivax.engine.errors import (
    DrawnErrors,
    ErrorModel,
    Slabs,
    draw_year,
    standard_errors,
)
from tivax.engine.errors.draws import solve_base
from tivax.engine.errors.models import error_model
from tivax.engine.resampling import running
from tivax.kernels.errors import kind as kernel
from tivax.kernels.errors import solving
from tivax.kernels.errors.random_cells import rates_of_rounded, rounded
from tivax.kernels.random_draws import block_key

from helpers import error_of, small_world

C, S = 5, 3
N = C * S
DRAWS = 400
LOGNORMAL = tx.table_errors.Lognormal(a=0.2, b=0.05)
MODELS: dict[str, Any] = {
    "lognormal": LOGNORMAL,
    "by product": tx.table_errors.Lognormal(a=0.02, shared="product"),
    "shares": tx.table_errors.Shares(concentration=30),
    # The weights of GRAS are the cells, as those of the delta method are here.
    "held": tx.table_errors.Lognormal(a=3, b=0.5, margins=["row", "column"]),
}


@pytest.fixture(scope="module")
def world():
    return small_world(C, S, 2)


def drawn(world, model: ErrorModel, draws=DRAWS, start=0, year=2000, seed=3):
    made = draw_year(
        world,
        DrawnErrors(world, model),
        year,
        seed=seed,
        draws=draws,
        start=start,
        has_index=np.ones(C, bool),
    )
    return np.concatenate([*made])


def cells_of(world, model: ErrorModel, draws=DRAWS):
    """Errors of the cells of the first year: (draws, n, N), and the base."""
    year = Slabs(world, 0)
    base, errors = solve_base(year), DrawnErrors(world, model).of(year)

    def one(k):
        found = kernel.draw(block_key(3, k), errors, base.Z, base.Y)
        parts = [k for k in (found, *found.thin) if k.Z is not None]
        cells = sum(
            jnp.concatenate([*map(jnp.asarray, (k.Z, k.Y))], axis=1) for k in parts
        )
        return cells, found.gap

    with jax.enable_x64(True):
        found, gap = jax.jit(lambda: jax.lax.map(one, jnp.arange(draws)))()
    return np.asarray(found, float), float(gap.max()), year.all.raw.cells


def index_of(Z, x, Y):
    active = x > 0
    A = np.where(active, Z / np.where(active, x, 1), 0)
    v = np.where(active, 1 - A.sum(axis=0), 0)
    X = np.linalg.solve(np.eye(N) - A, Y)
    T = (v[:, None] * X).reshape(C, S, C).sum(axis=1)
    np.fill_diagonal(T, 0)
    sold, bought = T.sum(axis=1), T.sum(axis=0)
    return (sold - bought) / (sold + bought)


@pytest.mark.parametrize("name", MODELS)
def test_the_index_of_a_draw_is_that_of_its_table_solved_by_numpy(name, world):
    model = error_model(MODELS[name])
    rows = drawn(world, model)[:2]
    cells, _, F = cells_of(world, model, draws=20)
    x = Slabs(world, 0).all.raw.x
    for row, errors in zip(rows, cells[:2], strict=True):
        after = F + errors
        wanted = index_of(after[:, :N], x, after[:, N:])
        # Errors in single precision, and 1e-5 of a difference of up to a tenth.
        assert_allclose(row[:C], wanted, atol=2e-6)
        assert row[C] <= 1e-5  # its residual
    assert np.abs(rows[0, :C] - rows[1, :C]).max() > 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_draws_spread_as_the_delta_method_says(name, world):
    """400 draws tell a standard error within 3.5 % (one in three), 14 % at four."""
    model = error_model(MODELS[name])
    spread = drawn(world, model)[:, :C].std(axis=0, ddof=1)
    delta = standard_errors(world, model)["tbi_se"].values[0]
    assert_allclose(spread / delta, 1, atol=0.14)
    assert abs((spread / delta).mean() - 1) < 0.08


def test_rounded_tables_spread_as_the_delta_method_says():
    """Whole cells, zeros filled by a twentieth, rows that add up to a whole output.

    Larger filled cells spread less than their own size, since none exceeds 1/2.
    """
    rng = np.random.default_rng(4)
    Z = np.rint(rng.lognormal(0, 1.5, size=(N, N)))
    Y = np.rint(5 * rng.lognormal(0, 1.5, size=(N, C)))
    Z, Y = (np.where(k == 0, 0.05, k) for k in (Z, Y))
    # Final demand at home takes what makes output a whole number.
    home = np.repeat(np.arange(C), S)
    Y[np.arange(N), home] += 40
    sums = Z.sum(axis=1) + Y.sum(axis=1)
    x = np.rint(sums)
    labels = {"regions": [*"ABCDE"], "sectors": [*"abc"], "years": [2000]}
    world = tx.WorldTables(Z[None], Y[None, :, :, None], x[None], **labels)
    model = error_model("rounding")
    rows = drawn(world, model)
    delta = standard_errors(world, model)["tbi_se"].values[0]
    spread = rows[:, :C].std(axis=0, ddof=1)
    assert_allclose(spread / delta, 1, atol=0.14)
    # Draws of rows and of output keep what a row adds up to.
    year = Slabs(world, 0)
    base, errors = solve_base(year), DrawnErrors(world, model).of(year)
    with jax.enable_x64(True):
        found = jax.jit(kernel.draw)(block_key(3, 0), errors, base.Z, base.Y)
    assert found.x is not None
    off = np.asarray(found.Z, float).sum(axis=1) + np.asarray(found.Y).sum(axis=1)
    assert_allclose(off, found.x, atol=1e-4)
    assert np.abs(found.x).max() > 0.1


def test_lognormal_cells_have_the_mean_and_the_deviation_of_the_model(world):
    cells, _, F = cells_of(world, error_model(LOGNORMAL))
    some = F != 0
    cells, F = cells[:, some], F[some]
    sigma = 0.2 * np.abs(F) ** -0.05
    relative = cells / F
    assert_allclose(relative.std(axis=0) / sigma, 1, atol=0.25)
    # Means of 400 draws, in their standard errors: mean 0, deviation 1 over 200 cells.
    z = relative.mean(axis=0) / sigma * np.sqrt(DRAWS)
    assert abs(z.mean()) < 0.2 and 0.85 < z.std() < 1.15
    assert (relative > -1).all()  # a cell keeps its sign


def test_shares_leave_imports_by_user_and_sales_to_each_region(world):
    cells, _, F = cells_of(world, error_model(MODELS["shares"]), draws=20)
    Z = cells[:, :, :N].reshape(20, C, S, C, S)
    Y = cells[:, :, N:].reshape(20, C, S, C)
    size = np.abs(cells).max()
    assert size > 1e-3 * F.max()
    # Sums of a few dozen numbers in single precision.
    assert_allclose(Z.sum(axis=1), 0, atol=1e-5 * size)
    assert_allclose(Z.sum(axis=4) + Y, 0, atol=1e-5 * size)
    home = np.arange(C)
    assert_array_equal(Z[:, home, :, home], 0)
    assert_array_equal(Y[:, home, :, home], 0)


def test_balanced_draws_keep_both_margins_to_1e_9(world):
    cells, gap, F = cells_of(world, error_model(MODELS["held"]), draws=20)
    assert gap <= 1e-9
    # As returned in single precision.
    assert_allclose(cells.sum(axis=1), 0, atol=1e-6 * F.sum(axis=1).max())
    assert_allclose(cells.sum(axis=2), 0, atol=1e-6 * F.sum(axis=1).max())
    assert np.abs(cells).max() > 1e-3 * F.max()


def test_rounded_cells_are_uniform_and_filled_ones_exponential():
    """By cell from many draws: within half a unit, or from 0 to 1/2 around its mean."""
    F = np.array([[7.0, 0.02, 0.3, 0.0, 0.499]])
    variance = np.array([[1 / 12, 0.02**2, 0.3**2, 0.0, 0.499**2]])
    rate = jax.device_put(rates_of_rounded(F, variance).astype(np.float32))
    with jax.enable_x64(True):

        @jax.jit
        def many(key):
            keys = jax.random.split(key, 4000)
            return jax.vmap(lambda k: rounded(k, rate))(keys)

        drawn = np.asarray(many(jax.random.key(1)))[:, 0]
    assert_array_equal(drawn[:, 3], 0)
    assert np.abs(drawn[:, 0]).max() < 0.5
    # Hardly below 1/2, whose mean is 0.494 in single precision.
    assert 0 < np.abs(drawn[:, 4]).max() < 0.1
    assert_allclose(drawn.std(axis=0)[:2], [12**-0.5, 0.02], rtol=0.06)
    table = F[0] + drawn
    assert table[:, 1:3].min() > -1e-6 and table[:, 1:3].max() < 0.5 + 1e-6
    error = drawn.std(axis=0)[:3] / np.sqrt(4000)
    assert_array_equal(np.abs(drawn.mean(axis=0)[:3]) < 4 * error, True)


def test_a_draw_depends_on_seed_year_and_number_alone(world):
    model = error_model(LOGNORMAL)
    all_draws = drawn(world, model, draws=9)
    assert_array_equal(drawn(world, model, draws=5), all_draws[:5])
    assert_array_equal(drawn(world, model, draws=9, start=4), all_draws[4:])
    later = world.select(2001, 2001)
    assert_array_equal(
        drawn(later, model, draws=4, year=2001), drawn(world, model, 4, year=2001)
    )
    assert (drawn(world, model, draws=4, seed=4) != all_draws[:4])[:, :C].all()


@pytest.mark.parametrize(("fit", "at_once"), [(0.5, 1), (7, 7), (900, 16)])
def test_a_gpu_makes_as_many_draws_at_once_as_its_memory_takes(
    fit, at_once, world, monkeypatch
):
    """64 draws of 164 x 120 industries would take 200 GB."""
    model = error_model(LOGNORMAL)
    expected = drawn(world, model, draws=20)
    size = 8 * N * (N + C) * 4  # eight arrays in float32
    monkeypatch.setitem(running._AT_ONCE, "cpu", 16)
    monkeypatch.setattr(running, "_caller", running._Caller)  # none was timed
    monkeypatch.setattr(running, "calls_together", lambda: 1)
    monkeypatch.setattr(running, "device_memory", lambda: int(fit * size))
    errors, good = DrawnErrors(world, model), np.ones(C, bool)
    made = [*draw_year(world, errors, 2000, seed=3, draws=20, has_index=good)]
    assert len(made[0]) == at_once
    assert_allclose(np.concatenate(made)[:, :C], expected[:, :C], rtol=1e-5)


def test_errors_shared_over_years_are_the_same_in_all(world):
    """The second year is the first again, so that its draws are the same indices."""
    one = world.table(2000)
    twice = tx.stack_years([one, replace(one, year=2001)])
    kept = tx.table_errors.Lognormal(a=0.2, over_years="shared")
    for error, same in ((kept, True), (LOGNORMAL, False)):
        model = error_model(error)
        one, two = (drawn(twice, model, 3, year=year) for year in (2000, 2001))
        assert (one[:, :C] == two[:, :C]).all() == same


def test_output_that_is_rounded_moves_every_coefficient(world):
    year = Slabs(world, 0)
    raw, base = year.all.raw, solve_base(year)
    dx = 0.01 * raw.x * np.linspace(-1, 1, N)
    none = kernel.ErrorDraw(
        jnp.zeros_like(base.Z), jnp.zeros_like(base.Y), jnp.asarray(dx), jnp.zeros(())
    )
    with jax.enable_x64(True):
        found = jax.jit(solving.index_of)(base, none)
    wanted = index_of(raw.flows, raw.x + dx, raw.final)
    assert_allclose(found.tbi, wanted, atol=2e-6)


def test_errors_that_leave_no_productive_table_are_told(world):
    model = error_model(tx.table_errors.Lognormal(a=3.0, shared="year"))
    line = error_of(drawn, world, model, 50)
    assert line.startswith("2000, draw ") and "make the errors smaller" in line
