"""Printed output of ``tivax list indicators``."""

from collections.abc import Sequence

from ...core import tivax_version
from ...measures import INDICATORS, LEVELS, require_indicators
from ..terminal import Terminal, next_step


def print_indicators(terminal: Terminal, names: Sequence[str]) -> None:
    """Code, title, unit and levels of the indicators, or of some of them.

    Raises ``TivaxError`` for an unknown code.
    """
    facts = [
        {
            "code": name,
            "title": INDICATORS[name].title,
            "unit": INDICATORS[name].unit or "that of the tables",
            "levels": [level for level in LEVELS if INDICATORS[name].has(level)],
            "source": INDICATORS[name].source,
        }
        for name in require_indicators(names)
    ]
    terminal.listing(
        ("code", "title", "unit", "levels"),
        [(k["code"], k["title"], k["unit"], _short(k["levels"])) for k in facts],
    )
    about = {"command": "list", "tivax": tivax_version(), "indicators": facts}
    terminal.finish(about)
    if terminal.out.is_terminal:  # elsewhere the lines are read by a program
        codes = ",".join(k["code"] for k in facts[:2])
        example = ("indicators", "STORE", "--only", codes, "--out", "tiva")
        terminal.print(next_step(*example))


def _short(levels: Sequence[str]) -> str:
    return "all" if len(levels) == len(LEVELS) else ", ".join(levels)
