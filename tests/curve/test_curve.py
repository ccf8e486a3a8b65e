"""Specification curves: refits by hand with every dummy, the joint tests, what is refused."""

import re
from dataclasses import replace
from itertools import product

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import tivax as tx
from tivax.engine.core import percent_text
from tivax.engine.curve.choices import contestable
from tivax.engine.curve.joint import JointTest, critical, normal_deviate
from tivax.engine.estimation import LinearFit
from tivax.engine.resampling import draws_of, make_plan
from tivax.kernels.random_draws import block_key, webb
from tivax.kernels.specifications import Choice, fit_of_base

from experiment_panels import small_panel, two_stage_model
from helpers import error_of, matrix_by_matrix, two_way

# Products of columns of length 1 against the pseudo-inverse of all dummies, in panels of
# a hundred rows.
RTOL = 1e-10
DRAWS = 60
CODES = "AUT BEL CZE EST HUN DEU FRA POL USA".split()
MODEL = tx.Model("main", "KOFGIdj", ["TBI", "RQ", "INFR"], entity="iso3", time="year")
CHOICES = {
    "controls": "subsets",
    "effects": [["iso3", "developed^year"], ["iso3[year]", "year"]],
    "sample": ["without EU entrants of 2004"],
    "weights": ["lnGDP"],
    "lag": [1],
    "outcome": ["KOFEcGIdj"],
    "treatment": ["other"],
    "RQ": ["RQ_new"],
}
# Trends and years of groups of nine countries leave few rows: see ``test_rows_that``.
SHOWN = {k: CHOICES[k] for k in ("controls", "effects", "sample", "weights", "lag")}


@pytest.fixture(scope="module")
def panel():
    """Nine countries of which four join the EU in 2004; a year and a control are missing
    here and there."""
    frame = small_panel(countries=9, years=10, seed=5)
    names = sorted(set(frame["iso3"]))
    frame["iso3"] = frame["iso3"].map(dict(zip(names, CODES, strict=True)))
    frame["year"] = frame["year"] - frame["year"].min() + 2000
    rng = np.random.default_rng(8)
    frame["other"] = frame["TBI"] + 0.3 * rng.normal(size=len(frame))
    frame["RQ_new"] = frame["RQ"] + 0.2 * rng.normal(size=len(frame))
    frame.loc[[3, 40], "RQ"] = np.nan
    return frame.drop(index=[17, 71])


@pytest.fixture(scope="module")
def found(panel):
    return tx.specification_curve(panel, MODEL, choices=SHOWN, draws=DRAWS, seed=3)


@pytest.fixture(scope="module")
def weights():
    """Webb's weights of the panel's countries, in alphabetical order."""
    with jax.enable_x64(True):
        return np.asarray(webb(block_key(3, 0), len(CODES)))[:, :DRAWS]


# ------------------------------------------------------------------------ refits by hand


def dummies(labels) -> np.ndarray:
    labels = np.asarray(labels)
    return (labels[:, None] == np.unique(labels)[None, :]).astype(float)


