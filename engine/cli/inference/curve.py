"""``tivax curve``: the models of a run file under every combination of choices."""

from pathlib import Path

from ...core import Keeper, Progress, naming
from ...curve import (
    DRAWS,
    SpecificationCurve,
    read_curve_section,
    specification_curve,
)
from ...estimation import Model
from ...resampling import RunFile, Wild, read_with_lags
from ..bundles import OutputOptions, RunOptions
from ..terminal import Terminal
from ..write import write_joined


def run_curve(drawing: RunOptions, output: OutputOptions, terminal: Terminal) -> None:
    """Write the specifications, the tests, a figure for each model and a report."""
    run = drawing.models(scheme=Wild(weights="webb"), draws=DRAWS)
    write_joined("curve", run, _evaluated, output, terminal, unit="specifications")


def _evaluated(
    run: RunFile, progress: Progress, keeper: Keeper
) -> list[SpecificationCurve]:
    """The curves of the models, by panel file and clusters."""
    given = {"draws": run.draws, "seed": run.seed, **read_curve_section(run.toml)}
    groups: dict[tuple[Path, str], list[Model]] = {}
    for model, path in run.models:
        groups.setdefault((path, model.clusters), []).append(model)
    found: list[SpecificationCurve] = []
    for (path, _), models in groups.items():
        panel = read_with_lags(path, models)
        with naming(run.path):
            own = {"progress": progress, "keeper": keeper.under(len(found))}
            made = specification_curve(panel, models, **own, **given)
        found.append(made)
    return found
