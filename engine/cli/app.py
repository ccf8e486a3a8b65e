"""The ``tivax`` command: the list of its commands, and how it ends.

A command's options are in ``commands.py`` of its folder, its code in the module beside
it, which is imported when the command runs: ``tivax --help`` loads neither JAX nor
pandas.
"""

import os
from typing import Annotated

import typer

# Before JAX is imported anywhere: jax 0.10.1 prints harmless machine-feature errors
# on every program it takes from its cache.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ..core import abandon_parts, print_last, tivax_version, watch_for_interrupts
from .endings import ending_of
from .inference import commands as inference
from .tables import commands as tables
from .tools import commands as tools

# In the order of --help.
COMMANDS = {
    "fetch": tables.fetch,
    "import": tables.import_,
    "check": tables.check,
    "groups": tables.groups,
    "aggregate": tables.aggregate,
    "tbi": tables.tbi,
    "decompose": tables.decompose,
    "indicators": tables.indicators,
    "panel": inference.panel,
    "replicate": inference.replicate,
    "bootstrap": inference.bootstrap,
    "placebo": inference.placebo,
    "simulate": inference.simulate,
    "demo": tools.demo,
    "bench": tools.bench,
    "devices": tools.devices,
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Trade in value added from world input-output tables, on CPU or GPU.",
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"tivax {tivax_version()}")
        raise typer.Exit
    return wanted


@app.callback()
def _start(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Nothing to do before a command but to look for --version."""


def main() -> None:
    """Run the command line: an expected mistake is one line and exit code 1."""
    with watch_for_interrupts(clean=abandon_parts):
        try:
            app()
        except BaseException as error:
            ending = ending_of(error)
            if ending is None:
                raise
            print_last(ending[0])
            raise SystemExit(ending[1]) from None
