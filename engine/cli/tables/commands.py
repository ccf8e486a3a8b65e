"""Commands on world tables: their options."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...core import start_jax
from ..completion import complete_indicators, complete_level, complete_method
from ..figures import drawing_aside
from ..options import (
    CertifyOption,
    Coordinator,
    Device,
    Devices,
    EachGroup,
    ErrorOption,
    Force,
    FormatOption,
    GroupsOption,
    Inventories,
    Json,
    Net,
    NoFigures,
    Out,
    Processes,
    ProcessId,
    Quiet,
    Regions,
    Satellites,
    Store,
    Timings,
    ValueAddedOption,
    Verbose,
    Years,
)
from ..terminal import Terminal
from ..together import as_one


def check(
    store: Store,
    years: Years = "",
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Check that every year of a store adds up; exit 1 where one does not.

    Also reports signs that labels are in another order than the numbers, which are no
    fault, and how far value added could be checked.

    Example: tivax check wiod16
    """
    start_jax()
    from .check import run_check
    from .inputs import open_tables

    terminal = Terminal(quiet, json=json, verbose=verbose)
    run_check(store, open_tables(store, years), terminal)


def groups(
    store_or_name: Annotated[
        str, typer.Argument(help="A store, or the name of a group.")
    ] = "",
    group: Annotated[
        str, typer.Argument(help="After a store, a group: a row for each member.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="The same as GROUP.")] = "",
    json: Json = False,
) -> None:
    """List the built-in groups of countries, and which members a store has.

    Example: tivax groups EU27
    """
    from .groups import print_groups

    print_groups(Terminal(json=json), store_or_name, group or name)


def aggregate(
    store: Store,
    out: Annotated[Path, typer.Option("--out", help="Where to write the new store.")],
    concordance: Annotated[
        list[str] | None,
        typer.Option(
            "--concordance",
            help='Which sectors or regions to add up: csv (from,to), TOML (new = ["old"'
            ', "old"]) or a built-in one such as wiod2016-sections; repeatable.',
        ),
    ] = None,
    groups: GroupsOption = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            help="Folder for a comparison of results before and after aggregation.",
        ),
    ] = None,
    format: FormatOption = "csv",
    years: Years = "",
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Add up sectors or regions into a new store, and show what that changes.

    With --compare also writes comparison.csv (year, region, measure, detailed,
    aggregated, difference), va_absorbed.parquet, a figure, manifest.json.

    Example: tivax aggregate wiod16 --concordance wiod2016-sections --out sections
    """
    start_jax()
    from ...core import require_format
    from ...tables import choose_groups
    from .aggregate import run_aggregate
    from .inputs import open_tables

    tables = open_tables(store, years)
    run_aggregate(
        store,
        tables,
        concordance or [],
        choose_groups(groups, tables.regions),
        out,
        compare=compare,
        format=require_format(format),
        force=force,
        figures=not no_figures,
        terminal=Terminal(quiet, json=json, verbose=verbose),
    )


def tbi(
    store: Store,
    out: Out,
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    satellite_final: Annotated[
        list[Path] | None,
        typer.Option(
            "--satellite-final",
            help="Direct emissions of final demand, for the accounts of --satellite: a "
            "csv or parquet file (year, region, NAME, ...); adds footprints.csv.",
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option("--drop", help="Leave out a region, such as ROW; repeatable."),
    ] = None,
    groups: GroupsOption = None,
    each_group: EachGroup = False,
    regions: Regions = "",
    certify: CertifyOption = "columns",
    error: ErrorOption = None,
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: FormatOption = "csv",
    years: Years = "",
    device: Device = None,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process_id: ProcessId = None,
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
    timings: Timings = False,
) -> None:
    """Trade benefit index and value-added trade of every year, with figures.

    Writes tbi, vax, vax_by_sector, va_absorbed.parquet, three figures, manifest.json.
    With several accounts, the first column of each table names the account. With
    --error, columns se, ci_low, ci_high stand beside values, and figures have bands.

    Example: tivax tbi wiod16 --out results
    """
    # Before JAX is loaded: others load what draws at the same time.
    with drawing_aside(not no_figures and not process_id, "trade") as aside:
        start_jax(device, devices)
        from ...core import require_format
        from ...measures import require_certify
        from .inputs import correct_tables, error_files, open_tables, read_error
        from .tbi import run_tbi

        with as_one(coordinator, processes, process_id) as first:
            terminal = Terminal(
                quiet or not first, json=json, verbose=verbose, timings=timings
            )
            file_format, certify_what = require_format(format), require_certify(certify)
            model = read_error(error)
            tables = open_tables(store, years)
            run_tbi(
                store,
                correct_tables(tables, net_inventories, inventories, terminal),
                out,
                value_added=value_added,
                satellites=satellite or [],
                final_satellites=satellite_final or [],
                drop=drop or [],
                groups=groups,
                each_group=each_group,
                certify=certify_what,
                error=model,
                error_files=error_files(error, model),
                format=file_format,
                regions=regions,
                figures=not no_figures,
                aside=aside,
                force=force,
                terminal=terminal,
            )


def decompose(
    store: Store,
    out: Out,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="wwz, kww, bm-source, bm-sink, bm-world, bm-self, bm-importer, ltv, "
            "my, tripartite, tripartite-output or production.",
            autocompletion=complete_method,
        ),
    ],
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            help="country, sector, bilateral or bilateral-sector.",
            show_default="bilateral-sector",
            autocompletion=complete_level,
        ),
    ] = None,
    detail: Annotated[
        bool,
        typer.Option(
            "--detail",
            help="With bm-source and bm-sink also write the parts VAX1-4, REF1-2, "
            "FVA1-4.",
        ),
    ] = False,
    by_origin: Annotated[
        bool,
        typer.Option(
            "--by-origin",
            help="With bm-source: by the sector in which value is added, not the one "
            "that exports.",
        ),
    ] = False,
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    groups: GroupsOption = None,
    each_group: EachGroup = False,
    exporters: Annotated[
        str,
        typer.Option(
            "--exporters", help="Keep only what these sell: CHN,VNM; by default all."
        ),
    ] = "",
    importers: Annotated[
        str,
        typer.Option(
            "--importers", help="Keep only what these buy: USA; by default all."
        ),
    ] = "",
    regions: Regions = "",
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: FormatOption = "parquet",
    years: Years = "",
    device: Device = None,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process_id: ProcessId = None,
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
    timings: Timings = False,
) -> None:
    """Decompose the exports of every year into value-added terms, by a known method.

    Writes decomposition.parquet (year, exporter, sector, importer, term, value), two
    figures of shares, manifest.json.

    Example: tivax decompose wiod16 --method wwz --level bilateral --out wwz
    """
    with drawing_aside(not no_figures and not process_id, "decompositions") as aside:
        start_jax(device, devices)
        from ...core import Run
        from ...tables import choose_groups
        from .decompose import run_decompose
        from .inputs import correct_tables, open_tables, read_accounts, read_regions

        with as_one(coordinator, processes, process_id) as first:
            terminal = Terminal(
                quiet or not first, json=json, verbose=verbose, timings=timings
            )
            tables = open_tables(store, years)
            net = correct_tables(tables, net_inventories, inventories, terminal)
            chosen = choose_groups(groups, net.tables.regions, each_group=each_group)
            run = Run("decompose", inputs=[store, *chosen.files, *(satellite or ())])
            read = partial(
                read_regions, tables=net.tables, groups=chosen, each_group=each_group
            )
            sides = {
                "exporter": read(exporters, option="--exporters"),
                "importer": read(importers, option="--importers"),
            }
            run_decompose(
                net,
                method,
                level,
                out,
                run,
                detail=detail,
                by_origin=by_origin,
                groups=chosen,
                one_by_one=each_group,
                accounts=read_accounts(value_added, satellite or []),
                format=format,
                sides={side: codes for side, codes in sides.items() if codes},
                regions=read(regions),
                figures=not no_figures,
                aside=aside,
                force=force,
                terminal=terminal,
            )


def indicators(
    store: Annotated[
        Path | None, typer.Argument(help="A store made by `tivax import`.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the results.")
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            help="Codes of indicators, separated by commas; else all. --list has them.",
            autocompletion=complete_indicators,
        ),
    ] = "",
    list_all: Annotated[
        bool,
        typer.Option(
            "--list",
            help="List the indicators (code, title, unit, levels), those of --only or "
            "all, and compute nothing.",
        ),
    ] = False,
    level: Annotated[
        str,
        typer.Option(
            "--level",
            help="country, sector, bilateral, bilateral-sector or all of them; of WIOD "
            "2013, 17 years, country is 56,000 rows, bilateral-sector and all are 68 "
            "million, 335 MB.",
            autocompletion=complete_level,
        ),
    ] = "country",
    value_added: ValueAddedOption = "residual",
    satellite: Satellites = None,
    groups: GroupsOption = None,
    each_group: EachGroup = False,
    regions: Regions = "",
    certify: CertifyOption = "columns",
    error: ErrorOption = None,
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: FormatOption = "parquet",
    years: Years = "",
    device: Device = None,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process_id: ProcessId = None,
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
    timings: Timings = False,
) -> None:
    """Indicators of trade in value added (OECD TiVA's and others) of every year.

    Writes indicators.parquet (year, region, sector, partner, indicator, value), a map
    of positions, participation over the years, manifest.json. With --only, just that
    is computed, and a figure is drawn if the indicators that it shows are among the
    names. With --error, columns se, ci_low, ci_high stand beside the values. `tivax
    indicators --list` prints the codes and what they mean.

    Example: tivax indicators wiod16 --out tiva
    """
    names = [k.strip() for k in only.split(",") if k.strip()]
    if list_all:
        from .indicator_list import print_indicators

        print_indicators(Terminal(quiet, json=json), names)
        return
    if store is None:
        raise typer.BadParameter("Missing argument 'STORE'.")
    if out is None:
        raise typer.BadParameter("Missing option '--out'.")
    with drawing_aside(not no_figures and not process_id, "indicators") as aside:
        start_jax(device, devices)
        from ...core import Run
        from ...measures import require_certify
        from ...tables import choose_groups
        from .indicators import run_indicators
        from .inputs import (
            correct_tables,
            error_files,
            open_tables,
            read_accounts,
            read_error,
            read_regions,
        )

        with as_one(coordinator, processes, process_id) as first:
            terminal = Terminal(
                quiet or not first, json=json, verbose=verbose, timings=timings
            )
            model = read_error(error)
            tables = open_tables(store, years)
            net = correct_tables(tables, net_inventories, inventories, terminal)
            chosen = choose_groups(groups, net.tables.regions, each_group=each_group)
            of_errors = error_files(error, model)
            run = Run(
                "indicators",
                inputs=[store, *chosen.files, *(satellite or ()), *of_errors],
            )
            shown = read_regions(regions, net.tables, chosen, each_group=each_group)
            run_indicators(
                net,
                names,
                level,
                out,
                run,
                groups=chosen,
                one_by_one=each_group,
                accounts=read_accounts(value_added, satellite or []),
                certify=require_certify(certify),
                error=model,
                format=format,
                regions=shown,
                figures=not no_figures,
                aside=aside,
                force=force,
                terminal=terminal,
            )
