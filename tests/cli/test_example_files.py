"""``--example``: run files to copy, which run on the panel of ``tivax panel``."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.panel.recipe import WIOD_COUNTRIES
from tivax.engine.resampling import read_study

import panel_files as pf
from commands import good, mistake, names, tivax
from helpers import random_tables

FEW = {"bootstrap": ("--draws", "50"), "simulate": ("--panels", "2")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A panel of `tivax panel` for four years, whose variables are noise.

    Those of the small files depend on country and year alone.
    """
    place = tmp_path_factory.mktemp("examples")
    (place / "data").mkdir()
    data = pf.write_panel_files(place / "data", WIOD_COUNTRIES)
    good("panel", "--data", data, "--out", place / "panel.csv", "--quiet")
    frame = pd.read_csv(place / "panel.csv")
    numbers = [*frame.columns.difference(["iso3", "country", "year", "developed"])]
    noise = np.random.default_rng(1).normal(size=(len(frame), len(numbers)))
    frame.assign(**dict(zip(numbers, noise.T, strict=True))).to_csv(
        place / "panel.csv", index=False
    )
    (place / "panel.manifest.json").unlink()  # it is no longer that of `tivax panel`
    return place


@pytest.mark.slow
@pytest.mark.parametrize("command", FEW)
def test_the_example_runs_on_the_panel_as_it_is_printed(command, folder):
    path = folder / f"{command}.toml"
    answer = good(command, path, "--example")
    assert answer.out.startswith(f"Run file {path}; next: tivax {command} {path} ")
    assert good(command, "--example").out == path.read_text()
    if command == "simulate":
        # The panel's regressors are enough: each design takes seconds to compile.
        assert len(read_study(path).designs) == 2
        head, _, given = path.read_text().split("[[design]]")
        path.write_text(f"{head}[[design]]{given}".replace("draws = 399", "draws = 9"))
    out = folder / command
    good(command, path, "--out", out, *FEW[command], "--quiet", "--no-figures")
    manifest = json.loads((out / "manifest.json").read_text())
    used = [k["path"].rpartition("/")[2] for k in manifest["inputs"]]
    assert used == [path.name, "panel.csv"]
    table = "simulation" if command == "simulate" else "summary"
    found = pd.read_csv(out / f"{table}.csv")

    column = "size" if command == "simulate" else "estimate"
    assert len(found) and found[column].notna().any()


EXAMPLES = files("tivax.engine.cli") / "examples"
SCENARIOS = sorted(
    k.name.removesuffix(".toml")
    for k in EXAMPLES.iterdir()
    if k.name.startswith("scenario")
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The store that the examples name, small."""
    place = tmp_path_factory.mktemp("scenarios")
    tables = random_tables(regions=4, sectors=3, years=2, seed=1)
    regions, sectors = ("CHN", "DEU", "FRA", "USA"), ("c1", "c14", "c20")
    names = {"regions": regions, "sectors": sectors, "source": "wiod2013"}
    tx.save_store(replace(tables, years=(2007, 2008), **names), place / "wiod13")
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_example_of_a_kind_of_scenario_runs_as_it_is_printed(name, world):
    kind = name.removeprefix("scenario").removeprefix("-")
    path = world / f"{name}.toml"
    path.write_text(good("scenario", *[kind] * bool(kind), "--example").out)
    good("scenario", path, "--out", world / name, "--no-figures", "--quiet")
    manifest = json.loads((world / name / "manifest.json").read_text())
    assert manifest["residual_max"] < 1e-8


@pytest.mark.parametrize("command", FEW)
def test_an_example_replaces_nothing_and_needs_nothing_else(command, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    line = tivax(command, path, "--example").err
    assert line == f"tivax: {path}: exists already; choose another name\n"
    assert path.read_text() == "mine" and names(tmp_path) == ["mine.toml"]


@pytest.mark.parametrize("command", ["bootstrap", "threats"])
def test_a_missing_run_file_is_wrong_usage_that_names_the_example(command, tmp_path):
    code, _, err = tivax(command, "--out", tmp_path / "o")
    assert code == 2 and "RUN" in err and "--example" in err
    line = mistake(command, tmp_path / "no.toml", "--out", tmp_path / "o")
    assert "no.toml" in line
