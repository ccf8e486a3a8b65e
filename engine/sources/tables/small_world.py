"""Small worlds of real tables for examples: of WIOD 2013, and of ADB."""

import os
from pathlib import Path
from typing import Literal, get_args

from ...core import TivaxError, cache_folder, local_path, require_choice, warn
from ...tables import (
    WorldTables,
    aggregate,
    open_store,
    save_store,
    stack_years,
    synthetic_world,
)
from ..catalogue import get_source
from ..download import fetch

ECONOMIES = "BRA CHN DEU FRA GBR IND ITA JPN KOR USA".split()
YEARS = (1995, 2008, 2011)
_Database = Literal["wiod2013", "adb"]


def small_world(
    raw: str | os.PathLike[str] | None = None,
    *,
    of: _Database = "wiod2013",
) -> WorldTables:
    """Ten economies, the rest of the world and 15 sections of WIOD 2013; or China,
    India, Japan and the rest of the world in three sectors of ADB, which are fetched.

    The tables are not ours to ship in the package. Download WIOD 2013 once
    (``tivax fetch wiod2013 --out raw``) and give its folder: the aggregate is kept in
    the user's cache folder, and later calls need no argument. Without it a synthetic
    world of the same size stands in, with a warning. The workbook of ADB has 80 kB: it
    is fetched once and compared with its SHA-256; without the internet a synthetic
    world stands in, with a warning, too.

    Parameters
    ----------
    raw : path, optional
        Folder with the files of WIOD 2013 as published, or with the workbook of ADB
        (``tivax fetch adb --format 4x3``).
    of : "wiod2013" or "adb"
        The database.

    Returns
    -------
    WorldTables
        1995, 2008 and 2011 in million US$. Cite Timmer, Dietzenbacher, Los, Stehrer
        and de Vries (2015), Review of International Economics 23: 575-605 (CC BY 4.0).
        Of ADB 2023: Asian Development Bank, Multiregional Input-Output Tables.

    Raises
    ------
    TivaxError
        ``raw`` holds no files of the database, or damaged ones.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore")  # where no tables are kept
    >>> small = tx.small_world()
    >>> len(small.regions), len(small.sectors), len(small.years)
    (11, 15, 3)
    """
    require_choice("of", of, get_args(_Database))
    root = cache_folder()
    if of == "adb":
        return _of_adb(local_path("raw", raw) if raw is not None else None, root)
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


def _of_adb(raw: Path | None, root: Path | None) -> WorldTables:
    """The workbook of ``raw``, else that of the cache, where it is fetched to."""
    if raw is None:
        try:
            if root is None:
                raise TivaxError("no folder to keep a download in")
            (root / "adb").mkdir(parents=True, exist_ok=True)
            raw = fetch("adb", root / "adb", format="4x3", pauses=()).path
        except TivaxError as error:
            warn(f"small_world: a synthetic world, as ADB's was not to be had: {error}")
            return synthetic_world(regions=4, sectors=3, years=1, seed=1)
    source = get_source("adb")
    years = [table for file in source.find([raw]) for table in source.read(file)]
    return stack_years(years, source="adb, three economies")


def _aggregated(raw: Path) -> WorldTables:
    source = get_source("wiod2013")
    files = [file for file in source.find([raw]) if file.year in YEARS]
    years = [table for file in files for table in source.read(file)]
    tables = stack_years(years, source="wiod2013, ten economies")
    regions = {k: k if k in ECONOMIES else "ROW" for k in tables.regions}
    return aggregate(tables, regions=regions, sectors="wiod2013-sections")
