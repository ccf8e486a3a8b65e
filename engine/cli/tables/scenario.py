"""``tivax scenario``: its options, and which code runs a kind of scenario."""

from collections.abc import Callable
from pathlib import Path

from ...core import start_jax
from ..bundles import Output, Screen, command
from ..example_files import Example, RunToml
from ..options import Regions


@command
def scenario(
    output: Output,
    screen: Screen,
    run: RunToml = None,
    example: Example = False,
    regions: Regions = "",
) -> None:
    """What if: trade cut or moved, industries extracted, demand and prices changed.

    A grid in the file makes thousands of variants, each with its residual. Writes
    scenario.csv (variant, year, region, measure, base, value, change, percent),
    variants.csv, figures and manifest.json. A run that was stopped goes on where it was
    when the same command is given again. With kind = "exact-hat": tariffs, trade costs
    and balanced trade in general equilibrium.

    Example: tivax scenario decoupling.toml --out decoupling
    """
    assert run is not None  # else it is said that RUN is missing
    start_jax()
    from ...core import require_format
    from ...scenarios import kind_of
    from ..inputs import split_codes

    runner = _RUNNERS.get(kind_of(run), _change_flows_or_prices)
    runner(
        run,
        output.out,
        figures=output.figures,
        regions=split_codes(regions),
        format=require_format(output.format),
        force=output.force,
        terminal=screen.terminal(),
    )


def _change_flows_or_prices(path: Path, out: Path, **options) -> None:
    from .scenario_run import run_scenario

    run_scenario(path, out, **options)


def _solve_equilibrium(path: Path, out: Path, **options) -> None:
    from .exact_hat_run import run_exact_hat

    run_exact_hat(path, out, **options)


# Kinds that are not changes of an input-output table at given coefficients.
_RUNNERS: dict[str, Callable[..., None]] = {"exact-hat": _solve_equilibrium}
