"""Results as files: csv, parquet, Stata or Excel."""

from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import xarray as xr

from .choose import choose_from
from .errors import TivaxError
from .spreadsheets import write_csv, write_xlsx

Format = Literal["csv", "parquet", "dta", "xlsx"]


def write_frame(frame: pd.DataFrame, folder: Path, name: str, format: Format) -> None:
    """Write ``name.format``. Numbers keep every digit of float64 (16 in xlsx)."""
    path = folder / f"{name}.{format}"
    if format == "csv":
        write_csv(frame, path)
    elif format == "parquet":
        frame.to_parquet(path, index=False)
    elif format == "dta":
        frame.to_stata(path, write_index=False, version=118)
    else:
        write_xlsx(frame, path, name[:31])


def require_format(name: str) -> Format:
    """The format of that name; ``TivaxError`` lists the formats."""
    for known in get_args(Format):
        if name == known:
            return known
    raise TivaxError(f"--format {name}: {choose_from(get_args(Format))}")


def to_long_frame(data: xr.Dataset, columns: list[str]) -> pd.DataFrame:
    """A Dataset as a long table with these columns, in the order of the labels."""
    frame = (
        data[[k for k in columns if k in data.data_vars]].to_dataframe().reset_index()
    )
    return frame[columns]
