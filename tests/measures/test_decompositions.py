"""Decompositions of exports against the numbers of the R packages and of the papers,
against their own identities, and against literal extraction."""

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.bench.studies.printed_terms import appendix_table, toy_table
from tivax.engine import TivaxWarning, WorldTables
from tivax.engine.measures import decompose, value_added_trade
from tivax.engine.measures.methods import IN_DETAIL, LEVELS, METHODS
from tivax.engine.measures.regrouping import regroup
from tivax.kernels import borin_mancini, perimeters, value_chains, wang_wei_zhu
from tivax.kernels.inverted_table import invert_table

from helpers import compiled, error_of, random_tables
from truth_files import (
    CLASSES,
    DECOMPR_RTOL,
    EXVATOOLS_RTOL,
    GVC_ANALYZER_RTOL,
    LEATHER,
    LEATHER_SECTORS,
    TOY,
    UNBALANCED,
    assert_same,
    outside,
    truth_table,
)

# R icio prints 7 digits.
ICIO_RTOL = 2e-7
# Printed with 2 to 3 digits.
PRINTED_RTOL = 2e-3
# A solve and a second implementation in double precision; measured 1e-14.
RTOL = 1e-10
# Two ways to the same products, each to rounding; measured 3e-14.
SOLVED_RTOL = 1e-12


def small_tables(seed: int) -> WorldTables:
    return random_tables(regions=4, sectors=3, years=2, seed=seed)


# ------------------------------------------------------------------------ R decompr


@pytest.mark.parametrize(
    "method, level, file",
    [
        ("wwz", "bilateral-sector", "out_wwz"),
        ("kww", "country", "out_wwz2kww_country"),
        ("kww", "bilateral-sector", "out_wwz2kww_bilateral_sector"),
        ("kww", "country", "out_kww"),
    ],
)
def test_sixteen_and_nine_terms_are_those_of_decompr(
    shared, leather, method, level, file
):
    own = decompose(leather, method, level).data
    path = shared / "truth" / "decompr_leather" / f"{file}.csv"
    printed = pd.read_csv(path, comment="#")
    for term in METHODS[method].terms:
        found = own[term].values[0]
        expected = printed[term].to_numpy().reshape(found.shape)
        assert_same(found, expected, DECOMPR_RTOL)


def test_toy_table_of_wang_wei_and_zhu(shared):
    """With structural zeros."""
    folder = shared / "truth" / "wwz_toy"
    tables = toy_table(shared / "truth")
    own = decompose(tables, "wwz").data
    printed = pd.read_csv(folder / "out_wwz_decompr.csv", comment="#")
    for term in METHODS["wwz"].terms:
        expected = printed[term].to_numpy().reshape(3, 2, 3)
        size = np.abs(expected).max() or 1
        found = own[term].values[0]
        assert_allclose(found, expected, rtol=0, atol=DECOMPR_RTOL * size)
    nine = decompose(tables, "kww", "country").data.isel(year=0)
    printed = pd.read_csv(folder / "out_kww_decompr.csv", comment="#")
    for term in METHODS["kww"].terms:
        assert_allclose(nine[term], printed[term], rtol=0, atol=DECOMPR_RTOL)


# --------------------------------------------------------------------------- R icio


@pytest.mark.parametrize("level", ["country", "sector", "bilateral-sector"])
def test_exporter_perspective_is_that_of_icio(shared, leather, level):
    folder = shared / "truth" / "decompr_leather"
    own = decompose(leather, "bm-source", level).data
    name = {"bilateral-sector": "bilateral"}.get(level, level)
    printed = pd.read_csv(folder / f"pub_icio100_bm_{name}_exporter.csv", comment="#")
    labels = {"country": "exporter"}
    place = own.assign_coords(exporter=LEATHER)
    if "sector" in own.dims:
        place = place.assign_coords(sector=LEATHER_SECTORS)
    keys = [k for k in ("country", "exporter", "sector", "importer") if k in printed]
    for term in METHODS["bm-source"].terms:
        found = [
            float(place[term].sel({labels.get(k, k): row[k] for k in keys}).item())
            for _, row in printed.iterrows()
        ]
        assert_same(found, printed[term], ICIO_RTOL)


