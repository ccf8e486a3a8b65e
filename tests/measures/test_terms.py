"""The page of terms names everything there is, and nothing else."""

import re
from pathlib import Path

from tivax.engine.measures.decompositions import IN_DETAIL, METHODS
from tivax.engine.measures.indicator_table import INDICATORS

PAGE = Path(__file__).parents[2] / "engine" / "measures" / "terms.md"


def words() -> set[str]:
    return set(re.findall(r"[A-Za-z]\w*", PAGE.read_text(encoding="utf-8")))


def test_every_term_and_indicator_is_explained():
    named = words()
    missing = [k for k in INDICATORS if k not in named]
    every = [*METHODS.values(), *IN_DETAIL.values()]
    missing += [t for m in every for t in m.terms if t not in named]
    missing += [f"method {k}" for k in METHODS if f"`{k}`" not in PAGE.read_text()]
    assert not missing


def test_names_in_the_table_of_indicators_exist():
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("## Indicators") : text.index("## Origins")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    names = [k.strip() for row in rows[1:] for k in row.split(",")]
    assert [k for k in names if k not in INDICATORS] == []
    assert len(names) == len(set(names)) == len(INDICATORS)
