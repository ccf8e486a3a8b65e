"""Labels and order of rows mean nothing: every estimator that takes a frame gives the
same numbers, whatever the index of the frame."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyfixest
import pytest
from numpy.testing import assert_allclose

import tivax as tx

from helpers import error_of

# Sums in another order of rows; one of labels alone changes nothing at all.
RTOL = 1e-12

UNITS = ["AUT", "BEL", "CAN", "DEU", "ESP", "FRA", "GBR", "ITA", "JPN", "KOR", "MEX"]
FORMULA = "y ~ x + w | iso3 + year"
MODEL = tx.Model("main", "y", ["x", "w"], entity="iso3", time="year")
LAGGED = tx.Model("lag", "y", ["L.x", "w"], entity="iso3", time="year")
KEYS = {"entity": "iso3", "time": "year"}
LINE = pd.DataFrame({"latitude": 0.0, "longitude": np.arange(11) * 4.0}, UNITS)


def panel() -> pd.DataFrame:
    """11 units, 9 years, a gap, blocks, weights, an instrument."""
    rng = np.random.default_rng(3)
    rows = pd.MultiIndex.from_product(
        [UNITS, range(2000, 2009)], names=[*KEYS.values()]
    )
    data = rows.to_frame(index=False)
    n = len(data)
    data["z"] = rng.normal(size=n) + data["iso3"].isin(UNITS[:4])
    data["w"] = rng.normal(size=n).cumsum() / 3
    data["x"] = data["z"] + 0.3 * data["w"] + rng.normal(size=n)
    data["y"] = 0.4 * data["x"] + 0.2 * data["w"] + rng.normal(size=n)
    data["block"] = data["iso3"].map({k: "abc"[n % 3] for n, k in enumerate(UNITS)})
    data["size"] = rng.uniform(1, 2, n)
    data.loc[[7, 30], "w"] = np.nan
    return data.drop(index=50).reset_index(drop=True)


def pairs() -> pd.DataFrame:
    """Flows between 7 countries in 4 years, net of a gap, with tariffs and sectors."""
    rng = np.random.default_rng(4)
    rows = pd.MultiIndex.from_product(
        [range(2000, 2004), UNITS[:7], UNITS[:7]],
        names=["year", "exporter", "importer"],
    )
    data = rows.to_frame(index=False)
    data = data[data["exporter"] != data["importer"]]
    n = len(data)
    data["fta"] = ((rng.random(n) < 0.5) & (data["year"] > 2001)).astype(int)
    data["trade"] = np.exp(rng.normal(size=n) + 0.3 * data["fta"])
    data["value"] = np.exp(rng.normal(size=n))
    data["tariff"] = rng.uniform(0, 0.3, n)
    data["value"] *= (1 + data["tariff"]) ** -6
    data["sector"] = "all"
    return data.drop(index=data.index[20]).reset_index(drop=True)


def numbers(found: Any) -> dict[str, np.ndarray]:
    """All numbers of a result, by table and column; rows in the order of their words."""
    tables: Mapping[str, Any] = found if isinstance(found, dict) else {"": found}
    every = {}
    for name, table in tables.items():
        frame = pd.DataFrame(table).reset_index()
        words = [k for k in frame if not pd.api.types.is_numeric_dtype(frame[k])]
        frame = frame.sort_values([*words], kind="stable") if words else frame
        for k in frame.columns.difference([*words, "draws_per_s", "index"]):
            every[f"{name} {k}"] = frame[k].to_numpy(float)
    return every


def fitted(data: pd.DataFrame) -> dict[str, Any]:
    two = tx.fit(FORMULA, data, clusters=["iso3", "year"])
    weighted = tx.fit("y ~ w | iso3 + year | x ~ z", data, weights="size")
    kinds = ["CV2", "CV3", "HC1", "iid", "driscoll-kraay", "common-shocks"]
    found = {k: tx.fit(FORMULA, data, vcov=k).tidy() for k in kinds}
    of_feols = pyfixest.feols(FORMULA, data, vcov={"CRV1": "iso3"})
    return found | {
        "two": two.tidy(),
        "iv": weighted.tidy(),
        "weak": weighted.glance()[["effective_f", "kp_f"]],
        "made": tx.fit("y ~ log(size) + i(block, w) + x:w | iso3", data).tidy(),
        "joint": tx.fit("y ~ x + w | iso3 + block^year", data).tidy(),
        "lag": tx.fit(LAGGED, data).tidy(),
        "feols": tx.fit(of_feols).tidy(),
        "conley": tx.fit(FORMULA, data, vcov=tx.Conley(1000)).tidy(),
    }


def wild_of_two_ways(data: pd.DataFrame) -> Any:
    scheme = tx.schemes.Wild(second="year")
    return tx.resample(data, MODEL, scheme, draws=99).summary


def resampled(data: pd.DataFrame) -> dict[str, Any]:
    schemes = {
        "wild": tx.schemes.Wild(),
        "pairs": tx.schemes.Pairs(),
        "placebo": tx.schemes.Placebo(),
        "bayes": tx.schemes.Bayesian(),
        "group": tx.schemes.Placebo(strata="block"),
    }
    return {
        k: tx.resample(data, MODEL, s, draws=99).summary for k, s in schemes.items()
    }


def dependence(data: pd.DataFrame) -> Any:
    fit = tx.fit(FORMULA, data)
    function = tx.referee.cross_section_dependence
    if not data.index.is_unique:  # residuals are found by their labels: one line
        says = error_of(function, data, fit.residuals, ["x", "w"], **KEYS)
        assert says.startswith("residuals: their labels must be those of rows of data")
        return dependence(data.reset_index(drop=True))
    found = function(data, fit.residuals, ["x", "w"], draws=19, **KEYS)
    return pd.DataFrame({"cd": [found.cd], "p": [found.corrected.p_value]})


def shares(data: pd.DataFrame) -> Any:
    random = np.random.default_rng(0)
    cells = pd.MultiIndex.from_product([UNITS, range(2000, 2009)])
    W = pd.DataFrame(random.random((99, 5)), cells)
    W = W.loc[pd.MultiIndex.from_frame(data[["iso3", "year"]])]
    by_place = pd.DataFrame(W.to_numpy(), data.index)
    options = {"instrument": "z", "controls": ["w"], "effects": ["iso3", "year"]}
    return tx.shift_share(data, "y", "x", shares=by_place, **options).tables()


def gravity(data: pd.DataFrame) -> dict[str, Any]:
    fits = {
        k: tx.gravity(data, tx.Gravity("trade", ["fta"], **options))
        for k, options in {
            "adjusted": {},
            "symmetric": {"pair": "symmetric"},
            "two": {"clusters": ["exporter", "importer"]},
        }.items()
    }
    formula = "trade ~ fta | exporter^year + importer^year + exporter^importer"
    by_formula = tx.gravity(data, formula)
    other = tx.gravity(data, tx.Gravity("value", ["fta"]))
    return {
        **{k: fit.tidy() for k, fit in fits.items()},
        "by sector": tx.gravity(data, tx.Gravity("trade", ["fta"]), by="sector")[
            "all"
        ].tidy(),
        "influence": fits["adjusted"].influence,
        "bootstrap": fits["adjusted"].bootstrap(draws=9),
        "formula": by_formula.tidy(),
        "again": by_formula.vcov(clusters=["exporter", "importer"]).tidy(),
        "difference": tx.gravity_difference(fits["adjusted"], other),
        "by column": tx.gravity_difference(
            fits["adjusted"], other, clusters="exporter"
        ),
        "of formulas": tx.gravity_difference(
            by_formula, tx.gravity(data, formula.replace("trade", "value"))
        ),
    }


def elasticities(data: pd.DataFrame) -> dict[str, Any]:
    one = data[data["year"] == 2000]
    ways = {"triads": one, "ppml": data}
    return {
        f"{k} {name}": table
        for k, rows in ways.items()
        for name, table in tx.trade_elasticities(rows, method=k).tables().items()
    }


def threatened(data: pd.DataFrame) -> Any:
    found = tx.threats(data, MODEL, columns=["block"], weights=["size"], draws=99)
    return found.table.drop(columns="note")


ESTIMATORS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "fit": fitted,
    "resample": resampled,
    "two-way wild": wild_of_two_ways,
    "threats": threatened,
    "curve": lambda data: tx.specification_curve(data, MODEL, draws=99).table,
    "phase placebos": lambda data: tx.phase_placebos(
        data[~data["iso3"].isin([*UNITS[:1], "DEU", "FRA"])], MODEL, panels=8, draws=9
    ),
    "dependence": dependence,
    "country slopes": lambda data: (
        tx.referee.country_slopes(data, "y", ["x"], blocks="block", **KEYS).table
    ),
    "interactive effects": lambda data: (
        tx.referee.interactive_effects(data, "y", ["x"], factors=1, **KEYS).terms
    ),
    "local projections": lambda data: (
        tx.referee.local_projections(
            data, "y", "x", controls=["w"], horizons=2, **KEYS
        ).table
    ),
    "movers": lambda data: (
        tx.referee.movers(data, "y", "x", shares=[0.3], **KEYS).table
    ),
    "spatial errors": lambda data: (
        tx.referee.spatial_errors(
            data, "y", ["x"], places=LINE, cutoffs=[900.0], **KEYS
        ).table
    ),
    "weights of effects": lambda data: (
        tx.referee.two_way_weights(data, "y", "x", controls=["w"], **KEYS).table
    ),
    "of differences": lambda data: (
        tx.referee.two_way_weights(data, "y", "x", kind="fdTR", **KEYS).table
    ),
    "shift-share": shares,
    "gravity": gravity,
    "elasticities": elasticities,
}
FLOWS = {"gravity", "elasticities"}


def shuffled(data: pd.DataFrame) -> pd.DataFrame:
    return data.sample(frac=1, random_state=1)


LABELS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "of one label": lambda data: data.set_axis([0] * len(data)),
    "duplicated": lambda data: data.set_axis(np.arange(len(data)) // 3),
    "permuted": lambda data: data.set_axis(
        np.random.default_rng(0).permutation(len(data))
    ),
    "shuffled rows": shuffled,
    "of words": lambda data: data.set_axis([f"row {k}" for k in range(len(data))]),
    "of two levels": lambda data: data.set_index([*data.columns[:2]], drop=False),
    "of two levels, shuffled, twice": lambda data: shuffled(data).set_index(
        [data.columns[0], data.columns[-1]], drop=False
    ),
}


@pytest.fixture(scope="module")
def base() -> dict[str, dict[str, np.ndarray]]:
    return {}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_labels_and_order_of_rows_change_nothing(name, labels, base):
    data = pairs() if name in FLOWS else panel()
    if name not in base:
        base[name] = numbers(ESTIMATORS[name](data))
    found = numbers(ESTIMATORS[name](LABELS[labels](data)))

    assert found.keys() == base[name].keys() and found
    for key, own in base[name].items():
        assert_allclose(found[key], own, rtol=RTOL, atol=RTOL, err_msg=key)
