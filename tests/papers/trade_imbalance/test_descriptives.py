"""Moments of the panel: by hand, Stata's identities, and what the regressions see."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.estimation.samples import sample
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES
from tivax.engine.papers.trade_imbalance import descriptives
from tivax.engine.papers.trade_imbalance.descriptives import (
    STRUCTURE,
    VARIABLES,
    index_structure,
)

from helpers import error_of, fit_with_dummies, paper_panel, random_panel, two_way

# A few sums in another order; measured 1e-14.
RTOL = 1e-12
# Residuals against the pseudo-inverse of all dummies; measured 1e-13.
RESIDUAL_RTOL = 1e-9

SAMPLES = ("all", "developed", "developing")


describe: Any = descriptives.describe
within_variation: Any = descriptives.within_variation


def two_countries() -> pd.DataFrame:
    """TBI of A 1 and 3, of B 6 and 10; A is developed."""
    return pd.DataFrame(
        {
            "iso3": ["A", "A", "B", "B"],
            "year": [2000, 2001, 2000, 2001],
            "developed": [1, 1, 0, 0],
            "TBI": [1.0, 3.0, 6.0, 10.0],
        }
    )


def test_moments_of_two_countries_by_hand():
    """Deviations from 5: 16 + 4 + 1 + 25 = 46; means 2, 8; from them 1, 1, 4, 4."""
    row = describe(two_countries(), ["TBI"]).set_index("sample").loc["all"]
    assert_allclose(row["mean"], 5, rtol=RTOL)
    assert_allclose(row["sd"], np.sqrt(46 / 3), rtol=RTOL)
    assert_allclose(row["between"], np.sqrt(18), rtol=RTOL)
    assert_allclose(row["within"], np.sqrt(10 / 3), rtol=RTOL)
    assert (row["min"], row["max"], row["n"]) == (1, 10, 4)


def test_moments_of_one_country_have_no_between():
    table = describe(two_countries(), ["TBI"]).set_index("sample")
    assert_allclose(table.loc["developed", "mean"], 2, rtol=RTOL)
    assert_allclose(table.loc["developed", "within"], np.sqrt(2), rtol=RTOL)
    assert np.isnan(table.loc["developed", "between"])
    assert table.loc["developing", "n"] == 2


def test_missing_cells_are_left_out_variable_by_variable():
    """Of RQ: means 2 and 4, deviations -1, 1, -1, 0, 1, divisor 5 - 1."""
    more = two_countries().assign(year=[2002, 2003, 2002, 2003])
    frame = pd.concat([two_countries(), more])
    frame["RQ"] = [np.nan, 1.0, 3.0, 4.0, np.nan, 3.0, 5.0, np.nan]
    table = describe(frame, ["TBI", "RQ"]).set_index(["variable", "sample"])
    assert (table.loc[("TBI", "all"), "n"], table.loc[("RQ", "all"), "n"]) == (8, 5)
    assert_allclose(table.loc[("RQ", "all"), "within"], 1, rtol=RTOL)
    assert_allclose(table.loc[("RQ", "all"), "between"], np.sqrt(2), rtol=RTOL)


def test_identity_of_a_balanced_panel():
    """(N-1) sd^2 = (N-1) within^2 + T (G-1) between^2."""
    frame = random_panel(countries=10, years=6, seed=1)
    table = describe(frame)
    assert len(table) == len(VARIABLES) * 3
    assert table["variable"].unique().tolist() == list(VARIABLES)
    for row in table.itertuples():
        N, G = row.n, row.n // 6
        total = (N - 1) * row.sd**2
        parts = (N - 1) * row.within**2 + 6 * (G - 1) * row.between**2
        assert_allclose(total, parts, rtol=RTOL)


def test_what_effects_and_regressors_leave_agrees_with_dummies_written_out():
    """All columns, unbalanced and with a missing cell."""
    frame = random_panel(countries=24, missing=0.2, seed=2)
    frame.loc[3, "RQ"] = np.nan
    names = ["TBI", *CONTROLS]
    table = within_variation(frame).set_index(["sample", "variable"])
    for group in SAMPLES:
        used = sample(frame, group).dropna(subset=names)
        for name in names:
            others = [k for k in names if k != name]
            row = table.loc[(group, name)]
            divisor = np.sqrt(len(used) - 1)
            country = used[name] - used.groupby("iso3")[name].transform("mean")
            two_way = fit_with_dummies(used, name, []).residuals
            partial = fit_with_dummies(used, name, others).residuals
            expected = {
                "total": used[name].std(),
                "country": np.linalg.norm(country) / divisor,
                "two_way": np.linalg.norm(two_way) / divisor,
                "partial": np.linalg.norm(partial) / divisor,
                "share": partial @ partial / ((len(used) - 1) * used[name].var()),
            }
            own = row[list(expected)].to_numpy(float)
            assert_allclose(own, [*expected.values()], rtol=RESIDUAL_RTOL)


INDICES = [*STRUCTURE, *(k for parts in STRUCTURE.values() for k in parts)]


def panel_of(frame: pd.DataFrame) -> Any:
    """Of a panel, its outcomes and its further indices."""
    keys = ["iso3", "year"]
    own = [k for k in OUTCOMES if k in frame]
    return SimpleNamespace(
        frame=frame[keys + own], other_outcomes=frame.drop(columns=own)
    )


def test_gaps_of_table_2_are_counted_where_every_part_is_there():
    """KOFEcGIdj of AUS is a point off the mean of its parts; AUT lacks a part."""
    frame = pd.DataFrame({"iso3": ["AUS", "AUS", "AUT"], "year": [2000, 2001, 2000]})
    frame[INDICES] = 10.0
    frame["KOFEcGIdj"] = [11.0, 11.0, 10.0]
    frame.loc[2, "KOFFiGIdj"] = np.nan
    table = index_structure(panel_of(frame), Path("kof.dta")).set_index("index")
    row = table.loc["KOFEcGIdj"]
    assert (row["rows"], row["beyond"], row["largest_difference"]) == (2, "AUS 2", 1.0)


def test_a_file_without_the_parts_is_named():
    frame = pd.DataFrame({"iso3": ["AUS"], "year": [2000]}).assign(KOFGIdj=1.0)
    told = error_of(index_structure, panel_of(frame), Path("raw/kof.dta"))
    assert told.startswith("raw/kof.dta: lacks one of KOFEcGIdj, KOFSoGIdj, ")


@pytest.mark.shared
def test_real_index_is_mostly_between_countries(shared):
    """And its coefficient is that of what the other regressors leave of it."""
    frame = paper_panel(shared).frame
    table = describe(frame).set_index(["variable", "sample"])
    assert (table.xs("all", level="sample")["n"] == 615).all()
    TBI = table.loc[("TBI", "all")]
    assert TBI["between"] > 2 * TBI["within"]
    variation = within_variation(frame).set_index(["sample", "variable"])
    assert variation.loc[("all", "TBI"), "share"] < 0.2
    partial = variation.loc[("all", "TBI"), "partial"]
    fit = two_way(frame, "KOFGIdj", ["TBI", *CONTROLS])
    left = two_way(frame, "TBI", CONTROLS).residuals
    slope = left @ frame["KOFGIdj"] / (614 * partial**2)
    assert_allclose(slope, fit["TBI"].estimate, rtol=1e-8)
