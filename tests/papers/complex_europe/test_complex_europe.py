"""Complex Europe: its archive, the three industries made of fifty, and the print."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.equilibrium.parameter_draws import ParameterDraws
from tivax.engine.papers import europe
from tivax.engine.papers.complex_europe import means, model, solve_paper

from commands import good, mistake
from helpers import error_of

R = len(europe.REGIONS)
TRUTH = "truth/trade_models/complex_europe/tables.csv"


@pytest.mark.slow
def test_table_b10_of_three_industries_is_near_to_the_print(shared):
    """Column (f), all draws: the paper's own iteration stops early, 0.02 at most."""
    data = shared / "data" / "trade_models" / "complex_europe"
    three = europe.merged(europe.read_europe(data))
    draws = europe.read_estimates(data, three=True)
    run = model.PublishedRun("f", three, draws, draws)
    ended = europe.read_memberships(data)
    drawn = run.draws(ended, europe.read_transfers(data))
    found = drawn.solve(draws.theta, draws.costs)
    assert found.clearing.max() < 1e-8
    values = found.percent[:, 0]
    truth = pd.read_csv(shared / TRUTH)
    truth = truth[truth["table"] == "Table B10"].set_index(["column", "row"])["value"]
    rows = [*europe.REGIONS]
    miss = np.abs(values.mean(axis=0) - truth.loc["f"][rows])
    assert miss.mean() < 0.02 and miss.max() < 0.1
    marks = means.stars(values)
    assert (marks == truth.loc["f stars"][rows]).sum() >= 42


@pytest.mark.slow
def test_the_command_writes_every_printed_column(shared, tmp_path, monkeypatch):
    """Control variates, of which nothing is printed, are those of three industries: the
    gradients of fifty are two thirds of the time."""
    few = ParameterDraws.control_variates

    def controls(self, mean, theta, effects):
        if theta.shape[1] == len(europe.GROUPS):
            return few(self, mean, theta, effects)
        return np.zeros((len(theta), len(self.chosen), R))

    monkeypatch.setattr(ParameterDraws, "control_variates", controls)
    data = shared / "data" / "trade_models" / "complex_europe"
    out = tmp_path / "out"
    words = ("--paper", "complex_europe", "--data", data, "--out", out)
    assert "means over 6 of 1,000 draws" in good("replicate", *words, "--draws", 6).out
    keys = ["table", "row", "column"]
    truth = pd.read_csv(shared / TRUTH)
    truth = truth[~truth["column"].str.startswith("5 trends")]  # not in the archive
    both = truth.merge(pd.read_csv(out / "tables.csv"), on=keys, suffixes=("", "_own"))
    assert len(both) == len(truth)
    miss = (both["value"] - both["value_own"]).abs()
    assert miss[both["table"] == "Table A6"].max() < 0.5  # every digit
    # Tariffs matter little by draw; in S1 some rates cannot be rebuilt.
    assert miss[(both["table"] == "Table 5") & (both["column"] == "S1")].mean() < 0.03
    wide = pd.read_csv(out / "intervals.csv")
    assert wide["mean"].between(wide["ci_low"], wide["ci_high"]).all()
    assert (wide["controlled_se"] <= wide["se"] * (1 + 1e-9)).all()
    three = wide["column"].isin(["f", "b"])
    assert (wide.loc[three, "controlled_se"] < wide.loc[three, "se"]).all()


def archive(folder, **changed):
    """A world where all countries are alike; members of ``changed`` in place."""
    j, three = europe.INDUSTRIES, len(europe.GROUPS)
    every = np.ones((j, R))
    fifty = {
        "Din2014": np.full((j * R, R), 1 / R),
        "tariffs2014": np.ones((j * R, R)),
        "X0": every,
        "alphas": every / j,
        "B": every / 2,
        "inventory2014": every * 0,
        "G": np.full((j * R, j), 1 / j),
        "VA_n": np.full((R, 1), j / 2),
        "S_n": np.zeros((R, 1)),
    }
    union = np.zeros((R, R))
    union[2, 3] = union[3, 2] = -1
    coarse = {f"dummy_diff_{k}": union for k in ("Smarket", "Euro", "Schengen", "oRTA")}
    coarse["dummy_diff_eukor"] = 0 * union
    names = ("bbotheea", "bbotheuro", "bschengen", "bbothrta", "beukor", "bltau")
    for name in names:
        size = -3.0 if name == "bltau" else 0.1
        coarse[f"{name}_sec-aest"] = np.full((2, three), size)
        fine = "bbothEEA" if name == "bbotheea" else name
        fifty[f"{fine}-sec-nnew"] = np.full((2, j), size)
    for file, members in (("fifty_sectors", fifty), ("three_sectors", coarse)):
        with zipfile.ZipFile(folder / f"{file}.zip", "w") as packed:
            for name, values in members.items():
                values = changed.get(name, values)
                text = io.StringIO()
                tab = name.endswith("nnew")
                header = "\t".join(f"BS_{k}" for k in range(j)) if tab else ""
                between = "\t" if tab else ","
                np.savetxt(text, values, "%.17g", between, header=header, comments="")
                packed.writestr(f"{name}.txt", text.getvalue())
    codes = [k for k in europe.REGIONS if k != "ROW"]
    rates = pd.DataFrame(
        {"iso2": codes[2], "iso1": codes[3], "sector": [1.0], "tau_mfn_w": [0.1]}
    )
    rates.to_stata(folder / europe.RATES, write_index=False)
    (folder / europe.TRANSFERS).write_text(json.dumps({"BEL": 1.0}))
    return folder


