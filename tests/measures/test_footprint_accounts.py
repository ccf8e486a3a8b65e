"""Footprints, several accounts in one run, what final demand itself emits."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from tivax.engine import WorldTables, save_store
from tivax.engine.measures import footprints
from tivax.engine.sources.satellites import read_satellites

from commands import good, mistake
from helpers import coefficients, error_of, hand_table, random_tables

# A solve and sums in double precision; measured 1e-13.
RTOL = 1e-10


def account(tables: WorldTables, values: np.ndarray, name: str) -> xr.DataArray:
    coords = {
        "year": list(tables.years),
        "region": list(tables.regions),
        "sector": list(tables.sectors),
    }
    shape = [len(k) for k in coords.values()]
    return xr.DataArray(values.reshape(shape), coords, list(coords), name)


def direct(tables: WorldTables, values: np.ndarray, name: str) -> xr.DataArray:
    coords = {"year": list(tables.years), "region": list(tables.regions)}
    return xr.DataArray(values, coords, list(coords), name)


def test_footprints_by_hand():
    """A sells B inputs of 4 (of 10); B sells A final goods of 8 (of 8)."""
    tables = hand_table([[0, 4], [0, 0]], [[6, 0], [8, 0]], ["A", "B"])
    emitted = account(tables, np.array([20.0, 5.0]), "CO2")
    own = direct(tables, np.array([[3.0, 1.0]]), "CO2")
    # All final demand is that of A: B consumes nothing but what it emits itself.
    found = footprints(tables, emitted, own).data.sel(year=2000)
    assert_allclose(found["production_based"], [23, 6], rtol=RTOL)
    assert_allclose(found["consumption_based"], [28, 1], rtol=RTOL)
    assert_allclose(found["embodied_exports"], [0, 5], rtol=RTOL)
    assert_allclose(found["embodied_imports"], [5, 0], rtol=RTOL)
    assert_allclose(found["direct"], [3, 1], rtol=RTOL)
    both = footprints(tables, emitted, own, groups=None).data
    assert_allclose(both.sum()["production_based"], both.sum()["consumption_based"])


def test_accounts_are_those_of_environmental_analysis_by_their_definition():
    """D_pba, D_cba, D_exp and D_imp from the dense inverse, final demand included;
    a group is one region."""
    tables = random_tables(regions=4, sectors=3, years=1, seed=2)
    rng = np.random.default_rng(1)
    F, F_Y = rng.uniform(size=12), rng.uniform(size=4)
    A, Y = coefficients(tables.Z[0], tables.x[0]), tables.final_demand()[0]
    T = (F / tables.x[0])[:, None] * np.linalg.inv(np.eye(12) - A) @ Y
    T = T.reshape(4, 3, 4).sum(axis=1)
    emitted = account(tables, F, "CO2")
    own = direct(tables, F_Y[None], "CO2")
    for groups, member in (
        (None, np.eye(4)),
        ({"G": ["R1", "R2"]}, np.eye(3)[[0, 1, 1, 2]]),
    ):
        found = footprints(tables, emitted, own, groups=groups).data.isel(year=0)
        whole, itself = member.T @ T @ member, member.T @ F_Y
        home = np.diag(whole)
        for name, expected in {
            "production_based": whole.sum(axis=1) + itself,
            "consumption_based": whole.sum(axis=0) + itself,
            "embodied_exports": whole.sum(axis=1) - home,
            "embodied_imports": whole.sum(axis=0) - home,
        }.items():
            assert_allclose(found[name], expected, rtol=RTOL)


# ------------------------------------------------------------------------------ files


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store, a file of two accounts, one of what final demand itself emits."""
    path = tmp_path_factory.mktemp("accounts")
    tables = random_tables(regions=3, sectors=2, years=2, seed=4)
    save_store(tables, path / "store")
    rng = np.random.default_rng(0)
    made = account(tables, rng.uniform(size=tables.x.shape), "CO2").to_series()
    frame = made.reset_index().assign(CH4=rng.uniform(size=made.size))
    frame.to_csv(path / "emissions.csv", index=False)
    frame.drop(columns="CH4").to_csv(path / "co2.csv", index=False)
    rows = [(t, r, k) for t in tables.years for r in tables.regions for k in "hg"]
    own = pd.DataFrame(rows, columns=["year", "region", "category"])
    own = own.assign(CO2=rng.uniform(size=len(own)))
    own.to_csv(path / "final.csv", index=False)
    return path


