"""``tivax fetch``: download a database, and record where it came from."""

from pathlib import Path
from typing import Annotated

import typer

from ... import sources
from ...core import Run, require_fetch_place
from ..completion import complete_download
from ..options import Force, Json, Out, Quiet, Verbose
from ..terminal import Terminal, next_step

_CHECKED = {"sha1": "SHA-1 as published", "size": "size as published"}


def fetch(
    source: Annotated[
        str,
        typer.Argument(
            help="wiod2016, wiod2013, lrwiod, kof, pwt, wgi, wdi or weo.",
            autocompletion=complete_download,
        ),
    ],
    out: Out,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Archive, edition or series; an unknown name lists those there are.",
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option("--mirror", help="Download the file from this address instead."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Download a database from its official address, and check it.

    An interrupted download goes on where it stopped.

    Example: tivax fetch wiod2016 --out raw
    """
    terminal = Terminal(quiet, json=json, verbose=verbose)
    archive, run = sources.get_archive(source, format), Run("fetch")
    require_fetch_place(out, archive.name, force=force)
    if mirror and mirror.lower().startswith("http://"):
        known = "its SHA-1 is compared" if archive.sha1 else "no checksum is published"
        terminal.warn(
            f"--mirror {mirror}: not encrypted, so that {archive.name} may be changed "
            f"on its way; {known}"
        )
    with terminal.download(source) as progress:
        got = sources.fetch(
            source, out, format=format, mirror=mirror, force=force, progress=progress
        )
    record = run.add_to_manifest(
        out,
        {
            "name": got.path.name,
            "url": got.url,
            "bytes": got.bytes,
            "sha256": got.sha256,
            "verified": got.verified,
            "licence": archive.licence,
            "citation": archive.citation,
        },
    )
    state = "already there" if got.already_there else f"{got.bytes:,} bytes"
    checked = _CHECKED.get(got.verified, "no published checksum")
    terminal.print(f"{got.path}: {state}, {checked}")
    terminal.print(f"SHA-256 {got.sha256}")
    terminal.finish(record, _follows(source, got.path, out))


def _follows(source: str, path: Path, folder: Path) -> str:
    """Next command for a database: tables are imported, others join a panel."""
    if source in sources.SOURCES:
        return next_step("import", source, path, "--out", "store")
    return next_step("panel", "--data", folder, "--out", "panel.csv")
