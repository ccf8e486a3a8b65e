"""Interactive effects: other software's numbers, a second computation, known worlds."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdata
from scipy.optimize import minimize_scalar

import tivax as tx
from tivax.engine.papers.trade_imbalance.columns import CONTROLS

from described import assert_described
from helpers import error_of, paper_panel, two_way


@pytest.fixture(scope="module")
def cigar(shared):
    with warnings.catch_warnings(action="ignore"):  # of classes of R that it lacks
        (found,) = rdata.read_rda(shared / "data/econometrics/cigar.rda").values()
    return found


def _cigar(data, **more):
    names = {"entity": "state", "time": "year"}
    return tx.referee.interactive_effects(data, "sales", ["price"], **names, **more)


def test_numbers_of_cigar_are_those_of_xtife(cigar, shared):
    truth = pd.read_csv(shared / "truth/econometrics/interactive_effects_cigar.csv")
    numbers = {(row.estimator, row.number): row.value for row in truth.itertuples()}
    none, two = _cigar(cigar, factors=0, most=0), _cigar(cigar, factors=2, most=2)
    row = two.terms.loc["price"]
    found = {
        ("two-way effects", "coefficient of price"): none.terms["estimate"].iloc[0],
        ("interactive effects r=2", "coefficient of price"): row["estimate"],
        ("interactive effects r=2", "clustered standard error"): row["se_plain"],
    }
    for key, value in found.items():
        assert round(value, 4) == numbers[key]
    last = "interactive effects r=2"
    assert round(two.sigma2, 6) == numbers[last, "sigma squared"]
    assert two.degrees == numbers[last, "degrees of freedom"]
    counted = row["se_plain"] * np.sqrt(two.n / two.degrees)
    assert row["se"] == pytest.approx(counted, rel=1e-14)


def test_without_factors_it_is_the_two_way_regression(cigar):
    fit = two_way(cigar, "sales", ["price"], entity="state", time="year")
    none = _cigar(cigar, factors=0, most=0)
    # Demeaning stops at 1e-15 of the largest value.
    assert none.terms["estimate"].iloc[0] == pytest.approx(
        fit.terms.loc["price", "estimate"], rel=1e-11
    )


def _world(N=30, T=14, k=1, seed=0, rank=1):
    rng = np.random.default_rng(seed)
    L, F = 2 * rng.normal(size=(N, rank)), rng.normal(size=(T, rank))
    common = L @ F.T
    X = 0.5 * common + rng.normal(size=(k, N, T))
    y = X.sum(axis=0) + common + 0.3 * rng.normal(size=(N, T))
    i, t = (a.ravel() for a in np.indices((N, T)))
    data = pd.DataFrame({"iso3": i, "year": t, "y": y.ravel()})
    for j, x in enumerate(X):
        data[f"x{j}"] = x.ravel()
    return data


def test_the_minimum_is_that_of_the_profile():
    """The sum of squares given beta is what singular values from the third on leave."""
    data = _world(rank=2)
    tables = [data.pivot(index="iso3", columns="year", values=k) for k in ("y", "x0")]
    y, x = (
        k.sub(k.mean(axis=1), axis=0).sub(k.mean(), axis=1).to_numpy()
        + k.to_numpy().mean()
        for k in tables
    )

    def profile(beta):
        return (np.linalg.svd(y - beta * x, compute_uv=False)[2:] ** 2).sum()

    best = minimize_scalar(profile, bounds=(0.5, 1.5), method="bounded")
    found = tx.referee.interactive_effects(
        data, "y", ["x0"], factors=2, most=2, entity="iso3", time="year"
    )
    assert found.sigma2 * found.n == pytest.approx(best.fun, rel=1e-9)
    assert found.terms.loc["x0", "estimate"] == pytest.approx(best.x, abs=1e-4)


@pytest.mark.parametrize("seed", range(2))
def test_a_factor_that_moves_both_is_found_where_least_squares_is_far_off(seed):
    data = _world(seed=seed, k=2)
    plain = two_way(data, "y", ["x0", "x1"])
    assert (plain.terms["estimate"][["x0", "x1"]] > 1.3).all()
    found = tx.referee.interactive_effects(
        data, "y", ["x0", "x1"], factors="ic", most=3, entity="iso3", time="year"
    )
    assert found.factors.shape[1] == 1
    assert found.terms["estimate"].to_numpy() == pytest.approx([1, 1], abs=0.06)


def test_missing_cells_are_filled_by_the_model():
    """A world without errors: no cell that is left out changes the estimate."""
    data = _world(seed=2)
    wide = data.pivot(index="iso3", columns="year", values="x0").to_numpy()
    rng = np.random.default_rng(1)
    common = np.outer(rng.normal(size=30), rng.normal(size=14))
    data["y"] = (2 * wide + common).ravel() + data["iso3"] * 0.1
    gaps = data.drop(index=rng.choice(len(data), 40, replace=False))
    found = tx.referee.interactive_effects(
        gaps, "y", ["x0"], factors=1, most=1, entity="iso3", time="year"
    )
    assert found.terms.loc["x0", "estimate"] == pytest.approx(2, abs=1e-6)
    assert found.n == 380


def test_the_correction_is_the_sum_of_its_terms_written_out():
    data = _world(N=12, T=8, seed=5)
    plain = tx.referee.interactive_effects(
        data, "y", ["x0"], factors=1, most=1, entity="iso3", time="year"
    )
    y, x = (
        data.pivot(index="iso3", columns="year", values=k).to_numpy()
        for k in ("y", "x0")
    )
    y, x = (k - k.mean(1, keepdims=True) - k.mean(0) + k.mean() for k in (y, x))
    beta = plain.terms.loc["x0", "estimate"]
    U, s, V = np.linalg.svd(y - beta * x)
    lam, f = U[:, 0] * s[0], V[0]
    u = y - beta * x - np.outer(lam, f)
    MF, ML = np.eye(8) - np.outer(f, f), np.eye(12) - np.outer(U[:, 0], U[:, 0])
    D = ((ML @ x @ MF) ** 2).sum()
    second = sum(
        (ML @ x)[i] @ f / (lam @ lam) * lam[i] * (u[i] ** 2).sum() for i in range(12)
    )
    omega = np.diag((u**2).sum(axis=0))
    third = sum(x[i] @ MF @ omega @ f / (lam @ lam) * lam[i] for i in range(12))
    P = np.outer(f, f) + 1 / 8
    first = sum(
        P[t, q] * (u[:, t] @ x[:, q]) for t in range(8) for q in (t + 1, t + 2) if q < 8
    )
    for name, expected in (
        ("bai", beta + (second + third) / D),
        ("moon-weidner", beta + (first + second + third) / D),
    ):
        found = tx.referee.interactive_effects(
            data,
            "y",
            ["x0"],
            factors=1,
            most=1,
            correction=name,
            bandwidth=2,
            entity="iso3",
            time="year",
        )
        assert found.terms.loc["x0", "estimate"] == pytest.approx(expected, rel=1e-9)


def test_a_result_is_written_with_all_that_is_described(tmp_path):
    found = tx.referee.interactive_effects(
        _world(), "y", ["x0"], factors=1, entity="iso3", time="year"
    )
    found.save(tmp_path / "out")
    assert_described("interactive-effects", tmp_path / "out")
    assert "With 1 common factor the effect of x0 on y" in found.sentence


def test_factors_that_nobody_asked_for_lose_their_row_alone(monkeypatch):
    """With five factors and gaps the iteration often does not settle."""
    data, module = _world(), sys.modules[tx.results.InteractiveEffects.__module__]
    alone, real = (
        tx.referee.interactive_effects(
            data, "y", ["x0"], most=1, entity="iso3", time="year"
        ),
        module._fit,
    )

    def not_settled(panel, r):
        return real(panel, r) if r < 2 else real(panel, 1)._replace(moved=np.inf)

    monkeypatch.setattr(module, "_fit", not_settled)
    found = tx.referee.interactive_effects(
        data, "y", ["x0"], most=3, entity="iso3", time="year"
    )
    pd.testing.assert_frame_equal(found.terms, alone.terms)
    assert found.criteria["ic"].isna().tolist() == [False, False, True, True]
    assert "(not computed with 2, 3: no fit settles)" in found.sentence
    with pytest.raises(tx.TivaxError, match="with 2 factors the iteration does not"):
        tx.referee.interactive_effects(
            data, "y", ["x0"], factors=2, entity="iso3", time="year"
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"factors": 13}, "30 units and 14 periods have room for 12"),
        ({"factors": -1}, "factors"),
        ({"outcome": "same"}, "same is a linear combination of the effects alone"),
        ({"regressors": []}, "regressors: name at least one"),
        ({"regressors": ["iso3"]}, "iso3 is explained by the effects"),
        ({"regressors": ["x0", "twin"]}, "the regressors explain each other"),
        ({"correction": "other"}, "correction"),
    ],
)
def test_mistakes_are_told_in_one_line(more, message):
    data = _world()
    data["twin"], data["same"] = 2 * data["x0"], 7.3
    options = {"regressors": ["x0"], "factors": 1, "most": 1, "outcome": "y"} | more
    assert message in error_of(
        tx.referee.interactive_effects, data, entity="iso3", time="year", **options
    )


def test_the_page_on_referees_states_the_papers_main_result(shared):
    """With all controls, under factors and among movers."""
    page = Path(__file__).resolve().parents[2] / "docs/how-to/what-a-referee-asks.md"
    text = " ".join(page.read_text(encoding="utf-8").split())
    panel, given = paper_panel(shared).frame, ("KOFGIdj", ["TBI", *CONTROLS])
    row = two_way(panel, *given)["TBI"]
    assert f"{row.estimate:.2f} (standard error {row.se:.2f})" in text
    one, *more = (
        tx.referee.interactive_effects(
            panel, *given, factors=k, entity="iso3", time="year"
        ).terms.loc["TBI", "estimate"]
        for k in (1, 2, 3, 4, 5)
    )
    one = abs(one) if abs(one) < 0.005 else one
    assert f"one common factor it is {one:.2f}" in text
    assert f"between {min(more):.1f} and {max(more):.1f}" in text
    moved = tx.referee.movers(
        panel, "KOFGIdj", "TBI", controls=CONTROLS, entity="iso3", time="year"
    )
    average = moved.chosen.set_index("estimand").loc["AS"]
    assert f"give {average['estimate']:.1f} ({average['se']:.1f})" in text