def literal(frame, chosen, weights):
    """Coefficient, CV1 and, by draw, (effect, t) of restricted wild refits.

    Every effect is a dummy, every trend a column, every weight a root on the row.
    """
    frame = frame.sort_values(["iso3", "year"]).copy()
    past = frame.set_index(["iso3", "year"])["TBI"]
    earlier = pd.MultiIndex.from_arrays(
        [frame["iso3"], frame["year"] - int(chosen["lag"])]
    )
    frame["x"] = past.reindex(earlier).to_numpy()
    mean = np.exp(frame["lnGDP"]).groupby(frame["iso3"]).transform("mean")
    frame["w"] = 1.0 if chosen["weights"] == "none" else mean
    if chosen["sample"].startswith("without"):
        frame = frame[~frame["iso3"].isin(["CZE", "EST", "HUN", "POL"])]
    controls = {
        "all": ["RQ", "INFR"], "none": [], "RQ": ["RQ"], "INFR": ["INFR"],
    }[chosen["controls"]]  # fmt: skip
    frame = frame.dropna(subset=["KOFGIdj", "x", *controls])
    years = dummies(frame["year"])
    if "developed" in chosen["effects"]:
        years = dummies(frame["developed"].astype(str) + frame["year"].astype(str))
    units = dummies(frame["iso3"])
    D = [units, years]
    if "[year]" in chosen["effects"]:
        D.append(units * (frame["year"].to_numpy() - 2000)[:, None])
    root = np.sqrt(frame["w"] / frame["w"].mean()).to_numpy()[:, None]
    W = np.hstack([*D, frame[controls].to_numpy(float)]) * root
    X = np.hstack([frame[["x"]].to_numpy(float) * root, W])
    y = frame["KOFGIdj"].to_numpy(float) * root[:, 0]
    group = np.searchsorted(CODES_SORTED, frame["iso3"])
    G, N = len(set(group)), len(y)
    k = np.linalg.matrix_rank(X) - G + 1
    correction = G / (G - 1) * (N - 1) / (N - k)
    # Dummies of units and years are collinear: what rounding leaves of that is 1e-15.
    pinv = np.linalg.pinv(X, 1e-10)
    of_W = W @ np.linalg.pinv(W, 1e-10)

    def fit(y):
        u = y - X @ (pinv @ y)
        scores = np.bincount(group, pinv[0] * u, minlength=len(CODES))
        return pinv[0] @ y, np.sqrt(correction * (scores**2).sum())

    fitted = of_W @ y
    draws = [fit(fitted + (y - fitted) * v[group]) for v in weights.T]
    coef, se = fit(y)
    return coef, se, N, G, np.array([(b, b / s) for b, s in draws])


CODES_SORTED = sorted(CODES)


@pytest.fixture(scope="module")
def refits(panel, found, weights):
    """The literal refit of every specification that has numbers."""
    return {k: literal(panel, row, weights) for k, row in found.estimated.iterrows()}


def test_every_specification_is_the_refit_with_all_dummies(found, refits):
    rows = found.estimated
    assert len(rows) > 60
    assert set(rows["effects"]) == {
        "iso3 + year", "iso3 + developed^year", "iso3[year] + year",
    }  # fmt: skip
    own = np.array([refits[k][:4] for k in rows.index])
    names = ["estimate", "se", "n", "clusters"]
    assert_allclose(rows[names].to_numpy(float), own, rtol=RTOL)
    half = stats.t.ppf(0.975, own[:, 3] - 1) * own[:, 1]
    assert_allclose(rows["ci_low"], own[:, 0] - half, rtol=1e-8)
    p = 2 * stats.t.sf(np.abs(own[:, 0] / own[:, 1]), own[:, 3] - 1)
    assert_allclose(rows["p_value"], p, rtol=1e-8)


def test_specifications_call_lapack_for_one_matrix_at_a_time():
    zeros = jax.numpy.zeros
    choices = Choice(zeros((16, 32)), zeros(16, int), zeros(16, int))
    given = matrix_by_matrix(fit_of_base.lower(zeros((41, 32, 48)), choices))
    assert any("tensor<32x32x" in k for k in given)


def test_the_declared_p_is_the_share_of_literal_draws_above(found, refits):
    own = [
        (np.abs(draws[:, 1]) > abs(coef / se) * (1 + 1e-10)).mean()
        for coef, se, _, _, draws in refits.values()
    ]
    assert_allclose(found.estimated["wild_p_value"], own, rtol=1e-12)


