"""``tivax montecarlo``: draws of tables through the regressions of a run file."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ....kernels.random_draws import GENERATOR
from ...core import (
    Progress,
    Run,
    TivaxError,
    count_text,
    is_first,
    naming,
    no_progress,
    sha256,
    shift_progress,
    tivax_version,
)
from ...montecarlo import (
    DRAWS,
    Setup,
    YearFile,
    bytes_needed,
    draw_year,
    set_up,
    summarise_draws,
    year_files,
)
from ...resampling import (
    Checkpoint,
    FileDraws,
    FittedModel,
    RunFile,
    Scheme,
    agreed,
    checkpoint,
    fit_model,
    read_with_lags,
    stopping,
)
from ...tables import open_store
from ...uncertainty import BUILT_IN, ErrorModel, error_of_run
from ..bundles import Drawing, Output
from ..options import require_store
from ..terminal import Terminal
from ..together import LostProcess, all_there
from ..write import require_place, write_result


def run_montecarlo(drawing: Drawing, output: Output, terminal: Terminal) -> None:
    """Draw the tables, estimate, and write what the draws say."""
    run = drawing.models(scheme=Scheme("pairs"), draws=DRAWS)
    store, model = _store(run), error_of_run(run.toml)
    inputs = [run.path, *run.panels, store, *_error_files(run, model)]
    started = Run("montecarlo", inputs=inputs, seed=run.seed)
    if is_first():
        require_place(output, started)
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
    with checkpoint(output.out, files, identity, force=output.force) as kept:
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
        write_result(
            found,
            started,
            output,
            terminal,
            name=run.path.stem,
            more=f"seed {run.seed}",
            beside=partial(_write_draws, setup, drawn) if run.save_draws else None,
            error=model.record,
            generator=GENERATOR,
            processes=jax.process_count(),
            devices=jax.device_count(),
        )


def _store(run: RunFile) -> Path:
    if run.scheme.kind == "placebo":
        raise TivaxError(f"{run.path}: kind = 'placebo' is a job of `tivax placebo`")
    store = run.toml.read("store", Path, None)
    if store is None:
        raise run.toml.mistake(
            "store", "is missing; name the tables that the treatment was computed from"
        )
    if run.draws < 2:
        raise TivaxError(f"{run.path}: draws = {run.draws}: write 2 or more")
    with naming(run.path):
        require_store(store)
    return store


def _error_files(run: RunFile, model: ErrorModel) -> list[Path]:
    name = run.toml.values["error"]
    own = isinstance(name, str) and name not in BUILT_IN
    return [*([run.path.parent / name] if own else []), *model.files]


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
            raise error.within(run.path) from None
    try:
        return set_up(fitted, tables, model)
    except TivaxError as error:
        raise error.within(store) from None


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


def _write_draws(setup: Setup, drawn: Sequence[np.ndarray], folder: Path) -> None:
    """draws.parquet: draw (from 0), year, region, tbi."""
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
            writer = pq.ParquetWriter(folder / "draws.parquet", table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
