"""The report of ``tivax demo``."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ...core import count_text
from ...panel import OUTCOME
from ...reporting import Document, Drawn, Language, Link, Table, report_html
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
    years = count_text(len(tables.years), "year")
    section = Document(Path(__file__).with_name("demo.md")).section
    sections = [
        section(
            "next",
            explorer=[Link(_EXPLORE, "explorer.html")],
            run_files="" if known is None else ", and there are two run files",
            commands=[f"`{k}`" for k in commands_to_try(demo, folder)],
        ),
        section(
            "what",
            regions=count_text(len(tables.regions), "region"),
            sectors=count_text(len(tables.sectors), "sector"),
            years=years,
            seed=demo.seed,
            findings=findings(demo),
        ),
        section("index"),
        *result.sections(own),
        section("exports", figures, method=METHOD, last=last),
    ]
    if known is not None:
        digits = dict.fromkeys(["true", "estimate", "se", "ci_low", "ci_high"], ".3f")
        estimates = Table(known.comparison, formats={**digits, "z": "+.2f"})
        panel = section(
            "panel",
            figures,
            outcome=OUTCOME,
            inside=known.inside,
            intervals=len(known.comparison),
            estimates=estimates,
            fit=known.estimate,
        )
        sections.append(panel)
    checks = check_frame(demo.checks).set_index("year")[list(_CHECKS)]
    exact = ["row gap", "sales", "demand", "balance", "residual"]
    seconds = pd.DataFrame(
        {
            "method": ["tivax, compiled", "numpy.linalg.solve, year by year"],
            "seconds": [race.warm, race.numpy],
            "ratio": [race.numpy / race.warm, 1.0],
        }
    )
    sections += [
        section(
            "exact",
            unit=tables.unit,
            checks=Table(
                checks.rename(columns=_CHECKS),
                formats={"radius": ".4f", **dict.fromkeys(exact, ".0e")},
            ),
        ),
        section(
            "fast",
            years=count_text(race.years, "year"),
            first=race.first,
            all_years=years,
            race=Table(seconds, formats={"seconds": ".3f", "ratio": ".3g"}),
        ),
    ]
    return report_html(
        "Trade in value added of a synthetic world",
        f"{tables.years[0]} to {last}",
        sections,
        environment,
        language=language,
    )


_EXPLORE = "Explore the results in interactive charts"
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
