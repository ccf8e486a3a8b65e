"""Which p-value to trust: tests of a known effect on simulated panels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

from ...kernels import random_draws as streams
from ...kernels import simulated_panels as kernel
from ...kernels.simulated_panels import METHODS
from ..core import (
    Progress,
    Run,
    Terminal,
    describe_environment,
    no_progress,
    output_folder,
    require_result_place,
    tivax_version,
    write_csv,
)
from ..reporting import (
    COLOURS,
    FULL_WIDTH,
    QUIET,
    STYLE,
    Section,
    Table,
    Text,
    finish_layout,
    labelled_rows,
    legend,
    plain_axes,
    save_figure,
    write_report,
)
from ..reporting import Figure as Shown
from .checkpoints import checkpoint, stopping
from .draws import Draws, FileDraws, MemoryDraws
from .running import over_blocks
from .simulated_panels import Design, Study

COLUMNS = (
    "estimate",
    "se CV1",
    "se CV2",
    "se CV3",
    "effective clusters",
    "residual",
    *(f"truth {k}" for k in METHODS),
    *(f"zero {k}" for k in METHODS),
)
_FIRST = 6  # columns before the decisions
# Panels of a block: the unit of work, and of what is kept.
_PANELS = 32


@dataclass(frozen=True)
class _Panels:
    """A design's panels as a file holds them (``checkpoints.Drawn``)."""

    draws: int
    columns: tuple[str, ...] = COLUMNS


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
    run = _block(design.controls, study.draws, design.balanced)
    arrays = (design.arrays, stats.t.ppf(0.975, design.clusters - 1))
    blocks = -(-study.panels // _PANELS)
    progress(done)
    for part in over_blocks(run, arrays, study.seed, blocks, start=done // _PANELS):
        rows = part.reshape(-1, len(COLUMNS))[: study.panels - done]
        keep(rows)
        done += len(rows)
        progress(done)


@lru_cache
def _block(controls: int, draws: int, balanced: bool) -> Callable[..., jax.Array]:
    def block(arrays: Any, seed: jax.Array, number: jax.Array) -> jax.Array:
        design, critical = arrays
        # One by one: a matrix of a cluster is small, and LAPACK is called on it.
        keys = jax.random.split(streams.block_key(seed, number), _PANELS)

        def one(key: jax.Array) -> jax.Array:
            tested = kernel.tested(
                key,
                design,
                critical,
                controls=controls,
                draws=draws,
                balanced=balanced,
            )
            return jnp.concatenate(
                [
                    tested.estimate[None],
                    tested.se,
                    tested.effective[None],
                    tested.residual[None],
                    tested.rejects_truth,
                    tested.rejects_zero,
                ]
            )

        return jax.lax.map(one, keys)

    return block


def table(study: Study, results: Sequence[tuple[Design, Draws]]) -> pd.DataFrame:
    """A row for each design and method.

    Columns design, clusters, effective_clusters (mean over the panels), years,
    adopters, method, panels (those that the method serves), draws; size: share of true
    nulls rejected at 5 %, with its Monte-Carlo error; coverage of the 95 % interval;
    se_ratio: mean standard error over the spread of the estimates (below 1: too small);
    power: share of panels in which no effect is rejected. Empty where a method serves
    no panel, as CV2 and CV3 with a single adopter, placebos where it is not balanced.
    """
    rows = []
    for design, panels in results:
        values = np.concatenate(list(panels.windows()))
        spread = values[:, 0].std(ddof=1) if len(values) > 1 else np.nan
        for k, method in enumerate(METHODS):
            served = values[np.isfinite(values[:, _FIRST + k])]
            size = _mean(served[:, _FIRST + k])
            se = _mean(served[:, 1 + k]) / spread if k < 3 else np.nan
            error = np.sqrt(size * (1 - size) / len(served)) if len(served) else np.nan
            rows.append(
                {
                    "design": design.name,
                    "clusters": design.clusters,
                    "effective_clusters": _mean(values[:, 4]),
                    "years": design.years,
                    "adopters": design.adopters,
                    "method": method,
                    "panels": len(served),
                    "draws": study.draws if k >= 3 else 0,
                    "size": size,
                    "mc_error": float(error),
                    "coverage": 1 - size,
                    "se_ratio": float(se),
                    "power": _mean(served[:, _FIRST + len(METHODS) + k]),
                }
            )
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def residual(results: Sequence[tuple[Design, Draws]]) -> float:
    """The largest of all panels."""
    return max(
        float(window[:, 5].max())
        for _, panels in results
        for window in panels.windows()
    )


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
    inputs = [*([path] if path else []), *study.files]
    started = Run("simulate", inputs=inputs, seed=study.seed)
    require_result_place(out, started, force=force)
    entries = [_Panels(study.panels) for _ in study.designs]
    identity = {
        **study.facts,
        "tivax": tivax_version(),
        "jax": jax.__version__,
        "platform": jax.default_backend(),
    }
    total = study.panels * len(study.designs)
    with checkpoint(out, entries, identity, force=force) as kept:
        if kept.done:
            terminal.print(f"Going on at {kept.done:,} of {total:,} panels")
        with (
            stopping(kept, "panels", terminal),
            terminal.progress("simulating", "panels") as progress,
        ):
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
        made = list(zip(study.designs, kept.files, strict=True))
        result = table(study, made)
        with output_folder(out, started, force=force) as folder:
            write_csv(result, folder / "simulation.csv")
            figure = sizes(result)
            save_figure(figure, folder, "sizes")
            _write_report(study, result, figure, folder / "report.html")
            facts = {k: v for k, v in study.facts.items() if k != "seed"}
            started.write_manifest(folder, residual_max=residual(made), **facts)
    for name, rows in result.groupby("design", sort=False):
        said = ", ".join(
            f"{row['method']} {_share(row['size'])}" for _, row in rows.iterrows()
        )
        few = (
            f"G* {rows['effective_clusters'].iloc[0]:.1f} of {rows['clusters'].iloc[0]}"
        )
        terminal.print(f"{name}: {few}, rejects {said}")
    terminal.print(f"Open {out / 'report.html'}")


def _share(size: float) -> str:
    return "-" if np.isnan(size) else f"{size:.3f}"


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
    fig = Figure(figsize=(FULL_WIDTH, 0.9 + 0.36 * len(names)), layout="constrained")
    ax = fig.subplots()
    ax.axvline(0.05, color=QUIET, linewidth=0.8)
    plain_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    handles = []
    for k, method in enumerate(METHODS):
        rows = result[result["method"] == method]
        apart = 0.1 * (k - (len(METHODS) - 1) / 2)
        y = [names.index(name) + apart for name in rows["design"]]
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
    return finish_layout(fig)


def _write_report(
    study: Study, result: pd.DataFrame, figure: Figure, path: Path
) -> None:
    designs = list(dict.fromkeys(result["design"]))
    wide = result.pivot(index="design", columns="method", values="size")
    wide = wide.loc[designs, list(METHODS)]
    few = result.drop_duplicates("design").set_index("design")
    wide.insert(0, "clusters", few["clusters"])
    wide.insert(1, "G*", few["effective_clusters"])
    text = (
        f"{study.panels:,} panels of each design, {study.draws:,} draws of each "
        "bootstrap in each panel. A test that keeps its promise rejects a true null in "
        "5 % of the panels; its 95 % interval then covers the truth in 95 %. More is "
        "over-rejection. G* is the effective number of clusters, by the variation that "
        "identifies the effect. CV2 and CV3 are empty where one cluster alone "
        "identifies the effect, placebos where clusters are seen in different years. "
        "Placebos move whole paths among clusters: of the treatment, comparing its "
        "coefficient or its t, or of the residuals of the model without it (Freedman "
        "and Lane 1983)."
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
                        {"G*": ".1f", **dict.fromkeys(METHODS, ".3f")},
                    ),
                ],
            ),
            Section("All figures", [Table(result, "By design and method.")]),
        ],
        describe_environment(dated=False),
    )
