"""Figures that other processes draw, which load matplotlib while this one loads JAX."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..core import Aside

# What writes a figure: matplotlib imports each format when it is asked for.
FORMATS = (
    "tivax.engine.reporting.plot_style",
    "matplotlib.backends.backend_svg",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
)


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
