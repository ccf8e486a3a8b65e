"""``tivax panel``: build the panel, write it, and print what was lost."""

from json import loads
from pathlib import Path
from typing import Annotated

import typer

from ... import panel as panels
from ...core import DEFAULT_MAX_SIZE, Run, set_max_size, start_jax
from ..bundles import Screen, command
from ..options import Data, Force, MaxSize, PanelStore, require_store

PanelFormat = Annotated[
    str,
    typer.Option(
        "--format",
        help="csv, parquet, dta (Stata), xlsx or feather; by default the ending of "
        "--out, which gets this ending if it has none.",
    ),
]


@command
def panel(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="File to write: NAME.csv, .parquet, .dta, .xlsx or .feather."
        ),
    ],
    screen: Screen,
    store: PanelStore = None,
    format: PanelFormat = "",
    max_size: MaxSize = DEFAULT_MAX_SIZE,
    force: Force = False,
) -> None:
    """Join index, globalisation and controls into a panel, with a codebook.

    Reads data.toml of the folder, or finds the files by their published names.

    Example: tivax panel --data raw --out panel.csv
    """
    set_max_size(max_size)
    out = panels.with_panel_format(out, format)
    start_jax()
    terminal = screen.terminal()
    files = panels.read_data_files(data, store=require_store(store))
    run = Run("panel", inputs=files.inputs(), sources=files.databases())
    panels.require_panel_place(out, run, force=force, folders=files.places())
    made = panels.build_panel(files)
    paths = panels.write_panel(made, out, run, force=force)
    frame = made.frame
    developed = int(frame["developed"].sum())
    terminal.print(
        f"{out}: {len(frame)} rows, {len(made.countries)} countries, "
        f"{frame['year'].min()}-{frame['year'].max()} ({developed} developed + "
        f"{len(frame) - developed} developing), recipe {made.codes}"
    )
    for line in panels.describe_losses(made):
        terminal.print(line)
    if missing := int(frame.isna().sum().sum()):
        terminal.print(f"{missing} missing cells; the codebook says where")
    terminal.print(f"codebook {paths[1]}, manifest {paths[2]}")
    record = loads(paths[2].read_text(encoding="utf-8")) if terminal.json else {}
    terminal.finish(record, f"Open {paths[1]}")
