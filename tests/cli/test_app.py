"""The command line as a user meets it: mostly in this process, for speed."""

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from tivax.bench import cases
from tivax.engine import open_store, save_store
from tivax.engine.cli import app as cli
from tivax.engine.cli import options
from tivax.engine.cli.tools import demo
from tivax.engine.core.jax_setup import compilation_cache
from tivax.engine.core.manifest import describe_input
from tivax.engine.measures import METHODS, trade_benefit_index
from tivax.engine.panel.recipe import WIOD_COUNTRIES
from tivax.engine.resampling import read_run_file
from tivax.engine.sources import SOURCES
from tivax.engine.sources import download as fetch
from tivax.engine.tables import WorldShape
from tivax.engine.tables.shown_regions import shown_regions

import panel_files as pf
from commands import Answer, contents, good, mistake, names, parser, start_fork, tivax
from described import assert_described
from helpers import random_tables, write_arrays

COMMANDS = (
    "fetch", "import", "check", "list", "aggregate", "tbi", "decompose",
    "indicators", "scenario", "change", "compare", "exposure", "explore", "panel", "replicate", "bootstrap",
    "simulate", "threats", "curve", "montecarlo", "package", "demo",
    "bench",
)  # fmt: skip
REGIONS = ("AUT", "BEL", "DEU", "ROW")
SECTORS = ("agriculture", "industry", "services")
YEARS = (2000, 2001, 2002)
FIGURES = [
    f"figures/{name}.{kind}"
    for name in ("tbi", "va_balances", "va_versus_gross")
    for kind in ("pdf", "png", "svg")
]
# The iteration stops at a relative residual of 1e-12; the worst seen here is 4e-13.
RTOL = 1e-10


