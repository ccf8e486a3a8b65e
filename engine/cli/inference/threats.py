"""``tivax threats``: the models of a run file under every threat."""

from ...core import Keeper, Progress, naming
from ...resampling import RunFile, Wild
from ...threats import DRAWS, Threats, ThreatsSection
from ...threats import threats as evaluate
from ..bundles import OutputOptions, RunOptions
from ..inputs import read_panels
from ..terminal import Terminal
from ..write import piece_of, write_joined


def run_threats(drawing: RunOptions, output: OutputOptions, terminal: Terminal) -> None:
    """Write threats.csv, a figure for each model, report and manifest."""
    run = drawing.models(scheme=Wild(weights="webb"), draws=DRAWS)
    write_joined("threats", run, _evaluated, output, terminal, unit="tests")


def _evaluated(run: RunFile, progress: Progress, keeper: Keeper) -> list[Threats]:
    """The threats of each model."""
    options = run.toml.section("threats", ThreatsSection)
    given = {"draws": run.draws, "seed": run.seed, **options}
    panels, many, found = read_panels(run), len(run.models), list[Threats]()
    for model, path in sorted(run.models, key=lambda k: run.panels.index(k[1])):
        told = piece_of(progress, len(found), many, run.draws)
        told(0, 1)
        with naming(run.path):
            own = {"progress": told, "keeper": keeper.under(len(found))}
            found.append(evaluate(panels[path], model, **own, **given))
    progress(many * run.draws, many * run.draws)
    return found
