"""Damaged inputs of every reader, stores and what tivax itself reads again: draws of
unfinished runs, panels, results. See ``scripts/fuzz``.

A case is a valid small input, in the layout of the published one, and one mutation of
one of its files, both drawn from the seed and the number of the case. What comes of it
is one of

    refused        ``TivaxError`` of one line
    equal          the true result, exactly
    undetectable   another result that no reader could tell from a true one: a kind of
                   ``KINDS``, recognised by what has changed and not by where
    a violation    anything else: a traceback, a wrong result, too long, too large

Cases run in a process of their own, so that one that hangs or dies is seen.
"""

import argparse
import bz2
import gzip
import io
import json
import logging
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ["RUST_BACKTRACE"] = "0"

import numpy as np
import pandas as pd

from tivax import fit
from tivax.engine.core.errors import TivaxError
from tivax.engine.core.frames import write_frame
from tivax.engine.core.jobs import Job
from tivax.engine.core.limits import set_max_size
from tivax.engine.core.manifest import Run, describe_outputs
from tivax.engine.core.parts import Part
from tivax.engine.estimation import Conley, LinearFit, cross_section_dependence
from tivax.engine.estimation.model import Model
from tivax.engine.explorer import collect_results, result_folders
from tivax.engine.measures import trade_benefit_index
from tivax.engine.panel.data_files import read_data_files
from tivax.engine.publication import package
from tivax.engine.rebuilding import write_national_example
from tivax.engine.referee import (
    country_slopes,
    imputation,
    interactive_effects,
    local_projections,
    movers,
    shift_share,
    two_way_weights,
)
from tivax.engine.resampling import Placebo, Wild, resample
from tivax.engine.resampling.run_files import read_run_file, read_with_lags
from tivax.engine.resampling.simulation.panels import read_study
from tivax.engine.sources import from_long, from_national, importing
from tivax.engine.sources.catalogue import get_source
from tivax.engine.sources.satellites import read_satellites
from tivax.engine.tables.aggregation import read_concordance
from tivax.engine.tables.groups import read_groups
from tivax.engine.tables.satellites import align
from tivax.engine.tables.store import open_store, save_store
from tivax.engine.tables.world_table import WorldTable
from tivax.engine.tables.world_tables import WorldTables, stack_years

import large_files as lf
import panel_files as pf
import published_forms as forms
import source_files as sf
from packages import write_files
from result_folders import absorbed_frame, tbi_frame

SECONDS = 10  # that a case may take
MEGABYTES = 600  # that it may add to the largest memory of the process
ADDRESSES = 24 << 30  # bytes of address space: beyond, memory is refused

KINDS = {
    "cells that balance": "numbers of Z, Y or x whose rows still add up to output "
    "within the source's tolerance",
    "sum of the row": "numbers of Z or Y where output is not in the file but is the sum "
    "of the row",
    "value added": "numbers of the value-added row, which no other row has to equal",
    "label held once": "a name of a region, sector or category that the file holds "
    "once, or two lists of such names exchanged: nothing contradicts it",
    "edition": "words of a title that tell prices or edition",
    "part left out": "a year, or a part that a table may do without, is not there; the "
    "import names the years that are missing",
    "country-year number": "numbers of a few countries in a country-year file, which has "
    "no checksum and no sums",
    "country-year rows": "codes and years of a few countries in a country-year file, or "
    "whole rows of it: how many there are is written nowhere",
    "own text": "another valid text of the user's own: groups, concordances, run files",
    "no manifest": "the manifest of a result is not there, which the page says",
    "account": "a number, name or unit of a satellite account, the user's own",
    "list of names": "icio's lists of regions, sectors or uses, which nothing else in its "
    "tables contradicts: in another order, gone, or shorter",
}


# ------------------------------------------------------------------------- mutations

Rng = np.random.Generator
Mutation = Callable[[Rng, bytes], bytes]
Ways = Mapping[str, Mutation | None]  # None: the file is removed


def _at(rng: Rng, data: Sequence[Any]) -> int:
    return int(rng.integers(len(data))) if data else 0


def _size(rng: Rng) -> int:
    return int(rng.choice([1, 2, 3, 8, 64, 500]))


def _changed(change: Mutation, size: int = 0) -> Mutation:
    """Of so many bytes somewhere, or some if 0, what ``change`` makes of them."""

    def mutate(rng: Rng, data: bytes) -> bytes:
        k, n = _at(rng, data), size or _size(rng)
        return data[:k] + change(rng, data[k : k + n]) + data[k + n :]

    return mutate


flip_bit = _changed(lambda rng, old: bytes([old[0] ^ 1 << int(rng.integers(8))]), 1)


def flip_bits(rng: Rng, data: bytes) -> bytes:
    for _ in range(8):
        data = flip_bit(rng, data)
    return data


