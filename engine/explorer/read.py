"""Tables of a result folder, in any format that tivax writes, and its manifest."""

import json
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
    machine_memory,
    require_as_written,
    require_digest,
    unescape_formula,
)

# Tables with a column for each measure, and all.
WIDE = ("tbi", "vax", "footprints")
TABLES = (*WIDE, "va_absorbed", "indicators", "decomposition")
LABELS = (
    "account",
    "region",
    "sector",
    "partner",
    "origin",
    "absorber",
    "exporter",
    "importer",
    "indicator",
    "term",
)


def find_table(folder: Path, name: str) -> Path | None:
    """The file of a table by its name without suffix; None where there is none."""
    found = [folder / f"{name}.{k}" for k in get_args(Format)]
    return next((path for path in found if path.is_file()), None)


def read_table(
    path: Path, needed: Sequence[str], filters: dict[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """A table of results with ``year`` as whole numbers and labels as texts.

    ``filters`` keeps the rows whose label is one of those given; a column that is not
    there keeps them all.

    Raises
    ------
    TivaxError
        The file cannot be read, or a column of ``needed`` is not there.
    """
    try:
        frame = _read(path, filters or {})
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
    for name, wanted in (filters or {}).items():
        if name in frame:
            frame = frame[frame[name].isin(wanted)]
    labels = {k: frame[k].astype(str) for k in frame if k in LABELS}
    numbers = frame.select_dtypes("number")
    for name in needed:
        if name not in labels and name not in numbers:
            raise TivaxError(
                f"{path}: column {name} holds something else than numbers; give a "
                "folder as tivax wrote it"
            )
    if frame["year"].isna().any():
        raise TivaxError(f"{path}: a row without a year")
    years = frame["year"].astype("int64")
    found = {k: numbers[k].astype("float64") for k in numbers if k != "year"}
    return pd.DataFrame({"year": years, **labels, **found}).reset_index(drop=True)


def _read(path: Path, filters: dict[str, Sequence[str]]) -> pd.DataFrame:
    match path.suffix:
        case ".parquet":
            there = pq.read_schema(path).names
            # Row groups without such labels are never read.
            rows = [(k, "in", list(v)) for k, v in filters.items() if k in there]
            return pq.read_table(path, filters=rows or None).to_pandas()
        case ".dta":
            return pd.read_stata(path)
        case ".xlsx":
            return pd.read_excel(
                path, engine="calamine", keep_default_na=False, na_values=[""]
            )
    # Numbers to the last digit in any version of pandas; labels are texts, also NA.
    texts = csv.ConvertOptions(column_types=dict.fromkeys(LABELS, pa.string()))
    frame = csv.read_csv(path, convert_options=texts).to_pandas()
    for name in set(LABELS) & set(frame):
        frame[name] = frame[name].map(unescape_formula)
    return frame


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, which tells units; nothing where there is none.

    Raises ``TivaxError`` for one that is damaged.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    found: Any = None
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(path.read_text(encoding="utf-8"))
    if not _is_manifest(found):
        raise TivaxError(
            f"{path}: not a manifest of a tivax command, or damaged; run the command "
            "again"
        )
    require_digest(path, found)
    return found


def _is_manifest(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    lists = [found.get(k, []) for k in ("files", "accounts")]
    return (
        isinstance(found.get("command"), str)
        and isinstance(found.get("units", {}), dict)
        and all(isinstance(k, list) for k in lists)
        and all(isinstance(k, dict) for one in lists for k in one)
    )


def require_recorded(
    folder: Path, manifest: Mapping[str, Any], tables: Iterable[Path]
) -> None:
    """Raise ``TivaxError`` for a table whose units another manifest would tell.

    Older manifests do not record files.
    """
    if "files" not in manifest:
        return
    listed = {str(k.get("name")): k for k in manifest["files"]}
    for name in sorted(listed):
        if Path(name).stem in TABLES and not (folder / name).exists():
            raise TivaxError(
                f"{folder / name}: missing, and {MANIFEST} lists it; run `tivax "
                f"{manifest['command']}` again"
            )
    for path in tables:
        entry = listed.get(path.relative_to(folder).as_posix())
        if entry is None:
            raise TivaxError(
                f"{path}: not written by `tivax {manifest['command']}`, whose "
                f"{MANIFEST} lies there; move it to a folder of its own"
            )
        require_as_written(path, entry, manifest["command"])


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
