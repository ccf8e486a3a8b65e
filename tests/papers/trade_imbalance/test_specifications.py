"""Leave-one-out and the specification curve against the regressions one by one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.estimation.samples import sample
from tivax.engine.panel.blocks import effective_exchange_rate, real_exchange_rate
from tivax.engine.panel.build import build_panel
from tivax.engine.panel.data_files import DataFiles, Edition, Fill, inflation_source
from tivax.engine.panel.further_data import FurtherData
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES
from tivax.engine.papers.trade_imbalance.columns import (
    COLUMNS,
    SAMPLES,
    estimate_columns,
)
from tivax.engine.papers.trade_imbalance.editions import CHOICES, is_identified
from tivax.engine.papers.trade_imbalance.specifications import (
    Curve,
    _largest_difference,
    leave_one_out,
    leave_one_out_summary,
    specification_curve,
)

from helpers import paper_estimates, paper_files, paper_panel, random_panel, two_way

# The kernel against pyfixest, float64: the normal equations of 22 columns in place of a
# solve of the transformed rows. Measured 3e-11 standard errors (real panel).
RTOL = 1e-8

NUMBERS = ["estimate", "se", "ci_low", "ci_high", "p_value"]


# ------------------------------------------------------------------- leave one out


def assert_is_fit(row: pd.Series, fit) -> None:
    own = fit.terms.loc["TBI", NUMBERS]
    assert_allclose(row[NUMBERS].to_numpy(float), own.to_numpy(float), rtol=RTOL)
    assert (row["n"], row["clusters"]) == (fit.n, fit.clusters)


def test_each_row_is_a_refit_without_one_country():
    """Also of a country outside the balanced part, and of one that has no row."""
    frame = random_panel(countries=22, missing=0.1, seed=1)
    frame.loc[frame["iso3"] == "C04", "RQ"] = np.nan
    table = leave_one_out(frame)
    for column in (COLUMNS[0], COLUMNS[4]):
        part = sample(frame, column.sample)
        rows = table[
            (table["table"] == column.table) & (table["column"] == column.column)
        ]
        assert rows["left_out"].tolist() == ["", *sorted(set(part["iso3"]))]
        for _, row in rows.iterrows():
            left = part[part["iso3"] != row["left_out"]]
            assert_is_fit(row, two_way(left, column.outcome, column.regressors))
    developed = frame.groupby("iso3")["developed"].first()
    named = table[table["left_out"] != ""]
    assert_array_equal(named["developed"], named["left_out"].map(developed))


def test_summary_names_who_moves_the_coefficient():
    """By hand: 1.0 with all; 0.9, 1.5 and -0.2 without A, B, C; no fit without D."""
    about = {"table": 3, "column": 1, "outcome": "KOFGIdj", "sample": "all"}
    frame = pd.DataFrame(
        {
            **about,
            "left_out": ["", "A", "B", "C", "D"],
            "estimate": [1.0, 0.9, 1.5, -0.2, np.nan],
            "se": [0.5, 0.5, 0.5, 0.5, np.nan],
            "p_value": [0.04, 0.05, 0.01, 0.6, np.nan],
        }
    )
    (row,) = leave_one_out_summary(frame).to_dict("records")
    assert row == {
        **about,
        "estimate": 1.0,
        "lowest": -0.2,
        "without_lowest": "C",
        "highest": 1.5,
        "without_highest": "B",
        "most_influential": "C",
        "largest_p_value": 0.6,
        "smallest_p_value": 0.01,
        "sign_changes": 1,
        "not_estimated": 1,
    }


def test_regressors_of_very_different_size_do_no_harm():
    """12 orders of magnitude apart."""
    frame = random_panel(countries=22, seed=4)
    small = frame.assign(TBI=1e-6 * frame["TBI"], lnPOP=1e6 * frame["lnPOP"])
    one, other = leave_one_out(frame), leave_one_out(small)
    for name in ("estimate", "se"):
        assert_allclose(1e-6 * other[name], one[name], rtol=RTOL)


def test_no_more_countries_than_regressors_have_no_estimate():
    """Eight developing countries for eight regressors once one is left out."""
    frame = random_panel(countries=18, seed=3)
    table = leave_one_out(frame)
    lost = table[table["se"].isna()]
    assert set(lost["table"]) == {4, 6} and (lost["left_out"] != "").all()
    assert (lost["clusters"] == 8).all()
    summary = leave_one_out_summary(table)
    assert summary.loc[summary["table"] == 6, "not_estimated"].eq(9).all()


# ------------------------------------------------------------- specification curve


STEPS: list[tuple[int, int]] = []


@pytest.fixture(scope="module")
def curve(shared) -> Curve:
    return specification_curve(
        FurtherData(paper_files(shared)),
        paper_panel(shared),
        paper_estimates(shared),
        progress=lambda done, total: STEPS.append((done, total)),
    )


@pytest.mark.shared
def test_every_combination_has_its_rows(curve):
    """3 KOF x 3 PWT x 2 WGI x 2 rules x 3 exchange rates x 3 inflations."""
    rows = curve.rows
    assert len(rows) == 324 * 15
    keys = ["outcome", "sample", *CHOICES]
    assert not rows.duplicated(keys).any()
    assert rows.groupby(["outcome", "sample"]).size().eq(324).all()
    assert set(rows["outcome"]) == set(OUTCOMES) and set(rows["sample"]) == set(SAMPLES)
    assert [rows[name].nunique() for name in CHOICES] == [3, 3, 2, 2, 3, 3]
    assert (STEPS[0], STEPS[-1], len(STEPS)) == ((0, 5), (5, 5), 6)
    assert np.isfinite(rows[NUMBERS].to_numpy(float)).all()
    assert (rows["n"] <= 615).all() and (rows["n"] >= 0.95 * 285).all()


@pytest.mark.shared
def test_identified_rows_are_the_columns_of_the_paper(curve, shared):
    assert curve.identified and curve.name == "identified"
    identified = curve.rows[curve.rows["chosen"]]
    assert len(identified) == 15
    table = identified.set_index(["outcome", "sample"])
    compared = 0
    for column, fit in paper_estimates(shared).items():
        if column.controls:
            row = table.loc[(column.outcome, column.sample)]
            assert_is_fit(row, fit)
            compared += 1
    assert compared == 15
    assert curve.largest_difference < RTOL


@pytest.mark.shared
@pytest.mark.parametrize(
    "change",
    [
        {"kof": Edition("2020", Path("x"))},
        {"fill_2001": "linear"},
        {"inflation_override": {}},
        {"codes": "fixed"},
        {"drop": ("LUX",)},
        {"years": (2000, 2010)},
    ],
    ids=str,
)
def test_other_choices_are_not_the_identified_ones(shared, change):
    assert is_identified(paper_files(shared))
    assert not is_identified(replace(paper_files(shared), **change))


@pytest.mark.shared
def test_standard_errors_count_in_the_largest_difference(curve, shared):
    """The chosen rows against estimates with another covariance."""
    others = estimate_columns(paper_panel(shared).frame, convention="plm")
    gap = _largest_difference(curve.rows, others)
    own = [
        abs(fit["TBI"].se - paper_estimates(shared)[column]["TBI"].se) / fit["TBI"].se
        for column, fit in others.items()
        if column.controls
    ]
    assert_allclose(gap, max(own), rtol=1e-6)


def other_files(files: DataFiles, chosen: dict[str, str]) -> DataFiles:
    """The data files with the editions of one combination in the first place."""

    def edition(source: str, name: str) -> Edition:
        editions = [getattr(files, source), *files.alternatives.get(source, ())]
        (found,) = [k for k in editions if k.name == name]
        return found

    rules: dict[str, Fill] = {"mean-1996-2014": "mean-1996-2014", "linear": "linear"}
    more: dict = {}
    if chosen["inflation"] == "wdi":
        more["inflation_override"] = {}
    elif chosen["inflation"].startswith("weo"):
        weo = edition("inflation", chosen["inflation"].removeprefix("weo "))
        more["inflation"] = weo
        more["inflation_source"] = inflation_source(weo.path)
        more["inflation_override"] = {}
    return replace(
        files,
        kof=edition("kof", chosen["KOF"]),
        pwt=edition("pwt", chosen["PWT"]),
        wgi=edition("wgi", chosen["WGI"]),
        fill_2001=rules[chosen["2001"]],
        **more,
    )


def rebuilt(files: DataFiles, chosen: dict[str, str]) -> pd.DataFrame:
    """The panel of a combination, read anew from its files."""
    other = other_files(files, chosen)
    frame = build_panel(other).frame
    keys = pd.MultiIndex.from_frame(frame[["iso3", "year"]])
    if chosen["exchange rate"] == "real":
        rate = real_exchange_rate(other.pwt).reindex(keys)
        frame = frame.assign(lnEXR=rate.to_numpy())
    if chosen["exchange rate"] == "real effective":
        rate = effective_exchange_rate(files.alternatives["reer"][0].path)
        frame = frame.assign(lnEXR=rate.reindex(keys).to_numpy())
    return frame


# One of each choice at least once.
COMBINATIONS = [
    ("2018", "9.0", "2020", "linear", "real", "wdi"),
    ("2020", "9.1", "2022", "mean-1996-2014", "nominal", "weo Apr2021"),
    ("2023", "10.01", "2020", "mean-1996-2014", "real effective", "wdi, GBR older"),
]


@pytest.mark.shared
@pytest.mark.parametrize("combination", COMBINATIONS, ids=" ".join)
def test_a_combination_is_the_regression_on_its_own_panel(curve, shared, combination):
    chosen: dict[str, str] = dict(zip(CHOICES, combination, strict=True))
    frame = rebuilt(paper_files(shared), chosen)
    rows = curve.rows
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 15
    for _, row in rows.iterrows():
        part = sample(frame, row["sample"])
        assert_is_fit(row, two_way(part, row["outcome"], ["TBI", *CONTROLS]))