def test_world_perspective_is_that_of_icio(shared, leather):
    folder = shared / "truth" / "decompr_leather"
    own = decompose(leather, "bm-world", "country").data
    printed = pd.read_csv(folder / "pub_icio100_bm_country_world_sink.csv", comment="#")
    for term in printed.columns[1:]:
        found = own[term].sel(exporter=printed["country"].tolist()).values[0]
        assert_same(found, printed[term], ICIO_RTOL)


# ---------------------------------------------------------------------- R exvatools

_MY = ("DC", "DVA", "DDC", "FC", "FVA", "FDC")
EXVATOOLS = [
    ("bm-source", "bm_src", [*METHODS["bm-source"].terms][1:]),
    ("bm-sink", "bm_snk", [*METHODS["bm-sink"].terms][1:]),  # with VAXIM
    ("my", "my", _MY),
]


@pytest.mark.parametrize(
    "method, name, terms, detail",
    [*((*k, False) for k in EXVATOOLS), *((*k, True) for k in EXVATOOLS[:2])],
)
def test_borin_and_mancini_of_exvatools(
    wiodtest, of_exvatools, method, name, terms, detail
):
    """And the twelve terms of theirs in detail."""
    own = decompose(wiodtest, method, detail=detail).data
    printed = of_exvatools(f"out_{name}_all_{'terms' if detail else 'standard'}")
    if detail:
        terms = printed.keys() - {"EXGR"}
        assert len(terms) == 12
    for term in terms:
        found = own[term].values[0].reshape(18, 6)
        assert_same(found, printed[term], EXVATOOLS_RTOL)


@pytest.mark.parametrize("group", CLASSES)
@pytest.mark.parametrize(
    "method, name, terms", EXVATOOLS, ids=[k[0] for k in EXVATOOLS]
)
def test_groups_are_one_perimeter(wiodtest, of_exvatools, method, name, terms, group):
    """Not the sum of their members: flows among them are domestic."""
    own = decompose(wiodtest, method, groups={group: CLASSES[group]}).data
    printed = of_exvatools(f"out_{name}_group_{group}_standard")
    others, columns = outside(CLASSES[group])
    for term in terms:
        found = own[term].sel(exporter=group, importer=others).values[0]
        assert_same(found, printed[term][:, columns], EXVATOOLS_RTOL)


@pytest.mark.parametrize("group", [None, *CLASSES])
def test_wang_wei_and_zhu_of_exvatools(wiodtest, of_exvatools, group):
    members = CLASSES.get(group or "", [])
    groups = {group: members} if group else None
    own = decompose(wiodtest, "wwz", groups=groups).data
    name = f"group_{group}" if group else "all"
    printed = of_exvatools(f"out_wwz_{name}_standard")
    others, columns = outside(members)
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


def test_sectors_of_origin_are_those_of_exvatools(wiodtest, of_exvatools):
    own = decompose(wiodtest, "bm-source", by_origin=True).data
    printed = of_exvatools("out_bm_src_ESP_bkdown_origin")
    terms = {str(k) for k in own} - {"residual", "identity"}
    assert terms == printed.keys() - {"EXGR"}
    for term in terms:
        found = own[term].sel(exporter="ESP").values[0]
        assert_same(found, printed[term], EXVATOOLS_RTOL)


# -------------------------------------------------------------------- R gvcAnalyzer


@pytest.fixture(scope="module")
def toy(shared):
    """Its value added and its exports as reported: the table is not balanced."""
    folder = shared / "truth" / "gvcAnalyzer_toy"
    tables = truth_table(folder, TOY)
    own = pd.read_csv(folder / "in_x_v.csv", comment="#")
    Z, x, Y = (np.asarray(k[0], float) for k in (tables.Z, tables.x, tables.Y))

    @jax.jit
    def as_reported(Z, x, Y, v):
        world = invert_table(Z, x, Y, v / x)
        sold = (Y + Z @ world.borders.member) * world.borders.abroad
        return world._replace(exports=sold)

    return as_reported(Z, x, Y, own["v"].to_numpy(float))


