"""Commands on the panel and its regressions: their options."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ...core import DEFAULT_MAX_SIZE as DEFAULT_MAX_SIZE
from ...core import set_max_size, start_jax
from ..options import (
    Coordinator,
    Data,
    Draws,
    Force,
    MaxSize,
    Out,
    PanelStore,
    Processes,
    ProcessId,
    Quiet,
    RunToml,
    Seed,
)
from ..terminal import Terminal


def panel(
    data: Data,
    out: Annotated[
        Path,
        typer.Option("--out", help="File to write: NAME.csv, .parquet, .dta or .xlsx."),
    ],
    store: PanelStore = None,
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Join index, globalisation and controls into a panel, with a codebook.

    Reads data.toml of the folder, or finds the files by their published names.

    Example: tivax panel --data raw --out panel.csv
    """
    set_max_size(max_size)
    start_jax()
    from .panel import run_panel

    run_panel(data, store, out, force=force, terminal=Terminal(quiet))


def replicate(
    data: Data,
    out: Out,
    store: PanelStore = None,
    language: Annotated[
        str,
        typer.Option("--language", help="Language of tables and figures, en or zh."),
    ] = "en",
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Recompute the paper: every table and figure beside the print, and a report.

    Writes comparison.csv, panel.csv, figure1, tables, figures, results, report.html.

    Example: tivax replicate --data raw --out replication
    """
    set_max_size(max_size)
    start_jax()
    from ...core import Run, require_result_place
    from ...reporting import require_language
    from .panel import choose_files
    from .replicate import run_replication

    # Files that data.toml names are kept apart from --out once it is read.
    require_result_place(out, Run("replicate"), force=force, folders=[data])
    words = require_language(language)
    files = choose_files(data, store)
    run_replication(files, out, words, force=force, terminal=Terminal(quiet))


def _drawing_command(command: str, help: str) -> Callable[..., None]:
    """A command that makes the draws of a run file."""

    def make_draws(
        run: RunToml,
        out: Out,
        draws: Draws = None,
        seed: Seed = None,
        coordinator: Coordinator = None,
        processes: Processes = None,
        process_id: ProcessId = None,
        force: Force = False,
        quiet: Quiet = False,
    ) -> None:
        start_jax()
        from ...core import Machines
        from .drawing import run_drawing

        run_drawing(
            command,
            run,
            out,
            draws=draws,
            seed=seed,
            machines=Machines(coordinator, processes, process_id),
            force=force,
            terminal=Terminal(quiet),
        )

    make_draws.__doc__ = help
    return make_draws


bootstrap = _drawing_command(
    "bootstrap",
    """Bootstrap the models of a run file by clusters: pairs, Bayesian or wild.

    All devices of this machine take part. A run that was stopped goes on where it
    was when the same command is given again.

    Example: tivax bootstrap wild.toml --out wild
    """,
)
placebo = _drawing_command(
    "placebo",
    """Move the treatment among countries or years, and estimate again.

    The t statistics are compared, unless studentised = false. With method =
    "freedman-lane" the residuals of the model without the treatment are moved in its
    place; with strata = "COLUMN" only within blocks of countries.

    All devices of this machine take part. A run that was stopped goes on where it
    was when the same command is given again.

    Example: tivax placebo placebo.toml --out placebo
    """,
)


def simulate(
    out: Out,
    run: Annotated[
        Path | None,
        typer.Argument(help="A run file; by default the built-in study is run."),
    ] = None,
    panels: Annotated[
        int | None,
        typer.Option(
            "--panels", min=1, help="Number of panels, in place of the run file's."
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Test a known effect on simulated panels: which p-value to trust.

    Goes on where it was when the same command is given again.

    Example: tivax simulate --out simulation
    """
    start_jax()
    from dataclasses import replace

    from ...resampling import BUILT_IN, read_study
    from .simulate import run_study

    study = BUILT_IN if run is None else read_study(run)
    if panels is not None:
        study = replace(study, panels=panels)
    run_study(study, run, out, force=force, terminal=Terminal(quiet))
