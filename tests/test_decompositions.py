"""Decompositions of exports against the numbers of the R packages and of the papers,
against their own identities, and against literal extraction."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine import TivaxError, WorldTables, measures, stack_years
from tivax.engine.decompositions import LEVELS, METHODS, decompose, require_method
from tivax.engine.sources import get_source
from tivax.kernels import borin_mancini, perimeters, value_chains, wang_wei_zhu
from tivax.kernels.world import make_world

from helpers import random_tables

# README of truth: R decompr and exvatools run in double precision.
DECOMPR_RTOL = 1e-12
EXVATOOLS_RTOL = 1e-11
# R icio prints 7 digits.
ICIO_RTOL = 2e-7
# R gvcAnalyzer on a table that misses balance by 5 in 1e7.
GVC_ANALYZER_RTOL, UNBALANCED = 1e-9, 2e-6
# Printed with 2 to 3 digits.
PRINTED_RTOL = 2e-3
# A solve and a second implementation in double precision; measured 1e-14.
RTOL = 1e-10

LEATHER = ["Argentina", "Turkey", "Germany"]
SECTORS = ["Agriculture", "Textile_and_Leather", "Transport_Equipment"]
WIODTEST = ["ESP", "FRA", "MEX", "USA", "CHN", "ROW"]
TOY = ["China", "India", "Japan", "ROW"]
CLASSES = {"EU27": ["ESP", "FRA"], "NAFTA": ["MEX", "USA"]}


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Compiling takes seconds, running does not."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()  # JAX does not tell these programs from optimised ones


def small_tables(seed: int) -> WorldTables:
    return random_tables(regions=4, sectors=3, years=2, seed=seed)


def table(folder: Path, regions: list[str]) -> WorldTables:
    Z, Y = (pd.read_csv(folder / f"in_{k}.csv", index_col=0, comment="#") for k in "ZY")
    x = pd.read_csv(folder / "in_x_v.csv", comment="#")["x"].to_numpy()
    sectors = [f"S{k}" for k in range(len(x) // len(regions))]
    return WorldTables(
        Z.to_numpy()[None], Y.to_numpy()[None], x[None], regions, sectors, [2000]
    )


def assert_same(actual, expected, rtol):
    """Relative to the largest number of the array."""
    expected = np.asarray(expected, float)
    assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


def exvatools(path: Path) -> dict[str, np.ndarray]:
    """Term to (industry, importer) in the order of the file."""
    frame = pd.read_csv(path)
    frame.columns = ["label", "term", "row", "col", "value"]
    result = {}
    for term, part in frame.groupby("term"):
        part = part.sort_index()
        columns = len(part["col"].unique())
        wide = part.pivot_table(index="row", columns="col", values="value", sort=False)
        result[str(term)] = wide.to_numpy()
        assert wide.shape[1] == columns
    return result


# ------------------------------------------------------------------------ R decompr


def test_sixteen_terms_are_those_of_decompr(shared):
    folder = shared / "truth" / "decompr_leather"
    own = decompose(table(folder, LEATHER), "wwz")
    printed = pd.read_csv(folder / "out_wwz.csv", comment="#")
    for term in METHODS["wwz"].terms:
        expected = printed[term].to_numpy().reshape(3, 3, 3)
        assert_same(own[term].values[0], expected, DECOMPR_RTOL)


@pytest.mark.parametrize("level", ["country", "bilateral-sector"])
def test_nine_terms_are_those_of_decompr(shared, level):
    folder = shared / "truth" / "decompr_leather"
    own = decompose(table(folder, LEATHER), "kww", level)
    name = "country" if level == "country" else "bilateral_sector"
    printed = pd.read_csv(folder / f"out_wwz2kww_{name}.csv", comment="#")
    for term in METHODS["kww"].terms:
        expected = printed[term].to_numpy().reshape(own[term].values[0].shape)
        assert_same(own[term].values[0], expected, DECOMPR_RTOL)


def test_toy_table_of_wang_wei_and_zhu(shared):
    """With structural zeros."""
    folder = shared / "truth" / "wwz_toy"
    given = pd.read_csv(folder / "in.csv", comment="#", index_col=0)
    numbers = given.to_numpy(float)
    Z, Y, x = numbers[None, :, :6], numbers[None, :, 6:9], numbers[None, :, 9]
    tables = WorldTables(Z, Y, x, ["rrr", "sss", "ttt"], ["1", "2"], [2000])
    own = decompose(tables, "wwz")
    printed = pd.read_csv(folder / "out_wwz_decompr.csv", comment="#")
    for term in METHODS["wwz"].terms:
        expected = printed[term].to_numpy().reshape(3, 2, 3)
        assert_same(
            own[term].values[0], expected, DECOMPR_RTOL
        ) if expected.any() else (assert_allclose(own[term].values[0], 0, atol=1e-12))


# --------------------------------------------------------------------------- R icio


@pytest.mark.parametrize("level", ["country", "sector", "bilateral-sector"])
def test_exporter_perspective_is_that_of_icio(shared, level):
    folder = shared / "truth" / "decompr_leather"
    own = decompose(table(folder, LEATHER), "bm-source", level)
    name = {"bilateral-sector": "bilateral"}.get(level, level)
    printed = pd.read_csv(folder / f"pub_icio100_bm_{name}_exporter.csv", comment="#")
    labels = {"country": "exporter"}
    place = own.assign_coords(exporter=LEATHER)
    if "sector" in own.dims:
        place = place.assign_coords(sector=SECTORS)
    keys = [k for k in ("country", "exporter", "sector", "importer") if k in printed]
    for term in METHODS["bm-source"].terms:
        found = [
            float(place[term].sel({labels.get(k, k): row[k] for k in keys}).item())
            for _, row in printed.iterrows()
        ]
        assert_same(found, printed[term], ICIO_RTOL)


def test_world_perspective_is_that_of_icio(shared):
    folder = shared / "truth" / "decompr_leather"
    own = decompose(table(folder, LEATHER), "bm-world", "country")
    printed = pd.read_csv(folder / "pub_icio100_bm_country_world_sink.csv", comment="#")
    for term in printed.columns[1:]:
        found = own[term].sel(exporter=printed["country"].tolist()).values[0]
        assert_same(found, printed[term], ICIO_RTOL)


# ---------------------------------------------------------------------- R exvatools

_MY = ("DC", "DVA", "DDC", "FC", "FVA", "FDC")
EXVATOOLS = [
    ("bm-source", "bm_src", [*METHODS["bm-source"].terms][1:]),
    ("bm-sink", "bm_snk", [*METHODS["bm-sink"].terms][1:]),
    ("my", "my", _MY),
]


@pytest.mark.parametrize(
    "method, name, terms", EXVATOOLS, ids=[k[0] for k in EXVATOOLS]
)
def test_borin_and_mancini_of_exvatools(shared, method, name, terms):
    folder = shared / "truth" / "exvatools_wiodtest"
    own = decompose(table(folder, WIODTEST), method)
    printed = exvatools(folder / f"out_{name}_all_standard.csv")
    for term in terms:
        found = own[term].values[0].reshape(18, 6)
        assert_same(found, printed[term], EXVATOOLS_RTOL)


@pytest.mark.parametrize("group", CLASSES)
@pytest.mark.parametrize(
    "method, name, terms", EXVATOOLS, ids=[k[0] for k in EXVATOOLS]
)
def test_groups_are_one_perimeter(shared, method, name, terms, group):
    """Not the sum of their members: flows among them are domestic."""
    folder = shared / "truth" / "exvatools_wiodtest"
    members = CLASSES[group]
    own = decompose(table(folder, WIODTEST), method, groups={group: members})
    printed = exvatools(folder / f"out_{name}_group_{group}_standard.csv")
    others = [k for k in WIODTEST if k not in members]
    columns = [k for k, region in enumerate(WIODTEST) if region in others]
    for term in terms:
        found = own[term].sel(exporter=group, importer=others).values[0]
        assert_same(found, printed[term][:, columns], EXVATOOLS_RTOL)


@pytest.mark.parametrize("group", [None, *CLASSES])
def test_wang_wei_and_zhu_of_exvatools(shared, group):
    folder = shared / "truth" / "exvatools_wiodtest"
    members = CLASSES.get(group or "", [])
    groups = {group: members} if group else None
    own = decompose(table(folder, WIODTEST), "wwz", groups=groups)
    name = f"group_{group}" if group else "all"
    printed = exvatools(folder / f"out_wwz_{name}_standard.csv")
    others = [k for k in WIODTEST if k not in members]
    columns = [k for k, region in enumerate(WIODTEST) if region in others]
    sums = {
        "DDC": ("DDC_FIN", "DDC_INT"),
        "FDC": ("ODC", "MDC"),
        "FVA": ("OVA_FIN", "MVA_FIN", "OVA_INT", "MVA_INT"),
        "REF": ("RDV_FIN", "RDV_FIN2", "RDV_INT"),
    }
    for term, parts in sums.items():
        total = sum(own[k] for k in parts[1:]) + own[parts[0]]
        kept = total.sel(importer=others)
        found = (kept.sel(exporter=group) if group else kept).values[0]
        expected = printed[term][:, columns]
        assert_same(found.reshape(expected.shape), expected, EXVATOOLS_RTOL)


# -------------------------------------------------------------------- R gvcAnalyzer


@pytest.fixture(scope="module")
def toy(shared):
    """Its value added and its exports as reported: the table is not balanced."""
    folder = shared / "truth" / "gvcAnalyzer_toy"
    tables = table(folder, TOY)
    own = pd.read_csv(folder / "in_x_v.csv", comment="#")
    Z, x, Y = (
        jnp.asarray(np.asarray(k)[0], float) for k in (tables.Z, tables.x, tables.Y)
    )
    world = make_world(Z, x, Y, jnp.asarray(own["v"].to_numpy(float)) / x)
    sold = (Y + Z @ world.borders.member) * world.borders.abroad
    return world._replace(exports=sold)


def assert_bilateral(terms, names, printed, world):
    for term, (column, rtol) in names.items():
        flows = np.asarray(world.borders.total(terms[term]))
        found = [
            flows[TOY.index(a), TOY.index(b)]
            for a, b in zip(printed["exporter"], printed["importer"], strict=True)
        ]
        assert_same(found, printed[column], rtol)


def test_tripartite_is_that_of_gvc_analyzer(shared, toy):
    printed = pd.read_csv(
        shared / "truth" / "gvcAnalyzer_toy" / "out_bm2025_tripartite_trade.csv"
    )
    names = {
        "DAVAX": ("DAVAX_sr", GVC_ANALYZER_RTOL),
        "PB": ("GVC_PB", GVC_ANALYZER_RTOL),
        "TS": ("GVC_TS", GVC_ANALYZER_RTOL),
        "PF": ("GVC_PF", GVC_ANALYZER_RTOL),
    }
    terms = value_chains.tripartite(toy)
    # There it is what the others leave of reported exports.
    terms["PF"] = toy.exports - terms["DAVAX"] - terms["PB"] - terms["TS"]
    assert_bilateral(terms, names, printed, toy)


@pytest.mark.parametrize(
    "kernel, name, mark, rtol",
    [
        (borin_mancini.exporter_source, "source", "source_sr", GVC_ANALYZER_RTOL),
        (borin_mancini.self_bilateral, "pure", "_star_sr", GVC_ANALYZER_RTOL),
        # Output without exports starts from x*, there from reported x.
        (borin_mancini.exporter_sink, "sink", "sink_sr", UNBALANCED),
    ],
    ids=["source", "pure", "sink"],
)
def test_bilateral_flows_are_those_of_gvc_analyzer(
    shared, toy, kernel, name, mark, rtol
):
    printed = pd.read_csv(
        shared / "truth" / "gvcAnalyzer_toy" / f"out_bm2023_bilateral_{name}.csv"
    )
    names = {term: (f"{term}{mark}", rtol) for term in ("DVA", "FVA")}
    assert_bilateral(kernel(toy), names, printed, toy)


# ------------------------------------------------- Koopman, Wang and Wei (2014)


def test_first_example_of_koopman_wang_and_wei(shared):
    given = pd.read_csv(
        shared / "truth" / "kww2014_appendix" / "ex1_in.csv", comment="#"
    )
    numbers = given.iloc[:, 1:].to_numpy()
    Z, Y, x = numbers[:, :2], numbers[:, 2:4], numbers[:, 4]
    tables = WorldTables(Z[None], Y[None], x[None], ["USA", "CHN"], ["S"], [2000])
    own = decompose(tables, "kww", "country").isel(year=0)
    usa, chn = own.sel(exporter="USA"), own.sel(exporter="CHN")
    assert_allclose(usa["DVA_FIN"], 20, rtol=PRINTED_RTOL)
    assert_allclose(usa["DVA_INT"] + usa["DVA_INTrex"], 26.7, rtol=PRINTED_RTOL)
    assert_allclose(usa["RDV_FIN"], 23.3, rtol=PRINTED_RTOL)
    assert_allclose([chn["DVA_FIN"], chn["FVA_FIN"]], [46.7, 23.3], rtol=PRINTED_RTOL)


# ----------------------------------------------------------------- by extraction


@pytest.fixture(scope="module")
def wiod_2008(shared) -> WorldTables:
    source = get_source("wiod2013")
    files = source.find([shared / "data" / "wiod2013"])
    (file,) = (k for k in files if k.year == 2008)
    return stack_years(list(source.read(file)))


@pytest.fixture(scope="module")
def world():
    one = small_tables(3).table(2000)
    Z, x, Y = (jnp.asarray(k) for k in (one.Z, one.x, one.Y.sum(axis=2)))
    return make_world(Z, x, Y)


def blocks(world):
    c = world.Y.shape[1]
    s = len(world.v) // c
    return c, [slice(k * s, (k + 1) * s) for k in range(c)]


def test_own_perimeters_are_what_extraction_says(world):
    """Without a flow, its inputs included, the exporter loses its value added."""
    A, B, v, E = (np.asarray(k) for k in (world.A, world.B, world.v, world.exports))
    c, at = blocks(world)
    cell = borin_mancini.self_cell(world)
    bilateral = borin_mancini.self_bilateral(world)
    industry = borin_mancini.self_industry(world)

    def lost(rows, columns, cut, s) -> float:
        """Value added of s in the exports ``cut``, in the table without the flows."""
        left = A.copy()
        left[np.ix_(rows, columns)] = 0
        need = np.linalg.inv(np.eye(len(A)) - left) @ cut
        return float((v * need)[at[s]].sum())

    every = np.arange(len(A))
    for s in range(c):
        abroad = np.setdiff1d(every, every[at[s]])
        for i in every[at[s]]:
            cut = np.where(every == i, E[i].sum(), 0)
            expected = lost([i], abroad, cut, s)
            assert_allclose(industry["DVA"][i].sum(), expected, rtol=RTOL)
        for r in set(range(c)) - {s}:
            cut = np.zeros(len(A))
            cut[at[s]] = E[at[s], r]
            expected = lost(every[at[s]], every[at[r]], cut, s)
            assert_allclose(bilateral["DVA"][at[s], r].sum(), expected, rtol=RTOL)
            i = every[at[s]][0]
            cut = np.where(every == i, E[i, r], 0)
            expected = lost([i], every[at[r]], cut, s)
            assert_allclose(cell["DVA"][i, r], expected, rtol=RTOL)


def test_importer_perspective_is_what_extraction_says(world):
    A, v, E = (np.asarray(k) for k in (world.A, world.v, world.exports))
    c, at = blocks(world)
    own = borin_mancini.importer(world)
    for r in range(c):
        left = A.copy()
        left[:, at[r]] = 0
        left[at[r], at[r]] = A[at[r], at[r]]
        expected = v * (np.linalg.inv(np.eye(len(A)) - left) @ E[:, r])
        assert_allclose(own[:, r], expected, rtol=RTOL)


def test_blocks_and_membership_are_the_same_perimeters(world):
    """Two ways to store what stays inside borders."""
    one = small_tables(3).table(2000)
    Z, x, Y = (jnp.asarray(k) for k in (one.Z, one.x, one.Y.sum(axis=2)))
    borders = perimeters.Perimeters(world.borders.member, blocks=False)
    other = make_world(Z, x, Y, borders=borders)
    for kernel in (wang_wei_zhu.wang_wei_zhu, borin_mancini.exporter_sink):
        for a, b in zip(kernel(world).values(), kernel(other).values(), strict=True):
            assert_allclose(a, b, rtol=RTOL, atol=RTOL * float(np.abs(b).max()))


# ------------------------------------------------------------------------ real tables


@pytest.mark.parametrize(
    "method", ["wwz", "bm-source", "bm-sink", "bm-world", "production"]
)
def test_identities_of_real_tables(wiod_2008, method):
    """Of the model-consistent table; the published one balances only nearly."""
    own = decompose(wiod_2008, method, "country")
    assert float(own["identity"].max()) < RTOL
    assert float(own["residual"].max()) < 1e-12


def test_value_added_exports_of_real_tables_are_those_of_the_solve(wiod_2008):
    own = decompose(wiod_2008, "bm-source", "country")
    absorbed = measures.value_added_absorbed(wiod_2008).sum("sector")
    abroad = absorbed.sum("absorber").values - np.diagonal(absorbed, axis1=1, axis2=2)
    assert_allclose(own["VAX"], abroad, rtol=1e-9)  # a solve to 1e-12 of a column


# ---------------------------------------------------------------- levels and mistakes


@pytest.mark.parametrize("method", ["wwz", "bm-source", "bm-sink", "tripartite"])
@pytest.mark.parametrize(
    "groups", [None, {"G": ["R1", "R2"]}], ids=["regions", "group"]
)
def test_levels_add_up(method, groups):
    tables = small_tables(1)
    if groups:
        groups = {"G": list(tables.regions[1:3])}
    full = decompose(tables, method, groups=groups)
    for level, (by_sector, by_buyer) in LEVELS.items():
        summed = [
            k for k, kept in (("sector", by_sector), ("importer", by_buyer)) if not kept
        ]
        own = decompose(tables, method, level, groups=groups)
        for term in METHODS[method].terms:
            assert_same(own[term].values, full[term].sum(summed).values, RTOL)


def test_production_adds_up_to_value_added_and_final_products():
    tables = small_tables(1)
    own = decompose(tables, "production", "sector")
    assert float(own["identity"].max()) < RTOL


@pytest.mark.parametrize(
    "method, level, line",
    [
        (
            "wzw",
            "country",
            "no method wzw: did you mean wwz or kww? There are " + ", ".join(METHODS),
        ),
        ("zzzzzz", "country", "no method zzzzzz: choose from " + ", ".join(METHODS)),
        (
            "bm-world",
            "sector",
            "method bm-world has no level sector: choose from country",
        ),
    ],
)
def test_unknown_names_are_told_with_those_there_are(method, level, line):
    with pytest.raises(TivaxError) as error:
        decompose(small_tables(1), method, level)
    assert str(error.value) == line


def test_bilateral_perimeters_of_groups_are_refused():
    with pytest.raises(TivaxError) as error:
        require_method("ltv", "bilateral", groups=True)
    assert str(error.value) == (
        "method ltv, level bilateral: bilateral perimeters of groups are not computed; "
        "leave the groups out, or choose another level"
    )


def test_an_unknown_member_is_refused():
    tables = small_tables(1)
    with pytest.raises(TivaxError) as error:
        decompose(tables, "wwz", groups={"G": ["XXX"]})
    assert str(error.value) == (
        f"no region XXX; choose from {' '.join(tables.regions)}"
    )
