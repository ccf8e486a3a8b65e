"""Figures as they are written, for processes that need no matplotlib."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..core import Aside, basis, call_named, stage

FULL_WIDTH = 7.0  # inches


class Drawn(NamedTuple):
    """A figure as it is written: what a page shows and ``save`` puts in files.

    ``png`` (200 dpi) and ``pdf`` are None where they were not asked for or no font here
    has all letters; ``size`` is in inches.
    """

    svg: str
    png: bytes | None
    pdf: bytes | None
    size: tuple[float, float]

    def element(self, *, ids: str = "") -> str:
        """The figure as an ``<svg>`` element for the inside of an HTML page.

        ``ids`` is put before every id. Give each figure of a page its own: matplotlib
        numbers from 1 in each, and a clip path found in another figure hides lines.
        """
        svg = self.svg[self.svg.index("<svg") :].rstrip()
        # Inside a page this rule would hold for all; as attributes it is inherited.
        rule = r"\s*<defs>\s*<style.*?</style>\s*</defs>"
        svg = re.sub(rule, "", svg, flags=re.DOTALL)
        joined = '<svg stroke-linejoin="round" stroke-linecap="butt" '
        svg = svg.replace("<svg ", joined, 1)
        reference = re.compile(r'( id="|href="#|url\(#)')
        return re.sub(
            r"<[^>]*>", lambda tag: reference.sub(rf"\g<1>{ids}", tag[0]), svg
        )

    def save(self, folder: Path, name: str) -> list[str]:
        """Write ``name.svg``, ``.png`` and ``.pdf``, if there are; their names."""
        (folder / f"{name}.svg").write_text(self.svg, encoding="utf-8")
        written = [f"{name}.svg"]
        for ending, content in (("png", self.png), ("pdf", self.pdf)):
            if content is not None:
                (folder / f"{name}.{ending}").write_bytes(content)
                written.append(f"{name}.{ending}")
        return written


Drawings = dict[str, Callable[[], Drawn]]
"""Functions by file name, which wait for a figure and return it drawn."""


def begin_drawings(
    plots: Mapping[str, Callable[[], Any]], aside: Aside | None, *, files: bool = True
) -> Drawings:
    """Have the figures drawn aside; without, each is drawn when it is waited for.

    Without ``files`` as SVG alone.
    """
    drawings: Drawings = {}
    for name, plot in plots.items():
        draw = partial(
            call_named,
            "tivax.engine.reporting",
            "draw_plot",
            plot,
            files=files,
            note=basis(),
        )
        drawings[name] = draw if aside is None else aside.call(draw).result
    return drawings


def wait_for(drawings: Drawings, aside: Aside | None) -> dict[str, Drawn]:
    """All figures, drawn; nothing is drawn aside after that."""
    with stage("figures"):
        drawn = {name: drawing() for name, drawing in drawings.items()}
    if aside is not None:
        aside.dismiss()
    return drawn
