"""Rules for a table: labels, cells, rows and columns that add up."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..core import TivaxError, count_text
from .world_table import Tolerance, WorldTable

# Letters of a label; the longest of a published table has 120.
_LONGEST = 200


def require_labels(labels: Iterable[str], what: str) -> None:
    """Raise ``TivaxError`` where a label is empty, very long, or holds a line break.

    ``what`` begins the message, such as ``groups.toml: group``.
    """
    for label in labels:
        if not label.strip():
            raise TivaxError(f"{what}: a name is empty")
        if len(label) > _LONGEST:
            raise TivaxError(
                f"{what} {label[:20]}...: a name of {len(label):,} letters, at most "
                f"{_LONGEST} are read"
            )
        if any(unicodedata.category(k) in ("Cc", "Cs", "Zl", "Zp") for k in label):
            raise TivaxError(f"{what} {label}: a name with a control character")


def check_same_labels(first: WorldTable, other: WorldTable) -> None:
    """Raise ``TivaxError`` unless two years have the same labels in the same order.

    And both a value-added row, or neither, and both are of one edition.
    """
    if (first.value_added is None) != (other.value_added is None):
        has, lacks = (first, other) if other.value_added is None else (other, first)
        raise TivaxError(
            f"{lacks.where} has no value-added row, {has.year} has one; "
            "import years of one edition together"
        )
    for what in ("regions", "sectors", "categories"):
        a, b = getattr(first, what), getattr(other, what)
        if a == b:
            continue
        one = what.removesuffix("s").replace("categorie", "category")
        for has, lacks, labels in (
            (first, other, [k for k in a if k not in b]),
            (other, first, [k for k in b if k not in a]),
        ):
            if labels:
                raise TivaxError(
                    f"{lacks.where} lacks {one} {', '.join(labels[:5])}, which "
                    f"{has.year} has; import years of one edition together"
                )
        k = next(k for k in range(len(a)) if a[k] != b[k])
        raise TivaxError(
            f"{other.where}: {what} are in another order than in {first.year}, first "
            f"at position {k + 1} ({b[k]}, not {a[k]})"
        )
    if dict(first.parents) != dict(other.parents):
        raise TivaxError(
            f"{other.where}: its split regions (parents) are not those of {first.year}"
        )
    if first.edition != other.edition:
        raise TivaxError(
            f"{other.where} is {other.edition or 'of no edition'}, {first.year} is "
            f"{first.edition or 'of none'}; import years of one edition together"
        )


def check_values(table: WorldTable) -> None:
    """Raise ``TivaxError`` for numbers that no table can hold.

    Not finite (NaN, infinity), negative output, negative intermediate sales:
    the message names the first such cell. Negative final demand (inventories)
    and negative value added occur in real tables and pass.
    """
    check_numbers(table)
    check_output(table)
    count, first = _count(table.Z, lambda part: part < 0)
    if count:
        raise TivaxError(
            f"{table.where}: {count} negative intermediate sales, "
            f"first {_cell(table, 'Z', first)}; inputs are never negative: fix the "
            "cell or leave the year out"
        )


def check_numbers(table: WorldTable) -> None:
    """Raise ``TivaxError`` for a cell that is not finite, naming the first."""
    for name in ("Z", "Y", "x", "value_added"):
        values = getattr(table, name)
        if values is None:
            continue
        count, first = _count(values, lambda part: ~np.isfinite(part))
        if count:
            raise TivaxError(
                f"{table.where}: {name} has {count_text(count, 'cell')} without a "
                f"number, first {_cell(table, name, first)}; a blank is none: fill it "
                "with 0 where nothing is sold, or leave the year out"
            )


def check_output(table: WorldTable) -> None:
    """Raise ``TivaxError`` for negative output, and for output in an absurd unit."""
    bad = table.x < lowest_output(table.x)
    if bad.any():
        raise TivaxError(
            f"{table.where}: {bad.sum()} negative output, first "
            f"{table.industry(int(bad.argmax()))} with {table.x[bad][0]:.3g}; output "
            "is never negative: fix the cell or leave the year out"
        )
    if not unit_is_plausible(table.x):
        raise TivaxError(
            f"{table.where}: the largest output is {table.x.max():.1e}, which no unit "
            "of account makes; give the flows in another unit, such as million US$"
        )


# Sums of rounded cells are below zero by less than this share of the largest output.
_ROUNDING = 1e-12


def lowest_output(x: Float[np.ndarray, " n"]) -> float:
    """The output that is still zero but for rounding."""
    return -_ROUNDING * float(np.max(x, initial=0.0))


def unit_is_plausible(x: Float[np.ndarray, " n"]) -> bool:
    """True if squares of flows of this size neither vanish nor become infinite."""
    largest = float(np.max(x, initial=0.0))
    return not largest > 0 or 1e-100 < largest < 1e100


def without_rounding(table: WorldTable) -> WorldTable:
    """The table with output 0 where it is negative by rounding (-1.7e-21)."""
    x = table.x
    tiny = (x < 0) & (x >= lowest_output(x))
    return replace(table, x=np.where(tiny, 0.0, x)) if tiny.any() else table


class Imbalance(NamedTuple):
    """Number of industries that do not sell what they make, and the worst of them;
    ``share`` is the gap of all rows together over all output."""

    industries: int
    share: float
    worst: str
    sells: float
    makes: float


def imbalance(table: WorldTable, tolerance: Tolerance) -> Imbalance:
    """Measure the gap between sales and output, Z1 + Y1 = x."""
    sales = table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2))
    gap = np.abs(sales - table.x)
    over = gap - tolerance.allowed(table.x)
    k, whole = int(over.argmax()), float(table.x.sum())
    share = float(gap.sum()) / whole if whole > 0 else 0.0
    return Imbalance(
        int((over > 0).sum()), share, table.industry(k), sales[k], table.x[k]
    )


def check_balance(table: WorldTable, tolerance: Tolerance) -> None:
    """Raise ``TivaxError`` unless sales equal output, Z1 + Y1 = x.

    The message names the worst industry.
    """
    found = imbalance(table, tolerance)
    if found.industries:
        raise TivaxError(
            f"{table.where}: {found.industries} of {table.x.size} industries do not "
            f"balance, worst {found.worst}: sells {found.sells:,.6g}, "
            f"makes {found.makes:,.6g}; unbalanced=True imports the table as it is",
            argument="unbalanced",
        )


def check_columns(table: WorldTable, tolerance: Tolerance) -> None:
    """Raise ``TivaxError`` unless columns add up to output, naming the worst industry.

    Inputs, taxes, margins and value added, where the file has all of these; with value
    added alone, that it is possible: see :func:`impossible_value_added`.
    """
    if table.value_added is None:
        return
    inputs, x, added = table.Z.sum(axis=0), table.x, table.value_added
    if table.taxes_and_margins is None:
        count, worst = impossible_value_added(table, tolerance)
        if count:
            raise TivaxError(
                f"{table.where}: impossible value added in {count} of {x.size} "
                f"industries, worst {worst}; unbalanced=True imports the table as it "
                "is",
                argument="unbalanced",
            )
        return
    made = inputs + table.taxes_and_margins + added
    over = np.nan_to_num(np.abs(made - x) - tolerance.allowed(x), nan=np.inf)
    if over.max() > 0:
        k = int(over.argmax())
        raise TivaxError(
            f"{table.where}: {(over > 0).sum()} of {x.size} columns do not add up, "
            f"worst {table.industry(k)}: inputs {inputs[k]:,.6g}, taxes and margins "
            f"{table.taxes_and_margins[k]:,.6g} and value added {added[k]:,.6g}, but "
            f"output {x[k]:,.6g}; unbalanced=True imports the table as it is",
            argument="unbalanced",
        )


def impossible_value_added(table: WorldTable, tolerance: Tolerance) -> tuple[int, str]:
    """Number of industries whose value added no taxes and subsidies explain, and the
    worst of them in words.

    Output at basic prices is inputs, taxes less subsidies on them, margins, and value
    added. Subsidies do not exceed the inputs that they are paid for, so that value
    added is at most output; taxes and margins are not larger than output, so that it is
    at least minus inputs. In WIOD 2016 (2014) they are -0.22 to 0.24 of output.
    """
    if table.value_added is None:
        return 0, ""
    allowed, added = tolerance.allowed(table.x), table.value_added
    inputs = table.Z.sum(axis=0)
    bad = (added > table.x + allowed) | (added < -inputs - allowed)
    if not bad.any():
        return 0, ""
    k = int(np.where(bad, np.abs(added), 0).argmax())
    return int(bad.sum()), (
        f"{table.industry(k)}: value added {added[k]:,.6g}, inputs "
        f"{inputs[k]:,.6g}, output {table.x[k]:,.6g}"
    )


# Rows are looked at together as far as they have so many cells.
_TOGETHER = 1 << 24


def _count(
    values: np.ndarray, is_bad: Callable[[np.ndarray], np.ndarray]
) -> tuple[int, np.ndarray]:
    """Count the bad cells and find the first; some rows at a time, for an array may be
    larger than memory."""
    count, place = 0, np.zeros(values.ndim, int)
    rows = max(1, _TOGETHER // max(1, values[:1].size))
    for first in range(0, len(values), rows):
        bad = is_bad(values[first : first + rows])
        if not count and bad.any():
            place = np.argwhere(bad)[0]
            place[0] += first
        count += int(bad.sum())
    return count, place


def _cell(table: WorldTable, name: str, place: np.ndarray) -> str:
    """The labels of a cell of one array."""
    at = place.tolist()
    row = table.industry(at[0])
    if name == "Z":
        return f"{row} to {table.industry(at[1])}"
    if name == "Y":
        return f"{row} to {table.regions[at[1]]} {table.categories[at[2]]}"
    return row
