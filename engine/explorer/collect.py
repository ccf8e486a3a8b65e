"""Results of several folders, over the same years and economies.

What a folder lacks is not offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, suggest
from .meaning import Meaning, Origin, origin_of
from .read import sector_titles
from .series import (
    ResultFolder,
    ResultTable,
    Series,
    Side,
    read_folder,
    result_folder,
)


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of all years and regions.

    Attributes
    ----------
    code
        The name in the file.
    meaning
        In words, with its unit, which is empty where the result does not tell it.
    group
        The result folder.
    file
        The table it was read from.
    values : (t, c), (t, c, c) or (t, c, s)
        By year and region, and by partner or sector, as ``side`` says. NaN where there
        is none.
    low, high : the same shape, or None
        Ends of the interval of 95 %, of results that have one.
    """

    code: str
    meaning: Meaning
    group: str
    file: Path
    values: Float[np.ndarray, "t c *k"]
    low: Float[np.ndarray, "t c *k"] | None = None
    high: Float[np.ndarray, "t c *k"] | None = None
    side: Side = ""

    @property
    def signed(self) -> bool:
        """Either sign has a meaning of its own, as with balances; where nothing tells,
        numbers of both signs are there."""
        if self.meaning.signed is not None:
            return self.meaning.signed
        there = self.values[~np.isnan(self.values)]
        return bool(there.size and there.min() < 0 < there.max())


@dataclass(frozen=True, eq=False)
class Collected:
    """The measures of one or more results, over the same years and regions, and their
    tables that are shown by row.

    ``sectors`` are names by code; ``origins`` what the folders were computed from;
    ``unrecorded`` those that no checksum vouches for; ``newest`` the one made last,
    which the page opens on.
    """

    years: tuple[int, ...]
    regions: tuple[str, ...]
    measures: tuple[Measure, ...]
    unrecorded: tuple[str, ...] = ()
    sectors: dict[str, str] = field(default_factory=dict)
    tables: tuple[ResultTable, ...] = ()
    origins: dict[str, Origin] = field(default_factory=dict)
    newest: str = ""

    @property
    def bytes(self) -> int:
        """Bytes of the numbers of all measures."""
        arrays = [a for k in self.measures for a in (k.values, k.low, k.high)]
        return sum(a.nbytes for a in arrays if a is not None)


def result_folders(paths: Sequence[Path]) -> list[ResultFolder]:
    """The folders by their last name, or by their path where two have the same."""
    short = [path.resolve().name for path in paths]
    names = short if len(set(short)) == len(short) else [str(path) for path in paths]
    return [result_folder(path, name) for path, name in zip(paths, names, strict=True)]


def collect_results(
    results: Sequence[ResultFolder], only: Sequence[str] = ()
) -> Collected:
    """The measures and tables of result folders.

    ``only`` names the measures and tables that are wanted, by code; else all are
    collected.

    Raises
    ------
    TivaxError
        A folder is missing or holds no result, a table cannot be read or lacks a
        column, a row is there twice, or no measure has a name of ``only``.
    """
    found: list[tuple[str, Series]] = []
    tables: list[ResultTable] = []
    for folder in results:
        series, by_row = read_folder(folder)
        found += [(folder.name, k) for k in series if not k.rows.empty]
        tables += by_row
    codes = [*dict.fromkeys([*(k.code for _, k in found), *(k.code for k in tables)])]
    for name in only:
        if name not in codes:
            raise TivaxError(f"no measure {name}: {suggest(name, codes)}")
    found = [k for k in found if not only or k[1].code in only]
    tables = [k for k in tables if not only or k.code in only]
    if not found and not tables:
        raise TivaxError(f"{results[0].path}: its tables have no rows to show")
    years = sorted({int(y) for _, k in found for y in k.rows["year"].unique()})
    regions = _labels(found, "region", "partner")
    sectors = _labels(found, None, "sector")
    measures = [
        _measure(k, group, years, regions, sectors if k.side == "sector" else regions)
        for group, k in found
    ]
    titles = {k: v for one in results for k, v in sector_titles(one.path).items()}
    return Collected(
        tuple(years),
        tuple(regions),
        tuple(measures),
        tuple(k.name for k in results if not k.recorded),
        {code: titles.get(code, code) for code in sectors},
        tuple(tables),
        {k.name: origin_of(k.manifest, k.name) for k in results},
        max(results, key=lambda k: str(k.manifest.get("started", ""))).name,
    )


def _labels(
    found: Sequence[tuple[str, Series]], first: str | None, side: Side
) -> list[str]:
    """Labels of the first side, and of the other where it is ``side``, as they come."""
    columns = [
        series.rows[name]
        for _, series in found
        for name in (first, "other" if series.side == side else None)
        if name is not None
    ]
    return [*dict.fromkeys(str(label) for k in columns for label in k.unique())]


def _measure(
    series: Series,
    group: str,
    years: list[int],
    regions: list[str],
    others: list[str],
) -> Measure:
    rows = series.rows
    known = {"year": years, "region": regions, "other": others}
    keys = [k for k in known if k in rows]
    twice = rows[rows.duplicated(keys)]
    if not twice.empty:
        labels = " ".join(map(str, twice[keys].iloc[0]))
        raise TivaxError(f"{series.file}: {series.code} of {labels} is there twice")
    places = tuple(pd.Index(known[k]).get_indexer(pd.Index(rows[k])) for k in keys)
    shape = tuple(len(known[k]) for k in keys)

    def array(name: str) -> np.ndarray | None:
        if name not in rows or (name != "value" and rows[name].isna().all()):
            return None
        full = np.full(shape, np.nan)
        full[places] = rows[name]
        return full

    values, low, high = map(array, ("value", "low", "high"))
    assert values is not None
    about = series.code, series.meaning, group, series.file
    return Measure(*about, values, low, high, series.side)
