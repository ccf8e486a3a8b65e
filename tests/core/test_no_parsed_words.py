"""No code reads the words that other code made: notes, variants, sentences."""

import ast
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[2] / "engine"
WORDS = {"note", "variant", "sentence"}
READS = {
    "startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit",
    "partition", "rpartition", "replace", "match", "fullmatch",
    "search", "extract", "contains",
}  # fmt: skip


def words_in(node: ast.AST) -> set[str]:
    """Names of words that an expression takes: ``row["note"]``, ``k.variant``."""
    found = set()
    for k in ast.walk(node):
        if isinstance(k, ast.Subscript) and isinstance(k.slice, ast.Constant):
            found.add(k.slice.value)
        if isinstance(k, ast.Attribute):
            found.add(k.attr)
        if isinstance(k, ast.Name):
            found.add(k.id)
    return found & WORDS


def parsed(text: str) -> set[str]:
    """Words that a module takes apart: ``in``, ``re`` and methods of texts."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and isinstance(
            node.ops[0], ast.In | ast.NotIn
        ):
            if isinstance(node.left, ast.Constant):
                found |= words_in(node.comparators[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in READS:
                found |= words_in(node.func.value)
                found |= set().union(*map(words_in, node.args))
    return found


def test_no_module_takes_words_apart():
    found = {
        (str(path.relative_to(ENGINE)), word)
        for path in ENGINE.rglob("*.py")
        for word in parsed(path.read_text(encoding="utf-8"))
    }
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        'x = "alone" in row["note"]',
        'row["note"].str.extract(pattern)',
        're.fullmatch("without (.*)", variant)',
        'first.sentence.split(". ")[0]',
        'rows["variant"].str.startswith("without")',
    ],
)
def test_words_taken_apart_are_found(text):
    assert parsed(text)


@pytest.mark.parametrize(
    "text",
    ['k in row["states"]', 'rows["note"] != ""', 'table.set_index("variant")["note"]'],
)
def test_words_that_are_compared_or_named_are_not(text):
    assert not parsed(text)
