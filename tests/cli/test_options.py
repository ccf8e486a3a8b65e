"""Options that commands share: --regions, --no-figures, --json, --verbose, --list."""

import json
import re
import shlex
from dataclasses import replace
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from typer._completion_shared import get_completion_script

from tivax.engine import from_frames, save_store
from tivax.engine.cli.app import COMMANDS
from tivax.engine.cli.completion import COMPLETIONS, LEVELS, complete_at_first_tab
from tivax.engine.core import load_toml
from tivax.engine.measures import INDICATORS
from tivax.engine.measures import LEVELS as KNOWN_LEVELS

from commands import contents, good, mistake, names, run_python, tivax
from helpers import random_tables


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("options") / "store"
    save_store(random_tables(regions=4, sectors=3, years=2), path)
    return path


@pytest.fixture(scope="module")
def named_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("options") / "named"
    names = {"regions": ("CHN", "DEU", "FRA", "USA"), "sectors": ("c1", "c14", "c20")}
    tables = random_tables(regions=4, sectors=3, years=2)
    save_store(replace(tables, source="wiod2013", **names), path)
    return path


@pytest.fixture(scope="module")
def tbi(store, tmp_path_factory):
    """One run with regions, as JSON and with a log; its folder and its answer."""
    out = tmp_path_factory.mktemp("options") / "out"
    words = ("tbi", store, "--regions", "R2,R0", "--out", out, "--json", "--verbose")
    return out, good(*words)


def test_json_is_the_manifest_and_nothing_else_on_stdout(tbi):
    out, answer = tbi
    told = json.loads(answer.out)
    assert told.pop("timings_s")["total"] > 0  # with --verbose
    kept = json.loads((out / "manifest.json").read_text())
    assert told == kept and told["residual_max"] < 1e-12
    files = {str(k.relative_to(out)) for k in contents(out)}
    assert {k["name"] for k in told["files"]} == files - {"manifest.json"}


def test_verbose_tells_what_took_how_long(tbi):
    _, answer = tbi
    (last,) = re.findall(r"  solving: (\d+\.\d+) s$", answer.err, re.M)
    years = re.findall(r"  solving: year (\d) of 2, (\d+\.\d+) s$", answer.err, re.M)
    assert [k for k, _ in years] == ["1", "2"]
    assert float(years[0][1]) <= float(years[1][1]) <= float(last)


def test_figures_show_the_regions_asked_for_in_their_order(tbi):
    out, _ = tbi
    svg = (out / "figures" / "tbi.svg").read_text(encoding="utf-8")
    assert ">R2<" in svg and ">R0<" in svg and ">R1<" not in svg
    balances = (out / "figures" / "va_balances.svg").read_text(encoding="utf-8")
    assert ">R3<" not in balances
    # Tables hold all.
    assert set(pd.read_csv(out / "tbi.csv").region) == {"R0", "R1", "R2", "R3"}


def test_terminal_and_figure_show_the_same(store, tmp_path):
    answer = good("decompose", store, "--method", "kww", "--level", "country",
                  "--regions", "R3,R1", "--out", tmp_path / "o", "--quiet")  # fmt: skip
    lines = [k for k in answer.out.splitlines() if k.startswith("│ R")]
    assert [k.split()[1] for k in lines] == ["R3", "R1"]
    svg = (tmp_path / "o" / "figures" / "shares.svg").read_text(encoding="utf-8")
    assert svg.index(">R3<") < svg.index(">R1<") and ">R0<" not in svg
    assert answer.out.splitlines()[-2:] == [
        f"Open {tmp_path / 'o' / 'report.html'}",
        f"Next: tivax explore {tmp_path / 'o'} --out explorer.html",
    ]


def test_the_next_command_can_be_pasted_in_a_shell(store, tmp_path):
    out = tmp_path / "with blanks"
    last = good("tbi", store, "--no-figures", "--out", out).out.splitlines()[-1]
    words = shlex.split(last.removeprefix("Next: "))
    assert words == ["tivax", "explore", str(out), "--out", "explorer.html"]


