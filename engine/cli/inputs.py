"""Tables and accounts that the options of a command name."""

from collections.abc import Sequence
from pathlib import Path

from xarray import DataArray

from .. import errors, sources  # loaded where an option asks for them
from ..core import TivaxError, parse_years
from ..measures import (
    ValueAdded,
    require_value_added,
)
from ..tables import (
    NetInventories,
    WorldTables,
    correct_for_inventories,
    normalise,
    open_store,
)
from .terminal import Terminal


def open_tables(store: Path, years: str) -> WorldTables:
    """The years of a store, read when they are used."""
    wanted = parse_years(years)
    tables = open_store(store, years=wanted, lazy=True)
    if wanted and (tables.years[0], tables.years[-1]) != wanted:
        there = open_store(store, lazy=True).years
        raise TivaxError(
            f"--years {years}: {store} holds {there[0]} to {there[-1]}; begin and end "
            "with years that it holds"
        )
    return tables


def correct_tables(
    tables: WorldTables, categories: str | None, terminal: Terminal
) -> NetInventories:
    """The tables, net of inventories where that is wanted: of the ``categories``
    named, of those known where the text is empty."""
    if categories is None:
        return NetInventories(tables)
    names = [k.strip() for k in categories.split(",") if k.strip()]
    with terminal.progress("inventories") as progress:
        return correct_for_inventories(tables, names or None, progress=progress)


def read_error(name: str | None) -> "errors.ErrorModel | None":
    """The error model of ``--error``, None without it."""
    return None if name is None else errors.ErrorModel.read(name)


def error_files(name: str | None, model: "errors.ErrorModel | None") -> list[Path]:
    """The files of an error model, for the inputs of a manifest."""
    if model is None or name is None:
        return []
    return [k for k in (Path(name), *model.files) if k.is_file()]


def split_codes(text: str) -> list[str]:
    """Labels separated by commas, each once."""
    return list(dict.fromkeys(code for code in normalise(text.split(",")) if code))


def read_accounts(value_added: str, satellites: Sequence[Path]) -> list[ValueAdded]:
    """Read the accounts to trace: value added as defined, or those of files."""
    defined = require_value_added(value_added)
    if not satellites:
        return [defined]
    if defined != "residual":
        raise TivaxError(
            "--satellite stands in place of value added: leave out --value-added "
            f"{value_added}"
        )
    return [*sources.read_satellites(satellites)]


def read_final_accounts(paths: Sequence[Path]) -> dict[str, DataArray]:
    """The direct emissions of final demand, by the name of their account: of files that
    have a column ``final``."""
    own = [path for path in paths if sources.has_final(path)]
    return {str(k.name): k for k in sources.read_satellites(own, final=True)}