def tables():
    made = random_tables(regions=4, sectors=3, years=3, seed=1)
    return replace(made, regions=REGIONS, sectors=SECTORS)


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """raw: .npz files, store: imported from them, out: its results. Only to be read."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "raw").mkdir()
    for table in tables():
        write_arrays(folder / "raw" / f"world_{table.year}.npz", table)
    good("import", "arrays", folder / "raw", "--out", folder / "store")
    good("tbi", folder / "store", "--out", folder / "out")
    return folder


# ----------------------------------------------------------------------------- help


def docstring(name):
    (info,) = (
        k for k in cli.app.registered_commands
        if (k.name or getattr(k.callback, "__name__", "")) == name
    )  # fmt: skip
    return inspect.getdoc(info.callback) or ""


def test_all_commands_are_listed_with_one_line():
    answer = good("--help")
    for name in COMMANDS:
        assert re.search(rf"│ {name} +[A-Z]", answer.out)
    assert len(cli.app.registered_commands) == len(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example_that_can_be_pasted(name):
    (example,) = re.findall(rf"^Example: (tivax {name}\b.*)$", docstring(name), re.M)
    shown = good(name, "--help").out
    assert f"Example: {example}" in shown
    # It names only options there are, and all that are required.
    group = parser(cli.app)
    command = group.commands[name]  # pyright: ignore[reportAttributeAccessIssue]
    command.make_context(name, shlex.split(example)[2:])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    group = parser(cli.app)
    for option in group.commands[name].params:  # pyright: ignore[reportAttributeAccessIssue]
        assert option.name == "help" or option.help, option.name


@pytest.mark.parametrize("name", ["simulate", "threats", "curve"])
def test_help_prints_the_sections_of_a_run_file(name):
    """Brackets are markup: without a backslash what is in them vanishes."""
    (section,) = re.findall(r"\[+\w+\]+", docstring(name).replace("\\", ""))
    assert section in good(name, "--help").out


def test_no_command_prints_the_help():
    code, out, err = tivax()
    assert code == 2 and "Usage: " in out + err and "devices" in out + err


def test_the_version_is_the_installed_one():
    assert good("--version").out == f"tivax {version('tivax')}\n"


@pytest.mark.parametrize(
    "words, told",
    [
        (["tbi"], "Missing argument"),
        (["tbi", "store"], "--out"),
        (["import", "arrays", "raw"], "--out"),
        (["check"], "Missing argument"),
        (["check", "store", "--loud"], "No such option"),
        (["decompress"], "No such command"),
        (["demo", "--out", "o", "--seed", "one"], "--seed"),
    ],
)
def test_wrong_usage_exits_with_2(words, told):
    code, out, err = tivax(*words)
    assert code == 2 and told in err and out == ""


# -------------------------------------------------------------- import, check, tbi


def test_import_says_what_is_in_the_store(work, tmp_path):
    answer = good("import", "arrays", work / "raw", "--out", tmp_path / "s")
    store = tmp_path / "s"
    assert answer.out.splitlines() == [
        f"{store}: 4 regions x 3 sectors, 3 years, 2000-2002",
        f"Next: tivax check {store}",
    ]
    assert "tivax: reading 3/3 years" in answer.err
    assert_array_equal(open_store(tmp_path / "s").Z, tables().Z)


def test_import_names_the_years_it_did_not_find(work, tmp_path):
    one = work / "raw"
    answer = good(
        "import", "arrays", one, "--out", tmp_path / "s", "--years", "2001:2004"
    )
    assert answer.out.splitlines()[1:-1] == ["no table of 2003, 2004"]


def test_the_store_records_the_command_and_the_sums_of_its_files(work):
    attrs = xr.open_zarr(work / "store", consolidated=False).attrs
    manifest = json.loads(attrs["manifest"])
    assert manifest["argv"][:3] == ["tivax", "import", "arrays"]
    files = sorted((work / "raw").iterdir())
    assert manifest["inputs"] == [describe_input(path) for path in files]


def test_check_finds_a_balanced_store_sound(work):
    answer = good("check", work / "store")
    for year in YEARS:
        assert re.search(rf"│ {year} │.*│ +sound │", answer.out)
    assert "fault" not in answer.out
    assert "arrays: 4 regions x 3 sectors" in answer.out


def test_check_exits_with_1_and_names_the_fault(tmp_path):
    Z = np.array(tables().Z)
    Z[1, 0, 1] = -5
    store = tmp_path / "store"
    save_store(replace(tables(), Z=Z), store)  # which does not check it
    code, out, err = tivax("check", store, "--quiet")
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith(f"tivax: {store}: 2001: ")
    assert "1 negative intermediate sales" in line
    assert "Traceback" not in out
    # The whole table stands above: the other years are sound.
    assert len(re.findall(r"│ +sound │", out)) == 2
    assert len(re.findall(r"│ 2001 │.*│ +fault │", out)) == 1


def test_check_counts_the_other_years_with_a_fault_and_names_what_it_checks(tmp_path):
    odd = tables()
    x = np.array(odd.x)
    x[:2, 3] *= 1.01
    save_store(replace(odd, x=x, source=""), tmp_path / "store")
    code, out, err = tivax("check", tmp_path / "store", "--quiet")
    assert code == 1 and err.endswith(" (and 1 more year)\n")
    assert out.startswith("tables: 4 regions x 3 sectors, million US$\n")


@pytest.mark.parametrize(
    "count, rule",
    [(9, "the 8 largest"), (2, "all, largest first"), (1, "all, largest first")],
)
def test_regions_that_are_shown_are_told_in_words(count, rule):
    size = pd.Series(np.arange(count) + 1.0, [f"R{k}" for k in range(count)])
    assert shown_regions(size, "output").rule == f"{rule} by output"
    size["ROW"] = 9.0
    told = "the largest" if count == 1 else f"the {min(count, 8)} largest"
    assert shown_regions(size, "output").rule == f"{told} by output, ROW left out"


def test_the_largest_traders_are_shown_with_the_residual(work, tmp_path):
    words = ("--out", tmp_path / "out", "--no-figures")
    answer = good("tbi", work / "store", *words)
    frame = pd.read_csv(tmp_path / "out" / "tbi.csv")
    assert "the 3 largest by value-added exports and imports in 2002" in answer.out
    assert "│ DEU    │ Germany" in answer.out and "│ ROW" not in answer.out
    for row in frame[(frame.year == 2002) & (frame.region != "ROW")].itertuples():
        assert re.search(
            rf"│ {row.region} +│.*│ {re.escape(f'{row.tbi:+.4f}')} │", answer.out
        )
    assert re.search(
        r"2000-2002, largest relative residual \d\.\de-1\d$", answer.out, re.M
    )
    assert "tivax: solving 3/3 years" in answer.err


def test_quiet_leaves_only_results(work, tmp_path):
    for words in (
        ("import", "arrays", work / "raw", "--out", tmp_path / "store"),
        ("check", work / "store"),
        ("tbi", work / "store", "--out", tmp_path / "out", "--no-figures"),
    ):
        answer = good(*words, "--quiet")
        assert answer.err == "" and answer.out


# ----------------------------------------------------------------- what tbi writes


def test_the_index_is_that_of_the_function(work):
    frame = pd.read_csv(work / "out" / "tbi.csv")
    assert frame.region.tolist() == [*REGIONS] * 3
    assert frame.year.tolist() == [year for year in YEARS for _ in REGIONS]
    found = trade_benefit_index(tables()).tbi
    for name in ("va_exports", "va_imports", "tbi"):
        assert_allclose(frame[name], found[name].values.ravel(), rtol=RTOL, atol=RTOL)


def test_a_folder_holds_what_the_manifest_lists(work):
    manifest = json.loads((work / "out" / "manifest.json").read_text())
    files = [
        *FIGURES,
        "labels.csv",
        "report.html",
        "tbi.csv",
        "vax.csv",
        "vax_by_sector.csv",
        "va_absorbed.parquet",
    ]
    assert manifest["outputs"] == sorted(files)
    written = {k.relative_to(work / "out").as_posix() for k in contents(work / "out")}
    assert written == {*files, "manifest.json"}
    assert manifest["command"] == "tbi" and manifest["seed"] is None
    store, out = str(work / "store"), str(work / "out")
    assert manifest["argv"] == ["tivax", "tbi", store, "--out", out]
    assert manifest["inputs"] == [describe_input(work / "store")]
    assert 0 < manifest["residual_max"] < 1e-12
    assert manifest["value_added"] == "residual" and manifest["years_by_lu"] == []


# ------------------------------------------------------------------- options of tbi


def tbi_of(work, out, *options):
    good("tbi", work / "store", "--out", out, "--no-figures", "--quiet", *options)
    return pd.read_csv(out / "tbi.csv")


def test_years_are_those_between_both_ends(work, tmp_path):
    whole = pd.read_csv(work / "out" / "tbi.csv")
    frame = tbi_of(work, tmp_path / "out", "--years", "2000:2001")
    expected = whole[whole.year <= 2001]
    assert frame[["year", "region"]].equals(expected[["year", "region"]])
    assert_allclose(frame.tbi, expected.tbi, atol=RTOL)
    assert set(tbi_of(work, tmp_path / "one", "--years", "2001").year) == {2001}


def test_import_and_check_take_years_too(work, tmp_path):
    store = tmp_path / "store"
    good("import", "arrays", work / "raw", "--out", store, "--years", "2001:2009")
    assert open_store(store).years == (2001, 2002)
    assert "2002" not in good("check", work / "store", "--years", "2000:2001").out


def test_options_are_those_of_the_function(work, tmp_path):
    groups = tmp_path / "groups.toml"
    groups.write_text('EU = ["DEU", "AUT"]\n')
    words = ("--groups", groups, "--drop", "ROW", "--value-added", "basic")
    frame = tbi_of(work, tmp_path / "out", *words)
    found = trade_benefit_index(
        tables(), "basic", drop=["ROW"], groups={"EU": ["DEU", "AUT"]}
    )
    assert (
        frame.region.tolist() == [*found.tbi["region"].values] * 3 == ["EU", "BEL"] * 3
    )
    assert_allclose(frame.tbi, found.tbi["tbi"].values.ravel(), atol=RTOL)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["inputs"][1] == describe_input(groups)
    assert manifest["value_added"] == "basic"


def test_a_group_of_a_region_that_is_not_there_is_told(work, tmp_path):
    path = tmp_path / "groups.toml"
    path.write_text('EU = ["AUT", "FRA"]')
    line = mistake("tbi", work / "store", "--out", tmp_path / "o", "--groups", path)
    said = "groups.toml: group EU: no region FRA: choose from AUT, BEL, DEU, ROW"
    assert said in line
    assert names(tmp_path) == ["groups.toml"]


@pytest.mark.parametrize(
    "options, told",
    [
        (("--years", "two"), "--years two: write FIRST:LAST, such as 2000:2014"),
        (("--years", "2000 to 2001"), "FIRST:LAST, such as 2000:2001"),
        (("--years", "2000:2001:2002"), "write FIRST:LAST"),
        (("--years", ":2001"), "write FIRST:LAST"),
        (("--years", "2000:"), "write FIRST:LAST"),  # not the year 2000 alone
        (("--years", "2001:2000"), "2001:2000: the first year is after the last"),
        (("--years", "2001:2014"), "; begin and end with years that it holds"),
        (("--value-added", "jobs.csv"), "that is a file, which --satellite reads"),
    ],
)
def test_options_that_cannot_be_are_told(work, tmp_path, options, told):
    line = mistake("tbi", work / "store", "--out", tmp_path / "o", *options)
    assert told in line and "Errno" not in line
    assert names(tmp_path) == []


# ------------------------------------------------------------- nothing is overwritten


def test_results_are_replaced_only_by_force(work, tmp_path):
    out = tmp_path / "out"
    tbi_of(work, out)
    (out / "tbi.csv").write_text("mine")
    line = mistake("tbi", work / "store", "--out", out)
    assert line == f"{out}: exists already; --force replaces it"
    line = mistake("tbi", work / "store", "--out", out, "--force")
    assert line == (
        f"{out}/tbi.csv: changed since `tivax tbi` wrote it, and --force would remove "
        "it; move it away, or choose another place"
    )
    assert (out / "tbi.csv").read_text() == "mine"
    (out / "tbi.csv").unlink()
    assert len(tbi_of(work, out, "--force")) == 12
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("command", ["tbi", "demo", "bench", "replicate"])
def test_a_place_that_is_taken_is_refused_before_any_work(
    work, tmp_path, monkeypatch, command
):
    """Without --force, and with it where the folder holds no manifest."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("precious")

    def worked(*arguments, **options):
        raise AssertionError("worked before it looked at --out")

    for place in (
        "tivax.engine.cli.tables.tbi.trade_benefit_index",
        "tivax.engine.cli.tools.demo.synthetic_world",
        "tivax.engine.cli.tools.bench.make_world",
    ):
        monkeypatch.setattr(place, worked)
    given = {"tbi": (work / "store",), "replicate": ("--data", tmp_path / "none")}
    given = given.get(command, ())
    assert "exists already" in mistake(command, *given, "--out", tmp_path / "thesis")
    line = mistake(command, *given, "--out", tmp_path / "thesis", "--force")
    assert "not a result folder of tivax" in line


