"""``tivax scenario`` for files of kind exact-hat: run and write."""

from pathlib import Path

from ...core import Format, Run, output_folder, require_result_place, write_frame
from ...equilibrium import (
    Economy,
    ExactHatResult,
    economy_of,
    exact_hat_scenario,
    read_exact_hat,
)
from ...figures.welfare import welfare_parts, welfare_ranges
from ...reporting import save_figure
from ..options import require_store
from ..terminal import Terminal

# Of the printed table.
_ROWS = 10
# Bytes of the program itself.
_PROGRAM = 0.5 * 2**30


def run_exact_hat(
    path: Path,
    out: Path,
    *,
    figures: bool = True,
    format: Format = "csv",
    force: bool,
    terminal: Terminal,
) -> None:
    """Write scenario.csv and the tables beside it, a figure and a manifest."""
    file = read_exact_hat(path)
    require_store(file.store)
    inputs = [*file.inputs, *([file.store] if file.store else [])]
    started = Run("scenario", inputs=inputs)
    require_result_place(out, started, force=force)
    economy = economy_of(file)
    terminal.announce(_size_text(economy, file.count(economy)))
    with terminal.progress("scenarios", "variants") as progress:
        result = exact_hat_scenario(file, economy, progress=progress)
    found = result.found
    with output_folder(out, started, force=force) as folder:
        for name, table in result.tables.items():
            write_frame(table, folder, name, format)
        if figures:
            draw = welfare_parts if found.new else welfare_ranges
            save_figure(draw(found.changes), folder, "welfare")
        record = started.write_manifest(
            folder,
            residual_max=float(found.clearing.max()),
            kind="exact-hat",
            variants=len(found.clearing),
            deficits=found.deficits,
            zeroed=found.economy.zeroed,
            numeraire="world value added",
            welfare="tot + vot and, where they change, tech (trade costs) and transfer "
            "(deficits); linear around the old equilibrium, d ln z = z'/z - 1",
        )
    _print_found(terminal, result)
    terminal.finish(record, f"Open {out / ('welfare.svg' if figures else '')}")


def _size_text(economy: Economy, variants: int) -> str:
    """How much there is to solve and to hold."""
    flows = economy.trade.nbytes
    # New tariffs and trade costs of all, and what eight at once need.
    memory = _PROGRAM + flows * (2 * variants + 12 * min(8, variants))
    return (
        f"{len(economy.regions)} regions x {len(economy.sectors)} sectors, "
        f"{variants:,} scenario{'s' * (variants > 1)}; about {memory / 2**30:.1f} GiB "
        "of memory"
    )


def _print_found(terminal: Terminal, result: ExactHatResult) -> None:
    found = result.found
    economy, count = found.economy, len(found.clearing)
    terminal.print(
        f"{len(economy.regions)} regions x {len(economy.sectors)} sectors, "
        f"{count:,} scenario{'s' * (count > 1)}, deficits {found.deficits}; markets "
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
    order = result.changes["welfare"].abs().nlargest(_ROWS).index
    rows = result.changes.loc[order]
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
