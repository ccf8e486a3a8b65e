"""``tivax explore``: results as one page of interactive charts."""

from pathlib import Path
from typing import Annotated

import typer

from ...core import start_jax
from ..options import Force, Json, Quiet
from ..terminal import Terminal

_MEGABYTE = 1e6


def explore(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of results of tbi, indicators, decompose or demo.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The page to write, such as explorer.html.")
    ],
    only: Annotated[
        str,
        typer.Option(
            "--only", help="Names of measures, separated by commas; else all."
        ),
    ] = "",
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Results as one page of interactive charts, which needs no server and no network.

    Lines over the years, ranked bars, a map, bilateral balances, positions in value
    chains, a table; the data as csv. All in one HTML file.

    Example: tivax explore results --out explorer.html
    """
    start_jax()
    from ... import explorer

    names = [k.strip() for k in only.split(",") if k.strip()]
    terminal = Terminal(quiet, json=json)
    with terminal.status("collecting the results"):
        explorer.explore(results, out, only=names, force=force)
    size = out.stat().st_size
    record = {"outputs": [str(out)], "bytes": size}
    terminal.finish(record, f"Open {out} ({size / _MEGABYTE:.1f} MB)")
