"""Regions that a table splits by kind of firm: computed apart, given as one."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine.measures as measures
from tivax.engine import WorldTables, import_tables, open_store, save_store
from tivax.engine.measures import decompose, trade_benefit_index
from tivax.engine.measures.methods import METHODS

from commands import good, mistake
from helpers import (
    coefficients,
    error_of,
    random_tables,
    without_checksums,
    write_arrays,
)
from oecd_files import oecd_table, write_oecd
from truth_files import assert_same

# The iteration stops at a residual of 1e-12; measured 1e-12 of the largest number.
SOLVE_RTOL = 1e-10
# Sums in another order; measured 3e-14.
RTOL = 1e-12

PARTS = {"CN1": "CHN", "CN2": "CHN"}
# USA, DEU, CHN, CN1, CN2 to USA, DEU, CHN.
REGION = np.eye(3)[[0, 1, 2, 2, 2]]


def with_parent(tables: WorldTables, parent: str, parts: list[str]) -> WorldTables:
    """The same world, told as an extended table: its last regions become parts.

    The parent comes before them, without industries, and has their final demand.
    """
    at = [tables.regions.index(part) for part in parts]
    s, c = len(tables.sectors), len(tables.regions)
    first = at[0]
    order = [*range(first), c, *range(first, c)]  # c: a region of zeros
    rows = [k * s + i for k in order for i in range(s)]
    t = len(tables.years)

    def pad(array, axes):
        widths = [(0, {1: s, 2: 1}.get(axes.get(k, 0), 0)) for k in range(array.ndim)]
        return np.pad(array, widths)

    Z = pad(np.asarray(tables.Z), {1: 1, 2: 1})[:, rows][:, :, rows]
    Y = pad(tables.final_demand(), {1: 1, 2: 2})[:, rows][:, :, order]
    x = pad(np.asarray(tables.x), {1: 1})[:, rows]
    regions = [parent if k == c else tables.regions[k] for k in order]
    Y[:, :, first] = Y[:, :, [regions.index(part) for part in parts]].sum(axis=2)
    Y[:, :, [regions.index(part) for part in parts]] = 0
    assert Z.shape == (t, len(rows), len(rows))
    return WorldTables(
        Z, Y, x, regions, tables.sectors, tables.years,
        value_added=0.9 * (x - Z.sum(axis=1)), parents=dict.fromkeys(parts, parent),
    )  # fmt: skip


def test_parents_of_an_archive_are_kept_in_the_store(tables, tmp_path):
    """`import arrays`: what is computed is of the parent, as from memory."""
    raw = tmp_path / "raw"
    raw.mkdir()
    parents = np.array(list(PARTS.items()))
    for table in tables:
        path = raw / f"world_{table.year}.npz"
        write_arrays(path, table, va=None, parents=parents)
    done = import_tables("arrays", [raw], tmp_path / "store")
    assert done.parts == {"CHN": ["CN1", "CN2"]} and done.regions == 3
    stored = open_store(tmp_path / "store")
    assert stored.parents == PARTS
    found, known = (trade_benefit_index(k)["tbi"] for k in (stored, tables))
    assert found["region"].values.tolist() == ["USA", "DEU", "CHN"]
    assert_allclose(found, known, rtol=SOLVE_RTOL)
    with np.load(raw / "world_2001.npz") as whole:
        keys = {k: whole[k] for k in whole.files if k != "parents"}
    np.savez(raw / "world_2001.npz", **keys)
    assert error_of(import_tables, "arrays", [raw], tmp_path / "other").endswith(
        "2001: its split regions (parents) are not those of 2000"
    )


def test_a_split_buyer_absorbs_what_its_parts_make_of_each_others_inputs(tables):
    """VAXIM, literally: exports of the USA to CHN that CHN absorbs, in the table in
    which the USA exports nothing further."""
    own = decompose(tables, "bm-sink").data.isel(year=0)
    one = tables.table(tables.years[0])
    A, Y = coefficients(one.Z, one.x), one.Y.sum(axis=2) @ REGION
    of = np.repeat(REGION, len(tables.sectors), axis=0)  # industry by region
    usa, chn = of[:, 0] == 1, of[:, 2] == 1
    cut, left = A.copy(), Y.copy()
    cut[np.ix_(usa, ~usa)] = 0
    left[usa, 1:] = 0
    made = np.linalg.solve(np.eye(len(A)) - cut, left[:, 2])
    B = np.linalg.inv(np.eye(len(A)) - A)
    h = (1 - A.sum(axis=0))[usa] @ B[np.ix_(usa, usa)]
    expected = h * (Y[usa, 2] + A[np.ix_(usa, chn)] @ made[chn])
    found = own["VAXIM"].sel(exporter="USA", importer="CHN")
    assert_allclose(found, expected, rtol=SOLVE_RTOL)


@pytest.fixture(scope="module")
def tables() -> WorldTables:
    """USA, DEU and CHN, whose industries are CN1 and CN2, by two sectors and years."""
    world = random_tables(regions=4, sectors=2, years=2, seed=3)
    named = replace(world, regions=["USA", "DEU", "CN1", "CN2"])
    return with_parent(named, "CHN", ["CN1", "CN2"])


# --------------------------------------------------------------- what it is, and is not


def test_every_measure_has_the_parent_and_no_parts(tables):
    trade = measures.value_added_trade(tables)
    exported = measures.exported_value_added(tables)
    index = trade_benefit_index(tables)
    by_sector = measures.value_added_trade(tables, by="sector")
    for labels in (
        trade["origin"], trade["absorber"], trade["importer"], exported["exporter"],
        exported["importer"], exported["region"], index["region"], by_sector["region"],
    ):  # fmt: skip
        assert labels.values.tolist() == ["USA", "DEU", "CHN"]
    assert trade["va_absorbed"].dims == ("year", "origin", "sector", "absorber")
    assert trade["va_absorbed"].attrs["units"] == tables.unit
    home = trade["gross_exports"].sel(exporter="CHN", importer="CHN")
    assert_array_equal(home, np.zeros((2, 2)))


def test_parts_are_computed_apart_and_added_up(tables):
    """diag(v) B Y by NumPy on all industries, then sums."""
    own = measures.value_added_trade(tables)["va_absorbed"].sum("sector")
    for k in range(2):
        A = coefficients(tables.Z[k], tables.x[k])
        v = np.where(tables.x[k] > 0, 1 - A.sum(axis=0), 0)
        B = np.linalg.inv(np.eye(len(A)) - A)
        T = v[:, None] * (B @ tables.final_demand()[k])
        melded = np.kron(REGION, np.ones((2, 1))).T @ T @ REGION
        assert_same(own.values[k], melded, SOLVE_RTOL)


# Methods that no other test here has. Not bm-self by sector: there the exports of one
# industry are the perimeter, and CN1's are not CN2's.
ALIKE = {
    "bm-self": "bilateral",
    "ltv": "bilateral",
    "bm-importer": "country",
    "tripartite-output": "sector",
    "production": "sector",
}


@pytest.mark.parametrize("method", ALIKE)
def test_parts_that_are_alike_might_as_well_be_one(method):
    """CN1 and CN2 with 40 and 60 % of every sale and purchase of CHN."""
    world = replace(
        random_tables(regions=3, sectors=2, years=1, seed=8),
        regions=["USA", "DEU", "CHN"],
    )
    share = np.diag([1.0, 1, 1, 1, 1, 1])[:, [0, 1, 2, 3, 4, 5, 4, 5]]
    share = share * np.array([1, 1, 1, 1, 0.4, 0.4, 0.6, 0.6])[None, :]
    demand = np.concatenate([world.final_demand(), np.zeros((1, 6, 1))], axis=2)
    apart = with_parent(
        WorldTables(
            np.einsum("ia,tij,jb->tab", share, world.Z[:], share),
            np.einsum("ia,tic->tac", share, demand),
            world.x[:] @ share,
            ["USA", "DEU", "CN1", "CN2"],
            world.sectors,
            world.years,
        ),
        "CHN",
        ["CN1", "CN2"],
    )
    own, expected = (decompose(k, method, ALIKE[method]).data for k in (apart, world))
    for term in METHODS[method].terms:
        if term in expected:
            assert_same(own[term], expected[term], SOLVE_RTOL)


def test_exports_are_decomposed_as_by_the_group_of_parts(tables):
    """The parent and its parts named as a group of a table that knows no parents."""
    plain = replace(tables, parents={})
    group = {"CHN": ["CHN", "CN1", "CN2"]}
    own, expected = (
        decompose(tables, "wwz").data,
        decompose(plain, "wwz", groups=group).data,
    )
    for term in METHODS["wwz"].terms:
        assert_array_equal(own[term], expected[term])
    assert (own["residual"] < 1e-12).all()


def test_value_added_in_exports_is_that_of_the_perimeter(tables):
    own = measures.exported_value_added(tables)
    terms = decompose(tables, "bm-source", "bilateral").data
    for name, term in (("dva", "DVA"), ("dva_absorbed_abroad", "VAX")):
        assert_allclose(own[name], terms[term], rtol=RTOL)
    apart = measures.exported_value_added(replace(tables, parents={}))
    within = apart["dva"].sel(exporter=["CN1", "CN2"]).sum("exporter")
    assert (abs(own["dva"].sel(exporter="CHN", importer=["USA", "DEU"])
                - within.sel(importer=["USA", "DEU"])) > 0).all()  # fmt: skip


# ------------------------------------------------------------------------------- groups


def test_a_group_with_the_parent_holds_its_parts(tables):
    plain = replace(tables, parents={})
    own = trade_benefit_index(tables, groups={"G": ["USA", "CHN"]})
    expected = trade_benefit_index(plain, groups={"G": ["USA", "CHN", "CN1", "CN2"]})
    assert own.tbi["region"].values.tolist() == ["G", "DEU"]
    for name in ("va_exports", "va_imports", "tbi"):
        assert_allclose(own.tbi[name], expected.tbi[name], rtol=RTOL)
    assert_allclose(own.vax["gross_exports"], expected.vax["gross_exports"], rtol=RTOL)
    one = decompose(tables, "bm-source", "country", groups={"G": ["DEU", "CHN"]}).data
    other = decompose(
        plain, "bm-source", "country", groups={"G": ["DEU", "CHN", "CN1", "CN2"]}
    ).data
    assert_array_equal(one["DVA"], other["DVA"])


def test_dropping_the_parent_drops_its_parts(tables):
    index = trade_benefit_index(tables, drop=["CHN"])
    plain = replace(tables, parents={})
    other = trade_benefit_index(plain, drop=["CHN", "CN1", "CN2"])
    assert_allclose(index["tbi"], other["tbi"], rtol=RTOL)


@pytest.mark.parametrize(
    "options", [{"groups": {"G": ["USA", "CN1"]}}, {"drop": ["CN1"]}]
)
def test_a_part_cannot_be_named_alone(tables, options):
    assert error_of(trade_benefit_index, tables, **options) == (
        "CN1 is a part of CHN; name CHN, which means all its parts"
    )


# ------------------------------------------------------------------------- tables, store


@pytest.mark.parametrize(
    "parents, message",
    [
        ({"CN9": "CHN"}, "CN9 is a part of CHN, but there is no region CN9"),
        ({"CN1": "CHX"}, "CN1 is a part of CHX, but there is no region CHX"),
        ({"CN1": "CN2", "CN2": "CHN"}, "CN1 is a part of CN2, which is a part itself"),
    ],
)
def test_parents_that_cannot_be_are_refused(tables, parents, message):
    assert error_of(replace, tables, parents=parents) == message


def test_a_store_made_before_there_were_parents_has_none(tables, tmp_path):
    save_store(replace(tables, parents={}), tmp_path / "store")
    without_checksums(tmp_path / "store")
    group = zarr.open_group(tmp_path / "store", mode="r+")
    del group.attrs["parents"]
    assert open_store(tmp_path / "store").parents == {}


def test_commands_take_an_extended_table_as_it_comes(tmp_path):
    world = oecd_table("2025", extended=True)
    path = write_oecd(tmp_path / "2018.csv", world, "2025")
    import_tables("oecd", [path], tmp_path / "store")
    plain = ("--no-figures", "--quiet")
    good("tbi", tmp_path / "store", "--out", tmp_path / "tbi", *plain)
    regions = ["AUS", "CHN", "MEX", "ROW"]
    for name in ("tbi", "vax"):
        frame = pd.read_csv(tmp_path / "tbi" / f"{name}.csv")
        assert frame["region"].tolist() == regions
    absorbed = pd.read_parquet(tmp_path / "tbi" / "va_absorbed.parquet")
    assert absorbed["value_added"].sum() == pytest.approx(world.Y.sum(), rel=1e-9)

    words = ("--method", "bm-source", "--level", "country", *plain)
    good("decompose", tmp_path / "store", *words, "--out", tmp_path / "d")
    frame = pd.read_parquet(tmp_path / "d" / "decomposition.parquet")
    assert frame["exporter"].unique().tolist() == regions

    (tmp_path / "groups.toml").write_text('G = ["AUS", "CN1"]\n')
    told = mistake(
        "decompose", tmp_path / "store", "--method", "wwz", "--out", tmp_path / "no",
        "--groups", tmp_path / "groups.toml",
    )  # fmt: skip
    assert told == "CN1 is a part of CHN; name CHN, which means all its parts"


def split_store(folder):
    """The table of an import in this folder."""
    table = oecd_table("2023", extended=True)
    write_oecd(folder / "2018.csv", table, "2023")
    good("import", "oecd", folder / "2018.csv", "--out", folder / "split")
    return table


def test_indicators_without_exports_show_whole_regions_by_output(tmp_path):
    """The printed table orders by output, which is that of the parts together."""
    table = split_store(tmp_path)
    words = ("--only", "UPSTREAM", "--no-figures", "--out", tmp_path / "out")
    shown = good("indicators", tmp_path / "split", *words).out
    parents = {"CN1": "CHN", "CN2": "CHN", "MX1": "MEX", "MX2": "MEX"}
    output: dict[str, float] = {"AUS": 0, "CHN": 0, "MEX": 0}
    for region, made in zip(
        table.regions, table.x.reshape(len(table.regions), -1).sum(axis=1), strict=True
    ):
        if region != "ROW":
            output[parents.get(region, region)] += made
    rows = re.findall(r"^\W*([A-Z]{3}) ", shown, re.MULTILINE)
    assert rows == sorted(output, key=lambda k: -output[k])


def test_what_needs_whole_regions_says_how_to_add_them_up(tmp_path):
    split_store(tmp_path)
    told = mistake("change", tmp_path / "split", "--out", tmp_path / "why")
    assert told.startswith("change: ")
    file, whole = tmp_path / "whole.toml", re.search(r'([A-Z]{3}) = \["\1"\]', told)
    assert whole is not None and "`tivax aggregate STORE --groups FILE`" in told
    file.write_text(whole[0])
    good("aggregate", tmp_path / "split", "--groups", file, "--out", tmp_path / "whole")
    tables = open_store(tmp_path / "whole")
    assert set(tables.regions) == {"AUS", "CHN", "MEX", "ROW"} and not tables.parents
