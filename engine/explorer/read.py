"""Tables of a result folder, in any format that tivax writes, and its manifest."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from ..core import (
    GIB,
    MANIFEST,
    Format,
    TivaxError,
    columns_of,
    files_of,
    machine_memory,
    output_of,
    programs,
    read_manifest,
    require_as_written,
    unescape_formula,
)
from ..files import TableFile, checked_workbook
from ..measures import EVERY_PARTNER, EVERY_SECTOR

# Texts even where all of them look like numbers.
LABELS = tuple(
    "account region sector partner origin absorber exporter importer iso3 country "
    "indicator term measure factor variant model outcome flag note".split()
)
# Numbers that name a row, beside the year.
NUMBERED = ("start", "end", "table", "column", "rank", "round")
_APART = ("labels", "codebook", "draws")


def find_tables(folder: Path, command: str) -> dict[str, tuple[str, Path]]:
    """The tables that outputs.toml describes, by name without suffix, each with the
    command that writes it.

    Of a folder without a manifest, which names no command, it is the first that writes
    a file of that very name.
    """
    found: dict[str, tuple[str, Path]] = {}
    known = [command] if command in programs() else [*programs()]
    for path in sorted((*folder.glob("*.*"), *folder.glob("results/*.*"))):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if path.suffix[1:] not in get_args(Format) or name in _APART:
            continue
        writers = (k for k in known if _writes(k, name, guessed=known != [command]))
        if writer := next(writers, None):
            found.setdefault(name, (writer, path))
    return dict(sorted(found.items(), key=lambda k: _place(k[0], k[1][0])))


def _writes(command: str, name: str, *, guessed: bool = False) -> bool:
    """True for a table; where the command is ``guessed``, under that very name."""
    pattern, output = output_of(command, name) or ("", None)
    return bool(output and output.columns) and (not guessed or pattern == name)


def _place(name: str, command: str) -> int:
    """Tables come in the order of their description."""
    pattern, _ = output_of(command, name) or ("", None)
    return [*programs()].index(command) * 1000 + [*files_of(command)].index(pattern)


def required_columns(command: str, name: str) -> list[str]:
    """Labels of rows that the table always has, and its value where it has one."""
    found = output_of(command, name)
    needed = {"year", "value", "value_added", *LABELS} - {"flag", "note"}
    return [k for k in (found[1].columns if found else ()) if k in needed]


def read_table(path: Path, needed: Sequence[str], command: str = "tbi") -> pd.DataFrame:
    """A table of results: ``year`` as whole numbers, labels as texts, all else float64.

    Raises
    ------
    TivaxError
        The file cannot be read, a column of ``needed`` is not there, or one with a unit
        holds something else than numbers.
    """
    try:
        frame = _read(path)
    except TivaxError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TivaxError(f"{path}: cannot be read: {reason}") from None
    for name in needed:
        if name not in frame:
            raise TivaxError(
                f"{path}: no column {name}; give a folder as tivax wrote it"
            )
    known = columns_of(command)
    numeric = {*map(str, frame.select_dtypes("number"))}
    for name in map(str, frame):
        counted = name in ("year", "value") or (name in known and known[name].unit)
        if counted and name not in numeric and not frame[name].isna().all():
            raise TivaxError(
                f"{path}: column {name} holds something else than numbers; give a "
                "folder as tivax wrote it"
            )
    if "year" in frame and frame["year"].isna().any():
        raise TivaxError(f"{path}: a row without a year")
    found: dict[str, pd.Series] = {}
    for name in map(str, frame):
        if name in ("year", *NUMBERED) and name in numeric:
            found[name] = frame[name].astype("Int64" if name != "year" else "int64")
        elif name in LABELS or name not in numeric:
            found[name] = frame[name].fillna("").astype(str)
        else:
            found[name] = frame[name].astype("float64")
    return pd.DataFrame(found).reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    match path.suffix:
        case ".parquet":
            # Row groups of single sectors with single partners are never read.
            together = [
                [("sector", "==", EVERY_SECTOR)],
                [("partner", "==", EVERY_PARTNER)],
            ]
            both = {"sector", "partner", "indicator"} <= {*pq.read_schema(path).names}
            return pq.read_table(path, filters=together if both else None).to_pandas()
        case ".dta":
            return pd.read_stata(path)
        case ".xlsx":
            book = checked_workbook(TableFile(path))
            return pd.read_excel(
                book, engine="calamine", keep_default_na=False, na_values=[""]
            )
    # Numbers to the last digit in any version of pandas; labels are texts, also NA.
    texts = csv.ConvertOptions(column_types=dict.fromkeys(LABELS, pa.string()))
    frame = csv.read_csv(path, convert_options=texts).to_pandas()
    for name in set(LABELS) & set(frame):
        frame[name] = frame[name].map(unescape_formula)
    return frame


def sector_titles(folder: Path) -> dict[str, str]:
    """Names of sectors by their codes, of the table of labels; nothing without one."""
    for suffix in get_args(Format):
        if (path := folder / f"labels.{suffix}").is_file():
            with suppress(TivaxError, KeyError):
                frame = read_table(path, ["code", "kind", "title"])
                rows = frame[frame["kind"] == "sector"]
                return dict(zip(rows["code"], rows["title"], strict=True))
    return {}


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest, which tells units; nothing where there is none.

    Raises ``TivaxError`` for one that is damaged.
    """
    path = folder / MANIFEST
    return read_manifest(path, _units_of) if path.exists() else {}


def _units_of(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest.get("units", {})}


def require_recorded(
    folder: Path, manifest: Mapping[str, Any], tables: Iterable[Path]
) -> None:
    """Raise ``TivaxError`` for a table whose units another manifest would tell.

    Older manifests do not record files.
    """
    if "files" not in manifest:
        return
    listed = {str(k.get("name")): k for k in manifest["files"]}
    command = manifest["command"]
    for name in sorted(listed):
        if _is_table(command, name) and not (folder / name).exists():
            raise TivaxError(
                f"{folder / name}: missing, and {MANIFEST} lists it; run `tivax "
                f"{command}` again"
            )
    for path in tables:
        entry = listed.get(path.relative_to(folder).as_posix())
        if entry is None:
            raise TivaxError(
                f"{path}: not written by `tivax {command}`, whose {MANIFEST} lies "
                "there; move it to a folder of its own"
            )
        require_as_written(path, entry, command)


def _is_table(command: str, name: str) -> bool:
    stem = Path(name).with_suffix("").as_posix()
    is_data = Path(name).suffix[1:] in get_args(Format) and stem not in _APART
    return is_data and command in programs() and _writes(command, stem)


# Bytes of memory for each of a file, about; its rows are short, their labels long.
_IN_MEMORY = {".parquet": 24, ".csv": 5}


def require_memory(folder: Path, tables: Iterable[Path]) -> None:
    """Raise ``TivaxError`` for tables that are too large for this machine to read."""
    needed = sum(_IN_MEMORY.get(k.suffix, 10) * k.stat().st_size for k in tables)
    if needed > (there := machine_memory() or needed):
        raise TivaxError(
            f"{folder}: its tables take about {needed / GIB:,.1f} GiB of memory, and "
            f"this machine has {there / GIB:,.1f}; compute fewer years, or without "
            "partners"
        )
