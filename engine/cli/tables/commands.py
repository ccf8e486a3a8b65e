"""Commands on world tables: their options."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...core import start_jax
from ..bundles import (
    Accounts,
    Grouping,
    LongOutput,
    Machines,
    Output,
    Screen,
    Tables,
    command,
)
from ..completion import complete_indicators, complete_level, complete_method
from ..figures import drawing_aside
from ..options import (
    CertifyOption,
    ErrorOption,
    Force,
    FormatOption,
    GroupsOption,
    Inventories,
    Net,
    NoFigures,
    Out,
    Store,
    Timings,
    Years,
)


@command
def check(store: Store, screen: Screen, years: Years = "") -> None:
    """Check that every year of a store adds up; exit 1 where one does not.

    Also reports signs that labels are in another order than the numbers, which are no
    fault, and how far value added could be checked.

    Example: tivax check wiod16
    """
    start_jax()
    from ..inputs import open_tables
    from .check import run_check

    terminal = screen.terminal()
    run_check(store, open_tables(store, years), terminal)


@command
def aggregate(
    store: Store,
    out: Annotated[Path, typer.Option("--out", help="Where to write the new store.")],
    screen: Screen,
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
) -> None:
    """Add up sectors or regions into a new store, and show what that changes.

    With --compare also writes comparison.csv (year, region, measure, before,
    after, change), va_absorbed.parquet, a figure, manifest.json.

    Example: tivax aggregate wiod16 --concordance wiod2016-sections --out sections
    """
    start_jax()
    from ...core import require_format
    from ...tables import choose_groups
    from ..inputs import open_tables
    from .aggregate import run_aggregate

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
        terminal=screen.terminal(),
    )


@command
def tbi(
    at: Tables,
    output: Output,
    accounts: Accounts,
    grouping: Grouping,
    machines: Machines,
    screen: Screen,
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
    certify: CertifyOption = "columns",
    error: ErrorOption = None,
    timings: Timings = False,
) -> None:
    """Trade benefit index and value-added trade of every year, with figures.

    Writes tbi, vax, vax_by_sector, va_absorbed.parquet, three figures, manifest.json.
    With several accounts, the first column of each table names the account. With
    --error, columns se, ci_low, ci_high stand beside values, and figures have bands.

    Example: tivax tbi wiod16 --out results
    """
    # Before JAX is loaded: others load what draws at the same time.
    draws = output.figures and machines.is_first
    with drawing_aside(draws, "trade") as aside, machines.start() as first:
        from ...core import require_format
        from ...measures import require_certify
        from ..inputs import error_files, read_error
        from .tbi import run_tbi

        terminal = screen.terminal(first=first, timings=timings)
        file_format, certify_what = (
            require_format(output.format),
            require_certify(certify),
        )
        model = read_error(error)
        run_tbi(
            at.store,
            at.open(terminal),
            output.out,
            value_added=accounts.value_added,
            satellites=accounts.files,
            final_satellites=satellite_final or [],
            drop=drop or [],
            groups=grouping.groups,
            each_group=grouping.each_group,
            certify=certify_what,
            error=model,
            error_files=error_files(error, model),
            format=file_format,
            regions=grouping.regions,
            figures=output.figures,
            aside=aside,
            force=output.force,
            terminal=terminal,
        )


@command
def decompose(
    at: Tables,
    output: LongOutput,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="wwz, kww, bm-source, bm-sink, bm-world, bm-self, bm-importer, ltv, "
            "my, tripartite, tripartite-output or production.",
            autocompletion=complete_method,
        ),
    ],
    accounts: Accounts,
    grouping: Grouping,
    machines: Machines,
    screen: Screen,
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
    timings: Timings = False,
) -> None:
    """Decompose the exports of every year into value-added terms, by a known method.

    Writes decomposition.parquet (year, exporter, sector, importer, term, value), two
    figures of shares, manifest.json.

    Example: tivax decompose wiod16 --method wwz --level bilateral --out wwz
    """
    draws = output.figures and machines.is_first
    with drawing_aside(draws, "decompositions") as aside, machines.start() as first:
        from ...core import Run
        from ...tables import choose_groups
        from ..inputs import read_regions
        from .decompose import run_decompose

        terminal, each = (
            screen.terminal(first=first, timings=timings),
            grouping.each_group,
        )
        net = at.open(terminal)
        chosen = choose_groups(grouping.groups, net.tables.regions, each_group=each)
        run = Run("decompose", inputs=[at.store, *chosen.files, *accounts.files])
        read = partial(read_regions, tables=net.tables, groups=chosen, each_group=each)
        sides = {
            "exporter": read(exporters, option="--exporters"),
            "importer": read(importers, option="--importers"),
        }
        run_decompose(
            net,
            method,
            level,
            output.out,
            run,
            detail=detail,
            by_origin=by_origin,
            groups=chosen,
            one_by_one=each,
            accounts=accounts.read(),
            format=output.format,
            sides={side: codes for side, codes in sides.items() if codes},
            regions=read(grouping.regions),
            figures=output.figures,
            aside=aside,
            force=output.force,
            terminal=terminal,
        )


@command
def indicators(
    accounts: Accounts,
    grouping: Grouping,
    machines: Machines,
    screen: Screen,
    store: Store,
    out: Out,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            help="Codes of indicators (`tivax list indicators`), separated by "
            "commas; else all.",
            autocompletion=complete_indicators,
        ),
    ] = "",
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
    certify: CertifyOption = "columns",
    error: ErrorOption = None,
    net_inventories: Net = False,
    inventories: Inventories = None,
    format: FormatOption = "parquet",
    years: Years = "",
    no_figures: NoFigures = False,
    force: Force = False,
    timings: Timings = False,
) -> None:
    """Indicators of trade in value added (OECD TiVA's and others) of every year.

    Writes indicators.parquet (year, region, sector, partner, indicator, value), a map
    of positions, participation over the years, manifest.json. With --only, just that
    is computed, and a figure is drawn if the indicators that it shows are among the
    names. With --error, columns se, ci_low, ci_high stand beside the values. `tivax
    list indicators` prints the codes and what they mean.

    Example: tivax indicators wiod16 --out tiva
    """
    names = [k.strip() for k in only.split(",") if k.strip()]
    draws = not no_figures and machines.is_first
    with drawing_aside(draws, "indicators") as aside, machines.start() as first:
        from ...core import Run
        from ...measures import require_certify
        from ...tables import choose_groups
        from ..inputs import error_files, read_error, read_regions
        from .indicators import run_indicators

        terminal, each = (
            screen.terminal(first=first, timings=timings),
            grouping.each_group,
        )
        model = read_error(error)
        net = Tables(store, years, net_inventories, inventories).open(terminal)
        chosen = choose_groups(grouping.groups, net.tables.regions, each_group=each)
        files = [*chosen.files, *accounts.files, *error_files(error, model)]
        run_indicators(
            net,
            names,
            level,
            out,
            Run("indicators", inputs=[store, *files]),
            groups=chosen,
            one_by_one=each,
            accounts=accounts.read(),
            certify=require_certify(certify),
            error=model,
            format=format,
            regions=read_regions(grouping.regions, net.tables, chosen, each_group=each),
            figures=not no_figures,
            aside=aside,
            force=force,
            terminal=terminal,
        )
