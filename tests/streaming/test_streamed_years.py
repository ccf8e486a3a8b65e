import math
import warnings
from dataclasses import replace
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import (
    TivaxWarning,
    WorldTables,
    check_tables,
    decompose,
    indicators,
    open_store,
    table_errors,
    value_added_trade,
)
from tivax.engine.errors import standard_errors
from tivax.engine.measures import years
from tivax.engine.streaming import (
    StreamedFlows,
    StreamedYear,
    device_matrices,
    is_mapped,
    is_too_large,
    large_world,
    require_productive_year,
)
from tivax.engine.streaming import memory as memory_module
from tivax.engine.tables import (
    WorldShape,
    check_balance,
    check_columns,
    check_values,
    write_store,
)

from commands import run_fork
from helpers import error_of, random_tables, single_supplier_inputs

REGIONS, SECTORS = 6, 3
N = REGIONS * SECTORS
REGION = 8 * SECTORS * N  # bytes that one region sells
# The same sums in another order; measured 4e-16.
ROUNDING = 1e-14
# Both stop at a residual below 1e-12.
SOLVED = 1e-12
STREAMED: dict[str, Any] = dict(memory=1)  # of a machine that nothing fits


@pytest.fixture(scope="module")
def tables():
    return random_tables(regions=REGIONS, sectors=SECTORS, years=2)


@pytest.fixture(scope="module")
def store(tables, tmp_path_factory):
    """Two selling regions in a file."""
    folder = tmp_path_factory.mktemp("cut") / "store"
    write_store(tables, folder, largest_year=0, largest_file=2 * REGION)
    return folder


def year_of(tables, k=0, *, regions=1, **options):
    """The year in slabs of so many regions."""
    flows = StreamedFlows(tables, k, slab_bytes=regions * REGION)
    return StreamedYear(flows, jnp.asarray(tables.output()[k]), **options)


def assert_same(found, expected, gap=SOLVED):
    """To the accuracy of the solves, of the largest flow: some terms are differences."""
    assert set(found) == set(expected)
    flows = sorted(set(expected) - {"residual", "passes", "identity"})
    top = max(float(abs(expected[name]).max()) for name in flows)
    for name in flows:
        assert_allclose(found[name], expected[name], rtol=0, atol=gap * top)


# ---------------------------------------------------------------- the same numbers


@pytest.mark.parametrize("account", ["residual", "basic"])
def test_value_added_of_a_streamed_store_is_that_in_memory(tables, store, account):
    lazy = open_store(store, lazy=True)
    found = value_added_trade(lazy, account, **STREAMED).data
    assert_same(found, value_added_trade(tables, account).data)
    assert float(found["residual"].max()) < 1e-12


@pytest.mark.parametrize("regions", [1, 2, 4, 6])
def test_columns_and_products_do_not_depend_on_the_slabs(tables, regions):
    year = year_of(tables, regions=regions)
    Q = jnp.asarray(np.random.default_rng(0).random((N, 4)))
    assert_allclose(year.columns, tables.Z[0].sum(axis=0), rtol=ROUNDING)
    assert_allclose(year.flows @ Q, tables.Z[0] @ Q, rtol=ROUNDING)
    assert_allclose(year.flows.transposed_times(Q), tables.Z[0].T @ Q, rtol=ROUNDING)
    grown = tables.Z[0] * np.asarray(Q[:, 0])
    sold = grown.reshape(N, REGIONS, SECTORS).sum(axis=2)
    _, found = year.flows.products(Q, Q[:, 0])
    assert found is not None
    assert_allclose(found, sold, rtol=ROUNDING)


def test_both_systems_are_solved(tables):
    year = year_of(tables, 1, regions=2)
    A = tables.Z[1] / tables.x[1]
    rhs = jnp.asarray(np.random.default_rng(1).random((N, 2 * REGIONS)))
    solved = year.solve(rhs)
    assert_allclose(solved.X, np.linalg.solve(np.eye(N) - A, rhs), rtol=1e-11)
    # The first region sells no inputs abroad.
    exporting = jnp.ones_like(rhs).at[:SECTORS, 0].set(0)
    cut = A.copy()
    cut[:SECTORS, SECTORS:] = 0
    found = year.solve_contents(rhs, exporting).X
    assert_allclose(found[:, 0], np.linalg.solve(np.eye(N) - cut.T, rhs[:, 0]))
    assert_allclose(found[:, 1:], np.linalg.solve(np.eye(N) - A.T, rhs[:, 1:]))


