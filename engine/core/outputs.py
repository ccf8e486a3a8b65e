"""What every command writes, and what its columns are, in words: outputs.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from .toml import load_toml


@dataclass(frozen=True)
class Column:
    """What a column is; ``signed``: either sign has a meaning of its own."""

    title: str
    unit: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Output:
    """A file; of a table the columns in their order: with ? not always there, with * one
    or more."""

    title: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """A command: what it does, where its code is, its files and columns by name or by
    pattern, and the commands whose files it writes ``also``."""

    does: str
    code: str
    files: Mapping[str, Output]
    columns: Mapping[str, Column]
    note: str = ""
    also: tuple[str, ...] = ()


@cache
def programs() -> dict[str, Program]:
    """Every command that writes a result, by its name."""
    own = {k: v for k, v in outputs().items() if "does" in v}
    return {
        name: Program(
            **facts
            | {
                "files": {k: _output(v) for k, v in facts["files"].items()},
                "columns": {k: _column(v) for k, v in facts.get("columns", {}).items()},
            }
        )
        for name, facts in own.items()
    }


@cache
def columns_of(command: str = "") -> dict[str, Column]:
    """Columns by name or pattern: of the command before those of all commands."""
    found: dict[str, Column] = {}
    for program in _and_also(command):
        found = {**program.columns, **found}
    return found | {
        k: _column(v) for k, v in outputs()["columns"].items() if k not in found
    }


def column_title(name: str, known: Mapping[str, str | Column]) -> str:
    """The title by the name, else by the first pattern that fits it; without one, the
    name."""
    pattern = next(
        (k for k in (name, *known) if k in known and fnmatchcase(name, k)), ""
    )
    if not pattern:
        return name
    found = known[pattern]
    text = found.title if isinstance(found, Column) else found
    before, _, after = pattern.partition("*")
    return text.replace("{}", name.removeprefix(before).removesuffix(after))


def output_of(command: str, stem: str) -> Output | None:
    """The file of that name without suffix."""
    for program in _and_also(command):
        for pattern, output in program.files.items():
            if fnmatchcase(stem, pattern):
                several = "/" in pattern and "*" in pattern
                name = f" ({PurePosixPath(stem).name})" if several else ""
                return Output(f"{output.title}{name}", output.columns)
    shared = outputs()["files"].get(stem)
    return shared and _output(shared)


def output_title(command: str, stem: str) -> str:
    """The title of a file by its name without suffix; without one, the name."""
    known = output_of(command, stem)
    return known.title if known else PurePosixPath(stem).name.replace("_", " ")


@cache
def outputs() -> dict[str, Any]:
    """The description itself."""
    return load_toml(__package__, "outputs.toml")


def _and_also(command: str) -> list[Program]:
    own = programs().get(command)
    return [own, *(programs()[k] for k in own.also)] if own else []


def _column(written: str | dict[str, Any]) -> Column:
    return Column(written) if isinstance(written, str) else Column(**written)


def _output(written: str | list[str]) -> Output:
    if isinstance(written, str):
        return Output(written)
    title, columns = written
    lists = {f"@{k}": v for k, v in outputs()["lists"].items()}
    words = [lists.get(word, word) for word in columns.split()]
    return Output(title, tuple(" ".join(words).split()))
