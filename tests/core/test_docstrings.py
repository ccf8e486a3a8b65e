"""Docstrings are sentences with a verb, or noun phrases."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRAGMENTS = {*"What Of Where Whether How By Which From Those".split()}
KINDS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def fragments(path: Path) -> list[str]:
    """First lines of docstrings whose first word is a fragment."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = [ast.get_docstring(k) for k in nodes if isinstance(k, KINDS)]
    firsts = [text.splitlines()[0] for text in texts if text]
    return [k for k in firsts if k.split()[0].strip(",.;:") in FRAGMENTS]


@pytest.mark.parametrize("folder", ["engine", "kernels", "bench"])
def test_no_docstring_begins_with_a_fragment(folder):
    found = {str(k): fragments(k) for k in (ROOT / folder).rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}


def asked(function: ast.FunctionDef) -> list[list[str]]:
    """The columns written in each call of ``require_columns``, or in a list before it."""
    nodes = [*ast.walk(function)]
    lists = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def written(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Name):
            return written(lists[node.id]) if node.id in lists else []
        if isinstance(node, ast.List):
            return [str(k.value) for k in node.elts if isinstance(k, ast.Constant)]
        return []

    return [
        written(node.args[2])
        for node in nodes
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "require_columns"
    ]


def test_a_figure_that_names_columns_names_those_that_it_asks_for():
    missing = {}
    for path in (ROOT / "engine" / "figures").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                named = {*re.findall(r"``(\w+)``", ast.get_docstring(node) or "")}
                for columns in map(set, asked(node)):
                    if columns & named and columns - named:
                        missing[node.name] = columns - named
    assert missing == {}
