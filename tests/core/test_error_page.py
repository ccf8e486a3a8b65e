"""The page of errors lists messages that the program has."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "errors.md"
KINDS = ("TivaxError", "NotFound", "Damaged", "Unfinished")
LISTED = re.compile(r"^\| (?P<ticks>`+) ?(.+?) ?(?P=ticks) \|", re.M)


def messages() -> set[str]:
    """Every message of a TivaxError in the code, with … for what is filled in."""
    found = set()
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KINDS:
                found |= {text(argument) for argument in node.args}
    return found


def text(node: ast.expr) -> str:
    """The text of a string, formatted or not."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) for part in node.values)
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "…"


def test_every_message_of_the_page_is_one_of_the_program():
    listed = [match[2] for match in LISTED.finditer(PAGE.read_text())]
    assert len(listed) > 10
    assert sorted(set(listed) - messages()) == []
