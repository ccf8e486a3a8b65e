"""The README's own example and commands."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tivax.engine.tables import country_name

README = Path(__file__).resolve().parents[2] / "README.md"


def examples() -> list[tuple[str, str]]:
    """Code of the README and what it says that this prints."""
    fence = r"```python\n([^`]*?)```\n\nprints\n\n```\n(.*?)```"
    return re.findall(fence, README.read_text(), re.S)


def test_the_figure_of_the_first_page_is_as_the_commands_draw_it():
    """With its finding above, and countries by name."""
    image = (README.parent / "docs" / "images" / "tbi.svg").read_text()
    assert re.search(r">[A-Z][\w ]+ moved most: [^<]+ in 2011<", image)
    names = [country_name(k) for k in "USA CHN DEU JPN GBR FRA ITA CAN".split()]
    assert [k for k in names if f">{k}</text>" not in image] == []


def test_the_readme_has_its_examples():
    assert len(examples()) == 1


@pytest.mark.parametrize("code, promised", examples(), ids=["own"])
def test_the_examples_print_what_the_readme_says(code, promised):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})  # our own text
    printed = [line.rstrip() for line in out.getvalue().rstrip().splitlines()]
    assert printed == [line.rstrip() for line in promised.rstrip().splitlines()]
