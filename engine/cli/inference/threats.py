"""``tivax threats``: the models of a run file under every threat, and a report."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ...core import (
    Format,
    Run,
    TivaxError,
    count_text,
    describe_environment,
    number_text,
    output_folder,
    p_text,
    require_result_place,
    write_frame,
)
from ...figures import threat_intervals
from ...reporting import (
    Block,
    Points,
    Section,
    Table,
    Text,
    report_html,
    save_figure,
)
from ...reporting import Figure as Shown
from ...resampling import RunFile, read_with_lags
from ...threats import Threats
from ...threats import threats as evaluate
from ..terminal import Terminal

_FORMATS = {"coef": "", "se": "", "p": "", "p wild": "", "kept": ".2f"}


def run_threats(
    run: RunFile,
    out: Path,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write threats.csv, a figure for each model, report and manifest to ``out``."""
    started = Run("threats", inputs=[run.path, *run.panels], seed=run.seed)
    require_result_place(out, started, force=force)
    found = _evaluated(run, terminal)
    table = pd.concat([k.rows for k in found], ignore_index=True)
    drawn = {
        f"threats_{number}": (model.name, threat_intervals(k.intervals(model.name)))
        for number, (k, model) in enumerate(
            ((k, model) for k in found for model in k.models), 1
        )
    }
    with output_folder(out, started, force=force) as folder:
        write_frame(table, folder, "threats", format)
        if figures:
            (folder / "figures").mkdir()
            for name, (_, figure) in drawn.items():
                save_figure(figure, folder / "figures", name)
        page = report_html(
            f"What would make it go away: {run.path.stem}",
            f"{count_text(len(drawn), 'model')}, {count_text(run.draws, 'draw')}, "
            f"seed {run.seed}",
            _sections(found, dict(drawn.values())),
            describe_environment(dated=False),
        )
        (folder / "report.html").write_text(page, encoding="utf-8")
        record = started.write_manifest(
            folder,
            residual_max=max(k.residual_max for k in found),
            draws=run.draws,
            models=len(drawn),
            rows=len(table),
            gone={
                model.name: int((k.gone & (k.table["model"] == model.name)).sum())
                for k in found
                for model in k.models
            },
            covariance="CV1, G/(G-1) (N-1)/(N-k), nested effects not counted",
            p_wild="WCR, for 2SLS WRE, Webb's weights: share of |t*| > |t|",
        )
    for each in found:
        for line in each.sentence.splitlines():
            terminal.print(line)
    terminal.finish(record, f"Open {out / 'report.html'}")


def _evaluated(run: RunFile, terminal: Terminal) -> list[Threats]:
    """The threats of the models of each panel file."""
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
                try:
                    made = evaluate(
                        panel,
                        model,
                        draws=run.draws,
                        seed=run.seed,
                        progress=told,
                        **run.threats,
                    )
                except TivaxError as error:
                    raise TivaxError(f"{run.path}: {error}") from None
                found.append(made)
        progress(total, total)
    return found


def _sections(found: list[Threats], figures: dict[str, Figure]) -> list[Section]:
    method = (
        "Each row estimates the model again, with one thing changed. Errors are CV1, "
        "clustered as the model says, with Stata's count of parameters, added columns "
        "counted; p is that of t(G - 1). p wild is the declared one: the restricted "
        "wild cluster bootstrap with Webb's weights (for two-stage least squares WRE). "
        "A result is gone where the sign has turned, or less than half of the estimate "
        "is left and its interval excludes the model's; blurred where it is not gone "
        "but the declared p is above 0.05; else as before. Kept: the share of the "
        "variation of the treatment that still identifies its effect, the variance of "
        "the model's estimate over that of the row's with iid errors; failing to see "
        "an effect says little where little is kept."
    )
    sections = [
        Section(
            "In a sentence",
            [
                Text(method),
                Points([line for k in found for line in k.sentence.splitlines()]),
            ],
        )
    ]
    for each in found:
        for model in each.models:
            rows = each.rows[each.rows["model"] == model.name]
            shown = (
                rows.drop(columns="model")
                .assign(
                    # Rows that ask another question have units of their own.
                    coef=[number_text(k) for k in rows["coef"]],
                    se=[number_text(k) for k in rows["se"]],
                    p=[p_text(p) for p in rows["p"]],
                    p_wild=[p_text(p, each.draws or None) for p in rows["p_wild"]],
                )
                .rename(columns={"p_wild": "p wild", "variation_kept": "kept"})
            )
            blocks: list[Block] = [
                Text(model.equation),
                Shown(
                    figures[model.name],
                    "Estimates with 95 % intervals, coef +- t(G - 1) se, in units of "
                    "the effect, arrows an interval that goes on; below, rows that "
                    "ask another question.",
                ),
                Table(shown.reset_index(drop=True), "Every row.", _FORMATS),
            ]
            sections.append(Section(model.name, blocks))
    return sections
