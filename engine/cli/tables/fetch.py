"""``tivax fetch``: download a database, and record where it came from."""

from pathlib import Path
from typing import Any

from ... import sources
from ...core import Run, parse_years, require_fetch_place
from ..bundles import Screen, command
from ..terminal import next_step


@command
def fetch(
    source: str,
    out: Path,
    screen: Screen,
    format: str | None = None,
    years: str = "",
    mirror: str | None = None,
    force: bool = False,
) -> None:
    """Download a database from its official address, and check it.

    An interrupted download goes on where it stopped. A database with a file a year
    takes --years.

    Example: tivax fetch wiod2016 --out raw
    """
    terminal = screen.terminal()
    archive, wanted = sources.get_archive(source, format), parse_years(years)
    files = sources.archives_of_years(archive, wanted)
    for file in files:
        require_fetch_place(out, file.name, force=force)
    if mirror and mirror.lower().startswith("http://"):
        known = "no checksum is published"
        if checksum := files[-1].checksum:
            known = f"its {sources.checksum_title(checksum[0])} is compared"
        terminal.warn(
            f"--mirror {mirror}: not encrypted, so that {files[-1].name} may be "
            f"changed on its way; {known}"
        )
    for file, year in zip(files, _years_of(archive, files), strict=True):
        run = Run("fetch")
        with terminal.download(source) as progress:
            got = sources.fetch(
                source,
                out,
                format=format,
                year=year,
                mirror=mirror,
                force=force,
                progress=progress,
            )
        record = _recorded(run, got, file, out)
        state = "already there" if got.already_there else f"{got.bytes:,} bytes"
        terminal.print(f"{got.path}: {state}, {_checked(got.verified)}")
        terminal.print(f"SHA-256 {got.sha256}")
        if file is files[-1]:
            came = got.path if len(files) == 1 else out
            terminal.finish(record, _follows(source, came, out))


def _recorded(run: Run, got: Any, file: "sources.Archive", out: Path) -> dict[str, Any]:
    """The manifest of the folder, with the file that came."""
    return run.add_to_manifest(
        out,
        {
            "name": got.path.name,
            "url": got.url,
            "bytes": got.bytes,
            "sha256": got.sha256,
            "verified": got.verified,
            "licence": file.licence,
            "citation": file.citation,
        },
    )


def _years_of(
    archive: "sources.Archive", files: list["sources.Archive"]
) -> list[int | None]:
    """The year of each file; None of one that holds all years."""
    by_name = {archive.of_year(k).name: k for k in archive.years}
    return [by_name.get(file.name) for file in files]


def _checked(verified: str) -> str:
    """Strongest published fact that a file agrees with, in words."""
    if verified == "none":
        return "no published checksum"
    title = "size" if verified == "size" else sources.checksum_title(verified)
    return f"{title} as published"


def _follows(source: str, path: Path, folder: Path) -> str:
    """Next command for a database: tables are imported, others join a panel."""
    if source in sources.SOURCES:
        return next_step("import", source, path, "--out", "store")
    return next_step("panel", "--data", folder, "--out", "panel.csv")
