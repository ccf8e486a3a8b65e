"""Descriptions of every file and column that commands write: outputs.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from .phrases import Phrase
from .toml import load_toml


@dataclass(frozen=True)
class Column:
    """The description of a column; ``signed``: either sign has a meaning of its own;
    ``means``: its definition, where the title is too short for it."""

    title: str
    unit: str = ""
    signed: bool = False
    means: str = ""


@dataclass(frozen=True)
class Output:
    """A file; ``columns`` of a table are in their order: with ? where they apply, with
    * one or more."""

    title: str
    columns: tuple[str, ...] = ()


@cache
def outputs() -> dict[str, Any]:
    """The description itself."""
    return load_toml(__package__, "outputs.toml")


def programs() -> dict[str, dict[str, Any]]:
    """Every command that writes a result: what it does, its code, its own outputs."""
    return {name: facts for name, facts in outputs().items() if "does" in facts}


@cache
def files_of(command: str) -> dict[str, Output]:
    """Files by name without suffix or pattern: the command's own before all others."""
    lists = {f"@{k}": v for k, v in outputs()["lists"].items()}
    found: dict[str, Output] = {}
    for name, written in _own_first(command, "files").items():
        title, columns = (written, "") if isinstance(written, str) else written
        words = " ".join(lists.get(word, word) for word in columns.split())
        found[name] = Output(title, tuple(words.split()))
    return found


@cache
def columns_of(command: str = "") -> dict[str, Column]:
    """Columns by name or pattern: the command's own before all others."""
    return {
        name: Column(written) if isinstance(written, str) else Column(**written)
        for name, written in _own_first(command, "columns").items()
    }


def column_title(name: str, known: Mapping[str, str | Column]) -> str:
    """The title by the name, else by the first pattern that fits it; without one, the
    name."""
    fitting = (k for k in known if "*" in k and fnmatchcase(name, k))
    pattern = name if name in known else next(fitting, None)
    if pattern is None:
        return name
    found = known[pattern]
    text = found.title if isinstance(found, Column) else found
    before, _, after = pattern.partition("*")
    return text.replace("{}", name.removeprefix(before).removesuffix(after))


def output_of(command: str, stem: str) -> tuple[str, Output] | None:
    """The file of that name without suffix, and the name or pattern that it has."""
    fitting = (k for k in files_of(command).items() if fnmatchcase(stem, k[0]))
    return next(fitting, None)


def output_title(command: str, stem: str) -> str:
    """The title of a file by its name without suffix; without one, the name."""
    name = PurePosixPath(stem).name
    if (found := output_of(command, stem)) is None:
        return name.replace("_", " ")
    pattern, output = found
    if "/" in pattern and "*" in pattern:  # one of several
        return Phrase("{title} ({name})", title=output.title, name=name)
    return output.title


def _own_first(command: str, kind: str) -> dict[str, Any]:
    """Descriptions of the command, of those whose files it writes also, then of all."""
    own = outputs().get(command, {})
    parts = [own.get(kind, {}), *(_own_first(k, kind) for k in own.get("also", ()))]
    found: dict[str, Any] = {}
    for part in (*parts, outputs()[kind]):
        found |= {k: v for k, v in part.items() if k not in found}
    return found
