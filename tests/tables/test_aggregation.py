"""Tables with fewer regions or sectors, and what that changes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine as tx
from tivax.engine import WorldTables, open_store
from tivax.engine.figures.aggregation import differences
from tivax.engine.measures.aggregation_bias import (
    compare_aggregation,
    comparison_frame,
    difference,
    largest,
)
from tivax.engine.sources.catalogue import get_source
from tivax.engine.tables import Tolerance
from tivax.engine.tables.aggregation import (
    SummedYears,
    aggregate,
    concordances,
    read_concordance,
)
from tivax.engine.tables.rules import check_balance

from commands import good, mistake, names
from described import assert_described
from drawings import row_labels, segments
from helpers import error_of, hand_table, random_tables

REGIONS = ("AUT", "CHN", "DEU", "ROW")
SECTORS = ("farms", "mines", "mills", "shops")
TABLES = replace(
    random_tables(regions=4, sectors=4, years=2, seed=9),
    regions=REGIONS, sectors=SECTORS, source="made",
    tolerance=Tolerance(absolute=0.5, relative=1e-6),
)  # fmt: skip
TO_GOODS = {"farms": "raw", "mines": "raw", "mills": "goods", "shops": "services"}
TO_EU = {"AUT": "EU", "CHN": "CHN", "DEU": "EU", "ROW": "ROW"}
# Sums of a few float64 in another order.
SUM_RTOL = 1e-13
# The iteration stops at a relative residual of 1e-12; the worst seen here is 4e-13.
RTOL = 1e-10


def kron(regions, sectors):
    """The aggregation matrices of the textbook, S (new x old), by NumPy."""

    def one(old, new):
        names = [(new or {}).get(k, k) for k in old]
        labels = list(dict.fromkeys(names))
        return np.array([[float(k == label) for k in names] for label in labels])

    R, S = one(REGIONS, regions), one(SECTORS, sectors)
    return np.kron(R, S), R


# ------------------------------------------------------------------------- aggregation


def test_two_sectors_become_one_by_hand():
    tables = hand_table(
        Z=[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]],
        Y=[[100, 1], [200, 2], [3, 300], [4, 400]],
        regions=["A", "B"],
        sectors=["s", "t"],
    )
    small = aggregate(tables, sectors={"s": "all", "t": "all"})
    assert (small.regions, small.sectors) == (("A", "B"), ("all",))
    assert_array_equal(small.Z[0], [[1 + 2 + 5 + 6, 22], [46, 54]])
    assert_array_equal(small.final_demand()[0], [[300, 3], [7, 700]])
    assert_array_equal(small.x[0], [10 + 101 + 26 + 202, 42 + 303 + 58 + 404])


@pytest.mark.parametrize("regions", [None, TO_EU])
@pytest.mark.parametrize("sectors", [None, TO_GOODS])
def test_sums_are_those_of_the_textbook_matrices(regions, sectors):
    S, R = kron(regions, sectors)
    small = aggregate(TABLES, regions=regions, sectors=sectors)
    assert TABLES.value_added is not None and small.value_added is not None
    for k in range(2):
        assert_allclose(small.Z[k], S @ TABLES.Z[k] @ S.T, rtol=SUM_RTOL)
        Y = np.einsum("nm,mcf,dc->ndf", S, TABLES.Y[k], R)
        assert_allclose(small.Y[k], Y, rtol=SUM_RTOL, atol=1e-11)  # inventories cancel
        assert_allclose(small.x[k], S @ TABLES.x[k], rtol=SUM_RTOL)
        assert_allclose(small.value_added[k], S @ TABLES.value_added[k], rtol=SUM_RTOL)
    assert (small.years, small.categories) == (TABLES.years, TABLES.categories)
    assert (small.unit, small.source) == (TABLES.unit, "made")
    if sectors:
        assert small.sectors == ("raw", "goods", "services")
    if regions:
        assert small.regions == ("EU", "CHN", "ROW")


def test_a_store_is_added_up_a_year_at_a_time(store):
    lazy = open_store(store, lazy=True)
    small = aggregate(lazy, regions=TO_EU, sectors=TO_GOODS)
    whole = aggregate(TABLES, regions=TO_EU, sectors=TO_GOODS)
    for name in ("Z", "Y", "x", "value_added"):
        array, expected = getattr(small, name), getattr(whole, name)
        assert isinstance(array, SummedYears) and len(array) == 2
        assert array.shape == expected.shape and array.dtype == expected.dtype
        assert_array_equal(array[1], expected[1])
        assert_array_equal(array[-1], expected[-1])
        assert_array_equal(array[0:2], expected)
        assert array[2:].shape == (0, *expected.shape[1:])
    assert_array_equal(small.table(2001).Z, whole.table(2001).Z)
    assert small.select(2001, 2001).years == (2001,)


def test_rows_still_sum_to_output_and_may_miss_it_together():
    small = aggregate(TABLES, regions=TO_EU, sectors=TO_GOODS)
    for table in small:
        check_balance(table, Tolerance(relative=1e-12))
    # Two regions x two sectors make EU:raw: four rows, each allowed 0.5.
    assert small.tolerance == Tolerance(absolute=2.0, relative=1e-6)


def test_parts_of_a_split_region_stay_or_join_their_parent():
    split = replace(
        TABLES, regions=("AUT", "CHN", "CN1", "ROW"), parents={"CN1": "CHN"}
    )
    assert aggregate(split, sectors=TO_GOODS).parents == {"CN1": "CHN"}
    whole = {k: k for k in ("AUT", "CHN", "ROW")}
    small = aggregate(split, regions=whole)
    assert small.regions == ("AUT", "CHN", "ROW") and not small.parents
    named = replace(split, parents={})
    joined = aggregate(named, regions={**whole, "CN1": "CHN"})
    assert_array_equal(small.Z, joined.Z)
    assert_array_equal(small.Y, joined.Y)


@pytest.mark.parametrize(
    "new, told",
    [
        ({"sectors": {**TO_GOODS, "mine": "raw"}}, "no sector mine in the tables: did"),
        ({"sectors": {"farms": "raw"}}, "sector mines, mills, shops left out: give every"),
        ({"regions": {**TO_EU, "FRA": "EU"}}, "no region FRA in the tables"),
        ({"regions": {"AUT": "EU", "DEU": "EU"}}, "region CHN, ROW left out: give every"),
    ],
)  # fmt: skip
def test_codes_that_are_unknown_or_left_out_are_told(new, told):
    assert error_of(aggregate, TABLES, **new).startswith(told)


# ------------------------------------------------------------------------ concordances


def test_csv_and_toml_say_the_same(tmp_path):
    (tmp_path / "c.csv").write_text(
        "\ufefffrom,to,note\nfarms,raw,x\nmines,raw,\nmills, goods ,\nshops,services,\n"
    )
    (tmp_path / "c.toml").write_text(
        'raw = ["farms", "mines"]\ngoods = ["mills"]\nservices = ["shops"]\n'
    )
    for name in ("c.csv", "c.toml"):
        found = read_concordance(tmp_path / name)
        assert found.new == TO_GOODS and found.kind(TABLES) == "sectors"


@pytest.mark.parametrize(
    "name, text, told",
    [
        ("c.csv", "from,to\nfarms,a\nfarms,b\n", "farms is mapped twice, to a and b"),
        ("c.toml", 'a = ["farms"]\nb = ["farms"]', "farms is mapped twice, to a and b"),
        ("c.csv", "old,new\nfarms,a\n", "no column from, to; the first line must name"),
        ("c.csv", "from,to,to\nfarms,a,b\n", "two columns are called to; rename one"),
        ("c.csv", "from,to\nfarms,\n", "an empty code (farms to ?)"),
        ("c.csv", "from,to\nfarms\n", "an empty code (farms to ?)"),
        ("c.csv", "from,to\n", "maps no code"),
        ("c.toml", "a = 1", 'write a = ["old", "old"]'),
        ("c.toml", "a = [", "not valid TOML: Invalid value"),
        ("c.txt", "", "a concordance is a .csv or a .toml file"),
    ],
)
def test_a_concordance_that_cannot_be_is_told(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    assert error_of(read_concordance, tmp_path / name).startswith(
        f"{tmp_path / name}: {told}"
    )


def test_a_concordance_that_is_not_there_lists_the_built_in_ones(tmp_path):
    assert error_of(read_concordance, "wiod2016-section") == (
        "wiod2016-section: no such file; built in are wiod2016-sections, wiod2016-10, "
        "wiod2013-sections, wiod2013-broad, wiod2016-broad"
    )


WIOD2016 = (
    "A01 A02 A03 B C10-C12 C13-C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 "
    "C29 C30 C31_C32 C33 D35 E36 E37-E39 F G45 G46 G47 H49 H50 H51 H52 H53 I J58 "
    "J59_J60 J61 J62_J63 K64 K65 K66 L68 M69_M70 M71 M72 M73 M74_M75 N O84 P85 Q R_S T U"
).split()


@pytest.mark.parametrize(
    "name, old, count",
    [
        ("wiod2016-sections", WIOD2016, 20),
        ("wiod2016-10", WIOD2016, 10),
        ("wiod2013-sections", [f"c{k}" for k in range(1, 36)], 15),
    ],
)
def test_built_in_concordances_map_all_sectors_of_their_database(name, old, count):
    found = concordances()[name]
    assert sorted(found.new) == sorted(old)
    assert len(set(found.new.values())) == count
    assert f"{len(old)} industries to" in found.title and f" {count} " in found.title


def test_a_section_holds_the_divisions_of_its_letter():
    sections = concordances()["wiod2016-sections"].new
    assert all(new[0] == old[0] for old, new in sections.items())
    coarse = concordances()["wiod2016-10"].new
    assert all(
        new[0] <= old[0] <= new[-1] for old, new in coarse.items()
    )  # C in B-E and so on


# -------------------------------------------------------------------------------- bias


def same_inputs(tables: WorldTables) -> WorldTables:
    """Farms and mines buy the same per unit of output, of the same sellers."""
    Z, x = np.array(tables.Z), np.array(tables.x)
    t, n = x.shape
    A = (Z / x[:, None, :]).reshape(t, n, 4, 4)  # [year, seller, region, sector]
    A[:, :, :, 1] = A[:, :, :, 0]
    Z = A.reshape(t, n, n) * x[:, None, :]
    Y = np.array(tables.Y)
    Y[..., 0] += ((x - Z.sum(axis=2) - Y.sum(axis=(2, 3))) / 4)[:, :, None]
    return replace(tables, Z=Z, Y=Y)


def test_sectors_with_the_same_inputs_are_aggregated_without_bias():
    """Then the sum buys as each of its parts (Miller and Blair 2009, chapter 4)."""
    new = {"farms": "raw", "mines": "raw", "mills": "mills", "shops": "shops"}
    tables = same_inputs(TABLES)
    both = compare_aggregation(tables, aggregate(tables, sectors=new))
    gap = difference(both)
    assert float(np.abs(gap["tbi"]).max()) < RTOL
    assert float(np.abs(gap["va_absorbed"]).max() / both["va_absorbed"].max()) < RTOL
    # Other inputs, and there is a bias.
    biased = compare_aggregation(TABLES, aggregate(TABLES, sectors=new))
    assert float(np.abs(difference(biased)["tbi"]).max()) > 1e-4


def test_both_sides_are_those_of_a_computation_of_their_own():
    small = aggregate(TABLES, regions=TO_EU, sectors=TO_GOODS)
    both = compare_aggregation(TABLES, small, regions=TO_EU)
    groups = {"EU": ["AUT", "DEU"]}
    sides = {
        "before": tx.value_added_trade(TABLES, groups=groups, by="region"),
        "after": tx.value_added_trade(small, by="region"),
    }
    absorbed = tx.value_added_trade(small)["va_absorbed"].sum("sector")
    assert_allclose(both["va_absorbed"].sel(tables="after"), absorbed, rtol=RTOL)
    for side, own in sides.items():
        part = both.sel(tables=side)
        for name in ("va_exports", "va_imports", "vax_ratio", "tbi"):
            found = part[name].sel(region=own["region"].values)
            assert_allclose(found, own[name], rtol=RTOL, atol=RTOL)
        # What is made is absorbed at home or abroad.
        total = part["va_at_home"] + part["va_exports"]
        by_origin = part["va_absorbed"].sum("absorber").rename(origin="region")
        assert_allclose(total, by_origin.transpose(*total.dims), rtol=RTOL)
    assert both.attrs["residual_max"] < 1e-11


def test_the_frame_has_both_sides_and_their_difference():
    small = aggregate(TABLES, sectors=TO_GOODS)
    both = compare_aggregation(TABLES, small)
    frame = comparison_frame(both)
    assert list(frame) == [
        "year", "region", "measure", "before", "after", "change",
    ]  # fmt: skip
    assert len(frame) == 2 * 4 * 5
    row = frame[
        (frame.year == 2001) & (frame.region == "DEU") & (frame.measure == "tbi")
    ]
    own = both["tbi"].sel(year=2001, region="DEU").values
    assert row[["before", "after"]].values.tolist() == [own.tolist()]
    assert_allclose(frame.change, frame.after - frame.before, rtol=0)


def test_the_largest_difference_of_each_region_comes_first():
    both = compare_aggregation(TABLES, aggregate(TABLES, sectors=TO_GOODS))
    gaps = difference(both)["tbi"].transpose("region", "year")
    found = largest(both)
    assert found.index.names == ["region", "year"]
    assert sorted(found.index.get_level_values("region")) == sorted(REGIONS)
    worst = np.abs(gaps.values).max(axis=1)
    assert_allclose(found.abs(), sorted(worst)[::-1], rtol=0)
    for (region, year), gap in zip(found.index.tolist(), found, strict=True):
        assert float(gaps.sel(region=region, year=year)) == gap


def test_the_figure_shows_the_range_of_years_and_the_last():
    both = compare_aggregation(TABLES, aggregate(TABLES, sectors=TO_GOODS))
    regions = largest(both).index.get_level_values("region")[:3].tolist()
    figure = differences(difference(both), regions)
    left, right = figure.axes
    assert row_labels(left) == regions
    for ax, name in ((left, "tbi"), (right, "vax_ratio")):
        gap = difference(both)[name].sel(region=regions)
        dots = np.asarray(ax.get_lines()[0].get_xdata())
        assert_allclose(dots, gap.isel(year=-1), rtol=0)
        low, high, row = segments(ax).T
        assert_allclose(low, gap.min("year"), rtol=0)
        assert_allclose(high, gap.max("year"), rtol=0)
        assert row.tolist() == [0, 1, 2]


# ------------------------------------------------------------------------------- files


def test_a_store_is_aggregated_and_compared(store, tmp_path):
    (tmp_path / "c.csv").write_text(
        "from,to\n" + "".join(f"{a},{b}\n" for a, b in TO_GOODS.items())
    )
    eu15 = "EU15"
    out, compare = tmp_path / "small", tmp_path / "compare"
    words = ("--concordance", tmp_path / "c.csv", "--groups", "EU15")
    answer = good("aggregate", store, *words, "--out", out, "--compare", compare)
    assert f"{out}: 3 regions x 3 sectors, of 4 x 4, 2 years" in answer.out
    assert "EU15 (2 of 15): the tables lack" in answer.out
    assert "TBI: largest difference" in answer.out
    small = open_store(out)
    expected = aggregate(
        TABLES, regions={**TO_EU, "AUT": eu15, "DEU": eu15}, sectors=TO_GOODS
    )
    assert small.regions == (eu15, "CHN", "ROW")
    assert_array_equal(small.Z, expected.Z)
    assert_array_equal(small.Y, expected.Y)
    assert small.tolerance == expected.tolerance and small.source == "made"
    good("check", out)
    assert_described("aggregate", compare)
    frame = pd.read_csv(compare / "comparison.csv")
    both = compare_aggregation(
        TABLES, expected, regions={**TO_EU, "AUT": eu15, "DEU": eu15}
    )
    assert_allclose(frame.change, comparison_frame(both).change, atol=1e-6)
    absorbed = pd.read_parquet(compare / "va_absorbed.parquet")
    assert len(absorbed) == 18
    manifest = json.loads((compare / "manifest.json").read_text())
    assert manifest["sectors"] == TO_GOODS and manifest["residual_max"] < 1e-11
    assert [k["path"] for k in manifest["inputs"]] == [
        str(k) for k in (store, tmp_path / "c.csv", out)
    ]


def test_a_country_is_cut_out_with_its_imports(store, tmp_path):
    good("aggregate", store, "--only", "CHN", "--out", tmp_path / "chn")
    cut = open_store(tmp_path / "chn")
    assert set(cut.regions) == {"CHN", "ROW"}
    expected = aggregate(
        TABLES, regions={k: k if k == "CHN" else "ROW" for k in TABLES.regions}
    )
    assert_array_equal(cut.Z, expected.Z)
    imports = tx.indicators(TABLES, ["IMGR"], "sector")["IMGR"].sel(region="CHN")
    own = tx.indicators(cut, ["IMGR"], "sector")["IMGR"].sel(region="CHN")
    assert_allclose(own, imports, rtol=1e-9)


def test_mistakes_are_told_and_nothing_is_written(store, tmp_path):
    out = tmp_path / "out"
    words = ("aggregate", store, "--out", out)
    (tmp_path / "world.csv").write_text(
        "from,to\n" + "".join(f"{k},WLD\n" for k in REGIONS)
    )
    world = ("--concordance", tmp_path / "world.csv")
    for more, told in (
        ((), "nothing to aggregate: give --concordance, --groups or --only"),
        (("--concordance", "no.csv"), "no.csv: no such file; built in are wiod2016"),
        (
            ("--concordance", "wiod2013-sections"),
            "wiod2013-sections: c1, c2, c3, ... are",
        ),
        ((*world, "--groups", "EU15"), f"{world[1]}: regions are aggregated already"),
        ((*world, "--compare", tmp_path / "c"), "--compare: one region is left"),
        ((*world, "--compare", out), f"--compare {out}: is --out; choose another"),
        (
            (*world, "--out", store, "--force"),
            f"--out {store}: the store itself; choose another",
        ),
        (("--only", "CHM"), "--only: no region CHM: "),
        (("--only", "ROW"), "--only ROW: all others would have the same name"),
        (
            (*world, "--compare", store, "--force"),
            f"--compare {store}: the store itself; choose another",
        ),
    ):
        assert mistake(*words, *more).startswith(told)
    assert names(tmp_path) == ["world.csv"]
    good(*words, *world)  # without a comparison, a world of one region is a table
    assert open_store(out).regions == ("WLD",)
    assert mistake(*words, *world) == f"{out}: exists already; --force replaces it"


# --------------------------------------------------------------------------- real data


@pytest.mark.shared
def test_sections_of_wiod_2013_change_the_index_of_china_by_little(shared):
    """Both sides by NumPy; -0.0119 in 2007, the largest of China's differences."""
    source = get_source("wiod2013")
    (file,) = (k for k in source.find([shared / "data" / "wiod2013"]) if k.year == 2007)
    tables = tx.stack_years(list(source.read(file)), tolerance=source.tolerance)
    new = concordances()["wiod2013-sections"].new
    both = compare_aggregation(tables, aggregate(tables, sectors=new))
    S = np.kron(np.eye(41), _section_matrix(tables.sectors, new))
    for side, matrix in (("before", np.eye(tables.n)), ("after", S)):
        Z = matrix @ tables.Z[0] @ matrix.T
        x, Y = matrix @ tables.x[0], matrix @ tables.final_demand()[0]
        A = np.divide(Z, x, out=np.zeros_like(Z), where=x > 0)
        v = np.where(x > 0, 1 - A.sum(axis=0), 0)
        T = v[:, None] * np.linalg.solve(np.eye(len(x)) - A, Y)
        T = T.reshape(41, -1, 41).sum(axis=1)
        away = T - np.diag(np.diag(T))
        X, M = away.sum(axis=1), away.sum(axis=0)
        assert_allclose(both["tbi"].sel(tables=side)[0], (X - M) / (X + M), atol=RTOL)
    gap = difference(both)["tbi"].sel(region="CHN").item()
    assert -0.013 < gap < -0.011


def _section_matrix(sectors, new):
    labels = list(dict.fromkeys(new[k] for k in sectors))
    return np.array([[float(new[k] == label) for k in sectors] for label in labels])
