"""``tivax simulate``: rejection rates of a known effect on simulated panels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ....kernels.panels.simulated import MAIN, METHODS
from ...core import Job, Part, Run, duration_text, naming, read_toml
from ...reporting import Joined
from ...resampling import (
    BUILT_IN,
    COLUMNS,
    PANELS,
    OwnPanel,
    RunFile,
    SimulateSection,
    Study,
    Wild,
    estimate_seconds,
    own_panel,
    read_study,
    read_with_lags,
    require_simulated,
    simulated_panels,
    simulation_of,
)
from ..bundles import OutputOptions, RunOptions
from ..terminal import Terminal
from ..write import piece_of, require_place, write_result


def simulates_models(run: Path) -> bool:
    """True if a run file has models to simulate, and no designs."""
    keys = {*read_toml(run)}
    return bool({"model", "models"} & keys) and "design" not in keys


# ------------------------------------------------------------- the models of a run file


def run_own_panels(
    path: Path | None,
    panels: int | None,
    seed: int | None,
    output: OutputOptions,
    terminal: Terminal,
) -> None:
    """Write p_values, simulation, levels, clusters and models, figures and a report."""
    run = RunOptions(path, seed=seed).models(scheme=Wild(), draws=99_999)
    options = run.toml.section("simulate", SimulateSection)
    if "draws" in options:
        options["panel_draws"] = options.pop("draws")
    options |= {} if panels is None else {"panels": panels}
    flows = options.get("flows")
    inputs = [run.path, *run.panels, *([flows] if flows else [])]
    started = Run("simulate", inputs=inputs, seed=run.seed)
    require_place(output, started)
    found = Joined(tuple(_evaluated(run, options, terminal)))
    write_result(found, started, output, terminal, name=run.path.stem)


def _evaluated(run: RunFile, options: dict, terminal: Terminal) -> list[OwnPanel]:
    found: list[OwnPanel] = []
    for model, path in run.models:  # before the work of the first
        with naming(path):
            require_simulated(model)
    with terminal.progress("simulating", "panels") as progress:
        for number, (model, path) in enumerate(run.models):
            panel = read_with_lags(path, [model])
            size = options.get("panels", 1_000) * 5
            told = piece_of(progress, number, len(run.models), size)
            given = {"draws": run.draws, "seed": run.seed, **options}
            with naming(path):
                found += own_panel(panel, model, path=path, progress=told, **given)
    return found


# -------------------------------------------------------------------------- a study


def run_study(
    path: Path | None,
    panels: int | None,
    seed: int | None,
    output: OutputOptions,
    terminal: Terminal,
) -> None:
    """Simulate a study, the built-in one without a file, and write what it says."""
    study = BUILT_IN if path is None else read_study(path)
    given = {"panels": panels, "seed": seed}
    study = replace(study, **{k: v for k, v in given.items() if v is not None})
    inputs = [*([path] if path else []), *study.files]
    started = Run("simulate", inputs=inputs, seed=study.seed)
    require_place(output, started)
    parts = [Part(study.panels, len(COLUMNS), PANELS)] * len(study.designs)
    job = Job(output.out, "simulate", study.facts, parts, unit="panels")
    with job.resumed(terminal.print, force=output.force):
        _announce_time(study, [k.rows - k.count for k in job.parts], terminal)
        with terminal.progress("simulating", "panels") as progress:
            job.fill(
                lambda k, start: simulated_panels(study, study.designs[k], start),
                progress,
            )
        terminal.language = output.words
        result = simulation_of(study, list(zip(study.designs, job.parts, strict=True)))
        terminal.print(
            "Share of true nulls rejected by 5 % tests (G*: effective clusters)"
        )
        _print_shares(terminal, result.table, "size")
        if len(result.with_power):
            terminal.print("Power: share of panels in which no effect is rejected")
            _print_shares(terminal, result.with_power, "power")
        where = output.out / f"simulation.{output.format}"
        terminal.print(f"{len(METHODS)} methods are in {where}")
        write_result(result, started, output, terminal)


def _announce_time(study: Study, left: Sequence[int], terminal: Terminal) -> None:
    """About how long it takes, before it starts; the bar knows better later."""
    if terminal.quiet:
        return
    with terminal.status("timing the first panels"):
        seconds = estimate_seconds(study, left)
    terminal.announce(
        f"about {duration_text(seconds)} for {sum(left):,} panels, if all take as long "
        "as the first; Ctrl-C keeps what is made, --panels asks for fewer"
    )


# So many methods, with the design, fit into 80 characters.
_PER_TABLE = 4


def _print_shares(terminal: Terminal, result: pd.DataFrame, column: str) -> None:
    """A row for each design, a column for a method of each kind; four in a table."""
    result = result[result["method"].isin(MAIN)]
    for start in range(0, len(MAIN), _PER_TABLE):
        methods = MAIN[start : start + _PER_TABLE]
        rows = []
        for name, found in result.groupby("design", sort=False):
            first = found.iloc[0]
            few = f"{first['effective_clusters']:.1f} of {first['clusters']}"
            shares = found.set_index("method")[column].reindex(methods)
            texts = ("-" if np.isnan(k) else f"{k:.3f}" for k in shares)
            rows.append((str(name), few, *texts))
        headings = [name.replace(" ", "\n", 1) for name in methods]
        terminal.table(("design", "G*", *headings), rows)
