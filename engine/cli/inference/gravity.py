"""``tivax gravity`` and ``tivax elasticities``: equations of flows between pairs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..bundles import OutputOptions, Processor, Screen, command
from ..example_files import RunToml


@command
def gravity(
    output: OutputOptions,
    processor: Processor,
    screen: Screen,
    run: RunToml = None,
    example: bool = False,
) -> None:
    """Estimate a gravity equation of flows between pairs by PPML.

    Effects of exporter-years, importer-years and pairs; standard errors that know how
    many these are. Flows are in the data, or gross exports or value added of a store.

    Example: tivax gravity gravity.toml --out gravity
    """
    processor.start()
    from ...bilateral import run_gravity

    _write("gravity", run_gravity, run, output, screen)


@command
def elasticities(
    output: OutputOptions,
    processor: Processor,
    screen: Screen,
    run: RunToml = None,
    example: bool = False,
) -> None:
    """Estimate trade elasticities by sector from flows and tariffs.

    Writes theta.csv and theta_covariance.csv, which scenarios of general equilibrium
    read: elasticities and elasticities_covariance.

    Example: tivax elasticities tariffs.toml --out elasticities
    """
    processor.start()
    from ...bilateral import run_elasticities

    _write("elasticities", run_elasticities, run, output, screen)


def _write(
    name: str,
    compute: Callable[[Path], tuple[Any, list[Path]]],
    run: Path | None,
    output: OutputOptions,
    screen: Screen,
) -> None:
    from ...core import Run
    from ..write import require_place, write_result

    assert run is not None  # else it is said that RUN is missing
    record = Run(name)
    require_place(output, record)
    found, record.inputs = compute(run)
    write_result(found, record, output, screen.terminal())
