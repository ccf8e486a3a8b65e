"""Long tables that are written year after year, in every format."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import xarray as xr

from ..core import (
    Column,
    Format,
    escape_formula,
    require_format,
    require_rows,
    stage,
    write_frame,
)
from .intervals import interval_ends

_NO_TERMS = ("residual", "identity")
# Terms that are shorter are written together: a group of rows of a parquet file costs
# a millisecond and two kilobytes, however few they are.
_ROWS = 50_000


class LongPart(NamedTuple):
    """Some rows of a long table: a Dataset of terms, its flags (the same variables as
    indices of the flags' names) and the standard errors of its values."""

    values: xr.Dataset
    flags: xr.Dataset | None = None
    errors: xr.Dataset | None = None

    @property
    def terms(self) -> dict[str, xr.DataArray]:
        """The variables that are rows."""
        values = self.values.data_vars.items()
        return {str(k): v for k, v in values if k not in _NO_TERMS}

    @property
    def rows(self) -> int:
        return sum(term.size for term in self.terms.values())


@dataclass(frozen=True)
class LongTable:
    """A table that is computed while it is written, part by part.

    Attributes
    ----------
    parts
        Read once.
    kind
        The column that names the variables of a part.
    flags
        Names of the flags, by index.
    count
        Number of parts, where all are as long as the first: a table that no
        format could hold is refused before more of it is computed.
    units
        With a column of units: money is beside a satellite account.
    """

    parts: Iterable[LongPart]
    kind: str = "term"
    flags: Sequence[str] = ()
    count: int = 1
    units: bool = False

    def write(
        self,
        path: Path,
        labels: Mapping[str, str | Column] | None = None,
        sheets: Mapping[str, pd.DataFrame] | None = None,
    ) -> None:
        """Compute and write all of it; arguments as of ``LongWriter``."""
        given = self.kind, labels, sheets, self.flags, self.units
        with LongWriter(path, *given) as writer:
            for k, part in enumerate(self.parts):
                writer.write(part)
                if k == 0:
                    require_rows(writer.format, part.rows * self.count)

    def frame(self) -> pd.DataFrame:
        """All of it in memory."""
        given = self.kind, None, None, self.flags, self.units
        writer = LongWriter(Path("frame.dta"), *given)
        parts = [table for part in self.parts for table in writer.tables(part)]
        return pa.concat_tables(parts).to_pandas()


@dataclass(eq=False)
class LongWriter:
    """A long table, written a part at a time: labels, term, value.

    A part is written in a thread, while the next is computed. The suffix of ``path`` is
    the format: parquet, csv and feather grow part by part; dta and xlsx are put
    together in memory. ``labels`` of columns are for dta, further ``sheets`` for xlsx.
    """

    path: Path
    kind: str = "term"
    labels: Mapping[str, str | Column] | None = None
    sheets: Mapping[str, pd.DataFrame] | None = None
    flags: Sequence[str] = ()
    units: bool = False

    def __post_init__(self) -> None:
        self._kept: list[pa.Table] = []
        self._rows = 0
        self._writer: Any = None
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> "LongWriter":
        return self

    @stage("writing")
    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self._wait()
        finally:
            self._thread.shutdown()
            if self._writer is not None:
                self._writer.close()
        if self._kept and kind is None:
            frame = pa.concat_tables(self._kept).to_pandas()
            place = self.path.parent, self.path.stem, self.format
            write_frame(frame, *place, self.labels, sheets=self.sheets)

    @property
    def format(self) -> Format:
        return require_format(self.path.suffix.removeprefix("."))

    @stage("writing")
    def write(self, part: LongPart) -> None:
        """Queue some rows. Flags are the last column, errors se, ci_low and ci_high.

        An error is raised by the next call, or at the end.
        """
        self._wait()
        self._rows += part.rows
        require_rows(self.format, self._rows)
        self._last = self._thread.submit(self._write, part)

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _write(self, part: LongPart) -> None:
        waiting: list[pa.Table] = []
        for table in self.tables(part):
            if self.format in ("dta", "xlsx"):
                self._kept.append(table)
                continue
            waiting.append(table)
            if sum(map(len, waiting)) >= _ROWS:
                self._put(waiting)
                waiting = []
        if waiting:
            self._put(waiting)

    def tables(self, part: LongPart) -> Iterator[pa.Table]:
        """The rows of each term."""
        _, flags, errors = part
        terms = part.terms
        names = list(terms)
        units = [str(k.attrs.get("units", "")) for k in terms.values()]
        labels: dict[tuple[Hashable, ...], dict[str, Any]] = {}
        for k, (name, term) in enumerate(terms.items()):
            if term.dims not in labels:
                labels[term.dims] = _labels_of(term, self.path.suffix == ".csv")
            columns = dict(labels[term.dims])
            place = np.full(term.size, k, np.int32)
            columns[self.kind] = _dictionary(place, names)
            numbers = {"value": np.ascontiguousarray(term.values)}
            if errors is not None:
                numbers |= interval_ends(term, errors[name])
            for column, found in numbers.items():  # NaN is an empty cell, in csv, too
                columns[column] = pa.array(found.ravel(), from_pandas=True)
            if self.units:
                columns["unit"] = _dictionary(place, units)
            if flags is not None:
                columns["flag"] = _dictionary(flags[name].values.ravel(), self.flags)
            table = pa.table(columns)
            yield table if self.format in ("parquet", "csv") else _plain(table)

    def _put(self, tables: Sequence[pa.Table]) -> None:
        """Rows in the file, as one group."""
        if self._writer is None:
            self._writer = self._open(tables[0].schema)
        self._writer.write_table(pa.concat_tables(tables).combine_chunks())

    def _open(self, schema: pa.Schema) -> Any:
        if self.format == "csv":
            return pc.CSVWriter(self.path, schema)
        if self.format == "feather":
            compressed = pa.ipc.IpcWriteOptions(compression="lz4")
            return pa.ipc.new_file(self.path, schema, options=compressed)
        # Values all differ: a dictionary of them is no use.
        labels: Any = [k for k in schema.names if k != "value"]
        return pq.ParquetWriter(self.path, schema, use_dictionary=labels)


def _labels_of(term: xr.DataArray, csv: bool) -> dict[str, Any]:
    """Columns of year and labels, in the order of the array."""
    columns: dict[str, Any] = {}
    places = np.indices(term.shape, np.int32)
    for dim, place in zip(term.dims, places, strict=True):
        labels: Sequence[Any] = term[dim].values.tolist()
        if dim == "year":
            columns["year"] = pa.array(np.asarray(labels, np.int32)[place.ravel()])
        else:
            words = [escape_formula(k) for k in labels] if csv else labels
            columns[str(dim)] = _dictionary(place.ravel(), words)
    return columns


def _dictionary(index: np.ndarray, labels: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(index), pa.array(labels, pa.string())
    )


def _plain(table: pa.Table) -> pa.Table:
    """Words in place of dictionaries, which may not change within a feather file."""
    for k, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(k).cast(pa.string())
            table = table.set_column(k, field.name, column)
    return table
