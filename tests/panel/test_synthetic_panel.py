"""The panel whose coefficients are known: are they found, and how often?"""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.panel.synthetic_panel import (
    OUTCOME,
    TRUE,
    known_effect,
    synthetic_panel,
)
from tivax.engine.papers.trade_imbalance.columns import TERMS

from helpers import error_of, fit_with_dummies

REGIONS, YEARS = 43, 15
# A normal estimate lies within 4 standard errors of the truth with probability
# 0.99994; the widest of the 24 below is 2.5.
FARTHEST = 4.0
SEEDS = range(60)
# Fewer than 88 % of 60 intervals hold the truth with probability 0.01, if each does with
# 95 %. Measured: 92 %.
LEAST_COVERAGE = 0.88
RTOL = 1e-9  # two least-squares solutions of regressors of very different size


def index(
    regions: int = REGIONS, years: int = YEARS, *, row: bool = True
) -> xr.Dataset:
    """An index that moves within regions as the real one does, the world's rest last."""
    rng = np.random.default_rng(5)
    level = 0.1 * rng.standard_normal((1, regions))
    moves = 0.03 * rng.standard_normal((years, regions)).cumsum(axis=0)
    names = [f"R{k:02}" for k in range(regions)]
    values = level + moves
    if row:
        names, values = [*names, "ROW"], np.hstack([values, np.ones((years, 1))])
    return xr.Dataset(
        {"tbi": (("year", "region"), values)},
        coords={"year": np.arange(2000, 2000 + years), "region": names},
    )


@pytest.fixture(scope="module")
def known():
    tbi = index()
    return {seed: known_effect(tbi, seed) for seed in SEEDS}


# ---------------------------------------------------------------------- the panel


def test_the_panel_has_a_row_for_each_region_and_year_but_none_for_the_rest():
    frame = synthetic_panel(index(), 0)
    assert list(frame) == ["iso3", "year", "developed", "TBI", OUTCOME, *CONTROLS]
    assert len(frame) == REGIONS * YEARS
    assert "ROW" not in set(frame["iso3"])
    assert not frame.duplicated(["iso3", "year"]).any()
    assert frame.notna().all(axis=None)
    assert set(frame["developed"]) == {0, 1}
    assert (frame.groupby("iso3")["developed"].nunique() == 1).all()


def test_the_index_of_the_panel_is_that_of_the_tables():
    tbi = index()
    frame = synthetic_panel(tbi, 0)
    for row in frame.iloc[::37].itertuples():
        assert row.TBI == float(tbi["tbi"].sel(region=row.iso3, year=row.year))


def test_the_rest_of_the_world_changes_nothing():
    with_row, without = (
        synthetic_panel(index(), 3),
        synthetic_panel(index(row=False), 3),
    )
    pd.testing.assert_frame_equal(with_row, without)


def test_the_seed_alone_makes_the_draws():
    tbi = index()
    first = synthetic_panel(tbi, 1)
    np.random.default_rng(9).normal(size=10)  # draws elsewhere
    pd.testing.assert_frame_equal(first, synthetic_panel(tbi, 1))
    other = synthetic_panel(tbi, 2)
    assert (first[OUTCOME] != other[OUTCOME]).all()
    assert first["TBI"].equals(other["TBI"])


def test_the_order_of_dimensions_does_not_matter():
    turned = index().transpose("region", "year")
    pd.testing.assert_frame_equal(
        synthetic_panel(turned, 4), synthetic_panel(index(), 4)
    )


def test_errors_are_correlated_over_time_and_unequal_between_countries(known):
    """What clustered standard errors are for: AR(1) of 0.5, spread by exp(0.4 z)."""
    correlations, ratios = [], []
    for each in known.values():
        frame = each.frame.assign(e=each.estimate.residuals)
        before = frame.groupby("iso3")["e"].shift()
        correlations.append(frame["e"].corr(before))
        spread = frame.groupby("iso3")["e"].std()
        ratios.append(spread.quantile(0.9) / spread.quantile(0.1))
    # Effects taken out of 15 years lower 0.5; measured 0.35.
    assert 0.25 < np.mean(correlations) < 0.5
    # exp(0.8 * 1.28) = 2.8 for normal z; measured 2.8.
    assert 2.0 < np.mean(ratios) < 4.5


