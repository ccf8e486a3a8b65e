"""World tables rebuilt from anybody's national tables, by a recipe.

The recipe is a TOML file that names national use tables, trade by seller and buyer,
and where there are any a seed, totals and a rest of the world: see
``rebuilding.national.recipe``. All files are in long form, csv, parquet or xlsx.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core import TivaxError, local_path
from ...files import TableFile, finding
from ...rebuilding import read_recipe, rebuild_by_recipe
from ...tables import Tolerance, WorldTable, WorldTables, stack_years

_WANTED = (
    "a recipe, one .toml file; tivax import national --example FOLDER writes one with "
    "its files"
)


def find(paths: Sequence[Path]) -> list[TableFile]:
    """A file for each year, all with the files that the recipe names as parts."""
    found = finding.gather(paths, r"(?!\.).*\.toml", _WANTED)
    if len(found) > 1:
        raise TivaxError(f"{found[0].name}, {found[1].name}: give only one recipe")
    if found[0].member:
        raise TivaxError(f"{found[0].name}: unpack the archive, its files stand beside")
    recipe = read_recipe(found[0].path)
    parts = {str(k): TableFile(k) for k in recipe.files}
    return [TableFile(found[0].path, year=year, parts=parts) for year in recipe.years]


def read_together(files: Sequence[TableFile]) -> Iterator[WorldTable]:
    """The tables of these years, in order."""
    yield from rebuild_by_recipe(
        read_recipe(files[0].path), [k.year or 0 for k in files]
    )


def from_national(
    recipe: str | Path | Mapping[str, Any],
    *,
    tolerance: Tolerance | None = None,
    source: str = "national",
) -> WorldTables:
    """World tables rebuilt from national tables and trade, by a recipe.

    Parameters
    ----------
    recipe
        A TOML file, or a mapping of the same keys, in which a frame may stand for a
        file: years, countries, sectors, final (categories of final demand), uses
        (national tables, with columns origin, product, user, value), trade (a list of
        tables, with columns seller, buyer, value).
    tolerance, source
        As in :class:`WorldTables`.

    Returns
    -------
    WorldTables
        Estimated tables, which say so.

    Raises
    ------
    TivaxError
        A country, year or label that is missing, a national table that does not add
        up, trade in another unit, margins that contradict each other.

    Examples
    --------
    >>> uses = pd.DataFrame(
    ...     [
    ...         ("AUT", "home", "goods", "goods", 20.0),
    ...         ("AUT", "home", "goods", "households", 30.0),
    ...         ("AUT", "home", "goods", "exports", 10.0),
    ...         ("AUT", "imported", "goods", "goods", 12.0),
    ...         ("DEU", "home", "goods", "households", 90.0),
    ...         ("DEU", "home", "goods", "exports", 12.0),
    ...         ("DEU", "imported", "goods", "goods", 4.0),
    ...         ("DEU", "imported", "goods", "households", 6.0),
    ...     ],
    ...     columns=["country", "origin", "product", "user", "value"],
    ... )
    >>> trade = pd.DataFrame(
    ...     [("AUT", "DEU", 10.0), ("DEU", "AUT", 12.0)],
    ...     columns=["seller", "buyer", "value"],
    ... )
    >>> recipe = {
    ...     "years": [2020],
    ...     "countries": ["AUT", "DEU"],
    ...     "sectors": ["goods"],
    ...     "final": ["households"],
    ...     "uses": {"file": uses},
    ...     "trade": [{"file": trade}],
    ... }
    >>> tables = tx.from_national(recipe)
    >>> tables.Z[0].round(6).tolist(), tables.x.tolist()
    ([[20.0, 4.0], [12.0, 0.0]], [[60.0, 102.0]])
    """
    if not isinstance(recipe, Mapping):
        recipe = local_path("recipe", recipe)
    found = read_recipe(recipe)
    return stack_years(
        list(rebuild_by_recipe(found, found.years)),
        unit=found.unit,
        tolerance=tolerance,
        source=source,
    )
