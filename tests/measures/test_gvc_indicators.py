"""Indicators against the numbers of R exvatools and decompr, hand-worked chains and
identities."""

import json
from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from tivax.bench.studies.printed_terms import appendix_table
from tivax.engine import (
    TivaxWarning,
    WorldTables,
    decompose,
    save_store,
    trade_benefit_index,
    value_added_trade,
)
from tivax.engine.measures import indicator_years, indicators
from tivax.engine.measures.accounts import Account
from tivax.engine.measures.flags import FLAGS
from tivax.engine.measures.indicator_table import INDICATORS
from tivax.engine.measures.methods import LEVELS
from tivax.kernels import indicators as kernels
from tivax.kernels.inverted_table import invert_table

from commands import good, mistake
from helpers import compiled, error_of, random_tables
from truth_files import CLASSES, DECOMPR_RTOL, EXVATOOLS_RTOL, assert_same, outside

# A solve and sums in double precision; measured 1e-14.
RTOL = 1e-10


@pytest.fixture(scope="module")
def by_use(small) -> WorldTables:
    """The same tables with a consumption and a fixed capital formation."""
    return replace(small, categories=("CONS_h", "GFCF", "INVEN"))


@pytest.fixture(scope="module")
def all_levels(by_use) -> dict[str, xr.Dataset]:
    return {level: indicators(by_use, level=level).data for level in LEVELS}


# ---------------------------------------------------------------------- R exvatools


def test_all_of_exvatools_indicators(wiodtest, of_exvatools):
    printed = of_exvatools("out_oecd_all_tiva")
    assert len(printed) == 25
    full = indicators(wiodtest, level="bilateral-sector").data
    alone = indicators(wiodtest, level="sector").data
    for name, expected in printed.items():
        own = "VALU" if name == "VA" else name  # the one that OECD TiVA calls so
        found = (full if own in full else alone)[own].values[0]
        assert_same(found.reshape(expected.shape), expected, EXVATOOLS_RTOL)


@pytest.mark.parametrize("group", CLASSES)
def test_indicators_of_groups_are_those_of_exvatools(wiodtest, of_exvatools, group):
    printed = of_exvatools(f"out_oecd_group_{group}_standard")
    names = {
        "EXGR": "EXGR",
        "DC": "EXGR_DVA",
        "FC": "EXGR_FVA",
        "DDC": "EXGR_RIM",
        "VAX": "FFD_DVA",
    }
    groups = {group: CLASSES[group]}
    own = indicators(
        wiodtest, [*names.values()], "bilateral-sector", groups=groups
    ).data
    others, columns = outside(CLASSES[group])
    for term, name in names.items():
        found = own[name].sel(region=group, partner=others).values[0]
        assert_same(found, printed[term][:, columns], EXVATOOLS_RTOL)


# ------------------------------------------------------------------------ R decompr


@pytest.fixture(scope="module")
def by_industry(leather) -> xr.Dataset:
    return indicators(leather, (), "sector").data


@pytest.mark.parametrize(
    "file, name, column",
    [("e2r", "VS1", -1), ("i2e", "EXGR_FVA", -1), ("nrca", "RCA_VA", -1)]
    + [("dfddva", "DXD_DVA", -1), ("ffddva", "FFD_DVA", -1), ("dfdfva", "DFD_FVA", -1)]
    + [("up_down", "UPSTREAM", 1), ("up_down", "DOWNSTREAM", 2)],
)
def test_indicators_of_decompr(shared, by_industry, file, name, column):
    file = shared / "truth" / "decompr_leather" / f"out_gvc_{file}.csv"
    printed = pd.read_csv(file, comment="#").iloc[:, column]
    assert_same(by_industry[name].values[0].ravel(), printed, DECOMPR_RTOL)


# ------------------------------------------------- Koopman, Wang and Wei (2014)


