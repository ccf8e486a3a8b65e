"""Commands on this machine: their options."""

from pathlib import Path
from typing import Annotated

import typer

from ...core import TivaxError, start_jax
from ..bundles import Processor, Screen, command
from ..options import Force, LanguageOption, NoFigures, Out, parse_size


@command
def demo(
    out: Out,
    screen: Screen,
    size: Annotated[
        str, typer.Option("--size", help="Size of the world, REGIONSxSECTORSxYEARS.")
    ] = "44x28x15",
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Random seed of the synthetic world.")
    ] = 0,
    no_figures: NoFigures = False,
    language: LanguageOption = "en",
    force: Force = False,
) -> None:
    """The whole pipeline on a synthetic world: nothing to download.

    Example: tivax demo --out demo
    """
    start_jax()
    from ...reporting import require_language
    from .demo import run_demo

    run_demo(
        out,
        parse_size(size),
        seed=seed,
        figures=not no_figures,
        language=require_language(language),
        force=force,
        terminal=screen.terminal(),
    )


@command
def bench(
    processor: Processor,
    screen: Screen,
    compare: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[compare A B]",
            help="Show the times of two results side by side, and time nothing.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the results.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Use 44 x 56 x 15 in place of a small world."),
    ] = False,
    only: Annotated[
        str | None, typer.Option("--only", help="Run one case, such as solve.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", help="Time the solve on this store too."),
    ] = None,
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes",
            help="Time the solve on synthetic worlds of these sizes too, RxSxYEARS: "
            "10x50x1,44x56x1,49x200x1.",
        ),
    ] = "",
    force: Force = False,
) -> None:
    """Time tivax beside what people use today; every time with its residual.

    Example: tivax bench --full --out bench-results
    """
    terminal = screen.terminal()
    if compare:
        if compare[0] != "compare" or len(compare) != 3:
            raise TivaxError(
                f"tivax bench {' '.join(compare)}: give nothing, or compare A B with "
                "the folders of two results"
            )
        from .bench_compare import compare_results

        compare_results(Path(compare[1]), Path(compare[2]), terminal)
        return
    if out is None:
        raise TivaxError("tivax bench: give --out, where to write the results")
    shapes = [parse_size(each, "--sizes") for each in sizes.split(",") if each]
    processor.start()
    from ...tables import WorldShape
    from .bench import run_bench

    run_bench(
        out,
        full=full,
        only=only,
        store=store,
        sizes=[WorldShape(*shape) for shape in shapes],
        force=force,
        terminal=terminal,
    )
