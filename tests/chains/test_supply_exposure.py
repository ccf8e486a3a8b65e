"""``tx.supply_exposure`` and `tivax exposure`: against literal products, files, mistakes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import tivax as tx

from commands import good, mistake
from described import assert_described
from helpers import error_of, random_tables

TABLES = random_tables(regions=4, sectors=3, years=2, seed=1)
BUYER, SUPPLIER = "R0", "R1"


@pytest.fixture(scope="module")
def found(small):
    return tx.supply_exposure(small, BUYER, SUPPLIER, cuts=[1e-6, 100])


@pytest.fixture(scope="module")
def literal(small):
    """A, B, f, v and x of the last year, four regions by three sectors."""
    Z, Y, x = (np.asarray(k[-1], float) for k in (small.Z, small.Y, small.x))
    A = Z / x
    f = Y.reshape(len(x), -1).sum(axis=1)
    return A, np.linalg.inv(np.eye(len(x)) - A), f, 1 - A.sum(axis=0), x


@pytest.fixture(scope="module")
def trade(small):
    """Exports and imports of the last year."""
    found = tx.indicators(small, ["EXGR", "IMGR"], "bilateral-sector").data
    return found.sel(year=2001)


def test_the_table_has_the_indicators_of_the_buyer(small, found):
    own = tx.indicators(small, ["FPEM", "FPEM_FACE", "FPEM_HIDDEN"], "bilateral").data
    wide = found.table.set_index(["indicator", "year", "partner"])["value"]
    for name in own.data_vars:
        if name.startswith("FPEM"):
            expected = own[name].sel(region=BUYER).to_series()
            assert_allclose(wide[name].loc[expected.index], expected, rtol=1e-9)
    assert_allclose(wide["FPEM"].groupby("year").sum(), 100, rtol=1e-12)
    assert (wide["FPEM_HIDDEN"] >= 0).all()
    pairs = own["FPEM"].sel(year=2001).to_pandas()
    assert_allclose(found.pairs, pairs.loc[found.pairs.index, found.pairs.columns])


def test_by_buying_industry_and_by_round(literal, found):
    A, B, f, *_ = literal
    through = B[3:6, :3].sum(axis=0) / B[:, :3].sum(axis=0)
    assert_allclose(found.by_industry["look_through"], 100 * through, rtol=1e-9)
    face = (np.eye(12) + A)[3:6, :3].sum(axis=0) / B[:, :3].sum(axis=0)
    assert_allclose(found.by_industry["face"], 100 * face, rtol=1e-9)
    own = np.where(np.arange(12) < 3, f, 0)
    second = (A @ A @ own)[3:6].sum()
    assert_allclose(found.rounds["value"][2], second, rtol=1e-9)
    assert_allclose(found.rounds["value"].sum(), (B @ own)[3:6].sum(), rtol=1e-9)


def test_some_sectors_of_the_buyer(small, literal):
    _, B, f, *_ = literal
    some = tx.supply_exposure(small, BUYER, SUPPLIER, sectors=["S0", "S2"], paths=1)
    own = np.where(np.isin(np.arange(12), [0, 2]), f, 0)
    whole = B @ own
    assert_allclose(
        some.shares["FPEM"], 100 * whole[3:6].sum() / whole.sum(), rtol=1e-9
    )
    assert list(some.by_industry["sector"]) == ["S0", "S2"]


def test_value_added_passes_directly_by_one_stop_or_more(trade, found, literal):
    A, B, _, v, _ = literal
    bought = trade["EXGR"].sel(partner=BUYER).values.ravel()
    held = v[3:6] @ B[3:6] * bought
    L = [np.linalg.inv(np.eye(3) - A[k : k + 3, k : k + 3]) for k in range(0, 12, 3)]
    third = found.third_countries.set_index(["via", "chain"])["value"]
    direct = v[3:6] @ L[1] @ bought[3:6]
    assert_allclose(third["R1", "direct"], direct, rtol=1e-9)
    for k in (2, 3):
        cut = slice(3 * k, 3 * k + 3)
        stop = v[3:6] @ L[1] @ A[3:6, cut] @ L[k] @ bought[cut]
        assert_allclose(third[f"R{k}", "one stop"], stop, rtol=1e-9)
    by_seller = found.third_countries.groupby("via")["value"].sum()
    assert_allclose(
        by_seller.loc[["R1", "R2", "R3"]], held.reshape(4, 3).sum(1)[1:], rtol=1e-9
    )


def test_an_extraction_costs_the_exposure_to_first_order(found, literal):
    A, B, f, v, _ = literal
    own = np.where(np.arange(12) < 3, f, 0)
    few, all_of_it = found.extraction.itertuples()
    assert_allclose(few.lost, few.first_order, rtol=1e-6)
    assert_allclose(few.first_order, 1e-6 * (B @ own)[3:6].sum() / own.sum(), rtol=1e-9)
    # Hypothetical extraction in closed form, g = B_ss^-1 x_s.
    lost = np.linalg.solve(B[3:6, 3:6], (B @ own)[3:6]).sum()
    assert_allclose(all_of_it.lost, 100 * lost / own.sum(), rtol=1e-9)
    assert all_of_it.lost_by_buyer + all_of_it.lost_by_supplier <= all_of_it.lost


def test_an_extraction_takes_a_satellite_account_along(small, literal):
    """In per cent of the account in final sales, not of US$."""
    A, B, f, _, x = literal
    intensity = np.arange(1, 13) / 7
    cells = xr.DataArray(
        (intensity * np.asarray(small.x)).reshape(2, 4, 3),
        coords={
            "year": [*small.years],
            "region": [*small.regions],
            "sector": [*small.sectors],
        },
        dims=("year", "region", "sector"),
        name="CO2",
        attrs={"units": "kt"},
    )
    found = tx.supply_exposure(small, BUYER, SUPPLIER, cuts=[100], value_added=cells)
    own = np.where(np.arange(12) < 3, f, 0)
    kept = np.where(np.arange(12) // 3 == 1, 0, 1)
    lost = B @ own - np.linalg.solve(np.eye(12) - kept[:, None] * A, kept * own)
    base, (row,) = intensity @ B @ own, found.extraction.itertuples()
    assert_allclose(row.lost, 100 * intensity @ lost / base, rtol=1e-9)
    first = intensity @ B @ ((1 - kept) * (B @ own))
    assert_allclose(row.first_order, 100 * first / base, rtol=1e-9)
    falls = f"{row.lost:.2f} % of the CO2 in final sales of R0 falls away"
    assert falls in found.sentence


def test_dependence_by_product(small, trade, found, literal):
    own = trade.sel(region=BUYER)
    by_seller = own["IMGR"].transpose("sector", "partner").values
    imports, exports = (own[k].sum("partner").values for k in ("IMGR", "EXGR"))
    table = found.by_product
    assert_allclose(table["imports"], imports, rtol=1e-9)
    assert_allclose(table["imports_to_exports"], imports / exports, rtol=1e-9)
    shares = by_seller / by_seller.sum(axis=1, keepdims=True)
    assert_allclose(table["hhi"], (shares**2).sum(axis=1), rtol=1e-9)
    assert list(table["largest_seller"]) == [
        small.regions[k] for k in shares.argmax(axis=1)
    ]
    *_, x = literal
    assert_allclose(table["home_share"], 100 * x[:3] / (x[:3] + imports), rtol=1e-9)
    assert_allclose(table["exposure"].sum(), found.shares["FPEM"], rtol=1e-9)


def test_replacing_a_supplier_costs_more_the_less_can_be_substituted(small):
    some = tx.supply_exposure(
        small, BUYER, SUPPLIER, elasticities={"S0": 2, "S1": 5}, paths=1
    )
    table = some.by_product.set_index("sector")
    share = table["share"] / 100
    assert_allclose(table["replacement_cost"]["S0"], 100 * (1 / (1 - share["S0"]) - 1))
    assert_allclose(
        table["replacement_cost"]["S1"], 100 * ((1 - share["S1"]) ** -0.25 - 1)
    )
    assert np.isnan(table["replacement_cost"]["S2"])


def test_blocs_are_the_sums_of_their_members(small, found):
    bloc = tx.supply_exposure(small, BUYER, "G", groups={"G": ["R1", "R2"]}, paths=3)
    last = found.table.query("year == 2001 and indicator == 'FPEM'").set_index(
        "partner"
    )["value"]
    assert_allclose(bloc.shares["FPEM"], last[["R1", "R2"]].sum(), rtol=1e-9)


@pytest.fixture(scope="module")
def done(store, tmp_path_factory):
    place = tmp_path_factory.mktemp("exposure")
    (place / "sigma.csv").write_text("sector,elasticity\nS0,4\nS1,2.5\n")
    (place / "error.toml").write_text(
        '[[error]]\nkind = "lognormal"\na = 0.05\nb = 0.1\n'
    )
    words = ("--elasticities", place / "sigma.csv", "--error", place / "error.toml")
    out = place / "out"
    ask = ("exposure", store, "--buyer", BUYER, "--supplier", SUPPLIER)
    return out, good(*ask, *words, "--out", out)


def test_the_command_writes_what_the_function_returns(done):
    out, answer = done
    assert_described("exposure", out, but=["figures/world"])  # a map of countries
    table = pd.read_csv(out / "exposure.csv")
    one = table[table["indicator"] == "FPEM"]
    assert (one["se"] > 0).all()
    assert_allclose(
        one["ci_high"] - one["value"], 1.959963984540054 * one["se"], rtol=1e-9
    )
    facts = json.loads((out / "manifest.json").read_text())
    paths = pd.read_csv(out / "paths.csv")
    rounds = pd.read_csv(out / "rounds.csv")
    whole = paths["value"].sum() + facts["paths_remainder"]
    assert_allclose(whole, rounds["value"].sum(), rtol=1e-10)
    assert "makes" in answer.out and "through third countries" in answer.out


@pytest.mark.parametrize(
    "words, told",
    [
        (("--buyer", "R9", "--supplier", "R1"), "buyer: no region R9"),
        (("--buyer", "R0", "--supplier", "R1", "--sectors", "S9"), "sectors: no sector S9"),
        (("--buyer", "R0", "--supplier", "R1", "--elasticities", "none.csv"), "none.csv: no such file"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_write_nothing(
    store, tmp_path, monkeypatch, words, told
):
    monkeypatch.chdir(tmp_path)
    assert mistake("exposure", store, *words, "--out", "out").startswith(told)
    assert not (tmp_path / "out").exists()


def test_names_of_countries_and_words_of_titles_are_read(tmp_path):
    names = {"regions": ("CHN", "DEU", "FRA", "USA"), "sectors": ("c1", "c14", "c20")}
    tables = replace(TABLES, source="wiod2013", **names)
    found = tx.supply_exposure(tables, "Germany", "china", sectors=["electrical"])
    assert (found.buyer, found.supplier, found.sectors) == ("DEU", "CHN", ("c14",))
    tx.save_store(tables, tmp_path / "s")
    sides = ("--buyer", "Germany", "--supplier", "China", "--sectors", "optical")
    good("exposure", tmp_path / "s", *sides, "--out", tmp_path / "o", "--no-figures")
    facts = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert (facts["buyer"], facts["sectors"]) == ("DEU", ["c14"])


def test_elasticities_of_one_or_less_and_errors_of_some_sectors(small, tmp_path):
    file = tmp_path / "sigma.csv"
    file.write_text("sector,elasticity\nS0,0.5\n")
    told = error_of(tx.supply_exposure, small, BUYER, SUPPLIER, elasticities=file)
    assert told.endswith(
        "sigma.csv: the elasticity of S0 is 0.5; give a number above 1"
    )
    some = tx.supply_exposure(small, BUYER, SUPPLIER, sectors=["S0"])
    told = error_of(some.with_errors, "rounding")
    assert told.startswith("error: standard errors are of all industries of the buyer")


def test_figures_are_titled_by_the_largest_exposures_abroad(found):
    """Home is the largest of all, and never told."""
    abroad = found.pairs.copy()
    for k in abroad:
        abroad.loc[k, k] = 0.0
    buyer, supplier = abroad.stack().idxmax()
    titles = found.titles()
    assert titles["map"].endswith(
        f": {buyer}, {abroad.loc[buyer, supplier]:.1f} % of all output that it takes from {supplier}"
    )
    most = abroad[SUPPLIER].idxmax()
    assert titles["world"].startswith(f"{most} is most exposed to {SUPPLIER}, ")
    assert f": {abroad[SUPPLIER].max():.1f} % of" in titles["world"]
