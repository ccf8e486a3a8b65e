"""Shared by the readers of country-year databases.

Each of them is one function, ``read(path, series)``, of one series or more. It gives
a frame with a row for a country and year, sorted and unique: ``code`` as the database
writes it (Romania may be ROM), ``year`` (int64), then the series (float64, NaN =
missing).
"""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
from python_calamine import CalamineWorkbook

from ...core import TEXT_CELLS, NotFound, TivaxError, choose_from, require_count
from ...files import TableFile, finding, layout
from ...files import opening as fs

AGAIN = "get the published file again"
OTHER_EDITION = layout.OTHER_EDITION
_YEAR = re.compile(r"(1[89]|20)\d\d")


# --------------------------------------------------------------------- opening


def table_file(path: Path, suffixes: Sequence[str], database: str) -> TableFile:
    """The file at ``path``; ``TivaxError`` unless it is there and has a suffix of
    ``suffixes`` (lower case)."""
    if path.is_dir():
        raise TivaxError(f"{path}: a folder; give the {database} file itself")
    if not path.exists():
        raise NotFound(f"{path}: no such file; give the path of a {database} file")
    if not path.name.lower().endswith(tuple(suffixes)):
        raise TivaxError(
            f"{path.name}: no suffix that is read; {database} files are "
            f"{', '.join(suffixes)}"
        )
    return TableFile(path)


def table_in(file: TableFile, names: str, first: str) -> TableFile:
    """The table in a zip archive: ``first``, or the only one whose name matches
    ``names``. Another file is returned as it is."""
    if file.suffix != ".zip":
        return file
    # Names that begin with a dot are what a Mac adds to archives.
    found = finding.gather([file.path], rf"(?!\.)(?:{names})", first)
    best = [one for one in found if Path(one.member or "").name == first] or found
    if len(best) > 1:
        raise TivaxError(
            f"{file.name}: {len(best)} tables in it and none is {first}; unpack the "
            "archive and give one of its files"
        )
    return best[0]


def read_columns(file: TableFile, sheet: str) -> dict[str, Sequence[Any] | pd.Series]:
    """The columns, by name, of a Stata file, or of a csv file or sheet with names in
    row 1."""
    if file.suffix == ".dta":
        return {str(name): cells for name, cells in fs.read_stata(file).items()}
    csv_file = file.suffix == ".csv"
    return columns_of(file, read_csv(file) if csv_file else read_sheet(file, sheet))


def columns_of(
    file: TableFile, rows: Sequence[Sequence[Any]]
) -> dict[str, Sequence[Any] | pd.Series]:
    """The columns, by name, of rows of which the first holds the names."""
    if not rows:
        raise TivaxError(f"{file.name}: no names in row 1; {OTHER_EDITION}")
    names = [str(name).strip() for name in rows[0]]
    layout.check_unique(file, "names in row 1", [name for name in names if name])
    cells = list(zip(*rows[1:], strict=True)) or [()] * len(names)
    return dict(zip(names, cells, strict=True))


def read_sheet(
    file: TableFile, sheet: str, book: CalamineWorkbook | None = None
) -> list[list[Any]]:
    """The cells of a sheet from A1 on, of the ``book`` where it has been opened; blanks
    in its name and case do not matter."""
    book = book or fs.open_workbook(file)
    titles = {_plain(title): title for title in book.sheet_names}
    if _plain(sheet) in titles:
        return fs.read_cells(file, book, titles[_plain(sheet)])
    has = ", ".join(titles.values()) or "none"
    raise TivaxError(
        f"{file.name}: no sheet {sheet!r}, its sheets are {has}; {OTHER_EDITION}"
    )


def read_csv(file: TableFile) -> list[list[str]]:
    """The rows of a csv file in UTF-8, each as long as the first."""
    with open_lines(file) as lines:
        return list(whole_rows(file, csv_rows(file, lines)))


def whole_rows(
    file: TableFile, rows: Iterable[list[str]], width: int = 0
) -> Iterator[list[str]]:
    """The rows that are not blank, each as long as the header, here or above."""
    for row in filter(None, rows):
        width = width or len(row)
        if len(row) != width:
            raise TivaxError(
                f"{file.name}: a row has {len(row)} cells and the header {width}, "
                f"first after {','.join(row)[:40]!r}; the file is damaged or "
                "incomplete, get it again"
            )
        yield row


def csv_rows(
    file: TableFile, lines: Iterable[str], delimiter: str = ","
) -> Iterator[list[str]]:
    """The rows of a csv file; ``TivaxError`` for damage, and for very many cells."""
    count, name = 0, file.name
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            count += len(row) + 1
            require_count(name, count, most=TEXT_CELLS)
            yield row
    except csv.Error as error:
        raise fs.damaged(file, error) from error


def _plain(title: str) -> str:
    return "".join(title.split()).lower()


def read_unpacked(file: TableFile) -> bytes:
    """The bytes of a file, decompressed where its name ends in .bz2 or .gz."""
    magic = {".bz2": (fs.BZIP2,), ".gz": (fs.GZIP,)}.get(file.suffix, ())
    packed = fs.read_bytes(file, magic)
    data = fs.unpacked(file, packed) if magic else packed
    fs.check_start(file, data[:1024], ())
    return data


