"""Average slopes of movers: by loops, and where effects are known without errors."""

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from described import assert_described
from helpers import error_of


def _panel(seed: int = 0, noise: float = 0.0, stay: float = 0.3) -> pd.DataFrame:
    """Units with slopes of their own; a share stays where it is."""
    rng = np.random.default_rng(seed)
    G, T = 14, 8
    moves = rng.normal(size=(G, T)) * (rng.uniform(size=(G, T)) > stay)
    D = np.cumsum(moves, axis=1)
    slope = rng.normal(2, 1, size=(G, 1)) * np.ones((G, T))
    y = rng.normal(size=(G, 1)) + rng.normal(size=(1, T)) + slope * D
    y = y + noise * rng.normal(size=(G, T))
    g, t = (k.ravel() for k in np.indices((G, T)))
    made = {"iso3": [f"C{k:02d}" for k in g], "year": 2000 + t, "d": D.ravel()}
    return pd.DataFrame({**made, "y": y.ravel(), "slope": slope.ravel()})


def test_with_stayers_the_averages_are_those_of_the_movers_slopes():
    """Effects of each unit its own, exactly; within the band nobody moves."""
    data = _panel()
    found = tx.referee.movers(
        data, "y", "d", shares=[0.2, 0.25], order=0, entity="iso3", time="year"
    )
    assert (found.table["band"] == 0).all()
    change = data.groupby("iso3")["d"].diff()
    moved = data[change.abs() > 0].assign(dd=change)
    rows = found.chosen.set_index("estimand")["estimate"]
    assert rows["AS"] == pytest.approx(moved["slope"].mean(), rel=1e-10)
    weighted = np.average(moved["slope"], weights=moved["dd"].abs())
    assert rows["WAS"] == pytest.approx(weighted, rel=1e-10)


def _literal(data: pd.DataFrame, h: float, order: int) -> tuple[float, float]:
    rows = data.sort_values(["iso3", "year"])
    before = rows.groupby("iso3")[["y", "d", "c"]].shift()
    dy, dd, dc = (rows[k] - before[k] for k in ("y", "d", "c"))
    keep = before["d"].notna()
    dummies = pd.get_dummies(rows["year"]).astype(float)
    X = pd.concat(
        [dummies, dc, *(before["d"] ** k for k in range(1, order + 1))], axis=1
    )
    near = keep & (dd.abs() <= h)
    full = np.column_stack([X, dd])
    c = np.linalg.lstsq(full[near], dy[near].to_numpy(), rcond=1e-10)[0]
    there = rows["year"].isin(rows["year"][near])
    moves = keep & (dd.abs() > h) & there
    e = dy[moves].to_numpy() - X[moves].to_numpy() @ c[:-1]
    d = dd[moves].to_numpy()
    return (e / d).mean(), (np.sign(d) * e).sum() / np.abs(d).sum()


def test_slopes_and_their_jackknife_are_those_of_refits():
    data = _panel(1, noise=0.5, stay=0.0)
    data["c"] = np.random.default_rng(4).normal(size=len(data))
    found = tx.referee.movers(
        data,
        "y",
        "d",
        controls=["c"],
        shares=[0.3, 0.5],
        order=2,
        entity="iso3",
        time="year",
    ).table.query("share == 0.5")
    h = found["band"].iloc[0]
    own = _literal(data, h, 2)
    assert found["estimate"].to_numpy() == pytest.approx(own, rel=1e-9)
    left = np.array(
        [_literal(data[data["iso3"] != k], h, 2) for k in data["iso3"].unique()]
    )
    se = np.sqrt(13 / 14 * ((left - own) ** 2).sum(axis=0))
    assert found["se"].to_numpy() == pytest.approx(se, rel=1e-8)


def test_the_chosen_band_predicts_best(tmp_path):
    found = tx.referee.movers(
        _panel(2, noise=1.0, stay=0.0), "y", "d", entity="iso3", time="year"
    )
    errors = found.table.drop_duplicates("share").set_index("share")["prediction_error"]
    assert found.chosen["share"].iloc[0] == errors.idxmin()
    assert "Against the" in found.sentence
    found.save(tmp_path / "out")
    assert_described("movers", tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"treatment": "none"}, "no column none"),
        ({"shares": 0.2}, "shares: give numbers between 0 and 1"),
        ({"shares": [1.5]}, "shares: give numbers between 0 and 1"),
        ({"treatment": "fixed"}, "fixed does not change"),
        ({"outcome": "trend"}, "trend is a linear combination of the effects"),
        ({"outcome": "same"}, "same is a linear combination of the effects"),
        ({"controls": ["c", "twin"]}, "twin is collinear with the other"),
        ({"treatment": "trend"}, "trend is collinear with the other"),
        ({"shares": [0.01]}, "no band has enough quasi-stayers"),
    ],
)
def test_mistakes_are_told_in_one_line(more, message):
    data = _panel(stay=0.0).assign(fixed=lambda k: k["iso3"].str[1:].astype(float))
    data["c"] = np.random.default_rng(4).normal(size=len(data))
    data = data.assign(twin=2 * data["c"], same=data["fixed"] / 3)
    data["trend"] = 2.0 * data["year"]
    options = {"treatment": "d", "outcome": "y"} | more
    assert message in error_of(
        tx.referee.movers, data, entity="iso3", time="year", **options
    )


def test_rows_that_stay_do_not_move_at_most_by_nothing():
    data = _panel(stay=0.5)
    data["d"] = 1e6 + data["d"].round(1) + 1e-10 * data["year"]  # rounding
    found = tx.referee.movers(data, "y", "d", shares=[0.2], entity="iso3", time="year")
    assert "rows whose d does not move, the average" in found.sentence
