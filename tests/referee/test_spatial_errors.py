"""Errors in space: SCPC by integrals of its own, the authors' numbers, and the table."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import tivax as tx
from tivax.engine.referee.scpc import components, decay, rejection

from described import assert_described
from helpers import error_of, random_panel, two_way


def _points(n: int, seed: int = 0) -> np.ndarray:
    at = np.random.default_rng(seed).uniform(size=(n, 2))
    return np.sqrt(((at[:, None] - at[None]) ** 2).sum(axis=2))


def test_five_places_are_as_the_published_packages_have_them():
    """scpcR and scpc-python test each other on these, exact and unconditional; their
    bisections stop at a thousandth."""
    y, x = np.array([1.0, 1.8, 2.9, 3.7, 5.1]), np.arange(5.0)
    at = np.array([[0, 0], [1, 0], [0.5, 1], [1.5, 1], [2, 1.5]])
    D = np.sqrt(((at[:, None] - at[None]) ** 2).sum(axis=2))
    made = components(D, average=0.1)
    X = np.column_stack([np.ones(5), x])
    H = np.linalg.pinv(X)
    u = y - X @ (H @ y)
    assert made.v.shape[1] == 4
    assert made.c0 == pytest.approx(1.938887, rel=1e-3)
    assert made.critical == pytest.approx(3.473711, rel=1e-3)
    se = [made.se(h * u) for h in H]
    assert se == pytest.approx([0.0985900604, 0.0547037476], rel=1e-8)
    p = made.p_value(float(H[1] @ y) / se[1])
    assert p == pytest.approx(1.22823962e-4, rel=1e-3)


def test_the_critical_value_is_that_of_drawn_fields():
    """P(t > critical value) is 5 % at most, and 5 % in the worst of the fields."""
    D = _points(20)
    made = components(D)
    n, q = made.v.shape
    assert decay(D, 0.03) == pytest.approx(made.c0)
    rates = []
    for c in made.c0 * 1.2 ** np.array([0, 2, 5, 20]):
        u = np.linalg.cholesky(np.exp(-c * D)) @ np.random.default_rng(1).normal(
            size=(n, 200_000)
        )
        squares = ((made.v.T @ (u - u.mean(axis=0))) ** 2).sum(axis=0)
        t = np.sqrt(n) * u.mean(axis=0) / np.sqrt(squares / q)
        rates.append((np.abs(t) > made.critical).mean())
    error = 4 * np.sqrt(0.05 * 0.95 / 200_000)
    assert max(rates) == pytest.approx(0.05, abs=error)


def test_independent_places_give_students_t():
    for q in (1, 3, 8):
        found = rejection(np.eye(q + 1)[None], 2.3)
        assert found == pytest.approx(2 * stats.t.sf(2.3, q), rel=1e-9)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return random_panel(missing=0.1, seed=3, countries=14, years=8)


def _places(panel: pd.DataFrame) -> pd.DataFrame:
    names = sorted(panel["iso3"].unique())
    at = np.random.default_rng(2).uniform([30, 0], [60, 60], (len(names), 2))
    return pd.DataFrame(at, names, ["latitude", "longitude"])


def test_rows_are_those_of_conley_and_means_those_of_scpc(panel, tmp_path):
    places, names = _places(panel), ["TBI", "RQ"]
    found = tx.referee.spatial_errors(
        panel,
        "KOFGIdj",
        names,
        cutoffs=[800, 2000],
        lags=1,
        places=places,
        entity="iso3",
        time="year",
    )
    assert found.table["term"].tolist() == ["TBI"] * 3 + ["RQ"] * 3
    for cutoff in (800, 2000):
        fit = two_way(
            panel, "KOFGIdj", names, vcov=tx.Conley(cutoff, lags=1, places=places)
        )
        rows = found.table[found.table["cutoff"] == cutoff].set_index("term")
        assert rows["se"].to_numpy() == pytest.approx(fit.terms.loc[names, "se"])
    means = panel.groupby("iso3")[["KOFGIdj", *names]].mean()
    X = np.column_stack([np.ones(len(means)), means[names]])
    H = np.linalg.pinv(X)
    y = means["KOFGIdj"].to_numpy()
    made = components(found.distances.to_numpy())
    rows = found.means.set_index("term")
    assert rows["estimate"].to_numpy() == pytest.approx((H @ y)[1:])
    u = y - X @ (H @ y)
    assert rows.loc["RQ", "se"] == pytest.approx(made.se(H[2] * u))
    assert "Between entities" in found.sentence
    found.save(tmp_path / "out")
    assert_described("spatial-errors", tmp_path / "out")


def test_by_default_cutoffs_go_up_to_the_median_distance(panel):
    found = tx.referee.spatial_errors(
        panel, "KOFGIdj", ["TBI"], places=_places(panel), entity="iso3", time="year"
    )
    pairs = found.distances.to_numpy()[np.triu_indices(14, 1)]
    assert found.table["cutoff"].max() == pytest.approx(np.median(pairs))
    few = panel[panel["iso3"] < "C06"]
    assert tx.referee.spatial_errors(
        few, "KOFGIdj", ["TBI"], places=_places(panel), entity="iso3", time="year"
    ).means.empty


def test_mistakes_are_told_in_one_line(panel):
    assert "no capital of C00" in error_of(
        tx.referee.spatial_errors, panel, "KOFGIdj", ["TBI"], entity="iso3", time="year"
    )
    assert "regressors: name at least one" in error_of(
        tx.referee.spatial_errors, panel, "KOFGIdj", [], entity="iso3", time="year"
    )
    assert "cutoffs: 'near' is no distance" in error_of(
        tx.referee.spatial_errors,
        panel,
        "KOFGIdj",
        ["TBI"],
        cutoffs=["near"],
        places=_places(panel),
        entity="iso3",
        time="year",
    )


def test_places_that_fall_together(panel):
    """Two at one place count as one; where many do, no bound of 0.03 can hold."""
    places = _places(panel)
    places.iloc[1] = places.iloc[0]
    found = tx.referee.spatial_errors(
        panel, "KOFGIdj", ["TBI"], places=places, entity="iso3", time="year"
    )
    assert np.isfinite(found.means["se"]).all() and len(found.means) == 1
    places[:] = places.iloc[[0, 5]].to_numpy()[np.arange(len(places)) % 2]
    assert tx.referee.spatial_errors(
        panel, "KOFGIdj", ["TBI"], places=places, entity="iso3", time="year"
    ).means.empty
