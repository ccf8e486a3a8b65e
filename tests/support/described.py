"""The contract of files: what a command writes is what outputs.toml says."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from tivax.engine.core import files_of, output_of, programs

_HELD = {".csv", ".parquet", ".html", ".svg"}


def assert_described(command: str, *folders: Path, but: Iterable[str] = ()) -> None:
    """Every file and column of these folders is described, and every description of the
    command, ``but`` those of some files, is of a file or column in one of them."""
    seen: set[tuple[str, str]] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            stem = str(path.relative_to(folder).with_suffix(""))
            if path.suffix in _HELD and not stem.startswith("store/"):
                found = output_of(command, stem)
                assert found is not None, f"{command}: {stem} is not described"
                name, output = found
                seen |= {(name, k) for k in ("", *_columns(path, output.columns))}
    own = {*programs()[command]["files"]} - {*but}
    described = {(k, c) for k in own for c in ("", *files_of(command)[k].columns)}
    assert seen >= described, f"{command} did not write {sorted(described - seen)}"


def _columns(path: Path, described: tuple[str, ...]) -> list[str]:
    """The columns of a table as they are described, in their order."""
    if path.suffix not in (".csv", ".parquet"):
        return []
    csv = path.suffix == ".csv"
    names = [*pd.read_csv(path, nrows=0)] if csv else pq.read_schema(path).names
    order = "".join(map(_pattern, described))
    found = re.fullmatch(order, "".join(f"{k}\n" for k in names))
    assert found, f"{path.name}: {names} are not {described}"
    return [k for k, part in zip(described, found.groups(), strict=True) if part]


def _pattern(name: str) -> str:
    text = re.escape(name.removesuffix("?")).replace(r"\*", "[^\n]*?")
    often = "+?" if "*" in name else ""
    return f"((?:{text}\n){often}){'?' if name.endswith('?') else ''}"
