"""``tivax fetch``: download a database, and record where it came from."""

from pathlib import Path

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
    by_name = {archive.of_year(k).name: k for k in archive.years}
    for file in files:
        run = Run("fetch")
        with terminal.download(source) as progress:
            got = sources.fetch(
                source,
                out,
                format=format,
                year=by_name.get(file.name),  # None: it holds all years
                mirror=mirror,
                force=force,
                progress=progress,
            )
        known = {k: getattr(got, k) for k in ("url", "bytes", "sha256", "verified")}
        about = {"licence": file.licence, "citation": file.citation}
        record = run.add_to_manifest(out, {"name": got.path.name, **known, **about})
        state = "already there" if got.already_there else f"{got.bytes:,} bytes"
        terminal.print(f"{got.path}: {state}, {_checked(got.verified)}")
        terminal.print(f"SHA-256 {got.sha256}")
        if file is files[-1]:
            came = got.path if len(files) == 1 else out
            further = next_step("import", source, came, "--out", "store")
            if source not in sources.SOURCES:  # which are joined to a panel
                further = next_step("panel", "--data", out, "--out", "panel.csv")
            terminal.finish(record, further)


def _checked(verified: str) -> str:
    """Strongest published fact that a file agrees with, in words."""
    if verified == "none":
        return "no published checksum"
    title = "size" if verified == "size" else sources.checksum_title(verified)
    return f"{title} as published"
