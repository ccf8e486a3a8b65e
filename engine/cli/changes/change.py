"""``tivax change``: why a measure changed between two years."""

from typing import Annotated

import typer

from ...core import start_jax
from ..completion import complete_indicators
from ..options import (
    Force,
    FormatOption,
    GroupsOption,
    Inventories,
    Json,
    Net,
    NoFigures,
    Out,
    Quiet,
    Satellites,
    Store,
    ValueAddedOption,
    Verbose,
    Years,
    parse_years,
)
from ..terminal import Terminal


def change(
    store: Store,
    out: Out,
    start: Annotated[
        int | None,
        typer.Option("--from", help="The first year; by default the store's first."),
    ] = None,
    end: Annotated[
        int | None,
        typer.Option("--to", help="The second year; by default the store's last."),
    ] = None,
    years: Years = "",
    measure: Annotated[
        str,
        typer.Option(
            "--measure",
            help="tbi, va_exports, va_imports, gross_exports, gross_imports, vax_ratio "
            "or the code of an indicator (`tivax indicators --list`).",
            autocompletion=complete_indicators,
        ),
    ] = "tbi",
    region: Annotated[
        str,
        typer.Option(
            "--region",
            "--regions",
            help="Whose measure: CHN,USA,DEU; by default of all regions.",
        ),
    ] = "",
    sector: Annotated[
        str,
        typer.Option("--sector", help="With an indicator: of this sector of theirs."),
    ] = "",
    chained: Annotated[
        bool,
        typer.Option(
            "--chained", help="Also from year to year: a column chained, steps.csv."
        ),
    ] = False,
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes",
            min=1,
            help="Points of the path; by default as many as bring the remainder to "
            "1e-10.",
        ),
    ] = None,
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    groups: GroupsOption = None,
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: FormatOption = "csv",
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Why a measure changed between two years: its change by factor, with figures.

    Technology, sourcing, level, mix and origin of final demand, value-added shares.
    Writes change.csv (region, measure, start, end, factor, value, home, abroad, polar,
    share), by_partner.parquet and by_sector.parquet (where), figures, manifest.json.

    Example: tivax change wiod16 --from 2000 --to 2014 --out why
    """
    start_jax()
    from ...core import Run, TivaxError, require_format
    from ...tables import choose_groups
    from ..tables.inputs import correct_tables, open_tables, read_accounts, split_codes
    from .change_files import run_change

    terminal = Terminal(quiet, json=json, verbose=verbose)
    file_format = require_format(format)
    accounts = read_accounts(value_added, satellite or [])
    if len(accounts) > 1:
        raise TivaxError(
            f"--satellite: {len(accounts)} accounts; give a file with one, since each "
            "changes for reasons of its own"
        )
    if span := parse_years(years):
        if start is not None or end is not None:
            raise TivaxError(f"--years {years}: give it or --from and --to, not both")
        start, end = span
    tables = open_tables(store, "")
    chosen = choose_groups(groups, tables.regions)
    run_change(
        correct_tables(tables, net_inventories, inventories, terminal),
        measure,
        out,
        Run("change", inputs=[store, *chosen.files, *(satellite or ())]),
        groups=chosen,
        start=start,
        end=end,
        regions=split_codes(region),
        sector=sector or None,
        chained=chained,
        nodes=nodes,
        value_added=accounts[0],
        format=file_format,
        figures=not no_figures,
        force=force,
        terminal=terminal,
    )
