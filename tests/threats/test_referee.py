"""Weights of effects and several factors as threats."""

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.estimation import CAPITALS

from helpers import two_way

ONLY = ["interactive effects", "weights of effects"]
MORE = ["movers", "slopes of countries", "local projections", "errors in space"]
MODEL = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")


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
    table = tx.threats(panel, MODEL, only=ONLY, draws=0).table
    rows = table.set_index(["threat", "variant"])
    for r in (2, 5):
        fit = tx.referee.interactive_effects(
            panel, "growth", ["trade", "gdp"], factors=r, entity="iso3", time="year"
        )
        row = rows.loc[("interactive effects", f"{r} factors")]
        assert row["estimate"] == pytest.approx(fit.terms.loc["trade", "estimate"])
        assert row["se"] == pytest.approx(fit.terms.loc["trade", "se"])
    for kind, name in (("feTR", "levels"), ("fdTR", "first differences")):
        found = tx.referee.two_way_weights(
            panel,
            "growth",
            "trade",
            kind=kind,
            controls=["gdp"],
            entity="iso3",
            time="year",
        )
        negative = found.cells["weight"].clip(upper=0).sum()
        row = rows.loc[("weights of effects", f"{name}, sum of negative weights")]
        assert row["estimate"] == pytest.approx(negative, abs=1e-12)
        assert "effects have a negative weight" in row["note"]


def test_what_is_biased_does_not_count_as_before(panel):
    """The true effect is 1: with factors it is as large, without them larger."""
    only = ["interactive effects", "interactive effect", "dynamics"]
    rows = tx.threats(panel, MODEL, only=only, draws=0).rows
    biased = rows["note"].str.contains("biased by short T") & (rows["estimate"] > 0.5)
    assert biased.sum() > 3 and {*rows.loc[biased, "state"]} == {""}


def test_no_share_of_variation_is_told_where_a_row_has_none():
    """Without an effect, all of the estimate is the factor's."""
    rng = np.random.default_rng(1)
    cells = pd.MultiIndex.from_product([range(20), range(9)], names=["iso3", "year"])
    data = cells.to_frame(index=False)
    common = np.outer(rng.normal(size=20), rng.normal(size=9)).ravel()
    data["trade"] = common + 0.5 * rng.normal(size=180)
    data["growth"] = common + 0.3 * rng.normal(size=180)
    model = tx.Model("main", "growth", ["trade"], entity="iso3", time="year")
    (text,) = tx.threats(data, model, only=["interactive effects"], draws=999).finding
    assert "Interactive effects (" in text and "of the variation left" not in text


def test_factors_that_leave_no_degrees_of_freedom_are_refused(panel):
    few = panel[(panel["iso3"] < "C09") & (panel["year"] < 2007)]
    table = tx.threats(few, MODEL, only=["interactive effects"], draws=0).table
    rows = table.set_index("variant")
    assert np.isfinite(rows.loc["3 factors", "se"])
    # 63 rows less 15 of effects less 48 of factors, and less 55.
    for r in (4, 5):
        row = rows.loc[f"{r} factors"]
        wanted = f"not computed: 63 rows are too few for effects and {r} factors"
        assert row["note"] == wanted and np.isnan(row["estimate"])


def test_further_rows_are_those_of_the_functions(panel):
    codes = dict(zip(sorted(panel["iso3"].unique()), sorted(CAPITALS), strict=False))
    data = panel.assign(iso3=panel["iso3"].map(codes))
    table = tx.threats(data, MODEL, only=MORE, draws=0).table
    rows = table.set_index(["threat", "variant"])

    def assert_row(threat: str, variant: str, wanted: pd.Series) -> None:
        for name in ("estimate", "se", "p_value"):
            assert rows.loc[(threat, variant), name] == pytest.approx(wanted[name])

    moved = tx.referee.movers(
        data, "growth", "trade", controls=["gdp"], entity="iso3", time="year"
    ).chosen
    for _, row in moved.iterrows():
        assert_row("movers", str(row["estimand"]), row)
    slopes = tx.referee.country_slopes(
        data, "growth", ["trade", "gdp"], entity="iso3", time="year"
    ).table
    assert_row("slopes of countries", "mean group", slopes.iloc[0])
    vcov = tx.Conley(2000)
    fit = two_way(data, "growth", ["trade", "gdp"], vcov=vcov)
    assert_row("errors in space", "Conley, 2,000 km", fit.terms.loc["trade"])
    means = tx.referee.spatial_errors(
        data, "growth", ["trade", "gdp"], entity="iso3", time="year"
    ).means
    assert_row("errors in space", "between countries, SCPC", means.iloc[0])
    found = tx.referee.local_projections(
        data, "growth", "trade", controls=["gdp"], entity="iso3", time="year"
    ).table
    assert_row("local projections", "a change, at once", found.iloc[1])
    assert rows.loc[("local projections", "a large change, at once"), "n"] > 0


def test_units_without_a_capital_have_one_row_that_says_so(panel):
    table = tx.threats(panel, MODEL, only=["errors in space"], draws=0).table
    assert len(table) == 2
    assert "no capital of C00 is known" in table["note"].iloc[1]


def test_a_model_with_instruments_is_refused(panel):
    model = tx.Model(
        "iv",
        "growth",
        ["gdp"],
        endogenous=["trade"],
        instruments=["gdp2"],
        entity="iso3",
        time="year",
    )
    data = panel.assign(gdp2=panel["trade"] + panel["growth"] % 1)
    table = tx.threats(data, model, only=ONLY, draws=0).table
    notes = table.loc[table["threat"].isin(ONLY), "note"]
    assert len(notes) == 1 and notes.str.contains("least squares").all()  # told once


def test_a_staggered_treatment_has_the_row_of_its_imputation(panel):
    """Its wild p is of the draws of the other rows; imputation draws its own."""
    panel = panel.copy()
    since = panel["year"] - panel["year"].min()
    first = panel["iso3"].map(
        dict(zip(panel["iso3"].unique(), (3, 5, 7), strict=False))
    )
    panel["policy"] = (since >= first).astype(float)
    model = tx.Model("policy", "growth", ["policy"], entity="iso3", time="year")
    found = tx.threats(panel, model, only=["staggered treatment"], draws=9_999)
    (row,) = found.table[found.table["threat"] == "staggered treatment"].to_dict(
        "records"
    )
    own = tx.referee.imputation(
        panel, "growth", "policy", draws=9_999, entity="iso3", time="year"
    ).findings()
    for name in ("estimate", "se", "p_value"):
        assert row[name] == pytest.approx(own[name], rel=1e-12)
    assert row["wild_p_value"] == pytest.approx(own["wild_p_value"], abs=0.02)
    assert "3 adopters" in row["note"]
    found = tx.threats(panel, MODEL, only=["staggered treatment"], draws=0).table
    assert "imputation takes a policy of 0 that becomes 1" in found["note"].iloc[-1]
