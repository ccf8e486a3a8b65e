"""``--example``: a run file to copy, printed or written."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import TivaxError, require_writable, suggest, write_text
from .terminal import shell_command


def example_run_file(command: str) -> str:
    """The text of a run file of that command.

    It is for the panel of `tivax panel`; that of `tivax scenario` for a store.
    """
    file = files(__package__ or "") / "examples" / f"{command}.toml"
    return file.read_text(encoding="utf-8")


def _example_or(ctx: Any, run: Path | None) -> Path | None:
    """The run file that is given; with ``--example`` there the command ends.

    Options and arguments that are eager come first, whatever else is missing. ``ctx``
    is a class of typer's that has changed with its versions.
    """
    if ctx.resilient_parsing:
        return run
    command = ctx.info_name or ""
    if ctx.params.get("example"):
        examples = files(__package__ or "") / "examples"
        names = [k.name.removesuffix(".toml") for k in examples.iterdir()]
        start = f"{command}-"
        kinds = sorted(k.removeprefix(start) for k in names if k.startswith(start))
        if kinds and run is not None and run.name == str(run) and not run.suffix:
            if str(run) not in kinds:
                from ..papers import paper_names

                if (paper := str(run).replace("-", "_")) in paper_names():
                    remedy = shell_command("replicate", "--paper", paper, "--data")
                    raise TivaxError(f"--example {run} is a paper: {remedy} FOLDER")
                raise TivaxError(f"--example {run}: {suggest(str(run), kinds)}")
            kind = examples / f"{start}{run}.toml"
            typer.echo(kind.read_text(encoding="utf-8"), nl=False)
            raise typer.Exit
        text = example_run_file(command)
        if run is None:
            typer.echo(text, nl=False)
            raise typer.Exit
        if run.exists():
            raise TivaxError(f"{run}: exists already; choose another name")
        require_writable(run)
        write_text(run, text)
        follows = shell_command(command, run, "--out", run.stem)
        typer.echo(f"Run file {run}; next: {follows}")
        raise typer.Exit
    if run is None and command != "simulate":
        raise typer.BadParameter("give RUN, a run file; --example makes one", ctx)
    return run


RunToml = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        is_eager=True,
        callback=_example_or,
        help="A run file, such as RUN.toml; --example makes one.",
    ),
]
