"""Large tables of numbers in text: header lines, labels at the left, then numbers.

Parsed by pyarrow, which reads decimal numbers exactly. The cells of a few hundred
rows are handed to it as one column: a table of 8,000 columns of its own costs it more
than the numbers do.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
from jaxtyping import Float, Int

from ..core import TEXT_LINES, TivaxError, require_count
from . import opening as fs
from .table_file import TableFile

_BLOCK = 1 << 24  # bytes of text parsed at a time


@dataclass(frozen=True)
class TextTable:
    """A table as it is in a file.

    Attributes
    ----------
    header
        The header lines, without the cells above the labels; each of length m.
    labels
        The label columns, each of length k.
    names
        Names of the label columns in the file; blank where it has none.
    values : (k, m)
        The numbers; where a cell is blank, what was asked for.
    """

    header: list[list[str]]
    labels: list[list[str]]
    names: list[str]
    values: Float[np.ndarray, "k m"]


def read_text_table(
    file: TableFile,
    *,
    header: int = 0,
    labels: int = 0,
    separator: str = "\t",
    rows: int | None = None,
    blank: float = np.nan,
) -> TextTable:
    """Read a table with these numbers of header lines and label columns.

    A line below the header that names the label columns, and holds nothing else, is
    skipped. ``rows`` is the number of rows to read; ``blank`` is what a blank cell
    holds.

    Raises
    ------
    TivaxError
        Where a line has another number of cells than the first, or a cell is text.
        Where there are fewer lines than those of the header, or endless ones.
    """
    with fs.open_text(file) as stream:
        # Lines of a zip member come slowly without a buffer of our own.
        buffered = io.BufferedReader(cast(Any, stream), 1 << 20)
        lines = _split(file, fs.lines_of(file, buffered), separator, labels)
        top = list(islice(lines, header))
        first = [line.right(separator) for line in top]
        names = list(top[-1].left) if top else [""] * labels
        if len(first) < header:
            raise TivaxError(
                f"{file.name}: {len(first)} lines, its header alone has {header}; the "
                "file is damaged or incomplete, get it again"
            )
        found = _rows(lines, separator, names, header, rows)
        columns: list[list[str]] = [[] for _ in range(labels)]
        blocks = list(_parse_blocks(file, found, columns, separator, blank))
    return TextTable(
        first, columns, names, _stack(blocks, len(first[0]) if first else 0)
    )


def read_text_rows(file: TableFile, *, separator: str) -> Iterator[np.ndarray]:
    """The numbers of a table without header and labels, some rows at a time.

    For one that is larger than memory; raises as ``read_text_table``.
    """
    with fs.open_text(file) as stream:
        buffered = io.BufferedReader(cast(Any, stream), 1 << 20)
        lines = _split(file, fs.lines_of(file, buffered), separator, 0)
        yield from _parse_blocks(file, lines, [], separator, np.nan)


def read_cells(
    file: TableFile,
    labels: Sequence[str],
    numbers: Mapping[str, pa.DataType],
    *,
    blanks: bool,
) -> pa.Table:
    """These columns of a csv with a row for each cell; labels are coded, to save
    memory, numbers of the given types. ``blanks``: an empty label is none."""
    types = {**numbers, **dict.fromkeys(labels, pa.dictionary(pa.int32(), pa.string()))}
    with fs.open_text(file) as stream, fs.parsing(file):
        return pyarrow.csv.read_csv(
            stream,
            # On one thread the error of a bad cell names its row.
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=[*types], column_types=types, strings_can_be_null=blanks
            ),
        ).unify_dictionaries()


def coded(column: pa.ChunkedArray) -> tuple[list[str], Int[np.ndarray, " rows"]]:
    """Labels in order of their first cell, and the place of each cell's; -1 of none."""
    if column.num_chunks == 0:
        return [], np.zeros(0, dtype=int)
    parts = [chunk.indices.fill_null(-1).to_numpy() for chunk in column.chunks]
    return column.chunk(0).dictionary.to_pylist(), np.concatenate(parts)


class _Line(NamedTuple):
    """A line: its labels, the text of its other cells, these if it has quotes."""

    left: list[str]
    text: bytes
    quoted: list[str] | None = None
    number: int = 0

    def right(self, separator: str) -> list[str]:
        """The cells that are no labels."""
        return _cells(self.text, separator) if self.quoted is None else self.quoted


