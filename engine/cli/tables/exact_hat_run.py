"""``tivax scenario`` for files of general equilibrium: run and write."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core import (
    Job,
    Part,
    Run,
    TivaxError,
    count_text,
    memory_text,
    naming,
)
from ...equilibrium import (
    TOGETHER,
    ChosenTariffs,
    Economy,
    ExactHat,
    chosen_scenario,
    draws_of_batches,
    economy_of,
    exact_hat_scenario,
    read_exact_hat,
    variants_of,
    variants_result,
)
from ...errors import DRAWS
from ...tables.shown_regions import known_regions
from ..bundles import ErrorOptions, OutputOptions
from ..draws import filled
from ..options import require_store
from ..terminal import Terminal
from ..write import require_place, write_result

# Bytes of the program itself.
_PROGRAM = 0.5 * 2**30
# Of a region in a variant: its changes, and a row of each table for every measure.
_BYTES_A_REGION = 1000


def run_exact_hat(
    path: Path,
    output: OutputOptions,
    asked: Sequence[str],
    terminal: Terminal,
    drawn: ErrorOptions,
) -> None:
    """Solve the variants of a file, those that are left, and write them all.

    The figure and the printed table show the regions ``asked`` for. Where tables or
    elasticities have errors, they are drawn.
    """
    file = read_exact_hat(path)
    with naming(path):
        require_store(file.store)
    inputs = [*file.inputs, *([file.store] if file.store else [])]
    started = Run("scenario", inputs=[*inputs, *drawn.files], seed=drawn.seed)
    require_place(output, started)
    economy = economy_of(file)
    only = tuple(known_regions(asked, economy.regions)) if asked else ()
    model = drawn.model
    has_errors = model is not None or economy.theta_se is not None
    if drawn.draws is not None and not has_errors:
        raise TivaxError(
            f"--draws {drawn.draws}: nothing has an error: give --error, or standard "
            "errors of elasticities (a column se)"
        )
    given = model, drawn.draws or DRAWS, drawn.seed or 0
    found: ExactHat | ChosenTariffs | None = None
    parts, makers, unit = [], [], "draws"
    identity = {"kind": file.kind, "economy": economy.digest, "deficits": file.deficits}
    variants = variants_of(file, economy) if file.several else None
    terminal.announce(_size_text(economy, variants.batches.draws if variants else 1))
    if variants is not None:
        batches = variants.batches
        parts.append(Part(batches.draws, batches.layout.size, batches.together))
        makers.append(batches.rows)
        drawing = draws_of_batches(batches, *given) if has_errors else None
        identity, unit = {"kind": file.kind, **variants.record()}, "variants"
    else:
        if file.kind == "exact-hat":
            found = exact_hat_scenario(file, economy)
        else:
            with terminal.progress("tariffs", "players") as progress:
                found = chosen_scenario(file, economy, progress=progress)
        drawing = found.drawing(*given) if has_errors else None
    facts: dict[str, Any] = {}
    if drawing is not None:
        parts.append(Part(drawing.draws, drawing.layout.size))
        makers.append(drawing.rows)
        identity |= drawing.record()
        facts = {k: v for k, v in drawing.record().items() if k in ("error", "draws")}
        rates = drawing.scenarios.rates
        choose = (
            ""
            if rates is None
            else (
                f"; in each {count_text(len(rates.owner), 'player')} choose "
                f"{count_text(len(rates.roots), 'rate')}"
            )
        )
        memory = memory_text(drawing.memory)
        terminal.announce(f"{drawing.draws:,} draws{choose}; {memory}")
    job = Job(output.out, "scenario", identity, parts, unit=unit)
    kept = filled(job, makers, output, terminal, "scenarios", unit)
    with kept if parts else nullcontext([]) as rows:
        result = variants_result(variants, rows[0]) if variants else found
        assert result is not None
        if drawing is not None:
            result = replace(result, spread=drawing.spread_of(rows[-1]))
        result = replace(result, asked=only)
        write_result(result, started, output, terminal, **facts)


def _size_text(economy: Economy, variants: int) -> str:
    """Size of the problem and the memory that it takes, in words."""
    regions, sectors = len(economy.regions), len(economy.sectors)
    # The economy itself, what eight scenarios need at once, and the rows of tables.
    together = min(TOGETHER, variants)
    memory = _PROGRAM + economy.trade.nbytes * (10 + 14 * together)
    memory += variants * regions * _BYTES_A_REGION
    return (
        f"{count_text(regions, 'region')} x {count_text(sectors, 'sector')}, "
        f"{count_text(variants, 'scenario')}; {memory_text(memory)}"
    )
