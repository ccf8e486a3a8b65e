"""``tivax package``: results for others to run again, and what to cite."""

from dataclasses import asdict
from pathlib import Path

import typer

from ... import publication
from ...core import TivaxError
from ..bundles import command
from ..terminal import Terminal


@command
def package(
    results: list[Path],
    out: Path | None = None,
    cite: bool = False,
    format: str = "bibtex",
    include_data: str = "allowed",
    wheel: Path | None = None,
    force: bool = False,
    quiet: bool = False,
    json: bool = False,
) -> None:
    """Pack results for replication: README, data, checksums, a script that runs all.

    The README follows the template of the social-science data editors. Refuses results
    and inputs that have changed since their commands ran.

    Example: tivax package replication --out replication.zip
    """
    if cite:
        if len(results) > 1:
            raise TivaxError("--cite: give one store, result folder or panel")
        typer.echo(publication.cite(results[0], format), nl=False)
        return
    if out is None:
        raise TivaxError("--out is missing: name the zip archive, or give --cite")
    terminal = Terminal(quiet, json=json)
    with terminal.status("packing"):
        given = {"include_data": include_data, "wheel": wheel, "force": force}
        packed = publication.package(results, out, **given)
    terminal.print(
        f"{out}: {packed.files} files, {packed.bytes / 1e6:,.1f} MB (data "
        f"{packed.data_bytes / 1e6:,.1f} MB before compression)"
    )
    if packed.left_out:
        terminal.print(
            f"Left out: {', '.join(packed.left_out)}; README.md says where to get them"
        )
    record = {"outputs": [str(out)], **asdict(packed)}
    del record["path"]
    terminal.finish(record, "Unpack it and run: sh run_all.sh")
