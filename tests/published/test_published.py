"""Published trade models, against what their papers print."""

import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.core import files_of
from tivax.engine.published import liberation_world, nafta, solve_published, tariff_war

from commands import good, mistake
from described import assert_described
from helpers import error_of


def printed(path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    digits = frame["value"].str.partition(".")[2].str.len()
    frame["half"] = 0.5 * 10.0**-digits
    frame["value"] = frame["value"].astype(float)
    return frame


@pytest.mark.slow
def test_liberation_day_is_printed_to_the_last_digit(shared, tmp_path):
    data = shared / "data" / "trade_models" / "liberation_day"
    out = tmp_path / "out"
    words = ("--example", "liberation-day", "--data", data, "--out", out)
    answer = good("scenario", *words).out
    assert_described("scenario", out, but=files_of("scenario"))
    assert "19 equilibria of 194 countries" in answer
    assert "count as 0: GMB, MHL" in answer
    assert "ZWE, which the numeraire stands for, misses by 15.8 times" in answer
    truth = shared / "truth" / "trade_models" / "liberation_day"
    keys = ["table", "row", "column"]
    for name, cells in (("tables", 96), ("map", 455)):
        expected = printed(truth / f"{name}.csv")
        found = pd.read_csv(out / f"{name}.csv", keep_default_na=False)
        both = expected.merge(found, on=keys, suffixes=("", "_found"))
        assert len(both) == cells == len(expected)
        if name == "map":
            value, own = both["value"], both["value_found"]
            assert_allclose(own, value, rtol=1e-6, atol=1e-12)
        else:  # (a half that is printed exactly may be rounded either way)
            miss = (both["value_found"] - both["value"]).abs()
            assert (miss <= both["half"] * (1 + 1e-9)).all()
    drawn = (out / "figures" / "world.svg").read_text("utf-8")
    assert ">VNM<" in drawn and ">\N{MINUS SIGN}11.0<" in drawn  # welfare in the map
    solved = pd.read_csv(out / "equilibria.csv")
    assert solved["residual"].max() < 1e-12 and len(solved) == 19
    consistent = ~solved["equilibrium"].str.startswith("balanced")
    assert solved.loc[consistent, "dropped_residual"].abs().max() < 1e-11


def test_shares_of_services_and_the_formulas_of_best_rates(shared):
    data = shared / "data" / "trade_models" / "liberation_day"
    world = liberation_world.read_world(data)
    own = world.services[world.home]
    assert_allclose([world.services[0], own], [0.114335, 0.270471], atol=5e-7)
    rates = [
        liberation_world.optimal_rate(world, world.spending),
        liberation_world.optimal_rate(world, world.income),
        liberation_world.optimal_retaliation(world),
    ]
    assert_allclose(rates, [0.2180, 0.1854, 0.2274], atol=5e-5)


def damaged(folder, **files: str):
    """A small Liberation Day, three countries."""
    plain = {
        "country_labels": "iso3\nFRA\nUSA\nZWE\n",
        "gdp": "gdp\n1e6\n2e6\n1e5\n",
        "tariffs": "applied_tariff\n0.2\n0.1\n0.5\n",
        "trade_cepii": "a,b,c\n,100,10\n90,,5\n3,,\n",
    }
    for name, text in (plain | files).items():
        (folder / f"{name}.csv").write_text(text)
    return folder


@pytest.mark.parametrize(
    "files, line",
    [
        ({"tariffs": "t\n20\n0.1\n0.5\n"}, "tariffs.csv: FRA: the tariff is above 300 %"),
        ({"tariffs": "t\n0.2\n-0.1\n0.5\n"}, "tariffs.csv: USA: the tariff is negative"),
        ({"tariffs": "t\n0.2\n0.1\n"}, "tariffs.csv: 2 x 1 numbers; it must have 3 x 1"),
        ({"gdp": "gdp\n1e6\nx\n1e5\n"}, "gdp.csv: row 2, column 1 is x, no number"),
        ({"gdp": "gdp\n1e6\n0\n1e5\n"}, "gdp.csv: USA: GDP is not positive"),
        ({"trade_cepii": "a,b,c\n,1,-1\n9,,5\n3,,\n"}, "trade_cepii.csv: FRA: trade is negative"),
        ({"trade_cepii": "a,b,c\n7,1,1\n9,,5\n3,,\n"}, "trade_cepii.csv: FRA: the diagonal must be empty"),
        ({"country_labels": "iso3\nFRA\nDEU\nZWE\n"}, "country_labels.csv: no USA"),
    ],
)  # fmt: skip
def test_damaged_data_end_in_a_line_with_file_and_country(tmp_path, files, line):
    folder = damaged(tmp_path, **files)
    assert line in error_of(solve_published, "liberation-day", folder)


def members(sectors: int = 2) -> tx.Economy:
    economy = tx.Economy.synthetic(regions=3, sectors=sectors, seed=1)
    return replace(economy, regions=("Mexico", "USA", "CAN"))


def test_nafta_by_partner_adds_up_to_the_total(tmp_path):
    members().save(tmp_path / "own.npz")
    out = tmp_path / "out"
    words = ("--example", "nafta", "--data", tmp_path / "own.npz", "--out", out)
    assert "own.npz: no such folder" in mistake("scenario", *words)
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "own.npz").rename(data / "own.npz")
    words = ("--example", "nafta", "--data", data, "--out", out)
    assert "NAFTA: 27 cells" in good("scenario", *words).out
    table = pd.read_csv(out / "tables.csv", index_col=[0, 1, 2]).sort_index()
    found = tx.exact_hat(members(), deficits="zero").changes
    for region, row in (("Mexico", "Mexico"), ("CAN", "Canada"), ("USA", "USA")):
        total = table["value"].loc["Table 2", row]
        expected = found.loc[region, ["realwage", "welfare"]].to_numpy(float)
        assert_allclose(total[["real wages", "welfare"]].to_numpy(float), expected)
        parts = table["value"].loc["Table 3", row]
        for part in ("terms of trade", "volume of trade"):
            split = parts[f"{part}, NAFTA"] + parts[f"{part}, rest of world"]
            assert_allclose(split, total[part], atol=1e-10)