def test_vertical_specialisation_of_appendix_d(shared):
    """Printed there: VS, VS1* in two versions, shares of exports."""
    folder = shared / "truth" / "kww2014_appendix"
    tables = appendix_table(folder / "appD_in.csv", [0, 0, 0, 1, 1])
    own = indicators(tables).data.isel(year=0)
    nine = decompose(tables, "kww", "country").data.isel(year=0)
    printed = pd.read_csv(folder / "appD_expected.csv", index_col=0)
    both = printed[["E12", "E21"]]

    def same(found, row, digits):
        assert_allclose(found, both.loc[row].astype(float), rtol=0, atol=digits)

    same(own["EXGR"], "E_gross", 1e-12)
    same(own["EXGR_FVA"], "VS", 1e-12)
    same(own["VS1STAR"], "VS1star_KWW", 1e-12)
    same(nine["RDV_FIN"], "VS1star_Daudin", 1e-12)
    same(own["FFD_DVA"], "VT_value_added_exports", 1e-12)
    same(own["EXGR_DVA"], "DC_domestic_content", 1e-12)
    same(own["VAX_RATIO"], "VAX_ratio", 0.0006)
    same(own["EXGR_DVASH"] / 100, "DC_share", 0.0006)


def test_position_of_a_chain_by_hand(shared):
    """C1 adds 1 and sells it on four times: its 1 is in 4 other exports."""
    file = shared / "truth" / "kww2014_appendix" / "ex2_case1_in.csv"
    own = indicators(appendix_table(file, [*range(6)])).data.isel(year=0)
    assert_allclose(own["VS1"], [4, 3, 2, 1, 0, 0], atol=1e-12)
    assert_allclose(own["EXGR_FVA"], [0, 1, 2, 3, 4, 0], atol=1e-12)
    # C2 to C4 pass it on, of which C1's first sale is the one that counts.
    assert_allclose(own["IV"], [1, 1, 1, 1, 0, 0], atol=1e-12)
    assert_allclose(own["GVC_POS_KPWW"].sel(region="C1"), np.log(2), rtol=RTOL)
    assert_allclose(own["GVC_POS_KPWW"].sel(region="C5"), -np.log(1.8), rtol=RTOL)
    assert_allclose(own["GVC_PART_VS"].sel(region="C2"), 100 * (1 + 3) / 2, rtol=RTOL)
    assert np.isnan(own["GVC_POS_KPWW"].sel(region="USA"))
    assert_allclose(own["UPSTREAM"], [6, 5, 4, 3, 2, 1], rtol=RTOL)


# ------------------------------------------------- shares of OECD TiVA, by its guide


