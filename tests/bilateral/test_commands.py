"""`tivax gravity`, `tivax elasticities`, flows of tables, sectors and formulas."""

import warnings

import numpy as np
import pandas as pd
import pyfixest
import pytest

import tivax as tx

from commands import good, mistake
from described import assert_described
from helpers import error_of


@pytest.fixture(scope="module")
def world():
    return tx.synthetic_world(regions=6, sectors=2, years=3, seed=1)


@pytest.fixture(scope="module")
def pairs(world):
    """A treatment by year and pair of regions, without home."""
    labels = {"year": world.years, "exporter": world.regions, "importer": world.regions}
    rows = pd.MultiIndex.from_product(labels.values(), names=labels).to_frame(False)
    rows = rows[rows["exporter"] != rows["importer"]].reset_index(drop=True)
    rows["fta"] = np.random.default_rng(0).integers(0, 2, len(rows)).astype(float)
    return rows


SPEC = tx.Gravity("flow", ["fta"], adjust="none")


@pytest.mark.parametrize("flows", ["gross", "value added"])
def test_flows_of_tables_are_those_of_value_added_trade(world, pairs, flows):
    trade = tx.value_added_trade(world)
    own = trade["gross_exports"].sum("sector")
    if flows == "value added":
        own = trade["va_absorbed"]
        own = own.sum("sector") if "sector" in own.dims else own
    own = own.to_series()
    found = tx.gravity(pairs, SPEC, tables=world, flows=flows)
    keys = pd.MultiIndex.from_frame(found.data[["year", "exporter", "importer"]])
    np.testing.assert_array_equal(found.data["flow"], own.loc[keys])


def test_sectors_have_an_equation_each(world, pairs):
    both = pd.concat([pairs.assign(sector=k) for k in world.sectors])
    fits = tx.gravity(both, tx.Gravity("flow", ["fta"]), by="sector", tables=world)
    trade = tx.value_added_trade(world)["gross_exports"].sel(sector=world.sectors[1])
    one = pairs.assign(flow=0.0)
    keys = pd.MultiIndex.from_frame(one[["year", "exporter", "importer"]])
    one["flow"] = trade.to_series().loc[keys].to_numpy()
    alone = tx.gravity(one, tx.Gravity("flow", ["fta"]))
    assert fits[world.sectors[1]]["fta"] == alone["fta"]
    assert fits.tables()["gravity"]["sector"].tolist() == list(world.sectors)
    both.loc[both["sector"] == world.sectors[0], "flow"] = 0.0
    both["flow"] = both["flow"].fillna(1.0)
    says = error_of(tx.gravity, both, tx.Gravity("flow", ["fta"]), by="sector")
    assert says == f"sector {world.sectors[0]}: flow: no trade between countries"


def test_a_formula_has_the_effects_that_it_names(world, pairs):
    """Both stop at a change of 1e-12 of the deviance."""
    data = pairs.assign(flow=tx.gravity(pairs, SPEC, tables=world).data["flow"])
    data["block"] = data["exporter"].isin(world.regions[:3]).astype(int)
    data.loc[data["exporter"].eq("R01") & data["year"].eq(2000), "flow"] = 0.0
    formula = "flow ~ fta | exporter^year + importer + block^importer"
    found = tx.gravity(data, formula)
    with warnings.catch_warnings(action="ignore"):  # rows without an estimate
        ssc = pyfixest.ssc(k_adj=False)
        other = pyfixest.fepois(formula, data, vcov={"CRV1": "importer"}, ssc=ssc)
    own = found.vcov(clusters="importer")["fta"]
    assert own.estimate == pytest.approx(other.coef()["fta"], abs=1e-7)
    assert own.se == pytest.approx(other.se()["fta"], rel=1e-5)
    assert (found.n, len(found.separated)) == (len(data) - 5, 5)
    same = "flow ~ fta | exporter^year + importer^year + exporter^importer"
    cube = tx.gravity(data, SPEC)["fta"].estimate
    assert tx.gravity(data, same)["fta"].estimate == pytest.approx(cube, abs=1e-9)
    assert error_of(found.bootstrap).startswith("an equation of a formula has no cube")
    assert error_of(tx.gravity, data, "flow ~ none | year").startswith("no column none")


