"""Commands on the panel and its regressions: their options."""

from typing import Annotated

import typer

from ...core import (
    DEFAULT_MAX_SIZE,
    Aside,
    blas_on_one_thread,
    set_max_size,
    start_jax,
)
from ..figures import FORMATS
from ..options import (
    Coordinator,
    Data,
    Device,
    Devices,
    Draws,
    Force,
    FormatOption,
    Json,
    LanguageOption,
    MaxSize,
    NoFigures,
    Out,
    PanelStore,
    Processes,
    ProcessId,
    Quiet,
    Seed,
    Timings,
    Verbose,
    require_store,
)
from ..terminal import Terminal
from ..together import as_one
from .example_files import Example, RunToml


def replicate(
    data: Data,
    out: Out,
    store: PanelStore = None,
    language: LanguageOption = "en",
    format: FormatOption = "csv",
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
    timings: Timings = False,
) -> None:
    """Recompute the paper: every table and figure beside the print, and a report.

    Writes comparison.csv, panel.csv, figure1, tables, figures, results, report.html.

    Example: tivax replicate --data raw --out replication
    """
    blas_on_one_thread()  # before anything else imports NumPy
    set_max_size(max_size)
    # It imports what figures need while this process imports JAX.
    with Aside(modules=["tivax.engine.figures.panel", *FORMATS]) as aside:
        start_jax()
        from ...core import Run, require_format, require_result_place
        from ...panel import read_data_files
        from ...reporting import require_language
        from .replicate import run_replication

        # Files that data.toml names are kept apart from --out once it is read.
        run = Run("replicate")
        require_result_place(out, run, force=force, folders=[data])
        words, file_format = require_language(language), require_format(format)
        terminal = Terminal(quiet, json=json, verbose=verbose, timings=timings)
        files = read_data_files(data, store=require_store(store))
        run_replication(
            files,
            out,
            words,
            aside,
            figures=not no_figures,
            format=file_format,
            force=force,
            terminal=terminal,
        )


def simulate(
    out: Out,
    run: RunToml = None,
    example: Example = False,
    panels: Annotated[
        int | None,
        typer.Option(
            "--panels", min=1, help="Number of panels, in place of the run file's."
        ),
    ] = None,
    format: FormatOption = "csv",
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    r"""Test a known effect on simulated panels: which p-value to trust.

    RUN is a study, with a [\[design]] for each kind of panel, or a run file of models:
    each is taken through four steps, its clusters, their level, every p-value beside
    the others, and simulations of its own panel. Without RUN the built-in study is run.
    A study goes on where it was when the same command is given again.

    Example: tivax simulate --out simulation
    """
    start_jax()
    from dataclasses import replace

    from ... import paper, resampling
    from ...core import read_toml, require_format
    from ...resampling import BUILT_IN, read_study
    from .own_panel import run_own_panel
    from .simulate import run_study

    file_format = require_format(format)
    terminal = Terminal(quiet, json=json, verbose=verbose)
    if run is not None and {"model", "models", "grid"} & {*read_toml(run)}:
        given = resampling.read_run_file(
            run,
            {"paper": paper.paper_models()},
            scheme=resampling.Scheme("wild"),
            draws=99_999,
        )
        run_own_panel(
            given,
            out,
            panels,
            format=file_format,
            figures=not no_figures,
            force=force,
            terminal=terminal,
        )
        return
    study = BUILT_IN if run is None else read_study(run)
    if panels is not None:
        study = replace(study, panels=panels)
    run_study(
        study,
        run,
        out,
        format=file_format,
        figures=not no_figures,
        force=force,
        terminal=terminal,
    )


def threats(
    out: Out,
    run: RunToml = None,
    example: Example = False,
    draws: Draws = None,
    seed: Seed = None,
    format: FormatOption = "csv",
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    r"""What would make a result go away: the models of a run file under every threat.

    Blocks left out, trends, leads, weights, periods, placebo outcomes and more. The run
    file needs no \[scheme]; without draws in it there are 999,999.

    Example: tivax threats wild.toml --out threats
    """
    assert run is not None  # else it is said that RUN is missing
    blas_on_one_thread()
    start_jax()
    from ... import paper, resampling
    from ...core import require_format
    from ...threats import DRAWS
    from .threats import run_threats

    given = resampling.read_run_file(
        run,
        {"paper": paper.paper_models()},
        scheme=resampling.Scheme("wild", weights="webb"),
        draws=DRAWS,
    )
    given = resampling.with_overrides(given, draws, seed)
    file_format = require_format(format)
    terminal = Terminal(quiet, json=json, verbose=verbose)
    run_threats(
        given,
        out,
        format=file_format,
        figures=not no_figures,
        force=force,
        terminal=terminal,
    )


def curve(
    out: Out,
    run: RunToml = None,
    example: Example = False,
    draws: Draws = None,
    seed: Seed = None,
    format: FormatOption = "csv",
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    r"""Specification curve as a test: an effect under every combination of choices.

    Controls, effects, samples, years, weights, lags, outcomes and columns that stand in
    for others, all from the same draws. The run file needs no \[scheme]; without draws
    in it there are 9,999.

    Example: tivax curve curve.toml --out curve
    """
    assert run is not None  # else it is said that RUN is missing
    start_jax()
    from ... import paper, resampling
    from ...core import require_format
    from ...curve import DRAWS
    from .curve import run_curve

    given = resampling.read_run_file(
        run,
        {"paper": paper.paper_models()},
        scheme=resampling.Scheme("wild", weights="webb"),
        draws=DRAWS,
    )
    given = resampling.with_overrides(given, draws, seed)
    file_format = require_format(format)
    terminal = Terminal(quiet, json=json, verbose=verbose)
    run_curve(
        given,
        out,
        format=file_format,
        figures=not no_figures,
        force=force,
        terminal=terminal,
    )


def montecarlo(
    out: Out,
    run: RunToml = None,
    example: Example = False,
    draws: Draws = None,
    seed: Seed = None,
    format: FormatOption = "csv",
    device: Device = None,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process_id: ProcessId = None,
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Put errors of the tables into regressions: draw tables, estimate in each.

    The run file names the store that the treatment was computed from and a model of the
    errors of its cells. All devices of this machine take part, of a processor all
    cores. A run that was stopped goes on where it was when the same command is given
    again.

    Example: tivax montecarlo run.toml --out montecarlo
    """
    assert run is not None  # else it is said that RUN is missing
    start_jax(device, devices)
    from ... import paper, resampling
    from ...core import require_format
    from ...montecarlo import DRAWS
    from .montecarlo import run_montecarlo

    file_format = require_format(format)
    given = resampling.read_run_file(
        run,
        {"paper": paper.paper_models()},
        scheme=resampling.Scheme("pairs"),
        draws=DRAWS,
    )
    given = resampling.with_overrides(given, draws, seed)
    with as_one(coordinator, processes, process_id) as first:
        run_montecarlo(
            given,
            out,
            figures=not no_figures,
            format=file_format,
            force=force,
            terminal=Terminal(quiet or not first, json=json, verbose=verbose),
        )