def test_shares_and_reexports_from_dense_blocks(by_use, all_levels):
    """Region by region with numpy, as the guide's formulas have them."""
    own, alone = (all_levels[k].isel(year=1) for k in ("bilateral-sector", "sector"))
    c, s, n = 4, 3, 12
    Z, x, Y = by_use.Z[1], by_use.x[1], by_use.final_demand()[1]
    A = Z / x
    B, v = np.linalg.inv(np.eye(n) - A), 1 - A.sum(axis=0)
    at = [slice(r * s, (r + 1) * s) for r in range(c)]
    E = np.array(
        [[Z[at[r], at[q]].sum(1) + Y[at[r], q] for q in range(c)] for r in range(c)]
    )
    E[range(c), range(c)] = 0  # [exporter, partner, sector]
    inputs = np.array([[Z[at[r], at[q]].sum(1) for q in range(c)] for r in range(c)])
    dva = np.array([(v[k] @ B[k, k])[None, :] * E[r] for r, k in enumerate(at)])
    absorbed = (v[:, None] * (B @ Y)).reshape(c, s, c).transpose(0, 2, 1)
    abroad = absorbed * (1 - np.eye(c))[:, :, None]

    def same(found, expected):
        assert_same(
            found.transpose("region", "partner", "sector").values, expected, RTOL
        )

    same(own["EXGRPSH"], 100 * E / E.sum(1, keepdims=True))
    same(
        own["IMGRPSH"]
        .transpose("partner", "region", "sector")
        .rename(partner="region", region="partner"),
        100 * E / E.sum(0, keepdims=True),
    )
    same(own["EXGR_DVAPSH"], 100 * dva / dva.sum(1, keepdims=True))
    same(own["FFD_DVAPSH"], 100 * abroad / abroad.sum(1, keepdims=True))
    bought = abroad.transpose(1, 0, 2)
    same(own["DFD_FVAPSH"], 100 * bought / bought.sum(1, keepdims=True))
    same(own["FD_VASH"], 100 * absorbed / absorbed.sum((0, 2), keepdims=True))

    total = E.sum((1, 2))
    assert_same(alone["EXGR_TDVAIND"].values, 100 * dva.sum(1) / total[:, None], RTOL)
    share = 100 * dva.sum(1) / E.sum(1)
    parts = alone["EXGR_INTDVASH"] + alone["EXGR_FNLDVASH"]
    assert_same(parts.values, share, RTOL)
    foreign = 100 * E.sum(1) / total[:, None] - 100 * dva.sum(1) / total[:, None]
    assert_same(alone["EXGR_TFVAIND"].values, foreign, RTOL)

    reexported = np.zeros((c, c, s))  # [importer, partner, product]
    elsewhere = np.zeros((c, s))  # value added in the exports of others, by theirs
    for r in range(c):
        for q in range(c):
            if q != r:
                e = E[r].sum(0)
                reexported[r, q] = A[at[q], at[r]] @ B[at[r], at[r]] @ e
                elsewhere[r] += v[at[r]] @ B[at[r], at[q]] * E[q].sum(0)
    same(own["REII"], reexported)
    imported = inputs.transpose(1, 0, 2)
    share = own["IMGRINT_REII"].transpose("region", "partner", "sector")
    off = ~np.eye(c, dtype=bool)
    assert_same(share.values[off], 100 * (reexported / imported)[off], RTOL)
    assert share.isnull().values[~off].all()
    assert_same(alone["EXGR_DVAFXSH"].values, 100 * elsewhere / total[:, None], RTOL)


