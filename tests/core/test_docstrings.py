"""Docstrings are sentences with a verb, or noun phrases."""

import ast
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
