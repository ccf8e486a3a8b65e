"""Tables of clusters against refits without each, hat matrices and direct formulas."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from tivax.engine.estimation import CV2, LinearFit
from tivax.engine.estimation.model import Model
from tivax.engine.resampling.cluster_diagnostics import cluster_table, model_table
from tivax.engine.resampling.inference import infer
from tivax.engine.resampling.plans import make_plan
from tivax.engine.resampling.schemes import Pairs

from experiment_panels import MODEL, remodel, rows_of, small_panel, two_stage_model
from literal_refits import Rows, refit, residuals_on

# Normal equations of the clusters against pseudo-inverses of all rows; measured 1e-12.
RTOL = 1e-9


FRAME = small_panel(countries=8, years=5, unknown=0.3, seed=21)
MODELS = {
    "least squares": MODEL,
    "two treatments": Model(
        "two",
        "KOFGIdj",
        ("TFP", "TBI", "RQ"),
        ("TFP", "TBI"),
        entity="iso3",
        time="year",
    ),
    "an instrument": two_stage_model(),
    "two instruments": two_stage_model(instruments=("L.TBI", "TFP")),
}


def hat_by_country(rows: Rows) -> np.ndarray:
    """Traces of the hat matrix of everything but the countries, by country."""
    countries = np.eye(rows.G)[rows.country]
    hat = refit(rows).hat - countries @ np.linalg.pinv(countries)
    return np.bincount(rows.country, np.diag(hat))


def identifying(rows: Rows, k: int) -> np.ndarray:
    """Treatment k, projected on the instruments, less what all others explain."""
    X = rows.X
    if rows.Z.shape[1]:
        given = np.column_stack([rows.dummies, rows.C, rows.Z])
        X = X - np.column_stack([residuals_on(given, x) for x in X.T])
    others = np.column_stack([rows.dummies, rows.C, np.delete(X, k, axis=1)])
    return residuals_on(others, X[:, k])


def without_each(rows: Rows, k: int) -> np.ndarray:
    each = [refit(rows.without(g)).coef for g in range(rows.G)]
    return np.array(each)[:, rows.C.shape[1] + k]


# ------------------------------------------------------------------------ of clusters


@pytest.mark.parametrize("name", MODELS)
def test_a_row_tells_what_each_country_does(name):
    model = MODELS[name]
    rows = rows_of(FRAME, model)
    table = cluster_table(LinearFit.to_draw(FRAME, model))
    assert len(table) == rows.G * len(model.treatments)
    assert (table["model"] == model.name).all()
    hat = hat_by_country(rows)
    for k, term in enumerate(model.treatments):
        own = table[table["term"] == term]
        assert own["cluster"].tolist() == [f"C{g:02}" for g in range(rows.G)]
        assert own["rows"].tolist() == np.bincount(rows.country).tolist()
        assert_allclose(own["leverage"], hat / hat.sum(), rtol=RTOL)
        assert_allclose(own["leverage"].sum(), 1, rtol=RTOL)
        share = np.bincount(rows.country, identifying(rows, k) ** 2)
        assert_allclose(own["partial_leverage"], share / share.sum(), rtol=RTOL)
        assert_allclose(own["estimate_without"], without_each(rows, k), rtol=RTOL)


def test_the_hat_matrix_has_a_trace_of_all_parameters():
    """Four years of five, two controls and a treatment: what leverages are shares of."""
    assert_allclose(hat_by_country(rows_of(FRAME, MODEL)).sum(), 4 + 2 + 1, rtol=RTOL)


# -------------------------------------------------------------------------- of models


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_its_kinds_of_errors(name):
    model = MODELS[name]
    rows = rows_of(FRAME, model)
    fit, G = refit(rows), rows.G
    fitted = LinearFit.to_draw(FRAME, model)
    table = model_table([fitted])
    assert table["term"].tolist() == [*model.treatments]
    for k, own in enumerate(table.to_dict("records")):
        j = rows.C.shape[1] + k
        b, left = fit.coef[j], without_each(rows, k)
        facts = ("model", "outcome", "sample", "n", "clusters", "balanced")
        expected = [model.name, "KOFGIdj", "all", len(rows.y), G, False]
        assert [own[name] for name in facts] == expected
        se = {
            "cv1": fit.covariance[j, j] ** 0.5,
            "cv2": fitted.covariance(CV2())[k, k] ** 0.5,
            "cv3": ((G - 1) / G * ((left - b) ** 2).sum()) ** 0.5,
            "cv3j": ((G - 1) / G * ((left - left.mean()) ** 2).sum()) ** 0.5,
            "v5": ((left - b) ** 2).sum() ** 0.5,
        }
        df = dict.fromkeys(se, G - 1) | {"cv2": own["cv2_df"]}
        assert 1 < own["cv2_df"] < G - 1
        assert_allclose(own["estimate"], b, rtol=RTOL)
        for kind in se:
            assert_allclose(own[f"{kind}_se"], se[kind], rtol=RTOL)
            p = 2 * (1 - stats.t.cdf(abs(b) / se[kind], df[kind]))
            assert_allclose(own[f"{kind}_p_value"], p, rtol=RTOL)
        ends = [own["without_min"], own["without_max"]]
        assert_allclose(ends, [left.min(), left.max()], rtol=RTOL)
        share = np.bincount(rows.country, identifying(rows, k) ** 2)
        effective = share.sum() ** 2 / (share**2).sum()
        assert_allclose(own["effective_clusters"], effective, rtol=RTOL)


def test_a_row_for_each_treatment_of_each_model_in_their_order():
    models = [MODELS["two treatments"], replace(MODEL, sample="developing")]
    own = model_table(LinearFit.to_draw(FRAME, model) for model in models)
    assert own["term"].tolist() == ["TFP", "TBI", "TBI"]
    assert own["sample"].tolist() == ["all", "all", "developing"]
    assert own["clusters"].tolist() == [8, 8, 4]


def test_nlswork_is_that_of_summclust(shared):
    """Its documentation prints 6 decimals (MacKinnon, Nielsen and Webb 2023b).

    Without one of two industries a school grade has nobody: with a generalised
    inverse they count, dropped they do not.
    """
    frame = pd.read_stata(shared / "truth/estimation/nlswork.dta")
    frame = frame[frame["age"].between(20, 40)]
    frame["race"] = pd.factorize(frame["race"], sort=True)[0] + 1
    model = Model(
        "nlswork",
        "ln_wage",
        ("msp", "union", "race"),
        entity="grade",
        time="age",
        effects=("birth_yr",),
        clusters="ind_code",
    )
    fitted = LinearFit.to_draw(frame, model)
    row = model_table([fitted]).iloc[0]
    assert_allclose(row[["cv1_se", "cv3_se"]].tolist(), [0.008248, 0.011150], atol=5e-7)
    used, effects = fitted.used, list(model.all_effects)
    singular = [
        any(
            set(used[k]) != set(used.loc[used["ind_code"].astype(str) != name, k])
            for k in effects
        )
        for name in fitted.labels
    ]
    assert sum(singular) == 2
    gap = (fitted.left_out() - fitted.coef[None])[~np.array(singular)]
    dropped = np.sqrt(9 / 10 * (gap**2).sum())
    assert_allclose(dropped, 0.006701, atol=5e-7)


def test_units_of_the_panel_change_no_share_and_no_p():
    scaled = FRAME.assign(TBI=1000 * FRAME["TBI"], KOFGIdj=FRAME["KOFGIdj"] / 7)
    own, other = (
        model_table([LinearFit.to_draw(k, MODEL)]).iloc[0] for k in (FRAME, scaled)
    )
    for name in own.index:
        if name.endswith("_se") or name in ("estimate", "without_min", "without_max"):
            assert_allclose(other[name], own[name] / 7000, rtol=RTOL)
        elif isinstance(own[name], float):
            assert_allclose(other[name], own[name], rtol=RTOL)
        else:
            assert other[name] == own[name]


# --------------------------------------------------------------------- limiting cases


def alike(countries: int = 8, years: int = 6) -> pd.DataFrame:
    """Every country has the same path of the treatment, up to its sign and level."""
    rng = np.random.default_rng(3)
    g, t = np.divmod(np.arange(countries * years), years)
    path, sign = rng.normal(size=years)[t], np.where(g % 2, -1, 1)
    return pd.DataFrame(
        {
            "iso3": [f"C{k:02}" for k in g],
            "year": 2000 + t,
            "x": sign * path + g,
            "y": rng.normal(size=len(g)),
        }
    )


ONE_WAY = Model("one way", "y", ("x",), time="", entity="iso3")


def test_countries_that_are_alike_all_count():
    fitted = LinearFit.to_draw(alike(), ONE_WAY)
    table = cluster_table(fitted)
    assert_allclose(table[["leverage", "partial_leverage"]], 1 / 8, rtol=RTOL)
    assert_allclose(model_table([fitted])["effective_clusters"], 8, rtol=RTOL)


def test_a_country_that_moves_twice_as_much_counts_four_times():
    """Shares of 4/11, seven times 1/11: 121 / (16 + 7) effective countries."""
    frame = alike()
    frame.loc[frame["iso3"] == "C01", "x"] *= 2
    fitted = LinearFit.to_draw(frame, ONE_WAY)
    share = cluster_table(fitted).set_index("cluster")["partial_leverage"]
    assert_allclose(share, np.where(share.index == "C01", 4, 1) / 11, rtol=RTOL)
    assert_allclose(model_table([fitted])["effective_clusters"], 121 / 23, rtol=RTOL)


ONE = FRAME["iso3"] == "C02"
# Of one country; and the same, elsewhere equal to a control.
REFORM = FRAME.assign(reform=1.0 * (ONE & (FRAME["year"] > 2002)))
REFORM["mixed"] = REFORM["reform"] + FRAME["RQ"].mask(ONE, 0)


@pytest.mark.parametrize("treatment", ["reform", "mixed"])
def test_a_country_that_cannot_be_left_out_leaves_a_gap(treatment):
    """Without it there is no treatment, or one that is a control."""
    fitted = LinearFit.to_draw(REFORM, remodel(MODEL, treatments=(treatment,)))
    table = cluster_table(fitted).set_index("cluster")["estimate_without"]
    assert table.index[table.isna()].tolist() == ["C02"]
    row = model_table([fitted]).iloc[0]
    kinds = [
        f"{kind}_{k}" for kind in ("cv2", "cv3", "cv3j") for k in ("se", "p_value")
    ]
    adjusted = [f"{k}_{x}" for k in ("cv3j", "v5") for x in ("df", "adjusted_p_value")]
    gaps = [*kinds, "cv2_df", *adjusted, "without_min", "without_max"]
    assert row.index[row.isna()].tolist() == gaps
    # C02 counts as much as the whole estimate, and others besides.
    assert row["v5_se"] > abs(row["estimate"])
    assert row["note"] == (
        f"no CV2: C02 alone identifies a part of {treatment}; "
        f"no CV3: {treatment} is not identified without C02"
    )
    ends = infer(make_plan(fitted, Pairs(), 199), 1)[0].intervals
    missing = ends.set_index("interval")["ci_low"].isna()
    assert missing.to_dict() == {"percentile": False, "BCa": True}


@pytest.mark.parametrize("treatment", ["reform", "mixed"])
def test_draws_without_it_are_left_out_with_and_without_t(treatment):
    fitted = LinearFit.to_draw(REFORM, remodel(MODEL, treatments=(treatment,)))
    plain, t = (
        infer(make_plan(fitted, Pairs(studentised=k), 999), 1) for k in (False, True)
    )
    # (1 - 1/8)^8 of the draws.
    assert 0.3 < plain[0].failed / 999 < 0.4
    assert t[0].failed == plain[0].failed
    assert_allclose(t[1].values[:, 0], plain[1].values[:, 0], rtol=RTOL)
    assert np.isnan(t[1].values).all(axis=1).sum() == plain[0].failed


def test_a_control_of_one_country_is_dropped_where_it_says_nothing():
    """Without the country, the estimate is that without the control."""
    model = remodel(MODEL, controls=("RQ", "mixed"))
    table = cluster_table(LinearFit.to_draw(REFORM, model)).set_index("cluster")
    rows = rows_of(REFORM, remodel(MODEL, controls=("RQ",)))
    expected = refit(rows.without(2)).coef[-1]
    assert_allclose(table["estimate_without"]["C02"], expected, rtol=RTOL)
