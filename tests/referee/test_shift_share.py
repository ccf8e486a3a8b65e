"""Shift-share regressions: other software's numbers, literal formulas, identities."""

import warnings
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import rdata

import tivax as tx

from described import assert_described

CONTROLS = (
    "t2 l_shind_manuf_cbp l_sh_popedu_c l_sh_popfborn l_sh_empl_f l_sh_routine33 "
    "l_task_outsource division"
).split()
# Least squares in another order, of 770 collinear-looking shares.
EXACT = {"rtol": 1e-9, "atol": 0}
MODELS = {
    "first stage": ("shock", "IV", None),
    "reduced form d_sh_empl": ("d_sh_empl", "IV", None),
    "2SLS d_sh_empl": ("d_sh_empl", "shock", "IV"),
    "2SLS d_sh_empl_mfg": ("d_sh_empl_mfg", "shock", "IV"),
}


@pytest.fixture(scope="module")
def adh(shared):
    with warnings.catch_warnings(action="ignore"):  # of classes of R that it lacks
        (found,) = rdata.read_rda(shared / "data/econometrics/ADH.rda").values()
    return found["reg"], np.asarray(found["sic"]), np.asarray(found["W"])


@pytest.mark.parametrize("model", MODELS)
def test_numbers_of_autor_dorn_and_hanson_are_those_of_shiftsharese(adh, shared, model):
    data, sic, W = adh
    truth = pd.read_csv(shared / "truth/econometrics/shift_share_adh.csv")
    truth = truth[truth["model"] == model]
    outcome, treatment, instrument = MODELS[model]
    for sectors, rows in truth.groupby("sector_clusters"):
        groups = sic // 10 if sectors == "3-digit" else None
        of = {"shares": W, "instrument": instrument, "controls": CONTROLS}
        of |= {"weights": "weights", "clusters": "statefip", "shock_clusters": groups}
        found = tx.shift_share(data, outcome, treatment, **of)
        table = found.table.set_index("method")
        for row in rows.itertuples():
            column = {"beta": "estimate", "p": "p_value"}.get(row.number, row.number)
            method = "AKM" if row.method == "coefficient" else row.method
            # Two figures are printed to eight digits only.
            digits = 1e-7 if model.endswith("mfg") else EXACT["rtol"]
            assert table.loc[method, column] == pytest.approx(row.value, rel=digits)
        # The regression of shocks is the same regression, as far as the shares make the
        # instrument: seven digits in these data.
        beta = table.loc["AKM", "estimate"]
        assert found.shock_level["estimate"][0] == pytest.approx(beta, rel=1e-6)
        assert found.shocks["rotemberg_weight"].sum() == pytest.approx(1, rel=1e-6)
        average = found.shocks["rotemberg_weight"] @ found.shocks["estimate"]
        assert average == pytest.approx(beta, rel=1e-6)


@pytest.fixture
def made():
    rng = np.random.default_rng(3)
    n, s = 150, 40
    W = rng.dirichlet(np.full(s, 0.1), size=n)
    g, shock = rng.normal(size=(2, s))
    data = pd.DataFrame(
        {"z": W @ g, "w": rng.uniform(0.5, 2, n), "c": rng.normal(size=n)}
    )
    data["group"] = rng.choice(list("abc"), n)
    data["state"] = np.arange(n) // 6
    data["x"] = 1.5 * data["z"] + 0.5 * data["c"] + rng.normal(size=n)
    data["y"] = 0.3 * data["x"] + data["c"] + W @ shock + rng.normal(size=n)
    return data, W, g


def _call(data, W, **more):
    options = {"controls": ["c"], "effects": ["group"], "weights": "w"} | more
    return tx.shift_share(data, "y", "x", shares=W, instrument="z", **options)


def _akm0(data, W):
    return _call(data, W).table.set_index("method").loc["AKM0"]


def test_errors_are_those_of_the_formulas_written_out(made):
    data, W, _ = made
    table = _call(data, W, clusters="state").table.set_index("method")
    n, w = len(data), data["w"].to_numpy()
    groups = pd.get_dummies(data["group"]).to_numpy(float)
    Z = np.column_stack([np.ones(n), data["c"], groups])
    P = Z @ np.linalg.pinv(Z.T @ (w[:, None] * Z)) @ (w[:, None] * Z).T
    y, x, z = (data[k] - P @ data[k] for k in "yxz")
    beta = (w * z * y).sum() / (w * z * x).sum()
    u = y - beta * x
    h = np.linalg.solve(W.T @ (w[:, None] * W), W.T @ (w * z))
    R = [h[s] * sum(w[i] * W[i, s] * u[i] for i in range(n)) for s in range(len(h))]
    bottom = abs((w * z * x).sum())
    score = pd.Series(w * z * u)
    states = score.groupby(data["state"]).sum()
    for method, sums in (("AKM", R), ("EHW", score), ("region clusters", states)):
        expected = np.linalg.norm(sums) / bottom
        assert table.loc[method, "se"] == pytest.approx(expected, rel=1e-10)


def test_ends_of_akm0_are_where_the_test_turns(made):
    data, W, _ = made
    found = _akm0(data, W)
    assert found["shape"] == "interval"
    for end in (found["ci_low"], found["ci_high"]):
        moved = data.assign(y=data["y"] - end * data["x"])
        assert _akm0(moved, W)["p_value"] == pytest.approx(0.05, rel=1e-8)


