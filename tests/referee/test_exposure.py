"""The instrument from the tables: sums written out, and the regressions that use it."""

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from described import assert_described
from helpers import error_of, two_stage


@pytest.fixture(scope="module")
def tables():
    return tx.synthetic_world(regions=4, sectors=3, years=5, seed=2)


@pytest.fixture(scope="module")
def found(tables):
    return tx.referee.exposure_instrument(tables, year=int(tables.years[1]))


def test_predictions_are_the_sums_written_out(tables, found):
    T = tx.origins(tables, "final demand", keep=("origin", "product", "absorber"))
    years, start = list(tables.years), 1
    V = T.to_numpy()  # (year, origin, product, absorber)
    c, s = 4, 3
    rows = found.table.set_index(["region", "year"])
    for i, region in enumerate(tables.regions):
        for t, year in enumerate(years):
            up = down = log_up = log_down = 0.0
            exports = sum(
                V[start, i, k, d] for k in range(s) for d in range(c) if d != i
            )
            imports = sum(
                V[start, j, k, i] for k in range(s) for j in range(c) if j != i
            )
            for k in range(s):
                for p in set(range(c)) - {i}:
                    use = [
                        sum(V[n, o, k, p] for o in range(c) if o != i)
                        for n in (t, start)
                    ]
                    supply = [
                        sum(V[n, p, k, d] for d in range(c) if d not in (i, p))
                        for n in (t, start)
                    ]
                    up += V[start, i, k, p] * use[0] / use[1]
                    down += V[start, p, k, i] * supply[0] / supply[1]
                    log_up += V[start, i, k, p] / exports * np.log(use[0] / use[1])
                    log_down += (
                        V[start, p, k, i] / imports * np.log(supply[0] / supply[1])
                    )
            row = rows.loc[(region, year)]
            assert row["predicted_exports"] == pytest.approx(up, rel=1e-12)
            assert row["predicted_imports"] == pytest.approx(down, rel=1e-12)
            assert row["predicted"] == pytest.approx(
                (up - down) / (up + down), rel=1e-10
            )
            assert row["instrument"] == pytest.approx(
                (log_up - log_down) / 2, abs=1e-13
            )


def test_the_index_is_that_of_tbi_and_the_base_year_predicts_itself(tables, found):
    index = tx.trade_benefit_index(tables)["tbi"].to_series()
    mine = found.table.set_index(["year", "region"])["tbi"]
    assert mine.to_numpy() == pytest.approx(
        index.reindex(mine.index).to_numpy(), abs=1e-11
    )
    base = found.table[found.table["year"] == found.base]
    assert base["predicted"].to_numpy() == pytest.approx(base["tbi"], abs=1e-12)
    assert (base["instrument"] == 0).all()
    sums = found.shares.groupby(["region", "side"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(1)


@pytest.fixture(scope="module")
def world():
    """More regions, for regressions; an outcome that the index moves by 2."""
    tables = tx.synthetic_world(regions=12, sectors=2, years=8, seed=5)
    found = tx.referee.exposure_instrument(tables)
    rng = np.random.default_rng(0)
    data = found.table.rename(columns={"region": "iso3"})[["iso3", "year", "tbi"]]
    data["x"] = rng.normal(size=len(data))
    data["y"] = 2 * data["tbi"] + data["x"] + 0.001 * rng.normal(size=len(data))
    return found, data


def test_the_estimate_is_that_of_two_stages(world):
    found, data = world
    result = found.estimate(data, "y", controls=["x"], entity="iso3", time="year")
    merged = data.merge(
        found.table.rename(columns={"region": "iso3"})[["iso3", "year", "instrument"]]
    )
    fit = two_stage(merged, "y", "tbi", ["instrument"], ["x"])
    assert result.table["estimate"][0] == pytest.approx(
        fit.terms.loc["tbi", "estimate"], rel=1e-9
    )
    assert set(result.table["method"]) >= {"region clusters", "AKM", "AKM0"}


def test_checks_have_a_row_each(world):
    found, data = world
    checks = found.checks(data, "y", ["x"], entity="iso3", time="year")
    assert checks["check"].tolist() == ["trend", "balance"]
    assert np.isfinite(checks[["estimate", "se", "p_value"]].to_numpy()).all()


def test_a_result_is_written_with_all_that_is_described(found, tmp_path):
    found.save(tmp_path / "out")
    assert_described("exposure-instrument", tmp_path / "out")
    assert "Exposure of" in found.sentence
    assert "工具变量" in found.page("zh").sentence


def test_mistakes_are_told_in_one_line(tables, found):
    line = error_of(tx.referee.exposure_instrument, tables, year=1900)
    assert "year = 1900: the tables have" in line
    data = pd.DataFrame({"iso3": ["XXX"], "year": [1900], "y": [1.0]})
    assert "no row of data has a iso3 and year" in error_of(found.estimate, data, "y")
    assert "no column iso3" in error_of(found.estimate, data[["year", "y"]], "y")
    words = data.assign(year="1900")
    assert "column year holds words" in error_of(found.checks, words, "y")
    twice = found.table.rename(columns={"region": "iso3"})
    twice = pd.concat([twice, twice])
    assert "R01 has two rows in 2000" in error_of(found.estimate, twice, "predicted")