def test_lengths_of_production_by_their_definition(by_use, all_levels):
    """Wang, Wei, Yu and Zhu (2017b): output induced over value added, by dense
    matrices; Dietzenbacher and Romero (2007): rounds weighted by what flows in them."""
    own = all_levels["sector"].isel(year=1)
    c, n = 4, 12
    Z, x, Y = by_use.Z[1], by_use.x[1], by_use.final_demand()[1]
    region = np.repeat(np.arange(c), n // c)
    A, home = Z / x, region[:, None] == region
    v, y, y_d = 1 - A.sum(axis=0), Y.sum(1), Y[range(n), region]
    B, L = (np.linalg.inv(np.eye(n) - k) for k in (A, A * home))
    BB, LL, y_f, rounds = B @ B, L @ L, y - y_d, B - np.eye(n)
    crossing = L @ (A * ~home) @ B
    stages = LL @ (A * ~home) @ B + crossing @ B
    expected = {
        "PLV": (BB @ y) / (B @ y),
        "PLV_D": (LL @ y_d) / (L @ y_d),
        "PLV_RT": (LL @ y_f) / (L @ y_f),
        "PLV_GVC": (stages @ y) / (crossing @ y),
        "PLY": (v @ BB) / (v @ B),
        "PLY_D": (v @ LL) / (v @ L),
        "PLY_RT": (v @ LL) / (v @ L),
        "PLY_GVC": (v @ stages) / (v @ crossing),
        "APL_FORWARD": (B @ rounds).sum(1) / rounds.sum(1),
        "APL_BACKWARD": (B @ rounds).sum(0) / rounds.sum(0),
    }
    expected["GVC_POS_WWYZ"] = expected["PLV_GVC"] / expected["PLY_GVC"]
    for name, values in expected.items():
        assert_same(own[name].values.ravel(), values, RTOL)


def test_chains_that_cross_no_border_have_no_length(by_use):
    """The first region cut off: lengths in global value chains are NaN, not ratios of
    what sums leave of rounding."""
    s = len(by_use.sectors)
    apart = np.zeros((by_use.n, by_use.n))
    apart[:s, :s] = apart[s:, s:] = 1
    Y = np.array(by_use.Y) * apart[None, :, ::s, None]
    Z = np.array(by_use.Z) * apart
    x = Z.sum(axis=2) + Y.sum(axis=(2, 3))
    closed = replace(by_use, Z=Z, Y=Y, x=x, value_added=None)
    names = ["PLV_GVC", "PLY_GVC", "GVC_POS_WWYZ"]
    for level in ("country", "sector"):
        found = indicators(closed, [*names, "PLV"], level=level).data
        for name in names:
            assert np.isnan(found[name].isel(region=0)).all()
            assert np.isfinite(found[name].isel(region=slice(1, None))).all()
        assert np.isfinite(found["PLV"]).all()


def test_value_added_in_consumption_and_in_fixed_capital(by_use, all_levels):
    own = all_levels["bilateral-sector"]
    A = by_use.Z[0] / by_use.x[0]
    B, v = np.linalg.inv(np.eye(12) - A), 1 - A.sum(axis=0)
    for use, name in enumerate(("CONS_VA", "GFCF_VA")):
        expected = (v[:, None] * (B @ by_use.Y[0][:, :, use])).reshape(4, 3, 4)
        found = own[name].isel(year=0).transpose("region", "sector", "partner")
        assert_same(found.values, expected, RTOL)
        shares = own[f"{name}SH"].sum(["region", "sector"])
        assert_allclose(shares, 100, rtol=RTOL)
    groups = {"G": ["R1", "R2"]}
    grouped = indicators(by_use, "CONS_VA", "bilateral", groups=groups)["CONS_VA"]
    inside = own["CONS_VA"].sel(region=groups["G"], partner=groups["G"])
    found = grouped.sel(region="G", partner="G").values
    assert_same(found, inside.sum(["region", "partner", "sector"]).values, RTOL)


def test_consumption_and_capital_must_be_apart(small, by_use):
    line = (
        "indicator CONS_VA needs consumption and fixed capital apart, but final demand "
        "has the categories household, government, inventories"
    )
    assert error_of(indicators, small, "CONS_VA") == line
    assert (
        "CONS_VA" not in indicators(small).data and "CONS_VA" in indicators(by_use).data
    )
    assert error_of(indicators, by_use, "EXGRPSH", "sector") == (
        "indicator EXGRPSH has no level sector: choose from bilateral, bilateral-sector"
    )


# ------------------------------------------------------------------------ identities


def test_flows_add_up_over_levels(all_levels):
    for name, one in INDICATORS.items():
        if one.unit or not one.has("country"):
            continue
        country = all_levels["country"][name]
        for level in ("sector", "bilateral", "bilateral-sector"):
            if one.has(level):
                full = all_levels[level][name]
                summed = [k for k in full.dims if k not in country.dims]
                assert_same(full.sum(summed).values, country.values, RTOL)


def test_identities_of_the_table_hold(all_levels):
    for level, data in all_levels.items():
        assert float(data["identity"].max()) < RTOL, level
        assert float(data["residual"].max()) < 1e-12


def test_two_ways_to_the_same_total(all_levels):
    k = all_levels["country"]
    # Inputs bought for exports hold all that is not domestic and new (two borders).
    assert_same(k["REXI"].values, k["GVCB"].values, RTOL)
    # What comes home in imports is what the exports of others bring home.
    assert_same(k["IMGR_DVA"].values, k["VS1STAR"].values, RTOL)
    # Both balances of a region with all others agree.
    assert_same(k["BALGR"].values, k["BALVAFD"].values, RTOL)
    # A region's value added in the exports of others is their content of it.
    assert_same(k["FEXDVAP"].values, k["VS1"].values, RTOL)
    # In the world forward and backward are the same dollars.
    assert_allclose(k["VS1"].sum("region"), k["EXGR_FVA"].sum("region"), rtol=RTOL)


def test_index_is_that_of_the_paper(small, all_levels):
    own = trade_benefit_index(small)
    assert_same(all_levels["country"]["TBI"].values, own["tbi"].values, RTOL)
    bilateral = all_levels["bilateral"]["TBI"]
    turned = bilateral.transpose("year", "partner", "region").values
    assert_allclose(bilateral.values, -turned, atol=RTOL)


def test_world_has_no_comparative_advantage(all_levels):
    """Weighted by what the sector has in the world it averages to 1."""
    k = all_levels["sector"]
    exports = k["EXGR"]
    weights = exports.sum("sector") / exports.sum()
    mean = (k["RCA"] * weights).sum("region") * 2  # two years in one sum
    per_year = exports.sum(["region", "sector"]) / exports.sum() * 2
    assert_allclose(mean / per_year, 1, rtol=RTOL)


def test_world_of_one_seller_by_hand():
    """A sells inputs worth 4 to B, which sells final goods of 10 to A: B adds 6."""
    Z = np.array([[[0.0, 4], [0, 0]]])
    Y = np.array([[[[0.0, 0], [0, 0]], [[7, 3], [0, 0]]]])
    tables = WorldTables(
        Z, Y, np.array([[4.0, 10]]), ["A", "B"], ["S"], [2000],
        categories=["HFCE", "GFCF"],
    )  # fmt: skip
    k = indicators(tables).data.isel(year=0)
    assert_allclose(k["CONS_VA"], [2.8, 4.2], rtol=1e-12)
    assert_allclose(k["GFCF_VA"], [1.2, 1.8], rtol=1e-12)
    assert_allclose(k["REII"], [0, 4], atol=1e-12)
    assert_allclose(k["IMGRINT_REII"], [np.nan, 100], rtol=1e-12)
    assert_allclose(k["EXGR_DVAFXSH"], [100, 0], atol=1e-12)
    assert_allclose(k["EXGR"], [4, 10])
    assert_allclose(k["FFD_DVA"], [0, 6], atol=1e-12)
    assert_allclose(k["EXGR_RIM"], [0, 0], atol=1e-12)
    assert_allclose(k["IMGR_DVA"], [4, 0], atol=1e-12)
    assert_allclose(k["TBI"], [-1, 1], rtol=1e-12)
    assert_allclose(k["TBI_GROSS"], [-3 / 7, 3 / 7], rtol=1e-12)
    assert_allclose(k["GVC_FORWARDNESS"], [1, -1], rtol=1e-12)
    assert_allclose(k["GVC_PART_BM"], [100, 40], rtol=1e-12)


# ------------------------------------------------------------------- can checks fail


@pytest.mark.parametrize(
    "name",
    [
        "EXGR", "EXGR_FNL", "IMGR", "DOM", "EXGR_DVA", "EXGR_DDC", "EXGR_RIM",
        "EXGR_FVA", "IMGR_DVA", "FD_VA", "FFD_DVA", "DFD_FVA", "DEXFVAP", "FEXDVAP",
        "GVC_PF", "GVC", "VALU", "EXGR_DVA_ORIGIN", "VS1", "VS1STAR", "VA_GVC_C",
        "FP_D", "plv_gvc_stages", "GFCF_VA", "VAX_P",
    ],
)  # fmt: skip
def test_a_wrong_flow_is_noticed(all_flows, name):
    flows, largest_residual = all_flows
    assert largest_residual(flows) < RTOL
    assert largest_residual(flows | {name: 1.001 * flows[name]}) > 1e-6


@pytest.fixture(scope="module")
def all_flows():
    """Flows of a table, and what their identities miss at most."""
    one = random_tables(regions=3, sectors=2, years=1, seed=4).table(2000)
    uses = {"GFCF_VA": one.Y[:, :, 1]}

    @jax.jit
    def make(Z, x, Y, uses):
        world = invert_table(Z, x, Y)
        return world, kernels.flows(world, uses, sectors=2)

    world, flows = make(one.Z, one.x, one.Y.sum(axis=2), uses)
    residuals = compiled(kernels.identity_residuals)
    return jax.device_get(flows), lambda of: residuals(world, of, uses).max()


# -------------------------------------------------------------------------- mistakes


def test_unknown_names_are_told_with_the_nearest(small):
    assert error_of(indicators, small, ["EXGR_DVX"]).startswith(
        "no indicator EXGR_DVX: did you mean EXGR_DVA"
    )
    assert "no level sectors: did you mean sector" in error_of(
        indicators, small, level="sectors"
    )


# ----------------------------------------------------------------------------- flags


def with_stocks(tables: WorldTables, size: float) -> WorldTables:
    """Inventories moved among absorbers, of a size that outweighs other sales, while no
    row has any on balance; none below 0 for a size of 0."""
    Y = np.array(tables.Y[:])
    moved = size * (Y[..., 2] - Y[..., 2].mean(axis=2, keepdims=True))
    Y[..., 2] = moved if size else np.abs(Y[..., 2])
    return replace(tables, Y=Y)


def with_losses(tables: WorldTables) -> WorldTables:
    """The first industry uses 1.3 times what it makes."""
    Z = np.array(tables.Z[:])
    Z[:, :, 0] *= 1.3 * tables.x[:, :1] / Z[:, :, 0].sum(axis=1, keepdims=True)
    with pytest.warns(
        TivaxWarning, match=r"1 of \d+ industries with more inputs than output"
    ):
        return replace(tables, Z=Z)


def flagged(tables, **options):
    """(level, indicator) to values and names of flags, all years."""
    found = {}
    for year in indicator_years(tables, (), list(LEVELS), flagged=True, **options):
        for level in LEVELS:
            for name, marks in year.flags[level].items():
                pair = (year.values[level][name].values, np.array(FLAGS)[marks.values])
                found.setdefault((level, name), []).append(pair)
    return {
        key: tuple(np.concatenate(k) for k in zip(*pairs, strict=True))
        for key, pairs in found.items()
    }


def outside_of(name, values):
    low, high = INDICATORS[name].bounds
    return (values < low - 1e-9) | (values > high + 1e-9)


@pytest.mark.parametrize("value_added", ["residual", "basic", "account"])
def test_bounds_hold_where_nothing_is_negative(by_use, value_added):
    """Every indicator at every level; residual, basic, and an account of jobs."""
    tables = with_stocks(by_use, 0)
    assert (tables.Y[:] >= 0).all()
    if value_added == "account":
        value_added = Account("residual").by_industry(tables) ** 2
    for (level, name), (values, marks) in flagged(
        tables, value_added=value_added
    ).items():
        assert not outside_of(name, values).any(), (level, name)
        assert not marks.astype(bool).any()


def test_what_stocks_push_out_of_bounds_is_flagged(by_use):
    found = flagged(with_stocks(by_use, 60))
    out = {
        key for key, (values, _) in found.items() if outside_of(key[1], values).any()
    }
    assert {"TBI", "EXGR", "GVC_PART_BM", "VAX_RATIO", "EXGR_FNLDVASH"} <= {
        name for _, name in out
    }
    for (_, name), (values, marks) in found.items():
        bad = outside_of(name, values)
        assert (marks[bad] == "negative-inventories").all()
        # Rounding is what lies between the two.
        assert (marks[~bad & (np.abs(values) > 1e-6)] == "").all()


def test_what_an_industry_without_value_added_pushes_out_is_flagged(by_use):
    tables = with_losses(with_stocks(by_use, 0))
    found = flagged(tables)
    assert {n for (_, n), (_, marks) in found.items() if (marks != "").any()} >= {
        "VALU", "TBI", "PROD_VASH", "EXGR_FVASH", "FFD_DVA", "EXGR_DVASH",
    }  # fmt: skip
    for (level, name), (values, marks) in found.items():
        bad = outside_of(name, values)
        assert (marks[bad] == "negative-value-added").all(), (level, name)
    values, marks = found["sector", "VALU"]
    assert np.argwhere(marks != "").tolist() == [[0, 0, 0], [1, 0, 0]]
    assert (values[:, 0, 0] < 0).all()


def test_of_two_causes_the_flag_names_the_one_that_remains(by_use):
    """Literally: value added absorbed, with what is below 0 and with 0 in its place."""
    tables = with_losses(with_stocks(by_use, 20))
    values, marks = flagged(tables)["sector", "TBI"]
    for k in range(2):
        A = tables.Z[k] / tables.x[k]
        X = np.linalg.solve(np.eye(12) - A, tables.final_demand()[k])
        v = 1 - A.sum(axis=0)
        index = {}
        for what, row in (("as it is", v), ("from 0", np.maximum(v, 0))):
            T = (row[:, None] * X).reshape(4, 3, 4)
            T = np.where(np.eye(4, dtype=bool)[:, None, :], 0, T)
            sold, bought = T.sum(axis=2), T.sum(axis=0).T
            index[what] = np.abs((sold - bought) / (sold + bought)) > 1
        assert_array_equal(np.abs(values[k]) > 1, index["as it is"])
        expected = np.where(index["from 0"], FLAGS[1], FLAGS[2])
        expected = np.where(index["as it is"], expected, "")
        assert_array_equal(marks[k], expected)
    assert set(marks.ravel()) == set(FLAGS)
    # A row of the file of tivax tbi has gross flows as well, which may be the cause.
    rows = value_added_trade(tables, by="sector")
    negative = {k: rows[k].values < 0 for k in _FLOWS}
    gross = negative["gross_exports"] | negative["gross_imports"]
    out = np.any([*negative.values(), np.abs(rows["tbi"].values) > 1], axis=0)
    assert_array_equal(rows["flag"].values != "", out)
    assert (rows["flag"].values[gross] == "negative-inventories").all()
    same = (marks != "") & ~gross & ~(negative["va_exports"] & negative["va_imports"])
    assert same.any()
    assert_array_equal(rows["flag"].values[same], marks[same])


_FLOWS = ("gross_exports", "gross_imports", "va_exports", "va_imports")


def test_an_account_of_removals_alone_is_flagged_as_such(by_use):
    account = -Account("residual").by_industry(by_use)
    _, marks = flagged(by_use, value_added=account)["sector", "VALU"]
    assert (marks == "negative-value-added").all()


# --------------------------------------------------------------------------- command


def test_command_counts_flags_and_offers_the_remedy(small, tmp_path):
    save_store(with_stocks(small, 60), tmp_path / "store")
    words = ("indicators", tmp_path / "store", "--level", "sector")
    words = (*words, "--only", "TBI,EXGR")
    told = good(*words, "--out", tmp_path / "out").out
    file = tmp_path / "out" / "indicators.parquet"
    assert pa.types.is_dictionary(pq.read_schema(file).field("flag").type)
    table = pd.read_parquet(file)
    many = int((table["flag"] == "negative-inventories").sum())
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    flags = {"negative-inventories": many, "negative-value-added": 0}
    assert manifest["flags"] == flags
    assert many == int((table["flag"] != "").sum()) > 5
    tbi = table[table["indicator"] == "TBI"]
    assert_array_equal(tbi["flag"] != "", tbi["value"].abs() > 1)
    line = (
        f"{many} of {len(table)} rows are outside the bounds of their definition, see "
        f"the column flag: {many} negative-inventories; --net-inventories leaves "
        "inventories out"
    )
    assert line in told.splitlines()
    told = good(
        *words, "--out", tmp_path / "net", "--net-inventories", "inventories"
    ).out
    assert "outside the bounds" not in told
    table = pd.read_parquet(tmp_path / "net" / "indicators.parquet")
    assert (table["flag"] == "").all()
    words = ("tbi", tmp_path / "store", "--out", tmp_path / "tbi", "--no-figures")
    lines = [
        k for k in good(*words).out.splitlines() if k.startswith("vax_by_sector: ")
    ]
    frame = pd.read_csv(tmp_path / "tbi" / "vax_by_sector.csv")
    assert lines[0].startswith(f"vax_by_sector: {frame['flag'].count()} of 24 rows are")


def test_command_writes_every_level(small, tmp_path, monkeypatch):
    """And says beforehand how many rows that takes."""
    from tivax.engine.cli.tables import indicators as indicator_run

    monkeypatch.setattr(indicator_run, "_MANY_ROWS", 100)
    save_store(small, tmp_path / "store")
    out = tmp_path / "out"
    words = ("--only", "EXGR,RCA,TBI", "--level", "all")
    done = good("indicators", tmp_path / "store", "--out", out, *words)
    table = pd.read_parquet(out / "indicators.parquet")
    columns = ["year", "region", "sector", "partner", "indicator", "value", "flag"]
    assert list(table) == columns
    assert set(table["indicator"]) == {"EXGR", "RCA", "TBI"}
    whole = table[(table["sector"] == "TOTAL") & (table["partner"] == "WLD")]
    own = indicators(small, ["EXGR"])["EXGR"].to_series()
    found = whole[whole["indicator"] == "EXGR"].set_index(["year", "region"])["value"]
    assert_allclose(found.to_numpy(), own.to_numpy(), rtol=RTOL)
    assert f"--level all: {len(table):,} rows, about 0 MB of parquet" in done.out
    units = json.loads((out / "manifest.json").read_text())["units"]
    assert units == {"TBI": "ratio", "EXGR": "million US$", "RCA": "ratio"}


def test_command_writes_countries_by_default(small, tmp_path):
    """The other levels of a real store are millions of rows."""
    save_store(small, tmp_path / "store")
    out = tmp_path / "out"
    done = good("indicators", tmp_path / "store", "--out", out, "--only", "TBI")
    table = pd.read_parquet(out / "indicators.parquet")
    assert len(table) == len(small.years) * len(small.regions)
    assert set(table["sector"]) == {"TOTAL"} and set(table["partner"]) == {"WLD"}
    assert "MB" not in done.out
    found = {k.name for k in out.iterdir()}
    others = {"labels.csv", "manifest.json", "report.html"}
    assert found == {"indicators.parquet", *others}  # no others' figures
    good("indicators", tmp_path / "store", "--out", out, "--force")
    for name in ("positions", "participation"):
        assert (out / "figures" / f"{name}.svg").stat().st_size > 1000


def test_command_refuses_a_level_there_is_not(small, tmp_path):
    save_store(small, tmp_path / "store")
    words = ("indicators", tmp_path / "store", "--out", tmp_path / "out")
    told = mistake(*words, "--level", "secto")
    assert told.startswith("--level secto: did you mean sector")
    told = mistake(*words, "--level", "country", "--only", "RCA")
    assert told == "indicator RCA has no level country: choose from sector"
    (tmp_path / "g.toml").write_text('WLD = ["R0", "R1"]')
    told = mistake(*words, "--groups", tmp_path / "g.toml")
    assert "WLD stands for a total: rename the code WLD" in told
    assert not (tmp_path / "out").exists()
