"""Run by IPython at the start of every page.

A command that fails stops the build: without this a page goes on after `!command`
whatever the command says; after `!command || true` it still does. Figures that commands
write are kept for the gallery, as FOLDER-NAME.svg, the first of a folder as FOLDER.svg.
"""

import os
import shutil
from pathlib import Path

shell = get_ipython()  # noqa: F821  # pyright: ignore
plain = shell.system
gallery = Path(os.environ["TIVAX_DOCS_SHOWN"]) / "gallery"


def system(command: str) -> None:
    """Run a command after an exclamation mark; raise where its exit code is not 0."""
    plain(command)
    if code := shell.user_ns.get("_exit_code"):
        raise RuntimeError(f"exit code {code} of: {command}")


def keep_figures(_result: object) -> None:
    """Copy the figures that lie below the folder of the page."""
    gallery.mkdir(exist_ok=True)
    for path in sorted(Path().glob("*/figures/*.svg"), reverse=True):
        folder = path.parts[0]
        shutil.copy(path, gallery / f"{folder}-{path.name}")
        shutil.copy(path, gallery / f"{folder}.svg")


shell.system = system
shell.events.register("post_run_cell", keep_figures)
