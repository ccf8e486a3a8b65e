"""Imputed effects: by hand, by a second program, by others' programs, draw by draw."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pyfixest
import pytest

import tivax as tx
from tivax.engine.referee import imputation

from described import assert_described
from helpers import error_of, two_way

KEYS = {"entity": "iso3", "time": "year"}
ADOPTED = {0: 4, 1: 4, 2: 6, 3: 6, 4: 7}
# In float64, of programs that sum in another order.
EXACT = 1e-10


def world(
    n: int = 12, T: int = 10, adopted: dict[int, int] = ADOPTED, drop: int = 0
) -> pd.DataFrame:
    """Effects that differ and grow; ``drop`` rows are missing."""
    rng = np.random.default_rng(0)
    g, t = (k.ravel() for k in np.indices((n, T)))
    start = np.array([adopted.get(k, 99) for k in range(n)])[g]
    d = (t >= start).astype(float)
    x = rng.normal(size=n * T) + 0.3 * d
    y = rng.normal(size=n)[g] * 3 + np.sin(t) + d * (1 + 0.3 * (t - start)) + 0.5 * x
    y = y + rng.normal(size=n * T)
    cells = {"iso3": [f"C{k:02d}" for k in g], "year": 2000 + t, "d": d, "x": x, "y": y}
    data = pd.DataFrame(cells).assign(group=g % 6)
    return data.drop(index=rng.choice(len(data), drop, replace=False))


def literal(
    data: pd.DataFrame,
    controls: list[str],
    by: str = "iso3",
    y: np.ndarray | None = None,
) -> tuple[float, float]:
    """Mean effect and error: dummies, least squares, weights as equations 7 and 8."""
    dummies = [pd.get_dummies(data[k]).to_numpy(float) for k in ("iso3", "year")]
    Z = np.hstack([*dummies, data[controls]])
    d, y = data["d"].to_numpy() == 1, data["y"].to_numpy() if y is None else y
    e = y - Z @ np.linalg.lstsq(Z[~d], y[~d], rcond=None)[0]
    v = d / d.sum()
    v[~d] = -Z[~d] @ np.linalg.pinv(Z[~d].T @ Z[~d]) @ Z[d].T @ v[d]
    clusters = [(data[by] == k).to_numpy() for k in data[by].unique()]
    weight = np.array([v[c & d].sum() for c in clusters])
    held = np.array([(v * e)[c & d].sum() for c in clusters])
    e = e - d * (weight @ held) / (weight @ weight)
    scores = np.array([(v * e)[c].sum() for c in clusters])
    return float(v @ y), float(np.sqrt(scores @ scores))


def both(found: tx.results.Imputation) -> list[float]:
    return found.table.loc[0, ["estimate", "se"]].tolist()


def test_an_effect_and_its_error_worked_out_by_hand():
    """Only C00 in 2002 is treated: 6 less (1 + 2) / 2 less (0.5 + 0) / 2 of the others.

    Residuals are (1, -1), (0.5, -1.5, 1), (-1.5, 2.5, -1) sixths, weights -1/2 of its
    own rows, 1/4 and -1/2 of the others': scores 0, -1/8, 1/8.
    """
    data = world(3, 3, {0: 2}).assign(y=[1, 2, 6, 2, 3, 3, 0, 2, 1])
    found = imputation(data, "y", "d", draws=0, **KEYS)
    assert both(found) == pytest.approx([4.25, np.sqrt(2) / 8], rel=EXACT)
    assert (found.n, found.clusters, found.adopters) == (9, 3, 1)


@pytest.mark.parametrize(("drop", "controls"), [(0, []), (9, ["x"])])
def test_effect_and_error_are_those_of_dummies_and_weights(drop, controls):
    data = world(drop=drop)
    for by in ("iso3", "group"):
        options = {"controls": controls, "clusters": by, "draws": 0}
        found = imputation(data, "y", "d", **options, **KEYS)
        assert both(found) == pytest.approx(literal(data, controls, by), rel=EXACT)
    if controls:
        assert found.untreated is not None
        own = two_way(data[data["d"] == 0], "y", ["x"]).terms.loc["x", "estimate"]
        assert found.untreated.terms.loc["x", "estimate"] == pytest.approx(own)
    else:
        assert found.untreated is None


def test_numbers_are_those_of_did_imputation():
    """did-imputation 0.1.0 (PyPI) on these rows: y, iso3, year, the year of adoption,
    avgeffectsby=["d"], minn=0; it demeans to about 1e-7."""
    options = {"draws": 0, "horizons": 3, **KEYS}
    table = imputation(world(), "y", "d", **options).table
    estimates = [2.0320499956, 1.2570458815, 1.3147134476, 2.0698248564]
    assert table["estimate"].to_numpy() == pytest.approx(estimates, rel=1e-6)
    errors = [0.4059643588, 0.6627739278, 0.7507408997, 0.6155510005]
    assert table["se"].to_numpy() == pytest.approx(errors, rel=1e-6)
    data = world(drop=9)
    table = imputation(data, "y", "d", controls=["x"], **options).table
    estimates = [1.8366983830, 1.5875839141, 1.2153309208, 1.7220036447]
    assert table["estimate"].to_numpy() == pytest.approx(estimates, rel=1e-6)
    errors = [0.3965282557, 0.7513506028, 0.5581653016, 0.6919171879]
    assert table["se"].to_numpy() == pytest.approx(errors, rel=1e-6)


def test_the_mean_effect_is_that_of_did2s():
    """Gardner's two stages give the same mean; pyfixest demeans to 1e-8."""
    data = world(drop=9)
    fit = pyfixest.did2s(
        data.assign(d=data["d"].astype(int)),
        yname="y",
        first_stage="~ x | iso3 + year",
        second_stage="~ d",
        treatment="d",
        cluster="iso3",
    )
    found = imputation(data, "y", "d", controls=["x"], draws=0, **KEYS)
    assert found.table.loc[0, "estimate"] == pytest.approx(fit.coef()["d"], rel=1e-6)


