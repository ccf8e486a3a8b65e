"""Tables, accounts and panels that the options of a command name."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from xarray import DataArray

from .. import estimation, resampling, sources  # loaded where a command needs them
from ..core import TivaxError, naming, parse_years
from ..tables import WorldTables, normalise, open_store


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


def split_codes(text: str) -> list[str]:
    """Labels separated by commas, each once."""
    return list(dict.fromkeys(code for code in normalise(text.split(",")) if code))


def read_final_accounts(paths: Sequence[Path]) -> dict[str, DataArray]:
    """The direct emissions of final demand, by the name of their account: of files that
    have a column ``final``."""
    own = [path for path in paths if sources.has_final(path)]
    return {str(k.name): k for k in sources.read_satellites(own, final=True)}


def read_panels(run: "resampling.RunFile") -> dict[Path, pd.DataFrame]:
    """The panels of a run file, with the lags that its models take."""
    return {
        path: resampling.read_with_lags(path, [k for k, at in run.models if at == path])
        for path in run.panels
    }


def fit_models(run: "resampling.RunFile") -> "list[estimation.LinearFit]":
    """The models of a run file, fitted to their panels."""
    panels = read_panels(run)
    with naming(run.path):
        return [estimation.LinearFit.to_draw(panels[path], k) for k, path in run.models]
