"""Error bars by one door: ``with_errors`` of every measure."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

import tivax as tx
from tivax.engine.errors import standard_errors

from described import assert_described
from helpers import error_of, small_world

ERROR = tx.table_errors.Lognormal(a=0.1, b=0.1)


@pytest.fixture(scope="module")
def world():
    return small_world(4, 3, 2)


def test_the_index_has_the_errors_of_the_closed_form(world):
    found = tx.trade_benefit_index(world).with_errors(ERROR)
    wanted = standard_errors(world, ERROR, ["tbi", "va_exports"])
    for name in ("tbi_se", "tbi_ci_low", "va_exports_se"):
        assert_allclose(found[name], wanted[name], rtol=1e-6)
    assert list(found.to_frame())[-4:] == ["tbi", "se", "ci_low", "ci_high"]


def test_indicators_have_the_errors_of_the_same_draws(world):
    found = tx.indicators(world, ["TBI", "EXGR_DVASH"], "sector")
    drawn = found.with_errors(ERROR, draws=30, seed=2)
    given = (["TBI", "EXGR_DVASH"], "sector")
    wanted = standard_errors(world, ERROR, *given, probes=30, seed=2)
    for name in map(str, wanted):
        assert_allclose(drawn[name], wanted[name], rtol=1e-12)
    assert_array_equal(drawn["TBI"], found["TBI"])


def test_terms_have_the_deviations_of_drawn_tables(world):
    found = tx.decompose(world, "bm-source", "country").with_errors(ERROR, draws=4)
    drawn = [
        tx.decompose(tx.draw_tables(world, ERROR, draw=k), "bm-source", "country")
        for k in range(4)
    ]
    deviation = pd.DataFrame([k["DVA"].values[0] for k in drawn]).std()
    assert_allclose(found["DVA_se"].values[0], deviation, rtol=1e-8)


def test_a_result_is_saved_twice_as_it_is(world, tmp_path):
    """Reading its table does not add to what its report tells."""
    found = tx.indicators(world, ["EXGR", "TBI"]).with_errors(ERROR, draws=2)
    for name in ("one", "two"):
        found.save(tmp_path / name, figures=False)
    one, two = (pd.read_csv(tmp_path / k / "indicators.csv") for k in ("one", "two"))
    pd.testing.assert_frame_equal(one, two)
    assert list(one)[-4:] == ["se", "ci_low", "ci_high", "flag"]
    facts = [
        json.loads((tmp_path / k / "manifest.json").read_text())["flags"]
        for k in ("one", "two")
    ]
    assert facts[0] == facts[1]


def test_what_has_no_errors_says_so(world):
    absorbed = tx.value_added_trade(world)["va_absorbed"]
    assert "was computed of flows" in error_of(
        tx.trade_benefit_index(absorbed).with_errors, ERROR
    )
    apart = {"groups": {"G": list(world.regions[:2])}, "apart": True}
    terms = tx.decompose(world, "bm-source", "country", **apart)
    assert "leave out apart" in error_of(terms.with_errors, ERROR)
    assert "draws" in error_of(tx.indicators(world, "TBI").with_errors, ERROR, draws=1)


# ------------------------------------------------------------------------- footprints

N, C = 12, 4


def account_of(world):
    coords = {k: list(getattr(world, f"{k}s")) for k in ("year", "region", "sector")}
    rng = np.random.default_rng(3)
    shape = [len(k) for k in coords.values()]
    values = rng.uniform(1, 5, shape) * (world.x.reshape(shape) > 0)
    return xr.DataArray(values, coords, list(coords), "CO2", {"units": "kt"})


def footprints_by_numpy(Z, x, Y, row):
    """Of a table with inputs Z for its printed output x: made, used, sold, bought."""
    scale = np.where(x > 0, 1 / np.where(x > 0, x, 1), 0)
    T = (row * scale)[:, None] * np.linalg.solve(np.eye(N) - Z * scale, Y)
    T = T.reshape(C, -1, C).sum(axis=1)
    made, used, home = T.sum(axis=1), T.sum(axis=0), np.diag(T)
    return np.stack([made, used, made - home, used - home])


def test_footprints_have_the_deviations_of_normal_draws_by_numpy(world):
    """Errors so small that all is linear; 4,000 draws know a deviation to 1.1 %."""
    account, a = account_of(world), 1e-4
    error = tx.table_errors.Lognormal(a=a, b=0.0)
    direct = account.sum("sector").rename("CO2")
    found = tx.footprints(world, account, direct).with_errors(error)
    Z, x, Y = world.Z[0], world.x[0], world.final_demand()[0]
    row, rng = account.values[0].ravel(), np.random.default_rng(1)
    draws = [
        footprints_by_numpy(
            Z * (1 + a * rng.standard_normal(Z.shape)),
            x,
            Y * (1 + a * rng.standard_normal(Y.shape)),
            row,
        )
        for _ in range(4000)
    ]
    names = "production_based consumption_based embodied_exports embodied_imports"
    for k, name in enumerate(names.split()):
        deviation = np.std([d[k] for d in draws], axis=0, ddof=1)
        assert_allclose(found[f"{name}_se"].values[0], deviation, rtol=0.05)
    assert "direct_se" not in found.data
    se = found["consumption_based_se"].values.ravel()
    assert_allclose(found.to_frame()["consumption_based_se"], se)


def test_the_footprint_of_a_group_holds_what_it_trades_within(world):
    account, codes = account_of(world), list(world.regions)
    groups = {"G": codes[:2]}
    found = tx.footprints(world, account, groups=groups).with_errors(ERROR)
    own = found["consumption_based"].sel(region="G")
    alone = tx.footprints(world, account)["consumption_based"].sel(region=codes[:2])
    assert_allclose(own, alone.sum("region"), rtol=1e-10)
    assert (found["consumption_based_se"] > 0).all()


@pytest.mark.parametrize("measure", ["consumption_based", "production_based"])
def test_the_effects_on_a_footprint_add_up_to_its_change(world, measure):
    account = account_of(world)
    asked = "footprint" if measure == "consumption_based" else measure
    found = tx.change(world, asked, value_added=account, polar=False)
    values = tx.footprints(world, account)[measure]
    first, last = (values.sel(year=k).values for k in (2000, 2001))
    assert_allclose(found.values["start"], first, rtol=1e-9)
    assert_allclose(found.by_factor.sum(axis=1), last - first, atol=1e-8 * last.max())
    slope = tx.sensitivity(world, measure, world.regions[0], value_added=account)
    assert_allclose(slope.value, last[0], rtol=1e-9)


def test_footprints_are_written_as_described(world, tmp_path):
    found = tx.footprints(world, account_of(world))
    found.with_errors(ERROR).save(tmp_path / "one")
    found.save(tmp_path / "two")
    by_sector = tx.footprints(world, account_of(world), by_sector=True)
    by_sector.save(tmp_path / "three", figures=False)
    assert_described("footprints", *(tmp_path / k for k in ("one", "two", "three")))
    assert found.sentence.startswith("In 2001 the footprint of CO2 is highest in R")
    assert "<svg" in found.report() and found.plot()
    assert "leave out by_sector" in error_of(by_sector.with_errors, ERROR)
