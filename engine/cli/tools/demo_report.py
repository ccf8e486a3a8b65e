"""The report of ``tivax demo``."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ...core import count_text
from ...panel import OUTCOME, KnownEffect
from ...reporting import Drawn, Language
from ...reporting import html as report
from ...tables import check_frame
from .demo_results import METHOD, Demo, commands_to_try, findings


def demo_page(
    demo: Demo,
    folder: Path,
    figures: Mapping[str, Drawn],
    environment: Mapping[str, str],
    language: Language = "en",
) -> str:
    """The page, with ``figures`` by file name; commands name ``folder``."""
    tables, result, race, known = demo.tables, demo.result, demo.race, demo.known
    last = int(tables.years[-1])
    own = {name: figures[name] for name in result.plots()}
    sections = [
        report.Section(
            "What you can do next",
            [
                report.Link(
                    "Explore the results in interactive charts", "explorer.html"
                ),
                report.Text(
                    "Try the commands: the last years of this world are a store beside "
                    "this report"
                    + ("" if known is None else ", and there are two run files")
                    + ". From the folder that holds this one:"
                ),
                report.Points([f"`{k}`" for k in commands_to_try(demo, folder)]),
                report.Text(
                    "Then take tables of your own: `tivax import`, `tivax check`, "
                    "`tivax tbi`."
                ),
            ],
        ),
        report.Section(
            "What this is",
            [
                report.Text(
                    "A synthetic world of "
                    f"{count_text(len(tables.regions), 'region')}, "
                    f"{count_text(len(tables.sectors), 'sector')} and "
                    f"{count_text(len(tables.years), 'year')} (seed {demo.seed}), made "
                    "on this machine. It has the structure "
                    "of a real world input-output table, but no region stands for a "
                    "country and no number is data."
                ),
                report.Points(findings(demo)),
            ],
        ),
        report.Section(
            "Trade benefit index",
            [
                report.Text(
                    "What every region earns in the final demand Y of every other is "
                    "value added absorbed,"
                ),
                report.Formula("absorbed"),
                report.Text(
                    "with v the value added in a unit of output and A the inputs that "
                    "it takes. The trade benefit index of region i sets value added of "
                    "i absorbed abroad, X, against foreign value added absorbed in i, "
                    "M:"
                ),
                report.Formula("index"),
                report.Text(
                    "It is positive where a region earns more from the world than it "
                    "spends on it."
                ),
            ],
        ),
        *result.sections(own),
        report.Section(
            "What exports are made of",
            [
                report.Text(
                    "Exports hold value added of the exporter that is absorbed abroad "
                    "or returns home, value added of others, and what crosses borders "
                    f"more than once and is counted twice. `tivax decompose --method "
                    f"{METHOD}` and eleven other methods take them apart, also by "
                    "sector and buyer."
                ),
                report.Figure(
                    figures["shares"],
                    f"Gross exports in terms of value added, {last}: the largest "
                    "exporters first.",
                ),
            ],
        ),
        *([] if known is None else [_panel_section(known, figures)]),
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
                    check_frame(demo.checks)
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
                                "tivax, compiled",
                                "numpy.linalg.solve, year by year",
                            ],
                            "seconds": [race.warm, race.numpy],
                            "ratio": [race.numpy / race.warm, 1.0],
                        }
                    ),
                    "From tables in memory to the trade benefit index of "
                    f"{count_text(race.years, 'year')}, once each. The first call, "
                    f"with compilation, took {race.first:.2f} s for "
                    f"{count_text(len(tables.years), 'year')}. "
                    "`tivax bench` times more methods, and repeats them.",
                    {"seconds": ".3f", "ratio": ".3g"},
                ),
            ],
        ),
    ]
    return report.report_html(
        "Trade in value added of a synthetic world",
        f"{tables.years[0]} to {last}",
        sections,
        environment,
        language=language,
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


def _panel_section(known: KnownEffect, figures: Mapping[str, Drawn]) -> report.Section:
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
                figures["panel_estimates"],
                "True coefficients and estimates with 95 % intervals. Rows whose "
                "intervals would be dots on the scale of the others stand below on one "
                "of their own.",
            ),
            report.Table(
                known.comparison,
                f"{fit.n} rows, {fit.clusters} countries, within R² {fit.r2:.3f}; z: "
                "estimate less truth in standard errors.",
                {
                    **dict.fromkeys(
                        ["true", "estimate", "se", "ci_low", "ci_high"], ".3f"
                    ),
                    "z": "+.2f",
                },
            ),
        ],
    )
