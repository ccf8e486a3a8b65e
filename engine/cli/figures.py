"""Figures that other processes draw, which load matplotlib while this one loads JAX."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..core import Aside, basis, call_named, stage

# What writes a figure: matplotlib imports each format when it is asked for.
FORMATS = (
    "tivax.engine.reporting.plot_style",
    "matplotlib.backends.backend_svg",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
)

Drawings = dict[str, Callable[[], Any]]
"""By file name, what waits for a figure and returns it drawn."""


@contextmanager
def drawing_aside(wanted: bool, figures: str) -> Iterator[Aside | None]:
    """Processes that draw, if they are wanted: ``figures`` is the module they load.

    A process that has loaded matplotlib draws by itself.
    """
    if not wanted or "matplotlib.figure" in sys.modules:
        yield None
        return
    modules = [f"tivax.engine.figures.{figures}", *FORMATS]
    with Aside(processes=2, modules=modules) as aside:
        yield aside


def begin_drawings(
    plots: Mapping[str, Callable[[], Any]], aside: Aside | None
) -> Drawings:
    """Have the figures drawn aside; without, each is drawn when it is saved."""
    drawings: Drawings = {}
    for name, plot in plots.items():
        draw = partial(
            call_named, "tivax.engine.reporting", "draw_plot", plot, note=basis()
        )
        drawings[name] = draw if aside is None else aside.call(draw).result
    return drawings


def save_drawings(drawings: Drawings, folder: Path, aside: Aside | None) -> None:
    """Write each figure as SVG, PNG and PDF; nothing is drawn aside after that."""
    for name, drawn in drawings.items():
        with stage("figures"):
            drawn().save(folder, name)
    if aside is not None:
        aside.dismiss()
