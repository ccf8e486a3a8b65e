"""The examples in docstrings of public names: each runs and prints what it says."""

import doctest
import inspect
import re
import warnings
from operator import attrgetter
from pathlib import Path

import pytest

import tivax
from tivax.engine.panel.recipe import WIOD_COUNTRIES

import panel_files as pf
from commands import good

API = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Tables in code, described on the page itself.
DATA = {f"catalogue.{k}" for k in ("INDICATORS", "LEVELS", "METHODS")}
ROOMS = ("results", "schemes", "shocks", "table_errors", "vcov", "exceptions")
ROOMS += ("catalogue", "panel", "referee")
# At the front too, and described there.
TWICE = {"vcov.Conley", "exceptions.TivaxError", "exceptions.TivaxWarning"}
TWICE |= {"referee.shift_share"}
# What all of a kind have, in annotations only.
BASES = {"schemes.Scheme", "shocks.Shock", "table_errors.TableError"}
WITHIN = (
    {
        f"{room}.{name}"
        for room in ROOMS
        for name in vars(getattr(tivax, room))
        if name[0] != "_"
    }
    - BASES
    - TWICE
)
OF_A_PAPER = "engine.papers.trade_imbalance.Replication"
PUBLIC = {*dir(tivax)} - {*ROOMS} | WITHIN | {OF_A_PAPER}
NAMES = sorted(PUBLIC - DATA)
METHODS = [
    f"{name}.{method}"
    for name in NAMES
    if inspect.isclass(made := attrgetter(name)(tivax))
    for method in vars(made)
    if ">>>" in (inspect.getdoc(getattr(made, method)) or "")
    if method != "__doc__"
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where examples run: with the files of a panel."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "raw").mkdir()
    pf.write_panel_files(folder / "raw", WIOD_COUNTRIES)
    return folder


@pytest.fixture(scope="module")
def beginning(folder) -> dict:
    """What the page says that every example begins with."""
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code = re.findall(r"```python\n(.*?)```", API.read_text(), re.S)[0]
        exec(compile(code, str(API), "exec"), names)  # our own text
        good("tbi", "store", "--out", "results", "--no-figures", "--quiet")
    return names


def run(text: str, names: dict, name: str) -> str:
    """Run the examples of a text; what went wrong."""
    test = doctest.DocTestParser().get_doctest(text, dict(names), name, None, None)
    assert test.examples, f"{name} has no example"
    wrong: list[str] = []
    with warnings.catch_warnings():
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=wrong.append)
    return "".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, *METHODS])
def test_the_example_prints_what_it_says(name, beginning, folder, monkeypatch):
    monkeypatch.chdir(folder)
    text = inspect.getdoc(attrgetter(name)(tivax)) or ""
    assert run(text, beginning, name) == ""


@pytest.mark.slow
def test_the_examples_of_the_page_itself_print_what_they_say(beginning):
    page = re.sub(r"^(   |```.*)", "", API.read_text(), flags=re.M)
    assert run(page, beginning, "api.md") == ""


def test_the_reference_has_every_public_name():
    page = API.read_text()
    listed = re.findall(r"^   ([\w.]+)$", page, re.M)
    listed += re.findall(r"py:data:: ([\w.]+)", page)
    assert sorted(listed) == sorted(PUBLIC)
