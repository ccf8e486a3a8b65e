"""``tivax bootstrap``: draw, keep, summarise, write."""

from collections.abc import Sequence
from pathlib import Path

from ...core import Run, is_first, shift_progress
from ...reporting import Language, missing_font_note
from ...resampling import (
    Checkpoint,
    FileDraws,
    Inverted,
    ResamplingPlan,
    announcement,
    checkpoint,
    fill,
    invert_wild,
    stopping,
    summarise,
)
from ..bundles import Drawing, Output
from ..terminal import Terminal
from ..together import all_there
from ..write import require_place, write_result
from .experiments import Experiment, identity, make_plans


def run_experiment(
    drawing: Drawing,
    output: Output,
    language: Language,
    terminal: Terminal,
) -> None:
    """Make the draws of a run file and write what they say.

    ``language`` is that of the figures.
    """
    run, out, first = drawing.models(), output.out, is_first()
    started = Run("bootstrap", inputs=[run.path, *run.panels], seed=run.seed)
    if first:
        require_place(output, started)
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
        out, plans, identity(run), force=output.force, saved=run.save_draws
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
                language,
            )
        write_result(
            experiment,
            started,
            output,
            terminal,
            beside=experiment.write_draws if run.save_draws else None,
            draws_per_s=_speeds(plans, rates),
        )


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


def _speeds(
    plans: Sequence[ResamplingPlan], rates: Sequence[float]
) -> dict[str, int | None]:
    """Draws a second of each model; None where all were kept from before."""
    return {
        plan.fitted.model.name: round(rate) if rate else None
        for plan, rate in zip(plans, rates, strict=True)
    }