def test_a_region_without_trade_has_no_index_but_words(tmp_path):
    flows = [[5.0, 1.0, 0.0], [2.0, 5.0, 0.0], [0.0, 0.0, 5.0]]
    labels = pd.MultiIndex.from_tuples([(k, "S") for k in "ABC"])
    Z = pd.DataFrame(flows, labels, labels)
    Y = pd.DataFrame(2 * np.asarray(flows), labels, [*"ABC"])
    x = Z.sum(axis=1) + Y.sum(axis=1)
    save_store(from_frames(Z, Y, x, year=2000), tmp_path / "store")
    said = good("tbi", tmp_path / "store", "--no-figures", "--out", tmp_path / "o").out
    cells = [k.strip("│ \n").split("│") for k in said.splitlines() if k[:1] == "│"]
    assert [k[-1].strip() for k in cells][-1] == "no trade" and "nan" not in said
    words = ("--method", "bm-source", "--level", "country", "--no-figures")
    said = good("decompose", tmp_path / "store", *words, "--out", tmp_path / "d").out
    last = [k for k in said.splitlines() if k.startswith("│ C ")][0]
    assert last.split("│")[2].strip() == "–" and "nan" not in said


def test_every_entry_of_the_table_of_options_is_an_option():
    table = load_toml("tivax.engine.cli", "options.toml")
    shared, bundled = table.pop("shared"), table.pop("ErrorOptions")
    commands = {k.__name__.strip("_"): signature(k) for k in COMMANDS.values()}
    assert {*table} <= {*commands}
    for name, own in table.items():
        assert {*own} <= {*commands[name].parameters}
    every = {k for own in commands.values() for k in own.parameters}
    assert {*shared, *bundled} <= every


@pytest.mark.parametrize(
    "words, line",
    [
        (("tbi", "store", "--satellite", ""), "--satellite: empty; give the name of a file or folder"),
        (("tbi", "store", "--out="), "--out: empty; give the name of a file or folder"),
        (("tbi", "--quiet", ""), "an argument is empty; give a name"),
        (("package", ""), "an argument is empty; give a name"),
    ],
)  # fmt: skip
def test_an_empty_name_is_not_the_folder_one_is_in(words, line):
    assert mistake(*words) == line


def test_an_option_that_is_no_path_may_be_empty(store, tmp_path):
    words = ("--regions", "", "--years=", "--no-figures")
    good("tbi", store, *words, "--out", tmp_path / "out")


def test_an_unknown_region_is_a_mistake_before_any_work(store, tmp_path):
    for words in (["tbi"], ["decompose", "--method", "kww"], ["indicators"]):
        line = mistake(*words, store, "--regions", "R9", "--out", tmp_path / "o")
        assert line.startswith("--regions: no region R9: ")
    line = mistake("tbi", store, "--drop", "R0", "--regions", "R0", "--out",
                   tmp_path / "o")  # fmt: skip
    assert line.startswith("--regions: no region R0: ")
    assert names(tmp_path) == []


def test_regions_and_a_sector_may_be_named_in_words(named_store, tmp_path):
    asked = ("--regions", "Germany,CHN", "--no-figures", "--out")
    for words in (
        ["tbi"],
        ["decompose", "--method", "bm-source", "--level", "country"],
    ):
        answer = good(*words, named_store, *asked, tmp_path / words[0])
        assert "DEU" in answer.out and "USA" not in answer.out
    words = ("--measure", "EXGR", "--sector", "electrical", "--from", "2000")
    good("change", named_store, *words, "--to", "2001", *asked, tmp_path / "change")
    found = pd.read_csv(tmp_path / "change" / "change.csv")
    assert {*found["region"]} == {"DEU", "CHN"}


