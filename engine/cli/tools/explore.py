"""``tivax explore``: results as one page of interactive charts."""

from pathlib import Path

from ...core import start_jax
from ..bundles import command
from ..options import split_names
from ..terminal import Terminal

_MEGABYTE = 1e6


@command
def explore(
    results: list[Path],
    out: Path,
    only: str = "",
    language: str = "en",
    force: bool = False,
    quiet: bool = False,
    json: bool = False,
) -> None:
    """Results as one page of interactive charts, which needs no server and no network.

    Lines over the years, small multiples, rankings, a map, compositions, flows between
    economies, positions in value chains, waterfalls of a change, estimates with their
    intervals; pictures and data to download. All in one HTML file.

    Example: tivax explore results --out explorer.html
    """
    start_jax()
    from ... import explorer

    given = {"only": split_names(only), "language": language, "force": force}
    terminal = Terminal(quiet, json=json)
    with terminal.status("collecting the results"):
        explorer.explore(results, out, **given)
    size = out.stat().st_size
    record = {"outputs": [str(out)], "bytes": size}
    terminal.finish(record, f"Open {out} ({size / _MEGABYTE:.1f} MB)")