def test_coefficients_in_a_file_are_those_in_memory(tables):
    Y = jnp.asarray(tables.final_demand()[0])
    found = (year_of(tables, mapped=k).solve(Y).X for k in (True, False))
    assert_array_equal(*found)


# None, one perimeter of apart regions, two of different size.
GROUPS = [None, {"G": ["R1", "R3", "R4"]}, {"G": ["R0", "R5"], "H": ["R1", "R2", "R3"]}]


@pytest.mark.slow
@pytest.mark.parametrize(
    "method, groups",
    [
        *product(["bm-source"], GROUPS),
        *product(["my", "tripartite", "production"], GROUPS[::2]),
    ],
)
def test_decompositions_without_an_inverse_are_streamed(store, method, groups):
    lazy = open_store(store, years=(2001, 2001), lazy=True)
    level = "bilateral" if method == "bm-source" else "country"
    found = decompose(lazy, method, level, groups=groups, **STREAMED).data
    usual = decompose(lazy, method, level, groups=groups).data
    # In memory, what crosses the borders of groups comes of the inverse of a block.
    assert_same(found, usual, SOLVED if groups is None else 10 * SOLVED)
    assert float(found["residual"].max()) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    "names, groups",
    [
        *product([()], GROUPS),
        (["UPSTREAM"], GROUPS[1]),
        (["TBI", "EXGR_DVASH"], GROUPS[2]),
    ],
)
def test_indicators_are_streamed(store, names, groups):
    """All of them take products with the inverse only."""
    lazy = open_store(store, years=(2000, 2000), lazy=True)
    found, usual = (
        indicators(lazy, names, groups=groups, **k).data for k in (STREAMED, {})
    )
    assert set(found) == set(usual)
    for name in set(usual) - {"residual", "identity"}:
        assert_allclose(found[name], usual[name], rtol=1e-9)
    assert float(found["residual"].max()) < 1e-12
    assert float(found["identity"].max()) < 1e-10


# ------------------------------------------------------------- what cannot be streamed


def test_what_needs_the_inverse_says_how_much_memory_that_is(store):
    lazy = open_store(store, lazy=True)
    message = error_of(decompose, lazy, "wwz", "country", **STREAMED)
    assert message.startswith(f"{N} industries: this needs matrices of about 0.1 GiB")
    assert "tivax aggregate" in message
    cells = error_of(indicators, lazy, ["TBI"], certify="cells", **STREAMED)
    assert "GiB in memory, more than there is" in cells


def test_flows_inside_groups_must_fit(store, monkeypatch):
    """Four matrices: 9 industries and three times 3 are as many as 10.4."""
    lazy = open_store(store, lazy=True)
    options, memory = {"groups": GROUPS[1], **STREAMED}, 4 * 8 * 11 * 11
    monkeypatch.setattr(memory_module, "machine_memory", lambda: memory / 0.75)
    indicators(lazy, ["TBI"], **options)
    monkeypatch.setattr(memory_module, "machine_memory", lambda: memory)
    assert error_of(indicators, lazy, ["TBI"], **options).startswith("11 indus")


def one_year(A, Y):
    """Tables of coefficients and final demand by region."""
    n, c = Y.shape
    x = np.linalg.solve(np.eye(n) - A, Y.sum(axis=1))
    return tables_of(A * x, Y, x)


