"""Commands on this machine: their options."""

from pathlib import Path

from ...core import TivaxError, start_jax
from ..bundles import OutputOptions, Processor, Screen, command
from ..options import parse_size


@command
def demo(
    out: Path,
    screen: Screen,
    size: str = "44x28x15",
    seed: int = 0,
    no_figures: bool = False,
    language: str = "en",
    force: bool = False,
) -> None:
    """The whole pipeline on a synthetic world: nothing to download.

    Example: tivax demo --out demo
    """
    start_jax()
    from .demo import run_demo

    output = OutputOptions(out, no_figures=no_figures, language=language, force=force)
    run_demo(output, parse_size(size), seed, screen.terminal())


@command
def bench(
    processor: Processor,
    screen: Screen,
    compare: list[str] | None = None,
    out: Path | None = None,
    full: bool = False,
    only: str | None = None,
    store: Path | None = None,
    sizes: str = "",
    force: bool = False,
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