def test_no_figures_leaves_the_tables(store, tmp_path):
    good("tbi", store, "--no-figures", "--out", tmp_path / "o", "--quiet")
    assert {k.rpartition(".")[2] for k in names(tmp_path / "o")} == {
        "csv", "parquet", "html", "json",
    }  # fmt: skip


def test_only_computes_the_same_numbers(store, tmp_path):
    """Without the inverse for TBI, with few flows for GVC_PART_BM."""
    read, said = {}, ""
    for name, only in {"all": [], "few": ["--only", "TBI,GVC_PART_BM"]}.items():
        out = tmp_path / name
        said = good(
            "indicators", store, *only, "--no-figures", "--out", out, "--quiet"
        ).out
        frame = pd.read_parquet(out / "indicators.parquet").astype({"indicator": str})
        read[name] = frame.set_index([k for k in frame if k not in ("value", "flag")])
    few = read["few"]["value"]
    assert len(few) == 2 * 4 * 2
    assert (few - read["all"]["value"].loc[few.index]).abs().max() < 1e-12
    # The terminal shows the last year of both.
    rows = [k.strip("│ ").split() for k in said.splitlines() if k[:3] == "│ R"]
    last = read["few"].loc[
        few.index.get_level_values("year") == few.index.get_level_values("year").max()
    ]
    shown = last["value"].groupby(["indicator", "region"], observed=True).first()
    assert len(rows) == 4
    for region, _, tbi, _, participation in rows:
        assert tbi == f"{shown['TBI', region]:.4f}"
        assert participation == f"{shown['GVC_PART_BM', region]:.1f}"


def test_list_has_every_indicator_and_only_filters_it():
    heading, *lines = good("list", "indicators").out.splitlines()
    assert heading.split("\t") == ["code", "title", "unit", "levels"]
    assert [k.split("\t")[0] for k in lines] == [*INDICATORS]
    few = json.loads(good("list", "indicators", "TBI", "--json").out)
    assert [k["code"] for k in few["indicators"]] == ["TBI"]
    code, _, err = tivax("indicators", "--only", "TBI")
    assert code == 2 and "{store}" in err


def test_a_shell_completes_names():
    assert COMPLETIONS["source"]("wiod") == [
        "wiod2016",
        "wiod2013",
        "wiod2016-pyp",
        "wiod2016-national",
    ]
    assert COMPLETIONS["indicators"]("TBI,GVC_POS_K") == ["TBI,GVC_POS_KPWW"]
    assert set(LEVELS) == set(KNOWN_LEVELS)
    assert "--install-completion" in good("--help").out


def test_zsh_completes_while_it_loads_the_script():
    of = {"prog_name": "tivax", "complete_var": "_TIVAX_COMPLETE"}
    complete_at_first_tab()
    script = get_completion_script(shell="zsh", **of)
    loading = script.index("loadautofunc")
    assert "_tivax_completion\n" in script[loading : script.index("else", loading)]


def test_python_runs_the_module():
    answer = run_python("import runpy, sys; sys.argv = ['tivax', '--version'];"
                        "runpy.run_module('tivax', run_name='__main__')")  # fmt: skip
    assert answer.out.startswith("tivax ")


@pytest.mark.parametrize("words", ["decompose --method wwz", "indicators"])
def test_a_table_written_by_year_has_a_page_with_the_finding(store, tmp_path, words):
    command, *options = words.split()
    answer = good(command, store, *options, "--out", tmp_path / "o", "--quiet")
    page = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    page = page.replace("\u00a0%", " %")
    titles = re.findall(r"<h2>\d\. (.*?)</h2>", page)
    assert titles == ["The finding", "Table", "Figures", "Method"]
    said = re.findall(r"<li>(.*?)</li>", page.partition("<h2>2.")[0])[-1]
    assert said in answer.out.splitlines()
    assert page.count("<svg") == 2
