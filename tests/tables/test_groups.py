"""``--groups`` and ``tivax list groups``."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from numpy.testing import assert_allclose
from rich.console import Console

from tivax.engine import TivaxError
from tivax.engine.cli.terminal import Terminal
from tivax.engine.cli.tools.list_groups import print_groups
from tivax.engine.tables.countries import country_groups
from tivax.engine.tables.groups import choose_groups

from commands import good, mistake, tivax
from helpers import error_of, random_tables

REGIONS = ("AUT", "CHN", "DEU", "USA", "ROW")
TABLES = replace(random_tables(regions=5, sectors=2, years=2, seed=7), regions=REGIONS)


# --------------------------------------------------------------------------- --groups


def test_names_and_files_can_be_mixed(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('PACIFIC = ["CHN", "USA"]\n')
    chosen = choose_groups(f"eu15, {path}", REGIONS)
    eu15 = "EU15"
    assert chosen.members == {eu15: ["AUT", "DEU"], "PACIFIC": ["CHN", "USA"]}
    assert chosen.files == (path,)
    assert list(chosen.absent) == ["EU15"] and len(chosen.absent["EU15"]) == 13
    pacific = {"members": ["CHN", "USA"], "absent": [], "count": "2 of 2"}
    assert chosen.record["PACIFIC"] == pacific
    assert chosen.record["EU15"]["count"] == "2 of 15"
    (line,) = chosen.lines
    assert line.startswith("EU15 (2 of 15): the tables lack BEL DNK ESP")


def test_a_group_that_is_whole_is_not_spoken_of():
    chosen = choose_groups("NAFTA", ["CAN", "MEX", "USA", "ROW"])
    assert chosen.absent == {} and chosen.lines == []


def test_nothing_asked_is_no_group():
    assert choose_groups(None, REGIONS).members == {}


def test_a_file_without_an_ending_is_found_and_a_name_is_never_a_file(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "EU15"):
        (tmp_path / name).write_text('X = ["USA"]\n')
    assert choose_groups("mine", REGIONS).members == {"X": ["USA"]}
    assert choose_groups("EU15", REGIONS).members == {"EU15": ["AUT", "DEU"]}


@pytest.mark.parametrize(
    "text, told",
    [
        ("EU15,eu15", "--groups EU15,eu15: group EU15 is given twice"),
        (",", "--groups ,: no group; `tivax list groups` lists them"),
        ("none.toml", "none.toml: no such file"),
    ],
)
def test_groups_that_cannot_be_are_told(text, told):
    assert error_of(choose_groups, text, REGIONS).startswith(told)


def test_each_group_needs_groups():
    with pytest.raises(TivaxError, match="--each-group: name groups by --groups"):
        choose_groups(None, REGIONS, each_group=True)


def test_a_built_in_group_is_that_of_a_file(store, tmp_path):
    file = tmp_path / "file.toml"
    file.write_text('EU15 = ["AUT", "DEU"]\n')
    words = ("tbi", store, "--no-figures", "--out")
    answer = good(*words, tmp_path / "name", "--groups", "EU15")
    good(*words, tmp_path / "file", "--groups", file)
    assert "EU15 (2 of 15): the tables lack BEL" in answer.out
    by_name, by_file = (pd.read_csv(tmp_path / k / "tbi.csv") for k in ("name", "file"))
    assert by_name.region.tolist() == ["EU15", "CHN", "USA", "ROW"] * 2
    assert_allclose(by_name.tbi, by_file.tbi, rtol=1e-12)  # the same computation
    manifest = json.loads((tmp_path / "name" / "manifest.json").read_text())
    assert manifest["groups"]["EU15"]["members"] == ["AUT", "DEU"]
    assert "FRA" in manifest["groups"]["EU15"]["absent"]
    assert manifest["each_group"] is False


def test_mistakes_in_groups_are_told_before_work(store, tmp_path):
    out = tmp_path / "out"
    line = mistake("tbi", store, "--out", out, "--groups", "EU15,OECD")
    assert line == (
        "region AUT is in EU15 and in OECD: --each-group computes groups that overlap"
    )
    words = ("decompose", store, "--method", "my", "--out", out)
    assert mistake(*words, "--groups", "NATFA").startswith(
        "no group NATFA: did you mean"
    )
    assert mistake(*words, "--each-group").startswith("--each-group: name groups")
    assert not out.exists()


# ------------------------------------------------------------------------ tivax list groups


def rows(answer):
    return [line.split("\t") for line in answer.out.splitlines()]


def test_all_groups_are_listed_with_their_members():
    head, *found = rows(good("list", "groups"))
    assert head == ["name", "title", "countries", "members"]
    assert [k[0] for k in found] == list(country_groups())
    by_name = {k[0]: k[1:] for k in found}
    assert by_name["NAFTA"] == [
        "North American Free Trade Agreement, 1994 to 2020", "3", "CAN MEX USA",
    ]  # fmt: skip


def test_a_store_tells_which_members_it_lacks(store):
    head, *found = rows(good("list", "groups", store))
    assert head == ["name", "title", "countries", "absent"]
    by_name = {k[0]: k[2:] for k in found}
    assert by_name["NAFTA"] == ["1 of 3", "CAN MEX"]
    assert by_name["MERCOSUR"] == ["0 of 4", "ARG BRA PRY URY"]


def test_one_group_is_shown_with_names_of_countries(store):
    lines = rows(good("list", "groups", "nafta"))
    assert lines[0] == ["NAFTA: North American Free Trade Agreement, 1994 to 2020"]
    assert lines[2:] == [
        ["code", "country"], ["CAN", "Canada"], ["MEX", "Mexico"], ["USA", "United States"],
    ]  # fmt: skip
    assert rows(good("list", "groups", store, "NAFTA"))[3:] == [
        ["CAN", "Canada", "absent"],
        ["MEX", "Mexico", "absent"],
        ["USA", "United States", "yes"],
    ]


def test_a_terminal_shows_a_table():
    terminal = Terminal()
    terminal.out = Console(force_terminal=True, width=80)
    with terminal.out.capture() as shown:
        print_groups(terminal, "NAFTA")
    assert "│ CAN  │ Canada" in shown.get()


@pytest.mark.parametrize(
    "words, told",
    [
        (["EU7"], "EU7: no such group or store; did you mean EU27"),
        (["EU15", "EU7"], "two groups, EU15 and EU7: name one"),
    ],
)
def test_a_word_that_is_neither_group_nor_store_is_told(words, told):
    code, out, err = tivax("list", "groups", *words)
    assert (code, out) == (1, "")
    assert err.startswith(f"tivax: {told}") and len(err.splitlines()) == 1
