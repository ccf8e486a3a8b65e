"""Doubts about a table that no accounting rule settles; never an error.

Rows can add up although labels are wrong: industries listed sector by sector, columns
in another order than rows, regions of final demand mixed up. The signs: industries
buy more than they make, and regions hardly trade with themselves. Measured
on WIOD 2013 (17 years) and WIOD 2016 (2014, rebuilt from its pieces): no industry of a
tenth of the mean or more buys more than 0.98 of its output, none at all more than 1.3;
81 to 87 % of intermediate sales and 90 to 93 % of final demand stay in their region.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import percent_text
from .world_table import WorldTable

# Sizes of an industry, output or inputs, over the mean output: at the first it should
# not buy more than it makes, at the second not twice as much.
_OF_SIZE = 0.1
_NOT_TINY = 1e-3
# Rows that miss their output are explained by another order that leaves a hundredth of
# what they miss; less than a millionth of output is rounding.
_ROUNDING = 1e-6
_EXPLAINED = 0.01
# Another order of labels is reported where it keeps this much more at home, and this
# much. (So are 0.4 % of 3,300 random tables without home bias, all of two sectors.)
_MORE_AT_HOME = 0.2
_AT_HOME = 0.4
# With fewer regions, or one sector, chance does as much.
_FEWEST_REGIONS = 3


def find_doubts(
    table: WorldTable, parents: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Doubts about a table, in words; empty where it looks sound.

    ``parents`` are those of split regions (see ``WorldTables``). Sums over Z and no
    solve, O(n^2). A table with cells that are not finite has other faults, and no
    doubts.
    """
    inputs = table.Z.sum(axis=0)
    totals = np.array([table.x.sum(), table.Y.sum(), inputs.sum()])
    if not totals.any() and not table.x.any():
        return ("all flows are 0",)
    if not np.isfinite(totals).all() or table.x.sum() <= 0:
        return ()
    return (
        *_alike(table),
        *_without_inputs(table, inputs),
        *_large_inputs(table, inputs),
        *_little_value_added(table),
        *_rows_in_another_order(table),
        *_sector_by_sector(table),
        *_regions_in_another_order(table, parents or {}),
    )


def _alike(table: WorldTable) -> Iterator[str]:
    """Labels that a reader takes for one: in case, accents or hidden letters alone."""
    for what in (table.regions, (*table.sectors, *table.categories)):
        seen: dict[str, str] = {}
        for label in dict.fromkeys(what):
            letters = unicodedata.normalize("NFKC", label)
            kept = [k for k in letters if unicodedata.category(k) != "Cf"]
            first = seen.setdefault("".join("".join(kept).casefold().split()), label)
            if first != label:
                yield f"labels {first!a} and {label!a} look alike: are they one?"
                break


def _without_inputs(
    table: WorldTable, inputs: Float[np.ndarray, " n"]
) -> Iterator[str]:
    """Sectors that make something and buy nothing anywhere."""
    by_sector = (-1, len(table.sectors))
    made = (table.x.reshape(by_sector) > 0).any(axis=0)
    found = np.flatnonzero(made & ~inputs.reshape(by_sector).any(axis=0)).tolist()
    if found:
        yield (
            f"{len(found)} of {made.sum()} sectors with output buy nothing anywhere, "
            f"first {table.sectors[found[0]]}: are sellers and buyers labelled alike?"
        )


def _large_inputs(table: WorldTable, inputs: Float[np.ndarray, " n"]) -> Iterator[str]:
    """Industries whose residual value added is negative, but for small ones."""
    x = np.maximum(table.x, 0)
    size = np.maximum(x, inputs) / x.mean()
    found = (size >= _OF_SIZE) & (inputs > x) | (size >= _NOT_TINY) & (inputs > 2 * x)
    if found.any():
        share = np.divide(inputs, x, out=np.full_like(x, np.inf), where=x > 0)
        k = int(np.where(found, share, 0).argmax())
        worst = f"{share[k]:.3g} times its output" if x[k] > 0 else "but no output"
        yield (
            f"{found.sum()} of {found.size} industries with more inputs than output "
            f"(negative value added), most {table.industry(k)}: inputs {worst}"
        )


def _little_value_added(table: WorldTable) -> Iterator[str]:
    """A row of value added that taxes and imports do not explain: at most a tenth of
    final demand, which it is of the world but for taxes."""
    if table.value_added is not None:
        added, final = table.value_added.sum(), table.Y.sum()
        if 0 < 10 * added <= final:
            share = percent_text(added / final, 2)
            yield f"value added is {share} of final demand: are they in one unit?"


