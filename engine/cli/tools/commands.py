"""Commands on this machine: their options."""

from typing import Annotated

import typer

from ...core import start_jax
from ..options import Force, Json, NoFigures, Out, Quiet, Verbose, parse_size
from ..terminal import Terminal


def demo(
    out: Out,
    size: Annotated[
        str, typer.Option("--size", help="Size of the world, REGIONSxSECTORSxYEARS.")
    ] = "44x28x15",
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Random seed of the synthetic world.")
    ] = 0,
    no_figures: NoFigures = False,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """The whole pipeline on a synthetic world: nothing to download.

    Example: tivax demo --out demo
    """
    start_jax()
    from .demo import run_demo

    run_demo(
        out,
        parse_size(size),
        seed=seed,
        figures=not no_figures,
        force=force,
        terminal=Terminal(quiet, json=json, verbose=verbose),
    )


def bench(
    out: Out,
    full: Annotated[
        bool,
        typer.Option("--full", help="Use 44 x 56 x 15 in place of a small world."),
    ] = False,
    only: Annotated[
        str | None, typer.Option("--only", help="Run one case, such as solve.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Time tivax beside what people use today; every time with its residual.

    Example: tivax bench --full --out bench-results
    """
    start_jax()
    from .bench import run_bench

    terminal = Terminal(quiet, json=json, verbose=verbose)
    run_bench(out, full=full, only=only, force=force, terminal=terminal)


def devices(json: Json = False) -> None:
    """List the devices JAX will use, with their cores and memory.

    Example: tivax devices
    """
    start_jax()
    from .devices import print_devices

    print_devices(Terminal(json=json))