@pytest.mark.parametrize("of", ["none", "GDP"])
def test_the_joint_statistics_are_those_of_literal_draws(found, refits, of):
    """Median, share and Stouffer's Z of the data and of every draw, from the refits;
    those with weights are a curve of their own."""
    own = (found.estimated["weights"] == of).to_numpy()
    coef, se, _, G = np.array([k[:4] for k in refits.values()])[own].T
    every_effect, t = np.array([k[4] for k in refits.values()]).transpose(2, 0, 1)
    effects, t = every_effect[own], t[own]
    every = np.column_stack([t, coef / se])
    # p of a draw among the draws of its specification, and of the data.
    above = np.abs(t)[:, None, :] > np.abs(every)[:, :, None] * (1 + 1e-10)
    significant = above.mean(axis=2) <= 0.05
    up = (significant & (every > 0)).sum(axis=0)
    down = (significant & (every < 0)).sum(axis=0)
    p = stats.t.sf(np.abs(every), (G - 1)[:, None])
    z = np.sign(every) * stats.norm.isf(p)
    of_draws = np.array(
        [
            [*np.median(effects, axis=0), np.median(coef)],
            np.maximum(up, down) / len(coef),
            z.sum(axis=0) / np.sqrt(len(coef)),
        ]
    )
    drawn, observed = of_draws[:, :-1], of_draws[:, -1]
    tests = found.tests[found.tests["weights"] == of]
    # z is read from a table, to 1e-5 each.
    assert_allclose(tests["estimate"], observed, rtol=1e-6, atol=1e-4)
    expected = np.quantile(drawn, [0.025, 0.5, 0.975], axis=1).T
    columns = ["null_low", "null_median", "null_high"]
    assert_allclose(tests[columns], expected, rtol=1e-6, atol=1e-4)
    reached = (np.abs(drawn) >= np.abs(observed)[:, None] * (1 - 1e-9)).sum(axis=1)
    assert_allclose(tests["p_value"], (1 + reached) / (1 + DRAWS), rtol=1e-12)
    ranked = np.sort(every_effect, axis=0)
    ranked = np.quantile(ranked, [0.025, 0.5, 0.975], axis=1)
    assert_allclose(
        found.null[["null_low", "null_median", "null_high"]], ranked.T, rtol=1e-8
    )


def test_a_curve_of_one_specification_is_the_wild_bootstrap(panel):
    found = tx.specification_curve(panel, MODEL, choices={}, draws=500, seed=3)
    fitted = LinearFit.to_draw(panel, MODEL)
    plan = make_plan(fitted, tx.schemes.Wild(weights="webb"), 500)
    t = np.abs(next(draws_of(plan, 3).windows())[:, 0])
    p = (t > np.abs(plan.observed[0]) * (1 + 1e-10)).mean()
    (row,) = found.table.to_dict("records")
    own = [*fitted.coef, *fitted.se]
    assert_allclose([row["estimate"], row["se"]], own, rtol=RTOL)
    assert row["wild_p_value"] == p and row["chosen"]
    # Stouffer's Z of one specification is its z: its p counts the data among the draws.
    tests = found.tests.set_index("statistic")["p_value"]
    assert_allclose(tests["Stouffer Z"], (1 + 500 * p) / 501, rtol=1e-12)


def test_few_clusters_have_all_patterns(panel):
    four = panel[panel["iso3"].isin(CODES[:4])]
    model = replace(MODEL, regressors=("TBI", "RQ"))
    one = tx.specification_curve(four, model, choices={}, draws=2_000, seed=1)
    assert one.exact and one.draws == 6**4
    assert one.tests["mc_error"].tolist() == [0, 0, 0]
    # The data are one of the patterns, and so is their mirror image.
    assert (one.tests["p_value"] >= 2 / 6**4 - 1e-12).all()


# ----------------------------------------------------------------- the pieces, by hand


def test_the_critical_value_leaves_five_in_a_hundred_above():
    sizes = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
    assert_allclose(critical(sizes), 95, rtol=1e-9)
    assert_allclose(critical(np.arange(1.0, 20.0)), 19, rtol=1e-9)