def test_a_mistake_during_import_is_one_line_and_leaves_nothing(work, tmp_path):
    (tmp_path / "raw").mkdir()
    for path in (work / "raw").iterdir():
        with np.load(path) as file:
            keys = dict(file)
        if path.name == "world_2002.npz":
            keys["x"] = keys["x"] * 2
        np.savez(tmp_path / "raw" / path.name, **keys)
    words = ("import", "arrays", tmp_path / "raw", "--out", tmp_path / "store")
    line = mistake(*words)
    assert line.startswith("world_2002.npz: 2002: 12 of 12 industries do not balance")
    assert names(tmp_path) == ["raw"]
    good(*words, "--unbalanced")
    code, _, err = tivax("check", tmp_path / "store", "--quiet")
    assert code == 1 and "2002: a row misses its output" in err


def test_sources_and_cases_that_do_not_exist_are_told_with_those_that_do(tmp_path):
    out = ("--out", tmp_path / "o")
    assert "There are wiod2016, wiod2013" in mistake("fetch", "gtap", *out)
    assert "There are wiod2016, wiod2013" in mistake("import", "gtap", tmp_path, *out)
    assert "choose from solve, inverse" in mistake("bench", "--only", "figaro", *out)
    assert names(tmp_path) == []


def test_a_file_that_cannot_be_read_is_told_by_the_system(monkeypatch, tmp_path):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr("tivax.engine.sources.import_tables", full)
    line = mistake("import", "arrays", tmp_path, "--out", tmp_path / "o")
    assert line == "/data/x: No space left on device"


