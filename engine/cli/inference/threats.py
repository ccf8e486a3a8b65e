"""``tivax threats``: the models of a run file under every threat."""

from ...core import Run, naming
from ...reporting import Joined
from ...resampling import RunFile, Scheme, read_with_lags
from ...threats import DRAWS, Threats, ThreatsSection
from ...threats import threats as evaluate
from ..bundles import Drawing, Output
from ..terminal import Terminal
from ..write import require_place, write_result


def run_threats(drawing: Drawing, output: Output, terminal: Terminal) -> None:
    """Write threats.csv, a figure for each model, report and manifest."""
    run = drawing.models(scheme=Scheme("wild", weights="webb"), draws=DRAWS)
    started = Run("threats", inputs=[run.path, *run.panels], seed=run.seed)
    require_place(output, started)
    found = Joined(tuple(_evaluated(run, terminal)))
    write_result(
        found, started, output, terminal, name=run.path.stem, more=f"seed {run.seed}"
    )


def _evaluated(run: RunFile, terminal: Terminal) -> list[Threats]:
    """The threats of each model."""
    options = run.toml.section("threats", ThreatsSection)
    found, total = [], run.draws * len(run.models)
    with terminal.progress("drawing", "draws") as progress:
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
