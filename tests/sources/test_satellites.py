"""Satellite accounts through every measure."""

import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from tivax.engine import TivaxError, WorldTables, save_store, trade_benefit_index
from tivax.engine.measures import (
    Account,
    decompose,
    indicators,
    origins,
    value_added_trade,
)
from tivax.engine.measures.methods import METHODS
from tivax.engine.sources.satellites import read_satellites
from tivax.engine.tables.satellites import idle_share

from commands import good
from helpers import error_of
from truth_files import assert_same

# A solve and sums in double precision; measured 1e-14.
RTOL = 1e-10


def account(tables: WorldTables, values: np.ndarray, name: str = "jobs"):
    shape = (len(tables.years), len(tables.regions), len(tables.sectors))
    coords = {
        "year": list(tables.years),
        "region": list(tables.regions),
        "sector": list(tables.sectors),
    }
    return xr.DataArray(
        values.reshape(shape), coords, list(coords), name, {"units": "1000 persons"}
    )


@pytest.fixture(scope="module")
def jobs(small) -> xr.DataArray:
    rng = np.random.default_rng(0)
    return account(small, np.asarray(small.x) * rng.uniform(0, 0.1, small.x.shape))


def residual(tables: WorldTables) -> np.ndarray:
    return np.asarray(tables.x) - np.asarray(tables.Z).sum(axis=1)


def test_value_added_as_an_account_is_value_added(small):
    """Methods give the same numbers either way."""
    same = account(small, residual(small))
    for method in ("wwz", "bm-sink", "bm-importer", "production"):
        own = decompose(small, method, "country", value_added=same).data
        known = decompose(small, method, "country").data
        for term in METHODS[method].terms:
            if term in known:
                assert_same(own[term].values, known[term].values, RTOL)
    own, known = (indicators(small, value_added=k).data for k in (same, "residual"))
    for name in own:
        if name not in ("residual", "identity"):
            assert_allclose(own[name], known[name], rtol=1e-9, err_msg=str(name))


def test_jobs_of_the_world_are_somewhere_absorbed(small, jobs):
    own = value_added_trade(small, jobs)
    total = own["va_absorbed"].sum("absorber")
    # x* = x: these tables balance.
    assert_same(total.values, jobs.values, RTOL)
    assert own["va_absorbed"].attrs["units"] == "1000 persons"
    assert own["gross_exports"].attrs["units"] == "million US$"


def test_flows_of_value_added_have_the_unit_of_the_account(small, jobs):
    own = indicators(small, value_added=jobs).data
    assert own["EXGR_FVA"].attrs["units"] == "1000 persons"
    assert own["EXGR"].attrs["units"] == "million US$"
    assert "PROD_VASH" not in own


@pytest.mark.parametrize("method", ["wwz", "kww", "tripartite", "bm-self"])
def test_terms_add_up_to_what_exports_hold(small, jobs, method):
    own = decompose(small, method, "country", value_added=jobs).data
    assert float(own["identity"].max()) < RTOL
    held = indicators(small, ["EXGR_DVA", "EXGR_FVA"], value_added=jobs).data
    whole = (held["EXGR_DVA"] + held["EXGR_FVA"]).values
    parts = {"bm-self": ("DC", "FC")}.get(method, tuple(METHODS[method].terms))
    assert_same(sum(own[k].values for k in parts), whole, RTOL)


@pytest.mark.filterwarnings("ignore:.*buy nothing anywhere")
def test_index_of_jobs_by_hand():
    """A and B sell each other final goods of 10; A needs 2 jobs for them, B 6."""
    Y = np.array([[[0.0, 10], [10, 0]]])
    tables = WorldTables(
        np.zeros((1, 2, 2)), Y, np.array([[10.0, 10]]), ["A", "B"], ["S"], [2000]
    )
    own = trade_benefit_index(tables, account(tables, np.array([2.0, 6])))
    assert_allclose(own["tbi"].values[0], [-0.5, 0.5], rtol=1e-12)
    traced = origins(
        tables, "exports", "B", value_added=account(tables, np.array([2.0, 6]))
    )
    assert_allclose(float(traced.sum()), 6, rtol=1e-12)


def test_output_side_takes_no_account(small, jobs):
    assert error_of(
        decompose, small, "tripartite-output", "country", value_added=jobs
    ) == (
        "method tripartite-output sets value added against output: it takes no "
        "satellite account"
    )


# ------------------------------------------------------------------------------ files


def frame(jobs: xr.DataArray) -> pd.DataFrame:
    return jobs.to_series().reset_index().assign(unit="1000 persons")


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_account_from_a_file(small, jobs, tmp_path, format):
    path = tmp_path / f"jobs.{format}"
    table = frame(jobs)
    if format == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    own = read_satellites(str(path))[0]
    assert own.name == "jobs"
    assert own.attrs["units"] == "1000 persons"
    xr.testing.assert_allclose(own, jobs)
    assert_allclose(
        trade_benefit_index(small, own)["tbi"], trade_benefit_index(small, jobs)["tbi"]
    )


def test_na_is_the_code_of_a_region(jobs, tmp_path):
    named = jobs.assign_coords(region=["NA", *jobs["region"].values[1:]])
    frame(named).to_csv(tmp_path / "jobs.csv", index=False)
    xr.testing.assert_allclose(read_satellites(tmp_path / "jobs.csv")[0], named)