flows_between = compiled(lambda world, term: world.borders.total(term))


@pytest.mark.parametrize(
    "kernel, name, mark, total",
    [
        (value_chains.tripartite_output, "", "", "X_total"),
        (value_chains.tripartite_output_industries, "_sector", "_i", "X_i"),
    ],
    ids=["countries", "industries"],
)
def test_output_side_is_that_of_gvc_analyzer(shared, toy, kernel, name, mark, total):
    folder = shared / "truth" / "gvcAnalyzer_toy"
    printed = pd.read_csv(folder / f"out_bm2025_output_measures{name}.csv")
    # It multiplies output as reported, which misses x* by the imbalance.
    x = pd.read_csv(folder / "in_x_v.csv", comment="#")["x"].to_numpy()
    world = toy._replace(X=toy.X * (x / np.asarray(toy.output))[:, None])
    names = {k: f"{k}{mark}" for k in ("DomX", "TradX")}
    names |= {k: f"GVC_{k}{mark}" for k in ("TSImp", "TSDom")}
    # Industries of these are GVC_PF_Xi, where countries are GVC_PF_X.
    end = mark.removeprefix("_")
    names |= {k: f"GVC_{k}_X{end}" for k in ("PF", "PB", "TS")}
    names |= {"GVC": f"GVC_X{end}", "X": total}
    own = compiled(kernel)(world)
    for term, column in names.items():
        found = own[term] if name else flows_between(world, own[term])
        assert_same(found, printed[column], GVC_ANALYZER_RTOL)


@pytest.mark.parametrize(
    "method, file, term, column, at_home, rtol",
    [
        ("bm-sink", "bm2023_bilateral_sink", "DVA", "DVAsink_sr", False, None),
        ("bm-sink", "bm2023_bilateral_sink", "FVA", "FVAsink_sr", False, None),
        ("bm-source", "bm2023_bilateral_source", "DVA", "DVAsource_sr", True, None),
        ("bm-source", "bm2023_bilateral_source", "FVA", "FVAsource_sr", True, None),
        ("bm-self", "bm2023_bilateral_pure", "DVA", "DVA_star_sr", True, None),
        ("bm-self", "bm2023_bilateral_pure", "FVA", "FVA_star_sr", True, None),
        ("tripartite", "bm2025_tripartite_trade", "DAVAX", "DAVAX_sr", False, None),
        # There a US$ bought abroad is one of value added, here it is v'B.
        ("tripartite", "bm2025_tripartite_trade", "PB", "GVC_PB", False, UNBALANCED),
        ("tripartite", "bm2025_tripartite_trade", "TS", "GVC_TS", False, UNBALANCED),
    ],
)
def test_tables_give_the_numbers_of_gvc_analyzer(
    shared, method, file, term, column, at_home, rtol
):
    """From the table itself. It mixes exports as reported with final demand as
    reported, which miss each other by the imbalance: where exports count, what is
    missing is put ``at_home``, so that both are as reported."""
    folder = shared / "truth" / "gvcAnalyzer_toy"
    given = truth_table(folder, TOY)
    Z, x, Y = (np.array(k) for k in (given.Z, given.x, given.final_demand()))
    if at_home:
        own = np.repeat(np.arange(len(TOY)), len(given.sectors))
        Y[0, np.arange(len(own)), own] += x[0] - Z[0].sum(axis=1) - Y[0].sum(axis=1)
    added = pd.read_csv(folder / "in_x_v.csv", comment="#")["v"].to_numpy(float)
    tables = WorldTables(Z, Y, x, TOY, given.sectors, [2000], value_added=added[None])
    flows = decompose(tables, method, "bilateral", value_added="basic").data.isel(
        year=0
    )
    printed = pd.read_csv(folder / f"out_{file}.csv")
    pairs = list(zip(printed["exporter"], printed["importer"], strict=True))
    found = [flows[term].sel(exporter=a, importer=b).item() for a, b in pairs]
    assert_same(found, printed[column], rtol or GVC_ANALYZER_RTOL)


# ------------------------------------------------- Koopman, Wang and Wei (2014)


def _appendix(shared):
    return shared / "truth" / "kww2014_appendix"


