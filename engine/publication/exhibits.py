"""Tables and figures of a result, with the titles of ``programs.toml``."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Literal

from ..core import load_toml
from .results import Result

_FIGURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class Exhibit:
    """A table, figure or report, in one file format or several."""

    title: str
    files: tuple[str, ...]

    @property
    def kind(self) -> Literal["table", "figure", "report"]:
        if self.files[0].endswith(_FIGURES):
            return "figure"
        return "report" if self.files == ("report.html",) else "table"


@cache
def programs() -> dict[str, dict[str, Any]]:
    """programs.toml: what each command does, and titles of its outputs."""
    return load_toml(__package__, "programs.toml")


def exhibits_of(result: Result) -> list[Exhibit]:
    """Tables and figures of a result: one in several formats is one exhibit."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for entry in result.files:
        name = entry["name"]
        stem = str(PurePosixPath(name).with_suffix(""))
        groups.setdefault((stem, name.endswith(_FIGURES)), []).append(name)
    return [
        Exhibit(_title(result.command, stem), tuple(names))
        for (stem, _), names in groups.items()
    ]


def _title(command: str, stem: str) -> str:
    if stem == "labels":
        return "Names of the codes of regions, sectors and final demand"
    known = programs().get(command, {}).get("outputs", {})
    for pattern, title in known.items():
        if fnmatchcase(stem, pattern):
            several = "/" in pattern and "*" in pattern
            return f"{title} ({PurePosixPath(stem).name})" if several else title
    return PurePosixPath(stem).name.replace("_", " ")
