"""``tivax panel``: build the panel, write it, and print what was lost."""

from pathlib import Path

from ...core import Run, TivaxError
from ...panel import (
    DataFiles,
    build_panel,
    describe_losses,
    read_data_files,
    require_panel_place,
    write_panel,
)
from ..terminal import Terminal


def choose_files(data: Path, store: Path | None) -> DataFiles:
    """The raw files of a folder; the index from ``store``, if one is given."""
    if store is not None and not store.exists():
        raise TivaxError(f"{store}: no such store; make one by `tivax import`")
    return read_data_files(data, store=store)


def run_panel(
    data: Path, store: Path | None, out: Path, *, force: bool, terminal: Terminal
) -> None:
    """Write the panel with its codebook and manifest."""
    files = choose_files(data, store)
    run = Run("panel", inputs=files.inputs())
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