def test_first_example_of_koopman_wang_and_wei(shared):
    tables = appendix_table(_appendix(shared) / "ex1_in.csv", [0, 1])
    own = decompose(tables, "kww", "country").data.isel(year=0)
    usa, chn = own.sel(exporter="USA"), own.sel(exporter="CHN")
    assert_allclose(usa["DVA_FIN"], 20, rtol=PRINTED_RTOL)
    assert_allclose(usa["DVA_INT"] + usa["DVA_INTrex"], 26.7, rtol=PRINTED_RTOL)
    assert_allclose(usa["RDV_FIN"], 23.3, rtol=PRINTED_RTOL)
    assert_allclose([chn["DVA_FIN"], chn["FVA_FIN"]], [46.7, 23.3], rtol=PRINTED_RTOL)


def test_appendix_d_of_koopman_wang_and_wei(shared):
    """Two countries of three and two sectors; a sector without output fills up."""
    folder = _appendix(shared)
    tables = appendix_table(folder / "appD_in.csv", [0, 0, 0, 1, 1])
    own = decompose(tables, "kww", "country").data.isel(year=0)
    printed = pd.read_csv(folder / "appD_expected.csv", index_col=0)
    # With two countries nothing is re-exported to third ones.
    names = ("DVA_FIN", "DVA_INT", "RDV_FIN", "RDV_INT")
    names += ("DDC", "FVA_FIN", "FVA_INT", "FDC")
    for k, term in enumerate(names, start=1):
        expected = printed.loc[f"v{k}", ["E12", "E21"]].to_numpy(float)
        assert_allclose(own[term], expected, rtol=0, atol=1e-12)
    assert_allclose(own["DVA_INTrex"], 0, atol=1e-12)


@pytest.mark.parametrize(
    "case, term, expected",
    [
        # C1 to C5 pass an input on, each adds 1, the USA sell the product at home.
        (1, "FDC", [0, 1, 2, 3, 0, 0]),
        (1, "FVA_INT", [0, 0, 0, 0, 4, 0]),
        # The USA's input comes home in a final product.
        (2, "RDV_FIN", [10, 0, 0, 0, 0, 0]),
        (2, "FDC", [0, 10, 11, 12, 13, 0]),
    ],
)
def test_chains_of_appendix_c(shared, case, term, expected):
    """By hand: what has crossed one border at least before it is counted twice."""
    tables = appendix_table(_appendix(shared) / f"ex2_case{case}_in.csv", [*range(6)])
    own = decompose(tables, "kww", "country").data.isel(year=0)
    assert_allclose(own[term], expected, rtol=0, atol=1e-12)


# ----------------------------------------------------------------- by extraction


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one = small_tables(3).table(2000)
    return one.Z, one.x, one.Y.sum(axis=2)


invert = jax.jit(invert_table, static_argnames="inverse")


@pytest.fixture(scope="module")
def world():
    return invert(*arrays())


def blocks(world):
    c = world.Y.shape[1]
    s = len(world.v) // c
    return c, [slice(k * s, (k + 1) * s) for k in range(c)]


def test_own_perimeters_are_what_extraction_says(world):
    """Without a flow, its inputs included, the exporter loses its value added."""
    A, B, v, E = (np.asarray(k) for k in (world.A, world.B, world.v, world.exports))
    c, at = blocks(world)
    cell, bilateral, industry = (
        compiled(kernel)(world)
        for kernel in (
            borin_mancini.self_cell,
            borin_mancini.self_bilateral,
            borin_mancini.self_industry,
        )
    )

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


@pytest.mark.parametrize("method", ["bm-self", "ltv"])
def test_bilateral_perimeters_of_groups_are_what_extraction_says(method):
    tables = small_tables(3)
    group = list(tables.regions[1:3])
    own = decompose(tables, method, "bilateral", groups={"G": group}).data.isel(year=0)
    one = tables.table(tables.years[0])
    Y = one.Y.sum(axis=2)
    n, s = len(one.x), len(one.sectors)
    of = np.repeat([0, 1, 1, 2], s)
    A = one.Z / one.x
    x = np.linalg.solve(np.eye(n) - A, Y.sum(axis=1))
    v = 1 - A.sum(axis=0)
    for a in range(3):
        for b in range(3):
            if a == b:
                continue
            sells, buys = of == a, of == b
            regions = np.array([0, 1, 1, 2]) == b
            sold = Y[:, regions].sum(axis=1) + A[:, buys] @ x[buys]
            left = A.copy()
            left[np.ix_(sells, buys)] = 0
            need = np.linalg.solve(np.eye(n) - left, np.where(sells, sold, 0))
            found = own["DVA"].values[a, b]
            assert_allclose(found, (v * need)[sells].sum(), rtol=RTOL)


