"""``tivax import``: read tables into a store, and print what it holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ... import sources
from ...core import (
    DEFAULT_MAX_SIZE,
    count_text,
    parse_years,
    start_jax,
)
from ..bundles import Screen, command
from ..terminal import next_step, shell_command


def _paths_or_example(ctx: Any, paths: list[Path]) -> list[Path]:
    """The files; with ``--example`` they are written, and there the command ends."""
    if ctx.resilient_parsing or not ctx.params.get("example"):
        return paths
    source = ctx.params.get("source")
    if source != "national" or len(paths) != 1:
        raise typer.BadParameter(
            "--example writes that of national: tivax import national --example FOLDER"
        )
    from ...rebuilding import write_national_example

    recipe = write_national_example(paths[0])
    follows = shell_command("import", "national", recipe, "--out", "rebuilt")
    typer.echo(f"Recipe and files in {paths[0]}; next: {follows}")
    raise typer.Exit


@command
def import_(
    source: str,
    paths: Annotated[
        list[Path],
        typer.Argument(
            is_eager=True,
            callback=_paths_or_example,
            help="Files, folders or zip archives; a recipe of national.",
        ),
    ],
    out: Path,
    screen: Screen,
    example: bool = False,
    years: str = "",
    unbalanced: bool = False,
    derounded: bool = False,
    max_size: float = DEFAULT_MAX_SIZE,
    force: bool = False,
) -> None:
    """Read the tables of a database into a store, every year checked.

    A table of your own as csv, xlsx or parquet with a row for each flow: tivax import
    long flows.csv --out mine, with columns year, region, sector, user_region,
    user_sector (or a category of final demand), value.

    Your own national tables and trade, put together to world tables: tivax import
    national --example mine, then tivax import national mine/recipe.toml --out rebuilt.

    Example: tivax import wiod2016 raw/WIOTS_in_R.zip --out wiod16
    """
    start_jax()
    terminal, wanted = screen.terminal(), parse_years(years)
    with terminal.progress("reading") as progress:
        done = sources.import_tables(
            source,
            paths,
            out,
            years=wanted,
            unbalanced=unbalanced,
            derounded=derounded,
            force=force,
            max_size=max_size,
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
    for miss in _largest_misses(done.misses):
        terminal.print(miss)
    for doubt in done.doubts:
        terminal.print(f"in doubt: {doubt}")
    terminal.finish(done.manifest, next_step("check", out))


def _largest_misses(misses: Sequence[Mapping[str, Any]]) -> list[str]:
    """Largest gap of each margin, of one country in one year."""
    worst: dict[str, Mapping[str, Any]] = {}
    for miss in misses:
        if miss["missed"] >= worst.get(miss["margin"], miss)["missed"]:
            worst[miss["margin"]] = miss
    return [
        f"{margin}: missed by {100 * k['missed']:.2g} % at most ({k['country']}, "
        f"{k['year']}; {k['where']}: {k['largest']:.2g})"
        for margin, k in worst.items()
    ]
