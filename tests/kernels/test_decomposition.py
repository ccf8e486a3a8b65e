"""Domestic value added in exports: by hand, by loops, by extraction, published numbers."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import TivaxError, TivaxWarning, stack_years
from tivax.engine.measures import trade as measures
from tivax.engine.sources.catalogue import get_source
from tivax.kernels import absorption, decomposition
from tivax.kernels.solve import Method

import truth_files
from helpers import coefficients, hand_table, random_table, random_tables
from truth_files import (
    EXVATOOLS_RTOL,
    GVC_ANALYZER_RTOL,
    LEATHER,
    TOY,
    WIODTEST,
    truth_table,
)

# Solves stop at a residual of 1e-12 of a column; measured 6e-15 on these tables.
RTOL = 1e-10
# By hand: few operations on small integers; measured 2e-16.
HAND_RTOL = 1e-13
# R icio, printed with 7 digits (README of truth).
ICIO_RTOL = 2e-7
# A float32 run of a table of 12 industries; measured 3e-7.
SINGLE_RTOL = 1e-5


SHAPES = [(1, 4), (5, 1), (4, 3)]  # regions, sectors


kernel = jax.jit(decomposition.exported_value_added, static_argnames="method")
absorbed = jax.jit(absorption.value_added_trade)


def arrays(table) -> tuple[jax.Array, ...]:
    return tuple(jnp.asarray(a) for a in (table.Z, table.x, table.Y.sum(axis=2)))


def exported(table, **options):
    return kernel(*arrays(table), **options)


def assert_same(actual, expected, rtol=RTOL):
    truth_files.assert_same(actual, expected, rtol)


# -------------------------------------------------------------------------- by hand

# A = [[1/2, 1/4], [1/4, 1/2]], B = 4/3 [[2, 1], [1, 2]], v = 1/4, L = 2 and u = 1/2.
# Demand of region 1 needs outputs 64 and 32, that of region 2 needs 48 and 48.
BY_HAND = hand_table([[56, 20], [28, 40]], [[24, 12], [0, 12]], ["R", "S"])


def test_two_regions_by_hand():
    """R sells 12 + 20 and S sells 28: half of it is value added at home.

    Of the exports of R, S needs A 32 = 8 for what R itself demands; of those of S, R
    needs 12. What stays abroad is v X: 48 / 4 and 32 / 4.
    """
    result = kernel(*(jnp.array(a[0]) for a in (BY_HAND.Z, BY_HAND.x, BY_HAND.Y)))
    assert_allclose(result.exports, [[0, 32], [28, 0]], rtol=HAND_RTOL)
    assert_allclose(result.dva, [[0, 16], [14, 0]], rtol=HAND_RTOL)
    assert_allclose(result.absorbed_abroad, [[0, 12], [8, 0]], rtol=HAND_RTOL)
    assert_allclose(result.largest_input_share, 0.75, rtol=HAND_RTOL)


def test_value_added_at_home_by_hand():
    """L = 1 / (1 - 1/2); a dollar's value added 0.1 and 0.3."""
    A = jnp.array([[0.5, 0.25], [0.25, 0.5]])
    u = decomposition.value_added_at_home(A, jnp.array([0.1, 0.3]), regions=2)
    assert_allclose(u, [0.2, 0.6], rtol=HAND_RTOL)


def test_inputs_count_from_seller_to_buyer():
    """One region: sector 1 sells 0.4 to sector 2. A dollar of 2 holds 0.4 of 1."""
    A = jnp.array([[0.0, 0.4], [0.0, 0.0]])
    u = decomposition.value_added_at_home(A, jnp.array([1.0, 0.6]), regions=1)
    assert_allclose(u, [1, 1], rtol=HAND_RTOL)


# ------------------------------------------------------------- second implementation


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


@pytest.mark.parametrize("regions, sectors", SHAPES)
def test_agrees_with_loops_over_regions(regions, sectors):
    """By default v is the residual."""
    table = random_table(regions=regions, sectors=sectors, seed=regions)
    v = 1 - table.Z.sum(axis=0) / table.x
    expected = by_loops(table.Z, table.x, table.Y.sum(axis=2), v)
    result = exported(table)
    for own, other in zip(result, expected, strict=False):
        assert_same(own, other)
    assert_allclose(result.largest_input_share, 1 - v.min(), rtol=RTOL)


def test_agrees_with_loops_where_value_added_is_given():
    table = random_table(regions=4, sectors=3, seed=10)
    v = table.value_added / table.x
    expected = by_loops(table.Z, table.x, table.Y.sum(axis=2), v)
    for own, other in zip(exported(table, v=jnp.array(v)), expected, strict=False):
        assert_same(own, other)