def _split(
    file: TableFile, lines: Iterator[bytes], separator: str, labels: int
) -> Iterator[_Line]:
    """Labels and the rest of each line; all lines must have as many cells."""
    mark, cells = separator.encode(), None
    for number, line in enumerate(lines, start=1):
        text = line.rstrip(b"\r\n")
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        elif not text:
            continue
        if b"\r" in text:
            raise TivaxError(
                f"{file.name}: line {number} holds carriage returns; get the file "
                "again, or save it with the line ends of Unix or Windows"
            )
        line = _cut(file, text, separator, labels)._replace(number=number)
        found = len(line.left) + (
            len(line.quoted)
            if line.quoted is not None
            else text.count(mark) + 1 - labels
        )
        cells = cells or found
        require_count(file.name, number, "lines", TEXT_LINES)
        if cells <= labels:
            raise TivaxError(
                f"{file.name}: line 1 has {cells} cells, {labels} labels and numbers "
                "should stand there; the file is damaged or another, get it again"
            )
        if found != cells:
            raise TivaxError(
                f"{file.name}: line {number} has {found} cells, line 1 has {cells}; "
                "the file is damaged or incomplete, get it again"
            )
        yield line


def _cut(file: TableFile, text: bytes, separator: str, labels: int) -> _Line:
    """A line in its parts; a separator within quotation marks is none."""
    mark = separator.encode()
    if b'"' not in text:
        parts = text.split(mark, labels)
        return _Line([_clean(k) for k in parts[:labels]], b"".join(parts[labels:]))
    try:
        (cells,) = csv.reader([text.decode("utf-8", "replace")], delimiter=separator)
    except (csv.Error, ValueError):
        raise fs.damaged(file, "quotation marks that do not end") from None
    cells = [cell.strip(' "') for cell in cells]
    right = cells[labels:]
    return _Line(cells[:labels], mark.join(k.encode() for k in right), right)


def _rows(
    lines: Iterator[_Line],
    separator: str,
    names: list[str],
    header: int,
    rows: int | None,
) -> Iterator[_Line]:
    """The lines of numbers; ``names`` become those of the labels, where a line has
    nothing else."""
    given = 0
    for k, line in enumerate(lines):
        if k == 0 and header and not line.text.strip(separator.encode() + b' "'):
            names[:] = line.left
            continue
        if given == rows:
            return
        given += 1
        yield line


def _parse_blocks(
    file: TableFile,
    lines: Iterator[_Line],
    columns: list[list[str]],
    separator: str,
    blank: float,
) -> Iterator[np.ndarray]:
    """The numbers, a block of rows at a time; labels are added to ``columns``."""
    texts: list[bytes] = []
    size = 0
    for left, text, quoted, number in lines:
        if quoted is not None and any(separator in cell for cell in quoted):
            raise TivaxError(
                f"{file.name}: line {number} holds {separator!r} within a quoted "
                "number; write numbers without separators of thousands"
            )
        for column, label in zip(columns, left, strict=True):
            column.append(label)
        texts.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield _parse(file, texts, separator, blank)
            texts, size = [], 0
    if texts:
        yield _parse(file, texts, separator, blank)


def _parse(
    file: TableFile, texts: Sequence[bytes], separator: str, blank: float
) -> np.ndarray:
    cells = b"\n".join(texts).replace(separator.encode(), b"\n") + b"\n"
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(cells),
            read_options=pyarrow.csv.ReadOptions(column_names=["cell"]),
            parse_options=pyarrow.csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={"cell": pa.float64()}, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise _not_a_number(file, texts, separator, error) from error
    width = texts[0].count(separator.encode()) + 1
    if len(table) != len(texts) * width:
        raise fs.damaged(file, "quotation marks that do not end")
    return table["cell"].fill_null(blank).to_numpy().reshape(len(texts), width)


def _not_a_number(
    file: TableFile, texts: Sequence[bytes], separator: str, error: pa.ArrowInvalid
) -> TivaxError:
    """The error for the first cell that is text."""
    for text in texts:
        for cell in _cells(text, separator):
            try:
                float(cell or 0)
            except ValueError:
                return TivaxError(
                    f"{file.name}: a cell holds {cell[:40]!r}, not a number; get the "
                    "published file again"
                )
    return fs.damaged(file, error)


def _stack(blocks: list[np.ndarray], width: int) -> np.ndarray:
    """The blocks one below another, each let go once it is copied."""
    if not blocks:
        return np.empty((0, width))
    values = np.empty((sum(map(len, blocks)), blocks[0].shape[1]))
    at = len(values)
    while blocks:
        block = blocks.pop()
        values[at - len(block) : at] = block
        at -= len(block)
    return values


def _cells(text: bytes, separator: str) -> list[str]:
    return [_clean(cell) for cell in text.split(separator.encode())]


def _clean(cell: bytes) -> str:
    return cell.decode("utf-8", errors="replace").strip(' "')
