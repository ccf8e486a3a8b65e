"""Which p-value to trust: tests of a known effect on simulated panels.

A run file may name designs; without one the built-in study is run, panels like those of
the paper (41, 22 and 19 countries x 15 years, 7 controls, persistent errors), and what
is hard for each method: few clusters, unequal ones, few adopters.

    panels = 10_000
    draws = 999          # of each bootstrap in each panel
    seed = 1

    [[design]]
    name = "41 countries"
    clusters = 41
    years = 15
    controls = 7
    effect = 0.0
    persistence_x = 0.8
    persistence_u = 0.6
    unequal = 0.0        # standard deviation of the log size of a cluster's errors
    shortest = 15        # years of the shortest cluster; the longest has all
    adopters = 0         # clusters that adopt a 0/1 treatment; 0: it is continuous
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from scipy import stats

from tivax.engine.checkpoints import checkpoint
from tivax.engine.console import Terminal
from tivax.engine.draws import Draws, FileDraws, MemoryDraws
from tivax.engine.errors import TivaxError
from tivax.engine.experiments import over_blocks
from tivax.engine.output import (
    Run,
    about,
    output_folder,
    require_result_place,
    tivax_version,
)
from tivax.engine.plot_style import (
    COLOURS,
    FULL_WIDTH,
    QUIET,
    STYLE,
    labelled_rows,
    legend,
    plain_axes,
    save_figure,
    settled,
)
from tivax.engine.progress import Progress, no_progress
from tivax.engine.report import Figure as Shown
from tivax.engine.report import Section, Table, Text, write_report
from tivax.engine.toml_tables import TomlTable, read_toml
from tivax.kernels import simulation as kernel
from tivax.kernels import streams
from tivax.kernels.simulation import METHODS

COLUMNS = (
    "estimate",
    "se CV1",
    "se CV2",
    "se CV3",
    *(f"truth {k}" for k in METHODS),
    *(f"zero {k}" for k in METHODS),
)
# Panels of a block: the unit of work, and of what is kept.
_PANELS = 32


@dataclass(frozen=True)
class Design:
    """One kind of panel. See the module's example for the fields."""

    name: str
    clusters: int = 41
    years: int = 15
    controls: int = 7
    effect: float = 0.0
    persistence_x: float = 0.8
    persistence_u: float = 0.6
    unequal: float = 0.0
    shortest: int | None = None
    adopters: int = 0

    @property
    def balanced(self) -> bool:
        return self.shortest in (None, self.years)

    @property
    def seen(self) -> np.ndarray:
        """Years of each cluster, evenly from the shortest to all."""
        shortest = self.years if self.shortest is None else self.shortest
        return np.round(np.linspace(shortest, self.years, self.clusters))

    @property
    def arrays(self) -> kernel.PanelDesign:
        # NumPy's, double until JAX is told to keep them so.
        values: Any = (
            np.float64(self.effect),
            np.float64(self.persistence_x),
            np.float64(self.persistence_u),
            np.float64(self.unequal),
            self.seen,
            np.float64(self.adopters),
        )
        return kernel.PanelDesign(*values)


@dataclass(frozen=True)
class Study:
    """What is simulated: ``panels`` of each design, ``draws`` in each panel."""

    designs: tuple[Design, ...]
    panels: int = 10_000
    draws: int = 999
    seed: int = 1


BUILT_IN = Study(
    (
        Design("41 countries"),
        Design("41 countries, errors iid", persistence_u=0.0),
        Design("41 countries, errors nearly a random walk", persistence_u=0.95),
        Design("41 countries, unequal errors", unequal=1.0),
        Design("41 countries, 5 to 15 years", shortest=5),
        Design("22 countries", clusters=22),
        Design("19 countries", clusters=19),
        Design("19 countries, unequal errors", clusters=19, unequal=1.0),
        Design("10 countries, 3 controls", clusters=10, controls=3),
        Design("41 countries, 20 adopt", adopters=20),
        Design("41 countries, 3 adopt", adopters=3),
    )
)


@dataclass(frozen=True)
class _Panels:
    """A design's panels as a file holds them (``checkpoints.Drawn``)."""

    draws: int
    columns: tuple[str, ...] = COLUMNS


