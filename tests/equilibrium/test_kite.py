"""KITE's csv: shares and spending that become an economy, and an economy's that go out."""

from dataclasses import replace

import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx

from helpers import error_of

NEEDED = (
    "trade_share intermediate_share factor_share expenditure trade_elasticity".split()
)


def two_countries(folder, **changes):
    """A and B, one good: A buys 80 at home and 20 of B, of B's 50 it sells 10."""
    folder.mkdir()
    files = {
        "trade_share": "origin,destination,sector,value\nA,A,g,0.8\nB,A,g,0.2\nA,B,g,0.2\nB,B,g,0.8\n",
        "intermediate_share": "country,input,output,value\nA,g,g,1\nB,g,g,1\n",
        "factor_share": "country,sector,value\nA,g,0.5\nB,g,0.75\n",
        "expenditure": "country,sector,value\nA,g,100\nB,g,50\n",
        "trade_elasticity": "sector,value\ng,4\n",
    } | changes
    for name, text in files.items():
        if text:
            (folder / f"{name}.csv").write_text(text)
    return folder


def test_an_economy_worked_out_by_hand(tmp_path):
    """A sells 80 + 10, B 20 + 40; of A's 90 half are inputs, of B's 60 a quarter."""
    economy = tx.Economy.read(two_countries(tmp_path / "k"))
    assert economy.regions == ("A", "B") and economy.sectors == ("g",)
    assert_allclose(economy.trade[:, :, 0], [[80, 20], [10, 40]])
    assert_allclose(economy.intermediate[:, 0, 0], [45, 15])
    assert_allclose(economy.value_added[:, 0], [45, 45])
    assert_allclose(economy.final[:, 0], [55, 35])
    assert_allclose(economy.deficit, [10, -10])
    assert economy.theta.tolist() == [4]


def test_spending_holds_tariffs(tmp_path):
    """Of 20 that A spends on B's good at 1.25, 4 are duties."""
    tariff = "origin,destination,sector,value\nB,A,g,1.25\n"
    economy = tx.Economy.read(two_countries(tmp_path / "k", tariff=tariff))
    assert_allclose(economy.trade[:, :, 0], [[80, 16], [10, 40]])
    assert_allclose(economy.tariff[0, 1, 0], 0.25)
    assert_allclose(economy.spending[:, 0], [100, 50])


def test_final_demand_below_zero_becomes_zero_as_kite_does_it(tmp_path):
    """Literally, cell by cell: R02 spends next to nothing on a good that it needs."""
    tx.Economy.synthetic(regions=3, sectors=2).save(tmp_path / "k", format="kite")
    frame = pd.read_csv(tmp_path / "k" / "expenditure.csv")
    at = (frame["country"] == "R02") & (frame["sector"] == "S01")
    frame.loc[at, "value"] *= 0.1
    frame.to_csv(tmp_path / "k" / "expenditure.csv", index=False)

    def of(name):
        rows = pd.read_csv(tmp_path / "k" / f"{name}.csv")
        return rows.set_index([*rows.columns[:-1]])["value"].to_dict()

    share, tariff, inputs = of("trade_share"), of("tariff"), of("intermediate_share")
    beta, spending = of("factor_share"), of("expenditure")
    regions, sectors = ("R01", "R02", "ROW"), ("S01", "S02")

    def sells(o, j):
        return sum(
            share.get((o, d, j), 0) * spending[d, j] / tariff.get((o, d, j), 1)
            for d in regions
        )

    for _ in range(100):
        bought = {
            (d, k): sum(
                inputs.get((d, k, j), 0) * (1 - beta[d, j]) * sells(d, j)
                for j in sectors
            )
            for d in regions
            for k in sectors
        }
        spending = {k: v + max(spending[k] - v, 0) for k, v in bought.items()}
    economy = tx.Economy.read(tmp_path / "k")
    wanted = [[spending[d, k] for k in sectors] for d in regions]
    assert_allclose(economy.spending, wanted, rtol=1e-10)
    assert economy.final[1, 0] == pytest.approx(0, abs=1e-9 * economy.output[1, 0])