def test_final_stage_is_what_extraction_says(world):
    """VAX-P: what s loses where r, or all others, complete no final products."""
    A, v, Y = (np.asarray(k) for k in (world.A, world.v, world.Y))
    c, at = blocks(world)
    found = compiled(value_chains.final_stage)(world)

    def earned(s, completing) -> float:
        kept = Y.sum(axis=1)
        for r in completing:
            kept[at[r]] = 0
        return float((v * np.linalg.solve(np.eye(len(A)) - A, kept))[at[s]].sum())

    for s in range(c):
        others = [r for r in range(c) if r != s]
        for r in others:
            lost = earned(s, []) - earned(s, [r])
            assert_allclose(found[at[s], r].sum(), lost, rtol=RTOL)
        lost = earned(s, []) - earned(s, others)
        assert_allclose(found[at[s]].sum(), lost, rtol=RTOL)
        assert_allclose(found[at[s], s], 0)


def test_importer_perspective_is_what_extraction_says(world):
    A, v, E = (np.asarray(k) for k in (world.A, world.v, world.exports))
    c, at = blocks(world)
    own = compiled(borin_mancini.importer)(world)
    for r in range(c):
        left = A.copy()
        left[:, at[r]] = 0
        left[at[r], at[r]] = A[at[r], at[r]]
        expected = v * (np.linalg.inv(np.eye(len(A)) - left) @ E[:, r])
        assert_allclose(own[:, r], expected, rtol=RTOL)


def test_blocks_and_membership_are_the_same_perimeters(world):
    """Two ways to store what stays inside borders."""
    borders = perimeters.Perimeters(world.borders.member, blocks=False)
    other = invert(*arrays(), borders=borders)
    for kernel in map(
        compiled, (wang_wei_zhu.wang_wei_zhu, borin_mancini.exporter_sink)
    ):
        for a, b in zip(kernel(world).values(), kernel(other).values(), strict=True):
            assert_allclose(a, b, rtol=RTOL, atol=RTOL * float(np.abs(b).max()))


@pytest.mark.parametrize(
    "kernel",
    [
        borin_mancini.exporter_source,
        borin_mancini.world_perspective,
        value_chains.miroudot_ye,
        value_chains.tripartite,
    ],
)
def test_without_the_inverse_terms_are_the_same(world, kernel):
    kernel, solved = compiled(kernel), invert(*arrays(), inverse=False)
    assert solved.residual < 1e-14
    assert_allclose(solved.fva_multiplier, world.fva_multiplier, rtol=SOLVED_RTOL)
    for a, b in zip(kernel(solved).values(), kernel(world).values(), strict=True):
        assert_same(a, b, SOLVED_RTOL)


def test_a_world_without_inverse_says_so():
    with pytest.raises(ValueError, match=r"no B: invert_table\(..., inverse=True\)"):
        borin_mancini.exporter_sink(invert(*arrays(), inverse=False))


@pytest.mark.parametrize("method", ["bm-source", "bm-sink"])
def test_details_of_groups_add_up_to_their_totals(method):
    groups = {"G": ["R1", "R2"]}
    own = decompose(
        small_tables(3), method, "bilateral", detail=True, groups=groups
    ).data
    for term, parts in {"VAX": 4, "REF": 2, "FVA": 4}.items():
        total = sum(own[f"{term}{k + 1}"] for k in range(parts))
        assert_same(total, own[term].values, RTOL)
    if method == "bm-source":
        assert_same(own["VAX1"] + own["VAX2"], own["DAVAX"].values, RTOL)


