"""Checks of what a file of tables holds: its year, its labels, its cells."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..core import TivaxError, count_text
from ..tables import WorldTable, alpha3, normalise
from .table_file import TableFile

# Where the file may well be the published one, of an edition laid out differently.
OTHER_EDITION = "get the file again if it was changed, otherwise use another edition"


def check_year(file: TableFile, year: int) -> int:
    """The year of the content, which must be the one in the file's name."""
    if file.year not in (None, year):
        raise TivaxError(
            f"{file.name}: the name says {file.year}, the content is {year}; "
            "find out which is right and rename the file"
        )
    return year


def check_labels(
    file: TableFile, what: str, labels: Sequence[str], wanted: Sequence[str]
) -> None:
    """Raise ``TivaxError`` unless ``labels`` are ``wanted``, in that order."""
    if list(labels) == list(wanted):
        return
    missing = sorted(set(wanted) - set(labels), key=list(wanted).index)
    extra = sorted(set(labels) - set(wanted), key=list(labels).index)
    if missing:
        problem = f"{what} lack {some(missing)}"
    elif extra:
        problem = f"{what} hold {some(extra)}, which does not belong there"
    elif len(labels) > len(wanted):
        twice = [label for label in wanted if list(labels).count(label) > 1]
        problem = f"{what} hold {some(twice)} more than once"
    else:
        k = next(k for k, label in enumerate(labels) if label != wanted[k])
        problem = (
            f"{what} are in another order, first at position {k + 1} "
            f"({labels[k]}, not {wanted[k]})"
        )
    raise TivaxError(f"{file.name}: {problem}; {OTHER_EDITION}")


def check_unique(file: TableFile, what: str, labels: Sequence[str]) -> None:
    """Raise ``TivaxError`` where a label repeats or there is none."""
    check_labels(file, what, labels, list(dict.fromkeys(labels)))
    if not labels:
        raise TivaxError(f"{file.name}: no {what}; {OTHER_EDITION}")


