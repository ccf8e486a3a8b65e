"""``tivax fetch``: download a database, and record where it came from."""

from pathlib import Path

from ...core import Run, require_fetch_place
from ...sources import fetch, get_archive
from ..terminal import Terminal

_CHECKED = {"sha1": "SHA-1 as published", "size": "size as published"}


def run_fetch(
    source: str,
    out: Path,
    format: str | None,
    mirror: str | None,
    *,
    force: bool,
    terminal: Terminal,
) -> None:
    """Download into ``out`` and print how the file was checked."""
    archive, run = get_archive(source, format), Run("fetch")
    require_fetch_place(out, archive.name, force=force)
    with terminal.download(source) as progress:
        got = fetch(
            source, out, format=format, mirror=mirror, force=force, progress=progress
        )
    run.add_to_manifest(
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
