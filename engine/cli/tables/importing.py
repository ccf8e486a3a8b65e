"""``tivax import``: read tables into a store, and print what it holds."""

from pathlib import Path
from typing import Annotated

import typer

from ... import sources
from ...core import DEFAULT_MAX_SIZE, count_text, set_max_size, start_jax
from ..completion import complete_source
from ..options import Force, Json, MaxSize, Out, Quiet, Verbose, Years, parse_years
from ..terminal import Terminal, next_step


def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="wiod2016, wiod2016-national (estimated from national tables), "
            "wiod2013, lrwiod, oecd, adb, eora, exiobase, figaro, pymrio, mario, or "
            "your own: long (csv, xlsx) or arrays.",
            autocompletion=complete_source,
        ),
    ],
    paths: Annotated[
        list[Path], typer.Argument(help="Files, folders or zip archives.")
    ],
    out: Out,
    years: Years = "",
    unbalanced: Annotated[
        bool,
        typer.Option(
            "--unbalanced", help="Accept tables whose rows do not add up to output."
        ),
    ] = False,
    derounded: Annotated[
        bool,
        typer.Option(
            "--derounded",
            help="For wiod2013 in R form, rounded to 1 million: spread what rows miss "
            "over the cells that were rounded to 0.",
        ),
    ] = False,
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Read the tables of a database into a store, every year checked.

    A table of your own as csv, xlsx or parquet with a row for each flow: tivax import
    long flows.csv --out mine, with columns year, region, sector, user_region,
    user_sector (or a category of final demand), value.

    Example: tivax import wiod2016 raw/WIOTS_in_R.zip --out wiod16
    """
    set_max_size(max_size)
    start_jax()
    terminal, wanted = Terminal(quiet, json=json, verbose=verbose), parse_years(years)
    with terminal.progress("reading") as progress:
        done = sources.import_tables(
            source,
            paths,
            out,
            years=wanted,
            unbalanced=unbalanced,
            derounded=derounded,
            force=force,
            progress=progress,
        )
    span = "-".join(str(k) for k in sorted({done.years[0], done.years[-1]}))
    terminal.print(
        f"{out}: {count_text(done.regions, 'region')} x "
        f"{count_text(done.sectors, 'sector')}, "
        f"{count_text(len(done.years), 'year')}, {span}"
    )
    for whole, parts in done.parts.items():
        terminal.print(f"{whole} has the parts {', '.join(parts)}")
    if done.rows_above is not None:
        terminal.print(
            f"derounded; {done.rows_above} rows of {done.rows:,} "
            "sell more than they make, and stay so"
        )
    if missing := done.missing(wanted):
        cut = ""
        if done.published and not wanted:
            cut = (
                f"; the published file has {done.published[0]} to {done.published[1]}, "
                "this one may be cut"
            )
        terminal.print(f"no table of {', '.join(map(str, missing))}{cut}")
    for piece in done.pieces_missing:
        terminal.print(f"missing: {piece}")
    for doubt in done.doubts:
        terminal.print(f"in doubt: {doubt}")
    terminal.finish(done.manifest, next_step("check", out))
