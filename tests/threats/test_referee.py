"""Weights of effects and several factors as threats."""

import numpy as np
import pandas as pd
import pytest

import tivax as tx

ONLY = ["interactive effects", "weights of effects"]


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(3)
    G, T = 12, 9
    g, t = (k.ravel() for k in np.indices((G, T)))
    common = np.outer(rng.normal(size=G), rng.normal(size=T)).ravel()
    data = pd.DataFrame({"iso3": [f"C{k:02d}" for k in g], "year": 2000 + t})
    data["trade"] = common + rng.normal(size=G * T)
    data["gdp"] = rng.normal(size=G * T)
    data["growth"] = data["trade"] + common + 0.3 * rng.normal(size=G * T)
    return data


def test_rows_are_those_of_the_functions(panel):
    model = tx.Model("main", "growth", ["trade", "gdp"], treatment="trade")
    table = tx.threats(panel, model, only=ONLY, draws=0).table
    rows = table.set_index(["threat", "variant"])
    for r in (2, 3):
        fit = tx.interactive_effects(panel, "growth", ["trade", "gdp"], factors=r)
        row = rows.loc[("interactive effects", f"{r} factors")]
        assert row["estimate"] == pytest.approx(fit.terms.loc["trade", "estimate"])
        assert row["se"] == pytest.approx(fit.terms.loc["trade", "se"])
    for kind, name in (("feTR", "levels"), ("fdTR", "first differences")):
        found = tx.two_way_weights(
            panel, "growth", "iso3", "year", "trade", kind=kind, controls=["gdp"]
        )
        negative = found.cells["weight"].clip(upper=0).sum()
        row = rows.loc[("weights of effects", f"{name}, sum of negative weights")]
        assert row["estimate"] == pytest.approx(negative, abs=1e-12)
        assert "effects have a negative weight" in row["note"]


def test_a_model_with_instruments_is_refused(panel):
    model = tx.Model(
        "iv", "growth", ["gdp"], endogenous=["trade"], instruments=["gdp2"]
    )
    data = panel.assign(gdp2=panel["trade"] + panel["growth"] % 1)
    table = tx.threats(data, model, only=ONLY, draws=0).table
    notes = table.loc[table["threat"].isin(ONLY), "note"]
    assert len(notes) == 1 and notes.str.contains("least squares").all()  # told once