def test_z_has_the_p_of_t():
    t = np.array([-40.0, -3.3, -1e-3, 0.0, 0.7777, 2.0, 31.9])
    for df in (3, 18, 40):
        z = np.sign(t) * stats.norm.isf(stats.t.sf(np.minimum(np.abs(t), 32), df))
        assert_allclose(normal_deviate(t, df), z, atol=1e-5)


def test_p_counts_the_data_among_the_draws():
    drawn = np.array([[1.0, -3.0, 2.0, 0.5]] * 3)
    made = JointTest(np.array([2.0, -2.0, 4.0]), drawn)
    assert_allclose(made.p(exact=False), [3 / 5, 3 / 5, 1 / 5])
    assert_allclose(made.p(exact=True), [2 / 4, 2 / 4, 0])


# ------------------------------------------------------------------------- size, power


def test_no_effect_is_rejected_about_as_often_as_it_should_be():
    """Twenty panels without an effect: of tests at 5 % more than three reject in one set
    of sixty (p .016); a test that is not valid rejects in many more."""
    rejected = np.zeros(3)
    choices = {"controls": "subsets", "effects": [["iso3", "developed^year"]]}
    for seed in range(20):
        panel = small_panel(countries=12, years=6, seed=seed)
        rng = np.random.default_rng(seed)
        # Serial correlation in both, none between them.
        for name in ("TBI", "KOFGIdj"):
            steps = rng.normal(size=(12, 6)).cumsum(axis=1)
            panel[name] = steps.ravel()
        found = tx.specification_curve(panel, MODEL, choices=choices, draws=199)
        rejected += found.tests["p_value"].to_numpy() <= 0.05
    assert (rejected <= 3).all()


def test_an_effect_that_is_there_is_found_by_all_three():
    panel = small_panel(countries=12, years=6, seed=3)
    panel["KOFGIdj"] = panel["KOFGIdj"].mean() + 40 * panel["TBI"] + panel["RQ"]
    panel["KOFGIdj"] += np.random.default_rng(0).normal(size=len(panel))
    choices = {"controls": "subsets", "effects": [["iso3", "developed^year"]]}
    found = tx.specification_curve(panel, MODEL, choices=choices, draws=199)
    assert (found.tests["p_value"] == 1 / 200).sum() >= 2
    assert "): chance is an unlikely explanation. " in found.sentence
    assert found.estimated["estimate"].min() > 0


# -------------------------------------------------------------------------- the table


def test_every_combination_is_a_row_and_the_model_is_the_first(panel):
    choices = {**CHOICES, "years": ["2002-2009"]}
    choices["effects"] = choices["effects"][:1]
    found = tx.specification_curve(panel, MODEL, choices=choices, draws=9)
    table = found.table
    assert len(table) == found.combinations == 4 * 2**8
    names = [*choices]
    assert not table.duplicated(names).any()
    first = table.iloc[0]
    assert first["chosen"] and table["chosen"].sum() == 1
    assert first[names].tolist() == [
        "all", "iso3 + year", "all", "none", "0", "KOFGIdj", "TBI", "RQ", "2000-2009",
    ]  # fmt: skip
    # A control that stands in for one that is not there is the same regression.
    same = table["same_as"].notna()
    assert same.sum() == 2 * 2**7
    assert set(table.loc[same, "controls"]) == {"none", "INFR"}
    number = table.loc[same, "same_as"].iloc[0]
    assert table.loc[same, "note"].iloc[0].endswith(f"as specification {number}")
    twin = table.iloc[number - 1]
    differ = [k for k in names if twin[k] != table.loc[same].iloc[0][k]]
    assert differ == ["RQ"]


