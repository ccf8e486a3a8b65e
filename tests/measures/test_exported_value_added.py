"""Domestic value added in exports (bm-source): by hand, by loops, by extraction."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.engine import TivaxWarning, WorldTables, stack_years
from tivax.engine.measures import trade as measures
from tivax.kernels import borin_mancini
from tivax.kernels.inverted_table import invert_table

from helpers import (
    coefficients,
    compiled,
    error_of,
    hand_table,
    random_table,
    random_tables,
)
from truth_files import assert_same

# Solves stop at a residual of 1e-14 of a column; measured 6e-15 on these tables.
RTOL = 1e-10
# By hand: few operations on small integers; measured 2e-16.
HAND_RTOL = 1e-13
# A float32 run of a table of 12 industries; measured 3e-7.
SINGLE_RTOL = 1e-5

FLOWS = ("dva", "dva_absorbed_abroad", "gross_exports")


def exported(tables: WorldTables, **options) -> tuple[np.ndarray, ...]:
    """Value added, what stays abroad, and exports of the first year."""
    data = measures.exported_value_added(tables, **options)
    return tuple(data[name].values[0] for name in FLOWS)


def of_arrays(Z, Y, x=None) -> WorldTables:
    x = Z.sum(axis=1) + Y.sum(axis=1) if x is None else x
    regions, sectors = [f"R{k}" for k in range(Y.shape[1])], ["1", "2", "3"]
    return WorldTables(Z[None], Y[None], x[None], regions, sectors, [2000])


# A = [[1/2, 1/4], [1/4, 1/2]], B = 4/3 [[2, 1], [1, 2]], v = 1/4, L = 2 and u = 1/2.
# Demand of region 1 needs outputs 64 and 32, that of region 2 needs 48 and 48.
BY_HAND = hand_table([[56, 20], [28, 40]], [[24, 12], [0, 12]], ["R", "S"])


def test_two_regions_by_hand():
    """R sells 12 + 20 and S sells 28: half of it is value added at home.

    Of the exports of R, S needs A 32 = 8 for what R itself demands; of those of S, R
    needs 12. What stays abroad is v X: 48 / 4 and 32 / 4.
    """
    dva, abroad, exports = exported(BY_HAND)
    assert_allclose(exports, [[0, 32], [28, 0]], rtol=HAND_RTOL)
    assert_allclose(dva, [[0, 16], [14, 0]], rtol=HAND_RTOL)
    assert_allclose(abroad, [[0, 12], [8, 0]], rtol=HAND_RTOL)


@pytest.mark.parametrize(
    "A, v, regions, expected",
    [
        # L = 1 / (1 - 1/2); a dollar's value added 0.1 and 0.3.
        ([[0.5, 0.25], [0.25, 0.5]], [0.1, 0.3], 2, [0.2, 0.6]),
        # One region: sector 1 sells 0.4 to sector 2. A dollar of 2 holds 0.4 of 1.
        ([[0.0, 0.4], [0.0, 0.0]], [1.0, 0.6], 1, [1, 1]),
    ],
)
def test_multiplier_by_hand(A, v, regions, expected):
    ones = np.ones((2, regions))
    own = jax.jit(invert_table)(np.array(A), ones[:, 0], ones, np.array(v))
    assert_allclose(own.dva_multiplier, expected, rtol=HAND_RTOL)


def by_loops(Z, x, Y, v):
    """u_s E_sr, u_s (E_sr - A_sr X_rs) and E_sr by blocks, region after region."""
    n, c = Y.shape
    A = coefficients(Z, x)
    X = np.linalg.solve(np.eye(n) - A, Y)
    block = [slice(r * n // c, (r + 1) * n // c) for r in range(c)]
    dva, abroad, exports = (np.zeros((c, c)) for _ in range(3))
    for s, own in enumerate(block):
        L = np.linalg.inv(np.eye(n // c) - A[own, own])
        u = v[own] @ L
        for r, buyer in enumerate(block):
            if r != s:
                E = Y[own, r] + A[own, buyer] @ X[buyer].sum(axis=1)
                dva[s, r] = u @ E
                abroad[s, r] = u @ (E - A[own, buyer] @ X[buyer, s])
                exports[s, r] = E.sum()
    return dva, abroad, exports


def test_agrees_with_loops_where_value_added_is_the_row_of_the_table():
    table = random_table(regions=4, sectors=3, seed=4)
    v = table.value_added / table.x
    expected = by_loops(table.Z, table.x, table.Y.sum(axis=2), v)
    own = exported(stack_years([table]), value_added="basic")
    for a, b in zip(own, expected, strict=True):
        assert_same(a, b, RTOL)


def test_labels_units_and_indices_of_the_dataset():
    """By default v is the residual."""
    tables = random_tables(regions=4, sectors=3, years=2, seed=3)
    steps = []
    data = measures.exported_value_added(
        tables, progress=lambda done, total: steps.append((done, total))
    )
    assert steps[0] == (0, 2) and steps[-1] == (2, 2)
    assert data["dva"].dims == ("year", "exporter", "importer")
    assert data["dva"].attrs["units"] == tables.unit
    assert data["dva_index"].dims == ("year", "region")
    assert data["year"].values.tolist() == list(tables.years)
    assert data["exporter"].values.tolist() == list(tables.regions)
    assert float(data["residual"].max()) <= 1e-12
    for k in range(2):
        x, Y = tables.x[k], tables.final_demand()[k]
        v = 1 - tables.Z[k].sum(axis=0) / x
        names = zip(
            FLOWS, ("dva_index", "absorbed_abroad_index", "gross_index"), strict=True
        )
        expected = by_loops(tables.Z[k], x, Y, v)
        for (name, index), flow in zip(names, expected, strict=True):
            assert_same(data[name].values[k], flow, RTOL)
            sold, bought = flow.sum(axis=1), flow.sum(axis=0)
            balance = (sold - bought) / (sold + bought)
            assert_allclose(data[index].values[k], balance, rtol=0, atol=RTOL)


def test_it_is_what_a_region_would_lose_without_its_exports():
    """Hypothetical extraction (Los, Timmer and de Vries 2016, AER 106)."""
    table = random_table(regions=4, sectors=3, seed=1)
    A, Y = coefficients(table.Z, table.x), table.Y.sum(axis=2)
    v = 1 - A.sum(axis=0)
    dva, _, _ = exported(stack_years([table]))

    def gdp(A, Y, own):
        return v[own] @ np.linalg.solve(np.eye(len(Y)) - A, Y.sum(axis=1))[own]

    for s in range(4):
        own = slice(3 * s, 3 * s + 3)
        no_A, no_Y = A.copy(), Y.copy()
        no_A[own], no_Y[own] = 0, 0
        no_A[own, own], no_Y[own, s] = A[own, own], Y[own, s]
        lost = gdp(A, Y, own) - gdp(no_A, no_Y, own)
        assert_allclose(dva[s].sum(), lost, rtol=RTOL)


# ------------------------------------------------------------------- limiting cases


def test_an_industry_without_output_exports_no_value_added():
    """Alone it sells 7 of final goods: no output is reported, no value added either."""
    table = random_table(regions=4, sectors=3, seed=8)
    Z, Y = table.Z.copy(), table.Y.sum(axis=2)
    Z[3], Z[:, 3], Y[3] = 0, 0, 0
    x = Z.sum(axis=1) + Y.sum(axis=1)
    without = exported(of_arrays(Z, Y, x))
    v = np.where(x > 0, 1 - coefficients(Z, x).sum(axis=0), 0)
    expected = by_loops(Z, x, Y, v)
    Y[3, 0] = 7
    result = exported(of_arrays(Z, Y, x))
    for own, other, loops in zip(result, without, expected, strict=True):
        assert_allclose(own, other, rtol=RTOL)
        assert_same(own, loops, RTOL)


def test_inputs_of_an_industry_without_output_return_nothing():
    """It sells inputs too: they hold no value added, and are no exports."""
    table = random_table(regions=4, sectors=3, seed=9)
    Z, Y, x = 0.5 * table.Z, table.Y.sum(axis=2), table.x.copy()
    Z[:, 5], x[5] = 0, 0
    v = np.where(x > 0, 1 - coefficients(Z, x).sum(axis=0), 0)
    dva, abroad, exports = by_loops(Z, x, Y, v)
    X = np.linalg.solve(np.eye(12) - coefficients(Z, x), Y)
    sold = Y[5, 0] + coefficients(Z, x)[5, :3] @ X[:3].sum(axis=1)
    own = exported(of_arrays(Z, Y, x))
    assert_same(own[0], dva, RTOL)
    assert_same(own[1], abroad, RTOL)
    # Industry 5 is the last of region 1.
    assert_allclose(own[2][1, 0], exports[1, 0] - sold, rtol=RTOL)


def test_terms_have_the_dtype_of_the_table_and_years_can_be_batched():
    tables = random_tables(regions=4, sectors=3, years=3)
    arrays = [np.asarray(k) for k in (tables.Z, tables.x, tables.final_demand())]

    def of_year(Z, x, Y):
        return borin_mancini.exporter_source(invert_table(Z, x, Y))

    terms, batch = compiled(of_year), compiled(jax.vmap(of_year))(*arrays)
    for k in range(3):
        one = terms(*(a[k] for a in arrays))
        assert_allclose(batch["DVA"][k], one["DVA"], rtol=RTOL)
    single = terms(*(a[0].astype("float32") for a in arrays))["DVA"]
    assert single.dtype == np.float32
    assert_same(single, np.asarray(batch["DVA"][0]), SINGLE_RTOL)


# ------------------------------------------------------------------------------ mistakes


def test_a_table_that_is_not_productive_is_refused():
    with pytest.warns(
        TivaxWarning, match=r"2 of \d+ industries with more inputs than output"
    ):
        tables = hand_table([[90, 60], [60, 90]], [[-20, 0], [0, -20]], ["R", "S"])
    assert "not productive" in error_of(measures.exported_value_added, tables)
