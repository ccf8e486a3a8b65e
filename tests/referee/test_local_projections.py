"""Responses by horizon: by least squares with dummies, and where they are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import tivax as tx
from tivax.engine.referee.local_projections import sup_t

from described import assert_described
from helpers import error_of


def _panel(noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """y responds to d by 1 at once, 2 after a year, 3 from then on."""
    rng = np.random.default_rng(seed)
    G, T = 15, 14
    change = rng.normal(size=(G, T))
    grown = sum(np.pad(change, ((0, 0), (h, 0)))[:, :T] for h in range(3))
    y = np.cumsum(grown, axis=1) + np.cumsum(rng.normal(size=(1, T)), axis=1)
    y = y + noise * rng.normal(size=(G, T))
    g, t = (k.ravel() for k in np.indices((G, T)))
    data = pd.DataFrame({"iso3": [f"C{k:02d}" for k in g], "year": 2000 + t})
    data["d"], data["y"] = np.cumsum(change, axis=1).ravel(), y.ravel()
    return data.assign(c=rng.normal(size=G * T))


def test_responses_are_found():
    """Thirty times the rows would be exact; changes are independent over time."""
    found = tx.referee.local_projections(
        _panel(), "y", "d", horizons=3, lags=0, entity="iso3", time="year"
    ).table
    rows = found[found["measure"] == "response"].set_index("horizon")
    inside = rows["band_low"] <= [0, 1, 2, 3, 3]
    assert (inside & (rows["band_high"] >= [0, 1, 2, 3, 3])).all()
    total = found[found["measure"] == "cumulative"]["estimate"].to_numpy()
    own = rows.loc[[0, 1, 2, 3], "estimate"].cumsum().to_numpy()
    assert total == pytest.approx(own, rel=1e-12)


def test_a_horizon_is_least_squares_with_dummies():
    data = _panel(noise=1.0)
    found = tx.referee.local_projections(
        data, "y", "d", controls=["c"], horizons=2, entity="iso3", time="year"
    ).table
    wide = data.set_index(["iso3", "year"]).unstack("year")
    dy, dd, dc = (wide[k].diff(axis=1) for k in ("y", "d", "c"))
    h = 2
    tables = {
        "y": wide["y"].shift(-h, axis=1) - wide["y"].shift(1, axis=1),
        "d": dd,
        "d1": dd.shift(1, axis=1),
        "y1": dy.shift(1, axis=1),
        "c": dc,
    }
    columns = {name: k.stack(future_stack=True) for name, k in tables.items()}
    rows = pd.DataFrame(columns).dropna()
    years = pd.get_dummies(rows.index.get_level_values("year")).astype(float)
    X = np.column_stack([rows[["d", "d1", "y1", "c"]], years.loc[:, years.any()]])
    H = np.linalg.pinv(X)
    u = rows["y"].to_numpy() - X @ (H @ rows["y"].to_numpy())
    row = found[(found["measure"] == "response") & (found["horizon"] == h)].iloc[0]
    assert row["estimate"] == pytest.approx(float(H[0] @ rows["y"]), rel=1e-9)
    sums = pd.Series(H[0] * u).groupby(rows.index.get_level_values("iso3")).sum()
    G, N, k = 15, len(rows), X.shape[1]
    factor = G / (G - 1) * (N - 1) / (N - k)
    assert row["se"] == pytest.approx(np.sqrt(factor * (sums**2).sum()), rel=1e-9)
    assert row["n"] == N


def test_events_compare_large_changes_with_rows_without_any():
    """No errors: events alone, one a unit, are found exactly."""
    G, T = 12, 12
    rng = np.random.default_rng(1)
    change = np.zeros((G, T))
    when = rng.permutation(np.tile([4, 5, 6, 7], G // 4))
    sign = np.where(np.arange(G) % 3 == 0, -1.0, 1.0)
    change[np.arange(G), when] = sign
    y = 2 * np.cumsum(change, axis=1) + rng.normal(size=(1, T))
    g, t = (k.ravel() for k in np.indices((G, T)))
    data = pd.DataFrame({"iso3": g, "year": t, "y": y.ravel()})
    data["d"] = np.cumsum(change, axis=1).ravel()
    share = G / (G * (T - 1)) - 0.001
    found = tx.referee.local_projections(
        data,
        "y",
        "d",
        horizons=2,
        leads=0,
        lags=0,
        events=share,
        entity="iso3",
        time="year",
    )
    rows = found.table[found.table["measure"] == "response"].set_index("horizon")
    own = rows.loc[[0, 1, 2], "estimate"].to_numpy()
    assert own == pytest.approx([2, 2, 2], abs=1e-9)


def test_the_band_of_one_horizon_is_students_and_of_independent_ones_wider():
    assert sup_t(np.eye(1), 10) == pytest.approx(stats.t.ppf(0.975, 10), rel=0.02)
    assert sup_t(np.ones((3, 3)), 10) == pytest.approx(stats.t.ppf(0.975, 10), rel=0.02)
    # Of six independent normals: 0.95^(1/6).
    wide = stats.norm.ppf((1 + 0.95 ** (1 / 6)) / 2)
    assert sup_t(np.eye(6), 10**6) == pytest.approx(wide, rel=0.01)


def test_files_and_mistakes(tmp_path):
    found = tx.referee.local_projections(
        _panel(1.0), "y", "d", entity="iso3", time="year"
    )
    assert "After a change of d by one" in found.sentence
    found.save(tmp_path / "out")
    assert_described("local-projections", tmp_path / "out")
    told = error_of(
        tx.referee.local_projections,
        _panel(),
        "y",
        "d",
        events=2,
        entity="iso3",
        time="year",
    )
    assert "events 2: give a share" in told
    for horizons, end in ((0, "at once; the"), (1, "after 1 year; the")):
        told = tx.referee.local_projections(
            _panel(1.0), "y", "d", horizons=horizons, entity="iso3", time="year"
        ).sentence
        assert end in told
    twice = pd.concat([_panel(), _panel().head(1)])
    assert "C00 has two rows in 2000" in error_of(
        tx.referee.local_projections, twice, "y", "d", entity="iso3", time="year"
    )
    told = error_of(
        tx.referee.local_projections,
        _panel(),
        "y",
        "d",
        horizons=20,
        entity="iso3",
        time="year",
    )
    assert "horizon 11" in told
    still = _panel().assign(d=lambda k: 0.1 * k["iso3"].str[1:].astype(int) / 3)
    still["d"] += (
        1e-16 * still["year"] * np.random.default_rng(0).normal(size=len(still))
    )
    assert "change is collinear with the other" in error_of(
        tx.referee.local_projections, still, "y", "d", entity="iso3", time="year"
    )