def test_caliendo_and_parros_text_files_become_their_economy(tmp_path):
    """Every cell of the economy by its definition, from files of random numbers."""
    rng = np.random.default_rng(0)
    r, s, traded = 31, 40, 20
    sold = rng.lognormal(0, 1, (traded, r, r))
    rates = rng.uniform(0, 15, (2, traded, r, r))
    output = rng.lognormal(5, 1, (s, r)) * 1e4
    share = rng.uniform(0.4, 0.8, (s, r))
    mix = rng.dirichlet(np.ones(s), (r, s)).transpose(0, 2, 1)
    theta = rng.uniform(2, 12, (traded, 1))
    flows = sold.reshape(-1, r), *rates.reshape(2, -1, r)
    arrays = *flows, output, share, mix.reshape(-1, s), theta
    for name, values in zip(nafta.FILES, arrays, strict=True):
        np.savetxt(tmp_path / name, values, delimiter="\t")
    economy = nafta.read_text_files(tmp_path)
    usa, mex, can = (economy.regions.index(k) for k in ("USA", "MEX", "CAN"))
    assert_allclose(economy.trade[usa, mex, 3], 1000 * sold[3, usa, mex])
    assert_allclose(economy.tariff[usa, 0, 3], rates[0, 3, usa, 0] / 100)
    assert_allclose(economy.tariff_new[usa, can, 3], rates[1, 3, usa, can] / 100)
    assert (economy.tariff_new[usa, 0] == economy.tariff[usa, 0]).all()
    exports = 1000 * (sold[3, :, mex].sum() - sold[3, mex, mex])
    made = max(output[3, mex], exports)
    assert_allclose(economy.trade[mex, mex, 3], made - exports)
    cost = (1 - share[3, mex]) * made * mix[mex, 5, 3]
    assert_allclose(economy.intermediate[mex, 5, 3], cost)
    assert_allclose(economy.theta, np.append(theta, np.full(s - traded, 8.22)))
    (tmp_path / "T.txt").write_text("1\n2\n")
    told = error_of(nafta.read_text_files, tmp_path)
    assert "T.txt: 2 x 1 numbers; it must have 20 x 1" in told


@pytest.mark.slow
def test_the_tariff_war_is_near_to_the_print(shared, tmp_path):
    """The paper's own files are not public: flows and groups are rebuilt."""
    data = shared / "data" / "trade_models" / "complex_europe"
    out = tmp_path / "out"
    good("scenario", "--example", "tariff-war", "--data", data, "--out", out)
    truth = printed(shared / "truth" / "trade_models" / "tariff_war" / "table2.csv")
    found = pd.read_csv(out / "tables.csv")
    assert len(found) == 88
    both = truth.merge(found, on=["table", "row", "column"], suffixes=("", "_found"))
    for column, furthest in (("baseline tariff", 2.5), ("baseline real GDP", 0.35)):
        cells = both[both["column"] == column]
        assert len(cells) == 15
        assert cells["value"].corr(cells["value_found"]) > 0.98
        assert (cells["value"] - cells["value_found"]).abs().mean() < furthest


def test_an_archive_without_its_files_is_told(tmp_path):
    """What they hold is read as for Complex Europe."""
    zipfile.ZipFile(tmp_path / tariff_war.ARCHIVE, "w").close()
    line = error_of(solve_published, "tariff-war", tmp_path)
    assert "no Din2014.txt in it" in line


def test_a_name_or_folder_that_is_not_there_ends_in_a_line(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    base = ("--data", folder, "--out", tmp_path / "out")
    told = mistake("scenario", "--example", "nafat", *base)
    assert "--example nafat" in told and "nafta" in told
    told = mistake("scenario", "--example", "nafta", *base)
    assert "neither an .npz nor xbilat1993.txt" in told
    told = mistake("scenario", "run.toml", *base)
    assert "--data goes with --example" in told
    assert not (tmp_path / "out").exists()
