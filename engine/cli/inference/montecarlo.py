"""``tivax montecarlo``: draws of tables through the regressions of a run file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from ....kernels.random_draws import GENERATOR
from ...core import (
    Format,
    Progress,
    Run,
    TivaxError,
    count_text,
    describe_environment,
    interval_text,
    is_first,
    naming,
    no_progress,
    number_text,
    output_folder,
    p_text,
    require_result_place,
    sha256,
    shift_progress,
    tivax_version,
    write_frame,
)
from ...figures import drawn_effects
from ...montecarlo import (
    MonteCarlo,
    Setup,
    YearFile,
    bytes_needed,
    draw_year,
    set_up,
    summarise_draws,
    year_files,
)
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
from ...resampling import (
    Checkpoint,
    FileDraws,
    FittedModel,
    RunFile,
    agreed,
    checkpoint,
    fit_model,
    read_with_lags,
    stopping,
)
from ...tables import open_store
from ...uncertainty import BUILT_IN, ErrorModel, read_error_model
from ..options import require_store
from ..terminal import Terminal
from ..together import LostProcess, all_there

_METHOD = (
    "Each draw makes the tables of all years with errors of their cells, solves them,"
    " and estimates the model again on the trade benefit index of the draw. Sampling:"
    " CV1, clustered as the model says, of the tables as they are. Tables: the spread"
    " of the estimates over draws. In all: the root of the sum of their squares (law "
    "of total variance); p and the interval take t(G - 1) and are around the estimate, "
    "which errors of the tables pull towards 0: no interval of the effect itself. "
    "Reliability: 1 less the "
    "variance of the errors over that of the treatment, both net of effects and of "
    "the other regressors. Errors of a regressor pull its coefficient towards 0: "
    "corrected is the estimate with the errors' cross products subtracted (errors in "
    "variables), SIMEX the extrapolation to no error of estimates with errors added. "
    "Their standard errors are a jackknife over clusters, and the spread over draws of "
    "clusters. Both hold if the errors are as the model says, independent of the true "
    "values and of the errors of the regression."
)
# Rows of the report's tables: columns of summary.csv and reliability.csv in words.
_EFFECT = {
    "estimate": "estimate",
    "se_sampling": "standard error: sampling",
    "se_table": "standard error: tables",
    "se_total": "standard error: in all",
    "se_both": "standard error: clusters drawn anew in each draw",
    "interval": "95 % interval around the estimate, not of the effect",
    "p_value": "p of the estimate",
    "reliability": "reliability",
    "coef_corrected": "corrected by errors in variables",
    "coef_corrected_se": "standard error of that",
    "coef_simex": "corrected by SIMEX",
    "coef_simex_se": "standard error of that ",
}
_TREATMENT = {
    "sd_within": "standard deviation within effects",
    "sd_error": "standard deviation of its errors",
    "reliability_within": "reliability within effects",
    "reliability": "reliability net of the other regressors",
    "correlation_with_tables": "correlation with the index of the tables",
    "largest_gap_to_tables": "largest gap to it",
    "moved_columns": "columns that draws move",
}


def run_montecarlo(
    run: RunFile,
    out: Path,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Draw the tables, estimate, and write what the draws say to ``out``."""
    store, model = _store(run), _error_model(run)
    inputs = [run.path, *run.panels, store, *_error_files(run, model)]
    started = Run("montecarlo", inputs=inputs, seed=run.seed)
    if is_first():
        require_result_place(out, started, force=force)
    setup = _set_up(run, store, model)
    files = year_files(setup.tables, list(setup.years), run.draws)
    if not is_first():
        nowhere = Path("nowhere")
        with all_there():
            for k, file in enumerate(files):
                draws = FileDraws(nowhere, len(file.columns), file.draws)
                _draw_file(setup, k, file, draws, run.seed)
        return
    size = bytes_needed(setup.tables, model) / 2**30
    terminal.announce(
        f"{count_text(run.draws, 'draw')} of {count_text(len(files), 'year')}; "
        f"about {size:.1f} GiB of memory"
    )
    identity = _identity(run, store, model)
    with checkpoint(out, files, identity, force=force) as kept:
        try:
            with all_there(kept.text):
                _draw(setup, files, kept, run.seed, terminal)
        except LostProcess:
            raise
        except TivaxError:
            # The same mistake would be met again: nothing is kept.
            kept.forget()
            raise
        drawn = [_values(file) for file in kept.files]
        with terminal.progress("estimating", "draws") as progress:
            found = summarise_draws(
                setup,
                drawn,
                seed=run.seed,
                bayesian=run.scheme.kind == "bayesian",
                progress=progress,
            )
        pictures = _pictures(found, setup)
        with output_folder(out, started, force=force) as folder:
            _write(found, folder, pictures, run, figures=figures, format=format)
            if run.save_draws:
                _write_draws(setup, drawn, folder / "draws.parquet")
            record = started.write_manifest(
                folder,
                residual_max=found.residual_max,
                gap_max=found.gap_max,
                error=model.record,
                draws=run.draws,
                years=list(found.years),
                models=len(setup.moved),
                generator=GENERATOR,
                processes=jax.process_count(),
                devices=jax.device_count(),
                covariance="CV1, G/(G-1) (N-1)/(N-k), nested effects not counted",
                total="law of total variance: se_sampling^2 + se_table^2",
            )
    for line in found.sentence.splitlines():
        terminal.print(line)
    terminal.finish(record, f"Open {out / 'report.html'}")


