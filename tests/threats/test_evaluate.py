"""``tx.threats`` on made-up panels: the declared p, rows that say why, the sentence."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.estimation import LinearFit
from tivax.engine.resampling import draws_of, make_plan
from tivax.engine.threats import CATALOGUE, wild
from tivax.engine.threats.blocks import CODES, entrants, memberships
from tivax.engine.threats.evaluate import _said
from tivax.engine.threats.influence import dfbeta
from tivax.engine.threats.result import COLUMNS
from tivax.engine.threats.setting import Setting
from tivax.engine.threats.unit_roots import cips

from experiment_panels import MODEL, small_panel, two_stage_model
from helpers import error_of

# The same arithmetic in another order.
RTOL = 1e-10


@pytest.fixture(scope="module")
def strong() -> pd.DataFrame:
    """Thirty units, twelve years: the outcome is the treatment, and little else."""
    rng = np.random.default_rng(0)
    iso3 = np.repeat([f"C{k:02d}" for k in range(30)], 12)
    frame = pd.DataFrame({"iso3": iso3, "year": np.tile(range(2000, 2012), 30)})
    frame["x"], frame["control"] = rng.normal(size=(2, 360))
    frame["y"] = 50 + 2 * frame["x"] + frame["control"] + 0.3 * rng.normal(size=360)
    frame["size"] = 1 + np.abs(rng.normal(size=360))
    return frame


@pytest.fixture(scope="module")
def survivor(strong):
    model = tx.Model("strong", "y", ["x", "control"], entity="iso3", time="year")
    return tx.threats(strong, model, weights=["size"], placebos=[], draws=0)


@pytest.fixture(scope="module")
def small():
    return small_panel(countries=8, years=12, seed=3)


# ------------------------------------------------------------------------ declared p


def one(table, variant) -> dict:
    """The row of a variant."""
    (row,) = table[table["variant"] == variant].to_dict("records")
    return row


def drawn_p(panel, model, draws, seed):
    """p of the bootstrap of one model, which has its own way to the draws."""
    fitted = LinearFit.to_draw(panel, model)
    plan = make_plan(fitted, tx.schemes.Wild(weights="webb"), draws)
    t = np.abs(next(draws_of(plan, seed).windows())[:, 0])
    return fitted, (t > np.abs(plan.observed[0]) * (1 + 1e-10)).mean()


def test_the_declared_p_is_that_of_the_bootstrap_with_the_same_draws(small):
    for model in (MODEL, replace(two_stage_model(), name="iv")):
        found = tx.threats(small, model, only=["blocks left out"], draws=2_000, seed=4)
        fitted, p = drawn_p(small, model, 2_000, 4)
        first = found.table.iloc[0]
        assert float(first["wild_p_value"]) == p
        own = [first["estimate"], first["se"]]
        assert_allclose(own, [*fitted.coef, *fitted.se], RTOL)
    # The weights belong to the clusters of the panel, also where some are left out: four
    # remain, with 6^4 patterns, more than are drawn.
    found = tx.threats(small, MODEL, only=["blocks left out"], draws=1_000, seed=4)
    row = one(found.table, "developed countries")
    p = drawn_p(small, replace(MODEL, sample="developing"), 1_000, 4)[1]
    assert row["clusters"] == 4 and row["wild_p_value"] == p


@pytest.mark.parametrize("model", [MODEL, two_stage_model()], ids=["ls", "iv"])
def test_scores_of_many_clusters_are_kept_in_factors(small, model, monkeypatch):
    """The same p, also beside tests of other clusters and more controls."""
    kinds = ["blocks left out", "unit trends"]
    whole = tx.threats(small, model, only=kinds, draws=500, seed=4).table
    monkeypatch.setattr(wild, "FEW", 2)
    factors = tx.threats(small, model, only=kinds, draws=500, seed=4).table
    assert len(whole) > 5
    pd.testing.assert_series_equal(factors["wild_p_value"], whole["wild_p_value"])


def test_a_cluster_keeps_its_weights_where_the_model_does_not_have_all(small):
    """The first and the fourth country have no outcome, so that the six others are not
    the first six of the panel; placebo outcomes have the eight."""
    first = sorted(set(small["iso3"]))
    panel = small.copy()
    panel.loc[panel["iso3"].isin([first[0], first[3]]), MODEL.outcome] = np.nan
    panel["other"] = small[MODEL.outcome].to_numpy()[::-1]
    kinds = ["blocks left out", "placebo outcomes"]
    found = tx.threats(
        panel, MODEL, only=kinds, placebos=["other"], draws=2_000, seed=4
    )
    own, other = found.table.iloc[0], one(found.table, "other")
    assert (own["clusters"], other["clusters"]) == (6, 8)
    assert own["wild_p_value"] == drawn_p(panel, MODEL, 2_000, 4)[1]
    placebo = replace(MODEL, outcome="other")
    assert other["wild_p_value"] == drawn_p(panel, placebo, 2_000, 4)[1]


def test_all_patterns_are_taken_where_there_are_no_more_than_draws(small):
    four = small[small["iso3"].isin(sorted(set(small["iso3"]))[:4])]
    model = tx.Model("few", "KOFGIdj", ["TBI"], entity="iso3", time="year")
    found = tx.threats(four, model, only=["unit trends"], draws=1_296)
    again = tx.threats(four, model, only=["unit trends"], draws=1_296, seed=9)
    # All 6^4 patterns: no seed matters, p is a whole number of them.
    assert found.table["wild_p_value"].tolist() == again.table["wild_p_value"].tolist()
    assert_allclose(found.table["wild_p_value"] * 1_296 % 1, 0, atol=1e-9)


# ---------------------------------------------------------------- rows that say why


def test_a_threat_that_cannot_be_computed_says_why_and_the_others_go_on(small):
    found = tx.threats(
        small,
        MODEL,
        blocks={
            "north": ["C00", "C01"],
            "nobody": ["XXX"],
            "most": [f"C{k:02d}" for k in range(6)],
        },
        columns=["continent"],
        weights=["lnGDP", "nothing"],
        placebos=["KOFPoGIdj", "none"],
        only=["blocks left out", "weights", "placebo outcomes", "memberships"],
        draws=0,
    )
    notes = found.table.set_index("variant")["note"]
    lacking = found.table[found.table["estimate"].isna()]
    for variant, why in {
        "nobody": "none of its 1 members is in the column iso3",
        "most": "2 clusters are left for 3 regressors; it takes more clusters than "
        "regressors",
        "continent": "no column continent in the panel",
        "nothing": "no column nothing in the panel",
        "none": "no column none in the panel",
    }.items():
        assert notes[variant] == f"not computed: {why}"
    assert "holds no codes of ISO 3166-1" in notes["built-in groups"]
    assert set(lacking["note"].str[:13]) == {"not computed:"}
    assert set(found.table["variant"]) >= {"north", "GDP", "KOFPoGIdj"}
    assert tuple(found.table.columns) == COLUMNS


def test_every_threat_of_a_model_with_instruments_computes_or_says_why(small):
    found = tx.threats(small, replace(two_stage_model(), name="iv"), draws=0).table
    assert found["estimate"].notna().sum() > 10
    notes = found.loc[found["estimate"].isna(), "note"]
    assert notes.str.startswith("not computed").all()


def test_a_panel_without_years_keeps_what_needs_none(small):
    model = tx.Model("pooled", "KOFGIdj", ["TBI", "RQ"], time="", entity="iso3")
    found = tx.threats(small, model, draws=0).table
    trends = found[found["threat"] == "unit trends"]
    assert trends["note"].str.contains("takes effects of units").all()
    assert found["estimate"].notna().any()


def test_wrong_arguments_are_one_line(small):
    for wrong, text in (
        ({"model": [MODEL, MODEL]}, "model: two are called main; rename one"),
        ({"only": ["trend"]}, "only: no threat trend: "),
        ({"model": replace(MODEL, outcome="nothing")}, "model main: no column nothing"),
        (
            {"panel": small.assign(KOFGIdj=2 * small["TBI"] - small["RQ"])},
            "model main: no standard error: the regressors and the effects explain ",
        ),
    ):
        given = {"panel": small, "model": MODEL, "draws": 0, **wrong}
        assert error_of(tx.threats, **given).startswith(text)


# ------------------------------------------------------------------------ the sentence


def test_nothing_makes_a_strong_result_go_away_and_the_sentence_says_so(survivor):
    assert not survivor.gone.any()
    count = survivor.comparable.sum() - 1
    rows = survivor.rows[survivor.rows["state"] != ""]
    threats = rows["threat"].nunique() - 1  # without the model
    told = f"survives each of {threats} threats ({count} variants). The largest p is "
    assert told in survivor.sentence
    assert set(CATALOGUE) >= {"blocks left out", "Oster's delta"}
    assert "its sign turns" not in survivor.sentence


def test_a_p_below_one_of_the_draws_is_larger_than_a_small_one_without_draws(survivor):
    wild = survivor.table["wild_p_value"].mask(survivor.table["threat"] != "leads", 0.0)
    found = replace(survivor, table=survivor.table.assign(wild_p_value=wild), draws=99)
    assert "The largest p is < 0.01, the smallest effect" in found.sentence


def test_a_block_that_makes_the_result_is_named(strong):
    # Only units C00 to C11 respond; without them there is nothing.
    few = strong["iso3"] < "C12"
    noise = np.random.default_rng(1).normal(size=len(strong))
    frame = strong.assign(y=50 + 3 * strong["x"] * few + 0.5 * noise)
    model = tx.Model("twelve", "y", ["x"], entity="iso3", time="year")
    found = tx.threats(
        frame, model, blocks={"the twelve": [f"C{k:02d}" for k in range(12)]},
        only=["blocks left out", "influential clusters"], draws=0,
    )  # fmt: skip
    assert (
        "is turned or gone under 1 of 2 threats (1 of 2 variants). " in found.sentence
    )
    assert "Left out (the twelve): " in found.sentence
    assert re.search(
        r"\. Dropping \d+ of 30 clusters makes it insignif", found.sentence
    )
    assert "the fewest" not in found.sentence  # which names what was not found
    notes = found.table.set_index("variant")["note"]
    chosen = notes.filter(like="not significant by CV1")
    assert chosen.index[0].startswith("without ") and " of 30" in chosen.index[0]
    names = chosen.iloc[0].removeprefix("chosen for it: ").split(", ")
    assert all(name < "C12" for name in names)


def test_the_finding_tells_first_what_turns_the_sign(survivor):
    """Though rows that only weaken the result keep more of the variation."""
    table = survivor.table.copy()
    own = table.index[survivor.comparable & table["se"].notna().to_numpy()]
    kinds = table.loc[own].drop_duplicates("threat").index[1:5]
    table.loc[kinds, ["estimate", "se"]] = 0.1, 0.05
    table.loc[kinds, ["p_value", "wild_p_value"]] = 0.2
    table.loc[kinds, "variation_kept"] = [0.9, 0.8, 0.7, 0.2]
    table.loc[kinds[-1], "estimate"] = -1.5
    (found,) = replace(survivor, table=table).finding
    assert ". In 1 variant its sign turns. " in found
    told = [k for k in found.split(". ")[1:] if " of the variation" in k]
    assert len(told) == 3
    assert "): -1.500, p " in told[0] and ", with 20 % of the variation" in told[0]
    assert ", with 90 % of the variation" in told[1]


def test_without_a_result_there_is_none_to_go_away(strong):
    noise = np.random.default_rng(2).normal(size=len(strong))
    model = tx.Model("none", "y", ["x"], entity="iso3", time="year")
    only = ["unit trends", "influential clusters"]
    found = tx.threats(strong.assign(y=50 + noise), model, only=only, draws=0)
    assert not found.gone.any()
    # Nor are clusters chosen for what is not significant as it is.
    assert not found.table["variant"].str.contains("not significant").any()
    assert found.sentence.endswith("at 5 %: there is no result to lose.")


def test_threats_that_ask_other_questions_take_nothing_away(strong):
    found = tx.threats(
        strong,
        tx.Model("m", "y", ["x"], entity="iso3", time="year"),
        only=["unit roots"],
        draws=0,
    )
    assert found.sentence.endswith("significant; no variant asks whether it goes away.")


def test_notes_go_by_the_declared_p():
    """The lead alone stands for a treatment that lasts, too; beside it does not."""
    row = {"threat": "placebo outcome", "variant": "Z", "p_value": 0.01}
    row["wild_p_value"] = 0.2
    assert _said(row) == ""
    assert _said(row | {"wild_p_value": 0.04}) == "it responds, though it should not"
    lead = row | {"threat": "leads", "own": False, "wild_p_value": np.nan}
    alone, beside = (_said(lead | {"by_itself": k}) for k in (True, False))
    assert alone == f"{beside}, or a treatment that lasts: see the next rows"
    assert beside.endswith("predicts the outcome: a trend or the other direction")
    assert _said(lead | {"own": True}) == ""


def test_a_wild_p_is_never_0_in_a_file(strong):
    model = tx.Model("strong", "y", ["x"], entity="iso3", time="year")
    found = tx.threats(strong, model, only=["unit trends"], draws=99)
    assert (found.table["wild_p_value"] == 0).all()
    assert (found.rows["wild_p_value"] == 1 / 100).all()
    assert "p < 0.01)" in found.sentence


def test_it_prints_a_table_and_the_sentence(survivor):
    printed = repr(survivor)
    assert printed.startswith("strong: threats to x on y\n")
    assert printed.endswith(survivor.sentence)
    assert "unit trends: linear" in printed
    assert tx.to_long(survivor).equals(survivor.rows)


def test_intervals_are_of_rows_with_an_error_in_units_of_the_model(survivor):
    rows = survivor.intervals("strong")
    assert set(rows["state"]) == {"the model", "as before", "other question"}
    shown = survivor.table["se"].notna() & survivor.same_units
    assert len(rows) == shown.sum()


# ------------------------------------------------------------------------- single parts


def test_cips_is_the_mean_of_the_units_own_regressions():
    paths = np.random.default_rng(3).normal(size=(5, 14)).cumsum(axis=1)
    change, before = np.diff(paths), paths[:, :-1]
    t = []
    for dy, y in zip(change, before, strict=True):
        X = np.column_stack([y, np.ones(13), before.mean(axis=0), change.mean(axis=0)])
        b, (rss,), *_ = np.linalg.lstsq(X, dy, rcond=None)
        t.append(b[0] / np.sqrt(rss / 9 * np.linalg.inv(X.T @ X)[0, 0]))
    assert_allclose(cips(paths), np.mean(t), rtol=1e-9)


def test_what_wanders_is_told_from_what_does_not(strong):
    walk = np.random.default_rng(5).normal(size=(30, 12)).cumsum(axis=1).ravel()
    for x, wanders in ((strong["x"], False), (walk, True)):
        model = tx.Model("any", "y", ["x"], entity="iso3", time="year")
        found = tx.threats(strong.assign(x=x), model, only=["unit roots"], draws=0)
        row = one(found.table, "CIPS, null: unit roots in x")
        assert (float(row["p_value"]) > 0.05) == wanders
        assert ("not rejected" in str(row["note"])) == wanders
    still = strong.assign(x=strong["x"].where(strong["iso3"] != strong["iso3"][0], 1.0))
    found = tx.threats(still, model, only=["unit roots"], draws=0)
    assert not any("unit roots in x" in str(k) for k in found.table["variant"])


@pytest.mark.parametrize("rows", [12, 3])
def test_dfbeta_is_a_refit_also_where_clusters_hold_several_units(small, rows):
    """With ``rows`` of the first countries, so that leverage differs by country."""
    small = small[(small["iso3"] > "C02") | (small.groupby("iso3").cumcount() < rows)]
    small = small.reset_index(drop=True)
    frame = small.assign(region=small["iso3"].str[-1].astype(int) // 2)
    model = tx.Model(
        "regions", "KOFGIdj", ["TBI"], clusters="region", entity="iso3", time="year"
    )
    found = tx.threats(frame, model, only=["influential cells"], draws=0).table
    effects = pd.get_dummies(small[["iso3", "year"]].astype(str)).to_numpy(float)
    X, y = np.column_stack([small["TBI"], effects]), small["KOFGIdj"].to_numpy()
    full = np.linalg.lstsq(X, y, rcond=None)[0][0]
    without = [
        np.linalg.lstsq(np.delete(X, k, 0), np.delete(y, k), rcond=None)[0][0]
        for k in range(len(y))
    ]
    got = one(found, "without the cell of the largest DFBETA")
    gaps = full - np.array(without)
    assert_allclose(got["estimate"], full - max(np.sign(full) * gaps), rtol=1e-9)
    assert_allclose(dfbeta(Setting(frame, model).fit), gaps, atol=1e-9 * abs(full))


def test_a_country_of_a_single_year_has_no_influence(small):
    """Its effect takes all of it: no warning (an error here), and no cell named."""
    alone = small.iloc[:1].assign(iso3="ALONE", TBI=100.0)
    both = [
        tx.threats(frame, MODEL, only=["influential cells"], draws=0).table
        for frame in (small, pd.concat([small, alone], ignore_index=True))
    ]
    own, other = (one(k, "without the cell of the largest DFBETA") for k in both)
    assert own["note"] == other["note"]
    assert_allclose(own["estimate"], other["estimate"], rtol=1e-9)


def test_dated_groups_say_who_joined_when():
    joined = entrants("EU", range(2000, 2015))
    assert {k: len(v) for k, v in joined.items()} == {2004: 10, 2007: 2, 2013: 1}
    assert joined[2007] == ["BGR", "ROU"] and joined[2013] == ["HRV"]
    assert "GBR" in memberships("EU")[2013] and "GBR" not in memberships("EU")[2020]
    assert len(CODES) == 248  # ISO 3166-1 but Antarctica


def test_several_models_are_evaluated_as_one_by_one(small):
    two = [MODEL, replace(MODEL, name="economic", outcome="KOFEcGIdj")]
    both = tx.threats(small, two, only=["periods"], draws=500)
    each = [tx.threats(small, k, only=["periods"], draws=500).table for k in two]
    pd.testing.assert_frame_equal(both.table, pd.concat(each, ignore_index=True))
    assert len(both.sentence.splitlines()) == 2


def test_units_of_columns_do_not_matter(small):
    scaled = small.assign(TBI=small["TBI"] * 1e8, KOFGIdj=small["KOFGIdj"] * 1e-3)
    only = ["unit trends", "differences", "interactive effect", "robustness value"]
    one, other = (
        tx.threats(k, MODEL, only=only, draws=0).table for k in (small, scaled)
    )
    effects = one["se"].notna()
    assert_allclose(
        other.loc[effects, "estimate"] * 1e11, one.loc[effects, "estimate"], rtol=1e-6
    )
    assert_allclose(other["p_value"], one["p_value"], rtol=1e-6)
    assert_allclose(other["variation_kept"], one["variation_kept"], rtol=1e-6)


# -------------------------------------------------------------------- another measure


def test_another_measure_and_the_treatment_are_on_the_rows_that_both_have(small):
    rng = np.random.default_rng(6)
    frame = small.assign(other=0.5 * small["TBI"] + rng.normal(size=len(small)))
    frame.loc[frame["year"] == frame["year"].max(), "other"] = np.nan
    only = {"only": ["vintages"], "draws": 0}
    found = tx.threats(frame, MODEL, vintages=["other", "nothing"], **only).table
    both = frame.dropna(subset=["other"])
    for variant, rows in (
        ("TBI on the rows of other", both),
        ("other for TBI", both.assign(TBI=both["other"])),
    ):
        fitted, row = LinearFit.to_draw(rows, MODEL), one(found, variant)
        assert_allclose([row["estimate"], row["se"]], [*fitted.coef, *fitted.se], RTOL)
        assert (row["n"], row["term"]) == (len(both), "TBI")
    # The residuals of the two measures on all dummies and controls.
    D = np.column_stack(
        [pd.get_dummies(both[k], dtype=float) for k in ("iso3", "year")]
    )
    D = np.column_stack([D, both[["RQ", "INFR"]]])
    left = [both[k] - D @ (np.linalg.pinv(D) @ both[k]) for k in ("TBI", "other")]
    said = f"net of all else {np.corrcoef(*left)[0, 1]:.2f}"
    assert said in one(found, "other for TBI")["note"]
    note = one(found, "nothing")["note"]
    assert note == "not computed: no column nothing in the panel"


def test_a_panel_of_ones_own_is_not_asked_for_columns_of_the_papers():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(96, 2)), columns=["y", "x"])
    frame["land"] = np.repeat([f"Land {k}" for k in range(12)], 8)
    frame["yr"] = np.tile(range(2000, 2008), 12)
    model = tx.Model("own", "y", ["x"], entity="land", time="yr")
    notes = tx.threats(frame, model, draws=0).table["note"]
    assert not notes.str.contains("no column").any()
    assert notes.str.contains("no codes of ISO 3166-1").sum() == 1
    named = tx.threats(frame, model, draws=0, only=["memberships"]).table["note"]
    assert named.str.contains("no codes of ISO 3166-1").sum() == 1
