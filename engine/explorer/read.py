"""Tables of a result folder, in any format that tivax writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from ..core import Format, TivaxError, unescape_formula

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