def read_study(path: Path) -> Study:
    """Read and check a run file of `tivax simulate`."""
    toml = TomlTable(path, "", read_toml(path), {"panels", "draws", "seed", "design"})
    known = {field.name for field in fields(Design)}
    designs = [] if toml.has("design") else list(BUILT_IN.designs)
    for table in toml.tables("design", known) if toml.has("design") else ():
        years = table.whole("years", 15, least=3)
        shortest = table.whole("shortest", years, least=2)
        clusters = table.whole("clusters", 41, least=3)
        design = Design(
            name=table.text("name"),
            clusters=clusters,
            years=years,
            controls=table.whole("controls", 7, least=0),
            effect=table.number("effect", 0.0),
            persistence_x=_persistence(table, "persistence_x", 0.8),
            persistence_u=_persistence(table, "persistence_u", 0.6),
            unequal=table.number("unequal", 0.0),
            shortest=shortest,
            adopters=table.whole("adopters", 0, least=0),
        )
        if shortest > years:
            raise table.mistake("shortest", f"is longer than years = {years}")
        if design.adopters >= clusters:
            raise table.mistake("adopters", f"write fewer than clusters = {clusters}")
        parameters = design.controls + years + 1
        if clusters <= design.controls + 1 or design.seen.sum() <= parameters:
            raise table.mistake(
                "clusters", f"too few for {design.controls} controls and {years} years"
            )
        designs.append(design)
    names = [design.name for design in designs]
    if twice := [k for k in names if names.count(k) > 1]:
        raise TivaxError(f"{path}: two designs are called {twice[0]}; name them apart")
    return Study(
        designs=tuple(designs),
        panels=toml.whole("panels", 10_000, least=1),
        draws=toml.whole("draws", 999, least=1),
        seed=toml.whole("seed", 1, least=0),
    )


def _persistence(table: TomlTable, key: str, default: float) -> float:
    value = table.number(key, default)
    if not -1 < value < 1:
        raise table.mistake(key, "write a number between -1 and 1")
    return value


# ------------------------------------------------------------------------ simulating


def simulate(study: Study, *, progress: Progress = no_progress) -> pd.DataFrame:
    """Every design, in memory: see ``table``."""
    results, total = [], study.panels * len(study.designs)
    for number, design in enumerate(study.designs):
        parts: list[np.ndarray] = []
        before = number * study.panels
        _make(
            study,
            design,
            0,
            parts.append,
            lambda done, b=before: progress(b + done, total),
        )
        results.append((design, MemoryDraws(np.concatenate(parts))))
    return table(study, results)


