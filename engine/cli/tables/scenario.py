"""``tivax scenario``: its options, and which code runs a kind of scenario."""

from ..bundles import ErrorOptions, OutputOptions, Processor, Screen, command
from ..example_files import RunToml


@command
def scenario(
    output: OutputOptions,
    drawn: ErrorOptions,
    processor: Processor,
    screen: Screen,
    run: RunToml = None,
    example: bool = False,
    regions: str = "",
) -> None:
    """Evaluate trade cut or moved, industries extracted, demand and prices changed.

    A grid in the file makes thousands of variants, each with its residual. Writes
    scenario.csv, variants.csv, figures and report.html. A run that was stopped goes on
    where it was when the same command is given again. With kind = "exact-hat":
    tariffs, trade costs and balanced trade in general equilibrium; with
    "optimal-tariff", "nash", "retaliation" or "trade-war" the tariffs that regions
    choose; --example KIND prints a file of that kind. With --error, or standard errors
    of elasticities, columns se, ci_low, ci_high from draws.

    Example: tivax scenario decoupling.toml --out decoupling
    """
    assert run is not None  # else it is said that RUN is missing
    processor.start()
    from ...scenarios import EQUILIBRIUM, kind_of
    from ..inputs import split_codes
    from .exact_hat_run import run_exact_hat
    from .scenario_run import run_scenario

    terminal = screen.terminal()
    # Other kinds change an input-output table at given coefficients.
    run_kind = run_exact_hat if kind_of(run) in EQUILIBRIUM else run_scenario
    run_kind(run, output, split_codes(regions), terminal, drawn)
