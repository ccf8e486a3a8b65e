"""Tables and accounts that the options of a command name."""

from collections.abc import Sequence
from pathlib import Path

from xarray import DataArray

from .. import errors, sources  # loaded where an option asks for them
from ..core import TivaxError, parse_years
from ..measures import (
    ValueAdded,
    require_value_added,
    value_added_name,
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
    tables: WorldTables, wanted: bool, names: Sequence[str] | None, terminal: Terminal
) -> NetInventories:
    """The tables, net of inventories where that is wanted."""
    if not wanted and names:
        raise TivaxError(f"--inventories {names[0]}: give --net-inventories as well")
    if not wanted:
        return NetInventories(tables)
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


def read_final_accounts(
    paths: Sequence[Path], accounts: Sequence[ValueAdded]
) -> dict[str, DataArray]:
    """The direct emissions of final demand, by the name of their account."""
    if not paths:
        return {}
    found = sources.read_satellites(paths, final=True)
    names = [value_added_name(k) for k in accounts if not isinstance(k, str)]
    for account in found:
        if account.name not in names:
            there = f"there are {', '.join(names)}" if names else "there is none"
            raise TivaxError(
                f"--satellite-final: {account.name} needs a --satellite account of "
                f"that name; {there}"
            )
    return {str(account.name): account for account in found}