def test_what_cannot_be_fitted_says_why_and_the_others_go_on(panel):
    frame = panel.assign(
        fixed=panel["iso3"].str.len() + (panel["iso3"] == "AUT"), twice=2 * panel["RQ"]
    )
    choices = {
        "controls": [["fixed"], ["RQ", "twice"], ["other"]],
        "treatment": ["other"],
        "sample": ["only EU entrants of 2004", "only FEW"],
        "outcome": ["RQ"],
    }
    few = {"FEW": ["AUT", "BEL", "USA"]}
    model = replace(MODEL, regressors=("TBI", "INFR"))
    found = tx.specification_curve(frame, model, choices=choices, blocks=few, draws=19)
    notes = found.table.set_index([*choices])["note"]
    for place, why in {
        ("fixed", "TBI", "all", "KOFGIdj"): "fixed is explained by the effects",
        ("RQ, twice", "TBI", "all", "KOFGIdj"): "its regressors are collinear",
        ("other", "other", "all", "KOFGIdj"): "other is twice among its columns",
        ("RQ, twice", "TBI", "all", "RQ"): "RQ is twice among its columns",
        ("all", "TBI", "only EU entrants of 2004", "KOFGIdj"): "",
    }.items():
        assert notes[place] == why
    lone = notes["RQ, twice", "TBI", "only FEW", "KOFGIdj"]
    assert lone.startswith("3 clusters are left")
    lost = int((found.table["note"] != "").sum())
    assert f"{lost} more cannot be estimated" in found.sentence
    assert len(found.null) == len(found.estimated) == len(found.table) - lost


def test_too_many_combinations_are_drawn_at_random_with_the_model_among_them(panel):
    made = [
        tx.specification_curve(panel, MODEL, choices=SHOWN, most=20, draws=9, seed=seed)
        for seed in (1, 1, 2)
    ]
    names = [*SHOWN]
    one, again, other = (k.table for k in made)
    pd.testing.assert_frame_equal(one, again)
    assert len(one) == len(other) == 20
    assert one["chosen"].tolist() == [True, *[False] * 19]
    assert not one[names].equals(other[names])
    every = {
        tuple(k)
        for k in product(
            ["all", "none", "RQ", "INFR"],
            ["iso3 + year", "iso3 + developed^year", "iso3[year] + year"],
            ["all", "without EU entrants of 2004"],
            ["none", "GDP"],
            ["0", "1"],
        )
    }
    assert set(map(tuple, one[names].to_numpy())) <= every
    assert made[0].combinations == len(every)
    assert "drawn at random from 96 combinations" in made[0].sentence


def test_models_of_one_call_have_the_same_draws_and_curves_of_their_own(panel):
    other = replace(MODEL, name="economic", outcome="KOFEcGIdj")
    choices = {"controls": "subsets", "lag": [1]}
    sound = {"choices": choices, "draws": 99, "seed": 4}
    both = tx.specification_curve(panel, [MODEL, other], **sound)
    for model in (MODEL, other):
        alone = tx.specification_curve(panel, model, **sound)
        rows = both.table[both.table["model"] == model.name].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone.table)
        tests = both.tests[both.tests["model"] == model.name].reset_index(drop=True)
        pd.testing.assert_frame_equal(tests, alone.tests)
        assert both.page().sentences[model.name] == alone.sentence


