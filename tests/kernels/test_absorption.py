"""Value added absorbed, trade benefit index, VAX: the kernels and their labelled form.

The first half tests ``kernels.absorption`` on arrays, the second ``engine.measures``.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import TivaxError, WorldTables, open_store, save_store
from tivax.engine.measures import require_value_added
from tivax.engine.measures import trade as measures
from tivax.engine.measures import years as years_module
from tivax.engine.measures.regrouping import regroup
from tivax.engine.measures.years import split_years
from tivax.kernels import absorption

from helpers import hand_table, random_table, random_tables, system

# The solve stops at a residual of 1e-12, and a column of X misses by up to |B| times
# that; measured 5e-13.
SOLVE_RTOL = 1e-11
# Sums and products in another order; measured 3e-16.
RTOL = 1e-13

# Koopman, Wang and Wei (2014, AER 104), online appendix C: two regions, one sector.
KWW = hand_table([[100, 50], [0, 50]], [[30, 20], [70, 80]], ("USA", "CHN"))


def value_added_trade(tables, k=0, v=None):
    """The kernel on year number k."""
    return absorption.value_added_trade(
        jnp.array(tables.Z[k]),
        jnp.array(tables.x[k]),
        jnp.array(tables.final_demand()[k]),
        v,
    )


# ------------------------------------------------------------- kernel: absorption


def test_appendix_example_of_koopman_wang_and_wei():
    """B = [[2, 2/3], [0, 4/3]], v = (1/2, 1/2): 53.3 and 46.7 in print."""
    trade = value_added_trade(KWW)
    assert_allclose(
        trade.absorbed, np.array([[160, 140], [140, 160]]) / 3, rtol=SOLVE_RTOL
    )
    assert_allclose(trade.output, [200, 200], rtol=SOLVE_RTOL)
    assert_allclose(trade.exports, [[0, 70], [70, 0]], rtol=SOLVE_RTOL)
    assert_allclose(trade.absorbed, [[53.3, 46.7], [46.7, 53.3]], atol=0.05)  # printed


def test_value_added_of_the_table_replaces_the_residual():
    """Half of the value added, half of the value added absorbed."""
    half = value_added_trade(KWW, v=jnp.array([0.25, 0.25]))
    assert_allclose(half.absorbed, np.array([[80, 70], [70, 80]]) / 3, rtol=SOLVE_RTOL)


def test_gross_exports_by_hand():
    """Two regions with two sectors: intermediate sales abroad and final sales abroad."""
    Z = np.arange(16.0).reshape(4, 4)
    Y = np.arange(100.0, 108.0).reshape(4, 2)
    x = np.array([200.0, 300, 400, 500])
    A = Z / x
    expected = [
        [0, 2 + 3 + 101],
        [0, 6 + 7 + 103],
        [8 + 9 + 104, 0],
        [12 + 13 + 106, 0],
    ]
    exports = absorption.gross_exports(
        jnp.array(A), jnp.array(x), jnp.array(Y), active=jnp.ones(4, bool)
    )
    assert_allclose(exports, expected, rtol=RTOL)


def test_an_industry_that_is_not_active_exports_nothing():
    exports = absorption.gross_exports(
        jnp.ones((2, 2)), jnp.ones(2), jnp.ones((2, 2)), active=jnp.array([True, False])
    )
    assert_array_equal(exports, [[0, 2], [0, 0]])


def test_by_region_adds_the_sectors_of_origin():
    T = jnp.arange(12.0).reshape(6, 2)[:4]
    assert_array_equal(absorption.by_region(T), [[0 + 2, 1 + 3], [4 + 6, 5 + 7]])


@pytest.mark.parametrize("regions, sectors", [(1, 1), (1, 5), (5, 1), (4, 3)])
def test_absorption_agrees_with_numpy(regions, sectors):
    t = random_tables(regions=regions, sectors=sectors, years=1)
    A, Y = system(t)
    B = np.linalg.inv(np.eye(len(A)) - A)
    trade = value_added_trade(t)
    assert_allclose(
        trade.absorbed, (1 - A.sum(axis=0))[:, None] * (B @ Y), rtol=SOLVE_RTOL
    )
    # Gross exports of the reported table: it balances, so both are the same.
    sold = Y + t.Z[0].reshape(-1, regions, sectors).sum(axis=2)
    home = np.repeat(np.eye(regions, dtype=bool), sectors, axis=0)
    assert_allclose(trade.exports, np.where(home, 0, sold), rtol=SOLVE_RTOL)


def test_every_dollar_of_demand_is_someones_value_added():
    t = random_tables(regions=4, sectors=3, years=1)
    trade = value_added_trade(t)
    assert_allclose(
        trade.absorbed.sum(axis=0), t.final_demand()[0].sum(axis=0), rtol=SOLVE_RTOL
    )
    assert_allclose(
        trade.absorbed.sum(axis=1), t.x[0] - t.Z[0].sum(axis=0), rtol=SOLVE_RTOL
    )
    assert_allclose(trade.output, t.x[0], rtol=SOLVE_RTOL)


def test_value_added_balance_is_the_gross_balance():
    """And exports of value added are less than gross exports, here in every region."""
    t = random_tables(regions=4, sectors=3, years=1)
    trade = value_added_trade(t)
    va = absorption.trade_benefit_index(absorption.by_region(trade.absorbed))
    gross = absorption.trade_benefit_index(absorption.by_region(trade.exports))
    assert_allclose(
        va.exports - va.imports,
        gross.exports - gross.imports,
        atol=SOLVE_RTOL * float(gross.exports.max()),
    )
    assert (va.exports < gross.exports).all()


def test_without_intermediate_trade_value_added_is_final_goods():
    """All inputs bought at home: region r absorbs of s the final goods it buys of s."""
    t = random_tables(regions=3, sectors=2, years=1)
    A, Y = system(t)
    A = A * np.kron(np.eye(3), np.ones((2, 2)))
    x = np.linalg.solve(np.eye(6) - A, Y.sum(axis=1))
    trade = absorption.value_added_trade(jnp.array(A * x), jnp.array(x), jnp.array(Y))
    assert_allclose(
        absorption.by_region(trade.absorbed),
        Y.reshape(3, 2, 3).sum(axis=1),
        rtol=SOLVE_RTOL,
    )


def test_an_idle_industry_adds_no_value_though_it_sells():
    """As in WIOD: 5 of final goods from an industry without output."""
    Z = jnp.array([[20.0, 0.0], [0.0, 0.0]])
    trade = absorption.value_added_trade(
        Z, jnp.array([100.0, 0.0]), jnp.array([[50.0, 30.0], [5.0, 0.0]])
    )
    assert_allclose(trade.absorbed, [[50, 30], [0, 0]], rtol=SOLVE_RTOL)
    assert_allclose(trade.exports, [[0, 30], [0, 0]], rtol=SOLVE_RTOL)


# ------------------------------------------------------ kernel: trade benefit index


def test_index_of_two_regions_by_hand():
    """Exports 3, imports 1: (3 - 1) / (3 + 1), and the partner the opposite."""
    balance = absorption.trade_benefit_index(jnp.array([[9.0, 3.0], [1.0, 7.0]]))
    assert_array_equal(balance.exports, [3, 1])
    assert_array_equal(balance.imports, [1, 3])
    assert_array_equal(balance.tbi, [0.5, -0.5])


def test_index_of_three_regions_by_hand():
    T = jnp.array([[100.0, 4, 2], [1, 200, 3], [1, 5, 300]])
    balance = absorption.trade_benefit_index(T)
    assert_array_equal(balance.exports, [6, 4, 6])
    assert_array_equal(balance.imports, [2, 9, 5])
    assert_allclose(balance.tbi, [4 / 8, -5 / 13, 1 / 11], rtol=RTOL)


def test_a_region_without_trade_has_no_index_for_zero_would_mean_balanced():
    balance = absorption.trade_benefit_index(jnp.diag(jnp.array([5.0, 6.0])))
    assert_array_equal(balance.tbi, [np.nan, np.nan])


def test_what_stands_at_home_does_not_count_even_where_it_is_no_number():
    T = jnp.array([[jnp.nan, 3.0], [1.0, jnp.nan]])
    assert_array_equal(absorption.trade_benefit_index(T).tbi, [0.5, -0.5])


def test_a_missing_flow_leaves_its_two_regions_without_an_index():
    T = jnp.array([[0.0, jnp.nan, 1.0], [1.0, 0.0, 1.0], [1.0, 3.0, 0.0]])
    index = np.asarray(absorption.trade_benefit_index(T).tbi)
    assert np.isnan(index[:2]).all()
    assert_allclose(index[2], (4 - 2) / 6)


def test_negative_trade_in_total_has_an_index_too():
    balance = absorption.trade_benefit_index(jnp.array([[0.0, -5.0], [1.0, 0.0]]))
    assert_allclose(balance.tbi, [-6 / -4, 6 / -4])


def test_index_lies_between_minus_one_and_one_at_the_ends():
    balance = absorption.trade_benefit_index(jnp.array([[0.0, 3.0], [0.0, 0.0]]))
    assert_array_equal(balance.tbi, [1, -1])


# ---------------------------------------------------------------- labelled results


@pytest.fixture(scope="module")
def tables() -> WorldTables:
    return random_tables(regions=4, sectors=3, years=3)


@pytest.fixture(scope="module")
def trade(tables) -> xr.Dataset:
    return measures.value_added_trade(tables)


def test_labels_name_the_number_they_stand_beside(tables, trade):
    """Year, origin, sector and absorber, each checked against NumPy."""
    absorbed = trade["va_absorbed"]
    assert absorbed.dims == ("year", "origin", "sector", "absorber")
    A, Y = system(tables, 1)
    T = (1 - A.sum(axis=0))[:, None] * np.linalg.solve(np.eye(12) - A, Y)
    got = absorbed.sel(year=2001, origin="R2", sector="S1", absorber="R3")
    assert_allclose(got, T[2 * 3 + 1, 3], rtol=SOLVE_RTOL)
    gross = trade["gross_exports"].sel(year=2001, origin="R2", sector="S1")
    assert_allclose(
        gross.sel(destination="R3"),
        tables.Z[1][7, 9:12].sum() + Y[7, 3],
        rtol=SOLVE_RTOL,
    )
    assert gross.sel(destination="R2") == 0
    output = trade["output"].sel(year=2001, origin="R2", sector="S1")
    assert_allclose(output, tables.x[1][7], rtol=SOLVE_RTOL)


def test_the_example_of_the_appendix_has_a_vax_ratio_of_two_thirds():
    vax = measures.value_added_exports(KWW)
    assert_allclose(vax["vax_ratio"].values, [[2 / 3, 2 / 3]], rtol=SOLVE_RTOL)
    assert_allclose(vax["gross_imports"].values, [[70, 70]], rtol=SOLVE_RTOL)


def test_value_added_absorbed_is_the_array_of_the_trade(tables, trade):
    absorbed = measures.value_added_absorbed(tables)
    xr.testing.assert_equal(absorbed, trade["va_absorbed"])
    assert absorbed.attrs["residual_max"] == float(trade["residual"].max()) <= 1e-12
    assert absorbed.attrs["units"] == "million US$"


def test_index_is_the_same_from_tables_trade_and_absorbed(tables, trade):
    index = measures.trade_benefit_index(tables)
    xr.testing.assert_equal(index, measures.trade_benefit_index(trade))
    xr.testing.assert_equal(index, measures.trade_benefit_index(trade["va_absorbed"]))
    regions = trade["va_absorbed"].sum("sector").transpose("absorber", ..., "origin")
    xr.testing.assert_allclose(index, measures.trade_benefit_index(regions), rtol=RTOL)


def test_index_agrees_with_numpy(tables, trade):
    index = measures.trade_benefit_index(tables)
    for k, year in enumerate(tables.years):
        T = np.asarray(trade["va_absorbed"][k].sum("sector"))
        X, M = T.sum(axis=1) - np.diag(T), T.sum(axis=0) - np.diag(T)
        assert_allclose(index["va_exports"].sel(year=year), X, rtol=RTOL)
        assert_allclose(index["va_imports"].sel(year=year), M, rtol=RTOL)
        assert_allclose(index["tbi"].sel(year=year), (X - M) / (X + M), rtol=1e-11)


def test_value_added_at_basic_prices_is_the_row_of_the_table(tables):
    basic = measures.value_added_absorbed(tables, "basic")
    assert tables.value_added is not None
    assert_allclose(
        basic.sum("absorber").values.reshape(3, 12), tables.value_added, rtol=SOLVE_RTOL
    )


def test_value_added_balance_of_every_region_is_its_gross_balance(tables):
    vax = measures.value_added_exports(tables)
    assert_allclose(
        vax["va_exports"] - vax["va_imports"],
        vax["gross_exports"] - vax["gross_imports"],
        atol=SOLVE_RTOL * float(vax["gross_exports"].max()),
    )


def test_sectors_add_up_to_their_region(tables):
    total = measures.value_added_exports(tables)
    sectors = measures.value_added_exports(tables, by_sector=True)
    assert sectors["vax_ratio"].dims == ("year", "region", "sector")
    for name in ("gross_exports", "gross_imports", "va_exports", "va_imports"):
        assert_allclose(sectors[name].sum("sector"), total[name], rtol=RTOL)
    ratio = sectors["va_exports"] / sectors["gross_exports"]
    assert_allclose(sectors["vax_ratio"], ratio, rtol=RTOL)


def test_a_region_that_exports_nothing_has_no_vax_ratio():
    closed = hand_table([[50, 0], [0, 50]], [[50, 0], [0, 50]], ("AAA", "BBB"))
    vax = measures.value_added_exports(closed)
    assert np.isnan(vax["vax_ratio"]).all()
    assert np.isnan(vax["tbi"]).all()


# ---------------------------------------------------------- groups and left-out ones


def test_trade_of_a_group_is_its_members_less_what_they_trade_among_them(trade):
    T = trade["va_absorbed"].sum("sector")
    alone = measures.trade_benefit_index(trade)
    pair = measures.trade_benefit_index(trade, groups={"UNION": ["R1", "R3"]})
    assert pair["region"].values.tolist() == ["R0", "UNION", "R2"]
    among = T.sel(origin="R1", absorber="R3") + T.sel(origin="R3", absorber="R1")
    for name in ("va_exports", "va_imports"):
        members = alone[name].sel(region=["R1", "R3"]).sum("region")
        assert_allclose(pair[name].sel(region="UNION"), members - among, rtol=RTOL)
    # Nothing changes for those outside.
    for name in ("va_exports", "va_imports", "tbi"):
        outside = ["R0", "R2"]
        assert_allclose(
            pair[name].sel(region=outside), alone[name].sel(region=outside), rtol=1e-11
        )


def test_the_whole_world_as_one_group_trades_with_nobody(trade):
    with pytest.raises(TivaxError, match="fewer than two regions are left"):
        measures.trade_benefit_index(trade, groups={"WLD": ["R0", "R1", "R2", "R3"]})


def test_a_region_in_two_groups_is_refused_whatever_the_groups_are_called(trade):
    with pytest.raises(TivaxError, match="R1 is in R1 and in X"):
        regroup(trade["va_absorbed"], groups={"R1": ["R1", "R2"], "X": ["R1"]})


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_whole_numbers_and_single_precision_are_solved_in_float64(dtype):
    tables = hand_table([[50, 20], [10, 60]], [[100, 30], [20, 110]], ("AAA", "BBB"))
    other = replace(tables, **{k: getattr(tables, k).astype(dtype) for k in "ZYx"})
    absorbed = measures.value_added_absorbed(other)
    assert_array_equal(absorbed, measures.value_added_absorbed(tables))


def test_a_dropped_region_is_neither_reporter_nor_partner(trade):
    T = trade["va_absorbed"].sum("sector")
    index = measures.trade_benefit_index(trade, drop=["R1"])
    assert index["region"].values.tolist() == ["R0", "R2", "R3"]
    expected = sum(T.sel(origin="R0", absorber=q) for q in ("R2", "R3"))
    assert_allclose(index["va_exports"].sel(region="R0"), expected, rtol=RTOL)


def test_a_dropped_region_is_left_out_of_gross_trade_and_groups_too(trade):
    vax = measures.value_added_exports(
        trade, drop=["R1"], groups={"UNION": ["R2", "R3"]}
    )
    gross = trade["gross_exports"].sum("sector")
    expected = gross.sel(origin="R0", destination=["R2", "R3"]).sum("destination")
    assert vax["region"].values.tolist() == ["R0", "UNION"]
    assert_allclose(vax["gross_exports"].sel(region="R0"), expected, rtol=RTOL)


@pytest.mark.parametrize(
    "choice, message",
    [
        (dict(drop=["XXX"]), "no region XXX: choose from R0, R1, R2, R3"),
        (dict(groups={"G": ["R1", "YYY"]}), "no region YYY"),
        (dict(groups={"G": ["R1"], "H": ["R1"]}), "region R1 is in G and in H"),
        (dict(groups={"R0": ["R1"]}), "group R0: a region has that code"),
    ],
)
def test_a_wrong_group_or_region_is_named(trade, choice, message):
    with pytest.raises(TivaxError, match=message):
        measures.trade_benefit_index(trade, **choice)


def test_origins_and_absorbers_that_differ_are_refused(trade):
    part = trade["va_absorbed"].isel(absorber=slice(0, 3))
    with pytest.raises(TivaxError, match=r"not 4 and 3 labels \(R3\)"):
        measures.trade_benefit_index(part)


# -------------------------------------------------------- reading, progress, errors


def test_a_store_read_year_by_year_gives_what_memory_gives(tables, trade, tmp_path):
    save_store(tables, tmp_path / "store")
    lazy = open_store(tmp_path / "store", lazy=True)
    xr.testing.assert_equal(measures.value_added_trade(lazy), trade)
    basic = measures.value_added_trade(lazy, "basic")
    xr.testing.assert_equal(basic, measures.value_added_trade(tables, "basic"))


@pytest.mark.parametrize("at_once", [1, 2, 3, 10])
def test_results_do_not_depend_on_how_many_years_fit_in_memory(
    tables, trade, monkeypatch, at_once
):
    monkeypatch.setattr(years_module, "_years_at_once", lambda n, matrices: at_once)
    xr.testing.assert_equal(measures.value_added_trade(tables), trade)


def test_years_are_cut_into_runs_of_nearly_equal_length():
    for years, at_once in ((15, 4), (15, 1), (3, 10), (1, 1)):
        runs = split_years(years, at_once)
        lengths = [run.stop - run.start for run in runs]
        assert [k for run in runs for k in range(run.start, run.stop)] == list(
            range(years)
        )
        assert max(lengths) <= at_once
        assert max(lengths) - min(lengths) <= 1


def test_progress_counts_the_years(tables):
    seen = []
    measures.value_added_trade(
        tables, progress=lambda done, all: seen.append((done, all))
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_final_demand_by_category_or_summed_is_the_same():
    t = random_table(regions=3, sectors=2)
    by_hand = hand_table(
        t.Z.tolist(), t.Y.sum(axis=2).tolist(), t.regions, sectors=t.sectors
    )
    categories = WorldTables(
        t.Z[None], t.Y[None], t.x[None], t.regions, t.sectors, [t.year]
    )
    a, b = (measures.value_added_absorbed(k).values for k in (by_hand, categories))
    assert_allclose(a, b, rtol=RTOL)


def test_value_added_at_basic_prices_needs_a_row_in_the_table():
    with pytest.raises(
        TivaxError, match="no value-added row; use --value-added residual"
    ):
        measures.value_added_trade(KWW, "basic")


def test_an_unknown_definition_of_value_added_is_named():
    with pytest.raises(TivaxError, match="'gross': choose from residual, basic"):
        require_value_added("gross")


def test_a_year_without_a_solution_is_named(tables):
    """In 2001 every industry spends all it earns: I - A is singular."""
    Z = np.array(tables.Z)
    Z[1] *= tables.x[1] / Z[1].sum(axis=0)
    broken = WorldTables(
        Z, tables.Y, tables.x, tables.regions, tables.sectors, tables.years
    )
    with pytest.raises(TivaxError, match="^2001: the Leontief system is not solved"):
        measures.value_added_trade(broken)


def test_a_batch_of_indices_gives_what_single_ones_give():
    T = jax.random.uniform(jax.random.key(0), (3, 4, 4))
    batch = jax.vmap(absorption.trade_benefit_index)(T)
    for k in range(3):
        assert_array_equal(batch.tbi[k], absorption.trade_benefit_index(T[k]).tbi)