# ------------------------------------------------------------ fetch, devices, sizes


def test_fetch_says_what_came_and_how_it_was_checked(tmp_path, monkeypatch):
    got = fetch.Fetched(tmp_path / "f.zip", "https://", 1234567, "ab" * 32, "sha1")
    asked = []
    monkeypatch.setattr(
        "tivax.engine.sources.fetch",
        lambda *a, **options: asked.append((a, options)) or got,
    )
    answer = good("fetch", "wiod2016", "--out", tmp_path, "--format", "r", "--quiet")
    assert answer.out.splitlines() == [
        f"{tmp_path / 'f.zip'}: 1,234,567 bytes, SHA-1 as published",
        f"SHA-256 {'ab' * 32}",
        f"Next: tivax import wiod2016 {tmp_path / 'f.zip'} --out store",
    ]
    (((source, out), options),) = asked
    assert (source, out, options["format"]) == ("wiod2016", tmp_path, "r")
    assert options["mirror"] is None and options["force"] is False


def test_devices_are_those_of_jax_and_say_what_fits():
    heading, *lines = good("list", "devices").out.splitlines()
    columns = ["device", "platform", "name", "cores", "memory", "years at once"]
    columns += ["of decompose", "of indicators"]
    assert heading.split("\t") == columns
    for device, line in zip(jax.devices(), lines, strict=True):
        assert line.split("\t")[1] == device.platform
    # A year of a million industries takes 8 TB.
    _, *lines = good("list", "devices", "1000x1000").out.splitlines()
    assert {line.split("\t")[-1] for line in lines} == {"0"}