def test_a_weak_instrument_leaves_the_whole_line_or_two_halves(made):
    data, W, _ = made
    rng = np.random.default_rng(0)
    shapes = set()
    for _ in range(30):
        noise = data.assign(z=W @ rng.normal(size=W.shape[1]))
        row = _akm0(noise, W)
        shapes.add(row["shape"])
        if row["shape"] == "line":
            assert np.isinf([row["ci_low"], row["ci_high"]]).all()
            assert "the whole line" in _call(noise, W).sentence
        if row["shape"] == "union":
            middle = (row["ci_low"] + row["ci_high"]) / 2
            moved = noise.assign(y=noise["y"] - middle * noise["x"])
            assert _akm0(moved, W)["p_value"] < 0.05
    assert shapes == {"line", "union"}


def test_akm_holds_its_size_where_shocks_are_in_the_errors():
    """60 shocks in 150 rows, none of them with an effect: 400 worlds."""
    rng = np.random.default_rng(1)
    W = rng.dirichlet(np.full(60, 0.1), size=150)
    rejected = {"EHW": 0, "AKM": 0, "AKM0": 0}
    for _ in range(400):
        g, e = rng.normal(size=(2, 60))
        data = pd.DataFrame({"x": W @ g, "y": W @ e})
        table = tx.shift_share(data, "y", "x", shares=W).table.set_index("method")
        for name in rejected:
            rejected[name] += table.loc[name, "p_value"] < 0.05
    # Two Monte-Carlo errors of 400 worlds are .022.
    assert rejected["EHW"] / 400 > 0.15
    assert rejected["AKM0"] / 400 < 0.05 + 0.03
    assert rejected["AKM"] / 400 < 0.12


def test_a_placebo_counts_all_orders_of_few_shocks():
    """Three shocks have six orders; the p-value is the share with as large a sum."""
    rng = np.random.default_rng(2)
    W = rng.dirichlet(np.ones(3), size=30)
    g = np.array([1.0, -0.5, 2.0])
    data = pd.DataFrame({"x": W @ g, "y": rng.normal(size=30)})
    found = tx.shift_share(data, "y", "x", shares=W)
    y = data["y"] - data["y"].mean()
    sums = [abs(y @ W @ np.array(order)) for order in permutations(g)]
    expected = np.mean([k >= abs(y @ W @ g) - 1e-12 for k in sums])
    # A hundred thousand draws: three errors are .005.
    assert found.placebo(draws=99_999, seed=1) == pytest.approx(expected, abs=0.005)
    assert found.placebo(draws=999, seed=1) == found.placebo(draws=999, seed=1)


def test_a_treatment_that_the_shares_do_not_make_has_no_shocks(made):
    data, W, _ = made
    found = tx.shift_share(data, "y", "x", shares=W, controls=["c"])
    assert found.shock_level.empty and found.shocks["value"].isna().all()
    assert found.sentence.startswith("x is not made of these shares, which explain")
    assert found.sentence in repr(found)
    with pytest.raises(tx.TivaxError, match="not made of the shares"):
        found.placebo()


def test_shares_and_shocks_go_by_their_labels(made):
    """Rows of data in any order: a null panel's AKM0 rejected 72 % by position."""
    data, W, g = made
    shares = pd.DataFrame(W).add_prefix("s")
    shocks = pd.Series(g, shares.columns)
    mixed = data.sample(frac=1, random_state=1)
    expected = _call(data, W, shocks=g).table
    found = _call(mixed, shares[::-1], shocks=shocks.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(found.table, expected, rtol=1e-9)
    # A treatment net of controls and effects is made of shares and these.
    net = data.assign(z=3 + data["z"] - 2 * data["c"])
    assert _call(net, W).made == _call(data, W).made == 1
    assert "is not made of these shares" in _call(data, W[::-1]).sentence


def test_rows_with_a_missing_value_leave_their_shares_too(made):
    data, W, _ = made
    gap = data.copy()
    gap.loc[[3, 40], "y"] = np.nan
    kept = np.delete(np.arange(len(data)), [3, 40])
    apart = _call(data.iloc[kept].set_index("state", drop=False), W[kept])
    assert _call(gap, W).table.equals(apart.table)


def test_a_result_is_written_with_all_that_is_described(made, tmp_path):
    data, W, _ = made
    _call(data, W).save(tmp_path / "out")
    assert_described("shift-share", tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"shares": np.ones((5, 2))}, r"shares has the shape \(5, 2\)"),
        ({"shares": "W"}, "shares: give a DataFrame or an array"),
        (
            {"shares": pd.DataFrame(np.eye(150), range(1, 151))},
            "must be that of data, each label",
        ),
        (
            {"shares": pd.DataFrame(np.eye(150), [7] * 150)},
            "must be that of data, each label once",
        ),
        ({"shares": np.ones((150, 1))}, "those of two shocks or more"),
        ({"shocks": pd.Series(range(40), range(1, 41))}, "shocks: its index must be"),
        ({"weights": "z"}, "weights z: -.* is not positive"),
        ({"shock_clusters": [1, 2]}, "shock_clusters has the shape"),
        ({"controls": ["z"]}, "regressors: z is duplicated"),
        ({"instrument": "c", "controls": ["d"], "effects": ["q"]}, "no column"),
    ],
)
def test_mistakes_are_told_in_one_line(made, more, message):
    data, W, _ = made
    options = {"shares": W, "instrument": "z"} | more
    with pytest.raises(tx.TivaxError, match=message):
        tx.shift_share(data, "y", "x", **options)


def test_shares_that_others_make_are_told(made):
    data, W, _ = made
    twice = pd.DataFrame(np.column_stack([W, W[:, 2]])).rename(
        columns=lambda k: f"s{k}"
    )
    with pytest.raises(tx.TivaxError, match="shares: those of shock s40 are made of"):
        _call(data, twice)
    with pytest.raises(tx.TivaxError, match="row 1, shock 0 is nan"):
        bad = W.copy()
        bad[1, 0] = np.nan
        _call(data, bad)
