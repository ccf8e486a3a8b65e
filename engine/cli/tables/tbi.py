"""What `tivax tbi` computes and writes: tables in the format asked for, figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from ...core import (
    Format,
    Progress,
    no_progress,
    shift_progress,
    to_long_frame,
    write_frame,
)
from ...figures import trade as trade_plots
from ...measures import TbiResult, ValueAdded, compute_tbi
from ...measures import trade as measures
from ...reporting import save_figure
from ...tables import WorldTables


def compute_accounts(
    tables: WorldTables,
    accounts: Sequence[ValueAdded],
    final: Mapping[str, xr.DataArray],
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> dict[str, TbiResult]:
    """``compute_tbi`` of each account by name, with ``final`` of that name."""
    years = len(tables.years)
    results = {}
    for k, account in enumerate(accounts):
        name = measures.value_added_name(account)
        results[name] = compute_tbi(
            tables,
            account,
            final=final.get(name),
            progress=shift_progress(progress, k * years, len(accounts) * years),
            **options,
        )
    return results


def write_tbi(result: TbiResult, folder: Path, format: Format = "csv") -> None:
    """Write tbi, vax, vax_by_sector, va_absorbed.parquet and three figures; also
    footprints where there are any."""
    _write_tables(tables_of(result), folder, format)
    for name, figure in figures_of(result).items():
        save_figure(figure, folder, name)


def write_tbi_of_accounts(
    results: Mapping[str, TbiResult], folder: Path, format: Format = "csv"
) -> None:
    """The same tables for several accounts, named in a first column; no figures."""
    each = {account: tables_of(result) for account, result in results.items()}
    names = dict.fromkeys(name for tables in each.values() for name in tables)
    _write_tables(
        {
            name: pd.concat(
                [
                    tables[name].assign(account=account)[["account", *tables[name]]]
                    for account, tables in each.items()
                    if name in tables
                ],
                ignore_index=True,
            )
            for name in names
        },
        folder,
        format,
    )


def _write_tables(
    tables: Mapping[str, pd.DataFrame], folder: Path, format: Format
) -> None:
    for name, frame in tables.items():
        write_frame(frame, folder, name, "parquet" if name == "va_absorbed" else format)


def tables_of(result: TbiResult) -> dict[str, pd.DataFrame]:
    """The tables of `tivax tbi` by file name."""
    columns = [
        "gross_exports",
        "gross_imports",
        "va_exports",
        "va_imports",
        "vax_ratio",
    ]
    frame = to_long_frame(
        result.absorbed.to_dataset(name="value_added"),
        ["year", "origin", "absorber", "value_added"],
    )
    if result.each_group:
        frame = frame.dropna(ignore_index=True)
    tables = {
        "tbi": to_long_frame(
            result.tbi, ["year", "region", "va_exports", "va_imports", "tbi"]
        ),
        "vax": to_long_frame(result.vax, ["year", "region", *columns]),
        "vax_by_sector": to_long_frame(
            result.vax_by_sector, ["year", "region", "sector", *columns, "tbi", "flag"]
        ),
        "va_absorbed": frame,
    }
    if result.footprints is not None:
        tables["footprints"] = to_long_frame(
            result.footprints, ["year", "region", *map(str, result.footprints)]
        )
    return tables


def figures_of(result: TbiResult) -> dict[str, Figure]:
    """The figures of `tivax tbi` by file name.

    Groups that may overlap have no table of bilateral balances: only their index.
    """
    if result.each_group:
        names = [str(k) for k in result.tbi["region"].values]
        return {"tbi": trade_plots.tbi_lines(result.tbi, names)}
    figures = {
        "tbi": trade_plots.tbi_lines(result.tbi),
        "va_balances": trade_plots.balance_heatmap(result.absorbed),
    }
    # Jobs or emissions cannot be set beside gross trade.
    if result.absorbed.attrs.get("units") == result.exports.attrs.get("units"):
        trade = {"va_absorbed": result.absorbed, "gross_exports": result.exports}
        figures["va_versus_gross"] = trade_plots.va_versus_gross(xr.Dataset(trade))
    return figures
