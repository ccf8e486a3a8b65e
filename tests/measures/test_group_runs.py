"""Groups that overlap: each in a run of its own (``--each-group``)."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine as tx
from tivax.engine.errors import standard_errors
from tivax.engine.measures import decomposed_years, in_groups, trade_benefit_index

from commands import good, names
from helpers import coefficients, error_of, random_tables

REGIONS = ("AUT", "CHN", "DEU", "USA", "ROW")
TABLES = replace(random_tables(regions=5, sectors=2, years=2, seed=8), regions=REGIONS)
# They overlap in CHN and DEU.
GROUPS = {"A": ["AUT", "DEU"], "B": ["CHN", "DEU", "USA"], "C": ["CHN", "USA"]}
# The iteration stops at a relative residual of 1e-12; the worst seen here is 4e-13.
RTOL = 1e-10


def absorbed_by_numpy(table):
    """diag(v) B Y by region of origin and absorber."""
    A = coefficients(table.Z, table.x)
    B = np.linalg.inv(np.eye(len(A)) - A)
    T = (1 - A.sum(axis=0))[:, None] * (B @ table.Y.sum(axis=2))
    return T.reshape(5, 2, 5).sum(axis=1)


# ----------------------------------------------------------------- trade benefit index


def test_the_index_of_overlapping_groups_is_that_of_numpy():
    found = tx.trade_benefit_index(TABLES, groups=GROUPS, apart=True).data
    assert found["region"].values.tolist() == list(GROUPS)
    for table in TABLES:
        T = absorbed_by_numpy(table)
        for name, members in GROUPS.items():
            inside = np.isin(REGIONS, members)
            sold, bought = T[inside][:, ~inside].sum(), T[~inside][:, inside].sum()
            at = found.sel(year=table.year, region=name)
            assert_allclose(at["va_exports"], sold, rtol=RTOL)
            assert_allclose(at["va_imports"], bought, rtol=RTOL)
            assert_allclose(at["tbi"], (sold - bought) / (sold + bought), atol=RTOL)


def test_everything_tbi_writes_is_that_of_a_run_with_one_group():
    together = trade_benefit_index(TABLES, groups=GROUPS, apart=True)
    for name, members in GROUPS.items():
        alone = trade_benefit_index(TABLES, groups={name: members})
        for what in ("tbi", "vax", "vax_by_sector"):
            own = getattr(alone, what).sel(region=[name])
            xr.testing.assert_equal(getattr(together, what).sel(region=[name]), own)
        partners = [k for k in REGIONS if k not in members]
        roles = ("absorbed", "origin", "absorber"), ("exports", "exporter", "importer")
        for what, seller, axis in roles:
            pairs, own = getattr(together, what), getattr(alone, what)
            sold = {seller: name, axis: [name, *partners]}
            bought = {seller: partners, axis: name}
            for side in (sold, bought):
                assert_allclose(pairs.sel(side), own.sel(side), rtol=RTOL)
            assert pairs.sel({seller: name, axis: members}).isnull().all()
            others = [k for k in GROUPS if k != name]
            assert pairs.sel({seller: name, axis: others}).isnull().all()


def test_a_dropped_region_is_no_partner_of_any_group():
    found = trade_benefit_index(TABLES, drop=["ROW"], groups=GROUPS, apart=True)
    alone = trade_benefit_index(TABLES, drop=["ROW"], groups={"A": GROUPS["A"]})
    assert_allclose(
        found.tbi["tbi"].sel(region="A"), alone.tbi["tbi"].sel(region="A"), atol=RTOL
    )
    assert "ROW" not in found.absorbed["absorber"].values


# ----------------------------------------------------------------------- decompositions


@pytest.mark.parametrize(
    "method, level, axis",
    [
        ("wwz", "bilateral-sector", "exporter"),
        ("bm-world", "country", "exporter"),
        ("ltv", "bilateral", "exporter"),
        ("bm-importer", "bilateral", "importer"),
        ("bm-importer", "country", "importer"),
    ],
)
def test_rows_of_a_group_are_those_of_a_run_with_it_alone(method, level, axis):
    found = tx.decompose(TABLES, method, level, groups=GROUPS, apart=True).data
    assert found[axis].values.tolist() == list(GROUPS)
    for name, members in GROUPS.items():
        alone = tx.decompose(TABLES, method, level, groups={name: members}).data
        own, whole = alone.sel({axis: name}), found.sel({axis: name})
        for term in alone.data_vars:
            here, there = whole[term], own[term]
            for partner in {"exporter", "importer"} & set(there.dims):
                here = here.sel({partner: there[partner].values})
            assert_array_equal(here.values, there.values)
            # What is left is no partner of this group.
            assert int(whole[term].notnull().sum()) == int(there.notnull().sum())


def test_years_are_streamed_group_by_group_with_one_count_of_progress():
    calls = []
    given = {"groups": GROUPS, "apart": True}
    parts = decomposed_years(
        TABLES, "my", "country", **given, progress=lambda *k: calls.append(k)
    )
    seen = [(str(k["exporter"].values[0]), k["year"].values.tolist()) for k in parts]
    assert seen == [(g, [y]) for g in GROUPS for y in TABLES.years]
    assert calls[-1] == (6, 6) and {k[1] for k in calls} == {6}
    assert [k[0] for k in calls] == sorted(k[0] for k in calls)


def test_a_group_cannot_be_called_as_a_region():
    groups = {"USA": ["USA", "CHN"], "X": ["AUT"]}
    for line in (
        error_of(tx.decompose, TABLES, "my", "bilateral", groups=groups, apart=True),
        error_of(decomposed_years, TABLES, "my", groups=groups, apart=True),
        error_of(trade_benefit_index, TABLES, groups=groups, apart=True),
    ):
        assert line == "group USA: a region has that code; rename the group"


def test_partners_of_a_region_are_lined_up_too():
    def compute(groups):
        ((name, members),) = groups.items()
        labels = [name, *(k for k in REGIONS if k not in members)]
        size, dims = len(labels), ("region", "partner")
        flows = 1.0 + np.arange(size**2).reshape(size, size)
        return xr.Dataset({"flow": (dims, flows)}, dict.fromkeys(dims, labels))

    overlapping = {k: GROUPS[k] for k in ("A", "B")}
    found = in_groups(compute, overlapping, REGIONS, apart=True)["flow"]
    assert found["partner"].values.tolist() == ["CHN", "USA", "ROW", "AUT", "A", "B"]
    nan = np.nan
    assert_array_equal(found, [[2, 3, 4, nan, 1, nan], [nan, nan, 3, 2, nan, 1]])


ERROR = tx.table_errors.Lognormal(a=0.3, b=0.1)


def test_names_of_built_in_groups_are_groups():
    members = {"EU15": ["AUT", "DEU"], "OECD": ["AUT", "DEU", "USA"]}
    for compute in (
        lambda **k: tx.trade_benefit_index(TABLES, **k).data,
        lambda **k: tx.value_added_trade(TABLES, by="sector", **k).data,
        lambda **k: tx.decompose(TABLES, "kww", "country", **k).data,
        lambda **k: tx.indicators(TABLES, ["TBI"], **k).data,
        lambda **k: standard_errors(TABLES, ERROR, **k),
    ):
        named = compute(groups=["EU15", "OECD"], apart=True)
        xr.testing.assert_identical(named, compute(groups=members, apart=True))
        one = compute(groups={"EU15": members["EU15"]})
        xr.testing.assert_identical(compute(groups="eu15"), one)
    line = error_of(tx.trade_benefit_index, TABLES, groups="EU72")
    assert "no group EU72" in line


def test_flows_are_grouped_too():
    flows = tx.value_added_trade(TABLES, groups=["OECD"], drop=["ROW"])
    assert flows["va_absorbed"]["absorber"].values.tolist() == ["OECD", "CHN"]
    for by in ("region", "sector"):
        whole = tx.value_added_trade(TABLES, by=by, groups=["OECD"], drop=["ROW"])
        again = tx.value_added_trade(flows, by=by)
        assert_allclose(again["vax_ratio"], whole["vax_ratio"], rtol=RTOL)
    line = error_of(tx.value_added_trade, TABLES, groups=["OECD"], apart=True)
    assert "apart: flows are of all groups" in line


def test_no_group_is_told():
    line = error_of(tx.trade_benefit_index, TABLES, groups={}, apart=True)
    assert "apart: name groups, which are" in line


# ------------------------------------------------------------------------------- files


def test_tbi_writes_rows_of_the_groups(store, tmp_path):
    out = tmp_path / "out"
    words = ("--groups", "EU15,OECD,APEC", "--each-group", "--out", out)
    answer = good("tbi", store, *words)
    assert "OECD (3 of 38): the tables lack" in answer.out
    frame = pd.read_csv(out / "tbi.csv")
    assert frame.region.tolist() == ["EU15", "OECD", "APEC"] * 2
    pairs = pd.read_parquet(out / "va_absorbed.parquet")
    assert pairs.value_added.notna().all()
    ours = pairs[(pairs.year == 2000) & (pairs.origin == "OECD")]
    assert set(ours.absorber) == {"OECD", "CHN", "ROW"}
    assert names(out / "figures") == ["tbi.pdf", "tbi.png", "tbi.svg"]
    assert json.loads((out / "manifest.json").read_text())["each_group"] is True


def test_indicators_print_the_groups_of_each_run(store, tmp_path):
    """All of them: the largest are those of several results."""
    words = ("--groups", "EU15,OECD", "--each-group", "--no-figures")
    answer = good("indicators", store, *words, "--out", tmp_path / "both", "--quiet")
    assert "EU15" in answer.out and "OECD" in answer.out and answer.err == ""
    found = pd.read_parquet(tmp_path / "both" / "indicators.parquet")
    assert set(found["region"]) == {"EU15", "OECD"}


def test_decompose_writes_the_groups_one_after_the_other(store, tmp_path):
    words = ("--method", "bm-source", "--level", "bilateral", "--format", "csv")
    both = ("--groups", "EU15,OECD", "--each-group", "--out", tmp_path / "both")
    good("decompose", store, *words, *both)
    found = pd.read_csv(tmp_path / "both" / "decomposition.csv")
    assert found.exporter.unique().tolist() == ["EU15", "OECD"]
    out = tmp_path / "OECD"
    good("decompose", store, *words, "--groups", "OECD", "--out", out, "--no-figures")
    alone = pd.read_csv(out / "decomposition.csv").query("exporter == 'OECD'")
    own = found.query("exporter == 'OECD'")
    assert own.values.tolist() == alone.values.tolist()
    manifest = json.loads((tmp_path / "both" / "manifest.json").read_text())
    assert manifest["groups"]["OECD"]["members"] == ["AUT", "DEU", "USA"]
    assert "shares.png" in names(tmp_path / "both" / "figures")
