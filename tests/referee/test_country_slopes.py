"""Mean group and t over blocks, by regressions of each."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import tivax as tx

from described import assert_described
from helpers import error_of, random_panel, two_way

NAMES = ["TBI", "RQ"]


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    data = random_panel(missing=0.1, seed=3, countries=12, years=10)
    return data.assign(block="b" + (data["iso3"].str[1:].astype(int) % 4).astype(str))


def test_means_are_those_of_regressions_of_each(panel, tmp_path):
    found = tx.referee.country_slopes(
        panel, "KOFGIdj", NAMES, blocks="block", entity="iso3", time="year"
    )
    columns = ["KOFGIdj", *NAMES]
    net = panel[columns] - panel.groupby("year")[columns].transform("mean")
    slopes = []
    for _, rows in net.groupby(panel["iso3"]):
        X = np.column_stack([rows[NAMES], np.ones(len(rows))])
        slopes.append(np.linalg.lstsq(X, rows["KOFGIdj"], rcond=None)[0][:2])
    of_blocks = [
        two_way(rows, "KOFGIdj", NAMES).terms.loc[NAMES, "estimate"]
        for _, rows in panel.groupby("block")
    ]
    rows = found.table.set_index(["method", "term"])
    for method, own in (("mean group", slopes), ("t over blocks", of_blocks)):
        b = np.array(own)
        test = stats.ttest_1samp(b, 0)
        ends = test.confidence_interval(0.95)
        for j, term in enumerate(NAMES):
            row = rows.loc[(method, term)]
            assert row["estimate"] == pytest.approx(b[:, j].mean(), rel=1e-9)
            assert row["p_value"] == pytest.approx(test.pvalue[j], rel=1e-7)
            assert row["ci_low"] == pytest.approx(ends.low[j], rel=1e-8)
            assert row["groups"] == len(b)
    assert "mean group" in found.sentence
    found.save(tmp_path / "out")
    assert_described("country-slopes", tmp_path / "out")


def test_the_mean_group_is_the_mean_of_slopes_that_differ():
    """Without errors and shocks of years the slopes are found as they are."""
    rng = np.random.default_rng(0)
    b, x = rng.normal(2, 1, size=(8, 1)), rng.normal(size=(8, 12))
    x = x - x.mean(axis=0)
    y = b * x
    g, t = (k.ravel() for k in np.indices(x.shape))
    data = pd.DataFrame({"iso3": g, "year": t, "x": x.ravel(), "y": y.ravel()})
    # Net of years the outcome loses the mean of b x, which is no slope's.
    data["y"] -= data.groupby("year")["y"].transform("mean")
    found = tx.referee.country_slopes(data, "y", ["x"], entity="iso3", time="year")
    net = y - y.mean(axis=0)
    own = [np.polyfit(k, m, 1)[0] for k, m in zip(x, net, strict=True)]
    assert found.slopes["estimate"].to_numpy() == pytest.approx(own, rel=1e-9)


def test_a_regressor_that_does_not_move_has_no_slope():
    """Five of nine countries change a policy; a control is constant in most."""
    rng = np.random.default_rng(4)
    g, t = (k.ravel() for k in np.indices((9, 12)))
    data = pd.DataFrame({"iso3": g, "year": t, "y": rng.normal(size=108)})
    data["fta"] = ((t > g + 2) & (g < 5)).astype(float)
    data["eu"] = np.where(g == 2, t > 8, g == 3) * 1.0
    data["z"] = data.groupby("iso3")["y"].transform("mean")
    found = tx.referee.country_slopes(
        data, "y", ["fta", "eu"], entity="iso3", time="year"
    )
    fta = found.slopes.query("term == 'fta'")
    assert fta["group"].tolist() == list("01234") and found.entities == 9
    assert found.table.set_index("term").loc["fta", "groups"] == 5
    assert "4 of 9 countries are left out: fta does not move" in found.sentence
    one = data[g == 0] - data.groupby("year").transform("mean")[g == 0].assign(iso3=0)
    slope = np.polyfit(one["fta"], one["y"], 1)[0]
    assert fta["estimate"].iloc[0] == pytest.approx(slope, rel=1e-9)
    for column in ("z", "eu"):
        assert "have a slope of their own" in error_of(
            tx.referee.country_slopes, data, "y", [column], entity="iso3", time="year"
        )


def test_mistakes_are_told_in_one_line(panel):
    moved = panel.assign(block=panel["block"].where(panel["year"] > 2004, "other"))
    for frame, blocks, told in (
        (moved, "block", "is in two blocks"),
        (panel[panel["iso3"] < "C02"], None, "2 countries have a slope of their own"),
        (
            panel.assign(block=panel["iso3"]),
            "block",
            "0 blocks of two countries or more have a slope",
        ),
        (pd.concat([panel, panel.head(1)]), None, "has two rows in"),
    ):
        assert told in error_of(
            tx.referee.country_slopes,
            frame,
            "KOFGIdj",
            NAMES,
            blocks=blocks,
            entity="iso3",
            time="year",
        )