def test_tables_without_a_flow_name_the_row(world, pairs):
    pairs = pairs.assign(importer=pairs["importer"].replace("ROW", "XXX"))
    says = error_of(tx.gravity, pairs, SPEC, tables=world)
    assert says.startswith("the tables have no flow of 2000, R01, XXX")


@pytest.fixture(scope="module")
def folder(world, pairs, tmp_path_factory):
    place = tmp_path_factory.mktemp("gravity")
    tx.save_store(world, place / "store")
    both = pd.concat([pairs.assign(sector=k) for k in world.sectors])
    random = np.random.default_rng(1)
    both["tariff"] = random.uniform(0, 0.3, len(both))
    noise = random.normal(size=len(both)) * 0.05
    both["value"] = np.exp(noise) * (1 + both["tariff"]) ** -5.0
    both.loc[both.index[:3], "value"] = 0.0
    both.to_csv(place / "flows.csv", index=False)
    both[both["year"] == 2000].to_csv(place / "one.csv", index=False)
    start = 'data = "flows.csv"\nregressors = ["fta"]\nby = "sector"\n'
    zero = both["exporter"].eq("R01") & both["year"].eq(2000)
    both.assign(value=both["value"].mask(zero, 0)).to_csv(place / "zero.csv")
    files = {
        "gravity": f'{start}outcome = "value"\n'.replace("flows", "zero"),
        "tables": f'{start}outcome = "flow"\nstore = "store"\nflows = "value added"\n'
        'adjust = "none"\nclusters = ["exporter", "importer"]\n',
        "formula": 'data = "one.csv"\nformula = "value ~ fta | exporter + importer"\n',
        "triads": 'data = "one.csv"\n',
        "ppml": 'data = "flows.csv"\nmethod = "ppml"\nnonpositive = "drop"\n',
    }
    for name, text in files.items():
        (place / f"{name}.toml").write_text(text)
    return place


def test_gravity_writes_what_is_described(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("gravity", "tables", "formula"):
        good("gravity", f"{name}.toml", "--out", f"of-{name}")
    assert_described("gravity", *(folder / f"of-{k}" for k in ("gravity", "tables")))
    terms = pd.read_csv("of-formula/gravity.csv")
    assert terms["term"].tolist() == ["fta"]


def test_elasticities_are_what_scenarios_draw_from(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("triads", "ppml"):
        good("elasticities", f"{name}.toml", "--out", f"of-{name}")
    assert_described("elasticities", folder / "of-triads", folder / "of-ppml")
    (folder / "hat.toml").write_text(
        'kind = "exact-hat"\nstore = "store"\nyears = 2000\n'
        'elasticities = "of-triads/theta.csv"\n'
        'elasticities_covariance = "of-triads/theta_covariance.csv"\n'
        '[[variant]]\nimporters = ["R01"]\ntariff = 0.1\n'
    )
    good("scenario", "hat.toml", "--draws", "2", "--out", "hat")


def test_mistakes_of_run_files_are_one_line(folder, monkeypatch):
    monkeypatch.chdir(folder)
    wrong = {
        "regressors = []\n": "wrong.toml: data: is missing; name a table",
        'data = "flows.csv"\nformula = "y ~ x"\npair = "none"\n': "goes without",
        'data = "flows.csv"\noutcome = "value"\n': "regressors",
        'data = "flows.csv"\nregresors = "fta"\n': "unknown key regresors",
    }
    for text, says in wrong.items():
        (folder / "wrong.toml").write_text(text)
        assert says in mistake("gravity", "wrong.toml", "--out", "none")