def region_major(
    file: TableFile,
    regions: Sequence[str],
    sectors: Sequence[str],
    *,
    own: Mapping[str, str] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Unique regions and sectors of rows that must run by region, then sector.

    Regions are spelled as by ``region_codes`` where its ``own`` is given.
    """
    if own is not None:
        regions = region_codes(file, regions, own)
    each_region = tuple(dict.fromkeys(regions))
    each_sector = tuple(dict.fromkeys(sectors))
    rows = [f"{r}:{s}" for r, s in zip(regions, sectors, strict=True)]
    check_labels(file, "rows", rows, pairs(each_region, each_sector))
    if not rows:
        raise TivaxError(f"{file.name}: no rows of industries; get the file again")
    return each_region, each_sector


def region_codes(
    file: TableFile, codes: Sequence[str], own: Mapping[str, str]
) -> tuple[str, ...]:
    """Region codes in the spelling of tivax.

    ``own`` maps the codes that only this database has; other codes of two letters are
    ISO 3166-1 alpha-2.
    """
    spelled = {}
    for code in dict.fromkeys(codes):
        try:
            spelled[code] = own.get(code.upper()) or region_code(code)
        except TivaxError as error:
            raise TivaxError(
                f"{file.name}: {error}; get the published file again"
            ) from error
    return tuple(spelled[code] for code in codes)


def region_code(code: str) -> str:
    """A code in the spelling of tivax, of two letters (ISO 3166-1 alpha-2) or more."""
    return alpha3(code) if len(code) == 2 else normalise([code])[0]


def pairs(regions: Sequence[str], codes: Sequence[str]) -> list[str]:
    """Labels such as ``DEU:C20``, by region then code."""
    return [f"{region}:{code}" for region in regions for code in codes]


def check_pairs(
    file: TableFile,
    what: str,
    regions: Sequence[str],
    codes: Sequence[str],
    *,
    wanted: Sequence[str],
    own: Mapping[str, str],
) -> None:
    """``check_labels`` of rows or columns, which ``pairs`` wants; ``own`` as above."""
    spelled = region_codes(file, regions, own)
    found = [f"{region}:{code}" for region, code in zip(spelled, codes, strict=True)]
    check_labels(file, what, found, wanted)


def some(labels: Sequence[str]) -> str:
    """The first three labels for a message, without line breaks."""
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    short = [k if len(k) <= 80 else f"{k[:80]}..." for k in labels[:3]]
    return " ".join(", ".join(short).split()) + more


def numbers(
    file: TableFile, rows: Sequence[Sequence[Any]], top: int, left: int, width: int
) -> np.ndarray:
    """The numbers of a block of spreadsheet cells.

    ``rows`` are rows of the sheet from row ``top`` on, the block starts in column
    ``left``; both count from 0. Text and blank cells are errors.
    """
    block = np.empty((len(rows), width))
    for k, row in enumerate(rows):
        cells = row[left : left + width]
        if not set(map(type, cells)) <= {int, float}:
            j = [type(cell) in (int, float) for cell in cells].index(False)
            what = f"holds {cells[j]!r}" if cells[j] != "" else "is blank"
            raise TivaxError(
                f"{file.name}: cell {cell_name(top + k, left + j)} {what}, "
                "not a number; get the published file again"
            )
        block[k] = cells
    return block


def cell_name(row: int, column: int) -> str:
    """The name of a spreadsheet cell, such as E7 for row 6, column 4 (from 0)."""
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(column + 1)}{row + 1}"


def check_shape(
    file: TableFile, what: str, values: np.ndarray, shape: tuple[int, ...]
) -> None:
    """Raise ``TivaxError`` for numbers of another shape than the labels make."""
    if values.shape != shape:
        raise TivaxError(
            f"{file.name}: {what} has shape {values.shape}, but the labels make it "
            f"{shape}; {OTHER_EDITION}"
        )


def check_once(
    file: TableFile,
    times: Int[np.ndarray, "rows columns"],
    rows: Sequence[str],
    columns: Sequence[str],
    head: str = "",
) -> None:
    """Raise ``TivaxError`` where a cell is not there, or more than once."""
    for problem, bad in (("lacks", times == 0), ("repeats", times > 1)):
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise TivaxError(
                f"{file.name}: {head}{problem} {count_text(int(bad.sum()), 'cell')}, "
                f"first {rows[i]} to {columns[j]}; the file is damaged or incomplete, "
                "get it again"
            )


def sales_table(
    file: TableFile,
    labels: tuple[Sequence[str], Sequence[str], Iterable[str]],
    Z: Float[np.ndarray, "n m"],
    Y: Float[np.ndarray, "..."] | None = None,
    *,
    x: Float[np.ndarray, " n"] | None = None,
    **others: Any,
) -> WorldTable:
    """The table of a file: its regions, sectors and categories, and its numbers.

    Without ``Y``, Z is a block whose columns are industries, then final demand by
    region and category. Output is the sum of the row where ``x`` is not given. The year
    is that of the file's name unless ``others``, fields of the table, has it.
    """
    regions, sectors, categories = map(tuple, labels)
    if Y is None:
        Z, Y = np.ascontiguousarray(Z[:, : len(Z)]), Z[:, len(Z) :]
    Y = Y.reshape(len(Z), len(regions), len(categories))
    if x is None:
        others["output_is_row_sum"] = True
        x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    about = {"year": file.year, "origin": file.name, **others}
    return WorldTable(
        regions=regions, sectors=sectors, categories=categories, Z=Z, Y=Y, x=x, **about
    )


def element(
    file: TableFile,
    where: Mapping[str, Any],
    name: str,
    remedy: str = OTHER_EDITION,
) -> Any:
    """One entry of a list or archive; ``TivaxError`` names what it has instead."""
    if name not in where:
        has = ", ".join(map(str, where)) or "nothing"
        raise TivaxError(f"{file.name}: lacks {name}, it has {has}; {remedy}")
    return where[name]