@pytest.mark.parametrize("method", get_args(Method))
def test_every_solver_gives_the_same(method):
    table = random_table(regions=4, sectors=3)
    result = exported(table, method=method)
    assert_same(result.absorbed_abroad, exported(table).absorbed_abroad)
    assert float(result.residual) <= 1e-12


def gdp(Z_share, Y, v, own):
    """Value added of a region in the world of these coefficients and this demand."""
    x = np.linalg.solve(np.eye(len(Y)) - Z_share, Y.sum(axis=1))
    return float(v[own] @ x[own])


def test_it_is_what_a_region_would_lose_without_its_exports():
    """Hypothetical extraction (Los, Timmer and de Vries 2016, AER 106)."""
    table = random_table(regions=4, sectors=3, seed=1)
    A, Y = coefficients(table.Z, table.x), table.Y.sum(axis=2)
    v = 1 - A.sum(axis=0)
    result = exported(table)
    for s in range(4):
        own = slice(3 * s, 3 * s + 3)
        no_A, no_Y = A.copy(), Y.copy()
        no_A[own], no_Y[own] = 0, 0
        no_A[own, own], no_Y[own, s] = A[own, own], Y[own, s]
        lost = gdp(A, Y, v, own) - gdp(no_A, no_Y, v, own)
        assert_allclose(result.dva[s].sum(), lost, rtol=RTOL)


# ----------------------------------------------------------------------- identities


@pytest.mark.parametrize("seed", range(3))
def test_what_stays_abroad_is_value_added_exports(seed):
    """Summed over buyers: sum_{r != s} T_sr of the absorption kernel."""
    table = random_table(regions=4, sectors=3, seed=seed)
    T = absorption.by_region(absorbed(*arrays(table)).absorbed)
    expected = absorption.trade_benefit_index(T).exports
    result = exported(table)
    assert_allclose(result.absorbed_abroad.sum(axis=1), expected, rtol=RTOL)
    # Buyer by buyer the two differ: it may be absorbed further on.
    ratio = result.absorbed_abroad[0, 1:] / T[0, 1:]
    assert ratio.max() > 1 > ratio.min() and ratio.max() - ratio.min() > 0.01


def test_exports_are_those_of_the_absorption_kernel():
    table = random_table(regions=4, sectors=3, seed=4)
    expected = absorption.by_region(absorbed(*arrays(table)).exports)
    assert_allclose(exported(table).exports, expected, rtol=RTOL)


def test_domestic_value_added_is_a_share_of_exports():
    """Between none and all of them where no industry loses money."""
    table = random_table(regions=4, sectors=3, seed=5)
    result = exported(table)
    dva, exports = np.asarray(result.dva), np.asarray(result.exports)
    off = ~np.eye(4, dtype=bool)
    assert (dva[off] > 0).all() and (dva[off] < exports[off]).all()
    assert (result.absorbed_abroad[off] < dva[off]).all()
    assert_array_equal(np.diag(dva), np.zeros(4))
    assert_array_equal(np.diag(result.absorbed_abroad), np.zeros(4))


# ------------------------------------------------------------------- limiting cases


def test_without_trade_in_inputs_all_exports_are_value_added_at_home():
    """A block diagonal, v the residual: u = v L = 1, and nothing returns."""
    table = random_table(regions=4, sectors=3, seed=6)
    Z = table.Z * np.kron(np.eye(4), np.ones((3, 3)))
    Y = table.Y.sum(axis=2)
    x = Z.sum(axis=1) + Y.sum(axis=1)
    result = kernel(*(jnp.array(a) for a in (Z, x, Y)))
    assert_allclose(result.dva, result.exports, rtol=RTOL)
    assert_allclose(result.absorbed_abroad, result.exports, rtol=RTOL)
    final = Y.reshape(4, 3, 4).sum(axis=1) * (1 - np.eye(4))
    assert_allclose(result.exports, final, rtol=RTOL)


def test_a_region_that_final_demand_forgets_loses_nothing_on_the_way_back():
    """What region 1 exports cannot return where it demands nothing itself."""
    table = random_table(regions=4, sectors=3, seed=7)
    Y = table.Y.sum(axis=2)
    Y[:, 1] = 0
    x = table.Z.sum(axis=1) + Y.sum(axis=1)
    result = kernel(*(jnp.array(a) for a in (table.Z, x, Y)))
    assert_allclose(result.absorbed_abroad[1], result.dva[1], rtol=RTOL)
    assert (result.absorbed_abroad[0, 1:] < result.dva[0, 1:]).all()


