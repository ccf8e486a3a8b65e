"""Results of ``tivax demo``: its files, its report, and its findings in words."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from ...core import count_text
from ...explorer import ResultFolder, can_explore, collect_results, explorer_html
from ...figures import decompositions as decomposition_plots
from ...figures import true_versus_estimated
from ...measures import METHODS, Account, TbiResult
from ...panel import FEWEST_REGIONS, FEWEST_YEARS, OUTCOME, KnownEffect
from ...reporting import Document, Drawn, Language, Link, Plot, Result, Section, Table
from ...tables import WorldTables, YearCheck, check_frame, save_store
from ..terminal import shell_command

METHOD = "bm-source"
_REPORT = Document(Path(__file__).with_name("demo.md"))
_RUN_FILES = {"wild": 'kind = "wild"\nweights = "webb"', "placebo": 'kind = "placebo"'}
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
# Columns of checks.csv in the report, by what they are called there.
_CHECKS = {
    "row gap": "row_gap",
    "idle": "zero_output",
    "radius": "spectral_radius",
    "sales": "output_identity",
    "demand": "demand_identity",
    "balance": "balance_identity",
    "residual": "residual",
    "solver": "solver",
}
_EXACT = dict.fromkeys(("row gap", "sales", "demand", "balance", "residual"), ".0e")
_ESTIMATES = dict.fromkeys(("true", "estimate", "se", "ci_low", "ci_high"), ".3f")


@dataclass(frozen=True)
class Race:
    """Seconds for value added absorbed of ``years`` years, from tables in memory.

    ``numpy_s`` is of ``numpy.linalg.solve`` year by year; ``largest_difference`` the
    largest relative one in the value-added exports of any region and year. ``first_s``
    is the time of all years of the world, with compilation.
    """

    years: int
    first_s: float
    warm_s: float
    numpy_s: float
    largest_difference: float


@dataclass(frozen=True, eq=False, repr=False)
class Demo(Result):
    """All that was computed; no panel where the world is too small for one.

    ``few`` are the years that were timed and checked, and are kept in the store.
    """

    out: Path
    language: Language
    world: WorldTables
    few: WorldTables
    result: TbiResult
    parts: xr.DataArray  # of exports (part, year, region)
    checks: list[YearCheck]
    race: Race
    known: KnownEffect | None
    seed: int

    program = "demo"
    report_title = "Trade in value added of a synthetic world"
    always_parquet = TbiResult.always_parquet

    def tables(self) -> dict[str, Any]:
        found = {**self.result.tables(), "checks": check_frame(self.checks)}
        if (known := self.known) is not None:
            found |= {"panel": known.frame, "panel_estimates": known.comparison}
        return found

    def plots(self) -> dict[str, Plot]:
        """Figures of `tivax tbi`, the decomposition, the estimates."""
        page, method = self.index, METHODS[METHOD]
        title = page.text("method", title=method.title, source=method.source)
        given = self.parts, page.said("gross exports")
        bars = partial(decomposition_plots.bars, *given, method=title)
        plots: dict[str, Plot] = {**page.plots(), "shares": partial(page.drawn, bars)}
        if self.known is not None:
            estimates = self.known.comparison
            plots["panel_estimates"] = partial(true_versus_estimated, estimates)
        return plots

    def facts(self) -> dict[str, Any]:
        size = len(self.world.regions), len(self.world.sectors), len(self.world.years)
        return {
            "residual_max": self.result.residual_max,
            **self._about,
            "size": " x ".join(map(str, size)),
            "race": asdict(self.race),
        }

    @property
    def _about(self) -> dict[str, Any]:
        return Account("residual").metadata(self.world)

    @property
    def subtitle(self) -> str:
        return f"{self.world.years[0]} to {self.world.years[-1]}"

    @property
    def finding(self) -> list[str]:
        """Whose index is highest and lowest, and the estimate."""
        return [*self.index.finding, self._effect]

    @property
    def index(self) -> Any:
        """The page of the index."""
        return self.result.page(self.language)

    @property
    def sentence(self) -> str:
        """A line each on size, accuracy and speed, on the estimate."""
        race, n, c = self.race, self.world.n, len(self.world.regions)
        every, few = len(self.world.years), count_text(self.race.years, "year")
        worst = max(
            max(k.output_identity, k.demand_identity, k.balance_identity)
            for k in self.checks
        )
        lines = [
            f"Computed: value added absorbed for {count_text(every, 'year')} of "
            f"{n:,} industries and {c} absorbing regions "
            f"({every * n * c:,} numbers) in {race.first_s:.2f} s, with compilation.",
            f"Exact: identities hold to {worst:.0e}, largest difference from numpy "
            f"{race.largest_difference:.0e}, both relative, in {few}.",
            f"Fast: {race.warm_s:.3f} s for {few} from tables in memory, "
            f"numpy.linalg.solve {race.numpy_s:.3f} s, ratio "
            f"{race.numpy_s / race.warm_s:.3g}.",
        ]
        if "OPENBLAS_CORETYPE" in os.environ:
            lines.append(
                "OPENBLAS_CORETYPE is set on this machine, which can slow numpy down; "
                "unset it for a fair ratio."
            )
        return "\n".join([*lines, self._effect])

    @property
    def _effect(self) -> str:
        if (known := self.known) is None:
            return (
                f"No panel: it takes {FEWEST_REGIONS} regions besides ROW and "
                f"{FEWEST_YEARS} years; choose a larger --size."
            )
        tbi = known.comparison.set_index("term").loc["TBI"]
        return (
            f"Estimated: the true effect of the index on the synthetic panel is "
            f"{tbi['true']:.1f}, fixed effects find {tbi['estimate']:.2f} (95 % "
            f"interval {tbi['ci_low']:.2f} to {tbi['ci_high']:.2f}); {known.inside} of "
            f"{len(known.comparison)} intervals hold the truth."
        )

    def commands(self, folder: Path) -> list[str]:
        """Commands that run on what the demo leaves behind in ``folder``."""
        store = folder / "store"
        commands = [
            ("tbi", store, "--out", "results"),
            ("check", store),
            ("decompose", store, *f"--method {METHOD} --level country".split())
            + ("--out", "exports"),
            ("indicators", store, "--only", "GVC_PART_BM", "--out", "participation"),
        ]
        if self.known is not None:
            commands += [
                ("bootstrap", folder / f"{name}.toml", "--out", name)
                for name in _RUN_FILES
            ]
        return [shell_command(*words) for words in commands]

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        section, race, known = _REPORT.section, self.race, self.known
        years = count_text(len(self.world.years), "year")
        found = [
            section(
                "what",
                regions=count_text(len(self.world.regions), "region"),
                sectors=count_text(len(self.world.sectors), "sector"),
                years=years,
                seed=self.seed,
                findings=self.sentence.splitlines()[:-1],
            ),
            section(
                "next",
                explorer=[Link(_EXPLORE, "explorer.html")] if can_explore() else [],
                run_files="" if known is None else ", and there are two run files",
                commands=[f"`{k}`" for k in self.commands(Path(self.out.name))],
            ),
            section("index"),
            *self.index.sections({k: figures[k] for k in self.result.plots()}),
            section("exports", figures, method=METHOD, last=self.world.years[-1]),
        ]
        if known is not None:
            panel = section(
                "panel",
                figures,
                outcome=OUTCOME,
                inside=known.inside,
                intervals=len(known.comparison),
                estimates=Table(known.comparison, formats={**_ESTIMATES, "z": "+.2f"}),
                fit=known.estimate,
            )
            found.append(panel)
        checks = check_frame(self.checks).set_index("year")[[*_CHECKS.values()]]
        checks.columns = [*_CHECKS]
        seconds = pd.DataFrame(
            {
                "method": ["tivax, compiled", "numpy.linalg.solve, year by year"],
                "seconds": [race.warm_s, race.numpy_s],
                "ratio": [race.numpy_s / race.warm_s, 1.0],
            }
        )
        return [
            *found,
            section(
                "exact",
                unit=self.world.unit,
                checks=Table(checks, formats={"radius": ".4f", **_EXACT}),
            ),
            section(
                "fast",
                years=count_text(race.years, "year"),
                first=race.first_s,
                all_years=years,
                race=Table(seconds, formats={"seconds": ".3f", "ratio": ".3g"}),
            ),
        ]

    def write_beside(self, folder: Path) -> None:
        """A store and run files to try the other commands on, and the explorer."""
        save_store(self.few, folder / "store")
        for name, scheme in _RUN_FILES.items() if self.known is not None else ():
            text = _RUN_FILE.format(scheme=scheme, seed=self.seed, outcome=OUTCOME)
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        if not can_explore():
            return
        about = {"command": "demo", **self._about}
        results = collect_results([ResultFolder(folder, self.out.name, about)])
        charts = explorer_html(results, folder, language=self.language)
        (folder / "explorer.html").write_text(charts, encoding="utf-8")


_EXPLORE = "Explore the results in interactive charts"