def _store(run: RunFile) -> Path:
    if run.scheme.kind == "placebo":
        raise TivaxError(f"{run.path}: kind = 'placebo' is a job of `tivax placebo`")
    if run.store is None:
        raise TivaxError(
            f'{run.path}: store: is missing; write store = "..." with the tables that '
            "the treatment was computed from"
        )
    if run.draws < 2:
        raise TivaxError(f"{run.path}: draws = {run.draws}: write 2 or more")
    with naming(run.path):
        require_store(run.store)
    return run.store


def _error_model(run: RunFile) -> ErrorModel:
    """The model of that name, or of a file beside the run file."""
    if not run.error:
        raise TivaxError(
            f"{run.path}: error: is missing; write a name ({', '.join(BUILT_IN)}) or a "
            "file MODEL.toml"
        )
    file = run.path.parent / run.error
    if run.error in BUILT_IN or not file.is_file():
        with naming(run.path):
            return read_error_model(run.error)
    return read_error_model(file)


def _error_files(run: RunFile, model: ErrorModel) -> list[Path]:
    own = [] if run.error in BUILT_IN else [run.path.parent / run.error]
    return [*own, *model.files]


def _set_up(run: RunFile, store: Path, model: ErrorModel) -> Setup:
    tables = open_store(store, lazy=True)
    panels = {
        path: read_with_lags(path, [k for k, panel in run.models if panel == path])
        for path in run.panels
    }
    fitted: list[FittedModel] = []
    for each, path in run.models:
        try:
            fitted.append(fit_model(panels[path], each))
        except TivaxError as error:
            raise TivaxError(f"{run.path}: {error}") from None
    try:
        return set_up(fitted, tables, model)
    except TivaxError as error:
        raise TivaxError(f"{store}: {error}") from None


def _draw(
    setup: Setup,
    files: Sequence[YearFile],
    kept: Checkpoint,
    seed: int,
    terminal: Terminal,
) -> None:
    """Fill the file of every year."""
    total = sum(file.draws for file in files)
    if kept.done:
        terminal.print(f"Going on at {kept.done:,} of {total:,} draws of years")
    with (
        stopping(kept, "draws of years", terminal.print),
        terminal.progress("drawing", "draws of years") as progress,
    ):
        for k, (file, place) in enumerate(zip(files, kept.files, strict=True)):
            shifted = shift_progress(progress, k * file.draws, total)
            _draw_file(setup, k, file, place, seed, shifted)


def _draw_file(
    setup: Setup,
    k: int,
    file: YearFile,
    place: FileDraws,
    seed: int,
    progress: Progress = no_progress,
) -> None:
    """Make the draws that the file of year number ``k`` lacks; the first process of
    several writes."""
    done = agreed(place.count)
    if is_first():
        place.keep(done)
    draw_year(
        setup.tables,
        setup.errors,
        file.year,
        seed=seed,
        draws=file.draws,
        done=done,
        has_index=np.isfinite(setup.base[k]),
        keep=place.append if is_first() else lambda rows: None,
        progress=progress,
    )


