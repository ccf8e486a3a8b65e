"""``tivax scenario`` for files of kind exact-hat: run and write."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...core import (
    Format,
    Job,
    Part,
    Run,
    count_text,
    first_and_named,
    naming,
    output_folder,
    require_result_place,
    write_frame,
)
from ...equilibrium import (
    TOGETHER,
    Economy,
    ExactHatResult,
    economy_of,
    exact_hat_scenario,
    read_exact_hat,
    solve_published,
    variants_of,
    variants_result,
)
from ...figures.regions import known_regions
from ...figures.welfare import welfare_parts, welfare_ranges
from ...reporting import save_figure
from ..options import require_store
from ..terminal import Terminal

# Of the printed table.
_ROWS = 10
# Bytes of the program itself.
_PROGRAM = 0.5 * 2**30
# Of a region in a variant: its changes, and a row of each table for every measure.
_BYTES_A_REGION = 1000


def run_exact_hat(
    path: Path,
    out: Path,
    *,
    regions: Sequence[str] = (),
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write scenario.csv and the tables beside it, a figure and a manifest.

    The figure and the printed table show ``regions``, by default those whose welfare
    changes most and those whose tariffs or trade costs change.
    """
    file = read_exact_hat(path)
    with naming(path):
        require_store(file.store)
    inputs = [*file.inputs, *([file.store] if file.store else [])]
    started = Run("scenario", inputs=inputs)
    require_result_place(out, started, force=force)
    economy = economy_of(file)
    only = known_regions(regions, economy.regions) if regions else None
    write = partial(_write, out, started, figures=figures, format=format, force=force)
    if file.several:
        variants = variants_of(file, economy)
        named = variants.named
        batches = variants.batches
        terminal.announce(_size_text(economy, batches.draws))
        part = Part(batches.draws, len(batches.columns), batches.together)
        identity = {"kind": "exact-hat", **variants.record()}
        job = Job(out, "scenario", identity, [part], unit="variants")
        with job.resumed(terminal.print, force=force):
            with terminal.progress("scenarios", "variants") as progress:
                job.fill(lambda _, start: batches.rows(start), progress)
            rows = np.concatenate([*job.parts[0].windows()])
            result = variants_result(variants, rows)
            record = write(result, only, named)
    else:
        terminal.announce(_size_text(economy, 1))
        with terminal.progress("scenarios", "variants") as progress:
            result = exact_hat_scenario(file, economy, progress=progress)
        changed = np.argwhere(economy.tariff_new != economy.tariff)[:, :2]
        named = tuple(economy.regions[int(k)] for k in np.unique(changed))
        record = write(result, only, named)
    _print_found(terminal, result, only, named)
    terminal.finish(record, f"Open {out / ('welfare.svg' if figures else '')}")


def run_published(
    name: str, data: Path, out: Path, *, format: Format, force: bool, terminal: Terminal
) -> None:
    """Write a published model's tables.csv, what stands beside it and a manifest."""
    before = Run("scenario", inputs=[data])
    require_result_place(out, before, force=force)
    found = solve_published(name, data)
    started = Run("scenario", inputs=[*found.inputs], started=before.started)
    with output_folder(out, started, force=force) as folder:
        for frame, table in found.frames.items():
            write_frame(table, folder, frame, format)
        record = started.write_manifest(
            folder,
            residual_max=found.residual,
            kind=["exact-hat", name],
            published=found.title,
        )
    count = len(found.frames["tables"])
    terminal.print(
        f"{found.title}: {count:,} cells; largest residual {found.residual:.1e}"
    )
    for line in found.lines:
        terminal.print(line)
    terminal.finish(record, f"Open {out / f'tables.{format}'}")


def _write(
    out: Path,
    started: Run,
    result: ExactHatResult,
    only: Sequence[str] | None,
    named: Sequence[str],
    *,
    figures: bool,
    format: Format,
    force: bool,
) -> dict[str, Any]:
    found = result.found
    with output_folder(out, started, force=force) as folder:
        for name, table in result.tables.items():
            write_frame(table, folder, name, format)
        if figures:
            draw = welfare_parts if found.new else welfare_ranges
            save_figure(draw(found.changes, only, named=named), folder, "welfare")
        return started.write_manifest(
            folder,
            residual_max=float(found.clearing.max()),
            kind="exact-hat",
            variants=len(found.clearing),
            deficits=found.deficits,
            zeroed=found.economy.zeroed,
            negative_inputs=found.economy.negative_inputs,
            numeraire="world value added",
            welfare="tot + vot and, where they change, tech (trade costs) and transfer "
            "(deficits); linear around the old equilibrium, d ln z = z'/z - 1",
        )


def _size_text(economy: Economy, variants: int) -> str:
    """How much there is to solve and to hold."""
    regions, sectors = len(economy.regions), len(economy.sectors)
    # The economy itself, what eight scenarios need at once, and the rows of tables.
    together = min(TOGETHER, variants)
    memory = _PROGRAM + economy.trade.nbytes * (10 + 14 * together)
    memory += variants * regions * _BYTES_A_REGION
    return (
        f"{count_text(regions, 'region')} x {count_text(sectors, 'sector')}, "
        f"{count_text(variants, 'scenario')}; about {memory / 2**30:.1f} GiB of memory"
    )


def _print_found(
    terminal: Terminal,
    result: ExactHatResult,
    only: Sequence[str] | None,
    named: Sequence[str],
) -> None:
    found = result.found
    economy, count = found.economy, len(found.clearing)
    terminal.print(
        f"{count_text(len(economy.regions), 'region')} x "
        f"{count_text(len(economy.sectors), 'sector')}, "
        f"{count_text(count, 'scenario')}, deficits {found.deficits}; markets "
        f"clear to {found.clearing.max():.1e} of value added"
    )
    for line in found.lines:
        terminal.print(line)
    labels = ["variant", "region"] if "variant" in result.changes else ["region"]
    columns = [
        k
        for k in (
            "welfare",
            "tot",
            "vot",
            "tech",
            "transfer",
            "realwage",
            "real_income",
        )
        if k in result.changes
    ]
    rows = result.changes
    if only is not None:
        rows = rows[rows["region"].isin(only)]
    size = rows["welfare"].abs()
    rows = rows.loc[size.sort_values(ascending=False, kind="stable").index]
    if only is None or len(rows) > len(only):
        rows = rows.iloc[first_and_named([*rows["region"]], named, _ROWS)]
    terminal.print("The largest changes of welfare, in per cent")
    terminal.table(
        (*labels, *columns),
        [
            (*map(str, names), *(f"{value:+.2f}" for value in values))
            for names, values in zip(
                rows[labels].to_numpy(), rows[columns].to_numpy(float), strict=True
            )
        ],
        words=len(labels),
    )
