"""Counterfactuals with errors of tables and elasticities, against draws one by one."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.core import files_of
from tivax.engine.tables import WorldShape

from commands import good, mistake
from described import assert_described
from helpers import error_of

ERROR = tx.table_errors.Lognormal(a=0.2, b=0.05)
DRAWS, SEED = 6, 3


def _thetas(se):
    sectors = ["S01", "S02", "S03"]
    return pd.DataFrame({"sector": sectors, "theta": [3.0, 4.0, 5.0], "se": [se] * 3})


@pytest.fixture(scope="module")
def world():
    return tx.synthetic_world(WorldShape(regions=4, sectors=3, years=2), 0)


def _economy(world, se=0.5):
    rows = [("R01", "*", "*", 0.02, 0.12), ("R02", "*", "*", 0.05, 0.05)]
    columns = ["importer", "exporter", "sector", "tariff", "tariff_new"]
    tariffs = pd.DataFrame(rows, columns=columns)
    thetas = _thetas(se) if se is not None else _thetas(0.0)[["sector", "theta"]]
    return tx.Economy.from_tables(world, 2000, thetas, tariffs)


def _drawn_alone(world, economy, number):
    """The economy of a draw of the tables, by the functions that make any economy."""
    drawn = tx.draw_tables(world, ERROR, draw=number, seed=SEED)
    thetas = _thetas(0.0)[["sector", "theta"]]
    return tx.Economy.from_tables(drawn, 2000, thetas, _as_frame(economy))


def _as_frame(economy):
    labels = (economy.regions, economy.regions, economy.sectors)
    names = ["importer", "exporter", "sector"]
    frame = pd.MultiIndex.from_product(labels, names=names).to_frame(index=False)
    frame["tariff"] = economy.tariff.ravel()
    frame["tariff_new"] = economy.tariff_new.ravel()
    return frame


@pytest.mark.parametrize("deficits", ["kept", "zero", "share"])
def test_draws_of_tables_are_those_solved_one_by_one(world, deficits):
    economy = _economy(world, se=None)
    found = tx.exact_hat(economy, deficits=deficits)
    drawing = found.drawing(ERROR, DRAWS, SEED)
    spread = drawing.spread()
    for k in range(DRAWS):
        one = tx.exact_hat(_drawn_alone(world, economy, k), deficits=deficits)
        for name in ("welfare", "tot", "vot", "realwage", "real_income", "wage"):
            np.testing.assert_allclose(
                100 * spread.of(name)[k, 0], one.changes[name], rtol=0, atol=1e-8
            )
        # (An index near 0 is a difference of flows.)
        change = one.tbi_change()
        for name in ("before", "after"):
            np.testing.assert_allclose(spread.of(name)[k], change[name], atol=1e-10)
        moved = one.counterfactual.trade - one.old.trade
        size = one.old.trade.max()
        np.testing.assert_allclose(spread.of("trade")[k], moved, atol=1e-10 * size)


def test_intervals_are_deviations_and_percentiles_of_draws(world):
    found = tx.exact_hat(_economy(world), deficits="kept")
    drawn = found.with_errors(ERROR, draws=DRAWS, seed=SEED)
    table = drawn.table.set_index(["region", "measure"])
    values = 100 * drawn.spread.of("welfare")[:, 0]
    rows = table.loc[[(k, "welfare") for k in found.economy.regions]]
    np.testing.assert_allclose(rows["se"], values.std(axis=0, ddof=1), rtol=1e-12)
    ends = np.percentile(values, [2.5, 97.5], axis=0)
    np.testing.assert_allclose(rows[["ci_low", "ci_high"]].T, ends, rtol=1e-12)
    pd.testing.assert_frame_equal(drawn.table[[*found.table]], found.table)
    assert drawn.tbi_change()["se"].gt(0).all()
    assert {"change", "se", "ci_low", "ci_high"} <= {*drawn.flows}
    sectors = drawn.sectors[drawn.sectors["measure"] == "imports"]
    values = 100 * drawn.spread.of("imports")[:, 0].reshape(DRAWS, -1)
    np.testing.assert_allclose(sectors["se"], values.std(axis=0, ddof=1), rtol=1e-9)
    (ax,) = drawn.plots()["welfare"]().axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    order = ["ROW" if k == "Rest of the world" else k for k in names]
    ends = np.array([k.vertices[:, 0] for k in ax.collections[0].get_paths()])
    exact = table.loc[[(k, "real_income") for k in order]].droplevel("measure")
    shown = exact[["ci_low", "ci_high"]]
    np.testing.assert_allclose(ends, shown, rtol=1e-12)
    # Some intervals are too short to be seen: they are beside in numbers.
    value, low, high = exact[["percent", "ci_low", "ci_high"]].iloc[0]
    assert ax.texts[0].get_text() == f"{value:+.2f}  [{low:+.2f}, {high:+.2f}]"


def test_the_waterfall_of_who_pays_ends_at_the_sum_of_the_world(world):
    found = tx.exact_hat(_economy(world, se=None))
    income = found.economy.income * found.changes["real_income"] / 100
    np.testing.assert_allclose(found.paid, income, rtol=1e-12)
    (ax,) = found.plots()["who_pays"]().axes
    bars = [bar for bars in ax.containers for bar in bars]
    billions = income.sum() / 1000
    assert np.isclose(bars[-1].get_width(), billions)
    assert np.isclose(sum(bar.get_width() for bar in bars[:-1]), billions)


def test_draw_k_does_not_depend_on_the_number_of_draws(world):
    found = tx.exact_hat(_economy(world))
    few, more = (found.drawing(ERROR, k, SEED).spread().rows for k in (2, DRAWS))
    np.testing.assert_array_equal(few, more[:2])
    rest = np.concatenate([*found.drawing(ERROR, DRAWS, SEED).rows(start=4)])
    np.testing.assert_array_equal(rest, more[4:])


def test_without_errors_there_is_no_deviation_and_draws_are_the_result(world):
    found = tx.exact_hat(_economy(world, se=0.0), deficits="kept")
    drawn = found.with_errors(replace(ERROR, a=0.0), draws=2)
    assert drawn.table["se"].max() == 0
    # Markets clear to 1e-10; changes are percentages.
    for end in ("ci_low", "ci_high"):
        np.testing.assert_allclose(
            drawn.table[end], drawn.table["percent"], rtol=0, atol=1e-8
        )
    index = drawn.tbi_change()
    np.testing.assert_allclose(index["ci_low"], index["change"], atol=1e-10)


def test_small_errors_of_elasticities_are_those_of_the_delta_method(world):
    economy = _economy(world, se=0.01)
    drawn = tx.exact_hat(economy).with_errors(draws=400)
    step, slopes = 1e-4, []
    for k in range(len(economy.sectors)):
        ends = []
        for sign in (1, -1):
            moved = _thetas(0.0)[["sector", "theta"]]
            moved.loc[k, "theta"] += sign * step
            one = tx.Economy.from_tables(world, 2000, moved, _as_frame(economy))
            ends.append(tx.exact_hat(one).changes["real_income"])
        slopes.append((ends[0] - ends[1]) / (2 * step))
    expected = 0.01 * np.sqrt(sum(k**2 for k in slopes))
    se = drawn.spread.interval("real_income", 100).se[0]
    # A deviation of 400 draws is right to 3.5 %.
    np.testing.assert_allclose(se, expected, rtol=0.12)


@pytest.mark.parametrize(
    "regions", [["R01", "R02"], {"both": ["R01", "R02"], "R03": ["R03"]}]
)
def test_nash_rates_of_a_draw_are_those_found_alone(world, regions):
    economy = _economy(world, se=None)
    given = {"method": "exact", "regions": regions, "deficits": "kept"}
    spread = tx.nash_tariffs(economy, **given).drawing(ERROR, 3, SEED).spread()
    for k in range(3):
        alone = tx.nash_tariffs(_drawn_alone(world, economy, k), **given)
        rates = np.concatenate([c.rates for c in alone.choices])
        # Players stay where scaled gradients are below 1e-6.
        np.testing.assert_allclose(spread.of("rates")[k], rates, atol=3e-6)
        # Welfare at the rates of the draw itself, which those of others move.
        one, tariff, first = alone.economy, alone.economy.tariff_new, 0
        for choice in alone.choices:
            own = spread.of("rates")[k, first : first + len(choice.rates)]
            tariff, first = choice.player.with_rates(tariff, own), first + len(own)
        moved = tx.exact_hat(one, tariff, deficits="kept").changes["real_income"]
        np.testing.assert_allclose(
            100 * spread.of("real_income")[k, 0], moved, rtol=0, atol=1e-8
        )
        weights = one.value_added.sum(axis=1)
        for choice, found in zip(alone.choices, spread.of("own")[k], strict=True):
            members = [*choice.player.members]
            own = np.average(moved.iloc[members], weights=weights[members])
            assert np.isclose(100 * found, own, rtol=0, atol=1e-8)


def test_answers_and_best_tariffs_of_a_draw_are_those_found_alone(world):
    economy = _economy(world, se=None)
    one = _drawn_alone(world, economy, 0)
    for how in ("reciprocal", "optimal", "together"):
        answer = tx.retaliation(economy, "R01", how)
        spread = answer.drawing(ERROR, 2, SEED).spread()
        alone = tx.retaliation(one, "R01", how)
        income = alone.outcome.changes["real_income"].to_numpy().reshape(2, -1)
        np.testing.assert_allclose(
            100 * spread.of("real_income")[0], income, rtol=0, atol=1e-5
        )
    best = tx.optimal_tariff(economy, "R01", over="sectors")
    drawn = best.with_errors(ERROR, draws=2, seed=SEED)
    alone = tx.optimal_tariff(one, "R01", over="sectors")
    np.testing.assert_allclose(
        drawn.spread.of("rates")[0], alone.choices[0].rates, atol=3e-6
    )
    assert {"se", "ci_low", "ci_high"} <= {*drawn.schedule} & {*drawn.players}


def test_what_cannot_be_drawn_is_refused_in_a_line(world):
    economy = _economy(world, se=None)
    found = tx.exact_hat(economy)
    assert "nothing has an error" in error_of(found.with_errors)
    bare = tx.exact_hat(replace(economy, tables=None))
    assert "not made of tables" in error_of(bare.with_errors, ERROR)
    other = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    war = tx.nash_tariffs(other.without_inputs())
    assert "method='exact'" in error_of(war.with_errors, ERROR)
    assert "draws" in error_of(found.with_errors, ERROR, draws=1)
    assert "rebuilt" in error_of(found.with_errors, "rebuilt")


# ------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory, world):
    """A store, elasticities, an error model and a file of each kind."""
    folder = tmp_path_factory.mktemp("drawn")
    tx.save_store(world, folder / "world")
    _thetas(0.5).to_csv(folder / "theta.csv", index=False)
    (folder / "error.toml").write_text(
        '[[error]]\nkind = "lognormal"\na = 0.2\nb = 0.05\n'
    )
    top = 'store = "world"\nyears = 2000\nelasticities = "theta.csv"\n'
    move = '[[variant]]\nname = "US"\nimporters = "R01"\ntariff = 0.1\n'
    kinds = {
        "exact-hat": move + move.replace("US", "more"),
        "nash": 'regions = ["R01", "R02"]\n',
        "retaliation": f'against = "R01"\n{move}',
    }
    for kind, more in kinds.items():
        (folder / f"{kind}.toml").write_text(f'kind = "{kind}"\n{top}{more}')
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exact-hat", "nash", "retaliation"])
def test_the_command_writes_intervals_beside_the_results(folder, kind):
    out = folder / f"out-{kind}"
    words = ("--error", folder / "error.toml", "--draws", 3, "--seed", 1)
    answer = good("scenario", folder / f"{kind}.toml", *words, "--out", out)
    told = answer.out.replace("\n", " ")
    assert "intervals hold 95 % of 3 draws of tables and elasticities" in told
    assert_described("scenario", out, but=files_of("scenario"))
    table = pd.read_csv(out / "scenario.csv")
    assert [*table.columns[-4:]] == ["percent", "se", "ci_low", "ci_high"]
    assert (table["ci_low"] <= table["ci_high"]).all() and table["se"].max() > 0
    assert "se" in pd.read_csv(out / "sectors.csv")
    assert {"welfare.svg", "sectors.svg"} <= {k.name for k in out.glob("figures/*")}
    record = json.loads((out / "manifest.json").read_text())
    assert record["draws"] == 3 and record["seed"] == 1
    assert record["error"][0]["kind"] == "lognormal"
    if kind == "nash":
        assert {"se", "ci_low"} <= {*pd.read_csv(out / "rates.csv")}
    assert not [*folder.glob(".out*")]


def test_draws_without_errors_are_refused(folder):
    (folder / "known.csv").write_text("sector,theta\n*,5\n")
    text = (folder / "exact-hat.toml").read_text().replace("theta.csv", "known.csv")
    (folder / "known.toml").write_text(text)
    words = ("--draws", 5, "--out", folder / "no")
    line = mistake("scenario", folder / "known.toml", *words)
    assert "--draws 5: nothing has an error" in line


def _covariance(*rows):
    return pd.DataFrame(rows, columns=["sector", "other", "covariance"])


def test_elasticities_are_drawn_with_their_covariance(world, tmp_path):
    """A hundred thousand lognormal draws know their covariances to a hundredth."""
    pairs = [("S01", "S01", 0.25), ("S02", "S02", 0.16), ("S01", "S02", 0.12)]
    V = _covariance(*pairs, ("S03", "S03", 0.09))
    economy = tx.Economy.from_tables(
        world, 2000, _thetas(0.9), elasticities_covariance=V
    )
    np.testing.assert_allclose(economy.theta_se, [0.5, 0.4, 0.3])
    root = economy.theta_root
    normal = np.random.default_rng(0).normal(size=(3, 100_000))
    logs = root @ normal - (root**2).sum(axis=1)[:, None] / 2
    drawn = economy.theta[:, None] * np.exp(logs)
    np.testing.assert_allclose(np.cov(drawn), economy.theta_covariance, atol=4e-3)
    np.testing.assert_allclose(drawn.mean(axis=1), economy.theta, atol=1e-2)
    economy.save(tmp_path / "economy.npz")
    again = tx.Economy.read(tmp_path / "economy.npz")
    np.testing.assert_array_equal(again.theta_root, root)


def test_sectors_of_one_row_are_one_draw(world):
    thetas = pd.DataFrame(
        {"sector": ["S02", "*"], "theta": [4.0, 5.0], "se": [1.0] * 2}
    )
    root = tx.Economy.from_tables(world, 2000, thetas).theta_root
    np.testing.assert_array_equal(root[0], root[2])
    assert root[0] @ root[1] == 0
    found = tx.exact_hat(tx.Economy.from_tables(world, 2000, thetas))
    assert found.drawing(None, 2, 0).record()["theta_errors"]


def test_what_is_no_covariance_is_refused(world):
    wrong = _covariance(("S01", "S01", 0.25), ("S01", "S02", 0.12))
    options = {"elasticities_covariance": wrong}
    says = error_of(tx.Economy.from_tables, world, 2000, _thetas(0.1), **options)
    assert says.endswith("covariance of theta is not positive definite")
    options = {"elasticities_covariance": _covariance(("S9", "S9", 1.0))}
    says = error_of(tx.Economy.from_tables, world, 2000, _thetas(0.1), **options)
    assert says.startswith("elasticities_covariance: no theta of S9")


def test_published_elasticities_are_by_sectors_of_wiod(world, tmp_path):
    with pytest.raises(tx.TivaxError, match="by sectors of WIOD"):
        tx.Economy.from_tables(world, 2000, "caliendo-parro")
    wiod = replace(world, sectors=("c4", "c5", "c35"))
    economy = tx.Economy.from_tables(wiod, 2000, "caliendo-parro")
    np.testing.assert_array_equal(economy.theta, [5.56, 5.56, 4.55])
    root = economy.theta_root
    np.testing.assert_array_equal(root[0], root[1])  # textiles and leather are one
    tx.save_store(wiod, tmp_path / "store")
    run = tmp_path / "hat.toml"
    run.write_text(
        'kind = "exact-hat"\nstore = "store"\nelasticities = "caliendo-parro"\n'
        "[[variant]]\ntariff = 0.1\n"
    )
    good("scenario", run, "--draws", "2", "--out", tmp_path / "out")
