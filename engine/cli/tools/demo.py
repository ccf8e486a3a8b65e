"""``tivax demo``: the whole pipeline on a synthetic world, nothing to download.

Make the tables, check them, solve all years, time some of them against numpy; go on
into a decomposition of exports, and a panel in which the effect of the index is known,
and estimate it. Write what `tivax tbi` writes, the panel, a store and run files to try
the other commands on, and a report that explains it.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ...core import Progress, Run
from ...measures import TbiResult, decompose, totals_of, trade_benefit_index
from ...panel import FEWEST_REGIONS, FEWEST_YEARS, KnownEffect, known_effect
from ...reporting import missing_font_note
from ...streaming import check_tables
from ...tables import WorldShape, WorldTables, synthetic_world
from ..bundles import OutputOptions
from ..terminal import Terminal
from ..write import require_place, save_result
from .demo_result import METHOD, Demo, Race

# Years that are timed, checked and kept in the store: more would take longer than all
# the rest.
_FEW_YEARS = 3


def run_demo(
    output: OutputOptions, size: tuple[int, int, int], seed: int, terminal: Terminal
) -> None:
    """Run the pipeline and write everything.

    Raises ``TivaxError`` where the place is taken, before any work.
    """
    run = Run("demo", seed=seed)
    require_place(output, run)
    demo = _compute(output, size, seed, terminal)
    with terminal.status("writing"):
        record = save_result(demo, run, output, beside=demo.write_beside)
    terminal.language = output.words
    if note := missing_font_note(output.words):
        terminal.warn(note)
    for listing in demo.index.listings():
        terminal.show(listing)
    for line in demo.sentence.splitlines():
        terminal.print(line)
    terminal.print(f"Try next: {demo.commands(output.out)[0]}")
    terminal.finish(record, f"Open {output.out / 'report.html'}")


def _compute(
    output: OutputOptions, size: tuple[int, int, int], seed: int, terminal: Terminal
) -> Demo:
    regions, sectors, years = size
    shape = WorldShape(regions=regions, sectors=sectors, years=years)
    with terminal.progress("making the world") as progress:
        tables = synthetic_world(shape, seed, progress=progress)
    with terminal.progress("solving") as progress:
        first, result = _timed(lambda: trade_benefit_index(tables, progress=progress))
    last = tables.years[-1]
    few = tables.select(tables.years[-_FEW_YEARS:][0], last)
    trade_benefit_index(few)  # compiles what depends on the number of years
    warm, again = _timed(lambda: trade_benefit_index(few))
    with terminal.progress("the same by numpy") as progress:
        seconds, exports = _timed(lambda: _numpy_exports(few, progress))
    ours = again.tbi["va_exports"].values
    difference = float(np.abs(ours / exports - 1).max())
    # Most of either is compiling, on one core.
    with (
        terminal.progress("checking identities") as progress,
        ThreadPoolExecutor(2) as pool,
    ):
        checking = pool.submit(check_tables, few, progress=progress)
        terms = pool.submit(decompose, tables.select(last, last), METHOD, "country")
        checks, parts = checking.result(), totals_of(terms.result().data, METHOD)
    return Demo(
        output.out,
        output.words,
        tables,
        few,
        result,
        parts,
        checks,
        Race(len(few.years), first, warm, seconds, difference),
        _known_effect(result, seed),
        seed,
    )


def _known_effect(result: TbiResult, seed: int) -> KnownEffect | None:
    """The panel with a known effect; None where the world is too small for one."""
    regions = len(result.tbi["region"]) - int("ROW" in result.tbi["region"].values)
    if regions < FEWEST_REGIONS or len(result.tbi["year"]) < FEWEST_YEARS:
        return None
    return known_effect(result.tbi, seed)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    answer = run()
    return time.perf_counter() - start, answer


def _numpy_exports(tables: WorldTables, progress: Progress) -> np.ndarray:
    """Value-added exports by year and region, as one would write it in numpy."""
    c, exports = len(tables.regions), []
    progress(0, len(tables.years))
    for table in tables:
        per_dollar = np.divide(
            1, table.x, out=np.zeros_like(table.x), where=table.x > 0
        )
        A = table.Z * per_dollar
        v = np.where(table.x > 0, 1 - A.sum(axis=0), 0)
        X = np.linalg.solve(np.eye(len(A)) - A, table.Y.sum(axis=2))
        T = (v[:, None] * X).reshape(c, -1, c).sum(axis=1)
        exports.append(T.sum(axis=1) - np.diag(T))
        progress(len(exports), len(tables.years))
    return np.array(exports)
