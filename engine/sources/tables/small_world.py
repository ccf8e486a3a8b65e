"""A small world of real tables for examples: WIOD 2013 with ten economies."""

import os
from pathlib import Path

from ...core import cache_folder, local_path, warn
from ...tables import (
    WorldTables,
    aggregate,
    open_store,
    save_store,
    stack_years,
    synthetic_world,
)
from ..catalogue import get_source

ECONOMIES = "BRA CHN DEU FRA GBR IND ITA JPN KOR USA".split()
YEARS = (1995, 2008, 2011)


def small_world(raw: str | os.PathLike[str] | None = None) -> WorldTables:
    """Ten economies, the rest of the world and 15 sections of WIOD 2013.

    The tables are not ours to ship in the package. Download WIOD 2013 once
    (``tivax fetch wiod2013 --out raw``) and give its folder: the aggregate is kept in
    the user's cache folder, and later calls need no argument. Without it a synthetic
    world of the same size stands in, with a warning.

    Parameters
    ----------
    raw : path, optional
        Folder with the files of WIOD 2013 as published.

    Returns
    -------
    WorldTables
        1995, 2008 and 2011 in million US$. Cite Timmer, Dietzenbacher, Los, Stehrer
        and de Vries (2015), Review of International Economics 23: 575-605 (CC BY 4.0).

    Raises
    ------
    TivaxError
        ``raw`` holds no files of WIOD 2013, or damaged ones.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore")  # where no tables are kept
    >>> small = tx.small_world()
    >>> len(small.regions), len(small.sectors), len(small.years)
    (11, 15, 3)
    """
    root = cache_folder()
    kept = root / "small_world" if root else None
    if raw is not None:
        tables = _aggregated(local_path("raw", raw))
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_store(tables, kept, force=kept.exists())
        return tables
    if kept and kept.exists():
        return open_store(kept)
    warn(
        "small_world: a synthetic world, as no tables of WIOD 2013 are kept; "
        "tivax fetch wiod2013 --out raw, then tx.small_world('raw')"
    )
    return synthetic_world(regions=11, sectors=15, years=3, seed=1)


def _aggregated(raw: Path) -> WorldTables:
    source = get_source("wiod2013")
    files = [file for file in source.find([raw]) if file.year in YEARS]
    years = [table for file in files for table in source.read(file)]
    tables = stack_years(years, source="wiod2013, ten economies")
    regions = {k: k if k in ECONOMIES else "ROW" for k in tables.regions}
    return aggregate(tables, regions=regions, sectors="wiod2013-sections")
