"""Value added absorbed, the trade benefit index and VAX of tables, labelled."""

from dataclasses import replace
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine.measures as measures
from tivax.engine import WorldTables, open_store, save_store
from tivax.engine.measures import (
    decompose,
    footprints,
    indicators,
    origins,
    require_value_added,
    trade_benefit_index,
    years,
)
from tivax.engine.measures.results.tbi import By

from helpers import error_of, hand_table, random_tables, system

# The solve stops at a residual of 1e-12, and a column of X misses by up to |B| times
# that; measured 5e-13.
SOLVE_RTOL = 1e-11
# Sums and products in another order; measured 3e-16.
RTOL = 1e-13

# Koopman, Wang and Wei (2014, AER 104), online appendix C: two regions, one sector.
KWW = hand_table([[100, 50], [0, 50]], [[30, 20], [70, 80]], ("USA", "CHN"))


@pytest.fixture(scope="module")
def tables() -> WorldTables:
    return random_tables(regions=4, sectors=3, years=3)


@pytest.fixture(scope="module")
def trade(tables) -> xr.Dataset:
    return measures.value_added_trade(tables).data


def test_labels_name_the_number_they_stand_beside(tables, trade):
    """Year, origin, sector and absorber, each checked against NumPy."""
    absorbed = trade["va_absorbed"]
    assert absorbed.dims == ("year", "origin", "sector", "absorber")
    A, Y = system(tables, 1)
    T = (1 - A.sum(axis=0))[:, None] * np.linalg.solve(np.eye(12) - A, Y)
    got = absorbed.sel(year=2001, origin="R2", sector="S1", absorber="R3")
    assert_allclose(got, T[2 * 3 + 1, 3], rtol=SOLVE_RTOL)
    gross = trade["gross_exports"].sel(year=2001, exporter="R2", sector="S1")
    sold = tables.Z[1][7, 9:12].sum() + Y[7, 3]
    assert_allclose(gross.sel(importer="R3"), sold, rtol=SOLVE_RTOL)
    assert gross.sel(importer="R2") == 0
    output = trade["output"].sel(year=2001, origin="R2", sector="S1")
    assert_allclose(output, tables.x[1][7], rtol=SOLVE_RTOL)


def test_the_example_of_the_appendix_has_a_vax_ratio_of_two_thirds():
    vax = measures.value_added_trade(KWW, by="region")
    assert_allclose(vax["vax_ratio"].values, [[2 / 3, 2 / 3]], rtol=SOLVE_RTOL)
    assert_allclose(vax["gross_imports"].values, [[70, 70]], rtol=SOLVE_RTOL)


def test_value_added_absorbed_is_the_array_of_the_trade(tables, trade):
    by_pair = measures.value_added_trade(tables, by="pair")
    absorbed = by_pair["va_absorbed"]
    assert_allclose(absorbed, trade["va_absorbed"].sum("sector"), rtol=RTOL)
    assert by_pair.residual_max == float(trade["residual"].max()) <= 1e-12
    assert absorbed.attrs["units"] == "million US$"


def test_index_is_the_same_from_tables_trade_and_absorbed(tables, trade):
    index = trade_benefit_index(tables).data
    xr.testing.assert_equal(index, trade_benefit_index(trade).data)
    alone = trade_benefit_index(trade["va_absorbed"])
    xr.testing.assert_equal(index, alone.data)
    assert alone.residual_max is None
    assert [*alone.tables()] == ["tbi", "va_absorbed"]
    regions = trade["va_absorbed"].sum("sector").transpose("absorber", ..., "origin")
    xr.testing.assert_allclose(index, trade_benefit_index(regions).data, rtol=RTOL)


def test_value_added_at_basic_prices_is_the_row_of_the_table(tables):
    basic = measures.value_added_trade(tables, "basic")["va_absorbed"]
    assert tables.value_added is not None
    assert_allclose(
        basic.sum("absorber").values.reshape(3, 12), tables.value_added, rtol=SOLVE_RTOL
    )


def test_sectors_add_up_to_their_region(tables):
    total = measures.value_added_trade(tables, by="region")
    sectors = measures.value_added_trade(tables, by="sector")
    assert sectors["vax_ratio"].dims == ("year", "region", "sector")
    for name in ("gross_exports", "gross_imports", "va_exports", "va_imports"):
        assert_allclose(sectors[name].sum("sector"), total[name], rtol=RTOL)
    ratio = sectors["va_exports"] / sectors["gross_exports"]
    assert_allclose(sectors["vax_ratio"], ratio, rtol=RTOL)


def test_a_region_that_exports_nothing_has_no_vax_ratio():
    closed = hand_table([[50, 0], [0, 50]], [[50, 0], [0, 50]], ("AAA", "BBB"))
    vax = measures.value_added_trade(closed, by="region")
    assert np.isnan(vax["vax_ratio"]).all()
    assert np.isnan(vax["tbi"]).all()


# ---------------------------------------------------------- groups and left-out ones


def test_trade_of_a_group_is_its_members_less_what_they_trade_among_them(trade):
    T = trade["va_absorbed"].sum("sector")
    alone = trade_benefit_index(trade)
    pair = trade_benefit_index(trade, groups={"UNION": ["R1", "R3"]})
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


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_whole_numbers_and_single_precision_are_solved_in_float64(dtype):
    tables = hand_table([[50, 20], [10, 60]], [[100, 30], [20, 110]], ("AAA", "BBB"))
    other = replace(tables, **{k: getattr(tables, k).astype(dtype) for k in "ZYx"})
    absorbed = measures.value_added_trade(other)["va_absorbed"]
    assert_array_equal(absorbed, measures.value_added_trade(tables)["va_absorbed"])