def test_leaving_the_controls_out_moves_the_coefficient(known):
    """They lean on the index: the bias is the sum of TRUE x lean."""
    lean = {
        "RQ": 0.3,
        "lnEXR": -0.2,
        "TFP": 0.1,
        "INFR": -5.0,
        "lnCK": 0.3,
        "lnGDP": 0.2,
    }
    bias = sum(TRUE[name] * k for name, k in lean.items())
    assert_allclose(bias, 2.2)
    moved = []
    for each in known.values():
        x, y = (
            demeaned.to_numpy()
            for demeaned in (two_way(each.frame, k) for k in ("TBI", OUTCOME))
        )
        moved.append((x * y).sum() / (x * x).sum() - TRUE["TBI"])
    # They scatter by 2.0, the mean of 60 of them by 0.25.
    assert abs(np.mean(moved) - bias) < 3 * 0.25


def two_way(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A column by country and year, both means taken out."""
    wide = frame.pivot(index="iso3", columns="year", values=name)
    wide = wide.sub(wide.mean(axis=1), axis=0)
    return wide - wide.mean(axis=0)


# ------------------------------------------------------------------- the estimates


def test_known_coefficients_are_found(known):
    for each in (known[k] for k in (0, 1, 2)):
        table = each.comparison
        assert table["term"].tolist() == list(TRUE)
        assert set(TRUE) == set(TERMS) - {"const"}
        assert table["true"].tolist() == list(TRUE.values())
        assert (table["z"].abs() < FARTHEST).all()
        assert_allclose(table["z"], (table["estimate"] - table["true"]) / table["se"])


def test_the_estimate_is_least_squares_with_a_dummy_for_everything(known):
    each = known[0]
    literal = fit_with_dummies(each.frame, OUTCOME, list(TRUE))
    assert_allclose(each.comparison["estimate"], literal.coef, rtol=RTOL)
    assert each.estimate.n == REGIONS * YEARS and each.estimate.clusters == REGIONS


def test_intervals_hold_the_true_effect_about_as_often_as_they_claim(known):
    held = []
    for each in known.values():
        tbi = each.comparison.set_index("term").loc["TBI"]
        held.append(tbi["ci_low"] <= TRUE["TBI"] <= tbi["ci_high"])
    assert LEAST_COVERAGE <= np.mean(held) <= 1


def test_estimates_of_the_index_are_not_biased(known):
    z = [each.comparison["z"][0] for each in known.values()]
    # The mean of 60 standard normal numbers has a standard error of 0.13.
    assert abs(np.mean(z)) < 3.5 * 0.13


def test_inside_counts_the_intervals_that_hold_the_truth(known):
    for each in known.values():
        k = each.comparison
        outside = (k["true"] < k["ci_low"]) | (k["true"] > k["ci_high"])
        assert each.inside == len(TRUE) - outside.sum()


# ----------------------------------------------------------------------- too small


@pytest.mark.parametrize(
    "regions, years, told",
    [
        (9, 15, "a panel of 9 regions x 15 years is too small to estimate"),
        (43, 4, "a panel of 43 regions x 4 years is too small to estimate"),
    ],
)
def test_a_panel_that_is_too_small_is_refused(regions, years, told):
    line = error_of(synthetic_panel, index(regions, years), 0)
    assert line == f"{told}; take 10 x 5 or more"


def test_ten_regions_and_five_years_are_enough():
    each = known_effect(index(10, 5), 0)
    assert each.estimate.n == 50
    assert each.comparison.notna().all(axis=None)