def swap_blocks(rng: Rng, data: bytes) -> bytes:
    size = min(_size(rng), len(data) // 2)
    i, j = sorted(int(k) for k in rng.integers(len(data) - size + 1, size=2))
    if j < i + size:
        return data[::-1]
    return (
        data[:i] + data[j : j + size] + data[i + size : j] + data[i : i + size]
    ) + data[j + size :]


def _lines(change: Callable[[list[bytes], int, int], Any]) -> Mutation:
    """Changes the lines, given the numbers of two of them."""

    def mutate(rng: Rng, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True) or [b""]
        i, j = (int(k) for k in rng.integers(len(lines), size=2))
        change(lines, i, j)
        return b"".join(lines)

    return mutate


@_lines
def swap_lines(lines: list[bytes], i: int, j: int) -> None:
    lines[i], lines[j] = lines[j], lines[i]


def _token(pattern: bytes, replace: Mutation) -> Mutation:
    """Replace one of the texts that match the pattern."""

    def mutate(rng: Rng, data: bytes) -> bytes:
        found = list(re.finditer(pattern, data))
        if not found:
            return flip_bit(rng, data)
        match = found[int(rng.integers(len(found)))]
        return data[: match.start()] + replace(rng, match[0]) + data[match.end() :]

    return mutate


NUMBERS = (
    b"", b"0", b"-1", b"1e308", b"1e999", b"NaN", b"inf", b"-", b"abc", b"1.5.2",
    b"99999999999999999999", b"0x10", b"1e-300", b"2147483648", b"=1+1",
)  # fmt: skip


def _other_number(rng: Rng, old: bytes) -> bytes:
    digit = b"%d" % rng.integers(10)
    k = int(rng.integers(len(old)))
    changed = (old[:k] + digit + old[k + 1 :], old + digit, b"-" + old, old[:-1])
    every = [*changed, *changed, *NUMBERS]
    return every[int(rng.integers(len(every)))]


def _other_name(rng: Rng, old: bytes) -> bytes:
    every = [
        old.swapcase(), old[:-1], old + b"x", b"", b" " + old, old[::-1], b"X" * 5000,
        b"\x1b[31m" + old, b"a\tb", old + b"\n" + old, b'"' + old, "ß中".encode(),
    ]  # fmt: skip
    return every[int(rng.integers(len(every)))]


def quote_thousands(rng: Rng, data: bytes) -> bytes:
    """Numbers of four digits as spreadsheets show them, "1,234", everywhere or once."""
    shown = partial(re.sub, rb"(?<![\w.-])-?\d{4,}(?:\.\d+)?(?![\w.])", _with_marks)
    lines = data.splitlines(keepends=True)
    k = _at(rng, lines)
    return [
        shown(data),
        b"".join([*lines[:k], *map(shown, lines[k:])]),
        shown(data, count=1),
    ][int(rng.integers(3))]


def _with_marks(match: re.Match[bytes]) -> bytes:
    whole, point, rest = match[0].partition(b".")
    return b'"%s"' % (f"{int(whole):,}".encode() + point + rest)


def shuffle(rng: Rng, data: bytes) -> bytes:
    """The lines below the first in another order."""
    first, *lines = data.splitlines(keepends=True)
    return first + b"".join(rng.permuted(np.array(lines, object)))


def only_header(rng: Rng, data: bytes) -> bytes:
    return data.splitlines(keepends=True)[0]


def add_empty_sector(rng: Rng, data: bytes) -> bytes:
    """To a long csv: a sector that sells and buys nothing, in a region or in all."""
    regions = sorted({line.split(b",")[1] for line in data.splitlines()[1:]})
    some = regions[: 1 + int(rng.integers(len(regions)))]
    return data + b"".join(b"2000,%s,00,%s,00,0\n" % (k, k) for k in some)


def _lines_end(end: bytes) -> Mutation:
    return lambda rng, data: data.replace(b"\r\n", b"\n").replace(b"\n", end)


BYTES: dict[str, Mutation] = {
    "flip_bit": flip_bit,
    "flip_bits": flip_bits,
    "set_byte": _changed(
        lambda rng, old: bytes([int(rng.choice([0, 255, 127, 128, 10, 34]))]), 1
    ),
    "insert_bytes": _changed(lambda rng, old: rng.bytes(_size(rng)) + old, 1),
    "delete_bytes": _changed(lambda rng, old: b""),
    "cut_short": lambda rng, data: data[: _at(rng, data)],
    "cut_head": lambda rng, data: data[_at(rng, data) :],
    "append_bytes": lambda rng, data: data + rng.bytes(_size(rng)),
    "swap_blocks": swap_blocks,
    "repeat_block": _changed(lambda rng, old: old * 2),
    "zero_block": _changed(lambda rng, old: bytes(len(old))),
    "empty": lambda rng, data: b"",
    "web_page": lambda rng, data: sf.WEB_PAGE,
}
TEXTS: dict[str, Mutation] = {
    "edit_number": _token(rb"\d+(?:\.\d+)?", _other_number),
    "edit_name": _token(rb"[A-Za-z_]\w*", _other_name),
    "edit_mark": _token(
        rb"[,;\t=\[\]\"{}:<>/]",
        lambda rng, old: [b"", old * 2, old * 3000, b"[", b"\t", b","][
            int(rng.integers(6))
        ],
    ),
    "delete_line": _lines(lambda lines, i, j: lines.pop(i)),
    "repeat_line": _lines(lambda lines, i, j: lines.insert(i, lines[j])),
    "swap_lines": swap_lines,
    "quote_thousands": quote_thousands,
    "utf16": lambda rng, data: data.decode("latin-1").encode("utf-16"),
    "latin1": _changed(lambda rng, old: "é".encode("latin-1") + old, 1),
    "carriage_returns": _lines_end(b"\r"),
    "windows_lines": _lines_end(b"\r\n"),
    "byte_order_mark": lambda rng, data: b"\xef\xbb\xbf" + data,
}
MUTATIONS = BYTES | TEXTS
# How often each is drawn, beside once.
OF_BYTES = ["flip_bit", "flip_bit", *BYTES]
OF_TEXTS = ["edit_number", "edit_number", "edit_name", "quote_thousands", *TEXTS]


def mutate_member(rng: Rng, data: bytes) -> tuple[str, bytes]:
    """A zip archive, sound in itself, with one member changed, gone or exchanged."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = list(members)
    name = names[int(rng.integers(len(names)))]
    how = int(rng.integers(10))
    if how == 0:
        other = names[int(rng.integers(len(names)))]
        members[name], members[other] = members[other], members[name]
        told = f"swap_members {name} {other}"
    elif how == 1:
        del members[name]
        told = f"delete_member {name}"
    else:
        inner, members[name] = mutate_bytes(rng, members[name], name)
        told = f"{name}: {inner}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return told, packed.getvalue()


def mutate_bytes(rng: Rng, data: bytes, name: str) -> tuple[str, bytes]:
    """What was done to the content of a file, and what it is then."""
    inside = rng.random() < 0.5
    if inside and data.startswith(b"PK\x03\x04"):
        return mutate_member(rng, data)
    if inside and Path(name).suffix in forms.COMPRESSED:
        library = forms.COMPRESSED[Path(name).suffix]
        told, content = mutate_bytes(rng, library.decompress(data), "")
        return f"inside: {told}", library.compress(content)
    text = b"\x00" not in data[:2000]
    every = OF_BYTES + (OF_TEXTS * 2 if text else [])
    told = every[int(rng.integers(len(every)))] if data else "append_bytes"
    return told, MUTATIONS[told](rng, data)


def mutate(
    rng: Rng, folder: Path, names: Sequence[str], ways: Ways | None = None
) -> str:
    """Change one file of a folder, in one of the ``ways`` if there are any; of several,
    perhaps exchange or remove it."""
    name = names[int(rng.integers(len(names)))]
    path = folder / name
    if ways:
        told = [*ways][int(rng.integers(len(ways)))]
        if (way := ways[told]) is None:
            path.unlink()
        else:
            path.write_bytes(way(rng, path.read_bytes()))
        return f"{name}: {told}"
    if len(names) > 1 and (how := rng.random()) < 0.15:
        other = folder / names[int(rng.integers(len(names)))]
        if how < 0.05 or other == path:
            path.unlink()
            return f"{name}: removed"
        aside = path.read_bytes()
        path.write_bytes(other.read_bytes())
        other.write_bytes(aside)
        return f"{name}: exchanged with {other.relative_to(folder)}"
    told, content = mutate_bytes(rng, path.read_bytes(), name)
    path.write_bytes(content)
    return f"{name}: {told}"


# ---------------------------------------------------------------------------- inputs


@dataclass(frozen=True)
class Input:
    """A valid input: how it is written and read, and which other results may pass.

    ``judge(true, found)`` gives the kind of ``KINDS``, or None for a wrong result.
    ``holds`` is what the input undamaged must give, where that is known, ``ways`` are
    the mutations of it, of ``files`` that have this ending, in place of all.
    """

    reader: str
    name: str
    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    judge: Callable[[Any, Any], str | None] = lambda true, found: None
    holds: Any = None
    ways: Ways = field(default_factory=dict)
    files: str = ""


class _Kept:
    """In place of the writer of a store: keeps the tables of an import."""

    tables: list[WorldTable] = []

    def __init__(self, *_: Any, **__: Any) -> None:
        _Kept.tables = []

    def write(self, table: WorldTable) -> None:
        _Kept.tables.append(table)

    def finish(self, *_: Any, **__: Any) -> None: ...
    def discard(self) -> None: ...


def import_in_memory(source: str, folder: Path) -> list[WorldTable]:
    """What ``tivax import SOURCE FOLDER`` would write, with all its checks."""
    usual = importing.StoreWriter
    importing.StoreWriter = _Kept  # pyright: ignore[reportAttributeAccessIssue]
    try:
        importing.import_tables(source, [folder], folder.parent / "store")
    finally:
        importing.StoreWriter = usual
    return _Kept.tables


LABELS = ("regions", "sectors", "categories")
NUMBERS_OF = ("Z", "Y", "x", "value_added")
# Sources that hold output apart from the sales that add up to it.
WITH_OUTPUT = (
    "wiod2013", "wiod2016", "wiod2016-pyp", "lrwiod", "oecd", "adb", "exiobase",
    "pymrio", "mario", "arrays",
)  # fmt: skip
# Sources of files that hold a name of a region, a sector or a category once.
NAMES_ONCE = ("wiod2016", "wiod2016-pyp", "arrays", "eora", "emerging", "icio")


COMPARED: dict[type, tuple[str, ...]] = {
    WorldTable: ("year", "edition", *LABELS, *NUMBERS_OF),
    WorldTables: (
        *("years", "unit", "source", "parents", "tolerance", *LABELS, *NUMBERS_OF),
    ),
}


def equal(true: Any, found: Any) -> bool:
    if true is None or found is None:
        return true is found
    if isinstance(true, WorldTable):
        found = in_order(found, true)
    if type(true) in COMPARED:
        names = COMPARED[type(true)]
        return all(equal(getattr(true, k), getattr(found, k)) for k in names)
    if isinstance(true, list | tuple):
        return len(true) == len(found) and all(map(equal, true, found))
    if isinstance(true, pd.DataFrame):
        return true.equals(found)
    if isinstance(true, np.ndarray):
        return np.array_equal(true, found)
    return true == found


def in_order(table: WorldTable, like: WorldTable) -> WorldTable:
    """The table with its labels in the order of another, if they are the same.

    The order of a long file is that of its first lines.
    """
    if any(sorted(getattr(table, k)) != sorted(getattr(like, k)) for k in LABELS):
        return table
    r, s, f = ([getattr(table, k).index(x) for x in getattr(like, k)] for k in LABELS)
    at = np.add.outer(np.array(r) * len(s), s).ravel()
    added = table.value_added
    return replace(
        table,
        regions=like.regions,
        sectors=like.sectors,
        categories=like.categories,
        Z=table.Z[np.ix_(at, at)],
        Y=table.Y[at][:, r][:, :, f],
        x=table.x[at],
        value_added=None if added is None else added[at],
    )


def judge_tables(
    source: str, once: bool, true: list[WorldTable], found: list[WorldTable]
) -> str | None:
    years = {table.year: table for table in true}
    if len(true) > len(found) and all(
        table.year in years and equal(table, years[table.year]) for table in found
    ):
        return "part left out" if found else None
    if len(true) != len(found):
        return None
    kinds = [
        judge_table(source, once, a, in_order(b, a))
        for a, b in zip(true, found, strict=True)
        if not equal(a, b)
    ]
    return None if None in kinds else next(iter(kinds), None)


def judge_table(source: str, once: bool, a: WorldTable, b: WorldTable) -> str | None:
    """The kind of a difference between two tables of one year, of one thing only."""
    if a.value_added is not None and b.value_added is None:
        without = replace(a, value_added=None)
        return "part left out" if equal(without, b) else None
    labels = [name for name in LABELS if getattr(a, name) != getattr(b, name)]
    shapes = {k: np.shape(getattr(a, k)) for k in NUMBERS_OF}
    if source == "icio" and equal((a.year, a.Z), (b.year, b.Z)):
        return "list of names" if a.Y.size == b.Y.size else None
    if a.year != b.year or shapes != {k: np.shape(getattr(b, k)) for k in NUMBERS_OF}:
        return None
    numbers = [k for k in NUMBERS_OF if not equal(getattr(a, k), getattr(b, k))]
    if labels and not numbers and a.edition == b.edition and len(labels) == 1:
        before, after = (getattr(k, labels[0]) for k in (a, b))
        changed = sum(p != q for p, q in zip(before, after, strict=True))
        if labels == ["categories"] and after[0] == "F1":
            return "part left out" if source == "arrays" else None
        # Parquet holds a category of final demand once, in its dictionary, unlike regions
        # and sectors, which are names of sellers and of buyers.
        once |= source == "long" and labels == ["categories"]
        return "label held once" if once and changed == 1 else None
    if labels:
        lists = [sorted(getattr(k, name) for name in labels) for k in (a, b)]
        return "label held once" if once and lists[0] == lists[1] else None
    if a.edition != b.edition:
        return None if numbers else "edition"
    if numbers == ["value_added"]:
        return "value added"
    sales = b.Z.sum(axis=1) + b.Y.sum(axis=(1, 2))
    allowed = get_source(source).tolerance.allowed(b.x)
    # An industry's inputs and value added go to its products by what it makes of each.
    moved = "value_added" in numbers and source != "gloria"
    if moved or not (np.abs(sales - b.x) <= allowed).all():
        return None
    return "cells that balance" if source in WITH_OUTPUT else "sum of the row"


def tables_input(
    source: str, name: str, write: Callable[[Path], Any], once: bool = False
) -> Input:
    judge = partial(judge_tables, source, once)
    return Input(source, name, write, partial(import_in_memory, source), judge)


def judge_frames(true: pd.DataFrame, found: pd.DataFrame) -> str | None:
    """Of country-year files: what has changed, in at most half of the countries.

    Columns that have moved change all of them: that must be noticed.
    """
    if list(true.columns) != list(found.columns):
        return None
    there = set(map(str, true.to_records(index=False)))
    strange = [str(k) not in there for k in found.to_records(index=False)]
    if 2 * found[strange]["code"].nunique() > true["code"].nunique():
        return None
    same = true[["code", "year"]].equals(found[["code", "year"]])
    return "country-year number" if same else "country-year rows"


def frames_input(form: forms.PanelForm) -> Input:
    def read_one(folder: Path) -> pd.DataFrame:
        (path,) = (k for k in folder.iterdir() if k.is_file())
        return form.read(path, form.series)

    return Input(form.source, form.name, form.write, read_one, judge_frames)


def text_input(reader: str, name: str, text: str, read: Callable[[Path], Any]) -> Input:
    return Input(
        reader,
        name,
        lambda folder: (folder / name).write_text(text),
        lambda folder: read(folder / name),
        lambda true, found: "own text",
    )


# --------------------------------------------------------------------- the inputs


def two_lists(folder: Path) -> None:
    for year in (1995, 2000):
        forms.wiod2013_list(folder, year)


def unpacked(write: Callable[[Path], Any]) -> Callable[[Path], None]:
    """R files without compression."""

    def write_plain(folder: Path) -> None:
        write(folder)
        for path in folder.iterdir():
            data = path.read_bytes()
            packed = bz2 if data.startswith(b"BZh") else gzip
            path.write_bytes(packed.decompress(data))

    return write_plain


def packed(write: Callable[[Path], Any], name: str) -> Callable[[Path], None]:
    """The same files in a zip archive."""

    def write_zip(folder: Path) -> None:
        (folder / "raw").mkdir()
        write(folder / "raw")
        forms.pack(folder / name, folder / "raw")

    return write_zip


def small_world() -> WorldTables:
    return stack_years(
        [sf.small_table(year, ("a", "b")) for year in (2000, 2001, 2002)]
    )


def account_frame() -> pd.DataFrame:
    world = small_world()
    names = ["year", "region", "sector"]
    cells = pd.MultiIndex.from_product([getattr(world, f"{k}s") for k in names])
    frame = cells.set_names(names).to_frame(index=False)
    return frame.assign(jobs=np.arange(len(frame)) + 1.0, unit="persons")


def account_input(suffix: str) -> Input:
    def write(folder: Path) -> None:
        path = folder / f"jobs{suffix}"
        if suffix == ".csv":
            account_frame().to_csv(path, index=False)
        else:
            account_frame().to_parquet(path)

    def read(folder: Path) -> tuple:
        account = read_satellites(folder / f"jobs{suffix}")[0]
        values = align(account, small_world())
        return str(account.name), account.attrs["units"], values.tolist()

    def judge(true: tuple, found: tuple) -> str | None:
        same = np.shape(true[2]) == np.shape(found[2])
        finite = bool(np.isfinite(found[2]).all())
        return "account" if same and finite else None

    return Input("satellite", f"jobs{suffix}", write, read, judge)


RUN_FILE = """panel = "panel.csv"
seed = 7
draws = 1_000
[scheme]
kind = "wild"
weights = "webb"
null = true
[[model]]
name = "iv"
outcome = "y"
regressors = ["a", "x", "b"]
endogenous = "x"
instruments = ["L.x", "z"]
entity = "firm"
time = "week"
clusters = "town"
"""
STUDY = "panels = 20\ndraws = 99\nseed = 3\n"
DATA_FILE = """[kof]
edition = "2018"
[wgi]
fill_2001 = "linear"
[recipe]
codes = "fixed"
drop = ["LUX", "MLT"]
years = "2000:2003"
[alternatives]
kof = ["KOF_Data_2018.dta"]
"""


def data_input() -> Input:
    def write(folder: Path) -> None:
        pf.write_panel_files(folder, ["AUT", "ROU"])
        (folder / "data.toml").write_text(DATA_FILE)

    def told(folder: Path) -> dict[str, str]:
        files = vars(read_data_files(folder))
        return {k: str(v).replace(str(folder), "") for k, v in files.items()}

    judge = lambda true, found: "own text"  # noqa: E731
    return Input("data.toml", "data.toml", write, told, judge, files="data.toml")


STORE = Input(
    "store",
    "store",
    lambda folder: save_store(small_world(), folder / "store"),
    lambda folder: open_store(folder / "store"),
)


# ------------------------------------------------------- what tivax itself has written


PARTS = (Part(9_000, 2, block=4_096), Part(5_000, 2, block=4_096))
IDENTITY = {"seed": 1, "models": ["m", "n"]}


class Stopped(Exception):
    """What ends a run half way."""


def rows(start: int, stop: int) -> np.ndarray:
    return np.arange(2.0 * start, 2.0 * stop).reshape(-1, 2)


def stop_a_run(folder: Path) -> None:
    job = Job(folder / "out", "bootstrap", IDENTITY, PARTS)
    with suppress(Stopped), job.resumed(lambda line: None):
        for part in job.parts:
            part.append(rows(0, 4_096))
            part.append(rows(4_096, 5_000))
        raise Stopped


def go_on(folder: Path) -> np.ndarray:
    """The rows of the run that goes on."""
    job = Job(folder / "out", "bootstrap", IDENTITY, PARTS)
    with job.resumed(lambda line: None):
        job.fill(lambda k, start: iter([rows(start, PARTS[k].rows)]))
        return np.concatenate([k for part in job.parts for k in part.windows()])


def several_processes(folder: Path) -> list[list[np.ndarray]]:
    """The years that two jobs make, or have kept in the folder."""
    job = Job(folder / "out", "tbi", IDENTITY)
    job.folder.mkdir(exist_ok=True)

    def made(years: Sequence[int]) -> Iterator[list[np.ndarray]]:
        return ([np.full(3, float(k)), np.arange(k + 2.0)] for k in years)

    return [
        part
        for k in range(2)
        for part in job.keeper.under(k).divided(["2000", "2001"], made)
    ]


def panel_input(suffix: str) -> Input:
    model = Model("m", "y", ("x",), time="", entity="iso3")

    def write(folder: Path) -> None:
        rng = np.random.default_rng(2)
        rows = [(f"C{k}", year) for k in range(6) for year in range(2000, 2006)]
        frame = pd.DataFrame(rows, columns=["iso3", "year"])
        frame = frame.assign(**dict(zip("xy", rng.random((2, len(rows))), strict=True)))
        path = folder / f"panel.{suffix}"
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
        write_manifest(folder, "panel", [path.name], "panel.manifest.json")

    def read(folder: Path) -> np.ndarray:
        return LinearFit.to_draw(
            read_with_lags(folder / f"panel.{suffix}", [model]), model
        ).coef

    return Input("panel", f"panel.{suffix}", write, read)


def write_manifest(
    folder: Path, command: str, names: Sequence[str], manifest: str, **more: Any
) -> None:
    content = Run(command, argv=["tivax", command, "--out", "out"]).manifest(
        residual_max=None, outputs=names, files=describe_outputs(folder, names), **more
    )
    (folder / manifest).write_text(json.dumps(content))


def write_explored(folder: Path) -> None:
    write_frame(tbi_frame(), folder, "tbi", "csv")
    write_frame(absorbed_frame(), folder, "va_absorbed", "parquet")
    write_manifest(
        folder,
        "tbi",
        ["tbi.csv", "va_absorbed.parquet"],
        "manifest.json",
        value_added="residual",
        value_added_unit="million US$",
    )


def explored(folder: Path) -> dict[str, str]:
    """What a page of a result shows; whether there is a manifest is said on it."""
    found = collect_results(result_folders([folder]))
    shown = {
        k.code: f"{k.code} {k.meaning} {k.signed} {k.values.tolist()}"
        for k in found.measures
    }
    return {**shown, "": f"{found.years} {found.regions} {found.unrecorded}"}


def judge_explored(true: dict[str, str], found: dict[str, str]) -> str | None:
    """Without a manifest there are no units, and the page says that nothing vouches."""
    return "no manifest" if found[""].endswith("('work',)") else None


def write_packed(folder: Path) -> None:
    files = {"data/run.toml": "seed = 1\n", "data/panel.csv": "iso3,year\nAUT,2000\n"}
    write_files(folder, files)
    write_files(folder / "out", {"a.csv": "x\n1\n", "figures/a.svg": "<svg/>"})
    run = Run("bootstrap", argv=["tivax", "bootstrap", "data/run.toml", "--out", "out"])
    here = Path.cwd()
    os.chdir(folder)
    try:
        run.inputs = [Path(name) for name in files]
        run.write_manifest(folder / "out", residual_max=None)
    finally:
        os.chdir(here)


def unpacked_again(folder: Path) -> dict[str, Any]:
    """What a package holds."""
    package(folder / "out", folder / "p.zip", force=True)
    with zipfile.ZipFile(folder / "p.zip") as archive:
        found: dict[str, Any] = {k: archive.read(k) for k in archive.namelist()}
    (folder / "p.zip").unlink()
    # Other ends of lines say the same, and have another checksum.
    del found["SHA256SUMS"]
    manifest = "results/out/manifest.json"
    *told, (_, _digest) = json.loads(found[manifest]).items()
    return {**found, manifest: told}


def as_dict(read: Callable[[Path], Any]) -> Callable[[Path], str]:
    """Where a result has the path of its file in it."""
    return lambda path: str(vars(read(path))).replace(str(path.parent), "")


# ------------------------------------- codes with zeros, other orders, empty sectors


CODES = ("01", "10.10", "1")
QUOTED = {"quote_thousands": quote_thousands}


def coded_world() -> WorldTable:
    names = {"regions": ("AUS", "007", "ROW"), "sectors": CODES}
    return replace(sf.small_table(2000, ("02", "3"), **names), value_added=None)


def coded_long(suffix: str) -> Input:
    def write(folder: Path) -> None:
        path, frame = folder / f"flows.{suffix}", forms.long_frame(coded_world())
        getattr(frame, f"to_{suffix.replace('xlsx', 'excel')}")(path, index=False)

    # The dictionary of a column of parquet holds each label once.
    once = suffix == "parquet"
    one = tables_input("long", f"codes, {suffix}", write, once=once)
    return replace(one, holds=[coded_world()])


def coded_icio() -> Input:
    """With its lists, and numbers that all have a separator of thousands."""
    world = coded_world()
    large = {k: 1e3 * getattr(world, k) for k in ("Z", "Y", "x")}
    world = replace(world, **large, categories=("02", "3"))

    def write(folder: Path) -> None:
        lf.write_icio(folder, world)
        for what in ("sectors", "categories"):
            name = {"sectors": "sectorlist", "categories": "uselist"}[what]
            lf.write_lines(folder / f"EM_{name}.csv", getattr(world, what))

    one = tables_input("icio", "codes", write, once=True)
    return replace(one, holds=[world])


def coded_text(reader: str, name: str, lines: str, read: Any, holds: Any) -> Input:
    return replace(text_input(reader, name, lines, read), holds=holds)


def read_codes(path: Path) -> dict[str, str]:
    return read_concordance(path).new


def account_codes(path: Path) -> list[str]:
    return read_satellites(path)[0]["sector"].to_numpy().tolist()


def empty_sector() -> Input:
    """A sector without sales and purchases changes no index."""

    def index(folder: Path) -> list[str]:
        tables = from_long(pd.read_csv(folder / "flows.csv", dtype={"sector": str}))
        found = trade_benefit_index(tables).data.to_array().to_numpy()
        return [f"{k:.9g}" for k in np.where(np.abs(found) < 1e-9, 0, found).ravel()]

    def write(folder: Path) -> None:
        forms.long_file(folder, "csv")

    return Input("empty", "long csv", write, index, ways={"add": add_empty_sector})


ESTIMATES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "effects": lambda d: fit("y ~ x + z | iso3 + year", d, vcov="CV3"),
    "in space": lambda d: fit("y ~ log(x) | iso3 + year", d, vcov=Conley(1000)),
    "two stages": lambda d: fit("y ~ z | iso3 + year | x ~ w", d),
    "factors": lambda d: interactive_effects(
        d, "y", ["x"], factors=1, entity="iso3", time="year"
    ),
    "slopes": lambda d: country_slopes(d, "y", ["x"], entity="iso3", time="year"),
    "movers": lambda d: movers(d, "y", "x", entity="iso3", time="year"),
    "imputation": lambda d: imputation(
        d.assign(p=1.0 * ((d["iso3"] < "C2") & (d["year"] > 2003))),
        "y",
        "p",
        controls=["x"],
        draws=99,
        entity="iso3",
        time="year",
    ),
    "projections": lambda d: local_projections(
        d, "y", "x", horizons=1, entity="iso3", time="year"
    ),
    "weights": lambda d: two_way_weights(d, "y", "x", entity="iso3", time="year"),
    "dependence": lambda d: cross_section_dependence(
        d, d["y"], ["x"], draws=99, entity="iso3", time="year"
    ),
    "wild": lambda d: resample(d, ORDERED, Wild(), draws=99).summary,
    "placebo": lambda d: resample(d, ORDERED, Placebo(), draws=99).summary,
}
ORDERED = Model("m", "y", ("x", "z"), entity="iso3", time="year")
INDEXED: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "numbers": lambda d: d,
    "countries": lambda d: d.set_index("iso3", drop=False),
    "both": lambda d: d.set_index(["iso3", "year"], drop=False),
}


def numbers_of(result: Any) -> list[np.ndarray]:
    """The numbers of a result, but for its pace; rounding, of sums in another order, is
    0."""
    if isinstance(result, pd.DataFrame):
        numbers = result.select_dtypes("number").drop(
            columns="draws_per_s", errors="ignore"
        )
        found = [numbers[k].to_numpy(float, na_value=np.nan) for k in numbers]
    else:
        found = [v for v in vars(result).values() if isinstance(v, float | np.ndarray)]
        tables = [v for v in vars(result).values() if isinstance(v, pd.DataFrame)]
        found += [k for table in tables for k in numbers_of(table)]
    return [np.where(np.abs(k) < 1e-9, 0.0, k) for k in found]


def shuffled_panel(name: str, index: str) -> Input:
    """Rows in another order, and labels of any kind, give the same estimate."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(4)
        codes = "AUT BEL BGR CZE DEU ESP FIN FRA".split()
        cells = [(code, year) for code in codes for year in range(2000, 2008)]
        frame = pd.DataFrame(cells, columns=["iso3", "year"])
        columns = dict(zip("yxzw", rng.normal(size=(4, len(cells))), strict=True))
        frame.assign(**columns).to_csv(folder / "panel.csv", index=False)

    def read(folder: Path) -> list[list[str]]:
        frame = INDEXED[index](pd.read_csv(folder / "panel.csv"))
        found = numbers_of(ESTIMATES[name](frame))
        return sorted([f"{k:.9g}" for k in np.sort(v, axis=None)] for v in found)

    return Input("orders", f"{name}, {index}", write, read, ways={"shuffle": shuffle})


def shuffled_shares() -> Input:
    """Shares go by the index; those of other rows are refused."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(5)
        W, rows = rng.dirichlet(np.ones(8), 60), [f"r{k}" for k in range(60)]
        x = W @ rng.normal(size=8)
        data = pd.DataFrame({"x": x, "y": x + rng.normal(size=60)}, rows)
        data.to_csv(folder / "data.csv")
        pd.DataFrame(W, rows).to_csv(folder / "shares.csv")

    def read(folder: Path) -> list[str]:
        data, shares = (
            pd.read_csv(folder / f"{k}.csv", index_col=0) for k in ("data", "shares")
        )
        found = shift_share(data, "y", "x", shares=shares)
        return [f"{k:.9g}" for v in numbers_of(found.table) for k in v]

    lines = {k: TEXTS[k] for k in ("delete_line", "repeat_line")}
    ways = {"shuffle": shuffle, **lines}
    return Input("orders", "shares", write, read, ways=ways)


def national_pieces() -> Input:
    """A recipe's files, each removed or cut; the truth is known to the same recipe."""

    def read(folder: Path) -> list[np.ndarray]:
        tables = from_national(folder / "n" / "recipe.toml")
        return [np.asarray(k[:]) for k in (tables.Z, tables.Y, tables.x)]

    def write(folder: Path) -> None:
        write_national_example(folder / "n")

    ways: Ways = {"remove": None, "empty": BYTES["empty"], "header": only_header}
    return Input("national", "recipe", write, read, ways=ways)


R_FRAME = partial(forms.wiod2016_frame, suffix=".RData")
INPUTS = [
    tables_input("wiod2013", "RData, bzip2", two_lists, once=True),
    tables_input("wiod2013", "RData, not packed", unpacked(two_lists), once=True),
    tables_input("wiod2016", "RData, not packed", unpacked(R_FRAME), once=True),
    *(
        tables_input(one.source, one.name, one.write, one.source in NAMES_ONCE)
        for one in forms.TABLE_FORMS
        if (one.source, one.name) != ("wiod2013", "RData")
    ),
    tables_input("lrwiod", "zip", packed(forms.lrwiod_csv, "lr_wiod_wiot_final_filled.zip")),
    tables_input("oecd", "zip", packed(partial(forms.oecd_csv, edition="2025", extended=True, name="2018.csv"), "ICIO.zip")),
    tables_input("pymrio", "zip", packed(partial(forms.pymrio_folder, suffix="txt"), "mrio_2011.zip")),
    tables_input("exiobase", "zip", packed(forms.exiobase_folder, "IOT_2011_ixi.zip")),
    *(frames_input(one) for one in forms.PANEL_FORMS),
    account_input(".csv"),
    account_input(".parquet"),
    text_input(
        "groups", "own.toml", 'EU = ["AUT", "BEL"]\nNA = ["USA", "CAN"]\n', read_groups
    ),
    text_input(
        "concordance", "c.toml", 'A = ["c1", "c2"]\nB = ["c3"]\n', as_dict(read_concordance)
    ),
    text_input(
        "concordance", "c.csv", "from,to\nc1,A\nc2,A\nc3,B\n", as_dict(read_concordance)
    ),
    text_input("run file", "run.toml", RUN_FILE, as_dict(read_run_file)),
    text_input("run file", "study.toml", STUDY, as_dict(read_study)),
    data_input(),
    *[STORE] * 4,
    Input("checkpoint", "draws", stop_a_run, go_on),
    Input("checkpoint", "years", several_processes, several_processes),
    panel_input("csv"),
    panel_input("parquet"),
    Input("explore", "tbi", write_explored, explored, judge_explored),
    Input("package", "bootstrap", write_packed, unpacked_again),
    *(coded_long(suffix) for suffix in ("csv", "parquet", "xlsx")),
    coded_icio(),
    replace(coded_icio(), ways=QUOTED, files="2000.csv"),
    coded_text("concordance", "codes.csv", "from,to\n01,A\n1,A\n10.10,007\n", read_codes, {"01": "A", "1": "A", "10.10": "007"}),
    coded_text("satellite", "codes.csv", "year,region,sector,jobs\n2000,007,01,1\n2000,007,1,2\n2000,007,10.10,3\n", account_codes, ["01", "1", "10.10"]),
    empty_sector(),
    shuffled_shares(),
    *map(shuffled_panel, ESTIMATES, cycle(INDEXED)),
    national_pieces(),
]  # fmt: skip


# ------------------------------------------------------------------------ one case


class Bench:
    """The valid inputs, written once, and what they hold."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._true: dict[int, Any] = {}

    def case(self, seed: int, k: int) -> dict[str, Any]:
        """Damage an input, read it, and say what came of it."""
        which = k % len(INPUTS)
        one = INPUTS[which]
        base, work = self._folder / f"base{which}", self._folder / "work"
        if which not in self._true:
            base.mkdir()
            one.write(base)
            # Of a copy: a run that goes on takes away what was kept.
            self._true[which] = one.read(_copy(base, work))
            if one.holds is not None and not equal(one.holds, self._true[which]):
                raise AssertionError(f"{one.reader}, {one.name} undamaged is misread")
        _copy(base, work)
        names = sorted(
            path.relative_to(work).as_posix()
            for path in work.rglob("*")
            if path.is_file() and path.name.endswith(one.files)
        )
        done = mutate(np.random.default_rng([seed, k]), work, names, one.ways)
        told = {"case": k, "reader": one.reader, "input": one.name, "did": done}
        before, start = _memory(), time.perf_counter()
        outcome, detail = self._read(one, work, self._true[which])
        seconds, grown = time.perf_counter() - start, _memory() - before
        if outcome != "violation" and (seconds > SECONDS or grown > MEGABYTES):
            outcome, detail = "violation", f"{seconds:.1f} s, {grown:,.0f} MB more"
        return {**told, "outcome": outcome, "detail": detail, "seconds": seconds}

    def _read(self, one: Input, work: Path, true: Any) -> tuple[str, str]:
        try:
            found = one.read(work)
        except TivaxError as error:
            line = str(error)
            bad = len(line) > 2100 or not line.isprintable() or not line.strip()
            return ("violation" if bad else "refused"), line
        except BaseException:
            return "violation", traceback.format_exc()
        try:
            if equal(true, found):
                return "equal", ""
            kind = one.judge(true, found)
        except Exception:
            return "violation", traceback.format_exc()
        if kind is None:
            return "violation", f"another result: {_short(found)}"
        return "undetectable", kind


def _copy(base: Path, work: Path) -> Path:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    return work


def _short(found: Any) -> str:
    if isinstance(found, list):
        found = [vars(k) if isinstance(k, WorldTable) else k for k in found]
    return str(found)[:2000]


def _memory() -> float:
    """The most this process had until now, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ------------------------------------------------------------------------- processes


def work(seed: int, cases: Sequence[int]) -> None:
    """Print a line of JSON for each case."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    logging.disable()
    set_max_size(0.25)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for k in cases:
            signal.alarm(3 * SECONDS)  # which ends the process, whatever it is at
            print(json.dumps({"case": k}), flush=True)
            print(json.dumps(bench.case(seed, k)), flush=True)


def run(seed: int, count: int) -> list[dict[str, Any]]:
    """All cases, in a process that is replaced where it hangs or dies."""
    found: list[dict[str, Any]] = []
    first = 0
    while first < count:
        lines, died = _run_process(seed, first, count)
        found += [line for line in lines if "outcome" in line]
        if not lines:
            raise SystemExit(f"no input could be tried: {died}")
        first = int(lines[-1]["case"]) + 1
        if died:
            one = INPUTS[(first - 1) % len(INPUTS)]
            told = {"case": first - 1, "reader": one.reader, "input": one.name}
            found.append({**told, "did": "", "outcome": "violation", "detail": died})
    return found


def _run_process(seed: int, first: int, count: int) -> tuple[list[dict[str, Any]], str]:
    """What it told of the cases, and how it died."""
    of = ["--work", f"{first}:{count}", "--seed", str(seed)]
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, __file__, *of],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):  # not cut by its death
                lines.append(json.loads(line))
            _show(lines, count)
        code = process.wait()
        errors.seek(0)
        said = errors.read()[-2000:]
    if code == -signal.SIGALRM:
        return lines, f"took more than {3 * SECONDS} s"
    return lines, f"the process died ({code}): {said}" if code else ""


def _show(lines: list[dict[str, Any]], count: int) -> None:
    if sys.stderr.isatty() and lines:
        done = lines[-1]["case"] + 1
        print(f"\r{done} of {count}", end="\r", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------- report


def report(seed: int, found: Sequence[Mapping[str, Any]]) -> int:
    """Print the table, the kinds and the violations; 1 where there is one."""
    outcomes = ("refused", "equal", "undetectable", "violation")
    counts = Counter((case["reader"], case["outcome"]) for case in found)
    counts.update(("all", case["outcome"]) for case in found)
    print(f"{'reader':<12}" + "".join(f"{outcome:>14}" for outcome in outcomes))
    for reader in dict.fromkeys([*(one.reader for one in INPUTS), "all"]):
        row = "".join(f"{counts[reader, outcome]:>14}" for outcome in outcomes)
        print(f"{reader:<12}{row}")
    kinds = Counter(c["detail"] for c in found if c["outcome"] == "undetectable")
    for kind, count in kinds.most_common():
        print(f"undetectable, {count}: {kind}: {KINDS[kind]}")
    bad = [case for case in found if case["outcome"] == "violation"]
    for case in bad:
        print(f"\nscripts/fuzz --case {case['case']} --seed {seed}")
        print(f"{case['reader']}, {case['input']}: {case['did']}\n{case['detail']}")
    slowest = max((case.get("seconds", 0.0) for case in found), default=0.0)
    print(f"seed {seed}, {len(found)} inputs, slowest {slowest:.1f} s")
    return 1 if bad or len(found) == 0 else 0


def main() -> int:
    words = argparse.ArgumentParser(prog="scripts/fuzz")
    words.add_argument("count", nargs="?", type=int, default=5000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--case", type=int, help="one case, in this process")
    words.add_argument("--work", help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.work:
        first, last = map(int, given.work.split(":"))
        work(given.seed, range(first, last))
        return 0
    if given.case is not None:
        with tempfile.TemporaryDirectory() as folder:
            set_max_size(0.25)
            told = Bench(Path(folder)).case(given.seed, given.case)
        for name, value in told.items():
            print(f"{name}: {value}")
        return told["outcome"] == "violation"
    return report(given.seed, run(given.seed, given.count))


if __name__ == "__main__":
    raise SystemExit(main())
