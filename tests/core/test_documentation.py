"""The documentation: short sentences, plain words, numbers that one place states."""

import inspect
import json
import re
import tomllib
from pathlib import Path

import pytest

import tivax as tx
from tivax.engine.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LIMITS = tomllib.loads((DOCS / "style.toml").read_text(encoding="utf-8"))
# Made at every build: docs/conf.py. A paper is no page.
APART = ("_build", "reference/api", "reference/commands", "joss")
PAGES = sorted(
    path
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]
    if not any(path.is_relative_to(DOCS / folder) for folder in APART)
)
TEXTS = {str(k.relative_to(ROOT)): k.read_text(encoding="utf-8") for k in PAGES}
RUNS = {
    name: json.loads((DOCS / "explanation" / name).read_text())
    for name in ("measured.json", "sizes.json")
}


def prose(text: str) -> str:
    """A page without its code, tables, formulas, headings and links."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1$", "", text, flags=re.S | re.M)
    text = re.sub(r"US\\?\$", "dollars", text)
    text = re.sub(r"\$\$.*?\$\$", ".", text, flags=re.S)
    lines = [
        ""
        if re.match(r"\||#|:|    ", line)
        else re.sub(r"^\s*([-*]|\d+\.) ", "\n\n", line)
        for line in text.splitlines()
    ]
    text = re.sub(r"\]\([^)]*\)", "]", "\n".join(lines))
    return re.sub(r"`[^`]*`|\$[^$]*\$", "x", text)


def long_sentences(text: str) -> list[str]:
    """Sentences of more than 30 words."""
    sentences = re.split(r"(?<=[.!?:])\s|\n\s*\n", prose(text))
    return [" ".join(k.split()) for k in sentences if len(k.split()) > 30]


def test_a_sentence_above_thirty_words_is_found_and_code_is_none():
    words = "one " * 31
    assert len(long_sentences(f"Short. {words}. ```")) == 1
    assert long_sentences(f"```\n{words}\n```\n\n| {words} |\n") == []


@pytest.mark.parametrize("page", TEXTS)
def test_no_page_has_more_long_sentences_than_its_limit(page):
    found = long_sentences(TEXTS[page])
    assert len(found) <= LIMITS["long_sentences"].get(page, 0), found


def test_limits_are_of_pages_that_need_them():
    found = {page: len(long_sentences(text)) for page, text in TEXTS.items()}
    loose = {k: v for k, v in LIMITS["long_sentences"].items() if found.get(k, 0) < v}
    assert loose == {}, "lower these limits of docs/style.toml"


@pytest.mark.parametrize("riddle", LIMITS["riddles"])
def test_no_page_has_a_riddle(riddle):
    found = {k: re.findall(riddle, prose(text)) for k, text in TEXTS.items()}
    assert {k: v for k, v in found.items() if v} == {}


def test_all_pages_together_have_no_more_words_than_the_limit():
    words = sum(len(text.split()) for text in TEXTS.values())
    assert words <= LIMITS["words"]


def test_the_readme_is_two_screens():
    assert len(TEXTS["README.md"].splitlines()) <= 80


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_times_of_the_first_page_are_those_of_the_file_of_measurements(page):
    rows = RUNS["measured.json"]["rows"]
    text = " ".join(TEXTS[page].split())
    if "a million wild or placebo draws in a second" in text:
        draws = of_tivax(rows, "wild|placebo", "1,000,000 draws")
        assert len(draws) == 4 and max(draws) < 1
    if "a year of 44 x 56 in half a second" in text:
        year = of_tivax(rows, "wwz|kww|bm_.*", "1 year")
        assert len(year) == 4 and max(year) < 0.5


def of_tivax(rows, cases, size):
    """Medians of the methods of tivax with ``size`` in these cases."""
    return [
        row["median_s"]
        for row in rows
        if re.fullmatch(cases, row["case"])
        and re.fullmatch(f"tivax.*, {size}", row["method"])
    ]


@pytest.mark.parametrize("run", RUNS)
def test_printed_times_are_of_the_newest_jax_that_may_be_installed(run):
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    (jax,) = (k for k in project["dependencies"] if k.startswith("jax>"))
    beyond = int(jax.split("<0.")[1])
    measured = RUNS[run]["machine"]["packages"]["jax"]
    assert measured.startswith(f"0.{beyond - 1}."), "measure again: docs/explanation"


def test_pages_of_recipes_and_lessons_state_no_measured_time():
    kept = LIMITS["times"]
    found = {
        page: re.findall(r"\b\d[\d.,]* (?:ms|s|seconds|minutes)\b", prose(text))
        for page, text in TEXTS.items()
        if page.startswith(("docs/how-to", "docs/tutorials", "docs/zh"))
    }
    assert {k: v for k, v in found.items() if v and k not in kept} == {}


@pytest.mark.parametrize("page", ["README.md"])
def test_counts_are_those_of_the_code(page):
    text = TEXTS[page]
    assert (
        f"twelve decompositions and {len(tx.catalogue.INDICATORS)} indicators" in text
    )
    assert len(tx.catalogue.METHODS) == 12


def test_every_command_of_a_page_exists():
    code = [
        block
        for text in TEXTS.values()
        for block in re.findall(
            r"```shell\n.*?```|`[^`\n]+`|^    [^\n]*|^![^\n]*", text, re.S | re.M
        )
    ]
    said = {
        k
        for text in code
        for k in re.findall(r"(?:^|[`!] *)tivax ([a-z]+)\b", text, re.M)
    }
    assert len(said) > 15
    assert said <= {*COMMANDS}


FUNCTIONS = [k for k in dir(tx) if inspect.isfunction(getattr(tx, k))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_its_parameters_and_what_it_returns(name):
    text = inspect.getdoc(getattr(tx, name)) or ""
    for heading in ("Parameters", "Returns", "Examples"):
        assert re.search(rf"^{heading}\n-+$", text, re.M), heading


def test_every_function_has_others_in_its_section_of_the_reference_to_see_also():
    sections = TEXTS["docs/reference/api.md"].split("\n## ")[1:]
    names = [
        re.findall(r"^   ((?:[a-z]+\.)?[a-z]\w+)$", section, re.M)
        for section in sections
    ]
    assert [k for k in names if len(k) == 1] == []
