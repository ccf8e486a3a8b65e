"""``tivax threats``: the models of a run file under every threat."""

from ...core import Progress, naming
from ...resampling import RunFile, Scheme, read_with_lags
from ...threats import DRAWS, Threats, ThreatsSection
from ...threats import threats as evaluate
from ..bundles import OutputOptions, RunOptions
from ..terminal import Terminal
from ..write import write_joined


def run_threats(drawing: RunOptions, output: OutputOptions, terminal: Terminal) -> None:
    """Write threats.csv, a figure for each model, report and manifest."""
    run = drawing.models(scheme=Scheme("wild", weights="webb"), draws=DRAWS)
    write_joined("threats", run, _evaluated, output, terminal, unit="tests")


def _evaluated(run: RunFile, progress: Progress) -> list[Threats]:
    """The threats of each model."""
    options = run.toml.section("threats", ThreatsSection)
    found: list[Threats] = []
    total = run.draws * len(run.models)
    for path in run.panels:
        models = [model for model, panel in run.models if panel == path]
        panel = read_with_lags(path, models)
        for model in models:
            before = run.draws * len(found)

            def told(done: int, of: int, before: int = before) -> None:
                progress(before + run.draws * done // of, total)

            told(0, 1)
            with naming(run.path):
                made = evaluate(
                    panel,
                    model,
                    draws=run.draws,
                    seed=run.seed,
                    progress=told,
                    **options,
                )
            found.append(made)
    progress(total, total)
    return found