def test_years_that_fit_a_gpu_are_told_by_command(monkeypatch):
    """An H100, of which JAX takes three quarters: 15 years of 44 x 56 were compiled for
    it (docs/explanation/compiled-for-a-gpu.csv, gigabytes)."""
    memory = 0.75 * 84_978_434_048
    stats = {"bytes_limit": memory}
    card = SimpleNamespace(
        id=0, platform="gpu", device_kind="H100", memory_stats=lambda: stats
    )
    monkeypatch.setattr("jax.devices", lambda: [card])
    line = good("list", "devices", "44x56").out.splitlines()[-1]
    *_, tbi, decompose, indicators = line.split("\t")
    for said, compiled in (
        (tbi, 1.26),
        (decompose, 3.94),  # of ltv
        (indicators, 3.70),
    ):
        fit = memory / (compiled / 15 * 1e9)
        assert 0.9 * fit <= int(said) <= fit


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="another memory")
@pytest.mark.parametrize(
    "matrices, years, said",
    [
        (3.9, "0", "tivax: years of 4 x 5 are streamed: "),
        (4.1, "0", "tivax: several years of 4 x 5 are streamed: "),  # read ahead
        (5.4, "1", ""),
    ],
)
def test_devices_say_that_years_too_large_for_memory_are_streamed(
    monkeypatch, matrices, years, said
):
    """The rule of streaming: three matrices, or four, in three quarters of memory."""
    memory = int(matrices * 8 * 20**2)
    for module in ("streaming.memory", "cli.tools.list_devices"):
        name = f"tivax.engine.{module}.machine_memory"
        monkeypatch.setattr(name, lambda: memory)
    monkeypatch.setattr("jax.devices", lambda: jax.local_devices()[:1])
    answer = good("list", "devices", "4x5")
    assert answer.out.splitlines()[-1].split("\t")[-1] == years
    assert answer.err.startswith(said) and bool(answer.err) == bool(said)


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="there is a GPU")
def test_a_device_that_is_not_there_is_told(tmp_path):
    store = tmp_path / "none"
    line = mistake("tbi", store, "--out", tmp_path / "o", "--device", "gpu")
    assert line.startswith("--device gpu: JAX sees none; `tivax list devices` lists")
    line = mistake("tbi", store, "--out", tmp_path / "o", "--device", "tpu")
    assert line.startswith("no --device tpu: ")
    code, out, err = tivax("list", "devices", "44x56x15")
    assert (code, out) == (1, "") and "write REGIONSxSECTORS, such as 44x56" in err


@pytest.mark.parametrize("what", ["methods", "sources"])
def test_methods_and_databases_are_listed(what):
    names = [line.split("\t")[0] for line in good("list", what).out.splitlines()[1:]]
    known = METHODS if what == "methods" else SOURCES
    assert set(known) <= set(names) and len(set(names)) == len(names)


def test_what_cannot_be_listed_is_told():
    assert mistake("list", "regions") == (
        "tivax list regions: choose from groups, indicators, methods, sources, devices"
    )
    assert "takes no names after it" in mistake("list", "methods", "wwz")


@pytest.mark.parametrize(
    "size", ["4x5", "4x5x3x2", "4x0x3", "axbxc", "-4x5x3", "1x5x3"]
)
def test_a_size_that_no_world_has_is_told(tmp_path, size):
    """A world of one region has nobody to trade with."""
    line = mistake("demo", "--size", size, "--out", tmp_path / "o")
    assert line.startswith(f"--size {size}: ")
    assert names(tmp_path) == []


def test_sizes_are_parsed(tmp_path):
    assert options.parse_size("44X56x15") == (44, 56, 15)
    line = mistake("bench", "--sizes", "10x", "--out", tmp_path / "o")
    assert line.startswith("--sizes 10x: write REGIONSxSECTORSxYEARS")
    assert names(tmp_path) == []


# --------------------------------------------------------------------------- demo


