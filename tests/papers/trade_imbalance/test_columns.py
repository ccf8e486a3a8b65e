"""The paper's 17 columns: the printed figures cell by cell, and how near ours come."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.estimation.samples import sample
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES
from tivax.engine.papers.trade_imbalance import columns as paper
from tivax.engine.papers.trade_imbalance import printed
from tivax.engine.papers.trade_imbalance.columns import COLUMNS, COMPARISON, TERMS

from helpers import paper_estimates, paper_panel, random_panel, two_way

# Printed with four decimals: of 120 values of the reconstructed index, README of data.
INDEX_MEAN, INDEX_LARGEST = 0.001, 0.015
RTOL = 1e-12


@pytest.fixture(scope="module")
def comparison(shared) -> pd.DataFrame:
    return paper.compare(paper_estimates(shared))


# ------------------------------------------------------------------ what is printed


def test_there_are_17_columns_in_four_tables():
    assert len(COLUMNS) == 17
    tables = [column.table for column in COLUMNS]
    assert [tables.count(k) for k in (3, 4, 5, 6)] == [4, 4, 3, 6]
    assert [c.name.split() for c in COLUMNS[:1]] == [["Table", "3", "(1)"]]
    assert COLUMNS[0].regressors == ("TBI",)
    assert COLUMNS[2].regressors == ("TBI", *CONTROLS)
    assert {(c.table, c.column) for c in COLUMNS} == set(printed.TABLES)
    assert set(printed.FIT) == set(printed.TABLES)


def test_every_printed_column_has_the_terms_of_its_regression():
    cells = 0
    for column in COLUMNS:
        terms = printed.TABLES[column.table, column.column]
        assert list(terms) == [*column.regressors, "const"]
        assert set(terms) <= set(TERMS)
        cells += len(terms)
    assert cells == 139


def rows_of(path: Path) -> list[Any]:
    return list(pd.read_csv(path).itertuples())


@pytest.mark.shared
def test_printed_tables_are_those_of_the_transcription(shared):
    """Tables 3 to 6, cell by cell."""
    frame = rows_of(shared / "paper" / "tables_3_to_6.csv")
    assert len(frame) == 139
    for row in frame:
        cell = printed.TABLES[row.table, row.column][row.term]
        assert cell == (row.coef, row.se, row.stars)
    of = {(c.table, c.column): c for c in COLUMNS}
    for row in frame:
        column = of[row.table, row.column]
        assert (column.outcome, column.sample) == (row.outcome, row.sample)


@pytest.mark.shared
def test_printed_fit_is_that_of_the_transcription(shared):
    frame = rows_of(shared / "paper" / "tables_3_to_6_fit.csv")
    assert len(frame) == 17
    for row, column in zip(frame, COLUMNS, strict=True):
        assert (row.table, row.column) == (column.table, column.column)
        assert printed.FIT[row.table, row.column] == (row.n_obs, row.r2)
        assert (column.outcome, column.sample) == (row.outcome, row.sample)
        assert column.controls == bool(row.controls)


@pytest.mark.shared
def test_printed_index_is_that_of_the_transcription(shared):
    """Table 1: eight countries in fifteen years."""
    frame = rows_of(shared / "paper" / "table1_tbi.csv")
    assert len(frame) == 120 == sum(map(len, printed.TABLE_1.values()))
    for row in frame:
        assert printed.TABLE_1[row.iso3][row.year - 2000] == row.tbi


# ----------------------------------------------------------- ours beside the printed


def test_a_column_is_the_fit_of_its_sample():
    """On invented data: outcome, sample, regressors and convention of each column."""
    frame = random_panel(countries=16, seed=1)
    estimates = paper.estimate_columns(frame, convention="plm")
    assert list(estimates) == list(COLUMNS)
    for column, own in estimates.items():
        part = sample(frame, column.sample)
        fit = two_way(part, column.outcome, column.regressors, convention="plm")
        pd.testing.assert_frame_equal(own.terms, fit.terms)
        assert (own.n, own.clusters) == (len(part), part["iso3"].nunique())


def test_comparison_sets_printed_figures_beside_ours():
    frame = random_panel(countries=24, seed=2)
    estimates = paper.estimate_columns(frame)
    table = paper.compare(estimates)
    assert table.columns.tolist()[: len(COMPARISON)] == list(COMPARISON)
    assert len(table) == 139
    by_column = table.groupby(["table", "column"])
    for column, own in estimates.items():
        rows = by_column.get_group((column.table, column.column)).set_index("term")
        assert rows.index.tolist() == [*column.regressors, "const"]
        pd.testing.assert_frame_equal(
            rows[["coef", "se", "stars"]],
            own.terms[["estimate", "se", "stars"]].rename(columns={"estimate": "coef"}),
            check_dtype=False,
        )
        assert (rows["r2"] == own.r2).all() and (rows["n"] == own.n).all()
        assert (rows["clusters"] == own.clusters).all()
        fit = printed.FIT[column.table, column.column]
        assert (rows["paper_n"] == fit[0]).all() and (rows["paper_r2"] == fit[1]).all()
        cell = rows.loc["TBI", ["paper_coef", "paper_se", "paper_stars"]]
        assert tuple(cell) == printed.TABLES[column.table, column.column]["TBI"]
    distance = paper.differences(table)
    expected = (table["coef"].iloc[0] - 11.5545) / 3.5239
    assert_allclose(distance.iloc[0], expected, rtol=RTOL)


def test_a_convention_without_a_constant_leaves_17_rows_empty():
    frame = random_panel(countries=24, seed=3)
    table = paper.compare(paper.estimate_columns(frame, convention="fixest"))
    empty = table["coef"].isna()
    assert len(table) == 139 and empty.sum() == 17
    assert (table.loc[empty, "term"] == "const").all()
    assert (table.loc[empty, "stars"] == 0).all()
    assert table.loc[empty, "paper_coef"].notna().all()


def test_table_1_leaves_empty_what_the_index_lacks():
    tbi = pd.DataFrame({"iso3": ["CHN"], "year": [2001], "TBI": [0.1091]})
    table = paper.table_1(tbi)
    assert table.columns.tolist() == ["year", "iso3", "paper", "ours", "difference"]
    assert len(table) == 120 and table["ours"].notna().sum() == 1
    row = table.dropna().iloc[0]
    assert (row["year"], row["iso3"], row["paper"]) == (2001, "CHN", 0.0991)
    assert_allclose(row["difference"], 0.01, rtol=1e-10)


# ------------------------------------------------------------------- acceptance


@pytest.mark.shared
def test_observations_and_clusters_are_those_of_the_paper(shared):
    for column, own in paper_estimates(shared).items():
        assert own.n == printed.FIT[column.table, column.column][0]
        G = {"all": 41, "developed": 22, "developing": 19}[column.sample]
        assert own.clusters == G


@pytest.mark.shared
def test_standard_errors_and_r2_are_near_the_printed_ones(comparison):
    """README of data: 0.6 % on average, R2 by 0.002 and at most 0.007."""
    se = (comparison["se"] / comparison["paper_se"] - 1).abs()
    assert se.mean() < 0.007 and se.max() < 0.05
    columns = comparison.groupby(["table", "column"])[["r2", "paper_r2"]].first()
    r2 = (columns["r2"] - columns["paper_r2"]).abs()
    assert r2.mean() < 0.0025 and r2.max() < 0.0075


@pytest.mark.shared
def test_index_is_near_that_of_table_1(shared):
    table = paper.table_1(paper_panel(shared).frame)
    off = table["difference"].abs()
    assert off.notna().all()
    assert off.mean() < INDEX_MEAN and off.max() < INDEX_LARGEST


@pytest.mark.shared
def test_the_pooled_effect_exceeds_both_groups_in_every_outcome(comparison):
    """What ``engine.heterogeneity`` explains."""
    TBI = comparison[comparison["term"] == "TBI"]
    TBI = TBI[(TBI["table"] > 3) | (TBI["column"] > 2)]  # with controls
    slopes = TBI.pivot(index="outcome", columns="sample", values="coef")
    assert sorted(slopes.index) == sorted(OUTCOMES)
    assert (slopes["all"] > slopes[["developed", "developing"]].max(axis=1)).all()
