"""``tx.change(volumes=)``, ``tx.deflated``: what is volume, and what is price."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine import save_store

from commands import good, mistake
from helpers import error_of, random_tables

# The solves stop at 1e-12 of the measure; changes are a hundredth of it.
ADDS_UP = 1e-10
TABLES = replace(random_tables(regions=3, sectors=2, years=3, seed=4), value_added=None)


def index_of_prices(tables, *, rate):
    """Prices of industry i in year k: (1 + rate * (i + 1)) ** k."""
    rows = [
        (year, *industry, 100 * (1 + rate * (i + 1)) ** k)
        for k, year in enumerate(tables.years)
        for i, industry in enumerate(product(tables.regions, tables.sectors))
    ]
    return pd.DataFrame(rows, columns=["year", "region", "sector", "price"])


def test_rows_are_divided_by_the_rise_of_their_price():
    """By hand: two industries, prices up by 10 and 25 %."""
    labels = pd.MultiIndex.from_product([["AAA", "BBB"], ["s"]])
    Z = {k: pd.DataFrame([[22.0, 11], [10, 50]], labels, labels) for k in (2000, 2001)}
    Y = {k: pd.DataFrame([[33.0, 44], [15, 25]], labels, ["AAA", "BBB"]) for k in Z}
    x = {k: pd.Series([110.0, 100], labels) for k in Z}
    tables = tx.from_frames(Z, Y, x)
    of_prices = {"year": [2000, 2000, 2001, 2001], "region": ["AAA", "BBB"] * 2}
    prices = pd.DataFrame({**of_prices, "sector": "s", "price": [50.0, 80, 55, 100]})
    found = tx.deflated(tables, prices).table(2001)
    assert_allclose(found.Z, [[20, 10], [8, 40]], rtol=1e-14)
    assert_allclose(np.asarray(found.Y).reshape(2, 2), [[30, 40], [12, 20]], rtol=1e-14)
    assert_allclose(found.x, [100, 80], rtol=1e-14)


def test_effects_of_volumes_and_prices_add_up_to_the_change():
    volumes = tx.deflated(TABLES, index_of_prices(TABLES, rate=0.03))
    found = tx.change(TABLES, "tbi", volumes=volumes)
    rows = found.table.groupby("region")["value"].sum()
    change = found.values.set_index("region")["change"]
    assert_allclose(rows.loc[change.index], change, atol=ADDS_UP)
    # Prices, literally: the index at current prices less that at last year's.
    current = tx.trade_benefit_index(TABLES)["tbi"]
    last = tx.trade_benefit_index(volumes)["tbi"]
    prices = found.table[found.table["factor"] == "prices"].set_index("region")
    wanted = (current.sel(year=list(volumes.years)) - last).sum("year").to_series()
    assert_allclose(prices["value"].loc[wanted.index], wanted, atol=ADDS_UP)
    assert np.abs(prices["value"]).max() > 1e-3
    # Each step is the change between two tables that are both at the same prices.
    assert found.steps is not None
    pair = tx.stack_years([TABLES.table(2000), volumes.table(2001)])
    alone = tx.change(replace(pair, years=(2000, 2001)), "tbi").table
    step = found.steps[found.steps["start"] == 2000]
    own = step[step["factor"] != "prices"]
    merged = own.merge(alone, on=["region", "factor"], suffixes=("", "_alone"))
    assert len(merged) == 18
    assert_allclose(merged["value"], merged["value_alone"], atol=ADDS_UP)


def test_without_a_rise_of_prices_nothing_is_price():
    volumes = tx.deflated(TABLES, index_of_prices(TABLES, rate=0))
    found = tx.change(TABLES, "tbi", volumes=volumes)
    prices = found.table[found.table["factor"] == "prices"]
    assert_allclose(prices["value"], 0, atol=ADDS_UP)
    chained = tx.change(TABLES, "tbi", chained=True)
    said = ["seventh factor" in k.page().method for k in (found, chained)]
    assert said == [True, False]
    both = found.table.merge(chained.table, on=["region", "factor"])
    assert_allclose(both["value_x"], both["chained"], atol=ADDS_UP)


def test_the_command_takes_a_file_of_prices_or_a_store(tmp_path):
    prices = index_of_prices(TABLES, rate=0.03)
    prices.to_csv(tmp_path / "prices.csv", index=False)
    save_store(TABLES, tmp_path / "store")
    save_store(tx.deflated(TABLES, prices), tmp_path / "volumes")
    answers = []
    for name in ("prices.csv", "volumes"):
        out = tmp_path / f"of_{name}"
        words = ("--volumes", tmp_path / name, "--out", out, "--no-figures")
        answer = good("change", tmp_path / "store", *words)
        assert "what prices do is a factor" in answer.out
        answers.append(pd.read_csv(out / "change.csv"))
    assert "prices" in set(answers[0]["factor"])
    assert_allclose(answers[0]["value"], answers[1]["value"], atol=ADDS_UP)
    gone = prices[prices["year"] != 2001]
    gone.to_csv(tmp_path / "gone.csv", index=False)
    words = ("--volumes", tmp_path / "gone.csv", "--out", tmp_path / "no")
    told = mistake("change", tmp_path / "store", *words)
    assert "no price above 0 of R0 S0 in 2001 (6 of 18 are missing" in told
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda p: p.drop(columns="price"), "no column price"),
        (lambda p: pd.concat([p, p.head(1)]), "R0 S0 in 2000 twice"),
        (lambda p: p.assign(price=-1), "no price above 0 of R0 S0 in 2000 (18 of 18"),
        (lambda p: p.assign(price=np.inf), "no price above 0 of R0 S0 in 2000"),
    ],
)
def test_wrong_prices_end_in_one_line(change, told):
    prices = index_of_prices(TABLES, rate=0.03)
    assert told in error_of(tx.deflated, TABLES, change(prices))


def test_a_file_that_is_no_csv_is_named(tmp_path):
    path = tmp_path / "prices.csv"
    for data in (b"", b"a\n1\n2,3\n"):
        path.write_bytes(data)
        assert "prices.csv: not a csv: " in error_of(tx.deflated, TABLES, path)


def test_volumes_are_of_the_same_cells_and_years():
    volumes = tx.deflated(TABLES, index_of_prices(TABLES, rate=0.03))
    for options, told in (
        ({"volumes": replace(volumes, regions=tuple("XYZ"))}, "volumes: other regions"),
        ({"volumes": volumes.select(2002, 2002)}, "volumes: no year 2001"),
        ({"volumes": volumes, "chained": True}, "volumes are chained"),
    ):
        assert told in error_of(tx.change, TABLES, "tbi", **options)