@pytest.mark.slow
def test_the_demo_writes_everything_and_prints_what_it_measured(tmp_path):
    out = tmp_path / "first"
    answer = good("demo", "--size", "4x5x3", "--seed", "3", "--out", out)
    written = {k.relative_to(out).as_posix() for k in contents(out)}
    assert {k for k in written if not k.startswith("store/")} == {
        *FIGURES, "tbi.csv", "vax.csv", "vax_by_sector.csv", "va_absorbed.parquet",
        "checks.csv", "report.html", "explorer.html", "manifest.json",
        *(f"figures/shares.{k}" for k in ("pdf", "png", "svg")),
    }  # fmt: skip
    assert re.search(r"2000-2002, largest relative residual \d\.\d", answer.out)
    assert re.search(r"^Exact: identities hold to \de-1\d, largest", answer.out, re.M)
    assert re.search(
        r"^Fast: [\d.]+ s .*, numpy\.linalg\.solve [\d.]+ s, ratio", answer.out, re.M
    )
    assert answer.out.splitlines()[-1] == f"Open {out / 'report.html'}"
    # The commands that the report proposes have what they need.
    assert open_store(out / "store").years == (2000, 2001, 2002)
    assert f"Try next: tivax tbi {out / 'store'} --out results" in answer.out
    for what in ("making the world", "solving", "the same by numpy", "checking"):
        assert f"tivax: {what}" in answer.err

    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["command"] == "demo" and manifest["seed"] == 3
    assert manifest["inputs"] == [] and manifest["residual_max"] < 1e-12
    assert manifest["size"] == "4 x 5 x 3"
    race = manifest["race"]
    assert race["largest_difference"] < RTOL
    assert min(race["first_s"], race["warm_s"], race["numpy_s"]) > 0

    checks = pd.read_csv(out / "checks.csv")
    assert checks.year.tolist() == [2000, 2001, 2002]
    assert checks.faults.isna().all()
    assert len(pd.read_csv(out / "tbi.csv")) == 12
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "(seed 3)" in report and "4 regions, 5 sectors and 3 years" in report
    assert '<a href="explorer.html">' in report
    assert report.index("trade benefit index is highest") < report.index("tivax tbi")
    assert "tivax tbi first/store --out results" in report
    charts = (out / "explorer.html").read_text(encoding="utf-8")
    assert '"file": "tbi.csv"' in charts and '"unit": "million US$"' in charts
    # There is no panel of four regions.
    assert (
        "No panel: it takes 10 regions besides ROW and 5 years; choose a larger --size."
        in answer.out.splitlines()
    )
    assert not any(name.startswith("panel") for name in names(out))
    assert "No panel: it takes" in report and "a known effect" not in report


@pytest.mark.slow
def test_the_demo_finds_the_known_effect_in_a_panel(tmp_path):
    out = tmp_path / "demo"
    answer = good("demo", "--size", "11x3x5", "--seed", "1", "--out", out, "--quiet")
    frame = pd.read_csv(out / "panel.csv")
    found = pd.read_csv(out / "panel_estimates.csv").set_index("term")
    assert_described("demo", out)
    assert len(found) == 8 and len(frame) == 10 * 5  # one of the 11 is ROW
    # The index of the panel is the one that stands beside it.
    tbi = pd.read_csv(out / "tbi.csv").set_index(["region", "year"])["tbi"]
    own = frame.set_index(["iso3", "year"])["TBI"]
    assert_allclose(own, tbi[own.index], rtol=1e-12)
    row = found.loc["TBI"]
    inside = (found.ci_low <= found.true) & (found.true <= found.ci_high)
    assert (
        f"Estimated: the true effect of the index on the synthetic panel is "
        f"{row.true:.1f}, fixed effects find {row.estimate:.2f} (95 % interval "
        f"{row.ci_low:.2f} to {row.ci_high:.2f}); {inside.sum()} of 8 intervals hold the "
        "truth."
    ) in answer.out.splitlines()
    drawn = {"panel_estimates.svg", "panel_estimates.png"}
    assert drawn <= set(names(out / "figures"))
    for run in ("wild", "placebo"):
        given = read_run_file(out / f"{run}.toml")
        assert given.panels == [out / "panel.csv"] and given.scheme.kind == run
    outputs = json.loads((out / "manifest.json").read_text())["outputs"]
    assert {"panel.csv", "panel_estimates.csv", "figures/panel_estimates.svg"} <= set(
        outputs
    )
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "From the index to a panel with a known effect" in report
    assert f"{inside.sum()} of 8 intervals hold the true value" in report


@pytest.mark.parametrize("regions, years", [(9, 5), (10, 4)])
def test_a_demo_of_too_few_regions_or_years_has_no_panel(regions, years):
    codes = [*(f"R{k}" for k in range(regions)), "ROW"]
    tbi = xr.Dataset(coords={"region": codes, "year": range(years)})
    assert demo._known_effect(cast(Any, SimpleNamespace(tbi=tbi)), 0) is None


