"""Weights of two-way regressions: other software's numbers, and the sum that they are."""

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from described import assert_described
from helpers import error_of, two_way

NAMES = {"entity": "iso3", "time": "year"}


def test_numbers_of_wagepan_are_those_of_twowayfeweights(shared):
    data = pd.read_stata(shared / "data/econometrics/wagepan_twfeweights.dta")
    truth = pd.read_csv(shared / "truth/econometrics/twfe_weights_wagepan.csv")
    found = tx.referee.two_way_weights(data, "lwage", "union", entity="nr", time="year")
    table = pd.concat([found.table, found.correlation("educ")])
    values = table.set_index("number")["value"]
    expected = truth.set_index("number")["value"]
    # The tolerance of the other package's own test.
    assert values[expected.index].to_numpy() == pytest.approx(expected, abs=1e-4)
    assert "147 of 1,016 effects" in found.sentence


def _panel(seed=0, gap=False):
    """Effects of every cell its own, without errors."""
    rng = np.random.default_rng(seed)
    G, T = 7, 6
    g, t = (k.ravel() for k in np.indices((G, T)))
    D = rng.choice([0.0, 0.0, 1.0, 2.5], G * T)
    data = pd.DataFrame({"iso3": g, "year": 2000 + t, "d": D})
    data["effect"] = rng.normal(1, 1, G * T)
    data["own"] = rng.normal(1, 1, G)[g]
    base = rng.normal(size=G)[g] + rng.normal(size=T)[t]
    data["y"] = base + data["d"] * data["effect"]
    data["stable"] = base + (data["d"] * data["own"])
    return data


def test_the_estimate_is_the_weighted_sum_of_effects():
    """Without errors, exactly: of cells, and of units whose effects do not change."""
    data = _panel()
    for kind in ("feTR", "fdTR", "feS", "fdS"):
        y, effect = ("y", "effect") if kind.endswith("TR") else ("stable", "own")
        found = tx.referee.two_way_weights(data, y, **NAMES, treatment="d", kind=kind)
        weight = found.cells["weight"]
        weighted = weight @ data.loc[found.cells.index, effect]
        assert weighted == pytest.approx(found.table["value"][0], rel=1e-12)
        assert weight.sum() == pytest.approx(1, rel=1e-12)


def test_differences_that_are_given_are_those_that_are_made():
    data = _panel()
    changes = data.assign(
        dy=data.groupby("iso3")["y"].diff(), dd=data.groupby("iso3")["d"].diff()
    )
    made = tx.referee.two_way_weights(data, "y", **NAMES, treatment="d", kind="fdTR")
    given = tx.referee.two_way_weights(
        changes, "dy", **NAMES, treatment="dd", kind="fdTR", level="d"
    )
    pd.testing.assert_frame_equal(made.table, given.table)
    pd.testing.assert_frame_equal(made.cells, given.cells)


def test_controls_are_taken_out_of_the_treatment():
    data = _panel().assign(c=np.random.default_rng(5).normal(size=42))
    found = tx.referee.two_way_weights(
        data, "y", **NAMES, treatment="d", controls=["c"]
    )
    fit = two_way(data, "y", ["d", "c"])
    assert found.table["value"][0] == pytest.approx(fit.terms.loc["d", "estimate"])


def test_a_treatment_that_starts_at_once_has_equal_weights():
    """All treated units from the same period on: no negative weight, sensitivity inf."""
    data = _panel()
    data["d"] = ((data["iso3"] < 3) & (data["year"] > 2002)).astype(float)
    found = tx.referee.two_way_weights(data, "y", **NAMES, treatment="d")
    assert found.cells["weight"].to_numpy() == pytest.approx(np.full(9, 1 / 9))
    values = found.table.set_index("number")["value"]
    assert values["negative weights"] == 0
    assert values.filter(like="sensibility2").isna().all()
    assert "needs effects whose standard deviation is at least" in found.sentence


def test_sums_by_unit_and_the_files(tmp_path):
    data = _panel()
    found = tx.referee.two_way_weights(data, "y", **NAMES, treatment="d")
    assert found.by("iso3")["weight"].sum() == pytest.approx(1)
    found.save(tmp_path / "out")
    assert_described("two-way-weights", tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kind": "fe"}, "kind"),
        ({"treatment": "none"}, "no column none"),
        ({"treatment": "iso3"}, "iso3 is collinear with the effects"),
        ({"outcome": "iso3"}, "iso3 is a linear combination of the effects alone"),
        ({"level": "d"}, "level goes with fdTR and fdS"),
        ({"controls": ["d"]}, "d is duplicated"),
        ({"data": pd.concat([_panel(), _panel()[:1]])}, "0 has two rows in 2000"),
    ],
)
def test_mistakes_are_told_in_one_line(more, message):
    options = {"data": _panel(), "outcome": "y", "treatment": "d", **NAMES} | more
    assert message in error_of(tx.referee.two_way_weights, **options)