def test_options_by_choice_and_the_sentence_come_from_the_rows(found):
    rows, options = found.estimated, found.by_option
    assert (options.groupby("choice")["specifications"].sum() == len(rows)).all()
    one = options[options["option"] == "GDP"].iloc[0]
    own = rows[rows["weights"] == "GDP"]
    assert_allclose(
        one[["median", "lowest", "highest"]].astype(float),
        [own["estimate"].median(), own["estimate"].min(), own["estimate"].max()],
        rtol=1e-12,
    )
    apart = options.groupby("choice")["median"].agg(lambda k: k.max() - k.min())
    told = rf"moves the median most is {apart.idxmax()} \(.+: \S+; .+: \S+\)\."
    assert re.search(told, found.sentence)
    bare = rows["weights"] == "none"
    assert f" of {bare.sum()} specifications without weights, with a" in found.sentence
    told = "Weighted by GDP, a curve of its own whose tests can reject too often"
    assert told in found.sentence
    significant = rows[bare & (rows["wild_p_value"] <= 0.05)]
    side = (np.sign(significant["estimate"])).value_counts().max()
    assert f"significant in {percent_text(side / bare.sum())} of" in found.sentence
    # Of two specifications a draw has 0, 1/2 or 1, so that 1 may be the share of more
    # than one draw in forty that 97.5 % of them do not exceed.
    tests = found.tests.set_index(["weights", "statistic"])
    high = tests.loc[("none", "share significant"), "null_high"]
    assert f"97.5 % of draws have at most {percent_text(high)} significant" in (
        found.sentence
    )
    assert str(found).count("main: ") == 2


def test_by_default_the_choices_are_those_that_the_panel_allows_of(panel):
    found = tx.specification_curve(panel, MODEL, draws=9)
    assert found.choices == (
        "controls", "form", "effects", "sample", "weights", "lag",
    )  # fmt: skip
    assert set(found.table["sample"]) == {"all", "without EU entrants of 2004 to 2007"}
    bare = panel[["iso3", "year", "KOFGIdj", "TBI"]].assign(iso3="C" + panel["iso3"])
    model = replace(MODEL, regressors=("TBI",))
    found = tx.specification_curve(bare, model, draws=9)
    assert found.choices == ("form", "effects", "lag")


def test_entrants_are_left_out_by_default_where_there_are_some_and_others(panel):
    """A panel of Latin America has none; one of entrants alone would have no rows."""
    model = replace(MODEL, regressors=("TBI",))
    codes = sorted(panel["iso3"].unique())
    for own in ("ARG BOL BRA CHL COL CRI DOM ECU GTM HND".split(), ["CZE", "POL"]):
        new = dict(zip(codes, own, strict=False))
        frame = panel.assign(iso3=panel["iso3"].map(new)).dropna(subset="iso3")
        assert "sample" not in contestable(frame, model)
    assert "sample" in contestable(panel, model)


# ------------------------------------------------------------------------------ refused

