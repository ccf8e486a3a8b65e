"""The README's own example and commands."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tivax.engine.cli import app

README = Path(__file__).resolve().parents[1] / "README.md"
COMMANDS = [
    c.name or c.callback.__name__ for c in app.registered_commands if c.callback
]


def test_the_ten_lines_print_what_the_readme_says():
    text = README.read_text()
    match = re.search(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", text, re.S)
    assert match, "the README has lost its example"
    code, promised = match.groups()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})  # our own text
    printed = [line.rstrip() for line in out.getvalue().rstrip().splitlines()]
    assert printed == [line.rstrip() for line in promised.rstrip().splitlines()]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name):
    assert f"`tivax {name}" in README.read_text()


def test_every_command_of_the_readme_exists():
    text = README.read_text()
    named = set(re.findall(r"(?:`|^ {4})tivax ([a-z]+)", text, re.M))
    assert len(named) >= 6
    assert named <= set(COMMANDS)