def test_sectors_of_origin_of_groups_are_those_of_what_others_absorb():
    """VAX by sector of origin; and every term adds up to the exporter's."""
    tables, groups = small_tables(3), {"G": ["R1", "R2"]}
    own = decompose(tables, "bm-source", by_origin=True, groups=groups).data
    assert float(own["identity"].max()) < RTOL
    absorbed = regroup(value_added_trade(tables)["va_absorbed"], groups=groups)
    home = absorbed["origin"] == absorbed["absorber"]
    abroad = absorbed.where(~home, 0).sum("absorber").values
    assert_same(own["VAX"].sum("importer").values, abroad, RTOL)


def test_world_perspective_of_single_flows(world):
    """Equations 52 and 54 of Borin and Mancini (2019) for one flow, from dense blocks;
    what crosses two borders is what no direct buyer absorbs."""
    A, L, B, v, Y, E = (
        np.asarray(k)
        for k in (world.A, world.L, world.B, world.v, world.Y, world.exports)
    )
    c, at = blocks(world)
    found = compiled(borin_mancini.world_flows)(world)

    def absorbed(s, r):
        return Y[at[s], r] + A[at[s], at[r]] @ L[r] @ Y[at[r], r]

    for s in range(c):
        first = sum(
            v[at[t]] @ L[t] @ A[at[t], at[s]] @ L[s] for t in set(range(c)) - {s}
        )
        for r in set(range(c)) - {s}:
            assert_allclose(
                found["FVA_SOURCE"][at[s], r], first * E[at[s], r], rtol=RTOL
            )
            foreign = sum(v[at[t]] @ B[at[t], at[s]] for t in set(range(c)) - {s})
            resold = A[at[s], at[r]] @ L[r]
            resold = resold @ sum(absorbed(r, j) for j in set(range(c)) - {r})
            last = foreign * absorbed(s, r) + (v[at[r]] @ B[at[r], at[s]]) * resold
            assert_allclose(found["FVA"][at[s], r], last, rtol=RTOL)
    source = compiled(borin_mancini.exporter_source)(world)
    for term in ("FVA", "FVA_SOURCE"):
        assert_allclose(found[term].sum(), source["GVCF"].sum(), rtol=RTOL)


# ------------------------------------------------------------------ awkward tables


def awkward_tables() -> WorldTables:
    """An industry without output that still sells a little, inventories run down,
    and one that buys more than it sells."""
    one = small_tables(5).table(2000)
    Z, Y, x = one.Z.copy(), one.Y.sum(axis=2), one.x.copy()
    Z[:, 4], Z[4], x[4] = 0, 0, 0
    Y[4], Y[4, 2] = 0, 1e-3
    Y[7, 1] = -0.2 * Y[7].sum()
    Z[:, 9] *= 1.2 / (Z[:, 9].sum() / x[9])
    with pytest.warns(
        TivaxWarning, match=r"1 of \d+ industries with more inputs than output"
    ):
        return WorldTables(Z[None], Y[None], x[None], one.regions, one.sectors, [2000])


@pytest.mark.parametrize("method", METHODS)
def test_identities_of_awkward_tables(method):
    tables = awkward_tables()
    residual = 1 - np.asarray(tables.Z)[0].sum(axis=0)[9] / np.asarray(tables.x)[0, 9]
    assert residual < 0  # negative value added
    for level in METHODS[method].kernels:
        own = decompose(tables, method, level, detail=method in IN_DETAIL).data
        gaps = own["identity"].values
        assert (np.isnan(gaps) | (gaps < RTOL)).all(), level
        assert all(np.isfinite(own[k]).all() for k in METHODS[method].terms if k in own)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("final", [True, False], ids=["final goods", "no trade"])
def test_a_world_without_trade_in_inputs_has_terms(method, final):
    """What is 0 misses no identity, however small a share of nothing is."""
    one = small_tables(5).table(2000)
    s = len(one.sectors)
    home = np.kron(np.eye(len(one.regions)), np.ones((s, s)))
    Z, Y = one.Z * home, one.Y.sum(axis=2)
    Y = Y if final else Y * home[:, ::s]
    x = Z.sum(axis=1) + Y.sum(axis=1)
    tables = WorldTables(Z[None], Y[None], x[None], one.regions, one.sectors, [2000])
    for level in METHODS[method].kernels:
        own = decompose(tables, method, level, detail=method in IN_DETAIL).data
        assert all(np.isfinite(own[k]).all() for k in METHODS[method].terms if k in own)


