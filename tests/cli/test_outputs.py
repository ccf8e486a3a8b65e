"""What every command writes is what outputs.toml says, file by file and column by column.

Here are the commands whose options add files and columns; the others are held to it beside
their own tests.
"""

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

import tivax as tx
from tivax.engine.cli.app import app
from tivax.engine.core import files_of, outputs, programs

from commands import good
from described import assert_described
from helpers import random_tables

CODES = ("AUT", "BEL", "CHN", "DEU", "FRA", "HUN", "POL", "USA")
HAT = 'kind = "exact-hat"\neconomy = "economy.npz"\ndeficits = "kept"\n'
CUT = 'store = "store"\nkind = "cut"\nexporters = "R0"\nimporters = "R1"\n'
FILES = {
    "error": '[[error]]\nkind = "lognormal"\na = 0.05\nb = 0.1\n',
    "cut": f"industries = true\nlinkages = true\n{CUT}[grid]\npercent = [10, 20]\n",
    "hat": f"{HAT}[equation]\ncoefficient = 11\nstandard_error = 3\n",
    "costs": f"{HAT}[grid]\ntrade_cost = [1.1, 1.2]\n",
    "closing": HAT.replace("kept", "closing"),
    "drawn": HAT.replace("economy.npz", "drawn.npz"),
    "world": HAT.replace("economy.npz", "countries.npz"),
    # Of the shapes of tests of general equilibrium, so that they share programs.
    "war": 'kind = "nash"\nstore = "store"\nyears = 2000\nelasticities = "theta.csv"\n'
    'regions = ["R0", "R1"]\n',
    "three": HAT.replace("exact-hat", "trade-war").replace("economy.npz", "drawn.npz")
    + 'who = "R01"\nwhom = "R02"\nrate = 0.1\n',
}
RUNS = {
    "tbi": (
        "tbi store --error error.toml",
        "tbi store --satellite final.csv --satellite other.csv",
        "tbi countries",
    ),
    "decompose": (
        "decompose store --method wwz",
        "decompose store --method kww --level country --satellite two.csv",
        "decompose store --method kww --level country --error error.toml --draws 2",
    ),
    "indicators": (
        "indicators store --only EXGR --error error.toml",
        "indicators store --only EXGR --satellite two.csv",
        "indicators store --level country",
    ),
    "scenario": (
        *(f"scenario {k}.toml" for k in ("cut", "hat", "costs", "closing", "world")),
        *(f"scenario {k}.toml --draws 2" for k in ("drawn", "three")),
        "scenario war.toml --error error.toml --draws 2",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Small tables, accounts and scenario files."""
    folder = tmp_path_factory.mktemp("outputs")
    world = random_tables(regions=4, sectors=3, years=2, seed=1)
    tx.save_store(world, folder / "store")
    economy = tx.Economy.synthetic(regions=4, sectors=2, seed=1)
    economy.save(folder / "economy.npz")
    # A map is of countries.
    eight = random_tables(regions=8, sectors=3, years=2, seed=1)
    tx.save_store(replace(eight, regions=CODES), folder / "countries")
    economies = tx.Economy.synthetic(regions=8, sectors=2, seed=1)
    marked = replace(economies, regions=CODES, markup=[1.05, 1.1])
    marked.save(folder / "countries.npz")
    replace(economy, theta_se=[0.1, 0.1]).save(folder / "drawn.npz")
    for name, text in FILES.items():
        (folder / f"{name}.toml").write_text(text)
    (folder / "theta.csv").write_text("sector,theta,se\n*,4,0.3\n")
    labels = {"year": world.years, "region": world.regions, "sector": world.sectors}
    ones = pd.MultiIndex.from_product([*labels.values()], names=[*labels]).to_frame()
    ones.assign(CO2=1.0, CH4=2.0).to_csv(folder / "two.csv", index=False)
    final = np.arange(len(ones)) % 3.0  # by good
    ones.assign(CO2=1.0, final=final).to_csv(folder / "final.csv", index=False)
    ones.assign(CH4=2.0).to_csv(folder / "other.csv", index=False)
    return folder


@pytest.mark.parametrize("command", RUNS)
def test_what_a_command_writes_is_what_outputs_toml_says(command, place, monkeypatch):
    monkeypatch.chdir(place)
    folders = []
    for number, line in enumerate(RUNS[command]):
        out = place / f"{command}_{number}"
        good(*line.split(), "--out", out, "--quiet")
        folders.append(out)
    assert_described(command, *folders)


def test_every_command_is_held_to_its_description():
    tests = Path(__file__).parents[1].rglob("test_*.py")
    text = "".join(k.read_text(encoding="utf-8") for k in tests)
    held = {k for k in programs() if f'assert_described("{k}"' in text}
    assert held | {*RUNS} == {*programs()}


def test_a_thing_has_one_word_in_columns_and_options():
    """Exceptions are named in outputs.toml, and used."""
    words = outputs()["words"]
    wrong = {name: facts["not"].split() for name, facts in words.items()}
    exceptions = {k for facts in words.values() for k in facts.get("except", ())}
    used = set()
    for command in programs():
        for file, output in files_of(command).items():
            for column in (k.removesuffix("?") for k in output.columns):
                for word, others in wrong.items():
                    if any(fnmatchcase(column, k) for k in others):
                        where = f"{command}/{file}/{column}"
                        named = {k for k in exceptions if fnmatchcase(where, k)}
                        assert named, f"{where}: the word is {word}"
                        used |= named
    assert used == exceptions
    options = {
        name.lstrip("-").replace("-", "_")
        for command in typer.main.get_command(app).commands.values()
        for option in command.params
        for name in option.opts
    }
    assert not options & {k for others in wrong.values() for k in others}
