"""``tivax bootstrap`` and ``tivax placebo``: draw, keep, summarise, write."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ....kernels.random_draws import GENERATOR
from ...core import (
    Format,
    Run,
    is_first,
    output_folder,
    require_result_place,
    shift_progress,
)
from ...reporting import Language, missing_font_note
from ...resampling import (
    TIE_RULES,
    Checkpoint,
    Draws,
    FileDraws,
    Inverted,
    ResamplingPlan,
    RunFile,
    announcement,
    checkpoint,
    fill,
    invert_wild,
    stopping,
    summarise,
)
from ..terminal import Terminal
from ..together import all_there
from .bootstrap_files import write_experiment
from .bootstrap_report import findings
from .experiments import Experiment, identity, make_plans


def run_experiment(
    run: RunFile,
    out: Path,
    command: str,
    *,
    figures: bool = True,
    language: Language = "en",
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Make the draws of a run file and write what they say to ``out``.

    Without ``figures`` there are none but those of the report. ``language`` is theirs.
    """
    first = is_first()
    started = Run(command, inputs=[run.path, *run.panels], seed=run.seed)
    if first:
        require_result_place(out, started, force=force)
    plans = make_plans(run)
    if not first:
        _help(plans, run.seed)
        return
    if note := missing_font_note(language):
        terminal.warn(note)
    for plan in plans:
        if plan.note:
            terminal.warn(f"model {plan.fitted.model.name}: {plan.note}")
    if line := announcement(plans):
        terminal.announce(line)
    with checkpoint(
        out, plans, identity(run), force=force, saved=run.save_draws
    ) as kept:
        with all_there(kept.text):
            rates = _draw(plans, run.seed, kept, terminal)
            inverted = _invert(plans, run.seed, terminal)
        with terminal.status("summarising"):
            experiment = Experiment(
                run,
                plans,
                tuple(kept.files),
                tuple(
                    summarise(
                        plan, draws, ends, rate=(rate or None) if run.timed else None
                    )
                    for plan, draws, ends, rate in zip(
                        plans, kept.files, inverted, rates, strict=True
                    )
                ),
            )
        with output_folder(out, started, force=force) as folder:
            write_experiment(
                experiment, folder, figures=figures, language=language, format=format
            )
            record = started.write_manifest(
                folder,
                residual_max=max(
                    fitted.residual for fitted in experiment.fitted_models
                ),
                **_facts(experiment),
                draws_per_s=_speeds(plans, rates),
            )
    for line in findings(experiment):
        terminal.print(line)
    terminal.finish(record, f"Open {out / 'report.html'}")


def _draw(
    plans: Sequence[ResamplingPlan], seed: int, kept: Checkpoint, terminal: Terminal
) -> list[float]:
    """Fill every file; draws a second of each model."""
    total = sum(plan.draws for plan in plans)
    if kept.done:
        terminal.print(f"Going on at {kept.done:,} of {total:,} draws")
    before, rates = 0, []
    with (
        stopping(kept, "draws", terminal.print),
        terminal.progress("drawing", "draws") as progress,
    ):
        for plan, file in zip(plans, kept.files, strict=True):
            shifted = shift_progress(progress, before, total)
            rates.append(fill(plan, seed, file, progress=shifted))
            before += plan.draws
    return rates


def _invert(
    plans: Sequence[ResamplingPlan], seed: int, terminal: Terminal
) -> list[Inverted | None]:
    if not any(k.scheme.kind == "wild" and k.scheme.null for k in plans):
        return [None] * len(plans)
    inverted = []
    with terminal.progress("intervals", "models") as progress:
        progress(0, len(plans))
        for k, plan in enumerate(plans, 1):
            inverted.append(invert_wild(plan, seed))
            progress(k, len(plans))
    return inverted


def _help(plans: Sequence[ResamplingPlan], seed: int) -> None:
    """The part of a process that does not write: the same calls in the same order."""
    nowhere = Path("nowhere")
    with all_there():
        for plan in plans:
            fill(plan, seed, FileDraws(nowhere, len(plan.columns), plan.draws))
        for plan in plans:
            invert_wild(plan, seed)


def _facts(experiment: Experiment) -> dict[str, Any]:
    """For the manifest."""
    scheme = experiment.plans[0].scheme
    return {
        "scheme": asdict(scheme),
        "generator": GENERATOR,
        "block": experiment.plans[0].static.block,
        "draws": {k.fitted.model.name: k.draws for k in experiment.plans},
        "p_value": TIE_RULES[scheme.kind],
        "covariance": "CV1, G/(G-1) (N-1)/(N-k), nested effects not counted",
        "processes": jax.process_count(),
        "devices": jax.device_count(),
        "draws_sha256": hashlib.sha256(
            "".join(_digest(draws) for draws in experiment.draws).encode()
        ).hexdigest(),
    }


def _speeds(
    plans: Sequence[ResamplingPlan], rates: Sequence[float]
) -> dict[str, int | None]:
    """Draws a second of each model; None where all were kept from before."""
    return {
        plan.fitted.model.name: round(rate) if rate else None
        for plan, rate in zip(plans, rates, strict=True)
    }


def _digest(draws: Draws) -> str:
    total = hashlib.sha256()
    for window in draws.windows():
        total.update(np.ascontiguousarray(window).tobytes())
    return total.hexdigest()