def _values(file: FileDraws) -> np.ndarray:
    """The draws of a year, read when they are used."""
    return np.memmap(file.path, "<f8", "r", shape=(file.count, file.columns))


def _identity(run: RunFile, store: Path, model: ErrorModel) -> dict[str, Any]:
    """What draws depend on: a run goes on only where all of it is the same."""
    return {
        "models": [[asdict(each), sha256(panel)] for each, panel in run.models],
        "store": sha256(store),
        "error": model.record,
        "error_files": [sha256(k) for k in model.files],
        "draws": run.draws,
        "seed": run.seed,
        "generator": GENERATOR,
        "tivax": tivax_version(),
        "jax": version("jax"),
        "platform": jax.default_backend(),
    }


def _pictures(found: MonteCarlo, setup: Setup) -> dict[str, Any]:
    """A figure for each model."""
    return {
        moved.fitted.model.name: drawn_effects(
            found.summary[found.summary["model"] == moved.fitted.model.name],
            found.distribution[found.distribution["model"] == moved.fitted.model.name],
            len(moved.fitted.labels),
        )
        for moved in setup.moved
    }


def _write(
    found: MonteCarlo,
    folder: Path,
    pictures: dict[str, Any],
    run: RunFile,
    *,
    figures: bool,
    format: Format,
) -> None:
    tables = {
        "summary": found.summary,
        "reliability": found.reliability,
        "tbi": found.index,
        "distribution": found.distribution,
    }
    for name, table in tables.items():
        write_frame(table, folder, name, format)
    if figures:
        (folder / "figures").mkdir()
        for number, figure in enumerate(pictures.values(), 1):
            save_figure(figure, folder / "figures", f"montecarlo_{number}")
    sections = [
        Section("In a sentence", [Points(found.sentence.splitlines()), Text(_METHOD)]),
        *(_section(found, name, figure) for name, figure in pictures.items()),
    ]
    page = report_html(
        f"Errors of the tables: {run.path.stem}",
        f"{count_text(found.draws, 'draw')} of tables of "
        f"{count_text(len(found.years), 'year')}, seed {run.seed}",
        sections,
        describe_environment(dated=False),
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _section(found: MonteCarlo, name: str, figure: Any) -> Section:
    effect, treatment = (
        table[table["model"] == name].set_index("term").drop(columns="model")
        for table in (found.summary, found.reliability)
    )
    caption = f"{effect['outcome'].iloc[0]}, sample {effect['sample'].iloc[0]}: "
    blocks: list[Block] = [
        Shown(
            figure,
            "Left: estimates over draws of the tables. Right: 95 % intervals from "
            "sampling alone, from the tables alone and from both, and the corrected "
            "estimates; the dashed line is the estimate.",
        ),
        _facts(effect, _EFFECT, caption + "the effect, its errors and corrections."),
        _facts(treatment, _TREATMENT, "The treatment and its errors."),
    ]
    return Section(name, blocks)


def _facts(table: pd.DataFrame, meanings: Mapping[str, str], caption: str) -> Table:
    """A row for each number and a column for each treatment, so that it fits a page."""

    def shown(row: pd.Series) -> pd.Series:
        if {"ci_low", "ci_high"} <= set(row.index):
            row["interval"] = interval_text(row["ci_low"], row["ci_high"])
            row["p_value"] = p_text(row["p_value"])
        texts = {
            text: row[k] if isinstance(row[k], str) else number_text(row[k])
            for k, text in meanings.items()
            if isinstance(row[k], str) or not pd.isna(row[k])
        }
        return pd.Series(texts, dtype=object)

    frame = pd.DataFrame({k: shown(row.copy()) for k, row in table.iterrows()})
    frame = frame.reindex([k for k in meanings.values() if k in frame.index])
    return Table(frame.fillna(""), caption, dict.fromkeys(frame.columns, ""))


def _write_draws(setup: Setup, drawn: Sequence[np.ndarray], path: Path) -> None:
    """Long: draw (from 0), year, region, tbi."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    regions = list(setup.tables.regions)
    writer = None
    for year, values in zip(setup.years, drawn, strict=True):
        D = len(values)
        table = pa.table(
            {
                "draw": np.repeat(np.arange(D), len(regions)),
                "year": np.full(D * len(regions), year),
                "region": pa.array(regions * D),
                "tbi": np.asarray(values[:, : len(regions)]).ravel(),
            }
        )
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