def test_one_cohort_is_a_difference_in_differences():
    """csdid 0.4.3 (PyPI) compares with the last period before, here the only one:
    ATTgt(..., control_group="nevertreated").fit("reg").aggte("simple")."""
    data = world(adopted={0: 1, 1: 1, 2: 1})
    (b, _) = both(imputation(data, "y", "d", draws=0, **KEYS))
    assert b == pytest.approx(2.3121005522965157, rel=EXACT)
    data = world(adopted={0: 5, 1: 5, 2: 5})
    (b, _) = both(imputation(data, "y", "d", draws=0, **KEYS))
    plain = two_way(data, "y", ["d"]).terms.loc["d", "estimate"]
    assert b == pytest.approx(plain, rel=EXACT)


def test_a_constant_effect_without_noise_is_found_and_has_no_error():
    data = world(drop=9)
    unit = pd.factorize(data["iso3"])[0]
    data["y"] = unit + np.sin(data["year"]) + 2 * data["d"] - 3 * data["x"]
    row = imputation(data, "y", "d", controls=["x"], draws=99, **KEYS).findings()
    assert row["estimate"] == pytest.approx(2, rel=EXACT)
    assert np.isnan([row[k] for k in ("se", "p_value", "wild_p_value")]).all()


SMALL = {0: 2, 1: 3}


def test_wild_draws_are_estimates_of_flipped_residuals():
    """All 6^4 patterns of Webb's weights: residuals of all cells on effects and x."""
    data = world(4, 6, SMALL)
    found = imputation(data, "y", "d", controls=["x"], draws=6**4, **KEYS)
    dummies = [pd.get_dummies(data[k]).to_numpy(float) for k in ("iso3", "year")]
    Z = np.hstack([*dummies, data[["x"]]])
    u = data["y"].to_numpy()
    u = u - Z @ np.linalg.lstsq(Z, u, rcond=None)[0]
    points = np.sqrt([0.5, 1, 1.5])
    patterns = np.array([*product([*-points, *points], repeat=4)])
    code = pd.factorize(data["iso3"])[0]
    form = found.wild_form.scores
    assert form is not None
    t = patterns @ form.a / np.linalg.norm(patterns @ form.matrix.T, axis=1)
    for k in range(0, 6**4, 37):
        b, se = literal(data, ["x"], y=u * patterns[k][code])
        assert t[k] == pytest.approx(b / se, rel=1e-8)
    observed = np.divide(*both(found))
    share = (np.abs(t) > abs(observed) * (1 + 1e-10)).mean()
    assert found.table.loc[0, "wild_p_value"] == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("drop", [[], ["C00", "C03"]])
