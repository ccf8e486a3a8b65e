"""``--example``: a run file to copy, printed or written."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import TivaxError, require_writable, write_text
from .terminal import shell_command


def example_run_file(command: str) -> str:
    """The text of a run file of that command.

    It is for the panel of `tivax panel`; that of `tivax scenario` for a store.
    """
    file = files(__package__ or "") / "examples" / f"{command}.toml"
    return file.read_text(encoding="utf-8")


def _example_or(ctx: Any, run: Path | None) -> Path | None:
    """The run file that is given; with ``--example`` there the command ends.

    Options and arguments that are eager come first, whatever else is missing. With
    ``--data`` RUN is the name of a published model. ``ctx`` is a class of typer's that
    has changed with its versions.
    """
    if ctx.resilient_parsing:
        return run
    if ctx.params.get("example") and ctx.params.get("data") is None:
        _show(ctx.info_name or "", run)
        raise typer.Exit
    if run is None and ctx.info_name != "simulate":
        raise typer.BadParameter("give RUN, a run file; --example makes one", ctx)
    return run


def _show(command: str, path: Path | None) -> None:
    text = example_run_file(command)
    if path is None:
        typer.echo(text, nl=False)
        return
    if path.exists():
        raise TivaxError(f"{path}: exists already; choose another name")
    require_writable(path)
    write_text(path, text)
    follows = shell_command(command, path, "--out", path.stem)
    typer.echo(f"Run file {path}; next: {follows}")


RunToml = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        is_eager=True,
        callback=_example_or,
        help="A run file, such as RUN.toml; --example makes one.",
    ),
]
