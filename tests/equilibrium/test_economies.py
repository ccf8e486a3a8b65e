"""Economies: their files, what they refuse, and how they come from tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax import TivaxError
from tivax.engine.equilibrium import exact_hat_scenario, read_exact_hat
from tivax.engine.tables import find_doubts

from helpers import error_of, random_tables

THETAS = pd.DataFrame({"sector": ["*"], "theta": [4.0]})
# Sums in another order.
RTOL = 1e-12


@pytest.fixture(scope="module")
def economy() -> tx.Economy:
    return tx.Economy.synthetic(regions=3, sectors=2, seed=1)


@pytest.fixture(scope="module")
def file(economy, tmp_path_factory):
    path = tmp_path_factory.mktemp("economy") / "economy.npz"
    economy.save(path)
    return path


def rewritten(file, path, **changed):
    """The file with arrays replaced, or left out where None."""
    with np.load(file) as old:
        arrays = {k: old[k] for k in old.files} | changed
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_a_file_gives_back_the_economy(economy, file):
    again = tx.Economy.read(file)
    assert again.regions == economy.regions and again.sectors == economy.sectors
    for name in ("trade", "tariff_new", "intermediate", "final", "theta", "deficit"):
        np.testing.assert_array_equal(getattr(again, name), getattr(economy, name))


@pytest.mark.parametrize(
    "name, change, line",
    [
        ("theta", None, "no array theta; an economy has regions, sectors"),
        ("theta", np.ones(3), "theta has the shape (3,); it must be (sector)"),
        ("theta", np.array([1.0, -1]), "theta of S02 is -1; an elasticity must be"),
        ("theta", np.array(["a", "b"]), "theta is not an array of numbers"),
        ("regions", np.array(["A", "A", "B"]), "regions has A twice"),
        ("regions", np.arange(3), "regions must be a list of labels"),
        ("deficit", np.zeros(3), "; write the deficits that trade has: deficits = 'zero' closes them"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_ends_in_a_line_that_names_it(
    file, tmp_path, name, change, line
):
    path = rewritten(file, tmp_path / "e.npz", **{name: change})
    told = error_of(tx.Economy.read, path)
    assert line in told and str(path) in told


def test_what_is_not_a_file_of_arrays_is_refused(file, tmp_path):
    assert "no such file" in error_of(tx.Economy.read, tmp_path / "none.npz")
    # More than is wanted is not looked at.
    found = rewritten(file, tmp_path / "more.npz", notes=np.array([None]))
    assert tx.Economy.read(found).regions == tx.Economy.read(file).regions


@pytest.mark.parametrize(
    "damage, why",
    [
        (lambda whole: b"", "cut short"),
        (lambda whole: b"text", "cut short"),
        (lambda whole: whole[:-40], "cut short"),
        (lambda whole: b"PK\x03\x04" + bytes(100), "cut short"),
        (lambda whole: whole[:200] + bytes(50) + whole[250:], "it is damaged"),
        ("one array", "no archive of arrays"),
        ("objects", "objects of Python are not read"),
    ],
)
def test_a_damaged_archive_of_arrays_is_one_line(file, tmp_path, damage, why):
    path = tmp_path / "arrays.npz"
    if damage == "objects":
        rewritten(file, path, trade=np.array([None]))
    elif damage == "one array":
        with path.open("wb") as single:
            np.save(single, np.ones(3))
    else:
        path.write_bytes(damage(file.read_bytes()))
    line = error_of(tx.Economy.read, path)
    assert line.startswith(f"{path}: not an .npz of plain arrays (") and why in line


@pytest.mark.parametrize(
    "name, cell, line",
    [
        ("trade", (0, 1, 0), "sales of .* are not inputs and value added of"),
        ("value_added", (1, 1), "R02, S02: sales of"),
        ("final", (2, 0), "ROW, S01: purchases of .* are not inputs and final demand"),
        ("intermediate", (0, 1, 0), "R01, S01: sales of"),
    ],
)
def test_an_account_that_does_not_add_up_is_named(economy, name, cell, line):
    array = getattr(economy, name).copy()
    array[cell] *= 1.1
    with pytest.raises(TivaxError, match="does not add up: .*" + line):
        replace(economy, **{name: array})


def test_rounded_accounts_pass(economy):
    rounded = replace(economy, trade=economy.trade.round(-2))
    found = tx.exact_hat(rounded, deficits="kept")
    full = tx.exact_hat(economy, deficits="kept")
    assert_allclose(found.changes["welfare"], full.changes["welfare"], atol=0.01)
    same = tx.exact_hat(rounded, rounded.tariff, deficits="kept")
    assert np.abs(same.changes.to_numpy()).max() < 1e-10


@pytest.mark.parametrize("form", ["negative", "zero", "scaled"])
def test_final_demand_may_be_negative_or_set_to_zero(economy, form):
    """As in Caliendo and Parro's data: the rest is as it was, or scaled to income. The
    three forms are one economy."""
    inputs, added = economy.intermediate.copy(), economy.value_added.copy()
    # Sector 1 of the third region uses more of sector 2 than the region buys.
    more = economy.final[2, 1] + 0.02 * economy.income[2]
    inputs[2, 1, 0] += more
    added[2, 0] -= more
    income = economy.income - [0, 0, more]
    final = economy.spending - inputs.sum(axis=2)
    assert final[2, 1] < 0
    if form != "negative":
        final = np.maximum(final, 0)
    if form == "scaled":
        final[2] *= income[2] / final[2].sum()
    zeroed = replace(economy, intermediate=inputs, final=final, value_added=added)
    assert zeroed.zeroed == 1 and economy.zeroed == 0
    found = tx.exact_hat(zeroed)
    assert found.clearing.max() < 1e-10 and "counts as 0 in 1 cell;" in str(found)
    # Region 3 spends all of its income on sector 1.
    spent = found.counterfactual.spending[2, 1]
    cost = (inputs.sum(axis=1) + added)[2]
    used = inputs[2, 1] / cost * found.counterfactual.trade.sum(axis=0)[2]
    assert_allclose(spent, used.sum(), rtol=1e-9)
    final[2, 0] *= 1.1
    assert "ROW, S01: purchases" in error_of(replace, zeroed, final=final)


def test_tables_become_an_economy_cell_by_cell():
    world = tx.synthetic_world(regions=3, sectors=2, years=1, seed=2)
    table = world.table(2000)
    # No negative cells: inventories of the synthetic world are part of final demand.
    Y = np.asarray(table.Y).sum(axis=2)
    assert Y.min() >= 0
    rows = [("R01", "*", "S01", 0.1, 0.0), ("R01", "ROW", "S01", 0.2, 0.3)]
    columns = ["importer", "exporter", "sector", "tariff", "tariff_new"]
    tariffs = pd.DataFrame(rows, columns=columns)
    economy = tx.Economy.from_tables(world, 2000, THETAS, tariffs)
    assert economy.tariff[0, :, 0].tolist() == [0, 0.1, 0.2]
    assert economy.tariff_new[0, :, 0].tolist() == [0, 0, 0.3]
    assert economy.tariff[1:].sum() == 0 and economy.tariff[:, :, 1].sum() == 0
    # R01 buys S01 of ROW: rows 4 of Z, columns 0 and 1, and final demand.
    bought = table.Z[4, :2].sum() + Y[4, 0]
    assert_allclose(economy.trade[0, 2, 0], bought, rtol=RTOL)
    with_tariffs = table.Z[0, 1] + 1.1 * table.Z[2, 1] + 1.2 * table.Z[4, 1]
    assert_allclose(economy.intermediate[0, 0, 1], with_tariffs, rtol=RTOL)
    assert_allclose(economy.output.ravel(), table.x, rtol=RTOL)
    assert_allclose(economy.theta, 4)


def test_negative_final_demand_is_set_to_zero_and_output_solved_again():
    """Literal: x = (I - A)^-1 max(Y, 0)."""
    tables = random_tables(regions=3, sectors=2, years=1, seed=3)
    table = tables.table(tables.years[0])
    Y = np.asarray(table.Y).sum(axis=2)
    Y[0, 1] = -0.5 * abs(Y[0, 1])
    Y[0, 0] += np.asarray(table.Y).sum(axis=2)[0, 1] - Y[0, 1]
    changed = replace(tables, Y=Y[None], value_added=None, categories=())
    economy = tx.Economy.from_tables(changed, tables.years[0], THETAS)
    A = np.asarray(table.Z) / table.x
    x = np.linalg.solve(np.eye(6) - A, np.maximum(Y, 0).sum(axis=1))
    assert_allclose(economy.output.ravel(), x, rtol=RTOL)
    assert_allclose(economy.value_added.ravel(), x * (1 - A.sum(axis=0)), rtol=1e-9)


@pytest.mark.parametrize(
    "frame, line",
    [
        ({"sector": ["S1"]}, "no column theta; it needs sector, theta"),
        ({"sector": ["S1", "Q"], "theta": 4}, "no sector Q; choose from S01"),
        ({"sector": ["S01"], "theta": 4}, "no theta of S02; add it, or a row"),
        ({"sector": ["S01", "S01"], "theta": 4}, "sector S01 is duplicated"),
        ({"sector": ["*"], "theta": ["x"]}, "theta in row 1 is x, not a number"),
        ({"sector": ["*"], "theta": [0]}, "theta of S01 must be positive"),
        (THETAS[["sector", "theta", "theta"]], "two columns are called theta; rename"),
    ],
)
def test_elasticities_that_are_wrong_are_named(frame, line):
    world = tx.synthetic_world(regions=2, sectors=2, years=1, seed=1)
    frame = pd.DataFrame(frame).replace({"S1": "S01"})
    told = error_of(tx.Economy.from_tables, world, 2000, frame)
    assert line in told and told.startswith("elasticities: ")


def test_elasticities_may_name_sectors_by_words_of_their_titles():
    world = tx.synthetic_world(regions=2, sectors=2, years=1, seed=1)
    known = replace(world, sectors=("c14", "c4"), source="wiod2013")
    frame = pd.DataFrame({"sector": ["textiles", "*"], "theta": [5.0, 8.0]})
    assert [*tx.Economy.from_tables(known, 2000, frame).theta] == [8.0, 5.0]


# ----------------------------------------------------------------------- both tables


def test_tables_of_the_old_equilibrium_are_those_of_the_economy(economy):
    """Spending, output and final demand of the model are those of its accounts."""
    found = tx.exact_hat(economy, deficits="kept")
    tables = found.world_tables("before")
    assert_allclose(tables.x[0].reshape(3, 2), economy.output, rtol=1e-9)
    table = tables.table(2000)
    flows = table.Z.reshape(3, 2, 3, 2).sum(axis=3) + table.Y.reshape(3, 2, 3)
    assert_allclose(np.transpose(flows, (2, 0, 1)), economy.trade, rtol=1e-9)
    # Value added is that of the economy and tariffs on inputs.
    left = tables.x[0] - table.Z.sum(axis=0)
    assert (left.reshape(3, 2) >= economy.value_added * (1 - 1e-9)).all()


def test_trade_that_a_scenario_moves_is_no_doubt_about_labels():
    """R0 buys most of R1 once it costs a tenth: warnings are errors in these tests."""
    world = random_tables(regions=4, sectors=3, years=1, seed=1)
    economy = tx.Economy.from_tables(world, world.years[0], THETAS)
    costs = np.ones((4, 4, 3))
    costs[0, 1] = 0.1
    moved = tx.exact_hat(economy, trade_costs=costs, deficits="zero")
    tables = moved.world_tables()
    (doubt,) = find_doubts(tables.table(2000))
    assert "another order" in doubt


def test_balanced_trade_is_a_trade_benefit_index_of_zero(economy):
    """Value added sold and bought abroad differ by the trade balance, so that closing
    deficits takes the index to 0, whatever the elasticities."""
    closed = tx.exact_hat(economy, economy.tariff, deficits="closing")
    change = closed.tbi_change()
    assert np.abs(change["before"]).min() > 1e-3
    assert_allclose(change["after"], 0, atol=1e-9)
    effect = closed.effect_on_index(10.0, 2.0)
    assert_allclose(effect["estimate"], -10 * change["before"], atol=1e-8)
    width = effect["ci_high"] - effect["ci_low"]
    assert_allclose(width, 2 * 1.959964 * 2 * change["before"].abs(), rtol=1e-6)


# --------------------------------------------------------------------- scenario files


def scenario(folder, file, text):
    path = folder / "scenario.toml"
    path.write_text(f'kind = "exact-hat"\neconomy = "{file}"\n{text}')
    return path


def test_variants_of_a_file_are_the_changes_that_they_name(economy, file, tmp_path):
    text = """
    [[variant]]
    name = "wall"
    importers = "R01"
    tariff = 0.3
    [[variant]]
    name = "wall"
    importers = "R02"
    exporters = "R01"
    sectors = "S01"
    tariff = 0.2
    [[variant]]
    name = "distance"
    trade_cost = 1.1
    """
    result = exact_hat_scenario(scenario(tmp_path, file, text))
    assert list(result.table["variant"].unique()) == ["wall", "distance"]
    tariff = economy.tariff_new.copy()
    tariff[0, 1:], tariff[1, 0, 0] = 0.3, 0.2
    assert read_exact_hat(tmp_path / "scenario.toml").inputs[1:] == [file]
    expected = tx.exact_hat(economy, tariff).table
    got = result.table[result.table["variant"] == "wall"]
    got = got[got["measure"] != "tech"]
    assert_allclose(got["percent"], expected["percent"], atol=1e-8)


@pytest.mark.parametrize(
    "text, line",
    [
        ("colour = 1", "unknown key colour; did you mean economy"),
        ("[grid]\ntariff = 0.1", "tariff = 0.1 in [grid]: write a list of values"),
        ("[grid]\ncost = [1]", "unknown key cost in [grid]; did you mean trade_cost"),
        ("[grid]\nimporters = ['R01']\nexporters = ['R01']\ntariff = [1]", "no variant"),
        ("[grid]\ntariff = [0.1, 0.1]", "has tariff 0.1 twice"),
        ('deficits = "none"', "deficits = 'none'"),
        ('elasticities = "t.csv"', "elasticities = 't.csv': goes with a store"),
        ('store = "s"', "give economy (an .npz) or store, one of them"),
        ('[[variant]]\nname = "a"', "tariff: is missing in a variant"),
        ("[[variant]]\nimporters = 'Mars'\ntariff = 1", "no region Mars: choose from R01"),
        ("[grid]\nimporters = [[]]\ntariff = [1]", "one at least, or leave it out"),
        ("[[variant]]\ntariff = 1\n[grid]\ntariff = [2, 3]", "tariff = 1: [grid] has tariff, too; keep one of them"),
        ("[[variant]]\ntariff = -1", "write a number above -1"),
        ("[[variant]]\ntariff = 25", "25 per cent is 0.25, and 25 would be 2,500 per cent"),
        ("[equation]\ncoefficient = 1", "standard_error in [equation]: is missing"),
        ('trade_costs = "none.csv"', "none.csv: no such file"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_scenario_file_is_one_line(file, tmp_path, text, line):
    path = scenario(tmp_path, file, text)
    assert line in error_of(exact_hat_scenario, path)


def test_a_store_with_files_of_elasticities_and_tariffs(tmp_path):
    world = tx.synthetic_world(regions=3, sectors=2, years=2, seed=1)
    tx.save_store(world, tmp_path / "store")
    THETAS.to_csv(tmp_path / "theta.csv", index=False)
    (tmp_path / "tariffs.csv").write_text(
        "importer,exporter,sector,tariff,tariff_new\n*,*,S01,0.1,0\n"
    )
    path = tmp_path / "scenario.toml"
    path.write_text(
        'kind = "exact-hat"\nstore = "store"\nyears = 2001\nelasticities = "theta.csv"\n'
        'tariffs = "tariffs.csv"\ndeficits = "closing"\n'
        "[equation]\ncoefficient = 11.5545\nstandard_error = 3.5239\n"
    )
    result = exact_hat_scenario(path)
    economy = tx.Economy.from_tables(world, 2001, THETAS, tmp_path / "tariffs.csv")
    expected = tx.exact_hat(economy, deficits="closing")
    pd.testing.assert_frame_equal(result.table, expected.table)
    assert result.index is not None


def test_inputs_that_are_hardly_negative_pass_and_are_counted(economy):
    """One of 49,600 cells in Caliendo and Parro's data is -0.057 % of output."""

    def with_cell(share: float) -> tx.Economy:
        inputs, added = economy.intermediate.copy(), economy.value_added.copy()
        moved = inputs[0, 1, 0] - share * economy.output[0, 0]
        inputs[0, 1, 0] -= moved
        added[0, 0] += moved
        final = economy.final.copy()
        final[0, 1] += moved
        return replace(economy, intermediate=inputs, value_added=added, final=final)

    found = tx.exact_hat(with_cell(-0.00057), deficits="zero")
    assert found.economy.negative_inputs == 1 and found.clearing.max() < 1e-10
    line = "1 cell of intermediate inputs is negative, by less than 0.1 % of output"
    assert line in str(found)
    assert abs(found.tbi_change()["after"]).max() < 1e-10
    none = tx.exact_hat(with_cell(0.0), deficits="zero").changes
    assert_allclose(found.changes, none, atol=0.01)
    told = error_of(with_cell, -0.0011)
    assert "R01, S02, S01 is" in told and "more than 0.1 % of the" in told


def test_files_of_tariffs_take_names_of_countries_and_sectors():
    world = tx.synthetic_world(regions=3, sectors=2, years=1, seed=2)
    named = replace(world, regions=("DEU", *world.regions[1:]))
    columns = ["importer", "exporter", "sector", "tariff", "tariff_new"]
    codes, names = (
        tx.Economy.from_tables(
            named,
            2000,
            THETAS,
            pd.DataFrame([(each, "*", "*", 0.1, 0.2)], columns=columns),
        )
        for each in ("DEU", "Germany")
    )
    np.testing.assert_array_equal(codes.tariff_new, names.tariff_new)
    assert codes.tariff_new[0].any()