def test_an_industry_without_output_exports_no_value_added():
    """Alone it sells 7 of final goods: no output is reported, no value added either."""
    table = random_table(regions=4, sectors=3, seed=8)
    Z, Y = table.Z.copy(), table.Y.sum(axis=2)
    Z[3], Z[:, 3], Y[3] = 0, 0, 0
    x = Z.sum(axis=1) + Y.sum(axis=1)
    without = kernel(*(jnp.array(a) for a in (Z, x, Y)))
    Y[3, 0] = 7
    result = kernel(*(jnp.array(a) for a in (Z, x, Y)))
    for own, other in zip(result[:3], without[:3], strict=True):
        assert_allclose(own, other, rtol=RTOL)
    v = np.where(x > 0, 1 - coefficients(Z, x).sum(axis=0), 0)
    Y[3, 0] = 0
    for own, expected in zip(result, by_loops(Z, x, Y, v), strict=False):
        assert_same(own, expected)


def test_inputs_of_an_industry_without_output_return_nothing():
    """It sells inputs too: those of its sales are not exports, nor do they return."""
    table = random_table(regions=4, sectors=3, seed=9)
    Y, x = table.Y.sum(axis=2), table.x.copy()
    x[5] = 0
    quarter = np.full(12, 0.25)
    result = kernel(*(jnp.array(a) for a in (table.Z, x, Y)), v=jnp.array(quarter))
    _, abroad, _ = by_loops(table.Z, x, Y, quarter)
    A = coefficients(table.Z, x)
    X = np.linalg.solve(np.eye(12) - A, Y)
    # Industry 5 is the last of region 1: by the loops it adds a quarter of its sales.
    sold = Y[5, 0] + A[5, :3] @ (X[:3].sum(axis=1) - X[:3, 1])
    assert_allclose(result.absorbed_abroad[1, 0], abroad[1, 0] - sold / 4, rtol=RTOL)


# ------------------------------------------------------------------ dtype and batches


def test_results_have_the_dtype_of_the_inputs():
    table = random_table(regions=4, sectors=3)
    result = kernel(*(a.astype(jnp.float32) for a in arrays(table)))
    for own, double in zip(result[:3], exported(table)[:3], strict=True):
        assert own.dtype == jnp.float32
        assert_same(own, np.asarray(double), SINGLE_RTOL)


def test_years_can_be_batched():
    tables = random_tables(regions=4, sectors=3, years=3)
    Y = jnp.array(tables.final_demand())
    batch = jax.vmap(decomposition.exported_value_added)(
        jnp.array(tables.Z), jnp.array(tables.x), Y
    )
    for k in range(3):
        one = kernel(jnp.array(tables.Z[k]), jnp.array(tables.x[k]), Y[k])
        assert_allclose(batch.absorbed_abroad[k], one.absorbed_abroad, rtol=RTOL)
        assert_allclose(batch.dva[k], one.dva, rtol=RTOL)


# -------------------------------------------------------------------- labelled results


def test_labels_units_and_indices_of_the_dataset():
    tables = random_tables(regions=4, sectors=3, years=2, seed=3)
    steps = []
    data = measures.exported_value_added(
        tables, progress=lambda done, total: steps.append((done, total))
    )
    assert steps[0] == (0, 2) and steps[-1] == (2, 2)
    assert data["dva"].dims == ("year", "exporter", "buyer")
    assert data["dva"].attrs["units"] == tables.unit
    assert data["dva_index"].dims == ("year", "region")
    assert data["year"].values.tolist() == list(tables.years)
    assert data["exporter"].values.tolist() == list(tables.regions)
    assert float(data["residual"].max()) <= 1e-12
    for k in range(2):
        x, Y = tables.x[k], tables.final_demand()[k]
        v = 1 - tables.Z[k].sum(axis=0) / x
        for name, index, flow in zip(
            ("dva", "dva_absorbed_abroad", "gross_exports"),
            ("dva_index", "absorbed_abroad_index", "gross_index"),
            by_loops(tables.Z[k], x, Y, v),
            strict=True,
        ):
            assert_same(data[name].values[k], flow)
            sold, bought = flow.sum(axis=1), flow.sum(axis=0)
            expected = (sold - bought) / (sold + bought)
            assert_allclose(data[index].values[k], expected, rtol=0, atol=RTOL)


def test_value_added_at_basic_prices_is_the_row_of_the_table():
    table = random_table(regions=4, sectors=3, seed=4)
    data = measures.exported_value_added(stack_years([table]), "basic")
    v = table.value_added / table.x
    dva, _, _ = by_loops(table.Z, table.x, table.Y.sum(axis=2), v)
    assert_same(data["dva"].values[0], dva)


def test_value_added_at_basic_prices_needs_a_row():
    with pytest.raises(TivaxError, match="no value-added row"):
        measures.exported_value_added(BY_HAND, "basic")