# ---------------------------------------------------------------- panel and replicate


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Raw files of all sources for four years. Only to be read."""
    return pf.write_panel_files(tmp_path_factory.mktemp("data"), WIOD_COUNTRIES)


def test_panel_writes_a_codebook_and_a_manifest_beside_it(data, tmp_path):
    out = tmp_path / "panel.csv"
    answer = good("panel", "--data", data, "--out", out)
    lines = answer.out.splitlines()
    assert lines[0] == (
        f"{out}: 164 rows, 41 countries, 2000-2003 (88 developed + 76 developing), "
        "recipe paper"
    )
    assert [line[:26] for line in lines[1:3]] == [
        "ROU is not in the panel: c",
        "TWN is not in the panel: n",
    ]
    assert_described("panel", tmp_path)
    frame = pd.read_csv(out)
    assert len(frame) == 164 and set(frame.iso3) == set(WIOD_COUNTRIES) - {"ROU", "TWN"}
    austria = frame.loc[(frame.iso3 == "AUT") & (frame.year == 2002), "TBI"]
    assert austria.tolist() == [pf.panel_tbi(WIOD_COUNTRIES.index("AUT"), 2)]
    manifest = json.loads((tmp_path / "panel.manifest.json").read_text())
    assert {Path(k["path"]).parent for k in manifest["inputs"]} == {data}


def test_panel_from_a_store_needs_no_index_in_the_folder(data, tmp_path):
    made = shutil.copytree(data, tmp_path / "data")
    (made / "tbi.csv").unlink()
    world = random_tables(regions=44, sectors=2, years=4, seed=3)
    save_store(replace(world, regions=(*WIOD_COUNTRIES, "ROW")), tmp_path / "store")
    out = tmp_path / "panel.csv"
    answer = good("panel", "--data", made, "--store", tmp_path / "store", "--out", out)
    assert answer.out.startswith(f"{out}: 164 rows, 41 countries, 2000-2003 (88 ")
    words = ("--out", tmp_path / "tbi", "--no-figures", "--quiet")
    good("tbi", tmp_path / "store", *words)
    tbi = pd.read_csv(tmp_path / "tbi" / "tbi.csv").set_index(["region", "year"])["tbi"]
    own = pd.read_csv(out).set_index(["iso3", "year"])["TBI"]
    assert_allclose(own, tbi[own.index], atol=RTOL)


@pytest.mark.parametrize("command", ["panel", "replicate"])
def test_data_and_a_store_that_do_not_serve_are_told_in_one_line(
    data, tmp_path, command
):
    out = tmp_path / ("o.csv" if command == "panel" else "o")
    (tmp_path / "empty").mkdir()
    line = mistake(command, "--data", tmp_path / "empty", "--out", out)
    assert line.startswith(f"{tmp_path / 'empty'}: no file for tbi; get it (tivax tbi")
    words = ("--data", data, "--out", out, "--store", tmp_path / "none")
    line = mistake(command, *words)
    assert line == f"{tmp_path / 'none'}: no such store; make one with `tivax import`"
    assert names(tmp_path) == ["empty"]


def test_a_store_that_lacks_a_country_is_told_with_it(work, data, tmp_path):
    words = ("--data", data, "--store", work / "store", "--out", tmp_path / "o.csv")
    line = mistake("panel", *words)
    assert line.startswith(f"{work / 'store'}: no rows for AUS and ")
    assert names(tmp_path) == []


# ---------------------------------------------------------------------------- bench


def test_bench_writes_the_promised_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(cases, "SMALL", WorldShape(4, 5, 3))
    out = tmp_path / "bench"
    answer = good("bench", "--only", "store", "--out", out, "--quiet")
    frame = pd.read_csv(out / "bench.csv")
    assert frame.method.tolist() == ["tivax store", "numpy npy"]
    assert_allclose(frame.ratio, frame.median_s[1] / frame.median_s, rtol=1e-12)
    assert (frame.baseline == "numpy npy").all() and (frame.residual == 0).all()
    assert_described("bench", out)
    assert "numpy npy (baseline)" in answer.out and answer.err == ""


# -------------------------------------------------- the installed command, from outside


def installed(folder, *words, cache="") -> Answer:
    """Run the installed ``tivax`` in a folder."""
    # jax sets this variable where it is imported, as it is here; a shell does not.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [Path(sys.executable).with_name("tivax"), *map(str, words)],
        cwd=folder,
        env=environment | {"TIVAX_CACHE": str(cache)},
        capture_output=True,
        text=True,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def kept(work, tmp_path_factory):
    """What a first run writes, says and keeps of its programs."""
    folder, cache = (tmp_path_factory.mktemp(k) for k in ("installed", "cache"))
    words = ("tbi", work / "store", "--out", "out", "--no-figures")
    return folder, installed(folder, *words, cache=cache), cache


@pytest.mark.slow
def test_the_installed_command_computes_the_same_and_keeps_its_programs(
    work, kept, tmp_path
):
    first, answer, cache = kept
    assert answer.code == 0, answer.err
    assert re.fullmatch(r"(tivax: solving \d/3 years, [\d.]+ s\n)+", answer.err)
    a, b = (pd.read_csv(k / "out" / "tbi.csv") for k in (work, first))
    assert_allclose(a.tbi, b.tbi, atol=RTOL)
    # One sub-folder for each version of jax and processor model.
    (folder,) = cache.iterdir()
    assert re.fullmatch(rf"jax-{version('jax')}-[0-9a-f]{{8}}", folder.name)
    programs = set(names(folder))
    assert programs
    # What is taken from the cache is taken in silence.
    words = ("tbi", work / "store", "--out", "again", "--quiet")
    again = installed(tmp_path, *words, cache=cache)
    assert (again.code, again.err) == (0, "")
    # Drawn by processes of their own.
    assert {k.partition("/")[2] for k in FIGURES} == {
        *names(tmp_path / "again/figures")
    }
    assert set(names(folder)) == programs


@pytest.mark.slow
def test_a_program_that_is_half_in_the_cache_is_compiled_in_silence(
    work, kept, tmp_path
):
    """As a process finds it that another is just writing; JAX warns of it."""
    first, _, cache = kept
    half = tmp_path / "cache"
    shutil.copytree(cache, half)
    programs = [*half.rglob("*-cache")]
    assert programs
    for path in programs:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    words = ("tbi", work / "store", "--out", "out", "--no-figures", "--quiet")
    again = installed(tmp_path, *words, cache=half)
    assert (again.code, again.err) == (0, "")
    a, b = (k / "out" / "tbi.csv" for k in (first, tmp_path))
    assert a.read_bytes() == b.read_bytes()


def test_the_installed_command_tells_mistakes_in_one_line(tmp_path):
    code, out, err = installed(tmp_path, "check", "none")
    assert (code, out) == (1, "")
    assert err == "tivax: none: no such store; make one with `tivax import`\n"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('for Python to print')", 1),
        ("raise KeyboardInterrupt", 130),
        # As `timeout` sends it: twice, or late.
        ("signal.raise_signal(signal.SIGTERM)", 143),
        ("late(); sys.exit(1)", 1),
        ("raise ValueError", 1),
    ],
)
def test_the_end_of_the_process_loses_nothing(end, code):
    """It is left at once, and yet libraries clean up and all that was printed comes."""
    program = f"""
