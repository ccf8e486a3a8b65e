"""Regions that figures and printed tables show: those asked for, or the largest."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from ..core import Phrase, TivaxError
from .countries import REST, find_region

# Of a figure of lines or panels, of points with names, of rows.
FEW, NAMED, MANY = 8, 14, 20


@dataclass(frozen=True)
class ShownRegions:
    """``few`` in figures of lines and in printed tables, ``many`` in maps and bars.

    ``rule`` says in words how they were chosen.
    """

    few: list[str]
    many: list[str]
    rule: str
    asked: bool = False


def shown_regions(
    size: pd.Series, measure: str, asked: Sequence[str] = ()
) -> ShownRegions:
    """The regions asked for, in that order, else the largest by ``size``.

    The largest are eight without ROW, and of many the 20 largest and ROW. ``measure``
    says what is large, in words. Raises ``TivaxError`` for an unknown region.
    """
    if asked:
        chosen = known_regions(asked, [str(k) for k in size.index])
        return ShownRegions(chosen, chosen, "the regions asked for", asked=True)
    few = largest(size, FEW, rest=False)
    rule = "the {count} largest by {size}" if len(few) > 1 else "the largest by {size}"
    if len(few) == len(size):
        rule = "all, largest first by {size}"
    rule += ", ROW left out" if REST in size.index else ""
    rule = Phrase(rule, count=len(few), size=measure)
    return ShownRegions(few, largest(size, MANY), rule)


def largest(size: pd.Series, count: int, *, rest: bool = True) -> list[str]:
    """The largest in falling order, without ROW; ``rest``: ROW comes last."""
    others = size.drop(REST, errors="ignore")
    order = others.sort_values(ascending=False, kind="stable").index[:count]
    return [str(k) for k in order] + ([REST] if rest and REST in size.index else [])


def known_regions(regions: Sequence[str], known: Sequence[str]) -> list[str]:
    """The codes of regions, named by code or country; ``TivaxError`` for none, or an
    unknown one."""
    if not regions:
        raise TivaxError("no region to draw; name at least one")
    return list(dict.fromkeys(find_region(region, known) for region in regions))


def ends_of(values: pd.Series) -> list[tuple[str, float]]:
    """The regions with the highest and the lowest value, without ROW; none of fewer
    than two, or where all are alike but for rounding."""
    there = values.drop(REST, errors="ignore").dropna().sort_values(kind="stable")
    if len(there) < 2:
        return []
    low, high = there.iloc[0], there.iloc[-1]
    if high - low <= 1e-9 * max(1, abs(low), abs(high)):
        return []
    return [(str(there.index[k]), float(there.iloc[k])) for k in (-1, 0)]


def trade_size(tbi: xr.Dataset) -> pd.Series:
    """Value-added exports and imports together, by region in the last year."""
    last = tbi.isel(year=-1)
    return (last["va_exports"] + last["va_imports"]).to_series()


def size_of(totals: xr.DataArray) -> pd.Series:
    """All parts together by region, in the last year."""
    return totals.isel(year=-1).sum("part").to_series()
