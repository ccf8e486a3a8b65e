"""2SLS with the lagged index, other indices, other samples, other standard errors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.core.errors import TivaxError
from tivax.engine.estimation.samples import sample
from tivax.engine.measures import trade_benefit_index
from tivax.engine.panel.blocks import gross_balance_index
from tivax.engine.panel.data_files import Edition
from tivax.engine.panel.further_data import FurtherData
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES
from tivax.engine.papers.trade_imbalance import other_indices, robustness
from tivax.engine.papers.trade_imbalance.columns import (
    COLUMNS,
    SAMPLES,
    estimate_columns,
    require_countries,
)
from tivax.engine.papers.trade_imbalance.other_indices import INDICES
from tivax.engine.papers.trade_imbalance.report.robustness import levels_sentence
from tivax.engine.papers.trade_imbalance.report.texts import report_words
from tivax.engine.papers.trade_imbalance.robustness import ERRORS

from helpers import (
    error_of,
    paper_estimates,
    paper_files,
    paper_panel,
    random_panel,
    two_stage,
    two_way,
)

# The same regression on the same rows, called in another way; measured 0.
RTOL = 1e-12
# A coefficient by the pseudo-inverse or in other rows' order; measured 1e-11.
FIT_RTOL = 1e-8

REGRESSORS = ("TBI", *CONTROLS)


# -------------------------------------------------------------- the lagged instrument


def persistent_panel() -> pd.DataFrame:
    frame = random_panel(countries=22, seed=1)
    before = frame.groupby("iso3")["TBI"].shift(1).fillna(0)
    return frame.assign(TBI=frame["TBI"] + before)


def test_every_outcome_and_sample_is_instrumented_by_the_year_before():
    frame = persistent_panel()
    results = robustness.lagged_instrument(frame, draws=99)
    keys = [(k.sample, k.outcome) for k in results]
    assert keys == [(group, name) for group in SAMPLES for name in OUTCOMES]
    lag = frame.groupby("iso3")["TBI"].shift(1)  # rows are sorted, without a gap
    one = results[7]  # developed, KOFTrGIdj
    rows = sample(frame.assign(**{"L.TBI": lag}), "developed").dropna()
    iv = two_stage(rows, "KOFTrGIdj", "TBI", ["L.TBI"], CONTROLS)
    pd.testing.assert_frame_equal(one.iv.terms, iv.terms)
    pd.testing.assert_frame_equal(one.iv.first.terms, iv.first.terms)  # shared
    own = iv.plausibly_exogenous()
    pd.testing.assert_frame_equal(one.bounds.bounds, own.bounds)
    ols = two_way(rows, "KOFTrGIdj", REGRESSORS)
    slopes = ols.terms.loc[list(one.ols.terms.index)]  # the library has a constant too
    assert [*slopes.index] == [*REGRESSORS]
    pd.testing.assert_frame_equal(one.ols.terms, slopes, rtol=1e-9)
    assert (one.iv.n, one.ols.n) == (77, 77)


def test_an_outcome_with_other_rows_has_a_first_stage_of_its_own(monkeypatch):
    monkeypatch.setattr(robustness, "SAMPLES", ("all",))
    frame = persistent_panel()
    frame.loc[frame.index[3], OUTCOMES[1]] = np.nan
    results = robustness.lagged_instrument(frame, draws=99)
    n = results[0].iv.first.n
    assert [k.iv.first.n for k in results] == [n, n - 1, *[n] * (len(OUTCOMES) - 2)]
    assert [k.iv.n for k in results] == [k.iv.first.n for k in results]


@pytest.fixture(scope="module")
def lagged(shared) -> list[robustness.Lagged]:
    return robustness.lagged_instrument(paper_panel(shared).frame, draws=99)


@pytest.mark.shared
def test_real_instrument_loses_one_year(lagged):
    assert len(lagged) == 15
    sizes = {"all": (574, 41), "developed": (308, 22), "developing": (266, 19)}
    for one in lagged:
        for fit in (one.iv, one.iv.first, one.ols):
            assert (fit.n, fit.clusters) == sizes[one.sample]
        assert one.iv.weak.nobs == sizes[one.sample][0]
        assert one.iv.outcome == one.ols.outcome == one.outcome


@pytest.mark.shared
def test_real_sets_hold_the_estimate_and_are_near_its_interval(lagged):
    """One instrument: the Anderson-Rubin statistic is 0 at the estimate."""
    for one in lagged:
        term = one.iv.terms.loc["TBI"]
        assert float(term["estimate"]) in one.iv.ar_set
        if one.iv.ar_set.bounded and one.iv.weak.kp_f > 50:
            low, high = one.iv.ar_set.intervals[0]
            width = term["ci_high"] - term["ci_low"]
            assert abs(low - term["ci_low"]) < 0.5 * width
            assert abs(high - term["ci_high"]) < 0.5 * width


@pytest.mark.shared
def test_real_instrument_is_strong_and_the_paper_is_right_to_say_so(lagged):
    """It says, without figures, that the lagged index passes the tests."""
    pooled = lagged[0].iv
    assert pooled.weak.kp_f > 16.38 and pooled.weak.kp_lm_p_value < 0.01
    t = pooled.first["L.TBI"].t
    assert_allclose(pooled.weak.kp_f, t**2, rtol=FIT_RTOL)
    assert (pooled["TBI"].estimate > 0) and (t > 0)


# -------------------------------------------------------------------- other indices


def test_each_index_stands_alone_in_the_regressions():
    frame = random_panel(countries=22, seed=2).assign(other=lambda k: -2 * k["TBI"])
    table: Any = other_indices.compare_indices(frame, ["TBI", "other"])
    assert len(table) == 3 * 5 * 2
    one: Any = table.set_index(["sample", "outcome", "index"])
    for group in SAMPLES:
        part = sample(frame, group)
        own = one.loc[(group, "KOFGIdj", "TBI")]
        fit = two_way(part, "KOFGIdj", REGRESSORS)
        term = fit.terms.loc["TBI"]
        for name in ("estimate", "se", "p_value", "stars"):
            assert_allclose(own[name], term[name], rtol=RTOL)
        assert (own["n"], own["clusters"]) == (fit.n, fit.clusters)
        # Twice the index with the other sign: half the coefficient, minus the effect.
        other = one.loc[(group, "KOFGIdj", "other")]
        assert_allclose(other["estimate"], -own["estimate"] / 2, rtol=FIT_RTOL)
        assert_allclose(other["p_value"], own["p_value"], rtol=1e-6)
        assert_allclose(other["effect"], -own["effect"], rtol=FIT_RTOL)


def test_the_effect_is_of_one_standard_deviation_within_countries():
    frame = random_panel(countries=22, seed=3)
    row: Any = other_indices.compare_indices(frame, ["TBI"]).iloc[0]
    left = frame["TBI"] - frame.groupby("iso3")["TBI"].transform("mean")
    sd = np.sqrt((left**2).sum() / (len(frame) - 1))
    assert_allclose(row["effect"], row["estimate"] * sd, rtol=FIT_RTOL)


def of_years(shared, first: int, last: int) -> FurtherData:
    return FurtherData(replace(paper_files(shared), years=(first, last)))


@pytest.fixture(scope="module")
def three_years(shared):
    tables = of_years(shared, 2003, 2005).world_tables()
    assert tables is not None and list(tables.years) == [2003, 2004, 2005]
    return tables


@pytest.fixture(scope="module")
def variants(shared, three_years) -> other_indices.IndexVariants:
    return other_indices.index_variants(paper_panel(shared).frame, three_years)


@pytest.mark.shared
def test_real_indices_are_those_of_the_tables(variants, three_years, shared):
    """By country and year; all three of the WIOD that are not in the panel are out."""
    indices = variants.indices.set_index(["year", "iso3"])
    assert indices.columns.tolist() == list(INDICES)
    tbi = trade_benefit_index(three_years)["tbi"].to_series()
    assert_allclose(indices["TBI"], tbi.loc[indices.index], rtol=0, atol=1e-10)
    panel = paper_panel(shared).frame
    known = set(panel["iso3"]) & set(three_years.regions)
    assert set(variants.indices["iso3"]) == known and len(known) == 38
    assert variants.residual_max < 1e-10
    assert "38 countries, 2003 to 2005" in variants.tables


@pytest.mark.shared
def test_real_index_column_is_the_literal_fit(variants, shared):
    """TBI of the tables in place of that of the panel, on the rows both have."""
    assert len(variants.rows) == 3 * 5 * 4
    frame = paper_panel(shared).frame.drop(columns="TBI")
    data = frame.merge(variants.indices, on=["iso3", "year"])
    assert len(data) == 38 * 3
    table: Any = variants.rows.set_index(["outcome", "sample", "index"])
    for group in SAMPLES:
        for outcome in OUTCOMES:
            for name in ("TBI", "DVA abroad"):
                fit = two_way(sample(data, group), outcome, [name, *CONTROLS])
                row, term = table.loc[(outcome, group, name)], fit[name]
                for key in ("estimate", "se", "p_value"):
                    assert_allclose(row[key], getattr(term, key), rtol=FIT_RTOL)
                assert (row["n"], row["clusters"]) == (fit.n, fit.clusters)


@pytest.mark.shared
def test_real_indices_move_together(variants):
    table: Any = variants.correlations
    assert table.index.tolist() == table.columns.tolist() == list(INDICES)
    assert_allclose(np.diag(table), np.ones(4), rtol=RTOL)
    assert (table > 0.8).all(axis=None)
    # Less country and year effects, which the panel of 3 years and 38 countries has.
    data = variants.indices.copy()
    for name in ("TBI", "DVA"):
        wide = data.pivot(index="iso3", columns="year", values=name)
        wide = wide.sub(wide.mean(axis=1), axis=0)
        data[name] = wide.sub(wide.mean(axis=0), axis=1).stack().to_numpy()
    r = np.corrcoef(data["TBI"], data["DVA"])[0, 1]
    assert_allclose(table.loc["TBI", "DVA"], r, rtol=FIT_RTOL)


# ------------------------------------------------------------------------ gross trade


@pytest.mark.shared
def test_real_gross_trade_beside_the_index(shared):
    frame, files = paper_panel(shared).frame, paper_files(shared)
    made = other_indices.gross_trade(frame, FurtherData(files))
    assert made is not None
    table: Any = made.rows
    assert len(table) == 3 * 5 * 4
    names = ["TBI", "GBI", "TBI | GBI", "GBI | TBI"]
    assert table["index"].unique().tolist() == names
    keyed = table.set_index(["outcome", "sample", "index"])
    gross = gross_balance_index([files.inflation.path]).reset_index()
    data = frame.merge(gross, on=["iso3", "year"]).dropna(subset=["GBI"])
    assert (data["GBI"].abs() < 1).all()
    for group in SAMPLES:
        part = sample(data, group)
        alone = two_way(part, "KOFGIdj", ["GBI", *CONTROLS])
        both = two_way(part, "KOFGIdj", ["TBI", "GBI", *CONTROLS])
        for index, fit in (("GBI", alone), ("GBI | TBI", both), ("TBI | GBI", both)):
            term = fit.terms.loc[index.split()[0]]
            row = keyed.loc[("KOFGIdj", group, index)]
            own = row[["estimate", "se", "p_value"]].to_numpy(float)
            expected = term[["estimate", "se", "p_value"]].to_numpy(float)
            assert_allclose(own, expected, rtol=FIT_RTOL)
            assert (row["n"], row["clusters"]) == (len(part), part["iso3"].nunique())
    # A country's balance moves with that of its value added, effects apart too.
    assert data["GBI"].corr(data["TBI"]) > 0.6
    wide = [data.pivot(index="iso3", columns="year", values=k) for k in ("TBI", "GBI")]
    left = [
        (k.sub(k.mean(axis=1), axis=0) - k.mean() + k.to_numpy().mean()).stack()
        for k in wide
    ]
    assert_allclose(made.correlation, left[0].corr(left[1]), rtol=FIT_RTOL)


@pytest.mark.shared
def test_without_trade_there_is_no_gross_index(shared):
    """Inflation of the IMF has no exports beside it."""
    files = paper_files(shared)
    weo: Edition = files.alternatives["inflation"][0]
    others = {k: v for k, v in files.alternatives.items() if k != "trade"}
    files = replace(files, inflation=weo, inflation_source="weo", alternatives=others)
    frame = paper_panel(shared).frame
    assert other_indices.gross_trade(frame, FurtherData(files)) is None


# ---------------------------------------------------------------------- other samples


@pytest.mark.shared
def test_with_every_code_repaired_romania_is_there(shared):
    panel, estimates = robustness.fixed_codes(paper_files(shared), paper_panel(shared))
    assert len(panel.frame) == 630 and "ROU" in panel.countries
    assert list(estimates) == list(COLUMNS)
    sizes = {"all": (630, 42), "developed": (330, 22), "developing": (300, 20)}
    for column, fit in estimates.items():
        assert (fit.n, fit.clusters) == sizes[column.sample]
    # Those without Romania are the columns of the paper.
    for column, fit in paper_estimates(shared).items():
        if column.sample == "developed":
            pd.testing.assert_frame_equal(fit.terms, estimates[column].terms)
    fixed = replace(paper_files(shared), codes="fixed")
    assert robustness.fixed_codes(fixed, panel)[0] is panel


# -------------------------------------------------------------- other standard errors


@pytest.mark.shared
def test_real_standard_errors_by_seven_rules(shared):
    frame = paper_panel(shared).frame
    table: Any = robustness.other_errors(frame, paper_estimates(shared))
    assert len(table) == 17 * len(ERRORS) == 136
    assert table["errors"].unique().tolist() == list(ERRORS)
    for _, rows in table.groupby(["table", "column"]):
        assert_allclose(rows["estimate"], rows["estimate"].iloc[0], rtol=1e-6)
    own = table[table["errors"] == "stata"]
    terms = pd.DataFrame([k.terms.loc["TBI"] for k in paper_estimates(shared).values()])
    for name in ("se", "p_value"):
        assert_array_equal(own[name], terms[name].astype(float))
    wide = table.pivot(index=["table", "column"], columns="errors", values="se")
    assert_allclose(wide["fixest"], wide["stata"], rtol=1e-6)
    assert (wide["plm"] < wide["stata"]).all() and (wide["stata"] < wide["lsdv"]).all()
    for name, rows in table.groupby("errors"):
        assert rows["convention"].nunique() == 1, name
    one = COLUMNS[9]  # Table 5 (2)
    data = sample(frame, one.sample)
    row = table[(table["table"] == one.table) & (table["column"] == one.column)]
    se = row.set_index("errors")["se"]
    kinds = {"two-way clusters": "two-way", "Driscoll-Kraay": "driscoll-kraay"}
    for name, vcov in kinds.items():
        fit = two_way(data, one.outcome, one.regressors, vcov=vcov)
        assert_allclose(se[name], fit["TBI"].se, rtol=RTOL)


@pytest.mark.shared
def test_real_residuals_and_the_cross_section(shared, monkeypatch):
    monkeypatch.setattr(robustness, "DEPENDENCE_DRAWS", 19)
    frame = paper_panel(shared).frame
    table = robustness.cross_section_dependence(frame, paper_estimates(shared))()
    assert len(table) == 17
    for column, fit in paper_estimates(shared).items():
        own = table[table["table"].eq(column.table) & table["column"].eq(column.column)]
        part = sample(frame, column.sample).assign(e=fit.residuals)
        wide = part.pivot(index="year", columns="iso3", values="e")
        r = wide.corr().to_numpy()
        G = len(r)
        pairs = r[np.tril_indices(G, -1)]
        cd = np.sqrt(2 * 15 / (G * (G - 1))) * pairs.sum()
        assert_allclose(own["cd"].item(), cd, rtol=FIT_RTOL)
        assert_allclose(own["mean_correlation"].item(), pairs.mean(), rtol=FIT_RTOL)


def test_unbalanced_columns_are_tested_over_the_years_in_common(monkeypatch):
    """A missing cell of one developed country: its own columns and the pooled ones."""
    monkeypatch.setattr(robustness, "DEPENDENCE_DRAWS", 19)
    frame = random_panel(countries=22, seed=4)
    frame.loc[(frame["iso3"] == "C01") & (frame["year"] == 2005), "TBI"] = np.nan
    table = robustness.cross_section_dependence(frame, estimate_columns(frame))()
    assert (table["unbalanced"] == (table["sample"] != "developing").astype(int)).all()
    assert table.notna().all(axis=None) and (table["draws"] == 19).all()
    assert table["p_value"].between(0, 1).all() and (table["mc_error"] > 0).all()


# --------------------------------------------------------------- samples that are small


def test_samples_need_more_countries_than_regressors():
    frame = random_panel(countries=18, seed=5)  # nine developed, nine developing
    require_countries(frame, REGRESSORS)
    # Rows without a number do not count.
    for country, group in ("C00", "developing"), ("C01", "developed"):
        few = frame.assign(RQ=frame["RQ"].where(frame["iso3"] != country))
        assert error_of(require_countries, few, REGRESSORS) == (
            f"sample {group}: 8 countries are left for 8 regressors; it takes more "
            "countries than regressors"
        )
    with pytest.raises(TivaxError, match="sample developed: 8 countries"):
        other_indices.compare_indices(few, ["TBI"])
    nobody = frame[frame["developed"] == 0]
    told = error_of(require_countries, nobody, REGRESSORS)
    assert "sample developed: 0 countries" in told


def test_two_years_are_too_few_for_a_lag():
    frame = random_panel(countries=22, years=2, seed=6)
    assert error_of(robustness.lagged_instrument, frame) == (
        "2SLS with TBI lagged one year: the years 2000 to 2001 leave fewer than two with "
        "a lag; widen [recipe] years in data.toml"
    )


@pytest.mark.parametrize(
    ("wild", "shocks", "told"),
    [
        (0.47, 0.06, "does not keep its level there; that of common shocks does, and"),
        (0.47, 0.20, "does not keep its level there, nor does that of common shocks"),
        (0.06, 0.20, "keeps its level there; that of common shocks"),
        (0.06, 0.04, "keeps its level there, and so does that of common shocks"),
    ],
)
def test_which_p_keeps_its_level_follows_from_the_placebos(wild, shocks, told):
    sizes = pd.Series([0.05, wild, shocks, 0.04])
    placebos = pd.DataFrame(
        {
            "outcome": ["a", "b", "a", "b"],
            "method": ["WCR", "WCR", "common shocks", "common shocks"],
            "size": sizes,
            "mc_error": np.sqrt(sizes * (1 - sizes) / 192),
        }
    )
    assert told in levels_sentence(placebos, report_words())
