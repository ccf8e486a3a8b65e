"""``tivax curve``: the models of a run file under every combination of choices."""

from pathlib import Path

from ...core import Run, naming
from ...curve import (
    DRAWS,
    SpecificationCurve,
    read_curve_section,
    specification_curve,
)
from ...reporting import Joined
from ...resampling import Model, RunFile, Scheme, read_with_lags
from ..bundles import Drawing, Output
from ..terminal import Terminal
from ..write import require_place, write_result


def run_curve(drawing: Drawing, output: Output, terminal: Terminal) -> None:
    """Write the specifications, the tests, a figure for each model and a report."""
    run = drawing.models(scheme=Scheme("wild", weights="webb"), draws=DRAWS)
    started = Run("curve", inputs=[run.path, *run.panels], seed=run.seed)
    require_place(output, started)
    found = Joined(tuple(_evaluated(run, terminal)))
    write_result(
        found, started, output, terminal, name=run.path.stem, more=f"seed {run.seed}"
    )


def _evaluated(run: RunFile, terminal: Terminal) -> list[SpecificationCurve]:
    """The curves of the models, by panel file and clusters."""
    options = read_curve_section(run.toml)
    groups: dict[tuple[Path, str], list[Model]] = {}
    for model, path in run.models:
        groups.setdefault((path, model.clusters), []).append(model)
    found: list[SpecificationCurve] = []
    with terminal.progress("drawing", "draws") as progress:
        for (path, _), models in groups.items():
            panel = read_with_lags(path, models)
            with naming(run.path):
                made = specification_curve(
                    panel,
                    models,
                    draws=run.draws,
                    seed=run.seed,
                    progress=progress,
                    **options,
                )
            found.append(made)
    return found
