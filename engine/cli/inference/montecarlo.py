"""``tivax montecarlo``: draws of tables through the regressions of a run file."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np

from ....kernels.random_draws import GENERATOR
from ...core import (
    Job,
    Part,
    Run,
    TivaxError,
    count_text,
    is_first,
    memory_text,
    naming,
    sha256,
)
from ...errors import BUILT_IN, ErrorModel, bytes_needed, error_of_run
from ...montecarlo import DRAWS, Setup, set_up, summarise_draws
from ...resampling import Bayesian, Pairs, Placebo, RunFile
from ...tables import open_store
from ..bundles import OutputOptions, RunOptions
from ..inputs import fit_models
from ..options import require_store
from ..terminal import Terminal
from ..write import require_place, write_result


def run_montecarlo(
    drawing: RunOptions, output: OutputOptions, terminal: Terminal
) -> None:
    """Draw the tables, estimate, and write what the draws say."""
    run = drawing.models(scheme=Pairs(), draws=DRAWS)
    store, model = _store(run), error_of_run(run.toml)
    inputs = [run.path, *run.panels, store, *_error_files(run, model)]
    started = Run("montecarlo", inputs=inputs, seed=run.seed)
    if is_first():
        require_place(output, started)
    tables, fitted = open_store(store, lazy=True), fit_models(run)
    with naming(store):
        setup = set_up(fitted, tables, model)
    years, columns = len(setup.years), len(setup.tables.regions) + 2
    identity = {
        **run.identity,
        "store": sha256(store) if is_first() else "",
        "error": model.record,
        "error_files": [sha256(k) for k in model.files],
    }
    parts, unit = [Part(run.draws, columns)] * years, "draws of years"
    job = Job(output.out, "montecarlo", identity, parts, unit)
    draw = partial(setup.draw, seed=run.seed, draws=run.draws)
    if not is_first():
        with job.resumed(terminal.print):
            job.fill(draw)
        return
    memory = memory_text(bytes_needed(setup.tables, model))
    terminal.announce(
        f"{count_text(run.draws, 'draw')} of {count_text(years, 'year')}; {memory}"
    )
    with job.resumed(terminal.print, force=output.force):
        with terminal.progress("drawing", unit) as progress:
            job.fill(draw, progress)
        drawn = [  # read when they are used
            np.memmap(part.path, "<f8", "r", shape=(part.rows, part.columns))
            for part in job.parts
        ]
        with terminal.progress("estimating", "draws") as progress:
            found = summarise_draws(
                setup,
                drawn,
                seed=run.seed,
                bayesian=isinstance(run.scheme, Bayesian),
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
    if isinstance(run.scheme, Placebo):
        raise TivaxError(f"{run.path}: kind = 'placebo' is a job of `tivax bootstrap`")
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


def _write_draws(setup: Setup, drawn: Sequence[np.ndarray], folder: Path) -> None:
    """draws.parquet: draw (from 0), year, region, tbi."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    regions = list(setup.tables.regions)
    kinds = {"draw": pa.int64(), "year": pa.int64()}
    kinds |= {"region": pa.string(), "tbi": pa.float64()}
    with pq.ParquetWriter(folder / "draws.parquet", pa.schema(kinds)) as writer:
        for year, values in zip(setup.years, drawn, strict=True):
            D = len(values)
            columns = {
                "draw": np.repeat(np.arange(D), len(regions)),
                "year": np.full(D * len(regions), year),
                "region": pa.array(regions * D),
                "tbi": np.asarray(values[:, : len(regions)]).ravel(),
            }
            writer.write_table(pa.table(columns))
