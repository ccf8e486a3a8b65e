"""scripts/release refuses what is no release, and the paper says what is measured."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tivax.engine.publication.references import references

ROOT = Path(__file__).resolve().parents[2]
PAPER = (ROOT / "docs" / "joss" / "paper.md").read_text(encoding="utf-8")
BIB = (ROOT / "docs" / "joss" / "paper.bib").read_text(encoding="utf-8")
FILES = (
    "scripts/release pyproject.toml CHANGELOG.md CITATION.cff .zenodo.json "
    "conda/recipe.yaml docs/joss/paper.md"
).split()


def git(folder, *words):
    own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def ready(tmp_path):
    """A checkout that may be released: its changes have a version, the paper authors."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    change(tmp_path, "docs/joss/paper.md", "AUTHORS", "A. Writer")
    text = (tmp_path / "CHANGELOG.md").read_text()
    newest = text.index("\n## [", text.index("## [Unreleased]") + 5)
    head = text[: text.index("## [Unreleased]")] + "## [Unreleased]\n"
    (tmp_path / "CHANGELOG.md").write_text(head + text[newest:])
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "all")
    return tmp_path


def change(folder, name, old, new):
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def dry_run(folder):
    command = [sys.executable, "scripts/release", "--dry-run"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode == 0) == (not done.stderr)
    return done.stdout + done.stderr


def test_a_checkout_that_is_whole_may_be_released(ready):
    version = re.search(
        r'^version = "(.*)"', (ready / "pyproject.toml").read_text(), re.M
    )
    assert version and dry_run(ready) == f"release: this checkout is {version[1]}\n"


@pytest.mark.parametrize(
    "name, old, new, told",
    [
        ("CITATION.cff", "version: 0", "version: 9", "CITATION.cff: version 9"),
        (".zenodo.json", '"version": "0', '"version": "9', ".zenodo.json: version 9"),
        ("conda/recipe.yaml", 'version: "0', 'version: "9', "recipe.yaml: version 9"),
        (
            "CITATION.cff",
            "date-released: 2",
            "date-released: 3",
            "CITATION.cff: date 3",
        ),
        (
            "CHANGELOG.md",
            "[Unreleased]\n",
            "[Unreleased]\n\n- News.\n",
            "under Unreleased",
        ),
        ("docs/joss/paper.md", "A. Writer", "AUTHORS", "AUTHORS stands where names"),
    ],
)
def test_what_does_not_agree_is_refused_by_its_file(ready, name, old, new, told):
    change(ready, name, old, new)
    assert f"{name}: not committed; commit or remove it" in dry_run(ready)
    git(ready, "commit", "-q", "-a", "-m", "changed")
    said = dry_run(ready)
    assert told in said and "not committed" not in said


def test_a_version_that_was_released_is_refused(ready):
    version = re.search(
        r'^version = "(.*)"', (ready / "pyproject.toml").read_text(), re.M
    )
    assert version
    git(ready, "tag", f"v{version[1]}")
    assert f"v{version[1]} is a tag already; raise the version" in dry_run(ready)


# ------------------------------------------------------------------------ the paper


def test_every_work_of_the_paper_is_in_its_bibliography_and_no_other():
    cited = set(re.findall(r"@([a-z]+\d*)", PAPER.split("\n---\n", 1)[1]))
    assert set(re.findall(r"^@\w+\{(\w+),", BIB, re.M)) == cited
    shared = cited & set(references())
    assert len(shared) > 8
    assert [k for k in shared if references()[k].to_bibtex() not in BIB] == []


def test_the_counts_of_the_paper_are_those_of_papers_reproduced():
    name = ROOT / "docs" / "explanation" / "papers-reproduced.csv"
    with name.open(encoding="utf-8") as file:
        cells = {(k["cells"], k["equal"]) for k in csv.DictReader(file)}
    text = " ".join(PAPER.split())
    for said in ("All 139 coefficients", "(70 cells)", "(36)", "(13)"):
        (count,) = re.findall(r"\d+", said)
        assert said in text and (count, count) in cells
    assert "of the 1,386 optimal tariffs" in text and ("1,386", "1,312") in cells


def test_the_paper_is_as_long_as_the_journal_asks():
    assert 700 < len(PAPER.split()) < 1000