import atexit, signal, sys
from tivax.engine.cli import app
from tivax.engine.cli.start import main
def late():
    atexit.register(signal.raise_signal, signal.SIGTERM)
def command():
    late() if {code} == 143 else None
    atexit.register(print, "cleaned up")
    print("x" * 100_000)
    {end}
app.main = command
main()
"""
    with start_fork(program) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == "x" * 100_000 + "\ncleaned up\n"
    told = {
        "sys.exit('for Python to print')": "for Python to print\n",
        "raise KeyboardInterrupt": "tivax: interrupted\n",
        "signal.raise_signal(signal.SIGTERM)": "tivax: terminated (SIGTERM)\n",
        "raise ValueError": "ValueError\n",
    }
    assert err.endswith(told.get(end, "")) and bool(err) == (end in told)


def test_the_installed_command_needs_nobody_to_tell():
    script = Path(sys.executable).with_name("tivax")
    closed = f"exec {shlex.quote(str(script))} list groups EU27 >&- 2>&-"
    assert subprocess.run(["sh", "-c", closed], check=False).returncode == 0


def test_labels_that_the_terminal_cannot_write_are_shown_by_their_codes():
    """As where Windows sends the output to a file; the work is done by then."""
    code = "from tivax.engine.cli import start, app; app.main = lambda: print('\u4e2d', end=''); start.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"\\u4e2d"


def test_the_folder_of_compiled_programs_can_be_moved_and_turned_off(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("TIVAX_CACHE", str(tmp_path))
    moved = compilation_cache()
    assert moved is not None and moved.parent == tmp_path
    monkeypatch.setenv("TIVAX_CACHE", "")
    assert compilation_cache() is None
    monkeypatch.delenv("TIVAX_CACHE")
    assert (own := compilation_cache()) is not None and "tivax" in own.parts
