"""Systems saved by pymrio: a folder, or a zip archive, for each.

``file_parameters.json``
    The files of the system: by the name of each table its file and how many levels of
    labels it has at the left (``nr_index_col``) and at the top (``nr_header``).
``Z.txt`` (or ``A.txt``), ``Y.txt``, ``x.txt``, ``unit.txt``
    Tab-separated text, or ``.parquet``. Rows (region, sector); columns of Z alike, of Y
    (region, category). x need not be there: output is then the sum of the row.
``metadata.json``
    Name, description, version; the year may be told there.
``emissions/F.txt``, ``F_Y.txt``, ``unit.txt``
    An extension is a folder with parameters of its own: rows are stressors, columns
    those of Z and Y.

Stadler, K. (2021), Pymrio: a Python based multi-regional input-output analysis toolbox,
Journal of Open Research Software 9:8, doi:10.5334/jors.251.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ..core import TivaxError
from ..files import TableFile, finding, read_frame, read_words, table_of, year_told
from ..files import opening as fs
from ..tables import WorldTable, one_unit

EXPECTED = "folders or archives of pymrio, with file_parameters.json, Z and Y"
PARAMETERS, METADATA = "file_parameters.json", "metadata.json"
_FILES = r".*\.(?:json|txt|tsv|csv|parquet|parq|par|pkl|pickle)"
# Extensions that may hold value added, and the names of its row.
_FACTORS = re.compile(r"factor_?inputs?|value_?added|primary_?inputs?|factors?", re.I)
_VALUE_ADDED = re.compile(
    r"(?:gross )?value[ _-]?added(?: at basic prices)?|VA|VALU", re.I
)


class Extension(NamedTuple):
    """A satellite account of several rows: stressors by industry, by final demand."""

    F: pd.DataFrame
    F_Y: pd.DataFrame | None
    unit: list[str]


def find_systems(paths: Sequence[Path]) -> list[TableFile]:
    """The systems below ``paths``, each as its file of Z (or A) with the others as
    parts; ``year`` is None where nothing tells it."""
    at = finding.located(finding.beside(paths), _FILES, EXPECTED)
    folders = [k.rpartition("/")[0] for k in at if k.endswith(f"/{PARAMETERS}")]
    kinds = {k: _parameters(at[f"{k}/{PARAMETERS}"])["systemtype"] for k in folders}
    systems = [_system(k, at, kinds) for k in folders if kinds[k] == "IOSystem"]
    finding.require_tables(systems, paths, EXPECTED)
    return systems


def _system(
    folder: str, at: Mapping[str, TableFile], kinds: Mapping[str, str]
) -> TableFile:
    parts = _parts(folder, at, "")
    if f"{folder}/{METADATA}" in at:
        parts["metadata"] = at[f"{folder}/{METADATA}"]
    for inner, kind in kinds.items():
        above, _, name = inner.rpartition("/")
        if above == folder and kind == "Extension":
            parts |= _parts(inner, at, f"{name}/")
    main = "Z" if "Z" in parts else "A"
    for name in (main, "Y"):
        if name not in parts:
            raise TivaxError(
                f"{parts['parameters'].name}: no {name.replace('A', 'Z')} in the "
                "system; save it whole (io.save_all)"
            )
    sales = parts.pop(main)
    told: list[str] = []
    if "metadata" in parts:
        told = fs.json_texts(parts["metadata"], "name", "description", "version")
    names = (folder.rpartition("/")[2], sales.path.stem if sales.member else "", *told)
    return replace(sales, year=year_told(*names), parts=parts)


def _parts(
    folder: str, at: Mapping[str, TableFile], before: str
) -> dict[str, TableFile]:
    """The files that the parameters of a folder name, and these themselves."""
    own = at[f"{folder}/{PARAMETERS}"]
    shown = before.rstrip("/") or folder.rpartition("/")[2]
    parts = {f"{before}parameters": replace(own, folder=shown)}
    for name, entry in _parameters(own)["files"].items():
        if found := at.get(f"{folder}/{entry['name']}"):
            parts[before + name] = replace(found, folder=shown)
    return parts


def _parameters(file: TableFile) -> dict[str, Any]:
    """Read and check file_parameters.json."""
    data = fs.read_bytes(file, (b"{",))
    with fs.parsing(file):
        content = json.loads(data)
        files = {
            str(name): {
                "name": str(entry["name"]),
                "rows": int(entry["nr_index_col"]),
                "columns": int(entry["nr_header"]),
            }
            for name, entry in content["files"].items()
        }
        levels = [k[side] for k in files.values() for side in ("rows", "columns")]
        if any(not 0 < k < 9 for k in levels):
            raise ValueError("numbers of levels")
        return {"files": files, "systemtype": str(content["systemtype"])}


def read_system(file: TableFile, year: int) -> WorldTable:
    """The table of a system, regions as it calls them."""
    levels = _parameters(file.parts["parameters"])["files"]
    own = re.split("[/:]", file.name)[-1]
    name = "Z" if "Z" in levels and levels["Z"]["name"] == own else "A"
    there = [k for k in ("Y", "x") if k in file.parts]
    frames = {k: _frame(file.parts[k], levels[k]) for k in there}
    Z = _frame(file, levels[name])
    if name == "A":
        if "x" not in frames:
            raise TivaxError(f"{file.name}: neither Z nor x; save the system whole")
        Z = Z.mul(frames["x"].iloc[:, 0].reindex(Z.columns), axis="columns")
    reported = "x" in frames
    if not reported:
        frames["x"] = (Z.sum(axis=1) + frames["Y"].sum(axis=1)).to_frame()
    there = [k for k in extension_names(file) if f"{k}/F" in file.parts]
    added = value_added_row(there, lambda k: read_extension(file, k).F)
    if added is not None:
        frames["value_added"] = added.to_frame()
    table = table_of(file, {**frames, "Z": Z}, year)
    unit = ""
    if "unit" in file.parts:
        unit = one_unit(file.parts["unit"].name, _units(file.parts["unit"]))
    return replace(table, output_is_row_sum=not reported, unit=unit)


def _frame(file: TableFile, entry: Mapping[str, Any]) -> pd.DataFrame:
    return read_frame(file, rows=entry["rows"], columns=entry["columns"])


def _units(file: TableFile) -> list[str]:
    return [row[-1] for row in read_words(file)]


def value_added_row(
    extensions: Iterable[str], F: Callable[[str], pd.DataFrame]
) -> pd.Series | None:
    """The row of value added, where one extension of factors has exactly one."""
    found = []
    for name in filter(_FACTORS.fullmatch, extensions):
        rows = F(name)
        labels = [str(k[0] if isinstance(k, tuple) else k) for k in rows.index]
        found += [
            rows.iloc[k] for k, row in enumerate(labels) if _VALUE_ADDED.fullmatch(row)
        ]
    return found[0] if len(found) == 1 else None


def extension_names(file: TableFile) -> list[str]:
    """The extensions of a system."""
    ends = "/parameters"
    return [k.removesuffix(ends) for k in file.parts if k.endswith(ends)]


def read_extension(file: TableFile, name: str) -> Extension:
    """The flows of an extension; ``TivaxError`` where it holds only other accounts."""
    levels = _parameters(file.parts[f"{name}/parameters"])["files"]
    read = {
        k: _frame(file.parts[f"{name}/{k}"], levels[k])
        for k in ("F", "F_Y")
        if f"{name}/{k}" in file.parts
    }
    if "F" not in read:
        raise TivaxError(f"{file.parts[f'{name}/parameters'].name}: no F in {name}")
    units = _units(file.parts[f"{name}/unit"]) if f"{name}/unit" in file.parts else []
    if len(units) != len(read["F"]):
        units = [""] * len(read["F"])
    return Extension(read["F"], read.get("F_Y"), units)