def test_rates_that_lapse_are_those_of_the_memberships(tmp_path):
    found = europe.read_europe(archive(tmp_path))
    assert_allclose(found.lapsed["EU"][2, 3, 0], 0.1)
    assert found.lapsed["all"].sum() == pytest.approx(0.1)


def test_three_industries_keep_the_accounts_of_fifty(tmp_path):
    rng = np.random.default_rng(0)
    j = europe.INDUSTRIES
    shares = rng.dirichlet(np.ones(R), j * R)
    factors = rng.uniform(1, 1.3, (j * R, R))
    spent, added = rng.uniform(1, 2, (j, R)), rng.uniform(0.4, 0.9, (j, R))
    by_seller = (shares / factors).reshape(j, R, R) * spent[:, :, None]
    income = (added * by_seller.sum(axis=1)).sum(axis=0)
    files = {"Din2014": shares, "tariffs2014": factors, "X0": spent, "B": added}
    fifty = europe.read_europe(archive(tmp_path, **files, VA_n=income[:, None]))
    three = europe.merged(fifty)
    assert_allclose(three.spending.sum(axis=1), fifty.spending.sum(axis=1))
    assert_allclose(three.trade.sum(axis=2), fifty.trade.sum(axis=2))
    assert_allclose(three.revenue, fifty.revenue)
    assert_allclose(three.output, three.trade.sum(axis=0))
    assert_allclose(three.shares.sum(axis=1), 1)
    assert_allclose(three.inputs.sum(axis=1) + three.value_added, 1)
    used = (three.inputs * three.output[:, None]).sum(axis=2)
    final = three.spending - used
    assert_allclose(three.budget, final / final.sum(axis=1, keepdims=True))


def test_means_of_draws_are_weighted_by_output():
    tariff, effects = np.arange(-50.0, 0)[None] - 1, np.ones((1, 5, 50))
    output = np.ones((2, 50))
    output[:, 0] = 100
    few = europe.Estimates(tariff, effects).merged(output)
    goods = (200 * tariff[0, 0] + 2 * tariff[0, 1:22].sum()) / 242
    assert_allclose(few.tariff[0, 0], goods)
    assert_allclose(few.effects[0], [[1, 1, 0]] * 5)


@pytest.mark.parametrize(
    "changed, line",
    [
        ({"tariffs2014": np.full((50 * R, R), 4.45 * 2)}, "tariffs2014.txt: the factor of AUS on AUS in industry 1 is 8.9"),
        ({"Din2014": np.full((50 * R, R), 1.01 / R)}, "Din2014.txt: shares of AUS in industry 1 add to 1.01, not 1"),
        ({"VA_n": np.full((R, 1), 30.0)}, "VA_n.txt: value added of AUS is 30, that of its output by B.txt 25"),
        ({"bltau-sec-nnew": np.full((2, 50), -0.5)}, "bltau-sec-nnew.txt: draw 1 of industry 1 is -0.5; at most -1"),
        ({"beukor_sec-aest": np.ones((3, 3))}, "beukor_sec-aest.txt: 3 x 3 numbers; it must have 2 x 3"),
        ({"dummy_diff_Euro": np.ones((R, R))}, "dummy_diff_Euro.txt: a membership be"),
    ],
)  # fmt: skip
def test_a_damaged_archive_ends_in_a_line(tmp_path, changed, line):
    told = error_of(solve_paper, archive(tmp_path, **changed))
    assert line in told


def test_draws_that_the_archive_lacks_end_in_a_line(tmp_path):
    (data := tmp_path / "data").mkdir()
    archive(data)
    base = ("--paper", "complex_europe", "--data", data, "--out", tmp_path / "out")
    assert "--draws 3: the archive has 2" in mistake("replicate", *base, "--draws", 3)
    (data / europe.RATES).unlink()
    told = error_of(solve_paper, data)
    assert "fin_cftau_2014_weighted_wiod.dta: no such file" in told
    assert not (tmp_path / "out").exists()


def test_stars_count_how_few_draws_are_on_the_other_side():
    k = np.arange(1000) / 999  # quantiles
    columns = {0: k - 0.2, 1: k - 0.04, 2: k - 0.02, 3: k - 0.001}
    values = np.column_stack([*columns.values(), *(-v for v in columns.values())])
    assert means.stars(values).tolist() == [0, 1, 2, 3] * 2
    with_gap = np.vstack([values, np.full((5, 8), np.nan)])
    assert means.stars(with_gap).tolist() == [0, 1, 2, 3] * 2
    error = values[:, 0].std(ddof=1) / np.sqrt(1000)
    assert_allclose(means.standard_errors(with_gap)[0], error)