@pytest.mark.parametrize(
    "change, line",
    [
        (lambda f: f.drop(columns="sector"), "needs the columns year, region, sector"),
        (lambda f: f.assign(jobs="many"), "column jobs must hold a number in every row"),
        (lambda f: pd.concat([f, f.iloc[:1]]), "2014 R0 S0 is duplicated"),
        (lambda f: f.assign(jobs=np.inf), "column jobs must hold a number in every row, but has inf for 2014 R0 S0"),
        (lambda f: pd.concat([f, 2 * f["jobs"]], axis=1), "jobs.csv: two columns are called jobs; rename one"),
        (lambda f: f.iloc[:0], "no rows below the names of the columns"),
        (lambda f: f.assign(year=f["year"].astype(str) + "-01-01"), "column year must hold whole numbers such as 2007"),
        (lambda f: f.assign(unit=["a", *["b"] * (len(f) - 1)]), "several units: a, b"),
    ],
)  # fmt: skip
def test_files_that_are_no_account_are_refused(jobs, tmp_path, change, line):
    path = tmp_path / "jobs.csv"
    made = frame(jobs)
    made["year"] = made["year"].replace(made["year"].iloc[0], 2014)
    change(made).to_csv(path, index=False)
    message = error_of(read_satellites, path)
    assert str(path) in message and line in message


@pytest.mark.parametrize(
    "options, line",
    [
        (
            {"sep": ";", "decimal": ","},
            "its columns are separated by ';'; separate them by commas, and write "
            "numbers with a point",
        ),
        (
            {"encoding": "utf-16"},
            "not a text in UTF-8; save it as UTF-8, or get it again where it was "
            "downloaded",
        ),
    ],
)
def test_a_file_of_a_spreadsheet_says_how_to_save_it(jobs, tmp_path, options, line):
    path = tmp_path / "jobs.csv"
    frame(jobs).to_csv(path, index=False, **options)
    assert error_of(read_satellites, path).removeprefix(f"{path.parent}/") == (
        f"{path.name}: {line}"
    )


def test_an_account_without_an_industry_is_refused(small, jobs):
    cut = jobs.where(~((jobs["region"] == "R2") & (jobs["sector"] == "S1")))
    year = small.years[0]

    def line(account):
        start, _, rest = error_of(trade_benefit_index, small, account).partition(": ")
        assert start == "satellite account jobs"
        return rest

    assert line(cut) == f"no number for {year} R2:S1"
    less = jobs.drop_sel(region="R3")
    assert line(less) == "has no region R3, which the tables have"
    renamed = jobs.assign_coords(region=["R0", "R1", "R2", "XXX"])
    told = line(renamed)
    assert told.startswith("has no region R3") and told.endswith(
        "; it has XXX instead: write the codes of the tables, such as ISO alpha-3"
    )
    assert line(jobs.drop_sel(year=year)) == (
        f"has no year {year}, which the tables have; choose others by years="
    )
    assert line(jobs.where(jobs["year"] != year, 0)) == (
        f"0 in every industry of {year}; leave that year out by years="
    )
    assert line(jobs.isel(region=[0, 1, 2, 3, 0])) == "region R0 is duplicated"
    told = line(jobs.sum("sector"))
    assert "needs the dims year, region, sector, not year, region" in told


@pytest.mark.filterwarnings("ignore:.*buy nothing anywhere")
def test_what_industries_without_output_have_is_told():
    x = np.array([[10.0, 10, 0, 5]])
    Y = np.zeros((1, 4, 2))
    Y[0, [0, 1, 3], [1, 0, 0]] = [10, 10, 5]
    tables = WorldTables(np.zeros((1, 4, 4)), Y, x, ["A", "B"], ["S", "T"], [2000])
    idle = account(tables, np.array([2.0, 2, 4, 2]))
    assert_allclose(idle_share(idle, tables), 0.4)
    (line,) = Account(idle).messages(tables)
    assert line == (
        "jobs, 1000 persons: 40.00 % is in industries without output and left out"
    )
    assert Account("residual").messages(tables) == []


def test_a_missed_identity_is_never_taken_for_none(small, monkeypatch):
    """NaN is no number that is small."""
    missed = replace(METHODS["wwz"], check=lambda world, terms: jnp.full(1, jnp.nan))
    monkeypatch.setitem(METHODS, "wwz", missed)
    with pytest.raises(TivaxError, match="the terms of wwz miss their identity by nan"):
        decompose(small, "wwz", "country")


# --------------------------------------------------------------------------- commands


@pytest.mark.parametrize(
    "words",
    [
        ("tbi",),
        ("decompose", "--method", "kww", "--level", "country", "--no-figures"),
        ("indicators", "--only", "TBI", "--level", "country", "--no-figures"),
    ],
    ids=lambda words: words[0],
)
def test_commands_take_an_account(small, jobs, tmp_path, words):
    save_store(small, tmp_path / "store")
    frame(jobs).to_csv(tmp_path / "jobs.csv", index=False)
    out, account = tmp_path / "out", tmp_path / "jobs.csv"
    good(words[0], tmp_path / "store", "--out", out, "--satellite", account, *words[1:])
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["value_added"] == "jobs"
    assert str(account) in {k["path"] for k in manifest["inputs"]}
    if words[0] == "tbi":
        found = pd.read_csv(out / "tbi.csv")["tbi"]
        known = trade_benefit_index(small, jobs)["tbi"].values.ravel()
        assert_allclose(found, known, rtol=RTOL)
        # Jobs cannot be set beside gross trade.
        assert not (out / "figures/va_versus_gross.svg").exists()
