"""The contract of files: what a command writes is what outputs.toml says."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from tivax.engine.core import output_of, programs

_HELD = {".csv", ".parquet", ".html", ".svg"}


def assert_described(command: str, *folders: Path, but: tuple[str, ...] = ()) -> None:
    """Every file and column of these folders is described, and every description of the
    command, ``but`` those of some files, is of a file or column in one of them."""
    seen: set[str] = set()
    for path in (k for folder in folders for k in folder.rglob("*")):
        (folder,) = (k for k in folders if k in path.parents)
        stem = str(path.relative_to(folder).with_suffix(""))
        if path.suffix in _HELD and not stem.startswith("store/"):
            output = output_of(command, stem)
            assert output is not None, f"{command}: {stem} is not described"
            files = programs()[command].files
            name = next((k for k in files if fnmatchcase(stem, k)), "")
            seen |= {name, *(f"{name}: {k}" for k in _columns(path, output.columns))}
    described = {
        f"{name}: {k}" if k else name
        for name, output in programs()[command].files.items()
        for k in ("", *output.columns)
        if name not in but
    }
    assert seen >= described, f"{command}: not written: {sorted(described - seen)}"


def _columns(path: Path, described: tuple[str, ...]) -> set[str]:
    """The columns of a table as they are described, in their order."""
    if path.suffix not in (".csv", ".parquet"):
        return set()
    csv = path.suffix == ".csv"
    names = [*pd.read_csv(path, nrows=0)] if csv else pq.read_schema(path).names
    order = re.fullmatch(
        "".join(map(_pattern, described)), "".join(f"{k}\n" for k in names)
    )
    assert order, f"{path.name}: {names} are not {described}"
    found = zip(described, order.groups(), strict=True)
    return {name for name, part in found if part}


def _pattern(name: str) -> str:
    often = "+" if "*" in name else ""
    text = re.escape(name.removesuffix("?")).replace(r"\*", "[^\n]*?")
    return (
        f"((?:{text}\n){often}{'?' if often else ''}){'?' if name[-1] == '?' else ''}"
    )