# ---------------------------------------------------------------- levels and mistakes


@pytest.mark.parametrize(
    "method", ["wwz", "bm-source", "bm-sink", "bm-world", "tripartite"]
)
@pytest.mark.parametrize(
    "groups", [None, {"G": ["R1", "R2"]}], ids=["regions", "group"]
)
def test_levels_add_up(method, groups):
    tables = small_tables(1)
    if groups:
        groups = {"G": list(tables.regions[1:3])}
    # Regions with details, as in the test above: it compiles the same programs.
    options = {"groups": groups, "detail": not groups and method in IN_DETAIL}
    full = decompose(tables, method, **options).data
    for level, (by_sector, by_buyer) in LEVELS.items():
        summed = [
            k for k, kept in (("sector", by_sector), ("importer", by_buyer)) if not kept
        ]
        own = decompose(tables, method, level, **options).data
        for term in set(own) & set(METHODS[method].terms):
            assert_same(own[term].values, full[term].sum(summed).values, RTOL)


def test_production_by_its_definition():
    """Wang, Wei, Yu and Zhu (2017), equations 4 and 5, by dense matrices."""
    tables = small_tables(1)
    own = decompose(tables, "production", "sector").data
    assert float(own["identity"].max()) < RTOL
    Z, x, Y = tables.Z[0], tables.x[0], tables.final_demand()[0]
    c, n = len(tables.regions), len(x)
    region = np.repeat(np.arange(c), n // c)
    A, home = Z / x, region[:, None] == region
    v, A_f, y, y_d = 1 - A.sum(axis=0), A * ~home, Y.sum(1), Y[range(n), region]
    B, L = (np.linalg.inv(np.eye(n) - k) for k in (A, A * home))
    crossed = v @ L @ A_f
    expected = {
        "V_D": v * (L @ y_d),
        "V_RT": v * (L @ (y - y_d)),
        "V_GVC_S": v * (L @ A_f @ L @ y_d),
        "V_GVC_C": v * (L @ A_f @ (B @ y - L @ y_d)),
        "Y_D": (v @ L) * y_d,
        "Y_RT": (v @ L) * (y - y_d),
        "Y_GVC_S": (crossed @ L) * y_d,
        "Y_GVC_C": (crossed @ B) * y - (crossed @ L) * y_d,
    }
    for term, values in expected.items():
        assert_same(own[term].isel(year=0).values.ravel(), values, RTOL)


@pytest.mark.parametrize(
    "method, level, line",
    [
        ("wzw", "country", "no method wzw: did you mean wwz or kww? There are " + ", ".join(METHODS)),
        ("zzzzzz", "country", "no method zzzzzz: choose from " + ", ".join(METHODS)),
        ("ltv", "sector", "method ltv has no level sector: choose from country, bilateral"),
    ],
)  # fmt: skip
def test_unknown_names_are_told_with_those_there_are(method, level, line):
    assert error_of(decompose, small_tables(1), method, level) == line


def test_methods_without_details_or_origins_say_so():
    tables = small_tables(1)
    assert error_of(decompose, tables, "kww", detail=True) == (
        "method kww has no details: choose from bm-source, bm-sink"
    )
    assert error_of(decompose, tables, "kww", by_origin=True) == (
        "method kww has no sectors of origin: choose from bm-source"
    )
    line = error_of(decompose, tables, "bm-source", "country", by_origin=True)
    assert "has no level country: choose from sector" in line
    line = error_of(decompose, tables, "bm-source", detail=True, by_origin=True)
    assert "details, or sectors of origin, not both" in line


def test_an_unknown_member_is_refused():
    tables = small_tables(1)
    assert error_of(decompose, tables, "wwz", groups={"G": ["XXX"]}) == (
        f"no region XXX: choose from {', '.join(tables.regions)}"
    )
