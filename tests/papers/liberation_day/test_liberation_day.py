"""Liberation Day, against what the paper prints."""

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.core import files_of
from tivax.engine.papers.liberation_day import solve_paper, world

from commands import good
from described import assert_described
from helpers import error_of
from truth_files import printed


@pytest.mark.slow
def test_liberation_day_is_printed_to_the_last_digit(shared, tmp_path):
    data = shared / "data" / "trade_models" / "liberation_day"
    out = tmp_path / "out"
    words = ("--paper", "liberation_day", "--data", data, "--out", out)
    answer = good("replicate", *words).out
    assert_described("replicate", out, but=files_of("replicate"))
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
    found = world.read_world(data)
    own = found.services[found.home]
    assert_allclose([found.services[0], own], [0.114335, 0.270471], atol=5e-7)
    rates = [
        world.optimal_rate(found, found.spending),
        world.optimal_rate(found, found.income),
        world.optimal_retaliation(found),
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
    assert line in error_of(solve_paper, folder)
