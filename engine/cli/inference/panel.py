"""``tivax panel``: build the panel, write it, and print what was lost."""

from json import loads
from pathlib import Path

from ...core import DEFAULT_MAX_SIZE, Run, set_max_size, start_jax
from ..bundles import Screen, command
from ..options import require_store


@command
def panel(
    data: Path,
    out: Path,
    screen: Screen,
    store: Path | None = None,
    format: str = "",
    max_size: float = DEFAULT_MAX_SIZE,
    force: bool = False,
) -> None:
    """Join index, globalisation and controls into a panel, with a codebook.

    Reads data.toml of the folder, or finds the files by their published names.

    Example: tivax panel --data raw --out panel.csv
    """
    from ...panel import (  # loads pandas
        build_panel,
        describe_losses,
        read_data_files,
        require_panel_place,
        with_panel_format,
        write_panel,
    )

    set_max_size(max_size)
    out = with_panel_format(out, format)
    start_jax()
    terminal = screen.terminal()
    files = read_data_files(data, store=require_store(store))
    run = Run("panel", inputs=files.inputs(), sources=files.databases())
    require_panel_place(out, run, force=force, folders=files.places())
    made = build_panel(files)
    paths = write_panel(made, out, run, force=force)
    frame = made.frame
    developed = int(frame["developed"].sum())
    terminal.print(
        f"{out}: {len(frame)} rows, {len(made.countries)} countries, "
        f"{frame['year'].min()}-{frame['year'].max()} ({developed} developed + "
        f"{len(frame) - developed} developing), recipe {made.codes}"
    )
    for line in describe_losses(made):
        terminal.print(line)
    if missing := int(frame.isna().sum().sum()):
        terminal.print(f"{missing} missing cells; the codebook says where")
    terminal.print(f"codebook {paths[1]}, manifest {paths[2]}")
    record = loads(paths[2].read_text(encoding="utf-8")) if terminal.json else {}
    terminal.finish(record, f"Open {paths[1]}")
