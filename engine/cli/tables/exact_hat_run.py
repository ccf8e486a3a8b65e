"""``tivax scenario`` for files of general equilibrium: run and write."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...core import Job, Part, Run, count_text, naming
from ...equilibrium import (
    TOGETHER,
    ChosenTariffs,
    Economy,
    ExactHat,
    chosen_scenario,
    economy_of,
    exact_hat_scenario,
    read_exact_hat,
    solve_published,
    variants_of,
    variants_result,
)
from ...figures.regions import known_regions
from ..bundles import OutputOptions
from ..options import require_store
from ..terminal import Terminal
from ..write import require_place, write_result

# Bytes of the program itself.
_PROGRAM = 0.5 * 2**30
# Of a region in a variant: its changes, and a row of each table for every measure.
_BYTES_A_REGION = 1000


def run_exact_hat(
    path: Path, output: OutputOptions, asked: Sequence[str], terminal: Terminal
) -> None:
    """Solve the variants of a file, those that are left, and write them all.

    The figure and the printed table show the regions ``asked`` for.
    """
    file = read_exact_hat(path)
    with naming(path):
        require_store(file.store)
    inputs = [*file.inputs, *([file.store] if file.store else [])]
    started = Run("scenario", inputs=inputs)
    require_place(output, started)
    economy = economy_of(file)
    only = tuple(known_regions(asked, economy.regions)) if asked else ()

    def write(found: ExactHat | ChosenTariffs) -> None:
        found = replace(found, asked=only)
        write_result(found, started, output, terminal, name=path.stem)

    if file.kind != "exact-hat":
        terminal.announce(_size_text(economy, 1))
        with terminal.progress("tariffs", "players") as progress:
            found = chosen_scenario(file, economy, progress=progress)
        write(found)
    elif file.several:
        variants = variants_of(file, economy)
        batches = variants.batches
        terminal.announce(_size_text(economy, batches.draws))
        part = Part(batches.draws, len(batches.columns), batches.together)
        identity = {"kind": "exact-hat", **variants.record()}
        job = Job(output.out, "scenario", identity, [part], unit="variants")
        with job.resumed(terminal.print, force=output.force):
            with terminal.progress("scenarios", "variants") as progress:
                job.fill(lambda _, start: batches.rows(start), progress)
            rows = np.concatenate([*job.parts[0].windows()])
            write(variants_result(variants, rows))
    else:
        terminal.announce(_size_text(economy, 1))
        with terminal.progress("scenarios", "variants") as progress:
            write(exact_hat_scenario(file, economy, progress=progress))


def run_published(
    name: str, data: Path, draws: int | None, output: OutputOptions, terminal: Terminal
) -> None:
    """Write a published model's tables, from its authors' data."""
    before = Run("scenario", inputs=[data])
    require_place(output, before)
    with terminal.progress("scenario", "equilibria") as progress:
        found = solve_published(name, data, draws=draws, progress=progress)
    started = Run("scenario", inputs=[*found.inputs], started=before.started)
    kind = ["exact-hat", name]
    write_result(found, started, output, terminal, name=name, kind=kind)


def _size_text(economy: Economy, variants: int) -> str:
    """Size of the problem and the memory that it takes, in words."""
    regions, sectors = len(economy.regions), len(economy.sectors)
    # The economy itself, what eight scenarios need at once, and the rows of tables.
    together = min(TOGETHER, variants)
    memory = _PROGRAM + economy.trade.nbytes * (10 + 14 * together)
    memory += variants * regions * _BYTES_A_REGION
    return (
        f"{count_text(regions, 'region')} x {count_text(sectors, 'sector')}, "
        f"{count_text(variants, 'scenario')}; about {memory / 2**30:.1f} GiB of memory"
    )