def _rows_in_another_order(table: WorldTable) -> Iterator[str]:
    """The order in which rows would equal output, where they do not."""
    sold, final, x = table.Z.sum(axis=1), table.Y.sum(axis=(1, 2)), table.x

    def misses(sales: Float[np.ndarray, " n"], x: Float[np.ndarray, " n"]) -> float:
        return float(np.abs(sales - x).sum() / table.x.sum())

    def sorted_by_sector(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return values.reshape(-1, len(table.regions)).T.ravel()

    sales = sold + final
    now = misses(sales, x)
    if now <= _ROUNDING:
        return
    orders = {
        "x runs sector by sector": misses(sales, sorted_by_sector(x)),
        "the rows of Z and Y run sector by sector": misses(sorted_by_sector(sales), x),
        "the rows of Y run sector by sector": misses(sold + sorted_by_sector(final), x),
        "the rows of Z run sector by sector": misses(sorted_by_sector(sold) + final, x),
        "Z is transposed": misses(table.Z.sum(axis=0) + final, x),
    }
    best = min(orders, key=lambda name: orders[name])
    if orders[best] <= _EXPLAINED * now:
        yield f"rows equal output only if {best}"
        return
    a, b = np.argsort(sales), np.argsort(x)
    if misses(sales[a], x[b]) <= _EXPLAINED * now:
        at = np.empty(x.size, dtype=int)
        at[a] = b
        at = at.tolist()
        k = next(k for k, place in enumerate(at) if place != k)
        yield (
            "rows equal output only if x is in another order: what "
            f"{table.industry(k)} sells is the x of {table.industry(at[k])}"
        )


def _sector_by_sector(table: WorldTable) -> Iterator[str]:
    """Rows or columns of Z that keep far more at home if they run sector by sector."""
    c = len(table.regions)
    if c < _FEWEST_REGIONS or len(table.sectors) == 1:
        return
    now = _home(_between(table.Z, c))
    if now > 1 - _MORE_AT_HOME:
        return  # no other order can hold so much more; sums over Z are spared
    orders = {
        "rows and columns": {"rows": True, "columns": True},
        "the columns of Z": {"columns": True},
        "the rows of Z": {"rows": True},
    }
    home = {what: _home(_between(table.Z, c, **how)) for what, how in orders.items()}
    best = max(home, key=lambda what: home[what])
    if home[best] >= max(now + _MORE_AT_HOME, _enough(c)):
        yield (
            f"{best} seem to run sector by sector, not region by region: "
            f"{percent_text(home[best])} of intermediate sales would then stay in "
            f"their region, as labelled {percent_text(now)} do"
        )


def _regions_in_another_order(
    table: WorldTable, parents: Mapping[str, str]
) -> Iterator[str]:
    """Regions whose columns buy from one of another label what others buy at home."""
    from scipy import optimize  # takes a fifth of a second, and `tivax check` only

    c, s = len(table.regions), len(table.sectors)
    whole = [region for region in table.regions if region not in parents]
    if len(whole) < _FEWEST_REGIONS or s == 1:
        return
    place = [whole.index(parents.get(region, region)) for region in table.regions]
    merged = np.zeros((len(whole), c))
    merged[place, np.arange(c)] = 1
    # Inventories run down say nothing of who buys from whom.
    demand = np.maximum(table.Y, 0).sum(axis=2).reshape(c, s, c).sum(axis=1)
    for name, flows in (("Z", _between(table.Z, c)), ("Y", demand)):
        flows = merged @ flows @ merged.T
        origin, column = optimize.linear_sum_assignment(-flows)
        moved = np.flatnonzero(origin != column)
        there, here = flows[moved, column[moved]], np.diag(flows)[column[moved]]
        if (
            moved.size
            and _home(flows[:, column]) >= _enough(len(whole))
            and there.sum() >= 2 * here.sum()
            and (there >= flows[:, column[moved]].max(axis=0)).all()
        ):
            k = moved.tolist()[0]
            yield (
                f"the columns of {name} seem to have their regions in another order: "
                f"the column of {whole[column[k]]} buys most from {whole[k]}"
            )


def _between(
    Z: Any, c: int, *, rows: bool = False, columns: bool = False
) -> Float[np.ndarray, "c c"]:
    """Sales between regions; ``rows`` and ``columns`` that run sector by sector.

    Where Z is not in memory it does it itself (``between``).
    """
    if not isinstance(Z, np.ndarray):
        return Z.between(rows=rows, columns=columns)
    s = len(Z) // c
    shape = [*((s, c) if rows else (c, s)), *((s, c) if columns else (c, s))]
    return Z.reshape(shape).sum(axis=(0 if rows else 1, 2 if columns else 3))


def _enough(regions: int) -> float:
    """The share at home that chance does not give: twice what it does."""
    return max(_AT_HOME, 2 / regions)


def _home(flows: Float[np.ndarray, "c c"]) -> float:
    """The share of flows that stay in their region."""
    whole = flows.sum()
    return float(np.trace(flows) / whole) if whole > 0 else 1.0
