"""Tables, draws and figures of ``tivax bootstrap`` and ``tivax placebo``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from ...core import Format, describe_environment, write_frame
from ...figures import Drawn
from ...figures import resampling as experiment_plots
from ...paper import printed_place
from ...reporting import Language, label, report_html, save_figure
from ...resampling import ResamplingPlan, cluster_table
from .bootstrap_report import sections, subtitle, title
from .experiments import Experiment

# Histograms of a figure: more would be too small to read.
_PER_FIGURE = 6


def write_experiment(
    experiment: Experiment,
    folder: Path,
    *,
    figures: bool = True,
    language: Language = "en",
    format: Format = "csv",
) -> None:
    """Everything but the manifest: tables in that format, figures in that language."""
    tables = {
        "summary": experiment.summary,
        "intervals": experiment.intervals,
        "models": experiment.models,
        "clusters": pd.concat(
            [cluster_table(fitted) for fitted in experiment.fitted_models],
            ignore_index=True,
        ),
        "multiple_testing": experiment.adjusted,
        "distribution": pd.concat(
            [k.distribution for k in experiment.inferences], ignore_index=True
        ),
    }
    for name, table in tables.items():
        write_frame(table, folder, name, format)
    if experiment.run.save_draws:
        _write_draws(experiment, folder / "draws.parquet")
    drawn = figures_of(experiment, language)
    if figures:
        (folder / "figures").mkdir()
        for name, figure in drawn.items():
            save_figure(figure, folder / "figures", name)
    page = report_html(
        title(experiment),
        subtitle(experiment),
        sections(experiment, tables, drawn),
        describe_environment(dated=False),
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _write_draws(experiment: Experiment, path: Path) -> None:
    """Long: draw (from 0), model, column, value; a row group for each window."""
    schema = pa.schema(
        [
            ("draw", pa.int64()),
            ("model", pa.dictionary(pa.int32(), pa.string())),
            ("column", pa.dictionary(pa.int32(), pa.string())),
            ("value", pa.float64()),
        ]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for plan, draws in zip(experiment.plans, experiment.draws, strict=True):
            start = 0
            for window in draws.windows():
                number = np.arange(start, start + len(window))
                start += len(window)
                for name, values in zip(plan.columns, window.T, strict=True):
                    model = plan.fitted.model.name
                    table = pa.table(
                        {
                            "draw": number,
                            "model": _constant(model, len(number)),
                            "column": _constant(name, len(number)),
                            "value": values,
                        },
                        schema=schema,
                    )
                    writer.write_table(table)


def _constant(text: str, n: int) -> pa.Array:
    index = pa.array(np.zeros(n, np.int32))
    return pa.DictionaryArray.from_arrays(index, pa.array([text]))


def figures_of(experiment: Experiment, language: Language = "en") -> dict[str, Figure]:
    """Histograms, one figure for each table of the paper, else six models each."""
    drawn = [
        Drawn(_title(plan, language), plan, inference)
        for plan, inference in zip(experiment.plans, experiment.inferences, strict=True)
    ]
    groups: dict[str, list[Drawn]] = {}
    for k, each in enumerate(drawn):
        place = printed_place(each.plan.fitted.model)
        name = f"table{place[0]}_draws" if place else f"draws_{k // _PER_FIGURE + 1}"
        groups.setdefault(name, []).append(each)
    return {
        name: experiment_plots.histograms(group, language)
        for name, group in groups.items()
    }


def _title(plan: ResamplingPlan, language: Language) -> str:
    model = plan.fitted.model
    place = printed_place(model)
    if place is None:
        return model.name
    outcome, sample = model.outcome, model.sample
    if language != "en":
        outcome, sample = label(outcome, language), label(sample, language)
    return f"({place[1]}) {outcome}, {sample}"
