"""The ``tivax`` command: the list of its commands, and how it ends.

A command is a function in a module of its own; where its code takes long to import, the
function is in ``commands.py`` of the folder and imports the module beside it when it
runs. ``tivax --help`` loads neither JAX nor pandas.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from ..core import print_last, telling_doubts, tivax_version, watch_for_interrupts
from .completion import complete_at_first_tab
from .endings import ending_of
from .inference import commands as inference
from .inference.drawing import bootstrap
from .inference.gravity import elasticities, gravity
from .inference.panel import panel
from .options import complete_words, require_named_files
from .tables import commands as tables
from .tables.change import change
from .tables.compare import compare
from .tables.exposure import exposure
from .tables.fetch import fetch
from .tables.importing import import_
from .tables.scenario import scenario
from .together import clean
from .tools import commands as tools
from .tools import publish
from .tools.explore import explore
from .tools.listing import list_

# In the order of --help, under its headings.
_GROUPS: dict[str, dict[str, Callable[..., None]]] = {
    "Start here": {"demo": tools.demo, "list": list_},
    "Tables": {
        "fetch": fetch,
        "import": import_,
        "check": tables.check,
        "aggregate": tables.aggregate,
    },
    "Measures": {
        "tbi": tables.tbi,
        "decompose": tables.decompose,
        "indicators": tables.indicators,
        "change": change,
        "compare": compare,
        "exposure": exposure,
    },
    "What if": {"scenario": scenario},
    "Inference, of a panel (no tables needed)": {
        "bootstrap": bootstrap,
        "threats": inference.threats,
        "curve": inference.curve,
        "montecarlo": inference.montecarlo,
        "simulate": inference.simulate,
    },
    "Gravity, of flows between pairs": {
        "gravity": gravity,
        "elasticities": elasticities,
    },
    "The paper": {"panel": panel, "replicate": inference.replicate},
    "Publish": {"explore": explore, "package": publish.package},
    "Machine": {"bench": tools.bench},
}
COMMANDS = {name: its for group in _GROUPS.values() for name, its in group.items()}

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Trade in value added from world input-output tables, on CPU or GPU.",
)
complete_at_first_tab()


for _title, _commands in _GROUPS.items():
    for _name, _command in _commands.items():
        # Paragraphs without the line breaks of the code, which a terminal sets anew.
        _parts = (inspect.getdoc(_command) or "").split("\n\n")
        _text = "\n\n".join(k.replace("\n", " ") for k in _parts)
        app.command(_name, help=_text, rich_help_panel=_title)(_command)


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
    with watch_for_interrupts(clean), telling_doubts():
        try:
            _, *words = sys.argv
            if words and words[0] in COMMANDS:
                require_named_files(COMMANDS[words[0]], words[1:])
            app(complete_words(words))
        except BaseException as error:
            ending = ending_of(error)
            if ending is None:
                raise
            print_last(ending[0])
            raise SystemExit(ending[1]) from None