def _make(
    study: Study,
    design: Design,
    done: int,
    keep: Callable[[np.ndarray], object],
    progress: Callable[[int], None],
) -> None:
    """Panels from ``done`` (a multiple of the block) on."""
    run = _block(design.years, design.controls, study.draws, design.balanced)
    arrays = (design.arrays, stats.t.ppf(0.975, design.clusters - 1))
    blocks = -(-study.panels // _PANELS)
    progress(done)
    for part in over_blocks(run, arrays, study.seed, blocks, start=done // _PANELS):
        rows = part.reshape(-1, len(COLUMNS))[: study.panels - done]
        keep(rows)
        done += len(rows)
        progress(done)


@lru_cache
def _block(
    years: int, controls: int, draws: int, balanced: bool
) -> Callable[..., jax.Array]:
    def block(arrays: Any, seed: jax.Array, number: jax.Array) -> jax.Array:
        design, critical = arrays
        # One by one: a matrix of a cluster is small, and LAPACK is called on it.
        keys = jax.random.split(streams.block_key(seed, number), _PANELS)

        def one(key: jax.Array) -> jax.Array:
            tested = kernel.tested(
                key,
                design,
                critical,
                years=years,
                controls=controls,
                draws=draws,
                balanced=balanced,
            )
            return jnp.concatenate(
                [
                    tested.estimate[None],
                    tested.se,
                    tested.rejects_truth.astype(float),
                    tested.rejects_zero.astype(float),
                ]
            )

        return jax.lax.map(one, keys)

    return block


def table(study: Study, results: Sequence[tuple[Design, Draws]]) -> pd.DataFrame:
    """A row for each design and method.

    Columns design, clusters, years, adopters, method, panels, draws; size: share of
    true nulls rejected at 5 %, with its Monte-Carlo error; coverage of the 95 %
    interval; se_ratio: mean standard error over the spread of the estimates (below 1:
    too small); power: share of panels in which no effect is rejected.
    """
    rows = []
    for design, panels in results:
        values = np.concatenate(list(panels.windows()))
        spread = values[:, 0].std(ddof=1) if len(values) > 1 else np.nan
        for k, method in enumerate(METHODS):
            size = float(values[:, 4 + k].mean())
            se = values[:, 1 + k].mean() / spread if k < 3 else np.nan
            rows.append(
                {
                    "design": design.name,
                    "clusters": design.clusters,
                    "years": design.years,
                    "adopters": design.adopters,
                    "method": method,
                    "panels": len(values),
                    "draws": study.draws if k >= 3 else 0,
                    "size": size,
                    "mc_error": float(np.sqrt(size * (1 - size) / len(values))),
                    "coverage": 1 - size,
                    "se_ratio": float(se),
                    "power": float(values[:, 4 + len(METHODS) + k].mean()),
                }
            )
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------ the command


def run_study(
    study: Study,
    path: Path | None,
    out: Path,
    *,
    force: bool,
    terminal: Terminal,
) -> None:
    """Simulate and write simulation.csv, figure, report and manifest to ``out``."""
    require_result_place(out, force=force)
    started = Run("simulate", inputs=[path] if path else [], seed=study.seed)
    entries = [_Panels(study.panels) for _ in study.designs]
    identity = {
        **asdict(study),
        "tivax": tivax_version(),
        "jax": jax.__version__,
        "platform": jax.default_backend(),
    }
    total = study.panels * len(study.designs)
    with checkpoint(out, entries, identity, force=force) as kept:
        if kept.done:
            terminal.say(f"Going on at {kept.done:,} of {total:,} panels")
        with terminal.progress("simulating", "panels") as progress:
            for number, (design, file) in enumerate(
                zip(study.designs, kept.files, strict=True)
            ):
                before = number * study.panels
                _fill(
                    study,
                    design,
                    file,
                    lambda done, b=before: progress(b + done, total),
                )
        result = table(study, list(zip(study.designs, kept.files, strict=True)))
        with output_folder(out, force=force) as folder:
            result.to_csv(folder / "simulation.csv", index=False)
            figure = sizes(result)
            save_figure(figure, folder, "sizes")
            _write_report(study, result, figure, folder / "report.html")
            started.write_manifest(folder, residual_max=None, **asdict(study))
    for name, rows in result.groupby("design", sort=False):
        said = ", ".join(
            f"{row['method']} {row['size']:.3f}" for _, row in rows.iterrows()
        )
        terminal.say(f"{name}: rejects {said}")
    terminal.say(f"Open {out / 'report.html'}")


def _fill(
    study: Study, design: Design, file: FileDraws, progress: Callable[[int], None]
) -> None:
    done = file.count
    if done < study.panels:
        done -= done % _PANELS
        file.keep(done)
        _make(study, design, done, file.append, progress)
    else:
        progress(done)


@rc_context(STYLE)
def sizes(result: pd.DataFrame) -> Figure:
    """How often each method rejects a true null at 5 %, by design."""
    names = list(dict.fromkeys(result["design"]))
    fig = Figure(figsize=(FULL_WIDTH, 0.8 + 0.28 * len(names)), layout="constrained")
    ax = fig.subplots()
    ax.axvline(0.05, color=QUIET, linewidth=0.8)
    plain_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    handles = []
    for k, method in enumerate(METHODS):
        rows = result[result["method"] == method]
        y = [names.index(name) + 0.13 * (k - 2) for name in rows["design"]]
        handles.append(
            ax.errorbar(
                rows["size"],
                y,
                xerr=1.96 * rows["mc_error"],
                fmt="o",
                markersize=3,
                linewidth=0.8,
                color=COLOURS[k],
            )
        )
    labelled_rows(ax, names)
    ax.set_xlim(left=0)
    ax.set_xlabel("share of true nulls rejected at 5 %")
    legend(fig, handles, METHODS, loc="outside lower center")
    return settled(fig)


def _write_report(
    study: Study, result: pd.DataFrame, figure: Figure, path: Path
) -> None:
    wide = result.pivot(index="design", columns="method", values="size")
    wide = wide.loc[list(dict.fromkeys(result["design"])), list(METHODS)]
    text = (
        f"{study.panels:,} panels of each design, {study.draws:,} draws of each "
        "bootstrap in each panel. A test that keeps its promise rejects a true null in "
        "5 % of the panels; its 95 % interval then covers the truth in 95 %. More is "
        "over-rejection."
    )
    write_report(
        path,
        "Which p-value to trust",
        f"Two-way fixed effects, clustered; seed {study.seed}",
        [
            Section(
                "Size of 5 % tests",
                [
                    Text(text),
                    Shown(figure, "Share of true nulls rejected, with 95 % intervals."),
                    Table(
                        wide.reset_index(),
                        "The same as a table.",
                        dict.fromkeys(METHODS, ".3f"),
                    ),
                ],
            ),
            Section("All figures", [Table(result, "By design and method.")]),
        ],
        about(),
    )