def tables_of(Z, Y, x):
    """One year; tables look odd on purpose here."""
    n, c = Y.shape
    labels = [f"R{r}" for r in range(c)], [f"S{i}" for i in range(n // c)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TivaxWarning)
        return WorldTables(Z[None], Y[None], x[None], *labels, [2014])


def test_a_year_in_which_the_iteration_stalls_says_what_lu_would_take():
    A = single_supplier_inputs(regions=REGIONS, sectors=SECTORS, home=0.0, seed=5)
    worst = one_year(A, np.random.default_rng(2).random((N, REGIONS)))
    message = error_of(value_added_trade, worst, **STREAMED)
    assert message.startswith("2014: the iteration stalls at a relative residual of ")
    assert f"LU factors of {N} industries would take 0.1 GiB of memory" in message


def test_a_cell_that_is_not_a_number_is_named(tables):
    """R2:S1 sells to R3:S0, in the third slab of one region."""
    Z = tables.Z.copy()
    Z[1, 2 * SECTORS + 1, 3 * SECTORS] = np.nan
    both = ((2, 1), (3, 0))
    cell = " to ".join(f"{tables.regions[r]}:{tables.sectors[i]}" for r, i in both)
    error = table_errors.Lognormal(a=0.1)
    for work, given in ((value_added_trade, ()), (standard_errors, (error,))):
        line = error_of(work, replace(tables, Z=Z), *given, **STREAMED)
        assert line.startswith(f"2001: Z has cells that are not numbers, first {cell};")


def test_industries_that_buy_more_than_they_make_are_looked_at_once_more():
    """A column sum above 1 may be productive; a spectral radius above 1 is not."""
    A = np.full((N, N), 0.5 / N)
    A[:, 0] = 1.2 / N
    Y = np.random.default_rng(3).random((N, REGIONS))
    found = value_added_trade(one_year(A, Y), **STREAMED).data
    assert float(found["residual"].max()) < 1e-12
    require_productive_year(year_of(one_year(A, Y)))
    worse = year_of(tables_of(2.2 * A, Y, np.ones(N)))
    message = error_of(require_productive_year, worse)
    assert message.startswith("2014: the table is not productive")


def test_a_year_in_which_the_iteration_stalls_can_be_productive():
    """One supplier abroad for each industry, one of which buys more than it makes."""
    A = single_supplier_inputs(regions=REGIONS, sectors=SECTORS, home=0.0, seed=5)
    A[:, 3] *= 1.05 / A[:, 3].sum()
    assert max(abs(np.linalg.eigvals(A))) < 1
    year = year_of(one_year(A, np.random.default_rng(2).random((N, REGIONS))))
    found = year.solve_contents(jnp.ones((N, 1)))
    assert float(found.residual) > 1e-12
    require_productive_year(year)


def test_multipliers_too_rough_to_tell_do_not_make_a_year_unproductive():
    """The iteration grows without bound, and leaves multipliers below 0."""
    A = single_supplier_inputs(regions=REGIONS, sectors=SECTORS, home=0.0, seed=26)
    A[:, 3] *= 1.05 / A[:, 3].sum()
    assert max(abs(np.linalg.eigvals(A))) < 0.95
    tables = tables_of(A, np.ones((N, REGIONS)), np.ones(N))
    rough = year_of(tables).solve_contents(jnp.ones((N, 1)))
    assert float(rough.residual) > 1 and float(rough.X.min()) < 0
    require_productive_year(year_of(tables))
    (check,) = check_tables(tables, memory=1)
    assert check.productive and "not solved" in check.faults[-1]
    message = error_of(value_added_trade, tables, **STREAMED)
    assert ", an industry buys 1.05 of its output; LU factors of" in message


@pytest.mark.parametrize(
    "work, given",
    [
        (value_added_trade, ()),
        (indicators, ()),
        (standard_errors, (table_errors.Lognormal(a=0.1),)),
    ],
)
def test_industries_are_named_where_they_are_why_the_iteration_stalls(work, given):
    A = single_supplier_inputs(regions=REGIONS, sectors=SECTORS, home=0.0, seed=5)
    seller = A[:, 3].argmax()
    A[:, 3] *= 1.3
    A[3, seller] = 1
    assert max(abs(np.linalg.eigvals(A))) > 1
    tables = tables_of(A, np.ones((N, REGIONS)), np.ones(N))
    assert float(year_of(tables).solve(jnp.ones((N, 1))).residual) > SOLVED
    message = error_of(work, tables, *given, **STREAMED)
    assert message.startswith("2014: the table is not productive")
    assert message.endswith(check_tables(tables)[0].unproductive)
    region, sector = divmod(int(seller), SECTORS)
    assert f"look at R{region}:S{sector}, whose inputs are 1.900" in message


# ----------------------------------------------------------------------------- rule


def test_a_year_is_too_large_where_three_matrices_take_three_quarters_of_memory():
    """n = 1,000: a matrix is 8 MB, 24 MB are three quarters of 32 MB."""
    assert not is_too_large(1_000, memory=32_000_000)
    assert is_too_large(1_000, memory=31_999_999)
    assert is_too_large(1_000, years=2, memory=32_000_000)  # the next is read meanwhile
    assert not is_mapped(1_000, memory=8_000_000)  # 4 MB of float32 are half of it
    assert is_mapped(1_000, memory=7_999_999)


# --------------------------------------------------------------------- a large world


LARGE = WorldShape(regions=8, sectors=SECTORS, years=2)


@pytest.fixture(scope="module")
def made():
    return large_world(LARGE, seed=1)


def test_a_large_world_balances_and_is_the_same_each_time(made):
    for table in made:
        check_values(table)
        check_balance(table, made.tolerance)
        check_columns(table, made.column_tolerance)
    assert_array_equal(large_world(LARGE, seed=1).Z[:], made.Z[:])
    assert not np.array_equal(large_world(LARGE, seed=2).Z[0], made.Z[0])


def test_a_large_world_looks_like_one(made):
    """Imports are about 29 % of inputs, and no region spends twice its income."""
    table = made.table(2000)
    A = table.Z / np.where(table.x > 0, table.x, np.inf)
    blocks = A.reshape(8, SECTORS, 8, SECTORS)
    at_home = sum(blocks[r, :, r].sum() for r in range(8))
    assert 0.2 < 1 - at_home / A.sum() < 0.4
    income = (table.x - table.Z.sum(axis=0)).reshape(8, SECTORS).sum(axis=1)
    spent = table.Y.sum(axis=(0, 2))
    assert ((0.5 < spent / income) & (spent / income < 2)).all()


# --------------------------------------------------------------------------- devices

ON_DEVICES = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp, numpy as np
from helpers import random_tables
from tivax.engine.streaming import StreamedFlows, StreamedYear, streamed_trade
tables = random_tables(regions=5, sectors=3, years=1)
Y = jnp.asarray(tables.final_demand()[0])
found = {}
for count in (1, 2, 4):
    flows = StreamedFlows(tables, 0, devices=jax.devices()[:count])
    year = StreamedYear(flows, jnp.asarray(tables.output()[0]))
    trade = streamed_trade(year, Y)
    for name in ("absorbed", "exports", "output", "passes"):
        found[f"{name} {count}"] = np.asarray(getattr(trade, name))
    found[f"contents {count}"] = np.asarray(year.solve_contents(Y).X)
np.savez(sys.argv[1], **found)
"""


def test_results_are_the_same_on_one_two_and_four_devices(request, tmp_path):
    """15 rows, which neither two nor four devices can divide."""
    support = {"PYTHONPATH": str(request.path.parents[1] / "support")}
    file = tmp_path / "found.npz"
    done = run_fork(ON_DEVICES, file, env=support)
    assert done.code == 0, done.err
    found = np.load(file)
    for key in found:
        name = key.partition(" ")[0]
        one = found[f"{name} 1"]
        # Rows of products are gathered, those of the transposed system added up: their
        # float32 corrections then differ, by less than where both stop.
        gap = SOLVED if name == "contents" else 1e-13
        assert_allclose(found[key], one, rtol=0, atol=gap * abs(one).max())


def test_a_year_that_a_device_cannot_hold_is_streamed(store, monkeypatch, caplog):
    """A year is counted as for the years that a GPU takes at once."""
    lazy = open_store(store, lazy=True)
    matrices = device_matrices("tbi", REGIONS, SECTORS, alone=True)
    year = math.ceil(matrices * 8 * N * N)
    with caplog.at_level("INFO", logger="tivax"):
        monkeypatch.setattr(years, "device_memory", lambda: year)
        usual = value_added_trade(lazy).data
        assert "row slabs" not in caplog.text
        monkeypatch.setattr(years, "device_memory", lambda: year - 1)
        assert_same(value_added_trade(lazy).data, usual)
        assert "row slabs" in caplog.text
