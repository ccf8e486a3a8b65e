"""A second paper is a folder: what docs/reference/papers.md says, tried on a tiny one."""

import ast
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine import papers
from tivax.engine.panel.recipe import WIOD_COUNTRIES

import panel_files as pf
from commands import good, mistake, names
from helpers import two_way

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "papers.md").read_text(encoding="utf-8")
# The page's own example is the second paper.
(FRONT,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture
def small(tmp_path, monkeypatch) -> str:
    folder = tmp_path / "beside" / "small"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(FRONT, encoding="utf-8")
    monkeypatch.setattr(papers, "__path__", [*papers.__path__, str(folder.parent)])
    yield "small"
    sys.modules.pop("tivax.engine.papers.small", None)


def test_a_folder_with_the_names_of_the_page_is_a_paper(small, tmp_path):
    (tmp_path / "raw").mkdir()
    pf.write_panel_files(tmp_path / "raw", WIOD_COUNTRIES)
    # Those files hold sums of effects: here the index and the outcome are noise.
    rng, index = np.random.default_rng(1), tmp_path / "raw" / "tbi.csv"
    (kof,) = (tmp_path / "raw").glob("KOF*.dta")
    for path, name, frame in (
        (index, "tbi", pd.read_csv(index)),
        (kof, "KOFGIdj", pd.read_stata(kof)),
    ):
        frame[name] = rng.uniform(-0.5, 0.5, len(frame))
        pf.write_kof(path, frame) if path == kof else frame.to_csv(path, index=False)
    out = tmp_path / "out"
    words = ("--data", tmp_path / "raw", "--paper", small, "--out", out)
    answer = good("replicate", *words)
    fit = two_way(
        tx.panel.build_panel(tx.panel.read_data_files(tmp_path / "raw")).frame,
        "KOFGIdj",
        ["TBI"],
    )
    table = pd.read_csv(out / "coefficients.csv")
    assert table["estimate"].tolist() == fit.tidy()["estimate"].tolist()
    assert names(out) == ["coefficients.csv", "manifest.json", "report.html"]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["command"], manifest["rows"]) == ("replicate", fit.n)
    assert answer.out.startswith(f"{fit.n} rows, one coefficient")


def test_its_models_are_known_to_run_files(small):
    known = papers.known_models()
    assert [*known] == ["paper", "small", "trade_imbalance"]
    assert known["paper"] == known["trade_imbalance"]
    assert [k.name for k in known["small"]] == ["one"]


def test_a_paper_that_there_is_not_is_told_in_one_line(tmp_path):
    line = mistake("replicate", "--data", tmp_path, "--paper", "trade", "--out", "o")
    assert "no paper trade: did you mean trade_imbalance?" in line


ROOMS = (
    "tivax.engine.core",
    "tivax.engine.figures",
    "tivax.engine.present.words",
    "tivax.engine.reporting",
)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "engine" / "papers").rglob("*.py")), ids=lambda k: k.stem
)
def test_a_paper_imports_tivax_the_fronts_of_three_rooms_and_words(file):
    """What import-linter holds for whole folders, module by module."""
    package = ("tivax", *file.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        place = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*place, *filter(None, [node.module])])
        if module.startswith("tivax.engine.papers") or not module.startswith("tivax"):
            continue
        taken = [f"{module}.{k.name}" for k in node.names]
        kept = module in ROOMS or (module == "tivax.engine" and {*taken} <= {*ROOMS})
        assert kept or module in EXCEPTIONS, f"{module}: {taken}"


EXCEPTIONS = ("tivax.kernels.panels.sample_fits",)  # see pyproject.toml
