"""Error bars by one door: ``with_errors`` of every measure."""

import json

import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tivax.engine as tx

from helpers import error_of, small_world

ERROR = tx.table_errors.Lognormal(a=0.1, b=0.1)


@pytest.fixture(scope="module")
def world():
    return small_world(4, 3, 2)


def test_the_index_has_the_errors_of_the_closed_form(world):
    found = tx.trade_benefit_index(world).with_errors(ERROR)
    wanted = tx.standard_errors(world, ERROR, ["tbi", "va_exports"])
    for name in ("tbi_se", "tbi_ci_low", "va_exports_se"):
        assert_allclose(found[name], wanted[name], rtol=1e-6)
    assert list(found.to_frame())[-4:] == ["tbi", "se", "ci_low", "ci_high"]


def test_indicators_have_the_errors_of_the_same_draws(world):
    found = tx.indicators(world, ["TBI", "EXGR_DVASH"], "sector")
    drawn = found.with_errors(ERROR, draws=30, seed=2)
    given = (["TBI", "EXGR_DVASH"], "sector")
    wanted = tx.standard_errors(world, ERROR, *given, probes=30, seed=2)
    for name in wanted:
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
    absorbed = tx.value_added_absorbed(world)
    assert "was computed of flows" in error_of(
        tx.trade_benefit_index(absorbed).with_errors, ERROR
    )
    apart = {"groups": {"G": list(world.regions[:2])}, "apart": True}
    terms = tx.decompose(world, "bm-source", "country", **apart)
    assert "leave out apart" in error_of(terms.with_errors, ERROR)
    assert "draws" in error_of(tx.indicators(world, "TBI").with_errors, ERROR, draws=1)
