"""Results as tables: tidy DataFrames, and files of every format."""

import re
from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from .choose import choose_from
from .errors import TivaxError, show
from .outputs import Column, column_title, columns_of
from .progress import stage
from .spreadsheets import write_csv, write_xlsx

Format = Literal["csv", "parquet", "dta", "xlsx", "feather"]
# Rows below the names of the columns. A sheet of Excel has 1,048,576 with these; a file
# of Stata is put together in memory.
_MOST_ROWS: dict[str, int] = {"xlsx": 1_048_575, "dta": 20_000_000}
_LONGEST_LABEL, _LONGEST_NAME = 80, 32  # characters of a variable in Stata
_RESERVED = set(
    (
        "_all _b _coef _cons _n _N _pi _pred _rc _skip aggregate array boolean break "
        "byte case catch class colvector complex const continue default delegate "
        "delete do double else eltypedef end enum explicit export external float for "
        "friend function global goto if in inline int local long NULL pragma protected "
        "quad rowvector short typedef typename using virtual with"
    ).split()
)


@stage("writing")
def write_frame(
    frame: pd.DataFrame,
    folder: Path,
    name: str,
    format: Format,
    labels: Mapping[str, str | Column] | None = None,
    *,
    sheets: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write ``name.format``. Numbers keep every digit of float64 (16 in xlsx).

    ``labels`` of columns, by name or pattern, become variable labels of Stata, by
    default those of all commands (outputs.toml); a column without one has its name,
    which Stata may not take. Infinity is missing in Stata, which has none. A workbook
    has the ``sheets`` after it that are not too long.
    ``TivaxError`` for more rows than the format holds.
    """
    require_rows(format, len(frame))
    path = folder / f"{name}.{format}"
    if format == "csv":
        write_csv(frame, path)
    elif format == "parquet":
        frame.to_parquet(path, index=False)
    elif format == "feather":
        frame.reset_index(drop=True).to_feather(path)
    elif format == "dta":
        names = _stata_names(frame.columns)
        known = columns_of() if labels is None else labels
        told = {k: column_title(k, known) for k in names}
        finite = frame.replace([np.inf, -np.inf], np.nan)
        finite.set_axis([*names.values()], axis=1).to_stata(
            path,
            write_index=False,
            version=118,
            variable_labels={names[k]: _stata_label(v) for k, v in told.items()},
        )
    else:
        more = {k: v for k, v in (sheets or {}).items() if len(v) <= _MOST_ROWS["xlsx"]}
        write_xlsx({name: frame, **more}, path)


def read_parquet(source: Any) -> pd.DataFrame:
    """As of pandas, but bytes that are no text end here, not where they are used."""
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    table.validate(full=True)
    return table.to_pandas()


def _stata_label(label: str) -> str:
    """A label as long as Stata takes it, cut before its unit or between words."""
    if len(label) <= _LONGEST_LABEL:
        return label
    text = label.rsplit(" [", 1)[0] if label.endswith("]") else label
    if len(text) <= _LONGEST_LABEL:
        return text
    head, space, _ = text[: _LONGEST_LABEL - 3].rpartition(" ")
    return f"{head} ..." if space else text[:_LONGEST_LABEL]


def _stata_names(columns: pd.Index) -> dict[str, str]:
    """Names of columns as Stata takes them: letters, digits and _, at most 32."""
    names: dict[str, str] = {}
    for column in map(str, columns):
        plain = re.sub(r"\W", "_", column, flags=re.ASCII)
        if plain[:1].isdigit() or plain in _RESERVED:
            plain = f"_{plain}"
        new, k = plain[:_LONGEST_NAME], 1
        while new in names.values():
            k += 1
            new = f"{plain[: _LONGEST_NAME - 1 - len(str(k))]}_{k}"
        names[column] = new
    return names


def require_format(name: str) -> Format:
    """The format of that name; ``TivaxError`` lists the formats."""
    for known in get_args(Format):
        if name == known:
            return known
    raise TivaxError(f"--format {name}: {choose_from(get_args(Format))}")


def require_rows(format: Format, rows: int) -> None:
    """Raise ``TivaxError`` where a table is too long for the format."""
    most = _MOST_ROWS.get(format)
    if most is not None and rows > most:
        raise TivaxError(
            f"--format {format}: {rows:,} rows, but it holds {most:,}; choose parquet, "
            "feather or csv, or fewer years"
        )


def write_do_file(folder: Path, name: str, file: str, lines: Sequence[str]) -> Path:
    """Write ``rebuild_NAME.do``, which opens ``file`` beside it in Stata."""
    path = folder / f"rebuild_{name}.do"
    head = (
        f"* Rebuilds a table of {file}. In the folder of both: do {path.name}",
        "version 14",
        f'use "{file}", clear',
        "describe",
    )
    path.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")
    return path


def to_long_frame(data: xr.Dataset, columns: list[str]) -> pd.DataFrame:
    """A Dataset as a long table with these columns, in the order of the labels."""
    frame = (
        data[[k for k in columns if k in data.data_vars]].to_dataframe().reset_index()
    )
    return frame[columns]


def variable_labels(*data: xr.Dataset) -> dict[str, str]:
    """Labels of the variables: name and unit in brackets, from their attributes."""
    labels = {}
    for name, values in ((k, v) for each in data for k, v in each.data_vars.items()):
        unit = str(values.attrs.get("units", ""))
        text = str(values.attrs.get("long_name", name))
        labels[str(name)] = f"{text} [{unit}]" if unit not in ("", "1") else text
    return labels


def to_long(result: Any) -> pd.DataFrame:
    """A tidy DataFrame of a result, a row for each value.

    Parameters
    ----------
    result
        A measure, a Dataset or DataArray, a ``Fit``, an ``Inference``.

    Returns
    -------
    DataFrame
        For arrays: year, region and the other labels, ``variable`` (of a Dataset),
        ``value``, ``unit``; a variable without one of the labels has an empty one,
        variables of text such as flags are left out. For estimates: a row for each
        term, with outcome, n, clusters and convention. For an inference: its summary.

    Raises
    ------
    TivaxError
        Anything else.

    Examples
    --------
    >>> trade = tx.trade_benefit_index(world)
    >>> tx.to_long(trade).columns.tolist()
    ['year', 'region', 'variable', 'value', 'unit']
    """
    return long_table_of(result)


@singledispatch
def long_table_of(result: Any) -> pd.DataFrame:
    """``to_long`` of one kind of result; a room registers its own kinds here."""
    raise TivaxError(
        "result: give a Dataset or DataArray of a measure, a Fit or "
        f"Inference, not {show(result)}"
    )


@long_table_of.register(xr.DataArray)
def _(result: xr.DataArray) -> pd.DataFrame:
    sizes = [result.sizes[k] for k in result.dims]
    where = np.indices(sizes).reshape(len(sizes), result.size)
    columns: dict[str, Any] = {
        str(dim): np.asarray(result[dim].values)[at]
        for dim, at in zip(result.dims, where, strict=True)
    }
    columns["value"] = np.ravel(result.values)
    return pd.DataFrame(columns).assign(unit=str(result.attrs.get("units", "")))


@long_table_of.register(xr.Dataset)
def _(result: xr.Dataset) -> pd.DataFrame:
    dims = [str(k) for k in result.dims]
    numbers = [k for k, v in result.data_vars.items() if v.dtype.kind in "iuf"]
    parts = []
    for name in numbers:
        part = to_long(result[name])
        absent = {k: "" for k in dims if k not in part}
        parts.append(part.assign(variable=str(name), **absent))
    columns = [*dims, "variable", "value", "unit"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]
