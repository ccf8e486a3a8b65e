"""Slopes by group against the subsamples, and what the pooled coefficient is made of."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.estimation.samples import sample
from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.papers.trade_imbalance import heterogeneity
from tivax.engine.papers.trade_imbalance.heterogeneity import PARTS, with_groups

from helpers import (
    fit_with_dummies,
    paper_estimates,
    paper_panel,
    random_panel,
    two_way,
)

# One regression of both groups against two; measured 2e-11 on the real panel.
SUBSAMPLE_RTOL = 1e-8
# Sums of squares of residuals against a regression; measured 1e-11 (real panel).
PARTS_RTOL = 1e-9
# Against the pseudo-inverse of all dummies; measured 1e-12.
RTOL = 1e-9

REGRESSORS = ("TBI", *CONTROLS)
MODELS = [
    "pooled",
    "group year effects",
    "interaction",
    "interaction, group year effects",
    "all interacted",
]


interactions: Any = heterogeneity.interactions
pooled_parts: Any = heterogeneity.pooled_parts
partial_points: Any = heterogeneity.partial_points


# -------------------------------------------------------------------- interactions


def test_columns_of_the_groups():
    frame = random_panel(countries=4, years=3)
    data = with_groups(frame)
    assert data["group_year"].tolist()[:4] == ["0-2000", "0-2001", "0-2002", "1-2000"]
    developed = frame["developed"] == 1
    assert_allclose(data.loc[developed, "RQ_dev"], frame.loc[developed, "RQ"])
    assert (data.loc[~developed, "TBI_dev"] == 0).all()


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_all_interacted_slopes_are_those_of_the_subsamples(missing):
    frame = random_panel(countries=24, missing=missing, seed=1, slopes=(1, 3))
    table = interactions(frame, ["KOFGIdj"]).set_index("model")
    assert table.index.tolist() == MODELS
    for group in ("developed", "developing"):
        fit = two_way(sample(frame, group), "KOFGIdj", REGRESSORS)
        own = table.loc["all interacted", group]
        assert_allclose(own, fit["TBI"].estimate, rtol=SUBSAMPLE_RTOL)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_model_agrees_with_dummies_written_out(missing):
    """Coefficients, and standard errors of both slopes and of their difference."""
    frame = random_panel(countries=14, missing=missing, seed=2, slopes=(1, 3))
    data = with_groups(frame)
    table = interactions(frame, ["KOFGIdj"]).set_index("model")
    interacted = [f"{k}_dev" for k in CONTROLS]
    designs = {
        "pooled": ([*REGRESSORS], "year"),
        "group year effects": ([*REGRESSORS], "group_year"),
        "interaction": (["TBI", "TBI_dev", *CONTROLS], "year"),
        "interaction, group year effects": (
            ["TBI", "TBI_dev", *CONTROLS],
            "group_year",
        ),
        "all interacted": (["TBI", "TBI_dev", *CONTROLS, *interacted], "group_year"),
    }
    N, G = len(frame), 14
    for model, (names, effect) in designs.items():
        literal = fit_with_dummies(data, "KOFGIdj", names, effects=("iso3", effect))
        years = 7 if effect == "year" else 14
        factor = G / (G - 1) * (N - 1) / (N - len(names) - years - 1)
        b, V = literal.coef, literal.sandwich * factor
        row = table.loc[model]
        both = [1.0, 1.0] if "TBI_dev" in names else [1.0, 0.0]
        a = np.array([*both, *[0.0] * (len(names) - 2)])
        assert_allclose(row["developing"], b[0], rtol=RTOL)
        assert_allclose(row["developing_se"], np.sqrt(V[0, 0]), rtol=RTOL)
        assert_allclose(row["developed"], a @ b, rtol=RTOL)
        assert_allclose(row["developed_se"], np.sqrt(a @ V @ a), rtol=RTOL)
        if "TBI_dev" in names:
            assert_allclose(row["difference"], b[1], rtol=RTOL)
            assert_allclose(row["difference_se"], np.sqrt(V[1, 1]), rtol=RTOL)
        else:
            assert np.isnan(
                [row["difference"], row["difference_se"], row["p_value"]]
            ).all()


# ------------------------------------------------------------ the pooled coefficient


def check_parts(parts: Any, coefficient: float) -> None:
    assert parts["part"].tolist() == list(PARTS)
    assert_allclose(parts["weight"].sum(), 1, rtol=PARTS_RTOL)
    assert (parts["weight"] >= 0).all()
    assert_allclose(parts["contribution"].sum(), coefficient, rtol=PARTS_RTOL)
    product = parts["weight"] * parts["slope"]
    assert_allclose(product, parts["contribution"], rtol=PARTS_RTOL)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_parts_add_up_to_the_pooled_coefficient(missing):
    frame = random_panel(countries=14, missing=missing, seed=6, slopes=(1, 3))
    frame.loc[5, "RQ"] = np.nan
    fit = two_way(frame, "KOFGIdj", REGRESSORS)
    check_parts(pooled_parts(frame, ["KOFGIdj"]), fit["TBI"].estimate)


def test_parts_by_their_definition():
    """e and y are residuals of the pooled model; group-year means are ``between``."""
    frame = random_panel(countries=14, seed=7, slopes=(1, 3))
    e = fit_with_dummies(frame, "TBI", CONTROLS).residuals
    y = fit_with_dummies(frame, "KOFGIdj", CONTROLS).residuals
    data = frame.assign(e=e, y=y)
    means = data.groupby(["developed", "year"])[["e", "y"]].transform("mean")
    rows: dict[str, Any] = {"between groups": (means["e"], means["y"])}
    for group, value in (("developed", 1), ("developing", 0)):
        own = data["developed"] == value
        left = data.loc[own, ["e", "y"]] - means[own]
        rows[f"within {group}"] = (left["e"], left["y"])
    table = pooled_parts(frame, ["KOFGIdj"]).set_index("part")
    for part, (x, z) in rows.items():
        assert_allclose(table.loc[part, "weight"], x @ x / (e @ e), rtol=RTOL)
        assert_allclose(table.loc[part, "slope"], x @ z / (x @ x), rtol=RTOL)


def test_points_are_the_partial_regression():
    """A slope through all of them is the pooled coefficient; a country stands twice."""
    frame = random_panel(countries=14, seed=8)
    points = partial_points(frame, "KOFGIdj")
    assert points.columns.tolist() == ["iso3", "year", "part", "x", "y"]
    assert points["part"].value_counts().to_dict() == {
        "within developed": 56,
        "within developing": 56,
        "between groups": 112,
    }
    slope = (points["x"] * points["y"]).sum() / (points["x"] ** 2).sum()
    fit = two_way(frame, "KOFGIdj", REGRESSORS)
    assert_allclose(slope, fit["TBI"].estimate, rtol=PARTS_RTOL)
    between = points[points["part"] == "between groups"].merge(
        frame[["iso3", "year", "developed"]]
    )
    spread = between.groupby(["developed", "year"])["x"].agg(np.ptp)
    assert spread.max() < 1e-9


def test_groups_that_move_alike_leave_nothing_between():
    """Every developed country has a developing twin with the same TBI and controls."""
    frame = random_panel(countries=14, seed=10)
    twins = {f"C{k + 1:02d}": f"C{k:02d}" for k in range(0, 14, 2)}
    same = frame[~frame["iso3"].isin(twins)].set_index(["iso3", "year"])
    copy = frame["iso3"].replace(twins)
    keys = pd.MultiIndex.from_arrays([copy, frame["year"]])
    frame[list(REGRESSORS)] = same.loc[keys, list(REGRESSORS)].to_numpy()
    table = pooled_parts(frame, ["KOFGIdj"]).set_index("part")
    assert table.loc["between groups", "weight"] < 1e-20
    assert abs(table.loc["between groups", "contribution"]) < 1e-12
    assert_allclose(table.loc["within developed", "weight"], 0.5, rtol=1e-10)


# ------------------------------------------------------------------- the real panel


@pytest.mark.shared
def test_real_slopes_are_those_of_tables_4_and_6(shared):
    table = interactions(paper_panel(shared).frame).set_index(["outcome", "model"])
    assert len(table) == 25
    estimates = paper_estimates(shared)
    compared = 0
    for column, fit in estimates.items():
        if not column.controls:
            continue
        model = "pooled" if column.sample == "all" else "all interacted"
        group = "developed" if column.sample == "all" else column.sample
        own = table.loc[(column.outcome, model), group]
        assert_allclose(own, fit["TBI"].estimate, rtol=SUBSAMPLE_RTOL)
        compared += 1
    assert compared == 15
