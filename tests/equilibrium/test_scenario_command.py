"""``tivax scenario`` with files of kind exact-hat."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.core import files_of
from tivax.engine.equilibrium import (
    exact_hat_scenario,
    read_exact_hat,
    variants_of,
)
from tivax.engine.figures.welfare import (
    sectors_by_region,
    welfare_by_region,
    welfare_ranges,
)
from tivax.engine.present.words import words_of

from commands import good, mistake
from described import assert_described
from economies import two_regions
from helpers import error_of

TABLES = ("scenario", "equilibrium", "tbi", "trade", "value_added", "sectors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenario")
    economy = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    economy.save(folder / "economy.npz")
    (folder / "kept.toml").write_text(
        'kind = "exact-hat"\neconomy = "economy.npz"\ndeficits = "kept"\n'
    )
    return folder


def test_the_command_writes_the_table_and_what_stands_behind_it(folder):
    answer = good("scenario", folder / "kept.toml", "--out", folder / "kept")
    written = {path.name for path in (folder / "kept").iterdir()}
    tables = {f"{k}.csv" for k in TABLES}
    assert written == tables | {"figures", "report.html", "manifest.json"}
    table = pd.read_csv(folder / "kept" / "scenario.csv")
    assert list(table.columns) == ["region", "measure", "percent"]
    found = tx.exact_hat(tx.Economy.read(folder / "economy.npz"), deficits="kept")
    pd.testing.assert_frame_equal(table, found.table, rtol=1e-9)
    assert "3 regions x 2 sectors, 1 scenario, deficits kept; markets" in answer.out
    record = json.loads((folder / "kept" / "manifest.json").read_text())
    assert record["residual_max"] < 1e-10 and record["kind"] == "exact-hat"
    assert "Caliendo" in good("package", folder / "kept", "--cite").out


def test_ranges_show_the_lowest_and_highest_scenario(folder):
    economy = tx.Economy.read(folder / "economy.npz")
    rates = np.stack([economy.tariff * k for k in (0.0, 0.5, 2.0)])
    found = tx.exact_hat(economy, rates)
    (ax,) = welfare_ranges(found.changes, ["R02", "R01"]).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["R02", "R01"]
    paths = ax.collections[0].get_paths()
    ends = np.array([np.asarray(path.vertices)[:, 0] for path in paths])
    income = found.changes["real_income"].unstack("region")[["R02", "R01"]]
    np.testing.assert_allclose(ends[:, 0], income.min(), rtol=1e-12)
    np.testing.assert_allclose(ends[:, 1], income.max(), rtol=1e-12)
    # Dots at both ends are whole.
    low, high = ax.get_xlim()
    assert low < income.to_numpy().min() and income.to_numpy().max() < high
    single = tx.exact_hat(economy, rates[:1])
    figure = single.plots()["welfare"]()
    assert figure.axes[0].get_xlabel() == "real income, per cent"
    # Linear welfare rises everywhere; the figure is of exact real income.
    assert single.changes["welfare"].min() > 0 > single.changes["real_income"].min()
    own = single.changes["real_income"].loc[0]
    title = f"Largest loss Rest of the world, −{-own.min():.2f} %; "
    assert figure.get_suptitle() == f"{title}largest gain R01, {own.max():+.2f} %"


def test_figures_name_countries_and_sort_from_gains_to_losses():
    values = {"IRL": -1.95, "USA": 0.68, "ROW": -0.2}
    table = pd.DataFrame({"region": [*values], "percent": [*values.values()]})
    variant = {"variant": "US 10 % on all", "measure": "real_income"}
    figure = welfare_by_region(table.assign(**variant))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["United States", "Rest of the world", "Ireland"]
    assert figure.get_suptitle() == (
        "US 10 % on all: largest loss Ireland, −1.95 %; "
        "largest gain United States, +0.68 %"
    )


@pytest.mark.parametrize(
    ("regions", "start"),
    [(None, "Largest loss"), (["IRL", "USA"], "Largest"), (["USA"], "Of the regions")],
)
def test_titles_are_of_what_is_shown_where_others_move_more(regions, start):
    values = {"IRL": -1.95, "USA": 0.68, "ROW": -0.2}
    table = pd.DataFrame({"region": [*values], "percent": [*values.values()]})
    figure = welfare_by_region(table.assign(measure="real_income"), regions)
    assert figure.get_suptitle().startswith(start)
    rows = table.assign(title="Arts, museums, gambling")
    title = sectors_by_region(rows).get_suptitle()
    assert title.startswith(
        "Of the sectors shown, largest loss Arts, museums, gambling "
    )
    say = words_of("equilibrium", "zh").say
    for draw, own in ((sectors_by_region, rows), (welfare_by_region, table)):
        for variant in ({}, {"variant": say("tariff alone")}):
            own = own.assign(measure="real_income", **variant)
            said = draw(own, say=say).get_suptitle()
            assert not re.search("[a-z]{3}", said), said


# ----------------------------------------------------------------- many variants

GRID = """
kind = "exact-hat"
economy = "economy.npz"
[[variant]]
exporters = "R01"
sectors = "S02"
[grid]
importers = "each"
tariff = [0, 0.1, 0.2, 0.3, 0.4, 0.5]
"""


@pytest.fixture(scope="module")
def many(folder):
    """A grid, what its run wrote and said."""
    (folder / "grid.toml").write_text(GRID)
    answer = good("scenario", folder / "grid.toml", "--out", folder / "many")
    return folder / "many", answer


def test_every_variant_of_a_grid_is_that_schedule_alone(folder, many):
    economy = tx.Economy.read(folder / "economy.npz")
    place = economy.regions.index("R01")
    table = pd.read_csv(many[0] / "scenario.csv")
    # Sales of R01 at home bear no tariff.
    assert table["variant"].nunique() == 2 * 6
    for k, importer in enumerate(economy.regions):
        for rate in (0, 0.1, 0.2, 0.3, 0.4, 0.5) if k != place else ():
            tariff = economy.tariff_new.copy()
            tariff[k, place, 1] = rate
            alone = tx.exact_hat(economy, tariff).table
            name = f"importers {importer}, tariff {rate}"
            found = table[table["variant"] == name].drop(columns="variant")
            # Markets clear to 1e-10; changes are percentages.
            pd.testing.assert_frame_equal(
                found.reset_index(drop=True), alone, rtol=1e-7, atol=1e-8
            )


def test_a_variant_without_equilibrium_is_named_and_leaves_nothing(folder):
    """The last of nine, the second batch: nothing can be shipped to pay for deficits."""
    path = folder / "never.toml"
    costs = "1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1e6"
    path.write_text(
        'kind = "exact-hat"\neconomy = "economy.npz"\ndeficits = "kept"\n'
        f"[grid]\ntrade_cost = [{costs}]\n"
    )
    line = mistake("scenario", path, "--out", folder / "never")
    assert "variant trade_cost 1e+06 does not converge" in line
    assert not (folder / "never").exists() and not list(folder.glob(".never*"))


def test_regions_and_sectors_are_named_by_words(folder):
    economy = replace(
        tx.Economy.synthetic(regions=3, sectors=2, seed=1),
        regions=("CHN", "DEU", "FRA"),
        sectors=("c13", "c14"),
        source="wiod2013",
    )
    path = folder / "words.toml"
    text = 'kind = "exact-hat"\neconomy = "economy.npz"\n[[variant]]\ntariff = 0.1\n'
    sides = 'importers = ["EU27", "Germany"]\nexporters = "China"\n'
    path.write_text(f'{text}{sides}sectors = "electrical"')
    run = read_exact_hat(path)
    ((move,),) = variants_of(run, economy).moves.values()
    assert move[:3] == ((1, 2), (0,), (1,))
    path.write_text(f'{text}sectors = "wheat"')
    told = error_of(variants_of, read_exact_hat(path), economy)
    assert "no sector wheat; choose from c13 (Machinery" in told


def test_a_variant_without_a_name_has_words_and_goods_are_no_services(folder):
    economy = replace(
        tx.Economy.synthetic(regions=3, sectors=2, seed=1),
        regions=("CHN", "USA", "ROW"),
        sectors=("c14", "c20"),
        source="wiod2013",
    )
    economy = replace(economy, tariff_new=economy.tariff)
    path = folder / "unnamed.toml"
    move = '[[variant]]\nimporters = "United States"\nexporters = "CHN"\n'
    text = f'kind = "exact-hat"\neconomy = "economy.npz"\n{move}tariff = 0.25\n'
    more = f'{move}sectors = "goods"\ntrade_cost = 1.1\n{move}tariff = 0.25\n'
    path.write_text(text + more)
    run = read_exact_hat(path)
    moves = variants_of(run, economy).moves
    words = "China to the United States, tariff 25 %"
    assert {k: v[0].sectors for k, v in moves.items()} == {
        words: (0, 1),
        "China to the United States, goods, trade costs +10 %": (0,),
        f"{words} (3)": (0, 1),
    }
    found = exact_hat_scenario(run, economy)
    assert "new tariffs are on services, too: 1 of the sectors" in found.page().notes
    assert found.page().title.startswith(f"What if: {words}; China to")
    path.write_text(f'{text}sectors = "goods"\n')
    found = exact_hat_scenario(read_exact_hat(path), economy)
    assert not [k for k in found.page().notes if "services" in k]


def test_a_title_is_that_of_the_report_too(folder):
    words = ("--title", "A wall", "--out", folder / "titled")
    good("scenario", folder / "kept.toml", *words)
    page = (folder / "titled" / "report.html").read_text()
    assert "<h1>A wall</h1>" in page and "kept.toml" not in page.split("</h1>")[0]
    good("scenario", folder / "kept.toml", "--out", folder / "untitled")
    plain = (folder / "untitled" / "report.html").read_text()
    assert "<h1>What if tariffs of R01 and R02 and the rest of" in plain


# ------------------------------------------------------------ tariffs that are chosen

WALL = '[[variant]]\nimporters = ["R01"]\ntariff = 0.4\n'


@pytest.mark.parametrize(
    "kind, keys, said",
    [
        ("optimal-tariff", 'region = "R01"', "The best tariff of R01 is"),
        ("nash", 'regions = ["R01", "R02"]', "In the trade war tariffs are from"),
        (
            "retaliation",
            f'against = "R01"\n{WALL}',
            "as announced, and by",
        ),
    ],
)
def test_a_file_of_chosen_tariffs_writes_what_its_function_returns(
    folder, kind, keys, said
):
    path, out = folder / f"{kind}.toml", folder / kind
    head = f'kind = "{kind}"\neconomy = "economy.npz"\ndeficits = "kept"\n'
    path.write_text(head + keys)
    answer = good("scenario", path, "--out", out)
    assert said in answer.out.replace("\n", " ") and "deficits kept" in answer.out
    assert_described("scenario", out, but=files_of("scenario"))
    economy = tx.Economy.read(folder / "economy.npz")
    if kind == "optimal-tariff":
        found = tx.optimal_tariff(economy, "R01", deficits="kept")
    elif kind == "nash":
        given = {"method": "exact", "regions": ["R01", "R02"], "deficits": "kept"}
        found = tx.nash_tariffs(economy, **given)
    else:
        tariff = economy.tariff_new.copy()
        tariff[0, 1:] = 0.4
        announced = replace(economy, tariff_new=tariff)
        found = tx.retaliation(announced, "R01", deficits="kept")
    for name, table in found.tables().items():
        written = pd.read_csv(out / f"{name}.csv")
        pd.testing.assert_frame_equal(written, table, check_dtype=False, rtol=1e-6)
    assert json.loads((out / "manifest.json").read_text())["kind"] == kind


@pytest.mark.parametrize(
    "text, line",
    [
        ('kind = "nash"\nhow = "optimal"', "unknown key how; "),
        ('kind = "optimal-tariff"', "region: is missing"),
        ('kind = "retaliation"', "against: is missing"),
        ('kind = "retaliation"\nagainst = "R08"', "no region R08"),
        ('kind = "nash"\nregions = ["R07"]', "no region R07: did you mean"),
        ('kind = "optimal-tariff"\nregion = "R01"\nover = "goods"', "over = 'goods': "),
        (
            f'kind = "nash"\n{WALL.replace("tariff", "trade_cost")}',
            "trade_cost = 0.4 in [[variant]]: goes with kind exact-hat; give tariff",
        ),
    ],
)
def test_a_mistake_in_a_file_of_chosen_tariffs_is_one_line(folder, text, line):
    path = folder / "mistake.toml"
    path.write_text(f'economy = "economy.npz"\n{text}\n')
    said = mistake("scenario", path, "--out", folder / "mistaken")
    assert line in said and "mistake.toml" in said
    assert not (folder / "mistaken").exists()


def test_a_section_of_supply_is_the_argument_of_that_name(folder):
    """Of an economy of one sector, alone and of several variants."""
    economy = two_regions([[8, 2], [2, 7]])
    economy.save(folder / "one.npz")
    supply = "[supply]\nlabour = 0.5\nscale = 0.1\nservices = [0.1, 0.2]\n"
    head = 'kind = "exact-hat"\neconomy = "one.npz"\n'
    move = '[[variant]]\nname = "{}"\nimporters = "A"\ntariff = {}\n'
    moves = move.format("low", 0.1) + move.format("high", 0.2)
    (folder / "supply.toml").write_text(head + supply + moves)
    good("scenario", folder / "supply.toml", "--out", folder / "supply")
    table = pd.read_csv(folder / "supply" / "scenario.csv").set_index("variant")
    given = tx.Supply(labour=0.5, scale=0.1, services=[0.1, 0.2])
    for name, rate in (("low", 0.1), ("high", 0.2)):
        tariff = economy.tariff.copy()
        tariff[0, 1] = rate
        alone = tx.exact_hat(economy, tariff, supply=given).table
        np.testing.assert_allclose(table.loc[name, "percent"], alone["percent"])
    (folder / "bad.toml").write_text(head + "[supply]\nscale = -1\n" + moves)
    line = mistake("scenario", folder / "bad.toml", "--out", folder / "bad")
    assert "bad.toml: scale = -1" in line
    (folder / "bad.toml").write_text(head + "[supply]\nlabor = 1\n" + moves)
    line = mistake("scenario", folder / "bad.toml", "--out", folder / "bad")
    assert "unknown key labor" in line