def test_placebos_are_estimates_of_exchanged_treatments(drop):
    """All orders of the units that have rows in the same years."""
    data = world(5, 6, SMALL)
    data = data[~(data["iso3"].isin(drop) & (data["year"] == 2001))]
    found = imputation(data, "y", "d", controls=["x"], draws=120, **KEYS)
    codes = sorted(data["iso3"].unique())
    paths = {k: data.loc[data["iso3"] == k, "d"].to_numpy() for k in codes}
    drawn = []
    for order in permutations(codes):
        if all((a in drop) == (b in drop) for a, b in zip(codes, order, strict=True)):
            moved = np.concatenate([paths[k] for k in order])
            drawn.append(literal(data.assign(d=moved), ["x"]))
    assert len(drawn) == (12 if drop else 120)
    b, se = np.array(drawn).T
    for name, k in {"placebo_p_value": b / se, "placebo_mean_p_value": b}.items():
        share = (np.abs(k) >= abs(k[0]) * (1 - 1e-9)).mean()
        assert found.table.loc[0, name] == pytest.approx(share, abs=1e-12)


def test_labels_and_order_of_rows_do_not_matter(tmp_path):
    data = world(drop=9)
    options = {"controls": ["x"], "horizons": 3, "draws": 99, **KEYS}
    found = imputation(data, "y", "d", **options)
    frames = {
        "shuffled": data.sample(frac=1, random_state=1),
        "repeated": data.set_axis(np.zeros(len(data), int)),
        "words": data.set_axis([f"r{k}" for k in data.index]),
        "both": data.set_index(["iso3", "year"], drop=False),
    }
    for name, frame in frames.items():
        table = imputation(frame, "y", "d", **options).table
        pd.testing.assert_frame_equal(table, found.table, rtol=1e-9, obj=name)
    words = data.assign(year="in " + data["year"].astype(str), d=data["d"].astype(bool))
    table = imputation(words, "y", "d", **options).table
    pd.testing.assert_frame_equal(table, found.table, rtol=1e-9)
    found.save(tmp_path / "out")
    assert_described("imputation", tmp_path / "out")


def test_placebos_are_of_units_and_horizons_of_the_treatment():
    """A year without outcome is a year since adoption all the same."""
    data = world()
    found = imputation(data, "y", "d", clusters="group", draws=99, **KEYS).findings()
    assert np.isnan([found["placebo_p_value"], found["placebo_mean_p_value"]]).all()
    assert 0 <= found["wild_p_value"] <= 1
    data.loc[(data["iso3"] == "C04") & (data["year"] == 2007), "y"] = np.nan
    table = imputation(data, "y", "d", horizons=99, draws=0, **KEYS).table
    assert table["cells"].tolist() == [22, 4, 5, 5, 4, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": 0.5}, "d is 0.5 for C00 in 2000; imputation takes a policy of 0 that"),
        ({"d": 0}, "d is 0 in every row; take a policy that some have"),
        ({"always": True}, "C07 in 2000 cannot be imputed: untreated rows say nothing"),
        ({"late": True}, "C00 in 2009 cannot be imputed: untreated rows say nothing"),
        ({"back": True}, "d is 0 for C01 in 2008; imputation takes a policy of 0 that"),
        ({"twice": True}, "C00 has two rows in 2000"),
        ({"clusters": "x"}, "clusters: x changes within iso3"),
        ({"controls": ["twin"]}, "twin is collinear with the other regressors"),
        ({"horizons": -1}, "horizons: give a whole number from 0"),
    ],
)
def test_mistakes_are_told_in_one_line(change, message):
    data, options = world().assign(twin=lambda k: 2.0 * k["group"]), {}
    for name, value in change.items():
        if name == "d":
            data["d"] = value
        elif name == "always":
            data.loc[data["iso3"] == "C07", "d"] = 1
        elif name == "late":
            data.loc[data["year"] == 2009, "d"] = 1
        elif name == "back":
            data.loc[(data["iso3"] == "C01") & (data["year"] == 2008), "d"] = 0
        elif name == "twice":
            data = pd.concat([data, data[:1]])
        else:
            options[name] = value
    told = error_of(imputation, data, "y", "d", draws=0, **options, **KEYS)
    assert message in told
