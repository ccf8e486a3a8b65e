"""Descriptions of commands and titles of their outputs: programs.toml."""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from ..core import load_toml


@cache
def programs() -> dict[str, dict[str, Any]]:
    """Descriptions of commands and titles of their outputs."""
    return load_toml(__package__, "programs.toml")


def output_title(command: str, stem: str) -> str:
    """The title of a file by its name without suffix."""
    if stem == "labels":
        return "Names of the codes of regions, sectors and final demand"
    known = programs().get(command, {}).get("outputs", {})
    for pattern, title in known.items():
        if fnmatchcase(stem, pattern):
            several = "/" in pattern and "*" in pattern
            return f"{title} ({PurePosixPath(stem).name})" if several else title
    return PurePosixPath(stem).name.replace("_", " ")
