"""Commands on the panel and its regressions: their options."""

from pathlib import Path

from ...core import (
    DEFAULT_MAX_SIZE,
    TivaxError,
    blas_on_one_thread,
    helper_process,
    set_max_size,
)
from ..bundles import (
    MachineOptions,
    OutputOptions,
    Processor,
    RunOptions,
    Screen,
    command,
)
from ..example_files import RunToml
from ..options import require_store


@command
def replicate(
    data: Path,
    output: OutputOptions,
    processor: Processor,
    screen: Screen,
    store: Path | None = None,
    paper: str = "trade_imbalance",
    draws: int | None = None,
    max_size: float = DEFAULT_MAX_SIZE,
) -> None:
    """Recompute a paper: every table and figure beside the print, and a report.

    Writes comparison.csv, panel.csv, figure1, tables, figures, results, report.html.
    Of a published trade model (--paper nafta, liberation_day, tariff_war or
    complex_europe) tables.csv, from its authors' data in the folder.

    Example: tivax replicate --data raw --out replication
    """
    from ...papers import get_paper

    asked = get_paper(paper)
    if "solve_paper" in dir(asked):
        processor.start()
        set_max_size(max_size)
        from .replicate import solve_paper

        given = {"--tables": store, "--draws": draws}
        solve_paper(asked, paper, data, given, output, screen.terminal())
        return
    if draws is not None:
        raise TivaxError(f"--draws {draws}: {paper} takes none; leave it out")
    blas_on_one_thread()  # before anything else imports NumPy
    set_max_size(max_size)
    # It imports what figures need while this process imports JAX.
    with helper_process(["tivax.engine.figures.panel"]) as helper:
        processor.start()
        from ...core import Run, require_format, require_result_place
        from ...panel import read_data_files
        from .replicate import run_replication

        # Files that data.toml names are kept apart from --out once it is read.
        run = Run("replicate")
        require_result_place(output.out, run, force=output.force, folders=[data])
        require_format(output.format)
        files = read_data_files(data, store=require_store(store))
        run_replication(asked, files, output, helper, screen.terminal())


@command
def simulate(
    output: OutputOptions,
    processor: Processor,
    screen: Screen,
    run: RunToml = None,
    example: bool = False,
    seed: int | None = None,
    panels: int | None = None,
) -> None:
    r"""Test a known effect on simulated panels: which p-value to trust.

    RUN is a study, with a [\[design]] for each kind of panel, or a run file of models:
    each is taken through four steps, its clusters, their level, every p-value beside
    the others, and simulations of its own panel. Without RUN the built-in study is run.
    A study goes on where it was when the same command is given again.

    Example: tivax simulate --out simulation
    """
    processor.start()
    from .simulate import run_own_panels, run_study, simulates_models

    own = run is not None and simulates_models(run)
    run_it = run_own_panels if own else run_study
    run_it(run, panels, seed, output, screen.terminal())


@command
def threats(
    drawing: RunOptions, output: OutputOptions, processor: Processor, screen: Screen
) -> None:
    r"""Show what would make a result go away: the models of a run file under every
    threat.

    Blocks left out, trends, leads, weights, periods, placebo outcomes and more. The run
    file needs no \[scheme]; without draws in it there are 999,999. A run that was
    stopped goes on where it was when the same command is given again.

    Example: tivax threats wild.toml --out threats
    """
    blas_on_one_thread()
    processor.start()
    from .threats import run_threats

    run_threats(drawing, output, screen.terminal())


@command
def curve(
    drawing: RunOptions, output: OutputOptions, processor: Processor, screen: Screen
) -> None:
    r"""Specification curve as a test: an effect under every combination of choices.

    Controls, effects, samples, years, weights, lags, outcomes and columns that stand in
    for others, all from the same draws. The run file needs no \[scheme]; without draws
    in it there are 9,999. A run that was stopped goes on where it was when the same
    command is given again.

    Example: tivax curve curve.toml --out curve
    """
    processor.start()
    from .curve import run_curve

    run_curve(drawing, output, screen.terminal())


@command
def montecarlo(
    drawing: RunOptions, output: OutputOptions, machines: MachineOptions, screen: Screen
) -> None:
    """Put errors of the tables into regressions: draw tables, estimate in each.

    The run file names the store that the treatment was computed from and a model of the
    errors of its cells. All devices of this machine take part, of a processor all
    cores. A run that was stopped goes on where it was when the same command is given
    again.

    Example: tivax montecarlo run.toml --out montecarlo
    """
    with machines.start() as first:
        from .montecarlo import run_montecarlo

        run_montecarlo(drawing, output, screen.terminal(first=first))
