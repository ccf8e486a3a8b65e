"""Tables net of inventories: by hand, against literal formulas, and by the command."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import (
    WorldTables,
    indicators,
    net_of_inventories,
    open_store,
    save_store,
    trade_benefit_index,
)
from tivax.engine.tables.inventories import correct_for_inventories

from commands import good, mistake
from helpers import error_of, random_tables

# Sums of a dozen numbers; a solve.
EXACT, RTOL = 1e-13, 1e-10
CATEGORIES = ("CONS_h", "GFCF", "INVEN")


@pytest.fixture(scope="module")
def tables() -> WorldTables:
    made = random_tables(regions=4, sectors=3, years=2, seed=1)
    return replace(made, categories=CATEGORIES)


def demand_table(Z, sold, stocks, x) -> WorldTables:
    """One year of single-sector regions: final sales and inventories by absorber."""
    arrays = (np.array([k], float) for k in (Z, np.stack([sold, stocks], axis=-1), x))
    names = [f"R{k}" for k in range(len(x))]
    return WorldTables(*arrays, names, ["S"], [2000], categories=["CONS_h", "INVEN"])


HALF_STORED = demand_table(
    Z=[[1, 2], [3, 4]], sold=[[1, 1], [8, 5]], stocks=[[6, -1], [0, -4]], x=[10, 16]
)


def test_sales_by_hand():
    """R0 makes 10 and stores 5: all it sells counts twice. R1 makes 16 and sells 4 from
    stock besides: all it sells counts 16 / 20."""
    net = net_of_inventories(HALF_STORED)
    assert_allclose(net.Z[0], [[2, 4], [2.4, 3.2]], rtol=EXACT)
    assert_allclose(net.final_demand()[0], [[2, 2], [6.4, 4]], rtol=EXACT)
    own = indicators(net, level="sector").data.isel(year=0, sector=0)
    assert_allclose(own["PROD"], [10, 16], rtol=RTOL)
    assert_allclose(own["FINAL_PRODSH"], [40, 65], rtol=RTOL)
    assert_allclose(own["PROD_VASH"], [56, 100 * (1 - 7.2 / 16)], rtol=RTOL)


def test_rows_add_up_to_reported_output_as_before(tables):
    net = net_of_inventories(tables)
    for before, after in zip(tables, net, strict=True):
        sales = after.Z.sum(axis=1) + after.Y.sum(axis=(1, 2))
        assert_allclose(sales, before.x, rtol=EXACT)
        assert_array_equal(after.x, before.x)
        assert_array_equal(after.value_added, before.value_added)
        assert not after.Y[:, :, 2].any()
        assert (after.Y >= 0).all() and (before.Y < 0).any()
        ratios = after.Z / before.Z
        assert_allclose(ratios, ratios[:, :1] + 0 * ratios, rtol=EXACT)
        assert_allclose(after.Y[:, :, :2] / before.Y[:, :, :2] / ratios[:, :1, None], 1)


def test_upstreamness_is_that_of_the_papers_formula(tables):
    """Antras, Chor, Fally and Hillberry (2012), equation 3 in terms of sales: U solves
    U_i = 1 + sum over j of d_ij U_j, d_ij = Z_ij / (x_i - N_i)."""
    own = indicators(net_of_inventories(tables), "UPSTREAM", "sector")["UPSTREAM"]
    for k in range(2):
        sold = tables.x[k] - tables.Y[k][:, :, 2].sum(axis=1)
        U = np.linalg.solve(np.eye(12) - tables.Z[k] / sold[:, None], np.ones(12))
        assert_allclose(own.values[k].ravel(), U, rtol=RTOL)


def test_a_store_is_corrected_as_it_is_read(tables, tmp_path):
    save_store(tables, tmp_path / "store")
    lazy = net_of_inventories(open_store(tmp_path / "store", lazy=True))
    net = net_of_inventories(tables)
    for name in ("Z", "Y"):
        assert_array_equal(getattr(lazy, name)[1], getattr(net, name)[1])
        assert_array_equal(getattr(lazy, name)[:], np.asarray(getattr(net, name)))
    assert_array_equal(lazy.select(2001, 2001).Z[0], net.Z[1])
    found = trade_benefit_index(lazy)["tbi"]
    assert_allclose(found, trade_benefit_index(net)["tbi"], rtol=RTOL)


def test_twice_is_once(tables):
    net = net_of_inventories(tables)
    again = net_of_inventories(net)
    assert_array_equal(again.Z[:], net.Z[:])
    assert_array_equal(again.Y[:], net.Y[:])


def test_parts_of_a_region_stay_parts(tables):
    split = replace(tables, parents={"R2": "R1"})
    net = net_of_inventories(split)
    assert net.parents == {"R2": "R1"}
    assert trade_benefit_index(net)["region"].values.tolist() == ["R0", "R1", "R3"]


def test_a_row_that_goes_into_stock_stays_and_one_that_only_empties_it_ends():
    """R0 stores all that it makes and R1 more: no multiple of their sales is their
    output. R2 makes nothing and sells from stock: its sales are of other years."""
    tables = demand_table(
        Z=[[0, 0, 0], [1, 0, 0], [1, 0, 0]],
        sold=[[0, 0, 0], [0, -3, 0], [2, 0, 0]],
        stocks=[[9, -2, 0], [0, 10, 0], [-3, 0, 0]],
        x=[7, 8, 0],
    )
    found = correct_for_inventories(tables)
    assert_array_equal(found.tables.Z[0], [[0, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert_array_equal(found.tables.Y[0][:2], tables.Y[0][:2])
    assert not found.tables.Y[0][2].any()
    assert found.kept == 2
    assert found.record == {"categories": ["INVEN"], "industry_years_kept": 2}
    (line,) = found.lines
    assert line == (
        "net of inventories (INVEN); 2 industry-years keep theirs: they put into stock "
        "all that they make, or more"
    )


@pytest.mark.filterwarnings("ignore:.*buy nothing anywhere")
def test_sales_of_rounding_size_are_not_multiplied():
    tables = demand_table(Z=[[0]], sold=[[1e-9]], stocks=[[100]], x=[100])
    assert_array_equal(net_of_inventories(tables).Y[0], tables.Y[0])


@pytest.mark.parametrize(
    "names, categories, line",
    [
        (
            None,
            ("household", "government", "stocks"),
            "final demand has the categories household, government, stocks, none of "
            "them known as inventories; name it by categories=",
        ),
        (
            ["INVENT"],
            CATEGORIES,
            "no category of final demand INVENT: did you mean INVEN? There are CONS_h, "
            "GFCF, INVEN",
        ),
        (
            CATEGORIES,
            CATEGORIES,
            "final demand has the categories CONS_h, GFCF, INVEN: they cannot all be "
            "inventories",
        ),
    ],
)
def test_inventories_must_be_known(tables, names, categories, line):
    changed = replace(tables, categories=categories)
    assert error_of(net_of_inventories, changed, names) == line


def test_a_category_may_be_named(tables):
    named = net_of_inventories(replace(tables, categories=("a", "b", "c")), "c")
    assert_array_equal(named.Z[:], net_of_inventories(tables).Z[:])


# --------------------------------------------------------------------------- commands


@pytest.fixture(scope="module")
def store(tables, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "store"
    save_store(tables, path)
    return path


def test_every_command_says_what_it_left_out(tables, store, tmp_path):
    record = {"categories": ["INVEN"], "industry_years_kept": 0}
    for name, *words in (
        ("tbi",),
        ("decompose", "--method", "tripartite", "--level", "country"),
        ("indicators", "--level", "country", "--only", "FINAL_PRODSH"),
    ):
        for options, expected in (((), None), (("--net-inventories",), record)):
            out = tmp_path / f"{name}{len(options)}"
            told = good(name, store, "--out", out, "--no-figures", *words, *options)
            manifest = json.loads((out / "manifest.json").read_text())
            assert manifest["net_inventories"] == expected
            assert ("net of inventories (INVEN)" in told.out) == bool(options)
    net = net_of_inventories(tables)
    frame = pd.read_csv(tmp_path / "tbi1" / "tbi.csv", engine="python")
    own = trade_benefit_index(net)["tbi"].to_series()
    assert_allclose(frame["tbi"], own, rtol=RTOL)
    before, after = (
        pd.read_parquet(tmp_path / f"indicators{k}" / "indicators.parquet")["value"]
        for k in (0, 1)
    )
    assert (before - after).abs().min() > 1e-3


def test_the_command_takes_the_name_of_the_category(tables, store, tmp_path):
    save_store(replace(tables, categories=("a", "b", "c")), tmp_path / "store")
    out = tmp_path / "out"
    words = ("tbi", tmp_path / "store", "--out", out)
    assert mistake(*words, "--net-inventories").startswith(
        "final demand has the categories a, b, c, none of them known as inventories"
    )
    assert not out.exists()
    good(*words, "--net-inventories", "c", "--no-figures")
    words = ("tbi", store, "--net-inventories", "--no-figures")
    good(*words, "--out", tmp_path / "named")
    tables = [(k / "tbi.csv").read_bytes() for k in (out, tmp_path / "named")]
    assert tables[0] == tables[1]
