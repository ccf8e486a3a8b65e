"""``tivax change``: why a measure changed between two years."""

from typing import Annotated

import typer

from ...core import parse_years, start_jax
from ..bundles import Accounts, Output, Screen, command
from ..completion import complete_indicators
from ..options import GroupsOption, Inventories, Net, Store, Years


@command
def change(
    store: Store,
    output: Output,
    accounts: Accounts,
    screen: Screen,
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
            "or the code of an indicator (`tivax list indicators`).",
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
    groups: GroupsOption = None,
    net_inventories: Net = False,
    inventories: Inventories = None,
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
    from ..inputs import correct_tables, open_tables, split_codes
    from .change_files import run_change

    terminal = screen.terminal()
    file_format = require_format(output.format)
    traced = accounts.read()
    if len(traced) > 1:
        raise TivaxError(
            f"--satellite: {len(traced)} accounts; give a file with one, since each "
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
        output.out,
        Run("change", inputs=[store, *chosen.files, *accounts.files]),
        groups=chosen,
        start=start,
        end=end,
        regions=split_codes(region),
        sector=sector or None,
        chained=chained,
        nodes=nodes,
        value_added=traced[0],
        format=file_format,
        figures=output.figures,
        force=output.force,
        terminal=terminal,
    )
