"""TOML files by schema: each kind of value, and each mistake in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypedDict

import pytest

from tivax.engine.core import (
    Blocks,
    Count,
    Seed,
    Some,
    Text,
    Texts,
    TivaxError,
    TomlTable,
    read_toml,
    walk_causes,
)

from helpers import error_of


@dataclass(frozen=True)
class Section:
    name: Text
    kind: Literal["wild", "pairs"] = "wild"
    draws: Count = 9
    seed: Seed = 0
    value: float = 0.0
    null: bool = True
    file: Path | None = None
    files: tuple[Path, ...] = ()
    columns: Texts = ()
    only: Some = ()
    sides: Sequence[Literal["row", "column"]] = ()
    blocks: Blocks | None = None
    clusters: str = ""

    def __post_init__(self) -> None:
        if self.draws < self.seed:
            raise TivaxError(f"draws: give at least seed = {self.seed}")


class Options(TypedDict, total=False):
    draws: Count
    flows: Path


def parsed(folder: Path, text: str) -> Section:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return TomlTable(path, "", read_toml(path), ["part"]).section("part", Section)


def test_values_are_those_of_the_schema(tmp_path):
    lines = (
        '[part]\nname = "a"\nfile = "x/y.csv"\nfiles = "z"\ncolumns = "c"\nvalue = 1'
    )
    found = parsed(
        tmp_path, f"{lines}\nsides = ['row']\nblocks = {{ EU = ['A', 'B'] }}"
    )
    assert found == Section(
        name="a",
        file=tmp_path / "x" / "y.csv",
        files=(tmp_path / "z",),
        columns=("c",),
        value=1.0,
        sides=["row"],
        blocks={"EU": ("A", "B")},
    )


def test_a_section_of_options_has_those_that_are_there():
    table = TomlTable(Path("run.toml"), "", {"part": {"draws": 3}})
    assert table.section("part", Options) == {"draws": 3}
    assert TomlTable(Path("run.toml"), "", {}).section("part", Options) == {}


LIST = 'write ["...", "..."]'
MISTAKES = {
    "name = 3": "write \"...\", words in one line",
    'name = " "': "write \"...\", words in one line",
    'name = "a\\nb"': "write \"...\", words in one line",
    'kind = "wlid"': "choose from wild, pairs",
    "kind = 3": "choose from wild, pairs",
    "draws = 0": "write a whole number from 1, below 2^63",
    "draws = 0.5": "write a whole number from 1, below 2^63",
    "draws = true": "write a whole number from 1, below 2^63",
    "draws = 9223372036854775808": "write a whole number from 1, below 2^63",
    "seed = -1": "write a whole number from 0, below 2^63",
    'value = "0"': "write a number",
    "value = true": "write a number",
    "value = nan": "write a finite number",
    "value = -inf": "write a finite number",
    'null = "yes"': "write true or false",
    "file = 3": 'write "..."',
    'file = ""': 'write "..."',
    'file = "https://a.b/c.csv"': "an address; download it and give a local file",
    f'file = "{"a" * 300}"': "too long for the name of a file",
    'files = ["https://a.b/c.csv"]': "an address; download it and give a local file",
    "columns = [1, 2]": LIST,
    'columns = ["x", ""]': LIST,
    "only = []": f"{LIST}, one at least, or leave it out",
    'sides = ["rows"]': "choose from row, column",
    "blocks = { north = [] }": 'write { name = ["...", "..."], ... }',
}  # fmt: skip


@pytest.mark.parametrize("line", MISTAKES)
def test_a_wrong_value_is_one_line_with_key_section_and_remedy(tmp_path, line):
    told = error_of(parsed, tmp_path, f"[part]\n{line}")
    start = f"{tmp_path / 'run.toml'}: {line.partition(' = ')[0]} = "
    assert told.startswith(start) and told.endswith(f" in [part]: {MISTAKES[line]}")


def test_a_mistake_of_a_path_is_no_cause_of_itself(tmp_path):
    """Else whoever looks through the causes of an error never ends."""
    with pytest.raises(TivaxError) as error:
        parsed(tmp_path, '[part]\nfile = "https://a.b/c.csv"')
    assert len([*islice(walk_causes(error.value), 9)]) < 9


PLACES = {
    "part = 3": "part = 3: write a section [part]",
    "[prat]": "unknown key prat; did you mean part? There are part",
    "[part]": "name in [part]: is missing",
    "[part]\nnmae = 'a'": "unknown key nmae in [part]; did you mean name",
    "[part]\nname = 'a'\nseed = 99": "[part]: draws: give at least seed = 99",
    "part =": "not valid TOML: Invalid value (at end of document)",
    "part = x": 'not valid TOML: Invalid value (at line 1, column 8); texts are in quotes, name = "text"',
    f"part = {'[' * 30}{']' * 30}": "nested more than 20 levels deep",
}  # fmt: skip


@pytest.mark.parametrize("text", PLACES, ids=range(len(PLACES)))
def test_a_mistake_of_the_file_is_one_line(tmp_path, text):
    told = error_of(parsed, tmp_path, text)
    assert told.startswith(f"{tmp_path / 'run.toml'}: {PLACES[text]}")
