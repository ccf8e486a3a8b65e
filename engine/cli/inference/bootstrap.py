"""``tivax bootstrap``: draw, keep, summarise, write."""

from collections.abc import Sequence

import pandas as pd

from ...core import (
    Job,
    Part,
    Progress,
    Run,
    TivaxError,
    is_first,
    naming,
    no_progress,
)
from ...estimation import LinearFit
from ...resampling import (
    Experiment,
    Inverted,
    Rate,
    ResamplingPlan,
    RunFile,
    Wild,
    announcement,
    invert_wild,
    make_plan,
    stream,
    summarise,
)
from ..bundles import OutputOptions, RunOptions
from ..inputs import read_panels
from ..terminal import Terminal
from ..write import require_place, write_result


def run_experiment(
    drawing: RunOptions,
    output: OutputOptions,
    terminal: Terminal,
) -> None:
    """Make the draws of a run file and write what they say."""
    run, out, first = drawing.models(), output.out, is_first()
    started = Run("bootstrap", inputs=[run.path, *run.panels], seed=run.seed)
    if first:
        require_place(output, started)
    plans = make_plans(run)
    parts = [Part(k.draws, len(k.columns), k.static.block) for k in plans]
    job = Job(out, "bootstrap", run.identity, parts, saved=run.save_draws)
    if not first:
        with job.resumed(terminal.print):
            _draw(job, plans, run.seed)
            _invert(plans, run.seed)
        return
    for plan in plans:
        if plan.note:
            terminal.warn(f"model {plan.fitted.model.name}: {plan.note}")
    if line := announcement(plans):
        terminal.announce(line)
    with job.resumed(terminal.print, force=output.force):
        with terminal.progress("drawing", "draws") as progress:
            rates = _draw(job, plans, run.seed, progress)
        inverted = [None] * len(plans)
        if any(isinstance(k.scheme, Wild) and k.scheme.null for k in plans):
            with terminal.progress("intervals", "models") as progress:
                inverted = _invert(plans, run.seed, progress)
        with terminal.status("summarising"):
            summarised = tuple(
                summarise(plan, draws, ends, rate=rate if run.timed else None)
                for plan, draws, ends, rate in zip(
                    plans, job.parts, inverted, rates, strict=True
                )
            )
            parts = tuple(job.parts)
            experiment = Experiment(run, plans, parts, summarised)
        beside = experiment.write_draws if run.save_draws else None
        names = [plan.fitted.model.name for plan in plans]
        speeds = {k: rate and round(rate) for k, rate in zip(names, rates, strict=True)}
        told = {"beside": beside, "draws_per_s": speeds}
        write_result(experiment, started, output, terminal, **told)


def make_plans(run: RunFile) -> tuple[ResamplingPlan, ...]:
    """Designs of all models under the run's scheme."""
    panels, plans = read_panels(run), []
    for model, path in run.models:
        panel, clusters = panels[path], model.clusters
        names = panel.get(clusters, pd.Series(dtype=str)).dropna().unique()
        if len(names) == 1:
            raise TivaxError(
                f"{path}: a single {clusters}, {names[0]}; model {model.name} takes at "
                "least two clusters; was the file cut?"
            )
        with naming(run.path):
            plans.append(
                make_plan(LinearFit.to_draw(panel, model), run.scheme, run.draws)
            )
    return tuple(plans)


def _draw(
    job: Job,
    plans: Sequence[ResamplingPlan],
    seed: int,
    progress: Progress = no_progress,
) -> list[float | None]:
    """Make the draws that are left; draws a second of each model, None where all were
    kept from before."""
    rates = [Rate() for _ in plans]
    job.fill(
        lambda k, start: stream(plans[k], seed, start=start, rate=rates[k]), progress
    )
    return [k.value or None for k in rates]


def _invert(
    plans: Sequence[ResamplingPlan], seed: int, progress: Progress = no_progress
) -> list[Inverted | None]:
    inverted: list[Inverted | None] = []
    progress(0, len(plans))
    for k, plan in enumerate(plans, 1):
        inverted.append(invert_wild(plan, seed))
        progress(k, len(plans))
    return inverted