@contextmanager
def open_lines(file: TableFile) -> Iterator[Iterator[str]]:
    """The lines of a text in UTF-8, with or without a byte order mark."""
    with fs.open_table(file) as stream:
        fs.check_start(file, stream.read(1024), ())
    with fs.open_table(file) as stream:
        try:
            # newline="": csv readers want line ends as they are.
            text = io.TextIOWrapper(
                cast(BinaryIO, stream), encoding="utf-8-sig", newline=""
            )
            yield fs.lines_of(file, text)
        except UnicodeDecodeError as error:
            raise fs.damaged(file, error) from error


def cells_of(file: TableFile, line: str) -> list[str]:
    """The cells of one line of a csv file."""
    return next(csv_rows(file, [line]), [])


def year_columns(file: TableFile, header: Sequence[str]) -> dict[int, int]:
    """Position and year of the columns named by a year, one year after another."""
    years = {j: int(name) for j, name in enumerate(header) if _YEAR.fullmatch(name)}
    if not years:
        raise TivaxError(
            f"{file.name}: no columns of years such as 2000; {OTHER_EDITION}"
        )
    for last, year in pairwise(years.values()):
        if year != last + 1:
            raise TivaxError(
                f"{file.name}: the column after {last} is {year}, years must follow "
                f"one another; {AGAIN}"
            )
    return years


# ------------------------------------------------------------------------ tidying


def require_known(
    file: TableFile, series: Iterable[str], known: Collection[str]
) -> None:
    """Raise ``TivaxError`` for a series that the database does not have."""
    for name in series:
        if name not in known:
            raise TivaxError(f"{file.name}: no series {name}; {choose_from(known)}")


def check_series(
    file: TableFile,
    has: Collection[str],
    series: Iterable[str],
    remedy: str = OTHER_EDITION,
) -> None:
    """Raise ``TivaxError`` where ``has``, the names in the file, lacks a series."""
    missing = [name for name in series if name not in has]
    if missing:
        raise TivaxError(f"{file.name}: lacks {layout.some(missing)}; {remedy}")


def tidy(
    file: TableFile,
    code: Iterable[Any],
    year: Iterable[Any],
    series: Mapping[str, Iterable[Any]],
    *,
    missing: Collection[str] = ("",),
) -> pd.DataFrame:
    """The checked frame of a file, in the form described at the top.

    Parameters
    ----------
    code, year : (m,)
        Cells of the rows; rows without a code are dropped.
    series
        Cells (m,) of each series, by the name it shall have.
    missing
        Text that marks a missing number in the file, beside empty cells.

    Raises
    ------
    TivaxError
        A year or number that is none, a (code, year) that repeats, no rows.
    """
    codes = np.array(["" if _blank(cell) else str(cell).strip() for cell in code], "O")
    kept = np.flatnonzero(codes != "")
    if not kept.size:
        raise TivaxError(f"{file.name}: no row with a country code; {AGAIN}")
    codes = codes[kept]
    years = numbers(year, ("",))[kept]
    bad = np.flatnonzero(
        ~((years > 1000) & (years < 3000) & (years == np.floor(years)))
    )
    if bad.size:
        raise TivaxError(
            f"{file.name}: a row of {codes[bad[0]]} has no year that can be read; "
            f"{AGAIN}"
        )
    frame = pd.DataFrame({"code": codes, "year": years.astype("int64")})
    for name, cells in series.items():
        cells = cells if isinstance(cells, pd.Series) else list(cells)
        frame[name] = numbers(cells, missing)[kept]
        for k in np.flatnonzero(np.isinf(frame[name].to_numpy())):
            cell = list(cells)[kept[k]]
            raise TivaxError(
                f"{file.name}: {name} of {codes[k]} {frame['year'][k]} holds {cell!r}, "
                f"not a number; {AGAIN}"
            )
    twice = frame[frame.duplicated(["code", "year"])]
    if len(twice):
        raise TivaxError(
            f"{file.name}: {twice['code'].iloc[0]} {twice['year'].iloc[0]} is in "
            f"more than one row; {AGAIN}"
        )
    return frame.sort_values(["code", "year"], ignore_index=True)


def tidy_years(
    file: TableFile,
    rows: Sequence[Sequence[Any]],
    code: int,
    years: Mapping[int, Any],
    name: str,
    missing: Collection[str] = ("",),
) -> pd.DataFrame:
    """``tidy`` of rows that have a column for each of the ``years``, by position."""
    return tidy(
        file,
        [row[code] for row in rows for _ in years],
        [year for _ in rows for year in years.values()],
        {name: [row[j] for row in rows for j in years]},
        missing=missing,
    )


def join(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frames side by side, with the rows of all of them."""
    keys = ["code", "year"]
    wide = pd.concat([frame.set_index(keys) for frame in frames], axis=1)
    return wide.sort_index().reset_index()


def numbers(cells: Iterable[Any] | pd.Series, missing: Collection[str]) -> np.ndarray:
    """The cells as float64: NaN where missing, infinite where they are no number."""
    if isinstance(cells, pd.Series) and pd.api.types.is_numeric_dtype(cells):
        return cast(pd.Series, cells).to_numpy(dtype="float64", na_value=np.nan)
    return np.array([_number(cell, missing) for cell in cells], "float64")


def _number(cell: object, missing: Collection[str]) -> float:
    if isinstance(cell, int | float):
        return float(cell)
    if _blank(cell) or cell in missing:
        return math.nan
    try:
        number = float(str(cell))
    except ValueError:
        return math.inf
    return number if math.isfinite(number) else math.inf


def _blank(cell: object) -> bool:
    """True if a cell of a sheet, csv or R column is empty."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or (isinstance(cell, float) and cell != cell)
