"""Figures as they are written, for processes that need no matplotlib."""

import re
from pathlib import Path
from typing import NamedTuple

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
