"""``tivax demo``: the whole pipeline on a synthetic world, nothing to download.

Make the tables, check them, solve all years, time the same against numpy; go on into a
panel in which the effect of the index is known, and estimate it; write what `tivax tbi`
writes, the panel, and a report that explains it.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import (
    Progress,
    Run,
    describe_environment,
    output_folder,
    require_result_place,
    write_csv,
)
from ...explorer import ResultFolder, collect_results, explorer_html
from ...figures import true_versus_estimated
from ...measures import TbiResult, compute_tbi, value_added_metadata
from ...panel import FEWEST_REGIONS, FEWEST_YEARS, OUTCOME, KnownEffect, known_effect
from ...reporting import html as report
from ...reporting import save_figure
from ...tables import (
    WorldShape,
    WorldTables,
    YearCheck,
    check_frame,
    check_tables,
    synthetic_world,
)
from ..tables.check import print_tbi
from ..tables.tbi import figures_of, write_tbi
from ..terminal import Terminal


@dataclass(frozen=True)
class Race:
    """Seconds for value added absorbed of all years, from tables in memory.

    ``first`` counts compilation, ``warm`` does not; ``numpy`` is
    ``numpy.linalg.solve`` year by year; ``difference`` the largest relative one in the
    value-added exports of any region and year.
    """

    first: float
    warm: float
    numpy: float
    difference: float


def run_demo(
    out: Path,
    size: tuple[int, int, int],
    *,
    seed: int,
    force: bool,
    terminal: Terminal,
) -> None:
    """Run the pipeline and write everything to ``out``.

    Raises ``TivaxError`` where ``out`` is taken, before any work.
    """
    run = Run("demo", seed=seed)
    require_result_place(out, run, force=force)
    regions, sectors, years = size
    shape = WorldShape(regions=regions, sectors=sectors, years=years)
    with terminal.progress("making the world") as progress:
        tables = synthetic_world(shape, seed, progress=progress)
    with terminal.progress("solving") as progress:
        first, _ = _timed(lambda: compute_tbi(tables, progress=progress))
    warm, result = _timed(lambda: compute_tbi(tables))
    with terminal.progress("the same by numpy") as progress:
        seconds, exports = _timed(lambda: _numpy_exports(tables, progress))
    ours = result.tbi["va_exports"].values
    race = Race(first, warm, seconds, float(np.abs(ours / exports - 1).max()))
    with terminal.progress("checking identities") as progress:
        checks = check_tables(tables, progress=progress)
    known = _known_effect(result, seed)
    with output_folder(out, run, force=force) as folder:
        write_tbi(result, folder)
        write_csv(check_frame(checks), folder / "checks.csv")
        if known is not None:
            write_csv(known.frame, folder / "panel.csv")
            write_csv(known.comparison, folder / "panel_estimates.csv")
            save_figure(
                true_versus_estimated(known.comparison), folder, "panel_estimates"
            )
        page = _report(tables, result, checks, race, known, seed)
        (folder / "report.html").write_text(page, encoding="utf-8")
        about = value_added_metadata(tables, ["residual"])
        results = ResultFolder(folder, out.name, about)
        charts = explorer_html(collect_results([results]), folder)
        (folder / "explorer.html").write_text(charts, encoding="utf-8")
        run.write_manifest(
            folder,
            residual_max=result.residual_max,
            **about,
            size=f"{regions} x {sectors} x {years}",
            race={
                "first_s": race.first,
                "warm_s": race.warm,
                "numpy_s": race.numpy,
                "largest_difference": race.difference,
            },
        )
    print_tbi(terminal, result, out)
    for line in [*_findings(tables, checks, race), _effect(known)]:
        terminal.print(line)
    terminal.print(f"Open {out / 'report.html'}")


def _known_effect(result: TbiResult, seed: int) -> KnownEffect | None:
    """The panel with a known effect; None where the world is too small for one."""
    regions = len(result.tbi["region"]) - int("ROW" in result.tbi["region"].values)
    if regions < FEWEST_REGIONS or len(result.tbi["year"]) < FEWEST_YEARS:
        return None
    return known_effect(result.tbi, seed)


def _effect(known: KnownEffect | None) -> str:
    if known is None:
        return (
            f"No panel: it takes {FEWEST_REGIONS} regions besides ROW and "
            f"{FEWEST_YEARS} years; choose a larger --size."
        )
    tbi = known.comparison.set_index("term").loc["TBI"]
    return (
        f"Estimated: the true effect of the index on the synthetic panel is "
        f"{tbi['true']:.1f}, fixed effects find {tbi['coef']:.2f} (95 % interval "
        f"{tbi['ci_low']:.2f} to {tbi['ci_high']:.2f}); {known.inside} of "
        f"{len(known.comparison)} intervals hold the truth."
    )


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


def _findings(tables: WorldTables, checks: list[YearCheck], race: Race) -> list[str]:
    """A line each on the size, accuracy and speed of the computation."""
    years, n, c = len(tables.years), tables.n, len(tables.regions)
    worst = max(
        max(k.output_identity, k.demand_identity, k.balance_identity) for k in checks
    )
    lines = [
        f"Computed: value added absorbed for {years} years of {n:,} industries and "
        f"{c} absorbing regions ({years * n * c:,} numbers).",
        f"Exact: identities hold to {worst:.0e}, largest difference from numpy "
        f"{race.difference:.0e}, both relative.",
        f"Fast: {race.warm:.2f} s for all years from tables in memory, "
        f"numpy.linalg.solve {race.numpy:.2f} s, ratio {race.numpy / race.warm:.1f} "
        f"({race.first:.2f} s the first time, with compilation).",
    ]
    if "OPENBLAS_CORETYPE" in os.environ:
        lines.append(
            "OPENBLAS_CORETYPE is set on this machine, which can slow numpy down; "
            "unset it for a fair ratio."
        )
    return lines


def _report(
    tables: WorldTables,
    result: TbiResult,
    checks: list[YearCheck],
    race: Race,
    known: KnownEffect | None,
    seed: int,
) -> str:
    last = int(tables.years[-1])
    figures = figures_of(result)
    findings = [*_findings(tables, checks, race), _effect(known)]
    names = {
        "gross_exports": "gross exports",
        "va_exports": "VA exports",
        "gross_imports": "gross imports",
        "va_imports": "VA imports",
        "vax_ratio": "VAX ratio",
        "tbi": "TBI",
    }
    vax = result.vax.sel(year=last).to_dataframe()[list(names)]
    vax = vax.sort_values("va_exports", ascending=False).head(15).rename(columns=names)
    sections = [
        report.Section(
            "What this is",
            [
                report.Text(
                    f"A synthetic world of {len(tables.regions)} regions, "
                    f"{len(tables.sectors)} sectors and {len(tables.years)} years "
                    f"(seed {seed}), made on this machine. It has the structure of "
                    "a real world input-output table, but no region stands for a "
                    "country and no number is data. Real tables go the same way: "
                    "tivax import, tivax check, tivax tbi."
                ),
                *(report.Text(line) for line in findings),
                report.Link(
                    "Explore the results in interactive charts", "explorer.html"
                ),
            ],
        ),
        report.Section(
            "Trade benefit index",
            [
                report.Text(
                    "Value added absorbed is T = diag(v) B Y, with B = (I - A)⁻¹ the "
                    "Leontief inverse: what every region earns in the final demand of "
                    "every other. The trade benefit index of region i is "
                    "(X − M) / (X + M), where X is value added of i absorbed "
                    "abroad and M foreign value added absorbed in i. It is positive "
                    "where a region earns more from the world than it spends on it."
                ),
                report.Figure(
                    figures["tbi"], "Trade benefit index of the largest traders."
                ),
            ],
        ),
        report.Section(
            "Value added beside gross trade",
            [
                report.Figure(
                    figures["va_versus_gross"],
                    f"Value-added against gross trade, {last}. Goods cross borders "
                    "several times: gross exports count their value each time.",
                ),
                report.Table(
                    vax,
                    f"The largest exporters of value added, {last}, {tables.unit}.",
                    {
                        **dict.fromkeys(vax.columns[:4], ",.0f"),
                        "VAX ratio": ".3f",
                        "TBI": "+.4f",
                    },
                ),
                report.Figure(
                    figures["va_balances"], f"Bilateral value-added balances, {last}."
                ),
            ],
        ),
        *([] if known is None else [_panel_section(known)]),
        report.Section(
            "How exact",
            [
                report.Text(
                    "Every solve is checked in float64 against the equation it solves; "
                    "the residual is the worst column of |Y − (I − A) X| / |Y|. The "
                    "identities are relative misses of what must hold on any table: "
                    "sales equal output, value added absorbed in a region equals its "
                    "final demand, value-added and gross balances agree."
                ),
                report.Table(
                    check_frame(checks)
                    .set_index("year")[list(_CHECKS)]
                    .rename(columns=_CHECKS),
                    f"Checks by year: largest row gap ({tables.unit}), industries "
                    "without output, spectral radius of A, the three identities, the "
                    "residual of the solve.",
                    {
                        "radius": ".4f",
                        **dict.fromkeys(
                            ["row gap", "sales", "demand", "balance", "residual"], ".0e"
                        ),
                    },
                ),
            ],
        ),
        report.Section(
            "How fast",
            [
                report.Table(
                    pd.DataFrame(
                        {
                            "method": [
                                "tivax, first call with compilation",
                                "tivax, warm",
                                "numpy.linalg.solve, year by year",
                            ],
                            "seconds": [race.first, race.warm, race.numpy],
                            "ratio": [
                                race.numpy / race.first,
                                race.numpy / race.warm,
                                1.0,
                            ],
                        }
                    ),
                    "From tables in memory to the trade benefit index of all years, "
                    "once each. tivax bench times more methods, and repeats them.",
                    {"seconds": ".2f", "ratio": ".1f"},
                ),
            ],
        ),
    ]
    return report.report_html(
        "Trade in value added of a synthetic world",
        f"{tables.years[0]} to {last}",
        sections,
        describe_environment(),
    )


_CHECKS = {
    "row_gap": "row gap",
    "zero_output": "idle",
    "spectral_radius": "radius",
    "output_identity": "sales",
    "demand_identity": "demand",
    "balance_identity": "balance",
    "residual": "residual",
    "solver": "solver",
}


def _panel_section(known: KnownEffect) -> report.Section:
    fit = known.estimate
    return report.Section(
        "From the index to a panel with a known effect",
        [
            report.Text(
                "The index of this world enters a synthetic panel: an outcome "
                f"({OUTCOME}, 1 to 100) that is the sum of country effects, year "
                "effects, the index and seven controls times known coefficients, and "
                "errors that are correlated over time and unequal between countries. "
                "Controls have the names of the paper's: RQ is regulatory quality, "
                "which the paper calls management quality. It is estimated as the "
                "paper's tables are: two-way fixed effects, standard errors clustered "
                f"by country, p-values from t(G − 1). {known.inside} of "
                f"{len(known.comparison)} intervals hold the true value; over many "
                "seeds 95 % of them should."
            ),
            report.Figure(
                true_versus_estimated(known.comparison),
                "True coefficients and estimates with 95 % intervals.",
            ),
            report.Table(
                known.comparison,
                f"{fit.n} rows, {fit.clusters} countries, within R² {fit.r2:.3f}; z: "
                "estimate less truth in standard errors.",
                {
                    **dict.fromkeys(["true", "coef", "se", "ci_low", "ci_high"], ".3f"),
                    "z": "+.2f",
                },
            ),
        ],
    )