def test_a_dropped_region_is_neither_reporter_nor_partner(trade):
    T = trade["va_absorbed"].sum("sector")
    index = trade_benefit_index(trade, drop=["R1"])
    assert index["region"].values.tolist() == ["R0", "R2", "R3"]
    expected = sum(T.sel(origin="R0", absorber=q) for q in ("R2", "R3"))
    assert_allclose(index["va_exports"].sel(region="R0"), expected, rtol=RTOL)


def test_a_dropped_region_is_left_out_of_gross_trade_and_groups_too(trade):
    vax = measures.value_added_trade(
        trade, drop=["R1"], groups={"UNION": ["R2", "R3"]}, by="region"
    )
    gross = trade["gross_exports"].sum("sector")
    expected = gross.sel(exporter="R0", importer=["R2", "R3"]).sum("importer")
    assert vax["region"].values.tolist() == ["R0", "UNION"]
    assert_allclose(vax["gross_exports"].sel(region="R0"), expected, rtol=RTOL)


@pytest.mark.parametrize(
    "choice, message",
    [
        (dict(drop=["XXX"]), "no region XXX: choose from R0, R1, R2, R3"),
        (dict(groups={"G": ["R1", "YYY"]}), "no region YYY"),
        (dict(groups={"G": ["R1"], "H": ["R1"]}), "region R1 is in G and in H"),
        (dict(groups={"R1": ["R1", "R2"], "X": ["R1"]}), "R1 is in R1 and in X"),
        (dict(groups={"W": ["R0", "R1", "R2", "R3"]}), "fewer than two regions are"),
        (dict(groups={"R0": ["R1"]}), "group R0: a region has that code"),
    ],
)
def test_a_wrong_group_or_region_is_named(trade, choice, message):
    assert message in error_of(trade_benefit_index, trade, **choice)


def test_origins_and_absorbers_that_differ_are_refused(trade):
    part = trade["va_absorbed"].isel(absorber=slice(0, 3))
    line = error_of(trade_benefit_index, part)
    assert "not 4 and 3 labels (R3)" in line


# -------------------------------------------------------- reading, progress, errors


def test_a_store_read_year_by_year_gives_what_memory_gives(tables, trade, tmp_path):
    save_store(tables, tmp_path / "store")
    lazy = open_store(tmp_path / "store", lazy=True)
    xr.testing.assert_equal(measures.value_added_trade(lazy).data, trade)
    basic, same = (measures.value_added_trade(k, "basic") for k in (lazy, tables))
    xr.testing.assert_equal(basic.data, same.data)


@pytest.mark.parametrize("at_once", [1, 2, 3, 10])
def test_results_do_not_depend_on_how_many_years_fit_in_memory(
    tables, trade, monkeypatch, at_once
):
    monkeypatch.setattr(years, "_years_at_once", lambda size: at_once)
    xr.testing.assert_equal(measures.value_added_trade(tables).data, trade)


def test_years_are_cut_into_runs_of_nearly_equal_length():
    for count, at_once in ((15, 4), (15, 1), (3, 10), (1, 1)):
        runs = years.split_years(count, at_once)
        lengths = [run.stop - run.start for run in runs]
        assert [k for run in runs for k in range(count)[run]] == [*range(count)]
        assert max(lengths) <= at_once
        assert max(lengths) - min(lengths) <= 1


def test_value_added_at_basic_prices_needs_a_row_in_the_table():
    line = error_of(measures.value_added_trade, KWW, "basic")
    assert 'no value-added row; use value_added="residual"' in line


def test_an_unknown_definition_of_value_added_is_named():
    line = error_of(require_value_added, "gross")
    assert "'gross': choose from residual, basic" in line
    line = error_of(require_value_added, "jobs.csv")
    assert "that is a file, which tx.read_satellites" in line


def test_a_year_without_a_solution_is_named(tables):
    """In 2001 every industry spends all it earns: I - A is singular."""
    Z = np.array(tables.Z)
    Z[1] *= tables.x[1] / Z[1].sum(axis=0)
    broken = replace(tables, Z=Z, value_added=None)
    line = error_of(measures.value_added_trade, broken)
    assert line.startswith("2001: the Leontief system is not solved")


def test_results_of_one_store_name_roles_alike(tables):
    """Any two align exactly on the dims that they share, without renaming."""
    jobs = xr.ones_like(
        measures.value_added_trade(tables)["va_absorbed"].isel(absorber=0, drop=True)
    ).rename(origin="region")
    found = [
        *(measures.value_added_trade(tables, by=k).data for k in get_args(By)),
        measures.exported_value_added(tables),
        trade_benefit_index(tables).data,
        decompose(tables, "bm-source").data,
        decompose(tables, "bm-importer", "country").data,
        indicators(tables, ["EXGR", "FD_VA"], "bilateral-sector").data,
        footprints(tables, jobs).data,
        origins(tables, "exports", "R1"),
        origins(tables, "exports", "R1", absorbed=True),
        origins(tables, "final demand"),
    ]
    for one, other in combinations(found, 2):
        xr.align(one, other, join="exact")
    flows, exported, terms = found[1], found[5], found[7]["GEXP"]
    sold = flows["gross_exports"].sum("sector")
    assert_allclose(sold - terms.sum("sector"), 0 * sold, atol=1e-8 * sold.max())
    assert (sold - exported["gross_exports"]).dims == ("year", "exporter", "importer")