COMMANDS = {
    "tbi": (),
    "decompose": ("--method", "kww", "--level", "country"),
    "indicators": ("--only", "FFD_DVA,EXGR"),
}
TABLES = {"decompose": "decomposition.parquet", "indicators": "indicators.parquet"}


@pytest.mark.parametrize("command", COMMANDS)
def test_several_accounts_are_told_apart_by_a_column(folder, tmp_path, command):
    """And each is what it is alone."""
    words = (command, folder / "store", *COMMANDS[command])
    good(*words, "--satellite", folder / "emissions.csv", "--out", tmp_path / "two")
    words = (*words, "--no-figures", "--out", tmp_path / "one")
    good(*words, "--satellite", folder / "co2.csv")
    name = TABLES.get(command, "va_absorbed.parquet")
    two, one = (pd.read_parquet(tmp_path / k / name) for k in ("two", "one"))
    assert list(two) == ["account", *one]
    assert set(two["account"]) == {"CO2", "CH4"}
    found = two[two["account"] == "CO2"].drop(columns="account")
    assert_allclose(found.select_dtypes("float"), one.select_dtypes("float"), rtol=RTOL)
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    assert [k["value_added"] for k in manifest["accounts"]] == ["CO2", "CH4"]
    assert not (tmp_path / "two" / "figures").exists()


def test_footprints_are_written_beside_the_index(folder, tmp_path):
    read, own = (pd.read_csv(folder / f"{k}.csv") for k in ("final", "co2"))
    two, other = tmp_path / "co2.csv", tmp_path / "ch4.csv"
    own.assign(final=read["CO2"]).to_csv(two, index=False)
    own.rename(columns={"CO2": "CH4"}).to_csv(other, index=False)
    words = ("tbi", folder / "store", "--satellite", two, "--satellite", other)
    good(*words, "--out", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "footprints.csv")
    assert (table["direct"] > 0).tolist() == (table["account"] == "CO2").tolist()
    table = table[table["account"] == "CO2"]  # there is no CH4 of final demand
    (column,) = read_satellites(two, final=True)
    (apart,) = read_satellites(folder / "final.csv", final=True)
    assert_allclose(column, apart, rtol=RTOL)
    assert_allclose(table["direct"].sum(), read["CO2"].sum(), rtol=RTOL)
    given = pd.read_csv(folder / "co2.csv")["CO2"].sum() + read["CO2"].sum()
    for name in ("production_based", "consumption_based"):
        assert_allclose(table[name].sum(), given, rtol=RTOL)


def test_accounts_that_do_not_fit_are_refused(folder, tmp_path):
    two, one, final = (folder / f"{k}.csv" for k in ("emissions", "co2", "final"))
    words = ("tbi", folder / "store", "--out", tmp_path / "out")
    assert mistake(*words, "--satellite", two, "--satellite", one) == (
        f"{one}: account CO2 is also in {two}; rename one column"
    )
    many = tmp_path / "many.csv"
    pd.read_csv(two).assign(final=1.0).to_csv(many, index=False)
    assert mistake(*words, "--satellite", many) == (
        f"{many}: column final is of one account, and there are CO2, CH4; write a file "
        "for each"
    )
    once = pd.read_csv(one).assign(final=1.0)
    once.to_csv(many, index=False)
    assert mistake(*words, "--satellite", many) == (
        f"{many}: column final repeats one number in all rows of a region, and they are "
        "added up; write it in one row, the others empty"
    )
    once["final"] = once["final"].mask(once.duplicated(["year", "region"]))
    once.to_csv(many, index=False)
    (own,) = read_satellites(many, final=True)
    assert (own == 1).all()
    assert "column sector must hold a number in every row" in error_of(
        read_satellites, two, final=True
    )