REFUSED = {
    "choices: no choice 'control': did you mean controls": {"control": ["RQ"]},
    "no column nothing in the data": {"treatment": ["nothing"]},
    'choices, controls: write "subsets", "one left out" or lists': {"controls": "some"},
    "choices, effects: give lists such as": {"effects": "year"},
    "no column group in the panel, nor a partition": {"effects": [["iso3", "group^year"]]},
    "choices, sample: no column rich in the panel": {"sample": ["rich"]},
    "choices, sample: no block EU": {"sample": ["without EU"]},
    "choices, sample: nobody in the sample is in BRICS": {"sample": ["without BRICS"]},
    "choices: years 2009-2002: the first year is after": {"years": ["2009-2002"]},
    "choices, years: the panel has none of 1960-1970": {"years": ["1960-1970"]},
    "choices, lag: give a list of whole years": {"lag": [0.5]},
    "hold the outcome or the treatment": {"controls": [["TBI"]]},
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_a_choice_that_cannot_be_is_refused_in_one_line(message, panel):
    choices = REFUSED[message]
    line = error_of(tx.specification_curve, panel, MODEL, choices=choices, draws=9)
    assert message in line and line.startswith("model main: ")


def test_a_column_that_the_panel_lacks_is_named(panel):
    own = panel.rename(columns={"iso3": "country"})
    line = error_of(tx.specification_curve, own, MODEL, draws=9)
    assert line.startswith("model main: no column iso3 in the data; it has ")
    assert 'name yours: entity = "country", time = "yr", clusters = "country"' in line


def test_models_that_have_no_curve_are_refused(panel):
    for model, message in (
        (two_stage_model(), "the model has instruments"),
        (replace(MODEL, treatment=("TBI", "RQ")), "the model has several treatments"),
        ([MODEL, MODEL], "two are called main"),
        (replace(MODEL, sample="developed", regressors=tuple("TBI RQ INFR TFP lnGDP lnPOP lnCK".split())), "clusters are left for"),
    ):  # fmt: skip
        line = error_of(tx.specification_curve, panel, model, choices={}, draws=9)
        assert message in line


# ------------------------------------------------------------------------ the paper's data


def test_rows_of_the_papers_curve_are_the_digits_of_an_independent_recomputation(
    shared,
):
    """shared/design/trust.md, section B: KOFGIdj."""
    built = tx.panel.build_panel(tx.panel.read_data_files(shared / "data"))
    controls = ["RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP"]
    model = tx.Model("main", "KOFGIdj", ["TBI", *controls], entity="iso3", time="year")
    choices = {
        "effects": [["iso3[year]", "year"], ["iso3", "EU15, entrants, others^year"]],
        "sample": ["without EU entrants of 2004 to 2013"],
        "weights": ["lnGDP"],
        "years": ["2008-2014"],
    }
    found = tx.specification_curve(built, model, choices=choices, draws=99)
    rows = found.table.set_index([*choices])
    two, trends, blocks = (
        "iso3 + year", "iso3[year] + year", "iso3 + EU15, entrants, others^year",
    )  # fmt: skip
    for at, printed in {
        (two, "all", "none", "2000-2014"): (13.58, 4.46),
        (blocks, "all", "none", "2000-2014"): (2.30, 2.28),
        (two, "without EU entrants of 2004 to 2013", "none", "2000-2014"): (
            -0.35,
            2.06,
        ),
        (trends, "all", "none", "2000-2014"): (4.12, 3.43),
        (two, "all", "GDP", "2000-2014"): (-1.70, 3.10),
        (two, "all", "none", "2008-2014"): (0.62, 1.67),
    }.items():
        row = rows.loc[[at]].iloc[0]
        # Two digits after the point, cut or rounded.
        assert_allclose([row["estimate"], row["se"]], printed, atol=0.0101)


def test_a_specification_may_have_no_effects(panel):
    found = tx.specification_curve(panel, MODEL, choices={"effects": [[]]}, draws=9)
    fit = LinearFit.to_draw(panel, replace(MODEL, entity="", time="", clusters="iso3"))
    assert found.table["effects"].tolist() == ["iso3 + year", "none"]
    row = found.table[["estimate", "se"]].iloc[1].astype(float)
    assert_allclose(row, [fit.coef[0], fit.se[0]], rtol=1e-9)


def test_a_form_of_the_controls_adds_columns(panel):
    """Squares and products of the controls that are there, or the first outcome times
    the years: the fits of models that name these columns."""
    found = tx.specification_curve(
        panel,
        MODEL,
        choices={"controls": [["RQ"]], "form": ["squares", "products", "convergence"]},
        draws=9,
    ).table
    first = panel.sort_values("year").groupby("iso3")["KOFGIdj"].transform("first")
    made = panel.assign(
        first=first * panel["year"],
        **{f"{k}2": panel[k] ** 2 for k in ("RQ", "INFR")},
        both=panel["RQ"] * panel["INFR"],
    )
    for controls, form, more in (
        ("all", "squares", ["RQ2", "INFR2"]),
        ("all", "products", ["RQ2", "INFR2", "both"]),
        ("all", "convergence", ["first"]),
        ("RQ", "squares", ["RQ2"]),
    ):
        kept = ["RQ", "INFR"] if controls == "all" else ["RQ"]
        own = (found["form"] == form) & (found["controls"] == controls)
        (row,) = found[own].to_dict("records")
        fit = two_way(made, "KOFGIdj", ["TBI", *kept, *more])["TBI"]
        assert_allclose([row["estimate"], row["se"]], [fit.estimate, fit.se], rtol=1e-8)
