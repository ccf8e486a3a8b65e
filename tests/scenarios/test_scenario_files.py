"""Scenario files: what they say, what is refused, and what the command writes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.scenarios import make_plan, read_scenario

from commands import good, mistake, names
from helpers import error_of, random_tables, written_and_told

TABLES = replace(random_tables(regions=4, sectors=3, years=2, seed=2), value_added=None)
CUT = 'kind = "cut"\nexporters = "R0"\nimporters = "R1"'
MISTAKES = Path(__file__).with_name("scenario_file_mistakes.toml")


def read(folder, text):
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(path)


@pytest.mark.parametrize("lines, told", written_and_told(MISTAKES))
def test_a_mistake_is_one_line_that_names_it(tmp_path, lines, told):
    text = "\n".join(k.replace("CUT", CUT) for k in lines)

    def plan():
        file = read(tmp_path, text)
        return make_plan(
            TABLES,
            file.variants(TABLES),
            years=file.years or None,
            measures=file.measures,
        )

    line = error_of(plan)
    assert line.removeprefix(f"{tmp_path / 'run.toml'}: ").startswith(told), line


def test_everything_is_read(tmp_path):
    file = read(
        tmp_path,
        'store = "s"\nyears = [2000, 2001]\nmeasures = ["tbi"]\nvalue_added = "basic"\n'
        '[[shock]]\nkind = "shift"\nexporters = ["R0", "R2"]\nimporters = "R1"\nsectors = "S0"\n'
        'factor = 0.75\nuses = "final"\nto = ["R3"]\nname = "both"\n'
        '[[shock]]\nkind = "extract"\nregions = "R3"\nlinks = "trade"\npartners = "R2"',
    )
    assert file.store == tmp_path / "s" and file.value_added == "basic"
    assert (file.years, file.measures) == ((2000, 2001), ("tbi",))
    assert file.variants(TABLES) == {
        "both": (
            tx.shocks.Shift(
                ["R0", "R2"],
                "R1",
                "final",
                sectors="S0",
                percent=25,
                to=["R3"],
                name="both",
            ),
            tx.shocks.Extract(regions="R3", partners="R2", links="trade"),
        )
    }


def test_years_are_written_as_in_the_option(tmp_path):
    for years in ('"2000:2001"', '"2000-2001"', "[2000, 2001]"):
        assert read(tmp_path, f"{CUT}\nyears = {years}").years == (2000, 2001)
    for years in ("2001", '"2001"'):
        assert read(tmp_path, f"{CUT}\nyears = {years}").years == (2001,)


def test_a_factor_is_what_is_left_of_a_flow_and_what_demand_becomes(tmp_path):
    for kind, percent in (("cut", 25), ("demand", -25)):
        file = read(tmp_path, f'kind = "{kind}"\nfactor = 0.75')
        ((shock,),) = file.variants(TABLES).values()
        assert shock.percent == percent


def test_a_grid_is_every_combination(tmp_path):
    file = read(
        tmp_path,
        'kind = "cut"\nimporters = "R1"\n[grid]\nexporters = "each"\npercent = [10, 50]\n'
        'sectors = [["S0"], ["S0", "S1"]]',
    )
    found = file.variants(TABLES)
    # R1 does not trade with itself.
    assert len(found) == 3 * 2 * 2
    assert found["exporters R2, percent 50, sectors S0 S1"] == (
        tx.shocks.Cut("R2", "R1", sectors=["S0", "S1"], percent=50),
    )


def test_pairs_of_regions_are_all_but_those_with_themselves(tmp_path):
    file = read(
        tmp_path, 'kind = "cut"\n[grid]\nexporters = "each"\nimporters = "each"'
    )
    assert len(file.variants(TABLES)) == 12


def test_a_file_is_as_good_as_its_shocks(tmp_path):
    read(tmp_path, f'{CUT}\nmeasures = ["tbi", "output"]\nyears = [2000, 2001]')
    from_file = tx.scenarios(TABLES, tmp_path / "run.toml")
    shock = tx.shocks.Cut("R0", "R1")
    wanted = tx.scenarios(
        TABLES, {"cut": shock}, years=[2000, 2001], measures=["tbi", "output"]
    )
    pd.testing.assert_frame_equal(from_file.table, wanted.table)


# ------------------------------------------------------------------------ the command

GRID = f"""store = "store"
measures = ["value_added", "tbi"]
years = [2000, 2001]
industries = true
linkages = true
{CUT}
[grid]
percent = [10, 20, 30]
"""


@pytest.fixture(scope="module")
def folder(store):
    (store.parent / "grid.toml").write_text(GRID)
    return store.parent


@pytest.fixture(scope="module")
def done(folder):
    answer = good("scenario", folder / "grid.toml", "--out", folder / "out")
    return folder / "out", answer


def test_the_files_hold_what_the_function_returns(done, folder):
    out, answer = done
    found = tx.scenarios(TABLES, folder / "grid.toml")
    written = pd.read_csv(out / "scenario.csv")
    # 4 regions and the world of value added, 4 regions of tbi.
    assert len(written) == 3 * 2 * (5 + 4)
    assert_allclose(written["after"], found.table["after"], rtol=1e-15)
    record = json.loads((out / "manifest.json").read_text())
    assert record["command"] == "scenario" and record["variants"] == 3
    assert record["residual_max"] < 1e-12 and record["identity_max"] < 1e-12
    variants = pd.read_csv(out / "variants.csv")
    assert variants["percent"].tolist() == [10, 10, 20, 20, 30, 30]
    industries = pd.read_csv(out / "industries.csv")
    by_region = industries.groupby(["variant", "year", "region"])["after"].sum()
    whole = written.query("measure == 'value_added' and region != 'WLD'")
    assert_allclose(
        by_region, whole.groupby(["variant", "year", "region"])["after"].sum()
    )
    assert len(industries) == 3 * 2 * 12
    linked = pd.read_csv(out / "linkages.csv").query("year == 2001")
    wanted = tx.linkages(TABLES, year=2001)
    assert_allclose(linked["backward"], wanted["backward"], rtol=1e-12)
    assert "3 variants, 2 years, 12 industries: 126 rows" in answer.err
    assert "GiB of memory" in answer.err


def test_a_single_variant_is_printed_by_region(folder):
    text = 'store = "store"\nkind = "cut"\nexporters = "R0"'
    (folder / "one.toml").write_text(text)
    answer = good("scenario", folder / "one.toml", "--out", folder / "one")
    assert "1 variant, residual" in answer.out and "WLD" in answer.out
    assert "map.svg" not in names(folder / "one")


def test_prices_are_written_the_same_way(folder):
    (folder / "price.toml").write_text(
        'store = "store"\nkind = "price"\nexporters = "R0"\npercent = 5'
    )
    good("scenario", folder / "price.toml", "--out", folder / "price", "--no-figures")
    found = pd.read_csv(folder / "price" / "scenario.csv")
    assert set(found["measure"]) == {
        "price_output", "price_final", "price_exports", "price_imports",
        "terms_of_trade",
    }  # fmt: skip
    assert (found["before"] == 1).all()
    assert_allclose(found["percent"], 100 * (found["after"] - 1), rtol=1e-12)


@pytest.mark.parametrize(
    "text, told",
    [
        (CUT, "store: is missing; name one of `tivax import`"),
        (f'store = "none"\n{CUT}', "no such store"),
        (f'store = "store"\n{CUT.replace("R1", "R9")}', "importers: no region"),
        (f'store = "store"\nyears = 1990\n{CUT}', "no year 1990"),
        ('store = "store"', "kind is missing; choose from cut, shift, extract, demand"),
        ('kind = "tariff"', "kind = 'tariff': "),
    ],
    ids=range(6),
)  # fmt: skip
def test_the_command_refuses_it_and_writes_nothing(folder, text, told):
    path = folder / "bad.toml"
    path.write_text(text)
    before = names(folder)
    assert told in mistake("scenario", path, "--out", folder / "bad")
    assert names(folder) == before


def test_the_example_is_a_scenario_file(tmp_path):
    path = tmp_path / "mine.toml"
    good("scenario", path, "--example")
    file = read_scenario(path)
    codes = ("CHN", "USA", "R2", "R3")
    found = file.variants(replace(TABLES, regions=codes))
    assert len(found) == 4
    plan = make_plan(replace(TABLES, regions=codes), found, measures=file.measures)
    assert np.isfinite(np.concatenate(list(plan.rows()))).all()