def test_a_table_that_is_not_productive_is_refused():
    with pytest.warns(TivaxWarning, match="2 industries buy more than they make"):
        tables = hand_table([[90, 60], [60, 90]], [[-20, 0], [0, -20]], ["R", "S"])
    with pytest.raises(TivaxError, match="not productive"):
        measures.exported_value_added(tables)


# ---------------------------------------------------------------- published numbers


def bilateral(frame: pd.DataFrame, value: str, regions: list[str]) -> np.ndarray:
    """Exporter by importer, summed over sectors, 0 at home."""
    table = frame.groupby(["exporter", "importer"])[value].sum().unstack()
    return table.reindex(index=regions, columns=regions).fillna(0).to_numpy()


NAMES = {"EXGR": "gross_exports", "DVA": "dva", "VAX": "dva_absorbed_abroad"}


@pytest.mark.shared
def test_buyer_by_buyer_it_is_borin_and_mancini_of_exvatools(shared):
    """Their exporter's perspective, source, six regions."""
    folder = shared / "truth" / "exvatools_wiodtest"
    data = measures.exported_value_added(truth_table(folder, WIODTEST))
    printed = pd.read_csv(folder / "out_bm_src_all_standard.csv")
    printed.columns = ["key", "term", "industry", "importer", "value"]
    printed["exporter"] = printed["industry"].str[:3]
    for term, name in NAMES.items():
        expected = bilateral(printed[printed["term"] == term], "value", WIODTEST)
        assert_same(data[name].values[0], expected, EXVATOOLS_RTOL)


@pytest.mark.shared
def test_buyer_by_buyer_it_is_borin_and_mancini_of_icio(shared):
    """Printed by the authors of R icio for the leather table."""
    folder = shared / "truth" / "decompr_leather"
    data = measures.exported_value_added(truth_table(folder, LEATHER))
    printed = pd.read_csv(folder / "pub_icio100_bm_bilateral_exporter.csv")
    totals = pd.read_csv(folder / "pub_icio100_bm_country_exporter.csv")
    for term, name in {"GEXP": "gross_exports", **NAMES}.items():
        if term in printed:
            expected = bilateral(printed, term, LEATHER)
            own = data[name].values[0]
            assert_same(own, expected, ICIO_RTOL)
            assert_allclose(own.sum(axis=1), totals[term], rtol=ICIO_RTOL)


@pytest.mark.shared
def test_total_of_an_exporter_is_that_of_gvc_analyzer(shared):
    """Borin and Mancini (2023): u_s E_s with the exports of the table as it stands."""
    folder = shared / "truth" / "gvcAnalyzer_toy"
    table = truth_table(folder, TOY)
    A, foreign = table.Z[0] / table.x[0], 1 - np.kron(np.eye(4), np.ones((3, 3)))
    v = table.table(2000).value_added / table.x[0]
    u = decomposition.value_added_at_home(jnp.array(A), jnp.array(v), regions=4)
    exports = (table.Z[0] * foreign).sum(axis=1)
    exports += (table.Y[0] * foreign[:, ::3]).sum(axis=1)
    printed = pd.read_csv(folder / "out_bm2023_exporter_total.csv")
    assert_allclose(
        (u * exports).reshape(4, 3).sum(axis=1),
        printed["DVA_s"],
        rtol=GVC_ANALYZER_RTOL,
    )


@pytest.mark.shared
def test_what_stays_abroad_is_value_added_exports_in_real_tables(shared):
    """WIOD 2013, industries without output and negative demand included."""
    source = get_source("wiod2013")
    files = source.find([shared / "data" / "wiod2013"])
    chosen = [file for file in files if file.year in (1995, 2009)]
    tables = stack_years([next(iter(source.read(file))) for file in chosen])
    assert np.any(np.asarray(tables.x) == 0)
    data = measures.exported_value_added(tables)
    vax = measures.value_added_exports(tables)
    assert data["year"].values.tolist() == [1995, 2009]
    for own, expected in (
        (data["dva_absorbed_abroad"], vax["va_exports"]),
        (data["gross_exports"], vax["gross_exports"]),
    ):
        assert_allclose(own.sum("buyer").values, expected.values, rtol=RTOL)
    share = data["dva"].sum("buyer") / data["gross_exports"].sum("buyer")
    assert ((share > 0.3) & (share < 1)).all()
    # What returns is most for the largest economy, and little for all.
    returned = 1 - data["dva_absorbed_abroad"].sum("buyer") / data["dva"].sum("buyer")
    assert returned.sel(year=2009).idxmax("exporter") == "USA"
    assert float(returned.min()) > 0 and float(returned.max()) < 0.15
