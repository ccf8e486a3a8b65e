"""``tivax demo``: the whole pipeline on a synthetic world, nothing to download.

Make the tables, check them, solve all years, time some of them against numpy; go on
into a decomposition of exports, and a panel in which the effect of the index is known,
and estimate it. Write what `tivax tbi` writes, the panel, a store and run files to try
the other commands on, and a report that explains it.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...core import (
    Progress,
    Run,
    describe_environment,
    output_folder,
    require_result_place,
    write_csv,
)
from ...explorer import ResultFolder, collect_results, explorer_html
from ...figures import decompositions as decomposition_plots
from ...figures import true_versus_estimated
from ...measures import (
    METHODS,
    TbiResult,
    compute_tbi,
    decompose,
    totals_of,
    value_added_metadata,
)
from ...panel import FEWEST_REGIONS, FEWEST_YEARS, OUTCOME, KnownEffect, known_effect
from ...reporting import (
    Drawn,
    Language,
    Plot,
    draw_plot,
    missing_font_note,
    write_frames,
)
from ...streaming import check_tables
from ...tables import (
    WorldShape,
    WorldTables,
    check_frame,
    save_store,
    synthetic_world,
)
from ..terminal import Terminal
from .demo_report import demo_page
from .demo_results import (
    FEW_YEARS,
    METHOD,
    Demo,
    Race,
    commands_to_try,
    findings,
)


def run_demo(
    out: Path,
    size: tuple[int, int, int],
    *,
    seed: int,
    figures: bool = True,
    language: Language = "en",
    force: bool,
    terminal: Terminal,
) -> None:
    """Run the pipeline and write everything to ``out``.

    Raises ``TivaxError`` where ``out`` is taken, before any work.
    """
    run = Run("demo", seed=seed)
    require_result_place(out, run, force=force)
    if note := missing_font_note(language):
        terminal.warn(note)
    demo = _compute(size, seed, terminal)
    with (
        terminal.progress("writing", "figures") as progress,
        output_folder(out, run, force=force) as folder,
    ):
        _write(demo, folder, out.name, language, figures=figures, progress=progress)
        about = value_added_metadata(demo.tables, ["residual"])
        results = ResultFolder(folder, out.name, {"command": "demo", **about})
        charts = explorer_html(collect_results([results]), folder, language=language)
        (folder / "explorer.html").write_text(charts, encoding="utf-8")
        record = run.write_manifest(
            folder,
            residual_max=demo.result.residual_max,
            **about,
            size=" x ".join(map(str, size)),
            race={
                "years": demo.race.years,
                "first_s": demo.race.first,
                "warm_s": demo.race.warm,
                "numpy_s": demo.race.numpy,
                "largest_difference": demo.race.difference,
            },
        )
    for listing in demo.result._listings():
        terminal.show(listing)
    for line in findings(demo):
        terminal.print(line)
    terminal.print(f"Try next: {commands_to_try(demo, out)[0]}")
    terminal.finish(record, f"Open {out / 'report.html'}")


def _compute(size: tuple[int, int, int], seed: int, terminal: Terminal) -> Demo:
    regions, sectors, years = size
    shape = WorldShape(regions=regions, sectors=sectors, years=years)
    with terminal.progress("making the world") as progress:
        tables = synthetic_world(shape, seed, progress=progress)
    with terminal.progress("solving") as progress:
        first, result = _timed(lambda: compute_tbi(tables, progress=progress))
    few = last_years(tables)
    compute_tbi(few)  # compiles what depends on the number of years
    warm, again = _timed(lambda: compute_tbi(few))
    with terminal.progress("the same by numpy") as progress:
        seconds, exports = _timed(lambda: _numpy_exports(few, progress))
    ours = again.tbi["va_exports"].values
    difference = float(np.abs(ours / exports - 1).max())
    last = tables.years[-1]
    # Most of either is compiling, on one core.
    with (
        terminal.progress("checking identities") as progress,
        ThreadPoolExecutor(2) as pool,
    ):
        checking = pool.submit(check_tables, few, progress=progress)
        terms = pool.submit(decompose, tables.select(last, last), METHOD, "country")
        checks, parts = checking.result(), totals_of(terms.result(), METHOD)
    known = _known_effect(result, seed)
    return Demo(
        tables,
        result,
        parts,
        checks,
        Race(len(few.years), first, warm, seconds, difference),
        known,
        seed,
    )


def last_years(tables: WorldTables) -> WorldTables:
    """The years that are timed, checked and kept in the store."""
    kept = tables.years[-FEW_YEARS:]
    return tables.select(kept[0], kept[-1])


def _write(
    demo: Demo,
    folder: Path,
    called: str,
    language: Language,
    *,
    figures: bool,
    progress: Progress,
) -> None:
    write_frames(demo.result, demo.result.tables(), folder)
    write_csv(check_frame(demo.checks), folder / "checks.csv")
    save_store(last_years(demo.tables), folder / "store")
    if (known := demo.known) is not None:
        write_csv(known.frame, folder / "panel.csv")
        write_csv(known.comparison, folder / "panel_estimates.csv")
        for name, scheme in RUN_FILES.items():
            text = _RUN_FILE.format(scheme=scheme, seed=demo.seed, outcome=OUTCOME)
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    plots = _plots(demo)
    progress(0, len(plots))
    if figures:
        (folder / "figures").mkdir()
    drawn: dict[str, Drawn] = {}
    for done, (name, plot) in enumerate(plots.items(), 1):
        drawn[name] = draw_plot(plot, files=figures, language=language)
        if figures:
            drawn[name].save(folder / "figures", name)
        progress(done, len(plots))
    page = demo_page(demo, Path(called), drawn, describe_environment(), language)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _plots(demo: Demo) -> dict[str, Plot]:
    """Figures of `tivax tbi`, the decomposition, the estimates."""
    title = f"{METHODS[METHOD].title} ({METHODS[METHOD].source})"
    bars = partial(decomposition_plots.bars, demo.parts, "gross exports", method=title)
    plots: dict[str, Plot] = {**demo.result.plots(), "shares": bars}
    if demo.known is not None:
        estimates = demo.known.comparison
        plots["panel_estimates"] = partial(true_versus_estimated, estimates)
    return plots


RUN_FILES = {"wild": 'kind = "wild"\nweights = "webb"', "placebo": 'kind = "placebo"'}
_RUN_FILE = """\
panel = "panel.csv"
seed = {seed}
draws = 99_999

[scheme]
{scheme}

[[model]]
name = "known effect"
outcome = "{outcome}"
regressors = ["TBI", "RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP"]
"""


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
