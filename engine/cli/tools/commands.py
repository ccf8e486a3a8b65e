"""Commands on this machine: their options."""

from typing import Annotated

import typer

from ...core import start_jax
from ..options import Force, Out, Quiet, parse_size
from ..terminal import Terminal


def demo(
    out: Out,
    size: Annotated[
        str, typer.Option("--size", help="Size of the world, REGIONSxSECTORSxYEARS.")
    ] = "44x56x15",
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Random seed of the synthetic world.")
    ] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """The whole pipeline on a synthetic world: nothing to download.

    Example: tivax demo --out demo
    """
    start_jax()
    from .demo import run_demo

    run_demo(out, parse_size(size), seed=seed, force=force, terminal=Terminal(quiet))


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
) -> None:
    """Time tivax beside what people use today; every time with its residual.

    Example: tivax bench --full --out bench-results
    """
    start_jax()
    from .bench import run_bench

    run_bench(out, full=full, only=only, force=force, terminal=Terminal(quiet))


def devices() -> None:
    """List the devices JAX will use.

    Example: tivax devices
    """
    start_jax()
    import jax

    terminal = Terminal()
    for device in jax.devices():
        memory = device.memory_stats() if device.platform != "cpu" else None
        size = f"  {memory['bytes_limit'] / 2**30:.1f} GiB" if memory else ""
        terminal.print(f"{device.id}  {device.platform}  {device.device_kind}{size}")
