"""``tivax import``: read tables into a store, and print what it holds."""

from collections.abc import Sequence
from pathlib import Path

from ...sources import import_tables
from ..terminal import Terminal


def run_import(
    source: str,
    paths: Sequence[Path],
    out: Path,
    *,
    years: tuple[int, int] | None,
    unbalanced: bool,
    derounded: bool,
    force: bool,
    terminal: Terminal,
) -> None:
    """Write the store, and name the years that are missing and what is in doubt."""
    with terminal.progress("reading") as progress:
        done = import_tables(
            source,
            paths,
            out,
            years=years,
            unbalanced=unbalanced,
            derounded=derounded,
            force=force,
            progress=progress,
        )
    count = "1 year" if len(done.years) == 1 else f"{len(done.years)} years"
    span = "-".join(str(k) for k in sorted({done.years[0], done.years[-1]}))
    terminal.print(
        f"{out}: {done.regions} regions x {done.sectors} sectors, {count}, {span}"
    )
    for whole, parts in done.parts.items():
        terminal.print(f"{whole} has the parts {', '.join(parts)}")
    if done.rows_above is not None:
        terminal.print(
            f"derounded; {done.rows_above} rows of {done.rows:,} "
            "sell more than they make, and stay so"
        )
    if missing := done.missing(years):
        cut = ""
        if done.published and not years:
            cut = (
                f"; the published file has {done.published[0]} to {done.published[1]}, "
                "this one may be cut"
            )
        terminal.print(f"no table of {', '.join(map(str, missing))}{cut}")
    for doubt in done.doubts:
        terminal.print(f"in doubt: {doubt}")