def test_a_market_without_trade_buys_at_home_and_shares_add_up(tmp_path):
    shares = "origin,destination,sector,value\nA,A,g,1.6\nB,A,g,0.4\nA,B,g,-0.3\n"
    economy = tx.Economy.read(two_countries(tmp_path / "k", trade_share=shares))
    assert_allclose(economy.trade[:, :, 0], [[80, 20], [0, 50]])


@pytest.mark.parametrize("seed", [0, 1])
def test_an_economy_comes_back(tmp_path, seed):
    economy = tx.Economy.synthetic(regions=4, sectors=3, seed=seed)
    economy.save(tmp_path / "kite", format="kite")
    again = tx.Economy.read(tmp_path / "kite")
    assert (again.regions, again.sectors) == (economy.regions, economy.sectors)
    for name in ("trade", "tariff", "tariff_new", "intermediate", "final", "theta"):
        one, other = getattr(economy, name), getattr(again, name)
        assert_allclose(other, one, rtol=1e-9, atol=1e-9 * economy.output.max())


def test_the_files_are_those_that_kite_reads(tmp_path):
    tx.Economy.synthetic(regions=3, sectors=2).save(tmp_path / "kite", format="kite")
    shares = pd.read_csv(tmp_path / "kite" / "trade_share.csv")
    assert list(shares.columns) == ["origin", "destination", "sector", "value"]
    assert_allclose(shares.groupby(["destination", "sector"])["value"].sum(), 1)
    inputs = pd.read_csv(tmp_path / "kite" / "intermediate_share.csv")
    assert_allclose(inputs.groupby(["country", "output"])["value"].sum(), 1)
    assert {f"{name}.csv" for name in NEEDED} <= {
        path.name for path in (tmp_path / "kite").iterdir()
    }


@pytest.mark.parametrize("name", NEEDED)
def test_a_file_that_is_missing_is_named(tmp_path, name):
    folder = two_countries(tmp_path / "k", **{name: ""})
    assert f"{name}.csv: no such file" in error_of(tx.Economy.read, folder)


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("trade_share", "origin,sector,value\nA,g,1\n", "no column destination"),
        ("expenditure", "country,sector,value\nA,g,x\n", "value in row 1 is x"),
        ("expenditure", "country,sector,value\nC,g,1\n", "country C is in none of"),
        ("factor_share", "country,sector,value\nA,g,1\nA,g,1\n", "A, g is duplicated"),
        ("export_subsidy", "origin,destination,sector,value\nA,B,g,0.9\n", "export taxes and subsidies are not in"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_kite_is_told_in_one_line(tmp_path, name, text, words):
    folder = two_countries(tmp_path / "k", **{name: text})
    message = error_of(tx.Economy.read, folder)
    assert words in message and f"{name}.csv: " in message


def test_export_subsidies_of_one_are_none(tmp_path):
    text = "origin,destination,sector,value\nA,B,g,1\n"
    assert tx.Economy.read(two_countries(tmp_path / "k", export_subsidy=text))


def test_a_folder_that_exists_is_kept_and_a_format_that_is_none_refused(tmp_path):
    economy = tx.Economy.synthetic(regions=3, sectors=2)
    (tmp_path / "kite").mkdir()
    (tmp_path / "kite" / "mine").touch()
    told = error_of(economy.save, tmp_path / "kite", format="kite")
    assert told.endswith("kite: exists already; give a new folder")
    assert [k.name for k in (tmp_path / "kite").iterdir()] == ["mine"]
    no = tmp_path / "no"
    assert "choose from npz, kite" in error_of(economy.save, no, format="csv")
    labels = replace(economy, sectors=(" a", "b"))
    told = error_of(labels.save, no, format="kite")
    assert "begins or ends with a blank" in told
    assert not (tmp_path / "no").exists()
