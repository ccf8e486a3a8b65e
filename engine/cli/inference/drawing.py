"""``tivax bootstrap`` and ``tivax placebo``: the run file, and several processes."""

from collections.abc import Callable

from ... import paper, reporting, resampling
from ...core import TivaxError, start_jax
from ..options import (
    Coordinator,
    Device,
    Devices,
    Draws,
    Force,
    FormatOption,
    Json,
    LanguageOption,
    NoFigures,
    Out,
    Processes,
    ProcessId,
    Quiet,
    Seed,
    Verbose,
)
from ..terminal import Terminal
from ..together import as_one
from .example_files import Example, RunToml


def _drawing_command(command: str, help: str) -> Callable[..., None]:
    """A command that makes the draws of a run file."""

    def make_draws(
        out: Out,
        run: RunToml = None,
        example: Example = False,
        draws: Draws = None,
        seed: Seed = None,
        coordinator: Coordinator = None,
        processes: Processes = None,
        process_id: ProcessId = None,
        language: LanguageOption = "en",
        format: FormatOption = "csv",
        device: Device = None,
        devices: Devices = None,
        no_figures: NoFigures = False,
        force: Force = False,
        quiet: Quiet = False,
        json: Json = False,
        verbose: Verbose = False,
    ) -> None:
        assert run is not None  # else it is said that RUN is missing
        start_jax(device, devices)
        from ...core import require_format  # takes pandas along

        words = reporting.require_language(language)
        file_format = require_format(format)
        given = resampling.read_run_file(run, {"paper": paper.paper_models()})
        given = resampling.with_overrides(given, draws, seed)
        kind = given.scheme.kind
        if (kind == "placebo") != (command == "placebo"):
            other = "placebo" if kind == "placebo" else "bootstrap"
            raise TivaxError(f"{run}: kind = {kind!r} is a job of `tivax {other}`")
        with as_one(coordinator, processes, process_id):
            from .bootstrap import run_experiment

            run_experiment(
                given,
                out,
                command,
                figures=not no_figures,
                language=words,
                format=file_format,
                force=force,
                terminal=Terminal(quiet, json=json, verbose=verbose),
            )

    make_draws.__doc__ = help
    return make_draws


bootstrap = _drawing_command(
    "bootstrap",
    """Bootstrap the models of a run file by clusters: pairs, Bayesian or wild.

    All devices of this machine take part, of a processor all cores. A run that was
    stopped goes on where it was when the same command is given again.

    Example: tivax bootstrap wild.toml --out wild
    """,
)
placebo = _drawing_command(
    "placebo",
    """Move the treatment among countries or years, and estimate again.

    The t statistics are compared, unless studentised = false. With method =
    "freedman-lane" the residuals of the model without the treatment are moved in its
    place; with strata = "COLUMN" only within blocks of countries.

    All devices of this machine take part, of a processor all cores. A run that was
    stopped goes on where it was when the same command is given again.

    Example: tivax placebo placebo.toml --out placebo
    """,
)
